"""What Slack's own client does with controls: values of inputs, and the actions of clicks."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tests.standins.slack.blocks import interactive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.standins.slack.values import Json, SlackFile

_RESULT = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "overflow": ("selected_option", ""),
    "multi_static_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "channels_select": ("selected_channel", "initial_channel"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "datepicker": ("selected_date", "initial_date"),
    "file_input": ("files", ""),
}
"""Type of an input: the name of its value in ``state``, and of its preset in the blocks."""


def find_control(blocks: list[Json], action_id: str, value: str | None) -> tuple[Json, Json]:
    """Find the block and the control that a person uses; the test fails when there is none."""
    seen = []
    for block in blocks:
        for element in interactive(block):
            seen.append(f"{element['action_id']}={element.get('value')}")
            fits = element["type"] != "button" or value in {None, element.get("value")}
            if element["action_id"] == action_id and fits:
                return block, element
    raise AssertionError(f"there is no {action_id} {value or ''} to click; there are {seen}")


def action(block: Json, element: Json, value: str | None) -> Json:
    """Return the entry of ``actions`` for a click; value chooses an option by its value."""
    kept = {"action_id", "type", "text", "value", "style"}
    named: Json = {name: item for name, item in element.items() if name in kept}
    if element["type"] != "button" and value is not None:
        named |= _state(element, value)
    return {**named, "block_id": block["block_id"]}


def state_values(
    view: Json, values: Mapping[str, object], upload: Callable[[SlackFile], Json]
) -> Json:
    """Return ``state.values`` of a view as it is submitted with these values.

    values: by action_id or block_id; option values for selects, ids for people and conversations,
    lists for several, SlackFile lists for file inputs. The test fails for names that no input has,
    and for what Slack's client would not let a person submit.
    """
    left = dict(values)
    state: Json = deepcopy(view["state"]["values"])
    for block in view["blocks"]:
        for element in interactive(block):
            if element["type"] not in _RESULT:
                continue
            given = [
                left.pop(name) for name in {element["action_id"], block["block_id"]} & set(left)
            ]
            place = state.setdefault(block["block_id"], {})
            kept = place.get(element["action_id"])
            if given and element["type"] == "file_input":
                files = [upload(file) for file in _list(given[0])]
                place[element["action_id"]] = {"type": "file_input", "files": files}
            elif given or kept is None:
                place[element["action_id"]] = _state(element, given[0] if given else None)
            if block["type"] == "input":
                _allowed(block, element, place[element["action_id"]])
    if left:
        raise AssertionError(f"the form has no {sorted(left)}")
    return state


def _state(element: Json, given: object) -> Json:
    kind = element["type"]
    name, preset = _RESULT[kind]
    if given is None:
        several = name.endswith("s")
        found = element.get(preset, [] if several else None)
    elif name == "selected_option":
        found = _option(element, given)
    elif name == "selected_options":
        found = [_option(element, value) for value in _list(given)]
    else:
        found = given
    return {"type": kind, name: found}


def _option(element: Json, value: object) -> Json:
    groups = [element, *element.get("option_groups", [])]
    options = [option for group in groups for option in group.get("options", [])]
    for option in options:
        if option["value"] == value:
            return dict(option)
    offered = [option["value"] for option in options]
    raise AssertionError(f"{element['action_id']} does not offer {value!r}, but {offered}")


def _allowed(block: Json, element: Json, state: Json) -> None:
    """Fail where Slack's client keeps the form open: empty, too long, wrong or too many files."""
    found = state[_RESULT[element["type"]][0]]
    name = element["action_id"]
    if not found:
        if not block.get("optional"):
            raise AssertionError(f"the form needs {name}")
        return
    if element["type"] == "plain_text_input":
        if not element.get("min_length", 0) <= len(found) <= element.get("max_length", 3000):
            raise AssertionError(f"{name} takes {element} characters, not {len(found)}")
    elif element["type"] == "file_input":
        kinds = element.get("filetypes", [])
        for file in found:
            if kinds and file["filetype"] not in kinds:
                raise AssertionError(f"{name} takes {kinds}, not {file['name']}")
        if len(found) > element.get("max_files", 10):
            raise AssertionError(f"{name} takes {element.get('max_files', 10)} files")


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
