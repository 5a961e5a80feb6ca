"""One message of ours, exactly once: noted before and after, and looked for when in doubt.

A nonce keeps a repeated call from posting twice for some minutes. History shows no nonces
(facts/discord.md 6), so every message also carries a number of its own: the id of its first
component, which Discord gives back as it was set.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import discord

from adapters.discord.calls import CALL_SECONDS, FILE_SECONDS, Refused
from adapters.discord.refusals import Code
from bot.faults import no_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from adapters.discord.blocks import Card
    from adapters.discord.calls import Calls
    from bot.ports import Journal

_CLOCK_SKEW = timedelta(minutes=15)  # that our clock may be ahead of Discord's
_MOST_MESSAGES = 2_000  # of a channel that are looked through
_LARGEST_ID = 2**31 - 1  # of a component
_LONGEST_ALT = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where messages go. channel: a channel, thread or direct conversation. guild: "" for none.

    reply_to: the message there that is answered, "" for none.
    """

    channel: str
    guild: str = ""
    reply_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file of a message. name: as the view refers to it; ``SPOILER_`` before it hides it."""

    path: Path
    name: str
    alt_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message to be. files: all that the card refers to."""

    card: Card
    files: Sequence[Enclosure] = ()

    @property
    def seconds(self) -> float:
        """How long one try may take."""
        return FILE_SECONDS if self.files else CALL_SECONDS

    async def opened(self) -> list[discord.File]:
        """Open the files; whoever sends them closes them."""
        return await asyncio.to_thread(lambda: [_opened(file) for file in self.files])


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What tells a message of ours from all others.

    kind, key: of its note in the journal. nonce: at most 25 characters, unique for the bot.
    """

    kind: str
    key: str
    nonce: str

    @property
    def mark(self) -> int:
        """The id of its first component."""
        digest = hashlib.sha256(f"{self.kind} {self.key}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % _LARGEST_ID + 1

    def on(self, message: discord.Message) -> bool:
        """Whether a message of ours carries this label."""
        return any(getattr(part, "id", None) == self.mark for part in message.components[:1])


class Posting:
    """Posts and withdraws messages; each may be repeated after a crash anywhere.

    A note ``{channel, asked}`` is an intent, ``{channel, asked, id}`` a message that stands.
    """

    def __init__(
        self,
        *,
        calls: Calls,
        journal: Journal,
        now: Callable[[], datetime],
        fault: Callable[[str], None] = no_fault,
    ) -> None:
        """Take the parts."""
        self._calls = calls
        self._journal = journal
        self._now = now
        self._fault = fault

    async def post(
        self, place: Place, letter: Letter, label: Label, since: datetime | None = None
    ) -> str:
        """Post a message unless it stands already, and return its id.

        since: it may have been asked for from then on, if not only from now on.
        Raises Refused, with nothing posted, and Unclear: then it has to be called again later.
        """
        note = await self._journal.read(label.kind, label.key)
        if note and "id" in note:
            return str(note["id"])
        if not note:
            note = {"channel": place.channel, "asked": (since or self._now()).timestamp()}
            await self._journal.write(label.kind, label.key, note)
        elif found := await self._found(place.channel, label, note):
            return await self._keep(label, note, found)
        message_id = await self._say(place, letter, label)
        self._fault(f"{label.kind}_posted")
        return await self._keep(label, note, message_id)

    async def _say(self, place: Place, letter: Letter, label: Label) -> str:
        try:
            return await self._send(place, letter, label)
        except Refused as error:
            if error.code == Code.NO_HISTORY and place.reply_to:
                return await self._say(replace(place, reply_to=""), letter, label)
            await self._journal.remove(label.kind, label.key)
            raise

    async def _send(self, place: Place, letter: Letter, label: Label) -> str:
        channel = self._channel(place.channel)

        async def send() -> str:
            view = letter.card.view()
            view.children[0].id = label.mark
            more: dict[str, Any] = {"reference": _reference(place)} if place.reply_to else {}
            message = await channel.send(
                view=view,
                files=await letter.opened(),
                nonce=label.nonce,
                allowed_mentions=discord.AllowedMentions.none(),
                mention_author=False,
                suppress_embeds=True,
                **more,
            )
            return str(message.id)

        return await self._calls.do(send, repeatable=True, seconds=letter.seconds)

    async def _keep(self, label: Label, note: Mapping[str, Any], message_id: str) -> str:
        await self._journal.write(label.kind, label.key, {**note, "id": message_id})
        return message_id

    async def _found(self, place: str, label: Label, note: Mapping[str, Any]) -> str:
        """Look for a message that was asked for; "" when it is not there, or nobody may look."""
        asked = datetime.fromtimestamp(note["asked"], UTC) - _CLOCK_SKEW
        history = self._channel(place).history

        async def look() -> str:
            async for message in history(limit=_MOST_MESSAGES, after=asked, oldest_first=False):
                if message.author == self._calls.client.user and label.on(message):
                    return str(message.id)
            return ""

        try:
            return await self._calls.do(look, repeatable=True)
        except Refused as error:
            if error.final:
                return ""
            raise

    async def withdraw(self, label: Label) -> bool:
        """Delete a message if it stands, or was asked for and is there after all.

        Returns whether it was noted at all.
        """
        note = await self._journal.read(label.kind, label.key)
        if not note:
            return False
        channel = str(note["channel"])
        if message_id := note.get("id") or await self._found(channel, label, note):
            await self.delete(channel, str(message_id))
        await self._journal.remove(label.kind, label.key)
        return True

    async def delete(self, channel: str, message_id: str) -> None:
        """Delete a message of ours; it may be gone already, or its thread archived."""
        message = self._channel(channel).get_partial_message(int(message_id))
        try:
            await self._calls.do(message.delete, repeatable=True)
        except Refused as error:
            if error.code == Code.ARCHIVED:
                await self._reopen(channel)
                await self._calls.do(message.delete, repeatable=True)
            elif error.code != Code.UNKNOWN_MESSAGE:
                raise

    async def _reopen(self, thread: str) -> None:
        http = self._calls.client.http
        await self._calls.do(lambda: http.edit_channel(thread, archived=False), repeatable=True)

    def _channel(self, channel: str) -> discord.PartialMessageable:
        """Speak to a channel that nobody has to have seen: before READY, or not cached."""
        return self._calls.client.get_partial_messageable(int(channel))


def _reference(place: Place) -> discord.MessageReference:
    return discord.MessageReference(
        message_id=int(place.reply_to),
        channel_id=int(place.channel),
        guild_id=int(place.guild) if place.guild else None,
        fail_if_not_exists=False,
    )


def _opened(file: Enclosure) -> discord.File:
    return discord.File(file.path, file.name, description=file.alt_text[:_LONGEST_ALT] or "Picture")
