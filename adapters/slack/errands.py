"""Errands: a command or form that begins a thread, kept until its root message and turn exist.

Saved before the acknowledgement; then the root message is posted, the turn accepted in its thread,
and the errand forgotten. Each step may be repeated after a crash.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from adapters.slack.actions import Action
from adapters.slack.cards import Button, line, root
from adapters.slack.files_in import attachment
from adapters.slack.values import SlackFile
from adapters.slack.web import Refused
from bot.chat import Message
from bot.commands import parse, render
from bot.errors import DeliveryError, DependencyDown, UsageError
from bot.options import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.slack.cards import Card
    from adapters.slack.parts import Parts
    from adapters.slack.values import Clicked

ERRANDS = "slack.errand"
"""Kind of the notes in the journal."""

_WAITS = (2, 10, 60)  # seconds before the root message is tried again
_NOT_THERE = {"not_in_channel", "channel_not_found"}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What somebody wants to begin a thread with.

    key: unique, the id of the turn's message. channel: "" for a direct message. at: ISO time.
    options: typed ones, of a form. stuck: the root message could not be posted, so the person was
    asked whether a direct message will do.
    """

    key: str
    channel: str
    user: str
    user_name: str
    text: str
    at: str
    response_url: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[SlackFile, ...] = ()
    stuck: bool = False


def check(
    parts: Parts, text: str, options: GenerationOptions, *, inherited: str | None = None
) -> None:
    """Refuse what the core would refuse, before a message of ours stands in the channel.

    inherited: the model that paints when neither text nor options name one. Raises UsageError.
    """
    said = parse(text).options.over(options)
    parts.desk.profile(said.model or inherited).check(said)


async def save(parts: Parts, errand: Errand) -> None:
    """Make an errand durable and start it."""
    await parts.journal.write(ERRANDS, errand.key, asdict(errand))
    parts.fault("slack.errand_saved")
    parts.tasks.spawn(_run(parts, errand), "errand")


async def resume(parts: Parts) -> None:
    """Go on with the errands that a crash left."""
    for note in (await parts.journal.all(ERRANDS)).values():
        errand = _errand(note)
        if not errand.stuck:
            parts.tasks.spawn(_run(parts, errand), "errand")


def _errand(note: Mapping[str, Any]) -> Errand:
    return Errand(**{**note, "files": tuple(SlackFile(**file) for file in note["files"])})


async def _run(parts: Parts, errand: Errand) -> None:
    """Bring an errand to its turn; while the storage is down this goes on for as long as it is."""
    tries = 0
    while True:
        wait = _WAITS[min(tries, len(_WAITS) - 1)]
        try:
            return await _begin(parts, errand)
        except DeliveryError as error:
            if error.final or tries >= len(_WAITS):
                await _stuck(parts, errand, error)
                return None
            _log.warning("root message postponed", error=str(error), again_in=wait)
        except DependencyDown as error:
            _log.error("storage down, an errand waits", error=str(error), again_in=wait)
        tries += 1
        await asyncio.sleep(wait)


async def _begin(parts: Parts, errand: Errand) -> None:
    """Post the root message and accept the turn. DeliveryError, DependencyDown."""
    request = parse(errand.text)
    options = GenerationOptions(**errand.options)
    card = root(errand.user, request.prompt, render(request.options.over(options)))
    at = datetime.fromisoformat(errand.at)
    channel = errand.channel or await parts.direct_channel(errand.user)
    ts = await parts.courier.root(errand.key, channel, card, at)
    message = Message(
        id=errand.key,
        thread=parts.thread(channel, ts),
        author=errand.user,
        author_name=errand.user_name,
        text=errand.text,
        sent_at=at,
        options=options,
        attachments=tuple(attachment(file) for file in errand.files),
        ref={"ts": ts, "user": errand.user, "kind": "command"},
    )
    await parts.desk.accept(message)
    await parts.journal.remove(ERRANDS, errand.key)


async def _stuck(parts: Parts, errand: Errand, error: DeliveryError) -> None:
    """Tell the person that nothing can be posted there, and where it could be."""
    if isinstance(error, Refused) and error.code in _NOT_THERE:
        words = (
            "I am not in that conversation, so I cannot answer there. If it is a channel, invite me"
            " (/invite and my name) and ask again. Or have it painted in a direct message."
        )
    else:
        words = f"I could not begin a thread there. {error}"
    button = Button(action=Action.DIRECT, label="Paint it in a direct message", value=errand.key)
    await _answer(parts, errand, line(words, button) if errand.channel else line(words))
    note = asdict(errand) | {"stuck": True}
    await parts.journal.write(ERRANDS, errand.key, note)


async def _answer(parts: Parts, errand: Errand, card: Card) -> None:
    """Tell the person of an errand something that nobody else sees. DeliveryError."""
    if errand.response_url:
        try:
            await parts.web.respond(errand.response_url, card)
        except Refused as error:  # it lives for half an hour
            _log.info("a response_url was refused", code=error.code)
        else:
            return
    await parts.web.call(
        "chat.postMessage",
        channel=await parts.direct_channel(errand.user),
        text=card.text,
        blocks=list(card.blocks),
    )


async def direct(parts: Parts, click: Clicked) -> None:
    """Run a stuck errand in a direct message instead. UsageError when it is gone."""
    note = await parts.journal.read(ERRANDS, click.value)
    if note is None or note["user"] != click.user:
        raise UsageError("This request is painted already, or too old. Ask again.")
    await save(parts, _errand({**note, "channel": "", "stuck": False}))
    used = line("It is being painted in our direct message.")
    parts.tasks.spawn(parts.web.respond(click.response_url, used, replace=True), "used button")
