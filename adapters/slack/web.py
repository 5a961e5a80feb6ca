"""Calls of Slack's Web API: one try when that is right, waits as told, errors in our words."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_sdk.errors import SlackApiError

from adapters.slack.refusals import CLOSED, GONE, LATER, MAYBE_DONE, words_of
from bot.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from slack_sdk.web.async_client import AsyncWebClient

    from adapters.slack.cards import Card

_UPLOAD_SECONDS = 120.0
_LONGEST_WAIT = 60.0  # seconds that a Retry-After is honoured
_LIMITED = 3  # repetitions after 429, which was not done
_UNSENT = (0.5, 1.0, 2.0)  # seconds before the repetitions when nothing reached Slack
_UNCLEAR = (0.5, 1.0)  # ... of a repeatable call that may have been done
_OK = 200
_REFUSING, _FAILING = 400, 500
_LIMIT_STATUS = 429

PACE_SECONDS = 1.0  # between two messages of one channel (facts/slack.md 5)
PACE_BURST = 4  # messages at once after a pause


class Refused(DeliveryError):
    """Slack, or the way to it, did not do the call.

    code: Slack's error word, or ``unreachable``, ``http_404``. wait: seconds that Slack asked for.
    """

    def __init__(self, code: str, *, wait: float = 1.0) -> None:
        """Take Slack's error word; the sentence and whether it is final follow from it."""
        super().__init__(words_of(code), final=code not in LATER)
        self.code = code
        self.wait = wait

    @property
    def closed(self) -> bool:
        """Whether nothing can be posted at this place any more, though elsewhere it may."""
        return self.code in CLOSED


class Gone(Refused):
    """The token is no longer good for anything: the app was removed, or its account ended."""


class Unclear(DeliveryError):
    """Nobody knows whether the call was done: look before it is repeated."""


class Pace:
    """At most one message a second to each channel, and a few at once after a pause.

    Own lines instead of aiolimiter: a limiter for each channel would have to be evicted by age,
    while a channel whose time has passed can simply be forgotten here.
    """

    def __init__(
        self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        """Take a monotonic clock in seconds."""
        self._clock = clock
        self._sleep = sleep
        self._due: dict[str, float] = {}

    async def wait(self, channel: str) -> None:
        """Wait for the turn of a message; first come, first served."""
        now = self._clock()
        self._due = {name: due for name, due in self._due.items() if due > now}
        due = self._due.get(channel, now) + PACE_SECONDS
        self._due[channel] = due
        early = due - now - PACE_BURST * PACE_SECONDS
        if early > 0:
            await self._sleep(early)


class Web:
    """The Web API with one bot token."""

    def __init__(
        self,
        client: AsyncWebClient,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take a client with a session and without retry handlers; its timeout goes for each call.

        The SDK's own handler posts a message twice when the connection breaks after the work was
        done (facts/slack.md 9, measured), and with a session it does not look at its timeout.
        """
        if client.session is None or client.retry_handlers:
            raise ValueError("The Slack client needs a shared session and retry_handlers=[]")
        self.session: aiohttp.ClientSession = client.session
        self.token = client.token or ""
        self._client = client
        self._sleep = sleep
        self._pace = Pace(clock, sleep)
        self._gone: Gone | None = None
        self._stopped = asyncio.Event()

    def stop(self, code: str) -> None:
        """Make no call any more: Slack said in its own way that the app is gone."""
        self._stop(Gone(code))

    def _stop(self, error: Gone) -> None:
        self._gone = error
        self._stopped.set()

    async def until_gone(self) -> str:
        """Wait until Slack says that the app is gone; returns its word for it."""
        await self._stopped.wait()
        return self._gone.code if self._gone else ""

    async def call(
        self, method: str, *, repeatable: bool = False, pace: str | None = None, **arguments: object
    ) -> dict[str, Any]:
        """Call a method and return its answer; arguments that are None are left out.

        repeatable: doing it twice is harmless, so an unclear outcome is tried again.
        pace: the channel that gets a message by this call.
        Raises Refused, Unclear; and Gone without a call, once Slack said so.
        """
        body = {name: value for name, value in arguments.items() if value is not None}
        tries: Counter[str] = Counter()
        while True:
            if self._gone:
                raise self._gone
            if pace:
                await self._pace.wait(pace)
            try:
                return await self._once(method, body)
            except Gone as error:
                self._stop(error)
                raise
            except (Refused, Unclear) as error:
                wait = _wait_after(error, tries, repeatable=repeatable)
                if wait is None:
                    raise
            await self._sleep(wait)

    async def _once(self, method: str, body: Mapping[str, object]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._client.timeout):
                answer = await self._client.api_call(method, **_encoded(body))
        except SlackApiError as error:
            raise _translated(error) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Refused("unreachable") from error
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError) as error:
            # AttributeError: what slack_sdk 3.47 makes of an answer that is no JSON object.
            raise _unclear() from error
        return dict(answer.data) if isinstance(answer.data, dict) else {}

    async def respond(self, url: str, card: Card, *, replace: bool = False) -> None:
        """Answer a gesture by its response_url: to its person alone, or over the message it hit.

        Works where the bot is no member, five times in half an hour. Raises Refused, Unclear.
        """
        how = {"replace_original": True} if replace else {"response_type": "ephemeral"}
        body = {"text": card.text, "blocks": list(card.blocks), **how}
        await self._post(url, self._client.timeout, json=body)

    async def upload(self, url: str, file: Path) -> None:
        """Send the bytes of a file to an upload URL, block by block.

        Raises Refused, Unclear; both leave nothing but a file that nobody sees.
        """
        with await asyncio.to_thread(file.open, "rb") as source:
            kind = {"Content-Type": "application/octet-stream"}
            await self._post(url, _UPLOAD_SECONDS, data=source, headers=kind)

    async def _post(self, url: str, seconds: float, **request: Any) -> None:  # noqa: ANN401 - aiohttp's own arguments
        """Send something to a URL that Slack gave us, once and without the token."""
        if self._gone:
            raise self._gone
        tls = True if self._client.ssl is None else self._client.ssl
        proxy = self._client.proxy
        try:
            async with (
                asyncio.timeout(seconds),
                self.session.post(url, proxy=proxy, ssl=tls, **request) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Refused("unreachable") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unclear() from error
        if status >= _FAILING:
            raise _unclear()
        if status != _OK:
            raise Refused("ratelimited" if status == _LIMIT_STATUS else f"http_{status}")


def _encoded(body: Mapping[str, object]) -> dict[str, Any]:
    """Put the arguments into the body: as JSON when one has parts or is empty, else as a form.

    Methods that only read take no JSON at all: conversations.replies answers invalid_arguments,
    users.info overlooks its arguments (reported). No method with structured arguments is one of
    them, and a form is taken by every method.
    """
    if any(isinstance(value, dict | list) or value == "" for value in body.values()):
        return {"json": dict(body)}
    return {
        "data": {
            name: json.dumps(value) if isinstance(value, bool) else str(value)
            for name, value in body.items()
        }
    }


def _translated(error: SlackApiError) -> Refused | Unclear:
    """Read why a call failed. Of an unreadable answer the SDK hands on aiohttp's own response."""
    response = error.response
    answer = getattr(response, "data", None)
    code = str(answer.get("error", "")) if isinstance(answer, dict) else ""
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", _OK))
    if status == _LIMIT_STATUS or code in {"ratelimited", "rate_limited"}:
        return Refused("ratelimited", wait=_retry_after(response.headers))
    if code in GONE:
        return Gone(code)
    if status >= _FAILING or code in MAYBE_DONE:
        return _unclear()
    if code:
        return Refused(code)
    return Refused(f"http_{status}") if status >= _REFUSING else _unclear()


def _retry_after(headers: Mapping[str, str]) -> float:
    """Read how long to wait, in seconds, between 1 and the longest that we wait."""
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "1")
    try:
        return min(max(float(told), 1.0), _LONGEST_WAIT)
    except ValueError:
        return 1.0


def _wait_after(error: Refused | Unclear, tries: Counter[str], *, repeatable: bool) -> float | None:
    """Say after how many seconds to call again; None when not at all."""
    kind = error.code if isinstance(error, Refused) else "unclear"
    waits: tuple[float, ...] = ()
    if isinstance(error, Unclear):
        waits = _UNCLEAR if repeatable else ()
    elif kind == "ratelimited":
        waits = (error.wait,) * _LIMITED
    elif kind == "unreachable":
        waits = _UNSENT
    tried = tries[kind]
    tries[kind] += 1
    return waits[tried] if tried < len(waits) else None


def _unclear() -> Unclear:
    return Unclear("Slack did not answer in time, or not clearly. Try again in a minute.")
