from __future__ import annotations

import copy
import re
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.events import files_of, read, said, team_of
from adapters.slack.values import (
    Asked,
    Clicked,
    Commanded,
    Deleted,
    Edited,
    Event,
    HomeOpened,
    Identity,
    Ignored,
    Removed,
    Said,
    Shared,
    SlackFile,
    Stopped,
    Submitted,
    View,
)
from tests.slack import payloads as p

OWN = Identity(team=p.TEAM, user=p.BOT_USER, bot=p.BOT, app=p.APP)

CAT = SlackFile(
    id="F0CAT0001",
    name="cat.png",
    mime_type="image/png",
    size=12345,
    url="https://files.slack.com/files-pri/T0HOME001-F0CAT0001/download/cat.png",
    stub=False,
)
DOG = replace(
    CAT,
    id="F0DOG0001",
    name="dog.jpg",
    mime_type="image/jpeg",
    url="https://files.slack.com/files-pri/T0HOME001-F0DOG0001/download/cat.png",
)
STUB = SlackFile(id="F0STUB001", name="F0STUB001", mime_type=None, size=None, url="", stub=True)
PLAIN = Said(
    team=p.TEAM,
    channel=p.CHANNEL,
    channel_type="channel",
    ts=p.TS,
    thread_ts=None,
    user=p.USER,
    text="a cat",
    files=(),
    client_msg_id="11111111-2222-3333-4444-555555555555",
    mention=False,
    external=False,
    event_id=p.EVENT_ID,
)
MENTION = replace(PLAIN, text="<@U0PAINT01> a cat", mention=True)
STRANGER = replace(PLAIN, user=p.STRANGER, external=True)
EDIT = Edited(
    team=p.TEAM,
    channel=p.CHANNEL,
    ts=p.TS,
    thread_ts=None,
    user=p.USER,
    text="a dog",
    before="a cat",
)
SHARED = Shared(
    team=p.TEAM,
    channel=p.CHANNEL,
    ts=p.TS,
    thread_ts=p.ROOT,
    files=("F0OURS001", "F0OURS002"),
)
COMMAND = Commanded(
    team=p.TEAM,
    channel=p.CHANNEL,
    channel_name="studio",
    user=p.USER,
    user_name="alice",
    command="/imagine",
    text="a cat &amp; a dog --ar 16:9",
    response_url="https://hooks.slack.com/commands/T0HOME001/1/abc",
    trigger_id="1.2.abc",
    external=False,
)
FORM = View(
    id="V0FORM001",
    hash="1790000300.abcd",
    callback_id="new",
    private_metadata='{"thread":"1"}',
    values={
        "prompt": "a cat",
        "note": None,
        "ratio": "16:9",
        "size": None,
        "think": "16:9",
        "search": ("16:9",),
        "extras": (),
        "files": (CAT,),
        "where": p.CHANNEL,
        "nobody": (p.OTHER, p.USER),
        "models": ("16:9",),
        "count": "2",
        "guide": (),
    },
)
CLICK = Clicked(
    team=p.TEAM,
    channel=p.CHANNEL,
    message_ts=p.TS,
    thread_ts=p.ROOT,
    user=p.USER,
    user_name="alice",
    action="redo",
    value="0123456789abcdef",
    trigger_id="1.2.abc",
    response_url=p.RESPONSE_URL,
    at="1790000300.123456",
    view=None,
)
SUBMISSION = Submitted(
    team=p.TEAM,
    user=p.USER,
    user_name="alice",
    trigger_id="1.2.abc",
    view=replace(FORM, response_urls=(p.RESPONSE_URL,)),
)
SHORTCUT = Asked(
    shortcut="new_image",
    team=p.TEAM,
    user=p.USER,
    user_name="alice",
    trigger_id="1.2.abc",
    channel="",
    message=None,
    response_url="",
    own=False,
)
ON_MESSAGE = replace(
    SHORTCUT,
    shortcut="edit_image",
    user=p.OTHER,
    user_name="bob",
    channel=p.CHANNEL,
    message=replace(PLAIN, channel_type="", event_id="", files=(CAT,)),
    response_url=p.RESPONSE_URL,
)

HEARD: dict[str, tuple[p.Json, Event]] = {
    "plain": (p.PLAIN, PLAIN),
    "mention, as message": (p.MENTION_MESSAGE, MENTION),
    "mention": (p.MENTION, replace(MENTION, channel_type="", event_id="Ev0000002")),
    "direct": (p.DIRECT_MESSAGE, replace(PLAIN, channel=p.DIRECT, channel_type="im")),
    "group direct": (
        p.GROUP_DIRECT,
        replace(PLAIN, channel="C0MPIM001", channel_type="mpim"),
    ),
    "private": (p.PRIVATE, replace(PLAIN, channel="G0OLD0001", channel_type="group")),
    "reply": (p.THREAD_REPLY, replace(PLAIN, thread_ts=p.ROOT)),
    "broadcast": (p.BROADCAST, replace(PLAIN, thread_ts=p.ROOT)),
    "/me": (p.ME, replace(PLAIN, client_msg_id=None)),
    "files": (p.FILE_SHARE, replace(PLAIN, files=(CAT, DOG))),
    "mention with file": (
        p.MENTION_WITH_FILE,
        replace(MENTION, channel_type="", files=(CAT,)),
    ),
    "stub of a file": (p.FILE_STUB, replace(PLAIN, files=(STUB, CAT))),
    "external": (
        p.CONNECT_MESSAGE,
        replace(STRANGER, text=MENTION.text, mention=True, event_id="Ev0000003"),
    ),
    "external mention": (
        p.CONNECT_MENTION,
        replace(STRANGER, text=MENTION.text, mention=True, channel_type=""),
    ),
    "external file": (p.CONNECT_FILE, replace(STRANGER, files=(CAT,))),
    "external stub": (p.CONNECT_STUB, replace(STRANGER, files=(STUB,))),
    "our person in a shared channel": (p.CONNECT_OUR_PERSON, PLAIN),
    "external, by profile": (p.CONNECT_PROFILE, STRANGER),
    "our person with a stranger's file": (
        p.CONNECT_STRANGERS_FILE,
        replace(PLAIN, files=(CAT,)),
    ),
    "sibling workspace": (p.GRID_SIBLING, replace(PLAIN, user="W0SIBLING")),
    "organisation's user": (p.GRID_ORG_USER, PLAIN),
    "stranger to an organisation": (p.GRID_STRANGER, STRANGER),
    "edit": (p.EDIT, EDIT),
    "edit in a thread": (p.EDIT_IN_THREAD, replace(EDIT, thread_ts=p.ROOT)),
    "deletion": (
        p.DELETION,
        Deleted(team=p.TEAM, channel=p.CHANNEL, ts=p.TS, user=p.USER),
    ),
    "tombstone": (
        p.TOMBSTONE,
        Deleted(team=p.TEAM, channel=p.CHANNEL, ts=p.TS, user=p.USER),
    ),
    "our files": (p.OWN_FILES, SHARED),
    "our files, by user": (
        p.OWN_FILES_BY_USER,
        replace(SHARED, thread_ts=None, files=("F0OURS001",)),
    ),
    "home": (p.HOME, HomeOpened(team=p.TEAM, user=p.USER, tab="home")),
    "messages tab": (p.MESSAGES_TAB, HomeOpened(team=p.TEAM, user=p.USER, tab="messages")),
    "stop": (
        p.STOP,
        Stopped(team=p.TEAM, channel=p.CHANNEL, thread_ts=p.ROOT, user=p.USER),
    ),
    "uninstalled": (p.UNINSTALLED, Removed(team=p.TEAM)),
    "bot token revoked": (p.REVOKED_BOT, Removed(team=p.TEAM)),
    "command": (p.COMMAND, COMMAND),
    "command of another workspace": (
        p.COMMAND_FROM_AFAR,
        replace(COMMAND, user=p.STRANGER, external=True),
    ),
    "command in an organisation": (p.COMMAND_IN_ORG, replace(COMMAND, team="T0SIBLING")),
    "click": (p.CLICK, CLICK),
    "click of another workspace": (
        p.CLICK_FROM_AFAR,
        replace(CLICK, user=p.STRANGER, user_name="carol", external=True),
    ),
    "click without a value": (p.CLICK_WITHOUT_VALUE, replace(CLICK, value="")),
    "click in an organisation": (p.CLICK_IN_ORG, CLICK),
    "menu": (p.MENU, replace(CLICK, action="ratio", value="16:9")),
    "click in a view": (
        p.CLICK_IN_VIEW,
        replace(
            CLICK,
            channel="",
            message_ts="",
            thread_ts=None,
            action="price",
            value="16:9",
            response_url="",
            view=FORM,
        ),
    ),
    "form": (p.SUBMISSION, SUBMISSION),
    "form of another workspace": (
        p.SUBMISSION_FROM_AFAR,
        replace(SUBMISSION, user=p.STRANGER, user_name="carol", external=True, view=FORM),
    ),
    "shortcut": (p.SHORTCUT, SHORTCUT),
    "shortcut in an organisation": (
        p.ORG_WIDE_SHORTCUT,
        replace(SHORTCUT, team="T0SIBLING"),
    ),
    "message shortcut": (p.MESSAGE_SHORTCUT, ON_MESSAGE),
}

UNHEARD: dict[str, tuple[p.Json, str]] = {
    "unfurl": (p.UNFURL, "a change, but not of the text by its writer"),
    "unfurl after an edit": (
        p.UNFURL_AFTER_EDIT,
        "a change, but not of the text by its writer",
    ),
    "text changed by Slack": (
        p.REWRITTEN_BY_SLACK,
        "a change, but not of the text by its writer",
    ),
    "text changed by an admin": (
        p.REWRITTEN_BY_ADMIN,
        "a change, but not of the text by its writer",
    ),
    "reply count": (p.PARENT_UPDATE, "a change, but not of the text by its writer"),
    "edit of what is not known": (
        p.EDIT_OF_UNKNOWN,
        "a change, but not of the text by its writer",
    ),
    "our own edit": (p.OWN_EDIT, "our own message"),
    "title of an agent's thread": (p.AGENT_THREAD_TITLE, "subtype assistant_app_thread"),
    "replied": (p.REPLIED, "subtype message_replied"),
    "join": (p.JOIN, "subtype channel_join"),
    "topic": (p.TOPIC, "subtype channel_topic"),
    "Slackbot": (p.SLACKBOT, "Slackbot's message"),
    "hidden": (p.HIDDEN, "a hidden message"),
    "no user": (p.NO_USER, "no user"),
    "bot": (p.OTHER_BOT, "a bot's message"),
    "webhook": (p.WEBHOOK, "a bot's message"),
    "bot that mentions us": (p.OTHER_BOTS_MENTION, "a bot's message"),
    "our words": (p.OWN_TEXT, "our own message"),
    "our words, by bot": (p.OWN_TEXT_BY_BOT, "our own message"),
    "user token revoked": (p.REVOKED_USER, "event tokens_revoked"),
    "file event": (p.FILE_EVENT, "event file_shared"),
    "closed": (p.CLOSED, "payload view_closed"),
    "suggestion": (p.SUGGESTION, "payload block_suggestion"),
    "challenge": ({"type": "url_verification", "challenge": "x"}, "payload url_verification"),
    "command that cannot be told from others": (
        p.without(p.COMMAND, "trigger_id"),
        "no trigger_id",
    ),
    "nothing": ({}, "payload "),
}


@pytest.mark.parametrize("name", HEARD)
def test_each_payload_that_matters_becomes_its_value(name: str) -> None:
    payload, value = HEARD[name]
    assert read(payload, OWN) == value


@pytest.mark.parametrize("name", UNHEARD)
def test_each_other_payload_is_ignored_by_name(name: str) -> None:
    payload, why = UNHEARD[name]
    assert read(payload, OWN) == Ignored(why=why)


def test_every_payload_of_the_collection_is_tried() -> None:
    tried = [payload for table in (HEARD, UNHEARD) for payload, _ in table.values()]
    extra = [p.FORWARDED, p.SHORTCUT_ON_OURS, p.SHORTCUT_ON_WEBHOOK]
    assert [name for name, value in p.PAYLOADS.items() if value not in [*tried, *extra]] == []


@pytest.mark.parametrize(
    ("message", "mention"),
    [(p.MENTION_MESSAGE, p.MENTION), (p.CONNECT_MESSAGE, p.CONNECT_MENTION)],
)
def test_a_mention_is_the_same_as_its_message(message: p.Json, mention: p.Json) -> None:
    first, second = read(message, OWN), read(mention, OWN)
    assert isinstance(first, Said)
    assert isinstance(second, Said)
    # an app_mention names no channel type
    assert replace(second, event_id=first.event_id, channel_type=first.channel_type) == first


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("hello <@U0PAINT01|threadpaint>!", True),
        ("<@U0PAINT012> hello", False),
        ("U0PAINT01 &lt;@U0PAINT01&gt;", False),
    ],
)
def test_a_mention_is_found_in_the_text(text: str, mention: bool) -> None:  # noqa: FBT001
    value = read(p.envelope(p.message(text=text)), OWN)
    assert isinstance(value, Said)
    assert value.mention is mention


def test_an_app_mention_is_a_mention_whatever_its_text() -> None:
    value = read(p.envelope(p.message(type="app_mention", text="")), OWN)
    assert isinstance(value, Said)
    assert value.mention


def test_forwarded_files_count_and_previews_of_links_do_not() -> None:
    value = read(p.FORWARDED, OWN)
    assert isinstance(value, Said)
    assert [(file.id, file.url) for file in value.files] == [
        ("F0FWD0001", "https://files.slack.com/files-pri/T0HOME001-F0FWD0001/download/cat.png"),
        ("", "https://files.slack.com/files-tmb/T0HOME001-F0X/x.png"),
    ]
    assert not any(file.stub for file in value.files)


def test_a_file_is_taken_once_and_in_its_order() -> None:
    forwarded = {"is_share": True, "files": [p.hosted(), p.hosted("F0NEW0001")]}
    message = {"files": [p.hosted("F0DOG0001"), p.hosted()], "attachments": [forwarded, forwarded]}
    assert [file.id for file in files_of(message)] == ["F0DOG0001", "F0CAT0001", "F0NEW0001"]


def test_a_file_without_a_download_address_is_read_from_its_private_one() -> None:
    (file,) = files_of({"files": [p.without(p.hosted(), "url_private_download", "name")]})
    assert file.url == "https://files.slack.com/files-pri/T0HOME001-F0CAT0001/cat.png"
    assert (file.name, file.stub) == ("My cat", False)


@pytest.mark.parametrize(
    "file",
    [
        p.hosted(file_access="check_file_info"),
        p.without(p.hosted(), "url_private", "url_private_download"),
    ],
)
def test_a_file_that_slack_does_not_show_yet_has_to_be_asked_for(file: p.Json) -> None:
    assert [found.stub for found in files_of({"files": [file]})] == [True]


def test_the_shortcut_on_our_own_message_names_that_message() -> None:
    value = read(p.SHORTCUT_ON_OURS, OWN)
    assert isinstance(value, Asked)
    assert value.own
    assert value.message is not None
    assert (value.message.ts, value.message.thread_ts) == (p.TS, p.ROOT)


def test_the_shortcut_on_another_bots_picture_brings_the_picture() -> None:
    value = read(p.SHORTCUT_ON_WEBHOOK, OWN)
    assert isinstance(value, Asked)
    assert not value.own
    assert value.message is not None
    assert (value.message.user, value.message.files) == ("B0HOOK001", (CAT,))


def test_a_fetched_message_is_read_like_one_that_came() -> None:
    value = said(p.FETCHED, team=p.TEAM, channel=p.CHANNEL, own=OWN)
    assert value == replace(PLAIN, thread_ts=p.ROOT, channel_type="", event_id="")


def test_a_fetched_direct_message_is_known_by_its_channel() -> None:
    value = said(p.FETCHED, team=p.TEAM, channel=p.DIRECT, own=OWN)
    assert isinstance(value, Said)
    assert value.channel_type == "im"


def test_a_fetched_root_is_no_reply() -> None:
    value = said(p.FETCHED_ROOT, team=p.TEAM, channel=p.CHANNEL, own=OWN)
    assert isinstance(value, Said)
    assert value.thread_ts is None


def test_a_fetched_message_of_ours_is_ignored() -> None:
    ours = p.OWN_FILES["event"]
    assert said(ours, team=p.TEAM, channel=p.CHANNEL, own=OWN) == Ignored(why="our own message")


@pytest.mark.parametrize("name", ["user_team", "team", "source_team"])
def test_a_fetched_message_of_a_stranger_is_external(name: str) -> None:
    message = {**p.without(p.FETCHED, "team"), name: p.FAR_TEAM}
    value = said(message, team=p.TEAM, channel=p.CHANNEL, own=OWN)
    assert isinstance(value, Said)
    assert value.external


@pytest.mark.parametrize("payload", [p.CONNECT_MESSAGE, p.CONNECT_MENTION, p.CLICK_FROM_AFAR])
def test_the_team_is_the_installations_whoever_acts(payload: p.Json) -> None:
    assert team_of(payload) == p.TEAM


@pytest.mark.parametrize("ts", [None, 1790000100.0002, "", "1.2.3", "yesterday", "99999999999.1"])
def test_a_message_without_a_proper_ts_is_ignored(ts: object) -> None:
    assert isinstance(read(p.envelope(p.message(ts=ts)), OWN), Ignored)


def test_what_no_database_keeps_is_taken_out() -> None:
    value = read(p.envelope(p.message(text="a\0 cat \ud83d")), OWN)
    assert isinstance(value, Said)
    assert value.text == "a cat \ufffd"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
ODD = st.sampled_from([None, [], {}, 7, True, "", "x", [None], {"id": None}, "\ud800"]) | JSON
NEVER_EMPTY = {"team", "user", "action", "command", "ts", "at"}
KINDS: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "bool": bool,
    "str | None": (str, type(None)),
}
_TS = re.compile(r"[0-9]{1,10}\.[0-9]{1,9}")


def places(value: object) -> list[tuple[Any, Any]]:
    """Name everything in a JSON value that can be taken out or replaced."""
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    else:
        keys = list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [
        place
        for key in keys
        for place in places(value[key])  # type: ignore[index]
    ]


@st.composite
def mutated(draw: st.DrawFn) -> p.Json:
    payload = copy.deepcopy(draw(st.sampled_from(list(p.PAYLOADS.values()))))
    for _ in range(draw(st.integers(1, 3))):
        where = places(payload)
        if where:
            holder, key = draw(st.sampled_from(where))
            if draw(st.booleans()):
                del holder[key]
            else:
                holder[key] = copy.deepcopy(draw(ODD))
    return payload


def check(value: Any) -> None:  # noqa: ANN401 - whatever was read
    """Fail unless every field holds what its annotation says, fit for a database."""
    if isinstance(value, tuple):
        for item in value:
            check(item)
    elif isinstance(value, str):
        assert "\0" not in value
        value.encode()
    elif is_dataclass(value):
        for field in fields(value):
            held = getattr(value, field.name)
            assert isinstance(held, KINDS.get(str(field.type), object)), field.name
            if field.name in {"ts", "thread_ts"} and held is not None:
                assert _TS.fullmatch(str(held))
            if field.name in NEVER_EMPTY and type(value) is not Deleted:
                assert held, field.name
            check(tuple(held.values()) if isinstance(held, dict) else held)
    else:
        assert value is None or isinstance(value, bool | int)


@given(mutated())
def test_a_mutated_payload_is_read_or_ignored(payload: p.Json) -> None:
    value = read(payload, OWN)
    assert isinstance(value, get_args(Event))
    check(value)


@given(st.dictionaries(st.text(max_size=5) | st.sampled_from(["type", "event", "view"]), JSON))
def test_any_object_at_all_is_read_or_ignored(payload: p.Json) -> None:
    assert isinstance(read(payload, OWN), get_args(Event))
