"""Where a turn is answered: threads opened once, channels without threads, direct messages.

Notes: ``discord.thread`` by thread (it was opened), ``discord.flat`` by thread (``{why}``: it could
not be, so the channel above is where people talk), ``discord.detour`` by turn (``{channel, why}``:
the direct conversation in which it is answered, since its place is closed).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import discord
import structlog

from adapters.discord.calls import Gone, Refused
from adapters.discord.posting import Place
from adapters.discord.refusals import NO_THREADS, Code, reason_of, threadless
from adapters.discord.text import short
from bot.errors import DeliveryError
from bot.faults import no_fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from adapters.discord.calls import Calls
    from bot.conversation import ThreadId, Turn
    from bot.ports import Journal

_log = structlog.get_logger(__name__)

THREADS = "discord.thread"
FLAT = "discord.flat"
DETOURS = "discord.detour"

_LIVE = {
    THREADS: timedelta(days=14),
    DETOURS: timedelta(days=14),
    FLAT: timedelta(days=365),  # as long as people may reply there
}
_LONGEST_TITLE = 100
_NEUTRAL = "Picture"
_ARCHIVE_MINUTES: Final = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a turn is answered. why: a sentence for people, when that is not its thread.

    direct: a detour, whose messages have other names than those that the thread may have.
    """

    place: Place
    why: str = ""
    direct: bool = False


class Threads:
    """Opens threads and finds the way to people; every method may be repeated after a crash."""

    def __init__(
        self, *, calls: Calls, journal: Journal, fault: Callable[[str], None] = no_fault
    ) -> None:
        """Take the parts."""
        self._calls = calls
        self._journal = journal
        self._fault = fault

    async def open(self, thread: ThreadId, title: str) -> str:
        """Open a thread on the message that has its id, unless it is there; return where to talk.

        That is the thread, or the channel where no thread can be. Raises Refused, when the message
        or the channel is gone, and Unclear.
        """
        if thread.thread == thread.channel or not thread.workspace.isdecimal():
            return thread.channel
        if await self._journal.read(THREADS, thread.thread) is not None:
            return thread.thread
        if await self._journal.read(FLAT, thread.thread) is not None:
            return thread.channel
        title = short(" ".join(title.split()), _LONGEST_TITLE) or _NEUTRAL
        try:
            await self._create(thread, title)
        except Refused as error:
            if error.code not in NO_THREADS:
                raise
            _log.warning("discord thread not opened", thread=str(thread), code=error.code)
            await self._journal.write(FLAT, thread.thread, {"why": threadless(error.code)})
            return thread.channel
        self._fault("discord.thread_made")
        await self._journal.write(THREADS, thread.thread, {})
        return thread.thread

    async def _create(self, thread: ThreadId, title: str) -> None:
        """Ask for a thread; a message has only one, so this may be repeated."""
        http = self._calls.client.http
        try:
            await self._calls.do(
                lambda: http.start_thread_with_message(
                    thread.channel,
                    thread.thread,
                    name=title,
                    auto_archive_duration=_ARCHIVE_MINUTES,
                ),
                repeatable=True,
            )
        except Refused as error:
            if error.code == Code.AUTOMOD_TITLE and title != _NEUTRAL:
                await self._create(thread, _NEUTRAL)
            elif error.code != Code.THREAD_EXISTS:
                raise

    async def open_late(self, turn: Turn) -> bool:
        """Open the thread of a turn that a crash left without; False when that is not it."""
        thread = turn.thread
        known = await self._journal.read(THREADS, thread.thread)
        if known is not None or thread.thread == thread.channel:
            return False
        try:
            await self.open(thread, turn.prompt)
        except Gone:
            raise
        except Refused as error:
            if not error.final:
                raise
            return False
        return True

    async def target(self, turn: Turn) -> Target:
        """Find where a turn is answered."""
        thread, message = turn.thread, turn.ref.get("message", "")
        if detour := await self._journal.read(DETOURS, turn.id):
            return Target(place=Place(channel=detour["channel"]), why=detour["why"], direct=True)
        if not thread.workspace.isdecimal():
            return Target(place=Place(channel=thread.channel, reply_to=message))
        if (flat := await self._journal.read(FLAT, thread.thread)) is not None:
            place = Place(
                channel=thread.channel, guild=thread.workspace, reply_to=message or thread.thread
            )
            first = turn.message_id == thread.thread or turn.number == 1
            why = f"I could not open a thread for this, because {flat['why']}." if first else ""
            return Target(place=place, why=why)
        # The message on which a thread stands is in the channel above: no reply can point at it.
        reply_to = "" if message == thread.thread else message
        place = Place(channel=thread.thread, guild=thread.workspace, reply_to=reply_to)
        return Target(place=place)

    async def detour(self, turn: Turn, error: Refused) -> Target:
        """Open a direct conversation with the author of a turn whose place is closed.

        Raises DeliveryError, final, when there is none.
        """
        author = discord.Object(int(turn.author))
        try:
            opened = await self._calls.do(
                lambda: self._calls.client.create_dm(author), repeatable=True
            )
        except Gone:
            raise
        except Refused as refused:
            raise no_way(error, refused) from refused
        channel = str(opened.id)
        if channel == turn.thread.channel:
            raise error
        why = f"I could not answer where you asked, because {reason_of(error.code)}."
        await self._journal.write(DETOURS, turn.id, {"channel": channel, "why": why})
        return Target(place=Place(channel=channel), why=why, direct=True)

    async def tidy(self, now: datetime) -> None:
        """Forget old notes."""
        for kind, live in _LIVE.items():
            await self._journal.forget(kind, now - live)


def no_way(error: DeliveryError, refused: Refused) -> DeliveryError:
    """Say that somebody can be reached neither there nor directly."""
    message = f"{error} I could not write a direct message either. {refused}"
    return DeliveryError(message, final=refused.final)
