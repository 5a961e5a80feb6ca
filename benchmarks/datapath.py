"""The data path of one edit turn, side by side: the product, the floor, and google-genai.

``python -m benchmarks.datapath [--quick] [--rounds N] [--verify | --transports] [--json FILE]``.
``benchmarks/README.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from benchmarks import report, server
from benchmarks.edit import Job, Variant
from benchmarks.material import MEGABYTE, Cell, Material
from benchmarks.measure import Figures, child, median, progress
from benchmarks.report import Goal

if TYPE_CHECKING:
    from collections.abc import Sequence

Runs: TypeAlias = "dict[tuple[Cell, Variant], list[Figures]]"

_SMALL = Cell(count=1, size=64_000)
_MIDDLE = Cell(count=5, size=6 * MEGABYTE)
_SIGNED = Cell(count=5, size=1_500_000, signature=1_000_000)
_CELLS = [
    Cell(count=count, size=size)
    for size in (1_500_000, 6 * MEGABYTE, 18 * MEGABYTE)
    for count in (1, 5, 10)
]
_VARIANTS: tuple[Variant, ...] = ("ours", "floor", "floor + raw answer", "google-genai")
_TRANSPORTS: tuple[Variant, ...] = ("ours", "ours on stock httpx", "floor")
_LARGE = 90 * MEGABYTE  # a history from which on google-genai takes seconds a turn


class Bench:
    """Material, a server over it, and jobs for fresh processes."""

    def __init__(self, folder: Path, material: Material, address: str) -> None:
        self._folder = folder
        self._material = material
        self._address = address

    def job(self, cell: Cell, variant: Variant, turns: int, *, verify: bool = False) -> Job:
        few = variant == "google-genai" and cell.count * cell.size >= _LARGE
        out = self._folder / "out"
        out.mkdir(exist_ok=True)
        return Job(
            variant=variant,
            touch=f"{self._address}/{_SMALL.answer}",
            address=f"{self._address}/{cell.answer}",
            small=self._material.history(_SMALL),
            history=self._material.history(cell),
            blobs=str(self._folder / "blobs"),
            out=str(out),
            turns=1 if few else turns,
            watched=1 if few or turns == 1 else 2,
            expected=tuple(self._material.answered(cell)) if verify else (),
        )

    def run(self, cell: Cell, variant: Variant, turns: int, *, verify: bool = False) -> Figures:
        job = self.job(cell, variant, turns, verify=verify)
        return child(["-m", "benchmarks.edit", job.to_json()])

    def log(self) -> list[dict[str, list[str]]]:
        found = asyncio.run(server.ask(self._address, "log"))
        return cast("list[dict[str, list[str]]]", found)

    def sent(self, cell: Cell) -> list[str]:
        """List the digests of what a request of this cell has to carry."""
        digests = []
        for picture, signature in self._material.history(cell):
            raw = base64.b64decode(Path(signature.path).read_bytes())
            digests += [picture.digest, hashlib.sha256(raw).hexdigest()]
        return digests


def _measure(
    bench: Bench, cells: Sequence[Cell], variants: Sequence[Variant], rounds: int, turns: int
) -> Runs:
    """Run every variant at every cell, each in a process of its own, in a new order each round."""
    runs: Runs = {(cell, variant): [] for cell in cells for variant in variants}
    for number in range(1, rounds + 1):
        order = random.sample(list(runs), len(runs))
        for done, (cell, variant) in enumerate(order, 1):
            runs[cell, variant].append(bench.run(cell, variant, turns))
            progress(f"round {number} of {rounds}: {done} of {len(order)}")
    return runs


def _ratio(runs: Runs, cell: Cell, figure: str, above: Variant, below: Variant) -> report.Ratio:
    numbers = [[run[figure] for run in runs[cell, variant]] for variant in (above, below)]
    return report.ratio(*numbers)


def _print(runs: Runs, cells: Sequence[Cell], variants: Sequence[Variant]) -> None:
    print("Absolute figures, medians: this machine, now; compare only within the table\n")
    rows = []
    for cell in cells:
        for variant in variants:
            found = median(runs[cell, variant])
            stall = "-" if variant.startswith("floor") else f"{found['stall_ms']:.1f}"
            figures = (f"{found[name]:.1f}" for name in ("cpu_ms", "wall_ms", "memory_mb"))
            rows.append([cell.name, variant, *figures, stall])
    heads = ["history", "variant", "CPU ms", "wall ms", "added MB", "longest stall ms"]
    report.table(heads, rows)
    print("Ratios, ours to the other's: median over the rounds (lowest-highest)\n")
    columns = [
        (name, figure, other)
        for other in variants
        for name, figure in _COMPARED
        if other != "ours" and (figure == "cpu_ms" or not other.startswith("floor"))
    ]
    rows = [
        [
            cell.name,
            *(str(_ratio(runs, cell, figure, "ours", other)) for _, figure, other in columns),
        ]
        for cell in cells
    ]
    report.table(["history", *(f"{name} to {other}" for name, _, other in columns)], rows)


_COMPARED = (("CPU", "cpu_ms"), ("wall", "wall_ms"), ("memory", "memory_mb"), ("stall", "stall_ms"))


def _goals(runs: Runs, cells: Sequence[Cell]) -> list[Goal]:
    floor = _ratio(runs, _MIDDLE, "cpu_ms", "ours", "floor")
    rival = _ratio(runs, _MIDDLE, "cpu_ms", "ours", "google-genai")
    compared = (("floor", 1.5, floor), ("google-genai", 0.2, rival))
    found = [
        Goal(what=f"CPU to {other}, {_MIDDLE.name}", value=ratio.median, most=most, ratio=True)
        for other, most, ratio in compared
    ]
    ours = {cell: median(runs[cell, "ours"]) for cell in cells}
    memory = max(ours, key=lambda cell: ours[cell]["memory_mb"])
    stall = max(ours, key=lambda cell: ours[cell]["stall_ms"])
    return [
        *found,
        Goal(
            what=f"memory added, worst cell ({memory.name})",
            value=ours[memory]["memory_mb"],
            most=8,
            unit=" MB",
        ),
        Goal(
            what=f"longest stall, worst cell ({stall.name})",
            value=ours[stall]["stall_ms"],
            most=50,
            unit=" ms",
        ),
    ]


def _verify(bench: Bench, cells: Sequence[Cell]) -> None:
    """Compare the digests of what each variant sent and stored; nothing is timed."""
    for cell in cells:
        for variant in (*_VARIANTS, "ours on stock httpx"):
            bench.log()
            bench.run(cell, variant, 1, verify=True)
            for request in bench.log()[1:]:
                if request["digests"] != bench.sent(cell):
                    raise SystemExit(f"{variant} sent something else at {cell.name}")
            print(f"{cell.name}: {variant} sent and stored the right bytes", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="three cells, two rounds")
    parser.add_argument("--verify", action="store_true", help="compare digests, time nothing")
    parser.add_argument("--transports", action="store_true", help="our transport and httpx's own")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: a temporary")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main() -> None:
    chosen = _arguments()
    cells = [_CELLS[0], _CELLS[1], _MIDDLE] if chosen.quick else [*_CELLS, _SIGNED]
    variants = _VARIANTS
    if chosen.transports:
        cells, variants = [_MIDDLE], _TRANSPORTS
    with tempfile.TemporaryDirectory(prefix="threadpaint-bench-", dir=chosen.folder) as name:
        folder = Path(name)
        material = Material(folder)
        for cell in (_SMALL, *cells):
            asyncio.run(material.prepare(cell))
        with server.running(material.answers, verify=chosen.verify) as address:
            bench = Bench(folder, material, address)
            if chosen.verify:
                _verify(bench, cells)
                return
            rounds = 2 if chosen.quick else chosen.rounds
            runs = _measure(bench, cells, variants, rounds, turns=5)
    _print(runs, cells, variants)
    if chosen.transports:
        return
    goals = _goals(runs, cells)
    report.goals(goals)
    figures = [
        {"history": cell.name, "variant": variant, "rounds": rounds}
        for (cell, variant), rounds in runs.items()
    ]
    report.save(chosen.json, goals, figures=figures)


if __name__ == "__main__":
    main()
