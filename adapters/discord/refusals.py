"""Discord's error codes: what each means for the next step, and how people are told."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Codes that we know (facts/discord.md 9); below 1000 they are statuses that came alone."""

    UNREACHABLE = 0
    """Ours: nothing reached Discord."""
    BAD_REQUEST = 400
    BAD_TOKEN = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    TIMEOUT = 408
    TOO_LARGE_REQUEST = 413
    RATE_LIMITED = 429
    UNKNOWN_CHANNEL = 10003
    UNKNOWN_GUILD = 10004
    UNKNOWN_MESSAGE = 10008
    UNKNOWN_WEBHOOK = 10015
    UNKNOWN_INTERACTION = 10062
    EXPLICIT = 20009
    SLOWED = 20016
    CHANNEL_WRITES = 20028
    EDITED_TOO_OFTEN = 30046
    TOO_LARGE = 40005
    TAG_REQUIRED = 40067
    FOLLOW_UPS = 40094
    CLOUDFLARE = 40333
    NO_ACCESS = 50001
    NO_DIRECT_MESSAGES = 50007
    NO_TEXT_CHANNEL = 50008
    NO_PERMISSION = 50013
    WRONG_CHANNEL_TYPE = 50024
    BAD_WEBHOOK_TOKEN = 50027
    BAD_FORM = 50035
    WRONG_MESSAGE_TYPE = 50068
    ARCHIVED = 50083
    OVERLOADED = 130000
    NO_HISTORY = 160002
    THREAD_EXISTS = 160004
    LOCKED = 160005
    TOO_MANY_THREADS = 160006
    AUTOMOD = 200000
    AUTOMOD_TITLE = 200001


LATER = frozenset(
    {
        Code.UNREACHABLE,
        Code.TIMEOUT,
        Code.RATE_LIMITED,
        Code.SLOWED,
        Code.CHANNEL_WRITES,
        Code.CLOUDFLARE,
        Code.OVERLOADED,
    }
)
"""The same call may work in a minute; every other refusal stays what it is."""

CLOSED = frozenset(
    {
        Code.FORBIDDEN,
        Code.NOT_FOUND,
        Code.UNKNOWN_CHANNEL,
        Code.UNKNOWN_GUILD,
        Code.NO_ACCESS,
        Code.NO_TEXT_CHANNEL,
        Code.NO_PERMISSION,
        Code.ARCHIVED,
        Code.LOCKED,
    }
)
"""Nothing can be posted at this place any more, though elsewhere it may."""

TOO_LARGE = frozenset({Code.TOO_LARGE_REQUEST, Code.TOO_LARGE})
"""A smaller file may be taken."""

NO_THREADS = frozenset(
    {
        Code.FORBIDDEN,
        Code.NO_PERMISSION,
        Code.WRONG_CHANNEL_TYPE,
        Code.WRONG_MESSAGE_TYPE,
        Code.TOO_MANY_THREADS,
        Code.AUTOMOD,
        Code.AUTOMOD_TITLE,
    }
)
"""No thread can be opened on this message, but the channel may take an answer."""

_WORDS = {
    Code.UNREACHABLE: "Discord cannot be reached. Try again in a minute.",
    Code.BAD_TOKEN: (
        "Discord does not take the bot's token any more. The operator has to set a new one."
    ),
    Code.RATE_LIMITED: "Discord is busy with too many messages. Try again in a minute.",
    Code.UNKNOWN_CHANNEL: "That channel or thread was deleted. Ask again elsewhere.",
    Code.UNKNOWN_MESSAGE: "That message was deleted. Ask again.",
    Code.EXPLICIT: (
        "Discord holds the picture to be explicit and does not show it here. It is kept, but ask"
        " for another one."
    ),
    Code.CHANNEL_WRITES: "This channel is busy with too many messages. Try again in a minute.",
    Code.TOO_LARGE: "Discord does not take a file of this size here.",
    Code.CLOUDFLARE: "Discord refuses our calls for now. Try again in some minutes.",
    Code.NO_ACCESS: "I cannot see that channel (any more). Let me in and try again.",
    Code.NO_DIRECT_MESSAGES: (
        "You do not take direct messages from me. Allow them for this server, or ask in a channel."
    ),
    Code.NO_PERMISSION: (
        "I lack a permission there. Ask a moderator to give me these: View Channel, Send Messages,"
        " Send Messages in Threads, Create Public Threads, Attach Files, Embed Links, Read Message"
        " History."
    ),
    Code.BAD_WEBHOOK_TOKEN: "The 15 minutes that Discord gives for an answer are over.",
    Code.ARCHIVED: "That thread is archived and I may not open it. Ask again in another one.",
    Code.LOCKED: "That thread is locked. Ask again in another one.",
    Code.AUTOMOD: (
        "The AutoMod rules of this server do not let the answer through. It is kept: ask a"
        " moderator, or ask for something else."
    ),
}
_WORDS[Code.TOO_LARGE_REQUEST] = _WORDS[Code.TOO_LARGE]
_WORDS[Code.SLOWED] = _WORDS[Code.CHANNEL_WRITES]
_CLOSED_WORDS = "I may not post there (any more). Ask me in another channel or in a direct message."

_REASONS = {
    Code.UNKNOWN_CHANNEL: "the thread was deleted",
    Code.NO_ACCESS: "I cannot see the channel any more",
    Code.NO_TEXT_CHANNEL: "the thread was deleted",
    Code.NO_PERMISSION: "I lack a permission there",
    Code.ARCHIVED: "the thread is archived",
    Code.LOCKED: "the thread is locked",
    Code.BAD_WEBHOOK_TOKEN: "the 15 minutes that Discord gives for that were over",
}
_THREADLESS = {
    Code.TOO_MANY_THREADS: "this server has too many active threads",
    Code.NO_PERMISSION: "I lack the permission Create Public Threads",
    Code.AUTOMOD: "the AutoMod rules of this server do not let its title through",
    Code.AUTOMOD_TITLE: "the AutoMod rules of this server do not let its title through",
}


def reason_of(code: int) -> str:
    """Say why nothing can be posted at a place, as a part of a sentence."""
    return _named(_REASONS, code, "I may not post there any more")


def threadless(code: int) -> str:
    """Say why no thread was opened, as a part of a sentence."""
    return _named(_THREADLESS, code, "threads are not possible there")


def words_of(code: int) -> str:
    """Say for people what a code means and what to do."""
    other = f"Discord refused this ({code}). Try again, or tell the operator."
    return _named(_WORDS, code, _CLOSED_WORDS if code in CLOSED else other)


def _named(table: dict[Code, str], code: int, other: str) -> str:
    return next((words for known, words in table.items() if known == code), other)
