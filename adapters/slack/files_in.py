"""Files in: bytes of attachments, from Slack's hosts and the listed ones, checked at every hop."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
import structlog
from yarl import URL

from adapters.slack.loose import obj, objects
from adapters.slack.messages_in import files_of
from adapters.slack.parts import moment
from adapters.slack.web import Refused, Unclear
from bot.chat import Attachment
from bot.errors import MaterialError
from bot.media import short_name

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from adapters.slack.values import Identity, SlackFile
    from adapters.slack.web import Web

_log = structlog.get_logger(__name__)

_SLACK = re.compile(r"(?:[a-z0-9-]+\.)*slack\.com|(?:[a-z0-9-]+\.)+slack-(?:edge|files)\.com")
_VISIBLE = re.compile(r"[!-\[\]-~]+")  # ASCII without spaces, control characters and backslashes
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
_PAUSES = (0.5, 2.0)  # seconds, when a server is busy
_HTTPS = 443
_PROCESSING = (0.0, 0.5, 1.0, 2.0)  # seconds, until a file has a URL
_HOPS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_BUSY = {429, 500, 502, 503, 504}
_HEAD = 256
_BLOCK = 256 * 1024
_IMAGES = {"png", "jpeg", "webp", "gif", "heic", "heif"}
_USABLE = {"application/pdf", *(f"image/{kind}" for kind in _IMAGES)}
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)", re.IGNORECASE)

_MESSAGES = 200
_MOST_FILES = 10
_NO_SCOPE = "Slack did not hand over a file: the scope files:read is missing, reinstall the app"

_GONE = "{} is no longer in Slack. Send it again."
_WITHHELD = "Slack did not hand over {}. Ask whoever runs this bot; its log says what to do."
_OUTSIDE = "{} is kept outside Slack. Upload the file itself."
_ASTRAY = "{} is on a host that is not allowed here. Ask whoever runs this bot; its log names it."
_BROKEN = "{} could not be downloaded. Send it again."
_STATES = {
    "tombstone": _GONE,
    "file_deleted": _GONE,
    "file_not_found": _GONE,
    "external": _OUTSIDE,
    "hidden_by_limit": "Slack hides {}, because the workspace is over its limit. Send it again.",
    "access_denied": _WITHHELD,
    "missing_scope": _WITHHELD,
}
"""What a file's ``mode`` and ``file_access`` mean, and the errors of files.info."""


def attachment(file: SlackFile) -> Attachment:
    """Turn a file of Slack's into an attachment; ``ref`` finds it again after a restart."""
    return Attachment(
        name=short_name(file.name),
        declared_type=file.mime_type,
        size=file.size,
        ref={"id": file.id, "url": "" if file.stub else file.url},
    )


class Files:
    """Downloads attachments.

    api_url: Slack's API; its origin is as good as Slack's hosts, plain http and loopback included.
    hosts: names (``ATTACHMENT_HOSTS``) where files may be besides, with any port, by http or https,
    private addresses allowed; they never see the token. Elsewhere only https on port 443 of Slack's
    own names. What these resolve to is not looked at: a private server has no certificate for them.
    """

    def __init__(
        self,
        web: Web,
        *,
        api_url: str,
        hosts: Sequence[str],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take the way to Slack, what may be fetched from, and how to wait."""
        self._web = web
        self._api = URL(api_url).origin()
        self._hosts = frozenset(host.lower() for host in hosts)
        self._pause = pause

    async def download(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        """Fetch the bytes, as Slack has them. MaterialError with words for the person."""
        name = short_name(attachment.name)
        try:
            url = attachment.ref.get("url") or await self._address(attachment.ref["id"], name)
            async with await self._open(url, name) as response:
                head = await _head(response.content)
                if attachment.declared_type != "text/html" and _is_page(response, head):
                    raise _withheld(name, response)
                yield head
                async for block in response.content.iter_chunked(_BLOCK):
                    yield block
        except (aiohttp.ClientError, OSError) as error:
            _log.warning("a download broke off", error=repr(error))
            raise MaterialError(_BROKEN.format(name)) from error

    async def _address(self, file_id: str, name: str) -> str:
        """Ask where a file is; one of Slack Connect, or a fresh one, comes without a URL."""
        for pause in _PROCESSING:
            await self._pause(pause)
            try:
                answer = await self._web.call("files.info", repeatable=True, file=file_id)
            except Refused as error:
                raise _problem(error.code, name) from error
            except Unclear as error:
                raise MaterialError(_BROKEN.format(name)) from error
            file = obj(answer.get("file"))
            for state in (file.get("mode"), file.get("file_access")):
                if state in _STATES:
                    raise _problem(state, name)
            if url := file.get("url_private_download") or file.get("url_private"):
                return str(url)
        raise MaterialError(f"Slack is still busy with {name}. Send it again in a minute.")

    async def _open(self, url: str, name: str) -> aiohttp.ClientResponse:
        """Follow redirects by hand to the answer that has the bytes."""
        target, words = _parse(url), _OUTSIDE
        for _ in range(_HOPS + 1):
            if target is None or not self._is_allowed(target):
                _log.warning(
                    "a file is on a host that is not in ATTACHMENT_HOSTS",
                    host=target and target.raw_host,
                )
                raise MaterialError(words.format(name))
            response = await self._get(target)
            if response.status == HTTPStatus.OK:
                return response
            response.close()
            if response.status not in _REDIRECTS:
                raise _unusable(name, response)
            target, words = _parse(response.headers.get("location", ""), target), _ASTRAY
        raise MaterialError(_BROKEN.format(name))

    async def _get(self, url: URL) -> aiohttp.ClientResponse:
        """Make one request, and again when the server is busy."""
        for pause in _PAUSES:
            try:
                response = await self._request(url)
            except aiohttp.ClientConnectionError as error:
                _log.info("a download is tried again", error=repr(error))
            else:
                if response.status not in _BUSY:
                    return response
                response.close()
            await self._pause(pause)
        return await self._request(url)

    async def _request(self, url: URL) -> aiohttp.ClientResponse:
        headers = {"accept-encoding": "identity"}
        if self._is_slack(url):
            headers["authorization"] = f"Bearer {self._web.token}"
        return await self._web.session.get(
            url, headers=headers, allow_redirects=False, auto_decompress=False, timeout=_TIMEOUT
        )

    def _is_slack(self, url: URL) -> bool:
        """Tell whether a URL may see the token; after a redirect inside Slack it is needed, too.

        Without it such a redirect ends at a login page (reported: openclaw/openclaw#63523).
        """
        if url.origin() == self._api:
            return True
        named = _SLACK.fullmatch((url.raw_host or "").lower())
        return named is not None and url.scheme == "https" and url.port == _HTTPS

    def _is_allowed(self, url: URL) -> bool:
        return self._is_slack(url) or (url.raw_host or "").lower() in self._hosts


async def pictures_of_thread(
    web: Web, channel: str, thread_ts: str, own: Identity, before: str
) -> tuple[SlackFile, ...]:
    """Find what a mention without files, in a thread that is not ours, is about.

    The pictures and PDFs (at most 10) of our own newest message before it, when we painted there
    once and have forgotten it; else of the thread's root; else of the newest message before it
    that has any. conversations.replies gives the root, then the replies, oldest first: of a longer
    thread only the first 200 messages are seen. Raises Refused, Unclear.
    """
    answer = await web.call(
        "conversations.replies", repeatable=True, channel=channel, ts=thread_ts, limit=_MESSAGES
    )
    messages = [
        message
        for message in objects(answer.get("messages"))
        if moment(message["ts"]) < moment(before) or message["ts"] == thread_ts
    ]
    newest = messages[::-1]
    ours = [message for message in newest if message.get("user") == own.user]
    root = [message for message in messages if message["ts"] == thread_ts]
    for message in (*ours, *root, *newest):
        if files := tuple(filter(_can_be_used, files_of(message))):
            return files[:_MOST_FILES]
    return ()


def _can_be_used(file: SlackFile) -> bool:
    """Tell by its name tag whether a file is worth a look; a stub has none."""
    kind = file.mime_type or ""
    return file.stub or kind in _USABLE


def _parse(url: str, base: URL | None = None) -> URL | None:
    """Read a URL, relative to ``base``; None for one that means different things to some readers.

    What is left is requested as it stands, since the address may be signed.
    """
    if not _VISIBLE.fullmatch(url):
        return None
    try:
        parsed = URL(url, encoded=True)
        if base is not None:
            parsed = base.join(parsed)
        usable = parsed.absolute and parsed.scheme in {"http", "https"} and parsed.port
    except ValueError:
        return None
    return parsed if usable and "@" not in parsed.raw_authority else None


async def _head(content: aiohttp.StreamReader) -> bytes:
    head = b""
    while len(head) < _HEAD and (more := await content.read(_HEAD - len(head))):
        head += more
    return head


def _is_page(response: aiohttp.ClientResponse, head: bytes) -> bool:
    return response.content_type == "text/html" or _PAGE.match(head) is not None


def _unusable(name: str, response: aiohttp.ClientResponse) -> MaterialError:
    if response.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _withheld(name, response)
    if response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return MaterialError(_GONE.format(name))
    _log.warning("a download failed", status=response.status, host=response.url.host)
    return MaterialError(_BROKEN.format(name))


def _withheld(name: str, response: aiohttp.ClientResponse) -> MaterialError:
    """Make the error for a file that Slack keeps back: with a login page, and status 200."""
    _log.error(_NO_SCOPE, status=response.status, host=response.url.host)
    return MaterialError(_WITHHELD.format(name))


def _problem(state: str, name: str) -> MaterialError:
    if _STATES.get(state) == _WITHHELD:
        _log.error(_NO_SCOPE, code=state)
    elif state not in _STATES:
        _log.warning("files.info was refused", code=state)
    return MaterialError(_STATES.get(state, _BROKEN).format(name))
