"""The methods that read: auth.test, bots.info, conversations.*, usergroups.*, users.info."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.standins.slack.values import Json, Refused
from tests.standins.slack.world import APP, BOT, BOT_USER, DOMAIN, TEAM, Channel, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_OLDEST, _NEWEST = "", "z"


def _auth_test(world: World, args: Json) -> Json:
    return {
        "url": f"https://{DOMAIN}.slack.com/",
        "team": DOMAIN,
        "user": world.people[BOT_USER].name,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def _bot_info(world: World, args: Json) -> Json:
    if args.get("bot", BOT) != BOT:
        raise Refused("bot_not_found")
    name = world.people[BOT_USER].name
    return {"bot": {"id": BOT, "app_id": APP, "user_id": BOT_USER, "name": name, "deleted": False}}


def _page(items: Sequence[object], args: Json, default: int) -> tuple[list[object], Json]:
    cursor, limit = str(args.get("cursor") or "o:0"), args.get("limit") or default
    if not cursor.startswith("o:") or not cursor[2:].isdigit():
        raise Refused("invalid_cursor")
    start = int(cursor[2:])
    end = start + min(limit, 1000)
    more = end < len(items)
    following = f"o:{end}" if more else ""
    return list(items[start:end]), {
        "has_more": more,
        "response_metadata": {"next_cursor": following},
    }


def _shown(world: World, messages: Sequence[Json], args: Json) -> list[Json]:
    low, high = args.get("oldest") or _OLDEST, args.get("latest") or _NEWEST
    ends = {low, high} if args.get("inclusive") else set()
    kept = [m for m in messages if low < m["ts"] < high or m["ts"] in ends]
    every = args.get("include_all_metadata", False)
    return [
        world.shown(m) | ({"metadata": m["metadata"]} if every and "metadata" in m else {})
        for m in kept
    ]


def _history(world: World, args: Json) -> Json:
    channel = world.joined(args["channel"])
    top = [m for m in channel.messages if m.get("thread_ts", m["ts"]) == m["ts"] or _broadcast(m)]
    page, more = _page(_shown(world, top, args)[::-1], args, 100)
    return {"messages": page, **more}


def _replies(world: World, args: Json) -> Json:
    channel = world.joined(args["channel"])
    root = channel.find(args["ts"])
    if root is None:
        raise Refused("thread_not_found")
    shown = _shown(world, channel.replies(args["ts"]), args)
    page, more = _page([*_shown(world, [root], _whole(args)), *shown], args, 1000)
    return {"messages": page, **more}


def _whole(args: Json) -> Json:
    return {"include_all_metadata": args.get("include_all_metadata", False)}


def _broadcast(message: Json) -> bool:
    return message.get("subtype") == "thread_broadcast"


def _info(world: World, args: Json) -> Json:
    channel = world.channel(args["channel"])
    return {"channel": described(channel)}


def described(channel: Channel) -> Json:
    """Return the channel object of conversations.info."""
    common = {"id": channel.id, "is_archived": channel.archived, "is_im": channel.kind == "im"}
    if channel.kind == "im":
        return {**common, "user": next(iter(channel.members - {BOT_USER})), "is_open": True}
    return {
        **common,
        "name": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "is_member": BOT_USER in channel.members,
        "context_team_id": TEAM,
    }


def _members(world: World, args: Json) -> Json:
    channel = world.channel(args["channel"])
    page, more = _page(sorted(channel.members), args, 100)
    return {"members": page, "response_metadata": more["response_metadata"]}


def _open(world: World, args: Json) -> Json:
    if args.get("channel"):
        channel = world.channel(args["channel"])
    elif users := [user for user in args.get("users", "").split(",") if user]:
        if len(users) > 1:
            raise Refused(
                "missing_scope", needed="mpim:write", provided=",".join(sorted(world.scopes))
            )
        person = world.people.get(users[0])
        if person is None or person.id == BOT_USER:
            raise Refused("user_not_found")
        if person.deleted:
            raise Refused("user_disabled")
        channel = world.direct(person.id)
    else:
        raise Refused("users_list_not_supplied")
    whole = args.get("return_im", False)
    return {"channel": described(channel) if whole else {"id": channel.id}}


def _user(world: World, args: Json) -> Json:
    person = world.people.get(args["user"])
    if person is None:
        raise Refused("user_not_found")
    locale = {"locale": person.locale} if args.get("include_locale") else {}
    return {"user": person.described() | locale}


def _group(world: World, args: Json) -> Json:
    if args["usergroup"] not in world.groups:
        raise Refused("no_such_subteam")
    return {"users": list(world.groups[args["usergroup"]])}


METHODS: Mapping[str, Callable[[World, Json], Json]] = {
    "auth.test": _auth_test,
    "bots.info": _bot_info,
    "conversations.history": _history,
    "conversations.info": _info,
    "conversations.members": _members,
    "conversations.open": _open,
    "conversations.replies": _replies,
    "usergroups.users.list": _group,
    "users.info": _user,
}
