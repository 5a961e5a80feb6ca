"""Fields of forms: their Block Kit, and what was entered in them. Pure.

A ``block_id`` names the field; errors are shown under it. An ``action_id`` names it, too, and what
its choices depend on: ``views.update`` keeps the old choice of a menu whose ids did not change
(bolt-python#572), so a menu that depends on the model has the model's id in its own.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from adapters.slack.actions import Action
from adapters.slack.blocks import Block, plain
from bot.options import GenerationOptions, Thinking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.slack import actions
    from adapters.slack.values import SlackFile, View
    from bot.profiles import ModelProfile

LONGEST_PROMPT = 3_000
"""Characters that Slack's text field takes; a message to the bot may be longer."""

_UNSAID = "unsaid"
_LONGEST_TITLE = 24
_LONGEST_LABEL = 75
_LONGEST_PLACEHOLDER = 150
_LONGEST_ID = 100
_SHAPES = {
    "1:1": "square",
    "16:9": "wide, like a screen",
    "9:16": "tall, like a phone",
    "4:3": "wide, like a slide",
    "3:4": "tall, like a page",
    "3:2": "wide, like a photo",
    "2:3": "tall, like a poster",
    "5:4": "a little wide",
    "4:5": "a little tall",
    "21:9": "very wide, like a film",
    "4:1": "a banner",
    "1:4": "a tall banner",
    "8:1": "a long banner",
    "1:8": "a long tall banner",
}


class Field(StrEnum):
    """Names of the fields, and their block_ids."""

    PROMPT = "prompt"
    CHANNEL = "channel"
    RATIO = "ratio"
    SIZE = "size"
    THINKING = "thinking"
    SEARCH = "search"
    COUNT = "count"
    MODEL = "model"
    FILES = "files"
    FOLLOW = "follow"


def form(
    name: actions.View, title: str, submit: str, blocks: list[Block], private: Mapping[str, str]
) -> Block:
    """Make a form. private: comes back with it; at most 3,000 characters as JSON."""
    return {
        "type": "modal",
        "callback_id": str(name),
        "title": plain(title, _LONGEST_TITLE),
        "submit": plain(submit, _LONGEST_TITLE),
        "close": plain("Cancel", _LONGEST_TITLE),
        "private_metadata": json.dumps(dict(private), ensure_ascii=False),
        "blocks": blocks,
    }


def entry(
    name: Field,
    label: str,
    element: Block,
    *,
    hint: str = "",
    optional: bool = False,
    tells: bool = False,
) -> Block:
    """Make a field. tells: we hear of each change, by ``Action.PRICE``."""
    block: Block = {"type": "input", "block_id": str(name), "label": plain(label)}
    if hint:
        block["hint"] = plain(hint)
    if optional:
        block["optional"] = True
    action = element.get("action_id", str(name))
    if tells:
        block["dispatch_action"] = True
        action = f"{Action.PRICE}:{action}"
    return block | {"element": element | {"action_id": action}}


def menu(
    choices: Mapping[str, str],
    chosen: str | None,
    *,
    unsaid: str = "",
    action: str = "",
    placeholder: str = "",
) -> Block:
    """Make a menu. choices: labels by value.

    unsaid: the label of a first choice that says nothing, chosen when no other is; "" for none.
    """
    offered = ({_UNSAID: unsaid} if unsaid else {}) | dict(choices)
    options = {
        value: {"text": plain(label, _LONGEST_LABEL), "value": value}
        for value, label in offered.items()
    }
    made: Block = {"type": "static_select", "options": list(options.values())}
    if initial := options.get(chosen or _UNSAID) or options.get(_UNSAID):
        made["initial_option"] = initial
    if action:
        made["action_id"] = action
    if placeholder:
        made["placeholder"] = plain(placeholder, _LONGEST_PLACEHOLDER)
    return made


def ratio(
    profile: ModelProfile, chosen: str | None, unsaid: str = "", *, without: str = ""
) -> Block:
    """Make the field of the shape. without: a ratio that is not offered."""
    choices = {
        ratio: f"{ratio}  {shape}"
        for ratio, shape in _SHAPES.items()
        if ratio in profile.ratios and ratio != without
    }
    action = _of_model(Field.RATIO, profile)
    element = menu(choices, chosen, unsaid=unsaid, action=action, placeholder="Choose a shape")
    return entry(Field.RATIO, "Shape", element)


def size(profile: ModelProfile, chosen: str | None, unsaid: str, *, tells: bool = False) -> Block:
    """Make the field of the size."""
    action = _of_model(Field.SIZE, profile)
    element = menu({size: size for size in profile.sizes}, chosen, unsaid=unsaid, action=action)
    return entry(Field.SIZE, "Size", element, tells=tells)


def thinking(profile: ModelProfile, chosen: str | None, unsaid: str) -> Block:
    """Make the field of how long to think."""
    labels = {"minimal": "Minimal: quick", "medium": "Medium", "high": "High: careful, slower"}
    choices: dict[str, str] = {level: labels[level] for level in profile.thinking}
    action = _of_model(Field.THINKING, profile)
    return entry(Field.THINKING, "Thinking", menu(choices, chosen, unsaid=unsaid, action=action))


def search(profile: ModelProfile, options: GenerationOptions) -> Block:
    """Make the field of what to look for on the web first."""
    choices = {}
    if profile.web_search:
        choices["web"] = "Facts from the web"
    if profile.image_search:
        choices["images"] = "Facts and pictures from the web"
    chosen = "images" if options.image_search else "web" if options.web_search else None
    action = _of_model(Field.SEARCH, profile)
    element = menu(choices, chosen, unsaid="No search", action=action)
    return entry(Field.SEARCH, "Look it up first", element, tells=True)


def entered(view: View, name: Field) -> str:
    """Read a text, an id or a choice; "" when there is none."""
    value = _found(view, name)
    return value if isinstance(value, str) and value != _UNSAID else ""


def files_in(view: View) -> tuple[SlackFile, ...]:
    """Read the files."""
    found = _found(view, Field.FILES)
    return found if isinstance(found, tuple) else ()


def options_in(view: View) -> GenerationOptions:
    """Read all options that a form has; what it does not have was not said."""
    sought, count = entered(view, Field.SEARCH), entered(view, Field.COUNT)
    return GenerationOptions(
        aspect_ratio=entered(view, Field.RATIO) or None,
        image_size=entered(view, Field.SIZE) or None,
        thinking=cast("Thinking | None", entered(view, Field.THINKING) or None),
        model=entered(view, Field.MODEL) or None,
        count=int(count) if count.isdecimal() else None,
        web_search=True if sought else None,
        image_search=True if sought == "images" else None,
    )


def _found(view: View, name: Field) -> object:
    """Find what stands in a field, by the name in its action_id."""
    entries: Iterable[tuple[str, object]] = view.values.items()
    for action, value in entries:
        if action.removeprefix(f"{Action.PRICE}:").partition(":")[0] == name:
            return value
    return None


def _of_model(name: Field, profile: ModelProfile) -> str:
    return f"{name}:{profile.id[:_LONGEST_ID]}"
