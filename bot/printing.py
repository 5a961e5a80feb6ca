"""Printing: an answer as lines for a person at a terminal, and as JSON for a script. Pure."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bot.replies import reply_of

if TYPE_CHECKING:
    from bot.chat import Picture, Reply
    from bot.ports import Record

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """Take out control characters: model text must not steer a terminal."""
    return _CONTROLS.sub("", text)


def notes_of(reply: Reply) -> list[str]:
    """Write our notes as lines."""
    return [f"Note: {note}" for note in reply.notes]


def sources_of(reply: Reply) -> list[str]:
    """Write the pages that an answer rests on as lines; they have to be shown."""
    return [f"Source: {source.title or source.url} <{source.url}>" for source in reply.sources]


def suggestions_of(reply: Reply) -> list[str]:
    """Write the search suggestions as lines; they have to be shown with a grounded answer."""
    return [f"Search: {found.text} <{found.url}>" for found in reply.suggestions]


def words_of(reply: Reply) -> list[str]:
    """Write all of an answer but its pictures: words, notes, sources, suggestions."""
    words = [reply.text] if reply.text else []
    return words + notes_of(reply) + sources_of(reply) + suggestions_of(reply)


def lines_of(record: Record, folder: Path) -> list[str]:
    """Write a turn for people: words, the paths of its pictures, then names and price in a line.

    folder: of the pictures, in the words in which it was named.
    """
    turn, reply = record.turn, reply_in(record)
    facts = [f"thread {turn.thread.thread}", f"turn {turn.id}"]
    if record.calls:
        facts += [reply.model, f"${reply.cost / 1e6:.4f}"]
    paths = [str(path) for path, _ in _files(record, reply, folder)]
    return [*words_of(reply), *paths, ", ".join(facts)]


def json_of(record: Record, folder: Path) -> dict[str, object]:
    """Write a turn for scripts. folder: as for ``lines_of``."""
    turn, reply = record.turn, reply_in(record)
    return {
        "turn": turn.id,
        "thread": turn.thread.thread,
        "state": turn.state,
        "text": reply.text,
        "files": [
            {
                "path": str(path),
                "mime_type": picture.blob.mime_type,
                "width": picture.blob.width,
                "height": picture.blob.height,
                "sha256": picture.blob.digest,
                "alt_text": picture.alt_text,
            }
            for path, picture in _files(record, reply, folder)
        ],
        "sources": [{"title": source.title, "url": source.url} for source in reply.sources],
        "usage": asdict(reply.usage),
        "cost_usd": reply.cost / 1e6,
        "model": reply.model,
        "error": turn.verdict.text if turn.verdict else None,
    }


def reply_in(record: Record) -> Reply:
    """Put together the answer of a stored turn."""
    return reply_of(record.turn, record.kept, record.calls, record.notes)


def _files(record: Record, reply: Reply, folder: Path) -> list[tuple[Path, Picture]]:
    """Pair the files that were written with their pictures, in order."""
    posts = (post for post in record.posts if post.choice is not None)
    named = (folder / Path(post.message_id).name for post in posts)
    return list(zip(named, reply.pictures, strict=False))
