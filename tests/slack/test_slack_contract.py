"""Slack keeps the contract of every chat platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.slack.files_in import attachment
from adapters.slack.platform import SlackPlatform, settings_of
from adapters.slack.values import SlackFile as File
from bot.conversation import ThreadId
from bot.environment import load
from bot.preferences import Preferences
from storage.engine import open_database
from storage.journal import SqlJournal
from storage.ledger import SqlLedger
from storage.turns import SqlTurnStore
from tests.contracts.chat_platform import ChatPlatformContract
from tests.slack.harness import environment
from tests.standins.pictures import png
from tests.standins.slack import SlackFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.chat import Attachment
    from storage.blobs import FileBlobStore
    from storage.engine import Database
    from tests.standins.slack import SlackStandin


class TestSlack(ChatPlatformContract):
    slack: SlackStandin
    database: Database

    @pytest.fixture(autouse=True)
    async def workspace(self, tmp_path: Path, slack: SlackStandin) -> AsyncIterator[None]:
        """One question in a thread, a file that was deleted, and what outlives the bot."""
        self.slack = slack
        self.ts = await slack.say("general", "ann", "a fox")
        lost = SlackFile(name="gone.png", data=png(8, 8, "gone"))
        lost_ts = await slack.say("general", "ann", "this", files=[lost])
        [self.lost] = slack.message("general", lost_ts)["files"]
        slack.world.files[self.lost["id"]].deleted = True
        self.made: list[SlackPlatform] = []
        self.database = await open_database(f"sqlite:///{tmp_path}/threadpaint.db")
        await self.database.migrate()
        yield
        for platform in self.made:
            await platform.close()
        await self.database.close()

    def make(self, folder: Path, blobs: FileBlobStore) -> SlackPlatform:
        settings = load(environment(folder, self.slack, None, "socket"), env_file=None)
        journal = SqlJournal(self.database)
        platform = SlackPlatform(
            settings_of(settings),
            store=SqlTurnStore(self.database),
            ledger=SqlLedger(self.database),
            blobs=blobs,
            journal=journal,
            preferences=Preferences(journal),
        )
        self.made.append(platform)
        return platform

    def thread(self, folder: Path) -> tuple[ThreadId, dict[str, str]]:
        root = self.slack.message("general", self.ts)
        thread = ThreadId(
            platform="slack", workspace=self.slack.team, channel=root["channel"], thread=self.ts
        )
        return thread, {"ts": self.ts, "user": root["user"], "kind": "said"}

    def seen(self, folder: Path) -> list[bytes]:
        messages = self.slack.messages("general", self.ts)
        return [data for message in messages for data in self.slack.picture_bytes(message)]

    def gone(self, folder: Path) -> Attachment:
        return attachment(
            File(
                id=self.lost["id"],
                name=self.lost["name"],
                mime_type=self.lost["mimetype"],
                size=self.lost["size"],
                url=self.lost["url_private_download"],
                stub=False,
            )
        )
