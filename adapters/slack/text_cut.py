"""Cutting long text where it hurts least. Pure."""

from __future__ import annotations

import re
import unicodedata

_FENCE = re.compile(r"^ {0,3}(`{3,16}(?!`)|~{3,16}(?!~))([^\n`]*)$", re.MULTILINE)
_LONGEST_INFO = 20
_CLOSING = 17  # characters: a line break and the longest fence
_LEAST_FENCED = 128  # pieces shorter than this have no room for fences of ours
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
_LINE = re.compile(r"\n")
_SENTENCE = re.compile(r"(?<=[.!?…])\s|(?<=[\u3002\uff01\uff1f])")
_WORD = re.compile(r"\s")
_CUT_OUT = re.compile(r"\s*\n|\s*")  # spaces at the front of a line stay: they indent code
_WHOLE = re.compile(r"&(?:amp|lt|gt);|<[^<>\n]*>")
_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


def split(text: str, most: int) -> list[str]:
    """Cut a long text into pieces of at most so many characters; [] when there are no words.

    Cuts at paragraphs, else lines, sentences, words, in the second half of a piece; else anywhere
    but inside an entity, ``<...>`` or a character made of several. Only spaces at the cuts are
    lost. A code fence is closed at the end of a piece and opened again in the next (when ``most``
    is 128 or more).
    """
    pieces: list[str] = []
    fence = ""
    while text.strip():
        opening = f"{fence}\n" if fence else ""
        room = most - len(opening)
        if len(text) <= room:
            return [*pieces, opening + text]
        cut, fence = _cut(text, room, fence, fenced=most >= _LEAST_FENCED)
        if text[:cut].strip():
            closing = f"\n{_marker(fence)}" if fence else ""
            pieces.append(opening + text[:cut].rstrip() + closing)
        gap = _CUT_OUT.match(text, cut)
        text = text[gap.end() if gap else cut :]
    return pieces


def border(text: str, at: int) -> int:
    """Find the last place up to ``at`` where no character made of several is cut."""
    return next((place for place in range(at, 0, -1) if not _joined(text, place)), at)


def _cut(text: str, room: int, fence: str, *, fenced: bool) -> tuple[int, str]:
    """Find where a piece ends and which fence is open there. fence: open where the text begins."""
    cut = _place(text, room)
    if not fenced or not _open(text[:cut], fence):
        return cut, ""
    cut = _place(text, room - _CLOSING)
    still = _open(text[:cut], fence)
    gap = _CUT_OUT.match(text, cut)
    end = _FENCE.match(text, gap.end()) if gap else None
    if still and end and end.end() - cut <= _CLOSING and not _open(text[: end.end()], fence):
        return end.end(), ""
    line = text.rfind("\n", 0, len(text[:cut].rstrip()))
    if still and line > 0 and not _open(text[:line], fence):
        return line, ""
    return cut, still


def _open(text: str, fence: str) -> str:
    """Tell the fence that is open after a text, "" for none. fence: the one open before it."""
    for found in _FENCE.finditer(text):
        marker, info = found[1], found[2].strip()
        if not fence:
            fence = marker + (info if len(info) <= _LONGEST_INFO else "")
        elif marker.startswith(_marker(fence)) and not info:
            fence = ""
    return fence


def _marker(fence: str) -> str:
    return fence[: len(fence) - len(fence.lstrip(fence[0]))]


def _place(text: str, room: int) -> int:
    """Find the best place to cut a text that is longer than room, from 1 to room."""
    whole = [found.span() for found in _WHOLE.finditer(text, 0, 2 * room)]

    def free(place: int) -> bool:
        return 0 < place <= room and not any(start < place < end for start, end in whole)

    for level in (_PARAGRAPH, _LINE, _SENTENCE, _WORD):
        places = [found.start() for found in level.finditer(text, room // 2, room + 2)]
        if best := next(filter(free, reversed(places)), 0):
            return best
    anywhere = (place for place in range(room, 0, -1) if free(place))
    return next((place for place in anywhere if not _joined(text, place)), room)


def _joined(text: str, at: int) -> bool:
    """Whether the characters before and behind a place make one: marks, joiners, flags, skins."""
    before, behind = text[at - 1], text[at]
    if before in _FLAGS and behind in _FLAGS:
        return (at - len(text[:at].rstrip(_FLAGS))) % 2 == 1
    return (
        before == "\u200d"
        or behind in "\u200c\u200d"
        or unicodedata.category(behind).startswith("M")
        or "\U0001f3fb" <= behind <= "\U0001f3ff"
        or "\U000e0020" <= behind <= "\U000e007f"
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= behind <= "\udfff")
    )
