"""What was said while the bot was away: a real client, history on loopback, a real journal."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import pytest

from adapters.discord.catchup import CatchUp
from adapters.discord.cursors import CURSORS
from storage.engine import open_database
from storage.journal import SqlJournal
from tests.discord import objects as o
from tests.discord.loopback import Discord, logged_in
from tests.discord.objects import ANN, BOB, BOT, DIRECT, GUILD, NIGHT, OURS, POST, TEXT, VOICE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import discord as library

    from bot.ports import Journal
    from tests.discord.objects import Json

CALL = {"mentions": [o.user(BOT)]}


class World:
    """Discord, and a bot that listened until noon, went away, and comes back later."""

    def __init__(self, discord: Discord, journal: Journal) -> None:
        self.discord = discord
        self.journal = journal
        self.now = o.NOON
        self.last: dict[str, int] = {}
        self.threads: list[Json] = []
        self.guilds = True

    def say(self, channel: str, text: str, **when: Any) -> int:  # noqa: ANN401
        """Say something; minutes, seconds, ...: after noon."""
        times = {name: when.pop(name) for name in [*when] if name in _TIMES}
        number = o.at(**times)
        self.discord.say(channel, text, **{"id": number, **when})
        self.last[channel] = max(number, self.last.get(channel, 0))
        return number

    def later(self, **delta: float) -> None:
        self.now = o.NOON + timedelta(**delta)

    def bot(self, **more: Any) -> Bot:  # noqa: ANN401
        """Start a process."""
        return Bot(self, **more)

    async def cursors(self, guild: str = GUILD) -> dict[str, int]:
        note = await self.journal.read(CURSORS, guild)
        assert note is not None
        return dict(note["places"])


_TIMES = {"days", "hours", "minutes", "seconds"}


class Bot:
    """A process of ours. It is there between ``__aenter__`` and the end."""

    def __init__(self, world: World, **more: Any) -> None:  # noqa: ANN401
        self.world = world
        self.client = o.Client()
        self.more = more
        self.calls = logged_in(world.discord, self.client)

    async def __aenter__(self) -> Self:
        calls = await self.calls.__aenter__()
        clock = lambda: self.world.now  # noqa: E731 - shorter than a function
        journal = self.world.journal
        self.catchup = CatchUp(calls, journal, o.OWN, clock, **self.more)
        await self.catchup.load()
        self.ready()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.calls.__aexit__(None, None, None)

    def session(self) -> None:
        """Begin another session with Discord."""
        self.catchup.returned()
        self.ready()

    def ready(self) -> None:
        self.client.feed("READY", o.ready(guilds=self.world.guilds))
        if self.world.guilds:
            self.client.feed("GUILD_CREATE", o.guild(self.world.last, self.world.threads))

    def hear(self, channel: str, text: str, **more: Any) -> library.Message:  # noqa: ANN401
        """Hear a live message; it is in the history, too."""
        number = self.world.say(channel, text, **more)
        more = {name: value for name, value in more.items() if name not in _TIMES}
        return self.client.hear(channel, text, id=number, **more)

    def take(self, channel: str, text: str, **more: Any) -> int:  # noqa: ANN401
        """Hear a live message and take it."""
        message = self.hear(channel, text, **more)
        with self.catchup.taking(message):
            pass
        return message.id

    async def missed(self, *, take: bool = True) -> list[tuple[str, bool]]:
        found = await self.catchup.missed()
        for said, _ in found if take else []:
            with self.catchup.taking(said):
                pass
        return [(said.text, late) for said, late in found]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    discord = Discord()
    database = await open_database(f"sqlite:///{tmp_path / 'threadpaint.db'}")
    await database.migrate()
    async with discord.server:
        yield World(discord, SqlJournal(database))
    await database.close()


async def begun(world: World, *, direct: bool = False) -> None:
    """Be there until noon, for the first time."""
    for channel in (TEXT, NIGHT, VOICE, OURS, POST, o.CLOSED, o.SILENT):
        world.say(channel, "before", minutes=-1)
    async with world.bot() as bot:
        await bot.missed()
        if direct:
            bot.take(DIRECT, "a fox", seconds=-1)
        await bot.catchup.write()


# What is missed


async def test_the_first_start_has_missed_nothing(world: World) -> None:
    world.say(TEXT, f"<@{BOT}> a fox", minutes=-1)
    async with world.bot() as bot:
        assert await bot.missed() == []
    assert world.discord.asked() == []


async def test_every_visible_place_has_a_cursor_after_the_first_start(world: World) -> None:
    await begun(world)
    cursors = await world.cursors()
    assert {TEXT, NIGHT, VOICE, OURS, POST} <= set(cursors)
    assert not {o.CLOSED, o.SILENT} & set(cursors)
    assert cursors[TEXT] == world.last[TEXT]


async def test_what_was_said_meanwhile_is_found_oldest_first(world: World) -> None:
    await begun(world, direct=True)
    world.say(NIGHT, "third", minutes=3)
    world.say(TEXT, "first", minutes=1)
    world.say(OURS, "second", minutes=2)
    world.say(VOICE, "fourth", minutes=4)
    world.say(POST, "fifth", minutes=5)
    world.say(DIRECT, "sixth", minutes=6)
    world.later(minutes=10)
    async with world.bot() as bot:
        found = [text for text, _ in await bot.missed()]
    assert found == ["first", "second", "third", "fourth", "fifth", "sixth"]


async def test_a_place_where_nobody_spoke_is_not_read(world: World) -> None:
    await begun(world)
    world.say(TEXT, "bluer", minutes=1)
    async with world.bot() as bot:
        await bot.missed()
    assert world.discord.asked() == [f"{TEXT}/messages"]


async def test_nothing_is_found_twice(world: World) -> None:
    await begun(world)
    world.say(TEXT, "bluer", minutes=1)
    async with world.bot() as bot:
        assert await bot.missed() == [("bluer", False)]
        await bot.catchup.write()
    async with world.bot() as bot:
        assert await bot.missed() == []


async def test_what_is_older_than_a_quarter_of_an_hour_is_late(world: World) -> None:
    await begun(world)
    world.say(TEXT, "old", minutes=1)
    world.say(TEXT, "new", minutes=6)
    world.later(minutes=20)
    async with world.bot() as bot:
        assert await bot.missed() == [("old", True), ("new", False)]


async def test_after_a_week_nobody_waits_any_more(world: World) -> None:
    await begun(world, direct=True)
    world.say(TEXT, "old", minutes=1)
    world.say(DIRECT, "old", minutes=1)
    world.say(TEXT, "last week", days=2)
    world.later(days=8)
    async with world.bot() as bot:
        assert await bot.missed() == [("last week", True)]


async def test_of_a_busy_channel_the_newest_fifty_are_read_with_one_call(world: World) -> None:
    await begun(world)
    for number in range(60):
        world.say(TEXT, str(number), seconds=number + 1)
    async with world.bot() as bot:
        found = [text for text, _ in await bot.missed()]
    assert found == [str(number) for number in range(10, 60)]
    assert len(world.discord.asked()) == 1


async def test_only_people_are_heard(world: World) -> None:
    await begun(world)
    world.say(OURS, "ours", minutes=1, author=BOT)
    world.say(OURS, "a bot's", minutes=2, author=o.OTHER_BOT)
    world.say(OURS, "joined", minutes=3, type=7)
    async with world.bot() as bot:
        assert await bot.missed() == []


async def test_a_thread_that_was_opened_meanwhile_is_read_from_its_beginning(
    world: World,
) -> None:
    await begun(world)
    opened = world.say(TEXT, f"<@{BOT}> a fox", minutes=1)
    thread = str(opened)
    world.threads = [o.thread(OURS, TEXT, BOT), o.thread(thread, TEXT, BOT)]
    world.say(thread, "bluer", minutes=2)
    post = o.at(minutes=3)
    world.threads.append(o.thread(str(post), o.FORUM, ANN))
    world.discord.say(str(post), "a post", id=post)
    world.last[str(post)] = post
    async with world.bot() as bot:
        found = [text for text, _ in await bot.missed()]
    assert found == [f"<@{BOT}> a fox", "bluer", "a post"]


async def test_the_first_message_of_a_person_who_was_never_there_is_lost(world: World) -> None:
    await begun(world)
    world.say(DIRECT, "a fox", minutes=1)
    async with world.bot() as bot:
        assert await bot.missed() == []


async def test_a_server_that_comes_later_is_read_when_it_is_there(world: World) -> None:
    await begun(world)
    world.say(TEXT, "bluer", minutes=1)
    async with world.bot() as bot:
        bot.catchup.returned()
        bot.client.feed("READY", o.ready())
        assert await bot.missed() == []
        bot.client.feed("GUILD_CREATE", o.guild(world.last))
        assert await bot.missed() == [("bluer", False)]


async def test_a_server_that_was_joined_is_caught_up_from_that_moment(world: World) -> None:
    world.guilds = False
    async with world.bot() as bot:
        assert await bot.missed() == []
        world.say(TEXT, "before", minutes=1)
        bot.client.feed("GUILD_CREATE", o.guild(world.last))
        [guild] = bot.client.guilds
        await bot.catchup.joined(guild)
    world.guilds = True
    world.say(TEXT, "bluer", minutes=2)
    async with world.bot() as bot:
        assert await bot.missed() == [("bluer", False)]


@pytest.mark.parametrize("there", [True, False])
async def test_a_server_that_was_left_is_forgotten(world: World, *, there: bool) -> None:
    await begun(world)
    if not there:
        world.guilds = False
    async with world.bot() as bot:
        if there:
            await bot.catchup.left(bot.client.guilds[0])
        else:
            await bot.missed()
    assert await world.journal.all(CURSORS) == {}


# Who said it


async def test_the_roles_of_who_may_have_meant_us_are_asked_for(world: World) -> None:
    await begun(world)
    world.discord.members[ANN] = o.member(o.MODERATORS, nick="Annie")
    world.say(TEXT, f"<@{BOT}> a fox", minutes=1, **CALL)
    world.say(TEXT, "not for the bot", minutes=2, author=BOB)
    world.say(OURS, "bluer", minutes=3, author=BOB)
    world.say(OURS, "redder", minutes=4, author=BOB)
    async with world.bot() as bot:
        found = [said for said, _ in await bot.catchup.missed()]
    assert [(said.user_name, said.roles, said.moderator) for said in found] == [
        ("Annie", (o.MODERATORS,), True),
        ("Bob", (), False),
        ("Bob", (), False),  # has left the server: nobody knows his roles
        ("Bob", (), False),
    ]
    assert world.discord.asked(f"/api/guilds/{GUILD}/members/") == [BOB, ANN]


async def test_who_says_something_that_is_not_for_us_is_not_looked_up(world: World) -> None:
    await begun(world)
    world.say(TEXT, "not for the bot", minutes=1)
    async with world.bot() as bot:
        assert await bot.missed() == [("not for the bot", False)]
    assert world.discord.asked("/api/guilds/") == []


# Where it may be read


async def test_only_the_channels_where_the_bot_may_be_used_are_read(world: World) -> None:
    await begun(world, direct=True)
    world.say(NIGHT, "elsewhere", minutes=1)
    world.say(POST, "elsewhere", minutes=1)
    world.say(OURS, "in a thread", minutes=2)
    world.say(TEXT, "here", minutes=3)
    world.say(DIRECT, "alone", minutes=4)
    async with world.bot(channels=frozenset({TEXT})) as bot:
        found = [text for text, _ in await bot.missed()]
    assert found == ["in a thread", "here", "alone"]


async def test_what_we_may_not_read_is_not_asked_for(world: World) -> None:
    await begun(world)
    world.say(o.CLOSED, "secret", minutes=1)
    world.say(o.SILENT, "secret", minutes=1)
    async with world.bot() as bot:
        assert await bot.missed() == []
    assert world.discord.asked() == []


@pytest.mark.parametrize("code", [50001, 10003])
async def test_what_discord_refuses_is_asked_for_once(world: World, code: int) -> None:
    await begun(world)
    world.discord.refuse[TEXT] = code
    world.say(TEXT, "secret", minutes=1)
    world.say(NIGHT, "bluer", minutes=2)
    async with world.bot() as bot:
        assert await bot.missed() == [("bluer", False)]
        bot.session()
        world.say(TEXT, "more", minutes=3)
        bot.session()
        assert await bot.missed() == []
    assert world.discord.asked().count(f"{TEXT}/messages") == 1


async def test_a_token_that_is_refused_is_used_no_more(world: World) -> None:
    await begun(world)
    for channel in (TEXT, NIGHT, OURS):
        world.discord.refuse[channel] = 401
        world.say(channel, "bluer", minutes=1)
    async with world.bot() as bot:
        assert await bot.missed() == []
    assert len(world.discord.asked()) == 1


async def test_a_place_that_fails_costs_nothing_but_itself(world: World) -> None:
    await begun(world)
    world.discord.refuse[TEXT] = 503
    world.say(TEXT, "lost", minutes=1)
    world.say(NIGHT, "bluer", minutes=2)
    async with world.bot() as bot:
        assert await bot.missed() == [("bluer", False)]


async def test_when_time_runs_out_our_own_threads_were_read_first(world: World) -> None:
    await begun(world)
    world.discord.held[TEXT] = asyncio.Event()
    world.say(OURS, "bluer", minutes=1)
    world.say(TEXT, "in the hall", minutes=2)
    async with world.bot(seconds=0.3) as bot:
        assert await bot.missed() == [("bluer", False)]


# Cursors


async def test_ignored_messages_move_the_cursor_too(world: World) -> None:
    await begun(world)
    async with world.bot() as bot:
        await bot.missed()
        newest = bot.take(TEXT, "ours", minutes=1, author=BOT)
        await bot.catchup.write()
    assert (await world.cursors())[TEXT] == newest


async def test_a_message_that_could_not_be_taken_is_found_again(world: World) -> None:
    await begun(world)
    async with world.bot() as bot:
        await bot.missed()
        message = bot.hear(TEXT, "bluer", minutes=1)
        with pytest.raises(ValueError, match="database"), bot.catchup.taking(message):
            raise ValueError("the database is away")
        bot.take(TEXT, "redder", minutes=2)
        await bot.catchup.write()
    async with world.bot() as bot:
        assert [text for text, _ in await bot.missed()] == ["bluer", "redder"]


async def test_a_message_that_is_still_being_taken_is_found_again(world: World) -> None:
    await begun(world)
    async with world.bot() as bot:
        await bot.missed()
        first = bot.hear(TEXT, "bluer", minutes=1)
        with bot.catchup.taking(first):
            bot.take(TEXT, "redder", minutes=2)
            await bot.catchup.write()
            held = await world.cursors()
        await bot.catchup.write()
        assert held[TEXT] == first.id - 1
        assert (await world.cursors())[TEXT] > first.id


async def test_a_crash_before_the_missed_are_taken_loses_none(world: World) -> None:
    await begun(world)
    world.say(TEXT, "bluer", minutes=1)
    async with world.bot() as bot:
        assert await bot.missed(take=False) == [("bluer", False)]
        bot.take(TEXT, "redder", minutes=2)
        await bot.catchup.write()
    async with world.bot() as bot:
        assert [text for text, _ in await bot.missed()] == ["bluer", "redder"]


async def test_what_comes_live_before_the_reading_does_not_hide_what_was_missed(
    world: World,
) -> None:
    await begun(world)
    world.say(TEXT, "missed", minutes=1)
    async with world.bot() as bot:
        bot.take(TEXT, "live", minutes=2)
        await bot.catchup.write()
        assert (await world.cursors())[TEXT] < o.at(minutes=0)
        assert await bot.missed() == [("missed", False)]
        await bot.catchup.write()
    assert (await world.cursors())[TEXT] == world.last[TEXT]


async def test_a_new_session_in_the_same_process_is_caught_up(world: World) -> None:
    await begun(world)
    async with world.bot() as bot:
        await bot.missed()
        bot.take(TEXT, "heard", minutes=1)
        world.say(TEXT, "missed", minutes=2)
        bot.session()
        assert await bot.missed() == [("missed", False)]


async def test_a_session_that_nobody_announced_is_caught_up_too(world: World) -> None:
    await begun(world)
    async with world.bot() as bot:
        await bot.missed()
        world.say(TEXT, "missed", minutes=1)
        bot.ready()
        assert await bot.missed() == [("missed", False)]


async def test_an_absence_goes_on_until_it_is_read(world: World) -> None:
    await begun(world)
    async with world.bot() as bot:
        await bot.missed()
        world.say(TEXT, "missed", minutes=1)
        bot.session()
        bot.take(TEXT, "heard", minutes=2)
        bot.session()
        assert await bot.missed() == [("missed", False)]


async def test_a_session_that_ends_while_the_history_is_read_loses_none(world: World) -> None:
    await begun(world)
    world.say(NIGHT, "first", minutes=1)
    world.discord.held[NIGHT] = asyncio.Event()
    async with world.bot() as bot:
        reading = asyncio.create_task(bot.missed())
        await world.discord.waiting.wait()
        world.say(TEXT, "second", minutes=2)
        bot.session()
        world.discord.held.pop(NIGHT).set()
        assert await reading == [("first", False)]
        await bot.catchup.write()
        assert await bot.missed() == [("second", False)]


async def test_nothing_is_written_when_nothing_has_moved(world: World) -> None:
    await begun(world)
    await world.journal.remove(CURSORS, GUILD)
    async with world.bot() as bot:
        await bot.missed()
        await world.journal.remove(CURSORS, GUILD)
        await bot.catchup.write()
    assert await world.journal.read(CURSORS, GUILD) is None


async def test_places_that_are_long_gone_are_forgotten(world: World) -> None:
    await begun(world, direct=True)
    world.threads = [o.thread(OURS, TEXT, BOT)]
    world.later(days=15)
    async with world.bot() as bot:
        await bot.missed()
        await bot.catchup.write()
    cursors = await world.cursors()
    assert POST not in cursors
    assert {TEXT, OURS} <= set(cursors)
    assert await world.cursors("@me") == {}
