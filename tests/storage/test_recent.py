from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.conversation import TurnState
from tests.storage.makers import THREAD, in_thread, in_workspace

if TYPE_CHECKING:
    from tests.storage.makers import Chat


async def test_recent_turns_are_the_newest_done_ones_of_a_person_in_a_workspace(
    chat: Chat,
) -> None:
    first = await chat.painted(text="one")
    second = await chat.painted(in_thread("other"), text="two")
    third = await chat.painted(replace(THREAD, channel="C2"), text="three")
    await chat.painted(in_workspace("T2"))
    await chat.painted(replace(THREAD, platform="discord"))
    await chat.painted(author="U2")
    await chat.store.finish(await chat.claimed(), TurnState.REFUSED)
    await chat.accept()

    recent = await chat.store.recent(THREAD, "U1", 2)

    assert [(turn.id, turn.prompt) for turn in recent] == [(third.id, "three"), (second.id, "two")]
    found = await chat.store.recent(in_thread("never seen"), "U1", 9)
    assert [turn.id for turn in found] == [third.id, second.id, first.id]
    assert await chat.store.recent(THREAD, "U3", 9) == []


async def test_threads_are_listed_by_when_they_were_worked_on_last(chat: Chat) -> None:
    places = [in_thread(name) for name in ("idle", "old", "busy", "new")]
    await chat.painted(places[1])
    since = chat.clock.move(seconds=1)
    await chat.painted(places[2])
    chat.clock.move(seconds=1)
    await chat.painted(places[3])
    await chat.painted(in_workspace("T2"))
    chat.clock.move(seconds=1)
    await chat.painted(places[2])
    await chat.accept(places[0])

    async def listed(most: int) -> list[str]:
        found = await chat.store.threads_since("slack", "T1", since, most)
        return [thread.thread for thread in found]

    assert await listed(9) == ["busy", "new"]
    assert await listed(1) == ["busy"]
