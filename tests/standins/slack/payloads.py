"""The payloads of events, commands and interactions, and which events Slack delivers at all."""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING

from tests.standins.slack.rules import subscription
from tests.standins.slack.world import APP, BOT_USER, DOMAIN, TEAM, Channel, Person

if TYPE_CHECKING:
    from tests.standins.slack.delivery import Deliveries, Delivery
    from tests.standins.slack.values import Json
    from tests.standins.slack.world import World

_TOKEN = "verification-token"
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")


class Payloads:
    """Makes payloads about the people and channels of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deliveries: Deliveries

    def announce(self, event: Json, *, copies: int = 1) -> list[Delivery]:
        """Deliver an event, if the app hears of such and is there; return the deliveries."""
        name, scope = subscription(event)
        channel = self.world.channels.get(str(event.get("channel", event.get("channel_id"))))
        there = channel is None or BOT_USER in channel.members
        wanted = name in self.world.subscriptions and (not scope or scope in self.world.scopes)
        if not (there and wanted):
            return []
        payload = self.envelope(event, channel)
        return [self.deliveries.send("events_api", payload) for _ in range(copies)]

    def envelope(self, event: Json, channel: Channel | None) -> Json:
        """Return the outer part of an Events API delivery."""
        members = channel.members if channel else set()
        foreign = any(self.world.people[member].team != TEAM for member in members)
        identity = {"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}
        return {
            "token": _TOKEN,
            "team_id": TEAM,
            "context_team_id": TEAM,
            "context_enterprise_id": None,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(time.time()),
            "authorizations": [{**identity, "is_enterprise_install": False}],
            "is_ext_shared_channel": foreign,
            "event_context": secrets.token_urlsafe(24),
        }

    def command_payload(self, place: Channel, person: Person, command: str, text: str) -> Json:
        """Return a slash command; it never says in which thread it was typed."""
        return {
            "token": _TOKEN,
            "team_id": person.team,
            "team_domain": DOMAIN,
            "channel_id": place.id,
            "channel_name": place.shown_name,
            "user_id": person.id,
            "user_name": person.name,
            "command": command,
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
        }

    def _interaction(self, kind: str, person: Person) -> Json:
        who = {"id": person.id, "username": person.name, "name": person.name}
        return {
            "type": kind,
            "user": {**who, "team_id": person.team},
            "team": {"id": TEAM, "domain": DOMAIN},
            "enterprise": None,
            "is_enterprise_install": False,
            "api_app_id": APP,
            "token": _TOKEN,
        }

    def click_payload(self, place: Channel, person: Person, message: Json, used: Json) -> Json:
        """Return a click on a message; of an ephemeral one Slack does not repeat the content."""
        hidden = message.get("is_ephemeral", False)
        container = {"type": "message", "message_ts": message["ts"], "channel_id": place.id}
        container["is_ephemeral"] = hidden
        if "thread_ts" in message:
            container["thread_ts"] = message["thread_ts"]
        return {
            **self._interaction("block_actions", person),
            "container": container,
            "channel": {"id": place.id, "name": place.shown_name},
            **({} if hidden else {"message": self.world.shown(message)}),
            "state": {"values": {}},
            "actions": [{**used, "action_ts": self.world.next_ts()}],
        }

    def view_click_payload(self, person: Person, view: Json, used: Json) -> Json:
        """Return a click in a modal or home tab."""
        return {
            **self._interaction("block_actions", person),
            "container": {"type": "view", "view_id": view["id"]},
            "view": view,
            "actions": [{**used, "action_ts": self.world.next_ts()}],
        }

    def shortcut_payload(self, callback_id: str, person: Person) -> Json:
        """Return the use of a global shortcut."""
        common = self._interaction("shortcut", person)
        return {**common, "callback_id": callback_id, "action_ts": self.world.next_ts()}

    def form_payload(self, person: Person, view: Json, kind: str) -> Json:
        """Return the submission (or the closing) of a modal."""
        urls: Json = {"response_urls": []} if kind == "view_submission" else {}
        return {**self._interaction(kind, person), "view": view, **urls}


def mentions(text: str) -> list[str]:
    """List the user ids that a text mentions."""
    return _MENTION.findall(text)


def rich_text(text: str) -> list[Json]:
    """Return the blocks that Slack's client makes of a typed text."""
    parts: list[Json] = []
    last = 0
    for found in _MENTION.finditer(text):
        parts += [{"type": "text", "text": _plain(text[last : found.start()])}]
        parts += [{"type": "user", "user_id": found[1]}]
        last = found.end()
    parts.append({"type": "text", "text": _plain(text[last:])})
    section = {"type": "rich_text_section", "elements": [p for p in parts if p.get("text") != ""]}
    return [{"type": "rich_text", "block_id": secrets.token_hex(3), "elements": [section]}]


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
