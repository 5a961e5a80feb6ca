"""How people, servers, channels and the app look on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.standins.discord.world import (
    APP,
    BOT_USER,
    DIRECT,
    FORUM,
    PRIVATE_DIRECT,
)

if TYPE_CHECKING:
    from tests.standins.discord.values import Json
    from tests.standins.discord.world import (
        Channel,
        Guild,
        Person,
        Role,
        World,
    )

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
