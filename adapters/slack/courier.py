"""Answers, notices, root messages: each shown once, privately where the thread is closed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

import structlog

from adapters.slack import cards, files_out, stand_ins
from adapters.slack.actions import Mark
from adapters.slack.files_out import Delivery, Uploads
from adapters.slack.posting import Label, Place, Posting
from adapters.slack.refusals import reason_of
from adapters.slack.sending import Sender
from adapters.slack.stand_ins import StandIn, StandIns
from adapters.slack.web import Gone, Refused
from bot.chat import Post
from bot.errors import DeliveryError
from bot.faults import no_fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from adapters.slack.cards import Card
    from adapters.slack.values import Shared
    from adapters.slack.web import Web
    from bot.chat import Notice, Reply
    from bot.conversation import Turn
    from bot.ports import BlobStore, Journal

_T = TypeVar("_T")

_log = structlog.get_logger(__name__)

WORDS = "slack.words"
NOTICES = "slack.notice"
ROOTS = "slack.root"
DETOURS = "slack.detour"
"""By turn: the direct message in which it is answered, since its thread is closed."""

_NOTES = (
    files_out.DELIVERIES,
    stand_ins.FILES,
    stand_ins.STAND_INS,
    WORDS,
    NOTICES,
    ROOTS,
    DETOURS,
)
_NOTES_LIVE = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where a turn is answered. key: of its notes there. why: a sentence, away from the thread."""

    place: Place
    key: str
    why: str = ""


class Courier:
    """Brings things to Slack; every method may be repeated after a crash anywhere."""

    def __init__(
        self,
        *,
        web: Web,
        journal: Journal,
        blobs: BlobStore,
        costs: bool,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        fault: Callable[[str], None] = no_fault,
    ) -> None:
        """Take the parts. costs: whether prices are shown."""
        self._web = web
        self._journal = journal
        self._costs = costs
        self._posting = Posting(web=web, journal=journal, now=now, sleep=sleep, fault=fault)
        self._stand_ins = StandIns(journal=journal, posting=self._posting)
        self._uploads = Uploads(
            web=web,
            journal=journal,
            sender=Sender(web, blobs),
            posting=self._posting,
            stand_ins=self._stand_ins,
            now=now,
            sleep=sleep,
            fault=fault,
        )
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def deliver(self, turn: Turn, reply: Reply) -> Sequence[Post]:
        """Show an answer: its pictures in one message, then its words. DeliveryError."""
        async with self._alone(turn.id):
            return await self._reach(turn, lambda target: self._answer(turn, reply, target))

    async def _answer(self, turn: Turn, reply: Reply, target: _Target) -> Sequence[Post]:
        posts: list[Post] = []
        notes = [target.why] if target.why else []
        if reply.pictures:
            delivery = Delivery(
                turn=turn.id,
                workspace=turn.thread.workspace,
                key=target.key,
                place=target.place,
                pictures=reply.pictures,
            )
            shown = await self._uploads.share(delivery)
            notes += shown.notes
            for (ts, file), picture in zip(shown.messages, reply.pictures, strict=True):
                name = f"{ts}:{file}" if posts else ts
                posts.append(Post(message_id=name, choice=picture.choice))
        whole = replace(reply, notes=(*notes, *reply.notes))
        for part, card in enumerate(cards.answer(turn, whole, costs=self._costs)):
            label = Label(
                kind=WORDS,
                key=f"{target.key}.{part}",
                mark=Mark.ANSWER,
                payload={"turn": turn.id, "part": str(part)},
            )
            ts = await self._posting.post(target.place, card, label)
            posts.append(Post(message_id=ts, choice=None if reply.pictures else 0))
        return posts

    async def tell(self, turn: Turn, notice: Notice) -> Sequence[Post]:
        """Tell something about a turn, once for each kind in each of its rounds. DeliveryError."""
        name = f"{turn.round}.{notice.kind}"
        async with self._alone(f"{turn.id}.{name}"):
            ts = await self._reach(turn, lambda target: self._tell(turn, notice, name, target))
        return [Post(message_id=ts)]

    async def _tell(self, turn: Turn, notice: Notice, name: str, target: _Target) -> str:
        if target.why:
            notice = replace(notice, text=f"{target.why} {notice.text}")
        label = Label(
            kind=NOTICES,
            key=f"{target.key}.{name}",
            mark=Mark.NOTICE,
            payload={"turn": turn.id, "notice": name},
        )
        return await self._posting.post(target.place, cards.notice(turn, notice), label)

    async def root(self, key: str, channel: str, card: Card, since: datetime) -> str:
        """Post the message that begins a thread, and return its ts.

        key: of the errand that wants it. since: when it was asked for. Raises DeliveryError.
        """
        label = Label(kind=ROOTS, key=key, mark=Mark.ROOT, payload={"errand": key})
        async with self._alone(key):
            return await self._posting.post(Place(channel=channel), card, label, since)

    async def adopt(self, shared: Shared) -> None:
        """Take a share that comes after something stood in for it. DeliveryError."""
        for file in shared.files:
            if stand_in := await self._stand_ins.of_file(file):
                async with self._alone(stand_in.turn):
                    await self._uploads.adopt(stand_in, shared)
                return

    async def erase(self, turn: Turn, posts: Sequence[Post]) -> None:
        """Delete the messages and files of a turn, as far as that goes."""
        async with self._alone(turn.id):
            target = await self._detour(turn) or self._thread(turn)
            stand_in = StandIn(turn=turn.id, key=target.key, place=target.place)
            with suppress(DeliveryError):
                await self._uploads.remove(stand_in)
            for ts in dict.fromkeys(post.message_id.partition(":")[0] for post in posts):
                with suppress(DeliveryError):
                    await self._uploads.remove_message(target.place, ts)

    async def tidy(self, now: datetime) -> None:
        """Forget old notes."""
        for kind in _NOTES:
            await self._journal.forget(kind, now - _NOTES_LIVE)

    def _alone(self, key: str) -> asyncio.Lock:
        """Keep two calls for the same thing apart."""
        return self._locks.setdefault(key, asyncio.Lock())

    # Where a turn is answered

    async def _reach(self, turn: Turn, show: Callable[[_Target], Awaitable[_T]]) -> _T:
        """Show something in the thread of a turn; directly to its author when that is closed."""
        if detour := await self._detour(turn):
            return await show(detour)
        try:
            return await show(self._thread(turn))
        except Refused as error:
            if not error.closed:
                raise
            _log.warning("slack thread closed", turn=turn.id, reason=error.code)
            detour = await self._take_detour(turn, error)
        return await show(detour)

    def _thread(self, turn: Turn) -> _Target:
        place = Place(channel=turn.thread.channel, thread=turn.thread.thread or None)
        return _Target(place=place, key=turn.id)

    async def _detour(self, turn: Turn) -> _Target | None:
        note = await self._journal.read(DETOURS, turn.id)
        if note is None:
            return None
        place = Place(channel=note["channel"])
        return _Target(place=place, key=f"{turn.id}.direct", why=note["why"])

    async def _take_detour(self, turn: Turn, error: Refused) -> _Target:
        """Open a direct message with the author. DeliveryError, final, when there is none."""
        try:
            opened = await self._web.call("conversations.open", repeatable=True, users=turn.author)
        except Gone:
            raise
        except Refused as refused:
            message = f"{error} I could not write a direct message either ({refused.code})."
            raise DeliveryError(message, final=refused.final) from refused
        channel = str(opened["channel"]["id"])
        if channel == turn.thread.channel:
            raise error
        why = f"I could not answer in the thread, because {reason_of(error.code)}."
        await self._journal.write(DETOURS, turn.id, {"channel": channel, "why": why})
        return _Target(place=Place(channel=channel), key=f"{turn.id}.direct", why=why)
