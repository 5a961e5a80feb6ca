"""Attachments of Slack: which bytes come in, from where, and who sees the token."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.files_in import Files, attachment, pictures_of_thread
from adapters.slack.values import Identity, SlackFile
from adapters.slack.web import Refused, Web
from bot.chat import Attachment
from bot.errors import MaterialError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Page = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN = "xoxb-1-secret"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4096
LOGIN = b"\n<!DOCTYPE html><html><head><title>Sign in to Slack</title>"
OWN = Identity(team="T1", user="UBOT", bot="B1")


class Slack:
    """An API and files on loopback, which keep every request."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.answers: dict[str, deque[dict[str, Any]]] = {}
        self.pages: dict[str, Page] = {}
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._answer)
        self.server = TestServer(app)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.port}{path}"

    def tokens(self, path: str) -> list[str | None]:
        return [r.headers.get("authorization") for r in self.requests if r.path == path]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.path.startswith("/api/"):
            answers = self.answers[request.path.removeprefix("/api/")]
            return web.json_response(answers[0] if len(answers) == 1 else answers.popleft())
        return await self.pages[request.path](request)


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
async def slack() -> AsyncIterator[Slack]:
    slack = Slack()
    async with slack.server:
        yield slack


@pytest.fixture
async def trap() -> AsyncIterator[Trap]:
    trap = Trap()
    async with await trap.start():
        yield trap


@pytest.fixture
def sent() -> list[tuple[str, str | None]]:
    """Every request that was begun: its URL and Authorization."""
    return []


@pytest.fixture
async def session(
    trap: Trap, sent: list[tuple[str, str | None]]
) -> AsyncIterator[aiohttp.ClientSession]:
    async def note(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        sent.append((str(params.url), params.headers.get("authorization")))

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(note)
    connector = aiohttp.TCPConnector(resolver=Everywhere(trap.port))
    async with aiohttp.ClientSession(connector=connector, trace_configs=[trace]) as session:
        yield session


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def way(slack: Slack, session: aiohttp.ClientSession, pauses: Pauses) -> Web:
    client = AsyncWebClient(TOKEN, base_url=slack.url("/api/"), session=session, retry_handlers=[])
    return Web(client, sleep=Pauses())


@pytest.fixture
def files(way: Web, slack: Slack, pauses: Pauses) -> Files:
    return Files(way, api_url=slack.url("/api/"), hosts=["localhost"], pause=pauses)


def answering(body: bytes = PNG, kind: str = "image/png", status: int = 200) -> Page:
    async def page(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, status=status)

    return page


def moving(target: str) -> Page:
    async def page(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"location": target})

    return page


def at(url: str, name: str = "cat.png", kind: str | None = "image/png") -> Attachment:
    return Attachment(name=name, declared_type=kind, ref={"id": "F1", "url": url})


async def fetched(files: Files, attachment: Attachment) -> bytes:
    async with aclosing(files.download(attachment)) as blocks:
        return b"".join([block async for block in blocks])


async def complaint(files: Files, attachment: Attachment) -> str:
    with pytest.raises(MaterialError) as caught:
        await fetched(files, attachment)
    return str(caught.value)


# What comes in


async def test_a_file_comes_as_it_is_and_slack_sees_the_token(slack: Slack, files: Files) -> None:
    slack.pages["/files-pri/cat.png"] = answering()
    assert await fetched(files, at(slack.url("/files-pri/cat.png"))) == PNG
    assert slack.tokens("/files-pri/cat.png") == [f"Bearer {TOKEN}"]


async def test_a_packed_answer_is_not_unpacked(slack: Slack, files: Files) -> None:
    packed = gzip.compress(bytes(10_000_000))

    async def bomb(request: web.Request) -> web.Response:
        assert request.headers["accept-encoding"] == "identity"
        headers = {"content-encoding": "gzip", "content-type": "image/png"}
        return web.Response(body=packed, headers=headers)

    slack.pages["/bomb"] = bomb
    assert await fetched(files, at(slack.url("/bomb"))) == packed


async def test_a_signed_address_is_requested_to_the_letter(slack: Slack, files: Files) -> None:
    slack.pages["/a/b c.png"] = answering()
    address = "/a%2Fb%20c.png?sig=%2b%2F~%7E+x&e=1"
    assert await fetched(files, at(slack.url(address))) == PNG
    assert slack.requests[-1].raw_path == address


async def test_an_attachment_keeps_what_finds_its_file_again() -> None:
    file = SlackFile(
        id="F1", name="a\u202eb\n.png", mime_type="image/png", size=7, url="https://u", stub=False
    )
    assert attachment(file) == Attachment(
        name="ab.png", declared_type="image/png", size=7, ref={"id": "F1", "url": "https://u"}
    )


async def test_a_stub_is_looked_up_whatever_url_it_comes_with() -> None:
    stub = SlackFile(id="F1", name="", mime_type=None, size=None, url="https://u", stub=True)
    assert attachment(stub).ref == {"id": "F1", "url": ""}


async def test_a_stub_is_looked_up_until_it_has_a_url(
    slack: Slack, files: Files, pauses: Pauses
) -> None:
    url = slack.url("/files-pri/cat.png")
    slack.pages["/files-pri/cat.png"] = answering()
    known = {"id": "F1", "mode": "hosted", "url_private": url}
    slack.answers["files.info"] = deque(
        [{"ok": True, "file": {"id": "F1"}}, {"ok": True, "file": known}]
    )
    stub = SlackFile(id="F1", name="", mime_type=None, size=None, url="", stub=True)
    assert await fetched(files, attachment(stub)) == PNG
    assert list(pauses) == [0.0, 0.5]


async def test_a_file_that_never_gets_a_url_is_busy(
    slack: Slack, files: Files, pauses: Pauses
) -> None:
    slack.answers["files.info"] = deque([{"ok": True, "file": {"id": "F1"}}])
    assert await complaint(files, at("")) == (
        "Slack is still busy with cat.png. Send it again in a minute."
    )
    assert list(pauses) == [0.0, 0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"ok": True, "file": {"mode": "tombstone"}}, "is no longer in Slack"),
        ({"ok": False, "error": "file_deleted"}, "is no longer in Slack"),
        ({"ok": False, "error": "file_not_found"}, "is no longer in Slack"),
        ({"ok": True, "file": {"mode": "hidden_by_limit", "url_private": "x"}}, "over its limit"),
        ({"ok": True, "file": {"mode": "external", "url_private": "x"}}, "is kept outside Slack"),
        ({"ok": True, "file": {"file_access": "access_denied"}}, "did not hand over cat.png"),
        ({"ok": False, "error": "missing_scope"}, "did not hand over cat.png"),
        ({"ok": False, "error": "something_new"}, "could not be downloaded"),
        ({"ok": False, "error": "internal_error"}, "could not be downloaded"),
    ],
)
async def test_a_file_that_slack_does_not_give_is_named_with_the_reason(
    slack: Slack, files: Files, answer: dict[str, Any], words: str
) -> None:
    slack.answers["files.info"] = deque([answer])
    said = await complaint(files, at(""))
    assert words in said
    assert "cat.png" in said


# What is no file


@pytest.mark.parametrize(("kind", "body"), [("text/html", b"Sign in"), ("image/png", LOGIN)])
async def test_a_login_page_is_no_picture_and_the_operator_reads_why(
    slack: Slack, files: Files, kind: str, body: bytes
) -> None:
    slack.pages["/cat.png"] = answering(body, kind)
    with structlog.testing.capture_logs() as logs:
        said = await complaint(files, at(slack.url("/cat.png")))
    assert said.startswith("Slack did not hand over cat.png.")
    assert "files:read is missing, reinstall the app" in json.dumps(logs)


async def test_a_web_page_that_a_person_sent_is_left_to_the_core(
    slack: Slack, files: Files
) -> None:
    slack.pages["/page.html"] = answering(LOGIN, "text/html")
    page = at(slack.url("/page.html"), "page.html", "text/html")
    assert await fetched(files, page) == LOGIN


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "cat.png is no longer in Slack. Send it again."),
        (410, "cat.png is no longer in Slack. Send it again."),
        (403, "Slack did not hand over cat.png."),
        (401, "Slack did not hand over cat.png."),
        (418, "cat.png could not be downloaded. Send it again."),
        (503, "cat.png could not be downloaded. Send it again."),
    ],
)
async def test_each_refusal_has_its_words(
    slack: Slack, files: Files, status: int, words: str
) -> None:
    slack.pages["/cat.png"] = answering(b"no", "text/plain", status)
    assert (await complaint(files, at(slack.url("/cat.png")))).startswith(words)


async def test_a_busy_server_is_asked_again(slack: Slack, files: Files, pauses: Pauses) -> None:
    pages = deque([answering(status=503), answering(status=429), answering()])

    async def busy(request: web.Request) -> web.StreamResponse:
        return await pages.popleft()(request)

    slack.pages["/cat.png"] = busy
    assert await fetched(files, at(slack.url("/cat.png"))) == PNG
    assert list(pauses) == [0.5, 2.0]


async def test_a_file_that_is_cut_off_is_no_file(slack: Slack, files: Files) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": str(len(PNG))})
        await response.prepare(request)
        await response.write(PNG[:100_000])
        assert request.transport is not None
        request.transport.close()
        return response

    slack.pages["/cat.png"] = cut
    said = await complaint(files, at(slack.url("/cat.png")))
    assert said == "cat.png could not be downloaded. Send it again."


async def test_the_connection_ends_when_the_core_has_had_enough(slack: Slack, files: Files) -> None:
    ended = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "image/png"})
        await response.prepare(request)
        try:
            while True:
                await response.write(PNG)
        finally:
            ended.set()

    slack.pages["/endless"] = endless
    async with aclosing(files.download(at(slack.url("/endless")))) as blocks:
        async for _ in blocks:
            break
    async with asyncio.timeout(5):
        await ended.wait()


# Where it may come from


URLS = [
    # other machines of ours, and this one
    "http://127.0.0.1:{port}/x",
    "https://127.0.0.1:{port}/x",
    "http://[::1]:{port}/x",
    "http://[::ffff:127.0.0.1]:{port}/x",
    "http://0.0.0.0:{port}/x",
    "http://2130706433:{port}/x",
    "http://0x7f000001:{port}/x",
    "http://0177.0.0.1:{port}/x",
    "http://127.1:{port}/x",
    "http://metadata.google.internal/computeMetadata/v1/",
    "https://10.0.0.7/x",
    # names that look like Slack's
    "https://evil.example/x",
    "https://slack.com.evil.example/x",
    "https://files.slack.com./x",
    "https://notslack.com/x",
    "https://files-slack.com/x",
    "https://slack-edge.com/x",
    "https://slack-files.com.evil.example/x",
    "https://xn--slck-0ra.com/x",
    "https://files.sl\u0430ck.com/x",
    "https://files.slack.com\u3002evil.example/x",
    "https://evil.example%2f.slack.com/x",
    "https://evil.example%23.slack.com/x",
    "https://.slack.com/x",
    # tricks with the parts of a URL
    "https://files.slack.com@evil.example/x",
    "https://evil.example@files.slack.com/x",
    "https://user:password@files.slack.com/x",
    "https://:@files.slack.com/x",
    "https://evil.example\\.slack.com/x",
    "https://files.slack.com\\@evil.example/x",
    "https://evil.example#.slack.com/x",
    "https://evil.example?.slack.com/x",
    "https://evil.example;files.slack.com/x",
    "https:/\\evil.example/x",
    "//evil.example/x",
    "https://files.slack.com /x",
    "https://files.slack.com/x\r\nHost: evil.example",
    "\thttps://files.slack.com/x",
    # other ports and schemes
    "http://files.slack.com/x",
    "http://files.slack.com:443/x",
    "https://files.slack.com:8443/x",
    "https://files.slack.com:0/x",
    "https://files.slack.com:99999/x",
    "https://files.slack.com:{port}/x",
    "ftp://files.slack.com/x",
    "wss://files.slack.com/x",
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
    files: Files, trap: Trap, sent: list[tuple[str, str | None]], url: str
) -> None:
    said = await complaint(files, at(url.format(port=trap.port)))
    assert said == "cat.png is kept outside Slack. Upload the file itself."
    assert (trap.connections, sent) == (0, [])


@pytest.mark.parametrize("url", [url for url in URLS if url.isascii() and url.isprintable()])
async def test_no_redirect_leads_elsewhere(
    slack: Slack, files: Files, trap: Trap, sent: list[tuple[str, str | None]], url: str
) -> None:
    slack.pages["/cat.png"] = moving(url.format(port=trap.port))
    said = await complaint(files, at(slack.url("/cat.png")))
    assert said.startswith("cat.png is on a host that is not allowed here.")
    assert trap.connections == 0
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("https://files.slack.com/x", True),
        ("https://slack.com/x", True),
        ("https://FILES.slack.com:443/x", True),
        ("https://a.b.slack-edge.com/x", True),
        ("https://x.slack-files.com/x", True),
        ("https://localhost/x", False),
        ("http://LOCALHOST:81/x", False),
    ],
)
async def test_the_token_goes_to_slack_only(
    slack: Slack, files: Files, sent: list[tuple[str, str | None]], url: str, *, token: bool
) -> None:
    slack.pages["/cat.png"] = moving(url)
    await complaint(files, at(url))
    assert sent[-1] == (url.replace(":443", ""), f"Bearer {TOKEN}" if token else None)
    await complaint(files, at(slack.url("/cat.png")))
    assert sent[-1] == (url.replace(":443", ""), f"Bearer {TOKEN}" if token else None)


async def test_a_listed_host_gives_a_file_and_never_sees_the_token(
    slack: Slack, files: Files, way: Web
) -> None:
    other = Slack()
    other.pages["/cdn/cat.png"] = answering()
    async with other.server:
        slack.pages["/cat.png"] = moving(other.url("/cdn/cat.png"))
        listed = Files(way, api_url=slack.url("/api/"), hosts=["127.0.0.1"])
        assert await fetched(listed, at(slack.url("/cat.png"))) == PNG
        assert other.tokens("/cdn/cat.png") == [None]
        await complaint(files, at(slack.url("/cat.png")))
        assert len(other.requests) == 1


async def test_a_redirect_inside_slack_keeps_the_token(slack: Slack, files: Files) -> None:
    slack.pages["/cat.png"] = moving("../files-pri/cat.png?pub=1")
    slack.pages["/files-pri/cat.png"] = answering()
    assert await fetched(files, at(slack.url("/cat.png"))) == PNG
    assert slack.tokens("/files-pri/cat.png") == [f"Bearer {TOKEN}"]


async def test_redirects_end(slack: Slack, files: Files) -> None:
    slack.pages["/round"] = moving("/round")
    said = await complaint(files, at(slack.url("/round")))
    assert said == "cat.png could not be downloaded. Send it again."
    assert len(slack.requests) == 6


# What a mention in other people's thread is about


def image(number: int, kind: str = "image/png") -> dict[str, Any]:
    return {"id": f"F{number}", "name": f"{number}", "mimetype": kind, "url_private": "https://u"}


def message(ts: str, *files: dict[str, Any], user: str = "U1", **more: object) -> dict[str, Any]:
    return {"type": "message", "ts": ts, "thread_ts": "10.0", "user": user, "files": files, **more}


async def found(slack: Slack, way: Web, *messages: dict[str, Any]) -> list[str]:
    slack.answers["conversations.replies"] = deque([{"ok": True, "messages": messages}])
    return [file.id for file in await pictures_of_thread(way, "C1", "10.0", OWN, "13.5")]


async def test_a_mention_is_about_the_pictures_and_documents_of_the_root(
    slack: Slack, way: Web
) -> None:
    root = message("10.0", image(1), image(2, "video/mp4"), image(3, "application/pdf"))
    assert await found(slack, way, root, message("11.0", image(4))) == ["F1", "F3"]


async def test_without_any_there_it_is_about_the_newest_before_it(slack: Slack, way: Web) -> None:
    thread = [
        message("10.0", image(1, "text/plain")),
        message("11.0", image(2)),
        message("12.0", image(3), bot_id="B9", subtype="bot_message"),
        message("13.0", image(4, "text/plain")),
        message("13.5"),
        message("14.0", image(5)),
    ]
    assert await found(slack, way, *thread) == ["F3"]


async def test_our_own_forgotten_picture_comes_first(slack: Slack, way: Web) -> None:
    thread = [
        message("10.0", image(1)),
        message("11.0", image(2), user="UBOT"),
        message("12.0", image(3), user="UBOT"),
        message("13.0", image(4)),
    ]
    assert await found(slack, way, *thread) == ["F3"]


async def test_it_is_about_ten_files_at_most(slack: Slack, way: Web) -> None:
    root = message("10.0", *map(image, range(12)))
    assert await found(slack, way, root) == [f"F{number}" for number in range(10)]


async def test_a_thread_that_shows_nothing_gives_nothing(slack: Slack, way: Web) -> None:
    assert await found(slack, way, message("10.0"), message("11.0")) == []


async def test_a_thread_that_may_not_be_read_is_refused(slack: Slack, way: Web) -> None:
    slack.answers["conversations.replies"] = deque([{"ok": False, "error": "channel_not_found"}])
    with pytest.raises(Refused) as caught:
        await pictures_of_thread(way, "C1", "10.0", OWN, "13.5")
    assert caught.value.code == "channel_not_found"
