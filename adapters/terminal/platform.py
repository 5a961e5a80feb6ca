"""TerminalPlatform: pictures become files, notices become lines on stderr."""

from __future__ import annotations

import asyncio
import math
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bot.chat import NoticeKind, Post
from bot.conversation import TurnState
from bot.errors import DeliveryError, MaterialError
from bot.printing import words_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from bot.chat import Attachment, Notice, Picture, Progress, Reply
    from bot.conversation import Turn, TurnId
    from bot.ports import BlobStore, Desk

_BLOCK = 1 << 20
_PAINTING_SECONDS = 5.0  # between two lines that only say how long it takes
_LONGEST_NAME = 60  # characters of a file's name: up to 240 of the 255 bytes it may have
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}


def picture_path(folder: Path, turn: Turn, number: int, mime_type: str) -> Path:
    """Name the file of a picture: the same turn always writes the same files."""
    name = re.sub(r"[^\w.-]+", "_", turn.thread.thread).strip("._") or "thread"
    count = f"-{number + 1}" if number else ""
    ending = _ENDINGS.get(mime_type, mime_type.partition("/")[2])
    return folder / f"{name[:_LONGEST_NAME]}-{turn.number}-{turn.id[-6:]}{count}.{ending}"


class TerminalPlatform:
    """The port ``ChatPlatform`` for one person at a terminal.

    A turn's ref carries ``out``, the folder for its pictures. say: shows one line to the person.
    questions: gets the turns that wait for a yes to their price, with the words to ask it in.
    own: the turn that the running command shows by itself. Every other one was left by an earlier
    command: its lines name it, and its answer is shown here.
    """

    name = "terminal"
    own: TurnId | None = None

    def __init__(
        self,
        blobs: BlobStore,
        say: Callable[[str], None],
        questions: asyncio.Queue[tuple[Turn, str]],
    ) -> None:
        """Take the blobs that are written out, and where lines and questions go."""
        self._blobs = blobs
        self._say = say
        self._questions = questions
        self._shown: dict[TurnId, str] = {}
        self._painting: dict[TurnId, tuple[float, float]] = {}

    async def run(
        self,
        desk: Desk,  # noqa: ARG002 - the port has it
    ) -> None:
        """Wait: a terminal has no messages but the one that its command brings."""
        await asyncio.Event().wait()

    async def download(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        """Read a local file. MaterialError when it is gone or must not be read."""
        try:
            with await asyncio.to_thread(Path(attachment.ref["path"]).open, "rb") as file:
                while block := await asyncio.to_thread(file.read, _BLOCK):
                    yield block
        except OSError as error:
            message = f"{attachment.name} cannot be read: {error.strerror}."
            raise MaterialError(message) from error

    async def working(self, turn: Turn, progress: Progress) -> None:
        """Show a line, one for each new thing to say."""
        line = progress.note
        if not line and progress.state is TurnState.GATHERING:
            line = "Reading the attachments"
        elif not line and progress.state is TurnState.CALLING:
            line = self._seconds(turn, progress.seconds)
        elif not line and progress.state is TurnState.ACCEPTED and progress.ahead:
            line = f"Waiting, {progress.ahead} ahead"
        if line and self._shown.get(turn.id) != line:
            self._shown[turn.id] = line
            self._line(turn, line)

    def _seconds(self, turn: Turn, seconds: float) -> str:
        """Say how long this process has been painting, "" when that was said just now.

        seconds: since the turn was accepted, which may be days ago.
        """
        first, said = self._painting.get(turn.id, (seconds, -math.inf))
        if seconds - said < _PAINTING_SECONDS:
            return ""
        self._painting[turn.id] = first, seconds
        return f"Painting, {seconds - first:.0f} s"

    async def deliver(self, turn: Turn, reply: Reply) -> Sequence[Post]:
        """Write the pictures into the folder; a repetition writes the same files over again."""
        folder = Path(turn.ref["out"])
        try:
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
            posts = [
                Post(
                    message_id=str(await self._write(turn, folder, number, picture)),
                    choice=picture.choice,
                )
                for number, picture in enumerate(reply.pictures)
            ]
        except OSError as error:
            message = (
                f"{error.filename or folder} cannot be written: {error.strerror}."
                " The picture is kept; name another folder with --out."
            )
            raise DeliveryError(message, final=True) from error
        if turn.id != self.own:
            self._show(turn, reply, posts)
        return posts or [Post(message_id=f"{turn.id}:text", choice=0)]

    def _show(self, turn: Turn, reply: Reply, posts: Sequence[Post]) -> None:
        """Show the answer to an earlier turn."""
        for line in words_of(reply):
            self._line(turn, line)
        for post in posts:
            self._say(f"{_earlier(turn)} is done: {post.message_id}")

    async def _write(self, turn: Turn, folder: Path, number: int, picture: Picture) -> Path:
        source = await self._blobs.path(turn.thread.workspace, picture.blob.digest)
        target = picture_path(folder, turn, number, picture.blob.mime_type)
        await asyncio.to_thread(_copy, source, target)
        return target

    async def tell(self, turn: Turn, notice: Notice) -> Sequence[Post]:
        """Show a line, or ask."""
        if notice.kind is NoticeKind.CONFIRM:
            self._questions.put_nowait((turn, self._named(turn, notice.text)))
        else:
            self._line(turn, notice.text)
        if notice.retry:
            self._line(turn, f"Try again: threadpaint say --retry {turn.id}")
        return ()

    async def close(self) -> None:
        """Do nothing: a terminal stays."""

    def _line(self, turn: Turn, text: str) -> None:
        self._say(self._named(turn, text))

    def _named(self, turn: Turn, text: str) -> str:
        return text if turn.id == self.own else f"{_earlier(turn)}: {text}"


def _earlier(turn: Turn) -> str:
    return f"Earlier turn {turn.id} of thread {turn.thread.thread}"


def _copy(source: Path, target: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
        partial = Path(file.name)
    try:
        shutil.copyfile(source, partial)
        partial.chmod(0o644)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
