"""What tests on Discord ask again and again: what was answered, who was heard, what was sent."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from adapters.discord.listening import Gateway
from tests.discord import harness
from tests.standins.discord.components import custom_ids, find

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bot.conversation import Turn
    from bot.serving import App
    from tests.standins.discord import DiscordStandin, Interaction
    from tests.standins.gemini import GeminiStandin, Seen

Json: TypeAlias = dict[str, Any]

EVER = datetime(2020, 1, 1, tzinfo=UTC)


class CountedGateway(Gateway):
    """Counts how often a client knew all its servers: what is said before that may be lost."""

    ready = 0

    async def on_ready(self) -> None:
        await super().on_ready()
        CountedGateway.ready += 1


@asynccontextmanager
async def running(
    folder: Path, discord: DiscordStandin, gemini: GeminiStandin | None, **more: str
) -> AsyncIterator[App]:
    """Run a bot that knows its servers already and has caught up."""
    before = CountedGateway.ready
    async with harness.running(folder, discord, gemini, **more) as app:
        await discord.until(lambda: CountedGateway.ready > before)
        yield app


def mention(discord: DiscordStandin) -> str:
    return f"<@{discord.bot_user}>"


def person(discord: DiscordStandin, name: str) -> str:
    return discord.world.person(name).id


def guild_of(discord: DiscordStandin, place: str) -> str:
    """The workspace of a place: a server, or that of direct messages."""
    return discord.world.place(place).guild or "@me"


def said(message: Json) -> str:
    """All words of a message."""
    return "\n".join(_texts(message.get("components") or []))


def _texts(components: list[Json]) -> Iterator[str]:
    for component in components:
        if "content" in component:
            yield component["content"]
        yield from _texts(component.get("components") or [])


def buttons(message: Json) -> list[str]:
    """The names of the buttons of a message, in order."""
    return [name.split(":")[1] for name in custom_ids(message.get("components") or [])]


def labels(message: Json) -> list[str]:
    """What stands on the buttons of a message, in order."""
    components = message["components"]
    return [find(components, name)["label"] for name in custom_ids(components)]  # type: ignore[index]


def answers(discord: DiscordStandin, place: str) -> list[Json]:
    """The messages of the bot in a place that show pictures."""
    return [one for one in _own(discord, place) if discord.pictures(one)]


def sentences(discord: DiscordStandin, place: str) -> list[Json]:
    """The messages of the bot in a place that show none."""
    return [one for one in _own(discord, place) if not discord.pictures(one)]


def _own(discord: DiscordStandin, place: str) -> list[Json]:
    return [
        one
        for one in discord.messages(place)
        if one["author"]["id"] == discord.bot_user and one["type"] in {0, 19}
    ]


async def answered(discord: DiscordStandin, place: Json | str, count: int = 1) -> Json:
    """Wait for an answer in a place, or in the thread that is to stand on a message."""
    name = place if isinstance(place, str) else place["id"]
    await discord.until(
        lambda: name in _places(discord) and len(answers(discord, name)) >= count, 10
    )
    return answers(discord, name)[count - 1]


async def told(discord: DiscordStandin, place: Json | str, count: int = 1) -> Json:
    """Wait for a sentence of the bot in a place, as ``answered``."""
    name = place if isinstance(place, str) else place["id"]
    await discord.until(
        lambda: name in _places(discord) and len(sentences(discord, name)) >= count, 10
    )
    return sentences(discord, name)[count - 1]


def _places(discord: DiscordStandin) -> set[str]:
    channels = discord.world.channels.values()
    return {channel.id for channel in channels} | {channel.name for channel in channels}


async def begun(
    discord: DiscordStandin, text: str = "a fox", user: str = "ann", channel: str = "general"
) -> tuple[str, Json]:
    """Let a person ask for a picture by mention; its thread and the answer."""
    request = await discord.say(channel, user, f"{mention(discord)} {text}")
    answer = await answered(discord, request)
    return discord.thread_of(request), answer


async def turns_in(app: App, discord: DiscordStandin, place: str) -> list[Turn]:
    """All turns of a thread, channel or direct conversation, in the order they were asked for."""
    where = discord.world.place(place)
    known = await app.store.threads_since("discord", guild_of(discord, place), EVER)
    meant = [thread for thread in known if where.id in {thread.thread, thread.channel}]
    turns = [turn for thread in meant for turn in await app.store.turns_of(thread)]
    return sorted(turns, key=lambda turn: int(turn.message_id))


async def asked(app: App, discord: DiscordStandin, place: str) -> list[str]:
    """The messages of a place that became turns."""
    return [turn.message_id for turn in await turns_in(app, discord, place)]


async def heard(app: App, discord: DiscordStandin, place: str, count: int) -> None:
    """Wait until so many messages of a place are turns."""
    async with asyncio.timeout(10):
        while len(await asked(app, discord, place)) < count:  # noqa: ASYNC110 - storage is silent
            await asyncio.sleep(0.005)


async def settled(app: App, discord: DiscordStandin, place: str) -> None:
    """Wait for the end of all turns of a place: what is seen comes a moment before it."""
    for turn in await turns_in(app, discord, place):
        await app.turns.ended(turn.id)


def prompts(gemini: GeminiStandin) -> list[str]:
    """The newest words of each call."""
    return [history(call)[-1] for call in gemini.calls]


def history(call: Seen) -> list[str]:
    """The words of each turn that a call was sent."""
    return [content["parts"][0].get("text", "") for content in call.body["contents"][::2]]


def material(call: Seen) -> list[str]:
    """The words, and the types of files, of the newest content of a call."""
    parts = call.body["contents"][-1]["parts"]
    return [part.get("text") or part["inlineData"]["mimeType"] for part in parts]


def images(call: Seen) -> list[str]:
    """The SHA-256 of every picture that a call carries, in order."""
    return [
        part["inlineData"]["sha256"]
        for content in call.body["contents"]
        for part in content["parts"]
        if "inlineData" in part
    ]


def shape(call: Seen) -> tuple[str | None, str | None]:
    """Ratio and size that a call asks for."""
    image = call.body["generationConfig"].get("imageConfig", {})
    return image.get("aspectRatio"), image.get("imageSize")


async def whispered(discord: DiscordStandin, used: Interaction) -> str:
    """Wait for what the person is told alone, for what they did."""
    assert used.failed == ""

    def words() -> str:
        return "\n".join(said(one) for one in used.answers if one["flags"] & 64)

    await discord.until(words, 10)
    return words()


async def forged(discord: DiscordStandin, message: Json, custom_id: str, user: str) -> Interaction:
    """Click a button that the message never had: a client sends what it likes."""
    stored = discord.world.find(message["id"])
    assert stored
    button = find(stored.components, "tp:")
    assert button
    kept, button["custom_id"] = button["custom_id"], custom_id
    try:
        return await discord.click(message, custom_id, user)
    finally:
        button["custom_id"] = kept
