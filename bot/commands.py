"""The words a person types: one grammar of flags and commands, the same on every platform."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

from bot.errors import UsageError
from bot.near import nearest
from bot.options import MOST_PICTURES, RATIOS, SIZES, THINKING, GenerationOptions
from bot.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LONGEST_PROMPT = 8_000
"""Characters of a prompt, flags not counted."""

CommandWord = Literal["stop", "undo", "redo", "help"]
Value: TypeAlias = str | int | bool

_ENDS_A_SENTENCE = ",.;:!?)…"
_END = "--"
_PHONE_DASHES = "\u2013\u2014"
_SHOWN = 40
_LONGEST_MODEL = 100
_MODELS = frozenset(model for known in PROFILES.values() for model in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asked for. prompt: the words without flags, "" when there were none."""

    prompt: str
    options: GenerationOptions


def _same(value: str) -> str:
    return value


def _ratio(value: str) -> str:
    return re.sub("[x/\u00d7\uff1a]", ":", value)


def _size(value: str) -> str:
    return {".5k": "0.5k", "512": "0.5k"}.get(value, value)


def _nearest_ratio(value: str, ratios: tuple[str, ...]) -> str:
    """Find the ratio of nearly the same shape, so that 1920x1080 leads to 16:9."""
    sides = re.fullmatch(r"([0-9]{1,5}(?:\.[0-9]{1,3})?):([0-9]{1,5}(?:\.[0-9]{1,3})?)", value)
    if sides is None:
        return nearest(value, ratios)
    width, height = map(float, sides.groups())
    if not width or not height:
        return ""

    def distance(ratio: str) -> float:
        across, _, down = ratio.partition(":")
        return abs(math.log(width / height) - math.log(int(across) / int(down)))

    return min(ratios, key=distance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag of the grammar.

    option: field of GenerationOptions. takes: what its value is, "" for a flag without one.
    values: all that it takes, () when only the model knows. sets: what a flag without a value says.
    also: names that people bring from elsewhere; they lead to this flag in an error, no more.
    clean: brings a lower-case value into its one spelling. near: finds the right value for a wrong.
    """

    name: str
    option: str
    help: str
    takes: str = ""
    values: tuple[str, ...] = ()
    sets: Mapping[str, bool] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    clean: Callable[[str], str] = _same
    near: Callable[[str, tuple[str, ...]], str] = nearest

    @property
    def usage(self) -> str:
        """Print it as in help texts: ``--size 0.5K|1K|2K|4K``, ``--ar RATIO``, ``--search``."""
        short = "|".join(self.values)
        if not 0 < len(short) <= _SHOWN:
            short = self.takes.rpartition(" ")[2].upper()
        return f"{self.name} {short}" if self.takes else self.name

    def read(self, text: str) -> str | int:
        """Bring one value into the spelling of GenerationOptions, whatever its case.

        UsageError names the allowed values and the nearest one; it does not name the flag.
        """
        cleaned = self.clean(text.lower())
        if not self.values and len(text) <= _LONGEST_MODEL:
            return cleaned if cleaned in _MODELS else text
        for value in self.values:
            if value.lower() == cleaned:
                return int(value) if self.option == "count" else value
        raise UsageError(
            f"{_short(text)} is not a {self.takes}.{_hint(self.near(cleaned, self.values))}"
            f" {self.allowed}".rstrip()
        )

    @property
    def allowed(self) -> str:
        """List the allowed values, as in ``Sizes: 0.5K, 1K, 2K, 4K``."""
        return f"{self.takes.capitalize()}s: {', '.join(self.values)}." if self.values else ""


FLAGS: tuple[Flag, ...] = (
    Flag(
        name="--ar",
        option="aspect_ratio",
        help="the shape, such as 16:9",
        takes="ratio",
        values=RATIOS,
        also=("aspect", "aspect-ratio", "ratio"),
        clean=_ratio,
        near=_nearest_ratio,
    ),
    Flag(
        name="--size",
        option="image_size",
        help="how large",
        takes="size",
        values=SIZES,
        also=("resolution", "res", "image-size"),
        clean=_size,
    ),
    Flag(
        name="--image-search",
        option="image_search",
        help="look for pictures and facts on the web first",
        sets={"web_search": True, "image_search": True},
        also=("images",),
    ),
    Flag(
        name="--search",
        option="web_search",
        help="look for facts on the web first",
        sets={"web_search": True},
        also=("web", "web-search", "google"),
    ),
    Flag(
        name="--think",
        option="thinking",
        help="how long to think before painting",
        takes="thinking level",
        values=THINKING,
        also=("thinking", "thinking-level"),
    ),
    Flag(
        name="--model",
        option="model",
        help="which model paints",
        takes="model name",
    ),
    Flag(
        name="--n",
        option="count",
        help="how many pictures",
        takes="picture count",
        values=tuple(str(count) for count in range(1, MOST_PICTURES + 1)),
        also=("count", "number", "pictures"),
    ),
    Flag(
        name="--text",
        option="text",
        help="a picture with words about it",
        sets={"text": True},
        also=("words",),
    ),
    Flag(
        name="--no-text",
        option="text",
        help="a picture without words about it",
        sets={"text": False},
        also=("no-words", "image-only"),
    ),
)
"""Every flag; help texts, completion and errors are made from this table."""

COMMANDS: Mapping[CommandWord, str] = {
    "stop": "end the picture in the making",
    "undo": "go back to the picture before",
    "redo": "paint the last request again",
    "help": "show this",
}
"""Every word that is a command when it is a whole reply, and what it does."""

_BY_NAME = {flag.name: flag for flag in FLAGS}
_LED_TO = {name: flag.name for flag in FLAGS for name in (flag.name[2:], *flag.also)}


def parse(text: str) -> Request:
    """Split what a person typed into the prompt and its options.

    The prompt keeps its spacing and line breaks; where a flag was cut out, one space or the line
    break next to it remains. Raises UsageError with the allowed words and the nearest match.
    """
    said: dict[str, tuple[Value, str]] = {}
    cuts: list[tuple[int, int]] = []
    for cut, flag, value in _flags(text):
        cuts.append(cut)
        for name, meaning, words in _meanings(flag, value) if flag else ():
            _say(said, name, meaning, words)
    prompt = _without(text, cuts)
    if len(prompt) > LONGEST_PROMPT:
        raise UsageError(
            f"The prompt has {len(prompt):,} characters; {LONGEST_PROMPT:,} are allowed."
            " Shorten it."
        )
    options: dict[str, Any] = {name: meaning for name, (meaning, _) in said.items()}
    return Request(prompt=prompt, options=GenerationOptions(**options))


def render(options: GenerationOptions) -> str:
    """Write the flags that say these options; ``parse`` reads them back.

    A search that is switched off cannot be said, so it is left out.
    """
    said = options.said()
    flags: list[str] = []
    told: set[str] = set()
    for flag in FLAGS:
        value = said.get(flag.option)
        if flag.takes and value is not None:
            flags.append(f"{flag.name} {value}")
        elif not flag.takes and value is flag.sets[flag.option] and flag.option not in told:
            flags.append(flag.name)
            told.update(flag.sets)
    return " ".join(flags)


def help_text() -> str:
    """Explain in a few lines how to talk to the bot; plain text."""
    flags = [f"{flag.usage}: {flag.help}" for flag in FLAGS]
    commands = [f"{word}: {meaning}" for word, meaning in COMMANDS.items()]
    return "\n".join(
        (
            "Say what to paint. Reply in the thread to change the picture.",
            "Attach pictures or a PDF to work with them.",
            "",
            "Flags, anywhere in your words:",
            *flags,
            "",
            "A reply of one word:",
            *commands,
        )
    )


def command_word(text: str) -> CommandWord | None:
    """Tell whether a whole reply is a command, whatever its case and closing punctuation."""
    word = text.strip().rstrip(_ENDS_A_SENTENCE).rstrip().lower()
    return cast("CommandWord", word) if word in get_args(CommandWord) else None


def _flags(text: str) -> Iterator[tuple[tuple[int, int], Flag | None, str | None]]:
    """Yield each flag's place in the text, the flag and its value; no flag for the end mark."""
    words = list(re.finditer(r"\S+", text))
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word.group() == _END:
            yield word.span(), None, None
            return
        split = _split(word.group())
        if split is None:
            continue
        flag, value = _flag(split[0]), split[1]
        if flag.takes and value is None and at < len(words) and not _is_flag(words[at].group()):
            value = words[at].group()
            at += 1
        yield (word.start(), words[at - 1].end()), flag, value


def _split(word: str) -> tuple[str, str | None] | None:
    """Split a word into a flag's name and the value glued to it; None when it is text.

    Phones turn ``--`` into one dash, which is a flag only before a known one.
    """
    name, glued, value = word.partition("=")
    name = name.lower().rstrip("" if glued else _ENDS_A_SENTENCE)
    if name and name[0] in _PHONE_DASHES:
        name = f"--{name[1:]}"
        if name not in _BY_NAME:
            return None
    elif not (name.startswith("--") and name[2:3].isalpha()):
        return None
    return name, value if glued else None


def _is_flag(word: str) -> bool:
    return word == _END or _split(word) is not None


def _flag(name: str) -> Flag:
    if name in _BY_NAME:
        return _BY_NAME[name]
    led_to = _LED_TO.get(nearest(name[2:], _LED_TO), "")
    raise UsageError(
        f"There is no flag {_short(name)}.{_hint(led_to)} Flags: {', '.join(_BY_NAME)}."
    )


def _meanings(flag: Flag, value: str | None) -> Iterator[tuple[str, Value, str]]:
    """Yield field, value and the words that said it."""
    if not flag.takes:
        if value is not None:
            raise UsageError(f"{flag.name} takes no value. Write {flag.name} alone.")
        for name, meaning in flag.sets.items():
            yield name, meaning, flag.name
        return
    cleaned = (value or "").rstrip(_ENDS_A_SENTENCE)
    if not cleaned:
        raise UsageError(f"{flag.name} takes a {flag.takes}. {flag.allowed}".rstrip())
    try:
        value_read = flag.read(cleaned)
    except UsageError as error:
        raise UsageError(f"{flag.name} {error}") from None
    yield flag.option, value_read, f"{flag.name} {_short(str(value_read))}"


def _say(said: dict[str, tuple[Value, str]], name: str, meaning: Value, words: str) -> None:
    before, words_before = said.setdefault(name, (meaning, words))
    if before != meaning:
        raise UsageError(f"{words_before} and {words} contradict each other. Keep one of them.")


def _without(text: str, cuts: list[tuple[int, int]]) -> str:
    """Cut spans out of a text; what remains of a gap is its line breaks, or one space."""
    kept: list[str] = []
    gap, at = "", 0
    for start, end in [*cuts, (len(text), len(text))]:
        piece, at = text[at:start], end
        gap = max(gap, piece[: len(piece) - len(piece.lstrip())], key=_line_breaks)
        if words := piece.strip():
            if kept:
                kept.append(gap if _line_breaks(gap) else " ")
            kept.append(words)
            gap = piece[len(piece.rstrip()) :]
    return "".join(kept)


def _line_breaks(space: str) -> int:
    return space.count("\n")


def _hint(word: str) -> str:
    return f" Did you mean {word}?" if word else ""


def _short(word: str) -> str:
    return word if len(word) <= _SHOWN else f"{word[:_SHOWN]}…"
