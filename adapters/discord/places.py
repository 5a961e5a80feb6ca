"""Reads where something happens in Discord, and what somebody may do there. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import discord

from adapters.discord.values import Where

if TYPE_CHECKING:
    from adapters.discord.values import Kind


class NotForUs(Exception):
    """Something that we leave alone; says why."""


class Place(TypedDict):
    """The fields of a Where, to make one, or a value that has them too."""

    guild: str
    channel: str
    thread: str
    owner_of_thread: str
    kind: Kind
    nsfw: bool


def where(channel: object) -> Where:
    """Name the place that a channel is. Raises NotForUs."""
    return Where(**place(channel))


def place(channel: object) -> Place:
    """Name the place that a channel is.

    Raises NotForUs for one that is not known well enough to answer in: perhaps it is a thread.
    """
    match channel:
        case discord.Thread():
            forum = isinstance(channel.parent, discord.ForumChannel)
            return Place(
                guild=str(channel.guild.id),
                channel=str(channel.parent_id),
                thread=str(channel.id),
                owner_of_thread=str(channel.owner_id),
                kind="forum" if forum else "guild",
                nsfw=channel.is_nsfw(),
            )
        case discord.TextChannel():
            return plain(channel.guild.id, channel.id, nsfw=channel.is_nsfw())
        case discord.VoiceChannel() | discord.StageChannel():
            return plain(channel.guild.id, channel.id, "voice", nsfw=channel.is_nsfw())
        case discord.DMChannel() | discord.GroupChannel():
            return plain(None, channel.id, "dm")
        case discord.PartialMessageable(guild_id=None):
            return plain(None, channel.id, "dm")
    raise NotForUs(f"a channel that is not known: {channel!r:.80}")


def plain(
    guild: int | None, channel: int | None, kind: Kind = "guild", *, nsfw: bool = False
) -> Place:
    """Name a place outside of threads."""
    return Place(
        guild=str(guild or ""),
        channel=str(channel or ""),
        thread="",
        owner_of_thread="",
        kind=kind,
        nsfw=nsfw,
    )


def roles(person: discord.User | discord.Member) -> tuple[str, ...]:
    """List somebody's roles by id, () when they are not known. @everyone is none."""
    known = person.roles if isinstance(person, discord.Member) else []
    return tuple(str(role.id) for role in known if not role.is_default())


def moderates(permissions: discord.Permissions) -> bool:
    """Tell whether somebody with these rights may stop and delete what others asked for."""
    return permissions.manage_messages or permissions.manage_guild or permissions.administrator


def permissions(person: discord.User | discord.Member, channel: object) -> discord.Permissions:
    """Tell what somebody may do in a channel of a guild; nothing where that is not known."""
    if not isinstance(person, discord.Member):
        return discord.Permissions.none()
    if isinstance(channel, discord.Thread):
        channel = channel.parent
    if isinstance(channel, discord.abc.GuildChannel):
        return channel.permissions_for(person)
    return discord.Permissions.none()
