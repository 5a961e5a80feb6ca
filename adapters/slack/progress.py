"""The one signal that a turn is going on: the best that this workspace allows. Never fails."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import structlog

from adapters.slack.text import short
from adapters.slack.web import Gone, Refused
from bot.conversation import TurnState
from bot.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from adapters.slack.web import Web
    from bot.chat import Progress
    from bot.conversation import Turn, TurnId

_log = structlog.get_logger(__name__)

PATIENCE = 3.0  # seconds that a turn waits for its signal
TICK_SECONDS = 15.0  # between two statuses that differ in seconds only
REACTION = "hourglass_flowing_sand"

_LONGEST_TITLE = 80  # Slack takes 200
_LONGEST_STATUS = 100
_DONE = {"already_reacted", "no_reaction"}
_HERE = {"invalid_thread_ts", "message_not_found", "thread_not_found"}


class Way(IntEnum):
    """How a turn is signalled, best first."""

    SESSION = 0
    """Slack's own agent session, with a Stop button; for apps declared as agents."""
    STATUS = 1
    """A line in grey under the thread; Slack takes it away when the bot posts, or in 2 minutes."""
    REACTION = 2
    """An hourglass on the message that asked."""
    NOTHING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """The last try for a turn: what of it matters at once, when (POSIX seconds), and its luck."""

    matter: tuple[TurnState, int, str]
    at: float
    shown: bool


class _Never(Exception):
    """Slack refuses this way for good."""


class Signal:
    """Shows that turns are going on, in the way that worked last in this process."""

    def __init__(self, *, web: Web, now: Callable[[], datetime]) -> None:
        """Take the parts."""
        self._web = web
        self._now = now
        self._way = Way.SESSION
        self._sure = False
        self._last: dict[TurnId, _Last] = {}

    async def show(self, turn: Turn, progress: Progress) -> None:
        """Show how far a turn is, when that is something new."""
        if progress.state.ended or not self._due(turn, progress):
            return
        at = self._now().timestamp()
        shown = await self._show(turn, progress)
        self._last[turn.id] = _Last(matter=_matter(progress), at=at, shown=shown)

    async def _show(self, turn: Turn, progress: Progress) -> bool:
        """Signal; a session has no words for a place in the queue, so a line says that."""
        words = words_of(progress)
        if self._way is Way.SESSION and progress.ahead:
            with suppress(_Never):
                return await self._signal_in(turn, Way.STATUS, words)
        shown = await self._try(turn, words)
        last = self._last.get(turn.id)
        if self._way is Way.SESSION and last and last.matter[1]:  # it does not wait any more
            with suppress(_Never):
                await self._signal_in(turn, Way.STATUS, "")
        return shown

    def _due(self, turn: Turn, progress: Progress) -> bool:
        """Tell whether there is news: at once, or seconds of a line and second tries at times."""
        last = self._last.get(turn.id)
        if last is None or last.matter != _matter(progress):
            return True
        waited = self._now().timestamp() - last.at >= TICK_SECONDS
        line = self._way is Way.STATUS or bool(progress.ahead)
        return waited and (line or not last.shown)

    async def end(self, turn: Turn) -> None:
        """Take the signal away, one left by a process that died, too."""
        self._last.pop(turn.id, None)
        await self._try(turn, "")
        if not self._sure and self._way is not Way.REACTION:
            with suppress(_Never):
                await self._signal_in(turn, Way.REACTION, "")

    async def _try(self, turn: Turn, words: str) -> bool:
        """Signal in the best way that Slack does not refuse for good; False when it failed."""
        while True:
            try:
                shown = await self._signal_in(turn, self._way, words)
            except _Never:
                self._way = Way(self._way + 1)
                _log.info("slack signals in another way", way=self._way.name)
                continue
            self._sure = self._sure or (shown and bool(words))
            return shown

    async def _signal_in(self, turn: Turn, way: Way, words: str) -> bool:
        """Signal in one way; False when it failed, _Never when it will always fail here."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._call(turn, way, words)
        except Gone:
            return False
        except Refused as error:
            _log.debug("slack signal refused", way=way.name, code=error.code)
            if error.code in _DONE:
                return True
            if error.final and not error.closed and error.code not in _HERE:
                raise _Never from error
            return False
        except (DeliveryError, TimeoutError) as error:
            _log.debug("slack signal failed", way=way.name, error=str(error))
            return False
        return True

    async def _call(self, turn: Turn, way: Way, words: str) -> None:
        place = {"channel_id": turn.thread.channel, "thread_ts": turn.thread.thread}
        if way is Way.SESSION:
            await self._web.call(
                "agents.sessions.setStatus",
                repeatable=True,
                status="processing" if words else "active",
                title=short(turn.prompt, _LONGEST_TITLE) or None,
                **place,
            )
        elif way is Way.STATUS:
            await self._web.call(
                "assistant.threads.setStatus", repeatable=True, status=words, **place
            )
        elif way is Way.REACTION and "ts" in turn.ref:
            await self._web.call(
                "reactions.add" if words else "reactions.remove",
                repeatable=True,
                channel=turn.thread.channel,
                timestamp=turn.ref["ts"],
                name=REACTION,
            )


def _matter(progress: Progress) -> tuple[TurnState, int, str]:
    return progress.state, progress.ahead, progress.note


def words_of(progress: Progress) -> str:
    """Say how far a turn is, as the end of a sentence that begins with the bot's name."""
    if progress.note:
        note = progress.note.strip().rstrip(".")
        return short(f"waits: {note}", _LONGEST_STATUS)
    match progress.state:
        case TurnState.ACCEPTED if progress.ahead:
            return f"is waiting, {progress.ahead} before yours"
        case TurnState.ACCEPTED:
            return "is about to begin"
        case TurnState.GATHERING:
            return "is reading your files"
        case TurnState.CALLING:
            return f"is painting, {progress.seconds:.0f} s"
        case _:
            return "is sending the picture"
