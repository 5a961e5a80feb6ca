"""The raw answer of the offline demo: one line of JSON, then the bytes of its pictures."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from bot.conversation import (
    Blob,
    BlobPart,
    Content,
    Generation,
    Outcome,
    Part,
    Source,
    Suggestion,
    TextPart,
    Usage,
)
from bot.errors import OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.ports import BlobStore

MODEL = "offline-demo"
INTRO = "OFFLINE DEMO, no AI model was called."

_BLOCK = 1024 * 1024
_LONGEST_HEAD = 4 * _BLOCK
_BROKEN = f"{INTRO} The answer is not whole and cannot be read. Try again to ask once more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The bytes of one PNG and its size in pixels."""

    data: bytes = field(repr=False)
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the demo answers to one call. The fields mean what they mean in Generation."""

    text: str = ""
    pictures: tuple[Drawn, ...] = ()
    outcome: Outcome = Outcome.ANSWER
    reason: str = ""
    finish_reason: str = "STOP"
    sources: tuple[Source, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    suggestions_html: str = ""
    searches: int = 0


def encode(answer: Answer) -> list[bytes]:
    """Write an answer as the segments of its document."""
    head = {
        "text": answer.text,
        "outcome": answer.outcome,
        "reason": answer.reason,
        "finish_reason": answer.finish_reason,
        "sources": [asdict(source) for source in answer.sources],
        "suggestions": [asdict(suggestion) for suggestion in answer.suggestions],
        "suggestions_html": answer.suggestions_html,
        "searches": answer.searches,
        "pictures": [
            {"size": len(drawn.data), "width": drawn.width, "height": drawn.height}
            for drawn in answer.pictures
        ],
    }
    return [json.dumps(head).encode() + b"\n", *(drawn.data for drawn in answer.pictures)]


def cut_short(segments: Sequence[bytes]) -> list[bytes]:
    """Lose the second half of the last segment."""
    *whole, last = segments
    return [*whole, last[: len(last) // 2]]


def read(path: Path, blobs: BlobStore, workspace: str) -> Generation:
    """Read a document and keep its pictures; blocking. OutcomeUnknown when it is not whole."""
    with path.open("rb") as file:
        head = _head(file, path.stat().st_size)
        parts: list[Part] = []
        if head.text:
            signature = _keep(blobs, workspace, b"offline-demo signature of the words")
            parts.append(TextPart(text=head.text, signature=signature))
        parts.extend(_picture(file, frame, blobs, workspace) for frame in head.frames)
    return replace(head.generation, content=Content(role="model", parts=tuple(parts)))


@dataclass(frozen=True, slots=True)
class _Frame:
    """A picture that follows the head: bytes, and pixels."""

    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line of a document; the generation has no parts yet."""

    text: str
    frames: tuple[_Frame, ...]
    generation: Generation


def _head(file: BinaryIO, size: int) -> _Head:
    """Read the first line; check that all the bytes it speaks of are there."""
    try:
        head = _parsed(json.loads(file.readline(_LONGEST_HEAD)))
    except (ValueError, KeyError, TypeError) as error:
        raise OutcomeUnknown(_BROKEN) from error
    if file.tell() + sum(frame.size for frame in head.frames) != size:
        raise OutcomeUnknown(_BROKEN)
    return head


def _parsed(head: dict[str, Any]) -> _Head:
    generation = Generation(
        content=Content(role="model", parts=()),
        outcome=Outcome(head["outcome"]),
        reason=head["reason"],
        finish_reason=head["finish_reason"],
        usage=Usage(searches=head["searches"]),
        sources=tuple(Source(**source) for source in head["sources"]),
        suggestions=tuple(Suggestion(**suggestion) for suggestion in head["suggestions"]),
        suggestions_html=head["suggestions_html"],
        model_version=MODEL,
    )
    return _Head(head["text"], tuple(_Frame(**frame) for frame in head["pictures"]), generation)


def _picture(file: BinaryIO, frame: _Frame, blobs: BlobStore, workspace: str) -> BlobPart:
    """Keep one picture, block by block, and a signature that belongs to it alone."""
    writer = blobs.writer(workspace)
    try:
        left = frame.size
        while left:
            block = file.read(min(left, _BLOCK))
            writer.write(block)
            left -= len(block)
        digest = blobs.keep(writer)
    finally:
        writer.discard()
    blob = Blob(
        digest=digest,
        mime_type="image/png",
        size=frame.size,
        width=frame.width,
        height=frame.height,
    )
    signature = _keep(blobs, workspace, f"offline-demo signature of {digest}".encode())
    return BlobPart(blob=blob, signature=signature)


def _keep(blobs: BlobStore, workspace: str, data: bytes) -> Blob:
    writer = blobs.writer(workspace)
    try:
        writer.write(data)
        digest = blobs.keep(writer)
    finally:
        writer.discard()
    return Blob(digest=digest, mime_type="application/octet-stream", size=len(data))
