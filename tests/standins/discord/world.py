"""What exists in this Discord: people, servers, channels, threads, messages, files."""

from __future__ import annotations

import io
import itertools
import mimetypes
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from tests.standins.discord.cdn import Links
from tests.standins.discord.faults import Faults
from tests.standins.discord.permissions import ALL, BOT, EVERYONE, SPEAKING, bits, granted, has
from tests.standins.discord.values import DiscordFile, Json, Knobs, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standins.discord.interactions import Interaction

APP = "100000000000000001"
BOT_USER = APP
"""As in all apps of today, the bot user has the id of the application."""
EPOCH_MS = 1420070400000
TEXT, DIRECT, PRIVATE_DIRECT, PUBLIC_THREAD, PRIVATE_THREAD, FORUM = 0, 1, 3, 11, 12, 15
THREADS = {PUBLIC_THREAD, PRIVATE_THREAD}
Announce: TypeAlias = "Callable[[str, Callable[[bool], Json], Channel | Guild], None]"
"""(event, payload for a session that may see content or not, where)."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody with a user id; bot: another app."""

    id: str
    name: str
    dm_open: bool = True
    bot: bool = False
    locale: str = "en-US"


@dataclass(slots=True, kw_only=True)
class Role:
    """A role of a server."""

    id: str
    name: str
    permissions: int = 0
    managed: bool = False


@dataclass(slots=True, kw_only=True)
class Guild:
    """A server. bot: our bot is in it. members: user id -> ids of roles."""

    id: str
    name: str
    bot: bool = True
    roles: dict[str, Role] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    nicks: dict[str, str] = field(default_factory=dict)
    upload_bytes: int = 0
    locale: str = "en-US"


@dataclass(slots=True, kw_only=True)
class Attachment:
    """A file with bytes. ephemeral: from a slash option or a form."""

    id: str
    filename: str
    data: bytes
    content_type: str
    channel: str
    description: str = ""
    spoiler: bool = False
    ephemeral: bool = False
    size: tuple[int, int] | None = None
    gone: bool = False
    created: float = field(default_factory=time.time)


@dataclass(slots=True, kw_only=True)
class Message:
    """A message; what goes over the wire is made by ``message_shapes.message``.

    shown_to: of an ephemeral message, who sees it. reply_ping: the reply pings the author of what
    it replies to. webhook: it came through an interaction token.
    """

    id: str
    channel: str
    author: str
    content: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    flags: int = 0
    type: int = 0
    reference: Json | None = None
    snapshots: list[Json] = field(default_factory=list)
    nonce: str | int | None = None
    mentions: list[str] = field(default_factory=list)
    mention_roles: list[str] = field(default_factory=list)
    mention_everyone: bool = False
    reply_ping: bool = False
    edited: str | None = None
    webhook: bool = False
    interaction: Json | None = None
    shown_to: str = ""
    reactions: dict[str, list[str]] = field(default_factory=dict)
    position: int | None = None

    @property
    def ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return bool(self.flags & 64)


@dataclass(slots=True, kw_only=True)
class Channel:
    """A channel, a thread, or direct messages; kind is Discord's number."""

    id: str
    name: str
    kind: int = TEXT
    guild: str = ""
    parent: str = ""
    nsfw: bool = False
    bot_allow: int = 0
    bot_deny: int = 0
    people_deny: int = 0
    recipients: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    tags: list[Json] = field(default_factory=list)
    needs_tag: bool = False
    applied: list[str] = field(default_factory=list)
    owner: str = ""
    archived: bool = False
    locked: bool = False
    archive_minutes: int = 1440
    counted: int = 0
    members: set[str] = field(default_factory=set)
    created: str = ""

    @property
    def thread(self) -> bool:
        """Whether this is a thread or a forum post."""
        return self.kind in THREADS

    @property
    def last(self) -> str | None:
        """The id of the newest message."""
        return max(self.messages, key=int, default=None)


class World:
    """Everything that persists; the handlers of the API and the people both work on it."""

    def __init__(self) -> None:
        self.knobs = Knobs()
        self.faults = Faults()
        self.links = Links()
        self.people: dict[str, Person] = {}
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, Attachment] = {}
        self.interactions: dict[str, Interaction] = {}
        """By token."""
        self.ephemerals: list[Message] = []
        self.commands: dict[str, list[Json]] = {"": []}
        """What the app registered, by guild id; "" are the global ones."""
        self.created_commands: list[tuple[str, float]] = []
        self.nonces: dict[str, tuple[float, Message]] = {}
        self.complaints: list[str] = []
        self.pings: list[str] = []
        self.leaks: list[str] = []
        self.announce: Announce = lambda *_: None
        """To the bot, if it may hear of it."""
        self.portal_content = True
        self._ids = itertools.count()
        self._last = 0
        self.people[BOT_USER] = Person(id=BOT_USER, name="painter", bot=True)

    def complain(self, words: str) -> None:
        """Note what a careful app would not do."""
        self.complaints.append(words)

    def new_id(self, age: float = 0) -> str:
        """Make a snowflake, younger than all before, or so many seconds old."""
        made = (int((time.time() - age) * 1000) - EPOCH_MS) << 22
        if age:
            return str(made + next(self._ids) % 4096)
        self._last = max(self._last + 1, made)
        return str(self._last)

    # --- look-ups --------------------------------------------------------------------------------

    def person(self, name: str) -> Person:
        """Find a person by id or name; AssertionError when nobody is called so."""
        for person in self.people.values():
            if name in {person.id, person.name}:
                return person
        raise AssertionError(f"nobody is called {name}")

    def place(self, name: str) -> Channel:
        """Find a channel or thread by id, or by name if only one has it."""
        if name in self.channels:
            return self.channels[name]
        found = [channel for channel in self.channels.values() if channel.name == name]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} channels are called {name}")
        return found[0]

    def find(self, message_id: str) -> Message | None:
        """Find a message by its id, wherever it is."""
        for channel in self.channels.values():
            if message_id in channel.messages:
                return channel.messages[message_id]
        return next((m for m in self.ephemerals if m.id == message_id), None)

    def parent(self, channel: Channel) -> Channel:
        """Return where the overwrites and the nsfw flag of a channel stand."""
        return self.channels[channel.parent] if channel.thread else channel

    def guild_of(self, channel: Channel) -> Guild | None:
        """Return the server of a channel, None for direct messages."""
        return self.guilds.get(channel.guild)

    def threads(self, parent: Channel) -> list[Channel]:
        """List the threads below a channel."""
        return [c for c in self.channels.values() if c.thread and c.parent == parent.id]

    # --- rights ----------------------------------------------------------------------------------

    def guild_rights(self, guild: Guild, user: str) -> int:
        """Add up what the roles of somebody allow in a server."""
        total = guild.roles[guild.id].permissions
        for role in guild.members.get(user, ()):
            total |= guild.roles[role].permissions
        return total if user == BOT_USER else total | bits(SPEAKING)

    def rights(self, channel: Channel, user: str = BOT_USER) -> int:
        """Add up what somebody may in a channel, thread or direct conversation."""
        guild = self.guild_of(channel)
        if guild is None:
            return ALL if user in {BOT_USER, *channel.recipients} else 0
        if user not in guild.members:
            return 0
        at = self.parent(channel)
        base = self.guild_rights(guild, user)
        if user == BOT_USER:
            return granted(base, at.bot_allow, at.bot_deny)
        return granted(base, 0, at.people_deny)

    def visible(self, channel: Channel) -> bool:
        """Tell whether the bot sees a channel."""
        guild = self.guild_of(channel)
        if guild is None:
            return channel.kind == DIRECT
        return guild.bot and has(self.rights(channel), "VIEW_CHANNEL")

    def seen(self, channel_id: str) -> Channel:
        """Return a channel that the bot may see; 10003, 50001."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise Refused(10003)
        if not self.visible(channel):
            raise Refused(50001)
        return channel

    def need(self, channel: Channel, *names: str) -> None:
        """Refuse with 50013 what the bot may not do there."""
        rights = self.rights(channel)
        for name in names:
            if not has(rights, name):
                raise Refused(50013)

    def upload_limit(self, channel: Channel) -> int:
        """Return the most bytes of one file there."""
        guild = self.guild_of(channel)
        return (guild.upload_bytes if guild else 0) or self.knobs.upload_bytes

    # --- making ----------------------------------------------------------------------------------

    def new_guild(self, name: str, *, bot: bool, allowed: tuple[str, ...] = BOT) -> Guild:
        """Make a server; the bot comes with a role of its own."""
        guild = Guild(id=self.new_id(), name=name, bot=bot)
        everyone = Role(id=guild.id, name="@everyone", permissions=bits(EVERYONE))
        guild.roles[guild.id] = everyone
        if bot:
            own = Role(id=self.new_id(), name="painter", permissions=bits(allowed), managed=True)
            guild.roles[own.id] = own
            guild.members[BOT_USER] = [own.id]
        self.guilds[guild.id] = guild
        return guild

    def direct(self, user: str) -> Channel:
        """Return the direct conversation of a person and the bot."""
        for channel in self.channels.values():
            if channel.kind == DIRECT and channel.recipients == [user]:
                return channel
        made = Channel(id=self.new_id(), name=f"@{user}", kind=DIRECT, recipients=[user])
        self.channels[made.id] = made
        return made

    def keep_file(self, file: DiscordFile, channel: str, *, ephemeral: bool = False) -> Attachment:
        """Store a file as Discord does: the name made safe, the type told by the name."""
        name = _UNSAFE.sub("", file.name.replace(" ", "_")) or "unknown"
        guessed = file.mimetype or mimetypes.guess_type(name)[0] or ""
        kept = Attachment(
            id=self.new_id(),
            filename=name,
            data=file.data,
            content_type=guessed,
            channel=channel,
            description=file.description,
            spoiler=file.spoiler or name.startswith("SPOILER_"),
            ephemeral=ephemeral,
            size=_pixels(file.data) if guessed.startswith("image/") else None,
        )
        self.files[kept.id] = kept
        return kept


def stamp(moment: float | None = None) -> str:
    """Print a time as Discord does."""
    at = time.time() if moment is None else moment
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    return f"{whole}.{int(at % 1 * 1_000_000):06d}+00:00"


def moment_of(snowflake: str) -> float:
    """Read the time out of an id; Unix seconds."""
    return ((int(snowflake) >> 22) + EPOCH_MS) / 1000


def _pixels(data: bytes) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except (OSError, Image.DecompressionBombError):
        return None
