"""Calls of Discord's API through discord.py: our own repetitions, errors in our words.

discord.py itself waits on 429 and repeats 500, 502 and 504; it raises 503, cut connections and
time-outs at once (facts/discord.md 10, measured), and those are what is dealt with here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import aiohttp
import discord

from adapters.discord.refusals import CLOSED, LATER, Code, words_of
from bot.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_T = TypeVar("_T")

CALL_SECONDS = 90.0  # for one try: discord.py's own repetitions of 502 take 25 seconds of it
FILE_SECONDS = 240.0  # ... that sends files
BLOCKED_SECONDS = 300.0  # without a call, once Cloudflare keeps us out
_REPEATED = {500, 502, 504, 524}  # by discord.py, five times, before it raises
_UNSENT = (0.5, 1.0, 2.0)  # seconds before the repetitions when nothing reached Discord
_UNCLEAR = (0.5, 1.0, 2.0)  # ... of a repeatable call that may have been done


class Refused(DeliveryError):
    """Discord, or the way to it, did not do the call.

    code: Discord's own, else the HTTP status (``refusals.Code``).
    """

    def __init__(self, code: int) -> None:
        """Take the code; the sentence and whether it is final follow from it."""
        super().__init__(words_of(code), final=code not in LATER)
        self.code = code

    @property
    def closed(self) -> bool:
        """Whether nothing can be posted at this place any more, though elsewhere it may."""
        return self.code in CLOSED


class Gone(Refused):
    """The bot's token is no longer good for anything."""


class Unclear(DeliveryError):
    """Nobody knows whether the call was done: look before it is repeated.

    tired: it was repeated for half a minute already, so not at once again.
    """

    def __init__(self, *, tired: bool = False) -> None:
        """Say so."""
        super().__init__("Discord did not answer in time, or not clearly. Try again in a minute.")
        self.tired = tired


class Calls:
    """The API with one bot token. client: logged in; it need not be connected."""

    def __init__(
        self,
        client: discord.Client,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take the parts. clock: monotonic, in seconds."""
        self.client = client
        self._clock = clock
        self._sleep = sleep
        self._gone: Gone | None = None
        self._blocked_until = -BLOCKED_SECONDS

    async def do(
        self,
        work: Callable[[], Awaitable[_T]],
        *,
        repeatable: bool = False,
        seconds: float = CALL_SECONDS,
    ) -> _T:
        """Make one call and return what it brings.

        work: makes it, with new views and files each time. repeatable: doing it twice is harmless
        (a nonce protects it, it only reads, it sets what it sets), so an unclear outcome is tried
        again. Raises Refused, Unclear; and Gone without a call, once Discord said so.
        """
        tries: Counter[str] = Counter()
        while True:
            self._may_call()
            try:
                return await self._once(work, seconds)
            except Gone as error:
                self._gone = error
                raise
            except (Refused, Unclear) as error:
                wait = _wait_after(error, tries, repeatable=repeatable)
                if wait is None:
                    raise
            await self._sleep(wait)

    def _may_call(self) -> None:
        """Keep calls back that would only make it worse: 10,000 refused ones are an IP ban."""
        if self._gone:
            raise self._gone
        if self._clock() < self._blocked_until:
            raise Refused(Code.CLOUDFLARE)

    async def _once(self, work: Callable[[], Awaitable[_T]], seconds: float) -> _T:
        try:
            async with asyncio.timeout(seconds):
                return await work()
        except discord.HTTPException as error:
            refused = _translated(error)
            if isinstance(refused, Refused) and refused.code == Code.CLOUDFLARE:
                self._blocked_until = self._clock() + BLOCKED_SECONDS
            raise refused from error
        except discord.RateLimited as error:
            raise Refused(Code.RATE_LIMITED) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Refused(Code.UNREACHABLE) from error
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            raise Unclear from error
        except (KeyError, TypeError, ValueError) as error:
            # What discord.py 2.7 makes of an answer that is cut, or no JSON object.
            raise Unclear from error


def _translated(error: discord.HTTPException) -> Refused | Unclear:
    """Read why a call failed. A 429 is raised only without Via: Cloudflare's, not Discord's."""
    status = error.status
    if status == Code.RATE_LIMITED or error.code == Code.CLOUDFLARE:
        return Refused(Code.CLOUDFLARE)
    if isinstance(error, discord.DiscordServerError):
        return Unclear(tired=status in _REPEATED)
    code = error.code or status
    if code != Code.BAD_TOKEN:
        return Refused(code)
    hook = "/webhooks/" in str(error.response.url)  # whose token is an interaction's
    return Refused(Code.BAD_WEBHOOK_TOKEN) if hook else Gone(code)


def _wait_after(error: Refused | Unclear, tries: Counter[str], *, repeatable: bool) -> float | None:
    """Say after how many seconds to call again; None when not at all."""
    waits: tuple[float, ...] = ()
    if isinstance(error, Unclear):
        waits = _UNCLEAR if repeatable and not error.tired else ()
    elif error.code == Code.UNREACHABLE:
        waits = _UNSENT
    tried = tries[type(error).__name__]
    tries[type(error).__name__] += 1
    return waits[tried] if tried < len(waits) else None
