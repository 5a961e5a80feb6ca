"""The table of Web API methods, and how the arguments of a call are read and checked.

Names, duties and scopes as in Slack's method pages (September 2026); ``agents.*`` as slack_sdk
3.47 sends them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from tests.standins.slack.values import Json, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

SCOPES = (
    "app_mentions:read", "assistant:write", "channels:history", "chat:write", "commands",
    "files:read", "files:write", "groups:history", "im:history", "im:write", "mpim:history",
    "reactions:write", "usergroups:read", "users:read",
)  # fmt: skip
"""What the token was granted unless a test says otherwise."""
SUBSCRIPTIONS = (
    "agent_session_stopped", "app_home_opened", "app_mention", "app_uninstalled",
    "file_shared", "message.channels", "message.groups", "message.im", "message.mpim",
    "tokens_revoked",
)  # fmt: skip
_EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "file_shared": "files:read",
}
_ANYWHERE = {"team_id"}
"""What Bolt's client adds to every call."""
_KINDS = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}
_SHAPES = {
    "channel": re.compile(r"[CGD][A-Z0-9]{8,}"),
    "user": re.compile(r"[UW][A-Z0-9]{8,}"),
    "file": re.compile(r"F[A-Z0-9]{8,}"),
    "ts": re.compile(r"\d{10}\.\d{6}"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What one method takes.

    arguments: words ``name``, ``name*`` (required), ``name:type``; the type is text unless named:
    int, bool, list, dict, or one of channel, user, file, ts (text of that shape). scope: needed;
    ``*:history`` and ``*:read`` depend on the kind of channel. tier: Slack's, 0 is special. json:
    takes JSON bodies; most reading methods ignore them. token: bot, app, or any.
    """

    arguments: str = ""
    scope: str = ""
    tier: int = 4
    json: bool = True
    token: str = "bot"
    missing: str = "invalid_arguments"


_POST = (
    "channel*:channel text blocks:list attachments:list markdown_text thread_ts:ts parse"
    " link_names:bool icon_emoji icon_url username as_user:bool"
)
_PAGE = "limit:int cursor"
_SPAN = "latest oldest inclusive:bool include_all_metadata:bool"
_ICON = "icon_emoji icon_url username"

RULES = {
    "agents.sessions.rename": Rule(
        "channel_id*:channel title* thread_ts:ts", scope="chat:write", tier=3
    ),
    "agents.sessions.setStatus": Rule(
        "channel_id*:channel status* thread_ts:ts title initiator_user_id:user " + _ICON,
        scope="chat:write",
        tier=3,
    ),
    "apps.connections.open": Rule(token="app", tier=3),
    "assistant.threads.setStatus": Rule(
        "channel_id*:channel thread_ts*:ts status* loading_messages:list " + _ICON,
        scope="chat:write",
        tier=0,
    ),
    "assistant.threads.setSuggestedPrompts": Rule(
        "channel_id*:channel prompts*:list thread_ts:ts title", scope="assistant:write"
    ),
    "auth.test": Rule(token="any", tier=0),
    "bots.info": Rule("bot team_id", scope="users:read", tier=3, json=False),
    "chat.delete": Rule("channel*:channel ts*:ts as_user:bool", scope="chat:write", tier=3),
    "chat.getPermalink": Rule("channel*:channel message_ts*:ts", tier=0, json=False),
    "chat.postEphemeral": Rule(_POST + " user*:user", scope="chat:write"),
    "chat.postMessage": Rule(
        _POST + " metadata:dict mrkdwn:bool reply_broadcast:bool unfurl_links:bool"
        " unfurl_media:bool",
        scope="chat:write",
        tier=0,
    ),
    "chat.update": Rule(
        "channel*:channel ts*:ts text blocks:list attachments:list markdown_text metadata:dict"
        " file_ids:list parse link_names:bool reply_broadcast:bool as_user:bool",
        scope="chat:write",
        tier=3,
    ),
    "conversations.history": Rule(
        f"channel*:channel {_PAGE} {_SPAN}", scope="*:history", tier=3, json=False
    ),
    "conversations.info": Rule(
        "channel*:channel include_locale:bool include_num_members:bool",
        scope="*:read",
        tier=3,
        json=False,
    ),
    "conversations.members": Rule(f"channel*:channel {_PAGE}", scope="*:read", json=False),
    "conversations.open": Rule(
        "channel:channel users return_im:bool prevent_creation:bool", scope="im:write", tier=3
    ),
    "conversations.replies": Rule(
        f"channel*:channel ts*:ts {_PAGE} {_SPAN}", scope="*:history", tier=3, json=False
    ),
    "files.completeUploadExternal": Rule(
        "files*:list channel_id:channel channels thread_ts:ts initial_comment blocks:list",
        scope="files:write",
    ),
    "files.delete": Rule("file*:file", scope="files:write", tier=3),
    "files.getUploadURLExternal": Rule(
        "filename* length*:int alt_txt snippet_type",
        scope="files:write",
        missing="missing_argument",
    ),
    "files.info": Rule(
        "file*:file count:int page:int limit:int cursor", scope="files:read", json=False
    ),
    "reactions.add": Rule("channel*:channel name* timestamp*:ts", scope="reactions:write", tier=3),
    "reactions.remove": Rule(
        "name* channel:channel timestamp:ts file file_comment", scope="reactions:write", tier=2
    ),
    "usergroups.users.list": Rule(
        "usergroup* include_disabled:bool team_id", scope="usergroups:read", tier=2, json=False
    ),
    "users.info": Rule("user*:user include_locale:bool", scope="users:read", json=False),
    "views.open": Rule("view*:dict trigger_id interactivity_pointer"),
    "views.publish": Rule("view*:dict user_id*:user hash"),
    "views.update": Rule("view*:dict view_id external_id hash"),
}


async def read_arguments(request: web.Request) -> tuple[Json, str]:
    """Read query and body; return the arguments and where most of them stood.

    Raises:
        Refused: The body is of a type or form that Slack does not read.
    """
    arguments: Json = dict(request.query)
    source = "query" if arguments else ""
    if not (body := await request.read()):
        return arguments, source
    if request.content_type == "application/json":
        try:
            sent = json.loads(body)
        except ValueError:
            raise Refused("invalid_json") from None
        if not isinstance(sent, dict):
            raise Refused("json_not_object")
        return arguments | sent, "json"
    if request.content_type == "application/x-www-form-urlencoded":
        return arguments | dict(parse_qsl(body.decode(), keep_blank_values=True)), "form"
    if request.content_type == "multipart/form-data":
        return arguments | dict(await request.post()), "form"
    raise Refused("invalid_post_type" if "Content-Type" in request.headers else "missing_post_type")


def checked(method: str, arguments: Json, source: str, complain: Callable[[str], object]) -> Json:
    """Turn the arguments into the types of the table; None and absent are the same.

    Unknown names and ids of the wrong shape are complaints: Slack ignores the first and finds
    nothing for the second.
    """
    rule = RULES[method]
    if source == "json" and not rule.json:
        complain(f"{method} ignores JSON bodies")
        arguments = {}
    known = {word.partition(":")[0].rstrip("*"): word for word in rule.arguments.split()}
    unknown = set(arguments) - set(known) - _ANYWHERE
    complaints = [f"{method} has no argument {name}" for name in sorted(unknown)]
    read: Json = {}
    for name, word in known.items():
        value = arguments.get(name)
        if value is None or (value == "" and source != "json"):
            if word.partition(":")[0].endswith("*"):
                raise Refused(rule.missing, f"missing required field: {name}")
            continue
        kind = word.partition(":")[2]
        read[name] = _typed(name, value, kind)
        shape = _SHAPES.get(kind)
        fits = shape is None or shape.fullmatch(str(value))
        posts_to_person = name == "channel" and method == "chat.postMessage"
        if not fits and not (posts_to_person and _SHAPES["user"].fullmatch(str(value))):
            complaints.append(f"{method}: {name} is no {kind}: {value!r}")
    for complaint in complaints:
        complain(complaint)
    return read


def _typed(name: str, value: object, kind: str) -> object:
    if kind in {"list", "dict"}:
        wanted = list if kind == "list" else dict
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                value = None
        if not isinstance(value, wanted):
            raise Refused(
                "invalid_blocks_format" if name == "blocks" else "invalid_arguments",
                f"must be a valid {kind} [json-pointer:/{name}]",
            )
        return value
    if kind == "bool":
        words = {"true": True, "1": True, "false": False, "0": False}
        if str(value).lower() not in words:
            raise Refused("invalid_arguments", f"must be a boolean [json-pointer:/{name}]")
        return words[str(value).lower()]
    if kind == "int":
        if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
            raise Refused("invalid_arguments", f"must be an integer [json-pointer:/{name}]")
        return int(str(value))
    if not isinstance(value, str):
        raise Refused("invalid_arguments", f"must be a string [json-pointer:/{name}]")
    return value


def needed_scope(method: str, channel_kind: str) -> str:
    """Name the scope that a method needs, for a channel of this kind."""
    return RULES[method].scope.replace("*", _KINDS[channel_kind])


def subscription(event: Json) -> tuple[str, str]:
    """Name the subscription that an event needs, and the scope of that, "" for none."""
    name = str(event["type"])
    if name == "message":
        kind = str(event["channel_type"])
        name = f"message.{'channels' if kind == 'channel' else _KINDS[kind]}"
    return name, _EVENT_SCOPES.get(name, "")
