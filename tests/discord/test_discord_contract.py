"""Discord keeps the contract of every chat platform."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from adapters.discord.files_in import attachment
from adapters.discord.platform import DiscordPlatform, identify, settings_of
from adapters.discord.values import DiscordFile as File
from bot.conversation import ThreadId
from bot.environment import load
from bot.preferences import Preferences
from bot.privacy import Privacy
from storage.engine import open_database
from storage.journal import SqlJournal
from storage.ledger import SqlLedger
from storage.turns import SqlTurnStore
from tests.contracts.chat_platform import ChatPlatformContract
from tests.discord.harness import environment
from tests.standins.discord import DiscordFile
from tests.standins.pictures import png

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.chat import Attachment
    from bot.ports import Spool
    from storage.blobs import FileBlobStore
    from storage.engine import Database
    from tests.standins.discord import DiscordStandin


class TestDiscord(ChatPlatformContract):
    discord: DiscordStandin
    database: Database

    @pytest.fixture(autouse=True)
    async def server(self, tmp_path: Path, discord: DiscordStandin) -> AsyncIterator[None]:
        """One question, a file that was deleted, and what outlives the bot."""
        self.discord = discord
        self.asked = await discord.say("general", "ann", "a fox")
        lost = DiscordFile(name="gone.png", data=png(8, 8, "gone"))
        said = await discord.say("general", "ann", "this", files=[lost])
        [self.lost] = said["attachments"]
        await discord.delete(said)
        discord.world.files[self.lost["id"]].gone = True
        settings = load(environment(tmp_path, discord, None), env_file=None)
        self.settings = settings_of(settings)
        self.known = await identify(self.settings)
        self.made: list[tuple[DiscordPlatform, asyncio.Task[None]]] = []
        self.database = await open_database(f"sqlite:///{tmp_path}/threadpaint.db")
        await self.database.migrate()
        yield
        for platform, listening in self.made:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await platform.close()
        await self.database.close()

    def make(self, folder: Path, blobs: FileBlobStore) -> DiscordPlatform:
        store, journal = SqlTurnStore(self.database), SqlJournal(self.database)
        nobody: Any = None  # says anything
        spool: Spool = nobody
        platform = DiscordPlatform(
            self.settings,
            store=store,
            ledger=SqlLedger(self.database),
            blobs=blobs,
            journal=journal,
            preferences=Preferences(journal),
            privacy=Privacy(store=store, blobs=blobs, spool=spool, journal=journal),
            known=self.known,
        )
        self.made.append((platform, asyncio.create_task(platform.run(nobody))))
        return platform

    def thread(self, folder: Path) -> tuple[ThreadId, dict[str, str]]:
        thread = ThreadId(
            platform="discord",
            workspace=self.discord.world.channels[self.asked["channel_id"]].guild,
            channel=self.asked["channel_id"],
            thread=self.asked["id"],
        )
        user = self.asked["author"]["id"]
        ref = {"kind": "said", "place": "thread", "message": self.asked["id"], "user": user}
        return thread, ref

    def seen(self, folder: Path) -> list[bytes]:
        messages = self.discord.messages(self.discord.thread_of(self.asked))
        return [data for message in messages for data in self.discord.pictures(message)]

    def gone(self, folder: Path) -> Attachment:
        return attachment(
            File(
                id=self.lost["id"],
                name=self.lost["filename"],
                mime_type=self.lost["content_type"],
                size=self.lost["size"],
                url=self.lost["url"],
                channel=self.asked["channel_id"],
                message=self.asked["id"],
            )
        )
