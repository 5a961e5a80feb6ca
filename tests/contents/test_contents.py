"""Which turns and blobs fit one request: one example for each rule."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from bot.contents import fit
from bot.conversation import Blob, BlobPart, Content, PastTurn, TextPart, TurnId
from bot.errors import MaterialError, UsageError
from bot.profiles import PROFILES

if TYPE_CHECKING:
    from bot.contents import Fit
    from bot.conversation import Part
    from bot.profiles import ModelProfile

NB2 = PROFILES["google"]["gemini-3.1-flash-image"]
UNSIGNED = PROFILES["google"]["gemini-2.5-flash-image"]
HERE = "google/key-1/nb2"
ELSEWHERE = "gateway/key-2/nb2"

_numbers = count()


def blob(mime_type: str = "image/jpeg", size: int = 1000, pages: int | None = None) -> Blob:
    return Blob(digest=f"{next(_numbers):064x}", mime_type=mime_type, size=size, pages=pages)


def signature(size: int = 800) -> Blob:
    return blob("text/plain", size)


def said(*parts: Part | str) -> Content:
    texts = (TextPart(text=part) if isinstance(part, str) else part for part in parts)
    return Content(role="user", parts=tuple(texts))


def upload(mime_type: str = "image/png", size: int = 1000, pages: int | None = None) -> BlobPart:
    return BlobPart(blob=blob(mime_type, size, pages))


def painted(words: str = "Here it is.", size: int = 1000, signed: int = 800) -> tuple[Part, ...]:
    return (
        TextPart(text=words, signature=signature()),
        BlobPart(blob=blob(size=size), signature=signature(signed)),
    )


def turn(
    name: str,
    asked: Content | str,
    *answer: Part,
    backend: str = HERE,
) -> PastTurn:
    return PastTurn(
        id=TurnId(name),
        user=said(asked) if isinstance(asked, str) else asked,
        model=Content(role="model", parts=answer or painted()),
        backend=backend,
    )


def fitted(*turns: PastTurn, user: Content | str = "Bluer.", **more: Any) -> Fit:  # noqa: ANN401  of fit
    arguments: dict[str, Any] = {
        "workspace": "T1",
        "system": "",
        "turns": turns,
        "older": 0,
        "user": said(user) if isinstance(user, str) else user,
        "profile": NB2,
        "backend": HERE,
    }
    return fit(**{**arguments, **more})


def last_parts(result: Fit) -> tuple[Part, ...]:
    return result.contents.contents[-1].parts


def words_of(part: Part) -> str:
    assert isinstance(part, TextPart)
    return part.text


# Verbatim


def test_the_first_message_of_a_thread_is_sent_alone_and_unchanged() -> None:
    user = said("A red fox in snow")

    result = fitted(user=user, system="You paint.")

    assert result.contents.contents == (user,)
    assert result.contents.workspace == "T1"
    assert result.contents.system == "You paint."
    assert (result.verbatim, result.material, result.dropped, result.older) == ((), (), (), 0)


def test_a_past_turn_goes_back_as_the_same_part_objects_in_the_same_order() -> None:
    past = turn("1", "A red fox in snow")

    result = fitted(past)

    first, answer, last = result.contents.contents
    assert first is past.user
    assert answer.role == "model"
    assert all(a is b for a, b in zip(answer.parts, past.model.parts, strict=True))
    assert last == said("Bluer.")
    assert result.verbatim == ("1",)


def test_thoughts_stay_at_home_and_every_other_part_goes_back() -> None:
    draft = BlobPart(blob=blob(), thought=True)
    answer = (TextPart(text=""), *painted())
    past = turn("1", "A fox", TextPart(text="Planning", thought=True), draft, *answer)

    result = fitted(past)

    assert result.contents.contents[1].parts == answer


def test_words_without_a_signature_are_replayed() -> None:
    past = turn("1", "Hello", TextPart(text="Which animal?"))

    assert fitted(past).verbatim == ("1",)


def test_a_model_without_signatures_takes_unsigned_pictures_verbatim() -> None:
    past = turn("1", "A fox", BlobPart(blob=blob()))

    assert fitted(past, profile=UNSIGNED).verbatim == ("1",)
    assert fitted(past, profile=NB2).verbatim == ()


# Material


def test_one_unsigned_picture_among_signed_ones_makes_the_turn_material() -> None:
    last = blob()
    past = turn("1", "Two foxes", *painted(), BlobPart(blob=last))

    result = fitted(past)

    assert (result.verbatim, result.material) == ((), ("1",))
    assert last_parts(result)[1] == BlobPart(blob=last)


@pytest.mark.parametrize("profile", [NB2, UNSIGNED])
def test_a_picture_that_is_only_a_thought_is_sent_as_material(profile: ModelProfile) -> None:
    picture = blob()
    past = turn("1", "A fox", TextPart(text="Done."), BlobPart(blob=picture, thought=True))

    result = fitted(past, profile=profile)

    assert result.material == ("1",)
    assert last_parts(result)[1] == BlobPart(blob=picture)


def test_an_answer_of_thoughts_alone_is_not_replayed_as_an_empty_content() -> None:
    past = turn("1", "A fox", TextPart(text="Hm.", thought=True))

    result = fitted(past)

    assert result.material == ("1",)
    assert len(result.contents.contents) == 1


def test_a_turn_without_a_request_is_not_replayed_as_an_empty_content() -> None:
    result = fitted(turn("1", said()))

    assert result.material == ("1",)
    assert len(result.contents.contents) == 1


def test_a_turn_of_another_backend_goes_out_as_words_and_its_picture_unsigned() -> None:
    past = turn("1", "A red fox in snow", *painted(), backend=ELSEWHERE)

    result = fitted(past, user=said("Add a blue scarf.", more := upload()))

    lead, picture, *own = last_parts(result)
    assert words_of(lead) == (
        "Earlier in this conversation these were asked for:\n"
        "1. A red fox in snow\n"
        "The picture as it is now is attached."
    )
    assert picture == BlobPart(blob=past.model.pictures[0])
    assert own == [TextPart(text="Add a blue scarf."), more]


def test_without_replay_every_turn_is_material_of_the_current_message() -> None:
    turns = [turn("1", "A fox"), turn("2", "In snow"), turn("3", "Bigger")]

    result = fitted(*turns, replay=False)

    assert result.material == ("1", "2", "3")
    assert len(result.contents.contents) == 1
    lead, *files = last_parts(result)[:-1]
    assert "1. A fox\n2. In snow\n3. Bigger\n" in words_of(lead)
    assert files == [BlobPart(blob=turns[2].model.pictures[0])]


def test_a_run_in_the_middle_leads_the_next_replayed_turn() -> None:
    mine, foreign = turn("1", "A fox"), turn("2", "In snow", *painted(), backend=ELSEWHERE)
    back = turn("3", said("At night", upload()))

    result = fitted(mine, foreign, back)

    contents = result.contents.contents
    assert [content.role for content in contents] == ["user", "model", "user", "model", "user"]
    lead, picture, *own = contents[2].parts
    assert "1. In snow" in words_of(lead)
    assert picture == BlobPart(blob=foreign.model.pictures[0])
    assert tuple(own) == back.user.parts
    assert contents[4] == said("Bluer.")
    assert (result.verbatim, result.material) == (("1", "3"), ("2",))


def test_the_last_picture_of_a_run_is_sent_even_when_words_came_after_it() -> None:
    drawn = turn("1", "A fox", *painted(), *painted("Or this."), backend=ELSEWHERE)
    talked = turn("2", "What is it?", TextPart(text="A red\n\nfox."), backend=ELSEWHERE)

    result = fitted(drawn, talked)

    lead, *files = last_parts(result)[:-1]
    assert "2. What is it? (answer: A red fox.)" in words_of(lead)
    assert files == [BlobPart(blob=drawn.model.pictures[1])]


def test_uploads_of_a_run_with_a_picture_are_not_sent_again() -> None:
    past = turn("1", said("Paint this", upload()), *painted(), backend=ELSEWHERE)

    assert fitted(past).images == 1


def test_a_run_without_a_picture_sends_the_uploads_of_its_last_turn_that_had_some() -> None:
    answer = TextPart(text="Which one?")
    old = turn("1", said("These", upload()), answer, backend=ELSEWHERE)
    new = turn("2", said(one := upload(), two := upload()), answer, backend=ELSEWHERE)
    bare = turn("3", "The left one", answer, backend=ELSEWHERE)

    result = fitted(old, new, bare)

    lead, *files = last_parts(result)[:-1]
    assert files == [one, two]
    assert "2. (files without words) (answer: Which one?)" in words_of(lead)
    assert "The files that were sent then are attached." in words_of(lead)


def test_a_run_of_words_alone_speaks_of_no_picture() -> None:
    past = turn("1", "Hello", TextPart(text="Hello."), backend=ELSEWHERE)

    lead, _ = last_parts(fitted(past))

    assert words_of(lead) == (
        "Earlier in this conversation these were asked for:\n1. Hello (answer: Hello.)"
    )


def test_long_requests_are_shortened_and_too_many_words_end_the_history() -> None:
    turns = [turn(str(n), f"{n} " + "word " * 500, *painted(), backend="x") for n in range(20)]

    result = fitted(*turns)

    lead = words_of(last_parts(result)[0])
    assert len(lead) <= 2200
    assert result.material == tuple(str(n) for n in range(20 - len(result.material), 20))
    assert len(result.material) >= 4
    assert f"{len(result.material)}. 19 word" in lead
    assert result.older == 20 - len(result.material)


def test_a_shortened_request_ends_in_an_ellipsis_and_a_short_one_does_not() -> None:
    result = fitted(turn("1", "x" * 401, backend="x"), turn("2", "y" * 400, backend="x"))

    lead = words_of(last_parts(result)[0])
    assert f"1. {'x' * 399}…\n" in lead
    assert f"2. {'y' * 400}\n" in lead


def test_white_space_is_no_reason_to_shorten_but_what_stands_beyond_it_is_marked_as_cut() -> None:
    wide = turn("1", "a   b " * 100, backend="x")
    torn = turn("2", "a" + " " * 2000 + "b", backend="x")

    lead = words_of(last_parts(fitted(wide, torn))[0])

    assert f"1. {' '.join(['a b'] * 100)}\n2. a…\n" in lead


# Budget


def test_the_oldest_turns_are_left_out_when_the_bytes_run_out() -> None:
    turns = [turn(str(n), "Again", *painted(size=3_000_000)) for n in range(10)]

    result = fitted(*turns, older=5, max_bytes=13_000_000)

    assert result.verbatim == ("7", "8", "9")
    assert result.dropped == tuple("0123456")
    assert result.older == 12
    assert 12_000_000 < result.bytes < 12_100_000


def test_signatures_count_as_the_characters_they_are() -> None:
    turns = [turn(str(n), "Again", *painted(size=3, signed=1_500_000)) for n in range(4)]

    assert fitted(*turns, max_bytes=3_100_000).verbatim == ("2", "3")


def test_pictures_of_the_history_count_against_the_models_limit() -> None:
    turns = [turn(str(n), said("Mix", upload())) for n in range(10)]

    result = fitted(*turns, user=said("Bluer", upload()))

    assert len(result.verbatim) == 6
    assert result.images == 13


def test_documents_are_no_pictures() -> None:
    pages = [upload("application/pdf", pages=3) for _ in range(20)]

    assert fitted(user=said(*pages)).images == 0


def test_tokens_are_words_pictures_and_pages() -> None:
    user = said("four", upload(), upload("application/pdf", pages=3), upload("application/pdf"))

    assert fitted(user=user, system="1234567").tokens == 2 + 1120 + 3 * 258 + 258 + 3


def test_the_oldest_turns_are_left_out_when_the_tokens_run_out() -> None:
    turns = [turn(str(n), "w" * 3000) for n in range(6)]

    result = fitted(*turns, profile=replace(NB2, max_tokens=7000))

    assert result.verbatim == ("3", "4", "5")
    assert result.tokens <= 7000


def test_an_older_turn_that_would_fit_alone_is_not_kept_beyond_a_gap() -> None:
    small, large, new = turn("1", "A"), turn("2", "B", *painted(size=10**6)), turn("3", "C")

    result = fitted(small, large, new, max_bytes=10**6)

    assert (result.verbatim, result.dropped) == (("3",), ("1", "2"))


def test_uploads_give_way_to_an_older_picture_of_the_same_run() -> None:
    """The longer history is the smaller request: the uploads are needed no more."""
    drawn = turn("1", "A fox", *painted(), backend=ELSEWHERE)
    asked = turn("2", said(*(upload() for _ in range(14))), TextPart(text="Eh?"), backend=ELSEWHERE)

    result = fitted(drawn, asked, user=said("This", upload()))

    assert (result.material, result.images) == (("1", "2"), 2)


# The parent's picture


def test_a_parent_too_large_to_replay_is_edited_from_its_picture_alone() -> None:
    turns = [turn("1", "A fox"), turn("2", "In snow", *painted(signed=2_000_000))]

    result = fitted(*turns, max_bytes=1_000_000)

    assert (result.verbatim, result.material, result.dropped) == ((), ("2",), ("1",))
    assert last_parts(result)[1] == BlobPart(blob=turns[1].model.pictures[0])


def test_a_parents_uploads_give_way_to_the_new_ones() -> None:
    parent = turn("1", said("Mix", *(upload() for _ in range(10))))

    result = fitted(parent, user=said("And these", *(upload() for _ in range(13))))

    assert result.material == ("1",)
    assert result.images == 14


def test_too_many_pictures_beside_the_one_being_edited_are_refused_with_the_number() -> None:
    with pytest.raises(MaterialError) as caught:
        fitted(turn("1", "A fox"), user=said("Mix", *(upload() for _ in range(15))))

    assert str(caught.value) == (
        "This message has 15 pictures; with the picture being edited gemini-3.1-flash-image"
        " takes 14 in one request. Send 13 or fewer."
    )


def test_too_many_pictures_without_history_are_refused_with_the_number() -> None:
    with pytest.raises(MaterialError) as caught:
        fitted(user=said(*(upload() for _ in range(15))))

    assert str(caught.value) == (
        "This message has 15 pictures; gemini-3.1-flash-image takes 14 in one request."
        " Send 14 or fewer."
    )


def test_earlier_uploads_that_leave_no_room_send_the_person_to_a_new_thread() -> None:
    asked = turn("1", said(*(upload() for _ in range(3))), TextPart(text="Eh?"), backend="x")

    with pytest.raises(MaterialError) as caught:
        fitted(asked, user=said(upload()), profile=UNSIGNED)

    assert str(caught.value) == (
        "This message has 1 picture; with the files sent before gemini-2.5-flash-image takes 3"
        " in one request. Send them in a new thread."
    )


def test_earlier_uploads_over_the_limit_of_another_model_are_named_as_the_cause() -> None:
    asked = turn("1", said(*(upload() for _ in range(4))), TextPart(text="Eh?"), backend="x")

    with pytest.raises(MaterialError) as caught:
        fitted(asked, profile=UNSIGNED)

    assert str(caught.value) == (
        "The thread's last message has 4 pictures; gemini-2.5-flash-image takes 3 in one request."
        " Start a new thread with fewer pictures, or name another model with --model."
    )


def test_too_many_bytes_are_refused_in_megabytes() -> None:
    with pytest.raises(MaterialError) as caught:
        fitted(turn("1", "A fox"), user=said("Mix", *(upload(size=15_000_000) for _ in range(5))))

    assert str(caught.value) == (
        "This message is too large: with the picture being edited it makes a request of 100.1 MB,"
        " and gemini-3.1-flash-image takes 99.6 MB. Send fewer or smaller files."
    )


def test_a_picture_too_large_to_be_edited_sends_the_person_to_a_new_thread() -> None:
    with pytest.raises(MaterialError, match="Start a new thread with a smaller picture"):
        fitted(turn("1", "A fox", *painted(size=20_000_000)), max_bytes=20_000_000)


def test_words_too_large_for_a_request_are_to_be_shortened() -> None:
    with pytest.raises(MaterialError, match="Send a shorter text"):
        fitted(user="w" * 20_000, max_bytes=20_000)


def test_too_many_tokens_are_refused_before_the_last_one_is_used_up() -> None:
    with pytest.raises(MaterialError) as caught:
        fitted(user="w" * 3 * 130_000)

    assert str(caught.value) == (
        "This message is too long: it makes about 130,000 tokens, and gemini-3.1-flash-image takes"
        " about 124,518. Shorten the text, or send fewer pages."
    )


# The current message


def test_pictures_without_words_are_enough() -> None:
    user = said(upload(), upload())

    assert fitted(user=user).contents.contents == (user,)


def test_nothing_at_all_is_answered_with_a_question() -> None:
    with pytest.raises(UsageError, match=r"^Say what you would like to see\.$"):
        fitted(turn("1", "A fox"), user=said())
