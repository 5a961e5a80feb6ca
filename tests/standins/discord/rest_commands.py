"""Registering commands over REST, global and by server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.standins.discord.commands import MOST, SLASH, checked
from tests.standins.discord.values import Json, Refused
from tests.standins.discord.world import APP

if TYPE_CHECKING:
    from tests.standins.discord.routes import Asked, Handler, Routes

_DAY = 86_400


def _scope(asked: Asked) -> str:
    if asked.ids[0] != APP:
        raise Refused(50001)
    guild = asked.ids[1] if len(asked.ids) > 1 else ""
    if guild and not (guild in asked.world.guilds and asked.world.guilds[guild].bot):
        raise Refused(50001)
    return guild


def _count(asked: Asked, scope: str) -> None:
    now = time.time()
    recent = [
        at for guild, at in asked.world.created_commands if guild == scope and at > now - _DAY
    ]
    if len(recent) >= asked.world.knobs.command_creates:
        raise Refused(30034)
    asked.world.created_commands.append((scope, now))


def _stored(asked: Asked, scope: str, command: Json, path: str) -> Json:
    """Check one command and give it the id that a command of this name has already."""
    made = checked(command, path, asked.world.complain)
    before = next(
        (c for c in asked.world.commands.get(scope, []) if _key(c) == _key(made)), None
    )  # fmt: skip
    if before is None:
        _count(asked, scope)
    made |= {"id": before["id"] if before else asked.world.new_id(), "application_id": APP}
    made |= {"version": asked.world.new_id()} | ({"guild_id": scope} if scope else {})
    return made


def _key(command: Json) -> tuple[int, str]:
    return command.get("type") or SLASH, command["name"]


def _limits(commands: list[Json]) -> None:
    for kind, most in MOST.items():
        if sum(command["type"] == kind for command in commands) > most:
            raise Refused(30032)


def _list(asked: Asked) -> list[Json]:
    return asked.world.commands.get(_scope(asked), [])


def _put(asked: Asked) -> list[Json]:
    scope = _scope(asked)
    sent = asked.body if isinstance(asked.body, list) else []
    for index, command in enumerate(sent):
        checked(command, str(index), lambda _: None)
    made = [_stored(asked, scope, command, str(index)) for index, command in enumerate(sent)]
    if len({_key(command) for command in made}) != len(made):
        raise Refused(50035, words="Application command names must be unique")
    _limits(made)
    asked.world.commands[scope] = made
    return made


def _post(asked: Asked) -> Json:
    scope = _scope(asked)
    made = _stored(asked, scope, asked.sent, "command")
    asked.status = 200 if made["id"] in {c["id"] for c in _list(asked)} else 201
    others = [c for c in _list(asked) if _key(c) != _key(made)]
    _limits([*others, made])
    asked.world.commands[scope] = [*others, made]
    return made


def _one(asked: Asked) -> tuple[str, Json]:
    scope = _scope(asked) if len(asked.ids) > 2 else ""
    for command in asked.world.commands.get(scope, []):
        if command["id"] == asked.ids[-1]:
            return scope, command
    raise Refused(10063)


def _get(asked: Asked) -> Json:
    return _one(asked)[1]


def _patch(asked: Asked) -> Json:
    scope, command = _one(asked)
    merged = {k: v for k, v in {**command, **asked.sent}.items() if k in _KEPT}
    made = {**command, **checked(merged, "command", asked.world.complain)}
    made["version"] = asked.world.new_id()
    kept = asked.world.commands[scope]
    kept[kept.index(command)] = made
    return made


def _delete(asked: Asked) -> None:
    scope, command = _one(asked)
    asked.world.commands[scope].remove(command)


_KEPT = {
    "name", "name_localizations", "description", "description_localizations", "options", "type",
    "default_member_permissions", "integration_types", "contexts", "nsfw",
}  # fmt: skip


def _both(method: str, tail: str, handler: Handler) -> dict[str, Handler]:
    return {
        f"{method} applications/*/commands{tail}": handler,
        f"{method} applications/*/guilds/*/commands{tail}": handler,
    }


ROUTES: Routes = {
    **_both("GET", "", _list),
    **_both("PUT", "", _put),
    **_both("POST", "", _post),
    **_both("GET", "/*", _get),
    **_both("PATCH", "/*", _patch),
    **_both("DELETE", "/*", _delete),
}
