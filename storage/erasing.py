"""Forgetting a person: every row about them, in one transaction, and what others then go on from.

Files are removed afterwards, by a note in the journal that is written with it: ``bot.privacy``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, and_, bindparam, delete, exists, func, not_, or_, select, update

from bot.conversation import TurnId, new_turn_id
from bot.ports import ERASING, Erased
from storage import journal as notes
from storage.schema import BY_SOMEBODY, is_open, journal, ledger, parts, threads, turns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select, Table

    from storage.rows import AnyRow


def _list(name: str) -> Select[Any]:
    """Select the values of a JSON array: a list of any length as one parameter."""
    return select(func.json_each(bindparam(name, type_=Text)).table_valued("value").c.value)


def _in_workspace(column: ColumnElement[str]) -> ColumnElement[bool]:
    wanted = bindparam("workspace_", type_=Text)
    return or_(wanted.is_(None), column == wanted)


def _of_person(table: Table, person: str) -> ColumnElement[bool]:
    return and_(
        table.c.platform == bindparam("platform_"),
        table.c[person] == bindparam("person_"),
        _in_workspace(table.c.workspace),
    )


_IDS = _list("ids_")
_THEIRS = and_(_of_person(turns, "author"), BY_SOMEBODY)
_SAID = select(turns.c.id).where(_THEIRS).order_by(turns.c.seq)
_MINE = select(turns.c.id, turns.c.thread_id, is_open(turns).label("open")).where(_THEIRS)

_BLOBS = (
    select(turns.c.workspace, parts.c.digest, parts.c.signature_digest)
    .select_from(turns.join(parts))
    .where(turns.c.id.in_(_IDS))
)
_CALLS = select(ledger.c.id).where(ledger.c.turn_id.in_(_IDS))
_DIGESTS = _list("digests_")
_NAMED = (
    select(parts.c.digest, parts.c.signature_digest)
    .select_from(turns.join(parts))
    .where(
        turns.c.workspace == bindparam("workspace_"),
        or_(parts.c.digest.in_(_DIGESTS), parts.c.signature_digest.in_(_DIGESTS)),
    )
)


def _below() -> Select[Any]:
    """Select turns with all that refines them; what was called comes after its parent."""
    found = select(turns.c.id).where(turns.c.id.in_(_IDS)).cte("below", recursive=True)
    found = found.union(select(turns.c.id).where(turns.c.parent == found.c.id))
    return (
        select(turns.c.id, turns.c.parent, turns.c.parent_choice, turns.c.depth)
        .where(turns.c.id.in_(select(found.c.id)))
        .order_by(turns.c.depth.nulls_last())
    )


_FAMILY = _below()
_REFINE = (
    update(turns)
    .where(turns.c.id == bindparam("turn_"))
    .values(
        parent=bindparam("parent_"),
        parent_choice=bindparam("choice_"),
        depth=bindparam("depth_"),
    )
)
_TIPS = select(threads.c.id, threads.c.tip, threads.c.tip_choice).where(threads.c.tip.in_(_IDS))
_MOVE_TIP = (
    update(threads)
    .where(threads.c.id == bindparam("thread_"))
    .values(tip=bindparam("tip_"), tip_choice=bindparam("choice_"))
)

_NOTES_OF_TURNS = delete(journal).where(
    or_(
        func.substr(journal.c.key, 1, len(new_turn_id())).in_(_IDS),
        journal.c.note["turn"].as_string().in_(_IDS),
    )
)
_NOTES_OF_PERSON = delete(journal).where(
    journal.c.kind.startswith(bindparam("kinds_", type_=Text)),
    journal.c.note["user"].as_string() == bindparam("person_"),
    or_(
        journal.c.note["workspace"].as_string().is_(None),
        _in_workspace(journal.c.note["workspace"].as_string()),
    ),
)
_CHARGES = (
    update(ledger)
    .where(
        _of_person(ledger, "person"),
        ledger.c.turn_id.not_in(select(turns.c.id).where(_THEIRS, is_open(turns))),
    )
    .values(person="", request={}, note="")
)
_TURNS = delete(turns).where(turns.c.id.in_(_IDS))
_THREADS = delete(threads).where(
    threads.c.id.in_(_list("threads_")), not_(exists().where(turns.c.thread_id == threads.c.id))
)


def said_by(
    connection: Connection, platform: str, person: str, workspace: str | None
) -> list[TurnId]:
    """List the turns of a person, oldest first."""
    whose = {"platform_": platform, "person_": person, "workspace_": workspace}
    return [TurnId(turn) for turn in connection.scalars(_SAID, whose)]


def erase(
    connection: Connection,
    platform: str,
    person: str,
    workspace: str | None,
    preferences: Iterable[tuple[str, str]],
    *,
    now: datetime,
) -> Erased:
    """Forget a person, but for the turns that have not ended.

    preferences: kinds and keys of the notes that are theirs beside those of turns.
    """
    whose = {"platform_": platform, "person_": person, "workspace_": workspace}
    mine = connection.execute(_MINE, whose).all()
    gone = [row.id for row in mine if not row.open]
    ids = {"ids_": json.dumps(gone)}
    _note_files(connection, ids, now)
    _go_on_without(connection, gone)
    forgotten = connection.execute(_NOTES_OF_TURNS, ids).rowcount
    forgotten += connection.execute(_NOTES_OF_PERSON, {**whose, "kinds_": f"{platform}."}).rowcount
    forgotten += sum(notes.remove(connection, kind, key) for kind, key in preferences)
    connection.execute(_CHARGES, whose)
    connection.execute(_TURNS, ids)
    left = json.dumps([row.thread_id for row in mine if not row.open])
    connection.execute(_THREADS, {"threads_": left})
    return Erased(
        turns=len(gone),
        notes=forgotten,
        running=tuple(TurnId(row.id) for row in mine if row.open),
    )


def named(connection: Connection, workspace: str, digests: Collection[str]) -> set[str]:
    """Tell which of these blobs a turn of the workspace holds, whatever its platform."""
    values = {"workspace_": workspace, "digests_": json.dumps(list(digests))}
    held = {digest for row in connection.execute(_NAMED, values) for digest in row}
    return held.intersection(digests)


def _note_files(connection: Connection, ids: Mapping[str, str], now: datetime) -> None:
    """Write down which files go with these turns, unless others hold them, too."""
    blobs: dict[str, set[str]] = {}
    for workspace, *digests in connection.execute(_BLOBS, ids):
        blobs.setdefault(workspace, set()).update(digest for digest in digests if digest)
    note = {
        "blobs": {workspace: sorted(digests) for workspace, digests in blobs.items()},
        "calls": list(connection.scalars(_CALLS, ids)),
    }
    notes.write(connection, ERASING, new_turn_id(), note, now)


def _go_on_without(connection: Connection, gone: Sequence[str]) -> None:
    """Join what refines turns, and the tips of threads, to the nearest answer that is left."""
    ids = {"ids_": json.dumps(gone)}
    family = connection.execute(_FAMILY, ids).all()
    leaving = {row.id: row for row in family if row.id in set(gone)}
    above: dict[str, int] = {}  # how many leave from the way to this turn
    refines = []
    for row in family:
        above[row.id] = above.get(row.parent, 0) + (row.id in leaving)
        if row.id not in leaving:
            parent, choice = _left(leaving, row.parent, row.parent_choice)
            depth = row.depth and row.depth - above[row.id]
            refines.append({"turn_": row.id, "parent_": parent, "choice_": choice, "depth_": depth})
    if refines:
        connection.execute(_REFINE, refines)
    tips = []
    for row in connection.execute(_TIPS, ids):
        tip, choice = _left(leaving, row.tip, row.tip_choice)
        tips.append({"thread_": row.id, "tip_": tip or None, "choice_": choice})
    if tips:
        connection.execute(_MOVE_TIP, tips)


def _left(
    leaving: Mapping[str, AnyRow], turn: str | None, choice: int | None
) -> tuple[str | None, int | None]:
    """Climb to the nearest answer that does not leave; ROOT when there is none."""
    while row := leaving.get(turn or ""):
        turn, choice = row.parent, row.parent_choice
    return turn, choice
