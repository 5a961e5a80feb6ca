"""Painting: the paid part of a turn, from the contents to the answers that are kept.

Money moves in one order only: reserve and write the intent, call, spool, read, settle. An answer
that is on the spool is read, never bought again; a call that a crash left without an answer is made
again, once for each crash; one that broke off while we lived is not (docs/architecture.md).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.contents import Fit, fit
from bot.conversation import (
    BlobPart,
    Content,
    Outcome,
    Part,
    TextPart,
    TurnState,
    Verdict,
)
from bot.errors import (
    DependencyDown,
    LimitError,
    MaterialError,
    ModelError,
    OutcomeUnknown,
    RequestTooLarge,
    SignatureRefused,
    ThreadpaintError,
    UsageError,
)
from bot.faults import no_fault
from bot.options import GenerationOptions
from bot.ports import Call, Caps, Kept
from bot.replies import picture_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bot.conversation import Generation, Turn
    from bot.ports import ImageModel, Lineage, Record, Spool, TurnStore
    from bot.profiles import ModelProfile

HISTORY = 64  # past turns that are loaded; 14 pictures and 100 MB end a request far earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator decided about every turn. confirm_above: micro-dollars."""

    caps: Caps = field(default_factory=Caps)
    defaults: GenerationOptions = field(default_factory=GenerationOptions)
    system: str = ""
    confirm_above: int | None = None
    slow_seconds: float = 35
    progress_seconds: float = 5


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """What came of a turn's calls: answers, or a verdict when there is none."""

    turn: Turn
    calls: tuple[Call, ...]
    kept: tuple[Kept, ...] = ()
    notes: tuple[str, ...] = ()
    verdict: Verdict | None = None
    told: bool = False


@dataclass(slots=True, kw_only=True)
class _Job:
    """One choice under way.

    answered: its answer is on the spool, so nothing is to be bought. salvaged: that answer was
    found there after a crash and may be cut.
    """

    plan: Plan
    call: Call
    answered: bool = False
    salvaged: bool = False
    kept: Kept | None = None
    verdict: Verdict | None = None

    def end(self, error: ThreadpaintError, *, state: TurnState = TurnState.FAILED) -> None:
        """End without an answer; a call that brought none is unknown or was not billed."""
        unknown = isinstance(error, OutcomeUnknown)
        if self.call.state == "reserved":
            self.call = replace(
                self.call,
                state="unknown" if unknown else "released",
                amount=self.call.amount if unknown else 0,
                note=str(error),
            )
        self.verdict = Verdict(state=state, text=str(error), retry=error.retry)


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


class Painter:
    """Buys the answers of turns."""

    def __init__(
        self,
        *,
        store: TurnStore,
        model: ImageModel,
        spool: Spool,
        policy: Policy,
        now: Callable[[], datetime],
        fault: Callable[[str], None] = no_fault,
    ) -> None:
        """Take the parts; nothing is called yet."""
        self._store = store
        self._model = model
        self._spool = spool
        self._policy = policy
        self._now = now
        self._fault = fault

    async def plan(self, turn: Turn, record: Record) -> Plan:
        """Find the parent, settle the options and fit the contents; nothing is spent.

        Raises UsageError, MaterialError.
        """
        user = user_content(turn.prompt, record)
        lineage = await self._store.lineage(turn, HISTORY)
        options = turn.options.over(lineage.options.sticky()).over(self._policy.defaults)
        profile = self._model.profile(options.model)
        profile.check(options)
        backend = f"{self._model.backend}/{profile.id}"
        fitting = partial(
            fit,
            workspace=turn.thread.workspace,
            system=self._policy.system,
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

    async def paint(
        self, plan: Plan, record: Record, cancel: asyncio.Event, note: Callable[[str], None]
    ) -> Painted:
        """Make the calls that the turn still needs, side by side, and read their answers.

        cancel: ends what is not on the spool yet. Raises LimitError before anything is called.
        """
        jobs = [await self._job(plan, record, choice) for choice in range(plan.count)]
        await self._reserve(plan, jobs)
        running = [job for job in jobs if not job.verdict]
        tasks = [asyncio.create_task(self._run(job, cancel, note)) for job in running]
        stop = asyncio.create_task(_stop(running, tasks, cancel))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in (stop, *tasks):
                task.cancel()
            await asyncio.gather(stop, *tasks, return_exceptions=True)
        return _painted(plan, record, jobs)

    async def _reserve(self, plan: Plan, jobs: Sequence[_Job]) -> None:
        """Reserve the price of what has to be bought; a refusal spares what is bought already."""
        fresh = [job for job in jobs if not job.answered]
        if not fresh:
            return
        calls = [job.call for job in fresh]
        try:
            await self._store.begin_calls(plan.turn, calls, self._policy.caps, self._now())
        except LimitError as error:
            if len(fresh) == len(jobs):
                raise
            for job in fresh:
                job.end(error)
        self._fault("call.reserved")

    async def _job(self, plan: Plan, record: Record, choice: int) -> _Job:
        """Find a call of an earlier attempt whose answer is on the spool, or make a new one."""
        earlier = [call for call in record.calls if call.choice == choice]
        for call in earlier:
            if call.state == "reserved" and await self._spool.salvage(call.id):
                return _Job(plan=plan, call=call, answered=True, salvaged=True)
        return _Job(plan=plan, call=self._new_call(plan, choice, len(earlier)))

    def _new_call(self, plan: Plan, choice: int, number: int) -> Call:
        return Call(
            id=f"{plan.turn.id}.{choice}.{number}",
            choice=choice,
            state="reserved",
            amount=plan.price,
            model=plan.profile.id,
            backend=plan.backend,
            at=self._now(),
            request=plan.account(),
        )

    async def _run(self, job: _Job, cancel: asyncio.Event, note: Callable[[str], None]) -> None:
        """Bring one choice to its end: at most one paid repetition, by accident of the model."""
        try:
            generation = await self._generation(job, cancel, note)
            if generation.outcome in _REPEATABLE and not cancel.is_set():
                job.plan = _mended(job.plan, generation.outcome)
                await self._again(job)
                generation = await self._generation(job, cancel, note)
            if generation.outcome is Outcome.ANSWER:
                job.kept = Kept(choice=job.call.choice, call=job.call.id, generation=generation)
            else:
                refused = generation.outcome is Outcome.REFUSED
                job.verdict = Verdict(
                    state=TurnState.REFUSED if refused else TurnState.FAILED,
                    text=generation.reason,
                    retry=not refused,
                )
        except (ModelError, LimitError, UsageError) as error:
            job.end(error)
        except asyncio.CancelledError:
            if not cancel.is_set():
                raise
            job.end(OutcomeUnknown(_STOPPED), state=TurnState.CANCELLED)

    async def _generation(
        self, job: _Job, cancel: asyncio.Event, note: Callable[[str], None]
    ) -> Generation:
        """Bring an answer to the spool, unless one is there, and read it."""
        if job.salvaged:
            job.salvaged = False
            try:
                return await self._read(job)
            except OutcomeUnknown as error:  # the crash cut it: the call is made again
                job.call = replace(job.call, state="unknown", note=str(error))
                await self._again(job)
        try:
            await self._buy(job, note)
        except asyncio.CancelledError:
            # A cancel that came too late: what is paid for and on the disk is not thrown away.
            if not cancel.is_set() or not await self._spool.find(job.call.id):
                raise
            job.answered = True
        return await self._read(job)

    async def _again(self, job: _Job) -> None:
        """Save what became of a call that brought no picture, and reserve another."""
        await self._store.end_call(job.plan.turn, job.call)
        number = int(job.call.id.rpartition(".")[2]) + 1
        again = self._new_call(job.plan, job.call.choice, number)
        await self._store.begin_calls(job.plan.turn, [again], self._policy.caps, self._now())
        job.call, job.answered = again, False

    async def _buy(self, job: _Job, note: Callable[[str], None]) -> None:
        """Make one call, until its answer is on the spool.

        A signature or a size that is refused is not billed, so the contents are made anew, once
        for each, and sent under the same reservation.
        """
        replay, max_bytes = True, None
        while True:
            plan = job.plan
            try:
                async with self._spool.write(job.call.id) as sink:
                    await self._model.call(plan.fitted.contents, plan.turn.options, sink, note)
            except SignatureRefused:
                if not replay or not plan.fitted.verbatim:
                    raise
                replay = False
            except RequestTooLarge:
                if max_bytes is not None:
                    raise
                max_bytes = plan.fitted.bytes // 2
            except DependencyDown as error:
                message = f"The answer could not be saved. {error}"
                raise OutcomeUnknown(message) from error
            else:
                job.answered = True
                return
            job.plan = plan.refit(replay=replay, max_bytes=max_bytes)
            job.call = replace(job.call, request=job.plan.account())

    async def _read(self, job: _Job) -> Generation:
        """Read an answer from the spool and settle its call."""
        path = await self._spool.find(job.call.id)
        if path is None:
            message = "The answer is gone from the spool folder. Press Retry to ask again."
            raise OutcomeUnknown(message)
        generation = await self._model.read(path, job.plan.turn.thread.workspace)
        self._fault("gen.read")
        job.call = replace(
            job.call,
            state="settled",
            amount=job.plan.profile.cost(generation.usage),
            usage=generation.usage,
            note=generation.reason,
        )
        return generation


_STOPPED = "Stopped. The picture that was under way may still be billed."
_REPEATABLE = {Outcome.AGAIN, Outcome.AGAIN_WITHOUT_SEARCH, Outcome.REBUILD}


async def _stop(
    jobs: Sequence[_Job], tasks: Sequence[asyncio.Task[None]], cancel: asyncio.Event
) -> None:
    """Wait for a cancel and end every call whose answer is not on the spool yet."""
    await cancel.wait()
    for job, task in zip(jobs, tasks, strict=True):
        if not job.answered:
            task.cancel()


def _mended(plan: Plan, outcome: Outcome) -> Plan:
    """Change what made the model stumble."""
    if outcome is Outcome.REBUILD:
        return plan.refit(replay=False)
    if outcome is Outcome.AGAIN_WITHOUT_SEARCH:
        options = replace(plan.turn.options, web_search=None, image_search=None)
        return replace(plan, turn=replace(plan.turn, options=options))
    return plan


def _painted(plan: Plan, record: Record, jobs: Sequence[_Job]) -> Painted:
    """Sum up: with one answer at least the turn is answered, whatever befell the others."""
    calls = tuple(job.call for job in jobs)
    kept = tuple(job.kept for job in jobs if job.kept)
    verdicts = [job.verdict for job in jobs if job.verdict]
    if not kept:
        return Painted(turn=plan.turn, calls=calls, verdict=verdicts[0])
    notes = [text for item in record.material for text in (item.problem, item.note) if text]
    dropped = bool(plan.fitted.older) and not plan.lineage.told
    if dropped:
        notes.append(
            "This thread is longer than the model can look at: from now on the oldest turns are"
            " left out. Everything is still kept."
        )
    if verdicts:
        notes.append(f"{len(kept)} of {len(jobs)} came out. {verdicts[0].text}")
    notes += picture_notes(plan.turn.options, kept)
    return Painted(turn=plan.turn, calls=calls, kept=kept, notes=tuple(notes), told=dropped)
