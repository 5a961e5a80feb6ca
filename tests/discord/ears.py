"""The real client at the stand-in, with a listener that only notes what it hears."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from adapters.discord.listening import Gateway, defer, listen
from adapters.discord.preflight import Identifies, find
from tests.slack.memory import MemoryJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator

    import discord

    from bot.ports import Journal
    from tests.standins.discord import DiscordStandin

    Answer = Callable[[discord.Interaction], Awaitable[object]]


def addresses() -> Iterator[None]:
    """Put discord.py's addresses back afterwards; they hold for the whole process."""
    api, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    yield
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = api, gateway


class Ears:
    """Notes every event: its name and what was told. answer: what a click or form gets."""

    def __init__(self, answer: Answer = defer) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.returns = 0
        self.answer = answer

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [event for event in self.heard if event[0] == name]

    def returned(self) -> None:
        self.returns += 1

    async def ready(self) -> None:
        self.heard.append(("ready",))

    async def resumed(self) -> None:
        self.heard.append(("resumed",))

    async def said(self, message: discord.Message) -> None:
        self.heard.append(("said", message))

    async def edited(self, update: discord.RawMessageUpdateEvent) -> None:
        self.heard.append(("edited", update))

    async def deleted(self, guild: int | None, channel: int, messages: Collection[int]) -> None:
        self.heard.append(("deleted", guild, channel, set(messages)))

    async def thread_deleted(self, thread: discord.RawThreadDeleteEvent) -> None:
        self.heard.append(("thread deleted", thread.thread_id))

    async def pressed(self, interaction: discord.Interaction, name: str, value: str) -> None:
        self.heard.append(("pressed", name, value, interaction.user.name))
        await self.answer(interaction)

    async def submitted(self, interaction: discord.Interaction, name: str, value: str) -> None:
        self.heard.append(("submitted", name, value, interaction.user.name))
        await self.answer(interaction)

    async def joined(self, guild: discord.Guild) -> None:
        self.heard.append(("joined", guild.name))

    async def left(self, guild: discord.Guild) -> None:
        self.heard.append(("left", guild.name))


class Bot:
    """A client that listens in the background. pauses: how long it would have waited."""

    def __init__(self, standin: DiscordStandin, *, journal: Journal | None = None) -> None:
        self.standin = standin
        self.journal = journal or MemoryJournal()
        self.ears = Ears()
        self.pauses: list[float] = []
        self.gateway = Gateway(content=standin.world.portal_content, ready_seconds=0)
        self.identifies = Identifies(
            self.gateway, self.journal, standin.app_id, sleep=self.sleep
        )  # fmt: skip
        find(standin.api_url)
        DiscordWebSocket.DEFAULT_GATEWAY = URL(standin.gateway_url)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0.01)

    async def listen(self) -> None:
        """Listen until cancelled."""
        await listen(
            self.gateway, self.standin.token, self.ears, self.identifies, sleep=self.sleep
        )  # fmt: skip

    async def heard(self, name: str, times: int = 1) -> list[tuple[Any, ...]]:
        """Wait until something was heard so often."""
        await self.standin.until(lambda: len(self.ears.of(name)) >= times, 5)
        return self.ears.of(name)


@asynccontextmanager
async def listening(
    standin: DiscordStandin, *, journal: Journal | None = None
) -> AsyncIterator[Bot]:
    """Run a bot that is ready."""
    bot = Bot(standin, journal=journal)
    task = asyncio.create_task(bot.listen())
    try:
        await bot.heard("ready")
        yield bot
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await bot.gateway.close()
