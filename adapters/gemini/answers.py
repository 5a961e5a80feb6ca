"""Reads a spooled answer: its pictures and signatures become blobs, the rest a Generation."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import structlog

from adapters.gemini import failures, wire
from adapters.gemini.extract import Base64Sink, Extractor
from bot.conversation import Blob
from bot.media import is_whole, probe

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.gemini.extract import Kind
    from bot.conversation import Generation
    from bot.ports import BlobStore, BlobWriter

_log = structlog.get_logger()

_BLOCK = 256 * 1024
_MOST_BYTES = 256 * 1024 * 1024
_MOST_STRINGS = 64  # each is an open file meanwhile


def read_answer(answer: Path, workspace: str, blobs: BlobStore) -> Generation:
    """Read an answer; blocking, and long, so a matter for a thread.

    Memory stays under 2 MB whatever the size of its pictures. Blobs are kept (durable) only once
    the whole answer was found to be readable. Raises OutcomeUnknown.
    """
    finds = _Finds(workspace, blobs)
    try:
        extractor = Extractor(finds.sink)
        size = 0
        with answer.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                size += len(block)
                if size > _MOST_BYTES:
                    raise failures.unreadable()
                extractor.feed(block)
        found = extractor.finish()
        generation = wire.decode(found, finds)
    except ValueError as error:
        raise failures.unreadable() from error
    finally:
        finds.discard()
    if retirement := wire.retirement(found):
        _log.warning("the model will be retired", model=generation.model_version, at=retirement)
    return generation


class _Picture(Base64Sink):
    """A picture on its way to a blob."""

    def __init__(self, writer: BlobWriter) -> None:
        super().__init__(writer.write)
        self.writer = writer


class _Signature:
    """A signature on its way to a blob, raw, so that it goes back byte-identical."""

    def __init__(self, writer: BlobWriter) -> None:
        self.write = writer.write
        self.writer = writer

    def close(self) -> None:
        """Have nothing to finish."""


_Sink: TypeAlias = _Picture | _Signature


class _Finds:
    """The long strings of one answer by their index, each taken once."""

    def __init__(self, workspace: str, blobs: BlobStore) -> None:
        self.broken = False
        self._workspace = workspace
        self._blobs = blobs
        self._sinks: dict[object, _Sink] = {}
        self._writers: list[BlobWriter] = []

    def sink(self, kind: Kind) -> _Sink:
        writer = self._writer()
        sink = _Picture(writer) if kind == "data" else _Signature(writer)
        self._sinks[str(len(self._sinks))] = sink
        return sink

    def picture(self, index: object) -> Blob | None:
        sink = self._take(index)
        blob = self._kept_picture(sink) if isinstance(sink, _Picture) else None
        self.broken = self.broken or blob is None
        return blob

    def signature(self, index: object) -> Blob | None:
        sink = self._take(index)
        if not isinstance(sink, _Signature) or not sink.writer.size:
            return None
        digest = self._blobs.keep(sink.writer)
        return Blob(digest=digest, mime_type="text/plain", size=sink.writer.size)

    def embedded(self, base64: str) -> Blob | None:
        sink = _Picture(self._writer())
        sink.write(base64.encode())
        sink.close()
        blob = self._kept_picture(sink)
        self.broken = self.broken or blob is None
        return blob

    def discard(self) -> None:
        for writer in self._writers:
            writer.discard()

    def _take(self, index: object) -> _Sink | None:
        return self._sinks.pop(index, None) if isinstance(index, str) else None

    def _writer(self) -> BlobWriter:
        if len(self._writers) == _MOST_STRINGS:
            raise ValueError("the answer has too many pictures and signatures")
        writer = self._blobs.writer(self._workspace)
        self._writers.append(writer)
        return writer

    def _kept_picture(self, sink: _Picture) -> Blob | None:
        if sink.broken:
            return None
        with sink.writer.open() as file:
            media = probe(file)
            if not media.mime_type.startswith("image/") or not is_whole(file, media):
                return None
        return Blob(
            digest=self._blobs.keep(sink.writer),
            mime_type=media.mime_type,
            size=sink.writer.size,
            width=media.width,
            height=media.height,
        )
