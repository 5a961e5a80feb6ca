"""The app's home tab, and the forms for what people and channels are set to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.slack import fields
from adapters.slack.actions import COMMAND, Action
from adapters.slack.actions import View as ViewName
from adapters.slack.blocks import (
    Block,
    heading,
    listed,
    moment,
    ours,
    paragraph,
    small,
    words,
)
from adapters.slack.cards import Button, row
from adapters.slack.fields import Field, entered, entry, menu
from adapters.slack.text import short
from bot.access import FOLLOW
from bot.preferences import ChannelRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from adapters.slack.values import View
    from bot.access import Follow
    from bot.options import GenerationOptions
    from bot.profiles import ModelProfile

_MOST_RECENT = 10
_MOST_CHANNELS = 50
_LONGEST_PROMPT = 120
_UNSET = "As the operator set it"
_FOLLOWED: Mapping[Follow, str] = {
    "follow": "Every reply in its threads counts",
    "mention": "Only mentions count",
    "owner": "Only replies of who began the thread",
}
_EXAMPLES = (
    ("Ask for a picture, or mention me: ", f"{COMMAND} a red fox in the snow"),
    ("Reply in its thread to change it: ", "make the sky darker"),
    ("Attach pictures or a PDF to work with: ", "put our logo on this mug"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """A picture that somebody had painted. permalink: of its message, "" when it is not known."""

    prompt: str
    permalink: str
    when: datetime


def home(
    *,
    recent: Sequence[Recent],
    pictures_left: int | None,
    defaults: GenerationOptions,
    rules: Mapping[str, ChannelRules] | None,
    grammar: str,
) -> Block:
    """Make one person's home tab.

    pictures_left: of today, None without a limit. rules: by channel id, for an admin; None for
    everybody else. grammar: ``bot.commands.help_text``.
    """
    own = Button(action=Action.PERSON_DEFAULTS, label="Change my defaults")
    examples = [[words(text), words(example, italic=True)] for text, example in _EXAMPLES]
    blocks = [heading("What I can do"), *listed("", examples), *_left(pictures_left)]
    blocks += [heading("Your pictures"), *_pictures(recent)]
    blocks += [
        heading("Your defaults"),
        paragraph(_shown(defaults) or "None of your own."),
        row([own]),
    ]
    if rules is not None:
        blocks += _channels(rules)
    blocks += [heading("All words and flags"), paragraph(grammar)]
    return {"type": "home", "blocks": blocks}


def person_form(defaults: GenerationOptions, profile: ModelProfile) -> Block:
    """Make the form for one's own defaults."""
    blocks = [
        small("What holds when you do not say it, in every channel."),
        fields.ratio(profile, defaults.aspect_ratio, _UNSET),
        fields.size(profile, defaults.image_size, _UNSET),
    ]
    return fields.form(ViewName.PERSON, "My defaults", "Save", blocks, {})


def person_in(view: View) -> GenerationOptions:
    """Read the form for one's own defaults."""
    return fields.options_in(view)


def channel_form(profile: ModelProfile, *, channel: str = "", rules: ChannelRules) -> Block:
    """Make the form for what a channel is set to. channel: chosen already, "" for none."""
    conversations: Block = {
        "type": "conversations_select",
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
    }
    if channel:
        conversations["initial_conversation"] = channel
    follow = menu({name: _FOLLOWED[name] for name in FOLLOW}, rules.follow, unsaid=_UNSET)
    blocks = [
        small("What you choose here replaces what was set for the channel before."),
        entry(Field.CHANNEL, "Channel", conversations),
        entry(Field.FOLLOW, "Which replies count", follow),
        fields.ratio(profile, rules.options.aspect_ratio, _UNSET),
        fields.size(profile, rules.options.image_size, _UNSET),
    ]
    return fields.form(ViewName.CHANNEL, "A channel", "Save", blocks, {})


def channel_in(view: View) -> tuple[str, ChannelRules]:
    """Read the form for a channel: its id and what it is set to."""
    follow = entered(view, Field.FOLLOW)
    rules = ChannelRules(
        follow=follow if follow in FOLLOW else None,
        options=fields.options_in(view),
    )
    return entered(view, Field.CHANNEL), rules


def _pictures(recent: Sequence[Recent]) -> list[Block]:
    if not recent:
        return [small("None yet.")]
    items = []
    for one in recent[:_MOST_RECENT]:
        name = short(one.prompt, _LONGEST_PROMPT) or "A picture"
        link = ours(one.permalink, name) if one.permalink else words(name)
        items.append([link, words(", "), moment(one.when)])
    return listed("", items)


def _channels(rules: Mapping[str, ChannelRules]) -> list[Block]:
    items = [
        [
            {"type": "channel", "channel_id": channel},
            words(f": {_ruled(rule)}"),
        ]
        for channel, rule in list(rules.items())[:_MOST_CHANNELS]
    ]
    change = Button(action=Action.CHANNEL_RULES, label="Set a channel")
    shown = listed("", items) or [small("No channel is set to anything of its own.")]
    if len(rules) > len(items):
        shown.append(small(f"and {len(rules) - len(items)} more"))
    return [heading("Channels"), *shown, row([change])]


def _left(pictures: int | None) -> list[Block]:
    if pictures is None:
        return []
    if pictures <= 0:
        return [small("Your pictures of today are used up. There will be more tomorrow (UTC).")]
    return [small(f"Pictures left today: {pictures}")]


def _ruled(rules: ChannelRules) -> str:
    followed = _FOLLOWED[rules.follow] if rules.follow else ""
    return "; ".join(filter(None, (followed, _shown(rules.options)))) or _UNSET


def _shown(options: GenerationOptions) -> str:
    """Say a shape and a size in words, "" for none."""
    said = [
        f"shape {options.aspect_ratio}" if options.aspect_ratio else "",
        f"size {options.image_size}" if options.image_size else "",
    ]
    return ", ".join(filter(None, said))
