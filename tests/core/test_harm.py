"""Nothing that goes wrong beside a paid answer may lose it, buy it again, or hang its turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bot.conversation import TurnRef, TurnState
from bot.errors import DeliveryError, DependencyDown
from bot.painting import Painter
from storage.turns import SqlTurnStore
from tests.core.harness import RecordingChat, running_bot
from tests.standins.gemini import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.chat import Notice, Post, Progress
    from bot.conversation import Turn
    from tests.standins.gemini import GeminiStandin


def fail_once(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, error: Exception) -> None:
    """Let a method fail the first time that it is called."""
    real = getattr(owner, name)
    failed: list[bool] = []

    async def method(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any method
        if not failed:
            failed.append(True)
            raise error
        return await real(*args, **kwargs)

    monkeypatch.setattr(owner, name, method)


async def test_progress_that_cannot_be_shown_costs_no_picture(
    tmp_path: Path, gemini: GeminiStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def working(self: RecordingChat, turn: Turn, progress: Progress) -> None:
        raise OSError("broken pipe")

    monkeypatch.setattr(RecordingChat, "working", working)
    async with running_bot(tmp_path, gemini) as bot:
        await bot.paint("a fox")
    assert gemini.billed == 1


@pytest.mark.parametrize("error", [RuntimeError("boom"), DeliveryError("Gone.", final=True)])
async def test_an_end_that_cannot_be_told_ends_the_turn_all_the_same(
    tmp_path: Path, gemini: GeminiStandin, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def tell(self: RecordingChat, turn: Turn, notice: Notice) -> Sequence[Post]:
        raise error

    monkeypatch.setattr(RecordingChat, "tell", tell)
    gemini.plan(Fault(kind="blocked", reason="SAFETY"))
    async with running_bot(tmp_path, gemini) as bot:
        turn = await asyncio.wait_for(bot.ask("something"), 20)
    assert turn.state is TurnState.REFUSED


@pytest.mark.parametrize(("method", "reason"), [("keep", ""), ("judge", "SAFETY")])
async def test_an_answer_waits_while_the_storage_is_down(
    tmp_path: Path,
    gemini: GeminiStandin,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    reason: str,
) -> None:
    monkeypatch.setattr("bot.turns.STORAGE_SECONDS", 0.01)
    if reason:
        gemini.plan(Fault(kind="blocked", reason=reason))
    fail_once(monkeypatch, SqlTurnStore, method, DependencyDown("The disk is full."))
    async with running_bot(tmp_path, gemini) as bot:
        turn = await bot.ask("a fox --n 1")
    assert turn.state is (TurnState.REFUSED if reason else TurnState.DONE)
    assert gemini.billed == 1


async def test_trouble_with_one_picture_spares_its_siblings(
    tmp_path: Path, gemini: GeminiStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.queue.STORAGE_SECONDS", 0.01)
    fail_once(monkeypatch, Painter, "_read", DependencyDown("Too many open files."))
    async with running_bot(tmp_path, gemini) as bot:
        _, reply = await bot.paint("a fox --n 2")
    assert len(reply.pictures) == 2
    assert gemini.billed == 2


async def test_a_cancel_that_comes_before_the_call_is_heard(
    tmp_path: Path, gemini: GeminiStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()
    real = SqlTurnStore.lineage

    async def lineage(self: SqlTurnStore, turn: Turn, most: int) -> Any:  # noqa: ANN401 - as it is
        reached.set()
        await go_on.wait()
        return await real(self, turn, most)

    monkeypatch.setattr(SqlTurnStore, "lineage", lineage)
    async with running_bot(tmp_path, gemini) as bot:
        turn = await bot.post("a fox")
        await reached.wait()
        await bot.app.turns.cancel(turn)
        go_on.set()
        assert (await bot.app.turns.ended(turn)).state is TurnState.CANCELLED
    assert gemini.requests == []


async def test_a_cancel_that_a_crash_overtook_reserves_nothing_more(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini, THREADPAINT_DRAIN_SECONDS="0.05") as bot:
        gemini.hold()
        turn = await bot.post("a fox")
        await gemini.until_waiting(1)
        await bot.app.store.request_cancel(turn)
    gemini.release()
    async with running_bot(tmp_path, gemini) as bot:
        assert (await bot.app.turns.ended(turn)).state is TurnState.CANCELLED
        record = await bot.app.store.record(turn)
    assert sorted(call.state for call in record.calls) == ["released", "unknown"]
    assert len(gemini.calls) == 1


async def test_an_answer_tells_the_price_of_all_its_calls(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.plan(Fault(kind="broken-picture"))
    async with running_bot(tmp_path, gemini) as bot:
        turn, reply = await bot.paint("a fox")
        record = await bot.app.store.record(turn.id)
    assert len(record.calls) == 2
    assert reply.cost == sum(call.amount for call in record.calls)
    assert list((tmp_path / "data" / "spool").iterdir()) == []


async def test_a_quota_that_stops_a_repetition_does_not_hide_the_reason(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.plan(Fault(kind="finish", reason="NO_IMAGE"))
    async with running_bot(tmp_path, gemini, THREADPAINT_PERSON_DAILY_PICTURES="1") as bot:
        turn = await bot.ask("a fox")
    assert turn.verdict
    assert "used up" not in turn.verdict.text


async def test_a_download_that_hangs_is_given_up(
    tmp_path: Path, gemini: GeminiStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def download(self: RecordingChat, attachment: object) -> Any:  # noqa: ANN401 - a generator
        await asyncio.Event().wait()
        yield b""

    monkeypatch.setattr("bot.gather._SECONDS", 0.05)
    monkeypatch.setattr(RecordingChat, "download", download)
    async with running_bot(tmp_path, gemini) as bot:
        turn = await bot.ask("use this", files={"a.png": b""})
    assert turn.verdict
    assert "a.png could not be downloaded in time" in turn.verdict.text


async def test_half_a_character_is_no_reason_to_lose_a_message(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        turn, _ = await bot.paint("a fox \ud83d")
    assert turn.prompt == "a fox ?"


async def test_a_branch_from_a_picture_that_failed_goes_on_from_one_that_did_not(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.plan(Fault(kind="finish", reason="IMAGE_SAFETY", contains="fox"))
    async with running_bot(tmp_path, gemini) as bot:
        turn, reply = await bot.paint("a fox --n 2")
        (picture,) = reply.pictures
        failed = 1 - picture.choice
        await bot.paint("at night", branch=TurnRef(turn=turn.id, choice=failed))
    assert len(gemini.requests[-1].body["contents"]) == 3


async def test_trying_an_old_turn_again_leaves_the_newer_picture_the_current_one(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        await bot.paint("one")
        gemini.plan(Fault(kind="disconnect"))
        failed = await bot.ask("two")
        third, _ = await bot.paint("three")
        await bot.app.turns.retry(failed.id)
        assert (await bot.app.turns.ended(failed.id)).state is TurnState.DONE
        tip = await bot.app.store.tip(third.thread)
    assert tip
    assert tip.turn == third.id
