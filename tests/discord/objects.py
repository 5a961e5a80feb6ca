"""Discord's objects, made by discord.py from what the gateway sends; nothing is on the network."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import discord
from discord.utils import time_snowflake

from adapters.discord.values import Identity

Json: TypeAlias = dict[str, Any]

BOT, ANN, BOB, OTHER_BOT = (
    "100000000000000001",
    "400000000000000001",
    "400000000000000002",
    "5" * 18,
)
OWN = Identity(user=BOT, application=BOT)
GUILD = "200000000000000001"
OWN_ROLE, MODERATORS = "200000000000000002", "200000000000000003"
TEXT, NIGHT, VOICE, FORUM, CLOSED, SILENT = (f"30000000000000000{n}" for n in range(1, 7))
OURS, THEIRS, POST = "310000000000000001", "310000000000000002", "310000000000000003"
DIRECT = "320000000000000001"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAMES = {BOT: "painter", ANN: "ann", BOB: "bob", OTHER_BOT: "robot"}
_VIEW, _HISTORY, _SPEAK = 1 << 10, 1 << 16, 1 << 20
_MANAGE_MESSAGES = 1 << 13
_numbers = itertools.count(1)


def at(**after_noon: float) -> int:
    """Make the id of a message that was written then; no two are the same."""
    return time_snowflake(NOON + timedelta(**after_noon)) + next(_numbers)


class Client(discord.Client):
    """A client that notes events instead of handing them out."""

    def __init__(self) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, messages=True, message_content=True),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=0,
        )
        self.events: list[tuple[str, tuple[Any, ...]]] = []

    def dispatch(self, event: str, /, *args: Any, **_: Any) -> None:  # noqa: ANN401 - as there
        self.events.append((event, args))

    def feed(self, event: str, data: Json) -> Any:  # noqa: ANN401 - whatever the event brings
        """Read an event of the gateway; returns the first thing that it was told with."""
        del self.events[:]
        self._connection.parsers[event](data)
        return next((args[0] for _, args in self.events if args), None)

    def hear(self, channel: str, text: str = "", **more: Any) -> discord.Message:  # noqa: ANN401
        """Read a message as it comes in."""
        message: discord.Message = self.feed("MESSAGE_CREATE", said(channel, text, **more))
        return message


def client() -> Client:
    """Make a client that is on one server; inside a running loop."""
    made = Client()
    made.feed("READY", ready())
    made.feed("GUILD_CREATE", guild())
    return made


def ready(*, guilds: bool = True) -> Json:
    """Make what READY says: the servers come after it, with GUILD_CREATE."""
    return {
        "v": 10,
        "user": user(BOT),
        "guilds": [{"id": GUILD, "unavailable": True}] if guilds else [],
        "application": {"id": BOT, "flags": 0},
        "session_id": "s",
        "resume_gateway_url": "ws://x",
        "shard": [0, 1],
    }


def user(number: str) -> Json:
    return {
        "id": number,
        "username": NAMES[number],
        "discriminator": "0",
        "global_name": NAMES[number].title(),
        "avatar": None,
        "bot": number in {BOT, OTHER_BOT},
        "public_flags": 0,
    }


def member(*roles: str, nick: str | None = None) -> Json:
    return {
        "roles": list(roles),
        "joined_at": "2026-01-01T00:00:00+00:00",
        "nick": nick,
        "avatar": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
    }


def role(number: str, name: str, permissions: int = 0, **more: object) -> Json:
    colors = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    return {
        "id": number,
        "name": name,
        "color": 0,
        "colors": colors,
        "hoist": False,
        "position": 0 if number == GUILD else 1,
        "permissions": str(permissions),
        "managed": "tags" in more,
        "mentionable": False,
        "flags": 0,
        **more,
    }


def channel(number: str, kind: int = 0, *, last: int | None = None, **more: object) -> Json:
    return {
        "id": number,
        "type": kind,
        "name": f"c{number[-1]}",
        "position": 0,
        "nsfw": number == NIGHT,
        "parent_id": None,
        "permission_overwrites": [],
        "last_message_id": last and str(last),
        "bitrate": 64000,
        "user_limit": 0,
        **more,
    }


def thread(number: str, parent: str, owner: str, *, last: int | None = None) -> Json:
    moment = NOON.isoformat()
    return {
        "id": number,
        "type": 11,
        "guild_id": GUILD,
        "parent_id": parent,
        "name": "a fox",
        "owner_id": owner,
        "last_message_id": last and str(last),
        "message_count": 1,
        "member_count": 1,
        "rate_limit_per_user": 0,
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": moment,
            "locked": False,
        },
    }


def guild(last: dict[str, int] | None = None, threads: list[Json] | None = None) -> Json:
    """Make what GUILD_CREATE says. last: the newest message by channel and thread."""
    newest = last or {}
    deny = {"id": GUILD, "type": 0, "allow": "0"}
    closed = [{**deny, "deny": str(_VIEW)}]
    silent = [{**deny, "deny": str(_HISTORY)}]
    every = threads or [
        thread(OURS, TEXT, BOT),
        thread(THEIRS, TEXT, ANN),
        thread(POST, FORUM, ANN),
    ]
    for one in every:
        if one["id"] in newest:
            one["last_message_id"] = str(newest[one["id"]])
    return {
        "id": GUILD,
        "name": "studio",
        "owner_id": BOB,
        "unavailable": False,
        "member_count": 3,
        "roles": [
            role(GUILD, "@everyone", _VIEW | _HISTORY | _SPEAK),
            role(OWN_ROLE, "Painter", tags={"bot_id": BOT}),
            role(MODERATORS, "moderators", _MANAGE_MESSAGES),
        ],
        "members": [{"user": user(BOT), **member(OWN_ROLE)}],
        "channels": [
            channel(TEXT, last=newest.get(TEXT)),
            channel(NIGHT, last=newest.get(NIGHT)),
            channel(VOICE, 2, last=newest.get(VOICE)),
            channel(FORUM, 15, available_tags=[], default_reaction_emoji=None, flags=0),
            channel(CLOSED, last=newest.get(CLOSED), permission_overwrites=closed),
            channel(SILENT, last=newest.get(SILENT), permission_overwrites=silent),
        ],
        "threads": every,
        "emojis": [],
        "stickers": [],
        "features": [],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "nsfw_level": 0,
        "mfa_level": 0,
        "verification_level": 0,
        "explicit_content_filter": 0,
        "default_message_notifications": 0,
        "system_channel_flags": 0,
        "afk_timeout": 300,
    }


def fetched(channel: str, text: str = "", author: str = ANN, **more: Any) -> Json:  # noqa: ANN401
    """Make a message as the history has it."""
    number = more.pop("id", None) or at()
    return {
        "id": str(number),
        "channel_id": channel,
        "author": user(author),
        "content": text,
        "timestamp": discord.utils.snowflake_time(int(number)).isoformat(),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "pinned": False,
        "type": 0,
        "flags": 0,
        **more,
    }


def said(channel: str, text: str = "", author: str = ANN, **more: Any) -> Json:  # noqa: ANN401
    """Make a message as the gateway sends it: with the writer's roles."""
    if channel == DIRECT:
        return fetched(channel, text, author, **more)
    roles = more.pop("roles", [])
    here = {"guild_id": GUILD, "member": member(*roles, nick=more.pop("nick", None))}
    return fetched(channel, text, author, **here, **more)


def reply_to(message: Json | None, number: int | str, place: str, kind: int = 19) -> Json:
    """Make what a message has besides when it is a reply; message: None when that is gone."""
    about = {"type": 0, "message_id": str(number), "channel_id": place, "guild_id": GUILD}
    return {"type": kind, "message_reference": about, "referenced_message": message}


def forwarding(text: str = "", **more: object) -> Json:
    """Make what a message has besides when it forwards another one."""
    about = {"type": 1, "message_id": "1", "channel_id": TEXT, "guild_id": GUILD}
    snapshot = {"type": 0, "content": text, "timestamp": NOON.isoformat(), "edited_timestamp": None}
    empty: Json = {"embeds": [], "attachments": [], "components": [], "flags": 0}
    snapshot_of = {"message": snapshot | empty | more}
    return {"message_reference": about, "message_snapshots": [snapshot_of]}


def picture(number: int, name: str = "", kind: str | None = "image/png", **more: object) -> Json:
    """Make an attachment."""
    name = name or f"{number}.png"
    url = f"https://cdn.discordapp.com/attachments/1/{number}/{name}?ex=1&is=1&hm=1"
    made = {"id": str(number), "filename": name, "size": 75, "url": url, "proxy_url": url}
    return {**made, "content_type": kind, **more}


def media(number: int, url: str = "", kind: str = "image/png") -> Json:
    """Make what a component shows; number: 0 for what was not uploaded."""
    place = f"https://cdn.discordapp.com/attachments/1/{number}/{number}%20x.png?ex=1"
    made: Json = {"url": url or place, "content_type": kind}
    return made | ({"attachment_id": str(number)} if number else {})
