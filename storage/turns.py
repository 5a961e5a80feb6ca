"""The port TurnStore over a database: which function runs in which kind of transaction.

The statements themselves stand in ``intake`` (what people ask for), ``claims`` (who goes next),
``moves`` (what a claimed turn goes through), ``lineage`` and ``lookups`` (what is read),
``erasing`` (what is forgotten).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from storage import claims, erasing, intake, lookups, moves
from storage.lineage import lineage
from storage.schema import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from bot.chat import Message, Post
    from bot.conversation import ThreadId, Turn, TurnId, TurnRef, TurnState, Verdict
    from bot.options import GenerationOptions
    from bot.ports import Call, Caps, Erased, Kept, Lineage, Material, Record
    from storage.engine import Database

_PRUNE_EVERY = timedelta(hours=1)


class SqlTurnStore:
    """Turns in a database. Every method raises DependencyDown when the database fails."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        """Take an open, migrated database and a clock."""
        self._database = database
        self._now = now
        self._prune_at = now()

    # What people ask for

    async def accept(self, turn: Turn, message: Message) -> tuple[TurnId, bool]:
        """Insert a new turn, or find the one that came from this message already."""
        now = self._now()
        prune = now >= self._prune_at
        if prune:
            self._prune_at = now + _PRUNE_EVERY
        return await self._database.write(intake.accept, turn, message, now if prune else None)

    async def amend(self, turn: TurnId, prompt: str, options: GenerationOptions) -> bool:
        """Change the words of a turn that has not been called yet; False when it is too late."""
        return await self._database.write(intake.amend, turn, prompt, options, self._now())

    async def request_cancel(self, turn: TurnId) -> Turn:
        """Ask for the end of a turn, and return it as it is then. NotFound."""
        return await self._database.write(intake.request_cancel, turn, self._now())

    async def confirm(self, turn: TurnId) -> None:
        """Note that a person agreed to the price; a postponed turn is due at once. NotFound."""
        await self._database.write(intake.confirm, turn, self._now())

    async def reopen(self, turn: TurnId, ref: Mapping[str, str] | None = None) -> None:
        """Make a failed turn run again. NotFound, UsageError."""
        await self._database.write(intake.reopen, turn, ref, self._now())

    async def make_current(self, answer: TurnRef) -> None:
        """Make an answer the tip of its thread. NotFound when there is no such answer."""
        await self._database.write(intake.make_current, answer)

    async def undo(self, thread: ThreadId) -> TurnRef | None:
        """Make the parent of the tip the tip; returns the new tip, None (unchanged) at a root."""
        return await self._database.write(intake.undo, thread)

    # Who goes next

    async def claim(
        self, caps: Caps, platforms: Sequence[str], now: datetime, *, gather: bool = False
    ) -> list[Turn]:
        """Claim the turns that may go on now; each has its attempt raised by one."""
        return await self._database.write(claims.claim, caps, platforms, now, gather=gather)

    async def recover(self, platforms: Sequence[str]) -> int:
        """Give up all claims; returns how many there were."""
        return await self._database.write(claims.recover, platforms, self._now())

    async def next_due(self, platforms: Sequence[str]) -> datetime | None:
        """When the next waiting turn is due; one that a claim has seen as due is none."""
        return await self._database.read(claims.next_due, platforms)

    async def ahead(self, turn: TurnId) -> int:
        """Count the waiting turns of the same workspace that go before this one."""
        return await self._database.read(claims.ahead, turn)

    # What a claimed turn goes through

    async def gathered(self, turn: Turn, material: Sequence[Material]) -> None:
        """Save what became of the attachments and give the claim back. Fenced."""
        await self._database.write(moves.gathered, turn, material, self._now())

    async def lineage(self, turn: Turn, most: int) -> Lineage:
        """Load the way to the parent; without a fixed parent, to the thread's tip. Fenced."""
        return await self._database.read(lineage, turn, most)

    async def begin_calls(
        self, turn: Turn, calls: Sequence[Call], caps: Caps, now: datetime
    ) -> None:
        """Reserve the price of calls and write the intent. LimitError, Fenced."""
        await self._database.write(moves.begin_calls, turn, calls, caps, now)

    async def end_call(self, turn: Turn, call: Call) -> None:
        """Save what became of one call. Fenced."""
        await self._database.write(moves.end_call, turn, call)

    async def keep(
        self,
        turn: Turn,
        kept: Sequence[Kept],
        calls: Sequence[Call],
        notes: Sequence[str],
        *,
        told: bool = False,
    ) -> None:
        """Save answers with their calls and the notes for the person. Fenced."""
        await self._database.write(moves.keep, turn, kept, calls, notes, now=self._now(), told=told)

    async def delivering(self, turn: Turn) -> None:
        """Note that the answer is on its way. Fenced."""
        await self._database.write(moves.delivering, turn, self._now())

    async def postpone(self, turn: Turn, until: datetime, note: str) -> None:
        """Give the claim back until a time. Fenced."""
        await self._database.write(moves.postpone, turn, until, note, self._now())

    async def judge(self, turn: Turn, verdict: Verdict, calls: Sequence[Call] = ()) -> None:
        """Decide how the turn ends before the person is told, and save its calls. Fenced."""
        await self._database.write(moves.judge, turn, verdict, calls, self._now())

    async def finish(self, turn: Turn, state: TurnState, posts: Sequence[Post] = ()) -> None:
        """End the turn and give the claim back. Fenced."""
        await self._database.write(moves.finish, turn, state, posts, self._now())

    # What is read

    async def get(self, turn: TurnId) -> Turn:
        """Load a turn. NotFound."""
        return await self._database.read(lookups.get, turn)

    async def record(self, turn: TurnId) -> Record:
        """Load everything of a turn. NotFound."""
        return await self._database.read(lookups.record, turn)

    async def by_message(self, thread: ThreadId, message_id: str) -> TurnId | None:
        """Find the turn that came from a message of this channel."""
        return await self._database.read(lookups.by_message, thread, message_id)

    async def by_post(self, thread: ThreadId, message_id: str) -> TurnRef | None:
        """Find the answer that a post of ours in this channel shows."""
        return await self._database.read(lookups.by_post, thread, message_id)

    async def turns_of(self, thread: ThreadId, most: int = 200) -> list[Turn]:
        """List the newest turns of a thread, oldest first, without their prompts."""
        return await self._database.read(lookups.turns_of, thread, most)

    async def tip(self, thread: ThreadId) -> TurnRef | None:
        """Find the answer that a plain reply refines now."""
        return await self._database.read(lookups.tip, thread)

    async def first(self, thread: ThreadId) -> Turn | None:
        """Find the first turn of a thread, without its prompt: whose thread it is."""
        return await self._database.read(lookups.first, thread)

    async def threads_since(
        self, platform: str, workspace: str, since: datetime, most: int = 100
    ) -> list[ThreadId]:
        """List the threads of a workspace with a turn worked on since a time, newest first."""
        return await self._database.read(lookups.threads_since, platform, workspace, since, most)

    async def recent(self, thread: ThreadId, author: str, most: int) -> list[Turn]:
        """List the newest done turns of a person in the thread's workspace, newest first."""
        return await self._database.read(lookups.recent, thread, author, most)

    # What is forgotten

    async def said_by(
        self, platform: str, person: str, workspace: str | None = None
    ) -> list[TurnId]:
        """List the turns of a person, oldest first; of one workspace or of all."""
        return await self._database.read(erasing.said_by, platform, person, workspace)

    async def erase(
        self,
        platform: str,
        person: str,
        workspace: str | None,
        preferences: Iterable[tuple[str, str]],
    ) -> Erased:
        """Forget a person, in one workspace or in all, but for the turns that have not ended."""
        return await self._database.write(
            erasing.erase, platform, person, workspace, preferences, now=self._now()
        )

    async def named(self, workspace: str, digests: Collection[str]) -> set[str]:
        """Tell which of these blobs a turn of the workspace holds."""
        return await self._database.read(erasing.named, workspace, digests)

    async def scrub(self) -> bool:
        """Make what was deleted unreadable on the disk, too; False when that has to wait."""
        return await self._database.scrub()
