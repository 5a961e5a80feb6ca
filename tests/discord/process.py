"""Runs ``threadpaint run`` as its own process on the stand-in of Discord."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.core.commands import start
from tests.discord.harness import environment, until_listening
from tests.slack.process import Process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.standins.discord import DiscordStandin
    from tests.standins.gemini import GeminiStandin


@asynccontextmanager
async def launched(
    folder: Path,
    discord: DiscordStandin,
    gemini: GeminiStandin | None,
    *,
    listening: bool = True,
    **more: str,
) -> AsyncIterator[Process]:
    """Run the bot; it is killed at the end. listening: wait until it listens."""
    environ = environment(folder, discord, gemini, **more)
    await discord.until(lambda: not discord.connections)
    process = Process(await start(folder, gemini, "run", stdout=asyncio.subprocess.PIPE, **environ))
    try:
        if listening:
            ended = asyncio.create_task(process.surely_ended())
            await until_listening(discord, ended)
            ended.cancel()
            await discord.until(lambda: all(one.events for one in discord.gateway.connected))
        yield process
    finally:
        if process.running:
            process.kill()
        await process.until_ended()
        await discord.until(lambda: not discord.connections)
