from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bot.chat import Post
from bot.conversation import ROOT, BlobPart, TextPart, TurnRef, TurnState, Verdict, new_turn_id
from bot.errors import NotFound, UsageError
from bot.options import GenerationOptions
from bot.ports import Caps
from tests.storage.makers import (
    NOON,
    THREAD,
    a_blob,
    a_call,
    a_message,
    a_turn,
    an_attachment,
    in_thread,
)

if TYPE_CHECKING:
    from storage.engine import Database
    from storage.turns import SqlTurnStore
    from tests.storage.makers import Chat, Clock


async def test_a_turn_comes_back_as_it_was_accepted(store: SqlTurnStore) -> None:
    message = a_message(text="--ar 16:9 a red fox", ref={"ts": "1"})
    turn = a_turn(
        message,
        prompt="a red fox",
        author_name="Ann",
        options=GenerationOptions(aspect_ratio="16:9", web_search=True),
        ref={"ts": "1"},
        parent=TurnRef(turn=new_turn_id(), choice=2),
        created=NOON + timedelta(microseconds=7),
        quota=3,
        verdict=Verdict(state=TurnState.FAILED, text="No such flag.", retry=True),
    )

    assert await store.accept(turn, message) == (turn.id, True)

    assert await store.get(turn.id) == replace(turn, number=1)
    (step,) = (await store.record(turn.id)).steps
    assert (step.at, step.state, step.attempt, step.note) == (turn.created, "accepted", 0, "")


async def test_a_message_that_comes_again_is_the_same_turn(store: SqlTurnStore) -> None:
    message = a_message()
    first = a_turn(message)
    await store.accept(first, message)

    assert await store.accept(a_turn(message), message) == (first.id, False)
    assert len(await store.turns_of(THREAD)) == 1


async def test_the_same_id_in_another_channel_or_workspace_is_another_message(
    store: SqlTurnStore,
) -> None:
    for changes in ({}, {"channel": "C2"}, {"workspace": "T2"}, {"platform": "discord"}):
        message = a_message(replace(THREAD, **changes), id="m-same")
        assert (await store.accept(a_turn(message), message))[1]


async def test_twins_with_one_client_id_are_one_turn_whatever_comes_again(
    store: SqlTurnStore,
) -> None:
    one = a_message(client_id="gesture")
    two = a_message(client_id="gesture")
    first = a_turn(one)
    await store.accept(first, one)

    assert await store.accept(a_turn(two), two) == (first.id, False)
    again = replace(two, client_id=None)
    assert await store.accept(a_turn(again), again) == (first.id, False)


async def test_twenty_deliveries_of_one_message_at_once_are_one_turn(store: SqlTurnStore) -> None:
    message = a_message(client_id="gesture", attachments=(an_attachment(),))

    found = await asyncio.gather(*(store.accept(a_turn(message), message) for _ in range(20)))

    assert len({turn for turn, _ in found}) == 1
    assert [new for _, new in found].count(True) == 1
    assert len(await store.turns_of(THREAD)) == 1


async def test_turns_of_a_thread_are_numbered_in_the_order_of_acceptance(chat: Chat) -> None:
    turns = [await chat.accept() for _ in range(3)]
    other = await chat.accept(in_thread("other"))

    assert [turn.number for turn in turns] == [1, 2, 3]
    assert other.number == 1
    listed = await chat.store.turns_of(THREAD, most=2)
    assert [turn.id for turn in listed] == [turn.id for turn in turns[1:]]
    assert {turn.prompt for turn in listed} == {""}


async def test_concurrent_turns_of_one_thread_get_numbers_without_gaps(chat: Chat) -> None:
    turns = await asyncio.gather(*(chat.accept() for _ in range(30)))
    assert sorted(turn.number for turn in turns) == list(range(1, 31))


async def test_message_keys_live_for_14_days(
    store: SqlTurnStore, clock: Clock, database: Database
) -> None:
    message = a_message()
    first = a_turn(message)
    await store.accept(first, message)
    clock.move(days=13, hours=23)
    other = a_message(in_thread("other"))
    await store.accept(a_turn(other, created=clock()), other)
    assert await store.accept(a_turn(message), message) == (first.id, False)

    clock.move(hours=2)
    late = a_message(in_thread("late"))
    await store.accept(a_turn(late, created=clock()), late)

    keys = await database.read(lambda c: c.execute(text("SELECT key FROM inbox")).scalars().all())
    assert len(keys) == 2
    assert await store.by_message(THREAD, message.id) == first.id


async def test_a_reply_to_a_picture_branches_from_it(chat: Chat) -> None:
    first = await chat.painted()
    second = await chat.claimed()
    await chat.done(second, choices=(0, 1))
    await chat.painted()

    branch = await chat.accept(reply_to=f"p{second.id}.1")
    plain = await chat.accept(reply_to="somebody else's message")
    chosen = a_message(reply_to=f"p{second.id}.1")
    by_platform = a_turn(chosen, parent=TurnRef(turn=first.id))
    await chat.store.accept(by_platform, chosen)

    assert branch.parent == TurnRef(turn=second.id, choice=1)
    assert plain.parent is None
    assert (await chat.store.get(by_platform.id)).parent == TurnRef(turn=first.id)


async def test_a_reply_to_a_notice_is_a_plain_reply(chat: Chat) -> None:
    turn = await chat.claimed()
    await chat.store.finish(turn, TurnState.FAILED, [Post(message_id="sorry")])
    assert (await chat.accept(reply_to="sorry")).parent is None
    assert await chat.store.by_post(THREAD, "sorry") is None


async def test_messages_and_posts_lead_to_turns_within_their_channel_only(chat: Chat) -> None:
    turn = await chat.painted(id="m-origin")
    elsewhere = replace(THREAD, channel="C2")

    assert await chat.store.by_message(THREAD, "m-origin") == turn.id
    assert await chat.store.by_message(in_thread("other"), "m-origin") == turn.id
    assert await chat.store.by_message(elsewhere, "m-origin") is None
    assert await chat.store.by_post(in_thread("other"), f"p{turn.id}.0") == TurnRef(turn=turn.id)
    assert await chat.store.by_post(elsewhere, f"p{turn.id}.0") is None


async def test_words_can_be_changed_until_the_turn_is_claimed(chat: Chat) -> None:
    options = GenerationOptions(image_size="2K")
    turn = await chat.accept(text="a fox", attachments=(an_attachment(),))
    assert await chat.store.amend(turn.id, "a wolf", options)
    (gathering,) = await chat.claim(gather=True)
    assert await chat.store.amend(turn.id, "a bear", options)
    await chat.store.gathered(gathering, (await chat.store.record(turn.id)).material)
    await _drop_material(chat)

    (claimed,) = await chat.claim()
    assert (claimed.prompt, claimed.options) == ("a bear", options)
    assert not await chat.store.amend(turn.id, "a cow", GenerationOptions())
    assert await chat.store.get(turn.id) == claimed


async def _drop_material(chat: Chat) -> None:
    for turn in await chat.claim(gather=True):
        material = (await chat.store.record(turn.id)).material
        problems = [replace(item, problem="Unreadable.") for item in material]
        await chat.store.gathered(turn, problems)


async def test_words_of_a_called_ended_or_unknown_turn_cannot_be_changed(chat: Chat) -> None:
    turn = await chat.claimed()
    await chat.store.begin_calls(turn, [a_call(turn)], Caps(), NOON)
    await chat.store.postpone(turn, NOON + timedelta(hours=1), "busy")
    assert not await chat.store.amend(turn.id, "a cow", GenerationOptions())
    assert not await chat.store.amend(new_turn_id(), "a cow", GenerationOptions())
    done = await chat.painted(in_thread("other"))
    assert not await chat.store.amend(done.id, "a cow", GenerationOptions())


async def test_a_waiting_turn_is_cancelled_by_a_verdict(chat: Chat) -> None:
    turn = await chat.accept()
    cancelled = await chat.store.request_cancel(turn.id)
    assert cancelled.verdict is not None
    assert cancelled.verdict.state is TurnState.CANCELLED
    assert not cancelled.cancel_requested
    (claimed,) = await chat.claim()
    assert claimed.verdict == cancelled.verdict


async def test_a_postponed_turn_that_is_cancelled_is_due_at_once(chat: Chat) -> None:
    turn = await chat.claimed()
    await chat.store.begin_calls(turn, [a_call(turn)], Caps(), NOON)
    await chat.store.postpone(turn, NOON + timedelta(hours=1), "busy")
    await chat.store.request_cancel(turn.id)
    assert len(await chat.claim()) == 1
    (call,) = (await chat.store.record(turn.id)).calls
    assert call.state == "unknown"


async def test_a_claimed_turn_is_asked_to_cancel(chat: Chat) -> None:
    turn = await chat.claimed()
    asked = await chat.store.request_cancel(turn.id)
    assert asked == replace(turn, cancel_requested=True)


async def test_an_answer_that_is_kept_or_an_end_that_is_decided_is_not_cancelled(
    chat: Chat,
) -> None:
    kept = await chat.stored(await chat.claimed())
    await chat.store.postpone(kept, NOON + timedelta(hours=1), "not delivered")
    judged = await chat.claimed(in_thread("other"))
    verdict = Verdict(state=TurnState.REFUSED, text="No.")
    await chat.store.judge(judged, verdict)
    await chat.store.recover(["slack"])

    kept_then = await chat.store.request_cancel(kept.id)
    assert (kept_then.verdict, kept_then.cancel_requested) == (None, False)
    assert (await chat.store.request_cancel(judged.id)).verdict == verdict


async def test_an_ended_turn_stays_as_it_is(chat: Chat) -> None:
    turn = await chat.painted()
    before = await chat.store.get(turn.id)
    assert await chat.store.request_cancel(turn.id) == before
    with pytest.raises(NotFound):
        await chat.store.request_cancel(new_turn_id())


async def test_a_yes_to_the_price_makes_a_postponed_turn_due(chat: Chat) -> None:
    turn = await chat.claimed()
    await chat.store.postpone(turn, NOON + timedelta(minutes=15), "waits for a yes")
    assert await chat.claim() == []

    await chat.store.confirm(turn.id)

    (again,) = await chat.claim()
    assert again.confirmed
    with pytest.raises(NotFound):
        await chat.store.confirm(new_turn_id())


async def test_a_failed_turn_runs_again_with_its_parent_material_and_calls(chat: Chat) -> None:
    first = await chat.painted()
    turn = await chat.claimed()
    await chat.store.request_cancel(turn.id)
    turn = replace(turn, parent=TurnRef(turn=first.id))
    call = a_call(turn)
    await chat.store.begin_calls(turn, [call], Caps(), NOON)
    await chat.store.postpone(turn, NOON, "busy")
    (turn,) = await chat.claim()
    await chat.store.judge(turn, Verdict(state=TurnState.FAILED, text="Cut.", retry=True))
    await chat.store.finish(turn, TurnState.FAILED)

    await chat.store.reopen(turn.id)

    (again,) = await chat.claim()
    assert again.attempt == turn.attempt + 1
    assert (again.state, again.verdict, again.tries) == (TurnState.ACCEPTED, None, 0)
    assert not again.cancel_requested
    assert again.parent == TurnRef(turn=first.id)
    assert [item.id for item in (await chat.store.record(turn.id)).calls] == [call.id]


async def test_only_what_a_retry_can_help_is_tried_again(chat: Chat) -> None:
    turn = await chat.painted()
    with pytest.raises(UsageError, match="is done"):
        await chat.store.reopen(turn.id)
    turn = await chat.claimed()
    await chat.store.judge(turn, Verdict(state=TurnState.FAILED, text="No such flag."))
    await chat.store.finish(turn, TurnState.FAILED)
    with pytest.raises(UsageError, match="is failed"):
        await chat.store.reopen(turn.id)
    with pytest.raises(NotFound):
        await chat.store.reopen(new_turn_id())


async def test_undo_goes_back_to_the_parent_and_stops_at_the_root(chat: Chat) -> None:
    assert await chat.store.tip(THREAD) is None
    assert await chat.store.undo(THREAD) is None
    first = await chat.painted()
    second = await chat.painted()
    assert await chat.store.tip(THREAD) == TurnRef(turn=second.id)

    assert await chat.store.undo(THREAD) == TurnRef(turn=first.id)
    assert await chat.store.undo(THREAD) is None
    assert await chat.store.tip(THREAD) == TurnRef(turn=first.id)

    third = await chat.painted()
    assert third.parent == TurnRef(turn=first.id)
    assert await chat.store.tip(THREAD) == TurnRef(turn=third.id)


async def test_undo_stops_at_a_root_in_the_middle_of_a_thread(chat: Chat) -> None:
    await chat.painted()
    fresh = a_message()
    await chat.store.accept(a_turn(fresh, parent=ROOT), fresh)
    (turn,) = await chat.claim()
    await chat.done(turn)

    assert await chat.store.undo(THREAD) is None
    assert await chat.store.tip(THREAD) == TurnRef(turn=turn.id)


async def test_any_answer_of_a_thread_can_be_made_current(chat: Chat) -> None:
    first = await chat.done(await chat.claimed(), choices=(0, 1))
    await chat.painted()
    elsewhere = await chat.painted(in_thread("other"))

    await chat.store.make_current(TurnRef(turn=first.id, choice=1))

    assert await chat.store.tip(THREAD) == TurnRef(turn=first.id, choice=1)
    assert await chat.store.tip(in_thread("other")) == TurnRef(turn=elsewhere.id)
    after = await chat.painted()
    assert after.parent == TurnRef(turn=first.id, choice=1)


async def test_only_an_answer_can_be_made_current(chat: Chat) -> None:
    done = await chat.painted()
    kept = await chat.stored(await chat.claimed())
    for answer in (
        TurnRef(turn=done.id, choice=1),
        TurnRef(turn=kept.id),
        TurnRef(turn=new_turn_id()),
        ROOT,
    ):
        with pytest.raises(NotFound):
            await chat.store.make_current(answer)
    assert await chat.store.tip(THREAD) == TurnRef(turn=done.id)


async def test_material_that_is_kept_already_is_not_gathered(chat: Chat) -> None:
    kept = replace(an_attachment("old.png"), blob=a_blob(4))
    turn = await chat.accept(text="again", attachments=(kept,))
    assert await chat.claim(gather=True) == []

    (claimed,) = await chat.claim()

    assert claimed.id == turn.id
    (item,) = (await chat.store.record(turn.id)).material
    assert (item.attachment.name, item.blob, item.pending) == ("old.png", a_blob(4), False)
    await chat.done(claimed)
    after = await chat.claimed()
    (past,) = (await chat.store.lineage(after, 64)).turns
    assert past.user.parts == (TextPart(text="again"), BlobPart(blob=a_blob(4)))


async def test_what_is_kept_already_stays_in_its_place_among_downloads(chat: Chat) -> None:
    kept = replace(an_attachment("b"), blob=a_blob(4))
    turn = await chat.accept(attachments=(an_attachment("a"), kept, an_attachment("c")))
    assert await chat.claim() == []
    (claimed,) = await chat.claim(gather=True)
    first, second, third = (await chat.store.record(turn.id)).material
    assert [item.pending for item in (first, second, third)] == [True, False, True]
    await chat.store.gathered(
        claimed, [replace(first, blob=a_blob(1)), replace(third, blob=a_blob(2))]
    )

    material = (await chat.store.record(turn.id)).material

    assert [item.blob for item in material] == [a_blob(1), a_blob(4), a_blob(2)]
    assert len(await chat.claim()) == 1
