"""What people do in this Slack: talk, click, submit; and what they see."""

from __future__ import annotations

import asyncio
import re
import uuid
from copy import deepcopy
from typing import TYPE_CHECKING

from tests.standins.slack.forms import action, find_control, state_values
from tests.standins.slack.payloads import mentions, rich_text
from tests.standins.slack.response_urls import new_response_url
from tests.standins.slack.sight import Sight
from tests.standins.slack.surfaces import checked_view, new_trigger, stored_view
from tests.standins.slack.talk import permalink, whisper
from tests.standins.slack.values import Ack, Json, Refused, SlackFile
from tests.standins.slack.world import (
    BOT_USER,
    FOREIGN_TEAM,
    TEAM,
    Channel,
    Person,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.standins.slack.delivery import Delivery, Kind

_RAW = re.compile(r"&(?!(amp|lt|gt);)")


class People(Sight):
    """The people's side; names and ids are both good wherever a person or channel is asked for."""

    # --- who and where ---------------------------------------------------------------------------

    def person(
        self, name: str, *, admin: bool = False, external: bool = False, bot: bool = False
    ) -> str:
        """Add a person (external: from Slack Connect; bot: another app); return the user id."""
        team = FOREIGN_TEAM if external else TEAM
        made = Person(id=self.world.new_id("U"), name=name, admin=admin, team=team)
        made.bot_id = self.world.new_id("B") if bot else ""
        self.world.people[made.id] = made
        return made.id

    def channel(
        self,
        name: str,
        *,
        members: Iterable[str] = (),
        bot: bool = True,
        private: bool = False,
        archived: bool = False,
    ) -> str:
        """Add a channel; return its id. People join a public one by speaking in it."""
        made = Channel(
            id=self.world.new_id("C"),
            name=name,
            kind="group" if private else "channel",
            members={self._person(member).id for member in members}
            | ({BOT_USER} if bot else set()),
            archived=archived,
        )
        self.world.channels[made.id] = made
        return made.id

    def direct(self, user: str) -> str:
        """Return the id of the direct conversation of this person and the bot."""
        return self.world.direct(self._person(user).id).id

    def group(self, members: Iterable[str]) -> str:
        """Add a user group; return its id."""
        made = self.world.new_id("S")
        self.world.groups[made] = [self._person(member).id for member in members]
        return made

    # --- talking ---------------------------------------------------------------------------------

    async def say(
        self,
        channel: str,
        user: str,
        text: str,
        *,
        thread_ts: str | None = None,
        files: Sequence[SlackFile] = (),
        attachments: Sequence[Json] = (),
        client_msg_id: str | None = None,
        copies: int = 1,
        broadcast: bool = False,
    ) -> str:
        """Post as a person and deliver the events; return the ts.

        text: as on the wire (``<@U..>``, ``&amp;``). copies: how often each event arrives. Returns
        when the first attempt of each is acked, timed out, cut off, or found nobody.
        """
        place, person = self._place(channel, user)
        message: Json = {"user": person.id, "text": _wire(text), "team": person.team}
        message |= {"user_team": person.team, "source_team": person.team}
        message |= {"blocks": rich_text(text)} if text else {}
        message |= {"bot_id": person.bot_id} if person.bot_id else {}
        if attachments:
            message["attachments"] = list(attachments)
        if thread_ts:
            message["thread_ts"] = thread_ts
            message |= {"subtype": "thread_broadcast"} if broadcast else {}
        stored_files = [self.world.keep_file(person.id, file) for file in files]
        if stored_files:
            del message["team"]
            message |= {"subtype": "file_share", "upload": False, "display_as_bot": False}
            message["files"] = [{"id": file.id} for file in stored_files]
        elif not person.bot_id:
            message["client_msg_id"] = client_msg_id or str(uuid.uuid4())
        stored = self.world.post(place, message)
        for file in stored_files:
            self.world.share(file, place, stored)
        events = [self.world.message_event(place, stored)]
        if place.kind != "im" and BOT_USER in mentions(text):
            events.append(_mention(events[0]))
        if self.world.knobs.app_mention_first:
            events.reverse()
        sent = [self.announce(event, copies=copies) for event in events]
        await _tried([delivery for several in sent for delivery in several])
        return str(stored["ts"])

    def forwarded(self, message: Json, *, image_url: str = "") -> Json:
        """Return the attachment that shares a message; image_url replaces its files."""
        shown = self.world.shown(message)
        kept: Json = {name: shown[name] for name in ("text", "ts", "files") if name in shown}
        if image_url:
            kept = {"image_url": image_url}
        link = permalink(self.world.channels[message["channel"]], message)
        shares = {"is_share": True, "is_msg_unfurl": True, "from_url": link}
        return {**shares, "author_id": message["user"], "channel_id": message["channel"], **kept}

    async def edit(self, channel: str, ts: str, text: str) -> None:
        """Change a person's message."""
        place, message = self._message(channel, ts)
        before = deepcopy(message)
        message |= {"text": _wire(text), "blocks": rich_text(text)}
        message["edited"] = {"user": message["user"], "ts": self.world.next_ts()}
        await self._after(lambda: self.world.announce_change(place, before, message))

    async def delete(self, channel: str, ts: str) -> None:
        """Delete a message, whoever wrote it; a root with replies stays as a tombstone."""
        place, message = self._message(channel, ts)
        await self._after(lambda: self.world.remove(place, message))

    async def event(self, event: Json) -> None:
        """Deliver any event, such as ``{"type": "tokens_revoked", ...}``."""
        sent = self.announce({"event_ts": self.world.next_ts(), **event})
        if not sent:
            raise AssertionError(f"the app does not hear of {event['type']} there")
        await _tried(sent)

    async def home(self, user: str, tab: str = "home") -> None:
        """Open the app's Home or Messages tab."""
        person = self._person(user)
        event: Json = {"type": "app_home_opened", "user": person.id, "tab": tab}
        event["channel"] = self.world.direct(person.id).id
        if tab == "home" and person.id in self.world.homes:
            event["view"] = self.world.homes[person.id]
        if tab == "messages":
            event["context"] = {"entities": []}
        await self.event(event)

    async def stop_session(self, channel: str, thread_ts: str, user: str) -> None:
        """Press Slack's own Stop button, which is there while the session is processing."""
        place, person = self._place(channel, user)
        if self.world.sessions.get((place.id, thread_ts)) != "processing":
            raise AssertionError("there is no Stop button: no session is processing")
        event = {"type": "agent_session_stopped", "channel": place.id, "thread_ts": thread_ts}
        await self.event({**event, "user": person.id, "streaming_message_ts": []})

    # --- commands, clicks, forms -----------------------------------------------------------------

    async def command(self, channel: str, user: str, command: str, text: str = "") -> Ack:
        """Give a slash command; what the ack says is shown to the person."""
        place, person = self._place(channel, user)
        _wire(text)
        self._needs_commands()
        url = new_response_url(self.world, place.id, person.id)
        payload = self.command_payload(place, person, command, text)
        payload["response_url"] = url
        ack = await self._interact("slash_commands", payload)
        said: Json = {name: ack.payload[name] for name in ("text", "blocks") if name in ack.payload}
        if said and ack.payload.get("response_type") == "in_channel":
            self.world.post(place, self.world.bot_message(said))
        elif said:
            whisper(self.world, place.id, person.id, {**said, "via": "ack"})
        return ack

    async def click(
        self, message: Json, action_id: str, user: str, value: str | None = None
    ) -> Ack:
        """Use a control of a message, an ephemeral message, a modal or a home tab.

        value: of the option to choose; of a button it must be the button's own.
        """
        if "root_view_id" in message:
            return await self._click_view(message, action_id, user, value)
        place, person = self._place(message["channel"], user)
        hidden = message.get("is_ephemeral", False)
        kept = self.world.ephemerals if hidden else place.messages
        stored = next((other for other in kept if other["ts"] == message["ts"]), None)
        if stored is None:
            raise AssertionError("that message is gone")
        block, element = find_control(stored.get("blocks", []), action_id, value)
        payload = self.click_payload(place, person, stored, action(block, element, value))
        payload["response_url"] = new_response_url(self.world, place.id, person.id, stored)
        return await self._interact("interactive", payload)

    async def _click_view(self, view: Json, action_id: str, user: str, value: str | None) -> Ack:
        person = self._person(user)
        views = [*self.world.views.values(), *self.world.homes.values()]
        stored = next((other for other in views if other["id"] == view["id"]), None)
        if stored is None:
            raise AssertionError("that view is closed")
        block, element = find_control(stored["blocks"], action_id, value)
        used = action(block, element, value)
        if element["type"] != "button":
            names = {"action_id", "block_id", "text", "style"}
            state = {name: item for name, item in used.items() if name not in names}
            stored["state"]["values"].setdefault(block["block_id"], {})[action_id] = state
        return await self._interact("interactive", self.view_click_payload(person, stored, used))

    async def shortcut(self, callback_id: str, user: str, *, message: Json | None = None) -> Ack:
        """Use a global shortcut, or a message shortcut on a message."""
        person = self._person(user)
        self._needs_commands()
        payload = self.shortcut_payload(callback_id, person)
        if message is not None:
            place, stored = self._message(message["channel"], message["ts"])
            payload |= {"type": "message_action", "message_ts": stored["ts"]}
            payload |= {"message": self.world.shown(stored)}
            payload |= {"channel": {"id": place.id, "name": place.shown_name}}
            payload["response_url"] = new_response_url(self.world, place.id, person.id)
        return await self._interact("interactive", payload)

    async def submit(self, view: Json, values: Mapping[str, object], user: str) -> Ack:
        """Submit a modal; see forms.state_values for values. ``response_action`` is obeyed."""
        person, stored = self._person(user), self.world.views.get(view["id"])
        if stored is None:
            raise AssertionError("that view is closed")

        def upload(file: SlackFile) -> Json:
            kept = self.world.keep_file(person.id, file)
            kept.granted = True
            return self.world.described(kept)

        stored["state"] = {"values": state_values(stored, values, upload)}
        payload = self.form_payload(person, stored, "view_submission")
        ack = await self._interact("interactive", payload)
        if ack.acked:
            self._respond(stored, ack.payload)
        return ack

    async def close_view(self, view: Json, user: str) -> None:
        """Close a modal; the bot hears of it if it asked for notify_on_close."""
        stored = self.world.views.pop(view["id"])
        if stored["notify_on_close"]:
            payload = self.form_payload(self._person(user), stored, "view_closed")
            await self._interact("interactive", {**payload, "is_cleared": False})

    def _respond(self, view: Json, answer: Json) -> None:
        todo = answer.get("response_action")
        if todo == "errors":
            inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
            if unknown := set(answer.get("errors", {})) - inputs or not answer.get("errors"):
                self.world.complain(f"errors for no input block: {unknown}")
            return
        if todo in {"update", "push"}:
            try:
                checked_view(self.world, answer["view"], "modal")
            except Refused as refused:
                self.world.complain(f"response_action {todo}: {refused.answer}")
                return
            user = self.world.view_users[view["id"]]
            made = stored_view(self.world, answer["view"], user, view if todo == "update" else None)
            if todo == "push":
                made |= {"root_view_id": view["root_view_id"], "previous_view_id": view["id"]}
            self.world.views[made["id"]] = made
            return
        if todo not in {None, "clear"}:
            self.world.complain(f"no such response_action: {todo}")
        for other in list(self.world.views.values()):
            if other is view or (todo and other["root_view_id"] == view["root_view_id"]):
                self.world.views.pop(other["id"], None)

    # --- inside ----------------------------------------------------------------------------------

    async def _interact(self, kind: Kind, payload: Json) -> Ack:
        person = payload.get("user_id") or payload["user"]["id"]
        payload["trigger_id"] = new_trigger(self.world, person)
        delivery = self.deliveries.send(kind, payload)
        await delivery.ended.wait()
        return delivery.ack

    def _needs_commands(self) -> None:
        if "commands" not in self.world.scopes:
            raise AssertionError("without the scope commands there are no commands or shortcuts")

    async def _after(self, work: Callable[[], object]) -> None:
        before = len(self.deliveries.sent)
        work()
        await _tried(self.deliveries.sent[before:])


def _wire(text: str) -> str:
    if _RAW.search(text) or re.search(r"<(?![@#!]|https?:|mailto:)", text):
        raise AssertionError(f"Slack would send &amp; &lt; &gt; in {text!r}")
    return text


def _mention(event: Json) -> Json:
    names = set(event) - {"channel_type", "subtype", "parent_user_id"}
    return {name: event[name] for name in event if name in names} | {"type": "app_mention"}


async def _tried(deliveries: Iterable[Delivery]) -> None:
    await asyncio.gather(*(delivery.tried.wait() for delivery in deliveries))
