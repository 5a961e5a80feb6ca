"""Access: who may ask the bot, and which replies in its threads count. Pure.

The same words on every platform; ids are the platform's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Follow = Literal["follow", "mention", "owner"]
FOLLOW: tuple[Follow, ...] = ("follow", "mention", "owner")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the operator allows. Empty channels or groups mean all; admins: beside the platform's.

    external: whether people of other organisations in shared channels may ask.
    """

    channels: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()
    external: bool = False

    def refusal(
        self, *, person: str, channel: str, external: bool = False, direct: bool = False
    ) -> str:
        """Say why this person may not ask here, "" when they may. Groups are not looked at.

        direct: a conversation with the bot alone, which the list of channels does not concern.
        """
        if person in self.blocked:
            return "You cannot use Threadpaint here. Ask the people who run it."
        if external and not self.external:
            return "Threadpaint is only for people of this workspace."
        if self.channels and not direct and channel not in self.channels:
            return "Threadpaint is not to be used in this channel. Ask it in another one."
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What decides whether a message in a thread of ours is meant for the bot.

    to_another: it begins by addressing somebody else. quiet: a person told the bot to follow this
    thread no longer. owner: whose thread it is.
    """

    author: str
    owner: str
    mention: bool
    to_another: bool
    quiet: bool


def counts(heard: Heard, policy: Follow) -> bool:
    """Decide whether a reply in a thread of ours is a request to the bot."""
    if policy == "owner" and heard.author != heard.owner:
        return False
    if heard.mention:
        return True
    return policy != "mention" and not heard.quiet and not heard.to_another
