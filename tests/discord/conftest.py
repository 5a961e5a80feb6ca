"""Fixtures of the tests on Discord."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from adapters.discord import platform
from tests.discord.speaking import CountedGateway
from tests.standins.discord import DiscordStandin
from tests.standins.gemini import GeminiStandin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiStandin]:
    async with GeminiStandin() as standin:
        yield standin


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait two seconds for servers that may come late."""
    monkeypatch.setattr(platform, "Gateway", partial(CountedGateway, ready_seconds=0.2))


@pytest.fixture
async def discord(_quick: None) -> AsyncIterator[DiscordStandin]:
    """A server with a channel, ann and bob; it ends without complaints, pings or leaks."""
    async with DiscordStandin() as standin:
        furnish(standin)
        yield standin
        check_manners(standin)


@pytest.fixture
async def narrow_discord(_quick: None) -> AsyncIterator[DiscordStandin]:
    """The same, for a bot without the message-content intent."""
    async with DiscordStandin(message_content=False) as standin:
        furnish(standin)
        yield standin
        check_manners(standin)


def furnish(discord: DiscordStandin) -> None:
    discord.guild("painters")
    discord.channel("painters", "general")
    for name in ("ann", "bob"):
        discord.join("painters", discord.person(name))


def check_manners(discord: DiscordStandin) -> None:
    assert discord.complaints == []
    assert discord.pings == []
    assert discord.leaks == []
