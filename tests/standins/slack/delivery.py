"""What Slack sends to the bot: over Socket Mode or signed HTTP, with acks and redeliveries."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
import uuid
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

from tests.standins.slack.values import Ack, Json
from tests.standins.slack.world import APP

if TYPE_CHECKING:
    from tests.standins.slack.world import World

Kind: TypeAlias = Literal["events_api", "slash_commands", "interactive"]

_ENDED = {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One thing to deliver, with all its attempts. tried: the first attempt is over."""

    kind: Kind
    payload: Json
    attempts: int = 0
    acks: list[Ack] = field(default_factory=list)
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ack(self) -> Ack:
        """The last word about it so far."""
        return self.acks[-1] if self.acks else Ack(acked=False, attempts=0)


class Deliveries:
    """The way from Slack to the bot; http_url "" means Socket Mode. sent: everything, in order."""

    def __init__(self, world: World, signing_secret: str) -> None:
        self.world = world
        self.http_url = ""
        self.sent: list[Delivery] = []
        self.sockets: list[web.WebSocketResponse] = []
        self._secret = signing_secret
        self._tickets: set[str] = set()
        self._waiting: dict[str, tuple[asyncio.Future[Json], Delivery, int]] = {}
        self._known: dict[str, Kind] = {}
        self._transports: dict[int, asyncio.Transport] = {}
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._http = aiohttp.ClientSession()

    async def close(self) -> None:
        """End all deliveries and connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in list(self.sockets):
            await socket.close()
        await self._http.close()

    # --- one delivery ----------------------------------------------------------------------------

    def send(self, kind: Kind, payload: Json) -> Delivery:
        """Start to deliver."""
        delivery = Delivery(kind=kind, payload=deepcopy(payload))
        self.sent.append(delivery)
        task = asyncio.create_task(self._drive(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return delivery

    async def _drive(self, delivery: Delivery) -> None:
        waits = self.world.knobs.retry_waits if delivery.kind == "events_api" else ()
        reason = ""
        for number, wait in enumerate((0.0, *waits)):
            await asyncio.sleep(wait)
            started = time.monotonic()
            delivery.attempts += 1
            send = self._by_http if self.http_url else self._by_socket
            found, status, reason = await send(delivery, number, reason)
            ack = Ack(
                acked=not reason,
                payload=found,
                attempts=number + 1,
                status=status,
                seconds=time.monotonic() - started,
            )
            delivery.acks.append(ack)
            delivery.tried.set()
            if not reason or reason == "no_retry":
                break
        delivery.ended.set()

    async def _by_socket(
        self, delivery: Delivery, number: int, reason: str
    ) -> tuple[Json, int, str]:
        live = [socket for socket in self.sockets if not socket.closed]
        if not live:
            return {}, 0, "timeout"
        self._turn += 1
        chosen = live[self._turn % len(live)]
        envelope_id = str(uuid.uuid4())
        envelope = {
            "envelope_id": envelope_id,
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": number, "retry_reason": reason}
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = (answer, delivery, id(chosen))
        self._known[envelope_id] = delivery.kind
        try:
            await chosen.send_json(envelope)
            return await asyncio.wait_for(answer, self.world.knobs.ack_seconds), 0, ""
        except (TimeoutError, ConnectionError):
            return {}, 0, "timeout"
        finally:
            del self._waiting[envelope_id]

    async def _by_http(self, delivery: Delivery, number: int, reason: str) -> tuple[Json, int, str]:
        body, headers = self.signed(delivery.kind, delivery.payload)
        if number:
            headers |= {"x-slack-retry-num": str(number), "x-slack-retry-reason": reason}
        limit = aiohttp.ClientTimeout(total=self.world.knobs.ack_seconds)
        try:
            async with self._http.post(
                self.http_url, data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                text = await response.text()
        except TimeoutError:
            return {}, 0, "http_timeout"
        except aiohttp.ClientError:
            return {}, 0, "connection_failed"
        if response.status != 200:
            stop = response.headers.get("x-slack-no-retry") == "1"
            return {}, response.status, "no_retry" if stop else "http_error"
        return _http_payload(text), 200, ""

    def signed(
        self, kind: Kind, payload: Json, *, secret: str | None = None, age: float = 0
    ) -> tuple[bytes, dict[str, str]]:
        """Return body and headers of an HTTP delivery, as old as age (seconds)."""
        content_type = "application/x-www-form-urlencoded"
        if kind == "events_api":
            body, content_type = json.dumps(payload).encode(), "application/json"
        elif kind == "interactive":
            body = urlencode({"payload": json.dumps(payload)}).encode()
        else:
            body = urlencode(payload).encode()
        stamp = str(int(time.time() - age))
        key = (self._secret if secret is None else secret).encode()
        digest = hmac.new(key, f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        return body, {
            "content-type": content_type,
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": f"v0={digest}",
            "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }

    async def knock(
        self, kind: Kind, payload: Json, *, secret: str | None = None, age: float = 0
    ) -> int:
        """POST once, perhaps with a wrong secret or an old timestamp; return the HTTP status."""
        body, headers = self.signed(kind, payload, secret=secret, age=age)
        async with self._http.post(self.http_url, data=body, headers=headers) as response:
            return response.status

    # --- Socket Mode -----------------------------------------------------------------------------

    def new_socket_url(self) -> Json:
        """Issue the address of a new connection, good for one use."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        place = self.world.url.replace("http", "ws", 1)
        return {"url": f"{place}/link/?ticket={ticket}&app_id={APP}"}

    async def serve_socket(self, request: web.Request) -> web.StreamResponse:
        """Be one Socket Mode connection."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=404, text="no such ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(timeout=1)
        await socket.prepare(request)
        hello = {"type": "hello", "num_connections": len(self.sockets) + 1}
        hello |= {"connection_info": {"app_id": APP}}
        await socket.send_json(hello | {"debug_info": {"approximate_connection_time": 18060}})
        self.sockets.append(socket)
        if request.transport:
            self._transports[id(socket)] = request.transport
        try:
            async for frame in socket:
                if frame.type in _ENDED:
                    break
                self._receive(str(frame.data))
        finally:
            self.sockets.remove(socket)
            self._transports.pop(id(socket), None)
            for _, delivery, place in self._waiting.values():
                if place == id(socket):
                    delivery.tried.set()
        return socket

    def _receive(self, frame: str) -> None:
        message = {}
        with suppress(ValueError):
            message = json.loads(frame)
        envelope_id = message.get("envelope_id")
        if envelope_id not in self._known:
            self.world.complain(f"this is no ack of anything: {frame[:200]}")
            return
        payload = message.get("payload") or {}
        if payload and self._known[envelope_id] == "events_api":
            self.world.complain(f"an event takes no payload in its ack: {frame[:200]}")
        waiting = self._waiting.get(envelope_id)
        if waiting and not waiting[0].done():
            waiting[0].set_result(payload)

    async def disconnect(self, reason: str) -> None:
        """Send a disconnect frame to all connections; link_disabled also closes them."""
        frame = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink"}}
        for socket in list(self.sockets):
            with suppress(ConnectionError):
                await socket.send_json(frame)
                if reason == "link_disabled":
                    await socket.close()

    def abort(self) -> None:
        """Cut all connections without a word."""
        for transport in self._transports.values():
            transport.abort()


def _http_payload(text: str) -> Json:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {"text": text}
    return found if isinstance(found, dict) else {"text": text}
