"""What people say in channels, threads, forums and direct messages: requests, words, edits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.discord.actions import Action
from adapters.discord.blocks import Button, Card
from adapters.discord.cards import line
from adapters.discord.files_in import attachment, pictures_around, refused
from adapters.discord.material import MOST
from adapters.discord.text import addressed_to_another, prompt_of
from bot.access import Heard, counts
from bot.chat import Message
from bot.commands import command_word, help_text
from bot.controls import redo
from bot.errors import UsageError

if TYPE_CHECKING:
    from adapters.discord.parts import Parts
    from adapters.discord.values import Deleted, Edited, Found, Said, Where
    from bot.commands import CommandWord
    from bot.conversation import ThreadId, Turn, TurnRef

SEEN, LATE, GONE = "discord.seen", "discord.late", "discord.gone"
"""Kinds of notes: words that were obeyed, missed messages that were asked about, deleted turns."""

_CHAIN_LIVES = timedelta(days=30)  # so long a plain direct message goes on where one was

_NO_PICTURE = "There is no picture here yet. Say what you would like to see."
_FIRST = "This is the first picture: there is none before it."
_NOTHING_RUNS = "Nothing is being painted here."
_NOT_YOURS = "Somebody else asked for this picture, so only they or a moderator can stop it."


async def said(parts: Parts, said: Said, *, late: bool = False) -> None:
    """Take a message: make it a turn, obey it, or leave it alone.

    late: it was missed while the bot was away, and too long ago to be answered unasked.
    """
    answer = await _answered(parts, said)
    thread = await thread_of(parts, said, answer)
    first = await parts.store.first(thread)
    if not await _meant(parts, said, thread, first, answer):
        return
    if words := await parts.refusal(said):
        if said.mention or not said.guild:
            await _say_once(parts, said, words)
        return
    text = prompt_of(said.text, parts.own.user, said.names)
    word = None if said.files else command_word(text)
    if late:
        await _ask_whether(parts, said)
    elif word == "redo":
        await _redo(parts, said, thread, answer)
    elif word:
        await _obey(parts, word, said, thread)
    else:
        message = await _message(parts, said, thread, answer, text, known=first is not None)
        await parts.desk.accept(message)
        if said.guild and not said.thread:
            parts.tasks.spawn(_open(parts, thread, text), "thread")


async def _answered(parts: Parts, said: Said) -> TurnRef | None:
    """Find the answer of ours that a message replies to."""
    if said.reply_to is None or not said.reply_is_own:
        return None
    return await parts.store.by_post(parts.thread(said), said.reply_to)


async def thread_of(parts: Parts, said: Said, answer: TurnRef | None) -> ThreadId:
    """Name the thread of a message; in a channel it is yet to be opened, on the message itself."""
    if said.thread:
        return parts.thread(said, said.thread)
    if answer:
        return (await parts.store.get(answer.turn)).thread
    if not said.guild:
        return await newest_direct(parts, said) or parts.thread(said, said.id)
    return parts.thread(said, said.channel if said.kind == "voice" else said.id)


async def newest_direct(parts: Parts, where: Where) -> ThreadId | None:
    """Find the thread in which people talked last in a direct conversation."""
    here = parts.thread(where)
    since = parts.now() - _CHAIN_LIVES
    known = await parts.store.threads_since(here.platform, here.workspace, since)
    return next((thread for thread in known if thread.channel == where.channel), None)


async def _meant(
    parts: Parts, said: Said, thread: ThreadId, first: Turn | None, answer: TurnRef | None
) -> bool:
    """Decide whether a message is meant for the bot (follow policy).

    A reply to a picture of ours speaks to the bot as a mention does.
    """
    if said.empty or not said.guild:
        return not said.empty
    mention = said.mention or answer is not None
    rules = await parts.preferences.channel(thread)
    policy = rules.follow or parts.follow
    opening = said.kind == "forum" and said.id == said.thread
    if opening and said.channel in (await parts.servers.rules(said.guild)).channels:
        return policy == "follow" or mention
    if first is None:
        return mention
    heard = Heard(
        author=said.user,
        owner=first.author,
        mention=mention,
        to_another=addressed_to_another(said.text, parts.own.user)
        or (said.reply_to is not None and not said.reply_is_own),
        quiet=await parts.preferences.quiet(thread),
    )
    if counts(heard, policy):
        return True
    if mention:  # only the policy "owner" leaves a mention unanswered
        words = "In this thread only the person who began it may ask. Begin one of your own."
        await _say_once(parts, said, words)
    return False


async def _message(
    parts: Parts,
    said: Said,
    thread: ThreadId,
    answer: TurnRef | None,
    text: str,
    *,
    known: bool,
) -> Message:
    """Put the request together. known: the thread is ours already."""
    files, skipped = said.files[:MOST], said.skipped
    if not files and not known and answer is None and (said.reply_to or said.thread):
        found: Found = await pictures_around(parts.calls, said)
        files, skipped = found.files[:MOST], (*skipped, *found.skipped)
    return Message(
        id=said.id,
        thread=thread,
        author=said.user,
        author_name=said.user_name,
        text=text,
        sent_at=said.sent_at,
        attachments=(*map(attachment, files), *map(refused, skipped)),
        branch=answer,
        quota=await parts.quota_of(said),
        ref={
            "message": said.id,
            "user": said.user,
            "kind": "said",
            "place": "thread" if said.guild else "dm",
        },
    )


async def _open(parts: Parts, thread: ThreadId, title: str) -> None:
    """Open the thread of a request at once; delivery would do it, too."""
    await parts.courier.thread(thread, title)


# Single words


async def _obey(parts: Parts, word: CommandWord, said: Said, thread: ThreadId) -> None:
    """Do what a single word says, once however often it is heard."""
    if not await parts.first_time(SEEN, said.id):
        return
    if word == "stop":
        if words := await stop(parts, thread, said):
            await say(parts, said, words)
    elif word == "undo":
        await _undo(parts, said, thread)
    else:
        await say(parts, said, help_text())


async def _redo(parts: Parts, said: Said, thread: ThreadId, answer: TurnRef | None) -> None:
    """Ask once more for what the current picture was asked with."""
    wanted = answer or await parts.store.tip(thread)
    if wanted is None:
        await _say_once(parts, said, _NO_PICTURE)
        return
    base = await _message(parts, said, thread, None, "", known=True)
    record = await parts.store.record(wanted.turn)
    await parts.desk.accept(redo(replace(base, attachments=()), record))


async def stop(parts: Parts, thread: ThreadId, who: Said) -> str:
    """End what is in the making in a thread, as far as this person may; else say why not."""
    turns = [turn for turn in await parts.store.turns_of(thread) if not turn.state.ended]
    mine = [turn for turn in turns if parts.may_end(who, turn)]
    for turn in mine:
        await parts.desk.cancel(turn.id)
    if mine:
        return ""
    return _NOT_YOURS if turns else _NOTHING_RUNS


async def _undo(parts: Parts, said: Said, thread: ThreadId) -> None:
    if await parts.store.tip(thread) is None:
        await say(parts, said, _NO_PICTURE)
    elif await parts.store.undo(thread) is None:
        await say(parts, said, _FIRST)
    else:
        await say(parts, said, await current(parts, thread))


async def current(parts: Parts, thread: ThreadId) -> Card:
    """Say which picture the next reply will change; the link is ours, so it may be live."""
    tip = await parts.store.tip(thread)
    link = ""
    if tip:
        record = await parts.store.record(tip.turn)
        link = await parts.courier.link(record.turn, record.posts)
    where = f": {link}" if link else "."
    return Card(blocks=(f"Back to the picture before{where} Reply to change it.",))


async def say(parts: Parts, where: Where, words: Card | str, *buttons: Button) -> None:
    """Say a sentence of ours to all in a place. It may get lost: nothing hangs on it."""
    card = line(words, *buttons) if isinstance(words, str) else words
    parts.tasks.spawn(_send(parts, where.place, card), "a sentence")


async def _send(parts: Parts, channel: str, card: Card) -> None:
    place = parts.calls.client.get_partial_messageable(int(channel))
    await parts.calls.do(lambda: place.send(view=card.view()))


async def _say_once(parts: Parts, said: Said, words: str) -> None:
    if await parts.first_time(SEEN, said.id):
        await say(parts, said, words)


async def _ask_whether(parts: Parts, said: Said) -> None:
    """Ask about a message that was missed, unless it is known already; once."""
    if await parts.store.by_message(parts.thread(said), said.id):
        return
    if not await parts.first_time(LATE, said.id):
        return
    button = Button(action=Action.ANSWER_LATE, label="Yes, paint it", value=said.id)
    where = f"https://discord.com/channels/{said.guild or '@me'}/{said.place}/{said.id}"
    words = f"{said.user_name}, I was away when you wrote {where} Do you still want it?"
    await say(parts, said, words, button)


# What happens to messages afterwards


async def edited(parts: Parts, edited: Edited) -> None:
    """Let a turn that has not been called follow its message."""
    turn = await parts.store.by_message(parts.thread(edited), edited.id)
    if turn is None or (await parts.store.get(turn)).state.ended:
        return
    try:
        followed = await parts.desk.amend(
            turn, prompt_of(edited.text, parts.own.user, edited.names)
        )
        words = "Your edit came too late for this picture. Reply to it to change it."
    except UsageError as error:
        followed, words = False, f"Your edit was not followed: {error}"
    if not followed:
        await say(parts, edited, words)


async def deleted(parts: Parts, deleted: Deleted) -> None:
    """Cancel the turns of messages that are gone; nothing more is said or shown of them."""
    for message in deleted.ids:
        turn = await parts.store.by_message(parts.thread(deleted), message)
        if turn and not (await parts.store.get(turn)).state.ended:
            await parts.journal.write(GONE, turn, {})
            await parts.desk.cancel(turn)
