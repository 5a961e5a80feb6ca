"""Puts figures before a reader: tables, ratios with their spread, and goals met or missed."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a figure should be. ratio: it is one, so the machine's mood matters little."""

    what: str
    value: float
    most: float
    unit: str = ""
    ratio: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.most


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The ratio of two figures: the median over rounds, and its extremes."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Divide round by round: what was measured in one round met the same machine."""
    found = [a / b if b else math.inf for a, b in zip(above, below, strict=True)]
    return Ratio(median=statistics.median(found), low=min(found), high=max(found))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table, its columns in line."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, ["-" * width for width in widths], *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(f"| {' | '.join(cells)} |")
    print()


def goals(items: Sequence[Goal]) -> None:
    """Print each goal beside what was measured."""
    rows = [
        [
            "pass" if goal.met else "MISS",
            goal.what,
            f"{goal.value:.3g}{goal.unit}",
            f"<= {goal.most:g}{goal.unit}",
            "ratio" if goal.ratio else "absolute: this machine, now",
        ]
        for goal in items
    ]
    table(["", "goal", "measured", "wanted", "kind"], rows)


def save(path: Path | None, goals_: Sequence[Goal], **figures: object) -> None:
    """Write everything as JSON, when a file was named."""
    if path:
        found = {"goals": [{**asdict(goal), "met": goal.met} for goal in goals_], **figures}
        path.write_text(json.dumps(found, indent=1, default=asdict) + "\n")
