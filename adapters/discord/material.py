"""Reads which files a message of Discord's brings, and why others are left out. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import discord
from discord import components as parts

from adapters.discord.values import DiscordFile, Found
from bot.media import USABLE, short_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST = 10
"""Files of one request, as many as Discord takes in one message."""

_KINDS = {"video": "a video", "audio": "a sound file"}
_UPLOADED = re.compile(
    r"https://(?:cdn\.discordapp\.com|media\.discordapp\.net)"
    r"/attachments/\d+/(?P<id>\d+)/(?P<name>[^/?#]+)"
)
_NAME = re.compile(r"([^/?#]*)(?:[?#].*)?\Z", re.DOTALL)


def file(attachment: discord.Attachment, channel: str = "", message: str = "") -> DiscordFile:
    """Read an attachment. channel, message: where it can be asked for again, if anywhere."""
    return DiscordFile(
        id=str(attachment.id),
        name=attachment.filename,
        mime_type=attachment.content_type,
        size=attachment.size,
        url=attachment.url,
        channel=channel,
        message=message,
    )


def files_of(message: discord.Message, channel: int | None = None) -> Found:
    """Find the files of a message, whoever wrote it: its own, then those of what it forwards.

    What stands in an embed or a component is not among the attachments (documented in
    discord/discord-api-docs#8279). What a link leads to is nobody's material. channel: where the
    message is, when message.channel does not tell.
    """
    place, number = str(channel or message.channel.id), str(message.id)
    files: list[DiscordFile] = []
    skipped: list[str] = []
    sources: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    for source in sources:
        for attachment in source.attachments:
            if attachment.is_voice_message():
                skipped.append("A voice message cannot be used. Write what you would like to see.")
            else:
                files.append(file(attachment, place, number))
        files += (_shown(media, place, number) for media in _media(source.components))
        files += _embedded(source.embeds, place, number)
        skipped += (
            f"The sticker {short_name(sticker.name)} cannot be used. Send a picture."
            for sticker in source.stickers
        )
    return together(judged(files, skipped))


def judged(files: Iterable[DiscordFile], skipped: Sequence[str] = ()) -> Found:
    """Leave out what cannot be a picture or a document by its type, and say so.

    What else cannot be used, its content has to tell.
    """
    usable: list[DiscordFile] = []
    reasons = list(skipped)
    for each in files:
        kind = _KINDS.get((each.mime_type or "").partition("/")[0])
        if kind:
            reasons.append(f"{short_name(each.name)} is {kind}, not a picture. Send {USABLE}.")
        else:
            usable.append(each)
    return Found(files=tuple(usable), skipped=tuple(reasons))


def together(*given: Found) -> Found:
    """Put files together in this order, each once; what is more than 10 is left out by name."""
    once: dict[str, DiscordFile] = {}
    for every in given:
        for each in every.files:
            once.setdefault(each.id, each)
    files = tuple(once.values())
    surplus = (
        f"{short_name(each.name)} was left out: {MOST} files at once are the most."
        for each in files[MOST:]
    )
    said = [words for every in given for words in every.skipped]
    return Found(files=files[:MOST], skipped=(*said, *surplus))


def _media(components: Iterable[parts.Component]) -> Iterator[parts.UnfurledMediaItem]:
    """Find what was uploaded with a message to be shown by its components."""
    for component in components:
        match component:
            case parts.Container():
                yield from _media(component.children)
            case parts.SectionComponent():
                yield from _media((component.accessory,))
            case parts.MediaGalleryComponent():
                yield from (item.media for item in component.items if item.media.attachment_id)
            case parts.ThumbnailComponent() | parts.FileComponent():
                if component.media.attachment_id:
                    yield component.media


def _shown(media: parts.UnfurledMediaItem, channel: str, message: str) -> DiscordFile:
    name = _NAME.search(media.url)
    return DiscordFile(
        id=str(media.attachment_id),
        name=unquote(name[1]) if name else "",
        mime_type=media.content_type,
        size=None,
        url=media.url,
        channel=channel,
        message=message,
    )


def _embedded(embeds: Iterable[discord.Embed], channel: str, message: str) -> Iterator[DiscordFile]:
    """Find the pictures that a bot uploaded for its embeds."""
    for embed in embeds:
        uploaded = _UPLOADED.match(embed.image.url or "")
        if embed.type == "rich" and uploaded:
            yield DiscordFile(
                id=uploaded["id"],
                name=unquote(uploaded["name"]),
                mime_type=None,
                size=None,
                url=uploaded.string,
                channel=channel,
                message=message,
            )
