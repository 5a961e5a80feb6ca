"""What the edits of the offline demo do to pixels; RGB in, RGB out, the size stays."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from adapters.offline.label import wrapped
from adapters.offline.tiles import mix, rgb

_WHITE = (255, 255, 255)


def brightness(picture: Image.Image, amount: float) -> Image.Image:
    """Lighten (amount 1 is one step) or darken (-1); white stays white, black becomes grey."""
    if amount < 0:
        return ImageEnhance.Brightness(picture).enhance(1 + 0.32 * max(amount, -2))
    lift, bend = 12 * amount, 1 / (1 + 0.35 * amount)
    curve = [round(lift + (255 - lift) * (value / 255) ** bend) for value in range(256)]
    return picture.point(curve * 3)


def warmth(picture: Image.Image, amount: float) -> Image.Image:
    """Shift towards red (amount 1) or towards blue (-1)."""
    scales = (1 + 0.12 * amount, 1 + 0.02 * amount, 1 - 0.16 * amount)
    return picture.point([min(255, round(v * scale)) for scale in scales for v in range(256)])


def contrast(picture: Image.Image, amount: float) -> Image.Image:
    """Spread (amount 1) or draw together (-1) light and dark."""
    return ImageEnhance.Contrast(picture).enhance(1 + 0.4 * amount)


def saturation(picture: Image.Image, amount: float) -> Image.Image:
    """Make colours stronger (amount 1) or weaker (-1)."""
    return ImageEnhance.Color(picture).enhance(1 + 0.5 * amount)


def sharpness(picture: Image.Image, amount: float) -> Image.Image:
    """Sharpen (amount 1) or blur (-1), as strongly at every size."""
    unit = max(0.5, min(picture.size) / 1000)
    if amount < 0:
        return picture.filter(ImageFilter.GaussianBlur(7 * unit * -amount))
    return picture.filter(ImageFilter.UnsharpMask(2.5 * unit, round(190 * amount), 2))


def grayscale(picture: Image.Image) -> Image.Image:
    """Take all colour away."""
    return ImageOps.grayscale(picture).convert("RGB")


def sepia(picture: Image.Image) -> Image.Image:
    """Make it brown like an old photo."""
    return ImageOps.colorize(ImageOps.grayscale(picture), "#2b1a0c", "#fff3d9", mid="#a97f4e")


def tint(picture: Image.Image, *, colour: str, strength: float) -> Image.Image:
    """Move every pixel towards ``#rrggbb``; what was light stays lighter than what was dark."""
    middle = rgb(colour)
    dark, light = mix(middle, (0, 0, 0), 0.75), mix(middle, _WHITE, 0.75)
    shades = ImageOps.colorize(ImageOps.grayscale(picture), dark, light, mid=middle)
    return Image.blend(picture, shades, strength)


def light(picture: Image.Image, *, colour: str) -> Image.Image:
    """Shine a light of this colour, ``#rrggbb``, on it: white takes the colour, black stays."""
    return ImageChops.multiply(picture, Image.new("RGB", picture.size, colour))


def zoom_in(picture: Image.Image) -> Image.Image:
    """Show the middle larger."""
    width, height = picture.size
    middle = (width * 0.15, height * 0.15, width * 0.85, height * 0.85)
    return picture.resize(picture.size, Image.Resampling.BICUBIC, box=middle)


def zoom_out(picture: Image.Image) -> Image.Image:
    """Shrink the picture; a blurred copy of itself fills what is new around it."""
    around = picture.reduce(8).filter(ImageFilter.GaussianBlur(4)).resize(picture.size)
    small = picture.resize((round(picture.width * 0.7), round(picture.height * 0.7)))
    around.paste(small, ((picture.width - small.width) // 2, (picture.height - small.height) // 2))
    return around


def pixelate(picture: Image.Image) -> Image.Image:
    """Make it of large squares."""
    block = max(2, round(min(picture.size) / 48))
    small = (max(1, picture.width // block), max(1, picture.height // block))
    blocks = picture.resize(small, Image.Resampling.BOX)
    return blocks.resize(picture.size, Image.Resampling.NEAREST)


def frame(picture: Image.Image, *, colour: str, share: float) -> Image.Image:
    """Draw a frame inside the edges. share: its width over the shorter side."""
    framed = picture.copy()
    width = max(2, round(min(picture.size) * share))
    box = (0, 0, picture.width - 1, picture.height - 1)
    ImageDraw.Draw(framed).rectangle(box, outline=colour, width=width)
    return framed


def write(picture: Image.Image, *, text: str, top: bool) -> Image.Image:
    """Write large white letters with a dark edge across the top or the bottom."""
    width, height = picture.width * 0.92, picture.height * 0.92
    letters = max(10, round(min(picture.height * 0.13, picture.width * 0.11)))
    font = ImageFont.load_default(letters)
    lines = wrapped(text, font, width)
    widest = max(font.getlength(line) for line in lines)
    room = min(width / widest, height / (letters * 1.3 * len(lines)))
    if room < 1:
        letters = max(6, int(letters * room))
        font = ImageFont.load_default(letters)
    written = picture.copy()
    ImageDraw.Draw(written).multiline_text(
        (picture.width / 2, picture.height * (0.04 if top else 0.96)),
        "\n".join(lines),
        fill=_WHITE,
        font=font,
        anchor="ma" if top else "md",
        align="center",
        stroke_width=max(1, letters // 14),
        stroke_fill=(30, 30, 38),
    )
    return written
