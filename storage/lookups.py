"""Looking things up: turns, what is known of them, and how messages lead to them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import Text, and_, bindparam, func, select

from bot.conversation import ThreadId, TurnId
from bot.errors import NotFound
from bot.ports import Record
from storage.rows import (
    PROMPT,
    TURN,
    WITH_PROMPT,
    WITH_THREAD,
    call_of,
    kept_of,
    material_of,
    model_content,
    post_of,
    ref_of,
    steps_of,
    turn_of,
)
from storage.schema import (
    IS_DONE,
    PERSON,
    Moment,
    attachments,
    generations,
    ledger,
    parts,
    posts,
    threads,
    turns,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Table

    from bot.conversation import Turn, TurnRef
    from bot.ports import Material
    from storage.rows import AnyRow


def same_channel(table: Table) -> ColumnElement[bool]:
    """Compare platform, workspace and channel with those of ``place``."""
    names = ("platform", "workspace", "channel")
    return and_(*(table.c[name] == bindparam(f"{name}_") for name in names))


def place(thread: ThreadId) -> dict[str, str]:
    """Give the parameters of ``same_channel`` and THIS_THREAD."""
    return {
        "platform_": thread.platform,
        "workspace_": thread.workspace,
        "channel_": thread.channel,
        "thread_": thread.thread,
    }


THIS_THREAD = and_(same_channel(threads), threads.c.thread == bindparam("thread_"))

_THIS = bindparam("turn_", type_=Text)
_GET = (
    select(*TURN, PROMPT, turns.c.notes, turns.c.history)
    .select_from(WITH_PROMPT)
    .where(turns.c.id == _THIS)
)
_MATERIAL = (
    select(attachments).where(attachments.c.turn_id == _THIS).order_by(attachments.c.position)
)
_CALLS = select(ledger).where(ledger.c.turn_id == _THIS).order_by(ledger.c.created, ledger.c.id)
_KEPT = select(generations).where(generations.c.turn_id == _THIS).order_by(generations.c.choice)
_PARTS = select(parts).where(parts.c.turn_id == _THIS).order_by(parts.c.choice, parts.c.position)
_POSTS = select(posts).where(posts.c.turn_id == _THIS).order_by(posts.c.id)
_BY_MESSAGE = (
    select(turns.c.id)
    .select_from(WITH_THREAD)
    .where(
        turns.c.platform == bindparam("platform_"),
        turns.c.workspace == bindparam("workspace_"),
        turns.c.message_id == bindparam("message_"),
        threads.c.channel == bindparam("channel_"),
    )
    .order_by(turns.c.seq.desc())
)
_BY_POST = select(posts.c.turn_id, posts.c.choice).where(
    same_channel(posts), posts.c.message_id == bindparam("message_"), posts.c.choice.is_not(None)
)
_TURNS_OF = (
    select(*TURN)
    .select_from(WITH_THREAD)
    .where(THIS_THREAD)
    .order_by(turns.c.number.desc())
    .limit(bindparam("most_"))
)
_FIRST = select(*TURN).select_from(WITH_THREAD).where(THIS_THREAD).order_by(turns.c.number).limit(1)
_RECENT = (
    select(*TURN, PROMPT)
    .select_from(WITH_PROMPT)
    .where(
        turns.c.platform == bindparam("platform_"),
        turns.c.workspace == bindparam("workspace_"),
        turns.c.author == bindparam("author_"),
        IS_DONE,
    )
    .order_by(turns.c.seq.desc())
    .limit(bindparam("most_"))
)
_THREADS_SINCE = (
    select(threads.c.channel, threads.c.thread)
    .select_from(WITH_THREAD)
    .where(
        turns.c.platform == bindparam("platform_"),
        turns.c.workspace == bindparam("workspace_"),
        turns.c.served.is_not(None),
        turns.c.served >= bindparam("since_", type_=Moment),
    )
    .group_by(threads.c.id, threads.c.channel, threads.c.thread)
    .order_by(func.max(turns.c.served).desc())
    .limit(bindparam("most_"))
)
_TIP = select(threads.c.tip, threads.c.tip_choice).where(THIS_THREAD)


def get(connection: Connection, turn: TurnId) -> Turn:
    """Load a turn. NotFound."""
    return turn_of(_row(connection, turn))


def record(connection: Connection, turn: TurnId) -> Record:
    """Load everything of a turn. NotFound."""
    row = _row(connection, turn)
    this = {"turn_": turn}
    contents = {
        choice: list(rows)
        for choice, rows in groupby(connection.execute(_PARTS, this), lambda part: part.choice)
    }
    return Record(
        turn=turn_of(row),
        material=_material(connection.execute(_MATERIAL, this).all(), contents[PERSON]),
        calls=tuple(call_of(call) for call in connection.execute(_CALLS, this)),
        kept=tuple(
            kept_of(kept, model_content(contents.get(kept.choice, ())))
            for kept in connection.execute(_KEPT, this)
        ),
        posts=tuple(post_of(post) for post in connection.execute(_POSTS, this)),
        steps=steps_of(row.history),
        notes=tuple(row.notes),
    )


def by_message(connection: Connection, thread: ThreadId, message_id: str) -> TurnId | None:
    """Find the turn that came from a message of this channel."""
    values = {**place(thread), "message_": message_id}
    found = connection.execute(_BY_MESSAGE, values).scalars().first()
    return TurnId(found) if found else None


def by_post(connection: Connection, thread: ThreadId, message_id: str) -> TurnRef | None:
    """Find the answer that a post of ours in this channel shows."""
    row = connection.execute(_BY_POST, {**place(thread), "message_": message_id}).one_or_none()
    return ref_of(row.turn_id, row.choice) if row else None


def turns_of(connection: Connection, thread: ThreadId, most: int) -> list[Turn]:
    """List the newest turns of a thread, oldest first, without their prompts."""
    newest = connection.execute(_TURNS_OF, {**place(thread), "most_": most}).all()
    return [turn_of(row) for row in reversed(newest)]


def first(connection: Connection, thread: ThreadId) -> Turn | None:
    """Find the first turn of a thread, without its prompt."""
    row = connection.execute(_FIRST, place(thread)).one_or_none()
    return turn_of(row) if row else None


def recent(connection: Connection, thread: ThreadId, author: str, most: int) -> list[Turn]:
    """List the newest done turns of a person in the thread's workspace, newest first."""
    values = {**place(thread), "author_": author, "most_": most}
    return [turn_of(row) for row in connection.execute(_RECENT, values)]


def threads_since(
    connection: Connection, platform: str, workspace: str, since: datetime, most: int
) -> list[ThreadId]:
    """List the threads of a workspace with a turn worked on since a time, newest first."""
    values = {"platform_": platform, "workspace_": workspace, "since_": since, "most_": most}
    return [
        ThreadId(platform=platform, workspace=workspace, channel=row.channel, thread=row.thread)
        for row in connection.execute(_THREADS_SINCE, values)
    ]


def tip(connection: Connection, thread: ThreadId) -> TurnRef | None:
    """Find the answer that a plain reply refines now."""
    row = connection.execute(_TIP, place(thread)).one_or_none()
    return ref_of(row.tip, row.tip_choice) if row else None


def _row(connection: Connection, turn: TurnId) -> AnyRow:
    row = connection.execute(_GET, {"turn_": turn}).one_or_none()
    if row is None:
        message = f"There is no turn {turn}."
        raise NotFound(message)
    return row


def _material(rows: Iterable[AnyRow], said: Iterable[AnyRow]) -> tuple[Material, ...]:
    """Join attachments with the parts that hold their blobs, one position further on."""
    by_position = {part.position: part for part in said}
    return tuple(material_of(row, by_position.get(row.position + 1)) for row in rows)
