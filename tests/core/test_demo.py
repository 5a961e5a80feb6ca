"""``make demo`` holds a conversation of three turns."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.core.commands import environment, finish

if TYPE_CHECKING:
    from tests.standins.gemini import GeminiStandin

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


async def test_the_demo_asks_attaches_and_refines_with_a_key(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(DEMO)),
        cwd=tmp_path,
        env=environment(tmp_path, gemini),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    ran = await finish(process)
    assert ran.code == 0, ran.err
    paths = [line for line in ran.out.splitlines() if line.endswith(".jpg")]
    assert [(tmp_path / path).is_file() for path in paths] == [True] * 3
    assert [request.error for request in gemini.calls] == [""] * 3
    assert len(gemini.calls[-1].body["contents"]) == 5
