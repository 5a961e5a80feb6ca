"""How the things of this Discord look on the wire."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tests.standins.discord.permissions import ALL
from tests.standins.discord.world import (
    APP,
    BOT_USER,
    DIRECT,
    FORUM,
    PRIVATE_DIRECT,
    moment_of,
    stamp,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.standins.discord.values import Json
    from tests.standins.discord.world import (
        Attachment,
        Channel,
        Guild,
        Message,
        Person,
        Role,
        World,
    )

V2 = 1 << 15
HAS_THREAD = 1 << 5
CONTENT_FLAG, CONTENT_LIMITED_FLAG = 1 << 18, 1 << 19
JOINED = "2026-01-01T00:00:00.000000+00:00"


def user(person: Person) -> Json:
    """A user object."""
    return {
        "id": person.id,
        "username": person.name,
        "discriminator": "0042" if person.bot else "0",
        "global_name": None if person.bot else person.name.title(),
        "avatar": None,
        "bot": person.bot,
        "public_flags": 0,
    }


def member(world: World, guild: Guild, user_id: str, *, whole: bool = False) -> Json:
    """A member object; whole: with the user, as all but message events have it."""
    made: Json = {
        "roles": list(guild.members.get(user_id, [])),
        "joined_at": JOINED,
        "premium_since": None,
        "pending": False,
        "nick": guild.nicks.get(user_id),
        "avatar": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "communication_disabled_until": None,
    }
    return {"user": user(world.people[user_id]), **made} if whole else made


def role(item: Role, position: int) -> Json:
    """A role object."""
    made: Json = {
        "id": item.id,
        "name": item.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": position,
        "permissions": str(item.permissions),
        "managed": item.managed,
        "mentionable": False,
        "flags": 0,
    }
    return made | ({"tags": {"bot_id": BOT_USER}} if item.managed else {})


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


def channel_object(world: World, channel: Channel) -> Json:
    """A channel or thread object, as the bot gets it."""
    if channel.kind in {DIRECT, PRIVATE_DIRECT}:
        people = [user(world.people[one]) for one in channel.recipients]
        made: Json = {"id": channel.id, "type": channel.kind, "recipients": people, "flags": 0}
        return {**made, "last_message_id": channel.last}
    made = {
        "id": channel.id,
        "type": channel.kind,
        "guild_id": channel.guild,
        "name": channel.name,
        "parent_id": channel.parent or None,
        "last_message_id": channel.last,
        "rate_limit_per_user": 0,
        "flags": 0,
    }
    if channel.thread:
        made |= {
            "owner_id": channel.owner,
            "message_count": channel.counted,
            "member_count": len(channel.members),
            "total_message_sent": channel.counted,
            "thread_metadata": {
                "archived": channel.archived,
                "auto_archive_duration": channel.archive_minutes,
                "archive_timestamp": channel.created,
                "locked": channel.locked,
                "create_timestamp": channel.created,
            },
        }
        return {**made, "applied_tags": channel.applied} if channel.applied else made
    made |= {"position": 0, "nsfw": channel.nsfw, "topic": None}
    made["permission_overwrites"] = _overwrites(channel)
    if channel.kind == FORUM:
        made |= {"available_tags": channel.tags, "flags": 1 << 4 if channel.needs_tag else 0}
        made |= {"default_forum_layout": 0, "default_sort_order": None}
        made["default_reaction_emoji"] = None
    return made


def _overwrites(channel: Channel) -> list[Json]:
    made: list[Json] = []
    if channel.bot_allow or channel.bot_deny:
        own: Json = {"id": BOT_USER, "type": 1, "allow": str(channel.bot_allow)}
        made.append({**own, "deny": str(channel.bot_deny)})
    if channel.people_deny:
        own = {"id": channel.guild, "type": 0, "allow": "0", "deny": str(channel.people_deny)}
        allowed = str(channel.bot_allow | (channel.people_deny & ~channel.bot_deny))
        deny = str(channel.bot_deny)
        made = [own, {"id": BOT_USER, "type": 1, "allow": allowed, "deny": deny}]
    return made


def thread_member(channel: Channel, user_id: str) -> Json:
    """Somebody's membership in a thread."""
    return {"id": channel.id, "user_id": user_id, "join_timestamp": channel.created, "flags": 0}


def guild_object(world: World, guild: Guild) -> Json:
    """A guild as GET guilds/ID answers."""
    ranked = sorted(guild.roles.values(), key=lambda one: int(one.id))
    owner = next((one for one in guild.members if one != BOT_USER), "1")
    return {
        "id": guild.id,
        "name": guild.name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "owner_id": owner,
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": [role(item, index) for index, item in enumerate(ranked)],
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": guild.locale,
        "nsfw_level": 0,
        "nsfw": False,
        "premium_progress_bar_enabled": False,
        "vanity_url_code": None,
        "max_members": 500000,
        "approximate_member_count": len(guild.members),
    }


def guild_create(world: World, guild: Guild) -> Json:
    """What GUILD_CREATE says; of the members only the bot, as without the members intent."""
    channels = [c for c in world.channels.values() if c.guild == guild.id and not c.thread]
    open_threads = [
        c for c in world.channels.values()
        if c.guild == guild.id and c.thread and not c.archived and world.visible(c)
    ]  # fmt: skip
    return guild_object(world, guild) | {
        "joined_at": JOINED,
        "large": False,
        "unavailable": False,
        "member_count": len(guild.members),
        "voice_states": [],
        "members": [member(world, guild, BOT_USER, whole=True)],
        "channels": [channel_object(world, c) for c in channels],
        "threads": [channel_object(world, c) for c in open_threads],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def application(world: World, owner: Json) -> Json:
    """The app's own object."""
    return {
        "id": APP,
        "name": "Painter",
        "icon": None,
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "00",
        "flags": CONTENT_LIMITED_FLAG if world.portal_content else 0,
        "owner": owner,
        "team": None,
        "rpc_origins": [],
        "redirect_uris": [],
        "summary": "",
        "install_params": None,
        "integration_types_config": {"0": {}, "1": {}},
        "interactions_endpoint_url": None,
        "approximate_guild_count": len(world.guilds),
        "bot": user(world.people[BOT_USER]),
    }


def interaction_channel(world: World, channel: Channel, rights: int) -> dict[str, Any]:
    """The channel object inside an interaction."""
    made = channel_object(world, channel)
    made.pop("permission_overwrites", None)
    return (
        made if channel.kind in {DIRECT, PRIVATE_DIRECT} else {**made, "permissions": str(rights)}
    )


EVERYTHING = str(ALL)
