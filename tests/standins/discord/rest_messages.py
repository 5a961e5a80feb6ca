"""Messages, reactions and typing over REST."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.standins.discord import message_shapes, talk
from tests.standins.discord.message_shapes import used_files
from tests.standins.discord.permissions import has
from tests.standins.discord.posting import (
    Draft,
    checked_nonce,
    compose,
    live_mentions,
)
from tests.standins.discord.values import Refused, invalid
from tests.standins.discord.world import BOT_USER, DIRECT, FORUM, Message, stamp

if TYPE_CHECKING:
    from tests.standins.discord.routes import Asked, Routes
    from tests.standins.discord.values import Json
    from tests.standins.discord.world import Channel, World

REPLYABLE = {0, 19, 20, 23}


def texts_of(components: list[Json]) -> list[str]:
    """Collect the text displays of a message."""
    found = []
    for component in components:
        if component["type"] == 10:
            found.append(component["content"])
        found += texts_of(component.get("components", []))
    return found


def shown(world: World, message: Message) -> Json:
    """Return a message as REST shows it to the bot."""
    return message_shapes.message(world, message, content=world.portal_content)


def _writable(world: World, channel: Channel) -> None:
    if channel.kind == FORUM:
        raise Refused(50008)
    if channel.kind == DIRECT:
        if not world.people[channel.recipients[0]].dm_open:
            raise Refused(50007)
        return
    world.need(channel, "SEND_MESSAGES_IN_THREADS" if channel.thread else "SEND_MESSAGES")
    if channel.locked and not has(world.rights(channel), "MANAGE_THREADS"):
        raise Refused(160005)


def may_say(world: World, channel: Channel, draft: Draft) -> None:
    """Refuse files and embeds where the bot may not have them."""
    if draft.attachments:
        world.need(channel, "ATTACH_FILES")
    if draft.embeds:
        world.need(channel, "EMBED_LINKS")


def _post(asked: Asked) -> Json:
    world, channel = asked.world, asked.world.seen(asked.ids[0])
    _writable(world, channel)
    return shown(world, post(asked, channel, asked.sent))


def post(asked: Asked, channel: Channel, sent: Json) -> Message:
    """Post as the bot, once for each nonce."""
    world = asked.world
    nonce = checked_nonce(sent)
    if nonce is not None and sent.get("enforce_nonce"):
        at, first = world.nonces.get(str(nonce), (0, None))
        if first and time.monotonic() - at < world.knobs.nonce_seconds:
            if first.id not in world.channels[first.channel].messages:
                raise Refused(10008)
            return first
    reference, replied, forwarded = _reference(world, channel, sent.get("message_reference"))
    draft = Draft() if forwarded else compose(world, sent, asked.uploads, channel)
    if draft.flags & 64:
        world.complain("only answers to interactions can be ephemeral")
    may_say(world, channel, draft)
    message = Message(id=world.new_id(), channel=channel.id, author=BOT_USER, nonce=nonce)
    message.reference, message.type = reference, 19 if replied else 0
    message.snapshots = [snapshot(forwarded)] if forwarded else []
    allowed = sent.get("allowed_mentions")
    message.reply_ping = allowed is None or bool(allowed.get("replied_user"))
    fill(world, message, draft)
    replied_to = replied.author if replied else ""
    ping(world, sent, message, replied_to)
    talk.wake(world, channel)
    talk.put(world, channel, message)
    if nonce is not None:
        world.nonces[str(nonce)] = (time.monotonic(), message)
    return message


def fill(world: World, message: Message, draft: Draft) -> None:
    """Put checked contents into a message."""
    message.content, message.embeds = draft.content, draft.embeds
    message.components, message.attachments = draft.components, draft.attachments
    message.flags = draft.flags
    message.mentions = [
        ping for ping in mentioned(world, message) if ping in world.people
    ]  # fmt: skip


def mentioned(world: World, message: Message) -> list[str]:
    """List the ids of people whom a message names, pinged or not."""
    said = live_mentions({}, [message.content, *texts_of(message.components)])
    return list(dict.fromkeys(one.strip("<@!>") for one in said if one.startswith("<@")))


def ping(world: World, sent: Json, message: Message, replied: str = "") -> None:
    """Note whom a message of the bot really pings."""
    said = [message.content, *texts_of(message.components)]
    alone = not message.ephemeral
    world.pings += live_mentions(sent, said, replied) if alone else []


def snapshot(message: Message) -> Json:
    """Keep what a forward shows of a message."""
    used = set(used_files(message.components, message.embeds))
    return {
        "type": message.type,
        "content": message.content,
        "embeds": message.embeds,
        "files": [file.id for file in message.attachments if file.id not in used],
        "components": message.components,
        "timestamp": stamp(),
        "flags": message.flags,
    }


def _reference(
    world: World, channel: Channel, sent: object
) -> tuple[Json | None, Message | None, Message | None]:
    if not isinstance(sent, dict) or not sent:
        return None, None, None
    place = world.channels.get(str(sent.get("channel_id", channel.id)))
    target = place.messages.get(str(sent["message_id"])) if place else None
    made: Json = {"type": sent.get("type", 0), "message_id": str(sent["message_id"])}
    made["channel_id"] = place.id if place else channel.id
    made |= {"guild_id": channel.guild} if channel.guild else {}
    if sent.get("type", 0) == 1:
        if target is None or place is None or not world.visible(place):
            raise Refused(160014)
        return made, None, target
    if not has(world.rights(channel), "READ_MESSAGE_HISTORY"):
        raise Refused(160002)
    if target is None or place is not channel:
        if sent.get("fail_if_not_exists", True):
            raise invalid("message_reference", "Unknown message")
        return None, None, None
    if target.type not in REPLYABLE:
        raise invalid("message_reference", "Cannot reply to a system message")
    return made, target, None


# --- reading -------------------------------------------------------------------------------------


def _history(asked: Asked) -> list[Json]:
    world, channel = asked.world, asked.world.seen(asked.ids[0])
    if channel.kind == FORUM:
        raise Refused(50008)
    if not has(world.rights(channel), "READ_MESSAGE_HISTORY"):
        return []
    query = asked.query
    limit = int(query.get("limit", 50))
    if not 1 <= limit <= 100:
        raise invalid("limit", "int value should be between 1 and 100.")
    found = list(channel.messages.values())
    if "after" in query:
        newer = [m for m in found if int(m.id) > int(query["after"])]
        chosen = newer[:limit]
    elif "around" in query:
        older = [m for m in found if int(m.id) < int(query["around"])]
        chosen = older[-(limit // 2) :] + [m for m in found if int(m.id) >= int(query["around"])]
        chosen = chosen[:limit]
    else:
        before = int(query.get("before", 1 << 63))
        chosen = [m for m in found if int(m.id) < before][-limit:]
    return [shown(world, message) for message in reversed(chosen)]


def _found(asked: Asked, *, history: bool = False) -> tuple[Channel, Message]:
    world, channel = asked.world, asked.world.seen(asked.ids[0])
    if history and not has(world.rights(channel), "READ_MESSAGE_HISTORY"):
        raise Refused(50001)
    message = channel.messages.get(asked.ids[1])
    if message is None:
        raise Refused(10008)
    return channel, message


def _get(asked: Asked) -> Json:
    return shown(asked.world, _found(asked, history=True)[1])


def _patch(asked: Asked) -> Json:
    channel, message = _found(asked)
    if message.author != BOT_USER:
        raise Refused(50005)
    edit(asked, channel, message)
    return shown(asked.world, message)


def edit(asked: Asked, channel: Channel, message: Message) -> None:
    """Change a message of the bot."""
    if channel.thread and channel.archived:
        raise Refused(50083)
    draft = compose(asked.world, asked.sent, asked.uploads, channel, before=message)
    if asked.uploads:
        may_say(asked.world, channel, draft)
    kept = {file.id for file in draft.attachments}
    for file in message.attachments:
        file.gone = file.id not in kept
    flags = message.flags & message_shapes.HAS_THREAD
    fill(asked.world, message, draft)
    message.flags |= flags
    talk.change(asked.world, message)


def _delete(asked: Asked) -> None:
    channel, message = _found(asked)
    if message.author != BOT_USER:
        if channel.kind == DIRECT:
            raise Refused(50003)
        asked.world.need(channel, "MANAGE_MESSAGES")
    if message.type == 21:
        raise Refused(50021)
    talk.remove(asked.world, message)


def _typing(asked: Asked) -> None:
    _writable(asked.world, asked.world.seen(asked.ids[0]))


# --- reactions -----------------------------------------------------------------------------------


def _react(asked: Asked) -> None:
    channel, message = _found(asked)
    world, emoji = asked.world, asked.ids[2]
    world.need(channel, "READ_MESSAGE_HISTORY")
    if channel.archived:
        raise Refused(50083)
    if emoji not in message.reactions:
        world.need(channel, "ADD_REACTIONS")
    by = message.reactions.setdefault(emoji, [])
    if BOT_USER not in by:
        by.append(BOT_USER)


def _unreact(asked: Asked) -> None:
    channel, message = _found(asked)
    if channel.archived:
        raise Refused(50083)
    by = message.reactions.get(asked.ids[2], [])
    if BOT_USER in by:
        by.remove(BOT_USER)
    if not by:
        message.reactions.pop(asked.ids[2], None)


ROUTES: Routes = {
    "POST channels/*/messages": _post,
    "GET channels/*/messages": _history,
    "GET channels/*/messages/*": _get,
    "PATCH channels/*/messages/*": _patch,
    "DELETE channels/*/messages/*": _delete,
    "POST channels/*/typing": _typing,
    "PUT channels/*/messages/*/reactions/*/@me": _react,
    "DELETE channels/*/messages/*/reactions/*/@me": _unreact,
}
