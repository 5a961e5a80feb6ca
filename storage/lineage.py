"""The way from a thread's root to a turn's parent: what the model is shown of the past."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, exists, func, literal, select

from bot.conversation import ROOT, PastTurn, TurnId, TurnState
from bot.options import GenerationOptions
from bot.ports import Lineage
from storage.moves import OWNED, fenced, owner
from storage.rows import model_content, person_content, ref_of
from storage.schema import PERSON, generations, ledger, parts, threads, turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Select

    from bot.conversation import Turn, TurnRef
    from storage.rows import AnyRow

_parent = turns.alias("parent")
_START = (
    select(
        threads.c.told,
        threads.c.tip,
        threads.c.tip_choice,
        _parent.c.state,
        _parent.c.parent,
        _parent.c.parent_choice,
        _parent.c.options,
        _parent.c.depth,
        select(func.min(generations.c.choice))
        .where(generations.c.turn_id == _parent.c.id)
        .scalar_subquery()
        .label("first_choice"),
        exists()
        .where(
            generations.c.turn_id == _parent.c.id,
            generations.c.choice == func.coalesce(bindparam("choice_"), threads.c.tip_choice),
        )
        .label("answered"),
    )
    .select_from(
        turns.join(threads).outerjoin(
            _parent,
            and_(
                _parent.c.id == func.coalesce(bindparam("parent_"), threads.c.tip),
                _parent.c.platform == turns.c.platform,
                _parent.c.workspace == turns.c.workspace,
            ),
        )
    )
    .where(*OWNED)
)


def _path() -> Select[Any]:
    """Select the parts of the newest turns of a path, with the backend of each answer."""
    path = (
        select(
            turns.c.id,
            turns.c.parent,
            turns.c.parent_choice,
            bindparam("choice_").label("choice"),
            literal(1).label("level"),
        )
        .where(turns.c.id == bindparam("parent_"))
        .cte("path", recursive=True)
    )
    path = path.union_all(
        select(
            turns.c.id,
            turns.c.parent,
            turns.c.parent_choice,
            path.c.parent_choice,
            path.c.level + 1,
        ).where(turns.c.id == path.c.parent, path.c.level < bindparam("most_"))
    )
    chosen = parts.c.choice.in_((PERSON, path.c.choice))
    answer = and_(generations.c.turn_id == path.c.id, generations.c.choice == path.c.choice)
    return (
        select(parts, ledger.c.backend)
        .select_from(
            path.join(parts, and_(parts.c.turn_id == path.c.id, chosen))
            .outerjoin(generations, answer)
            .outerjoin(ledger, ledger.c.id == generations.c.call)
        )
        .order_by(path.c.level.desc(), parts.c.choice, parts.c.position)
    )


_PATH = _path()


def lineage(connection: Connection, turn: Turn, most: int) -> Lineage:
    """Load the way to the parent, its newest turns only; the rest is counted by its depth."""
    parent, row = _start(connection, turn)
    if parent == ROOT:
        return Lineage(parent=ROOT, told=row.told)
    found = connection.execute(
        _PATH, {"parent_": parent.turn, "choice_": parent.choice, "most_": most}
    )
    past = tuple(_past(found))
    return Lineage(
        parent=parent,
        turns=past,
        older=max(0, row.depth - most),
        options=GenerationOptions(**row.options),
        told=row.told,
    )


def _start(connection: Connection, turn: Turn) -> tuple[TurnRef, AnyRow]:
    """Find the nearest done turn at or above the parent; when there is none, the thread's tip.

    ROOT for a turn that refines nothing, and in a thread that has no tip.
    """
    ref = turn.parent
    while True:
        values = {
            **owner(turn),
            "parent_": ref.turn if ref else None,
            "choice_": ref.choice if ref else None,
        }
        row = connection.execute(_START, values).one_or_none()
        if row is None:
            raise fenced(turn)
        found = ref or ref_of(row.tip, row.tip_choice)
        if found and row.state == TurnState.DONE.value:
            if not row.answered:  # this choice failed: the first one that did not
                found = replace(found, choice=row.first_choice)
            return found, row
        if ref in (None, ROOT):
            return ROOT, row
        ref = ref_of(row.parent, row.parent_choice)
        if ref == ROOT:  # a branch from what brought no answer goes on from the tip
            ref = None


def _past(rows: Iterable[AnyRow]) -> Iterator[PastTurn]:
    """Make past turns of their parts; a turn whose answer is gone is left out."""
    for turn, of_turn in groupby(rows, lambda row: row.turn_id):
        said = list(of_turn)
        model = model_content(row for row in said if row.choice != PERSON)
        if model.parts:
            yield PastTurn(
                id=TurnId(turn),
                user=person_content(row for row in said if row.choice == PERSON),
                model=model,
                backend=said[0].backend or "",
            )
