"""Reads Discord's messages and interactions: who says what, and where. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import discord
from discord import MessageType

from adapters.discord.material import files_of, together
from adapters.discord.places import NotForUs, moderates, permissions, place, plain, roles
from adapters.discord.values import Asked, Deleted, Edited, Ignored, Said

if TYPE_CHECKING:
    from collections.abc import Collection

    from adapters.discord.values import Identity

_SPOKEN = (MessageType.default, MessageType.reply)


def said(message: discord.Message, own: Identity) -> Said | Ignored:
    """Read what a person said; Ignored for all that bots, Discord and we ourselves write.

    The first message of a thread that stands on another one (type 21) is Ignored, too: what it
    shows was said in the channel above. Roles and rights are known when message.author is a
    Member; that of a message from the history is mostly a User.
    """
    try:
        _check_person(message, own)
        return _said(message, message.channel.id, message.channel, own)
    except NotForUs as reason:
        return Ignored(why=str(reason))


def spoken(message: discord.Message, own: Identity) -> Said | Ignored:
    """Read the message that somebody points at, whoever wrote it.

    The first message of a thread that stands on another one reads as that one, said here.
    """
    try:
        return _said(*_shown_by(message), message.channel, own)
    except NotForUs as reason:
        return Ignored(why=str(reason))


def edited(message: discord.Message, own: Identity) -> Edited | Ignored:
    """Read how a person changed their message; Ignored for a link that got its preview.

    Of a message that was changed before, a preview reads as one more change, to the same words.
    """
    try:
        _check_person(message, own)
        at = place(message.channel)
    except NotForUs as reason:
        return Ignored(why=str(reason))
    if message.edited_at is None or _is_hidden(message):
        return Ignored(why="a change, but not by its writer, or hidden from us")
    return Edited(
        **at,
        id=str(message.id),
        user=str(message.author.id),
        text=_text(message, own),
        names=_names(message),
    )


def deleted(
    guild: int | None, channel_id: int, messages: Collection[int], channel: object
) -> Deleted | Ignored:
    """Read which messages are gone. channel: what ``client.get_channel`` gives for its id."""
    try:
        at = place(channel) if guild else plain(None, channel_id, "dm")
    except NotForUs as reason:
        return Ignored(why=str(reason))
    return Deleted(**at, ids=tuple(str(message) for message in sorted(messages)))


def asked(interaction: discord.Interaction) -> Asked:
    """Read who uses a command, a button or a form, and where; the rest is in its data."""
    user = interaction.user
    try:
        at = place(interaction.channel)
    except NotForUs:
        at = plain(interaction.guild_id, interaction.channel_id)
    here = interaction.is_guild_integration() or interaction.context.dm_channel
    return Asked(
        **at,
        id=str(interaction.id),
        application=str(interaction.application_id),
        token=interaction.token,
        user=str(user.id),
        user_name=user.display_name,
        roles=roles(user),
        moderator=moderates(interaction.permissions),
        user_app=not here,
        size_limit=interaction.filesize_limit,
        locale=str(interaction.locale),
        sent_at=interaction.created_at,
    )


def _check_person(message: discord.Message, own: Identity) -> None:
    """Raise NotForUs when it was no person who wrote this message."""
    if str(message.author.id) == own.user:
        raise NotForUs("our own message")
    if message.author.bot or message.webhook_id:
        raise NotForUs("a bot's message")
    if message.type not in _SPOKEN:
        raise NotForUs(f"a message of type {message.type.name}")


def _shown_by(message: discord.Message) -> tuple[discord.Message, int]:
    """Find what a message shows, and its channel: of a thread's first, the one above. NotForUs."""
    if message.type is not MessageType.thread_starter_message:
        return message, message.channel.id
    above = message.reference
    if above and isinstance(above.resolved, discord.Message):
        return above.resolved, above.channel_id
    raise NotForUs("the message that the thread stands on is gone")


def _said(message: discord.Message, channel_id: int, channel: object, own: Identity) -> Said:
    """Read a message. channel: where it is shown. Raises NotForUs."""
    author, answered = message.author, _answered(message)
    target = answered and answered.resolved
    found, reply_is_own = files_of(message, channel_id), False
    if answered and isinstance(target, discord.Message):
        reply_is_own = str(target.author.id) == own.user
        if not reply_is_own:
            found = together(found, files_of(target, answered.channel_id))
    mention = _speaks_to_us(message, own)
    return Said(
        **place(channel),
        id=str(message.id),
        user=str(author.id),
        user_name=author.display_name,
        roles=roles(author),
        text=_text(message, own),
        names=_names(message),
        files=found.files,
        skipped=found.skipped,
        reply_to=str(answered.message_id) if answered else None,
        reply_is_own=reply_is_own,
        mention=mention,
        everyone_only=message.mention_everyone and not mention,
        sent_at=message.created_at,
        bot=author.bot or message.webhook_id is not None,
        moderator=moderates(permissions(author, channel)),
        empty=_is_hidden(message),
    )


def _answered(message: discord.Message) -> discord.MessageReference | None:
    """Find which message this one replies to; a forwarded message is no reply."""
    reference = message.reference
    is_reply = message.type is MessageType.reply and reference and reference.message_id
    return reference if is_reply else None


def _speaks_to_us(message: discord.Message, own: Identity) -> bool:
    """Whether the words mention our user or our own role.

    message.mentions alone would not do: it names us for every reply with a ping, too.
    """
    named = re.search(rf"<@!?{own.user}>", message.content)
    if named and any(str(user.id) == own.user for user in message.mentions):
        return True
    return _own_role(message) is not None


def _own_role(message: discord.Message) -> discord.Role | None:
    """Find the role that Discord made for us in this guild, if the message mentions it."""
    role = message.guild.self_role if message.guild else None
    return role if role in message.role_mentions else None


def _text(message: discord.Message, own: Identity) -> str:
    """Put the words of a message and of what it forwards together."""
    words, role = message.content, _own_role(message)
    if role:
        words = words.replace(f"<@&{role.id}>", f"<@{own.user}>")
    forwarded = (snapshot.content for snapshot in message.message_snapshots)
    return "\n\n".join(text for text in (words, *forwarded) if text)


def _names(message: discord.Message) -> dict[str, str]:
    """Tell the names of everything that is mentioned, by id."""
    names = {str(user.id): user.display_name for user in message.mentions}
    named = (*message.role_mentions, *message.channel_mentions)
    return names | {str(one.id): one.name for one in named}


def _is_hidden(message: discord.Message) -> bool:
    """Whether Discord keeps from us what a message says: nobody can send one with nothing in it."""
    shown = (
        message.content,
        message.attachments,
        message.embeds,
        message.components,
        message.stickers,
        message.message_snapshots,
        message.poll,
    )
    return not any(shown)
