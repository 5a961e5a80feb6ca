"""Forms and shortcuts: opening them, and keeping their price true."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adapters.slack import home, modals
from adapters.slack.actions import Action, Mark, Shortcut
from adapters.slack.actions import View as ViewName
from adapters.slack.cards import line
from adapters.slack.gestures import owners_only, picked, tell
from adapters.slack.web import Refused
from bot.conversation import TurnId, TurnRef
from bot.errors import DeliveryError, NotFound, UsageError
from bot.options import GenerationOptions
from bot.preferences import ChannelRules
from bot.printing import reply_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.slack.parts import Parts
    from adapters.slack.values import Asked, Clicked, Commanded, Said, View
    from bot.conversation import ThreadId
    from bot.ports import Record
    from bot.profiles import ModelProfile

Ack = dict[str, Any]

_LONGEST_ALT = 300  # with the ids far below the 3,000 characters of private_metadata
_MOST_FILES = 20


async def open_new(parts: Parts, command: Commanded) -> None:
    """Show the form of a command without words."""
    private = {"channel": command.channel, "response_url": command.response_url}
    view = await _new(parts, modals.Form(), private, command.user)
    await _open(parts, command.trigger_id, view, command.response_url)


async def asked(parts: Parts, asked: Asked) -> None:
    """Show the form of a shortcut."""
    if asked.shortcut == Shortcut.NEW_IMAGE:
        parts.tasks.spawn(_new_anywhere(parts, asked), "form")
    elif asked.shortcut == Shortcut.EDIT_IMAGE and asked.message:
        parts.tasks.spawn(_edit_message(parts, asked, asked.message), "form")


async def _new_anywhere(parts: Parts, asked: Asked) -> None:
    await _open(parts, asked.trigger_id, await _new(parts, modals.Form(), {}, asked.user))


async def _edit_message(parts: Parts, asked: Asked, message: Said) -> None:
    """Show the form for a change of the pictures of a message, ours or anybody's."""
    thread = parts.thread(asked.channel, message.thread_ts or message.ts)
    try:
        about = await _about(parts, asked, message, thread)
    except (UsageError, NotFound) as error:
        await tell(parts, asked, str(error))
        return
    private = {"channel": thread.channel, "thread": thread.thread, **about}
    view = await _edit(parts, modals.Form(), private, asked.user)
    await _open(parts, asked.trigger_id, view, asked.response_url)


async def _about(parts: Parts, asked: Asked, message: Said, thread: ThreadId) -> dict[str, str]:
    """Say which picture a message shows: an answer of ours, or files. UsageError, NotFound."""
    words = await parts.refusal(asked.user, asked.channel, external=asked.external, group=True)
    if words:
        raise UsageError(words)
    await owners_only(parts, thread, asked.user)
    answer = await parts.store.by_post(thread, message.ts)
    if answer is None and asked.own:
        answer = await _answer_below(parts, message, thread)
    if answer:
        answer = await picked(parts, thread, answer)
        turn = await parts.store.get(answer.turn)
        return {"turn": str(answer), "alt": turn.prompt[:_LONGEST_ALT]}
    files = [file for file in message.files if file.id][:_MOST_FILES]
    if not files:
        raise UsageError(
            "There is no picture in this message that I can use. Choose the message that has the"
            " picture."
        )
    try:
        await parts.web.call("files.info", repeatable=True, file=files[0].id)
    except Refused as error:
        raise UsageError(
            "I cannot see this picture. Invite me to its conversation (/invite and my name), or"
            " send me the picture in a direct message."
        ) from error
    return {
        "files": " ".join(file.id for file in files),
        "alt": ", ".join(file.name for file in files)[:_LONGEST_ALT],
    }


async def _answer_below(parts: Parts, message: Said, thread: ThreadId) -> TurnRef | None:
    """Find the answer whose words and buttons a message of ours has."""
    found = await parts.web.call(
        "conversations.replies",
        repeatable=True,
        channel=thread.channel,
        ts=thread.thread,
        oldest=message.ts,
        latest=message.ts,
        inclusive=True,
        limit=10,
        include_all_metadata=True,
    )
    for one in found["messages"]:
        metadata = one.get("metadata", {})
        if one.get("ts") == message.ts and metadata.get("event_type") == Mark.ANSWER:
            return TurnRef(turn=TurnId(metadata["event_payload"]["turn"]))
    return None


async def of_answer(
    parts: Parts, click: Clicked, action: Action, answer: TurnRef, record: Record
) -> None:
    """Show the form or the details behind a button of an answer."""
    turn = record.turn
    private = {
        "turn": str(answer),
        "channel": turn.thread.channel,
        "thread": turn.thread.thread,
        "alt": turn.prompt[:_LONGEST_ALT],
    }
    if action is Action.DETAILS:
        view = modals.details(record, reply_in(record), costs=parts.costs)
    elif action is Action.EDIT:
        view = await _edit(parts, modals.Form(), private, click.user)
    else:
        below = await below_of(parts, private, click.user)
        profile = profile_of(parts, GenerationOptions(), below)
        view = modals.ratio(
            turn.options.aspect_ratio,
            profile=profile,
            price=modals.estimate(profile, below),
            private=private,
        )
    await _open(parts, click.trigger_id, view, click.response_url)


async def clicked(parts: Parts, click: Clicked, action: Action) -> None:
    """Do what a choice or button inside a form or the home tab says."""
    if action is Action.PRICE and click.view:
        await _price_anew(parts, click.view, click.user)
    elif action is Action.PERSON_DEFAULTS:
        defaults = await parts.preferences.person(parts.thread(""), click.user)
        view = home.person_form(defaults, parts.desk.profile(None))
        await _open(parts, click.trigger_id, view)
    elif action is Action.CHANNEL_RULES and await parts.people.is_admin(click.user):
        rules = ChannelRules()
        view = home.channel_form(parts.desk.profile(None), rules=rules)
        await _open(parts, click.trigger_id, view)


async def _price_anew(parts: Parts, view: View, user: str) -> None:
    """Show what the form as it stands would cost."""
    make = _new if view.callback_id == ViewName.NEW else _edit
    form, private = modals.read(view), private_in(view)
    below = await below_of(parts, private, user)
    fitting = _without_search(form.options, profile_of(parts, form.options, below))
    made = await make(parts, replace(form, options=fitting), private, user)
    await parts.web.call("views.update", view_id=view.id, hash=view.hash, view=made)


def _without_search(options: GenerationOptions, profile: ModelProfile) -> GenerationOptions:
    """Leave out a search that was chosen for another model than is chosen now."""
    return replace(
        options,
        web_search=options.web_search if profile.web_search else None,
        image_search=options.image_search if profile.image_search else None,
    )


async def _new(parts: Parts, form: modals.Form, private: Mapping[str, str], user: str) -> Ack:
    below = await below_of(parts, private, user)
    profile = profile_of(parts, form.options, below)
    return modals.new(
        form,
        models=parts.models,
        profile=profile,
        price=modals.estimate(profile, form.options.over(below)),
        private=private,
        ask_channel="channel" not in private,
    )


async def _edit(parts: Parts, form: modals.Form, private: Mapping[str, str], user: str) -> Ack:
    below = await below_of(parts, private, user)
    profile = profile_of(parts, form.options, below)
    return modals.edit(
        form,
        picture_alt=private.get("alt", ""),
        models=parts.models,
        profile=profile,
        price=modals.estimate(profile, form.options.over(below)),
        private=private,
    )


async def below_of(parts: Parts, private: Mapping[str, str], user: str) -> GenerationOptions:
    """Find what holds where a form says nothing: of picture, person, channel, operator."""
    thread = parts.thread(private.get("channel", ""))
    own = await parts.preferences.person(thread, user)
    below = own.over((await parts.preferences.channel(thread)).options).over(parts.defaults)
    if "turn" in private:
        turn = await parts.store.get(TurnRef.parse(private["turn"]).turn)
        below = turn.options.sticky().over(below)
    return below


def profile_of(parts: Parts, said: GenerationOptions, below: GenerationOptions) -> ModelProfile:
    """Find the model; an inherited one that is no longer to be had gives way. UsageError."""
    if said.model is None and below.model:
        with suppress(UsageError):
            return parts.desk.profile(below.model)
    return parts.desk.profile(said.model)


async def _open(parts: Parts, trigger: str, view: Ack, response_url: str = "") -> None:
    """Show a form. DeliveryError; then the person is told, where there is a way."""
    try:
        await parts.web.call("views.open", trigger_id=trigger, view=view)
    except DeliveryError:
        if response_url:
            words = "Slack did not open the form. Try again."
            await parts.web.respond(response_url, line(words))
        raise


def private_in(view: View) -> dict[str, str]:
    """Read what we noted in a form when it was opened."""
    found: dict[str, str] = json.loads(view.private_metadata or "{}")
    return found
