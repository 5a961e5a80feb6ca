"""What the process costs before it does anything: importing all of it, and the small commands.

``python -m benchmarks.idle [--rounds N] [--json FILE]``. ``benchmarks/README.md`` says how to read
it. Each figure comes from a fresh process, at its exit.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import report, server
from benchmarks.material import Material
from benchmarks.measure import ROOT, Figures, child, median, progress
from benchmarks.report import Goal

_HEAVY = ("google.genai", "discord", "slack_bolt", "alembic")
_REPORT = f"""
import atexit, sys
def report():
    import json, resource
    used = resource.getrusage(resource.RUSAGE_SELF)
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    print(json.dumps({{
        "cpu_s": used.ru_utime + used.ru_stime,
        "rss_mb": pages * resource.getpagesize() / 1e6,
        "modules": len(sys.modules),
        **{{name: name in sys.modules for name in {_HEAVY!r}}},
    }}))
atexit.register(report)
"""
_EVERYTHING = """
import aiohttp, discord, discord.app_commands
import slack_bolt.async_app, slack_bolt.adapter.socket_mode.aiohttp
import adapters.gemini.client, adapters.offline.model, adapters.terminal.platform
import bot.app, bot.cli, bot.pictures, bot.report, bot.say, bot.settings
import storage.blobs, storage.engine, storage.lock, storage.spool, storage.turns
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A process to look at. without: heavy modules that it must not load."""

    name: str
    code: str
    environment: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = _HEAVY

    def run(self, folder: Path) -> Figures:
        environment = {"PYTHONPATH": str(ROOT), "DATA_DIR": str(folder), **dict(self.environment)}
        return child(["-c", _REPORT + self.code], environment, folder, quiet=True)


def _command(*words: str) -> str:
    return f"sys.argv = {['threadpaint', *words]!r}\nfrom bot.cli import main\nmain()\n"


def _cases(address: str) -> list[Case]:
    say = _command("say", "a red fox in the snow")
    gemini = (("GEMINI_API_KEY", "benchmark"), ("GEMINI_BASE_URL", f"{address}/small"))
    return [
        Case(name="bare interpreter", code=""),
        Case(name="all that run needs", code=_EVERYTHING, without=("google.genai", "alembic")),
        Case(name="say --help", code=_command("say", "--help")),
        Case(name="check", code=_command("check")),
        Case(name="say, offline", code=say),
        Case(name="say, Gemini", code=say, environment=gemini),
    ]


def _goals(found: dict[Case, Figures]) -> list[Goal]:
    run = next(figures for case, figures in found.items() if case.name.startswith("all"))
    goals = [
        Goal(what="RSS of all that run needs", value=run["rss_mb"], most=110, unit=" MB"),
        Goal(what="CPU to import it", value=run["cpu_s"], most=1.6, unit=" s"),
    ]
    return goals + [
        Goal(what=f"heavy modules in {case.name}", value=len(_loaded(case, figures)), most=0)
        for case, figures in found.items()
    ]


def _loaded(case: Case, figures: Figures) -> list[str]:
    return [name for name in case.without if figures[name]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="threadpaint-bench-") as name:
        folder = Path(name)
        material = Material(folder)
        material.add_answer("small", 64_000, 800)
        with server.running(material.answers) as address:
            cases = _cases(address)
            for case in cases:  # the first run compiles modules and makes the database
                case.run(folder)
            runs: dict[Case, list[Figures]] = {case: [] for case in cases}
            for number in range(1, chosen.rounds + 1):
                for case in random.sample(cases, len(cases)):
                    progress(f"round {number} of {chosen.rounds}: {case.name}")
                    runs[case].append(case.run(folder))
            progress("")
    found = {case: median(figures) for case, figures in runs.items()}
    rows = [
        [
            case.name,
            f"{figures['cpu_s']:.2f}",
            f"{figures['rss_mb']:.0f}",
            f"{figures['modules']:.0f}",
            ", ".join(name for name in _HEAVY if figures[name]) or "none",
        ]
        for case, figures in found.items()
    ]
    heads = ["fresh process, at its end", "CPU s", "RSS MB", "modules", f"of {', '.join(_HEAVY)}"]
    report.table(heads, rows)
    goals = _goals(found)
    report.goals(goals)
    report.save(chosen.json, goals, figures={case.name: figures for case, figures in found.items()})


if __name__ == "__main__":
    main()
