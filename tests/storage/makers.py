"""Turns, messages and answers to store, and the usual ways of a turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from bot.chat import Attachment, Message, Post
from bot.conversation import (
    Blob,
    BlobPart,
    Content,
    Generation,
    TextPart,
    ThreadId,
    Turn,
    TurnState,
    Usage,
    new_turn_id,
)
from bot.ports import Call, Caps, Kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.turns import SqlTurnStore

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
THREAD = ThreadId(platform="slack", workspace="T1", channel="C1", thread="1712.01")
PLATFORMS = ("slack", "discord")
FREE = Caps(person=1000, workspace=1000, total=1000)

_ids = count(1)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, **delta: float) -> datetime:
        self.at += timedelta(**delta)
        return self.at


def a_message(thread: ThreadId = THREAD, author: str = "U1", **changes: object) -> Message:
    values: dict[str, Any] = {
        "id": f"m{next(_ids)}",
        "thread": thread,
        "author": author,
        "text": "a red fox",
        "sent_at": NOON,
    }
    values.update(changes)
    return Message(**values)


def a_turn(message: Message, **changes: object) -> Turn:
    values: dict[str, Any] = {
        "id": new_turn_id(),
        "thread": message.thread,
        "state": TurnState.ACCEPTED,
        "author": message.author,
        "message_id": message.id,
        "created": NOON,
        "prompt": message.text,
    }
    values.update(changes)
    return Turn(**values)


def an_attachment(name: str = "cat.png") -> Attachment:
    return Attachment(name=name, declared_type="image/png", size=12, ref={"url": f"u/{name}"})


def a_blob(number: int = 1, **changes: object) -> Blob:
    values: dict[str, Any] = {
        "digest": f"{number:064x}",
        "mime_type": "image/png",
        "size": 1000 + number,
        "width": 1024,
        "height": 768,
    }
    values.update(changes)
    return Blob(**values)


def a_signature(number: int) -> Blob:
    return Blob(
        digest=f"{number:064x}", mime_type="application/x-thought-signature", size=800 + number
    )


def a_call(turn: Turn, choice: int = 0, number: int = 0, **changes: object) -> Call:
    values: dict[str, Any] = {
        "id": f"{turn.id}.{choice}.{number}",
        "choice": choice,
        "state": "reserved",
        "amount": 100_000,
        "model": "paint-1",
        "backend": "google/key1/paint-1",
        "at": NOON,
        "request": {"verbatim": ["x"], "images": 1},
    }
    values.update(changes)
    return Call(**values)


def an_answer(call: Call, number: int = 7, **changes: object) -> Kept:
    values: dict[str, Any] = {
        "content": Content(
            role="model",
            parts=(
                TextPart(text="hm", thought=True),
                BlobPart(blob=a_blob(number), signature=a_signature(number)),
                TextPart(text=f"Here is {number}."),
            ),
        ),
        "finish_reason": "STOP",
        "usage": Usage(prompt=10, output=1120, output_image=1120, total=1130),
    }
    values.update(changes)
    return Kept(choice=call.choice, call=call.id, generation=Generation(**values))


@dataclass(frozen=True, kw_only=True)
class Chat:
    """A store and the short ways to use it."""

    store: SqlTurnStore
    clock: Clock

    async def accept(
        self, thread: ThreadId = THREAD, author: str = "U1", **message: object
    ) -> Turn:
        said = a_message(thread, author, **message)
        turn = a_turn(said, created=self.clock())
        turn_id, new = await self.store.accept(turn, said)
        assert new
        return await self.store.get(turn_id)

    async def claim(self, caps: Caps = FREE, *, gather: bool = False) -> list[Turn]:
        return await self.store.claim(caps, PLATFORMS, self.clock(), gather=gather)

    async def claimed(
        self, thread: ThreadId = THREAD, author: str = "U1", **message: object
    ) -> Turn:
        """Accept a turn and claim it; nothing else may be runnable."""
        accepted = await self.accept(thread, author, **message)
        (turn,) = await self.claim()
        assert turn.id == accepted.id
        return turn

    async def stored(self, turn: Turn, *, choices: Sequence[int] = (0,)) -> Turn:
        """Take a claimed turn to where its answers are kept."""
        lineage = await self.store.lineage(turn, 64)
        turn = replace(turn, parent=lineage.parent)
        calls = [a_call(turn, choice) for choice in choices]
        await self.store.begin_calls(turn, calls, Caps(), self.clock())
        settled = [replace(call, state="settled", amount=90_000) for call in calls]
        kept = [an_answer(call, 100 * turn.number + call.choice) for call in calls]
        await self.store.keep(turn, kept, settled, ())
        return turn

    async def done(self, turn: Turn, *, choices: Sequence[int] = (0,)) -> Turn:
        """Take a claimed turn to its end; its answers are shown by posts ``p<id>.<choice>``."""
        turn = await self.stored(turn, choices=choices)
        posts = [Post(message_id=f"p{turn.id}.{choice}", choice=choice) for choice in choices]
        await self.store.finish(turn, TurnState.DONE, posts)
        return turn

    async def painted(
        self, thread: ThreadId = THREAD, author: str = "U1", **message: object
    ) -> Turn:
        """Accept a turn and take it to its end."""
        return await self.done(await self.claimed(thread, author, **message))


def in_workspace(name: str, thread: object = 1) -> ThreadId:
    return replace(THREAD, workspace=name, thread=str(thread))


def in_thread(thread: object) -> ThreadId:
    return replace(THREAD, thread=str(thread))
