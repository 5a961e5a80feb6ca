"""What the buttons under our messages do; rights are checked at the click."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from adapters.discord import asking, cards, forms, messages
from adapters.discord.actions import Action
from adapters.discord.blocks import Button
from adapters.discord.listening import defer
from adapters.discord.parts import whisper
from adapters.discord.reading import asked as read_asked
from adapters.discord.reading import spoken
from adapters.discord.values import Said
from bot.controls import enlarge, redo, variations
from bot.conversation import ROOT, TurnId, TurnRef, TurnState
from bot.errors import NotFound, UsageError
from bot.options import MOST_PICTURES
from bot.printing import reply_in

if TYPE_CHECKING:
    from adapters.discord.parts import Parts
    from adapters.discord.values import Asked
    from bot.conversation import Turn
    from bot.ports import Record

_SIZES = {Action.SIZE_2K: "2K", Action.SIZE_4K: "4K"}
_OF_ENDING = {Action.CANCEL, Action.CONFIRM, Action.DELETE}
_OF_CHOICE = {Action.EDIT, Action.RATIO, *_SIZES}


async def pressed(parts: Parts, interaction: discord.Interaction, name: str, value: str) -> None:
    """Do what a button says. UsageError, NotFound with words for the person."""
    if name not in set(Action):
        raise NotFound("This button is of another version. Ask anew.")
    action, who = Action(name), read_asked(interaction)
    if words := await parts.refusal(who):
        raise UsageError(words)
    if action is Action.ANSWER_LATE:
        await _answer_late(parts, interaction, value)
        return
    answer, record = await _meant(parts, who, value)
    if action in _OF_ENDING:
        if not parts.may_end(who, record.turn):
            raise UsageError("Only the person who asked, or a moderator, can do this.")
    elif action not in {Action.DETAILS, Action.ORIGINAL}:
        await asking.owners_only(parts, record.turn.thread, who)
    if action in _OF_CHOICE:
        answer = await _picked(parts, answer)
    await _do(parts, interaction, action, answer, record)


async def _do(
    parts: Parts, interaction: discord.Interaction, action: Action, answer: TurnRef, record: Record
) -> None:
    if action in {Action.EDIT, Action.RATIO}:
        await _open(parts, interaction, action, answer, record)
    elif action is Action.DETAILS:
        await whisper(interaction, cards.details(record, reply_in(record), costs=parts.costs))
    elif action in {Action.REDO, Action.VARIATIONS, *_SIZES}:
        await _request(parts, interaction, action, answer, record)
    elif action in {Action.UNFOLLOW, Action.FOLLOW}:
        await _follow(parts, interaction, record, quiet=action is Action.UNFOLLOW)
    elif action in {Action.UNDO, Action.PICK, Action.DELETE}:
        await _on_pictures(parts, interaction, action, answer, record)
    elif action is Action.ORIGINAL:
        await _original(parts, interaction, record)
    else:
        await _on_state(parts, interaction, action, record.turn)


async def _meant(parts: Parts, who: Asked, value: str) -> tuple[TurnRef, Record]:
    """Find the answer of a button; its value came back from a client. NotFound."""
    try:
        answer = TurnRef.parse(value)
    except ValueError:
        answer = ROOT
    if answer == ROOT or answer.choice >= MOST_PICTURES:
        raise NotFound("This button does not say which picture it is for.")
    try:
        record = await parts.store.record(answer.turn)
    except NotFound:
        raise NotFound("This picture is no longer known. Ask for a new one.") from None
    here, thread = parts.thread(who), record.turn.thread
    mine = not who.guild and record.turn.author == who.user  # answered there instead
    same = (thread.platform, thread.workspace) == (here.platform, here.workspace)
    if not mine and not (same and thread.channel == who.channel):
        raise NotFound("This picture is not from this channel.")
    return answer, record


async def _picked(parts: Parts, answer: TurnRef) -> TurnRef:
    """Follow the choice among several pictures of one answer that people made since."""
    tip = await parts.store.tip((await parts.store.get(answer.turn)).thread)
    return tip if tip and tip.turn == answer.turn else answer


async def _open(
    parts: Parts, interaction: discord.Interaction, action: Action, answer: TurnRef, record: Record
) -> None:
    below = record.turn.options.sticky()
    profile = asking.profile_of(parts, below)
    price = asking.estimate(parts, profile, below)
    if action is Action.EDIT:
        form = forms.edit(str(answer), forms.Form(), profile=profile, price=price)
    else:
        form = forms.ratio(str(answer), below.aspect_ratio, profile=profile, price=price)
    await interaction.response.send_modal(form)


async def _request(
    parts: Parts, interaction: discord.Interaction, action: Action, answer: TurnRef, record: Record
) -> None:
    """Ask for more of the same, or for it in another size."""
    who, thread = read_asked(interaction), record.turn.thread
    place = record.turn.ref.get("place", "thread" if who.guild else "dm")
    base = await asking.request(parts, who, thread, place if who.guild else "dm")
    if action is Action.REDO:
        message = redo(base, record)
    elif action is Action.VARIATIONS:
        message = variations(base, record)
    else:
        message = enlarge(base, answer, _SIZES[action])
    await asking.while_saved(interaction, parts.desk.accept(message), ephemeral=True)


async def _on_state(
    parts: Parts, interaction: discord.Interaction, action: Action, turn: Turn
) -> None:
    """Cancel, agree to a price, try again: the turn itself is moved; its button is used up."""
    if action is Action.RETRY:
        if not turn.state.ended:
            raise UsageError("It is being tried again already.")
        if turn.state is TurnState.DONE:
            raise UsageError("This was painted already: see the picture above.")
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
    await interaction.response.edit_message(view=cards.line(words).view())


async def _on_pictures(
    parts: Parts, interaction: discord.Interaction, action: Action, answer: TurnRef, record: Record
) -> None:
    """Change which picture is the current one, or take an answer away."""
    thread, parent = record.turn.thread, record.turn.parent or ROOT
    tip = await parts.store.tip(thread)
    if action is Action.PICK:
        await parts.store.make_current(answer)
        await whisper(interaction, "Replies, Edit, Ratio and Upscale are for this picture now.")
    elif action is Action.DELETE:
        if tip and tip.turn == record.turn.id and parent != ROOT:
            await parts.store.make_current(parent)
        await defer(interaction, thinking=False)
        parts.tasks.spawn(parts.courier.erase(record.turn, record.posts), "deletion")
    elif parent == ROOT:
        raise UsageError("This picture was not made from another one, so there is none before it.")
    elif tip == parent:
        raise UsageError("The picture before is the current one already. Reply to change it.")
    else:
        await parts.store.make_current(parent)
        await whisper(interaction, await messages.current(parts, thread))


async def _follow(
    parts: Parts, interaction: discord.Interaction, record: Record, *, quiet: bool
) -> None:
    await parts.preferences.set_quiet(record.turn.thread, quiet=quiet)
    value = str(TurnRef(turn=TurnId(record.turn.id)))
    if quiet:
        words = "I follow this thread no longer. Mention me to ask for something."
        button = Button(action=Action.FOLLOW, label="Follow again", value=value)
    else:
        words = "I follow this thread again: every reply changes the picture."
        button = Button(action=Action.UNFOLLOW, label="Stop following", value=value)
    await interaction.response.send_message(view=cards.line(words, button).view())


async def _original(parts: Parts, interaction: discord.Interaction, record: Record) -> None:
    """Hand over the model's own files, as far as Discord takes them from this person's server."""
    who = read_asked(interaction)
    await defer(interaction, ephemeral=True)
    workspace = record.turn.thread.workspace
    pictures = reply_in(record).pictures
    fitting = [one for one in pictures if one.blob.size <= who.size_limit]
    if not fitting:
        most = max(one.blob.size for one in pictures) / 1_000_000 if pictures else 0
        raise UsageError(
            f"The original has {most:.0f} MB, more than Discord takes here. The people who run the"
            " bot have it."
        )
    for number, one in enumerate(fitting, 1):
        path = await parts.blobs.path(workspace, one.blob.digest)
        ending = one.blob.mime_type.partition("/")[2]
        sent = discord.File(path, filename=f"original-{number}.{ending}")
        await interaction.followup.send(file=sent, ephemeral=True)


async def _answer_late(parts: Parts, interaction: discord.Interaction, value: str) -> None:
    """Take a message after all that was missed while the bot was away."""
    channel = interaction.channel
    if not isinstance(channel, discord.abc.Messageable) or not value.isdecimal():
        raise NotFound("This button does not say which message it is for.")
    await defer(interaction, thinking=False)
    fetched = await parts.calls.do(lambda: channel.fetch_message(int(value)), repeatable=True)
    if fetched.author.id != interaction.user.id:
        raise UsageError("Only the person who wrote it can do this.")
    fetched.author = interaction.user  # as a member, with roles; a fetched message has just a user
    said = spoken(fetched, parts.own)
    if isinstance(said, Said):
        await messages.said(parts, said)
        shown = cards.line("It is being painted.").view()
        await parts.calls.do(lambda: interaction.edit_original_response(view=shown))
