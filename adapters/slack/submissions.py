"""Doing what people sent in forms: checked, made durable, errors shown under their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.slack import errands, forms, home, home_tab, modals
from adapters.slack.actions import View as ViewName
from adapters.slack.fields import Field
from adapters.slack.files_in import attachment
from adapters.slack.gestures import owners_only
from adapters.slack.values import SlackFile
from bot.chat import Message
from bot.controls import reshape
from bot.conversation import ROOT, TurnRef
from bot.errors import NotFound, UsageError
from bot.options import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.slack.parts import Parts
    from adapters.slack.values import Submitted

Ack = dict[str, Any]


async def submitted(parts: Parts, sent: Submitted) -> Ack:
    """Do what was sent; returns what Slack shows: nothing, or errors under the fields."""
    try:
        return await _submitted(parts, sent)
    except (UsageError, NotFound) as error:
        ratio = sent.view.callback_id == ViewName.RATIO
        return _errors({Field.RATIO if ratio else Field.PROMPT: str(error)})


async def _submitted(parts: Parts, sent: Submitted) -> Ack:
    view = sent.view
    if view.callback_id == ViewName.PERSON:
        await parts.preferences.set_person(parts.thread(""), sent.user, home.person_in(view))
        parts.tasks.spawn(home_tab.publish(parts, sent.user), "home")
    elif view.callback_id == ViewName.CHANNEL:
        return await _set_channel(parts, sent)
    elif view.callback_id in {ViewName.NEW, ViewName.EDIT, ViewName.RATIO}:
        return await _picture_wanted(parts, sent)
    return {}


async def _picture_wanted(parts: Parts, sent: Submitted) -> Ack:
    """Begin a thread, or ask for a change. UsageError."""
    form, private = modals.read(sent.view), forms.private_in(sent.view)
    channel = private.get("channel") or form.channel
    words = await parts.refusal(sent.user, channel or "D", external=sent.external, group=True)
    if words:
        raise UsageError(words)
    if "thread" in private:
        await owners_only(parts, parts.thread(channel, private["thread"]), sent.user)
    if sent.view.callback_id == ViewName.RATIO:
        await _reshape(parts, sent, form, private)
        return {}
    profile = forms.profile_of(parts, form.options, await forms.below_of(parts, private, sent.user))
    if wrong := modals.errors(form, profile):
        return _errors(wrong)
    errands.check(parts, form.prompt, form.options, inherited=profile.id)
    if sent.view.callback_id == ViewName.NEW:
        await _begin(parts, sent, form, private)
    else:
        await _change(parts, sent, form, private)
    return {}


def _errors(by_field: Mapping[str, str]) -> Ack:
    return {"response_action": "errors", "errors": dict(by_field)}


async def _begin(
    parts: Parts, sent: Submitted, form: modals.Form, private: Mapping[str, str]
) -> None:
    """Begin a thread where the form says; without a place, in a direct message."""
    channel = private.get("channel") or form.channel
    response_url = next(iter(sent.view.response_urls), private.get("response_url", ""))
    errand = errands.Errand(
        key=f"form:{sent.view.id}",
        channel=channel,
        user=sent.user,
        user_name=sent.user_name,
        text=form.prompt,
        at=parts.now().isoformat(),
        response_url=response_url,
        options=form.options.said(),
        files=form.files,
    )
    await errands.save(parts, errand)


async def _change(
    parts: Parts, sent: Submitted, form: modals.Form, private: Mapping[str, str]
) -> None:
    """Ask for a change of our picture, or of the pictures of somebody's message."""
    answer = TurnRef.parse(private["turn"]) if "turn" in private else ROOT
    named = private.get("files", "").split()
    files = [_stub(file) for file in named] + list(form.files)
    await parts.desk.accept(
        _message(
            parts, sent, private, text=form.prompt, options=form.options, branch=answer, files=files
        )
    )


async def _reshape(
    parts: Parts, sent: Submitted, form: modals.Form, private: Mapping[str, str]
) -> None:
    if wanted := form.options.aspect_ratio:
        base = _message(parts, sent, private)
        await parts.desk.accept(reshape(base, TurnRef.parse(private["turn"]), wanted))


def _message(  # one for both forms about a picture
    parts: Parts,
    sent: Submitted,
    private: Mapping[str, str],
    *,
    text: str = "",
    options: GenerationOptions | None = None,
    branch: TurnRef = ROOT,
    files: list[SlackFile] | None = None,
) -> Message:
    return Message(
        id=f"form:{sent.view.id}",
        thread=parts.thread(private["channel"], private["thread"]),
        author=sent.user,
        author_name=sent.user_name,
        text=text,
        sent_at=parts.now(),
        options=options or GenerationOptions(),
        branch=branch,
        attachments=tuple(attachment(file) for file in files or ()),
        ref={"user": sent.user, "kind": "click"},
    )


def _stub(file: str) -> SlackFile:
    """Name a file of which only the id fits into the form; Slack is asked for the rest."""
    return SlackFile(id=file, name="picture", mime_type=None, size=None, url="", stub=True)


async def _set_channel(parts: Parts, sent: Submitted) -> Ack:
    channel, rules = home.channel_in(sent.view)
    if not await parts.people.is_admin(sent.user):
        return _errors({Field.CHANNEL: "Only admins can set channels."})
    await parts.preferences.set_channel(parts.thread(channel), rules)
    parts.tasks.spawn(home_tab.publish(parts, sent.user), "home")
    return {}
