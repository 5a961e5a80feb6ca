"""What Discord refuses in a message, and the message that it makes of the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.standins.discord.components import Survey, checked_message, copied
from tests.standins.discord.message_shapes import V2
from tests.standins.discord.values import DiscordFile, Json, Refused, invalid
from tests.standins.discord.world import BOT_USER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.standins.discord.world import Attachment, Channel, Message, World

EPHEMERAL, LOADING, SUPPRESS_EMBEDS, SILENT = 64, 128, 4, 4096
_FIELDS = {
    "content", "nonce", "tts", "embeds", "allowed_mentions", "message_reference", "components",
    "sticker_ids", "attachments", "flags", "enforce_nonce", "poll",
}  # fmt: skip
_EMBED = {"title": 256, "description": 4096}
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_FILE_FIELDS = {
    "id", "filename", "description", "is_spoiler", "title",
    "url", "proxy_url", "size", "content_type", "height", "width", "spoiler", "flags", "ephemeral",
}  # fmt: skip
"""The last eight are what the library repeats of a file that stays."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file part of a request; index: the number in its name ``files[n]``."""

    index: int
    filename: str
    data: bytes


@dataclass(slots=True, kw_only=True)
class Draft:
    """A checked message, before it is stored."""

    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    flags: int = 0


def compose(
    world: World,
    sent: Json,
    uploads: list[Upload],
    channel: Channel,
    *,
    before: Message | None = None,
) -> Draft:
    """Check what the bot wants to say, or (before) to change; return all of the message."""
    if unknown := set(sent) - _FIELDS:
        world.complain(f"a message has no {sorted(unknown)}")
    draft = Draft()
    if before:
        draft.content, draft.embeds = before.content, before.embeds
        draft.components, draft.attachments = before.components, list(before.attachments)
        draft.flags = before.flags
    flags = sent.get("flags") or 0
    if not isinstance(flags, int) or flags & ~(V2 | EPHEMERAL | SUPPRESS_EMBEDS | SILENT):
        raise invalid("flags", "These flags may not be set")
    draft.flags |= flags
    if before and "flags" in sent and not flags & SUPPRESS_EMBEDS:
        draft.flags &= ~SUPPRESS_EMBEDS
    draft.attachments = _files(world, sent, uploads, channel, draft.attachments)
    v2 = bool(draft.flags & V2)
    _content(sent, draft, v2=v2)
    names = {file.filename: file.id for file in draft.attachments}
    survey = Survey(world.complain, names)
    if "embeds" in sent:
        draft.embeds = _embeds(sent["embeds"] or [], survey)
    if "components" in sent:
        wanted = copied(sent["components"] or [])
        draft.components = checked_message(wanted, v2=v2, survey=survey)
    if v2 and (draft.content or draft.embeds):
        raise invalid("content", "The 'content' and 'embeds' fields cannot be used with V2")
    if v2 and not draft.components:
        raise Refused(50006)
    if not v2 and not (draft.content or draft.embeds or draft.attachments or draft.components):
        raise Refused(50006)
    _hidden(world, sent, draft, survey, v2=v2)
    moderated(world, [draft.content, *survey.text])
    return draft


def _hidden(world: World, sent: Json, draft: Draft, survey: Survey, *, v2: bool) -> None:
    if not v2 or "components" not in sent:
        return
    for file in draft.attachments:
        if file.id not in survey.used:
            world.complain(f"nobody sees {file.filename}: no component of the message refers to it")


def _content(sent: Json, draft: Draft, *, v2: bool) -> None:
    if "content" in sent:
        content = sent["content"]
        if content is not None and not isinstance(content, str):
            raise invalid("content", "Could not interpret as string.")
        draft.content = content or ""
    if len(draft.content) > 2000:
        raise invalid("content", "Must be 2000 or fewer in length.")
    if not v2:
        draft.content = draft.content.strip()


def moderated(world: World, texts: Iterable[str], code: int = 200000) -> None:
    """Refuse words that the server's rules forbid."""
    said = " ".join(texts).casefold()
    if any(word.casefold() in said for word in world.knobs.automod):
        raise Refused(code)


# --- files ---------------------------------------------------------------------------------------


def _files(
    world: World, sent: Json, uploads: list[Upload], channel: Channel, kept: list[Attachment]
) -> list[Attachment]:
    limit = world.upload_limit(channel)
    if any(len(upload.data) > limit for upload in uploads):
        raise Refused(40005)
    described: dict[int, Json] = {}
    if sent.get("attachments") is not None:
        kept, described = _named_files(world, sent["attachments"], uploads, kept)
    made = []
    for upload in uploads:
        entry = described.get(upload.index, {})
        name = entry.get("filename") or upload.filename
        words = entry.get("description") or ""
        spoiler = bool(entry.get("is_spoiler"))
        file = DiscordFile(name=name, data=upload.data, description=words, spoiler=spoiler)
        made.append(world.keep_file(file, channel.id))
        if made[-1].filename != name:
            world.complain(f"the name of a file was changed: {name!r} -> {made[-1].filename!r}")
    if len(kept) + len(made) > 10:
        raise Refused(30015)
    names = [file.filename for file in (*kept, *made)]
    if len(set(names)) != len(names):
        world.complain(f"files of one message have the same name: {names}")
    return kept + made


def _named_files(
    world: World, entries: object, uploads: list[Upload], before: list[Attachment]
) -> tuple[list[Attachment], dict[int, Json]]:
    """Read ``attachments``: which files stay, and what is said of each upload by its index."""
    if not isinstance(entries, list):
        raise invalid("attachments", "Only iterables may be used in a ListType.")
    known = {file.id: file for file in before}
    new = {str(upload.index) for upload in uploads}
    kept, described = [], {}
    for index, entry in enumerate(entries):
        name = str(entry.get("id"))
        if unknown := set(entry) - _FILE_FIELDS:
            world.complain(f"an attachment has no {sorted(unknown)}")
        if len(entry.get("description") or "") > 1024:
            raise invalid(f"attachments.{index}.description", "Must be 1024 or fewer in length.")
        if name in known:
            kept.append(_described(known[name], entry))
        elif name in new:
            described[int(name)] = entry
        else:
            raise invalid(f"attachments.{index}.id", "Attachment data cannot be found")
    return kept, described


def _described(file: Attachment, entry: Json) -> Attachment:
    if entry.get("description") is not None:
        file.description = entry["description"]
    if "is_spoiler" in entry:
        file.spoiler = bool(entry["is_spoiler"])
    return file


# --- embeds --------------------------------------------------------------------------------------


def _embeds(embeds: object, survey: Survey) -> list[Json]:
    if not isinstance(embeds, list) or len(embeds) > 10:
        raise invalid("embeds", "Must be 10 or fewer in length.")
    made = copied(embeds)
    total = 0
    assert isinstance(made, list)
    for index, embed in enumerate(made):
        total += _embed(embed, f"embeds.{index}", survey)
    if total > 6000:
        raise invalid("embeds", "Embed size exceeds maximum size of 6000")
    return made


def _embed(embed: Json, path: str, survey: Survey) -> int:
    limits = [(f"{path}.{name}", embed.get(name) or "", most) for name, most in _EMBED.items()]
    limits.append((f"{path}.footer.text", (embed.get("footer") or {}).get("text", ""), 2048))
    limits.append((f"{path}.author.name", (embed.get("author") or {}).get("name", ""), 256))
    fields = embed.get("fields") or []
    if len(fields) > 25:
        raise invalid(f"{path}.fields", "Must be 25 or fewer in length.")
    for index, item in enumerate(fields):
        limits.append((f"{path}.fields.{index}.name", item.get("name", ""), 256))
        limits.append((f"{path}.fields.{index}.value", item.get("value", ""), 1024))
        if not item.get("name") or not item.get("value"):
            raise invalid(f"{path}.fields.{index}", "This field is required")
    for at, words, most in limits:
        if len(words) > most:
            raise invalid(at, f"Must be {most} or fewer in length.")
    for name in ("image", "thumbnail"):
        url = (embed.get(name) or {}).get("url", "")
        if url.startswith("attachment://"):
            file = url.removeprefix("attachment://")
            if not file.lower().endswith(_PICTURES):
                raise invalid(f"{path}.{name}.url", "Only pictures may be shown in an embed")
            if file not in survey.files:
                raise invalid(f"{path}.{name}.url", f"{url} was not found")
            embed[name]["attachment_id"] = survey.files[file]
            survey.used.append(survey.files[file])
    embed.setdefault("type", "rich")
    return sum(len(words) for _, words, _ in limits)


# --- mentions ------------------------------------------------------------------------------------


def live_mentions(sent: Json, texts: Iterable[str], replied: str = "") -> list[str]:
    """List whom a message would ping: ``<@ID>``, ``<@&ID>``, ``@everyone``, ``@here``."""
    allowed = sent.get("allowed_mentions")
    if allowed is not None:
        _check_allowed(allowed)
    said = " ".join(texts)
    found = {
        "users": re.findall(r"<@!?(\d+)>", said),
        "roles": re.findall(r"<@&(\d+)>", said),
        "everyone": re.findall(r"@(everyone|here)\b", said),
    }
    shown = {"users": "<@{}>", "roles": "<@&{}>", "everyone": "@{}"}
    pings = []
    for kind, names in found.items():
        for name in names:
            named = allowed is not None and name in map(str, allowed.get(kind) or ())
            if allowed is None or kind in allowed.get("parse", ()) or named:
                pings.append(shown[kind].format(name))
    if replied and (allowed is None or allowed.get("replied_user")):
        pings.append(f"<@{replied}>")
    return [ping for ping in pings if ping != f"<@{BOT_USER}>"]


def _check_allowed(allowed: Json) -> None:
    for kind in ("users", "roles"):
        if len(allowed.get(kind) or ()) > 100:
            raise invalid(f"allowed_mentions.{kind}", "Must be 100 or fewer in length.")
        if kind in allowed.get("parse", ()) and allowed.get(kind):
            raise invalid("allowed_mentions", f"parse:['{kind}'] and {kind}: [ids...] exclude")
    if set(allowed.get("parse", ())) - {"users", "roles", "everyone"}:
        raise invalid("allowed_mentions.parse", "Value must be one of users, roles, everyone")


def checked_nonce(sent: Json) -> str | int | None:
    """Read the nonce; at most 25 characters."""
    nonce = sent.get("nonce")
    if nonce is not None and (not isinstance(nonce, str | int) or len(str(nonce)) > 25):
        raise invalid("nonce", "Nonce too long: at most 25 characters.")
    if sent.get("enforce_nonce") and nonce is None:
        raise invalid("enforce_nonce", "enforce_nonce needs a nonce")
    return nonce
