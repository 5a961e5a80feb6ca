"""Handlers and listener: where commands and events of discord.py reach what they do.

Each is told apart from its neighbours here; what is wrong is told to the person alone.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import discord
import structlog

from adapters.discord import asking, clicks, messages, own
from adapters.discord.actions import Action
from adapters.discord.listening import defer
from adapters.discord.parts import PLATFORM, whisper
from adapters.discord.reading import asked as read_asked
from adapters.discord.reading import deleted, edited, said
from adapters.discord.values import Deleted, Edited, Said
from bot.errors import DeliveryError, NotFound, ThreadpaintError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection

    from discord import app_commands

    from adapters.discord.catchup import CatchUp
    from adapters.discord.parts import Parts
    from adapters.discord.tree import ListChange, Wish
    from bot.access import Follow
    from bot.privacy import Privacy

_log = structlog.get_logger(__name__)

_BROKEN = (
    "Something went wrong inside Threadpaint; its log says more. Try again, or tell the operator."
)


class DiscordHandlers:
    """What commands, buttons, forms and events do. ``parts`` is set before the client connects."""

    parts: Parts

    def __init__(self, catchup: CatchUp, privacy: Privacy) -> None:
        """Take what reads missed messages, and what exports and erases."""
        self._catchup = catchup
        self._privacy = privacy

    # Events

    async def ready(self) -> None:
        """Take what was said while nobody listened."""
        for one, late in await self._catchup.missed():
            try:
                with self._catchup.taking(one):
                    await messages.said(self.parts, one, late=late)
            except ThreadpaintError as error:  # it is read again after the next start
                _log.error("a missed message could not be taken", id=one.id, error=str(error))

    def returned(self) -> None:
        """Note that what was said since the last session is missed."""
        self._catchup.returned()

    async def resumed(self) -> None:
        """Do nothing: what was missed is coming."""

    async def said(self, message: discord.Message) -> None:
        """Hear a message."""
        with self._catchup.taking(message):
            heard = said(message, self.parts.own)
            if isinstance(heard, Said):
                await messages.said(self.parts, heard)

    async def edited(self, update: discord.RawMessageUpdateEvent) -> None:
        """Hear that a message was edited."""
        heard = edited(update.message, self.parts.own)
        if isinstance(heard, Edited):
            await messages.edited(self.parts, heard)

    async def deleted(self, guild: int | None, channel: int, messages_: Collection[int]) -> None:
        """Hear that messages were deleted."""
        place = self.parts.calls.client.get_channel(channel)
        heard = deleted(guild, channel, messages_, place)
        if isinstance(heard, Deleted):
            await messages.deleted(self.parts, heard)

    async def thread_deleted(self, thread: discord.RawThreadDeleteEvent) -> None:
        """Cancel what is in the making in a thread that is gone."""
        server = str(thread.guild_id)
        place = self.parts.thread_id(server, str(thread.parent_id), str(thread.thread_id))
        for turn in await self.parts.store.turns_of(place):
            if not turn.state.ended:
                await self.parts.journal.write(messages.GONE, turn.id, {})
                await self.parts.desk.cancel(turn.id)

    async def joined(self, guild: discord.Guild) -> None:
        """Begin on a server."""
        await self._catchup.joined(guild)

    async def left(self, guild: discord.Guild) -> None:
        """Forget where we were on a server."""
        await self._catchup.left(guild)

    # Buttons and forms

    async def pressed(self, interaction: discord.Interaction, name: str, value: str) -> None:
        """Do what a button says."""
        if name == Action.FORGET:
            await self._told(interaction, self._forget(interaction, value))
        else:
            await self._told(interaction, clicks.pressed(self.parts, interaction, name, value))

    async def submitted(self, interaction: discord.Interaction, name: str, value: str) -> None:
        """Do what was sent in a form."""
        await self._told(interaction, asking.submitted(self.parts, interaction, name, value))

    # Commands

    async def imagine(self, interaction: discord.Interaction, wish: Wish) -> None:
        """Ask for a picture."""
        await self._told(interaction, asking.imagine(self.parts, interaction, wish))

    async def edit(self, interaction: discord.Interaction, wish: Wish) -> None:
        """Change the newest picture of the place."""
        await self._told(interaction, asking.edit(self.parts, interaction, wish))

    async def edit_image(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Open the form that changes the picture of a message."""
        await self._told(interaction, asking.edit_image(self.parts, interaction, message))

    async def use_as_reference(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        """Open the form for a new picture with the picture of a message as material."""
        await self._told(interaction, asking.use_as_reference(self.parts, interaction, message))

    async def usage(self, interaction: discord.Interaction) -> None:
        """Tell what the person asked for today and what is left."""
        await self._told(interaction, own.usage(self.parts, interaction))

    async def settings(
        self, interaction: discord.Interaction, ratio: str | None, size: str | None
    ) -> None:
        """Set the person's own defaults, or show them when nothing is named."""
        await self._told(interaction, own.settings(self.parts, interaction, ratio, size))

    async def why(self, interaction: discord.Interaction) -> None:
        """Tell why the person was refused, or that they may ask here."""
        await self._told(interaction, own.why(self.parts, interaction))

    async def help(self, interaction: discord.Interaction) -> None:
        """Explain how to talk to the bot."""
        await self._told(interaction, own.help_(self.parts, interaction))

    async def privacy_what(self, interaction: discord.Interaction) -> None:
        """Tell what is kept and who gets it."""
        await self._told(interaction, own.privacy_what(self.parts, interaction))

    async def privacy_data(self, interaction: discord.Interaction) -> None:
        """Give the person what is kept about them."""
        await self._told(interaction, self._data(interaction))

    async def privacy_forget(self, interaction: discord.Interaction) -> None:
        """Ask whether to erase what is kept about the person."""
        await self._told(interaction, own.privacy_forget(self.parts, interaction))

    async def config_follow(
        self, interaction: discord.Interaction, policy: Follow | Literal[""], channel: str | None
    ) -> None:
        """Set which replies count in a channel."""
        await self._told(interaction, own.follow(self.parts, interaction, policy, channel))

    async def config_channels(
        self, interaction: discord.Interaction, change: ListChange, channel: str | None
    ) -> None:
        """Change the list of channels where people may ask."""
        await self._told(interaction, own.channels(self.parts, interaction, change, channel))

    async def config_roles(
        self, interaction: discord.Interaction, change: ListChange, role: str | None
    ) -> None:
        """Change the list of roles whose members may ask."""
        await self._told(interaction, own.roles(self.parts, interaction, change, role))

    async def config_defaults(
        self,
        interaction: discord.Interaction,
        ratio: str | None,
        size: str | None,
        channel: str | None,
    ) -> None:
        """Set the defaults of a channel."""
        await self._told(interaction, own.defaults(self.parts, interaction, ratio, size, channel))

    async def config_quota(
        self,
        interaction: discord.Interaction,
        pictures: int | None,
        person: str | None,
        role: str | None,
    ) -> None:
        """Set how many pictures a day a person or role may ask for."""
        await self._told(interaction, own.quota(self.parts, interaction, pictures, person, role))

    async def config_spoiler(
        self, interaction: discord.Interaction, *, hide: bool, channel: str | None
    ) -> None:
        """Set whether the pictures of a channel are hidden until they are clicked."""
        await self._told(
            interaction, own.spoiler(self.parts, interaction, hide=hide, channel=channel)
        )

    async def config_show(self, interaction: discord.Interaction) -> None:
        """Show what is set on this server."""
        await self._told(interaction, own.show(self.parts, interaction))

    async def failed(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError
    ) -> None:
        """Hear of any error in a command."""
        _log.error("a command failed", exc_info=error)
        await whisper(interaction, _BROKEN)

    # What stands behind them

    async def _told(self, interaction: discord.Interaction, work: Awaitable[None]) -> None:
        """Do something; tell the person what is wrong with it, or that we are to blame."""
        try:
            try:
                await work
            except (UsageError, NotFound) as error:
                await whisper(interaction, str(error))
            except ThreadpaintError as error:
                _log.error("a gesture failed", error=str(error))
                await whisper(interaction, str(error))
        except (discord.HTTPException, DeliveryError) as error:
            _log.warning("an interaction could not be answered", error=str(error))

    async def _data(self, interaction: discord.Interaction) -> None:
        who = read_asked(interaction)
        await defer(interaction, ephemeral=True)
        with tempfile.TemporaryDirectory(prefix="threadpaint-") as folder:
            target = Path(folder, "threadpaint.zip")
            made = await self._privacy.export(
                target, PLATFORM, who.user, most_bytes=who.size_limit - (64 << 10)
            )
            left = f" {made.left_out} files were too much for it." if made.left_out else ""
            await interaction.edit_original_response(
                content=f"{made.turns} requests and {made.files} files.{left}",
                attachments=[discord.File(target)],
            )

    async def _forget(self, interaction: discord.Interaction, person: str) -> None:
        who = read_asked(interaction)
        if who.user != person:
            raise UsageError("Only the person themselves can do this: /privacy forget.")
        await defer(interaction, ephemeral=True)
        erased = await self._privacy.erase(PLATFORM, who.user)
        for turn in erased.running:
            await self.parts.desk.cancel(turn)
        words = f"Erased: {erased.turns} requests, {erased.files} files, {erased.notes} notes."
        if erased.running:
            words += " Something of yours is still being painted: do it again in a minute."
        await whisper(interaction, words)
