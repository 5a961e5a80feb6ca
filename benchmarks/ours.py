"""The product's model side, as it ships: GeminiModel over FileSpool and FileBlobStore."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import httpx

from adapters.gemini.client import GeminiModel
from benchmarks.material import MODEL, PROMPT, WORKSPACE
from bot.conversation import Blob, BlobPart, Content, Contents, TextPart
from bot.options import GenerationOptions
from storage.blobs import FileBlobStore
from storage.spool import FileSpool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.material import Stored


def model_at(address: str, blobs: FileBlobStore) -> GeminiModel:
    """Build the model client as it ships."""
    return GeminiModel(
        provider="google",
        base_url=address,
        key="benchmark",
        key_name="GEMINI_API_KEY",
        model=MODEL,
        blobs=blobs,
        max_request_bytes=1 << 30,  # as far as the matrix goes; a real request ends at 95 MiB
    )


class Ours:
    """One model client for all turns. stock: with httpx's own transport, to compare."""

    def __init__(
        self,
        address: str,
        history: Sequence[tuple[Stored, Stored]],
        out: Path,
        blobs: Path,
        *,
        stock: bool = False,
    ) -> None:
        self._blobs = FileBlobStore(blobs)
        self._spool = FileSpool(out / "spool")
        self._model = model_at(address, self._blobs)
        if stock:
            self._model._http._transport = httpx.AsyncHTTPTransport(
                limits=httpx.Limits(max_connections=None)
            )
        self._contents = contents_of(history)
        self._numbers = count()

    async def turn(self) -> list[Path]:
        """Run one turn; returns the files that it stored."""
        key = f"turn.0.{next(self._numbers)}"
        async with self._spool.write(key) as sink:
            await self._model.call(self._contents, GenerationOptions(), sink, print)
        answer = await self._spool.find(key)
        assert answer
        generation = await self._model.read(answer, WORKSPACE)
        await self._spool.remove(key)
        return [
            await self._blobs.path(WORKSPACE, blob.digest)
            for part in generation.content.parts
            if isinstance(part, BlobPart)
            for blob in (part.blob, part.signature)
            if blob
        ]

    async def close(self) -> None:
        await self._model.close()


def contents_of(history: Sequence[tuple[Stored, Stored]]) -> Contents:
    """Make what one edit turn sends: for each picture the words and the answer, then the words."""
    words = Content(role="user", parts=(TextPart(text=PROMPT),))
    contents = []
    for picture, signature in history:
        part = BlobPart(
            blob=Blob(digest=picture.digest, mime_type="image/png", size=picture.size),
            signature=Blob(digest=signature.digest, mime_type="text/plain", size=signature.size),
        )
        contents += [words, Content(role="model", parts=(part,))]
    return Contents(workspace=WORKSPACE, contents=(*contents, words))
