"""What the offline demo answers to one request: the words and the pictures, the same every time."""

from __future__ import annotations

import hashlib
import html
import random
import struct
import zlib
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from PIL import Image, ImageOps

from adapters.offline.document import INTRO, Answer, Drawn
from adapters.offline.drawing import add, inlay, paint, stand_ins
from adapters.offline.edits import KNOWN, read_edits
from adapters.offline.label import art_size, labelled, unlabelled
from adapters.offline.sizes import nearest_ratio, pixels
from adapters.offline.words import Scene, Thing, listed, read_scene
from bot.conversation import Outcome, Source, Suggestion
from bot.errors import CallRejected

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.offline.label import Size
    from adapters.offline.magic import Magic
    from adapters.offline.request import Request

_MOODS = {
    "night": "at night",
    "space": "in space",
    "sunset": "at sunset",
    "snow": "in snow",
    "rain": "in the rain",
    "desert": "in a desert",
}
_QUICK = 1  # zlib level: a 4K picture in 0.1 s
_UNREADABLE = (
    EOFError,
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What Pillow raises on garbage."""
_PAGE = Thing(icon="page")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Painted:
    """A picture above its label, the pixels of the whole, and what to say of it."""

    art: Image.Image
    size: Size
    words: str


def answer(request: Request, files: Sequence[Path]) -> Answer:
    """Work out the whole answer; CPU-bound. CallRejected when the picture cannot be opened.

    files: local ones, of ``request.picture``, when there is one, and of ``request.inlays``.
    """
    spell = request.spell
    without_picture = next((magic for magic in spell.magics if magic.outcome), None)
    if without_picture:
        return _worded(without_picture)
    painted = _painted(request, files)
    arts = [painted.art]
    words = [INTRO, painted.words]
    if "!two" in spell:
        arts.append(ImageOps.mirror(painted.art))
        words.append("The second picture is the first one mirrored.")
    said = Answer(
        text="" if request.options.text is False else " ".join(words),
        pictures=tuple(_drawn(request, art, painted.size) for art in arts),
    )
    options = request.options
    if options.web_search or options.image_search or "!grounded" in spell:
        said = _grounded(said, spell.prompt, images=bool(options.image_search))
    return said


def _worded(magic: Magic) -> Answer:
    """Answer in words alone: a refusal, or a question back."""
    words = f"{INTRO} {magic.words}"
    refused = magic.finish_reason != "STOP"
    return Answer(
        text="" if refused else words,
        reason=words if refused else "",
        outcome=magic.outcome or Outcome.ANSWER,
        finish_reason=magic.finish_reason,
    )


def _painted(request: Request, files: Sequence[Path]) -> _Painted:
    dice = random.Random(hashlib.sha256(request.seed.encode()).digest())  # noqa: S311 - no secret
    if "!hugefile" in request.spell:
        return _noise(request, dice)
    if not files:
        return _new(request, dice)
    return _edited(request, [_opened(path) for path in files], dice)


def _pixels(request: Request, ratio: str) -> Size:
    size = request.options.image_size or "1K"
    if "!size" in request.spell:
        size = "1K" if size == "0.5K" else "0.5K"
    return pixels(ratio, size)


def _noise(request: Request, dice: random.Random) -> _Painted:
    size = pixels(request.options.aspect_ratio or "1:1", "4K")
    width, height = art_size(size)
    art = Image.frombytes("RGB", (width, height), dice.randbytes(width * height * 3))
    return _Painted(art=art, size=size, words="I drew noise, which makes a very large file.")


def _new(request: Request, dice: random.Random) -> _Painted:
    scene = read_scene(request.spell.prompt)
    drawn, extra = scene.things, ""
    if request.pdf:
        drawn = (*drawn, _PAGE)
        extra = " I cannot look into a PDF, so a page stands for it."
    if not drawn:
        drawn = stand_ins(dice)
    size = _pixels(request, request.options.aspect_ratio or "1:1")
    art = paint(replace(scene, things=drawn), art_size(size), dice)
    return _Painted(art=art, size=size, words=_told(scene, drawn) + extra)


def _told(scene: Scene, drawn: tuple[Thing, ...]) -> str:
    """Say what was drawn and what was not."""
    names = listed([str(thing) for thing in drawn])
    moods = "".join(f" {_MOODS[mood]}" for mood in sorted(scene.moods))
    words = f"I drew {names}{moods}."
    if not scene.things:
        words += " The demo knows only simple things, such as a house, a tree, a cat or a boat."
    if scene.unknown:
        words += f" I did not understand: {', '.join(scene.unknown)}."
    return f'{words} Reply with an edit, such as "brighter", "add a blue hat" or "make it night".'


def _edited(request: Request, pictures: list[Image.Image], dice: random.Random) -> _Painted:
    plan = read_edits(request.spell.prompt, dice)
    picture, *others = pictures
    own_ratio = nearest_ratio(*(picture.size if plan.turns % 2 == 0 else picture.size[::-1]))
    ratio = plan.ratio or request.options.aspect_ratio or own_ratio
    size = _pixels(request, ratio)
    art = unlabelled(picture)
    if plan.turns:
        art = art.rotate(90 * plan.turns, expand=True)
    if art.size != art_size(size):
        art = ImageOps.fit(art, art_size(size), Image.Resampling.BICUBIC)
    for step in plan.steps:
        art = step.change(art)
    done = list(plan.done)
    if ratio != own_ratio and not plan.ratio:
        done.append(f"cropped to {ratio}")
    for number, other in enumerate(others):
        inlay(art, other, plan.where, number)
    if others:
        done.append("put your picture on it" if len(others) == 1 else "put your pictures on it")
    words = _done(done, plan.unknown)
    if request.pdf:
        art = add(art, _PAGE, dice)
        words += " I cannot look into a PDF, so a page stands for it."
    return _Painted(art=art, size=size, words=words)


def _done(done: list[str], unknown: tuple[str, ...]) -> str:
    words = [
        f"Done: {', '.join(done)}." if done else "The picture is as it was, but for its label."
    ]
    if unknown:
        words.append(f"I did not understand: {', '.join(unknown)}.")
    if unknown or not done:
        words.append(f"The offline demo knows: {KNOWN}.")
    return " ".join(words)


def _opened(path: Path) -> Image.Image:
    """Open a picture as RGB; what is transparent becomes white."""
    try:
        with Image.open(path) as picture:
            if picture.has_transparency_data:
                layer = picture.convert("RGBA")
                flat = Image.new("RGB", layer.size, "white")
                flat.paste(layer, mask=layer)
                return flat
            return picture.convert("RGB")
    except _UNREADABLE as error:
        message = "The picture cannot be opened. Send another one, or start a new thread."
        raise CallRejected(message) from error


def _drawn(request: Request, art: Image.Image, size: Size) -> Drawn:
    picture = labelled(art, size, request.spell.prompt)
    file = BytesIO()
    picture.save(file, "PNG", compress_level=0 if "!hugefile" in request.spell else _QUICK)
    data = file.getvalue()
    if "!badpng" in request.spell:
        data = data[: len(data) // 2]
    return Drawn(data=data, width=size[0], height=size[1])


def _grounded(plain: Answer, prompt: str, *, images: bool) -> Answer:
    """Add sources and search suggestions that look like real ones and lead nowhere."""
    subject = " ".join(prompt.split()[:4]) or "pictures"
    query = quote_plus(subject)
    sources = [
        Source(title=f"{subject} (example)", url=f"https://example.org/wiki?about={query}"),
        Source(title=f"All about {subject} (example)", url=f"https://example.org/?q={query}"),
    ]
    if images:
        page = f"https://example.org/photos?of={query}"
        sources.append(Source(title=f"Photos of {subject} (example)", url=page, kind="image"))
    suggestions = tuple(
        Suggestion(text=text, url=f"https://example.org/search?q={quote_plus(text)}")
        for text in (f"{subject} example", f"{subject} photos example")
    )
    chips = "".join(
        f'<a class="chip" href="{html.escape(chip.url)}">{html.escape(chip.text)}</a>'
        for chip in suggestions
    )
    return replace(
        plain,
        sources=tuple(sources),
        suggestions=suggestions,
        suggestions_html=f'<div class="container">{chips}</div>',
        searches=2 if images else 1,
    )
