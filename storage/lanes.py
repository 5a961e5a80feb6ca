"""Connections to SQLite by aiosqlite, on each of which a whole transaction runs in one go.

aiosqlite gives every connection a thread and takes the statements to it one by one; a turn has
about seventy such journeys. SQLAlchemy Core run inside that thread, a transaction at a time, does
the same work for less than half of the CPU (docs/performance.md).

No thread may outlive the event loop: it would report to a loop that is gone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, cast

import aiosqlite
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from bot.errors import DependencyDown

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from sqlalchemy import URL
    from sqlalchemy.engine.interfaces import DBAPIConnection

_T = TypeVar("_T")


class Lane(aiosqlite.Connection):
    """One connection in its thread."""

    def __init__(self, url: URL, pragmas: Sequence[str], begin: str) -> None:
        """Take the file, what to set on the connection, and how its transactions begin.

        We begin them ourselves: the sqlite3 module would do it too late, at the first write.
        """
        self._engine = create_engine(url, poolclass=StaticPool, hide_parameters=True)

        def connect(raw: DBAPIConnection, _record: object) -> None:
            raw.isolation_level = None
            cursor = raw.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        event.listen(self._engine, "connect", connect)
        event.listen(self._engine, "begin", lambda each: each.exec_driver_sql(begin))
        super().__init__(self._open, iter_chunk_size=64)

    def _open(self) -> sqlite3.Connection:
        with self._engine.connect() as connection:
            return cast("sqlite3.Connection", connection.connection.driver_connection)

    async def open(self) -> None:
        """Open the connection; after an exception, also a cancel, its thread has ended."""
        try:
            await self
        except BaseException:
            await self._gone()
            raise

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """Run a transaction in the thread: all of it or, after an exception, nothing."""
        return cast("_T", await self._execute(self._transact, work))  # type: ignore[no-untyped-call]

    def _transact(self, work: Callable[[Connection], _T]) -> _T:
        with self._engine.begin() as connection:
            return work(connection)

    async def close(self) -> None:
        """Wait for what runs, close the connection and end the thread."""
        try:
            await super().close()
        finally:
            await self._gone()

    async def _gone(self) -> None:
        """Wait for the end of a thread that was told to stop.

        In a thread of the loop's own executor, for which the loop waits before it closes, even
        when this is cancelled.
        """
        await asyncio.to_thread(self._thread.join)
        self._engine.dispose()


class Lanes:
    """Up to so many lanes of one kind, opened when they are needed."""

    def __init__(self, url: URL, pragmas: Sequence[str], begin: str, *, most: int) -> None:
        """Take what every lane takes. most: how many there are; with one, callers queue up."""
        self._url = url
        self._pragmas = pragmas
        self._begin = begin
        self._most = most
        self._free = asyncio.Semaphore(most)
        self._idle: list[Lane] = []
        self._closed = False

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """Run a transaction; one that has begun is finished even when the caller is cancelled.

        DependencyDown after ``close``.
        """
        async with self._free:
            if self._closed:
                message = "The database is closed, because Threadpaint stops. Try again later."
                raise DependencyDown(message)
            lane = self._idle.pop() if self._idle else await self._open()
            try:
                return await lane.run(work)
            finally:
                self._idle.append(lane)

    async def _open(self) -> Lane:
        lane = Lane(self._url, self._pragmas, self._begin)
        await lane.open()
        return lane

    async def close(self) -> None:
        """Wait for what runs or queues up, then close the connections."""
        for _ in range(self._most):
            await self._free.acquire()
        self._closed = True
        for _ in range(self._most):
            self._free.release()
        while self._idle:
            await self._idle.pop().close()
