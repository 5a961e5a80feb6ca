"""The command /imagine: one root message and one answer, whatever goes wrong in between."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import DEVNULL
from typing import TYPE_CHECKING

import pytest

from tests.core import commands
from tests.slack.harness import Thread, environment, running
from tests.slack.steps import buttons, hurry, imagine, prompt, said, talk, user_id, whispered
from tests.standins.slack import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin
    from tests.standins.slack.values import Json


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


async def test_the_root_names_who_asked_for_what_and_replies_refine_the_picture_below(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        thread, _ = await imagine(app, slack, "a fox &amp; a hare --ar 16:9")
        await slack.say("general", "bob", "make it night", thread_ts=thread.ts)
        await thread.answered(2)
    [root] = slack.messages("general")
    who = root["blocks"][0]["elements"][0]["elements"][0]
    assert who == {"type": "user", "user_id": user_id(slack, "ann")}
    assert said(root).splitlines() == [" asked for", "a fox & a hare", "--ar 16:9"]
    assert [picture["thread_ts"] for picture in thread.pictures] == [root["ts"]] * 2
    assert "gemini-3.1-flash-image · 16:9" in said(thread.words[0])
    first, second = gemini.calls
    assert first.body["contents"][0]["parts"] == [{"text": "a fox & a hare"}]
    assert len(second.body["contents"]) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("help", "Flags, anywhere in your words:"),
        ("Undo!", "Reply with this word in the thread of a picture: undo"),
        ("a fox --ar 16:8", "--ar 16:8 is not a ratio. Did you mean 16:9?"),
        ("a fox --sise 2K", "There is no flag --sise. Did you mean --size?"),
        ("a fox --n 2 --n 3", "--n 2 and --n 3 contradict each other. Keep one of them."),
        ("a &lt;!channel&gt; --model x", "No model named x."),
        ("--model &lt;!channel&gt; a fox", "No model named <!channel>."),
    ],
)
async def test_help_and_mistakes_are_answered_to_the_person_alone_and_cost_nothing(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, text: str, words: str
) -> None:
    async with running(tmp_path, slack, gemini, "http"):
        ack = await slack.command("general", "ann", "/imagine", text)
    [told] = slack.ephemerals
    assert told["user"] == user_id(slack, "ann")
    assert words in said(told)
    assert "<!" not in told["text"]
    assert ack.acked
    assert slack.messages("general") == []
    assert gemini.calls == []


def public(slack: SlackStandin) -> str:
    return slack.channel("elsewhere", members=["ann"], bot=False)


def private(slack: SlackStandin) -> str:
    return slack.channel("secret", members=["ann"], bot=False, private=True)


def between_people(slack: SlackStandin) -> str:
    return talk(slack, "ann", "bob")


@pytest.mark.parametrize("place", [public, private, between_people])
async def test_where_the_bot_is_not_a_button_paints_in_a_direct_message(
    tmp_path: Path, slack: SlackStandin, way: str, place: Callable[[SlackStandin], str]
) -> None:
    channel = place(slack)
    async with running(tmp_path, slack, None, way):
        await slack.command(channel, "ann", "/imagine", "a fox --ar 16:9")
        told = await whispered(slack, "ann")
        assert "I am not in that conversation, so I cannot answer there." in said(told)
        assert buttons(told) == ["direct"]
        await slack.click(told, "direct", "ann")
        thread = await begun(slack, "ann")
        await thread.answered()
        assert said(thread.messages[0]).splitlines()[-2:] == ["a fox", "--ar 16:9"]
        await slack.until(lambda: not buttons(slack.ephemerals[0]))
    assert said(slack.ephemerals[0]) == "It is being painted in our direct message."
    assert slack.messages(channel) == []


async def begun(slack: SlackStandin, user: str) -> Thread:
    """Wait for a root message in the direct messages of a person."""
    direct = slack.direct(user)

    def roots() -> list[Json]:
        return [m for m in slack.messages(direct) if "metadata" in m]

    await slack.until(roots)
    return Thread(slack, direct, roots()[0]["ts"])


async def test_a_button_that_offers_a_direct_message_works_once_and_after_a_restart(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    slack.plan(Fault(method="chat.postMessage", kind="error", error="is_archived"))
    async with running(tmp_path, slack, None, way):
        await slack.command("general", "ann", "/imagine", "a fox")
        told = await whispered(slack, "ann")
        assert "That channel is archived." in said(told)
    async with running(tmp_path, slack, None, way):
        assert slack.messages("general") == []
        told = slack.ephemerals[0]
        await asyncio.gather(*(slack.click(told, "direct", "ann") for _ in range(2)))
        thread = await begun(slack, "ann")
        await thread.answered()
    assert len(slack.messages(thread.channel)) == 1
    assert len(thread.words) == 1


async def test_who_cannot_be_answered_in_time_is_told_in_a_direct_message(
    tmp_path: Path, slack: SlackStandin
) -> None:
    slack.knobs.response_url_seconds = 0
    channel = public(slack)
    async with running(tmp_path, slack, None, "socket"):
        await slack.command(channel, "ann", "/imagine", "a fox")
        direct = slack.direct("ann")
        await slack.until(lambda: slack.messages(direct))
        [told] = slack.messages(direct)
        await slack.click(told, "direct", "ann")
        thread = await begun(slack, "ann")
        await thread.answered()


async def test_who_may_not_ask_is_told_alone_and_nothing_is_posted(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    slack.channel("random", members=["ann"])
    slack.person("eve", external=True)
    slack.person("dan")
    group = slack.group(["ann", "bob", "eve"])
    general = slack._channel("general").id
    limits = {
        "THREADPAINT_ALLOWED_CHANNELS": general,
        "THREADPAINT_BLOCKED_PEOPLE": user_id(slack, "bob"),
        "THREADPAINT_ALLOWED_GROUPS": group,
    }
    async with running(tmp_path, slack, None, way, **limits) as app:
        for channel, user in [
            ("random", "ann"),
            ("general", "bob"),
            ("general", "eve"),
            ("general", "dan"),
        ]:
            await slack.command(channel, user, "/imagine", "a fox")
        assert [said(told) for told in slack.ephemerals] == [
            "Threadpaint is not to be used in this channel. Ask it in another one.",
            "You cannot use Threadpaint here. Ask the people who run it.",
            "Threadpaint is only for people of this workspace.",
            "Threadpaint is only for members of some groups here. Ask the people who run it.",
        ]
        await imagine(app, slack, channel=slack.direct("ann"))
    assert slack.messages("general") == slack.messages("random") == []


async def test_twenty_commands_at_once_bring_twenty_roots_with_one_answer_each(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    wanted = [f"fox number {number}" for number in range(20)]
    async with running(tmp_path, slack, gemini, "socket"):
        await asyncio.gather(
            *(
                slack.command("general", ("ann", "bob")[number % 2], "/imagine", text)
                for number, text in enumerate(wanted)
            )
        )
        await slack.until(lambda: len(slack.messages("general")) == 20)
        threads = [Thread(slack, "general", root["ts"]) for root in slack.messages("general")]
        await asyncio.gather(*(thread.answered() for thread in threads))
    roots = slack.messages("general")
    assert sorted(said(root).splitlines()[-1] for root in roots) == sorted(wanted)
    assert sorted(map(prompt, gemini.calls)) == sorted(wanted)
    assert [(len(thread.pictures), len(thread.words)) for thread in threads] == [(1, 1)] * 20


@pytest.mark.parametrize(
    ("fault", "way"),
    [
        (Fault(method="chat.postMessage", kind="slow", seconds=0.5), "http"),
        (Fault(method="chat.postMessage", kind="429"), "socket"),
        (Fault(method="chat.postMessage", kind="drop-after"), "socket"),
        (Fault(method="chat.postMessage", kind="503", times=2), "http"),
    ],
    ids=["slow", "too-many", "answer-lost", "failing"],
)
async def test_there_is_one_root_and_one_answer_when_slack_answers_badly(
    tmp_path: Path, slack: SlackStandin, fault: Fault, way: str
) -> None:
    slack.plan(fault)
    async with running(tmp_path, slack, None, way) as app:
        thread, _ = await imagine(app, slack)
    assert len(slack.messages("general")) == 1
    assert (len(thread.pictures), len(thread.words)) == (1, 1)


async def test_a_command_that_is_delivered_again_is_the_same_command(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    async with running(tmp_path, slack, None, way) as app:
        thread, _ = await imagine(app, slack)
        again = slack.deliveries.send("slash_commands", slack.deliveries.sent[0].payload)
        await again.ended.wait()
        assert again.ack.acked
        await imagine(app, slack, "a hare")  # so that the first command had its time
    assert len(slack.messages("general")) == 2
    assert len(thread.words) == 1


@pytest.mark.parametrize(
    ("point", "way"), [("slack.errand_saved", "socket"), ("slack.root_posted", "http")]
)
async def test_a_command_goes_on_after_a_crash_with_one_root_and_one_answer(
    tmp_path: Path, slack: SlackStandin, point: str, way: str
) -> None:
    slack.knobs.ack_seconds = 0.2
    environ = environment(tmp_path, slack, None, way)
    environ |= {"THREADPAINT_FAULT_POINT": point, "MODEL_PROTOCOL": "offline"}
    process = await commands.start(tmp_path, None, "run", stdout=DEVNULL, **environ)
    assert process.stderr
    await commands.until_said(process, "listening to slack")
    if port := environ.get("HTTP_PORT"):
        slack.http_url = f"http://127.0.0.1:{port}/slack/events"
    await slack.command("general", "ann", "/imagine", "a fox")
    ran = await commands.finish(process)
    assert ran.code == -signal.SIGKILL, ran.err
    assert len(slack.messages("general")) == (point == "slack.root_posted")
    slack.knobs.ack_seconds = 3
    async with running(tmp_path, slack, None, way):
        await slack.until(lambda: slack.messages("general"))
        thread = Thread(slack, "general", slack.messages("general")[0]["ts"])
        await thread.answered()
    assert len(slack.messages("general")) == 1
    assert (len(thread.pictures), len(thread.words)) == (1, 1)
