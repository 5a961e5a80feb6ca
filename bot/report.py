"""``threadpaint check`` and ``threadpaint explain``: what is in force, and what befell a turn."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.app import open_store
from bot.conversation import ROOT, TextPart, TurnRef
from bot.environment import load
from bot.errors import UsageError
from bot.log import Redactor
from bot.printing import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bot.conversation import Part
    from bot.ports import Call, Material, Record

_UNFOLDED = 10_000  # columns where no terminal folds lines


class _Page:
    """What is printed for people: nothing is cut, nothing steers the terminal.

    On a terminal long cells are folded, elsewhere a row is one line. hide: takes out secrets.
    """

    def __init__(self, hide: Callable[[str], str] = str) -> None:
        self._hide = hide
        width = None if sys.stdout.isatty() else _UNFOLDED
        self._console = Console(highlight=False, width=width)

    def line(self, text: str) -> None:
        self._console.print(self._text(text), overflow="fold")

    def table(self, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in columns:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*(self._text(str(cell)) for cell in row))
        self._console.print(table)

    def _text(self, text: str) -> Text:
        return Text(plain(self._hide(text)))


def check(*, as_json: bool) -> None:
    """Print every setting in force, secrets masked. Raises SettingsError with all problems."""
    settings = load()
    rows, warnings = settings.describe(), settings.warnings()
    if as_json:
        shown = {name: {"value": value, "from": source} for name, value, source in rows}
        print(json.dumps({"settings": shown, "warnings": warnings}))  # noqa: T201 - the output
        return
    page = _Page()
    page.table(("setting", "value", "from"), rows)
    for warning in warnings:
        page.line(f"Warning: {warning}")
    page.line("The settings are in order.")


async def explain(name: str, *, as_json: bool) -> None:
    """Print all that is known of a turn, without our own secrets. Raises NotFound, UsageError."""
    try:
        ref = TurnRef.parse(name)
    except ValueError as error:
        message = f"{name} is no turn id. threadpaint say prints them."
        raise UsageError(message) from error
    settings = load()
    hide = Redactor(settings.secrets())
    async with open_store(settings) as store:
        record = await store.record(ref.turn)
    if as_json:
        facts = _hidden(_as_json(record), hide)
        print(json.dumps(facts, ensure_ascii=False, default=str))  # noqa: T201 - the output
    else:
        _print(record, _Page(hide))


def _hidden(value: object, hide: Callable[[str], str]) -> object:
    """Take secrets out of every string inside a value."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {name: _hidden(held, hide) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(held, hide) for held in value]
    return value


def _as_json(record: Record) -> dict[str, object]:
    turn = record.turn
    return {
        "turn": turn.id,
        "thread": str(turn.thread),
        "number": turn.number,
        "state": turn.state,
        "author": turn.author,
        "created": turn.created.isoformat(),
        "prompt": turn.prompt,
        "parent": None if turn.parent in (None, ROOT) else str(turn.parent),
        "options": turn.options.said(),
        "verdict": asdict(turn.verdict) if turn.verdict else None,
        "steps": [asdict(step) for step in record.steps],
        "material": [_material(item) for item in record.material],
        "calls": [_call(call) for call in record.calls],
        "answers": [
            {
                "choice": kept.choice,
                "call": kept.call,
                "finish_reason": kept.generation.finish_reason,
                "model_version": kept.generation.model_version,
                "parts": [_part(part) for part in kept.generation.content.parts],
                "sources": [asdict(source) for source in kept.generation.sources],
            }
            for kept in record.kept
        ],
        "notes": list(record.notes),
        "posts": [asdict(post) for post in record.posts],
    }


def _material(item: Material) -> dict[str, object]:
    kept = asdict(item.blob) if item.blob else None
    return {"name": item.attachment.name, "blob": kept, "problem": item.problem, "note": item.note}


def _call(call: Call) -> dict[str, object]:
    return {
        "id": call.id,
        "state": call.state,
        "cost_usd": call.amount / 1e6,
        "model": call.model,
        "backend": call.backend,
        "at": call.at.isoformat(),
        "sent": dict(call.request),
        "usage": asdict(call.usage),
        "note": call.note,
    }


def _part(part: Part) -> dict[str, object]:
    signature = part.signature.size if part.signature else 0
    if isinstance(part, TextPart):
        return {"text": part.text, "thought": part.thought, "signature_bytes": signature}
    return {"blob": asdict(part.blob), "thought": part.thought, "signature_bytes": signature}


def _print(record: Record, page: _Page) -> None:
    turn, facts = record.turn, _as_json(record)
    for name in ("turn", "thread", "number", "state", "author", "created", "prompt", "parent"):
        page.line(f"{name:8} {facts[name] if facts[name] is not None else '-'}")
    options = " ".join(f"{name}={value}" for name, value in turn.options.said().items())
    page.line(f"options  {options or '-'}")
    if turn.verdict:
        page.line(f"verdict  {turn.verdict.text}")
    for item in record.material:
        outcome = item.problem or (item.blob and f"{item.blob.mime_type}, {item.blob.size} bytes")
        page.line(f"material {item.attachment.name}: {outcome or 'not downloaded yet'}")
    for note in record.notes:
        page.line(f"note     {note}")
    steps = [
        (f"{s.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], s.state, s.attempt, s.note) for s in record.steps
    ]
    page.table(("when (UTC)", "step", "attempt", "note"), steps)
    _print_answers(record, page)
    for post in record.posts:
        page.line(f"shown    {post.message_id}")


def _print_answers(record: Record, page: _Page) -> None:
    if record.calls:
        page.table(_CALL_COLUMNS, map(_call_row, record.calls))
    for call in record.calls:
        if call.note:
            page.line(f"call {_call_name(call)}: {call.note}")
    parts = [
        (kept.choice + 1, *_part_row(p))
        for kept in record.kept
        for p in kept.generation.content.parts
    ]
    if parts:
        page.table(("answer", "part", "type", "bytes", "pixels", "signature"), parts)


_CALL_COLUMNS = ("call", "state", "cost", "model", "verbatim", "material", "left out", "tokens")


def _call_name(call: Call) -> str:
    """Name a call inside its turn: ``2.1`` is the first one for the second answer."""
    return f"{call.choice + 1}.{int(call.id.rpartition('.')[2]) + 1}"


def _call_row(call: Call) -> tuple[object, ...]:
    sent = call.request
    counts = (len(list(sent.get(key) or ())) for key in ("verbatim", "material"))  # type: ignore[call-overload]
    return (
        _call_name(call),
        call.state,
        f"${call.amount / 1e6:.4f}",
        call.model,
        *counts,
        sent.get("older", 0),
        call.usage.total,
    )


def _part_row(part: Part) -> tuple[object, ...]:
    signature = f"{part.signature.size} bytes" if part.signature else "none"
    kind = "thought" if part.thought else "answer"
    if isinstance(part, TextPart):
        return kind, "text", len(part.text.encode()), "", signature
    blob = part.blob
    return kind, blob.mime_type, blob.size, f"{blob.width} x {blob.height}", signature
