"""What people typed: Discord's wire text read as plain words. Pure.

What stands in ``<...>`` is Discord's own: a mention, a moment, a custom emoji, a command, a link
without a preview (documented, discord-api-docs reference "Message Formatting").
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(
    r"\[(?P<label>[^\[\]\n]{1,1000})\]\(\s{0,9}<?(?P<target>https?://[^\s<>()]+)>?\s{0,9}\)"
    r"|<(?:(?P<sign>@|\#)[!&]?(?P<id>[0-9]+)"
    r"|t:(?P<moment>-?[0-9]{1,12})(?::[A-Za-z])?"
    r"|a?(?P<emoji>:[A-Za-z0-9_]+:)[0-9]+"
    r"|(?P<command>/[^<>:\n]+):[0-9]+"
    r"|id:(?P<corner>[a-z-]+)(?::[0-9]+)?"
    r"|(?P<bare>https?://[^\s<>]+))>"
)
_SPOILER = re.compile(r"\|\|(.+?)\|\|", re.DOTALL)
_ADDRESS = re.compile(r"\s*(?:<@[!&]?([0-9]+)>|@(?:everyone|here)\b)[\s,]*")
_SPACES = " \t\u00a0\u202f"  # not line breaks
_STOPS = re.compile(r"[,.;:!?)…]+(?=\s|$)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def prompt_of(text: str, own: str, names: Mapping[str, str]) -> str:
    """Read a message as the words that a person meant for the bot.

    own: the bot's user id. Its mentions go, with the space around them, and so does the comma in
    "@bot, paint". names: of people, roles and channels by id, without sign. Other mentions, links,
    moments and emoji become words: ``@ann``, ``#general``, ``label (https://x.y)``,
    ``2024-02-18 12:00 UTC``, ``:fox:``; the bars of a spoiler go. All else stays byte for byte:
    line breaks, flags, dashes, Markdown.
    """
    said, *others = re.split(rf"<@!?{re.escape(own)}>", text)
    for other in others:
        said = _closed_up(said, other)

    def words(token: re.Match[str]) -> str:
        return _words(token, names)

    return _SPOILER.sub(r"\1", _TOKEN.sub(words, said)).strip()


def addressed_to_another(text: str, own: str) -> bool:
    """Whether a message begins by speaking to somebody else, so that the bot keeps quiet.

    A person, a bot, a role, or everybody (``@here``). Not when the bot is among those that the
    message begins with: "@ann @bot bluer" is for both.
    """
    place = 0
    while found := _ADDRESS.match(text, place):
        if found[1] == own:
            return False
        place = found.end()
    return place > 0


def _closed_up(before: str, after: str) -> str:
    """Join what stood around a mention of the bot."""
    before, after = before.rstrip(_SPACES), after.lstrip(_SPACES)
    if not before.strip():
        after = _STOPS.sub("", after, count=1) if _STOPS.match(after) else after
    apart = before[-1:] not in {"", "\n"} and after[:1] not in {"", "\n"}
    return f"{before} {after}" if apart and not _STOPS.match(after) else before + after


def _words(token: re.Match[str], names: Mapping[str, str]) -> str:
    """Put words for one token."""
    found = {name: value for name, value in token.groupdict().items() if value}
    if "sign" in found:
        return found["sign"] + names.get(found["id"], found["id"])
    if "moment" in found:
        return _when(int(found["moment"])) or token[0]
    if "target" in found:
        label, target = found["label"], found["target"]
        return target if label == target else f"{label} ({target})"
    if "corner" in found:
        return f"#{found['corner']}"
    return found.get("emoji") or found.get("command") or found["bare"]


def _when(seconds: int) -> str:
    """Write a moment; "" for one that no calendar has."""
    try:
        when = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return ""
    return f"{when:%Y-%m-%d %H:%M} UTC"
