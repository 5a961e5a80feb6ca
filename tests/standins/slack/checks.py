"""The checks of single values that the tables of Block Kit are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tests.standins.slack.values import Json


@dataclass(slots=True)
class Survey:
    """What is noted while one message or view is walked through; usable_file answers by id/url."""

    surface: str
    usable_file: Callable[[Json], str]
    errors: list[str] = field(default_factory=list)
    block_ids: set[str] = field(default_factory=set)
    action_ids: set[str] = field(default_factory=set)
    markdown: int = 0
    focused: int = 0

    def fault(self, words: str, path: str) -> None:
        self.errors.append(f"{words} [json-pointer:{path}]")


Check: TypeAlias = Callable[[object, str, Survey], None]
Fields: TypeAlias = Mapping[str, Check]
"""Field names, with ``*`` when required, and what each must hold."""


def check_fields(value: object, fields: Fields, path: str, survey: Survey) -> None:
    if not isinstance(value, dict):
        return survey.fault("must be an object", path)
    known = {name.rstrip("*"): check for name, check in fields.items()}
    for name in fields:
        if name.endswith("*") and value.get(name[:-1]) is None:
            survey.fault(f"missing required field: {name[:-1]}", path)
    for name, item in value.items():
        if name in known:
            known[name](item, f"{path}/{name}", survey)
        elif name != "type":
            survey.fault(f"no such field: {name}", path)
    return None


def record(**fields: Check) -> Check:
    given = {name.replace("_required", "*"): check for name, check in fields.items()}
    return lambda value, path, survey: check_fields(value, given, path, survey)


def string(most: int, least: int = 0, pattern: str = "") -> Check:
    def check(value: object, path: str, survey: Survey) -> None:
        if not isinstance(value, str):
            survey.fault("must be a string", path)
        elif len(value) > most:
            survey.fault(f"must be less than {most + 1} characters", path)
        elif len(value) < least:
            survey.fault(f"must be more than {least - 1} characters", path)
        elif pattern and not re.search(pattern, value):
            survey.fault(f"must match {pattern}", path)

    return check


def text(most: int, *kinds: str) -> Check:
    allowed = kinds or ("plain_text",)

    def check(value: object, path: str, survey: Survey) -> None:
        if kind_of(value) not in allowed:
            return survey.fault(f"must be {' or '.join(allowed)}", path)
        extra: Fields = (
            {"emoji": boolean} if kind_of(value) == "plain_text" else {"verbatim": boolean}
        )
        return check_fields(value, {"text*": string(most, 1), **extra}, path, survey)

    return check


def boolean(value: object, path: str, survey: Survey) -> None:
    if not isinstance(value, bool):
        survey.fault("must be a boolean", path)


def integer(least: int, most: int) -> Check:
    def check(value: object, path: str, survey: Survey) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            survey.fault(f"must be an integer from {least} to {most}", path)

    return check


def one_of(*words: str) -> Check:
    def check(value: object, path: str, survey: Survey) -> None:
        if value not in words:
            survey.fault(f"must be one of {', '.join(words)}", path)

    return check


def array(item: Check, most: int, least: int = 1) -> Check:
    def check(value: object, path: str, survey: Survey) -> None:
        if not isinstance(value, list):
            return survey.fault("must be an array", path)
        if not least <= len(value) <= most:
            survey.fault(f"must have {least} to {most} items", path)
        for index, entry in enumerate(value):
            item(entry, f"{path}/{index}", survey)
        return None

    return check


def anything(value: object, path: str, survey: Survey) -> None:
    pass


def kind_of(value: object) -> str:
    return str(value.get("type")) if isinstance(value, dict) else "?"
