"""Work must not grow with what lies behind: counted in steps of SQLite's machine, not in time."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from bot.chat import Post
from bot.conversation import TurnRef, TurnState
from bot.ports import Caps
from storage import claims, erasing, intake, journal, lookups, moves
from storage.lineage import lineage
from tests.storage.makers import NOON, PLATFORMS, a_call, a_message, a_turn, an_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from storage.engine import Database

T = TypeVar("T")


class Meter:
    """Counts the steps that each function takes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.steps: dict[str, int] = {}

    def run(self, work: Callable[..., T], *args: object, **kwargs: object) -> T:
        raw = self.connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        name = work.__name__
        self.steps[name] = 0

        def step() -> int:
            self.steps[name] += 1
            return 0

        raw.set_progress_handler(step, 1)
        try:
            return work(self.connection, *args, **kwargs)
        finally:
            raw.set_progress_handler(None, 0)


def _life(connection: Connection) -> dict[str, int]:
    """Take one more turn of a thread through its life; returns what each step cost."""
    meter = Meter(connection)
    message = a_message(reply_to="not ours", not_before=NOON)
    meter.run(intake.accept, a_turn(message), message, None)
    (turn,) = meter.run(claims.claim, Caps(), PLATFORMS, NOON, gather=False)
    parent = meter.run(lineage, turn, 3).parent
    turn = replace(turn, parent=parent)
    call = a_call(turn)
    meter.run(moves.begin_calls, turn, [call], Caps(), NOON)
    meter.run(moves.keep, turn, [an_answer(call)], [call], (), now=NOON, told=False)
    posts = [Post(message_id=f"p{turn.id}", choice=0)]
    meter.run(moves.finish, turn, TurnState.DONE, posts, NOON)
    meter.run(claims.next_due, PLATFORMS)
    meter.run(claims.ahead, turn.id)
    meter.run(lookups.record, turn.id)
    meter.run(lookups.by_message, turn.thread, message.id)
    meter.run(lookups.by_post, turn.thread, posts[0].message_id)
    meter.run(lookups.turns_of, turn.thread, 3)
    meter.run(lookups.threads_since, "slack", "T1", NOON + timedelta(seconds=1), 3)
    meter.run(lookups.first, turn.thread)
    meter.run(erasing.said_by, "slack", "somebody else", None)
    assert len(meter.run(lookups.recent, turn.thread, turn.author, 1)) == 1
    meter.run(intake.undo, turn.thread)
    meter.run(intake.make_current, TurnRef(turn=turn.id))
    for kind in ("slack.upload", f"slack.{turn.id}"):
        meter.run(journal.write, kind, turn.id, {"ts": "1"}, NOON)
    meter.run(journal.read, "slack.upload", turn.id)
    meter.run(journal.read_all, f"slack.{turn.id}")
    meter.run(journal.forget, f"slack.{turn.id}", NOON)
    meter.run(journal.remove, f"slack.{turn.id}", turn.id)
    return meter.steps


async def test_a_turn_costs_as_much_after_300_others_as_after_10(database: Database) -> None:
    lives = await database.write(lambda connection: [_life(connection) for _ in range(310)])

    early, late = lives[9], lives[-1]
    assert min(early.values()) > 0
    assert {
        name: late[name] / early[name] for name in early if late[name] > 1.2 * early[name]
    } == {}
