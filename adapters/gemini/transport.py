"""The way to Gemini: httpx over one aiohttp session, and a request body that streams from blobs.

Bodies of megabytes cost half the CPU of httpx's own transport (measured with 5 x 6 MB).
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pybase64
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream

from adapters.gemini.wire import Base64Of
from bot import __version__
from bot.errors import ThreadpaintError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    from adapters.gemini.wire import Body, Segment
    from bot.ports import BlobStore

_RAW_BLOCK = 384 * 1024  # a multiple of 3, so base64 has no padding in the middle
_READ_BLOCK = 256 * 1024
_READ_BUFFER = 32 * 1024  # of each connection: what a thousand answers at once cost
_KEEPALIVE = {"TCP_KEEPIDLE": 45, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 8}


def open_http(key: str) -> httpx.AsyncClient:
    """Make the client; it connects, and reads the proxies' variables, at its first request."""
    return httpx.AsyncClient(
        transport=_Transport(verify=_tls()),
        trust_env=False,
        headers={
            "x-goog-api-key": key,
            "accept-encoding": "identity",
            "connection": "close",
            "user-agent": f"threadpaint/{__version__}",
        },
    )


class Upload:
    """A request body on its way out, block by block.

    started: whether a byte of it may have been sent. error: why it could not be read to its end.
    deadline: the caller's guard; moved on by ``seconds`` with each block, lifted at the end.
    """

    def __init__(
        self,
        body: Body,
        *,
        blobs: BlobStore,
        workspace: str,
        seconds: float,
        sent: Callable[[], Awaitable[None]],
    ) -> None:
        """Take the body and whose blobs are in it. sent: awaited once all of it went out."""
        self.started = False
        self.error: ThreadpaintError | OSError | None = None
        self.deadline = asyncio.timeout(None)
        self._body = body
        self._blobs = blobs
        self._workspace = workspace
        self._seconds = seconds
        self._sent = sent

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the blocks; lets the loop go on after each, however fast the network is."""
        self.started = True
        loop = asyncio.get_running_loop()
        try:
            for segment in self._body.segments:
                async for block in self._blocks(segment):
                    self._move_deadline(loop.time() + self._seconds)
                    yield block
                    await asyncio.sleep(0)
        except (ThreadpaintError, OSError) as error:
            self.error = error
            raise
        self._move_deadline(None)
        await self._sent()

    async def _blocks(self, segment: Segment) -> AsyncIterator[bytes]:
        if isinstance(segment, bytes):
            yield segment
            return
        size = 0
        blocks = self._blobs.blocks(self._workspace, segment.blob.digest, _RAW_BLOCK)
        async for block in blocks:
            size += len(block)
            yield pybase64.b64encode(block) if isinstance(segment, Base64Of) else block
        if size != segment.blob.size:
            raise OSError(f"blob {segment.blob.digest} has {size} bytes, not {segment.blob.size}")

    def _move_deadline(self, when: float | None) -> None:
        with suppress(RuntimeError):  # the answer came before the body was sent
            self.deadline.reschedule(when)


class _Transport(AiohttpTransport):
    """aiohttp without its limits: no cap on connections, no time-out of its own.

    Every connection is used once: a server may close an idle one just when a paid call is on it.
    """

    def get_client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, force_close=True, ssl=self.ssl_context, socket_factory=_socket
            ),
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=_READ_BUFFER,
            trust_env=True,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if isinstance(response.stream, AiohttpResponseStream) and not _compressed(response):
            response.stream.CHUNK_SIZE = _READ_BLOCK
        return response


@cache
def _tls() -> ssl.SSLContext:
    """Trust certifi's authorities and those of this machine (a company's proxy); takes 0.1 s."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context


def _compressed(response: httpx.Response) -> bool:
    """Whether a small block may become a huge one (it was asked not to be)."""
    return bool(response.headers.get("content-encoding", "identity") != "identity")


def _socket(address: tuple[Any, ...]) -> socket.socket:
    """Open a socket that stays alive: an answer may take longer than routers remember it."""
    family, kind, protocol, *_ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return opened
