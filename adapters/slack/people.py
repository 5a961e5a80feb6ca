"""People: who is an admin and who is in a group, as Slack says, remembered for some minutes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from adapters.slack.loose import array, obj
from adapters.slack.web import Refused, Unclear

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from adapters.slack.web import Web

_log = structlog.get_logger(__name__)

_T = TypeVar("_T")

_FRESH = timedelta(minutes=5)
_AFTER_FAILURE = timedelta(minutes=1)  # until a call that failed is made again
_SECONDS = 2.0  # of the 3 that Slack waits for an acknowledgement
_MOST = 1000  # answers of one method


class People:
    """What Slack says of people. admins: user ids (U...) that count as admins in any case.

    team: our workspace. An admin of another one, here through Slack Connect, is no admin of ours.
    """

    def __init__(
        self, web: Web, *, admins: frozenset[str], team: str, now: Callable[[], datetime]
    ) -> None:
        """Take the way to Slack and the operator's list."""
        self._web = web
        self._admins = admins
        self._team = team
        self._roles = _Answers(self._ask_role, nothing=False, now=now)
        self._members = _Answers(self._ask_members, nothing=frozenset[str](), now=now, stale=True)

    async def is_admin(self, user: str) -> bool:
        """Tell whether a person is listed, or an admin or owner of the workspace.

        Never raises: what Slack does not say (users:read is missing) counts as no.
        """
        return user in self._admins or await self._roles.of(user)

    async def in_groups(self, user: str, groups: Sequence[str]) -> bool:
        """Tell whether a person is in one of these user groups (S...).

        Never raises: while Slack does not say, what it said last counts, and nothing as no.
        """
        for group in groups:
            if user in await self._members.of(group):
                return True
        return False

    async def _ask_role(self, user: str) -> bool:
        answer = await self._web.call("users.info", repeatable=True, user=user)
        person = obj(answer.get("user"))
        teams = {person.get("team_id"), *array(obj(person.get("enterprise_user")).get("teams"))}
        if self._team not in teams or person.get("deleted"):
            return False
        return any(person.get(role) for role in ("is_admin", "is_owner", "is_primary_owner"))

    async def _ask_members(self, group: str) -> frozenset[str]:
        answer = await self._web.call("usergroups.users.list", repeatable=True, usergroup=group)
        return frozenset(array(answer.get("users")))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer(Generic[_T]):
    value: _T
    asked: datetime
    life: timedelta


class _Answers(Generic[_T]):
    """The newest answers to one question; the oldest go when there are too many.

    nothing: what counts when the question fails. stale: the last answer counts then, if any.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[_T]],
        *,
        nothing: _T,
        now: Callable[[], datetime],
        stale: bool = False,
    ) -> None:
        self._ask = ask
        self._nothing = nothing
        self._now = now
        self._stale = stale
        self._known: dict[str, _Answer[_T]] = {}
        self._told: set[str] = set()

    async def of(self, key: str) -> _T:
        known, now = self._known.get(key), self._now()
        if known and timedelta() <= now - known.asked < known.life:
            return known.value
        try:
            async with asyncio.timeout(_SECONDS):
                answer = _Answer(value=await self._ask(key), asked=now, life=_FRESH)
        except (Refused, Unclear, TimeoutError) as error:
            self._log(error)
            last = known.value if known and self._stale else self._nothing
            answer = _Answer(value=last, asked=now, life=_AFTER_FAILURE)
        self._known.pop(key, None)
        self._known[key] = answer
        if len(self._known) > _MOST:
            del self._known[next(iter(self._known))]
        return answer.value

    def _log(self, error: Refused | Unclear | TimeoutError) -> None:
        """Log each kind of failure once."""
        kind = error.code if isinstance(error, Refused) else "no clear answer in time"
        if kind not in self._told:
            self._told.add(kind)
            _log.warning(
                "slack does not say who people are; admins then are only the listed ones",
                why=kind,
            )
