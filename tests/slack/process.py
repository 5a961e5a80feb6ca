"""Runs ``threadpaint run`` as its own process on the stand-in of Slack."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.core.commands import start
from tests.slack.harness import environment, until_listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin


class Process:
    """A bot that runs, or ran. said: its lines on stderr so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stderr
        async for line in self._process.stderr:
            self.said.append(line.decode())

    @property
    def text(self) -> str:
        return "".join(self.said)

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def until_said(self, words: str) -> str:
        """Wait until it says something; returns the line."""
        async with asyncio.timeout(20):
            while True:
                for line in self.said:
                    if words in line:
                        return line
                assert not self._reading.done(), f"ended without saying {words}: {self.text}"
                await asyncio.sleep(0.01)

    async def until_ended(self) -> int:
        """Wait for its end; returns the exit code."""
        async with asyncio.timeout(30):
            code = await self._process.wait()
            await self._reading
            return code

    async def surely_ended(self) -> None:
        """Fail when it ends."""
        await self.until_ended()
        raise AssertionError(f"it ended: {self.text}")

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


@asynccontextmanager
async def launched(
    folder: Path,
    slack: SlackStandin,
    gemini: GeminiStandin | None,
    way: str = "socket",
    *,
    listening: bool = True,
    **more: str,
) -> AsyncIterator[Process]:
    """Run the bot; it is killed at the end. listening: wait until it listens."""
    environ = environment(folder, slack, gemini, way, **more)
    await slack.until(lambda: not slack.connections)
    process = Process(await start(folder, gemini, "run", stdout=asyncio.subprocess.PIPE, **environ))
    try:
        if listening:
            ended = asyncio.create_task(process.surely_ended())
            await until_listening(slack, environ, ended)
            ended.cancel()
        yield process
    finally:
        if process.running:
            process.kill()
        await process.until_ended()
        slack.http_url = ""
        await slack.until(lambda: not slack.connections)
