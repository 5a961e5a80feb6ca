"""THE flow of one turn: accept -> gather -> contents -> call -> keep -> deliver -> done.

Every step writes its intent, acts, and writes the result, so that a process that dies anywhere is
taken up where it was: ``advance`` may be called again for any turn in any state.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from bot.chat import Notice, NoticeKind
from bot.commands import parse
from bot.conversation import Turn, TurnState, Verdict, new_turn_id
from bot.errors import DeliveryError, DependencyDown, Fenced, ThreadpaintError, UsageError
from bot.faults import no_fault
from bot.planning import make_plan
from bot.ports import Record
from bot.replies import reply_of
from bot.telling import Note, Teller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from bot.chat import Message, Post
    from bot.conversation import TurnId
    from bot.gather import Gatherer
    from bot.options import GenerationOptions
    from bot.painting import Painted, Painter
    from bot.planning import Plan, Policy
    from bot.ports import (
        Call,
        ImageModel,
        Kept,
        Spool,
        TurnQueue,
        TurnStore,
    )
    from bot.preferences import Preferences
    from bot.profiles import ModelProfile

_log = structlog.get_logger(__name__)

DELIVERY_WAITS = (2, 10, 60, 300)  # seconds before each new try to deliver
CONFIRM_SECONDS = 15 * 60
STORAGE_SECONDS = 5.0  # between two tries while the storage is down
_NOTICE_OF = {
    TurnState.REFUSED: NoticeKind.REFUSED,
    TurnState.FAILED: NoticeKind.FAILED,
    TurnState.CANCELLED: NoticeKind.CANCELLED,
}


def _whole(text: str) -> str:
    """Replace halves of characters, which some platforms cut and no database takes."""
    return text.encode("utf-8", "replace").decode()


class Turns:
    """Accepts turns and takes them through their states."""

    queue: TurnQueue

    def __init__(
        self,
        *,
        store: TurnStore,
        gatherer: Gatherer,
        spool: Spool,
        model: ImageModel,
        painter: Painter,
        teller: Teller,
        policy: Policy,
        preferences: Preferences,
        now: Callable[[], datetime],
        fault: Callable[[str], None] = no_fault,
    ) -> None:
        """Take the parts. ``queue`` has to be set before the first message is accepted."""
        self._store = store
        self._gatherer = gatherer
        self._spool = spool
        self._model = model
        self._painter = painter
        self.teller = teller
        self._policy = policy
        self._preferences = preferences
        self._now = now
        self._fault = fault
        self._cancels: dict[TurnId, asyncio.Event] = {}
        self._waiting: dict[TurnId, list[asyncio.Future[None]]] = {}

    # What people do

    async def accept(self, message: Message) -> TurnId:
        """Make a message a turn, durably; the platform may acknowledge it afterwards.

        The same message accepted again gives the same turn. What cannot be used (an unknown flag,
        no words at all) becomes a turn too, with a verdict that the person is told once.
        """
        prompt, options, verdict = self._read(message)
        pending = any(attachment.blob is None for attachment in message.attachments)
        gathered = bool(message.attachments) and not pending
        turn = Turn(
            id=new_turn_id(),
            thread=message.thread,
            state=TurnState.GATHERING if gathered else TurnState.ACCEPTED,
            author=message.author,
            provider=self._model.provider,
            author_name=_whole(message.author_name),
            message_id=message.id,
            created=self._now(),
            prompt=prompt,
            options=options,
            parent=message.branch,
            ref=message.ref,
            quota=message.quota,
            verdict=verdict,
        )
        turn_id, new = await self._store.accept(turn, message)
        self._fault("accept.saved")
        if new:
            self.teller.queue(turn)
            self.queue.wake(gather=pending)
        return turn_id

    def _read(self, message: Message) -> tuple[str, GenerationOptions, Verdict | None]:
        try:
            request = parse(_whole(message.text))
            options = request.options.over(message.options)
            profile = self._model.profile(options.model)
            if options.model:  # an edit may inherit another model: then its plan will check
                profile.check(options)
        except UsageError as error:
            verdict = Verdict(state=TurnState.FAILED, text=str(error))
            return _whole(message.text), message.options, verdict
        if request.prompt or message.attachments:
            return request.prompt, options, None
        words = "Say what you would like to see, for example: a red fox in the snow."
        return "", options, Verdict(state=TurnState.FAILED, text=words)

    async def cancel(self, turn: TurnId) -> Turn:
        """End a turn, wherever it is; an answer that reached the disk is delivered all the same.

        Returns the turn as it is then. NotFound.
        """
        found = await self._store.request_cancel(turn)
        if found.cancel_requested and not found.state.ended:
            self._cancels.setdefault(turn, asyncio.Event()).set()
        self.queue.wake()
        return found

    async def confirm(self, turn: TurnId) -> None:
        """Agree to the price of a turn. NotFound."""
        await self._store.confirm(turn)
        self.queue.wake()

    async def retry(self, turn: TurnId, ref: Mapping[str, str] | None = None) -> None:
        """Run a failed turn again; one that only was not delivered is only delivered.

        ref: where to answer from now on, None where it was. NotFound, UsageError.
        """
        await self._store.reopen(turn, ref)
        self.queue.wake(gather=True)

    async def amend(self, turn: TurnId, text: str) -> bool:
        """Follow an edit of the message of a turn; False when it was called already. UsageError."""
        request = parse(_whole(text))
        return await self._store.amend(turn, request.prompt, request.options)

    def profile(self, model: str | None) -> ModelProfile:
        """Find a model; None is the operator's default. UsageError when there is no such model."""
        return self._model.profile(model)

    async def ended(self, turn: TurnId) -> Turn:
        """Wait for the end of a turn that this process advances."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(turn, [])
        waiting.append(future)
        try:
            found = await self._store.get(turn)
            if found.state.ended:
                return found
            await future
            return await self._store.get(turn)
        finally:
            waiting.remove(future)
            if not waiting:
                self._waiting.pop(turn, None)

    # What the queue does

    async def gather(self, turn: Turn) -> None:
        """Download the attachments of a claimed turn. Raises DependencyDown, as ``advance``."""
        await self._guarded(turn, self._gather(turn))

    async def advance(self, turn: Turn) -> None:
        """Take a claimed turn to its end, or to where it has to wait.

        Raises DependencyDown when the storage fails: then the turn stands as it was.
        """
        self.teller.start(turn)
        try:
            await self._guarded(turn, self._advance(turn))
        finally:
            self._cancels.pop(turn.id, None)

    async def _guarded(self, turn: Turn, work: Awaitable[None]) -> None:
        """Make every way in which work can fail the end of its turn."""
        try:
            await work
        except Fenced:
            _log.warning("turn taken over by another attempt", turn=turn.id, attempt=turn.attempt)
        except DependencyDown:
            raise
        except ThreadpaintError as error:
            verdict = Verdict(state=TurnState.FAILED, text=str(error), retry=error.retry)
            await self._guarded(turn, self._end(turn, verdict))
        except Exception:  # noqa: BLE001 - a defect ends one turn, not the bot
            _log.exception("turn failed inside Threadpaint", turn=turn.id)
            words = (
                f"Something went wrong inside Threadpaint (turn {turn.id}); its log says more."
                " Try again, or tell the operator."
            )
            verdict = Verdict(state=TurnState.FAILED, text=words, retry=True)
            await self._end(turn, verdict)

    async def _gather(self, turn: Turn) -> None:
        record = await self._store.record(turn.id)
        platform = self.teller.platform(turn)
        await self.teller.working(turn, TurnState.GATHERING)
        workspace = turn.thread.workspace
        material = [
            await self._gatherer.gather(platform, workspace, item) if item.pending else item
            for item in record.material
        ]
        self._fault("gather.downloaded")
        await self._store.gathered(turn, material)
        self._fault("gather.saved")

    async def _advance(self, turn: Turn) -> None:
        if turn.state.ended:
            return
        if turn.verdict:
            await self._tell_end(turn, turn.verdict)
        elif turn.state in {TurnState.STORED, TurnState.DELIVERING}:
            record = await self._store.record(turn.id)
            await self._deliver(turn, record.kept, record.calls, record.notes)
        else:
            # A first attempt without attachments has nothing stored but its turn.
            first = turn.attempt == 1 and turn.state is TurnState.ACCEPTED
            record = Record(turn=turn) if first else await self._store.record(turn.id)
            await self._paint(turn, record)

    async def _paint(self, turn: Turn, record: Record) -> None:
        cancel = self._cancels.setdefault(turn.id, asyncio.Event())
        if turn.cancel_requested:
            cancel.set()
        try:
            plan = await make_plan(
                self._store, self._model, await self._policy_of(turn), turn, record
            )
        except UsageError as error:
            await self._rescue(turn, record, error)
            return
        if not await self._confirmed(plan):
            return
        if cancel.is_set() and not any(call.state == "reserved" for call in record.calls):
            await self._end(turn, Verdict(state=TurnState.CANCELLED, text="Cancelled."))
            return
        painted = await self._watched(plan, record, cancel)
        await self._keep(plan.turn, painted, record)

    async def _policy_of(self, turn: Turn) -> Policy:
        """Put the defaults of the turn's person and channel over the operator's."""
        defaults = await self._preferences.defaults(turn)
        return replace(self._policy, defaults=defaults.over(self._policy.defaults))

    async def _rescue(self, turn: Turn, record: Record, error: UsageError) -> None:
        """Deliver what was bought before a crash though the settings no longer allow the rest."""
        painted = await self._painter.rescue(turn, record)
        if not painted.kept:
            raise error
        await self._keep(turn, replace(painted, notes=(str(error),)), record)

    async def _watched(self, plan: Plan, record: Record, cancel: asyncio.Event) -> Painted:
        """Paint, and meanwhile say how far it is."""
        note = Note()
        watcher = asyncio.create_task(self.teller.watch_call(plan.turn, note))
        try:
            return await self._painter.paint(plan, record, cancel, note.write)
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)

    async def _confirmed(self, plan: Plan) -> bool:
        """Ask for a yes when the turn is dearer than the operator wants it to be unasked."""
        turn, price, most = plan.turn, plan.price * plan.count, self._policy.confirm_above
        if most is None or price <= most or turn.confirmed or turn.state is TurnState.CALLING:
            return True
        if turn.tries:
            words = "Nobody agreed to the price in time, so this was not painted."
            await self._end(turn, Verdict(state=TurnState.CANCELLED, text=words, retry=True))
            return False
        words = f"This will cost about ${price / 1e6:.2f}. Paint it?"
        await self.teller.tell(turn, Notice(kind=NoticeKind.CONFIRM, text=words))
        until = self._now() + timedelta(seconds=CONFIRM_SECONDS)
        await self._store.postpone(turn, until, "waits for a yes to the price")
        if (await self._store.get(turn.id)).confirmed:  # the yes was quicker
            await self.confirm(turn.id)
        return False

    async def _keep(self, turn: Turn, painted: Painted, record: Record) -> None:
        """Save what was painted, in one transaction; the spool is cleared only afterwards.

        While the storage is down this waits with the answers in hand: they are paid for.
        """
        calls = tuple({call.id: call for call in (*record.calls, *painted.calls)}.values())
        while True:
            try:
                if painted.verdict:
                    await self._store.judge(turn, painted.verdict, painted.calls)
                else:
                    await self._store.keep(
                        turn, painted.kept, painted.calls, painted.notes, told=painted.told
                    )
                break
            except DependencyDown as error:
                _log.error("storage down, answers wait", turn=turn.id, error=str(error))
                await asyncio.sleep(STORAGE_SECONDS)
        turn = replace(turn, tries=0)
        if painted.verdict:
            self._fault("verdict.saved")
            await self._clear_spool(calls)
            await self._tell_end(turn, painted.verdict)
        else:
            self._fault("keep.saved")
            await self._deliver(turn, painted.kept, calls, painted.notes)

    async def _clear_spool(self, calls: Sequence[Call]) -> None:
        for call in calls:
            await self._spool.remove(call.id)

    async def _deliver(
        self, turn: Turn, kept: Sequence[Kept], calls: Sequence[Call], notes: Sequence[str]
    ) -> None:
        await self._clear_spool(calls)
        await self._store.delivering(turn)
        self._fault("deliver.noted")
        reply = reply_of(turn, kept, calls, notes)
        try:
            posts = await self.teller.platform(turn).deliver(turn, reply)
        except DeliveryError as error:
            await self._undelivered(turn, error)
            return
        self._fault("deliver.sent")
        await self._store.finish(turn, TurnState.DONE, posts)
        self._fault("deliver.saved")
        self._announce(turn)

    async def _undelivered(self, turn: Turn, error: DeliveryError) -> None:
        """Try again later; the picture is kept in any case."""
        if not await self._put_off(turn, error):
            _log.error("delivery given up; the answer is kept", turn=turn.id, error=str(error))
            verdict = Verdict(state=TurnState.FAILED, text=str(error), retry=True)
            await self._end(turn, verdict)

    async def _put_off(self, turn: Turn, error: DeliveryError) -> bool:
        if error.final or turn.tries >= len(DELIVERY_WAITS):
            return False
        _log.warning("delivery postponed", turn=turn.id, tries=turn.tries, error=str(error))
        until = self._now() + timedelta(seconds=DELIVERY_WAITS[turn.tries])
        await self._store.postpone(turn, until, str(error))
        return True

    async def _end(self, turn: Turn, verdict: Verdict) -> None:
        await self._store.judge(turn, verdict)
        self._fault("verdict.saved")
        await self._tell_end(turn, verdict)

    async def _tell_end(self, turn: Turn, verdict: Verdict) -> None:
        """Tell how the turn ended, and end it: also when the platform fails in unforeseen ways."""
        notice = Notice(kind=_NOTICE_OF[verdict.state], text=verdict.text, retry=verdict.retry)
        posts: Sequence[Post] = ()
        try:
            posts = await self.teller.tell(turn, notice)
        except DeliveryError as error:
            if await self._put_off(turn, error):
                return
            _log.error("the end of a turn could not be told", turn=turn.id, error=str(error))
        self._fault("verdict.told")
        await self._store.finish(turn, verdict.state, posts)
        self._announce(turn)

    def _announce(self, turn: Turn) -> None:
        for future in self._waiting.get(turn.id, []):
            if not future.done():
                future.set_result(None)
