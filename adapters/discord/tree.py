"""The slash commands and context menus: their definitions. What each does is a ``Handlers``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypeVar

import discord
from discord import app_commands
from discord.app_commands import Choice

from adapters.discord.translations import German
from bot.access import FOLLOW
from bot.options import MOST_PICTURES, RATIOS, SIZES, GenerationOptions, Thinking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.access import Follow

MOST_CHOICES = 25
_LONGEST_CHOICE = 100
_MOST_QUOTA = 10_000
_UNSET = "unset"
_UNSET_LABEL = "As it was set for everybody"
_FOLLOWED: Mapping[Follow, str] = {
    "follow": "Every reply in its threads counts",
    "mention": "Only mentions count",
    "owner": "Only replies of who began the thread",
}

Command: TypeAlias = "app_commands.Command[app_commands.Group, ..., None]"
_Defined: TypeAlias = "Command | app_commands.Group | app_commands.ContextMenu"
_Any = TypeVar("_Any")
_Prompt: TypeAlias = app_commands.Range[str, 1, 6_000]
_Count: TypeAlias = app_commands.Range[int, 1, MOST_PICTURES]
_Quota: TypeAlias = app_commands.Range[int, 0, _MOST_QUOTA]
_Search: TypeAlias = Literal["none", "web", "web and pictures"]
_Replies: TypeAlias = Literal["follow", "mention", "owner", "unset"]
ListChange: TypeAlias = Literal["allow", "remove", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person chose in ``/imagine`` or ``/edit``. images: in the order of the options."""

    prompt: str
    options: GenerationOptions
    images: tuple[discord.Attachment, ...] = ()
    private: bool = False


class Handlers(Protocol):
    """What the commands do. Ids are Discord's, in print.

    Of a value that may be set, None leaves it as it is and "" takes back what was set. channel:
    None for where the command was given.
    """

    async def imagine(self, interaction: discord.Interaction, wish: Wish) -> None:
        """Ask for a picture."""
        ...

    async def edit(self, interaction: discord.Interaction, wish: Wish) -> None:
        """Change the newest picture of the place."""
        ...

    async def edit_image(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Open the form that changes the picture of a message."""
        ...

    async def use_as_reference(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        """Open the form for a new picture with the picture of a message as material."""
        ...

    async def usage(self, interaction: discord.Interaction) -> None:
        """Tell what the person asked for today and what is left."""
        ...

    async def settings(
        self, interaction: discord.Interaction, ratio: str | None, size: str | None
    ) -> None:
        """Set the person's own defaults, or show them when nothing is named."""
        ...

    async def why(self, interaction: discord.Interaction) -> None:
        """Tell why the person was refused, or that they may ask here."""
        ...

    async def help(self, interaction: discord.Interaction) -> None:
        """Explain how to talk to the bot."""
        ...

    async def privacy_what(self, interaction: discord.Interaction) -> None:
        """Tell what is kept and who gets it."""
        ...

    async def privacy_data(self, interaction: discord.Interaction) -> None:
        """Give the person what is kept about them."""
        ...

    async def privacy_forget(self, interaction: discord.Interaction) -> None:
        """Ask whether to erase what is kept about the person."""
        ...

    async def config_follow(
        self, interaction: discord.Interaction, policy: Follow | Literal[""], channel: str | None
    ) -> None:
        """Set which replies count in a channel."""
        ...

    async def config_channels(
        self, interaction: discord.Interaction, change: ListChange, channel: str | None
    ) -> None:
        """Change the list of channels where people may ask."""
        ...

    async def config_roles(
        self, interaction: discord.Interaction, change: ListChange, role: str | None
    ) -> None:
        """Change the list of roles whose members may ask."""
        ...

    async def config_defaults(
        self,
        interaction: discord.Interaction,
        ratio: str | None,
        size: str | None,
        channel: str | None,
    ) -> None:
        """Set the defaults of a channel."""
        ...

    async def config_quota(
        self,
        interaction: discord.Interaction,
        pictures: int | None,
        person: str | None,
        role: str | None,
    ) -> None:
        """Set how many pictures a day a person or role may ask for; None for no own limit."""
        ...

    async def config_spoiler(
        self, interaction: discord.Interaction, *, hide: bool, channel: str | None
    ) -> None:
        """Set whether the pictures of a channel are hidden until they are clicked."""
        ...

    async def config_show(self, interaction: discord.Interaction) -> None:
        """Show what is set on this server."""
        ...

    async def failed(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError
    ) -> None:
        """Hear of any error in a command; ``error.__cause__`` is what was raised."""
        ...


class Place(app_commands.Transformer):
    """A channel that people write in, as its id; it need not be in any cache."""

    type = discord.AppCommandOptionType.channel
    channel_types = [  # noqa: RUF012 - a property there
        discord.ChannelType.text,
        discord.ChannelType.news,
        discord.ChannelType.forum,
        discord.ChannelType.media,
        discord.ChannelType.voice,
        discord.ChannelType.stage_voice,
    ]

    async def transform(
        self,
        interaction: discord.Interaction,
        value: app_commands.AppCommandChannel,
        /,
    ) -> str:
        """Give its id."""
        del interaction
        return str(value.id)


_Place: TypeAlias = app_commands.Transform[str, Place]


def build(
    client: discord.Client, handlers: Handlers, models: Sequence[str]
) -> app_commands.CommandTree:
    """Define every command on a client. models: ids that people may choose, at most 25 are shown.

    Call it once for a client, before it connects, and await ``translate`` before a sync.
    """
    tree = app_commands.CommandTree(
        client,
        allowed_contexts=app_commands.AppCommandContext(
            guild=True, dm_channel=True, private_channel=True
        ),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
    )
    commands: tuple[_Defined, ...] = (
        _imagine(handlers, models),
        _edit(handlers, models),
        *_own(handlers),
        _privacy(handlers),
        _config(handlers),
        *_menus(handlers),
    )
    for command in commands:
        tree.add_command(command)

    @tree.error
    async def failed(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        await handlers.failed(interaction, error)

    return tree


async def translate(tree: app_commands.CommandTree) -> None:
    """Let the texts be sent in every language that there is."""
    await tree.set_translator(German())


def _imagine(handlers: Handlers, models: Sequence[str]) -> Command:
    @app_commands.command(
        name="imagine", description="Ask for a picture; it comes in a thread of its own"
    )
    @app_commands.describe(prompt="What you would like to see", private="Only you see the answer")
    @_options(models)
    async def imagine(
        interaction: discord.Interaction,
        *,
        prompt: _Prompt,
        ratio: str | None,
        size: str | None,
        thinking: Thinking | None,
        search: _Search | None,
        model: str | None,
        count: _Count | None,
        image1: discord.Attachment | None,
        image2: discord.Attachment | None,
        image3: discord.Attachment | None,
        image4: discord.Attachment | None,
        private: bool = False,
    ) -> None:
        options = GenerationOptions(
            aspect_ratio=ratio, image_size=size, thinking=thinking, model=model, count=count
        )
        wish = Wish(
            prompt=prompt,
            options=_searching(options, search),
            images=_given(image1, image2, image3, image4),
            private=private,
        )
        await handlers.imagine(interaction, wish)

    return imagine


def _edit(handlers: Handlers, models: Sequence[str]) -> Command:
    @app_commands.command(name="edit", description="Change the newest picture here")
    @app_commands.describe(prompt="What should change")
    @_options(models)
    async def edit(
        interaction: discord.Interaction,
        *,
        prompt: _Prompt,
        ratio: str | None,
        size: str | None,
        thinking: Thinking | None,
        search: _Search | None,
        model: str | None,
        count: _Count | None,
        image1: discord.Attachment | None,
        image2: discord.Attachment | None,
        image3: discord.Attachment | None,
        image4: discord.Attachment | None,
    ) -> None:
        options = GenerationOptions(
            aspect_ratio=ratio, image_size=size, thinking=thinking, model=model, count=count
        )
        wish = Wish(
            prompt=prompt,
            options=_searching(options, search),
            images=_given(image1, image2, image3, image4),
        )
        await handlers.edit(interaction, wish)

    return edit


def _options(models: Sequence[str]) -> Callable[[_Any], _Any]:
    """Describe what ``/imagine`` and ``/edit`` have in common."""
    named = [model for model in models if len(model) <= _LONGEST_CHOICE][:MOST_CHOICES]
    image = "A picture or PDF to work with"

    def decorate(callback: _Any) -> _Any:
        describe = app_commands.describe(
            ratio="The shape of the picture",
            size="How large the picture is",
            thinking="How long to think before painting",
            search="What to look up on the web first",
            model="Which model paints",
            count="How many pictures",
            image1=image,
            image2=image,
            image3=image,
            image4=image,
        )
        choices = app_commands.choices(
            ratio=_choices(RATIOS), size=_choices(SIZES), model=_choices(named)
        )
        return describe(choices(callback))

    return decorate


def _choices(values: Sequence[str]) -> list[Choice[str]]:
    return [Choice(name=value, value=value) for value in values]


def _settable(values: Sequence[str]) -> list[Choice[str]]:
    return [*_choices(values), Choice(name=_UNSET_LABEL, value=_UNSET)]


def _set_to(value: str | None) -> str | None:
    return "" if value == _UNSET else value


def _searching(options: GenerationOptions, search: _Search | None) -> GenerationOptions:
    """Add a search that was chosen; "none" is what holds without a word."""
    if search is None or search == "none":
        return options
    pictures = True if search == "web and pictures" else None
    return replace(options, web_search=True, image_search=pictures)


def _given(*images: discord.Attachment | None) -> tuple[discord.Attachment, ...]:
    return tuple(image for image in images if image)


def _own(handlers: Handlers) -> tuple[Command, ...]:
    """Define what concerns the person who gives the command."""

    @app_commands.command(
        name="usage", description="What you have asked for today and what is left"
    )
    async def usage(interaction: discord.Interaction) -> None:
        await handlers.usage(interaction)

    @app_commands.command(
        name="settings", description="Your own defaults; without options it shows them"
    )
    @app_commands.describe(ratio="The shape of the picture", size="How large the picture is")
    @app_commands.choices(ratio=_settable(RATIOS), size=_settable(SIZES))
    async def settings(
        interaction: discord.Interaction, ratio: str | None, size: str | None
    ) -> None:
        await handlers.settings(interaction, _set_to(ratio), _set_to(size))

    @app_commands.command(name="why", description="Why was I refused here?")
    async def why(interaction: discord.Interaction) -> None:
        await handlers.why(interaction)

    @app_commands.command(name="help", description="How to ask for pictures and change them")
    async def help_(interaction: discord.Interaction) -> None:
        await handlers.help(interaction)

    return usage, settings, why, help_


def _privacy(handlers: Handlers) -> app_commands.Group:
    group = app_commands.Group(
        name="privacy", description="What is kept about you, and how to get or erase it"
    )

    @group.command(description="What is kept, and who gets it")
    async def what(interaction: discord.Interaction) -> None:
        await handlers.privacy_what(interaction)

    @group.command(description="Give me what is kept about me")
    async def data(interaction: discord.Interaction) -> None:
        await handlers.privacy_data(interaction)

    @group.command(description="Erase what is kept about me")
    async def forget(interaction: discord.Interaction) -> None:
        await handlers.privacy_forget(interaction)

    return group


def _config(handlers: Handlers) -> app_commands.Group:
    """Define what moderators set. Who may is decided by Discord, and again by what each does."""
    group = app_commands.Group(
        name="config",
        description="What holds on this server (moderators)",
        default_permissions=discord.Permissions(manage_guild=True),
        allowed_contexts=app_commands.AppCommandContext(
            guild=True, dm_channel=False, private_channel=False
        ),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )
    _config_places(group, handlers)
    _config_people(group, handlers)

    @group.command(description="Show what is set")
    async def show(interaction: discord.Interaction) -> None:
        await handlers.config_show(interaction)

    return group


def _config_places(group: app_commands.Group, handlers: Handlers) -> None:
    here = "The channel; without it, this one"
    policies = [Choice(name=_FOLLOWED[policy], value=policy) for policy in FOLLOW]

    @group.command(description="Which replies in the bot's threads count")
    @app_commands.describe(replies="Which replies count", channel=here)
    @app_commands.choices(replies=[*policies, Choice(name=_UNSET_LABEL, value=_UNSET)])
    async def follow(
        interaction: discord.Interaction, replies: _Replies, channel: _Place | None
    ) -> None:
        policy: Follow | Literal[""] = "" if replies == "unset" else replies
        await handlers.config_follow(interaction, policy, channel)

    @group.command(description="Where pictures may be asked for")
    @app_commands.describe(
        change="What to do with the list", channel="The channel to allow or to take off the list"
    )
    @app_commands.choices(change=_list_changes())
    async def channels(
        interaction: discord.Interaction, change: ListChange, channel: _Place | None
    ) -> None:
        await handlers.config_channels(interaction, change, channel)

    @group.command(description="Shape and size of a channel's pictures")
    @app_commands.describe(
        ratio="The shape of the picture", size="How large the picture is", channel=here
    )
    @app_commands.choices(ratio=_settable(RATIOS), size=_settable(SIZES))
    async def defaults(
        interaction: discord.Interaction,
        ratio: str | None,
        size: str | None,
        channel: _Place | None,
    ) -> None:
        await handlers.config_defaults(interaction, _set_to(ratio), _set_to(size), channel)

    @group.command(description="Hide a channel's pictures until they are clicked")
    @app_commands.describe(hide="Whether to hide them", channel=here)
    async def spoiler(
        interaction: discord.Interaction, *, hide: bool, channel: _Place | None
    ) -> None:
        await handlers.config_spoiler(interaction, hide=hide, channel=channel)


def _config_people(group: app_commands.Group, handlers: Handlers) -> None:
    @group.command(description="Who may ask for pictures")
    @app_commands.describe(
        change="What to do with the list", role="The role to allow or to take off the list"
    )
    @app_commands.choices(change=_list_changes())
    async def roles(
        interaction: discord.Interaction, change: ListChange, role: discord.Role | None
    ) -> None:
        await handlers.config_roles(interaction, change, _id_of(role))

    @group.command(description="How many pictures a person or a role may ask for in a day")
    @app_commands.describe(
        pictures="Pictures in a day; without it, no limit of their own",
        person="The person that this is for",
        role="The role that this is for",
    )
    async def quota(
        interaction: discord.Interaction,
        pictures: _Quota | None,
        person: discord.User | None,
        role: discord.Role | None,
    ) -> None:
        await handlers.config_quota(interaction, pictures, _id_of(person), _id_of(role))


def _id_of(named: discord.User | discord.Role | None) -> str | None:
    return str(named.id) if named else None


def _list_changes() -> list[Choice[str]]:
    return [
        Choice(name="Allow it", value="allow"),
        Choice(name="Take it off the list", value="remove"),
        Choice(name="Empty the list: all are allowed", value="all"),
    ]


def _menus(handlers: Handlers) -> tuple[app_commands.ContextMenu, ...]:
    async def edit_image(interaction: discord.Interaction, message: discord.Message) -> None:
        await handlers.edit_image(interaction, message)

    async def use(interaction: discord.Interaction, message: discord.Message) -> None:
        await handlers.use_as_reference(interaction, message)

    return (
        app_commands.ContextMenu(name="Edit image", callback=edit_image),
        app_commands.ContextMenu(name="Use as reference", callback=use),
    )
