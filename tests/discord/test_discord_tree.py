"""The commands: what Discord is told of them, and what arrives when somebody uses one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import discord
import pytest

from adapters.discord import tree as commands
from adapters.discord.sync import payload, send
from adapters.discord.translations import GERMAN
from adapters.discord.tree import Wish
from bot.options import RATIOS, SIZES, GenerationOptions
from tests.discord.ears import addresses, listening
from tests.standins.discord import DiscordFile, DiscordStandin
from tests.standins.discord import commands as standin_commands
from tests.standins.discord.commands import checked
from tests.standins.discord.interactions import COMMAND, begin
from tests.standins.pictures import png

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from adapters.discord.tree import Handlers

MODELS = ("offline-demo", "other-model")
VALUES = {*RATIOS, *SIZES, *MODELS}
"""Names of choices that are the same in every language."""


async def described(models: Sequence[str] = MODELS) -> dict[str, dict[str, Any]]:
    client = discord.Client(intents=discord.Intents(guilds=True))
    nobody = cast("Handlers", None)
    tree = commands.build(client, nobody, models)
    return {command["name"]: command for command in await payload(tree)}


def walk(thing: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a command, its subcommands, options and choices."""
    yield thing
    for part in (*thing.get("options", ()), *thing.get("choices", ())):
        yield from walk(part)


def option(command: dict[str, Any], name: str) -> dict[str, Any]:
    return next(option for option in command["options"] if option["name"] == name)


async def test_the_commands_and_menus_are_those_of_the_page() -> None:
    found = await described()
    menus = {name for name, command in found.items() if command["type"] == 3}
    subcommands = {
        f"{name} {option['name']}"
        for name, command in found.items()
        for option in command.get("options", ())
        if option["type"] == 1
    }
    assert menus == {"Edit image", "Use as reference"}
    assert found.keys() - menus == {
        "imagine", "edit", "usage", "settings", "config", "privacy", "why", "help",
    }  # fmt: skip
    assert subcommands == {
        "config follow", "config channels", "config roles", "config defaults", "config quota",
        "config spoiler", "config show", "privacy what", "privacy data", "privacy forget",
    }  # fmt: skip


async def test_imagine_offers_everything_that_can_be_said_about_a_picture() -> None:
    imagine = (await described())["imagine"]
    names = [option["name"] for option in imagine["options"]]
    assert names == [
        "prompt", "ratio", "size", "thinking", "search", "model", "count",
        "image1", "image2", "image3", "image4", "private",
    ]  # fmt: skip
    assert [o["name"] for o in imagine["options"] if o["required"]] == ["prompt"]
    assert [c["value"] for c in option(imagine, "ratio")["choices"]] == list(RATIOS)
    assert [c["value"] for c in option(imagine, "size")["choices"]] == list(SIZES)
    assert [c["value"] for c in option(imagine, "model")["choices"]] == list(MODELS)
    assert (option(imagine, "count")["min_value"], option(imagine, "count")["max_value"]) == (1, 4)
    assert option(imagine, "image4")["type"] == discord.AppCommandOptionType.attachment.value


async def test_discord_takes_every_command_with_the_most_and_longest_models() -> None:
    many = [f"{number:02}-{'m' * 97}" for number in range(30)]
    for command in (await described([*many, "x" * 101])).values():
        assert checked(command, "command", pytest.fail)
    imagine = (await described(many))["imagine"]
    assert [c["value"] for c in option(imagine, "model")["choices"]] == many[:25]


async def test_every_text_is_there_in_german_and_none_too_many() -> None:
    seen = set()
    for command in (await described()).values():
        hides_subcommands = any(option["type"] == 1 for option in command.get("options", ()))
        for thing in walk(command):
            for text in ("name", "description"):
                if text not in thing or thing[text] in VALUES:
                    continue
                if thing is command and hides_subcommands and text == "name":
                    assert thing["name_localizations"] == {}
                    continue
                assert thing[f"{text}_localizations"] == {"de": GERMAN[thing[text]]}, thing[text]
                seen.add(thing[text])
    assert seen == GERMAN.keys()


async def test_commands_work_everywhere_but_config_only_for_moderators_of_servers() -> None:
    found = await described()
    config = found.pop("config")
    assert (config["contexts"], config["integration_types"]) == ([0], [0])
    assert config["default_member_permissions"] == discord.Permissions(manage_guild=True).value
    for command in found.values():
        assert (command["contexts"], command["integration_types"]) == ([0, 1, 2], [0, 1])
        assert command["default_member_permissions"] is None


async def test_no_command_is_only_for_adults() -> None:
    assert not any(command["nsfw"] for command in (await described()).values())


# --- what arrives --------------------------------------------------------------------------------


class Noting:
    """Handlers that note what they are called with, and answer."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.broken = False

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        async def note(interaction: discord.Interaction, *values: object, **named: object) -> None:
            if self.broken and name != "failed":
                raise ValueError("a defect")
            self.calls.append((name, *values, *named.values()))
            await interaction.response.send_message("done", ephemeral=True)

        return note


@pytest.fixture(autouse=True)
def _addresses() -> Iterator[None]:
    yield from addresses()


@pytest.fixture
async def standin() -> AsyncIterator[DiscordStandin]:
    async with DiscordStandin() as standin:
        guild = standin.guild("Foxes")
        standin.channel(guild, "pictures")
        standin.person("ann")
        standin.role(guild, "Moderators", permissions=["MANAGE_GUILD"])
        standin.person("mo")
        standin.join(guild, "mo", roles=["Moderators"])
        yield standin
        assert standin.complaints == []


@pytest.fixture
async def handlers(standin: DiscordStandin) -> AsyncIterator[Noting]:
    noting = Noting()
    async with listening(standin) as bot:
        tree = commands.build(bot.gateway, cast("Handlers", noting), MODELS)
        await send(tree)
        yield noting


async def test_imagine_arrives_with_all_that_was_chosen(
    standin: DiscordStandin, handlers: Noting
) -> None:
    chosen: dict[str, Any] = {
        "prompt": "a fox", "ratio": "21:9", "size": "4K", "thinking": "high", "count": 4,
        "search": "web and pictures", "model": "other-model", "private": True,
        "image1": DiscordFile(name="a.png", data=png(8, 8)),
        "image3": DiscordFile(name="b.pdf", data=b"%PDF-1.4"),
    }  # fmt: skip
    await standin.slash("pictures", "ann", "/imagine", **chosen)
    ((name, wish),) = handlers.calls
    assert name == "imagine"
    assert (wish.prompt, wish.private) == ("a fox", True)
    assert [image.filename for image in wish.images] == ["a.png", "b.pdf"]
    assert wish.options == GenerationOptions(
        aspect_ratio="21:9", image_size="4K", thinking="high", model="other-model", count=4,
        web_search=True, image_search=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("search", "options"),
    [
        (None, GenerationOptions()),
        ("none", GenerationOptions()),
        ("web", GenerationOptions(web_search=True)),
        ("web and pictures", GenerationOptions(web_search=True, image_search=True)),
    ],
)
async def test_edit_arrives_with_the_search_as_chosen(
    standin: DiscordStandin, handlers: Noting, search: str | None, options: GenerationOptions
) -> None:
    more: dict[str, Any] = {"search": search} if search else {}
    await standin.slash("pictures", "ann", "/edit", prompt="at night", **more)
    assert handlers.calls == [("edit", Wish(prompt="at night", options=options))]


@pytest.mark.parametrize(
    ("command", "options", "call"),
    [
        ("/usage", {}, ("usage",)),
        ("/why", {}, ("why",)),
        ("/help", {}, ("help",)),
        ("/privacy what", {}, ("privacy_what",)),
        ("/privacy data", {}, ("privacy_data",)),
        ("/privacy forget", {}, ("privacy_forget",)),
        ("/settings", {}, ("settings", None, None)),
        ("/settings", {"ratio": "16:9"}, ("settings", "16:9", None)),
        ("/settings", {"ratio": "unset", "size": "2K"}, ("settings", "", "2K")),
        ("/config show", {}, ("config_show",)),
        ("/config follow", {"replies": "owner"}, ("config_follow", "owner", None)),
        ("/config follow", {"replies": "unset"}, ("config_follow", "", None)),
        ("/config channels", {"change": "all"}, ("config_channels", "all", None)),
        ("/config roles", {"change": "all"}, ("config_roles", "all", None)),
        ("/config defaults", {"size": "1K"}, ("config_defaults", None, "1K", None)),
        ("/config quota", {"pictures": 0}, ("config_quota", 0, None, None)),
        ("/config spoiler", {"hide": True}, ("config_spoiler", True, None)),
    ],
)
async def test_each_command_arrives_with_its_values(
    standin: DiscordStandin,
    handlers: Noting,
    command: str,
    options: dict[str, Any],
    call: tuple[Any, ...],
) -> None:
    used = await standin.slash("pictures", "mo", command, **options)
    assert handlers.calls == [call]
    assert not used.failed


async def give(standin: DiscordStandin, user: str, command: str, **options: str) -> None:
    """Give a command with an option of any name; ``slash`` has some names for itself."""
    place, person = standin._ready("pictures", user)
    found, offered, subs = standin_commands.found(standin._commands(place, "guild"), command)
    standin_commands.given(offered, options)
    data, _ = standin._command_data(found, offered, subs, options)
    await standin._deliver(begin(standin.world, COMMAND, person, place, install="guild", data=data))


async def test_channels_people_and_roles_arrive_as_ids(
    standin: DiscordStandin, handlers: Noting
) -> None:
    world = standin.world
    guild = next(iter(world.guilds.values()))
    forum = standin.channel(guild.id, "posts", forum=True)
    (role,) = (role.id for role in guild.roles.values() if role.name == "Moderators")
    ann = world.person("ann").id
    await give(standin, "mo", "/config channels", change="allow", channel=forum)
    await standin.slash("pictures", "mo", "/config roles", change="remove", role=role)
    await standin.slash("pictures", "mo", "/config quota", pictures=5, person=ann)
    await standin.slash("pictures", "mo", "/config quota", role=role)
    assert handlers.calls == [
        ("config_channels", "allow", forum),
        ("config_roles", "remove", role),
        ("config_quota", 5, ann, None),
        ("config_quota", None, None, role),
    ]


async def test_the_menus_arrive_with_the_message_and_its_picture(
    standin: DiscordStandin, handlers: Noting
) -> None:
    picture = DiscordFile(name="fox.png", data=png(8, 8))
    message = await standin.say("pictures", "mo", "look", files=[picture])
    await standin.menu("Edit image", message, "ann")
    await standin.menu("Use as reference", message, "ann")
    assert [name for name, _ in handlers.calls] == ["edit_image", "use_as_reference"]
    for _, target in handlers.calls:
        assert (str(target.id), target.content) == (message["id"], "look")
        assert [file.filename for file in target.attachments] == ["fox.png"]


async def test_people_who_moderate_nothing_do_not_see_config(
    standin: DiscordStandin, handlers: Noting
) -> None:
    with pytest.raises(AssertionError, match="hidden"):
        await standin.slash("pictures", "ann", "/config show")


async def test_imagine_works_where_only_the_person_installed_the_bot(
    standin: DiscordStandin, handlers: Noting
) -> None:
    standin.person("bob")
    place = standin.private("ann", "bob")
    used = await standin.slash(place, "ann", "/imagine", prompt="a fox", install="user")
    assert [call[0] for call in handlers.calls] == ["imagine"]
    assert not used.failed


async def test_what_a_handler_raises_is_heard_and_answered(
    standin: DiscordStandin, handlers: Noting
) -> None:
    handlers.broken = True
    used = await standin.slash("pictures", "ann", "/help")
    ((name, error),) = handlers.calls
    assert name == "failed"
    assert isinstance(error.__cause__, ValueError)
    assert not used.failed


async def test_a_command_that_is_no_more_is_heard_as_failed(
    standin: DiscordStandin, handlers: Noting
) -> None:
    standin.world.commands[""][2]["name"] = "draw"
    used = await standin.slash("pictures", "ann", "/draw")
    assert [call[0] for call in handlers.calls] == ["failed"]
    assert not used.failed
