"""Telling: what people see of a turn beside its answer; no failure there harms the turn."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import structlog

from bot.chat import Notice, NoticeKind, Progress
from bot.conversation import TurnState
from bot.errors import DeliveryError, DependencyDown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from bot.chat import Post
    from bot.conversation import Turn, TurnId
    from bot.planning import Policy
    from bot.ports import ChatPlatform, TurnStore

_T = TypeVar("_T")

_log = structlog.get_logger(__name__)

_POSITION_LIVES = 60.0  # seconds; Slack forgets a status line after two minutes

_SLOW = (
    "Still painting. Large, searched or carefully thought-out pictures can take some minutes;"
    " you need not do anything."
)


class Note:
    """What a call has to say while it waits, and a bell for who listens."""

    def __init__(self) -> None:
        """Begin with nothing to say."""
        self.text = ""
        self._changed = asyncio.Event()

    def write(self, text: str) -> None:
        """Say something else."""
        self.text = text
        self._changed.set()

    async def wait(self, seconds: float) -> None:
        """Wait for another text, so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()


class Teller:
    """Shows progress, places in the queue and notices on the platform of each turn."""

    def __init__(
        self,
        *,
        store: TurnStore,
        platforms: Mapping[str, ChatPlatform],
        policy: Policy,
        now: Callable[[], datetime],
    ) -> None:
        """Take the parts."""
        self._store = store
        self._platforms = platforms
        self._policy = policy
        self._now = now
        self._queued: dict[TurnId, Turn] = {}

    def platform(self, turn: Turn) -> ChatPlatform:
        """Find where a turn's people are."""
        return self._platforms[turn.thread.platform]

    def queue(self, turn: Turn) -> None:
        """Note that a turn waits."""
        self._queued[turn.id] = turn

    def start(self, turn: Turn) -> None:
        """Note that a turn waits no longer."""
        self._queued.pop(turn.id, None)

    async def tell(self, turn: Turn, notice: Notice) -> Sequence[Post]:
        """Tell something; a defect of the platform is only logged. Raises DeliveryError."""
        return await _harmless(turn, self.platform(turn).tell(turn, notice)) or ()

    async def working(
        self, turn: Turn, state: TurnState, *, ahead: int = 0, note: str = ""
    ) -> None:
        """Show progress; it may be dropped."""
        seconds = (self._now() - turn.created).total_seconds()
        progress = Progress(state=state, seconds=seconds, ahead=ahead, note=note)
        with suppress(DeliveryError):
            await _harmless(turn, self.platform(turn).working(turn, progress))

    async def watch_call(self, turn: Turn, note: Note) -> None:
        """Show how a call is getting on, and say once that it is slow, until cancelled."""
        loop = asyncio.get_running_loop()
        slow_at = loop.time() + self._policy.slow_seconds
        while True:
            await self.working(turn, TurnState.CALLING, note=note.text)
            await note.wait(min(self._policy.progress_seconds, max(0, slow_at - loop.time())))
            if loop.time() >= slow_at:
                slow_at = math.inf
                with suppress(DeliveryError):
                    await self.tell(turn, Notice(kind=NoticeKind.SLOW, text=_SLOW))

    async def watch_queue(self) -> None:
        """Tell people how many turns are before theirs, until cancelled.

        Whenever that changes, and now and then, since platforms forget what is shown for long.
        """
        told: dict[TurnId, tuple[int, float]] = {}
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._policy.position_seconds)
            told = {turn: told.get(turn, (-1, 0.0)) for turn in self._queued}
            for turn in list(self._queued.values()):
                with suppress(DependencyDown):
                    ahead = await self._store.ahead(turn.id)
                    before, at = told.get(turn.id, (-1, 0.0))
                    stale = loop.time() - at >= _POSITION_LIVES
                    if turn.id in self._queued and (before != ahead or stale):
                        told[turn.id] = ahead, loop.time()
                        await self.working(turn, TurnState.ACCEPTED, ahead=ahead)


async def _harmless(turn: Turn, showing: Awaitable[_T]) -> _T | None:
    try:
        return await showing
    except DeliveryError:
        raise
    except Exception:  # noqa: BLE001 - a defect of one platform must not cost a picture
        _log.exception("the platform failed to show something", turn=turn.id)
        return None
