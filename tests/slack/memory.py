"""What outlives the bot in tests: a journal, blobs, and the Slack that a courier writes to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.courier import Courier
from adapters.slack.web import Web
from bot.chat import Picture, Post, Reply
from bot.conversation import Blob, ThreadId, Turn, TurnState, new_turn_id
from bot.errors import DeliveryError
from storage.blobs import FileBlobStore
from tests.standins.pictures import measure, png, sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import aiohttp

    from tests.standins.slack import SlackStandin

FASTER = 0.02
"""Of the seconds that we would wait for Slack."""


class MemoryJournal:
    """The port Journal, in memory. step: called before and after each writing."""

    def __init__(self, step: Callable[[], None] = lambda: None) -> None:
        self.notes: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.times: dict[tuple[str, str], datetime] = {}
        self.step = step

    async def read(self, kind: str, key: str) -> Mapping[str, Any] | None:
        await asyncio.sleep(0)
        return self.notes.get((kind, key))

    async def write(self, kind: str, key: str, note: Mapping[str, Any]) -> None:
        self.step()
        await asyncio.sleep(0)
        self.notes[kind, key] = dict(note)
        self.times[kind, key] = datetime.now(UTC)
        self.step()

    async def remove(self, kind: str, key: str) -> None:
        self.step()
        self.notes.pop((kind, key), None)
        self.step()

    async def all(self, kind: str) -> dict[str, Mapping[str, Any]]:
        return {key: note for (of, key), note in self.notes.items() if of == kind}

    async def forget(self, kind: str, before: datetime) -> None:
        for name in [name for name, at in self.times.items() if name[0] == kind and at < before]:
            del self.notes[name], self.times[name]


class Stage:
    """One thread in Slack, and couriers that come and go over the same journal."""

    def __init__(self, slack: SlackStandin, folder: Path, session: aiohttp.ClientSession) -> None:
        self.slack = slack
        self.blobs = FileBlobStore(folder / "blobs")
        self.journal = MemoryJournal()
        self.ahead = timedelta()
        self.person = slack.person("ann")
        self.channel = slack.channel("art", members=[self.person])
        self.session = session
        self.faster = FASTER

    async def begin(self) -> None:
        """Say something that begins the thread."""
        self.thread = await self.slack.say(self.channel, self.person, "a fox")

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.faster)

    def web(self, *, timeout: float = 10) -> Web:
        client = AsyncWebClient(
            token=self.slack.bot_token,
            base_url=self.slack.api_url,
            session=self.session,
            timeout=timeout,  # type: ignore[arg-type]  # a part of a second, to be quick
            retry_handlers=[],
        )
        return Web(client, sleep=self.sleep)

    def courier(
        self, fault: Callable[[str], None] = lambda _: None, *, web: Web | None = None
    ) -> Courier:
        """Start the bot again."""
        return Courier(
            web=web or self.web(),
            journal=self.journal,
            blobs=self.blobs,
            costs=False,
            now=self.now,
            sleep=self.sleep,
            fault=fault,
        )

    def turn(self, **changes: Any) -> Turn:  # noqa: ANN401 - whatever a Turn has
        thread = ThreadId(
            platform="slack",
            workspace=self.slack.team,
            channel=self.channel,
            thread=self.thread,
        )
        given: dict[str, Any] = {
            "id": new_turn_id(),
            "thread": thread,
            "number": 1,
            "state": TurnState.DELIVERING,
            "author": self.person,
            "message_id": self.thread,
            "created": self.now(),
            "prompt": "a fox",
            "ref": {"ts": self.thread, "user": self.person, "kind": "said"},
        }
        return Turn(**(given | changes))

    def picture(self, turn: Turn, data: bytes, choice: int = 0, alt_text: str = "A fox") -> Picture:
        writer = self.blobs.writer(turn.thread.workspace)
        writer.write(data)
        width, height = measure(data)
        blob = Blob(
            digest=self.blobs.keep(writer),
            mime_type=sniff(data),
            size=len(data),
            width=width,
            height=height,
        )
        return Picture(blob=blob, alt_text=alt_text, choice=choice)

    def reply(self, turn: Turn, count: int = 1, text: str = "Here you are.") -> Reply:
        """Make an answer with PNGs that differ."""
        pictures = [self.picture(turn, png(8, 8, str(n)), choice=n) for n in range(count)]
        return Reply(text=text, pictures=tuple(pictures))

    async def deliver(self, courier: Courier, turn: Turn, reply: Reply) -> Sequence[Post]:
        """Deliver as the core does: later again, while that can help."""
        for seconds in (2, 10, 60, 300):
            try:
                return await courier.deliver(turn, reply)
            except DeliveryError as error:
                if error.final:
                    raise
                self.ahead += timedelta(seconds=seconds)
        return await courier.deliver(turn, reply)

    # What people see

    def messages(self, channel: str = "") -> list[dict[str, Any]]:
        """List the bot's messages in a channel, oldest first."""
        found = self.slack.world.channels[channel or self.channel].messages
        return [m for m in found if m.get("user") == self.slack.bot_user and "hidden" not in m]

    def with_files(self, channel: str = "") -> list[dict[str, Any]]:
        return [message for message in self.messages(channel) if message.get("files")]

    def marked(self, mark: str, channel: str = "") -> list[dict[str, Any]]:
        """List the messages whose metadata has this event type."""
        found = self.messages(channel)
        return [m for m in found if m.get("metadata", {}).get("event_type") == mark]

    def words(self, channel: str = "") -> list[dict[str, Any]]:
        """List the messages that bring the words of an answer."""
        answers = self.marked("threadpaint_answer", channel)
        return [m for m in answers if m["metadata"]["event_payload"]["part"] == "0"]

    def bytes_of(self, message: dict[str, Any]) -> list[bytes]:
        return [self.slack.world.files[file["id"]].data for file in message["files"]]
