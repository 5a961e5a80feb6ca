"""The composition root: builds everything and closes it; the only one that knows all classes."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import structlog

from bot.errors import (
    DependencyDown,
    NotFound,
    SettingsError,
    UsageError,
)
from bot.faults import killer, no_fault
from bot.gather import Gatherer
from bot.late import LatePlatform
from bot.painting import Painter
from bot.planning import Policy
from bot.preferences import Preferences
from bot.privacy import Privacy
from bot.queue import EmbeddedQueue
from bot.serving import App
from bot.telling import Teller
from bot.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from adapters.discord.preflight import Known
    from bot.conversation import Turn
    from bot.painting import Reader
    from bot.ports import BlobStore, ChatPlatform, ImageModel, Journal, Ledger, Spool, TurnStore
    from bot.profiles import Provider
    from bot.settings import Settings

Questions: TypeAlias = "asyncio.Queue[tuple[Turn, str]]"

_log = structlog.get_logger(__name__)

_STALE = timedelta(hours=1)  # temporary files of blobs; nothing is written for longer


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Everything that is kept."""

    store: TurnStore
    ledger: Ledger
    blobs: BlobStore
    spool: Spool
    journal: Journal
    preferences: Preferences
    privacy: Privacy


def _model(settings: Settings, blobs: BlobStore) -> ImageModel:
    if settings.provider == "offline":
        from adapters.offline.model import OfflineModel  # noqa: PLC0415 - only the model in use

        return OfflineModel(blobs)
    from adapters.gemini.client import GeminiModel, Timeouts  # noqa: PLC0415 - only the model in use

    return GeminiModel(
        provider=settings.provider,
        base_url=settings.base_url,
        key=settings.api_key,
        key_name=settings.key_name,
        model=settings.model,
        blobs=blobs,
        timeouts=Timeouts(
            connect=settings.connect_seconds,
            write=settings.write_seconds,
            read=settings.read_seconds,
            long_read=settings.long_read_seconds,
        ),
        transfers=settings.transfers,
        max_request_bytes=settings.max_request_bytes,
        safety_threshold=settings.safety_threshold,
    )


def _fault(settings: Settings) -> Callable[[str], None]:
    return killer(settings.fault_point) if settings.fault_point else no_fault


@asynccontextmanager
async def open_app(
    settings: Settings, platforms: Callable[[Storage], Sequence[ChatPlatform]]
) -> AsyncIterator[App]:
    """Build everything over the data folder, which this process then owns.

    platforms: makes the chat platforms; only their turns are advanced. Raises AlreadyRunning,
    DependencyDown, SettingsError.
    """
    fault = _fault(settings)
    async with AsyncExitStack() as stack:
        kept = await _open_storage(settings, stack, fault)
        model = _model(settings, kept.blobs)
        stack.push_async_callback(model.close)
        chosen = {platform.name: platform for platform in platforms(kept)}
        for platform in chosen.values():
            stack.push_async_callback(platform.close)
        turns = _turns(settings, kept, model, chosen, fault)
        queue = EmbeddedQueue(
            store=kept.store,
            advance=turns.advance,
            gather=turns.gather,
            caps=settings.caps(),
            platforms=tuple(chosen),
            now=_now,
        )
        turns.queue = queue
        yield App(
            settings=settings,
            store=kept.store,
            ledger=kept.ledger,
            blobs=kept.blobs,
            model=model,
            turns=turns,
            queue=queue,
            platforms=tuple(chosen.values()),
        )


async def _open_storage(
    settings: Settings, stack: AsyncExitStack, fault: Callable[[str], None]
) -> Storage:
    """Own the data folder, bring the database up to date, and clear what a crash left behind."""
    from storage.blobs import FileBlobStore  # noqa: PLC0415 - not for commands without storage
    from storage.engine import open_database  # noqa: PLC0415
    from storage.journal import SqlJournal  # noqa: PLC0415
    from storage.ledger import SqlLedger  # noqa: PLC0415
    from storage.lock import locks_of  # noqa: PLC0415
    from storage.spool import FileSpool  # noqa: PLC0415
    from storage.turns import SqlTurnStore  # noqa: PLC0415

    for lock in locks_of(settings.data_dir, settings.database_path):
        lock.acquire()
        stack.callback(lock.release)
    database = await open_database(settings.database_url)
    stack.push_async_callback(database.close)
    await database.migrate()
    ledger = SqlLedger(database)
    blobs = FileBlobStore(settings.blobs_folder)
    spool = FileSpool(settings.data_dir / "spool", fault=fault)
    wanted = await ledger.reserved()
    await asyncio.to_thread(blobs.sweep, _now(), _STALE)
    await asyncio.to_thread(spool.sweep, _now(), timedelta(), wanted.__contains__)
    store = SqlTurnStore(database)
    journal = SqlJournal(database)
    privacy = Privacy(store=store, blobs=blobs, spool=spool, journal=journal)
    await privacy.finish()
    return Storage(
        store=store,
        ledger=ledger,
        blobs=blobs,
        spool=spool,
        journal=journal,
        preferences=Preferences(journal),
        privacy=privacy,
    )


def _turns(
    settings: Settings,
    kept: Storage,
    model: ImageModel,
    platforms: Mapping[str, ChatPlatform],
    fault: Callable[[str], None],
) -> Turns:
    policy = Policy(
        defaults=settings.default_options(),
        system=settings.system_instruction or "",
        confirm_above=settings.confirm_above,
        slow_seconds=settings.slow_notice_seconds,
    )
    painter = Painter(
        store=kept.store,
        model=model,
        spool=kept.spool,
        reader=partial(_reader, model, kept.blobs),
        caps=settings.caps(),
        now=_now,
        fault=fault,
    )
    return Turns(
        store=kept.store,
        gatherer=Gatherer(kept.blobs),
        spool=kept.spool,
        model=model,
        painter=painter,
        teller=Teller(store=kept.store, platforms=platforms, policy=policy, now=_now),
        policy=policy,
        preferences=kept.preferences,
        now=_now,
        fault=fault,
    )


def _reader(model: ImageModel, blobs: BlobStore, provider: Provider) -> Reader:
    """Give what reads the answers of a provider, be it the one in use or an earlier one."""
    if provider == model.provider:
        return model.read
    if provider == "offline":
        from adapters.offline.model import OfflineModel  # noqa: PLC0415 - only after a change

        return OfflineModel(blobs).read
    from adapters.gemini.answers import read_answer  # noqa: PLC0415 - only after a change

    return lambda answer, workspace: asyncio.to_thread(read_answer, answer, workspace, blobs)


@asynccontextmanager
async def open_terminal(
    settings: Settings, say: Callable[[str], None], questions: Questions
) -> AsyncIterator[App]:
    """Build everything with the terminal as the only chat platform.

    say: shows one line. questions: gets the turns that wait for a yes to their price.
    """
    from adapters.terminal.platform import TerminalPlatform  # noqa: PLC0415 - only the one in use

    def terminal(kept: Storage) -> Sequence[ChatPlatform]:
        return [TerminalPlatform(kept.blobs, say, questions)]

    async with open_app(settings, terminal) as app:
        yield app


@asynccontextmanager
async def open_chat(settings: Settings) -> AsyncIterator[App]:
    """Build everything with the chat platforms that have tokens, once those have been tried.

    One whose tokens are refused is said and left out. SettingsError when none is left.
    """
    problems: list[str] = []
    makers: list[Callable[[Storage], ChatPlatform]] = []
    for name in settings.chat_platforms():
        try:
            makers.append(await _MAKERS[name](settings))
        except SettingsError as error:
            _log.error("a chat platform cannot be used", platform=name, error=str(error))
            problems.append(str(error))
    if not makers:
        raise SettingsError("\n".join(problems) or _NO_PLATFORM)
    async with open_app(settings, lambda kept: [make(kept) for make in makers]) as app:
        yield app


async def _slack(settings: Settings) -> Callable[[Storage], ChatPlatform]:
    """Try Slack's tokens; when Slack cannot be reached, the platform will go on trying."""
    from adapters.slack.platform import (  # noqa: PLC0415 - only the platforms in use
        SlackPlatform,
        identify,
        settings_of,
    )

    own_settings = settings_of(settings)
    own = None
    try:
        own = await identify(own_settings)
    except DependencyDown as error:
        _log.error("slack cannot be reached yet", error=str(error))

    def make(kept: Storage) -> ChatPlatform:
        return SlackPlatform(
            own_settings,
            store=kept.store,
            ledger=kept.ledger,
            blobs=kept.blobs,
            journal=kept.journal,
            preferences=kept.preferences,
            own=own,
            fault=_fault(settings),
        )

    return make


async def _discord(settings: Settings) -> Callable[[Storage], ChatPlatform]:
    """Try Discord's token; when Discord cannot be reached, it joins later. SettingsError."""
    from adapters.discord.platform import (  # noqa: PLC0415 - only the platforms in use
        DiscordPlatform,
        identify,
        settings_of,
    )

    own_settings = settings_of(settings)

    def made(kept: Storage, known: Known) -> ChatPlatform:
        return DiscordPlatform(
            own_settings,
            store=kept.store,
            ledger=kept.ledger,
            blobs=kept.blobs,
            journal=kept.journal,
            preferences=kept.preferences,
            privacy=kept.privacy,
            known=known,
            fault=_fault(settings),
        )

    async def late(kept: Storage) -> ChatPlatform:
        return made(kept, await identify(own_settings))

    try:
        known = await identify(own_settings)
    except DependencyDown as error:
        _log.error("discord cannot be reached yet", error=str(error))
        return lambda kept: LatePlatform("discord", partial(late, kept))
    return lambda kept: made(kept, known)


_MAKERS = {"slack": _slack, "discord": _discord}
_NO_PLATFORM = (
    "No chat platform is set up. Set SLACK_BOT_TOKEN with SLACK_APP_TOKEN or SLACK_SIGNING_SECRET"
    " (docs/slack.md), or DISCORD_TOKEN (docs/discord.md)."
    " To try Threadpaint without any: threadpaint say a red fox in the snow"
)


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[TurnStore]:
    """Open what is stored for reading, beside a process that may be running.

    Raises NotFound when nothing was ever stored.
    """
    from storage.engine import open_database  # noqa: PLC0415 - not for commands without storage
    from storage.turns import SqlTurnStore  # noqa: PLC0415

    if not settings.database_path.exists():
        message = f"There is nothing in {settings.data_dir} yet. Is DATA_DIR the right folder?"
        raise NotFound(message)
    database = await open_database(settings.database_url)
    try:
        yield SqlTurnStore(database)
    finally:
        await database.close()


def slack_manifest(url: str | None, *, link: bool) -> str:
    """Print the manifest of the Slack app as JSON, or as a link that creates it.

    url: where Slack reaches the bot (HTTP mode), None for Socket Mode. UsageError.
    """
    from adapters.slack.manifest import creation_link, manifest  # noqa: PLC0415 - only here

    if url is not None and not url.startswith("https://"):
        raise UsageError("--url takes an address that begins with https://.")
    made = manifest(url=url.rstrip("/") if url else None)
    return creation_link(made) if link else json.dumps(made, indent=2)


async def discord_sync() -> str:
    """Send the commands to Discord; returns what to print. SettingsError, DependencyDown."""
    from adapters.discord.sync import discord_sync as sync  # noqa: PLC0415 - only here
    from bot.environment import load  # noqa: PLC0415 - only here

    return await sync(load())
