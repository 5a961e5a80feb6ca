"""1,000 turns in flight in one process, and one turn at a time.

``python -m benchmarks.turns [--turns N] [--quick] [--json FILE]``.
``benchmarks/README.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import report, server
from benchmarks.flight import Job
from benchmarks.material import MEGABYTE, Material
from benchmarks.measure import Figures, allow_files, child, progress
from benchmarks.report import Goal

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGE = 1_500_000  # bytes of a picture; 2 MB of base64
_SMALL = 64_000
_BURSTS = {
    "model": "model client alone",
    "durable": "whole durable turn",
    "floor": "floor, one by one",
    "defaults": "httpx as it comes",
}
_ABSENT = "-"


def _bursts(run: Callable[[str, int], Figures], count: int) -> list[Goal]:
    found = {name: run(name, count) for name in _BURSTS}
    print(f"{count:,} turns in flight, answered at once with {_LARGE / MEGABYTE:g} MB pictures\n")
    columns = {
        "lost": "lost",
        "wall_s": "wall s",
        "cpu_ms": "CPU ms a turn",
        "idle_mb": "RSS idle MB",
        "held_mb": "held over idle MB",
        "peak_mb": "peak MB",
        "peak_over_idle_mb": "peak over idle MB",
        "stall_ms": "longest stall ms",
        "accept_p50_ms": "accept p50 ms",
        "accept_p99_ms": "accept p99 ms",
    }
    rows = [
        [words, *(_cell(found[name], key) for key in columns)] for name, words in _BURSTS.items()
    ]
    report.table(["", *columns.values()], rows)
    goals = []
    for name, most in (("model", 5), ("durable", 20)):
        words, figures = _BURSTS[name], found[name]
        goals += [
            Goal(what=f"lost, {words}", value=figures["lost"], most=0),
            Goal(what=f"CPU a turn, {words}", value=figures["cpu_ms"], most=most, unit=" ms"),
            Goal(what=f"held over idle, {words}", value=figures["held_mb"], most=40, unit=" MB"),
            Goal(what=f"peak, {words}", value=figures["peak_mb"], most=300, unit=" MB"),
        ]
    return goals


def _cell(figures: Figures, key: str) -> str:
    return f"{figures[key]:.4g}" if key in figures else _ABSENT


def _text(run: Callable[[str, int], Figures], count: int) -> list[Goal]:
    figures = run("text", count)
    print(f"{count} text turns in fresh threads, one at a time\n")
    names = {
        "accept": "message in -> accepted (durable)",
        "in": "message in -> last byte of the model request out",
        "out": "last byte of the answer in -> delivered",
    }
    rows = [
        [words, f"{figures[f'{name}_p50_ms']:.1f}", f"{figures[f'{name}_p99_ms']:.1f}"]
        for name, words in names.items()
    ]
    report.table(["", "p50 ms", "p99 ms"], rows)
    print(f"CPU of a turn: {figures['cpu_ms']:.1f} ms\n")
    return [Goal(what=names["in"] + ", p50", value=figures["in_p50_ms"], most=25, unit=" ms")]


def _threads(run: Callable[[str, int], Figures]) -> None:
    figures = run("threads", 1)
    print("Loading a thread\n")
    rows = [
        [number, f"{figures[f'lineage_{number}_ms']:.1f}", f"{figures[f'plan_{number}_ms']:.1f}"]
        for number in ("5", "50", "500")
    ]
    report.table(["turns in it", "store.lineage ms", "whole plan ms"], rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="200 turns")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: a temporary")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main() -> None:
    chosen = _arguments()
    allow_files()
    kept: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="threadpaint-bench-", dir=chosen.folder) as name:
        folder = Path(name)
        material = Material(folder)
        material.add_answer("large", _LARGE, 800)
        material.add_answer("small", _SMALL, 800)

        def run(scenario: str, count: int) -> Figures:
            progress(scenario)
            large = scenario in _BURSTS
            with server.running(material.answers) as address:
                job = Job(
                    server=address,
                    answer="large" if large else "small",
                    folder=str(folder / scenario),
                    count=count,
                ).to_json()
                child(["-m", "benchmarks.flight", "migrate", job])
                kept[scenario] = child(["-m", "benchmarks.flight", scenario, job])
            progress("")
            return kept[scenario]

        goals = _bursts(run, 200 if chosen.quick else chosen.turns)
        goals += _text(run, 100)
        _threads(run)
    report.goals(goals)
    report.save(chosen.json, goals, figures=kept)


if __name__ == "__main__":
    main()
