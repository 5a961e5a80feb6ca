"""``threadpaint run``: the bot as a service, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

import structlog

from bot import __version__
from bot.app import open_chat
from bot.environment import load
from bot.log import configure

_log = structlog.get_logger(__name__)


async def run() -> None:
    """Listen until SIGTERM or SIGINT, then finish what runs; a second signal ends at once.

    Raises SettingsError, AlreadyRunning, DependencyDown.
    """
    settings = load()
    configure(settings.log_level, settings.log_format, settings.secrets())
    for warning in settings.warnings():
        _log.warning(warning)
    stop = asyncio.Event()
    with suppress(asyncio.CancelledError):
        async with open_chat(settings) as app:
            _log.info(
                "threadpaint is starting",
                version=__version__,
                platforms=[platform.name for platform in app.platforms],
                provider=settings.provider,
                model=settings.model,
                data=str(settings.data_dir),
            )
            _heed_signals(stop)
            await app.serve(stop)
    _log.info("stopped")


def _heed_signals(stop: asyncio.Event) -> None:
    """Set ``stop`` at the first signal; at the second one cancel the whole run."""
    loop = asyncio.get_running_loop()
    running = asyncio.current_task()

    def told() -> None:
        if stop.is_set() and running:
            running.cancel()
        else:
            _log.info("stopping; what runs is finished first. A second signal stops at once")
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
