"""Errands: a command or form that begins a thread, kept until its root message and turn exist.

Saved while the interaction is acknowledged; then the root message is posted, its thread opened, the
turn accepted in it, and the errand forgotten. Each step may be repeated after a crash.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from adapters.discord import cards
from adapters.discord.deferred import Deferred
from adapters.discord.files_in import attachment
from adapters.discord.parts import PLATFORM
from adapters.discord.posting import Letter
from adapters.discord.values import DiscordFile
from bot.chat import Message
from bot.commands import parse, render
from bot.conversation import ROOT, ThreadId
from bot.errors import DeliveryError, DependencyDown
from bot.options import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.discord.parts import Parts

ERRANDS = "discord.errand"
"""Kind of the notes in the journal."""

_WAITS = (2, 10, 60)  # seconds before the root message is tried again

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What somebody wants to begin a thread with.

    key: of the interaction, the id of the turn's message. at: ISO time. options: typed ones.
    ref: of the turn.
    """

    key: str
    guild: str
    channel: str
    user: str
    user_name: str
    text: str
    at: str
    options: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[DiscordFile, ...] = ()
    quota: int | None = None
    ref: Mapping[str, str] = field(default_factory=dict)


def check(parts: Parts, text: str, options: GenerationOptions) -> None:
    """Refuse what the core would refuse, before a message of ours stands in the channel.

    Raises UsageError.
    """
    said = parse(text).options.over(options)
    parts.desk.profile(said.model).check(said)


async def save(parts: Parts, errand: Errand) -> None:
    """Make an errand durable and start it."""
    await parts.journal.write(ERRANDS, errand.key, asdict(errand))
    parts.fault("discord.errand_saved")
    parts.tasks.spawn(_run(parts, errand), "errand")


async def resume(parts: Parts) -> None:
    """Go on with the errands that a crash left."""
    for note in (await parts.journal.all(ERRANDS)).values():
        files = tuple(DiscordFile(**file) for file in note["files"])
        parts.tasks.spawn(_run(parts, Errand(**{**note, "files": files})), "errand")


async def _run(parts: Parts, errand: Errand) -> None:
    """Bring an errand to its turn; while the storage is down this goes on for as long as it is."""
    tries = 0
    while True:
        wait = _WAITS[min(tries, len(_WAITS) - 1)]
        try:
            return await _begin(parts, errand)
        except DeliveryError as error:
            if error.final or tries >= len(_WAITS):
                await _give_up(parts, errand, error)
                return None
            _log.warning("root message postponed", error=str(error), again_in=wait)
        except DependencyDown as error:
            _log.error("storage down, an errand waits", error=str(error), again_in=wait)
        tries += 1
        await asyncio.sleep(wait)


async def _begin(parts: Parts, errand: Errand) -> None:
    """Post the root message, open its thread, accept the turn. DeliveryError, DependencyDown."""
    request = parse(errand.text)
    options = GenerationOptions(**errand.options)
    card = cards.root(errand.user, request.prompt, render(request.options.over(options)))
    at = datetime.fromisoformat(errand.at)
    root = await parts.courier.root(errand.key, errand.channel, card, at)
    thread = ThreadId(
        platform=PLATFORM, workspace=errand.guild, channel=errand.channel, thread=root
    )
    await parts.courier.thread(thread, request.prompt)
    await parts.desk.accept(
        Message(
            id=errand.key,
            thread=thread,
            author=errand.user,
            author_name=errand.user_name,
            text=errand.text,
            sent_at=at,
            options=options,
            branch=ROOT,
            attachments=tuple(attachment(file) for file in errand.files),
            quota=errand.quota,
            ref=errand.ref,
        )
    )
    await parts.journal.remove(ERRANDS, errand.key)


async def _give_up(parts: Parts, errand: Errand, error: DeliveryError) -> None:
    """Tell the person that nothing can be posted there, if there is still a way to."""
    await parts.journal.remove(ERRANDS, errand.key)
    words = f"I cannot paint in this channel. {error} Ask a moderator, or write to me directly."
    deferred = Deferred(calls=parts.calls, journal=parts.journal, now=parts.now)
    letter = Letter(card=cards.line(words))
    await deferred.edit(deferred.ticket(errand.ref), letter)
