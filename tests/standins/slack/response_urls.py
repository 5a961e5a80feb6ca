"""The response_url of commands and clicks: five uses in thirty minutes."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.standins.slack.talk import content, whisper
from tests.standins.slack.values import Json, Refused

if TYPE_CHECKING:
    from tests.standins.slack.world import World

_USES = 5
_CHARS = 40_000
_KNOWN = {
    "text", "blocks", "attachments", "response_type", "replace_original", "delete_original",
    "thread_ts", "unfurl_links", "unfurl_media", "metadata", "mrkdwn",
}  # fmt: skip


@dataclass(slots=True)
class ResponseUrl:
    """One address; source is the message that was clicked, if any."""

    channel: str
    user: str
    source: Json | None
    until: float
    uses: int = 0


def new_response_url(world: World, channel: str, user: str, source: Json | None = None) -> str:
    """Issue a response_url."""
    secret = secrets.token_urlsafe(18)
    until = time.monotonic() + world.knobs.response_url_seconds
    world.response_urls[secret] = ResponseUrl(channel, user, source, until)
    return f"{world.url}/response/{secret}"


def respond(world: World, secret: str, body: bytes) -> tuple[int, Json]:
    """Do what a POST to a response_url asks; return HTTP status and answer."""
    url = world.response_urls.get(secret)
    if url is None or time.monotonic() > url.until:
        return 404, {"ok": False, "error": "expired_url"}
    if url.uses >= _USES:
        return 404, {"ok": False, "error": "used_url"}
    try:
        said = json.loads(body)
    except ValueError:
        return 400, {"ok": False, "error": "invalid_payload"}
    url.uses += 1
    try:
        _apply(world, url, said)
    except Refused as refused:
        return 400, refused.answer
    return 200, {"ok": True}


def _apply(world: World, url: ResponseUrl, said: Json) -> None:
    for name in set(said) - _KNOWN:
        world.complain(f"a response_url takes no {name}")
    world.responses.append({"channel": url.channel, "user": url.user, **said})
    source = url.source
    if said.get("delete_original") and source:
        _drop(world, source)
        return
    shown = content(world, said, _CHARS, "response_url")
    if said.get("replace_original") and source:
        source.pop("blocks", None)
        source.update(shown)
        return
    if said.get("thread_ts"):
        shown["thread_ts"] = said["thread_ts"]
    if said.get("response_type") == "in_channel":
        channel = world.channels[url.channel]
        world.announce_message(channel, world.post(channel, world.bot_message(shown)))
    else:
        whisper(world, url.channel, url.user, {**shown, "via": "response_url"})


def _drop(world: World, source: Json) -> None:
    if source in world.ephemerals:
        world.ephemerals.remove(source)
    else:
        channel = world.channels[source["channel"]]
        world.remove(channel, source)
