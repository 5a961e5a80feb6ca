"""The order of a thread whose platform delivers out of order: numbers follow the sending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, not_, select, update

from storage.schema import Moment, is_open, turns

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

_SENT_LATER = (
    select(turns.c.id, turns.c.number)
    .where(
        turns.c.thread_id == bindparam("thread_"),
        is_open(turns),
        turns.c.verdict_state.is_(None),
        not_(turns.c.started),
        turns.c.round == 0,  # one that is tried again keeps its place
        turns.c.sent > bindparam("sent_", type_=Moment),
    )
    .order_by(turns.c.number.desc())
)
_MOVE = update(turns).where(turns.c.id == bindparam("turn_")).values(number=bindparam("number_"))


def take_place(connection: Connection, thread_id: int, last: int, sent: datetime) -> int:
    """Find the number of a new turn: before all that were sent later and have not started.

    last: the number after all others. Those turns take the next one's number each, the last of them
    first: so no number is ever taken twice.
    """
    free, moves = last, []
    for turn in connection.execute(_SENT_LATER, {"thread_": thread_id, "sent_": sent}):
        moves.append({"turn_": turn.id, "number_": free})
        free = turn.number
    if moves:
        connection.execute(_MOVE, moves)
    return free
