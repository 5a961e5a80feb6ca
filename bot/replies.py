"""Replies: what a person is shown, made from the answers that are kept. Pure."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING

from bot.chat import Picture, Reply
from bot.conversation import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.conversation import Blob, Turn
    from bot.options import GenerationOptions
    from bot.ports import Call, Kept

_ALT_TEXT = 1000  # characters: Discord takes 1,024, Slack 2,000
_SIDES = {"0.5K": 512, "1K": 1024, "2K": 2048, "4K": 4096}  # sizes are area tiers of side x side
_RATIO_TOLERANCE = 0.08  # real pixels differ from the documented ones (facts: gemini 3.1)


def reply_of(
    turn: Turn, kept: Sequence[Kept], calls: Sequence[Call], notes: Sequence[str]
) -> Reply:
    """Put together what is shown for a turn. calls: all of them, for tokens and cost."""
    generations = [item.generation for item in kept]
    texts = [generation.content.text.strip() for generation in generations]
    words = list(dict.fromkeys(text for text in texts if text))
    return Reply(
        text="\n\n".join(words),
        pictures=tuple(
            Picture(blob=blob, alt_text=_alt_text(turn.prompt, text), choice=item.choice)
            for item, text in zip(kept, texts, strict=True)
            for blob in item.generation.content.pictures
        ),
        notes=tuple(notes),
        sources=tuple(dict.fromkeys(chain.from_iterable(g.sources for g in generations))),
        suggestions=tuple(dict.fromkeys(chain.from_iterable(g.suggestions for g in generations))),
        suggestions_html="".join(dict.fromkeys(g.suggestions_html for g in generations)),
        options=turn.options,
        model=next((call.model for call in calls), ""),
        usage=sum((call.usage for call in calls), Usage()),
        cost=cost_of(calls),
    )


def cost_of(calls: Sequence[Call]) -> int:
    """Sum up what a turn cost, in micro-dollars; what may have been billed counts."""
    return sum(call.amount for call in calls)


def _alt_text(prompt: str, text: str) -> str:
    """Describe a picture: the model's own words when it has some, else what was asked for."""
    words = " ".join((text or prompt or "Picture").split())
    return words if len(words) <= _ALT_TEXT else words[: _ALT_TEXT - 1] + "…"


def picture_notes(options: GenerationOptions, kept: Sequence[Kept]) -> list[str]:
    """Compare the pictures that came with what was asked for; one sentence for each difference."""
    pictures = chain.from_iterable(item.generation.content.pictures for item in kept)
    notes = (_size_note(options, picture) for picture in pictures)
    return list(dict.fromkeys(note for note in notes if note))


def _size_note(options: GenerationOptions, picture: Blob) -> str:
    if not picture.width or not picture.height:
        return ""
    side = math.sqrt(picture.width * picture.height)
    size = min(_SIDES, key=lambda name: abs(math.log(side / _SIDES[name])))
    ratio = options.aspect_ratio
    asked = []
    if options.image_size and size != options.image_size:
        asked.append(options.image_size)
    if ratio:
        wide, high = map(int, ratio.split(":"))
        if abs(math.log(picture.width / picture.height * high / wide)) > _RATIO_TOLERANCE:
            asked.append(ratio)
    if not asked:
        return ""
    return (
        f"Asked for {' at '.join(asked)}, but the service sent {picture.width} x {picture.height}."
    )
