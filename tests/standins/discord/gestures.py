"""Commands, menus, clicks and forms, as people use them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.standins.discord import commands, message_shapes, shapes
from tests.standins.discord.components import BUTTON, SELECT, find
from tests.standins.discord.forms import filled
from tests.standins.discord.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    SUBMIT,
    Interaction,
    begin,
    context,
    payload,
    resolved_files,
)
from tests.standins.discord.people import People
from tests.standins.discord.permissions import ALL, has
from tests.standins.discord.values import DiscordFile, Json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.standins.discord.world import Attachment, Channel, Message, Person


class Gestures(People):
    """What people do besides talking; each returns when the first answer is there, or is late."""

    async def slash(
        self,
        channel: str,
        user: str,
        command: str,
        *,
        install: str = "guild",
        **options: Any,  # noqa: ANN401
    ) -> Interaction:
        """Give a slash command, such as ``"/config set"``.

        options: by name; a choice by its value, a DiscordFile for an attachment, an id for a
        person, channel or role. AssertionError where the client does not offer that.
        """
        place, person = self._ready(channel, user)
        known = self._commands(place, install)
        found, offered, subs = commands.found(known, command)
        commands.given(offered, options)
        self._offered(found, place, person, install)
        data, _ = self._command_data(found, offered, subs, options)
        made = begin(self.world, COMMAND, person, place, install=install, data=data)
        return await self._deliver(made)

    async def complete(
        self,
        channel: str,
        user: str,
        command: str,
        focused: str,
        **options: Any,  # noqa: ANN401
    ) -> list[Json]:
        """Type into an option with autocomplete; return the choices that the app offers."""
        place, person = self._ready(channel, user)
        found, offered, subs = commands.found(self._commands(place, "guild"), command)
        commands.given(offered, options, typing=True)
        if not any(o["name"] == focused and o.get("autocomplete") for o in offered):
            raise AssertionError(f"the option {focused} has no autocomplete")
        data, leaves = self._command_data(found, offered, subs, options)
        for leaf in leaves:
            if leaf["name"] == focused:
                leaf["focused"] = True
        made = begin(self.world, AUTOCOMPLETE, person, place, install="guild", data=data)
        return (await self._deliver(made)).choices

    async def menu(
        self, name: str, target: Json | str, user: str, *, install: str = "guild", channel: str = ""
    ) -> Interaction:
        """Use a context menu on a message, or on a person (channel says where)."""
        message = None if isinstance(target, str) and channel else self._target(target)
        place, person = self._ready(message.channel if message else channel, user)
        kind = commands.MESSAGE_MENU if message else commands.USER_MENU
        known = self._commands(place, install)
        found = next((c for c in known if c["type"] == kind and c["name"] == name), None)
        if found is None:
            raise AssertionError(f"the app has registered no menu {name!r} for that")
        self._offered(found, place, person, install)
        data: Json = {"id": found["id"], "name": name, "type": kind}
        if message:
            shown = message_shapes.message(self.world, message)
            data |= {"target_id": message.id, "resolved": {"messages": {message.id: shown}}}
        else:
            data |= self._about_person(place, self.world.person(str(target)))
        made = begin(self.world, COMMAND, person, place, install=install, data=data)
        made.menu = True
        return await self._deliver(made)

    async def click(
        self, message: Json | str, custom_id: str, user: str, values: Sequence[str] = ()
    ) -> Interaction:
        """Press a button, or choose values of a select; custom_id may be its beginning."""
        stored = self._target(message)
        place, person = self._ready(stored.channel, user)
        if stored.ephemeral and stored.shown_to != person.id:
            raise AssertionError(f"{person.name} does not see that message")
        control = find(stored.components, custom_id)
        if control is None:
            raise AssertionError(f"the message has no control {custom_id}")
        if control.get("disabled"):
            raise AssertionError(f"the control {control['custom_id']} is disabled")
        data: Json = {"component_type": control["type"], "custom_id": control["custom_id"]}
        data["id"] = control["id"]
        if control["type"] != BUTTON:
            _chosen(control, values)
            data["values"] = list(values)
        install = self._install(stored, place)
        made = begin(self.world, COMPONENT, person, place, install=install, data=data)
        made.source = stored
        return await self._deliver(made)

    async def submit(self, modal: Json, values: Mapping[str, Any], user: str) -> Interaction:
        """Send a form; values by custom_id: text, an option's value, lists, DiscordFiles."""
        opened = self.world.interactions[modal["interaction"]]
        person = self.world.person(user)
        if opened.modal is None or opened.user != person.id:
            raise AssertionError("that form is not open")

        def keep(file: DiscordFile) -> Attachment:
            return self.world.keep_file(file, opened.place.id, ephemeral=True)

        components, files = filled(opened.modal, values, keep)
        data: Json = {"custom_id": opened.modal["custom_id"], "components": components}
        data["resolved"] = {"attachments": resolved_files(self.world, files)} if files else {}
        both = "both" if len(opened.owners) > 1 else "user" if opened.user_only else "guild"
        made = begin(self.world, SUBMIT, person, opened.place, install=both, data=data)
        made.source = opened.source
        opened.modal = None
        return await self._deliver(made)

    def close_modal(self, modal: Json) -> None:
        """Close a form without sending it; the bot hears nothing of that."""
        self.world.interactions[modal["interaction"]].modal = None

    # --- inside ----------------------------------------------------------------------------------

    async def _deliver(self, made: Interaction) -> Interaction:
        sent = payload(made)
        guild = made.place.guild if made.place.guild in self.world.guilds else ""
        made.delivered = self.gateway.dispatch("INTERACTION_CREATE", lambda _: sent, guild=guild)
        if made.delivered:
            try:
                await asyncio.wait_for(
                    made.responded.wait(), self.world.knobs.interaction_seconds + 0.1
                )
            except TimeoutError:
                return made
        return made

    def _ready(self, channel: str, user: str) -> tuple[Channel, Person]:
        place, person = self.world.place(channel), self.world.person(user)
        self._enter(place, person)
        return place, person

    def _commands(self, place: Channel, install: str) -> list[Json]:
        own = self.world.commands.get(place.guild, []) if place.guild and install != "user" else []
        return [*self.world.commands[""], *own]

    def _offered(self, command: Json, place: Channel, person: Person, install: str) -> None:
        """Fail where the client hides the command from this person."""
        name = command["name"]
        if place.archived:
            raise AssertionError("nobody can use commands in an archived thread")
        wanted = {"guild": {0}, "user": {1}, "both": {0, 1}}[install]
        if not wanted & set(command["integration_types"]):
            raise AssertionError(f"{name} is not there for {install} installs")
        contexts = command["contexts"]
        if contexts is not None and context(place) not in contexts:
            raise AssertionError(f"{name} is not there in context {context(place)}")
        if command["nsfw"] and place.guild and not self.world.parent(place).nsfw:
            raise AssertionError(f"{name} is only in age-restricted channels")
        needed = command["default_member_permissions"]
        rights = self.world.rights(place, person.id) if place.guild else ALL
        if not has(rights, "USE_APPLICATION_COMMANDS"):
            raise AssertionError(f"{person.name} may not use commands there")
        if needed is None or not place.guild or has(rights, "ADMINISTRATOR"):
            return
        if int(needed) == 0 or int(needed) & ~rights:
            raise AssertionError(f"{name} is hidden from {person.name}")

    def _command_data(
        self, found: Json, offered: list[Json], subs: list[str], options: Mapping[str, Any]
    ) -> tuple[Json, list[Json]]:
        resolved: Json = {}
        kinds = {option["name"]: option["type"] for option in offered}
        leaves = [
            {
                "name": name,
                "type": kinds[name],
                "value": self._resolve(kinds[name], value, resolved),
            }
            for name, value in options.items()
        ]
        inner: list[Json] = leaves
        for depth, sub in enumerate(reversed(subs)):
            inner = [{"name": sub, "type": 1 if depth == 0 else 2, "options": inner}]
        data: Json = {"id": found["id"], "name": found["name"], "type": 1}
        data |= {"options": inner} if inner else {}
        data |= {"guild_id": found["guild_id"]} if "guild_id" in found else {}
        return (data | {"resolved": resolved} if resolved else data), leaves

    def _resolve(self, kind: int, value: Any, resolved: Json) -> Any:  # noqa: ANN401  # of any type
        if kind == commands.FILE:
            if not isinstance(value, DiscordFile):
                raise AssertionError("an attachment option takes a DiscordFile")
            kept = self.world.keep_file(value, "0", ephemeral=True)
            files = resolved.setdefault("attachments", {})
            files |= resolved_files(self.world, [kept])
            return kept.id
        if kind == commands.CHANNEL:
            place = self.world.place(value)
            shown = shapes.interaction_channel(self.world, place, ALL)
            resolved.setdefault("channels", {})[place.id] = shown
            return place.id
        if kind == commands.USER:
            person = self.world.person(value)
            resolved.setdefault("users", {})[person.id] = shapes.user(person)
            return person.id
        if kind in {commands.ROLE, commands.MENTIONABLE}:
            for guild in self.world.guilds.values():
                if value in guild.roles:
                    role = shapes.role(guild.roles[value], 1)
                    resolved.setdefault("roles", {})[value] = role
        return value

    def _about_person(self, place: Channel, person: Person) -> Json:
        resolved: Json = {"users": {person.id: shapes.user(person)}}
        guild = self.world.guild_of(place)
        if guild and person.id in guild.members:
            entry = shapes.member(self.world, guild, person.id)
            rights = self.world.rights(place, person.id)
            resolved["members"] = {person.id: {**entry, "permissions": str(rights)}}
        return {"target_id": person.id, "resolved": resolved}

    def _install(self, message: Message, place: Channel) -> str:
        guild = self.world.guild_of(place)
        owners = (message.interaction or {}).get("authorizing_integration_owners", {})
        if set(owners) == {"1"} or (guild and not guild.bot):
            return "user"
        return "guild"


def _chosen(control: Json, values: Sequence[str]) -> None:
    bounds = [control.get(name) for name in ("min_values", "max_values")]
    least, most = (1 if bound is None else bound for bound in bounds)
    if not least <= len(values) <= most:
        raise AssertionError(f"the select takes {least} to {most} values")
    if control["type"] == SELECT:
        offered = {option["value"] for option in control["options"]}
        if unknown := set(values) - offered:
            raise AssertionError(f"the select has no option {sorted(unknown)}")
