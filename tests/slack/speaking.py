"""What tests of conversations ask again and again: who was heard, what was sent, who was told."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.conversation import ThreadId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.conversation import Turn
    from bot.serving import App
    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin
    from tests.standins.slack.values import Json

EVER = datetime(2020, 1, 1, tzinfo=UTC)


def mention(slack: SlackStandin) -> str:
    return f"<@{slack.bot_user}>"


def person(slack: SlackStandin, name: str) -> str:
    return next(one.id for one in slack.world.people.values() if one.name == name)


async def turns_in(app: App, slack: SlackStandin, channel: str, ts: str) -> list[Turn]:
    """All turns of a thread, whatever came of them."""
    place = slack.message(channel, ts)["channel"]
    where = ThreadId(platform="slack", workspace=slack.team, channel=place, thread=ts)
    return await app.store.turns_of(where)


async def asked(app: App, slack: SlackStandin, channel: str, ts: str) -> list[str]:
    """The messages of a thread that became turns."""
    return [turn.message_id for turn in await turns_in(app, slack, channel, ts)]


async def settled(app: App, slack: SlackStandin, channel: str, ts: str) -> None:
    """Wait for the end of all turns of a thread: what is seen comes a moment before it."""
    for turn in await turns_in(app, slack, channel, ts):
        await app.turns.ended(turn.id)


async def threads(app: App, slack: SlackStandin) -> list[ThreadId]:
    """All threads that ever had a turn."""
    return await app.store.threads_since("slack", slack.team, EVER)


def prompts(gemini: GeminiStandin) -> list[str]:
    """The newest words of each call."""
    return [call.body["contents"][-1]["parts"][0].get("text", "") for call in gemini.calls]


def whispers(slack: SlackStandin, name: str) -> list[str]:
    """What only this person was told."""
    who = person(slack, name)
    return [
        "".join(words["text"] for words in block["elements"][0]["elements"])
        for told in slack.ephemerals
        if told["user"] == who
        for block in told["blocks"]
        if block["type"] == "rich_text"
    ]


def all_acknowledged(slack: SlackStandin) -> bool:
    return all(delivery.ack.acked for delivery in slack.deliveries.sent)


@contextmanager
def unheard(slack: SlackStandin) -> Iterator[None]:
    """Let what is said meanwhile not be delivered; ``event_of`` makes its event."""
    heard, slack.world.subscriptions = slack.world.subscriptions, set()
    yield
    slack.world.subscriptions = heard


def event_of(slack: SlackStandin, channel: str, ts: str) -> Json:
    """The event of a message that was said while it was not heard."""
    place = slack.world.channels[slack.message(channel, ts)["channel"]]
    message = place.find(ts)
    assert message
    return slack.world.message_event(place, message)


async def delivered(slack: SlackStandin, event: Json) -> None:
    for delivery in slack.announce(event):
        await delivery.tried.wait()
