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

from tests.standins.slack.values import Ack, Fault, Json, SlackFile

if TYPE_CHECKING:
    from tests.standins.slack.server import SlackStandin

ORDERS = (
    "person", "channel", "direct", "group", "say", "edit", "delete", "home", "stop_session",
    "command", "click", "shortcut", "submit", "close_view", "disconnect", "abort_sockets",
    "messages", "status", "event",
)  # fmt: skip
"""People-side helpers that may be called by name, with their arguments as a JSON object."""


def seen(slack: SlackStandin) -> Json:
    """Return everything that happened, as JSON."""
    channels = slack.world.channels.values()
    return {
        "messages": {
            channel.id: [slack.message(channel.id, m["ts"]) for m in channel.messages]
            for channel in channels
        },
        "ephemerals": slack.ephemerals,
        "views": slack.views,
        "homes": slack.homes,
        "statuses": slack.statuses,
        "reactions": slack.reactions,
        "calls": [asdict(call) for call in slack.all_calls],
        "complaints": slack.complaints,
        "leaks": slack.leaks,
        "connections": slack.connections,
        "undelivered": sum(not d.ack.acked for d in slack.deliveries.sent),
    }


async def serve_control(slack: SlackStandin, request: web.Request) -> web.Response:
    """Answer ``GET seen``, ``POST plan {"faults": [..]}``, ``POST set {knob: value}``, or an order.

    A file in ``files`` is ``{"name", "mimetype", "base64"}``.
    """
    verb = request.match_info["verb"]
    sent: Json = await request.json() if request.can_read_body else {}
    try:
        result = await _obey(slack, verb, sent)
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        return web.json_response({"error": repr(error)}, status=400)
    return web.json_response({"result": result})


async def _obey(slack: SlackStandin, verb: str, sent: Json) -> Any:  # noqa: ANN401  # any JSON
    if verb == "seen":
        return seen(slack)
    if verb == "plan":
        slack.plan(*(Fault(**fault) for fault in sent["faults"]))
    elif verb == "set":
        for name, value in sent.items():
            getattr(slack.knobs, name)
            setattr(slack.knobs, name, value)
    elif verb == "http_url":
        slack.http_url = sent["url"]
    elif verb in ORDERS:
        if "files" in sent:
            sent["files"] = [_file(file) for file in sent["files"]]
        result = getattr(slack, verb)(**sent)
        result = await result if asyncio.iscoroutine(result) else result
        return asdict(result) if isinstance(result, Ack) else result
    else:
        raise ValueError(f"no such order: {verb}")
    return None


def _file(file: Json) -> SlackFile:
    data = base64.b64decode(file["base64"])
    return SlackFile(name=file["name"], data=data, mimetype=file.get("mimetype", "image/png"))


async def serve(slack: SlackStandin) -> None:
    """Serve until SIGTERM or SIGINT; the first line printed is the URL."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with slack:
        sys.stdout.write(f"{slack.url}\n")
        sys.stdout.flush()
        await stop.wait()


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="A loopback stand-in for Slack.")
    parser.add_argument("--port", type=int, default=0)
    return parser.parse_args(argv)
