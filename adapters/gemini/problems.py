"""Reads what a service says went wrong, in whichever form it or its gateway says it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from adapters.gemini.loose import number, obj, objects, text

_MOST_NESTED = 4
_HTTP_ERRORS = range(400, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as a service words it. code: of an error nested in another, else None."""

    status: str = ""
    message: str = ""
    details: tuple[dict[str, object], ...] = ()
    code: int | None = None

    def detail(self, name: str) -> object:
        """Take a field out of whichever detail has it."""
        return next((detail[name] for detail in self.details if name in detail), None)


def problem_in(body: bytes | str, depth: int = 0) -> Problem | None:
    """Read an error body: an object, a list of one, JSON in the words of another error, or text.

    None when it is no error that JSON can tell (HTML, say).
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list):
        value = next(iter(objects(value)), {})
    error = obj(value).get("error")
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return None
    message = text(error.get("message"))
    inner = message[message.find("{") :] if "{" in message and depth < _MOST_NESTED else ""
    if inner and (nested := problem_in(inner, depth + 1)):
        return nested
    code = number(error.get("code")) if depth else 0
    return Problem(
        status=text(error.get("status")),
        message=message,
        details=tuple(objects(error.get("details"))),
        code=code if code in _HTTP_ERRORS else None,
    )
