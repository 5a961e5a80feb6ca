"""What passes between the core and a chat platform, in the core's words. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.conversation import Blob, Source, Suggestion, ThreadId, TurnRef, TurnState, Usage
from bot.options import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file named in a message, not yet downloaded.

    declared_type, size: what the platform says, not to be trusted; None when it says nothing.
    ref: platform-private, enough to download it after a restart. blob: when it is kept already
    (the material of an earlier turn of the same workspace); then nothing is downloaded.
    """

    name: str
    declared_type: str | None = None
    size: int | None = None
    blob: Blob | None = None
    ref: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one person said in a thread.

    id: the platform's id, unique in the channel. client_id: a second id that repeats when one
    gesture arrives as two messages (Slack's client_msg_id). reply_to: the message it answers.
    branch: the answer it refines, when the platform knows (over reply_to); ROOT for none, whatever
    was painted in the thread before. options: typed ones (a form, a command); flags in the text win
    over them. ref: platform-private, kept with the turn. not_before: until then earlier messages of
    the thread may still come, for a platform that delivers out of order; turns of a thread that
    have not started yet run in the order of sent_at. quota: pictures a day that the platform's own
    rules allow this person here; None for no other limit than the operator's.
    """

    id: str
    thread: ThreadId
    author: str
    text: str
    sent_at: datetime
    author_name: str = ""
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    branch: TurnRef | None = None
    client_id: str | None = None
    options: GenerationOptions = field(default_factory=GenerationOptions)
    ref: Mapping[str, str] = field(default_factory=dict)
    not_before: datetime | None = None
    quota: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of an answer. choice: which answer of the turn it belongs to, from 0."""

    blob: Blob
    alt_text: str
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a turn, ready to be shown.

    text: the model's words, to be shown as text. notes: ours, each a sentence that the person has
    to know (skipped files, another size than asked). cost: micro-dollars.
    """

    text: str
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    suggestions_html: str = ""
    options: GenerationOptions = field(default_factory=GenerationOptions)
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    cost: int = 0


class NoticeKind(StrEnum):
    """What a notice is about."""

    SLOW = "slow"
    CONFIRM = "confirm"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell a person about a turn. retry: whether a Retry button can help."""

    kind: NoticeKind
    text: str
    retry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a turn is. ahead: turns before it in the queue. seconds: since it was accepted."""

    state: TurnState
    seconds: float
    ahead: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message of ours on the platform. choice: the answer it shows, None for a notice."""

    message_id: str
    choice: int | None = None
