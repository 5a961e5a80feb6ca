"""Whatever people and workers do, in whatever order: what must stay true of the stored turns."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Row, select

from bot.conversation import TurnRef, TurnState, Verdict
from bot.errors import Fenced, NotFound, UsageError
from bot.ports import Caps
from storage.engine import open_database
from storage.schema import threads, turns
from storage.turns import SqlTurnStore
from tests.storage.makers import (
    PLATFORMS,
    Chat,
    Clock,
    a_call,
    an_answer,
    an_attachment,
    in_workspace,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.conversation import Turn, TurnId
    from storage.engine import Database

    Rows = Sequence[Row[*tuple[Any, ...]]]

CAPS = Caps(person=2, workspace=2, total=2)
ORDER = list(TurnState)
THREADS = [in_workspace("A", 1), in_workspace("A", 2), in_workspace("B", 1)]
PEOPLE = [
    "accept", "late", "late", "attach", "cancel", "reopen", "reopen", "undo", "amend", "show",
    "erase",
]  # fmt: skip
QUEUE = ["claim", "claim", "claim", "gather", "recover", "wait"]
WORKERS = ["gathered", "call", "keep", "deliver", "judge", "postpone", "done", "fail", "fail"]

steps = st.lists(
    st.tuples(st.sampled_from(PEOPLE + QUEUE + WORKERS), st.integers(0, 5)),
    min_size=20,
    max_size=50,
)


class World:
    """Some people and workers; a worker keeps its turn even when the claim was taken from it."""

    def __init__(self, chat: Chat, database: Database) -> None:
        self.chat = chat
        self.store = chat.store
        self.database = database
        self.accepted: list[TurnId] = []
        self.held: list[Turn] = []
        self.before: dict[str, tuple[int, int]] = {}
        self.started: dict[str, int] = {}
        self.erased = False

    async def act(self, name: str, number: int) -> None:
        if name in QUEUE:
            await self.queue(name, number)
        elif name in PEOPLE:
            await self.ask(name, number)
        elif self.held:
            await self.work(name, self.held[-1 - number % min(4, len(self.held))])

    async def queue(self, name: str, number: int) -> None:
        if name == "recover":
            await self.store.recover(PLATFORMS)
        elif name == "wait":
            self.chat.clock.move(seconds=number)
        else:
            self.held += await self.chat.claim(CAPS, gather=name == "gather")

    async def ask(self, name: str, number: int) -> None:
        thread = THREADS[number % len(THREADS)]
        turn = self.accepted[number % len(self.accepted)] if self.accepted else None
        if name in {"accept", "late", "attach"}:
            now = self.chat.clock()
            when: dict[str, object] = {"sent_at": now}
            if name == "late":
                when = {
                    "sent_at": now - timedelta(seconds=number),
                    "not_before": now + timedelta(seconds=1),
                }
            files = (an_attachment(),) if name == "attach" or number == 1 else ()
            new = await self.chat.accept(thread, f"U{number % 2}", attachments=files, **when)
            self.accepted.append(new.id)
        elif name == "undo":
            await self.store.undo(thread)
        elif name == "erase":
            await self.erase(f"U{number % 2}", thread.workspace)
        elif turn and name == "show":
            with suppress(NotFound):
                await self.store.make_current(TurnRef(turn=turn))
        elif turn and name == "cancel":
            await self.store.request_cancel(turn)
        elif turn and name == "amend":
            await self.store.amend(turn, "other words", (await self.store.get(turn)).options)
        elif turn:
            with suppress(UsageError):
                await self.store.reopen(turn)
                del self.before[turn]

    async def erase(self, person: str, workspace: str) -> None:
        erased = await self.store.erase("slack", person, workspace, [])
        self.erased = self.erased or erased.turns > 0
        left = await self.store.said_by("slack", person, workspace)
        assert tuple(left) == erased.running
        rows, _ = await self.database.read(_all)
        kept = {row.id for row in rows}
        self.accepted = [turn for turn in self.accepted if turn in kept]
        self.held = [turn for turn in self.held if turn.id in kept]

    async def work(self, name: str, turn: Turn) -> None:
        """Do one step of a worker; a zombie is told that it is one, and changes nothing."""
        before = await self.store.record(turn.id)
        try:
            await self.step(name, turn)
        except Fenced:
            assert await self.store.record(turn.id) == before

    async def step(self, name: str, turn: Turn) -> None:
        state = (await self.store.get(turn.id)).state
        call = a_call(turn, number=turn.attempt)
        if name == "gathered" and state is TurnState.ACCEPTED:
            material = (await self.store.record(turn.id)).material
            await self.store.gathered(turn, [replace(item, problem="No.") for item in material])
        elif name == "call" and ORDER.index(state) <= ORDER.index(TurnState.CALLING):
            parent = (await self.store.lineage(turn, 3)).parent
            turn = replace(turn, parent=parent)
            await self.store.begin_calls(turn, [call], Caps(), self.chat.clock())
        elif name == "keep" and state is TurnState.CALLING:
            await self.store.keep(turn, [an_answer(call)], [replace(call, state="settled")], ())
        elif name in {"deliver", "done"} and state in {TurnState.STORED, TurnState.DELIVERING}:
            if name == "done":
                await self.store.finish(turn, TurnState.DONE)
            else:
                await self.store.delivering(turn)
        elif name == "postpone":
            await self.store.postpone(turn, self.chat.clock.at, "busy")
        elif name == "judge":
            await self.store.judge(turn, Verdict(state=TurnState.FAILED, text="Cut."))
        elif name == "fail":
            await self.store.finish(turn, TurnState.FAILED)

    async def check(self) -> None:
        rows, tips = await self.database.read(_all)
        check_claims(rows)
        check_threads(rows, tips, erased=self.erased)
        for row in rows:
            if row.started:
                assert self.started.setdefault(row.id, row.number) == row.number
            now = (ORDER.index(TurnState(row.state)), row.attempt)
            before = self.before.get(row.id, now)
            assert now[0] >= before[0]
            assert now[1] >= before[1]
            self.before[row.id] = now


def check_claims(rows: Rows) -> None:
    assert not any(row.claimed and TurnState(row.state).ended for row in rows)
    claimed = [row for row in rows if row.claimed and not row.pending_material]
    running = [row for row in claimed if row.verdict_state is None]
    assert len(running) <= CAPS.total
    assert _most(row.thread_id for row in running) <= 1
    assert _most(row.workspace for row in running) <= CAPS.workspace
    assert _most((row.workspace, row.author) for row in running) <= CAPS.person


def check_threads(rows: Rows, tips: Iterable[str], *, erased: bool) -> None:
    by_number = sorted(rows, key=lambda row: (row.thread_id, row.number))
    for _, of_thread in groupby(by_number, lambda row: row.thread_id):
        in_order = list(of_thread)
        if not erased:
            assert [row.number for row in in_order] == list(range(1, len(in_order) + 1))
        waiting = [row.sent for row in in_order if _has_not_started(row)]
        assert waiting == sorted(waiting)
    done = {row.id for row in rows if row.state == TurnState.DONE}
    assert done.issuperset(tips)
    assert done.issuperset(row.parent for row in rows if row.parent)
    depths = {row.id: row.depth for row in rows} | {"": 0}
    assert all(row.depth == 1 + depths[row.parent] for row in rows if row.depth)


def _has_not_started(row: Row[*tuple[Any, ...]]) -> bool:
    fresh = not row.started and row.round == 0 and row.verdict_state is None
    return fresh and not TurnState(row.state).ended


def _all(connection: Connection) -> tuple[Rows, Sequence[str]]:
    tips = select(threads.c.tip).where(threads.c.tip.is_not(None))
    return connection.execute(select(turns)).all(), connection.execute(tips).scalars().all()


def _most(keys: Iterable[object]) -> int:
    return max(Counter(keys).values(), default=0)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=steps)
def test_order_caps_and_fences_hold_whatever_happens(
    empty_database: Path, script: list[tuple[str, int]]
) -> None:
    async def run(folder: Path) -> None:
        path = shutil.copy(empty_database, folder / "threadpaint.db")
        database = await open_database(f"sqlite:///{path}")
        clock = Clock()
        world = World(Chat(store=SqlTurnStore(database, now=clock), clock=clock), database)
        try:
            for name, number in script:
                await world.act(name, number)
                await world.check()
        finally:
            await database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
