"""A strict loopback stand-in for the Gemini API: refuses what the real service refuses.

In a test::

    async with GeminiStandin() as gemini:
        gemini.plan(Fault(kind="error", status=503, times=2))
        ...  # call gemini.url with the key gemini.key
        assert gemini.billed == 1

As its own process, started from the repository root (prints its URL as the first line)::

    python -m tests.standins.gemini --port 0 --data seen.json

and then ``GET /_seen``, ``GET /_counts``, ``POST /_plan`` with ``{"faults": [Fault fields],
"behaviour": {Behaviour fields}, "hold": bool}``, ``POST /_release`` and ``POST /_reset``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import logging
import re
import signal
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.standins.gemini_answers import (
    JSON_TYPE,
    Behaviour,
    Fault,
    FixedAnswer,
    Reply,
    compose,
    encode,
    planned_error,
    refusal,
)
from tests.standins.gemini_rules import (
    MODELS,
    Book,
    Message,
    Model,
    Order,
    Provider,
    Refused,
    check,
    decode_base64,
    key_invalid,
    model_gone,
)

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Behaviour", "Fault", "GeminiStandin", "Seen"]

_SLICE = 64 * 1024
_DRIPS = 20
_TOO_LARGE = 413
_SECRET_HEADERS = {"x-goog-api-key", "authorization"}


@dataclass(slots=True, kw_only=True)
class Seen:
    """One request that arrived, and what became of it.

    number: counts generateContent calls from 1; 0 for other requests. body: parsed; inline data is
    ``{"mimeType", "bytes", "sha256"}``, a signature ``{"chars", "sha256"}``. status: 0 until, or
    unless, something was answered. error: message of a refusal. fault: its kind. billed: an answer
    was made, whoever received it. written: it went out whole. arrived, answered: Unix time.
    """

    number: int
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    status: int = 0
    error: str = ""
    fault: str = ""
    billed: bool = False
    written: bool = False
    remarks: list[str] = field(default_factory=list)
    arrived: float = field(default_factory=time.time)
    answered: float = 0


class GeminiStandin:
    """The service, on 127.0.0.1. fast: every call gets this answer, and nothing is checked.

    requests: everything seen but the ``/_`` paths. waiting: calls held or delayed now.
    """

    def __init__(
        self,
        *,
        provider: Provider = "google",
        key: str = "test-key",
        port: int = 0,
        behaviour: Behaviour | None = None,
        fast: FixedAnswer | None = None,
    ) -> None:
        self.provider: Provider = provider
        self.key = key
        self.behaviour = self._initial = behaviour or Behaviour()
        self.requests: list[Seen] = []
        self.waiting = 0
        self.url = ""
        self._port = port
        self._fast = fast
        self._book = Book()
        self._faults: list[Fault] = []
        self._calls = 0
        self._protocol_errors = _ProtocolErrors()
        self._gate = asyncio.Event()
        self._gate.set()
        self._closing = asyncio.Event()
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(
            app, access_log=None, logger=self._protocol_errors.logger, shutdown_timeout=1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=4096).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        self._gate.set()
        if self._runner:
            await self._runner.cleanup()

    @property
    def calls(self) -> list[Seen]:
        """The generateContent requests, in the order of their arrival."""
        return [seen for seen in self.requests if seen.number]

    @property
    def billed(self) -> int:
        """How many answers were made, whoever received them."""
        return sum(seen.billed for seen in self.requests)

    @property
    def remarks(self) -> list[str]:
        """What was legal but unwise, and what was no HTTP at all."""
        said = [f"call {seen.number}: {text}" for seen in self.requests for text in seen.remarks]
        return said + self._protocol_errors.texts

    def plan(self, *faults: Fault) -> None:
        """Add faults; the first that fits a call strikes it."""
        self._faults.extend(faults)

    def behave(self, **changes: Any) -> None:  # noqa: ANN401  # the fields of Behaviour
        """Change how the service answers from now on."""
        self.behaviour = replace(self.behaviour, **changes)

    def hold(self) -> None:
        """Let every call wait, once it is read and accepted, until ``release``."""
        self._gate.clear()

    def release(self) -> None:
        """Answer everything that waits, at once, and hold nothing more."""
        self._gate.set()

    async def until_waiting(self, count: int) -> None:
        """Wait until so many calls wait."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.waiting >= count)

    async def until_ended(self, count: int) -> None:
        """Wait until so many requests are answered, or given up."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: sum(bool(seen.answered) for seen in self.requests) >= count
            )

    def reset(self) -> None:
        """Forget all requests, faults and changes; signatures stay valid."""
        self.requests.clear()
        self._faults.clear()
        self._protocol_errors.texts.clear()
        self._calls = 0
        self.behaviour = self._initial
        self.release()

    def seen(self) -> Message:
        """Everything seen, as JSON."""
        requests = [asdict(seen) for seen in self.requests]
        return {"requests": requests, "billed": self.billed, "remarks": self.remarks}

    def save(self, path: Path) -> None:
        """Write everything seen, and the signatures that were issued, to a JSON file."""
        path.write_text(json.dumps(self.seen() | {"signatures": self._book.saved()}))

    def load(self, path: Path) -> None:
        """Accept the signatures that an earlier stand-in issued and saved."""
        self._book.load(json.loads(path.read_text())["signatures"])

    # --- one request -----------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/_"):
            return await self._control(request)
        seen = Seen(number=0, method=request.method, path=request.path)
        self.requests.append(seen)
        try:
            if self._fast and request.method == "POST":
                return await self._serve_fast(request, seen, self._fast)
            seen.headers = {name.lower(): _masked(name, v) for name, v in request.headers.items()}
            return await self._dispatch(request, seen)
        except Refused as refused:
            seen.error = refused.message
            wrap = "html" if refused.status == _TOO_LARGE and self.behaviour.html_413 else ""
            return await self._send(request, seen, refusal(refused, wrap))
        except (ConnectionError, web.RequestPayloadError) as error:
            if not seen.status:
                seen.remarks.append(f"the connection ended: {error}")
            return _disconnect(request)
        finally:
            seen.answered = time.time()
            await self._notify()

    async def _dispatch(self, request: web.Request, seen: Seen) -> web.StreamResponse:
        path = re.fullmatch(r"/(v1|v1beta)/models(?:/([^/:]+)(?::(\w+))?)?", request.path)
        if not path or (path[1] == "v1" and self.provider != "google"):
            raise Refused("Requested entity was not found.", 404)
        version, model_id, verb = path.groups()
        if request.method == "POST" and verb == "generateContent":
            return await self._generate(request, seen, version, model_id)
        if request.method != "GET" or verb:
            raise Refused("Requested entity was not found.", 404)
        self._check_key(request, seen)
        body = {"models": [_described(model) for model in self._models().values()]}
        if model_id:
            body = _described(self._model(model_id, version))
        return await self._send(request, seen, Reply(body=json.dumps(body).encode()))

    def _models(self) -> dict[str, Model]:
        models = MODELS[self.provider].items()
        return {name: model for name, model in models if name not in self.behaviour.retired}

    def _model(self, model_id: str, version: str) -> Model:
        if model_id not in self._models():
            raise model_gone(model_id, version)
        return self._models()[model_id]

    def _check_key(self, request: web.Request, seen: Seen) -> None:
        if "key" in request.query:
            seen.remarks.append("there is a key in the URL")
        key = request.headers.get("x-goog-api-key")
        if key is None:
            raise Refused(
                "Method doesn't allow unregistered callers (callers without established identity). "
                "Please use API Key or other form of API consumer identity to call this API.",
                403,
            )
        if key != self.key:
            raise key_invalid()

    async def _generate(
        self, request: web.Request, seen: Seen, version: str, model_id: str
    ) -> web.StreamResponse:
        seen.number = self._calls = self._calls + 1
        if self._struck(seen, "", unread=True):
            return _disconnect(request)
        body = await self._read(request, seen)
        seen.body = await asyncio.to_thread(_parsed, body)
        self._check_key(request, seen)
        order = await asyncio.to_thread(
            check,
            body,
            model=self._model(model_id, version),
            provider=self.provider,
            version=version,
            owner=hashlib.sha256(f"{self.key} {model_id}".encode()).hexdigest(),
            book=self._book,
        )
        del body
        seen.remarks.extend(order.remarks)
        fault = self._struck(seen, order.prompt)
        await self._wait()
        return await self._answer(request, seen, order, fault)

    async def _read(self, request: web.Request, seen: Seen) -> bytes:
        length, most = request.content_length, self.behaviour.body_limit
        if length is None:
            raise Refused("POST requests require a Content-length header.", 411)
        if length > most:
            raise Refused(f"Request payload size exceeds the limit: {most} bytes.", _TOO_LARGE)
        if request.content_type != "application/json":
            seen.remarks.append(f"the Content-Type is {request.content_type}")
        body = bytearray()
        async for block in request.content.iter_any():
            body += block
        return bytes(body)

    def _struck(self, seen: Seen, prompt: str, *, unread: bool = False) -> Fault | None:
        for index, fault in enumerate(self._faults):
            if (fault.kind == "refuse") == unread and fault.strikes(seen.number, prompt):
                if fault.times == 1:
                    del self._faults[index]
                elif fault.times:
                    self._faults[index] = replace(fault, times=fault.times - 1)
                seen.fault, seen.billed = fault.kind, bool(fault.billed)
                return fault
        return None

    async def _wait(self) -> None:
        self.waiting += 1
        await self._notify()
        await self._gate.wait()
        await self._pause(self.behaviour.delay)
        self.waiting -= 1
        if self._closing.is_set():
            raise ConnectionAbortedError("the stand-in was stopped")

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    async def _answer(
        self, request: web.Request, seen: Seen, order: Order, fault: Fault | None
    ) -> web.StreamResponse:
        if fault and fault.kind in {"hang", "disconnect"}:
            if fault.kind == "hang":
                await self._closing.wait()
            return _disconnect(request)
        if fault and (error := planned_error(fault)):
            return await self._send(request, seen, error)
        body = await asyncio.to_thread(self._made, order, seen.number, fault)
        seen.billed = fault is None or fault.billed is not False
        if fault and fault.kind == "slow":
            await self._pause(fault.seconds)
        return await self._send(request, seen, Reply(body=body), fault)

    def _made(self, order: Order, number: int, fault: Fault | None) -> bytes:
        answer = compose(
            order,
            number=number,
            fault=fault,
            signature_chars=self.behaviour.signature_chars,
            book=self._book,
        )
        return encode(answer, self.behaviour)

    async def _send(
        self, request: web.Request, seen: Seen, reply: Reply, fault: Fault | None = None
    ) -> web.StreamResponse:
        seen.status = reply.status
        if fault and fault.kind == "cut":
            return _cut(request, reply, fault)
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        if self.behaviour.chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = len(reply.body)
        await response.prepare(request)
        drip = fault is not None and fault.kind == "drip"
        size = max(1, len(reply.body) // _DRIPS) if drip else _SLICE
        for start in range(0, len(reply.body), size):
            if fault and drip and start:
                await self._pause(fault.seconds / _DRIPS)
            await response.write(reply.body[start : start + size])
        seen.written = True
        return response

    async def _serve_fast(
        self, request: web.Request, seen: Seen, answer: FixedAnswer
    ) -> web.StreamResponse:
        seen.number = self._calls = self._calls + 1
        async for _ in request.content.iter_any():
            pass
        await self._wait()
        seen.billed, seen.status = True, 200
        pieces = answer.numbered(seen.number)
        response = web.StreamResponse(headers={"Content-Type": JSON_TYPE})
        response.content_length = sum(map(len, pieces))
        await response.prepare(request)
        for piece in pieces:
            for start in range(0, len(piece), _SLICE):
                await response.write(piece[start : start + _SLICE])
        seen.written = True
        return response

    # --- the questions and orders of a test ------------------------------------------------------

    async def _control(self, request: web.Request) -> web.Response:
        if request.path == "/_seen":
            return web.json_response(self.seen())
        if request.path == "/_counts":
            counts = {"calls": self._calls, "waiting": self.waiting, "billed": self.billed}
            return web.json_response(counts)
        if request.path == "/_plan":
            try:
                self._planned(await request.json())
            except (TypeError, ValueError) as error:
                return web.Response(status=400, text=str(error))
        elif request.path == "/_release":
            self.release()
        elif request.path == "/_reset":
            self.reset()
        else:
            return web.Response(status=404)
        return web.json_response({})

    def _planned(self, data: Message) -> None:
        faults = [Fault(**fault) for fault in data.get("faults", [])]
        self.behave(**data.get("behaviour", {}))
        self.plan(*faults)
        if data.get("hold"):
            self.hold()


class _ProtocolErrors(logging.Handler):
    """Collects what the HTTP server complains about, such as bytes after the end of a body."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.logger = logging.Logger("gemini")  # noqa: LOG001  # its own, of no other's business
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith(("Error", "Unhandled")):
            error = record.exc_info[1] if record.exc_info else None
            self.texts.append(f"{record.getMessage()}: {error!r}")


def _disconnect(request: web.Request) -> web.StreamResponse:
    if request.transport:
        request.transport.abort()
    return web.Response()


def _cut(request: web.Request, reply: Reply, fault: Fault) -> web.StreamResponse:
    part = reply.body[: fault.after]
    framing = {
        "length": f"Content-Length: {len(reply.body)}",
        "chunked": "Transfer-Encoding: chunked",
        "close": "Connection: close",
    }[fault.framing]
    if fault.framing == "chunked":
        part = b"%x\r\n%b\r\n" % (len(part), part)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {JSON_TYPE}\r\n{framing}\r\n\r\n"
    if transport := request.transport:
        transport.write(head.encode() + part)
        if fault.framing == "length":
            reset_on_close = struct.pack("ii", 1, 0)
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset_on_close)
        transport.close()
    return web.Response()


def _described(model: Model) -> Message:
    return {
        "name": f"models/{model.id}",
        "displayName": model.id,
        "inputTokenLimit": model.window,
        "outputTokenLimit": model.most_out,
        "supportedGenerationMethods": ["generateContent", "batchGenerateContent"],
    }


def _masked(name: str, value: str) -> str:
    if name.lower() not in _SECRET_HEADERS:
        return value
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:8]}"


def _parsed(body: bytes) -> object:
    try:
        return _without_bytes(json.loads(body))
    except ValueError:
        return None


def _without_bytes(value: object) -> object:
    if isinstance(value, list):
        return [_without_bytes(item) for item in value]
    if not isinstance(value, dict):
        return value
    short: dict[str, object] = {}
    for name, item in value.items():
        if name in {"inlineData", "inline_data"} and isinstance(item, dict):
            short[name] = _blob_digest(item)
        elif name in {"thoughtSignature", "thought_signature"} and isinstance(item, str):
            digest = hashlib.sha256(item.encode(errors="replace")).hexdigest()
            short[name] = {"chars": len(item), "sha256": digest}
        else:
            short[name] = _without_bytes(item)
    return short


def _blob_digest(blob: Message) -> Message:
    data = str(blob.get("data", ""))
    try:
        decoded = decode_base64(data)
    except ValueError:
        return {"invalid": data[:80], "chars": len(data)}
    return {
        "mimeType": blob.get("mimeType", blob.get("mime_type")),
        "bytes": len(decoded),
        "sha256": hashlib.sha256(decoded).hexdigest(),
    }


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A loopback stand-in for the Gemini API.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--provider", choices=list(MODELS), default="google")
    parser.add_argument("--key", default="test-key")
    parser.add_argument("--data", type=Path, help="read at the start, written at the end")
    parser.add_argument("--delay", type=float, default=0, help="seconds before each answer")
    parser.add_argument("--signature-chars", type=int, default=800)
    parser.add_argument("--fast", action="store_true", help="one fixed answer, nothing checked")
    parser.add_argument("--image-bytes", type=int, default=1_500_000, help="with --fast")
    return parser.parse_args(argv)


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    chars, data = arguments.signature_chars, arguments.data
    gemini = GeminiStandin(
        provider=arguments.provider,
        key=arguments.key,
        port=arguments.port,
        behaviour=Behaviour(delay=arguments.delay, signature_chars=chars),
        fast=FixedAnswer(arguments.image_bytes, chars) if arguments.fast else None,
    )
    if data and data.exists():
        gemini.load(data)
    async with gemini:
        sys.stdout.write(f"{gemini.url}\n")
        sys.stdout.flush()
        await stop.wait()
    if data:
        gemini.save(data)


if __name__ == "__main__":
    asyncio.run(serve(_arguments(None)))
