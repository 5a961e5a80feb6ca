"""The people's side: who and where there is, and what people say."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from tests.standins.discord import message_shapes, shapes, talk
from tests.standins.discord.permissions import BOT, bits, has
from tests.standins.discord.rest_messages import snapshot
from tests.standins.discord.sight import Sight
from tests.standins.discord.world import (
    BOT_USER,
    DIRECT,
    FORUM,
    PRIVATE_DIRECT,
    TEXT,
    Channel,
    Guild,
    Message,
    Person,
    Role,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.standins.discord.values import DiscordFile, Json


class People(Sight):
    """What people are, have and say."""

    # --- who and where ---------------------------------------------------------------------------

    def person(
        self, name: str, *, dm_open: bool = True, bot: bool = False, locale: str = "en-US"
    ) -> str:
        """Add a person (bot: another app); return the user id."""
        made = Person(
            id=self.world.new_id(), name=name, dm_open=dm_open, bot=bot, locale=locale
        )  # fmt: skip
        self.world.people[made.id] = made
        return made.id

    def guild(
        self,
        name: str,
        *,
        bot: bool = True,
        allowed: Iterable[str] = BOT,
        upload_bytes: int = 0,
        locale: str = "en-US",
    ) -> str:
        """Add a server; return its id. bot: our bot is in it; allowed: what it was invited with."""
        made = self.world.new_guild(name, bot=bot, allowed=tuple(allowed))
        made.upload_bytes, made.locale = upload_bytes, locale
        if bot:
            self._announce("GUILD_CREATE", lambda _: shapes.guild_create(self.world, made), made)
        return made.id

    def channel(
        self,
        guild: str,
        name: str,
        *,
        nsfw: bool = False,
        forum: bool = False,
        tags: Sequence[str] = (),
        needs_tag: bool = False,
        deny: Iterable[str] = (),
        people_deny: Iterable[str] = (),
    ) -> str:
        """Add a channel to a server; return its id. deny: what the bot may not do there."""
        made = Channel(
            id=self.world.new_id(),
            name=name,
            kind=FORUM if forum else TEXT,
            guild=self._guild(guild).id,
            nsfw=nsfw,
            bot_deny=bits(deny),
            people_deny=bits(people_deny),
            needs_tag=needs_tag,
        )
        made.tags = [self._tag(tag) for tag in tags]
        self.world.channels[made.id] = made
        self._announce("CHANNEL_CREATE", lambda _: self._described(made), made)
        return made.id

    def direct(self, user: str) -> str:
        """Return the direct conversation of a person and the bot."""
        return self.world.direct(self.world.person(user).id).id

    def private(self, *users: str) -> str:
        """Return a conversation between people, where only a user-installed app can be used."""
        people = [self.world.person(user).id for user in users]
        made = Channel(
            id=self.world.new_id(), name="+".join(users), kind=PRIVATE_DIRECT, recipients=people
        )  # fmt: skip
        self.world.channels[made.id] = made
        return made.id

    def role(self, guild: str, name: str, *, permissions: Iterable[str] = ()) -> str:
        """Add a role to a server; return its id."""
        place = self._guild(guild)
        made = Role(id=self.world.new_id(), name=name, permissions=bits(permissions))
        place.roles[made.id] = made
        entry: Json = {"guild_id": place.id, "role": shapes.role(made, len(place.roles) - 1)}
        self._announce("GUILD_ROLE_CREATE", lambda _: entry, place)
        return made.id

    def join(self, guild: str, user: str, *, roles: Iterable[str] = (), nick: str = "") -> None:
        """Let somebody into a server, or give a member these roles (names or ids)."""
        place, person = self._guild(guild), self.world.person(user)
        known = {role.name: role.id for role in place.roles.values()}
        place.members[person.id] = [known.get(role, role) for role in roles]
        if nick:
            place.nicks[person.id] = nick

    def leave(self, guild: str, user: str) -> None:
        """Let a person leave a server; of the bot: it is thrown out."""
        place, person = self._guild(guild), self.world.person(user)
        place.members.pop(person.id, None)
        if person.id == BOT_USER:
            place.bot = False
            self._announce("GUILD_DELETE", lambda _: {"id": place.id}, place)

    def permissions(
        self, channel: str, *, allow: Iterable[str] = (), deny: Iterable[str] = ()
    ) -> None:
        """Change what the bot may in a channel, beyond its role."""
        place = self.world.place(channel)
        allowed, denied = bits(allow), bits(deny)
        place.bot_allow = (place.bot_allow | allowed) & ~denied
        place.bot_deny = (place.bot_deny | denied) & ~allowed
        guild = self.world.guilds[place.guild]
        self._announce("CHANNEL_UPDATE", lambda _: self._described(place), guild)

    def remove_channel(self, channel: str) -> None:
        """Delete a channel with its threads, or a thread."""
        place = self.world.place(channel)
        event = "THREAD_DELETE" if place.thread else "CHANNEL_DELETE"
        self._announce(event, lambda _: self._described(place), place)
        for thread in self.world.threads(place):
            del self.world.channels[thread.id]
        del self.world.channels[place.id]

    # --- talking ---------------------------------------------------------------------------------

    async def say(
        self,
        channel: str,
        user: str,
        text: str = "",
        *,
        files: Sequence[DiscordFile] = (),
        reply_to: Json | str = "",
        ping: bool = True,
        forward: Json | str = "",
        embeds: Sequence[Json] = (),
        age: float = 0,
    ) -> Json:
        """Post as a person and say so to the bot; return the message as people see it.

        text: as on the wire (``<@ID>``). ping: a reply pings the author of what it replies to.
        forward: a message to forward. age: said so many seconds ago.
        """
        place, person = self.world.place(channel), self.world.person(user)
        self._may_say(place, person)
        message = Message(
            id=self.world.new_id(age), channel=place.id, author=person.id, content=text
        )  # fmt: skip
        message.attachments = [self.world.keep_file(file, place.id) for file in files]
        message.embeds = [{"type": "rich", **embed} for embed in embeds]
        self._name(message, place)
        if reply_to:
            self._reply(message, self._target(reply_to), ping=ping)
        if forward:
            original = self._target(forward)
            message.flags |= 1 << 14
            message.reference = self._about(original, 1)
            message.snapshots = [snapshot(original)]
        talk.wake(self.world, place)
        talk.put(self.world, place, message)
        await asyncio.sleep(0)
        return message_shapes.message(self.world, message)

    async def post(
        self,
        forum: str,
        user: str,
        title: str,
        text: str = "",
        *,
        files: Sequence[DiscordFile] = (),
        tags: Sequence[str] = (),
    ) -> str:
        """Make a forum post as a person; return the id of its thread (and first message)."""
        place, person = self.world.place(forum), self.world.person(user)
        known = {tag["name"]: tag["id"] for tag in place.tags}
        thread = talk.open_thread(
            self.world, place, title, person.id, tags=tuple(known[tag] for tag in tags)
        )  # fmt: skip
        message = Message(id=thread.id, channel=thread.id, author=person.id, content=text)
        message.attachments = [self.world.keep_file(file, thread.id) for file in files]
        self._enter(place, person)
        self._name(message, thread)
        talk.put(self.world, thread, message)
        await asyncio.sleep(0)
        return thread.id

    async def start_thread(self, message: Json | str, user: str, name: str) -> str:
        """Open a thread on a message as a person; return its id."""
        root = self._target(message)
        place = self.world.channels[root.channel]
        person = self.world.person(user)
        thread = talk.open_thread(self.world, place, name, person.id, root=root)
        await asyncio.sleep(0)
        return thread.id

    async def edit(self, message: Json | str, text: str) -> Json:
        """Change a person's message."""
        stored = self._target(message)
        stored.content = text
        self._name(stored, self.world.channels[stored.channel])
        talk.change(self.world, stored)
        await asyncio.sleep(0)
        return message_shapes.message(self.world, stored)

    async def delete(self, message: Json | str) -> None:
        """Delete a message, whoever wrote it."""
        talk.remove(self.world, self._target(message))
        await asyncio.sleep(0)

    async def react(self, message: Json | str, user: str, emoji: str) -> None:
        """React to a message."""
        stored, person = self._target(message), self.world.person(user)
        place = self.world.channels[stored.channel]
        if place.archived:
            raise AssertionError("nobody can react in an archived thread")
        stored.reactions.setdefault(emoji, []).append(person.id)
        said: Json = {"user_id": person.id, "channel_id": place.id, "message_id": stored.id}
        said |= {"emoji": {"id": None, "name": emoji}, "burst": False, "type": 0}
        said["message_author_id"] = stored.author
        guild = self.world.guild_of(place)
        if guild:
            said["guild_id"] = guild.id
            said["member"] = shapes.member(self.world, guild, person.id, whole=True)
        self._announce("MESSAGE_REACTION_ADD", lambda _: said, place)
        await asyncio.sleep(0)

    def archive(self, thread: str) -> None:
        """Archive a thread, as time does."""
        self._change_thread(thread, archived=True)

    def lock(self, thread: str) -> None:
        """Lock and archive a thread, as a moderator does."""
        self._change_thread(thread, archived=True, locked=True)

    # --- inside ----------------------------------------------------------------------------------

    def _change_thread(self, thread: str, **changes: bool) -> None:
        place = self.world.place(thread)
        for name, value in changes.items():
            setattr(place, name, value)
        talk.tell_thread(self.world, place, "THREAD_UPDATE")

    def _guild(self, name: str) -> Guild:
        for guild in self.world.guilds.values():
            if name in {guild.id, guild.name}:
                return guild
        raise AssertionError(f"no server is called {name}")

    def _tag(self, name: str) -> Json:
        made: Json = {"id": self.world.new_id(), "name": name, "moderated": False}
        return {**made, "emoji_id": None, "emoji_name": None}

    def _described(self, channel: Channel) -> Json:
        return shapes.channel_object(self.world, channel)

    def _target(self, message: Json | str) -> Message:
        return self._stored(message if isinstance(message, str) else message["id"])

    def _enter(self, place: Channel, person: Person) -> None:
        guild = self.world.guild_of(place)
        if guild and person.id not in guild.members:
            guild.members[person.id] = []
        if guild is None and person.id not in place.recipients:
            raise AssertionError(f"{person.name} is not part of that conversation")

    def _may_say(self, place: Channel, person: Person) -> None:
        self._enter(place, person)
        if place.kind == FORUM:
            raise AssertionError("people make posts in a forum: use post()")
        right = "SEND_MESSAGES_IN_THREADS" if place.thread else "SEND_MESSAGES"
        if place.kind != DIRECT and not has(self.world.rights(place, person.id), right):
            raise AssertionError(f"{person.name} may not speak there")
        if place.locked:
            raise AssertionError("the thread is locked")

    def _name(self, message: Message, place: Channel) -> None:
        named = re.findall(r"<@!?(\d+)>", message.content)
        message.mentions = [one for one in dict.fromkeys(named) if one in self.world.people]
        guild = self.world.guild_of(place)
        roles = re.findall(r"<@&(\d+)>", message.content)
        message.mention_roles = [role for role in roles if guild and role in guild.roles]
        message.mention_everyone = bool(re.search(r"@(everyone|here)\b", message.content))

    def _reply(self, message: Message, target: Message, *, ping: bool) -> None:
        if target.channel != message.channel:
            raise AssertionError("a reply is in the channel of what it replies to")
        message.type, message.reply_ping = 19, ping
        message.reference = self._about(target, 0)
        if ping and target.author not in message.mentions:
            message.mentions.append(target.author)

    def _about(self, target: Message, kind: int) -> Json:
        made: Json = {"type": kind, "channel_id": target.channel, "message_id": target.id}
        guild = self.world.channels[target.channel].guild
        return made | ({"guild_id": guild} if guild else {})
