"""Block Kit: refuses what Slack refuses in blocks, modals and home tabs.

Known: the blocks and elements of the tables below. Others of Slack's (video, table, card, ...) are
refused too, until somebody needs them and adds their rules.
"""

from __future__ import annotations

import itertools
from copy import deepcopy
from typing import TYPE_CHECKING

from tests.standins.slack.checks import (
    Check,
    Fields,
    Survey,
    anything,
    array,
    boolean,
    check_fields,
    integer,
    kind_of,
    one_of,
    record,
    string,
    text,
)
from tests.standins.slack.values import Json, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

_IMAGE_TYPES = {"image/png", "image/jpeg", "image/gif"}
_MARKDOWN_CHARS = 12_000
_MOST = {"message": 50, "modal": 100, "home": 100}
_numbers = itertools.count(1)


def check_blocks(blocks: list[object], survey: Survey, path: str = "/blocks") -> None:
    """Note every fault of a list of blocks in the survey."""
    if len(blocks) > _MOST[survey.surface]:
        survey.fault(f"no more than {_MOST[survey.surface]} items allowed", path)
    for index, block in enumerate(blocks):
        _block(block, f"{path}/{index}", survey)


def check_view(view: Json, kind: str, survey: Survey) -> None:
    """Note every fault of a modal or home tab in the survey."""
    fields = {**_VIEW, **(_MODAL if kind == "modal" else {})}
    if view.get("type") != kind:
        survey.fault(f"must be {kind}", "/view/type")
    check_fields(view, fields, "/view", survey)
    blocks = view.get("blocks")
    inputs = isinstance(blocks, list) and any(kind_of(block) == "input" for block in blocks)
    if kind == "modal" and inputs and "submit" not in view:
        survey.fault("missing required field: submit, as there are inputs", "/view")


def refuse(survey: Survey) -> None:
    """Raise what Slack answers when the survey has faults."""
    if survey.errors:
        error = "invalid_blocks" if survey.surface == "message" else "invalid_arguments"
        raise Refused(error, *survey.errors)


def with_ids(blocks: list[Json]) -> list[Json]:
    """Copy blocks and give ids to blocks and elements without one, as Slack does."""
    named = deepcopy(blocks)
    for block in named:
        block.setdefault("block_id", f"b{next(_numbers)}")
        for element in interactive(block):
            element.setdefault("action_id", f"a{next(_numbers)}")
    return named


def interactive(block: Json) -> list[Json]:
    """List the elements of a block that a person can use."""
    if block["type"] in {"actions", "context_actions"}:
        return list(block["elements"])
    found = [block[name] for name in ("accessory", "element") if name in block]
    return [element for element in found if element["type"] != "image"]


# --- what needs more than one field -------------------------------------------------------------


def _elements(*kinds: str) -> Check:
    def check(value: object, path: str, survey: Survey) -> None:
        kind = kind_of(value)
        if kind not in kinds:
            return survey.fault(f"unsupported type: {kind}", path)
        if kind in {"plain_text", "mrkdwn"}:
            return text(3000, kind)(value, path, survey)
        if kind == "file_input" and survey.surface != "modal":
            survey.fault("file_input is for modals only", path)
        check_fields(value, ELEMENTS[kind], path, survey)
        return _cross_check(value, path, survey)

    return check


def _cross_check(element: object, path: str, survey: Survey) -> None:
    if not isinstance(element, dict):
        return
    options = element.get("options") or [
        option
        for group in element.get("option_groups") or []
        if isinstance(group, dict)
        for option in group.get("options", [])
    ]
    chosen = element.get("initial_options") or [element.get("initial_option")]
    if any(choice is not None and choice not in options for choice in chosen):
        survey.fault("initial option is none of the options", path)
    if element["type"].endswith("static_select") and ("options" in element) == (
        "option_groups" in element
    ):
        survey.fault("needs options or option_groups", path)
    if element["type"] == "image":
        _one_picture(element, path, survey)


def _one_picture(holder: Json, path: str, survey: Survey) -> None:
    if ("image_url" in holder) == ("slack_file" in holder):
        survey.fault("needs either image_url or slack_file", path)


def _slack_file(value: object, path: str, survey: Survey) -> None:
    check_fields(value, {"id": string(255, 1), "url": string(3000, 1)}, path, survey)
    if isinstance(value, dict):
        if ("id" in value) == ("url" in value):
            survey.fault("needs either id or url", path)
        elif why := survey.usable_file(value):
            survey.fault(f"invalid slack file: {why}", path)


def usable_mimetype(mimetype: str) -> bool:
    """Tell whether an image block can show a file of this type."""
    return mimetype in _IMAGE_TYPES


def _action_id(value: object, path: str, survey: Survey) -> None:
    string(255, 1)(value, path, survey)
    if str(value) in survey.action_ids:
        survey.fault(f"action_id already exists: {value}", path)
    survey.action_ids.add(str(value))


def _focus(value: object, path: str, survey: Survey) -> None:
    survey.focused += bool(value)
    if survey.focused > 1:
        survey.fault("only one element can have the focus", path)


def _block(block: object, path: str, survey: Survey) -> None:
    kind = kind_of(block)
    if not isinstance(block, dict) or kind not in BLOCKS:
        return survey.fault(f"unsupported type: {kind}", path)
    if kind == "markdown" and survey.surface != "message":
        survey.fault("markdown is for messages only", path)
    block_id = block.get("block_id")
    if block_id is not None and block_id in survey.block_ids:
        survey.fault(f"block_id already exists: {block_id}", path)
    survey.block_ids.add(str(block_id))
    survey.action_ids.clear()
    check_fields(block, {**BLOCKS[kind], "block_id": string(255, 1)}, path, survey)
    if kind == "section" and not {"text", "fields"} & set(block):
        survey.fault("missing required field: text or fields", path)
    if kind == "image":
        _one_picture(block, path, survey)
    return None


def _markdown(value: object, path: str, survey: Survey) -> None:
    string(_MARKDOWN_CHARS, 1)(value, path, survey)
    survey.markdown += len(str(value))
    if survey.markdown > _MARKDOWN_CHARS:
        survey.fault(f"all markdown together exceeds {_MARKDOWN_CHARS} characters", path)


def _rich(value: object, path: str, survey: Survey) -> None:
    kind = kind_of(value)
    if not isinstance(value, dict) or kind not in RICH:
        return survey.fault(f"unsupported type: {kind}", path)
    return check_fields(value, RICH[kind], path, survey)


# --- the tables ----------------------------------------------------------------------------------

_TEXTS = ("plain_text", "mrkdwn")
_STYLE = one_of("primary", "danger")
_CONFIRM = record(
    title_required=text(100),
    text_required=text(300, *_TEXTS),
    confirm_required=text(30),
    deny_required=text(30),
    style=_STYLE,
)
_OPTION = record(
    text_required=text(75, *_TEXTS),
    value_required=string(150, 1),
    description=text(75, *_TEXTS),
    url=string(3000),
)
_GROUP = record(label_required=text(75), options_required=array(_OPTION, 100))
_ID: Fields = {"action_id": _action_id}
_USED: Fields = {**_ID, "focus_on_load": _focus, "confirm": _CONFIRM}
_PLACED: Fields = {**_USED, "placeholder": text(150)}
_CHOICES: Fields = {"options": array(_OPTION, 100), "option_groups": array(_GROUP, 100)}
_SEVERAL: Fields = {"max_selected_items": integer(1, 100)}
_DISPATCH = record(trigger_actions_on=array(one_of("on_enter_pressed", "on_character_entered"), 2))
_TYPED: Fields = {
    **_ID,
    "focus_on_load": _focus,
    "placeholder": text(150),
    "dispatch_action_config": _DISPATCH,
}
_FILTER = record(
    include=array(one_of("im", "mpim", "private", "public"), 4),
    exclude_external_shared_channels=boolean,
    exclude_bot_users=boolean,
)
_TALKS: Fields = {"default_to_current_conversation": boolean, "filter": _FILTER}
_PICTURE: Fields = {
    "alt_text*": string(2000, 1),
    "image_url": string(3000, 1, "^https?://"),
    "slack_file": _slack_file,
}
_FEEDBACK = record(
    text_required=text(75), value_required=string(2000), accessibility_label=string(75)
)
_NAME = string(255, 1)

ELEMENTS: Mapping[str, Fields] = {
    "button": {
        **_ID,
        "text*": text(75),
        "url": string(3000),
        "value": string(2000),
        "style": _STYLE,
        "confirm": _CONFIRM,
        "accessibility_label": string(75),
    },
    "image": _PICTURE,
    "overflow": {**_ID, "options*": array(_OPTION, 5), "confirm": _CONFIRM},
    "static_select": {**_PLACED, **_CHOICES, "initial_option": _OPTION},
    "multi_static_select": {
        **_PLACED,
        **_CHOICES,
        **_SEVERAL,
        "initial_options": array(_OPTION, 100),
    },
    "radio_buttons": {**_USED, "options*": array(_OPTION, 10), "initial_option": _OPTION},
    "checkboxes": {
        **_USED,
        "options*": array(_OPTION, 10),
        "initial_options": array(_OPTION, 10),
    },
    "conversations_select": {
        **_PLACED,
        **_TALKS,
        "initial_conversation": _NAME,
        "response_url_enabled": boolean,
    },
    "multi_conversations_select": {
        **_PLACED,
        **_TALKS,
        **_SEVERAL,
        "initial_conversations": array(_NAME, 100),
    },
    "channels_select": {**_PLACED, "initial_channel": _NAME, "response_url_enabled": boolean},
    "users_select": {**_PLACED, "initial_user": _NAME},
    "multi_users_select": {**_PLACED, **_SEVERAL, "initial_users": array(_NAME, 100)},
    "plain_text_input": {
        **_TYPED,
        "initial_value": string(3000),
        "multiline": boolean,
        "min_length": integer(0, 3000),
        "max_length": integer(1, 3000),
    },
    "number_input": {
        **_TYPED,
        "is_decimal_allowed*": boolean,
        "initial_value": string(50),
        "min_value": string(50),
        "max_value": string(50),
    },
    "file_input": {
        **_ID,
        "filetypes": array(string(20, 1), 100),
        "max_files": integer(1, 10),
    },
    "datepicker": {**_PLACED, "initial_date": string(10, 10)},
    "feedback_buttons": {**_ID, "positive_button*": _FEEDBACK, "negative_button*": _FEEDBACK},
    "icon_button": {
        **_ID,
        "icon*": one_of("trash"),
        "text*": text(75),
        "accessibility_label": string(75),
        "value": string(2000),
        "confirm": _CONFIRM,
    },
}
_ONE_CHOICE = ["static_select", "conversations_select", "channels_select", "users_select"]
_CHOOSERS = [*_ONE_CHOICE, "radio_buttons", "checkboxes", "datepicker"]
_MULTI = ["multi_static_select", "multi_conversations_select", "multi_users_select"]
_FIELDS_ONLY = ["plain_text_input", "number_input", "file_input"]

BLOCKS: Mapping[str, Fields] = {
    "section": {
        "text": text(3000, *_TEXTS),
        "fields": array(text(2000, *_TEXTS), 10),
        "accessory": _elements("button", "image", "overflow", *_CHOOSERS, *_MULTI),
        "expand": boolean,
    },
    "divider": {},
    "header": {"text*": text(150)},
    "context": {"elements*": array(_elements("image", *_TEXTS), 10)},
    "actions": {"elements*": array(_elements("button", "overflow", *_CHOOSERS), 25)},
    "context_actions": {"elements*": array(_elements("feedback_buttons", "icon_button"), 5)},
    "image": {**_PICTURE, "title": text(2000)},
    "markdown": {"text*": _markdown},
    "input": {
        "label*": text(2000),
        "element*": _elements(*_FIELDS_ONLY, *_CHOOSERS, *_MULTI),
        "hint": text(2000),
        "optional": boolean,
        "dispatch_action": boolean,
    },
    "rich_text": {"elements*": array(_rich, 1000)},
}
_RICH_LIST = array(_rich, 1000, 0)
_LOOK: Fields = {"style": anything}
RICH: Mapping[str, Fields] = {
    "rich_text_section": {"elements*": _RICH_LIST},
    "rich_text_quote": {"elements*": _RICH_LIST, "border": integer(0, 1)},
    "rich_text_preformatted": {"elements*": _RICH_LIST, "border": integer(0, 1)},
    "rich_text_list": {
        "elements*": _RICH_LIST,
        "style*": one_of("bullet", "ordered"),
        "indent": integer(0, 8),
        "offset": integer(0, 10_000),
        "border": integer(0, 1),
    },
    "text": {"text*": string(40_000, 1), **_LOOK},
    "link": {"url*": string(3000, 1), "text": string(40_000), "unsafe": boolean, **_LOOK},
    "emoji": {"name*": string(255, 1), "unicode": string(255), **_LOOK},
    "user": {"user_id*": _NAME, **_LOOK},
    "channel": {"channel_id*": _NAME, **_LOOK},
    "usergroup": {"usergroup_id*": _NAME, **_LOOK},
    "broadcast": {"range*": one_of("here", "channel", "everyone")},
    "date": {
        "timestamp*": integer(0, 10**10),
        "format*": string(255, 1),
        "fallback": string(255),
        "url": string(3000, 1),
        **_LOOK,
    },
}
_VIEW: Fields = {
    "blocks*": lambda value, path, survey: check_blocks(
        value if isinstance(value, list) else [value], survey, path
    ),
    "private_metadata": string(3000),
    "callback_id": string(255),
    "external_id": string(255),
}
_MODAL: Fields = {
    "title*": text(24),
    "submit": text(24),
    "close": text(24),
    "clear_on_close": boolean,
    "notify_on_close": boolean,
    "submit_disabled": boolean,
}
