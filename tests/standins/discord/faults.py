"""The faults that wait for a request, and how they look on the wire."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from tests.standins.discord.values import CODES, Refused

if TYPE_CHECKING:
    from tests.standins.discord.values import Call, Fault, Json

VIA = {"Via": "1.1 google"}


class Faults:
    """The faults that still wait."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def strike(self, call: Call) -> Fault | None:
        """Take the first fault that fits this call; fitting ones with a skip count it."""
        text = ""
        for index, fault in enumerate(self.waiting):
            if fault.route != call.route or fault.method not in {"", call.method}:
                continue
            if fault.containing:
                text = text or call.path + json.dumps(call.arguments, ensure_ascii=False)
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


def reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Make an answer; Content-Type is exactly ``application/json``, as the library wants."""
    if body is None:
        return web.Response(status=status, headers={**VIA, **(headers or {})})
    sent = {"Content-Type": "application/json", **VIA, **(headers or {})}
    return web.Response(status=status, body=json.dumps(body).encode(), headers=sent)


def limited(wait: float, *, everywhere: bool = False, scope: str = "user") -> web.Response:
    """Return Discord's 429; scope: user, shared or global."""
    body: Json = {"message": "You are being rate limited.", "retry_after": round(wait, 3)}
    headers = {
        "Retry-After": str(max(1, round(wait))),
        "X-RateLimit-Scope": "global" if everywhere else scope,
        "X-RateLimit-Limit": "5",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset-After": f"{wait:.3f}",
    }
    if everywhere:
        headers["X-RateLimit-Global"] = "true"
    return reply({**body, "global": everywhere}, 429, headers)


def cloudflare() -> web.Response:
    """Return what a banned address gets: a 429 page without Via."""
    page = "<html><title>Access denied | discord.com used Cloudflare</title>error code: 1015</html>"
    return web.Response(status=429, text=page, content_type="text/html")


def faulty(fault: Fault) -> web.Response:
    """Return the answer of a fault that answers at once."""
    if fault.kind == "429":
        return limited(fault.retry_after, everywhere=fault.global_)
    if fault.kind == "error":
        refused = Refused(fault.code)
        return reply(refused.answer, fault.status or CODES[fault.code][0])
    if fault.kind == "413":
        return reply(Refused(40005).answer, 413)
    if fault.kind == "cloudflare":
        return cloudflare()
    status = 502 if fault.kind == "html" else int(fault.kind)
    page = "<html><head><title>upstream is unwell</title></head></html>"
    return web.Response(status=status, text=page, content_type="text/html", headers=VIA)


async def truncated(request: web.Request, whole: web.Response) -> web.Response:
    """Send half of an answer and close the connection."""
    body = whole.body if isinstance(whole.body, bytes) else b""
    head = f"HTTP/1.1 {whole.status} OK\r\nContent-Type: application/json\r\nVia: 1.1 google\r\n"
    if request.transport:
        head += f"Content-Length: {len(body)}\r\n\r\n"
        request.transport.write(head.encode() + body[: len(body) // 2])
        request.transport.close()
    return web.Response()
