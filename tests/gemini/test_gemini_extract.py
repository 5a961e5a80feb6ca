"""The extractor against json.loads and base64 on answers written and cut in every way."""

from __future__ import annotations

import base64
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gemini.extract import Base64Sink, Extractor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from adapters.gemini.extract import Kind

SIGNATURES = {"thoughtSignature", "thought_signature"}


class Taken:
    """A sink that keeps everything."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.raw = b""
        self.decoded = b""
        self.closed = False
        self.decoder = Base64Sink(self._decoded)

    def _decoded(self, piece: bytes) -> None:
        self.decoded += piece

    def write(self, piece: bytes) -> None:
        self.raw += piece
        self.decoder.write(piece)

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        self.decoder.close()


def extract(pieces: Iterable[bytes]) -> tuple[Any, list[Taken]]:
    sinks: list[Taken] = []

    def sink(kind: Kind) -> Taken:
        sinks.append(Taken(kind))
        return sinks[-1]

    extractor = Extractor(sink)
    for piece in pieces:
        extractor.feed(piece)
    return extractor.finish(), sinks


def cut(data: bytes, places: Iterable[int]) -> Iterator[bytes]:
    stops = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return (data[start:stop] for start, stop in itertools.pairwise(stops))


def routed(value: object) -> Iterator[tuple[str, str]]:
    """List key and string of everything that has to go to a sink, in the order of the text."""
    if isinstance(value, list):
        for item in value:
            yield from routed(item)
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and (key == "data" or key in SIGNATURES):
                yield key, item
            else:
                yield from routed(item)


def numbered(value: object, count: Iterator[int]) -> object:
    """Put numbers where the extractor does."""
    if isinstance(value, list):
        return [numbered(item, count) for item in value]
    if isinstance(value, dict):
        return {
            key: str(next(count))
            if isinstance(item, str) and (key == "data" or key in SIGNATURES)
            else numbered(item, count)
            for key, item in value.items()
        }
    return value


@st.composite
def base64_text(draw: st.DrawFn) -> str:
    data = draw(st.binary(max_size=200))
    write = draw(st.sampled_from([base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes]))
    text = write(data).decode()
    return text.rstrip("=") if draw(st.booleans()) else text


WORDS = st.text(max_size=20) | st.sampled_from(["data", '"', "\\", "a/b", '\\"', ': "', "0"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WORDS, inner, max_size=4)
        | st.fixed_dictionaries(
            {}, optional={"data": base64_text(), "mimeType": WORDS, "thought_signature": WORDS}
        )
        | st.fixed_dictionaries({"thoughtSignature": WORDS | inner, "text": WORDS})
    ),
    max_leaves=12,
)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Any, bytes]:
    """Make a value and one of the ways to write it."""
    value = draw(st.dictionaries(st.sampled_from(["candidates", "parts", "x"]), VALUES))
    text = json.dumps(
        value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 2]))
    )
    if draw(st.booleans()):
        text = text.replace("/", "\\/")
    if draw(st.booleans()):
        text = text.replace("=", "\\u003d").replace("+", "\\u002B")
    return value, text.encode("utf-8", "surrogatepass")


@given(answer=answers(), places=st.lists(st.integers(0, 10_000), max_size=30))
def test_it_finds_what_json_and_base64_find_wherever_the_answer_is_cut(
    answer: tuple[Any, bytes], places: list[int]
) -> None:
    value, written = answer

    skeleton, sinks = extract(cut(written, places))

    assert skeleton == numbered(value, itertools.count())
    expected = list(routed(value))
    assert len(sinks) == len(expected)
    for sink, (key, text) in zip(sinks, expected, strict=True):
        assert sink.closed
        assert sink.kind == ("data" if key == "data" else "signature")
        assert json.loads(b'"' + sink.raw + b'"', strict=False) == text
        assert sink.raw in written
        if key == "data" and not sink.decoder.broken:
            padded = text.replace("\n", "") + "=" * (-len(text.replace("\n", "")) % 4)
            assert sink.decoded == base64.b64decode(
                padded, altchars=b"-_" if "-" in padded or "_" in padded else None
            )


@given(data=st.binary(max_size=300), places=st.lists(st.integers(0, 1000), max_size=20))
@pytest.mark.parametrize("escape", ["", "all", "upper"])
@pytest.mark.parametrize("padded", ["", "="])
@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_every_way_to_write_base64_decodes_to_the_same_bytes(
    data: bytes,
    places: list[int],
    escape: str,
    padded: str,
    alphabet: Callable[[bytes], bytes],
) -> None:
    text = alphabet(data).decode()
    text = text.rstrip("=") + padded * (-len(text.rstrip("=")) % 4)
    if escape:
        codes = {char: f"\\u{ord(char):04x}" for char in "=+-_A"}
        text = "".join(codes.get(char, char) for char in text).replace("/", "\\/")
        text = text.replace("\\u003d", "\\u003D") if escape == "upper" else text
    written = b'{"data":"' + text.encode() + b'"}'

    _, [sink] = extract(cut(written, places))

    assert not sink.decoder.broken
    assert sink.decoded == data


@pytest.mark.parametrize(
    "text", ["A", "====", "QUJ*", "Q=JD", r"QU\"D", r"QUJ\\", r"\u004g", "\u00e9QUJ", "QUJDR"]
)
def test_what_is_no_base64_is_found_out_and_does_no_harm(text: str) -> None:
    written = f'{{"data":"{text}","after":1}}'.encode()
    for place in range(len(written)):
        sinks: list[Taken] = []

        def sink(kind: Kind, sinks: list[Taken] = sinks) -> Taken:
            sinks.append(Taken(kind))
            return sinks[-1]

        extractor = Extractor(sink)
        for piece in cut(written, [place]):
            extractor.feed(piece)

        assert sinks[0].decoder.broken
        assert extractor.finish() == {"data": "0", "after": 1}


def test_an_answer_that_breaks_off_anywhere_is_never_taken_for_whole() -> None:
    part = {"inlineData": {"data": "QUJD", "mimeType": "image/png"}, "thoughtSignature": "EsUB"}
    written = json.dumps(
        {"candidates": [{"content": {"parts": [part, {"text": 'a"\\'}]}}]}
    ).encode()
    for stop in range(len(written)):
        with pytest.raises(ValueError, match=r"."):
            extract([written[:stop]])


def test_only_strings_are_taken_out() -> None:
    value = {"data": ["QUJD", {"x": "QUJD"}], "thoughtSignature": None, "text": "data"}

    skeleton, sinks = extract([json.dumps(value).encode()])

    assert skeleton == value
    assert not sinks


def test_small_json_that_is_not_small_is_refused() -> None:
    with pytest.raises(ValueError, match="too much"):
        extract([b'{"text":"', *[b"x" * 1024 * 1024] * 9])


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_deep_nesting_is_an_unreadable_answer_and_no_crash(bracket: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        extract([bracket * 200_000])


def test_megabytes_of_escapes_are_read() -> None:
    written = b'{"data":"' + b"\\u002b\\/" * 500_000 + b'"}'

    _, [sink] = extract(written[at : at + 262_144] for at in range(0, len(written), 262_144))

    assert len(sink.decoded) == 750_000
