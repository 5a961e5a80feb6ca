"""The bytes of pictures on their way to Slack, where nobody sees them yet."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.slack.refusals import UNFIT_FILE
from adapters.slack.web import Refused
from bot.pictures import fit_bytes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence

    from adapters.slack.web import Web
    from bot.chat import Picture
    from bot.ports import BlobStore

_T = TypeVar("_T")

SMALL_BYTES = 2_000_000  # of the copy when a workspace does not take the original

_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A file that Slack made for a picture. ending: of its name. small: not the original."""

    id: str
    ending: str
    small: bool


class Sender:
    """Uploads pictures, or smaller copies where a workspace takes only those."""

    def __init__(self, web: Web, blobs: BlobStore) -> None:
        """Take the parts."""
        self._web = web
        self._blobs = blobs
        self._shrinking = asyncio.Lock()  # a large picture takes hundreds of MB while it is decoded

    async def send(
        self,
        workspace: str,
        name: str,
        pictures: Sequence[Picture],
        made: Callable[[Sequence[Sent]], Awaitable[None]],
    ) -> None:
        """Send the bytes of pictures, all at once. name: of the files, without number and ending.

        made: awaited with the files before their bytes go out. Raises DeliveryError; then the files
        may be deleted.
        """
        with tempfile.TemporaryDirectory() as folder:
            places = await _all(
                self._make(workspace, Path(folder) / f"{name}-{number}", picture)
                for number, picture in enumerate(pictures, 1)
            )
            await made([sent for sent, _, _ in places])
            await _all(self._web.upload(url, path) for _, url, path in places)

    async def _make(self, workspace: str, path: Path, picture: Picture) -> tuple[Sent, str, Path]:
        """Have a file made; return it with its upload URL and what to send there."""
        original = await self._blobs.path(workspace, picture.blob.digest)
        ending = _ENDINGS.get(picture.blob.mime_type, "png")
        try:
            file, url = await self._new_file(f"{path.name}.{ending}", picture.blob.size)
        except Refused as error:
            if error.code not in UNFIT_FILE:
                raise
            copy = path.with_suffix(".jpg")
            size = await self._shrink(original, copy)
            file, url = await self._new_file(copy.name, size)
            return Sent(id=file, ending="jpg", small=True), url, copy
        return Sent(id=file, ending=ending, small=False), url, original

    async def _new_file(self, name: str, size: int) -> tuple[str, str]:
        """Get a file id and an upload URL. Without alt_txt: with it the file is never shared."""
        answer = await self._web.call(
            "files.getUploadURLExternal", repeatable=True, filename=name, length=size
        )
        return str(answer["file_id"]), str(answer["upload_url"])

    async def _shrink(self, source: Path, copy: Path) -> int:
        """Write a small JPEG; return its size in bytes."""
        async with self._shrinking:
            return await asyncio.to_thread(_write_small, source, copy)


def _write_small(source: Path, copy: Path) -> int:
    with copy.open("wb") as out:
        fit_bytes(source, SMALL_BYTES, out)
        return out.tell()


async def _all(works: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Do several things at once; all have ended when the first of their errors is raised."""
    results = await asyncio.gather(*works, return_exceptions=True)
    errors = (result for result in results if isinstance(result, BaseException))
    if error := next(errors, None):
        raise error
    return [result for result in results if not isinstance(result, BaseException)]
