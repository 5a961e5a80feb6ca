"""The edits that the offline demo understands: from plain words to what ``filters`` does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image, ImageOps

from adapters.offline import filters
from adapters.offline.backdrop import weather
from adapters.offline.drawing import add
from adapters.offline.label import printable
from adapters.offline.words import COLOURS, MOODS, Reading
from bot.options import RATIOS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

Change: TypeAlias = Callable[[Image.Image], Image.Image]

KNOWN = (
    "brighter, darker, warmer, cooler, more or less contrast, vivid, muted, sharper, blurry, "
    "a colour (make it blue), black and white, sepia, invert, flip, mirror, rotate left or right, "
    "zoom in or out, pixelate, night, sunset, snow, rain, a frame, a ratio (crop to 16:9), "
    'add text "hello", and add a shape (add a red star in the top left)'
)
"""What can be said, for people."""

_COLOUR = "|".join(COLOURS)
_IT = r"(?:\s+(?:it|this|that|everything|(?:the|this)\s+(?:whole\s+)?(?:picture|image|photo)))?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One edit. at: where in the prompt it was said. said: for the person, after it is done."""

    at: int
    said: str
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an edit prompt asks for.

    turns: quarter turns to the left, done first. ratio: when the words name one. steps: in the
    order they were said. where: a place for what is laid over it, or "". unknown: words that were
    not understood.
    """

    turns: int
    ratio: str | None
    steps: tuple[Step, ...]
    where: str
    unknown: tuple[str, ...]

    @property
    def done(self) -> tuple[str, ...]:
        """Name everything that is done, for the person."""
        turned = {1: ("rotated left",), 2: ("rotated by 180 degrees",), 3: ("rotated right",)}
        cropped = (f"cropped to {self.ratio}",) if self.ratio else ()
        return turned.get(self.turns, ()) + cropped + tuple(step.said for step in self.steps)


def read_edits(prompt: str, dice: Random) -> Plan:
    """Understand the prompt of an edit. dice: for places and snowflakes nobody asked for."""
    reading = Reading(prompt)
    steps = [*_texts(reading), *_frames(reading)]
    turns = _turns(reading)
    steps += [*_simple(reading), *_axes(reading)]
    ratio = _ratio(reading)
    added, missed = _additions(reading, dice)
    steps += [*added, *_moods(reading, dice), *_tints(reading)]
    steps.sort(key=lambda step: step.at)
    where = reading.place()
    unknown = tuple(dict.fromkeys([*missed, *reading.left()]))
    return Plan(turns=turns, ratio=ratio, steps=tuple(steps), where=where, unknown=unknown)


_TEXTS = (
    re.compile(
        r"(?:\b(?:add|write|put|print|with|say(?:ing)?)\b[^\"“”.;]{0,40}?)?"
        r"(?:[\"“”](?P<text>[^\"“”]+)[\"“”]|(?<!\w)'(?P<single>[^']+)'(?!\w))"
        r"(?P<top>[^.,;]*\b(?:top|above)\b)?",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:(?:add|put)\s+(?:(?:the|a|some)\s+)?(?:text|caption|words?|title)|write)\b"
        r"(?:\s*:|\s+(?:that says|saying|reading))?\s+(?P<text>[^.,;\0]+)",
        re.IGNORECASE,
    ),
)


def _texts(reading: Reading) -> Iterable[Step]:
    for pattern in _TEXTS:
        for match in reading.matches(pattern):
            found = match.groupdict()
            shown, lost = printable(found["text"] or found["single"])
            said = f'wrote "{shown}"' if shown else "wrote nothing"
            if lost:
                said += f" (the demo has no letters for {lost[:20]})"
            change: Change = partial(filters.write, text=shown, top=bool(found.get("top")))
            yield Step(at=match.start(), said=said, change=change if shown else _unchanged)


def _unchanged(picture: Image.Image) -> Image.Image:
    return picture


_FRAME = re.compile(
    rf"\b(?:(?P<width>thick|wide|thin|narrow)\s+)?(?:(?P<colour>{_COLOUR})\s+)?"
    rf"(?:frame|border|(?P<poster>poster))\b(?:\s+in\s+(?P<after>{_COLOUR})\b)?",
    re.IGNORECASE,
)
_WIDTHS = {"thick": 0.08, "wide": 0.08, "": 0.04, "thin": 0.018, "narrow": 0.018}


def _frames(reading: Reading) -> Iterable[Step]:
    for match in reading.matches(_FRAME):
        colour = (match["colour"] or match["after"] or "white").lower()
        share = _WIDTHS[(match["width"] or ("thick" if match["poster"] else "")).lower()]
        change = partial(filters.frame, colour=COLOURS[colour], share=share)
        yield Step(at=match.start(), said=f"added a {colour} frame", change=change)


_TURN = re.compile(
    rf"\b(?:rotat\w*{_IT}|turn{_IT}(?=\s+(?:by\s+)?(?:to\s+the\s+)?"
    r"(?:90|180|270|left|right|clockwise|counter|anti)))"
    r"(?:\s+by)?(?:\s+(?P<degrees>90|180|270)(?:\s*°|\s+degrees?)?(?![\w:]))?"
    r"(?:\s+(?:to\s+the\s+)?(?P<way>left|right|clockwise|(?:counter|anti)-?clockwise)\b)?"
    r"(?:\s+(?:by\s+)?(?P<after>90|180|270)(?:\s*°|\s+degrees?)?(?![\w:]))?"
    r"(?!\s+(?:by\s+)?\d)",
    re.IGNORECASE,
)


def _turns(reading: Reading) -> int:
    turns = 0
    for match in reading.matches(_TURN):
        quarters = int(match["degrees"] or match["after"] or 90) // 90
        left = (match["way"] or "right").lower().startswith(("left", "counter", "anti"))
        turns += quarters if left else -quarters
    return turns % 4


_RATIO = re.compile(
    r"(?:\b(?:crop(?:ped)?|cut|trim|make)(?:\s+it)?\s+)?(?:\b(?:to|in|into|as|at)\s+)?"
    r"(?:\ban?\s+)?"
    r"\b(?P<ratio>\d{1,2}:\d{1,2}|square|widescreen|landscape|portrait|panorama|banner)\b"
    r"(?:\s+(?:format|ratio|crop|orientation|mode))?",
    re.IGNORECASE,
)
_SHAPES = {
    "square": "1:1", "widescreen": "16:9", "landscape": "3:2", "portrait": "2:3",
    "panorama": "21:9", "banner": "4:1",
}  # fmt: skip


def _ratio(reading: Reading) -> str | None:
    ratio = None
    for match in _RATIO.finditer(reading.text):
        word = match["ratio"].lower()
        named = _SHAPES.get(word, word)
        if named in RATIOS:
            ratio = named
            reading.take(*match.span())
    return ratio


_SIMPLE: tuple[tuple[str, Change, str], ...] = (
    (
        r"black[\s-]*(?:and|&|n)[\s-]*white|b\s?&\s?w|gr[ae]y[\s-]?scale|monochrome|colou?rless",
        filters.grayscale,
        "black and white",
    ),
    (r"sepia|vintage|retro|old\s+photo", filters.sepia, "sepia"),
    (r"invert(?:ed)?|negative", ImageOps.invert, "inverted"),
    (
        rf"(?:flip\w*|mirror\w*|turn){_IT}\s+(?:vertical(?:ly)?|upside[\s-]down)|upside[\s-]down",
        ImageOps.flip,
        "flipped upside down",
    ),
    (
        rf"(?:flip\w*|mirror\w*){_IT}(?:\s+(?:horizontal(?:ly)?|sideways|left\s+to\s+right))?",
        ImageOps.mirror,
        "mirrored left to right",
    ),
    (rf"zoom(?:ed)?{_IT}\s+out|further\s+away|farther\s+away", filters.zoom_out, "zoomed out"),
    (rf"zoom(?:ed)?{_IT}(?:\s+in)?|closer|close-?up", filters.zoom_in, "zoomed in"),
    (r"pixel(?:at\w*|ed|s)?(?:\s+art)?|8[\s-]?bit", filters.pixelate, "pixelated"),
)


def _simple(reading: Reading) -> Iterable[Step]:
    for words, change, said in _SIMPLE:
        for match in reading.matches(re.compile(rf"\b(?:{words})\b", re.IGNORECASE)):
            yield Step(at=match.start(), said=said, change=change)


@dataclass(frozen=True, slots=True)
class _Axis:
    """A pair of opposite edits: what they are called, the words for each, what they do."""

    more: str
    less: str
    up: str
    down: str
    change: Callable[[Image.Image, float], Image.Image]


_AXES = (
    _Axis(
        "brighter",
        "darker",
        r"bright(?:er|en|ness)?(?:\s+up)?|light(?:er|en)(?:\s+up)?",
        r"dark(?:er|en)?|dim(?:mer)?",
        filters.brightness,
    ),
    _Axis(
        "warmer", "cooler", r"warm(?:er|th)?(?:\s+up)?", r"cool(?:er)?|cold(?:er)?", filters.warmth
    ),
    _Axis("more contrast", "less contrast", r"contrast(?:y)?", r"flat(?:ter)?", filters.contrast),
    _Axis(
        "more vivid",
        "more muted",
        r"saturat(?:ed|ion|e)|vivid|vibrant|colou?rful",
        r"desaturated?|muted|paler?|faded",
        filters.saturation,
    ),
    _Axis(
        "sharper",
        "blurrier",
        r"sharp(?:er|en|ness)?|crisp(?:er)?",
        r"blur(?:ry|red|rier)?|soft(?:er|en)?|fuzzy",
        filters.sharpness,
    ),
)
_STRENGTH = (
    r"(?:(?P<much>much|a\s+lot|lots|way|far|very|really|super)\s+)?"
    r"(?:(?P<bit>slightly|somewhat|a\s+(?:little\s+)?bit|a\s+little|a\s+touch|a\s+tad)\s+)?"
    r"(?:(?:(?P<less>less|too|not\s+(?:so|as)|(?:reduce|decrease|lower)(?:\s+the)?)"
    r"|more|higher|(?:increase|raise|boost)(?:\s+the)?)\s+)?"
)


def _axes(reading: Reading) -> Iterable[Step]:
    for axis in _AXES:
        for words, sign in ((axis.down, -1), (axis.up, 1)):
            pattern = re.compile(rf"\b{_STRENGTH}(?:{words})\b", re.IGNORECASE)
            for match in reading.matches(pattern):
                yield _axis_step(axis, match, -sign if match["less"] else sign)


def _axis_step(axis: _Axis, match: re.Match[str], sign: int) -> Step:
    said = axis.more if sign > 0 else axis.less
    amount, strength = 1.0, ""
    if match["much"]:
        amount, strength = 1.8, "much "
    elif match["bit"]:
        amount, strength = 0.5, "slightly "

    def change(picture: Image.Image) -> Image.Image:
        return axis.change(picture, sign * amount)

    return Step(at=match.start(), said=strength + said, change=change)


_PLACES = (0.15, 0.32, 0.68, 0.85)  # across the picture; its middle is taken already
_ADDING = re.compile(r"\b(?:add|draw|include|insert|paint)\b", re.IGNORECASE)


def _additions(reading: Reading, dice: Random) -> tuple[list[Step], list[str]]:
    """Find the things to draw, and those that are spoken of as being there already.

    "A star" is new. "The star" is there, unless it is to be added; what is to be removed is, too.
    """
    verb = _ADDING.search(reading.text)
    since = verb.start() if verb else len(reading.text)
    there = reading.removal
    places = dice.sample(_PLACES, k=len(_PLACES))
    steps: list[Step] = []
    missed: list[str] = []
    for at, thing in reading.things():
        if at < since and (there or thing.definite):
            missed.append(thing.icon)
        elif thing.count:
            across = places[len(steps) % len(places)]
            change = partial(add, thing=thing, dice=dice, across=across)
            steps.append(Step(at=at, said=f"added {thing}", change=change))
    return steps, missed


_MOOD_CHANGES: dict[str, Change] = {
    "night": partial(filters.light, colour="#4a5fa8"),
    "sunset": partial(filters.light, colour="#ffa873"),
    "desert": partial(filters.tint, colour="#d9a35c", strength=0.4),
}


def _moods(reading: Reading, dice: Random) -> Iterable[Step]:
    for at, mood in reading.words({word: mood for word, mood in MOODS.items() if mood != "space"}):
        falling = partial(weather, moods={mood}, dice=dice)
        said = f"made it {mood}" if mood in _MOOD_CHANGES else f"let it {mood}"
        yield Step(at=at, said=said, change=_MOOD_CHANGES.get(mood, falling))


_COMPARED = {
    "redder": "red", "bluer": "blue", "greener": "green", "yellower": "yellow", "pinker": "pink",
    "browner": "brown", "greyer": "grey", "grayer": "gray", "whiter": "white", "blacker": "black",
    "purpler": "purple",
}  # fmt: skip
_TINT = re.compile(
    r"(?<!less )(?<!not )\b(?P<soft>more\s+|slightly\s+|a\s+(?:little|bit|touch\s+of)\s+)?"
    rf"\b(?P<colour>{_COLOUR}|{'|'.join(_COMPARED)})(?P<ish>ish)?\b(?:\s+(?:tint|tone|hue)\b)?",
    re.IGNORECASE,
)


def _tints(reading: Reading) -> Iterable[Step]:
    for match in reading.matches(_TINT):
        word = match["colour"].lower()
        colour = _COMPARED.get(word, word)
        soft = match["soft"] or match["ish"] or word in _COMPARED
        change = partial(filters.tint, colour=COLOURS[colour], strength=0.35 if soft else 0.65)
        said = f"{'slightly ' if soft else ''}tinted {colour}"
        yield Step(at=match.start(), said=said, change=change)
