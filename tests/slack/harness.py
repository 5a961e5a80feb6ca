"""A whole bot on the stand-in of Slack: real storage, the real Bolt, both ways of listening."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bot.app import open_chat
from bot.environment import load
from tests.core.harness import settings_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.serving import App
    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin
    from tests.standins.slack.values import Json

WAYS = ("socket", "http")


def environment(
    folder: Path, slack: SlackStandin, gemini: GeminiStandin | None, way: str, **more: str
) -> dict[str, str]:
    """The environment of a bot in a folder that listens to this Slack."""
    environ = settings_for(folder, gemini) | slack.environment()
    if way == "http":
        del environ["SLACK_APP_TOKEN"]
        environ |= {"SLACK_SIGNING_SECRET": slack.signing_secret, "HTTP_PORT": str(free_port())}
    return environ | more


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def running(
    folder: Path, slack: SlackStandin, gemini: GeminiStandin | None, way: str, **more: str
) -> AsyncIterator[App]:
    """Run a bot over a folder; opened again over the same folder it is the bot after a restart."""
    environ = environment(folder, slack, gemini, way, **more)
    stop = asyncio.Event()
    async with open_chat(load(environ, env_file=None)) as app:
        serving = asyncio.create_task(app.serve(stop))
        try:
            await until_listening(slack, environ, serving)
            yield app
        finally:
            stop.set()
            await serving
            slack.http_url = ""


async def until_listening(
    slack: SlackStandin, environ: dict[str, str], serving: asyncio.Future[Any]
) -> None:
    """Wait until deliveries would reach the bot."""
    port = environ.get("HTTP_PORT")
    async with asyncio.timeout(20):
        while True:
            if serving.done():
                serving.result()
            if port is None and slack.connections:
                return
            if port and _open(int(port)):
                slack.http_url = f"http://127.0.0.1:{port}/slack/events"
                return
            await asyncio.sleep(0.01)


def _open(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


class Thread:
    """One thread as people see it."""

    def __init__(self, slack: SlackStandin, channel: str, ts: str) -> None:
        self.slack, self.channel, self.ts = slack, channel, ts

    @property
    def messages(self) -> list[Json]:
        """All messages of the bot in it, its root included."""
        return [
            message
            for message in self.slack.messages(self.channel, self.ts)
            if message.get("user") == self.slack.bot_user
        ]

    @property
    def pictures(self) -> list[Json]:
        """The messages of the bot that show pictures."""
        return [message for message in self.messages if message.get("files")]

    @property
    def words(self) -> list[Json]:
        """The messages of the bot that carry an answer's words and buttons."""
        return self._marked("threadpaint_answer")

    @property
    def notices(self) -> list[Json]:
        """What the bot told about turns."""
        return self._marked("threadpaint_notice")

    def _marked(self, mark: str) -> list[Json]:
        found = (m for m in self.messages if m.get("metadata", {}).get("event_type") == mark)
        return list(found)

    async def answered(self, times: int = 1) -> Json:
        """Wait until so many answers are complete; returns the words of the last one."""
        await self.slack.until(lambda: len(self.words) >= times)
        return self.words[times - 1]

    async def told(self, times: int = 1) -> Json:
        """Wait until so many notices are there; returns the last one."""
        await self.slack.until(lambda: len(self.notices) >= times)
        return self.notices[times - 1]
