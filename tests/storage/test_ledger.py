from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.conversation import TurnState
from bot.errors import LimitError
from bot.ports import Caps
from tests.storage.makers import (
    FREE,
    NOON,
    PLATFORMS,
    THREAD,
    a_call,
    a_message,
    a_turn,
    in_thread,
    in_workspace,
)

if TYPE_CHECKING:
    from bot.conversation import Turn
    from bot.ports import Call
    from storage.ledger import SqlLedger
    from tests.storage.makers import Chat

MIDNIGHT = NOON.replace(hour=0)
CENT = 10_000


async def _call(chat: Chat, turn: Turn, caps: Caps, amount: int = CENT, number: int = 0) -> Call:
    call = a_call(turn, number=number, amount=amount, at=chat.clock())
    await chat.store.begin_calls(turn, [call], caps, chat.clock())
    return call


async def test_of_200_calls_at_once_a_budget_for_20_lets_20_through(
    chat: Chat, ledger: SqlLedger
) -> None:
    turns = await asyncio.gather(*(chat.accept(in_thread(n)) for n in range(200)))
    claimed = await chat.store.claim(FREE, PLATFORMS, NOON)
    assert len(claimed) == len(turns) == 200
    caps = Caps(workspace_daily_budget=20 * CENT)

    results = await asyncio.gather(
        *(_call(chat, turn, caps) for turn in claimed), return_exceptions=True
    )

    assert sum(isinstance(result, LimitError) for result in results) == 180
    assert sum(not isinstance(result, BaseException) for result in results) == 20
    assert await ledger.spent(THREAD, MIDNIGHT) == 20 * CENT


async def test_a_refused_call_changes_nothing(chat: Chat) -> None:
    turn = await chat.claimed()
    before = await chat.store.record(turn.id)
    with pytest.raises(LimitError):
        await _call(chat, turn, Caps(workspace_daily_budget=0))
    assert await chat.store.record(turn.id) == before


async def test_a_person_has_so_many_pictures_a_day(chat: Chat, ledger: SqlLedger) -> None:
    caps = Caps(person_daily_pictures=2)
    turn = await chat.claimed()
    calls = [a_call(turn, choice) for choice in range(2)]
    await chat.store.begin_calls(turn, calls, caps, NOON)
    assert await ledger.pictures(in_thread("any"), "U1", MIDNIGHT) == 2

    used_up = await chat.claimed(in_thread(2))
    with pytest.raises(LimitError) as refusal:
        await _call(chat, used_up, caps)
    assert str(refusal.value) == (
        "Your 2 pictures for today are used up. There are new ones after midnight UTC."
    )
    await _call(chat, await chat.claimed(in_thread(3), "U2"), caps)
    await _call(chat, await chat.claimed(in_workspace("T2"), "U1"), caps)


async def test_all_pictures_of_a_turn_are_allowed_or_none(chat: Chat, ledger: SqlLedger) -> None:
    turn = await chat.claimed()
    calls = [a_call(turn, choice) for choice in range(4)]
    with pytest.raises(LimitError, match="You have 3 of 3 pictures left for today, and this needs"):
        await chat.store.begin_calls(turn, calls, Caps(person_daily_pictures=3), NOON)
    assert await ledger.pictures(THREAD, "U1", MIDNIGHT) == 0


async def test_the_smaller_of_the_platforms_and_the_operators_quota_holds(chat: Chat) -> None:
    for quota, operators, most in ((1, 3, 1), (3, 1, 1), (1, None, 1), (None, 1, 1), (0, 5, 0)):
        place = in_workspace(f"{quota}-{operators}")
        message = a_message(place)
        await chat.store.accept(a_turn(message, quota=quota), message)
        (turn,) = await chat.claim()
        caps = Caps(person_daily_pictures=operators)
        for number in range(most):
            await _call(chat, turn, caps, number=number)
        with pytest.raises(LimitError, match=r"for today (is|are) used up\. There are new ones"):
            await _call(chat, turn, caps, number=9)


async def test_of_50_calls_at_once_a_quota_of_the_platform_for_5_lets_5_through(
    chat: Chat, ledger: SqlLedger
) -> None:
    for number in range(50):
        message = a_message(in_thread(number))
        await chat.store.accept(a_turn(message, quota=5), message)
    claimed = await chat.claim()

    results = await asyncio.gather(
        *(_call(chat, turn, Caps()) for turn in claimed), return_exceptions=True
    )

    refused = [str(result) for result in results if isinstance(result, LimitError)]
    assert len(refused) == 45
    assert set(refused) == {
        "Your 5 pictures for today are used up. There are new ones after midnight UTC."
    }
    assert await ledger.pictures(THREAD, "U1", MIDNIGHT) == 5


async def test_budgets_are_the_workspaces(chat: Chat) -> None:
    caps = Caps(workspace_daily_budget=200 * CENT)
    await _call(chat, await chat.claimed(in_thread(1)), caps, 200 * CENT)
    with pytest.raises(LimitError) as refusal:
        await _call(chat, await chat.claimed(in_thread(2), "U2"), caps)
    assert str(refusal.value) == (
        "This workspace's budget for today ($2.00) is used up. An admin can raise it; it starts"
        " anew at midnight UTC."
    )
    await _call(chat, await chat.claimed(in_workspace("T2")), caps)


async def test_a_budget_that_is_too_small_for_the_call_says_what_is_left(chat: Chat) -> None:
    caps = Caps(workspace_monthly_budget=100 * CENT)
    await _call(chat, await chat.claimed(in_thread(1)), caps, 97 * CENT)
    with pytest.raises(LimitError, match=r"this month \(\$1.00\) has \$0.03 left, and .* \$0.06"):
        await _call(chat, await chat.claimed(in_thread(2)), caps, 6 * CENT)
    await _call(chat, await chat.claimed(in_thread(3)), caps, 3 * CENT)


async def test_a_new_day_and_a_new_month_begin_at_midnight_utc(chat: Chat) -> None:
    caps = Caps(
        person_daily_pictures=1, workspace_daily_budget=CENT, workspace_monthly_budget=2 * CENT
    )
    chat.clock.at = datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC)
    await _call(chat, await chat.claimed(in_thread(1)), caps)
    late = await chat.claimed(in_thread(2))
    with pytest.raises(LimitError, match="Your picture for today is used up"):
        await _call(chat, late, caps)

    chat.clock.at = datetime(2026, 11, 30, tzinfo=UTC)
    await _call(chat, late, caps)

    chat.clock.at = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    later = await chat.claimed(in_thread(3))
    with pytest.raises(LimitError, match=r"for this month .* anew on the first of the month, UTC"):
        await _call(
            chat, later, replace(caps, person_daily_pictures=9, workspace_daily_budget=None)
        )

    chat.clock.at = datetime(2026, 12, 1, tzinfo=UTC)
    await _call(chat, later, caps)


async def test_what_was_not_billed_does_not_count_and_what_was_counts_as_billed(
    chat: Chat, ledger: SqlLedger
) -> None:
    caps = Caps(person_daily_pictures=2, workspace_daily_budget=10 * CENT)
    turn = await chat.claimed()
    call = await _call(chat, turn, caps, 10 * CENT)
    await chat.store.end_call(turn, replace(call, state="released", amount=0))
    assert await ledger.pictures(THREAD, "U1", MIDNIGHT) == 0
    call = await _call(chat, turn, caps, 10 * CENT, 1)
    await chat.store.end_call(turn, replace(call, state="settled", amount=4 * CENT))
    assert await ledger.spent(THREAD, MIDNIGHT) == 4 * CENT
    await _call(chat, turn, caps, 6 * CENT, 2)
    with pytest.raises(LimitError):
        await _call(chat, turn, caps, 0, 3)


async def test_an_unknown_call_counts(chat: Chat, ledger: SqlLedger) -> None:
    turn = await chat.claimed()
    await _call(chat, turn, Caps(), 3 * CENT)
    await chat.store.recover(PLATFORMS)
    (turn,) = await chat.claim()
    await _call(chat, turn, Caps(), 3 * CENT, 1)
    assert await ledger.spent(THREAD, MIDNIGHT) == 6 * CENT
    with pytest.raises(LimitError):
        await _call(chat, turn, Caps(workspace_daily_budget=8 * CENT), 3 * CENT, 2)


async def test_spending_is_summed_up_by_workspace_and_time(chat: Chat, ledger: SqlLedger) -> None:
    await _call(chat, await chat.claimed(in_thread(1)), Caps(), CENT)
    chat.clock.move(hours=1)
    await _call(chat, await chat.claimed(in_thread(2), "U2"), Caps(), 2 * CENT)
    await _call(chat, await chat.claimed(in_workspace("T2")), Caps(), 4 * CENT)

    assert await ledger.spent(None, MIDNIGHT) == 7 * CENT
    assert await ledger.spent(in_thread("any"), MIDNIGHT) == 3 * CENT
    assert await ledger.spent(THREAD, NOON + timedelta(minutes=1)) == 2 * CENT
    assert await ledger.spent(in_workspace("T3"), MIDNIGHT) == 0
    assert await ledger.pictures(THREAD, "U2", MIDNIGHT) == 1


async def test_a_turn_that_ended_keeps_its_place_in_the_ledger(
    chat: Chat, ledger: SqlLedger
) -> None:
    turn = await chat.stored(await chat.claimed())
    await chat.store.finish(turn, TurnState.DONE)
    assert await ledger.spent(THREAD, MIDNIGHT) == 90_000
