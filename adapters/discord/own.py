"""What people ask about themselves and their server: usage, defaults, privacy, rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from adapters.discord import cards
from adapters.discord.actions import Action
from adapters.discord.blocks import Button, Card
from adapters.discord.listening import defer
from adapters.discord.parts import DIRECT, whisper
from adapters.discord.reading import asked as read_asked
from adapters.discord.servers import changed
from bot.commands import help_text, render
from bot.errors import UsageError

if TYPE_CHECKING:
    import discord

    from adapters.discord.parts import Parts
    from adapters.discord.tree import ListChange
    from adapters.discord.values import Asked
    from bot.access import Follow
    from bot.options import GenerationOptions

_LATELY = 20  # requests that are looked at
_WHAT_IS_KEPT = (
    "What you ask me, the files you attach, the pictures I paint, what they cost, and Discord's ids"
    " of you, the server, the channel and the messages. They are kept by the people who run this"
    " bot, and go to the image model's service when a picture is made, to nobody else."
    " /privacy forget erases what is kept of you."
)


async def usage(parts: Parts, interaction: discord.Interaction) -> None:
    """Tell what the person asked for today and what is left."""
    who = read_asked(interaction)
    today = parts.now().replace(hour=0, minute=0, second=0, microsecond=0)
    here = parts.thread(who)
    pictures = await parts.ledger.pictures(here, who.user, today)
    month = await parts.ledger.pictures(here, who.user, today.replace(day=1))
    limits = [limit for limit in (parts.quota, await parts.quota_of(who)) if limit is not None]
    left = f" You can have {max(0, min(limits) - pictures)} more today." if limits else ""
    words = f"You asked for {_count(pictures)} today and {_count(month)} this month (UTC).{left}"
    if who.moderator and parts.costs:
        spent = await parts.ledger.spent(here, today.replace(day=1))
        words += f" This server has cost ${spent / 1e6:.2f} this month."
    await whisper(interaction, words)


def _count(pictures: int) -> str:
    return "1 picture" if pictures == 1 else f"{pictures} pictures"


async def settings(
    parts: Parts, interaction: discord.Interaction, ratio: str | None, size: str | None
) -> None:
    """Set the person's own defaults, or show them when nothing is named."""
    who = read_asked(interaction)
    thread = parts.thread(who)
    known = await parts.preferences.person(thread, who.user)
    wanted = _with(known, ratio, size)
    if wanted != known:
        await defer(interaction, ephemeral=True)
        parts.desk.profile(wanted.model).check(wanted)
        await parts.preferences.set_person(thread, who.user, wanted)
    shown = render(wanted) or "none: the channel's or the bot's own hold"
    await whisper(interaction, f"Your defaults: {shown}.")


def _with(known: GenerationOptions, ratio: str | None, size: str | None) -> GenerationOptions:
    """Change defaults: None leaves one as it is, "" takes it back."""
    return replace(
        known,
        aspect_ratio=known.aspect_ratio if ratio is None else ratio or None,
        image_size=known.image_size if size is None else size or None,
    )


async def why(parts: Parts, interaction: discord.Interaction) -> None:
    """Tell why the person was refused, or that they may ask here."""
    who = read_asked(interaction)
    words = await parts.refusal(who)
    if not words:
        words = await _newest_refusal(parts, who) or (
            "You may ask here, and I refused you nothing lately."
        )
    await whisper(interaction, words)


async def _newest_refusal(parts: Parts, who: Asked) -> str:
    """Say what became of the newest request that brought no picture, "" when all did."""
    here = parts.thread(who)
    turns = await parts.store.said_by(here.platform, who.user, here.workspace)
    for turn in reversed(turns[-_LATELY:]):
        found = await parts.store.get(turn)
        if found.verdict:
            return f"Your newest request without a picture: {found.verdict.text}"
    return ""


async def help_(parts: Parts, interaction: discord.Interaction) -> None:
    """Explain how to talk to the bot."""
    del parts
    await whisper(interaction, help_text())


async def privacy_what(parts: Parts, interaction: discord.Interaction) -> None:
    """Tell what is kept and who gets it."""
    del parts
    await whisper(interaction, _WHAT_IS_KEPT)


async def privacy_forget(parts: Parts, interaction: discord.Interaction) -> None:
    """Ask whether to erase what is kept about the person."""
    who = read_asked(interaction)
    del parts
    words = (
        "This erases what you asked here and on every server, with your files and the pictures made"
        " for you, from this bot. What stands in Discord's channels stays. It cannot be undone."
    )
    button = Button(action=Action.FORGET, label="Erase it", value=who.user, style="danger")
    await whisper(interaction, cards.line(words, button))


# What moderators set


async def follow(
    parts: Parts,
    interaction: discord.Interaction,
    policy: Follow | Literal[""],
    channel: str | None,
) -> None:
    """Set which replies count in a channel."""
    who = _moderator(interaction)
    await defer(interaction, ephemeral=True)
    thread = replace(parts.thread(who), channel=channel or who.channel)
    rules = await parts.preferences.channel(thread)
    await parts.preferences.set_channel(thread, replace(rules, follow=policy or None))
    await _tell(interaction, f"In <#{thread.channel}>: {policy or parts.follow}.")


async def channels(
    parts: Parts, interaction: discord.Interaction, change: ListChange, channel: str | None
) -> None:
    """Change the list of channels where people may ask."""
    who = _moderator(interaction)
    await defer(interaction, ephemeral=True)
    rules = await parts.servers.rules(who.guild)
    named = None if change == "all" else channel or who.channel
    rules = replace(rules, channels=changed(rules.channels, change, named))
    await parts.servers.set(who.guild, rules)
    await show(parts, interaction)


async def roles(
    parts: Parts, interaction: discord.Interaction, change: ListChange, role: str | None
) -> None:
    """Change the list of roles whose members may ask."""
    who = _moderator(interaction)
    await defer(interaction, ephemeral=True)
    if change != "all" and role is None:
        raise UsageError("Name the role.")
    rules = await parts.servers.rules(who.guild)
    await parts.servers.set(who.guild, replace(rules, roles=changed(rules.roles, change, role)))
    await show(parts, interaction)


async def defaults(
    parts: Parts,
    interaction: discord.Interaction,
    ratio: str | None,
    size: str | None,
    channel: str | None,
) -> None:
    """Set the defaults of a channel."""
    who = _moderator(interaction)
    await defer(interaction, ephemeral=True)
    thread = replace(parts.thread(who), channel=channel or who.channel)
    rules = await parts.preferences.channel(thread)
    wanted = _with(rules.options, ratio, size)
    parts.desk.profile(wanted.model).check(wanted)
    await parts.preferences.set_channel(thread, replace(rules, options=wanted))
    await _tell(interaction, f"In <#{thread.channel}>: {render(wanted) or 'no defaults'}.")


async def quota(
    parts: Parts,
    interaction: discord.Interaction,
    pictures: int | None,
    person: str | None,
    role: str | None,
) -> None:
    """Set how many pictures a day a person or role may ask for."""
    who = _moderator(interaction)
    await defer(interaction, ephemeral=True)
    rules = await parts.servers.rules(who.guild)
    named = [name for name in (person, role) if name] or [""]
    for name in named:
        rules = rules.with_quota(name, pictures)
    await parts.servers.set(who.guild, rules)
    await show(parts, interaction)


async def spoiler(
    parts: Parts, interaction: discord.Interaction, *, hide: bool, channel: str | None
) -> None:
    """Set whether the pictures of a channel are hidden until they are clicked."""
    who = _moderator(interaction)
    await defer(interaction, ephemeral=True)
    rules = await parts.servers.rules(who.guild)
    change = "allow" if hide else "remove"
    hidden = changed(rules.spoilers, change, channel or who.channel)
    await parts.servers.set(who.guild, replace(rules, spoilers=hidden))
    await show(parts, interaction)


async def show(parts: Parts, interaction: discord.Interaction) -> None:
    """Show what is set on this server."""
    who = _moderator(interaction)
    rules = await parts.servers.rules(who.guild)
    of_channels = await parts.preferences.channels(parts.thread(who))
    lines = [
        f"Channels: {_places(rules.channels) or 'all'}",
        f"Roles: {_roles(rules.roles) or 'everybody'}",
        f"Pictures a day: {'no limit' if rules.quota is None else rules.quota}",
        *(f"... of <@&{name}> or <@{name}>: {most}" for name, most in rules.quotas.items()),
        f"Hidden until clicked: {_places(rules.spoilers) or 'nowhere'}",
        *(
            f"<#{name}>: {one.follow or parts.follow}; {render(one.options) or 'no defaults'}"
            for name, one in of_channels.items()
        ),
    ]
    await _tell(interaction, "\n".join(lines))


async def _tell(interaction: discord.Interaction, text: str) -> None:
    """Tell something that names channels and roles, which Discord shows as links."""
    await whisper(interaction, Card(blocks=(text,)))


def _places(channels: tuple[str, ...]) -> str:
    return ", ".join(f"<#{channel}>" for channel in channels)


def _roles(roles: tuple[str, ...]) -> str:
    return ", ".join(f"<@&{role}>" for role in roles)


def _moderator(interaction: discord.Interaction) -> Asked:
    """Read who asks; only moderators may, whatever the server lets others see. UsageError."""
    who = read_asked(interaction)
    if not who.moderator or not who.guild or who.guild == DIRECT:
        raise UsageError("Only moderators of a server can do this, on that server.")
    return who
