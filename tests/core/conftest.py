from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.standins.gemini import GeminiStandin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiStandin]:
    async with GeminiStandin() as standin:
        yield standin


@pytest.fixture
async def wisdom_gate() -> AsyncIterator[GeminiStandin]:
    async with GeminiStandin(provider="wisdom-gate") as standin:
        yield standin
