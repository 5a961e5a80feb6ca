"""When Discord is sent the commands, and what is said when it does not take them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
import structlog

from adapters.discord import tree as commands
from adapters.discord.preflight import logged_in
from adapters.discord.sync import KIND, discord_sync, models_of, sync_if_changed
from bot.errors import DeliveryError, DependencyDown, SettingsError
from bot.settings import Settings
from tests.discord.ears import addresses
from tests.slack.memory import MemoryJournal
from tests.standins.discord import DiscordStandin, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from discord import app_commands

    from adapters.discord.tree import Handlers

ROUTE = "applications/*/commands"
NAMES = {
    "imagine", "edit", "usage", "settings", "why", "help", "privacy", "config", "Edit image",
    "Use as reference",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _addresses() -> Iterator[None]:
    yield from addresses()


@pytest.fixture
async def standin() -> AsyncIterator[DiscordStandin]:
    async with DiscordStandin() as standin:
        yield standin
        assert standin.complaints == []


@asynccontextmanager
async def tree(
    standin: DiscordStandin, models: Sequence[str] = ("offline-demo",)
) -> AsyncIterator[app_commands.CommandTree]:
    async with logged_in(standin.token, standin.api_url) as client:
        yield commands.build(client, cast("Handlers", None), models)


def settings(standin: DiscordStandin, **more: Any) -> Settings:  # noqa: ANN401 - any field
    return Settings(
        **{"discord_token": standin.token, "discord_api_url": standin.api_url, **more}
    )  # fmt: skip


def puts(standin: DiscordStandin) -> int:
    return len(standin.calls(ROUTE, "PUT"))


async def test_the_first_start_sends_all_commands_and_the_next_ones_none(
    standin: DiscordStandin,
) -> None:
    journal = MemoryJournal()
    for expected in (True, False, False):
        async with tree(standin) as one:
            assert await sync_if_changed(one, journal, standin.app_id) is expected
    assert puts(standin) == 1
    assert {command["name"] for command in standin.world.commands[""]} == NAMES
    imagine = next(c for c in standin.world.commands[""] if c["name"] == "imagine")
    assert imagine["name_localizations"] == {"de": "malen"}


async def test_changed_commands_are_sent_again(standin: DiscordStandin) -> None:
    journal = MemoryJournal()
    for models in (("one",), ("one", "two"), ("one", "two")):
        async with tree(standin, models) as one:
            await sync_if_changed(one, journal, standin.app_id)
    assert puts(standin) == 2
    assert len(standin.world.created_commands) == len(NAMES)


async def test_another_app_gets_commands_of_its_own(standin: DiscordStandin) -> None:
    journal = MemoryJournal()
    await journal.write(KIND, "another", {"hash": "x"})
    async with tree(standin) as one:
        assert await sync_if_changed(one, journal, standin.app_id)


REFUSALS = [
    (Fault(route=ROUTE, kind="error", code=30034), DeliveryError, "used up"),
    (Fault(route=ROUTE, kind="429", retry_after=43_200), DeliveryError, "in some hours"),
    (Fault(route=ROUTE, kind="403"), SettingsError, "DISCORD_TOKEN"),
    (Fault(route=ROUTE, kind="error", code=50001), SettingsError, "DISCORD_TOKEN"),
    (Fault(route=ROUTE, kind="error", code=50035), DeliveryError, "does not take the commands"),
    (Fault(route=ROUTE, kind="error", code=40333), DependencyDown, "error code 40333"),
    (Fault(route=ROUTE, kind="503"), DependencyDown, "HTTP status 503"),
    (Fault(route=ROUTE, kind="drop-before", times=2), DependencyDown, "cannot be reached"),
]


@pytest.mark.parametrize(("fault", "kind", "words"), REFUSALS)
async def test_a_refusal_is_told_in_one_plain_line_and_tried_again_next_time(
    standin: DiscordStandin, fault: Fault, kind: type[Exception], words: str
) -> None:
    journal = MemoryJournal()
    standin.plan(fault)
    async with tree(standin) as one:
        with pytest.raises(kind, match=words) as told:
            await sync_if_changed(one, journal, standin.app_id)
    assert "\n" not in str(told.value)
    async with tree(standin) as one:
        assert await sync_if_changed(one, journal, standin.app_id)


async def test_the_log_names_what_was_sent(standin: DiscordStandin) -> None:
    with structlog.testing.capture_logs() as logs:
        async with tree(standin) as one:
            await sync_if_changed(one, MemoryJournal(), standin.app_id)
    assert [set(log["commands"]) for log in logs] == [NAMES]


# --- threadpaint discord-sync --------------------------------------------------------------------


async def test_the_command_sends_always_and_prints_the_invitation(
    standin: DiscordStandin,
) -> None:
    for _ in range(2):
        said = await discord_sync(settings(standin))
    assert puts(standin) == 2
    assert all(name in said for name in NAMES)
    last = said.splitlines()[-1]
    assert last.startswith("https://discord.com/oauth2/authorize?")
    assert f"client_id={standin.app_id}" in last


async def test_the_command_sends_what_the_service_would(standin: DiscordStandin) -> None:
    chosen = settings(standin, gemini_api_key="k", gemini_model="new-model")
    await discord_sync(chosen)
    before = standin.world.commands[""]
    async with tree(standin, models_of(chosen)) as one:
        await sync_if_changed(one, MemoryJournal(), standin.app_id)
    versions = ("version",)
    assert [{k: v for k, v in c.items() if k not in versions} for c in before] == [
        {k: v for k, v in c.items() if k not in versions} for c in standin.world.commands[""]
    ]
    assert models_of(chosen)[0] == "new-model"


async def test_the_command_needs_a_token() -> None:
    with pytest.raises(SettingsError, match="DISCORD_TOKEN is not set"):
        await discord_sync(Settings())


async def test_the_command_says_that_a_token_is_refused(standin: DiscordStandin) -> None:
    with pytest.raises(SettingsError, match="DISCORD_TOKEN was refused"):
        await discord_sync(settings(standin, discord_token="MTAw.mistyped.token"))
