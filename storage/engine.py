"""The database: its transactions, its migrations, and the one place where its errors are read.

One lane writes, so that writers queue here instead of meeting locks; a few read and never wait for
it. The statements of one transaction are a plain function of a Connection.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing, contextmanager, suppress
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
_SCRUB_SECONDS = 5.0  # for others to end their transactions
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
    "SQLITE_READONLY": "The database {path} cannot be written: no permission. Make it writable.",
    "SQLITE_CANTOPEN": "The database {path} cannot be opened. Check that its folder exists.",
    "SQLITE_IOERR": "The database cannot be used: the disk fails. Check the disk.",
    "SQLITE_CORRUPT": "The database {path} is damaged. Restore a backup.",
    "SQLITE_NOTADB": "The file {path} is not a database. Restore a backup.",
}
_OTHER_WORDS = "The database cannot be used. Look into the log, then try again."


class Database:
    """An open database. A transaction is a plain function whose first argument is a Connection.

    path: its file.
    """

    def __init__(self, url: URL) -> None:
        """Take the URL; nothing is opened before the first transaction."""
        self.path = Path(url.database or "")
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
        with _plain_words(self.path):
            return await self._writer.run(lambda each: work(each, *args, **kwargs))

    async def read(
        self,
        work: Callable[Concatenate[Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run one reading transaction on what is committed now. Raises as ``write``."""
        with _plain_words(self.path):
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
            copy = self.path.with_name(f"{self.path.name}.{revision}.backup")
            await asyncio.to_thread(_copy, self.path, copy)
        await self.write(_upgrade)

    async def scrub(self) -> bool:
        """Move the write-ahead log into the file and empty it; it may hold what was deleted.

        False when another program reads, so that it stays for now. DependencyDown.
        """
        with _plain_words(self.path):
            return await asyncio.to_thread(_empty_log, self.path)

    async def close(self) -> None:
        """Wait for what runs and give the connections back."""
        await self._readers.close()
        await self._writer.close()


async def open_database(url: str) -> Database:
    """Open a database, such as ``sqlite:////srv/threadpaint.db``; a missing file is created.

    Its files are for our user alone. The driver's name in the URL is not looked at. SettingsError
    when it is not SQLite, DependencyDown when it cannot be opened.
    """
    database = Database(_sqlite_url(url))
    _create_private(database.path)
    try:
        await database.read(_revision)
    except BaseException:
        await database.close()
        raise
    _make_private(database.path)
    return database


def upsert(table: Table, keys: Sequence[str], *replaced: str, **changed: object) -> Insert:
    """Insert a row; or change the one that has the same keys.

    replaced: columns that take the new row's value. changed: columns that take this expression.
    """
    statement = sqlite_insert(table)
    new = {name: statement.excluded[name] for name in replaced}
    return statement.on_conflict_do_update(index_elements=keys, set_=new | changed)


def _sqlite_url(url: str) -> URL:
    message = "DATABASE_URL must name a SQLite file: sqlite+aiosqlite:////path/threadpaint.db"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError(message) from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise SettingsError(message)
    return parsed.set(drivername="sqlite")


def _create_private(path: Path) -> None:
    """Create a missing file with rights for our user alone; SQLite gives its -wal and -shm these.

    An existing file is not opened: closing it would drop the locks that SQLite has on it in this
    process.
    """
    with suppress(OSError):  # it exists, or SQLite tells why it cannot
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _make_private(path: Path) -> None:
    """Take every right to the files of a database from other users."""
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        with suppress(FileNotFoundError, PermissionError):  # not there, or another user's
            file.chmod(stat.S_IMODE(file.stat().st_mode) & 0o700)


@contextmanager
def _plain_words(path: Path) -> Iterator[None]:
    """Translate the errors that are not our own mistakes."""
    try:
        yield
    except (OperationalError, sqlite3.DatabaseError) as error:
        raise DependencyDown(_words(getattr(error, "orig", error), path)) from error
    except DatabaseError as error:
        if type(error) is DatabaseError:  # a damaged file; its subclasses are our own mistakes
            raise DependencyDown(_words(error.orig, path)) from error
        raise


def _words(error: BaseException | None, path: Path) -> str:
    code = getattr(error, "sqlite_errorname", "")
    if "no such table" in str(error):
        return "The database has no tables yet. Start Threadpaint once to make them."
    found = (words for name, words in _WORDS.items() if code.startswith(name))
    return next(found, _OTHER_WORDS).format(path=path)


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
        _create_private(target)
        with closing(sqlite3.connect(source)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except (sqlite3.Error, OSError) as error:
        message = f"The database could not be copied before its migration. {_words(error, source)}"
        raise DependencyDown(message) from error


def _empty_log(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=_SCRUB_SECONDS)) as connection:
        (busy, *_), *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return not busy


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
