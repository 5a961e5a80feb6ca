"""The progress signal: few calls, the right place, and never in the way of an answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.discord import progress as progress_module
from adapters.discord.deferred import Deferred
from adapters.discord.progress import Signal
from bot.chat import Progress
from bot.conversation import TurnState
from tests.discord.memory import Stage, buttons, connected, said
from tests.standins.discord import DiscordStandin, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ORIGINAL = "webhooks/*/*/messages/@original"
TYPING = "channels/*/typing"
LINK = "https://discord.com/channels/1/2/3"


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandin]:
    async with DiscordStandin() as discord:
        yield discord
        assert discord.complaints == []
        assert discord.pings == []


@pytest.fixture
async def stage(discord: DiscordStandin, tmp_path: Path) -> AsyncIterator[Stage]:
    async with connected(discord) as client:
        stage = Stage(discord, client, tmp_path)
        await stage.begin()
        yield stage


def started(stage: Stage) -> Signal:
    """Start the bot again."""
    calls = stage.calls()
    deferred = Deferred(calls=calls, journal=stage.journal, now=stage.now)
    return Signal(calls=calls, deferred=deferred, place=stage.courier().place, now=stage.now)


@pytest.fixture
def signal(stage: Stage) -> Signal:
    return started(stage)


def painting(seconds: float = 3) -> Progress:
    return Progress(state=TurnState.CALLING, seconds=seconds)


async def test_who_used_a_command_reads_how_far_it_is(stage: Stage, signal: Signal) -> None:
    made = await stage.used(stage.channel)
    turn = stage.turn(ref=stage.ref(made))
    steps = [
        (Progress(state=TurnState.ACCEPTED, seconds=0, ahead=3), "3 before yours"),
        (Progress(state=TurnState.GATHERING, seconds=1), "Reading"),
        (painting(20), "Painting, 20 s"),
        (Progress(state=TurnState.CALLING, seconds=21, note="The service is busy"), "is busy"),
    ]
    for progress, words in steps:
        await signal.show(turn, progress)
        [answer] = made.answers
        assert words in said(answer)
        assert buttons(answer) == [f"tp:cancel:{turn.id}"]
        assert answer["flags"] & 64
    assert not made.loading
    await signal.end(turn, link=LINK)
    [answer] = made.answers
    assert LINK in said(answer)
    assert buttons(answer) == []


async def test_seconds_are_shown_now_and_then(
    stage: Stage, signal: Signal, discord: DiscordStandin
) -> None:
    made = await stage.used(stage.channel)
    turn = stage.turn(ref=stage.ref(made))
    for seconds in range(0, 60, 5):
        await signal.show(turn, painting(seconds))
        stage.ahead += timedelta(seconds=5)
    assert len(discord.calls(ORIGINAL)) == 6
    assert discord.calls(TYPING) == []


async def test_a_deferred_answer_says_why_there_is_none(stage: Stage, signal: Signal) -> None:
    made = await stage.used(stage.channel)
    await signal.end(stage.turn(ref=stage.ref(made)), words="The service is down. Try later.")
    [answer] = made.answers
    assert said(answer) == "The service is down. Try later."


async def test_a_deferred_answer_with_nothing_to_say_goes_away(
    stage: Stage, signal: Signal
) -> None:
    made = await stage.used(stage.channel)
    turn = stage.turn(ref=stage.ref(made))
    for _ in range(2):
        await signal.end(turn)
    assert made.answers == []


async def test_a_deferred_answer_left_by_a_dead_process_is_resolved(
    stage: Stage, signal: Signal
) -> None:
    made = await stage.used(stage.channel)
    turn = stage.turn(ref=stage.ref(made))
    await signal.show(turn, painting())
    await started(stage).end(turn, link=LINK)
    assert LINK in said(made.answers[0])


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "429", "truncated"])
async def test_the_end_is_shown_though_a_call_fails(
    stage: Stage, signal: Signal, discord: DiscordStandin, kind: str
) -> None:
    made = await stage.used(stage.channel)
    discord.plan(Fault(route=ORIGINAL, kind=kind, retry_after=0.05))
    await signal.end(stage.turn(ref=stage.ref(made)), link=LINK)
    assert LINK in said(made.answers[0])


@pytest.mark.parametrize(("place", "install"), [("user-app", "user"), ("private", "guild")])
async def test_where_the_deferred_answer_is_the_answer_it_stays(
    stage: Stage, signal: Signal, place: str, install: str
) -> None:
    made = await stage.used(stage.channel, install=install)
    turn = stage.turn(ref=stage.ref(made, place))
    await signal.show(turn, painting())
    await stage.courier().deliver(turn, stage.reply(turn))
    for link in (LINK, ""):
        await signal.end(turn, link=link)
    [answer] = made.answers
    assert "Here you are." in said(answer)


async def test_after_fifteen_minutes_nothing_is_edited_any_more(
    stage: Stage, signal: Signal, discord: DiscordStandin
) -> None:
    made = await stage.used(stage.channel)
    turn = stage.turn(ref=stage.ref(made))
    stage.ahead += timedelta(minutes=15)
    await signal.show(turn, painting(900))
    await signal.end(turn, link=LINK)
    assert discord.calls(ORIGINAL) == []
    assert len(discord.calls(TYPING)) == 1


async def test_a_token_that_ends_early_is_used_once(
    stage: Stage, signal: Signal, discord: DiscordStandin
) -> None:
    made = await stage.used(stage.channel)
    discord.knobs.token_seconds = 0
    turn = stage.turn(ref=stage.ref(made))
    for seconds in range(0, 60, 10):
        await signal.show(turn, painting(seconds))
        stage.ahead += timedelta(seconds=10)
    await signal.end(turn, link=LINK)
    assert len(discord.calls(ORIGINAL)) == 1
    assert discord.calls(TYPING)


async def test_after_a_mention_the_bot_types_in_the_thread_while_it_paints(
    stage: Stage, signal: Signal, discord: DiscordStandin
) -> None:
    turn = stage.turn()
    await signal.show(turn, Progress(state=TurnState.ACCEPTED, seconds=0, ahead=3))
    assert discord.calls(TYPING) == []
    for seconds in range(20):
        await signal.show(turn, painting(seconds))
        stage.ahead += timedelta(seconds=1)
    typed = discord.calls(TYPING)
    assert [call.path for call in typed] == [f"channels/{stage.asked}/typing"] * 5
    await signal.end(turn, link=LINK)
    assert len(discord.calls(TYPING)) == 5
    assert discord.calls(ORIGINAL) == []


async def test_where_there_is_no_thread_the_bot_types_in_the_channel(
    stage: Stage, signal: Signal, discord: DiscordStandin
) -> None:
    discord.permissions(stage.channel, deny=["CREATE_PUBLIC_THREADS"])
    await stage.begin()
    await signal.show(stage.turn(), painting())
    assert [call.path for call in discord.calls(TYPING)] == [f"channels/{stage.channel}/typing"]


@pytest.mark.parametrize("kind", ["429", "503", "drop-before", "truncated", "403"])
async def test_a_signal_that_fails_is_no_error(
    stage: Stage, signal: Signal, discord: DiscordStandin, kind: str
) -> None:
    for route in (TYPING, ORIGINAL):
        discord.plan(Fault(route=route, kind=kind, times=2, retry_after=0.05))
    if kind == "503":  # discord.py would wait for seconds
        discord.world.faults.waiting.pop()
    made = await stage.used(stage.channel)
    for turn in (stage.turn(), stage.turn(ref=stage.ref(made))):
        await signal.show(turn, painting())
        await signal.end(turn)


async def test_a_silent_discord_costs_little_time(
    stage: Stage, signal: Signal, discord: DiscordStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "PATIENCE", 0.05)
    monkeypatch.setattr(progress_module, "END_PATIENCE", 0.05)
    made = await stage.used(stage.channel)
    for route in (TYPING, ORIGINAL):
        discord.plan(Fault(route=route, kind="slow", seconds=0.3, times=0))
    async with asyncio.timeout(0.3):
        await signal.show(stage.turn(), painting())
        turn = stage.turn(ref=stage.ref(made))
        await signal.show(turn, painting())
        await signal.end(turn, link=LINK)


async def test_a_removed_bot_is_no_error(
    stage: Stage, signal: Signal, discord: DiscordStandin
) -> None:
    discord.gateway.token_reset = True
    for _ in range(3):
        turn = stage.turn()
        await signal.show(turn, painting())
        await signal.end(turn, words="It did not work.")
    assert len(discord.calls(TYPING)) == 1


async def test_a_cancelled_signal_stops(
    stage: Stage, signal: Signal, discord: DiscordStandin
) -> None:
    discord.plan(Fault(route=TYPING, kind="slow", seconds=0.3))
    task = asyncio.create_task(signal.show(stage.turn(), painting()))
    await discord.until(lambda: discord.calls(TYPING))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
