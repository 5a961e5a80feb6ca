"""What is asked of Discord before it is listened to: token, intents, sessions that may begin."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import aiohttp
import discord
import structlog
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from adapters.discord.values import Identity
from bot.errors import DependencyDown, SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from bot.ports import Journal

_log = structlog.get_logger(__name__)

# discord.py would warn that it lacks the parts for voice
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False

_SECONDS = 30  # for all questions together; discord.py repeats a 500 or 502 by itself
_PORTAL = "discord.com/developers/applications"
FAILURES = (
    discord.DiscordException, aiohttp.ClientError, OSError,
    LookupError, TypeError, ValueError,  # how discord.py meets an answer that is not Discord's
)  # fmt: skip
"""What a call through discord.py raises when Discord is not there."""

IDENTIFIES = "discord.identify"
"""Notes: by the id of the application, when sessions were begun that did not end in order."""

_WINDOW = timedelta(minutes=10)
_MOST_IN_WINDOW = 5
_SPARE = 20  # of Discord's daily 1000 new sessions: beyond the last one the token is reset
LONGEST_429 = 60.0
"""Seconds that discord.py waits when it is told to; what would take longer, it raises."""

_Answer = TypeVar("_Answer")

NEEDED_PERMISSIONS: Mapping[str, str] = {
    "view_channel": "seeing the channels where people ask",
    "send_messages": "answers in channels, and the message that a command's thread begins with",
    "send_messages_in_threads": "answers in threads and forum posts",
    "create_public_threads": "a thread for each request in a channel",
    "embed_links": "answers with buttons and pictures in their frame",
    "attach_files": "pictures",
    "read_message_history": "replying to a message, and catching up after an absence",
}
"""What the bot has to be allowed on a server, by discord.py's name, and what for."""

CONTENT_INTENT = (
    "The message content intent is off, so Threadpaint works with commands, mentions, direct"
    " messages and replies that ping it. With the intent it also takes plain messages in its"
    f" threads. To turn it on: {_PORTAL}, Bot, Message Content Intent; then start again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What Discord told. content: whether the message content intent is on in the portal."""

    own: Identity
    content: bool


def permissions() -> discord.Permissions:
    """Give the needed permissions, as Discord counts them."""
    return discord.Permissions(**dict.fromkeys(NEEDED_PERMISSIONS, True))


def invite_url(application: str) -> str:
    """Make the address that invites the bot to a server with what it needs."""
    scopes = ("bot", "applications.commands")
    return discord.utils.oauth_url(application, permissions=permissions(), scopes=scopes)


def find(api_url: str) -> None:
    """Say where Discord's API is, for every client of this process (discord.py keeps one)."""
    Route.BASE = api_url


@asynccontextmanager
async def logged_in(token: str, api_url: str) -> AsyncIterator[discord.Client]:
    """Yield a client that has logged in and does not listen. SettingsError, DependencyDown."""
    find(api_url)
    async with discord.Client(
        intents=discord.Intents(guilds=True), max_ratelimit_timeout=LONGEST_429
    ) as client:
        await _ask(client.login(token))
        yield client


async def preflight(token: str, api_url: str, gateway_url: str | None = None) -> Known:
    """Check the token, say who the bot is, and settle where the gateway is.

    gateway_url: None for the one that the API names. Raises SettingsError for what the operator
    has to change, DependencyDown when Discord cannot be reached, which may pass.
    """
    async with logged_in(token, api_url) as client:
        _, named, _ = await _ask(client.http.get_bot_gateway())
        DiscordWebSocket.DEFAULT_GATEWAY = URL(gateway_url or named)
        app, user = client.application, client.user
    if app is None or user is None:  # cannot be: logging in sets them
        raise unreachable(TypeError())
    if app.interactions_endpoint_url:
        raise SettingsError(
            "The Discord app has an Interactions Endpoint URL, so its commands would never come"
            f" here. Empty that field: {_PORTAL}, General Information."
        )
    content = app.flags.gateway_message_content or app.flags.gateway_message_content_limited
    if not content:
        _log.warning(CONTENT_INTENT)
    own = Identity(user=str(user.id), application=str(app.id))
    return Known(own=own, content=content)


async def _ask(question: Awaitable[_Answer]) -> _Answer:
    """Wait for an answer; a failure is told in our words."""
    try:
        async with asyncio.timeout(_SECONDS):
            return await question
    except discord.LoginFailure as error:
        raise refused_token() from error
    except FAILURES as error:
        raise unreachable(error) from error


def refused_token() -> SettingsError:
    """Say that the token is no good."""
    return SettingsError(
        f"DISCORD_TOKEN was refused by Discord. Make a new one ({_PORTAL}, Bot, Reset Token) and"
        " copy it without anything before or after it."
    )


def unreachable(error: Exception) -> DependencyDown:
    """Say that Discord cannot be reached, and why."""
    cause = error.__cause__ if isinstance(error, discord.GatewayNotFound) else error
    if isinstance(cause, discord.HTTPException):
        known = {status.value: status.phrase for status in HTTPStatus}
        why = f"HTTP status {cause.status} {known.get(cause.status, '')}".rstrip()
        if cause.code:
            why += f", error code {cause.code}"
    elif isinstance(cause, TimeoutError):
        why = "no answer in time"
    elif isinstance(cause, (discord.DiscordException, aiohttp.ClientError, OSError)):
        why = str(cause) or type(cause).__name__
    else:
        why = "the answer is not Discord's"
    return DependencyDown(
        f"Discord cannot be reached at {Route.BASE} ({why}). Check the network, the proxy,"
        " DISCORD_API_URL and discordstatus.com."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Allowance:
    """How many sessions Discord lets us begin. reset_after: seconds until it is ``total`` again."""

    total: int
    remaining: int
    reset_after: float


class Identifies:
    """Spares the IDENTIFYs: Discord's own count of them, and at most five in ten minutes.

    Only sessions that did not end in order count for the latter: a crash loop, or Discord
    refusing each new session; not somebody who restarts the bot a few times.
    """

    def __init__(
        self,
        client: discord.Client,
        journal: Journal,
        application: str,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take a client that asks Discord, and where to count."""
        self._client = client
        self._journal = journal
        self._key = application
        self._sleep = sleep
        self._now = now
        self._warned = False
        self._last: str | None = None

    async def wait(self) -> None:
        """Wait until one more is wise. The client has logged in.

        DependencyDown; discord.GatewayNotFound when Discord does not say how many are left.
        """
        allowance = await self._ask()
        while allowance.remaining <= min(_SPARE, allowance.total // 2):
            seconds = allowance.reset_after + 1
            _log.error("nearly all new sessions of discord are used up", again_in=round(seconds))
            await self._sleep(seconds)
            allowance = await self._ask()
        if allowance.remaining <= allowance.total // 2 and not self._warned:
            self._warned = True
            _log.warning(
                "half of the new sessions that discord allows in a day are used up: does something"
                " restart the bot again and again?",
                left=allowance.remaining,
            )
        recent = await self._recent()
        if len(recent) >= _MOST_IN_WINDOW:
            due = datetime.fromisoformat(recent[-_MOST_IN_WINDOW]) + _WINDOW
            seconds = (due - self._now()).total_seconds()
            _log.error("discord was asked for too many new sessions", again_in=round(seconds))
            await self._sleep(max(0.0, seconds))

    async def count(self) -> None:
        """Note one that is about to be sent; a note that cannot be kept holds nothing up."""
        self._last = self._now().isoformat()
        try:
            await self._write([*await self._recent(), self._last])
        except DependencyDown as error:
            _log.error("a new session of discord is not noted", error=str(error))

    async def give_back(self) -> None:
        """Note that the last session ends in order."""
        if self._last is None:
            return
        try:
            await self._write([moment for moment in await self._recent() if moment != self._last])
        except DependencyDown as error:
            _log.error("the end of a session of discord is not noted", error=str(error))

    async def _ask(self) -> _Allowance:
        _, _, limit = await self._client.http.get_bot_gateway()
        return _Allowance(
            total=limit["total"],
            remaining=limit["remaining"],
            reset_after=limit["reset_after"] / 1000,
        )

    async def _recent(self) -> list[str]:
        note = await self._journal.read(IDENTIFIES, self._key) or {}
        since = self._now() - _WINDOW
        return [at for at in note.get("at", ()) if datetime.fromisoformat(at) > since]

    async def _write(self, moments: list[str]) -> None:
        await self._journal.write(IDENTIFIES, self._key, {"at": moments})
