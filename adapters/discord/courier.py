"""Answers, notices, root messages: each shown once, where the turn's people can see it."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

import structlog

from adapters.discord import cards, files_out
from adapters.discord.actions import Role, nonce
from adapters.discord.calls import Refused
from adapters.discord.deferred import ONE_SHOT, Deferred
from adapters.discord.files_out import Enclosed, Files, next_most, spread
from adapters.discord.posting import Label, Letter, Place, Posting
from adapters.discord.refusals import TOO_LARGE, Code
from adapters.discord.threads import Target, Threads, no_way
from bot.chat import Post
from bot.errors import DeliveryError, MaterialError
from bot.faults import no_fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from adapters.discord.calls import Calls
    from adapters.discord.cards import Card
    from bot.chat import Notice, Reply
    from bot.conversation import ThreadId, Turn
    from bot.ports import BlobStore, Journal

_T = TypeVar("_T")

_log = structlog.get_logger(__name__)

ANSWERS = "discord.answer"
NOTICES = "discord.notice"
ROOTS = "discord.root"

_NOTES = (ANSWERS, NOTICES, ROOTS, files_out.LIMITS)
_NOTES_LIVE = timedelta(days=14)
_WITHOUT_PICTURES = 50  # the number of the first part when none can be shown
_NO_PICTURE = "Discord does not take the picture here, not even a small copy. It is kept."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What one delivery shows, and where. most: bytes of one file."""

    turn: Turn
    reply: Reply
    target: Target
    most: int

    @property
    def tried(self) -> int:
        """The bytes of the largest file that is sent."""
        return min(self.most, max(picture.blob.size for picture in self.reply.pictures))


class Courier:
    """Brings things to Discord; every method may be repeated after a crash anywhere."""

    def __init__(
        self,
        *,
        calls: Calls,
        journal: Journal,
        blobs: BlobStore,
        costs: bool,
        hides: Callable[[Turn], Awaitable[bool]],
        now: Callable[[], datetime],
        fault: Callable[[str], None] = no_fault,
    ) -> None:
        """Take the parts. costs: whether prices are shown. hides: whether pictures are spoilers."""
        self._journal = journal
        self._costs = costs
        self._hides = hides
        self._posting = Posting(calls=calls, journal=journal, now=now, fault=fault)
        self._threads = Threads(calls=calls, journal=journal, fault=fault)
        self._deferred = Deferred(calls=calls, journal=journal, now=now)
        self._files = Files(client=calls.client, blobs=blobs, journal=journal)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def deliver(self, turn: Turn, reply: Reply) -> Sequence[Post]:
        """Show an answer: pictures, words and controls, in order. DeliveryError."""
        async with self._alone(turn.id):
            return await self._reach(turn, lambda target: self._answer(turn, reply, target))

    async def tell(self, turn: Turn, notice: Notice) -> Sequence[Post]:
        """Tell something about a turn, once for each kind in each of its rounds. DeliveryError."""
        async with self._alone(f"{turn.id}.{turn.round}.{notice.kind}"):
            message_id = await self._reach(turn, lambda to: self._tell(turn, notice, to))
        return [Post(message_id=message_id)]

    async def root(self, key: str, channel_id: str, card: Card, since: datetime) -> str:
        """Post the message on which a thread will stand, and return its id.

        key: of the errand that wants it. since: when it was asked for. Raises DeliveryError.
        """
        label = Label(kind=ROOTS, key=key, nonce=f"{Role.ROOT}{key}"[:25])
        async with self._alone(key):
            return await self._posting.post(
                Place(channel=channel_id), Letter(card=card), label, since
            )

    async def thread(self, thread: ThreadId, title: str) -> str:
        """Open a thread on the message that has its id, unless it is there; return where to talk.

        That is the thread, or the channel where no thread can be. Raises DeliveryError, final when
        the message or the channel is gone.
        """
        async with self._alone(thread.thread):
            return await self._threads.open(thread, title)

    async def place(self, turn: Turn) -> Place:
        """Tell where a turn is answered as things are."""
        return (await self._threads.target(turn)).place

    async def link(self, turn: Turn, posts: Sequence[Post]) -> str:
        """Give the address of the first message of an answer, "" when it has none."""
        place = await self.place(turn)
        found = (post.message_id for post in posts if post.message_id)
        message_id = next(found, "").partition(":")[0]
        where = f"https://discord.com/channels/{place.guild or '@me'}/{place.channel}"
        return f"{where}/{message_id}" if message_id else ""

    async def erase(self, turn: Turn, posts: Sequence[Post]) -> None:
        """Delete the messages of a turn, as far as that goes."""
        async with self._alone(turn.id):
            target = await self._threads.target(turn)
            for first in (0, _WITHOUT_PICTURES):
                with suppress(DeliveryError):
                    part = first
                    while await self._posting.withdraw(_label(turn, target, part)):
                        part += 1
            for message_id in dict.fromkeys(post.message_id.partition(":")[0] for post in posts):
                with suppress(DeliveryError):
                    await self._posting.delete(target.place.channel, message_id)

    async def tidy(self, now: datetime) -> None:
        """Forget old notes."""
        await self._threads.tidy(now)
        for kind in _NOTES:
            await self._journal.forget(kind, now - _NOTES_LIVE)

    def _alone(self, key: str) -> asyncio.Lock:
        """Keep two calls for the same thing apart."""
        return self._locks.setdefault(key, asyncio.Lock())

    # Where

    async def _reach(self, turn: Turn, show: Callable[[Target], Awaitable[_T]]) -> _T:
        """Show something where the turn is answered; directly to its author when that is closed."""
        target = await self._threads.target(turn)
        if target.direct:
            return await show(target)
        try:
            return await self._show_there(turn, target, show)
        except Refused as error:
            if not (error.closed or _over(turn, error)):
                raise
            _log.warning("discord place closed", turn=turn.id, code=error.code)
            target = await self._threads.detour(turn, error)
            try:
                return await show(target)
            except Refused as refused:
                raise no_way(error, refused) from refused

    async def _show_there(
        self, turn: Turn, target: Target, show: Callable[[Target], Awaitable[_T]]
    ) -> _T:
        try:
            return await show(target)
        except Refused as error:
            lost = error.code == Code.UNKNOWN_CHANNEL and turn.ref.get("place") not in ONE_SHOT
            if not (lost and await self._threads.open_late(turn)):
                raise
        return await show(await self._threads.target(turn))

    # What

    async def _answer(self, turn: Turn, reply: Reply, target: Target) -> Sequence[Post]:
        if target.why:
            reply = replace(reply, notes=(target.why, *reply.notes))
        guild = target.place.guild
        most = first = await self._files.most(guild)
        if await self._journal.read(ANSWERS, _label(turn, target, _WITHOUT_PICTURES).key):
            most = 0  # it was shown without them, or is about to be
        while most and reply.pictures:
            answer = _Answer(turn=turn, reply=reply, target=target, most=most)
            try:
                posts = await self._show_pictures(answer)
            except MaterialError:
                break
            except Refused as error:
                if error.code not in TOO_LARGE:
                    raise
                most = next_most(answer.tried)
                _log.info("discord took no file of this size", guild=guild, bytes=answer.tried)
                if most == files_out.FLOOR:
                    await self._files.learn(guild, most)
                continue
            if most < min(first, files_out.FLOOR):
                await self._files.learn(guild, most)
            return posts
        if reply.pictures:
            reply = replace(reply, notes=(*reply.notes, _NO_PICTURE))
        made = cards.answer(turn, reply, costs=self._costs, spoiler=False, files=())
        parts = [(card, Enclosed()) for card in made]
        return await self._show(turn, reply, target, parts, _WITHOUT_PICTURES)

    async def _show_pictures(self, answer: _Answer) -> Sequence[Post]:
        turn, reply = answer.turn, answer.reply
        spoiler = await self._hides(turn)
        with tempfile.TemporaryDirectory() as folder:
            enclosed = await self._files.enclose(
                Path(folder),
                f"threadpaint-{turn.id}",
                turn.thread.workspace,
                reply.pictures,
                most=answer.most,
                spoiler=spoiler,
            )
            names = [file.name for file in enclosed.files]
            made = cards.answer(
                turn,
                reply,
                costs=self._costs,
                spoiler=spoiler,
                files=names,
                smaller=enclosed.smaller,
            )
            sizes = [picture.blob.size for picture in reply.pictures]
            parts = spread(made, dict(zip(names, sizes, strict=True)))
            return await self._show(
                turn, reply, answer.target, [(card, enclosed) for card in parts]
            )

    async def _show(
        self,
        turn: Turn,
        reply: Reply,
        target: Target,
        parts: Sequence[tuple[Card, Enclosed]],
        first: int = 0,
    ) -> Sequence[Post]:
        """Bring messages, in order, and name them by the choices that they show.

        first: the number of the first one.
        """
        posts: list[Post] = []
        choices = iter([picture.choice for picture in reply.pictures])
        for part, (card, enclosed) in enumerate(parts, first):
            letter = Letter(card=card, files=enclosed.of(card))
            message_id = await self._bring(turn, letter, target, part)
            for index in range(len(letter.files)):
                name = f"{message_id}:{index}" if index else message_id
                posts.append(Post(message_id=name, choice=next(choices)))
            if not letter.files:
                posts.append(Post(message_id=message_id, choice=None if reply.pictures else 0))
        return posts

    async def _bring(self, turn: Turn, letter: Letter, target: Target, part: int) -> str:
        label = _label(turn, target, part)
        if not _by_ticket(turn, target):
            return await self._posting.post(target.place, letter, label)
        ticket = self._deferred.ticket(turn.ref)
        if part in {0, _WITHOUT_PICTURES}:
            return await self._deferred.edit(ticket, letter)
        whisper = turn.ref.get("place") == "private"
        return await self._deferred.follow(ticket, letter, label, whisper=whisper)

    async def _tell(self, turn: Turn, notice: Notice, target: Target) -> str:
        if target.why:
            notice = replace(notice, text=f"{target.why} {notice.text}")
        letter = Letter(card=cards.notice(turn, notice))
        if _by_ticket(turn, target):
            return await self._deferred.edit(self._deferred.ticket(turn.ref), letter)
        direct = "d" if target.direct else ""
        label = Label(
            kind=NOTICES,
            key=f"{turn.id}{direct}.{turn.round}.{notice.kind}",
            nonce=nonce(Role.NOTICE, turn, f"{direct}{notice.kind[:4]}"),
        )
        return await self._posting.post(target.place, letter, label)


def _label(turn: Turn, target: Target, part: int) -> Label:
    """Name a part of an answer; elsewhere it is another message, and has another nonce.

    A nonce holds in all channels at once, so the same one would bring back the other message.
    """
    direct = "d" if target.direct else ""
    return Label(
        kind=ANSWERS,
        key=f"{turn.id}{direct}.{part}",
        nonce=nonce(Role.ANSWER, turn, f"{part}{direct}"),
    )


def _by_ticket(turn: Turn, target: Target) -> bool:
    return turn.ref.get("place") in ONE_SHOT and not target.direct


def _over(turn: Turn, error: Refused) -> bool:
    """Whether the deferred answer, which was to be the answer, cannot be reached any more."""
    lost = {Code.BAD_WEBHOOK_TOKEN, Code.UNKNOWN_WEBHOOK, Code.UNKNOWN_MESSAGE, Code.FOLLOW_UPS}
    return turn.ref.get("place") in ONE_SHOT and error.code in lost
