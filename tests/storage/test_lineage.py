from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.conversation import (
    ROOT,
    BlobPart,
    Content,
    TextPart,
    Turn,
    TurnRef,
    TurnState,
    Verdict,
    new_turn_id,
)
from bot.options import GenerationOptions
from bot.ports import Caps, Lineage
from tests.storage.makers import (
    NOON,
    THREAD,
    a_blob,
    a_call,
    a_message,
    a_signature,
    a_turn,
    an_answer,
    an_attachment,
    in_thread,
    in_workspace,
)

if TYPE_CHECKING:
    from tests.storage.makers import Chat


async def _lineage(chat: Chat, parent: TurnRef | None = None, most: int = 64) -> Lineage:
    """Look from a new turn, which ends then."""
    turn = await chat.claimed()
    lineage = await chat.store.lineage(replace(turn, parent=parent), most)
    await chat.store.finish(turn, TurnState.REFUSED)
    return lineage


async def _painted_from(chat: Chat, parent: TurnRef, choices: tuple[int, ...] = (0,)) -> Turn:
    turn = await chat.claimed()
    return await chat.done(replace(turn, parent=parent), choices=choices)


async def test_a_first_turn_has_no_past(chat: Chat) -> None:
    assert await _lineage(chat) == Lineage(parent=ROOT)


async def test_the_past_comes_back_verbatim_with_thoughts_and_signatures(chat: Chat) -> None:
    turn = await chat.accept(
        text="make it red\n",
        attachments=(an_attachment("a"), an_attachment("b"), an_attachment("c")),
    )
    (turn,) = await chat.claim(gather=True)
    first, second, third = (await chat.store.record(turn.id)).material
    pdf = a_blob(3, mime_type="application/pdf", pages=4, width=None, height=None)
    gathered = [
        replace(first, blob=a_blob(1)),
        replace(second, problem="b is no picture."),
        replace(third, blob=pdf),
    ]
    await chat.store.gathered(turn, gathered)
    (turn,) = await chat.claim()
    options = GenerationOptions(image_size="2K")
    turn = replace(turn, options=options)
    call = a_call(turn, backend="google/key9/paint-2")
    await chat.store.begin_calls(turn, [call], Caps(), NOON)
    model = Content(
        role="model",
        parts=(
            TextPart(text="", thought=True, signature=a_signature(1)),
            BlobPart(blob=a_blob(4), thought=True),
            TextPart(text=" two "),
            TextPart(text="words", signature=a_signature(2)),
            BlobPart(blob=a_blob(5), signature=a_signature(3)),
            TextPart(text=""),
        ),
    )
    await chat.store.keep(turn, [an_answer(call, content=model)], [call], ())
    await chat.store.finish(turn, TurnState.DONE)

    lineage = await _lineage(chat)

    (past,) = lineage.turns
    assert past.id == turn.id
    assert past.user == Content(
        role="user",
        parts=(
            TextPart(text="make it red\n"),
            BlobPart(blob=a_blob(1)),
            BlobPart(blob=pdf),
        ),
    )
    assert past.model == model
    assert past.backend == "google/key9/paint-2"
    assert lineage.parent == TurnRef(turn=turn.id)
    assert lineage.options == options
    assert lineage.older == 0


async def test_material_without_words_is_a_content_without_text(chat: Chat) -> None:
    await chat.painted(text="")
    (past,) = (await _lineage(chat)).turns
    assert past.user.parts == ()


async def test_the_past_is_the_path_to_the_tip_oldest_first(chat: Chat) -> None:
    done = [await chat.painted() for _ in range(4)]
    await chat.store.finish(await chat.claimed(), TurnState.FAILED)
    lineage = await _lineage(chat)
    assert [past.id for past in lineage.turns] == [turn.id for turn in done]
    assert lineage.parent == TurnRef(turn=done[-1].id)


async def test_each_turn_shows_the_answer_that_was_gone_on_from(chat: Chat) -> None:
    root = await chat.done(await chat.claimed(), choices=(0, 1, 2))
    middle = await _painted_from(chat, TurnRef(turn=root.id, choice=2), choices=(0, 1))

    lineage = await _lineage(chat, TurnRef(turn=middle.id, choice=1))

    texts = [past.model.text for past in lineage.turns]
    assert texts == [f"Here is {100 * root.number + 2}.", f"Here is {100 * middle.number + 1}."]


async def test_a_branch_knows_nothing_of_its_siblings(chat: Chat) -> None:
    root = await chat.painted()
    left = await chat.painted()
    right = await _painted_from(chat, TurnRef(turn=root.id))
    after = await chat.painted()

    lineage = await _lineage(chat)

    assert [past.id for past in lineage.turns] == [root.id, right.id, after.id]
    other = await _lineage(chat, TurnRef(turn=left.id))
    assert [past.id for past in other.turns] == [root.id, left.id]


async def test_only_the_newest_turns_are_loaded_and_the_rest_is_counted(chat: Chat) -> None:
    done = [await chat.painted() for _ in range(6)]

    lineage = await _lineage(chat, most=2)

    assert [past.id for past in lineage.turns] == [turn.id for turn in done[-2:]]
    assert lineage.older == 4
    assert (await _lineage(chat, TurnRef(turn=done[2].id), most=2)).older == 1
    assert (await _lineage(chat, most=6)).older == 0


async def test_a_parent_that_brought_no_answer_is_passed_over(chat: Chat) -> None:
    root = await chat.painted()
    await chat.painted()
    failed = replace(await chat.claimed(), parent=TurnRef(turn=root.id))
    await chat.store.begin_calls(failed, [a_call(failed)], Caps(), NOON)
    await chat.store.judge(failed, Verdict(state=TurnState.FAILED, text="Cut."))
    await chat.store.finish(failed, TurnState.FAILED)

    lineage = await _lineage(chat, TurnRef(turn=failed.id))

    assert lineage.parent == TurnRef(turn=root.id)


async def test_without_a_done_turn_above_the_parent_the_tip_is_gone_on_from(chat: Chat) -> None:
    await chat.store.finish(lost := await chat.claimed(), TurnState.CANCELLED)
    done = await chat.painted()
    assert (await _lineage(chat, TurnRef(turn=lost.id))).parent == TurnRef(turn=done.id)
    assert (await _lineage(chat, TurnRef(turn=new_turn_id()))).parent == TurnRef(turn=done.id)


async def test_turns_of_another_workspace_are_no_parents(chat: Chat) -> None:
    theirs = await chat.painted(in_workspace("T2"))
    neighbour = await chat.painted(in_thread("other"))
    assert await _lineage(chat, TurnRef(turn=theirs.id)) == Lineage(parent=ROOT)
    assert (await _lineage(chat, TurnRef(turn=neighbour.id))).parent == TurnRef(turn=neighbour.id)


async def test_people_are_told_once_that_old_turns_are_left_out(chat: Chat) -> None:
    assert not (await _lineage(chat)).told
    turn = await chat.claimed()
    await chat.store.keep(turn, [an_answer(a_call(turn))], [a_call(turn)], ["Old."], told=True)
    await chat.store.finish(turn, TurnState.REFUSED)
    assert (await _lineage(chat)).told
    elsewhere = await chat.claimed(in_thread("other"))
    assert not (await chat.store.lineage(elsewhere, 64)).told


async def test_the_parent_that_was_found_is_kept_with_the_turn(chat: Chat) -> None:
    first = await chat.painted()
    second = await chat.painted()
    assert (await chat.store.get(second.id)).parent == TurnRef(turn=first.id)
    listed = await chat.store.turns_of(THREAD)
    assert [turn.parent for turn in listed] == [ROOT, TurnRef(turn=first.id)]


async def test_a_turn_that_refines_nothing_has_no_past_though_its_thread_has(chat: Chat) -> None:
    first = await chat.claimed()
    await chat.store.keep(first, [an_answer(a_call(first))], [], (), told=True)
    await chat.store.finish(first, TurnState.DONE)
    fresh = a_message()
    await chat.store.accept(a_turn(fresh, parent=ROOT), fresh)
    (turn,) = await chat.claim()
    assert turn.parent == ROOT

    assert await chat.store.lineage(turn, 64) == Lineage(parent=ROOT, told=True)

    await chat.done(turn)
    assert (await chat.store.get(turn.id)).parent == ROOT
    after = await chat.claimed()
    (past,) = (await chat.store.lineage(after, 64)).turns
    assert past.id == turn.id


async def test_a_root_that_is_tried_again_stays_a_root(chat: Chat) -> None:
    root = await chat.claimed()
    root = replace(root, parent=(await chat.store.lineage(root, 64)).parent)
    await chat.store.begin_calls(root, [a_call(root)], Caps(), NOON)
    await chat.store.judge(root, Verdict(state=TurnState.FAILED, text="Cut.", retry=True))
    await chat.store.finish(root, TurnState.FAILED)
    later = await chat.painted()

    await chat.store.reopen(root.id)

    (again,) = await chat.claim()
    assert again.id == root.id
    assert await chat.store.lineage(again, 64) == Lineage(parent=ROOT)
    await chat.done(again)
    assert await chat.store.tip(THREAD) == TurnRef(turn=later.id)


async def test_a_branch_from_a_root_without_an_answer_goes_on_from_the_tip(chat: Chat) -> None:
    failed = replace(await chat.claimed(), parent=ROOT)
    await chat.store.begin_calls(failed, [a_call(failed)], Caps(), NOON)
    await chat.store.finish(failed, TurnState.FAILED)
    assert await _lineage(chat, TurnRef(turn=failed.id)) == Lineage(parent=ROOT)
    done = await chat.painted()
    assert (await _lineage(chat, TurnRef(turn=failed.id))).parent == TurnRef(turn=done.id)
