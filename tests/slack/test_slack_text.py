"""Slack's text both ways: what people typed is read whole, and what we show can do nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.slack.text import (
    addressed_to_another,
    defused,
    escape,
    link,
    mentions,
    prompt_of,
    rich_text,
    short,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Hide = Callable[[str], str]

BOT = "UBOT"

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"

TYPED = [
    ("", ""),
    ("a cat", "a cat"),
    ("<@UBOT> a cat", "a cat"),
    ("<@UBOT|threadpaint> a cat", "a cat"),
    ("a cat <@UBOT>", "a cat"),
    ("make <@UBOT> a cat", "make a cat"),
    ("make<@UBOT>a cat", "make a cat"),
    ("<@UBOT>", ""),
    ("<@UBOT> <@UBOT>  a cat", "a cat"),
    ("<@UBOT>\u00a0a cat", "a cat"),
    ("make <@UBOT>\u00a0a cat", "make a cat"),
    ("<@UBOT>, a cat", "a cat"),
    ("<@UBOT>: a cat", "a cat"),
    ("<@UBOT> :fox_face: please", ":fox_face: please"),
    ("<@UBOT>:fox_face: please", ":fox_face: please"),
    ("hey <@UBOT>, a cat", "hey, a cat"),
    ("is it you <@UBOT>?", "is it you?"),
    ("<@UBOT>\na cat\n\non a mat", "a cat\n\non a mat"),
    ("a cat\n<@UBOT>\non a mat", "a cat\n\non a mat"),
    ("a cat <@UBOT>\non a mat", "a cat\non a mat"),
    ("<@UBOT> a cat --ar 16:9  --size 2K", "a cat --ar 16:9  --size 2K"),
    ("<@UBOT> --n 2 a cat", "--n 2 a cat"),
    ("<@UBOT> a cat \u2014ar 16:9", "a cat \u2014ar 16:9"),
    (
        "\u201cHello\u201d \u2018it\u2019s\u2019 \u2026",
        "\u201cHello\u201d \u2018it\u2019s\u2019 \u2026",
    ),
    ("<@UBOT> !safety a cat", "!safety a cat"),
    ("black &amp; white", "black & white"),
    ("a &lt; b &gt; c", "a < b > c"),
    ("write &amp;lt;b&amp;gt;", "write &lt;b&gt;"),
    ("&amp;amp;", "&amp;"),
    ("&quot;&#39;&nbsp;", "&quot;&#39;&nbsp;"),
    ("&lt;@UBOT&gt; as text", "<@UBOT> as text"),
    ("like <@U1|ann>", "like @ann"),
    ("like <@U1>", "like @U1"),
    ("like <@UBOT2>", "like @UBOT2"),
    ("as in <#C1|general>", "as in #general"),
    ("as in <#C1|>", "as in #C1"),
    ("as in <#C1>", "as in #C1"),
    ("for <!subteam^S1|@team>", "for @team"),
    ("for <!subteam^S1>", "for @S1"),
    ("for <!here>", "for @here"),
    ("for <!here|here> <!channel|@channel>", "for @here @channel"),
    ("on <!date^1392734382^{date}|Feb 18, 2014>", "on Feb 18, 2014"),
    ("on <!date^1392734382^{date}^https://x.y/|Feb &lt; 18>", "on Feb < 18"),
    ("see <https://x.y|this>", "see this (https://x.y)"),
    ("see <https://x.y>", "see https://x.y"),
    ("see <http://x.y|x.y>", "see x.y"),
    ("see <http://x.y/|x.y>", "see x.y"),
    ("see <https://x.y|https://x.y>", "see https://x.y"),
    ("see <https://x.y?a=1&amp;b=2>", "see https://x.y?a=1&b=2"),
    ("see <https://x.y?a=1&amp;b=2|a &amp; b>", "see a & b (https://x.y?a=1&b=2)"),
    ("to <mailto:a@b.c|a@b.c>", "to a@b.c"),
    ("to <mailto:a@b.c|Ann>", "to Ann (a@b.c)"),
    ("to <mailto:a@b.c>", "to a@b.c"),
    ("call <tel:+15551234|+1 555 1234>", "call +1 555 1234"),
    ("call <tel:+15551234>", "call +15551234"),
    ("a fox :fox_face: \U0001f98a", "a fox :fox_face: \U0001f98a"),
    ("*bold* _it_ `code`\n```\n  x\n```", "*bold* _it_ `code`\n```\n  x\n```"),
    ("a <unclosed", "a <unclosed"),
    ("<>", "<>"),
]


@pytest.mark.parametrize(("wire", "words"), TYPED)
def test_what_a_person_typed_is_read_as_the_words_they_meant(wire: str, words: str) -> None:
    assert prompt_of(wire, BOT) == words


@given(st.text())
def test_typed_words_without_mentions_come_back_byte_for_byte(typed: str) -> None:
    assert prompt_of(escape(typed), BOT) == typed.strip()


@pytest.mark.parametrize(
    ("wire", "ids"),
    [
        ("nobody", ()),
        ("<@U2> and <@W1|ann> and <@U2>", ("U2", "W1")),
        ("&lt;@U2&gt; <!here> <!subteam^S1> <#C1|x>", ()),
    ],
)
def test_mentions_are_listed_in_order(wire: str, ids: tuple[str, ...]) -> None:
    assert mentions(wire) == ids


@pytest.mark.parametrize(
    ("wire", "other"),
    [
        ("<@U2> look at this", True),
        ("  \n<@U2|ann> look", True),
        ("<@U2>, <@U3> look", True),
        ("<!subteam^S1> look", True),
        ("<!subteam^S1|@team> look", True),
        ("<!here> look", True),
        ("<!channel|channel> look", True),
        ("<@U2>", True),
        ("make it look like <@U2>", False),
        ("<@UBOT> ask <@U2>", False),
        ("<@UBOT|bot> <@U2> look", False),
        ("<@U2> <@UBOT> bluer", False),
        ("<@U2> ask <@UBOT>", True),
        ("<@UBOT2> look", True),
        ("&lt;@U2&gt; look", False),
        ("<#C1|general> is for that", False),
        ("<https://x.y> like this", False),
        ("<!date^1^{date}|x> fits", False),
        ("bluer", False),
        ("", False),
    ],
)
def test_a_reply_that_begins_with_somebody_else_is_not_for_the_bot(wire: str, other: bool) -> None:  # noqa: FBT001
    assert addressed_to_another(wire, BOT) is other


LIVE = [
    "<@U123ABC>",
    "<@U123ABC|ann>",
    "<@W123>",
    "<!here>",
    "<!here|here>",
    "<!channel>",
    "<!everyone>",
    "<!group>",
    "<!subteam^S123>",
    "<!subteam^S123|@team>",
    "<#C123>",
    "<#C123|general>",
    "<!date^1392734382^{date}^https://evil.com|today>",
    "@here",
    "@channel",
    "@everyone",
    "@ann",
    "#general",
    "&lt;!here&gt;",
    "&amp;lt;!here&amp;gt;",
    "&#60;!here&#62;",
    "<<!here>>",
    "<!here",
    "!here>",
    "<@U1<@U2>>",
    "<https://evil.com>",
    "<https://evil.com|https://bank.com>",
    "<javascript:alert(1)|click>",
    "<mailto:a@evil.com|ann>",
    "<tel:+1555|call>",
    "<slack://open?team=T1|open>",
    "https://evil.com/steal?q=1#x",
    "HTTPS://EVIL.COM",
    "http://127.0.0.1:8080/",
    "http://[::1]/",
    "http://2130706433/",
    "https://user:pass@evil.com/",
    "https://xn--pypal-4ve.com/",
    "https://\u0440aypal.com/",
    "www.evil.com",
    "evil.com",
    "evil.co.uk/path",
    "pypal.\u0440\u0444",
    "ann@evil.com",
    "mailto:ann@evil.com",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "192.168.0.1/admin",
    "[invoice](https://evil.com)",
    "[invoice](javascript:alert(1))",
    '[invoice](<https://evil.com> "bank.com")',
    "[https://bank.com](https://evil.com)",
    "[a][b]\n\n[b]: https://evil.com",
    "![x](https://evil.com/?secret)",
    "![x](data:image/png;base64,AAAA)",
    "<https://evil.com/auto>",
    '<a href="https://evil.com">bank</a>',
    "<img src=x onerror=alert(1)>",
    "```\n<!here>\n```",
    "```<!channel>",
    "`<@U1>`",
    "**<!everyone>**",
    "# <!here>",
    "- <@U1>\n  - <!here>\n1. <#C1>",
    "> <!here>",
    "|<!here>|",
    "x|y>z<w",
    "\\<!here\\>",
]
HIDES: list[Hide] = [
    lambda live: live,
    lambda live: f"look {live} now",
    lambda live: f"\u202e{live}\u202c",
    lambda live: f"\u2066{live}\u2069 \u200f\u061c",
    lambda live: live.replace("e", "e\u200b").replace("@", "@\u2060"),
    lambda live: live.replace("!", "!\u200d\u200d\u200d").replace("@", "@\u200c\u200d\u200c"),
    lambda live: live.replace("<", "<\x00").replace("/", "/\x1b"),
    lambda live: f"{live}\r\n{live}\u2028{live}\x85{live}",
    lambda live: f"\ud83d{live}\udc00\ufeff",
    lambda live: live.replace("<", "\u00ad<").replace(".", ".\U000e0061"),
]

TOKEN = re.compile(r"<[^>]*>?|>")
BARE = re.compile(
    r"[@#]\w|://|\b(?:mailto|tel|javascript|vbscript|data|file):\S"
    r"|[^\W_]\.(?!(?:png|jpg|webp)\b)[^\W\d_]{2}|\d\.\d+\.\d+\.\d",
    re.IGNORECASE,
)
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)
OURS = re.compile(r"<https?://[a-z0-9.-]+\.[a-z]+(?:[/?#][^\s|<>]*)?\|[^|<>]+>")


def read_by_slack(mrkdwn: str) -> str:
    """Read the entities of a text in which nothing is live."""
    assert not TOKEN.search(mrkdwn)
    assert not re.search("&(?!(?:amp|lt|gt);)", mrkdwn)
    return mrkdwn.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def runs_of(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Check the shape of rich_text blocks and list their text elements."""
    json.dumps(blocks, ensure_ascii=False).encode()
    for block in blocks:
        assert block.keys() == {"type", "elements"}
        assert block["type"] == "rich_text"
        assert block["elements"]
        for element in block["elements"]:
            sections = [element]
            if element["type"] == "rich_text_list":
                assert element["style"] in {"bullet", "ordered"}
                sections = element["elements"]
                assert {section["type"] for section in sections} == {"rich_text_section"}
            else:
                assert element["type"] in {"rich_text_section", "rich_text_preformatted"}
            for run in (run for section in sections for run in section["elements"]):
                assert run["type"] == "text"
                assert run["text"]
                assert run.keys() <= {"type", "text", "style"}
                yield run


def shown(text: str) -> str:
    return "".join(run["text"] for run in runs_of(rich_text(text)))


def test_there_are_enough_hostile_strings() -> None:
    assert len({hide(live) for hide in HIDES for live in LIVE}) >= 600


@pytest.mark.parametrize("hide", HIDES)
def test_our_reader_sees_the_danger_in_hostile_strings(hide: Hide) -> None:
    """So that a pass of the tests below means something."""
    seen = [text for text in map(hide, LIVE) if TOKEN.search(text) or BARE.search(text)]
    assert len(seen) >= len(LIVE) - 12


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_words_do_nothing_in_a_mrkdwn_field(hide: Hide) -> None:
    for text in map(hide, LIVE):
        words = read_by_slack(defused(text))
        assert not BARE.search(words)
        assert not HIDDEN.search(words)


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_words_do_nothing_in_a_plain_field(hide: Hide) -> None:
    for text in map(hide, LIVE):
        words = read_by_slack(escape(short(text, 75)))
        assert len(words) <= 75
        assert not HIDDEN.search(words)
        assert "\n" not in words


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_words_do_nothing_in_a_rich_text_block(hide: Hide) -> None:
    for text in map(hide, LIVE):
        words = shown(text)
        assert words
        assert not HIDDEN.search(words)


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_labels_make_one_link_to_our_page_and_name_its_host(hide: Hide) -> None:
    for text in map(hide, LIVE):
        made = link("https://example.org/a", text)
        assert OURS.fullmatch(made)
        assert made.startswith("<https://example.org/a|")
        assert made.endswith("(example.org)>")
        assert not HIDDEN.search(made)
        assert "`" not in made


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_urls_make_no_link_that_shows_another_host(hide: Hide) -> None:
    for text in map(hide, LIVE):
        made = link(text, "Bank")
        found = OURS.fullmatch(made)
        if found:
            host = made.partition("://")[2].partition("|")[0]
            assert made.endswith(f"|Bank ({re.split('[/?#]', host)[0]})>")
            assert not re.search("xn--|@|[^a-z.]", re.split("[/?#]", host)[0])
        else:
            assert not BARE.search(read_by_slack(made))


@pytest.mark.parametrize("hide", HIDES)
def test_hostile_words_stay_inert_when_they_are_cut(hide: Hide) -> None:
    for text in map(hide, LIVE):
        for piece in split(defused(f"{text} " * 9), 60):
            assert len(piece) <= 60
            assert not BARE.search(read_by_slack(piece))


@given(st.text())
def test_any_words_are_inert(text: str) -> None:
    words = read_by_slack(defused(text))
    assert not BARE.search(words)
    assert not HIDDEN.search(words)
    assert not HIDDEN.search(shown(text))


def test_honest_words_look_the_same() -> None:
    honest = (
        "It's 3.5 x 2 & 50 %: \u00bfok? (cat.png, plan.pdf) caf\u00e9 \u4f60\u597d\u3002 1:1 #1a"
    )
    assert read_by_slack(defused(honest)).replace("\u200a", "") == honest
    assert read_by_slack(defused("cat.png and plan.pdf, 3.5")) == "cat.png and plan.pdf, 3.5"


@pytest.mark.parametrize(
    "text",
    [
        FAMILY,
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "e\u0301",
        "\u2764\ufe0f",
    ],
)
def test_joined_emoji_and_persian_stay_whole(text: str) -> None:
    assert defused(text) == text
    assert shown(text) == text
    assert all(part == text for part in split(text * 40, len(text)))


@pytest.mark.parametrize(
    ("url", "label", "made"),
    [
        ("https://example.org/x", "Title", "<https://example.org/x|Title (example.org)>"),
        ("https://example.org", "example.org", "<https://example.org|example.org>"),
        ("https://example.org", "", "<https://example.org|(example.org)>"),
        ("HTTP://Example.ORG/X", "T", "<http://example.org/X|T (example.org)>"),
        ("https://e.org/?a=1&b=%20#c", "T", "<https://e.org/?a=1&amp;b=%20#c|T (e.org)>"),
        ('https://e.org/a|b>c<d"', "T", "<https://e.org/a%7Cb%3Ec%3Cd%22|T (e.org)>"),
        ("https://e.org/\u00e9", "T", "<https://e.org/%C3%A9|T (e.org)>"),
        (
            "https://e.org/",
            "a|b <c>\n& `d`",
            "<https://e.org/|a\u00a6b &lt;c&gt; &amp; 'd' (e.org)>",
        ),
    ],
)
def test_a_source_becomes_a_link_that_names_its_host(url: str, label: str, made: str) -> None:
    assert link(url, label) == made


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.org/",
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
    ],
)
def test_any_other_address_is_shown_without_a_link(url: str) -> None:
    made = link(url, "Title")
    assert made.startswith("Title")
    assert not BARE.search(read_by_slack(made))


def test_a_long_label_is_shortened() -> None:
    assert len(link("https://e.org/", "x" * 500)) < 120


@pytest.mark.parametrize(
    ("text", "most", "line"),
    [
        ("a\n b\tc", 9, "a b c"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde\u2026"),
        ("abcd efg", 6, "abcd\u2026"),
        (
            "ab\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
            6,
            "ab\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
        ),
        ("abc\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 6, "abc\U0001f1e9\U0001f1ea\u2026"),
        ("abcd\U0001f44d\U0001f3fd!", 6, "abcd\u2026"),
        ("abcde\u0301fg", 6, "abcd\u2026"),
        ("ab", 1, "\u2026"),
        ("", 5, ""),
    ],
)
def test_a_line_is_cut_between_characters(text: str, most: int, line: str) -> None:
    assert short(text, most) == line


def element(text: str, *styles: str) -> dict[str, Any]:
    style = {"style": dict.fromkeys(styles, True)} if styles else {}
    return {"type": "text", "text": text, **style}


def section(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(runs)}


def test_a_little_markdown_is_read() -> None:
    text = (
        "# Fox\n\nA **red** *fox* with `code`.\nSecond \\* line\n\n"
        "1. one\n   - sub\n2. two\n\n   more\n\n```py\n  x < 1\n```\nEnd"
    )
    (block,) = rich_text(text)
    assert block["elements"] == [
        section(
            element("Fox", "bold"),
            element("\n\n"),
            element("A "),
            element("red", "bold"),
            element(" "),
            element("fox", "italic"),
            element(" with "),
            element("code", "code"),
            element("."),
            element("\n"),
            element("Second * line"),
        ),
        {
            "type": "rich_text_list",
            "style": "ordered",
            "indent": 0,
            "elements": [section(element("one"))],
        },
        {
            "type": "rich_text_list",
            "style": "bullet",
            "indent": 1,
            "elements": [section(element("sub"))],
        },
        {
            "type": "rich_text_list",
            "style": "ordered",
            "indent": 0,
            "offset": 1,
            "elements": [section(element("two"), element("\n"), element("more"))],
        },
        {"type": "rich_text_preformatted", "elements": [element("  x < 1")]},
        section(element("End")),
    ]


def test_only_a_numbered_list_goes_on_counting() -> None:
    (block,) = rich_text("- a\n  1. x\n- b\n\n  3) y")
    assert [element.get("offset") for element in block["elements"]] == [None, None, None, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[invoice](https://evil.com)", "invoice (https://evil.com)"),
        ('[x](https://evil.com/\u00e9 "bank")', "x (https://evil.com/\u00e9 bank)"),
        ("[https://e.org](https://e.org)", "https://e.org"),
        ("![cat](https://evil.com/?q)", "cat (https://evil.com/?q)"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[b]: https://evil.com", "[b]: https://evil.com"),
        ("<https://e.org> <!here> &amp;", "<https://e.org> <!here> &amp;"),
        ("> quote\n---\n<b>x</b>", "> quote\n---\n<b>x</b>"),
        ("```\n```", "```\n```"),
        ("- " * 30 + "deep", "- " * 30 + "deep"),
        ("Look:\n\n" + "- " * 30 + "deep", "Look:\n\n" + "- " * 30 + "deep"),
        ("**b**\n\n[b]: https://evil.com", "b\n\n[b]: https://evil.com"),
        ("", ""),
        (" \n\u200b", ""),
    ],
)
def test_links_and_what_is_not_read_stay_as_words(text: str, words: str) -> None:
    assert shown(text) == words


@given(st.text(alphabet=st.sampled_from("ab1é #*_-+>.)(!\\[]<&;:/\n\t"), max_size=80))
@example("1. a\n- b\n\n      c\n2) d")
def test_no_letter_of_the_model_is_lost(text: str) -> None:
    assert list(filter(str.isalpha, text)) == list(filter(str.isalpha, shown(text)))


def test_a_long_answer_becomes_blocks_within_their_limit() -> None:
    text = "\n\n".join(f"{number}: " + "words and **more** " * 40 for number in range(30))
    blocks = rich_text(text)
    sizes = [sum(len(run["text"]) for run in runs_of([block])) for block in blocks]
    assert max(sizes) <= 3000
    assert "".join(shown(text).split()) == "".join(text.replace("**", "").split())


CODE = (
    "Intro " * 20
    + "\n```py\n"
    + "\n".join(f"    line_{number} = 1" for number in range(40))
    + "\n```js\n# no end yet\n\n```\nEnd"
    + " and on" * 60
)


def check_code(pieces: list[str], most: int) -> None:
    """Check that each piece of CODE shows code as code, and that nothing is lost."""
    lines = []
    for piece in pieces:
        assert len(piece) <= most
        assert len(re.findall("^```", piece.replace("```js", ""), re.MULTILINE)) % 2 == 0
        assert not re.search("```py\n *```(?!js)", piece)
        inside = piece.replace("```py\n", "").split("\n")
        lines += [line for line in inside if line not in {"", "```"}]
        if "line_" in piece:
            assert "```py\n    line_" in piece
    assert " ".join(lines).split() == CODE.replace("```py\n", "").replace("```\n", "").split()


def test_a_cut_code_fence_is_closed_and_opened_again() -> None:
    for most in range(128, 400):
        check_code(split(CODE, most), most)


@pytest.mark.parametrize(
    ("text", "most", "pieces"),
    [
        ("", 9, []),
        (" \n ", 9, []),
        ("short", 5, ["short"]),
        ("one two.\n\nthree four", 15, ["one two.", "three four"]),
        ("one two.\nthree four", 15, ["one two.", "three four"]),
        ("One two. Three four", 15, ["One two.", "Three four"]),
        ("one two three four", 15, ["one two three", "four"]),
        ("x" * 12, 5, ["xxxxx", "xxxxx", "xx"]),
        ("xxx&amp;xxx", 5, ["xxx", "&amp;", "xxx"]),
        ("xx <@U1|a b> xx", 11, ["xx", "<@U1|a b>", "xx"]),
        ("a\u0301" * 4, 5, ["a\u0301" * 2, "a\u0301" * 2]),
        ("\U0001f1e9\U0001f1ea" * 3, 3, ["\U0001f1e9\U0001f1ea"] * 3),
        ("\u4f60\u597d\u3002\u4f60\u597d\u5417", 5, ["\u4f60\u597d\u3002", "\u4f60\u597d\u5417"]),
        ("a\u0301\u0301\u0301", 2, ["a\u0301", "\u0301\u0301"]),
        ("abc", 1, ["a", "b", "c"]),
        (FAMILY * 3, 7, [FAMILY] * 3),
        ("x\ud83d\ude00", 2, ["x", "\ud83d\ude00"]),
    ],
)
def test_text_is_cut_where_it_hurts_least(text: str, most: int, pieces: list[str]) -> None:
    assert split(text, most) == pieces


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
    "&amp;",
    "&lt;",
    "<@U1|a b>",
    "<https://x.y/z|t>",
    "e\u0301",
    FAMILY,
    "\U0001f1e9\U0001f1ea",
    "\U0001f44d\U0001f3fd",
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


@given(st.lists(st.sampled_from(PARTS), max_size=60).map("".join), st.integers(40, 300))
def test_no_cut_goes_through_what_belongs_together(text: str, most: int) -> None:
    whole = ("&amp;", "&lt;", "<@U1|a b>", "<https://x.y/z|t>", *PARTS[13:17])
    pieces = split(text, most)
    for part in whole:
        assert sum(piece.count(part) for piece in pieces) == text.count(part)


@pytest.mark.parametrize(
    "unit",
    [
        " ",
        "<",
        "&lt;",
        "*",
        "`",
        "[(",
        "![",
        "- ",
        "\u200d",
        "a\u0301",
        "a.b@",
        "1.",
        "```\n",
        "_a*",
    ],
)
@pytest.mark.timeout(20)
def test_long_repetitions_do_not_hang_a_reader(unit: str) -> None:
    """The time-out stands for a pattern that takes quadratic time: minutes."""
    text = unit * (20_000 // len(unit)) + "<"
    assert "".join("".join(split(text, 100)).split()) == "".join(text.split())
    assert read_by_slack(defused(text))
    assert len(short(text, 50)) <= 50
    assert rich_text(text)
    assert prompt_of(text, BOT)
    assert not addressed_to_another(text, BOT)
    assert "https:\u200a//" in link(f"https://{text}", text)
