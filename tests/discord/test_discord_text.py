"""Discord's text both ways: what people typed is read whole, and what we show can do nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.discord.text import (
    addressed_to_another,
    escape,
    link,
    markdown,
    prompt_of,
    short,
    split,
    units,
    verbatim_link,
)
from bot.cutting import lines
from tests.discord.hostile import HIDES, LIVE
from tests.discord.limits import OURS, live_in, size

if TYPE_CHECKING:
    from tests.discord.hostile import Hide

BOT = "100"
NAMES = {"400": "ann", "900": "painters", "300": "general"}
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
GAP = "\u200a"
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)

TYPED = [
    ("", ""),
    ("a cat", "a cat"),
    ("<@100> a cat", "a cat"),
    ("<@!100> a cat", "a cat"),
    ("a cat <@100>", "a cat"),
    ("make <@100> a cat", "make a cat"),
    ("make<@100>a cat", "make a cat"),
    ("<@100>", ""),
    ("<@100> <@!100>  a cat", "a cat"),
    ("<@100>\u00a0a cat", "a cat"),
    ("<@100>, a cat", "a cat"),
    ("<@100>: a cat", "a cat"),
    ("hey <@100>, a cat", "hey, a cat"),
    ("is it you <@100>?", "is it you?"),
    ("<@100>\na cat\n\non a mat", "a cat\n\non a mat"),
    ("a cat\n<@100>\non a mat", "a cat\n\non a mat"),
    ("a cat <@100>\non a mat", "a cat\non a mat"),
    ("<@100> a cat --ar 16:9  --size 2K", "a cat --ar 16:9  --size 2K"),
    ("<@100> --n 2 a cat", "--n 2 a cat"),
    ("<@100> a cat \u2014ar 16:9", "a cat \u2014ar 16:9"),
    ("<@100> :fox: please", ":fox: please"),
    ("like <@400>", "like @ann"),
    ("like <@!400>", "like @ann"),
    ("like <@401>", "like @401"),
    ("like <@1001>", "like @1001"),
    ("for <@&900>", "for @painters"),
    ("for <@&100>", "for @100"),
    ("as in <#300>", "as in #general"),
    ("as in <#301>", "as in #301"),
    ("for @everyone and @here", "for @everyone and @here"),
    ("on <t:1708214400>", "on 2024-02-18 00:00 UTC"),
    ("on <t:1708214400:R>", "on 2024-02-18 00:00 UTC"),
    ("on <t:-1:F>", "on 1969-12-31 23:59 UTC"),
    ("on <t:999999999999>", "on <t:999999999999>"),
    ("a fox <:fox:12345>", "a fox :fox:"),
    ("a fox <a:fox_2:12345>", "a fox :fox_2:"),
    ("use </imagine:816437322781949972>", "use /imagine"),
    ("use </foo bar:1>", "use /foo bar"),
    ("see <id:browse> and <id:linked-roles:5>", "see #browse and #linked-roles"),
    ("see <https://x.y/z>", "see https://x.y/z"),
    ("see https://x.y/z", "see https://x.y/z"),
    ("see [this](https://x.y)", "see this (https://x.y)"),
    ("see [this](<https://x.y>)", "see this (https://x.y)"),
    ("see [https://x.y](https://x.y)", "see https://x.y"),
    ("a[0](1) and [x](y)", "a[0](1) and [x](y)"),
    ("||a secret|| cat ||two\nlines||", "a secret cat two\nlines"),
    ("a || b", "a || b"),
    ("**bold** _it_ `code`\n```\n  x\n```", "**bold** _it_ `code`\n```\n  x\n```"),
    ("a <b> & \\*c", "a <b> & \\*c"),
    ("<@> <#x> <", "<@> <#x> <"),
]


@pytest.mark.parametrize(("wire", "words"), TYPED)
def test_what_a_person_typed_is_read_as_the_words_they_meant(wire: str, words: str) -> None:
    assert prompt_of(wire, BOT, NAMES) == words


@given(st.text())
def test_typed_words_without_tokens_come_back_byte_for_byte(typed: str) -> None:
    plain = typed.replace("<", "(").replace("|", "/").replace("](", "] (")
    assert prompt_of(plain, BOT, {}) == plain.strip()


@pytest.mark.parametrize(
    ("wire", "other"),
    [
        ("<@400> look at this", True),
        ("  \n<@!400> look", True),
        ("<@400>, <@401> look", True),
        ("<@&900> look", True),
        ("@here look", True),
        ("@everyone, look", True),
        ("<@400>", True),
        ("make it look like <@400>", False),
        ("<@100> ask <@400>", False),
        ("<@!100> <@400> look", False),
        ("<@400> <@100> bluer", False),
        ("<@400> ask <@100>", True),
        ("<@1001> look", True),
        ("<#300> is for that", False),
        ("<:fox:400> like this", False),
        ("@heresy is a word", False),
        ("bluer", False),
        ("", False),
    ],
)
def test_a_reply_that_begins_with_somebody_else_is_not_for_the_bot(
    wire: str, *, other: bool
) -> None:
    assert addressed_to_another(wire, BOT) is other


def test_there_are_enough_hostile_strings() -> None:
    assert len({hide(live) for hide in HIDES for live in LIVE}) >= 600


@pytest.mark.parametrize("hide", HIDES)
def test_our_reader_sees_the_danger_in_hostile_strings(hide: Hide) -> None:
    """So that a pass of the tests below means something."""
    seen = [text for text in map(hide, LIVE) if live_in(seen_as(text))]
    assert len(seen) >= len(LIVE) * 4 // 5


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_words_do_nothing_when_they_are_escaped(hide: Hide) -> None:
    for text in map(hide, LIVE):
        made = escape(text)
        assert not live_in(made)
        assert not HIDDEN.search(made)
        assert not re.search(r"(?<!\\)[*_~|`\[\]<>]", made.replace("\\\\", ""))


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_words_of_a_model_do_nothing(hide: Hide) -> None:
    for text in map(hide, LIVE):
        for piece in markdown(f"{text}\n\n# {text}\n- {text}\n> {text}\n```\n{text}\n```\n{text}"):
            assert not live_in(piece)
            assert not HIDDEN.search(piece.replace("\u200b", ""))
            assert size(piece) <= 3_900


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_labels_make_one_link_to_our_page(hide: Hide) -> None:
    for text in map(hide, LIVE):
        named = OURS.fullmatch(link("https://example.org/a", text))
        assert named
        assert named["label"].endswith("(example.org)")
        shown = OURS.fullmatch(verbatim_link("https://example.org/a", text))
        assert shown
        for found in (named, shown):
            assert found["url"] == "https://example.org/a"
            assert not live_in(f"- {found[0]}")[1:]
            assert not live_in(f"x {found['label']}")
            assert not HIDDEN.search(found["label"])


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_urls_make_no_link_that_shows_another_host(hide: Hide) -> None:
    for text in map(hide, LIVE):
        made = link(text, "Bank")
        found = OURS.fullmatch(made)
        if found:
            assert found["label"] == f"Bank ({found['host']})"
            assert "xn--" not in found["host"]
        else:
            assert not live_in(made)


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_words_stay_inert_when_they_are_cut(hide: Hide) -> None:
    for text in map(hide, LIVE):
        for piece in markdown(f"{text} " * 200):
            assert not live_in(piece)


@given(st.text())
def test_any_words_are_inert(text: str) -> None:
    assert not live_in(escape(text))
    for piece in markdown(text):
        assert not live_in(piece)
    for made in (link("https://example.org/", text), verbatim_link("https://example.org/", text)):
        assert OURS.fullmatch(made)


MARKS = st.text(alphabet=st.sampled_from("ab1 #*_-+>.)(!\\[]<@&;:/|`~\n\t"), max_size=80)


@given(MARKS)
@example("-# \n# a")
@example("1.\n# [a](b)")
@example("# **\n#")
def test_no_arrangement_of_marks_is_loud_or_live(text: str) -> None:
    assert not live_in(escape(text))
    for piece in markdown(text):
        assert not live_in(piece)


@given(MARKS)
def test_escaped_marks_are_the_marks(text: str) -> None:
    assert shown(escape(text)) == text


@given(MARKS)
def test_no_letter_of_the_model_is_lost(text: str) -> None:
    assert list(filter(str.isalpha, text)) == list(filter(str.isalpha, "".join(markdown(text))))


def seen_as(text: str) -> str:
    return re.sub("[\u200c\u200d]", "", HIDDEN.sub("", text))


def shown(text: str) -> str:
    """Read escapes as Discord does."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text).replace(GAP, "")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("-# x", "\\-# x"),
        ("  -# x", "  \\-# x"),
        ("a\n# x", "a\n\\# x"),
        ("1. x", "1\\. x"),
        ("> x", "\\> x"),
        ("||x|| ~~y~~ __z__", "\\|\\|x\\|\\| \\~\\~y\\~\\~ \\_\\_z\\_\\_"),
        ("--ar 16:9 -- x", "--ar 16:9 -- x"),
        (
            "3.5 x 2 & 50 %: 1:1 #1a (cat.png) notes.docx",
            "3.5 x 2 & 50 %: 1:1 #1a (cat.png) notes.docx",
        ),
        ("¯\\_(ツ)_/¯", "¯\\\\\\_(ツ)\\_/¯"),
    ],
)
def test_foreign_words_show_as_they_are(text: str, made: str) -> None:
    assert escape(text) == made


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        (" \n\u200b", []),
        (
            "A **red** *fox*, `code` and ~~not~~ ||this||.",
            ["A **red** *fox*, `code` and ~~not~~ ||this||."],
        ),
        ("- a\n  - b\n1. c\n> d", ["- a\n  - b\n1. c\n> d"]),
        ("# Fox\n## The **red** one ##\n#### d", ["**Fox**\n**The red one**\n**d**"]),
        ("#1 and #tag", ["#1 and #tag"]),
        ("-# small", ["-\u200b# small"]),
        ("- # x\n> ## y", ["- \u200b# x\n> \u200b## y"]),
        ("```py\n# a comment\n```", ["```py\n\u200b# a comment\n```"]),
        ("[invoice](https://evil.com)", ["invoice (https:\u200a//evil.com)"]),
        ('![x](<https://evil.com/a> "bank")', ["x (https:\u200a//evil.com/a bank)"]),
        ("[https://e.org](https://e.org)", ["https:\u200a//e.org"]),
        ("a[0](1)", ["a[0]\u200a(1)"]),
        (
            "@everyone, <@1>, discord.gg/x",
            ["@\u200aeveryone, <\u200a@\u200a1>, discord\u200a.gg/x"],
        ),
        ("a \\* b", ["a \\* b"]),
    ],
)
def test_a_model_keeps_the_markdown_that_harms_nobody(text: str, pieces: list[str]) -> None:
    assert markdown(text) == pieces


def test_a_long_answer_becomes_pieces_within_their_limit() -> None:
    text = "\n\n".join(f"{number}: " + "🦊 and **more** " * 40 for number in range(30))
    pieces = markdown(text)
    assert max(map(size, pieces)) <= 3_900
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_no_cut_goes_through_an_escape() -> None:
    pieces = markdown("\\*" * 3_000)
    assert len(pieces) > 1
    assert {piece.replace("\\*", "") for piece in pieces} == {""}
    odd = markdown("x" + "\\*" * 3_000)
    assert {piece.replace("\\*", "") for piece in odd} == {"x", ""}


def test_a_line_that_begins_a_piece_is_not_loud_by_the_cut() -> None:
    pieces = markdown("word " * 350 + "and 5 is -# 4 # 3\n" * 300)
    assert len(pieces) > 2
    assert not any(map(live_in, pieces))


@pytest.mark.parametrize(
    ("url", "label", "made"),
    [
        ("https://example.org/x", "Title", "[Title (example.org)](<https://example.org/x>)"),
        ("https://example.org", "example.org", "[example.org](<https://example.org>)"),
        ("https://example.org", "", "[(example.org)](<https://example.org>)"),
        ("HTTP://Example.ORG/X", "T", "[T (example.org)](<http://example.org/X>)"),
        ("https://e.org/?a=1&b=%20#c", "T", "[T (e.org)](<https://e.org/?a=1&b=%20#c>)"),
        (
            'https://e.org/(a)[b]>c<d"@',
            "T",
            "[T (e.org)](<https://e.org/%28a%29%5Bb%5D%3Ec%3Cd%22%40>)",
        ),
        ("https://e.org/\u00e9", "T", "[T (e.org)](<https://e.org/%C3%A9>)"),
        (
            "https://e.org/",
            "a [b]\n`c` \\ <d>|e",
            "[a (b) 'c' / \u2039d\u203a¦e (e.org)](<https://e.org/>)",
        ),
        ("https://e.org/", "🦊 Fox 👍🏽 :fox:", "[Fox fox (e.org)](<https://e.org/>)"),
        ("https://e.org/", "https://bank.com", "[bank.com (e.org)](<https://e.org/>)"),
        (
            "https://e.org/",
            "discord.gg/x @here",
            "[discord .gg/x \uff20here (e.org)](<https://e.org/>)",
        ),
        ("https://e.org/", "a\u3000b", "[a b (e.org)](<https://e.org/>)"),
        (
            "https://e.org/",
            "20 °C, №\u00a05 \u2764\ufe0f",
            "[20 °C, № 5 (e.org)](<https://e.org/>)",
        ),
    ],
)
def test_a_source_becomes_a_link_that_names_its_host(url: str, label: str, made: str) -> None:
    assert link(url, label) == made


def test_a_search_suggestion_is_shown_verbatim_with_its_marks() -> None:
    made = verbatim_link("https://www.google.com/search?q=a%20b", "fox *winter* coat_?")
    assert made == "[`fox *winter* coat_?`](<https://www.google.com/search?q=a%20b>)"
    assert verbatim_link("https://e.org/", "🦊") == "[`e.org`](<https://e.org/>)"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.org/",
        "discord://-/invite/x",
        "//example.org/",
        "https://",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://user@example.org/",
        "https://example.org@evil.com/",
        "https://example.org:8443/",
        "https://example.org\\@evil.com/",
        "https://example.org /",
        "https://example.org/\n",
        "https://example.org/\u202ex",
        "https://xn--e1afmkfd.com/",
        "https://www.xn--e1afmkfd.com/",
        "https://\u0440aypal.com/",
        "https://example.org\u3002evil.com/",
        "https://-a.org/",
        "https://e.org/" + "x" * 2000,
        "https://e.org/" + "\u00e9" * 400,
    ],
)
def test_any_other_address_is_shown_without_a_link(url: str) -> None:
    for made in (link(url, "Title"), verbatim_link(url, "Title")):
        assert made.startswith("Title")
        assert not live_in(made)


@pytest.mark.parametrize(
    ("text", "most", "line"),
    [
        ("a\n b\tc", 9, "a b c"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde\u2026"),
        ("abcd\U0001f44d\U0001f3fd!", 6, "abcd\u2026"),
        ("ab", 1, "\u2026"),
        ("", 5, ""),
    ],
)
def test_a_line_is_cut_between_characters(text: str, most: int, line: str) -> None:
    assert short(text, most) == line


def test_lines_stay_lines_when_they_are_cut() -> None:
    assert lines(" a  b\r\n\n c\u200b ", 20) == "a b\n\nc"
    assert lines("abc\ndef", 5) == "abc\u2026"


def test_an_emoji_counts_two() -> None:
    assert units("a🦊") == 3
    assert units("\ud800") == 1


CODE = (
    "Intro " * 20
    + "\n```py\n"
    + "\n".join(f"    line_{number} = 1" for number in range(40))
    + "\n```js\n# no end yet\n\n```\nEnd"
    + " and on" * 60
)


def check_code(pieces: list[str], most: int) -> None:
    """Check that each piece of CODE shows code as code, and that nothing is lost."""
    said = []
    for piece in pieces:
        assert len(piece) <= most
        assert len(re.findall("^```", piece.replace("```js", ""), re.MULTILINE)) % 2 == 0
        inside = piece.replace("```py\n", "").split("\n")
        said += [line for line in inside if line not in {"", "```"}]
        if "line_" in piece:
            assert "```py\n    line_" in piece
    assert " ".join(said).split() == CODE.replace("```py\n", "").replace("```\n", "").split()


def test_a_cut_code_fence_is_closed_and_opened_again() -> None:
    for most in range(128, 400, 3):
        check_code(split(CODE, most), most)


@pytest.mark.parametrize(
    ("text", "most", "pieces"),
    [
        ("", 9, []),
        (" \n ", 9, []),
        ("short", 5, ["short"]),
        ("one two.\n\nthree four", 15, ["one two.", "three four"]),
        ("One two. Three four", 15, ["One two.", "Three four"]),
        ("one two three four", 15, ["one two three", "four"]),
        ("x" * 12, 5, ["xxxxx", "xxxxx", "xx"]),
        ("xx <@U1|a b> xx", 11, ["xx", "<@U1|a b>", "xx"]),
        ("a\u0301" * 4, 5, ["a\u0301" * 2, "a\u0301" * 2]),
        (FAMILY * 3, 7, [FAMILY] * 3),
    ],
)
def test_text_is_cut_where_it_hurts_least(text: str, most: int, pieces: list[str]) -> None:
    assert split(text, most) == pieces


def test_no_cut_goes_through_what_is_named_as_whole() -> None:
    entity = re.compile(r"&\w+;")
    assert split("xxx&amp;xxx", 5, whole=entity) == ["xxx", "&amp;", "xxx"]
    assert split("xxxx\\*xxx", 5, whole=re.compile(r"\\.")) == ["xxxx", "\\*xxx"]


PARTS = [
    "word ",
    "Sentence. ",
    "\n",
    "\n\n",
    "    ",
    "```\n",
    "\n```\n",
    "\n```python\n",
    "~~~~\n",
    "<https://x.y/z|t>",
    FAMILY,
    "\U0001f1e9\U0001f1ea",
    "x" * 70,
    "\u4f60\u597d\u3002",
]
TEXTS = st.one_of(st.text(max_size=400), st.lists(st.sampled_from(PARTS), max_size=60).map("".join))
FENCE_LINE = re.compile(r"(?:^|\n) {0,3}(?:`{3,}|~{3,})[^\n`]*(?=\n|$)")


def put_back(text: str, pieces: list[str]) -> None:
    """Check that pieces follow one another in a text, with only spaces lost between them.

    A fence at the border of a piece may be ours or the text's, so every reading is tried.
    """
    places = {0}
    for piece in pieces:
        unopened = re.sub(r"\A(?:`{3,}|~{3,})[^\n`]*\n", "", piece)
        unclosed = [re.sub(r"\n(?:`{3,}|~{3,})\Z", "", kept) for kept in (piece, unopened)]
        places = {
            start + len(kept)
            for place in places
            for start in range(place, len(text) - len(text[place:].lstrip()) + 1)
            for kept in (piece, unopened, *unclosed)
            if text.startswith(kept, start)
        }
        assert places, piece
    assert any(not text[place:].strip() for place in places)


@given(TEXTS, st.integers(min_value=1, max_value=300))
def test_pieces_put_together_are_the_text(text: str, most: int) -> None:
    pieces = split(text, most)
    assert all(0 < len(piece) <= most for piece in pieces)
    assert all(piece.strip() for piece in pieces)
    put_back(text, pieces)
    if most < 128 or not FENCE_LINE.search(text):
        assert "".join("".join(pieces).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "unit",
    [
        " ",
        "x",
        ":x",
        "<",
        "<@",
        "*",
        "`",
        "[(",
        "![",
        "[a](",
        "- ",
        "# ",
        "#",
        "||",
        "\u200d",
        "a.b@",
        "1.",
        "```\n",
        "\\",
    ],
)
@pytest.mark.timeout(20)
def test_long_repetitions_do_not_hang_a_reader(unit: str) -> None:
    """The time-out stands for a pattern that takes quadratic time: minutes."""
    text = unit * (20_000 // len(unit)) + "<"
    assert "".join("".join(split(text, 100)).split()) == "".join(text.split())
    assert escape(text)
    assert markdown(text)
    assert len(short(text, 50)) <= 50
    assert prompt_of(text, BOT, {})
    assert not addressed_to_another(text, BOT)
    assert not live_in(link(f"https://{text}", text))
