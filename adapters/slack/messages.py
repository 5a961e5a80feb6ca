"""What people say in channels, threads and direct messages: requests, single words, edits."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.slack.actions import Action
from adapters.slack.cards import Button, line, links
from adapters.slack.files_in import attachment, pictures_of_thread
from adapters.slack.loose import first as first_of
from adapters.slack.loose import obj
from adapters.slack.parts import moment
from adapters.slack.text import addressed_to_another, escape, mentions, prompt_of
from adapters.slack.web import Refused
from bot.access import Heard, counts
from bot.chat import Message
from bot.commands import command_word, help_text
from bot.controls import redo
from bot.conversation import TurnState
from bot.errors import DeliveryError, UsageError

if TYPE_CHECKING:
    from adapters.slack.cards import Card
    from adapters.slack.parts import Parts
    from adapters.slack.values import Deleted, Edited, Said, SlackFile, Stopped
    from bot.commands import CommandWord
    from bot.conversation import ThreadId, Turn

SEEN, LATE, GONE = "slack.seen", "slack.late", "slack.gone"
"""Kinds of notes: words that were obeyed, missed messages that were asked about, deleted turns."""

_ORDER = timedelta(seconds=1)  # so long an earlier reply of a thread may still come
_LOOK_UP_SECONDS = 2.0  # of the 3 that Slack waits
_NAME_SECONDS = 0.7
_MOST_NAMES = 10

_NO_PICTURE = "There is no picture in this thread yet. Say what you would like to see."
_FIRST = "This is the first picture of the thread: there is none before it."
_NOTHING_RUNS = "Nothing is being painted in this thread."
_NOT_YOURS = "Somebody else asked for this picture, so only they or an admin can stop it."


async def said(parts: Parts, said: Said, *, late: bool = False) -> None:
    """Take a message: make it a turn, obey it, or leave it alone.

    late: it was missed while the bot was away, and too long ago to be answered unasked.
    """
    thread = parts.thread(said.channel, said.thread_ts or said.ts)
    first = await parts.store.first(thread) if said.thread_ts else None
    if not await _meant(parts, said, thread, first):
        return
    if words := await parts.refusal(said.user, said.channel, external=said.external, group=True):
        if said.mention or said.channel.startswith("D"):
            await _whisper_once(parts, said, words)
        return
    text = await _typed(parts, said.text)
    word = None if said.files else command_word(text)
    if late:
        parts.tasks.spawn(_ask_whether(parts, said, thread), "late message")
    elif word == "redo":
        await _redo(parts, said, thread)
    elif word:
        await _obey(parts, word, said, thread)
    else:
        await parts.desk.accept(await _message(parts, said, thread, text))


async def _meant(parts: Parts, said: Said, thread: ThreadId, first: Turn | None) -> bool:
    """Decide whether a message is meant for the bot (follow policy)."""
    if said.channel.startswith("D"):
        return True
    if first is None:
        return said.mention
    rules = await parts.preferences.channel(thread)
    heard = Heard(
        author=said.user,
        owner=first.author,
        mention=said.mention,
        to_another=addressed_to_another(said.text, parts.own.user),
        quiet=await parts.preferences.quiet(thread),
    )
    if counts(heard, rules.follow or parts.follow):
        return True
    if said.mention:  # only the policy "owner" leaves a mention unanswered
        words = "In this thread only the person who began it may ask. Begin one of your own."
        await _whisper_once(parts, said, words)
    return False


async def _whisper_once(parts: Parts, said: Said, words: str) -> None:
    """Answer a message so that only its writer sees it, once however often it is delivered."""
    if await _first_time(parts, said):
        parts.whisper_soon(said.channel, said.user, words, thread_ts=said.thread_ts)


async def _first_time(parts: Parts, said: Said) -> bool:
    """Note that a message was obeyed or answered; False when it, or its twin, was before."""
    keys = (f"{said.channel}:{said.ts}", said.client_msg_id)
    return all([await parts.first_time(SEEN, key) for key in keys if key])


async def _typed(parts: Parts, text: str) -> str:
    """Read a message as words for the bot, with the names of the people that it mentions.

    On the wire there are only their ids; where Slack does not say a name in time, the id stays.
    """
    ids = [user for user in mentions(text) if user != parts.own.user][:_MOST_NAMES]
    for user, name in zip(
        ids, await asyncio.gather(*(_name(parts, user) for user in ids)), strict=True
    ):
        text = text.replace(f"<@{user}>", f"<@{user}|{escape(name)}>")
    return prompt_of(text, parts.own.user)


async def _name(parts: Parts, user: str) -> str:
    """Ask how a person is called, "" when that cannot be found out."""
    try:
        async with asyncio.timeout(_NAME_SECONDS):
            answer = await parts.web.call("users.info", repeatable=True, user=user)
    except (DeliveryError, TimeoutError):
        return ""
    person = obj(answer.get("user"))
    profile = obj(person.get("profile"))
    return first_of(profile.get("display_name"), profile.get("real_name"), person.get("name"))


async def _message(parts: Parts, said: Said, thread: ThreadId, text: str) -> Message:
    """Put the request together."""
    turns = await parts.store.turns_of(thread) if said.thread_ts else []
    files = said.files
    if said.thread_ts and not files and not any(_gives_a_picture(turn, said) for turn in turns):
        files = await _pictures_there(parts, said)
    sent = moment(said.ts)
    return Message(
        id=said.ts,
        thread=thread,
        author=said.user,
        text=text,
        sent_at=sent,
        attachments=tuple(attachment(file) for file in files),
        client_id=said.client_msg_id,
        ref={"ts": said.ts, "user": said.user, "kind": "said"},
        not_before=min(sent, parts.now()) + _ORDER if turns else None,
    )


def _gives_a_picture(turn: Turn, said: Said) -> bool:
    """Tell whether a turn has, or may still have, an answer to refine; or is the message's own."""
    hopeful = not turn.state.ended and turn.verdict is None
    return turn.state is TurnState.DONE or hopeful or turn.message_id == said.ts


async def _pictures_there(parts: Parts, said: Said) -> tuple[SlackFile, ...]:
    """Find what the bot was called to in a thread where it has painted nothing.

    When Slack is too slow to say, nothing is acknowledged and it delivers the message again.
    """
    async with asyncio.timeout(_LOOK_UP_SECONDS):
        try:
            return await pictures_of_thread(
                parts.web, said.channel, said.thread_ts or said.ts, parts.own, said.ts
            )
        except Refused:
            return ()


# Single words


async def _obey(parts: Parts, word: CommandWord, said: Said, thread: ThreadId) -> None:
    """Do what a single word says, once however often it is delivered."""
    if not await _first_time(parts, said):
        return
    if word == "stop":
        if words := await _stop(parts, thread, said.user):
            parts.whisper_soon(said.channel, said.user, words, thread_ts=said.thread_ts)
    elif word == "undo":
        parts.tasks.spawn(_undo(parts, said, thread), "undo")
    else:
        parts.tasks.spawn(post(parts, thread, help_text()), "help")


async def _redo(parts: Parts, said: Said, thread: ThreadId) -> None:
    """Ask once more for what the thread's current picture was asked with."""
    tip = await parts.store.tip(thread)
    if tip is None:
        await _whisper_once(parts, said, _NO_PICTURE)
        return
    base = await _message(parts, said, thread, "")
    await parts.desk.accept(redo(base, await parts.store.record(tip.turn)))


async def _stop(parts: Parts, thread: ThreadId, user: str) -> str:
    """End what is in the making in a thread, as far as this person may; say why nothing ended."""
    turns = [turn for turn in await parts.store.turns_of(thread) if not turn.state.ended]
    mine = [turn for turn in turns if await parts.may_end(user, turn)]
    for turn in mine:
        await parts.desk.cancel(turn.id)
    if not turns:
        return _NOTHING_RUNS
    return "" if mine else _NOT_YOURS


async def _undo(parts: Parts, said: Said, thread: ThreadId) -> None:
    if await parts.store.undo(thread) is None:
        words = _FIRST if await parts.store.tip(thread) else _NO_PICTURE
        await parts.whisper(said.channel, said.user, words, thread_ts=said.thread_ts)
        return
    await tell_current(parts, thread)


async def tell_current(parts: Parts, thread: ThreadId) -> None:
    """Say which picture the next reply will change. DeliveryError."""
    words = "Back to the picture before. Reply to change it."
    address = await _address(parts, thread)
    await _show(parts, thread, links([address], words) if address else line(words))


async def _address(parts: Parts, thread: ThreadId) -> str:
    """Find where the current picture of a thread is shown, "" when that is not to be found."""
    tip = await parts.store.tip(thread)
    posts = (await parts.store.record(tip.turn)).posts if tip else ()
    shown = [post for post in posts if tip and post.choice == tip.choice]
    if not shown:
        return ""
    ts = shown[0].message_id.partition(":")[0]
    try:
        found = await parts.web.call(
            "chat.getPermalink", repeatable=True, channel=thread.channel, message_ts=ts
        )
    except DeliveryError:
        return ""
    return str(found["permalink"])


async def post(parts: Parts, thread: ThreadId, text: str, *buttons: Button) -> None:
    """Say a sentence of ours to all in a thread. DeliveryError."""
    await _show(parts, thread, line(text, *buttons))


async def _show(parts: Parts, thread: ThreadId, card: Card) -> None:
    await parts.web.call(
        "chat.postMessage",
        pace=thread.channel,
        channel=thread.channel,
        thread_ts=thread.thread,
        text=card.text,
        blocks=list(card.blocks),
        unfurl_links=False,
        unfurl_media=False,
    )


async def _ask_whether(parts: Parts, said: Said, thread: ThreadId) -> None:
    """Ask about a message that was missed, unless it is known already; once."""
    if await parts.store.by_message(thread, said.ts):
        return
    if not await parts.first_time(LATE, f"{said.channel}:{said.ts}"):
        return
    words = "I was away when you wrote this. Do you still want it?"
    button = Button(action=Action.ANSWER_LATE, label="Yes, paint it", value=said.ts)
    await post(parts, thread, words, button)


# What happens to messages afterwards


async def edited(parts: Parts, edited: Edited) -> None:
    """Let a turn that has not been called follow its message."""
    thread = parts.thread(edited.channel, edited.thread_ts or edited.ts)
    turn = await parts.store.by_message(thread, edited.ts)
    if turn is None or (await parts.store.get(turn)).state.ended:
        return
    try:
        followed = await parts.desk.amend(turn, await _typed(parts, edited.text))
        words = "Your edit came too late for this picture. Reply in the thread to change it."
    except UsageError as error:
        followed, words = False, f"Your edit was not followed: {error}"
    if not followed:
        parts.whisper_soon(edited.channel, edited.user, words, thread_ts=edited.thread_ts)


async def deleted(parts: Parts, deleted: Deleted) -> None:
    """Cancel the turn of a message that is gone; nothing more is said or shown of it."""
    turn = await parts.store.by_message(parts.thread(deleted.channel), deleted.ts)
    if turn and not (await parts.store.get(turn)).state.ended:
        await parts.journal.write(GONE, turn, {})
        await parts.desk.cancel(turn)


async def stopped(parts: Parts, stopped: Stopped) -> None:
    """Obey Slack's own Stop button; that nothing runs any more is what its presser wanted."""
    words = await _stop(parts, parts.thread(stopped.channel, stopped.thread_ts), stopped.user)
    if words == _NOT_YOURS:
        parts.whisper_soon(stopped.channel, stopped.user, words, thread_ts=stopped.thread_ts)
