"""The words of a conversation: threads, blobs, parts, contents and turns. Values only."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NewType, Self, TypeAlias
from urllib.parse import quote, unquote

from bot.options import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TurnId = NewType("TurnId", str)
Role = Literal["user", "model"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_turn_id() -> TurnId:
    """Make the id of a new turn: 16 characters, in the order of creation to the millisecond.

    Short enough for a Discord nonce (25 characters) with room for a part number.
    """
    number = (time.time_ns() // 1_000_000) << 35 | secrets.randbits(35)
    return TurnId("".join(_ALPHABET[number >> shift & 31] for shift in range(75, -1, -5)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadId:
    """Where people talk, in the platform's own ids; prints as ``slack:T1:C1:1712.01``."""

    platform: str
    workspace: str
    channel: str
    thread: str

    def __str__(self) -> str:
        """Join the four ids with colons; a colon, space or percent sign inside one is quoted."""
        return ":".join(
            quote(part, safe="/@+!~*'(),;=&$")
            for part in (self.platform, self.workspace, self.channel, self.thread)
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str()`` wrote. ValueError when it has not four parts."""
        platform, workspace, channel, thread = map(unquote, text.split(":"))
        return cls(platform=platform, workspace=workspace, channel=channel, thread=thread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes kept elsewhere, named by their digest.

    digest: SHA-256, 64 hexadecimal digits. mime_type: by content, never as declared.
    size: bytes. width, height: pixels of an image. pages: of a PDF, estimated.
    """

    digest: str
    mime_type: str
    size: int
    width: int | None = None
    height: int | None = None
    pages: int | None = None

    @property
    def is_image(self) -> bool:
        """Whether these bytes are a picture."""
        return self.mime_type.startswith("image/")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """Words of one content. signature: Gemini's thoughtSignature, goes back byte-identical."""

    text: str
    thought: bool = False
    signature: Blob | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobPart:
    """A picture or document of one content. signature: as in TextPart."""

    blob: Blob
    thought: bool = False
    signature: Blob | None = None


Part: TypeAlias = TextPart | BlobPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one side said, as Gemini has it. Parts are never merged, reordered or edited."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The words for people, without thoughts; a paragraph ends where a picture stands."""
        texts = [""]
        for part in self.parts:
            if isinstance(part, BlobPart):
                texts.append("")
            elif not part.thought:
                texts[-1] += part.text
        return "\n\n".join(text for text in texts if text)

    @property
    def pictures(self) -> tuple[Blob, ...]:
        """The pictures for people, in order.

        Thought images are drafts, except when there is no other image: then the last one is the
        answer (facts/gemini.md 4.1).
        """
        images = [p for p in self.parts if isinstance(p, BlobPart) and p.blob.is_image]
        answers = [p.blob for p in images if not p.thought]
        return tuple(answers or [p.blob for p in images][-1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What one request sends: the path root -> this turn, cut to the model's limits.

    workspace: whose blobs these are. system: standing instructions.
    """

    workspace: str
    contents: tuple[Content, ...]
    system: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call as the service counted them; 0 where it said nothing."""

    prompt: int = 0
    output: int = 0
    output_image: int = 0
    thoughts: int = 0
    tool_prompt: int = 0
    total: int = 0
    searches: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Add up, field by field."""
        return Usage(
            prompt=self.prompt + other.prompt,
            output=self.output + other.output,
            output_image=self.output_image + other.output_image,
            thoughts=self.thoughts + other.thoughts,
            tool_prompt=self.tool_prompt + other.tool_prompt,
            total=self.total + other.total,
            searches=self.searches + other.searches,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A page that an answer rests on; has to be shown as a link (facts/gemini.md 6)."""

    title: str
    url: str
    kind: Literal["web", "image"] = "web"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A search suggestion, text and link verbatim; has to be shown with a grounded answer."""

    text: str
    url: str


class Outcome(StrEnum):
    """What to do with an answer that was paid for and read."""

    ANSWER = "answer"
    REFUSED = "refused"
    FAILED = "failed"
    AGAIN = "again"
    """No picture by accident: one more call is reasonable."""
    AGAIN_WITHOUT_SEARCH = "again-without-search"
    REBUILD = "rebuild"
    """A signature is missing: send the pictures as user material instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What the model answered to one call.

    content: the model's parts verbatim. reason: words for people unless outcome is ANSWER.
    finish_reason: the service's own word. suggestions_html: Google's chip, unmodified.
    """

    content: Content
    outcome: Outcome = Outcome.ANSWER
    reason: str = ""
    finish_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    sources: tuple[Source, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    suggestions_html: str = ""
    model_version: str = ""


class TurnState(StrEnum):
    """Where a turn is; it only ever moves down this list, or up by a person's Retry."""

    ACCEPTED = "accepted"
    GATHERING = "gathering"
    CALLING = "calling"
    STORED = "stored"
    DELIVERING = "delivering"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the turn by itself."""
        return self in ENDED


ENDED = frozenset({TurnState.DONE, TurnState.REFUSED, TurnState.FAILED, TurnState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRef:
    """One answer of a turn: choice counts from 0 (a turn with ``--n 4`` has four answers).

    Prints as ``TURN`` for the first answer and ``TURN.2`` for the second.
    """

    turn: TurnId
    choice: int = 0

    def __str__(self) -> str:
        """Count answers from 1, as people do."""
        return f"{self.turn}.{self.choice + 1}" if self.choice else self.turn

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str()`` wrote. ValueError when the number is none."""
        turn, _, number = text.strip().partition(".")
        choice = int(number) - 1 if number else 0
        if choice < 0:
            message = f"answers count from 1: {text}"
            raise ValueError(message)
        return cls(turn=TurnId(turn), choice=choice)


ROOT = TurnRef(turn=TurnId(""))
"""The parent of a turn that refines nothing, whatever the tip of its thread is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a turn that brings no answer ends, decided before the person is told.

    state: REFUSED, FAILED or CANCELLED. text: for the person. retry: whether a Retry can help.
    """

    state: TurnState
    text: str
    retry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One exchange: a person's request and the model's answer.

    number: its place in the thread, from 1. attempt: counts claims and fences every write.
    parent: the answer it refines, ROOT for none, None while it is not known yet; the turns of a
    thread are a tree. options: what the person said, once called: what was in force. prompt: the
    person's words without flags. ref: platform-private (where to answer). tries: postponements in
    this state. round: how often a person had it run again. provider: of the image model at the
    acceptance. quota: as in Message.
    """

    id: TurnId
    thread: ThreadId
    state: TurnState
    author: str
    message_id: str
    created: datetime
    number: int = 0
    attempt: int = 0
    tries: int = 0
    round: int = 0
    provider: str = ""
    author_name: str = ""
    prompt: str = ""
    parent: TurnRef | None = None
    options: GenerationOptions = field(default_factory=GenerationOptions)
    ref: Mapping[str, str] = field(default_factory=dict)
    quota: int | None = None
    confirmed: bool = False
    cancel_requested: bool = False
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTurn:
    """A done turn as history needs it: what was asked, what was answered, and by which backend."""

    id: TurnId
    user: Content
    model: Content
    backend: str
