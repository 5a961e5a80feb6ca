"""kill -9 of the real process at every named point: everything is answered once, paid for once."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from bot.conversation import TurnState
from bot.faults import PLATFORM_POINTS, POINTS
from tests.slack.harness import Thread, running
from tests.slack.process import launched
from tests.slack.speaking import mention, turns_in
from tests.standins.gemini import Fault
from tests.standins.pictures import png
from tests.standins.slack import SlackFile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.conversation import Turn
    from bot.serving import App
    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin

MENTION = (
    "accept.saved",
    "gather.downloaded",
    "gather.saved",
    "call.reserved",
    "gen.spool_written",
    "gen.spool_renamed",
    "gen.read",
    "keep.saved",
    "deliver.noted",
    "slack.file_completed",
    "slack.shared",
    "slack.words_posted",
    "deliver.sent",
    "deliver.saved",
)
COMMAND = ("slack.errand_saved", "slack.root_posted", "accept.saved", "slack.words_posted")
NEVER_SHARED = ("slack.standin_posted",)
REFUSAL = ("accept.saved", "verdict.saved", "slack.notice_posted", "verdict.told")


@pytest.fixture(autouse=True)
def _patient(slack: SlackStandin) -> None:
    """Slack delivers again when the next process is there."""
    slack.knobs.retry_waits, slack.knobs.ack_seconds = (0.3,) * 60, 0.7


def test_every_point_is_aimed_at() -> None:
    of_slack = {point for point in PLATFORM_POINTS if point.startswith("slack.")}
    assert {*MENTION, *COMMAND, *NEVER_SHARED, *REFUSAL} == {*POINTS, *of_slack}


async def killed(
    folder: Path,
    slack: SlackStandin,
    gemini: GeminiStandin,
    point: str,
    gesture: Callable[[], Awaitable[object]],
) -> None:
    """Let a gesture meet a process that dies at a point."""
    async with launched(folder, slack, gemini, THREADPAINT_FAULT_POINT=point) as process:
        await gesture()
        assert await process.until_ended() == -signal.SIGKILL, process.text


async def only_turn(app: App, thread: Thread) -> Turn:
    """Wait for the end of the one turn of a thread."""
    [turn] = await turns_in(app, thread.slack, thread.channel, thread.ts)
    return await app.turns.ended(turn.id)


async def settled(slack: SlackStandin) -> None:
    """Wait until Slack delivers nothing any more."""
    await slack.until(lambda: all(one.ended.is_set() for one in slack.deliveries.sent))


@pytest.mark.parametrize("point", MENTION)
async def test_a_mention_with_a_file_is_answered_once(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, point: str
) -> None:
    text, logo = f"{mention(slack)} a castle", SlackFile(name="logo.png", data=png(32, 32))
    await killed(
        tmp_path, slack, gemini, point, lambda: slack.say("general", "ann", text, files=[logo])
    )
    thread = Thread(slack, "general", slack.messages("general")[0]["ts"])
    async with running(tmp_path, slack, gemini, "socket") as app:
        await thread.answered()
        await settled(slack)
        assert (await only_turn(app, thread)).state is TurnState.DONE
    assert (len(thread.pictures), len(thread.words)) == (1, 1)
    assert thread.messages == [*thread.pictures, *thread.words]
    assert gemini.billed == len(gemini.calls) == 1
    assert "inlineData" in str(gemini.calls[0].body)


@pytest.mark.parametrize("point", COMMAND)
async def test_a_command_begins_one_thread_and_is_answered_once(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, point: str
) -> None:
    await killed(
        tmp_path, slack, gemini, point, lambda: slack.command("general", "ann", "/imagine", "a fox")
    )
    async with running(tmp_path, slack, gemini, "socket") as app:
        await slack.until(lambda: slack.messages("general"))
        thread = Thread(slack, "general", slack.messages("general")[0]["ts"])
        await thread.answered()
        await settled(slack)
        assert (await only_turn(app, thread)).state is TurnState.DONE
    [root] = slack.messages("general")
    assert (len(thread.pictures), len(thread.words)) == (1, 1)
    assert thread.messages == [root, *thread.pictures, *thread.words]
    assert gemini.billed == len(gemini.calls) == 1
    assert slack.ephemerals == []


@pytest.mark.parametrize("point", NEVER_SHARED)
async def test_a_picture_that_slack_does_not_post_has_one_stand_in(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, point: str
) -> None:
    slack.knobs.share_after = None
    text = f"{mention(slack)} a castle"
    await killed(tmp_path, slack, gemini, point, lambda: slack.say("general", "ann", text))
    thread = Thread(slack, "general", slack.messages("general")[0]["ts"])
    assert len(thread.words) == 1
    async with running(tmp_path, slack, gemini, "socket") as app:
        assert (await only_turn(app, thread)).state is TurnState.DONE
        await settled(slack)
    parts = [words["metadata"]["event_payload"]["part"] for words in thread.words]
    assert parts == ["pictures", "0"]
    assert thread.messages == thread.words
    assert gemini.billed == 1


@pytest.mark.parametrize("point", REFUSAL)
async def test_a_refusal_is_told_once(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, point: str
) -> None:
    gemini.plan(Fault(kind="blocked", reason="SAFETY"))
    text = f"{mention(slack)} something"
    await killed(tmp_path, slack, gemini, point, lambda: slack.say("general", "ann", text))
    thread = Thread(slack, "general", slack.messages("general")[0]["ts"])
    async with running(tmp_path, slack, gemini, "socket") as app:
        await thread.told()
        await settled(slack)
        assert (await only_turn(app, thread)).state is TurnState.REFUSED
    assert len(thread.notices) == 1
    assert thread.messages == thread.notices
    assert len(gemini.calls) == 1


async def test_a_kill_during_the_call_pays_twice_at_most_and_answers_once(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    gemini.hold()
    async with launched(tmp_path, slack, gemini) as process:
        ts = await slack.say("general", "ann", f"{mention(slack)} a castle")
        await gemini.until_waiting(1)
        process.kill()
    gemini.release()
    thread = Thread(slack, "general", ts)
    async with running(tmp_path, slack, gemini, "socket") as app:
        await thread.answered()
        await settled(slack)
        assert (await only_turn(app, thread)).state is TurnState.DONE
    assert thread.messages == [*thread.pictures, *thread.words]
    assert len(thread.messages) == 2
    assert gemini.billed <= 2


async def test_a_kill_while_five_turns_queue_loses_none_of_them(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    gemini.hold()
    channels = [slack.channel(f"art{number}", members=["ann"]) for number in range(5)]
    async with launched(tmp_path, slack, gemini, THREADPAINT_PERSON_RUNNING="1") as process:
        said = [await slack.say(one, "ann", f"{mention(slack)} a castle") for one in channels]
        await gemini.until_waiting(1)
        process.kill()
    gemini.release()
    threads = [Thread(slack, one, ts) for one, ts in zip(channels, said, strict=True)]
    async with running(tmp_path, slack, gemini, "socket"):
        for thread in threads:
            await thread.answered()
        await settled(slack)
    assert [(len(one.pictures), len(one.messages)) for one in threads] == [(1, 2)] * 5
    assert gemini.billed <= 6


async def test_sigterm_answers_what_runs_and_leaves_what_comes_to_the_next_start(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    gemini.hold()
    async with launched(tmp_path, slack, gemini) as process:
        first = await slack.say("general", "ann", f"{mention(slack)} a castle")
        await gemini.until_waiting(1)
        process.terminate()
        await slack.until(lambda: not slack.connections)
        second = await slack.say("general", "bob", f"{mention(slack)} a fox")
        gemini.release()
        assert await process.until_ended() == 0, process.text
        assert len(Thread(slack, "general", first).messages) == 2
    assert Thread(slack, "general", second).messages == []
    async with running(tmp_path, slack, gemini, "socket"):
        await Thread(slack, "general", second).answered()
        await settled(slack)
    assert len(Thread(slack, "general", first).messages) == 2
    assert len(Thread(slack, "general", second).messages) == 2
    assert gemini.billed == len(gemini.calls) == 2


async def test_a_second_sigterm_ends_at_once_and_the_next_start_goes_on(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    gemini.hold()
    async with launched(tmp_path, slack, gemini) as process:
        ts = await slack.say("general", "ann", f"{mention(slack)} a castle")
        await gemini.until_waiting(1)
        process.terminate()
        await process.until_said("A second signal stops at once")
        process.terminate()
        await slack.until(lambda: not process.running, 5)
        assert await process.until_ended() == 0, process.text
    assert "Traceback" not in process.text
    gemini.release()
    thread = Thread(slack, "general", ts)
    async with running(tmp_path, slack, gemini, "socket"):
        await thread.answered()
        await settled(slack)
    assert thread.messages == [*thread.pictures, *thread.words]
    assert len(thread.messages) == 2
    assert gemini.billed <= 2
