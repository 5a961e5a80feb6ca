"""Slack's text both ways: what people typed, and what we show. One place to import it from."""

from __future__ import annotations

from adapters.slack.text_in import addressed_to_another, mentions, prompt_of
from adapters.slack.text_out import defused, escape, link, rich_text, split
from bot.cutting import short

__all__ = [
    "addressed_to_another",
    "defused",
    "escape",
    "link",
    "mentions",
    "prompt_of",
    "rich_text",
    "short",
    "split",
]
