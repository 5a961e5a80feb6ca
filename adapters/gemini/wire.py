"""Gemini's dialect: contents to the body of a generateContent request, its answer to a Generation.

Pure. Pictures and signatures are megabytes and never pass through here: a request names the blobs
that belong between its pieces of JSON, an answer has lost them to sinks (``extract``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from adapters.gemini import grounding, outcomes
from adapters.gemini.loose import first, number, obj, objects, text
from bot.conversation import BlobPart, Content, Generation, Part, TextPart, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.conversation import Blob, Contents
    from bot.options import GenerationOptions
    from bot.profiles import ModelProfile

_HARMS = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
_DATA_URI = re.compile(
    r"!\[[^\[\]]*+\]\(\s*+data:image/[\w.+-]++;base64,([\w+/=-]++)\s*+\)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Base64Of:
    """The bytes of a blob in standard base64, with padding."""

    blob: Blob


@dataclass(frozen=True, slots=True)
class RawOf:
    """The bytes of a blob as they are: a signature, raw between its quotes."""

    blob: Blob


Segment: TypeAlias = bytes | Base64Of | RawOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request body in pieces. length: bytes of the whole."""

    segments: tuple[Segment, ...]

    @property
    def length(self) -> int:
        """Count the bytes that go out."""
        return sum(map(_length, self.segments))


def _length(segment: Segment) -> int:
    match segment:
        case Base64Of(blob):
            return (blob.size + 2) // 3 * 4
        case RawOf(blob):
            return blob.size
        case _:
            return len(segment)


def encode(
    contents: Contents,
    options: GenerationOptions,
    profile: ModelProfile,
    safety_threshold: str | None = None,
) -> Body:
    """Encode one request. Thoughts stay out; all other parts go as they are, in their order.

    safety_threshold: one of Gemini's (``BLOCK_ONLY_HIGH``), for its four categories; None leaves
    them to the service. Field names: facts read in November 2026, Gemini API v1beta.
    """
    rest = _settings(contents.system, options, profile, safety_threshold)
    sent = [(content.role, parts) for content in contents.contents if (parts := _said(content))]
    segments: list[Segment] = [b'{"contents":[']
    for place, (role, parts) in enumerate(sent):
        segments.append(b',{"role":' if place else b'{"role":')
        segments += [_dump(role), b',"parts":[', *_joined(parts), b"]}"]
    segments += [b"],", _dump(rest)[1:]]
    return Body(segments=tuple(_merged(segments)))


def without_system(contents: Contents) -> Contents:
    """Put the standing instructions in front of the first user's words.

    For models that refuse a systemInstruction ("Developer instruction is not enabled").
    """
    front, *rest = contents.contents
    system = TextPart(text=f"{contents.system}\n\n")
    return replace(
        contents, contents=(replace(front, parts=(system, *front.parts)), *rest), system=""
    )


def _said(content: Content) -> list[Part]:
    return [part for part in content.parts if not part.thought]


def _joined(parts: Iterable[Part]) -> Iterator[Segment]:
    for place, part in enumerate(parts):
        if place:
            yield b","
        if isinstance(part, TextPart):
            yield b'{"text":' + _dump(part.text)
        else:
            yield b'{"inlineData":{"mimeType":' + _dump(part.blob.mime_type) + b',"data":"'
            yield Base64Of(part.blob)
            yield b'"}'
        if part.signature is not None:
            yield b',"thoughtSignature":"'
            yield RawOf(part.signature)
            yield b'"'
        yield b"}"


def _merged(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Join what stands between blobs, so that it is written at once."""
    text_ = b""
    for segment in segments:
        if isinstance(segment, bytes):
            text_ += segment
        else:
            yield text_
            yield segment
            text_ = b""
    yield text_


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _settings(
    system: str, options: GenerationOptions, profile: ModelProfile, threshold: str | None
) -> dict[str, object]:
    settings: dict[str, object] = {"generationConfig": _generation_config(options, profile)}
    if system:
        settings["systemInstruction"] = {"parts": [{"text": system}]}
    if options.image_search:
        settings["tools"] = [
            {"googleSearch": {"searchTypes": {"webSearch": {}, "imageSearch": {}}}}
        ]
    elif options.web_search:
        settings["tools"] = [{"googleSearch": {}}]
    if threshold:
        settings["safetySettings"] = [
            {"category": f"HARM_CATEGORY_{harm}", "threshold": threshold} for harm in _HARMS
        ]
    return settings


def _generation_config(options: GenerationOptions, profile: ModelProfile) -> dict[str, object]:
    modalities = ["IMAGE"] if options.text is False else ["TEXT", "IMAGE"]
    config: dict[str, object] = {"responseModalities": modalities}
    image: dict[str, str] = {}
    if options.aspect_ratio:
        image["aspectRatio"] = options.aspect_ratio
    if options.image_size and profile.sends_size:
        half = options.image_size == "0.5K" and profile.provider == "google"
        image["imageSize"] = "512" if half else options.image_size
    if image:
        config["imageConfig"] = image
    if options.thinking and profile.thinking:
        config["thinkingConfig"] = {"thinkingLevel": options.thinking}
    return config


class Finds(Protocol):
    """What became of the long strings of an answer. Each is kept as a blob when it is asked for.

    broken: whether a picture was asked for that is none.
    """

    broken: bool

    def picture(self, index: object) -> Blob | None:
        """Take a picture by what stands in its place; None when it is empty or broken."""
        ...

    def signature(self, index: object) -> Blob | None:
        """Take a signature by what stands in its place; None when there is none."""
        ...

    def embedded(self, base64: str) -> Blob | None:
        """Take a picture out of its base64; None when it is broken."""
        ...


def decode(answer: object, finds: Finds) -> Generation:
    """Read an answer, whatever its shape. ValueError when it is an error, or no object at all."""
    if not isinstance(answer, dict):
        raise ValueError("the answer is no object")  # noqa: TRY004 - a wrong value, not our type
    candidate = next(iter(objects(answer.get("candidates"))), {})
    if "error" in answer and not candidate:
        raise ValueError("the answer is an error")
    items = objects(obj(candidate.get("content")).get("parts"))
    parts = [part for item in items if (part := _part(item, finds))]
    if not any(isinstance(part, BlobPart) for part in parts):
        parts = list(_unpacked(parts, finds))
    content = Content(role="model", parts=tuple(parts))
    outcome, reason = outcomes.judge(answer, candidate, content, broken=finds.broken)
    found = obj(first(candidate, "groundingMetadata", "grounding_metadata"))
    usage = _usage(obj(first(answer, "usageMetadata", "usage_metadata")))
    return Generation(
        content=content,
        outcome=outcome,
        reason=reason,
        finish_reason=outcomes.finish_reason(candidate) or outcomes.block_reason(answer),
        usage=replace(usage, searches=grounding.searches(found)),
        sources=grounding.sources(found),
        suggestions=grounding.suggestions(found),
        suggestions_html=grounding.suggestions_html(found),
        model_version=text(first(answer, "modelVersion", "model_version")),
    )


def retirement(answer: object) -> str:
    """Find when the model will be shut down, if the answer warns of it; "" if not."""
    status = obj(first(obj(answer), "modelStatus", "model_status"))
    return text(first(status, "retirementTime", "retirement_time"))


def model_ids(listing: bytes) -> frozenset[str]:
    """Take the ids out of a list of models; none when it is no such list."""
    try:
        models = objects(obj(json.loads(listing)).get("models"))
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(text(model.get("name")).removeprefix("models/") for model in models)


def _inline(item: dict[str, object]) -> dict[str, object]:
    return obj(first(item, "inlineData", "inline_data"))


def _has_data(item: dict[str, object]) -> bool:
    return "data" in _inline(item)


def _part(item: dict[str, object], finds: Finds) -> Part | None:
    """Read one part; None for an empty one, a broken picture, and what is neither."""
    thought = item.get("thought") is True
    index = first(item, "thoughtSignature", "thought_signature")
    if _has_data(item):
        blob = finds.picture(_inline(item)["data"])
        if blob is None:
            return None
        return BlobPart(blob=blob, thought=thought, signature=finds.signature(index))
    words = text(item.get("text"))
    signature = finds.signature(index)
    if not words and signature is None:
        return None
    return TextPart(text=words, thought=thought, signature=signature)


def _unpacked(parts: Iterable[Part], finds: Finds) -> Iterator[Part]:
    """Take pictures out of words, where gateways put them as Markdown with a ``data:`` URI.

    The words change by this, so they lose their signature; such a picture never had one.
    """
    for part in parts:
        pieces = _DATA_URI.split(part.text) if isinstance(part, TextPart) else []
        if len(pieces) < 2 or part.thought:  # noqa: PLR2004 - words, picture, words
            yield part
            continue
        if words := "".join(pieces[::2]).strip():
            yield TextPart(text=words)
        blobs = map(finds.embedded, pieces[1::2])
        yield from (BlobPart(blob=blob) for blob in blobs if blob)


def _usage(counts: dict[str, object]) -> Usage:
    details = objects(first(counts, "candidatesTokensDetails", "candidates_tokens_details"))
    return Usage(
        prompt=number(first(counts, "promptTokenCount", "prompt_token_count")),
        output=number(first(counts, "candidatesTokenCount", "candidates_token_count")),
        output_image=sum(
            number(first(detail, "tokenCount", "token_count"))
            for detail in details
            if detail.get("modality") == "IMAGE"
        ),
        thoughts=number(first(counts, "thoughtsTokenCount", "thoughts_token_count")),
        tool_prompt=number(first(counts, "toolUsePromptTokenCount", "tool_use_prompt_token_count")),
        total=number(first(counts, "totalTokenCount", "total_token_count")),
    )
