"""A person who talks to the offline model: real spool, real blobs, a clock that only counts."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, TypedDict, Unpack

import pytest
from PIL import Image

from adapters.offline.label import unlabelled
from adapters.offline.model import OfflineModel
from bot.conversation import Blob, BlobPart, Content, Contents, Generation, Part, TextPart
from bot.options import GenerationOptions
from storage.blobs import FileBlobStore
from storage.spool import FileSpool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WORKSPACE = "T1"


class Said(TypedDict, total=False):
    """Options of one turn, as ``GenerationOptions`` has them."""

    aspect_ratio: str
    image_size: str
    web_search: bool
    image_search: bool
    text: bool


@dataclass(slots=True)
class Studio:
    """Asks the model, by way of the spool, and looks at what it answers."""

    blobs: FileBlobStore
    spool: FileSpool
    waits: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def model(self) -> OfflineModel:
        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        return OfflineModel(self.blobs, sleep=sleep)

    async def call(
        self,
        prompt: str,
        *,
        history: Sequence[Content] = (),
        files: Sequence[Part] = (),
        **options: Unpack[Said],
    ) -> Path:
        """Make a call and return its durable raw answer."""
        words = [TextPart(text=prompt)] if prompt else []
        asked = Content(role="user", parts=(*words, *files))
        contents = Contents(workspace=WORKSPACE, contents=(*history, asked))
        return await self.send(contents, GenerationOptions(**options))

    async def send(self, contents: Contents, options: GenerationOptions) -> Path:
        key = f"turn.0.{next(self.numbers)}"
        async with self.spool.write(key) as sink:
            await self.model.call(contents, options, sink, self.notes.append)
        answer = await self.spool.find(key)
        assert answer is not None
        return answer

    async def read(self, answer: Path) -> Generation:
        return await self.model.read(answer, WORKSPACE)

    async def ask(
        self,
        prompt: str,
        *,
        history: Sequence[Content] = (),
        files: Sequence[Part] = (),
        **options: Unpack[Said],
    ) -> Generation:
        """Make a call and read its answer."""
        return await self.read(await self.call(prompt, history=history, files=files, **options))

    async def edit(self, before: Generation, prompt: str, **options: Unpack[Said]) -> Generation:
        """Refine an answer, which goes back verbatim."""
        return await self.ask(prompt, history=history_of(before), **options)

    def upload(self, data: bytes, mime_type: str = "image/png") -> BlobPart:
        writer = self.blobs.writer(WORKSPACE)
        writer.write(data)
        digest = self.blobs.keep(writer)
        return BlobPart(blob=Blob(digest=digest, mime_type=mime_type, size=len(data)))

    async def bytes_of(self, blob: Blob) -> bytes:
        data = (await self.blobs.path(WORKSPACE, blob.digest)).read_bytes()
        assert hashlib.sha256(data).hexdigest() == blob.digest
        assert len(data) == blob.size
        return data

    async def picture(self, generation: Generation, number: int = 0) -> Image.Image:
        return Image.open(BytesIO(await self.bytes_of(generation.content.pictures[number])))

    async def art(self, generation: Generation, number: int = 0) -> Image.Image:
        """Take the picture without its label."""
        return unlabelled(await self.picture(generation, number))


def history_of(*answers: Generation) -> list[Content]:
    asked = Content(role="user", parts=(TextPart(text="something"),))
    return [content for answer in answers for content in (asked, answer.content)]


def png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(blobs=FileBlobStore(tmp_path / "blobs"), spool=FileSpool(tmp_path / "spool"))
