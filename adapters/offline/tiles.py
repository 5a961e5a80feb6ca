"""How one shape of ``icons`` becomes pixels."""

from __future__ import annotations

from functools import cache

from PIL import Image, ImageColor, ImageDraw

from adapters.offline.icons import GRID, ICONS

Colour = tuple[int, int, int]

_FINEST = 1400  # pixels of the largest tile drawn before it is scaled up


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Mix two colours; share 0 is all of the first, 1 all of the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def rgb(colour: str) -> Colour:
    """Read ``#rrggbb``."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


def tile(name: str, size: int, colour: str | None = None) -> Image.Image:
    """Draw one shape on a transparent square of ``size`` pixels. KeyError for an unknown one."""
    icon = ICONS[name]
    main = rgb(colour or icon.colour)
    fills = {
        "main": (*main, 255),
        "dark": (*mix(main, (20, 20, 40), 0.22), 255),
        "light": (*mix(main, (255, 255, 255), 0.38), 255),
        "ink": (43, 43, 54, 255),
        "none": (0, 0, 0, 0),
    }
    fine = min(size * 2, _FINEST)
    canvas = Image.new("RGBA", (fine, fine))
    draw = ImageDraw.Draw(canvas)
    for kind, numbers, fill in _parsed(name):
        scaled = [number * fine / GRID for number in numbers]
        _shape(draw, kind, scaled, fills.get(fill) or (*rgb(fill), 255), numbers)
    return canvas.resize((size, size), Image.Resampling.BICUBIC)


@cache
def _parsed(name: str) -> tuple[tuple[str, tuple[float, ...], str], ...]:
    lines = [line.split() for line in ICONS[name].shapes.splitlines() if line.strip()]
    return tuple((kind, tuple(map(float, numbers)), fill) for kind, *numbers, fill in lines)


def _shape(
    draw: ImageDraw.ImageDraw,
    kind: str,
    at: list[float],
    fill: tuple[int, int, int, int],
    numbers: tuple[float, ...],
) -> None:
    """Draw one line of an icon. at: the numbers in pixels; degrees are taken as they stand."""
    if kind == "p":
        draw.polygon(at, fill=fill)
    elif kind == "r":
        draw.rounded_rectangle(at[:4], radius=at[4], fill=fill)
    elif kind == "l":
        width, *points = at
        draw.line(points, fill=fill, width=max(1, round(width)), joint="curve")
        for x, y in zip(points[::2], points[1::2], strict=True):
            draw.ellipse(_around(x, y, width / 2, width / 2), fill=fill)
    else:
        x, y, across, down = at[:4]
        box = _around(x, y, across, down)
        if kind == "o":
            draw.ellipse(box, fill=fill)
        elif kind == "w":
            draw.pieslice(box, numbers[4], numbers[5], fill=fill)
        else:
            draw.arc(box, numbers[4], numbers[5], fill=fill, width=max(1, round(at[6])))


def _around(x: float, y: float, across: float, down: float) -> tuple[float, float, float, float]:
    """Make the box of an ellipse from its centre and radii."""
    return x - across, y - down, x + across, y + down


def paste(picture: Image.Image, shape: Image.Image, centre: tuple[float, float]) -> None:
    """Lay a tile over a picture, its middle at ``centre`` (pixels)."""
    corner = (round(centre[0] - shape.width / 2), round(centre[1] - shape.height / 2))
    picture.paste(shape, corner, shape)
