"""What is not a message: modals, home tabs, statuses, sessions, and the tickets that open them."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.standins.slack.blocks import check_view, interactive, refuse, with_ids
from tests.standins.slack.talk import survey
from tests.standins.slack.values import Json, Refused
from tests.standins.slack.world import APP, BOT, TEAM, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_VIEW_CHARS = 250_000
_TITLE_CHARS = 200
_MOST_PROMPTS = 4
_MOST_LOADING = 10
_STATES = {"processing", "active", "suspended", "closed"}


@dataclass(slots=True)
class Trigger:
    """A trigger_id: opens one view, for a few seconds."""

    user: str
    until: float
    used: bool = False


def new_trigger(world: World, user: str) -> str:
    """Issue a trigger_id for what this person has just done."""
    name = f"{secrets.randbelow(10**13)}.{secrets.token_hex(16)}"
    world.triggers[name] = Trigger(user, time.monotonic() + world.knobs.trigger_seconds)
    return name


def exchange(world: World, args: Json) -> str:
    """Take a trigger_id in payment for a view; return whose it is."""
    trigger = world.triggers.get(args.get("trigger_id", ""))
    if trigger is None:
        raise Refused("invalid_trigger_id")
    if trigger.used:
        raise Refused("exchanged_trigger_id")
    if time.monotonic() > trigger.until:
        raise Refused("expired_trigger_id")
    trigger.used = True
    return trigger.user


def checked_view(world: World, view: Json, kind: str) -> None:
    """Refuse a view that Slack would refuse."""
    found = survey(world, kind)
    check_view(view, kind, found)
    refuse(found)
    if len(str(view)) > _VIEW_CHARS:
        raise Refused("view_too_large")


def stored_view(world: World, view: Json, user: str, old: Json | None = None) -> Json:
    """Complete a view as Slack does: ids, hash, state; of an old one the id and state stay."""
    external = view.get("external_id", "")
    for other in world.views.values():
        if external and other["external_id"] == external and other is not old:
            raise Refused("duplicate_external_id")
    view_id = old["id"] if old else world.new_id("V")
    blocks = with_ids(view["blocks"])
    stored = {
        "private_metadata": "",
        "callback_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "submit": None,
        "close": None,
        "previous_view_id": None,
        **view,
        "id": view_id,
        "team_id": TEAM,
        "app_id": APP,
        "bot_id": BOT,
        "app_installed_team_id": TEAM,
        "external_id": external,
        "root_view_id": old["root_view_id"] if old else view_id,
        "blocks": blocks,
        "state": {"values": _kept(old["state"]["values"], blocks) if old else {}},
        "hash": f"{time.time():.0f}.{secrets.token_hex(4)}",
    }
    world.view_users[view_id] = user
    return stored


def _kept(values: Json, blocks: list[Json]) -> Json:
    """Keep what was entered in the elements that are still there; the rest is gone with them."""
    there = {
        (block["block_id"], one["action_id"]) for block in blocks for one in interactive(block)
    }
    kept: Json = {}
    for block_id, entered in values.items():
        for action_id, state in entered.items():
            if (block_id, action_id) in there:
                kept.setdefault(block_id, {})[action_id] = state
    return kept


def _open(world: World, args: Json) -> Json:
    checked_view(world, args["view"], "modal")
    user = exchange(world, args)
    view = stored_view(world, args["view"], user)
    world.views[view["id"]] = view
    return {"view": view}


def _update(world: World, args: Json) -> Json:
    old = world.views.get(args.get("view_id", ""))
    if external := args.get("external_id"):
        old = next((v for v in world.views.values() if v["external_id"] == external), None)
    if old is None:
        raise Refused("not_found")
    _same_hash(args, old)
    checked_view(world, args["view"], "modal")
    view = stored_view(world, args["view"], world.view_users[old["id"]], old)
    world.views[view["id"]] = view
    return {"view": view}


def _publish(world: World, args: Json) -> Json:
    user = args["user_id"]
    if user not in world.people:
        raise Refused("user_not_found")
    old = world.homes.get(user)
    _same_hash(args, old)
    checked_view(world, args["view"], "home")
    world.homes[user] = stored_view(world, args["view"], user, old)
    return {"view": world.homes[user]}


def _same_hash(args: Json, old: Json | None) -> None:
    if args.get("hash") and (old is None or args["hash"] != old["hash"]):
        raise Refused("hash_conflict")


def _set_status(world: World, args: Json) -> Json:
    channel = world.joined(args["channel_id"])
    if channel.find(args["thread_ts"]) is None:
        raise Refused("invalid_thread_ts")
    if len(args.get("loading_messages", [])) > _MOST_LOADING:
        raise Refused("invalid_arguments", "no more than 10 loading_messages")
    world.statuses.append({**args, "at": time.time()})
    place = (channel.id, args["thread_ts"])
    world.live_statuses[place] = (args["status"], time.monotonic())
    if not args["status"]:
        del world.live_statuses[place]
    return {}


def _set_prompts(world: World, args: Json) -> Json:
    channel = world.joined(args["channel_id"])
    if args.get("thread_ts") and channel.find(args["thread_ts"]) is None:
        raise Refused("invalid_thread_ts")
    prompts = args["prompts"]
    if not 1 <= len(prompts) <= _MOST_PROMPTS:
        raise Refused("invalid_arguments", "1 to 4 prompts [json-pointer:/prompts]")
    for prompt in prompts:
        if not isinstance(prompt, dict) or set(prompt) != {"title", "message"}:
            raise Refused("invalid_arguments", "title and message each [json-pointer:/prompts]")
    world.prompts.append(args)
    return {}


def _session(world: World, args: Json) -> tuple[str, str]:
    channel = world.joined(args["channel_id"])
    if not world.knobs.declared_agent:
        raise Refused("feature_not_enabled")
    thread_ts = args.get("thread_ts", "")
    if thread_ts and channel.find(thread_ts) is None:
        raise Refused("invalid_thread_ts")
    if len(args.get("title", "")) > _TITLE_CHARS:
        raise Refused("invalid_arguments", "must be less than 201 characters [json-pointer:/title]")
    return channel.id, thread_ts


def _set_session(world: World, args: Json) -> Json:
    place = _session(world, args)
    if args["status"] not in _STATES:
        raise Refused("invalid_arguments", f"status is one of {sorted(_STATES)}")
    world.sessions[place] = args["status"]
    if "agent_session_stopped" in world.subscriptions:
        return {}
    warning = "missing_agent_session_stopped_event_subscription"
    return {"warning": warning, "response_metadata": {"warnings": [warning]}}


def _rename_session(world: World, args: Json) -> Json:
    if _session(world, args) not in world.sessions:
        raise Refused("session_not_found")
    return {}


METHODS: Mapping[str, Callable[[World, Json], Json]] = {
    "agents.sessions.rename": _rename_session,
    "agents.sessions.setStatus": _set_session,
    "assistant.threads.setStatus": _set_status,
    "assistant.threads.setSuggestedPrompts": _set_prompts,
    "views.open": _open,
    "views.publish": _publish,
    "views.update": _update,
}
