"""Controls: what people do with an answer that exists, as messages like any other. Pure.

base: who asks where, without words; its thread is that of the answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.chat import Attachment
from bot.options import MOST_PICTURES, GenerationOptions

if TYPE_CHECKING:
    from bot.chat import Message
    from bot.conversation import TurnRef
    from bot.ports import Record

_LARGER = "The same picture in a higher resolution. Keep everything in it as it is."
_RESHAPED = (
    "The same picture in another shape. Keep what is in it, and paint what is missing around it."
)


def redo(base: Message, record: Record, *, count: int | None = None) -> Message:
    """Ask again for what a turn asked: same words, options, material and parent.

    count: how many pictures, None for as many as then.
    """
    turn = record.turn
    return replace(
        base,
        text=_verbatim(turn.prompt),
        options=replace(turn.options, count=count or turn.options.count),
        branch=turn.parent,
        attachments=tuple(
            Attachment(name=item.attachment.name, size=item.blob.size, blob=item.blob)
            for item in record.material
            if item.blob
        ),
    )


def variations(base: Message, record: Record) -> Message:
    """Ask for as many siblings of an answer as one turn can bring."""
    return redo(base, record, count=MOST_PICTURES)


def enlarge(base: Message, answer: TurnRef, size: str) -> Message:
    """Ask for the picture of an answer in a larger size."""
    return replace(base, text=_LARGER, branch=answer, options=GenerationOptions(image_size=size))


def reshape(base: Message, answer: TurnRef, ratio: str) -> Message:
    """Ask for the picture of an answer in another aspect ratio."""
    options = GenerationOptions(aspect_ratio=ratio)
    return replace(base, text=_RESHAPED, branch=answer, options=options)


def _verbatim(prompt: str) -> str:
    """Write a prompt so that no word of it is read as a flag."""
    return f"-- {prompt}" if prompt else ""
