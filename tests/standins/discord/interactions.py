"""An interaction: what the app is told of it, and what became of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.standins.discord import message_shapes, shapes
from tests.standins.discord.world import APP, BOT_USER, DIRECT, PRIVATE_DIRECT, Attachment, Message

if TYPE_CHECKING:
    from tests.standins.discord.values import Json
    from tests.standins.discord.world import Channel, Person, World

PING, COMMAND, COMPONENT, AUTOCOMPLETE, SUBMIT = 1, 2, 3, 4, 5


@dataclass(slots=True, kw_only=True, eq=False)
class Interaction:
    """One use of a command, a button or a form.

    response: the type of the callback (4 message, 5 deferred, 6 and 7 of components, 8 choices,
    9 form), 0 as long as there is none. seconds: until it came. ephemeral: of the first answer.
    """

    world: World
    id: str
    token: str
    type: int
    user: str
    place: Channel
    owners: dict[str, str]
    data: Json
    source: Message | None = None
    menu: bool = False
    response: int = 0
    ephemeral: bool = False
    seconds: float = 0
    delivered: bool = False
    choices: list[Json] = field(default_factory=list)
    modal: Json | None = None
    original: Message | None = None
    replies: list[Message] = field(default_factory=list)
    followups: int = 0
    created: float = field(default_factory=time.monotonic)
    responded: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def deferred(self) -> bool:
        """Whether the first answer was "thinking"."""
        return self.response == 5

    @property
    def failed(self) -> str:
        """What went wrong with it, as the person sees it; "" when it was answered in time."""
        if self.response:
            return ""
        return "This interaction failed" if self.delivered else "The application did not respond"

    @property
    def answers(self) -> list[Json]:
        """The messages that answer it now, in order, with all that a person sees in them."""
        live = [m for m in self.replies if m in self.world.ephemerals or self._posted(m)]
        return [message_shapes.message(self.world, message) for message in live]

    @property
    def loading(self) -> bool:
        """Whether the person still sees "thinking"."""
        return bool(self.original and self.original.flags & 128)

    @property
    def user_only(self) -> bool:
        """Whether the app is here only because the person installed it."""
        return set(self.owners) == {"1"}

    @property
    def expired(self) -> bool:
        """Whether the token is no good any more."""
        return time.monotonic() - self.created > self.world.knobs.token_seconds

    def _posted(self, message: Message) -> bool:
        channel = self.world.channels.get(message.channel)
        return channel is not None and message.id in channel.messages


def begin(
    world: World, kind: int, person: Person, channel: Channel, *, install: str, data: Json
) -> Interaction:
    """Make an interaction; install: guild, user or both."""
    guild = world.guild_of(channel)
    owners: dict[str, str] = {}
    if install in {"guild", "both"}:
        if channel.kind == PRIVATE_DIRECT or (guild and not guild.bot):
            raise AssertionError("the app is not installed there: use install='user'")
        owners["0"] = guild.id if guild else "0"
    if install in {"user", "both"}:
        owners["1"] = person.id
    if not owners:
        raise AssertionError("install is guild, user or both")
    made = Interaction(
        world=world,
        id=world.new_id(),
        token=secrets.token_urlsafe(120),
        type=kind,
        user=person.id,
        place=channel,
        owners=owners,
        data=data,
    )
    world.interactions[made.token] = made
    return made


def payload(made: Interaction) -> Json:
    """What the INTERACTION_CREATE event says."""
    world, channel = made.world, made.place
    guild, person = world.guild_of(channel), world.people[made.user]
    rights = world.rights(channel, made.user)
    limit = world.knobs.told_upload_bytes or world.upload_limit(channel)
    own = world.rights(channel, BOT_USER) if world.visible(channel) else _outside(rights)
    sent: Json = {
        "id": made.id,
        "application_id": APP,
        "type": made.type,
        "token": made.token,
        "version": 1,
        "channel_id": channel.id,
        "channel": shapes.interaction_channel(world, channel, rights),
        "locale": person.locale,
        "app_permissions": str(own),
        "attachment_size_limit": limit,
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": made.owners,
        "context": context(channel),
        "data": made.data,
    }
    if guild:
        member = shapes.member(world, guild, person.id, whole=True)
        sent |= {"guild_id": guild.id, "member": {**member, "permissions": str(rights)}}
        sent |= {"guild_locale": guild.locale}
        sent["guild"] = {"id": guild.id, "locale": guild.locale, "features": []}
    else:
        sent["user"] = shapes.user(person)
    if made.source:
        sent["message"] = message_shapes.message(world, made.source)
    return sent


def _outside(rights: int) -> int:
    """What an app may that a person brought along: hardly more than to answer with files."""
    return rights & ((1 << 14) | (1 << 15) | (1 << 17))


def context(channel: Channel) -> int:
    """Guild 0, direct messages with the bot 1, private channels 2."""
    return {DIRECT: 1, PRIVATE_DIRECT: 2}.get(channel.kind, 0)


def metadata(made: Interaction) -> Json:
    """What a message says about the interaction that it answers."""
    kept: Json = {
        "id": made.id,
        "type": made.type,
        "user": shapes.user(made.world.people[made.user]),
        "authorizing_integration_owners": made.owners,
    }
    if made.type == COMMAND:
        kept["name"] = made.data["name"]
    if made.type == COMPONENT and made.source:
        kept["interacted_message_id"] = made.source.id
    if made.type == SUBMIT:
        kept["triggering_interaction_metadata"] = {**kept, "type": COMMAND, "name": "form"}
    return kept


def resolved_files(world: World, files: list[Attachment]) -> dict[str, Any]:
    """The attachments object of resolved data."""
    return {file.id: message_shapes.attachment(world, file) for file in files}
