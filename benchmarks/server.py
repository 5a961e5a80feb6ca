"""The model's place in every measurement: a server process that takes little CPU for itself.

It reads a request away, waits if told to, and sends a file of ``folder`` as the answer, named by
the first piece of the path: ``/NAME/v1beta/models/...`` gets ``folder/NAME``. Nothing is validated;
with ``verify`` the digests of what was sent are kept, which costs time and is never on while
anything is timed. Control: ``/-/hold/COUNT/SECONDS``, ``/-/waiting``, ``/-/log``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 20
_MOST_HEAD = 1 << 16
_BACKLOG = 4096
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Server:
    """Answers requests and remembers when each was whole.

    hold: so many requests have to wait together, and then so many seconds, before all of them are
    answered at once.
    """

    def __init__(self, folder: Path, *, verify: bool) -> None:
        self._folder = folder
        self._verify = verify
        self._scratch = bytearray(_BLOCK)  # shared: what is written here is never looked at
        self._answers: dict[str, tuple[BinaryIO, int]] = {}
        self._hold = (1, 0.0)
        self._release = asyncio.Event()
        self._waiting = 0
        self._log: list[dict[str, object]] = []

    async def serve(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        talks: set[asyncio.Task[None]] = set()
        while True:
            connection, _ = await loop.sock_accept(listening)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = asyncio.create_task(self._talk(connection))
            talks.add(talk)
            talk.add_done_callback(talks.discard)

    async def _talk(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        rest = b""
        with connection:
            try:
                while True:
                    head, rest = await self._head(connection, rest)
                    if not head:
                        return
                    path = head.split(b" ", 2)[1].decode()
                    found = _LENGTH.search(head)
                    length = int(found[1]) if found else 0
                    body = await self._body(connection, rest, length)
                    rest = rest[length:]
                    if path.startswith("/-/"):
                        data = json.dumps(self._control(path)).encode()
                        await loop.sock_sendall(connection, _HEAD % len(data) + data)
                    else:
                        await self._answer(connection, path, length, body)
            except (ConnectionError, TimeoutError):
                return

    async def _head(self, connection: socket.socket, rest: bytes) -> tuple[bytes, bytes]:
        """Read up to the body; empty at the end of the connection."""
        loop = asyncio.get_running_loop()
        data = rest
        while b"\r\n\r\n" not in data:
            piece = await loop.sock_recv(connection, _MOST_HEAD)
            if not piece:
                return b"", b""
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        if b"transfer-encoding" in head.lower():
            raise ConnectionError("a length is needed")
        return head, rest

    async def _body(self, connection: socket.socket, rest: bytes, length: int) -> bytes | None:
        """Read a body away; only when it is to be verified it is kept."""
        loop = asyncio.get_running_loop()
        kept = bytearray(rest[:length]) if self._verify else None
        left = length - len(rest)
        while left > 0:
            if kept is None:
                count = await loop.sock_recv_into(connection, memoryview(self._scratch)[:left])
            else:
                piece = await loop.sock_recv(connection, min(_BLOCK, left))
                count = len(piece)
                kept += piece
            if not count:
                raise ConnectionError("the request was cut")
            left -= count
        return None if kept is None else bytes(kept)

    async def _answer(
        self, connection: socket.socket, path: str, length: int, body: bytes | None
    ) -> None:
        loop = asyncio.get_running_loop()
        entry: dict[str, object] = {"arrived": time.monotonic(), "length": length}
        if body is not None:
            entry["digests"] = _digests(body)
        self._log.append(entry)
        await self._wait()
        file, size = self._file(path.split("/")[1])
        await loop.sock_sendall(connection, _HEAD % size)
        await loop.sock_sendfile(connection, file, 0, size)
        entry["answered"] = time.monotonic()

    async def _wait(self) -> None:
        """Wait until as many as ``hold`` says wait, and then for its seconds."""
        count, seconds = self._hold
        release = self._release
        self._waiting += 1
        if self._waiting == count:
            self._release = asyncio.Event()
            asyncio.get_running_loop().call_later(seconds, self._let_go, release)
        await release.wait()

    def _let_go(self, release: asyncio.Event) -> None:
        self._waiting = 0
        release.set()

    def _file(self, name: str) -> tuple[BinaryIO, int]:
        if name not in self._answers:
            path = self._folder / name
            self._answers[name] = path.open("rb"), path.stat().st_size
        return self._answers[name]

    def _control(self, path: str) -> object:
        match path.split("/")[2:]:
            case ["hold", count, seconds]:
                self._hold = (int(count), float(seconds))
            case ["waiting"]:
                return self._waiting
            case ["log"]:
                log, self._log = self._log, []
                return log
        return None


def _digests(body: bytes) -> list[str]:
    """List the SHA-256 of every picture and signature of a request, in its order."""
    found = []
    for content in json.loads(body)["contents"]:
        for part in content["parts"]:
            inline = part.get("inlineData") or part.get("inline_data")
            signature = part.get("thoughtSignature") or part.get("thought_signature")
            found += [_digest(text) for text in (inline and inline["data"], signature) if text]
    return found


def _digest(text: str) -> str:
    """Hash what base64 stands for: google-genai sends the other alphabet."""
    standard = text.translate(str.maketrans("-_", "+/"))
    return hashlib.sha256(base64.b64decode(standard + "=" * (-len(text) % 4))).hexdigest()


@contextmanager
def running(folder: Path, *, verify: bool = False) -> Iterator[str]:
    """Run a server over a folder of answers; yields its address, ``http://127.0.0.1:PORT``."""
    command = [sys.executable, "-m", "benchmarks.server", str(folder)]
    if verify:
        command.append("--verify")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def ask(address: str, path: str) -> object:
    """Ask the server's control paths, such as ``waiting``, without an HTTP library."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"GET /-/{path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        assert length
        return json.loads(await reader.readexactly(int(length[1])))
    finally:
        writer.close()


async def _main(folder: Path, *, verify: bool) -> None:
    with socket.socket() as listening:
        listening.settimeout(0)
        listening.bind(("127.0.0.1", 0))
        listening.listen(_BACKLOG)
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        await Server(folder, verify=verify).serve(listening)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--verify", action="store_true")
    chosen = parser.parse_args()
    asyncio.run(_main(chosen.folder, verify=chosen.verify))
