from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import (
    COMMANDS,
    FLAGS,
    LONGEST_PROMPT,
    CommandWord,
    Request,
    command_word,
    help_text,
    parse,
    render,
)
from bot.errors import UsageError
from bot.options import RATIOS, SIZES, THINKING, GenerationOptions

NAMES = [flag.name for flag in FLAGS]
maybe = st.none()
said_options = st.builds(
    GenerationOptions,
    aspect_ratio=maybe | st.sampled_from(RATIOS),
    image_size=maybe | st.sampled_from(SIZES),
    thinking=maybe | st.sampled_from(THINKING),
    model=maybe | st.from_regex(r"[a-z][a-z0-9.-]{0,20}[a-z0-9]", fullmatch=True),
    count=maybe | st.integers(1, 4),
    web_search=maybe | st.just(value=True),
    text=maybe | st.booleans(),
) | st.builds(GenerationOptions, web_search=st.just(value=True), image_search=st.just(value=True))
dashless = st.text().filter(lambda text: not set("-\u2014\u2013") & set(text))
words = st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=8)
flaglike = st.lists(
    st.sampled_from(
        [*NAMES, "--", "\u2014", "\u2013ar", "\u2014size", "--x", "2k", "16:9", "4", "\n"]
    )
    | st.text(max_size=4),
    max_size=12,
).map(" ".join)


def options_of(text: str) -> GenerationOptions:
    return parse(text).options


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as refused:
        parse(text)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("--ar 16:9", {"aspect_ratio": "16:9"}),
        ("--ar=16x9", {"aspect_ratio": "16:9"}),
        ("--ar 16X9", {"aspect_ratio": "16:9"}),
        ("--ar 16/9", {"aspect_ratio": "16:9"}),
        ("--ar 16\u00d79", {"aspect_ratio": "16:9"}),
        ("--AR 16:9", {"aspect_ratio": "16:9"}),
        ("--size 2k", {"image_size": "2K"}),
        ("--size 0.5k", {"image_size": "0.5K"}),
        ("--size .5k", {"image_size": "0.5K"}),
        ("--size 512", {"image_size": "0.5K"}),
        ("--search", {"web_search": True}),
        ("--image-search", {"web_search": True, "image_search": True}),
        ("--image-search --search", {"web_search": True, "image_search": True}),
        ("--think HIGH", {"thinking": "high"}),
        ("--think minimal", {"thinking": "minimal"}),
        ("--think medium", {"thinking": "medium"}),
        ("--model Gemini-3-Pro-Image", {"model": "gemini-3-pro-image"}),
        ("--model My-Own-Alias", {"model": "My-Own-Alias"}),
        ("--n 4", {"count": 4}),
        ("--text", {"text": True}),
        ("--no-text", {"text": False}),
        ("--ar 1:1 --ar 1x1", {"aspect_ratio": "1:1"}),
        ("--ar 16:9, --search.", {"aspect_ratio": "16:9", "web_search": True}),
        ("\u2014ar 16:9", {"aspect_ratio": "16:9"}),
        ("\u2013ar=16:9", {"aspect_ratio": "16:9"}),
        ("--ar \u2014search", None),
    ],
)
def test_each_flag_says_its_option(text: str, options: dict[str, object] | None) -> None:
    if options is None:
        refusal(text)
    else:
        assert parse(text) == Request(prompt="", options=GenerationOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "a cat \u2014 sitting",
        "a cat \u2014tree",
        "a cat \u2013 and \u2013foo",
        "a well-lit -ar 16:9 room",
        "left --- right",
        "--5 degrees",
        "foo--ar 16:9",
        "`--ar 16:9`",
        "\u201c--search\u201d",
    ],
)
def test_dashes_that_are_no_flags_are_text(text: str) -> None:
    assert parse(text) == Request(prompt=text, options=GenerationOptions())


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("a  cat   --ar 16:9   on a  mat", "a  cat on a  mat"),
        ("--ar 16:9 a cat", "a cat"),
        ("a cat\n--ar 16:9\non a mat", "a cat\non a mat"),
        ("a cat --search\n\n  on a mat", "a cat\n\n  on a mat"),
        ("a cat\r\n\r\n--search on a mat", "a cat\r\n\r\non a mat"),
        ("a cat --ar\n16:9 on a mat", "a cat on a mat"),
        ("  one\n  two  ", "one\n  two"),
        ("the flag -- --ar 16:8 --foo", "the flag --ar 16:8 --foo"),
        ("-- a -- b", "a -- b"),
        ("   ", ""),
    ],
)
def test_the_prompt_keeps_its_spacing_but_where_a_flag_stood(text: str, prompt: str) -> None:
    assert parse(text).prompt == prompt


@pytest.mark.parametrize(
    ("text", "words_said"),
    [
        ("--aspect 16:9", "There is no flag --aspect. Did you mean --ar? Flags: --ar, --size,"),
        ("--siz 2k", "There is no flag --siz. Did you mean --size?"),
        ("--resolution 2k", "Did you mean --size?"),
        ("--qqqqq", "There is no flag --qqqqq. Flags:"),
        ("--ar 16:8", "--ar 16:8 is not a ratio. Did you mean 16:9? Ratios: 1:1, 1:4,"),
        ("--ar 1920x1080", "Did you mean 16:9?"),
        ("--ar 2.39:1", "Did you mean 21:9?"),
        ("--ar 0:0", "--ar 0:0 is not a ratio. Ratios:"),
        ("--ar wide", "--ar wide is not a ratio. Ratios:"),
        ("--size 8K", "--size 8K is not a size. Did you mean"),
        ("--think hihg", "Did you mean high? Thinking levels: minimal, medium, high."),
        ("--n 5", "--n 5 is not a picture count. Picture counts: 1, 2, 3, 4."),
        ("--ar", "--ar takes a ratio. Ratios:"),
        ("--ar=", "--ar takes a ratio."),
        ("--ar --search", "--ar takes a ratio."),
        ("--ar -- 16:9", "--ar takes a ratio."),
        ("--model", "--model takes a model name."),
        ("--search=yes", "--search takes no value. Write --search alone."),
        ("--ar 1:1 --ar 16:9", "--ar 1:1 and --ar 16:9 contradict each other. Keep one of them."),
        ("--text --no-text", "--text and --no-text contradict each other."),
    ],
)
def test_a_wrong_flag_is_answered_with_the_right_ones(text: str, words_said: str) -> None:
    assert words_said in refusal(f"a cat {text}")


def test_a_refusal_never_repeats_a_long_word() -> None:
    for text in ("--" + "x" * 9_000, "--ar " + "9" * 9_000, "--model " + "m" * 9_000):
        assert len(refusal(text)) < 400


def test_a_prompt_of_8000_characters_fits_and_one_more_does_not() -> None:
    assert len(parse("a" * LONGEST_PROMPT + " --ar 16:9").prompt) == LONGEST_PROMPT
    assert "8,001 characters; 8,000 are allowed" in refusal("a" * (LONGEST_PROMPT + 1))


def test_a_huge_text_is_read_in_linear_time() -> None:
    started = time.process_time()
    refusal("a --search " * 50_000 + "b" * LONGEST_PROMPT)
    assert time.process_time() - started < 5


@given(st.text() | flaglike)
def test_parse_raises_nothing_but_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        assert parse(text).prompt == parse(text).prompt.strip()


@given(dashless)
def test_a_prompt_without_dashes_comes_back_unchanged(text: str) -> None:
    assert parse(text) == Request(prompt=text.strip(), options=GenerationOptions())


@given(said_options, words)
def test_what_render_writes_parse_reads(options: GenerationOptions, prompt: list[str]) -> None:
    flags = render(options)
    expected = Request(prompt=" ".join(prompt), options=options)
    assert parse(f"{flags} {' '.join(prompt)}") == expected
    assert parse(f"{flags} -- --ar {' '.join(prompt)}").prompt == f"--ar {' '.join(prompt)}"


@given(said_options, words, st.data())
def test_flags_may_stand_anywhere(
    options: GenerationOptions, prompt: list[str], data: st.DataObject
) -> None:
    text = list(prompt)
    for flag in re.findall(r"--\S+(?: [^\s-]\S*)?", render(options)):
        text.insert(data.draw(st.integers(0, len(text))), flag)
    spaced = " ".join(text)
    assert parse(spaced) == Request(prompt=" ".join(prompt), options=options)


@given(said_options, words, st.sampled_from("\u2014\u2013"))
def test_the_dash_of_a_phone_is_a_double_hyphen(
    options: GenerationOptions, prompt: list[str], dash: str
) -> None:
    text = f"{' '.join(prompt)} {render(options)}"
    assert parse(re.sub(r"(?<= )--", dash, text)) == parse(text)


@given(said_options)
def test_case_does_not_matter(options: GenerationOptions) -> None:
    options = replace(options, model=None)
    assert options_of(render(options).upper()) == options_of(render(options).lower()) == options


def test_a_search_switched_off_cannot_be_said() -> None:
    assert not render(GenerationOptions(web_search=False, image_search=False))
    assert render(GenerationOptions(image_search=True, web_search=True)) == "--image-search"


def test_the_table_covers_every_option_and_help_names_every_flag_and_command() -> None:
    assert {flag.option for flag in FLAGS} == set(GenerationOptions.__dataclass_fields__)
    assert set(COMMANDS) == set(get_args(CommandWord))
    text = help_text()
    for flag in FLAGS:
        assert f"{flag.usage}: {flag.help}" in text
    for command, meaning in COMMANDS.items():
        assert f"{command}: {meaning}" in text
    assert "--size 0.5K|1K|2K|4K:" in text
    assert "--ar RATIO:" in text
    assert "--model NAME:" in text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("stop", "stop"),
        ("  Stop! ", "stop"),
        ("UNDO.", "undo"),
        ("redo \u2026", "redo"),
        ("help?", "help"),
        ("stop it", None),
        ("please stop", None),
        ("!stop", None),
        ("", None),
        ("...", None),
    ],
)
def test_a_command_is_a_whole_reply(text: str, word: str | None) -> None:
    assert command_word(text) == word


def test_options_of_two_searches_are_the_wider_one() -> None:
    assert options_of("--search cat --image-search") == options_of("cat --image-search")
