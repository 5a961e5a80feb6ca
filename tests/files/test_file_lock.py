from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import AlreadyRunning, DependencyDown
from storage.lock import DataFolderLock, locks_of

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys
from pathlib import Path
from storage.lock import DataFolderLock
DataFolderLock(Path(sys.argv[1])).acquire()
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        lock = DataFolderLock(folder)
        with pytest.raises(AlreadyRunning, match=rf"process {holder.pid}\)\. Stop it first"):
            lock.acquire()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    lock.acquire()
    assert (folder / "lock").read_text() == f"{os.getpid()}\n"
    assert folder.stat().st_mode & 0o077 == 0
    lock.release()


def test_a_released_folder_is_free(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("1234567890\n")
    first, second = DataFolderLock(tmp_path), DataFolderLock(tmp_path)
    first.acquire()
    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\)"):
        second.acquire()
    second.release()
    first.release()
    first.release()
    second.acquire()
    with pytest.raises(AlreadyRunning):
        first.acquire()
    second.release()


def test_a_child_of_the_owner_does_not_hold_the_lock(tmp_path: Path) -> None:
    lock = DataFolderLock(tmp_path)
    lock.acquire()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        lock.release()
        lock.acquire()
        assert child.poll() is None
        assert child.stdin is not None
        child.stdin.close()
    lock.release()


def test_two_data_folders_cannot_share_a_database(tmp_path: Path) -> None:
    own, database = tmp_path / "own", tmp_path / "first" / "threadpaint.db"
    (first,) = locks_of(tmp_path / "first", database)
    first.acquire()
    mine, shared = locks_of(own, database)
    mine.acquire()
    with pytest.raises(AlreadyRunning, match=rf"first \(process {os.getpid()}\)\. .* DATABASE_URL"):
        shared.acquire()
    first.release()
    shared.acquire()
    with pytest.raises(AlreadyRunning, match="DATA_DIR"):
        first.acquire()
    shared.release()
    mine.release()


def test_a_database_in_the_data_folder_takes_no_second_lock(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    (lock,) = locks_of(tmp_path / "link", tmp_path / "data" / "threadpaint.db")
    lock.acquire()
    lock.release()
    assert len(locks_of(tmp_path, tmp_path / "deeper" / "threadpaint.db")) == 2


def test_an_old_lock_is_taken_from_others_and_its_folder_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("")
    (tmp_path / "lock").chmod(0o644)
    tmp_path.chmod(0o755)
    lock = DataFolderLock(tmp_path)
    lock.acquire()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    lock.release()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DependencyDown, match=r"Make it writable .* DATA_DIR"):
        DataFolderLock(tmp_path / "file" / "data").acquire()
