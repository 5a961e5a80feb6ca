"""What is sent and answered: pictures, signatures and whole answers, made before anything runs.

Random bytes in the shape of a PNG stand in for pictures: nothing here looks into them, and nothing
can be compressed. They lie in the product's own blob store, as files that the other variants read.
"""

from __future__ import annotations

import base64
import hashlib
import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.blobs import FileBlobStore

if TYPE_CHECKING:
    from pathlib import Path

WORKSPACE = "T1"
MODEL = "gemini-3.1-flash-image"
PROMPT = "Make the sky a little darker and keep everything else as it is."
MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A blob on disk. path: its file. digest: of what is in the file."""

    digest: str
    path: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One point of the matrix. count: pictures of the history. size: bytes of each, and of the
    answer's. signature: characters of the signature on every picture.
    """

    count: int
    size: int
    signature: int = 800

    @property
    def name(self) -> str:
        name = f"{self.count} x {self.size / MEGABYTE:g} MB"
        return name if self.signature == 800 else f"{name}, signatures of {self.signature:,}"

    @property
    def answer(self) -> str:
        """The name of its answer at the server."""
        return f"{self.size}-{self.signature}"


def png(size: int) -> bytes:
    """Make a file of ``size`` bytes that is a PNG as far as its chunks go."""
    header = struct.pack(">IIBBBBB", 1024, 1024, 8, 2, 0, 0, 0)
    frame = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
    end = _chunk(b"IEND", b"")
    return frame + _chunk(b"IDAT", os.urandom(size - len(frame) - len(end) - 12)) + end


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def signature(characters: int) -> str:
    """Make a signature: base64 of random bytes. characters: a multiple of 4."""
    return base64.b64encode(os.urandom(characters // 4 * 3)).decode()


def answer(picture: bytes, signature_: str) -> bytes:
    """Render an answer of one picture as the service writes it."""
    return (
        b'{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"'
        + base64.b64encode(picture)
        + b'"},"thoughtSignature":"'
        + signature_.encode()
        + b'"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{'
        b'"promptTokenCount":1300,"candidatesTokenCount":1120,"totalTokenCount":2420,'
        b'"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1120}]},"modelVersion":"'
        + MODEL.encode()
        + b'","responseId":"benchmark"}'
    )


class Material:
    """Everything under one folder: ``blobs`` (the product's store) and ``answers``."""

    def __init__(self, folder: Path) -> None:
        self.blobs = FileBlobStore(folder / "blobs")
        self.answers = folder / "answers"
        self.answers.mkdir(exist_ok=True)
        self._pictures: dict[int, list[Stored]] = {}
        self._signatures: dict[int, list[Stored]] = {}
        self._answered: dict[str, list[str]] = {}

    async def prepare(self, cell: Cell) -> None:
        """Make what a cell needs and is not there yet."""
        pictures = self._pictures.setdefault(cell.size, [])
        while len(pictures) < cell.count:
            pictures.append(await self._store(png(cell.size)))
        signatures = self._signatures.setdefault(cell.signature, [])
        while len(signatures) < cell.count:
            signatures.append(await self._store(signature(cell.signature).encode()))
        if cell.answer not in self._answered:
            self._answered[cell.answer] = self.add_answer(cell.answer, cell.size, cell.signature)

    def add_answer(self, name: str, size: int, characters: int) -> list[str]:
        """Make an answer for the server; returns the digests of its picture and its signature."""
        picture, signature_ = png(size), signature(characters)
        (self.answers / name).write_bytes(answer(picture, signature_))
        return [hashlib.sha256(data).hexdigest() for data in (picture, signature_.encode())]

    def history(self, cell: Cell) -> list[tuple[Stored, Stored]]:
        """List the pictures of a cell, each with its signature."""
        pictures = self._pictures[cell.size][: cell.count]
        return list(zip(pictures, self._signatures[cell.signature], strict=False))

    def answered(self, cell: Cell) -> list[str]:
        """List the digests that a turn of this cell has to have stored."""
        return self._answered[cell.answer]

    async def _store(self, data: bytes) -> Stored:
        writer = self.blobs.writer(WORKSPACE)
        writer.write(data)
        digest = self.blobs.keep(writer)
        path = await self.blobs.path(WORKSPACE, digest)
        return Stored(digest=digest, path=str(path), size=len(data))
