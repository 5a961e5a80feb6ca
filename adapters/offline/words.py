"""What the offline demo understands of a prompt: things, colours, places. Pure, English only."""

from __future__ import annotations

import re
from dataclasses import dataclass

COLOURS = {
    "red": "#d8362f",
    "orange": "#f08a24",
    "yellow": "#f7cf3c",
    "green": "#3f9b4f",
    "blue": "#2f6fd0",
    "purple": "#8146b3",
    "violet": "#7b52c9",
    "pink": "#f07fae",
    "brown": "#8a5a3b",
    "black": "#26262e",
    "white": "#fafafa",
    "grey": "#8c9097",
    "gray": "#8c9097",
    "gold": "#e2b13c",
    "golden": "#e2b13c",
    "silver": "#bcc4cf",
    "teal": "#1f8a8a",
    "turquoise": "#34c3b5",
    "cyan": "#35c4e0",
    "magenta": "#d13a9a",
    "lime": "#a4d233",
    "navy": "#22346e",
    "olive": "#85883a",
    "maroon": "#7d2436",
    "beige": "#e6d8bb",
}
"""Colour words and what is painted for them."""

_ICON_WORDS = {
    "sun": "sun sunshine",
    "moon": "moon crescent",
    "star": "star",
    "cloud": "cloud",
    "bird": "bird sparrow robin parrot duck owl crow eagle",
    "balloon": "balloon",
    "rocket": "rocket spaceship spacecraft",
    "mountain": "mountain hill peak volcano alp",
    "sea": "sea ocean lake river water wave",
    "house": "house cottage hut cabin building village town city",
    "castle": "castle palace fortress",
    "tree": "tree oak forest wood park",
    "flower": "flower rose tulip daisy blossom garden meadow",
    "mushroom": "mushroom toadstool",
    "cat": "cat kitten kitty",
    "dog": "dog puppy hound",
    "fox": "fox",
    "rabbit": "rabbit bunny hare",
    "bear": "bear teddy panda",
    "fish": "fish goldfish salmon shark whale",
    "person": "person people man woman boy girl child kid king queen astronaut knight",
    "robot": "robot android",
    "snowman": "snowman",
    "boat": "boat ship sailboat yacht",
    "car": "car taxi truck van",
    "apple": "apple fruit",
    "cup": "cup mug coffee tea",
    "heart": "heart",
    "umbrella": "umbrella parasol",
    "hat": "hat cap",
    "crown": "crown",
    "scarf": "scarf shawl",
    "orb": "orb ball globe sphere planet",
    "gem": "gem diamond crystal jewel",
    "arch": "arch rainbow gate bridge",
    "page": "page",
}
NOUNS = {word: icon for icon, words in _ICON_WORDS.items() for word in words.split()}
"""Every word that a shape is drawn for, and the name of the shape."""

_PLURALS = {
    **{f"{word}s": word for word in NOUNS},
    **{f"{word}es": word for word in NOUNS if word.endswith(("x", "s", "sh", "ch"))},
    **{f"{word[:-1]}ies": word for word in NOUNS if word.endswith("y")},
    "children": "child",
    "men": "man",
    "women": "woman",
}
_CROWDS = {"forest": 5, "wood": 5, "garden": 5, "meadow": 5, "park": 4, "city": 5, "town": 4,
           "village": 4, "people": 3}  # fmt: skip
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "few": 3,
            "some": 3, "several": 4, "many": 6, "both": 2}  # fmt: skip
_NONE = frozenset({"no", "without"})
_MOST = 7
_SCALES = {"big": 1.4, "large": 1.4, "huge": 1.8, "giant": 1.8, "small": 0.65, "little": 0.65,
           "tiny": 0.4, "mini": 0.4}  # fmt: skip

_MOOD_WORDS = {
    "night": "night nighttime midnight moonlit starry",
    "space": "space galaxy cosmos",
    "sunset": "sunset sunrise dawn dusk evening",
    "snow": "snow snowy snowing winter snowfall",
    "rain": "rain rainy raining storm stormy",
    "desert": "desert sand sandy beach dune dunes",
}
MOODS = {word: mood for mood, words in _MOOD_WORDS.items() for word in words.split()}
"""Words for the weather and the hour, and the name of the mood."""

_PLACE = re.compile(
    r"\s+(?:in|on|at|to|near)\s+(?:the\s+)?(?P<where>(?:top|upper|bottom|lower|left|right|middle|"
    r"cent(?:er|re))(?:[\s-]+(?:left|right|middle|cent(?:er|re)))?)\b"
    r"(?:\s+(?:corner|side|half|part|hand\s+side))?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_][\w'\u2019-]*|[.,;:!?]")
_FILLER_WORDS = (
    "a about above add added after again all also am an and any apply are around art as at "
    "attached attachment back background be beautiful before behind below beside between bit "
    "bright but by can change color colors colour colours corner could create cute dark do "
    "draw drawing effect else every everything file filter for foreground from front full generate "
    "get give ground has have he hello her here hi him his how i if illustration image "
    "imagine in include insert instead into is it it's its just keep kindly let let's lets "
    "light like logo look looking looks lot lovely made make me more most my new next nice "
    "now of off ok okay on one onto or other our out over paint painting photo pic picture "
    "place please pretty put rest same scene see set she show side simple sits sitting sky so "
    "some something standing stands style than thank thanks that that's the their them then "
    "there these they this those to too turn under up upload uploaded us use very want was we "
    "wearing wears what what's where which while who whole will with within would yes you "
    "your "
)
_FILLER = frozenset(_FILLER_WORDS.split())
_DEFINITE = frozenset({"the", "this", "that", "these", "those", "its", "his", "her"})
_PHRASE_ENDS = frozenset({"and", "with", "in", "on", "of", "a", "an", "to"}) | _DEFINITE
_REMOVAL = re.compile(r"\b(?:remove|delete|erase|without|no|not|don'?t|lose|hide)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Something to draw. icon: a name of ``icons.ICONS``. colour: a name of COLOURS or None.

    scale: 1 is the usual size. where: such as "top left", or "" when nobody said.
    definite: said with "the": something that is there already.
    """

    icon: str
    colour: str | None = None
    count: int = 1
    scale: float = 1
    where: str = ""
    definite: bool = False

    def __str__(self) -> str:
        """Name it for a person: "a blue star", "3 trees"."""
        words = f"{self.colour} {self.icon}" if self.colour else self.icon
        if self.count > 1:
            return f"{self.count} {words}{'es' if words.endswith('x') else 's'}"
        return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


class Reading:
    """A prompt while it is read: what was understood is blanked, so that it is not read twice."""

    def __init__(self, text: str) -> None:
        """Begin with nothing understood."""
        self.text = text

    def take(self, start: int, end: int) -> None:
        """Mark a stretch as understood; positions of the rest stay."""
        self.text = self.text[:start] + "\0" * (end - start) + self.text[end:]

    def matches(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """Find and take every match of a pattern."""
        found = list(pattern.finditer(self.text))
        for match in found:
            self.take(*match.span())
        return found

    def words(self, table: dict[str, str]) -> list[tuple[int, str]]:
        """Find and take the words of a table: position and the table's value."""
        found = []
        for match in _WORD.finditer(self.text):
            value = table.get(match[0].lower())
            if value:
                found.append((match.start(), value))
                self.take(*match.span())
        return found

    def things(self) -> list[tuple[int, Thing]]:
        """Find and take the things that are named, each with its position."""
        tokens = list(_WORD.finditer(self.text))
        found = []
        for number, token in enumerate(tokens):
            word = _singular(token[0].lower())
            if word in NOUNS:
                found.append((token.start(), self._thing(tokens[:number], token, word)))
        return found

    def _thing(self, before: list[re.Match[str]], token: re.Match[str], word: str) -> Thing:
        """Read the colour, size and number in front of a noun and the place behind it."""
        count = 3 if word != token[0].lower() else _CROWDS.get(word, 1)
        colour, scale, where, definite = None, 1.0, "", False
        self.take(*token.span())
        for other in reversed(before[-5:]):
            said = other[0].lower()
            if "\0" in self.text[other.start() : other.end()] or _ends_phrase(said):
                definite = said in _DEFINITE
                break
            if said in COLOURS and colour is None:
                colour = said
            elif said in _SCALES:
                scale = _SCALES[said]
            elif said in _NUMBERS or said.isdecimal():
                count = min(_NUMBERS.get(said) or int(said[:3]) or 1, _MOST)
            elif said in _NONE:
                count = 0
            else:
                continue
            self.take(*other.span())
        place = _PLACE.match(self.text, token.end())
        if place:
            where = place["where"].lower()
            self.take(*place.span())
        return Thing(
            icon=NOUNS[word],
            colour=colour,
            count=count,
            scale=scale,
            where=where,
            definite=definite,
        )

    def place(self) -> str:
        """Find and take a place that belongs to no thing, such as "top left"; "" without one."""
        match = _PLACE.search(self.text)
        if match is None:
            return ""
        self.take(*match.span())
        return match["where"].lower()

    @property
    def removal(self) -> bool:
        """Whether something is to be taken away, which the demo cannot do."""
        return _REMOVAL.search(self.text) is not None

    def left(self, most: int = 8) -> list[str]:
        """List the words that were not understood and mean something, each once."""
        words = [m[0] for m in _WORD.finditer(self.text) if m[0].lower() not in _FILLER]
        return list(dict.fromkeys(w for w in words if w[0] not in ".,;:!?" and len(w) > 1))[:most]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a first prompt asks for. colours: names said of nothing in particular.

    unknown: words that no shape or mood stands for.
    """

    things: tuple[Thing, ...]
    moods: frozenset[str]
    colours: tuple[str, ...]
    unknown: tuple[str, ...]


def read_scene(prompt: str) -> Scene:
    """Understand the prompt of a new picture."""
    reading = Reading(prompt)
    things = tuple(thing for _, thing in reading.things() if thing.count)
    moods = frozenset(mood for _, mood in reading.words(MOODS))
    colours = tuple(name for _, name in reading.words({name: name for name in COLOURS}))
    return Scene(things=things, moods=moods, colours=colours, unknown=tuple(reading.left()))


def listed(words: list[str] | tuple[str, ...]) -> str:
    """Join words as people do: "a, b and c"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _singular(word: str) -> str:
    return _PLURALS.get(word, word)


def _ends_phrase(word: str) -> bool:
    """Whether a word before a noun ends its phrase: another noun, "and", a comma."""
    return word in _PHRASE_ENDS or not word[0].isalnum() or _singular(word) in NOUNS
