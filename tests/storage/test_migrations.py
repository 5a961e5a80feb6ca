from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from bot.errors import DependencyDown
from storage.engine import MIGRATIONS, open_database
from storage.schema import REVISION, metadata
from storage.turns import SqlTurnStore
from tests.storage.makers import NOON, a_message, a_turn

if TYPE_CHECKING:
    from pathlib import Path

    from storage.engine import Database
    from tests.storage.makers import Chat


def _shape(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {(name, sql) for name, sql in rows if name != "alembic_version"}


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
