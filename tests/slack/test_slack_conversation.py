"""Who is heard, where, how often and in which order: what people say, by both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.slack.actions import Action
from adapters.slack.fields import Field
from bot.conversation import TurnState
from tests.slack.harness import Thread, running
from tests.slack.speaking import (
    all_acknowledged,
    asked,
    delivered,
    event_of,
    mention,
    person,
    prompts,
    threads,
    turns_in,
    unheard,
    whispers,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin


@pytest.fixture(autouse=True)
def _quick(slack: SlackStandin) -> None:
    slack.knobs.share_after = slack.knobs.processed_after = 0


# Who is heard


async def test_each_direct_message_begins_a_thread_of_its_own_and_needs_no_mention(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way):
        direct = slack.direct("ann")
        fox = Thread(slack, direct, await slack.say(direct, "ann", "a fox"))
        hat = Thread(slack, direct, await slack.say(direct, "ann", "a hat"))
        await fox.answered()
        await hat.answered()
        await slack.say(direct, "ann", "make it night", thread_ts=fox.ts)
        await fox.answered(2)
    assert sorted(prompts(gemini)[:2]) == ["a fox", "a hat"]
    last = gemini.calls[2].body["contents"]
    assert [content["parts"][0]["text"] for content in last[::2]] == ["a fox", "make it night"]
    assert len(hat.pictures) == 1


async def test_talk_that_does_not_concern_the_bot_is_acknowledged_and_left_alone(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    other = slack.person("deploys", bot=True)
    async with running(tmp_path, slack, None, way) as app:
        silent = len(slack.all_calls)
        root = await slack.say("general", "ann", "shall we paint the office?")
        await slack.say("general", "bob", "yes, a fox on the wall", thread_ts=root)
        await slack.say("general", "bob", "stop", thread_ts=root)
        await slack.say("general", "bob", f"<@{person(slack, 'ann')}> which colour?")
        await slack.say("general", other, f"{mention(slack)} deployed")
        place = slack.message("general", root)["channel"]
        joined = {"type": "message", "channel": place, "channel_type": "channel"}
        joined |= {"user": person(slack, "bob"), "ts": slack.world.next_ts()}
        for subtype in ("channel_join", "channel_topic", "channel_name", "pinned_item"):
            text = f"<@{person(slack, 'bob')}> and {mention(slack)}: {subtype}"
            await slack.event({**joined, "subtype": subtype, "text": text})
        await slack.edit("general", root, "shall we paint the floor?")
        await slack.delete("general", root)
        assert await threads(app, slack) == []
    assert all_acknowledged(slack)
    assert [call.method for call in slack.all_calls[silent:]] == []


async def test_in_a_thread_that_is_followed_only_people_count_who_do_not_speak_to_somebody_else(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    bob, other = person(slack, "bob"), slack.person("deploys", bot=True)
    async with running(tmp_path, slack, None, way) as app:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await Thread(slack, "general", ts).answered()
        for text in (f"<@{bob}> do you like it?", "<!here> look", f"<@{bob}>, stop"):
            await slack.say("general", "ann", text, thread_ts=ts)
        for text in ("make it red", f"{mention(slack)} make it red", "stop"):
            await slack.say("general", other, text, thread_ts=ts)
        both = f"<@{bob}> {mention(slack)} make it blue"
        also = await slack.say("general", "ann", both, thread_ts=ts)
        about = await slack.say("general", "ann", f"paint a hat for <@{bob}>", thread_ts=ts)
        loud = await slack.say("general", "bob", "and a shoe", thread_ts=ts, broadcast=True)
        assert await asked(app, slack, "general", ts) == [ts, also, about, loud]
    own = [d for d in slack.deliveries.sent if d.payload["event"].get("user") == slack.bot_user]
    assert len(own) >= 2
    assert all_acknowledged(slack)


async def test_settings_say_whose_replies_count_and_an_admin_says_so_for_a_channel(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    root, guest = person(slack, "root"), slack.person("zoe", external=True)
    everybody = ["ann", "bob", "root", guest]
    rules = {"follow": slack.channel("open", members=everybody)}
    rules["mention"] = slack.channel("quiet", members=everybody)
    rules["owner"] = slack.channel("own", members=everybody)  # nothing is set for it
    settings = {"THREADPAINT_FOLLOW": "owner", "THREADPAINT_EXTERNAL_PEOPLE": "true"}
    async with running(tmp_path, slack, None, way, **settings) as app:
        await slack.home("root")
        await slack.until(lambda: root in slack.homes)
        for policy in ("follow", "mention"):
            await slack.click(slack.homes[root], Action.CHANNEL_RULES, "root")
            await slack.until(lambda: slack.views)
            values: dict[str, object] = {Field.CHANNEL: rules[policy], Field.FOLLOW: policy}
            assert (await slack.submit(slack.views[-1], values, "root")).payload == {}
        for policy, counting in (("follow", "ABZab"), ("mention", "ab"), ("owner", "Aa")):
            channel = rules[policy]
            ts = await slack.say(channel, "ann", f"{mention(slack)} a fox")
            said = {
                name: await slack.say(channel, who, text, thread_ts=ts)
                for name, who, text in (
                    ("A", "ann", "make it blue"),
                    ("B", "bob", "make it red"),
                    ("Z", guest, "make it green"),
                    ("a", "ann", f"{mention(slack)} make it grey"),
                    ("b", "bob", f"{mention(slack)} make it round"),
                )
            }
            wanted = [ts, *(said[name] for name in counting)]
            assert await asked(app, slack, channel, ts) == wanted
    only = "In this thread only the person who began it may ask. Begin one of your own."
    assert whispers(slack, "bob") == [only]
    assert len(slack.ephemerals) == 1


async def test_after_stop_following_only_mentions_count_until_it_is_followed_again(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    async with running(tmp_path, slack, None, way) as app:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        thread = Thread(slack, "general", ts)
        await slack.click(await thread.answered(), Action.UNFOLLOW, "bob")
        await slack.until(lambda: "no longer" in thread.messages[-1]["text"])
        await slack.say("general", "ann", "make it blue", thread_ts=ts)
        heard = await slack.say("general", "ann", f"{mention(slack)} make it red", thread_ts=ts)
        assert await asked(app, slack, "general", ts) == [ts, heard]
        quiet = next(m for m in thread.messages if "no longer" in m["text"])
        await slack.click(quiet, Action.FOLLOW, "ann")
        await slack.until(lambda: "follow this thread again" in thread.messages[-1]["text"])
        again = await slack.say("general", "bob", "make it grey", thread_ts=ts)
        assert await asked(app, slack, "general", ts) == [ts, heard, again]


async def test_the_operator_decides_who_may_ask_and_only_who_speaks_to_the_bot_is_told(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    eve, mia, joe = (slack.person(name) for name in ("eve", "mia", "joe"))
    guest = slack.person("zoe", external=True)
    painters = slack.group([person(slack, "ann"), eve])
    lab = slack.channel("lab", members=["ann", "eve", "mia", guest])
    rules = {
        "THREADPAINT_BLOCKED_PEOPLE": eve,
        "THREADPAINT_ALLOWED_CHANNELS": lab,
        "THREADPAINT_ALLOWED_GROUPS": painters,
    }
    async with running(tmp_path, slack, None, way, **rules) as app:
        fox = await slack.say("lab", "ann", f"{mention(slack)} a fox")
        mine = slack.direct("ann")
        own = await slack.say(mine, "ann", "a hat")
        for name in (eve, mia, guest):
            await slack.say("lab", name, "make it blue", thread_ts=fox)
        for name in (eve, mia, guest):
            await slack.say("lab", name, f"{mention(slack)} make it blue", thread_ts=fox)
        await slack.say("general", "ann", f"{mention(slack)} a fox")
        await slack.say(slack.direct(joe), joe, "a fox")
        assert await asked(app, slack, "lab", fox) == [fox]
        assert await asked(app, slack, mine, own) == [own]
        assert len(await threads(app, slack)) == 2
    assert whispers(slack, "eve") == ["You cannot use Threadpaint here. Ask the people who run it."]
    only = "Threadpaint is only for members of some groups here. Ask the people who run it."
    assert whispers(slack, "mia") == whispers(slack, "joe") == [only]
    elsewhere = "Threadpaint is not to be used in this channel. Ask it in another one."
    assert whispers(slack, "ann") == [elsewhere]
    assert whispers(slack, "zoe") == ["Threadpaint is only for people of this workspace."]
    assert len(slack.ephemerals) == 5
    assert {told.get("thread_ts") for told in slack.ephemerals} == {None, fox}


# How often


@pytest.mark.parametrize("mention_first", [False, True])
async def test_a_mention_that_comes_as_two_events_is_one_turn_wherever_it_stands(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str, *, mention_first: bool
) -> None:
    slack.knobs.app_mention_first = mention_first
    direct = slack.direct("ann")
    async with running(tmp_path, slack, gemini, way) as app:
        root = await slack.say("general", "bob", "what a day")
        reply = await slack.say("general", "ann", f"{mention(slack)} a fox", thread_ts=root)
        top = await slack.say("general", "ann", f"{mention(slack)} a hat")
        alone = await slack.say(direct, "ann", f"{mention(slack)} a cup")
        for channel, ts in (("general", root), ("general", top), (direct, alone)):
            await Thread(slack, channel, ts).answered()
        assert await asked(app, slack, "general", root) == [reply]
        assert await asked(app, slack, "general", top) == [top]
    first = [d.payload["event"]["type"] for d in slack.deliveries.sent[1:3]]
    assert first == ["app_mention", "message"][:: 1 if mention_first else -1]
    assert sorted(prompts(gemini)) == ["a cup", "a fox", "a hat"]
    assert gemini.billed == 3


async def test_copies_of_a_message_at_once_as_its_twin_and_after_a_restart_are_one_answer(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way):
        text = f"{mention(slack)} a fox"
        ts = await slack.say("general", "ann", text, client_msg_id="twin", copies=4)
        twin = await slack.say("general", "ann", text, client_msg_id="twin")
        thread = Thread(slack, "general", ts)
        await thread.answered()
    assert all_acknowledged(slack)
    copy = slack.deliveries.sent[0].payload
    async with running(tmp_path, slack, gemini, way) as app:
        again = slack.deliveries.send("events_api", copy)
        await again.ended.wait()
        assert again.ack.acked
        assert await asked(app, slack, "general", ts) == [ts]
        assert await asked(app, slack, "general", twin) == []
    assert len(thread.messages) == 2
    assert gemini.billed == 1


async def test_what_was_said_while_nobody_listened_is_answered_when_slack_delivers_it_again(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way):
        known = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await Thread(slack, "general", known).answered()
    slack.knobs.retry_waits = (0.05, 1, 2)
    new = await slack.say("general", "ann", f"{mention(slack)} a hat")
    await slack.say("general", "bob", "make it blue", thread_ts=known)
    async with running(tmp_path, slack, gemini, way):
        await Thread(slack, "general", known).answered(2)
        await Thread(slack, "general", new).answered()
    again = [d for d in slack.deliveries.sent if d.attempts > 1]
    assert len(again) == 3  # the hat as message and as app_mention, and the reply
    assert all(delivery.ack.acked for delivery in again)
    assert sorted(prompts(gemini)) == ["a fox", "a hat", "make it blue"]


# What becomes of a message afterwards


def unfurl(slack: SlackStandin, channel: str, ts: str) -> None:
    """Let Slack add the preview of a link to a message."""
    place = slack.world.channels[slack.message(channel, ts)["channel"]]
    message = place.find(ts)
    assert message
    preview = {"attachments": [{"title": "A fox", "from_url": "https://x.example/1"}]}
    slack.world.announce_change(place, message, message | preview)


async def test_an_edit_counts_until_the_call_starts_and_is_whispered_to_be_late_after_that(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    gemini.hold()
    async with running(tmp_path, slack, gemini, way):
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await gemini.until_waiting(1)
        reply = await slack.say("general", "bob", "make it blue --ar 1:1", thread_ts=ts)
        await slack.edit("general", reply, "make it red --ar 16:9 --sice 2K")
        await slack.until(lambda: whispers(slack, "bob"))
        await slack.edit("general", reply, "make it red --ar 16:9 &amp; round")
        await slack.edit("general", ts, f"{mention(slack)} a hat")
        await slack.until(lambda: whispers(slack, "ann"))
        unfurl(slack, "general", reply)
        await slack.until(lambda: all_acknowledged(slack))
        gemini.release()
        await slack.until(lambda: len(gemini.calls) == 2)
        await slack.edit("general", ts, f"{mention(slack)} a hat, please")
    assert prompts(gemini) == ["a fox", "make it red & round"]
    ratio = gemini.calls[1].body["generationConfig"]["imageConfig"]["aspectRatio"]
    assert ratio == "16:9"
    assert whispers(slack, "ann") == [
        "Your edit came too late for this picture. Reply in the thread to change it."
    ]
    (wrong,) = whispers(slack, "bob")
    assert wrong.startswith("Your edit was not followed: There is no flag --sice.")
    assert {told.get("thread_ts") for told in slack.ephemerals} == {None, ts}


async def test_what_is_deleted_while_it_waits_is_neither_painted_nor_paid(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    gemini.hold()
    async with running(tmp_path, slack, gemini, way) as app:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await gemini.until_waiting(1)
        reply = await slack.say("general", "bob", "make it blue", thread_ts=ts)
        await slack.delete("general", reply)
        await slack.say("general", "bob", "make it red", thread_ts=ts)
        gemini.release()
        await slack.until(lambda: len(gemini.calls) == 2)
        states = [turn.state for turn in await turns_in(app, slack, "general", ts)]
    assert states[:2] == [TurnState.DONE, TurnState.CANCELLED]
    assert prompts(gemini) == ["a fox", "make it red"]


async def test_what_is_deleted_while_it_is_painted_is_not_shown(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    gemini.hold()
    async with running(tmp_path, slack, gemini, way) as app:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await gemini.until_waiting(1)
        (turn,) = await turns_in(app, slack, "general", ts)
        await slack.delete("general", ts)
        assert (await app.turns.ended(turn.id)).state is TurnState.CANCELLED
        gemini.release()
    assert slack.messages("general") == []
    assert slack.ephemerals == []


async def test_nothing_is_said_of_what_was_deleted(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    gemini.hold()
    direct = slack.direct("ann")
    async with running(tmp_path, slack, gemini, way) as app:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        alone = await slack.say(direct, "ann", "a hat")
        await gemini.until_waiting(2)
        reply = await slack.say("general", "bob", "make it blue", thread_ts=ts)
        painted, waiting = await turns_in(app, slack, "general", ts)
        (hat,) = await turns_in(app, slack, direct, alone)
        for channel, gone in (("general", reply), ("general", ts), (direct, alone)):
            await slack.delete(channel, gone)
        for turn in (painted, waiting, hat):
            assert (await app.turns.ended(turn.id)).state is TurnState.CANCELLED
        gemini.release()
    assert slack.messages("general", ts) == []
    assert slack.messages(direct) == []


@pytest.mark.parametrize("why", ["archived", "removed"])
async def test_an_answer_to_a_channel_that_was_closed_meanwhile_comes_as_a_direct_message(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str, why: str
) -> None:
    gemini.hold()
    async with running(tmp_path, slack, gemini, way):
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await gemini.until_waiting(1)
        place = slack.world.channels[slack.message("general", ts)["channel"]]
        place.archived = why == "archived"
        if why == "removed":
            place.members.discard(slack.bot_user)
        gemini.release()
        direct = slack.direct("ann")
        await slack.until(lambda: len(slack.messages(direct)) == 2)  # pictures, words
    picture, words = slack.messages(direct)
    assert len(picture["files"]) == 1
    said = str(words["blocks"])
    reason = {
        "archived": "I may not post there any more",  # all that Slack says of an upload
        "removed": "I am not a member of the channel",
    }
    assert f"I could not answer in the thread, because {reason[why]}." in said
    assert Thread(slack, "general", ts).messages == []
    assert gemini.billed == 1


# In which order


async def test_replies_that_overtake_each_other_are_answered_in_the_order_they_were_said(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way):
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        thread = Thread(slack, "general", ts)
        await thread.answered()
        with unheard(slack):
            first = await slack.say("general", "bob", "make it blue", thread_ts=ts)
            second = await slack.say("general", "ann", "now a hat on it", thread_ts=ts)
        await delivered(slack, event_of(slack, "general", second))
        await delivered(slack, event_of(slack, "general", first))
        await thread.answered(3)
    assert prompts(gemini) == ["a fox", "make it blue", "now a hat on it"]
    history = [content["parts"][0]["text"] for content in gemini.calls[2].body["contents"][::2]]
    assert history == ["a fox", "make it blue", "now a hat on it"]
