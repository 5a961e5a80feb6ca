"""The ports of the core: what it asks of a chat platform, an image model and the storage.

Protocols of a few methods in the core's words; ``bot.app`` is where they meet their adapters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.conversation import ROOT, TurnRef, Usage
from bot.options import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Collection,
        Iterable,
        Mapping,
        Sequence,
    )
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO

    from bot.chat import Attachment, Message, Notice, Post, Progress, Reply
    from bot.conversation import (
        Blob,
        Contents,
        Generation,
        PastTurn,
        ThreadId,
        Turn,
        TurnId,
        TurnState,
        Verdict,
    )
    from bot.profiles import ModelProfile


class Desk(Protocol):
    """What a chat platform asks of the core for people."""

    async def accept(self, message: Message) -> TurnId:
        """Make a message a turn, durably; the same message again gives the same turn."""
        ...

    async def cancel(self, turn: TurnId) -> Turn:
        """End a turn, wherever it is, and return it as it is then. NotFound."""
        ...

    async def confirm(self, turn: TurnId) -> None:
        """Agree to the price of a turn. NotFound."""
        ...

    async def retry(self, turn: TurnId, ref: Mapping[str, str] | None = None) -> None:
        """Run a failed turn again. NotFound, UsageError."""
        ...

    async def amend(self, turn: TurnId, text: str) -> bool:
        """Follow an edit of the message of a turn; False when it was called already. UsageError."""
        ...

    def profile(self, model: str | None) -> ModelProfile:
        """Find a model; None is the operator's default. UsageError when there is no such model."""
        ...


class ChatPlatform(Protocol):
    """A place where people talk. Every method may be repeated for one turn after a crash."""

    name: str

    async def run(self, desk: Desk) -> None:
        """Listen until cancelled; acknowledge a message only after ``desk.accept`` returned."""
        ...

    def download(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        """Fetch the bytes of an attachment; given up after two minutes.

        Raises MaterialError with words for the person.
        """
        ...

    async def working(self, turn: Turn, progress: Progress) -> None:
        """Show that a turn is going on; may be dropped."""
        ...

    async def deliver(self, turn: Turn, reply: Reply) -> Sequence[Post]:
        """Show the answer exactly once, however often this is called. Raises DeliveryError."""
        ...

    async def tell(self, turn: Turn, notice: Notice) -> Sequence[Post]:
        """Tell the person something about the turn; once for each kind and round of it.

        Raises DeliveryError.
        """
        ...

    async def close(self) -> None:
        """Give the connections back, after the last turn."""
        ...


class SpoolSink(Protocol):
    """Where a raw answer goes as it arrives."""

    def write(self, data: bytes) -> None:
        """Append bytes."""
        ...

    def restart(self) -> None:
        """Forget what was written (before a call is repeated)."""
        ...


class ImageModel(Protocol):
    """A service that paints. The call and the reading of its answer are two steps.

    Between them the raw answer is on disk, so that it is never bought twice.
    """

    @property
    def provider(self) -> str:
        """Name the service, as profiles do."""
        ...

    @property
    def backend(self) -> str:
        """Name the service, route and key: signatures of one backend are refused by another."""
        ...

    def profile(self, model: str | None) -> ModelProfile:
        """Find a model; None is the operator's default. UsageError when there is no such model."""
        ...

    async def call(
        self,
        contents: Contents,
        options: GenerationOptions,
        sink: SpoolSink,
        note: Callable[[str], None],
    ) -> None:
        """Make one paid call and write its raw answer to the sink.

        options.model, when given, is one that ``profile`` knows; count is not looked at.
        note: called with words for the person when the call has to wait, with "" when it goes on.
        Raises ModelError;
        everything but OutcomeUnknown means that nothing was billed.
        """
        ...

    async def read(self, answer: Path, workspace: str) -> Generation:
        """Read a spooled answer, keeping its pictures and signatures as blobs; may be repeated.

        Raises OutcomeUnknown when it cannot be read.
        """
        ...

    async def probe(self) -> None:
        """Ask whether the default model is alive, for nothing. Raises ModelError."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


class BlobWriter(Protocol):
    """A blob in the making, in a worker thread or not; hashes as it writes."""

    size: int

    def write(self, data: bytes) -> None:
        """Append bytes."""
        ...

    def open(self) -> BinaryIO:
        """Open what was written so far for reading, to look at its header."""
        ...

    def discard(self) -> None:
        """Throw it away; harmless after ``keep``."""
        ...


class BlobStore(Protocol):
    """Bytes by digest, one name space a workspace: equal files of two workspaces are two blobs."""

    def writer(self, workspace: str) -> BlobWriter:
        """Begin a blob. Blocking but quick."""
        ...

    def keep(self, writer: BlobWriter) -> str:
        """Make what was written durable (fsync, rename) and return its digest. Blocking."""
        ...

    def blocks(self, workspace: str, digest: str, size: int) -> AsyncIterator[bytes]:
        """Read a blob in blocks of ``size`` bytes, the last one shorter. NotFound if missing."""
        ...

    async def path(self, workspace: str, digest: str) -> Path:
        """Find (or fetch) a local file of the blob, to read only. NotFound if missing."""
        ...

    def remove(self, workspace: str, digest: str) -> None:
        """Remove a blob durably, if it is there. Blocking."""
        ...


class Spool(Protocol):
    """Raw answers between the call and the moment when everything in them is kept.

    key: ``<turn>.<choice>.<call>``, unique for every paid call.
    """

    def write(self, key: str) -> AbstractAsyncContextManager[SpoolSink]:
        """Write one answer; durable (fsync, rename) on a clean exit, gone after an exception."""
        ...

    async def find(self, key: str) -> Path | None:
        """Find a durable answer."""
        ...

    async def salvage(self, key: str) -> Path | None:
        """Find an answer after a crash, one that may be cut included, and make it durable."""
        ...

    async def remove(self, key: str) -> None:
        """Remove an answer, if it is there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many turns may run at once, and what people and workspaces may spend.

    None means no limit. Pictures and money count by UTC day and month. Money: micro-dollars.
    """

    person: int = 2
    workspace: int = 16
    total: int = 64
    person_daily_pictures: int | None = None
    workspace_daily_budget: int | None = None
    workspace_monthly_budget: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One attachment of a turn. blob: once it is kept. problem: words, when it was skipped.

    note: words that the person has to be told although it was kept (a GIF's first frame).
    """

    position: int
    attachment: Attachment
    blob: Blob | None = None
    problem: str = ""
    note: str = ""

    @property
    def pending(self) -> bool:
        """Whether it still has to be downloaded."""
        return self.blob is None and not self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One paid call of a turn, and what came of it.

    id: unique, also the key of its spool file: ``<turn>.<choice>.<call>``.
    state: reserved (nothing known yet), settled, released (not billed), unknown (perhaps billed).
    amount: micro-dollars, the reservation until it is settled. request: a compact account of what
    was sent (which turns verbatim, which as material, what was dropped), for ``explain``.
    """

    id: str
    choice: int
    state: Literal["reserved", "settled", "released", "unknown"]
    amount: int
    model: str
    backend: str
    at: datetime
    request: Mapping[str, object] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer of a turn that is kept: which choice, by which call."""

    choice: int
    call: str
    generation: Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The way from the root of a thread's tree to a turn's parent, and what the turn inherits.

    turns: oldest first, only the newest ones. older: how many more there are above them.
    options: what was in force for the parent. told: whether this thread's people already know
    that old turns are no longer sent.
    """

    parent: TurnRef = ROOT
    turns: tuple[PastTurn, ...] = ()
    older: int = 0
    options: GenerationOptions = field(default_factory=GenerationOptions)
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a turn's history. state: a TurnState or a word such as "postponed"."""

    at: datetime
    state: str
    attempt: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything known of a turn: for delivery, a resumed call, and ``explain``."""

    turn: Turn
    material: tuple[Material, ...] = ()
    calls: tuple[Call, ...] = ()
    kept: tuple[Kept, ...] = ()
    posts: tuple[Post, ...] = ()
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How much of a person was forgotten.

    files: blobs that nobody else holds. notes: of the journal, their preferences among them.
    running: turns that have not ended; they are still there, to be cancelled and erased again.
    """

    turns: int
    notes: int
    files: int = 0
    running: tuple[TurnId, ...] = ()


ERASING = "erasing"
"""Kind of the notes in the journal that name the files which an erased person leaves behind:
``{"blobs": {workspace: [digest, ...]}, "calls": [key of the spool, ...]}``."""


class TurnStore(Protocol):
    """Where turns are kept. Every method is one transaction; times are aware UTC datetimes.

    A method that takes a claimed Turn is fenced: it raises Fenced, and changes nothing, unless the
    stored turn is claimed and has that attempt. A method that changes nothing in the state machine
    takes a TurnId. An ended turn is never claimed.
    """

    async def accept(self, turn: Turn, message: Message) -> tuple[TurnId, bool]:
        """Insert a new turn; its thread and its number (turn.number is ignored) are made here.

        Returns its id and True; or the id of the turn that already came from this message (same
        platform, workspace, channel and message id, or same client_id) and False.
        The parent is turn.parent; else, when message.reply_to is a post of ours that shows an
        answer, that answer; else it stays open until ``lineage``. Message keys live 14 days.
        """
        ...

    async def claim(
        self, caps: Caps, platforms: Sequence[str], now: datetime, *, gather: bool = False
    ) -> list[Turn]:
        """Claim the turns that may go on now; each has its attempt raised by one.

        Turns with a verdict are claimed whatever their order and the caps, with gather=False.
        gather=True: turns with pending material, in any order, outside the caps, at most 16 at a
        time. gather=False: turns without pending material that are the first open one of their
        thread, within the caps, round robin over workspaces and inside them over people, oldest
        first. Neither takes a turn whose postponement has not passed; only the first one takes a
        turn before its Message.not_before.
        """
        ...

    async def recover(self, platforms: Sequence[str]) -> int:
        """Give up all claims (a dead process held them); returns how many there were."""
        ...

    async def next_due(self, platforms: Sequence[str]) -> datetime | None:
        """When the next turn that waits for a time is due."""
        ...

    async def get(self, turn: TurnId) -> Turn:
        """Load a turn. NotFound."""
        ...

    async def record(self, turn: TurnId) -> Record:
        """Load everything of a turn. NotFound."""
        ...

    async def by_message(self, thread: ThreadId, message_id: str) -> TurnId | None:
        """Find the turn that came from a message of this channel."""
        ...

    async def by_post(self, thread: ThreadId, message_id: str) -> TurnRef | None:
        """Find the answer that a post of ours in this channel shows."""
        ...

    async def turns_of(self, thread: ThreadId, most: int = 200) -> list[Turn]:
        """List the newest turns of a thread, oldest first, without their prompts."""
        ...

    async def ahead(self, turn: TurnId) -> int:
        """Count the waiting turns of the same workspace that go before this one."""
        ...

    async def tip(self, thread: ThreadId) -> TurnRef | None:
        """Find the answer that a plain reply refines now."""
        ...

    async def first(self, thread: ThreadId) -> Turn | None:
        """Find the first turn of a thread, without its prompt: whose thread it is."""
        ...

    async def threads_since(
        self, platform: str, workspace: str, since: datetime, most: int = 100
    ) -> list[ThreadId]:
        """List the threads of a workspace with a turn worked on since a time, newest first."""
        ...

    async def recent(self, thread: ThreadId, author: str, most: int) -> list[Turn]:
        """List the newest done turns of a person in the thread's workspace, newest first."""
        ...

    async def make_current(self, answer: TurnRef) -> None:
        """Make an answer the tip of its thread. NotFound when there is no such answer."""
        ...

    async def undo(self, thread: ThreadId) -> TurnRef | None:
        """Make the parent of the tip the tip; returns the new tip, None (unchanged) at a root."""
        ...

    async def gathered(self, turn: Turn, material: Sequence[Material]) -> None:
        """Save what became of the attachments and give the claim back; state GATHERING."""
        ...

    async def lineage(self, turn: Turn, most: int) -> Lineage:
        """Load the way to the parent; without a fixed parent, to the thread's tip. Reads only."""
        ...

    async def begin_calls(
        self, turn: Turn, calls: Sequence[Call], caps: Caps, now: datetime
    ) -> None:
        """Reserve the price of calls and write the intent; state CALLING.

        Saves turn.parent and turn.options. Raises LimitError, and changes nothing, when a quota or
        budget of the turn's person or workspace does not allow all of them: whatever is reserved,
        settled or unknown counts, and the check and the reservation are one transaction.
        A reserved call of the same turn and choice, left by a dead attempt, becomes unknown.
        """
        ...

    async def end_call(self, turn: Turn, call: Call) -> None:
        """Save state, amount, usage and note of one call."""
        ...

    async def keep(
        self,
        turn: Turn,
        kept: Sequence[Kept],
        calls: Sequence[Call],
        notes: Sequence[str],
        *,
        told: bool = False,
    ) -> None:
        """Save answers with their calls and the notes for the person; state STORED.

        told: from now on this thread's people know that old turns are no longer sent.
        """
        ...

    async def delivering(self, turn: Turn) -> None:
        """Note that the answer is on its way; state DELIVERING."""
        ...

    async def postpone(self, turn: Turn, until: datetime, note: str) -> None:
        """Give the claim back until a time; the state stays, turn.tries grows by one."""
        ...

    async def judge(self, turn: Turn, verdict: Verdict, calls: Sequence[Call] = ()) -> None:
        """Decide how the turn ends before the person is told, and save its calls.

        What is still reserved then becomes unknown.
        """
        ...

    async def finish(self, turn: Turn, state: TurnState, posts: Sequence[Post] = ()) -> None:
        """End the turn and give the claim back; the next of the thread becomes runnable.

        DONE makes the turn's first answer the thread's tip, unless a later turn is it.
        """
        ...

    async def request_cancel(self, turn: TurnId) -> Turn:
        """Ask for the end of a turn, and return it as it is then. NotFound.

        An unclaimed one of which nothing is kept yet gets a verdict CANCELLED, a claimed one the
        flag cancel_requested; any other stays as it is.
        """
        ...

    async def confirm(self, turn: TurnId) -> None:
        """Note that a person agreed to the price; a postponed turn is due at once. NotFound."""
        ...

    async def reopen(self, turn: TurnId, ref: Mapping[str, str] | None = None) -> None:
        """Make a failed turn run again (Retry): state ACCEPTED, no verdict, cancel or tries.

        ref: where to answer from now on, None where it was. Its round grows by one.

        Its parent, material and calls stay; with answers kept it is STORED, to be delivered only.
        NotFound; UsageError when a retry cannot help it.
        """
        ...

    async def amend(self, turn: TurnId, prompt: str, options: GenerationOptions) -> bool:
        """Change the words of a turn that has not been called yet; False when it is too late."""
        ...

    async def said_by(
        self, platform: str, person: str, workspace: str | None = None
    ) -> list[TurnId]:
        """List the turns of a person, oldest first; of one workspace or of all."""
        ...

    async def erase(
        self,
        platform: str,
        person: str,
        workspace: str | None,
        preferences: Iterable[tuple[str, str]],
    ) -> Erased:
        """Forget a person, in one workspace or in all, but for the turns that have not ended.

        What refines an erased turn, and a thread's tip, goes on from the nearest answer that is
        left. Message keys stay, so that nothing comes again, and so does the money, of nobody. With
        the turns go the journal's notes whose key begins with the id of one or whose ``turn`` is
        one; and notes of the platform's kinds whose ``user`` is the person, unless they name
        another ``workspace``. preferences: kinds and keys of further notes of theirs.
        The files left behind are written down under ERASING.
        """
        ...

    async def named(self, workspace: str, digests: Collection[str]) -> set[str]:
        """Tell which of these blobs a turn of the workspace holds, on whatever platform."""
        ...

    async def scrub(self) -> bool:
        """Make what was deleted unreadable on the disk, too; False when that has to wait."""
        ...


class Journal(Protocol):
    """Small notes that outlive the process, for adapters: what is about to be done outside.

    kind: what the notes are about, begins with the platform's name and a point. A note is a JSON
    object; one with a person's words names them as ``user`` or begins its key with their turn's id,
    so that ``TurnStore.erase`` finds it.
    """

    async def read(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """Read a note, if there is one."""
        ...

    async def write(self, kind: str, key: str, note: Mapping[str, Any]) -> None:
        """Write a note over the one before; durable when this returns."""
        ...

    async def remove(self, kind: str, key: str) -> None:
        """Remove a note, if it is there."""
        ...

    async def all(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """Read all notes of a kind by their keys, in the order of their first writing."""
        ...

    async def forget(self, kind: str, before: datetime) -> None:
        """Remove the notes of a kind that were last written before a time."""
        ...


class Ledger(Protocol):
    """What was spent; kept apart from what was said, so that it can be kept longer."""

    async def spent(self, workspace: ThreadId | None, since: datetime) -> int:
        """Sum up reserved, settled and unknown calls since a time, in micro-dollars.

        workspace: any thread of it, or None for all workspaces.
        """
        ...

    async def reserved(self) -> frozenset[str]:
        """Name the calls of which nothing is known yet: their answers on the spool are wanted."""
        ...

    async def pictures(self, thread: ThreadId, author: str, since: datetime) -> int:
        """Count the same calls of one person in the thread's workspace."""
        ...


class TurnQueue(Protocol):
    """Delivery of turns to whoever advances them: at least once, perhaps twice, in order."""

    def wake(self, *, gather: bool = False) -> None:
        """Say that a turn may have become runnable. gather: one with attachments to download."""
        ...

    async def run(self) -> None:
        """Advance turns until cancelled."""
        ...

    async def drain(self, seconds: float) -> bool:
        """Claim nothing more and wait for what runs; False when the time was not enough."""
        ...
