"""Threads of a platform that may deliver reply 2 before reply 1."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from bot.conversation import TurnState, Verdict
from tests.storage.makers import NOON, PLATFORMS, THREAD, a_message, a_turn, an_attachment

if TYPE_CHECKING:
    from bot.chat import Attachment
    from bot.conversation import Turn, TurnId
    from tests.storage.makers import Chat

WINDOW = timedelta(seconds=1)


async def _hear(
    chat: Chat, sent: float, author: str = "U1", attachments: tuple[Attachment, ...] = ()
) -> Turn:
    """Accept what was said so many seconds after noon; earlier replies may come for a second."""
    return await chat.accept(
        author=author,
        attachments=attachments,
        sent_at=NOON + timedelta(seconds=sent),
        not_before=chat.clock() + WINDOW,
    )


async def _order(chat: Chat) -> list[TurnId]:
    return [turn.id for turn in await chat.store.turns_of(THREAD)]


async def _end(chat: Chat, turn: Turn) -> None:
    await chat.store.finish(turn, TurnState.REFUSED)


async def _run_out(chat: Chat) -> list[TurnId]:
    """Run a thread to its end, as the queue does: wake when something is due."""
    ran = []
    while due := await chat.store.next_due(PLATFORMS):
        chat.clock.at = max(due, chat.clock.at)
        while turns := await chat.claim():
            (turn,) = turns
            ran.append(turn.id)
            await _end(chat, turn)
    return ran


async def test_a_turn_waits_while_earlier_messages_may_still_come(chat: Chat) -> None:
    turn = await _hear(chat, 0)
    assert await chat.claim() == []
    assert await chat.store.next_due(PLATFORMS) == NOON + WINDOW

    chat.clock.move(seconds=1)

    assert [each.id for each in await chat.claim()] == [turn.id]
    assert await chat.store.next_due(PLATFORMS) is None


@pytest.mark.parametrize("arrival", list(permutations(range(5)))[1::17])
async def test_shuffled_replies_run_in_the_order_in_which_they_were_sent(
    chat: Chat, arrival: tuple[int, ...]
) -> None:
    heard = {}
    for sent in arrival:
        heard[sent] = (await _hear(chat, sent / 10)).id
        chat.clock.move(milliseconds=190)
        assert await chat.claim() == []
    expected = [heard[sent] for sent in range(5)]

    assert await _order(chat) == expected
    assert [turn.number for turn in await chat.store.turns_of(THREAD)] == [1, 2, 3, 4, 5]
    assert await _run_out(chat) == expected


async def test_a_reply_that_comes_late_is_put_before_those_that_have_not_started(
    chat: Chat,
) -> None:
    first, second, fourth = [await _hear(chat, sent) for sent in (1, 2, 4)]
    chat.clock.move(seconds=20)
    (running,) = await chat.claim()
    third = await _hear(chat, 3)
    earliest = await _hear(chat, 0)

    numbers = [first.id, earliest.id, second.id, third.id, fourth.id]
    assert await _order(chat) == numbers
    assert running.id == first.id
    assert (await chat.store.get(running.id)).number == 1
    await _end(chat, running)
    assert await _run_out(chat) == numbers[1:]


@pytest.mark.parametrize("how", ["recovered", "postponed", "tried again"])
async def test_a_turn_that_has_started_keeps_its_place_for_good(chat: Chat, how: str) -> None:
    await _hear(chat, 1)
    chat.clock.move(seconds=1)
    (turn,) = await chat.claim()
    if how == "recovered":
        await chat.store.recover(PLATFORMS)
    elif how == "postponed":
        await chat.store.postpone(turn, NOON + timedelta(hours=1), "busy")
    else:
        await chat.store.judge(turn, Verdict(state=TurnState.FAILED, text="Cut.", retry=True))
        await chat.store.finish(turn, TurnState.FAILED)
        await chat.store.reopen(turn.id)

    late = await _hear(chat, 0)

    assert await _order(chat) == [turn.id, late.id]


async def test_a_download_that_failed_and_is_tried_again_keeps_its_place(chat: Chat) -> None:
    await _hear(chat, 1, attachments=(an_attachment(),))
    (turn,) = await chat.claim(gather=True)
    await chat.store.judge(turn, Verdict(state=TurnState.FAILED, text="A defect.", retry=True))
    await chat.store.finish(turn, TurnState.FAILED)
    later = await chat.claimed()
    await chat.store.reopen(turn.id)

    late = await _hear(chat, 0)

    assert await _order(chat) == [turn.id, later.id, late.id]


async def test_downloads_do_not_wait_and_do_not_count_as_a_start(chat: Chat) -> None:
    second = await _hear(chat, 2, attachments=(an_attachment(),))
    (gathering,) = await chat.claim(gather=True)
    assert gathering.id == second.id
    first = await _hear(chat, 1)
    material = (await chat.store.record(second.id)).material
    await chat.store.gathered(gathering, [replace(item, problem="No.") for item in material])
    zeroth = await _hear(chat, 0)

    assert await chat.claim() == []
    assert await _run_out(chat) == [zeroth.id, first.id, second.id]


async def test_a_download_that_was_postponed_waits(chat: Chat) -> None:
    await _hear(chat, 0, attachments=(an_attachment(),))
    (turn,) = await chat.claim(gather=True)
    await chat.store.postpone(turn, NOON + timedelta(seconds=9), "busy")
    assert await chat.claim(gather=True) == []
    chat.clock.move(seconds=9)
    assert len(await chat.claim(gather=True)) == 1


async def test_what_only_has_to_be_told_neither_waits_nor_moves(chat: Chat) -> None:
    later = await _hear(chat, 2)
    wrong = a_message(sent_at=NOON + timedelta(seconds=3), not_before=NOON + WINDOW)
    verdict = Verdict(state=TurnState.FAILED, text="No such flag.")
    await chat.store.accept(a_turn(wrong, verdict=verdict), wrong)

    first = await _hear(chat, 1)

    (told,) = await chat.claim()
    assert told.message_id == wrong.id
    assert await _order(chat) == [first.id, told.id, later.id]


async def test_a_cancel_does_not_wait_for_earlier_messages(chat: Chat) -> None:
    turn = await _hear(chat, 0)
    await chat.store.request_cancel(turn.id)
    assert [each.id for each in await chat.claim()] == [turn.id]


async def test_platforms_that_deliver_in_order_keep_the_order_of_acceptance(chat: Chat) -> None:
    first = await chat.accept(sent_at=NOON + timedelta(seconds=5))
    second = await chat.accept(sent_at=NOON)
    assert await _order(chat) == [first.id, second.id]


async def test_equal_times_and_copies_change_no_order(chat: Chat) -> None:
    turns = [await _hear(chat, 1) for _ in range(3)]
    again = a_message(id=turns[2].message_id, sent_at=NOON, not_before=NOON + WINDOW)
    assert (await chat.store.accept(a_turn(again), again)) == (turns[2].id, False)
    assert await _order(chat) == [turn.id for turn in turns]


async def test_a_place_in_the_queue_counts_by_the_order_of_the_thread(chat: Chat) -> None:
    last, middle, first = [await _hear(chat, sent) for sent in (3, 2, 1)]
    places = [await chat.store.ahead(turn.id) for turn in (first, middle, last)]
    assert places == [0, 1, 2]


async def test_the_first_turn_of_a_thread_is_the_one_that_was_sent_first(chat: Chat) -> None:
    assert await chat.store.first(THREAD) is None
    await _hear(chat, 2, author="U2")
    root = await _hear(chat, 1, author="U1")
    await _hear(chat, 3)

    found = await chat.store.first(THREAD)

    assert found is not None
    assert (found.id, found.author, found.number, found.prompt) == (root.id, "U1", 1, "")
