"""The check before anything listens, against an HTTP server on loopback that answers as told."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.manifest import SCOPES
from adapters.slack.preflight import preflight
from adapters.slack.values import Identity
from bot.errors import DependencyDown, SettingsError, ThreadpaintError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

BOT, APP = "xoxb-1-secret", "xapp-1-A0THREAD-2-secret"
DOCS = Path(__file__).parents[2] / "docs" / "slack.md"


@dataclass
class Answer:
    """One answer of the server. body: an object is sent as JSON."""

    body: dict[str, Any] | str
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return web.Response(
            text=text, status=self.status, content_type=self.kind, headers=self.headers
        )


def identity(scopes: Iterable[str] | None = SCOPES, **changes: object) -> Answer:
    body = {"ok": True, "team_id": "T1", "user_id": "UBOT", "bot_id": "B1", **changes}
    headers = {} if scopes is None else {"X-OAuth-Scopes": ",".join(scopes)}
    return Answer(body, headers=headers)


def refused(word: str) -> Answer:
    return Answer({"ok": False, "error": word})


OPENED = Answer({"ok": True, "url": "wss://wss-primary.slack.com/link/?ticket=1"})


class Slack:
    """Answers each method with what was put there; the last answer is repeated."""

    def __init__(self) -> None:
        self.answers = {
            "auth.test": deque([identity()]),
            "apps.connections.open": deque([OPENED]),
        }
        self.calls: list[tuple[str, str]] = []
        self.pauses: list[float] = []
        self.silent = asyncio.Event()
        self.silent.set()

    def says(self, method: str, *answers: Answer) -> None:
        self.answers[method] = deque(answers)

    async def handle(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls.append((method, request.headers["Authorization"].removeprefix("Bearer ")))
        await self.silent.wait()
        answers = self.answers[method]
        return (answers.popleft() if len(answers) > 1 else answers[0]).response()

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.fixture
async def slack() -> Slack:
    return Slack()


@pytest.fixture
async def client(slack: Slack) -> AsyncIterator[AsyncWebClient]:
    app = web.Application()
    app.router.add_post("/api/{method}", slack.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(BOT, f"http://127.0.0.1:{port}/api/", session=session)
    slack.silent.set()
    await runner.cleanup()


async def test_good_tokens_tell_who_the_bot_is(slack: Slack, client: AsyncWebClient) -> None:
    with structlog.testing.capture_logs() as logs:
        found = await preflight(client, APP)
    assert found == Identity(team="T1", user="UBOT", bot="B1", app="A0THREAD")
    assert slack.calls == [("auth.test", BOT), ("apps.connections.open", APP)]
    assert logs == []


async def test_without_an_app_token_no_socket_is_asked_for(
    slack: Slack, client: AsyncWebClient
) -> None:
    assert await preflight(client, None) == Identity(team="T1", user="UBOT", bot="B1")
    assert slack.calls == [("auth.test", BOT)]


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("invalid_auth", "Copy the Bot User OAuth Token again"),
        ("account_inactive", "Install the app again"),
        ("token_revoked", "Install the app again"),
        ("token_expired", "threadpaint slack-manifest"),
        ("a_word_of_next_year", "Copy the Bot User OAuth Token again"),
    ],
)
async def test_a_refused_bot_token_is_named_with_what_to_do(
    slack: Slack, client: AsyncWebClient, word: str, advice: str
) -> None:
    slack.says("auth.test", refused(word))
    said = await problem(client, SettingsError)
    assert said.startswith(f"SLACK_BOT_TOKEN was refused by Slack ({word}). ")
    assert advice in said


async def test_the_token_of_a_person_is_not_taken_for_a_bots(
    slack: Slack, client: AsyncWebClient
) -> None:
    slack.says("auth.test", identity(bot_id=None))
    assert "SLACK_BOT_TOKEN is not the token of a bot" in await problem(client, SettingsError)


@pytest.mark.parametrize("word", ["invalid_auth", "not_allowed_token_type", "missing_scope"])
async def test_a_refused_app_token_is_named_with_what_to_do(
    slack: Slack, client: AsyncWebClient, word: str
) -> None:
    slack.says("apps.connections.open", refused(word))
    said = await problem(client, SettingsError)
    assert said.startswith(f"SLACK_APP_TOKEN was refused by Slack ({word}). ")
    assert "connections:write" in said


async def test_needed_permissions_that_are_missing_are_all_named(
    slack: Slack, client: AsyncWebClient
) -> None:
    slack.says("auth.test", identity(SCOPES.keys() - {"im:write", "files:read", "users:read"}))
    said = await problem(client, SettingsError)
    assert "lacks permissions: files:read, im:write. " in said
    assert "`threadpaint slack-manifest`" in said


async def test_spaces_and_foreign_scopes_in_the_header_do_no_harm(
    slack: Slack, client: AsyncWebClient
) -> None:
    slack.says("auth.test", identity([" incoming-webhook", *(f" {name}" for name in SCOPES)]))
    with structlog.testing.capture_logs() as logs:
        await preflight(client, APP)
    assert logs == []


async def test_missing_optional_permissions_only_warn_of_what_will_not_work(
    slack: Slack, client: AsyncWebClient
) -> None:
    slack.says("auth.test", identity(SCOPES.keys() - {"usergroups:read"}))
    with structlog.testing.capture_logs() as logs:
        await preflight(client, APP)
    (line,) = logs
    assert line["log_level"] == "warning"
    assert (line["permission"], line["does_not_work"]) == (
        "usergroups:read",
        "THREADPAINT_ALLOWED_GROUPS",
    )


async def test_unknown_permissions_are_not_missing_ones(
    slack: Slack, client: AsyncWebClient
) -> None:
    slack.says("auth.test", identity(scopes=None))
    with structlog.testing.capture_logs() as logs:
        await preflight(client, APP)
    assert [line["log_level"] for line in logs] == ["warning"]


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), (None, 30), ("soon", 30)])
async def test_a_rate_limit_is_waited_out(
    slack: Slack, client: AsyncWebClient, header: str | None, seconds: int
) -> None:
    headers = {"Retry-After": header} if header else {}
    limit = Answer({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
    slack.says("auth.test", limit, identity())
    slack.says("apps.connections.open", limit, limit, OPENED)
    await preflight(client, APP, sleep=slack.sleep)
    assert slack.pauses == [seconds] * 3


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
@pytest.mark.parametrize(
    "answer",
    [
        refused("internal_error"),
        refused("fatal_error"),
        Answer({"ok": False, "error": "invalid_auth"}, status=503),
        Answer("<h1>Bad gateway</h1>", status=502, kind="text/html"),
        Answer("<h1>Log in to this network</h1>", kind="text/html"),
        Answer("upstream connect error", status=503, kind="text/plain"),
        Answer("no upstream", kind="text/plain"),
        Answer("{"),
        Answer("{", status=500),
        Answer('["ok"]'),
        Answer({"ok": False}),
        Answer({"ok": False, "error": "see <https://evil.example>"}),
    ],
    ids=lambda answer: f"{answer.status} {answer.body}"[:30],
)
async def test_an_answer_that_is_not_about_the_token_blames_no_token(
    slack: Slack, client: AsyncWebClient, method: str, answer: Answer
) -> None:
    slack.says(method, answer)
    said = await problem(client, DependencyDown)
    assert said.startswith(f"Slack cannot be reached at {client.base_url} (")
    assert "evil" not in said


async def test_nobody_listening_is_a_dependency_that_is_down() -> None:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(BOT, "http://127.0.0.1:9/api/", session=session)
        said = await problem(client, DependencyDown)
    assert "127.0.0.1:9" in said


async def test_a_server_that_stays_silent_is_not_waited_for_for_ever(
    slack: Slack, client: AsyncWebClient
) -> None:
    slack.silent.clear()
    client.timeout = 1
    assert "no answer within 1 s" in await problem(client, DependencyDown)


async def problem(client: AsyncWebClient, kind: type[ThreadpaintError]) -> str:
    """Run into the error: one documented line without a token."""
    with pytest.raises(kind) as raised:
        await preflight(client, APP)
    said = str(raised.value)
    assert "\n" not in said
    assert "secret" not in said
    rows = re.findall(r"^\| `(SLACK_\w+ .*?|Slack .*?)` \|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert any(fnmatchcase(said, f"{row.replace('...', '*')}*") for row in rows), said
    return said
