"""The bot as a service: it listens, says what is wrong at the start, and drains at the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from bot.app import open_app
from bot.chat import Message
from bot.conversation import ThreadId, TurnState
from bot.environment import load
from tests.core.harness import RecordingChat, settings_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin


def message(text: str) -> Message:
    thread = ThreadId(platform="chat", workspace="w1", channel="c1", thread="t1")
    return Message(id="m1", thread=thread, author="ann", text=text, sent_at=datetime.now(UTC))


async def test_a_service_told_to_stop_finishes_what_it_runs(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    chat, stop = RecordingChat(), asyncio.Event()
    settings = load(settings_for(tmp_path, gemini), env_file=None)
    async with open_app(settings, lambda _: [chat]) as app:
        serving = asyncio.create_task(app.serve(stop))
        await chat.until_listening()
        gemini.hold()
        turn = await chat.accept(message("a fox"))
        await gemini.until_waiting(1)
        stop.set()
        gemini.release()
        await serving
        assert (await app.store.get(turn)).state is TurnState.DONE


async def test_a_retired_model_is_said_at_the_start(tmp_path: Path, gemini: GeminiStandin) -> None:
    chat, stop = RecordingChat(), asyncio.Event()
    environ = settings_for(tmp_path, gemini, GEMINI_MODEL="gemini-3.1-flash-image-preview")
    with capture_logs() as lines:
        async with open_app(load(environ, env_file=None), lambda _: [chat]) as app:
            serving = asyncio.create_task(app.serve(stop))
            while not lines:  # noqa: ASYNC110 - a list of log lines has no event
                await asyncio.sleep(0.01)
            stop.set()
            await serving
    assert "gemini-3.1-flash-image" in lines[0]["error"]
    assert "GEMINI_MODEL" in lines[0]["error"]
