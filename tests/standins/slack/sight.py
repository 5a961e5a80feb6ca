"""What people see in this Slack, and how a test names them and their places."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.standins.slack.payloads import Payloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standins.slack.values import Json
    from tests.standins.slack.world import Channel, Person

_STATUS_SECONDS = 120


class Sight(Payloads):
    """What people see; names and ids are both good wherever one is asked for."""

    def messages(self, channel: str, thread_ts: str | None = None) -> list[Json]:
        """List what people see, in order: the channel, or one thread with its root."""
        place = self._channel(channel)
        if thread_ts:
            kept = [m for m in place.messages if thread_ts in {m["ts"], m.get("thread_ts")}]
        else:
            kept = [
                m
                for m in place.messages
                if m.get("thread_ts", m["ts"]) == m["ts"] or m.get("subtype") == "thread_broadcast"
            ]
        return [self._seen(place, message) for message in kept]

    def _seen(self, place: Channel, message: Json) -> Json:
        metadata = {"metadata": message["metadata"]} if "metadata" in message else {}
        return {**self.world.shown(message), "channel": place.id, **metadata}

    def message(self, channel: str, ts: str) -> Json:
        """Return one message as people see it."""
        return self._seen(*self._message(channel, ts))

    def picture_bytes(self, message: Json) -> list[bytes]:
        """Return the bytes of the files that a message shows."""
        return [self.world.files[file["id"]].data for file in message.get("files", [])]

    @property
    def ephemerals(self) -> list[Json]:
        """Messages that one person sees: ``user``, ``channel``, ``text``, ``blocks``, ``via``."""
        return self.world.ephemerals

    @property
    def views(self) -> list[Json]:
        """Open modals, the newest last."""
        return list(self.world.views.values())

    @property
    def homes(self) -> dict[str, Json]:
        """Published home tabs by user id."""
        return self.world.homes

    @property
    def statuses(self) -> list[Json]:
        """Every assistant.threads.setStatus, in order, with its arguments."""
        return self.world.statuses

    def status(self, channel: str, thread_ts: str) -> str:
        """Return the status line that people see now; it goes after 2 minutes or a post."""
        text, at = self.world.live_statuses.get((self._channel(channel).id, thread_ts), ("", 0))
        return text if time.monotonic() - at < _STATUS_SECONDS else ""

    @property
    def reactions(self) -> list[tuple[str, str, str]]:
        """The bot's reactions now: channel, ts, name."""
        return [
            (channel.id, message["ts"], reaction["name"])
            for channel in self.world.channels.values()
            for message in channel.messages
            for reaction in message.get("reactions", [])
        ]

    async def until(self, condition: Callable[[], object], seconds: float = 20) -> None:
        """Wait until something is so; the test fails after these seconds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"it did not happen within {seconds} s")
            await asyncio.sleep(0.01)

    def _person(self, name: str) -> Person:
        for person in self.world.people.values():
            if name in {person.id, person.name}:
                return person
        raise AssertionError(f"there is nobody called {name}")

    def _channel(self, name: str) -> Channel:
        for channel in self.world.channels.values():
            if name in {channel.id, channel.name}:
                return channel
        raise AssertionError(f"there is no channel {name}")

    def _place(self, channel: str, user: str) -> tuple[Channel, Person]:
        place, person = self._channel(channel), self._person(user)
        if place.kind == "channel":
            place.members.add(person.id)
        if person.id not in place.members or place.archived:
            raise AssertionError(f"{person.name} cannot speak in {place.name or place.id}")
        return place, person

    def _message(self, channel: str, ts: str) -> tuple[Channel, Json]:
        place = self._channel(channel)
        message = place.find(ts)
        if message is None:
            raise AssertionError(f"there is no message {ts} in {place.name or place.id}")
        return place, message
