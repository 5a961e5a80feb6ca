import json
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.discord import cards
from adapters.discord.actions import PATTERN, Action
from adapters.discord.cards import Button, Card
from bot.chat import Attachment, Notice, NoticeKind, Picture, Progress, Reply
from bot.conversation import Source, Suggestion, TurnRef, TurnState
from bot.options import GenerationOptions
from bot.ports import Material, Record, Step
from tests.discord import golden
from tests.discord.golden import DIRECT, FOUR, NOW, PICTURE, RECORD, REPLY, TURN, answer
from tests.discord.hostile import HIDES, LIVE, Hide
from tests.discord.limits import check_message, components_of, live, walk

HOSTILE = st.one_of(
    st.text(max_size=300),
    st.text(min_size=1, max_size=30).map(lambda text: text * 400),
    st.sampled_from(LIVE),
    st.lists(st.sampled_from(LIVE), max_size=60).map("\n".join),
    st.sampled_from(
        [
            "<>*_~|`[]\\" * 2_000,
            "**a** *b* `c` " * 1_000,
            "🦊" * 4_000,
            "狐" * 9_000,
            "# x\n" * 2_000,
            "#\n" * 4_000,
            "```py\n" + "x = 1\n" * 2_000,
            "- item\n" * 3_000,
            " \n\t",
        ]
    ),
)
URLS = st.one_of(
    st.just("https://en.wikipedia.org/wiki/Fox_(animal)"),
    st.text(max_size=60).map(lambda rest: f"https://example.org/{rest}"),
    st.sampled_from(LIVE),
    st.sampled_from(["https://example.org/" + "a" * 1_900, "https://example.org/" + "é" * 1_900]),
)


def ids(card: Card) -> dict[str, str]:
    """Read the buttons of a card: their values by action, for pick all of them."""
    found: dict[str, str] = {}
    for node in walk(components_of(card)):
        if node["type"] == 2:
            read = PATTERN.fullmatch(node["custom_id"])
            assert read
            found[read["name"]] = " ".join(filter(None, (found.get(read["name"]), read["value"])))
    return found


def shown(*made: Card) -> str:
    return json.dumps([components_of(card) for card in made], ensure_ascii=False)


def only(found: tuple[Card, ...]) -> Card:
    (card,) = found
    return card


@pytest.mark.parametrize("name", golden.MESSAGES)
def test_every_message_is_as_it_was_read_by_a_person(name: str) -> None:
    assert golden.messages()[name] == golden.read(name)
    for card in golden.MESSAGES[name]():
        check_message(card)


def test_there_is_a_file_for_each_message_and_form_and_no_other() -> None:
    kept = {path.stem for path in golden.FOLDER.iterdir()}
    assert kept == {*golden.MESSAGES, *golden.FORMS}


REPLIES = st.builds(
    Reply,
    text=HOSTILE,
    notes=st.lists(HOSTILE, max_size=60).map(tuple),
    pictures=st.lists(
        st.builds(Picture, blob=st.just(PICTURE.blob), alt_text=HOSTILE, choice=st.integers(0, 3)),
        max_size=23,
    ).map(tuple),
    sources=st.lists(st.builds(Source, title=HOSTILE, url=URLS), max_size=30).map(tuple),
    suggestions=st.lists(st.builds(Suggestion, text=HOSTILE, url=URLS), max_size=12).map(tuple),
    model=st.one_of(st.just(REPLY.model), st.sampled_from(LIVE)),
)


@settings(deadline=None)  # other tests share the machine
@given(reply=REPLIES, smaller=st.booleans())
@example(reply=Reply(text="🦊" * 1_000, notes=("x" * 900,) * 40), smaller=True)
def test_no_answer_exceeds_the_limits_or_makes_anything_live_but_its_sources(
    reply: Reply, *, smaller: bool
) -> None:
    meant = {"en.wikipedia.org", "example.org", "127.0.0.1", "evil.com"}
    made = answer(reply=reply, smaller=smaller)
    for card in made:
        check_message(card)
        assert set(live(card)) <= meant | {"discord.gg", "cdn.discordapp.com", "www.google.com"}
    assert [name for card in made for name in card.files] == [
        f"fox-{place}.png" for place in range(1, len(reply.pictures) + 1)
    ]


def every_field(text: str) -> list[Card]:
    """Say a text in every field that there is, where none may be a link."""
    notices = [cards.notice(TURN, Notice(kind=kind, text=text, retry=True)) for kind in NoticeKind]
    progress = Progress(state=TurnState.CALLING, seconds=1, note=text)
    pictures = (replace(PICTURE, alt_text=text),)
    source, found = Source(title=text, url=text), Suggestion(text=text, url=text)
    reply = Reply(text=text, notes=(text,), pictures=pictures, model=text)
    record = Record(
        turn=replace(TURN, prompt=text, author_name=text),
        material=(Material(position=0, attachment=Attachment(name=text), problem=text, note=text),),
    )
    linked = replace(reply, sources=(source,), suggestions=(found,)) if "://" not in text else reply
    return [
        *answer(reply=linked),
        cards.line(text, Button(action=Action.REDO, label=text)),
        cards.gallery([("a.png", text)], text, spoiler=True),
        cards.progress(TURN, progress),
        cards.details(record, linked, costs=True),
        *notices,
    ]


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_words_do_nothing_in_any_field(hide: Hide) -> None:
    for text in map(hide, LIVE):
        for card in every_field(text):
            check_message(card)
            assert not [found for found in live(card) if not found.startswith("<t:1795356330")]


@settings(deadline=None)  # other tests share the machine
@given(text=HOSTILE)
def test_nothing_that_a_person_wrote_exceeds_the_limits_or_is_live(text: str) -> None:
    for card in every_field(text.replace("://", "")):
        check_message(card)
        assert not [found for found in live(card) if not found.startswith("<t:1795356330")]


@settings(deadline=None)  # other tests share the machine
@given(text=HOSTILE)
def test_a_root_message_names_the_person_and_nobody_else(text: str) -> None:
    card = cards.root("400", text, text)
    check_message(card)
    assert live(card) == ["<@400>"]


def test_all_words_of_a_long_answer_arrive_in_order() -> None:
    words = [f"word{number}" for number in range(4_000)]
    made = answer(reply=replace(REPLY, text=" ".join(words), notes=()), costs=False)
    assert len(made) > 2
    said = shown(*made)
    places = [said.index(word) for word in words]
    assert places == sorted(places)


def test_pictures_come_first_and_only_the_last_card_has_footer_and_controls() -> None:
    many = replace(REPLY, text="A fox. " * 3_000, pictures=(PICTURE,) * 12)
    *first, last = answer(reply=many, costs=False)
    assert len(first[0].files) == 10
    assert len(first[1].files) == 2
    assert not any(map(ids, first))
    assert "AI-generated" in shown(last)
    assert "AI-generated" not in shown(*first)
    assert Action.EDIT in ids(last)


def test_an_answer_whose_files_cannot_be_sent_keeps_its_words() -> None:
    card = only(cards.answer(TURN, REPLY, costs=False, spoiler=False, files=()))
    check_message(card)
    assert card.files == ()
    assert "a red fox" in shown(card)
    assert Action.UNDO in ids(card)


def test_a_spoiler_hides_each_picture() -> None:
    (gallery,) = (
        node
        for card in answer(reply=FOUR, spoiler=True)
        for node in walk(components_of(card))
        if node["type"] == 12
    )
    assert [item["spoiler"] for item in gallery["items"]] == [True] * 4
    assert '"spoiler": true' not in shown(*answer())


def test_a_smaller_copy_is_said_and_leads_to_the_original() -> None:
    card = only(answer(smaller=True))
    assert "a smaller copy" in shown(card)
    assert ids(card)["original"] == TURN.id
    assert "original" not in ids(only(answer()))


async def test_a_view_is_new_each_time_and_not_kept_by_the_library() -> None:
    card = only(answer())
    assert card.view() is not card.view()
    assert card.view().is_finished()


def test_buttons_carry_the_turn_and_nothing_else() -> None:
    assert set(ids(only(answer())).values()) == {TURN.id}


def test_a_button_speaks_of_the_answer_that_came_when_the_first_did_not() -> None:
    second = replace(REPLY, pictures=(replace(PICTURE, choice=1),))
    found = ids(only(answer(reply=second)))
    assert TurnRef.parse(found["edit"]) == TurnRef(turn=TURN.id, choice=1)


def test_each_of_several_pictures_can_be_picked_by_its_place() -> None:
    card = only(answer(reply=FOUR))
    picks = [button for row in card.rows for button in row if button.action is Action.PICK]
    assert [button.label for button in picks] == [
        f"Refine picture {place}" for place in (1, 2, 3, 4)
    ]
    assert [TurnRef.parse(button.value).choice for button in picks] == [0, 1, 2, 3]
    assert Action.PICK not in ids(only(answer()))


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
    found = ids(only(answer(reply=reply)))
    assert {name for name in found if name.startswith("size-")} == offered


def test_an_answer_in_words_cannot_be_edited_or_enlarged() -> None:
    reply = Reply(text="Which fox?", model=REPLY.model)
    assert set(ids(only(answer(DIRECT, reply)))) == {"redo", "details", "delete"}


def test_only_a_thread_of_a_server_can_be_left_alone() -> None:
    assert Action.UNFOLLOW in ids(only(answer()))
    assert Action.UNFOLLOW not in ids(only(answer(DIRECT)))
    alone = replace(TURN, ref={**TURN.ref, "place": "user-app"})
    assert Action.UNFOLLOW not in ids(only(answer(alone)))


def test_the_cost_is_shown_only_where_it_shall_be() -> None:
    assert "$0.08" in shown(*answer())
    assert "$" not in shown(*answer(costs=False))


def test_the_offline_demo_never_looks_like_a_model() -> None:
    card = only(answer(replace(TURN, provider="offline")))
    assert "OFFLINE DEMO, no AI model was called" in shown(card)
    assert "AI-generated" not in shown(card)
    assert "$" not in shown(card)


def test_a_model_cannot_write_a_footer() -> None:
    card = only(answer(reply=replace(REPLY, text="-# AI-generated · somebody else")))
    assert "\n-# AI" not in f"\n{card.blocks[1]}"
    assert str(card.blocks[-1]).startswith("-# AI-generated")


def test_sources_name_their_hosts_and_those_beyond_ten_are_counted() -> None:
    many = tuple(
        Source(title="google.com", url=f"https://site{number}.example/page") for number in range(13)
    )
    card = only(answer(reply=replace(REPLY, sources=many, suggestions=())))
    assert live(card) == [f"site{number}.example" for number in range(10)]
    assert "google.com (site9.example)" in shown(card)
    assert "and 3 more" in shown(card)


def test_sources_with_long_addresses_are_spread_over_messages() -> None:
    long = tuple(
        Source(title="A page", url=f"https://site{number}.example/{'a' * 1_900}")
        for number in range(10)
    )
    made = answer(reply=replace(REPLY, sources=long, suggestions=()))
    for card in made:
        check_message(card)
    assert [host for card in made for host in live(card)] == [
        f"site{number}.example" for number in range(10)
    ]


def test_search_suggestions_are_shown_verbatim() -> None:
    found = Suggestion(text="fox *winter* coat?", url="https://www.google.com/search?q=a%20b&c=d")
    card = only(answer(reply=replace(REPLY, suggestions=(found,))))
    assert f"[`{found.text}`](<{found.url}>)" in shown(card)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://user@evil.example/", "http://["])
def test_an_address_that_is_no_plain_page_is_no_link(url: str) -> None:
    reply = replace(REPLY, sources=(Source(title="A page", url=url),), suggestions=())
    card = only(answer(reply=reply))
    assert not live(card)
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
    found = ids(cards.notice(TURN, Notice(kind=kind, text="Words.", retry=retry)))
    assert list(found) == expected
    assert set(found.values()) <= {TURN.id}


def test_only_a_failure_names_its_turn() -> None:
    for kind in NoticeKind:
        words = shown(cards.notice(TURN, Notice(kind=kind, text="Words.")))
        assert (f"-# turn {TURN.id}" in words) == (kind is NoticeKind.FAILED)


@pytest.mark.parametrize(
    ("state", "ahead", "note", "words", "cancel"),
    [
        (TurnState.ACCEPTED, 2, "", "Waiting, 2 before yours.", True),
        (TurnState.ACCEPTED, 0, "", "About to begin.", True),
        (TurnState.GATHERING, 0, "", "Reading your files.", True),
        (TurnState.CALLING, 0, "", "Painting, 21 s.", True),
        (TurnState.CALLING, 0, "the service is busy.", "Waiting: the service is busy.", True),
        (TurnState.STORED, 0, "", "Sending the picture.", False),
        (TurnState.DELIVERING, 0, "", "Sending the picture.", False),
    ],
)
def test_progress_says_how_far_it_is_and_can_be_cancelled_until_it_is_painted(
    state: TurnState, ahead: int, note: str, words: str, *, cancel: bool
) -> None:
    progress = Progress(state=state, seconds=20.6, ahead=ahead, note=note)
    card = cards.progress(TURN, progress)
    assert card.blocks == (words,)
    assert list(ids(card)) == (["cancel"] if cancel else [])


def test_a_prompt_keeps_its_lines_in_the_root_message() -> None:
    assert "> One\\n> Two" in shown(cards.root("400", "One\nTwo", ""))


def test_more_than_five_buttons_take_another_row() -> None:
    many = [Button(action=Action.PICK, label=str(place), value=str(place)) for place in range(7)]
    card = cards.line("Which?", *many)
    check_message(card)
    assert [len(row) for row in card.rows] == [5, 2]


def test_details_show_all_that_is_known() -> None:
    said = shown(cards.details(RECORD, REPLY, costs=True))
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
        assert words in said
    assert "There is more" not in said
    assert "$" not in shown(cards.details(RECORD, REPLY, costs=False))


@settings(deadline=None, max_examples=40)  # other tests share the machine
@given(text=HOSTILE, count=st.integers(0, 60))
def test_details_that_do_not_fit_say_so_and_still_name_the_turn(text: str, count: int) -> None:
    record = Record(
        turn=replace(TURN, prompt=text, author_name=text),
        material=(Material(position=0, attachment=Attachment(name=text), problem=text),) * count,
        steps=(Step(at=NOW, state="done", attempt=1),),
    )
    sources = (Source(title=text, url="https://example.org/" + "a" * 900),) * count
    reply = Reply(text=text, notes=(text,) * count, sources=sources, model=text)
    card = cards.details(record, reply, costs=True)
    check_message(card)
    assert TURN.id in str(card.blocks[-1])
    assert ("There is more" in str(card.blocks[-1])) == (shown(card).count("example.org)") < count)


def test_the_frame_of_the_message_reads_what_is_live() -> None:
    """So that a pass of the tests above means something."""
    card = Card(blocks=("<@1> @here", "[x](<https://e.org/>) https://evil.com", "# x"))
    assert live(card) == ["<@1>", "@here", "e.org", "https://e", "# "]
    assert live(Card(blocks=("-# small\n-# # x", "-# a\nb"))) == ["# ", "-# "]
