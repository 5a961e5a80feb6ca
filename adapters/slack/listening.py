"""Listening: payloads come in by Socket Mode or by signed HTTP, through slack-bolt.

One global middleware is the front door. It stands before Bolt's own authorization, which would ask
Slack who we are, and returns the response itself: so nothing is acknowledged before it is durable,
and nothing is left without an acknowledgement (facts/slack.md 9).
"""

from __future__ import annotations

import json
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from slack_bolt import BoltResponse
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from bot.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    Take = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]

PATH = "/slack/events"
"""Where events, commands and clicks all arrive in HTTP mode."""

_MOST_BYTES = 1 << 20  # of one payload
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How payloads come in: Socket Mode when there is an app token, else HTTP."""

    app_token: str | None = None
    signing_secret: str = ""
    host: str = "127.0.0.1"
    port: int = 8080

    @property
    def name(self) -> str:
        """Name it for the log."""
        return "socket mode" if self.app_token else "http"


@asynccontextmanager
async def listen(
    way: Way, client: AsyncWebClient, take: Take
) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Listen meanwhile; yields what tells whether Slack can reach us now, as far as we know.

    take: makes a payload durable and gives the acknowledgement's body.
    """
    app = _app(way, client, take)
    if way.app_token:
        handler = AsyncSocketModeHandler(app, way.app_token, ping_interval=10)
        try:
            await handler.connect_async()  # type: ignore[no-untyped-call]
            yield handler.client.is_connected
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]
    else:
        runner = web.AppRunner(_http(app), access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, way.host, way.port)
            try:
                await site.start()
            except OSError as error:
                message = (
                    f"Threadpaint cannot listen on {way.host}:{way.port} ({error.strerror})."
                    " Change HTTP_HOST or HTTP_PORT, or stop the other program."
                )
                raise SettingsError(message) from error
            _log.info("slack's requests are taken here", address=_address(runner), path=PATH)
            yield _always
        finally:
            await runner.cleanup()


def _app(way: Way, client: AsyncWebClient, take: Take) -> AsyncApp:
    async def front(
        body: dict[str, Any],
        next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt names it
    ) -> BoltResponse | None:
        if body.get("type") == "url_verification":
            await next()
            return None
        answer = await take(body)
        return BoltResponse(status=200, body=json.dumps(answer) if answer else "", headers=_JSON)

    return AsyncApp(
        name="threadpaint",
        logger=logging.getLogger("slack_bolt"),
        client=client,
        signing_secret=way.signing_secret,
        before_authorize=front,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
    )


async def _always() -> bool:
    return True


_JSON: dict[str, str | Sequence[str]] = {"content-type": "application/json"}


def _http(app: AsyncApp) -> web.Application:
    """Serve Bolt's app alone, without the installation pages that its own server may add."""

    async def handle(request: web.Request) -> web.Response:
        try:
            bolt_request = await to_bolt_request(request)
        except (ValueError, AttributeError, RecursionError):  # read before it is verified
            return web.Response(status=400)
        return await to_aiohttp_response(await app.async_dispatch(bolt_request))

    server = web.Application(client_max_size=_MOST_BYTES)
    server.add_routes([web.post(PATH, handle)])
    return server


def _address(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"
