"""Cursors: up to which message each place was taken, in a few notes that outlive the process."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from bot.ports import Journal

CURSORS = "discord.cursor"
"""Journal kind, never to be tidied by age: by guild ("@me": direct messages),
{"since": message id, "places": {channel, thread or DM: message id}}."""

_DIRECT = "@me"


@dataclass(slots=True)
class _Cursor:
    """top: the newest message that was taken. open: those that are not taken yet."""

    top: int
    open: set[int] = field(default_factory=set)

    @property
    def settled(self) -> int:
        return min(self.top, min(self.open, default=self.top + 1) - 1)


@dataclass(slots=True)
class _Guild:
    """since: for places that have no cursor, when none has one."""

    since: int
    places: dict[str, _Cursor] = field(default_factory=dict)
    written: Mapping[str, Any] | None = None

    def settled(self) -> dict[str, int]:
        return {place: cursor.settled for place, cursor in self.places.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Where reading begins after an absence. newest: for a place that was not there before."""

    places: Mapping[str, int]
    newest: int

    def after(self, place: str) -> int:
        """Name the last message of a place that was taken before the absence."""
        return self.places.get(place, self.newest)


class Cursors:
    """A message that is being taken holds its cursor back; so does one that could not be taken.

    From ``open_gaps`` to ``close_gap`` the written cursors of a guild stay where they are, whatever
    is taken meanwhile: what was said before it is still to be read. guild: "" for direct messages.
    """

    def __init__(self, journal: Journal) -> None:
        """Begin with none; ``load`` reads them."""
        self._journal = journal
        self._guilds: dict[str, _Guild] = {}
        self._gaps: dict[str, Gap] = {}
        self._live: set[int] = set()

    async def load(self) -> None:
        """Read what the process before this one wrote."""
        for key, note in (await self._journal.all(CURSORS)).items():
            places = {place: _Cursor(top=top) for place, top in note["places"].items()}
            guild = _Guild(since=note["since"], places=places, written=note)
            self._guilds["" if key == _DIRECT else key] = guild

    @contextmanager
    def taking(self, guild: str, place: str, message: int) -> Iterator[None]:
        """Take one message inside; when that fails its cursor stays before it."""
        known = self._guilds.setdefault(guild, _Guild(since=message - 1))
        cursor = known.places.setdefault(place, _Cursor(top=message - 1))
        cursor.open.add(message)
        if self._gaps:
            self._live.add(message)
        yield
        cursor.open.discard(message)
        cursor.top = max(cursor.top, message)

    def expect(self, guild: str, place: str, message: int) -> bool:
        """Note that a message is still to be taken; False when it came by itself meanwhile."""
        if message in self._live:
            return False
        known = self._guilds.setdefault(guild, _Guild(since=message - 1))
        known.places.setdefault(place, _Cursor(top=message - 1)).open.add(message)
        return True

    def begin(self, guild: str, places: Mapping[str, int], now: int) -> None:
        """Give the places of a guild that is new to us their first cursors."""
        known = self._guilds.setdefault(guild, _Guild(since=now))
        for place, newest in places.items():
            known.places.setdefault(place, _Cursor(top=newest))

    def open_gaps(self) -> None:
        """Remember where every guild stands, for an absence; one that is not over goes on."""
        for guild, known in self._guilds.items():
            old = self._gaps.get(guild)
            places = old.places if old else known.settled()
            newest = old.newest if old else max((known.since, *places.values()))
            self._gaps[guild] = Gap(places=places, newest=newest)

    @property
    def guilds(self) -> set[str]:
        """The guilds that have cursors."""
        return set(self._guilds)

    def gap(self, guild: str) -> Gap | None:
        """Tell where reading begins for a guild; None when nothing is to be read."""
        return self._gaps.get(guild)

    def close_gap(self, guild: str, read: Gap | None) -> None:
        """Let the cursors of a guild be written again, unless it was left again meanwhile."""
        if self._gaps.get(guild) is read:
            self._gaps.pop(guild, None)
        if not self._gaps:
            self._live.clear()

    def drop(self, guild: str, before: int, but: Container[str] = ()) -> None:
        """Forget the places of a guild where nothing was taken since a message."""
        if known := self._guilds.get(guild):
            old = [name for name, cursor in known.places.items() if cursor.top < before]
            for place in old:
                if place not in but:
                    del known.places[place]

    async def forget(self, guild: str) -> None:
        """Forget a guild that we are no longer in."""
        self._guilds.pop(guild, None)
        self._gaps.pop(guild, None)
        await self._journal.remove(CURSORS, guild or _DIRECT)

    async def write(self) -> None:
        """Write what has changed, one note a guild."""
        for guild, known in list(self._guilds.items()):
            note = {"since": known.since, "places": known.settled()}
            if note != known.written and guild not in self._gaps:
                await self._journal.write(CURSORS, guild or _DIRECT, note)
                known.written = note
