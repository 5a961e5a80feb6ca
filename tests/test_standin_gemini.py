"""The Gemini stand-in refuses what it should, passes what is right, and misbehaves as planned."""

from __future__ import annotations

import asyncio
import base64
import copy
import hashlib
import io
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import httpx
import pytest
from google.genai import types
from PIL import Image

from tests.standins.gemini import Behaviour, Fault, GeminiStandin
from tests.standins.gemini_answers import KINDS
from tests.standins.pictures import jpeg, measure, picture, png, sniff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

Body: TypeAlias = dict[str, Any]
Change: TypeAlias = "Callable[[Body], object]"

FLASH = "gemini-3.1-flash-image"
PRO = "gemini-3-pro-image"
OLD = "gemini-2.5-flash-image"


def path(model: str = FLASH, version: str = "v1beta") -> str:
    return f"/{version}/models/{model}:generateContent"


def image(data: bytes, mime_type: str = "") -> Body:
    encoded = base64.b64encode(data).decode()
    return {"inlineData": {"mimeType": mime_type or sniff(data), "data": encoded}}


def user(*parts: str | Body) -> Body:
    return {
        "role": "user",
        "parts": [{"text": part} if isinstance(part, str) else part for part in parts],
    }


def request(*contents: Body, size: str | None = "512") -> Body:
    config: Body = {"responseModalities": ["TEXT", "IMAGE"]}
    if size:
        config["imageConfig"] = {"imageSize": size}
    return {"contents": list(contents) or [user("a red fox")], "generationConfig": config}


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiStandin]:
    async with GeminiStandin() as standin:
        yield standin


@pytest.fixture
async def http(gemini: GeminiStandin) -> AsyncIterator[httpx.AsyncClient]:
    async with client(gemini) as ready:
        yield ready


def client(gemini: GeminiStandin) -> httpx.AsyncClient:
    # Without TLS to verify, a client is ready 100 ms sooner.
    headers = {"x-goog-api-key": gemini.key}
    return httpx.AsyncClient(base_url=gemini.url, headers=headers, verify=False)


async def answer_to(http: httpx.AsyncClient, body: Body, model: str = FLASH) -> Body:
    response = await http.post(path(model), json=body)
    assert response.status_code == 200, response.text
    answer: Body = response.json()
    return answer


def content_of(answer: Body) -> Body:
    content: Body = answer["candidates"][0]["content"]
    return content


def pictures_of(answer: Body) -> list[bytes]:
    parts = content_of(answer)["parts"]
    return [base64.b64decode(p["inlineData"]["data"]) for p in parts if "inlineData" in p]


def error_of(response: httpx.Response) -> Body:
    error: Body = response.json()["error"]
    assert set(error) >= {"code", "message", "status"}
    assert error["code"] == response.status_code
    return error


# --- what is refused -----------------------------------------------------------------------------


def config(**fields: object) -> Change:
    return lambda body: body["generationConfig"].update(fields)


def put(**fields: object) -> Change:
    return lambda body: body.update(fields)


def parts(*given: Body) -> Change:
    return lambda body: body["contents"][0].update(parts=list(given))


def inline(mime_type: str, data: str) -> Change:
    return parts({"inlineData": {"mimeType": mime_type, "data": data}})


def search(**types_: object) -> Change:
    return put(tools=[{"googleSearch": {"searchTypes": types_}}])


def safety(category: str, threshold: str, **more: str) -> Change:
    setting = {"category": f"HARM_CATEGORY_{category}", "threshold": threshold, **more}
    return put(safetySettings=[setting])


GIF = base64.b64encode(b"GIF89a" + bytes(20)).decode()
REFUSALS: dict[str, tuple[Change, str]] = {
    "unknown field": (put(prompt="x"), 'Unknown name "prompt": Cannot find field.'),
    "unknown nested field": (
        config(imageConfig={"outputMimeType": "image/png"}),
        "Unknown name \"outputMimeType\" at 'generation_config.image_config'",
    ),
    "Vertex's method": (
        safety("HARASSMENT", "OFF", method="SEVERITY"),
        "Unknown name \"method\" at 'safety_settings[0]'",
    ),
    "a field of the wrong type": (parts({"text": 5}), "(TYPE_STRING), 5"),
    "a name in both spellings": (put(generation_config={}), "given twice"),
    "half of an emoji": (parts({"text": "\ud83d"}), "TYPE_STRING"),
    "one content, no list": (put(contents=user("x")), "Invalid value at 'contents' (repeated)"),
    "no contents": (put(contents=[]), "contents is not specified"),
    "no parts": (parts(), "contents.parts must not be empty"),
    "role assistant": (
        lambda body: body["contents"].extend([user("x") | {"role": "assistant"}, user("y")]),
        "Please use a valid role: user, model.",
    ),
    "model begins": (
        lambda body: body["contents"].insert(0, {"role": "model", "parts": [{"text": "x"}]}),
        "begin with a user role",
    ),
    "model ends": (
        lambda body: body["contents"].append({"role": "model", "parts": [{"text": "x"}]}),
        "end with a user role",
    ),
    "an empty part": (parts({}), "must have one initialized field"),
    "two kinds in a part": (
        parts({"text": "x", "inlineData": {"mimeType": "image/gif", "data": "AAAA"}}),
        "oneof field 'data' is already set. Cannot set 'inlineData'",
    ),
    "a thought": (parts({"text": "x", "thought": True}), "thought parts must not be sent back"),
    "image/jpg": (inline("image/jpg", GIF), "mime type is not supported by Gemini: 'image/jpg'"),
    "image/gif": (inline("image/gif", GIF), "mime type is not supported by Gemini: 'image/gif'"),
    "image/avif": (inline("image/avif", GIF), "is not supported by Gemini: 'image/avif'"),
    "image/bmp": (inline("image/bmp", GIF), "is not supported by Gemini: 'image/bmp'"),
    "image/svg+xml": (inline("image/svg+xml", GIF), "is not supported by Gemini: 'image/svg+xml'"),
    "no type": (parts({"inlineData": {"data": GIF}}), "mime_type is not specified"),
    "no data": (inline("image/png", ""), "data must not be empty"),
    "a data URI": (inline("image/png", "data:image/png;base64,AAAA"), "Base64 decoding failed"),
    "unpadded base64": (inline("image/png", "QQ"), "Base64 decoding failed"),
    "line breaks in base64": (inline("image/png", "AA\nAA"), "Base64 decoding failed"),
    "two alphabets": (inline("image/png", "-_+/"), "Base64 decoding failed"),
    "JPEG called PNG": (
        parts(image(jpeg(8, 8), "image/png")),
        "Unhandled generated data mime type: image/png",
    ),
    "GIF called PNG": (inline("image/png", GIF), "Unhandled generated data mime type: image/png"),
    "text called PDF": (inline("application/pdf", "AAAA"), "Unhandled generated data mime type"),
    "binary called text": (inline("text/plain", "////"), "Unhandled generated data mime type"),
    "a broken PNG": (parts(image(png(64, 64)[:60])), "Unable to process input image"),
    "15 images": (parts(*[image(png(8, 8, str(n))) for n in range(15)]), "at most 14"),
    "no modalities": (config(responseModalities=[]), "combination of response modalities"),
    "AUDIO": (config(responseModalities=["AUDIO"]), "combination of response modalities (AUDIO)"),
    "ratio 2:1": (config(imageConfig={"aspectRatio": "2:1"}), "aspect_ratio: must be one of"),
    "size 1k": (config(imageConfig={"imageSize": "1k"}), "'1k' is not supported"),
    "size 8K": (config(imageConfig={"imageSize": "8K"}), "'8K' is not supported"),
    "thinking medium": (
        config(thinkingConfig={"thinkingLevel": "medium"}),
        "Thinking level is not supported for this model.",
    ),
    "thinking deep": (config(thinkingConfig={"thinkingLevel": "deep"}), "Invalid value"),
    "thinking budget": (config(thinkingConfig={"thinkingBudget": 0}), "budget is not supported"),
    "two candidates": (config(candidateCount=2), "Multiple candidates is not enabled"),
    "temperature 3": (config(temperature=3), "must be in the range [0, 2]"),
    "an unknown tool": (put(tools=[{"codeExecution": {}}]), "Unknown name"),
    "an empty tool": (put(tools=[{}]), "required one of google_search"),
    "unknown search type": (search(videoSearch={}), "Unknown name"),
    "a system string": (put(systemInstruction="be kind"), "'system_instruction' (message)"),
    "a system model": (
        put(systemInstruction={"role": "model", "parts": [{"text": "x"}]}),
        "Please use a valid role: user, system.",
    ),
    "a system image": (
        put(systemInstruction={"parts": [image(png(8, 8))]}),
        "only text is supported",
    ),
    "Vertex's category": (safety("IMAGE_HATE", "OFF"), "Invalid value at 'safety_settings[0]"),
    "unknown threshold": (safety("HARASSMENT", "NEVER"), "Invalid value at 'safety_settings[0]"),
    "too many tokens": (parts({"text": "word " * 110_000}), "input token count (137500) exceeds"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_google_refuses_is_refused(
    name: str, gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    change, words = REFUSALS[name]
    body = request()
    change(body)

    response = await http.post(path(), content=json.dumps(body), headers=JSON)

    error = error_of(response)
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert words in error["message"]
    assert gemini.requests[0].error == error["message"]
    assert gemini.billed == 0


JSON = {"Content-Type": "application/json"}
MODEL_REFUSALS: list[tuple[str, Change, str]] = [
    (OLD, config(imageConfig={"imageSize": "1K"}), "'1K' is not supported"),
    (OLD, config(thinkingConfig={"includeThoughts": True}), "Thinking is not enabled"),
    (OLD, config(imageConfig={"aspectRatio": "1:8"}), "must be one of"),
    (OLD, put(tools=[{"googleSearch": {}}]), "Search as a tool is not enabled"),
    (OLD, parts(*[image(png(8, 8, str(n))) for n in range(4)]), "at most 3"),
    (OLD, parts({"text": "x", "thoughtSignature": "AAAA"}), "signatures are not enabled"),
    (PRO, config(thinkingConfig={"thinkingLevel": "high"}), "Thinking level is not supported"),
    (PRO, config(imageConfig={"imageSize": "512"}), "'512' is not supported"),
    (PRO, config(imageConfig={"aspectRatio": "4:1"}), "must be one of"),
    (PRO, search(imageSearch={}), "Image search as a tool is not enabled"),
    ("gemini-nano-banana-2.1", config(imageConfig={"imageSize": "512"}), "'512'"),
    ("gemini-3.1-flash-lite-image", config(imageConfig={"imageSize": "2K"}), "'2K'"),
    ("gemini-3.1-flash-lite-image", put(tools=[{"google_search": {}}]), "not enabled"),
    ("gemini-3.1-flash-lite-image", config(maxOutputTokens=5000), "[1, 4096]"),
]


@pytest.mark.parametrize(("model", "change", "words"), MODEL_REFUSALS)
async def test_each_model_refuses_what_it_cannot_do(
    model: str, change: Change, words: str, http: httpx.AsyncClient
) -> None:
    body = request(size=None)
    change(body)

    assert words in error_of(await http.post(path(model), json=body))["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"contents": NaN}', b"\xff", b"null"])
async def test_a_body_that_is_no_json_object_is_refused(
    body: bytes, http: httpx.AsyncClient
) -> None:
    response = await http.post(path(), content=body, headers=JSON)

    assert error_of(response)["status"] == "INVALID_ARGUMENT"


async def test_an_unknown_name_is_reported_as_a_field_violation(http: httpx.AsyncClient) -> None:
    error = error_of(await http.post(path(), json=request() | {"foo": 1}))

    assert error["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert "foo" in error["details"][0]["fieldViolations"][0]["description"]


async def test_a_missing_key_and_a_wrong_key_are_refused_each_in_its_way(
    gemini: GeminiStandin,
) -> None:
    async with httpx.AsyncClient(base_url=gemini.url) as http:
        missing = await http.post(path(), json=request())
        in_url = await http.post(path(), json=request(), params={"key": gemini.key})
        wrong = await http.post(path(), json=request(), headers={"x-goog-api-key": "wrong"})
        listed = await http.get("/v1beta/models")

    assert error_of(missing)["status"] == "PERMISSION_DENIED"
    assert in_url.status_code == listed.status_code == 403
    assert error_of(wrong)["details"][0]["reason"] == "API_KEY_INVALID"
    assert wrong.status_code == 400
    assert gemini.remarks == ["call 2: there is a key in the URL"]
    assert "wrong" not in json.dumps(gemini.seen()["requests"][2]["headers"])


async def test_ids_that_are_unknown_or_gone_are_not_found(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    gemini.behave(retired=(FLASH,))

    for model in (FLASH, f"{FLASH}-preview", "gemini-nonsense"):
        for response in (
            await http.post(path(model), json=request()),
            await http.get(f"/v1beta/models/{model}"),
        ):
            error = error_of(response)
            assert (error["code"], error["status"]) == (404, "NOT_FOUND")
            assert f"models/{model} is not found for API version v1beta" in error["message"]


async def test_models_that_live_are_described(http: httpx.AsyncClient) -> None:
    listed = (await http.get("/v1beta/models")).json()["models"]

    assert len(listed) == 5
    assert (await http.get(f"/v1beta/{listed[0]['name']}")).json() == listed[0]
    assert "generateContent" in listed[0]["supportedGenerationMethods"]


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/v1beta/models/gemini-3.1-flash-image:batchGenerateContent",
        "/v1beta/models/gemini-3.1-flash-image:streamGenerateContent",
        "/v1beta/models/gemini-3.1-flash-image",
        "/v1beta/interactions",
        "/v2/models/gemini-3.1-flash-image:generateContent",
    ],
)
async def test_other_paths_are_not_found(url: str, http: httpx.AsyncClient) -> None:
    assert error_of(await http.post(url, json=request()))["status"] == "NOT_FOUND"


async def test_v1_does_not_know_response_modalities(http: httpx.AsyncClient) -> None:
    body = request()

    refused = await http.post(path(version="v1"), json=body)
    del body["generationConfig"]["responseModalities"]

    assert 'Unknown name "responseModalities"' in error_of(refused)["message"]
    assert (await http.post(path(version="v1"), json=body)).status_code == 200


async def test_a_body_without_a_length_is_refused(http: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield json.dumps(request()).encode()

    response = await http.post(path(), content=chunks(), headers=JSON)

    assert response.status_code == 411


@pytest.mark.parametrize("length", [-5, 5])
async def test_a_length_that_is_not_exact_gets_no_answer_and_is_noticed(
    length: int, gemini: GeminiStandin
) -> None:
    body = json.dumps(request()).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(gemini.url).port)
    writer.write(
        f"POST {path()} HTTP/1.1\r\nHost: x\r\nx-goog-api-key: {gemini.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body) + length}\r\n\r\n".encode()
        + body
    )
    writer.write_eof()
    answered = await reader.read()
    writer.close()

    assert b"200 OK" not in answered
    assert len(gemini.remarks) == 1
    assert gemini.billed == 0


@pytest.mark.parametrize("html", [False, True])
async def test_a_body_over_the_limit_is_refused_unread(
    html: bool,  # noqa: FBT001  # a parameter of pytest
    gemini: GeminiStandin,
    http: httpx.AsyncClient,
) -> None:
    gemini.behave(body_limit=1000, html_413=html)

    response = await http.post(path(), json=request(user("x" * 1000)))

    assert response.status_code == 413
    if html:
        assert response.text.startswith("<html>")
    else:
        assert "exceeds the limit: 1000 bytes" in error_of(response)["message"]


# --- what is accepted ----------------------------------------------------------------------------


async def test_everything_that_is_allowed_passes_in_either_spelling(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    webp = picture(16, 16, kind="WEBP")
    text = {"inline_data": {"mime_type": "text/plain", "data": base64.b64encode(b"hi").decode()}}
    pdf = image(b"%PDF-1.4 /Type /Page /Type /Page", "application/pdf")
    body = {
        "contents": [user("paint", image(png(16, 16)), image(webp), pdf, text)],
        "system_instruction": {"role": "user", "parts": [{"text": "be kind"}]},
        "generation_config": {
            "responseModalities": ["IMAGE"],
            "image_config": {"aspect_ratio": "1:8", "image_size": "512"},
            "thinkingConfig": {"thinking_level": "HIGH", "includeThoughts": False},
            "temperature": 1,
            "topP": 0.95,
            "seed": 7,
            "candidateCount": 1,
            "maxOutputTokens": 32768,
        },
        "tools": [{"google_search": {"searchTypes": {"webSearch": {}, "imageSearch": {}}}}],
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    }

    answer = await answer_to(http, body)

    assert answer["usageMetadata"]["promptTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": 5},
        {"modality": "IMAGE", "tokenCount": 2240},
        {"modality": "DOCUMENT", "tokenCount": 516},
    ]
    assert gemini.remarks == []


async def test_url_safe_base64_is_accepted(http: httpx.AsyncClient) -> None:
    data = base64.urlsafe_b64encode(png(64, 64, "with both signs")).decode()
    part = {"inlineData": {"mimeType": "image/png", "data": data}}

    assert {"-", "_"} <= set(data)
    await answer_to(http, request(user("x", part)))


async def test_what_is_unwise_is_remarked_on(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    signed = {"text": "y", "thoughtSignature": "AAAA"}
    contents = [{"parts": [{"text": "x"}]}, user(signed)]

    await http.post(path(), content=json.dumps({"contents": contents}))

    assert gemini.remarks == [
        "call 1: the Content-Type is application/octet-stream",
        "call 1: content 1 has no role",
        "call 1: content 2 is a user's but has a signature",
        "call 1: contents 1 and 2 have the same role",
        "call 1: responseModalities is not given",
    ]


async def test_the_small_size_has_another_name_at_each_provider() -> None:
    sizes = {}
    for provider in ("google", "wisdom-gate"):
        async with GeminiStandin(provider=provider) as gemini, client(gemini) as http:
            for size in ("512", "0.5K"):
                answer = await answer_to(http, request(size=size))
                sizes[provider, size] = measure(pictures_of(answer)[0])
            assert len(gemini.remarks) == 1
            assert "was ignored" in gemini.remarks[0]

    small, normal = (512, 512), (1024, 1024)
    assert sizes == {
        ("google", "512"): small,
        ("google", "0.5K"): normal,
        ("wisdom-gate", "512"): normal,
        ("wisdom-gate", "0.5K"): small,
    }


async def test_the_gateway_still_knows_preview_ids_but_no_v1() -> None:
    async with GeminiStandin(provider="wisdom-gate") as gemini, client(gemini) as http:
        await answer_to(http, request(size="0.5K"), f"{FLASH}-preview")

        assert (await http.post(path(version="v1"), json=request())).status_code == 404


# --- signatures ----------------------------------------------------------------------------------


async def exchange(http: httpx.AsyncClient, model: str = FLASH, **kw: Any) -> list[Body]:  # noqa: ANN401
    asked = user("a red fox")
    body = request(asked, size=None)
    body["generationConfig"].update(kw)
    answer = await answer_to(http, body, model)
    return [asked, content_of(answer), user("add a scarf")]


@pytest.mark.parametrize("model", [FLASH, PRO, OLD])
async def test_an_answer_sent_back_as_it_came_is_accepted(
    model: str, gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    contents = await exchange(http, model)
    signed = ["thoughtSignature" in part for part in contents[1]["parts"]]

    await answer_to(http, request(*contents, size=None), model)

    assert signed == [model != OLD] * 2
    assert gemini.remarks == []


Edit: TypeAlias = "Callable[[list[Body]], object]"


def _without_signature(index: int) -> Edit:
    return lambda sent: sent[index].pop("thoughtSignature")


def _swapped_signatures(sent: list[Body]) -> None:
    first, second = (part["thoughtSignature"] for part in sent)
    sent[0]["thoughtSignature"], sent[1]["thoughtSignature"] = second, first


def _split(sent: list[Body]) -> None:
    text = sent[0]["text"]
    sent[0]["text"] = text[:5]
    sent.insert(1, {"text": text[5:]})


def _reencoded(sent: list[Body]) -> None:
    file = io.BytesIO()
    data = base64.b64decode(sent[1]["inlineData"]["data"])
    Image.open(io.BytesIO(data)).save(file, "PNG")
    sent[1]["inlineData"] = image(file.getvalue())["inlineData"]


EDITS: dict[str, tuple[Edit, str]] = {
    "image unsigned": (
        _without_signature(1),
        "Image part is missing a thought_signature in content position 2, part position 2. Please ",
    ),
    "text unsigned": (
        _without_signature(0),
        "Text part is missing a thought_signature in content position 2, part position 1",
    ),
    "all unsigned, text only": (
        lambda sent: (sent.pop(), sent[0].pop("thoughtSignature")),
        "Text part is missing a thought_signature in content position 2, part position 1",
    ),
    "signature altered": (
        lambda sent: sent[1].update(thoughtSignature=sent[1]["thoughtSignature"].swapcase()),
        "Corrupted thought signature.",
    ),
    "dummy signature": (
        lambda sent: sent[1].update(thoughtSignature="skip_thought_signature_validator"),
        "Corrupted thought signature.",
    ),
    "signatures swapped": (_swapped_signatures, "Corrupted thought signature."),
    "parts swapped": (lambda sent: sent.reverse(), "Corrupted thought signature."),
    "text dropped": (lambda sent: sent.pop(0), "Corrupted thought signature."),
    "image dropped": (lambda sent: sent.pop(1), "Corrupted thought signature."),
    "text edited": (lambda sent: sent[0].update(text="!"), "Corrupted thought signature."),
    "text split": (_split, "Corrupted thought signature."),
    "text added": (lambda sent: sent.append({"text": "!"}), "Corrupted thought signature."),
    "image re-encoded": (_reencoded, "Corrupted thought signature."),
}


@pytest.mark.parametrize("name", EDITS)
async def test_an_answer_sent_back_otherwise_is_refused(name: str, http: httpx.AsyncClient) -> None:
    edit, words = EDITS[name]
    contents = await exchange(http)
    edit(contents[1]["parts"])

    error = error_of(await http.post(path(), json=request(*contents)))

    assert error["status"] == "INVALID_ARGUMENT"
    assert error["message"].startswith(words)


async def test_a_signature_of_another_model_or_key_is_refused(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    contents = await exchange(http, PRO)

    of_model = await http.post(path(), json=request(*contents))
    gemini.key = http.headers["x-goog-api-key"] = "another"
    of_key = await http.post(path(PRO), json=request(*contents, size=None))

    assert error_of(of_model)["message"] == "Invalid thought signature"
    assert error_of(of_key)["message"] == "Invalid thought signature"


async def test_an_image_that_no_answer_contained_is_refused_in_a_model_content(
    http: httpx.AsyncClient,
) -> None:
    painted = image(png(8, 8))
    foreign = {"role": "model", "parts": [painted]}
    words = {"role": "model", "parts": [{"text": "Hello."}]}

    refused = await http.post(path(), json=request(user("x"), foreign, user("y")))

    assert "Image part is missing" in error_of(refused)["message"]
    await answer_to(http, request(user("x"), words, user("y")))
    await answer_to(http, request(user("x"), user(painted, "y")))


async def test_thoughts_come_first_unsigned_and_must_not_come_back(http: httpx.AsyncClient) -> None:
    thinking = {"thinkingLevel": "high", "includeThoughts": True}
    contents = await exchange(http, thinkingConfig=thinking)
    parts = contents[1]["parts"]
    kept = copy.deepcopy(contents)
    kept[1]["parts"] = [part for part in parts if "thought" not in part]
    as_text = copy.deepcopy(kept)
    as_text[1]["parts"].insert(0, {"text": parts[0]["text"]})

    assert [part.get("thought", False) for part in parts] == [True, True, True, False, False]
    assert ["thoughtSignature" in part for part in parts] == [False, False, False, True, True]
    assert parts[2]["inlineData"] == parts[4]["inlineData"]
    whole = await http.post(path(), json=request(*contents))
    assert "thought parts must not be sent back" in error_of(whole)["message"]
    disguised = await http.post(path(), json=request(*as_text))
    assert error_of(disguised)["message"].startswith("Text part is missing a thought_signature")
    await answer_to(http, request(*kept))


@pytest.mark.parametrize("kind", ["three-images", "empty-text", "text-only", "huge-text"])
async def test_odd_answers_can_be_sent_back_too(
    kind: str, gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    gemini.plan(Fault(kind=kind))

    contents = await exchange(http)

    await answer_to(http, request(*contents))


async def test_signatures_are_as_long_as_asked_and_all_different(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    gemini.behave(signature_chars=1_500_000)

    answers = [await answer_to(http, request()) for _ in range(2)]

    signatures = [
        part["thoughtSignature"] for answer in answers for part in content_of(answer)["parts"]
    ]
    assert {len(signature) for signature in signatures} == {1_500_000}
    assert len(set(signatures)) == 4


# --- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "size", "pixels"),
    [("1:8", "512", (192, 1536)), ("16:9", "1K", (1376, 768)), ("21:9", "2K", (3168, 1344))],
)
async def test_the_picture_has_the_pixels_asked_for(
    ratio: str, size: str, pixels: tuple[int, int], http: httpx.AsyncClient
) -> None:
    body = request()
    body["generationConfig"]["imageConfig"] = {"aspectRatio": ratio, "imageSize": size}

    answer = await answer_to(http, body)

    assert sniff(pictures_of(answer)[0]) == "image/jpeg"
    assert measure(pictures_of(answer)[0]) == pixels
    assert content_of(answer)["parts"][0]["text"].startswith("Here is your picture: ")


async def test_without_a_ratio_the_last_image_decides(http: httpx.AsyncClient) -> None:
    images = (image(png(90, 160)), image(jpeg(150, 100)))

    assert measure(pictures_of(await answer_to(http, request()))[0]) == (512, 512)
    answer = await answer_to(http, request(user("x", *images)))
    assert measure(pictures_of(answer)[0]) == (632, 424)


async def test_two_answers_to_one_request_have_different_pictures(http: httpx.AsyncClient) -> None:
    answers = [await answer_to(http, request()) for _ in range(2)]

    assert pictures_of(answers[0]) != pictures_of(answers[1])
    assert answers[0]["responseId"] != answers[1]["responseId"]


@pytest.mark.parametrize(("modalities", "kinds"), [("IMAGE", ["inlineData"]), ("TEXT", ["text"])])
async def test_only_the_modalities_asked_for_are_answered(
    modalities: str, kinds: list[str], http: httpx.AsyncClient
) -> None:
    body = request()
    body["generationConfig"]["responseModalities"] = [modalities]

    parts = content_of(await answer_to(http, body))["parts"]

    assert [next(iter(part)) for part in parts] == kinds


@pytest.mark.parametrize("model", [FLASH, PRO, OLD])
async def test_the_tokens_add_up(model: str, http: httpx.AsyncClient) -> None:
    usage = (await answer_to(http, request(size=None), model))["usageMetadata"]

    total = usage.pop("totalTokenCount")
    details = usage.pop("candidatesTokensDetails")
    prompt = usage.pop("promptTokensDetails")
    assert total == sum(usage.values())
    assert details == [{"modality": "IMAGE", "tokenCount": 1290 if model == OLD else 1120}]
    assert sum(item["tokenCount"] for item in prompt) == usage["promptTokenCount"]
    assert ("thoughtsTokenCount" in usage) == (model != OLD)


async def test_a_search_brings_grounding_with_an_empty_first_query(http: httpx.AsyncClient) -> None:
    body = request(user("a timareta butterfly"))
    body["tools"] = [{"googleSearch": {"searchTypes": {"webSearch": {}, "imageSearch": {}}}}]

    answer = await answer_to(http, body)
    found, usage = answer["candidates"][0]["groundingMetadata"], answer["usageMetadata"]

    said = content_of(answer)["parts"][0]["text"]
    segment = {"startIndex": 0, "endIndex": len(said), "text": said}
    assert found["groundingSupports"] == [{"segment": segment, "groundingChunkIndices": [0]}]
    assert usage["toolUsePromptTokenCount"] > 0
    assert found["webSearchQueries"] == ["", "a timareta butterfly"]
    assert found["imageSearchQueries"] == ["a timareta butterfly picture"]
    assert '<a class="chip" href="https://' in found["searchEntryPoint"]["renderedContent"]
    assert [next(iter(chunk)) for chunk in found["groundingChunks"]] == ["web", "image"]


async def test_googles_own_library_can_read_an_answer(http: httpx.AsyncClient) -> None:
    body = request() | {"tools": [{"googleSearch": {}}]}

    answer = types.GenerateContentResponse.model_validate(await answer_to(http, body))

    assert answer.candidates
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP


async def test_answers_can_be_written_in_other_ways(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    async def raw(**changes: object) -> httpx.Response:
        gemini.behaviour = Behaviour()
        gemini.behave(**changes)
        return await http.post(path(), json=request())

    plain = await raw()
    assert plain.headers["content-type"] == "application/json; charset=UTF-8"
    assert int(plain.headers["content-length"]) == len(plain.content)
    assert "content-length" not in (await raw(chunked=True)).headers
    assert "\n  " in (await raw(pretty=True)).text
    escaped = await raw(escaped=True)
    assert "\\/" in escaped.text
    assert "\\u003d" in escaped.text
    assert pictures_of(escaped.json())[0].startswith(b"\xff\xd8")
    assert '"inline_data": {"mime_type"' in (await raw(snake_case=True)).text
    assert '"inlineData": {"data"' in (await raw(data_first=True)).text
    data = content_of((await raw(url_safe=True)).json())["parts"][1]["inlineData"]["data"]
    assert "/" not in data
    assert "_" in data
    gemini.plan(*[Fault(kind="other-size", times=3)])
    texts = [(await raw(unpadded=True)).json() for _ in range(3)]
    datas = [content_of(text)["parts"][1]["inlineData"]["data"] for text in texts]
    assert not any(data.endswith("=") for data in datas)


# --- faults --------------------------------------------------------------------------------------


async def struck(gemini: GeminiStandin, http: httpx.AsyncClient, fault: Fault) -> httpx.Response:
    gemini.plan(fault)
    return await http.post(path(), json=request())


def test_a_fault_that_does_not_exist_cannot_be_planned() -> None:
    with pytest.raises(ValueError, match="No fault named 5o3"):
        Fault(kind="5o3")
    with pytest.raises(ValueError, match="no words"):
        Fault(kind="refuse", contains="fox")


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (408, "DEADLINE_EXCEEDED"),
        (413, "REQUEST_ENTITY_TOO_LARGE"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
async def test_any_status_can_be_planned(
    status: int, name: str, gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    response = await struck(gemini, http, Fault(kind="error", status=status))

    assert (response.status_code, error_of(response)["status"]) == (status, name)
    assert (await http.post(path(), json=request())).status_code == 200
    assert (gemini.billed, gemini.calls[0].fault) == (1, "error")


async def test_each_429_says_what_it_should(gemini: GeminiStandin, http: httpx.AsyncClient) -> None:
    kinds = ("rate-limited", "retry-after", "retry-info", "per-day", "limit-0")
    answers = {kind: await struck(gemini, http, Fault(kind=kind, seconds=34.07)) for kind in kinds}

    assert {answer.status_code for answer in answers.values()} == {429}
    assert answers["retry-after"].headers["retry-after"] == "34.07"
    assert "retry-after" not in answers["rate-limited"].headers
    assert "details" not in error_of(answers["rate-limited"])
    assert error_of(answers["retry-info"])["details"][1]["retryDelay"] == "34.07s"
    assert "PerDay" in answers["per-day"].text
    assert "PerDay" not in answers["retry-info"].text
    assert "limit: 0" in error_of(answers["limit-0"])["message"]


async def test_errors_come_as_a_list_nested_or_as_html(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    listed = await struck(gemini, http, Fault(kind="error", wrap="list"))
    nested = await struck(gemini, http, Fault(kind="key-invalid", wrap="nested"))
    html = await struck(gemini, http, Fault(kind="error", status=502, wrap="html"))

    assert listed.json()[0]["error"]["status"] == "INTERNAL"
    inner = json.loads(nested.json()["error"]["message"])
    assert inner["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    assert (html.status_code, html.headers["content-type"]) == (502, "text/html")


async def test_a_fault_strikes_the_call_it_is_meant_for_and_as_often(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    gemini.plan(
        Fault(kind="error", status=503, nth=2),
        Fault(kind="error", status=504, contains="bear", times=2),
        Fault(kind="error", status=403, contains="wolf", times=0),
    )

    async def statuses(*prompts: str) -> list[int]:
        return [(await http.post(path(), json=request(user(p)))).status_code for p in prompts]

    assert await statuses("fox", "fox", "fox") == [200, 503, 200]
    assert await statuses("a bear", "a bear", "a bear") == [504, 504, 200]
    assert await statuses("wolf", "wolf", "wolf", "fox") == [403, 403, 403, 200]


async def test_a_refused_request_uses_up_no_fault(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    gemini.plan(Fault(kind="error", status=503))

    assert (await http.post(path(), json={})).status_code == 400
    assert (await http.post(path(), json=request())).status_code == 503


SHAPES: dict[str, tuple[Fault, Callable[[Body], object]]] = {
    "blocked": (
        Fault(kind="blocked", reason="JAILBREAK"),
        lambda body: (
            body["promptFeedback"]["blockReason"] == "JAILBREAK" and "candidates" not in body
        ),
    ),
    "finish": (
        Fault(kind="finish", reason="IMAGE_RECITATION", message="Support code: 1."),
        lambda body: (
            body["candidates"]
            == [
                {
                    "content": {"role": "model"},
                    "finishReason": "IMAGE_RECITATION",
                    "finishMessage": "Support code: 1.",
                    "index": 0,
                }
            ]
        ),
    ),
    "finish, no message": (
        Fault(kind="finish", reason="SOMETHING_NEW"),
        lambda body: body["candidates"] == [{"finishReason": "SOMETHING_NEW", "index": 0}],
    ),
    "cut short": (
        Fault(kind="finish", reason="MAX_TOKENS"),
        lambda body: not pictures_of(body),
    ),
    "missing-signature": (
        Fault(kind="missing-signature"),
        lambda body: body["candidates"][0]["finishReason"] == "MISSING_THOUGHT_SIGNATURE",
    ),
    "unsigned": (Fault(kind="unsigned"), lambda body: "thoughtSignature" not in json.dumps(body)),
    "no-candidates": (Fault(kind="no-candidates"), lambda body: "candidates" not in body),
    "empty-candidates": (Fault(kind="empty-candidates"), lambda body: body["candidates"] == []),
    "no-content": (
        Fault(kind="no-content"),
        lambda body: body["candidates"] == [{"finishReason": "STOP", "index": 0}],
    ),
    "no-parts": (Fault(kind="no-parts"), lambda body: content_of(body) == {"role": "model"}),
    "empty-text": (
        Fault(kind="empty-text"),
        lambda body: [part["text"] for part in content_of(body)["parts"]] == [""],
    ),
    "text-only": (Fault(kind="text-only"), lambda body: not pictures_of(body)),
    "thought-only": (
        Fault(kind="thought-only"),
        lambda body: pictures_of(body) and all(p["thought"] for p in content_of(body)["parts"]),
    ),
    "two-images": (Fault(kind="two-images"), lambda body: len(set(pictures_of(body))) == 2),
    "three-images": (
        Fault(kind="three-images"),
        lambda body: (
            [next(iter(part)) for part in content_of(body)["parts"]] == ["text", "inlineData"] * 3
        ),
    ),
    "mislabelled": (
        Fault(kind="mislabelled"),
        lambda body: (
            sniff(pictures_of(body)[0]) == "image/jpeg"
            and content_of(body)["parts"][1]["inlineData"]["mimeType"] == "image/png"
        ),
    ),
    "other-size": (
        Fault(kind="other-size"),
        lambda body: measure(pictures_of(body)[0]) == (256, 264),
    ),
    "huge-text": (
        Fault(kind="huge-text", chars=9000),
        lambda body: len(content_of(body)["parts"][0]["text"]) == 9000,
    ),
    "data-uri": (
        Fault(kind="data-uri"),
        lambda body: "](data:image/png;base64,iVBOR" in content_of(body)["parts"][0]["text"],
    ),
}


@pytest.mark.parametrize("name", SHAPES)
async def test_answers_come_in_every_shape(
    name: str, gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    fault, holds = SHAPES[name]

    response = await struck(gemini, http, fault)

    assert response.status_code == 200
    body = response.json()
    assert holds(body)
    assert body["usageMetadata"]["totalTokenCount"] > 0
    assert gemini.billed == 1


async def test_a_broken_picture_cannot_be_decoded(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    response = await struck(gemini, http, Fault(kind="broken-picture"))

    with pytest.raises(ValueError, match="Truncated"):
        measure(pictures_of(response.json())[0])


@pytest.mark.parametrize(
    ("framing", "error"), [("length", httpx.ReadError), ("chunked", httpx.RemoteProtocolError)]
)
async def test_a_cut_answer_ends_in_mid_body_and_is_billed(
    framing: Any,  # noqa: ANN401  # one of Fault's
    error: type[Exception],
    gemini: GeminiStandin,
    http: httpx.AsyncClient,
) -> None:
    gemini.plan(Fault(kind="cut", after=3000, framing=framing))
    received = b""

    async with http.stream("POST", path(), json=request()) as response:
        with pytest.raises(error):  # noqa: PT012  # what came before counts
            async for block in response.aiter_raw():
                received += block

    assert response.status_code == 200
    assert len(received) == 3000
    assert (gemini.billed, gemini.calls[0].written) == (1, False)


async def test_an_answer_cut_without_a_length_looks_whole_but_is_no_json(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    response = await struck(gemini, http, Fault(kind="cut", after=3000, framing="close"))

    assert len(response.content) == 3000
    with pytest.raises(ValueError, match="Unterminated"):
        response.json()


@pytest.mark.parametrize(("kind", "billed"), [("disconnect", True), ("disconnect", None)])
async def test_a_disconnect_brings_no_answer_and_is_billed_as_planned(
    kind: str,
    billed: bool | None,  # noqa: FBT001  # a parameter of pytest
    gemini: GeminiStandin,
    http: httpx.AsyncClient,
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await struck(gemini, http, Fault(kind=kind, billed=billed))

    assert gemini.calls[0].body["contents"] == request()["contents"]
    assert gemini.billed == bool(billed)


async def test_a_call_can_be_refused_unread(gemini: GeminiStandin, http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.TransportError):
        await struck(gemini, http, Fault(kind="refuse"))

    assert (gemini.calls[0].body, gemini.billed) == (None, 0)
    assert (await http.post(path(), json=request())).status_code == 200


async def test_a_hung_call_is_never_answered(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    gemini.plan(Fault(kind="hang"))

    with pytest.raises(httpx.ReadTimeout):
        await http.post(path(), json=request(), timeout=0.2)

    assert (gemini.calls[0].status, gemini.billed) == (0, 0)


@pytest.mark.parametrize("kind", ["slow", "drip"])
async def test_a_slow_answer_takes_its_time_and_arrives(
    kind: str, gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    gemini.plan(Fault(kind=kind, seconds=0.3))
    started = time.monotonic()

    async with http.stream("POST", path(), json=request()) as response:
        headers_after = time.monotonic() - started
        body = await response.aread()
    took = time.monotonic() - started

    assert pictures_of(json.loads(body))
    assert took > 0.28
    assert (headers_after > 0.28) == (kind == "slow")
    await gemini.until_ended(1)
    assert gemini.calls[0].written


def test_every_fault_is_tested_here() -> None:
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123
        text = file.read()

    assert {kind for kind in KINDS if f'"{kind}"' not in text} == set()


# --- holding, looking, running -------------------------------------------------------------------


async def test_held_calls_are_answered_together(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    gemini.hold()
    calls = [asyncio.create_task(http.post(path(), json=request())) for _ in range(5)]

    await gemini.until_waiting(5)
    assert (gemini.billed, any(call.done() for call in calls)) == (0, False)
    gemini.release()

    assert {answer.status_code for answer in await asyncio.gather(*calls)} == {200}
    assert (gemini.billed, gemini.waiting) == (5, 0)


async def test_calls_still_held_at_the_end_are_cut_off_and_not_billed() -> None:
    async with GeminiStandin() as gemini, client(gemini) as http:
        gemini.hold()
        call = asyncio.create_task(http.post(path(), json=request()))
        await gemini.until_waiting(1)
        await gemini.__aexit__()

        with pytest.raises(httpx.RemoteProtocolError):
            await call
    assert gemini.billed == 0


async def test_an_answer_is_billed_although_the_caller_has_gone(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    gemini.hold()
    call = asyncio.create_task(http.post(path(), json=request()))
    await gemini.until_waiting(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gemini.release()

    await gemini.until_ended(1)

    assert (gemini.billed, gemini.calls[0].written) == (1, False)


async def test_the_log_keeps_digests_instead_of_bytes_and_no_key(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    data = png(32, 32)
    contents = await exchange(http)
    contents[2] = user("add a scarf", image(data))
    await answer_to(http, request(*contents))

    model, asked = gemini.calls[1].body["contents"][1:]
    assert asked["parts"][1]["inlineData"] == {
        "mimeType": "image/png",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert model["parts"][1]["thoughtSignature"]["chars"] == 800
    log = json.dumps(gemini.seen())
    assert gemini.key not in log
    assert gemini.calls[0].headers["content-type"] == "application/json"
    assert len(log) < 6000
    await gemini.until_ended(2)
    assert all(call.written and call.arrived <= call.answered for call in gemini.calls)


async def test_a_test_in_another_process_can_look_and_plan(
    gemini: GeminiStandin, http: httpx.AsyncClient
) -> None:
    plan = {
        "faults": [{"kind": "error", "status": 503}],
        "behaviour": {"signature_chars": 40},
        "hold": True,
    }
    assert (await http.post("/_plan", json=plan)).status_code == 200
    call = asyncio.create_task(http.post(path(), json=request()))
    await gemini.until_waiting(1)
    waiting = (await http.get("/_counts")).json()
    await http.post("/_release")
    response = await call
    seen = (await http.get("/_seen")).json()
    await http.post("/_reset")

    assert waiting == {"calls": 1, "waiting": 1, "billed": 0}
    assert response.status_code == 503
    assert [call["status"] for call in seen["requests"]] == [503]
    assert gemini.requests == []
    assert gemini.behaviour.signature_chars == 800


@pytest.mark.parametrize(
    "plan", [{"faults": [{"kind": "nonsense"}]}, {"behaviour": {"nonsense": 1}}, {"faults": [{}]}]
)
async def test_a_wrong_plan_is_refused(plan: Body, http: httpx.AsyncClient) -> None:
    assert (await http.post("/_plan", json=plan)).status_code == 400


async def _started(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.standins.gemini", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    return process, (await process.stdout.readline()).decode().strip()


async def _stopped(process: asyncio.subprocess.Process) -> None:
    os.kill(process.pid, signal.SIGTERM)
    assert await process.wait() == 0


async def test_as_a_process_it_remembers_its_signatures(tmp_path: Path) -> None:
    data = tmp_path / "seen.json"
    arguments = ("--port", "0", "--data", str(data), "--key", "k", "--signature-chars", "40")
    headers = {"x-goog-api-key": "k"}

    process, url = await _started(*arguments)
    async with httpx.AsyncClient(base_url=url, headers=headers) as http:
        contents = await exchange(http)
    await _stopped(process)
    assert json.loads(data.read_text())["billed"] == 1

    process, url = await _started(*arguments)
    async with httpx.AsyncClient(base_url=url, headers=headers) as http:
        await answer_to(http, request(*contents))
    await _stopped(process)


async def test_fast_mode_answers_anything_with_a_picture_of_the_size_asked_for() -> None:
    process, url = await _started(
        "--fast", "--image-bytes", "3000000", "--signature-chars", "1000000"
    )
    async with httpx.AsyncClient(base_url=url) as http:
        responses = [await http.post("/anything", content=b"no json") for _ in range(2)]
        counts = (await http.get("/_counts")).json()
    await _stopped(process)

    pictures = [pictures_of(response.json())[0] for response in responses]
    assert {len(data) for data in pictures} == {3_000_000}
    assert pictures[0] != pictures[1]
    assert measure(pictures[0]) == (1024, 1024)
    assert len(content_of(responses[0].json())["parts"][1]["thoughtSignature"]) == 1_000_000
    assert counts == {"calls": 2, "waiting": 0, "billed": 2}
