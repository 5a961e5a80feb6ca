"""What people see: messages, pictures, ephemeral answers, forms."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from tests.standins.discord import message_shapes
from tests.standins.discord.gateway import DIRECT_MESSAGES, DIRECT_REACTIONS, MESSAGES, REACTIONS
from tests.standins.discord.message_shapes import used_files
from tests.standins.discord.world import Channel, Guild, Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standins.discord.gateway import Gateway
    from tests.standins.discord.values import Json
    from tests.standins.discord.world import World


class Sight:
    """The seeing side; names and ids are both good wherever a person or place is asked for."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self.world = world
        self.gateway = gateway
        world.announce = self._announce

    def messages(self, channel: str) -> list[Json]:
        """List the messages of a channel or thread, oldest first, as people see them."""
        place = self.world.place(channel)
        return [message_shapes.message(self.world, message) for message in place.messages.values()]

    def message(self, message_id: str) -> Json:
        """Return a message as it is now; AssertionError when it is gone."""
        return message_shapes.message(self.world, self._stored(message_id))

    def thread_of(self, message: Json | str) -> str:
        """Return the id of the thread that stands on a message."""
        message_id = message if isinstance(message, str) else message["id"]
        if message_id not in self.world.channels:
            raise AssertionError("no thread stands on that message")
        return str(message_id)

    def threads(self, channel: str) -> list[str]:
        """List the ids of the threads below a channel."""
        return [thread.id for thread in self.world.threads(self.world.place(channel))]

    def pictures(self, message: Json | str) -> list[bytes]:
        """Return the bytes of the files that people see in a message, in the order shown."""
        message_id = message if isinstance(message, str) else message["id"]
        stored = self._stored(message_id)
        used = used_files(stored.components, stored.embeds)
        rest = [file.id for file in stored.attachments if file.id not in used]
        if stored.flags & message_shapes.V2:
            rest = []
        return [self.world.files[one].data for one in (*used, *rest)]

    def ephemerals(self, user: str) -> list[Json]:
        """List the messages that only this person sees."""
        person = self.world.person(user)
        mine = [message for message in self.world.ephemerals if message.shown_to == person.id]
        return [message_shapes.message(self.world, message) for message in mine]

    def modals(self, user: str) -> list[Json]:
        """List the forms that this person has open, newest last."""
        person = self.world.person(user)
        found = [one for one in self.world.interactions.values() if one.user == person.id]
        return [{**one.modal, "interaction": one.token} for one in found if one.modal]

    async def until(self, condition: Callable[[], Any], seconds: float = 20) -> None:
        """Wait for something to be true; AssertionError when it does not come."""
        ends = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > ends:
                raise AssertionError(f"not within {seconds} s; complaints: {self.world.complaints}")
            await asyncio.sleep(0.005)

    # --- inside ----------------------------------------------------------------------------------

    def _stored(self, message_id: str) -> Message:
        found = self.world.find(message_id)
        if found is None:
            raise AssertionError("that message is gone")
        return found

    def _announce(self, event: str, make: Callable[[bool], Json], where: Channel | Guild) -> None:
        if isinstance(where, Guild):
            self.gateway.dispatch(event, make, intent=1, guild=where.id)
            return
        if not self.world.visible(where):
            return
        intent = 1
        if event.startswith("MESSAGE_REACTION"):
            intent = REACTIONS if where.guild else DIRECT_REACTIONS
        elif event.startswith("MESSAGE"):
            intent = MESSAGES if where.guild else DIRECT_MESSAGES
        self.gateway.dispatch(event, make, intent=intent, guild=where.guild)
