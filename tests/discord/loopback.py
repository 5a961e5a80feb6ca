"""As much of Discord's REST API as reading takes, and a CDN, on loopback; it keeps requests."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.discord.calls import Calls
from adapters.discord.preflight import find
from tests.discord import objects as o

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.discord.objects import Client, Json

    Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Discord:
    """messages: by channel, of which GET tells. refuse: an error code by channel.

    held: what an answer about a channel waits for. pages: what the CDN says, by path.
    """

    def __init__(self) -> None:
        self.messages: dict[str, list[Json]] = {}
        self.members: dict[str, Json] = {}
        self.refuse: dict[str, int] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.waiting = asyncio.Event()
        self.pages: dict[str, Page] = {}
        self.requests: list[web.Request] = []
        app = web.Application()
        app.router.add_get("/api/users/@me", self._me)
        app.router.add_get("/api/oauth2/applications/@me", self._application)
        app.router.add_get("/api/channels/{channel}/messages", self._history)
        app.router.add_get("/api/channels/{channel}/messages/{id}", self._message)
        app.router.add_get("/api/guilds/{guild}/members/{user}", self._member)
        app.router.add_route("*", "/{rest:.*}", self._page)
        self.server = TestServer(app)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.port}{path}"

    def asked(self, start: str = "/api/channels/") -> list[str]:
        """List the paths that were asked for, without their start."""
        paths = [request.path for request in self.requests]
        return [path.removeprefix(start) for path in paths if path.startswith(start)]

    def say(self, channel: str, text: str, **more: Any) -> Json:  # noqa: ANN401
        """Keep a message in a channel."""
        made = o.fetched(channel, text, **more)
        self.messages.setdefault(channel, []).append(made)
        return made

    async def _me(self, request: web.Request) -> web.Response:
        return _json(o.user(o.BOT))

    async def _application(self, request: web.Request) -> web.Response:
        more = {"icon": None, "description": "", "bot_public": True, "flags": 0}
        owner = {"bot_require_code_grant": False, "verify_key": "0", "owner": o.user(o.BOB)}
        return _json({"id": o.BOT, "name": "Painter", **more, **owner})

    async def _refused(self, request: web.Request) -> web.Response | None:
        self.requests.append(request)
        channel = request.match_info["channel"]
        if channel in self.held:
            self.waiting.set()
            await self.held[channel].wait()
        code = self.refuse.get(channel)
        if code is None:
            return None
        status = code if code < 1000 else 404 if code < 20000 else 403
        return _json({"message": "no", "code": 0 if code < 1000 else code}, status)

    async def _history(self, request: web.Request) -> web.Response:
        if refused := await self._refused(request):
            return refused
        assert not set(request.query) - {"limit", "before"}
        before = int(request.query.get("before", 1 << 63))
        said = self.messages.get(request.match_info["channel"], [])
        newest = sorted(said, key=lambda message: -int(message["id"]))
        shown = [message for message in newest if int(message["id"]) < before]
        return _json(shown[: int(request.query["limit"])])

    async def _message(self, request: web.Request) -> web.Response:
        if refused := await self._refused(request):
            return refused
        for message in self.messages.get(request.match_info["channel"], []):
            if message["id"] == request.match_info["id"]:
                return _json(message)
        return _json({"message": "Unknown Message", "code": 10008}, 404)

    async def _member(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        user = request.match_info["user"]
        if user not in self.members:
            return _json({"message": "Unknown Member", "code": 10007}, 404)
        return _json({"user": o.user(user), **self.members[user]})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.pages[request.path](request)


def _json(value: object, status: int = 200) -> web.Response:
    body = json.dumps(value).encode()
    return web.Response(body=body, status=status, content_type="application/json")


@asynccontextmanager
async def logged_in(discord: Discord, client: Client) -> AsyncIterator[Calls]:
    """Log a client in and give the way to its calls, with no pauses."""

    async def at_once(_: float) -> None:
        pass

    find(discord.url("/api"))
    async with client:
        await client.login("secret-token")
        yield Calls(client, sleep=at_once)
