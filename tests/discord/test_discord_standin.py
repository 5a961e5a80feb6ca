"""The stand-in for Discord refuses what Discord refuses; its caller here is the real library."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands, ui
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.standins.discord import DiscordFile, DiscordStandin, Fault
from tests.standins.pictures import png

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator, Awaitable, Callable

Json = dict[str, Any]
Painter = discord.Interaction[discord.Client]
PICTURE = png(8, 6, "a cat")
MENTIONS: Json = {"parse": []}
TEXT: Json = {"type": 10, "content": "done"}
BUTTON: Json = {"type": 2, "style": 2, "label": "Redo", "custom_id": "tp:redo:1"}
ROW: Json = {"type": 1, "components": [BUTTON]}


def gallery(*names: str) -> Json:
    items = [{"media": {"url": f"attachment://{name}"}, "description": "alt"} for name in names]
    return {"type": 12, "items": items}


@pytest.fixture
async def there(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordStandin]:
    """A server with the channel general, and ann and bob."""
    async with DiscordStandin() as standin:
        point(monkeypatch, standin)
        standin.guild("painters")
        standin.channel("painters", "general")
        for name in ("ann", "bob"):
            standin.person(name)
        yield standin


def point(monkeypatch: pytest.MonkeyPatch, standin: DiscordStandin) -> None:
    environment = standin.environment()
    monkeypatch.setattr(Route, "BASE", environment["DISCORD_API_URL"])
    url = yarl.URL(environment["DISCORD_GATEWAY_URL"])
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", url)


class Client(discord.Client):
    """The real client with a command tree; heard: the messages of others."""

    def __init__(self, *, content: bool = True) -> None:
        intents = discord.Intents.default()
        intents.message_content = content
        super().__init__(
            intents=intents,
            guild_ready_timeout=0.0,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.used: list[Painter] = []
        self.answer: Callable[[Painter], Awaitable[object]] | None = None

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait 5 seconds before each IDENTIFY but the first."""

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.heard.append(message)

    async def on_interaction(self, interaction: Painter) -> None:
        self.used.append(interaction)
        if self.answer:
            await self.answer(interaction)

    async def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Send what the library itself would not."""
        more: Json = {} if body is None else {"json": body}
        return await self.http.request(Route(method, path), **more)

    async def post(self, channel: str, body: Json) -> Json:
        made: Json = await self.call("POST", f"/channels/{channel}/messages", body)
        return made


@asynccontextmanager
async def running(
    standin: DiscordStandin, *, content: bool = True, client: Client | None = None
) -> AsyncIterator[Client]:
    client = client or Client(content=content)
    task = asyncio.create_task(client.start(standin.token))
    try:
        await standin.until(client.is_ready)
        yield client
    finally:
        await client.close()
        await task


@asynccontextmanager
async def logged_in(standin: DiscordStandin) -> AsyncIterator[Client]:
    """A client without a gateway."""
    client = Client()
    await client.login(standin.token)
    try:
        yield client
    finally:
        await client.close()


async def refused(call: Awaitable[object]) -> tuple[int, int]:
    with pytest.raises(discord.HTTPException) as caught:
        await call
    return caught.value.status, caught.value.code


def data_of(interaction: Painter) -> Json:
    """What the interaction says, without the library's types."""
    return dict(interaction.data or {})


def id_of(standin: DiscordStandin, name: str = "general") -> str:
    return standin.world.place(name).id


def channel_of(client: Client, standin: DiscordStandin) -> discord.TextChannel:
    found = client.get_channel(int(id_of(standin)))
    assert isinstance(found, discord.TextChannel)
    return found


def file(name: str = "out.png", data: bytes = PICTURE) -> discord.File:
    return discord.File(io.BytesIO(data), name, description="a cat")


async def a_command(client: Client) -> None:
    """Register /imagine with everything that the tests give it."""

    @client.tree.command(name="imagine", description="Paint")
    @app_commands.choices(ratio=[app_commands.Choice(name=r, value=r) for r in ("1:1", "16:9")])
    async def imagine(
        interaction: Painter,
        prompt: app_commands.Range[str, 1, 50],
        ratio: str = "1:1",
        image: discord.Attachment | None = None,
    ) -> None:
        """The tests answer in on_interaction."""

    @client.tree.context_menu(name="Edit image")
    async def edit_image(interaction: Painter, message: discord.Message) -> None:
        """The tests answer in on_interaction."""

    await client.tree.sync()


# --- the gateway ---------------------------------------------------------------------------------


async def test_a_client_logs_in_and_is_ready(there: DiscordStandin) -> None:
    async with running(there) as client:
        assert client.user is not None
        assert str(client.user.id) == there.bot_user
        assert channel_of(client, there).name == "general"
        assert client.guilds[0].me.guild_permissions.attach_files
        assert not client.guilds[0].me.guild_permissions.manage_messages
    assert (there.identifies, there.connections, there.complaints) == (1, 0, [])


async def test_a_wrong_token_is_refused_by_rest_and_by_the_gateway(there: DiscordStandin) -> None:
    client = Client()
    with pytest.raises(discord.LoginFailure):
        await client.login("wrong")
    await client.close()
    client = Client()
    await client.login(there.token)
    client.http.token = "wrong"
    with pytest.raises(discord.ConnectionClosed) as closed:
        await client.connect()
    assert closed.value.code == 4004
    await client.close()


async def test_an_intent_that_the_portal_does_not_grant_is_4014(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with DiscordStandin(message_content=False) as standin:
        point(monkeypatch, standin)
        client = Client()
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await client.start(standin.token)
        await client.close()
        assert standin.identifies == 1


@pytest.mark.parametrize("kind", ["cut", "reconnect", 4000, 1000])
async def test_a_lost_connection_is_resumed_and_what_was_missed_comes_then(
    there: DiscordStandin, kind: str | int
) -> None:
    async with running(there) as client:
        there.disconnect(kind)
        await there.say("general", "ann", "while you were away")
        await there.until(lambda: client.heard)
        assert (there.identifies, there.resumes) == (1, 1)
        await there.say("general", "ann", "and now")
        await there.until(lambda: len(client.heard) == 2)


@pytest.mark.parametrize("how", ["invalid", "4009"])
async def test_an_ended_session_means_a_new_identify_and_no_replay(
    there: DiscordStandin, how: str
) -> None:
    async with running(there) as client:
        if how == "invalid":
            there.invalidate()
        else:
            there.disconnect(4009)
        await there.say("general", "ann", "never heard")
        await there.until(lambda: there.identifies == 2 and there.connections)
        await there.say("general", "ann", "heard")
        await there.until(lambda: client.heard)
        assert [message.content for message in client.heard] == ["heard"]


async def test_a_restarted_process_never_gets_what_it_missed(there: DiscordStandin) -> None:
    async with running(there):
        pass
    await there.say("general", "ann", "missed")
    async with running(there) as client:
        await there.say("general", "ann", "heard")
        await there.until(lambda: client.heard)
        assert [message.content for message in client.heard] == ["heard"]
        found = [message async for message in channel_of(client, there).history(limit=5)]
        assert [message.content for message in found] == ["heard", "missed"]


async def test_a_resume_may_bring_a_message_twice(there: DiscordStandin) -> None:
    there.gateway.duplicate_on_resume = 1
    async with running(there) as client:
        await there.say("general", "ann", "once")
        await there.until(lambda: client.heard)
        there.disconnect("cut")
        await there.until(lambda: len(client.heard) == 2)
        assert client.heard[0].id == client.heard[1].id


async def test_ready_can_be_late_and_a_connect_can_fail(there: DiscordStandin) -> None:
    there.knobs.ready_delay = 0.2
    there.plan(Fault(route="gateway", kind="503"))
    client = Client()
    await client.login(there.token)
    with pytest.raises(AttributeError):  # the library's own defect at the very first connect
        await client.connect()
    await client.close()
    async with running(there) as again:
        assert again.is_ready()


async def test_too_many_identifies_reset_the_token(there: DiscordStandin) -> None:
    there.knobs.identify_limit = 1
    async with running(there) as client:
        assert (await client.call("GET", "/gateway/bot"))["session_start_limit"]["remaining"] == 0
    client = Client()
    with pytest.raises(discord.ConnectionClosed) as closed:
        await client.start(there.token)
    await client.close()
    assert closed.value.code == 4004
    assert "the token was reset" in there.complaints[0]


# --- message content -----------------------------------------------------------------------------


async def test_without_the_intent_only_what_concerns_the_bot_has_content(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with DiscordStandin(message_content=False) as there:
        point(monkeypatch, there)
        there.guild("painters")
        general = there.channel("painters", "general")
        ann = there.person("ann")
        picture = DiscordFile(name="in.png", data=PICTURE)
        async with running(there, content=False) as client:
            posted = await client.post(general, {"content": "a picture"})
            await a_command(client)

            async def respond(interaction: Painter) -> None:
                await interaction.response.send_message("an answer")

            client.answer = respond
            used = await there.slash(general, ann, "/imagine", prompt="a cat")
            says = [
                ({"text": "plain", "files": [picture]}, False),
                ({"text": f"<@{there.bot_user}> mention", "files": [picture]}, True),
                ({"text": "reply", "reply_to": posted}, True),
                ({"text": "quiet reply", "reply_to": posted, "ping": False}, False),
                ({"text": "reply to an interaction", "reply_to": used.answers[0]}, False),
            ]
            for words, _ in says:
                await there.say(general, ann, **words)  # type: ignore[arg-type]
            await there.say(there.direct(ann), ann, "direct")
            await there.until(lambda: len(client.heard) == 6)
            seen = [bool(message.content) for message in client.heard]
            assert seen == [full for _, full in says] + [True]
            assert [len(message.attachments) for message in client.heard[:2]] == [0, 1]
            found = [m async for m in channel_of(client, there).history(oldest_first=True)]
            assert [m.content for m in found if not m.author.bot][:2] == [
                "",
                f"<@{there.bot_user}> mention",
            ]
            target = there.messages(general)[2]
            await there.menu("Edit image", target, ann)
            resolved = data_of(client.used[-1])["resolved"]["messages"]
            assert resolved[target["id"]]["attachments"][0]["filename"] == "in.png"


# --- posting -------------------------------------------------------------------------------------


async def test_a_mention_is_answered_with_a_file_in_a_thread(there: DiscordStandin) -> None:
    async with running(there) as client:
        asked = await there.say(
            "general",
            "ann",
            f"<@{there.bot_user}> a cat",
            files=[DiscordFile(name="i.png", data=PICTURE)],
        )
        await there.until(lambda: client.heard)
        heard = client.heard[0]
        assert await heard.attachments[0].read() == PICTURE
        thread = await heard.create_thread(name="A cat")
        assert str(thread.id) == asked["id"] == there.thread_of(asked)
        assert await refused(heard.create_thread(name="again")) == (400, 160004)
        sent = await thread.send("done", file=file())
        answer = there.messages(str(thread.id))[-1]
        assert (answer["id"], answer["content"]) == (str(sent.id), "done")
        assert answer["attachments"][0]["description"] == "a cat"
        assert there.pictures(answer) == [PICTURE]
        assert await sent.attachments[0].read() == PICTURE
    assert (there.complaints, there.leaks, there.pings) == ([], [], [])


async def test_the_same_nonce_gives_the_same_message_for_a_few_minutes(
    there: DiscordStandin,
) -> None:
    general = id_of(there)
    body = {"content": "once", "nonce": "a1", "enforce_nonce": True}
    async with logged_in(there) as client:
        first = await client.post(general, body)
        assert (await client.post(general, body))["id"] == first["id"]
        assert await refused(client.post(general, {**body, "nonce": "n" * 26})) == (400, 50035)
        await there.delete(first)
        assert await refused(client.post(general, body)) == (404, 10008)
        there.knobs.nonce_seconds = 0
        again = await client.post(general, body)
        assert (await client.post(general, body))["id"] != again["id"] != first["id"]
        history = await client.call("GET", f"/channels/{general}/messages")
        assert not any("nonce" in message for message in history)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, (400, 50006)),
        ({"content": "x" * 2001}, (400, 50035)),
        ({"embeds": [{"description": "x" * 4097}]}, (400, 50035)),
        ({"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]}, (400, 50035)),
        ({"content": "x", "flags": 32768, "components": [TEXT]}, (400, 50035)),
        ({"flags": 32768, "components": []}, (400, 50006)),
        ({"components": [TEXT]}, (400, 50035)),
        ({"flags": 32768, "components": [{**TEXT, "content": "x" * 2001}] * 2}, (400, 50035)),
        ({"flags": 32768, "components": [TEXT] * 41}, (400, 50035)),
        (
            {"flags": 32768, "components": [{"type": 17, "components": [TEXT] * 20}] * 2},
            (400, 50035),
        ),
        ({"flags": 32768, "components": [gallery("nothing.png")]}, (400, 50035)),
        ({"flags": 32768, "components": [{"type": 12, "items": []}]}, (400, 50035)),
        ({"content": "x", "components": [ROW, ROW]}, (400, 50035)),
        ({"content": "x", "components": [{**ROW, "components": [BUTTON] * 6}]}, (400, 50035)),
        (
            {
                "content": "x",
                "components": [{**ROW, "components": [{**BUTTON, "label": "x" * 81}]}],
            },
            (400, 50035),
        ),
        (
            {
                "content": "x",
                "components": [{**ROW, "components": [{**BUTTON, "custom_id": "x" * 101}]}],
            },
            (400, 50035),
        ),
        ({"content": "x", "message_reference": {"message_id": "1"}}, (400, 50035)),
        ({"content": "x", "attachments": [{"id": 0, "filename": "none.png"}]}, (400, 50035)),
        ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, (400, 50035)),
        ({"content": "a Forbidden word"}, (400, 200000)),
    ],
)
async def test_a_message_that_discord_refuses_is_refused(
    there: DiscordStandin, body: Json, answer: tuple[int, int]
) -> None:
    there.knobs.automod = {"forbidden"}
    async with logged_in(there) as client:
        assert await refused(client.post(id_of(there), body)) == answer
    assert there.messages("general") == []


async def test_components_show_files_that_attachments_then_do_not_list(
    there: DiscordStandin,
) -> None:
    async with running(there) as client:
        view = ui.LayoutView()
        inside = ui.Container[ui.LayoutView](ui.TextDisplay("**done**"))
        item = discord.MediaGalleryItem("attachment://out.png", description="a cat")
        inside.add_item(ui.MediaGallery(item))
        inside.add_item(ui.ActionRow(ui.Button(label="Redo", custom_id="tp:redo:1")))
        view.add_item(inside)
        sent = await channel_of(client, there).send(view=view, files=[file()])
        assert sent.attachments == []
        assert there.pictures(str(sent.id)) == [PICTURE]
        media = there.messages("general")[0]["components"][0]["components"][1]["items"][0]["media"]
        async with aiohttp.ClientSession() as web, web.get(media["url"]) as response:
            assert await response.read() == PICTURE
        assert there.complaints == []
        kept = await sent.edit(view=view)
        assert there.pictures(str(kept.id)) == [PICTURE]
        assert await refused(client.call("PATCH", path_of(sent), {"content": "x"})) == (400, 50035)
        await sent.edit(view=view, attachments=[file(), file("hidden.png")])
        assert there.complaints == [
            "nobody sees hidden.png: no component of the message refers to it"
        ]


def path_of(message: discord.Message) -> str:
    return f"/channels/{message.channel.id}/messages/{message.id}"


async def test_files_that_are_too_large_or_too_many_are_refused(there: DiscordStandin) -> None:
    there.knobs.upload_bytes = 1000
    async with running(there) as client:
        channel = channel_of(client, there)
        assert await refused(channel.send(file=file(data=bytes(1001)))) == (413, 40005)
        await channel.send(file=file(data=bytes(1000)))
        eleven = [file(f"{n}.png", b"x") for n in range(11)]
        assert await refused(channel.send(files=eleven)) == (400, 30015)
        there.world.guilds[str(channel.guild.id)].upload_bytes = 5000
        await channel.send(file=file(data=bytes(5000)))
        there.knobs.request_bytes = 4000
        assert await refused(channel.send(file=file(data=bytes(5000)))) == (413, 40005)
    assert there.calls("channels/*/messages", "POST")[0].files == [("out.png", 1001)]


async def test_pings_that_got_out_are_noted(there: DiscordStandin) -> None:
    ann, general = there.world.person("ann").id, id_of(there)
    asked = await there.say("general", "ann", "hello")
    async with logged_in(there) as client:
        words = f"<@{ann}> @everyone"
        reply = {"message_reference": {"message_id": asked["id"]}}
        await client.post(general, {"content": words, "allowed_mentions": MENTIONS, **reply})
        view = {"flags": 32768, "components": [{**TEXT, "content": words}]}
        await client.post(general, {**view, "allowed_mentions": MENTIONS})
        assert there.pings == []
        await client.post(general, {"content": words})
        assert there.pings == [f"<@{ann}>", "@everyone"]
        await client.post(general, {**view, "allowed_mentions": {"parse": ["everyone"]}})
        await client.post(general, {"content": "yes", **reply})
        assert there.pings[2:] == ["@everyone", f"<@{ann}>"]


async def test_links_expire_and_a_fresh_message_has_fresh_ones(there: DiscordStandin) -> None:
    async with running(there) as client:
        sent = await channel_of(client, there).send(file=file())
        there.expire_links()
        with pytest.raises(discord.NotFound):
            await sent.attachments[0].read()
        fresh = await channel_of(client, there).fetch_message(sent.id)
        assert await fresh.attachments[0].read() == PICTURE
        url = fresh.attachments[0].url
        async with aiohttp.ClientSession() as web:
            async with web.get(url.replace("hm=", "hm=0")) as response:
                assert (response.status, await response.text()) == (
                    404,
                    "This content is no longer available.",
                )
            async with web.get(url, headers={"Authorization": "Bot x"}) as response:
                await response.read()
        assert len(there.leaks) == 1
        there.knobs.link_seconds = -1
        old = await channel_of(client, there).fetch_message(sent.id)
        with pytest.raises(discord.NotFound):
            await old.attachments[0].read()
        await sent.delete()
        with pytest.raises(discord.NotFound):
            await fresh.attachments[0].read()


# --- rights, threads, forums ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("denied", "answer"),
    [
        ("VIEW_CHANNEL", (403, 50001)),
        ("SEND_MESSAGES", (403, 50013)),
        ("ATTACH_FILES", (403, 50013)),
        ("READ_MESSAGE_HISTORY", (403, 160002)),
    ],
)
async def test_a_missing_permission_is_a_403_with_its_code(
    there: DiscordStandin, denied: str, answer: tuple[int, int]
) -> None:
    async with running(there) as client:
        asked = await there.say("general", "ann", "hello")
        channel = channel_of(client, there)
        there.permissions("general", deny=[denied])
        ask = channel.get_partial_message(int(asked["id"]))
        assert await refused(channel.send("x", file=file(), reference=ask)) == answer
        assert there.invalid_requests == 1
        there.permissions("general", allow=[denied])
        await channel.send("x", file=file(), reference=ask)
    assert len(there.messages("general")) == 2


async def test_what_the_bot_cannot_see_it_does_not_hear(there: DiscordStandin) -> None:
    there.channel("painters", "secret", deny=["VIEW_CHANNEL"])
    async with running(there) as client:
        await there.say("secret", "ann", "psst")
        await there.say("general", "ann", "hello")
        await there.until(lambda: client.heard)
        assert [message.content for message in client.heard] == ["hello"]


async def test_threads_have_rights_of_their_own(there: DiscordStandin) -> None:
    async with running(there) as client:
        asked = await there.say("general", "ann", "hello")
        message = channel_of(client, there).get_partial_message(int(asked["id"]))
        there.permissions("general", deny=["CREATE_PUBLIC_THREADS"])
        assert await refused(message.create_thread(name="no")) == (403, 50013)
        there.permissions(
            "general", allow=["CREATE_PUBLIC_THREADS"], deny=["SEND_MESSAGES_IN_THREADS"]
        )
        thread = await message.create_thread(name="yes")
        assert await refused(thread.send("x")) == (403, 50013)
        there.permissions("general", allow=["SEND_MESSAGES_IN_THREADS"], deny=["SEND_MESSAGES"])
        await thread.send("x")
        assert await refused(channel_of(client, there).send("x")) == (403, 50013)


async def test_an_archived_thread_takes_messages_but_no_edits_and_a_locked_one_nothing(
    there: DiscordStandin,
) -> None:
    async with running(there) as client:
        asked = await there.say("general", "ann", "hello")
        message = channel_of(client, there).get_partial_message(int(asked["id"]))
        thread = await message.create_thread(name="t", auto_archive_duration=60)
        sent = await thread.send("one")
        there.archive(str(thread.id))
        assert await refused(sent.edit(content="two")) == (400, 50083)
        assert await refused(sent.add_reaction("👍")) == (400, 50083)
        await thread.send("wakes it")
        await sent.edit(content="two")
        await there.until(lambda: not thread.archived)
        there.lock(str(thread.id))
        assert await refused(thread.send("x")) == (403, 160005)
        with pytest.raises(AssertionError, match="locked"):
            await there.say(str(thread.id), "ann", "me too")
        assert await refused(thread.edit(archived=False)) == (403, 50013)
    first = there.messages(str(thread.id))[0]
    assert (first["type"], first["content"]) == (21, "")
    assert first["referenced_message"]["content"] == "hello"
    assert there.message(asked["id"])["flags"] == 32


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"name": ""}, (400, 50035)),
        ({"name": "x" * 101}, (400, 50035)),
        ({"name": "ok", "auto_archive_duration": 61}, (400, 50035)),
        ({"name": "a forbidden title"}, (400, 200001)),
    ],
)
async def test_a_thread_that_discord_refuses_is_refused(
    there: DiscordStandin, body: Json, answer: tuple[int, int]
) -> None:
    there.knobs.automod = {"forbidden"}
    asked = await there.say("general", "ann", "hello")
    path = f"/channels/{id_of(there)}/messages/{asked['id']}/threads"
    async with logged_in(there) as client:
        assert await refused(client.call("POST", path, body)) == answer
        there.knobs.active_threads = 0
        assert await refused(client.call("POST", path, {"name": "ok"})) == (400, 160006)


async def test_a_forum_wants_a_tag_and_its_first_message_has_the_id_of_the_thread(
    there: DiscordStandin,
) -> None:
    there.channel("painters", "art", forum=True, tags=["cats"], needs_tag=True)
    async with running(there) as client:
        forum = client.get_channel(int(id_of(there, "art")))
        assert isinstance(forum, discord.ForumChannel)
        assert await refused(forum.create_thread(name="x", content="x")) == (400, 40067)
        made = await forum.create_thread(
            name="x", content="x", file=file(), applied_tags=forum.available_tags
        )
        assert made.thread.id == made.message.id
        assert await refused(client.post(id_of(there, "art"), {"content": "x"})) == (400, 50008)
        post = await there.post("art", "ann", "Cats", f"<@{there.bot_user}> more", tags=["cats"])
        await there.until(lambda: client.heard)
        heard = client.heard[0]
        assert str(heard.id) == post == str(heard.channel.id)
        await heard.reply("yes", mention_author=False)
    assert (there.complaints, there.pings) == ([], [])


async def test_direct_messages_are_refused_where_the_person_is_closed(
    there: DiscordStandin,
) -> None:
    there.person("shy", dm_open=False)
    async with running(there) as client:
        await there.say(there.direct("ann"), "ann", "hello")
        await there.until(lambda: client.heard)
        assert client.heard[0].guild is None
        await client.heard[0].reply("hi")
        shy = await client.fetch_user(int(there.world.person("shy").id))
        assert await refused(shy.send("hi")) == (403, 50007)
    assert [m["content"] for m in there.messages(there.direct("ann"))] == ["hello", "hi"]


async def test_what_is_not_there_or_not_ours_is_refused(there: DiscordStandin) -> None:
    general = id_of(there)
    asked = await there.say("general", "ann", "hello")
    there.guild("strangers", bot=False)
    secret = there.channel("strangers", "secret")
    async with logged_in(there) as client:
        path = f"/channels/{general}/messages"
        assert await refused(client.post("1", {"content": "x"})) == (404, 10003)
        assert await refused(client.post(secret, {"content": "x"})) == (403, 50001)
        assert await refused(client.call("GET", f"{path}/1")) == (404, 10008)
        patch = client.call("PATCH", f"{path}/{asked['id']}", {"content": "x"})
        assert await refused(patch) == (403, 50005)
        delete = client.call("DELETE", f"{path}/{asked['id']}")
        assert await refused(delete) == (403, 50013)
        there.permissions("general", allow=["MANAGE_MESSAGES"])
        await client.call("DELETE", f"{path}/{asked['id']}")
        assert there.messages("general") == []
        assert await refused(client.call("GET", "/no/such/thing")) == (404, 0)
    assert there.complaints == ["there is no GET no/such/thing"]


async def test_history_can_be_read_from_every_side(there: DiscordStandin) -> None:
    for number in range(6):
        await there.say("general", "ann", str(number), age=100 - number)
    marks = there.messages("general")
    async with logged_in(there) as client:

        async def read(query: str) -> str:
            found = await client.call("GET", f"/channels/{id_of(there)}/messages?{query}")
            return "".join(message["content"] for message in found)

        assert await read("limit=2") == "54"
        assert await read(f"limit=2&before={marks[3]['id']}") == "21"
        assert await read(f"limit=2&after={marks[3]['id']}") == "54"
        assert await read(f"limit=2&after={marks[1]['id']}") == "32"
        assert await read(f"limit=3&around={marks[3]['id']}") == "432"
        there.permissions("general", deny=["READ_MESSAGE_HISTORY"])
        assert await read("limit=2") == ""


async def test_a_forward_has_its_contents_in_a_snapshot(there: DiscordStandin) -> None:
    async with running(there) as client:
        picture = DiscordFile(name="in.png", data=PICTURE)
        said = await there.say("general", "ann", "look", files=[picture])
        await there.say("general", "bob", forward=said)
        await there.until(lambda: len(client.heard) == 2)
        heard = client.heard[1]
        assert (heard.content, heard.attachments) == ("", [])
        assert heard.message_snapshots[0].content == "look"
        assert await heard.message_snapshots[0].attachments[0].read() == PICTURE


async def test_the_bot_hears_of_edits_deletions_and_reactions(there: DiscordStandin) -> None:
    async with running(there) as client:
        said = await there.say("general", "ann", "hello")
        waits = {
            "raw_message_edit": there.edit(said, "goodbye"),
            "raw_reaction_add": there.react(said, "bob", "👍"),
            "raw_message_delete": there.delete(said),
        }
        for event, act in waits.items():
            heard = asyncio.create_task(client.wait_for(event, timeout=5))
            await asyncio.sleep(0)
            await act
            assert (await heard).message_id == int(said["id"])


async def test_the_bot_hears_of_servers_and_channels_that_come_and_go(
    there: DiscordStandin,
) -> None:
    async with running(there) as client:
        fresh = there.guild("fresh")
        place = there.channel("fresh", "hall", nsfw=True, deny=["SEND_MESSAGES"])
        await there.until(lambda: client.get_channel(int(place)))
        hall = client.get_channel(int(place))
        assert isinstance(hall, discord.TextChannel)
        assert hall.is_nsfw()
        assert not hall.permissions_for(hall.guild.me).send_messages
        there.permissions(place, allow=["SEND_MESSAGES"])
        await there.until(lambda: hall.permissions_for(hall.guild.me).send_messages)
        there.remove_channel(place)
        await there.until(lambda: client.get_channel(int(place)) is None)
        there.leave("fresh", there.bot_user)
        await there.until(lambda: client.get_guild(int(fresh)) is None)
        assert await refused(client.call("GET", f"/guilds/{fresh}")) == (404, 10004)


async def test_members_and_roles_can_be_asked_for(there: DiscordStandin) -> None:
    there.role("painters", "artists")
    there.join("painters", "ann", roles=["artists"], nick="Annie")
    async with running(there) as client:
        guild = client.guilds[0]
        ann = await guild.fetch_member(int(there.world.person("ann").id))
        assert (ann.display_name, ann.roles[-1].name) == ("Annie", "artists")
        bob = guild.fetch_member(int(there.world.person("bob").id))
        assert await refused(bob) == (404, 10007)
        everyone = client.call("GET", f"/guilds/{guild.id}/members")
        assert await refused(everyone) == (403, 50001)
        assert [role.name for role in await guild.fetch_roles()][-1] == "artists"


# --- commands ------------------------------------------------------------------------------------


OPTION: Json = {"type": 3, "name": "prompt", "description": "What to paint"}
COMMAND: Json = {"name": "imagine", "description": "Paint", "options": [OPTION]}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Imagine"},
        {"name": "x" * 33},
        {"description": ""},
        {"description": "x" * 101},
        {"options": [{**OPTION, "name": f"o{n}"} for n in range(26)]},
        {"options": [OPTION, OPTION]},
        {"options": [OPTION, {**OPTION, "name": "b", "required": True}]},
        {
            "options": [
                {**OPTION, "choices": [{"name": f"{n}", "value": f"{n}"} for n in range(26)]}
            ]
        },
        {"options": [{**OPTION, "choices": [{"name": "a", "value": "a"}], "autocomplete": True}]},
        {"options": [{**OPTION, "max_length": 6001}]},
        {"options": [{**OPTION, "surprise": 1}]},
        {"name_localizations": {"tlh": "qon"}},
        {"name_localizations": {"de": "Male Bild"}},
        {"contexts": [2], "integration_types": [0]},
        {
            "options": [
                {
                    **OPTION,
                    "name": f"o{n}",
                    "choices": [{"name": f"{c}" * 90, "value": "v" * c} for c in range(1, 6)],
                }
                for n in range(17)
            ]
        },
        {"type": 3, "name": "Edit image"},
    ],
)
async def test_a_command_that_discord_refuses_is_refused(
    there: DiscordStandin, change: Json
) -> None:
    path = f"/applications/{there.app_id}/commands"
    async with logged_in(there) as client:
        await client.call("PUT", path, [COMMAND])
        wrong = client.call("PUT", path, [{**COMMAND, **change}])
        assert await refused(wrong) == (400, 50035)
    assert there.world.commands[""][0]["name"] == "imagine"


async def test_only_new_commands_count_as_creates(there: DiscordStandin) -> None:
    there.knobs.command_creates = 2
    path = f"/applications/{there.app_id}/commands"
    async with logged_in(there) as client:
        [first] = await client.call("PUT", path, [COMMAND])
        [again] = await client.call("PUT", path, [{**COMMAND, "description": "Paint it"}])
        assert (again["id"], again["description"]) == (first["id"], "Paint it")
        await client.call("POST", path, {**COMMAND, "name": "edit"})
        assert len(await client.call("GET", path)) == 2
        late = client.call("POST", path, {**COMMAND, "name": "late"})
        assert await refused(late) == (400, 30034)
        changed = await client.call("PATCH", f"{path}/{first['id']}", {"description": "New"})
        assert changed["description"] == "New"
        await client.call("DELETE", f"{path}/{first['id']}")
        assert await refused(client.call("GET", f"{path}/{first['id']}")) == (404, 10063)
        guild = f"/applications/{there.app_id}/guilds/{there.world.guilds.copy().popitem()[0]}"
        await client.call("PUT", f"{guild}/commands", [COMMAND])


async def test_people_can_only_use_what_the_app_registered(there: DiscordStandin) -> None:
    async with running(there) as client:
        with pytest.raises(AssertionError, match="registered no /imagine"):
            await there.slash("general", "ann", "/imagine", prompt="x")
        await a_command(client)
        for options, words in (
            ({}, "prompt is required"),
            ({"prompt": "x" * 51}, "1 to 50"),
            ({"prompt": "x", "ratio": "7:1"}, "no choice of ratio"),
            ({"prompt": "x", "style": "y"}, "no option"),
            ({"prompt": "x", "image": "y"}, "takes a DiscordFile"),
        ):
            with pytest.raises(AssertionError, match=words):
                await there.slash("general", "ann", "/imagine", **options)
        with pytest.raises(AssertionError, match="not there for user installs"):
            await there.slash("general", "ann", "/imagine", install="user", prompt="x")
        message = await there.say("general", "ann", "hello")
        with pytest.raises(AssertionError, match="registered no menu"):
            await there.menu("Explode", message, "ann")


# --- interactions --------------------------------------------------------------------------------


async def test_a_command_is_deferred_and_its_answer_edited_in(there: DiscordStandin) -> None:
    async with running(there) as client:
        await a_command(client)
        read: list[bytes] = []

        async def answer(interaction: Painter) -> None:
            await interaction.response.defer(ephemeral=True)
            assert interaction.filesize_limit == 10 * 1024 * 1024
            assert interaction.app_permissions.attach_files
            image = interaction.namespace.image
            read.append(await image.read())
            view = ui.LayoutView()
            view.add_item(ui.MediaGallery(discord.MediaGalleryItem("attachment://out.png")))
            await interaction.edit_original_response(view=view, attachments=[file()])
            await interaction.followup.send("more", ephemeral=True)

        client.answer = answer
        image = DiscordFile(name="in.png", data=PICTURE)
        used = await there.slash("general", "ann", "/imagine", prompt="a cat", image=image)
        assert (used.deferred, used.ephemeral, used.failed) == (True, True, "")
        assert used.seconds < 1
        await there.until(lambda: len(used.answers) == 2)
        assert read == [PICTURE]
        assert there.pictures(used.answers[0]) == [PICTURE]
        assert [m["id"] for m in there.ephemerals("ann")] == [m["id"] for m in used.answers]
        assert there.messages("general") == there.ephemerals("bob") == []
    assert there.complaints == []


async def test_an_answer_after_three_seconds_or_a_second_one_is_refused(
    there: DiscordStandin,
) -> None:
    there.knobs.interaction_seconds = 0.1
    errors: list[tuple[int, int]] = []
    async with running(there) as client:
        await a_command(client)
        wait = 0.0

        async def answer(interaction: Painter) -> None:
            await asyncio.sleep(wait)
            path = f"/interactions/{interaction.id}/{interaction.token}/callback"
            for _ in range(2):
                try:
                    await client.call("POST", path, {"type": 5})
                except discord.HTTPException as error:
                    errors.append((error.status, error.code))

        client.answer = answer
        used = await there.slash("general", "ann", "/imagine", prompt="a cat")
        assert used.deferred
        await there.until(lambda: errors)
        assert errors == [(400, 40060)]
        wait = 0.2
        late = await there.slash("general", "ann", "/imagine", prompt="a cat")
        assert late.failed == "This interaction failed"
        await there.until(lambda: len(errors) == 3)
        assert errors[1:] == [(404, 10062)] * 2
    nobody = await there.slash("general", "ann", "/imagine", prompt="a cat")
    assert nobody.failed == "The application did not respond"


async def test_a_token_ends_after_fifteen_minutes(there: DiscordStandin) -> None:
    async with running(there) as client:
        await a_command(client)

        async def answer(interaction: Painter) -> None:
            await interaction.response.defer()

        client.answer = answer
        await there.slash("general", "ann", "/imagine", prompt="a cat")
        there.knobs.token_seconds = 0
        used = client.used[0]
        assert await refused(used.edit_original_response(content="x")) == (401, 50027)
        assert await refused(used.followup.send("x")) == (401, 50027)


async def test_a_deferral_takes_only_the_ephemeral_flag_and_decides_for_good(
    there: DiscordStandin,
) -> None:
    async with running(there) as client:
        await a_command(client)
        answers: list[object] = []

        async def answer(interaction: Painter) -> None:
            path = f"/interactions/{interaction.id}/{interaction.token}/callback"
            wrong = {"type": 5, "data": {"flags": 32768 | 64}}
            answers.append(await refused(client.call("POST", path, wrong)))
            early = interaction.followup.send("x")
            answers.append(await refused(early))
            await client.call("POST", path, {"type": 5, "data": {"flags": 0}})
            hidden = await interaction.followup.send("hidden?", ephemeral=True, wait=True)
            answers.append(hidden.flags.ephemeral)

        client.answer = answer
        used = await there.slash("general", "ann", "/imagine", prompt="a cat")
        await there.until(lambda: len(answers) == 3)
        assert answers == [(400, 50035), (404, 10015), False]
        assert used.answers == there.messages("general")
    assert there.complaints == [
        "a followup stands in for the deferred answer: edit @original instead"
    ]


async def test_a_user_installed_app_has_five_followups_and_no_channel(
    there: DiscordStandin,
) -> None:
    there.guild("strangers", bot=False)
    far = there.channel("strangers", "far")
    async with running(there) as client:
        command = {**COMMAND, "integration_types": [0, 1], "contexts": [0, 1, 2]}
        await client.call("PUT", f"/applications/{there.app_id}/commands", [command])

        async def answer(interaction: Painter) -> None:
            await interaction.response.send_message("one")

        client.answer = answer
        used = await there.slash(far, "ann", "/imagine", install="user", prompt="a cat")
        interaction = client.used[-1]
        assert interaction.is_user_integration()
        assert not interaction.is_guild_integration()
        assert not interaction.app_permissions.send_messages
        assert interaction.app_permissions.attach_files
        for number in range(5):
            await interaction.followup.send(str(number))
        assert await refused(interaction.followup.send("six")) == (400, 40094)
        assert await refused(client.post(far, {"content": "x"})) == (403, 50001)
        assert [m["content"] for m in used.answers] == ["one", *"01234"]
        there.knobs.external_apps = False
        quiet = await there.slash(far, "ann", "/imagine", install="user", prompt="a cat")
        assert quiet.ephemeral
        talk = there.private("ann", "bob")
        await there.slash(talk, "ann", "/imagine", install="user", prompt="a cat")
        assert client.used[-1].context.private_channel
        with pytest.raises(AssertionError, match="not installed there"):
            await there.slash(talk, "ann", "/imagine", prompt="a cat")
        there.knobs.external_apps = True


async def test_a_button_is_pressed_only_where_it_is(there: DiscordStandin) -> None:
    async with running(there) as client:
        redo = {**BUTTON, "custom_id": "tp:redo:1"}
        undo = {**BUTTON, "custom_id": "tp:undo:1", "disabled": True}
        row = {"type": 1, "components": [redo, undo]}
        sent = await client.post(id_of(there), {"flags": 32768, "components": [TEXT, row]})
        pressed: list[str] = []

        class Redo(
            ui.DynamicItem[ui.Button[ui.LayoutView]], template=r"tp:(?P<name>[a-z]+):(?P<value>.+)"
        ):
            @classmethod
            async def from_custom_id(
                cls,
                interaction: Painter,
                item: ui.Item[Any],
                match: re.Match[str],
                /,
            ) -> Redo:
                pressed.append(match["value"])
                assert isinstance(item, ui.Button)
                return cls(item)

            async def callback(self, interaction: Painter) -> None:
                await interaction.response.defer()
                view = ui.LayoutView().add_item(ui.TextDisplay("again"))
                await interaction.edit_original_response(view=view)

        client.add_dynamic_items(Redo)
        with pytest.raises(AssertionError, match="no control"):
            await there.click(sent, "tp:other", "ann")
        with pytest.raises(AssertionError, match="disabled"):
            await there.click(sent, "tp:undo", "ann")
        used = await there.click(sent, "tp:redo", "ann")
        assert (used.response, pressed) == (6, ["1"])
        await there.until(lambda: len(there.messages("general")[0]["components"]) == 1)
        await there.delete(sent)
        with pytest.raises(AssertionError, match="gone"):
            await there.click(sent, "tp:redo", "ann")


class Form(ui.Modal, title="Edit"):
    prompt: ui.Label[Form] = ui.Label(
        text="Prompt", component=ui.TextInput(custom_id="prompt", max_length=20, default="a cat")
    )
    ratio: ui.Label[Form] = ui.Label(
        text="Ratio",
        component=ui.Select(
            custom_id="ratio",
            options=[discord.SelectOption(label="1:1"), discord.SelectOption(label="2:3")],
        ),
    )
    size: ui.Label[Form] = ui.Label(
        text="Size",
        component=ui.RadioGroup(
            custom_id="size",
            required=False,
            options=[discord.RadioGroupOption(label="1K"), discord.RadioGroupOption(label="2K")],
        ),
    )
    images: ui.Label[Form] = ui.Label(
        text="Pictures", component=ui.FileUpload(custom_id="images", required=False, max_values=2)
    )


async def test_a_menu_opens_a_form_and_the_form_comes_back(there: DiscordStandin) -> None:
    async with running(there) as client:
        await a_command(client)
        got: list[object] = []
        form = Form()

        async def answer(interaction: Painter) -> None:
            if interaction.type is discord.InteractionType.application_command:
                await interaction.response.send_modal(form)
                return
            fields = [part["component"] for part in data_of(interaction)["components"]]
            got.extend(field.get("value", field.get("values")) for field in fields)
            await interaction.response.send_message("thanks", ephemeral=True)

        client.answer = answer
        message = await there.say("general", "bob", "look")
        opened = await there.menu("Edit image", message, "ann")
        assert opened.response == 9
        [modal] = there.modals("ann")
        for values, words in (
            ({"ratio": "1:1", "prompt": ""}, "required"),
            ({"ratio": "1:1", "prompt": "x" * 21}, "0 to 20"),
            ({"ratio": "9:9"}, "no option"),
            ({}, "takes 1 to 1"),
            ({"ratio": "1:1", "surprise": "x"}, "no field"),
            (
                {"ratio": "1:1", "images": [DiscordFile(name="x.png", data=PICTURE)] * 3},
                "0 to 2|1 to 2",
            ),
        ):
            with pytest.raises(AssertionError, match=words):
                await there.submit(modal, values, "ann")
        upload = DiscordFile(name="in.png", data=PICTURE)
        used = await there.submit(modal, {"ratio": "2:3", "size": "2K", "images": [upload]}, "ann")
        assert got[:3] == ["a cat", ["2:3"], "2K"]
        assert used.ephemeral
        resolved = data_of(client.used[-1])["resolved"]["attachments"]
        [sent] = resolved.values()
        assert "/ephemeral-attachments/" in sent["url"]
        upload_field = form.images.component
        assert isinstance(upload_field, ui.FileUpload)
        await there.until(lambda: upload_field.values)
        assert await upload_field.values[0].read() == PICTURE
        assert there.modals("ann") == []


@pytest.mark.parametrize(
    "data",
    [
        {"title": "x" * 46, "custom_id": "f", "components": [ROW]},
        {"title": "x", "custom_id": "f", "components": []},
        {"title": "x", "custom_id": "f", "components": [ROW]},
        {
            "title": "x",
            "custom_id": "f",
            "components": [
                {
                    "type": 18,
                    "label": "x" * 46,
                    "component": {"type": 4, "custom_id": "p", "style": 1},
                }
            ],
        },
    ],
)
async def test_a_form_that_discord_refuses_is_refused(there: DiscordStandin, data: Json) -> None:
    async with running(there) as client:
        await a_command(client)
        answers: list[tuple[int, int]] = []

        async def answer(interaction: Painter) -> None:
            path = f"/interactions/{interaction.id}/{interaction.token}/callback"
            answers.append(await refused(client.call("POST", path, {"type": 9, "data": data})))
            await interaction.response.defer()
            after = client.call("POST", path, {"type": 9, "data": data})
            answers.append(await refused(after))

        client.answer = answer
        await there.slash("general", "ann", "/imagine", prompt="x")
        await there.until(lambda: len(answers) == 2)
        assert answers == [(400, 50035), (400, 40060)]


async def test_autocomplete_offers_choices(there: DiscordStandin) -> None:
    async with running(there) as client:
        option = {**OPTION, "autocomplete": True, "required": True}
        command = {**COMMAND, "options": [option]}
        await client.call("PUT", f"/applications/{there.app_id}/commands", [command])

        async def answer(interaction: Painter) -> None:
            typed = data_of(interaction)["options"][0]["value"]
            path = f"/interactions/{interaction.id}/{interaction.token}/callback"
            choices = [{"name": typed, "value": typed}]
            await client.call("POST", path, {"type": 8, "data": {"choices": choices}})

        client.answer = answer
        offered = await there.complete("general", "ann", "/imagine", "prompt", prompt="a c")
        assert offered == [{"name": "a c", "value": "a c"}]


async def test_an_interaction_says_where_and_by_whom_it_was_made(there: DiscordStandin) -> None:
    there.role("painters", "moderators", permissions=["MANAGE_GUILD"])
    there.join("painters", "ann", roles=["moderators"])
    there.person("ute", locale="de")
    there.knobs.told_upload_bytes = 500
    asked = await there.say("general", "ann", "hello")
    thread = await there.start_thread(asked, "ann", "A thread")
    async with running(there) as client:
        command = {**COMMAND, "contexts": [0, 1]}
        secret = {**COMMAND, "name": "config", "default_member_permissions": "32"}
        adult = {**COMMAND, "name": "adult", "nsfw": True}
        path = f"/applications/{there.app_id}/commands"
        await client.call("PUT", path, [command, secret, adult])

        async def answer(interaction: Painter) -> None:
            await interaction.response.send_message("yes", ephemeral=True)

        client.answer = answer
        await there.slash(thread, "ann", "/config")
        used = client.used[-1]
        assert isinstance(used.channel, discord.Thread)
        assert used.permissions.manage_guild
        assert used.filesize_limit == 500
        await there.slash(there.direct("ute"), "ute", "/imagine")
        used = client.used[-1]
        assert used.context.dm_channel
        assert used.locale is discord.Locale.german
        assert used.guild is None
        for where, who, name, words in (
            ("general", "bob", "/config", "hidden from bob"),
            ("general", "ann", "/adult", "age-restricted"),
        ):
            with pytest.raises(AssertionError, match=words):
                await there.slash(where, who, name)
        there.archive(thread)
        with pytest.raises(AssertionError, match="archived"):
            await there.slash(thread, "ann", "/imagine")


# --- limits and faults ---------------------------------------------------------------------------


async def test_buckets_and_the_global_limit_answer_429_and_the_library_waits(
    there: DiscordStandin,
) -> None:
    there.knobs.limits = {"POST channels/*/messages": (2, 0.3)}
    async with running(there) as client:
        channel = channel_of(client, there)
        await asyncio.gather(*(channel.send(str(number)) for number in range(5)))
        assert len(there.messages("general")) == 5
        posts = there.calls("channels/*/messages", "POST")
        assert posts[-1].at - posts[0].at > 0.5
        there.knobs.limits = {}
        there.knobs.global_limit = 3
        path = f"/channels/{channel.id}"
        await asyncio.gather(*(client.call("GET", path) for _ in range(5)))
        assert any(call.status == 429 for call in there.calls("channels/*", "GET"))
    there.knobs.global_limit = 0
    there.knobs.limits = {"GET users/@me": (1, 60)}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {there.token}"}) as web:
        async with web.get(f"{there.api_url}/users/@me") as response:
            assert response.headers["X-RateLimit-Remaining"] == "0"
            assert response.headers["Content-Type"] == "application/json"
        before = there.invalid_requests
        async with web.get(f"{there.api_url}/users/@me") as response:
            assert (response.status, response.headers["Via"]) == (429, "1.1 google")
            assert 59 < (await response.json())["retry_after"] <= 60
    assert there.invalid_requests == before + 1


async def test_a_429_is_retried_with_via_and_raised_without(there: DiscordStandin) -> None:
    async with logged_in(there) as client:
        post = "channels/*/messages"
        there.plan(Fault(route=post, kind="429", retry_after=0.05))
        await client.post(id_of(there), {"content": "x"})
        assert [call.status for call in there.calls(post)] == [429, 200]
        there.plan(Fault(route=post, kind="cloudflare"))
        assert await refused(client.post(id_of(there), {"content": "y"})) == (429, 0)
        there.knobs.invalid_limit = 2
        assert await refused(client.post(id_of(there), {"content": "z"})) == (429, 0)
    assert len(there.messages("general")) == 1


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "503"])
async def test_a_retry_with_the_same_nonce_posts_once_whatever_was_lost(
    there: DiscordStandin, kind: str
) -> None:
    body = {"content": "once", "nonce": "a1", "enforce_nonce": True}
    there.plan(Fault(route="channels/*/messages", method="POST", kind=kind))
    async with logged_in(there) as client:
        with pytest.raises((aiohttp.ClientError, discord.DiscordServerError)):
            await client.post(id_of(there), body)
        assert len(there.messages("general")) == (kind == "drop-after")
        await client.post(id_of(there), body)
    assert len(there.messages("general")) == 1


async def test_a_planned_error_strikes_where_and_when_it_should(there: DiscordStandin) -> None:
    fault = Fault(
        route="channels/*/messages", kind="error", code=20009, skip=1, times=2, containing="nude"
    )
    there.plan(fault, Fault(route="cdn", kind="503"))
    async with logged_in(there) as client:
        for words, fails in (("nude", 0), ("cat", 0), ("nude", 1), ("nude", 1), ("nude", 0)):
            if fails:
                assert await refused(client.post(id_of(there), {"content": words})) == (403, 20009)
            else:
                await client.post(id_of(there), {"content": words})
        kept = there.world.keep_file(DiscordFile(name="a.png", data=PICTURE), id_of(there))
        url = there.world.links.sign(kept, 60)
        for status in (503, 200):
            async with aiohttp.ClientSession() as web, web.get(url) as response:
                assert response.status == status
    assert [call.fault for call in there.calls("cdn")] == ["503", ""]


BOT = """
import discord, os, yarl
discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["DISCORD_GATEWAY_URL"])
client = discord.Client(intents=discord.Intents(guilds=True, guild_messages=True))
@client.event
async def on_message(message):
    if message.author != client.user:
        await message.channel.send("heard")
client.run(os.environ["DISCORD_TOKEN"])
"""


async def test_the_standin_outlives_a_killed_bot_as_its_own_process() -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "ignore"}
    standin = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.standins.discord", "--port", "0",
        stdout=asyncio.subprocess.PIPE, cwd=root, env=environment,
    )  # fmt: skip
    assert standin.stdout
    url = (await standin.stdout.readline()).decode().strip()
    environment |= {
        "DISCORD_API_URL": f"{url}/api/v10",
        "DISCORD_GATEWAY_URL": f"{url.replace('http', 'ws')}/gateway/",
        "DISCORD_TOKEN": "MTAw.painter.token",
    }
    async with aiohttp.ClientSession() as web:

        async def order(verb: str, **arguments: object) -> Any:  # noqa: ANN401  # any JSON
            async with web.post(f"{url}/_control/{verb}", json=arguments) as response:
                answer = await response.json()
                assert response.status == 200, answer
                return answer["result"]

        async def said() -> list[str]:
            found = await order("messages", channel="general")
            return [message["content"] for message in found]

        async def seen(what: str, value: object) -> None:
            for _ in range(1000):
                if (await said() if what == "said" else (await order("seen"))[what]) == value:
                    return
                await asyncio.sleep(0.02)
            raise AssertionError(f"{what} never came to be {value}")

        async def bot() -> asyncio.subprocess.Process:
            made = await asyncio.create_subprocess_exec(
                sys.executable, "-c", BOT, env=environment, stderr=asyncio.subprocess.DEVNULL
            )
            await seen("connections", 1)
            return made

        try:
            await order("guild", name="painters")
            await order("channel", guild="painters", name="general")
            await order("person", name="ann")
            first = await bot()
            first.kill()
            await first.wait()
            await seen("connections", 0)
            picture = {"name": "in.png", "base64": "aGVsbG8="}
            missed = await order("say", channel="general", user="ann", text="1", files=[picture])
            assert await order("pictures", message=missed) == ["aGVsbG8="]
            second = await bot()
            await order("say", channel="general", user="ann", text="2")
            await seen("said", ["1", "2", "heard"])
            second.kill()
            await second.wait()
            assert (await order("seen"))["complaints"] == []
        finally:
            standin.send_signal(signal.SIGTERM)
            assert await standin.wait() == 0
