"""Many turns at once, and one at a time, each scenario in a fresh process.

Run by ``benchmarks.turns``; takes a scenario's name, a job as JSON, and prints figures as JSON.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx
from pydantic import SecretStr

from benchmarks import server
from benchmarks.floor import Floor
from benchmarks.material import MODEL, PROMPT
from benchmarks.measure import Figures, allow_files, cpu, memory, stalls
from benchmarks.ours import Ours
from bot.app import open_app
from bot.chat import Message, Notice, Post, Progress, Reply
from bot.conversation import ThreadId, TurnState
from bot.planning import HISTORY, Policy, make_plan
from bot.ports import Caps
from bot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

    from bot.chat import Attachment
    from bot.conversation import Turn, TurnId
    from bot.ports import Desk
    from bot.serving import App

_HOLD = 5.0
_SETTLE = 2.0  # of the hold, before memory is looked at
_THREADS = (5, 50, 500)
_REPEATS = 30
_WARM = 5
_DRAIN = 120


@dataclass(frozen=True, kw_only=True)
class Job:
    """server: its address. answer: which one. folder: for data. count: turns."""

    server: str
    answer: str
    folder: str
    count: int

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def address(self) -> str:
        return f"{self.server}/{self.answer}"

    def caps(self) -> Caps:
        return Caps(person=self.count, workspace=self.count, total=self.count)


class Chat:
    """A chat platform in this process that shows everything at once and remembers when."""

    name = "bench"

    def __init__(self) -> None:
        self.delivered: dict[TurnId, float] = {}
        self._waiting: dict[TurnId, asyncio.Future[bool]] = {}

    async def shown(self, turn: TurnId) -> bool:
        """Wait until a turn is answered (True), or the person is told that it is not."""
        self._waiting[turn] = asyncio.get_running_loop().create_future()
        return await self._waiting[turn]

    async def run(self, desk: Desk) -> None:
        raise NotImplementedError

    def download(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        raise NotImplementedError

    async def working(self, turn: Turn, progress: Progress) -> None:
        pass

    async def deliver(self, turn: Turn, reply: Reply) -> Sequence[Post]:
        assert reply.pictures
        self.delivered[turn.id] = time.monotonic()
        self._show(turn, answered=True)
        return [Post(message_id=f"{turn.id}:0", choice=0)]

    async def close(self) -> None:
        pass

    async def tell(self, turn: Turn, notice: Notice) -> Sequence[Post]:
        print(notice.text, file=sys.stderr)
        self._show(turn, answered=False)
        return [Post(message_id=f"{turn.id}:{notice.kind}")]

    def _show(self, turn: Turn, *, answered: bool) -> None:
        waiting = self._waiting.pop(turn.id, None)
        if waiting and not waiting.done():
            waiting.set_result(answered)


@asynccontextmanager
async def _app(job: Job) -> AsyncIterator[tuple[App, Chat]]:
    """Build the product as it ships, with the chat above and the caps out of the way."""
    settings = Settings(
        gemini_api_key=SecretStr("benchmark"),
        gemini_base_url=job.address,
        gemini_model=MODEL,
        data_dir=Path(job.folder),
        person_running=job.count,
        workspace_running=job.count,
        total_running=job.count,
    )
    chat = Chat()
    async with open_app(settings, lambda _: [chat]) as app:
        yield app, chat


def _message(number: int, thread: str) -> Message:
    return Message(
        id=f"{thread}.{number}",
        thread=ThreadId(platform=Chat.name, workspace="T1", channel="C1", thread=thread),
        author=f"U{number % 50}",
        text=PROMPT,
        sent_at=datetime.now(UTC),
    )


async def _nothing() -> None:
    pass


async def _burst(
    job: Job,
    one: Callable[[int], Awaitable[bool]],
    *,
    together: int | None = None,
    finish: Callable[[], Awaitable[object]] = _nothing,
) -> Figures:
    """Start all turns; the server answers all at once, 5 s after the last one arrived.

    together: so many are answered at once, when that is not all. finish: what belongs to the turns
    but comes after their answers.
    """
    await server.ask(job.server, f"hold/{together or job.count}/{_HOLD}")
    idle, used, began = memory("VmRSS"), cpu(), time.perf_counter()
    holding = asyncio.create_task(_held(job))
    async with stalls() as stall:
        tasks = []
        for number in range(job.count):
            tasks.append(asyncio.ensure_future(one(number)))
            await asyncio.sleep(0)  # they do not arrive in one tick of the loop
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await finish()
    spent, took = cpu() - used, time.perf_counter() - began
    holding.cancel()
    held = await asyncio.gather(holding, return_exceptions=True)
    for problem in {repr(end) for end in ends if isinstance(end, BaseException)}:
        print(problem[:200], file=sys.stderr)
    figures: Figures = {
        "lost": sum(end is not True for end in ends),
        "idle_mb": idle,
        "peak_mb": memory("VmHWM"),
        "peak_over_idle_mb": memory("VmHWM") - idle,
        "cpu_ms": spent / job.count * 1e3,
        "wall_s": took,
        "stall_ms": stall.longest,
    }
    if isinstance(held[0], float):
        figures["held_mb"] = held[0] - idle
    return figures


async def _held(job: Job) -> float:
    """Look at the memory while every turn waits for the model."""
    while await server.ask(job.server, "waiting") != job.count:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.1)
    await asyncio.sleep(_SETTLE)
    return memory("VmRSS")


async def model(job: Job) -> Figures:
    """The model client alone: spool, call, read."""
    folder = Path(job.folder)
    ours = Ours(job.address, [], folder, folder / "blobs")
    await ours.turn()

    async def one(_: int) -> bool:
        return len(await ours.turn()) == 2

    figures = await _burst(job, one)
    await ours.close()
    return figures


async def defaults(job: Job) -> Figures:
    """httpx as it comes, for comparison: each call gets its answer 5 s after it arrived."""
    body = {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}
    url = f"{job.address}/v1beta/models/{MODEL}:generateContent"
    async with httpx.AsyncClient(trust_env=False) as client:

        async def one(_: int) -> bool:
            answer = await client.post(url, json=body)
            return bool(answer.json()["candidates"])

        await one(0)
        return await _burst(job, one, together=1)


async def floor(job: Job) -> Figures:
    """The least that such a turn can cost, one after the other: see ``benchmarks.floor``."""
    folder = Path(job.folder)
    floor_ = Floor(job.address, [], folder)
    floor_.turn()
    used, began = cpu(), time.perf_counter()
    for _ in range(job.count):
        floor_.turn()
    spent, took = cpu() - used, time.perf_counter() - began
    return {"lost": 0, "wall_s": took, "cpu_ms": spent / job.count * 1e3}


async def migrate(job: Job) -> Figures:
    """Make the database, so that the next process starts as a bot does on any day but its first."""
    async with _app(job):
        return {}


async def durable(job: Job) -> Figures:
    """The whole durable turn: accept, claim, reserve, call, spool, read, keep, deliver, done."""
    accepts: list[float] = []
    turns: list[TurnId] = []
    async with _app(job) as (app, chat), app.running():

        async def one(number: int) -> bool:
            began = time.perf_counter()
            turn = await app.turns.accept(_message(number, f"burst-{number}"))
            accepts.append(time.perf_counter() - began)
            turns.append(turn)
            return await chat.shown(turn)

        await one(-1)
        accepts.clear()
        figures = await _burst(job, one, finish=partial(app.queue.drain, _DRAIN))
        states = [(await app.store.get(turn)).state for turn in turns[1:]]
        figures["lost"] = sum(state is not TurnState.DONE for state in states)
    return {**figures, **_spread("accept", accepts)}


async def text(job: Job) -> Figures:
    """Text turns in fresh threads, one at a time."""
    accepts, arrivals, deliveries = [], [], []
    async with _app(job) as (app, chat), app.running():

        async def one(number: int) -> None:
            began = time.monotonic()
            turn = await app.turns.accept(_message(number, f"text-{number}"))
            accepts.append(time.monotonic() - began)
            assert (await app.turns.ended(turn)).state is TurnState.DONE
            [entry] = cast("list[dict[str, float]]", await server.ask(job.server, "log"))
            arrivals.append(entry["arrived"] - began)
            deliveries.append(chat.delivered[turn] - entry["answered"])

        for number in range(_WARM):
            await one(-1 - number)
        for found in (accepts, arrivals, deliveries):
            found.clear()
        used = cpu()
        for number in range(job.count):
            await one(number)
        spent = cpu() - used
    return {
        **_spread("accept", accepts),
        **_spread("in", arrivals),
        **_spread("out", deliveries),
        "cpu_ms": spent / job.count * 1e3,
    }


async def threads(job: Job) -> Figures:
    """Load a thread of 5, 50 and 500 turns: the store alone, and all of the plan of a turn."""
    figures: Figures = {}
    async with _app(job) as (app, _):
        for number in range(max(_THREADS) + 1):
            await app.turns.accept(_message(number, "long"))
            [turn] = await app.store.claim(job.caps(), [Chat.name], datetime.now(UTC))
            if number in _THREADS:
                record = await app.store.record(turn.id)
                load = partial(app.store.lineage, turn, HISTORY)
                plan = partial(make_plan, app.store, app.model, Policy(), turn, record)
                figures[f"lineage_{number}_ms"] = await _timed(load)
                figures[f"plan_{number}_ms"] = await _timed(plan)
            await app.turns.advance(turn)
    return figures


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    """Take the median of many runs, in ms."""
    found = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        await work()
        found.append(time.perf_counter() - began)
    return statistics.median(found) * 1e3


def _spread(name: str, seconds: Sequence[float]) -> Figures:
    """Give p50 and p99 in ms."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {f"{name}_p50_ms": cuts[49] * 1e3, f"{name}_p99_ms": cuts[98] * 1e3}


_SCENARIOS = {
    each.__name__: each for each in (model, floor, defaults, migrate, durable, text, threads)
}


if __name__ == "__main__":
    allow_files()
    chosen = Job(**json.loads(sys.argv[2]))
    Path(chosen.folder).mkdir(parents=True, exist_ok=True)
    print(json.dumps(asyncio.run(_SCENARIOS[sys.argv[1]](chosen))))
