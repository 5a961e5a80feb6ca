"""What we show: words of models and people as Slack text in which nothing is live. Pure.

What Slack does with text (November 2026; nothing was tried on the real service):

- Text objects, mrkdwn and plain_text, and a message's ``text`` know three entities and read
  ``<...>`` as a mention or a link (docs.slack.dev/messaging/formatting-message-text).
- mrkdwn also makes links of bare URLs and channel names, and pings of some mentions, unless the
  text object says ``"verbatim": true`` (documented; always set it). Some clients make links of bare
  domains in any text object (reported, java-slack-sdk#1069). So ``defused`` breaks them by itself.
- Text elements of a ``rich_text`` block are literal: no mrkdwn, no entities, no ``<...>``
  (reported, hermes-agent#114810), no links of bare URLs (reported, netclaw#57, agent-slack#158).
- A rich_text block has no documented limit. All blocks of one chat.postMessage together may hold
  about 11,000 to 13,200 characters: ``msg_blocks_too_long`` (reported, bolt-js#2509 and #2867).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markdown_it import MarkdownIt

from bot import cutting
from bot.cutting import clean, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from markdown_it.token import Token

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

_GAP = "\u200a"  # a hair space: hardly seen, ends a URL, and no browser takes it in a host name
_LIVE = re.compile(
    r"(?<=[@#])(?=\w)"  # @here, #general
    r"|(?<=:)(?=//)"  # any scheme://
    r"|\b(?:mailto|tel|sms|javascript|vbscript|data|file)(?=:)"
    r"|(?<=\d)(?=\.\d{1,3}\.\d{1,3}\.\d)"  # an IP address
    r"|(?<=[^\W_])(?=\.[^\W\d_]{2})(?!\.(?:png|jpe?g|webp|gif|hei[cf]|pdf)\b)",  # a domain, no file
    re.IGNORECASE,
)
_WEB = re.compile(
    r"(https?)://((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63})((?:[/?#][^\s\\]*)?)",
    re.IGNORECASE | re.ASCII,
)
_IN_URL = "/?#:@!$&'()*+,;=%[]"
_IN_LABEL = str.maketrans({"|": "\u00a6", "`": "'"})
_LONGEST_URL = 2000  # of the 3,000 characters of a text object
_LONGEST_LABEL = 80

_MOST_IN_BLOCK = 3000  # ours: what a section holds
_WHOLE = re.compile(r"&(?:amp|lt|gt);|<[^<>\n]*>")
_DEEPEST = 8  # ours: levels of a list
_STYLES = {"strong": "bold", "em": "italic"}


def escape(text: str) -> str:
    """Write ``& < >`` as entities, for mrkdwn, plain_text and a message's ``text``.

    plain_text too: Slack hands a button "Answer & 1" back as "Answer &amp; 1", so it keeps plain
    text escaped and reads entities in it (reported, bolt-python#513; unverified for every block).
    Not for rich_text elements and values of inputs: those are literal. File titles and alt texts:
    unverified. Takes nothing else out; ``defused`` does.
    """
    return text.translate(_ENTITIES)


def defused(text: str) -> str:
    """Write foreign words for a mrkdwn field, so that nothing links or pings: escaped, cleaned.

    ``@here``, ``#general``, URLs, domains and mail addresses look as before but have a hair space
    inside. Control, direction and zero-width characters go. ``*bold*`` and the like still work:
    mrkdwn has no escape for them. Set ``"verbatim": true`` as well.
    """
    return escape(_LIVE.sub(rf"\g<0>{_GAP}", clean(text)))


def link(url: str, label: str) -> str:
    """Write a mrkdwn link to a page that an answer rests on: ``<url|Title (example.org)>``.

    Only http and https to a plain ASCII host name: anything else (a user name or a port, an IP
    address, punycode, other scripts, control characters, over 2,000 characters) becomes inert
    words that show title and URL.
    """
    words = short(label, _LONGEST_LABEL)
    page = _WEB.fullmatch(url)
    host = page[2].lower() if page else ""
    if page and len(url) <= _LONGEST_URL and clean(url) == url and "xn--" not in host:
        target = f"{page[1].lower()}://{host}{quote(page[3], safe=_IN_URL)}"
        name = words if words.casefold() == host else f"{words} ({host})".lstrip()
        return f"<{escape(target)}|{escape(name.translate(_IN_LABEL))}>"
    address = short(url, _LONGEST_LABEL)
    return defused(f"{words} ({address})" if words else address)


def split(text: str, most: int) -> list[str]:
    """Cut a long text into pieces of at most so many characters, never inside an entity.

    Otherwise as ``bot.cutting.split``.
    """
    return cutting.split(text, most, whole=_WHOLE)


def rich_text(text: str) -> list[dict[str, Any]]:
    """Write a model's words as rich_text blocks of at most 3,000 characters, [] for no words.

    A little Markdown is read: headings (as bold), lists, bold, italic, code, fences. A link or an
    image becomes the words ``label (url)``. The blocks hold only ``text`` elements, so nothing in
    them mentions, links or loads. What cannot be read whole is shown as it was written.
    """
    return [
        {"type": "rich_text", "elements": _read(piece)}
        for piece in split(clean(text), _MOST_IN_BLOCK)
    ]


class _Markdown(MarkdownIt):
    """Markdown with URLs as they are written: percent signs could make them nine times as long."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - markdown-it's name
        return url


_MARKDOWN = _Markdown("commonmark", {"html": False}).disable(
    ["code", "blockquote", "hr", "lheading", "reference", "entity", "autolink"]
)


@dataclass(slots=True, kw_only=True)
class _List:
    """A list that is being read. count: its items so far."""

    style: str
    count: int


def _read(text: str) -> list[dict[str, Any]]:
    """Read Markdown as the elements of one block; plainly when the parser would lose words."""
    tokens = _MARKDOWN.parse(text)
    elements: list[dict[str, Any]] = []
    lists: list[_List] = []
    heading = begins = False
    for token in tokens:
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            style = token.type.partition("_")[0]
            lists.append(_List(style=style, count=int(token.attrs.get("start", 1)) - 1))
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            lists.pop()
        elif token.type in {"heading_open", "heading_close"}:
            heading = token.nesting > 0
        elif token.type == "list_item_open":
            begins = True
        elif token.type == "fence" and token.content.strip():
            code = _run(token.content.rstrip("\n"))
            elements.append({"type": "rich_text_preformatted", "elements": [code]})
        elif token.type == "inline" and (runs := _runs(token.children or [], bold=heading)):
            _add(elements, runs, lists, begins=begins)
            begins = False
    kept = _letters("".join(token.info + token.content for token in tokens)) == _letters(text)
    return elements if elements and kept else [_section([_run(text)])]


def _add(
    elements: list[dict[str, Any]], runs: list[dict[str, Any]], lists: list[_List], *, begins: bool
) -> None:
    """Put a paragraph where it belongs: into its item, a new item, the section, a new section."""
    last: dict[str, Any] = elements[-1] if elements else {"type": ""}
    if lists and begins:
        shape = {
            "type": "rich_text_list",
            "style": lists[-1].style,
            "indent": min(len(lists) - 1, _DEEPEST),
        }
        if not shape.items() <= last.items():
            went_on = lists[-1].count and lists[-1].style == "ordered"
            offset = {"offset": lists[-1].count} if went_on else {}
            elements.append({**shape, **offset, "elements": []})
        elements[-1]["elements"].append(_section(runs))
        lists[-1].count += 1
    elif lists and last["type"] == "rich_text_list":
        last["elements"][-1]["elements"] += [_run("\n"), *runs]
    elif last["type"] == "rich_text_section":
        last["elements"] += [_run("\n\n"), *runs]
    else:
        elements.append(_section(runs))


def _section(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": runs}


def _run(words: str, *styles: str) -> dict[str, Any]:
    style = {"style": dict.fromkeys(styles, True)} if styles else {}
    return {"type": "text", "text": words, **style}


def _runs(tokens: Iterable[Token], *, bold: bool) -> list[dict[str, Any]]:
    """Read what stands in one paragraph as text elements."""
    runs: list[dict[str, Any]] = []
    level = Counter(bold=int(bold))
    label, opened = "", None
    for token in tokens:
        level[_STYLES.get(token.tag, "")] += token.nesting
        words = "\n" if token.tag == "br" else token.content
        label += words
        if token.type == "link_open":
            label, opened = "", token
        elif token.type == "link_close" and opened:
            words = _target(label, opened.attrs, "href")
        elif token.type == "image":
            words += _target(words, token.attrs, "src")
        if words:
            styles = [style for style in _STYLES.values() if level[style] > 0]
            runs.append(_run(words, *styles, *(["code"] if token.tag == "code" else [])))
    return runs


def _target(label: str, attributes: Mapping[str, object], name: str) -> str:
    """Write where a link leads, behind its label; nothing when the label says it."""
    said = [str(attributes[key]) for key in (name, "title") if attributes.get(key)]
    rest = " ".join(part for part in said if part != label)
    return f" ({rest})" if rest else ""


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
