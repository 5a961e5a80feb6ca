"""Pieces of Block Kit that messages, forms and the home tab are made of, as plain dicts. Pure.

Only plain_text and rich_text are used: in them nothing that people or models write becomes a
mention, a channel or a masked link.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from adapters.slack.text import defused, escape, link, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

Block: TypeAlias = dict[str, Any]

LONGEST_TEXT = 2_900  # of a text object; Slack takes 3,000
_LONGEST_TITLE = 150
_LIST_WEIGHT = 3_000
_CENT = 10_000  # micro-dollars


def plain(text: str, most: int = LONGEST_TEXT) -> Block:
    """Make a text object of our own words, in one line of at most so many characters."""
    return {"type": "plain_text", "text": _fitting(text, most, escape) or "-", "emoji": False}


def small(text: str) -> Block:
    """Make a line in small grey letters, of anybody's words."""
    shown = _fitting(text, LONGEST_TEXT, defused) or "-"
    return {
        "type": "context",
        "elements": [{"type": "plain_text", "text": shown, "emoji": False}],
    }


def paragraph(text: str, most: int = LONGEST_TEXT) -> Block:
    """Make a paragraph of anybody's words, literal, with their line breaks."""
    return rich({"type": "rich_text_section", "elements": [words(lines(text, most))]})


def quotation(text: str, most: int = LONGEST_TEXT) -> Block:
    """Make the element of rich text that quotes what somebody said."""
    return {"type": "rich_text_quote", "elements": [words(lines(text, most))]}


def rich(*elements: Block) -> Block:
    """Make a block of rich text."""
    return {"type": "rich_text", "elements": list(elements)}


def words(text: str, **style: bool) -> Block:
    """Make literal words of rich text, a dash for none. style: bold, italic."""
    return {"type": "text", "text": text or "-"} | ({"style": style} if style else {})


def moment(when: datetime) -> Block:
    """Make a time (UTC) of rich text; everybody sees it in their own time zone."""
    return {
        "type": "date",
        "timestamp": int(when.timestamp()),
        "format": "{date_short_pretty} at {time}",
        "fallback": f"{when:%Y-%m-%d %H:%M} UTC",
    }


def heading(text: str) -> Block:
    """Make a line of our own words that begins a part of a view."""
    return {"type": "header", "text": plain(text, _LONGEST_TITLE)}


def ours(url: str, label: str) -> Block:
    """Make a link of rich text to an address that Slack or we ourselves made."""
    return {"type": "link", "url": url, "text": label}


def linked(url: str, label: str) -> Block:
    """Make a link of rich text, literal words when the address is none to be shown.

    label: shown as it is; may be empty.
    """
    shown = label or host(url) or "a page"
    if _shows(url):
        return ours(url, shown)
    return words(shown)


def linked_with_host(url: str, label: str) -> list[Block]:
    """Make a link that names the host it leads to."""
    name, where = short(label, _LONGEST_TITLE), host(url)
    made = linked(url, name)
    return [made] if not where or made["text"] == where else [made, words(f" ({where})")]


def host(url: str) -> str:
    """Name the host of a web address, "" when it is none to be shown."""
    return (urlsplit(url).hostname or "") if _shows(url) else ""


def listed(title: str, items: Iterable[list[Block]]) -> list[Block]:
    """Make lists of rich text, each small enough for a message; the first one has the title."""
    groups: list[list[list[Block]]] = []
    room = 0
    for item in items:
        room -= weight(item)
        if room < 0:
            groups.append([])
            room = _LIST_WEIGHT - weight(item)
        groups[-1].append(item)
    blocks = [
        rich(
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [{"type": "rich_text_section", "elements": item} for item in group],
            }
        )
        for group in groups
    ]
    if blocks and title:
        above = {"type": "rich_text_section", "elements": [words(title, bold=True)]}
        blocks[0]["elements"].insert(0, above)
    return blocks


def weight(blocks: Iterable[Block]) -> int:
    """Count the characters of blocks as JSON, in the units of UTF-16: an emoji counts two."""
    return sum(
        len(json.dumps(block, ensure_ascii=False).encode("utf-16-le", "surrogatepass")) // 2
        for block in blocks
    )


def lines(text: str, most: int) -> str:
    """Clean a text of anybody's, keep its lines, and cut it to so many characters."""
    cleaned = "\n".join(short(line, most) for line in text.strip().splitlines())
    return cleaned if len(cleaned) <= most else cleaned[: most - 1].rstrip() + "…"


def dollars(amount: int) -> str:
    """Write micro-dollars as people do: cents, and more digits for less than a cent."""
    return f"${amount / 1e6:.2f}" if amount >= _CENT or not amount else f"${amount / 1e6:.4f}"


def _shows(url: str) -> bool:
    """Tell whether ``text.link`` would make a link of it."""
    return link(url, "").startswith("<")


def _fitting(text: str, most: int, write: Callable[[str], str]) -> str:
    """Shorten a text until what is written of it fits; entities are longer than their signs."""
    cut = most
    while len(written := write(short(text, cut))) > most:
        cut = cut * most // len(written)
    return written
