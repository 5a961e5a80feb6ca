"""What people do and see in these tests, in one line each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.conversation import TurnId
from tests.slack.harness import Thread
from tests.standins.slack.world import Channel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from bot.serving import App
    from tests.standins.gemini import Seen
    from tests.standins.slack import Ack, SlackStandin
    from tests.standins.slack.values import Json


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits that are there for the real Slack; what is done stays the same."""
    monkeypatch.setattr("adapters.slack.web.PACE_SECONDS", 0.01)
    monkeypatch.setattr("adapters.slack.posting._SETTLE_SECONDS", 0.1)
    monkeypatch.setattr("adapters.slack.files_out.POLLS", (0.07,) * 100)
    monkeypatch.setattr("adapters.slack.errands._WAITS", (0.1, 0.2, 0.4))
    monkeypatch.setattr("adapters.slack.messages._ORDER", timedelta(seconds=0.05))


async def begin(
    slack: SlackStandin, text: str = "a fox", *, user: str = "ann", channel: str = "general"
) -> Thread:
    """Give the command, and wait for the root message."""
    before = len(slack.messages(channel))
    await slack.command(channel, user, "/imagine", text)
    return await root_in(slack, channel, before)


async def root_in(slack: SlackStandin, channel: str, number: int = 0) -> Thread:
    """Wait for a message outside of threads; returns its thread."""
    await slack.until(lambda: len(slack.messages(channel)) > number)
    return Thread(slack, channel, slack.messages(channel)[number]["ts"])


async def imagine(
    app: App, slack: SlackStandin, text: str = "a fox", **more: str
) -> tuple[Thread, Json]:
    """Give the command, and wait for the answer; returns its thread and its words."""
    thread = await begin(slack, text, **more)
    return thread, await answered(app, thread)


async def answered(app: App, thread: Thread, times: int = 1) -> Json:
    """Wait until so many answers stand and their turns are over; returns the last one's words."""
    words = await thread.answered(times)
    await app.turns.ended(TurnId(words["metadata"]["event_payload"]["turn"]))
    return words


async def view_after(slack: SlackStandin, *, known: int = 0) -> Json:
    """Wait until more than so many forms are open; returns the newest."""
    await slack.until(lambda: len(slack.views) > known)
    return slack.views[-1]


async def pressed(slack: SlackStandin, message: Json, action: str, user: str = "ann") -> Json:
    """Press a button that opens a form; returns the form."""
    known = len(slack.views)
    await slack.click(message, action, user)
    return await view_after(slack, known=known)


async def sent(
    slack: SlackStandin, view: Json, values: Mapping[str, object], user: str = "ann"
) -> Mapping[str, str]:
    """Send a form; returns the errors under its fields."""
    ack: Ack = await slack.submit(view, values, user)
    assert ack.acked
    errors: Mapping[str, str] = ack.payload.get("errors", {})
    return errors


async def edited(
    slack: SlackStandin, message: Json, values: Mapping[str, object], user: str = "ann"
) -> None:
    """Ask for a change by the button under an answer."""
    view = await pressed(slack, message, "edit", user)
    assert await sent(slack, view, values, user) == {}


async def whispered(slack: SlackStandin, user: str, *, known: int = 0) -> Json:
    """Wait until a person was told more than so many things alone; returns the newest."""
    name = user_id(slack, user)

    def told() -> list[Json]:
        return [one for one in slack.ephemerals if one["user"] == name]

    await slack.until(lambda: len(told()) > known)
    return told()[-1]


def user_id(slack: SlackStandin, name: str) -> str:
    return next(person.id for person in slack.world.people.values() if person.name == name)


def talk(slack: SlackStandin, *names: str) -> str:
    """Add a direct conversation of people, without the bot; returns its id."""
    made = Channel(
        id=slack.world.new_id("D"),
        name="",
        kind="im",
        members={user_id(slack, name) for name in names},
    )
    slack.world.channels[made.id] = made
    return made.id


def said(thing: Json) -> str:
    """Everything that people read in a message or view, a line for each piece of text."""
    return "\n".join(_texts(thing["blocks"])) or str(thing.get("text", ""))


def _texts(node: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        for item in node:
            yield from _texts(item)
    elif isinstance(node, dict):
        for name, item in node.items():
            if name == "text" and isinstance(item, str):
                yield item
            elif name not in {"initial_option", "confirm"}:
                yield from _texts(item)


def buttons(message: Json) -> list[str]:
    """The names of the controls of a message or view."""
    return [
        element["action_id"]
        for block in message["blocks"]
        for element in [*block.get("elements", []), block.get("element", {})]
        if "action_id" in element
    ]


def control(view: Json, name: str) -> Json:
    """Find the input of a field of a form, by its block_id."""
    found: Json = next(block for block in view["blocks"] if block["block_id"] == name)["element"]
    return found


def choices(view: Json, name: str) -> list[str]:
    """The values that a menu of a form offers."""
    return [option["value"] for option in control(view, name)["options"]]


def links(thing: Json) -> list[str]:
    """Every address that a message or view links to."""
    found: list[str] = []

    def walk(node: Any) -> None:  # noqa: ANN401 - JSON
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            found.extend(node[name] for name in ("url",) if name in node)
            walk(list(node.values()))

    walk(thing["blocks"])
    return found


def prompt(seen: Seen) -> str:
    """The words of the newest content of a request."""
    return " ".join(part["text"] for part in seen.body["contents"][-1]["parts"] if "text" in part)


def shape(seen: Seen) -> tuple[str | None, str | None]:
    """Ratio and size that a request asks for."""
    image = seen.body["generationConfig"].get("imageConfig", {})
    return image.get("aspectRatio"), image.get("imageSize")


def images(seen: Seen) -> list[str]:
    """The SHA-256 of every picture that a request carries, in order."""
    return [
        part["inlineData"]["sha256"]
        for content in seen.body["contents"]
        for part in content["parts"]
        if "inlineData" in part
    ]
