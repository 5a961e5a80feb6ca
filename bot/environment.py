"""Reads settings from the environment, ``.env`` and secret files; tells all problems at once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pydantic import SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource

from bot.errors import SettingsError, UsageError
from bot.log import Redactor
from bot.near import nearest
from bot.options import GenerationOptions
from bot.profiles import profile_of
from bot.settings import PREFIX, Settings, variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

_WORDS = {
    "int_parsing": "has to be a whole number",
    "float_parsing": "has to be a number",
    "decimal_parsing": "has to be a number",
    "bool_parsing": "has to be true or false",
    "finite_number": "has to be a number",
    "greater_than": "has to be more than {gt:g}",
    "greater_than_equal": "has to be {ge:g} or more",
    "less_than_equal": "has to be {le} or less",
    "decimal_max_places": "has to have at most {decimal_places} digits after the point",
    "literal_error": "has to be {expected}",
}

_VARIABLES = {variable(name) for name in Settings.model_fields}
_SECRETS = {
    variable(name)
    for name, field in Settings.model_fields.items()
    if SecretStr in get_args(field.annotation) or name == "database_url"
}


def load(
    environ: Mapping[str, str] | None = None, env_file: str | Path | None = ".env"
) -> Settings:
    """Read the settings; the environment wins over the file, an empty value counts as not set.

    environ: os.environ when None. Raises SettingsError with one line for each problem: the
    variable, what is wrong, what to do; never a secret.
    """
    reading = _Reading()
    reading.take(reading.env_file(env_file), ".env")
    reading.take(os.environ if environ is None else environ, "environment")
    reading.secret_files()
    settings = reading.settings()
    if reading.problems:
        given = (reading.values[name] for name in _SECRETS & reading.values.keys())
        hide = Redactor((*settings.secrets(), *given))
        lines = (" ".join(hide(problem).split()) for problem in reading.problems)
        raise SettingsError("\n".join(dict.fromkeys(lines)))
    return settings


class _Reading:
    """One reading of the settings: what was found, where, and every problem on the way."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.sources: dict[str, str] = {}
        self.problems: list[str] = []

    def env_file(self, path: str | Path | None) -> Mapping[str, str | None]:
        """Read the file, if there is one."""
        try:
            source = DotEnvSettingsSource(Settings, env_file=path, case_sensitive=True)
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{path} cannot be read ({_reason(error)}). Make it readable.")
            return {}
        return source.env_vars

    def take(self, found: Mapping[str, str | None], source: str) -> None:
        """Keep what is meant for us, over what was taken before."""
        for name, value in found.items():
            if name in _VARIABLES or name.removesuffix("_FILE") in _SECRETS:
                if value and value.strip():
                    self.values[name] = value.strip()
                    self.sources[name] = source
            elif name.upper().startswith(PREFIX):
                self.problems.append(_stranger(name))

    def secret_files(self) -> None:
        """Put the content of each NAME_FILE in the place of NAME."""
        for name in sorted(_SECRETS):
            file = self.values.pop(f"{name}_FILE", "")
            if file and name in self.values:
                self.problems.append(f"{name} and {name}_FILE are both set. Keep one of them.")
            elif file:
                self._secret_file(name, file)

    def _secret_file(self, name: str, file: str) -> None:
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(
                f'{name}_FILE cannot be read: "{file}" ({_reason(error)}). Name a text'
                " file that this process may read."
            )
            return
        if secret:
            self.values[name] = secret
            self.sources[name] = f"{name}_FILE"
        else:
            self.problems.append(f'{name}_FILE is empty: "{file}". Put the secret into it.')

    def settings(self) -> Settings:
        """Check the values; those that are wrong are told and left out."""
        try:
            settings = Settings.model_validate(self.values)
        except ValidationError as found:
            errors = [e for e in found.errors() if e["type"] != "default_factory_not_called"]
            self.problems += map(_sentence, errors)
            wrong = {e["loc"][0] for e in errors}
            settings = Settings.model_validate(
                {name: value for name, value in self.values.items() if name not in wrong}
            )
        settings.note_sources(self.sources)
        self.problems += _unfit(settings)
        return settings


def _stranger(name: str) -> str:
    stems = {known.removeprefix(PREFIX): known for known in sorted(_VARIABLES)}
    near = stems.get(nearest(name.upper().removeprefix(PREFIX), stems), "")
    advice = f"Did you mean {near}?" if near else "Remove it, or look into .env.example."
    return f"There is no setting {name}. {advice}"


def _sentence(error: ErrorDetails) -> str:
    """Say one problem of a value in a line."""
    name, given = str(error["loc"][0]), str(error["input"])
    context = error.get("ctx", {})
    words = _WORDS.get(error["type"], error["msg"]).format(**context)
    if error["type"] == "value_error":
        words = str(context["error"])
    if not words.startswith("has "):
        return f"{name}: {words}"
    near = nearest(given, re.findall(r"'([^']*)'", context.get("expected", "")))
    hint = f" Did you mean {near}?" if near else ""
    return f"{name} {words}." if name in _SECRETS else f'{name} {words}, not "{given}".{hint}'


def _unfit(settings: Settings) -> Iterator[str]:
    """Tell which default options the default model cannot do."""
    profile = profile_of(settings.provider, settings.model, default=settings.model)
    for name, value in settings.default_options().said().items():
        try:
            profile.check(GenerationOptions(**{name: value}))  # type: ignore[arg-type]
        except UsageError as error:
            yield f"{variable(name)}: {error}"


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "no reason given") if isinstance(error, OSError) else "not UTF-8"
