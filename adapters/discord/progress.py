"""The one signal that a turn is going on, where its person looks. Never fails.

Who used a command reads it in the deferred answer, which only they see; elsewhere the bot is shown
as typing, which Discord takes away when it posts, or after ten seconds.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from adapters.discord import cards
from adapters.discord.calls import Refused
from adapters.discord.deferred import ONE_SHOT
from adapters.discord.posting import Letter
from bot.conversation import TurnState
from bot.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from adapters.discord.calls import Calls
    from adapters.discord.cards import Card
    from adapters.discord.deferred import Deferred
    from adapters.discord.posting import Place
    from bot.chat import Progress
    from bot.conversation import Turn, TurnId

_log = structlog.get_logger(__name__)

PATIENCE = 3.0  # seconds that a turn waits for its signal
END_PATIENCE = 15.0  # ... for the end of it
TICK_SECONDS = 10.0  # between two edits that differ in seconds only
TYPING_SECONDS = 4.0  # between two signs of typing, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """The last try for a turn: what of it matters at once, and when (POSIX seconds)."""

    matter: tuple[TurnState, int, str]
    at: float


class Signal:
    """Shows that turns are going on."""

    def __init__(
        self,
        *,
        calls: Calls,
        deferred: Deferred,
        place: Callable[[Turn], Awaitable[Place]],
        now: Callable[[], datetime],
    ) -> None:
        """Take the parts. place: where a turn is answered."""
        self._calls = calls
        self._deferred = deferred
        self._place = place
        self._now = now
        self._last: dict[TurnId, _Last] = {}
        self._lost: dict[TurnId, str] = {}
        """The token with which nothing can be shown any more."""

    async def show(self, turn: Turn, progress: Progress) -> None:
        """Show how far a turn is, when that is something new."""
        edits = self._edits(turn)
        if progress.state.ended or not self._due(turn, progress, edits=edits):
            return
        self._last[turn.id] = _Last(matter=_matter(progress), at=self._now().timestamp())
        if edits:
            await self._edit(turn, cards.progress(turn, progress))
        elif progress.state is TurnState.CALLING:
            await self._type(turn)

    def _edits(self, turn: Turn) -> bool:
        """Whether there is a deferred answer of this turn that can be edited."""
        if self._lost.get(turn.id) == turn.ref.get("token"):
            return False
        try:
            self._deferred.ticket(turn.ref)
        except Refused:
            return False
        return True

    def _due(self, turn: Turn, progress: Progress, *, edits: bool) -> bool:
        last = self._last.get(turn.id)
        if last is None or last.matter != _matter(progress):
            return True
        return self._now().timestamp() - last.at >= (TICK_SECONDS if edits else TYPING_SECONDS)

    async def _edit(self, turn: Turn, card: Card) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                ticket = self._deferred.ticket(turn.ref)
                await self._deferred.edit(ticket, Letter(card=card), repeatable=False)
        except Refused as error:
            _log.debug("discord signal refused", code=error.code)
            if error.final:
                self._lost[turn.id] = turn.ref["token"]
        except (DeliveryError, TimeoutError) as error:
            _log.debug("discord signal failed", error=str(error))

    async def _type(self, turn: Turn) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                place = await self._place(turn)
                http = self._calls.client.http
                await self._calls.do(lambda: http.send_typing(place.channel))
        except (DeliveryError, TimeoutError) as error:
            _log.debug("discord signal failed", error=str(error))

    async def end(self, turn: Turn, *, link: str = "", words: str = "") -> None:
        """Resolve the deferred answer, one left by a process that died, too.

        link: where the answer stands; words: why there is none. With neither it goes away. Where it
        was to become the answer itself it stays as it is.
        """
        self._last.pop(turn.id, None)
        edits = self._edits(turn)
        self._lost.pop(turn.id, None)
        if not edits or turn.ref.get("place") in ONE_SHOT:
            return
        try:
            async with asyncio.timeout(END_PATIENCE):
                ticket = self._deferred.ticket(turn.ref)
                if not (link or words):
                    await self._deferred.remove(ticket)
                    return
                card = cards.line(words) if words else cards.done(link)
                await self._deferred.edit(ticket, Letter(card=card))
        except (DeliveryError, TimeoutError) as error:
            _log.debug("discord answer stays deferred", turn=turn.id, error=str(error))


def _matter(progress: Progress) -> tuple[TurnState, int, str]:
    return progress.state, progress.ahead, progress.note
