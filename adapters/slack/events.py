"""Reads what Slack sends: every payload becomes exactly one value, and an odd one is Ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.slack.gestures_in import asked, clicked, commanded, submitted, team_of
from adapters.slack.loose import NotForUs, array, moment, need, obj, text
from adapters.slack.messages_in import files_of, message_event, said
from adapters.slack.values import Event, HomeOpened, Identity, Ignored, Removed, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["files_of", "read", "said", "team_of"]


def read(body: Mapping[str, Any], own: Identity) -> Event:
    """Read a payload: the JSON of an event or an interaction, or the fields of a command.

    Never raises, whatever its shape. own: the installation that it is for (``team_of``).
    """
    kind = body.get("type")
    reader = commanded if kind is None and "command" in body else _READERS.get(text(kind))
    if reader is None:
        return Ignored(why=f"payload {text(kind):.60}")
    try:
        return reader(body, own)
    except NotForUs as reason:
        return Ignored(why=str(reason))


def _event(body: Mapping[str, Any], own: Identity) -> Event:
    event = obj(body.get("event"))
    team = team_of(body) or own.team
    match event.get("type"):
        case "message" | "app_mention":
            return message_event(event, body, team, own)
        case "app_home_opened":
            return HomeOpened(team=team, user=need(event, "user"), tab=need(event, "tab"))
        case "agent_session_stopped":
            return Stopped(
                team=team,
                channel=need(event, "channel"),
                thread_ts=moment(event, "thread_ts"),
                user=need(event, "user"),
            )
        case "app_uninstalled":
            return Removed(team=team)
        case "tokens_revoked" if array(obj(event.get("tokens")).get("bot")):
            return Removed(team=team)
    raise NotForUs(f"event {text(event.get('type')):.60}")


_READERS: Mapping[str, Callable[[Mapping[str, Any], Identity], Event]] = {
    "event_callback": _event,
    "block_actions": clicked,
    "view_submission": submitted,
    "shortcut": asked,
    "message_action": asked,
}
