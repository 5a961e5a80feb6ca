"""What the folders of blobs and raw answers share: durable writes, and a disk's errors in words."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from functools import partial
from io import FileIO
from typing import TYPE_CHECKING

from bot.errors import DependencyDown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime, timedelta
    from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def disk_errors() -> Iterator[None]:
    """Translate OSError to DependencyDown, with words that may stand in a chat (no path)."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            words = "The disk is full. The operator has to free some space."
        else:
            reason = error.strerror or "an error of the disk"
            words = f"The data folder cannot be used ({reason}). The operator has to repair that."
        raise DependencyDown(words) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, private and durable."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def create(path: Path) -> FileIO:
    """Open a new private file, or empty an old one, for unbuffered writing."""
    return FileIO(path, "w", opener=partial(os.open, mode=0o600))


def write_all(file: FileIO, data: bytes) -> None:
    """Write every byte; an unbuffered file may take fewer at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def move(temporary: Path, final: Path) -> None:
    """Give a synced file its final name, durably; a file of that name is replaced."""
    temporary.replace(final)
    sync_folder(final.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def remove_old(files: Iterable[Path], now: datetime, older_than: timedelta) -> int:
    """Remove files that were last written before a time, and count them.

    One that another process moves or removes meanwhile is no error.
    """
    limit, removed = (now - older_than).timestamp(), 0
    for path in files:
        with suppress(FileNotFoundError):
            if path.stat().st_mtime <= limit:
                path.unlink()
                removed += 1
    return removed
