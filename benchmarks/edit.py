"""One variant at one cell in a fresh process: a few edit turns, and what they cost.

Run by ``benchmarks.datapath``; takes a job as JSON and prints its figures as JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from benchmarks.material import Stored
from benchmarks.measure import Figures, cpu, memory, stalls

if TYPE_CHECKING:
    from collections.abc import Sequence

Variant: TypeAlias = Literal[
    "ours", "ours on stock httpx", "floor", "floor + raw answer", "google-genai"
]
History: TypeAlias = "list[tuple[Stored, Stored]]"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to run. touch: address of a tiny answer. address: of the cell's answer.

    turns: timed for CPU and wall. watched: further turns, for the stalls. expected: digests that a
    turn has to store; empty while anything is timed.
    """

    variant: Variant
    touch: str
    address: str
    small: History
    history: History
    blobs: str
    out: str
    turns: int
    watched: int
    expected: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        given = json.loads(text)
        for name in ("small", "history"):
            given[name] = [(Stored(**one), Stored(**other)) for one, other in given[name]]
        return cls(**given)


class _Subject(Protocol):
    async def turn(self) -> list[Path]: ...

    async def close(self) -> None: ...


def _subject(job: Job, address: str, history: History) -> _Subject:
    """Build an asynchronous variant; only what it needs is imported."""
    if job.variant == "google-genai":
        from benchmarks.genai import GoogleGenai  # noqa: PLC0415 - see above

        return GoogleGenai(address, history, Path(job.out))
    from benchmarks.ours import Ours  # noqa: PLC0415 - see above

    stock = job.variant == "ours on stock httpx"
    return Ours(address, history, Path(job.out), Path(job.blobs), stock=stock)


async def _asynchronous(job: Job) -> Figures:
    touching = _subject(job, job.touch, job.small)
    _forget(await touching.turn(), ())
    await touching.close()
    before = memory("VmRSS")
    subject = _subject(job, job.address, job.history)
    _forget(await subject.turn(), job.expected)
    cpus, walls = [], []
    for _ in range(job.turns):
        used, began = cpu(), time.perf_counter()
        kept = await subject.turn()
        walls.append(time.perf_counter() - began)
        cpus.append(cpu() - used)
        _forget(kept, job.expected)
    longest = 0.0
    for _ in range(job.watched):
        async with stalls() as stall:
            kept = await subject.turn()
        longest = max(longest, stall.longest)
        _forget(kept, job.expected)
    added = memory("VmHWM") - before
    await subject.close()
    return _figures(cpus, walls, added, longest)


def _blocking(job: Job) -> Figures:
    from benchmarks.floor import Floor  # noqa: PLC0415 - see _subject

    raw = job.variant == "floor + raw answer"
    _forget(Floor(job.touch, job.small, Path(job.out), keep_raw=raw).turn(), ())
    before = memory("VmRSS")
    floor = Floor(job.address, job.history, Path(job.out), keep_raw=raw)
    _forget(floor.turn(), job.expected)
    cpus, walls = [], []
    for _ in range(job.turns):
        used, began = cpu(), time.perf_counter()
        kept = floor.turn()
        walls.append(time.perf_counter() - began)
        cpus.append(cpu() - used)
        _forget(kept, job.expected)
    return _figures(cpus, walls, memory("VmHWM") - before, 0.0)


def _figures(cpus: Sequence[float], walls: Sequence[float], added: float, stall: float) -> Figures:
    return {
        "cpu_ms": statistics.median(cpus) * 1e3,
        "wall_ms": statistics.median(walls) * 1e3,
        "memory_mb": max(0.0, added),
        "stall_ms": stall,
    }


def _forget(kept: Sequence[Path], expected: Sequence[str]) -> None:
    """Remove what a turn stored, so that the next one stores it anew; check it when asked to."""
    if expected:
        found = [hashlib.sha256(path.read_bytes()).hexdigest() for path in kept]
        if found != list(expected):
            raise SystemExit(f"stored {found}, expected {expected}")
    if len(kept) != 2:
        raise SystemExit(f"stored {kept}")
    for path in kept:
        path.unlink()


def main() -> None:
    job = Job.from_json(sys.argv[1])
    figures = _blocking(job) if job.variant.startswith("floor") else asyncio.run(_asynchronous(job))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
