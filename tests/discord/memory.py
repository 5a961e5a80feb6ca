"""What outlives the bot in tests: a journal, blobs, and the Discord that a courier writes to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import discord

from adapters.discord.calls import Calls
from adapters.discord.courier import Courier
from bot.chat import Picture, Post, Reply
from bot.conversation import Blob, ThreadId, Turn, TurnState, new_turn_id
from bot.errors import DeliveryError
from storage.blobs import FileBlobStore
from tests.slack.memory import MemoryJournal
from tests.standins.discord.interactions import COMMAND, Interaction, begin
from tests.standins.pictures import measure, png, sniff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from tests.standins.discord import DiscordStandin
    from tests.standins.discord.values import Json

_T = TypeVar("_T")

FASTER = 0.02
"""Of the seconds that we would wait for Discord."""


@asynccontextmanager
async def connected(standin: DiscordStandin) -> AsyncIterator[discord.Client]:
    """Log in, as before READY: nothing is cached, the gateway is not even asked for."""
    before, discord.http.Route.BASE = discord.http.Route.BASE, standin.api_url
    client = discord.Client(intents=discord.Intents.none(), max_ratelimit_timeout=30)
    try:
        await client.login(standin.token)
        yield client
    finally:
        await client.close()
        discord.http.Route.BASE = before


class Stage:
    """One thread in Discord, and couriers that come and go over the same journal."""

    def __init__(self, standin: DiscordStandin, client: discord.Client, folder: Path) -> None:
        self.discord = standin
        self.client = client
        self.blobs = FileBlobStore(folder / "blobs")
        self.journal = MemoryJournal()
        self.ahead = timedelta()
        self.hidden = False
        self.person = standin.person("ann")
        self.guild = standin.guild("studio")
        self.channel = standin.channel(self.guild, "art")

    async def begin(self, *, thread: bool = True) -> None:
        """Ask for something, and have a thread opened on it."""
        said = await self.discord.say(self.channel, self.person, "a fox")
        self.asked = str(said["id"])
        if thread:
            await self.courier().thread(self.where, "a fox")

    @property
    def where(self) -> ThreadId:
        """The thread that stands, or will stand, on what was asked."""
        return ThreadId(
            platform="discord", workspace=self.guild, channel=self.channel, thread=self.asked
        )

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds * FASTER)

    def calls(self) -> Calls:
        return Calls(self.client, sleep=self.sleep)

    async def hides(self, turn: Turn) -> bool:
        return self.hidden

    def courier(
        self, fault: Callable[[str], None] = lambda _: None, *, calls: Calls | None = None
    ) -> Courier:
        """Start the bot again."""
        return Courier(
            calls=calls or self.calls(),
            journal=self.journal,
            blobs=self.blobs,
            costs=False,
            hides=self.hides,
            now=self.now,
            fault=fault,
        )

    def turn(self, **changes: Any) -> Turn:  # noqa: ANN401 - whatever a Turn has
        given: dict[str, Any] = {
            "id": new_turn_id(),
            "thread": self.where,
            "number": 1,
            "state": TurnState.DELIVERING,
            "author": self.person,
            "message_id": self.asked,
            "created": self.now(),
            "prompt": "a fox",
            "ref": {
                "kind": "said",
                "user": self.person,
                "message": self.asked,
                "place": "thread",
            },
        }
        return Turn(**(given | changes))

    async def used(self, place: str, *, defer: bool = True, install: str = "guild") -> Interaction:
        """Use a command; its answer is deferred for the person alone."""
        world = self.discord.world
        data: Json = {"id": "9", "name": "imagine", "type": 1}
        made = begin(
            world,
            COMMAND,
            world.person(self.person),
            world.place(place),
            install=install,
            data=data,
        )
        if defer:
            flags = 0 if install == "user" else 64
            await self.client.http.request(
                discord.http.Route("POST", f"/interactions/{made.id}/{made.token}/callback"),
                json={"type": 5, "data": {"flags": flags}},
            )
        return made

    def ref(self, made: Interaction, place: str = "thread") -> dict[str, str]:
        """Write what a turn keeps of an interaction."""
        expires = self.now() + timedelta(minutes=15)
        return {
            "kind": "command",
            "user": self.person,
            "place": place,
            "app": self.discord.app_id,
            "token": made.token,
            "expires": str(expires.timestamp()),
        }

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
        return await self.insist(lambda: courier.deliver(turn, reply))

    async def insist(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do something as often as the core does."""
        for seconds in (2, 10, 60, 300):
            try:
                return await work()
            except DeliveryError as error:
                if error.final:
                    raise
                self.ahead += timedelta(seconds=seconds)
        return await work()

    # What people see

    def messages(self, channel: str = "") -> list[Json]:
        """List the bot's messages in the thread, oldest first."""
        place = self.discord.world.channels.get(channel or self.asked)
        if place is None:
            return []
        found = self.discord.messages(place.id)
        return [m for m in found if m["author"]["id"] == self.discord.bot_user and m["type"] != 21]

    def with_files(self, channel: str = "") -> list[Json]:
        return [one for one in self.messages(channel) if self.discord.pictures(one)]

    def sent(self) -> list[str]:
        """The ids of all messages that Discord made for us, anywhere, deleted ones too."""
        calls = self.discord.calls("channels/*/messages", "POST")
        return list(dict.fromkeys(call.answer["id"] for call in calls if call.answer))


def said(message: Json) -> str:
    """Everything that people read in a message."""
    return "\n".join(_texts(message["components"]))


def buttons(message: Json) -> list[str]:
    """The custom_ids of a message's buttons."""
    found: list[str] = []
    for component in message["components"]:
        found += [component["custom_id"]] if "custom_id" in component else []
        found += buttons({"components": component.get("components", [])})
    return found


def _texts(components: Sequence[Json]) -> list[str]:
    found: list[str] = []
    for component in components:
        found += [component["content"]] if "content" in component else []
        found += _texts(component.get("components", []))
    return found
