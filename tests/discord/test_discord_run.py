"""``threadpaint run`` with Discord, from a shell: what it says, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.core.commands import threadpaint
from tests.discord.harness import environment
from tests.discord.process import launched
from tests.discord.speaking import answered, mention
from tests.slack.harness import free_port
from tests.standins.discord import DiscordStandin

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_wrong_token_ends_it_with_78_and_one_line(
    tmp_path: Path, discord: DiscordStandin
) -> None:
    more = environment(tmp_path, discord, None, DISCORD_TOKEN="wrong.token.here")
    ran = await threadpaint(tmp_path, None, "run", **more)
    assert ran.code == 78
    assert ran.err.splitlines()[-1].startswith("DISCORD_TOKEN was refused by Discord.")
    assert "Traceback" not in ran.err
    assert not (tmp_path / "data").exists()


async def test_without_the_content_intent_it_works_and_says_so_once(
    tmp_path: Path, narrow_discord: DiscordStandin
) -> None:
    discord = narrow_discord
    async with launched(tmp_path, discord, None) as process:
        request = await discord.say("general", "ann", f"{mention(discord)} a fox")
        await answered(discord, request)
        process.terminate()
        assert await process.until_ended() == 0
    assert process.text.count("message content intent is off") == 1
    assert "Traceback" not in process.text


async def test_it_waits_for_a_discord_that_cannot_be_reached(tmp_path: Path) -> None:
    port = free_port()
    away = DiscordStandin(port=port)
    async with DiscordStandin() as unused:
        url = f"http://127.0.0.1:{port}"
        here = {"DISCORD_API_URL": f"{url}/api/v10", "DISCORD_GATEWAY_URL": ""}
        async with launched(tmp_path, unused, None, listening=False, **here) as process:
            line = await process.until_said("cannot be reached")
            assert "discord" in line
            async with away:
                await process.until_said("listening to discord")
                process.terminate()
                assert await process.until_ended() == 0
    assert "Traceback" not in process.text


async def test_a_slack_that_refuses_leaves_discord_at_work(
    tmp_path: Path, discord: DiscordStandin
) -> None:
    async with DiscordStandin() as no_slack:  # it answers, but not as Slack
        async with launched(
            tmp_path,
            discord,
            None,
            SLACK_BOT_TOKEN="xoxb-wrong",
            SLACK_APP_TOKEN="xapp-wrong",
            SLACK_API_URL=f"{no_slack.url}/api/",
        ) as process:
            request = await discord.say("general", "ann", f"{mention(discord)} a fox")
            await answered(discord, request)
        assert "slack" in process.text
    assert "Traceback" not in process.text
