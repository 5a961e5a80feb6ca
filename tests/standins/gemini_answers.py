"""What the Gemini stand-in answers: answers in every shape, errors in every form, faults by plan.

Shapes and error bodies are those of facts/gemini.md 4, 6, 7 and 8.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import os
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from tests.standins.gemini_rules import Book, Message, Order, Refused, camel, key_invalid
from tests.standins.pictures import jpeg, picture, pixels, png

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JSON_TYPE = "application/json; charset=UTF-8"
THOUGHT_TOKENS = {"": 174, "minimal": 96, "medium": 240, "high": 529}


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the service answers when no fault is planned.

    signature_chars: length of each signature, rounded up to a multiple of 4. retired: model ids
    that are gone. body_limit: bytes, 413 above it, as a gateway's HTML when html_413.
    delay: seconds before each answer. chunked: no Content-Length. escaped: slash, plus and equals
    signs as JSON escapes. data_first: "data" before "mimeType".
    """

    signature_chars: int = 800
    retired: tuple[str, ...] = ()
    body_limit: int = 100_000_000
    html_413: bool = False
    delay: float = 0
    chunked: bool = False
    pretty: bool = False
    escaped: bool = False
    url_safe: bool = False
    unpadded: bool = False
    snake_case: bool = False
    data_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong; kind is one of KINDS, ValueError otherwise.

    It strikes call number nth (from 1), or a call whose newest content contains these words, or
    else the next call; times is how often, 0 for always. status, message, wrap: of kind "error".
    seconds: RetryInfo, Retry-After, the wait of "slow", the length of "drip". after: bytes of the
    body before a "cut". framing: what a cut body promised ("close": nothing, so it looks whole).
    reason, message: of "finish" and "blocked". chars: of "huge-text". billed: whether the call was
    billed, when that differs from what is usual (an answer was made).
    """

    kind: str
    nth: int = 0
    contains: str = ""
    times: int = 1
    status: int = 500
    wrap: Literal["", "list", "nested", "html"] = ""
    seconds: float = 3
    after: int = 1000
    framing: Literal["length", "chunked", "close"] = "length"
    reason: str = ""
    message: str = ""
    chars: int = 100_000
    billed: bool | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"No fault named {self.kind}. Known: {', '.join(sorted(KINDS))}")
        if self.kind == "refuse" and self.contains:
            raise ValueError("A call refused before it is read has no words to look for.")

    def strikes(self, number: int, prompt: str) -> bool:
        """Tell whether it is for this call."""
        return self.nth in {0, number} and self.contains in prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole HTTP answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON_TYPE})


# --- errors --------------------------------------------------------------------------------------

_TYPE = "type.googleapis.com/google.rpc."
_METRIC = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_MESSAGES = {
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    408: "Request timed out.",
    413: "Request payload size exceeds the limit.",
    429: "Resource has been exhausted (e.g. check quota).",
    500: "An internal error has occurred. Please retry.",
    503: "The model is overloaded. Please try again later.",
    504: "Deadline expired before operation could complete.",
}


def _quota(fault: Fault, period: str = "Minute", message: str = _QUOTA) -> Refused:
    quota_id = f"GenerateRequestsPer{period}PerProjectPerModel-FreeTier"
    violation = {"quotaMetric": _METRIC, "quotaId": quota_id}
    return Refused(
        message,
        429,
        details=[
            {"@type": f"{_TYPE}QuotaFailure", "violations": [violation]},
            {"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{fault.seconds:g}s"},
        ],
    )


_ERRORS: dict[str, Callable[[Fault], Refused]] = {
    "error": lambda fault: Refused(
        fault.message or _MESSAGES.get(fault.status, HTTPStatus(fault.status).phrase), fault.status
    ),
    "rate-limited": lambda _: Refused(_MESSAGES[429], 429),
    "retry-after": lambda _: Refused(_MESSAGES[429], 429),
    "retry-info": _quota,
    "per-day": lambda fault: _quota(fault, "Day"),
    "limit-0": lambda fault: _quota(
        fault, message=f"{_QUOTA}\n* Quota exceeded for metric: {_METRIC}, limit: 0"
    ),
    "key-invalid": lambda _: key_invalid(),
}


def refusal(refused: Refused, wrap: str = "", retry_after: float = 0) -> Reply:
    """Write an error. wrap: "" as Google does, else "list", "nested" (in a JSON string), "html"."""
    headers = {"Content-Type": JSON_TYPE}
    body: object = refused.body
    if wrap == "html":
        phrase = HTTPStatus(refused.status).phrase
        page = f"<html><head><title>{refused.status} {phrase}</title></head><body></body></html>"
        headers["Content-Type"] = "text/html"
        return Reply(status=refused.status, headers=headers, body=page.encode())
    if wrap == "list":
        body = [refused.body]
    elif wrap == "nested":
        message = json.dumps(refused.body)
        body = {"error": {"message": message, "type": "upstream_error", "code": refused.status}}
    if retry_after:
        headers["Retry-After"] = f"{retry_after:g}"
    return Reply(status=refused.status, headers=headers, body=json.dumps(body).encode())


def planned_error(fault: Fault) -> Reply | None:
    """Write the error that a fault stands for; None when it is another kind of fault."""
    if fault.kind not in _ERRORS:
        return None
    retry_after = fault.seconds if fault.kind == "retry-after" else 0
    return refusal(_ERRORS[fault.kind](fault), fault.wrap, retry_after)


# --- answers -------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Draft:
    """An answer in the making: parts in snake_case, pictures as bytes.

    seed: makes the answer unlike every other. left_out: "parts", "content", "candidates" or
    "every candidate".
    """

    order: Order
    seed: str
    parts: list[Message] = field(default_factory=list)
    finish: str = "STOP"
    message: str = ""
    block: str = ""
    left_out: str = ""
    signed: bool = True

    def words(self) -> Message:
        """Say what every answer says."""
        return {"text": f"Here is your picture: {self.order.digest[:12]}"}

    def picture(self, variant: int = 0) -> Message:
        """Paint what was asked for; another variant has other pixels."""
        kind = self.order.model.picture
        size = pixels(self.order.ratio, self.order.tier)
        return _image(picture(*size, f"{self.seed}:{variant}", kind), f"image/{kind.lower()}")

    def think(self) -> None:
        """Put thoughts in front: words, a first try, and the picture itself."""
        thoughts = [{"text": "**Planning the composition**"}, self.picture(1), self.picture()]
        self.parts[:0] = [thought | {"thought": True} for thought in thoughts]


def _image(data: bytes, mime_type: str = "image/jpeg") -> Message:
    return {"inline_data": {"mime_type": mime_type, "data": data}}


def _left_out(what: str) -> Callable[[Draft, Fault], None]:
    def shape(draft: Draft, _: Fault) -> None:
        draft.left_out = what

    return shape


def _with_parts(make: Callable[[Draft, Fault], list[Message]]) -> Callable[[Draft, Fault], None]:
    def shape(draft: Draft, fault: Fault) -> None:
        draft.parts = make(draft, fault)

    return shape


def _blocked(draft: Draft, fault: Fault) -> None:
    draft.block = fault.reason or "PROHIBITED_CONTENT"


def _finish(draft: Draft, fault: Fault) -> None:
    draft.finish, draft.message = fault.reason or "IMAGE_SAFETY", fault.message
    draft.parts = [draft.words()] if draft.finish == "MAX_TOKENS" else []
    if not draft.parts:
        draft.left_out = "parts" if draft.message else "content"


def _missing_signature(draft: Draft, _: Fault) -> None:
    _finish(draft, Fault(kind="finish", reason="MISSING_THOUGHT_SIGNATURE"))


def _unsigned(draft: Draft, _: Fault) -> None:
    draft.signed = False


def _three_images(draft: Draft, _: Fault) -> list[Message]:
    second, third = {"text": "Here is a second one."}, {"text": "And a third."}
    words = draft.words()
    return [words, draft.picture(), second, draft.picture(1), third, draft.picture(2)]


def _thought_only(draft: Draft, _: Fault) -> list[Message]:
    return [{"text": "**Planning**", "thought": True}, draft.picture() | {"thought": True}]


def _mislabelled(draft: Draft, _: Fault) -> list[Message]:
    size = pixels(draft.order.ratio, draft.order.tier)
    return [draft.words(), _image(jpeg(*size, draft.seed), "image/png")]


def _broken_picture(draft: Draft, _: Fault) -> list[Message]:
    data = png(*pixels(draft.order.ratio, draft.order.tier), draft.seed)
    return [draft.words(), _image(data[: len(data) // 2], "image/png")]


def _other_size(draft: Draft, _: Fault) -> list[Message]:
    width, height = pixels(draft.order.ratio, draft.order.tier)
    return [draft.words(), _image(jpeg(width // 2, height // 2 + 8, draft.seed))]


def _huge_text(draft: Draft, fault: Fault) -> list[Message]:
    return [{"text": ("word " * fault.chars)[: fault.chars]}, draft.picture()]


def _data_uri(draft: Draft, _: Fault) -> list[Message]:
    encoded = base64.b64encode(png(64, 64, draft.seed)).decode()
    return [{"text": f"Done.\n\n![image](data:image/png;base64,{encoded})"}]


_SHAPES: dict[str, Callable[[Draft, Fault], None]] = {
    "blocked": _blocked,
    "finish": _finish,
    "missing-signature": _missing_signature,
    "unsigned": _unsigned,
    "no-parts": _left_out("parts"),
    "no-content": _left_out("content"),
    "no-candidates": _left_out("candidates"),
    "empty-candidates": _left_out("every candidate"),
    "empty-text": _with_parts(lambda _, __: [{"text": ""}]),
    "text-only": _with_parts(lambda draft, _: [draft.words()]),
    "thought-only": _with_parts(_thought_only),
    "two-images": _with_parts(lambda draft, _: [*draft.parts, draft.picture(1)]),
    "three-images": _with_parts(_three_images),
    "mislabelled": _with_parts(_mislabelled),
    "broken-picture": _with_parts(_broken_picture),
    "other-size": _with_parts(_other_size),
    "huge-text": _with_parts(_huge_text),
    "data-uri": _with_parts(_data_uri),
}
_TRANSPORT = ("refuse", "disconnect", "hang", "slow", "drip", "cut")
KINDS = frozenset({*_ERRORS, *_SHAPES, *_TRANSPORT})


def compose(
    order: Order, *, number: int, fault: Fault | None, signature_chars: int, book: Book
) -> Message:
    """Make the answer to an order, unlike every other, and enter it into the book.

    Snake_case names, pictures as bytes: for ``encode``.
    """
    draft = Draft(order=order, seed=f"{order.digest}:{number}")
    if "TEXT" in order.modalities:
        draft.parts.append(draft.words())
    if "IMAGE" in order.modalities:
        draft.parts.append(draft.picture())
    if fault and fault.kind in _SHAPES:
        _SHAPES[fault.kind](draft, fault)
    elif order.include_thoughts and order.level != "minimal":
        draft.think()
    if order.model.signatures and draft.signed:
        _sign(draft, signature_chars)
    book.issue(draft.parts, order.owner)
    return _outcome(draft) | {
        "usage_metadata": _usage(draft),
        "model_version": order.model.id,
        "response_id": hashlib.sha256(draft.seed.encode()).hexdigest()[:23],
    }


def make_signature(seed: str, chars: int) -> str:
    """Make a signature that belongs to the seed: standard base64 of at least so many characters."""
    size = math.ceil(chars / 4) * 3
    return base64.b64encode(hashlib.shake_256(seed.encode()).digest(size)).decode()


def _sign(draft: Draft, chars: int) -> None:
    texts = 0
    for index, part in enumerate(draft.parts):
        if part.get("thought"):
            continue
        texts += "text" in part
        if "inline_data" in part or texts == 1:
            part["thought_signature"] = make_signature(f"{draft.seed}:{index}", chars)


def _outcome(draft: Draft) -> Message:
    if draft.block:
        ratings = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH"}]
        return {"prompt_feedback": {"block_reason": draft.block, "safety_ratings": ratings}}
    if draft.left_out == "candidates":
        return {}
    return {"candidates": [] if draft.left_out == "every candidate" else [_candidate(draft)]}


def _candidate(draft: Draft) -> Message:
    candidate: Message = {}
    if draft.left_out != "content":
        content = {"role": "model", "parts": draft.parts}
        candidate["content"] = {"role": "model"} if draft.left_out == "parts" else content
    candidate |= {"finish_reason": draft.finish, "index": 0}
    if draft.message:
        candidate["finish_message"] = draft.message
    if draft.order.web_search or draft.order.image_search:
        candidate["grounding_metadata"] = _grounding(draft)
    return candidate


def _grounding(draft: Draft) -> Message:
    redirect = "https://vertexaisearch.cloud.google.com/grounding-api-redirect"
    query = " ".join(draft.order.prompt.split()[:6])
    chip = f'<a class="chip" href="{redirect}/chip">{html.escape(query)}</a>'
    rendered = f'<style>.chip{{}}</style><div class="container">{chip}</div>'
    grounding: Message = {
        "web_search_queries": ["", query],
        "search_entry_point": {"rendered_content": rendered},
        "grounding_chunks": [{"web": {"title": "wikipedia.org", "uri": f"{redirect}/web"}}],
    }
    if draft.order.image_search:
        grounding["image_search_queries"] = [f"{query} picture"]
        image = {
            "source_uri": "https://example.org/page",
            "image_uri": "https://example.org/picture.jpg",
            "title": "Example",
            "domain": "example.org",
        }
        grounding["grounding_chunks"].append({"image": image})
    if draft.parts and "text" in draft.parts[0]:
        said = draft.parts[0]["text"]
        segment = {"start_index": 0, "end_index": len(said.encode()), "text": said}
        grounding["grounding_supports"] = [{"segment": segment, "grounding_chunk_indices": [0]}]
    return grounding


def _usage(draft: Draft) -> Message:
    order = draft.order
    shown = [part for part in draft.parts if not part.get("thought")]
    images = sum("inline_data" in part for part in shown) * order.model.sizes[order.tier]
    words = sum(math.ceil(len(part.get("text", "")) / 4) for part in shown)
    counts = {"prompt_token_count": sum(order.tokens.values())}
    if shown and not draft.block:
        counts["candidates_token_count"] = images + words
        if order.model.takes_thinking:
            counts["thoughts_token_count"] = THOUGHT_TOKENS[order.level]
        if order.web_search or order.image_search:
            counts["tool_use_prompt_token_count"] = 20
    usage: Message = counts | {"total_token_count": sum(counts.values())}
    usage["prompt_tokens_details"] = [
        {"modality": modality, "token_count": count} for modality, count in order.tokens.items()
    ]
    if images and not draft.block:
        usage["candidates_tokens_details"] = [{"modality": "IMAGE", "token_count": images}]
    return usage


def encode(answer: Message, behaviour: Behaviour) -> bytes:
    """Write an answer as JSON in the service's, or a gateway's, way of writing."""
    indent = 2 if behaviour.pretty else None
    text = json.dumps(_spelled(answer, behaviour), ensure_ascii=False, indent=indent)
    if behaviour.escaped:
        text = text.replace("/", "\\/").replace("=", "\\u003d").replace("+", "\\u002b")
    return text.encode()


def _spelled(value: object, behaviour: Behaviour) -> object:
    if isinstance(value, bytes):
        encode_bytes = base64.urlsafe_b64encode if behaviour.url_safe else base64.b64encode
        text = encode_bytes(value).decode()
        return text.rstrip("=") if behaviour.unpadded else text
    if isinstance(value, list):
        return [_spelled(item, behaviour) for item in value]
    if not isinstance(value, dict):
        return value
    names = reversed(value) if behaviour.data_first and "data" in value else iter(value)
    return {
        name if behaviour.snake_case else camel(name): _spelled(value[name], behaviour)
        for name in names
    }


class FixedAnswer:
    """An answer rendered once, for load tests; only eight characters of its picture change.

    image_bytes: size of the picture, a small JPEG followed by random bytes.
    """

    def __init__(self, image_bytes: int, signature_chars: int) -> None:
        start = jpeg(1024, 1024)
        size = max(image_bytes, len(start) + 9) // 3 * 3 - 6
        data = base64.b64encode(start + os.urandom(size - len(start))).decode()
        parts = [
            {"text": "Done.", "thoughtSignature": make_signature("text", 800)},
            {
                "inlineData": {"mimeType": "image/jpeg", "data": f"{data}@"},
                "thoughtSignature": make_signature("image", signature_chars),
            },
        ]
        content = {"role": "model", "parts": parts}
        usage = {
            "promptTokenCount": 14,
            "candidatesTokenCount": 1121,
            "totalTokenCount": 1231,
            "thoughtsTokenCount": 96,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        }
        answer = {
            "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
            "usageMetadata": usage,
            "modelVersion": "fast",
        }
        self._head, self._tail = json.dumps(answer).encode().split(b"@")

    def numbered(self, number: int) -> tuple[bytes, bytes, bytes]:
        """Give the answer to one call, in three pieces."""
        return self._head, base64.b64encode(number.to_bytes(6, "big")), self._tail
