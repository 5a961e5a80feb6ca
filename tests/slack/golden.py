"""One of every message, form and home tab that the bot sends, and the files they are kept in.

``python -m tests.slack.golden`` writes the files again; read what changed as a person would.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.slack import cards, home, modals
from adapters.slack.actions import Action
from adapters.slack.cards import Button, Card
from bot.chat import Attachment, Notice, NoticeKind, Picture, Reply
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
from bot.preferences import ChannelRules
from bot.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FOLDER = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 22, 14, 5, 30, tzinfo=UTC)
FLASH = PROFILES["google"]["gemini-3.1-flash-image"]
LITE = PROFILES["google"]["gemini-3.1-flash-lite-image"]
PRICE = "This will cost about $0.07."
FOX = "A red fox in the snow, at dusk.\nKeep the background plain."
TURN = Turn(
    id=TurnId("0abcdefghjkmnpqr"),
    thread=ThreadId(platform="slack", workspace="T1", channel="C1", thread="1700000000.000100"),
    state=TurnState.DELIVERING,
    author="U1",
    author_name="Ada",
    message_id="1700000000.000100",
    created=NOW,
    number=1,
    provider="google",
    prompt=FOX,
    options=GenerationOptions(aspect_ratio="16:9", image_size="1K", web_search=True),
)
DIRECT = replace(TURN, thread=replace(TURN.thread, channel="D1"))
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
FORM = modals.Form(
    prompt="A red fox",
    options=GenerationOptions(aspect_ratio="16:9", image_size="2K", count=2, web_search=True),
)


def _notice(kind: NoticeKind, text: str, *, retry: bool = False) -> Card:
    return cards.notice(TURN, Notice(kind=kind, text=text, retry=retry))


def _home(*, admin: bool) -> Mapping[str, object]:
    rules = {
        "C1": ChannelRules(follow="mention", options=GenerationOptions(image_size="2K")),
        "C2": ChannelRules(options=GenerationOptions(aspect_ratio="1:1")),
    }
    return home.home(
        recent=(
            home.Recent(prompt=FOX, permalink="https://x.slack.com/archives/C1/p17", when=NOW),
            home.Recent(prompt="A lighthouse", permalink="", when=NOW),
        ),
        pictures_left=17,
        defaults=GenerationOptions(aspect_ratio="4:3"),
        rules=rules if admin else None,
        grammar=help_text(),
    )


MESSAGES: Mapping[str, Callable[[], tuple[Card, ...]]] = {
    "answer": lambda: cards.answer(TURN, REPLY, costs=True),
    "answer-of-four": lambda: cards.answer(TURN, replace(FOUR, sources=()), costs=False),
    "answer-in-words": lambda: cards.answer(
        DIRECT, Reply(text="Which fox do you mean?", model=REPLY.model, cost=900), costs=True
    ),
    "answer-of-the-demo": lambda: cards.answer(
        replace(DIRECT, provider="offline"),
        replace(REPLY, text="", notes=(), sources=(), suggestions=(), model="offline-demo"),
        costs=True,
    ),
    "answer-too-long": lambda: cards.answer(
        TURN, replace(REPLY, text="Snow is white, and so on.\n\n" * 300), costs=True
    ),
    "gallery": lambda: (cards.gallery([("F1", PICTURE.alt_text), ("F2", "")], "Here it is."),),
    "links": lambda: (
        cards.links(
            ["https://x.slack.com/files/U0/F1/fox.png"], "Slack does not show it. Open it:"
        ),
    ),
    "root": lambda: (cards.root("U1", FOX, render(TURN.options)),),
    "notice-slow": lambda: (_notice(NoticeKind.SLOW, "Still painting. You need not do anything."),),
    "notice-confirm": lambda: (_notice(NoticeKind.CONFIRM, "This will cost $0.60. Paint it?"),),
    "notice-refused": lambda: (
        _notice(NoticeKind.REFUSED, "The model will not paint this. Describe it differently."),
    ),
    "notice-failed": lambda: (
        _notice(NoticeKind.FAILED, "The service is overloaded. Try again later.", retry=True),
    ),
    "notice-cancelled": lambda: (_notice(NoticeKind.CANCELLED, "Cancelled. Nothing was charged."),),
    "line": lambda: (
        cards.line(
            "I am not in this channel. Invite me, or have it painted in a direct message.",
            Button(action=Action.DIRECT, label="Paint it in a direct message", value="errand-1"),
        ),
    ),
}
VIEWS: Mapping[str, Callable[[], Mapping[str, object]]] = {
    "form-new": lambda: modals.new(
        FORM,
        models=tuple(PROFILES["google"]),
        profile=FLASH,
        price=PRICE,
        private={"at": "command"},
        ask_channel=True,
    ),
    "form-new-of-a-small-model": lambda: modals.new(
        modals.Form(), models=(LITE.id,), profile=LITE, price="", private={}, ask_channel=False
    ),
    "form-edit": lambda: modals.edit(
        modals.Form(),
        picture_alt=PICTURE.alt_text,
        models=tuple(PROFILES["google"]),
        profile=FLASH,
        price=PRICE,
        private={"turn": "0abcdefghjkmnpqr.2"},
    ),
    "form-ratio": lambda: modals.ratio(
        "16:9", profile=FLASH, price=PRICE, private={"turn": TURN.id}
    ),
    "details": lambda: modals.details(RECORD, REPLY, costs=True),
    "home": lambda: _home(admin=False),
    "home-of-an-admin": lambda: _home(admin=True),
    "form-person": lambda: home.person_form(GenerationOptions(aspect_ratio="4:3"), FLASH),
    "form-channel": lambda: home.channel_form(
        FLASH, channel="C1", rules=ChannelRules(follow="mention")
    ),
}


def messages() -> dict[str, object]:
    """Make every message, each as the list of what is posted."""
    return {
        name: [{"text": card.text, "blocks": list(card.blocks)} for card in make()]
        for name, make in MESSAGES.items()
    }


def views() -> dict[str, object]:
    """Make every form and home tab."""
    return {name: make() for name, make in VIEWS.items()}


def read(name: str) -> object:
    """Read what is kept of one."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def write() -> None:
    """Keep all of them."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, made in (messages() | views()).items():
        text = json.dumps(made, ensure_ascii=False, indent=1)
        (FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
