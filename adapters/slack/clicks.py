"""What the buttons under our messages do; rights are checked at the click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.slack import errands, forms, messages
from adapters.slack.actions import Action
from adapters.slack.cards import Button, line
from adapters.slack.events import said as read_said
from adapters.slack.gestures import owners_only, picked, tell
from adapters.slack.values import Said
from bot.chat import Message
from bot.controls import enlarge, redo, variations
from bot.conversation import ROOT, TurnRef, TurnState
from bot.errors import DeliveryError, NotFound, UsageError
from bot.options import MOST_PICTURES
from bot.printing import reply_in

if TYPE_CHECKING:
    from adapters.slack.parts import Parts
    from adapters.slack.values import Clicked
    from bot.conversation import Turn
    from bot.ports import Record

_SIZES = {Action.SIZE_2K: "2K", Action.SIZE_4K: "4K"}
_FORMS = {Action.EDIT, Action.RATIO, Action.DETAILS}
_OF_ENDING = {Action.CANCEL, Action.CONFIRM, Action.DELETE}
_OF_CHOICE = {Action.EDIT, Action.RATIO, *_SIZES}


async def clicked(parts: Parts, click: Clicked) -> None:
    """Do what a button says; what is wrong with it is told to the person alone."""
    try:
        await _clicked(parts, click)
    except (UsageError, NotFound) as error:
        if click.channel:
            parts.tasks.spawn(tell(parts, click, str(error)), "what is wrong with a click")


async def _clicked(parts: Parts, click: Clicked) -> None:
    name = click.action.partition(":")[0]
    if name not in set(Action):
        return  # a link button, or one of an earlier version
    action = Action(name)
    if click.channel:
        words = await parts.refusal(click.user, click.channel, external=click.external, group=True)
        if words:
            raise UsageError(words)
    if action is Action.DIRECT:
        await errands.direct(parts, click)
    elif action is Action.ANSWER_LATE:
        parts.tasks.spawn(_answer_late(parts, click), "late answer")
    elif action in {Action.PRICE, Action.PERSON_DEFAULTS, Action.CHANNEL_RULES}:
        parts.tasks.spawn(forms.clicked(parts, click, action), "form")
    else:
        await _on_turn(parts, click, action)


async def _on_turn(parts: Parts, click: Clicked, action: Action) -> None:
    answer, record = await _meant(parts, click)
    if action in _OF_ENDING:
        if not await parts.may_end(click.user, record.turn):
            raise UsageError("Only the person who asked, or an admin, can do this.")
    elif action is not Action.DETAILS:
        await owners_only(parts, record.turn.thread, click.user)
    if action in _OF_CHOICE:
        answer = await picked(parts, record.turn.thread, answer)
    if action in _FORMS:
        parts.tasks.spawn(forms.of_answer(parts, click, action, answer, record), "form")
    elif action in {Action.REDO, Action.VARIATIONS, *_SIZES}:
        await parts.desk.accept(_request(parts, click, action, answer, record))
    elif action in {Action.UNFOLLOW, Action.FOLLOW}:
        await _follow(parts, record, quiet=action is Action.UNFOLLOW)
    elif action in {Action.UNDO, Action.PICK, Action.DELETE}:
        await _on_pictures(parts, click, action, answer, record)
    else:
        await _on_state(parts, click, action, record.turn)


async def _meant(parts: Parts, click: Clicked) -> tuple[TurnRef, Record]:
    """Find the answer of a button; its value came back from a client. NotFound."""
    answer = _answer(click.value)
    try:
        record = await parts.store.record(answer.turn)
    except NotFound:
        raise NotFound("This picture is no longer known. Ask for a new one.") from None
    turn = record.turn
    if (turn.thread.platform, turn.thread.workspace) != ("slack", parts.own.team):
        raise NotFound("This picture is not from this workspace.")
    own = click.channel.startswith("D") and turn.author == click.user  # answered there instead
    if turn.thread.channel != click.channel and not own:
        raise NotFound("This picture is not from this channel.")
    return answer, record


def _answer(value: str) -> TurnRef:
    try:
        answer = TurnRef.parse(value)
    except ValueError:
        answer = ROOT
    if answer == ROOT or answer.choice >= MOST_PICTURES:
        raise NotFound("This button does not say which picture it is for.")
    return answer


def base_message(parts: Parts, key: str, user: str, user_name: str, record: Record) -> Message:
    """Begin a request of a button or form in the thread of an answer; key: unique."""
    return Message(
        id=key,
        thread=record.turn.thread,
        author=user,
        author_name=user_name,
        text="",
        sent_at=parts.now(),
        ref={"user": user, "kind": "click"},
    )


def _request(
    parts: Parts, click: Clicked, action: Action, answer: TurnRef, record: Record
) -> Message:
    key = f"{click.action}:{click.user}:{click.at}"
    base = base_message(parts, key, click.user, click.user_name, record)
    if action is Action.REDO:
        return redo(base, record)
    if action is Action.VARIATIONS:
        return variations(base, record)
    return enlarge(base, answer, _SIZES[action])


async def _on_state(parts: Parts, click: Clicked, action: Action, turn: Turn) -> None:
    """Cancel, agree to a price, try again: the turn itself is moved; its button is used up."""
    if action is Action.RETRY:
        if not turn.state.ended:
            raise UsageError("It is being tried again already.")
        if turn.state is TurnState.DONE:
            raise UsageError("This was painted already: see the picture in this thread.")
        await parts.desk.retry(turn.id)
        words = "Trying again."
    elif turn.state.ended:
        raise UsageError("This came to its end already, so there is nothing left to decide.")
    elif action is Action.CONFIRM:
        await parts.desk.confirm(turn.id)
        words = "Agreed. It is being painted."
    else:
        await parts.desk.cancel(turn.id)
        words = "Not wanted any more."
    if click.response_url:
        used = parts.web.respond(click.response_url, line(words), replace=True)
        parts.tasks.spawn(used, "used button")


async def _on_pictures(
    parts: Parts, click: Clicked, action: Action, answer: TurnRef, record: Record
) -> None:
    """Change which picture is the current one, or take an answer away."""
    thread = record.turn.thread
    parent = record.turn.parent or ROOT
    tip = await parts.store.tip(thread)
    if action is Action.PICK:
        await parts.store.make_current(answer)
        words = f"Replies, Edit, Ratio and Upscale are for picture {_place(record, answer)} now."
        parts.tasks.spawn(tell(parts, click, words), "pick")
    elif action is Action.DELETE:
        if tip and tip.turn == record.turn.id and parent != ROOT:
            await parts.store.make_current(parent)
        parts.tasks.spawn(parts.courier.erase(record.turn, record.posts), "deletion")
    elif parent == ROOT:
        raise UsageError("This picture was not made from another one, so there is none before it.")
    elif tip == parent:
        raise UsageError("The picture before is the current one already. Reply to change it.")
    else:
        await parts.store.make_current(parent)
        parts.tasks.spawn(messages.tell_current(parts, thread), "undo")


def _place(record: Record, answer: TurnRef) -> int:
    """Count which picture an answer's first one is, as people do and as its button says."""
    choices = [picture.choice for picture in reply_in(record).pictures]
    return choices.index(answer.choice) + 1 if answer.choice in choices else 1


async def _follow(parts: Parts, record: Record, *, quiet: bool) -> None:
    thread = record.turn.thread
    await parts.preferences.set_quiet(thread, quiet=quiet)
    value = str(TurnRef(turn=record.turn.id))
    if quiet:
        words = "I follow this thread no longer. Mention me to ask for something."
        button = Button(action=Action.FOLLOW, label="Follow again", value=value)
    else:
        words = "I follow this thread again: every reply changes the picture."
        button = Button(action=Action.UNFOLLOW, label="Stop following", value=value)
    parts.tasks.spawn(messages.post(parts, thread, words, button), "follow")


async def _answer_late(parts: Parts, click: Clicked) -> None:
    """Take a message after all that was missed while the bot was away."""
    found = await parts.web.call(
        "conversations.replies",
        repeatable=True,
        channel=click.channel,
        ts=click.thread_ts or click.value,
        oldest=click.value,
        latest=click.value,
        inclusive=True,
        limit=10,
    )
    wanted = [one for one in found["messages"] if one.get("ts") == click.value]
    read = [
        read_said(one, team=parts.own.team, channel=click.channel, own=parts.own) for one in wanted
    ]
    for one in read:
        if isinstance(one, Said):
            await messages.said(parts, one)
            return
    raise DeliveryError("The message is gone.", final=True)
