"""How soon Discord gets its first answer when a whole server asks at once; and nothing is lost.

``python -m benchmarks.defers [--commands N] [--json FILE]``.
``benchmarks/README.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import report
from benchmarks.measure import Figures, progress
from benchmarks.report import Goal
from tests.discord.harness import environment, until_listening
from tests.standins.discord import DiscordStandin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.standins.discord import Interaction

_PEOPLE, _CHANNELS = 50, 10
_ANSWER_SECONDS = 240


def _answered(discord: DiscordStandin, channels: Sequence[str]) -> int:
    """Count the threads in which a picture stands."""
    threads = [thread for channel in channels for thread in discord.threads(channel)]
    return sum(any(map(discord.pictures, discord.messages(thread))) for thread in threads)


async def _bot(folder: Path, discord: DiscordStandin) -> asyncio.subprocess.Process:
    environ = environment(folder, discord, None)
    environ |= {
        "THREADPAINT_LOG_LEVEL": "error",
        "THREADPAINT_PERSON_RUNNING": "4",
        "THREADPAINT_IMAGE_SIZE": "0.5K",
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    bot = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", env=kept | environ, cwd=Path.cwd()
    )
    await until_listening(discord, asyncio.ensure_future(bot.wait()))
    return bot


async def _run(commands: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        async with DiscordStandin() as discord:
            discord.guild("crowd")
            people = [discord.person(f"person{number}") for number in range(_PEOPLE)]
            for person in people:
                discord.join("crowd", person)
            channels = [discord.channel("crowd", f"room{n}") for n in range(_CHANNELS)]
            bot = await _bot(Path(folder), discord)
            try:
                used = await asyncio.gather(
                    *(
                        discord.slash(
                            channels[n % _CHANNELS], people[n % _PEOPLE], "/imagine", prompt="a fox"
                        )
                        for n in range(commands)
                    )
                )
                bot.send_signal(signal.SIGKILL)  # in the middle of it
                await bot.wait()
                bot = await _bot(Path(folder), discord)
                await discord.until(
                    lambda: _answered(discord, channels) >= commands, _ANSWER_SECONDS
                )
            finally:
                bot.send_signal(signal.SIGKILL)
                await bot.wait()
            return _figures(used, _answered(discord, channels))


def _figures(used: Sequence[Interaction], answered: int) -> Figures:
    waits = sorted(one.seconds * 1e3 for one in used)
    return {
        "commands": len(used),
        "failed": sum(not one.deferred for one in used),
        "p50_ms": waits[len(waits) // 2],
        "p99_ms": waits[int(len(waits) * 0.99)],
        "max_ms": waits[-1],
        "lost": len(used) - answered,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=200)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    progress(f"{chosen.commands} commands at once")
    found = asyncio.run(_run(chosen.commands))
    progress("")
    print(f"{chosen.commands} slash commands at once, kill -9 right after, and a restart\n")
    names = {"failed": "not deferred", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "max_ms": "longest"}
    names["lost"] = "lost"
    report.table(list(names.values()), [[f"{found[key]:.0f}" for key in names]])
    goals = [
        Goal(what="not deferred within 3 s", value=found["failed"], most=0),
        Goal(what="defer p99", value=found["p99_ms"], most=500, unit=" ms"),
        Goal(what="lost over the restart", value=found["lost"], most=0),
    ]
    report.goals(goals)
    report.save(chosen.json, goals, figures=found)


if __name__ == "__main__":
    main()
