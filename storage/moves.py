"""What a claimed turn goes through; every move is fenced by its attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, bindparam, case, delete, exists, func, insert, select, update

from bot.conversation import BlobPart, Outcome, TurnState
from bot.errors import Fenced
from storage.engine import upsert
from storage.ledger import give_up_calls, reserve, save_calls
from storage.rows import kept_to_row, one_step, part_to_row, parts_to_rows, step_now
from storage.schema import PERSON, Moment, attachments, generations, parts, posts, threads, turns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Update

    from bot.chat import Post
    from bot.conversation import Turn, Verdict
    from bot.ports import Call, Caps, Kept, Material

OWNED = (
    turns.c.id == bindparam("turn_"),
    turns.c.attempt == bindparam("attempt_"),
    turns.c.claimed,
)
"""The fence: the turn is claimed, and by this attempt."""


def owner(turn: Turn) -> dict[str, Any]:
    """Give the parameters of OWNED."""
    return {"turn_": turn.id, "attempt_": turn.attempt}


def fenced(turn: Turn) -> Fenced:
    """Make the error of a fence that did not let through."""
    return Fenced(f"Another attempt owns turn {turn.id} now, or it has ended.")


def _step(word: str, **changes: object) -> Update:
    return update(turns).where(*OWNED).values(history=one_step(word), **changes)


def _to(state: TurnState, **changes: object) -> Update:
    """Move to a state; postponements are counted anew in a new one."""
    tries = case((turns.c.state == state.value, turns.c.tries), else_=0)
    return _step(state.value, state=state.value, tries=tries, **changes)


_PENDING = exists().where(attachments.c.turn_id == turns.c.id, attachments.c.pending)
_MATERIAL = (
    update(attachments)
    .where(
        attachments.c.turn_id == bindparam("turn_"),
        attachments.c.position == bindparam("position_"),
    )
    .values(pending=bindparam("pending_"), problem=bindparam("problem_"), note=bindparam("note_"))
)
_GATHERED = _to(TurnState.GATHERING, claimed=False, pending_material=_PENDING)
_PART = upsert(
    parts,
    ["turn_id", "choice", "position"],
    *(column.name for column in parts.c if not column.primary_key),
)
_parent = turns.alias("parent")
_CALLING = _to(
    TurnState.CALLING,
    parent=bindparam("parent_"),
    parent_choice=bindparam("parent_choice_"),
    options=bindparam("options_", type_=JSON),
    depth=1
    + func.coalesce(
        select(_parent.c.depth).where(_parent.c.id == bindparam("parent_")).scalar_subquery(), 0
    ),
)
_CHECK = select(turns.c.seq).where(*OWNED)
_STORED = _to(TurnState.STORED, notes=bindparam("notes_", type_=JSON))
_FORGET_KEPT = delete(generations).where(
    generations.c.turn_id == bindparam("turn_"), generations.c.choice.in_(bindparam("choices_"))
)
_FORGET_PARTS = delete(parts).where(
    parts.c.turn_id == bindparam("turn_"), parts.c.choice.in_(bindparam("choices_"))
)
_OWN_THREAD = threads.c.id == (
    select(turns.c.thread_id).where(turns.c.id == bindparam("turn_")).scalar_subquery()
)
_TOLD = update(threads).where(_OWN_THREAD).values(told=True)
_DELIVERING = _to(TurnState.DELIVERING)
_POSTPONED = _step(
    "postponed",
    claimed=False,
    not_before=bindparam("until_", type_=Moment),
    tries=turns.c.tries + 1,
)
_JUDGED = _step(
    "judged",
    verdict_state=bindparam("state_"),
    verdict_text=bindparam("text_"),
    verdict_retry=bindparam("retry_"),
)
_FINISHED = {state: _to(state, claimed=False) for state in TurnState if state.ended}
_first_answer = (
    select(func.coalesce(func.min(generations.c.choice), 0))
    .where(
        generations.c.turn_id == bindparam("turn_"),
        generations.c.outcome == Outcome.ANSWER.value,
    )
    .scalar_subquery()
)
_tip = turns.alias("tip")
_LATER = exists().where(_tip.c.id == threads.c.tip, _tip.c.number > bindparam("number_"))
_TIP = (
    update(threads)
    .where(_OWN_THREAD, ~_LATER)
    .values(tip=bindparam("turn_"), tip_choice=_first_answer)
)
_POST = upsert(posts, ["platform", "workspace", "channel", "message_id"], "turn_id", "choice")


def gathered(
    connection: Connection, turn: Turn, material: Sequence[Material], now: datetime
) -> None:
    """Save what became of the attachments and give the claim back."""
    if material:
        connection.execute(
            _MATERIAL,
            [
                {
                    "turn_": turn.id,
                    "position_": item.position,
                    "pending_": item.pending,
                    "problem_": item.problem,
                    "note_": item.note,
                }
                for item in material
            ],
        )
    blobs = [
        part_to_row(turn.id, PERSON, item.position + 1, BlobPart(blob=item.blob))
        for item in material
        if item.blob
    ]
    if blobs:
        connection.execute(_PART, blobs)
    _move(connection, _GATHERED, turn, now)


def begin_calls(
    connection: Connection, turn: Turn, calls: Sequence[Call], caps: Caps, now: datetime
) -> None:
    """Reserve the price of calls and write the intent."""
    parent = turn.parent
    _move(
        connection,
        _CALLING,
        turn,
        now,
        parent_=parent.turn if parent else None,
        parent_choice_=parent.choice if parent else None,
        options_=turn.options.said(),
    )
    reserve(connection, turn, calls, caps, now)


def end_call(connection: Connection, turn: Turn, call: Call) -> None:
    """Save state, amount, usage, request and note of one call."""
    if connection.execute(_CHECK, owner(turn)).first() is None:
        raise fenced(turn)
    save_calls(connection, turn, [call])


def keep(
    connection: Connection,
    turn: Turn,
    kept: Sequence[Kept],
    calls: Sequence[Call],
    notes: Sequence[str],
    *,
    now: datetime,
    told: bool,
) -> None:
    """Save answers with their calls and the notes for the person."""
    _move(connection, _STORED, turn, now, notes_=list(notes))
    if kept:
        _save_kept(connection, turn, kept)
    save_calls(connection, turn, calls)
    if told:
        connection.execute(_TOLD, {"turn_": turn.id})


def delivering(connection: Connection, turn: Turn, now: datetime) -> None:
    """Note that the answer is on its way."""
    _move(connection, _DELIVERING, turn, now)


def postpone(connection: Connection, turn: Turn, until: datetime, note: str, now: datetime) -> None:
    """Give the claim back until a time."""
    _move(connection, _POSTPONED, turn, now, note, until_=until)


def judge(
    connection: Connection, turn: Turn, verdict: Verdict, calls: Sequence[Call], now: datetime
) -> None:
    """Decide how the turn ends, and save its calls; those still reserved become unknown."""
    _move(
        connection,
        _JUDGED,
        turn,
        now,
        f"{verdict.state}: {verdict.text}",
        state_=verdict.state.value,
        text_=verdict.text,
        retry_=verdict.retry,
    )
    save_calls(connection, turn, calls)
    give_up_calls(connection, turn.id)


def finish(
    connection: Connection, turn: Turn, state: TurnState, shown: Sequence[Post], now: datetime
) -> None:
    """End the turn; DONE makes its first answer the thread's tip."""
    _move(connection, _FINISHED[state], turn, now)
    if state is TurnState.DONE:
        connection.execute(_TIP, {"turn_": turn.id, "number_": turn.number})
    if shown:
        connection.execute(_POST, [_post(turn, post) for post in shown])


def _move(
    connection: Connection,
    statement: Update,
    turn: Turn,
    now: datetime,
    note: str = "",
    **values: object,
) -> None:
    """Run one of the fenced updates. Fenced when it finds no row."""
    found = connection.execute(statement, {**owner(turn), **step_now(now, note), **values})
    if found.rowcount == 0:
        raise fenced(turn)


def _save_kept(connection: Connection, turn: Turn, kept: Sequence[Kept]) -> None:
    """Save answers, in place of earlier ones of the same choices."""
    earlier = {"turn_": turn.id, "choices_": [item.choice for item in kept]}
    if connection.execute(_FORGET_KEPT, earlier).rowcount:
        connection.execute(_FORGET_PARTS, earlier)
    connection.execute(insert(generations), [kept_to_row(turn.id, item) for item in kept])
    rows = [
        row for item in kept for row in parts_to_rows(turn.id, item.choice, item.generation.content)
    ]
    if rows:
        connection.execute(insert(parts), rows)


def _post(turn: Turn, post: Post) -> dict[str, object]:
    return {
        "turn_id": turn.id,
        "platform": turn.thread.platform,
        "workspace": turn.thread.workspace,
        "channel": turn.thread.channel,
        "message_id": post.message_id,
        "choice": post.choice,
    }
