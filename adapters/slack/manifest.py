"""What the Slack app is: its scopes, events, command and shortcuts, and the app manifest."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from adapters.slack.actions import COMMAND, Shortcut
from bot.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One permission of the bot.

    feature: what does not work without it. needed: whether the bot refuses to start without it;
    the others can be declined when the app is installed.
    """

    feature: str
    needed: bool = True


SCOPES: Mapping[str, Scope] = {
    "app_mentions:read": Scope(feature="answering a mention of the bot"),
    "assistant:write": Scope(feature="being an agent: suggested prompts and Slack's Stop button"),
    "channels:history": Scope(feature="replies in threads of public channels"),
    "chat:write": Scope(feature="answers, their buttons, the progress line"),
    "commands": Scope(feature="the command /imagine and the shortcuts"),
    "files:read": Scope(feature="reading uploads, and seeing that a picture has arrived"),
    "files:write": Scope(feature="uploading and deleting pictures"),
    "groups:history": Scope(feature="replies in threads of private channels"),
    "im:history": Scope(feature="direct messages to the bot"),
    "im:write": Scope(feature="painting in a direct message where the bot cannot post"),
    "mpim:history": Scope(feature="replies in group messages"),
    "reactions:write": Scope(feature="marking a message that is being worked on"),
    "usergroups:read": Scope(feature="THREADPAINT_ALLOWED_GROUPS", needed=False),
    "users:read": Scope(
        feature="knowing who is an administrator, and the names of people in a request",
        needed=False,
    ),
}
"""Every bot scope of the app."""

METHODS: Mapping[str, str | None] = {
    "agents.sessions.setStatus": "chat:write",
    "apps.connections.open": None,  # takes the app-level token, with connections:write
    "assistant.threads.setStatus": "chat:write",
    "auth.test": None,
    "chat.delete": "chat:write",
    "chat.getPermalink": None,
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "conversations.history": "channels:history",
    "conversations.open": "im:write",
    "conversations.replies": "channels:history",
    "files.completeUploadExternal": "files:write",
    "files.delete": "files:write",
    "files.getUploadURLExternal": "files:write",
    "files.info": "files:read",
    "reactions.add": "reactions:write",
    "reactions.remove": "reactions:write",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "views.open": None,
    "views.publish": None,
    "views.update": None,
}
"""Every Web API method that the adapter calls, and the bot scope that it takes.

``channels:`` stands for the kind of conversation: a private channel takes ``groups:``, a direct
message ``im:``, a group message ``mpim:``. Source of the scopes: smstoslack/slack_kit (May 2026);
for agents.sessions.setStatus docs.slack.dev.
"""

EVENTS: Mapping[str, str | None] = {
    "agent_session_stopped": None,  # docs.slack.dev names no scope
    "app_home_opened": None,
    "app_mention": "app_mentions:read",
    "app_uninstalled": None,
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "tokens_revoked": None,
}
"""Every bot event that the app subscribes to, and the bot scope that it takes."""

FEATURES: Mapping[str, str] = {
    "agent_view": "assistant:write",
    "shortcuts": "commands",
    "slash_commands": "commands",
}
"""Features of the manifest that take a bot scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The scopes that an installation was not granted, sorted."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]


def missing(granted: Iterable[str]) -> Missing:
    """Compare what was granted with ``SCOPES``."""
    absent = sorted(SCOPES.keys() - set(granted))
    return Missing(
        needed=tuple(name for name in absent if SCOPES[name].needed),
        optional=tuple(name for name in absent if not SCOPES[name].needed),
    )


def manifest(*, name: str = "Threadpaint", url: str | None = None) -> dict[str, Any]:
    """Describe the app for Slack's "from a manifest".

    name: at most 35 characters. url: None for Socket Mode; for HTTP mode the public address of the
    bot, https. Raises UsageError when it is not one.
    """
    request = {} if url is None else {"request_url": _request_url(url)}
    command_url = {} if url is None else {"url": _request_url(url)}
    return {
        "display_information": {
            "name": name,
            "description": "Ask for a picture, refine it by replying.",
        },
        "features": {
            "bot_user": {"display_name": name, "always_online": True},
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "agent_view": _agent_view(),
            "slash_commands": [
                {
                    "command": COMMAND,
                    "description": "Ask for a picture; without words a form opens",
                    "usage_hint": "a red fox in the snow --ar 16:9",
                    "should_escape": True,
                    **command_url,
                }
            ],
            "shortcuts": _shortcuts(),
        },
        "oauth_config": {
            "scopes": {
                "bot": list(SCOPES),
                # in both lists: docs.slack.dev/authentication/installing-with-oauth
                "bot_optional": [scope for scope, why in SCOPES.items() if not why.needed],
            }
        },
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS), **request},
            "interactivity": {"is_enabled": True, **request},
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def creation_link(described: Mapping[str, Any]) -> str:
    """Make the address that opens Slack's form for a new app with the manifest filled in."""
    text = json.dumps(described, separators=(",", ":"))
    return f"https://api.slack.com/apps?new_app=1&manifest_json={quote(text, safe='')}"


def _request_url(url: str) -> str:
    if not re.fullmatch(r"https://[^\s/?#@]+(/[^\s?#]*)?", url):
        raise UsageError(
            "Slack needs a public address that begins with https://, such as"
            " https://paint.example.org. Without one, use Socket Mode: leave --url out."
        )
    return f"{url.rstrip('/')}/slack/events"


def _agent_view() -> dict[str, Any]:
    prompts = {
        "Paint something": "a red fox in the snow, watercolour --ar 16:9",
        "A poster with words": "a poster for a jazz night that says JAZZ IN THE YARD --ar 3:4",
        "Two to choose from": "a flat logo for a small bakery, two colours --n 2",
        "What can you do?": "help",
    }
    return {
        "agent_description": "Paints what you describe. Reply in the thread to change the picture;"
        " attach images or PDFs as material.",
        "suggested_prompts": [
            {"title": title, "message": message} for title, message in prompts.items()
        ],
    }


def _shortcuts() -> list[dict[str, str]]:
    return [
        {
            "name": "New image",
            "type": "global",
            "callback_id": Shortcut.NEW_IMAGE.value,
            "description": "Describe a picture in a form",
        },
        {
            "name": "Edit this image",
            "type": "message",
            "callback_id": Shortcut.EDIT_IMAGE.value,
            "description": "Change the picture of this message",
        },
    ]
