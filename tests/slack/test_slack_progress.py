"""The progress signal: the best way that works, few calls, and never in the way of an answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from adapters.slack import progress as progress_module
from adapters.slack.progress import REACTION, Signal
from bot.chat import Progress
from bot.conversation import TurnState
from tests.slack.memory import Stage
from tests.standins.slack import Fault, SlackStandin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SESSION = "agents.sessions.setStatus"
STATUS = "assistant.threads.setStatus"


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandin]:
    async with SlackStandin() as slack:
        yield slack
        assert slack.complaints == []


@pytest.fixture
async def stage(slack: SlackStandin, tmp_path: Path) -> AsyncIterator[Stage]:
    async with aiohttp.ClientSession() as session:
        stage = Stage(slack, tmp_path, session)
        await stage.begin()
        yield stage


@pytest.fixture
def signal(stage: Stage) -> Signal:
    return Signal(web=stage.web(), now=stage.now)


def painting(seconds: float = 3) -> Progress:
    return Progress(state=TurnState.CALLING, seconds=seconds)


def refuse_status(slack: SlackStandin, code: str = "unknown_method") -> None:
    slack.plan(Fault(method=STATUS, kind="error", error=code, times=0))


def session_of(stage: Stage) -> str:
    return stage.slack.world.sessions.get((stage.channel, stage.thread), "")


async def test_a_declared_agent_shows_its_session_and_ends_it(
    stage: Stage, slack: SlackStandin, signal: Signal
) -> None:
    turn = stage.turn()
    await signal.show(turn, painting(0))
    assert session_of(stage) == "processing"
    for seconds in range(5, 90, 5):
        stage.ahead += timedelta(seconds=5)
        await signal.show(turn, painting(seconds))
    await signal.end(turn)
    assert session_of(stage) == "active"
    assert len(slack.calls(SESSION)) == 2
    assert slack.statuses == []
    assert slack.reactions == []


async def test_a_session_that_another_turn_ended_is_busy_again_with_the_next_step(
    stage: Stage, signal: Signal
) -> None:
    first, second = stage.turn(), stage.turn()
    await signal.show(first, painting())
    await signal.show(second, Progress(state=TurnState.ACCEPTED, seconds=0, ahead=1))
    await signal.end(first)
    await signal.show(second, painting())
    assert session_of(stage) == "processing"


async def test_a_place_in_the_queue_is_a_line_until_the_session_begins(
    stage: Stage, slack: SlackStandin, signal: Signal
) -> None:
    turn = stage.turn()
    waiting = Progress(state=TurnState.ACCEPTED, seconds=0, ahead=3)
    await signal.show(turn, waiting)
    assert slack.status(stage.channel, stage.thread) == "is waiting, 3 before yours"
    assert session_of(stage) == ""
    stage.ahead += timedelta(seconds=60)  # Slack forgets the line after two minutes
    await signal.show(turn, waiting)
    assert len(slack.statuses) == 2
    await signal.show(turn, painting())
    assert session_of(stage) == "processing"
    assert slack.status(stage.channel, stage.thread) == ""


async def test_a_session_left_by_a_dead_process_is_ended(stage: Stage, signal: Signal) -> None:
    turn = stage.turn()
    await signal.show(turn, painting())
    await Signal(web=stage.web(), now=stage.now).end(turn)
    assert session_of(stage) == "active"


async def test_elsewhere_a_line_says_what_goes_on(
    stage: Stage, slack: SlackStandin, signal: Signal
) -> None:
    slack.knobs.declared_agent = False
    turn = stage.turn()
    steps = [
        (Progress(state=TurnState.ACCEPTED, seconds=0, ahead=3), "is waiting, 3 before yours"),
        (Progress(state=TurnState.GATHERING, seconds=1), "is reading your files"),
        (painting(20), "is painting, 20 s"),
        (
            Progress(state=TurnState.CALLING, seconds=21, note="The service is busy"),
            "waits: The service is busy",
        ),
        (Progress(state=TurnState.DELIVERING, seconds=22), "is sending the picture"),
    ]
    for progress, words in steps:
        await signal.show(turn, progress)
        assert slack.status(stage.channel, stage.thread) == words
    assert len(slack.calls(SESSION)) == 1
    await signal.end(turn)
    assert slack.reactions == []


async def test_a_line_is_renewed_long_before_slack_takes_it_away(
    stage: Stage, slack: SlackStandin, signal: Signal
) -> None:
    slack.knobs.declared_agent = False
    turn = stage.turn()
    for seconds in range(0, 120, 5):
        await signal.show(turn, painting(seconds))
        stage.ahead += timedelta(seconds=5)
    shown = [status["status"] for status in slack.statuses]
    assert shown == [f"is painting, {seconds} s" for seconds in range(0, 120, 15)]


@pytest.mark.parametrize("code", ["unknown_method", "missing_scope", "not_allowed_token_type"])
async def test_where_nothing_else_works_an_hourglass_comes_and_goes(
    stage: Stage, slack: SlackStandin, signal: Signal, code: str
) -> None:
    slack.knobs.declared_agent = False
    refuse_status(slack, code)
    turn = stage.turn()
    for seconds in range(0, 60, 5):
        await signal.show(turn, painting(seconds))
        stage.ahead += timedelta(seconds=5)
    assert slack.reactions == [(stage.channel, stage.thread, REACTION)]
    await signal.end(turn)
    assert slack.reactions == []
    assert len(slack.calls("reactions.add")) == 1
    assert len(slack.calls(STATUS)) == 1


async def test_an_hourglass_left_by_a_dead_process_goes(
    stage: Stage, slack: SlackStandin, signal: Signal
) -> None:
    slack.knobs.declared_agent = False
    refuse_status(slack)
    turn = stage.turn()
    await signal.show(turn, painting())
    await Signal(web=stage.web(), now=stage.now).end(turn)
    assert slack.reactions == []


async def test_a_click_has_no_message_for_an_hourglass(
    stage: Stage, slack: SlackStandin, signal: Signal
) -> None:
    slack.knobs.declared_agent = False
    refuse_status(slack)
    turn = stage.turn(ref={"user": stage.person, "kind": "click"})
    await signal.show(turn, painting())
    await signal.end(turn)
    assert slack.calls("reactions.add") == slack.calls("reactions.remove") == []


async def test_the_way_that_works_is_remembered(
    stage: Stage, slack: SlackStandin, signal: Signal
) -> None:
    slack.knobs.declared_agent = False
    for _ in range(3):
        await signal.show(stage.turn(), painting())
    assert (len(slack.calls(SESSION)), len(slack.calls(STATUS))) == (1, 3)


@pytest.mark.parametrize("kind", ["429", "503", "drop-before", "html"])
async def test_a_signal_that_fails_for_now_is_tried_again_later_in_the_same_way(
    stage: Stage, slack: SlackStandin, signal: Signal, kind: str
) -> None:
    slack.plan(Fault(method=SESSION, kind=kind, times=4))
    turn = stage.turn()
    for seconds in range(0, 60, 5):
        await signal.show(turn, painting(seconds))
        stage.ahead += timedelta(seconds=5)
    assert session_of(stage) == "processing"
    assert slack.statuses == []


async def test_a_closed_thread_does_not_change_the_way(
    stage: Stage, slack: SlackStandin, signal: Signal
) -> None:
    turn = stage.turn()
    elsewhere = replace(turn.thread, channel=slack.channel("secret", bot=False))
    await signal.show(stage.turn(thread=elsewhere), painting())
    await signal.show(turn, painting())
    assert session_of(stage) == "processing"


async def test_a_silent_slack_costs_little_time(
    stage: Stage, slack: SlackStandin, signal: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "PATIENCE", 0.05)
    slack.plan(Fault(method=SESSION, kind="slow", seconds=0.3, times=0))
    turn = stage.turn()
    async with asyncio.timeout(0.25):
        await signal.show(turn, painting())
        await signal.end(turn)


async def test_a_removed_app_is_no_error(stage: Stage, slack: SlackStandin, signal: Signal) -> None:
    slack.token_error = "token_revoked"
    turn = stage.turn()
    await signal.show(turn, painting())
    await signal.end(turn)
    assert len(slack.all_calls) == 1


async def test_a_cancelled_signal_stops(stage: Stage, slack: SlackStandin, signal: Signal) -> None:
    slack.plan(Fault(method=SESSION, kind="slow", seconds=0.3))
    task = asyncio.create_task(signal.show(stage.turn(), painting()))
    await slack.until(lambda: slack.calls(SESSION))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
