"""A whole bot for tests: real storage, HTTP to the strict Gemini stand-in, a recording chat."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.app import open_app
from bot.chat import Attachment, Message, NoticeKind, Post
from bot.conversation import ThreadId, TurnState, new_turn_id
from bot.environment import load
from bot.errors import MaterialError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from bot.chat import Notice, Progress, Reply
    from bot.conversation import Turn, TurnId
    from bot.ports import Desk
    from bot.serving import App
    from tests.standins.gemini import GeminiStandin


class RecordingChat:
    """A chat platform that remembers what it was asked to show; posts are idempotent by turn."""

    name = "chat"

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.replies: dict[TurnId, Reply] = {}
        self.deliveries: list[TurnId] = []
        self.notices: list[tuple[TurnId, Notice]] = []
        self.progress: list[tuple[TurnId, Progress]] = []
        self.failures: deque[Exception] = deque()
        self.accept: Callable[[Message], Awaitable[TurnId]]
        self._told = asyncio.Event()
        self._listening = asyncio.Event()
        self._worked = asyncio.Event()

    async def run(self, desk: Desk) -> None:
        self.accept = desk.accept
        self._listening.set()
        await asyncio.Event().wait()

    async def until_listening(self) -> None:
        """Wait until the bot listens to this chat."""
        await asyncio.wait_for(self._listening.wait(), 20)

    async def download(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        if attachment.name not in self.files:
            message = f"{attachment.name} cannot be downloaded any more."
            raise MaterialError(message)
        yield self.files[attachment.name]

    async def working(self, turn: Turn, progress: Progress) -> None:
        self.progress.append((turn.id, progress))
        self._worked.set()

    async def deliver(self, turn: Turn, reply: Reply) -> Sequence[Post]:
        self.deliveries.append(turn.id)
        if self.failures:
            raise self.failures.popleft()
        self.replies[turn.id] = reply
        return [
            Post(message_id=f"post-{turn.id}-{number}", choice=picture.choice)
            for number, picture in enumerate(reply.pictures)
        ] or [Post(message_id=f"post-{turn.id}", choice=0)]

    async def tell(self, turn: Turn, notice: Notice) -> Sequence[Post]:
        self.notices.append((turn.id, notice))
        self._told.set()
        return [Post(message_id=f"notice-{turn.id}-{notice.kind}")]

    async def close(self) -> None:
        pass

    async def until_told(self) -> Notice:
        """Wait for the first notice to anybody."""
        await asyncio.wait_for(self._told.wait(), 20)
        return self.notices[0][1]

    async def until_working(self, state: TurnState) -> tuple[TurnId, Progress]:
        """Wait until progress of this state is shown."""
        while True:
            for turn, progress in self.progress:
                if progress.state is state:
                    return turn, progress
            self._worked.clear()
            await asyncio.wait_for(self._worked.wait(), 20)

    def told(self, turn: TurnId) -> list[Notice]:
        """What the person was told about one turn, but for the slow notice."""
        return [n for t, n in self.notices if t == turn and n.kind is not NoticeKind.SLOW]


class Bot:
    """A running bot and its chat."""

    def __init__(self, app: App, chat: RecordingChat) -> None:
        self.app = app
        self.chat = chat

    async def post(
        self,
        text: str,
        *,
        thread: str = "t1",
        author: str = "ann",
        workspace: str = "w1",
        files: dict[str, bytes] | None = None,
        **more: Any,  # noqa: ANN401 - fields of Message
    ) -> TurnId:
        """Let a person say something; the turn is accepted when this returns."""
        self.chat.files.update(files or {})
        fields: dict[str, Any] = {
            "id": new_turn_id(),
            "thread": ThreadId(platform="chat", workspace=workspace, channel="c1", thread=thread),
            "author": author,
            "text": text,
            "sent_at": datetime.now(UTC),
            "attachments": tuple(Attachment(name=name) for name in files or {}),
        }
        return await self.app.turns.accept(Message(**fields | more))

    async def ask(self, text: str, **more: Any) -> Turn:  # noqa: ANN401 - as post
        """Let a person say something and wait for the end of it."""
        return await self.app.turns.ended(await self.post(text, **more))

    async def paint(self, text: str, **more: Any) -> tuple[Turn, Reply]:  # noqa: ANN401 - as post
        """Ask, and expect an answer."""
        turn = await self.ask(text, **more)
        assert turn.state is TurnState.DONE, turn.verdict
        return turn, self.chat.replies[turn.id]


def settings_for(folder: Path, gemini: GeminiStandin | None, **more: str) -> dict[str, str]:
    """The environment of a bot in a folder; without a stand-in it is offline."""
    environ = {"DATA_DIR": str(folder / "data")}
    if gemini:
        key = "WISDOM_GATE_KEY" if gemini.provider == "wisdom-gate" else "GEMINI_API_KEY"
        environ |= {key: gemini.key, "GEMINI_BASE_URL": gemini.url}
    return environ | more


@asynccontextmanager
async def running_bot(
    folder: Path, gemini: GeminiStandin | None, **more: str
) -> AsyncIterator[Bot]:
    """Run a bot over a folder; opened again over the same folder it is the bot after a restart."""
    chat = RecordingChat()
    settings = load(settings_for(folder, gemini, **more), env_file=None)
    async with open_app(settings, lambda _: [chat]) as app, app.running():
        yield Bot(app, chat)
