"""Discord's text both ways: what people typed, and what we show. One place to import it from."""

from __future__ import annotations

from adapters.discord.text_in import addressed_to_another, prompt_of
from adapters.discord.text_out import escape, link, markdown, verbatim_link
from bot.cutting import lines, short, split, units

__all__ = [
    "addressed_to_another",
    "escape",
    "lines",
    "link",
    "markdown",
    "prompt_of",
    "short",
    "split",
    "units",
    "verbatim_link",
]
