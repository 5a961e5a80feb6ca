from __future__ import annotations

from typing import TYPE_CHECKING

from storage.engine import open_database
from storage.journal import SqlJournal
from tests.storage.makers import NOON

if TYPE_CHECKING:
    from pathlib import Path

    from storage.engine import Database
    from tests.storage.makers import Clock

NOTE = {"files": ["F1", "F2"], "ts": "1712.01", "tries": 2, "where": {"channel": "C1"}}


async def test_a_note_is_read_as_it_was_written_last(journal: SqlJournal) -> None:
    assert await journal.read("slack.upload", "t1") is None
    await journal.write("slack.upload", "t1", {"state": "begun"})
    await journal.write("slack.upload", "t1", NOTE)
    assert await journal.read("slack.upload", "t1") == NOTE


async def test_equal_keys_of_two_kinds_are_two_notes(journal: SqlJournal) -> None:
    await journal.write("slack.upload", "t1", {"a": 1})
    await journal.write("discord.post", "t1", {"b": 2})
    await journal.remove("discord.post", "t1")
    await journal.remove("discord.post", "never there")
    assert await journal.read("discord.post", "t1") is None
    assert await journal.all("slack.upload") == {"t1": {"a": 1}}
    assert await journal.all("discord.post") == {}


async def test_notes_come_in_the_order_of_their_first_writing_whatever_the_clock_says(
    journal: SqlJournal, clock: Clock
) -> None:
    for key in ("z", "b", "a", "c"):
        await journal.write("slack.upload", key, {"key": key})
        clock.move(seconds=-1)
    await journal.write("slack.upload", "z", {"key": "again"})
    await journal.remove("slack.upload", "b")
    await journal.write("slack.upload", "b", {"key": "anew"})

    found = await journal.all("slack.upload")

    assert list(found) == ["z", "a", "c", "b"]
    assert found["z"] == {"key": "again"}


async def test_what_was_not_written_for_long_is_forgotten(
    journal: SqlJournal, clock: Clock
) -> None:
    for kind in ("slack.upload", "slack.mode"):
        for key in ("old", "touched"):
            await journal.write(kind, key, {})
    at = clock.move(hours=1)
    await journal.write("slack.upload", "touched", {})

    await journal.forget("slack.upload", at)

    assert list(await journal.all("slack.upload")) == ["touched"]
    assert list(await journal.all("slack.mode")) == ["old", "touched"]
    await journal.forget("slack.mode", NOON)
    assert list(await journal.all("slack.mode")) == ["old", "touched"]


async def test_a_note_outlives_the_process(database: Database, path: Path) -> None:
    await SqlJournal(database).write("slack.upload", "t1", NOTE)
    other = await open_database(f"sqlite:///{path}")
    assert await SqlJournal(other).read("slack.upload", "t1") == NOTE
    await other.close()
