"""The pictures of an answer as one message: uploaded, completed, and seen to be shared.

The note of a delivery grows: ``files`` (their ids, before the bytes go out), ``asked`` (when
completeUploadExternal was called last), ``shares`` (by file id, the ts of the message that shows
it). A delivery is done only when files.info shows the shares: Slack's ok is no proof, and the
message may come much later (facts/slack.md 4).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from adapters.slack.stand_ins import Pending, StandIn
from adapters.slack.text import defused, short
from adapters.slack.web import Gone, Refused, Unclear
from bot.errors import DeliveryError
from bot.faults import no_fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from adapters.slack.posting import Place, Posting
    from adapters.slack.sending import Sender, Sent
    from adapters.slack.stand_ins import StandIns
    from adapters.slack.values import Shared
    from adapters.slack.web import Web
    from bot.chat import Picture
    from bot.ports import Journal

DELIVERIES = "slack.delivery"
POLLS = (0.3, 0.6, 1.2, 2.4, 4.0)  # seconds before each look for the shares
AGAIN_SECONDS = 60  # a share may take so long: only then completing is asked for again

_LONGEST_TITLE = 200
_HIGHLIGHTS = {"png", "jpg", "gif"}
_SMALLER = "This Slack workspace did not take the original, so this is a smaller copy of it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The pictures of one turn for one place. key: of their notes, another one for each place."""

    turn: str
    workspace: str
    key: str
    place: Place
    pictures: Sequence[Picture]

    @property
    def stand_in(self) -> StandIn:
        """What may stand in for these pictures."""
        return StandIn(turn=self.turn, key=self.key, place=self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Where the pictures are: of each, the ts of its message and its file id. notes: for people."""

    messages: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


class Uploads:
    """Shows pictures exactly once; ``share`` may be repeated after a crash anywhere."""

    def __init__(
        self,
        *,
        web: Web,
        journal: Journal,
        sender: Sender,
        posting: Posting,
        stand_ins: StandIns,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        fault: Callable[[str], None] = no_fault,
    ) -> None:
        """Take the parts."""
        self._web = web
        self._journal = journal
        self._sender = sender
        self._posting = posting
        self._stand_ins = stand_ins
        self._now = now
        self._sleep = sleep
        self._fault = fault

    async def share(self, delivery: Delivery) -> Shown:
        """Show the pictures in one message. Raises DeliveryError."""
        note = dict(await self._journal.read(DELIVERIES, delivery.key) or {})
        if "asked" not in note:
            await self._drop(note)
            note = await self._complete(delivery, await self._upload(delivery))
        stands = await self._stand_ins.stands(delivery.stand_in)
        note = await self._watched(delivery, note, (0.0,) if stands else POLLS)
        overdue = self._now().timestamp() - note["asked"] >= AGAIN_SECONDS
        if not _all_shared(note) and not stands and overdue:
            note = await self._complete_again(delivery, note)
            note = await self._watched(delivery, note, POLLS)
        if not _all_shared(note):
            return await self._stand_in(delivery, note)
        if stands:
            await self._stand_ins.withdraw(delivery.stand_in)
        return _shown(note)

    # Asking for the message

    async def _upload(self, delivery: Delivery) -> dict[str, Any]:
        """Send the pictures; their file ids are noted before their bytes go out."""
        note: dict[str, Any] = {"shares": {}}

        async def made(files: Sequence[Sent]) -> None:
            note["files"] = [asdict(file) for file in files]
            await self._journal.write(DELIVERIES, delivery.key, note)

        name = f"threadpaint-{delivery.turn}"
        await self._sender.send(delivery.workspace, name, delivery.pictures, made)
        return note

    async def _complete(self, delivery: Delivery, note: dict[str, Any]) -> dict[str, Any]:
        """Ask for the message for the first time; what is refused was not done."""
        try:
            return await self._ask(delivery, note)
        except Refused as error:
            await self._journal.write(DELIVERIES, delivery.key, note)
            if error.code == "file_not_found":
                raise _lost() from error
            if error.final:
                await self._drop(note)
            raise

    async def _complete_again(self, delivery: Delivery, note: dict[str, Any]) -> dict[str, Any]:
        """Ask once more."""
        try:
            return await self._ask(delivery, note)
        except Refused as error:
            if error.code == "file_not_found":
                await self._journal.remove(DELIVERIES, delivery.key)
                raise _lost() from error
            if error.closed or isinstance(error, Gone):
                raise
        return note

    async def _ask(self, delivery: Delivery, note: dict[str, Any]) -> dict[str, Any]:
        """Ask for the message. Only the shares tell whether it was done."""
        asked = {**note, "asked": self._now().timestamp()}
        await self._journal.write(DELIVERIES, delivery.key, asked)
        with suppress(Unclear):
            await self._web.call(
                "files.completeUploadExternal",
                pace=delivery.place.channel,
                files=[
                    _completed(file, picture)
                    for file, picture in zip(note["files"], delivery.pictures, strict=True)
                ],
                channel_id=delivery.place.channel,
                thread_ts=delivery.place.thread,
            )
        self._fault("slack.file_completed")
        return asked

    async def _drop(self, note: Mapping[str, Any]) -> None:
        """Delete files, as far as that goes."""
        for file in note.get("files", ()):
            with suppress(DeliveryError):
                await self._web.call("files.delete", repeatable=True, file=file["id"])

    # Seeing them shared

    async def _watched(
        self, delivery: Delivery, note: dict[str, Any], waits: Sequence[float]
    ) -> dict[str, Any]:
        """Wait until every file is shared, so long at most, and note the shares."""
        if _all_shared(note):
            return note
        for wait in waits:
            await self._sleep(wait)
            shares = dict(note["shares"])
            for file in note["files"]:
                if file["id"] not in shares:
                    info = await self._info(file["id"])
                    if not (ts := _share_in(info, delivery.place.channel)):
                        break
                    shares[file["id"]] = ts
            note = {**note, "shares": shares}
            if _all_shared(note):
                await self._journal.write(DELIVERIES, delivery.key, note)
                self._fault("slack.shared")
                break
        return note

    async def _info(self, file_id: str) -> Mapping[str, Any]:
        """Ask for a file; empty while Slack does not know it, or does not say."""
        try:
            answer = await self._web.call("files.info", repeatable=True, file=file_id)
        except Gone:
            raise
        except DeliveryError:
            return {}
        return dict(answer.get("file") or {})

    async def _stand_in(self, delivery: Delivery, note: dict[str, Any]) -> Shown:
        """Show the files in a message of our own until Slack does.

        The files are noted first and looked at once more then, so that no share between the last
        look and the note is missed. A file that Slack does not know may be one whose message was
        never asked for: a later delivery does that.
        """
        missing = [
            (file, picture)
            for file, picture in zip(note["files"], delivery.pictures, strict=True)
            if file["id"] not in note["shares"]
        ]
        await self._stand_ins.announce(delivery.stand_in, [file["id"] for file, _ in missing])
        note = await self._watched(delivery, note, (0.0,))
        if _all_shared(note):
            await self._stand_ins.withdraw(delivery.stand_in)
            return _shown(note)
        infos = [await self._info(file["id"]) for file, _ in missing]
        if not all(info.get("permalink") for info in infos):
            raise _not_shown()
        pending = [
            Pending(
                file=file["id"],
                ending=file["ending"],
                alt_text=picture.alt_text,
                permalink=str(info["permalink"]),
            )
            for (file, picture), info in zip(missing, infos, strict=True)
        ]
        ts = await self._stand_ins.show(delivery.stand_in, pending)
        return _shown({**note, "shares": {one.file: ts for one in pending} | note["shares"]})

    async def adopt(self, stand_in: StandIn, shared: Shared) -> None:
        """Take a share that appeared after all; what stood in for it goes."""
        note = await self._journal.read(DELIVERIES, stand_in.key)
        if note is None or shared.channel != stand_in.place.channel:
            return
        new = {file["id"]: shared.ts for file in note["files"] if file["id"] in shared.files}
        note = {**note, "shares": new | note["shares"]}
        await self._journal.write(DELIVERIES, stand_in.key, note)
        if _all_shared(note):
            await self._stand_ins.withdraw(stand_in)

    async def remove(self, stand_in: StandIn) -> None:
        """Delete the pictures of a delivery and all that shows them, as far as it is noted."""
        note = await self._journal.read(DELIVERIES, stand_in.key) or {}
        await self._drop(note)
        await self._stand_ins.withdraw(stand_in)
        for ts in set(note.get("shares", {}).values()):
            await self._posting.delete(stand_in.place.channel, ts)

    async def remove_message(self, place: Place, ts: str) -> None:
        """Delete a message with its files. DeliveryError."""
        page = await self._web.call(
            "conversations.replies",
            repeatable=True,
            channel=place.channel,
            ts=place.thread or ts,
            oldest=ts,
            latest=ts,
            inclusive=True,
        )
        for message in page.get("messages", ()):
            if message["ts"] == ts:
                await self._drop(message)
        await self._posting.delete(place.channel, ts)


def _completed(file: Mapping[str, Any], picture: Picture) -> dict[str, Any]:
    title = defused(short(" ".join(picture.alt_text.split()), _LONGEST_TITLE))
    named = {"id": file["id"], "title": title}
    return named | ({"highlight_type": file["ending"]} if file["ending"] in _HIGHLIGHTS else {})


def _share_in(info: Mapping[str, Any], channel: str) -> str:
    """Find the message that showed a file first in a channel; "" when none does."""
    shares = info.get("shares") or {}
    found = [share["ts"] for kind in shares.values() for share in kind.get(channel, ())]
    return min(found, default="")


def _all_shared(note: Mapping[str, Any]) -> bool:
    return all(file["id"] in note["shares"] for file in note["files"])


def _shown(note: Mapping[str, Any]) -> Shown:
    return Shown(
        messages=tuple((note["shares"][file["id"]], file["id"]) for file in note["files"]),
        notes=(_SMALLER,) if any(file["small"] for file in note["files"]) else (),
    )


def _lost() -> DeliveryError:
    """Say that Slack does not know the files; the next delivery uploads them anew."""
    return DeliveryError("Slack lost the picture on its way. Try again in a minute.")


def _not_shown() -> DeliveryError:
    return DeliveryError("Slack took the picture, but does not show it. Try again in a minute.")
