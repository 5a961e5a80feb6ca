"""The names that come back from Discord: buttons, forms, nonces. Values only."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.conversation import Turn

PREFIX = "tp"
"""How every custom_id of ours begins."""


class Action(StrEnum):
    """Buttons and menus; what follows is a TurnRef in print, or a key."""

    REDO = "redo"
    VARIATIONS = "variations"
    EDIT = "edit"
    SIZE_2K = "size-2k"
    SIZE_4K = "size-4k"
    RATIO = "ratio"
    UNDO = "undo"
    PICK = "pick"
    """Make this answer of several the one that replies refine."""
    DETAILS = "details"
    DELETE = "delete"
    RETRY = "retry"
    CANCEL = "cancel"
    CONFIRM = "confirm"
    UNFOLLOW = "unfollow"
    FOLLOW = "follow"
    ANSWER_LATE = "late"
    ORIGINAL = "original"
    """Show the picture in full, where only a smaller copy fitted."""
    FORGET = "forget"
    """Erase all that is kept of the person who presses it."""


class Form(StrEnum):
    """Forms, by the same pattern."""

    EDIT = "edit-form"
    USE = "use-form"
    RATIO = "ratio-form"


class Role(StrEnum):
    """What a message of ours is for: another one, another nonce."""

    ANSWER = "a"
    NOTICE = "n"
    ROOT = "r"
    LINE = "l"


def custom_id(name: Action | Form, value: str = "") -> str:
    """Make a custom_id: ``tp:redo:0ab...``, at most 100 characters."""
    return f"{PREFIX}:{name}:{value}"


PATTERN = re.compile(rf"{PREFIX}:(?P<name>[a-z0-9-]+):(?P<value>[^\s]{{0,80}})")
"""Reads what ``custom_id`` made."""


def nonce(role: Role, turn: Turn, part: int | str = 0) -> str:
    """Name one message of a turn; the same for every try, another one for each round and part.

    At most 25 characters, as Discord takes: role, 16 of the turn, round, part.
    """
    return f"{role}{turn.id}.{turn.round}.{part}"[:25]
