"""How soon Slack gets its acknowledgement while the bot is busy.

``python -m benchmarks.acks [--events N] [--seconds S] [--json FILE]``.
``benchmarks/README.md`` says how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import report
from benchmarks.measure import Figures, progress
from benchmarks.report import Goal
from tests.slack.harness import WAYS, environment, until_listening
from tests.standins.gemini import GeminiStandin
from tests.standins.slack import SlackStandin

if TYPE_CHECKING:
    from collections.abc import Coroutine

_IN_FLIGHT = 20
_KINDS = ("mention", "reply", "chatter", "command")


class _Crowd:
    """People who say things, at a steady pace."""

    def __init__(self, slack: SlackStandin) -> None:
        self._slack = slack
        self._random = random.Random(7)
        self.people = [slack.person(f"person{number}") for number in range(50)]
        self.channels = [
            slack.channel(f"channel{number}", members=self.people) for number in range(20)
        ]
        self.roots: list[tuple[str, str]] = []

    async def ask(self) -> None:
        """Begin a thread."""
        channel = self._random.choice(self.channels)
        who = self._random.choice(self.people)
        ts = await self._slack.say(channel, who, f"<@{self._slack.bot_user}> a fox")
        self.roots.append((channel, ts))

    def gesture(self, kind: str) -> Coroutine[object, object, object]:
        """Do one thing that Slack tells the bot."""
        channel = self._random.choice(self.channels)
        who = self._random.choice(self.people)
        if kind == "mention":
            return self.ask()
        if kind == "reply":
            channel, ts = self._random.choice(self.roots)
            return self._slack.say(channel, who, "make it night", thread_ts=ts)
        if kind == "command":
            return self._slack.command(channel, who, "/imagine", "a castle")
        return self._slack.say(channel, who, "did anybody see the game?")


async def _run(way: str, events: int, seconds: float) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        async with SlackStandin() as slack, GeminiStandin() as gemini:
            crowd = _Crowd(slack)
            gemini.hold()
            environ = environment(Path(folder), slack, gemini, way)
            environ |= {
                "THREADPAINT_LOG_LEVEL": "error",
                "THREADPAINT_PERSON_RUNNING": str(_IN_FLIGHT),
                "THREADPAINT_WORKSPACE_RUNNING": str(_IN_FLIGHT),
            }
            kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            bot = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", env=kept | environ, cwd=Path.cwd()
            )
            ended = asyncio.ensure_future(bot.wait())
            try:
                await until_listening(slack, environ, ended)
                for _ in range(_IN_FLIGHT):
                    await crowd.ask()
                await gemini.until_waiting(_IN_FLIGHT)
                before = len(slack.deliveries.sent)
                await _play(crowd, events, seconds)
                return _figures(slack, before, events)
            finally:
                gemini.release()
                bot.send_signal(signal.SIGKILL)
                await ended


async def _play(crowd: _Crowd, events: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    gestures = []
    for number in range(events):
        await asyncio.sleep(max(0, began + number * seconds / events - loop.time()))
        gestures.append(asyncio.ensure_future(crowd.gesture(_KINDS[number % len(_KINDS)])))
    await asyncio.gather(*gestures)


def _figures(slack: SlackStandin, before: int, events: int) -> Figures:
    deliveries = slack.deliveries.sent[before:]
    first = sorted(delivery.acks[0].seconds * 1e3 for delivery in deliveries)
    missed = sum(not delivery.acks[0].acked for delivery in deliveries)
    return {
        "events": events,
        "deliveries": len(deliveries),
        "not_acked": missed,
        "p50_ms": first[len(first) // 2],
        "p99_ms": first[int(len(first) * 0.99)],
        "max_ms": first[-1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    found: dict[str, Figures] = {}
    for way in WAYS:
        progress(f"{way}: {chosen.events} events")
        found[way] = asyncio.run(_run(way, chosen.events, chosen.seconds))
    progress("")
    print(
        f"{chosen.events:,} events in {chosen.seconds:g} s (a quarter each: mention, reply,"
        f" chatter, command), {_IN_FLIGHT} turns in flight\n"
    )
    names = {
        "deliveries": "deliveries",
        "not_acked": "not acknowledged in 3 s",
        "p50_ms": "p50 ms",
        "p99_ms": "p99 ms",
        "max_ms": "longest ms",
    }
    rows = [[way, *(f"{found[way][key]:.0f}" for key in names)] for way in WAYS]
    report.table(["", *names.values()], rows)
    goals = []
    for way in WAYS:
        figures = found[way]
        goals += [
            Goal(what=f"not acknowledged, {way}", value=figures["not_acked"], most=0),
            Goal(what=f"ack p99, {way}", value=figures["p99_ms"], most=500, unit=" ms"),
            Goal(what=f"longest ack, {way}", value=figures["max_ms"], most=3000, unit=" ms"),
        ]
    report.goals(goals)
    report.save(chosen.json, goals, figures=found)


if __name__ == "__main__":
    main()
