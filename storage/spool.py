"""Raw answers on disk between the paid call and the moment when all in them is kept."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from bot.errors import OutcomeUnknown
from storage.disk import create, disk_errors, make_folder, move, remove_old, write_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime, timedelta
    from pathlib import Path

_KEY = re.compile(r"\w[\w.-]*")
_PART = ".part"
_ANSWER = ".answer"


class _Sink:
    """``SpoolSink`` on a file."""

    def __init__(self, part: Path, most_bytes: int) -> None:
        self.part = part
        self._most_bytes = most_bytes
        self._size = 0
        self._file = create(part)

    def write(self, data: bytes) -> None:
        """Append bytes. OutcomeUnknown over the cap, DependencyDown."""
        self._size += len(data)
        if self._size > self._most_bytes:
            raise OutcomeUnknown(
                f"The answer was larger than {self._most_bytes >> 20} MB and was not read."
                " It may have been billed. Try again to ask once more."
            )
        with disk_errors():
            write_all(self._file, data)

    def restart(self) -> None:
        """Forget what was written."""
        with disk_errors():
            self._file.seek(0)
            self._file.truncate()
        self._size = 0

    def sync(self) -> None:
        """Make the bytes durable and end the writing."""
        os.fsync(self._file.fileno())
        self._file.close()

    def discard(self) -> None:
        """Throw it away."""
        self._file.close()
        with suppress(OSError):  # what is left is swept at the next start
            self.part.unlink(missing_ok=True)


class FileSpool:
    """``Spool`` in a folder: ``<key>.part`` while it is written, ``<key>.answer`` once durable."""

    def __init__(
        self,
        root: Path,
        *,
        most_bytes: int = 256 << 20,
        fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take the folder and the cap of one answer.

        fault: called in a worker thread with "gen.spool_written" when the bytes are durable, and
        with "gen.spool_renamed" when the name is.
        """
        self._root = root
        self._most_bytes = most_bytes
        self._fault = fault

    @asynccontextmanager
    async def write(self, key: str) -> AsyncIterator[_Sink]:
        """Write one answer; durable on a clean exit, gone after an exception. DependencyDown.

        A cancel that comes while it is made durable waits for that: what is paid for stays.
        """
        with disk_errors():
            make_folder(self._root)
            sink = _Sink(self._file(key, _PART), self._most_bytes)
        try:
            yield sink
        except BaseException:
            sink.discard()
            raise
        settling = asyncio.create_task(asyncio.to_thread(self._settle, key, sink))
        try:
            await asyncio.shield(settling)
        except asyncio.CancelledError:
            await asyncio.gather(settling, return_exceptions=True)
            raise

    def _settle(self, key: str, sink: _Sink) -> None:
        try:
            with disk_errors():
                sink.sync()
                self._fault("gen.spool_written")
                move(sink.part, self._file(key, _ANSWER))
        except BaseException:
            sink.discard()
            raise
        self._fault("gen.spool_renamed")

    async def find(self, key: str) -> Path | None:
        """Find a durable answer."""
        path = self._file(key, _ANSWER)
        return path if await asyncio.to_thread(path.is_file) else None

    async def salvage(self, key: str) -> Path | None:
        """Find an answer after a crash, one that may be cut included, and make it durable.

        Nothing that arrived counts as no answer. DependencyDown.
        """
        return await asyncio.to_thread(self._salvage, key)

    def _salvage(self, key: str) -> Path | None:
        part, answer = self._file(key, _PART), self._file(key, _ANSWER)
        with disk_errors():
            if answer.is_file():
                return answer
            if not part.is_file() or not part.stat().st_size:
                return None
            with part.open("rb") as file:
                os.fsync(file.fileno())
            move(part, answer)
        return answer

    async def remove(self, key: str) -> None:
        """Remove an answer, if it is there. DependencyDown."""
        with disk_errors():
            await asyncio.to_thread(self._file(key, _ANSWER).unlink, missing_ok=True)

    def sweep(self, now: datetime, older_than: timedelta, keep: Callable[[str], bool]) -> int:
        """Remove the answers, cut ones too, whose key ``keep`` does not want; return how many.

        older_than: files younger than this stay, for another process may be writing them (the
        model may think for minutes before a first byte). Blocking. DependencyDown.
        """
        unwanted = (path for path in self._root.glob("*") if not keep(path.stem))
        with disk_errors():
            return remove_old(unwanted, now, older_than)

    def _file(self, key: str, suffix: str) -> Path:
        if not _KEY.fullmatch(key):
            message = f"not a key of the spool: {key!r}"
            raise ValueError(message)
        return self._root / f"{key}{suffix}"
