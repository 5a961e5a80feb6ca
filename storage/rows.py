"""Rows to values and back: the only place that knows which column holds what."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, and_, bindparam, cast

from bot.chat import Attachment, Post
from bot.conversation import (
    Blob,
    BlobPart,
    Content,
    Generation,
    Outcome,
    Source,
    Suggestion,
    TextPart,
    ThreadId,
    Turn,
    TurnId,
    TurnRef,
    TurnState,
    Usage,
    Verdict,
)
from bot.options import GenerationOptions
from bot.ports import Call, Kept, Material, Step
from storage.schema import PERSON, parts, threads, turns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Row

    from bot.conversation import Part

    AnyRow = Row[*tuple[Any, ...]]
    Values = dict[str, Any]

SIGNATURE_TYPE = "application/x-thought-signature"

TURN = (
    *(
        turns.c[name]
        for name in (
            "id",
            "platform",
            "workspace",
            "state",
            "author",
            "round",
            "provider",
            "author_name",
            "message_id",
            "created",
            "number",
            "attempt",
            "tries",
            "parent",
            "parent_choice",
            "options",
            "ref",
            "quota",
            "confirmed",
            "cancel_requested",
            "verdict_state",
            "verdict_text",
            "verdict_retry",
        )
    ),
    threads.c.channel,
    threads.c.thread,
)
"""What ``turn_of`` reads, beside the prompt."""

PROMPT = parts.c.text.label("prompt")
WITH_THREAD = turns.join(threads)
WITH_PROMPT = WITH_THREAD.join(
    parts, and_(parts.c.turn_id == turns.c.id, parts.c.choice == PERSON, parts.c.position == 0)
)


def turn_of(row: AnyRow) -> Turn:
    """Make a Turn of the columns TURN, and of PROMPT when it was asked for."""
    verdict = None
    if row.verdict_state:
        verdict = Verdict(
            state=TurnState(row.verdict_state),
            text=row.verdict_text,
            retry=row.verdict_retry,
        )
    return Turn(
        id=TurnId(row.id),
        thread=ThreadId(
            platform=row.platform,
            workspace=row.workspace,
            channel=row.channel,
            thread=row.thread,
        ),
        state=TurnState(row.state),
        author=row.author,
        round=row.round,
        provider=row.provider,
        author_name=row.author_name,
        message_id=row.message_id,
        created=row.created,
        number=row.number,
        attempt=row.attempt,
        tries=row.tries,
        prompt=getattr(row, "prompt", ""),
        parent=ref_of(row.parent, row.parent_choice),
        options=GenerationOptions(**row.options),
        ref=row.ref,
        quota=row.quota,
        confirmed=row.confirmed,
        cancel_requested=row.cancel_requested,
        verdict=verdict,
    )


def ref_of(turn: str | None, choice: int | None) -> TurnRef | None:
    """Make a TurnRef of its two columns."""
    return None if turn is None else TurnRef(turn=TurnId(turn), choice=choice or 0)


def parts_to_rows(turn: TurnId, choice: int, content: Content) -> list[Values]:
    """Make the rows of all parts of a content."""
    return [
        part_to_row(turn, choice, position, part) for position, part in enumerate(content.parts)
    ]


def part_to_row(turn: TurnId, choice: int, position: int, part: Part) -> Values:
    """Make the row of one part; every column is named, so that all rows go in one statement."""
    blob = part.blob if isinstance(part, BlobPart) else None
    signature = part.signature
    return {
        "turn_id": turn,
        "choice": choice,
        "position": position,
        "text": part.text if isinstance(part, TextPart) else None,
        "digest": blob.digest if blob else None,
        "mime_type": blob.mime_type if blob else None,
        "size": blob.size if blob else None,
        "width": blob.width if blob else None,
        "height": blob.height if blob else None,
        "pages": blob.pages if blob else None,
        "thought": part.thought,
        "signature_digest": signature.digest if signature else None,
        "signature_size": signature.size if signature else None,
    }


def part_of(row: AnyRow) -> Part:
    """Make a part of a row of ``parts``."""
    signature = None
    if row.signature_digest is not None:
        signature = Blob(
            digest=row.signature_digest, mime_type=SIGNATURE_TYPE, size=row.signature_size
        )
    if row.digest is None:
        return TextPart(text=row.text, thought=row.thought, signature=signature)
    blob = Blob(
        digest=row.digest,
        mime_type=row.mime_type,
        size=row.size,
        width=row.width,
        height=row.height,
        pages=row.pages,
    )
    return BlobPart(blob=blob, thought=row.thought, signature=signature)


def person_content(rows: Iterable[AnyRow]) -> Content:
    """Make what a person said, from their parts in order; a prompt of no words is left out."""
    said = (part_of(row) for row in rows)
    return Content(
        role="user", parts=tuple(p for p in said if not isinstance(p, TextPart) or p.text)
    )


def model_content(rows: Iterable[AnyRow]) -> Content:
    """Make what the model said, from its parts in order, verbatim."""
    return Content(role="model", parts=tuple(part_of(row) for row in rows))


def material_of(row: AnyRow, part: AnyRow | None) -> Material:
    """Make one attachment of its row and, when it was kept, of the part that holds its blob."""
    kept = part_of(part) if part else None
    return Material(
        position=row.position,
        attachment=Attachment(
            name=row.name, declared_type=row.declared_type, size=row.size, ref=row.ref
        ),
        blob=kept.blob if isinstance(kept, BlobPart) else None,
        problem=row.problem,
        note=row.note,
    )


def kept_to_row(turn: TurnId, kept: Kept) -> Values:
    """Make the row of an answer; its parts have rows of their own."""
    generation = kept.generation
    return {
        "turn_id": turn,
        "choice": kept.choice,
        "call": kept.call,
        "outcome": generation.outcome.value,
        "reason": generation.reason,
        "finish_reason": generation.finish_reason,
        "usage": asdict(generation.usage),
        "sources": [asdict(source) for source in generation.sources],
        "suggestions": [asdict(suggestion) for suggestion in generation.suggestions],
        "suggestions_html": generation.suggestions_html,
        "model_version": generation.model_version,
    }


def kept_of(row: AnyRow, content: Content) -> Kept:
    """Make an answer of its row and its content."""
    generation = Generation(
        content=content,
        outcome=Outcome(row.outcome),
        reason=row.reason,
        finish_reason=row.finish_reason,
        usage=Usage(**row.usage),
        sources=tuple(Source(**source) for source in row.sources),
        suggestions=tuple(Suggestion(**suggestion) for suggestion in row.suggestions),
        suggestions_html=row.suggestions_html,
        model_version=row.model_version,
    )
    return Kept(choice=row.choice, call=row.call, generation=generation)


def call_to_row(turn: Turn, call: Call) -> Values:
    """Make the row of a paid call; it names the workspace and person that it is charged to."""
    return {
        "id": call.id,
        "turn_id": turn.id,
        "choice": call.choice,
        "platform": turn.thread.platform,
        "workspace": turn.thread.workspace,
        "person": turn.author,
        "state": call.state,
        "amount": call.amount,
        "model": call.model,
        "backend": call.backend,
        "created": call.at,
        "usage": asdict(call.usage),
        "request": dict(call.request),
        "note": call.note,
    }


def call_of(row: AnyRow) -> Call:
    """Make a paid call of its row."""
    return Call(
        id=row.id,
        choice=row.choice,
        state=row.state,
        amount=row.amount,
        model=row.model,
        backend=row.backend,
        at=row.created,
        request=row.request,
        usage=Usage(**row.usage),
        note=row.note,
    )


def post_of(row: AnyRow) -> Post:
    """Make a message of ours of its row."""
    return Post(message_id=row.message_id, choice=row.choice)


def first_step(at: datetime, state: TurnState) -> str:
    """Begin a turn's history; ``one_step`` goes on with it."""
    return f"{at.isoformat()} {state} 0 \n"


def one_step(
    state: str | ColumnElement[str], attempt: ColumnElement[int] = turns.c.attempt
) -> ColumnElement[str]:
    """Append one line to a turn's history, for SET. Parameters: those of ``step_now``."""
    return (
        turns.c.history
        + bindparam("at_", type_=Text)
        + " "
        + state
        + " "
        + cast(attempt, Text)
        + " "
        + bindparam("note_", type_=Text)
        + "\n"
    )


def step_now(at: datetime, note: str = "") -> Values:
    """Give ``one_step`` its time and its note, on one line."""
    return {"at_": at.isoformat(), "note_": " ".join(note.split())}


def steps_of(history: str) -> tuple[Step, ...]:
    """Read the lines that ``one_step`` wrote."""
    fields = (line.split(" ", 3) for line in history.splitlines())
    return tuple(
        Step(at=datetime.fromisoformat(at), state=state, attempt=int(attempt), note=note)
        for at, state, attempt, note in fields
    )
