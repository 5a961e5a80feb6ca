"""The buttons under answers and notices: what they do, for whom, and for how long."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from bot.conversation import TurnId
from tests.slack.harness import running
from tests.slack.steps import (
    answered,
    begin,
    buttons,
    choices,
    control,
    edited,
    hurry,
    images,
    imagine,
    links,
    pressed,
    prompt,
    said,
    sent,
    shape,
    user_id,
    whispered,
)
from tests.standins.gemini import Fault as GeminiFault
from tests.standins.pictures import png
from tests.standins.slack import SlackFile

if TYPE_CHECKING:
    from pathlib import Path

    from bot.serving import App
    from tests.slack.harness import Thread
    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin
    from tests.standins.slack.values import Json


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def shas(slack: SlackStandin, thread: Thread, answer: int = 0) -> list[str]:
    """The SHA-256 of the pictures of one answer, in order."""
    data = slack.picture_bytes(thread.pictures[answer])
    return [hashlib.sha256(one).hexdigest() for one in data]


def turn_of(words: Json) -> str:
    """The id of the turn that an answer or notice is about."""
    return str(words["metadata"]["event_payload"]["turn"])


async def over(app: App, words: Json) -> None:
    """Wait for the end of the turn that a message is about."""
    await app.turns.ended(TurnId(turn_of(words)))


async def unbuttoned(slack: SlackStandin, message: Json) -> None:
    """Wait until the buttons of a message are gone."""
    await slack.until(lambda: not buttons(slack.message(message["channel"], message["ts"])))


async def click_forged(
    slack: SlackStandin, message: Json, action: str, value: str, user: str = "ann"
) -> None:
    """Click a button that the message never had: a client sends what it likes."""
    _, stored = slack._message(message["channel"], message["ts"])
    text = {"type": "plain_text", "text": "x", "emoji": False}
    element = {"type": "button", "action_id": action, "value": value, "text": text}
    stored["blocks"] = [{"type": "actions", "block_id": "f", "elements": [element]}]
    ack = await slack.click(message, action, user)
    assert ack.acked


# --- more pictures --------------------------------------------------------------------------------


async def test_redo_asks_for_the_same_words_options_material_and_parent(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    logo = SlackFile(name="logo.png", data=png(40, 30))
    async with running(tmp_path, slack, gemini, way) as app:
        thread, words = await imagine(app, slack, "a fox")
        change = "--size 2K --ar 3:4 --n 2 -- add this, no --search"
        await edited(slack, words, {"prompt": change, "files": [logo]})
        words = await answered(app, thread, 2)
        await slack.click(words, "redo", "bob")
        await answered(app, thread, 3)
    first, *others = gemini.calls[1:]
    assert prompt(first) == "add this, no --search"
    assert shape(first) == ("3:4", "2K")
    assert images(first) == [*shas(slack, thread), hashlib.sha256(logo.data).hexdigest()]
    assert [other.body for other in others] == [first.body] * 3
    assert len(thread.pictures[2]["files"]) == 2


async def test_variations_are_four_siblings_in_one_message_and_the_picked_one_is_refined(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        thread, words = await imagine(app, slack, "a fox --ar 16:9")
        await slack.click(words, "variations", "ann")
        words = await answered(app, thread, 2)
        four = shas(slack, thread, 1)
        assert len(set(four)) == 4
        assert [name for name in buttons(words) if name.startswith("pick")] == [
            "pick", "pick:2", "pick:3", "pick:4",
        ]  # fmt: skip
        await slack.click(words, "pick:3", "bob")
        told = await whispered(slack, "bob")
        assert said(told) == "Replies, Edit, Ratio and Upscale are for picture 3 now."
        await slack.click(words, "size-4k", "ann")
        await answered(app, thread, 3)
    assert gemini.calls[0].body == gemini.calls[1].body == gemini.calls[4].body
    assert images(gemini.calls[5]) == [four[2]]
    assert shape(gemini.calls[5]) == ("16:9", "4K")


async def test_pictures_are_counted_as_they_are_seen_when_one_of_them_failed(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    gemini.plan(GeminiFault(kind="blocked", nth=1, reason="SAFETY"))
    async with running(tmp_path, slack, gemini, "http") as app:
        thread, words = await imagine(app, slack, "a fox --n 3")
        second = shas(slack, thread)[1]
        await slack.click(words, "pick:2", "ann")
        assert "are for picture 2 now" in said(await whispered(slack, "ann"))
        await edited(slack, words, {"prompt": "make it night"})
        await answered(app, thread, 2)
    assert images(gemini.calls[3]) == [second]


async def test_upscale_and_ratio_send_the_picture_and_what_was_chosen(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        thread, words = await imagine(app, slack, "a fox --ar 16:9")
        await slack.click(words, "size-2k", "bob")
        larger = await answered(app, thread, 2)
        assert {"size-2k", "size-4k"} & set(buttons(larger)) == {"size-4k"}
        form = await pressed(slack, words, "ratio", "bob")
        assert "16:9" not in choices(form, "ratio")
        ratio = control(form, "ratio")["action_id"]
        assert await sent(slack, form, {ratio: "1:1"}, "bob") == {}
        await answered(app, thread, 3)
    picture = shas(slack, thread)
    assert [images(call) for call in gemini.calls] == [[], picture, picture]
    assert [shape(call) for call in gemini.calls[1:]] == [("16:9", "2K"), ("1:1", None)]


# --- which picture is the current one -------------------------------------------------------------


async def test_undo_makes_the_picture_before_current_and_a_second_click_changes_nothing(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        thread, first = await imagine(app, slack, "a fox")
        await edited(slack, first, {"prompt": "make it night"})
        second = await answered(app, thread, 2)
        await slack.click(second, "undo", "bob")
        await slack.until(lambda: "Back to the picture before" in said(thread.messages[-1]))
        [link] = links(thread.messages[-1])
        assert thread.pictures[0]["ts"].replace(".", "") in link
        seen = len(thread.messages)
        await slack.click(second, "undo", "bob")
        told = await whispered(slack, "bob")
        assert said(told).startswith("The picture before is the current one already.")
        await slack.click(first, "undo", "bob")
        told = await whispered(slack, "bob", known=1)
        assert said(told).startswith("This picture was not made from another one")
        assert len(thread.messages) == seen
        await slack.say("general", "bob", "make it snow", thread_ts=thread.ts)
        await answered(app, thread, 3)
    assert images(gemini.calls[2]) == shas(slack, thread, 0)


async def test_only_its_author_or_an_admin_deletes_an_answer_with_its_files(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        thread, first = await imagine(app, slack, "a fox --n 2")
        await edited(slack, first, {"prompt": "make it night"}, "bob")
        second = await answered(app, thread, 2)
        files = [file["id"] for file in thread.pictures[1]["files"]]
        await slack.click(second, "delete", "ann")
        told = await whispered(slack, "ann")
        assert said(told) == "Only the person who asked, or an admin, can do this."
        await slack.click(second, "delete", "bob")
        await slack.until(lambda: len(thread.words) == 1)
        await slack.until(lambda: all(slack.world.files[file].deleted for file in files))
        kept = shas(slack, thread, 0)
        await slack.say("general", "bob", "make it snow", thread_ts=thread.ts)
        await answered(app, thread, 2)
        assert images(gemini.calls[-1]) == kept[:1]  # the picture before is the current one
        await slack.click(first, "delete", "root")
        await slack.until(lambda: (len(thread.pictures), len(thread.words)) == (1, 1))
        assert thread.words[0]["ts"] != first["ts"]


# --- one turn: again, no more, for that price -----------------------------------------------------


async def test_retry_under_a_failure_answers_once(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    gemini.plan(GeminiFault(kind="cut"))
    async with running(tmp_path, slack, gemini, way) as app:
        thread = await begin(slack, "a fox --ar 16:9")
        failure = await thread.told()
        await over(app, failure)
        assert buttons(failure) == ["retry"]
        gemini.hold()
        await slack.click(failure, "retry", "bob")
        await gemini.until_waiting(1)
        await slack.until(lambda: said(slack.message("general", failure["ts"])) == "Trying again.")
        await click_forged(slack, failure, "retry", turn_of(failure))
        told = await whispered(slack, "ann")
        assert said(told) == "It is being tried again already."
        gemini.release()
        await answered(app, thread)
        await click_forged(slack, failure, "retry", turn_of(failure))
        told = await whispered(slack, "ann", known=1)
        assert said(told) == "This was painted already: see the picture in this thread."
    assert len(thread.words) == 1
    assert [shape(call) for call in gemini.calls] == [("16:9", None)] * 2


async def test_the_author_or_an_admin_cancels_what_is_being_painted(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    gemini.hold()
    soon = {"THREADPAINT_SLOW_NOTICE_SECONDS": "0.1"}
    async with running(tmp_path, slack, gemini, "socket", **soon) as app:
        threads = [await begin(slack), await begin(slack, "a hare")]
        for user, thread in zip(("ann", "root"), threads, strict=True):
            slow = await thread.told()
            assert buttons(slow) == ["cancel"]
            await slack.click(slow, "cancel", "bob")
            told = await whispered(slack, "bob", known=user == "root")
            assert said(told) == "Only the person who asked, or an admin, can do this."
            await slack.click(slow, "cancel", user)
            cancelled = await thread.told(2)
            assert said(cancelled).startswith("Stopped.")
            assert buttons(cancelled) == ["retry"]
            await over(app, cancelled)
            await unbuttoned(slack, slow)
            await click_forged(slack, slow, "cancel", turn_of(slow))
            told = await whispered(slack, "ann", known=user == "root")
            assert said(told).startswith("This came to its end already")
            assert thread.words == []
    assert gemini.billed == 0


async def test_a_dear_picture_waits_for_the_yes_of_its_author(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    dear = {"THREADPAINT_CONFIRM_ABOVE_USD": "0.001"}
    async with running(tmp_path, slack, gemini, way, **dear) as app:
        thread = await begin(slack, "a fox --size 4K")
        question = await thread.told()
        assert said(question).startswith("This will cost about $0.15. Paint it?")
        await slack.click(question, "confirm", "bob")
        assert "Only the person who asked" in said(await whispered(slack, "bob"))
        assert gemini.calls == []
        await slack.click(question, "confirm", "ann")
        await answered(app, thread)
        await slack.until(
            lambda: said(slack.message("general", question["ts"])) == "Agreed. It is being painted."
        )
    assert len(gemini.calls) == 1


async def test_a_price_that_was_declined_is_not_paid_by_a_late_yes(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    dear = {"THREADPAINT_CONFIRM_ABOVE_USD": "0.001"}
    async with running(tmp_path, slack, gemini, way, **dear) as app:
        thread = await begin(slack)
        question = await thread.told()
        await slack.click(question, "cancel", "ann")
        cancelled = await thread.told(2)
        await over(app, cancelled)
        await unbuttoned(slack, question)
        await click_forged(slack, question, "confirm", turn_of(question))
        told = await whispered(slack, "ann")
        assert said(told).startswith("This came to its end already")
    assert gemini.calls == []


# --- threads --------------------------------------------------------------------------------------


async def test_a_thread_that_is_followed_no_longer_hears_mentions_only_until_it_is_again(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    mention = f"<@{slack.bot_user}>"
    async with running(tmp_path, slack, gemini, way) as app:
        thread, words = await imagine(app, slack)
        await slack.click(words, "unfollow", "bob")
        await slack.until(lambda: buttons(thread.messages[-1]) == ["follow"])
        assert "Mention me to ask for something." in said(thread.messages[-1])
        again = thread.messages[-1]
        await slack.say("general", "bob", "nice, is it not?", thread_ts=thread.ts)
        await slack.say("general", "bob", f"{mention} make it night", thread_ts=thread.ts)
        await answered(app, thread, 2)
        await slack.click(again, "follow", "ann")
        await slack.until(lambda: buttons(thread.messages[-1]) == ["unfollow"])
        await slack.say("general", "bob", "make it snow", thread_ts=thread.ts)
        await answered(app, thread, 3)
    assert [prompt(call) for call in gemini.calls] == ["a fox", "make it night", "make it snow"]


# --- words ----------------------------------------------------------------------------------------


async def test_details_show_what_was_asked_used_and_paid_and_nothing_live(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        words_of_ann = "a fox &lt;!channel&gt; *bold* https://evil.example/x --search --ar 16:9"
        _, words = await imagine(app, slack, words_of_ann)
        view = await pressed(slack, words, "details", "bob")
    text = said(view)
    for fact in (
        "a fox <!channel> *bold* https://evil.example/x",
        "Asked by: \nann",
        "Options: \n--ar 16:9 --search",
        "Model: \ngemini-3.1-flash-image",
        "Tokens: \n",
        "Searches: \n1",
        "Cost: \n$",
        "wikipedia.org",
        f"turn {turn_of(words)}",
    ):
        assert fact in text
    assert all("vertexaisearch.cloud.google.com" in link for link in links(view))
    live = json.dumps(view["blocks"])
    assert not [kind for kind in ("mrkdwn", "broadcast", '"user"', "usergroup") if kind in live]
    assert view["submit"] is None


# --- rights and forgery ---------------------------------------------------------------------------


async def test_every_button_still_works_after_a_restart(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        thread, words = await imagine(app, slack)
        await edited(slack, words, {"prompt": "make it night"})
        second = await answered(app, thread, 2)
    async with running(tmp_path, slack, gemini, way) as app:
        await pressed(slack, words, "details")
        await slack.click(second, "undo", "ann")
        await slack.until(lambda: "Back to the picture before" in said(thread.messages[-1]))
        await edited(slack, words, {"prompt": "make it snow"})
        await answered(app, thread, 3)
        await slack.click(second, "redo", "bob")
        await answered(app, thread, 4)
        await slack.click(words, "delete", "ann")
        await slack.until(lambda: len(thread.words) == 3)
    assert [prompt(call) for call in gemini.calls[1:]] == [
        "make it night", "make it snow", "make it night",
    ]  # fmt: skip


ACTIONS = [
    "redo", "variations", "edit", "size-2k", "size-4k", "ratio", "undo", "pick", "details",
    "delete", "retry", "cancel", "confirm", "unfollow", "follow", "direct",
]  # fmt: skip


async def test_forged_values_do_nothing_and_are_told(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    slack.channel("secret", members=["ann"], private=True)
    async with running(tmp_path, slack, gemini, way) as app:
        _, hidden = await imagine(app, slack, "a secret", channel="secret")
        thread, words = await imagine(app, slack)
        seen = len(thread.messages)
        told = 0
        for value in (turn_of(hidden), "", "garbage", "a.b.c", f"{turn_of(words)}.{10**30}"):
            for action in ACTIONS if value == turn_of(hidden) else ("redo", "pick", "direct"):
                await click_forged(slack, words, action, value, "bob")
                told += 1
                one = await whispered(slack, "bob", known=told - 1)
                assert one["thread_ts"] == thread.ts
                assert said(one) in {
                    "This picture is not from this channel.",
                    "This button does not say which picture it is for.",
                    "This picture is no longer known. Ask for a new one.",
                    "This request is painted already, or too old. Ask again.",
                }
        for action in ("launch", "price", "person-defaults:2", "redo:7:x", "edit\n"):
            await click_forged(slack, words, action, "garbage", "bob")
    assert len(thread.messages) == seen
    assert len(gemini.calls) == 2
    assert [view["callback_id"] for view in slack.views] in ([], ["person-form"])


async def test_nobody_takes_up_what_somebody_else_could_not_begin(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    async with running(tmp_path, slack, None, way) as app:
        _, words = await imagine(app, slack, user="bob")
        elsewhere = slack.channel("elsewhere", members=["ann"], bot=False)
        await slack.command(elsewhere, "ann", "/imagine", "a hare")
        offer = await whispered(slack, "ann")
        [button] = offer["blocks"][-1]["elements"]
        await click_forged(slack, words, "direct", button["value"], "bob")
        told = await whispered(slack, "bob")
        assert said(told).startswith("This request is painted already, or too old.")
    assert slack.messages(slack.direct("ann")) == slack.messages(slack.direct("bob")) == []


async def test_who_may_not_ask_may_not_click(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    slack.person("eve", external=True)
    blocked = {"THREADPAINT_BLOCKED_PEOPLE": user_id(slack, "bob")}
    async with running(tmp_path, slack, gemini, way, **blocked) as app:
        thread, words = await imagine(app, slack)
        seen = len(thread.messages)
        for number, action in enumerate(("redo", "edit", "delete", "undo", "details")):
            for user, why in (("bob", "You cannot use"), ("eve", "only for people of this")):
                await slack.click(words, action, user)
                assert why in said(await whispered(slack, user, known=number))
    assert len(thread.messages) == seen
    assert slack.views == []
    assert len(gemini.calls) == 1


async def test_in_a_thread_for_its_owner_the_buttons_are_for_its_owner_too(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    policy = {"THREADPAINT_FOLLOW": "owner"}
    async with running(tmp_path, slack, gemini, way, **policy) as app:
        thread, words = await imagine(app, slack)
        for number, action in enumerate(
            ("redo", "variations", "edit", "size-2k", "ratio", "undo", "unfollow")
        ):
            await slack.click(words, action, "bob")
            told = await whispered(slack, "bob", known=number)
            assert said(told).startswith("In this thread only the person who began it may ask.")
        assert slack.views == []
        await pressed(slack, words, "details", "bob")
        await slack.shortcut("edit_image", "bob", message=thread.pictures[0])
        await whispered(slack, "bob", known=7)
        await slack.click(words, "redo", "ann")
        await answered(app, thread, 2)
    assert len(gemini.calls) == 2


async def test_two_people_who_click_at_once_both_get_what_they_want(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        thread, words = await imagine(app, slack)
        await asyncio.gather(slack.click(words, "redo", "ann"), slack.click(words, "redo", "bob"))
        await answered(app, thread, 3)
        again = slack.deliveries.send("interactive", slack.deliveries.sent[-1].payload)
        await again.ended.wait()
        assert again.ack.acked
    assert len(thread.words) == 3
