from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import DependencyDown, OutcomeUnknown
from storage.spool import FileSpool

ROOT = Path(__file__).parents[2]
KEY = "0abc.0.1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "spool"


def _names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def _leave(root: Path, name: str, data: bytes) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(data)


async def test_an_answer_is_found_once_it_is_durable(root: Path) -> None:
    points: list[tuple[str, list[str]]] = []
    spool = FileSpool(root, fault=lambda point: points.append((point, _names(root))))
    assert await spool.find(KEY) is None
    async with spool.write(KEY) as sink:
        sink.write(b"one ")
        sink.write(b"two")
        assert await spool.find(KEY) is None
    path = await spool.find(KEY)
    assert path is not None
    assert path.read_bytes() == b"one two"
    assert path.stat().st_mode & 0o077 == 0
    assert points == [
        ("gen.spool_written", [f"{KEY}.part"]),
        ("gen.spool_renamed", [f"{KEY}.answer"]),
    ]
    await spool.remove(KEY)
    await spool.remove(KEY)
    assert await spool.find(KEY) is None


async def test_a_repeated_call_begins_anew(root: Path) -> None:
    spool = FileSpool(root, most_bytes=10)
    async with spool.write(KEY) as sink:
        sink.write(b"503 busy")
        sink.restart()
        sink.write(b"picture")
    assert (root / f"{KEY}.answer").read_bytes() == b"picture"


async def test_a_failed_call_leaves_nothing(root: Path) -> None:
    async def call() -> None:
        async with FileSpool(root).write(KEY) as sink:
            sink.write(b"half an ans")
            raise OutcomeUnknown("cut")

    with pytest.raises(OutcomeUnknown, match="cut"):
        await call()
    assert not _names(root)


async def test_a_cancelled_call_leaves_nothing(root: Path) -> None:
    begun = asyncio.Event()

    async def call() -> None:
        async with FileSpool(root).write(KEY) as sink:
            sink.write(b"half")
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _names(root)


async def test_a_cancel_that_comes_too_late_does_not_lose_the_answer(root: Path) -> None:
    written, go_on = threading.Event(), threading.Event()

    def fault(point: str) -> None:
        if point == "gen.spool_written":
            written.set()
            go_on.wait(10)

    async def call() -> None:
        async with FileSpool(root, fault=fault).write(KEY) as sink:
            sink.write(b"paid for")

    task = asyncio.create_task(call())
    await asyncio.to_thread(written.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (root / f"{KEY}.answer").read_bytes() == b"paid for"


async def test_an_answer_without_end_is_cut_off(root: Path) -> None:
    async def call() -> None:
        async with FileSpool(root, most_bytes=2 << 20).write(KEY) as sink:
            for _ in range(3):
                sink.write(b"a" * (1 << 20))

    with pytest.raises(OutcomeUnknown, match="larger than 2 MB"):
        await call()
    assert not _names(root)


@pytest.mark.parametrize(
    ("point", "names"),
    [("gen.spool_written", [f"{KEY}.part"]), ("gen.spool_renamed", [f"{KEY}.answer"])],
)
async def test_a_kill_leaves_a_whole_answer_or_none(
    root: Path, point: str, names: list[str]
) -> None:
    script = """
import asyncio, os, signal, sys
from pathlib import Path
from storage.spool import FileSpool
def fault(point):
    if point == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
async def main():
    async with FileSpool(Path(sys.argv[1]), fault=fault).write(sys.argv[3]) as sink:
        sink.write(b"answer")
asyncio.run(main())
"""
    await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, str(root), point, KEY], cwd=ROOT, check=False
    )
    assert _names(root) == names
    spool = FileSpool(root)
    found = await spool.find(KEY)
    assert (found is not None) == (point == "gen.spool_renamed")
    salvaged = await spool.salvage(KEY)
    assert salvaged == await spool.find(KEY) == await spool.salvage(KEY)
    assert salvaged is not None
    assert salvaged.read_bytes() == b"answer"
    assert _names(root) == [f"{KEY}.answer"]


async def test_an_answer_of_which_nothing_arrived_is_not_salvaged(root: Path) -> None:
    spool = FileSpool(root)
    assert await spool.salvage(KEY) is None
    _leave(root, f"{KEY}.part", b"")
    assert await spool.salvage(KEY) is None
    assert await spool.find(KEY) is None


async def test_a_call_made_again_forgets_what_a_crash_left(root: Path) -> None:
    _leave(root, f"{KEY}.part", b"left by a crash")
    async with FileSpool(root).write(KEY) as sink:
        sink.write(b"new")
    assert (root / f"{KEY}.answer").read_bytes() == b"new"


async def test_a_sweep_takes_what_is_old_and_unwanted(root: Path) -> None:
    spool, now = FileSpool(root), datetime.now(UTC)
    assert spool.sweep(now, timedelta(), lambda _: False) == 0
    for key in ("wanted.0.1", "kept.0.1"):
        async with spool.write(key) as sink:
            sink.write(b"answer")
    for key in ("wanted.0.2", "dead.0.1"):
        (root / f"{key}.part").write_bytes(b"cut by a crash")
        os.utime(root / f"{key}.part", (1, 1))
    (root / "young.0.1.part").write_bytes(b"another process writes this")

    def keep(key: str) -> bool:
        return key.startswith("wanted")

    assert spool.sweep(now, timedelta(hours=1), keep) == 1
    assert "dead.0.1.part" not in _names(root)
    assert spool.sweep(now + timedelta(hours=2), timedelta(hours=1), keep) == 2
    assert _names(root) == ["wanted.0.1.answer", "wanted.0.2.part"]


@pytest.mark.parametrize("key", ["", "../lock", ".hidden", "a/b", "a\n"])
async def test_a_key_cannot_leave_the_folder(root: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        await FileSpool(root).find(key)


async def test_a_folder_that_cannot_be_used_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    with pytest.raises(DependencyDown, match="data folder cannot be used"):
        async with FileSpool(tmp_path / "spool").write(KEY):
            pass


async def test_an_answer_that_cannot_be_renamed_is_told_and_leaves_no_part(root: Path) -> None:
    (root / f"{KEY}.answer" / "in the way").mkdir(parents=True)
    with pytest.raises(DependencyDown):
        async with FileSpool(root).write(KEY) as sink:
            sink.write(b"answer")
    assert _names(root) == [f"{KEY}.answer"]
