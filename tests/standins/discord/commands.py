"""What Discord refuses in application commands, and what a person may give them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.standins.discord.values import Json, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, FILE = range(
    1, 12
)
_NAME = re.compile(r"[-_'\w]{1,32}")
LOCALES = {
    "id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl",
    "no", "pl", "pt-BR", "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi",
    "th", "zh-CN", "ja", "zh-TW", "ko",
}  # fmt: skip
_COMMAND_FIELDS = {
    "name", "name_localizations", "description", "description_localizations", "options",
    "default_member_permissions", "dm_permission", "default_permission", "integration_types",
    "contexts", "type", "nsfw", "handler", "id",
}  # fmt: skip
_OPTION_FIELDS = {
    "type", "name", "name_localizations", "description", "description_localizations", "required",
    "choices", "options", "channel_types", "min_value", "max_value", "min_length", "max_length",
    "autocomplete", "file_types",
}  # fmt: skip
MOST = {SLASH: 100, USER_MENU: 15, MESSAGE_MENU: 15}


def checked(command: object, path: str, complain: Callable[[str], None]) -> Json:
    """Check one command; return it with Discord's defaults."""
    if not isinstance(command, dict):
        raise invalid(path, "Only dictionaries may be used in a DictType")
    kind = command.get("type") or SLASH
    if kind not in MOST:
        raise invalid(f"{path}.type", "Value must be one of {1, 2, 3}.")
    if unknown := set(command) - _COMMAND_FIELDS:
        complain(f"a command has no {sorted(unknown)}")
    _named(command, path, free=kind != SLASH)
    if kind == SLASH:
        _described(command, path)
        _options(command.get("options") or [], f"{path}.options", depth=0)
    elif command.get("description") or command.get("options"):
        raise invalid(f"{path}.description", "Context menu commands cannot have description")
    if _length(command) > 8000:
        raise invalid(path, "Command exceeds maximum size of 8000")
    _places(command, path)
    defaults: Json = {
        "description": "",
        "options": [],
        "default_member_permissions": None,
        "nsfw": False,
        "integration_types": [0],
        "contexts": None,
        "name_localizations": None,
        "description_localizations": None,
    }
    given = {name: value for name, value in command.items() if value is not None}
    return {**defaults, **given, "type": kind}


def _places(command: Json, path: str) -> None:
    if set(command.get("contexts") or ()) - {0, 1, 2}:
        raise invalid(f"{path}.contexts", "Value must be one of {0, 1, 2}.")
    installs = command.get("integration_types")
    if installs is not None and (not installs or set(installs) - {0, 1}):
        raise invalid(f"{path}.integration_types", "Value must be one of {0, 1}.")
    if 2 in (command.get("contexts") or ()) and 1 not in (installs or [0]):
        raise invalid(f"{path}.contexts", "PRIVATE_CHANNEL needs the integration type USER_INSTALL")


def _named(thing: Json, path: str, *, free: bool = False) -> None:
    names = {"name": thing.get("name")}
    for locale, name in (thing.get("name_localizations") or {}).items():
        if locale not in LOCALES:
            raise invalid(f"{path}.name_localizations", f"unknown locale {locale}")
        names[f"name_localizations.{locale}"] = name
    for at, name in names.items():
        if not isinstance(name, str) or not 1 <= len(name) <= 32:
            raise invalid(f"{path}.{at}", "Must be between 1 and 32 in length.")
        if not free and (not _NAME.fullmatch(name) or name != name.lower()):
            raise invalid(f"{path}.{at}", "Command name is invalid")


def _described(thing: Json, path: str) -> None:
    words = {"description": thing.get("description")}
    for locale, text in (thing.get("description_localizations") or {}).items():
        if locale not in LOCALES:
            raise invalid(f"{path}.description_localizations", f"unknown locale {locale}")
        words[f"description_localizations.{locale}"] = text
    for at, text in words.items():
        if not isinstance(text, str) or not 1 <= len(text) <= 100:
            raise invalid(f"{path}.{at}", "Must be between 1 and 100 in length.")


def _options(options: list[Json], path: str, *, depth: int) -> None:
    if len(options) > 25:
        raise invalid(path, "Must be 25 or fewer in length.")
    names = [option.get("name") for option in options]
    if len(set(names)) != len(names):
        raise invalid(path, "Option names must be unique")
    needed = [bool(option.get("required")) for option in options]
    if sorted(needed, reverse=True) != needed:
        raise invalid(path, "Required options must be placed before non-required options")
    kinds = {option.get("type") in {SUBCOMMAND, GROUP} for option in options}
    if len(kinds) > 1:
        raise invalid(path, "Sub-commands and other options cannot be mixed")
    for index, option in enumerate(options):
        _option(option, f"{path}.{index}", depth=depth)


def _option(option: Json, path: str, *, depth: int) -> None:
    kind = option.get("type")
    if kind not in range(1, 12):
        raise invalid(f"{path}.type", "Value must be one of 1 to 11.")
    if unknown := set(option) - _OPTION_FIELDS:
        raise invalid(path, f"no such field: {sorted(unknown)}")
    _named(option, path)
    _described(option, path)
    if kind in {SUBCOMMAND, GROUP}:
        if depth > (0 if kind == GROUP else 1):
            raise invalid(path, "Sub-commands are nested too deep")
        return _options(option.get("options") or [], f"{path}.options", depth=depth + 1)
    if option.get("options"):
        raise invalid(f"{path}.options", "Only sub-commands have options")
    if option.get("choices") and option.get("autocomplete"):
        raise invalid(path, "choices and autocomplete exclude each other")
    if not 0 <= option.get("max_length", 1) <= 6000:
        raise invalid(f"{path}.max_length", "int value should be less than or equal to 6000.")
    return _choices(option, path)


def _choices(option: Json, path: str) -> None:
    choices = option.get("choices") or []
    if len(choices) > 25:
        raise invalid(f"{path}.choices", "Must be 25 or fewer in length.")
    if choices and option["type"] not in {STRING, INTEGER, NUMBER}:
        raise invalid(f"{path}.choices", "This type takes no choices")
    for index, choice in enumerate(choices):
        at = f"{path}.choices.{index}"
        if not 1 <= len(str(choice.get("name", ""))) <= 100:
            raise invalid(f"{at}.name", "Must be between 1 and 100 in length.")
        value = choice.get("value")
        if option["type"] == STRING and not (isinstance(value, str) and 1 <= len(value) <= 100):
            raise invalid(f"{at}.value", "Must be between 1 and 100 in length.")
    for key in ("name", "value"):
        if len({choice[key] for choice in choices}) != len(choices):
            raise invalid(f"{path}.choices", "Choices must be unique")


def _length(thing: Json) -> int:
    total = 0
    for name in ("name", "description"):
        texts = [thing.get(name) or "", *(thing.get(f"{name}_localizations") or {}).values()]
        total += max(map(len, texts))
    for choice in thing.get("choices") or ():
        total += len(choice["name"]) + len(str(choice["value"]))
    return total + sum(_length(option) for option in thing.get("options") or ())


# --- what a person gives -------------------------------------------------------------------------


def found(commands: list[Json], words: str) -> tuple[Json, list[Json], list[str]]:
    """Find a slash command by ``/config set``: command, its options there, the sub-commands."""
    name, *subs = words.removeprefix("/").split()
    command = next((c for c in commands if c["type"] == SLASH and c["name"] == name), None)
    if command is None:
        raise AssertionError(f"the app has registered no /{name}")
    options = command["options"]
    for sub in subs:
        inner = next((o for o in options if o["name"] == sub and o["type"] < STRING), None)
        if inner is None:
            raise AssertionError(f"/{name} has no sub-command {sub}")
        options = inner.get("options") or []
    if any(option["type"] < STRING for option in options):
        raise AssertionError(f"/{words} needs a sub-command")
    return command, options, subs


def given(options: list[Json], values: dict[str, Any], *, typing: bool = False) -> None:
    """Check what a person put into the options, as the client does; typing: not yet complete."""
    known = {option["name"]: option for option in options}
    if unknown := set(values) - set(known):
        raise AssertionError(f"the command has no option {sorted(unknown)}")
    for name, option in known.items():
        if option.get("required") and name not in values and not typing:
            raise AssertionError(f"the option {name} is required")
    for name, value in values.items():
        _fits(known[name], value)


def _fits(option: Json, value: Any) -> None:  # noqa: ANN401  # whatever a test gives
    name, kind = option["name"], option["type"]
    choices = option.get("choices") or []
    if choices and value not in [choice["value"] for choice in choices]:
        raise AssertionError(f"{value!r} is no choice of {name}")
    expected = {STRING: str, INTEGER: int, BOOLEAN: bool, NUMBER: int | float}.get(kind)
    if expected and (
        not isinstance(value, expected) or (kind == INTEGER and isinstance(value, bool))
    ):
        raise AssertionError(f"{value!r} is not what {name} takes")
    if kind == STRING:
        least, most = option.get("min_length") or 0, option.get("max_length") or 6000
        if not least <= len(value) <= most:
            raise AssertionError(f"{name} takes {least} to {most} characters")
    if kind in {INTEGER, NUMBER}:
        if "min_value" in option and value < option["min_value"]:
            raise AssertionError(f"{name} is at least {option['min_value']}")
        if "max_value" in option and value > option["max_value"]:
            raise AssertionError(f"{name} is at most {option['max_value']}")
