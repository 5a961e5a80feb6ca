"""The simple shapes that the offline demo can draw, as a table. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["sky", "far", "ground", "head", "neck"]

GRID = 100  # the shapes below stand on a grid of 100 x 100


@dataclass(frozen=True, slots=True)
class Icon:
    """One shape. kind: where in a picture it belongs. colour: when nobody asked for another.

    shapes: one a line, painted in order on the grid: a letter, numbers, a fill. ``o`` ellipse
    (centre, radii), ``r`` rectangle (corners, corner radius), ``p`` polygon (points),
    ``l`` line (width, points), ``a`` arc (centre, radii, start and end degrees, width), ``w``
    wedge (centre, radii, degrees). Fill: main, dark, light, ink, none (erases) or ``#rrggbb``.
    """

    kind: Kind
    colour: str
    shapes: str


_SITTING = """
o 50 76 25 23 main
o 50 80 13 17 light
o 37 95 11 5 main
o 63 95 11 5 main
"""
_FACE = """
o 41 33 3.2 4 ink
o 59 33 3.2 4 ink
o 42 31.6 1.1 1.3 #ffffff
o 60 31.6 1.1 1.3 #ffffff
"""

ICONS: Mapping[str, Icon] = {
    "sun": Icon(
        "sky",
        "#ffcb3d",
        """
        l 5 50 5 50 17 main
        l 5 50 83 50 95 main
        l 5 5 50 17 50 main
        l 5 83 50 95 50 main
        l 5 18 18 27 27 main
        l 5 73 73 82 82 main
        l 5 82 18 73 27 main
        l 5 27 73 18 82 main
        o 50 50 26 26 main
        o 50 50 20 20 light
        """,
    ),
    "moon": Icon("sky", "#fff3c4", "o 50 50 40 40 main\no 66 40 34 34 none"),
    "star": Icon(
        "sky", "#ffe27a", "p 50 4 61 37 96 37 68 58 79 93 50 72 21 93 32 58 4 37 39 37 main"
    ),
    "cloud": Icon(
        "sky",
        "#ffffff",
        """
        o 28 60 20 18 main
        o 50 46 26 25 main
        o 74 58 20 19 main
        r 14 56 90 79 11 main
        """,
    ),
    "bird": Icon(
        "sky",
        "#4f7fb8",
        """
        p 60 52 96 38 90 60 dark
        o 46 54 26 17 main
        o 28 42 14 13 main
        p 16 40 2 46 17 49 #f2a33a
        p 40 52 72 8 66 56 dark
        o 25 40 2.4 2.4 ink
        """,
    ),
    "balloon": Icon(
        "sky",
        "#e4574f",
        """
        l 1 36 66 43 82 ink
        l 1 64 66 57 82 ink
        o 50 38 33 35 main
        o 50 38 20 35 light
        o 50 38 8 35 main
        p 29 64 71 64 60 76 40 76 dark
        r 41 82 59 96 3 #a9743f
        """,
    ),
    "rocket": Icon(
        "sky",
        "#e9eef5",
        """
        p 40 78 60 78 50 99 #ffab2e
        p 44 78 56 78 50 91 #ffe27a
        p 34 52 18 78 36 74 #d9534f
        p 66 52 82 78 64 74 #d9534f
        o 50 40 18 38 main
        r 37 60 63 80 4 main
        w 50 28 15 26 205 335 #d9534f
        o 50 40 8 8 #33507a
        o 50 40 5.5 5.5 #8fd0f0
        """,
    ),
    "mountain": Icon(
        "far",
        "#7c86a3",
        """
        p 62 22 100 96 24 96 dark
        p 36 6 80 96 0 96 main
        p 36 6 49 32 41 28 35 36 29 29 24 33 #ffffff
        p 62 22 71 39 64 36 60 41 55 36 #f2f5fa
        """,
    ),
    "sea": Icon(
        "ground",
        "#3d8fc4",
        """
        r 2 52 98 96 8 main
        w 14 54 12 13 180 360 main
        w 38 54 12 13 180 360 main
        w 62 54 12 13 180 360 main
        w 86 54 12 13 180 360 main
        a 26 70 10 7 200 340 3 light
        a 60 64 10 7 200 340 3 light
        a 74 84 10 7 200 340 3 light
        a 34 88 10 7 200 340 3 light
        """,
    ),
    "house": Icon(
        "ground",
        "#e8b06a",
        """
        r 68 12 79 40 0 dark
        r 14 44 86 97 0 main
        p 50 8 98 48 2 48 #b5493c
        r 42 64 59 97 2 #6d4630
        o 55 81 1.8 1.8 #ffe27a
        r 21 56 36 72 1 #fdf3c8
        r 65 56 80 72 1 #fdf3c8
        l 1.4 28.5 56 28.5 72 dark
        l 1.4 72.5 56 72.5 72 dark
        l 1.4 21 64 36 64 dark
        l 1.4 65 64 80 64 dark
        """,
    ),
    "castle": Icon(
        "ground",
        "#b9bccb",
        """
        r 22 46 78 97 0 main
        r 22 38 32 48 0 main
        r 38 38 47 48 0 main
        r 54 38 63 48 0 main
        r 68 38 78 48 0 main
        r 6 34 26 97 0 light
        r 74 34 94 97 0 light
        p 16 8 29 36 3 36 #7a5aa6
        p 84 8 97 36 71 36 #7a5aa6
        o 50 72 10 10 #5a4636
        r 40 72 60 97 0 #5a4636
        r 13 46 19 58 3 ink
        r 81 46 87 58 3 ink
        """,
    ),
    "tree": Icon(
        "ground",
        "#4f9a58",
        """
        p 44 50 56 50 60 97 40 97 #80573a
        o 32 46 24 22 dark
        o 68 46 24 22 dark
        o 50 30 28 27 main
        o 50 52 25 18 main
        o 41 22 8 7 light
        o 60 36 5 4.4 light
        """,
    ),
    "flower": Icon(
        "ground",
        "#e86a92",
        """
        l 4 50 44 50 97 #3f8a4b
        o 37 76 13 6 #4f9a58
        o 63 84 13 6 #4f9a58
        o 50 13 12 13 main
        o 70 28 13 12 main
        o 62 51 12 13 main
        o 38 51 12 13 main
        o 30 28 13 12 main
        o 50 34 12 12 #ffd24d
        """,
    ),
    "mushroom": Icon(
        "ground",
        "#d6483f",
        """
        r 37 48 63 96 10 #f6ead2
        w 50 54 42 46 180 360 main
        r 8 50 92 58 4 dark
        o 32 34 7 7 #ffffff
        o 55 24 8 8 #ffffff
        o 72 42 6 6 #ffffff
        """,
    ),
    "cat": Icon(
        "ground",
        "#8b8f9c",
        "a 74 74 18 20 270 100 7 dark\n"
        + _SITTING
        + """
        p 26 34 29 2 49 18 main
        p 74 34 71 2 51 18 main
        p 31 22 32 9 41 17 #f0b4b4
        p 69 22 68 9 59 17 #f0b4b4
        o 50 34 26 22 main
        p 47 41 53 41 50 45 #e58a94
        l 1.2 34 43 14 40 ink
        l 1.2 34 46 14 48 ink
        l 1.2 66 43 86 40 ink
        l 1.2 66 46 86 48 ink
        """
        + _FACE,
    ),
    "dog": Icon(
        "ground",
        "#c08a55",
        "a 76 66 16 18 300 100 7 dark\n"
        + _SITTING
        + """
        o 50 33 25 23 main
        o 26 36 9 19 dark
        o 74 36 9 19 dark
        o 50 45 13 10 light
        o 50 40.5 5 3.6 ink
        r 46.5 49 53.5 58 3.5 #e2737c
        """
        + _FACE,
    ),
    "fox": Icon(
        "ground",
        "#e2742c",
        """
        o 80 76 12 22 main
        o 82 60 8 9 #fff4e6
        """
        + _SITTING
        + """
        p 24 32 24 2 47 17 main
        p 76 32 76 2 53 17 main
        p 29 21 29 9 38 16 ink
        p 71 21 71 9 62 16 ink
        p 22 26 40 14 60 14 78 26 66 46 50 57 34 46 main
        p 22 27 46 42 50 57 34 47 #fff4e6
        p 78 27 54 42 50 57 66 47 #fff4e6
        o 50 54.5 4 3.6 ink
        """
        + _FACE,
    ),
    "rabbit": Icon(
        "ground",
        "#d9cfc4",
        "o 78 84 9 9 light\n"
        + _SITTING
        + """
        o 39 17 7 17 main
        o 61 17 7 17 main
        o 39 17 3.4 12 #f0b4b4
        o 61 17 3.4 12 #f0b4b4
        o 50 37 23 19 main
        p 47 41 53 41 50 45 #e58a94
        r 47 46 53 52 1 #ffffff
        """
        + _FACE,
    ),
    "bear": Icon(
        "ground",
        "#8a5f42",
        _SITTING
        + """
        o 29 15 10 10 main
        o 71 15 10 10 main
        o 29 15 5 5 light
        o 71 15 5 5 light
        o 50 33 26 23 main
        o 50 43 12 9 light
        o 50 39.5 5 3.6 ink
        """
        + _FACE,
    ),
    "fish": Icon(
        "ground",
        "#f2923c",
        """
        p 70 50 97 26 97 74 dark
        p 38 32 56 12 64 36 dark
        o 44 52 36 24 main
        a 34 52 22 22 300 60 3 light
        o 24 46 5 5 #ffffff
        o 23 46 2.6 2.6 ink
        """,
    ),
    "person": Icon(
        "ground",
        "#3f7cac",
        """
        l 11 42 70 40 94 #39415a
        l 11 58 70 60 94 #39415a
        l 8 34 52 20 70 main
        l 8 66 52 80 70 main
        r 32 46 68 78 10 main
        o 50 30 16 17 #e9b58f
        w 50 27 17 17 180 360 #5b3d2b
        o 44 32 2 2.4 ink
        o 56 32 2 2.4 ink
        a 50 35 6 5 20 160 1.6 ink
        """,
    ),
    "robot": Icon(
        "ground",
        "#8fa7b8",
        """
        l 3 50 4 50 16 dark
        o 50 5 4.5 4.5 #e4574f
        r 28 14 72 50 8 main
        r 34 22 66 41 6 #25303b
        o 42 31 4.5 4.5 #6fe3f2
        o 58 31 4.5 4.5 #6fe3f2
        r 26 54 74 86 8 main
        r 36 61 64 78 4 light
        l 7 20 60 14 80 dark
        l 7 80 60 86 80 dark
        r 32 86 45 97 3 dark
        r 55 86 68 97 3 dark
        """,
    ),
    "snowman": Icon(
        "ground",
        "#f7fafd",
        """
        o 50 76 26 22 main
        o 50 34 20 20 main
        l 2.4 26 70 6 56 #6d4630
        l 2.4 74 70 94 56 #6d4630
        r 32 16 68 20 2 ink
        r 38 2 62 18 2 ink
        o 43 30 2.6 2.6 ink
        o 57 30 2.6 2.6 ink
        p 50 34 70 39 50 40 #f08a24
        o 50 68 2.6 2.6 ink
        o 50 80 2.6 2.6 ink
        """,
    ),
    "boat": Icon(
        "ground",
        "#c8553d",
        """
        l 2.6 48 8 48 74 #6d4630
        p 52 10 52 64 90 64 #fdf6e8
        p 44 20 44 64 14 64 #f4e3c3
        p 6 70 94 70 78 92 22 92 main
        p 6 70 94 70 91 75 9 75 light
        """,
    ),
    "car": Icon(
        "ground",
        "#d8433f",
        """
        p 22 56 34 34 68 34 82 56 main
        p 29 54 37 39 49 39 49 54 #cfe8f5
        p 53 54 53 39 66 39 74 54 #cfe8f5
        r 4 52 96 80 9 main
        r 4 66 96 71 0 dark
        o 92 61 4 4 #ffe9a8
        o 26 80 12 12 ink
        o 74 80 12 12 ink
        o 26 80 5.4 5.4 #d5dae2
        o 74 80 5.4 5.4 #d5dae2
        """,
    ),
    "apple": Icon(
        "ground",
        "#d8433f",
        """
        o 37 60 27 33 main
        o 63 60 27 33 main
        l 4 50 34 54 14 #6d4630
        o 66 19 12 6 #4f9a58
        o 30 50 6 10 light
        """,
    ),
    "cup": Icon(
        "ground",
        "#f2efe9",
        """
        a 38 22 5 10 90 270 2.4 #ffffff
        a 52 16 5 10 270 90 2.4 #ffffff
        a 74 60 17 16 270 90 6 main
        r 18 38 74 92 14 main
        o 46 41 27 7 #6b432b
        r 18 66 74 72 0 dark
        """,
    ),
    "heart": Icon(
        "sky",
        "#e0455e",
        """
        o 29 34 24 24 main
        o 71 34 24 24 main
        p 8 46 50 94 92 46 71 30 50 38 29 30 main
        o 24 28 7 6 light
        """,
    ),
    "umbrella": Icon(
        "ground",
        "#8e5bb5",
        """
        l 3 50 8 50 86 ink
        a 57 86 7 8 0 180 3 ink
        w 50 52 46 40 180 360 main
        w 50 52 17 40 180 360 light
        """,
    ),
    "hat": Icon(
        "head",
        "#34405c",
        """
        r 2 80 98 94 7 main
        p 24 26 76 26 82 84 18 84 main
        p 20 66 80 66 82 80 18 80 #d6483f
        """,
    ),
    "crown": Icon(
        "head",
        "#f3bd3a",
        """
        p 10 92 4 40 28 64 50 26 72 64 96 40 90 92 main
        r 10 82 90 94 2 dark
        o 50 72 6 6 #d6483f
        o 27 78 4 4 #3d8fc4
        o 73 78 4 4 #3d8fc4
        """,
    ),
    "scarf": Icon(
        "neck",
        "#d6483f",
        """
        p 58 44 76 42 82 92 62 94 dark
        r 8 26 92 52 13 main
        l 3 24 28 24 50 light
        l 3 42 28 42 50 light
        l 3 60 28 60 50 light
        l 3 78 28 78 50 light
        """,
    ),
    "orb": Icon(
        "ground",
        "#5fa8a0",
        "r 30 86 70 97 3 #6f675f\no 50 48 40 40 main\no 44 42 28 28 light\no 40 38 12 12 #ffffff",
    ),
    "gem": Icon(
        "ground",
        "#8c6fd1",
        """
        p 26 14 74 14 96 42 50 96 4 42 main
        p 26 14 50 42 4 42 light
        p 74 14 50 42 96 42 dark
        p 4 42 34 42 50 96 dark
        p 34 42 66 42 50 96 light
        """,
    ),
    "arch": Icon(
        "ground",
        "#e08e79",
        "w 50 52 44 44 180 360 main\nr 6 50 94 97 0 main\nw 50 56 24 26 180 360 none"
        "\nr 26 54 74 99 0 none",
    ),
    "page": Icon(
        "sky",
        "#ffffff",
        """
        r 16 2 84 98 5 #c9ced8
        r 18 4 82 96 4 main
        r 18 4 82 30 4 #d6483f
        l 4 30 17 70 17 #ffffff
        l 3 28 46 72 46 #9aa3b2
        l 3 28 58 72 58 #9aa3b2
        l 3 28 70 72 70 #9aa3b2
        l 3 28 82 56 82 #9aa3b2
        """,
    ),
}
"""Every shape by its name; ``words`` knows what else people call them."""
