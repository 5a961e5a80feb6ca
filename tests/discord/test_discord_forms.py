from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from discord.ui import Modal
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord import forms
from adapters.discord.actions import PATTERN
from adapters.discord.actions import Form as FormName
from adapters.discord.forms import LONGEST_PROMPT, Form
from bot.options import RATIOS, GenerationOptions
from bot.profiles import PROFILES, ModelProfile
from tests.discord import golden
from tests.discord.golden import FLASH, FORM, LITE, PRICE, TURN
from tests.discord.hostile import LIVE
from tests.discord.limits import check_modal, size

EVERY_PROFILE = [profile for known in PROFILES.values() for profile in known.values()]
FILE = {"id": "77", "filename": "a.png", "size": 3, "url": "https://cdn.discordapp.com/a.png"}
WORDS = st.one_of(
    st.text(max_size=200),
    st.text(min_size=1, max_size=20).map(lambda text: text * 600),
    st.sampled_from([*LIVE, "🦊" * 5_000, "", "\n\n"]),
)


def edit(form: Form, profile: ModelProfile = FLASH, price: str = PRICE) -> Modal:
    return forms.edit(str(TURN.id), form, profile=profile, price=price)


def inputs(modal: Modal) -> dict[str, dict[str, Any]]:
    fields = [label["component"] for label in modal.to_dict()["components"]]
    return {field["custom_id"]: field for field in fields}


def offered(modal: Modal, name: str) -> list[str]:
    return [option["value"] for option in inputs(modal)[name]["options"]]


def chosen(field: Mapping[str, Any]) -> str | None:
    return next((option["value"] for option in field["options"] if option["default"]), None)


def sent(modal: Modal, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Fill in a form as Discord sends it: what it shows at first, but for the changes."""
    answers: list[dict[str, Any]] = []
    for place, (name, field) in enumerate(inputs(modal).items()):
        said = (changes or {}).get(name)
        part = {"type": field["type"], "id": 2 * place + 2, "custom_id": name}
        if field["type"] == 3:
            value = said or chosen(field)
            part["values"] = [value] if value else []
        elif field["type"] == 19:
            part["values"] = said or []
        elif field["type"] == 21:
            part["value"] = said or chosen(field)
        else:
            part["value"] = said if said is not None else field.get("value", "")
        answers.append({"type": 18, "id": 2 * place + 1, "component": part})
    data = modal.to_dict()
    resolved = {"resolved": {"attachments": {"77": FILE}}} if changes else {}
    return {"custom_id": data["custom_id"], "components": answers, **resolved}


@pytest.mark.parametrize("name", golden.FORMS)
def test_every_form_is_as_it_was_read_by_a_person(name: str) -> None:
    assert golden.modals()[name] == golden.read(name)
    check_modal(golden.FORMS[name]())


def test_a_form_that_is_sent_untouched_says_what_it_was_made_with() -> None:
    assert forms.read(sent(edit(FORM))) == FORM


def test_a_form_with_words_only_says_nothing_else() -> None:
    assert forms.read(sent(edit(Form()), {"prompt": " Bluer \n"})) == Form(prompt="Bluer")
    assert forms.read(sent(edit(Form()))) == Form()


def test_what_is_entered_is_read() -> None:
    entered = {"prompt": "Bluer", "ratio": "21:9", "size": "4K", "count": "3", "files": ["77"]}
    assert forms.read(sent(edit(Form()), entered)) == Form(
        prompt="Bluer",
        attachments=("77",),
        options=GenerationOptions(aspect_ratio="21:9", image_size="4K", count=3),
    )


def test_a_file_that_discord_does_not_describe_is_left_out() -> None:
    assert forms.read(sent(edit(Form()), {"files": ["78", "77"]})).attachments == ("77",)


def test_each_choice_is_taken_back() -> None:
    modal = edit(Form())
    for name, field in inputs(modal).items():
        for option in field.get("options", ()):
            form = forms.read(sent(modal, {"prompt": "x", name: option["value"]}))
            assert chosen(inputs(edit(form))[name]) == option["value"]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"components": None, "resolved": None},
        {"components": [{"type": 10, "id": 1}]},
        {
            "components": [
                {"type": 18, "component": {"type": 3, "custom_id": "ratio", "values": []}}
            ]
        },
        {
            "components": [
                {"type": 18, "component": {"type": 21, "custom_id": "size", "value": None}}
            ]
        },
        {"components": [{"type": 18, "component": {"custom_id": "count", "value": "seven"}}]},
        {"components": [{"type": 18, "component": {"custom_id": "files", "values": ["1"]}}]},
    ],
)
def test_a_payload_without_answers_is_an_empty_form(data: Mapping[str, Any]) -> None:
    assert forms.read(data) == Form()


def test_a_text_input_in_a_row_is_read_as_well() -> None:
    row = {"type": 1, "components": [{"type": 4, "custom_id": "prompt", "value": "Bluer"}]}
    assert forms.read({"components": [row]}) == Form(prompt="Bluer")


@pytest.mark.parametrize("profile", EVERY_PROFILE, ids=lambda profile: profile.id)
def test_a_form_offers_only_what_the_model_can_do(profile: ModelProfile) -> None:
    modal = edit(Form(prompt="A fox"), profile)
    check_modal(modal)
    assert set(offered(modal, "ratio")) - {"unsaid"} == set(profile.ratios)
    for name, field in inputs(modal).items():
        for option in field.get("options", ()):
            form = forms.read(sent(modal, {name: option["value"]}))
            profile.check(form.options)


def test_every_ratio_of_the_grammar_is_offered() -> None:
    assert set(offered(edit(Form()), "ratio")) == {"unsaid", *RATIOS}


def test_a_size_is_asked_for_only_where_there_is_a_choice() -> None:
    assert "size" in inputs(edit(Form()))
    assert "size" not in inputs(edit(Form(), LITE))


def test_a_choice_that_the_model_lacks_is_given_up() -> None:
    form = Form(prompt="A fox", options=GenerationOptions(image_size="0.5K", aspect_ratio="8:1"))
    pro = PROFILES["google"]["gemini-3-pro-image"]
    assert forms.read(sent(edit(form, pro))) == Form(prompt="A fox")


def test_another_shape_is_another_one() -> None:
    modal = forms.ratio("x.2", "16:9", profile=FLASH, price="")
    assert set(offered(modal, "ratio")) == set(RATIOS) - {"16:9"}
    assert chosen(inputs(modal)["ratio"]) is None
    assert forms.read(sent(modal, {"ratio": "1:1"})).options.aspect_ratio == "1:1"
    assert set(offered(forms.ratio("x", None, profile=FLASH, price=""), "ratio")) == set(RATIOS)


@pytest.mark.parametrize(
    ("modal", "name"),
    [
        (edit(Form()), FormName.EDIT),
        (forms.use("x.2", Form(), profile=FLASH, price=""), FormName.USE),
        (forms.ratio("x.2", None, profile=FLASH, price=""), FormName.RATIO),
    ],
)
def test_a_form_is_known_again_by_its_custom_id(modal: Modal, name: FormName) -> None:
    found = PATTERN.fullmatch(modal.custom_id)
    assert found
    assert found["name"] == name
    assert found["value"] in {TURN.id, "x.2"}


async def test_the_library_does_not_keep_a_form_in_memory() -> None:
    assert edit(Form()).is_finished()


def test_the_price_stands_in_the_form() -> None:
    assert PRICE in str(edit(Form()).to_dict())
    assert PRICE in str(forms.ratio("x", None, profile=FLASH, price=PRICE).to_dict())
    assert "cost" not in str(edit(Form(), price="").to_dict())


@settings(deadline=None)  # other tests share the machine
@given(text=WORDS)
def test_no_form_exceeds_the_limits_whatever_is_in_it(text: str) -> None:
    modal = edit(replace(FORM, prompt=text), price=text)
    check_modal(modal)
    value = inputs(modal)["prompt"].get("value", "")
    assert text.startswith(value)
    assert value == text or size(value) >= LONGEST_PROMPT - 2
    check_modal(forms.use("x", Form(prompt=text), profile=FLASH, price=text))
    check_modal(forms.ratio("x", text, profile=FLASH, price=text))
