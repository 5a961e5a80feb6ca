"""Forms (modals): what Discord refuses in them, and what a person puts in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.standins.discord.components import (
    CHECKBOX,
    CHECKBOXES,
    CHECKS,
    LABEL,
    RADIO,
    ROW,
    SELECT,
    SELECTS,
    TEXT,
    TEXT_INPUT,
    UPLOAD,
    Survey,
    check,
    copied,
    number,
    options,
    text,
    whole,
)
from tests.standins.discord.values import DiscordFile, Json, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.standins.discord.world import Attachment

_IN_LABEL = {TEXT_INPUT, UPLOAD, RADIO, CHECKBOXES, CHECKBOX} | SELECTS


def checked_modal(data: Json, complain: Callable[[str], None]) -> Json:
    """Check a form; return it as people get it."""
    if unknown := set(data) - {"custom_id", "title", "components"}:
        complain(f"a form has no {sorted(unknown)}")
    text(data, "custom_id", 100, "data", least=1)
    text(data, "title", 45, "data", least=1)
    components = copied(data.get("components"))
    if not isinstance(components, list) or not 1 <= len(components) <= 5:
        raise invalid("data.components", "Must be between 1 and 5 in length.")
    survey = Survey(complain)
    for index, component in enumerate(components):
        path = f"data.components.{index}"
        if component.get("type") == ROW:
            _old_row(component, path, survey)
        else:
            check(component, path, survey, {LABEL, TEXT})
    number(components)
    return {"custom_id": data["custom_id"], "title": data["title"], "components": components}


def _old_row(component: Json, path: str, survey: Survey) -> None:
    children = component.get("components") or []
    if len(children) != 1 or children[0].get("type") != TEXT_INPUT:
        raise invalid(f"{path}.components", "A row of a form holds one text input")
    text(children[0], "label", 45, f"{path}.components.0", least=1)
    check(children[0], f"{path}.components.0", survey, {TEXT_INPUT})


def _label(component: Json, path: str, survey: Survey) -> None:
    text(component, "label", 45, path, least=1)
    text(component, "description", 100, path)
    inner = component.get("component")
    check(inner, f"{path}.component", survey, _IN_LABEL)
    if isinstance(inner, dict) and inner["type"] == TEXT_INPUT and inner.get("label"):
        raise invalid(f"{path}.component.label", "Not allowed inside a label")
    if isinstance(inner, dict) and inner.get("disabled"):
        raise invalid(f"{path}.component.disabled", "Not allowed in a form")


def _text_input(component: Json, path: str, survey: Survey) -> None:
    text(component, "custom_id", 100, path, least=1)
    if component.get("style") not in {1, 2}:
        raise invalid(f"{path}.style", "Value must be one of {1, 2}.")
    whole(component, "min_length", 0, 4000, path)
    whole(component, "max_length", 1, 4000, path)
    text(component, "placeholder", 100, path)
    value = text(component, "value", 4000, path)
    if len(value) > (component.get("max_length") or 4000):
        raise invalid(f"{path}.value", "Must be no longer than max_length")


def _upload(component: Json, path: str, survey: Survey) -> None:
    text(component, "custom_id", 100, path, least=1)
    whole(component, "min_values", 0, 10, path)
    whole(component, "max_values", 1, 10, path)
    if len(component.get("file_types") or ()) > 10:
        raise invalid(f"{path}.file_types", "Must be 10 or fewer in length.")


def _radio(component: Json, path: str, survey: Survey) -> None:
    text(component, "custom_id", 100, path, least=1)
    found = options(component, path, least=2, most=10)
    if sum(bool(option.get("default")) for option in found) > 1:
        raise invalid(f"{path}.options", "Only one option can be default")


def _checkboxes(component: Json, path: str, survey: Survey) -> None:
    text(component, "custom_id", 100, path, least=1)
    options(component, path, least=1, most=10)


def _checkbox(component: Json, path: str, survey: Survey) -> None:
    text(component, "custom_id", 100, path, least=1)


CHECKS |= {
    LABEL: _label,
    TEXT_INPUT: _text_input,
    UPLOAD: _upload,
    RADIO: _radio,
    CHECKBOXES: _checkboxes,
    CHECKBOX: _checkbox,
}


# --- filling in ----------------------------------------------------------------------------------


def filled(
    modal: Json, values: Mapping[str, Any], keep: Callable[[DiscordFile], Attachment]
) -> tuple[list[Json], list[Attachment]]:
    """Return the components of a submission and the uploaded files.

    values: by custom_id; what is not named stays as the form offered it. AssertionError where
    Discord's client would keep the form open.
    """
    files: list[Attachment] = []
    sent, known = [], set()
    for component in modal["components"]:
        if component["type"] == TEXT:
            sent.append({"type": TEXT, "id": component["id"]})
            continue
        inner = component.get("component") or component["components"][0]
        known.add(inner["custom_id"])
        value = _value(inner, values, keep, files)
        answer = {
            "type": inner["type"],
            "id": inner["id"],
            "custom_id": inner["custom_id"],
            **value,
        }
        holder: Json = {"type": component["type"], "id": component["id"]}
        inside: Json = (
            {"components": [answer]} if component["type"] == ROW else {"component": answer}
        )
        sent.append(holder | inside)
    if unknown := set(values) - known:
        raise AssertionError(f"the form has no field {sorted(unknown)}")
    return sent, files


def _value(
    field: Json,
    values: Mapping[str, Any],
    keep: Callable[[DiscordFile], Attachment],
    files: list[Attachment],
) -> Json:
    kind, name = field["type"], field["custom_id"]
    if kind == TEXT_INPUT:
        return {"value": _typed(field, str(values.get(name, field.get("value") or "")))}
    if kind == CHECKBOX:
        return {"value": bool(values.get(name, field.get("default", False)))}
    if kind == RADIO:
        return {"value": _ticked(field, values)}
    chosen = values.get(name, _defaults(field))
    chosen = list(chosen) if isinstance(chosen, list | tuple) else [chosen]
    _counted(field, len(chosen))
    if kind == UPLOAD:
        kept = [keep(file) for file in chosen]
        files += kept
        return {"values": [file.id for file in kept]}
    if kind in {SELECT, CHECKBOXES}:
        _offered(field, chosen)
    return {"values": chosen}


def _typed(field: Json, words: str) -> str:
    if not words and field.get("required", True):
        raise AssertionError(f"the field {field['custom_id']} is required")
    least = (field.get("min_length") or 0) if words else 0
    most = field.get("max_length") or 4000
    if not least <= len(words) <= most:
        raise AssertionError(f"the field {field['custom_id']} takes {least} to {most} characters")
    return words


def _ticked(field: Json, values: Mapping[str, Any]) -> str | None:
    chosen: str | None = values.get(field["custom_id"], next(iter(_defaults(field)), None))
    if chosen is None and field.get("required", True):
        raise AssertionError(f"the field {field['custom_id']} is required")
    _offered(field, [] if chosen is None else [chosen])
    return chosen


def _defaults(field: Json) -> list[str]:
    return [option["value"] for option in field.get("options", ()) if option.get("default")]


def _offered(field: Json, chosen: list[Any]) -> None:
    offered = [option["value"] for option in field["options"]]
    if unknown := [value for value in chosen if value not in offered]:
        raise AssertionError(f"{unknown} is no option of {field['custom_id']}")


def _counted(field: Json, count: int) -> None:
    bounds = [field.get(name) for name in ("min_values", "max_values")]
    least, most = (1 if bound is None else bound for bound in bounds)
    if count == 0 and not field.get("required", True):
        return
    if not least <= count <= most:
        raise AssertionError(f"the field {field['custom_id']} takes {least} to {most}, not {count}")
