"""What goes wrong on the way out, end to end: one answer in the end, or a clear word.

The rows of facts/reliability.md 3.1 and 3.3 for Discord, and what covers each:

same event twice, after a restart, edits and deletions while queued
    test_discord_conversation
the session is lost, reconnects, Discord down at the start
    test_discord_listening, test_discord_preflight, test_discord_run
missed messages, older than 15 minutes
    test_discord_catchup, test_discord_conversation
a post whose answer is lost, 5xx, cut connections, 429, 413
    here: the answer; test_discord_courier, test_discord_posting, test_discord_uploads (each step)
thread archived, locked, gone; channel gone; AutoMod; no threads allowed
    test_discord_courier
the token is revoked while the bot runs
    test_discord_calls (no call is made after it); not yet end to end
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.discord.speaking import answers, mention, running
from tests.standins.discord import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.discord import DiscordStandin
    from tests.standins.gemini import GeminiStandin


@pytest.mark.parametrize("kind", ["503", "500", "drop-before", "drop-after", "429", "truncated"])
async def test_an_answer_that_meets_trouble_is_shown_once(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin, kind: str
) -> None:
    async with running(tmp_path, discord, gemini):
        gemini.hold()
        await discord.say("general", "ann", f"{mention(discord)} a fox")
        await gemini.until_waiting(1)
        await discord.until(lambda: discord.threads("general"))
        fault = Fault(route="channels/*/messages", method="POST", kind=kind, retry_after=0.1)
        discord.plan(fault)
        gemini.release()
        (thread,) = discord.threads("general")
        await discord.until(lambda: answers(discord, thread), 40)
        await discord.say(thread, "ann", "make it blue")
        await discord.until(lambda: len(answers(discord, thread)) >= 2, 40)
    assert len(answers(discord, thread)) == 2
    assert gemini.billed == 2


async def test_a_picture_that_is_too_large_for_the_server_is_answered_once_with_what_became_of_it(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini):
        discord.plan(Fault(route="channels/*/messages", method="POST", kind="413"))
        await discord.say("general", "ann", f"{mention(discord)} a fox")
        await discord.until(lambda: discord.threads("general"))
        (thread,) = discord.threads("general")
        await discord.until(lambda: "tp:" in str(discord.messages(thread)), 40)
    (shown,) = [message for message in discord.messages(thread) if "tp:" in str(message)]
    assert "smaller copy" in str(shown) or "It is kept" in str(shown)
    assert gemini.billed == 1
