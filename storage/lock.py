"""One process at a time in a data folder."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from bot.errors import AlreadyRunning, DependencyDown

if TYPE_CHECKING:
    from pathlib import Path


class DataFolderLock:
    """An flock on ``<folder>/lock``; the system gives it back however the process ends.

    The file holds the process id of its owner, for people. Linux and macOS.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made by ``acquire``."""
        self._folder = folder
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock. AlreadyRunning when another process has it, DependencyDown."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DependencyDown(self._unusable(error)) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            owner = os.pread(file, 20, 0).decode(errors="replace").strip()
            os.close(file)
            raise AlreadyRunning(
                f"Threadpaint already runs on {self._folder} (process {owner or 'unknown'})."
                " Stop it first, or set DATA_DIR to another folder."
            ) from error
        except OSError as error:
            os.close(file)
            raise DependencyDown(self._unusable(error)) from error
        self._file = file

    def release(self) -> None:
        """Give the lock back, if it is ours."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _unusable(self, error: OSError) -> str:
        return (
            f"The data folder {self._folder} cannot be used: {error.strerror}."
            " Make it writable for this user, or set DATA_DIR to another folder."
        )
