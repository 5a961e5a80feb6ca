"""The composition root: builds everything, starts, drains, closes; the only one that knows all."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from bot.errors import ModelError, NotFound, ThreadpaintError
from bot.faults import killer, no_fault
from bot.gather import Gatherer
from bot.painting import Painter
from bot.planning import Policy
from bot.queue import EmbeddedQueue
from bot.telling import Teller
from bot.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from bot.conversation import Turn
    from bot.painting import Reader
    from bot.ports import BlobStore, ChatPlatform, ImageModel, Ledger, Spool, TurnStore
    from bot.profiles import Provider
    from bot.settings import Settings

Questions: TypeAlias = "asyncio.Queue[tuple[Turn, str]]"

_log = structlog.get_logger(__name__)

_STALE = timedelta(hours=1)  # temporary files of blobs; nothing is written for longer


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything that runs."""

    settings: Settings
    store: TurnStore
    ledger: Ledger
    blobs: BlobStore
    model: ImageModel
    turns: Turns
    queue: EmbeddedQueue
    platforms: Sequence[ChatPlatform]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Advance turns meanwhile; at the end, drain: claim no more, finish what runs.

        Yields the task that advances them: it ends only by a defect, which is raised at the end.
        """
        task = asyncio.create_task(self.queue.run(), name="queue")
        watch = asyncio.create_task(self.turns.teller.watch_queue(), name="queue positions")
        patience = self.settings.drain_seconds
        try:
            yield task
        except asyncio.CancelledError:  # a second signal: leave at once
            patience = 0
            raise
        finally:
            await self.queue.drain(patience)
            watch.cancel()
            task.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            with suppress(asyncio.CancelledError):
                await task

    async def serve(self, stop: asyncio.Event) -> None:
        """Listen on every platform until told to stop; then take nothing more and drain.

        A platform that drops out leaves the others at work; with the last one this ends.
        """
        async with self.running() as advancing:
            listeners = [asyncio.create_task(self._listen(platform)) for platform in self.platforms]
            last = asyncio.ensure_future(asyncio.gather(*listeners))
            stopped = asyncio.create_task(stop.wait())
            probing = asyncio.create_task(self._probe())
            try:
                ends: list[asyncio.Future[Any]] = [advancing, stopped, last]
                done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in done:
                    end.result()
            finally:
                for task in (stopped, probing, last):
                    task.cancel()
                await asyncio.gather(stopped, probing, *listeners, return_exceptions=True)

    async def _listen(self, platform: ChatPlatform) -> None:
        try:
            await platform.run(self.turns.accept)
        except ThreadpaintError as error:
            _log.error("a platform dropped out", platform=platform.name, error=str(error))

    async def _probe(self) -> None:
        """Say at the start, not at the first picture, that the model or the key is no good."""
        try:
            await self.model.probe()
        except ModelError as error:
            _log.error("the image model cannot be used now", error=str(error))


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


@asynccontextmanager
async def open_app(
    settings: Settings, platforms: Callable[[BlobStore], Sequence[ChatPlatform]]
) -> AsyncIterator[App]:
    """Build everything over the data folder, which this process then owns.

    platforms: makes the chat platforms; only their turns are advanced. Raises AlreadyRunning,
    DependencyDown, SettingsError.
    """
    fault = killer(settings.fault_point) if settings.fault_point else no_fault
    async with AsyncExitStack() as stack:
        kept = await _open_storage(settings, stack, fault)
        model = _model(settings, kept.blobs)
        stack.push_async_callback(model.close)
        chosen = {platform.name: platform for platform in platforms(kept.blobs)}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Storage:
    store: TurnStore
    ledger: Ledger
    blobs: BlobStore
    spool: Spool


async def _open_storage(
    settings: Settings, stack: AsyncExitStack, fault: Callable[[str], None]
) -> _Storage:
    """Own the data folder, bring the database up to date, and clear what a crash left behind."""
    from storage.blobs import FileBlobStore  # noqa: PLC0415 - not for commands without storage
    from storage.engine import open_database  # noqa: PLC0415
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
    return _Storage(store=SqlTurnStore(database), ledger=ledger, blobs=blobs, spool=spool)


def _turns(
    settings: Settings,
    kept: _Storage,
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

    async with open_app(settings, lambda blobs: [TerminalPlatform(blobs, say, questions)]) as app:
        yield app


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
