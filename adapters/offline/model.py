"""OfflineModel: the port ``ImageModel`` without a network, a key or a price."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.offline import document
from adapters.offline.request import read_request
from bot.profiles import profile_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from adapters.offline.magic import Magic
    from adapters.offline.request import Request
    from bot.conversation import Contents, Generation
    from bot.options import GenerationOptions
    from bot.ports import BlobStore, SpoolSink
    from bot.profiles import ModelProfile


class OfflineModel:
    """Draws simple shapes and does simple edits, the same for the same request.

    Asked for the same again it draws a variation, so that several pictures of one turn differ.
    Every answer says, in its words and in its pixels, that no model was called.
    """

    provider = "offline"
    backend = "offline"

    def __init__(
        self, blobs: BlobStore, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Take the store of pictures. sleep: how the pauses of magic prompts are waited."""
        self._blobs = blobs
        self._sleep = sleep
        self._asked: Counter[str] = Counter()

    def profile(self, model: str | None) -> ModelProfile:
        """Find the one model there is. UsageError for any other."""
        return profile_of("offline", model or document.MODEL, default=document.MODEL)

    async def call(
        self,
        contents: Contents,
        options: GenerationOptions,
        sink: SpoolSink,
        note: Callable[[str], None],
    ) -> None:
        """Work out an answer in a worker thread and write it to the sink; see the port."""
        request = read_request(contents, options)
        seed = request.seed
        if self._asked[seed]:
            request = replace(request, seed=f"{seed}\n{self._asked[seed]}")
        self._asked[seed] += 1
        for magic in request.spell.magics:
            if magic.error and (request.verbatim or not magic.verbatim):
                await self._wait(magic, note)
                sink.write(magic.begun)
                raise magic.error(f"{document.INTRO} {magic.words}")
        if request.spell.slow:
            await self._sleep(request.spell.slow)
        wanted = (request.picture, *request.inlays) if request.picture else ()
        files = [await self._blobs.path(contents.workspace, blob.digest) for blob in wanted]
        await asyncio.to_thread(_answer, request, files, sink)

    async def read(self, answer: Path, workspace: str) -> Generation:
        """Read a spooled answer and keep its pictures; see the port."""
        return await asyncio.to_thread(document.read, answer, self._blobs, workspace)

    async def probe(self) -> None:
        """Do nothing: this model is always there."""

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    async def _wait(self, magic: Magic, note: Callable[[str], None]) -> None:
        if magic.pause:
            await self._sleep(magic.pause)
        for seconds in magic.waits:
            note(f"The image service is busy. Trying again in {seconds} s.")
            await self._sleep(seconds)


def _answer(request: Request, files: Sequence[Path], sink: SpoolSink) -> None:
    """Work out one answer and write it down; CPU-bound."""
    from adapters.offline.answering import answer  # noqa: PLC0415 - brings Pillow

    segments = document.encode(answer(request, files))
    if "!truncate" in request.spell:
        segments = document.cut_short(segments)
    for segment in segments:
        sink.write(segment)
