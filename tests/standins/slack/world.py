"""What exists in this Slack: people, channels, messages, files, views, and the clock's ts."""

from __future__ import annotations

import io
import itertools
import re
import time
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image

from tests.standins.slack.faults import Faults
from tests.standins.slack.values import Json, Knobs, Refused, SlackFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.standins.slack.response_urls import ResponseUrl
    from tests.standins.slack.surfaces import Trigger

TEAM = "T0PAINTERS"
FOREIGN_TEAM = "T0STRANGER"
APP = "A0PAINTBOT"
BOT = "B0PAINTBOT"
BOT_USER = "U0PAINTBOT"
SLACKBOT = "USLACKBOT"
DOMAIN = "painters"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody with a user id; team is not TEAM for a guest from Slack Connect."""

    id: str
    name: str
    admin: bool = False
    team: str = TEAM
    bot_id: str = ""
    deleted: bool = False
    locale: str = "en-GB"

    def described(self) -> Json:
        """Return the user object of users.info."""
        foreign = self.team != TEAM
        roles = {"is_admin": self.admin, "is_owner": False, "is_primary_owner": False}
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "real_name": self.name.title(),
            "deleted": self.deleted,
            "profile": {"display_name": self.name, "real_name": self.name.title()},
            "is_bot": bool(self.bot_id),
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_stranger": foreign,
            **({} if foreign else roles),
        }


@dataclass(slots=True, kw_only=True)
class Channel:
    """A conversation; kind is channel, group, im or mpim, as in ``channel_type``."""

    id: str
    name: str
    kind: str = "channel"
    members: set[str] = field(default_factory=set)
    archived: bool = False
    messages: list[Json] = field(default_factory=list)

    @property
    def shown_name(self) -> str:
        """The name that interaction payloads carry."""
        return {"im": "directmessage", "group": "privategroup"}.get(self.kind, self.name)

    def find(self, ts: object) -> Json | None:
        """Look up a message by its ts."""
        return next((message for message in self.messages if message["ts"] == ts), None)

    def replies(self, ts: object) -> list[Json]:
        """List the messages below a root, oldest first."""
        return [m for m in self.messages if m.get("thread_ts") == ts and m["ts"] != ts]

    def count_replies(self, ts: object) -> Json | None:
        """Write into a root how many replies it has; return it."""
        if root := self.find(ts):
            replies = self.replies(ts)
            authors = list(dict.fromkeys(str(reply.get("user")) for reply in replies))
            root |= {"thread_ts": ts, "reply_count": len(replies)}
            root |= {"reply_users": authors[:5], "reply_users_count": len(authors)}
            root["latest_reply"] = replies[-1]["ts"] if replies else "0000000000.000000"
        return root


@dataclass(slots=True, kw_only=True)
class StoredFile:
    """A file; state goes url -> uploaded -> completed, or straight to completed for people's."""

    id: str
    name: str
    owner: str
    length: int
    title: str = ""
    data: bytes = b""
    mimetype: str = ""
    state: str = "completed"
    secret: str = ""
    alt_txt: str = ""
    connect: bool = False
    thumb: bytes = b""
    created: float = 0
    processed_at: float = 0
    deleted: bool = False
    granted: bool = False
    shares: list[tuple[str, str, str]] = field(default_factory=list)
    """(channel, ts, thread_ts or "") of each message that shows it."""


class World:
    """Everything that persists; the handlers of the API and the people both work on it."""

    def __init__(self, scopes: Iterable[str], subscriptions: Iterable[str]) -> None:
        self.scopes = set(scopes)
        self.subscriptions = set(subscriptions)
        self.knobs = Knobs()
        self.faults = Faults()
        self.url = ""
        self.cdn_url = ""
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, list[str]] = {}
        self.files: dict[str, StoredFile] = {}
        self.ephemerals: list[Json] = []
        self.views: dict[str, Json] = {}
        self.homes: dict[str, Json] = {}
        self.statuses: list[Json] = []
        self.sessions: dict[tuple[str, str], str] = {}
        self.prompts: list[Json] = []
        self.live_statuses: dict[tuple[str, str], tuple[str, float]] = {}
        self.view_users: dict[str, str] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.responses: list[Json] = []
        self.complaints: list[str] = []
        self.leaks: list[str] = []
        self.announce: Callable[[Json], object] = _to_nobody
        self.later: Callable[[float, Callable[[], object]], object]
        self._last_ts = 0
        self._numbers = itertools.count(1)
        self.people[BOT_USER] = Person(id=BOT_USER, name="threadpaint", bot_id=BOT)

    def complain(self, text: str) -> None:
        """Note what Slack might let pass but a careful app would not send."""
        self.complaints.append(text)

    def new_id(self, letter: str) -> str:
        """Make an id such as ``C00000000A1``."""
        return f"{letter}0000{next(self._numbers):05d}"

    def next_ts(self) -> str:
        """Make the next ts: 10 digits, a dot, 6 digits, always growing."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 10**6:010d}.{self._last_ts % 10**6:06d}"

    # --- conversations ---------------------------------------------------------------------------

    def channel(self, channel_id: object) -> Channel:
        """Find a conversation the bot can know of, or refuse with ``channel_not_found``."""
        channel = self.channels.get(str(channel_id))
        hidden = channel and channel.kind != "channel" and BOT_USER not in channel.members
        if channel is None or hidden:
            raise Refused("channel_not_found")
        return channel

    def joined(self, channel_id: object) -> Channel:
        """Find a conversation the bot is in; refuse with ``not_in_channel`` otherwise."""
        channel = self.channel(channel_id)
        if BOT_USER not in channel.members:
            raise Refused("not_in_channel")
        return channel

    def direct(self, user: str) -> Channel:
        """Find or make the direct conversation of the bot and a person."""
        members = {BOT_USER, user}
        for channel in self.channels.values():
            if channel.kind == "im" and channel.members == members:
                return channel
        made = Channel(id=self.new_id("D"), name="", kind="im", members=members)
        self.channels[made.id] = made
        return made

    # --- messages --------------------------------------------------------------------------------

    def post(self, channel: Channel, message: Json) -> Json:
        """Store a message under a new ts; return it."""
        stored = {"type": "message", "ts": self.next_ts(), "channel": channel.id, **message}
        channel.messages.append(stored)
        if root := channel.count_replies(stored.get("thread_ts")):
            stored["parent_user_id"] = root["user"]
        return stored

    def bot_message(self, content: Json) -> Json:
        """Return the fields that every message of the bot has, and these."""
        profile = {"id": BOT, "app_id": APP, "name": "threadpaint", "deleted": False}
        return {
            "user": BOT_USER,
            "bot_id": BOT,
            "app_id": APP,
            "team": TEAM,
            "bot_profile": {**profile, "team_id": TEAM},
            **content,
        }

    def shown(self, message: Json) -> Json:
        """Copy a message as histories show it: files described, no channel, no metadata."""
        names = set(message) - {"channel", "metadata"}
        shown = {name: deepcopy(value) for name, value in message.items() if name in names}
        if "files" in shown:
            shown["files"] = [self.described(self.files[entry["id"]]) for entry in shown["files"]]
        return shown

    def message_event(self, channel: Channel, message: Json) -> Json:
        """Return the ``message`` event of a new message."""
        shown = self.shown(message)
        if "files" in shown:
            shown["files"] = [self.file_in_event(entry) for entry in shown["files"]]
        where = {"channel": channel.id, "channel_type": channel.kind, "event_ts": message["ts"]}
        return shown | where

    def announce_message(self, channel: Channel, message: Json) -> None:
        """Send the ``message`` event of a new message."""
        self.announce(self.message_event(channel, message))

    def announce_change(self, channel: Channel, before: Json, after: Json) -> None:
        """Send the ``message_changed`` event of an edit."""
        self._announce_hidden(
            channel,
            "message_changed",
            message=self.shown(after),
            previous_message=self.shown(before),
        )

    def remove(self, channel: Channel, message: Json) -> None:
        """Delete a message; a root with replies stays as a tombstone. The event is sent."""
        before = deepcopy(message)
        if channel.replies(message["ts"]):
            kept = {"type", "ts", "channel", "thread_ts", "reply_count", "reply_users"}
            for name in set(message) - kept:
                del message[name]
            message |= {"subtype": "tombstone", "user": SLACKBOT, "hidden": True}
            message["text"] = "This message was deleted."
            return self.announce_change(channel, before, message)
        channel.messages.remove(message)
        channel.count_replies(before.get("thread_ts"))
        return self._announce_hidden(
            channel, "message_deleted", deleted_ts=before["ts"], previous_message=self.shown(before)
        )

    def _announce_hidden(self, channel: Channel, subtype: str, **more: object) -> None:
        ts = self.next_ts()
        self.announce(
            {
                "type": "message",
                "subtype": subtype,
                "hidden": True,
                "channel": channel.id,
                "ts": ts,
                "event_ts": ts,
                "channel_type": channel.kind,
                **more,
            }
        )

    # --- files -----------------------------------------------------------------------------------

    def keep_file(self, owner: str, file: SlackFile) -> StoredFile:
        """Store a file that a person has uploaded."""
        stored = StoredFile(
            id=self.new_id("F"),
            name=file.name,
            title=file.name,
            owner=owner,
            length=len(file.data),
            data=file.data,
            mimetype=file.mimetype,
            connect=file.connect,
            thumb=file.thumb,
            created=time.time(),
        )
        self.files[stored.id] = stored
        return stored

    def share(self, file: StoredFile, channel: Channel, message: Json) -> None:
        """Note that a message shows a file."""
        file.shares.append((channel.id, message["ts"], message.get("thread_ts", "")))

    def described(self, file: StoredFile) -> Json:
        """Return the file object of files.info and of messages."""
        if file.deleted:
            return {"id": file.id, "mode": "tombstone"}
        mimetype = file.mimetype if file.processed_at <= time.time() else ""
        folder = f"{self.url}/files-pri/{TEAM}-{file.id}"
        path = _UNSAFE.sub("_", file.name).lower()
        shares: dict[str, dict[str, list[Json]]] = {}
        for channel_id, ts, thread_ts in file.shares:
            channel = self.channels[channel_id]
            kind = "public" if channel.kind == "channel" else "private"
            share = {"ts": ts, "channel_name": channel.name, "team_id": TEAM}
            share |= {"thread_ts": thread_ts} if thread_ts else {}
            shares.setdefault(kind, {}).setdefault(channel_id, []).append(share)
        described = {
            "id": file.id,
            "created": int(file.created),
            "timestamp": int(file.created),
            "name": file.name,
            "title": file.title,
            "mimetype": mimetype,
            "filetype": file.name.rpartition(".")[2].lower() if mimetype else "",
            "user": file.owner,
            "user_team": TEAM,
            "mode": "hosted",
            "file_access": "visible",
            "is_external": False,
            "size": file.length,
            "url_private": f"{folder}/{path}",
            "url_private_download": f"{folder}/download/{path}",
            "permalink": f"https://{DOMAIN}.slack.com/files/{file.owner}/{file.id}/{path}",
            "is_public": "public" in shares,
            "shares": shares,
        }
        if mimetype.startswith("image/"):
            with suppress(OSError, Image.DecompressionBombError, Image.DecompressionBombWarning):
                width, height = Image.open(io.BytesIO(file.data)).size
                described |= {"original_w": width, "original_h": height}
        if file.thumb:
            described["thumb_1024"] = f"{self.url}/files-tmb/{TEAM}-{file.id}/thumb_1024.png"
        return described

    def file_in_event(self, entry: Json) -> Json:
        """Return a file as an event shows it: a stub when it came through Slack Connect."""
        file = self.files[entry["id"]]
        if file.connect:
            stub = {"mode": "file_access", "file_access": "check_file_info"}
            return {"id": file.id, "created": int(file.created), **stub}
        shown = self.described(file)
        return {name: value for name, value in shown.items() if name != "shares"}

    def visible(self, file: StoredFile) -> bool:
        """Whether the bot may see a file."""
        if file.owner == BOT_USER or file.granted:
            return True
        return any(BOT_USER in self.channels[share[0]].members for share in file.shares)


def _to_nobody(event: Json) -> None:
    raise RuntimeError(f"the stand-in is not started: {event}")
