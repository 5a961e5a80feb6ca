from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest
import structlog
from aiohttp import web

from bot.environment import load
from bot.log import HIDDEN, LogFormat, LogLevel, Redactor, configure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAYOUTS: tuple[LogFormat, ...] = ("text", "json")
CANARIES = {
    "SLACK_BOT_TOKEN": "canary-slack-bot",
    "SLACK_APP_TOKEN": "canary-slack-app",
    "SLACK_SIGNING_SECRET": "canary-slack-signing",
    "SLACK_CLIENT_SECRET": 'canary/"c w\\1',
    "DISCORD_TOKEN": "canary-discord",
    "WISDOM_GATE_KEY": "canary-wisdom",
    "GEMINI_API_KEY": "canary-gemini+/=&",
}
SECRETS = load(CANARIES, env_file=None).secrets()
LIBRARIES = ("httpx", "httpcore", "aiohttp.access", "discord.http", "slack_bolt", "slack_sdk",
             "sqlalchemy.engine", "alembic.runtime", "asyncio", "aiosqlite")  # fmt: skip


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Give back what was logged since the last call; leave logging as it was found."""
    root = logging.getLogger()
    level = root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    hooks = sys.excepthook, threading.excepthook
    yield lambda: capsys.readouterr().err
    root.handlers.clear()
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def configured(layout: LogFormat = "text", level: LogLevel = "debug") -> None:
    logging.getLogger().handlers.clear()  # pytest's raise at lines that are wrong on purpose
    configure(level, layout, SECRETS)


def raise_from(secret: str) -> None:
    cause = ValueError(f"https://host.example/v1?key={quote(secret)}&x={secret}")
    raise RuntimeError({"header": secret.encode()}) from cause


def by_every_route(secret: str) -> None:
    """Say one secret in every way that a program can."""
    ours = structlog.get_logger("bot.turns")
    ours.debug(f"message {secret}", value=secret, quoted=quote(secret, safe=""))
    ours.info("arguments %s", secret)
    ours.warning("nested", held={"list": [secret, (secret,)], secret: 1}, raw=secret.encode())
    ours.error(
        "objects", error=ValueError(secret), request=httpx.Request("GET", f"http://h/{secret}")
    )
    structlog.contextvars.bind_contextvars(turn=secret)
    ours.info("bound")
    structlog.contextvars.clear_contextvars()
    try:
        raise_from(secret)
    except RuntimeError:
        ours.exception("failed")
        for name in LIBRARIES:
            logging.getLogger(name).exception("failed with %s", secret)
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.debug(f"url http://host.example/?token={secret}")
        library.warning("%(secret)r", {"secret": secret})
        library.error("stack", stack_info=True, extra={"token": secret})
        library.error("wrong arguments %d %s", secret)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"deprecated {secret}", stacklevel=1)
    thread = threading.Thread(target=raise_from, args=(secret,))
    thread.start()
    thread.join()


def leaks(output: str) -> list[str]:
    forms = {
        form for secret in SECRETS for form in (secret, quote(secret), json.dumps(secret)[1:-1])
    }
    return [form for form in forms if form in output]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_secret_leaves_by_any_route(layout: LogFormat, log: Callable[[], str]) -> None:
    assert len(SECRETS) == len(CANARIES)
    configured(layout)
    for secret in SECRETS:
        by_every_route(secret)
        output = log()
        assert output.count(HIDDEN) > 40
        assert ") is broken." in output
        assert "stopped by an error" in output
        assert "UserWarning: deprecated" in output
        assert not leaks(output)


def test_an_uncaught_exception_is_logged_without_the_secret() -> None:
    script = (
        "from bot.log import configure\n"
        "configure('info', 'json', ['canary-uncaught'])\n"
        "raise SystemError('http://host/?a=canary-uncaught')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    line = json.loads(ended.stderr)
    assert ended.returncode == 1
    assert line["level"] == "critical"
    assert "SystemError" in line["exception"]
    assert "canary" not in ended.stderr


async def test_real_clients_and_servers_leak_nothing(log: Callable[[], str]) -> None:
    configured()
    secret = CANARIES["WISDOM_GATE_KEY"]
    app = web.Application()
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}/v1/models?key={secret}"
    async with httpx.AsyncClient(headers={"x-goog-api-key": secret}) as client:
        answer = await client.get(url)
        try:
            answer.raise_for_status()
        except httpx.HTTPStatusError:
            structlog.get_logger("bot").exception("no answer")
        await runner.cleanup()
        try:
            await client.get(url)
        except httpx.ConnectError as error:
            structlog.get_logger("bot").warning("no connection", url=str(error.request.url))
    await asyncio.sleep(0)
    output = log()
    assert "404 Not Found" in output
    assert "aiohttp.access" in output
    assert "HTTP Request" not in output
    assert not leaks(output)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token xoxb-1-2-abcDEF ok", "token [secret] ok"),
        ("xoxe.xoxp-1-Mi0yLTk4 ok", "[secret] ok"),
        ("xapp-1-A1-22-aaff ok", "[secret] ok"),
        ("key AIzaSyA-1234567890_abcdefghijklmnopqrs.", "key [secret]."),
        (f"Bot MTE3NjU0MzIxMDk4NzY1NDMyMQ.GhIjKl.{'a1-_' * 9}", "Bot [secret]"),
        ("Authorization: Bearer ya29.a0Af_x", "Authorization: [secret]"),
        ("{'Authorization': 'Bearer abc def'}", "{'Authorization': '[secret]'}"),
        ("[(b'x-goog-api-key', b'abc')]", "[(b'x-goog-api-key', b'[secret]')]"),
        ("bearer abcdef", "bearer [secret]"),
        ("https://h/v1beta?alt=sse&key=abc&x=1", "https://h/v1beta?alt=sse&key=[secret]&x=1"),
        ("wss://h/link/?ticket=1a-2b&app_id=A1", "wss://h/link/?ticket=[secret]&app_id=A1"),
        ("https://h.slack.com/upload/v1/C1?x=1 2", "https://h.slack.com/upload/v1/[secret] 2"),
        (r'"upload_url":"https:\/\/h\/upload\/v1\/abc"', '"upload_url":"[secret]"'),
        (r"https:\/\/h\/upload\/v1\/abc ok", r"https:\/\/h\/upload\/v1\/[secret] ok"),
        ("https://hooks.slack.com/commands/T1/2/abc ok", "https://hooks.slack.com/[secret] ok"),
        ("/api/webhooks/1/aW-x_Y/messages/@o", "/api/webhooks/1/[secret]/messages/@o"),
        ("/api/v10/interactions/1/aW50/callback", "/api/v10/interactions/1/[secret]/callback"),
        ('{"token":"aW50ZXI","id":"1"}', '{"token":"[secret]","id":"1"}'),
        ("{'token': 'aW50ZXI', 'id': '1'}", "{'token': '[secret]', 'id': '1'}"),
        ("postgresql+psycopg://bot:pa:ss@db:5432/bot", "postgresql+psycopg://bot:[secret]@db:5432/bot"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    assert Redactor(())(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "turn 01hx7k2m9q4r8s5t took 3.2 s",
        "slack:T0123ABC:C0456DEF:1712345678.123456",
        "https://discord.com/channels/123/456",
        "http://127.0.0.1:8080/health mail me@example.org",
        "3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed",
        "the key of the turn is token=none",
        "gemini-3.1-flash-image-preview",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert Redactor(["abc", ""])(text) == text


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert Redactor(["canary", "canary-long"])("a canary-long b") == f"a {HIDDEN} b"


def test_redaction_takes_linear_time() -> None:
    hide = Redactor(SECRETS)
    started = time.process_time()
    for piece in ("a-", "?a", "://a:", "'token", "bearer ", "a.", "webhooks/", "&key"):
        hide(piece * 50_000)
    assert time.process_time() - started < 10


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nobody_can_forge_a_line(layout: LogFormat, log: Callable[[], str]) -> None:
    configured(layout)
    forged = "x\n2026-01-01 [critical] forged\r\x1b[2Jwiped\u2028\u202eback"
    structlog.get_logger("bot").info(forged, name=forged, logger_name=forged, **{forged: [forged]})
    logging.getLogger("discord").warning("%s", forged)
    output = log()
    assert len(output.splitlines()) == 2
    assert not set(output) & set("\r\x1b\u2028\u202e")


def test_a_forged_line_in_an_exception_is_set_in(log: Callable[[], str]) -> None:
    configured()
    try:
        raise_from("x\nforged\r\n")
    except RuntimeError:
        structlog.get_logger("bot").exception("failed")
    lines = log().splitlines()
    assert r"    forged\r" in lines
    assert all(line.startswith("    ") for line in lines[1:])


@pytest.mark.usefixtures("log")
def test_a_closed_stderr_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configured()
    stream.close()
    structlog.get_logger("bot").info("unheard")


def test_json_lines_hold_what_a_machine_needs(log: Callable[[], str]) -> None:
    configured("json", "info")
    structlog.contextvars.bind_contextvars(turn="t1")
    structlog.get_logger("bot.turns").info(
        "done in %d s", 3, cost=58_000, free=None, pages=[1, True]
    )
    structlog.contextvars.clear_contextvars()
    line = json.loads(log())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "done in 3 s", "level": "info", "logger": "bot.turns", "turn": "t1",
        "cost": 58_000, "free": None, "pages": [1, True],
    }  # fmt: skip


def test_the_level_is_kept_and_setting_up_again_does_not_double_lines(
    log: Callable[[], str],
) -> None:
    configured("text", "debug")
    configure("warning", "text", SECRETS)
    structlog.get_logger("bot").info("quiet")
    logging.getLogger("slack_bolt").info("quiet")
    structlog.get_logger("bot").warning("loud")
    assert log().count("\n") == 1
    configured("text", "debug")
    logging.getLogger("httpx").info("HTTP Request")
    structlog.get_logger("bot").debug("heard")
    output = log()
    assert "heard" in output
    assert "HTTP Request" not in output
