"""Gather: attachments of a message become blobs, or a sentence that says why not."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.conversation import Blob
from bot.errors import DependencyDown, MaterialError
from bot.media import Limits, check, probe

if TYPE_CHECKING:
    from bot.ports import BlobStore, ChatPlatform, Material

_SECONDS = 120  # for one download
_DECODING = 2  # pictures decoded at once: one of 40 megapixels takes up to 300 MB


class Gatherer:
    """Downloads attachments and keeps what can be used of them."""

    def __init__(self, blobs: BlobStore, limits: Limits | None = None) -> None:
        """Take where blobs go, and the limits of an upload."""
        self._blobs = blobs
        self._limits = limits or Limits()
        self._decoding = asyncio.Semaphore(_DECODING)

    async def gather(self, platform: ChatPlatform, workspace: str, material: Material) -> Material:
        """Turn one attachment into a blob; a problem goes into the material, never out.

        Raises DependencyDown when there is no room for it.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="threadpaint-") as folder:
                return await self._gather(platform, workspace, material, Path(folder, "raw"))
        except OSError as error:
            message = f"The folder for temporary files cannot be used: {error.strerror}. Mend that."
            raise DependencyDown(message) from error

    async def _gather(
        self, platform: ChatPlatform, workspace: str, material: Material, raw: Path
    ) -> Material:
        try:
            async with asyncio.timeout(_SECONDS):
                await _download(platform, material, raw, self._limits)
            async with self._decoding:
                return await asyncio.to_thread(
                    _keep, self._blobs, workspace, material, raw, self._limits
                )
        except MaterialError as error:
            return replace(material, problem=str(error))
        except TimeoutError:
            words = f"{material.attachment.name} could not be downloaded in time. Send it again."
            return replace(material, problem=words)


async def _download(platform: ChatPlatform, material: Material, raw: Path, limits: Limits) -> None:
    size = 0
    with raw.open("wb") as file:
        async with aclosing(platform.download(material.attachment)) as blocks:
            async for block in blocks:
                size += len(block)
                if size > limits.most_bytes:
                    message = (
                        f"{material.attachment.name} is larger than "
                        f"{limits.most_bytes // 1_000_000} MB. Make it smaller and send it again."
                    )
                    raise MaterialError(message)
                file.write(block)


def _keep(
    blobs: BlobStore, workspace: str, material: Material, raw: Path, limits: Limits
) -> Material:
    from bot.pictures import prepare_upload  # noqa: PLC0415 - Pillow only where pictures come in

    name = material.attachment.name
    with raw.open("rb") as file:
        media = probe(file)
    check(media, raw.stat().st_size, name, limits)
    writer = blobs.writer(workspace)
    try:
        prepared = prepare_upload(raw, media, writer, name)
        size = writer.size
        digest = blobs.keep(writer)
    finally:
        writer.discard()
    blob = Blob(
        digest=digest,
        mime_type=prepared.mime_type,
        size=size,
        width=prepared.width,
        height=prepared.height,
        pages=media.pages,
    )
    return replace(material, blob=blob, note=prepared.note)
