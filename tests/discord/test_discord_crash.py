"""kill -9 of the real process at every named point: everything is answered once, paid for once."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from bot.conversation import TurnState
from bot.faults import PLATFORM_POINTS
from tests.discord.harness import running
from tests.discord.process import launched
from tests.discord.speaking import answered, answers, mention, sentences, told, turns_in
from tests.standins.discord import DiscordFile
from tests.standins.gemini import Fault
from tests.standins.pictures import png

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.conversation import Turn
    from bot.serving import App
    from tests.standins.discord import DiscordStandin
    from tests.standins.gemini import GeminiStandin

MENTION = (
    "accept.saved",
    "gather.downloaded",
    "gen.spool_renamed",
    "deliver.noted",
    "discord.thread_made",
    "discord.answer_posted",
    "deliver.sent",
)
COMMAND = (
    "discord.errand_saved",
    "discord.root_posted",
    "discord.thread_made",
    "accept.saved",
    "discord.answer_posted",
)
REFUSAL = ("discord.notice_posted", "verdict.told")


def test_every_point_is_aimed_at() -> None:
    of_discord = {point for point in PLATFORM_POINTS if point.startswith("discord.")}
    assert of_discord <= {*MENTION, *COMMAND, *REFUSAL}


async def killed(
    folder: Path,
    discord: DiscordStandin,
    gemini: GeminiStandin,
    point: str,
    gesture: Callable[[], Awaitable[object]],
) -> None:
    """Let a gesture meet a process that dies at a point."""
    async with launched(folder, discord, gemini, THREADPAINT_FAULT_POINT=point) as process:
        await gesture()
        assert await process.until_ended() == -signal.SIGKILL, process.text


async def only_turn(app: App, discord: DiscordStandin, thread: str) -> Turn:
    """Wait for the end of the one turn of a thread."""
    [turn] = await turns_in(app, discord, thread)
    return await app.turns.ended(turn.id)


@pytest.mark.parametrize("point", MENTION)
async def test_a_mention_with_a_file_is_answered_once(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin, point: str
) -> None:
    text, logo = f"{mention(discord)} a castle", DiscordFile(name="logo.png", data=png(32, 32))
    await killed(
        tmp_path, discord, gemini, point, lambda: discord.say("general", "ann", text, files=[logo])
    )
    [request] = [one for one in discord.messages("general") if one["type"] == 0]
    async with running(tmp_path, discord, gemini) as app:
        await answered(discord, request)
        assert (await only_turn(app, discord, request["id"])).state is TurnState.DONE
    assert discord.threads("general") == [request["id"]]
    assert len(answers(discord, request["id"])) == 1
    assert sentences(discord, request["id"]) == []
    assert gemini.billed == len(gemini.calls) == 1
    assert "inlineData" in str(gemini.calls[0].body)


@pytest.mark.parametrize("point", COMMAND)
async def test_a_command_begins_one_thread_and_is_answered_once(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin, point: str
) -> None:
    await killed(
        tmp_path,
        discord,
        gemini,
        point,
        lambda: discord.slash("general", "ann", "/imagine", prompt="a fox"),
    )
    async with running(tmp_path, discord, gemini) as app:
        await discord.until(lambda: discord.threads("general"))
        [thread] = discord.threads("general")
        await answered(discord, thread)
        assert (await only_turn(app, discord, thread)).state is TurnState.DONE
        [used] = discord.world.interactions.values()
        if used.response:  # else it died before Discord was told, which says so to the person
            await discord.until(lambda: "Done" in str(used.answers))
    [root] = sentences(discord, "general")
    assert root["id"] == thread
    assert len(answers(discord, thread)) == 1
    assert sentences(discord, thread) == []
    assert gemini.billed == len(gemini.calls) == 1


@pytest.mark.parametrize("point", REFUSAL)
async def test_a_refusal_is_told_once(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin, point: str
) -> None:
    gemini.plan(Fault(kind="blocked", reason="SAFETY"))
    text = f"{mention(discord)} something"
    await killed(tmp_path, discord, gemini, point, lambda: discord.say("general", "ann", text))
    [thread] = discord.threads("general")
    async with running(tmp_path, discord, gemini) as app:
        await told(discord, thread)
        assert (await only_turn(app, discord, thread)).state is TurnState.REFUSED
    assert len(sentences(discord, thread)) == 1
    assert len(gemini.calls) == 1


async def test_sigterm_answers_what_runs_and_leaves_what_comes_to_the_next_start(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    gemini.hold()
    async with launched(tmp_path, discord, gemini) as process:
        first = await discord.say("general", "ann", f"{mention(discord)} a castle")
        await gemini.until_waiting(1)
        process.terminate()
        await discord.until(lambda: not discord.connections)
        second = await discord.say("general", "bob", f"{mention(discord)} a fox")
        gemini.release()
        assert await process.until_ended() == 0, process.text
        assert len(answers(discord, first["id"])) == 1
    assert discord.threads("general") == [first["id"]]
    async with running(tmp_path, discord, gemini):
        await answered(discord, second)
    assert [len(answers(discord, one["id"])) for one in (first, second)] == [1, 1]
    assert gemini.billed == len(gemini.calls) == 2
