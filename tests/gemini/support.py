"""What the tests of the Gemini adapter share: blobs, a sink, and a model on a loopback server."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from adapters.gemini.client import GeminiModel, Timeouts
from bot.conversation import Blob, BlobPart, Content, Contents, TextPart
from bot.options import GenerationOptions
from storage.blobs import FileBlobStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY = "AIzaSyCanary0123456789"
WORKSPACE = "T1"


def store(blobs: FileBlobStore, data: bytes, mime_type: str = "image/png") -> Blob:
    writer = blobs.writer(WORKSPACE)
    writer.write(data)
    return Blob(digest=blobs.keep(writer), mime_type=mime_type, size=len(data))


def load(blobs: FileBlobStore, blob: Blob) -> bytes:
    return blobs._find(WORKSPACE, blob.digest).read_bytes()


def ask(*parts: str | Blob, system: str = "") -> Contents:
    """Make contents of one user content."""
    said = tuple(TextPart(text=p) if isinstance(p, str) else BlobPart(blob=p) for p in parts)
    return Contents(
        workspace=WORKSPACE, contents=(Content(role="user", parts=said),), system=system
    )


class MemorySink:
    """A spool in memory; restarts counts how often it was told to forget."""

    def __init__(self) -> None:
        self.data = b""
        self.restarts = 0

    def write(self, data: bytes) -> None:
        self.data += data

    def restart(self) -> None:
        self.data = b""
        self.restarts += 1


@dataclass
class Caller:
    """A model with everything about its calls written down. waits: seconds it would have slept."""

    model: GeminiModel
    blobs: FileBlobStore
    sink: MemorySink = field(default_factory=MemorySink)
    notes: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    async def call(
        self, contents: Contents | None = None, options: GenerationOptions | None = None
    ) -> bytes:
        contents, options = contents or ask("a fox"), options or GenerationOptions()
        await self.model.call(contents, options, self.sink, self.notes.append)
        return self.sink.data


@contextlib.asynccontextmanager
async def caller(
    url: str,
    folder: Path,
    **settings: Any,  # noqa: ANN401 - what GeminiModel takes
) -> AsyncIterator[Caller]:
    """Make a model that sleeps in no time and has no jitter: it waits 2 s, then 6 s."""
    blobs = FileBlobStore(folder / "blobs")
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    given: dict[str, Any] = {
        "provider": "google",
        "key": KEY,
        "key_name": "GEMINI_API_KEY",
        "model": "gemini-3.1-flash-image",
        "timeouts": Timeouts(connect=5, write=5, read=5, long_read=5),
        "jitter": lambda: 0.5,
    }
    model = GeminiModel(base_url=url, blobs=blobs, sleep=sleep, **given | settings)
    try:
        yield Caller(model=model, blobs=blobs, waits=waits)
    finally:
        await model.close()


class Line:
    """One connection of the raw server, in the hands of an act."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def head(self) -> bytes:
        """Read the head of the request."""
        return await self._reader.readuntil(b"\r\n\r\n")

    async def request(self) -> bytes:
        """Read the whole request."""
        head = await self.head()
        length = re.search(rb"content-length: (\d+)", head.lower())
        return head + await self._reader.readexactly(int(length[1]) if length else 0)

    async def end(self) -> None:
        """Read until the other side ends."""
        await self._reader.read()

    async def say(self, data: bytes) -> None:
        """Write bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        """Read the whole request and answer it."""
        await self.request()
        await self.say(reply(status, body, **headers))

    async def silence(self) -> None:
        """Say nothing more until the end of the test."""
        await asyncio.get_running_loop().create_future()

    def reset(self) -> None:
        """Break the connection off without a goodbye."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
        self._writer.transport.abort()


Act: TypeAlias = Callable[[Line], Awaitable[None]]


@dataclass
class Server:
    """A raw server; connections counts those that were made."""

    url: str
    connections: int = 0


@contextlib.asynccontextmanager
async def serving(*acts: Act) -> AsyncIterator[Server]:
    """Serve each connection by the next act, all further ones by the last."""
    server = Server(url="")
    running: list[asyncio.Task[None]] = []

    async def play(act: Act, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                await act(Line(reader, writer))
            finally:
                writer.close()
                await writer.wait_closed()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        act = acts[min(server.connections, len(acts) - 1)]
        server.connections += 1
        running.append(asyncio.create_task(play(act, reader, writer)))

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for task in running:
            task.cancel()
        ends = await asyncio.gather(*running, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


def reply(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    """Write an HTTP answer."""
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
