"""What every chat platform has to do; each adapter's tests run this over its own stand-in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.chat import Attachment, Notice, NoticeKind, Picture, Progress, Reply
from bot.conversation import Blob, ThreadId, Turn, TurnState, new_turn_id
from bot.errors import MaterialError
from storage.blobs import FileBlobStore
from tests.standins.pictures import jpeg, png

if TYPE_CHECKING:
    from pathlib import Path

    from bot.ports import ChatPlatform


class ChatPlatformContract(ABC):
    """Subclass it, give it a platform and a way to see what people see."""

    @abstractmethod
    def make(self, folder: Path, blobs: FileBlobStore) -> ChatPlatform:
        """Make the platform; made again over the same folder it is the one after a restart."""

    @abstractmethod
    def thread(self, folder: Path) -> tuple[ThreadId, dict[str, str]]:
        """Name a thread to talk in, with the platform-private ref of a turn there."""

    @abstractmethod
    def seen(self, folder: Path) -> list[bytes]:
        """List the pictures that people see, in order."""

    @abstractmethod
    def gone(self, folder: Path) -> Attachment:
        """Name an attachment that cannot be downloaded any more."""

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> FileBlobStore:
        return FileBlobStore(tmp_path / "blobs")

    def turn(self, folder: Path) -> Turn:
        thread, ref = self.thread(folder)
        return Turn(
            id=new_turn_id(),
            thread=thread,
            number=1,
            state=TurnState.DELIVERING,
            author="ann",
            message_id="m1",
            created=datetime.now(UTC),
            prompt="a fox",
            ref=ref,
        )

    def picture(self, turn: Turn, blobs: FileBlobStore, data: bytes, choice: int = 0) -> Picture:
        writer = blobs.writer(turn.thread.workspace)
        writer.write(data)
        mime_type = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
        blob = Blob(
            digest=blobs.keep(writer), mime_type=mime_type, size=len(data), width=8, height=8
        )
        return Picture(blob=blob, alt_text="A fox", choice=choice)

    async def test_the_models_own_bytes_are_shown_in_order(
        self, tmp_path: Path, blobs: FileBlobStore
    ) -> None:
        turn = self.turn(tmp_path)
        shown = [jpeg(8, 8, "one"), png(8, 8, "two"), jpeg(8, 8, "three")]
        pictures = tuple(
            self.picture(turn, blobs, data, choice) for choice, data in enumerate(shown)
        )
        posts = await self.make(tmp_path, blobs).deliver(
            turn, Reply(text="Here.", pictures=pictures)
        )
        assert self.seen(tmp_path) == shown
        assert [post.choice for post in posts if post.choice is not None] == [0, 1, 2]
        assert len({post.message_id for post in posts}) == len(posts)

    async def test_an_answer_delivered_again_after_a_restart_is_shown_once(
        self, tmp_path: Path, blobs: FileBlobStore
    ) -> None:
        turn = self.turn(tmp_path)
        data = jpeg(8, 8, "one")
        reply = Reply(text="Here.", pictures=(self.picture(turn, blobs, data),))
        first = await self.make(tmp_path, blobs).deliver(turn, reply)
        second = await self.make(tmp_path, blobs).deliver(turn, reply)
        assert self.seen(tmp_path) == [data]
        assert list(first) == list(second)

    async def test_an_answer_in_words_has_a_post_that_can_be_replied_to(
        self, tmp_path: Path, blobs: FileBlobStore
    ) -> None:
        posts = await self.make(tmp_path, blobs).deliver(
            self.turn(tmp_path), Reply(text="Which fox?")
        )
        assert [post.choice for post in posts] == [0]

    async def test_progress_and_every_notice_can_be_shown_and_repeated(
        self, tmp_path: Path, blobs: FileBlobStore
    ) -> None:
        platform, turn = self.make(tmp_path, blobs), self.turn(tmp_path)
        for state in TurnState:
            await platform.working(turn, Progress(state=state, seconds=3, ahead=2, note="Busy"))
        for kind in NoticeKind:
            notice = Notice(kind=kind, text="Words", retry=True)
            first = await platform.tell(turn, notice)
            assert list(await platform.tell(turn, notice)) == list(first)

    async def test_an_attachment_that_is_gone_is_a_sentence(
        self, tmp_path: Path, blobs: FileBlobStore
    ) -> None:
        attachment = self.gone(tmp_path)
        with pytest.raises(MaterialError, match=attachment.name):
            async for _ in self.make(tmp_path, blobs).download(attachment):
                pass
