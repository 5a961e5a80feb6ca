"""Preferences: what people, channels and threads are set to, beside the operator's settings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.options import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.access import Follow
    from bot.conversation import ThreadId, Turn
    from bot.ports import Journal

PERSON, CHANNEL, QUIET = "person", "channel", "quiet-thread"
"""Kinds of notes in the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRules:
    """What a channel is set to. follow: None where the operator's setting holds."""

    follow: Follow | None = None
    options: GenerationOptions = field(default_factory=GenerationOptions)


class Preferences:
    """Reads and writes them; a thread names the platform, workspace and channel meant."""

    def __init__(self, journal: Journal) -> None:
        """Take where they are kept."""
        self._journal = journal

    async def person(self, thread: ThreadId, person: str) -> GenerationOptions:
        """Read a person's own defaults in a workspace."""
        note = await self._journal.read(PERSON, _key(thread.platform, thread.workspace, person))
        return GenerationOptions(**note or {})

    async def set_person(self, thread: ThreadId, person: str, options: GenerationOptions) -> None:
        """Set a person's own defaults in a workspace."""
        key = _key(thread.platform, thread.workspace, person)
        await self._journal.write(PERSON, key, options.said())

    async def channel(self, thread: ThreadId) -> ChannelRules:
        """Read what a channel is set to."""
        key = _key(thread.platform, thread.workspace, thread.channel)
        return _rules(await self._journal.read(CHANNEL, key) or {})

    async def set_channel(self, thread: ThreadId, rules: ChannelRules) -> None:
        """Set what holds in a channel."""
        key = _key(thread.platform, thread.workspace, thread.channel)
        note = {"follow": rules.follow, "options": rules.options.said()}
        await self._journal.write(CHANNEL, key, note)

    async def channels(self, thread: ThreadId) -> dict[str, ChannelRules]:
        """List the channels of a workspace for which something is set."""
        notes = await self._journal.all(CHANNEL)
        keys = {key: json.loads(key) for key in notes}
        ours = [thread.platform, thread.workspace]
        return {where[2]: _rules(notes[key]) for key, where in keys.items() if where[:2] == ours}

    async def quiet(self, thread: ThreadId) -> bool:
        """Tell whether only mentions count in a thread, because somebody wanted it so."""
        return await self._journal.read(QUIET, str(thread)) is not None

    async def set_quiet(self, thread: ThreadId, *, quiet: bool) -> None:
        """Follow the replies of a thread no longer, or again."""
        if quiet:
            await self._journal.write(QUIET, str(thread), {})
        else:
            await self._journal.remove(QUIET, str(thread))

    async def defaults(self, turn: Turn) -> GenerationOptions:
        """Give what holds when neither message nor thread says it: the person's, the channel's."""
        person = await self.person(turn.thread, turn.author)
        return person.over((await self.channel(turn.thread)).options)


def _key(*parts: str) -> str:
    return json.dumps(parts)


def _rules(note: Mapping[str, Any]) -> ChannelRules:
    return ChannelRules(
        follow=note.get("follow"), options=GenerationOptions(**note.get("options", {}))
    )
