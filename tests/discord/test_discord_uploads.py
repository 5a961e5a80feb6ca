"""Pictures as files: in full where they fit, smaller where not, in order, never lost."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest
from PIL import Image

from adapters.discord import files_out
from adapters.discord.files_out import FLOOR, LIKELY, LIMITS, MARGIN, REQUEST, Files
from bot.chat import Post, Reply
from bot.errors import DeliveryError
from tests.discord.memory import Stage, buttons, connected, said
from tests.discord.test_discord_courier import Killed, killer
from tests.standins.discord import DiscordStandin, Fault
from tests.standins.pictures import jpeg, png, sniff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import discord as library

    from tests.standins.discord.values import Json

SEND = "channels/*/messages"
KB = 1_000


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandin]:
    async with DiscordStandin() as discord:
        yield discord
        assert discord.complaints == []


@pytest.fixture
async def stage(discord: DiscordStandin, tmp_path: Path) -> AsyncIterator[Stage]:
    async with connected(discord) as client:
        stage = Stage(discord, client, tmp_path)
        await stage.begin()
        yield stage


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A world in which files have thousands of bytes instead of millions."""
    monkeypatch.setattr(files_out, "FLOOR", 40 * KB)
    monkeypatch.setattr(files_out, "LIKELY", 200 * KB)
    monkeypatch.setattr(files_out, "SMALLEST", 2 * KB)


def noise(pixels: str = "L") -> bytes:
    """Make a PNG of grey dust, another one each time: some 90,000 bytes, with colours 220,000."""
    image = Image.effect_noise((300, 300), 90).convert(pixels)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def serve(stage: Stage, most: int) -> None:
    stage.discord.world.guilds[stage.guild].upload_bytes = most


def large(stage: Stage, *more: bytes) -> Reply:
    """Make an answer of a large picture, and more."""
    turn = stage.turn()
    files = (noise(), *more)
    pictures = [stage.picture(turn, data, choice) for choice, data in enumerate(files)]
    return Reply(text="", pictures=tuple(pictures))


def uploads(stage: Stage) -> list[list[tuple[str, int]]]:
    return [call.files for call in stage.discord.calls(SEND, "POST") if call.files]


async def test_pictures_come_byte_for_byte_with_their_description(
    stage: Stage, discord: DiscordStandin
) -> None:
    turn = stage.turn()
    alt_text = "A fox <@1> in the snow. " * 60
    pictures = (
        stage.picture(turn, png(8, 8), alt_text=alt_text),
        stage.picture(turn, jpeg(8, 8), 1, alt_text=""),
    )
    await stage.courier().deliver(turn, Reply(text="", pictures=pictures))
    [message] = stage.messages()
    assert discord.pictures(message) == [png(8, 8), jpeg(8, 8)]
    [call] = discord.calls(SEND, "POST")
    assert [name for name, _ in call.files] == [
        f"threadpaint-{turn.id}-1.png",
        f"threadpaint-{turn.id}-2.jpg",
    ]
    first, second = (file["description"] for file in call.arguments["attachments"])
    assert first.startswith("A fox <@1> in the snow.")
    assert (len(first), second) == (1024, "Picture")
    assert discord.pings == []


@pytest.mark.parametrize("hidden", [True, False])
async def test_pictures_are_hidden_where_the_server_wants_it(stage: Stage, *, hidden: bool) -> None:
    stage.hidden = hidden
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn, 2))
    assert all(
        name.startswith("SPOILER_") == hidden for [*files] in uploads(stage) for name, _ in files
    )
    stored = stage.discord.world.find(stage.messages()[0]["id"])
    assert stored is not None
    assert [file.spoiler for file in stored.attachments] == [hidden, hidden]


async def test_twelve_pictures_are_two_messages(stage: Stage, discord: DiscordStandin) -> None:
    turn = stage.turn()
    posts = await stage.courier().deliver(turn, stage.reply(turn, 12))
    first, second = stage.messages()
    assert (len(discord.pictures(first)), len(discord.pictures(second))) == (10, 2)
    assert [post.choice for post in posts] == list(range(12))
    assert posts[10] == Post(message_id=second["id"], choice=10)
    assert posts[11] == Post(message_id=f"{second['id']}:1", choice=11)


# Too large


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize("pixels", ["L", "RGB", "RGBA"])
async def test_a_picture_that_is_too_large_comes_smaller_and_says_so(
    stage: Stage, discord: DiscordStandin, pixels: str
) -> None:
    serve(stage, 40 * KB)
    turn = stage.turn()
    pictures = (stage.picture(turn, noise(pixels)), stage.picture(turn, png(8, 8), 1))
    reply = Reply(text="", pictures=pictures)
    posts = await stage.courier().deliver(turn, reply)
    [message] = stage.messages()
    small, original = discord.pictures(message)
    assert (sniff(small), len(small) <= 40 * KB) == ("image/jpeg", True)
    assert original == png(8, 8)
    assert "smaller copy" in said(message)
    assert f"tp:original:{turn.id}" in buttons(message)
    assert await stage.courier().deliver(turn, reply) == posts
    assert len(stage.sent()) == 1


@pytest.mark.usefixtures("limits")
async def test_what_a_server_takes_is_found_out_once(stage: Stage, discord: DiscordStandin) -> None:
    serve(stage, 40 * KB)
    for _ in range(3):
        await stage.courier().deliver(stage.turn(), large(stage))
    assert [call.code for call in discord.calls(SEND, "POST")] == [40005, 0, 0, 0]
    await stage.courier().tidy(stage.now() + timedelta(days=15))
    assert await stage.journal.read(LIMITS, stage.guild) is None


@pytest.mark.usefixtures("limits")
async def test_a_server_that_takes_more_gets_the_original(
    stage: Stage, discord: DiscordStandin
) -> None:
    reply = large(stage)
    await stage.courier().deliver(stage.turn(), reply)
    [message] = stage.messages()
    assert len(discord.pictures(message)[0]) == reply.pictures[0].blob.size
    assert "smaller copy" not in said(message)


@pytest.mark.usefixtures("limits")
async def test_what_one_server_takes_says_nothing_of_another(stage: Stage) -> None:
    serve(stage, 40 * KB)
    await stage.courier().deliver(stage.turn(), large(stage))
    stage.guild = stage.discord.guild("other")
    stage.channel = stage.discord.channel(stage.guild, "pictures")
    await stage.begin()
    await stage.courier().deliver(stage.turn(), large(stage))
    assert "smaller copy" not in said(stage.messages()[0])


@pytest.mark.usefixtures("limits")
async def test_a_server_that_takes_less_than_any_should_gets_a_still_smaller_copy(
    stage: Stage, discord: DiscordStandin
) -> None:
    serve(stage, 12 * KB)
    for _ in range(2):
        await stage.courier().deliver(stage.turn(), large(stage))
    codes = [call.code for call in discord.calls(SEND, "POST")]
    assert codes == [40005, 40005, 40005, 0, 0]
    assert all(len(discord.pictures(message)[0]) <= 12 * KB for message in stage.messages())


@pytest.mark.usefixtures("limits")
async def test_a_refusal_without_a_reason_is_not_remembered(
    stage: Stage, discord: DiscordStandin
) -> None:
    discord.plan(Fault(route=SEND, kind="413"))
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn, 1))
    assert stage.messages()
    assert await stage.journal.read(LIMITS, stage.guild) is None


@pytest.mark.usefixtures("limits")
async def test_where_no_file_is_taken_the_words_come_alone(
    stage: Stage, discord: DiscordStandin
) -> None:
    serve(stage, KB)
    turn = stage.turn()
    reply = large(stage)
    posts = await stage.courier().deliver(turn, reply)
    [message] = stage.messages()
    assert discord.pictures(message) == []
    assert "not even a small copy" in said(message)
    assert list(posts) == [Post(message_id=message["id"])]
    assert await stage.courier().deliver(turn, reply) == posts
    assert len(stage.sent()) == 1


@pytest.mark.usefixtures("limits")
async def test_a_broken_picture_that_is_too_large_costs_no_words(
    stage: Stage, discord: DiscordStandin
) -> None:
    serve(stage, 40 * KB)
    turn = stage.turn()
    picture = stage.picture(turn, noise())
    path = await stage.blobs.path(turn.thread.workspace, picture.blob.digest)
    path.write_bytes(path.read_bytes()[:60_000])
    await stage.courier().deliver(turn, Reply(text="A fox.", pictures=(picture,)))
    [message] = stage.messages()
    assert "A fox." in said(message)
    assert discord.pictures(message) == []


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize("at", [1, 2])
async def test_a_kill_between_the_sizes_doubles_nothing(stage: Stage, at: int) -> None:
    serve(stage, 40 * KB)
    turn, reply = stage.turn(), large(stage)
    write, seen = stage.journal.write, []

    async def write_or_die(kind: str, key: str, note: Json) -> None:
        seen.append(kind)
        if seen.count(LIMITS) + seen.count("discord.answer") - 1 == at:
            stage.journal.write = write  # type: ignore[method-assign]
            raise Killed
        await write(kind, key, note)

    stage.journal.write = write_or_die  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        await stage.courier().deliver(turn, reply)
    await stage.courier().deliver(turn, reply)
    [message] = stage.messages()
    assert "smaller copy" in said(message)


# More than a request takes


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch, discord: DiscordStandin) -> None:
    """Requests of 250,000 bytes at most."""
    monkeypatch.setattr(files_out, "REQUEST", 240 * KB)
    discord.knobs.request_bytes = 250 * KB


@pytest.mark.usefixtures("limits", "narrow")
@pytest.mark.parametrize("killed", [0, 1, 2])
async def test_what_is_too_much_for_a_request_is_several_messages_in_order(
    stage: Stage, discord: DiscordStandin, killed: int
) -> None:
    turn = stage.turn()
    files = [noise() for _ in range(5)]
    assert 82 * KB < min(map(len, files)) <= max(map(len, files)) < 120 * KB
    pictures = [stage.picture(turn, data, choice) for choice, data in enumerate(files)]
    reply = Reply(text="Five foxes.", pictures=tuple(pictures))
    if killed:
        left = [killed]

        def fault(point: str) -> None:
            left[0] -= 1
            if not left[0]:
                raise Killed

        with pytest.raises(Killed):
            await stage.courier(fault).deliver(turn, reply)
        discord.world.nonces.clear()
    posts = await stage.courier().deliver(turn, reply)
    messages = stage.messages()
    assert [data for message in messages for data in discord.pictures(message)] == files
    assert [len(discord.pictures(message)) for message in messages] == [2, 2, 1]
    assert [bool(buttons(message)) for message in messages] == [False, False, True]
    assert "Five foxes." in said(messages[-1])
    assert [post.choice for post in posts] == [0, 1, 2, 3, 4]
    assert [post.message_id for post in posts][::2] == [message["id"] for message in messages]


@pytest.mark.usefixtures("limits", "narrow")
async def test_a_limit_met_at_the_second_message_leaves_the_first_as_it_stands(
    stage: Stage, discord: DiscordStandin
) -> None:
    turn = stage.turn()
    files = [noise() for _ in range(4)]
    pictures = [stage.picture(turn, data, choice) for choice, data in enumerate(files)]

    def fault(point: str) -> None:
        serve(stage, 40 * KB)

    await stage.courier(fault).deliver(turn, Reply(text="", pictures=tuple(pictures)))
    first, second = stage.messages()
    assert discord.pictures(first) == files[:2]
    assert [len(data) <= 40 * KB for data in discord.pictures(second)] == [True, True]
    assert len(stage.sent()) == 2


async def test_files_of_the_real_size_go_out(stage: Stage, discord: DiscordStandin) -> None:
    """Not in small: 14 MB where 10 MiB are taken."""
    turn = stage.turn()
    rough = Image.effect_noise((3_600, 3_600), 200)
    file = io.BytesIO()
    rough.save(file, "PNG", compress_level=0)
    assert FLOOR < len(file.getvalue()) < LIKELY
    picture = stage.picture(turn, file.getvalue())
    await stage.courier().deliver(turn, Reply(text="", pictures=(picture,)))
    [message] = stage.messages()
    [shown] = discord.pictures(message)
    assert len(shown) <= FLOOR
    assert [call.code for call in discord.calls(SEND, "POST")] == [40005, 0]


async def test_words_that_came_alone_stay_alone_when_files_are_taken_again(
    stage: Stage, discord: DiscordStandin
) -> None:
    discord.plan(Fault(route=SEND, kind="413"))
    turn = stage.turn()
    with pytest.raises(Killed):
        await stage.courier(killer("discord.answer_posted")).deliver(turn, stage.reply(turn))
    discord.world.nonces.clear()
    posts = await stage.courier().deliver(turn, stage.reply(turn))
    assert stage.sent() == [post.message_id for post in posts]
    await stage.courier().erase(turn, ())
    assert stage.messages() == []


async def test_a_final_refusal_leaves_no_copy_behind(stage: Stage, discord: DiscordStandin) -> None:
    discord.knobs.automod = {"fox"}
    turn = stage.turn()
    with pytest.raises(DeliveryError):
        await stage.courier().deliver(turn, stage.reply(turn, text="A fox"))
    assert (await stage.journal.all("discord.answer")) == {}


class Guild:
    filesize_limit = 100 * 1024 * 1024


class Knowing:
    """A client that knows a boosted server."""

    def get_guild(self, guild: int) -> Guild | None:
        return Guild() if guild == 7 else None


async def test_what_a_server_is_said_to_take_is_tried(stage: Stage) -> None:
    client = cast("library.Client", Knowing())
    files = Files(client=client, blobs=stage.blobs, journal=stage.journal)
    assert await files.most("7") == REQUEST
    assert await files.most("8") == await files.most("") == LIKELY
    await files.learn("7", FLOOR)
    assert await files.most("7") == FLOOR
    assert REQUEST + MARGIN == 25 * 1024 * 1024
