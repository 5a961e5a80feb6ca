"""The stand-in itself: HTTP in front of the world, faults, limits, start and stop."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web

from tests.standins.discord import (
    rest_commands,
    rest_interactions,
    rest_messages,
    rest_places,
    rest_threads,
)
from tests.standins.discord.control import serve_control
from tests.standins.discord.faults import cloudflare, faulty, limited, reply, truncated
from tests.standins.discord.gateway import CONTENT, MEMBERS, PRESENCES, Gateway
from tests.standins.discord.gestures import Gestures
from tests.standins.discord.limits import Limits
from tests.standins.discord.reading import read_body
from tests.standins.discord.routes import NO_TOKEN, Asked, Table
from tests.standins.discord.values import Call, Fault, Knobs, Refused
from tests.standins.discord.world import APP, BOT_USER, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

_TABLE = Table(
    rest_messages.ROUTES,
    rest_threads.ROUTES,
    rest_places.ROUTES,
    rest_commands.ROUTES,
    rest_interactions.ROUTES,
)
_MOST = 300 * 1024 * 1024
_GONE = "This content is no longer available."
_MAJOR = ("channels/", "guilds/", "webhooks/")


class DiscordStandin(Gestures):
    """One Discord with one app, on 127.0.0.1. See the package's docstring."""

    app_id, bot_user = APP, BOT_USER

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = "MTAw.painter.token",
        message_content: bool = True,
        members: bool = False,
        presences: bool = False,
    ) -> None:
        portal = CONTENT * message_content | MEMBERS * members | PRESENCES * presences
        world = World()
        world.portal_content = message_content
        super().__init__(world, Gateway(world, token, portal))
        self.token = token
        self.limits = Limits(world.knobs)
        self.all_calls: list[Call] = []
        self.url = ""
        self._port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_MOST)
        app.router.add_get("/gateway/", self._gateway)
        app.router.add_get("/gateway", self._gateway)
        app.router.add_route("*", "/api/v10/{tail:.*}", self._api)
        app.router.add_get("/cdn/attachments/{channel}/{file}/{name}", self._cdn)
        app.router.add_get("/ephemeral-attachments/{app}/{file}/{name}", self._cdn)
        app.router.add_route("*", "/_control/{verb}", self._control)
        logger = logging.Logger("discord-standin")  # noqa: LOG001  # its own, of no other's business
        logger.addHandler(_ToComplaints(self.world))
        self._runner = web.AppRunner(app, access_log=None, logger=logger, shutdown_timeout=1)
        await self._runner.setup()
        for port in (self._port, 0):
            await web.TCPSite(self._runner, "127.0.0.1", port, backlog=1024).start()
        main, cdn = self._runner.addresses
        self.url = f"http://127.0.0.1:{main[1]}"
        self.world.links.url = f"http://127.0.0.1:{cdn[1]}"
        self.gateway.url = self.gateway_url
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.gateway.close()
        if self._runner:
            await self._runner.cleanup()

    # --- what a test turns and reads -------------------------------------------------------------

    @property
    def api_url(self) -> str:
        """What DISCORD_API_URL must be."""
        return f"{self.url}/api/v10"

    @property
    def gateway_url(self) -> str:
        """What DISCORD_GATEWAY_URL must be."""
        return f"{self.url.replace('http', 'ws', 1)}/gateway/"

    @property
    def knobs(self) -> Knobs:
        """How this Discord behaves."""
        return self.world.knobs

    @property
    def complaints(self) -> list[str]:
        """What Discord may let pass, but a careful app would not do; a test ends with none."""
        return self.world.complaints

    @property
    def leaks(self) -> list[str]:
        """Requests to the CDN that carried an Authorization header."""
        return self.world.leaks

    @property
    def pings(self) -> list[str]:
        """The mentions by which the bot really pinged somebody; a test asserts none."""
        return self.world.pings

    @property
    def invalid_requests(self) -> int:
        """How many answers were 401, 403 or 429: 10,000 in 10 minutes are a ban."""
        return len(self.limits.invalid)

    @property
    def connections(self) -> int:
        """How many gateway connections have a session."""
        return len(self.gateway.connected)

    @property
    def identifies(self) -> int:
        """How many IDENTIFYs there were."""
        return len(self.gateway.identifies)

    @property
    def resumes(self) -> int:
        """How many RESUMEs there were."""
        return len(self.gateway.resumes)

    def environment(self) -> dict[str, str]:
        """Return the variables of a bot that talks to this Discord."""
        return {
            "DISCORD_TOKEN": self.token,
            "DISCORD_API_URL": self.api_url,
            "DISCORD_GATEWAY_URL": self.gateway_url,
            "ATTACHMENT_HOSTS": "127.0.0.1",
        }

    def plan(self, *faults: Fault) -> None:
        """Let something go wrong."""
        self.world.faults.waiting.extend(faults)

    def calls(self, route: str = "", method: str = "") -> list[Call]:
        """List the calls of one route (or all), in the order of their arrival."""
        fitting = [call for call in self.all_calls if route in {"", call.route}]
        return [call for call in fitting if method in {"", call.method}]

    def disconnect(self, kind: str | int = "cut") -> None:
        """End all connections: "cut", "reconnect" (op 7), or a close code such as 4009."""
        self.gateway.disconnect(kind)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Send op 9 to all connections; unless resumable their sessions are over."""
        self.gateway.invalidate(resumable=resumable)

    def expire_links(self) -> None:
        """Let every link of the CDN made so far be too old."""
        self.world.links.expire()

    # --- the API ---------------------------------------------------------------------------------

    async def _api(self, request: web.Request) -> web.StreamResponse:
        raw = request.raw_path.partition("?")[0].removeprefix("/api/v10/")
        route, ids = _TABLE.route(raw, request.method)
        call = Call(method=request.method, route=route or raw, path=raw)
        call.authorization = request.headers.get("Authorization", "")
        call.query = dict(request.query)
        self.all_calls.append(call)
        asked = Asked(world=self.world, gateway=self.gateway, ids=tuple(map(unquote, ids)))
        asked.query = call.query
        early: Refused | None = None
        try:
            asked.body, asked.uploads, size = await read_body(request, self.world.complain)
            call.arguments = asked.body if isinstance(asked.body, dict) else {"items": asked.body}
            call.files = [(upload.filename, len(upload.data)) for upload in asked.uploads]
            if size > self.knobs.request_bytes:
                early = Refused(40005)
        except Refused as refused:
            early = refused
        return await self._answer(request, call, lambda: self._perform(call, asked, early))

    def _perform(self, call: Call, asked: Asked, early: Refused | None) -> web.Response:
        if self.limits.banned():
            return cloudflare()
        wait, headers = self.limits.take(call, _major(call.path))
        if wait:
            return self._noted(call, limited(wait))
        if not call.route.startswith("interactions/") and (slow := self.limits.globally()):
            return self._noted(call, limited(slow, everywhere=True, scope="global"))
        try:
            self._authorise(call)
            if early:
                raise early
            handler = _TABLE.handlers.get(f"{call.method} {call.route}")
            if handler is None:
                self.world.complain(f"there is no {call.method} {call.path}")
                return reply({"message": "404: Not Found", "code": 0}, 404, headers)
            result: Any = handler(asked)
        except Refused as refused:
            call.code = refused.code
            return self._noted(call, reply(refused.answer, refused.status, headers))
        call.answer = result
        return reply(result, 204 if result is None else asked.status, headers)

    def _noted(self, call: Call, response: web.Response) -> web.Response:
        self.limits.note(response.status, response.headers.get("X-RateLimit-Scope", ""))
        return response

    def _authorise(self, call: Call) -> None:
        if call.route.startswith(NO_TOKEN):
            return
        if call.authorization != f"Bot {self.token}" or self.gateway.token_reset:
            raise Refused(0)

    # --- the CDN and the gateway -----------------------------------------------------------------

    async def _cdn(self, request: web.Request) -> web.StreamResponse:
        call = Call(method="GET", route="cdn", path=request.path, query=dict(request.query))
        call.authorization = request.headers.get("Authorization", "")
        self.all_calls.append(call)
        if call.authorization:
            self.world.leaks.append(request.path)

        def work() -> web.Response:
            file = self.world.files.get(request.match_info["file"])
            path = request.raw_path.partition("?")[0]
            if file is None or file.gone or not self.world.links.valid(path, request.query):
                return web.Response(status=404, text=_GONE)
            kind = file.content_type or "application/octet-stream"
            return web.Response(body=file.data, headers={"Content-Type": kind})

        return await self._answer(request, call, work)

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        call = Call(method="GET", route="gateway", path=request.path)
        fault = self.world.faults.strike(call)
        if fault is None:
            return await self.gateway.serve(request)
        if fault.kind.startswith("drop") and request.transport:
            request.transport.abort()
            return web.Response()
        return faulty(fault)

    # --- faults ----------------------------------------------------------------------------------

    async def _answer(
        self, request: web.Request, call: Call, work: Callable[[], web.Response]
    ) -> web.StreamResponse:
        fault = self.world.faults.strike(call)
        try:
            if fault is None:
                response = work()
                call.status = response.status
                return response
            return await self._misbehave(request, call, work, fault)
        finally:
            call.seconds = time.time() - call.at

    async def _misbehave(
        self, request: web.Request, call: Call, work: Callable[[], web.Response], fault: Fault
    ) -> web.StreamResponse:
        call.fault = fault.kind
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        done = work() if fault.works else None
        if fault.kind == "slow" and done:
            call.status = done.status
            return done
        if fault.kind == "truncated" and done:
            return await truncated(request, done)
        if fault.kind.startswith("drop") and request.transport:
            request.transport.abort()
            return web.Response()
        response = faulty(fault)
        call.status, call.code = response.status, fault.code
        return self._noted(call, response)

    async def _control(self, request: web.Request) -> web.Response:
        return await serve_control(self, request)


class _ToComplaints(logging.Handler):
    """Turns what goes wrong inside the stand-in into complaints."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno >= logging.ERROR and not isinstance(error, ConnectionError):
            self._world.complain(f"defect of the stand-in: {record.getMessage()}: {error!r}")


def _major(path: str) -> str:
    steps = path.split("/")
    if path.startswith("webhooks/"):
        return "/".join(steps[1:3])
    return steps[1] if path.startswith(_MAJOR) else ""
