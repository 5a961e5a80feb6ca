"""Asking by command, context menu or form: a new picture, a change, a reference."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from adapters.discord import errands, forms
from adapters.discord.actions import Form
from adapters.discord.calls import Refused, Unclear
from adapters.discord.deferred import ONE_SHOT
from adapters.discord.files_in import attachment
from adapters.discord.listening import defer
from adapters.discord.material import MOST, file, files_of
from adapters.discord.parts import PLATFORM, whisper
from adapters.discord.reading import asked as read_asked
from adapters.discord.values import DiscordFile
from bot.access import Heard, counts
from bot.chat import Message
from bot.controls import reshape
from bot.conversation import ROOT, ThreadId, TurnRef
from bot.errors import UsageError
from bot.options import GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    import discord

    from adapters.discord.parts import Parts
    from adapters.discord.tree import Wish
    from adapters.discord.values import Asked
    from bot.conversation import Turn
    from bot.profiles import ModelProfile

_TOKEN_LIVES = timedelta(minutes=15)
_SAVE_SECONDS = 1.0  # of the 3 that Discord waits for the acknowledgement
_REMEMBERED = timedelta(days=30)
_MESSAGE = "m."
"""How the value of a form begins that is about a message, not about an answer of ours."""

_NO_PICTURE = "There is no picture here yet. Ask for one with /imagine."
_NOTHING_THERE = (
    "There is no picture in this message that I can use. Choose the message that has the picture."
)


async def imagine(parts: Parts, interaction: discord.Interaction, wish: Wish) -> None:
    """Ask for a new picture."""
    who = read_asked(interaction)
    await _check(parts, who, wish.prompt, wish.options)
    files = tuple(file(image) for image in wish.images)
    await begin(
        parts, interaction, who, text=wish.prompt, options=wish.options, files=files,
        private=wish.private,
    )  # fmt: skip


async def begin(
    parts: Parts,
    interaction: discord.Interaction,
    who: Asked,
    *,
    text: str,
    options: GenerationOptions,
    files: Sequence[DiscordFile],
    private: bool = False,
) -> None:
    """Begin a new picture: in a thread of its own, or where the person is already."""
    kept = tuple(files)[:MOST]
    if who.guild and not who.thread and not who.user_app and not private and who.kind != "voice":
        errand = errands.Errand(
            key=who.id,
            guild=who.guild,
            channel=who.channel,
            user=who.user,
            user_name=who.user_name,
            text=text,
            at=who.sent_at.isoformat(),
            options=options.said(),
            files=kept,
            quota=await parts.quota_of(who),
            ref=ref_of(who, "thread"),
        )
        await while_saved(interaction, errands.save(parts, errand), ephemeral=True)
        return
    place = "user-app" if who.user_app else "private" if private else "dm"
    thread = ThreadId(
        platform=PLATFORM,
        workspace=parts.thread(who).workspace,
        channel=who.channel,
        thread=who.thread if who.thread and not private and not who.user_app else who.id,
    )
    if who.guild and place == "dm":
        place = "thread"
        if not who.thread:
            thread = parts.thread(who, who.channel)
    message = await request(
        parts, who, thread, place, text=text, options=options, files=kept, branch=ROOT
    )
    ephemeral = private or place == "thread"
    await while_saved(interaction, parts.desk.accept(message), ephemeral=ephemeral)


async def edit(parts: Parts, interaction: discord.Interaction, wish: Wish) -> None:
    """Change the newest picture of the place."""
    who = read_asked(interaction)
    await _check(parts, who, wish.prompt, wish.options)
    thread = await _newest(parts, who)
    if thread is None or await parts.store.tip(thread) is None:
        raise UsageError(_NO_PICTURE)
    await owners_only(parts, thread, who)
    message = await request(
        parts,
        who,
        thread,
        "user-app" if who.user_app else "thread" if who.guild else "dm",
        text=wish.prompt,
        options=wish.options,
        files=[file(image) for image in wish.images],
    )
    ephemeral = bool(who.guild) and not who.user_app
    await while_saved(interaction, parts.desk.accept(message), ephemeral=ephemeral)


async def _newest(parts: Parts, who: Asked) -> ThreadId | None:
    """Find the thread whose picture a change without a target is about."""
    if who.thread and not who.user_app:
        return parts.thread(who, who.thread)
    here, since = parts.thread(who), parts.now() - _REMEMBERED
    for thread in await parts.store.threads_since(here.platform, here.workspace, since):
        if thread.channel != who.channel:
            continue
        first = await parts.store.first(thread)
        if first and _sees(who, first):
            return thread
    return None


def _sees(who: Asked, first: Turn) -> bool:
    """Whether a thread is what people see there: not what somebody else was shown alone."""
    place = first.ref.get("place")
    if who.user_app:
        return place == "user-app" and first.author == who.user
    return place not in ONE_SHOT


async def edit_image(
    parts: Parts, interaction: discord.Interaction, message: discord.Message
) -> None:
    """Open the form that changes the picture of a message, ours or anybody's."""
    who = read_asked(interaction)
    await _check_person(parts, who)
    answer = await parts.store.by_post(parts.thread(who), str(message.id))
    if answer:
        turn = await parts.store.get(answer.turn)
        await owners_only(parts, turn.thread, who)
        below = turn.options.sticky()
        value = str(answer)
    else:
        _check_files(message)
        below = GenerationOptions()
        value = f"{_MESSAGE}{message.channel.id}.{message.id}"
    profile = profile_of(parts, below)
    price = estimate(parts, profile, below)
    form = forms.edit(value, forms.Form(), profile=profile, price=price)
    await interaction.response.send_modal(form)


async def use_as_reference(
    parts: Parts, interaction: discord.Interaction, message: discord.Message
) -> None:
    """Open the form for a new picture with those of a message as material."""
    await _check_person(parts, read_asked(interaction))
    _check_files(message)
    profile = parts.desk.profile(None)
    price = estimate(parts, profile, parts.defaults)
    value = f"{_MESSAGE}{message.channel.id}.{message.id}"
    form = forms.use(value, forms.Form(), profile=profile, price=price)
    await interaction.response.send_modal(form)


def _check_files(message: discord.Message) -> None:
    if not files_of(message).files:
        raise UsageError(_NOTHING_THERE)


async def submitted(parts: Parts, interaction: discord.Interaction, name: str, value: str) -> None:
    """Do what was sent in a form."""
    who = read_asked(interaction)
    data: Any = interaction.data
    form = forms.read(data)
    await _check(parts, who, form.prompt, form.options)
    files = list(_entered(data, form))
    if name == Form.RATIO:
        await _reshape(parts, interaction, who, form, value)
    elif value.startswith(_MESSAGE):
        await defer(interaction, ephemeral=True)
        files = [*await _files_there(parts, value), *files]
        if name == Form.EDIT and who.thread:
            thread = parts.thread(who, who.thread)
            message = await request(
                parts, who, thread, "thread", text=form.prompt, options=form.options,
                files=files, branch=ROOT,
            )  # fmt: skip
            await parts.desk.accept(message)
        else:
            await begin(
                parts, interaction, who, text=form.prompt, options=form.options, files=files
            )
    else:
        answer = TurnRef.parse(value)
        turn = await parts.store.get(answer.turn)
        await owners_only(parts, turn.thread, who)
        message = await request(
            parts, who, turn.thread, "thread" if who.guild else "dm", text=form.prompt,
            options=form.options, files=files, branch=answer,
        )  # fmt: skip
        await while_saved(interaction, parts.desk.accept(message), ephemeral=True)


async def _reshape(
    parts: Parts, interaction: discord.Interaction, who: Asked, form: forms.Form, value: str
) -> None:
    ratio, answer = form.options.aspect_ratio, TurnRef.parse(value)
    if ratio is None:
        raise UsageError("Choose a shape.")
    turn = await parts.store.get(answer.turn)
    await owners_only(parts, turn.thread, who)
    base = await request(parts, who, turn.thread, "thread" if who.guild else "dm")
    await while_saved(interaction, parts.desk.accept(reshape(base, answer, ratio)), ephemeral=True)


def _entered(data: Any, form: forms.Form) -> Sequence[DiscordFile]:  # noqa: ANN401 - a payload
    """Read the files of a form; discord.py has them only while it keeps the form."""
    found = (data.get("resolved") or {}).get("attachments") or {}
    return [
        DiscordFile(
            id=name,
            name=str(found[name].get("filename", "file")),
            mime_type=found[name].get("content_type"),
            size=found[name].get("size"),
            url=str(found[name].get("url", "")),
        )
        for name in form.attachments
        if name in found
    ]


async def _files_there(parts: Parts, value: str) -> Sequence[DiscordFile]:
    """Read the files of the message that a form is about."""
    channel, _, message = value.removeprefix(_MESSAGE).partition(".")
    place = parts.calls.client.get_partial_messageable(int(channel))
    try:
        fetched = await parts.calls.do(lambda: place.fetch_message(int(message)), repeatable=True)
    except (Refused, Unclear) as error:
        raise UsageError(f"The picture cannot be read any more. {error}") from error
    return files_of(fetched).files


# What all of them need


def ref_of(who: Asked, place: str) -> dict[str, str]:
    """Make the ref of a turn that an interaction asked for."""
    expires = who.sent_at + _TOKEN_LIVES
    return {
        "user": who.user,
        "kind": "command",
        "place": place,
        "app": who.application,
        "token": who.token,
        "expires": str(expires.timestamp()),
    }


async def request(
    parts: Parts,
    who: Asked,
    thread: ThreadId,
    place: str,
    *,
    text: str = "",
    options: GenerationOptions | None = None,
    files: Sequence[DiscordFile] = (),
    branch: TurnRef | None = None,
) -> Message:
    """Make the request of an interaction."""
    return Message(
        id=who.id,
        thread=thread,
        author=who.user,
        author_name=who.user_name,
        text=text,
        sent_at=who.sent_at,
        options=options or GenerationOptions(),
        attachments=tuple(attachment(one) for one in tuple(files)[:MOST]),
        branch=branch,
        quota=await parts.quota_of(who),
        ref=ref_of(who, place),
    )


async def while_saved(
    interaction: discord.Interaction, saving: Coroutine[Any, Any, object], *, ephemeral: bool
) -> None:
    """Acknowledge what is saved; a database that is stuck is not waited for until it is too late.

    The other way round a kill in between would lose what Discord never sends again.
    """
    saved = asyncio.ensure_future(saving)
    await asyncio.wait([saved], timeout=_SAVE_SECONDS)
    await defer(interaction, ephemeral=ephemeral)
    await saved


async def owners_only(parts: Parts, thread: ThreadId, who: Asked) -> None:
    """Refuse others where only the owner of a thread may ask. UsageError."""
    first = await parts.store.first(thread)
    rules = await parts.preferences.channel(thread)
    policy = rules.follow or parts.follow
    if first is None or policy != "owner" or who.moderator:
        return
    heard = Heard(author=who.user, owner=first.author, mention=True, to_another=False, quiet=False)
    if not counts(heard, policy):
        raise UsageError(
            "In this thread only the person who began it may ask. Begin one of your own."
        )


async def _check_person(parts: Parts, who: Asked) -> None:
    if words := await parts.refusal(who):
        raise UsageError(words)


async def _check(parts: Parts, who: Asked, text: str, options: GenerationOptions) -> None:
    await _check_person(parts, who)
    errands.check(parts, text, options)


def profile_of(parts: Parts, below: GenerationOptions) -> ModelProfile:
    """Find the model that a picture inherits; one that is gone gives way to the default."""
    try:
        return parts.desk.profile(below.model)
    except UsageError:
        return parts.desk.profile(None)


def estimate(parts: Parts, profile: ModelProfile, options: GenerationOptions) -> str:
    """Say what a request will cost, "" when it is free or prices are not shown."""
    amount = profile.price(profile.possible(options.over(parts.defaults)))
    return f"This will cost about ${amount / 1e6:.2f}." if amount and parts.costs else ""


async def told(interaction: discord.Interaction, error: Exception) -> None:
    """Tell the person what is wrong with what they did."""
    await whisper(interaction, str(error))
