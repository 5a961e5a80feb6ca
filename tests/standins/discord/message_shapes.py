"""How messages and their files look on the wire, to those who see everything and to others."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from tests.standins.discord.shapes import channel_object, member, user
from tests.standins.discord.world import APP, BOT_USER, DIRECT, moment_of, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.standins.discord.values import Json
    from tests.standins.discord.world import Attachment, Channel, Message, World

V2 = 1 << 15
HAS_THREAD = 1 << 5


def attachment(world: World, file: Attachment) -> Json:
    """An attachment object with a fresh link."""
    seconds = world.knobs.link_seconds
    link = world.links.sign(file, world.knobs.ephemeral_file_seconds if file.ephemeral else seconds)
    made: Json = {
        "id": file.id,
        "filename": file.filename,
        "size": len(file.data),
        "url": link,
        "proxy_url": link,
    }
    if file.content_type:
        made["content_type"] = file.content_type
    if file.size:
        made |= {"width": file.size[0], "height": file.size[1]}
    if file.description:
        made["description"] = file.description
    if file.ephemeral:
        made["ephemeral"] = True
    if file.spoiler:
        made["flags"] = 1 << 3
    return made


def media_of(components: list[Json]) -> Iterator[Json]:
    """Walk over the media items in components, in the order in which they are shown."""
    for component in components:
        for name in ("media", "file"):
            if isinstance(component.get(name), dict):
                yield component[name]
        if isinstance(component.get("items"), list):
            yield from (item["media"] for item in component["items"])
        if isinstance(component.get("accessory"), dict):
            yield from media_of([component["accessory"]])
        yield from media_of(component.get("components", []))


def used_files(components: list[Json], embeds: list[Json]) -> list[str]:
    """List the ids of the files that components and embeds show."""
    shown = [
        str(media["attachment_id"]) for media in media_of(components) if "attachment_id" in media
    ]
    for embed in embeds:
        shown += [
            embed[name]["attachment_id"]
            for name in ("image", "thumbnail")
            if "attachment_id" in embed.get(name, {})
        ]
    return shown


def _linked(
    world: World, components: list[Json], embeds: list[Json]
) -> tuple[list[Json], list[Json]]:
    components, embeds = deepcopy(components), deepcopy(embeds)
    for media in media_of(components):
        file = world.files.get(str(media.get("attachment_id")))
        if file:
            made = attachment(world, file)
            kept = ("url", "proxy_url", "width", "height", "content_type")
            media |= {name: made[name] for name in kept if name in made}
            media |= {"loading_state": 2, "flags": 0}
    for embed in embeds:
        for name in ("image", "thumbnail"):
            file = world.files.get(str(embed.get(name, {}).pop("attachment_id", None)))
            if file:
                made = attachment(world, file)
                embed[name] = {"url": made["url"], "proxy_url": made["url"], "flags": 0}
                embed[name] |= {"width": made.get("width", 0), "height": made.get("height", 0)}
    return components, embeds


def exempt(world: World, message: Message) -> bool:
    """Tell whether an app without the message-content intent sees what is said here."""
    channel = world.channels.get(message.channel)
    if channel is None or channel.kind == DIRECT or message.author == BOT_USER:
        return True
    if f"<@{BOT_USER}>" in message.content or f"<@!{BOT_USER}>" in message.content:
        return True
    replied = world.find(str((message.reference or {}).get("message_id")))
    regular = replied and replied.author == BOT_USER and not replied.webhook
    return bool(regular and message.reply_ping)


def message(world: World, stored: Message, *, content: bool = True, deep: bool = True) -> Json:
    """A message object; content: the reader may see everything."""
    channel = world.channels.get(stored.channel)
    full = content or exempt(world, stored)
    components, embeds = _linked(world, stored.components, stored.embeds)
    used = set(used_files(stored.components, stored.embeds))
    listed = [attachment(world, file) for file in stored.attachments if file.id not in used]
    made: Json = {
        "id": stored.id,
        "channel_id": stored.channel,
        "author": user(world.people[stored.author]),
        "content": stored.content if full else "",
        "timestamp": stamp(moment_of(stored.id)),
        "edited_timestamp": stored.edited,
        "tts": False,
        "mention_everyone": stored.mention_everyone,
        "mentions": _mentions(world, stored, channel),
        "mention_roles": list(stored.mention_roles),
        "attachments": listed if full else [],
        "embeds": embeds if full else [],
        "components": components if full else [],
        "pinned": False,
        "type": stored.type,
        "flags": stored.flags,
    }
    if stored.position is not None:
        made["position"] = stored.position
    if stored.webhook:
        made |= {"webhook_id": APP, "application_id": APP}
    if stored.interaction:
        made["interaction_metadata"] = stored.interaction
    if stored.snapshots:
        made["message_snapshots"] = [_snapshot(world, one, full=full) for one in stored.snapshots]
    if stored.reactions:
        made["reactions"] = [_reaction(name, by) for name, by in stored.reactions.items()]
    thread_made = world.channels.get(stored.id)
    if thread_made and stored.flags & HAS_THREAD and deep:
        made["thread"] = channel_object(world, thread_made)
    return made | _reference(world, stored, content=content, deep=deep)


def _mentions(world: World, stored: Message, channel: Channel | None) -> list[Json]:
    guild = world.guild_of(channel) if channel else None
    made = []
    for person_id in stored.mentions:
        entry = user(world.people[person_id])
        if guild and person_id in guild.members:
            entry["member"] = member(world, guild, person_id)
        made.append(entry)
    return made


def _reference(world: World, stored: Message, *, content: bool, deep: bool) -> Json:
    if stored.reference is None:
        return {}
    made: Json = {"message_reference": stored.reference}
    if deep and stored.reference.get("type", 0) == 0 and stored.type in {19, 21}:
        target = world.find(str(stored.reference["message_id"]))
        shown = message(world, target, content=content, deep=False) if target else None
        made["referenced_message"] = shown
    return made


def _snapshot(world: World, kept: Json, *, full: bool) -> Json:
    files = [attachment(world, world.files[file]) for file in kept["files"]]
    components, embeds = _linked(world, kept["components"], kept["embeds"])
    return {
        "message": {
            "type": kept["type"],
            "content": kept["content"] if full else "",
            "embeds": embeds if full else [],
            "attachments": files if full else [],
            "components": components if full else [],
            "timestamp": kept["timestamp"],
            "edited_timestamp": None,
            "flags": kept["flags"],
            "mentions": [],
            "mention_roles": [],
        }
    }


def _reaction(name: str, by: list[str]) -> Json:
    return {
        "emoji": {"id": None, "name": name},
        "count": len(by),
        "count_details": {"burst": 0, "normal": len(by)},
        "me": BOT_USER in by,
        "me_burst": False,
        "burst_colors": [],
    }
