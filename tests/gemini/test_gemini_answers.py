"""Reading spooled answers with the real blob store, in every shape that services give them."""

from __future__ import annotations

import base64
import json
import random
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from adapters.gemini.answers import read_answer
from bot.conversation import BlobPart, Generation, Outcome, Source, Suggestion, TextPart, Usage
from bot.errors import OutcomeUnknown
from storage.blobs import FileBlobStore, FileBlobWriter
from tests.gemini.support import KEY, WORKSPACE, caller, load
from tests.standins.pictures import jpeg, png

if TYPE_CHECKING:
    from pathlib import Path

RED = jpeg(64, 48, "red")
BLUE = png(32, 32, "blue")


class Reader:
    """Reads answers given as values or bytes, and looks at the store afterwards."""

    def __init__(self, folder: Path) -> None:
        self.blobs = FileBlobStore(folder / "blobs")
        self.file = folder / "a.answer"
        self.folder = folder

    def read(self, answer: object) -> Generation:
        written = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.file.write_bytes(written)
        return read_answer(self.file, WORKSPACE, self.blobs)

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.folder / "blobs").rglob("*") if path.is_file()]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def image(data: bytes, mime_type: str = "image/jpeg", **more: object) -> dict[str, Any]:
    inline = {"mimeType": mime_type, "data": base64.b64encode(data).decode()}
    return {"inlineData": inline, **more}


def answer(*parts: dict[str, Any], finish: str = "STOP", **more: object) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    return {"candidates": [{"content": content, "finishReason": finish, "index": 0, **more}]}


def test_the_sample_of_the_facts_page_is_read_whole(reader: Reader) -> None:
    given = answer(
        {"text": "Here is your fox.", "thoughtSignature": "EsauMgrCrjIB"},
        image(RED, thoughtSignature="EoClMgr8pDIB"),
    ) | {
        "usageMetadata": {
            "promptTokenCount": 14,
            "candidatesTokenCount": 1283,
            "totalTokenCount": 1471,
            "thoughtsTokenCount": 174,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 14}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        },
        "modelVersion": "gemini-3-pro-image-preview",
        "responseId": "QV8oae6ZGKGnmtkPoanu6A0",
    }

    generation = reader.read(given)

    words, picture = generation.content.parts
    assert isinstance(words, TextPart)
    assert isinstance(picture, BlobPart)
    assert words.text == "Here is your fox."
    assert words.signature
    assert load(reader.blobs, words.signature) == b"EsauMgrCrjIB"
    assert picture.signature
    assert load(reader.blobs, picture.signature) == b"EoClMgr8pDIB"
    assert load(reader.blobs, picture.blob) == RED
    assert (picture.blob.mime_type, picture.blob.size) == ("image/jpeg", len(RED))
    assert (picture.blob.width, picture.blob.height) == (64, 48)
    assert generation.content.role == "model"
    assert generation.outcome is Outcome.ANSWER
    assert generation.reason == ""
    assert generation.finish_reason == "STOP"
    assert generation.model_version == "gemini-3-pro-image-preview"
    assert generation.usage == Usage(
        prompt=14, output=1283, output_image=1120, thoughts=174, total=1471
    )
    assert len(reader.files) == 3


def test_snake_case_pretty_printed_data_first_and_url_safe_are_read_the_same(
    reader: Reader,
) -> None:
    camel = answer({"text": "Fox"}, image(RED, thoughtSignature="AbC"))
    text = json.dumps(camel, indent=2)
    for name in ("inlineData", "mimeType", "thoughtSignature", "finishReason"):
        text = text.replace(name, re.sub("([A-Z])", lambda m: "_" + m[1].lower(), name))
    data = base64.b64encode(RED).decode()
    text = text.replace(data, data.replace("+", "-").replace("/", "_").rstrip("="))
    inline = re.search(r'("mime_type": "image/jpeg"),(\s*)("data": "[^"]*")', text)
    assert inline
    text = text.replace(inline[0], f"{inline[3]},{inline[2]}{inline[1]}")

    assert reader.read(text.encode()) == reader.read(camel)


def test_parts_stay_in_order_thoughts_and_several_pictures_included(reader: Reader) -> None:
    generation = reader.read(
        answer(
            {"text": "Planning", "thought": True},
            image(BLUE, thought=True),
            {"text": "One", "thoughtSignature": "A"},
            image(RED, thoughtSignature="B"),
            {"text": ""},
            {"text": "", "thoughtSignature": "C"},
            image(BLUE, thoughtSignature="D"),
            {},
        )
    )

    kinds = [
        (type(part).__name__, part.thought, bool(part.signature))
        for part in generation.content.parts
    ]
    assert kinds == [
        ("TextPart", True, False),
        ("BlobPart", True, False),
        ("TextPart", False, True),
        ("BlobPart", False, True),
        ("TextPart", False, True),
        ("BlobPart", False, True),
    ]
    assert [load(reader.blobs, blob) for blob in generation.content.pictures] == [RED, BLUE]


def test_a_picture_that_is_only_a_thought_is_the_answer_and_unsigned(reader: Reader) -> None:
    generation = reader.read(answer({"text": "Plan", "thought": True}, image(RED, thought=True)))

    assert generation.outcome is Outcome.ANSWER
    assert [load(reader.blobs, blob) for blob in generation.content.pictures] == [RED]


def test_the_content_tells_the_type_not_the_label(reader: Reader) -> None:
    generation = reader.read(answer(image(RED, "image/png")))

    assert generation.content.pictures[0].mime_type == "image/jpeg"


@pytest.mark.parametrize("data", [RED[: len(RED) // 2], b"<html>", b"", b"%PDF-1.4 x"])
def test_a_broken_picture_is_dropped_and_one_more_call_is_reasonable(
    reader: Reader, data: bytes
) -> None:
    generation = reader.read(answer({"text": "Here!"}, image(data, thoughtSignature="A")))

    assert generation.outcome is Outcome.AGAIN
    assert generation.reason == "The picture came out broken. Try again."
    assert generation.content.text == "Here!"
    assert not generation.content.pictures
    assert reader.files == []


def test_a_broken_picture_beside_a_whole_one_is_no_matter(reader: Reader) -> None:
    generation = reader.read(answer(image(RED[:50]), image(BLUE)))

    assert generation.outcome is Outcome.ANSWER
    assert [load(reader.blobs, blob) for blob in generation.content.pictures] == [BLUE]
    assert len(reader.files) == 1


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"candidates": []},
        {"candidates": None},
        {"candidates": [{}]},
        {"candidates": [{"finishReason": "NO_IMAGE", "index": 0}]},
        {"candidates": [{"content": {}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "x"}}]}}]},
        {"usageMetadata": {"promptTokenCount": 20, "totalTokenCount": 20}},
    ],
)
def test_an_answer_without_anything_in_it_may_be_asked_for_once_more(
    reader: Reader, shape: object
) -> None:
    generation = reader.read(shape)

    assert generation.outcome is Outcome.AGAIN
    assert generation.reason
    assert generation.content.parts == ()


@pytest.mark.parametrize(
    "hostile",
    [
        {"candidates": [{"content": {"parts": "abc"}, "finishReason": 7, "finishMessage": []}]},
        {"candidates": [{"content": {"parts": [1, None, [], {"inlineData": 5, "text": {}}]}}]},
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": 0}}]}}]},
        {"candidates": [{"content": {"parts": [{"d\u0061ta": "0", "inlineData": {"data": {}}}]}}]},
        {"candidates": [{"content": []}], "usageMetadata": [], "promptFeedback": "x"},
        {"candidates": [{"groundingMetadata": {"groundingChunks": {"web": 1}}}]},
        {
            "candidates": [
                {
                    "groundingMetadata": {
                        "groundingChunks": [{"web": {"uri": "http://[", "title": 3}}, {"web": 0}],
                        "searchEntryPoint": {"renderedContent": "<a class='chip' href='http://["},
                        "webSearchQueries": [None, 1, {}],
                    }
                }
            ]
        },
        {"usageMetadata": {"promptTokenCount": -5, "totalTokenCount": 1e400, "x": True}},
        {"usageMetadata": {"promptTokenCount": 10**30, "candidatesTokenCount": "12"}},
    ],
)
def test_no_shape_of_json_makes_the_reading_fail(reader: Reader, hostile: object) -> None:
    generation = reader.read(hostile)

    assert generation.usage == Usage()
    assert generation.sources == ()
    assert generation.suggestions == ()
    assert not generation.content.pictures


def test_a_string_that_pretends_to_be_a_picture_gets_none(reader: Reader) -> None:
    data = base64.b64encode(RED).decode()
    text = json.dumps(answer({"inlineData": {"data": data}}, {"inlineData": {"DATA": "0"}}))
    text = text.replace("DATA", "d\\u0061ta")

    generation = reader.read(text.encode())

    assert len(generation.content.pictures) == 1


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"<html>502</html>",
        b"[]",
        b"null",
        b'"x"',
        b'{"candidates":[',
        json.dumps({"error": {"code": 503, "message": "overloaded"}}).encode(),
        b'{"a":' * 100_000,
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":"\xff\xfe"}',
        b'{"text":"' + b"x" * (9 << 20) + b'"}',
        json.dumps(answer(*[image(b"x")] * 65)).encode(),
    ],
)
def test_what_cannot_be_read_is_an_unknown_outcome_and_leaves_nothing(
    reader: Reader, bad: bytes
) -> None:
    with pytest.raises(OutcomeUnknown, match=r"may have been billed\. Try again"):
        reader.read(bad)

    assert reader.files == []


def test_a_cut_answer_leaves_no_blob_wherever_it_was_cut(reader: Reader) -> None:
    whole = json.dumps(answer({"text": "a"}, image(RED, thoughtSignature="A" * 50))).encode()
    for stop in random.Random(1).sample(range(len(whole)), 60):
        with pytest.raises(OutcomeUnknown):
            reader.read(whole[:stop])

    assert reader.files == []


def test_ten_thousand_parts_and_a_huge_text_are_read_as_they_are(reader: Reader) -> None:
    parts = [{"text": f"{number} "} for number in range(10_000)]

    generation = reader.read(answer(*parts, {"text": "x" * 5_000_000}, image(RED)))

    assert len(generation.content.parts) == 10_002
    assert len(generation.content.text) > 5_000_000


def test_what_no_database_keeps_is_replaced(reader: Reader) -> None:
    generation = reader.read(
        b'{"candidates":[{"content":{"parts":[{"text":"a\\ud83d\\u0000b\\ud83d\\ude00"}]}}]}'
    )

    assert generation.content.text == "a�b😀"


def test_reading_twice_gives_the_same(reader: Reader) -> None:
    given = answer({"text": "Fox", "thoughtSignature": "A"}, image(RED, thoughtSignature="B"))

    assert reader.read(given) == reader.read(given)
    assert len(reader.files) == 3


def test_markdown_pictures_of_gateways_are_taken_out_of_the_words(reader: Reader) -> None:
    uri = f"data:image/png;base64,{base64.b64encode(BLUE).decode()}"
    safe = f"data:image/jpeg;base64,{base64.urlsafe_b64encode(RED).decode().rstrip('=')}"

    generation = reader.read(
        answer({"text": f"Done.\n\n![image]({uri}) and ![]( {safe} )\n", "thoughtSignature": "A"})
    )

    words, first, second = generation.content.parts
    assert words == TextPart(text="Done.\n\n and")
    assert isinstance(first, BlobPart)
    assert isinstance(second, BlobPart)
    assert load(reader.blobs, first.blob) == BLUE
    assert load(reader.blobs, second.blob) == RED
    assert first.signature is None
    assert generation.outcome is Outcome.ANSWER


def test_markdown_pictures_are_left_alone_beside_a_real_one(reader: Reader) -> None:
    words = "![x](data:image/png;base64,QUJD)"

    generation = reader.read(answer({"text": words}, image(RED)))

    assert generation.content.text == words


def test_a_broken_markdown_picture_is_a_broken_picture(reader: Reader) -> None:
    generation = reader.read(answer({"text": "![x](data:image/png;base64,QUJD)"}))

    assert generation.outcome is Outcome.AGAIN
    assert generation.content.parts == ()


@pytest.mark.parametrize(
    "text", ["![" * 300_000, "![](data:image/png;base64," * 100_000, "![x]( " + " " * 500_000]
)
def test_hostile_markdown_is_read_in_no_time(reader: Reader, text: str) -> None:
    assert reader.read(answer({"text": text})).content.text == text


GROUNDING = {
    "webSearchQueries": ["", "timareta butterfly"],
    "imageSearchQueries": ["timareta butterfly wings"],
    "searchEntryPoint": {
        "renderedContent": '<style>.chip{}</style><div class="container">'
        '<a class="other" href="https://no.example">no</a>'
        '<a class="x chip" href="https://v.example/r?a=1&amp;b=2">timareta <b>butter</b>fly</a>'
        '<a class="chip" href="javascript:alert(1)">bad</a></div>'
    },
    "groundingChunks": [
        {"web": {"title": "wikipedia.org", "uri": "https://v.example/w"}},
        {"web": {"title": "wikipedia.org", "uri": "https://v.example/w"}},
        {"web": {"title": "", "uri": "https://empty.example/x"}},
        {"web": {"title": "bad", "uri": "javascript:alert(1)"}},
        {
            "image": {
                "sourceUri": "https://page.example/p",
                "imageUri": "https://page.example/i.jpg",
                "title": "Timareta",
            }
        },
        {"image": {"uri": "https://page.example/2", "image_uri": "https://x", "domain": "page"}},
        {"image": {"url": "https://page.example/3", "title": "Three"}},
        {"image": {"image_url": "https://page.example/4.jpg"}},
        {"retrievedContext": {"uri": "https://no.example"}},
    ],
}


def test_sources_suggestions_and_searches_are_read_in_all_spellings(reader: Reader) -> None:
    generation = reader.read(answer(image(RED), groundingMetadata=GROUNDING))

    assert generation.sources == (
        Source(title="wikipedia.org", url="https://v.example/w"),
        Source(title="empty.example", url="https://empty.example/x"),
        Source(title="Timareta", url="https://page.example/p", kind="image"),
        Source(title="page", url="https://page.example/2", kind="image"),
        Source(title="Three", url="https://page.example/3", kind="image"),
        Source(title="page.example", url="https://page.example/4.jpg", kind="image"),
    )
    assert generation.suggestions == (
        Suggestion(text="timareta butterfly", url="https://v.example/r?a=1&b=2"),
    )
    entry: Any = GROUNDING["searchEntryPoint"]
    assert generation.suggestions_html == entry["renderedContent"]
    assert generation.usage.searches == 2


def test_without_grounding_there_is_nothing_to_show_and_no_search_to_pay(reader: Reader) -> None:
    generation = reader.read(answer(image(RED)))

    assert generation.sources == ()
    assert generation.suggestions_html == ""
    assert generation.usage.searches == 0


def test_a_coming_retirement_is_logged(reader: Reader) -> None:
    status = {"modelStage": "LEGACY", "retirementTime": "2026-12-01T00:00:00Z"}

    with structlog.testing.capture_logs() as logs:
        reader.read(answer(image(RED)) | {"modelStatus": status, "modelVersion": "m"})

    assert logs == [
        {
            "event": "the model will be retired",
            "log_level": "warning",
            "model": "m",
            "at": "2026-12-01T00:00:00Z",
        }
    ]


async def test_the_model_reads_in_a_thread(tmp_path: Path) -> None:
    class Watched(FileBlobStore):
        threads: set[int] = set()  # noqa: RUF012 - one test looks at it

        def writer(self, workspace: str) -> FileBlobWriter:
            self.threads.add(threading.get_ident())
            return super().writer(workspace)

    file = tmp_path / "a.answer"
    file.write_bytes(json.dumps(answer(image(RED))).encode())
    blobs = Watched(tmp_path / "blobs")
    async with caller("http://127.0.0.1:9", tmp_path, key=KEY) as using:
        using.model._blobs = blobs
        generation = await using.model.read(file, WORKSPACE)

    assert generation.content.pictures
    assert blobs.threads
    assert threading.get_ident() not in blobs.threads
