"""The home tab: what one person sees there, and what they and admins set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.slack.harness import running
from tests.slack.steps import (
    answered,
    begin,
    buttons,
    control,
    edited,
    hurry,
    imagine,
    links,
    pressed,
    prompt,
    said,
    sent,
    shape,
    user_id,
)
from tests.standins.slack import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin
    from tests.standins.slack.values import Json


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


async def home_of(slack: SlackStandin, user: str) -> Json:
    """Open the home tab; returns it as it is then."""
    before = slack.homes.get(user_id(slack, user), {}).get("hash")
    await slack.home(user)
    return await renewed(slack, user, before)


async def renewed(slack: SlackStandin, user: str, before: str | None) -> Json:
    """Wait until a home tab was published anew."""
    name = user_id(slack, user)
    await slack.until(lambda: slack.homes.get(name, {}).get("hash", before) != before)
    return slack.homes[name]


async def saved(slack: SlackStandin, form: Json, user: str, **values: str) -> Json:
    """Send a form of the home tab, its fields by name; returns the tab that follows."""
    before = slack.homes[user_id(slack, user)]["hash"]
    by_action = {control(form, name)["action_id"]: value for name, value in values.items()}
    assert await sent(slack, form, by_action, user) == {}
    return await renewed(slack, user, before)


async def test_a_newcomer_sees_what_to_do_and_only_admins_see_the_channels(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    async with running(tmp_path, slack, None, way):
        ann = await home_of(slack, "ann")
        root = await home_of(slack, "root")
        await slack.home("bob", tab="messages")
    text = said(ann)
    for words in ("/imagine a red fox in the snow", "None yet.", "None of your own.", "--ar RATIO"):
        assert words in text
    assert "Pictures left today" not in text
    assert buttons(ann) == ["person-defaults"]
    assert "Channels" not in text
    assert buttons(root) == ["person-defaults", "channel-rules"]
    assert "No channel is set to anything of its own." in said(root)
    assert user_id(slack, "bob") not in slack.homes


async def test_ones_newest_pictures_are_listed_with_links_to_them(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    async with running(tmp_path, slack, None, way) as app:
        thread, words = await imagine(app, slack, "a fox &lt;!channel&gt;")
        await edited(slack, words, {"prompt": "make it night"})
        await answered(app, thread, 2)
        await imagine(app, slack, "a hare", user="bob")
        await slack.click(words, "delete", "ann")
        await slack.until(lambda: len(thread.pictures) == 1)
        ann = await home_of(slack, "ann")
    text = said(ann)
    assert text.index("make it night") < text.index("a fox <!channel>")
    assert "a hare" not in text
    [link] = links(ann)  # the deleted one leads nowhere
    assert thread.pictures[0]["ts"].replace(".", "") in link


async def test_ones_own_defaults_hold_for_ones_own_next_picture(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way):
        form = await pressed(slack, await home_of(slack, "ann"), "person-defaults")
        ann = await saved(slack, form, "ann", ratio="21:9", size="2K")
        assert "shape 21:9, size 2K" in said(ann)
    async with running(tmp_path, slack, gemini, way) as app:
        await imagine(app, slack, "one")
        await imagine(app, slack, "two --ar 1:1")
        await imagine(app, slack, "three", user="bob")
        form = await pressed(slack, ann, "person-defaults")
        assert control(form, "ratio")["initial_option"]["value"] == "21:9"
        ann = await saved(slack, form, "ann", ratio="unsaid", size="unsaid")
        assert "None of your own." in said(ann)
        await imagine(app, slack, "four")
    assert [(prompt(call), *shape(call)) for call in gemini.calls] == [
        ("one", "21:9", "2K"),
        ("two", "1:1", "2K"),
        ("three", None, None),
        ("four", None, None),
    ]


async def test_an_admin_sets_a_channel_and_it_holds_there(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    slack.channel("random", members=["ann", "bob"])
    general = slack._channel("general").id
    async with running(tmp_path, slack, gemini, way) as app:
        form = await pressed(slack, await home_of(slack, "root"), "channel-rules", "root")
        rules = {"channel": general, "follow": "mention", "ratio": "3:4"}
        root = await saved(slack, form, "root", **rules)
        assert "Only mentions count; shape 3:4" in said(root)
        thread, _ = await imagine(app, slack, "one")
        await imagine(app, slack, "two", channel="random")
        await slack.say("general", "bob", "how nice", thread_ts=thread.ts)
        mention = f"<@{slack.bot_user}> make it night"
        await slack.say("general", "bob", mention, thread_ts=thread.ts)
        await answered(app, thread, 2)
    assert [(prompt(call), shape(call)[0]) for call in gemini.calls] == [
        ("one", "3:4"),
        ("two", None),
        ("make it night", "3:4"),
    ]


async def test_nobody_but_an_admin_sets_a_channel(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    listed = {"THREADPAINT_ADMINS": user_id(slack, "bob")}
    async with running(tmp_path, slack, None, way, **listed):
        ann = await home_of(slack, "ann")
        await slack.click(await home_of(slack, "bob"), "channel-rules", "ann")  # another's button
        form = await pressed(slack, slack.homes[user_id(slack, "bob")], "channel-rules", "bob")
        assert len(slack.views) == 1
        values = {"channel": slack._channel("general").id}
        errors = await sent(slack, form, values, "ann")
        assert errors == {"channel": "Only admins can set channels."}
        bob = await saved(slack, form, "bob", follow="owner", **values)
    assert "Only replies of who began the thread" in said(bob)
    assert buttons(ann) == ["person-defaults"]


async def test_what_is_left_of_the_days_pictures_counts_down(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    quota = {"THREADPAINT_PERSON_DAILY_PICTURES": "2"}
    async with running(tmp_path, slack, None, way, **quota) as app:
        assert "Pictures left today: 2" in said(await home_of(slack, "ann"))
        await imagine(app, slack)
        assert "Pictures left today: 1" in said(await home_of(slack, "ann"))
        await imagine(app, slack, "a hare")
        ann = said(await home_of(slack, "ann"))
        assert "Your pictures of today are used up." in ann
        assert "Pictures left today: 2" in said(await home_of(slack, "bob"))
        thread = await begin(slack, "an owl")
        assert said(await thread.told())


async def test_a_home_tab_that_slack_did_not_take_comes_when_it_is_opened_again(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    slack.plan(Fault(method="views.publish", kind="error", error="hash_conflict"))
    async with running(tmp_path, slack, None, way):
        await slack.home("ann")
        await slack.until(lambda: slack.calls("views.publish"))
        assert "What I can do" in said(await home_of(slack, "ann"))
