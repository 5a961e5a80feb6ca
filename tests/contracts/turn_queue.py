"""What every queue of turns has to do; run over each implementation and its own store."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.chat import Attachment, Message
from bot.conversation import ThreadId, Turn, TurnState, new_turn_id
from bot.errors import DependencyDown
from bot.ports import Caps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    import pytest

    from bot.conversation import TurnId
    from bot.ports import TurnQueue, TurnStore

    Work = Callable[[Turn], Awaitable[None]]


def now() -> datetime:
    return datetime.now(UTC)


class Desk:
    """A store, a queue over it, and work that waits until it is let go."""

    def __init__(self, store: TurnStore) -> None:
        self.store = store
        self.queue: TurnQueue
        self.started: list[TurnId] = []
        self.ended: list[TurnId] = []
        self.running: set[TurnId] = set()
        self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.changed = asyncio.Condition()
        self.failures: list[Exception] = []
        self.postpone = False

    async def advance(self, turn: Turn) -> None:
        if self.failures:
            raise self.failures.pop()
        if self.postpone and not turn.tries:
            await self.store.postpone(turn, now() + timedelta(seconds=0.05), "later")
            return
        self.started.append(turn.id)
        self.running.add(turn.id)
        self.most = max(self.most, len(self.running))
        await self._notify()
        try:
            await self.gate.wait()
            await self.store.finish(turn, TurnState.DONE)
        finally:
            self.running.discard(turn.id)
        self.ended.append(turn.id)
        await self._notify()

    async def gather(self, turn: Turn) -> None:
        self.started.append(turn.id)
        await self._notify()
        record = await self.store.record(turn.id)
        await self.store.gathered(turn, record.material)

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(condition), 20)

    async def accept(
        self, thread: str = "t1", author: str = "ann", workspace: str = "w1", files: int = 0
    ) -> TurnId:
        turn = Turn(
            id=new_turn_id(),
            thread=ThreadId(platform="chat", workspace=workspace, channel="c", thread=thread),
            state=TurnState.ACCEPTED,
            author=author,
            message_id=new_turn_id(),
            created=now(),
        )
        message = Message(
            id=turn.message_id,
            thread=turn.thread,
            author=author,
            text="",
            sent_at=now(),
            attachments=tuple(Attachment(name=f"{n}.png") for n in range(files)),
        )
        await self.store.accept(turn, message)
        self.queue.wake(gather=bool(files))
        return turn.id


class TurnQueueContract(ABC):
    """Subclass it, give it a store and a queue."""

    @abstractmethod
    def open_store(self, folder: Path) -> AbstractAsyncContextManager[TurnStore]:
        """Open a store over a folder, the same again for the same folder."""

    @abstractmethod
    def make_queue(self, store: TurnStore, advance: Work, gather: Work, caps: Caps) -> TurnQueue:
        """Make a queue over the store."""

    @asynccontextmanager
    async def desk(self, folder: Path, caps: Caps | None = None) -> AsyncIterator[Desk]:
        async with self.open_store(folder) as store:
            desk = Desk(store)
            desk.queue = self.make_queue(store, desk.advance, desk.gather, caps or Caps())
            task = asyncio.create_task(desk.queue.run())
            try:
                yield desk
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def test_turns_of_a_thread_run_in_order_and_threads_side_by_side(
        self, tmp_path: Path
    ) -> None:
        async with self.desk(tmp_path, Caps(person=100, workspace=100, total=100)) as desk:
            turns = {t: [await desk.accept(t) for _ in range(5)] for t in "abcdefgh"}
            await desk.until(lambda: len(desk.ended) == 40)
        for thread in turns.values():
            assert [turn for turn in desk.started if turn in thread] == thread

    async def test_caps_are_reached_and_never_passed(self, tmp_path: Path) -> None:
        async with self.desk(tmp_path, Caps(person=2, workspace=4, total=6)) as desk:
            desk.gate.clear()
            for number in range(30):
                await desk.accept(f"t{number}", f"p{number % 5}", f"w{number % 3}")
            await desk.until(lambda: len(desk.running) == 6)
            desk.gate.set()
            await desk.until(lambda: len(desk.ended) == 30)
        assert desk.most == 6

    async def test_a_busy_workspace_does_not_keep_another_waiting(self, tmp_path: Path) -> None:
        async with self.desk(tmp_path, Caps(person=100, workspace=100, total=2)) as desk:
            desk.gate.clear()
            for number in range(20):
                await desk.accept(f"t{number}", workspace="busy")
            late = await desk.accept(workspace="quiet")
            desk.gate.set()
            await desk.until(lambda: late in desk.started)
            assert desk.started.index(late) <= 3

    async def test_gathering_waits_neither_for_the_thread_nor_for_the_caps(
        self, tmp_path: Path
    ) -> None:
        async with self.desk(tmp_path, Caps(person=1, workspace=1, total=1)) as desk:
            desk.gate.clear()
            await desk.accept()
            later = await desk.accept(files=2)
            await desk.until(lambda: later in desk.started)

    async def test_a_new_process_takes_up_what_the_dead_one_ran(self, tmp_path: Path) -> None:
        async with self.desk(tmp_path) as desk:
            desk.gate.clear()
            turn = await desk.accept()
            await desk.until(lambda: turn in desk.running)
        async with self.desk(tmp_path) as desk:
            await desk.until(lambda: turn in desk.ended)
            assert (await desk.store.get(turn)).attempt == 2

    async def test_a_draining_queue_finishes_and_starts_nothing_more(self, tmp_path: Path) -> None:
        async with self.desk(tmp_path) as desk:
            desk.gate.clear()
            turn = await desk.accept()
            follower = await desk.accept()
            await desk.until(lambda: turn in desk.running)
            assert not await desk.queue.drain(0.01)
            desk.gate.set()
            assert await desk.queue.drain(20)
            assert desk.ended == [turn]
            assert (await desk.store.get(follower)).state is TurnState.ACCEPTED

    async def test_a_postponed_turn_comes_back_when_it_is_due(self, tmp_path: Path) -> None:
        async with self.desk(tmp_path) as desk:
            desk.postpone = True
            turn = await desk.accept()
            await desk.until(lambda: turn in desk.ended)
            assert (await desk.store.get(turn)).attempt == 2

    async def test_work_is_repeated_when_the_storage_was_down(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.queue.STORAGE_SECONDS", 0.01)
        async with self.desk(tmp_path) as desk:
            desk.failures.append(DependencyDown("The disk is full."))
            turn = await desk.accept()
            await desk.until(lambda: turn in desk.ended)
