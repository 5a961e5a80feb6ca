"""What a message of Discord's says, as discord.py makes it from the gateway's own JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
import pytest

from adapters.discord.reading import asked, deleted, edited, said, spoken
from adapters.discord.values import Asked, Deleted, DiscordFile, Edited, Ignored, Said
from tests.discord import objects as o
from tests.discord.objects import ANN, BOB, BOT, DIRECT, GUILD, NIGHT, OURS, OWN, TEXT

if TYPE_CHECKING:
    from tests.discord.objects import Client, Json

CALL = {"mentions": [o.user(BOT)]}


@pytest.fixture
async def client() -> Client:
    return o.client()


def read(client: Client, channel: str, text: str = "", **more: Any) -> Said:  # noqa: ANN401
    found = said(client.hear(channel, text, **more), OWN)
    assert isinstance(found, Said), found
    return found


def ids(found: Said) -> list[str]:
    return [file.id for file in found.files]


# Who and where


async def test_a_message_in_a_channel_says_who_spoke_and_where(client: Client) -> None:
    number = o.at(minutes=1)
    message = client.hear(TEXT, "a fox", id=number, roles=[o.MODERATORS], nick="Annie")
    assert said(message, OWN) == Said(
        guild=GUILD,
        channel=TEXT,
        kind="guild",
        id=str(number),
        user=ANN,
        user_name="Annie",
        roles=(o.MODERATORS,),
        text="a fox",
        sent_at=discord.utils.snowflake_time(number),
        moderator=True,
    )


@pytest.mark.parametrize(
    ("channel", "parent", "owner", "kind"),
    [
        (TEXT, TEXT, "", "guild"),
        (OURS, TEXT, BOT, "guild"),
        (o.THEIRS, TEXT, ANN, "guild"),
        (o.POST, o.FORUM, ANN, "forum"),
        (o.VOICE, o.VOICE, "", "voice"),
        (DIRECT, DIRECT, "", "dm"),
    ],
)
async def test_every_kind_of_place_is_named(
    client: Client, channel: str, parent: str, owner: str, kind: str
) -> None:
    found = read(client, channel, "a fox")
    assert (found.channel, found.owner_of_thread, found.kind) == (parent, owner, kind)
    assert (found.thread, found.place) == (channel if owner else "", channel)
    assert found.guild == ("" if kind == "dm" else GUILD)


async def test_an_age_restricted_channel_is_known_as_one(client: Client) -> None:
    assert read(client, NIGHT, "a fox").nsfw
    assert not read(client, TEXT, "a fox").nsfw


async def test_who_is_no_moderator_has_no_rights(client: Client) -> None:
    assert not read(client, OURS, "a fox").moderator
    assert read(client, OURS, "a fox", roles=[o.MODERATORS]).moderator
    assert read(client, TEXT, "a fox", author=BOB).moderator  # owns the server
    assert not read(client, DIRECT, "a fox").moderator


@pytest.mark.parametrize(
    "more",
    [
        {"author": BOT},
        {"author": o.OTHER_BOT},
        {"webhook_id": "777777777777777777"},
        {"type": 6},  # a message was pinned
        {"type": 7},  # somebody joined
        {"type": 18},  # a thread was opened
        {"type": 24},  # AutoMod
        {"type": 99},  # not known yet
        o.reply_to(o.fetched(TEXT, "a fox"), OURS, TEXT, kind=21),
    ],
)
async def test_what_no_person_said_is_left_alone(client: Client, more: Json) -> None:
    assert isinstance(said(client.hear(OURS, "a fox", **more), OWN), Ignored)


async def test_a_channel_that_is_not_known_is_left_alone(client: Client) -> None:
    found = said(client.hear("399999999999999999", "a fox", **CALL), OWN)
    assert isinstance(found, Ignored)
    assert "not known" in found.why


# What is said, and to whom


@pytest.mark.parametrize("text", [f"<@{BOT}> a fox", f"a fox, <@!{BOT}>"])
async def test_a_mention_speaks_to_the_bot(client: Client, text: str) -> None:
    found = read(client, TEXT, text, **CALL)
    assert (found.mention, found.text) == (True, text)


async def test_a_mention_of_the_bots_own_role_is_one_of_the_bot(client: Client) -> None:
    found = read(client, TEXT, f"<@&{o.OWN_ROLE}> a fox", mention_roles=[o.OWN_ROLE])
    assert (found.mention, found.text) == (True, f"<@{BOT}> a fox")


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("@everyone a fox", {"mention_everyone": True}),
        ("a fox", CALL),  # a reply that pings
        (f"`<@{BOT}>`", {}),  # code: Discord does not list it as a mention
        (f"<@&{o.MODERATORS}> a fox", {"mention_roles": [o.MODERATORS]}),
        (f"<@{ANN}> a fox", {"mentions": [o.user(ANN)]}),
    ],
)
async def test_what_only_looks_like_a_mention_is_none(
    client: Client, text: str, more: Json
) -> None:
    found = read(client, TEXT, text, **more)
    assert (found.mention, found.text) == (False, text)
    assert found.everyone_only == ("@everyone" in text)


async def test_a_mention_beside_everyone_counts(client: Client) -> None:
    found = read(client, TEXT, f"@everyone <@{BOT}> a fox", mention_everyone=True, **CALL)
    assert (found.mention, found.everyone_only) == (True, False)


async def test_the_names_of_all_that_is_mentioned_come_along(client: Client) -> None:
    text = f"<@{BOB}> <@&{o.MODERATORS}> <#{NIGHT}> a fox"
    mentioned = {**o.user(BOB), "member": o.member(nick="Bobby")}
    found = read(client, TEXT, text, mentions=[mentioned], mention_roles=[o.MODERATORS])
    assert found.names == {BOB: "Bobby", o.MODERATORS: "moderators", NIGHT: "c2"}


async def test_what_discord_hides_is_known_as_hidden(client: Client) -> None:
    assert read(client, OURS, "").empty
    assert not read(client, OURS, "a fox").empty
    assert not read(client, OURS, "", attachments=[o.picture(1)]).empty
    assert not read(client, OURS, "", sticker_items=[sticker("fox")]).empty


# Files


async def test_a_file_says_where_a_fresh_link_is_to_be_had(client: Client) -> None:
    number = o.at()
    found = read(client, OURS, "this", id=number, attachments=[o.picture(7, "cat.png")])
    assert found.files == (
        DiscordFile(
            id="7",
            name="cat.png",
            mime_type="image/png",
            size=75,
            url="https://cdn.discordapp.com/attachments/1/7/cat.png?ex=1&is=1&hm=1",
            channel=OURS,
            message=str(number),
        ),
    )


async def test_a_forwarded_message_brings_its_words_and_files(client: Client) -> None:
    number = o.at()
    forwarded = o.forwarding("a fox", attachments=[o.picture(7)])
    found = read(client, DIRECT, "", id=number, **forwarded)
    assert (found.text, ids(found), found.reply_to) == ("a fox", ["7"], None)
    assert (found.files[0].channel, found.files[0].message) == (DIRECT, str(number))


async def test_a_reply_brings_the_files_of_what_it_answers_after_its_own(client: Client) -> None:
    target = o.fetched(TEXT, "look", BOB, attachments=[o.picture(7), o.picture(8)])
    reply = o.reply_to(target, target["id"], TEXT)
    found = read(client, TEXT, "hats on", attachments=[o.picture(9), o.picture(8)], **reply)
    assert (found.reply_to, found.reply_is_own) == (target["id"], False)
    assert ids(found) == ["9", "8", "7"]
    assert [file.message for file in found.files] == [found.id, found.id, target["id"]]


async def test_a_reply_in_a_thread_to_the_message_above_knows_where_that_is(
    client: Client,
) -> None:
    above = o.fetched(TEXT, "look", BOB, id=OURS, attachments=[o.picture(7)])
    found = read(client, OURS, "bluer", **o.reply_to(above, OURS, TEXT))
    assert [(file.channel, file.message) for file in found.files] == [(TEXT, OURS)]


async def test_a_reply_to_a_forwarded_message_brings_that_ones_files(client: Client) -> None:
    target = o.fetched(TEXT, "", BOB, **o.forwarding(attachments=[o.picture(7)]))
    assert ids(read(client, TEXT, "bluer", **o.reply_to(target, target["id"], TEXT))) == ["7"]


async def test_a_reply_to_us_is_about_our_answer_and_not_its_files(client: Client) -> None:
    target = o.fetched(OURS, "", BOT, attachments=[o.picture(7)])
    found = read(client, OURS, "bluer", **CALL, **o.reply_to(target, target["id"], OURS))
    assert (found.reply_to, found.reply_is_own) == (target["id"], True)
    assert (found.files, found.mention) == ((), False)


async def test_a_reply_to_what_is_gone_still_says_to_what(client: Client) -> None:
    found = read(client, TEXT, "bluer", **o.reply_to(None, 5, TEXT))
    assert (found.reply_to, found.reply_is_own, found.files) == ("5", False, ())


async def test_pictures_in_the_frames_of_bots_are_found(client: Client) -> None:
    gallery = {"type": 12, "items": [{"media": o.media(7)}, {"media": o.media(0, "https://x.y/z")}]}
    thumbnail = {"type": 11, "media": o.media(8)}
    section = {"type": 9, "components": [{"type": 10, "content": "x"}], "accessory": thumbnail}
    file = {"type": 13, "file": o.media(9, kind="application/pdf")}
    container = {"type": 17, "components": [gallery, section, file]}
    target = o.fetched(TEXT, "", o.OTHER_BOT, flags=32768, components=[container])
    found = read(client, TEXT, "bluer", **o.reply_to(target, target["id"], TEXT))
    named = [(file.id, file.name, file.mime_type) for file in found.files]
    assert named == [
        ("7", "7 x.png", "image/png"),
        ("8", "8 x.png", "image/png"),
        ("9", "9 x.png", "application/pdf"),
    ]
    assert {file.message for file in found.files} == {target["id"]}


async def test_pictures_in_embeds_count_only_when_they_were_uploaded(client: Client) -> None:
    uploaded = o.picture(7, "cat.png")["url"]
    embeds = [
        {"type": "rich", "image": {"url": uploaded}},
        {"type": "rich", "image": {"url": "https://elsewhere.example/attachments/1/8/cat.png"}},
        {"type": "image", "image": {"url": o.picture(9)["url"]}},
        {"type": "rich", "title": "no picture"},
    ]
    target = o.fetched(TEXT, "", o.OTHER_BOT, embeds=embeds)
    found = read(client, TEXT, "bluer", **o.reply_to(target, target["id"], TEXT))
    assert [(file.id, file.name, file.url) for file in found.files] == [("7", "cat.png", uploaded)]


def sticker(name: str) -> Json:
    return {"id": "666666666666666666", "name": name, "format_type": 1}


async def test_every_file_that_cannot_be_used_is_named_with_the_reason(client: Client) -> None:
    voice = o.picture(1, "voice-message.ogg", "audio/ogg", duration_secs=2.5, waveform="AAAA")
    found = read(
        client,
        OURS,
        "like this",
        attachments=[
            o.picture(2, "clip.mp4", "video/mp4"),
            voice,
            o.picture(3, "song.mp3", "audio/mpeg"),
            o.picture(4, "cat.png"),
            o.picture(5, "notes.txt", "text/plain; charset=utf-8"),
            o.picture(6, "strange", None),
        ],
        sticker_items=[sticker("waving fox")],
    )
    assert ids(found) == ["4", "5", "6"]
    assert found.skipped == (
        "A voice message cannot be used. Write what you would like to see.",
        "The sticker waving fox cannot be used. Send a picture.",
        "clip.mp4 is a video, not a picture. Send PNG, JPEG, WebP, HEIC, GIF or PDF.",
        "song.mp3 is a sound file, not a picture. Send PNG, JPEG, WebP, HEIC, GIF or PDF.",
    )


async def test_what_is_more_than_ten_is_named(client: Client) -> None:
    target = o.fetched(TEXT, "", BOB, attachments=[o.picture(n) for n in range(20, 24)])
    found = read(
        client,
        TEXT,
        "all of it",
        attachments=[o.picture(n) for n in range(1, 9)],
        **o.reply_to(target, target["id"], TEXT),
    )
    assert ids(found) == [*map(str, range(1, 9)), "20", "21"]
    assert found.skipped == (
        "22.png was left out: 10 files at once are the most.",
        "23.png was left out: 10 files at once are the most.",
    )


# What somebody points at


async def test_the_message_that_a_thread_stands_on_is_read_where_it_is_shown(
    client: Client,
) -> None:
    above = o.fetched(TEXT, "look", BOB, id=OURS, attachments=[o.picture(7)])
    first = client.hear(OURS, author=BOB, **o.reply_to(above, OURS, TEXT, kind=21))
    found = spoken(first, OWN)
    assert isinstance(found, Said)
    assert (found.text, found.id, found.user, found.place) == ("look", OURS, BOB, OURS)
    assert [(file.channel, file.message) for file in found.files] == [(TEXT, OURS)]


async def test_a_thread_may_stand_on_a_message_that_is_gone(client: Client) -> None:
    first = client.hear(OURS, author=BOB, **o.reply_to(None, OURS, TEXT, kind=21))
    assert isinstance(spoken(first, OWN), Ignored)


@pytest.mark.parametrize("author", [BOT, o.OTHER_BOT, ANN])
async def test_a_picture_may_be_anybodys(client: Client, author: str) -> None:
    found = spoken(client.hear(TEXT, author=author, attachments=[o.picture(7)]), OWN)
    assert isinstance(found, Said)
    assert (ids(found), found.bot) == (["7"], author != ANN)


# What happens to messages afterwards


def change(client: Client, text: str, **more: Any) -> Edited | Ignored:  # noqa: ANN401
    given = {"edited_timestamp": o.NOON.isoformat(), "id": 7, **more}
    update = client.feed("MESSAGE_UPDATE", o.said(OURS, text, **given))
    assert isinstance(update, discord.RawMessageUpdateEvent)
    return edited(update.message, OWN)


async def test_an_edit_brings_the_new_words(client: Client) -> None:
    assert change(client, f"<@{BOT}> a cat", **CALL) == Edited(
        guild=GUILD,
        channel=TEXT,
        thread=OURS,
        owner_of_thread=BOT,
        id="7",
        user=ANN,
        text=f"<@{BOT}> a cat",
        names={BOT: "Painter"},
    )


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("https://x.y", {"edited_timestamp": None}),  # a link got its preview
        ("a cat", {"author": BOT}),
        ("a cat", {"author": o.OTHER_BOT}),
        ("", {}),  # hidden from us
    ],
)
async def test_other_changes_are_left_alone(client: Client, text: str, more: Json) -> None:
    assert isinstance(change(client, text, **more), Ignored)


async def test_what_is_deleted_is_named_with_its_place(client: Client) -> None:
    here = client.get_channel(int(OURS))
    gone = deleted(int(GUILD), int(OURS), {8, 7}, here)
    assert isinstance(gone, Deleted)
    assert (gone.channel, gone.thread, gone.ids) == (TEXT, OURS, ("7", "8"))
    direct = deleted(None, int(DIRECT), [7], None)
    assert isinstance(direct, Deleted)
    assert (direct.guild, direct.channel, direct.kind) == ("", DIRECT, "dm")
    assert isinstance(deleted(int(GUILD), 5, [7], None), Ignored)


# Commands, buttons and forms


def interaction(client: Client, **more: Any) -> Asked:  # noqa: ANN401
    data = {
        "id": str(o.at(minutes=1)),
        "application_id": BOT,
        "type": 2,
        "token": "secret",
        "version": 1,
        "guild_id": GUILD,
        "channel": {"id": OURS, "type": 11},
        "channel_id": OURS,
        "member": {"user": o.user(ANN), **o.member(o.MODERATORS), "permissions": str(1 << 13)},
        "locale": "de",
        "app_permissions": "0",
        "attachment_size_limit": 10485760,
        "entitlements": [],
        "authorizing_integration_owners": {"0": GUILD},
        "context": 0,
        "data": {"id": "9", "name": "help", "type": 1},
        **more,
    }
    return asked(client.feed("INTERACTION_CREATE", data))


async def test_a_command_in_a_thread_says_who_asks_and_where(client: Client) -> None:
    found = interaction(client, id=str(int(o.at(minutes=1))))
    assert (found.guild, found.channel, found.thread, found.kind) == (GUILD, TEXT, OURS, "guild")
    assert (found.user, found.user_name, found.roles) == (ANN, "Ann", (o.MODERATORS,))
    assert (found.moderator, found.user_app, found.locale) == (True, False, "de")
    assert (found.application, found.token, found.size_limit) == (BOT, "secret", 10485760)
    assert found.sent_at == discord.utils.snowflake_time(int(found.id))


@pytest.mark.parametrize(
    ("context", "owners", "user_app"), [(1, {"1": ANN}, False), (2, {"1": ANN}, True)]
)
async def test_in_direct_messages_it_matters_whose_they_are(
    client: Client, context: int, owners: Json, *, user_app: bool
) -> None:
    direct = {"id": DIRECT, "type": 1, "recipients": [o.user(BOB)]}
    found = interaction(
        client,
        guild_id=None,
        member=None,
        user=o.user(ANN),
        channel=direct,
        context=context,
        authorizing_integration_owners=owners,
    )
    assert (found.guild, found.channel, found.kind) == ("", DIRECT, "dm")
    assert (found.user_app, found.moderator) == (user_app, False)


async def test_a_person_may_bring_the_bot_to_a_server_that_has_it_not(client: Client) -> None:
    found = interaction(
        client,
        guild_id="299999999999999999",
        guild={"id": "299999999999999999", "features": [], "locale": "en-US"},
        channel={"id": "399999999999999999", "type": 0, "name": "x", "position": 0},
        authorizing_integration_owners={"1": ANN},
    )
    assert (found.guild, found.channel) == ("299999999999999999", "399999999999999999")
    assert found.user_app
