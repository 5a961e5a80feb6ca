"""What is kept of a person can be taken along, and is gone when they want it gone."""

from __future__ import annotations

import json
import secrets
import sqlite3
import zipfile
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import pytest

from bot.app import Storage, open_app
from bot.chat import Attachment
from bot.conversation import ThreadId, TurnState
from bot.environment import load
from bot.errors import NotFound
from bot.options import GenerationOptions
from bot.ports import ERASING, Erased
from bot.privacy import Exported
from tests.core.harness import Bot, RecordingChat, settings_for
from tests.standins.pictures import png

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.chat import Reply
    from bot.conversation import Turn
    from tests.standins.gemini import GeminiStandin

ANN = "ann-7f3e"
WORDS = "a quetzalcoatlus on a bicycle"
THREAD = ThreadId(platform="chat", workspace="w1", channel="c1", thread="t1")
UPLOAD = png(33, 21)


@asynccontextmanager
async def _bot(folder: Path, gemini: GeminiStandin) -> AsyncIterator[tuple[Bot, Storage]]:
    """Run a bot, and give what it keeps, too."""
    chat, kept = RecordingChat(), []

    def platforms(storage: Storage) -> list[RecordingChat]:
        kept.append(storage)
        return [chat]

    settings = load(settings_for(folder, gemini), env_file=None)
    async with open_app(settings, platforms) as app, app.running():
        yield Bot(app, chat), kept[0]


async def _paint(bot: Bot, kept: Storage) -> tuple[Turn, Reply]:
    """Let Ann have a picture painted, with all that she can leave behind."""
    await kept.preferences.set_person(THREAD, ANN, GenerationOptions(image_size="1K"))
    return await bot.paint(
        f"{WORDS} --ar 16:9", author=ANN, author_name="Ann Quetzal", files={"mine.png": UPLOAD}
    )


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def _traces(folder: Path) -> list[str]:
    """Which of Ann's words are in any file of the data folder."""
    everything = _bytes(folder / "data").lower()
    return [word for word in ("quetzal", "bicycle", ANN, "mine.png") if word.encode() in everything]


def _blobs(folder: Path) -> int:
    return sum(path.is_file() for path in (folder / "data" / "blobs").rglob("*"))


async def test_not_a_byte_of_a_person_is_left_and_the_others_go_on(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with _bot(tmp_path, gemini) as (bot, kept):
        turn, reply = await _paint(bot, kept)
        path = await kept.blobs.path("w1", reply.pictures[0].blob.digest)
        painted = path.read_bytes()
        await kept.journal.write("chat.words", f"{turn.id}.1", {"text": WORDS})
        async with kept.spool.write(f"{turn.id}.0.0") as sink:  # a crash can leave it there
            sink.write(WORDS.encode())
        _, bobs = await bot.paint("at night", author="bob")
        before = _blobs(tmp_path)
        assert len(_traces(tmp_path)) == 4
        assert painted in _bytes(tmp_path / "data")

        erased = await kept.privacy.erase("chat", ANN)

        assert erased == Erased(turns=1, notes=2, files=before - _blobs(tmp_path))
        assert erased.files >= 2
        assert _traces(tmp_path) == []
        assert painted not in _bytes(tmp_path / "data")
        assert await kept.blobs.path("w1", bobs.pictures[0].blob.digest)
        after, _ = await bot.paint("and snow", author="bob")
        assert after.parent is not None
        assert after.parent.turn in bot.chat.replies
    assert _traces(tmp_path) == []
    said = json.dumps(gemini.requests[-1], default=repr)
    assert "at night" in said
    assert "quetzal" not in said


async def test_an_erase_that_a_crash_cut_short_is_finished_at_the_start(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with _bot(tmp_path, gemini) as (bot, kept):
        turn, _ = await _paint(bot, kept)
        async with kept.spool.write(f"{turn.id}.0.0") as sink:
            sink.write(WORDS.encode())
        await kept.store.erase("chat", ANN, None, [])
        assert _blobs(tmp_path) >= 2
        assert "quetzal" in _traces(tmp_path)

    async with _bot(tmp_path, gemini) as (_, kept):
        assert _blobs(tmp_path) == 0
        assert "quetzal" not in _traces(tmp_path)
        assert await kept.journal.all(ERASING) == {}


async def test_files_that_somebody_else_holds_stay(tmp_path: Path, gemini: GeminiStandin) -> None:
    async with _bot(tmp_path, gemini) as (bot, kept):
        _, reply = await _paint(bot, kept)
        picture = reply.pictures[0].blob
        again = Attachment(name="again.png", blob=picture)
        await bot.paint("redo", author="bob", thread="t2", attachments=(again,))
        await kept.privacy.erase("chat", ANN)
        assert await kept.blobs.path("w1", picture.digest)
        await kept.privacy.erase("chat", "bob")
        with pytest.raises(NotFound):
            await kept.blobs.path("w1", picture.digest)


async def test_one_workspace_or_all(tmp_path: Path, gemini: GeminiStandin) -> None:
    async with _bot(tmp_path, gemini) as (bot, kept):
        await _paint(bot, kept)
        _, there = await bot.paint("a fox", author=ANN, workspace="w2")
        await kept.preferences.set_person(
            ThreadId(platform="chat", workspace="w2", channel="c1", thread="t1"),
            ANN,
            GenerationOptions(image_size="2K"),
        )
        erased = await kept.privacy.erase("chat", ANN, "w1")
        assert (erased.turns, erased.notes) == (1, 1)
        assert await kept.blobs.path("w2", there.pictures[0].blob.digest)
        erased = await kept.privacy.erase("chat", ANN)
        assert (erased.turns, erased.notes) == (1, 1)
        assert _blobs(tmp_path) == 0


async def test_what_runs_is_cancelled_by_the_caller_and_erased_then(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with _bot(tmp_path, gemini) as (bot, kept):
        gemini.hold()
        turn = await bot.post(WORDS, author=ANN)
        await gemini.until_waiting(1)
        assert (await kept.privacy.erase("chat", ANN)).running == (turn,)
        await bot.app.turns.cancel(turn)
        assert (await bot.app.turns.ended(turn)).state is TurnState.CANCELLED
        assert await kept.privacy.erase("chat", ANN) == Erased(turns=1, notes=0)
        assert _traces(tmp_path) == []
        gemini.release()


async def test_while_another_program_reads_the_rest_of_an_erase_waits(
    tmp_path: Path, gemini: GeminiStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.engine._SCRUB_SECONDS", 0.01)
    async with _bot(tmp_path, gemini) as (bot, kept):
        await _paint(bot, kept)
        with closing(sqlite3.connect(tmp_path / "data" / "threadpaint.db")) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM turns").fetchall()
            erased = await kept.privacy.erase("chat", ANN)
            assert erased.turns == 1
            assert await kept.journal.all(ERASING)
        await kept.privacy.finish()
        assert await kept.journal.all(ERASING) == {}
        assert _traces(tmp_path) == []


def _unpack(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        files = {name: packed.read(name) for name in packed.namelist()}
    return json.loads(files.pop("data.json")), files


async def test_an_export_holds_all_that_a_person_said_sent_and_was_painted(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    target = tmp_path / "ann.zip"
    async with _bot(tmp_path, gemini) as (bot, kept):
        turn, reply = await _paint(bot, kept)
        await bot.paint("something else", author="bob")
        wrong = await bot.ask("a fox --no-such-flag", author=ANN)
        await bot.paint("elsewhere", author=ANN, workspace="w2")

        exported = await kept.privacy.export(target, "chat", ANN, "w1")

        painted = await kept.blobs.path("w1", reply.pictures[0].blob.digest)
        data, files = _unpack(target)
        assert exported == Exported(turns=2, files=2, left_out=0)
        assert set(files.values()) == {UPLOAD, painted.read_bytes()}
    assert data["preferences"] == [{"workspace": "w1", "image_size": "1K"}]
    first, second = data["turns"]
    (sent,), (answer,) = first.pop("sent"), first.pop("answers")
    assert first == {
        "turn": turn.id,
        "when": turn.created.isoformat(),
        "where": {"workspace": "w1", "channel": "c1", "thread": "t1"},
        "message": turn.message_id,
        "name": "Ann Quetzal",
        "words": WORDS,
        "options": turn.options.said(),
        "state": "done",
        "told": "",
        "cost_usd": reply.cost / 1e6,
        "posts": [f"post-{turn.id}-0"],
    }
    assert files[sent["file"]] == UPLOAD
    assert sent["name"] == "mine.png"
    assert answer["files"] == [name for name in files if name != sent["file"]]
    assert (second["turn"], second["state"]) == (wrong.id, "failed")
    assert "no-such-flag" in second["told"]
    assert target.stat().st_mode & 0o077 == 0


async def test_an_export_leaves_out_what_is_too_much_for_it_and_says_so(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    target = tmp_path / "ann.zip"
    async with _bot(tmp_path, gemini) as (bot, kept):
        pictures = []
        for _ in range(3):
            _, reply = await bot.paint("a fox", author=ANN, thread="t1")
            pictures.append(reply.pictures[0].blob)
        await bot.ask(f"{secrets.token_hex(3000)} --no-such-flag", author=ANN)
        await kept.privacy.export(target, "chat", ANN)
        most = target.stat().st_size - 100

        exported = await kept.privacy.export(target, "chat", ANN, most_bytes=most)

        data, files = _unpack(target)
        assert target.stat().st_size <= most
        assert exported.files == len(files) < 3
        assert exported.files + exported.left_out == 3
        assert [entry["left_out"] for entry in data["files"]] == [
            entry["file"] not in files for entry in data["files"]
        ]
        assert data["files"][0]["left_out"]
        newest = await kept.blobs.path("w1", pictures[-1].digest)
        assert newest.read_bytes() in files.values()


async def test_an_export_of_nobody_is_empty_and_no_room_at_all_leaves_the_words(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    target = tmp_path / "ann.zip"
    async with _bot(tmp_path, gemini) as (bot, kept):
        assert (await kept.privacy.export(target, "chat", ANN)).turns == 0
        await _paint(bot, kept)
        exported = await kept.privacy.export(target, "chat", ANN, most_bytes=0)
        data, files = _unpack(target)
    assert (exported, files) == (Exported(turns=1, files=0, left_out=2), {})
    assert data["turns"][0]["words"] == WORDS
