"""Listening: the gateway's events go to a ``Listener``, over every drop of the connection.

Buttons and forms are taken from the raw interaction, by their custom_id: discord.py's own views and
modals live in memory, and its DynamicItem is deaf when the message no longer has the component or
when one view was edited to have none (measured with 2.7.1).
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import discord
import structlog
from discord.gateway import ReconnectWebSocket

from adapters.discord.actions import PATTERN
from adapters.discord.preflight import FAILURES, LONGEST_429, refused_token, unreachable
from bot.errors import DependencyDown, SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from adapters.discord.preflight import Identifies

    Sleep = Callable[[float], Awaitable[object]]

_log = structlog.get_logger(__name__)

# what it logs, with a trace at each try, is told here in a line
logging.getLogger("discord.client").setLevel(logging.CRITICAL)

_FIRST_WAIT, _LONGEST_WAIT = 5.0, 120.0  # seconds; Discord takes one IDENTIFY in 5 s
_DEFER_SECONDS = 3.0
_HANG_UP_SECONDS = 2.0
_TOO_LATE, _ACKNOWLEDGED = 10062, 40060  # error codes
_BAD_TOKEN, _TOO_MANY_SERVERS, _BAD_INTENTS = 4004, 4011, 4014  # close codes


class Listener(Protocol):
    """What hears of the events. Each is called in a task of its own; what it raises is logged."""

    def returned(self) -> None:
        """Hear at once that a new session begins, before anything of it is heard."""
        ...

    async def ready(self) -> None:
        """Hear that a new session began: what was said before it never comes by itself."""
        ...

    async def resumed(self) -> None:
        """Hear that a session goes on: what was missed is coming."""
        ...

    async def said(self, message: discord.Message) -> None:
        """Hear a message of anybody, ours too."""
        ...

    async def edited(self, update: discord.RawMessageUpdateEvent) -> None:
        """Hear that a message was edited; also when Discord only added a preview to it."""
        ...

    async def deleted(self, guild: int | None, channel: int, messages: Collection[int]) -> None:
        """Hear that messages were deleted."""
        ...

    async def thread_deleted(self, thread: discord.RawThreadDeleteEvent) -> None:
        """Hear that a thread was deleted."""
        ...

    async def pressed(self, interaction: discord.Interaction, name: str, value: str) -> None:
        """Hear that a button or menu of ours was used, however old. name: an ``Action``."""
        ...

    async def submitted(self, interaction: discord.Interaction, name: str, value: str) -> None:
        """Hear that a form of ours was sent. name: a ``Form``; what was entered is in the data."""
        ...

    async def joined(self, guild: discord.Guild) -> None:
        """Hear that the bot was invited to a server."""
        ...

    async def left(self, guild: discord.Guild) -> None:
        """Hear that the bot was removed from a server."""
        ...


class _SessionLost(Exception):
    """Discord has forgotten the session: the next one takes an IDENTIFY."""


class Gateway(discord.Client):
    """discord.py's client: it also makes every call of the API, whether connected or not."""

    listener: Listener
    """Set before it connects."""
    identifies: Identifies
    """Set before it connects."""

    def __init__(self, *, content: bool, ready_seconds: float = 2.0) -> None:
        """Take what the portal allows.

        content: the message content intent. ready_seconds: how long to wait for servers to arrive
        before READY is told.
        """
        super().__init__(
            intents=discord.Intents(guilds=True, messages=True, message_content=content),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=ready_seconds,
            max_ratelimit_timeout=LONGEST_429,
        )
        self.logged_in = asyncio.Event()
        """Set once the API can be called."""
        self.connected = False
        self.had_session = False

    def stop_getting_ready(self) -> None:
        """End discord.py's wait for servers, which would go on without a connection."""
        waiting: asyncio.Task[None] | None = getattr(self._connection, "_ready_task", None)
        if waiting is not None:
            waiting.cancel()

    def dispatch(self, event: str, /, *args: object, **kwargs: object) -> None:
        """Pass an event on; leave ``connect`` when the session is lost.

        discord.py would identify anew at once, and again, for as long as Discord refuses.
        """
        if event == "connect":  # only a new session has it
            self.listener.returned()
        if event in {"ready", "resumed"}:
            self.connected = self.had_session = True
        super().dispatch(event, *args, **kwargs)
        if event == "disconnect":
            if self.connected:
                _log.warning("the connection to discord was cut")
            self.connected = False
            cause = sys.exc_info()[1]  # what ``connect`` deals with at this moment
            if isinstance(cause, ReconnectWebSocket) and not cause.resume:
                raise _SessionLost

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Count an IDENTIFY that is about to be sent."""
        del shard_id, initial
        await self.identifies.count()

    async def on_error(self, event_method: str, /, *args: object, **kwargs: object) -> None:
        """Log what a listener raised."""
        del args, kwargs
        _log.exception("an event of discord was not dealt with", listener=event_method)

    async def on_ready(self) -> None:
        """Pass it on."""
        _log.info("listening to discord", servers=len(self.guilds), name=str(self.user))
        await self.listener.ready()

    async def on_resumed(self) -> None:
        """Pass it on."""
        _log.info("listening to discord again")
        await self.listener.resumed()

    async def on_message(self, message: discord.Message) -> None:
        """Pass it on."""
        await self.listener.said(message)

    async def on_raw_message_edit(self, update: discord.RawMessageUpdateEvent) -> None:
        """Pass it on."""
        await self.listener.edited(update)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Pass it on."""
        await self.listener.deleted(event.guild_id, event.channel_id, (event.message_id,))

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Pass it on."""
        await self.listener.deleted(event.guild_id, event.channel_id, event.message_ids)

    async def on_raw_thread_delete(self, thread: discord.RawThreadDeleteEvent) -> None:
        """Pass it on."""
        await self.listener.thread_deleted(thread)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Take a server that was away as a new session: its messages were missed, too."""
        del guild
        await self.listener.ready()

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Pass it on."""
        await self.listener.joined(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Pass it on."""
        await self.listener.left(guild)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Pass on what was done with a button or form of ours."""
        data: Any = interaction.data or {}
        found = PATTERN.fullmatch(data.get("custom_id", ""))
        if found is None:
            return
        if interaction.type is discord.InteractionType.component:
            await self.listener.pressed(interaction, found["name"], found["value"])
        elif interaction.type is discord.InteractionType.modal_submit:
            await self.listener.submitted(interaction, found["name"], found["value"])


class _Backoff:
    """Waits longer after each failure in a row, never twice the same."""

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self._wait = _FIRST_WAIT

    def reset(self) -> None:
        self._wait = _FIRST_WAIT

    async def pause(self, why: str) -> None:
        seconds = random.uniform(self._wait, 1.5 * self._wait)  # noqa: S311 - no secret
        self._wait = min(2 * self._wait, _LONGEST_WAIT)
        _log.error("not listening to discord", error=why, again_in=round(seconds))
        await self._sleep(seconds)


async def listen(
    gateway: Gateway,
    token: str,
    listener: Listener,
    identifies: Identifies,
    *,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Listen until cancelled, whatever becomes of the connection. SettingsError.

    At the addresses that ``preflight`` settled. Afterwards the client still calls the API, so that
    what runs can be delivered; its ``close`` ends that.
    """
    gateway.listener = listener
    gateway.identifies = identifies
    backoff = _Backoff(sleep)
    try:
        await _log_in(gateway, token, backoff)
        await _stay(gateway, identifies, backoff)
    finally:
        if gateway.connected:
            await identifies.give_back()
        await _hang_up(gateway)


async def _log_in(gateway: Gateway, token: str, backoff: _Backoff) -> None:
    """Log in, for as long as that takes; from then on the API can be called."""
    while not gateway.logged_in.is_set():
        try:
            await gateway.login(token)
            gateway.logged_in.set()
        except discord.LoginFailure as error:
            raise refused_token() from error
        except FAILURES as error:
            # A failed login leaves a session open, which takes its connector along when it ends.
            await gateway.http.close()
            gateway.http.connector = discord.utils.MISSING
            await backoff.pause(str(unreachable(error)))


async def _stay(gateway: Gateway, identifies: Identifies, backoff: _Backoff) -> None:
    """Begin one session after another, for each that is lost."""
    while not gateway.is_closed():
        try:
            await identifies.wait()
            await gateway.connect()
        except (discord.ConnectionClosed, discord.PrivilegedIntentsRequired) as error:
            raise _final(error) from error
        except _SessionLost:
            why = "Discord has forgotten the session."
        except DependencyDown as error:
            why = str(error)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            why = str(unreachable(error))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            why = _defect(gateway, error)
        else:
            return
        if gateway.had_session:
            backoff.reset()
        gateway.had_session = False
        await _hang_up(gateway)
        await backoff.pause(why)


def _defect(gateway: Gateway, error: Exception) -> str:
    """Tell a first connection that failed, which makes discord.py stumble, from a bad event."""
    if gateway.ws is None:
        cause = error.__context__
        return str(unreachable(cause if isinstance(cause, Exception) else error))
    _log.error("discord.py could not read an event", exc_info=error)
    return "Discord sent an event that cannot be read."


def _final(error: discord.ConnectionClosed | discord.PrivilegedIntentsRequired) -> SettingsError:
    """Say what the operator has to change."""
    code = error.code if isinstance(error, discord.ConnectionClosed) else _BAD_INTENTS
    if code == _BAD_TOKEN:
        return refused_token()
    if code == _BAD_INTENTS:
        return SettingsError(
            "Discord refused the message content intent, which was on a moment ago. Start again to"
            " go on without it, or turn it on: discord.com/developers/applications, Bot."
        )
    if code == _TOO_MANY_SERVERS:
        return SettingsError(
            "The bot is on more servers than one connection may have (2,500). This version cannot"
            " serve so many: remove it from some."
        )
    return SettingsError(f"Discord ended the connection for good (close code {code}).")


async def _hang_up(gateway: Gateway) -> None:
    """Close the connection in order, if there is one; the session ends with it."""
    gateway.connected = False
    gateway.stop_getting_ready()
    if gateway.ws is not None and gateway.ws.open:
        with suppress(TimeoutError):
            async with asyncio.timeout(_HANG_UP_SECONDS):
                await gateway.ws.close(code=1000)


async def defer(
    interaction: discord.Interaction, *, ephemeral: bool = False, thinking: bool = True
) -> bool:
    """Acknowledge an interaction, which Discord wants within 3 s: before anything else is done.

    ephemeral: whether only the person sees the answer; it cannot be changed later. thinking: False
    leaves the message of a button as it is. Tells whether its token can be used: not when it was
    too late, or Discord was out of reach. What was asked for can go on without it.
    """
    why = ""
    for _ in range(2):  # the second one when the connection was cut
        try:
            async with asyncio.timeout(_DEFER_SECONDS):
                await interaction.response.defer(ephemeral=ephemeral, thinking=thinking)
        except discord.InteractionResponded:
            return True
        except discord.HTTPException as error:
            if error.code == _ACKNOWLEDGED:
                return True
            why = "too late" if error.code == _TOO_LATE else f"HTTP status {error.status}"
            break
        except TimeoutError:
            why = "no answer in time"
            break
        except (aiohttp.ClientError, OSError) as error:
            why = str(error) or type(error).__name__
        else:
            return True
    _log.warning("an interaction could not be acknowledged", id=interaction.id, why=why)
    return False
