"""The sample exchanges of Gemini's multi-turn editing, as they go over the wire."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from bot.contents import fit
from bot.conversation import Blob, BlobPart, Content, PastTurn, TextPart, TurnId
from bot.profiles import PROFILES

if TYPE_CHECKING:
    from bot.conversation import Contents, Part

NB2 = PROFILES["google"]["gemini-3.1-flash-image"]
BYTES: dict[str, str] = {}


def kept(data: str, mime_type: str = "text/plain") -> Blob:
    digest = sha256(data.encode()).hexdigest()
    BYTES[digest] = data
    return Blob(digest=digest, mime_type=mime_type, size=len(data))


def wire(contents: Contents) -> list[object]:
    return [
        {"role": content.role, "parts": [_wire_part(part) for part in content.parts]}
        for content in contents.contents
    ]


def _wire_part(part: Part) -> dict[str, object]:
    if isinstance(part, TextPart):
        wired: dict[str, object] = {"text": part.text}
    else:
        data = BYTES[part.blob.digest]
        wired = {"inlineData": {"mimeType": part.blob.mime_type, "data": data}}
    if part.thought:
        wired["thought"] = True
    if part.signature:
        wired["thoughtSignature"] = BYTES[part.signature.digest]
    return wired


def asked(text: str) -> Content:
    return Content(role="user", parts=(TextPart(text=text),))


def edit(past: PastTurn, words: str, backend: str = "google") -> list[object]:
    result = fit(
        workspace="T1",
        system="You are an image assistant in a chat thread.",
        turns=[past],
        older=0,
        user=asked(words),
        profile=NB2,
        backend=backend,
    )
    return wire(result.contents)


FOX = PastTurn(
    id=TurnId("1"),
    backend="google",
    user=asked("A red fox in snow"),
    model=Content(
        role="model",
        parts=(
            TextPart(text="Here is your fox.", signature=kept("EsauMgrCrjIB...")),
            BlobPart(blob=kept("/9j/4AAQ...", "image/jpeg"), signature=kept("EoClMgr8pDIB...")),
        ),
    ),
)


def test_an_edit_replays_the_first_turn_with_both_signatures_in_place() -> None:
    assert edit(FOX, "Add a blue scarf. Keep everything else.") == [
        {"role": "user", "parts": [{"text": "A red fox in snow"}]},
        {
            "role": "model",
            "parts": [
                {"text": "Here is your fox.", "thoughtSignature": "EsauMgrCrjIB..."},
                {
                    "inlineData": {"mimeType": "image/jpeg", "data": "/9j/4AAQ..."},
                    "thoughtSignature": "EoClMgr8pDIB...",
                },
            ],
        },
        {"role": "user", "parts": [{"text": "Add a blue scarf. Keep everything else."}]},
    ]


def test_a_foreign_picture_goes_into_the_user_content_without_a_model_content() -> None:
    assert edit(FOX, "Add a blue scarf.", backend="wisdom-gate") == [
        {
            "role": "user",
            "parts": [
                {
                    "text": "Earlier in this conversation these were asked for:\n"
                    "1. A red fox in snow\n"
                    "The picture as it is now is attached."
                },
                {"inlineData": {"mimeType": "image/jpeg", "data": "/9j/4AAQ..."}},
                {"text": "Add a blue scarf."},
            ],
        }
    ]


def test_of_an_answer_with_thoughts_only_the_answer_is_replayed() -> None:
    thinking = PastTurn(
        id=TurnId("1"),
        backend="google",
        user=asked("A red fox in snow"),
        model=Content(
            role="model",
            parts=(
                TextPart(text="**Planning the composition** ...", thought=True),
                BlobPart(blob=kept("<draft>", "image/jpeg"), thought=True),
                TextPart(text="Done.", signature=kept("<A>")),
                BlobPart(blob=kept("<final>", "image/jpeg"), signature=kept("<B>")),
            ),
        ),
    )

    assert edit(thinking, "Add a blue scarf.")[1] == {
        "role": "model",
        "parts": [
            {"text": "Done.", "thoughtSignature": "<A>"},
            {
                "inlineData": {"mimeType": "image/jpeg", "data": "<final>"},
                "thoughtSignature": "<B>",
            },
        ],
    }
