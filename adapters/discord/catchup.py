"""CatchUp: what people said while the bot was away, read from the places that it knows."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import discord
import structlog
from discord.utils import time_snowflake

from adapters.discord.calls import Refused, Unclear
from adapters.discord.cursors import Cursors
from adapters.discord.places import permissions
from adapters.discord.reading import said
from adapters.discord.values import Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from adapters.discord.calls import Calls
    from adapters.discord.cursors import Gap
    from adapters.discord.values import Identity, Ignored
    from bot.ports import Journal

_log = structlog.get_logger(__name__)

_LATE = timedelta(minutes=15)
_OPEN = timedelta(days=7)
_KEPT = timedelta(days=14)  # the cursor of a place that is not to be seen now, an archived thread
_MOST = 50  # messages of one place
_MOST_DIRECT = 100  # people

_Channel: TypeAlias = (
    discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unread:
    """A place to be read. rank: the highest goes first, as long as there is time."""

    channel: _Channel | discord.PartialMessageable
    after: int
    rank: tuple[bool, int]


class CatchUp:
    """Reads what was said since the cursors, in a new session (READY; after RESUMED all comes).

    ``load`` before the client starts, ``returned`` when a session begins (discord.py's "connect":
    before anything of it is taken), ``missed`` once it is ready and for a guild that is available
    later; every message, missed or live, ours and ignored ones included, is taken inside
    ``taking``; ``write`` every few seconds and at the end.

    Only places that may be read, with something new in them, and of each the newest 50 messages of
    the last seven days. A thread that was archived meanwhile is not read, nor the first direct
    message that a person ever wrote. channels: those (parents of threads) where the bot may be
    used; none means all. seconds: for all of the reading.
    """

    def __init__(
        self,
        calls: Calls,
        journal: Journal,
        own: Identity,
        now: Callable[[], datetime],
        *,
        channels: frozenset[str] = frozenset(),
        seconds: float = 60,
    ) -> None:
        """Take the way to Discord, where cursors are kept, and who we are."""
        self._calls = calls
        self._cursors = Cursors(journal)
        self._own = own
        self._now = now
        self._channels = channels
        self._seconds = seconds
        self._closed: set[int] = set()
        self._members: dict[tuple[int, int], discord.User | discord.Member] = {}
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Read the cursors of the process before this one."""
        await self._cursors.load()
        self.returned()

    def returned(self) -> None:
        """Note that a new session begins: what was said since the last one is missed."""
        self._cursors.open_gaps()

    def taking(self, message: discord.Message | Said) -> AbstractContextManager[None]:
        """Take one message inside; when that fails, it is read again after the next start."""
        if isinstance(message, Said):
            return self._cursors.taking(message.guild, message.place, int(message.id))
        guild = str(message.guild.id) if message.guild else ""
        return self._cursors.taking(guild, str(message.channel.id), message.id)

    async def write(self) -> None:
        """Make durable up to where everything was taken."""
        await self._cursors.write()

    async def joined(self, guild: discord.Guild) -> None:
        """Begin in a guild that has added the bot: what was said before is not for us."""
        self._begin(guild)
        await self._cursors.write()

    async def left(self, guild: discord.Guild) -> None:
        """Forget a guild that the bot is no longer in."""
        await self._cursors.forget(str(guild.id))

    async def missed(self) -> list[tuple[Said, bool]]:
        """List what people said since the last session, oldest first.

        The second of each is True for what is too old (15 minutes) to be answered unasked. Some of
        it may have been taken already. Nothing on the first start in a guild. Never fails because
        of Discord: what cannot be read is left out.
        """
        async with self._lock:
            self.returned()
            every = {str(guild.id): guild for guild in self._calls.client.guilds}
            for gone in self._cursors.guilds - {*every, ""}:
                await self._cursors.forget(gone)
            there = {name: guild for name, guild in every.items() if not guild.unavailable}
            gaps = {name: self._cursors.gap(name) for name in (*there, "")}
            heard = await self._heard(self._unread(there, gaps))
            for guild in there.values():
                self._begin(guild)
            for name, gap in gaps.items():
                self._cursors.close_gap(name, gap)
            await self._cursors.write()
        now = self._now()
        return [(said, now - said.sent_at > _LATE) for said in heard]

    def _begin(self, guild: discord.Guild) -> None:
        """Give every visible place of a guild that has no cursor one; forget old ones."""
        now = self._now()
        newest = {
            str(channel.id): channel.last_message_id or time_snowflake(now)
            for channel in _readable(guild)
        }
        self._cursors.begin(str(guild.id), newest, time_snowflake(now))
        self._cursors.drop(str(guild.id), time_snowflake(now - _KEPT), but=newest)
        self._cursors.drop("", time_snowflake(now - _KEPT))

    def _unread(
        self, guilds: dict[str, discord.Guild], gaps: dict[str, Gap | None]
    ) -> list[_Unread]:
        """List the places to be read, the most important first."""
        places = [*self._unread_direct(gaps[""])]
        for name, guild in guilds.items():
            if gap := gaps[name]:
                places += self._unread_of(guild, gap)
        return sorted(places, key=lambda place: place.rank, reverse=True)

    def _unread_of(self, guild: discord.Guild, gap: Gap) -> Iterator[_Unread]:
        """Find the channels and threads of a guild that have something new."""
        oldest = time_snowflake(self._now() - _OPEN)
        for channel in _readable(guild):
            parent, ours = channel.id, False
            if isinstance(channel, discord.Thread):
                parent, ours = channel.parent_id, str(channel.owner_id) == self._own.user
            if self._channels and str(parent) not in self._channels:
                continue
            after, newest = max(gap.after(str(channel.id)), oldest), channel.last_message_id or 0
            if newest > after and channel.id not in self._closed:
                yield _Unread(channel=channel, after=after, rank=(ours, newest))

    def _unread_direct(self, gap: Gap | None) -> Iterator[_Unread]:
        """Find the people who wrote to us alone of late; Discord does not list them."""
        oldest = time_snowflake(self._now() - _OPEN)
        known = sorted(gap.places.items(), key=lambda item: item[1], reverse=True) if gap else []
        for place, after in known[:_MOST_DIRECT]:
            if after > oldest and int(place) not in self._closed:
                channel = self._calls.client.get_partial_messageable(int(place))
                yield _Unread(channel=channel, after=after, rank=(True, after))

    async def _heard(self, places: Iterable[_Unread]) -> list[Said]:
        """Read places as long as there is time; what was said there, oldest first."""
        heard: list[Said] = []
        self._members.clear()
        try:
            async with asyncio.timeout(self._seconds):
                for place in places:
                    heard += await self._read(place)
        except TimeoutError:
            _log.warning("not every channel was read again after the absence")
        return sorted(heard, key=lambda said: int(said.id))

    async def _read(self, place: _Unread) -> list[Said]:
        """Read one place; nothing when that fails. What is refused is not asked for again."""
        try:
            messages = await self._calls.do(lambda: _history(place), repeatable=True)
        except (Refused, Unclear) as error:
            _log.warning("what was missed is not read", place=place.channel.id, error=str(error))
            if error.final:
                self._closed.add(place.channel.id)
            return []
        read = [await self._said(message) for message in messages]
        return [one for one in read if isinstance(one, Said) and self._is_expected(one)]

    def _is_expected(self, said: Said) -> bool:
        return self._cursors.expect(said.guild, said.place, int(said.id))

    async def _said(self, message: discord.Message) -> Said | Ignored:
        """Read a message; the history does not tell who its writer is in the guild, so ask."""
        heard, guild, author = said(message, self._own), message.guild, message.author
        if not isinstance(heard, Said) or guild is None or isinstance(author, discord.Member):
            return heard
        if not (heard.mention or heard.reply_is_own or heard.thread):
            return heard
        message.author = await self._member(guild, author)
        return said(message, self._own)

    async def _member(
        self, guild: discord.Guild, person: discord.User
    ) -> discord.User | discord.Member:
        """Ask who a person is in a guild, once; when nobody knows, no more than a person."""
        key = (guild.id, person.id)
        if key not in self._members:
            self._members[key] = person
            with suppress(Refused, Unclear):
                self._members[key] = await self._calls.do(
                    lambda: guild.fetch_member(person.id), repeatable=True
                )
        return self._members[key]


async def _history(place: _Unread) -> list[discord.Message]:
    """Fetch the newest messages after the cursor, with one call."""
    after = discord.Object(place.after)
    history = place.channel.history(limit=_MOST, after=after, oldest_first=False)
    return [message async for message in history]


def _readable(guild: discord.Guild) -> Iterator[_Channel]:
    """Find the channels and threads that we may read, without asking Discord."""
    channels: list[_Channel] = [*guild.text_channels, *guild.voice_channels, *guild.stage_channels]
    for channel in (*channels, *guild.threads):
        may = permissions(guild.me, channel)
        spoken = isinstance(channel, discord.VoiceChannel | discord.StageChannel)
        if may.view_channel and may.read_message_history and (may.connect or not spoken):
            yield channel
