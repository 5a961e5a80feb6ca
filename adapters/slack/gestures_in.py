"""Reads what people press and fill in: commands, buttons, forms, shortcuts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from adapters.slack.loose import array, first, moment, need, obj, objects, text, thread
from adapters.slack.messages_in import authorization, files, is_foreign, is_own, spoken
from adapters.slack.values import Asked, Clicked, Commanded, Identity, Submitted, View

if TYPE_CHECKING:
    from collections.abc import Mapping

_ONE = {
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "users_select": "selected_user",
}
_SEVERAL = {
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "multi_users_select": "selected_users",
}


class _Actor(TypedDict):
    team: str
    user: str
    user_name: str
    trigger_id: str
    external: bool


def team_of(body: Mapping[str, Any]) -> str:
    """Find the workspace whose installation a payload is for; "" when it names none.

    With Slack Connect a message's ``team_id`` is its writer's and only ``authorizations`` tells
    ours; a view may have been opened out of another workspace's channel; an app installed for a
    whole organisation may hear of the person's workspace only (slack-bolt, request/internals.py).
    """
    return first(
        obj(body.get("view")).get("app_installed_team_id"),
        obj(body.get("team")).get("id"),
        authorization(body).get("team_id"),
        body.get("team_id"),
        obj(body.get("user")).get("team_id"),
    )


def commanded(body: Mapping[str, Any], own: Identity) -> Commanded:
    """Read a slash command. Raises NotForUs.

    ``team_id`` is the workspace of the person, who needs the app there (slack-bolt looks the
    token up by it). So another one than ours is foreign, unless the app is installed for a whole
    organisation.
    """
    team = team_of(body) or own.team
    everywhere = body.get("is_enterprise_install") in (True, "true")
    external = team != own.team and not everywhere
    return Commanded(
        team=own.team if external else team,
        channel=need(body, "channel_id"),
        channel_name=text(body.get("channel_name")),
        user=need(body, "user_id"),
        user_name=text(body.get("user_name")),
        command=need(body, "command"),
        text=text(body.get("text")),
        response_url=text(body.get("response_url")),
        trigger_id=need(body, "trigger_id"),
        external=external,
    )


def clicked(body: Mapping[str, Any], own: Identity) -> Clicked:
    """Read block_actions. Raises NotForUs."""
    action = next(iter(objects(body.get("actions"))), {})
    value = _entered(action)
    view = _view(body) if obj(body.get("view")) else None
    message = obj(body.get("message"))
    place = {
        "channel_id": obj(body.get("channel")).get("id"),
        "message_ts": message.get("ts"),
        "thread_ts": message.get("thread_ts"),
        **obj(body.get("container")),
    }
    ts = "" if view else moment(place, "message_ts")
    return Clicked(
        **_actor(body, own),
        channel="" if view else need(place, "channel_id"),
        message_ts=ts,
        thread_ts=None if view else thread(place, ts),
        action=need(action, "action_id"),
        value=value if isinstance(value, str) else "",
        response_url=text(body.get("response_url")),
        at=moment(action, "action_ts"),
        view=view,
    )


def submitted(body: Mapping[str, Any], own: Identity) -> Submitted:
    """Read view_submission. Raises NotForUs."""
    return Submitted(**_actor(body, own), view=_view(body))


def asked(body: Mapping[str, Any], own: Identity) -> Asked:
    """Read a global shortcut or a message shortcut (message_action). Raises NotForUs."""
    actor, message, channel = _actor(body, own), None, ""
    found = obj(body.get("message"))
    if body.get("type") == "message_action":
        channel = need(obj(body.get("channel")), "id")
        message = spoken(found, actor["team"], channel, own, body)
    return Asked(
        **actor,
        shortcut=need(body, "callback_id"),
        channel=channel,
        message=message,
        response_url=text(body.get("response_url")),
        own=message is not None and is_own(found, own),
    )


def _actor(body: Mapping[str, Any], own: Identity) -> _Actor:
    user = obj(body.get("user"))
    team = team_of(body) or own.team
    return _Actor(
        team=team,
        user=need(user, "id"),
        user_name=first(user.get("username"), user.get("name")),
        trigger_id=text(body.get("trigger_id")),
        external=is_foreign(text(user.get("team_id")), body, team, own),
    )


def _view(body: Mapping[str, Any]) -> View:
    view = obj(body.get("view"))
    blocks = obj(obj(view.get("state")).get("values")).values()
    return View(
        id=need(view, "id"),
        hash=text(view.get("hash")),
        callback_id=text(view.get("callback_id")),
        private_metadata=text(view.get("private_metadata")),
        values={
            text(action): _entered(obj(state))
            for block in blocks
            for action, state in obj(block).items()
        },
        response_urls=tuple(
            url
            for entry in objects(body.get("response_urls"))
            if (url := text(entry.get("response_url")))
        ),
    )


def _entered(state: Mapping[str, Any]) -> object:
    """Read what stands in an element of a form; View.values says what comes out."""
    kind = text(state.get("type"))
    if kind == "file_input":
        return files(state.get("files"))
    if kind in _SEVERAL:
        chosen = map(_choice, array(state.get(_SEVERAL[kind])))
        return tuple(choice for choice in chosen if choice)
    return _choice(state.get(_ONE.get(kind, "value"))) or None


def _choice(value: object) -> str:
    return text(obj(value).get("value")) or text(value)
