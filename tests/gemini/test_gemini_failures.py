"""Every status and error body that Gemini and its gateways give, and what it means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.gemini.failures import Refusal, Route, gone, judge, pause, unreachable
from bot.errors import (
    CallRejected,
    KeyRejected,
    ModelError,
    ModelGone,
    OutcomeUnknown,
    QuotaGone,
    RequestTooLarge,
    ServiceBusy,
    SignatureRefused,
)

KEY = "AIzaSyCanary0123456789"
ROUTE = Route(
    provider="google",
    host="generativelanguage.googleapis.com",
    model="gemini-3.1-flash-image",
    replaced_by="gemini-nano-banana-2.1",
    key_name="GEMINI_API_KEY",
    key=KEY,
)
RPC = "type.googleapis.com/google.rpc."


def error(code: int, message: str = "", status: str = "", *details: dict[str, Any]) -> bytes:
    body: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = list(details)
    return json.dumps({"error": body}).encode()


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": f"{RPC}RetryInfo", "retryDelay": delay}


def quota(quota_id: str) -> dict[str, Any]:
    return {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": quota_id}]}


INVALID = "INVALID_ARGUMENT"
REASON = {"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
HTML = b"<html><h1>Bad gateway</h1></html>"


@pytest.mark.parametrize(
    ("status", "body", "kind", "tries"),
    [
        (400, error(400, "Bad image.", INVALID), CallRejected, 1),
        (400, error(400, "API key not valid.", INVALID, REASON), KeyRejected, 1),
        (400, error(400, "API key expired. Please renew the API key.", INVALID), KeyRejected, 1),
        (400, error(400, "Corrupted thought signature.", INVALID), SignatureRefused, 1),
        (400, error(400, "Invalid thought signature", INVALID), SignatureRefused, 1),
        (
            400,
            error(400, "Image part is missing a thought_signature in content position 2", INVALID),
            SignatureRefused,
            1,
        ),
        (
            400,
            error(400, "Request payload size exceeds the limit: 20971520 bytes.", INVALID),
            RequestTooLarge,
            1,
        ),
        (
            400,
            error(400, "The input token count (140000) exceeds the maximum number", INVALID),
            RequestTooLarge,
            1,
        ),
        (400, error(400, "User location is not supported", "FAILED_PRECONDITION"), CallRejected, 1),
        (400, HTML, CallRejected, 1),
        (401, error(401, "Bad credentials", "UNAUTHENTICATED"), KeyRejected, 1),
        (
            403,
            error(403, "The caller does not have permission", "PERMISSION_DENIED"),
            KeyRejected,
            1,
        ),
        (402, error(402, "Insufficient balance"), QuotaGone, 1),
        (
            404,
            error(404, "models/x is not found for API version v1beta", "NOT_FOUND"),
            ModelGone,
            1,
        ),
        (404, HTML, ModelGone, 1),
        (405, HTML, CallRejected, 1),
        (302, b"", CallRejected, 1),
        (408, error(408, "Request timed out."), OutcomeUnknown, 1),
        (413, HTML, RequestTooLarge, 1),
        (429, error(429, "Slow down", "RESOURCE_EXHAUSTED"), ServiceBusy, 3),
        (429, HTML, ServiceBusy, 3),
        (
            429,
            error(429, "Quota", "RESOURCE_EXHAUSTED", quota("GenerateRequestsPerDayPerProject")),
            QuotaGone,
            1,
        ),
        (429, error(429, "Quota exceeded for metric x, limit: 0, model: y"), QuotaGone, 1),
        (429, error(429, "Quota exceeded for metric x, limit: 0.5"), ServiceBusy, 3),
        (429, error(429, "Quota exceeded for metric x, limit: 20"), ServiceBusy, 3),
        (
            429,
            error(429, "Quota", "", quota("GenerateRequestsPerMinutePerProject")),
            ServiceBusy,
            3,
        ),
        (499, error(499, "cancelled", "CANCELLED"), OutcomeUnknown, 1),
        (500, error(500, "An internal error has occurred.", "INTERNAL"), ServiceBusy, 2),
        (500, HTML, OutcomeUnknown, 1),
        (502, HTML, OutcomeUnknown, 1),
        (502, error(502, "bad gateway"), OutcomeUnknown, 1),
        (503, error(503, "The model is overloaded.", "UNAVAILABLE"), ServiceBusy, 3),
        (503, HTML, ServiceBusy, 3),
        (504, error(504, "Deadline expired", "DEADLINE_EXCEEDED"), OutcomeUnknown, 1),
        (520, HTML, OutcomeUnknown, 1),
        (204, b"", OutcomeUnknown, 1),
    ],
)
def test_a_status_and_a_body_mean_one_thing(
    status: int, body: bytes, kind: type[ModelError], tries: int
) -> None:
    refusal = judge(status, body, ROUTE)

    assert type(refusal.error) is kind
    assert refusal.tries == tries
    assert bool(refusal.note) == (tries > 1)
    words = str(refusal.error)
    assert words.endswith(".") or "It says:" in words
    assert ("It may have been billed. Try again" in words) == (kind is OutcomeUnknown)


NESTED_SIGNATURE = error(400, "Corrupted thought signature.", INVALID)
NESTED_BUSY = error(503, "The model is overloaded.", "UNAVAILABLE")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"[" + NESTED_SIGNATURE + b"]", SignatureRefused),
        (400, b"[" + NESTED_SIGNATURE + b",\n" + NESTED_BUSY + b"]", SignatureRefused),
        (400, error(400, NESTED_SIGNATURE.decode()), SignatureRefused),
        (500, error(500, NESTED_SIGNATURE.decode()), SignatureRefused),
        (500, error(500, "upstream: " + NESTED_SIGNATURE.decode()), SignatureRefused),
        (502, error(502, error(502, NESTED_BUSY.decode()).decode()), ServiceBusy),
        (400, json.dumps({"error": "Invalid thought signature"}).encode(), SignatureRefused),
        (400, json.dumps({"error": NESTED_SIGNATURE.decode()}).encode(), SignatureRefused),
        (400, error(400, 'Unknown name "x": {oops'), CallRejected),
        (500, json.dumps({"error": None}).encode(), OutcomeUnknown),
        (500, b"[]", OutcomeUnknown),
        (500, b'"error"', OutcomeUnknown),
        (500, b"[" * 60_000, OutcomeUnknown),
        (400, b"\xff\xfe", CallRejected),
        (429, b'{"error":{"details":[{"violations":"x"},5],"message":7}}', ServiceBusy),
    ],
)
def test_the_error_is_found_in_every_form(status: int, body: bytes, kind: type[ModelError]) -> None:
    assert type(judge(status, body, ROUTE).error) is kind


@pytest.mark.parametrize(
    ("body", "header", "seconds"),
    [
        (error(429, "", "", retry_info("3s")), "", 3),
        (error(429, "", "", quota("PerMinute"), retry_info("34.07s")), "", 34.07),
        (error(429, "", "", retry_info("3s")), "9", 3),
        (error(429), "7", 7),
        (HTML, " 12 ", 12),
        (error(429, "Quota exceeded. Please retry in 33.5s."), "", 33.5),
        (error(429, "", "", retry_info("soon")), "Wed, 21 Oct 2026 07:28:00 GMT", None),
        (error(429, "", "", retry_info("1e999s")), "-3", None),
    ],
)
def test_the_wait_that_the_service_asks_for_is_found(
    body: bytes, header: str, seconds: float | None
) -> None:
    assert judge(429, body, ROUTE, header).wait == seconds


def test_a_wait_that_is_too_long_ends_the_call_and_is_named() -> None:
    refusal = judge(429, error(429, "", "", retry_info("200s")), ROUTE)

    assert pause(refusal, 1, 0, 0.5) is None
    assert str(refusal.error).endswith("Try again in about 4 minutes.")


@pytest.mark.parametrize(
    ("seconds", "words"), [("59.2s", "60 s"), ("120s", "120 s"), ("7300s", "3 hours")]
)
def test_waits_are_named_in_handy_units(seconds: str, words: str) -> None:
    refusal = judge(429, error(429, "", "", retry_info(seconds)), ROUTE)

    assert f"in about {words}." in str(refusal.error)


def test_pauses_grow_and_end_after_three_tries() -> None:
    refusal = unreachable(ROUTE)

    assert [pause(refusal, tried, 0, 0.5) for tried in (1, 2, 3)] == [2, 6, None]
    assert pause(refusal, 1, 0, 0) == 1
    assert pause(refusal, 2, 0, 1) == 9


def test_waits_that_were_asked_for_never_add_up_to_more_than_a_minute() -> None:
    refusal = judge(429, error(429, "", "", retry_info("35s")), ROUTE)

    assert pause(refusal, 1, 0, 0.5) == 35.5
    assert pause(refusal, 2, 35.5, 0.5) is None


def test_only_a_model_without_instructions_is_asked_without_them() -> None:
    refused = error(400, "Developer instruction is not enabled for models/x", INVALID)

    assert judge(400, refused, ROUTE).without_system
    assert not judge(400, error(400, "Bad image.", INVALID), ROUTE).without_system


@pytest.mark.parametrize(
    "said",
    [
        f"Key {KEY} is bad",
        "consumer 'api_key:AIzaOtherKey_12345'",
        "token sk-abcdef123456 refused",
        "Authorization: Bearer abc.def.ghi",
        "GET https://host/v1?key=abcdefghijk",
    ],
)
@pytest.mark.parametrize("status", [400, 401])
def test_no_secret_is_ever_repeated(said: str, status: int) -> None:
    words = str(judge(status, error(status, said, INVALID), ROUTE).error)

    assert "***" in words
    for secret in (KEY, "AIzaOther", "sk-abc", "abc.def", "abcdefghijk"):
        assert secret not in words
    assert KEY not in repr(ROUTE)


def test_the_service_is_quoted_on_one_line_and_trimmed() -> None:
    words = str(judge(400, error(400, "a\n  b " + "x" * 900, INVALID), ROUTE).error)

    assert " It says: a b xxx" in words
    assert len(words) < 400
    assert "\n" not in words


def test_words_name_what_the_operator_has_to_change() -> None:
    assert "GEMINI_API_KEY" in str(judge(401, b"", ROUTE).error)
    assert "GEMINI_BASE_URL" in str(judge(301, b"", ROUTE).error)
    assert "GEMINI_BASE_URL" in str(judge(404, HTML, ROUTE).error)
    moved = str(judge(404, error(404, "gone", "NOT_FOUND"), ROUTE).error)
    assert "gemini-3.1-flash-image (any more)" in moved
    assert "GEMINI_MODEL=gemini-nano-banana-2.1" in moved
    assert "GEMINI_MODEL=other" in str(gone(ROUTE, "other"))
    assert ROUTE.host in str(unreachable(ROUTE).error)


def test_a_refusal_carries_the_words_of_its_error() -> None:
    assert str(Refusal(ServiceBusy("Wait."))) == "Wait."
