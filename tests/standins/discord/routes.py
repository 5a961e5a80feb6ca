"""The table of routes, and what a handler is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from tests.standins.discord.gateway import Gateway
    from tests.standins.discord.posting import Upload
    from tests.standins.discord.values import Json
    from tests.standins.discord.world import World


@dataclass(slots=True, kw_only=True)
class Asked:
    """One authorised request. ids: what stood for each ``*`` of the route."""

    world: World
    gateway: Gateway
    ids: tuple[str, ...]
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)
    status: int = 200

    @property
    def sent(self) -> Json:
        """The body, when it is an object; empty otherwise."""
        return self.body if isinstance(self.body, dict) else {}


Handler: TypeAlias = Callable[[Asked], Any]
"""Returns what is sent as JSON; None is an answer 204."""
Routes: TypeAlias = Mapping[str, Handler]
"""``"METHOD path/with/*"`` -> handler."""

NO_TOKEN = ("webhooks/*/*", "interactions/*/*/callback")
"""Routes, with all below them, where the token in the path is the authorisation."""


class Table:
    """Finds the handler of a request."""

    def __init__(self, *tables: Routes) -> None:
        self.handlers: dict[str, Handler] = {}
        for table in tables:
            self.handlers |= table
        paths = {key.split(" ", 1)[1] for key in self.handlers}
        ordered = sorted(paths, key=lambda path: (path.count("*"), path))
        self._patterns = [(path, _pattern(path)) for path in ordered]

    def route(self, path: str, method: str) -> tuple[str, tuple[str, ...]]:
        """Return the route of a path and what stands for its ``*``; "" when there is none."""
        known: tuple[str, tuple[str, ...]] = ("", ())
        for route, pattern in self._patterns:
            if found := pattern.fullmatch(path):
                if f"{method} {route}" in self.handlers:
                    return route, found.groups()
                known = known if known[0] else (route, found.groups())
        return known


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\*", "([^/]+)"))
