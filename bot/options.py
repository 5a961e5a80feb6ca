"""GenerationOptions: what a person may say about a picture. Values only."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

Thinking = Literal["minimal", "medium", "high"]

RATIOS = (
    "1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9",
    "21:9",
)  # fmt: skip
SIZES = ("0.5K", "1K", "2K", "4K")
THINKING: tuple[Thinking, ...] = ("minimal", "medium", "high")
MOST_PICTURES = 4

_STICKY = ("aspect_ratio", "image_size", "thinking", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    """Options of one turn; None means "not said".

    aspect_ratio: one of RATIOS. image_size: one of SIZES. thinking: one of THINKING.
    count: pictures asked for, 1 to 4, each a call of its own.
    text: False asks for a picture without words.
    """

    aspect_ratio: str | None = None
    image_size: str | None = None
    thinking: Thinking | None = None
    model: str | None = None
    count: int | None = None
    web_search: bool | None = None
    image_search: bool | None = None
    text: bool | None = None

    def over(self, below: GenerationOptions) -> GenerationOptions:
        """Fill what was not said here with what stands below (message over thread over channel)."""
        said = {f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None}
        return replace(below, **said)

    def sticky(self) -> GenerationOptions:
        """Keep what an edit inherits: ratio, size, thinking and model (design: inheritance)."""
        return GenerationOptions(**{name: getattr(self, name) for name in _STICKY})

    def said(self) -> dict[str, str | int | bool]:
        """List what was said, by field name; the inverse of ``GenerationOptions(**said)``."""
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None}
