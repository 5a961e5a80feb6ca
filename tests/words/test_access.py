"""Who may ask, and which replies count."""

from __future__ import annotations

import pytest

from bot.access import Access, Heard, counts


def heard(**more: object) -> Heard:
    fields: dict[str, object] = {
        "author": "bob",
        "owner": "ann",
        "mention": False,
        "to_another": False,
        "quiet": False,
    }
    return Heard(**(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "message", "answered"),
    [
        ("follow", heard(), True),
        ("follow", heard(to_another=True), False),
        ("follow", heard(quiet=True), False),
        ("follow", heard(quiet=True, mention=True), True),
        ("follow", heard(to_another=True, mention=True), True),
        ("mention", heard(), False),
        ("mention", heard(author="ann"), False),
        ("mention", heard(mention=True), True),
        ("owner", heard(), False),
        ("owner", heard(mention=True), False),
        ("owner", heard(author="ann"), True),
        ("owner", heard(author="ann", to_another=True), False),
        ("owner", heard(author="ann", quiet=True), False),
        ("owner", heard(author="ann", quiet=True, mention=True), True),
    ],
)
def test_the_follow_policy_decides_which_replies_count(
    policy: str,
    message: Heard,
    answered: bool,  # noqa: FBT001 - of the table
) -> None:
    assert counts(message, policy) is answered  # type: ignore[arg-type]


def test_everybody_may_ask_anywhere_until_the_operator_says_otherwise() -> None:
    assert Access().refusal(person="U1", channel="C1") == ""


def test_a_blocked_person_an_outsider_and_a_wrong_channel_are_refused_in_words() -> None:
    access = Access(channels=frozenset({"C1"}), blocked=frozenset({"U9"}))
    assert "cannot use" in access.refusal(person="U9", channel="C1")
    assert "this workspace" in access.refusal(person="U1", channel="C1", external=True)
    assert "another one" in access.refusal(person="U1", channel="C2")
    assert access.refusal(person="U1", channel="C1") == ""
    assert access.refusal(person="U1", channel="D7", direct=True) == ""
    open_to_all = Access(external=True)
    assert open_to_all.refusal(person="U1", channel="C1", external=True) == ""
