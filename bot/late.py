"""LatePlatform: a chat platform that cannot be reached yet, so that it keeps no other waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from bot.errors import DeliveryError, DependencyDown, MaterialError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from bot.chat import Attachment, Notice, Post, Progress, Reply
    from bot.conversation import Turn
    from bot.ports import ChatPlatform, Desk

_log = structlog.get_logger(__name__)

_FIRST_WAIT, _LONGEST_WAIT = 2, 60  # seconds between two tries


class LatePlatform:
    """Goes on trying while it runs, then is the platform that was made; until then nobody is told.

    make: makes the platform. Raises DependencyDown while it cannot be reached.
    """

    def __init__(self, name: str, make: Callable[[], Awaitable[ChatPlatform]]) -> None:
        """Take its name and what makes it."""
        self.name = name
        self._make = make
        self._made: ChatPlatform | None = None

    async def run(self, desk: Desk) -> None:
        """Try until it can be reached, then listen."""
        wait = _FIRST_WAIT
        while self._made is None:
            try:
                self._made = await self._make()
            except DependencyDown as error:
                _log.error(
                    "a chat platform cannot be reached", platform=self.name, error=str(error)
                )
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
        await self._made.run(desk)

    async def download(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        """Fetch the bytes of an attachment. MaterialError."""
        if self._made is None:
            raise MaterialError(f"{attachment.name} cannot be fetched now. Send it again.")
        async for block in self._made.download(attachment):
            yield block

    async def working(self, turn: Turn, progress: Progress) -> None:
        """Show that a turn is going on, once that is possible."""
        if self._made is not None:
            await self._made.working(turn, progress)

    async def deliver(self, turn: Turn, reply: Reply) -> Sequence[Post]:
        """Show the answer. DeliveryError."""
        return await self._there().deliver(turn, reply)

    async def tell(self, turn: Turn, notice: Notice) -> Sequence[Post]:
        """Tell the person something. DeliveryError."""
        return await self._there().tell(turn, notice)

    def _there(self) -> ChatPlatform:
        if self._made is None:
            raise DeliveryError(f"{self.name.capitalize()} cannot be reached now.")
        return self._made

    async def close(self) -> None:
        """Give the connections back, if there are any."""
        if self._made is not None:
            await self._made.close()
