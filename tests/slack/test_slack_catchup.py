"""What was said while the bot was away, against a server that keeps messages as Slack does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.catchup import CatchUp
from adapters.slack.values import Identity
from adapters.slack.web import Web
from bot.conversation import ThreadId
from storage.engine import open_database
from storage.journal import SqlJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.ports import Journal, TurnStore

OWN = Identity(team="T1", user="UBOT", bot="B1")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def ts(**after_noon: float) -> str:
    return f"{(NOON + timedelta(**after_noon)).timestamp():.6f}"


class Slack:
    """Channels with messages. refuse: an error word by channel; silent: channels without answer."""

    def __init__(self) -> None:
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.refuse: dict[str, str] = {}
        self.silent: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.most = 200
        app = web.Application()
        app.router.add_post("/api/{method}", self._answer)
        self.server = TestServer(app)

    def say(self, channel: str, text: str, at: str, thread: str = "", **more: object) -> None:
        message = {"type": "message", "user": "U1", "text": text, "ts": at, **more}
        if thread:
            message["thread_ts"] = thread
        self.messages.setdefault(channel, []).append(message)

    async def _answer(self, request: web.Request) -> web.Response:
        asked = {name: str(value) for name, value in (await request.post()).items()}
        channel, method = asked["channel"], request.match_info["method"]
        self.calls.append((method, channel))
        if channel in self.silent:
            await asyncio.Event().wait()
        if error := self.refuse.get(channel):
            return web.json_response({"ok": False, "error": error})
        return web.json_response(self._page(method, asked))

    def _page(self, method: str, asked: dict[str, str]) -> dict[str, Any]:
        known = self.messages.get(asked["channel"], [])
        fresh = [m for m in known if m["ts"] > asked["oldest"]]
        if method == "conversations.replies":
            root = [m for m in known if m["ts"] == asked["ts"]]
            if not root:
                return {"ok": False, "error": "thread_not_found"}
            replies = [m for m in fresh if m.get("thread_ts") == asked["ts"] != m["ts"]]
            shown = root + sorted(replies, key=lambda m: str(m["ts"]))
        else:
            shown = [m for m in fresh if m.get("thread_ts", m["ts"]) == m["ts"]]
            shown.sort(key=lambda m: str(m["ts"]), reverse=True)
        start = int(asked.get("cursor", "0"))
        end = start + min(self.most, int(asked["limit"]))
        following = str(end) if end < len(shown) else ""
        return {
            "ok": True,
            "messages": shown[start:end],
            "response_metadata": {"next_cursor": following},
        }


class Threads:
    """The one method of the TurnStore that is asked."""

    def __init__(self) -> None:
        self.since: list[datetime] = []
        self.known: list[tuple[str, str]] = []

    async def threads_since(
        self, platform: str, workspace: str, since: datetime, most: int = 100
    ) -> list[ThreadId]:
        self.since.append(since)
        return [
            ThreadId(platform=platform, workspace=workspace, channel=channel, thread=thread)
            for channel, thread in self.known[:most]
        ]


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def move(self, **delta: float) -> None:
        self.at += timedelta(**delta)


class Away:
    """A bot that listened until noon and comes back later."""

    def __init__(self, slack: Slack, way: Web, journal: Journal) -> None:
        self.slack = slack
        self.threads = Threads()
        self.clock = Clock()
        self._journal = journal
        self._way = way

    def catchup(self, seconds: float = 60) -> CatchUp:
        store = cast("TurnStore", self.threads)
        return CatchUp(self._way, store, self._journal, OWN, self.clock, seconds=seconds)

    def thread(self, channel: str, root: str) -> str:
        """Have a thread of ours; it began with a message of a person."""
        self.slack.say(channel, "<@UBOT> a fox", root, root)
        self.threads.known.append((channel, root))
        return root

    async def back(self, *, seconds: float = 60, **after: float) -> list[tuple[str, bool]]:
        """Beat at noon, come back later, and return what was missed, with whether it is late."""
        await self.catchup().beat()
        self.clock.move(**after)
        return [(said.text, late) for said, late in await self.catchup(seconds).missed()]


@pytest.fixture
async def away(tmp_path: Path) -> AsyncIterator[Away]:
    slack = Slack()
    database = await open_database(f"sqlite:///{tmp_path / 'threadpaint.db'}")
    await database.migrate()
    async with slack.server, aiohttp.ClientSession() as session:
        base_url = f"http://127.0.0.1:{slack.server.port}/api/"
        client = AsyncWebClient("xoxb-1", base_url=base_url, session=session, retry_handlers=[])
        yield Away(slack, Web(client), SqlJournal(database))
    await database.close()


async def test_the_first_start_has_missed_nothing(away: Away) -> None:
    away.slack.say("C1", "bluer", ts(minutes=1), away.thread("C1", ts(hours=-1)))
    away.clock.move(minutes=2)
    assert await away.catchup().missed() == []
    assert away.slack.calls == []


async def test_a_short_absence_is_left_to_slack(away: Away) -> None:
    away.slack.say("C1", "bluer", ts(seconds=10), away.thread("C1", ts(hours=-1)))
    assert await away.back(seconds=60, minutes=0.33) == []
    assert away.slack.calls == []


async def test_replies_in_our_threads_are_found_again(away: Away) -> None:
    root = away.thread("C1", ts(hours=-1))
    away.slack.say("C1", "before", ts(minutes=-5), root)
    away.slack.say("C1", "bluer", ts(minutes=1), root)
    away.slack.say("C1", "in another thread", ts(minutes=1), ts(hours=-2))
    away.slack.say("C1", "at the top", ts(minutes=1))
    assert await away.back(minutes=6) == [("bluer", False)]
    assert away.threads.since == [NOON + timedelta(minutes=6) - timedelta(days=7)]


async def test_what_was_said_just_before_the_last_sign_of_life_is_found(away: Away) -> None:
    root = away.thread("C1", ts(hours=-1))
    away.slack.say("C1", "bluer", ts(seconds=-2), root)
    assert await away.back(minutes=6) == [("bluer", False)]


async def test_a_message_knows_its_place_and_its_files(away: Away) -> None:
    root = away.thread("C1", ts(hours=-1))
    image = {"id": "F1", "name": "cat.png", "mimetype": "image/png", "url_private": "https://u"}
    away.slack.say("C1", "<@UBOT> this", ts(minutes=1), root, files=[image], subtype="file_share")
    await away.catchup().beat()
    away.clock.move(minutes=6)
    [(said, _)] = await away.catchup().missed()
    assert (said.team, said.channel, said.thread_ts, said.ts) == ("T1", "C1", root, ts(minutes=1))
    assert (said.mention, [file.id for file in said.files]) == (True, ["F1"])


async def test_only_people_are_heard(away: Away) -> None:
    root = away.thread("C1", ts(hours=-1))
    away.slack.say("C1", "ours", ts(minutes=1), root, user="UBOT", bot_id="B1")
    away.slack.say("C1", "another bot", ts(minutes=1), root, bot_id="B9")
    away.slack.say("C1", "joined", ts(minutes=1), root, subtype="channel_join")
    assert await away.back(minutes=6) == []


async def test_direct_messages_are_found_whether_in_a_thread_or_not(away: Away) -> None:
    root = away.thread("D1", ts(hours=-1))
    away.slack.say("D1", "a new cat", ts(minutes=2))
    away.slack.say("D1", "bluer", ts(minutes=1), root)
    away.thread("D1", ts(hours=-2))
    assert await away.back(minutes=6) == [("bluer", False), ("a new cat", False)]
    assert [method for method, _ in away.slack.calls].count("conversations.history") == 1


async def test_all_comes_once_and_oldest_first(away: Away) -> None:
    first, second = away.thread("C1", ts(hours=-1)), away.thread("D2", ts(minutes=3))
    away.slack.say("C1", "five", ts(minutes=5), first)
    away.slack.say("D2", "four", ts(minutes=4), second, subtype="thread_broadcast")
    away.slack.say("C1", "two", ts(minutes=2), first)
    assert [text for text, _ in await away.back(minutes=6)] == [
        "two",
        "<@UBOT> a fox",
        "four",
        "five",
    ]


async def test_what_is_older_than_a_quarter_of_an_hour_is_late(away: Away) -> None:
    root = away.thread("C1", ts(hours=-1))
    away.slack.say("C1", "older", ts(minutes=4, seconds=59), root)
    away.slack.say("C1", "newer", ts(minutes=5), root)
    assert await away.back(minutes=20) == [("older", True), ("newer", False)]


async def test_an_absence_of_weeks_ends_a_week_ago(away: Away) -> None:
    root = away.thread("C1", ts(hours=-1))
    away.slack.say("C1", "eight days ago", ts(days=12), root)
    away.slack.say("C1", "six days ago", ts(days=14), root)
    assert await away.back(days=20) == [("six days ago", True)]


async def test_every_page_is_read(away: Away) -> None:
    away.slack.most = 2
    root = away.thread("C1", ts(hours=-1))
    for number in range(1, 6):
        away.slack.say("C1", str(number), ts(minutes=number), root)
    assert [text for text, _ in await away.back(minutes=6)] == ["1", "2", "3", "4", "5"]


async def test_a_channel_that_refuses_is_asked_once_and_the_others_are_read(away: Away) -> None:
    away.thread("C1", ts(hours=-1))
    away.thread("C1", ts(hours=-2))
    away.slack.refuse["C1"] = "channel_not_found"
    away.slack.say("C2", "bluer", ts(minutes=1), away.thread("C2", ts(hours=-3)))
    assert await away.back(minutes=6) == [("bluer", False)]
    assert [channel for _, channel in away.slack.calls] == ["C1", "C2"]


async def test_a_deleted_thread_does_not_hide_its_channel(away: Away) -> None:
    away.threads.known.append(("C1", ts(hours=-2)))
    away.slack.say("C1", "bluer", ts(minutes=1), away.thread("C1", ts(hours=-3)))
    assert await away.back(minutes=6) == [("bluer", False)]


async def test_nothing_more_is_asked_when_the_app_was_removed(away: Away) -> None:
    away.thread("C1", ts(hours=-1))
    away.thread("C2", ts(hours=-1))
    away.slack.refuse["C1"] = "account_inactive"
    with structlog.testing.capture_logs() as logs:
        assert await away.back(minutes=6) == []
    assert (len(away.slack.calls), logs) == (1, [])


async def test_what_was_read_counts_when_the_time_is_over(away: Away) -> None:
    away.slack.say("C1", "bluer", ts(minutes=1), away.thread("C1", ts(hours=-1)))
    away.slack.silent.add("C2")
    away.thread("C2", ts(hours=-2))
    assert await away.back(seconds=0.5, minutes=6) == [("bluer", False)]
