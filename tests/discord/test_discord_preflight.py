"""The check before anything listens, against the stand-in; odd answers against a bare server."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from aiohttp import web
from discord.gateway import DiscordWebSocket
from yarl import URL

from adapters.discord.preflight import (
    CONTENT_INTENT,
    NEEDED_PERMISSIONS,
    Known,
    invite_url,
    permissions,
    preflight,
)
from adapters.discord.values import Identity
from bot.errors import DependencyDown, SettingsError, ThreadpaintError
from tests.discord.ears import addresses
from tests.standins.discord import DiscordStandin, Fault
from tests.standins.discord.permissions import BITS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

DOCS = Path(__file__).parents[2] / "docs" / "discord.md"
TOKEN = "MTAw.painter.token"


@pytest.fixture(autouse=True)
def _addresses() -> Iterator[None]:
    yield from addresses()


@pytest.fixture
async def standin() -> AsyncIterator[DiscordStandin]:
    async with DiscordStandin(token=TOKEN) as standin:
        yield standin


async def refusal(api_url: str, token: str = TOKEN) -> ThreadpaintError:
    with pytest.raises(ThreadpaintError) as told:
        await preflight(token, api_url)
    assert "\n" not in str(told.value)
    assert token not in str(told.value)
    return told.value


async def test_a_good_token_tells_who_the_bot_is(standin: DiscordStandin) -> None:
    with structlog.testing.capture_logs() as logs:
        found = await preflight(TOKEN, standin.api_url)
    own = Identity(user=standin.bot_user, application=standin.app_id)
    assert found == Known(own=own, content=True)
    assert [call.path for call in standin.calls()] == [
        "users/@me", "oauth2/applications/@me", "gateway/bot",
    ]  # fmt: skip
    assert logs == []


async def test_the_gateway_is_where_the_api_says_unless_the_operator_says_otherwise(
    standin: DiscordStandin,
) -> None:
    await preflight(TOKEN, standin.api_url)
    assert URL(standin.gateway_url) == DiscordWebSocket.DEFAULT_GATEWAY
    await preflight(TOKEN, standin.api_url, "wss://gateway.example.org")
    assert URL("wss://gateway.example.org") == DiscordWebSocket.DEFAULT_GATEWAY


async def test_without_the_content_intent_it_says_once_what_that_costs() -> None:
    async with DiscordStandin(token=TOKEN, message_content=False) as standin:
        with structlog.testing.capture_logs() as logs:
            found = await preflight(TOKEN, standin.api_url)
    assert not found.content
    assert [log["event"] for log in logs] == [CONTENT_INTENT]


async def test_a_refused_token_names_the_variable(standin: DiscordStandin) -> None:
    error = await refusal(standin.api_url, "MTAw.mistyped.token")
    assert isinstance(error, SettingsError)
    assert str(error).startswith("DISCORD_TOKEN was refused by Discord")
    assert len(standin.calls()) == 1


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("503", "HTTP status 503 Service Unavailable"),
        ("cloudflare", "HTTP status 429 Too Many Requests"),
        ("drop-before", "disconnected"),
        ("truncated", "payload"),
    ],
)
@pytest.mark.parametrize("route", ["users/@me", "oauth2/applications/@me", "gateway/bot"])
async def test_trouble_at_discord_is_no_fault_of_the_token(
    standin: DiscordStandin, route: str, kind: str, why: str
) -> None:
    standin.plan(Fault(route=route, kind=kind, times=0))
    error = await refusal(standin.api_url)
    assert isinstance(error, DependencyDown)
    assert why in str(error)
    assert "DISCORD_API_URL" in str(error)


async def test_nobody_at_the_address_is_told_with_the_address() -> None:
    error = await refusal("http://127.0.0.1:1/api/v10")
    assert isinstance(error, DependencyDown)
    assert "http://127.0.0.1:1/api/v10" in str(error)


@asynccontextmanager
async def answering(status: int, answer: Callable[[str], object]) -> AsyncIterator[str]:
    """Answer each path; a string is sent as a page. Yields the address of the API."""

    async def handle(request: web.Request) -> web.Response:
        body = answer(request.match_info["path"])
        data = body if isinstance(body, str) else json.dumps(body)
        kind = "text/html" if isinstance(body, str) else "application/json"
        return web.Response(status=status, body=data.encode(), headers={"Content-Type": kind})

    app = web.Application()
    app.router.add_get("/api/v10/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/v10"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, "<html>Welcome to the hotel's network</html>", "the answer is not Discord's"),
        (200, {"ok": True}, "the answer is not Discord's"),
        (200, ["ok"], "the answer is not Discord's"),
        (403, {"message": "internal network error", "code": 40333}, "error code 40333"),
        (404, "<html>Not here</html>", "HTTP status 404 Not Found"),
    ],
)
async def test_what_is_not_discord_is_found_out(status: int, body: object, why: str) -> None:
    async with answering(status, lambda _: body) as api_url:
        error = await refusal(api_url)
    assert isinstance(error, DependencyDown)
    assert why in str(error)


async def test_an_interactions_endpoint_is_refused_because_no_command_would_arrive(
    standin: DiscordStandin,
) -> None:
    await preflight(TOKEN, standin.api_url)
    said = {call.path: call.answer for call in standin.calls()}
    said["oauth2/applications/@me"]["interactions_endpoint_url"] = "https://old.example.org"
    async with answering(200, said.__getitem__) as api_url:
        error = await refusal(api_url)
    assert isinstance(error, SettingsError)
    assert "Interactions Endpoint URL" in str(error)


# --- inviting ------------------------------------------------------------------------------------


def test_the_invite_asks_for_the_needed_permissions_and_nothing_else() -> None:
    address = urlsplit(invite_url("123"))
    query = parse_qs(address.query, strict_parsing=True)
    assert (address.netloc, address.path) == ("discord.com", "/oauth2/authorize")
    assert query["client_id"] == ["123"]
    assert query["scope"] == ["bot applications.commands"]
    asked = sum(BITS[name.upper()] for name in NEEDED_PERMISSIONS)
    assert int(query["permissions"][0]) == asked == 309237763072


def test_the_page_says_what_each_permission_is_for() -> None:
    page = DOCS.read_text("utf-8")
    table = page.partition("## Permissions")[2].partition("##")[0]
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", table, re.MULTILINE)
    assert dict(rows) == NEEDED_PERMISSIONS
    assert f"`{permissions().value}`" in table


def test_the_page_names_what_the_start_says() -> None:
    page = DOCS.read_text("utf-8")
    for words in ("DISCORD_TOKEN was refused by Discord", "The message content intent is off"):
        assert f"`{words}`" in page
    assert CONTENT_INTENT.startswith("The message content intent is off")
