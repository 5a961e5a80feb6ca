"""App: everything that runs, from the first message to the last turn drained."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import ModelError, ThreadpaintError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bot.ports import BlobStore, ChatPlatform, ImageModel, Ledger, TurnStore
    from bot.queue import EmbeddedQueue
    from bot.settings import Settings
    from bot.turns import Turns

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything that runs."""

    settings: Settings
    store: TurnStore
    ledger: Ledger
    blobs: BlobStore
    model: ImageModel
    turns: Turns
    queue: EmbeddedQueue
    platforms: Sequence[ChatPlatform]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Advance turns meanwhile; at the end, drain: claim no more, finish what runs.

        Yields the task that advances them: it ends only by a defect, which is raised at the end.
        """
        task = asyncio.create_task(self.queue.run(), name="queue")
        watch = asyncio.create_task(self.turns.teller.watch_queue(), name="queue positions")
        patience = self.settings.drain_seconds
        try:
            yield task
        except asyncio.CancelledError:  # a second signal: leave at once
            patience = 0
            raise
        finally:
            try:
                await self.queue.drain(patience)
            finally:  # also when a second signal comes while it drains
                watch.cancel()
                task.cancel()
                await asyncio.gather(watch, return_exceptions=True)
                with suppress(asyncio.CancelledError):
                    await task

    async def serve(self, stop: asyncio.Event) -> None:
        """Listen on every platform until told to stop; then take nothing more and drain.

        A platform that drops out leaves the others at work; with the last one this ends, and
        raises what made that one drop out.
        """
        async with self.running() as advancing:
            listeners = [asyncio.create_task(self._listen(platform)) for platform in self.platforms]
            last = asyncio.ensure_future(self._last(listeners))
            stopped = asyncio.create_task(stop.wait())
            probing = asyncio.create_task(self._probe())
            try:
                ends: list[asyncio.Future[Any]] = [advancing, stopped, last]
                done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in done:
                    end.result()
            finally:
                for task in (stopped, probing, last):
                    task.cancel()
                await asyncio.gather(stopped, probing, *listeners, return_exceptions=True)

    async def _listen(self, platform: ChatPlatform) -> None:
        try:
            await platform.run(self.turns)
        except Exception as error:
            known = isinstance(error, ThreadpaintError)
            _log.error(
                "a platform dropped out",
                platform=platform.name,
                error=str(error),
                exc_info=None if known else error,
            )
            self.queue.leave(platform.name)
            raise

    async def _last(self, listeners: Sequence[asyncio.Task[None]]) -> None:
        """Wait until no platform listens any more."""
        ends = await asyncio.gather(*listeners, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _probe(self) -> None:
        """Say at the start, not at the first picture, that the model or the key is no good."""
        try:
            await self.model.probe()
        except ModelError as error:
            _log.error("the image model cannot be used now", error=str(error))
