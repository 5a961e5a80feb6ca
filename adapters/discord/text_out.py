r"""What we show: words of models and people as Discord text in which nothing is live. Pure.

What Discord does with text (November 2026; nothing was tried on the real service):

- A text display is read like the content of a message: Markdown, ``<...>`` tokens, ``@everyone``,
  masked links ``[label](url)`` (discord-api-docs, "Text Display"), links of bare URLs; a domain
  without a scheme is none, but an invitation is (reported: LyricLy/parse-discord).
- ``\<@1>`` only hides a mention, it still pings; inside code, too (parse-discord, ast.py). So
  ``AllowedMentions.none()`` is one half of the defence, and breaking up the token the other.
- ``discord.utils.escape_markdown`` leaves URLs, ``-#`` after spaces, ``1.`` and ``<...>`` alone;
  ``escape_mentions`` leaves channels, roles with a short id, moments and commands (measured).
- A masked link is shown as raw text when its label has an emoji, a mention, a URL or one of its
  look-alikes; escapes do not work in a label, format characters and odd spaces vanish from it
  (reported: LyricLy/parse-discord, tests/links.py). Single characters are replaced there instead.
- Headings and small print count at the start of a line only, even behind ``>`` or ``**``.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from bot.cutting import clean, short, split

_GAP = "\u200a"  # a hair space: hardly seen, ends a URL, and no browser takes it in a host name
_NOTHING = "\u200b"  # of no width: what stands behind it does not begin a line
_LIVE = re.compile(
    r"(?<=@)(?=\w)"  # @here
    r"|(?<=<)(?=\S)"  # <@1>, <t:1>, <:fox:1>, </imagine:1>, <https://x.y>
    r"|(?<=\])(?=\()"  # [label](target)
    r"|(?<=:)(?=/)"  # any scheme://, and <scheme:/x>
    r"|\bdiscord(?:app)?(?=\.\w)",  # an invitation needs no scheme
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\\*_~|`\[\]<>]")
_BEGINNING = re.compile(
    r"^([^\S\n]*)([-+](?=[\s#])|#(?=#{0,2}(?:\s|$))|[0-9]+(?=\.\s))", re.MULTILINE
)
_ESCAPED = re.compile(r"\\[!-/:-@\[-`{-~]")

_WEB = re.compile(
    r"(https?)://((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63})((?:[/?#][^\s\\]*)?)",
    re.IGNORECASE | re.ASCII,
)
_IN_URL = "/?#:!$&+,;=%"
_LONGEST_URL = 2_000
_LONGEST_LABEL = 80
_IN_LABEL = str.maketrans("[]`\\<>|@", "()'/‹›¦＠")  # noqa: RUF001 - look-alikes
_SCHEME = re.compile(r"\w{0,20}[:\uff1a](?:\s*[/\uff0f]){2,}")
_INVITE = re.compile(r"(?i)\b(discord\w*)\.")
_SHORTCODE = re.compile(r":(\w+):")
_OTHER_EMOJI = "\u203c\u2049\u2194\u20e3\u25fd\u25fe\u3030\u303d\ufe0e\ufe0f\u200d"

_MASKED = re.compile(
    r"!?\[([^\[\]\n]{0,300})\]\(\s{0,9}<?([a-z][a-z0-9+.-]{1,20}:[^\s()<>]{1,2000})>?"
    r"(?:\s{1,9}[\"']([^\"'\n]{0,300})[\"'])?\s{0,9}\)",
    re.IGNORECASE,
)
_FENCE = re.compile(r" {0,3}(```|~~~)")
_HEADING = re.compile(r"#{1,6}[ \t]+(?=\S)")
_LOUD = re.compile(r"^((?:[^\w\n#]|_|[0-9]+\.[ \t])*)(?=#{1,3}(?:\s|$))", re.MULTILINE)
_PIECE = 1_800  # characters; as UTF-16, with what is put before loud lines, still under 4,000


def escape(text: str) -> str:
    """Write foreign words so that they show as they are: no Markdown, nothing linked or called.

    Line breaks stay. ``@here``, URLs and invitations look as before but have a hair space inside.
    Control, direction and zero-width characters go.
    """
    literal = _MARKS.sub(r"\\\g<0>", _LIVE.sub(rf"\g<0>{_GAP}", clean(text)))
    return _BEGINNING.sub(_held, literal)


def markdown(text: str) -> list[str]:
    """Write a model's words as pieces of Markdown, each for a text display; [] for no words.

    Bold, lists, quotations, code and spoilers stay. Headings become bold, ``[label](url)`` becomes
    ``label (url)``; mentions, links and small print are broken up as in ``escape``. A piece has at
    most 3,900 characters of UTF-16.
    """
    words = _LIVE.sub(rf"\g<0>{_GAP}", _unmasked(_quiet(clean(text))))
    pieces = split(words, _PIECE, whole=_ESCAPED)
    return [_LOUD.sub(rf"\1{_NOTHING}", piece) for piece in pieces]


def link(url: str, label: str) -> str:
    """Write a masked link to a page that an answer rests on: ``[Title (example.org)](<url>)``.

    Only http and https to a plain ASCII host name: anything else (a user name or a port, an IP
    address, punycode, other scripts, control characters, over 2,000 characters in percent codes)
    becomes inert words that show title and URL.
    """
    host, target = _page(url)
    if not host:
        return _unlinked(url, label)
    words = _in_label(label)
    name = words if words.casefold() == host else f"{words} ({host})".lstrip()
    return f"[{name}](<{target}>)"


def verbatim_link(url: str, label: str) -> str:
    """Write a masked link whose label is shown as it is, as code; a host for one without words.

    Otherwise as ``link``.
    """
    host, target = _page(url)
    return f"[`{_in_label(label) or host}`](<{target}>)" if host else _unlinked(url, label)


def _page(url: str) -> tuple[str, str]:
    """Read a web address: its host, and itself so that nothing in it ends or changes a link.

    Nothing at all for one that is not to be linked (see ``link``).
    """
    page = _WEB.fullmatch(url[: _LONGEST_URL + 1])
    if not page or clean(url) != url or "xn--" in page[2].lower():
        return "", ""
    host = page[2].lower()
    target = f"{page[1].lower()}://{host}{quote(page[3], safe=_IN_URL)}"
    return (host, target) if len(target) <= _LONGEST_URL else ("", "")


def _unlinked(url: str, label: str) -> str:
    words, address = short(label, _LONGEST_LABEL), short(url, _LONGEST_LABEL)
    return escape(f"{words} ({address})" if words else address)


def _in_label(label: str) -> str:
    """Write words for a label: what would undo the link is left out or replaced."""
    some = clean(label[: 4 * _LONGEST_LABEL])
    kept = "".join(" " if _is_emoji(character) else character for character in some)
    bare = _SCHEME.sub("", kept.translate(_IN_LABEL))
    return short(_SHORTCODE.sub(r"\1", _INVITE.sub(r"\1 .", bare)), _LONGEST_LABEL)


def _is_emoji(character: str) -> bool:
    """Tell whether it may be shown as an emoji; too often rather than too seldom."""
    symbol = character >= "\u2190" and unicodedata.category(character) == "So"
    skin = "\U0001f3fb" <= character <= "\U0001f3ff"
    return symbol or skin or character in _OTHER_EMOJI


def _quiet(text: str) -> str:
    """Write headings in bold instead, outside of code."""
    made: list[str] = []
    fence = ""
    for line in text.split("\n"):
        shown = line
        if mark := _FENCE.match(line):
            fence = mark[1] if not fence else "" if fence == mark[1] else fence
        elif not fence and (heading := _HEADING.match(bare := line.strip())):
            words = bare[heading.end() :].rstrip("#").strip().replace("**", "")
            shown = f"**{words}**" if words else line
        made.append(shown)
    return "\n".join(made)


def _unmasked(text: str) -> str:
    """Write links and images of Markdown as words."""

    def words(found: re.Match[str]) -> str:
        label, said = found[1], [found[2], found[3]]
        rest = " ".join(part for part in said if part and part != label)
        return f"{label} ({rest})".lstrip() if rest else label

    return _MASKED.sub(words, text)


def _held(found: re.Match[str]) -> str:
    """Escape what would make a heading, small print or a list of a line."""
    if found[2].isdecimal():
        return f"{found[0]}\\"
    return f"{found[1]}\\{found[2]}"
