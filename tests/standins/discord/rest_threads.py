"""Threads and forum posts over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.standins.discord import shapes, talk
from tests.standins.discord.permissions import has
from tests.standins.discord.posting import compose, moderated
from tests.standins.discord.rest_messages import fill, may_say, ping, shown
from tests.standins.discord.values import Json, Refused, invalid
from tests.standins.discord.world import (
    BOT_USER,
    DIRECT,
    FORUM,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
    Channel,
    Message,
)

if TYPE_CHECKING:
    from tests.standins.discord.routes import Asked, Routes
    from tests.standins.discord.world import World

_ARCHIVE = {60, 1440, 4320, 10080}
_CREATE = {
    "name", "auto_archive_duration", "rate_limit_per_user", "type", "invitable", "message",
    "applied_tags",
}  # fmt: skip
_CHANGE = {"name", "archived", "locked", "auto_archive_duration", "applied_tags", "invitable"}


def _name(world: World, sent: Json) -> str:
    name = sent.get("name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 100 or len(name) > 100:
        raise invalid("name", "Must be between 1 and 100 in length.")
    moderated(world, [name], 200001)
    return name.strip()


def _minutes(sent: Json) -> int:
    minutes = sent.get("auto_archive_duration") or 1440
    if minutes not in _ARCHIVE:
        raise invalid("auto_archive_duration", "Value must be one of {60, 1440, 4320, 10080}.")
    return int(minutes)


def _room(world: World, channel: Channel) -> None:
    guild = world.guild_of(channel)
    if guild and len(talk.active_threads(world, guild)) >= world.knobs.active_threads:
        raise Refused(160006)


def _known(world: World, sent: Json, names: set[str]) -> None:
    if unknown := set(sent) - names:
        world.complain(f"a thread has no {sorted(unknown)}")


def answer(world: World, thread: Channel) -> Json:
    """A thread as the bot's own call returns it."""
    made = shapes.channel_object(world, thread)
    if BOT_USER in thread.members:
        made["member"] = shapes.thread_member(thread, BOT_USER)
    return made


def _on_message(asked: Asked) -> Json:
    world, channel = asked.world, asked.world.seen(asked.ids[0])
    if channel.kind != TEXT:
        raise Refused(50024)
    world.need(channel, "CREATE_PUBLIC_THREADS")
    root = channel.messages.get(asked.ids[1])
    if root is None:
        raise Refused(10008)
    _known(world, asked.sent, _CREATE)
    name, minutes = _name(world, asked.sent), _minutes(asked.sent)
    if root.id in world.channels:
        raise Refused(160004)
    if root.type not in {0, 19, 20, 23}:
        raise Refused(50021)
    _room(world, channel)
    asked.status = 201
    thread = talk.open_thread(world, channel, name, BOT_USER, root=root, minutes=minutes)
    return answer(world, thread)


def _without_message(asked: Asked) -> Json:
    world, channel = asked.world, asked.world.seen(asked.ids[0])
    sent = asked.sent
    _known(world, sent, _CREATE)
    asked.status = 201
    if channel.kind == FORUM:
        return _forum_post(asked, channel)
    if channel.kind != TEXT:
        raise Refused(50024)
    kind = sent.get("type", PRIVATE_THREAD)
    if kind not in {PUBLIC_THREAD, PRIVATE_THREAD}:
        raise invalid("type", "Value must be one of {10, 11, 12}.")
    right = "CREATE_PUBLIC_THREADS" if kind == PUBLIC_THREAD else "CREATE_PRIVATE_THREADS"
    world.need(channel, right)
    _room(world, channel)
    name, minutes = _name(world, sent), _minutes(sent)
    thread = talk.open_thread(world, channel, name, BOT_USER, minutes=minutes, kind=kind)
    return answer(world, thread)


def _forum_post(asked: Asked, forum: Channel) -> Json:
    world, sent = asked.world, asked.sent
    world.need(forum, "SEND_MESSAGES")
    tags = [str(tag) for tag in sent.get("applied_tags") or ()]
    if forum.needs_tag and not tags:
        raise Refused(40067)
    if len(tags) > 5 or set(tags) - {tag["id"] for tag in forum.tags}:
        raise invalid("applied_tags", "Unknown tag, or more than 5")
    if not isinstance(sent.get("message"), dict):
        raise invalid("message", "This field is required")
    name, minutes = _name(world, sent), _minutes(sent)
    _room(world, forum)
    if "nonce" in sent["message"]:
        world.complain("the message of a forum post takes no nonce")
    draft = compose(world, sent["message"], asked.uploads, forum)
    may_say(world, forum, draft)
    thread = talk.open_thread(
        world, forum, name, BOT_USER, minutes=minutes, tags=tuple(tags)
    )  # fmt: skip
    message = Message(id=thread.id, channel=thread.id, author=BOT_USER)
    fill(world, message, draft)
    ping(world, sent["message"], message)
    talk.put(world, thread, message)
    return {**answer(world, thread), "message": shown(world, message)}


def _get(asked: Asked) -> Json:
    channel = asked.world.seen(asked.ids[0])
    return answer(asked.world, channel)


def _patch(asked: Asked) -> Json:
    world, channel, sent = asked.world, asked.world.seen(asked.ids[0]), asked.sent
    if channel.kind == DIRECT:
        raise Refused(50003)
    if not channel.thread:
        raise Refused(50013)
    _known(world, sent, _CHANGE | {"rate_limit_per_user", "flags"})
    moderator = has(world.rights(channel), "MANAGE_THREADS")
    own = channel.owner == BOT_USER
    waking = sent.get("archived") is False
    only_waking = set(sent) == {"archived"} and waking
    if channel.archived and not waking:
        raise Refused(50083)
    if only_waking:
        world.need(channel, "SEND_MESSAGES_IN_THREADS")
    elif not own and not moderator:
        raise Refused(50013)
    if ("locked" in sent or channel.locked) and not moderator:
        raise Refused(50013)
    if "name" in sent:
        channel.name = _name(world, sent)
    if "auto_archive_duration" in sent:
        channel.archive_minutes = _minutes(sent)
    channel.archived = bool(sent.get("archived", channel.archived))
    channel.locked = bool(sent.get("locked", channel.locked))
    if "applied_tags" in sent:
        channel.applied = [str(tag) for tag in sent["applied_tags"]]
    talk.tell_thread(world, channel, "THREAD_UPDATE")
    return answer(world, channel)


def _delete(asked: Asked) -> Json:
    world, channel = asked.world, asked.world.seen(asked.ids[0])
    if not channel.thread:
        raise Refused(50013)
    world.need(channel, "MANAGE_THREADS")
    made = answer(world, channel)
    del world.channels[channel.id]
    talk.tell_thread(world, channel, "THREAD_DELETE")
    return made


def _join(asked: Asked) -> None:
    channel = asked.world.seen(asked.ids[0])
    if not channel.thread:
        raise Refused(50024)
    if channel.archived:
        raise Refused(50083)
    channel.members.add(BOT_USER)


def _leave(asked: Asked) -> None:
    channel = asked.world.seen(asked.ids[0])
    if channel.archived:
        raise Refused(50083)
    channel.members.discard(BOT_USER)


def _active(asked: Asked) -> Json:
    guild = asked.world.guilds.get(asked.ids[0])
    if guild is None or not guild.bot:
        raise Refused(10004)
    threads = [t for t in talk.active_threads(asked.world, guild) if asked.world.visible(t)]
    return _listed(asked.world, threads)


def _archived(asked: Asked) -> Json:
    channel = asked.world.seen(asked.ids[0])
    asked.world.need(channel, "READ_MESSAGE_HISTORY")
    threads = [thread for thread in asked.world.threads(channel) if thread.archived]
    return {**_listed(asked.world, threads), "has_more": False}


def _listed(world: World, threads: list[Channel]) -> Json:
    mine = [shapes.thread_member(t, BOT_USER) for t in threads if BOT_USER in t.members]
    return {"threads": [shapes.channel_object(world, t) for t in threads], "members": mine}


ROUTES: Routes = {
    "POST channels/*/messages/*/threads": _on_message,
    "POST channels/*/threads": _without_message,
    "GET channels/*": _get,
    "PATCH channels/*": _patch,
    "DELETE channels/*": _delete,
    "PUT channels/*/thread-members/@me": _join,
    "DELETE channels/*/thread-members/@me": _leave,
    "GET guilds/*/threads/active": _active,
    "GET channels/*/threads/archived/public": _archived,
}
