"""Slash commands and context menus, over the whole bot."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.discord.harness import running
from tests.discord.speaking import (
    answered,
    begun,
    buttons,
    guild_of,
    images,
    material,
    mention,
    person,
    prompts,
    said,
    settled,
    shape,
    told,
    turns_in,
)
from tests.standins.discord import DiscordFile, DiscordStandin
from tests.standins.pictures import png

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.discord.speaking import Json
    from tests.standins.discord import Interaction
    from tests.standins.gemini import GeminiStandin

MOST_SECONDS = 1.5
"""Until the first answer to a gesture, on a machine that is busy with other tests."""


@pytest.fixture
def moderator(discord: DiscordStandin) -> str:
    role = discord.role("painters", "mods", permissions=["MANAGE_GUILD"])
    mod = discord.person("mod")
    discord.join("painters", "mod", roles=[role])
    return mod


def alone(used: Interaction) -> str:
    """What the person is told alone now, for what they did."""
    assert used.failed == ""
    assert used.ephemeral
    return "\n".join(said(one) or one["content"] for one in used.answers)


async def whisper(
    discord: DiscordStandin, place: str, user: str, command: str, /, **options: object
) -> str:
    """Use a command, and wait for what the person alone is told."""
    return await heard(discord, await discord.slash(place, user, command, **options))  # type: ignore[arg-type]


async def heard(discord: DiscordStandin, used: Interaction) -> str:
    """Wait until an interaction is answered with words."""
    await discord.until(lambda: used.answers and not used.loading)
    return alone(used)


async def imagined(discord: DiscordStandin, **options: object) -> tuple[Interaction, Json]:
    """Use /imagine in a channel of a server, and wait for the picture."""
    known = len(discord.threads("general"))
    used = await discord.slash("general", "ann", "/imagine", **{"prompt": "a fox"} | options)  # type: ignore[arg-type]
    assert (used.failed, used.deferred, used.ephemeral) == ("", True, True)
    await discord.until(lambda: len(discord.threads("general")) > known)
    return used, await answered(discord, discord.threads("general")[-1])


# --- /imagine ------------------------------------------------------------------------------------


async def test_the_options_and_files_of_a_command_reach_the_model_and_its_thread_is_titled(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    files = {f"image{n}": DiscordFile(name=f"{n}.png", data=png(8, 8, str(n))) for n in (1, 2)}
    async with running(tmp_path, discord, gemini):
        used, answer = await imagined(
            discord, prompt="a fox @everyone", ratio="16:9", size="2K", count=2, **files
        )
        await discord.until(lambda: "Done" in alone(used))
        thread = answer["channel_id"]
        await discord.say(thread, "bob", "make it night")
        await answered(discord, thread, 2)
    [root] = [one for one in discord.messages("general") if one["type"] == 0]
    assert root["id"] == thread
    assert f"<@{person(discord, 'ann')}> asked for" in said(root)
    assert "--ar 16:9" in said(root)
    assert discord.world.place(thread).name == "a fox @everyone"
    assert shape(gemini.calls[0]) == ("16:9", "2K")
    assert material(gemini.calls[0]) == ["a fox @everyone", "image/png", "image/png"]
    assert len(discord.pictures(answer)) == 2
    link = f"/channels/{guild_of(discord, 'general')}/{thread}/{answer['id']}"
    assert link in alone(used)
    assert prompts(gemini)[-1] == "make it night"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a fox --ar 16:8", "--ar 16:8 is not a ratio. Did you mean 16:9?"),
        ("a fox --sise 2K", "There is no flag --sise. Did you mean --size?"),
        ("a fox --model x", "No model named x."),
    ],
)
async def test_a_mistake_is_told_to_the_person_alone_and_costs_nothing(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin, prompt: str, words: str
) -> None:
    async with running(tmp_path, discord, gemini):
        assert words in await whisper(discord, "general", "ann", "/imagine", prompt=prompt)
        assert discord.messages("general") == []
    assert gemini.calls == []


async def test_the_deferred_answer_shows_how_far_it_is_and_can_cancel(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    gemini.hold()
    async with running(tmp_path, discord, gemini, THREADPAINT_PERSON_RUNNING="1") as app:
        first = await discord.slash("general", "ann", "/imagine", prompt="a fox")
        await gemini.until_waiting(1)
        second = await discord.slash("general", "ann", "/imagine", prompt="a hare")
        try:
            await discord.until(lambda: "About to begin." in alone(second), 5)
            assert "Painting" in alone(first)
            [shown] = second.answers
            assert buttons(shown) == ["cancel"]
            await discord.click(shown, "tp:cancel", "ann")
            await discord.until(lambda: not buttons(second.answers[0]), 5)
        finally:
            gemini.release()
        await discord.until(lambda: "Done" in alone(first))
        await settled(app, discord, "general")
    assert prompts(gemini) == ["a fox"]


async def test_a_private_picture_is_seen_by_nobody_else_and_no_base_of_their_edits(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini):
        used = await discord.slash("general", "ann", "/imagine", prompt="a fox", private=True)
        await discord.until(lambda: any(discord.pictures(one) for one in used.answers))
        assert used.ephemeral
        assert discord.messages("general") == []
        words = await whisper(discord, "general", "bob", "/edit", prompt="make it night")
    assert "There is no picture here yet" in words
    assert discord.threads("general") == []
    assert gemini.billed == 1


async def test_a_command_in_a_thread_is_answered_there_and_in_a_direct_message_too(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini) as app:
        thread, _ = await begun(discord)
        await discord.slash(thread, "bob", "/imagine", prompt="a hare")
        await answered(discord, thread, 2)
        direct = discord.direct("ann")
        await discord.slash(direct, "ann", "/imagine", prompt="a boat")
        await answered(discord, direct)
        await settled(app, discord, direct)
        await discord.slash(direct, "ann", "/edit", prompt="at night")
        await answered(discord, direct, 2)
    assert discord.threads("general") == [thread]
    assert prompts(gemini) == ["a fox", "a hare", "a boat", "at night"]
    assert [len(images(call)) for call in gemini.calls] == [0, 0, 0, 1]


async def test_a_user_installed_app_answers_in_the_deferred_answer_and_edits_that(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    talk = discord.private("ann", "bob")
    async with running(tmp_path, discord, gemini) as app:
        used = await discord.slash(talk, "ann", "/imagine", install="user", prompt="a fox")
        await discord.until(lambda: any(discord.pictures(one) for one in used.answers))
        assert (used.deferred, used.ephemeral) == (True, False)
        assert [one["id"] for one in discord.messages(talk)] == [used.answers[0]["id"]]
        await settled(app, discord, talk)
        changed = await discord.slash(talk, "ann", "/edit", install="user", prompt="at night")
        await discord.until(lambda: any(discord.pictures(one) for one in changed.answers))
        other = await discord.slash(talk, "bob", "/edit", install="user", prompt="mine")
        assert "There is no picture here yet" in alone(other)
    assert [len(images(call)) for call in gemini.calls] == [0, 1]


# --- /edit and the context menus -----------------------------------------------------------------


async def test_edit_changes_the_newest_picture_of_the_place(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    discord.channel("painters", "other")
    async with running(tmp_path, discord, gemini) as app:
        await begun(discord, "a fox")
        thread, _ = await begun(discord, "a hare")
        await settled(app, discord, "general")
        used = await discord.slash("general", "bob", "/edit", prompt="make it night", ratio="1:1")
        await answered(discord, thread, 2)
        await discord.until(lambda: "Done" in alone(used))
        words = await whisper(discord, "other", "bob", "/edit", prompt="make it night")
    assert "There is no picture here yet" in words
    assert len(images(gemini.calls[-1])) == 1
    assert shape(gemini.calls[-1])[0] == "1:1"
    assert gemini.billed == 3


async def test_the_menu_edit_image_changes_an_answer_and_anybodys_picture(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini):
        thread, answer = await begun(discord)
        await discord.menu("Edit image", answer, "bob")
        [form] = discord.modals("bob")
        await discord.submit(form, {"prompt": "make it night", "ratio": "16:9"}, "bob")
        await answered(discord, thread, 2)
        picture = DiscordFile(name="cat.png", data=png(8, 8, "cat"))
        shown = await discord.say("general", "ann", "my cat", files=[picture])
        await discord.menu("Edit image", shown, "bob")
        [form] = discord.modals("bob")
        await discord.submit(form, {"prompt": "add a hat"}, "bob")
        await discord.until(lambda: len(discord.threads("general")) == 2)
        await answered(discord, discord.threads("general")[-1])
        bare = await discord.say("general", "ann", "no picture here")
        used = await discord.menu("Edit image", bare, "bob")
        assert "There is no picture in this message" in alone(used)
    assert [len(images(call)) for call in gemini.calls] == [0, 1, 1]
    assert shape(gemini.calls[1])[0] == "16:9"
    assert material(gemini.calls[2]) == ["add a hat", "image/png"]


async def test_use_as_reference_takes_the_picture_and_an_upload_to_a_new_thread(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    picture = DiscordFile(name="cat.png", data=png(8, 8, "cat"))
    hat = DiscordFile(name="hat.png", data=png(8, 8, "hat"))
    async with running(tmp_path, discord, gemini):
        shown = await discord.say("general", "ann", "my cat", files=[picture])
        await discord.menu("Use as reference", shown, "bob")
        [form] = discord.modals("bob")
        used = await discord.submit(form, {"prompt": "with this hat", "files": [hat]}, "bob")
        assert (used.failed, used.deferred) == ("", True)
        await discord.until(lambda: discord.threads("general"))
        await answered(discord, discord.threads("general")[0])
        await discord.until(lambda: "Done" in alone(used))
        await discord.menu("Use as reference", shown, "bob")
        [form] = discord.modals("bob")
        wrong = await discord.submit(form, {"prompt": "a fox --ar 16:8"}, "bob")
        assert "is not a ratio" in alone(wrong)
    assert material(gemini.calls[0]) == ["with this hat", "image/png", "image/png"]
    assert gemini.billed == 1


# --- what people ask about themselves ------------------------------------------------------------


async def test_usage_settings_why_and_help(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini, THREADPAINT_PERSON_DAILY_PICTURES="3") as app:
        assert "none" in await whisper(discord, "general", "ann", "/settings")
        assert "--ar 16:9" in await whisper(discord, "general", "ann", "/settings", ratio="16:9")
        await imagined(discord)
        await settled(app, discord, "general")
        usage = await whisper(discord, "general", "ann", "/usage")
        assert "You asked for 1 picture today" in usage
        assert "2 more today" in usage
        assert "$" not in usage
        assert "0 pictures today" in await whisper(discord, "general", "bob", "/usage")
        assert "You may ask here" in await whisper(discord, "general", "ann", "/why")
        assert "--ar" in await whisper(discord, "general", "ann", "/help")
        unset = await whisper(discord, "general", "ann", "/settings", ratio="unset")
        assert "none" in unset
    assert shape(gemini.calls[0])[0] == "16:9"


# --- privacy -------------------------------------------------------------------------------------


async def test_a_person_gets_a_zip_of_what_is_kept_and_can_erase_it_alone(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini) as app:
        _, answer = await imagined(discord, prompt="a secret fox")
        await settled(app, discord, "general")
        thread = answer["channel_id"]
        assert "Discord's ids" in await whisper(discord, "general", "ann", "/privacy what")
        data = await discord.slash("general", "ann", "/privacy data")
        assert "1 requests and 1 files" in await heard(discord, data)
        [file] = data.answers[0]["attachments"]
        packed = zipfile.ZipFile(io.BytesIO(discord.world.files[file["id"]].data))
        account = json.loads(packed.read("data.json"))
        assert account["turns"][0]["words"] == "a secret fox"
        assert len(packed.namelist()) == 2
        asked = await discord.slash("general", "ann", "/privacy forget")
        assert "It cannot be undone" in alone(asked)
        erased = await discord.click(asked.answers[0], "tp:forget", "ann")
        assert "Erased: 1 requests, " in await heard(discord, erased)
        again = await discord.slash("general", "ann", "/privacy data")
        assert "0 requests and 0 files" in await heard(discord, again)
        assert await turns_in(app, discord, thread) == []
        gone = await discord.click(answer, "tp:redo", "bob")
        assert "no longer known" in await heard(discord, gone)


# --- what moderators set -------------------------------------------------------------------------


async def test_only_moderators_may_set_anything(
    tmp_path: Path, discord: DiscordStandin, moderator: str
) -> None:
    async with running(tmp_path, discord, None):
        with pytest.raises(AssertionError):
            await discord.slash("general", "ann", "/config show")
        for command in discord.world.commands[""]:
            command["default_member_permissions"] = None  # as a server may change it
        words = await whisper(discord, "general", "ann", "/config spoiler", hide=True)
        assert "Only moderators" in words
        assert "Only moderators" not in await whisper(discord, "general", moderator, "/config show")


async def test_what_is_set_holds_for_the_next_request(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin, moderator: str
) -> None:
    async with running(tmp_path, discord, gemini):

        async def config(what: str, **options: object) -> str:
            return await whisper(discord, "general", moderator, f"/config {what}", **options)

        assert "--ar 16:9" in await config("defaults", ratio="16:9")
        await config("spoiler", hide=True)
        thread, hidden = await begun(discord)
        assert shape(gemini.calls[0])[0] == "16:9"
        assert '"spoiler": true' in json.dumps(hidden["components"])
        await config("spoiler", hide=False)
        assert "mention" in await config("follow", replies="mention")
        await discord.say(thread, "bob", "make it night")
        await discord.say(thread, "bob", f"{mention(discord)} make it day")
        second = await answered(discord, thread, 2)
        assert prompts(gemini)[1:] == ["make it day"]
        assert '"spoiler": true' not in json.dumps(second["components"])


async def test_channels_roles_and_quotas_refuse_with_words(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin, moderator: str
) -> None:
    studio = discord.channel("painters", "studio")
    artists = discord.role("painters", "artists")
    async with running(tmp_path, discord, gemini) as app:

        async def config(what: str, **options: object) -> str:
            return await whisper(discord, "general", moderator, f"/config {what}", **options)

        async def imagine(user: str) -> str:
            return await whisper(discord, "general", user, "/imagine", prompt="a fox")

        allowed = await whisper(discord, studio, moderator, "/config channels", change="allow")
        assert f"<#{studio}>" in allowed
        assert "do not paint in this channel" in await imagine("ann")
        assert "do not paint in this channel" in await whisper(discord, "general", "ann", "/why")
        await config("channels", change="all")
        assert f"<@&{artists}>" in await config("roles", change="allow", role=artists)
        assert "members of some roles" in await imagine("ann")
        assert gemini.calls == []
        discord.join("painters", "ann", roles=["artists"])
        await config("quota", pictures=1)
        await imagined(discord)
        await settled(app, discord, "general")
        await discord.slash("general", "ann", "/imagine", prompt="one more")
        await discord.until(lambda: len(discord.threads("general")) == 2)
        refusal = await told(discord, discord.threads("general")[-1])
        assert "today" in said(refusal) or "day" in said(refusal)
        assert "1" in await config("show")
    assert gemini.billed == 1


# --- in time -------------------------------------------------------------------------------------


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the database as another program would."""
    connection = sqlite3.connect(folder / "data" / "threadpaint.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


async def test_every_gesture_is_acknowledged_in_time_while_the_database_is_locked(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin, moderator: str
) -> None:
    direct = discord.direct("ann")
    async with running(tmp_path, discord, gemini) as app:
        thread, answer = await begun(discord)
        await settled(app, discord, thread)
        with locked(tmp_path):
            async with asyncio.timeout(10):
                used = await asyncio.gather(
                    discord.slash("general", "ann", "/imagine", prompt="a hare"),
                    discord.slash("general", "bob", "/imagine", prompt="a cat", private=True),
                    discord.slash(direct, "ann", "/imagine", prompt="a boat"),
                    discord.slash(thread, "bob", "/edit", prompt="at night"),
                    discord.slash("general", "ann", "/settings", size="1K"),
                    discord.slash("general", moderator, "/config spoiler", hide=True),
                    discord.slash("general", "ann", "/usage"),
                    discord.click(answer, "tp:redo", "ann"),
                    discord.menu("Edit image", answer, "bob"),
                )
            await asyncio.sleep(2 - max(one.seconds for one in used))
        assert [one.failed for one in used] == [""] * len(used)
        assert max(one.seconds for one in used) < MOST_SECONDS
        await answered(discord, thread, 3)
        await answered(discord, direct)
        await discord.until(lambda: len(discord.threads("general")) == 2)
        await answered(discord, discord.threads("general")[-1])
        await discord.until(lambda: any(discord.pictures(one) for one in used[1].answers))
    assert gemini.billed == 6
