"""Files in: bytes of attachments, from Discord's hosts and the listed ones, with fresh links."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
import structlog
from yarl import URL

from adapters.discord.calls import Refused, Unclear
from adapters.discord.material import files_of
from adapters.discord.refusals import Code
from adapters.discord.values import Found
from bot.chat import Attachment
from bot.errors import MaterialError
from bot.media import short_name

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    import discord

    from adapters.discord.calls import Calls
    from adapters.discord.values import DiscordFile, Said

_log = structlog.get_logger(__name__)

_DISCORD = {"cdn.discordapp.com", "media.discordapp.net"}
_VISIBLE = re.compile(r"[!-\[\]-~]+")  # ASCII without spaces, control characters and backslashes
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
_PAUSES = (0.5, 2.0)  # seconds, when a server is busy
_HTTPS = 443
_BUSY = {429, 500, 502, 503, 504}
_STALE = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_BLOCK = 256 * 1024

_GONE = "{} is no longer in Discord. Send it again."
_CLOSED = "{} is in a channel that I cannot read. Send it here."
_OUTSIDE = "{} is kept outside Discord. Upload the file itself."
_BROKEN = "{} could not be downloaded. Send it again."
_UNREAD = "The picture that you mean could not be read. Try again, or send it along."


def attachment(file: DiscordFile) -> Attachment:
    """Turn a file of Discord's into an attachment; ``ref`` finds it again after a restart."""
    return Attachment(
        name=short_name(file.name),
        declared_type=file.mime_type,
        size=file.size,
        ref={"id": file.id, "url": file.url, "channel": file.channel, "message": file.message},
    )


def refused(words: str) -> Attachment:
    """Make an attachment of a file that cannot be used, so that the core tells why. words: that."""
    return Attachment(name="", ref={"problem": words})


class Files:
    """Downloads attachments.

    hosts: names (``ATTACHMENT_HOSTS``) where files may be besides, with any port, by http or https,
    private addresses allowed. Elsewhere only https on port 443 of Discord's own two names. What
    these resolve to is not looked at: a private server has no certificate for them. Redirects are
    not followed, Discord makes none. No request has credentials: links are signed.
    """

    def __init__(
        self,
        calls: Calls,
        session: aiohttp.ClientSession,
        *,
        hosts: Sequence[str] = (),
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take the way to messages and the one to files, and how to wait."""
        self._calls = calls
        self._session = session
        self._hosts = frozenset(host.lower() for host in hosts)
        self._pause = pause

    async def download(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        """Fetch the bytes, as Discord has them. MaterialError with words for the person."""
        ref, name = attachment.ref, short_name(attachment.name)
        if "problem" in ref:
            raise MaterialError(ref["problem"])
        try:
            response = await self._open(ref["url"], name)
            if response.status in _STALE:
                response.close()
                response = await self._open(await self._fresh_link(attachment), name)
            async with response:
                if response.status != HTTPStatus.OK:
                    raise _unusable(name, response)
                async for block in response.content.iter_chunked(_BLOCK):
                    yield block
        except (aiohttp.ClientError, OSError) as error:
            _log.warning("a download broke off", error=repr(error))
            raise MaterialError(_BROKEN.format(name)) from error

    async def _fresh_link(self, attachment: Attachment) -> str:
        """Fetch the message of a file once more: the links in it expire later."""
        ref, name = attachment.ref, short_name(attachment.name)
        if not ref["message"]:
            raise MaterialError(_GONE.format(name))
        try:
            message = await _fetch(self._calls, ref["channel"], ref["message"])
        except Refused as error:
            raise MaterialError(_told(error).format(name)) from error
        except Unclear as error:
            raise MaterialError(_BROKEN.format(name)) from error
        for file in files_of(message).files:
            if file.id == ref["id"]:
                return file.url
        raise MaterialError(_GONE.format(name))

    async def _open(self, url: str, name: str) -> aiohttp.ClientResponse:
        """Make one request, and again when the server is busy."""
        target = _parse(url)
        if target is None or not self._is_allowed(target):
            _log.warning(
                "a file is on a host that is not in ATTACHMENT_HOSTS",
                host=target and target.raw_host,
            )
            raise MaterialError(_OUTSIDE.format(name))
        for pause in _PAUSES:
            try:
                response = await self._request(target)
            except aiohttp.ClientConnectionError as error:
                _log.info("a download is tried again", error=repr(error))
            else:
                if response.status not in _BUSY:
                    return response
                response.close()
            await self._pause(pause)
        return await self._request(target)

    async def _request(self, url: URL) -> aiohttp.ClientResponse:
        return await self._session.get(
            url,
            headers={"accept-encoding": "identity"},
            allow_redirects=False,
            auto_decompress=False,
            timeout=_TIMEOUT,
        )

    def _is_allowed(self, url: URL) -> bool:
        host = (url.raw_host or "").lower()
        if host in self._hosts:
            return True
        return host in _DISCORD and url.scheme == "https" and url.port == _HTTPS


async def pictures_around(calls: Calls, said: Said) -> Found:
    """Find what a request without files is about, where we know of no picture of ours.

    The files of the message that it replies to, ours included; else those of the message that its
    thread began with. That one is in the channel above, but of a forum in the thread itself. When
    Discord does not say, the sentence about it is among the skipped.
    """
    places = [(said.place, said.reply_to)] if said.reply_to else []
    if said.thread and said.thread != said.id:
        above, here = (said.channel, said.thread), (said.thread, said.thread)
        places += [here] if said.kind == "forum" else [above, here]
    for channel, message in places:
        try:
            found = files_of(await _fetch(calls, channel, message))
        except Refused as error:
            if error.final:
                continue
            return Found(skipped=(_UNREAD,))
        except Unclear:
            return Found(skipped=(_UNREAD,))
        if found.files:
            return found
    return Found()


async def _fetch(calls: Calls, channel: str, message: str) -> discord.Message:
    """Fetch a message, with links that are good for a day. Refused, Unclear."""
    place = calls.client.get_partial_messageable(int(channel))
    return await calls.do(lambda: place.fetch_message(int(message)), repeatable=True)


def _told(error: Refused) -> str:
    """Say what it means that a message was not to be had."""
    if error.code in {Code.UNKNOWN_MESSAGE, Code.UNKNOWN_CHANNEL, Code.NOT_FOUND}:
        return _GONE
    return _CLOSED if error.closed else _BROKEN


def _parse(url: str) -> URL | None:
    """Read a URL; None for one that means different things to some readers.

    What is left is requested as it stands, since the address is signed.
    """
    if not _VISIBLE.fullmatch(url):
        return None
    try:
        parsed = URL(url, encoded=True)
        usable = parsed.absolute and parsed.scheme in {"http", "https"} and parsed.port
    except ValueError:
        return None
    return parsed if usable and "@" not in parsed.raw_authority else None


def _unusable(name: str, response: aiohttp.ClientResponse) -> MaterialError:
    if response.status in _STALE:
        return MaterialError(_GONE.format(name))
    _log.warning("a download failed", status=response.status, host=response.url.host)
    return MaterialError(_BROKEN.format(name))
