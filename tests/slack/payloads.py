"""Payloads in Slack's shapes, with values of our own.

Field names after slackapi/java-slack-sdk (json-logs/samples), slackapi/node-slack-sdk
(packages/types/src/events) and, for Slack Connect, slackapi/bolt-python (the tests of
request/internals.py).
"""

from __future__ import annotations

from typing import Any

TEAM, ORG, APP = "T0HOME001", "E0HOME001", "A0PAINT01"
BOT_USER, BOT = "U0PAINT01", "B0PAINT01"
USER, OTHER = "U0ALICE01", "U0BOB0001"
CHANNEL, DIRECT = "C0STUDIO1", "D0ALICE01"
TS, ROOT, LATER = "1790000100.000200", "1790000000.000100", "1790000200.000300"
EVENT_ID = "Ev0000001"
FAR_TEAM, FAR_ORG, STRANGER = "T0FARAWAY", "E0FARAWAY", "U0CAROL01"
RESPONSE_URL = "https://hooks.slack.com/actions/T0HOME001/1/abc"

Json = dict[str, Any]


def envelope(event: Json, **more: Any) -> Json:  # noqa: ANN401 - JSON
    return {
        "token": "unused",
        "team_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": None,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": EVENT_ID,
        "event_time": 1790000100,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": "4-opaque",
        **more,
    }


def message(**more: Any) -> Json:  # noqa: ANN401 - JSON
    return {
        "user": USER,
        "type": "message",
        "ts": TS,
        "client_msg_id": "11111111-2222-3333-4444-555555555555",
        "text": "a cat",
        "team": TEAM,
        "blocks": [{"type": "rich_text", "block_id": "b1", "elements": []}],
        "channel": CHANNEL,
        "event_ts": TS,
        "channel_type": "channel",
        **more,
    }


def changed(new: Json, old: Json) -> Json:
    return {
        "type": "message",
        "subtype": "message_changed",
        "message": new,
        "previous_message": old,
        "channel": CHANNEL,
        "hidden": True,
        "ts": LATER,
        "event_ts": LATER,
        "channel_type": "channel",
    }


def hosted(file: str = "F0CAT0001", **more: Any) -> Json:  # noqa: ANN401 - JSON
    place = f"https://files.slack.com/files-pri/{TEAM}-{file}"
    return {
        "id": file,
        "created": 1790000090,
        "timestamp": 1790000090,
        "name": "cat.png",
        "title": "My cat",
        "mimetype": "image/png",
        "filetype": "png",
        "pretty_type": "PNG",
        "user": USER,
        "user_team": TEAM,
        "editable": False,
        "size": 12345,
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": True,
        "display_as_bot": False,
        "url_private": f"{place}/cat.png",
        "url_private_download": f"{place}/download/cat.png",
        "media_display_type": "unknown",
        "thumb_360": f"{place}/cat_360.png",
        "original_w": 640,
        "original_h": 480,
        "permalink": "https://home.slack.com/files/U0ALICE01/F0CAT0001/cat.png",
        "has_rich_preview": False,
        "file_access": "visible",
        **more,
    }


STUB = {"id": "F0STUB001", "mode": "file_access", "file_access": "check_file_info"}
EDITED_MARK = {"user": USER, "ts": LATER}
BOT_PROFILE = {"id": BOT, "app_id": APP, "name": "Threadpaint", "deleted": False, "team_id": TEAM}


def without(source: Json, *names: str) -> Json:
    return {name: value for name, value in source.items() if name not in names}


PLAIN = envelope(message())
MENTION_TEXT = f"<@{BOT_USER}> a cat"
MENTION_MESSAGE = envelope(message(text=MENTION_TEXT))
MENTION = envelope(
    without(message(text=MENTION_TEXT, type="app_mention"), "channel_type"), event_id="Ev0000002"
)
DIRECT_MESSAGE = envelope(
    message(
        channel=DIRECT,
        channel_type="im",
        app_context={"entities": [{"type": "slack#/types/channel_id", "value": CHANNEL}]},
    )
)
GROUP_DIRECT = envelope(message(channel="C0MPIM001", channel_type="mpim"))
PRIVATE = envelope(message(channel="G0OLD0001", channel_type="group"))
THREAD_REPLY = envelope(message(thread_ts=ROOT, parent_user_id=BOT_USER))
BROADCAST = envelope(
    message(
        subtype="thread_broadcast",
        thread_ts=ROOT,
        root=without(message(ts=ROOT, thread_ts=ROOT, reply_count=2), "channel"),
    )
)
ME = envelope(without(message(subtype="me_message"), "client_msg_id", "blocks", "team"))
# A message with files names no team of its own.
FILE_SHARE = envelope(
    without(
        message(
            subtype="file_share",
            files=[hosted(), hosted("F0DOG0001", name="dog.jpg", mimetype="image/jpeg")],
            upload=True,
            display_as_bot=False,
            x_files=["F0CAT0001"],
        ),
        "team",
    )
)
MENTION_WITH_FILE = envelope(
    without(
        message(text=MENTION_TEXT, type="app_mention", files=[hosted()], upload=True),
        "channel_type",
        "team",
    )
)
FILE_STUB = envelope(message(subtype="file_share", files=[STUB, hosted()]))
FORWARDED = envelope(
    message(
        attachments=[
            {
                "is_share": True,
                "is_msg_unfurl": True,
                "channel_id": CHANNEL,
                "author_id": OTHER,
                "ts": ROOT,
                "text": "look",
                "files": [hosted("F0FWD0001", user=OTHER)],
            },
            {
                "is_share": True,
                "is_msg_unfurl": True,
                "image_url": "https://files.slack.com/files-tmb/T0HOME001-F0X/x.png",
            },
            {"from_url": "https://example.com", "image_url": "https://example.com/og.png"},
            {"is_msg_unfurl": True, "files": [hosted("F0QUOTED1")]},
        ]
    )
)

CONNECT = {"is_ext_shared_channel": True, "team_id": FAR_TEAM, "enterprise_id": FAR_ORG}
CONNECT_MESSAGE = envelope(
    message(user=STRANGER, team=FAR_TEAM, text=MENTION_TEXT), **CONNECT, event_id="Ev0000003"
)
CONNECT_MENTION = envelope(
    without(
        message(
            type="app_mention",
            user=STRANGER,
            text=MENTION_TEXT,
            team=TEAM,
            user_team=FAR_ORG,
            source_team=FAR_ORG,
            user_profile={"team": FAR_ORG, "name": "carol"},
        ),
        "channel_type",
    ),
    is_ext_shared_channel=True,
)
CONNECT_FILE = envelope(
    without(
        message(
            user=STRANGER,
            subtype="file_share",
            files=[hosted(user=STRANGER, user_team=FAR_TEAM)],
        ),
        "team",
    ),
    is_ext_shared_channel=True,
)
CONNECT_STUB = envelope(
    without(message(user=STRANGER, subtype="file_share", files=[STUB]), "team"), **CONNECT
)
CONNECT_OUR_PERSON = envelope(
    message(user_team=TEAM, source_team=FAR_TEAM), is_ext_shared_channel=True
)
CONNECT_PROFILE = envelope(
    message(user=STRANGER, user_profile={"team": FAR_TEAM}), is_ext_shared_channel=True
)
# Our person passes a stranger's file on.
CONNECT_STRANGERS_FILE = envelope(
    without(
        message(subtype="file_share", files=[hosted(user=STRANGER, user_team=FAR_TEAM)]), "team"
    ),
    is_ext_shared_channel=True,
)
GRID = {
    "enterprise_id": ORG,
    "authorizations": [
        {
            "enterprise_id": ORG,
            "team_id": TEAM,
            "user_id": BOT_USER,
            "is_bot": True,
            "is_enterprise_install": True,
        }
    ],
}
GRID_SIBLING = envelope(message(user="W0SIBLING", team="T0SIBLING"), **GRID)
GRID_ORG_USER = envelope(message(user_team=ORG), **GRID, is_ext_shared_channel=True)
GRID_STRANGER = envelope(message(user=STRANGER, team=FAR_TEAM), **GRID, is_ext_shared_channel=True)

_EDITED = message(text="a dog", edited=EDITED_MARK, user_team=TEAM, source_team=TEAM)
EDIT = envelope(changed(_EDITED, message()))
EDIT_IN_THREAD = envelope(
    changed({**_EDITED, "thread_ts": ROOT, "files": [hosted()]}, message(thread_ts=ROOT))
)
EDIT_OF_UNKNOWN = envelope(without(changed(_EDITED, {}), "previous_message"))
UNFURL = envelope(
    changed(message(attachments=[{"from_url": "https://example.com", "id": 1}]), message())
)
UNFURL_AFTER_EDIT = envelope(changed({**_EDITED, "attachments": [{"id": 1}]}, _EDITED))
REWRITTEN_BY_SLACK = envelope(changed(message(text="[removed]"), message()))
REWRITTEN_BY_ADMIN = envelope(
    changed(message(text="[removed]", edited={"user": OTHER, "ts": LATER}), message())
)
PARENT_UPDATE = envelope(
    changed(
        message(thread_ts=TS, reply_count=3, reply_users=[OTHER], latest_reply=LATER),
        message(thread_ts=TS, reply_count=2),
    )
)
OWN_EDIT = envelope(
    changed(
        message(user=BOT_USER, bot_id=BOT, text="new", edited={"user": BOT_USER, "ts": LATER}),
        message(user=BOT_USER, bot_id=BOT),
    )
)
AGENT_THREAD_TITLE = envelope(
    changed(
        message(subtype="assistant_app_thread", text="Cats", edited=EDITED_MARK),
        message(subtype="assistant_app_thread"),
    )
)
TOMBSTONE = envelope(
    changed(
        {
            "subtype": "tombstone",
            "text": "This message was deleted.",
            "user": "USLACKBOT",
            "hidden": True,
            "type": "message",
            "thread_ts": TS,
            "reply_count": 2,
            "ts": TS,
        },
        message(thread_ts=TS, reply_count=2),
    )
)
DELETION = envelope(
    {
        "type": "message",
        "subtype": "message_deleted",
        "previous_message": message(),
        "channel": CHANNEL,
        "hidden": True,
        "deleted_ts": TS,
        "ts": LATER,
        "event_ts": LATER,
        "channel_type": "channel",
    }
)
REPLIED = envelope(
    {
        "type": "message",
        "subtype": "message_replied",
        "message": message(thread_ts=TS, reply_count=1, replies=[{"user": OTHER, "ts": LATER}]),
        "channel": CHANNEL,
        "hidden": True,
        "ts": LATER,
        "event_ts": LATER,
    }
)
JOIN = envelope(message(subtype="channel_join", inviter=OTHER))
TOPIC = envelope(message(subtype="channel_topic", topic="cats"))
SLACKBOT = envelope(without(message(user="USLACKBOT"), "client_msg_id"))
HIDDEN = envelope(message(hidden=True))
NO_USER = envelope(without(message(), "user"))
OTHER_BOT = envelope(
    message(user="U0OTHERBT", bot_id="B0OTHER01", app_id="A0OTHER01", bot_profile={"id": "B0"})
)
WEBHOOK = envelope(
    without(message(subtype="bot_message", bot_id="B0HOOK001", username="deploys"), "user")
)
OTHER_BOTS_MENTION = envelope(
    message(type="app_mention", user="U0OTHERBT", bot_id="B0OTHER01", text=MENTION_TEXT)
)
OWN_TEXT = envelope(
    message(user=BOT_USER, bot_id=BOT, app_id=APP, bot_profile=BOT_PROFILE, thread_ts=ROOT)
)
OWN_FILES = envelope(
    message(
        user=BOT_USER,
        bot_id=BOT,
        subtype="file_share",
        thread_ts=ROOT,
        files=[hosted("F0OURS001"), hosted("F0OURS002")],
        upload=True,
    )
)
# The bot's uploads may name its user only.
OWN_FILES_BY_USER = envelope(
    message(user=BOT_USER, subtype="file_share", files=[hosted("F0OURS001")])
)
OWN_TEXT_BY_BOT = envelope(without(message(subtype="bot_message", bot_id=BOT), "user"))
HOME = envelope(
    {
        "type": "app_home_opened",
        "user": USER,
        "channel": DIRECT,
        "tab": "home",
        "view": {"id": "V0HOME001", "type": "home", "state": {"values": {}}},
        "event_ts": TS,
    }
)
MESSAGES_TAB = envelope(
    {
        "type": "app_home_opened",
        "user": USER,
        "channel": DIRECT,
        "tab": "messages",
        "context": {"entities": []},
        "event_ts": TS,
    }
)
STOP = envelope(
    {
        "type": "agent_session_stopped",
        "channel": CHANNEL,
        "thread_ts": ROOT,
        "user": USER,
        "streaming_message_ts": [],
        "event_ts": TS,
    }
)
UNINSTALLED = envelope({"type": "app_uninstalled"}, authorizations=[])
REVOKED_BOT = envelope({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT_USER]}})
REVOKED_USER = envelope({"type": "tokens_revoked", "tokens": {"oauth": [USER], "bot": []}})
FILE_EVENT = envelope(
    {"type": "file_shared", "file_id": "F0CAT0001", "user_id": USER, "channel_id": CHANNEL}
)

COMMAND = {
    "token": "unused",
    "api_app_id": APP,
    "team_id": TEAM,
    "team_domain": "home",
    "channel_id": CHANNEL,
    "channel_name": "studio",
    "user_id": USER,
    "user_name": "alice",
    "command": "/imagine",
    "text": "a cat &amp; a dog --ar 16:9",
    "response_url": "https://hooks.slack.com/commands/T0HOME001/1/abc",
    "trigger_id": "1.2.abc",
    "is_enterprise_install": "false",
}
COMMAND_FROM_AFAR = {**COMMAND, "team_id": FAR_TEAM, "user_id": STRANGER}
COMMAND_IN_ORG = {
    **COMMAND,
    "team_id": "T0SIBLING",
    "enterprise_id": ORG,
    "enterprise_name": "Home",
    "is_enterprise_install": "true",
}

PERSON = {"id": USER, "username": "alice", "name": "alice", "team_id": TEAM}
_INTERACTION = {
    "team": {"id": TEAM, "domain": "home"},
    "user": PERSON,
    "api_app_id": APP,
    "token": "unused",
    "enterprise": None,
    "is_enterprise_install": False,
    "trigger_id": "1.2.abc",
}
BUTTON = {
    "type": "button",
    "action_id": "redo",
    "block_id": "b2",
    "text": {"type": "plain_text", "text": "Redo", "emoji": True},
    "value": "0123456789abcdef",
    "action_ts": "1790000300.123456",
}
CLICK: Json = {
    **_INTERACTION,
    "type": "block_actions",
    "container": {
        "type": "message",
        "message_ts": TS,
        "channel_id": CHANNEL,
        "is_ephemeral": False,
        "thread_ts": ROOT,
    },
    "channel": {"id": CHANNEL, "name": "studio"},
    "message": without(
        message(user=BOT_USER, bot_id=BOT, app_id=APP, thread_ts=ROOT), "channel", "event_ts"
    ),
    "state": {"values": {}},
    "response_url": RESPONSE_URL,
    "actions": [BUTTON],
}
# Slack Connect: the team is that of the message, the user's is their own.
CLICK_FROM_AFAR = {
    **CLICK,
    "user": {"id": STRANGER, "username": "carol", "name": "carol", "team_id": FAR_TEAM},
}
CLICK_WITHOUT_VALUE = {**CLICK, "actions": [without(BUTTON, "value")]}
CLICK_IN_ORG = {
    **CLICK,
    "enterprise": {"id": ORG, "name": "Home"},
    "user": {**PERSON, "team_id": ORG},
}
OPTION = {"text": {"type": "plain_text", "text": "Wide"}, "value": "16:9"}
MENU = {
    **CLICK,
    "actions": [
        {
            "type": "static_select",
            "action_id": "ratio",
            "block_id": "b2",
            "selected_option": OPTION,
            "placeholder": {"type": "plain_text", "text": "Ratio"},
            "action_ts": "1790000300.123456",
        }
    ],
}
FORM = {
    "id": "V0FORM001",
    "team_id": TEAM,
    "type": "modal",
    "blocks": [],
    "private_metadata": '{"thread":"1"}',
    "callback_id": "new",
    "state": {
        "values": {
            "b1": {"prompt": {"type": "plain_text_input", "value": "a cat"}},
            "b2": {"note": {"type": "plain_text_input", "value": None}},
            "b3": {"ratio": {"type": "static_select", "selected_option": OPTION}},
            "b4": {"size": {"type": "static_select", "selected_option": None}},
            "b5": {"think": {"type": "radio_buttons", "selected_option": OPTION}},
            "b6": {"search": {"type": "checkboxes", "selected_options": [OPTION]}},
            "b7": {"extras": {"type": "checkboxes", "selected_options": []}},
            "b8": {"files": {"type": "file_input", "files": [hosted()]}},
            "b9": {"where": {"type": "conversations_select", "selected_conversation": CHANNEL}},
            "ba": {"nobody": {"type": "multi_users_select", "selected_users": [OTHER, USER]}},
            "bb": {"models": {"type": "multi_static_select", "selected_options": [OPTION]}},
            "bc": {"count": {"type": "number_input", "value": "2"}},
            "bd": {"guide": {"type": "file_input", "files": []}},
        }
    },
    "hash": "1790000300.abcd",
    "title": {"type": "plain_text", "text": "New picture"},
    "clear_on_close": False,
    "notify_on_close": True,
    "close": None,
    "submit": {"type": "plain_text", "text": "Paint"},
    "previous_view_id": None,
    "root_view_id": "V0FORM001",
    "app_id": APP,
    "external_id": "",
    "app_installed_team_id": TEAM,
    "bot_id": BOT,
}
SUBMISSION = {
    **_INTERACTION,
    "type": "view_submission",
    "view": FORM,
    "response_urls": [
        {
            "block_id": "b9",
            "action_id": "where",
            "channel_id": CHANNEL,
            "response_url": RESPONSE_URL,
        }
    ],
}
# Opened in a shared channel by somebody of the other workspace.
SUBMISSION_FROM_AFAR = {
    **SUBMISSION,
    "team": {"id": FAR_TEAM, "domain": "far"},
    "user": {"id": STRANGER, "username": "carol", "name": "carol", "team_id": FAR_TEAM},
    "response_urls": [],
}
CLOSED = {**without(_INTERACTION, "trigger_id"), "type": "view_closed", "view": FORM}
CLICK_IN_VIEW = {
    **_INTERACTION,
    "type": "block_actions",
    "container": {"type": "view", "view_id": "V0FORM001"},
    "view": FORM,
    "actions": [
        {
            "type": "radio_buttons",
            "action_id": "price",
            "block_id": "b5",
            "selected_option": OPTION,
            "action_ts": "1790000300.123456",
        }
    ],
}
SHORTCUT = {
    **_INTERACTION,
    "type": "shortcut",
    "action_ts": "1790000300.123456",
    "user": {"id": USER, "username": "alice", "team_id": TEAM},
    "callback_id": "new_image",
}
MESSAGE_SHORTCUT = {
    **_INTERACTION,
    "type": "message_action",
    "action_ts": "1790000300.123456",
    "user": {"id": OTHER, "username": "bob", "team_id": TEAM},
    "channel": {"id": CHANNEL, "name": "studio"},
    "callback_id": "edit_image",
    "message_ts": TS,
    "message": without(
        message(subtype="file_share", files=[hosted()]), "channel", "channel_type", "event_ts"
    ),
    "response_url": RESPONSE_URL,
}
SHORTCUT_ON_OURS = {
    **MESSAGE_SHORTCUT,
    "message": {
        "type": "message",
        "user": BOT_USER,
        "bot_id": BOT,
        "app_id": APP,
        "text": "Here it is",
        "ts": TS,
        "thread_ts": ROOT,
    },
}
SHORTCUT_ON_WEBHOOK = {
    **MESSAGE_SHORTCUT,
    "message": {
        "type": "message",
        "subtype": "bot_message",
        "bot_id": "B0HOOK001",
        "text": "deployed",
        "ts": TS,
        "files": [hosted()],
    },
}
ORG_WIDE_SHORTCUT = {
    **SHORTCUT,
    "team": None,
    "user": {"id": USER, "username": "alice", "team_id": "T0SIBLING"},
    "enterprise": {"id": ORG, "name": "Home"},
    "is_enterprise_install": True,
}
SUGGESTION = {**_INTERACTION, "type": "block_suggestion", "value": "ca"}

FETCHED = without(message(thread_ts=ROOT, parent_user_id=BOT_USER), "channel", "channel_type")
FETCHED_ROOT = without(message(thread_ts=TS, reply_count=1), "channel", "channel_type")

PAYLOADS: dict[str, Json] = {
    name: value
    for name, value in dict(globals()).items()
    if not name.startswith("_") and isinstance(value, dict) and "token" in value
}
"""Every payload above, by its name."""
