"""CatchUp: what people said while the bot was away, read from the threads that it knows."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from adapters.slack.loose import obj, objects
from adapters.slack.messages_in import said
from adapters.slack.parts import moment
from adapters.slack.values import Said
from adapters.slack.web import Gone, Refused, Unclear

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.slack.values import Identity
    from adapters.slack.web import Web
    from bot.ports import Journal, TurnStore

_log = structlog.get_logger(__name__)

HEART = "slack.alive"
"""Journal kind: when the bot was last seen listening, by workspace: {"at": ISO time}."""

_SHORT = timedelta(seconds=20)  # Slack itself delivers again what was said in so short a time
_MARGIN = timedelta(minutes=1)  # said before the last beat, perhaps not taken; clocks apart
_LATE = timedelta(minutes=15)
_OPEN = timedelta(days=7)
_PAGE = 200


class CatchUp:
    """Reads again what was said since the last beat.

    Only threads where somebody asked for a picture in the last seven days are read, and direct
    messages that have such a thread; a mention elsewhere is lost once Slack has given up on it
    (after about six minutes). seconds: for all of it.
    """

    def __init__(
        self,
        web: Web,
        store: TurnStore,
        journal: Journal,
        own: Identity,
        now: Callable[[], datetime],
        *,
        seconds: float = 60,
    ) -> None:
        """Take what is read and who we are."""
        self._web = web
        self._store = store
        self._journal = journal
        self._own = own
        self._now = now
        self._seconds = seconds

    async def beat(self) -> None:
        """Note that the bot is listening now; only true while Slack is connected."""
        await self._journal.write(HEART, self._own.team, {"at": self._now().isoformat()})

    async def missed(self) -> list[tuple[Said, bool]]:
        """List what people said since the last beat, oldest first; to be called before the first.

        The second of each is True for what is too old (15 minutes) to be answered unasked. Some of
        it may have been taken already. Nothing on the first start ever. Never fails because of
        Slack: what cannot be read is left out.
        """
        note, now = await self._journal.read(HEART, self._own.team), self._now()
        if note is None or now - (last := datetime.fromisoformat(note["at"])) < _SHORT:
            return []
        found: dict[tuple[str, str], Said] = {}
        try:
            async with asyncio.timeout(self._seconds):
                await self._read(max(last - _MARGIN, now - _OPEN), found)
        except TimeoutError:
            _log.warning("not every thread was read again after the absence")
        heard = sorted(found.values(), key=lambda message: moment(message.ts))
        return [(message, now - moment(message.ts) > _LATE) for message in heard]

    async def _read(self, since: datetime, found: dict[tuple[str, str], Said]) -> None:
        threads = await self._store.threads_since(
            platform="slack", workspace=self._own.team, since=self._now() - _OPEN
        )
        direct = dict.fromkeys(
            thread.channel for thread in threads if thread.channel.startswith("D")
        )
        places: list[tuple[str, str, str | None]] = [
            *(("conversations.history", channel, None) for channel in direct),
            *(("conversations.replies", thread.channel, thread.thread) for thread in threads),
        ]
        closed: set[str] = set()
        for method, channel, root in places:
            if channel in closed:
                continue
            try:
                await self._collect(method, channel, root, since, found)
            except Gone:
                return
            except (Refused, Unclear) as error:
                _log.warning("what was missed is not read", channel=channel, error=str(error))
                gone = isinstance(error, Refused) and error.code == "thread_not_found"
                if error.final and not gone:
                    closed.add(channel)

    async def _collect(
        self,
        method: str,
        channel: str,
        root: str | None,
        since: datetime,
        found: dict[tuple[str, str], Said],
    ) -> None:
        """Read one place page by page; a thread's root comes along, however old."""
        cursor, oldest = None, f"{since.timestamp():.6f}"
        while True:
            answer = await self._web.call(
                method,
                repeatable=True,
                channel=channel,
                ts=root,
                oldest=oldest,
                limit=_PAGE,
                cursor=cursor,
            )
            for message in objects(answer.get("messages")):
                heard = said(message, team=self._own.team, channel=channel, own=self._own)
                if isinstance(heard, Said) and moment(heard.ts) >= since:
                    found[channel, heard.ts] = heard
            cursor = obj(answer.get("response_metadata")).get("next_cursor")
            if not cursor:
                return
