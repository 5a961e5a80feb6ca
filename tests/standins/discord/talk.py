"""Messages and threads as they come, change and go, with the events that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.standins.discord import message_shapes, shapes
from tests.standins.discord.world import (
    BOT_USER,
    FORUM,
    PUBLIC_THREAD,
    Channel,
    Message,
    stamp,
)

if TYPE_CHECKING:
    from tests.standins.discord.values import Json
    from tests.standins.discord.world import Guild, World


def _event(world: World, channel: Channel, message: Message, *, content: bool) -> Json:
    made = message_shapes.message(world, message, content=content)
    made["channel_type"] = channel.kind
    guild = world.guild_of(channel)
    if guild:
        made["guild_id"] = guild.id
        if message.author in guild.members and not message.webhook:
            made["member"] = shapes.member(world, guild, message.author)
    return made


def put(world: World, channel: Channel, message: Message) -> Message:
    """Store a message where it belongs in time, and say so."""
    channel.messages[message.id] = message
    if int(message.id) < int(channel.last or 0):
        ordered = sorted(channel.messages.items(), key=lambda item: int(item[0]))
        channel.messages = dict(ordered)
    if channel.thread and message.type != 21:
        message.position = channel.counted
        channel.counted += 1

    def make(content: bool) -> Json:  # noqa: FBT001  # its only argument
        made = _event(world, channel, message, content=content)
        return made if message.nonce is None else {**made, "nonce": message.nonce}

    world.announce("MESSAGE_CREATE", make, channel)
    return message


def change(world: World, message: Message, *, edited: bool = True) -> None:
    """Say that a message is another now."""
    if edited:
        message.edited = stamp()
    channel = world.channels.get(message.channel)
    if channel and not message.ephemeral:
        world.announce(
            "MESSAGE_UPDATE",
            lambda content: _event(world, channel, message, content=content),
            channel,
        )


def remove(world: World, message: Message) -> None:
    """Delete a message, with its files."""
    for file in message.attachments:
        file.gone = True
    if message in world.ephemerals:
        world.ephemerals.remove(message)
        return
    channel = world.channels[message.channel]
    del channel.messages[message.id]
    gone: Json = {"id": message.id, "channel_id": channel.id}
    gone |= {"guild_id": channel.guild} if channel.guild else {}
    world.announce("MESSAGE_DELETE", lambda _: gone, channel)


def wake(world: World, channel: Channel) -> None:
    """Open an archived thread again, as sending into it does."""
    if channel.thread and channel.archived:
        channel.archived = False
        tell_thread(world, channel, "THREAD_UPDATE")


def tell_thread(world: World, thread: Channel, event: str) -> None:
    """Say what a thread is now: THREAD_CREATE, THREAD_UPDATE, THREAD_DELETE."""
    made = shapes.channel_object(world, thread)
    made |= {"newly_created": True} if event == "THREAD_CREATE" else {}
    if BOT_USER in thread.members:
        made["member"] = shapes.thread_member(thread, BOT_USER)
    world.announce(event, lambda _: made, thread)


def open_thread(
    world: World,
    parent: Channel,
    name: str,
    owner: str,
    *,
    root: Message | None = None,
    minutes: int = 1440,
    kind: int = PUBLIC_THREAD,
    tags: tuple[str, ...] = (),
) -> Channel:
    """Make a thread: on a message, without one, or as a forum post (its first message follows)."""
    thread = Channel(
        id=root.id if root else world.new_id(),
        name=name,
        kind=kind,
        guild=parent.guild,
        parent=parent.id,
        owner=owner,
        archive_minutes=minutes,
        members={owner} | ({root.author} if root else set()),
        created=stamp(),
        applied=list(tags),
    )
    world.channels[thread.id] = thread
    if root:
        root.flags |= message_shapes.HAS_THREAD
        change(world, root, edited=False)
    tell_thread(world, thread, "THREAD_CREATE")
    if root:
        about: Json = {"type": 0, "guild_id": parent.guild, "channel_id": parent.id}
        about["message_id"] = root.id
        first = Message(id=world.new_id(), channel=thread.id, author=root.author, type=21)
        first.reference = about
        put(world, thread, first)
    elif parent.kind != FORUM and kind == PUBLIC_THREAD:
        said = Message(id=world.new_id(), channel=parent.id, author=owner, type=18, content=name)
        said.reference = {"type": 0, "guild_id": parent.guild, "channel_id": thread.id}
        put(world, parent, said)
    return thread


def active_threads(world: World, guild: Guild) -> list[Channel]:
    """List the threads of a server that are not archived."""
    all_threads = [c for c in world.channels.values() if c.guild == guild.id and c.thread]
    return [thread for thread in all_threads if not thread.archived]
