"""Pieces of Components V2 that messages are made of, as values; Card makes them a view. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import discord

from adapters.discord.actions import custom_id
from adapters.discord.text import escape, lines, link, units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from adapters.discord.actions import Action
    from bot.conversation import Source

LONGEST_TEXT = 2_900
"""Of one text display; Discord takes 4,000 in a whole message."""
MOST_FILES = 10
MOST_TEXT = 3_900  # characters of UTF-16; Discord takes 4,000, by which reading is not documented

_LONGEST_ALT = 1_024
_LONGEST_LABEL = 80
_LONGEST_LINE = 1_000
_MOST_IN_ROW = 5
_CENT = 10_000  # micro-dollars
_STYLES = {
    "": discord.ButtonStyle.secondary,
    "primary": discord.ButtonStyle.primary,
    "danger": discord.ButtonStyle.danger,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button. value: an id; rights are checked at the click."""

    action: Action
    label: str
    value: str = ""
    style: Literal["primary", "danger", ""] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Pictures side by side, 1 to 10. pictures: file name and description of each."""

    pictures: tuple[tuple[str, str], ...]
    spoiler: bool = False


Block: TypeAlias = str | Gallery
"""A piece of a message; text is Discord's Markdown, ready to be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A message. blocks: stand in a frame. rows: of buttons, 1 to 5 each, below it."""

    blocks: tuple[Block, ...]
    rows: tuple[tuple[Button, ...], ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that the message has to bring, in order."""
        galleries = (block for block in self.blocks if isinstance(block, Gallery))
        return tuple(name for gallery in galleries for name, _ in gallery.pictures)

    def view(self) -> discord.ui.LayoutView:
        """Make a view to send: a new one each time, because a view remembers its message.

        Inside an event loop it is stopped, so that discord.py does not keep it in memory and hear
        clicks twice: the buttons answer by their custom_id.
        """
        view = discord.ui.LayoutView(timeout=None)
        view.add_item(discord.ui.Container(*map(_item, self.blocks)))
        for row in self.rows:
            view.add_item(discord.ui.ActionRow(*map(_button, row)))
        view.stop()
        return view


def rows(buttons: Iterable[Button]) -> tuple[tuple[Button, ...], ...]:
    """Spread buttons over as few rows as there have to be."""
    left = list(buttons)
    starts = range(0, len(left), _MOST_IN_ROW)
    return tuple(tuple(left[start : start + _MOST_IN_ROW]) for start in starts)


def paragraph(text: str, most: int = LONGEST_TEXT) -> str:
    """Write a paragraph of anybody's words, literal, with their line breaks."""
    return _fitting(text, most, escape) or "-"


def small(text: str, most: int = _LONGEST_LINE) -> str:
    """Write small grey lines of anybody's words."""
    return _fitting(text, most, _small) or "-# -"


def quotation(text: str, most: int = LONGEST_TEXT) -> str:
    """Write a quotation of what somebody said."""
    return _fitting(text, most, _quoted) or "> -"


def words(text: str, most: int = _LONGEST_LINE) -> str:
    """Write one literal line of anybody's words."""
    return _fitting(" ".join(text.split()), most, escape) or "-"


def moment(when: datetime) -> str:
    """Write a time; everybody sees it in their own time zone."""
    return f"<t:{int(when.timestamp())}:f>"


def listed(title: str, items: Iterable[str]) -> list[str]:
    """Write lists, each small enough for a text display; the first one has the title.

    items: Markdown of one line each. title: ours, "" for none.
    """
    return joined(f"**{title}**" if title else "", (f"- {item}" for item in items))


def joined(title: str, given: Iterable[str]) -> list[str]:
    """Put lines together to texts of at most so much as a text display takes; [] for no lines."""
    texts: list[str] = []
    for line in given:
        both = f"{texts[-1]}\n{line}" if texts else f"{title}\n{line}".lstrip("\n")
        if texts and units(both) > LONGEST_TEXT:
            texts.append(line)
        else:
            texts[-1:] = [both]
    return texts


def linked(sources: Sequence[Source]) -> list[str]:
    """Write links to the pages that an answer rests on."""
    return [link(source.url, source.title) for source in sources]


def galleries(files: Sequence[str], described: Sequence[str], *, spoiler: bool) -> list[Gallery]:
    """Make galleries, each of at most as many pictures as a message takes.

    files: names, in the order of the descriptions; what has no file is left out.
    """
    shown = list(zip(files, described, strict=False))
    return [
        Gallery(pictures=tuple(shown[start : start + MOST_FILES]), spoiler=spoiler)
        for start in range(0, len(shown), MOST_FILES)
    ]


def pages(body: Iterable[Block], end: str) -> list[list[Block]]:
    """Spread blocks over as few messages as Discord's limits allow, in order."""
    made: list[list[Block]] = [[]]
    for block in (*body, end):
        if made[-1] and not fits([*made[-1], block]):
            made.append([])
        made[-1].append(block)
    return made


def fits(blocks: Sequence[Block]) -> bool:
    """Tell whether one message holds this; texts are long, so 40 components are never reached."""
    texts = [block for block in blocks if isinstance(block, str)]
    pictures = sum(len(block.pictures) for block in blocks if isinstance(block, Gallery))
    return pictures <= MOST_FILES and sum(map(units, texts)) <= MOST_TEXT


def dollars(amount: int) -> str:
    """Write micro-dollars as people do: cents, and more digits for less than a cent."""
    return f"${amount / 1e6:.2f}" if amount >= _CENT or not amount else f"${amount / 1e6:.4f}"


def fitting(text: str, most: int) -> str:
    """Bring a text for a plain field into one line of at most so many characters of UTF-16."""
    return _fitting(" ".join(text.split()), most, str)


def _fitting(text: str, most: int, write: Callable[[str], str]) -> str:
    """Shorten a text until what is written of it fits; escapes make it longer.

    Of a very long one only the beginning is looked at.
    """
    cut, text = most, text[: 4 * most]
    while units(written := write(lines(text, cut))) > most:
        cut = max(1, cut * most // units(written))
    return written


def _small(text: str) -> str:
    return "\n".join(f"-# {line}" for line in escape(text).split("\n") if line)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in escape(text).split("\n")) if text else ""


def _item(block: Block) -> discord.ui.Item[discord.ui.LayoutView]:
    if isinstance(block, str):
        return discord.ui.TextDisplay(block)
    return discord.ui.MediaGallery(
        *(
            discord.MediaGalleryItem(
                f"attachment://{name}",
                description=fitting(description, _LONGEST_ALT) or "Picture",
                spoiler=block.spoiler,
            )
            for name, description in block.pictures
        )
    )


def _button(button: Button) -> discord.ui.Button[discord.ui.LayoutView]:
    return discord.ui.Button(
        style=_STYLES[button.style],
        label=fitting(button.label, _LONGEST_LABEL) or "-",
        custom_id=custom_id(button.action, button.value),
    )
