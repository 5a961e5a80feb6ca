"""ModelProfile: what one model id can do and what it costs, known before any money is spent.

Source of every figure: facts read in November 2026 from Google's model pages and LiteLLM's price
map; none was checked against a bill. Money is in micro-dollars: $60 per million tokens is 60 per
token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from bot.conversation import Usage
from bot.errors import UsageError
from bot.near import nearest
from bot.options import RATIOS, THINKING, GenerationOptions, Thinking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


Provider = Literal["google", "wisdom-gate", "offline"]

_COMMON_RATIOS = tuple(ratio for ratio in RATIOS if ratio not in {"1:4", "1:8", "4:1", "8:1"})
_SEARCH = 14_000  # micro-dollars a search query (Gemini 3: $14 per 1,000)
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """One model at one provider.

    sizes: output tokens of one picture by image size; a model with one size takes none in the
    request when sends_size is False. max_images: pictures in one request, history included.
    max_tokens: input tokens. max_bytes: of one request body. signatures: whether replayed model
    parts must carry one. text_in, text_out, image_out: micro-dollars a token.
    flat: micro-dollars a call, over everything else.
    """

    id: str
    provider: Provider
    sizes: Mapping[str, int]
    ratios: tuple[str, ...] = RATIOS
    thinking: tuple[Thinking, ...] = ()
    web_search: bool = False
    image_search: bool = False
    max_images: int = 14
    max_tokens: int = 131_072
    max_bytes: int = 95 * _MEBIBYTE
    image_tokens: int = 1120
    signatures: bool = True
    sends_size: bool = True
    text_in: float = 0
    text_out: float = 0
    image_out: float = 0
    flat: int | None = None
    replaced_by: str = ""
    notes: tuple[str, ...] = field(default=())

    def check(self, options: GenerationOptions) -> None:
        """Raise UsageError, naming what is allowed, when the model cannot do what was asked."""
        self._allow("--ar", options.aspect_ratio, self.ratios)
        self._allow("--size", options.image_size, self.sizes)
        if options.thinking is not None and not self.thinking:
            message = f"{self.id} has no thinking control. Leave --think away."
            raise UsageError(message)
        self._allow("--think", options.thinking, self.thinking)
        if options.image_search and not self.image_search:
            message = f"{self.id} cannot search for images. Leave --image-search away."
            raise UsageError(message)
        if options.web_search and not self.web_search:
            message = f"{self.id} cannot search the web. Leave --search away."
            raise UsageError(message)

    def possible(self, options: GenerationOptions) -> GenerationOptions:
        """Leave out what this model cannot do, for options that nobody named now."""
        ratio, size, thinking = options.aspect_ratio, options.image_size, options.thinking
        return replace(
            options,
            aspect_ratio=ratio if ratio in self.ratios else None,
            image_size=size if size in self.sizes else None,
            thinking=thinking if thinking in self.thinking else None,
        )

    def _allow(self, flag: str, value: str | None, allowed: Iterable[str]) -> None:
        names = tuple(allowed)
        if value is not None and value not in names:
            hint = nearest(value, names)
            message = (
                f"{self.id} cannot do {flag} {value}."
                f"{f' Did you mean {hint}?' if hint else ''} It takes {', '.join(names)}."
            )
            raise UsageError(message)

    def price(self, options: GenerationOptions, *, tokens: int = 0) -> int:
        """Estimate one call in micro-dollars, from what is known before it.

        tokens: of the whole request, pictures included.
        """
        if self.flat is not None:
            return self.flat
        size = options.image_size or ("1K" if "1K" in self.sizes else next(iter(self.sizes)))
        amount = self.sizes[size] * self.image_out + tokens * self.text_in
        if options.web_search or options.image_search:
            amount += _SEARCH
        return math.ceil(amount)

    def cost(self, usage: Usage, *, pictures: int = 0, expected: int = 0) -> int:
        """Price one answered call in micro-dollars, from the tokens that the service counted.

        pictures: how many came; when the service does not say which tokens were theirs, the most
        that they can have are. expected: the price when the service counted nothing at all.
        """
        if self.flat is not None:
            return self.flat
        if usage == Usage():
            return expected
        painted = usage.output_image
        if pictures and not painted:
            painted = min(usage.output, max(self.sizes.values()) * pictures)
        words = max(0, usage.output - painted) + usage.thoughts
        amount = (usage.prompt + usage.tool_prompt) * self.text_in
        amount += words * self.text_out + painted * self.image_out
        return math.ceil(amount) + usage.searches * _SEARCH


_FLASH = ModelProfile(
    id="gemini-3.1-flash-image",
    provider="google",
    sizes={"0.5K": 747, "1K": 1120, "2K": 1680, "4K": 2520},
    thinking=("minimal", "high"),
    web_search=True,
    image_search=True,
    text_in=0.5,
    text_out=3,
    image_out=60,
    replaced_by="gemini-nano-banana-2.1",
)
_PRO = ModelProfile(
    id="gemini-3-pro-image",
    provider="google",
    sizes={"1K": 1120, "2K": 1120, "4K": 2000},
    ratios=_COMMON_RATIOS,
    web_search=True,
    max_tokens=65_536,
    image_tokens=560,
    text_in=2,
    text_out=12,
    image_out=120,
    replaced_by="gemini-nano-banana-2.1",
)
_GOOGLE = (
    _FLASH,
    ModelProfile(
        id="gemini-nano-banana-2.1",
        provider="google",
        sizes={"1K": 1120, "2K": 1680, "4K": 3780},
        thinking=THINKING,
        web_search=True,
        text_in=1.5,
        text_out=7.5,
        image_out=30,
        replaced_by="gemini-3.1-flash-image",
    ),
    _PRO,
    ModelProfile(
        id="gemini-3.1-flash-lite-image",
        provider="google",
        sizes={"1K": 1120},
        thinking=("minimal", "high"),
        max_tokens=65_536,
        text_in=0.25,
        text_out=1.5,
        image_out=30,
        replaced_by="gemini-nano-banana-2.1",
    ),
    ModelProfile(
        id="gemini-2.5-flash-image",
        provider="google",
        sizes={"1K": 1290},
        ratios=_COMMON_RATIOS,
        max_images=3,
        max_tokens=32_768,
        signatures=False,
        sends_size=False,
        text_in=0.3,
        text_out=2.5,
        image_out=30,
        replaced_by="gemini-nano-banana-2.1",
    ),
    replace(_FLASH, id="gemini-3.1-flash-image-preview", replaced_by="gemini-3.1-flash-image"),
    replace(_PRO, id="gemini-3-pro-image-preview", replaced_by="gemini-3-pro-image"),
)
_WISDOM_GATE = tuple(
    replace(
        profile,
        provider="wisdom-gate",
        # The product brief's price; the gateway's other prices are not known, Google's stand in.
        flat=58_000 if profile.id.startswith("gemini-3.1-flash-image") else None,
        replaced_by={"gemini-3.1-flash-image-preview": "gemini-3.1-flash-image"}.get(
            profile.id, "gemini-3.1-flash-image-preview"
        ),
    )
    for profile in _GOOGLE
)
_OFFLINE = (
    ModelProfile(
        id="offline-demo",
        provider="offline",
        sizes={"0.5K": 0, "1K": 0, "2K": 0, "4K": 0},
        thinking=THINKING,
        web_search=True,
        image_search=True,
        flat=0,
    ),
)
PROFILES: dict[Provider, dict[str, ModelProfile]] = {
    "google": {profile.id: profile for profile in _GOOGLE},
    "wisdom-gate": {profile.id: profile for profile in _WISDOM_GATE},
    "offline": {profile.id: profile for profile in _OFFLINE},
}
DEFAULT_MODELS: dict[Provider, str] = {
    "google": "gemini-3.1-flash-image",
    "wisdom-gate": "gemini-3.1-flash-image-preview",
    "offline": "offline-demo",
}


def profile_of(provider: Provider, model: str, *, default: str) -> ModelProfile:
    """Find the profile of a model id; the operator's own default id is taken as given.

    An unknown default shares the profile of the provider's default model (it may be a new id or a
    gateway's alias); any other unknown id is a UsageError with the nearest right one.
    """
    known = PROFILES[provider]
    if model in known:
        return known[model]
    if model == default:
        return replace(known[DEFAULT_MODELS[provider]], id=model)
    hint = nearest(model, known)
    message = (
        f"No model named {model}.{f' Did you mean {hint}?' if hint else ''}"
        f" Known: {', '.join(known)}."
    )
    raise UsageError(message)
