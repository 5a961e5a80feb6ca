"""Who the bot is, and the servers, members, roles and people it may ask about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.standins.discord import shapes
from tests.standins.discord.gateway import MEMBERS
from tests.standins.discord.values import Json, Refused, invalid
from tests.standins.discord.world import BOT_USER

if TYPE_CHECKING:
    from tests.standins.discord.routes import Asked, Routes
    from tests.standins.discord.world import Guild

_DAY_MS = 86_400_000
OWNER: Json = {
    "id": "1", "username": "owner", "discriminator": "0", "avatar": None, "global_name": "Owner",
    "bot": False, "public_flags": 0,
}  # fmt: skip


def _me(asked: Asked) -> Json:
    return shapes.user(asked.world.people[BOT_USER]) | {"verified": True, "mfa_enabled": True}


def _application(asked: Asked) -> Json:
    return shapes.application(asked.world, OWNER)


def _gateway(asked: Asked) -> Json:
    return {"url": asked.gateway.url}


def _gateway_bot(asked: Asked) -> Json:
    total = asked.world.knobs.identify_limit
    limit = {"total": total, "remaining": max(0, total - len(asked.gateway.identifies))}
    limit |= {"reset_after": _DAY_MS, "max_concurrency": 1}
    return {"url": asked.gateway.url, "shards": 1, "session_start_limit": limit}


def _guild(asked: Asked) -> Guild:
    guild = asked.world.guilds.get(asked.ids[0])
    if guild is None or not guild.bot:
        raise Refused(10004)
    return guild


def _get_guild(asked: Asked) -> Json:
    return shapes.guild_object(asked.world, _guild(asked))


def _roles(asked: Asked) -> list[Json]:
    made: list[Json] = shapes.guild_object(asked.world, _guild(asked))["roles"]
    return made


def _channels(asked: Asked) -> list[Json]:
    guild, world = _guild(asked), asked.world
    found = [c for c in world.channels.values() if c.guild == guild.id and not c.thread]
    return [shapes.channel_object(world, channel) for channel in found]


def _member(asked: Asked) -> Json:
    guild = _guild(asked)
    if asked.ids[1] not in guild.members:
        raise Refused(10007 if asked.ids[1] in asked.world.people else 10013)
    return shapes.member(asked.world, guild, asked.ids[1], whole=True)


def _members(asked: Asked) -> list[Json]:
    guild = _guild(asked)
    if not asked.gateway.portal & MEMBERS:
        raise Refused(50001)
    return [shapes.member(asked.world, guild, one, whole=True) for one in guild.members]


def _user(asked: Asked) -> Json:
    person = asked.world.people.get(asked.ids[0])
    if person is None:
        raise Refused(10013)
    return shapes.user(person)


def _my_guilds(asked: Asked) -> list[Json]:
    guilds = [guild for guild in asked.world.guilds.values() if guild.bot]
    rights = asked.world.guild_rights
    return [
        {"id": g.id, "name": g.name, "icon": None, "owner": False, "features": []}
        | {"permissions": str(rights(g, BOT_USER))}
        for g in guilds
    ]


def _leave_guild(asked: Asked) -> None:
    guild = _guild(asked)
    guild.bot = False
    asked.world.announce("GUILD_DELETE", lambda _: {"id": guild.id}, guild)


def _open_direct(asked: Asked) -> Json:
    user = str(asked.sent.get("recipient_id"))
    if user not in asked.world.people or user == BOT_USER:
        raise invalid("recipient_id", "Unknown user")
    return shapes.channel_object(asked.world, asked.world.direct(user))


ROUTES: Routes = {
    "GET users/@me": _me,
    "GET users/*": _user,
    "GET users/@me/guilds": _my_guilds,
    "DELETE users/@me/guilds/*": _leave_guild,
    "POST users/@me/channels": _open_direct,
    "GET applications/@me": _application,
    "GET oauth2/applications/@me": _application,
    "GET gateway": _gateway,
    "GET gateway/bot": _gateway_bot,
    "GET guilds/*": _get_guild,
    "GET guilds/*/roles": _roles,
    "GET guilds/*/channels": _channels,
    "GET guilds/*/members/*": _member,
    "GET guilds/*/members": _members,
}
