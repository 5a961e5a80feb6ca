from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import DependencyDown, NotFound
from storage.blobs import FileBlobStore
from tests.media import corpus

ROOT = Path(__file__).parents[2]
DIGEST = hashlib.sha256(b"bytes").hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> FileBlobStore:
    return FileBlobStore(tmp_path / "data" / "blobs")


def _keep(store: FileBlobStore, workspace: str, data: bytes) -> str:
    writer = store.writer(workspace)
    try:
        writer.write(data)
        return store.keep(writer)
    finally:
        writer.discard()


async def _read(store: FileBlobStore, workspace: str, digest: str, size: int = 1000) -> list[bytes]:
    return [block async for block in store.blocks(workspace, digest, size)]


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


async def test_a_blob_is_named_by_its_content_and_read_in_blocks(store: FileBlobStore) -> None:
    writer = store.writer("T1")
    for part in (b"a" * 1500, b"", b"b" * 700):
        writer.write(part)
    assert writer.size == 2200
    with writer.open() as file:
        assert file.read(3) == b"aaa"
    digest = store.keep(writer)
    writer.discard()
    assert digest == hashlib.sha256(b"a" * 1500 + b"b" * 700).hexdigest()
    assert [len(block) for block in await _read(store, "T1", digest)] == [1000, 1000, 200]
    path = await store.path("T1", digest)
    assert path.read_bytes() == b"a" * 1500 + b"b" * 700
    assert path.stat().st_mode & 0o077 == 0


async def test_a_signed_picture_of_the_model_stays_byte_identical(store: FileBlobStore) -> None:
    signed = corpus.accepted()["signed.png"]
    assert b"caBX" in signed
    digest = _keep(store, "T1", signed)
    assert digest == hashlib.sha256(signed).hexdigest()
    assert b"".join(await _read(store, "T1", digest, 192 * 1024)) == signed


async def test_equal_files_of_a_workspace_are_one_file(
    store: FileBlobStore, tmp_path: Path
) -> None:
    assert _keep(store, "T1", b"bytes") == _keep(store, "T1", b"bytes") == DIGEST
    assert len(_files(tmp_path)) == 1
    assert await _read(store, "T1", DIGEST) == [b"bytes"]


async def test_two_workspaces_share_nothing(store: FileBlobStore, tmp_path: Path) -> None:
    _keep(store, "T1", b"bytes")
    with pytest.raises(NotFound):
        await store.path("T2", DIGEST)
    _keep(store, "T2", b"bytes")
    first, second = await store.path("T1", DIGEST), await store.path("T2", DIGEST)
    assert not first.samefile(second)
    store.remove("T1", DIGEST)
    store.remove("T1", DIGEST)
    assert await _read(store, "T2", DIGEST) == [b"bytes"]
    with pytest.raises(NotFound):
        await _read(store, "T1", DIGEST)


_ODD_NAMES = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        ["", ".", "..", "../..", "/etc", "a/b", "a\0b", "~", "con", "T1", "t1", "é", "é"]
    ),
)


@settings(deadline=None, max_examples=25)
@given(one=_ODD_NAMES, other=_ODD_NAMES)
async def test_any_name_of_a_workspace_is_one_folder_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, one: str, other: str
) -> None:
    root = tmp_path_factory.mktemp("blobs")
    store = FileBlobStore(root)
    _keep(store, one, b"bytes")
    [path] = _files(root)
    assert path.parents[2] == root
    assert len(path.parents[1].name) <= 60
    if one != other:
        with pytest.raises(NotFound):
            await store.path(other, DIGEST)
        _keep(store, other, b"bytes")
        assert len({p.parents[1].name.lower() for p in _files(root)}) == 2
    shutil.rmtree(root)


@pytest.mark.parametrize("digest", ["", "../../lock", DIGEST.upper(), DIGEST[:63], f"{DIGEST}\n"])
async def test_what_is_no_digest_is_not_found(store: FileBlobStore, digest: str) -> None:
    _keep(store, "T1", b"bytes")
    with pytest.raises(NotFound):
        await store.path("T1", digest)
    with pytest.raises(NotFound):
        await _read(store, "T1", digest)


def test_a_discarded_blob_leaves_nothing(store: FileBlobStore, tmp_path: Path) -> None:
    writer = store.writer("T1")
    writer.write(b"bytes")
    writer.discard()
    writer.discard()
    assert not _files(tmp_path)


def test_a_crash_before_the_rename_leaves_no_blob(store: FileBlobStore, tmp_path: Path) -> None:
    root = tmp_path / "data" / "blobs"
    script = """
import os, signal, sys
from pathlib import Path
from storage.blobs import FileBlobStore
store = FileBlobStore(Path(sys.argv[1]))
writer = store.writer("T1")
writer.write(b"bytes")
writer.finish()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(root)], cwd=ROOT, check=False)
    [left] = _files(root)
    assert left.suffix == ".part"
    now = datetime.now(UTC)
    assert store.sweep(now, timedelta(hours=1)) == 0
    assert store.sweep(now + timedelta(hours=2), timedelta(hours=1)) == 1
    assert not _files(root)


def test_a_sweep_leaves_blobs_and_young_writers_alone(store: FileBlobStore, tmp_path: Path) -> None:
    assert store.sweep(datetime.now(UTC), timedelta()) == 0
    _keep(store, "T1", b"bytes")
    writer = store.writer("T1")
    writer.write(b"more")
    assert store.sweep(datetime.now(UTC), timedelta(minutes=5)) == 0
    store.keep(writer)
    assert store.sweep(datetime.now(UTC) + timedelta(days=9), timedelta()) == 0
    assert len(_files(tmp_path)) == 2


def test_a_kept_blob_is_young_again(store: FileBlobStore, tmp_path: Path) -> None:
    _keep(store, "T1", b"bytes")
    [path] = _files(tmp_path)
    os.utime(path, (1, 1))
    _keep(store, "T1", b"bytes")
    assert path.stat().st_mtime > 1_000_000


def test_a_folder_that_cannot_be_made_is_told_in_words_without_a_path(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("in the way")
    with pytest.raises(DependencyDown, match="data folder cannot be used") as problem:
        FileBlobStore(tmp_path / "blobs").writer("T1")
    assert str(tmp_path) not in str(problem.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_in_words(
    store: FileBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = store.writer("T1")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._file.fileno())
    os.close(full)
    with pytest.raises(DependencyDown, match="The disk is full"):
        writer.write(b"bytes")
    writer.discard()
