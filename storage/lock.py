"""One process at a time in a data folder."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.errors import AlreadyRunning, DependencyDown

if TYPE_CHECKING:
    from pathlib import Path


def locks_of(data: Path, database: Path) -> list[DataFolderLock]:
    """List what a process has to lock: its data folder, and that of a database elsewhere.

    data: DATA_DIR. database: the file. Two data folders over one database meet at the second lock.
    """
    locks = [DataFolderLock(data)]
    if database.parent.resolve() != data.resolve():
        locks.append(DataFolderLock(database.parent, "DATABASE_URL"))
    return locks


class DataFolderLock:
    """An flock on ``<folder>/lock``; the system gives it back however the process ends.

    The file holds the process id of its owner, for people. Linux and macOS.
    """

    def __init__(self, folder: Path, setting: str = "DATA_DIR") -> None:
        """Take the folder, which ``acquire`` makes, and the variable that names it."""
        self._folder = folder
        self._setting = setting
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
            with suppress(PermissionError):  # the file of another user
                os.fchmod(file, 0o600)
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            owner = os.pread(file, 20, 0).decode(errors="replace").strip()
            os.close(file)
            raise AlreadyRunning(
                f"Threadpaint already runs on {self._folder} (process {owner or 'unknown'})."
                f" Stop it first, or let {self._setting} name another folder."
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
            f" Make it writable for this user, or let {self._setting} name another folder."
        )
