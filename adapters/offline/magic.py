"""Magic prompts: words that make the offline demo behave like a service on a bad day.

One table for the demo, the tests and the docs, as a payment service has its test cards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.conversation import Outcome
from bot.errors import (
    KeyRejected,
    ModelGone,
    OutcomeUnknown,
    QuotaGone,
    ServiceBusy,
    SignatureRefused,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.errors import ModelError

_LONGEST = 600  # seconds of !slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Magic:
    """What one magic prompt does; without an error or outcome the demo paints as usual.

    does: for people, one line. pause: seconds of silent work first. waits: seconds of each wait
    that the person is told of. error: what the call raises, with ``words``. verbatim: only when
    earlier turns are sent as the model wrote them. outcome, finish_reason: of an answer without a
    picture, with ``words``. begun: what has arrived of the answer before the error.
    """

    does: str
    pause: int = 0
    waits: tuple[int, ...] = ()
    error: type[ModelError] | None = None
    verbatim: bool = False
    outcome: Outcome | None = None
    finish_reason: str = ""
    words: str = ""
    begun: bytes = b""


MAGIC: Mapping[str, Magic] = {
    "!safety": Magic(
        does="the answer is refused for safety",
        outcome=Outcome.REFUSED,
        finish_reason="IMAGE_SAFETY",
        words="The picture was held back by the safety filter. Say it in other words.",
    ),
    "!prohibited": Magic(
        does="the prompt itself is blocked",
        outcome=Outcome.REFUSED,
        finish_reason="PROHIBITED_CONTENT",
        words="The request was blocked as prohibited content. Ask for something else.",
    ),
    "!noimage": Magic(
        does="the answer has no picture, by accident",
        outcome=Outcome.AGAIN,
        finish_reason="NO_IMAGE",
        words="The model made no picture. Say it in other words, or try again.",
    ),
    "!textonly": Magic(
        does="the answer is a question instead of a picture",
        outcome=Outcome.ANSWER,
        finish_reason="STOP",
        words="Before I paint: by day or by night?",
    ),
    "!two": Magic(does="the answer has two pictures"),
    "!slow": Magic(does="takes N seconds, such as !slow 10", pause=40),
    "!429": Magic(
        does="the service is rate limited, also after a wait",
        waits=(3,),
        error=ServiceBusy,
        words="The image service is rate limited. Nothing was charged; try again in a minute.",
    ),
    "!500": Magic(
        does="the service fails, also on the second try",
        waits=(2,),
        error=ServiceBusy,
        words="The image service has a fault. Nothing was charged; try again in a minute.",
    ),
    "!503": Magic(
        does="the service is overloaded, also on the third try",
        waits=(2, 6),
        error=ServiceBusy,
        words="The image service is overloaded. Nothing was charged; try again in a minute.",
    ),
    "!cut": Magic(
        does="the connection breaks in the middle of the answer",
        error=OutcomeUnknown,
        begun=b'{"text": "OFFLINE',
        words="The answer broke off. It may have been charged. Try again to ask once more.",
    ),
    "!timeout": Magic(
        does="no answer comes in time",
        pause=10,
        error=OutcomeUnknown,
        words="No answer came in time. It may have been charged. Try again to ask once more.",
    ),
    "!truncate": Magic(does="the answer arrives, but its end is missing"),
    "!badpng": Magic(does="the picture is broken and cannot be opened"),
    "!hugefile": Magic(does="the picture is a 4K file of tens of megabytes"),
    "!size": Magic(does="the picture has another size than asked"),
    "!grounded": Magic(does="the answer comes with sources and search suggestions"),
    "!signature": Magic(
        does="refuses history sent verbatim, takes its pictures as material",
        error=SignatureRefused,
        verbatim=True,
        words="A thought signature was refused. Send the pictures as material instead.",
    ),
    "!key": Magic(
        does="the API key is refused",
        error=KeyRejected,
        words="The image service refused the API key. The operator has to set a valid one.",
    ),
    "!gone": Magic(
        does="the model does not exist any more",
        error=ModelGone,
        words="The model is gone. Use --model offline-demo.",
    ),
    "!quota": Magic(
        does="the provider's quota for today is used up",
        error=QuotaGone,
        words="The provider's quota for today is used up. Try again tomorrow.",
    ),
}
"""Every magic prompt by name. They may stand anywhere in the words, several together."""

HELP = "\n".join(f"{name}: {magic.does}" for name, magic in MAGIC.items())
"""All of them for people, one a line."""

_NAMES = "|".join(re.escape(name) for name in MAGIC if name != "!slow")
_FIND = re.compile(
    rf"(?<!\S)(?:(?P<name>{_NAMES})|!slow(?:\s+(?P<seconds>\d+))?)(?![\w-])", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """The magic of one prompt. prompt: the other words. slow: seconds of !slow."""

    names: frozenset[str]
    prompt: str
    slow: int = 0

    def __contains__(self, name: str) -> bool:
        """Whether a magic prompt was said."""
        return name in self.names

    @property
    def magics(self) -> list[Magic]:
        """List what was said, in the order of the table."""
        return [magic for name, magic in MAGIC.items() if name in self.names]


def find(text: str) -> Spell:
    """Take the magic prompts out of a text."""
    names, slow = set(), 0
    for match in _FIND.finditer(text):
        names.add((match["name"] or "!slow").lower())
        if not match["name"]:
            slow = min(int(match["seconds"] or MAGIC["!slow"].pause), _LONGEST)
    prompt = " ".join(_FIND.sub(" ", text).split()) if names else text.strip()
    return Spell(names=frozenset(names), prompt=prompt, slow=slow)
