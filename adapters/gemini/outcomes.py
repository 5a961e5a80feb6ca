"""What to do with an answer, by Gemini's finish and block reasons, in words for people. Pure.

The reasons are those of Google's SDK 3.4.0 (FinishReason, BlockedReason), read in November 2026.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.gemini.loose import first, obj, text
from bot.conversation import Outcome

if TYPE_CHECKING:
    from bot.conversation import Content

_NOTHING = "The answer came without a picture. Try again, or describe the picture in more detail."
_BROKEN = "The picture came out broken. Try again."

FINISHES: dict[str, tuple[Outcome, str]] = {
    "STOP": (Outcome.AGAIN, _NOTHING),
    "FINISH_REASON_UNSPECIFIED": (
        Outcome.AGAIN,
        "The answer ended without a picture and without a reason. Try again.",
    ),
    "NO_IMAGE": (
        Outcome.AGAIN,
        "No picture was made of this. Try again, and say plainly what should be in the picture.",
    ),
    "IMAGE_OTHER": (
        Outcome.AGAIN,
        "The picture failed for a reason that the service does not name. Try again, or reword it.",
    ),
    "OTHER": (
        Outcome.AGAIN,
        "The answer stopped for a reason that the service does not name. Try again, or reword it.",
    ),
    "MALFORMED_RESPONSE": (Outcome.AGAIN, "The model got its answer wrong. Try again."),
    "MAX_TOKENS": (
        Outcome.FAILED,
        "The answer grew too long before the picture was done. Ask for less at once.",
    ),
    "CONTINUATION": (
        Outcome.FAILED,
        "The answer is longer than one reply can bring. Ask for less at once.",
    ),
    "LANGUAGE": (
        Outcome.FAILED,
        "The model does not understand this language. Ask in another one, such as English.",
    ),
    "MALFORMED_FUNCTION_CALL": (
        Outcome.AGAIN_WITHOUT_SEARCH,
        "The model tripped over its search. Try again without --search and --image-search.",
    ),
    "UNEXPECTED_TOOL_CALL": (
        Outcome.AGAIN_WITHOUT_SEARCH,
        "The model wanted a tool that it has not. Try again without --search and --image-search.",
    ),
    "TOO_MANY_TOOL_CALLS": (
        Outcome.AGAIN_WITHOUT_SEARCH,
        "The model searched too often. Try again without --search and --image-search.",
    ),
    "MISSING_THOUGHT_SIGNATURE": (
        Outcome.REBUILD,
        "The service did not recognise its own earlier picture. Try again.",
    ),
    "SAFETY": (
        Outcome.REFUSED,
        "The safety filter stopped the answer. Reword the request, or ask for something milder.",
    ),
    "IMAGE_SAFETY": (
        Outcome.REFUSED,
        "The safety filter stopped the finished picture. Ask for a milder scene.",
    ),
    "PROHIBITED_CONTENT": (
        Outcome.REFUSED,
        "This is content that the service never makes. Ask for something else.",
    ),
    "IMAGE_PROHIBITED_CONTENT": (
        Outcome.REFUSED,
        "The finished picture shows what the service never lets out. Ask for something else.",
    ),
    "BLOCKLIST": (
        Outcome.REFUSED,
        "The answer has a word that is on the service's block list. Use other words.",
    ),
    "SPII": (
        Outcome.REFUSED,
        "The answer would show private data. Leave out names, addresses, numbers and the like.",
    ),
    "MODEL_ARMOR": (
        Outcome.REFUSED,
        "A Model Armor rule of the operator's stopped the answer. Reword it, or ask the operator.",
    ),
    "ESCALATION": (
        Outcome.REFUSED,
        "The service set this conversation aside for its own review. Start a new thread.",
    ),
    "PUP_LIMITED_DISABLED": (
        Outcome.REFUSED,
        "The service's rules of use are closed to this kind of request. Ask for something else.",
    ),
    "RECITATION": (
        Outcome.REFUSED,
        "The answer is too near to a protected work. Describe it in words of your own.",
    ),
    "IMAGE_RECITATION": (
        Outcome.REFUSED,
        "The picture is too near to a protected work. Ask for a style or figure of your own.",
    ),
}
"""What each finish reason means when there is no picture; STOP is fine with words alone."""

BLOCKS: dict[str, str] = {
    "BLOCKED_REASON_UNSPECIFIED": "The service refused the request and names no reason. Reword it.",
    "SAFETY": "The safety filter refused the request. Reword it, or ask for something milder.",
    "OTHER": "The service's rules of use refuse the request. Reword it, or change the pictures.",
    "BLOCKLIST": "The request has a word that is on the service's block list. Use other words.",
    "PROHIBITED_CONTENT": (
        "The request asks for what the service never makes. Ask for something else."
    ),
    "IMAGE_SAFETY": "The safety filter refused a picture in the request. Send another one.",
    "MODEL_ARMOR": (
        "A Model Armor rule of the operator's refused the request. Reword it, or ask the operator."
    ),
    "JAILBREAK": (
        "The request reads like an attempt to get round the rules. Say plainly what you would like"
        " to see."
    ),
}
"""Words for each reason to refuse a request before anything is made."""

_WORDS_SUFFICE = {"", "STOP", "CONTINUATION"}
_SUPPORT_CODE = re.compile(r"\s*Support codes?:\s*[\d, ]+\.?\s*", re.IGNORECASE)
_MOST_WORDS = 300


def judge(
    answer: dict[str, object], candidate: dict[str, object], content: Content, *, broken: bool
) -> tuple[Outcome, str]:
    """Say what to do with an answer, and in words why it is none ("" for ANSWER).

    candidate: the answer's first. content: what was read of it. broken: whether a picture had to
    be left out. A reason that is not known is no obstacle when there are words or a picture.
    """
    finish, block = finish_reason(candidate), block_reason(answer)
    if block and not content.parts:
        said = text(first(_feedback(answer), "blockReasonMessage", "block_reason_message"))
        words = BLOCKS.get(block, BLOCKS["BLOCKED_REASON_UNSPECIFIED"])
        return Outcome.REFUSED, _with_message(words, said)
    outcome, words = FINISHES.get(finish, (Outcome.AGAIN, _NOTHING))
    if outcome is not Outcome.REFUSED and content.pictures:
        return Outcome.ANSWER, ""
    if broken and outcome is Outcome.AGAIN:
        return Outcome.AGAIN, _BROKEN
    if content.text.strip() and (finish in _WORDS_SUFFICE or finish not in FINISHES):
        return Outcome.ANSWER, ""
    return outcome, _with_message(words, text(first(candidate, "finishMessage", "finish_message")))


def finish_reason(candidate: dict[str, object]) -> str:
    """Take the finish reason; it stands on the candidate, beside the content."""
    return text(first(candidate, "finishReason", "finish_reason"))


def block_reason(answer: dict[str, object]) -> str:
    """Take the reason for which the request was refused."""
    return text(first(_feedback(answer), "blockReason", "block_reason"))


def _feedback(answer: dict[str, object]) -> dict[str, object]:
    return obj(first(answer, "promptFeedback", "prompt_feedback"))


def _with_message(words: str, message: str) -> str:
    """Add the service's own message, unless it is only a code for its support."""
    said = " ".join(message.split())
    if not _SUPPORT_CODE.sub("", said):
        return words
    said = said if len(said) <= _MOST_WORDS else f"{said[: _MOST_WORDS - 1]}…"
    return f"{words} The service says: {said}"
