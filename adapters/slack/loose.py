"""Reads JSON of any shape: each of these gives a value of the asked type, or says NotForUs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_TS = re.compile(r"[0-9]{1,10}\.[0-9]{1,9}")  # ten digits of seconds: what a datetime can hold


class NotForUs(Exception):
    """A payload is odd, or of no use; its words say why. Ends its reading, goes no further."""


def obj(value: object) -> dict[str, Any]:
    """Take an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[Any]:
    """Take a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def objects(value: object) -> list[dict[str, Any]]:
    """Take the objects in a list; an empty list for anything else."""
    return [item for item in array(value) if isinstance(item, dict)]


def text(value: object) -> str:
    """Take a string, without what no database keeps (NUL, half characters); "" for all else."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")


def first(*values: object) -> str:
    """Take the first of these that is a string with something in it; "" when none is."""
    return next(filter(None, map(text, values)), "")


def need(source: Mapping[str, Any], name: str) -> str:
    """Take a string that has to be there."""
    value = text(source.get(name))
    if not value:
        raise NotForUs(f"no {name}")
    return value


def moment(source: Mapping[str, Any], name: str) -> str:
    """Take a ts that has to be there."""
    value = source.get(name)
    if not isinstance(value, str) or not _TS.fullmatch(value):
        raise NotForUs(f"no ts in {name}")
    return value


def thread(source: Mapping[str, Any], ts: str) -> str | None:
    """Take the thread that a message is a reply in; None for a root and outside of threads."""
    if not source.get("thread_ts"):
        return None
    root = moment(source, "thread_ts")
    return None if root == ts else root
