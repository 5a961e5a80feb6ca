"""The stand-in itself: HTTP in front of the world, faults, pacing, start and stop."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

from tests.standins.slack import lookups, surfaces, talk, uploads
from tests.standins.slack.control import serve_control
from tests.standins.slack.delivery import Deliveries
from tests.standins.slack.faults import LOGIN_PAGE, faulty, limited, truncated
from tests.standins.slack.people import People
from tests.standins.slack.response_urls import respond
from tests.standins.slack.rules import (
    RULES,
    SCOPES,
    SUBSCRIPTIONS,
    checked,
    needed_scope,
    read_arguments,
)
from tests.standins.slack.values import Call, Fault, Json, Knobs, Refused
from tests.standins.slack.world import APP, BOT, BOT_USER, DOMAIN, TEAM, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

Work: TypeAlias = "Callable[[], web.Response]"

METHODS = {**talk.METHODS, **lookups.METHODS, **uploads.METHODS, **surfaces.METHODS}
_MINUTE = 60
_A_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}
"""Calls a minute by tier."""
_UPLOAD_BYTES = 200 * 1024 * 1024


class SlackStandin(People):
    """One workspace with one app installed, on 127.0.0.1. See the package's docstring."""

    team, app_id, bot_user, bot_id = TEAM, APP, BOT_USER, BOT

    def __init__(
        self,
        *,
        port: int = 0,
        scopes: Iterable[str] = SCOPES,
        subscriptions: Iterable[str] = SUBSCRIPTIONS,
        bot_token: str = "xoxb-1-painter-token",
        app_token: str = "xapp-1-painter-token",
        signing_secret: str = "painter-signing-secret",
    ) -> None:
        super().__init__(World(scopes, subscriptions))
        self.bot_token, self.app_token = bot_token, app_token
        self.signing_secret = signing_secret
        self.token_error = ""
        """Slack's word for every bot call from now on: token_revoked, account_inactive, ..."""
        self.all_calls: list[Call] = []
        self.url = ""
        self._port = port
        self._paces: dict[str, float] = {}
        self._recent: dict[str, list[float]] = {}
        self._cdn: dict[str, tuple[bytes, str]] = {}
        self._tasks: set[asyncio.TimerHandle] = set()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_UPLOAD_BYTES)
        app.router.add_get("/link/", self._link)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/upload/v1/{secret}", self._upload)
        app.router.add_post("/response/{secret}", self._response)
        app.router.add_get("/files-pri/{file}/{tail:.*}", self._download)
        app.router.add_get("/files-tmb/{file}/{tail:.*}", self._download)
        app.router.add_get("/cdn/{secret}/{name}", self._serve_cdn)
        app.router.add_route("*", "/_control/{verb}", self._control)
        logger = logging.Logger("slack-standin")  # noqa: LOG001  # its own, of no other's business
        logger.addHandler(_ToComplaints(self.world))
        self._runner = web.AppRunner(app, access_log=None, logger=logger, shutdown_timeout=1)
        await self._runner.setup()
        for port in (self._port, 0):
            await web.TCPSite(self._runner, "127.0.0.1", port, backlog=1024).start()
        main, cdn = self._runner.addresses
        self.url = self.world.url = f"http://127.0.0.1:{main[1]}"
        self.world.cdn_url = f"http://127.0.0.1:{cdn[1]}"
        self.deliveries = Deliveries(self.world, self.signing_secret)
        self.world.announce = self.announce
        self.world.later = self._later
        return self

    async def __aexit__(self, *_: object) -> None:
        for timer in self._tasks:
            timer.cancel()
        await self.deliveries.close()
        if self._runner:
            await self._runner.cleanup()

    # --- what a test turns and reads -------------------------------------------------------------

    @property
    def api_url(self) -> str:
        """What SLACK_API_URL must be."""
        return f"{self.url}/api/"

    @property
    def knobs(self) -> Knobs:
        """How this Slack behaves."""
        return self.world.knobs

    @property
    def complaints(self) -> list[str]:
        """What Slack may let pass, but a careful app would not do; a test ends with none."""
        return self.world.complaints

    @property
    def leaks(self) -> list[str]:
        """Requests to the CDN that carried the token."""
        return self.world.leaks

    @property
    def http_url(self) -> str:
        """Where the bot takes HTTP deliveries; "" for Socket Mode."""
        return self.deliveries.http_url

    @http_url.setter
    def http_url(self, url: str) -> None:
        self.deliveries.http_url = url

    @property
    def connections(self) -> int:
        """How many Socket Mode connections are open."""
        return len(self.deliveries.sockets)

    def environment(self) -> dict[str, str]:
        """Return the variables of a bot that talks to this Slack by Socket Mode."""
        return {
            "SLACK_API_URL": self.api_url,
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_APP_TOKEN": self.app_token,
        }

    def plan(self, *faults: Fault) -> None:
        """Let something go wrong."""
        self.world.faults.waiting.extend(faults)

    def calls(self, method: str = "") -> list[Call]:
        """List the calls of one method (or all), in the order of their arrival."""
        return [call for call in self.all_calls if method in {"", call.method}]

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Tell the bot to connect anew: refresh_requested, warning, link_disabled."""
        await self.deliveries.disconnect(reason)

    def abort_sockets(self) -> None:
        """Cut all Socket Mode connections without a word."""
        self.deliveries.abort()

    # --- the Web API -----------------------------------------------------------------------------

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        call = Call(method=method, arguments={}, token=_bearer(request))
        self.all_calls.append(call)
        headers: dict[str, str] = {}
        early: Refused | None = None
        try:
            arguments, call.source = await read_arguments(request)
            call.token = call.token or str(arguments.pop("token", ""))
            call.arguments = {k: v for k, v in arguments.items() if k != "token"}
        except Refused as refused:
            early = refused

        def work() -> web.Response:
            try:
                if early:
                    raise early
                call.answer = {"ok": True, **self._perform(call, headers)}
            except Refused as refused:
                call.answer, call.error = refused.answer, refused.error
            except _TooFast as fast:
                call.error = "ratelimited"
                return limited(fast.wait)
            return web.json_response(call.answer, headers=headers)

        return await self._answer(request, call, work)

    def _perform(self, call: Call, headers: dict[str, str]) -> Json:
        if call.method not in RULES:
            raise Refused("unknown_method", req_method=call.method)
        self._authorise(call)
        if call.method == "apps.connections.open":
            return self.deliveries.new_socket_url()
        if call.method == "auth.test" and call.token == self.app_token:
            return {"app_name": DOMAIN, "app_id": APP}
        provided = ",".join(sorted(self.world.scopes))
        headers |= {"x-oauth-scopes": provided}
        kind = "channel"
        if "*" in RULES[call.method].scope:
            found = self.world.channels.get(str(call.arguments.get("channel")))
            kind = found.kind if found else kind
        scope = needed_scope(call.method, kind)
        if scope:
            headers |= {"x-accepted-oauth-scopes": scope}
        if scope and scope not in self.world.scopes:
            raise Refused("missing_scope", needed=scope, provided=provided)
        arguments = checked(call.method, call.arguments, call.source, self.world.complain)
        if self.world.knobs.pace:
            self._pace(call.method, arguments)
        return METHODS[call.method](self.world, arguments)

    def _authorise(self, call: Call) -> None:
        if not call.token:
            raise Refused("not_authed")
        wanted = RULES[call.method].token
        if call.token == self.app_token:
            if wanted == "bot":
                raise Refused("not_allowed_token_type")
        elif call.token != self.bot_token:
            raise Refused("invalid_auth")
        elif wanted == "app":
            raise Refused("not_allowed_token_type")
        elif self.token_error:
            raise Refused(self.token_error)

    def _pace(self, method: str, arguments: Json) -> None:
        now, burst = time.monotonic(), self.world.knobs.burst
        recent = [at for at in self._recent.get(method, []) if at > now - _MINUTE]
        most = _A_MINUTE.get(RULES[method].tier, len(recent) + 1)
        if len(recent) >= most:
            raise _TooFast(math.ceil(recent[-most] + _MINUTE - now))
        if method == "chat.postMessage":
            free_at = max(self._paces.get(arguments["channel"], 0), now - burst)
            if free_at > now - 1:
                raise _TooFast(math.ceil(free_at - now + 1))
            self._paces[arguments["channel"]] = free_at + 1
        self._recent[method] = [*recent, now]

    # --- bytes, response_url ---------------------------------------------------------------------

    async def _upload(self, request: web.Request) -> web.Response:
        secret = request.match_info["secret"]
        data = await _body(request)
        call = Call(method="upload", arguments={"bytes": len(data)}, token=_bearer(request))
        self.all_calls.append(call)

        def work() -> web.Response:
            status, text = uploads.receive(self.world, secret, data)
            call.error = "" if status == 200 else text
            return web.Response(status=status, text=text)

        return await self._answer(request, call, work)

    async def _response(self, request: web.Request) -> web.Response:
        body = await request.read()
        arguments = {"body": body.decode(errors="replace")}
        call = Call(method="response_url", arguments=arguments, token=_bearer(request))
        self.all_calls.append(call)

        def work() -> web.Response:
            status, call.answer = respond(self.world, request.match_info["secret"], body)
            call.error = call.answer.get("error", "")
            return web.json_response(call.answer, status=status)

        return await self._answer(request, call, work)

    async def _download(self, request: web.Request) -> web.Response:
        file_id = request.match_info["file"].partition("-")[2]
        call = Call(method="download", arguments={"path": request.path}, token=_bearer(request))
        self.all_calls.append(call)

        def work() -> web.Response:
            trusted = call.token == self.bot_token and not self.token_error
            name = request.path.rpartition("/")[2]
            found = uploads.bytes_for(self.world, file_id, name, trusted=trusted)
            if found is None:
                call.error = "login"
                return web.Response(text=LOGIN_PAGE, content_type="text/html")
            if self.world.knobs.redirect_downloads:
                self._cdn[file_id] = found
                place = f"{self.world.cdn_url}/cdn/{file_id}/{name}?sig=presigned"
                return web.Response(status=302, headers={"Location": place})
            return web.Response(body=found[0], content_type=found[1])

        return await self._answer(request, call, work)

    async def _serve_cdn(self, request: web.Request) -> web.Response:
        if "Authorization" in request.headers:
            self.world.leaks.append(request.path)
            return web.Response(status=400, text="InvalidArgument: only one auth mechanism")
        data, mimetype = self._cdn[request.match_info["secret"]]
        return web.Response(body=data, content_type=mimetype)

    # --- faults ----------------------------------------------------------------------------------

    async def _answer(self, request: web.Request, call: Call, work: Work) -> web.Response:
        fault = self.world.faults.strike(call.method, call.arguments)
        if fault is None:
            response = work()
            call.status = response.status
            return response
        call.fault = fault.kind
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        done = work() if fault.works else None
        if fault.kind == "slow" and done:
            call.status = done.status
            return done
        call.error = call.error or fault.error or fault.kind
        if fault.kind == "truncated" and done:
            return await truncated(request, done)
        if fault.kind.startswith("drop") and request.transport:
            request.transport.abort()
            return web.Response()
        response = faulty(fault)
        call.status = response.status
        return response

    def _later(self, seconds: float, work: Callable[[], object]) -> None:
        self._tasks.add(asyncio.get_running_loop().call_later(seconds, work))

    async def _link(self, request: web.Request) -> web.StreamResponse:
        return await self.deliveries.serve_socket(request)

    async def _control(self, request: web.Request) -> web.Response:
        return await serve_control(self, request)


class _TooFast(Exception):
    """Too many messages a second; wait says how many seconds to wait."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class _ToComplaints(logging.Handler):
    """Turns what goes wrong inside the stand-in into complaints."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno >= logging.ERROR and not isinstance(error, ConnectionError):
            self._world.complain(f"defect of the stand-in: {record.getMessage()}: {error!r}")


def _bearer(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else ""


async def _body(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for part in (await request.post()).values():
        if isinstance(part, web.FileField):
            return part.file.read()
    return b""
