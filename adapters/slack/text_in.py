"""What people typed: Slack's wire text read as plain words. Pure.

On the wire a typed ``& < >`` is ``&amp; &lt; &gt;``, and what stands in ``<...>`` is Slack's own:
a mention, a link or a date, with the words that were shown behind ``|`` (documented,
docs.slack.dev/messaging/formatting-message-text).
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>")
_ADDRESS = re.compile(
    r"\s*<(?:@([A-Z0-9]+)|!(?:subteam\^[A-Z0-9]+|here|channel|everyone))(?:\|[^<>]*)?>[\s,]*"
)
_ENTITY = re.compile("&(amp|lt|gt);")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">"}
_SCHEME = re.compile("^(?:https?://|mailto:)", re.IGNORECASE)
_SPACES = " \t\u00a0\u202f"  # not line breaks; phones put a no-break space behind a mention
_STOPS = re.compile(r"[,.;:!?)…]+(?=\s|$)")


def prompt_of(text: str, own: str) -> str:
    """Read a message as the words that a person meant for the bot.

    own: the bot's user id. Its mentions go, with the space around them, and so does the comma in
    "@bot, paint". Other mentions and links become words: ``@ann``, ``#general``,
    ``label (https://x.y)``. Entities are read once. All else stays byte for byte: line breaks,
    flags, dashes, ``:fox_face:``.
    """
    said, *others = re.split(rf"<@{re.escape(own)}(?:\|[^<>]*)?>", text)
    for other in others:
        said = _closed_up(said, other)
    return _unescape(_TOKEN.sub(_words, said)).strip()


def mentions(text: str) -> tuple[str, ...]:
    """List the ids of the people and bots that a message mentions, in order, each once."""
    return tuple(dict.fromkeys(_MENTION.findall(text)))


def addressed_to_another(text: str, own: str) -> bool:
    """Whether a message begins by speaking to somebody else, so that the bot keeps quiet.

    A person, a bot, a group, or everybody (``@here``). Not when the bot is among those that the
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


def _words(token: re.Match[str]) -> str:
    """Put words for one ``<target|label>``; entities stay."""
    target, label = token[1], token[2] or ""
    name = target[1:]
    if target[0] in "@#":
        return target[0] + (label.removeprefix(target[0]) or name)
    if target[0] == "!":
        kind, _, rest = name.partition("^")
        if kind == "date":
            return label
        return "@" + (label.removeprefix("@") or rest or name)
    if target.startswith("tel:") or _bare(label) == _bare(target):
        return label or target.removeprefix("tel:")
    address = target.removeprefix("mailto:")
    return f"{label} ({address})" if label else address


def _bare(address: str) -> str:
    return _SCHEME.sub("", address).rstrip("/").casefold()


def _unescape(text: str) -> str:
    return _ENTITY.sub(lambda found: _CHARACTERS[found[1]], text)
