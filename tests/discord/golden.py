"""One of every message and form that the bot sends, and the files they are kept in.

``python -m tests.discord.golden`` writes the files again; read what changed as a person would.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.discord import cards, forms
from adapters.discord.actions import Action
from adapters.discord.cards import Button, Card
from bot.chat import Attachment, Notice, NoticeKind, Picture, Progress, Reply
from bot.commands import help_text, render
from bot.conversation import (
    Blob,
    Source,
    Suggestion,
    ThreadId,
    Turn,
    TurnId,
    TurnState,
    Usage,
)
from bot.options import GenerationOptions
from bot.ports import Material, Record, Step
from bot.profiles import PROFILES
from tests.discord.limits import components_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from discord.ui import Modal

FOLDER = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 22, 14, 5, 30, tzinfo=UTC)
FLASH = PROFILES["google"]["gemini-3.1-flash-image"]
LITE = PROFILES["google"]["gemini-3.1-flash-lite-image"]
PRICE = "This will cost about $0.07."
FOX = "A red fox in the snow, at dusk.\nKeep the background plain."
TURN = Turn(
    id=TurnId("0abcdefghjkmnpqr"),
    thread=ThreadId(platform="discord", workspace="200", channel="300", thread="1001"),
    state=TurnState.DELIVERING,
    author="400",
    author_name="Ada",
    message_id="1001",
    created=NOW,
    number=1,
    provider="google",
    prompt=FOX,
    options=GenerationOptions(aspect_ratio="16:9", image_size="1K", web_search=True),
    ref={"kind": "said", "user": "400", "message": "1001", "place": "thread"},
)
DIRECT = replace(
    TURN,
    thread=ThreadId(platform="discord", workspace="@me", channel="500", thread="1001"),
    ref={**TURN.ref, "place": "dm"},
)
PICTURE = Picture(
    blob=Blob(digest="0" * 64, mime_type="image/png", size=1_234_567, width=1376, height=768),
    alt_text="A red fox stands in deep snow; the sky behind it is orange.",
)
REPLY = Reply(
    text="I painted **a red fox** in deep snow:\n\n- low, warm light\n- a plain background",
    pictures=(PICTURE,),
    notes=("notes.docx was skipped: only pictures and PDF can be used.",),
    sources=(
        Source(
            title="wikipedia.org",
            url="https://vertexaisearch.cloud.google.com/grounding-api-redirect/AbC1",
        ),
        Source(title="Red fox", url="https://en.wikipedia.org/wiki/Red_fox?a=1&b=2"),
    ),
    suggestions=(
        Suggestion(text="red fox winter coat", url="https://www.google.com/search?q=red+fox+coat"),
    ),
    options=TURN.options,
    model="gemini-3.1-flash-image",
    usage=Usage(prompt=310, output=1_240, output_image=1_120, thoughts=85, total=1_635, searches=1),
    cost=81_400,
)
FOUR = replace(REPLY, pictures=tuple(replace(PICTURE, choice=choice) for choice in range(4)))
FILES = ("fox-1.png", "fox-2.png", "fox-3.png", "fox-4.png")
RECORD = Record(
    turn=TURN,
    material=(
        Material(
            position=0,
            attachment=Attachment(name="sketch.png"),
            blob=replace(PICTURE.blob, size=20_000),
        ),
        Material(
            position=1,
            attachment=Attachment(name="notes.docx"),
            problem="only pictures and PDF can be used",
        ),
    ),
    steps=(Step(at=NOW + timedelta(seconds=23.4), state="done", attempt=1),),
)
FORM = forms.Form(
    prompt="A red fox",
    options=GenerationOptions(aspect_ratio="16:9", image_size="2K", count=2),
)


def answer(
    turn: Turn = TURN,
    reply: Reply = REPLY,
    *,
    costs: bool = True,
    spoiler: bool = False,
    smaller: bool = False,
) -> tuple[Card, ...]:
    """Make an answer with a file for each picture."""
    files = tuple(f"fox-{place}.png" for place in range(1, len(reply.pictures) + 1))
    return cards.answer(turn, reply, costs=costs, spoiler=spoiler, files=files, smaller=smaller)


def _notice(kind: NoticeKind, text: str, *, retry: bool = False) -> tuple[Card, ...]:
    return (cards.notice(TURN, Notice(kind=kind, text=text, retry=retry)),)


def _progress(state: TurnState, *, ahead: int = 0, note: str = "") -> tuple[Card, ...]:
    progress = Progress(state=state, seconds=20.4, ahead=ahead, note=note)
    return (cards.progress(TURN, progress),)


MESSAGES: Mapping[str, Callable[[], tuple[Card, ...]]] = {
    "answer": answer,
    "answer-of-four": lambda: answer(reply=replace(FOUR, sources=()), costs=False),
    "answer-in-words": lambda: answer(
        DIRECT, Reply(text="Which fox do you mean?", model=REPLY.model, cost=900)
    ),
    "answer-of-the-demo": lambda: answer(
        replace(DIRECT, provider="offline"),
        replace(REPLY, text="", notes=(), sources=(), suggestions=(), model="offline-demo"),
    ),
    "answer-smaller-and-spoilered": lambda: answer(
        reply=replace(REPLY, text="", sources=(), suggestions=()), spoiler=True, smaller=True
    ),
    "answer-without-files": lambda: cards.answer(
        TURN, replace(REPLY, text=""), costs=False, spoiler=False, files=()
    ),
    "answer-too-long": lambda: answer(
        reply=replace(REPLY, text="Snow is white, and so on.\n\n" * 200)
    ),
    "gallery": lambda: (
        cards.gallery([("fox.png", PICTURE.alt_text), ("b.png", "")], "In full:", spoiler=False),
    ),
    "root": lambda: (cards.root("400", FOX, render(TURN.options)),),
    "root-without-words": lambda: (cards.root("400", "", ""),),
    "notice-slow": lambda: _notice(NoticeKind.SLOW, "Still painting. You need not do anything."),
    "notice-confirm": lambda: _notice(NoticeKind.CONFIRM, "This will cost $0.60. Paint it?"),
    "notice-refused": lambda: _notice(
        NoticeKind.REFUSED, "The model will not paint this. Describe it differently."
    ),
    "notice-failed": lambda: _notice(
        NoticeKind.FAILED, "The service is overloaded. Try again later.", retry=True
    ),
    "notice-cancelled": lambda: _notice(NoticeKind.CANCELLED, "Cancelled. Nothing was charged."),
    "progress-waiting": lambda: _progress(TurnState.ACCEPTED, ahead=3),
    "progress-painting": lambda: _progress(TurnState.CALLING),
    "progress-of-a-wait": lambda: _progress(TurnState.CALLING, note="the service is busy."),
    "progress-sending": lambda: _progress(TurnState.DELIVERING),
    "done": lambda: (cards.done("https://discord.com/channels/200/1001/1002"),),
    "line": lambda: (
        cards.line(
            "You asked this while I was away. Do you still want it?",
            Button(action=Action.ANSWER_LATE, label="Answer now", value="1001"),
        ),
    ),
    "help": lambda: (cards.line(help_text()),),
    "details": lambda: (cards.details(RECORD, REPLY, costs=True),),
}
FORMS: Mapping[str, Callable[[], Modal]] = {
    "form-edit": lambda: forms.edit(str(TURN.id), forms.Form(), profile=FLASH, price=PRICE),
    "form-edit-filled": lambda: forms.edit(str(TURN.id), FORM, profile=FLASH, price=""),
    "form-edit-of-a-small-model": lambda: forms.edit("x.2", forms.Form(), profile=LITE, price=""),
    "form-use": lambda: forms.use("300:1001", forms.Form(), profile=FLASH, price=PRICE),
    "form-ratio": lambda: forms.ratio(str(TURN.id), "16:9", profile=FLASH, price=PRICE),
}


def messages() -> dict[str, object]:
    """Make every message, each as the list of what is posted."""
    return {name: [components_of(card) for card in make()] for name, make in MESSAGES.items()}


def modals() -> dict[str, object]:
    """Make every form."""
    return {name: make().to_dict() for name, make in FORMS.items()}


def read(name: str) -> object:
    """Read what is kept of one."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def write() -> None:
    """Keep all of them."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, made in (messages() | modals()).items():
        text = json.dumps(made, ensure_ascii=False, indent=1)
        (FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
