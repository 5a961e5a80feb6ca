"""Permission bits by Discord's names, and what they come to in a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BITS = {
    "ADMINISTRATOR": 1 << 3,
    "MANAGE_CHANNELS": 1 << 4,
    "MANAGE_GUILD": 1 << 5,
    "ADD_REACTIONS": 1 << 6,
    "VIEW_CHANNEL": 1 << 10,
    "SEND_MESSAGES": 1 << 11,
    "MANAGE_MESSAGES": 1 << 13,
    "EMBED_LINKS": 1 << 14,
    "ATTACH_FILES": 1 << 15,
    "READ_MESSAGE_HISTORY": 1 << 16,
    "MENTION_EVERYONE": 1 << 17,
    "MANAGE_ROLES": 1 << 28,
    "USE_APPLICATION_COMMANDS": 1 << 31,
    "MANAGE_THREADS": 1 << 34,
    "CREATE_PUBLIC_THREADS": 1 << 35,
    "CREATE_PRIVATE_THREADS": 1 << 36,
    "SEND_MESSAGES_IN_THREADS": 1 << 38,
    "MODERATE_MEMBERS": 1 << 40,
    "USE_EXTERNAL_APPS": 1 << 50,
    "PIN_MESSAGES": 1 << 51,
    "BYPASS_SLOWMODE": 1 << 52,
}
ALL = (1 << 53) - 1
BOT = (
    "VIEW_CHANNEL", "SEND_MESSAGES", "SEND_MESSAGES_IN_THREADS", "CREATE_PUBLIC_THREADS",
    "ATTACH_FILES", "EMBED_LINKS", "READ_MESSAGE_HISTORY",
)  # fmt: skip
"""What an invitation of this app asks for: 309237763072."""
EVERYONE = (
    "VIEW_CHANNEL", "READ_MESSAGE_HISTORY", "ADD_REACTIONS", "USE_APPLICATION_COMMANDS",
    "USE_EXTERNAL_APPS",
)  # fmt: skip
"""What the @everyone role may; less than usual, so that the bot has what it was invited with."""
SPEAKING = (
    "SEND_MESSAGES", "SEND_MESSAGES_IN_THREADS", "ATTACH_FILES", "EMBED_LINKS",
    "CREATE_PUBLIC_THREADS",
)  # fmt: skip
"""What people may besides, through no role."""


def bits(names: Iterable[str]) -> int:
    """Add up permissions by name, in capitals or not."""
    total = 0
    for name in names:
        total |= BITS[name.upper()]
    return total


def names(value: int) -> list[str]:
    """Name the permissions in a number."""
    return [name for name, bit in BITS.items() if value & bit]


def granted(base: int, allow: int, deny: int) -> int:
    """Apply the overwrites of a channel."""
    return ALL if base & BITS["ADMINISTRATOR"] else (base & ~deny) | allow


def has(value: int, name: str) -> bool:
    """Tell whether a permission is among these bits."""
    return bool(value & BITS[name])
