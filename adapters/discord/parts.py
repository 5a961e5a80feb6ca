"""What the gestures of people work with: the parts of the adapter, and who may do what."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from discord import InteractionResponseType

from adapters.discord.cards import line
from bot.conversation import ThreadId
from bot.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import discord

    from adapters.discord.calls import Calls
    from adapters.discord.cards import Card
    from adapters.discord.courier import Courier
    from adapters.discord.servers import Servers
    from adapters.discord.values import Asked, Identity, Said, Where
    from bot.access import Access, Follow
    from bot.conversation import Turn
    from bot.options import GenerationOptions
    from bot.ports import BlobStore, Desk, Journal, Ledger, TurnStore
    from bot.preferences import Preferences
    from bot.tasks import Tasks

PLATFORM = "discord"
_THINKING = InteractionResponseType.deferred_channel_message
DIRECT = "@me"
"""The workspace of direct messages."""


def utc_now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything the gestures work with.

    follow, defaults: where nobody said or set anything. models: the ids that commands offer.
    quota: pictures a day of one person, None for no limit of the operator's.
    """

    own: Identity
    calls: Calls
    desk: Desk
    store: TurnStore
    ledger: Ledger
    blobs: BlobStore
    journal: Journal
    preferences: Preferences
    servers: Servers
    courier: Courier
    access: Access
    follow: Follow
    defaults: GenerationOptions
    models: Sequence[str]
    costs: bool
    quota: int | None
    tasks: Tasks
    fault: Callable[[str], None]
    now: Callable[[], datetime] = utc_now
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def thread(self, where: Where, thread: str = "") -> ThreadId:
        """Name a thread of a place, or, for look-ups by channel, just its channel."""
        return ThreadId(
            platform=PLATFORM,
            workspace=where.guild or DIRECT,
            channel=where.channel,
            thread=thread,
        )

    def thread_id(self, server: str, channel: str, thread: str) -> ThreadId:
        """Name a thread by its ids."""
        return ThreadId(platform=PLATFORM, workspace=server, channel=channel, thread=thread)

    async def first_time(self, kind: str, key: str) -> bool:
        """Note that something is done now; False when it was noted before."""
        async with self.lock:
            if await self.journal.read(kind, key) is not None:
                return False
            await self.journal.write(kind, key, {})
            return True

    async def refusal(self, who: Asked | Said) -> str:
        """Say why a person may not ask here, "" when they may."""
        words = self.access.refusal(person=who.user, channel=who.channel, direct=not who.guild)
        groups = self.access.groups
        if not words and who.guild and groups and groups.isdisjoint(who.roles):
            words = "Only members of some roles may ask me. Ask a moderator."
        rules = await self.servers.rules(who.guild)
        return words or rules.refusal(who.channel, who.roles, moderator=who.moderator)

    async def quota_of(self, who: Asked | Said) -> int | None:
        """Find how many pictures a day a person may have here by the rules of the server."""
        return (await self.servers.rules(who.guild)).quota_of(who.user, who.roles)

    def may_end(self, who: Asked | Said, turn: Turn) -> bool:
        """Tell whether a person may stop or delete a turn: its author, a moderator, an admin."""
        return who.user == turn.author or who.moderator or who.user in self.access.admins


async def whisper(interaction: discord.Interaction, card: Card | str) -> None:
    """Answer an interaction so that only its person sees it. DeliveryError."""
    shown = line(card) if isinstance(card, str) else card
    try:
        if interaction.response.type is _THINKING:
            await interaction.edit_original_response(view=shown.view())
        elif interaction.response.is_done():
            await interaction.followup.send(view=shown.view(), ephemeral=True)
        else:
            await interaction.response.send_message(view=shown.view(), ephemeral=True)
    except (OSError, RuntimeError) as error:
        raise DeliveryError("Discord did not take an answer.") from error


def in_place(thread: ThreadId) -> str:
    """Name the server of a thread as Discord does, "" for direct messages."""
    return "" if thread.workspace == DIRECT else thread.workspace
