from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.chat import Post
from bot.conversation import (
    Content,
    Generation,
    Outcome,
    Source,
    Suggestion,
    TurnRef,
    TurnState,
    Usage,
    Verdict,
    new_turn_id,
)
from bot.errors import Fenced, NotFound
from bot.options import GenerationOptions
from bot.ports import Caps, Material
from tests.storage.makers import (
    NOON,
    THREAD,
    a_blob,
    a_call,
    an_answer,
    an_attachment,
    in_thread,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.conversation import Turn
    from storage.turns import SqlTurnStore
    from tests.storage.makers import Chat

FAILED = Verdict(state=TurnState.FAILED, text="Cut.", retry=True)

FENCED: dict[str, Callable[[SqlTurnStore, Turn], Awaitable[object]]] = {
    "gathered": lambda store, turn: store.gathered(turn, ()),
    "lineage": lambda store, turn: store.lineage(turn, 64),
    "begin_calls": lambda store, turn: store.begin_calls(turn, [a_call(turn, 3)], Caps(), NOON),
    "end_call": lambda store, turn: store.end_call(turn, a_call(turn, state="released", amount=0)),
    "keep": lambda store, turn: store.keep(turn, [an_answer(a_call(turn))], [], ["a"], told=True),
    "delivering": lambda store, turn: store.delivering(turn),
    "postpone": lambda store, turn: store.postpone(turn, NOON + timedelta(days=1), "no"),
    "judge": lambda store, turn: store.judge(turn, FAILED),
    "finish": lambda store, turn: store.finish(turn, TurnState.DONE, [Post(message_id="p")]),
}


@pytest.mark.parametrize("method", FENCED)
async def test_a_zombie_attempt_changes_nothing(chat: Chat, method: str) -> None:
    zombie = await chat.claimed(attachments=())
    await chat.store.begin_calls(zombie, [a_call(zombie)], Caps(), NOON)
    await chat.store.recover(["slack"])
    unclaimed = await chat.store.record(zombie.id)

    with pytest.raises(Fenced):
        await FENCED[method](chat.store, zombie)
    assert await chat.store.record(zombie.id) == unclaimed

    await chat.claim()
    taken_over = await chat.store.record(zombie.id)
    with pytest.raises(Fenced):
        await FENCED[method](chat.store, zombie)
    assert await chat.store.record(zombie.id) == taken_over
    assert await chat.store.tip(THREAD) is None
    assert await chat.store.by_post(THREAD, "p") is None


@pytest.mark.parametrize("method", FENCED)
async def test_the_owner_of_a_turn_is_let_through(chat: Chat, method: str) -> None:
    await FENCED[method](chat.store, await chat.claimed())


async def test_everything_of_a_turn_is_remembered(chat: Chat) -> None:
    turn = await chat.claimed(text="a red fox")
    options = GenerationOptions(aspect_ratio="16:9", model="paint-1", count=2)
    turn = replace(turn, options=options)
    calls = [a_call(turn, 0), a_call(turn, 1)]
    await chat.store.begin_calls(turn, calls, Caps(), NOON)
    assert (await chat.store.record(turn.id)).calls == tuple(calls)
    usage = Usage(
        prompt=1, output=2, output_image=3, thoughts=4, tool_prompt=5, total=6, searches=7
    )
    settled = [
        replace(calls[0], state="settled", amount=67_200, usage=usage, note="fine"),
        replace(calls[1], state="released", amount=0, note="busy", request={"images": 0}),
    ]
    kept = an_answer(
        calls[0],
        sources=(
            Source(title="Foxes", url="https://f.example"),
            Source(title="", url="u", kind="image"),
        ),
        suggestions=(Suggestion(text="red fox", url="https://g.example"),),
        suggestions_html="<div>",
        usage=usage,
        model_version="paint-1-001",
    )
    refused = replace(
        kept,
        choice=1,
        generation=Generation(
            content=Content(role="model", parts=()),
            outcome=Outcome.REFUSED,
            reason="No.",
            finish_reason="SAFETY",
        ),
    )
    await chat.store.keep(turn, [kept, refused], settled, ["One came out."])
    chat.clock.move(seconds=3)
    await chat.store.delivering(turn)
    posts = [Post(message_id="p1", choice=0), Post(message_id="p2")]
    await chat.store.finish(turn, TurnState.DONE, posts)

    record = await chat.store.record(turn.id)

    assert record.turn == replace(turn, state=TurnState.DONE)
    assert record.calls == tuple(settled)
    assert record.kept == (kept, refused)
    assert record.posts == tuple(posts)
    assert record.notes == ("One came out.",)
    assert [step.state for step in record.steps] == [
        "accepted", "claimed", "calling", "stored", "delivering", "done",
    ]  # fmt: skip
    assert record.steps[-1].at == NOON + timedelta(seconds=3)
    with pytest.raises(NotFound):
        await chat.store.record(new_turn_id())


async def test_what_became_of_attachments_is_remembered_in_order(chat: Chat) -> None:
    files = tuple(an_attachment(f"{number}.png") for number in range(3))
    turn = await chat.accept(attachments=files)
    pending = (await chat.store.record(turn.id)).material
    assert pending == tuple(
        Material(position=position, attachment=file) for position, file in enumerate(files)
    )
    (claimed,) = await chat.claim(gather=True)
    gathered = (
        replace(pending[0], problem="0.png is no picture."),
        replace(pending[1], blob=a_blob(1, mime_type="application/pdf", pages=3, width=None)),
        replace(pending[2], blob=a_blob(2), note="Only its first frame."),
    )

    await chat.store.gathered(claimed, gathered)

    record = await chat.store.record(turn.id)
    assert record.material == gathered
    assert record.turn.state is TurnState.GATHERING
    assert await chat.claim(gather=True) == []
    assert len(await chat.claim()) == 1


async def test_material_that_is_still_missing_is_gathered_again(chat: Chat) -> None:
    turn = await chat.accept(attachments=(an_attachment("a"), an_attachment("b")))
    (claimed,) = await chat.claim(gather=True)
    first, second = (await chat.store.record(turn.id)).material
    await chat.store.gathered(claimed, [replace(first, blob=a_blob(1))])
    assert await chat.claim() == []

    (claimed,) = await chat.claim(gather=True)
    await chat.store.gathered(
        claimed, [replace(first, blob=a_blob(1)), replace(second, problem="x")]
    )
    assert len(await chat.claim()) == 1


async def test_postponements_are_counted_anew_in_each_state(chat: Chat) -> None:
    turn = await chat.claimed()
    for tries in range(3):
        assert turn.tries == tries
        await chat.store.postpone(turn, NOON, "busy\nvery busy")
        (turn,) = await chat.claim()
    await chat.store.begin_calls(turn, [a_call(turn)], Caps(), NOON)
    assert (await chat.store.get(turn.id)).tries == 0
    await chat.store.postpone(turn, NOON, "busy")
    (turn,) = await chat.claim()
    await chat.store.begin_calls(turn, [a_call(turn, number=1)], Caps(), NOON)

    record = await chat.store.record(turn.id)

    assert record.turn.tries == 1
    assert ("postponed", "busy very busy") in [(step.state, step.note) for step in record.steps]


async def test_a_verdict_is_decided_before_the_end(chat: Chat) -> None:
    turn = await chat.claimed()
    settled = a_call(turn, 0, state="settled", amount=5)
    await chat.store.begin_calls(turn, [settled, a_call(turn, 1)], Caps(), NOON)

    await chat.store.judge(turn, FAILED)

    record = await chat.store.record(turn.id)
    assert record.turn.verdict == FAILED
    assert record.turn.state is TurnState.CALLING
    assert [call.state for call in record.calls] == ["settled", "unknown"]
    await chat.store.recover(["slack"])
    (again,) = await chat.claim()
    assert again.verdict == FAILED
    await chat.store.finish(again, TurnState.FAILED)
    assert (await chat.store.get(turn.id)).state is TurnState.FAILED


async def test_a_call_left_by_a_dead_attempt_becomes_unknown(chat: Chat) -> None:
    turn = await chat.claimed()
    first = [a_call(turn, 0), a_call(turn, 1)]
    await chat.store.begin_calls(turn, first, Caps(), NOON)
    await chat.store.recover(["slack"])
    (turn,) = await chat.claim()

    await chat.store.begin_calls(turn, [a_call(turn, 0, 1)], Caps(), NOON)

    calls = {call.id: call.state for call in (await chat.store.record(turn.id)).calls}
    assert calls == {
        first[0].id: "unknown",
        first[1].id: "reserved",
        f"{turn.id}.0.1": "reserved",
    }


async def test_a_call_can_end_before_the_others(chat: Chat) -> None:
    turn = await chat.claimed()
    call = a_call(turn)
    await chat.store.begin_calls(turn, [call], Caps(), NOON)
    ended = replace(call, state="settled", amount=9, usage=Usage(total=3), note="no picture")
    await chat.store.end_call(turn, ended)
    never_reserved = a_call(turn, 1, state="released", amount=0)
    await chat.store.end_call(turn, never_reserved)
    assert (await chat.store.record(turn.id)).calls == (ended, never_reserved)


async def test_an_answer_kept_again_replaces_the_earlier_one(chat: Chat) -> None:
    turn = await chat.stored(await chat.claimed())
    call = a_call(turn)
    shorter = an_answer(call, 5, content=Content(role="model", parts=()))
    await chat.store.keep(turn, [an_answer(call, 1)], [], ["first"])
    await chat.store.keep(turn, [shorter], [], [])

    record = await chat.store.record(turn.id)

    assert record.kept == (shorter,)
    assert record.notes == ()


async def test_a_post_that_is_edited_into_an_answer_leads_to_it(chat: Chat) -> None:
    turn = await chat.claimed()
    await chat.store.judge(turn, FAILED)
    await chat.store.finish(turn, TurnState.FAILED, [Post(message_id="p")])
    await chat.store.reopen(turn.id)
    (turn,) = await chat.claim()
    turn = await chat.stored(turn)
    await chat.store.finish(turn, TurnState.DONE, [Post(message_id="p", choice=0)])
    assert await chat.store.by_post(THREAD, "p") == TurnRef(turn=turn.id)
    assert len((await chat.store.record(turn.id)).posts) == 1


async def test_the_first_answer_becomes_the_tip(chat: Chat) -> None:
    turn = await chat.done(await chat.claimed(), choices=(0, 1))
    assert await chat.store.tip(THREAD) == TurnRef(turn=turn.id, choice=0)
    turn = await chat.done(await chat.claimed(), choices=(2, 3))
    assert await chat.store.tip(THREAD) == TurnRef(turn=turn.id, choice=2)


async def test_a_turn_without_an_answer_leaves_the_tip_alone(chat: Chat) -> None:
    first = await chat.painted()
    await chat.store.finish(await chat.claimed(), TurnState.REFUSED)
    assert await chat.store.tip(THREAD) == TurnRef(turn=first.id)
    assert await chat.store.tip(in_thread("other")) is None


async def test_a_resumed_turn_goes_on_from_what_is_stored(chat: Chat) -> None:
    turn = await chat.stored(await chat.claimed())
    await chat.store.delivering(turn)
    await chat.store.recover(["slack"])

    (again,) = await chat.claim()

    assert (again.state, again.attempt) == (TurnState.DELIVERING, 2)
    assert len((await chat.store.record(again.id)).kept) == 1
    await chat.store.finish(again, TurnState.DONE)
    assert await chat.claim() == []
