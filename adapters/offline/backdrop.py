"""The landscape behind the things of a first picture: sky, hills, water, weather."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageOps

from adapters.offline.tiles import Colour, mix, paste, rgb, tile
from adapters.offline.words import COLOURS

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random

    from adapters.offline.label import Size
    from adapters.offline.words import Scene, Thing

HORIZON = 0.64  # of the height, from the top

_WHITE = (255, 255, 255)
_NIGHT = (18, 20, 44)
_WATER = ("#8fcbe8", "#2f7fb5")
_CANVAS = 4_200_000  # pixels at most; scaled to the picture afterwards
_FINEST = 2  # canvas over picture, so that edges become smooth


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a landscape: the sky from top to horizon, the hills from far to near."""

    sky: tuple[Colour, Colour]
    hills: tuple[Colour, Colour, Colour]


def _palette(*colours: str) -> Palette:
    top, bottom, far, middle, near = map(rgb, colours)
    return Palette(sky=(top, bottom), hills=(far, middle, near))


_DAYS = (
    _palette("#5aa9e6", "#e3f2fd", "#a5c9b8", "#7cb48d", "#5a9a68"),
    _palette("#7cc6d6", "#fdf3dc", "#b9cfa8", "#8fb573", "#6b9a55"),
    _palette("#8fb7e8", "#fbe4e0", "#b4bfd6", "#8fa7b5", "#6f9277"),
    _palette("#69b7c9", "#f7f3d0", "#d9c79a", "#b9b36f", "#8aa05a"),
    _palette("#a2c4f0", "#f7ecf7", "#c3bfe0", "#9fb0cc", "#7aa08f"),
)
_MOODS = {
    "space": _palette("#0b0d24", "#33265a", "#4a4366", "#3a3554", "#2b2842"),
    "night": _palette("#111a3a", "#41588f", "#33476b", "#263a56", "#1b2c41"),
    "sunset": _palette("#5b3f86", "#ffb26b", "#a4607e", "#7b4a6d", "#543a58"),
    "snow": _palette("#9fc0dd", "#eef5fb", "#c9d8e6", "#dfe9f2", "#f4f8fc"),
    "rain": _palette("#6d7f93", "#c3ced8", "#8fa39f", "#6f8a80", "#567264"),
    "desert": _palette("#6cc0e0", "#fdf0d5", "#e6c08c", "#dcab6b", "#cc9450"),
}


def backdrop(scene: Scene, size: Size, dice: Random) -> Image.Image:
    """Paint the landscape of a scene, as large as ``size`` says."""
    palette = _palette_of(scene, dice)
    canvas = _gradient(_canvas_size(size), *palette.sky)
    icons = {thing.icon for thing in scene.things}
    if scene.moods & {"night", "space"}:
        _stars(canvas, dice)
    if not icons & {"sun", "moon"}:
        _disc(canvas, palette, dice)
    if not scene.moods & {"night", "space"}:
        _clouds(canvas, palette, dice)
    _far(canvas, [thing for thing in scene.things if thing.icon == "mountain"], dice)
    _hills(canvas, palette, dice, wet="sea" in icons)
    return canvas.resize(size, Image.Resampling.BICUBIC, reducing_gap=2)


def weather(picture: Image.Image, moods: Collection[str], dice: Random) -> Image.Image:
    """Let it snow or rain over a picture, when the moods say so."""
    if not set(moods) & {"snow", "rain"}:
        return picture
    mask = Image.new("L", _canvas_size(picture.size))
    draw = ImageDraw.Draw(mask)
    unit = math.sqrt(mask.width * mask.height)
    for _ in range(220):
        x, y = dice.random() * mask.width, dice.random() * mask.height
        if "snow" in moods:
            radius = unit * (0.002 + 0.005 * dice.random())
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=235)
        else:
            length = unit * (0.02 + 0.03 * dice.random())
            line = (x, y, x - length * 0.3, y + length)
            draw.line(line, fill=120, width=max(1, round(unit * 0.003)))
    picture.paste(_WHITE, mask=mask.resize(picture.size, Image.Resampling.BILINEAR))
    return picture


def _canvas_size(size: Size) -> Size:
    """Choose how large to draw what is scaled to a picture of this size."""
    scale = min(_FINEST, math.sqrt(_CANVAS / (size[0] * size[1])))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _palette_of(scene: Scene, dice: Random) -> Palette:
    """Choose colours: what the words say of nothing in particular, else the mood, else by dice."""
    day = dice.choice(_DAYS)
    palette = next((_MOODS[mood] for mood in _MOODS if mood in scene.moods), day)
    if not scene.colours:
        return palette
    sky, hill = (rgb(COLOURS[scene.colours[n]]) for n in (0, -1))
    dark = bool(scene.moods & {"night", "space"})
    return Palette(
        sky=(mix(sky, _NIGHT, 0.6 if dark else 0.1), mix(sky, _WHITE, 0.1 if dark else 0.7)),
        hills=(mix(hill, _WHITE, 0.3), mix(hill, _NIGHT, 0.1), mix(hill, _NIGHT, 0.35)),
    )


def _gradient(size: Size, top: Colour, bottom: Colour) -> Image.Image:
    ramp = Image.linear_gradient("L").resize(size, Image.Resampling.BILINEAR)
    return ImageOps.colorize(ramp, top, bottom, whitepoint=round(255 * (HORIZON + 0.1)))


def _unit(canvas: Image.Image) -> float:
    """The measure of what stands in a landscape: the side of a square of the same area, at most."""
    return min(math.sqrt(canvas.width * canvas.height), canvas.width * 1.4, canvas.height * 1.4)


def _stars(canvas: Image.Image, dice: Random) -> None:
    draw = ImageDraw.Draw(canvas)
    for _ in range(90):
        x, y = dice.random() * canvas.width, dice.random() * canvas.height * HORIZON
        radius = _unit(canvas) * (0.0008 + 0.0022 * dice.random() ** 2)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill="#fdf6d8")


def _disc(canvas: Image.Image, palette: Palette, dice: Random) -> None:
    """Hang a pale sun or moon with a halo low over the hills."""
    x, y = dice.uniform(0.2, 0.8) * canvas.width, dice.uniform(0.3, 0.5) * canvas.height
    draw = ImageDraw.Draw(canvas)
    for radius, share in ((0.17, 0.18), (0.13, 0.32), (0.09, 0.75)):
        reach = radius * _unit(canvas)
        colour = mix(palette.sky[1], (255, 250, 225), share)
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)


def _clouds(canvas: Image.Image, palette: Palette, dice: Random) -> None:
    for _ in range(dice.choice((2, 3, 4))):
        size = round(_unit(canvas) * dice.uniform(0.12, 0.24))
        at = (dice.random() * canvas.width, dice.uniform(0.06, 0.34) * canvas.height)
        red, green, blue = mix(palette.sky[1], _WHITE, 0.6)
        paste(canvas, tile("cloud", size, f"#{red:02x}{green:02x}{blue:02x}"), at)


def _far(canvas: Image.Image, mountains: list[Thing], dice: Random) -> None:
    """Set mountains on the horizon; the hills in front hide their feet."""
    for thing in mountains:
        for number in range(thing.count):
            side = round(_unit(canvas) * thing.scale * dice.uniform(0.42, 0.58))
            x = ((number + 1) / (thing.count + 1) + dice.uniform(-0.08, 0.08)) * canvas.width
            at = (x, (HORIZON + 0.08) * canvas.height - side * 0.46)
            colour = COLOURS[thing.colour] if thing.colour else None
            paste(canvas, tile("mountain", side, colour), at)


def _hills(canvas: Image.Image, palette: Palette, dice: Random, *, wet: bool) -> None:
    """Paint three rows of hills, or one row, water and a shore."""
    height = canvas.height
    _ridge(canvas, HORIZON, 0.05, palette.hills[0], dice)
    if wet:
        top = round((HORIZON + 0.03) * height)
        water = _gradient((canvas.width, height - top), rgb(_WATER[0]), rgb(_WATER[1]))
        canvas.paste(water, (0, top))
        _waves(canvas, top, dice)
        _ridge(canvas, 0.9, 0.012, palette.hills[2], dice)
    else:
        _ridge(canvas, HORIZON + 0.1, 0.04, palette.hills[1], dice)
        _ridge(canvas, HORIZON + 0.2, 0.025, palette.hills[2], dice)


def _ridge(canvas: Image.Image, at: float, rise: float, colour: Colour, dice: Random) -> None:
    """Fill everything below a wavy line. at, rise: shares of the height."""
    width, height = canvas.size
    waves = [(share, dice.uniform(2, 5) / _unit(canvas), dice.uniform(0, 6)) for share in (1, 0.5)]
    lift = min(height, _unit(canvas) * 1.4) * rise
    step = max(1, width // 200)
    line = [
        (x, height * at + lift * sum(s * math.sin(x * f + p) for s, f, p in waves))
        for x in range(0, width + step, step)
    ]
    ImageDraw.Draw(canvas).polygon([(0, height), *line, (width, height)], fill=colour)


def _waves(canvas: Image.Image, top: int, dice: Random) -> None:
    draw = ImageDraw.Draw(canvas)
    for _ in range(26):
        depth = dice.random()
        x, y = dice.random() * canvas.width, top + depth * (canvas.height - top)
        reach = _unit(canvas) * (0.01 + 0.035 * depth)
        thick = max(1, round(reach * 0.12))
        draw.line((x - reach, y, x + reach, y), fill=mix(rgb(_WATER[0]), _WHITE, 0.4), width=thick)
