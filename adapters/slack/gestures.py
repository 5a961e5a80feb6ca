"""What every gesture in a thread needs: who may, which picture is meant, a word to its person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.slack.cards import line
from adapters.slack.values import Clicked
from adapters.slack.web import Refused
from bot.errors import UsageError

if TYPE_CHECKING:
    from adapters.slack.parts import Parts
    from adapters.slack.values import Asked
    from bot.conversation import ThreadId, TurnRef


async def owners_only(parts: Parts, thread: ThreadId, user: str) -> None:
    """Raise UsageError when only the person who began this thread may ask here."""
    if thread.channel.startswith("D"):
        return
    rules = await parts.preferences.channel(thread)
    if (rules.follow or parts.follow) != "owner":
        return
    first = await parts.store.first(thread)
    if first and first.author != user:
        raise UsageError(
            "In this thread only the person who began it may ask. Begin one of your own."
        )


async def picked(parts: Parts, thread: ThreadId, answer: TurnRef) -> TurnRef:
    """Give the picture that is the current one when it is of the same turn as this answer."""
    tip = await parts.store.tip(thread)
    return tip if tip and tip.turn == answer.turn else answer


async def tell(parts: Parts, gesture: Clicked | Asked, text: str) -> None:
    """Tell the person of a gesture something that nobody else sees, in its thread if we are there.

    Raises DeliveryError.
    """
    card = line(text)
    place = gesture if isinstance(gesture, Clicked) else gesture.message
    try:
        await parts.web.call(
            "chat.postEphemeral",
            channel=gesture.channel,
            user=gesture.user,
            thread_ts=place.thread_ts if place else None,
            text=card.text,
            blocks=list(card.blocks),
        )
    except Refused:
        if not gesture.response_url:
            raise
        await parts.web.respond(gesture.response_url, card)
