"""The rival: google-genai, used as its documentation shows.

The async client, contents of ``types.Part.from_bytes`` with their signatures, ``generate_content``,
and the bytes of the answer written to files. Reading and writing files goes through threads, which
is kinder to its stalls than its own examples are.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pybase64
from google import genai
from google.genai import types

from benchmarks.material import MODEL, PROMPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.material import Stored


class GoogleGenai:
    """One client for all turns."""

    def __init__(self, address: str, history: Sequence[tuple[Stored, Stored]], out: Path) -> None:
        options = types.HttpOptions(base_url=address, timeout=600_000)
        self._client = genai.Client(api_key="benchmark", http_options=options)
        self._history = history
        self._out = out

    async def turn(self) -> list[Path]:
        """Run one turn; returns the files that it stored."""
        answer = await self._client.aio.models.generate_content(
            model=MODEL,
            contents=await asyncio.to_thread(_contents, self._history),
            config=types.GenerateContentConfig(response_modalities=["TEXT", "IMAGE"]),
        )
        kept = []
        for part in answer.parts or []:
            if part.inline_data and part.inline_data.data and part.thought_signature:
                kept.append(await asyncio.to_thread(_keep, self._out, part.inline_data.data))
                signature = pybase64.b64encode(part.thought_signature)
                kept.append(await asyncio.to_thread(_keep, self._out, signature))
        return kept

    async def close(self) -> None:
        await self._client.aio.aclose()


def _contents(history: Sequence[tuple[Stored, Stored]]) -> types.ContentListUnion:
    contents: list[types.ContentUnion | types.PartUnion] = []
    for picture, signature in history:
        contents.append(types.UserContent(parts=[types.Part.from_text(text=PROMPT)]))
        part = types.Part.from_bytes(data=Path(picture.path).read_bytes(), mime_type="image/png")
        part.thought_signature = pybase64.b64decode(Path(signature.path).read_bytes())
        contents.append(types.ModelContent(parts=[part]))
    contents.append(types.UserContent(parts=[types.Part.from_text(text=PROMPT)]))
    return contents


def _keep(folder: Path, data: bytes) -> Path:
    """Write a file as durably as the others do."""
    path = folder / hashlib.sha256(data).hexdigest()
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    number = os.open(folder, os.O_RDONLY)
    os.fsync(number)
    os.close(number)
    return path
