"""Words of anybody brought to a size: cleaned, shortened, cut where it hurts least. Pure."""

from __future__ import annotations

import re
import unicodedata

_BREAKS = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e007f]"
)
_JOINERS = re.compile(r"([\u200c\u200d])[\u200c\u200d]+")
_LONE_JOINER = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")

_FENCE = re.compile(r"^ {0,3}(`{3,16}(?!`)|~{3,16}(?!~))([^\n`]*)$", re.MULTILINE)
_LONGEST_INFO = 20
_CLOSING = 17  # characters: a line break and the longest fence
_LEAST_FENCED = 128  # pieces shorter than this have no room for fences of ours
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
_LINE = re.compile(r"\n")
_SENTENCE = re.compile(r"(?<=[.!?…])\s|(?<=[\u3002\uff01\uff1f])")
_WORD = re.compile(r"\s")
_CUT_OUT = re.compile(r"\s*\n|\s*")  # spaces at the front of a line stay: they indent code
_WHOLE = re.compile(r"<[^<>\n]*>")
_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


def clean(text: str) -> str:
    """Take out what steers a screen or hides: control, direction and zero-width characters.

    Joiners stay between letters that are not ASCII, and so in emoji and in Persian. Every kind of
    line break becomes a line feed.
    """
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    seen = _UNSEEN.sub("", _BREAKS.sub("\n", whole))
    return _LONE_JOINER.sub("", _JOINERS.sub(r"\1", seen))


def short(text: str, most: int) -> str:
    """Bring a text into one cleaned line of at most so many characters, cut with an ellipsis.

    Not escaped: shorten first, then escape. most: at least 1.
    """
    line = " ".join(clean(text).split())
    return line if len(line) <= most else line[: border(line, most - 1)].rstrip() + "…"


def lines(text: str, most: int) -> str:
    """Clean a text, keep its lines, and cut it to so many characters. most: at least 1."""
    cleaned = "\n".join(" ".join(line.split()) for line in clean(text).strip().split("\n"))
    if len(cleaned) <= most:
        return cleaned
    return cleaned[: border(cleaned, most - 1)].rstrip() + "…"


def units(text: str) -> int:
    """Count characters as UTF-16 has them: most emoji count two. The stricter of two readings."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, most: int, *, whole: re.Pattern[str] = _WHOLE) -> list[str]:
    """Cut a long text into pieces of at most so many characters; [] when there are no words.

    Cuts at paragraphs, else lines, sentences, words, in the second half of a piece; else anywhere
    but inside what ``whole`` matches (``<...>``) or a character made of several. Only spaces at
    the cuts are lost. A code fence is closed at the end of a piece and opened again in the next
    (when ``most`` is 128 or more).
    """
    pieces: list[str] = []
    fence = ""
    while text.strip():
        opening = f"{fence}\n" if fence else ""
        room = most - len(opening)
        if len(text) <= room:
            return [*pieces, opening + text]
        cut, fence = _cut(text, room, fence, whole, fenced=most >= _LEAST_FENCED)
        if text[:cut].strip():
            closing = f"\n{_marker(fence)}" if fence else ""
            pieces.append(opening + text[:cut].rstrip() + closing)
        gap = _CUT_OUT.match(text, cut)
        text = text[gap.end() if gap else cut :]
    return pieces


def border(text: str, at: int) -> int:
    """Find the last place up to ``at`` where no character made of several is cut."""
    return next((place for place in range(at, 0, -1) if not _joined(text, place)), at)


def _cut(
    text: str, room: int, fence: str, whole: re.Pattern[str], *, fenced: bool
) -> tuple[int, str]:
    """Find where a piece ends and which fence is open there. fence: open where the text begins."""
    cut = _place(text, room, whole)
    if not fenced or not _open(text[:cut], fence):
        return cut, ""
    cut = _place(text, room - _CLOSING, whole)
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


def _place(text: str, room: int, pattern: re.Pattern[str]) -> int:
    """Find the best place to cut a text that is longer than room, from 1 to room."""
    whole = [found.span() for found in pattern.finditer(text, 0, 2 * room)]

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
