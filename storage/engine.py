"""The database: its connections, its transactions, and the one place where its errors are read.

SQLite is spoken to in threads of our own: one that writes, so that writers queue here instead of
meeting locks, and a few that read and never wait for it. The statements of one transaction are a
plain function of a Connection and run in one go, which costs a fifth of awaiting them one by one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DatabaseError, OperationalError

from bot.errors import DependencyDown, SettingsError
from storage.schema import REVISION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import URL, Table
    from sqlalchemy.dialects.sqlite import Insert
    from sqlalchemy.engine.interfaces import DBAPIConnection

_P = ParamSpec("_P")
_T = TypeVar("_T")

_READERS = 4
MIGRATIONS = Path(__file__).parent / "migrations"
"""Where alembic finds the migrations."""
_WRITER = (
    "busy_timeout=10000",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
)
_READER = ("busy_timeout=10000", "query_only=ON")
_WORDS = {
    "SQLITE_FULL": "The database cannot be written: disk full. Free space and try again.",
    "SQLITE_BUSY": "The database is locked by another program. Stop that program and try again.",
    "SQLITE_READONLY": "The database cannot be written: no permission. Make it writable.",
    "SQLITE_CANTOPEN": "The database cannot be opened. Check that its folder exists.",
    "SQLITE_IOERR": "The database cannot be used: the disk fails. Check the disk.",
    "SQLITE_CORRUPT": "The database is damaged. Restore a backup.",
    "SQLITE_NOTADB": "The database file is not a database. Restore a backup.",
}
_OTHER_WORDS = "The database cannot be used. Look into the log, then try again."


class Database:
    """An open database. A transaction is a plain function whose first argument is a Connection."""

    def __init__(self, url: URL) -> None:
        """Take the URL; nothing is opened before the first transaction."""
        self._path = Path(url.database or "")
        self._writer = _engine(url, _WRITER, "BEGIN IMMEDIATE", connections=1)
        self._reader = _engine(url, _READER, "BEGIN", connections=_READERS)
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="database-writer")
        self._reading = ThreadPoolExecutor(_READERS, thread_name_prefix="database-reader")

    async def write(
        self,
        work: Callable[Concatenate[Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run one writing transaction: all of it or, after an exception, nothing.

        One that has begun is finished even when the caller is cancelled. Raises DependencyDown,
        and whatever ``work`` raises.
        """
        job = partial(_transact, self._writer, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._writing, job)

    async def read(
        self,
        work: Callable[Concatenate[Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run one reading transaction on what is committed now. Raises as ``write``."""
        job = partial(_transact, self._reader, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._reading, job)

    async def migrate(self) -> None:
        """Bring the tables to the newest revision; an older database is copied beside it first.

        DependencyDown when the database is newer than this program.
        """
        revision = await self.read(_revision)
        if revision == REVISION:
            return
        if revision > REVISION:
            message = (
                f"The database was written by a newer Threadpaint (revision {revision}, this one"
                f" knows {REVISION}). Install the newer Threadpaint, or restore an older backup."
            )
            raise DependencyDown(message)
        if revision:
            copy = self._path.with_name(f"{self._path.name}.{revision}.backup")
            await asyncio.to_thread(_copy, self._path, copy)
        await self.write(_upgrade)

    async def close(self) -> None:
        """Wait for what runs and give the connections back."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._reading.shutdown()
        self._reader.dispose()
        self._writing.shutdown()
        self._writer.dispose()


async def open_database(url: str) -> Database:
    """Open a database, such as ``sqlite:////srv/threadpaint.db``; a missing file is created.

    The driver's name in the URL is not looked at. SettingsError when it is not SQLite,
    DependencyDown when it cannot be opened.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        message = "DATABASE_URL must name a SQLite file: sqlite:////path/to/threadpaint.db"
        raise SettingsError(message)
    database = Database(parsed.set(drivername="sqlite"))
    try:
        await database.read(_revision)
    except DependencyDown:
        await database.close()
        raise
    return database


def upsert(table: Table, keys: Sequence[str], *replaced: str, **changed: object) -> Insert:
    """Insert a row; or change the one that has the same keys.

    replaced: columns that take the new row's value. changed: columns that take this expression.
    """
    statement = sqlite_insert(table)
    new = {name: statement.excluded[name] for name in replaced}
    return statement.on_conflict_do_update(index_elements=keys, set_=new | changed)


def _engine(url: URL, pragmas: Sequence[str], begin: str, *, connections: int) -> Engine:
    """Make an engine whose transactions we begin ourselves: sqlite3 would begin them too late."""
    engine = create_engine(url, pool_size=connections, max_overflow=0)

    def connect(raw: DBAPIConnection, _record: object) -> None:
        raw.isolation_level = None
        cursor = raw.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _transact(
    engine: Engine,
    work: Callable[Concatenate[Connection, _P], _T],
    *args: _P.args,
    **kwargs: _P.kwargs,
) -> _T:
    try:
        with engine.begin() as connection:
            return work(connection, *args, **kwargs)
    except OperationalError as error:
        raise DependencyDown(_words(error.orig)) from error
    except DatabaseError as error:
        if type(error) is DatabaseError:  # a damaged file; its subclasses are our own mistakes
            raise DependencyDown(_words(error.orig)) from error
        raise


def _words(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorname", "")
    if "no such table" in str(error):
        return "The database has no tables yet. Start Threadpaint once to make them."
    return next((words for name, words in _WORDS.items() if code.startswith(name)), _OTHER_WORDS)


def _revision(connection: Connection) -> str:
    """Read the stored revision; "" when the database is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return cast("str", found or "")


def _copy(source: Path, target: Path) -> None:
    """Copy a database in one consistent piece, over an earlier copy."""
    try:
        target.unlink(missing_ok=True)
        with closing(sqlite3.connect(source)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except (sqlite3.Error, OSError) as error:
        message = f"The database could not be copied before its migration. {_words(error)}"
        raise DependencyDown(message) from error


def _upgrade(connection: Connection) -> None:
    """Run the missing migrations. Alembic takes half a second to import, so only here."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        message = f"The database could not be migrated and stays as it was: {error}"
        raise DependencyDown(message) from error
