"""What people ask for: a turn, other words, a cancel, a yes, a retry, an undo.

Nothing here is fenced by an attempt: people do not know of attempts.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    bindparam,
    case,
    delete,
    exists,
    insert,
    not_,
    or_,
    select,
    update,
)

from bot.conversation import ROOT, BlobPart, TextPart, TurnId, TurnState
from bot.errors import NotFound, UsageError
from storage.engine import upsert
from storage.ledger import give_up_calls
from storage.lookups import THIS_THREAD, by_post, get, place
from storage.order import take_place
from storage.rows import first_step, one_step, part_to_row, ref_of, step_now
from storage.schema import (
    IS_DONE,
    PERSON,
    Moment,
    attachments,
    generations,
    inbox,
    is_open,
    parts,
    threads,
    turns,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Update

    from bot.chat import Message
    from bot.conversation import ThreadId, Turn, TurnRef
    from bot.options import GenerationOptions

KEYS_LIVE = timedelta(days=14)

_THIS = turns.c.id == bindparam("turn_")
_KNOWN = select(inbox.c.key, inbox.c.turn_id).where(inbox.c.key.in_(bindparam("keys_")))
_OLD = delete(inbox).where(inbox.c.created < bindparam("before_", type_=Moment))
_NUMBER = upsert(
    threads,
    ["platform", "workspace", "channel", "thread"],
    last_number=threads.c.last_number + 1,
).returning(threads.c.id, threads.c.last_number)


def _step(word: str, **changes: object) -> Update:
    return update(turns).where(_THIS).values(history=one_step(word), **changes)


_ANSWERED = exists().where(generations.c.turn_id == turns.c.id)
_FLAG = _step("cancel-requested", cancel_requested=True).where(turns.c.claimed)
_CANCEL = _step(
    "cancelled",
    verdict_state=TurnState.CANCELLED.value,
    verdict_text="Cancelled.",
    verdict_retry=False,
    not_before=None,
).where(
    not_(turns.c.claimed),
    is_open(turns),
    turns.c.verdict_state.is_(None),
    not_(_ANSWERED),
)
_CONFIRM = _step("confirmed", confirmed=True, not_before=None)
_REOPEN = _step(
    "reopened",
    state=case((_ANSWERED, TurnState.STORED.value), else_=TurnState.ACCEPTED.value),
    verdict_state=None,
    verdict_text=None,
    verdict_retry=None,
    cancel_requested=False,
    tries=0,
    round=turns.c.round + 1,
).where(turns.c.verdict_retry, not_(is_open(turns)))
_AMEND = _step("amended", options=bindparam("options_", type_=JSON)).where(
    is_open(turns),
    turns.c.depth.is_(None),
    turns.c.verdict_state.is_(None),
    or_(not_(turns.c.claimed), turns.c.pending_material),
)
_PROMPT = (
    update(parts)
    .where(parts.c.turn_id == bindparam("turn_"), parts.c.choice == PERSON, parts.c.position == 0)
    .values(text=bindparam("prompt_"))
)
_MAKE_CURRENT = (
    update(threads)
    .where(
        threads.c.id == turns.c.thread_id,
        _THIS,
        IS_DONE,
        generations.c.turn_id == turns.c.id,
        generations.c.choice == bindparam("choice_"),
    )
    .values(tip=bindparam("turn_"), tip_choice=bindparam("choice_"))
)
_tip = turns.alias("tip")
_UNDO = (
    update(threads)
    .where(THIS_THREAD, _tip.c.id == threads.c.tip, _tip.c.parent != ROOT.turn)
    .values(tip=_tip.c.parent, tip_choice=_tip.c.parent_choice)
    .returning(threads.c.tip, threads.c.tip_choice)
)


def accept(
    connection: Connection, turn: Turn, message: Message, prune_at: datetime | None
) -> tuple[TurnId, bool]:
    """Insert a new turn, or find the one that came from this message already.

    prune_at: the time, when the message keys that have lived long enough are to be forgotten.
    """
    if prune_at:
        connection.execute(_OLD, {"before_": prune_at - KEYS_LIVE})
    keys = _keys(message)
    known = {row.key: row.turn_id for row in connection.execute(_KNOWN, {"keys_": keys})}
    turn_id = TurnId(next((known[key] for key in keys if key in known), turn.id))
    if not known:
        _insert(connection, turn, message)
    new = [
        {"key": key, "turn_id": turn_id, "created": turn.created}
        for key in keys
        if key not in known
    ]
    if new:
        connection.execute(insert(inbox), new)
    return turn_id, not known


def request_cancel(connection: Connection, turn: TurnId, now: datetime) -> Turn:
    """Ask for the end of a turn. NotFound."""
    values = {"turn_": turn, **step_now(now)}
    flagged = connection.execute(_FLAG, values).rowcount
    if not flagged and connection.execute(_CANCEL, values).rowcount:
        give_up_calls(connection, turn)
    return get(connection, turn)


def confirm(connection: Connection, turn: TurnId, now: datetime) -> None:
    """Note that a person agreed to the price. NotFound."""
    if connection.execute(_CONFIRM, {"turn_": turn, **step_now(now)}).rowcount == 0:
        raise NotFound(f"There is no turn {turn}.")


def reopen(
    connection: Connection, turn: TurnId, ref: Mapping[str, str] | None, now: datetime
) -> None:
    """Make a failed turn run again. NotFound, UsageError."""
    statement = _REOPEN if ref is None else _REOPEN.values(ref=dict(ref))
    if connection.execute(statement, {"turn_": turn, **step_now(now)}).rowcount == 0:
        state = get(connection, turn).state
        raise UsageError(f"Turn {turn} is {state}: to try it again cannot help. Ask anew.")


def amend(
    connection: Connection, turn: TurnId, prompt: str, options: GenerationOptions, now: datetime
) -> bool:
    """Change the words of a turn that has not been called yet; False when it is too late."""
    values = {"turn_": turn, "options_": options.said(), **step_now(now)}
    if connection.execute(_AMEND, values).rowcount == 0:
        return False
    connection.execute(_PROMPT, {"turn_": turn, "prompt_": prompt})
    return True


def make_current(connection: Connection, answer: TurnRef) -> None:
    """Make an answer the tip of its thread. NotFound when there is no such answer."""
    values = {"turn_": answer.turn, "choice_": answer.choice}
    if connection.execute(_MAKE_CURRENT, values).rowcount == 0:
        raise NotFound(f"There is no answer {answer}.")


def undo(connection: Connection, thread: ThreadId) -> TurnRef | None:
    """Make the parent of the tip the tip; None, and nothing changed, at a root."""
    row = connection.execute(_UNDO, place(thread)).one_or_none()
    return ref_of(row.tip, row.tip_choice) if row else None


def _keys(message: Message) -> list[str]:
    """Name a message: by its id, and by the one that it shares with its twins."""
    thread = message.thread
    keys = [json.dumps([thread.platform, thread.workspace, thread.channel, message.id])]
    if message.client_id:
        keys.append(json.dumps([thread.platform, thread.workspace, message.client_id]))
    return keys


def _insert(connection: Connection, turn: Turn, message: Message) -> None:
    parent = turn.parent
    if parent is None and message.reply_to:
        parent = by_post(connection, message.thread, message.reply_to)
    connection.execute(insert(turns), _turn(connection, turn, message, parent))
    said = [part_to_row(turn.id, PERSON, 0, TextPart(text=turn.prompt))]
    said += [
        part_to_row(turn.id, PERSON, position, BlobPart(blob=attachment.blob))
        for position, attachment in enumerate(message.attachments, 1)
        if attachment.blob
    ]
    connection.execute(insert(parts), said)
    if message.attachments:
        connection.execute(insert(attachments), _attachments(turn, message))


def _turn(
    connection: Connection, turn: Turn, message: Message, parent: TurnRef | None
) -> dict[str, Any]:
    """Make the row of a new turn, with its number in its thread."""
    where = {"platform": turn.thread.platform, "workspace": turn.thread.workspace}
    thread_id, number = connection.execute(
        _NUMBER,
        {
            **where,
            "channel": turn.thread.channel,
            "thread": turn.thread.thread,
            "last_number": 1,
            "told": False,
        },
    ).one()
    verdict = turn.verdict
    not_before = None if verdict else message.not_before
    if not_before:
        number = take_place(connection, thread_id, number, message.sent_at)
    return {
        **where,
        "id": turn.id,
        "thread_id": thread_id,
        "number": number,
        "author": turn.author,
        "round": turn.round,
        "provider": turn.provider,
        "author_name": turn.author_name,
        "message_id": turn.message_id,
        "created": turn.created,
        "state": turn.state.value,
        "attempt": 0,
        "claimed": False,
        "tries": 0,
        "pending_material": any(item.blob is None for item in message.attachments),
        "not_before": not_before,
        "parent": parent.turn if parent else None,
        "parent_choice": parent.choice if parent else None,
        "options": turn.options.said(),
        "ref": dict(turn.ref),
        "confirmed": turn.confirmed,
        "cancel_requested": False,
        "verdict_state": verdict.state.value if verdict else None,
        "verdict_text": verdict.text if verdict else None,
        "verdict_retry": verdict.retry if verdict else None,
        "notes": [],
        "history": first_step(turn.created, turn.state),
        "sent": message.sent_at,
        "started": False,
        "quota": turn.quota,
    }


def _attachments(turn: Turn, message: Message) -> list[dict[str, Any]]:
    return [
        {
            "turn_id": turn.id,
            "position": position,
            "name": attachment.name,
            "declared_type": attachment.declared_type,
            "size": attachment.size,
            "ref": dict(attachment.ref),
            "pending": attachment.blob is None,
            "problem": "",
            "note": "",
        }
        for position, attachment in enumerate(message.attachments)
    ]
