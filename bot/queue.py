"""The embedded TurnQueue: the turn row is the queue entry, this process its only dispatcher."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

import structlog

from bot.errors import DependencyDown
from bot.turns import STORAGE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from bot.conversation import Turn
    from bot.ports import Caps, TurnStore

Work: TypeAlias = "Callable[[Turn], Awaitable[None]]"

_log = structlog.get_logger(__name__)

_SAFETY_SECONDS = 30.0  # a look at the rows even when nobody woke us


class EmbeddedQueue:
    """Claims turns as their order and the caps allow, and advances each in a task of its own.

    Only one process may run one over a database (the data folder's lock sees to it): it takes up
    every turn that a dead process had claimed.
    """

    def __init__(
        self,
        *,
        store: TurnStore,
        advance: Work,
        gather: Work,
        caps: Caps,
        platforms: Sequence[str],
        now: Callable[[], datetime],
    ) -> None:
        """Take the parts. platforms: only their turns are claimed."""
        self._store = store
        self._advance = advance
        self._gather = gather
        self._caps = caps
        self._platforms = tuple(platforms)
        self._now = now
        self._event = asyncio.Event()
        self._gather_due = True
        self._claiming = asyncio.Lock()
        self._draining = False
        self._tasks: set[asyncio.Task[None]] = set()

    def leave(self, platform: str) -> None:
        """Claim no turns of a platform any more: nothing could be told or shown there."""
        self._platforms = tuple(name for name in self._platforms if name != platform)

    def wake(self, *, gather: bool = False) -> None:
        """Say that a turn may have become runnable. gather: one with attachments to download."""
        self._gather_due = self._gather_due or gather
        self._event.set()

    async def run(self) -> None:
        """Advance turns until cancelled; then the tasks under way are cancelled too."""
        await self._store.recover(self._platforms)
        try:
            while True:
                self._event.clear()
                await self._wait(await self._start())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def drain(self, seconds: float) -> bool:
        """Claim nothing more and wait for what runs; False when the time was not enough."""
        self._draining = True
        async with self._claiming:  # what is being claimed just now runs, too
            pass
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        return not self._tasks

    async def _start(self) -> float:
        """Start what may run; returns the seconds until something else may have to."""
        try:
            async with self._claiming:
                await self._claim_all()
            due = await self._store.next_due(self._platforms)
        except DependencyDown as error:
            _log.error("the queue cannot read its turns", error=str(error))
            self._gather_due = True
            return STORAGE_SECONDS
        return max(0.0, (due - self._now()).total_seconds()) if due else _SAFETY_SECONDS

    async def _claim_all(self) -> None:
        if self._gather_due and not self._draining:
            self._gather_due = False
            for turn in await self._claim(gather=True):
                self._spawn(turn, self._gather, gather=True)
        if not self._draining:
            for turn in await self._claim(gather=False):
                self._spawn(turn, self._advance)

    async def _claim(self, *, gather: bool) -> list[Turn]:
        return await self._store.claim(self._caps, self._platforms, self._now(), gather=gather)

    def _spawn(self, turn: Turn, work: Work, *, gather: bool = False) -> None:
        task = asyncio.create_task(self._surely(turn, work), name=f"turn {turn.id}")
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()):
                _log.error("turn stopped", turn=turn.id, exc_info=error)
            self.wake(gather=gather)

        task.add_done_callback(ended)

    async def _surely(self, turn: Turn, work: Work) -> None:
        """Do the work, from what is stored by then, as often as the storage fails meanwhile."""
        stale = False
        while True:
            try:
                if stale:
                    turn = await self._store.get(turn.id)
                await work(turn)
            except DependencyDown as error:
                _log.error("storage down, turn waits", turn=turn.id, error=str(error))
                stale = True
                await asyncio.sleep(STORAGE_SECONDS)
            else:
                return

    async def _wait(self, seconds: float) -> None:
        """Sleep until woken; a time-out is a safety look at all rows."""
        try:
            async with asyncio.timeout(min(seconds, _SAFETY_SECONDS)):
                await self._event.wait()
        except TimeoutError:
            self._gather_due = True
