"""Takes the figures of one process, its CPU, memory and stalls, and runs such processes."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

Figures: TypeAlias = dict[str, float]

ROOT = Path(__file__).resolve().parent.parent
_TICK = 0.002
_FILES = 65_536


def cpu() -> float:
    """Seconds of CPU that this process has had, user and system, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory(field: str) -> float:
    """Read ``VmRSS`` or ``VmHWM`` (the highest it ever was), in MB of 1,000,000 bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(field)


class Stall:
    """How late the event loop ever was, in ms."""

    longest = 0.0


@asynccontextmanager
async def stalls() -> AsyncIterator[Stall]:
    """Watch the loop with a task that sleeps 2 ms. It costs a little CPU, so not in timed turns."""
    stall = Stall()

    async def watch() -> None:
        while True:
            due = time.perf_counter() + _TICK
            await asyncio.sleep(_TICK)
            stall.longest = max(stall.longest, (time.perf_counter() - due) * 1e3)

    task = asyncio.create_task(watch())
    try:
        await asyncio.sleep(0)
        yield stall
        await asyncio.sleep(0)
    finally:
        task.cancel()


def allow_files() -> None:
    """Let this process, and those that it starts, have as many open files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def child(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    *,
    quiet: bool = False,
) -> Figures:
    """Run ``python ARGUMENTS`` in a fresh process; its last line is an object of figures.

    Nothing but ``environment`` and what finds the interpreter's libraries is passed on: a proxy or
    a THREADPAINT_ variable of this machine must not be measured.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not quiet:
        sys.stderr.write(done.stderr)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)[:200]} ended with {done.returncode}")
    return cast("Figures", json.loads(done.stdout.splitlines()[-1]))


def median(runs: Sequence[Figures]) -> Figures:
    """Take the median of each figure over several runs."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def progress(words: str) -> None:
    """Show how far it is, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{words}")
