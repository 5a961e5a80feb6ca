"""DiscordPlatform: the port ChatPlatform over one Discord bot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import structlog

from adapters.discord import errands, messages
from adapters.discord.calls import Calls
from adapters.discord.catchup import CatchUp
from adapters.discord.courier import Courier
from adapters.discord.deferred import Deferred
from adapters.discord.files_in import Files
from adapters.discord.handlers import DiscordHandlers
from adapters.discord.listening import Gateway, listen
from adapters.discord.parts import Parts, in_place, utc_now
from adapters.discord.preflight import Identifies, find, preflight
from adapters.discord.progress import Signal
from adapters.discord.servers import Servers
from adapters.discord.sync import models_of, sync_if_changed
from adapters.discord.tree import build
from bot.chat import NoticeKind
from bot.errors import DeliveryError, DependencyDown, SettingsError
from bot.faults import no_fault
from bot.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from adapters.discord.preflight import Known
    from bot.access import Access, Follow
    from bot.chat import Attachment, Notice, Post, Progress, Reply
    from bot.conversation import Turn
    from bot.options import GenerationOptions
    from bot.ports import BlobStore, Desk, Journal, Ledger, TurnStore
    from bot.preferences import Preferences
    from bot.privacy import Privacy
    from bot.settings import Settings

_log = structlog.get_logger(__name__)

_WRITE_SECONDS = 5  # between two writings of the cursors
_TIDY_SECONDS = 3600
_NOTES_LIVE = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordSettings:
    """What the operator decided about Discord.

    gateway_url: None for the one that the API names. hosts: more hosts of attachments. models: ids
    that commands offer. costs: whether prices are shown. quota: pictures a day of one person.
    """

    token: str
    api_url: str
    gateway_url: str | None
    hosts: Sequence[str]
    access: Access
    follow: Follow
    defaults: GenerationOptions
    models: Sequence[str]
    costs: bool
    quota: int | None


def settings_of(settings: Settings) -> DiscordSettings:
    """Pick what is Discord's from the operator's settings."""
    token = settings.discord_token
    return DiscordSettings(
        token=token.get_secret_value() if token else "",
        api_url=settings.discord_api_url,
        gateway_url=settings.discord_gateway_url,
        hosts=settings.attachment_hosts,
        access=settings.access(),
        follow=settings.follow,
        defaults=settings.default_options(),
        models=models_of(settings),
        costs=settings.provider != "offline",
        quota=settings.person_daily_pictures,
    )


async def identify(settings: DiscordSettings) -> Known:
    """Try the token before anything else is opened. SettingsError, DependencyDown."""
    find(settings.api_url)
    return await preflight(settings.token, settings.api_url, settings.gateway_url)


class DiscordPlatform:
    """Listens to the servers and people of one bot and answers in their threads."""

    name = "discord"

    def __init__(
        self,
        settings: DiscordSettings,
        *,
        store: TurnStore,
        ledger: Ledger,
        blobs: BlobStore,
        journal: Journal,
        preferences: Preferences,
        privacy: Privacy,
        known: Known,
        fault: Callable[[str], None] = no_fault,
    ) -> None:
        """Take the parts, inside a running event loop. known: who we are and what we may hear."""
        self._settings = settings
        self._store = store
        self._ledger = ledger
        self._blobs = blobs
        self._journal = journal
        self._preferences = preferences
        self._known = known
        self._fault = fault
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._gateway = Gateway(content=known.content)
        self._calls = Calls(self._gateway)
        self._servers = Servers(journal)
        self._files = Files(self._calls, self._session, hosts=settings.hosts)
        self._deferred = Deferred(calls=self._calls, journal=journal, now=utc_now)
        self._courier = Courier(
            calls=self._calls,
            journal=journal,
            blobs=blobs,
            costs=settings.costs,
            hides=self._hides,
            now=utc_now,
            fault=fault,
        )
        self._signal = Signal(
            calls=self._calls, deferred=self._deferred, place=self._courier.place, now=utc_now
        )
        self._catchup = CatchUp(
            self._calls, journal, known.own, utc_now, channels=settings.access.channels
        )
        self._handlers = DiscordHandlers(self._catchup, privacy)
        self._tree = build(self._gateway, self._handlers, settings.models)

    async def _hides(self, turn: Turn) -> bool:
        """Tell whether the pictures of a turn are hidden until they are clicked."""
        rules = await self._servers.rules(in_place(turn.thread))
        return rules.hides(turn.thread.channel)

    async def run(self, desk: Desk) -> None:
        """Listen until cancelled. SettingsError when Discord refuses the token or an intent."""
        parts = self._parts(desk)
        self._handlers.parts = parts
        identifies = Identifies(self._gateway, self._journal, self._known.own.application)
        await self._catchup.load()
        going = asyncio.create_task(self._keep_going(parts))
        try:
            await listen(self._gateway, self._settings.token, self._handlers, identifies)
        finally:
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
            await parts.tasks.close()
            await self._catchup.write()

    def _parts(self, desk: Desk) -> Parts:
        settings = self._settings
        return Parts(
            own=self._known.own,
            calls=self._calls,
            desk=desk,
            store=self._store,
            ledger=self._ledger,
            blobs=self._blobs,
            journal=self._journal,
            preferences=self._preferences,
            servers=self._servers,
            courier=self._courier,
            access=settings.access,
            follow=settings.follow,
            defaults=settings.defaults,
            models=settings.models,
            costs=settings.costs,
            quota=settings.quota,
            tasks=Tasks(),
            fault=self._fault,
        )

    async def _keep_going(self, parts: Parts) -> None:
        """Send the commands, take up errands, keep cursors, forget old notes; for ever."""
        await self._gateway.logged_in.wait()
        parts.tasks.spawn(self._sync(), "commands")
        loop = asyncio.get_running_loop()
        tidy_at, resumed = loop.time(), False
        while True:
            try:
                if not resumed:
                    await errands.resume(parts)
                    resumed = True
                await self._catchup.write()
                if loop.time() >= tidy_at:
                    tidy_at = loop.time() + _TIDY_SECONDS
                    await self._tidy()
            except DependencyDown as error:
                _log.error("discord's notes cannot be kept", error=str(error))
            await asyncio.sleep(_WRITE_SECONDS)

    async def _sync(self) -> None:
        """Send the commands when they have changed; without them the rest still works."""
        try:
            await sync_if_changed(self._tree, self._journal, self._known.own.application)
        except (DeliveryError, SettingsError, DependencyDown) as error:
            _log.error("discord has not the newest commands", error=str(error))

    async def _tidy(self) -> None:
        now = utc_now()
        await self._courier.tidy(now)
        for kind in (errands.ERRANDS, messages.SEEN, messages.LATE, messages.GONE):
            await self._journal.forget(kind, now - _NOTES_LIVE)

    async def download(self, attachment: Attachment) -> AsyncGenerator[bytes, None]:
        """Fetch the bytes of an attachment. MaterialError."""
        await self._gateway.logged_in.wait()
        async for block in self._files.download(attachment):
            yield block

    async def working(self, turn: Turn, progress: Progress) -> None:
        """Show that a turn is going on; may be dropped."""
        if self._gateway.logged_in.is_set():
            await self._signal.show(turn, progress)

    async def deliver(self, turn: Turn, reply: Reply) -> Sequence[Post]:
        """Show the answer exactly once; not to a message that was deleted. DeliveryError."""
        await self._gateway.logged_in.wait()
        if await self._journal.read(messages.GONE, turn.id) is not None:
            raise DeliveryError("The message that asked for this was deleted.", final=True)
        posts = await self._courier.deliver(turn, reply)
        await self._signal.end(turn, link=await self._courier.link(turn, posts))
        return posts

    async def tell(self, turn: Turn, notice: Notice) -> Sequence[Post]:
        """Tell something about the turn, once for each kind and round. DeliveryError."""
        await self._gateway.logged_in.wait()
        if await self._journal.read(messages.GONE, turn.id) is not None:
            return ()
        posts = await self._courier.tell(turn, notice)
        if notice.kind is not NoticeKind.SLOW:
            await self._signal.end(turn, words=notice.text)
        return posts

    async def close(self) -> None:
        """Give the connections back."""
        await self._gateway.close()
        await self._session.close()
