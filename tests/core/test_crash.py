"""kill -9 at every named point: the turn ends once, what reached the disk is not bought again."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from bot.faults import POINTS
from tests.core.commands import finish, start, threadpaint
from tests.standins.gemini import Fault
from tests.standins.pictures import png

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin


async def first_turn(folder: Path, gemini: GeminiStandin | None) -> dict[str, object]:
    """What became of the turn of the killed process, by way of its thread's next turn."""
    after = await threadpaint(
        folder, gemini, "say", "make it night", "--thread", "castle", "--json"
    )
    assert after.code == 0, after.err
    second = await threadpaint(folder, gemini, "explain", str(after.json["turn"]), "--json")
    parent = second.json["parent"]
    if parent is None:
        return {"second": second.json}
    first = await threadpaint(folder, gemini, "explain", str(parent), "--json")
    return {"second": second.json, **first.json}


@pytest.mark.parametrize("point", [p for p in POINTS if not p.startswith("verdict.")])
async def test_a_killed_turn_ends_once_and_is_bought_once(
    tmp_path: Path, gemini: GeminiStandin, point: str
) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(png(32, 32))
    killed = await threadpaint(
        tmp_path,
        gemini,
        *("say", "a castle", "--thread", "castle", "--attach", str(logo)),
        THREADPAINT_FAULT_POINT=point,
    )
    assert killed.code == -signal.SIGKILL, killed.err
    first = await first_turn(tmp_path, gemini)
    assert first["state"] == "done"
    assert gemini.billed == 2
    assert len(gemini.calls) == 2
    pictures = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert len(pictures) == 2
    assert pictures[0].startswith("castle-1-")
    assert list((tmp_path / "data" / "spool").iterdir()) == []


@pytest.mark.parametrize("point", [p for p in POINTS if p.startswith("verdict.")])
async def test_a_killed_refusal_is_told_and_never_called_again(
    tmp_path: Path, gemini: GeminiStandin, point: str
) -> None:
    gemini.plan(Fault(kind="blocked", reason="SAFETY"))
    killed = await threadpaint(
        tmp_path,
        gemini,
        *("say", "something", "--thread", "castle"),
        THREADPAINT_FAULT_POINT=point,
    )
    assert killed.code == -signal.SIGKILL, killed.err
    found = await first_turn(tmp_path, gemini)
    assert found["second"]["number"] == 2  # type: ignore[index]
    assert len(gemini.calls) == 2


async def test_a_kill_during_the_call_calls_once_more_and_ends_once(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.hold()
    process = await start(tmp_path, gemini, "say", "a castle", "--thread", "castle")
    await gemini.until_waiting(1)
    process.kill()
    await finish(process)
    gemini.release()
    first = await first_turn(tmp_path, gemini)
    assert first["state"] == "done"
    assert [call["state"] for call in first["calls"]] == ["unknown", "settled"]  # type: ignore[attr-defined]
    assert len(gemini.calls) == 3


async def test_a_kill_in_the_middle_of_the_answer_calls_once_more_and_ends_once(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.plan(Fault(kind="drip", seconds=60))
    process = await start(tmp_path, gemini, "say", "a castle", "--thread", "castle")
    spool = tmp_path / "data" / "spool"
    while not any(path.stat().st_size for path in spool.glob("*.part")):  # noqa: ASYNC110 - a file
        await asyncio.sleep(0.02)
    process.kill()
    await finish(process)
    first = await first_turn(tmp_path, gemini)
    assert first["state"] == "done"
    assert [call["state"] for call in first["calls"]] == ["unknown", "settled"]  # type: ignore[attr-defined]


async def test_an_answer_on_the_spool_is_kept_though_the_painter_was_changed(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    killed = await threadpaint(
        tmp_path,
        gemini,
        *("say", "a castle", "--thread", "castle", "--model", "gemini-3-pro-image"),
        THREADPAINT_FAULT_POINT="gen.spool_renamed",
    )
    assert killed.code == -signal.SIGKILL
    first = await first_turn(tmp_path, None)
    assert first["state"] == "done"
    assert [call["state"] for call in first["calls"]] == ["settled"]  # type: ignore[attr-defined]
    assert gemini.billed == 1
    assert [path.suffix for path in (tmp_path / "pictures").glob("castle-1-*")] == [".jpg"]


async def test_a_turn_of_the_offline_demo_is_never_bought_later(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    killed = await threadpaint(
        tmp_path,
        None,
        *("say", "a castle", "--thread", "castle"),
        THREADPAINT_FAULT_POINT="accept.saved",
    )
    assert killed.code == -signal.SIGKILL
    found = await first_turn(tmp_path, gemini)
    assert found["second"]["number"] == 2  # type: ignore[index]
    assert len(gemini.calls) == 1


async def test_sigterm_lets_the_turn_finish(tmp_path: Path, gemini: GeminiStandin) -> None:
    gemini.hold()
    process = await start(tmp_path, gemini, "say", "a castle", "--json")
    await gemini.until_waiting(1)
    process.terminate()
    gemini.release()
    ran = await finish(process)
    assert ran.code == 0, ran.err
    assert ran.json["state"] == "done"
    assert gemini.billed == 1


async def test_sigterm_leaves_what_outlasts_the_drain_to_the_next_start(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.hold()
    process = await start(
        tmp_path, gemini, "say", "a castle", "--thread", "castle", THREADPAINT_DRAIN_SECONDS="0.2"
    )
    await gemini.until_waiting(1)
    process.terminate()
    ran = await finish(process)
    assert ran.code == 1
    assert "goes on at the next start" in ran.err
    gemini.release()
    first = await first_turn(tmp_path, gemini)
    assert first["state"] == "done"
