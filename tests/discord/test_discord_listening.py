"""Listening over the real client: events come in, drops are mended, sessions are spared."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from discord.ui import ActionRow, Button, Label, LayoutView, Modal, TextInput

from adapters.discord.actions import Action, Form, custom_id
from adapters.discord.listening import defer
from adapters.discord.preflight import IDENTIFIES, Identifies
from bot.errors import DependencyDown, SettingsError
from tests.discord.ears import Bot, addresses, listening
from tests.slack.memory import MemoryJournal
from tests.standins.discord import DiscordStandin, Fault, shapes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    import discord

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _addresses() -> Iterator[None]:
    yield from addresses()


@pytest.fixture
async def standin() -> AsyncIterator[DiscordStandin]:
    async with DiscordStandin() as standin:
        guild = standin.guild("Foxes")
        standin.channel(guild, "pictures")
        standin.person("ann")
        yield standin
        assert standin.complaints == []


async def with_button(bot: Bot) -> str:
    """Post a message with a button of ours; returns its id."""
    view = LayoutView(timeout=None)
    row: ActionRow[LayoutView] = ActionRow()
    row.add_item(Button(label="Redo", custom_id=custom_id(Action.REDO, "0abc.1")))
    view.add_item(row)
    view.stop()
    place = bot.standin.world.place("pictures").id
    channel = bot.gateway.get_partial_messageable(int(place))
    return str((await channel.send(view=view)).id)


# --- what is heard -------------------------------------------------------------------------------


async def test_messages_are_heard_and_what_becomes_of_them(standin: DiscordStandin) -> None:
    async with listening(standin) as bot:
        said = await standin.say("pictures", "ann", "a fox")
        ((_, message),) = await bot.heard("said")
        assert (message.content, message.author.name) == ("a fox", "ann")
        await standin.edit(said, "a red fox")
        ((_, update),) = await bot.heard("edited")
        assert update.message.content == "a red fox"
        await standin.delete(said)
        ((_, guild, channel, ids),) = await bot.heard("deleted")
        assert ids == {int(said["id"])}
        assert (guild, channel) == (message.guild.id, message.channel.id)


async def test_many_messages_deleted_at_once_are_heard_as_one_deletion(
    standin: DiscordStandin,
) -> None:
    async with listening(standin) as bot:
        channel = standin.world.place("pictures")
        gone = {"ids": ["11", "12"], "channel_id": channel.id, "guild_id": channel.guild}
        standin.gateway.dispatch("MESSAGE_DELETE_BULK", lambda _: gone)
        await bot.heard("deleted")
        assert bot.ears.heard[-1] == ("deleted", int(channel.guild), int(channel.id), {11, 12})


async def test_a_deleted_thread_and_servers_that_come_and_go_are_heard(
    standin: DiscordStandin,
) -> None:
    async with listening(standin) as bot:
        thread = await standin.start_thread(
            await standin.say("pictures", "ann", "a fox"), "ann", "Foxes at night"
        )
        standin.remove_channel(thread)
        assert await bot.heard("thread deleted") == [("thread deleted", int(thread))]
        hares = standin.world.new_guild("Hares", bot=True)
        invited = shapes.guild_create(standin.world, hares)
        invited.pop("unavailable", None)  # how discord.py tells it from one that is back
        standin.gateway.dispatch("GUILD_CREATE", lambda _: invited)
        assert await bot.heard("joined") == [("joined", "Hares")]
        standin.leave(hares.id, standin.bot_user)
        assert await bot.heard("left") == [("left", "Hares")]


async def test_a_button_is_heard_with_its_name_and_value(standin: DiscordStandin) -> None:
    async with listening(standin) as bot:
        click = await standin.click(await with_button(bot), "tp:redo", "ann")
        assert bot.ears.of("pressed") == [("pressed", "redo", "0abc.1", "ann")]
        assert click.deferred


async def test_a_button_of_before_a_restart_is_heard(standin: DiscordStandin) -> None:
    async with listening(standin) as before:
        message = await with_button(before)
    async with listening(standin) as bot:
        await standin.click(message, "tp:redo", "ann")
        assert bot.ears.of("pressed") == [("pressed", "redo", "0abc.1", "ann")]


async def open_form(interaction: discord.Interaction) -> None:
    modal = Modal(title="Edit", custom_id=custom_id(Form.EDIT, "0abc.1"))
    modal.add_item(Label(text="What should change", component=TextInput(custom_id="prompt")))
    await interaction.response.send_modal(modal)


async def test_a_form_that_was_open_over_a_restart_is_heard_once(standin: DiscordStandin) -> None:
    async with listening(standin) as before:
        before.ears.answer = open_form
        await standin.click(await with_button(before), "tp:redo", "ann")
        (modal,) = standin.modals("ann")
    async with listening(standin) as bot:
        submitted = await standin.submit(modal, {"prompt": "at night"}, "ann")
        assert bot.ears.of("submitted") == [("submitted", "edit-form", "0abc.1", "ann")]
        assert submitted.deferred


async def test_another_programs_buttons_are_left_alone(standin: DiscordStandin) -> None:
    async with listening(standin) as bot:
        view = LayoutView(timeout=None)
        row: ActionRow[LayoutView] = ActionRow()
        row.add_item(Button(label="x", custom_id="theirs:redo:1"))
        view.add_item(row)
        channel = bot.gateway.get_partial_messageable(int(standin.world.place("pictures").id))
        message = await channel.send(view=view)
        standin.knobs.interaction_seconds = 0.1
        await standin.click(str(message.id), "theirs", "ann")
        assert bot.ears.of("pressed") == []


async def test_nothing_that_is_sent_pings_anybody(standin: DiscordStandin) -> None:
    async with listening(standin) as bot:
        channel = bot.gateway.get_partial_messageable(int(standin.world.place("pictures").id))
        await channel.send(f"@everyone <@{standin.world.person('ann').id}>")
        assert standin.pings == []


async def test_the_content_of_messages_is_asked_for_only_where_the_portal_allows_it() -> None:
    async with DiscordStandin(message_content=False) as standin:
        standin.channel(standin.guild("Foxes"), "pictures")
        standin.person("ann")
        async with listening(standin) as bot:
            await standin.say("pictures", "ann", "a fox")
            ((_, message),) = await bot.heard("said")
            assert message.content == ""


# --- drops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cut", "reconnect", 4000, 1000])
async def test_a_drop_is_mended_by_a_resume_and_nothing_is_missed(
    standin: DiscordStandin, kind: str | int
) -> None:
    async with listening(standin) as bot:
        standin.disconnect(kind)
        await standin.say("pictures", "ann", "a fox")
        await bot.heard("resumed")
        assert len(await bot.heard("said")) == 1
        assert (standin.identifies, len(bot.ears.of("ready"))) == (1, 1)
        assert bot.ears.returns == 1
        assert bot.gateway.connected


async def test_a_forgotten_session_is_followed_by_a_new_one_after_a_pause(
    standin: DiscordStandin,
) -> None:
    async with listening(standin) as bot:
        for session in (2, 3):
            standin.invalidate()
            await bot.heard("ready", session)
        assert standin.identifies == 3
        assert bot.ears.returns == 3
        assert len(bot.pauses) == 2
        assert all(5 <= pause <= 7.5 for pause in bot.pauses)
        await standin.say("pictures", "ann", "a fox")
        await bot.heard("said")


async def test_sessions_that_are_refused_again_and_again_are_not_asked_for_in_a_rush(
    standin: DiscordStandin,
) -> None:
    standin.knobs.identify_gap = 3600
    standin.gateway.identifies.append(datetime.now(UTC).timestamp())
    bot = Bot(standin)
    waited = asyncio.Event()

    async def sleep(seconds: float) -> None:
        bot.pauses.append(seconds)
        if seconds > 300:
            waited.set()
            await asyncio.Event().wait()

    bot.sleep = sleep  # type: ignore[method-assign]
    bot.identifies = Identifies(bot.gateway, bot.journal, standin.app_id, sleep=sleep)
    task = asyncio.create_task(bot.listen())
    await asyncio.wait_for(waited.wait(), 10)
    assert standin.identifies == 1 + 5
    assert 590 < bot.pauses[-1] <= 600
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await bot.gateway.close()


@pytest.mark.parametrize(
    ("kind", "times"),
    [("drop-before", 4), ("503", 2)],  # aiohttp repeats what was cut once by itself
)
async def test_a_first_connection_that_fails_is_tried_again(
    standin: DiscordStandin, caplog: pytest.LogCaptureFixture, kind: str, times: int
) -> None:
    standin.plan(Fault(route="gateway", kind=kind, times=times))
    with structlog.testing.capture_logs() as logs:
        async with listening(standin) as bot:
            assert standin.identifies == 1
    first, second = bot.pauses
    assert 5 <= first <= 7.5
    assert 10 <= second <= 15
    told = [log["error"] for log in logs if log["event"] == "not listening to discord"]
    assert len(told) == 2
    assert all("Discord cannot be reached" in words for words in told)
    assert not any("NoneType" in words or "is not Discord's" in words for words in told)
    assert caplog.records == []


@pytest.mark.parametrize(("kind", "times"), [("drop-before", 4), ("503", 2), ("cloudflare", 2)])
async def test_a_login_that_fails_is_tried_again(
    standin: DiscordStandin, kind: str, times: int
) -> None:
    standin.plan(Fault(route="users/@me", kind=kind, times=times))
    async with listening(standin) as bot:
        assert len(bot.pauses) == 2
        assert bot.gateway.logged_in.is_set()


async def test_an_event_that_cannot_be_read_costs_a_session_not_the_bot(
    standin: DiscordStandin,
) -> None:
    async with listening(standin) as bot:
        standin.gateway.dispatch("MESSAGE_CREATE", lambda _: {"id": "1"})
        await bot.heard("ready", 2)
        await standin.say("pictures", "ann", "a fox")
        await bot.heard("said")


async def ends(bot: Bot) -> SettingsError:
    """Listen until that ends by itself."""
    with pytest.raises(SettingsError) as told:
        await asyncio.wait_for(bot.listen(), 10)
    await bot.gateway.close()
    assert "\n" not in str(told.value)
    return told.value


async def test_a_refused_token_ends_it_in_one_clear_line(standin: DiscordStandin) -> None:
    bot = Bot(standin)
    standin.token = "another"
    standin.gateway.token = "another"
    bot.standin = DiscordStandin(token="MTAw.bad.token")
    assert "DISCORD_TOKEN was refused" in str(await ends(bot))
    assert len(standin.calls("users/@me")) == 1


async def test_a_token_that_the_gateway_refuses_ends_it_in_one_clear_line(
    standin: DiscordStandin,
) -> None:
    standin.gateway.token = "another"
    assert "DISCORD_TOKEN was refused" in str(await ends(Bot(standin)))


async def test_an_intent_that_was_taken_away_ends_it_in_one_clear_line(
    standin: DiscordStandin,
) -> None:
    standin.gateway.portal = 0
    assert "message content intent" in str(await ends(Bot(standin)))


async def test_at_its_end_the_session_is_over_and_the_api_still_answers(
    standin: DiscordStandin,
) -> None:
    bot = Bot(standin)
    task = asyncio.create_task(bot.listen())
    await bot.heard("ready")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await standin.until(lambda: not standin.connections)
    assert all(session.ended for session in standin.gateway.sessions)
    assert await with_button(bot)
    await bot.gateway.close()


# --- sessions are spared -------------------------------------------------------------------------


class Counting:
    """An allowance as Discord tells it, a clock, and who asks for sessions."""

    def __init__(self, total: int = 1000, remaining: int = 1000) -> None:
        self.limit = {"total": total, "remaining": remaining, "reset_after": 60_000}
        self.journal = MemoryJournal()
        self.now = NOW
        self.http = self
        self.slept: list[float] = []
        self.identifies = self.anew()

    def anew(self) -> Identifies:
        return Identifies(
            self,  # type: ignore[arg-type]  # asks for nothing but this
            self.journal,
            "100",
            sleep=self.sleep,
            now=lambda: self.now,
        )

    async def get_bot_gateway(self) -> tuple[int, str, dict[str, int]]:
        return 1, "", dict(self.limit)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.limit["remaining"] = self.limit["total"]


async def test_with_plenty_left_nothing_is_waited_for() -> None:
    counting = Counting()
    with structlog.testing.capture_logs() as logs:
        await counting.identifies.wait()
    assert (counting.slept, logs) == ([], [])


async def test_at_half_of_the_allowance_it_warns_once() -> None:
    counting = Counting(remaining=500)
    with structlog.testing.capture_logs() as logs:
        await counting.identifies.wait()
        await counting.identifies.wait()
    assert [log["log_level"] for log in logs] == ["warning"]
    assert counting.slept == []


async def test_near_the_end_of_the_allowance_it_waits_for_the_next_one() -> None:
    counting = Counting(remaining=20)
    await counting.identifies.wait()
    assert counting.slept == [61]


async def test_five_in_ten_minutes_are_the_most_over_restarts_too() -> None:
    counting = Counting()
    for _ in range(5):
        crashing = counting.anew()
        await crashing.wait()
        await crashing.count()
        counting.now += timedelta(minutes=1)
    assert counting.slept == []
    await counting.anew().wait()
    assert counting.slept == [5 * 60]


async def test_a_session_that_ended_in_order_does_not_count() -> None:
    counting = Counting()
    for _ in range(20):
        calm = counting.anew()
        await calm.wait()
        await calm.count()
        await calm.give_back()
    assert counting.slept == []


async def test_the_bot_counts_its_sessions_and_gives_one_back_at_the_end(
    standin: DiscordStandin,
) -> None:
    journal = MemoryJournal()
    async with listening(standin, journal=journal):
        note = await journal.read(IDENTIFIES, standin.app_id)
        assert note is not None
        assert len(note["at"]) == 1
    note = await journal.read(IDENTIFIES, standin.app_id)
    assert note == {"at": []}


class Broken(MemoryJournal):
    """A journal whose database is locked."""

    async def write(self, kind: str, key: str, note: Mapping[str, Any]) -> None:
        raise DependencyDown("The database is locked.")


async def test_a_journal_that_is_down_does_not_keep_the_session_from_beginning(
    standin: DiscordStandin,
) -> None:
    async with listening(standin, journal=Broken()):
        assert standin.identifies == 1


# --- defer ---------------------------------------------------------------------------------------


async def test_an_acknowledged_interaction_can_be_answered(standin: DiscordStandin) -> None:
    async with listening(standin) as bot:
        outcomes: list[bool] = []

        async def answer(interaction: discord.Interaction) -> None:
            outcomes.append(await defer(interaction, ephemeral=True))
            outcomes.append(await defer(interaction))
            await interaction.edit_original_response(content="done")

        bot.ears.answer = answer
        click = await standin.click(await with_button(bot), "tp:redo", "ann")
        await standin.until(lambda: click.answers and not click.loading)
        assert outcomes == [True, True]
        assert click.ephemeral


async def test_a_button_can_be_acknowledged_without_a_word(standin: DiscordStandin) -> None:
    async with listening(standin) as bot:
        bot.ears.answer = lambda interaction: defer(interaction, thinking=False)
        click = await standin.click(await with_button(bot), "tp:redo", "ann")
        assert click.response == 6


async def outcome(standin: DiscordStandin, *faults: Fault) -> tuple[bool, list[Any]]:
    """Acknowledge a click under faults: what defer said, and the lines of the log."""
    async with listening(standin) as bot:
        found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def answer(interaction: discord.Interaction) -> None:
            found.set_result(await defer(interaction))

        bot.ears.answer = answer
        message = await with_button(bot)
        standin.plan(*faults)
        with structlog.testing.capture_logs() as logs:
            await standin.click(message, "tp:redo", "ann")
            return await asyncio.wait_for(found, 5), logs


CALLBACK = "interactions/*/*/callback"


async def test_too_late_is_logged_and_no_error(standin: DiscordStandin) -> None:
    standin.knobs.interaction_seconds = 0.2
    late = Fault(route=CALLBACK, kind="error", code=10062)
    usable, logs = await outcome(standin, late)
    assert not usable
    assert [log["why"] for log in logs] == ["too late"]


async def test_acknowledged_already_is_acknowledged(standin: DiscordStandin) -> None:
    usable, logs = await outcome(standin, Fault(route=CALLBACK, kind="drop-after"))
    assert (usable, logs) == (True, [])
    assert [call.code for call in standin.calls(CALLBACK)][-1] == 40060


async def test_a_cut_connection_is_tried_once_more(standin: DiscordStandin) -> None:
    usable, _ = await outcome(standin, Fault(route=CALLBACK, kind="drop-before"))
    assert usable


async def test_an_acknowledgement_that_takes_too_long_is_given_up(standin: DiscordStandin) -> None:
    standin.knobs.interaction_seconds = 4
    usable, logs = await outcome(standin, Fault(route=CALLBACK, kind="slow", seconds=3.5))
    assert not usable
    assert [log["why"] for log in logs] == ["no answer in time"]
