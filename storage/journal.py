"""The port Journal over a database: small notes of adapters that outlive the process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select

from storage.engine import upsert
from storage.schema import Moment, journal, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from storage.engine import Database

_KIND = journal.c.kind == bindparam("kind_")
_KEY = journal.c.key == bindparam("key_")
_READ = select(journal.c.note).where(_KIND, _KEY)
_ALL = select(journal.c.key, journal.c.note).where(_KIND).order_by(journal.c.id)
_WRITE = upsert(journal, ["kind", "key"], "note", "updated")
_REMOVE = delete(journal).where(_KIND, _KEY)
_FORGET = delete(journal).where(_KIND, journal.c.updated < bindparam("before_", type_=Moment))


class SqlJournal:
    """Notes in a database. Every method raises DependencyDown when the database fails."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        """Take an open, migrated database and a clock."""
        self._database = database
        self._now = now

    async def read(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """Read a note, if there is one."""
        return await self._database.read(read, kind, key)

    async def write(self, kind: str, key: str, note: Mapping[str, Any]) -> None:
        """Write a note over the one before; durable when this returns."""
        await self._database.write(write, kind, key, note, self._now())

    async def remove(self, kind: str, key: str) -> None:
        """Remove a note, if it is there."""
        await self._database.write(remove, kind, key)

    async def all(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """Read all notes of a kind by their keys, in the order of their first writing."""
        return await self._database.read(read_all, kind)

    async def forget(self, kind: str, before: datetime) -> None:
        """Remove the notes of a kind that were last written before a time."""
        await self._database.write(forget, kind, before)


def read(connection: Connection, kind: str, key: str) -> Mapping[str, Any] | None:
    """Read a note, if there is one."""
    values = {"kind_": kind, "key_": key}
    note: Mapping[str, Any] | None = connection.execute(_READ, values).scalar_one_or_none()
    return note


def write(
    connection: Connection, kind: str, key: str, note: Mapping[str, Any], now: datetime
) -> None:
    """Write a note over the one before."""
    values = {"kind": kind, "key": key, "note": dict(note), "updated": now}
    connection.execute(_WRITE, values)


def remove(connection: Connection, kind: str, key: str) -> int:
    """Remove a note, if it is there; returns how many that were."""
    return connection.execute(_REMOVE, {"kind_": kind, "key_": key}).rowcount


def read_all(connection: Connection, kind: str) -> dict[str, Mapping[str, Any]]:
    """Read all notes of a kind by their keys, in the order of their first writing."""
    return {row.key: row.note for row in connection.execute(_ALL, {"kind_": kind})}


def forget(connection: Connection, kind: str, before: datetime) -> None:
    """Remove the notes of a kind that were last written before a time."""
    connection.execute(_FORGET, {"kind_": kind, "before_": before})
