"""Calls of the Web API: what is repeated, how long is waited, what each error says."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.cards import line
from adapters.slack.web import Gone, Refused, Unclear, Web
from tests.standins.slack import Fault, SlackStandin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.standins.slack import Call

POST = "chat.postMessage"
REPLIES = "conversations.replies"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.at = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandin]:
    async with SlackStandin() as slack:
        yield slack
        assert slack.complaints == []


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def client(url: str, session: aiohttp.ClientSession | None, **more: Any) -> AsyncWebClient:  # noqa: ANN401
    return AsyncWebClient(
        token="xoxb-1-painter-token",
        base_url=url,
        session=session,
        **{"retry_handlers": [], **more},
    )


@pytest.fixture
def web(slack: SlackStandin, session: aiohttp.ClientSession, clock: Clock) -> Web:
    return Web(client(slack.api_url, session, timeout=1), clock=clock, sleep=clock.sleep)


@pytest.fixture
async def channel(slack: SlackStandin) -> str:
    slack.person("ann")
    return slack.channel("art", members=["ann"])


def texts(slack: SlackStandin) -> list[str]:
    return [message["text"] for message in slack.messages("art")]


async def thread(slack: SlackStandin) -> str:
    return await slack.say("art", "ann", "a fox")


async def test_arguments_go_in_the_body_and_those_that_are_none_are_left_out(
    slack: SlackStandin, web: Web, channel: str
) -> None:
    await web.call(POST, channel=channel, text="é" * 20_000, thread_ts=None, unfurl_links=False)
    blocks = [{"type": "section", "text": {"type": "plain_text", "text": "A fox"}}]
    await web.call(POST, channel=channel, text="two", blocks=blocks, unfurl_links=False)
    form, body = slack.calls(POST)
    assert (form.source, body.source) == ("form", "json")
    assert "thread_ts" not in form.arguments
    assert body.arguments["blocks"] == blocks


async def test_reading_methods_get_a_form_since_they_read_no_json(
    slack: SlackStandin, web: Web, channel: str
) -> None:
    ts = await thread(slack)
    page = await web.call(
        REPLIES, channel=channel, ts=ts, limit=10, include_all_metadata=True, cursor=None
    )
    assert [message["ts"] for message in page["messages"]] == [ts]


@pytest.mark.parametrize("kind", ["drop-after", "drop-before", "503", "html", "truncated"])
async def test_a_post_with_an_unclear_outcome_is_not_repeated(
    slack: SlackStandin, web: Web, channel: str, kind: str
) -> None:
    slack.plan(Fault(method=POST, kind=kind))
    with pytest.raises(Unclear) as unclear:
        await web.call(POST, channel=channel, text="hello")
    assert not unclear.value.final
    assert len(slack.calls(POST)) == 1


@pytest.mark.parametrize("code", ["internal_error", "fatal_error", "service_unavailable"])
async def test_a_failure_inside_slack_may_have_been_done(
    slack: SlackStandin, web: Web, channel: str, code: str
) -> None:
    slack.plan(Fault(method=POST, kind="error", error=code, work=True))
    with pytest.raises(Unclear):
        await web.call(POST, channel=channel, text="hello")
    assert texts(slack) == ["hello"]


async def test_a_silent_slack_is_given_up_after_the_clients_time(
    slack: SlackStandin, session: aiohttp.ClientSession, channel: str
) -> None:
    slack.plan(Fault(method=POST, kind="slow", seconds=0.3))
    hasty = Web(client(slack.api_url, session, timeout=0.1))
    with pytest.raises(Unclear):
        await hasty.call(POST, channel=channel, text="hello")


@pytest.mark.parametrize("kind", ["drop-after", "drop-before", "503", "html", "truncated"])
async def test_a_repeatable_call_is_tried_three_times(
    slack: SlackStandin, web: Web, channel: str, kind: str
) -> None:
    ts = await thread(slack)
    slack.plan(Fault(method=REPLIES, kind=kind, times=2))
    await web.call(REPLIES, repeatable=True, channel=channel, ts=ts)
    slack.plan(Fault(method=REPLIES, kind=kind, times=3))
    with pytest.raises(Unclear):
        await web.call(REPLIES, repeatable=True, channel=channel, ts=ts)
    assert len(slack.calls(REPLIES)) == 6


async def test_too_fast_is_waited_out_as_told_and_no_longer_than_a_minute(
    slack: SlackStandin, web: Web, channel: str, clock: Clock
) -> None:
    slack.plan(Fault(method=POST, kind="429", retry_after=7))
    slack.plan(Fault(method=POST, kind="429", retry_after=900))
    await web.call(POST, channel=channel, text="hello")
    assert clock.slept == [7, 60]
    assert texts(slack) == ["hello"]


async def test_too_fast_four_times_is_left_for_later(
    slack: SlackStandin, web: Web, channel: str
) -> None:
    slack.plan(Fault(method=POST, kind="429", times=0))
    with pytest.raises(Refused) as refused:
        await web.call(POST, channel=channel, text="hello")
    assert (refused.value.code, refused.value.final) == ("ratelimited", False)
    assert len(slack.calls(POST)) == 4


async def test_what_never_reached_slack_is_tried_again(
    session: aiohttp.ClientSession, clock: Clock
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        port = taken.getsockname()[1]
        web = Web(client(f"http://127.0.0.1:{port}/api/", session), sleep=clock.sleep)
        with pytest.raises(Refused) as refused:
            await web.call(POST, channel="C1", text="hello")
    assert (refused.value.code, refused.value.final) == ("unreachable", False)
    assert len(clock.slept) == 3


@pytest.mark.parametrize(
    ("code", "final", "closed"),
    [
        ("channel_not_found", True, True),
        ("not_in_channel", True, True),
        ("is_archived", True, True),
        ("thread_not_found", True, True),
        ("restricted_action_thread_locked", True, True),
        ("no_permission", True, True),
        ("missing_scope", True, False),
        ("msg_too_long", True, False),
        ("invalid_blocks", True, False),
        ("a_word_nobody_knows", True, False),
        ("request_timeout", False, False),
    ],
)
async def test_a_refusal_says_whether_later_or_elsewhere_can_help(
    slack: SlackStandin, web: Web, channel: str, code: str, *, final: bool, closed: bool
) -> None:
    slack.plan(Fault(method=POST, kind="error", error=code))
    with pytest.raises(Refused) as refused:
        await web.call(POST, repeatable=True, channel=channel, text="hello")
    error = refused.value
    assert (error.code, error.final, error.closed) == (code, final, closed)
    assert str(error).endswith(".")
    assert len(slack.calls(POST)) == 1


@pytest.mark.parametrize(
    "code", ["token_revoked", "account_inactive", "invalid_auth", "not_authed", "token_expired"]
)
async def test_after_the_app_is_gone_no_call_is_made(
    slack: SlackStandin, web: Web, channel: str, code: str
) -> None:
    slack.token_error = code
    for _ in range(3):
        with pytest.raises(Gone) as gone:
            await web.call(POST, channel=channel, text="hello")
        assert (gone.value.code, gone.value.final) == (code, True)
    assert len(slack.all_calls) == 1


async def test_a_removed_app_calls_nobody(slack: SlackStandin, web: Web, channel: str) -> None:
    web.stop("app_uninstalled")
    with pytest.raises(Gone, match="install it again"):
        await web.call(POST, channel=channel, text="hello")
    assert slack.all_calls == []


async def test_a_channel_gets_a_few_messages_at_once_and_then_one_a_second(
    slack: SlackStandin, web: Web, channel: str, clock: Clock
) -> None:
    other = slack.channel("studio")
    for number in range(7):
        await web.call(POST, pace=channel, channel=channel, text=str(number))
    assert clock.slept == [1, 1, 1]
    await web.call(POST, pace=other, channel=other, text="elsewhere")
    assert clock.slept == [1, 1, 1]
    clock.at += 60
    for number in range(4):
        await web.call(POST, pace=channel, channel=channel, text=str(number))
    assert clock.slept == [1, 1, 1]


async def test_all_calls_share_one_connection(slack: SlackStandin, web: Web) -> None:
    for _ in range(5):
        await web.call("auth.test")
    connector = web.session.connector
    assert isinstance(connector, aiohttp.TCPConnector)
    assert sum(map(len, connector._conns.values())) == 1


def used(slack: SlackStandin) -> Call:
    return slack.calls("response_url")[-1]


async def test_a_response_url_is_answered_privately_and_without_the_token(
    slack: SlackStandin, web: Web, channel: str
) -> None:
    from tests.standins.slack.response_urls import new_response_url  # noqa: PLC0415

    url = new_response_url(slack.world, channel, slack.person("bob"))
    await web.respond(url, line("Not here."))
    [shown] = slack.ephemerals
    assert "Not here." in shown["text"]
    assert used(slack).token == ""
    slack.plan(Fault(method="response_url", kind="drop-after"))
    with pytest.raises(Unclear):
        await web.respond(url, line("Not here."))
    slack.plan(Fault(method="response_url", kind="404"))
    with pytest.raises(Refused):
        await web.respond(url, line("Not here."))


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "500", "400"])
async def test_an_upload_that_breaks_off_is_an_error(
    slack: SlackStandin, web: Web, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "fox.png"
    file.write_bytes(b"12345")
    place = await web.call("files.getUploadURLExternal", filename="fox.png", length=5)
    slack.plan(Fault(method="upload", kind=kind))
    with pytest.raises((Refused, Unclear)):
        await web.upload(place["upload_url"], file)


def test_a_client_that_would_repeat_posts_by_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="retry_handlers"):
        Web(AsyncWebClient(token="xoxb-1"))
