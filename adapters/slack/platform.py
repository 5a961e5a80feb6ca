"""SlackPlatform: the port ChatPlatform over one Slack app in one workspace."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import errands, messages
from adapters.slack.catchup import CatchUp
from adapters.slack.courier import Courier
from adapters.slack.files_in import Files
from adapters.slack.front import take
from adapters.slack.listening import Way, listen
from adapters.slack.parts import Parts, utc_now
from adapters.slack.people import People
from adapters.slack.preflight import preflight
from adapters.slack.progress import Signal
from adapters.slack.web import Web
from bot.chat import NoticeKind
from bot.errors import DeliveryError, DependencyDown, SettingsError
from bot.faults import no_fault
from bot.profiles import PROFILES
from bot.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence

    from pydantic import SecretStr

    from adapters.slack.values import Identity
    from bot.access import Access, Follow
    from bot.chat import Attachment, Notice, Post, Progress, Reply
    from bot.conversation import Turn
    from bot.options import GenerationOptions
    from bot.ports import BlobStore, Desk, Journal, Ledger, TurnStore
    from bot.preferences import Preferences
    from bot.settings import Settings

_log = structlog.get_logger(__name__)

CALL_SECONDS = 10  # for one call of the Web API
_BEAT_SECONDS = 30
_TIDY_SECONDS = 3600
_NOTES_LIVE = timedelta(days=14)
_FIRST_WAIT, _LONGEST_WAIT = 2, 60  # seconds between two tries to reach Slack at the start


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """What the operator decided about Slack.

    way: how payloads come in. hosts: more hosts of attachments. models: ids that forms offer.
    costs: whether prices are shown. quota: pictures a day of one person, None for no limit.
    """

    token: str
    way: Way
    api_url: str
    hosts: Sequence[str]
    access: Access
    follow: Follow
    defaults: GenerationOptions
    models: Sequence[str]
    costs: bool
    quota: int | None


def settings_of(settings: Settings) -> SlackSettings:
    """Pick what is Slack's from the operator's settings."""
    models = (settings.model, *PROFILES[settings.provider])
    return SlackSettings(
        token=_secret(settings.slack_bot_token),
        way=Way(
            app_token=_secret(settings.slack_app_token) or None,
            signing_secret=_secret(settings.slack_signing_secret),
            host=settings.http_host,
            port=settings.http_port,
        ),
        api_url=settings.slack_api_url,
        hosts=settings.attachment_hosts,
        access=settings.access(),
        follow=settings.follow,
        defaults=settings.default_options(),
        models=tuple(dict.fromkeys(models)),
        costs=settings.provider != "offline",
        quota=settings.person_daily_pictures,
    )


def _secret(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


class SlackPlatform:
    """Listens to one workspace and answers in its threads."""

    name = "slack"

    def __init__(
        self,
        settings: SlackSettings,
        *,
        store: TurnStore,
        ledger: Ledger,
        blobs: BlobStore,
        journal: Journal,
        preferences: Preferences,
        own: Identity | None = None,
        fault: Callable[[str], None] = no_fault,
    ) -> None:
        """Take the parts, inside a running event loop. own: who we are, if it is known already."""
        self._settings = settings
        self._store = store
        self._ledger = ledger
        self._journal = journal
        self._preferences = preferences
        self._own = own
        self._fault = fault
        self._session = aiohttp.ClientSession()
        self._client = web_client(settings.token, settings.api_url, self._session)
        self._web = Web(self._client)
        self._files = Files(self._web, api_url=settings.api_url, hosts=settings.hosts)
        self._signal = Signal(web=self._web, now=utc_now)
        self._courier = Courier(
            web=self._web,
            journal=journal,
            blobs=blobs,
            costs=settings.costs,
            now=utc_now,
            fault=fault,
        )

    async def run(self, desk: Desk) -> None:
        """Listen until cancelled. SettingsError when Slack refuses the tokens, now or later."""
        own = await self._identity()
        parts = self._parts(own, desk)
        catchup = CatchUp(
            web=self._web, store=self._store, journal=self._journal, own=own, now=utc_now
        )
        try:
            way = self._settings.way
            async with listen(way, self._client, partial(take, parts)) as reachable:
                _log.info("listening to slack", way=way.name, team=own.team, bot=own.user)
                await errands.resume(parts)
                await _first(self._keep_going(parts, catchup, reachable), self._until_gone())
        finally:
            await parts.tasks.close()

    async def _until_gone(self) -> None:
        """Wait until Slack says that the app is gone. SettingsError."""
        code = await self._web.until_gone()
        raise SettingsError(
            f"Slack no longer takes SLACK_BOT_TOKEN ({code}). Install the app again, set the new"
            " token and start Threadpaint again."
        )

    async def _identity(self) -> Identity:
        """Ask who we are, for as long as Slack cannot be reached."""
        wait = _FIRST_WAIT
        while self._own is None:
            try:
                self._own = await preflight(self._client, self._settings.way.app_token)
            except DependencyDown as error:
                _log.error("slack cannot be reached", error=str(error), again_in=wait)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
        return self._own

    def _parts(self, own: Identity, desk: Desk) -> Parts:
        settings = self._settings
        return Parts(
            own=own,
            web=self._web,
            desk=desk,
            store=self._store,
            ledger=self._ledger,
            journal=self._journal,
            preferences=self._preferences,
            courier=self._courier,
            people=People(self._web, team=own.team, admins=settings.access.admins, now=utc_now),
            access=settings.access,
            follow=settings.follow,
            defaults=settings.defaults,
            models=settings.models,
            costs=settings.costs,
            quota=settings.quota,
            fault=self._fault,
            tasks=Tasks(),
        )

    async def _keep_going(
        self, parts: Parts, catchup: CatchUp, reachable: Callable[[], Awaitable[bool]]
    ) -> None:
        """Catch up after each absence, note that we are here, forget old notes; for ever."""
        loop = asyncio.get_running_loop()
        tidy_at = loop.time()
        away = True
        while True:
            try:
                if not await reachable():
                    away = True
                else:
                    if away:
                        await _catch_up(parts, catchup)
                    away = False
                    await catchup.beat()
                if loop.time() >= tidy_at:
                    tidy_at = loop.time() + _TIDY_SECONDS
                    await self._tidy()
            except DependencyDown as error:
                _log.error("slack's notes cannot be kept", error=str(error))
            await asyncio.sleep(_BEAT_SECONDS)

    async def _tidy(self) -> None:
        now = utc_now()
        await self._courier.tidy(now)
        for kind in (errands.ERRANDS, messages.SEEN, messages.LATE, messages.GONE):
            await self._journal.forget(kind, now - _NOTES_LIVE)

    def download(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        """Fetch the bytes of an attachment. MaterialError."""
        return self._files.download(attachment)

    async def working(self, turn: Turn, progress: Progress) -> None:
        """Show that a turn is going on; may be dropped."""
        await self._signal.show(turn, progress)

    async def deliver(self, turn: Turn, reply: Reply) -> Sequence[Post]:
        """Show the answer exactly once; not to a message that was deleted. DeliveryError."""
        if await self._journal.read(messages.GONE, turn.id) is not None:
            raise DeliveryError("The message that asked for this was deleted.", final=True)
        posts = await self._courier.deliver(turn, reply)
        await self._signal.end(turn)
        return posts

    async def tell(self, turn: Turn, notice: Notice) -> Sequence[Post]:
        """Tell something about the turn, once for each kind and round. DeliveryError."""
        if await self._journal.read(messages.GONE, turn.id) is not None:
            await self._signal.end(turn)
            return ()
        posts = await self._courier.tell(turn, notice)
        if notice.kind is not NoticeKind.SLOW:
            await self._signal.end(turn)
        return posts

    async def close(self) -> None:
        """Give the connections back."""
        await self._session.close()


async def identify(settings: SlackSettings) -> Identity:
    """Try the tokens before anything else is opened. SettingsError, DependencyDown."""
    async with aiohttp.ClientSession() as session:
        client = web_client(settings.token, settings.api_url, session)
        return await preflight(client, settings.way.app_token)


def web_client(token: str, api_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Make the client of Slack's Web API: one session, nothing repeated behind our back."""
    return AsyncWebClient(
        token=token,
        base_url=api_url,
        session=session,
        timeout=CALL_SECONDS,
        retry_handlers=[],
    )


async def _first(*works: Coroutine[Any, Any, None]) -> None:
    """Do several things for ever, until one of them ends; then end as it does."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _catch_up(parts: Parts, catchup: CatchUp) -> None:
    """Take what was said while the bot was away."""
    for said, late in await catchup.missed():
        await messages.said(parts, said, late=late)
