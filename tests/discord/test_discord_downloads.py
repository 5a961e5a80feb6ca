"""Attachments of Discord: which bytes come in, from where, and how an old link is made new."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from adapters.discord.files_in import Files, attachment, pictures_around, refused
from adapters.discord.values import DiscordFile, Said
from bot.errors import MaterialError
from tests.discord import objects as o
from tests.discord.loopback import Discord, logged_in
from tests.discord.objects import OURS, TEXT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.discord.calls import Calls
    from adapters.discord.values import Kind
    from bot.chat import Attachment
    from tests.discord.loopback import Page

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4096


class Everywhere(AbstractResolver):
    """Takes every host name, whatever its port, to one server."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[Any]:
        place = {"hostname": host, "host": "127.0.0.1", "port": self.port}
        return [{**place, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


class Trap:
    """Counts connections, whatever is said on them, and hangs up."""

    def __init__(self) -> None:
        self.connections = 0

    async def start(self) -> asyncio.Server:
        self.server = await asyncio.start_server(self._hang_up, ["127.0.0.1"], 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self.server

    async def _hang_up(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


class Pauses(list[float]):
    """Notes how long was to be waited, and does not wait."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
async def discord() -> AsyncIterator[Discord]:
    discord = Discord()
    async with discord.server:
        yield discord


@pytest.fixture
async def trap() -> AsyncIterator[Trap]:
    trap = Trap()
    async with await trap.start():
        yield trap


@pytest.fixture
def sent() -> list[str]:
    """The URL of every request that was begun."""
    return []


@pytest.fixture
async def session(trap: Trap, sent: list[str]) -> AsyncIterator[aiohttp.ClientSession]:
    async def note(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        sent.append(str(params.url))

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(note)
    connector = aiohttp.TCPConnector(resolver=Everywhere(trap.port))
    async with aiohttp.ClientSession(connector=connector, trace_configs=[trace]) as session:
        yield session


@pytest.fixture
async def calls(discord: Discord) -> AsyncIterator[Calls]:
    async with logged_in(discord, o.client()) as calls:
        yield calls


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def files(calls: Calls, session: aiohttp.ClientSession, pauses: Pauses) -> Files:
    return Files(calls, session, hosts=["LocalHost", "127.0.0.1"], pause=pauses)


def answering(
    body: bytes = PNG,
    kind: str = "image/png",
    status: int = 200,
    *,
    location: str = "",
    encoding: str = "",
) -> Page:
    given = {"content-type": kind, "location": location, "content-encoding": encoding}
    headers = {name: value for name, value in given.items() if value}

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return answer


def file(url: str, message: str = "") -> DiscordFile:
    place = OURS if message else ""
    return DiscordFile(
        id="7",
        name="cat.png",
        mime_type="image/png",
        size=75,
        url=url,
        channel=place,
        message=message,
    )


def at(url: str, message: str = "") -> Attachment:
    return attachment(file(url, message))


async def fetched(files: Files, attachment: Attachment) -> bytes:
    async with aclosing(files.download(attachment)) as blocks:
        return b"".join([block async for block in blocks])


async def complaint(files: Files, attachment: Attachment) -> str:
    with pytest.raises(MaterialError) as caught:
        await fetched(files, attachment)
    return str(caught.value)


# Bytes


async def test_the_bytes_come_as_they_are_and_nobody_sees_the_token(
    discord: Discord, files: Files
) -> None:
    discord.pages["/cdn/cat.png"] = answering()
    assert await fetched(files, at(discord.url("/cdn/cat.png?ex=1&is=2&hm=3"))) == PNG
    [request] = discord.requests
    assert request.raw_path == "/cdn/cat.png?ex=1&is=2&hm=3"
    assert "authorization" not in request.headers


async def test_an_attachment_finds_its_file_after_a_restart() -> None:
    found = attachment(file("https://cdn.discordapp.com/x", "9"))
    assert (found.name, found.declared_type, found.size) == ("cat.png", "image/png", 75)
    assert found.ref == {
        "id": "7",
        "url": "https://cdn.discordapp.com/x",
        "channel": OURS,
        "message": "9",
    }


async def test_a_file_that_cannot_be_used_says_why_and_is_not_fetched(
    files: Files, sent: list[str]
) -> None:
    assert await complaint(files, refused("clip.mp4 is a video.")) == "clip.mp4 is a video."
    assert sent == []


async def test_a_packed_file_stays_packed(discord: Discord, files: Files) -> None:
    packed = gzip.compress(b"bomb" * 1000)
    discord.pages["/cat.svgz"] = answering(packed, encoding="gzip")
    assert await fetched(files, at(discord.url("/cat.svgz"))) == packed


@pytest.mark.parametrize("status", [204, 302, 400, 418, 503])
async def test_what_is_no_file_is_none(discord: Discord, files: Files, status: int) -> None:
    body = b"" if status == 204 else b"no"
    discord.pages["/cat.png"] = answering(body, "text/plain", status, location="/elsewhere")
    said = await complaint(files, at(discord.url("/cat.png")))
    assert said == "cat.png could not be downloaded. Send it again."
    assert set(discord.asked("/")) == {"cat.png"}


async def test_a_busy_server_is_asked_again(discord: Discord, files: Files, pauses: Pauses) -> None:
    pages = deque([answering(status=503), answering(status=429), answering()])

    async def busy(request: web.Request) -> web.StreamResponse:
        return await pages.popleft()(request)

    discord.pages["/cat.png"] = busy
    assert await fetched(files, at(discord.url("/cat.png"))) == PNG
    assert list(pauses) == [0.5, 2.0]


async def test_a_file_that_is_cut_off_is_no_file(discord: Discord, files: Files) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": str(len(PNG))})
        await response.prepare(request)
        await response.write(PNG[:100_000])
        assert request.transport is not None
        request.transport.close()
        return response

    discord.pages["/cat.png"] = cut
    said = await complaint(files, at(discord.url("/cat.png")))
    assert said == "cat.png could not be downloaded. Send it again."


async def test_the_connection_ends_when_the_core_has_had_enough(
    discord: Discord, files: Files
) -> None:
    ended = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "image/png"})
        await response.prepare(request)
        try:
            while True:
                await response.write(PNG)
        finally:
            ended.set()

    discord.pages["/endless"] = endless
    async with aclosing(files.download(at(discord.url("/endless")))) as blocks:
        async for _ in blocks:
            break
    async with asyncio.timeout(5):
        await ended.wait()


# Links that are no longer good


def kept(discord: Discord, *pictures: o.Json, **more: Any) -> str:  # noqa: ANN401
    """Keep a message with fresh links; returns its id."""
    return str(discord.say(OURS, "look", attachments=list(pictures), **more)["id"])


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_an_expired_link_is_made_new_from_its_message(
    discord: Discord, files: Files, status: int
) -> None:
    discord.pages["/old"] = answering(b"expired", "text/plain", status)
    discord.pages["/new"] = answering()
    fresh = {**o.picture(7), "url": discord.url("/new")}
    message = kept(discord, {**o.picture(6), "url": discord.url("/other")}, fresh)
    assert await fetched(files, at(discord.url("/old"), message)) == PNG
    assert discord.asked() == [f"{OURS}/messages/{message}"]


async def test_an_expired_link_of_a_forwarded_picture_is_made_new(
    discord: Discord, files: Files
) -> None:
    discord.pages["/old"] = answering(status=404)
    discord.pages["/new"] = answering()
    forwarded = o.forwarding(attachments=[{**o.picture(7), "url": discord.url("/new")}])
    message = kept(discord, **forwarded)
    assert await fetched(files, at(discord.url("/old"), message)) == PNG


async def test_a_link_is_made_new_once(discord: Discord, files: Files) -> None:
    discord.pages["/old"] = answering(status=404)
    message = kept(discord, {**o.picture(7), "url": discord.url("/old")})
    said = await complaint(files, at(discord.url("/old"), message))
    assert said == "cat.png is no longer in Discord. Send it again."
    assert len(discord.requests) == 3


async def test_a_new_link_may_not_lead_elsewhere_either(
    discord: Discord, files: Files, trap: Trap
) -> None:
    discord.pages["/old"] = answering(status=404)
    fresh = {**o.picture(7), "url": f"http://169.254.169.254:{trap.port}/secret"}
    said = await complaint(files, at(discord.url("/old"), kept(discord, fresh)))
    assert said == "cat.png is kept outside Discord. Upload the file itself."
    assert trap.connections == 0


async def test_a_file_of_a_command_that_discord_removed_is_gone(
    discord: Discord, files: Files
) -> None:
    discord.pages["/ephemeral-attachments/1/7/cat.png"] = answering(status=404)
    said = await complaint(files, at(discord.url("/ephemeral-attachments/1/7/cat.png")))
    assert said == "cat.png is no longer in Discord. Send it again."
    assert discord.asked() == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (10008, "cat.png is no longer in Discord. Send it again."),
        (10003, "cat.png is no longer in Discord. Send it again."),
        (50001, "cat.png is in a channel that I cannot read. Send it here."),
        (503, "cat.png could not be downloaded. Send it again."),
    ],
)
async def test_a_message_that_is_not_to_be_had_says_so(
    discord: Discord, files: Files, code: int, words: str
) -> None:
    discord.pages["/old"] = answering(status=403)
    discord.refuse[OURS] = code
    assert await complaint(files, at(discord.url("/old"), "9")) == words
    assert code == 503 or len(discord.asked()) == 1


async def test_a_picture_that_was_taken_out_of_its_message_is_gone(
    discord: Discord, files: Files
) -> None:
    discord.pages["/old"] = answering(status=404)
    said = await complaint(files, at(discord.url("/old"), kept(discord, o.picture(6))))
    assert said == "cat.png is no longer in Discord. Send it again."


# Where it may come from


URLS = [
    # other machines of ours, and this one
    "http://127.0.0.2:{port}/x",
    "https://10.0.0.7/x",
    "http://[::1]:{port}/x",
    "http://[::ffff:127.0.0.1]:{port}/x",
    "http://0.0.0.0:{port}/x",
    "http://2130706433:{port}/x",
    "http://0x7f000001:{port}/x",
    "http://0177.0.0.1:{port}/x",
    "http://127.1:{port}/x",
    "http://metadata.google.internal/computeMetadata/v1/",
    # names that look like Discord's
    "https://evil.example/x",
    "https://discordapp.com/x",
    "https://images-ext-1.discordapp.net/external/x/https/evil.example/x.png",
    "https://cdn.discordapp.com.evil.example/x",
    "https://cdn.discordapp.com./x",
    "https://x.cdn.discordapp.com/x",
    "https://cdn-discordapp.com/x",
    "https://cdn.discordapp.net/x",
    "https://media.discordapp.com/x",
    "https://cdn.disc\u043erdapp.com/x",
    "https://cdn.discordapp.com\u3002evil.example/x",
    "https://evil.example%2f.cdn.discordapp.com/x",
    # tricks with the parts of a URL
    "https://cdn.discordapp.com@evil.example/x",
    "https://evil.example@cdn.discordapp.com/x",
    "https://user:password@cdn.discordapp.com/x",
    "https://:@cdn.discordapp.com/x",
    "https://evil.example\\.cdn.discordapp.com/x",
    "https://cdn.discordapp.com\\@evil.example/x",
    "https://evil.example#.cdn.discordapp.com/x",
    "https://evil.example?.cdn.discordapp.com/x",
    "https://evil.example;cdn.discordapp.com/x",
    "https:/\\evil.example/x",
    "//evil.example/x",
    "",
    "https://cdn.discordapp.com /x",
    "https://cdn.discordapp.com/x\r\nHost: evil.example",
    "\thttps://cdn.discordapp.com/x",
    # other ports and schemes
    "http://cdn.discordapp.com/x",
    "http://cdn.discordapp.com:443/x",
    "https://cdn.discordapp.com:8443/x",
    "https://cdn.discordapp.com:0/x",
    "https://cdn.discordapp.com:99999/x",
    "https://cdn.discordapp.com:{port}/x",
    "ftp://cdn.discordapp.com/x",
    "wss://cdn.discordapp.com/x",
    "file:///etc/passwd",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:alert(1)",
    # the listed host, used to smuggle
    "http://localhost@evil.example:{port}/x",
    "http://me:secret@localhost:{port}/x",
    "http://localhost.evil.example:{port}/x",
    "ftp://localhost:{port}/x",
]


@pytest.mark.parametrize("url", URLS)
async def test_nothing_is_fetched_from_elsewhere(
    files: Files, trap: Trap, sent: list[str], url: str
) -> None:
    said = await complaint(files, at(url.format(port=trap.port)))
    assert said == "cat.png is kept outside Discord. Upload the file itself."
    assert (trap.connections, sent) == (0, [])


@pytest.mark.parametrize("to", ["http://169.254.169.254:{port}/x", "/elsewhere"])
async def test_no_redirect_is_followed(
    discord: Discord, files: Files, trap: Trap, sent: list[str], to: str
) -> None:
    discord.pages["/cat.png"] = answering(b"", status=302, location=to.format(port=trap.port))
    await complaint(files, at(discord.url("/cat.png")))
    assert (trap.connections, len(sent)) == (0, 1)


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.discordapp.com/attachments/1/2/x.png?ex=1&is=2&hm=3",
        "https://CDN.discordapp.com:443/x",
        "https://media.discordapp.net/x",
        "https://localhost/x",
        "http://LOCALHOST:81/x",
    ],
)
async def test_discords_own_hosts_and_the_listed_ones_are_asked(
    files: Files, sent: list[str], url: str
) -> None:
    await complaint(files, at(url))
    assert {one.lower() for one in sent} == {url.replace(":443", "").lower()}


# What a request without files is about


def said(*, thread: str = OURS, kind: Kind = "guild", reply_to: str | None = None) -> Said:
    return Said(
        guild=o.GUILD,
        channel=TEXT,
        thread=thread,
        kind=kind,
        id="99",
        user=o.ANN,
        user_name="Ann",
        text="bluer",
        reply_to=reply_to,
        sent_at=o.NOON,
    )


async def around(calls: Calls, said: Said) -> list[tuple[str, str]]:
    found = await pictures_around(calls, said)
    return [(file.id, file.channel) for file in found.files]


async def test_it_is_about_the_message_that_it_answers(discord: Discord, calls: Calls) -> None:
    answered = discord.say(OURS, "", author=o.BOT, attachments=[o.picture(7)])["id"]
    discord.say(TEXT, "", id=OURS, attachments=[o.picture(8)])
    assert await around(calls, said(reply_to=answered)) == [("7", OURS)]


async def test_else_it_is_about_the_message_that_the_thread_stands_on(
    discord: Discord, calls: Calls
) -> None:
    answered = discord.say(OURS, "no picture")["id"]
    discord.say(TEXT, "", id=OURS, attachments=[o.picture(8)])
    assert await around(calls, said(reply_to=answered)) == [("8", TEXT)]


async def test_a_thread_without_such_a_message_begins_with_its_first_one(
    discord: Discord, calls: Calls
) -> None:
    discord.say(OURS, "", id=OURS, attachments=[o.picture(8)])
    assert await around(calls, said()) == [("8", OURS)]


async def test_a_post_in_a_forum_begins_in_itself(discord: Discord, calls: Calls) -> None:
    discord.say(OURS, "", id=OURS, attachments=[o.picture(8)])
    assert await around(calls, said(kind="forum")) == [("8", OURS)]
    assert discord.asked() == [f"{OURS}/messages/{OURS}"]


async def test_the_first_message_of_a_thread_is_not_about_itself(
    discord: Discord, calls: Calls
) -> None:
    assert await around(calls, said(kind="forum", thread="99")) == []
    assert discord.asked() == []


async def test_outside_of_threads_and_replies_there_is_nothing(
    discord: Discord, calls: Calls
) -> None:
    assert await around(calls, said(thread="")) == []
    assert discord.asked() == []


async def test_what_may_not_be_read_is_nothing(discord: Discord, calls: Calls) -> None:
    discord.refuse |= {TEXT: 50001, OURS: 10003}
    assert await around(calls, said(reply_to="5")) == []


@pytest.mark.parametrize("code", [429, 503])
async def test_what_discord_does_not_tell_is_said(
    discord: Discord, calls: Calls, code: int
) -> None:
    discord.refuse[OURS] = code
    found = await pictures_around(calls, said(reply_to="5"))
    assert found.files == ()
    assert found.skipped == (
        "The picture that you mean could not be read. Try again, or send it along.",
    )
