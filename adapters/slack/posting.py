"""One message of ours, exactly once: noted before and after, and looked for when in doubt."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.slack.web import Refused, Unclear
from bot.faults import no_fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime

    from adapters.slack.actions import Mark
    from adapters.slack.cards import Card
    from adapters.slack.web import Web
    from bot.ports import Journal

_SETTLE_SECONDS = 2.0  # between an unclear post and the look for it
_CLOCK_SKEW = 2 * 60 * 60  # seconds that our clock may be ahead of Slack's
_PAGE = 200
_MOST_PAGES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where messages go. thread: the ts of its root, None for the channel itself."""

    channel: str
    thread: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What tells a message of ours from all others.

    kind, key: of its note in the journal. mark, payload: its metadata; ids only, since every app of
    the workspace may read them (facts/slack.md 5).
    """

    kind: str
    key: str
    mark: Mark
    payload: Mapping[str, str]

    def on(self, message: Mapping[str, Any]) -> bool:
        """Whether a message carries this label."""
        metadata = message.get("metadata") or {}
        return bool(
            metadata.get("event_type") == self.mark
            and metadata.get("event_payload") == self.payload
        )


class Posting:
    """Posts and withdraws messages; each may be repeated after a crash anywhere.

    A note ``{channel, asked}`` is an intent, ``{channel, asked, ts}`` a message that stands.
    """

    def __init__(
        self,
        *,
        web: Web,
        journal: Journal,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        fault: Callable[[str], None] = no_fault,
    ) -> None:
        """Take the parts."""
        self._web = web
        self._journal = journal
        self._now = now
        self._sleep = sleep
        self._fault = fault

    async def post(
        self, place: Place, card: Card, label: Label, since: datetime | None = None
    ) -> str:
        """Post a message unless it stands already, and return its ts.

        since: it may have been asked for from then on, if not only from now on.
        Raises Refused, with nothing posted, and Unclear: then it has to be called again later.
        """
        note = await self._journal.read(label.kind, label.key)
        if note and "ts" in note:
            return str(note["ts"])
        if not note:
            note = {"channel": place.channel, "asked": (since or self._now()).timestamp()}
            await self._journal.write(label.kind, label.key, note)
        elif found := await self._found(place, label, note):
            return await self._keep(label, note, found)
        try:
            ts = await self._say(place, card, label)
        except Unclear:
            await self._sleep(_SETTLE_SECONDS)
            ts = await self._found(place, label, note) or await self._say(place, card, label)
        self._fault(f"{label.kind}_posted")
        return await self._keep(label, note, ts)

    async def _say(self, place: Place, card: Card, label: Label) -> str:
        try:
            answer = await self._web.call(
                "chat.postMessage",
                pace=place.channel,
                channel=place.channel,
                thread_ts=place.thread,
                text=card.text,
                blocks=list(card.blocks),
                metadata={"event_type": str(label.mark), "event_payload": dict(label.payload)},
                unfurl_links=False,
                unfurl_media=False,
            )
        except Refused:
            await self._journal.remove(label.kind, label.key)
            raise
        return str(answer["ts"])

    async def _keep(self, label: Label, note: Mapping[str, Any], ts: str) -> str:
        await self._journal.write(label.kind, label.key, {**note, "ts": ts})
        return ts

    async def _found(self, place: Place, label: Label, note: Mapping[str, Any]) -> str:
        """Look for a message that was asked for; "" when it is not there."""
        async for message in self._messages(place, float(note["asked"]) - _CLOCK_SKEW):
            if label.on(message):
                return str(message["ts"])
        return ""

    async def _messages(self, place: Place, oldest: float) -> AsyncIterator[Mapping[str, Any]]:
        method = "conversations.replies" if place.thread else "conversations.history"
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._web.call(
                method,
                repeatable=True,
                channel=place.channel,
                ts=place.thread,
                oldest=f"{oldest:.6f}",
                limit=_PAGE,
                cursor=cursor,
                include_all_metadata=True,
            )
            for message in page.get("messages", []):
                yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    async def withdraw(self, place: Place, label: Label) -> None:
        """Delete a message if it stands, or was asked for and is there after all."""
        note = await self._journal.read(label.kind, label.key)
        if not note:
            return
        if ts := note.get("ts") or await self._found(place, label, note):
            await self.delete(place.channel, str(ts))
        await self._journal.remove(label.kind, label.key)

    async def delete(self, channel: str, ts: str) -> None:
        """Delete a message of ours; it may be gone already."""
        try:
            await self._web.call("chat.delete", repeatable=True, channel=channel, ts=ts)
        except Refused as error:
            if error.code != "message_not_found":
                raise
