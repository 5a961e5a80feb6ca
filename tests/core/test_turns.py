"""The flow of a turn when something is in its way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.chat import NoticeKind
from bot.conversation import TurnState
from bot.errors import DeliveryError
from tests.core.harness import running_bot
from tests.standins.gemini import Fault
from tests.standins.pictures import png

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.standins.gemini import GeminiStandin


async def test_the_same_message_twice_is_one_turn(tmp_path: Path, gemini: GeminiStandin) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        first, second = await asyncio.gather(*(bot.post("a fox", id="m1") for _ in range(2)))
        await bot.app.turns.ended(first)
    assert first == second
    assert gemini.billed == 1


async def test_a_quota_of_the_platforms_own_rules_is_held(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        await bot.paint("a fox", quota=1)
        refused = await bot.ask("at night", quota=1)
        await bot.paint("by day", quota=2)
    assert refused.verdict
    assert refused.verdict.text.startswith("Your picture for today is used up.")
    assert gemini.billed == 2


async def test_an_unknown_flag_is_answered_once_and_costs_nothing(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        turn = await bot.ask("a fox --aspect 16:9")
    assert turn.state is TurnState.FAILED
    assert [n.kind for n in bot.chat.told(turn.id)] == [NoticeKind.FAILED]
    assert "--ar" in bot.chat.told(turn.id)[0].text
    assert gemini.requests == []


async def test_a_wrong_flag_is_told_at_once_even_while_the_thread_paints(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        gemini.hold()
        painting = await bot.post("a fox")
        await gemini.until_waiting(1)
        wrong = await bot.ask("at night --aspect 16:9")
        assert wrong.state is TurnState.FAILED
        gemini.release()
        assert (await bot.app.turns.ended(painting)).state is TurnState.DONE


async def test_a_size_that_the_model_has_not_is_refused_before_any_call(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini, GEMINI_MODEL="gemini-nano-banana-2.1") as bot:
        turn = await bot.ask("a fox --size 0.5K")
    assert turn.verdict
    assert "1K, 2K, 4K" in turn.verdict.text
    assert gemini.requests == []


async def test_an_unusable_attachment_is_named_and_the_turn_goes_on_with_the_rest(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    files = {"logo.png": png(20, 20), "page.png": b"<!doctype html><html></html>"}
    async with running_bot(tmp_path, gemini) as bot:
        _, reply = await bot.paint("use these", files=files)
    assert len(reply.notes) == 1
    assert reply.notes[0].startswith("page.png")
    parts = gemini.requests[0].body["contents"][0]["parts"]
    assert len([part for part in parts if "inlineData" in part]) == 1


async def test_when_no_attachment_is_usable_nothing_is_called(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        turn = await bot.ask("use this", files={"page.png": b"<!doctype html><html></html>"})
    assert turn.state is TurnState.FAILED
    assert turn.verdict
    assert "page.png" in turn.verdict.text
    assert gemini.requests == []


async def test_a_refusal_tells_the_models_reason_and_offers_no_retry(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.plan(Fault(kind="blocked", reason="PROHIBITED_CONTENT"))
    async with running_bot(tmp_path, gemini) as bot:
        turn = await bot.ask("something")
        record = await bot.app.store.record(turn.id)
    assert turn.state is TurnState.REFUSED
    notice = bot.chat.told(turn.id)[0]
    assert notice.kind is NoticeKind.REFUSED
    assert not notice.retry
    assert [call.state for call in record.calls] == ["settled"]


async def test_no_picture_by_accident_is_asked_for_once_more(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.plan(Fault(kind="finish", reason="NO_IMAGE"))
    async with running_bot(tmp_path, gemini) as bot:
        turn, _ = await bot.paint("a fox")
        record = await bot.app.store.record(turn.id)
    assert [call.state for call in record.calls] == ["settled", "settled"]
    assert gemini.billed == 2


async def test_a_cut_answer_fails_and_only_a_person_makes_it_be_bought_again(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.plan(Fault(kind="cut", after=2000))
    async with running_bot(tmp_path, gemini) as bot:
        turn = await bot.ask("a fox")
        assert turn.state is TurnState.FAILED
        assert bot.chat.told(turn.id)[0].retry
        assert len(gemini.requests) == 1
        record = await bot.app.store.record(turn.id)
        assert [call.state for call in record.calls] == ["unknown"]
        await bot.app.turns.retry(turn.id)
        again = await bot.app.turns.ended(turn.id)
    assert again.state is TurnState.DONE
    assert len(gemini.requests) == 2


async def test_a_wrong_key_names_its_variable(tmp_path: Path, gemini: GeminiStandin) -> None:
    async with running_bot(tmp_path, gemini, GEMINI_API_KEY="wrong") as bot:
        turn = await bot.ask("a fox")
    assert turn.verdict
    assert "GEMINI_API_KEY" in turn.verdict.text
    assert "wrong" not in turn.verdict.text.split()


async def test_a_slow_answer_is_announced_once_and_then_delivered(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini, THREADPAINT_SLOW_NOTICE_SECONDS="0.01") as bot:
        gemini.hold()
        turn = await bot.post("a fox")
        await gemini.until_waiting(1)
        await bot.chat.until_told()
        gemini.release()
        await bot.app.turns.ended(turn)
    assert [n.kind for _, n in bot.chat.notices] == [NoticeKind.SLOW]
    assert turn in bot.chat.replies


async def test_cancelling_ends_a_turn_under_way_and_the_next_one_runs(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        gemini.hold()
        turn = await bot.post("a fox")
        waiting = await bot.post("at night")
        await gemini.until_waiting(1)
        await bot.app.turns.cancel(turn)
        ended = await bot.app.turns.ended(turn)
        record = await bot.app.store.record(turn)
        gemini.release()
        assert (await bot.app.turns.ended(waiting)).state is TurnState.DONE
    assert ended.state is TurnState.CANCELLED
    assert [n.kind for n in bot.chat.told(turn)] == [NoticeKind.CANCELLED]
    assert [call.state for call in record.calls] == ["unknown"]


async def test_cancelling_a_waiting_turn_costs_nothing_and_is_told_at_once(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        gemini.hold()
        turn = await bot.post("a fox")
        waiting = await bot.post("at night")
        await gemini.until_waiting(1)
        await bot.app.turns.cancel(waiting)
        assert (await bot.app.turns.ended(waiting)).state is TurnState.CANCELLED
        gemini.release()
        await bot.app.turns.ended(turn)
    assert len(gemini.requests) == 1


async def test_a_budget_for_twenty_lets_exactly_twenty_of_two_hundred_through(
    tmp_path: Path, wisdom_gate: GeminiStandin
) -> None:
    gemini = wisdom_gate
    budget = {"THREADPAINT_WORKSPACE_DAILY_USD": "1.16", "THREADPAINT_WORKSPACE_RUNNING": "64"}
    async with running_bot(tmp_path, gemini, **budget) as bot:
        turns = await asyncio.gather(
            *(bot.post("a fox", thread=f"t{n}", author=f"a{n}") for n in range(200))
        )
        ended = await asyncio.gather(*map(bot.app.turns.ended, turns))
    states = [turn.state for turn in ended]
    assert states.count(TurnState.DONE) == 20
    assert states.count(TurnState.FAILED) == 180
    assert gemini.billed == 20
    assert len(gemini.requests) == 20
    refused = next(turn for turn in ended if turn.verdict)
    assert refused.verdict
    assert "$1.16" in refused.verdict.text


async def test_a_persons_quota_for_the_day_holds_and_others_go_on(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini, THREADPAINT_PERSON_DAILY_PICTURES="2") as bot:
        states = [(await bot.ask(f"fox {n}", author="ann")).state for n in range(3)]
        assert (await bot.ask("a fox", author="bob")).state is TurnState.DONE
    assert states == [TurnState.DONE, TurnState.DONE, TurnState.FAILED]


async def test_at_most_two_turns_of_a_person_run_at_once(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        gemini.hold()
        turns = [await bot.post("a fox", thread=f"t{n}") for n in range(5)]
        other = await bot.post("a cat", thread="other", author="bob")
        await gemini.until_waiting(3)
        assert await bot.app.store.ahead(turns[4]) >= 2
        gemini.release()
        await asyncio.gather(*map(bot.app.turns.ended, [*turns, other]))
    words = [request.body["contents"][0]["parts"][0]["text"] for request in gemini.requests]
    assert sorted(words[:3]) == ["a cat", "a fox", "a fox"]


async def test_people_who_wait_see_how_many_turns_are_before_theirs(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        gemini.hold()
        turns = [await bot.post("a fox", thread=f"t{n}") for n in range(4)]
        await gemini.until_waiting(2)
        turn, progress = await bot.chat.until_working(TurnState.ACCEPTED)
        assert turn in turns[2:]
        assert progress.ahead == turns[2:].index(turn)
        gemini.release()
        await asyncio.gather(*map(bot.app.turns.ended, turns))


async def test_a_dear_turn_waits_for_a_yes(tmp_path: Path, gemini: GeminiStandin) -> None:
    async with running_bot(tmp_path, gemini, THREADPAINT_CONFIRM_ABOVE_USD="0.1") as bot:
        cheap, _ = await bot.paint("a fox", thread="cheap")
        turn = await bot.post("a fox --n 2")
        notice = await bot.chat.until_told()
        assert len(gemini.requests) == 1
        assert notice.kind is NoticeKind.CONFIRM
        assert "$0.13" in notice.text
        await bot.app.turns.confirm(turn)
        assert (await bot.app.turns.ended(turn)).state is TurnState.DONE
    assert cheap.id not in {turn for turn, _ in bot.chat.notices}


async def test_a_delivery_that_fails_is_tried_again_without_buying_again(
    tmp_path: Path, gemini: GeminiStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.turns.DELIVERY_WAITS", (0.01, 0.01))
    async with running_bot(tmp_path, gemini) as bot:
        bot.chat.failures.append(DeliveryError("The chat is down."))
        turn, _ = await bot.paint("a fox")
    assert bot.chat.deliveries == [turn.id, turn.id]
    assert gemini.billed == 1


async def test_a_delivery_that_is_refused_ends_the_turn_and_a_retry_only_delivers(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        bot.chat.failures.append(DeliveryError("The channel is archived.", final=True))
        turn = await bot.ask("a fox")
        assert turn.state is TurnState.FAILED
        assert bot.chat.told(turn.id)[0].text == "The channel is archived."
        await bot.app.turns.retry(turn.id)
        assert (await bot.app.turns.ended(turn.id)).state is TurnState.DONE
    assert gemini.billed == 1


async def test_draining_finishes_what_runs_and_leaves_the_rest_for_the_next_start(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        gemini.hold()
        running = await bot.post("a fox")
        waiting = await bot.post("at night")
        await gemini.until_waiting(1)
        draining = asyncio.create_task(bot.app.queue.drain(30))
        gemini.release()
        assert await draining
        assert (await bot.app.store.get(running)).state is TurnState.DONE
        assert (await bot.app.store.get(waiting)).state is TurnState.ACCEPTED
    async with running_bot(tmp_path, gemini) as bot:
        assert (await bot.app.turns.ended(waiting)).state is TurnState.DONE
    assert gemini.billed == 2


async def test_a_defect_ends_its_turn_with_words_and_the_bot_goes_on(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        bot.chat.failures.append(RuntimeError("boom"))
        turn = await bot.ask("a fox")
        assert turn.state is TurnState.FAILED
        assert turn.verdict
        assert "boom" not in turn.verdict.text
        await bot.paint("another", thread="t2")


async def test_undo_makes_the_earlier_picture_the_one_that_is_refined(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        first, _ = await bot.paint("a fox")
        await bot.paint("at night")
        assert await bot.app.store.undo(first.thread)
        await bot.paint("at noon")
    words = [
        c["parts"][0]["text"] for c in gemini.requests[-1].body["contents"] if c["role"] == "user"
    ]
    assert words == ["a fox", "at noon"]


async def test_the_ledger_adds_up_what_was_spent(tmp_path: Path, gemini: GeminiStandin) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        turn, reply = await bot.paint("a fox")
        record = await bot.app.store.record(turn.id)
    assert sum(call.amount for call in record.calls) == reply.cost
    assert 60_000 < reply.cost < 80_000
    assert record.calls[0].at <= datetime.now(UTC)
