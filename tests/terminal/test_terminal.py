"""The terminal keeps the contract of every chat platform."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.terminal.platform import TerminalPlatform
from bot.chat import Attachment, Notice, NoticeKind, Progress, Reply
from bot.conversation import Source, ThreadId, TurnState
from bot.errors import DeliveryError
from tests.contracts.chat_platform import ChatPlatformContract
from tests.standins.pictures import jpeg

if TYPE_CHECKING:
    from pathlib import Path

    from bot.conversation import Turn
    from storage.blobs import FileBlobStore


class TestTerminal(ChatPlatformContract):
    def make(self, folder: Path, blobs: FileBlobStore) -> TerminalPlatform:
        self.lines: list[str] = []
        self.questions: asyncio.Queue[tuple[Turn, str]] = asyncio.Queue()
        return TerminalPlatform(blobs, self.lines.append, self.questions)

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

    async def test_the_lines_of_an_earlier_turn_name_it_and_show_its_answer(
        self, tmp_path: Path, blobs: FileBlobStore
    ) -> None:
        platform, turn = self.make(tmp_path, blobs), self.turn(tmp_path)
        picture = self.picture(turn, blobs, jpeg(8, 8))
        source = Source(title="Foxes", url="https://example.org/fox")
        reply = Reply(text="Here.", pictures=(picture,), notes=("Smaller.",), sources=(source,))
        await platform.working(turn, Progress(state=TurnState.CALLING, seconds=3))
        posts = await platform.deliver(turn, reply)
        name = f"Earlier turn {turn.id} of thread a/b: ü"
        assert self.lines == [
            f"{name}: Painting, 0 s",
            f"{name}: Here.",
            f"{name}: Note: Smaller.",
            f"{name}: Source: Foxes <https://example.org/fox>",
            f"{name} is done: {posts[0].message_id}",
        ]
        await platform.tell(turn, Notice(kind=NoticeKind.CONFIRM, text="Paint it?"))
        assert self.questions.get_nowait() == (turn, f"{name}: Paint it?")

    async def test_the_commands_own_turn_is_not_named_and_shows_no_answer(
        self, tmp_path: Path, blobs: FileBlobStore
    ) -> None:
        platform, turn = self.make(tmp_path, blobs), self.turn(tmp_path)
        platform.own = turn.id
        await platform.deliver(turn, Reply(text="Which fox?"))
        await platform.tell(turn, Notice(kind=NoticeKind.FAILED, text="Busy.", retry=True))
        assert self.lines == ["Busy.", f"Try again: threadpaint say --retry {turn.id}"]

    async def test_progress_says_something_new_and_the_seconds_at_most_every_five(
        self, tmp_path: Path, blobs: FileBlobStore
    ) -> None:
        platform, turn = self.make(tmp_path, blobs), self.turn(tmp_path)
        platform.own = turn.id
        for ahead in (0, 2, 2, 1):
            await platform.working(turn, Progress(state=TurnState.ACCEPTED, seconds=1, ahead=ahead))
        for seconds in range(7200, 7212):
            await platform.working(turn, Progress(state=TurnState.CALLING, seconds=seconds))
        for seconds in range(7212, 7222):
            await platform.working(
                turn, Progress(state=TurnState.CALLING, seconds=seconds, note="Busy; waiting")
            )
        assert self.lines == [
            "Waiting, 2 ahead",
            "Waiting, 1 ahead",
            "Painting, 0 s",
            "Painting, 5 s",
            "Painting, 10 s",
            "Busy; waiting",
        ]
