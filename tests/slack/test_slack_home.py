import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack import home
from adapters.slack.actions import Action
from adapters.slack.home import Recent
from adapters.slack.values import View
from bot.access import FOLLOW, Follow
from bot.options import GenerationOptions
from bot.preferences import ChannelRules
from tests.slack.golden import FLASH, LITE, NOW
from tests.slack.limits import check_view, live
from tests.slack.test_slack_modals import WORDS, inputs, sent

LINK = "https://x.slack.com/archives/C1/p17"


def made(
    *,
    recent: tuple[Recent, ...] = (Recent(prompt="A fox", permalink=LINK, when=NOW),),
    left: int | None = None,
    defaults: GenerationOptions | None = None,
    rules: Mapping[str, ChannelRules] | None = None,
    grammar: str = "All words",
) -> Mapping[str, Any]:
    return home.home(
        recent=recent,
        pictures_left=left,
        defaults=defaults or GenerationOptions(),
        rules=rules,
        grammar=grammar,
    )


def actions(view: Mapping[str, Any]) -> set[str]:
    rows = [block["elements"] for block in view["blocks"] if block["type"] == "actions"]
    return {button["action_id"] for row in rows for button in row}


def test_recent_pictures_lead_to_their_messages() -> None:
    assert live(made()) == [LINK]
    assert '"text": "A fox"' in json.dumps(made())


def test_a_picture_whose_message_is_not_known_is_named_without_a_link() -> None:
    view = made(recent=(Recent(prompt="A fox", permalink="", when=NOW),))
    assert not live(view)
    assert "A fox" in json.dumps(view)


@pytest.mark.parametrize(
    ("left", "words"),
    [(17, "Pictures left today: 17"), (1, "today: 1"), (0, "used up"), (-3, "used up")],
)
def test_what_is_left_of_today_is_told(left: int, words: str) -> None:
    assert words in json.dumps(made(left=left))


def test_nothing_is_said_of_a_limit_where_there_is_none() -> None:
    assert "today" not in json.dumps(made(left=None))


def test_only_an_admin_sees_what_channels_are_set_to() -> None:
    rules = {"C1": ChannelRules(follow="owner", options=GenerationOptions(image_size="2K"))}
    assert actions(made()) == {Action.PERSON_DEFAULTS}
    admin = made(rules=rules)
    assert actions(admin) == {Action.PERSON_DEFAULTS, Action.CHANNEL_RULES}
    assert "channel C1" in live(admin)
    assert "size 2K" in json.dumps(admin)


def test_an_admin_without_any_rules_can_begin() -> None:
    assert Action.CHANNEL_RULES in actions(made(rules={}))


def test_ones_own_defaults_are_shown() -> None:
    defaults = GenerationOptions(aspect_ratio="4:3", image_size="2K")
    assert "shape 4:3, size 2K" in json.dumps(made(defaults=defaults))


def test_of_very_many_channels_the_first_are_shown_and_the_others_counted() -> None:
    view = made(rules={f"C{number}": ChannelRules(follow="mention") for number in range(4_000)})
    check_view(view)
    assert "and 3950 more" in json.dumps(view)


@settings(deadline=None)  # other tests share the machine
@given(text=WORDS, pictures=st.integers(0, 40), channels=st.integers(0, 300))
def test_no_home_tab_exceeds_the_limits(text: str, pictures: int, channels: int) -> None:
    rules = {
        f"C{number}": ChannelRules(follow="mention", options=GenerationOptions(image_size="2K"))
        for number in range(channels)
    }
    view = made(
        recent=(Recent(prompt=text, permalink=LINK, when=NOW),) * pictures,
        rules=rules,
        grammar=text,
    )
    check_view(view)
    assert set(live(view)) <= {LINK, *(f"channel {channel}" for channel in rules)}


@pytest.mark.parametrize(
    "defaults",
    [
        GenerationOptions(),
        GenerationOptions(aspect_ratio="4:3"),
        GenerationOptions(aspect_ratio="9:16", image_size="4K"),
    ],
)
def test_ones_own_defaults_are_read_as_they_were_shown(defaults: GenerationOptions) -> None:
    view = home.person_form(defaults, FLASH)
    check_view(view)
    assert home.person_in(sent(view)) == defaults


def test_defaults_can_be_taken_back() -> None:
    view = home.person_form(GenerationOptions(aspect_ratio="4:3"), FLASH)
    assert home.person_in(sent(view, {"ratio": "unsaid"})) == GenerationOptions()


@pytest.mark.parametrize("follow", [None, *FOLLOW])
def test_what_a_channel_is_set_to_is_read_as_it_was_shown(follow: Follow | None) -> None:
    rules = ChannelRules(follow=follow, options=GenerationOptions(aspect_ratio="1:1"))
    view = home.channel_form(FLASH, channel="C1", rules=rules)
    check_view(view)
    assert home.channel_in(sent(view)) == ("C1", rules)


def test_another_channel_can_be_chosen() -> None:
    view = home.channel_form(FLASH, rules=ChannelRules())
    assert "optional" not in inputs(view)["channel"]
    channel, _ = home.channel_in(sent(view, {"channel": "C9", "follow": "mention"}))
    assert channel == "C9"


def test_a_follow_policy_that_does_not_exist_is_none() -> None:
    view = View(
        id="V1", hash="", callback_id="channel-form", private_metadata="", values={"follow": "x"}
    )
    assert home.channel_in(view) == ("", ChannelRules())


def test_a_default_size_that_the_model_lacks_is_not_shown_as_chosen() -> None:
    view = home.person_form(GenerationOptions(image_size="4K"), LITE)
    assert home.person_in(sent(view)) == GenerationOptions()
