"""What people do with an answer: the requests that buttons make."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.chat import Attachment, Message
from bot.commands import parse
from bot.controls import enlarge, redo, reshape, variations
from bot.conversation import (
    ROOT,
    Blob,
    ThreadId,
    Turn,
    TurnId,
    TurnRef,
    TurnState,
)
from bot.options import GenerationOptions
from bot.ports import Material, Record

THREAD = ThreadId(platform="slack", workspace="T1", channel="C1", thread="1.2")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BASE = Message(id="click", thread=THREAD, author="bob", text="", sent_at=NOON)
LOGO = Blob(digest="d" * 64, mime_type="image/png", size=9)


def record(parent: TurnRef | None = None, **more: object) -> Record:
    fields: dict[str, object] = {
        "id": TurnId("t1"),
        "thread": THREAD,
        "state": TurnState.DONE,
        "author": "ann",
        "message_id": "1.2",
        "created": NOON,
        "prompt": "a fox --size is a word here",
        "parent": parent,
        "options": GenerationOptions(aspect_ratio="16:9", count=2, web_search=True),
    }
    kept = Material(position=0, attachment=Attachment(name="logo.png"), blob=LOGO)
    skipped = Material(position=1, attachment=Attachment(name="x.svg"), problem="Not a picture.")
    return Record(turn=Turn(**(fields | more)), material=(kept, skipped))  # type: ignore[arg-type]


def test_redo_asks_for_the_same_with_the_same_material_from_the_same_parent() -> None:
    parent = TurnRef(turn=TurnId("t0"), choice=1)
    asked = redo(BASE, record(parent))
    request = parse(asked.text)
    assert request.prompt == "a fox --size is a word here"
    assert request.options == GenerationOptions()
    assert asked.options == GenerationOptions(aspect_ratio="16:9", count=2, web_search=True)
    assert asked.branch == parent
    assert [(file.name, file.blob) for file in asked.attachments] == [("logo.png", LOGO)]
    assert (asked.id, asked.author) == ("click", "bob")


def test_redo_of_a_root_is_a_root_again() -> None:
    assert redo(BASE, record(ROOT)).branch == ROOT


def test_redo_of_a_picture_without_words_has_none() -> None:
    assert redo(BASE, record(prompt="")).text == ""


def test_variations_are_four_siblings() -> None:
    asked = variations(BASE, record(ROOT))
    assert (asked.options.count, asked.branch) == (4, ROOT)


def test_a_larger_size_and_another_ratio_refine_the_chosen_answer() -> None:
    answer = TurnRef(turn=TurnId("t1"), choice=2)
    larger, wider = enlarge(BASE, answer, "4K"), reshape(BASE, answer, "21:9")
    assert (larger.branch, larger.options) == (answer, GenerationOptions(image_size="4K"))
    assert (wider.branch, wider.options) == (answer, GenerationOptions(aspect_ratio="21:9"))
    assert parse(larger.text).prompt == larger.text
    assert parse(wider.text).prompt == wider.text
