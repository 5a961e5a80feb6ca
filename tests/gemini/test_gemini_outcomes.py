"""Every finish and block reason of Google's SDK, and what it means for a person."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.gemini.outcomes import BLOCKS, FINISHES, judge
from bot.conversation import Blob, BlobPart, Content, Outcome, Part, TextPart

NOTHING = Content(role="model", parts=())
WORDS = Content(role="model", parts=(TextPart(text="What kind of fox?"),))
_BLOB = Blob(digest="0" * 64, mime_type="image/png", size=1, width=1, height=1)
PICTURE = Content(role="model", parts=(BlobPart(blob=_BLOB),))

REFUSALS = {
    "SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "BLOCKLIST", "SPII",
    "MODEL_ARMOR", "ESCALATION", "PUP_LIMITED_DISABLED", "RECITATION", "IMAGE_RECITATION",
}  # fmt: skip
ACCIDENTS = {"NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE", "FINISH_REASON_UNSPECIFIED"}
TOOL_TROUBLE = {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"}
FAILURES = {"MAX_TOKENS", "LANGUAGE", "CONTINUATION"}


def end(
    reason: str | None, content: Content = NOTHING, *, message: str = "", broken: bool = False
) -> tuple[Outcome, str]:
    candidate: dict[str, Any] = {"finishReason": reason} if reason else {}
    if message:
        candidate["finishMessage"] = message
    return judge({"candidates": [candidate]}, candidate, content, broken=broken)


def test_the_table_knows_every_finish_reason_of_the_sdk_but_no_other() -> None:
    known = REFUSALS | ACCIDENTS | TOOL_TROUBLE | FAILURES | {"STOP", "MISSING_THOUGHT_SIGNATURE"}

    assert set(FINISHES) == known


@pytest.mark.parametrize("reason", sorted(FINISHES))
def test_without_content_every_finish_reason_has_its_own_outcome(reason: str) -> None:
    outcome, words = end(reason)

    if reason in REFUSALS:
        assert outcome is Outcome.REFUSED
    elif reason in TOOL_TROUBLE:
        assert outcome is Outcome.AGAIN_WITHOUT_SEARCH
    elif reason in FAILURES:
        assert outcome is Outcome.FAILED
    elif reason == "MISSING_THOUGHT_SIGNATURE":
        assert outcome is Outcome.REBUILD
    else:
        assert outcome is Outcome.AGAIN
    assert words
    assert reason not in words


@pytest.mark.parametrize("reason", sorted(FINISHES))
def test_a_picture_is_an_answer_unless_it_was_refused(reason: str) -> None:
    outcome, words = end(reason, PICTURE)

    assert (outcome is Outcome.REFUSED) == (reason in REFUSALS)
    assert (words == "") == (outcome is Outcome.ANSWER)


@pytest.mark.parametrize("reason", ["STOP", None, "CONTINUATION", "A_NEW_REASON"])
def test_words_alone_are_an_answer_when_the_model_meant_to_stop(reason: str | None) -> None:
    assert end(reason, WORDS) == (Outcome.ANSWER, "")


@pytest.mark.parametrize("reason", sorted(set(FINISHES) - {"STOP", "CONTINUATION"}))
def test_words_alone_are_no_answer_when_something_went_wrong(reason: str) -> None:
    assert end(reason, WORDS)[0] is not Outcome.ANSWER


@pytest.mark.parametrize("reason", ["A_NEW_REASON", None, ""])
def test_an_unknown_reason_without_content_is_an_accident(reason: str | None) -> None:
    assert end(reason)[0] is Outcome.AGAIN


@pytest.mark.parametrize(
    "parts",
    [(TextPart(text="hm", thought=True),), (TextPart(text=" \n"),)],
)
def test_thoughts_and_blanks_are_no_answer(parts: tuple[Part, ...]) -> None:
    assert end("STOP", Content(role="model", parts=parts))[0] is Outcome.AGAIN


def test_each_reason_has_words_of_its_own() -> None:
    finishes = [words for _, words in FINISHES.values()]

    assert len(set(finishes)) == len(finishes)
    assert len(set(BLOCKS.values())) == len(BLOCKS)


@pytest.mark.parametrize("reason", [*sorted(BLOCKS), "A_NEW_BLOCK"])
def test_a_blocked_request_is_refused_in_plain_words(reason: str) -> None:
    answer: dict[str, Any] = {"promptFeedback": {"blockReason": reason}}

    outcome, words = judge(answer, {}, NOTHING, broken=False)

    assert outcome is Outcome.REFUSED
    assert words == BLOCKS.get(reason, BLOCKS["BLOCKED_REASON_UNSPECIFIED"])


def test_the_table_knows_every_block_reason() -> None:
    assert set(BLOCKS) == {
        "BLOCKED_REASON_UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT",
        "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK",
    }  # fmt: skip


def test_vertex_words_for_a_block_are_added() -> None:
    answer: dict[str, Any] = {
        "prompt_feedback": {"block_reason": "SAFETY", "block_reason_message": "Too  bloody."}
    }

    _, words = judge(answer, {}, NOTHING, broken=False)

    assert words == f"{BLOCKS['SAFETY']} The service says: Too bloody."


def test_the_finish_message_is_added_on_one_line_and_trimmed() -> None:
    _, words = end("IMAGE_SAFETY", message="It shows\n blood. " + "x" * 400)

    said = words.removeprefix(FINISHES["IMAGE_SAFETY"][1] + " The service says: ")
    assert said.startswith("It shows blood. xxx")
    assert len(said) == 300


@pytest.mark.parametrize("message", ["Support code: 42876398.", " Support codes: 1234, 5678 "])
def test_a_support_code_alone_is_not_shown(message: str) -> None:
    assert end("IMAGE_SAFETY", message=message) == FINISHES["IMAGE_SAFETY"]


def test_a_support_code_after_words_is_shown() -> None:
    message = "This output contains sensitive words. Support code: 42876398."

    assert end("IMAGE_PROHIBITED_CONTENT", message=message)[1].endswith(message)


def test_a_broken_picture_is_named_as_such() -> None:
    assert end("STOP", WORDS, broken=True) == (
        Outcome.AGAIN,
        "The picture came out broken. Try again.",
    )
    assert end("STOP", PICTURE, broken=True)[0] is Outcome.ANSWER
    assert end("SAFETY", broken=True)[0] is Outcome.REFUSED
