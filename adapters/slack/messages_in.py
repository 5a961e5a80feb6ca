"""Reads messages as Slack sends them: who said it, to whom, with which files. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from adapters.slack.loose import NotForUs, first, moment, need, obj, objects, text, thread
from adapters.slack.values import (
    ChannelType,
    Deleted,
    Edited,
    Event,
    Identity,
    Ignored,
    Said,
    Shared,
    SlackFile,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPOKEN = (None, "", "file_share", "thread_broadcast", "me_message")
_CHANNEL_TYPES: Mapping[str, ChannelType] = {
    "channel": "channel",
    "group": "group",
    "im": "im",
    "mpim": "mpim",
    "app_home": "im",
}


def said(
    message: Mapping[str, Any],
    *,
    team: str,
    channel: str,
    own: Identity,
    envelope: Mapping[str, Any] | None = None,
) -> Said | Ignored:
    """Read what a person said; Ignored for all that bots, Slack and we ourselves write.

    envelope: the payload that the message came in; None for one of conversations.replies or
    conversations.history. Never raises.
    """
    try:
        _person(message, own)
        return spoken(message, team, channel, own, envelope or {})
    except NotForUs as reason:
        return Ignored(why=str(reason))


def files_of(message: Mapping[str, Any]) -> tuple[SlackFile, ...]:
    """Find the files of a message, then those of the messages that it forwards, each once.

    A preview of a link (an attachment without ``is_share``) is nobody's material.
    """
    found = list(files(message.get("files")))
    for attachment in objects(message.get("attachments")):
        if attachment.get("is_share") is True:
            picture = {"title": "forwarded picture", "url_private": attachment.get("image_url")}
            found += files(attachment.get("files")) or files([picture])
    once: dict[str, SlackFile] = {}
    for file in found:
        once.setdefault(file.id or file.url, file)
    return tuple(once.values())


def files(value: object) -> tuple[SlackFile, ...]:
    """Read a list of Slack's file objects; what has neither an id nor a url is left out."""
    return tuple(
        SlackFile(
            id=text(file.get("id")),
            name=first(file.get("name"), file.get("title"), file.get("id"), "file"),
            mime_type=text(file.get("mimetype")) or None,
            size=_size(file.get("size")),
            url=(url := first(file.get("url_private_download"), file.get("url_private"))),
            stub=not url or file.get("file_access") == "check_file_info",
        )
        for file in objects(value)
        if first(file.get("id"), file.get("url_private_download"), file.get("url_private"))
    )


def message_event(
    event: Mapping[str, Any], body: Mapping[str, Any], team: str, own: Identity
) -> Event:
    """Read a message or app_mention event. Raises NotForUs."""
    channel = need(event, "channel")
    match event.get("subtype"):
        case "message_changed":
            return _changed(event, team, channel, own)
        case "message_deleted":
            writer = text(obj(event.get("previous_message")).get("user"))
            return Deleted(team=team, channel=channel, ts=moment(event, "deleted_ts"), user=writer)
    shared = tuple(file.id for file in files(event.get("files")) if file.id)
    if shared and is_own(event, own):
        ts = moment(event, "ts")
        root = thread(event, ts)
        return Shared(team=team, channel=channel, ts=ts, thread_ts=root, files=shared)
    return said(event, team=team, channel=channel, own=own, envelope=body)


def spoken(
    message: Mapping[str, Any],
    team: str,
    channel: str,
    own: Identity,
    envelope: Mapping[str, Any],
) -> Said:
    """Read a message, whoever wrote it. Raises NotForUs when it has no ts or no writer."""
    writer = first(message.get("user"), message.get("bot_id"))
    if not writer:
        raise NotForUs("no user")
    ts, words = moment(message, "ts"), text(message.get("text"))
    channel_type = _CHANNEL_TYPES.get(text(message.get("channel_type")), "")
    named = bool(own.user) and bool(re.search(rf"<@{re.escape(own.user)}[|>]", words))
    return Said(
        team=team,
        channel=channel,
        channel_type="im" if channel.startswith("D") else channel_type,
        ts=ts,
        thread_ts=thread(message, ts),
        user=writer,
        text=words,
        files=files_of(message),
        client_msg_id=text(message.get("client_msg_id")) or None,
        mention=named or message.get("type") == "app_mention",
        external=is_foreign(_home(message, envelope), envelope, team, own),
        event_id=text(envelope.get("event_id")),
    )


def is_own(message: Mapping[str, Any], own: Identity) -> bool:
    """Whether our bot wrote a message; an upload may name the bot user only."""
    user, bot = text(message.get("user")), text(message.get("bot_id"))
    return bool(user and user == own.user) or bool(bot and bot == own.bot)


def is_foreign(home: str, body: Mapping[str, Any], team: str, own: Identity) -> bool:
    """Whether a person who is at home in a workspace, or organisation (E...), is none of ours."""
    organisation = first(
        authorization(body).get("enterprise_id"), obj(body.get("enterprise")).get("id")
    )
    if not home or home in {team, own.team, organisation}:
        return False
    # Enterprise Grid: a channel that several workspaces of one organisation have
    return not (organisation and body.get("is_ext_shared_channel") is False)


def authorization(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take the installation that an event is delivered for."""
    return next(iter(objects(body.get("authorizations"))), {})


def _changed(event: Mapping[str, Any], team: str, channel: str, own: Identity) -> Edited | Deleted:
    message, before = obj(event.get("message")), obj(event.get("previous_message"))
    ts = moment(message, "ts")
    if message.get("subtype") == "tombstone":  # what is left of a root that has replies
        return Deleted(team=team, channel=channel, ts=ts, user=text(before.get("user")))
    edited = Edited(
        team=team,
        channel=channel,
        ts=ts,
        thread_ts=thread(message, ts),
        user=_person(message, own),
        text=text(message.get("text")),
        before=text(before.get("text")),
    )
    by_hand = obj(message.get("edited")).get("user") == edited.user
    if not by_hand or not before or edited.text == edited.before:
        raise NotForUs("a change, but not of the text by its writer")
    return edited


def _person(message: Mapping[str, Any], own: Identity) -> str:
    """Name the person who wrote a message. Raises NotForUs when it is none."""
    if is_own(message, own):
        raise NotForUs("our own message")
    if any(message.get(mark) for mark in ("bot_id", "bot_profile", "app_id")):
        raise NotForUs("a bot's message")
    if message.get("subtype") not in _SPOKEN:
        raise NotForUs(f"subtype {text(message.get('subtype')):.60}")
    if message.get("hidden"):
        raise NotForUs("a hidden message")
    user = need(message, "user")
    if user == "USLACKBOT":
        raise NotForUs("Slackbot's message")
    return user


def _home(message: Mapping[str, Any], envelope: Mapping[str, Any]) -> str:
    """Find the workspace, or organisation, of the writer.

    Payloads in slack-bolt's tests (request/test_internals.py): an app_mention's ``team`` is ours
    even when ``user_team`` names another; a message's envelope has the writer's ``team_id``, not
    ours. ``source_team`` may be another's for our own people. Messages with files may name no team
    but that of the file.
    """
    uploaded = (
        file.get("user_team")
        for file in objects(message.get("files"))
        if file.get("user") == message.get("user")
    )
    return first(
        message.get("user_team"),
        obj(message.get("user_profile")).get("team"),
        message.get("team"),
        *uploaded,
        message.get("source_team"),
        envelope.get("team_id"),
    )


def _size(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
