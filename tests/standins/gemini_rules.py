"""What the Gemini API refuses: the models, the request's form, its values and its signatures.

Written from facts/gemini.md alone. Where that page gives Google's words they are used; other
messages are in Google's form but their wording is unverified. Stricter than Google: base64 has to
be padded, bodies need a Content-Length, a replayed answer has to be whole, and the fields of text
models (functions, schemas, speech) are unknown.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Literal, NoReturn, TypeAlias

import pybase64

from tests.standins.pictures import PIXELS, measure, nearest_ratio, sniff

Provider = Literal["google", "wisdom-gate"]
Message: TypeAlias = dict[str, Any]
Kind: TypeAlias = "type | dict[str, Kind] | list[Kind]"

RATIOS = tuple(PIXELS)
COMMON_RATIOS = tuple(ratio for ratio in RATIOS if ratio not in {"1:4", "1:8", "4:1", "8:1"})
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
IMAGE_UNSIGNED = (
    "Image part is missing a thought_signature in content position {}, part position {}. Please "
    "refer to https://ai.google.dev/gemini-api/docs/thought-signatures#model-behavior for more "
    "details."
)
TEXT_UNSIGNED = "Text part is missing a thought_signature in content position {}, part position {}"
CORRUPTED = "Corrupted thought signature."
FOREIGN = "Invalid thought signature"


class Refused(Exception):
    """The service refuses. status: HTTP status. body: the JSON error in Google's form."""

    def __init__(
        self, message: str, status: int = 400, *, details: list[Message] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        phrase = HTTPStatus(status).phrase.upper().replace(" ", "_")
        error: Message = {
            "code": status,
            "message": message,
            "status": STATUS.get(status, phrase),
        }
        if details:
            error["details"] = details
        self.body: Message = {"error": error}


def bad_field(path: str, message: str) -> Refused:
    """Refuse a field as Google's JSON reader does; path in snake_case."""
    violation = {"field": path, "description": message} if path else {"description": message}
    details: list[Message] = [
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    ]
    return Refused(message, details=details)


def key_invalid() -> Refused:
    """Refuse a wrong API key."""
    details: list[Message] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }
    ]
    return Refused("API key not valid. Please pass a valid API key.", details=details)


def model_gone(model: str, version: str = "v1beta") -> Refused:
    """Refuse a model id that is unknown or was shut down."""
    return Refused(
        f"models/{model} is not found for API version {version}, or is not supported for "
        "generateContent. Call ListModels to see the list of available models and their supported "
        "methods.",
        404,
    )


def _wrong(path: str, problem: str) -> Refused:
    return Refused(f"* GenerateContentRequest.{path}: {problem}\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model id (facts/gemini.md 2).

    window, most_out: tokens. sizes: output tokens of a picture by tier of pictures.TIERS.
    takes_size, takes_thinking: whether imageSize and thinkingConfig may be sent at all.
    levels: thinking levels, the default first. images: most pictures in one request.
    """

    id: str
    sizes: dict[str, int]
    window: int = 131_072
    most_out: int = 32_768
    ratios: tuple[str, ...] = RATIOS
    takes_size: bool = True
    takes_thinking: bool = True
    levels: tuple[str, ...] = ()
    web_search: bool = False
    image_search: bool = False
    images: int = 14
    image_tokens: int = 1120
    signatures: bool = True
    picture: Literal["JPEG", "PNG"] = "JPEG"


_FLASH = Model(
    id="gemini-3.1-flash-image",
    sizes={"512": 747, "1K": 1120, "2K": 1680, "4K": 2520},
    levels=("minimal", "high"),
    web_search=True,
    image_search=True,
)
_PRO = Model(
    id="gemini-3-pro-image",
    sizes={"1K": 1120, "2K": 1120, "4K": 2000},
    window=65_536,
    ratios=COMMON_RATIOS,
    web_search=True,
    image_tokens=560,
)
_GOOGLE = (
    _FLASH,
    Model(
        id="gemini-nano-banana-2.1",
        sizes={"1K": 1120, "2K": 1680, "4K": 3780},
        levels=("medium", "minimal", "high"),
        web_search=True,
    ),
    _PRO,
    Model(
        id="gemini-3.1-flash-lite-image",
        sizes={"1K": 1120},
        window=65_536,
        most_out=4_096,
        levels=("minimal", "high"),
    ),
    Model(
        id="gemini-2.5-flash-image",
        sizes={"1K": 1290},
        window=32_768,
        ratios=COMMON_RATIOS,
        takes_size=False,
        takes_thinking=False,
        images=3,
        image_tokens=258,
        signatures=False,
        picture="PNG",
    ),
)
_ALIASES = (replace(_FLASH, id=f"{_FLASH.id}-preview"), replace(_PRO, id=f"{_PRO.id}-preview"))
MODELS: dict[Provider, dict[str, Model]] = {
    "google": {model.id: model for model in _GOOGLE},
    "wisdom-gate": {model.id: model for model in _GOOGLE + _ALIASES},
}
_SMALL: dict[Provider, str] = {"google": "512", "wisdom-gate": "0.5K"}
_SMALL_SPELLINGS = frozenset({"512", "0.5K", "512px", "05.K"})

# --- the form of a request: field names and types ------------------------------------------------

_KINDS = ("text", "inline_data", "file_data")
_CONTENT: dict[str, Kind] = {
    "role": str,
    "parts": [
        {
            "text": str,
            "inline_data": {"mime_type": str, "data": bytes},
            "file_data": {"mime_type": str, "file_uri": str},
            "thought": bool,
            "thought_signature": str,
        }
    ],
}
_GENERATION: dict[str, Kind] = {
    "response_modalities": [str],
    "image_config": {"aspect_ratio": str, "image_size": str},
    "thinking_config": {"thinking_level": str, "include_thoughts": bool, "thinking_budget": int},
    "temperature": float,
    "top_p": float,
    "top_k": float,
    "seed": int,
    "candidate_count": int,
    "max_output_tokens": int,
    "stop_sequences": [str],
}
_SEARCH: dict[str, Kind] = {
    "search_types": {"web_search": {}, "image_search": {}},
    "time_range_filter": {"start_time": str, "end_time": str},
}
_REQUEST: dict[str, Kind] = {
    "contents": [_CONTENT],
    "system_instruction": _CONTENT,
    "generation_config": _GENERATION,
    "tools": [{"google_search": _SEARCH}],
    "safety_settings": [{"category": str, "threshold": str}],
}
_V1: dict[str, Kind] = _REQUEST | {
    "generation_config": {n: k for n, k in _GENERATION.items() if n != "response_modalities"}
}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_TYPES = {str: "STRING", bool: "BOOL", int: "INT32", float: "DOUBLE", bytes: "BYTES"}


def camel(name: str) -> str:
    """Spell a snake_case name in camelCase."""
    return re.sub("_([a-z])", lambda match: match[1].upper(), name)


def decode_base64(text: str) -> bytes:
    """Decode padded base64, standard or url-safe but not both. ValueError otherwise."""
    if "-" in text or "_" in text:
        if "+" in text or "/" in text:
            raise ValueError("two alphabets")
        return pybase64.b64decode(text, altchars=b"-_", validate=True)
    return pybase64.b64decode(text, validate=True)


def _read(value: object, kind: Kind, path: str) -> object:
    if isinstance(kind, dict):
        return _read_message(value, kind, path)
    if isinstance(kind, list):
        if not isinstance(value, list):
            raise bad_field(path, f"Invalid value at '{path}' (repeated), {_shown(value)}")
        return [_read(item, kind[0], f"{path}[{index}]") for index, item in enumerate(value)]
    if kind is bytes and isinstance(value, str):
        try:
            return decode_base64(value)
        except ValueError:
            problem = f"Base64 decoding failed for {_shown(value)}"
            raise bad_field(path, f"Invalid value at '{path}' (TYPE_BYTES), {problem}") from None
    allowed = (int, float) if kind is float else kind
    wrong = not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool)
    if wrong or (isinstance(value, str) and _LONE_SURROGATE.search(value)):
        raise bad_field(path, f"Invalid value at '{path}' (TYPE_{_TYPES[kind]}), {_shown(value)}")
    return value


def _read_message(value: object, fields: dict[str, Kind], path: str) -> Message:
    if not isinstance(value, dict):
        raise bad_field(path, f"Invalid value at '{path}' (message), {_shown(value)}")
    names = {spelling: name for name in fields for spelling in (name, camel(name))}
    read: Message = {}
    for spelling, item in value.items():
        name = names.get(spelling)
        where = f" at '{path}'" if path else ""
        if name is None:
            unknown = f'Unknown name "{spelling}"{where}: Cannot find field.'
            raise bad_field(path, f"Invalid JSON payload received. {unknown}")
        if name in read:
            raise bad_field(path, f'Invalid value{where}: "{name}" is given twice.')
        if item is not None:
            read[name] = _read(item, fields[name], f"{path}.{name}" if path else name)
    return read


def _shown(value: object) -> str:
    return json.dumps(value)[:80]


def _parse(body: bytes, version: str) -> Message:
    try:
        payload = json.loads(body, parse_constant=_no_constant)
    except ValueError as error:
        raise Refused(f"Invalid JSON payload received. {error}") from None
    return _read_message(payload, _V1 if version == "v1" else _REQUEST, "")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"Unexpected token. {name}")


# --- the values of a request ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request that was accepted, as far as its answer depends on it.

    prompt: the words of the last content. digest: SHA-256 of the body. ratio, tier: of the picture.
    level: thinking level in force, empty without control. tokens: of the prompt, by modality.
    remarks: what is legal but unwise.
    """

    model: Model
    owner: str
    prompt: str
    digest: str
    ratio: str
    tier: str
    modalities: tuple[str, ...]
    level: str
    include_thoughts: bool
    web_search: bool
    image_search: bool
    tokens: dict[str, int]
    remarks: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Reading:
    model: Model
    provider: Provider
    remarks: list[str] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=lambda: {"TEXT": 0})


def check(
    body: bytes, *, model: Model, provider: Provider, version: str, owner: str, book: Book
) -> Order:
    """Accept a generateContent body, or raise Refused.

    version: ``v1`` or ``v1beta``. owner: names key and model, for signatures.
    """
    request = _parse(body, version)
    reading = _Reading(model=model, provider=provider)
    contents = _check_contents(request.get("contents", []), reading)
    if model.signatures:
        book.check(contents, owner)
    config = request.get("generation_config", {})
    _check_numbers(config, model)
    level, thoughts = _check_thinking(config, model)
    web, image = _check_tools(request.get("tools", []), model)
    _check_system(request, reading)
    _check_safety(request.get("safety_settings", []))
    modalities = _check_modalities(config, reading)
    ratio, tier = _check_picture(config.get("image_config", {}), reading)
    _check_window(reading)
    return Order(
        model=model,
        owner=owner,
        prompt=" ".join(part.get("text", "") for part in contents[-1]["parts"]).strip(),
        digest=hashlib.sha256(body).hexdigest(),
        ratio=ratio,
        tier=tier,
        modalities=modalities,
        level=level,
        include_thoughts=thoughts,
        web_search=web,
        image_search=image,
        tokens=reading.tokens,
        remarks=tuple(reading.remarks),
    )


def _check_contents(contents: list[Message], reading: _Reading) -> list[Message]:
    if not contents:
        raise _wrong("contents", "contents is not specified")
    for index, content in enumerate(contents):
        _check_content(content, index, reading)
    roles = [content["role"] for content in contents]
    if roles[0] != "user":
        raise Refused("Please ensure that multiturn requests begin with a user role.")
    if roles[-1] != "user":
        end = "end with a user role or a function response."
        raise Refused(f"Please ensure that multiturn requests {end}")
    reading.remarks.extend(
        f"contents {index} and {index + 1} have the same role"
        for index in range(1, len(roles))
        if roles[index] == roles[index - 1]
    )
    count, most = len(reading.pictures), reading.model.images
    if count > most:
        raise Refused(f"The request has {count} images, but the model takes at most {most}.")
    return contents


def _check_content(content: Message, index: int, reading: _Reading) -> None:
    if "role" not in content:
        reading.remarks.append(f"content {index + 1} has no role")
    role = content.setdefault("role", "user")
    if role not in {"user", "model"}:
        raise Refused("Please use a valid role: user, model.")
    if not content.get("parts"):
        raise _wrong(f"contents[{index}].parts", "contents.parts must not be empty.")
    for number, part in enumerate(content["parts"]):
        _check_part(part, f"contents[{index}].parts[{number}]", reading)
        if role == "user" and "thought_signature" in part:
            reading.remarks.append(f"content {index + 1} is a user's but has a signature")


def _check_part(part: Message, where: str, reading: _Reading) -> None:
    kinds = [kind for kind in _KINDS if kind in part]
    if not kinds:
        raise _wrong(f"{where}.data", "required oneof field 'data' must have one initialized field")
    if len(kinds) > 1:
        message = f"Invalid value at '{where}' (oneof), oneof field 'data' is already set."
        raise Refused(f"{message} Cannot set '{camel(kinds[1])}'")
    if part.get("thought"):
        raise _wrong(where, "thought parts must not be sent back.")
    if not reading.model.signatures and "thought_signature" in part:
        raise Refused(f"Thought signatures are not enabled for models/{reading.model.id}")
    if kinds[0] == "text":
        reading.tokens["TEXT"] += math.ceil(len(part["text"]) / 4)
    elif kinds[0] == "inline_data":
        _check_blob(part["inline_data"], where, reading)
    else:
        uri = part["file_data"].get("file_uri", "")
        message = f"You do not have permission to access the File {uri} or it may not exist."
        raise Refused(message, 403)


def _check_blob(blob: Message, where: str, reading: _Reading) -> None:
    declared, data = blob.get("mime_type", ""), blob.get("data", b"")
    if not declared:
        raise _wrong(f"{where}.inline_data.mime_type", "mime_type is not specified")
    if not data:
        raise _wrong(f"{where}.inline_data.data", "data must not be empty.")
    if declared == "text/plain":
        try:
            reading.tokens["TEXT"] += math.ceil(len(data.decode()) / 4)
        except UnicodeDecodeError:
            raise Refused(f"Unhandled generated data mime type: {declared}") from None
    elif declared == "application/pdf":
        _check_type(declared, data)
        pages = max(1, len(re.findall(rb"/Type\s*/Page\b", data)))
        reading.tokens["DOCUMENT"] = reading.tokens.get("DOCUMENT", 0) + 258 * pages
    elif declared in {"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"}:
        _check_type(declared, data)
        try:
            measure(data)
        except ValueError:
            raise Refused("Unable to process input image. Please retry.") from None
        reading.pictures.append(data)
        tokens = reading.tokens.get("IMAGE", 0) + reading.model.image_tokens
        reading.tokens["IMAGE"] = tokens
    else:
        raise Refused(f"mime type is not supported by Gemini: '{declared}'")


def _check_type(declared: str, data: bytes) -> None:
    found = sniff(data)
    if found != declared and {found, declared} != {"image/heic", "image/heif"}:
        raise Refused(f"Unhandled generated data mime type: {declared}")


def _check_numbers(config: Message, model: Model) -> None:
    if config.get("candidate_count", 1) != 1:
        raise Refused("Multiple candidates is not enabled for this model")
    for name, least, most in (
        ("temperature", 0, 2),
        ("top_p", 0, 1),
        ("max_output_tokens", 1, model.most_out),
    ):
        if not least <= config.get(name, least) <= most:
            path = f"generation_config.{name}"
            raise _wrong(path, f"{name} must be in the range [{least}, {most}].")


def _check_thinking(config: Message, model: Model) -> tuple[str, bool]:
    default = model.levels[0] if model.levels else ""
    if "thinking_config" not in config:
        return default, False
    thinking = config["thinking_config"]
    if not model.takes_thinking:
        raise Refused("Thinking is not enabled for this model.")
    if "thinking_budget" in thinking:
        raise Refused("Thinking budget is not supported for this model.")
    level = thinking.get("thinking_level", default).lower()
    if level not in {default, "minimal", "low", "medium", "high", "xhigh"}:
        where = "generation_config.thinking_config.thinking_level"
        raise bad_field(where, f"Invalid value at '{where}', \"{level}\"")
    if level != default and level not in model.levels:
        raise Refused("Thinking level is not supported for this model.")
    return level, thinking.get("include_thoughts", False)


def _check_tools(tools: list[Message], model: Model) -> tuple[bool, bool]:
    web = image = False
    for tool in tools:
        if "google_search" not in tool:
            raise _wrong("tools", "required one of google_search.")
        types = tool["google_search"].get("search_types") or {"web_search": {}}
        web = web or "web_search" in types
        image = image or "image_search" in types
    if (web and not model.web_search) or (image and not model.image_search):
        kind = "Image search" if image else "Search"
        raise Refused(f"{kind} as a tool is not enabled for models/{model.id}")
    return web, image


def _check_system(request: Message, reading: _Reading) -> None:
    if "system_instruction" not in request:
        return
    system = request["system_instruction"]
    parts = system.get("parts", [])
    if not parts or any(set(part) != {"text"} for part in parts):
        raise _wrong("system_instruction", "only text is supported.")
    if system.get("role", "user") not in {"user", "system"}:
        raise Refused("Please use a valid role: user, system.")
    reading.tokens["TEXT"] += sum(math.ceil(len(part["text"]) / 4) for part in parts)


def _check_safety(settings: list[Message]) -> None:
    kinds = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
    allowed = {
        "category": {f"HARM_CATEGORY_{kind}" for kind in kinds},
        "threshold": {
            "BLOCK_LOW_AND_ABOVE",
            "BLOCK_MEDIUM_AND_ABOVE",
            "BLOCK_ONLY_HIGH",
            "BLOCK_NONE",
            "OFF",
        },
    }
    for index, setting in enumerate(settings):
        for name, values in allowed.items():
            if setting.get(name) not in values:
                where = f"safety_settings[{index}].{name}"
                raise bad_field(where, f"Invalid value at '{where}', {_shown(setting.get(name))}")


def _check_modalities(config: Message, reading: _Reading) -> tuple[str, ...]:
    if "response_modalities" not in config:
        reading.remarks.append("responseModalities is not given")
        return ("TEXT", "IMAGE")
    modalities = config["response_modalities"]
    if not modalities or not set(modalities) <= {"TEXT", "IMAGE"}:
        asked = ", ".join(modalities)
        raise Refused(
            f"The requested combination of response modalities ({asked}) is not supported by the "
            f"model. models/{reading.model.id} takes TEXT and IMAGE."
        )
    return tuple(modalities)


def _check_picture(config: Message, reading: _Reading) -> tuple[str, str]:
    model = reading.model
    ratio = config.get("aspect_ratio")
    if ratio is not None and ratio not in model.ratios:
        path = "generation_config.image_config.aspect_ratio"
        raise _wrong(path, f"must be one of {', '.join(model.ratios)}.")
    if ratio is None and reading.pictures:
        ratio = nearest_ratio(*measure(reading.pictures[-1]), model.ratios)
    return ratio or "1:1", _tier(config.get("image_size"), reading)


def _tier(size: str | None, reading: _Reading) -> str:
    model, small = reading.model, _SMALL[reading.provider]
    if size is None:
        return "1K"
    if model.takes_size and size == small and "512" in model.sizes:
        return "512"
    if model.takes_size and size in model.sizes and size != "512":
        return size
    if model.takes_size and size in _SMALL_SPELLINGS - {small}:
        reading.remarks.append(f"imageSize {size} was ignored: {reading.provider} calls it {small}")
        return "1K"
    path = "generation_config.image_config.image_size"
    raise _wrong(path, f"'{size}' is not supported by models/{model.id}.")


def _check_window(reading: _Reading) -> None:
    total = sum(reading.tokens.values())
    if total > reading.model.window:
        raise Refused(
            f"The input token count ({total}) exceeds the maximum number of tokens allowed "
            f"({reading.model.window})."
        )


# --- thought signatures --------------------------------------------------------------------------


def part_digest(part: Message) -> str:
    """Name what a part says, whatever its declared type and signature."""
    if "inline_data" in part:
        return hashlib.sha256(b"image:" + part["inline_data"]["data"]).hexdigest()
    return hashlib.sha256(b"text:" + part.get("text", "").encode()).hexdigest()


def _signature_digest(part: Message) -> str:
    signature = part.get("thought_signature")
    return hashlib.sha256(signature.encode()).hexdigest() if signature else ""


class Book:
    """Every signature that was issued, by digest: on which part of which content, and to whom."""

    def __init__(self) -> None:
        self._contents: list[tuple[str, list[tuple[str, str]]]] = []
        self._signed: dict[str, int] = {}
        self._need: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def issue(self, parts: list[Message], owner: str) -> None:
        """Remember an answer: its signed parts, and the words that may not come back unsigned."""
        kept = [part for part in parts if not part.get("thought")]
        self._add(owner, [(part_digest(part), _signature_digest(part)) for part in kept])
        self._need.update((owner, part_digest(part)) for part in parts if part.get("thought"))

    def _add(self, owner: str, parts: list[tuple[str, str]]) -> None:
        with self._lock:
            self._signed.update({mark: len(self._contents) for _, mark in parts if mark})
            self._need.update((owner, said) for said, mark in parts if mark)
            self._contents.append((owner, parts))

    def check(self, contents: list[Message], owner: str) -> None:
        """Refuse contents whose model parts are not exactly as they were issued to this owner."""
        for position, content in enumerate(contents, 1):
            if content["role"] == "model":
                self._check_content(position, content["parts"], owner)

    def _check_content(self, position: int, parts: list[Message], owner: str) -> None:
        for number, part in enumerate(parts, 1):
            if "inline_data" in part and not part.get("thought_signature"):
                raise Refused(IMAGE_UNSIGNED.format(position, number))
        sent = [(part_digest(part), _signature_digest(part)) for part in parts]
        issued = [self._origin(mark, owner) for _, mark in sent if mark]
        original = issued[0] if issued else []
        for number, ((said, mark), part) in enumerate(zip(sent, parts, strict=True), 1):
            as_issued = number <= len(original) and original[number - 1] == (said, mark)
            if not mark and not as_issued and "text" in part and (owner, said) in self._need:
                raise Refused(TEXT_UNSIGNED.format(position, number))
        if issued and sent != original:
            raise Refused(CORRUPTED)

    def _origin(self, mark: str, owner: str) -> list[tuple[str, str]]:
        if mark not in self._signed:
            raise Refused(CORRUPTED)
        issuer, parts = self._contents[self._signed[mark]]
        if issuer != owner:
            raise Refused(FOREIGN)
        return parts

    def saved(self) -> Message:
        """Write everything as JSON, for ``load``."""
        return {"contents": self._contents, "need": sorted(self._need)}

    def load(self, saved: Message) -> None:
        """Add what ``saved`` wrote."""
        for owner, parts in saved["contents"]:
            self._add(owner, [(said, mark) for said, mark in parts])
        self._need.update((owner, said) for owner, said in saved["need"])
