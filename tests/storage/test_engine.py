from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, insert, make_url, select
from sqlalchemy.exc import IntegrityError

from bot.environment import load
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


def _rights(path: Path) -> dict[str, int]:
    """The rights of a file and of those whose names begin with its name."""
    return {file.name: file.stat().st_mode & 0o777 for file in path.parent.glob(f"{path.name}*")}


def _let_all_read(*paths: Path) -> None:
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000)


def _threads() -> set[str]:
    """The threads of connections; the loop's own executor may stay."""
    return {each.name for each in threading.enumerate() if "connection_worker" in each.name}


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


async def test_an_opening_that_is_cancelled_leaves_no_thread(tmp_path: Path) -> None:
    for turns_of_the_loop in range(1, 6):
        url = f"sqlite:///{tmp_path / str(turns_of_the_loop)}.db"
        opening = asyncio.create_task(open_database(url))
        for _ in range(turns_of_the_loop):
            await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert not _threads()


async def test_an_opening_that_is_cancelled_while_it_reads_leaves_no_thread(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        opening = asyncio.create_task(open_database(f"sqlite:///{path}"))
        done, _ = await asyncio.wait({opening}, timeout=0.3)
        assert not done
        opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not _threads()


def test_a_loop_closes_only_after_the_threads_of_a_close_that_is_cancelled(path: Path) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slow(_: Connection) -> None:
        reading.set()
        go_on.wait(10)

    async def stop_twice() -> None:
        database = await open_database(f"sqlite:///{path}")
        reader = asyncio.create_task(database.read(slow))
        await asyncio.to_thread(reading.wait)
        reader.cancel()
        await asyncio.wait({reader})
        ending = asyncio.create_task(database.close())
        await asyncio.wait({ending}, timeout=0.05)
        ending.cancel()
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        await asyncio.wait({ending})
        assert ending.cancelled()

    asyncio.run(stop_twice())
    assert not _threads()


async def test_a_close_waits_for_what_runs_and_ends_what_comes_later(path: Path) -> None:
    database = await open_database(f"sqlite:///{path}")
    reading, go_on = threading.Event(), threading.Event()

    def slow(_: Connection) -> str:
        reading.set()
        go_on.wait()
        return "read"

    reader = asyncio.create_task(database.read(slow))
    await asyncio.to_thread(reading.wait)
    ending = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    go_on.set()
    await ending
    assert await reader == "read"
    assert not _threads()
    for late in (database.read(lambda _: None), database.write(lambda _: None)):
        with pytest.raises(DependencyDown, match="closed, because Threadpaint stops"):
            await late
    assert not _threads()


async def test_a_database_is_for_our_user_alone_from_its_first_moment(tmp_path: Path) -> None:
    path = tmp_path / "threadpaint.db"
    old = os.umask(0)
    try:
        database = await open_database(f"sqlite:///{path}")
        assert set(_rights(path).values()) == {0o600}
        await database.migrate()
        assert _rights(path) == dict.fromkeys(
            (path.name, f"{path.name}-wal", f"{path.name}-shm"), 0o600
        )
    finally:
        os.umask(old)
    await database.close()


async def test_a_database_that_others_could_read_is_taken_from_them(
    path: Path, tmp_path: Path
) -> None:
    _let_all_read(path, tmp_path)
    with closing(sqlite3.connect(path)) as other:  # which leaves -wal and -shm while it is open
        other.execute("UPDATE alembic_version SET version_num = version_num")
        other.commit()
        assert _rights(path)[f"{path.name}-wal"] == 0o644
        database = await open_database(f"sqlite:///{path}")
        assert set(_rights(path).values()) == {0o600}
        await database.close()
    assert _rights(tmp_path) == {tmp_path.name: 0o755}


async def test_a_copy_before_a_migration_is_for_our_user_alone(
    database: Database, path: Path
) -> None:
    older = "UPDATE alembic_version SET version_num = '0000'"
    await database.write(lambda connection: connection.exec_driver_sql(older))
    with pytest.raises(DependencyDown, match="stays as it was"):
        await database.migrate()
    assert _rights(path)[f"{path.name}.0000.backup"] == 0o600


async def test_the_rights_of_a_file_that_is_no_database_stay(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    path.write_bytes(b"hello " * 1000)
    path.chmod(0o644)
    with pytest.raises(DependencyDown):
        await open_database(f"sqlite:///{path}")
    assert path.stat().st_mode & 0o777 == 0o644


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
    with pytest.raises(DependencyDown, match=re.escape(f"{path} is not a database")):
        await open_database(f"sqlite:///{path}")
    assert not _threads()
    database = Database(make_url(f"sqlite:///{path}"))
    with pytest.raises(DependencyDown, match="not a database"):
        await database.write(lambda _: None)
    await database.close()


async def test_a_damaged_database_is_named(path: Path) -> None:
    _damage(path)
    with pytest.raises(DependencyDown) as failure:
        await open_database(f"sqlite:///{path}")
    assert str(failure.value) == f"The database {path} is damaged. Restore a backup."


async def test_a_missing_folder_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(DependencyDown, match="Check that its folder exists"):
        await open_database(f"sqlite:///{tmp_path / 'no' / 'folder.db'}")


async def test_the_address_that_is_asked_for_is_one_that_settings_take(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as failure:
        await open_database("postgresql+psycopg://localhost/x")
    url = str(failure.value).rpartition(" ")[2].replace("/path/", f"{tmp_path}/")
    settings = load({"DATABASE_URL": url}, env_file=None)
    assert settings.database_path == tmp_path / "threadpaint.db"
    await (await open_database(settings.database_url)).close()
    assert settings.database_path.exists()


@pytest.mark.parametrize("url", ["postgresql+psycopg://localhost/x", "sqlite://", "threadpaint.db"])
async def test_only_a_sqlite_file_will_do(url: str) -> None:
    with pytest.raises(SettingsError, match="must name a SQLite file"):
        await open_database(url)


async def test_the_driver_in_the_url_does_not_matter(path: Path) -> None:
    database = await open_database(f"sqlite+aiosqlite:///{path}")
    await database.migrate()
    await database.close()
