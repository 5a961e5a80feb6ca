"""The pictures of an answer as files: in full where they fit, else as smaller copies.

What fits is not known: the documentation, the support pages and the answers of the API say
different things (facts/discord.md 7). So the first large picture is tried as it is, and what a
server refused once is not tried again for two weeks (notes ``discord.limit`` by guild: ``{most}``).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.discord.blocks import Card, Gallery
from adapters.discord.posting import Enclosure
from bot.pictures import fit_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import discord

    from bot.chat import Picture
    from bot.ports import BlobStore, Journal

LIMITS = "discord.limit"
MARGIN = 64 * 1024  # bytes that a request needs beside its files
REQUEST = 25 * 1024 * 1024 - MARGIN  # bytes of all files of a message
LIKELY = 20_000_000  # bytes of one file, by the newest documentation
FLOOR = 10 * 1024 * 1024 - MARGIN  # ... that every server took so far
SMALLEST = 256 * 1024  # not worth a try below

_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """Files for the pictures of an answer, one for each. smaller: one is not the original."""

    files: tuple[Enclosure, ...] = ()
    smaller: bool = False

    def of(self, card: Card) -> tuple[Enclosure, ...]:
        """Pick the files that a card refers to."""
        named = {file.name: file for file in self.files}
        return tuple(named[name] for name in card.files)


class Files:
    """Makes files of pictures, and knows what size each server takes."""

    def __init__(self, *, client: discord.Client, blobs: BlobStore, journal: Journal) -> None:
        """Take the parts."""
        self._client = client
        self._blobs = blobs
        self._journal = journal
        self._shrinking = asyncio.Lock()  # a large picture takes hundreds of MB while it is decoded

    async def most(self, guild: str) -> int:
        """Say how many bytes a file may have there. guild: "" for direct messages."""
        note = await self._journal.read(LIMITS, guild)
        if note is not None:
            return int(note["most"])
        known = self._client.get_guild(int(guild)) if guild else None
        return min(max(known.filesize_limit - MARGIN if known else 0, LIKELY), REQUEST)

    async def learn(self, guild: str, most: int) -> None:
        """Note what a server does not take more than."""
        await self._journal.write(LIMITS, guild, {"most": most})

    async def enclose(
        self,
        folder: Path,
        name: str,
        workspace: str,
        pictures: Sequence[Picture],
        *,
        most: int,
        spoiler: bool,
    ) -> Enclosed:
        """Make files of at most so many bytes. name: theirs, without number and ending.

        folder: for copies. Raises MaterialError when a picture cannot be made that small.
        """
        files: list[Enclosure] = []
        smaller = False
        for number, picture in enumerate(pictures, 1):
            path = await self._blobs.path(workspace, picture.blob.digest)
            ending = _ENDINGS.get(picture.blob.mime_type, "png")
            if picture.blob.size > most:
                path, ending = await self._shrink(path, folder / f"{number}.jpg", most), "jpg"
                smaller = True
            hidden = "SPOILER_" if spoiler else ""
            shown = f"{hidden}{name}-{number}.{ending}"
            files.append(Enclosure(path=path, name=shown, alt_text=picture.alt_text))
        return Enclosed(files=tuple(files), smaller=smaller)

    async def _shrink(self, source: Path, copy: Path, most: int) -> Path:
        async with self._shrinking:
            await asyncio.to_thread(_write_small, source, copy, most)
        return copy


def next_most(tried: int) -> int:
    """Say which size in bytes to try after one was refused; 0 when none is worth it."""
    smaller = FLOOR if tried > FLOOR else tried // 2
    return smaller if smaller >= SMALLEST else 0


def spread(cards: Sequence[Card], sizes: Mapping[str, int]) -> tuple[Card, ...]:
    """Put files into messages of their own before a card whose files are too much for a request.

    sizes: bytes by file name, of the originals: so that the messages stay the same when smaller
    copies have to be made in between.
    """
    return tuple(part for card in cards for part in _parts(card, sizes))


def _parts(card: Card, sizes: Mapping[str, int]) -> list[Card]:
    groups = _groups(card.files, sizes)
    if len(groups) == 1:
        return [card]
    galleries = [block for block in card.blocks if isinstance(block, Gallery)]
    pictures = dict(picture for gallery in galleries for picture in gallery.pictures)
    alone = [
        replace(galleries[0], pictures=tuple((name, pictures[name]) for name in group))
        for group in groups
    ]
    words = tuple(block for block in card.blocks if not isinstance(block, Gallery))
    before = [Card(blocks=(gallery,)) for gallery in alone[:-1]]
    return [*before, replace(card, blocks=(alone[-1], *words))]


def _groups(names: Sequence[str], sizes: Mapping[str, int]) -> list[list[str]]:
    """Group files, in order, so that each group fits into one request."""
    groups: list[list[str]] = [[]]
    left = REQUEST
    for name in names:
        size = min(sizes[name], REQUEST)
        if size > left:
            groups.append([])
            left = REQUEST
        groups[-1].append(name)
        left -= size
    return groups


def _write_small(source: Path, copy: Path, most: int) -> None:
    with copy.open("wb") as out:
        fit_bytes(source, most, out)
