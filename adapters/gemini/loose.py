"""Reads JSON of any shape: whatever a service answers, these give a value of the asked type."""

from __future__ import annotations

_MOST = 10**12


def obj(value: object) -> dict[str, object]:
    """Take an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, object]]:
    """Take the objects in a list; an empty list for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def first(value: dict[str, object], *names: str) -> object:
    """Take the first of these fields that is there; None when none is."""
    return next((value[name] for name in names if name in value), None)


def text(value: object) -> str:
    """Take a string, without what no database keeps (NUL, half characters); "" for all else."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")


def number(value: object) -> int:
    """Take a count from 0 to 10^12; 0 for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST:
        return int(value)
    return 0
