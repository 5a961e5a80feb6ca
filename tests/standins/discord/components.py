"""What Discord refuses in the components of messages and forms, and what it stores of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.standins.discord.values import Json, invalid

ROW, BUTTON, SELECT, TEXT_INPUT, SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR = (
    1, 2, 3, 4, 9, 10, 11, 12, 13, 14,
)  # fmt: skip
CONTAINER, LABEL, UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 17, 18, 19, 21, 22, 23
SELECTS = {3, 5, 6, 7, 8}
_TOP_V2 = {ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER}
_FILE_LINK = re.compile(r"/cdn/attachments/\d+/(\d+)/")

_SELECT_FIELDS = {
    "custom_id", "options", "placeholder", "min_values", "max_values", "disabled",
    "channel_types", "default_values", "required",
}  # fmt: skip
FIELDS: dict[int, set[str]] = {
    ROW: {"components"},
    BUTTON: {"style", "label", "emoji", "custom_id", "sku_id", "url", "disabled"},
    SECTION: {"components", "accessory"},
    TEXT: {"content"},
    THUMBNAIL: {"media", "description", "spoiler"},
    GALLERY: {"items"},
    FILE: {"file", "spoiler", "name", "size"},
    SEPARATOR: {"divider", "spacing"},
    CONTAINER: {"components", "accent_color", "spoiler"},
    **dict.fromkeys(SELECTS, _SELECT_FIELDS),
    TEXT_INPUT: {
        "custom_id", "style", "label", "min_length", "max_length", "required", "value",
        "placeholder",
    },
    LABEL: {"label", "description", "component"},
    UPLOAD: {"custom_id", "min_values", "max_values", "required", "file_types"},
    RADIO: {"custom_id", "options", "required"},
    CHECKBOXES: {"custom_id", "options", "min_values", "max_values", "required"},
    CHECKBOX: {"custom_id", "default"},
}  # fmt: skip


@dataclass(slots=True)
class Survey:
    """What is noted while the components of one message or form are walked through.

    files: name -> id of what ``attachment://`` may mean. used: ids of the files that are shown.
    """

    complain: Callable[[str], None]
    files: dict[str, str] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    custom_ids: list[str] = field(default_factory=list)
    ids: set[int] = field(default_factory=set)
    count: int = 0
    text: list[str] = field(default_factory=list)


Check: TypeAlias = Callable[[Json, str, Survey], None]


def checked_message(components: object, *, v2: bool, survey: Survey) -> list[Json]:
    """Check the components of a message; return them as they are stored, each with an id."""
    made = _list(components, "components", 40, least=0)
    allowed = _TOP_V2 if v2 else {ROW}
    if not v2 and len(made) > 5:
        raise invalid("components", "Must be between 1 and 5 in length.")
    for index, component in enumerate(made):
        check(component, f"components.{index}", survey, allowed)
    if survey.count > 40:
        raise invalid("components", "The total number of components is more than 40.")
    if sum(map(len, survey.text)) > 4000:
        raise invalid("components", "The text of all text displays exceeds 4000 characters.")
    number(made)
    return made


def number(components: list[Json]) -> None:
    """Give ids to components that have none, in the order in which they are shown."""
    taken = {component["id"] for component in _walk(components) if component.get("id")}
    free = iter(one for one in range(1, 1000) if one not in taken)
    for component in _walk(components):
        if not component.get("id"):
            component["id"] = next(free)


def _walk(components: list[Json]) -> list[Json]:
    found = []
    for component in components:
        found.append(component)
        found += _walk(component.get("components", []))
        for name in ("accessory", "component"):
            found += _walk([component[name]]) if name in component else []
    return found


def find(components: list[Json], prefix: str) -> Json | None:
    """Find the control whose custom_id begins so."""
    for component in _walk(components):
        if str(component.get("custom_id", "")).startswith(prefix) and "custom_id" in component:
            return component
    return None


def custom_ids(components: list[Json]) -> list[str]:
    """List all custom_ids."""
    return [str(one["custom_id"]) for one in _walk(components) if "custom_id" in one]


def check(component: object, path: str, survey: Survey, allowed: set[int]) -> None:
    """Check one component, which must be of one of these types."""
    if not isinstance(component, dict) or component.get("type") not in allowed:
        kind = component.get("type") if isinstance(component, dict) else component
        raise invalid(path, f"Value of field 'type' must be one of {sorted(allowed)}, not {kind}.")
    kind = component["type"]
    if unknown := set(component) - FIELDS[kind] - {"type", "id"}:
        survey.complain(f"{path}: a component {kind} has no {sorted(unknown)}")
    survey.count += 1
    if number := component.get("id"):
        if number in survey.ids:
            raise invalid(f"{path}.id", "Component id cannot be duplicated")
        survey.ids.add(number)
    if "custom_id" in component:
        _custom_id(component["custom_id"], path, survey)
    CHECKS[kind](component, path, survey)


def text(component: Json, name: str, most: int, path: str, *, least: int = 0) -> str:
    """Check a string field; "" when it is missing and may be."""
    value = component.get(name)
    if value is None and not least:
        return ""
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise invalid(f"{path}.{name}", f"Must be between {least} and {most} in length.")
    return value


def whole(component: Json, name: str, least: int, most: int, path: str) -> None:
    """Check a number field, which may be missing."""
    value = component.get(name)
    if value is not None and (not isinstance(value, int) or not least <= value <= most):
        raise invalid(f"{path}.{name}", f"int value should be between {least} and {most}.")


def _custom_id(value: object, path: str, survey: Survey) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= 100:
        raise invalid(f"{path}.custom_id", "Must be between 1 and 100 in length.")
    if value in survey.custom_ids:
        raise invalid(f"{path}.custom_id", "Component custom id cannot be duplicated")
    survey.custom_ids.append(value)


def _list(value: object, path: str, most: int, *, least: int = 1) -> list[Json]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise invalid(path, f"Must be between {least} and {most} in length.")
    return value


def _needs_custom_id(component: Json, path: str) -> None:
    if "custom_id" not in component:
        raise invalid(f"{path}.custom_id", "This field is required")


def _row(component: Json, path: str, survey: Survey) -> None:
    children = _list(component.get("components"), f"{path}.components", 5)
    for index, child in enumerate(children):
        check(child, f"{path}.components.{index}", survey, {BUTTON} | SELECTS)
    if any(child["type"] in SELECTS for child in children) and len(children) > 1:
        raise invalid(f"{path}.components", "The specified component exceeds the maximum width")


def _button(component: Json, path: str, survey: Survey) -> None:
    style = component.get("style")
    if style not in {1, 2, 3, 4, 5, 6}:
        raise invalid(f"{path}.style", "Value must be one of {1, 2, 3, 4, 5, 6}.")
    text(component, "label", 80, path)
    wanted = {5: "url", 6: "sku_id"}.get(style, "custom_id")
    for name in ("url", "sku_id", "custom_id"):
        if (name in component) != (name == wanted):
            raise invalid(f"{path}.{name}", f"A button of style {style} needs {wanted} only")
    if style == 5:
        text(component, "url", 512, path, least=1)
        if not re.match(r"(https?|discord)://", component["url"]):
            raise invalid(f"{path}.url", "Scheme must be one of ('http', 'https', 'discord').")
    if style != 6 and not component.get("label") and not component.get("emoji"):
        raise invalid(path, "A button needs a label or an emoji")


def options(component: Json, path: str, *, least: int, most: int) -> list[Json]:
    """Check the options of a select, a radio group or a checkbox group."""
    found = _list(component.get("options"), f"{path}.options", most, least=least)
    for index, option in enumerate(found):
        at = f"{path}.options.{index}"
        text(option, "label", 100, at, least=1)
        text(option, "value", 100, at, least=1)
        text(option, "description", 100, at)
    values = [option["value"] for option in found]
    if len(set(values)) != len(values):
        raise invalid(f"{path}.options", "The specified option value is already used")
    return found


def _select(component: Json, path: str, survey: Survey) -> None:
    _needs_custom_id(component, path)
    text(component, "placeholder", 150, path)
    whole(component, "min_values", 0, 25, path)
    whole(component, "max_values", 1, 25, path)
    if component["type"] == SELECT:
        found = options(component, path, least=1, most=25)
        chosen = [option for option in found if option.get("default")]
        if len(chosen) > (component.get("max_values") or 1):
            raise invalid(f"{path}.options", "More options are default than may be chosen")
        if (component.get("max_values") or 1) > len(found):
            raise invalid(f"{path}.max_values", "Must not be more than there are options")


def _section(component: Json, path: str, survey: Survey) -> None:
    for index, child in enumerate(_list(component.get("components"), f"{path}.components", 3)):
        check(child, f"{path}.components.{index}", survey, {TEXT})
    check(component.get("accessory"), f"{path}.accessory", survey, {BUTTON, THUMBNAIL})


def _text_display(component: Json, path: str, survey: Survey) -> None:
    content = text(component, "content", 4000, path, least=1)
    if not content.strip():
        raise invalid(f"{path}.content", "This field is required")
    survey.text.append(content)


def _media(holder: Json, name: str, path: str, survey: Survey, *, only_own: bool = False) -> None:
    media = holder.get(name)
    if not isinstance(media, dict) or not isinstance(media.get("url"), str):
        raise invalid(f"{path}.{name}", "This field is required")
    url = media["url"]
    kept = _FILE_LINK.search(url)
    if url.startswith("attachment://"):
        found = survey.files.get(url.removeprefix("attachment://"))
        if found is None:
            raise invalid(f"{path}.{name}.url", f"The referenced attachment {url} was not found")
    elif kept and kept[1] in survey.files.values():
        found = kept[1]
    elif only_own or not re.match(r"https?://", url):
        raise invalid(f"{path}.{name}.url", "Not a well formed URL.")
    else:
        holder[name] = {"url": url, "proxy_url": url}
        return
    survey.used.append(found)
    holder[name] = {"url": url, "attachment_id": found}


def _thumbnail(component: Json, path: str, survey: Survey) -> None:
    text(component, "description", 1024, path)
    _media(component, "media", path, survey)


def _gallery(component: Json, path: str, survey: Survey) -> None:
    for index, item in enumerate(_list(component.get("items"), f"{path}.items", 10)):
        at = f"{path}.items.{index}"
        if unknown := set(item) - {"media", "description", "spoiler"}:
            survey.complain(f"{at}: no such field: {sorted(unknown)}")
        text(item, "description", 1024, at)
        _media(item, "media", at, survey)


def _file(component: Json, path: str, survey: Survey) -> None:
    _media(component, "file", path, survey, only_own=True)


def _separator(component: Json, path: str, survey: Survey) -> None:
    whole(component, "spacing", 1, 2, path)


def _container(component: Json, path: str, survey: Survey) -> None:
    whole(component, "accent_color", 0, 0xFFFFFF, path)
    children = _list(component.get("components"), f"{path}.components", 40)
    for index, child in enumerate(children):
        check(child, f"{path}.components.{index}", survey, _TOP_V2 - {CONTAINER})


CHECKS: dict[int, Check] = {
    ROW: _row,
    BUTTON: _button,
    **dict.fromkeys(SELECTS, _select),
    SECTION: _section,
    TEXT: _text_display,
    THUMBNAIL: _thumbnail,
    GALLERY: _gallery,
    FILE: _file,
    SEPARATOR: _separator,
    CONTAINER: _container,
}


def copied(components: object) -> object:
    """Copy what was sent, so that checks may change it."""
    return deepcopy(components)
