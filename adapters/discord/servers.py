"""Servers: what the moderators of each have set, beside the operator's settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bot.ports import Journal

SERVERS = "discord.server"
"""Kind of the notes in the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds on one server. Ids in print.

    channels, roles: where and whose members may ask, () for all. quota: pictures a day of each
    person, None for no limit of the server's own. quotas: by role id or person id, over quota; of
    several roles the most generous one holds. spoilers: channels whose pictures are hidden.
    """

    channels: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    quota: int | None = None
    quotas: Mapping[str, int] = field(default_factory=dict)
    spoilers: tuple[str, ...] = ()

    def quota_of(self, person: str, roles: Collection[str]) -> int | None:
        """Find how many pictures a day a person may have here."""
        if person in self.quotas:
            return self.quotas[person]
        of_roles = [self.quotas[role] for role in roles if role in self.quotas]
        return max(of_roles) if of_roles else self.quota

    def refusal(self, channel: str, roles: Collection[str], *, moderator: bool) -> str:
        """Say why somebody may not ask here, "" when they may; moderators may anywhere."""
        if moderator:
            return ""
        if self.channels and channel not in self.channels:
            return "On this server I do not paint in this channel. Ask a moderator where I do."
        if self.roles and not set(self.roles) & set(roles):
            return "On this server only members of some roles may ask me. Ask a moderator."
        return ""

    def hides(self, channel: str) -> bool:
        """Tell whether pictures of a channel are hidden until they are clicked."""
        return channel in self.spoilers

    def with_quota(self, who: str, pictures: int | None) -> Rules:
        """Set or (None) take back a quota. who: a person or role, "" for everybody."""
        if not who:
            return replace(self, quota=pictures)
        rest = {name: number for name, number in self.quotas.items() if name != who}
        return replace(self, quotas=rest | ({} if pictures is None else {who: pictures}))


class Servers:
    """Reads and writes the rules of servers."""

    def __init__(self, journal: Journal) -> None:
        """Take where they are kept."""
        self._journal = journal

    async def rules(self, server: str) -> Rules:
        """Read the rules of a server; a direct conversation ("") has none."""
        note = await self._journal.read(SERVERS, server) if server else None
        if note is None:
            return Rules()
        return Rules(
            channels=tuple(note["channels"]),
            roles=tuple(note["roles"]),
            quota=note["quota"],
            quotas=note["quotas"],
            spoilers=tuple(note["spoilers"]),
        )

    async def set(self, server: str, rules: Rules) -> None:
        """Set the rules of a server."""
        await self._journal.write(SERVERS, server, asdict(rules))


def changed(known: tuple[str, ...], change: str, name: str | None) -> tuple[str, ...]:
    """Allow or remove one of a list, or (all) empty it."""
    if change == "all" or name is None:
        return ()
    rest = tuple(one for one in known if one != name)
    return (*rest, name) if change == "allow" else rest
