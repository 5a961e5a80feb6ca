"""Blobs as files, named by the SHA-256 of their content, in one folder a workspace."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.errors import NotFound
from storage.disk import create, disk_errors, make_folder, move, remove_old, sync_folder, write_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime, timedelta
    from pathlib import Path
    from typing import BinaryIO

    from bot.ports import BlobWriter

_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_PART = ".part"


class FileBlobWriter:
    """A blob in the making: a temporary file, hashed as it is written. DependencyDown."""

    def __init__(self, temporary: Path, workspace: str) -> None:
        """Create the file; its folder is there."""
        self.temporary = temporary
        self.workspace = workspace
        self.size = 0
        self._hash = hashlib.sha256()
        self._file = create(temporary)

    def write(self, data: bytes) -> None:
        """Append bytes."""
        with disk_errors():
            write_all(self._file, data)
        self._hash.update(data)
        self.size += len(data)

    def open(self) -> BinaryIO:
        """Open what was written so far for reading, unbuffered."""
        return self.temporary.open("rb", buffering=0)

    def finish(self) -> str:
        """Make the bytes durable, end the writing and return their digest."""
        os.fsync(self._file.fileno())
        self._file.close()
        return self._hash.hexdigest()

    def discard(self) -> None:
        """Throw it away; harmless after ``keep``."""
        self._file.close()
        with disk_errors():
            self.temporary.unlink(missing_ok=True)


class FileBlobStore:
    """``BlobStore`` in a folder: ``<workspace>/<two digits>/<digest>``.

    Equal files of one workspace are one file; two workspaces share nothing. Every method blocks
    for as long as the disk does; reading a block from the page cache takes less time than handing
    it to a thread would (facts/performance.md 3.1).
    """

    def __init__(self, root: Path) -> None:
        """Take the folder; it is made when the first blob is."""
        self._root = root

    def writer(self, workspace: str) -> FileBlobWriter:
        """Begin a blob. DependencyDown."""
        with disk_errors():
            make_folder(self._root)
            return FileBlobWriter(self._root / f"{secrets.token_hex(16)}{_PART}", workspace)

    def keep(self, writer: BlobWriter) -> str:
        """Make what was written durable and return its digest. DependencyDown.

        A blob that is there already is replaced by its equal: so it is young again for whoever
        clears away old blobs without an owner.
        """
        if not isinstance(writer, FileBlobWriter):
            message = f"not a writer of this store: {writer!r}"
            raise TypeError(message)
        with disk_errors():
            digest = writer.finish()
            path = self._path(writer.workspace, digest)
            make_folder(path.parent)
            move(writer.temporary, path)
        return digest

    async def blocks(self, workspace: str, digest: str, size: int) -> AsyncIterator[bytes]:
        """Read a blob in blocks of ``size`` bytes, the last one shorter. NotFound if missing.

        Nothing is awaited between blocks: who sends them on gives the loop its turns.
        """
        with self._open(workspace, digest) as file:
            while block := file.read(size):
                yield block

    async def path(self, workspace: str, digest: str) -> Path:
        """Find the file of a blob, to read only. NotFound if missing."""
        return self._find(workspace, digest)

    def remove(self, workspace: str, digest: str) -> None:
        """Remove a blob durably, if it is there. DependencyDown."""
        path = self._path(workspace, digest)
        with disk_errors(), suppress(FileNotFoundError):
            path.unlink()
            sync_folder(path.parent)

    def sweep(self, now: datetime, older_than: timedelta) -> int:
        """Remove what dead writers left and return how many files that were. DependencyDown.

        older_than: at least the longest time between two writes of one living writer.
        """
        with disk_errors():
            return remove_old(self._root.glob(f"*{_PART}"), now, older_than)

    def _open(self, workspace: str, digest: str) -> BinaryIO:
        with disk_errors():
            try:
                return self._path(workspace, digest).open("rb", buffering=0)
            except FileNotFoundError as error:
                raise _missing(digest) from error

    def _find(self, workspace: str, digest: str) -> Path:
        path = self._path(workspace, digest)
        if not path.is_file():
            raise _missing(digest)
        return path

    def _path(self, workspace: str, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise _missing(digest)
        return self._root / _folder_of(workspace) / digest[:2] / digest


def _folder_of(workspace: str) -> str:
    """Name the folder of a workspace: readable, safe, and different also where case is ignored."""
    mark = hashlib.sha256(workspace.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{_UNSAFE.sub('_', workspace)[:40]}-{mark}"


def _missing(digest: str) -> NotFound:
    return NotFound(f"A picture of this thread is gone from the store ({digest[:12]}).")
