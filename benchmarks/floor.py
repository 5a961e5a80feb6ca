"""The floor: one edit turn on blocking sockets, the least that its durable work can cost.

It does what a turn has to do and nothing else: base64 from the files in blocks of 192 KiB behind an
exact Content-Length, the answer decoded as it arrives, SHA-256, fsync, rename, fsync of the folder,
for the picture and for its signature. It knows the exact shape of the answer, checks nothing and
cannot wait for two things at once. It keeps no raw answer: that the product makes one durable
before it reads it is the product's choice and counts against it. What that choice costs shows when
the floor is told to write one, too.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from typing import TYPE_CHECKING

import pybase64

from benchmarks.material import MODEL, PROMPT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import FileIO
    from pathlib import Path

    from benchmarks.material import Stored

_BLOCK = 192 * 1024
_BUFFER = 1 << 20
_DATA = b'"data":"'
_SIGNATURE = b'"thoughtSignature":"'
_LENGTH = re.compile(rb"content-length: (\d+)")


class Floor:
    """One connection and one buffer for all turns."""

    def __init__(
        self,
        address: str,
        history: Sequence[tuple[Stored, Stored]],
        out: Path,
        *,
        keep_raw: bool = False,
    ) -> None:
        host, _, rest = address.removeprefix("http://").partition(":")
        port, _, name = rest.partition("/")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._name = name
        self._history = history
        self._out = out
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._keep_raw = keep_raw
        self._raw: FileIO | None = None

    def turn(self) -> list[Path]:
        """Run one turn; returns the files that it stored."""
        self._send()
        if not self._keep_raw:
            return [kept.keep() for kept in self._receive()]
        part, answer = self._out / "raw.part", self._out / "raw.answer"
        with part.open("wb", buffering=0) as self._raw:
            received = self._receive()
            os.fsync(self._raw.fileno())
        _rename(part, answer)
        kept = [each.keep() for each in received]
        answer.unlink()
        return kept

    def _send(self) -> None:
        pieces = list(_pieces(self._history))
        length = sum(
            len(piece) if isinstance(piece, bytes) else (piece.size + 2) // 3 * 4
            for piece in pieces
        )
        self._socket.sendall(
            f"POST /{self._name}/v1beta/models/{MODEL}:generateContent HTTP/1.1\r\n"
            f"host: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}"
            "\r\n\r\n".encode()
        )
        for piece in pieces:
            if isinstance(piece, bytes):
                self._socket.sendall(piece)
            else:
                self._send_picture(piece)

    def _send_picture(self, picture: Stored) -> None:
        with open(picture.path, "rb", buffering=0) as file:  # noqa: PTH123 - nothing on top
            while block := file.read(_BLOCK):
                self._socket.sendall(pybase64.b64encode(block))

    def _receive(self) -> list[_Kept]:
        picture, signature = _Kept(self._out / "picture"), _Kept(self._out / "signature")
        buffer, view = self._buffer, self._view
        end, left = self._head()
        start = buffer.index(_DATA) + len(_DATA)
        while (quote := buffer.find(b'"', start, end)) < 0:
            cut = start + ((end - start) & ~3)
            picture.write(pybase64.b64decode(view[start:cut], validate=True))
            view[: end - cut] = view[cut:end]
            start, end = 0, end - cut
            count = self._take(view[end:])
            end, left = end + count, left - count
        picture.write(pybase64.b64decode(view[start:quote], validate=True))
        tail = bytearray(view[quote:end])
        while left:
            count = self._take(view)
            tail += view[:count]
            left -= count
        start = tail.index(_SIGNATURE) + len(_SIGNATURE)
        signature.write(bytes(tail[start : tail.index(b'"', start)]))
        return [picture, signature]

    def _take(self, view: memoryview) -> int:
        count = self._socket.recv_into(view)
        if self._raw:
            self._raw.write(view[:count])
        return count

    def _head(self) -> tuple[int, int]:
        """Receive up to the picture; returns what is in the buffer, and what is still to come."""
        end = 0
        while self._buffer.find(_DATA, 0, end) < 0:
            end += self._take(self._view[end:])
        found = _LENGTH.search(self._buffer)
        assert found
        body = self._buffer.index(b"\r\n\r\n") + 4
        return end, int(found[1]) - (end - body)


class _Kept:
    """A file that is hashed as it is written, and named by its digest once it is durable."""

    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self._file = temporary.open("wb", buffering=0)
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)

    def keep(self) -> Path:
        os.fsync(self._file.fileno())
        self._file.close()
        path = self._temporary.with_name(self._hash.hexdigest())
        _rename(self._temporary, path)
        return path


def _rename(temporary: Path, path: Path) -> None:
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _pieces(history: Sequence[tuple[Stored, Stored]]) -> Iterator[bytes | Stored]:
    """Cut the request into text and pictures."""
    text = b'{"contents":['
    for picture, signature in history:
        text += b'{"role":"user","parts":[{"text":"%s"}]},' % PROMPT.encode()
        text += b'{"role":"model","parts":[{"inlineData":{"mimeType":"image/png","data":"'
        yield text
        yield picture
        with open(signature.path, "rb", buffering=0) as file:  # noqa: PTH123 - nothing on top
            text = b'"},"thoughtSignature":"%s"}]},' % file.read()
    text += b'{"role":"user","parts":[{"text":"%s"}]}],' % PROMPT.encode()
    yield text + b'"generationConfig":{"responseModalities":["TEXT","IMAGE"]}}'
