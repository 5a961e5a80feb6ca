"""The methods that say something: chat.*, reactions.*."""

from __future__ import annotations

import json
import re
import time
from copy import deepcopy
from typing import TYPE_CHECKING

from tests.standins.slack.blocks import check_blocks, refuse, usable_mimetype, with_ids
from tests.standins.slack.checks import Survey
from tests.standins.slack.values import Json, Refused
from tests.standins.slack.world import APP, BOT, BOT_USER, DOMAIN, Channel, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_POST_CHARS = 40_000
_UPDATE_CHARS = 4_000
_MARKDOWN_CHARS = 12_000
_METADATA_CHARS = 8_000
"""Our guess; Slack does not publish the limit of ``metadata_too_large``."""
_REACTION = re.compile(r"[a-z0-9_+'-]{1,100}")


def survey(world: World, surface: str) -> Survey:
    """Start a survey of blocks for this surface."""

    def unusable(reference: Json) -> str:
        for file in world.files.values():
            shown = world.described(file)
            urls = (shown.get("url_private"), shown.get("permalink"))
            if reference.get("id") == file.id or reference.get("url") in urls:
                if file.deleted or file.state != "completed" or not world.visible(file):
                    return "not accessible"
                if not usable_mimetype(file.mimetype):
                    return f"type {file.mimetype}"
                return "" if file.processed_at <= time.time() else "not processed yet"
        return "unknown"

    return Survey(surface, unusable)


def root_ts(channel: Channel, thread_ts: str) -> str:
    """Check that a thread can be replied to; return its ts."""
    root = channel.find(thread_ts)
    if root is None:
        raise Refused("thread_not_found")
    if root.get("thread_ts", thread_ts) != thread_ts:
        raise Refused("cannot_reply_to_message")
    return thread_ts


def content(world: World, args: Json, most: int, who: str) -> Json:
    """Check text, blocks and attachments of a message; return them as they are stored."""
    text, blocks = args.get("text") or "", args.get("blocks") or []
    markdown, attachments = args.get("markdown_text") or "", args.get("attachments") or []
    if markdown and (text or blocks):
        raise Refused("markdown_text_conflict")
    if not (text or blocks or markdown or attachments):
        raise Refused("no_text")
    if len(text) > most or len(markdown) > _MARKDOWN_CHARS:
        raise Refused("msg_too_long")
    if blocks:
        found = survey(world, "message")
        check_blocks(blocks, found)
        refuse(found)
        if not text:
            world.complain(f"{who}: blocks without text leave notifications empty")
    said: Json = {"text": text or markdown}
    if blocks:
        said["blocks"] = with_ids(blocks)
    if markdown:
        said["blocks"] = with_ids([{"type": "markdown", "text": markdown}])
    if attachments:
        said["attachments"] = attachments
    return said


def _metadata(args: Json) -> Json:
    metadata = args.get("metadata")
    if not metadata:
        return {}
    if set(metadata) != {"event_type", "event_payload"}:
        raise Refused("invalid_metadata_format")
    kind, payload = metadata["event_type"], metadata["event_payload"]
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise Refused("invalid_metadata_format")
    if len(json.dumps(metadata)) > _METADATA_CHARS:
        raise Refused("metadata_too_large")
    return {"metadata": metadata}


def _post(world: World, args: Json) -> Json:
    target = args["channel"]
    if target in world.people and target != BOT_USER:
        target = world.direct(target).id
    public = "chat:write.public" in world.scopes and world.channel(target).kind == "channel"
    channel = world.channel(target) if public else world.joined(target)
    if channel.archived:
        raise Refused("is_archived")
    said = content(world, args, _POST_CHARS, "chat.postMessage") | _metadata(args)
    if thread_ts := args.get("thread_ts"):
        said["thread_ts"] = root_ts(channel, thread_ts)
        if args.get("reply_broadcast"):
            said["subtype"] = "thread_broadcast"
    message = world.post(channel, world.bot_message(said))
    world.live_statuses.pop((channel.id, thread_ts or ""), None)
    world.announce_message(channel, message)
    shown = world.shown(message) | _metadata(args)
    return {"channel": channel.id, "ts": message["ts"], "message": shown}


def _update(world: World, args: Json) -> Json:
    channel = world.joined(args["channel"])
    message = channel.find(args["ts"])
    if message is None or message.get("subtype") == "tombstone":
        raise Refused("message_not_found")
    if message.get("user") != BOT_USER:
        raise Refused("cant_update_message")
    if "file_ids" in args:
        world.complain("chat.update with file_ids: nobody knows whether it works")
    said = content(world, args, _UPDATE_CHARS, "chat.update")
    before = deepcopy(message)
    if "metadata" in args:
        message.pop("metadata", None)
        said |= _metadata(args)
    message.pop("blocks", None)
    message |= {**said, "edited": {"user": BOT, "ts": world.next_ts()}}
    world.announce_change(channel, before, message)
    answer = {"channel": channel.id, "ts": message["ts"], "text": message["text"]}
    return {**answer, "message": world.shown(message)}


def _delete(world: World, args: Json) -> Json:
    channel = world.joined(args["channel"])
    message = channel.find(args["ts"])
    if message is None or message.get("subtype") == "tombstone":
        raise Refused("message_not_found")
    if message.get("user") != BOT_USER:
        raise Refused("cant_delete_message")
    world.remove(channel, message)
    return {"channel": channel.id, "ts": args["ts"]}


def _whisper(world: World, args: Json) -> Json:
    channel = world.joined(args["channel"])
    if channel.archived:
        raise Refused("is_archived")
    if args["user"] not in channel.members:
        raise Refused("user_not_in_channel")
    said = content(world, args, _POST_CHARS, "chat.postEphemeral")
    if thread_ts := args.get("thread_ts"):
        said["thread_ts"] = root_ts(channel, thread_ts)
    shown = whisper(world, channel.id, args["user"], said)
    return {"message_ts": shown["ts"]}


def whisper(world: World, channel: str, user: str, said: Json) -> Json:
    """Show a message to one person only."""
    shown = {"channel": channel, "user": user, "ts": world.next_ts(), "is_ephemeral": True, **said}
    shown |= {"app_id": APP, "bot_id": BOT, "type": "message"}
    world.ephemerals.append(shown)
    return shown


def _permalink(world: World, args: Json) -> Json:
    channel = world.channel(args["channel"])
    message = channel.find(args["message_ts"])
    if message is None:
        raise Refused("message_not_found")
    return {"channel": channel.id, "permalink": permalink(channel, message)}


def permalink(channel: Channel, message: Json) -> str:
    """Return the address of a message."""
    place = f"https://{DOMAIN}.slack.com/archives/{channel.id}/p{message['ts'].replace('.', '')}"
    root = message.get("thread_ts", message["ts"])
    return place if root == message["ts"] else f"{place}?thread_ts={root}&cid={channel.id}"


def _reaction(world: World, args: Json) -> tuple[Json, list[Json], Json | None]:
    if not _REACTION.fullmatch(args["name"]):
        raise Refused("invalid_name")
    if not args.get("channel") or not args.get("timestamp"):
        raise Refused("no_item_specified")
    channel = world.joined(args["channel"])
    message = channel.find(args["timestamp"])
    if message is None:
        raise Refused("message_not_found")
    if channel.archived:
        raise Refused("is_archived")
    reactions: list[Json] = message.setdefault("reactions", [])
    return message, reactions, next((r for r in reactions if r["name"] == args["name"]), None)


def _react(world: World, args: Json) -> Json:
    _, reactions, found = _reaction(world, args)
    if found and BOT_USER in found["users"]:
        raise Refused("already_reacted")
    if not found:
        found = {"name": args["name"], "users": []}
        reactions.append(found)
    found["users"].append(BOT_USER)
    found["count"] = len(found["users"])
    return {}


def _unreact(world: World, args: Json) -> Json:
    message, reactions, found = _reaction(world, args)
    if not found or BOT_USER not in found["users"]:
        raise Refused("no_reaction")
    found["users"].remove(BOT_USER)
    found["count"] = len(found["users"])
    if not found["users"]:
        reactions.remove(found)
    if not reactions:
        del message["reactions"]
    return {}


METHODS: Mapping[str, Callable[[World, Json], Json]] = {
    "chat.delete": _delete,
    "chat.getPermalink": _permalink,
    "chat.postEphemeral": _whisper,
    "chat.postMessage": _post,
    "chat.update": _update,
    "reactions.add": _react,
    "reactions.remove": _unreact,
}
