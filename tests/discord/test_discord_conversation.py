"""Who is heard, where and how often, and with which pictures: what people say in Discord."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.discord import catchup
from bot.commands import help_text
from bot.conversation import TurnState
from tests.discord.speaking import (
    answered,
    answers,
    asked,
    begun,
    buttons,
    heard,
    history,
    images,
    material,
    mention,
    person,
    prompts,
    running,
    said,
    sentences,
    settled,
    told,
    turns_in,
    whispered,
)
from tests.media import corpus
from tests.standins.discord import DiscordFile, talk
from tests.standins.discord.world import Message

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.discord.speaking import Json
    from tests.standins.discord import DiscordStandin
    from tests.standins.gemini import GeminiStandin

PNG, JPEG, WEBP = "image/png", "image/jpeg", "image/webp"
OWNER_ONLY = "In this thread only the person who began it may ask. Begin one of your own."


def picture(mime_type: str) -> DiscordFile:
    """A picture whose type tells it from others."""
    form = mime_type.rpartition("/")[2]
    return DiscordFile(name=f"a.{form}", data=corpus.encoded(form), mimetype=mime_type)


def sha(discord: DiscordStandin, answer: Json) -> str:
    """The SHA-256 of the first picture of an answer."""
    return hashlib.sha256(discord.pictures(answer)[0]).hexdigest()


# Direct messages


async def test_a_direct_message_goes_on_with_the_newest_picture_and_a_reply_with_an_older_one(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    direct = discord.direct("ann")
    async with running(tmp_path, discord, gemini):
        await discord.say(direct, "ann", "a fox")
        fox = await answered(discord, direct)
        await discord.say(direct, "ann", "make it night")
        await answered(discord, direct, 2)
        await discord.say(direct, "ann", "make it red", reply_to=fox)
        await answered(discord, direct, 3)
    assert [history(call) for call in gemini.calls] == [
        ["a fox"],
        ["a fox", "make it night"],
        ["a fox", "make it red"],
    ]


# In the threads of the bot


async def test_only_what_is_said_to_the_bot_in_its_thread_is_a_request(
    tmp_path: Path, discord: DiscordStandin
) -> None:
    bob, other = person(discord, "bob"), discord.person("deploys", bot=True)
    async with running(tmp_path, discord, None) as app:
        thread, _ = await begun(discord)
        noise = await discord.say(thread, "bob", "make it round")
        for text in (f"<@{bob}> do you like it?", "@everyone look", f"<@{bob}>, stop"):
            await discord.say(thread, "ann", text)
        for text in ("make it red", f"{mention(discord)} make it red", "stop"):
            await discord.say(thread, other, text)
        await discord.say(thread, "ann", "make it like that", reply_to=noise)
        both = await discord.say(thread, "ann", f"<@{bob}> {mention(discord)} make it blue")
        about = await discord.say(thread, "ann", f"paint a hat for <@{bob}>")
        await answered(discord, thread, 4)
        wanted = [thread, *(one["id"] for one in (noise, both, about))]
        assert await asked(app, discord, thread) == wanted


async def test_talk_in_a_channel_is_left_alone_whoever_speaks(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    other = discord.person("deploys", bot=True)
    async with running(tmp_path, discord, gemini) as app:
        talked = await discord.say("general", "ann", "shall we paint the office?")
        await discord.say("general", "bob", "stop", reply_to=talked)
        await discord.say("general", "bob", "@everyone a fox")
        await discord.say("general", other, f"{mention(discord)} deployed")
        hook = Message(
            id=discord.world.new_id(),
            channel=discord.world.place("general").id,
            author=person(discord, "bob"),
            content=f"{mention(discord)} from outside",
            mentions=[discord.bot_user],
            webhook=True,
        )
        talk.put(discord.world, discord.world.place("general"), hook)
        elsewhere = await discord.start_thread(talked, "bob", "the office")
        await discord.say(elsewhere, "bob", "a fox on the wall")
        await discord.edit(talked, "shall we paint the floor?")
        await discord.delete(talked)
        thread, _ = await begun(discord)
        assert await asked(app, discord, "general") == [thread]
    assert gemini.billed == 1
    assert sentences(discord, "general") == sentences(discord, elsewhere) == []


async def test_moderators_say_whose_replies_count_in_a_channel(
    tmp_path: Path, discord: DiscordStandin
) -> None:
    discord.role("painters", "mods", permissions=["MANAGE_GUILD", "MANAGE_MESSAGES"])
    discord.join("painters", discord.person("mia"), roles=["mods"])
    async with running(tmp_path, discord, None, THREADPAINT_FOLLOW="owner") as app:
        for policy, counting in (("follow", "ABab"), ("mention", "ab"), ("owner", "Aa")):
            channel = discord.channel("painters", policy)
            if policy != "owner":
                shown = await discord.slash(channel, "mia", "/config follow", replies=policy)
                assert policy in await whispered(discord, shown)
            thread, fox = await begun(discord, channel=channel)
            said_ = {}
            for name, who, text in (
                ("A", "ann", "make it blue"),
                ("B", "bob", "make it red"),
                ("a", "ann", f"{mention(discord)} make it grey"),
                ("b", "bob", f"{mention(discord)} make it round"),
            ):
                said_[name] = (await discord.say(thread, who, text))["id"]
            await answered(discord, thread, len(counting) + 1)
            wanted = [thread, *(said_[name] for name in counting)]
            assert await asked(app, discord, thread) == wanted
            if policy == "owner":
                assert said(await told(discord, thread)) == OWNER_ONLY
                await discord.say(thread, "bob", "and mine", reply_to=fox)
                await told(discord, thread, 2)
                assert await asked(app, discord, thread) == wanted
            else:
                await discord.say(thread, "bob", "and this", reply_to=fox)
                await answered(discord, thread, len(counting) + 2)


async def test_after_stop_following_only_mentions_count_until_it_is_followed_again(
    tmp_path: Path, discord: DiscordStandin
) -> None:
    async with running(tmp_path, discord, None) as app:
        thread, fox = await begun(discord)
        await discord.click(fox, "tp:unfollow", "bob")
        quiet = await told(discord, thread)
        assert "no longer" in said(quiet)
        await discord.say(thread, "ann", "nice, is it not?")
        called = await discord.say(thread, "ann", f"{mention(discord)} make it red")
        await answered(discord, thread, 2)
        await discord.click(quiet, "tp:follow", "ann")
        assert "follow this thread again" in said(await told(discord, thread, 2))
        again = await discord.say(thread, "bob", "make it grey")
        await answered(discord, thread, 3)
        assert await asked(app, discord, thread) == [thread, called["id"], again["id"]]


# Forums and threads of others


async def test_a_post_in_a_forum_that_was_allowed_is_a_request_elsewhere_it_takes_a_mention(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    discord.role("painters", "mods", permissions=["MANAGE_GUILD"])
    discord.join("painters", discord.person("mia"), roles=["mods"])
    forum = discord.channel("painters", "ideas", forum=True)
    async with running(tmp_path, discord, gemini) as app:
        ignored = await discord.post(forum, "ann", "Office", "which colour?")
        called = await discord.post(forum, "ann", "Fox", f"{mention(discord)} a fox")
        await answered(discord, called)
        await discord.say(called, "bob", "make it night")
        await answered(discord, called, 2)
        shown = await discord.slash(called, "mia", "/config channels", change="allow")
        assert forum in await whispered(discord, shown)
        plain = await discord.post(forum, "bob", "Hat", "a hat", files=[picture(PNG)])
        await answered(discord, plain)
        assert answers(discord, ignored) == []
        assert (await asked(app, discord, plain), await asked(app, discord, ignored)) == (
            [plain],
            [],
        )
    assert prompts(gemini) == ["a fox", "make it night", "a hat"]
    assert material(gemini.calls[2]) == ["a hat", PNG]


async def test_a_mention_in_somebodys_thread_is_about_the_picture_it_began_with(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini):
        root = await discord.say("general", "bob", "our logo", files=[picture(PNG)])
        thread = await discord.start_thread(root, "bob", "logo")
        await discord.say(thread, "ann", f"{mention(discord)} paint it")
        await answered(discord, thread)
        await discord.say(thread, "bob", "make it blue")
        await answered(discord, thread, 2)
    assert material(gemini.calls[0]) == ["paint it", PNG]
    assert prompts(gemini) == ["paint it", "make it blue"]
    assert len(discord.calls("cdn")) == 1


# Replies to pictures


async def test_a_reply_to_a_picture_of_the_bot_changes_that_one_wherever_it_stands(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini):
        thread, fox = await begun(discord)
        await discord.say(thread, "bob", "make it night")
        await answered(discord, thread, 2)
        await discord.say(thread, "bob", "make it red", reply_to=fox, ping=False)
        await answered(discord, thread, 3)
    assert history(gemini.calls[2]) == ["a fox", "make it red"]
    assert images(gemini.calls[2]) == [sha(discord, fox)]


async def test_where_there_can_be_no_thread_a_reply_in_the_channel_goes_on(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    flat = discord.channel("painters", "flat", deny=["CREATE_PUBLIC_THREADS"])
    async with running(tmp_path, discord, gemini) as app:
        await discord.say(flat, "ann", f"{mention(discord)} a fox")
        fox = await answered(discord, flat)
        await settled(app, discord, flat)
        await discord.say(flat, "bob", "lovely, is it not?")
        await discord.say(flat, "bob", "make it night", reply_to=fox)
        await answered(discord, flat, 2)
    assert [history(call) for call in gemini.calls] == [["a fox"], ["a fox", "make it night"]]


async def test_without_the_content_intent_mentions_replies_with_a_ping_and_direct_messages_work(
    tmp_path: Path, narrow_discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    discord, direct = narrow_discord, narrow_discord.direct("bob")
    async with running(tmp_path, discord, gemini) as app:
        thread, fox = await begun(discord)
        await discord.say(thread, "bob", "hidden from the bot")
        await discord.say(thread, "bob", "hidden, too", reply_to=fox, ping=False)
        reply = await discord.say(thread, "bob", "make it red", reply_to=fox, files=[picture(WEBP)])
        await answered(discord, thread, 2)
        called = await discord.say(thread, "bob", f"{mention(discord)} make it blue")
        await answered(discord, thread, 3)
        await discord.say(direct, "bob", "a hat")
        await answered(discord, direct)
        assert await asked(app, discord, thread) == [thread, reply["id"], called["id"]]
    assert prompts(gemini) == ["a fox", "make it red", "make it blue", "a hat"]
    assert material(gemini.calls[1]) == ["make it red", WEBP]


async def test_a_reply_to_anybodys_picture_with_a_mention_is_about_that_picture(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini):
        photo = await discord.say("general", "bob", "me", files=[picture(JPEG)])
        request = await discord.say(
            "general", "ann", f"{mention(discord)} as a fox", files=[picture(PNG)], reply_to=photo
        )
        await answered(discord, request)
        await discord.say("general", "ann", "nice one", reply_to=photo)
    assert [material(call) for call in gemini.calls] == [["as a fox", PNG, JPEG]]


# Files


async def test_every_file_is_material_and_what_is_no_use_is_named_with_the_reason(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    files = [
        picture(PNG),
        DiscordFile(name="b.heic", data=corpus.heic(), mimetype="image/heic"),
        DiscordFile(name="d.pdf", data=corpus.pdf(), mimetype="application/pdf"),
        DiscordFile(name="letter.zip", data=b"PK\3\4" + bytes(60), mimetype="application/zip"),
        picture(WEBP),
    ]
    async with running(tmp_path, discord, gemini):
        request = await discord.say("general", "ann", f"{mention(discord)} mix", files=files)
        words = said(await answered(discord, request))
    assert material(gemini.calls[0]) == ["mix", PNG, JPEG, "application/pdf", WEBP]
    assert "letter.zip is a ZIP file, not a picture." in words


async def test_a_file_alone_is_painted_and_none_that_can_be_used_costs_nothing(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    direct = discord.direct("ann")
    text = DiscordFile(name="notes.txt", data=b"a fox, please. " * 99, mimetype="text/plain")
    page = DiscordFile(name="page.png", data=b"<!DOCTYPE html><html></html>")
    async with running(tmp_path, discord, gemini):
        await discord.say(direct, "ann", files=[picture(PNG)])
        await answered(discord, direct)
        request = await discord.say(
            "general", "ann", f"{mention(discord)} like this", files=[text, page]
        )
        words = said(await told(discord, request))
    assert [part for part in material(gemini.calls[0]) if part] == [PNG]
    assert len(gemini.calls) == 1
    assert "notes.txt" in words
    assert "page.png" in words


async def test_a_forwarded_message_brings_its_words_and_files(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    direct = discord.direct("ann")
    async with running(tmp_path, discord, gemini):
        logo = await discord.say("general", "bob", "our logo", files=[picture(JPEG)])
        await discord.say(direct, "ann", forward=logo)
        await answered(discord, direct)
    assert material(gemini.calls[0]) == ["our logo", JPEG]


# What becomes of a message afterwards


async def test_an_edit_counts_until_the_call_starts_and_is_said_to_be_late_after_that(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini) as app:
        gemini.hold()
        request = await discord.say("general", "ann", f"{mention(discord)} a fox")
        await gemini.until_waiting(1)
        await discord.until(lambda: discord.threads("general"))
        thread = discord.thread_of(request)
        reply = await discord.say(thread, "bob", "make it blue --ar 1:1")
        await heard(app, discord, thread, 2)
        await discord.edit(reply, "make it red --sice 2K")
        wrong = await told(discord, thread)
        await discord.edit(reply, "make it red --ar 16:9")
        await discord.edit(request, f"{mention(discord)} a hat")
        late = await told(discord, "general")
        gemini.release()
        await answered(discord, thread, 2)
        await discord.edit(request, f"{mention(discord)} a hat, please")
    assert prompts(gemini) == ["a fox", "make it red"]
    assert said(wrong).startswith("Your edit was not followed: There is no flag --sice.")
    words = "Your edit came too late for this picture. Reply to it to change it."
    assert said(late) == words
    assert len(sentences(discord, "general")) == len(sentences(discord, thread)) == 1


async def test_what_is_deleted_is_neither_painted_nor_talked_about(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini) as app:
        gemini.hold()
        request = await discord.say("general", "ann", f"{mention(discord)} a fox")
        await gemini.until_waiting(1)
        await discord.until(lambda: discord.threads("general"))
        thread = discord.thread_of(request)
        reply = await discord.say(thread, "bob", "make it blue")
        await heard(app, discord, thread, 2)
        for message in (reply, request):
            await discord.delete(message)
        for turn in await turns_in(app, discord, thread):
            assert (await app.turns.ended(turn.id)).state is TurnState.CANCELLED
        gemini.release()
    assert len(gemini.calls) == 1
    assert answers(discord, thread) == sentences(discord, thread) == []


# Words


async def test_stop_ends_what_is_painted_for_who_asked_and_nobody_else(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini) as app:
        gemini.hold()
        request = await discord.say("general", "ann", f"{mention(discord)} a fox")
        await gemini.until_waiting(1)
        await discord.until(lambda: discord.threads("general"))
        thread = discord.thread_of(request)
        await discord.say(thread, "bob", "stop")
        assert "only they or a moderator can stop it" in said(await told(discord, thread))
        await discord.say(thread, "ann", " STOP! ")
        (turn,) = await turns_in(app, discord, thread)
        assert (await app.turns.ended(turn.id)).state is TurnState.CANCELLED
        assert said(await told(discord, thread, 2)).startswith("Stopped.")
        gemini.release()
    assert answers(discord, thread) == []


async def test_undo_redo_and_help_are_obeyed_once(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    discord.gateway.duplicate_on_resume = 6
    async with running(tmp_path, discord, gemini) as app:
        thread, fox = await begun(discord, "a fox --ar 16:9")
        await discord.say(thread, "bob", "make it blue")
        await answered(discord, thread, 2)
        await settled(app, discord, thread)
        await discord.say(thread, "bob", "Undo.")
        back = said(await told(discord, thread))
        await discord.say(thread, "ann", "help?")
        helped = said(await told(discord, thread, 2))
        await discord.say("general", "ann", f"{mention(discord)} redo")
        nothing = said(await told(discord, "general"))
        discord.disconnect("cut")
        await discord.until(lambda: discord.resumes)
        await discord.say(thread, "bob", "redo")
        await answered(discord, thread, 3)
    assert back.startswith("Back to the picture before: ")
    assert fox["id"] in back
    assert helped.replace("\\", "") == help_text()
    assert nothing.startswith("There is no picture here yet.")
    assert len(sentences(discord, thread)) == 2
    assert len(sentences(discord, "general")) == 1
    assert gemini.calls[2].body == gemini.calls[0].body


# How often


async def test_a_message_that_comes_again_after_a_resume_is_one_turn(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    discord.gateway.duplicate_on_resume = 20
    async with running(tmp_path, discord, gemini) as app:
        thread, _ = await begun(discord)
        discord.disconnect("cut")
        await discord.until(lambda: discord.resumes)
        await discord.say(thread, "bob", "make it blue")
        await answered(discord, thread, 2)
        assert len(await asked(app, discord, thread)) == 2
    assert gemini.billed == 2
    assert len(discord.threads("general")) == 1


async def test_what_was_said_while_the_bot_was_away_is_answered_and_what_is_old_asked_about(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini):
        thread, _ = await begun(discord)
    await discord.say("general", "bob", "unrelated")
    new = await discord.say("general", "ann", f"{mention(discord)} a hat")
    await discord.say(thread, "bob", "make it blue")
    async with running(tmp_path, discord, gemini):
        await answered(discord, thread, 2)
        await answered(discord, new)
    assert sorted(prompts(gemini)) == ["a fox", "a hat", "make it blue"]
    assert sentences(discord, "general") == []


async def test_an_old_message_is_painted_when_its_writer_still_wants_it(
    tmp_path: Path,
    discord: DiscordStandin,
    gemini: GeminiStandin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catchup, "_LATE", timedelta(0))
    members = discord.role("painters", "members")
    for name in ("ann", discord.person("eve")):
        discord.join("painters", name, roles=["members"])
    groups = {"THREADPAINT_ALLOWED_GROUPS": members}
    async with running(tmp_path, discord, gemini, **groups):
        thread, _ = await begun(discord)
    text = f"{mention(discord)} make it blue"
    old = (await discord.say(thread, "ann", text))["id"]
    text = f"{mention(discord)} a hat"
    lone = (await discord.say("general", "ann", text))["id"]
    for _ in range(2):
        async with running(tmp_path, discord, gemini, **groups):
            question, other = await told(discord, thread), await told(discord, "general")
            assert "Do you still want it?" in said(question)
            assert buttons(question) == buttons(other) == ["late"]
    async with running(tmp_path, discord, gemini, **groups) as app:
        refused = await discord.click(question, "tp:late", "bob")
        assert "Only members of some roles" in await whispered(discord, refused)
        refused = await discord.click(question, "tp:late", "eve")
        assert "Only the person who wrote it" in await whispered(discord, refused)
        assert (await discord.click(question, "tp:late", "ann")).failed == ""
        await answered(discord, thread, 2)
        assert (await discord.click(other, "tp:late", "ann")).failed == ""
        await answered(discord, lone)
        assert set(await asked(app, discord, thread)) == {thread, old}
        await discord.until(lambda: buttons(discord.message(question["id"])) == [])
    assert len(sentences(discord, thread)) == len(sentences(discord, "general")) == 1


# Who may ask


async def test_the_operator_decides_who_may_ask_and_only_who_speaks_to_the_bot_is_told(
    tmp_path: Path, discord: DiscordStandin
) -> None:
    eve, mia = discord.person("eve"), discord.person("mia")
    members = discord.role("painters", "members")
    for one in ("ann", eve):
        discord.join("painters", one, roles=["members"])
    lab = discord.channel("painters", "lab")
    rules = {
        "THREADPAINT_BLOCKED_PEOPLE": eve,
        "THREADPAINT_ALLOWED_CHANNELS": lab,
        "THREADPAINT_ALLOWED_GROUPS": members,
    }
    async with running(tmp_path, discord, None, **rules) as app:
        thread, _ = await begun(discord, channel="lab")
        for who in (eve, mia):
            await discord.say(thread, who, "make it blue")
        for number, (who, words) in enumerate(
            (
                (eve, "You cannot use Threadpaint here. Ask the people who run it."),
                (mia, "Only members of some roles may ask me. Ask a moderator."),
            ),
            1,
        ):
            await discord.say(thread, who, f"{mention(discord)} make it blue")
            assert said(await told(discord, thread, number)) == words
        await discord.say("general", "ann", f"{mention(discord)} a fox")
        elsewhere = "Threadpaint is not to be used in this channel. Ask it in another one."
        assert said(await told(discord, "general")) == elsewhere
        direct = discord.direct("ann")
        await discord.say(direct, "ann", "a hat")
        await answered(discord, direct)
        assert await asked(app, discord, thread) == [thread]
        assert await asked(app, discord, "general") == []
