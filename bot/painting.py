"""Painting: the paid part of a turn, from the contents to the answers that are kept.

Money moves in one order only: reserve and write the intent, call, spool, read, settle. An answer
that is on the spool is read, never bought again; a call that a crash left without an answer is made
again, once for each crash; one that broke off while we lived is not (docs/architecture.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from bot.conversation import Generation, Outcome, TurnState, Verdict
from bot.errors import (
    DependencyDown,
    LimitError,
    ModelError,
    OutcomeUnknown,
    RequestTooLarge,
    ServiceBusy,
    SignatureRefused,
    ThreadpaintError,
    UsageError,
)
from bot.faults import no_fault
from bot.ports import Call, Caps, Kept
from bot.profiles import Provider, profile_of
from bot.replies import picture_notes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.conversation import Turn
    from bot.planning import Plan
    from bot.ports import ImageModel, Record, Spool, TurnStore

Reader: TypeAlias = Callable[[Path, str], Awaitable[Generation]]
"""Reads a spooled answer of one provider into the blobs of a workspace."""


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

    earlier: calls of this attempt that ended before this one. waiting: nothing is sent just now.
    answered: its answer is on the spool, so nothing is to be bought. salvaged: that answer was
    found there after a crash and may be cut.
    """

    plan: Plan
    call: Call
    earlier: tuple[Call, ...] = ()
    waiting: bool = False
    answered: bool = False
    salvaged: bool = False
    kept: Kept | None = None
    verdict: Verdict | None = None

    def end(self, error: ThreadpaintError, *, state: TurnState = TurnState.FAILED) -> None:
        """End without an answer; a call that brought none is unknown or was not billed."""
        unknown = isinstance(error, OutcomeUnknown) and not self.waiting
        if self.call.state == "reserved":
            self.call = replace(
                self.call,
                state="unknown" if unknown else "released",
                amount=self.call.amount if unknown else 0,
                note=str(error),
            )
        self.verdict = Verdict(state=state, text=str(error), retry=error.retry)


class Painter:
    """Buys the answers of turns."""

    def __init__(
        self,
        *,
        store: TurnStore,
        model: ImageModel,
        spool: Spool,
        reader: Callable[[Provider], Reader],
        caps: Caps,
        now: Callable[[], datetime],
        fault: Callable[[str], None] = no_fault,
    ) -> None:
        """Take the parts; nothing is called yet.

        reader: gives what reads the answers of a provider. That need not be the model's: answers
        that a crash left on the spool are read by the one that they came from.
        """
        self._store = store
        self._model = model
        self._spool = spool
        self._reader = reader
        self._caps = caps
        self._now = now
        self._fault = fault

    async def paint(
        self, plan: Plan, record: Record, cancel: asyncio.Event, note: Callable[[str], None]
    ) -> Painted:
        """Make the calls that the turn still needs, side by side, and read their answers.

        cancel: ends what is not on the spool yet. Raises LimitError before anything is called.
        """
        jobs = [await self._job(plan, record, choice) for choice in range(plan.count)]
        if cancel.is_set():
            for job in jobs:
                if not job.answered:
                    job.end(UsageError("Cancelled."), state=TurnState.CANCELLED)
        else:
            await self._reserve(plan, jobs)
        running = [job for job in jobs if not job.verdict]
        tasks = [asyncio.create_task(self._run(job, cancel, note)) for job in running]
        stop = asyncio.create_task(_stop(running, tasks, cancel))
        try:
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in (stop, *tasks):
                task.cancel()
            await asyncio.gather(stop, *tasks, return_exceptions=True)
        for error in ended:
            if error:
                raise error
        return _painted(plan, record, jobs)

    async def rescue(self, turn: Turn, record: Record) -> Painted:
        """Read the answers that a crash left on the spool of a turn that cannot be planned now."""
        calls: list[Call] = []
        kept: list[Kept] = []
        for call in record.calls:
            if call.state != "reserved" or not await self._spool.salvage(call.id):
                continue
            with suppress(OutcomeUnknown):
                settled, generation = await self._read(call, turn.thread.workspace)
                calls.append(settled)
                if generation.outcome is Outcome.ANSWER:
                    kept.append(Kept(choice=call.choice, call=call.id, generation=generation))
        return Painted(turn=turn, calls=tuple(calls), kept=tuple(kept))

    async def _reserve(self, plan: Plan, jobs: Sequence[_Job]) -> None:
        """Reserve the price of what has to be bought; a refusal spares what is bought already."""
        fresh = [job for job in jobs if not job.answered]
        if not fresh:
            return
        calls = [job.call for job in fresh]
        try:
            await self._store.begin_calls(plan.turn, calls, self._caps, self._now())
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
                with suppress(LimitError):  # then the first answer's reason is what counts
                    await self._again(job, _mended(job.plan, generation.outcome))
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
            words = "Stopped." if job.waiting or not job.call.amount else _STOPPED
            job.end(OutcomeUnknown(words), state=TurnState.CANCELLED)

    async def _generation(
        self, job: _Job, cancel: asyncio.Event, note: Callable[[str], None]
    ) -> Generation:
        """Bring an answer to the spool, unless one is there, and read it."""
        if job.salvaged:
            job.salvaged = False
            try:
                return await self._settle(job)
            except OutcomeUnknown as error:  # the crash cut it: the call is made again
                job.call = replace(job.call, state="unknown", note=str(error))
                await self._again(job, job.plan)
        try:
            await self._buy(job, note)
        except asyncio.CancelledError:
            # A cancel that came too late: what is paid for and on the disk is not thrown away.
            if not cancel.is_set() or not await self._spool.find(job.call.id):
                raise
            job.answered = True
        return await self._settle(job)

    async def _settle(self, job: _Job) -> Generation:
        job.call, generation = await self._read(job.call, job.plan.turn.thread.workspace)
        return generation

    async def _again(self, job: _Job, plan: Plan) -> None:
        """Save what became of a call that brought no picture, and reserve another."""
        await self._store.end_call(plan.turn, job.call)
        number = int(job.call.id.rpartition(".")[2]) + 1
        again = self._new_call(plan, job.call.choice, number)
        await self._store.begin_calls(plan.turn, [again], self._caps, self._now())
        job.earlier = (*job.earlier, job.call)
        job.plan, job.call, job.answered = plan, again, False

    async def _buy(self, job: _Job, note: Callable[[str], None]) -> None:
        """Make one call, until its answer is on the spool.

        A signature or a size that is refused is not billed, so the contents are made anew, once
        for each, and sent under the same reservation.
        """
        asked, now = job.plan.turn.provider, self._model.provider
        if asked != now and "offline" in {asked, now}:
            raise UsageError(_OTHER_PAINTER)

        def listen(words: str) -> None:
            job.waiting = bool(words)
            note(words)

        replay, max_bytes = True, None
        while True:
            plan = job.plan
            try:
                await self._call(plan, job.call, listen)
            except SignatureRefused:
                if not replay or not plan.fitted.verbatim:
                    raise
                replay = False
            except RequestTooLarge:
                if max_bytes is not None:
                    raise
                max_bytes = plan.fitted.bytes // 2
            else:
                job.answered = True
                return
            job.plan = plan.refit(replay=replay, max_bytes=max_bytes)
            job.call = replace(job.call, request=job.plan.account())

    async def _call(self, plan: Plan, call: Call, note: Callable[[str], None]) -> None:
        begun = False
        try:
            async with self._spool.write(call.id) as sink:
                begun = True
                await self._model.call(plan.fitted.contents, plan.turn.options, sink, note)
        except DependencyDown as error:
            if begun:
                raise OutcomeUnknown(f"The answer could not be saved. {error}") from error
            raise ServiceBusy(f"There is no room for the answer. {error}") from error

    async def _read(self, call: Call, workspace: str) -> tuple[Call, Generation]:
        """Read an answer from the spool and settle its call."""
        path = await self._spool.find(call.id)
        if path is None:
            message = "The answer is gone from the spool folder. Try again to ask once more."
            raise OutcomeUnknown(message)
        provider = cast("Provider", call.backend.partition("/")[0])
        try:
            generation = await self._reader(provider)(path, workspace)
        except (
            OSError
        ) as error:  # too many open files, a disk that fails: the answer is still there
            message = f"An answer on the disk cannot be read: {error.strerror}. Mend that."
            raise DependencyDown(message) from error
        self._fault("gen.read")
        profile = profile_of(provider, call.model, default=call.model)
        pictures = len(generation.content.pictures)
        settled = replace(
            call,
            state="settled",
            amount=profile.cost(generation.usage, pictures=pictures, expected=call.amount),
            usage=generation.usage,
            note=generation.reason,
        )
        return settled, generation


_OTHER_PAINTER = (
    "Between this request and now the painter was changed: from the offline demo to a paid service,"
    " or back. Ask again to have it painted by the one that is set now."
)
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
    calls = tuple(call for job in jobs for call in (*job.earlier, job.call))
    kept = tuple(job.kept for job in jobs if job.kept)
    verdicts = [job.verdict for job in jobs if job.verdict]
    if not kept:
        return Painted(turn=plan.turn, calls=calls, verdict=verdicts[0])
    notes = [text for item in record.material for text in (item.problem, item.note) if text]
    dropped = any(job.plan.fitted.older for job in jobs) and not plan.lineage.told
    if dropped:
        notes.append(
            "This thread is longer than the model can look at: from now on the oldest turns are"
            " left out. Everything is still kept."
        )
    if verdicts:
        notes.append(f"{len(kept)} of {len(jobs)} came out. {verdicts[0].text}")
    if any(job.plan.turn.options != plan.turn.options for job in jobs):
        notes.append("The search failed, so this was painted without it.")
    notes += picture_notes(plan.turn.options, kept)
    return Painted(turn=plan.turn, calls=calls, kept=kept, notes=tuple(notes), told=dropped)
