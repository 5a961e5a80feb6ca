"""The deferred answer of an interaction: edited and deleted with its token, for 15 minutes.

No nonce works there (facts/discord.md 6). An edit sets what it sets and may be repeated; a further
message is asked for once and then taken as sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import discord

from adapters.discord.calls import Refused, Unclear
from adapters.discord.refusals import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.discord.calls import Calls
    from adapters.discord.posting import Label, Letter
    from bot.ports import Journal

_ORIGINAL: Any = "@original"  # instead of a number: the first answer
_MARGIN = timedelta(seconds=5)

ONE_SHOT = frozenset({"user-app", "private"})
"""Places (``Turn.ref["place"]``) where the deferred answer becomes the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What an interaction left to answer with. app: its application id."""

    app: str
    token: str


class Deferred:
    """Works on deferred answers; each method may be repeated after a crash anywhere."""

    def __init__(self, *, calls: Calls, journal: Journal, now: Callable[[], datetime]) -> None:
        """Take the parts."""
        self._calls = calls
        self._journal = journal
        self._now = now

    def ticket(self, ref: Mapping[str, str]) -> Ticket:
        """Read the ticket of a turn from its ref. Raises Refused when it has none any more."""
        expires = datetime.fromtimestamp(float(ref.get("expires") or 0), UTC)
        if "token" not in ref or self._now() + _MARGIN >= expires:
            raise Refused(Code.BAD_WEBHOOK_TOKEN)
        return Ticket(app=ref["app"], token=ref["token"])

    async def edit(self, ticket: Ticket, letter: Letter, *, repeatable: bool = True) -> str:
        """Show something as the answer and return its id. Raises Refused, Unclear."""
        hook = self._hook(ticket)

        async def edit() -> str:
            message = await hook.edit_message(
                _ORIGINAL,
                view=letter.card.view(),
                attachments=await letter.opened(),
                allowed_mentions=discord.AllowedMentions.none(),
            )
            return str(message.id)

        return await self._calls.do(edit, repeatable=repeatable, seconds=letter.seconds)

    async def follow(self, ticket: Ticket, letter: Letter, label: Label, *, whisper: bool) -> str:
        """Send a further message, at most once, and return its id; "" when nobody knows it.

        whisper: only for the person who asked. Raises Refused, with nothing sent.
        """
        if (note := await self._journal.read(label.kind, label.key)) is not None:
            return str(note.get("id", ""))
        asked = {"asked": self._now().timestamp()}
        await self._journal.write(label.kind, label.key, asked)
        hook = self._hook(ticket)

        async def send() -> str:
            message = await hook.send(
                view=letter.card.view(),
                files=await letter.opened(),
                allowed_mentions=discord.AllowedMentions.none(),
                ephemeral=whisper,
                wait=True,
            )
            return str(message.id)

        try:
            message_id = await self._calls.do(send, seconds=letter.seconds)
        except Refused:
            await self._journal.remove(label.kind, label.key)
            raise
        except Unclear:
            return ""
        await self._journal.write(label.kind, label.key, {**asked, "id": message_id})
        return message_id

    async def remove(self, ticket: Ticket) -> None:
        """Take the answer away; it may be gone already. Raises Refused, Unclear."""
        hook = self._hook(ticket)
        try:
            await self._calls.do(lambda: hook.delete_message(_ORIGINAL), repeatable=True)
        except Refused as error:
            if error.code != Code.UNKNOWN_MESSAGE:
                raise

    def _hook(self, ticket: Ticket) -> discord.Webhook:
        """Take an interaction's token for the webhook that it is, without asking Discord."""
        hook = discord.Webhook.partial(int(ticket.app), ticket.token, client=self._calls.client)
        hook.type = discord.WebhookType.application  # else discord.py allows nothing ephemeral
        return hook
