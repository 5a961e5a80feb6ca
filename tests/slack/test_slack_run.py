"""``threadpaint run`` and ``slack-manifest`` from a shell: what they say, and how they end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.core.commands import Ran, threadpaint
from tests.slack.harness import Thread, environment, free_port
from tests.slack.process import launched
from tests.slack.speaking import mention
from tests.standins.slack import SlackStandin
from tests.standins.slack.rules import SCOPES

if TYPE_CHECKING:
    from pathlib import Path


async def run(folder: Path, slack: SlackStandin, way: str = "socket", **more: str) -> Ran:
    """Run a bot that cannot go on."""
    async with asyncio.timeout(30):
        return await threadpaint(
            folder, None, "run", **environment(folder, slack, None, way, **more)
        )


def last_line(ran: Ran) -> str:
    """What the person in the shell reads; no line of it is a traceback."""
    assert "Traceback" not in ran.err
    assert ran.out == ""
    return ran.err.splitlines()[-1]


# --- starting ------------------------------------------------------------------------------------


async def test_two_slack_tokens_are_enough_and_it_says_where_it_listens(
    tmp_path: Path, slack: SlackStandin
) -> None:
    async with launched(tmp_path, slack, None) as process:
        line = await process.until_said("listening to slack")
        assert "way='socket mode'" in line
        assert slack.team in line
        assert "There is no key, so pictures come from the offline demo" in process.text
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await Thread(slack, "general", ts).answered()
        process.terminate()
        assert await process.until_ended() == 0
    assert "stopped" in process.said[-1]


async def test_in_http_mode_it_says_which_address_it_takes(
    tmp_path: Path, slack: SlackStandin
) -> None:
    async with launched(tmp_path, slack, None, "http") as process:
        line = await process.until_said("slack's requests are taken here")
        assert slack.http_url.removesuffix("/slack/events") in line
        assert "/slack/events" in line
        process.terminate()
        assert await process.until_ended() == 0
    assert slack.calls("apps.connections.open") == []


async def test_what_is_odd_about_the_settings_is_said_at_the_start(
    tmp_path: Path, slack: SlackStandin
) -> None:
    more = {"THREADPAINT_LONG_READ_SECONDS": "10"}
    async with launched(tmp_path, slack, None, listening=True, **more) as process:
        await process.until_said("THREADPAINT_LONG_READ_SECONDS is less than")
        await process.until_said("listening to slack")


async def test_a_platform_that_cannot_be_reached_keeps_no_other_waiting(
    tmp_path: Path, slack: SlackStandin
) -> None:
    more = {"DISCORD_TOKEN": "x" * 60, "DISCORD_API_URL": "http://127.0.0.1:9/api/v10"}
    async with launched(tmp_path, slack, None, listening=True, **more) as process:
        await process.until_said("discord cannot be reached yet")
        await process.until_said("listening to slack")


async def test_the_settings_of_many_workspaces_change_nothing(
    tmp_path: Path, slack: SlackStandin
) -> None:
    more = {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "abc", "HOME": str(tmp_path / "home")}
    async with launched(tmp_path, slack, None, listening=True, **more) as process:
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await Thread(slack, "general", ts).answered()
    assert "Traceback" not in process.text
    assert not (tmp_path / "home").exists()


async def test_a_second_process_on_the_same_folder_ends_with_75(
    tmp_path: Path, slack: SlackStandin
) -> None:
    async with launched(tmp_path, slack, None):
        ran = await run(tmp_path, slack)
    assert ran.code == 75
    assert "Threadpaint already runs on" in last_line(ran)
    assert "Stop it first" in last_line(ran)


async def test_ctrl_c_ends_it_cleanly(tmp_path: Path, slack: SlackStandin) -> None:
    async with launched(tmp_path, slack, None) as process:
        process.signal(signal.SIGINT)
        assert await process.until_ended() == 0
    assert "Traceback" not in process.text


# --- not starting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"SLACK_BOT_TOKEN": "xoxb-wrong"},
            "SLACK_BOT_TOKEN was refused by Slack (invalid_auth). Copy the Bot User OAuth Token",
        ),
        (
            {"SLACK_APP_TOKEN": "xapp-wrong"},
            "SLACK_APP_TOKEN was refused by Slack (invalid_auth). Make an app-level token",
        ),
        ({"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}, "No chat platform is set up. Set SLACK_"),
        ({"SLACK_APP_TOKEN": ""}, "No chat platform is set up. Set SLACK_"),
        ({"THREADPAINT_LOG_LEVEL": "loud"}, "THREADPAINT_LOG_LEVEL has to be"),
    ],
)
async def test_settings_that_cannot_work_end_it_with_78_and_one_line(
    tmp_path: Path, slack: SlackStandin, settings: dict[str, str], words: str
) -> None:
    ran = await run(tmp_path, slack, **settings)
    assert ran.code == 78
    assert last_line(ran).startswith(words)
    assert not (tmp_path / "data").exists()


async def test_a_token_that_was_revoked_ends_it_with_78(
    tmp_path: Path, slack: SlackStandin
) -> None:
    slack.token_error = "token_revoked"
    ran = await run(tmp_path, slack)
    assert ran.code == 78
    assert "SLACK_BOT_TOKEN was refused by Slack (token_revoked). Install" in last_line(ran)


async def test_missing_permissions_end_it_with_78_and_are_named(tmp_path: Path) -> None:
    scopes = [scope for scope in SCOPES if scope not in {"files:write", "im:write"}]
    async with SlackStandin(scopes=scopes) as slack:
        ran = await run(tmp_path, slack)
    assert ran.code == 78
    assert "SLACK_BOT_TOKEN lacks permissions: files:write, im:write." in last_line(ran)


async def test_a_port_that_is_taken_is_said_in_one_line(
    tmp_path: Path, slack: SlackStandin
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ran = await run(tmp_path, slack, "http", HTTP_PORT=str(other.getsockname()[1]))
    assert ran.code in {69, 78}
    assert "HTTP_PORT" in last_line(ran)


async def test_it_waits_for_a_slack_that_cannot_be_reached(tmp_path: Path) -> None:
    port = free_port()
    away = SlackStandin(port=port)
    async with SlackStandin() as unused:
        here = {"SLACK_API_URL": f"http://127.0.0.1:{port}/api/"}
        async with launched(tmp_path, unused, None, listening=False, **here) as process:
            line = await process.until_said("again_in=")
            assert "Slack cannot be reached at" in line
            assert process.running
            async with away:
                await process.until_said("listening to slack")
                process.terminate()
                assert await process.until_ended() == 0
    assert "Traceback" not in process.text


async def test_it_can_be_stopped_while_slack_cannot_be_reached(
    tmp_path: Path, slack: SlackStandin
) -> None:
    here = {"SLACK_API_URL": f"http://127.0.0.1:{free_port()}/api/"}
    async with launched(tmp_path, slack, None, listening=False, **here) as process:
        await process.until_said("again_in=")
        process.terminate()
        assert await process.until_ended() == 0
    assert "Traceback" not in process.text


# --- the manifest --------------------------------------------------------------------------------


async def test_the_manifest_is_printed_without_any_setting(tmp_path: Path) -> None:
    ran = await threadpaint(tmp_path, None, "slack-manifest")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in ran.out
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's is for no event loop


async def test_the_manifest_of_http_mode_names_the_address(tmp_path: Path) -> None:
    ran = await threadpaint(tmp_path, None, "slack-manifest", "--url", "https://paint.example.org/")
    assert ran.json["settings"]["socket_mode_enabled"] is False
    address = "https://paint.example.org/slack/events"
    assert ran.json["settings"]["interactivity"]["request_url"] == address
    assert ran.json["features"]["slash_commands"][0]["url"] == address


async def test_a_link_carries_the_same_manifest(tmp_path: Path) -> None:
    plain, link = await asyncio.gather(
        threadpaint(tmp_path, None, "slack-manifest"),
        threadpaint(tmp_path, None, "slack-manifest", "--link"),
    )
    address = urlsplit(link.out.strip())
    assert (address.scheme, address.hostname) == ("https", "api.slack.com")
    assert json.loads(parse_qs(address.query)["manifest_json"][0]) == plain.json


@pytest.mark.parametrize("url", ["http://paint.example.org", "paint.example.org", ""])
async def test_an_address_that_slack_would_not_take_is_refused(tmp_path: Path, url: str) -> None:
    ran = await threadpaint(tmp_path, None, "slack-manifest", "--url", url)
    assert ran.code == 2
    assert "https://" in last_line(ran)
