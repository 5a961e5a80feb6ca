"""Calls against a raw loopback server: what is tried again, and what never is."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from adapters.gemini.client import Timeouts
from bot.conversation import Blob
from bot.errors import (
    CallRejected,
    DependencyDown,
    KeyRejected,
    ModelError,
    ModelGone,
    OutcomeUnknown,
    QuotaGone,
    RequestTooLarge,
    ServiceBusy,
    SignatureRefused,
    UsageError,
)
from bot.options import GenerationOptions
from tests.gemini.support import KEY, Line, ask, caller, serving, store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gemini.support import Act

LARGE = b"\x00" * 30_000_000
HTML = b"<html>Bad gateway</html>"


def saying(status: int = 200, body: bytes = b"{}", **headers: str) -> Act:
    async def act(line: Line) -> None:
        await line.answer(status, body, **headers)

    return act


def error(status: int, message: str = "", *details: dict[str, Any]) -> Act:
    body = {"error": {"code": status, "message": message, "details": list(details)}}
    return saying(status, json.dumps(body).encode())


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


async def test_a_call_is_one_post_with_key_length_and_json(tmp_path: Path) -> None:
    requests: list[bytes] = []

    async def act(line: Line) -> None:
        requests.append(await line.request())
        await line.say(reply_of(b'{"candidates":[]}'))

    def reply_of(body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body

    async with serving(act) as server, caller(server.url + "/", tmp_path) as using:
        answer = await using.call(ask("a fox", store(using.blobs, LARGE)))

    [request] = requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert head.startswith(
        b"POST /v1beta/models/gemini-3.1-flash-image:generateContent HTTP/1.1\r\n"
    )
    assert f"x-goog-api-key: {KEY.lower()}" in lines
    assert f"content-length: {len(body)}" in lines
    assert "accept-encoding: identity" in lines
    assert "content-type: application/json" in lines
    assert "connection: close" in lines
    assert not any(line.startswith("transfer-encoding") for line in lines)
    assert json.loads(body)["contents"][0]["parts"][0] == {"text": "a fox"}
    assert answer == b'{"candidates":[]}'
    assert using.notes == []
    assert using.waits == []


async def test_an_overloaded_service_is_asked_three_times(tmp_path: Path) -> None:
    acts = (error(503), error(503), saying(body=b"paid"))
    async with serving(*acts) as server, caller(server.url, tmp_path) as using:
        assert await using.call() == b"paid"

    assert server.connections == 3
    assert using.waits == [2, 6]
    assert using.notes == [
        "Gemini is busy; trying again in 2 s",
        "",
        "Gemini is busy; trying again in 6 s",
        "",
    ]
    assert using.sink.restarts == 2


@pytest.mark.parametrize(
    ("act", "kind", "posts"),
    [
        (error(503), ServiceBusy, 3),
        (saying(503, HTML), ServiceBusy, 3),
        (error(500), ServiceBusy, 2),
        (error(429), ServiceBusy, 3),
        (error(429, "Quota, limit: 0, model: x"), QuotaGone, 1),
        (error(429, "", {"violations": [{"quotaId": "RequestsPerDayPerProject"}]}), QuotaGone, 1),
        (error(429, "", retry_info("61s")), ServiceBusy, 1),
        (saying(429, b"", retry_after="3600"), ServiceBusy, 1),
        (error(400, "Bad image"), CallRejected, 1),
        (error(400, "Corrupted thought signature."), SignatureRefused, 1),
        (error(403), KeyRejected, 1),
        (error(404), ModelGone, 1),
        (saying(413, HTML), RequestTooLarge, 1),
        (saying(500, HTML), OutcomeUnknown, 1),
        (saying(502, HTML), OutcomeUnknown, 1),
        (error(504), OutcomeUnknown, 1),
        (error(408), OutcomeUnknown, 1),
        (error(499), OutcomeUnknown, 1),
    ],
)
async def test_a_refused_call_is_repeated_only_when_it_was_not_taken(
    tmp_path: Path, act: Act, kind: type[ModelError], posts: int
) -> None:
    async with serving(act) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(kind) as caught:
            await using.call()

    assert type(caught.value) is kind
    assert server.connections == posts
    assert using.sink.data == b""
    assert KEY not in str(caught.value)


async def test_the_wait_that_the_service_asks_for_is_kept(tmp_path: Path) -> None:
    acts = (
        error(429, "", retry_info("34.5s")),
        saying(429, b"", retry_after="7"),
        saying(body=b"paid"),
    )
    async with serving(*acts) as server, caller(server.url, tmp_path) as using:
        assert await using.call() == b"paid"

    assert using.waits == [35, 7.5]
    assert "35 s" in using.notes[0]


async def test_a_slow_service_and_an_overloaded_one_share_the_three_tries(tmp_path: Path) -> None:
    acts = (error(503), error(500), saying(body=b"paid"))
    async with serving(*acts) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(ServiceBusy):
            await using.call()

    assert server.connections == 2


def disconnecting(*, abort: bool) -> Act:
    async def act(line: Line) -> None:
        await line.request()
        if abort:
            line.reset()

    return act


@pytest.mark.parametrize("abort", [True, False])
@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_a_connection_lost_after_the_body_was_sent_is_never_bought_again(
    tmp_path: Path, *, abort: bool, size: int
) -> None:
    act = disconnecting(abort=abort)
    async with serving(act) as server, caller(server.url, tmp_path) as using:
        contents = ask("a fox", store(using.blobs, LARGE[:size]))
        with pytest.raises(OutcomeUnknown, match=r"broke off. It may have been billed"):
            await using.call(contents)

    assert server.connections == 1
    assert using.waits == []


async def test_a_connection_lost_while_the_body_is_sent_is_not_bought_again(tmp_path: Path) -> None:
    async def act(line: Line) -> None:
        await line.head()
        line.reset()

    async with serving(act) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(OutcomeUnknown):
            await using.call(ask(store(using.blobs, LARGE)))

    assert server.connections == 1


CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"
CUT_CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"


@pytest.mark.parametrize(
    "beginning",
    [CUT, CUT_CHUNKED, b"HTTP/1.1 200 OK\r\ncontent-le", b"HTTP/1.1 2", b"garbage\r\n\r\n"],
)
async def test_a_cut_answer_is_never_bought_again(tmp_path: Path, beginning: bytes) -> None:
    async def act(line: Line) -> None:
        await line.request()
        await line.say(beginning)

    async with serving(act) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(OutcomeUnknown, match="may have been billed"):
            await using.call()

    assert server.connections == 1


@pytest.mark.parametrize("beginning", [b"", CUT])
async def test_a_service_that_falls_silent_is_never_asked_again(
    tmp_path: Path, beginning: bytes
) -> None:
    async def act(line: Line) -> None:
        await line.request()
        await line.say(beginning)
        await line.silence()

    timeouts = Timeouts(connect=5, write=5, read=0.1, long_read=9)
    async with serving(act) as server, caller(server.url, tmp_path, timeouts=timeouts) as using:
        with pytest.raises(OutcomeUnknown, match="did not answer in time"):
            await using.call()

    assert server.connections == 1


@pytest.mark.parametrize(
    "said",
    [{"image_size": "4K"}, {"thinking": "high"}, {"web_search": True}, {"image_search": True}],
)
async def test_slow_kinds_of_picture_are_waited_for_longer(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    async def act(line: Line) -> None:
        await line.request()
        await line.silence()

    timeouts = Timeouts(connect=5, write=5, read=30, long_read=0.1)
    async with serving(act) as server, caller(server.url, tmp_path, timeouts=timeouts) as using:
        with pytest.raises(OutcomeUnknown):
            await using.call(None, GenerationOptions(**said))


async def test_an_upload_that_gets_stuck_is_given_up(tmp_path: Path) -> None:
    async def act(line: Line) -> None:
        await line.head()
        await line.silence()

    timeouts = Timeouts(connect=5, write=0.2, read=30, long_read=30)
    async with serving(act) as server, caller(server.url, tmp_path, timeouts=timeouts) as using:
        with pytest.raises(OutcomeUnknown, match="upload to Gemini got stuck"):
            await using.call(ask(store(using.blobs, LARGE)))

    assert server.connections == 1


async def test_a_service_that_cannot_be_reached_is_tried_three_times(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        async with caller(url, tmp_path) as using:
            with pytest.raises(ServiceBusy, match=r"Could not reach 127\.0\.0\.1\..*network"):
                await using.call()

    assert using.waits == [2, 6]
    assert using.notes[0] == "Gemini cannot be reached; trying again in 2 s"


async def test_a_host_that_does_not_exist_is_named(tmp_path: Path) -> None:
    async with caller("https://nowhere.invalid", tmp_path) as using:
        with pytest.raises(ServiceBusy, match=r"Could not reach nowhere\.invalid"):
            await using.call()


async def test_a_server_without_tls_is_not_reached(tmp_path: Path) -> None:
    async def act(line: Line) -> None:
        await line.say(b"HTTP/1.1 400 This is not TLS\r\n\r\n")

    async with serving(act) as server:
        url = server.url.replace("http:", "https:")
        async with caller(url, tmp_path) as using:
            with pytest.raises(ServiceBusy, match="certificates"):
                await using.call()

    assert server.connections == 3


async def test_a_connection_that_is_never_made_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        with socket.create_connection(full.getsockname()), socket.socket() as more:
            more.settimeout(0)
            more.connect_ex(full.getsockname())
            timeouts = Timeouts(connect=0.1, write=5, read=5, long_read=5)
            async with caller(url, tmp_path, timeouts=timeouts) as using:
                with pytest.raises(ServiceBusy, match="Could not reach"):
                    await using.call()

    assert using.waits == [2, 6]


async def test_an_early_refusal_of_a_large_body_is_understood(tmp_path: Path) -> None:
    async def act(line: Line) -> None:
        await line.head()
        await line.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await line.silence()

    async with serving(act) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(RequestTooLarge):
            await using.call(ask(store(using.blobs, LARGE)))
        with pytest.raises(RequestTooLarge):  # the slot of the first upload was given back
            await using.call(ask(store(using.blobs, LARGE)))


async def test_a_request_over_the_limit_is_not_sent_at_all(tmp_path: Path) -> None:
    async with (
        serving(saying()) as server,
        caller(server.url, tmp_path, max_request_bytes=1000) as using,
    ):
        with pytest.raises(RequestTooLarge):
            await using.call(ask("x" * 1000))

    assert server.connections == 0
    assert using.model.profile(None).max_bytes == 1000


async def test_a_missing_picture_ends_the_call_before_anything_can_be_billed(
    tmp_path: Path,
) -> None:
    async def act(line: Line) -> None:
        await line.request()

    missing = Blob(digest="0" * 64, mime_type="image/png", size=3)
    async with serving(act) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(CallRejected, match="not stored any more"):
            await using.call(ask(missing))

    assert server.connections == 1


async def test_a_picture_that_was_cut_on_disk_is_not_sent(tmp_path: Path) -> None:
    async with serving(saying()) as server, caller(server.url, tmp_path) as using:
        whole = store(using.blobs, LARGE[:9])
        longer = Blob(digest=whole.digest, mime_type="image/png", size=10)
        with pytest.raises(ServiceBusy, match="cannot be read just now"):
            await using.call(ask(longer))


async def test_a_full_disk_is_told_as_it_is(tmp_path: Path) -> None:
    async with serving(saying(body=b"paid")) as server, caller(server.url, tmp_path) as using:

        def full(data: bytes) -> None:
            raise DependencyDown("The disk is full.")

        using.sink.write = full  # type: ignore[method-assign]
        with pytest.raises(DependencyDown):
            await using.call()

    assert server.connections == 1


async def test_a_compressed_answer_is_written_plain(tmp_path: Path) -> None:
    plain = b'{"candidates":[]}' * 10_000
    act = saying(body=gzip.compress(plain), content_encoding="gzip")
    async with serving(act) as server, caller(server.url, tmp_path) as using:
        assert await using.call() == plain


async def test_a_broken_compression_is_a_broken_answer(tmp_path: Path) -> None:
    act = saying(body=b"no gzip", content_encoding="gzip")
    async with serving(act) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(OutcomeUnknown):
            await using.call()

    assert server.connections == 1


async def test_an_endless_error_page_is_read_in_part(tmp_path: Path) -> None:
    async def act(line: Line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 502 X\r\ncontent-length: 99999999999\r\n\r\n" + b"x" * 200_000)
        await line.silence()

    async with serving(act) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(OutcomeUnknown):
            await using.call()


async def test_a_cut_error_is_judged_by_its_status(tmp_path: Path) -> None:
    async def act(line: Line) -> None:
        await line.request()
        await line.say(b'HTTP/1.1 401 X\r\ncontent-length: 999\r\n\r\n{"error":')

    async with serving(act) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(KeyRejected):
            await using.call()


async def test_instructions_that_the_model_does_not_take_go_in_front_of_the_words(
    tmp_path: Path,
) -> None:
    bodies: list[Any] = []

    async def act(line: Line) -> None:
        request = await line.request()
        bodies.append(json.loads(request.partition(b"\r\n\r\n")[2]))
        if "systemInstruction" in bodies[-1]:
            message = "Developer instruction is not enabled for models/x"
            body = json.dumps({"error": {"code": 400, "message": message}}).encode()
            await line.say(b"HTTP/1.1 400 X\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        else:
            await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npaid")

    async with serving(act) as server, caller(server.url, tmp_path) as using:
        assert await using.call(ask("a fox", system="Be kind.")) == b"paid"

    assert len(bodies) == 2
    assert bodies[1]["contents"][0]["parts"] == [{"text": "Be kind.\n\n"}, {"text": "a fox"}]
    assert using.waits == []


async def test_a_refusal_of_instructions_that_were_not_sent_is_final(tmp_path: Path) -> None:
    act = error(400, "Developer instruction is not enabled for models/x")
    async with serving(act) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(CallRejected):
            await using.call(ask("a fox", system="Be kind."))

    assert server.connections == 2


async def test_waiting_for_the_model_holds_no_slot(tmp_path: Path) -> None:
    waiting = asyncio.Semaphore(0)
    go = asyncio.Event()

    async def act(line: Line) -> None:
        await line.request()
        waiting.release()
        await go.wait()
        await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npaid")

    async with serving(act) as server, caller(server.url, tmp_path, transfers=1) as using:
        calls = [asyncio.create_task(using.call()) for _ in range(5)]
        async with asyncio.timeout(5):
            for _ in calls:
                await waiting.acquire()
        go.set()
        await asyncio.gather(*calls)

    assert server.connections == 5


async def test_a_cancelled_call_gives_its_slots_and_its_connection_back(tmp_path: Path) -> None:
    stuck = asyncio.Event()
    ended = asyncio.Event()

    async def hold(line: Line) -> None:
        await line.head()
        stuck.set()
        try:
            await line.end()
        finally:
            ended.set()

    acts = (hold, saying(body=b"paid"))
    async with serving(*acts) as server, caller(server.url, tmp_path, transfers=1) as using:
        call = asyncio.create_task(using.call(ask(store(using.blobs, LARGE))))
        await stuck.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(5):
            await ended.wait()
            assert await using.call() == b"paid"


async def test_no_connection_is_used_twice(tmp_path: Path) -> None:
    async with serving(saying()) as server, caller(server.url, tmp_path) as using:
        await using.call()
        await using.call()

    assert server.connections == 2


async def test_a_proxy_from_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[bytes] = []

    async def act(line: Line) -> None:
        requests.append(await line.request())
        await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npaid")

    async with serving(act) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        async with caller("http://gemini.example", tmp_path) as using:
            assert await using.call() == b"paid"

    assert requests[0].startswith(b"POST http://gemini.example/v1beta/models/")


def listing(*ids: str) -> Act:
    return saying(body=json.dumps({"models": [{"name": f"models/{i}"} for i in ids]}).encode())


def not_found() -> Act:
    body = {"error": {"code": 404, "message": "gone", "status": "NOT_FOUND"}}
    return saying(404, json.dumps(body).encode())


@pytest.mark.parametrize("act", [saying(), error(500), saying(503, HTML), error(429), error(400)])
async def test_whatever_answers_is_alive(tmp_path: Path, act: Act) -> None:
    async with serving(act) as server, caller(server.url, tmp_path) as using:
        await using.model.probe()

    assert server.connections == 1


@pytest.mark.parametrize(
    ("acts", "instead"),
    [
        ((not_found(), listing("gemini-nano-banana-2.1", "x")), "gemini-nano-banana-2.1"),
        ((not_found(), listing("x", "gemini-3-pro-image")), "gemini-3-pro-image"),
        ((not_found(), listing("x")), "gemini-nano-banana-2.1"),
        ((not_found(), error(500)), "gemini-nano-banana-2.1"),
        ((saying(404, HTML), listing("gemini-3-pro-image")), "gemini-3-pro-image"),
    ],
)
async def test_a_model_that_is_gone_is_found_out_before_the_first_call(
    tmp_path: Path, acts: tuple[Act, ...], instead: str
) -> None:
    async with serving(*acts) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(ModelGone, match=f"GEMINI_MODEL={instead}"):
            await using.model.probe()


@pytest.mark.parametrize(
    "acts",
    [
        (saying(404, HTML), saying(404, HTML)),
        (saying(404, HTML), saying(body=b"[]")),
        (saying(404, HTML), listing("gemini-3.1-flash-image")),
        (not_found(), listing("gemini-3.1-flash-image")),
    ],
)
async def test_a_gateway_without_a_list_of_models_is_alive(
    tmp_path: Path, acts: tuple[Act, ...]
) -> None:
    async with serving(*acts) as server, caller(server.url, tmp_path) as using:
        await using.model.probe()


@pytest.mark.parametrize("act", [error(401), error(403), error(400, "API key not valid.")])
async def test_a_bad_key_is_found_out_before_the_first_call(tmp_path: Path, act: Act) -> None:
    async with serving(act) as server, caller(server.url, tmp_path) as using:
        with pytest.raises(KeyRejected, match="GEMINI_API_KEY"):
            await using.model.probe()


async def test_a_probe_without_a_network_says_so(tmp_path: Path) -> None:
    async with caller("http://nowhere.invalid", tmp_path) as using:
        with pytest.raises(ServiceBusy, match=r"Could not reach nowhere\.invalid"):
            await using.model.probe()


async def test_the_backend_names_service_route_and_key_but_not_the_key_itself(
    tmp_path: Path,
) -> None:
    async with caller(
        "https://gate.example/gemini/v1beta/", tmp_path, provider="wisdom-gate"
    ) as using:
        backend = using.model.backend

    digest = hashlib.sha256(KEY.encode()).hexdigest()[:8]
    assert backend == f"wisdom-gate/gate.example/{digest}"
    assert using.model.provider == "wisdom-gate"


async def test_profiles_are_those_of_the_provider(tmp_path: Path) -> None:
    async with caller("https://gate.example", tmp_path, model="my-alias") as using:
        assert using.model.profile(None).id == "my-alias"
        assert using.model.profile("gemini-3-pro-image").id == "gemini-3-pro-image"
        with pytest.raises(UsageError):
            using.model.profile("nano")
