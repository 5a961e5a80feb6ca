"""Answers, notices, root messages and threads: exactly once, whatever dies, breaks or closes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import pytest

from adapters.discord.calls import Calls, Gone
from adapters.discord.cards import line
from bot.chat import Notice, NoticeKind, Post
from bot.errors import DeliveryError
from tests.discord.memory import Stage, buttons, connected, said
from tests.slack.memory import MemoryJournal
from tests.standins.discord import DiscordFile, DiscordStandin, Fault
from tests.standins.pictures import png

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

_T = TypeVar("_T")

SEND = "channels/*/messages"
THREAD = "channels/*/messages/*/threads"
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


class MortalCalls(Calls):
    """Counts a step before and after each call."""

    step: Callable[[], None]

    async def _once(self, work: Callable[[], Awaitable[_T]], seconds: float) -> _T:
        self.step()
        result = await super()._once(work, seconds)
        self.step()
        return result


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


def forget_nonces(stage: Stage) -> None:
    """Let the minutes pass in which Discord knows nonces."""
    stage.discord.world.nonces.clear()


async def test_an_answer_is_one_message_with_pictures_words_and_controls(stage: Stage) -> None:
    turn = stage.turn()
    posts = await stage.courier().deliver(turn, stage.reply(turn, 3))
    [message] = stage.messages()
    assert stage.discord.pictures(message) == [png(8, 8, str(n)) for n in range(3)]
    assert "Here you are." in said(message)
    assert f"tp:redo:{turn.id}" in buttons(message)
    assert list(posts) == [
        Post(message_id=message["id"], choice=0),
        Post(message_id=f"{message['id']}:1", choice=1),
        Post(message_id=f"{message['id']}:2", choice=2),
    ]


async def test_words_alone_are_a_post_that_can_be_replied_to(stage: Stage) -> None:
    turn = stage.turn()
    posts = await stage.courier().deliver(turn, stage.reply(turn, 0, "Which fox?"))
    [message] = stage.messages()
    assert list(posts) == [Post(message_id=message["id"], choice=0)]


async def test_long_words_are_several_messages_that_each_stand_once(stage: Stage) -> None:
    turn = stage.turn()
    reply = stage.reply(turn, 1, "A fox in the snow. " * 700)
    first = await stage.courier().deliver(turn, reply)
    assert await stage.courier().deliver(turn, reply) == first
    posted = stage.messages()
    assert len(posted) > 2
    assert [post.message_id for post in first] == [message["id"] for message in posted]
    assert [post.choice for post in first] == [0] + [None] * (len(posted) - 1)
    nonces = [call.arguments["nonce"] for call in stage.discord.calls(SEND, "POST")]
    assert len(set(nonces)) == len(posted)
    assert all(nonce.startswith(f"a{turn.id}.0.") for nonce in nonces)


async def test_two_deliveries_at_once_are_one(stage: Stage) -> None:
    turn = stage.turn()
    reply, courier = stage.reply(turn), stage.courier()
    first, second = await asyncio.gather(courier.deliver(turn, reply), courier.deliver(turn, reply))
    assert first == second
    assert len(stage.discord.calls(SEND, "POST")) == 1


async def test_the_first_answer_is_no_reply_since_its_message_stands_above_the_thread(
    stage: Stage,
) -> None:
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn))
    [call] = stage.discord.calls(SEND, "POST")
    assert "message_reference" not in call.arguments


async def test_a_later_turn_answers_the_message_that_asked(stage: Stage) -> None:
    asked = await stage.discord.say(stage.asked, stage.person, "with a hat")
    turn = stage.turn(number=2, message_id=asked["id"])
    turn = replace(turn, ref={**turn.ref, "message": asked["id"]})
    await stage.courier().deliver(turn, stage.reply(turn))
    [message] = stage.messages()
    assert message["message_reference"]["message_id"] == asked["id"]


async def test_an_answer_does_not_need_the_message_that_asked(
    stage: Stage, discord: DiscordStandin
) -> None:
    asked = await discord.say(stage.asked, stage.person, "with a hat")
    await discord.delete(asked)
    turn = stage.turn(number=2, message_id=asked["id"])
    turn = replace(turn, ref={**turn.ref, "message": asked["id"]})
    await stage.courier().deliver(turn, stage.reply(turn))
    assert len(stage.messages()) == 1


async def test_where_history_may_not_be_read_an_answer_is_no_reply(
    stage: Stage, discord: DiscordStandin
) -> None:
    asked = await discord.say(stage.asked, stage.person, "with a hat")
    discord.permissions(stage.channel, deny=["READ_MESSAGE_HISTORY"])
    turn = stage.turn(number=2, message_id=asked["id"])
    turn = replace(turn, ref={**turn.ref, "message": asked["id"]})
    await stage.courier().deliver(turn, stage.reply(turn))
    assert len(stage.messages()) == 1


@pytest.mark.parametrize("nonces", [True, False])
async def test_a_killed_delivery_is_finished_by_the_next_process(
    stage: Stage, *, nonces: bool
) -> None:
    turn = stage.turn()
    reply = stage.reply(turn, 2)
    with pytest.raises(Killed):
        await stage.courier(killer("discord.answer_posted")).deliver(turn, reply)
    if not nonces:
        forget_nonces(stage)
    posts = await stage.courier().deliver(turn, reply)
    assert stage.sent() == [posts[0].message_id]
    assert len(posts) == 2


async def test_the_part_of_an_answer_that_stands_is_told_from_the_others(stage: Stage) -> None:
    """Both look alike but for the number of the first component."""
    turn = stage.turn()
    reply = stage.reply(turn, 0, "A fox. " * 1_300)

    class Second:
        seen = 0

        def __call__(self, _: str) -> None:
            self.seen += 1
            if self.seen == 2:
                raise Killed

    with pytest.raises(Killed):
        await stage.courier(Second()).deliver(turn, reply)
    forget_nonces(stage)
    posts = await stage.courier().deliver(turn, reply)
    assert [post.message_id for post in posts] == [m["id"] for m in stage.messages()]
    assert len(posts) == 3


async def test_a_delivery_killed_at_any_step_is_shown_once(stage: Stage) -> None:
    """Each journal note and each call is a step, before and after it."""
    for last in range(1, 60):
        await stage.begin(thread=False)
        stage.journal, stage.ahead = MemoryJournal(), timedelta()
        turn = stage.turn()
        reply = stage.reply(turn, 1, "A fox in the snow. " * 250)
        steps = Steps(last)
        stage.journal.step = steps
        calls = MortalCalls(stage.client, sleep=stage.sleep)
        calls.step = steps
        try:
            await stage.courier(calls=calls).deliver(turn, reply)
            survived = True
        except Killed:
            survived = False
            stage.journal.step = lambda: None
            if last % 2:
                forget_nonces(stage)
            await stage.deliver(stage.courier(), turn, reply)
        assert len(stage.messages()) == 2, last
        assert len(stage.with_files()) == 1, last
        if survived:
            assert last > 12
            return
    pytest.fail("the delivery never ended")


FAULTS = ["429", "503", "drop-before", "drop-after", "truncated"]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("times", [1, 5])
async def test_a_call_that_fails_costs_no_picture_and_doubles_none(
    stage: Stage, discord: DiscordStandin, kind: str, method: str, times: int
) -> None:
    if method == "GET":  # something to look for
        discord.plan(Fault(route=SEND, method="POST", kind="drop-after", times=4))
    if kind == "429":
        times = 1
    discord.plan(Fault(route=SEND, method=method, kind=kind, times=times, retry_after=0.05))
    turn = stage.turn()
    posts = await stage.deliver(stage.courier(), turn, stage.reply(turn, 2))
    assert stage.sent() == [posts[0].message_id]
    assert len(posts) == 2
    assert len(stage.messages()) == 1


async def test_what_discord_repeats_itself_is_posted_once(
    stage: Stage, discord: DiscordStandin
) -> None:
    discord.plan(Fault(route=SEND, method="POST", kind="502", work=True))
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn))
    assert len(stage.sent()) == 1
    assert len(discord.calls(SEND, "POST")) == 2


async def test_a_kind_of_notice_is_told_once_in_each_round(stage: Stage) -> None:
    turn = stage.turn()
    kinds = list(NoticeKind)
    for _ in range(2):
        for kind in kinds:
            [post] = await stage.courier().tell(turn, replace(NOTICE, kind=kind))
        await stage.courier().tell(replace(turn, round=1), NOTICE)
    told = stage.messages()
    assert len(told) == len(kinds) + 1
    assert post == Post(message_id=told[len(kinds) - 1]["id"])
    assert f"tp:retry:{turn.id}" in buttons(told[-1])


@pytest.mark.parametrize("nonces", [True, False])
async def test_a_killed_notice_is_told_once(stage: Stage, *, nonces: bool) -> None:
    turn = stage.turn()
    with pytest.raises(Killed):
        await stage.courier(killer("discord.notice_posted")).tell(turn, NOTICE)
    if not nonces:
        forget_nonces(stage)
    await stage.courier().tell(turn, NOTICE)
    assert len(stage.sent()) == 1


async def test_a_notice_does_not_swallow_the_answer(stage: Stage) -> None:
    turn = stage.turn()
    await stage.courier().tell(turn, NOTICE)
    await stage.courier().deliver(turn, stage.reply(turn))
    assert len(stage.messages()) == 2


# Root messages and threads


@pytest.mark.parametrize("nonces", [True, False])
async def test_a_killed_root_message_begins_one_thread(stage: Stage, *, nonces: bool) -> None:
    card, since = line("ann asked for a fox"), stage.now()
    with pytest.raises(Killed):
        await stage.courier(killer("discord.root_posted")).root("71", stage.channel, card, since)
    if not nonces:
        forget_nonces(stage)
    first = await stage.courier().root("71", stage.channel, card, since)
    other = await stage.courier().root("72", stage.channel, card, since)
    assert stage.sent() == [first, other]


async def test_a_root_message_is_found_among_hundreds_of_others(
    stage: Stage, discord: DiscordStandin
) -> None:
    card, since = line("ann asked for a fox"), stage.now()
    with pytest.raises(Killed):
        await stage.courier(killer("discord.root_posted")).root("71", stage.channel, card, since)
    forget_nonces(stage)
    for number in range(250):
        await discord.say(stage.channel, stage.person, str(number))
    stage.ahead += timedelta(days=3)
    await stage.courier().root("71", stage.channel, card, since)
    assert len(stage.sent()) == 1


@pytest.mark.parametrize("kind", ["503", "drop-before", "drop-after", "429"])
async def test_one_thread_stands_on_a_message(
    stage: Stage, discord: DiscordStandin, kind: str
) -> None:
    await stage.begin(thread=False)
    discord.plan(Fault(route=THREAD, kind=kind, retry_after=0.05))
    for _ in range(2):
        assert await stage.courier().thread(stage.where, "  a  fox ") == stage.asked
    assert discord.world.channels[stage.asked].name == "a fox"


async def test_a_thread_made_before_a_kill_is_taken(stage: Stage, discord: DiscordStandin) -> None:
    await stage.begin(thread=False)
    with pytest.raises(Killed):
        await stage.courier(killer("discord.thread_made")).thread(stage.where, "a fox")
    assert await stage.courier().thread(stage.where, "a fox") == stage.asked
    assert discord.calls(THREAD)[-1].code == 160004


async def test_the_thread_that_a_crash_left_out_is_opened_by_the_delivery(
    stage: Stage, discord: DiscordStandin
) -> None:
    await stage.begin(thread=False)
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn))
    assert discord.threads(stage.channel)[-1] == stage.asked
    assert len(stage.messages()) == 1


async def test_a_title_that_the_rules_forbid_becomes_a_neutral_one(
    stage: Stage, discord: DiscordStandin
) -> None:
    await stage.begin(thread=False)
    discord.knobs.automod = {"naughty"}
    assert await stage.courier().thread(stage.where, "a naughty fox") == stage.asked
    assert discord.world.channels[stage.asked].name == "Picture"


async def test_a_title_of_any_length_is_taken(stage: Stage, discord: DiscordStandin) -> None:
    for title in ("fox " * 100, "🦊" * 120, " \n "):
        await stage.begin(thread=False)
        assert await stage.courier().thread(stage.where, title) == stage.asked


def no_room(stage: Stage) -> str:
    stage.discord.knobs.active_threads = 1
    return "too many active threads"


def no_right(stage: Stage) -> str:
    stage.discord.permissions(stage.channel, deny=["CREATE_PUBLIC_THREADS"])
    return "Create Public Threads"


@pytest.mark.parametrize("hinder", [no_room, no_right])
@pytest.mark.parametrize("asked_before", [True, False])
async def test_where_no_thread_can_be_the_channel_is_answered(
    stage: Stage, hinder: Callable[[Stage], str], *, asked_before: bool
) -> None:
    await stage.begin(thread=False)
    reason = hinder(stage)
    if asked_before:
        assert await stage.courier().thread(stage.where, "a fox") == stage.channel
    turn = stage.turn()
    posts = await stage.courier().deliver(turn, stage.reply(turn))
    await stage.courier().tell(turn, NOTICE)
    assert await stage.courier().deliver(turn, stage.reply(turn)) == posts
    answer, told = stage.messages(stage.channel)
    assert answer["message_reference"]["message_id"] == stage.asked
    assert reason in said(answer)
    assert told["message_reference"]["message_id"] == stage.asked
    assert len(stage.discord.calls(THREAD)) == 2  # of which one opened the thread of the stage


async def test_what_was_asked_in_a_thread_without_a_message_of_its_own_is_answered_there(
    stage: Stage, discord: DiscordStandin
) -> None:
    forum = discord.channel(stage.guild, "ideas", forum=True)
    post = await discord.post(forum, stage.person, "Foxes", "a fox")
    where = replace(stage.where, channel=forum, thread=post)
    turn = stage.turn(thread=where, message_id=post)
    await stage.courier().deliver(turn, stage.reply(turn))
    assert len(stage.messages(post)) == 1
    assert len(discord.calls(THREAD)) == 1


async def test_a_direct_message_is_answered_where_it_stands(
    stage: Stage, discord: DiscordStandin
) -> None:
    direct = discord.direct(stage.person)
    asked = await discord.say(direct, stage.person, "a fox")
    where = replace(stage.where, workspace="@me", channel=direct, thread=asked["id"])
    assert await stage.courier().thread(where, "a fox") == direct
    turn = stage.turn(thread=where, message_id=asked["id"])
    turn = replace(turn, ref={**turn.ref, "message": asked["id"], "place": "dm"})
    await stage.courier().deliver(turn, stage.reply(turn))
    [message] = stage.messages(direct)
    assert message["message_reference"]["message_id"] == asked["id"]


async def test_an_archived_thread_is_opened_by_its_answer(
    stage: Stage, discord: DiscordStandin
) -> None:
    discord.archive(stage.asked)
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn))
    assert len(stage.messages()) == 1
    assert not discord.world.channels[stage.asked].archived


# Closed places


def lock(stage: Stage) -> str:
    stage.discord.lock(stage.asked)
    return "the thread is locked"


def remove_thread(stage: Stage) -> str:
    stage.discord.remove_channel(stage.asked)
    return "the thread was deleted"


def remove_channel(stage: Stage) -> str:
    stage.discord.remove_channel(stage.channel)
    return "the thread was deleted"


def hide(stage: Stage) -> str:
    stage.discord.permissions(stage.channel, deny=["VIEW_CHANNEL"])
    return "I cannot see the channel"


def silence(stage: Stage) -> str:
    stage.discord.permissions(stage.channel, deny=["SEND_MESSAGES_IN_THREADS"])
    return "I lack a permission"


@pytest.mark.parametrize("close", [lock, remove_thread, remove_channel, hide, silence])
@pytest.mark.parametrize("pictures", [0, 2])
async def test_a_closed_thread_is_answered_once_in_a_direct_message(
    stage: Stage, discord: DiscordStandin, close: Callable[[Stage], str], pictures: int
) -> None:
    turn = stage.turn()
    reply = stage.reply(turn, pictures)
    reason = close(stage)
    posts = await stage.courier().deliver(turn, reply)
    assert await stage.courier().deliver(turn, reply) == posts
    direct = discord.direct(stage.person)
    [answer] = stage.messages(direct)
    assert len(discord.pictures(answer)) == pictures
    assert reason in said(answer)
    await stage.courier().tell(turn, NOTICE)
    assert NOTICE.text in said(stage.messages(direct)[-1])
    assert len(stage.sent()) == 2
    assert discord.invalid_requests <= 1


async def test_a_thread_that_closes_between_two_parts_is_answered_whole_elsewhere(
    stage: Stage, discord: DiscordStandin
) -> None:
    turn = stage.turn()
    reply = stage.reply(turn, 1, "A fox in the snow. " * 250)

    def close(point: str) -> None:
        if point == "discord.answer_posted" and not discord.world.channels[stage.asked].locked:
            discord.lock(stage.asked)

    posts = await stage.courier(close).deliver(turn, reply)
    there = stage.messages(discord.direct(stage.person))
    assert [post.message_id for post in posts] == [message["id"] for message in there]
    assert len(there) == 2


async def test_somebody_who_takes_no_direct_messages_is_the_end(
    stage: Stage, discord: DiscordStandin
) -> None:
    turn = stage.turn()
    lock(stage)
    discord.world.person(stage.person).dm_open = False
    for _ in range(2):
        with pytest.raises(DeliveryError, match="direct messages") as refused:
            await stage.courier().deliver(turn, stage.reply(turn))
        assert refused.value.final
    assert stage.sent() == []


async def test_an_answer_that_the_rules_of_a_server_forbid_is_not_tried_again(
    stage: Stage, discord: DiscordStandin
) -> None:
    discord.knobs.automod = {"here you are"}
    turn = stage.turn()
    with pytest.raises(DeliveryError, match="AutoMod") as refused:
        await stage.courier().deliver(turn, stage.reply(turn))
    assert refused.value.final
    assert len(discord.calls(SEND, "POST")) == 1
    await stage.courier().tell(turn, NOTICE)
    assert len(stage.messages()) == 1


async def test_an_answer_that_somebody_deleted_at_once_is_not_forced_on_them(
    stage: Stage, discord: DiscordStandin
) -> None:
    turn = stage.turn()
    with pytest.raises(Killed):
        await stage.courier(killer("discord.answer_posted")).deliver(turn, stage.reply(turn))
    await discord.delete(stage.messages()[0])
    with pytest.raises(DeliveryError, match="deleted") as gone:
        await stage.courier().deliver(turn, stage.reply(turn))
    assert gone.value.final
    again = replace(turn, round=1)
    await stage.courier().deliver(again, stage.reply(again))
    assert len(stage.messages()) == 1


async def test_a_revoked_token_ends_a_delivery_with_one_call(
    stage: Stage, discord: DiscordStandin
) -> None:
    turn, courier = stage.turn(), stage.courier()
    discord.gateway.token_reset = True
    before = len(discord.all_calls)
    for _ in range(3):
        with pytest.raises(Gone) as gone:
            await courier.deliver(turn, stage.reply(turn))
        assert gone.value.final
    assert len(discord.all_calls) == before + 1


# The deferred answer as the answer


@pytest.mark.parametrize(("place", "install"), [("user-app", "user"), ("private", "guild")])
async def test_where_only_the_deferred_answer_is_there_it_becomes_the_answer(
    stage: Stage, discord: DiscordStandin, place: str, install: str
) -> None:
    made = await stage.used(stage.channel, install=install)
    turn = stage.turn(ref=stage.ref(made, place))
    reply = stage.reply(turn, 2, "A fox in the snow. " * 250)
    posts = await stage.courier().deliver(turn, reply)
    assert [p.message_id for p in await stage.courier().deliver(turn, reply)] == [
        post.message_id for post in posts
    ]
    first, second = made.answers
    assert len(discord.pictures(first)) == 2
    assert not made.loading
    assert bool(second["flags"] & 64) == (place == "private")
    assert [post.message_id for post in posts] == [first["id"], f"{first['id']}:1", second["id"]]
    assert stage.sent() == []


async def test_a_deferred_answer_whose_files_are_not_taken_has_words(
    stage: Stage, discord: DiscordStandin
) -> None:
    discord.plan(Fault(route="webhooks/*/*/messages/@original", kind="413"))
    made = await stage.used(stage.channel, install="user")
    turn = stage.turn(ref=stage.ref(made, "user-app"))
    await stage.courier().deliver(turn, stage.reply(turn))
    [answer] = made.answers
    assert "not even a small copy" in said(answer)
    assert made.followups == 0


async def test_a_further_message_by_token_is_never_doubled(
    stage: Stage, discord: DiscordStandin
) -> None:
    made = await stage.used(stage.channel, install="user")
    turn = stage.turn(ref=stage.ref(made, "user-app"))
    reply = stage.reply(turn, 1, "A fox in the snow. " * 250)
    discord.plan(Fault(route="webhooks/*/*", kind="drop-after"))
    discord.plan(Fault(route="webhooks/*/*/messages/@original", kind="drop-after"))
    for _ in range(2):
        await stage.deliver(stage.courier(), turn, reply)
    assert len(made.answers) == 2


async def test_a_notice_takes_the_place_of_the_deferred_answer(stage: Stage) -> None:
    made = await stage.used(stage.channel, install="user")
    turn = stage.turn(ref=stage.ref(made, "user-app"))
    await stage.courier().tell(turn, NOTICE)
    await stage.courier().tell(turn, NOTICE)
    [answer] = made.answers
    assert NOTICE.text in said(answer)


@pytest.mark.parametrize("known", [True, False])
async def test_a_private_answer_that_comes_too_late_is_a_direct_message(
    stage: Stage, discord: DiscordStandin, *, known: bool
) -> None:
    made = await stage.used(stage.channel)
    turn = stage.turn(ref=stage.ref(made, "private"))
    if known:
        stage.ahead += timedelta(minutes=15)
    else:
        discord.knobs.token_seconds = 0
    reply = stage.reply(turn)
    posts = await stage.courier().deliver(turn, reply)
    assert await stage.courier().deliver(turn, reply) == posts
    [answer] = stage.messages(discord.direct(stage.person))
    assert "15 minutes" in said(answer)
    assert len(stage.sent()) == 1


# Erasing, links, tidying


async def test_a_deleted_answer_takes_its_messages_away(stage: Stage) -> None:
    turn, other = stage.turn(), stage.turn()
    kept = await stage.courier().deliver(other, stage.reply(other))
    posts = await stage.courier().deliver(turn, stage.reply(turn, 2, "A fox. " * 1_300))
    for _ in range(2):
        await stage.courier().erase(turn, posts)
    assert [message["id"] for message in stage.messages()] == [post.message_id for post in kept]


async def test_an_answer_in_an_archived_thread_whose_notes_are_forgotten_can_be_deleted(
    stage: Stage, discord: DiscordStandin
) -> None:
    turn = stage.turn()
    posts = await stage.courier().deliver(turn, stage.reply(turn, 2))
    await stage.courier().tidy(stage.now() + timedelta(days=15))
    assert stage.journal.notes == {}
    discord.archive(stage.asked)
    discord.plan(Fault(route="channels/*/messages/*", method="DELETE", kind="error", code=50083))
    await stage.courier().erase(turn, posts)
    assert stage.messages() == []


async def test_a_message_that_was_posted_but_not_noted_is_erased_too(stage: Stage) -> None:
    turn = stage.turn()
    with pytest.raises(Killed):
        await stage.courier(killer("discord.answer_posted")).deliver(turn, stage.reply(turn))
    await stage.courier().erase(turn, ())
    assert stage.messages() == []


async def test_young_notes_are_not_forgotten(stage: Stage) -> None:
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn))
    await stage.courier().tidy(stage.now() + timedelta(days=13))
    forget_nonces(stage)
    await stage.courier().deliver(turn, stage.reply(turn))
    assert len(stage.sent()) == 1


async def test_the_link_of_an_answer_leads_to_where_it_stands(
    stage: Stage, discord: DiscordStandin
) -> None:
    turn, courier = stage.turn(), stage.courier()
    posts = await courier.deliver(turn, stage.reply(turn, 2))
    link = await courier.link(turn, posts)
    there = f"{stage.guild}/{stage.asked}/{posts[0].message_id}"
    assert link == f"https://discord.com/channels/{there}"
    assert await courier.link(turn, ()) == ""
    lock(stage)
    other = stage.turn()
    posts = await courier.deliver(other, stage.reply(other))
    direct = discord.direct(stage.person)
    assert (await courier.link(other, posts)).endswith(f"/@me/{direct}/{posts[0].message_id}")


async def test_files_of_people_are_never_touched(stage: Stage, discord: DiscordStandin) -> None:
    theirs = await discord.say(
        stage.asked, stage.person, "mine", files=[DiscordFile(name="a.png", data=png(8, 8))]
    )
    turn = stage.turn()
    await stage.courier().erase(turn, [Post(message_id=theirs["id"])])
    assert discord.message(theirs["id"])["content"] == "mine"
