"""The main ways, once through: a mention and a reply, a command, a button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.discord.harness import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.discord import DiscordStandin
    from tests.standins.gemini import GeminiStandin


def answers(discord: DiscordStandin, place: str) -> list[dict[str, Any]]:
    """List the messages of the bot in a place that show pictures."""
    return [message for message in discord.messages(place) if discord.pictures(message)]


async def test_a_mention_is_answered_in_a_thread_and_a_reply_there_refines(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini):
        asked = await discord.say("general", "ann", f"<@{discord.bot_user}> a fox")
        await discord.until(lambda: discord.threads("general"))
        thread = discord.thread_of(asked)
        await discord.until(lambda: len(answers(discord, thread)) == 1)
        await discord.say(thread, "bob", "make it night")
        await discord.until(lambda: len(answers(discord, thread)) == 2)
    assert gemini.billed == 2


async def test_a_command_begins_a_thread_and_its_buttons_work(
    tmp_path: Path, discord: DiscordStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, discord, gemini):
        used = await discord.slash("general", "ann", "/imagine", prompt="a fox", ratio="16:9")
        assert used.deferred
        assert used.ephemeral
        await discord.until(lambda: discord.threads("general"))
        (thread,) = discord.threads("general")
        await discord.until(lambda: len(answers(discord, thread)) == 1)
        await discord.until(lambda: "Done" in str(discord.ephemerals("ann")))
        clicked = await discord.click(answers(discord, thread)[0], "tp:redo", "bob")
        assert clicked.failed == ""
        await discord.until(lambda: len(answers(discord, thread)) == 2)
    assert gemini.billed == 2
