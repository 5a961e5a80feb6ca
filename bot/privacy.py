"""Privacy: what is kept of a person, packed for them to take along, and forgotten.

Forgetting is one transaction for the rows. The files go afterwards, by a note in the journal that
the same transaction wrote, so that the next start finishes what a crash cut short.
"""

from __future__ import annotations

import asyncio
import json
import zipfile
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import DependencyDown, NotFound
from bot.ports import ERASING
from bot.preferences import PERSON
from bot.replies import cost_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from bot.conversation import Blob
    from bot.ports import BlobStore, Erased, Journal, Kept, Material, Record, Spool, TurnStore

_ENTRY = 512  # bytes that a zip needs for each file beside its content, at most

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What a zip holds. left_out: files that were too much for it, or are gone."""

    turns: int
    files: int
    left_out: int


class Privacy:
    """Exports and erases; workspace None stands for all workspaces of a platform."""

    def __init__(
        self, *, store: TurnStore, blobs: BlobStore, spool: Spool, journal: Journal
    ) -> None:
        """Take everything that keeps something of people."""
        self._store = store
        self._blobs = blobs
        self._spool = spool
        self._journal = journal

    async def export(
        self,
        target: Path,
        platform: str,
        person: str,
        workspace: str | None = None,
        *,
        most_bytes: int | None = None,
    ) -> Exported:
        """Write a zip of ``data.json`` and what a person sent and was painted.

        target: a file, private once it is made. most_bytes: of the zip; the oldest pictures that
        are too much for it are left out, and ``data.json`` says so. DependencyDown.
        """
        files = _Files(self._blobs)
        turns = [
            await _account(await self._store.record(turn), files)
            for turn in await self._store.said_by(platform, person, workspace)
        ]
        preferences = await self._preferences(platform, person, workspace)
        data = {
            "platform": platform,
            "person": person,
            "preferences": [
                {"workspace": json.loads(key)[1], **note} for key, note in preferences.items()
            ],
            "turns": turns,
            "files": files.entries,
        }
        chosen = files.choose(most_bytes, len(_text(data)))
        try:
            await asyncio.to_thread(_pack, target, data, chosen)
        except OSError as error:
            message = f"The export could not be written ({error.strerror}). Try again later."
            raise DependencyDown(message) from error
        return Exported(
            turns=len(turns), files=len(chosen), left_out=len(files.entries) - len(chosen)
        )

    async def erase(self, platform: str, person: str, workspace: str | None = None) -> Erased:
        """Forget a person, but for turns that have not ended; these are returned. May be repeated.

        The caller cancels those, waits for their end, and erases again. DependencyDown.
        """
        preferences = await self._preferences(platform, person, workspace)
        erased = await self._store.erase(
            platform, person, workspace, [(PERSON, key) for key in preferences]
        )
        return replace(erased, files=await self.finish())

    async def finish(self) -> int:
        """Remove the files that erased people left behind; returns how many blobs those were.

        Also at the start, for what a crash cut short. DependencyDown.
        """
        notes = await self._journal.all(ERASING)
        if not notes:
            return 0
        removed = 0
        for note in notes.values():
            for workspace, digests in note["blobs"].items():
                held = await self._store.named(workspace, digests)
                orphans = [digest for digest in digests if digest not in held]
                await asyncio.to_thread(self._remove, workspace, orphans)
                removed += len(orphans)
            for call in note["calls"]:
                await self._spool.remove(call)
        if await self._store.scrub():
            for key in notes:
                await self._journal.remove(ERASING, key)
        else:
            _log.warning(
                "another program reads the database, so its log still holds what was erased;"
                " the next start or erase tries again"
            )
        return removed

    def _remove(self, workspace: str, digests: Iterable[str]) -> None:
        for digest in digests:
            self._blobs.remove(workspace, digest)

    async def _preferences(
        self, platform: str, person: str, workspace: str | None
    ) -> dict[str, Mapping[str, Any]]:
        """Find what a person has set, by the keys of the notes."""
        found = {}
        for key, note in (await self._journal.all(PERSON)).items():
            where = json.loads(key)
            if where == [platform, where[1] if workspace is None else workspace, person]:
                found[key] = note
        return found


class _Files:
    """Names the blobs of an export, each once, however many turns hold it."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._names: dict[tuple[str, str], str] = {}
        self._found: list[tuple[dict[str, Any], Path]] = []
        self.entries: list[dict[str, Any]] = []

    async def name(self, workspace: str, blob: Blob, name: str) -> str:
        """Give the name of a blob in the zip."""
        known = self._names.get((workspace, blob.digest))
        if known:
            return known
        name = f"files/{name}.{blob.mime_type.partition('/')[2]}"
        entry = {"file": name, "type": blob.mime_type, "bytes": blob.size, "left_out": True}
        self._names[workspace, blob.digest] = name
        self.entries.append(entry)
        with suppress(NotFound):
            self._found.append((entry, await self._blobs.path(workspace, blob.digest)))
        return name

    def choose(self, most_bytes: int | None, taken: int) -> dict[str, Path]:
        """Choose the newest files for which there is room beside the bytes that are taken."""
        chosen = {}
        room = (most_bytes or 0) - taken - _ENTRY
        for entry, path in reversed(self._found):
            need = entry["bytes"] + _ENTRY
            if most_bytes is None or need <= room:
                room -= need
                entry["left_out"] = False
                chosen[entry["file"]] = path
        return chosen


async def _account(record: Record, files: _Files) -> dict[str, Any]:
    """Tell all of a turn that is its person's, and name the files that belong to it."""
    turn = record.turn
    where = {key: value for key, value in asdict(turn.thread).items() if key != "platform"}
    return {
        "turn": turn.id,
        "when": turn.created.isoformat(),
        "where": where,
        "message": turn.message_id,
        "name": turn.author_name,
        "words": turn.prompt,
        "options": turn.options.said(),
        "state": turn.state,
        "told": turn.verdict.text if turn.verdict else "",
        "cost_usd": cost_of(record.calls) / 1e6,
        "posts": [post.message_id for post in record.posts],
        "sent": [await _sent(record, item, files) for item in record.material],
        "answers": [await _answer(record, kept, files) for kept in record.kept],
    }


async def _sent(record: Record, item: Material, files: _Files) -> dict[str, Any]:
    told: dict[str, Any] = {"name": item.attachment.name, "problem": item.problem}
    if item.blob:
        name = f"{_prefix(record)}-sent-{item.position + 1}"
        told["file"] = await files.name(record.turn.thread.workspace, item.blob, name)
    return told


async def _answer(record: Record, kept: Kept, files: _Files) -> dict[str, Any]:
    content = kept.generation.content
    name = f"{_prefix(record)}-painted-{kept.choice + 1}"
    workspace = record.turn.thread.workspace
    return {
        "words": content.text,
        "files": [
            await files.name(workspace, blob, f"{name}.{number}")
            for number, blob in enumerate(content.pictures, 1)
        ],
        "sources": [source.url for source in kept.generation.sources],
    }


def _prefix(record: Record) -> str:
    return f"{record.turn.created:%Y-%m-%d}-{record.turn.id}"


def _text(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, indent=1, ensure_ascii=False).encode()


def _pack(target: Path, data: Mapping[str, Any], files: Mapping[str, Path]) -> None:
    target.touch(mode=0o600)
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("data.json", _text(data), zipfile.ZIP_DEFLATED)
        for name, path in files.items():
            packed.write(path, name)
