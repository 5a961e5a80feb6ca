"""Messages that show uploaded pictures while Slack itself does not, and that go when it does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from adapters.slack import cards
from adapters.slack.actions import Mark
from adapters.slack.posting import Label, Place
from adapters.slack.web import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.slack.posting import Posting
    from bot.ports import Journal

STAND_INS = "slack.standin"
FILES = "slack.file"
"""By file id: which delivery something stands in for, or is about to."""

_IN_BLOCKS = {"png", "jpg", "gif"}  # an image block shows no WebP
_GALLERY = "Slack does not post this by itself, so here it is."
_LINKS = "Slack has this, but does not show it here. Open it by its link."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A file that Slack has and does not show. ending: of its name."""

    file: str
    ending: str
    alt_text: str
    permalink: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """The message that may stand in for one delivery. key: of the delivery's notes."""

    turn: str
    key: str
    place: Place

    @property
    def label(self) -> Label:
        """What tells the message from all others."""
        payload = {"turn": self.turn, "part": "pictures"}
        return Label(kind=STAND_INS, key=self.key, mark=Mark.ANSWER, payload=payload)


class StandIns:
    """Keeps at most one message for each delivery; every method may be repeated."""

    def __init__(self, *, journal: Journal, posting: Posting) -> None:
        """Take the parts."""
        self._journal = journal
        self._posting = posting

    async def stands(self, stand_in: StandIn) -> bool:
        """Tell whether there is such a message, or was to be one."""
        return await self._journal.read(STAND_INS, stand_in.key) is not None

    async def announce(self, stand_in: StandIn, files: Sequence[str]) -> None:
        """Note for which files something is about to stand in."""
        about = {"turn": stand_in.turn, "key": stand_in.key, **asdict(stand_in.place)}
        for file in files:
            await self._journal.write(FILES, file, about)

    async def of_file(self, file: str) -> StandIn | None:
        """Find what stands in for a file."""
        note = await self._journal.read(FILES, file)
        if note is None:
            return None
        place = Place(channel=note["channel"], thread=note["thread"])
        return StandIn(turn=note["turn"], key=note["key"], place=place)

    async def show(self, stand_in: StandIn, pending: Sequence[Pending]) -> str:
        """Show files as image blocks, or by links where Slack refuses those; return the ts."""
        if all(one.ending in _IN_BLOCKS for one in pending):
            gallery = cards.gallery([(one.file, one.alt_text) for one in pending], _GALLERY)
            try:
                return await self._posting.post(stand_in.place, gallery, stand_in.label)
            except Refused as error:
                if error.code != "invalid_blocks":
                    raise
        links = cards.links([one.permalink for one in pending], _LINKS)
        return await self._posting.post(stand_in.place, links, stand_in.label)

    async def withdraw(self, stand_in: StandIn) -> None:
        """Delete the message, if there is one."""
        await self._posting.withdraw(stand_in.place, stand_in.label)
