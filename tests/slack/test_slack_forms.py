"""Forms and shortcuts: what stands in them, what they cost, what becomes of what was sent."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.slack.harness import Thread, running
from tests.slack.steps import (
    answered,
    buttons,
    choices,
    control,
    edited,
    hurry,
    images,
    imagine,
    pressed,
    prompt,
    root_in,
    said,
    sent,
    shape,
    talk,
    user_id,
    view_after,
    whispered,
)
from tests.standins.pictures import png
from tests.standins.slack import Fault, SlackFile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin
    from tests.standins.slack.values import Json

FLASH, LITE, OLD = "gemini-3.1-flash-image", "gemini-3.1-flash-lite-image", "gemini-2.5-flash-image"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def opened(slack: SlackStandin, user: str = "ann", channel: str = "general") -> Json:
    """Give the command without words; returns the form."""
    await slack.command(channel, user, "/imagine")
    return await view_after(slack)


async def chosen(slack: SlackStandin, view: Json, field: str, value: str) -> Json:
    """Choose something that changes the price; returns the form as it stands then."""
    before = view["hash"]
    await slack.click(view, control(view, field)["action_id"], "ann", value)
    await slack.until(lambda: slack.views[-1]["hash"] != before)
    return slack.views[-1]


async def test_everything_that_stands_in_the_form_arrives_in_the_request(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    picture = png(40, 30)
    async with running(tmp_path, slack, gemini, way) as app:
        form = await opened(slack)
        values = {
            "prompt": "a fox\nwith this logo",
            "ratio": "16:9",
            "size": "2K",
            "thinking": "high",
            "search": "images",
            "count": "2",
            "model": FLASH,
            "files": [SlackFile(name="logo.png", data=picture)],
        }
        fields = {control(form, name)["action_id"]: value for name, value in values.items()}
        assert await sent(slack, form, fields) == {}
        thread = await root_in(slack, "general")
        await answered(app, thread)
    assert slack.views == []
    first, second = gemini.calls
    assert first.body == second.body
    assert prompt(first) == "a fox\nwith this logo"
    assert shape(first) == ("16:9", "2K")
    assert images(first) == [sha(picture)]
    assert first.body["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "high"
    assert first.body["tools"] == [
        {"googleSearch": {"searchTypes": {"webSearch": {}, "imageSearch": {}}}}
    ]
    assert f"/models/{FLASH}:" in first.path
    flags = f"--ar 16:9 --size 2K --image-search --think high --model {FLASH} --n 2"
    assert said(slack.messages("general")[0]).splitlines()[-1] == flags


async def test_the_price_is_shown_and_follows_the_choices(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way, GEMINI_MODEL=FLASH) as app:
        form = await opened(slack)
        assert "This will cost about $0.07." in said(form)
        form = await chosen(slack, form, "size", "4K")
        assert "This will cost about $0.15." in said(form)
        form = await chosen(slack, form, "count", "4")
        assert "This will cost about $0.60." in said(form)
        form = await chosen(slack, form, "search", "web")
        assert "This will cost about $0.66." in said(form)
        form = await chosen(slack, form, "model", OLD)
        assert "This will cost about $0.15." in said(form)  # 4 pictures of its one size
        fields = [block["block_id"] for block in form["blocks"]]
        assert not {"size", "search", "thinking"} & set(fields)
        assert "8:1" not in choices(form, "ratio")
        assert await sent(slack, form, {"prompt": "a fox"}) == {}
        thread = await root_in(slack, "general")
        await answered(app, thread)
    assert len(gemini.calls) == 4
    assert all(f"/models/{OLD}:" in call.path for call in gemini.calls)


async def test_the_price_of_a_person_with_defaults_is_that_of_their_defaults(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, slack, gemini, "http"):
        await slack.home("ann")
        await slack.until(lambda: slack.homes)
        form = await pressed(slack, slack.homes[user_id(slack, "ann")], "person-defaults")
        size = control(form, "size")["action_id"]
        assert await sent(slack, form, {size: "4K"}) == {}
        assert "This will cost about $0.15." in said(await opened(slack))


async def test_the_price_knows_the_operators_default_size(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    async with running(tmp_path, slack, gemini, "http", THREADPAINT_IMAGE_SIZE="4K"):
        assert "This will cost about $0.15." in said(await opened(slack))


async def test_mistakes_are_shown_under_their_fields_and_can_be_mended(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        form = await opened(slack)
        size, model = (control(form, name)["action_id"] for name in ("size", "model"))
        assert await sent(slack, form, {}) == {
            "prompt": "Say what you would like to see, or add a picture."
        }
        errors = await sent(slack, form, {"prompt": "a fox --ar 16:8"})
        assert list(errors) == ["prompt"]
        assert errors["prompt"].startswith("--ar 16:8 is not a ratio. Did you mean 16:9?")
        errors = await sent(slack, form, {"prompt": "a fox", size: "4K", model: OLD})
        assert errors == {"size": f"{OLD} cannot do --size 4K. Did you mean 1K? It takes 1K."}
        errors = await sent(slack, form, {"prompt": f"a fox --model {OLD}", model: "unsaid"})
        assert list(errors) == ["prompt"]
        assert slack.messages("general") == []
        assert await sent(slack, form, {"prompt": "a fox --ar 3:4 --size 2K"}) == {}
        thread = await root_in(slack, "general")
        await answered(app, thread)
    [call] = gemini.calls
    assert prompt(call) == "a fox"
    assert shape(call) == ("3:4", "2K")  # the words win over the field, which said 4K


async def test_a_form_sent_where_the_bot_is_not_offers_a_direct_message(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    between = talk(slack, "ann", "bob")
    async with running(tmp_path, slack, None, way) as app:
        form = await opened(slack, channel=between)
        picture = SlackFile(name="logo.png", data=png(40, 30))
        assert await sent(slack, form, {"files": [picture]}) == {}
        told = await whispered(slack, "ann")
        assert "I am not in that conversation" in said(told)
        assert buttons(told) == ["direct"]
        await slack.click(told, "direct", "ann")
        thread = await root_in(slack, slack.direct("ann"))
        await answered(app, thread)
    assert " asked for a picture" in said(thread.messages[0])
    assert len(thread.pictures) == 1


async def test_the_shortcut_for_a_new_image_asks_where_and_nowhere_is_a_direct_message(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    general = slack._channel("general").id
    async with running(tmp_path, slack, None, way) as app:
        await slack.shortcut("new_image", "ann")
        form = await view_after(slack)
        assert control(form, "channel")["type"] == "conversations_select"
        assert await sent(slack, form, {"prompt": "a fox", "channel": general}) == {}
        await answered(app, await root_in(slack, "general"))
        await slack.shortcut("new_image", "bob")
        form = await view_after(slack)
        assert await sent(slack, form, {"prompt": "a hare"}, "bob") == {}
        await answered(app, await root_in(slack, slack.direct("bob")))
    assert len(slack.messages("general")) == 1


async def test_who_may_not_ask_learns_it_under_the_prompt_of_the_form(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    blocked = user_id(slack, "bob")
    channels = slack.channel("random", members=["ann"])
    limits = {"THREADPAINT_BLOCKED_PEOPLE": blocked, "THREADPAINT_ALLOWED_CHANNELS": channels}
    async with running(tmp_path, slack, None, way, **limits):
        await slack.shortcut("new_image", "bob")
        form = await view_after(slack)
        errors = await sent(slack, form, {"prompt": "a fox"}, "bob")
        assert errors == {"prompt": "You cannot use Threadpaint here. Ask the people who run it."}
        await slack.shortcut("new_image", "ann")
        form = await view_after(slack, known=1)
        where = {"channel": slack._channel("general").id}
        errors = await sent(slack, form, {"prompt": "a fox", **where})
        assert list(errors) == ["prompt"]
        assert "not to be used in this channel" in errors["prompt"]
    assert slack.messages("general") == []


async def test_a_form_that_slack_does_not_open_is_not_passed_over_in_silence(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    slack.plan(Fault(method="views.open", kind="error", error="expired_trigger_id"))
    async with running(tmp_path, slack, None, way):
        await slack.command("general", "ann", "/imagine")
        told = await whispered(slack, "ann")
    assert said(told) == "Slack did not open the form. Try again."


# --- Edit this image ------------------------------------------------------------------------------


async def shortcut_form(slack: SlackStandin, message: Json, user: str = "ann") -> Json:
    """Use the shortcut on a message; returns the form."""
    known = len(slack.views)
    await slack.shortcut("edit_image", user, message=message)
    return await view_after(slack, known=known)


async def test_the_shortcut_on_our_picture_or_its_words_changes_that_picture(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        thread, words = await imagine(app, slack, "a fox --ar 16:9")
        await edited(slack, words, {"prompt": "make it night"})
        await answered(app, thread, 2)
        first = sha(slack.picture_bytes(thread.pictures[0])[0])
        for number, message in enumerate((thread.pictures[0], words), 3):
            form = await shortcut_form(slack, message, "bob")
            assert "The picture: a fox" in said(form)
            assert await sent(slack, form, {"prompt": f"change {number}"}, "bob") == {}
            await answered(app, thread, number)
    for call in gemini.calls[1:]:
        assert images(call) == [first]
        assert shape(call)[0] == "16:9"  # an edit inherits what it does not name
    assert len(slack.messages("general")) == 1


async def test_the_shortcut_on_several_pictures_changes_the_one_that_was_picked(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        thread, words = await imagine(app, slack, "a fox --n 2")
        first, second = map(sha, slack.picture_bytes(thread.pictures[0]))
        form = await shortcut_form(slack, thread.pictures[0])
        assert await sent(slack, form, {"prompt": "brighter"}) == {}
        await answered(app, thread, 2)
        await slack.click(words, "pick:2", "ann")
        form = await shortcut_form(slack, thread.pictures[0])
        assert await sent(slack, form, {"prompt": "darker"}) == {}
        await answered(app, thread, 3)
    assert images(gemini.calls[2]) == [first]
    assert images(gemini.calls[3]) == [second]


async def test_the_shortcut_on_somebodys_image_answers_in_its_thread_with_it_as_material(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    one, two, extra = (SlackFile(name=f"{n}.png", data=png(40, 30, n)) for n in "abc")
    async with running(tmp_path, slack, gemini, way) as app:
        root = await slack.say("general", "bob", "look", files=[one])
        reply = await slack.say("general", "bob", "and this", thread_ts=root, files=[two, one])
        thread = Thread(slack, "general", root)
        form = await shortcut_form(slack, slack.message("general", root))
        assert "The picture: a.png" in said(form)
        assert await sent(slack, form, {"prompt": "brighter", "files": [extra]}) == {}
        await answered(app, thread)
        form = await shortcut_form(slack, slack.message("general", reply))
        assert await sent(slack, form, {"prompt": "darker"}) == {}
        await answered(app, thread, 2)
    assert images(gemini.calls[0]) == [sha(one.data), sha(extra.data)]
    assert images(gemini.calls[1]) == [sha(two.data), sha(one.data)]
    assert prompt(gemini.calls[1]) == "darker"


async def test_the_shortcut_says_why_it_cannot_be_used(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    elsewhere = slack.channel("elsewhere", members=["bob"], bot=False)
    blocked = {"THREADPAINT_BLOCKED_PEOPLE": user_id(slack, "bob")}
    async with running(tmp_path, slack, None, way, **blocked) as app:
        thread, _ = await imagine(app, slack)
        await slack.shortcut("edit_image", "ann", message=thread.messages[0])
        told = await whispered(slack, "ann")
        assert said(told).startswith("There is no picture in this message that I can use.")
        await slack.shortcut("edit_image", "bob", message=thread.pictures[0])
        refusal = said(await whispered(slack, "bob"))
        assert refusal == "You cannot use Threadpaint here. Ask the people who run it."
        ts = await slack.say(elsewhere, "bob", "hello")
        await slack.shortcut("edit_image", "bob", message=slack.message(elsewhere, ts))
        told = await whispered(slack, "bob", known=1)
        assert (said(told), told["via"]) == (refusal, "response_url")
    assert slack.views == []


async def test_the_shortcut_on_an_image_that_the_bot_cannot_see_says_so(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    elsewhere = slack.channel("elsewhere", members=["bob"], bot=False)
    async with running(tmp_path, slack, None, way):
        picture = SlackFile(name="a.png", data=png(40, 30))
        ts = await slack.say(elsewhere, "bob", "look", files=[picture])
        await slack.shortcut("edit_image", "bob", message=slack.message(elsewhere, ts))
        told = await whispered(slack, "bob")
    assert said(told).startswith("I cannot see this picture. Invite me to its conversation")
    assert slack.views == []


async def test_the_form_for_a_change_has_what_the_model_of_the_picture_can_do(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    fox = "\N{FOX FACE}" * 400
    async with running(tmp_path, slack, gemini, "http") as app:
        thread, words = await imagine(app, slack, f"{fox} --model {LITE} --ar 8:1")
        form = await pressed(slack, words, "edit")
        assert len(form["private_metadata"]) <= 3000
        assert "size" not in [block["block_id"] for block in form["blocks"]]
        assert "This will cost about $0.03." in said(form)
        assert await sent(slack, form, {"prompt": "darker --size 4K"}) == {
            "prompt": f"{LITE} cannot do --size 4K. Did you mean 1K? It takes 1K."
        }
        assert await sent(slack, form, {"prompt": "darker"}) == {}
        await answered(app, thread, 2)
        form = await pressed(slack, words, "ratio")
        assert "This will cost about $0.03." in said(form)
    assert f"/models/{LITE}:" in gemini.calls[1].path
