from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.conversation import ROOT, BlobPart, Content, TurnRef, TurnState, Verdict, new_turn_id
from bot.errors import NotFound
from bot.ports import ERASING, Caps, Erased
from tests.storage.makers import (
    NOON,
    THREAD,
    a_blob,
    a_call,
    a_message,
    a_signature,
    a_turn,
    an_answer,
    an_attachment,
    in_thread,
    in_workspace,
)

if TYPE_CHECKING:
    from pathlib import Path

    from bot.conversation import Turn, TurnId
    from storage.journal import SqlJournal
    from storage.ledger import SqlLedger
    from storage.turns import SqlTurnStore
    from tests.storage.makers import Chat

MIDNIGHT = NOON.replace(hour=0)
TABLES = ("threads", "turns", "parts", "attachments", "generations", "posts", "ledger", "journal")


async def _erase(store: SqlTurnStore, person: str = "U1", workspace: str | None = None) -> Erased:
    return await store.erase("slack", person, workspace, [])


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


async def _parent(chat: Chat, turn: TurnId) -> TurnRef | None:
    return (await chat.store.get(turn)).parent


async def test_the_turns_of_a_person_are_listed_oldest_first(chat: Chat) -> None:
    first = await chat.painted()
    await chat.painted(author="U2")
    second = await chat.painted(in_workspace("T2"))
    third = await chat.accept()
    await chat.accept(replace(THREAD, platform="discord"))

    assert await chat.store.said_by("slack", "U1") == [first.id, second.id, third.id]
    assert await chat.store.said_by("slack", "U1", "T1") == [first.id, third.id]
    assert await chat.store.said_by("slack", "") == []


async def test_nothing_of_a_person_is_left_in_any_table(
    chat: Chat, path: Path, journal: SqlJournal
) -> None:
    turn = await chat.accept(
        author="U-erased", author_name="Ann Erased", attachments=(an_attachment("mine.png"),)
    )
    (gathering,) = await chat.claim(gather=True)
    (item,) = (await chat.store.record(turn.id)).material
    await chat.store.gathered(gathering, [replace(item, blob=a_blob(3))])
    (turn,) = await chat.claim()
    await chat.done(turn)

    erased = await _erase(chat.store, "U-erased")

    assert erased == Erased(turns=1, notes=0)
    with pytest.raises(NotFound):
        await chat.store.record(turn.id)
    ((_, files),) = (await journal.all(ERASING)).items()
    assert files == {
        "blobs": {"T1": sorted(a_blob(number).digest for number in (3, 100))},
        "calls": [a_call(turn).id],
    }
    rows = _rows(path)
    assert "rased" not in json.dumps(rows)
    assert {table: len(rows[table]) for table in TABLES if rows[table]} == {
        "ledger": 1,
        "journal": 1,
    }


async def test_a_message_that_comes_again_does_not_run_again(chat: Chat) -> None:
    message = a_message(client_id="gesture")
    turn = a_turn(message)
    await chat.store.accept(turn, message)
    (claimed,) = await chat.claim()
    await chat.done(claimed)
    await _erase(chat.store)

    twin = a_message(client_id="gesture")
    assert await chat.store.accept(a_turn(message), message) == (turn.id, False)
    assert await chat.store.accept(a_turn(twin), twin) == (turn.id, False)
    assert await chat.store.said_by("slack", "U1") == []


async def test_only_the_person_the_platform_and_the_workspace_that_are_meant_are_erased(
    chat: Chat,
) -> None:
    gone = await chat.painted()
    left = [
        await chat.painted(author="U2"),
        await chat.painted(in_workspace("T2")),
        await chat.painted(replace(THREAD, platform="discord")),
    ]
    before = [await chat.store.record(turn.id) for turn in left[1:]]

    assert (await _erase(chat.store, workspace="T1")).turns == 1

    with pytest.raises(NotFound):
        await chat.store.get(gone.id)
    assert [await chat.store.record(turn.id) for turn in left[1:]] == before
    assert (await chat.store.record(left[0].id)).turn.parent == ROOT
    assert (await _erase(chat.store)).turns == 1
    assert await chat.store.said_by("slack", "U1") == []
    assert await chat.store.said_by("discord", "U1") == [left[2].id]


async def test_what_has_not_ended_is_returned_and_stays(chat: Chat, ledger: SqlLedger) -> None:
    done = await chat.painted()
    running = await chat.claimed(text="still running")
    await chat.store.begin_calls(running, [a_call(running)], Caps(), NOON)
    before = await chat.store.record(running.id)

    erased = await _erase(chat.store)

    assert (erased.turns, erased.running) == (1, (running.id,))
    after = await chat.store.record(running.id)
    assert replace(after, turn=before.turn) == before
    assert await ledger.pictures(THREAD, "U1", MIDNIGHT) == 1
    await chat.store.judge(running, Verdict(state=TurnState.CANCELLED, text="Stopped."))
    await chat.store.finish(running, TurnState.CANCELLED)
    assert await _erase(chat.store) == Erased(turns=1, notes=0)
    assert await chat.store.turns_of(THREAD) == []
    assert done.id not in await chat.store.said_by("slack", "U1")


async def test_money_stays_and_is_nobodys(chat: Chat, ledger: SqlLedger, path: Path) -> None:
    await chat.painted()
    failed = await chat.claimed()
    await chat.store.begin_calls(failed, [a_call(failed)], Caps(), NOON)
    call = a_call(failed, state="unknown", note="It said: a red fox.")
    await chat.store.judge(failed, Verdict(state=TurnState.FAILED, text="Cut."), [call])
    await chat.store.finish(failed, TurnState.FAILED)
    await chat.painted(author="U2")

    await _erase(chat.store)

    assert await ledger.spent(THREAD, MIDNIGHT) == 280_000
    assert await ledger.pictures(THREAD, "U1", MIDNIGHT) == 0
    assert await ledger.pictures(THREAD, "U2", MIDNIGHT) == 1
    assert "red fox" not in json.dumps(_rows(path)["ledger"])


async def _thread_of_two(chat: Chat) -> list[Turn]:
    """Paint a, b, c, d, e one from the other: U1 said a, c and d."""
    return [await chat.painted(author=author) for author in ("U1", "U2", "U1", "U1", "U2")]


async def test_what_others_refined_goes_on_from_the_nearest_answer_that_is_left(
    chat: Chat,
) -> None:
    _, b, _, d, e = await _thread_of_two(chat)
    chosen = replace(await chat.claimed(author="U2"), parent=TurnRef(turn=d.id))
    branch = await chat.done(chosen)

    await _erase(chat.store)

    assert await _parent(chat, b.id) == ROOT
    assert await _parent(chat, e.id) == TurnRef(turn=b.id)
    assert await _parent(chat, branch.id) == TurnRef(turn=b.id)
    after = replace(await chat.claimed(author="U2"), parent=TurnRef(turn=e.id))
    lineage = await chat.store.lineage(after, 64)
    assert [past.id for past in lineage.turns] == [b.id, e.id]
    assert lineage.older == 0
    assert (await chat.store.lineage(after, 1)).older == 1


async def test_the_choice_that_was_gone_on_from_is_kept(chat: Chat) -> None:
    root = await chat.done(await chat.claimed(author="U2"), choices=(0, 1))
    middle = replace(await chat.claimed(), parent=TurnRef(turn=root.id, choice=1))
    await chat.done(middle)
    last = await chat.painted(author="U2")

    await _erase(chat.store)

    assert await _parent(chat, last.id) == TurnRef(turn=root.id, choice=1)


async def test_a_tip_moves_to_the_nearest_answer_that_is_left(chat: Chat) -> None:
    root = await chat.done(await chat.claimed(author="U2"), choices=(0, 1))
    await chat.done(replace(await chat.claimed(), parent=TurnRef(turn=root.id, choice=1)))
    await chat.painted()
    await chat.painted(in_thread("other"))
    (waiting,) = [await chat.accept(in_thread("other"), "U2")]

    await _erase(chat.store)

    assert await chat.store.tip(THREAD) == TurnRef(turn=root.id, choice=1)
    assert await chat.store.tip(in_thread("other")) is None
    claimed = next(turn for turn in await chat.claim() if turn.id == waiting.id)
    assert (await chat.store.lineage(claimed, 64)).parent == ROOT
    assert (await chat.painted(author="U2")).parent == TurnRef(turn=root.id, choice=1)


async def test_a_branch_in_another_thread_goes_on_too(chat: Chat) -> None:
    root = await chat.painted(author="U2")
    middle = await chat.painted()
    branch = replace(await chat.claimed(in_thread("other"), "U2"), parent=TurnRef(turn=middle.id))
    await chat.done(branch)
    await chat.painted(in_thread("other"))

    await _erase(chat.store)

    assert await _parent(chat, branch.id) == TurnRef(turn=root.id)
    assert await chat.store.tip(in_thread("other")) == TurnRef(turn=branch.id)
    assert await chat.store.undo(in_thread("other")) == TurnRef(turn=root.id)


async def test_a_thread_that_only_the_person_wrote_in_is_forgotten_as_such(chat: Chat) -> None:
    await chat.painted(in_thread("mine"))
    await chat.painted(in_thread("ours"))
    theirs = await chat.painted(in_thread("ours"), "U2")

    await _erase(chat.store)

    assert await chat.store.threads_since("slack", "T1", NOON) == [in_thread("ours")]
    first = await chat.store.first(in_thread("ours"))
    assert first is not None
    assert first.id == theirs.id
    again = await chat.accept(in_thread("ours"))
    assert again.number == 3


async def test_files_that_others_hold_are_named_and_all_are_noted(
    chat: Chat, journal: SqlJournal
) -> None:
    shared, copied = (replace(an_attachment(), blob=a_blob(number)) for number in (4, 5))
    mine = await chat.claimed(attachments=(shared, copied))
    painted = BlobPart(blob=a_blob(6), signature=a_signature(7))
    answer = an_answer(a_call(mine), content=Content(role="model", parts=(painted,)))
    await chat.store.keep(mine, [answer], [a_call(mine)], ())
    await chat.store.finish(mine, TurnState.DONE)
    await chat.accept(author="U2", attachments=(shared,))
    await chat.accept(replace(THREAD, platform="discord"), attachments=(copied,))
    digests = [a_blob(number).digest for number in range(4, 9)]
    assert await chat.store.named("T1", digests) == set(digests[:4])

    await _erase(chat.store)

    assert await chat.store.named("T1", digests) == set(digests[:2])
    assert await chat.store.named("T2", digests) == set()
    (note,) = (await journal.all(ERASING)).values()
    assert note["blobs"] == {"T1": digests[:4]}


async def test_notes_about_the_person_and_their_turns_go_of_whatever_kind(
    chat: Chat, journal: SqlJournal
) -> None:
    mine, theirs = await chat.painted(), await chat.painted(author="U2")
    for turn in (mine, theirs):
        await journal.write("slack.words", f"{turn.id}.words", {})
        await journal.write("slack.file", f"F-{turn.id}", {"turn": turn.id})
    await journal.write("slack.errand", "1", {"user": "U1", "text": "a red fox"})
    await journal.write("slack.errand", "2", {"user": "U2"})
    await journal.write("slack.errand", "3", {"user": "U1", "workspace": "T2"})
    await journal.write("discord.errand", "4", {"user": "U1"})
    await journal.write("person", "theirs", {})
    await journal.write("person", "mine", {})

    erased = await chat.store.erase("slack", "U1", "T1", [("person", "mine"), ("person", "no")])

    assert erased.notes == 4
    assert list(await journal.all("slack.words")) == [f"{theirs.id}.words"]
    assert list(await journal.all("slack.file")) == [f"F-{theirs.id}"]
    assert list(await journal.all("slack.errand")) == ["2", "3"]
    assert list(await journal.all("discord.errand")) == ["4"]
    assert list(await journal.all("person")) == ["theirs"]
    assert (await _erase(chat.store)).notes == 1


async def test_a_failed_root_that_is_erased_leaves_its_branch_to_the_thread(chat: Chat) -> None:
    failed = await chat.claimed()
    await chat.store.finish(failed, TurnState.FAILED)
    done = await chat.painted(author="U2")
    message = a_message(author="U2")
    turn = a_turn(message, parent=TurnRef(turn=failed.id))
    await chat.store.accept(turn, message)

    await _erase(chat.store)

    (claimed,) = await chat.claim()
    assert (await chat.store.lineage(claimed, 64)).parent == TurnRef(turn=done.id)


async def test_to_erase_nobody_changes_nothing_but_says_so(chat: Chat) -> None:
    turn = await chat.painted()
    assert await _erase(chat.store, "U9") == Erased(turns=0, notes=0)
    assert (await chat.store.get(turn.id)).state is TurnState.DONE
    assert await chat.store.named("T1", [new_turn_id()]) == set()


async def test_deleted_words_are_on_no_page_of_any_file(chat: Chat, path: Path) -> None:
    for number in range(40):
        words = f"unspeakable {number} " * (1 + number * 9)
        await chat.painted(in_thread(number % 5), "U-unspeakable", text=words)
    await chat.painted(author="U2", text="kept words")
    assert b"unspeakable" in _bytes(path)

    await _erase(chat.store, "U-unspeakable")
    assert await chat.store.scrub()

    assert b"unspeakable" not in _bytes(path)
    assert b"kept words" in _bytes(path)


async def test_the_log_waits_for_another_program_that_reads(
    chat: Chat, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.engine._SCRUB_SECONDS", 0.01)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM turns").fetchall()
        await chat.accept()
        assert not await chat.store.scrub()
    assert await chat.store.scrub()


def _bytes(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())
