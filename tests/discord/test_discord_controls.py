"""The buttons under answers and notices: what they do, for whom, and for how long."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bot.conversation import TurnState
from tests.discord.speaking import (
    answered,
    answers,
    begun,
    buttons,
    forged,
    images,
    labels,
    mention,
    person,
    prompts,
    running,
    said,
    sentences,
    settled,
    shape,
    told,
    turns_in,
    whispered,
)
from tests.standins.discord import DiscordFile
from tests.standins.discord.components import custom_ids
from tests.standins.gemini import Fault as GeminiFault
from tests.standins.pictures import png

if TYPE_CHECKING:
    from pathlib import Path

    from tests.discord.speaking import Json
    from tests.standins.discord import DiscordStandin
    from tests.standins.gemini import GeminiStandin


def shas(discord: DiscordStandin, answer: Json) -> list[str]:
    """The SHA-256 of the pictures of an answer, in order."""
    return [hashlib.sha256(one).hexdigest() for one in discord.pictures(answer)]


def moderator(discord: DiscordStandin, name: str = "mia") -> None:
    discord.role("painters", "mods", permissions=["MANAGE_MESSAGES"])
    discord.join("painters", discord.person(name), roles=["mods"])


async def changed(
    discord: DiscordStandin,
    answer: Json,
    user: str,
    **values: object,
) -> None:
    """Press Edit... and send the form."""
    pressed = await discord.click(answer, "tp:edit", user)
    assert pressed.failed == ""
    sent = await discord.submit(discord.modals(user)[-1], values, user)
    assert sent.failed == ""


# More pictures


async def test_edit_asks_by_a_form_and_redo_for_the_same_again(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    logo = DiscordFile(name="logo.png", data=png(40, 30), mimetype="image/png")
    async with running(tmp_path, discord, gemini) as app:
        thread, fox = await begun(discord)
        await changed(discord, fox, "bob", prompt="add this", ratio="3:4", size="2K", files=[logo])
        second = await answered(discord, thread, 2)
        await settled(app, discord, thread)
        assert (await discord.click(second, "tp:redo", "ann")).failed == ""
        await answered(discord, thread, 3)
    assert prompts(gemini) == ["a fox", "add this", "add this"]
    assert shape(gemini.calls[1]) == ("3:4", "2K")
    assert images(gemini.calls[1]) == [*shas(discord, fox), hashlib.sha256(logo.data).hexdigest()]
    assert gemini.calls[2].body == gemini.calls[1].body


async def test_variations_are_four_pictures_in_one_message_and_the_picked_one_is_refined(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini) as app:
        thread, fox = await begun(discord, "a fox --ar 16:9")
        await discord.click(fox, "tp:variations", "ann")
        four = await answered(discord, thread, 2)
        await settled(app, discord, thread)
        pictures = shas(discord, four)
        assert len(set(pictures)) == 4
        assert labels(four)[:4] == [f"Refine picture {number}" for number in (1, 2, 3, 4)]
        third = [name for name in custom_ids(four["components"]) if ":pick:" in name][2]
        picked = await discord.click(four, third, "bob")
        assert "are for this picture now" in await whispered(discord, picked)
        await discord.click(four, "tp:size-4k", "ann")
        await answered(discord, thread, 3)
    assert images(gemini.calls[5]) == [pictures[2]]
    assert shape(gemini.calls[5]) == ("16:9", "4K")


async def test_upscale_and_ratio_send_the_picture_and_what_was_chosen(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini) as app:
        thread, fox = await begun(discord, "a fox --ar 16:9")
        await discord.click(fox, "tp:size-2k", "bob")
        larger = await answered(discord, thread, 2)
        await settled(app, discord, thread)
        assert {"size-2k", "size-4k"} & set(buttons(larger)) == {"size-4k"}
        assert (await discord.click(fox, "tp:ratio", "bob")).failed == ""
        sent = await discord.submit(discord.modals("bob")[-1], {"ratio": "1:1"}, "bob")
        assert sent.failed == ""
        await answered(discord, thread, 3)
    assert [images(call) for call in gemini.calls] == [[], shas(discord, fox), shas(discord, fox)]
    assert [shape(call) for call in gemini.calls[1:]] == [("16:9", "2K"), ("1:1", None)]


# Which picture is the current one


async def test_undo_makes_the_picture_before_current_and_a_second_click_changes_nothing(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini) as app:
        thread, first = await begun(discord)
        await discord.say(thread, "bob", "make it night")
        second = await answered(discord, thread, 2)
        await settled(app, discord, thread)
        undone = await discord.click(second, "tp:undo", "bob")
        assert first["id"] in await whispered(discord, undone)
        again = await discord.click(second, "tp:undo", "bob")
        assert "is the current one already" in await whispered(discord, again)
        none = await discord.click(first, "tp:undo", "bob")
        assert "was not made from another one" in await whispered(discord, none)
        await discord.say(thread, "bob", "make it snow")
        await answered(discord, thread, 3)
    assert images(gemini.calls[2]) == shas(discord, first)


async def test_only_its_author_or_a_moderator_deletes_an_answer(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    moderator(discord)
    async with running(tmp_path, discord, gemini) as app:
        thread, first = await begun(discord)
        await discord.say(thread, "bob", "make it night")
        second = await answered(discord, thread, 2)
        await settled(app, discord, thread)
        refused = await discord.click(second, "tp:delete", "ann")
        words = "Only the person who asked, or a moderator, can do this."
        assert await whispered(discord, refused) == words
        assert (await discord.click(second, "tp:delete", "bob")).failed == ""
        await discord.until(lambda: len(answers(discord, thread)) == 1)
        await discord.say(thread, "bob", "make it snow")
        await answered(discord, thread, 2)
        await settled(app, discord, thread)
        assert images(gemini.calls[2]) == shas(discord, first)
        assert (await discord.click(first, "tp:delete", "mia")).failed == ""
        await discord.until(lambda: len(answers(discord, thread)) == 1)
        assert answers(discord, thread)[0]["id"] != first["id"]


# One turn: again, no more, for that price


async def test_retry_under_a_failure_answers_once(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    gemini.plan(GeminiFault(kind="cut"))
    async with running(tmp_path, discord, gemini) as app:
        request = await discord.say("general", "ann", f"{mention(discord)} a fox --ar 16:9")
        failure = await told(discord, request)
        thread = discord.thread_of(request)
        await settled(app, discord, thread)
        assert buttons(failure) == ["retry"]
        retry = custom_ids(failure["components"])[0]
        assert (await discord.click(failure, "tp:retry", "bob")).failed == ""
        answer = await answered(discord, thread)
        await settled(app, discord, thread)
        assert said(discord.message(failure["id"])) == "Trying again."
        late = await forged(discord, answer, retry, "bob")
        assert "painted already" in await whispered(discord, late)
    assert len(answers(discord, thread)) == 1
    assert [shape(call) for call in gemini.calls] == [("16:9", None)] * 2


async def test_the_author_or_a_moderator_cancels_what_is_being_painted(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    moderator(discord)
    soon = {"THREADPAINT_SLOW_NOTICE_SECONDS": "0.1"}
    async with running(tmp_path, discord, gemini, **soon) as app:
        gemini.hold()
        for user in ("ann", "mia"):
            request = await discord.say("general", "ann", f"{mention(discord)} a fox")
            slow = await told(discord, request)
            assert buttons(slow) == ["cancel"]
            refused = await discord.click(slow, "tp:cancel", "bob")
            assert "Only the person who asked" in await whispered(discord, refused)
            assert (await discord.click(slow, "tp:cancel", user)).failed == ""
            assert said(await told(discord, request, 2)).startswith("Stopped.")
            (turn,) = await turns_in(app, discord, request["id"])
            assert (await app.turns.ended(turn.id)).state is TurnState.CANCELLED
            assert buttons(discord.message(slow["id"])) == []
            assert answers(discord, request["id"]) == []
    assert gemini.billed == 0


async def test_a_dear_picture_waits_for_the_yes_of_its_author_or_is_declined_for_good(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    dear = {"THREADPAINT_CONFIRM_ABOVE_USD": "0.001"}
    async with running(tmp_path, discord, gemini, **dear) as app:
        request = await discord.say("general", "ann", f"{mention(discord)} a fox --size 4K")
        question = await told(discord, request)
        assert said(question).startswith("This will cost about $0.15. Paint it?")
        refused = await discord.click(question, "tp:confirm", "bob")
        assert "Only the person who asked" in await whispered(discord, refused)
        other = await discord.say("general", "ann", f"{mention(discord)} a hat")
        declined = await told(discord, other)
        confirm = custom_ids(declined["components"])[0]
        assert (await discord.click(declined, "tp:cancel", "ann")).failed == ""
        await settled(app, discord, other["id"])
        late = await forged(discord, question, confirm, "ann")
        assert gemini.calls == []
        assert late.ephemeral
    async with running(tmp_path, discord, gemini, **dear):
        assert (await discord.click(question, "tp:confirm", "ann")).failed == ""
        await answered(discord, request)
        assert said(discord.message(question["id"])) == "Agreed. It is being painted."
    assert len(gemini.calls) == 1


# Words


async def test_details_show_what_was_asked_used_and_paid_to_one_person(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini):
        _, fox = await begun(discord, "a fox @everyone --search --ar 16:9")
        words = await whispered(discord, await discord.click(fox, "tp:details", "bob"))
    for fact in ("a fox", "Ann", "--ar 16:9 --search", "gemini-3.1-flash-image", "**Cost:** $"):
        assert fact in words


# For how long, and for whom


async def test_every_button_still_works_after_a_restart(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini) as app:
        thread, first = await begun(discord)
        await discord.say(thread, "ann", "make it night")
        second = await answered(discord, thread, 2)
        await settled(app, discord, thread)
        assert (await discord.click(first, "tp:edit", "bob")).failed == ""
    async with running(tmp_path, discord, gemini) as app:
        form = discord.modals("bob")[-1]
        assert (await discord.submit(form, {"prompt": "make it red"}, "bob")).failed == ""
        await answered(discord, thread, 3)
        await settled(app, discord, thread)
        await whispered(discord, await discord.click(second, "tp:details", "bob"))
        undone = await discord.click(second, "tp:undo", "ann")
        assert first["id"] in await whispered(discord, undone)
        await changed(discord, first, "ann", prompt="make it snow")
        await answered(discord, thread, 4)
        await discord.click(second, "tp:redo", "bob")
        await answered(discord, thread, 5)
        await discord.click(second, "tp:unfollow", "bob")
        await told(discord, thread)
        await discord.click(first, "tp:delete", "ann")
        await discord.until(lambda: len(answers(discord, thread)) == 4)
    assert prompts(gemini)[2:] == ["make it red", "make it snow", "make it night"]


async def test_forged_values_do_nothing_and_are_told(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    discord.guild("lab")
    discord.channel("lab", "secret")
    discord.join("lab", "ann")
    async with running(tmp_path, discord, gemini):
        _, hidden = await begun(discord, "a secret", channel="secret")
        thread, fox = await begun(discord)
        stolen = custom_ids(hidden["components"])
        value = stolen[0].rpartition(":")[2]
        wrong = [*stolen, *(f"tp:{name}:{value}" for name in ("retry", "cancel", "confirm"))]
        for name in wrong:
            words = await whispered(discord, await forged(discord, fox, name, "bob"))
            assert words == "This picture is not from this channel."
        for name in ("redo:", "redo:garbage", "pick:a.b.c", f"edit:{value}.{10**30}", "late:x"):
            words = await whispered(discord, await forged(discord, fox, f"tp:{name}", "bob"))
            assert words.startswith(("This button does not say", "This picture is no longer"))
        words = await whispered(discord, await forged(discord, fox, "tp:launch:x", "bob"))
        assert words == "This button is of another version. Ask anew."
    assert sentences(discord, thread) == []
    assert len(gemini.calls) == 2
    assert discord.modals("bob") == []


async def test_who_may_not_ask_may_not_click_and_an_owners_thread_is_for_its_owner(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    eve = discord.person("eve")
    rules = {"THREADPAINT_BLOCKED_PEOPLE": eve, "THREADPAINT_FOLLOW": "owner"}
    async with running(tmp_path, discord, gemini, **rules):
        thread, fox = await begun(discord)
        for name in ("redo", "edit", "delete", "undo", "details"):
            words = await whispered(discord, await discord.click(fox, f"tp:{name}", eve))
            assert words == "You cannot use Threadpaint here. Ask the people who run it."
        for name in ("redo", "variations", "edit", "size-2k", "ratio", "undo", "unfollow"):
            words = await whispered(discord, await discord.click(fox, f"tp:{name}", "bob"))
            assert words.startswith("In this thread only the person who began it may ask.")
        await whispered(discord, await discord.click(fox, "tp:details", "bob"))
        await discord.click(fox, "tp:redo", "ann")
        await answered(discord, thread, 2)
    assert len(gemini.calls) == 2
    assert discord.modals(person(discord, "bob")) == []
