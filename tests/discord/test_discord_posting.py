"""One message of ours: what goes over the wire, and how it is known again."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from adapters.discord.actions import Action
from adapters.discord.calls import Refused
from adapters.discord.cards import Button, gallery, line, root
from adapters.discord.posting import Enclosure, Label, Letter, Place, Posting
from bot.errors import DeliveryError
from tests.discord.memory import Stage, connected
from tests.discord.test_discord_courier import Killed, killer
from tests.standins.discord import DiscordStandin, Fault
from tests.standins.pictures import png

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

SEND = "channels/*/messages"
LABEL = Label(kind="discord.answer", key="t1.0", nonce="at1.0.0")
OTHER = Label(kind="discord.answer", key="t1.1", nonce="at1.0.1")
LETTER = Letter(card=line("A fox.", Button(action=Action.REDO, label="Redo", value="t1")))
V2, SUPPRESS_EMBEDS = 1 << 15, 1 << 2


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandin]:
    async with DiscordStandin() as discord:
        yield discord
        assert discord.complaints == []
        assert discord.pings == []


@pytest.fixture
async def stage(discord: DiscordStandin, tmp_path: Path) -> AsyncIterator[Stage]:
    async with connected(discord) as client:
        stage = Stage(discord, client, tmp_path)
        await stage.begin()
        yield stage


@pytest.fixture
def place(stage: Stage) -> Place:
    return Place(channel=stage.asked, guild=stage.guild)


def posting(stage: Stage, fault: Callable[[str], None] = lambda _: None) -> Posting:
    return Posting(calls=stage.calls(), journal=stage.journal, now=stage.now, fault=fault)


async def test_a_message_pings_nobody_and_unfolds_no_link(
    stage: Stage, place: Place, discord: DiscordStandin
) -> None:
    card = root(stage.person, "@everyone <@&1> https://example.org", "")
    await posting(stage).post(place, Letter(card=card), LABEL)
    [call] = discord.calls(SEND, "POST")
    assert call.arguments["allowed_mentions"] == {"parse": [], "replied_user": False}
    assert call.arguments["flags"] == V2 | SUPPRESS_EMBEDS
    assert (call.arguments["nonce"], call.arguments["enforce_nonce"]) == (LABEL.nonce, True)


async def test_a_reply_pings_nobody(stage: Stage, discord: DiscordStandin) -> None:
    asked = await discord.say(stage.asked, stage.person, "with a hat")
    place = Place(channel=stage.asked, guild=stage.guild, reply_to=asked["id"])
    message = await posting(stage).post(place, LETTER, LABEL)
    assert discord.message(message)["message_reference"]["message_id"] == asked["id"]


async def test_a_message_is_known_by_the_number_of_its_first_component(
    stage: Stage, place: Place, discord: DiscordStandin
) -> None:
    with pytest.raises(Killed):
        await posting(stage, killer("discord.answer_posted")).post(place, LETTER, LABEL)
    discord.world.nonces.clear()
    message = await posting(stage).post(place, LETTER, LABEL)
    other = await posting(stage).post(place, LETTER, OTHER)
    assert stage.sent() == [message, other]
    first, second = (discord.message(one)["components"][0]["id"] for one in stage.sent())
    assert (first, second) == (LABEL.mark, OTHER.mark)


def test_the_numbers_of_labels_differ_and_fit() -> None:
    marks = {Label(kind="discord.answer", key=str(n), nonce="").mark for n in range(10_000)}
    marks.add(Label(kind="discord.notice", key="0", nonce="").mark)
    assert len(marks) == 10_001
    assert min(marks) > 0
    assert max(marks) < 2**31


async def test_discord_py_keeps_nothing_of_what_was_posted(stage: Stage, place: Place) -> None:
    """Neither views, which would hear clicks twice, nor open files."""
    store = stage.client._connection._view_store
    file = stage.blobs.writer("w")
    file.write(png(8, 8))
    path = await stage.blobs.path("w", stage.blobs.keep(file))
    letter = Letter(
        card=gallery([("a.png", "A fox")], "", spoiler=False),
        files=[Enclosure(path=path, name="a.png", alt_text="A fox")],
    )
    for label, sent in ((LABEL, LETTER), (OTHER, letter)):
        await posting(stage).post(place, sent, label)
    assert not store._views
    assert not store._synced_message_views
    gc.collect()


async def test_a_message_that_was_refused_leaves_no_note(
    stage: Stage, place: Place, discord: DiscordStandin
) -> None:
    discord.plan(Fault(route=SEND, kind="error", code=50013))
    with pytest.raises(Refused):
        await posting(stage).post(place, LETTER, LABEL)
    assert await stage.journal.all(LABEL.kind) == {}


async def test_a_message_that_may_stand_leaves_its_intent(
    stage: Stage, place: Place, discord: DiscordStandin
) -> None:
    discord.plan(Fault(route=SEND, kind="drop-after", times=4))
    with pytest.raises(DeliveryError):
        await posting(stage).post(place, LETTER, LABEL)
    discord.world.nonces.clear()
    assert stage.sent() == [await posting(stage).post(place, LETTER, LABEL)]


@pytest.mark.parametrize("code", [50001, 50013])
async def test_where_nobody_may_look_the_nonce_has_to_do(
    stage: Stage, place: Place, discord: DiscordStandin, code: int
) -> None:
    discord.plan(Fault(route=SEND, method="POST", kind="drop-after", times=4))
    discord.plan(Fault(route=SEND, method="GET", kind="error", code=code))
    with pytest.raises(DeliveryError):
        await posting(stage).post(place, LETTER, LABEL)
    assert stage.sent() == [await posting(stage).post(place, LETTER, LABEL)]


async def test_while_the_look_fails_nothing_is_posted(
    stage: Stage, place: Place, discord: DiscordStandin
) -> None:
    with pytest.raises(Killed):
        await posting(stage, killer("discord.answer_posted")).post(place, LETTER, LABEL)
    discord.world.nonces.clear()
    discord.plan(Fault(route=SEND, method="GET", kind="503", times=4))
    with pytest.raises(DeliveryError):
        await posting(stage).post(place, LETTER, LABEL)
    await posting(stage).post(place, LETTER, LABEL)
    assert len(stage.sent()) == 1


async def test_a_message_of_another_bot_is_not_taken_for_ours(
    stage: Stage, place: Place, discord: DiscordStandin
) -> None:
    with pytest.raises(Killed):
        await posting(stage, killer("discord.answer_posted")).post(place, LETTER, LABEL)
    stored = discord.world.find(stage.sent()[0])
    assert stored is not None
    stored.author = discord.person("mimic", bot=True)
    discord.world.nonces.clear()
    message = await posting(stage).post(place, LETTER, LABEL)
    assert message != stored.id


async def test_a_message_can_be_withdrawn_whether_noted_or_not(stage: Stage, place: Place) -> None:
    await posting(stage).post(place, LETTER, LABEL)
    with pytest.raises(Killed):
        await posting(stage, killer("discord.answer_posted")).post(place, LETTER, OTHER)
    for label in (LABEL, OTHER):
        assert await posting(stage).withdraw(label)
        assert not await posting(stage).withdraw(label)
    assert stage.messages() == []


async def test_a_message_that_is_gone_already_is_withdrawn(
    stage: Stage, place: Place, discord: DiscordStandin
) -> None:
    await discord.delete(await posting(stage).post(place, LETTER, LABEL))
    assert await posting(stage).withdraw(LABEL)
