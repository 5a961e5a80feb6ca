import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack import modals
from adapters.slack.actions import Action
from adapters.slack.fields import LONGEST_PROMPT
from adapters.slack.modals import Form
from adapters.slack.values import SlackFile, View
from bot.chat import Attachment, Reply
from bot.conversation import Source
from bot.options import RATIOS, GenerationOptions
from bot.ports import Material, Record, Step
from bot.profiles import PROFILES, ModelProfile
from tests.slack import golden
from tests.slack.golden import FLASH, FORM, LITE, NOW, RECORD, REPLY, TURN
from tests.slack.limits import check_view, live

MODELS = tuple(PROFILES["google"])
EVERY_PROFILE = [profile for known in PROFILES.values() for profile in known.values()]
FILE = SlackFile(
    id="F1", name="a.png", mime_type="image/png", size=3, url="https://x.slack.com/f", stub=False
)
WORDS = st.one_of(
    st.text(max_size=200),
    st.text(min_size=1, max_size=20).map(lambda text: text * 600),
    st.sampled_from(["<!channel> <@U2> @here https://evil.example", "&<>" * 4_000, "", "\n\n"]),
)


def new(
    form: Form,
    profile: ModelProfile = FLASH,
    *,
    models: Sequence[str] = MODELS,
    price: str = golden.PRICE,
    ask_channel: bool = True,
) -> Mapping[str, Any]:
    return modals.new(
        form,
        models=models,
        profile=profile,
        price=price,
        private={"at": "command"},
        ask_channel=ask_channel,
    )


def inputs(view: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def offered(view: Mapping[str, Any], name: str) -> list[str]:
    return [option["value"] for option in inputs(view)[name]["element"]["options"]]


def chosen(view: Mapping[str, Any], name: str) -> str:
    return str(inputs(view)[name]["element"]["initial_option"]["value"])


def sent(view: Mapping[str, Any], changes: Mapping[str, object] | None = None) -> View:
    """Fill in a form: what it shows at first, but for the changes by block_id."""
    values: dict[str, object] = {}
    for name, block in inputs(view).items():
        element = block["element"]
        first = {
            "plain_text_input": element.get("initial_value"),
            "static_select": element.get("initial_option", {}).get("value"),
            "conversations_select": element.get("initial_conversation"),
            "file_input": (),
        }
        values[element["action_id"]] = (changes or {}).get(name, first[element["type"]])
    return View(
        id="V1",
        hash="1.a",
        callback_id=view["callback_id"],
        private_metadata=view["private_metadata"],
        values=values,
    )


@pytest.mark.parametrize("name", golden.VIEWS)
def test_every_view_is_as_it_was_read_by_a_person(name: str) -> None:
    assert golden.views()[name] == golden.read(name)
    check_view(golden.VIEWS[name]())


def test_a_form_that_is_sent_untouched_says_what_it_was_made_with() -> None:
    form = replace(FORM, channel="C1")
    assert modals.read(sent(new(form))) == form


def test_an_empty_form_says_nothing() -> None:
    assert modals.read(sent(new(Form()))) == Form()


def test_what_is_entered_is_read() -> None:
    entered = {
        "prompt": "  A blue fox \n",
        "channel": "C7",
        "ratio": "21:9",
        "size": "4K",
        "thinking": "high",
        "search": "images",
        "count": "3",
        "model": "gemini-3.1-flash-image",
        "files": (FILE,),
    }
    assert modals.read(sent(new(Form()), entered)) == Form(
        prompt="A blue fox",
        channel="C7",
        files=(FILE,),
        options=GenerationOptions(
            aspect_ratio="21:9",
            image_size="4K",
            thinking="high",
            model="gemini-3.1-flash-image",
            count=3,
            web_search=True,
            image_search=True,
        ),
    )


def test_each_choice_of_each_menu_is_taken_back() -> None:
    view = new(Form(prompt="A fox"))
    for name, block in inputs(view).items():
        for option in block["element"].get("options", ()):
            form = modals.read(sent(view, {name: option["value"]}))
            assert modals.errors(form, FLASH) == {}
            assert chosen(new(form), name) == option["value"]


@pytest.mark.parametrize("profile", EVERY_PROFILE, ids=lambda profile: profile.id)
def test_a_form_offers_only_what_the_model_can_do(profile: ModelProfile) -> None:
    view = new(Form(prompt="A fox"), profile)
    check_view(view)
    assert set(offered(view, "ratio")) - {"unsaid"} == set(profile.ratios)
    for name, block in inputs(view).items():
        for option in block["element"].get("options", ()):
            form = modals.read(sent(view, {name: option["value"]}))
            profile.check(form.options)


def test_every_ratio_of_the_grammar_is_offered() -> None:
    assert set(offered(new(Form()), "ratio")) == {"unsaid", *RATIOS}


def test_fields_that_a_model_lacks_are_left_out() -> None:
    assert {"size", "search"}.isdisjoint(inputs(new(Form(), LITE)))


def test_a_menu_of_another_model_is_another_menu_for_slack() -> None:
    def ids(profile: ModelProfile) -> dict[str, str]:
        fields = inputs(new(Form(), profile))
        return {name: block["element"]["action_id"] for name, block in fields.items()}

    flash, pro = ids(FLASH), ids(PROFILES["google"]["gemini-3-pro-image"])
    for name in ("ratio", "size", "search"):
        assert flash[name] != pro[name]
    for name in ("prompt", "channel", "count", "model", "files"):
        assert flash[name] == pro[name]


def test_a_choice_that_the_new_model_lacks_is_given_up() -> None:
    form = Form(prompt="A fox", options=GenerationOptions(image_size="0.5K", thinking="minimal"))
    pro = PROFILES["google"]["gemini-3-pro-image"]
    assert chosen(new(form, pro), "size") == "unsaid"
    assert modals.read(sent(new(form, pro))).options == GenerationOptions()


def test_we_hear_of_the_changes_that_change_the_price() -> None:
    heard = {name for name, block in inputs(new(Form())).items() if block.get("dispatch_action")}
    assert heard == {"size", "search", "count", "model"}
    for name in heard:
        action = inputs(new(Form()))[name]["element"]["action_id"]
        assert action.partition(":")[0] == Action.PRICE


def test_the_price_stands_in_the_form() -> None:
    assert golden.PRICE in json.dumps(new(Form()))
    assert "cost" not in json.dumps(new(Form(), price=""))


def test_an_estimate_counts_pictures_sizes_and_searches() -> None:
    one = modals.estimate(FLASH, GenerationOptions())
    assert one == "This will cost about $0.07."
    assert modals.estimate(FLASH, GenerationOptions(count=4)) == "This will cost about $0.27."
    assert modals.estimate(FLASH, GenerationOptions(image_size="4K", web_search=True)) != one
    assert modals.estimate(PROFILES["offline"]["offline-demo"], GenerationOptions()) == ""


def test_an_estimate_for_a_size_that_the_model_lacks_is_one_for_its_own() -> None:
    assert modals.estimate(LITE, GenerationOptions(image_size="4K")) == modals.estimate(
        LITE, GenerationOptions()
    )


def test_the_place_is_asked_for_only_where_it_is_not_known() -> None:
    assert "channel" in inputs(new(Form()))
    assert "channel" not in inputs(new(Form(), ask_channel=False))


@pytest.mark.parametrize("prompt", ["", "   ", None])
def test_no_words_and_no_files_is_an_error_under_the_prompt(prompt: str | None) -> None:
    form = modals.read(sent(new(Form()), {"prompt": prompt}))
    assert list(modals.errors(form, FLASH)) == ["prompt"]


def test_files_without_words_are_enough() -> None:
    form = modals.read(sent(new(Form()), {"files": (FILE,)}))
    assert modals.errors(form, FLASH) == {}


def test_what_the_model_cannot_do_is_an_error_under_its_field() -> None:
    options = GenerationOptions(image_size="4K", aspect_ratio="7:3", image_search=True)
    found = modals.errors(Form(prompt="A fox", options=options), LITE)
    assert set(found) == {"size", "ratio", "search"}
    assert "4K" in found["size"]


def test_what_comes_with_a_form_comes_back() -> None:
    assert json.loads(sent(new(Form())).private_metadata) == {"at": "command"}


def test_a_change_inherits_what_it_does_not_name() -> None:
    view = modals.edit(
        Form(), picture_alt="A fox.", models=MODELS, profile=FLASH, price="", private={}
    )
    assert modals.read(sent(view, {"prompt": "Bluer"})) == Form(prompt="Bluer")


def test_another_shape_is_another_one() -> None:
    view = modals.ratio("16:9", profile=FLASH, price="", private={"turn": "x.2"})
    assert set(offered(view, "ratio")) == set(RATIOS) - {"16:9"}
    assert modals.read(sent(view, {"ratio": "1:1"})).options.aspect_ratio == "1:1"


@settings(deadline=None)  # other tests share the machine
@given(text=WORDS, count=st.integers(0, 120))
def test_no_form_exceeds_the_limits_whatever_is_in_it(text: str, count: int) -> None:
    models = tuple(f"model-{number}-of-a-long-name" * 4 for number in range(count))
    view = new(Form(prompt=text), models=models, price=text)
    check_view(view)
    assert not live(view)
    prompt = inputs(view)["prompt"]["element"].get("initial_value", "")
    assert prompt == text[:LONGEST_PROMPT]
    edit = modals.edit(
        Form(), picture_alt=text, models=models, profile=FLASH, price="", private={"turn": "x"}
    )
    check_view(edit)
    assert not live(edit)


@settings(deadline=None)  # other tests share the machine
@given(text=WORDS, count=st.integers(0, 150))
def test_no_details_exceed_the_limits_whatever_is_in_them(text: str, count: int) -> None:
    url = "https://example.org/page"
    record = Record(
        turn=replace(TURN, prompt=text, author_name=text),
        material=(Material(position=0, attachment=Attachment(name=text), problem=text),) * count,
        steps=(Step(at=NOW, state="done", attempt=1),),
    )
    reply = Reply(
        text=text,
        notes=(text,) * count,
        sources=(Source(title=text, url=url),) * count,
        model=text,
    )
    view = modals.details(record, reply, costs=True)
    check_view(view)
    assert set(live(view)) <= {url}
    assert TURN.id in json.dumps(view["blocks"][-1])


def test_details_show_all_that_is_known() -> None:
    shown = json.dumps(modals.details(RECORD, REPLY, costs=True))
    for words in (
        "A red fox in the snow",
        "Ada",
        "--ar 16:9 --size 1K --search",
        REPLY.model,
        "310 in, 85 thinking, 1,240 out",
        "$0.08",
        "23 s",
        "sketch.png",
        "only pictures and PDF can be used",
        REPLY.notes[0],
        REPLY.sources[1].url,
        TURN.id,
    ):
        assert words in shown
    assert "$" not in json.dumps(modals.details(RECORD, REPLY, costs=False))


def test_a_long_prompt_is_shown_whole_in_the_details() -> None:
    words = [f"word{number}" for number in range(900)]
    record = replace(RECORD, turn=replace(TURN, prompt=" ".join(words)))
    shown = json.dumps(modals.details(record, REPLY, costs=True))
    assert all(word in shown for word in words)


def test_the_time_that_a_turn_took_is_from_its_request_to_its_last_step() -> None:
    steps = tuple(
        Step(at=NOW + timedelta(seconds=seconds), state="x", attempt=1) for seconds in (1, 61)
    )
    assert "61 s" in json.dumps(modals.details(replace(RECORD, steps=steps), REPLY, costs=True))
