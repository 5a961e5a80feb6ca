"""What one call asks of the offline demo: its contents, boiled down. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.offline.magic import Spell, find
from bot.conversation import BlobPart

if TYPE_CHECKING:
    from bot.conversation import Blob, Content, Contents
    from bot.options import GenerationOptions

_LEAD = "Earlier in this conversation"  # how old turns begin that are sent as one text

_INSTEAD = re.compile(
    r"\b(?:instead|this\s+one|edit\s+this|use\s+this\s+(?:picture|image|photo)|replace)\b",
    re.IGNORECASE,
)
_MOST_INLAYS = 4  # one a corner


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call as the demo sees it.

    spell: the newest words. picture: what is edited: the thread's newest one, or an upload when
    there is none or the words want it instead. inlays: other uploads, to be laid over it. pdf:
    whether a PDF came with the words. verbatim: whether earlier turns are sent as the model wrote
    them. seed: what every throw of the dice hangs on.
    """

    spell: Spell
    options: GenerationOptions
    seed: str
    picture: Blob | None
    inlays: tuple[Blob, ...]
    pdf: bool
    verbatim: bool


def read_request(contents: Contents, options: GenerationOptions) -> Request:
    """Find the words, the picture and the rest in what one request sends."""
    text, files = _asked(contents.contents[-1])
    uploads = [blob for blob in files if blob.is_image]
    pictures = [blob for content in contents.contents for blob in content.pictures]
    earlier = pictures[: len(pictures) - len(uploads)]
    edited = uploads if uploads and (not earlier or _INSTEAD.search(text)) else earlier
    newest = pictures[-1].digest if pictures else ""
    return Request(
        spell=find(text),
        options=options,
        seed=f"{text}\n{newest}\n{len(contents.contents)}",
        picture=edited[-1] if edited else None,
        inlays=tuple(uploads[:-1] if edited is uploads else uploads)[-_MOST_INLAYS:],
        pdf=any(blob.mime_type == "application/pdf" for blob in files),
        verbatim=any(content.role == "model" for content in contents.contents),
    )


def _asked(content: Content) -> tuple[str, list[Blob]]:
    """Tell the newest words and files from what ``bot.contents`` puts in front of them."""
    text, files = "", []
    for part in content.parts:
        if isinstance(part, BlobPart):
            files.append(part.blob)
        elif not part.text.startswith(_LEAD):
            text, files = part.text, []
    return text, files
