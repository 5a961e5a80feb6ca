from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from bot.conversation import ROOT, TurnId, TurnRef
from bot.errors import DependencyDown
from storage.engine import MIGRATIONS, open_database
from storage.schema import REVISION, metadata
from storage.turns import SqlTurnStore
from tests.storage.makers import NOON, THREAD, Clock, a_message, a_turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from storage.engine import Database
    from tests.storage.makers import Chat


def _shape(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        shown = {(name, " ".join(sql.split())) for name, sql in rows}  # an added column has no line
        return {(name, sql) for name, sql in shown if name != "alembic_version"}


def test_the_migrations_make_the_tables_that_the_schema_names(
    empty_database: Path, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'schema.db'}")
    metadata.create_all(engine)
    engine.dispose()

    assert _shape(empty_database) == _shape(tmp_path / "schema.db")


def test_alembic_sees_no_difference_either(empty_database: Path) -> None:
    engine = create_engine(f"sqlite:///{empty_database}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_one_that_the_schema_names() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_heads() == [REVISION]
    assert all(script.revision <= REVISION for script in scripts.walk_revisions())


async def test_a_migrated_database_is_left_alone(database: Database, path: Path) -> None:
    before = _shape(path)
    await database.migrate()
    assert _shape(path) == before
    assert [file.name for file in path.parent.iterdir() if "backup" in file.name] == []


def test_alembic_is_not_imported_when_there_is_nothing_to_migrate(path: Path) -> None:
    program = f"""
import asyncio, sys
from storage.engine import open_database

async def start():
    database = await open_database("sqlite:///{path}")
    await database.migrate()
    await database.close()

asyncio.run(start())
print([name for name in sys.modules if name.partition(".")[0] == "alembic"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def _first_version(path: Path) -> None:
    """Make a database of revision 0001: two threads, with what their turns had come to."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO threads VALUES"
            " (1, 'slack', 'T1', 'C1', '1712.01', 4, 'child', 0, 0),"
            " (2, 'slack', 'T1', 'C1', 'other', 1, NULL, NULL, 0)"
        )
        rows = [
            (1, "root", 1, 1, "failed", 1, None, None, 1),
            (2, "child", 1, 2, "done", 1, "root", 0, 2),
            (3, "begun", 1, 3, "accepted", 1, None, None, None),
            (4, "waits", 1, 4, "accepted", 0, None, None, None),
            (5, "alone", 2, 1, "accepted", 0, None, None, None),
        ]
        for seq, turn, thread, number, state, attempt, parent, choice, depth in rows:
            connection.exec_driver_sql(
                "INSERT INTO turns (seq, id, thread_id, number, state, attempt, parent,"
                " parent_choice, depth, created, platform, workspace, author, round, provider,"
                " author_name, message_id, claimed, tries, pending_material, options, ref,"
                " confirmed, cancel_requested, verdict_state, verdict_text, verdict_retry, notes,"
                " history) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'slack', 'T1', 'U1', 0, 'google',"
                " '', 'm', 0, 0, 0, '{}', '{}', 0, 0, ?, '', 1, '[]', '')",
                (seq, turn, thread, number, state, attempt, parent, choice, depth, 1000 + seq,
                 "failed" if state == "failed" else None),
            )  # fmt: skip
            connection.exec_driver_sql(
                "INSERT INTO parts (turn_id, choice, position, text, thought)"
                " VALUES (?, -1, 0, 'a red fox', 0)",
                (turn,),
            )
        connection.exec_driver_sql(
            'INSERT INTO inbox VALUES (\'["slack", "T1", "C1", "m-child"]\', \'child\', 7)'
        )
        connection.exec_driver_sql(
            "INSERT INTO generations VALUES ('child', 0, 'child.0.0', 'answer', '', 'STOP', '{}',"
            " '[]', '[]', '', '')"
        )
    engine.dispose()


@pytest.fixture
async def migrated(tmp_path: Path) -> AsyncIterator[Database]:
    path = tmp_path / "old.db"
    _first_version(path)
    database = await open_database(f"sqlite:///{path}")
    await database.migrate()
    yield database
    await database.close()


async def test_nothing_of_the_first_version_is_lost_and_a_copy_is_left(
    migrated: Database, empty_database: Path
) -> None:
    store = SqlTurnStore(migrated)
    listed = await store.turns_of(THREAD)

    assert _shape(migrated.path) == _shape(empty_database)
    assert [turn.id for turn in listed] == ["root", "child", "begun", "waits"]
    assert (await store.record(TurnId("child"))).turn.prompt == "a red fox"
    assert len((await store.record(TurnId("child"))).kept) == 1
    copy = migrated.path.with_name("old.db.0001.backup")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM turns").fetchone() == (5,)


async def test_roots_of_the_first_version_are_roots_and_open_parents_stay_open(
    migrated: Database,
) -> None:
    listed = await SqlTurnStore(migrated).turns_of(THREAD)
    parents = [turn.parent for turn in listed]
    assert parents == [ROOT, TurnRef(turn=TurnId("root")), None, None]


async def test_messages_that_came_to_the_first_version_are_known_still(migrated: Database) -> None:
    store = SqlTurnStore(migrated, now=Clock(datetime.fromtimestamp(0, UTC)))
    message = a_message(id="m-child")
    assert await store.accept(a_turn(message), message) == ("child", False)


async def test_turns_of_the_first_version_were_sent_when_they_came(migrated: Database) -> None:
    store = SqlTurnStore(migrated)
    early = a_message(sent_at=datetime.fromtimestamp(0, UTC), not_before=NOON)
    await store.accept(a_turn(early), early)
    # The first is put before the one that has not started; the second before none.
    late = a_message(sent_at=NOON, not_before=NOON)
    await store.accept(a_turn(late), late)

    listed = await store.turns_of(THREAD)

    said = [turn.message_id for turn in listed[2:]]
    assert said == ["m", early.id, "m", late.id]
    assert (listed[2].id, listed[4].id) == ("begun", "waits")


async def test_a_newer_database_is_refused(database: Database, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    with pytest.raises(DependencyDown, match=r"newer Threadpaint \(revision 9999"):
        await database.migrate()


async def test_an_older_database_is_copied_before_it_is_changed(
    database: Database, path: Path, chat: Chat
) -> None:
    turn = await chat.accept(text="keep me")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()

    with pytest.raises(DependencyDown, match="could not be migrated and stays as it was"):
        await database.migrate()  # nothing leads on from a revision that never was

    copy = path.with_name("threadpaint.db.0000.backup")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT id FROM turns").fetchall() == [(turn.id,)]
    assert (await chat.store.get(turn.id)).prompt == "keep me"


async def test_an_empty_database_says_that_it_has_no_tables(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'new.db'}")
    store = SqlTurnStore(database)
    message = a_message()
    with pytest.raises(DependencyDown, match="has no tables yet"):
        await store.accept(a_turn(message, created=NOON), message)
    await database.close()
