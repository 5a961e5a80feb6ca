"""Files: the upload in three steps, the share that comes later, files.info, the bytes."""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING

from tests.standins.pictures import sniff
from tests.standins.slack.blocks import check_blocks, refuse, with_ids
from tests.standins.slack.talk import root_ts, survey
from tests.standins.slack.values import Json, Refused
from tests.standins.slack.world import BOT_USER, Channel, StoredFile, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ALT_CHARS = 1000
_ENTRY = {"id", "title", "highlight_type"}
_HIGHLIGHTS = {"png", "jpg", "gif"}
_TARGET = re.compile(r"[CGDZ][A-Z0-9]{8,}")


def _get_url(world: World, args: Json) -> Json:
    if args["length"] < 1:
        raise Refused("missing_argument", "missing required field: length")
    if args["length"] > world.knobs.most_file_bytes:
        raise Refused("file_upload_size_restricted")
    if len(args.get("alt_txt", "")) > _ALT_CHARS:
        raise Refused("alt_txt_too_large")
    file = StoredFile(
        id=world.new_id("F"),
        name=args["filename"],
        owner=BOT_USER,
        length=args["length"],
        alt_txt=args.get("alt_txt", ""),
        state="url",
        secret=secrets.token_urlsafe(24),
        created=time.time(),
    )
    world.files[file.id] = file
    return {"upload_url": f"{world.url}/upload/v1/{file.secret}", "file_id": file.id}


def receive(world: World, secret: str, data: bytes) -> tuple[int, str]:
    """Take the bytes of an upload; return HTTP status and text."""
    file = next((f for f in world.files.values() if f.secret == secret), None)
    if file is None:
        return 404, "no such upload"
    if file.state != "url":
        return 400, "these bytes came before"
    if len(data) != file.length:
        return 400, f"{len(data)} bytes came, {file.length} were announced"
    file.data, file.state = data, "uploaded"
    return 200, f"OK - {file.length}"


def _complete(world: World, args: Json) -> Json:
    files = [_uploaded(world, entry) for entry in args["files"]]
    if not files or len(set(map(id, files))) < len(files):
        raise Refused("invalid_arguments", "files must name each file once [json-pointer:/files]")
    channels = _targets(world, args)
    said: Json = {"text": args.get("initial_comment", "")}
    if thread_ts := args.get("thread_ts"):
        if len(channels) != 1:
            raise Refused("invalid_arguments", "thread_ts needs exactly one channel")
        said["thread_ts"] = root_ts(channels[0], thread_ts)
    if args.get("blocks"):
        found = survey(world, "message")
        check_blocks(args["blocks"], found)
        refuse(found)
        if args.get("initial_comment"):
            world.complain("files.completeUploadExternal: initial_comment makes blocks vanish")
        else:
            said["blocks"] = with_ids(args["blocks"])
    wait = _share_wait(world, args)
    now = time.time()
    for file, entry in zip(files, args["files"], strict=True):
        file.title = entry.get("title") or file.name
        file.state, file.mimetype = "completed", sniff(file.data) or "application/octet-stream"
        file.processed_at = now + max(wait or 0, world.knobs.processed_after)
    if any(file.alt_txt for file in files):
        wait = None
    if wait is not None and channels:
        world.later(wait, lambda: _share(world, files, channels, said))
    fresh = {"mimetype": "", "filetype": "", "shares": {}}
    return {"files": [world.described(file) | fresh for file in files]}


def _uploaded(world: World, entry: object) -> StoredFile:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise Refused("invalid_arguments", "each file needs an id [json-pointer:/files]")
    if unknown := set(entry) - _ENTRY:
        world.complain(f"files.completeUploadExternal: a file has no {sorted(unknown)}")
    if entry.get("highlight_type", "png") not in _HIGHLIGHTS:
        world.complain(f"no such highlight_type: {entry['highlight_type']}")
    file = world.files.get(entry["id"])
    if file is None or file.owner != BOT_USER or file.state == "url" or file.deleted:
        raise Refused("file_not_found")
    return file


def _targets(world: World, args: Json) -> list[Channel]:
    named = [*args.get("channels", "").split(","), args.get("channel_id", "")]
    targets = [name for name in named if name]
    channels = []
    for target in targets:
        if not _TARGET.fullmatch(target):
            raise Refused("invalid_arguments", "failed to match pattern [json-pointer:/channel_id]")
        channel = world.joined(target)
        if channel.archived:
            raise Refused("posting_to_channel_denied")
        channels.append(channel)
    return channels


def _share_wait(world: World, args: Json) -> float | None:
    fault = world.faults.strike("share", args)
    if fault is None:
        return world.knobs.share_after
    return fault.seconds if fault.kind == "slow" else None


def _share(world: World, files: list[StoredFile], channels: list[Channel], said: Json) -> None:
    for file in files:
        file.processed_at = min(file.processed_at, time.time())
    names = [{"id": file.id} for file in files]
    for channel in channels:
        thread_ts = said.get("thread_ts")
        message = world.bot_message({**said, "subtype": "file_share", "files": names})
        stored = world.post(channel, {**message, "upload": True})
        world.live_statuses.pop((channel.id, thread_ts or ""), None)
        for file in files:
            world.share(file, channel, stored)
            world.announce(
                {
                    "type": "file_shared",
                    "file_id": file.id,
                    "file": {"id": file.id},
                    "user_id": BOT_USER,
                    "channel_id": channel.id,
                    "event_ts": world.next_ts(),
                }
            )
        world.announce_message(channel, stored)


def _known(world: World, args: Json) -> StoredFile:
    file = world.files.get(args["file"])
    if file is None or not world.visible(file) or file.state != "completed":
        raise Refused("file_not_found")
    if file.deleted:
        raise Refused("file_deleted")
    return file


def _info(world: World, args: Json) -> Json:
    file = _known(world, args)
    more = {"comments": [], "response_metadata": {"next_cursor": ""}}
    return {"file": world.described(file), **more}


def _delete(world: World, args: Json) -> Json:
    file = _known(world, args)
    if file.owner != BOT_USER:
        raise Refused("cant_delete_file")
    file.deleted, file.data = True, b""
    for channel_id, ts, _ in file.shares:
        channel = world.channels[channel_id]
        message = channel.find(ts)
        if message and message.get("files") == [{"id": file.id}] and not message["text"]:
            world.remove(channel, message)
    return {}


def bytes_for(world: World, file_id: str, name: str, *, trusted: bool) -> tuple[bytes, str] | None:
    """Return bytes and type of a private address, or None: Slack then shows its login page."""
    file = world.files.get(file_id)
    allowed = trusted and "files:read" in world.scopes
    if not allowed or file is None or file.deleted or not world.visible(file):
        return None
    if name == "thumb_1024.png":
        return file.thumb, "image/png"
    return file.data, file.mimetype or "application/octet-stream"


METHODS: Mapping[str, Callable[[World, Json], Json]] = {
    "files.completeUploadExternal": _complete,
    "files.delete": _delete,
    "files.getUploadURLExternal": _get_url,
    "files.info": _info,
}
