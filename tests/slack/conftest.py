"""Fixtures of the tests on Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.slack.harness import WAYS
from tests.standins.gemini import GeminiStandin
from tests.standins.slack import SlackStandin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandin]:
    """A workspace with ann, bob and an admin; it ends without complaints."""
    async with SlackStandin() as standin:
        for name in ("ann", "bob"):
            standin.person(name)
        standin.person("root", admin=True)
        standin.channel("general", members=["ann", "bob", "root"])
        yield standin
        assert standin.complaints == []
        assert standin.leaks == []


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiStandin]:
    async with GeminiStandin() as standin:
        yield standin


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How the bot listens: every behaviour is the same either way."""
    return str(request.param)
