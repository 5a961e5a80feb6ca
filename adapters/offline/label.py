"""The label under every picture of the offline demo: what was asked, and that nobody painted it."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFont

NOTE = "OFFLINE DEMO - no AI model was called"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Size = tuple[int, int]

_BAND = "#ffc845"
_INK = "#23232b"
_PAPER = "#fbf7ee"
_SHARE = 0.027  # letter height over the square root of the area
_SMALLEST = 13  # pixels; smaller letters cannot be read
_TALLEST = 0.3  # of the picture's height: above that the caption gives way
_SPACING = 1.3
# What Pillow's own font has besides ASCII: quotation marks, an ellipsis and a few signs.
_EXTRA = frozenset(
    "\u00a9\u00ab\u00b0\u00b1\u00b4\u00b7\u00bb\u2018\u2019\u201c\u201d\u2026\u2039\u203a\u2122"
)


def art_size(size: Size) -> Size:
    """Compute the pixels that are left above the label of a picture of this size."""
    return size[0], size[1] - _band_of(size).height - _caption_height(size)


def labelled(art: Image.Image, size: Size, caption: str) -> Image.Image:
    """Put the label under a picture; art: as large as ``art_size(size)``."""
    picture = Image.new("RGB", size, _PAPER)
    picture.paste(art, (0, 0))
    band = _band_of(size)
    room = _caption_height(size)
    if room:
        font = _font(size)
        words = _shortened(printable(caption)[0], font, size[0] - 2 * _margin(size))
        middle = (size[0] / 2, art.height + room / 2)
        ImageDraw.Draw(picture).text(middle, words, fill=_INK, font=font, anchor="mm")
    picture.paste(band, (0, size[1] - band.height))
    return picture


def unlabelled(picture: Image.Image) -> Image.Image:
    """Take the label off one of our own pictures; any other comes back as it is."""
    band = _band_of(picture.size)
    if band.height >= picture.height:
        return picture
    below = picture.crop((0, picture.height - band.height, *picture.size))
    if ImageChops.difference(below, band).getbbox():
        return picture
    return picture.crop((0, 0, *art_size(picture.size)))


def printable(text: str) -> tuple[str, str]:
    """Split a text into what Pillow's own font can show, accents dropped, and what it lacks."""
    plain = "".join(
        c for c in unicodedata.normalize("NFKD", " ".join(text.split())) if not _is_accent(c)
    )
    kept = "".join(c for c in plain if c.isascii() or c in _EXTRA)
    return kept.strip(), "".join(c for c in plain if not c.isascii() and c not in _EXTRA)


def wrapped(text: str, font: Font, width: float) -> list[str]:
    """Break a text into lines of at most ``width`` pixels; a single long word may be wider."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def letters(size: Size) -> int:
    """Choose the letter height of the label, in pixels."""
    return max(_SMALLEST, round(math.sqrt(size[0] * size[1]) * _SHARE))


def _is_accent(character: str) -> bool:
    return unicodedata.category(character) in {"Mn", "Cc", "Cf"}


def _font(size: Size) -> Font:
    return ImageFont.load_default(letters(size))


def _margin(size: Size) -> int:
    return round(letters(size) * 0.6)


def _caption_height(size: Size) -> int:
    height = round(letters(size) * 2)
    return height if _band_of(size).height + height <= _TALLEST * size[1] else 0


def _shortened(text: str, font: Font, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[: -max(1, len(text) // 20)].rstrip()
    return f"{text}…"


@lru_cache(maxsize=32)
def _band_of(size: Size) -> Image.Image:
    """Draw the band of a picture of this size, always the same pixels."""
    font = _font(size)
    width = size[0] - 2 * _margin(size)
    lines = wrapped(NOTE, font, width)
    if len(lines) > 1:
        lines = [line for part in NOTE.split(" - ") for line in wrapped(part, font, width)]
    step = round(letters(size) * _SPACING)
    band = Image.new("RGB", (size[0], len(lines) * step + _margin(size)), _BAND)
    draw = ImageDraw.Draw(band)
    for number, line in enumerate(lines):
        middle = (size[0] / 2, _margin(size) / 2 + step * (number + 0.5))
        bold = letters(size) / 40
        draw.text(middle, line, fill=_INK, font=font, anchor="mm", stroke_width=bold)
    return band
