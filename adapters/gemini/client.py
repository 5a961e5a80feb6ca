"""Calls Gemini over HTTP; a paid call is never made twice by itself.

Bytes stream from the blobs to the wire and from the wire to the sink, so the memory of a call does
not grow with its history. A call whose body was begun may have been taken, whatever error follows:
only what happened before that, and what the service itself names as not taken, is tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
import httpx

from adapters.gemini import failures, wire
from adapters.gemini.answers import read_answer
from adapters.gemini.failures import Refusal, Route
from adapters.gemini.problems import problem_in
from adapters.gemini.transport import Upload, open_http
from bot.errors import CallRejected, KeyRejected, NotFound, ServiceBusy
from bot.profiles import PROFILES, ModelProfile, Provider, profile_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from pathlib import Path

    from bot.conversation import Contents, Generation
    from bot.options import GenerationOptions
    from bot.ports import BlobStore, SpoolSink

# aiohttp's errors that httpx-aiohttp does not translate are among them, and a time-out's OSError.
_BROKEN = (httpx.HTTPError, aiohttp.ClientError, OSError)
_MOST_ERROR = 64 * 1024
_PROBE_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. connect: until the first byte of a body can go out. write: for one block of it.

    read: without a byte of the answer. long_read: the same for 4K, search and high thinking.
    """

    connect: float = 10
    write: float = 60
    read: float = 180
    long_read: float = 300


class GeminiModel:
    """Gemini at one base URL with one key; implements ``bot.ports.ImageModel``."""

    def __init__(
        self,
        *,
        provider: Provider,
        base_url: str,
        key: str,
        key_name: str,
        model: str,
        blobs: BlobStore,
        timeouts: Timeouts | None = None,
        transfers: int = 16,
        max_request_bytes: int | None = None,
        safety_threshold: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Take the parts; nothing is connected yet.

        key_name: the variable that the key came from. model: the default, sent as given.
        transfers: bodies that go out at a time, and as many that come in.
        safety_threshold: one of Gemini's; None leaves it to the service. jitter: gives 0 to 1.
        """
        self.provider = provider
        self._host = httpx.URL(base_url).host
        self._models = base_url.rstrip("/").removesuffix("/v1beta") + "/v1beta/models"
        self._key = key
        self._key_name = key_name
        self._model = model
        self._blobs = blobs
        self._timeouts = timeouts or Timeouts()
        self._max_request_bytes = max_request_bytes
        self._safety_threshold = safety_threshold
        self._sleep = sleep
        self._jitter = jitter
        self._uploads = asyncio.Semaphore(transfers)
        self._downloads = asyncio.Semaphore(transfers)
        self._http = open_http(key)

    @property
    def backend(self) -> str:
        """Name the service, route and key, without the model."""
        digest = hashlib.sha256(self._key.encode()).hexdigest()
        return f"{self.provider}/{self._host}/{digest[:8]}"

    def profile(self, model: str | None) -> ModelProfile:
        """Find a model; None is the operator's default. UsageError when there is no such model."""
        found = profile_of(self.provider, model or self._model, default=self._model)
        return replace(found, max_bytes=self._max_request_bytes or found.max_bytes)

    async def call(
        self,
        contents: Contents,
        options: GenerationOptions,
        sink: SpoolSink,
        note: Callable[[str], None],
    ) -> None:
        """Make one paid call and write its raw answer to the sink; see ``ImageModel.call``."""
        profile = self.profile(options.model)
        tried, waited = 0, 0.0
        while True:
            try:
                return await self._once(contents, options, profile, sink)
            except Refusal as refusal:
                if refusal.without_system and contents.system:
                    contents = wire.without_system(contents)
                    continue
                tried += 1
                seconds = failures.pause(refusal, tried, waited, self._jitter())
                if seconds is None:
                    raise refusal.error from refusal
                note(f"{refusal.note}; trying again in {seconds:.0f} s")
            await self._sleep(seconds)
            note("")
            waited += seconds
            sink.restart()

    async def read(self, answer: Path, workspace: str) -> Generation:
        """Read a spooled answer, in a thread; see ``ImageModel.read``."""
        return await asyncio.to_thread(read_answer, answer, workspace, self._blobs)

    async def probe(self) -> None:
        """Ask whether the default model is alive, for nothing; see ``ImageModel.probe``.

        A gateway that answers in another way than Google counts as alive: only a call can tell.
        """
        profile = self.profile(None)
        route = self._route(profile)
        try:
            status, body = await self._get(f"/{quote(profile.id, safe='')}")
            refusal = failures.judge(status, body, route)
            if isinstance(refusal.error, KeyRejected):
                raise refusal.error
            if status == httpx.codes.NOT_FOUND:
                _, listing = await self._get("?pageSize=1000")
                _check_listed(profile, route, body, wire.model_ids(listing))
        except _BROKEN as error:
            raise failures.unreachable(route).error from error

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    def _route(self, profile: ModelProfile) -> Route:
        return Route(
            provider=self.provider,
            host=self._host,
            model=profile.id,
            replaced_by=profile.replaced_by,
            key_name=self._key_name,
            key=self._key,
        )

    async def _get(self, path: str) -> tuple[int, bytes]:
        timeout = httpx.Timeout(_PROBE_SECONDS, connect=self._timeouts.connect, pool=None)
        response = await self._http.get(self._models + path, timeout=timeout)
        return response.status_code, response.content

    async def _once(
        self, contents: Contents, options: GenerationOptions, profile: ModelProfile, sink: SpoolSink
    ) -> None:
        """Make one try. Raises Refusal.

        A slot for the upload is held until the body is sent, one for the download from the first
        byte of the answer on; waiting for the model holds none.
        """
        body = wire.encode(contents, options, profile, self._safety_threshold)
        route = self._route(profile)
        if body.length > profile.max_bytes:
            raise Refusal(failures.too_large(route))
        async with AsyncExitStack() as slot:
            await slot.enter_async_context(self._uploads)
            upload = Upload(
                body,
                blobs=self._blobs,
                workspace=contents.workspace,
                seconds=self._timeouts.write,
                sent=slot.aclose,
            )
            request = self._request(profile.id, upload, body.length, self._patience(options))
            try:
                async with asyncio.timeout(self._timeouts.connect) as upload.deadline:
                    response = await self._http.send(request, stream=True)
                await slot.aclose()
                async with aclosing(response), self._downloads:
                    await _receive(response, sink, route)
            except _BROKEN as error:
                raise _broken(upload, error, route) from error

    def _request(self, model: str, upload: Upload, length: int, read: float) -> httpx.Request:
        return self._http.build_request(
            "POST",
            f"{self._models}/{quote(model, safe='')}:generateContent",
            content=upload,
            headers={"content-type": "application/json", "content-length": str(length)},
            timeout=httpx.Timeout(
                connect=self._timeouts.connect, write=self._timeouts.write, read=read, pool=None
            ),
        )

    def _patience(self, options: GenerationOptions) -> float:
        slow = (
            options.image_size == "4K"
            or options.thinking == "high"
            or options.web_search
            or options.image_search
        )
        return self._timeouts.long_read if slow else self._timeouts.read


async def _receive(response: httpx.Response, sink: SpoolSink, route: Route) -> None:
    """Write the answer to the sink. Raises Refusal for any status but 200."""
    if response.status_code != httpx.codes.OK:
        retry_after = response.headers.get("retry-after", "")
        body = await _beginning(response)
        raise failures.judge(response.status_code, body, route, retry_after)
    async for block in response.aiter_bytes():
        sink.write(block)


async def _beginning(response: httpx.Response) -> bytes:
    """Read an error's body, as far as it comes and makes sense."""
    body = b""
    with suppress(*_BROKEN):
        async for block in response.aiter_bytes():
            body += block
            if len(body) >= _MOST_ERROR:
                break
    return body[:_MOST_ERROR]


def _broken(upload: Upload, error: Exception, route: Route) -> Refusal:
    """Say what a failed transfer means: nothing was sent, or nobody knows.

    The kind of error cannot tell: httpx-aiohttp gives ConnectTimeout, too, for a connection that
    was lost after the body had been sent.
    """
    if isinstance(upload.error, NotFound):
        words = "A picture of this thread is not stored any more. Start a new thread with it."
        return Refusal(CallRejected(words))
    if upload.error:
        words = "A picture of this thread cannot be read just now. Nothing was billed. Try again."
        return Refusal(ServiceBusy(words))
    if not upload.started:
        return failures.unreachable(route)
    if isinstance(error, TimeoutError):
        return failures.unknown(f"The upload to {route.service} got stuck.")
    if isinstance(error, httpx.ReadTimeout):
        return failures.unknown(f"{route.service} did not answer in time.")
    return failures.unknown(f"The connection to {route.service} broke off.")


def _check_listed(profile: ModelProfile, route: Route, body: bytes, known: Collection[str]) -> None:
    """Raise ModelGone when a 404 was about the model, and not about a gateway without this page."""
    problem = problem_in(body)
    certain = known or (problem and problem.status == "NOT_FOUND")
    if certain and profile.id not in known:
        candidates = (profile.replaced_by, *PROFILES[profile.provider])
        raise failures.gone(route, next((each for each in candidates if each in known), ""))
