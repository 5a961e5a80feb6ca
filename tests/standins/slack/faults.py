"""The faults that wait for a call, and how they look on the wire."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from tests.standins.slack.values import Fault

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body></body></html>"


class Faults:
    """The faults that still wait for a call."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def strike(self, method: str, arguments: object) -> Fault | None:
        """Take the first fault that fits this call; fitting ones with a skip count it."""
        text = ""
        for index, fault in enumerate(self.waiting):
            if fault.method != method:
                continue
            text = text or json.dumps(arguments, default=str, ensure_ascii=False)
            if fault.containing not in text:
                continue
            if fault.skip:
                self.waiting[index] = replace(fault, skip=fault.skip - 1)
                continue
            if fault.times == 1:
                del self.waiting[index]
            elif fault.times:
                self.waiting[index] = replace(fault, times=fault.times - 1)
            return fault
        return None


def limited(seconds: int) -> web.Response:
    """Return Slack's 429."""
    headers = {"Retry-After": str(seconds)}
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


def faulty(fault: Fault) -> web.Response:
    """Return the answer of a fault that answers at once."""
    if fault.kind == "429":
        return limited(fault.retry_after)
    if fault.kind == "error":
        return web.json_response({"ok": False, "error": fault.error})
    if fault.kind == "html":
        return web.Response(text=LOGIN_PAGE, content_type="text/html")
    return web.Response(status=int(fault.kind), text="<html>upstream is unwell</html>")


async def truncated(request: web.Request, whole: web.Response) -> web.Response:
    """Send half of an answer and close the connection."""
    body = whole.body if isinstance(whole.body, bytes) else b""
    head = f"HTTP/1.1 {whole.status} OK\r\nContent-Type: {whole.content_type}\r\n"
    if request.transport:
        head += f"Content-Length: {len(body)}\r\n\r\n"
        request.transport.write(head.encode() + body[: len(body) // 2])
        request.transport.close()
    return web.Response()
