"""Planning: from a turn and its thread to one request, before anything is spent."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.contents import Fit, fit
from bot.conversation import BlobPart, Content, Part, TextPart
from bot.errors import MaterialError, UsageError
from bot.options import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.conversation import Turn
    from bot.ports import ImageModel, Lineage, Record, TurnStore
    from bot.profiles import ModelProfile

HISTORY = 64  # past turns that are loaded; 14 pictures and 100 MB end a request far earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator decided about every turn. confirm_above: micro-dollars."""

    defaults: GenerationOptions = field(default_factory=GenerationOptions)
    system: str = ""
    confirm_above: int | None = None
    slow_seconds: float = 35
    progress_seconds: float = 5
    position_seconds: float = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One turn, ready to be called: everything that a request is made from."""

    turn: Turn
    lineage: Lineage
    profile: ModelProfile
    backend: str
    fitting: Callable[..., Fit]
    fitted: Fit

    @property
    def count(self) -> int:
        """How many pictures were asked for, each a call."""
        return self.turn.options.count or 1

    @property
    def price(self) -> int:
        """What one call is expected to cost, in micro-dollars."""
        return self.profile.price(self.turn.options, tokens=self.fitted.tokens)

    def refit(self, *, replay: bool, max_bytes: int | None = None) -> Plan:
        """Fit the contents anew: without replaying signatures, or into fewer bytes."""
        return replace(self, fitted=self.fitting(replay=replay, max_bytes=max_bytes))

    def account(self) -> dict[str, object]:
        """Say in a few words what is sent, for ``explain``."""
        return {
            "verbatim": list(self.fitted.verbatim),
            "material": list(self.fitted.material),
            "dropped": list(self.fitted.dropped),
            "older": self.fitted.older,
            "images": self.fitted.images,
            "tokens": self.fitted.tokens,
            "bytes": self.fitted.bytes,
        }


def user_content(prompt: str, record: Record) -> Content:
    """Make the user's content of a turn: the words, then the material in order.

    Raises MaterialError when there were attachments and none is usable.
    """
    material = record.material
    if material and all(item.problem for item in material):
        raise MaterialError(" ".join(item.problem for item in material))
    parts: list[Part] = [TextPart(text=prompt)] if prompt else []
    parts += [BlobPart(blob=item.blob) for item in material if item.blob]
    return Content(role="user", parts=tuple(parts))


async def make_plan(
    store: TurnStore, model: ImageModel, policy: Policy, turn: Turn, record: Record
) -> Plan:
    """Find the parent, settle the options and fit the contents.

    Raises UsageError, MaterialError.
    """
    user = user_content(turn.prompt, record)
    lineage = await store.lineage(turn, HISTORY)
    below = lineage.options.sticky().over(policy.defaults)
    profile = _profile(model, turn.options, below)
    if below.model != profile.id:
        below = replace(below, model=None)
    options = turn.options.over(profile.possible(below))
    profile.check(options)
    backend = f"{model.backend}/{profile.id}"
    fitting = partial(
        fit,
        workspace=turn.thread.workspace,
        system=policy.system,
        turns=lineage.turns,
        older=lineage.older,
        user=user,
        profile=profile,
        backend=backend,
    )
    return Plan(
        turn=replace(turn, parent=lineage.parent, options=options),
        lineage=lineage,
        profile=profile,
        backend=backend,
        fitting=fitting,
        fitted=fitting(),
    )


def _profile(model: ImageModel, said: GenerationOptions, below: GenerationOptions) -> ModelProfile:
    """Find the model; an inherited one that is no longer to be had gives way to the default."""
    if said.model is None and below.model is not None:
        with suppress(UsageError):
            return model.profile(below.model)
    return model.profile(said.model)
