"""A whole bot on the stand-in of Discord: real storage, the real discord.py."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bot.app import open_chat
from bot.environment import load
from tests.core.harness import settings_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.serving import App
    from tests.standins.discord import DiscordStandin
    from tests.standins.gemini import GeminiStandin


def environment(
    folder: Path, discord: DiscordStandin, gemini: GeminiStandin | None, **more: str
) -> dict[str, str]:
    """The environment of a bot in a folder that listens to this Discord."""
    return settings_for(folder, gemini) | discord.environment() | more


@asynccontextmanager
async def running(
    folder: Path, discord: DiscordStandin, gemini: GeminiStandin | None, **more: str
) -> AsyncIterator[App]:
    """Run a bot over a folder; opened again over the same folder it is the bot after a restart."""
    stop = asyncio.Event()
    async with open_chat(load(environment(folder, discord, gemini, **more), env_file=None)) as app:
        serving = asyncio.create_task(app.serve(stop))
        try:
            await until_listening(discord, serving)
            yield app
        finally:
            stop.set()
            await serving


async def until_listening(discord: DiscordStandin, serving: asyncio.Future[Any]) -> None:
    """Wait until the bot hears and has its commands."""
    async with asyncio.timeout(20):
        while not (
            discord.connections
            and all(session.events for session in discord.gateway.connected)  # READY was sent
            and discord.world.commands.get("")
        ):
            if serving.done():
                serving.result()
            await asyncio.sleep(0.01)
