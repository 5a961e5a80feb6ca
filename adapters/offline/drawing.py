"""The first picture of a thread: the things of a prompt in a small landscape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageOps

from adapters.offline.backdrop import backdrop, weather
from adapters.offline.icons import ICONS
from adapters.offline.tiles import paste, tile
from adapters.offline.words import COLOURS, Thing

if TYPE_CHECKING:
    from random import Random

    from adapters.offline.label import Size
    from adapters.offline.words import Scene

_STAND_INS = ("gem", "orb", "arch")
_STAND_IN_COLOURS = ("teal", "violet", "orange", "pink", "gold", "blue", "red")
_BASE = 0.93  # where the nearest things stand, of the height
_SIDES_OF = {"left": 0.18, "right": 0.82}
_HEIGHTS_OF = {"top": 0.17, "upper": 0.17, "bottom": 0.8, "lower": 0.8}
_CORNERS = ("bottom right", "top left", "top right", "bottom left")
_INLAY = 0.36  # of the width and the height
_PAIR = 2
_MOST = 9  # of one place in a picture
# Sides of the shapes over the side of an animal; 1 for those not named.
_SIDES = {
    "sun": 0.5, "moon": 0.42, "star": 0.22, "cloud": 0.55, "bird": 0.34, "balloon": 0.55,
    "rocket": 0.62, "heart": 0.34, "page": 0.5, "mountain": 0.9, "house": 1.15, "castle": 1.3,
    "tree": 1.25, "flower": 0.6, "mushroom": 0.5, "fish": 0.6, "apple": 0.45, "cup": 0.5,
    "rabbit": 0.85, "sea": 0.9, "hat": 0.5, "crown": 0.42, "scarf": 0.46, "gem": 0.8, "orb": 0.8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where one shape goes, in pixels: its centre and side."""

    x: float
    y: float
    side: float


def stand_ins(dice: Random) -> tuple[Thing, ...]:
    """Choose shapes for a prompt that names nothing the demo can draw."""
    icons = dice.sample(_STAND_INS, k=dice.choice((2, 3)))
    colours = dice.sample(_STAND_IN_COLOURS, k=len(icons))
    return tuple(Thing(icon=i, colour=c) for i, c in zip(icons, colours, strict=True))


def paint(scene: Scene, size: Size, dice: Random) -> Image.Image:
    """Paint a scene of this many pixels; the same dice throw the same picture."""
    picture = backdrop(scene, size, dice)
    things = [thing for thing in scene.things if thing.icon not in {"mountain", "sea"}]
    ground = [t for t in things if ICONS[t.icon].kind == "ground" and not t.where]
    others = [thing for thing in things if thing not in ground]
    sky = [thing for thing in others if ICONS[thing.icon].kind == "sky" and not thing.where]
    _hang(picture, sky, dice)
    _stand(picture, ground)
    for thing in others:
        if thing not in sky:
            add(picture, thing, dice)
    return weather(picture, scene.moods, dice)


def add(picture: Image.Image, thing: Thing, dice: Random, across: float = 0.5) -> Image.Image:
    """Draw a thing into a picture, where it was said or where its kind belongs.

    across: how far from the left edge, as a share of the width, when no place was said.
    """
    kind = ICONS[thing.icon].kind
    unit = _unit(picture.size)
    side = unit * _SIDES.get(thing.icon, 1) * thing.scale
    if kind in {"head", "neck"} and not thing.where:
        top = picture.height * _BASE - unit
        y = top + unit * 0.56 + side * 0.12 if kind == "neck" else top + unit * 0.17 - side * 0.42
        _draw(picture, thing, _Spot(picture.width / 2, y, side))
        return picture
    said = _place_of(thing.where)
    x = said[0] or (0.5 if thing.where else across)
    y = said[1] or (dice.uniform(0.14, 0.24) if kind == "sky" else 0.76)
    if kind != "sky" and not thing.where:
        side *= 0.7
    step = min(side * 0.9, picture.width / (thing.count + 0.5))
    for number in range(thing.count):
        across = x * picture.width + step * (number - (thing.count - 1) / 2)
        _draw(picture, thing, _inside(picture.size, _Spot(across, y * picture.height, side)))
    return picture


def inlay(picture: Image.Image, other: Image.Image, where: str, number: int) -> None:
    """Lay another picture over this one, small and in a white border.

    where: such as "top left"; "" takes the corner of this number.
    """
    room = min(picture.width * _INLAY / other.width, picture.height * _INLAY / other.height)
    size = (max(1, round(other.width * room)), max(1, round(other.height * room)))
    border = max(2, min(picture.size) // 80)
    small = ImageOps.expand(other.resize(size, Image.Resampling.BICUBIC), border, "white")
    x, y = _place_of(where or _CORNERS[number % len(_CORNERS)])
    spot = (x or 0.5) * picture.width, (y or 0.5) * picture.height
    free = picture.width - small.width - border, picture.height - small.height - border
    left = min(max(round(spot[0] - small.width / 2), border), max(free[0], border))
    top = min(max(round(spot[1] - small.height / 2), border), max(free[1], border))
    picture.paste(small, (left, top))


def _unit(size: Size) -> float:
    """Choose the side of the main shape of a picture."""
    return min(size[1] * 0.56, size[0] * 0.74)


def _place_of(where: str) -> tuple[float | None, float | None]:
    """Turn "top left" into shares of width and height; None for what was not said."""
    words = set(where.replace("-", " ").split())
    x = next((share for word, share in _SIDES_OF.items() if word in words), None)
    y = next((share for word, share in _HEIGHTS_OF.items() if word in words), None)
    if words and x is None and y is None:
        return 0.5, 0.5
    return x, y


def _hang(picture: Image.Image, things: list[Thing], dice: Random) -> None:
    """Spread things over the sky."""
    single = [replace(thing, count=1) for thing in things for _ in range(thing.count)][:_MOST]
    slots = [(n + 0.5) / len(single) for n in range(len(single))] if len(single) > 1 else []
    dice.shuffle(slots)
    for thing, slot in zip(single, slots or [dice.choice((0.22, 0.78))], strict=False):
        side = _unit(picture.size) * _SIDES.get(thing.icon, 1) * thing.scale
        y = dice.uniform(0.12, 0.27) * picture.height
        spot = _Spot(slot * picture.width, y, min(side, picture.width / len(single)))
        _draw(picture, thing, _inside(picture.size, spot))


def _stand(picture: Image.Image, things: list[Thing]) -> None:
    """Stand things on the ground: the first in the middle, the others behind it on both sides."""
    single = [replace(thing, count=1) for thing in things for _ in range(thing.count)][:_MOST]
    unit = _unit(picture.size) * (0.86 if len(single) > _PAIR else 1)
    rows = max(1, len(single) // 2)
    step = min(unit * 0.82, picture.width * 0.4 / rows)
    for number in range(len(single) - 1, -1, -1):
        thing = single[number]
        row = (number + 1) // 2
        side = unit * thing.scale * max(_SIDES.get(thing.icon, 1), 0.9 if number == 0 else 0)
        side = min(side * (1 if number == 0 else 0.74), picture.height * 0.8)
        x = picture.width / 2 + (step * row if number % 2 else -step * row)
        foot = picture.height * (_BASE - (0.05 + 0.012 * row if number else 0))
        _shadow(picture, _Spot(x, foot, side))
        _draw(picture, thing, _Spot(x, foot - side * 0.47, side))


def _shadow(picture: Image.Image, spot: _Spot) -> None:
    """Lay a soft shadow under something that stands at a spot."""
    width, height = max(2, round(spot.side * 0.8)), max(2, round(spot.side * 0.12))
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).ellipse((0, 0, width - 1, height - 1), fill=70)
    picture.paste((20, 24, 40), (round(spot.x - width / 2), round(spot.y - height / 2)), mask)


def _draw(picture: Image.Image, thing: Thing, spot: _Spot) -> None:
    colour = COLOURS[thing.colour] if thing.colour else None
    paste(picture, tile(thing.icon, max(4, round(spot.side)), colour), (spot.x, spot.y))


def _inside(size: Size, spot: _Spot) -> _Spot:
    """Move a spot so that the shape is not cut by the edge."""
    half = spot.side / 2
    x = min(max(spot.x, half), max(size[0] - half, size[0] / 2))
    y = min(max(spot.y, half), max(size[1] - half, size[1] / 2))
    return _Spot(x, y, spot.side)
