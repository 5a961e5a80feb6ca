"""What the gestures of people work with: the parts of the adapter, and who may do what."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.slack.cards import line
from bot.conversation import ThreadId
from bot.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapters.slack.cards import Button
    from adapters.slack.courier import Courier
    from adapters.slack.people import People
    from adapters.slack.values import Identity
    from adapters.slack.web import Web
    from bot.access import Access, Follow
    from bot.conversation import Turn
    from bot.options import GenerationOptions
    from bot.ports import Desk, Journal, Ledger, TurnStore
    from bot.preferences import Preferences
    from bot.tasks import Tasks


def utc_now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything the gestures work with.

    follow, defaults: where nobody said or set anything. models: the ids a form offers. quota:
    pictures a day of one person, None for no limit.
    """

    own: Identity
    web: Web
    desk: Desk
    store: TurnStore
    ledger: Ledger
    journal: Journal
    preferences: Preferences
    courier: Courier
    people: People
    access: Access
    follow: Follow
    defaults: GenerationOptions
    models: Sequence[str]
    costs: bool
    quota: int | None
    fault: Callable[[str], None]
    tasks: Tasks
    now: Callable[[], datetime] = utc_now
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def thread(self, channel: str, thread: str = "") -> ThreadId:
        """Name a thread of this workspace, or, for look-ups by channel, just its channel."""
        return ThreadId(platform="slack", workspace=self.own.team, channel=channel, thread=thread)

    async def direct_channel(self, user: str) -> str:
        """Open the conversation with one person alone. DeliveryError."""
        opened = await self.web.call("conversations.open", repeatable=True, users=user)
        return str(opened["channel"]["id"])

    async def first_time(self, kind: str, key: str) -> bool:
        """Note that something is done now; False when it was noted before."""
        async with self.lock:
            if await self.journal.read(kind, key) is not None:
                return False
            await self.journal.write(kind, key, {})
            return True

    async def whisper(
        self, channel: str, user: str, text: str, *buttons: Button, thread_ts: str | None = None
    ) -> None:
        """Tell one person something in a channel; nobody else sees it, and it may get lost."""
        card = line(text, *buttons)
        with suppress(DeliveryError):
            await self.web.call(
                "chat.postEphemeral",
                channel=channel,
                user=user,
                thread_ts=thread_ts,
                text=card.text,
                blocks=list(card.blocks),
            )

    def whisper_soon(
        self, channel: str, user: str, text: str, *buttons: Button, thread_ts: str | None = None
    ) -> None:
        """Do so after the acknowledgement."""
        self.tasks.spawn(
            self.whisper(channel, user, text, *buttons, thread_ts=thread_ts), "whisper"
        )

    async def refusal(
        self, user: str, channel: str, *, external: bool = False, group: bool = False
    ) -> str:
        """Say why a person may not ask here, "" when they may. group: look at groups, too."""
        words = self.access.refusal(
            person=user, channel=channel, external=external, direct=channel.startswith("D")
        )
        if words or not group or not self.access.groups:
            return words
        if await self.people.in_groups(user, tuple(self.access.groups)):
            return ""
        return "Threadpaint is only for members of some groups here. Ask the people who run it."

    async def may_end(self, user: str, turn: Turn) -> bool:
        """Tell whether a person may stop or delete a turn: its author, or an admin."""
        return user == turn.author or await self.people.is_admin(user)


def moment(ts: str) -> datetime:
    """Read the time out of a message's ts: seconds since 1970, six digits after the point."""
    seconds, _, micros = ts.partition(".")
    return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(micros or 0))
