"""What Discord tells us, as values: one class for each thing that can happen. Values only.

Ids are Discord's, as text; a message's id tells when it was written, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Kind: TypeAlias = Literal["guild", "voice", "forum", "dm"]
"""What a channel is, a thread's parent: voice has no threads, a forum nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are. user: the bot user. application: mostly the same number, but not always."""

    user: str
    application: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordFile:
    """A file of a message or a command.

    mime_type, size: as Discord says, None when it says nothing. url: signed, good for about a day.
    channel, message: where a fresh link is to be had; "" for a file that was given to a command or
    a form, which Discord soon removes.
    """

    id: str
    name: str
    mime_type: str | None
    size: int | None
    url: str
    channel: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files of a message that are worth a download, and a sentence about each other one."""

    files: tuple[DiscordFile, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A place where people talk.

    guild: "" in direct messages. channel: the parent, if it is a thread. thread, owner_of_thread:
    "" outside of threads; the owner is who opened it, perhaps our bot user.
    """

    guild: str
    channel: str
    thread: str = ""
    owner_of_thread: str = ""
    kind: Kind = "guild"
    nsfw: bool = False

    @property
    def place(self) -> str:
        """The channel that Discord wants to hear: the thread, or else the channel."""
        return self.thread or self.channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Said(Where):
    """A message. bot: whether a bot or a webhook wrote it.

    text: as on the wire, where a mention of our own role reads as one of our user; the words of a
    forwarded message come after it. names: of everything that is mentioned, by id, without @ and #.
    mention: it speaks to our bot user; @everyone never does (everyone_only). A reply with a ping is
    no mention.
    files, skipped: of the message, of what it forwards, then of the message that it replies to,
    unless that is ours (reply_is_own).
    reply_to: a message of the same channel, perhaps gone. roles, moderator: nothing when Discord
    did not say who the person is in the guild. empty: Discord hides what it says, because the bot
    has not the message content intent.
    """

    id: str
    user: str
    user_name: str
    roles: tuple[str, ...] = ()
    text: str
    names: Mapping[str, str] = field(default_factory=dict)
    files: tuple[DiscordFile, ...] = ()
    skipped: tuple[str, ...] = ()
    reply_to: str | None = None
    reply_is_own: bool = False
    mention: bool = False
    everyone_only: bool = False
    sent_at: datetime
    bot: bool = False
    moderator: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(Where):
    """A person changed the text of their message. names: as in Said."""

    id: str
    user: str
    text: str
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted(Where):
    """Messages are gone, anybody's."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Where):
    """Who uses a command, a button or a form, and where. id, token: of the interaction.

    user_app: only this person has installed the bot, so there is nothing but the interaction to
    answer with. size_limit: bytes of one file in an answer, as Discord says. locale: "en-US".
    """

    id: str
    application: str
    token: str
    user: str
    user_name: str
    roles: tuple[str, ...] = ()
    moderator: bool = False
    user_app: bool = False
    size_limit: int
    locale: str
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Nothing for us. why: for the log."""

    why: str
