"""Answers, notices and root messages: exactly once, whatever dies, breaks or closes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from adapters.slack.cards import line
from adapters.slack.web import Gone, Web
from bot.chat import Notice, NoticeKind, Post
from bot.errors import DeliveryError
from tests.slack.memory import MemoryJournal, Stage
from tests.standins.pictures import png
from tests.standins.slack import Fault, SlackStandin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

NOTICE = Notice(kind=NoticeKind.FAILED, text="It did not work.", retry=True)


class Killed(BaseException):
    """The process was killed."""


def killer(point: str) -> Callable[[str], None]:
    def fault(reached: str) -> None:
        if reached == point:
            raise Killed

    return fault


class Steps:
    """Kills at the n-th step."""

    def __init__(self, last: int) -> None:
        self.left = last

    def __call__(self) -> None:
        self.left -= 1
        if not self.left:
            raise Killed


class MortalWeb(Web):
    """Counts a step before and after each call."""

    step: Callable[[], None]

    async def _once(self, method: str, body: Mapping[str, object]) -> dict[str, Any]:
        self.step()
        answer = await super()._once(method, body)
        self.step()
        return answer

    async def upload(self, url: str, file: Path) -> None:
        self.step()
        await super().upload(url, file)
        self.step()


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


async def test_an_answer_is_pictures_and_then_words_in_the_thread(stage: Stage) -> None:
    turn = stage.turn()
    posts = await stage.courier().deliver(turn, stage.reply(turn, 3))
    pictures, words = stage.messages()
    assert stage.bytes_of(pictures) == [png(8, 8, str(n)) for n in range(3)]
    assert {pictures["thread_ts"], words["thread_ts"]} == {stage.thread}
    payload = {"turn": turn.id, "part": "0"}
    assert words["metadata"] == {"event_type": "threadpaint_answer", "event_payload": payload}
    files = [file["id"] for file in pictures["files"]]
    assert list(posts) == [
        Post(message_id=pictures["ts"], choice=0),
        Post(message_id=f"{pictures['ts']}:{files[1]}", choice=1),
        Post(message_id=f"{pictures['ts']}:{files[2]}", choice=2),
        Post(message_id=words["ts"]),
    ]


async def test_words_alone_are_a_post_that_can_be_replied_to(stage: Stage) -> None:
    turn = stage.turn()
    posts = await stage.courier().deliver(turn, stage.reply(turn, 0, "Which fox?"))
    [words] = stage.messages()
    assert list(posts) == [Post(message_id=words["ts"], choice=0)]


async def test_nothing_that_the_bot_posts_is_unfurled(stage: Stage, slack: SlackStandin) -> None:
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn))
    [call] = slack.calls("chat.postMessage")
    assert (call.arguments["unfurl_links"], call.arguments["unfurl_media"]) == (False, False)


async def test_long_words_are_several_messages_that_each_stand_once(stage: Stage) -> None:
    turn = stage.turn()
    reply = stage.reply(turn, 1, "A fox in the snow. " * 2_000)
    first = await stage.courier().deliver(turn, reply)
    second = await stage.courier().deliver(turn, reply)
    posted = stage.marked("threadpaint_answer")
    parts = [message["metadata"]["event_payload"]["part"] for message in posted]
    assert len(parts) > 1
    assert parts == [str(number) for number in range(len(parts))]
    assert list(first) == list(second)
    assert len(first) == 1 + len(parts)


async def test_an_answer_delivered_again_is_the_same_posts(stage: Stage) -> None:
    turn = stage.turn()
    reply = stage.reply(turn, 2)
    first = await stage.courier().deliver(turn, reply)
    assert await stage.courier().deliver(turn, reply) == first
    assert len(stage.messages()) == 2


async def test_two_deliveries_at_once_are_one(stage: Stage) -> None:
    turn = stage.turn()
    reply, courier = stage.reply(turn), stage.courier()
    first, second = await asyncio.gather(courier.deliver(turn, reply), courier.deliver(turn, reply))
    assert first == second
    assert len(stage.messages()) == 2


@pytest.mark.parametrize("point", ["slack.file_completed", "slack.shared", "slack.words_posted"])
async def test_a_killed_delivery_is_finished_by_the_next_process(stage: Stage, point: str) -> None:
    turn = stage.turn()
    reply = stage.reply(turn, 2)
    with pytest.raises(Killed):
        await stage.courier(killer(point)).deliver(turn, reply)
    posts = await stage.courier().deliver(turn, reply)
    assert len(stage.with_files()) == len(stage.words()) == 1
    assert len(posts) == 3


async def test_a_delivery_killed_at_any_step_is_shown_once(stage: Stage) -> None:
    """Each journal note and each call is a step, before and after it."""
    for last in range(1, 200):
        await stage.begin()
        stage.journal, stage.ahead = MemoryJournal(), timedelta()
        turn = stage.turn()
        reply = stage.reply(turn, 2)
        steps = Steps(last)
        stage.journal.step = steps
        web = MortalWeb(stage.web()._client, sleep=stage.sleep)
        web.step = steps
        try:
            await stage.courier(web=web).deliver(turn, reply)
            survived = True
        except Killed:
            survived = False
            stage.journal.step = lambda: None
            await stage.deliver(stage.courier(), turn, reply)
        here = [m for m in stage.messages() if m["thread_ts"] == stage.thread]
        assert len([m for m in here if m.get("files")]) == 1, last
        assert len([m for m in here if "metadata" in m]) == 1, last
        if survived:
            assert last > 20
            return
    pytest.fail("the delivery never ended")


FAULTS = ["429", "503", "drop-before", "drop-after", "html", "truncated"]
METHODS = [
    "files.getUploadURLExternal",
    "upload",
    "files.completeUploadExternal",
    "files.info",
    "chat.postMessage",
]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("times", [1, 2])
async def test_a_call_that_fails_costs_no_picture_and_doubles_none(
    stage: Stage, slack: SlackStandin, method: str, kind: str, times: int
) -> None:
    slack.plan(Fault(method=method, kind=kind, times=times))
    turn = stage.turn()
    posts = await stage.deliver(stage.courier(), turn, stage.reply(turn, 2))
    assert len(stage.with_files()) == len(stage.words()) == 1
    assert len(posts) == 3
    assert posts[0].message_id == stage.with_files()[0]["ts"]


async def test_a_post_that_slack_does_after_the_time_out_is_found(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.plan(Fault(method="chat.postMessage", kind="slow", seconds=0.3))
    stage.faster = 0.2
    turn = stage.turn()
    await stage.courier(web=stage.web(timeout=0.2)).deliver(turn, stage.reply(turn, 0))
    assert len(stage.words()) == 1


async def test_words_are_found_on_a_later_page_of_a_long_thread(
    stage: Stage, slack: SlackStandin
) -> None:
    turn = stage.turn()
    with pytest.raises(Killed):
        await stage.courier(killer("slack.words_posted")).deliver(turn, stage.reply(turn, 0))
    [words] = stage.words()
    place = slack.world.channels[stage.channel]
    place.messages.remove(words)
    for number in range(450):
        slack.world.post(
            place, {"user": stage.person, "text": str(number), "thread_ts": stage.thread}
        )
    place.messages.append(words)
    posts = await stage.courier().deliver(turn, stage.reply(turn, 0))
    assert list(posts) == [Post(message_id=words["ts"], choice=0)]
    assert len(stage.words()) == 1


async def test_a_kind_of_notice_is_told_once_in_each_round(stage: Stage) -> None:
    turn = stage.turn()
    slow = replace(NOTICE, kind=NoticeKind.SLOW)
    for _ in range(2):
        [post] = await stage.courier().tell(turn, NOTICE)
        await stage.courier().tell(turn, slow)
        await stage.courier().tell(replace(turn, round=1), NOTICE)
    told = stage.marked("threadpaint_notice")
    assert [m["metadata"]["event_payload"]["notice"] for m in told] == [
        "0.failed",
        "0.slow",
        "1.failed",
    ]
    assert post == Post(message_id=told[0]["ts"])


async def test_a_killed_notice_is_told_once(stage: Stage) -> None:
    turn = stage.turn()
    with pytest.raises(Killed):
        await stage.courier(killer("slack.notice_posted")).tell(turn, NOTICE)
    await stage.courier().tell(turn, NOTICE)
    assert len(stage.marked("threadpaint_notice")) == 1


@pytest.mark.parametrize("private", [False, True])
async def test_a_killed_root_message_begins_one_thread(
    stage: Stage, slack: SlackStandin, *, private: bool
) -> None:
    channel = slack.channel("studio", members=["ann"], private=private)
    card, since = line("ann asked for a fox"), stage.now()
    with pytest.raises(Killed):
        await stage.courier(killer("slack.root_posted")).root("E1", channel, card, since)
    ts = await stage.courier().root("E1", channel, card, since)
    other = await stage.courier().root("E2", channel, card, since)
    assert [message["ts"] for message in stage.marked("threadpaint_root", channel)] == [ts, other]


async def test_a_root_message_where_the_bot_is_absent_is_refused(
    stage: Stage, slack: SlackStandin
) -> None:
    channel = slack.channel("secret", bot=False)
    with pytest.raises(DeliveryError, match="Invite me") as refused:
        await stage.courier().root("E1", channel, line("a fox"), stage.now())
    assert refused.value.final
    slack.world.channels[channel].members.add(slack.bot_user)
    await stage.courier().root("E1", channel, line("a fox"), stage.now())
    assert len(stage.marked("threadpaint_root", channel)) == 1
    assert slack.calls("conversations.history") == []


def archive(stage: Stage) -> str:
    stage.slack.world.channels[stage.channel].archived = True
    return "archived"


def expel(stage: Stage) -> str:
    stage.slack.world.channels[stage.channel].members.remove(stage.slack.bot_user)
    return "member"


def delete_thread(stage: Stage) -> str:
    channel = stage.slack.world.channels[stage.channel]
    channel.messages.clear()
    return "deleted"


@pytest.mark.parametrize("close", [archive, expel, delete_thread])
@pytest.mark.parametrize("pictures", [0, 2])
async def test_a_closed_thread_is_answered_once_in_a_direct_message(
    stage: Stage, slack: SlackStandin, close: Callable[[Stage], str], pictures: int
) -> None:
    turn = stage.turn()
    reply = stage.reply(turn, pictures)
    reason = close(stage)
    posts = await stage.courier().deliver(turn, reply)
    assert await stage.courier().deliver(turn, reply) == posts
    direct = slack.direct(stage.person)
    assert len(stage.with_files(direct)) == bool(pictures)
    [words] = stage.words(direct)
    assert "I could not answer in the thread" in str(words["blocks"])
    assert pictures or reason in str(words["blocks"])
    assert stage.messages() == []
    await stage.courier().tell(turn, NOTICE)
    [told] = stage.marked("threadpaint_notice", direct)
    assert NOTICE.text in told["text"]


async def test_what_was_answered_directly_stays_there_when_the_thread_opens_again(
    stage: Stage, slack: SlackStandin
) -> None:
    turn = stage.turn()
    reply = stage.reply(turn)
    archive(stage)
    posts = await stage.courier().deliver(turn, reply)
    slack.world.channels[stage.channel].archived = False
    assert await stage.courier().deliver(turn, reply) == posts
    assert stage.messages() == []


async def test_a_thread_that_closes_before_the_words_is_answered_whole_elsewhere(
    stage: Stage, slack: SlackStandin
) -> None:
    turn = stage.turn()

    def close(point: str) -> None:
        if point == "slack.shared" and not stage.slack.world.channels[stage.channel].archived:
            archive(stage)

    posts = await stage.courier(close).deliver(turn, stage.reply(turn))
    direct = slack.direct(stage.person)
    assert len(stage.with_files(direct)) == len(stage.words(direct)) == 1
    assert posts[0].message_id == stage.with_files(direct)[0]["ts"]


async def test_a_closed_thread_of_somebody_who_left_is_the_end(
    stage: Stage, slack: SlackStandin
) -> None:
    turn = stage.turn()
    archive(stage)
    slack.world.people[stage.person].deleted = True
    with pytest.raises(DeliveryError) as gone:
        await stage.courier().deliver(turn, stage.reply(turn))
    assert gone.value.final
    assert "posted" not in str(gone.value)
    assert slack.calls("chat.postMessage") == []


async def test_a_revoked_token_ends_a_delivery_with_one_call(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.token_error = "token_revoked"
    turn, courier = stage.turn(), stage.courier()
    reply = stage.reply(turn)
    for _ in range(3):
        with pytest.raises(Gone) as gone:
            await courier.deliver(turn, reply)
        assert gone.value.final
    assert len(slack.all_calls) == 1


async def test_a_deleted_answer_takes_messages_and_files_away(
    stage: Stage, slack: SlackStandin
) -> None:
    turn, other = stage.turn(), stage.turn()
    kept = await stage.courier().deliver(other, stage.reply(other))
    posts = await stage.courier().deliver(turn, stage.reply(turn, 2))
    await stage.courier().erase(turn, posts)
    await stage.courier().erase(turn, posts)
    assert [message["ts"] for message in stage.messages()] == [post.message_id for post in kept]
    assert [file.deleted for file in slack.world.files.values()] == [False, True, True]


async def test_an_answer_whose_notes_are_forgotten_can_be_deleted(
    stage: Stage, slack: SlackStandin
) -> None:
    turn = stage.turn()
    posts = await stage.courier().deliver(turn, stage.reply(turn, 2))
    await stage.courier().tidy(stage.now() + timedelta(days=15))
    assert stage.journal.notes == {}
    await stage.courier().erase(turn, posts)
    assert stage.messages() == []
    assert all(file.deleted for file in slack.world.files.values())


async def test_young_notes_are_not_forgotten(stage: Stage) -> None:
    turn = stage.turn()
    reply = stage.reply(turn)
    await stage.courier().deliver(turn, reply)
    await stage.courier().tidy(stage.now() + timedelta(days=13))
    await stage.courier().deliver(turn, reply)
    assert len(stage.messages()) == 2
