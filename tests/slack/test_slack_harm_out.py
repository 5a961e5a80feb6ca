"""What goes wrong while an answer is brought to Slack: shown exactly once all the same.

The rows of facts/reliability.md 3.3, and what covers each for Slack:

kill after upload, before share; share answer lost
    test_slack_crash (slack.file_completed, slack.shared), test_slack_courier (a kill at any step),
    here: two failures of any call
complete says ok but never shares
    here: a picture that Slack never posts, ... posts very late; test_slack_uploads
placeholder deleted by a user
    there is no placeholder (an answer is a new message)
channel archived, thread locked or deleted
    test_slack_conversation (an answer to a channel that was closed), test_slack_courier
token revoked, account_inactive, app removed
    here: the end of an installation; test_slack_web, test_slack_progress
file too big, worst case noise
    test_slack_uploads (comes smaller and says so), tests/media/test_media_copies
text too long
    test_slack_text, test_slack_cards, test_slack_courier (several messages that each stand once)
429 on posting
    here: two failures of any call, many answers at once; test_slack_web (paces, Retry-After)

Of 3.1: the clock jumps. Roots of commands: test_slack_commands (when Slack answers badly).
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from adapters.slack.parts import utc_now
from bot.conversation import TurnState
from bot.errors import SettingsError
from tests.slack.harness import Thread, running
from tests.slack.speaking import mention, turns_in
from tests.standins.gemini import Fault as Trouble
from tests.standins.slack import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin
    from tests.standins.slack.values import Json

DELIVERY = (
    "files.getUploadURLExternal",
    "upload",
    "files.completeUploadExternal",
    "files.info",
    "chat.postMessage",
)
"""Every call of the delivery of an answer."""


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for Slack for parts of a second, where we would wait for seconds and minutes."""
    monkeypatch.setattr("adapters.slack.posting._SETTLE_SECONDS", 0.1)
    monkeypatch.setattr("adapters.slack.web._UNCLEAR", (0.05, 0.05))
    monkeypatch.setattr("adapters.slack.web._retry_after", lambda headers: 0.1)
    monkeypatch.setattr("adapters.slack.files_out.POLLS", (0.1, 0.1, 0.2, 0.2))
    monkeypatch.setattr("adapters.slack.files_out.AGAIN_SECONDS", 0.5)
    monkeypatch.setattr("bot.turns.DELIVERY_WAITS", (0.3, 0.3, 0.3, 0.3))


async def painted(folder: Path, slack: SlackStandin, gemini: GeminiStandin) -> Thread:
    """Ask for a picture and wait for the end of the turn."""
    async with running(folder, slack, gemini, "socket") as app:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        [turn] = await turns_in(app, slack, "general", ts)
        ended = await app.turns.ended(turn.id)
        assert ended.state is TurnState.DONE, ended.verdict
        await slack.until(lambda: all(one.ended.is_set() for one in slack.deliveries.sent))
    return Thread(slack, "general", ts)


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "429", "503"])
@pytest.mark.parametrize("method", DELIVERY)
async def test_two_failures_of_any_call_double_and_lose_nothing(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, method: str, kind: str
) -> None:
    slack.plan(Fault(method=method, kind=kind, times=2))
    thread = await painted(tmp_path, slack, gemini)
    assert slack.calls(method)[0].fault
    assert (len(thread.pictures), len(thread.words)) == (1, 1)
    assert thread.messages == [*thread.pictures, *thread.words]
    assert gemini.billed == 1


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("minutes", [-60, 10, 60])
async def test_a_clock_that_is_wrong_doubles_nothing(
    tmp_path: Path,
    slack: SlackStandin,
    gemini: GeminiStandin,
    minutes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = timedelta(minutes=minutes)
    monkeypatch.setattr("adapters.slack.platform.utc_now", lambda: utc_now() + wrong)
    slack.plan(Fault(method="chat.postMessage", kind="drop-after"))
    thread = await painted(tmp_path, slack, gemini)
    assert (len(thread.pictures), len(thread.words)) == (1, 1)


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "429", "503"])
async def test_a_refusal_is_told_once_whatever_befalls_it(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, kind: str
) -> None:
    gemini.plan(Trouble(kind="blocked", reason="SAFETY"))
    slack.plan(Fault(method="chat.postMessage", kind=kind, times=2))
    async with running(tmp_path, slack, gemini, "socket") as app:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        [turn] = await turns_in(app, slack, "general", ts)
        assert (await app.turns.ended(turn.id)).state is TurnState.REFUSED
    thread = Thread(slack, "general", ts)
    assert thread.messages == thread.notices
    assert len(thread.notices) == 1


def stand_ins(thread: Thread) -> list[Json]:
    """The messages that stand in for a picture, as Slack does not post it."""
    return [m for m in thread.words if m["metadata"]["event_payload"]["part"] == "pictures"]


@pytest.mark.usefixtures("_quick")
async def test_a_picture_that_slack_never_posts_is_shown_once_all_the_same(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    slack.knobs.share_after = None
    thread = await painted(tmp_path, slack, gemini)
    assert thread.pictures == []
    [stand_in] = stand_ins(thread)
    assert [b["slack_file"]["id"] in slack.world.files for b in stand_in["blocks"][1:]] == [True]
    assert len(thread.messages) == 2
    assert gemini.billed == 1


@pytest.mark.usefixtures("_quick")
async def test_a_picture_that_slack_posts_very_late_takes_the_place_of_what_stood_in(
    tmp_path: Path,
    slack: SlackStandin,
    gemini: GeminiStandin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.slack.files_out.AGAIN_SECONDS", 60)
    slack.plan(Fault(method="share", kind="slow", seconds=1.5))
    async with running(tmp_path, slack, gemini, "socket"):
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        thread = Thread(slack, "general", ts)
        await slack.until(lambda: stand_ins(thread) and len(thread.messages) == 2)
        assert thread.pictures == []
        await slack.until(lambda: thread.pictures and not stand_ins(thread))
    assert (len(thread.pictures), len(thread.words), len(thread.messages)) == (1, 1, 2)


async def test_many_answers_at_once_keep_to_slacks_pace(
    tmp_path: Path, slack: SlackStandin
) -> None:
    slack.knobs.pace = True
    async with running(tmp_path, slack, None, "socket"):
        asked = [
            await slack.say("general", name, f"{mention(slack)} fox {number}")
            for number, name in enumerate(("ann", "bob", "root"))
        ]
        threads = [Thread(slack, "general", ts) for ts in asked]
        for thread in threads:
            await thread.answered()
    assert [(len(one.pictures), len(one.messages)) for one in threads] == [(1, 2)] * 3


# --- the end of an installation ------------------------------------------------------------------


@contextmanager
def ended(word: str) -> Iterator[None]:
    """Expect that the service ends and says what Slack said and what to do."""
    words = rf"no longer takes SLACK_BOT_TOKEN \({word}\)\. Install the app again"
    with pytest.raises(SettingsError, match=words):
        yield


@pytest.mark.parametrize("word", ["token_revoked", "account_inactive"])
async def test_after_slack_refused_the_token_nothing_is_called_or_bought_and_the_bot_ends(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str, word: str
) -> None:
    with ended(word):
        async with running(tmp_path, slack, gemini, way) as app:
            gemini.hold()
            ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
            await gemini.until_waiting(1)
            await slack.say("general", "ann", "make it blue", thread_ts=ts)
            slack.token_error = word
            before = len(slack.calls())
            gemini.release()
            painted, queued = await turns_in(app, slack, "general", ts)
            await app.turns.ended(painted.id)
    assert [call.error for call in slack.calls()[before:]] == [word]
    assert gemini.billed == 1
    assert queued.state is TurnState.ACCEPTED


@pytest.mark.parametrize("kind", ["app_uninstalled", "tokens_revoked"])
async def test_after_the_app_was_removed_no_call_is_made_and_the_bot_ends(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str, kind: str
) -> None:
    tokens = {"tokens": {"oauth": [], "bot": [slack.bot_user]}} if kind == "tokens_revoked" else {}
    with ended("app_uninstalled"), capture_logs() as log:
        async with running(tmp_path, slack, gemini, way):
            await slack.event({"type": kind, **tokens})
            before = len(slack.calls())
            await slack.until(lambda: "dropped out" in str(log))
    assert slack.calls()[before:] == []
    assert gemini.calls == []


async def test_an_answer_that_could_not_be_brought_is_kept_for_the_next_installation(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    with ended("token_revoked"):
        async with running(tmp_path, slack, gemini, "socket") as app:
            gemini.hold()
            ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
            await gemini.until_waiting(1)
            slack.token_error = "token_revoked"
            gemini.release()
            [turn] = await turns_in(app, slack, "general", ts)
            assert (await app.turns.ended(turn.id)).state is TurnState.FAILED
    slack.token_error = ""
    async with running(tmp_path, slack, gemini, "socket") as app:
        await app.turns.retry(turn.id)
        await Thread(slack, "general", ts).answered()
    assert len(Thread(slack, "general", ts).pictures) == 1
    assert gemini.billed == 1
