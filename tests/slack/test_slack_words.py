"""Words of one's own: stop, undo, redo, help, flags, and what reaches the model of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.commands import help_text
from bot.conversation import TurnState
from tests.media import corpus
from tests.slack.harness import Thread, running
from tests.slack.speaking import (
    asked,
    mention,
    person,
    prompts,
    settled,
    threads,
    turns_in,
    whispers,
)
from tests.standins.slack import SlackFile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin
    from tests.standins.slack.values import Json

NO_PICTURE = "There is no picture in this thread yet. Say what you would like to see."

STOPPED = "Stopped. The picture that was under way may still be billed."
SAY_WHAT = "Say what you would like to see, for example: a red fox in the snow."


@pytest.fixture(autouse=True)
def _quick(slack: SlackStandin) -> None:
    slack.knobs.share_after = slack.knobs.processed_after = 0


def history(gemini: GeminiStandin, call: int) -> list[str]:
    """The words of each turn that a call was sent."""
    contents = gemini.calls[call].body["contents"]
    return [content["parts"][0].get("text", "") for content in contents[::2]]


def links(message: Json) -> list[str]:
    """The addresses that can be clicked in a message."""
    return _urls(message["blocks"])


def _urls(value: object) -> list[str]:
    if isinstance(value, list):
        return [url for item in value for url in _urls(item)]
    if not isinstance(value, dict):
        return []
    return [value["url"]] if value.get("type") == "link" else _urls(list(value.values()))


def shown(message: Json) -> str:
    """What a message of one paragraph says."""
    return "".join(words["text"] for words in message["blocks"][0]["elements"][0]["elements"])


# stop


async def test_stop_ends_what_is_painted_for_who_says_it_or_for_an_admin_and_nobody_else(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    gemini.hold()
    async with running(tmp_path, slack, gemini, way) as app:
        fox = await slack.say("general", "ann", f"{mention(slack)} a fox")
        hat = await slack.say("general", "ann", f"{mention(slack)} a hat")
        await gemini.until_waiting(2)
        waiting = await slack.say("general", "bob", "make it blue", thread_ts=hat)
        await slack.say("general", "bob", "stop", thread_ts=fox)
        await slack.until(lambda: slack.ephemerals)
        await slack.say("general", "ann", f"{mention(slack)} STOP!", thread_ts=fox)
        await slack.say("general", "root", " Stop. ", thread_ts=hat)
        for ts, times in ((fox, 1), (hat, 2)):
            thread = Thread(slack, "general", ts)
            await thread.told(times)
            for turn in await turns_in(app, slack, "general", ts):
                assert (await app.turns.ended(turn.id)).state is TurnState.CANCELLED
        gemini.release()
        assert await asked(app, slack, "general", hat) == [hat, waiting]
    for ts, words in ((fox, [STOPPED]), (hat, ["Cancelled.", STOPPED])):
        told = [shown(message) for message in Thread(slack, "general", ts).messages]
        assert sorted(told) == words
    assert whispers(slack, "bob") == [
        "Somebody else asked for this picture, so only they or an admin can stop it."
    ]
    assert len(slack.ephemerals) == 1


async def test_slacks_own_stop_button_is_obeyed_however_often_it_is_heard(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    gemini.hold()
    direct = slack.direct("ann")
    async with running(tmp_path, slack, gemini, way) as app:
        fox = await slack.say(direct, "ann", "a fox")
        hat = await slack.say("general", "ann", f"{mention(slack)} a hat")
        await gemini.until_waiting(2)
        await slack.stop_session(direct, fox, "ann")
        await slack.stop_session("general", hat, "bob")
        (turn,) = await turns_in(app, slack, direct, fox)
        assert (await app.turns.ended(turn.id)).state is TurnState.CANCELLED
        (stop, *_) = (
            delivery.payload
            for delivery in slack.deliveries.sent
            if delivery.payload["event"]["type"] == "agent_session_stopped"
        )
        await slack.deliveries.send("events_api", stop).ended.wait()
        gemini.release()
        await Thread(slack, "general", hat).answered()
    assert [shown(told) for told in Thread(slack, direct, fox).messages] == [STOPPED]
    assert [told["user"] for told in slack.ephemerals] == [person(slack, "bob")]


# undo, redo, help


async def test_undo_goes_back_one_picture_and_leads_to_it(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        thread = Thread(slack, "general", ts)
        await slack.say("general", "bob", "make it blue", thread_ts=ts)
        await settled(app, slack, "general", ts)
        for _ in range(2):  # as message and app_mention, and one gesture as two messages
            text = f"{mention(slack)} Undo."
            await slack.say("general", "bob", text, thread_ts=ts, client_msg_id="twin")
        await slack.until(lambda: len(thread.messages) == 5)
        back = thread.messages[4]
        assert shown(back) == "Back to the picture before. Reply to change it."
        (address,) = links(back)
        assert thread.pictures[0]["ts"].replace(".", "") in address
        red = await slack.say("general", "ann", "make it red", thread_ts=ts)
        assert slack.ephemerals == []
        await slack.until(lambda: len(gemini.calls) == 3)
        assert (await asked(app, slack, "general", ts))[-1] == red
    assert history(gemini, 2) == ["a fox", "make it red"]


async def test_a_word_that_has_nothing_to_act_on_is_answered_once_where_its_writer_can_see_it(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    async with running(tmp_path, slack, None, way) as app:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await settled(app, slack, "general", ts)
        for word in ("stop", "undo"):
            await slack.say("general", "ann", f"{mention(slack)} {word}", thread_ts=ts)
        for word in ("stop", "undo", "redo"):
            await slack.say("general", "bob", f"{mention(slack)} {word}")
        assert len(await threads(app, slack)) == 1
    assert sorted(whispers(slack, "ann")) == [
        "Nothing is being painted in this thread.",
        "This is the first picture of the thread: there is none before it.",
    ]
    assert sorted(whispers(slack, "bob")) == [
        "Nothing is being painted in this thread.",
        NO_PICTURE,
        NO_PICTURE,
    ]
    for told in slack.ephemerals:
        assert told.get("thread_ts") == (ts if told["user"] == person(slack, "ann") else None)
    assert len(Thread(slack, "general", ts).messages) == 2


async def test_redo_asks_for_the_same_with_the_same_material_once(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    file = SlackFile(name="a.png", data=corpus.encoded("PNG"))
    async with running(tmp_path, slack, gemini, way) as app:
        ts = await slack.say(
            "general", "ann", f"{mention(slack)} a fox --ar 16:9 -- --like this", files=[file]
        )
        await settled(app, slack, "general", ts)
        again = await slack.say("general", "bob", f"{mention(slack)} Redo!", thread_ts=ts)
        await slack.until(lambda: len(gemini.calls) == 2)
        assert await asked(app, slack, "general", ts) == [ts, again]
    first, second = (call.body for call in gemini.calls)
    assert first["contents"][0]["parts"][0] == {"text": "a fox --like this"}
    assert len(first["contents"][0]["parts"]) == 2
    assert second == first
    assert len(slack.calls("download")) == 1


async def test_help_is_given_once_in_the_thread_where_it_is_asked_for(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    direct = slack.direct("ann")
    async with running(tmp_path, slack, None, way) as app:
        asked_in = [
            ("general", await slack.say("general", "ann", f"{mention(slack)} HELP?")),
            (direct, await slack.say(direct, "ann", "help")),
        ]
        assert await threads(app, slack) == []
    for channel, ts in asked_in:
        (told,) = Thread(slack, channel, ts).messages
        assert shown(told) == help_text()


async def test_a_word_among_others_or_with_a_file_is_no_order(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    direct = slack.direct("ann")
    file = SlackFile(name="a.png", data=corpus.encoded("PNG"))
    async with running(tmp_path, slack, gemini, way):
        await slack.say(direct, "ann", "stop the rain")
        await slack.say(direct, "ann", "redo", files=[file])
        await slack.until(lambda: len(gemini.calls) == 2)
    assert sorted(prompts(gemini)) == ["redo", "stop the rain"]
    assert slack.ephemerals == []


# Flags and words


async def test_a_wrong_flag_is_told_once_and_costs_nothing(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox --aspct 16:9", copies=2)
        empty = await slack.say("general", "ann", mention(slack))
        thread, other = Thread(slack, "general", ts), Thread(slack, "general", empty)
        told, unsaid = await thread.told(), await other.told()
        assert shown(told).startswith("There is no flag --aspct. Did you mean --ar? Flags: --ar, ")
        assert shown(unsaid) == SAY_WHAT
        await settled(app, slack, "general", ts)
        assert gemini.calls == []
        assert [message["ts"] for message in thread.messages] == [told["ts"]]
        await slack.say("general", "ann", "a fox —ar 16:9", thread_ts=ts)
        await slack.until(lambda: gemini.calls)
    (call,) = gemini.calls
    assert call.body["generationConfig"]["imageConfig"] == {"aspectRatio": "16:9"}
    assert prompts(gemini) == ["a fox"]
    assert slack.ephemerals == []


async def test_the_model_reads_what_people_see_not_what_slack_writes(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    place = slack.channel("zoo", members=["ann"])
    bob = person(slack, "bob")
    typed = (
        f"{mention(slack)}, a &lt;b&gt; fox &amp; &amp;amp; friends\n"
        f"für <@{bob}> in <#{place}|zoo> 🦊 ✨ 狐\u200d like <https://x.example/a?b=1&amp;c=2|this>"
        f" {mention(slack)} \u202egnp.exe --ar 1:1"
    )
    async with running(tmp_path, slack, gemini, way):
        ts = await slack.say("zoo", "ann", typed)
        await Thread(slack, "zoo", ts).answered()
    said = (
        "a <b> fox & &amp; friends\n"
        "für @bob in #zoo 🦊 ✨ 狐\u200d like this (https://x.example/a?b=1&c=2) \u202egnp.exe"
    )
    assert prompts(gemini) == [said]
