from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.conversation import TurnState, Verdict
from bot.ports import Caps
from tests.storage.makers import (
    FREE,
    NOON,
    PLATFORMS,
    THREAD,
    an_attachment,
    in_thread,
    in_workspace,
)

if TYPE_CHECKING:
    from bot.conversation import Turn
    from tests.storage.makers import Chat


async def _refuse(chat: Chat, turn: Turn) -> None:
    chat.clock.move(seconds=1)
    await chat.store.finish(turn, TurnState.REFUSED)


async def test_turns_of_a_thread_run_one_after_another_in_order(chat: Chat) -> None:
    accepted = [await chat.accept() for _ in range(4)]
    ran = []
    while turns := await chat.claim():
        assert len(turns) == 1
        assert await chat.claim() == []
        ran += turns
        await _refuse(chat, turns[0])
    assert [turn.id for turn in ran] == [turn.id for turn in accepted]


async def test_a_turn_that_is_tried_again_waits_for_the_one_that_runs(chat: Chat) -> None:
    failed = await chat.claimed()
    await chat.store.judge(failed, Verdict(state=TurnState.FAILED, text="Cut.", retry=True))
    await chat.store.finish(failed, TurnState.FAILED)
    running = await chat.claimed()
    await chat.accept()
    await chat.store.reopen(failed.id)
    assert await chat.claim() == []

    await _refuse(chat, running)

    assert [turn.id for turn in await chat.claim()] == [failed.id]


async def test_threads_run_side_by_side(chat: Chat) -> None:
    for thread in range(5):
        await chat.accept(in_thread(thread))
    assert len(await chat.claim()) == 5


async def test_a_claim_raises_the_attempt_and_brings_the_prompt(chat: Chat) -> None:
    accepted = await chat.accept(text="a red fox")
    (turn,) = await chat.claim()
    assert (turn.attempt, turn.prompt, turn.number) == (1, "a red fox", 1)
    assert turn == await chat.store.get(accepted.id)
    steps = (await chat.store.record(turn.id)).steps
    assert [(step.state, step.attempt) for step in steps] == [("accepted", 0), ("claimed", 1)]


async def test_caps_of_a_person_a_workspace_and_all_are_held(chat: Chat) -> None:
    caps = Caps(person=2, workspace=5, total=8)
    for workspace in ("A", "B"):
        for person in range(4):
            for thread in range(4):
                place = in_workspace(workspace, f"{person}.{thread}")
                await chat.accept(place, author=f"U{person}")

    turns = await chat.claim(caps)

    assert len(turns) == 8
    people = Counter((turn.thread.workspace, turn.author) for turn in turns)
    assert max(people.values()) <= 2
    assert max(Counter(turn.thread.workspace for turn in turns).values()) <= 5
    assert await chat.claim(caps) == []
    await _refuse(chat, turns[0])
    assert len(await chat.claim(caps)) == 1


async def test_claims_at_once_do_not_exceed_the_caps(chat: Chat) -> None:
    caps = Caps(person=2, workspace=3, total=4)
    for number in range(24):
        await chat.accept(in_workspace(f"W{number % 3}", number), author=f"U{number % 5}")
    claimed = await asyncio.gather(*(chat.claim(caps) for _ in range(10)))
    assert sum(len(turns) for turns in claimed) == 4


async def test_lowered_caps_claim_nothing_new(chat: Chat) -> None:
    for thread in range(6):
        await chat.accept(in_thread(thread))
    assert len(await chat.claim(Caps(person=4, workspace=4, total=4))) == 4
    assert await chat.claim(Caps(person=3, workspace=3, total=3)) == []


async def test_a_busy_workspace_does_not_starve_the_others(chat: Chat) -> None:
    for number in range(40):
        await chat.accept(in_workspace("busy", number), author=f"U{number}")
    await chat.accept(in_workspace("quiet"))

    turns = await chat.claim(Caps(total=4))

    assert turns[1].thread.workspace == "quiet"


async def test_slots_freed_one_by_one_go_round_the_workspaces(chat: Chat) -> None:
    caps = Caps(total=2)
    for workspace in ("A", "B"):
        for number in range(10):
            await chat.accept(in_workspace(workspace, number), author=f"U{number}")
    running = await chat.claim(caps)
    await chat.accept(in_workspace("late"))
    served = []
    for _ in range(6):
        await _refuse(chat, running.pop(0))
        running += await chat.claim(caps)
        served.append(running[-1].thread.workspace)
    assert served[0] == "late"
    assert Counter(served) == {"late": 1, "A": 3, "B": 2}


async def test_one_slot_goes_round_the_workspaces_too(chat: Chat) -> None:
    caps = Caps(total=1)
    for workspace in ("A", "B", "C"):
        for number in range(3):
            await chat.accept(in_workspace(workspace, number))
    served = []
    while turns := await chat.claim(caps):
        served.append(turns[0].thread.workspace)
        await _refuse(chat, turns[0])
    assert served == ["A", "B", "C"] * 3


async def test_a_busy_person_does_not_starve_the_others_of_the_workspace(chat: Chat) -> None:
    caps = Caps(person=2, workspace=2, total=8)
    for number in range(20):
        await chat.accept(in_workspace("W", number), author="busy")
    await chat.accept(in_workspace("W", "a"), author="ann")
    await chat.accept(in_workspace("W", "b"), author="bob")
    served = []
    running = await chat.claim(caps)
    for _ in range(4):
        served.append(running[0].author)
        await _refuse(chat, running.pop(0))
        running += await chat.claim(caps)
    assert served == ["busy", "ann", "bob", "busy"]


async def test_a_persons_turns_run_oldest_first(chat: Chat) -> None:
    accepted = [await chat.accept(in_thread(number)) for number in range(5)]
    turns = await chat.claim(Caps(person=3))
    assert [turn.id for turn in turns] == [turn.id for turn in accepted[:3]]


async def test_people_of_one_name_in_two_workspaces_are_two_people(chat: Chat) -> None:
    for workspace in ("A", "B"):
        for number in range(2):
            await chat.accept(in_workspace(workspace, number), author="U1")
    assert len(await chat.claim(Caps(person=1))) == 2


async def test_only_turns_of_the_given_platforms_are_claimed(chat: Chat) -> None:
    await chat.accept()
    assert await chat.store.claim(FREE, ["discord"], NOON) == []
    assert len(await chat.store.claim(FREE, ["slack"], NOON)) == 1
    assert await chat.store.recover(["discord"]) == 0
    assert await chat.store.recover(["slack"]) == 1


async def test_attachments_are_gathered_in_any_order_and_outside_the_caps(chat: Chat) -> None:
    await chat.accept()
    for number in range(20):
        thread = in_workspace(f"T{number % 4}")
        await chat.accept(thread, author=f"U{number}", attachments=(an_attachment(),))
    caps = Caps(person=1, workspace=1, total=1)
    (running,) = await chat.claim(caps)

    gathering = await chat.claim(caps, gather=True)

    assert len(gathering) == 16
    assert running.id not in {turn.id for turn in gathering}
    assert await chat.claim(caps, gather=True) == []
    await _refuse(chat, gathering[0])
    assert len(await chat.claim(caps, gather=True)) == 1


async def test_a_turn_in_the_gathering_lane_takes_no_place_of_the_others(chat: Chat) -> None:
    caps = Caps(person=1, workspace=1, total=1)
    await chat.accept(in_thread("a"), attachments=(an_attachment(),))
    await chat.claim(caps, gather=True)
    await chat.accept(in_thread("b"))
    assert len(await chat.claim(caps)) == 1


async def test_a_turn_waits_for_its_material_and_its_thread_waits_with_it(chat: Chat) -> None:
    await chat.accept(attachments=(an_attachment(),))
    await chat.accept()
    assert await chat.claim() == []


async def test_a_postponed_turn_is_claimed_when_its_time_has_come(chat: Chat) -> None:
    turn = await chat.claimed()
    until = NOON + timedelta(seconds=10)
    await chat.store.postpone(turn, until, "busy")
    assert await chat.claim() == []
    assert await chat.store.next_due(PLATFORMS) == until
    assert await chat.store.next_due(["discord"]) is None

    chat.clock.move(seconds=10)

    (again,) = await chat.claim()
    assert (again.attempt, again.tries) == (2, 1)
    assert await chat.store.next_due(PLATFORMS) is None


async def test_a_postponed_turn_holds_its_thread(chat: Chat) -> None:
    turn = await chat.claimed()
    await chat.accept()
    await chat.store.postpone(turn, NOON + timedelta(seconds=10), "busy")
    assert await chat.claim() == []


async def test_a_due_turn_without_a_free_place_is_not_due_again_and_again(chat: Chat) -> None:
    turn = await chat.claimed(in_thread("a"))
    await chat.store.postpone(turn, NOON + timedelta(seconds=1), "busy")
    caps = Caps(total=1)
    await chat.accept(in_thread("b"))
    (running,) = await chat.claim(caps)
    chat.clock.move(seconds=2)

    assert await chat.claim(caps) == []
    assert await chat.store.next_due(PLATFORMS) is None
    await _refuse(chat, running)
    assert [again.id for again in await chat.claim(caps)] == [turn.id]


async def test_the_claims_of_a_dead_process_are_given_up(chat: Chat) -> None:
    await chat.accept(in_thread("a"))
    await chat.accept(in_thread("b"), attachments=(an_attachment(),))
    await chat.claim()
    await chat.claim(gather=True)

    assert await chat.store.recover(PLATFORMS) == 2

    assert [turn.attempt for turn in await chat.claim()] == [2]
    assert [turn.attempt for turn in await chat.claim(gather=True)] == [2]


async def test_a_place_in_the_queue_counts_waiting_turns_of_the_workspace(chat: Chat) -> None:
    await chat.claimed(in_workspace("W", 0))
    for number in range(1, 4):
        await chat.accept(in_workspace("W", number))
    await chat.accept(in_workspace("other"))
    last = await chat.accept(in_workspace("W", 4))
    assert await chat.store.ahead(last.id) == 3


async def test_an_ended_turn_is_never_claimed(chat: Chat) -> None:
    for state in (TurnState.REFUSED, TurnState.FAILED, TurnState.CANCELLED, TurnState.DONE):
        await chat.store.finish(await chat.claimed(THREAD), state)
    assert await chat.claim() == []
    assert await chat.claim(gather=True) == []
