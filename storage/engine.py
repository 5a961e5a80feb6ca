"""The database: its transactions, its migrations, and the one place where its errors are read.

One lane writes, so that writers queue here instead of meeting locks; a few read and never wait for
it. The statements of one transaction are a plain function of a Connection.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, inspect, make_url, text
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from bot.errors import DependencyDown, SettingsError
from storage.lanes import Lanes
from storage.schema import REVISION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import URL, Table
    from sqlalchemy.dialects.sqlite import Insert

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
        self._writer = Lanes(url, _WRITER, "BEGIN IMMEDIATE", most=1)
        self._readers = Lanes(url, _READER, "BEGIN", most=_READERS)

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
        with _plain_words():
            return await self._writer.run(lambda each: work(each, *args, **kwargs))

    async def read(
        self,
        work: Callable[Concatenate[Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run one reading transaction on what is committed now. Raises as ``write``."""
        with _plain_words():
            return await self._readers.run(lambda each: work(each, *args, **kwargs))

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
        await self._readers.close()
        await self._writer.close()


async def open_database(url: str) -> Database:
    """Open a database, such as ``sqlite:////srv/threadpaint.db``; a missing file is created.

    The driver's name in the URL is not looked at. SettingsError when it is not SQLite,
    DependencyDown when it cannot be opened.
    """
    database = Database(_sqlite_url(url))
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


def _sqlite_url(url: str) -> URL:
    message = "DATABASE_URL must name a SQLite file: sqlite:////path/to/threadpaint.db"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError(message) from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise SettingsError(message)
    return parsed.set(drivername="sqlite")


@contextmanager
def _plain_words() -> Iterator[None]:
    """Translate the errors that are not our own mistakes."""
    try:
        yield
    except (OperationalError, sqlite3.DatabaseError) as error:
        raise DependencyDown(_words(getattr(error, "orig", error))) from error
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
