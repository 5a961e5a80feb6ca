"""The stand-in for Slack refuses what Slack refuses; its callers here are the real libraries."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.standins.pictures import png
from tests.standins.slack import Fault, SlackFile, SlackStandin
from tests.standins.slack.rules import RULES
from tests.standins.slack.server import METHODS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from slack_bolt.async_app import AsyncAck

Json = dict[str, Any]
PICTURE = png(8, 6, "a cat")
BUTTON = {
    "type": "button",
    "text": {"type": "plain_text", "text": "Redo"},
    "action_id": "redo",
    "value": "T7",
}
ROW = {"type": "actions", "block_id": "row", "elements": [BUTTON]}
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
MODAL: Json = {
    "type": "modal",
    "callback_id": "new",
    "title": {"type": "plain_text", "text": "New picture"},
    "submit": {"type": "plain_text", "text": "Paint"},
    "blocks": [
        {
            "type": "input",
            "block_id": "prompt-block",
            "label": {"type": "plain_text", "text": "Prompt"},
            "element": {"type": "plain_text_input", "action_id": "prompt", "max_length": 20},
        },
        {
            "type": "input",
            "block_id": "files-block",
            "optional": True,
            "label": {"type": "plain_text", "text": "Pictures"},
            "element": {
                "type": "file_input",
                "action_id": "files",
                "filetypes": ["png"],
                "max_files": 1,
            },
        },
        {
            "type": "input",
            "block_id": "ratio-block",
            "label": {"type": "plain_text", "text": "Ratio"},
            "element": {
                "type": "static_select",
                "action_id": "ratio",
                "initial_option": {"text": {"type": "plain_text", "text": "1:1"}, "value": "1:1"},
                "options": [
                    {"text": {"type": "plain_text", "text": "1:1"}, "value": "1:1"},
                    {"text": {"type": "plain_text", "text": "16:9"}, "value": "16:9"},
                ],
            },
        },
    ],
}


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandin]:
    async with SlackStandin() as standin:
        standin.person("ann")
        yield standin


@pytest.fixture
def general(slack: SlackStandin) -> str:
    return slack.channel("general", members=["ann"])


@pytest.fixture
async def client(slack: SlackStandin) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[]
        )


async def refused(answer: Any) -> Json:  # noqa: ANN401  # the SDK's coroutine of one call
    with pytest.raises(SlackApiError) as caught:
        await answer
    found = caught.value.response.data
    assert isinstance(found, dict)
    return found


async def error(answer: Any) -> str:  # noqa: ANN401
    return str((await refused(answer))["error"])


# --- who may call what ---------------------------------------------------------------------------


def test_every_method_of_the_table_is_answered_and_the_other_way_round() -> None:
    assert {*METHODS, "apps.connections.open"} == set(RULES)


@pytest.mark.parametrize("method", sorted(RULES))
async def test_no_method_answers_without_a_token_or_with_a_foreign_one(
    slack: SlackStandin, method: str
) -> None:
    async with httpx.AsyncClient(base_url=slack.api_url) as http:
        assert (await http.post(method)).json() == {"ok": False, "error": "not_authed"}
        foreign = {"Authorization": "Bearer xoxb-other"}
        answer = await http.post(method, headers=foreign)
        assert (answer.status_code, answer.json()["error"]) == (200, "invalid_auth")


async def test_unknown_methods_are_named(slack: SlackStandin, client: AsyncWebClient) -> None:
    assert await error(client.api_call("chat.postMessages")) == "unknown_method"


@pytest.mark.parametrize("word", ["token_revoked", "account_inactive"])
async def test_a_token_can_die(slack: SlackStandin, client: AsyncWebClient, word: str) -> None:
    await client.auth_test()
    slack.token_error = word
    assert await error(client.auth_test()) == word


async def test_auth_test_tells_who_the_bot_is_and_what_it_may(
    slack: SlackStandin, client: AsyncWebClient
) -> None:
    answer = await client.auth_test()
    assert (answer["user_id"], answer["bot_id"]) == (slack.bot_user, slack.bot_id)
    assert "chat:write" in answer.headers["x-oauth-scopes"]


async def test_the_app_token_opens_connections_and_does_nothing_else(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    app = AsyncWebClient(token=slack.app_token, base_url=slack.api_url)
    assert (await app.apps_connections_open(app_token=slack.app_token))["url"].startswith("ws://")
    assert await error(app.chat_postMessage(channel=general, text="x")) == "not_allowed_token_type"
    assert (
        await error(client.apps_connections_open(app_token=slack.bot_token))
        == "not_allowed_token_type"
    )


async def test_a_missing_scope_is_named_with_those_that_are_there() -> None:
    async with SlackStandin(scopes=["chat:write", "im:history"]) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        answer = await refused(client.files_info(file="F000000001"))
        assert (answer["error"], answer["needed"]) == ("missing_scope", "files:read")
        assert answer["provided"] == "chat:write,im:history"
        general = slack.channel("general")
        slack.person("ann")
        history = await refused(client.conversations_history(channel=general))
        assert history["needed"] == "channels:history"
        await client.conversations_history(channel=slack.direct("ann"))


# --- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["query", "form", "json"])
async def test_arguments_are_read_from_query_form_and_json(
    slack: SlackStandin, general: str, place: str
) -> None:
    arguments = {"channel": general, "text": "hello", "unfurl_links": False}
    blocks: Any = [SECTION] if place == "json" else json.dumps([SECTION])
    sent = {"query": "params", "form": "data", "json": "json"}[place]
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    body: Json = {sent: {**arguments, "blocks": blocks}}
    async with httpx.AsyncClient(headers=headers) as http:
        answer = await http.post(f"{slack.api_url}chat.postMessage", **body)
    assert answer.json()["ok"], answer.text
    assert slack.calls("chat.postMessage")[0].source == place
    assert slack.messages(general)[0]["blocks"][0]["text"]["text"] == "hello"
    assert slack.complaints == []


async def test_reading_methods_do_not_read_json(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    ts = await slack.say(general, "ann", "hello")
    call = client.api_call("conversations.replies", json={"channel": general, "ts": ts})
    answer = await refused(call)
    assert answer["error"] == "invalid_arguments"
    assert "channel" in answer["response_metadata"]["messages"][0]
    assert (await client.conversations_replies(channel=general, ts=ts))["messages"][0]["ts"] == ts


async def test_typing_errors_in_arguments_are_complaints(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    await client.chat_postMessage(channel=general, text="x", client_msg_id="1")
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel="general", text="x")
    assert slack.complaints == [
        "chat.postMessage has no argument client_msg_id",
        "chat.postMessage: channel is no channel: 'general'",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": "x"}, "missing required field: channel"),
        ({"channel": "C000000001", "text": {"a": 1}}, "must be a string"),
        ({"channel": "C000000001", "unfurl_links": "maybe"}, "must be a boolean"),
    ],
)
async def test_arguments_of_a_wrong_type_are_refused(
    client: AsyncWebClient, arguments: Json, message: str
) -> None:
    answer = await refused(client.api_call("chat.postMessage", json=arguments))
    assert answer["error"] == "invalid_arguments"
    assert message in answer["response_metadata"]["messages"][0]


# --- talking -------------------------------------------------------------------------------------


async def test_where_the_bot_cannot_speak_it_is_told_why(
    slack: SlackStandin, client: AsyncWebClient
) -> None:
    places = {
        slack.channel("absent", bot=False): "not_in_channel",
        slack.channel("secret", bot=False, private=True): "channel_not_found",
        slack.channel("old", archived=True): "is_archived",
        "C0NOTHING1": "channel_not_found",
    }
    for channel, word in places.items():
        assert await error(client.chat_postMessage(channel=channel, text="x")) == word


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({}, "no_text"),
        ({"text": "a" * 40_001}, "msg_too_long"),
        ({"text": "a", "markdown_text": "b"}, "markdown_text_conflict"),
        ({"text": "a", "thread_ts": "1700000000.000100"}, "thread_not_found"),
        ({"text": "a", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        (
            {"text": "a", "metadata": {"event_type": "x", "event_payload": {"p": "a" * 9000}}},
            "metadata_too_large",
        ),
        ({"text": "a", "blocks": [SECTION] * 51}, "invalid_blocks"),
    ],
)
async def test_messages_that_slack_refuses(
    client: AsyncWebClient, general: str, content: Json, word: str
) -> None:
    call = client.api_call("chat.postMessage", json={"channel": general, **content})
    assert await error(call) == word


async def test_a_message_can_be_changed_and_deleted_only_by_its_author(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    hers = await slack.say(general, "ann", "mine")
    ours = (await client.chat_postMessage(channel=general, text="ours", blocks=[SECTION]))["ts"]
    assert await error(client.chat_update(channel=general, ts=hers, text="x")) == (
        "cant_update_message"
    )
    assert await error(client.chat_delete(channel=general, ts=hers)) == "cant_delete_message"
    long = client.chat_update(channel=general, ts=ours, text="a" * 4001)
    assert await error(long) == "msg_too_long"
    await client.chat_update(channel=general, ts=ours, text="changed")
    assert slack.message(general, ours)["text"] == "changed"
    assert "blocks" not in slack.message(general, ours)
    await client.chat_delete(channel=general, ts=ours)
    again = client.chat_delete(channel=general, ts=ours)
    assert await error(again) == "message_not_found"
    assert [m["text"] for m in slack.messages(general)] == ["mine"]


async def test_metadata_is_read_back_only_when_asked_for(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    ts = await slack.say(general, "ann", "hello")
    mark = {"event_type": "threadpaint_answer", "event_payload": {"turn": "T7"}}
    await client.chat_postMessage(channel=general, thread_ts=ts, text="x", metadata=mark)
    plain = await client.conversations_replies(channel=general, ts=ts)
    assert [m.get("metadata") for m in plain["messages"]] == [None, None]
    whole = await client.conversations_replies(channel=general, ts=ts, include_all_metadata=True)
    assert whole["messages"][1]["metadata"] == mark
    assert whole["messages"][0]["reply_count"] == 1


async def test_replies_come_in_pages_and_within_bounds(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    root = await slack.say(general, "ann", "root")
    replies = [await slack.say(general, "ann", str(n), thread_ts=root) for n in range(4)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = await client.conversations_replies(
            channel=general, ts=root, limit=2, cursor=cursor, oldest=replies[0]
        )
        seen += [message["ts"] for message in page["messages"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            break
    assert seen == [root, *replies[1:]]
    newest = await client.conversations_history(channel=general)
    assert [message["ts"] for message in newest["messages"]] == [root]


async def test_posting_is_paced_when_told(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    slack.knobs.pace = True
    other = slack.channel("other")
    for number in range(slack.knobs.burst):
        await client.chat_postMessage(channel=general, text=str(number))
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=general, text="too fast")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "1"
    await client.chat_postMessage(channel=other, text="elsewhere")


async def test_a_method_has_so_many_calls_a_minute(
    slack: SlackStandin, client: AsyncWebClient
) -> None:
    slack.knobs.pace = True
    group = slack.group(["ann"])
    for _ in range(20):
        await client.usergroups_users_list(usergroup=group)
    with pytest.raises(SlackApiError) as caught:
        await client.usergroups_users_list(usergroup=group)
    assert 50 < int(caught.value.response.headers["Retry-After"]) <= 60


async def test_only_members_see_ephemeral_messages(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    stranger = slack.person("bob")
    await client.chat_postEphemeral(channel=general, user="U000000001", text="psst")
    assert [(m["user"], m["text"]) for m in slack.ephemerals] == [("U000000001", "psst")]
    call = client.chat_postEphemeral(channel=general, user=stranger, text="x")
    assert await error(call) == "user_not_in_channel"
    assert slack.messages(general) == []


async def test_reactions_are_put_once_and_taken_once(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    ts = await slack.say(general, "ann", "hello")
    eyes = {"channel": general, "timestamp": ts, "name": "eyes"}
    await client.reactions_add(**eyes)
    assert await error(client.reactions_add(**eyes)) == "already_reacted"
    assert slack.reactions == [(general, ts, "eyes")]
    await client.reactions_remove(**eyes)
    assert await error(client.reactions_remove(**eyes)) == "no_reaction"
    assert await error(client.reactions_add(**{**eyes, "name": ":eyes:"})) == "invalid_name"


async def test_people_and_groups_can_be_looked_up(
    slack: SlackStandin, client: AsyncWebClient
) -> None:
    boss = slack.person("boss", admin=True)
    guest = slack.person("guest", external=True)
    group = slack.group(["boss"])
    assert (await client.users_info(user=boss))["user"]["is_admin"]
    assert (await client.users_info(user=guest))["user"]["team_id"] != slack.team
    assert (await client.usergroups_users_list(usergroup=group))["users"] == [boss]
    assert await error(client.users_info(user="U0NOBODY99")) == "user_not_found"
    direct = (await client.conversations_open(users=boss))["channel"]["id"]
    assert direct == slack.direct("boss")
    assert direct.startswith("D")


# --- Block Kit -----------------------------------------------------------------------------------


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def options(count: int) -> list[Json]:
    return [{"text": plain(str(n)), "value": str(n)} for n in range(count)]


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def button(**changes: object) -> Json:
    return {**BUTTON, **changes}


SELECT = {"type": "static_select", "action_id": "s", "options": options(2)}
BAD_BLOCKS: list[tuple[Json, str]] = [
    ({"type": "poem"}, "unsupported type: poem"),
    ({**SECTION, "colour": "red"}, "no such field: colour"),
    ({"type": "section"}, "text or fields"),
    ({"type": "section", "text": {"type": "mrkdwn", "text": ""}}, "more than 0"),
    ({"type": "section", "text": {"type": "mrkdwn", "text": "a" * 3001}}, "less than 3001"),
    ({"type": "header", "text": plain("a" * 151)}, "less than 151"),
    ({"type": "header", "text": {"type": "mrkdwn", "text": "a"}}, "must be plain_text"),
    (actions(), "1 to 25"),
    (actions(*[button(action_id=str(n)) for n in range(26)]), "1 to 25"),
    (actions(button(), button()), "action_id already exists: redo"),
    (actions(button(text=plain("a" * 76))), "less than 76"),
    (actions(button(value="a" * 2001)), "less than 2001"),
    (actions(button(value=7)), "must be a string"),
    (actions(button(action_id="a" * 256)), "less than 256"),
    (actions(button(style="green")), "primary, danger"),
    (actions({"type": "plain_text_input", "action_id": "p"}), "unsupported type"),
    (actions({**SELECT, "options": options(101)}), "1 to 100"),
    (actions({**SELECT, "options": []}), "1 to 100"),
    (actions({**SELECT, "initial_option": options(3)[2]}), "none of the options"),
    (actions({"type": "overflow", "action_id": "o", "options": options(6)}), "1 to 5"),
    ({"type": "context", "elements": [plain("a")] * 11}, "1 to 10"),
    ({"type": "image", "image_url": "https://example.org/a.png"}, "alt_text"),
    ({"type": "image", "alt_text": "a"}, "either image_url or slack_file"),
    ({"type": "image", "alt_text": "a", "slack_file": {"id": "F000000099"}}, "unknown"),
    ({"type": "image", "alt_text": "a", "slack_file": {"id": "F1", "url": "x"}}, "id or url"),
    ({"type": "markdown", "text": "a" * 12_001}, "less than 12001"),
    ({**SECTION, "block_id": "a" * 256}, "less than 256"),
    (
        {
            "type": "input",
            "label": plain("Files"),
            "element": {"type": "file_input", "action_id": "f"},
        },
        "modals only",
    ),
]


@pytest.mark.parametrize(("block", "message"), BAD_BLOCKS, ids=[words for _, words in BAD_BLOCKS])
async def test_blocks_that_slack_refuses(
    client: AsyncWebClient, general: str, block: Json, message: str
) -> None:
    call = client.chat_postMessage(channel=general, text="x", blocks=[SECTION, block])
    answer = await refused(call)
    assert answer["error"] == "invalid_blocks"
    assert any(message in said and "/blocks/1" in said for said in answer["errors"])
    assert any(said in answer["response_metadata"]["messages"][0] for said in answer["errors"])


async def test_block_ids_are_unique_in_a_message_and_action_ids_in_a_block(
    client: AsyncWebClient, general: str
) -> None:
    twice = await refused(client.chat_postMessage(channel=general, text="x", blocks=[ROW, ROW]))
    assert "block_id already exists: row" in twice["errors"][0]
    rows = [ROW, {**ROW, "block_id": "row-2"}]
    await client.chat_postMessage(channel=general, text="x", blocks=rows)


async def test_blocks_without_text_are_a_complaint(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    await client.api_call("chat.postMessage", json={"channel": general, "blocks": [SECTION]})
    assert slack.complaints == ["chat.postMessage: blocks without text leave notifications empty"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": plain("a" * 25)}, "/view/title"),
        ({"submit": None}, "submit"),
        ({"private_metadata": "a" * 3001}, "/view/private_metadata"),
        ({"callback_id": "a" * 256}, "/view/callback_id"),
        ({"blocks": [SECTION] * 101}, "no more than 100"),
        ({"blocks": [{"type": "markdown", "text": "a"}]}, "messages only"),
        ({"type": "home"}, "must be modal"),
    ],
)
async def test_modals_that_slack_refuses(
    slack: SlackStandin, client: AsyncWebClient, changes: Json, message: str
) -> None:
    view = {name: value for name, value in {**MODAL, **changes}.items() if value is not None}
    answer = await refused(client.views_open(trigger_id="1.2", view=view))
    assert answer["error"] == "invalid_arguments"
    assert any(message in said for said in answer["response_metadata"]["messages"])


# --- files ---------------------------------------------------------------------------------------


async def upload(
    client: AsyncWebClient, data: bytes = PICTURE, **arguments: object
) -> tuple[str, Json]:
    url = await client.files_getUploadURLExternal(filename="a.png", length=len(data))
    async with httpx.AsyncClient() as http:
        assert (await http.post(url["upload_url"], content=data)).status_code == 200
    files = [{"id": url["file_id"], "title": "a cat", "highlight_type": "png"}]
    call = client.api_call("files.completeUploadExternal", json={"files": files, **arguments})
    answer = (await call).data
    assert isinstance(answer, dict)
    return url["file_id"], answer


async def shares(client: AsyncWebClient, file_id: str) -> Json:
    found: Json = (await client.files_info(file=file_id))["file"]["shares"]
    return found


async def test_a_file_is_shared_some_time_after_the_upload_is_complete(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    ts = await slack.say(general, "ann", "draw")
    file_id, answer = await upload(client, channel_id=general, thread_ts=ts)
    assert (answer["files"][0]["shares"], answer["files"][0]["mimetype"]) == ({}, "")
    assert await shares(client, file_id) == {}
    await slack.until(lambda: len(slack.messages(general, ts)) == 2)
    picture = slack.messages(general, ts)[1]
    share = (await shares(client, file_id))["public"][general][0]
    assert (share["ts"], share["thread_ts"]) == (picture["ts"], ts)
    assert slack.picture_bytes(picture) == [PICTURE]
    assert (picture["files"][0]["title"], picture["files"][0]["mimetype"]) == ("a cat", "image/png")
    assert slack.complaints == []


async def test_the_sdks_own_upload_of_several_files_makes_one_message(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    ts = await slack.say(general, "ann", "draw")
    both = [{"file": PICTURE, "filename": "a.png"}, {"file": PICTURE * 2, "filename": "b.png"}]
    await client.files_upload_v2(channel=general, thread_ts=ts, file_uploads=both)
    await slack.until(lambda: len(slack.messages(general, ts)) == 2)
    assert slack.picture_bytes(slack.messages(general, ts)[1]) == [PICTURE, PICTURE * 2]


async def test_a_file_with_alt_txt_is_accepted_and_never_shared(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    slack.knobs.share_after = 0.01
    url = await client.files_getUploadURLExternal(
        filename="a.png", length=len(PICTURE), alt_txt="a cat"
    )
    async with httpx.AsyncClient() as http:
        await http.post(url["upload_url"], files={"file": PICTURE})
    files = [{"id": url["file_id"]}]
    await client.files_completeUploadExternal(files=files, channel_id=general)
    await upload(client, channel_id=general)
    await slack.until(lambda: slack.messages(general))
    assert await shares(client, url["file_id"]) == {}
    assert len(slack.messages(general)) == 1


@pytest.mark.parametrize("never", [Fault(method="share", kind="never"), None])
async def test_a_share_can_stay_out_and_the_upload_can_be_completed_again(
    slack: SlackStandin, client: AsyncWebClient, general: str, never: Fault | None
) -> None:
    slack.knobs.share_after = 0.01
    slack.plan(*([never] if never else []))
    file_id, _ = await upload(client, channel_id=general)
    again = {"files": [{"id": file_id}], "channel_id": general}
    await client.api_call("files.completeUploadExternal", json=again)
    await upload(client, channel_id=general)
    last = list(slack.world.files.values())[-1]
    await slack.until(lambda: last.shares)
    assert len(slack.messages(general)) == (2 if never else 3)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"filename": "a.png", "length": 0}, "missing_argument"),
        ({"filename": "a.png"}, "missing_argument"),
        ({"filename": "a.png", "length": 9, "alt_txt": "a" * 1001}, "alt_txt_too_large"),
        ({"filename": "a.png", "length": 2**31}, "file_upload_size_restricted"),
    ],
)
async def test_uploads_that_slack_refuses(
    client: AsyncWebClient, arguments: Json, word: str
) -> None:
    call = client.api_call("files.getUploadURLExternal", json=arguments)
    assert await error(call) == word


async def test_the_bytes_must_be_as_many_as_announced_and_come_once(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    url = await client.files_getUploadURLExternal(filename="a.png", length=4)
    async with httpx.AsyncClient() as http:
        assert (await http.post(url["upload_url"], content=b"abc")).status_code == 400
        early = client.files_completeUploadExternal(files=[{"id": url["file_id"]}])
        assert await error(early) == "file_not_found"
        assert (await http.post(url["upload_url"], content=b"abcd")).status_code == 200
        assert (await http.post(url["upload_url"], content=b"abcd")).status_code == 400


async def test_a_picture_can_go_only_where_the_bot_may_post(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    places = {
        slack.channel("absent", bot=False): "not_in_channel",
        slack.channel("old", archived=True): "posting_to_channel_denied",
        "U000000001": "invalid_arguments",
    }
    for channel, word in places.items():
        with pytest.raises(SlackApiError) as caught:
            await upload(client, channel_id=channel)
        assert caught.value.response["error"] == word
    with pytest.raises(SlackApiError) as caught:
        await upload(client, channel_id=general, thread_ts="1700000000.000100")
    assert caught.value.response["error"] == "thread_not_found"


async def test_an_image_block_takes_a_file_once_it_is_processed(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    slack.knobs.processed_after = slack.knobs.share_after = 0.3
    file_id, _ = await upload(client, channel_id=general)
    image = {"type": "image", "alt_text": "a cat", "slack_file": {"id": file_id}}
    fresh = await refused(client.chat_postMessage(channel=general, text="x", blocks=[image]))
    assert "invalid slack file" in fresh["errors"][0]
    await slack.until(lambda: slack.messages(general))
    await client.chat_postMessage(channel=general, text="x", blocks=[image])
    text = await client.files_upload_v2(content="words", filename="a.txt", channel=general)
    await slack.until(lambda: len(slack.messages(general)) == 3)
    wrong = [{**image, "slack_file": {"id": text["files"][0]["id"]}}]
    answer = await refused(client.chat_postMessage(channel=general, text="x", blocks=wrong))
    assert "invalid slack file" in answer["errors"][0]


async def test_private_addresses_show_a_login_page_without_the_token_or_the_scope(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    file = SlackFile(name="Ännchen #1?.tiff", data=PICTURE, thumb=b"small")
    ts = await slack.say(general, "ann", "look", files=[file])
    shown = slack.message(general, ts)["files"][0]
    url = shown["url_private"]
    assert httpx.URL(url).path.endswith("/_nnchen__1_.tiff")
    token = {"Authorization": f"Bearer {slack.bot_token}"}
    async with httpx.AsyncClient() as http:
        assert (await http.get(shown["thumb_1024"], headers=token)).content == b"small"
        good = await http.get(url, headers=token)
        assert (good.content, good.headers["content-type"]) == (PICTURE, "image/png")
        for headers in ({}, {"Authorization": "Bearer xoxb-other"}):
            page = await http.get(url, headers=headers)
            assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
        slack.world.scopes.discard("files:read")
        page = await http.get(url, headers=token)
        assert page.headers["content-type"].startswith("text/html")


async def test_the_cdn_refuses_and_records_the_token(slack: SlackStandin, general: str) -> None:
    slack.knobs.redirect_downloads = True
    ts = await slack.say(general, "ann", "look", files=[SlackFile(name="a.png", data=PICTURE)])
    url = slack.message(general, ts)["files"][0]["url_private"]
    token = {"Authorization": f"Bearer {slack.bot_token}"}
    async with httpx.AsyncClient() as http:
        moved = await http.get(url, headers=token)
        assert moved.status_code == 302
        place = moved.headers["location"]
        assert httpx.URL(place).netloc != httpx.URL(url).netloc
        assert (await http.get(place)).content == PICTURE
        assert slack.leaks == []
        assert (await http.get(place, headers=token)).status_code == 400
        assert len(slack.leaks) == 1


async def test_files_of_strangers_are_hidden_and_deleted_files_gone(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    away = slack.channel("away", members=["ann"], bot=False)
    await slack.say(away, "ann", "", files=[SlackFile(name="a.png", data=PICTURE)])
    hidden = slack.messages(away)[0]["files"][0]["id"]
    assert await error(client.files_info(file=hidden)) == "file_not_found"
    file_id, _ = await upload(client, channel_id=general)
    await slack.until(lambda: slack.messages(general))
    await client.files_delete(file=file_id)
    assert await error(client.files_info(file=file_id)) == "file_deleted"
    assert slack.messages(general) == []


# --- faults --------------------------------------------------------------------------------------


async def test_a_planned_429_says_how_long_to_wait(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    slack.plan(Fault(method="chat.postMessage", kind="429", retry_after=7, skip=1))
    await client.chat_postMessage(channel=general, text="one")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=general, text="two")
    assert caught.value.response.headers["Retry-After"] == "7"
    await client.chat_postMessage(channel=general, text="three")
    assert [m["text"] for m in slack.messages(general)] == ["one", "three"]


@pytest.mark.parametrize(
    ("fault", "posted"),
    [
        (Fault(method="chat.postMessage", kind="drop-before"), 0),
        (Fault(method="chat.postMessage", kind="drop-after"), 1),
        (Fault(method="chat.postMessage", kind="truncated"), 1),
        (Fault(method="chat.postMessage", kind="html"), 0),
        (Fault(method="chat.postMessage", kind="503"), 0),
        (Fault(method="chat.postMessage", kind="500", work=True), 1),
        (Fault(method="chat.postMessage", kind="error", error="fatal_error"), 0),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
async def test_a_fault_hides_whether_the_work_was_done(
    slack: SlackStandin, client: AsyncWebClient, general: str, fault: Fault, posted: int
) -> None:
    slack.plan(fault)
    with pytest.raises((SlackApiError, aiohttp.ClientError, json.JSONDecodeError)):
        await client.chat_postMessage(channel=general, text="x")
    assert len(slack.messages(general)) == posted
    assert not slack.calls("chat.postMessage")[0].ok
    await client.chat_postMessage(channel=general, text="x")
    assert len(slack.messages(general)) == posted + 1
    assert slack.complaints == []


async def test_the_sdks_default_retry_posts_twice_when_the_answer_is_lost(
    slack: SlackStandin, general: str
) -> None:
    slack.plan(Fault(method="chat.postMessage", kind="drop-after"))
    await AsyncWebClient(token=slack.bot_token, base_url=slack.api_url).chat_postMessage(
        channel=general, text="x"
    )
    assert len(slack.messages(general)) == 2


async def test_a_fault_can_choose_its_call_by_what_it_says(
    slack: SlackStandin, client: AsyncWebClient, general: str
) -> None:
    slack.plan(Fault(method="chat.postMessage", kind="500", containing="cat"))
    await client.chat_postMessage(channel=general, text="a dog")
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=general, text="a cat")


def test_a_fault_must_be_of_a_known_kind() -> None:
    with pytest.raises(ValueError, match="no such kind"):
        Fault(method="chat.postMessage", kind="lost")


# --- what reaches the bot ------------------------------------------------------------------------


class Bot:
    """A Bolt app that keeps every payload; answers are the acks by kind of payload."""

    def __init__(self, slack: SlackStandin) -> None:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        self.app = AsyncApp(client=client, signing_secret=slack.signing_secret)
        self.bodies: list[Json] = []
        self.headers: list[Json] = []
        self.answers: dict[str, Json | str] = {}
        self.deaf = 0
        self.app.middleware(self._take)

    async def _take(self, body: Json, req: Any, ack: AsyncAck, next_: Any) -> object:  # noqa: ANN401
        self.bodies.append(body)
        self.headers.append(req.headers)
        if self.deaf:
            self.deaf -= 1
            await asyncio.sleep(30)
        answer = self.answers.get(body.get("type", "command"), "")
        return await (ack(**answer) if isinstance(answer, dict) else ack(answer))

    @property
    def events(self) -> list[Json]:
        return [body["event"] for body in self.bodies if "event" in body]

    def kinds(self) -> list[str]:
        return [event.get("subtype") or event["type"] for event in self.events]


@asynccontextmanager
async def socket_bot(slack: SlackStandin) -> AsyncIterator[Bot]:
    bot = Bot(slack)
    handler = AsyncSocketModeHandler(bot.app, slack.app_token, ping_interval=0.2)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.until(lambda: slack.connections)
    yield bot
    await handler.close_async()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def http_bot(slack: SlackStandin) -> AsyncIterator[Bot]:
    bot = Bot(slack)
    server = bot.app.server(port=0, host="127.0.0.1")
    runner = aiohttp.web.AppRunner(server.web_app, shutdown_timeout=0.1)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.http_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    yield bot
    await runner.cleanup()


@pytest.fixture(params=[socket_bot, http_bot], ids=["socket", "http"])
async def bot(slack: SlackStandin, request: pytest.FixtureRequest) -> AsyncIterator[Bot]:
    start: Callable[[SlackStandin], Any] = request.param
    async with start(slack) as running:
        yield running
    assert slack.complaints == []


@pytest.fixture
async def socket(slack: SlackStandin) -> AsyncIterator[Bot]:
    async with socket_bot(slack) as running:
        yield running


async def test_a_mention_arrives_as_two_events_in_either_order(
    slack: SlackStandin, bot: Bot, general: str
) -> None:
    slack.knobs.app_mention_first = True
    ts = await slack.say(general, "ann", f"<@{slack.bot_user}> a cat &amp; a dog")
    assert sorted(bot.kinds()) == ["app_mention", "message"]
    assert slack.deliveries.sent[0].payload["event"]["type"] == "app_mention"
    assert {event["ts"] for event in bot.events} == {ts}
    assert len({body["event_id"] for body in bot.bodies}) == 2
    assert bot.bodies[0]["authorizations"][0]["user_id"] == slack.bot_user
    direct = slack.direct("ann")
    await slack.say(direct, "ann", f"<@{slack.bot_user}> hi")
    assert bot.events[2:][0]["channel_type"] == "im"
    assert len(bot.events) == 3


async def test_a_message_with_a_file_is_a_file_share_with_pixels_and_stubs_for_connect(
    slack: SlackStandin, bot: Bot, general: str
) -> None:
    files = [
        SlackFile(name="a.png", data=PICTURE),
        SlackFile(name="b.png", data=PICTURE, connect=True),
    ]
    await slack.say(general, "ann", "look", files=files)
    event = bot.events[0]
    assert (event["subtype"], event["files"][0]["original_w"]) == ("file_share", 8)
    assert event["files"][1]["file_access"] == "check_file_info"
    assert "url_private" not in event["files"][1]
    assert not {"team", "client_msg_id"} & set(event)


async def test_copies_are_the_same_event_again(slack: SlackStandin, bot: Bot, general: str) -> None:
    await slack.say(general, "ann", "hello", copies=3)
    assert len(bot.bodies) == 3
    assert len({body["event_id"] for body in bot.bodies}) == 1


async def test_nothing_arrives_from_where_the_bot_is_not(
    slack: SlackStandin, bot: Bot, client: AsyncWebClient
) -> None:
    away = slack.channel("away", bot=False)
    await slack.say(away, "ann", f"<@{slack.bot_user}> hi")
    slack.world.scopes.discard("im:history")
    await slack.say(slack.direct("ann"), "ann", "hi")
    assert bot.bodies == []


async def test_edits_and_deletions_arrive_as_hidden_messages(
    slack: SlackStandin, bot: Bot, general: str
) -> None:
    ts = await slack.say(general, "ann", "a cat")
    await slack.edit(general, ts, "a dog")
    reply = await slack.say(general, "ann", "again", thread_ts=ts)
    assert slack.message(general, ts)["reply_count"] == 1
    await slack.delete(general, ts)
    await slack.delete(general, reply)
    changed, _, tombstone, deleted = bot.events[1:]
    assert changed["message"]["text"] == "a dog"
    assert changed["previous_message"]["text"] == "a cat"
    assert (tombstone["subtype"], tombstone["message"]["subtype"]) == (
        "message_changed",
        "tombstone",
    )
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", reply)
    assert slack.message(general, ts)["reply_count"] == 0


async def test_what_the_bot_says_comes_back_to_it(
    slack: SlackStandin, bot: Bot, client: AsyncWebClient, general: str
) -> None:
    posted = await client.chat_postMessage(channel=general, text="hello", blocks=[ROW])
    await upload(client, channel_id=general, thread_ts=posted["ts"])
    await client.chat_update(channel=general, ts=posted["ts"], text="changed")
    sent = [delivery.payload["event"] for delivery in slack.deliveries.sent]
    await slack.until(lambda: len(slack.deliveries.sent) == 4)
    sent = [delivery.payload["event"] for delivery in slack.deliveries.sent]
    assert [event.get("subtype", event["type"]) for event in sent] == [
        "message",
        "message_changed",
        "file_shared",
        "file_share",
    ]
    assert (sent[0]["user"], sent[0]["bot_id"]) == (slack.bot_user, slack.bot_id)
    assert "metadata" not in sent[0]
    assert sent[2]["channel_id"] == general
    await slack.until(lambda: all(delivery.ack.acked for delivery in slack.deliveries.sent))


async def test_unacknowledged_events_come_again_with_a_number_and_a_reason(
    slack: SlackStandin, bot: Bot, general: str
) -> None:
    slack.knobs.ack_seconds = 0.1
    bot.deaf = 2
    await slack.say(general, "ann", "hello")
    delivery = slack.deliveries.sent[0]
    await slack.until(delivery.ended.is_set)
    assert (delivery.attempts, delivery.ack.acked) == (3, True)
    assert len({body["event_id"] for body in bot.bodies}) == 1
    assert bot.headers[2]["x-slack-retry-num"] == ["2"]
    assert bot.headers[2]["x-slack-retry-reason"][0] in {"timeout", "http_timeout"}


async def test_events_that_nobody_takes_are_given_up_after_three_redeliveries(
    slack: SlackStandin, general: str
) -> None:
    slack.knobs.retry_waits = (0, 0, 0)
    await slack.say(general, "ann", "hello")
    delivery = slack.deliveries.sent[0]
    await slack.until(delivery.ended.is_set)
    assert (delivery.attempts, delivery.ack.acked) == (4, False)
    slack.http_url = "http://127.0.0.1:9/slack/events"
    await slack.say(general, "ann", "hello")
    assert not slack.deliveries.sent[1].ack.acked


async def test_events_wait_for_the_bot_to_come_back(slack: SlackStandin, general: str) -> None:
    slack.knobs.retry_waits = (0.5,)
    await slack.say(general, "ann", "hello")
    async with socket_bot(slack) as bot:
        await slack.until(lambda: bot.bodies)
        assert bot.headers[0]["x-slack-retry-num"] == ["1"]


async def test_commands_are_never_redelivered_and_their_ack_is_shown(
    slack: SlackStandin, bot: Bot, general: str
) -> None:
    slack.knobs.ack_seconds = 0.2
    bot.answers["command"] = "Painting ..."
    ack = await slack.command(general, "ann", "/imagine", "a fox")
    assert (ack.acked, ack.payload) == (True, {"text": "Painting ..."})
    assert [m["text"] for m in slack.ephemerals] == ["Painting ..."]
    assert (bot.bodies[0]["command"], bot.bodies[0]["text"]) == ("/imagine", "a fox")
    assert not {"thread_ts", "ts"} & set(bot.bodies[0])
    bot.deaf = 1
    lost = await slack.command(general, "ann", "/imagine", "a fox")
    assert (lost.acked, lost.attempts, len(bot.bodies)) == (False, 1, 2)


async def test_a_click_carries_the_button_the_message_and_the_person(
    slack: SlackStandin, bot: Bot, client: AsyncWebClient, general: str
) -> None:
    ts = await slack.say(general, "ann", "draw")
    await client.chat_postMessage(channel=general, thread_ts=ts, text="done", blocks=[ROW])
    answer = slack.messages(general, ts)[1]
    assert (await slack.click(answer, "redo", "ann")).acked
    click = bot.bodies[-1]
    assert click["actions"][0]["value"] == "T7"
    assert click["actions"][0]["block_id"] == "row"
    assert click["container"]["thread_ts"] == click["message"]["thread_ts"] == ts
    assert click["user"]["id"] == slack.world.people["U000000001"].id
    with pytest.raises(AssertionError, match="no undo"):
        await slack.click(answer, "undo", "ann")
    with pytest.raises(AssertionError, match="redo T8"):
        await slack.click(answer, "redo", "ann", "T8")
    await client.chat_delete(channel=general, ts=answer["ts"])
    with pytest.raises(AssertionError, match="gone"):
        await slack.click(answer, "redo", "ann")


async def test_a_click_on_an_ephemeral_message_does_not_repeat_it(
    slack: SlackStandin, bot: Bot, client: AsyncWebClient, general: str
) -> None:
    await client.chat_postEphemeral(channel=general, user="U000000001", text="x", blocks=[ROW])
    await slack.click(slack.ephemerals[0], "redo", "ann")
    assert bot.bodies[-1]["container"]["is_ephemeral"]
    assert "message" not in bot.bodies[-1]


async def test_a_response_url_is_good_for_five_uses_and_a_while(
    slack: SlackStandin, bot: Bot, client: AsyncWebClient, general: str
) -> None:
    await slack.command(general, "ann", "/imagine", "a fox")
    url = bot.bodies[-1]["response_url"]
    async with httpx.AsyncClient() as http:
        for number in range(5):
            answer = await http.post(url, json={"text": str(number)})
            assert answer.status_code == 200
        assert (await http.post(url, json={"text": "6"})).json()["error"] == "used_url"
        assert len(slack.ephemerals) == len(slack.world.responses) == 5
        await client.chat_postEphemeral(channel=general, user="U000000001", text="x", blocks=[ROW])
        await slack.click(slack.ephemerals[-1], "redo", "ann")
        gone = {"delete_original": True}
        assert (await http.post(bot.bodies[-1]["response_url"], json=gone)).status_code == 200
        assert len(slack.ephemerals) == 5
        slack.knobs.response_url_seconds = 0
        await slack.command(general, "ann", "/imagine", "a fox")
        late = await http.post(bot.bodies[-1]["response_url"], json={"text": "late"})
        assert late.json()["error"] == "expired_url"


async def test_a_trigger_opens_one_view_and_soon_expires(
    slack: SlackStandin, bot: Bot, client: AsyncWebClient, general: str
) -> None:
    await slack.command(general, "ann", "/imagine")
    trigger = bot.bodies[-1]["trigger_id"]
    await client.views_open(trigger_id=trigger, view=MODAL)
    again = client.views_open(trigger_id=trigger, view=MODAL)
    assert await error(again) == "exchanged_trigger_id"
    slack.knobs.trigger_seconds = 0
    await slack.command(general, "ann", "/imagine")
    late = client.views_open(trigger_id=bot.bodies[-1]["trigger_id"], view=MODAL)
    assert await error(late) == "expired_trigger_id"
    made_up = client.views_open(trigger_id="1.2", view=MODAL)
    assert await error(made_up) == "invalid_trigger_id"
    assert len(slack.views) == 1


async def test_a_form_is_submitted_with_all_its_values(
    slack: SlackStandin, bot: Bot, client: AsyncWebClient
) -> None:
    await slack.shortcut("new_image", "ann")
    await client.views_open(trigger_id=bot.bodies[-1]["trigger_id"], view=MODAL)
    view = slack.views[0]
    for values, words in (
        ({}, "needs prompt"),
        ({"prompt": "a" * 21}, "prompt takes"),
        ({"prompt": "a", "ratio": "7:1"}, "does not offer"),
        ({"prompt": "a", "files": [SlackFile(name="a.pdf", data=b"x")]}, "files takes"),
        ({"prompt": "a", "colour": "red"}, "has no"),
    ):
        with pytest.raises(AssertionError, match=words):
            await slack.submit(view, values, "ann")
    bot.answers["view_submission"] = {
        "response_action": "errors",
        "errors": {"prompt-block": "Say more"},
    }
    picture = SlackFile(name="a.png", data=PICTURE)
    values = {"prompt": "a fox", "files-block": [picture], "ratio": "16:9"}
    ack = await slack.submit(view, values, "ann")
    assert ack.payload["errors"] == {"prompt-block": "Say more"}
    assert slack.views != []
    state = bot.bodies[-1]["view"]["state"]["values"]
    assert state["prompt-block"]["prompt"]["value"] == "a fox"
    assert state["ratio-block"]["ratio"]["selected_option"]["value"] == "16:9"
    file_id = state["files-block"]["files"]["files"][0]["id"]
    assert (await client.files_info(file=file_id))["file"]["name"] == "a.png"
    bot.answers["view_submission"] = ""
    await slack.submit(view, {}, "ann")
    assert bot.bodies[-1]["view"]["state"]["values"] == state
    assert slack.views == []


async def test_views_are_updated_by_hash_and_pushed_by_the_ack(
    slack: SlackStandin, bot: Bot, client: AsyncWebClient
) -> None:
    await slack.shortcut("new_image", "ann")
    opened = await client.views_open(trigger_id=bot.bodies[-1]["trigger_id"], view=MODAL)
    view_id, old_hash = opened["view"]["id"], opened["view"]["hash"]
    changed = {**MODAL, "title": plain("Changed")}
    await client.views_update(view_id=view_id, hash=old_hash, view=changed)
    assert slack.views[0]["title"]["text"] == "Changed"
    stale = client.views_update(view_id=view_id, hash=old_hash, view=MODAL)
    assert await error(stale) == "hash_conflict"
    bot.answers["view_submission"] = {"response_action": "push", "view": MODAL}
    await slack.submit(slack.views[0], {"prompt": "a"}, "ann")
    assert [view["previous_view_id"] for view in slack.views] == [None, view_id]
    bot.answers["view_submission"] = {"response_action": "clear"}
    await slack.submit(slack.views[1], {"prompt": "a"}, "ann")
    assert slack.views == []


async def test_home_tabs_and_the_messages_tab(
    slack: SlackStandin, bot: Bot, client: AsyncWebClient
) -> None:
    await slack.home("ann", tab="messages")
    assert (bot.events[0]["tab"], bot.events[0]["channel"]) == ("messages", slack.direct("ann"))
    home = {"type": "home", "blocks": [ROW]}
    await client.views_publish(user_id="U000000001", view=home)
    await slack.home("ann")
    assert bot.events[1]["view"]["blocks"][0]["type"] == "actions"
    await slack.click(slack.homes["U000000001"], "redo", "ann")
    assert bot.bodies[-1]["container"]["type"] == "view"
    wrong = client.views_publish(user_id="U000000001", view={**home, "title": plain("x")})
    assert await error(wrong) == "invalid_arguments"


async def test_a_message_shortcut_carries_the_message(
    slack: SlackStandin, bot: Bot, general: str
) -> None:
    ts = await slack.say(general, "ann", "look", files=[SlackFile(name="a.png", data=PICTURE)])
    await slack.shortcut("edit_image", "ann", message=slack.message(general, ts))
    payload = bot.bodies[-1]
    assert (payload["type"], payload["callback_id"]) == ("message_action", "edit_image")
    assert payload["message"]["files"][0]["url_private"].startswith(slack.url)
    assert payload["channel"]["id"] == general


async def test_a_status_goes_when_the_bot_posts_and_stop_is_there_while_processing(
    slack: SlackStandin, bot: Bot, client: AsyncWebClient, general: str
) -> None:
    ts = await slack.say(general, "ann", "draw")
    place: Json = {"channel_id": general, "thread_ts": ts}
    await client.assistant_threads_setStatus(**place, status="is painting ...")
    assert slack.status(general, ts) == "is painting ..."
    slack.world.live_statuses[general, ts] = ("is painting ...", time.monotonic() - 121)
    assert slack.status(general, ts) == ""
    await client.assistant_threads_setStatus(**place, status="is still painting ...")
    await client.chat_postMessage(channel=general, thread_ts=ts, text="done")
    assert slack.status(general, ts) == ""
    with pytest.raises(AssertionError, match="no Stop"):
        await slack.stop_session(general, ts, "ann")
    await client.agents_sessions_setStatus(**place, status="processing")
    await slack.stop_session(general, ts, "ann")
    assert bot.events[-1]["type"] == "agent_session_stopped"
    elsewhere: Json = {**place, "thread_ts": "1700000000.000100"}
    lost = client.assistant_threads_setStatus(**elsewhere, status="x")
    assert await error(lost) == "invalid_thread_ts"


async def test_forwarded_messages_and_strangers(
    slack: SlackStandin, bot: Bot, general: str
) -> None:
    ts = await slack.say(general, "ann", "look", files=[SlackFile(name="a.png", data=PICTURE)])
    share = slack.forwarded(slack.message(general, ts))
    slack.person("eve", external=True)
    await slack.say(general, "eve", "make it blue", attachments=[share])
    body, event = bot.bodies[-1], bot.events[-1]
    assert event["attachments"][0]["files"][0]["name"] == "a.png"
    assert (body["team_id"], event["team"] != slack.team) == (slack.team, True)
    assert body["is_ext_shared_channel"]


async def test_a_test_author_is_told_what_slack_would_not_send(
    slack: SlackStandin, general: str
) -> None:
    with pytest.raises(AssertionError, match="&amp;"):
        await slack.say(general, "ann", "a cat & a dog")
    with pytest.raises(AssertionError, match="does not hear of reaction_added"):
        await slack.event({"type": "reaction_added"})
    slack.world.scopes.discard("commands")
    with pytest.raises(AssertionError, match="scope commands"):
        await slack.command(general, "ann", "/imagine", "a fox")


# --- Socket Mode and HTTP, each by itself --------------------------------------------------------


async def test_the_bot_survives_a_refresh_and_a_cut(
    slack: SlackStandin, socket: Bot, general: str
) -> None:
    await slack.disconnect("refresh_requested")
    await slack.until(lambda: slack.connections == 1)
    await slack.say(general, "ann", "one")
    slack.abort_sockets()
    await slack.until(lambda: slack.connections == 0)
    slack.knobs.retry_waits = (0.5, 1, 2, 4)
    await slack.say(general, "ann", "two")
    await slack.until(lambda: len(socket.bodies) == 2)
    assert slack.complaints == []


async def test_speaking_to_a_bot_that_dies_does_not_last_until_the_ack_is_overdue(
    slack: SlackStandin, socket: Bot, general: str
) -> None:
    slack.knobs.ack_seconds = 60
    socket.deaf = 1
    said = asyncio.create_task(slack.say(general, "ann", "hello"))
    await slack.until(lambda: socket.bodies)
    slack.abort_sockets()
    await asyncio.wait_for(said, 5)
    assert not slack.deliveries.sent[0].ended.is_set()


async def test_any_one_connection_gets_an_event(slack: SlackStandin, general: str) -> None:
    async with socket_bot(slack) as one, socket_bot(slack) as two:
        await slack.until(lambda: slack.connections == 2)
        for number in range(4):
            await slack.say(general, "ann", str(number))
        assert (len(one.bodies), len(two.bodies)) == (2, 2)


async def test_a_socket_address_is_good_for_one_connection(slack: SlackStandin) -> None:
    client = AsyncWebClient(token=slack.app_token, base_url=slack.api_url)
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as first:
            assert (await first.receive_json())["type"] == "hello"
            await first.send_str('{"envelope_id": "made-up"}')
            await slack.until(lambda: slack.complaints)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_wrong_signatures_and_old_ones_are_for_the_bot_to_refuse(slack: SlackStandin) -> None:
    async with http_bot(slack) as bot:
        payload = slack.envelope({"type": "app_home_opened"}, None)
        knock = slack.deliveries.knock
        assert await knock("events_api", payload, secret="wrong") == 401
        assert await knock("events_api", payload, age=301) == 401
        assert bot.bodies == []
        assert await knock("events_api", payload) == 200


async def test_no_retry_is_honoured(slack: SlackStandin, general: str) -> None:
    async def refuse(_: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(status=500, headers={"x-slack-no-retry": "1"})

    app = aiohttp.web.Application()
    app.router.add_post("/", refuse)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.http_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await slack.say(general, "ann", "hello")
    assert (slack.deliveries.sent[0].attempts, slack.deliveries.sent[0].ack.status) == (1, 500)
    await runner.cleanup()


async def test_it_runs_as_a_process_and_outlives_its_bot() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.standins.slack",
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    async with httpx.AsyncClient(base_url=f"{url}/_control/") as http:

        async def order(verb: str, **arguments: object) -> Any:  # noqa: ANN401
            answer = await http.post(verb, json=arguments)
            assert answer.status_code == 200, answer.text
            return answer.json()["result"]

        await order("person", name="ann")
        general = await order("channel", name="general", members=["ann"])
        ts = await order("say", channel=general, user="ann", text="hello")
        await order("plan", faults=[{"method": "chat.postMessage", "kind": "drop-after"}])
        bot = AsyncWebClient(
            token="xoxb-1-painter-token", base_url=f"{url}/api/", retry_handlers=[]
        )
        with pytest.raises(aiohttp.ClientError):
            await bot.chat_postMessage(channel=general, thread_ts=ts, text="done")
        seen = (await http.get("seen")).json()["result"]
        assert [m["text"] for m in seen["messages"][general]] == ["hello", "done"]
        assert seen["complaints"] == []
        assert (await http.post("sing", json={})).status_code == 400
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
