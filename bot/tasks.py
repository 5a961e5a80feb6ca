"""Tasks: work in the background that outlives the request that began it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Coroutine

_log = structlog.get_logger(__name__)

_DRAIN_SECONDS = 3


class Tasks:
    """Holds each task until it ends, and logs how it failed."""

    def __init__(self) -> None:
        """Begin with none."""
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start it; how it fails is logged."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or not (error := task.exception()):
            return
        if isinstance(error, DeliveryError):
            _log.warning(
                "the platform did not take something", what=task.get_name(), error=str(error)
            )
        else:
            _log.error("work in the background failed", what=task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Wait a little for what runs, then cancel it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_DRAIN_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
