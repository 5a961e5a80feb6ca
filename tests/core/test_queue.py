"""The embedded queue keeps the contract of every queue."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.queue import EmbeddedQueue
from storage.engine import open_database
from storage.turns import SqlTurnStore
from tests.contracts.turn_queue import TurnQueueContract, now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.ports import Caps, TurnStore
    from tests.contracts.turn_queue import Work


class TestEmbeddedQueue(TurnQueueContract):
    @asynccontextmanager
    async def open_store(self, folder: Path) -> AsyncIterator[TurnStore]:
        database = await open_database(f"sqlite+aiosqlite:///{folder}/turns.db")
        await database.migrate()
        try:
            yield SqlTurnStore(database)
        finally:
            await database.close()

    def make_queue(
        self, store: TurnStore, advance: Work, gather: Work, caps: Caps
    ) -> EmbeddedQueue:
        return EmbeddedQueue(
            store=store, advance=advance, gather=gather, caps=caps, platforms=["chat"], now=now
        )
