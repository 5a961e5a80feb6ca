"""What was spent, and whether more may be: the ledger's rows, quotas and budgets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, case, func, select, update

from bot.errors import LimitError
from storage.engine import upsert
from storage.rows import call_to_row
from storage.schema import Moment, ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from bot.conversation import ThreadId, Turn, TurnId
    from bot.ports import Call, Caps
    from storage.engine import Database

_SINCE = ledger.c.created >= bindparam("since", type_=Moment)
_TODAY = ledger.c.created >= bindparam("day", type_=Moment)
_MINE = ledger.c.person == bindparam("person_")
_COUNTS = ledger.c.state.in_(("reserved", "settled", "unknown"))
_WORKSPACE = (
    ledger.c.platform == bindparam("platform_"),
    ledger.c.workspace == bindparam("workspace_"),
)
_AMOUNT: ColumnElement[int] = func.coalesce(func.sum(ledger.c.amount), 0)


def _sum(of: ColumnElement[int] | int, when: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((when, of), else_=0)), 0)


_SPENT = select(_AMOUNT).where(_SINCE, _COUNTS)
_WORKSPACE_SPENT = _SPENT.where(*_WORKSPACE)
_PICTURES = select(func.count()).where(*_WORKSPACE, _MINE, _SINCE, _COUNTS)
_RESERVED = select(ledger.c.id).where(ledger.c.state == "reserved")
_TOTALS = select(
    _sum(1, _TODAY & _MINE).label("pictures"),
    _sum(ledger.c.amount, _TODAY).label("day"),
    _AMOUNT.label("month"),
).where(*_WORKSPACE, _SINCE, _COUNTS)

_LEFT_BEHIND = (
    update(ledger)
    .where(ledger.c.turn_id == bindparam("turn_"), ledger.c.state == "reserved")
    .values(state="unknown")
)
_CHOICES_LEFT_BEHIND = _LEFT_BEHIND.where(ledger.c.choice.in_(bindparam("choices_")))
_SAVE = upsert(ledger, ["id"], "state", "amount", "usage", "request", "note")


class SqlLedger:
    """The port Ledger over a database."""

    def __init__(self, database: Database) -> None:
        """Take an open, migrated database."""
        self._database = database

    async def spent(self, workspace: ThreadId | None, since: datetime) -> int:
        """Sum up reserved, settled and unknown calls since a time, in micro-dollars."""
        return await self._database.read(_spent, workspace, since)

    async def reserved(self) -> frozenset[str]:
        """Name the calls of which nothing is known yet."""
        return await self._database.read(_reserved)

    async def pictures(self, thread: ThreadId, author: str, since: datetime) -> int:
        """Count the same calls of one person in the thread's workspace."""
        return await self._database.read(_pictures, thread, author, since)


def reserve(
    connection: Connection, turn: Turn, calls: Sequence[Call], caps: Caps, now: datetime
) -> None:
    """Write calls into the ledger; LimitError when the caps do not allow all of them."""
    give_up_calls(connection, turn.id, [call.choice for call in calls])
    _check(connection, turn, calls, caps, now.astimezone(UTC))
    save_calls(connection, turn, calls)


def save_calls(connection: Connection, turn: Turn, calls: Sequence[Call]) -> None:
    """Save what became of calls; one that is not in the ledger yet is written into it."""
    if calls:
        connection.execute(_SAVE, [call_to_row(turn, call) for call in calls])


def give_up_calls(
    connection: Connection, turn: TurnId, choices: Sequence[int] | None = None
) -> None:
    """Make calls that are still reserved unknown: of a turn, or of some choices of it."""
    if choices is None:
        connection.execute(_LEFT_BEHIND, {"turn_": turn})
    else:
        connection.execute(_CHOICES_LEFT_BEHIND, {"turn_": turn, "choices_": choices})


def _check(
    connection: Connection, turn: Turn, calls: Sequence[Call], caps: Caps, now: datetime
) -> None:
    quotas = [quota for quota in (turn.quota, caps.person_daily_pictures) if quota is not None]
    budgets = caps.workspace_daily_budget, caps.workspace_monthly_budget
    if not quotas and budgets == (None, None):
        return
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = day if caps.workspace_monthly_budget is None else day.replace(day=1)
    totals = connection.execute(
        _TOTALS,
        {
            **_place(turn.thread),
            "person_": turn.author,
            "day": day,
            "since": since,
        },
    ).one()
    price = sum(call.amount for call in calls)
    _check_pictures(totals.pictures, len(calls), min(quotas, default=None))
    _check_budget(totals.day, price, caps.workspace_daily_budget, "today", "at midnight UTC")
    _check_budget(
        totals.month,
        price,
        caps.workspace_monthly_budget,
        "this month",
        "on the first of the month, UTC",
    )


def _check_pictures(used: int, wanted: int, most: int | None) -> None:
    if most is None or used + wanted <= most:
        return
    yours = "picture for today is" if most == 1 else f"{most} pictures for today are"
    message = f"Your {yours} used up. There are new ones after midnight UTC."
    if used < most:
        message = (
            f"You have {most - used} of {most} pictures left for today, and this needs {wanted}."
            " Ask for fewer, or wait until midnight UTC."
        )
    raise LimitError(message)


def _check_budget(spent: int, price: int, most: int | None, period: str, anew: str) -> None:
    if most is None or spent + price <= most:
        return
    gone = f"This workspace's budget for {period} ({_dollars(most)}) is used up."
    if spent < most:
        gone = (
            f"This workspace's budget for {period} ({_dollars(most)}) has {_dollars(most - spent)}"
            f" left, and this needs about {_dollars(price)}."
        )
    raise LimitError(f"{gone} An admin can raise it; it starts anew {anew}.")


def _dollars(amount: int) -> str:
    return f"${amount / 1e6:.2f}"


def _place(thread: ThreadId) -> dict[str, object]:
    return {"platform_": thread.platform, "workspace_": thread.workspace}


def _spent(connection: Connection, workspace: ThreadId | None, since: datetime) -> int:
    if workspace is None:
        return connection.execute(_SPENT, {"since": since}).scalar_one()
    values = {**_place(workspace), "since": since}
    return connection.execute(_WORKSPACE_SPENT, values).scalar_one()


def _reserved(connection: Connection) -> frozenset[str]:
    return frozenset(connection.scalars(_RESERVED))


def _pictures(connection: Connection, thread: ThreadId, author: str, since: datetime) -> int:
    values = {**_place(thread), "person_": author, "since": since}
    return connection.execute(_PICTURES, values).scalar_one()
