"""Requests: what goes over the wire is what a plain construction of the same JSON would be."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.gemini.transport import Upload
from adapters.gemini.wire import Body, encode, without_system
from bot.conversation import Blob, BlobPart, Content, Contents, Part, TextPart
from bot.options import GenerationOptions
from bot.profiles import PROFILES
from storage.blobs import FileBlobStore
from tests.gemini.support import WORKSPACE, ask, load, store

FLASH = PROFILES["google"]["gemini-3.1-flash-image"]
OLD = PROFILES["google"]["gemini-2.5-flash-image"]
GATE = PROFILES["wisdom-gate"]["gemini-3.1-flash-image-preview"]
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.profiles import ModelProfile

FOLDER = tempfile.TemporaryDirectory()
BLOBS = FileBlobStore(Path(FOLDER.name))


@pytest.fixture(scope="module", autouse=True)
def _folder() -> Iterator[None]:
    yield
    FOLDER.cleanup()


SIGNATURES = st.text("abcXYZ019+/=", min_size=1, max_size=50) | st.just("a\\/b\\u003d")
WORDS = st.text(max_size=30) | st.sampled_from(['say "hi"\n', "\\", "zażółć 🦊", "</script>"])


async def sent(body: Body) -> bytes:
    async def done() -> None:
        finished.append(True)

    finished: list[bool] = []
    upload = Upload(body, blobs=BLOBS, workspace=WORKSPACE, seconds=5, sent=done)
    async with asyncio.timeout(30) as upload.deadline:
        blocks = [block async for block in upload]
    assert finished == [True]
    assert upload.started
    return b"".join(blocks)


def signed(part: Part, signature: str | None) -> Part:
    if signature is None:
        return part
    return replace(part, signature=store(BLOBS, signature.encode(), "text/plain"))


PARTS: st.SearchStrategy[Part] = st.builds(
    signed,
    st.builds(TextPart, text=WORDS, thought=st.booleans())
    | st.builds(
        BlobPart,
        blob=st.builds(
            store,
            st.just(BLOBS),
            st.binary(max_size=100) | st.just(b"\xff" * 400_000),
            st.sampled_from(["image/png", "image/jpeg", "application/pdf"]),
        ),
        thought=st.booleans(),
    ),
    st.none() | SIGNATURES,
)
CONTENTS = st.lists(
    st.builds(
        Content,
        role=st.sampled_from(["user", "model"]),
        parts=st.lists(PARTS, max_size=4).map(tuple),
    ),
    min_size=1,
    max_size=4,
)


def plain(part: Part) -> dict[str, Any]:
    """Build a part the straightforward way."""
    if isinstance(part, TextPart):
        built: dict[str, Any] = {"text": part.text}
    else:
        data = base64.b64encode(load(BLOBS, part.blob)).decode()
        built = {"inlineData": {"mimeType": part.blob.mime_type, "data": data}}
    if part.signature:
        raw = load(BLOBS, part.signature).decode()
        built["thoughtSignature"] = json.loads(f'"{raw}"')
    return built


@settings(deadline=None, max_examples=60)
@given(contents=CONTENTS, system=WORDS)
async def test_a_streamed_body_is_the_json_that_one_would_write_by_hand(
    contents: list[Content], system: str
) -> None:
    given_ = Contents(workspace=WORKSPACE, contents=tuple(contents), system=system)

    body = encode(given_, GenerationOptions(), FLASH)
    written = await sent(body)

    assert len(written) == body.length
    expected: dict[str, Any] = {
        "contents": [
            {"role": c.role, "parts": [plain(p) for p in c.parts if not p.thought]}
            for c in contents
            if any(not p.thought for p in c.parts)
        ],
        "generationConfig": {"responseModalities": ["TEXT", "IMAGE"]},
    }
    if system:
        expected["systemInstruction"] = {"parts": [{"text": system}]}
    assert json.loads(written) == expected


async def test_a_signature_goes_back_byte_for_byte_escapes_included() -> None:
    raw = rb"EsUB\/+a\u003d\u003D=="
    signature = store(BLOBS, raw, "text/plain")
    content = Content(role="model", parts=(TextPart(text="", signature=signature),))

    written = await sent(
        encode(Contents(workspace=WORKSPACE, contents=(content,)), GenerationOptions(), FLASH)
    )

    assert b'{"text":"","thoughtSignature":"' + raw + b'"}' in written


@pytest.mark.parametrize("size", [0, 1, 2, 3, 196_607, 196_608, 196_609, 500_000])
async def test_pictures_of_any_size_are_one_string_of_standard_base64(size: int) -> None:
    data = b"\xfb\xff" * (size // 2) + b"x" * (size % 2)

    body = encode(ask(store(BLOBS, data)), GenerationOptions(), FLASH)
    written = await sent(body)

    assert len(written) == body.length
    [part] = json.loads(written)["contents"][0]["parts"]
    assert part["inlineData"]["data"] == base64.b64encode(data).decode()


async def config(
    options: GenerationOptions, profile: ModelProfile = FLASH, threshold: str | None = None
) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(await sent(encode(ask("a"), options, profile, threshold)))
    del body["contents"]
    return body


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {}),
        ({"aspect_ratio": "16:9"}, {"imageConfig": {"aspectRatio": "16:9"}}),
        ({"image_size": "4K"}, {"imageConfig": {"imageSize": "4K"}}),
        ({"image_size": "0.5K"}, {"imageConfig": {"imageSize": "512"}}),
        ({"thinking": "high"}, {"thinkingConfig": {"thinkingLevel": "high"}}),
        ({"text": True, "count": 3, "model": "x"}, {}),
        ({"text": False}, {"responseModalities": ["IMAGE"]}),
    ],
)
async def test_options_are_sent_only_when_said(
    said: dict[str, Any], expected: dict[str, Any]
) -> None:
    body = await config(GenerationOptions(**said))

    assert body == {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"], **expected}}


async def test_wisdom_gate_has_its_own_word_for_the_small_size() -> None:
    body = await config(GenerationOptions(image_size="0.5K"), GATE)

    assert body["generationConfig"]["imageConfig"] == {"imageSize": "0.5K"}


async def test_a_model_without_sizes_and_thinking_gets_neither() -> None:
    body = await config(
        GenerationOptions(image_size="1K", thinking="high", aspect_ratio="1:1"), OLD
    )

    assert body["generationConfig"] == {
        "responseModalities": ["TEXT", "IMAGE"],
        "imageConfig": {"aspectRatio": "1:1"},
    }


async def test_image_search_includes_web_search() -> None:
    assert (await config(GenerationOptions(web_search=True)))["tools"] == [{"googleSearch": {}}]
    both: list[dict[str, Any]] = [
        {"googleSearch": {"searchTypes": {"webSearch": {}, "imageSearch": {}}}}
    ]
    assert (await config(GenerationOptions(image_search=True)))["tools"] == both
    assert (await config(GenerationOptions(image_search=True, web_search=True)))["tools"] == both
    assert "tools" not in await config(GenerationOptions(image_search=False, web_search=False))


async def test_safety_settings_are_sent_only_when_the_operator_set_them() -> None:
    assert "safetySettings" not in await config(GenerationOptions())
    sent_ = (await config(GenerationOptions(), threshold="BLOCK_ONLY_HIGH"))["safetySettings"]
    assert {each["threshold"] for each in sent_} == {"BLOCK_ONLY_HIGH"}
    assert [each["category"] for each in sent_] == [
        "HARM_CATEGORY_HARASSMENT",
        "HARM_CATEGORY_HATE_SPEECH",
        "HARM_CATEGORY_SEXUALLY_EXPLICIT",
        "HARM_CATEGORY_DANGEROUS_CONTENT",
    ]


async def test_instructions_can_stand_in_front_of_the_first_words_instead() -> None:
    moved = without_system(
        ask("a fox", Blob(digest="0" * 64, mime_type="x", size=0), system="Be kind.")
    )

    assert not moved.system
    assert moved.contents[0].text == "Be kind.\n\na fox"


async def test_a_blob_that_is_shorter_than_it_should_be_ends_the_upload() -> None:
    blob = store(BLOBS, b"abc")
    longer = Blob(digest=blob.digest, mime_type=blob.mime_type, size=4)

    with pytest.raises(OSError, match="3 bytes, not 4"):
        await sent(encode(ask(longer), GenerationOptions(), FLASH))
