import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack import cards
from adapters.slack.actions import Action
from adapters.slack.cards import Button, Card
from bot.chat import Notice, NoticeKind, Reply
from bot.conversation import Source, Suggestion, TurnRef
from bot.options import GenerationOptions
from tests.slack import golden
from tests.slack.golden import DIRECT, FOUR, PICTURE, REPLY, TURN
from tests.slack.limits import check_message, live

HOSTILE = st.one_of(
    st.text(max_size=300),
    st.text(min_size=1, max_size=30).map(lambda text: text * 400),
    st.sampled_from(
        [
            "<!channel> <!here> <!everyone> <!subteam^S1> <@U2> <#C2> @here @channel",
            "<https://evil.example|Invoice> [Invoice](https://evil.example) ![x](https://evil.example)",
            "&<>" * 2_000,
            "**a** *b* `c` " * 1_000,
            "\u202egnp.exe\u2066 \u200b@\u200bhere \x00\x07",
            "🦊" * 4_000,
            "狐" * 9_000,
            "```py\n" + "x = 1\n" * 2_000,
            "- item\n" * 3_000,
            " \n\t",
        ]
    ),
)
URLS = st.one_of(
    st.just("https://en.wikipedia.org/wiki/Fox"),
    st.text(max_size=60).map(lambda rest: f"https://example.org/{rest}"),
    st.sampled_from(
        [
            "javascript:alert(1)",
            "http://[",
            "https://user@evil.example/",
            "https://127.0.0.1/",
            "",
            "https://example.org/" + "a" * 1_900,
            "https://example.org/" + "a" * 90_000,
        ]
    ),
)


def buttons(card: Card) -> dict[str, dict[str, str]]:
    rows = [block["elements"] for block in card.blocks if block["type"] == "actions"]
    return {button["action_id"]: button for row in rows for button in row}


def shown(card: Card) -> str:
    return json.dumps(card.blocks, ensure_ascii=False)


def only(found: tuple[Card, ...]) -> Card:
    (card,) = found
    return card


@pytest.mark.parametrize("name", golden.MESSAGES)
def test_every_message_is_as_it_was_read_by_a_person(name: str) -> None:
    assert golden.messages()[name] == golden.read(name)
    for card in golden.MESSAGES[name]():
        check_message(card)


def test_there_is_a_file_for_each_message_and_view_and_no_other() -> None:
    kept = {path.stem for path in golden.FOLDER.iterdir()}
    assert kept == {*golden.MESSAGES, *golden.VIEWS}


REPLIES = st.builds(
    Reply,
    text=HOSTILE,
    notes=st.lists(HOSTILE, max_size=60).map(tuple),
    pictures=st.integers(0, 4).map(lambda count: FOUR.pictures[:count]),
    sources=st.lists(st.builds(Source, title=HOSTILE, url=URLS), max_size=30).map(tuple),
    suggestions=st.lists(st.builds(Suggestion, text=HOSTILE, url=URLS), max_size=12).map(tuple),
    model=st.sampled_from([REPLY.model, "<!channel>", ""]),
)


@settings(deadline=None)  # other tests share the machine
@given(reply=REPLIES)
def test_no_answer_exceeds_the_limits_or_makes_anything_live_but_its_sources(reply: Reply) -> None:
    meant = {page.url for page in reply.sources} | {found.url for found in reply.suggestions}
    for card in cards.answer(TURN, reply, costs=True):
        check_message(card)
        assert not live(card.text)
        assert set(live(card.blocks)) <= meant


@settings(deadline=None)  # other tests share the machine
@given(text=HOSTILE)
def test_nothing_that_a_person_wrote_is_live_but_the_person_in_a_root_message(text: str) -> None:
    made = [cards.line(text), cards.gallery([("F1", text)], text), cards.root("U1", text, text)]
    made += [cards.notice(TURN, Notice(kind=kind, text=text, retry=True)) for kind in NoticeKind]
    for card in made:
        check_message(card)
        assert not live(card.text)
        assert set(live(card.blocks)) <= {"user U1"}
    assert live(made[2].blocks) == ["user U1"]


def test_all_words_of_a_long_answer_arrive_in_order() -> None:
    words = [f"word{number}" for number in range(4_000)]
    text = " ".join(words)
    made = cards.answer(TURN, replace(REPLY, text=text, notes=()), costs=False)
    assert len(made) > 2
    said = " ".join(shown(card) for card in made)
    places = [said.index(word) for word in words]
    assert places == sorted(places)


def test_words_with_too_many_looks_keep_the_words() -> None:
    text = "**fox** _snow_ " * 150
    made = cards.answer(TURN, replace(REPLY, text=text, notes=()), costs=False)
    for card in made:
        check_message(card)
    assert "".join(map(shown, made)).count("fox") >= 150


def test_only_the_last_card_has_footer_and_controls() -> None:
    *first, last = cards.answer(TURN, replace(REPLY, text="A fox. " * 3_000), costs=False)
    assert first
    assert not any(map(buttons, first))
    assert "AI-generated" in shown(last)
    assert not any("AI-generated" in shown(card) for card in first)
    assert Action.EDIT in buttons(last)


def test_buttons_carry_the_turn_and_nothing_else() -> None:
    found = buttons(only(cards.answer(TURN, REPLY, costs=True)))
    assert {button["value"] for button in found.values()} == {TURN.id}


def test_a_button_speaks_of_the_answer_that_came_when_the_first_did_not() -> None:
    second = replace(REPLY, pictures=(replace(PICTURE, choice=1),))
    found = buttons(only(cards.answer(TURN, second, costs=True)))
    assert TurnRef.parse(found["edit"]["value"]) == TurnRef(turn=TURN.id, choice=1)


def test_each_of_several_pictures_can_be_picked_by_its_place() -> None:
    found = buttons(only(cards.answer(TURN, FOUR, costs=False)))
    picks = [button for name, button in found.items() if name.partition(":")[0] == Action.PICK]
    assert [button["text"]["text"] for button in picks] == [  # type: ignore[index]
        f"Refine picture {place}" for place in (1, 2, 3, 4)
    ]
    assert [TurnRef.parse(button["value"]).choice for button in picks] == [0, 1, 2, 3]


def test_one_picture_needs_no_picking() -> None:
    assert Action.PICK not in buttons(only(cards.answer(TURN, REPLY, costs=False)))


@pytest.mark.parametrize(
    ("size", "model", "offered"),
    [
        ("1K", "gemini-3.1-flash-image", {"size-2k", "size-4k"}),
        ("2K", "gemini-3.1-flash-image", {"size-4k"}),
        ("4K", "gemini-3.1-flash-image", set()),
        (None, "gemini-3.1-flash-image", {"size-2k", "size-4k"}),
        ("1K", "gemini-2.5-flash-image", set()),
        ("1K", "never-heard-of", {"size-2k", "size-4k"}),
    ],
)
def test_only_larger_sizes_that_the_model_has_are_offered(
    size: str | None, model: str, offered: set[str]
) -> None:
    reply = replace(REPLY, options=GenerationOptions(image_size=size), model=model)
    found = buttons(only(cards.answer(TURN, reply, costs=False)))
    assert {name for name in found if name.startswith("size-")} == offered


def test_an_answer_in_words_cannot_be_edited_or_enlarged() -> None:
    reply = Reply(text="Which fox?", model=REPLY.model)
    assert set(buttons(only(cards.answer(DIRECT, reply, costs=False)))) == {
        "redo",
        "details",
        "delete",
    }


def test_only_a_thread_of_a_channel_can_be_left_alone() -> None:
    assert Action.UNFOLLOW in buttons(only(cards.answer(TURN, REPLY, costs=False)))
    assert Action.UNFOLLOW not in buttons(only(cards.answer(DIRECT, REPLY, costs=False)))


def test_deleting_is_asked_for_twice() -> None:
    found = buttons(only(cards.answer(TURN, REPLY, costs=False)))
    assert "confirm" in found["delete"]
    assert "confirm" not in found["redo"]


def test_the_cost_is_shown_only_where_it_shall_be() -> None:
    assert "$0.08" in shown(only(cards.answer(TURN, REPLY, costs=True)))
    assert "$" not in shown(only(cards.answer(TURN, REPLY, costs=False)))


def test_the_offline_demo_never_looks_like_a_model() -> None:
    card = only(cards.answer(replace(TURN, provider="offline"), REPLY, costs=True))
    assert "OFFLINE DEMO, no AI model was called" in shown(card)
    assert "AI-generated" not in shown(card)
    assert "$" not in shown(card)


def test_sources_name_their_hosts_and_those_beyond_ten_are_counted() -> None:
    many = tuple(
        Source(title="google.com", url=f"https://site{number}.example/page") for number in range(13)
    )
    card = only(cards.answer(TURN, replace(REPLY, sources=many, suggestions=()), costs=False))
    assert live(card.blocks) == [source.url for source in many[:10]]
    assert "(site9.example)" in shown(card)
    assert "and 3 more" in shown(card)


def test_sources_with_long_addresses_are_spread_over_messages() -> None:
    long = tuple(
        Source(title="A page", url=f"https://site{number}.example/{'a' * 1_900}")
        for number in range(10)
    )
    made = cards.answer(TURN, replace(REPLY, sources=long, suggestions=()), costs=False)
    for card in made:
        check_message(card)
    assert [url for card in made for url in live(card.blocks)] == [page.url for page in long]


def test_search_suggestions_are_shown_verbatim() -> None:
    found = Suggestion(text="fox *winter*  coat?", url="https://www.google.com/search?q=a%20b&c=d")
    card = only(cards.answer(TURN, replace(REPLY, suggestions=(found,)), costs=False))
    link = {"type": "link", "url": found.url, "text": found.text}
    assert json.dumps(link, ensure_ascii=False) in shown(card)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://user@evil.example/", "http://["])
def test_an_address_that_is_no_plain_page_is_no_link(url: str) -> None:
    reply = replace(REPLY, sources=(Source(title="A page", url=url),), suggestions=())
    card = only(cards.answer(TURN, reply, costs=False))
    assert not live(card.blocks)
    assert "A page" in shown(card)


@pytest.mark.parametrize(
    ("kind", "retry", "expected"),
    [
        (NoticeKind.SLOW, False, ["cancel"]),
        (NoticeKind.CONFIRM, False, ["confirm", "cancel"]),
        (NoticeKind.REFUSED, False, []),
        (NoticeKind.FAILED, False, []),
        (NoticeKind.FAILED, True, ["retry"]),
        (NoticeKind.CANCELLED, False, []),
    ],
)
def test_a_notice_has_the_buttons_that_can_help(
    kind: NoticeKind, *, retry: bool, expected: list[str]
) -> None:
    found = buttons(cards.notice(TURN, Notice(kind=kind, text="Words.", retry=retry)))
    assert list(found) == expected
    assert all(button["value"] == TURN.id for button in found.values())


def test_only_a_failure_names_its_turn() -> None:
    for kind in NoticeKind:
        words = shown(cards.notice(TURN, Notice(kind=kind, text="Words.")))
        assert (f"turn {TURN.id}" in words) == (kind is NoticeKind.FAILED)


def test_a_prompt_keeps_its_lines_in_the_root_message() -> None:
    assert "One\\nTwo" in shown(cards.root("U1", "One\nTwo", ""))


def test_buttons_with_the_same_action_are_told_apart() -> None:
    same = [Button(action=Action.PICK, label=str(place), value=str(place)) for place in range(3)]
    assert list(buttons(cards.line("Which?", *same))) == ["pick", "pick:2", "pick:3"]


def test_a_gallery_without_words_is_announced_by_its_first_picture() -> None:
    card = cards.gallery([("F1", "A fox."), ("F2", "")], "")
    check_message(card)
    assert card.text == "A fox."
    assert [block["type"] for block in card.blocks] == ["image", "image"]
