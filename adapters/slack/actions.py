"""The names that come back from Slack: buttons, views, shortcuts, metadata. Values only."""

from __future__ import annotations

from enum import StrEnum

COMMAND = "/imagine"
"""The slash command."""


class Action(StrEnum):
    """Buttons and menus (``action_id``); the value of each is a TurnRef in print, or nothing."""

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
    DIRECT = "direct"
    """Paint it in a direct message instead; the value is an errand's key."""
    ANSWER_LATE = "answer-late"
    """A message that was missed while the bot was away shall be answered now."""
    PRICE = "price"
    """A choice in a form that changes the price shown there."""
    PERSON_DEFAULTS = "person-defaults"
    CHANNEL_RULES = "channel-rules"


class View(StrEnum):
    """Forms (``callback_id``)."""

    NEW = "new"
    EDIT = "edit-form"
    RATIO = "ratio-form"
    DETAILS = "details-view"
    PERSON = "person-form"
    CHANNEL = "channel-form"


class Shortcut(StrEnum):
    """Shortcuts (``callback_id``)."""

    NEW_IMAGE = "new_image"
    EDIT_IMAGE = "edit_image"


class Mark(StrEnum):
    """Metadata event types of our own messages."""

    ROOT = "threadpaint_root"
    ANSWER = "threadpaint_answer"
    NOTICE = "threadpaint_notice"
