"""Runs ``threadpaint`` as its own process, against a stand-in that lives in the test."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.core.harness import settings_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out)
        return answer


def environment(folder: Path, gemini: GeminiStandin | None, **more: str) -> dict[str, str]:
    """A clean environment but for the paths that Python needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | settings_for(folder, gemini) | more


async def start(
    folder: Path,
    gemini: GeminiStandin | None,
    *arguments: str,
    stdout: int = asyncio.subprocess.PIPE,
    **more: str,
) -> asyncio.subprocess.Process:
    """Start ``threadpaint`` in a folder."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        cwd=folder,
        env=environment(folder, gemini, **more),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )


async def finish(process: asyncio.subprocess.Process) -> Ran:
    """Wait for the end of a process."""
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(code=process.returncode, out=(out or b"").decode(), err=err.decode())


async def until_said(process: asyncio.subprocess.Process, words: str) -> None:
    """Wait until a process says something on stderr."""
    assert process.stderr
    async with asyncio.timeout(20):
        while line := await process.stderr.readline():
            if words in line.decode():
                return
    message = f"ended without saying: {words}"
    raise AssertionError(message)


async def threadpaint(
    folder: Path, gemini: GeminiStandin | None, *arguments: str, **more: str
) -> Ran:
    """Run ``threadpaint`` in a folder to its end."""
    process = await start(folder, gemini, *arguments, stdout=asyncio.subprocess.PIPE, **more)
    return await finish(process)
