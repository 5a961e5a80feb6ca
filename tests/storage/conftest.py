from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from storage.engine import Database, open_database
from storage.journal import SqlJournal
from storage.ledger import SqlLedger
from storage.turns import SqlTurnStore
from tests.storage.makers import Chat, Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one database for all tests."""
    path = tmp_path_factory.mktemp("database") / "empty.db"

    async def make() -> None:
        database = await open_database(f"sqlite:///{path}")
        await database.migrate()
        await database.close()

    asyncio.run(make())
    return path


@pytest.fixture
def path(empty_database: Path, tmp_path: Path) -> Path:
    path = tmp_path / "threadpaint.db"
    shutil.copy(empty_database, path)
    return path


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = await open_database(f"sqlite:///{path}")
    yield database
    await database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Database, clock: Clock) -> SqlTurnStore:
    return SqlTurnStore(database, now=clock)


@pytest.fixture
def chat(store: SqlTurnStore, clock: Clock) -> Chat:
    return Chat(store=store, clock=clock)


@pytest.fixture
def ledger(database: Database) -> SqlLedger:
    return SqlLedger(database)


@pytest.fixture
def journal(database: Database, clock: Clock) -> SqlJournal:
    return SqlJournal(database, now=clock)
