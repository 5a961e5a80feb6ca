"""The front door: every payload becomes durable here, and is acknowledged by returning.

What fails here is not acknowledged, so that Slack delivers it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

import structlog

from adapters.slack import clicks, errands, forms, home_tab, messages, submissions
from adapters.slack.cards import line
from adapters.slack.events import read
from adapters.slack.text import prompt_of
from adapters.slack.values import (
    Asked,
    Clicked,
    Commanded,
    Deleted,
    Edited,
    HomeOpened,
    Ignored,
    Removed,
    Said,
    Shared,
    Stopped,
    Submitted,
)
from bot.commands import command_word, help_text
from bot.errors import UsageError
from bot.options import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.slack.parts import Parts
    from adapters.slack.values import Event

_log = structlog.get_logger(__name__)

Ack = dict[str, Any]
"""What is sent back with the acknowledgement; empty for nothing."""


async def take(parts: Parts, body: Mapping[str, Any]) -> Ack:
    """Take one payload; returns the acknowledgement."""
    event = read(body, parts.own)
    if isinstance(event, Commanded):
        return await _commanded(parts, event)
    if isinstance(event, Submitted):
        return await submissions.submitted(parts, event)
    await _happened(parts, event)
    return {}


async def _happened(parts: Parts, event: Event) -> None:  # noqa: C901, PLR0912 - one line a kind
    match event:
        case Said():
            await messages.said(parts, event)
        case Edited():
            await messages.edited(parts, event)
        case Deleted():
            await messages.deleted(parts, event)
        case Stopped():
            await messages.stopped(parts, event)
        case Clicked():
            await clicks.clicked(parts, event)
        case Asked():
            await forms.asked(parts, event)
        case HomeOpened():
            if event.tab == "home":
                parts.tasks.spawn(home_tab.publish(parts, event.user), "home")
        case Shared():
            parts.tasks.spawn(parts.courier.adopt(event), "share")
        case Removed():
            _log.error("the app was removed from the workspace", team=event.team)
            parts.web.stop("app_uninstalled")
        case Ignored():
            _log.debug("slack payload ignored", why=event.why)
        case Commanded() | Submitted():
            raise AssertionError(event)
        case _:
            assert_never(event)


async def _commanded(parts: Parts, command: Commanded) -> Ack:
    """Begin a thread, show the form, or say at once what is wrong."""
    words = await parts.refusal(
        command.user, command.channel, external=command.external, group=True
    )
    if words:
        return _only_for_them(words)
    text = prompt_of(command.text, parts.own.user)
    word = command_word(text)
    if word == "help":
        return _only_for_them(help_text())
    if word:
        return _only_for_them(f"Reply with this word in the thread of a picture: {word}")
    if not text.strip():
        parts.tasks.spawn(forms.open_new(parts, command), "form")
        return {}
    try:
        errands.check(parts, text, GenerationOptions())
    except UsageError as error:
        return _only_for_them(str(error))
    errand = errands.Errand(
        key=f"command:{command.trigger_id}",
        channel=command.channel,
        user=command.user,
        user_name=command.user_name,
        text=text,
        at=parts.now().isoformat(),
        response_url=command.response_url,
    )
    await errands.save(parts, errand)
    return {}


def _only_for_them(text: str) -> Ack:
    card = line(text)
    return {"response_type": "ephemeral", "text": card.text, "blocks": list(card.blocks)}
