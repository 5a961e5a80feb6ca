"""Answers to interactions: the callback, the first answer, the followups."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.standins.discord import message_shapes, talk
from tests.standins.discord.forms import checked_modal
from tests.standins.discord.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    SUBMIT,
    Interaction,
    metadata,
)
from tests.standins.discord.posting import EPHEMERAL, LOADING, compose
from tests.standins.discord.rest_messages import fill, ping
from tests.standins.discord.values import Json, Refused, invalid
from tests.standins.discord.world import APP, BOT_USER, Message

if TYPE_CHECKING:
    from tests.standins.discord.routes import Asked, Routes

MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9


def _shown(asked: Asked, message: Message) -> Json:
    return message_shapes.message(asked.world, message)


# --- the callback --------------------------------------------------------------------------------


def _callback(asked: Asked) -> Json | None:
    made = asked.world.interactions.get(asked.ids[1])
    if made is None or made.id != asked.ids[0]:
        raise Refused(10062)
    if made.response:
        raise Refused(40060)
    seconds = time.monotonic() - made.created
    if seconds > asked.world.knobs.interaction_seconds:
        raise Refused(10062)
    kind = asked.sent.get("type")
    if kind not in _allowed(made):
        raise invalid("type", f"A callback {kind} does not answer an interaction {made.type}")
    data = asked.sent.get("data") or {}
    {
        MESSAGE: _say, DEFER: _defer, DEFER_UPDATE: _defer_update, UPDATE: _update,
        CHOICES: _choices, MODAL: _modal,
    }[kind](asked, made, data)  # fmt: skip
    made.response, made.seconds = kind, seconds
    made.responded.set()
    if asked.query.get("with_response") in {"true", "1", "True"}:
        return _answer(asked, made)
    return None


def _allowed(made: Interaction) -> set[int]:
    if made.type == AUTOCOMPLETE:
        return {CHOICES}
    if made.type == COMPONENT:
        return {MESSAGE, DEFER, DEFER_UPDATE, UPDATE, MODAL}
    if made.type == SUBMIT:
        return {MESSAGE, DEFER} | ({DEFER_UPDATE, UPDATE} if made.source else set())
    return {MESSAGE, DEFER, MODAL}


def _answer(asked: Asked, made: Interaction) -> Json:
    told: Json = {"id": made.id, "type": made.type}
    resource: Json = {"type": made.response}
    message = made.original
    if message and made.response in {MESSAGE, DEFER, UPDATE, DEFER_UPDATE}:
        told |= {"response_message_id": message.id}
        told["response_message_loading"] = bool(message.flags & LOADING)
        told["response_message_ephemeral"] = message.ephemeral
    if message and made.response in {MESSAGE, DEFER, UPDATE}:
        resource["message"] = _shown(asked, message)
    return {"interaction": told, "resource": resource}


def _say(asked: Asked, made: Interaction, data: Json) -> None:
    draft_flags = (data.get("flags") or 0) & EPHEMERAL
    message = _new(asked, made, data, ephemeral=bool(draft_flags))
    made.original, made.ephemeral = message, message.ephemeral


def _defer(asked: Asked, made: Interaction, data: Json) -> None:
    flags = data.get("flags") or 0
    if flags & ~EPHEMERAL:
        raise invalid("data.flags", "A deferred answer takes only the flag EPHEMERAL")
    if unknown := set(data) - {"flags"}:
        asked.world.complain(f"a deferred answer takes no {sorted(unknown)}")
    message = _blank(asked, made, ephemeral=bool(flags & EPHEMERAL))
    message.flags |= LOADING
    _store(asked, made, message)
    made.original, made.ephemeral = message, message.ephemeral


def _defer_update(asked: Asked, made: Interaction, data: Json) -> None:
    made.original = made.source


def _update(asked: Asked, made: Interaction, data: Json) -> None:
    assert made.source
    _edit(asked, made, made.source, data)
    made.original = made.source


def _choices(asked: Asked, made: Interaction, data: Json) -> None:
    choices = data.get("choices")
    if not isinstance(choices, list) or len(choices) > 25:
        raise invalid("data.choices", "Must be 25 or fewer in length.")
    for index, choice in enumerate(choices):
        for name in ("name", "value"):
            if not 1 <= len(str(choice.get(name, ""))) <= 100:
                raise invalid(f"data.choices.{index}.{name}", "Must be 1 to 100 in length.")
    made.choices = choices


def _modal(asked: Asked, made: Interaction, data: Json) -> None:
    made.modal = checked_modal(data, asked.world.complain)


# --- messages of an interaction ------------------------------------------------------------------


def _blank(asked: Asked, made: Interaction, *, ephemeral: bool) -> Message:
    world = asked.world
    quiet = made.user_only and bool(made.place.guild) and not world.knobs.external_apps
    message = Message(id=world.new_id(), channel=made.place.id, author=BOT_USER, webhook=True)
    message.interaction = metadata(made)
    if made.type == COMMAND:
        message.type = 23 if made.menu else 20
    if ephemeral or quiet:
        message.flags, message.shown_to = EPHEMERAL, made.user
    return message


def _store(asked: Asked, made: Interaction, message: Message) -> None:
    made.replies.append(message)
    if message.ephemeral:
        asked.world.ephemerals.append(message)
        return
    talk.wake(asked.world, made.place)
    talk.put(asked.world, made.place, message)


def _new(asked: Asked, made: Interaction, data: Json, *, ephemeral: bool) -> Message:
    if {"nonce", "enforce_nonce"} & set(data):
        asked.world.complain("a nonce does nothing in an answer to an interaction")
    data = {name: value for name, value in data.items() if name not in {"nonce", "enforce_nonce"}}
    draft = compose(asked.world, data, asked.uploads, made.place)
    message = _blank(asked, made, ephemeral=ephemeral)
    draft.flags = (draft.flags & ~EPHEMERAL) | message.flags
    fill(asked.world, message, draft)
    ping(asked.world, data, message)
    _store(asked, made, message)
    return message


def _edit(asked: Asked, made: Interaction, message: Message, data: Json) -> None:
    place = asked.world.channels.get(message.channel, made.place)
    if place.thread and place.archived and not message.ephemeral:
        raise Refused(50083)
    loading = message.flags & LOADING
    kept = message.flags & (EPHEMERAL | message_shapes.HAS_THREAD)
    draft = compose(asked.world, data, asked.uploads, place, before=message)
    draft.flags = (draft.flags & ~(EPHEMERAL | LOADING)) | kept
    remain = {file.id for file in draft.attachments}
    for file in message.attachments:
        file.gone = file.id not in remain
    fill(asked.world, message, draft)
    if loading:
        ping(asked.world, data, message)
    talk.change(asked.world, message, edited=not loading)


# --- by token ------------------------------------------------------------------------------------


def _by_token(asked: Asked) -> Interaction:
    made = asked.world.interactions.get(asked.ids[1])
    if made is None or asked.ids[0] != APP:
        raise Refused(10015)
    if made.expired:
        raise Refused(50027)
    if not made.response:
        raise Refused(10015)
    return made


def _followup(asked: Asked) -> Json:
    made = _by_token(asked)
    if made.loading and made.original and made.response == DEFER:
        asked.world.complain("a followup stands in for the deferred answer: edit @original instead")
        data = {k: v for k, v in asked.sent.items() if k not in {"nonce", "enforce_nonce"}}
        _edit(asked, made, made.original, data)
        return _shown(asked, made.original)
    if made.user_only and made.followups >= asked.world.knobs.max_user_followups:
        raise Refused(40094)
    wanted = bool((asked.sent.get("flags") or 0) & EPHEMERAL)
    message = _new(asked, made, asked.sent, ephemeral=wanted)
    made.followups += 1
    return _shown(asked, message)


def _message(asked: Asked, name: str) -> tuple[Interaction, Message]:
    made = _by_token(asked)
    message = made.original if name == "@original" else None
    for reply in made.replies:
        message = reply if reply.id == name else message
    if message is None:
        raise Refused(10008)
    channel = asked.world.channels.get(message.channel)
    posted = channel and message.id in channel.messages
    if not posted and message not in asked.world.ephemerals:
        raise Refused(10008)
    return made, message


def _name(asked: Asked) -> str:
    return asked.ids[2] if len(asked.ids) > 2 else "@original"


def _get(asked: Asked) -> Json:
    return _shown(asked, _message(asked, _name(asked))[1])


def _patch(asked: Asked) -> Json:
    made, message = _message(asked, _name(asked))
    _edit(asked, made, message, asked.sent)
    return _shown(asked, message)


def _delete(asked: Asked) -> None:
    talk.remove(asked.world, _message(asked, _name(asked))[1])


ROUTES: Routes = {
    "POST interactions/*/*/callback": _callback,
    "POST webhooks/*/*": _followup,
    "GET webhooks/*/*/messages/@original": _get,
    "PATCH webhooks/*/*/messages/@original": _patch,
    "DELETE webhooks/*/*/messages/@original": _delete,
    "GET webhooks/*/*/messages/*": _get,
    "PATCH webhooks/*/*/messages/*": _patch,
    "DELETE webhooks/*/*/messages/*": _delete,
}
