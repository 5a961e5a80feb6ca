"""Forms about pictures: a change, a reference, another shape; and what was entered in them. Pure.

discord.py keeps open forms in memory only. So a form is a stopped modal that it does not keep at
all: whoever listens to interactions reads its custom_id and, with ``read``, the raw payload, which
works after a restart, too. A form has at most five fields; the rest is said by flags in the words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import discord
from discord import ui

from adapters.discord.actions import Form as FormName
from adapters.discord.actions import custom_id
from adapters.discord.blocks import fitting
from adapters.discord.text import units
from bot.options import MOST_PICTURES, GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bot.profiles import ModelProfile

LONGEST_PROMPT = 4_000
"""Characters that Discord's text field takes; a message to the bot may be longer."""
MOST_FILES = 10

_LONGEST_TITLE = 45
_LONGEST_LABEL = 45
_LONGEST_HINT = 100
_PROMPT, _RATIO, _SIZE, _COUNT, _FILES = "prompt", "ratio", "size", "count", "files"
_UNSAID = "unsaid"
_COUNTS = {str(count): f"{count} pictures" for count in range(2, MOST_PICTURES + 1)}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What stands in a form. attachments: ids, whose files stand in the payload's ``resolved``."""

    prompt: str = ""
    options: GenerationOptions = field(default_factory=GenerationOptions)
    attachments: tuple[str, ...] = ()


def edit(value: str, form: Form, *, profile: ModelProfile, price: str) -> ui.Modal:
    """Make the form for a change of a picture.

    value: says which picture; comes back in the custom_id, at most 80 characters without spaces.
    form: what stands in it at first. profile: of the model that the picture inherits. price: a
    sentence, "" for none.
    """
    return _modal(
        FormName.EDIT,
        value,
        "Edit image",
        _prompt("What should change?", "Make the sky darker and add a moon", form.prompt, price),
        *_options(form.options, profile, "As before"),
        _files("Pictures or documents to work with"),
    )


def use(value: str, form: Form, *, profile: ModelProfile, price: str) -> ui.Modal:
    """Make the form for a new picture that takes up another one; otherwise as ``edit``."""
    return _modal(
        FormName.USE,
        value,
        "Use as reference",
        _prompt("What would you like to see?", "The same fox as a watercolour", form.prompt, price),
        *_options(form.options, profile, "As usual"),
        _files("More pictures or documents"),
    )


def ratio(value: str, present: str | None, *, profile: ModelProfile, price: str) -> ui.Modal:
    """Make the form for another shape. present: the shape of the picture, if it is known."""
    shapes = {name: label for name, label in _shapes(profile).items() if name != present}
    chosen = _menu(_RATIO, shapes, None, placeholder="Choose a shape")
    return _modal(FormName.RATIO, value, "Another shape", _label("Shape", chosen, price))


def read(data: Mapping[str, Any]) -> Form:
    """Read what was entered in any of these forms. data: of the interaction, as Discord sent it.

    What a form does not have was not said; an attachment without a file is left out.
    """
    found = {str(part.get("custom_id")): part for part in _parts(data.get("components") or ())}
    files = (data.get("resolved") or {}).get("attachments") or {}
    count = _chosen(found, _COUNT)
    return Form(
        prompt=str(found.get(_PROMPT, {}).get("value") or "").strip(),
        options=GenerationOptions(
            aspect_ratio=_chosen(found, _RATIO) or None,
            image_size=_chosen(found, _SIZE) or None,
            count=int(count) if count in _COUNTS else None,
        ),
        attachments=tuple(
            str(file) for file in found.get(_FILES, {}).get("values") or () if str(file) in files
        ),
    )


def _parts(components: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """List the fields of a payload, out of their labels and rows."""
    for component in components:
        if "component" in component:
            yield component["component"]
        elif "components" in component:
            yield from component["components"]
        else:
            yield component


def _chosen(found: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Read a choice of a menu (a list) or of radio buttons (a word); "" for none."""
    part = found.get(name, {})
    values = part.get("values") or [part.get("value")]
    value = str(values[0] or "")
    return "" if value == _UNSAID else value


def _modal(name: FormName, value: str, title: str, *labels: ui.Label[ui.Modal]) -> ui.Modal:
    modal = ui.Modal(title=fitting(title, _LONGEST_TITLE), custom_id=custom_id(name, value))
    for label in labels:
        modal.add_item(label)
    modal.stop()
    return modal


def _options(
    options: GenerationOptions, profile: ModelProfile, unsaid: str
) -> list[ui.Label[ui.Modal]]:
    """Make the fields of the options, as far as the model has them."""
    shape = _menu(_RATIO, _shapes(profile), options.aspect_ratio, unsaid=unsaid)
    labels = [_label("Shape", shape)]
    if len(profile.sizes) > 1:
        sizes = {size: size for size in profile.sizes}
        size = _radio(_SIZE, sizes, options.image_size, unsaid=unsaid)
        labels.append(_label("Size", size))
    count = _radio(_COUNT, _COUNTS, str(options.count or ""), unsaid="1 picture")
    return [*labels, _label("How many", count)]


def _shapes(profile: ModelProfile) -> dict[str, str]:
    return {
        ratio: f"{ratio}  {shape}" for ratio, shape in _SHAPES.items() if ratio in profile.ratios
    }


def _prompt(label: str, example: str, text: str, price: str) -> ui.Label[ui.Modal]:
    entry: ui.TextInput[ui.Modal] = ui.TextInput(
        custom_id=_PROMPT,
        style=discord.TextStyle.paragraph,
        placeholder=example,
        default=_cut(text) or None,
        max_length=LONGEST_PROMPT,
    )
    return _label(label, entry, f"Flags such as --search work here, too. {price}")


def _files(label: str) -> ui.Label[ui.Modal]:
    upload: ui.FileUpload[ui.Modal] = ui.FileUpload(
        custom_id=_FILES, required=False, min_values=0, max_values=MOST_FILES
    )
    return _label(label, upload, "PNG, JPEG, WebP, GIF, HEIC or PDF")


def _label(text: str, component: ui.Item[ui.Modal], hint: str = "") -> ui.Label[ui.Modal]:
    return ui.Label(
        text=fitting(text, _LONGEST_LABEL),
        component=component,
        description=fitting(hint, _LONGEST_HINT) or None,
    )


def _menu(
    name: str,
    choices: Mapping[str, str],
    chosen: str | None,
    *,
    unsaid: str = "",
    placeholder: str = "",
) -> ui.Select[ui.Modal]:
    """Make a menu. choices: labels by value.

    unsaid: the label of a first choice that says nothing, chosen when no other is; "" for none.
    """
    offered = ({_UNSAID: unsaid} if unsaid else {}) | dict(choices)
    first = chosen if chosen in offered else _UNSAID
    options = [
        discord.SelectOption(label=label, value=value, default=value == first)
        for value, label in offered.items()
    ]
    return ui.Select(custom_id=name, options=options, placeholder=placeholder or None)


def _radio(
    name: str, choices: Mapping[str, str], chosen: str | None, *, unsaid: str
) -> ui.RadioGroup[ui.Modal]:
    """Make radio buttons, as ``_menu``; at most ten."""
    offered = {_UNSAID: unsaid} | dict(choices)
    first = chosen if chosen in offered else _UNSAID
    options = [
        discord.RadioGroupOption(label=label, value=value, default=value == first)
        for value, label in offered.items()
    ]
    return ui.RadioGroup(custom_id=name, options=options)


def _cut(text: str) -> str:
    """Cut a prompt to what the field takes, but keep it as it is otherwise."""
    while units(text) > LONGEST_PROMPT:
        text = text[: len(text) - (units(text) - LONGEST_PROMPT + 1) // 2]
    return text
