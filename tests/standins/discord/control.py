"""The stand-in as its own process: what another process asks and orders under ``/_control/``."""

from __future__ import annotations

import argparse
import asyncio
import base64
import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.standins.discord.interactions import Interaction
from tests.standins.discord.values import DiscordFile, Fault, Json

if TYPE_CHECKING:
    from tests.standins.discord.server import DiscordStandin

ORDERS = (
    "person", "guild", "channel", "direct", "private", "role", "join", "leave", "permissions",
    "remove_channel", "say", "post", "start_thread", "edit", "delete", "react", "archive", "lock",
    "slash", "complete", "menu", "click", "submit", "messages", "message", "thread_of", "threads",
    "ephemerals", "modals", "disconnect", "invalidate", "expire_links",
)  # fmt: skip
"""People-side helpers that may be called by name, with their arguments as a JSON object."""


def seen(discord: DiscordStandin) -> Json:
    """Return everything that happened, as JSON."""
    world = discord.world
    return {
        "messages": {place: discord.messages(place) for place in world.channels},
        "threads": {c.id: c.parent for c in world.channels.values() if c.thread},
        "ephemerals": {p.id: discord.ephemerals(p.id) for p in world.people.values()},
        "interactions": [_told(one) for one in world.interactions.values()],
        "commands": world.commands,
        "calls": [asdict(call) for call in discord.all_calls],
        "complaints": discord.complaints,
        "leaks": discord.leaks,
        "pings": discord.pings,
        "connections": discord.connections,
        "identifies": discord.identifies,
        "resumes": discord.resumes,
    }


def _told(made: Interaction) -> Json:
    names = ("id", "token", "type", "response", "deferred", "ephemeral", "seconds", "failed")
    more = ("loading", "answers", "modal", "choices")
    return {name: getattr(made, name) for name in (*names, *more)}


async def serve_control(discord: DiscordStandin, request: web.Request) -> web.Response:
    """Answer ``GET seen``, ``POST plan {"faults": [..]}``, ``POST set {knob: value}``, or an order.

    A file, in ``files`` or as an option, is ``{"name", "base64", ...}``.
    """
    sent: Json = await request.json() if request.can_read_body else {}
    try:
        result = await _obey(discord, request.match_info["verb"], _with_files(sent))
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        return web.json_response({"error": repr(error)}, status=400)
    return web.json_response({"result": result})


async def _obey(discord: DiscordStandin, verb: str, sent: Any) -> Any:  # noqa: ANN401  # any JSON
    if verb == "seen":
        return seen(discord)
    if verb == "pictures":
        return [base64.b64encode(one).decode() for one in discord.pictures(sent["message"])]
    if verb == "plan":
        discord.plan(*(Fault(**fault) for fault in sent["faults"]))
    elif verb == "set":
        for name, value in sent.items():
            getattr(discord.knobs, name)
            setattr(discord.knobs, name, value)
    elif verb in ORDERS:
        result = getattr(discord, verb)(**sent)
        result = await result if asyncio.iscoroutine(result) else result
        return _told(result) if isinstance(result, Interaction) else result
    else:
        raise ValueError(f"no such order: {verb}")
    return None


def _with_files(sent: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(sent, list):
        return [_with_files(item) for item in sent]
    if not isinstance(sent, dict):
        return sent
    if "base64" in sent:
        rest = {name: value for name, value in sent.items() if name != "base64"}
        return DiscordFile(data=base64.b64decode(sent["base64"]), **rest)
    return {name: _with_files(item) for name, item in sent.items()}


async def serve(discord: DiscordStandin) -> None:
    """Serve until SIGTERM or SIGINT; the first line printed is the URL."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with discord:
        sys.stdout.write(f"{discord.url}\n")
        sys.stdout.flush()
        await stop.wait()


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="A loopback stand-in for Discord.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--no-message-content", action="store_true")
    return parser.parse_args(argv)
