from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, insert, make_url, select
from sqlalchemy.exc import IntegrityError

from bot.errors import DependencyDown, SettingsError
from storage.engine import Database, open_database
from storage.schema import turns
from storage.turns import SqlTurnStore
from tests.storage.makers import THREAD, a_message, a_turn

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from tests.storage.makers import Chat


def _pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


async def _set(database: Database, pragma: str) -> None:
    await database.write(lambda connection: connection.exec_driver_sql(f"PRAGMA {pragma}"))


async def test_commits_are_durable_and_deletions_are_real(database: Database) -> None:
    found = {
        name: await database.write(_pragma, name)
        for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys", "secure_delete")
    }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 10_000,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(DependencyDown):
        await database.read(lambda connection: connection.execute(delete(turns)))


async def test_nobody_can_write_between_the_reads_and_writes_of_a_transaction(
    database: Database, path: Path
) -> None:
    def read_first(connection: Connection) -> None:
        connection.execute(select(turns.c.id)).all()
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")

    with pytest.raises(DependencyDown, match="locked"):
        await database.write(read_first)


async def test_a_read_does_not_wait_for_a_writer(database: Database, chat: Chat) -> None:
    turn = await chat.accept()
    writing, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        connection.execute(delete(turns))
        writing.set()
        go_on.wait()

    writer = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(writing.wait)
    assert (await chat.store.get(turn.id)).id == turn.id
    go_on.set()
    await writer


async def test_an_exception_undoes_the_whole_transaction(database: Database, chat: Chat) -> None:
    turn = await chat.accept()

    def fail(connection: Connection) -> None:
        connection.execute(delete(turns))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.write(fail)
    assert (await chat.store.get(turn.id)).id == turn.id


async def test_our_own_mistakes_are_not_taken_for_a_failing_database(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await database.write(lambda connection: connection.execute(insert(turns), {"id": "x"}))


async def test_a_write_that_began_is_finished_although_its_caller_is_cancelled(
    database: Database, chat: Chat
) -> None:
    await chat.accept()
    writing, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        connection.execute(delete(turns))
        writing.set()
        go_on.wait()

    writer = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(writing.wait)
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    go_on.set()
    await database.write(lambda _: None)
    assert await chat.store.turns_of(THREAD) == []


async def test_a_database_locked_by_another_program_loses_nothing(
    database: Database, chat: Chat, path: Path
) -> None:
    before = await chat.accept()
    await _set(database, "busy_timeout=20")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DependencyDown, match="locked by another program"):
            await chat.accept()
        assert (await chat.store.get(before.id)).id == before.id
    after = await chat.accept()
    assert [turn.id for turn in await chat.store.turns_of(THREAD)] == [before.id, after.id]
    assert after.number == 2


async def test_a_full_disk_loses_nothing(database: Database, chat: Chat, path: Path) -> None:
    before = await chat.accept()
    pages = await database.read(_pragma, "page_count")
    await _set(database, f"max_page_count={pages}")

    with pytest.raises(DependencyDown) as failure:
        await chat.accept(text="x" * 100_000)

    assert str(failure.value) == (
        "The database cannot be written: disk full. Free space and try again."
    )
    await _set(database, "max_page_count=1000000")
    after = await chat.accept(text="y" * 100_000)
    assert [turn.id for turn in await chat.store.turns_of(THREAD)] == [before.id, after.id]
    assert await database.read(_pragma, "integrity_check") == "ok"


async def test_deleted_words_leave_no_trace_in_the_file(path: Path) -> None:
    database = await open_database(f"sqlite:///{path}")
    secret = "the-queen-of-hearts"
    message = a_message(text=secret)
    await SqlTurnStore(database).accept(a_turn(message), message)
    await database.close()
    assert _holds(path, secret)

    database = await open_database(f"sqlite:///{path}")
    await database.write(lambda connection: connection.execute(delete(turns)))
    assert await database.read(lambda c: c.execute(select(turns.c.id)).all()) == []
    await database.close()

    assert not _holds(path, secret)


def _holds(path: Path, words: str) -> bool:
    """Whether any file of a database has these words in it."""
    return any(words.encode() in file.read_bytes() for file in path.parent.iterdir())


async def test_a_file_that_is_no_database_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"hello " * 1000)
    with pytest.raises(DependencyDown, match="not a database"):
        await open_database(f"sqlite:///{path}")
    database = Database(make_url(f"sqlite:///{path}"))
    with pytest.raises(DependencyDown, match="not a database"):
        await database.write(lambda _: None)
    await database.close()


async def test_a_missing_folder_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(DependencyDown, match="Check that its folder exists"):
        await open_database(f"sqlite:///{tmp_path / 'no' / 'folder.db'}")


@pytest.mark.parametrize("url", ["postgresql+psycopg://localhost/x", "sqlite://", "threadpaint.db"])
async def test_only_a_sqlite_file_will_do(url: str) -> None:
    with pytest.raises(SettingsError, match="must name a SQLite file"):
        await open_database(url)


async def test_the_driver_in_the_url_does_not_matter(path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{path}")
    await database.migrate()
    await database.close()
