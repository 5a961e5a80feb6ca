"""The terminal keeps the contract of every chat platform."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.terminal.platform import TerminalPlatform
from bot.chat import Attachment, Reply
from bot.conversation import ThreadId
from bot.errors import DeliveryError
from tests.contracts.chat_platform import ChatPlatformContract
from tests.standins.pictures import jpeg

if TYPE_CHECKING:
    from pathlib import Path

    from storage.blobs import FileBlobStore


class TestTerminal(ChatPlatformContract):
    def make(self, folder: Path, blobs: FileBlobStore) -> TerminalPlatform:
        lines: list[str] = []
        return TerminalPlatform(blobs, lines.append, asyncio.Queue())

    def thread(self, folder: Path) -> tuple[ThreadId, dict[str, str]]:
        thread = ThreadId(platform="terminal", workspace="local", channel="say", thread="a/b: ü")
        return thread, {"out": str(folder / "out")}

    def seen(self, folder: Path) -> list[bytes]:
        files = sorted((folder / "out").iterdir(), key=lambda path: (len(path.stem), path.stem))
        return [path.read_bytes() for path in files]

    def gone(self, folder: Path) -> Attachment:
        return Attachment(name="gone.png", ref={"path": str(folder / "gone.png")})

    async def test_a_folder_that_cannot_be_written_is_a_final_failure_with_words(
        self, tmp_path: Path, blobs: FileBlobStore
    ) -> None:
        (tmp_path / "out").write_text("a file where the folder should be")
        turn = self.turn(tmp_path)
        picture = self.picture(turn, blobs, jpeg(8, 8))
        with pytest.raises(DeliveryError, match="--out") as caught:
            await self.make(tmp_path, blobs).deliver(turn, Reply(text="", pictures=(picture,)))
        assert caught.value.final
