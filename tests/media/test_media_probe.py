from __future__ import annotations

import io
from io import BytesIO
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.errors import MaterialError
from bot.headers import EOI, PIXELS, SCAN, jpeg_pieces
from bot.media import Limits, Media, check, is_whole, probe
from tests.media import corpus


class _Counting(BytesIO):
    """A file that knows how many bytes were read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
@settings(deadline=None)
@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    mode=st.sampled_from(["RGB", "L", "P", "1", "RGBA"]),
    option=st.sampled_from(["", "progressive", "lossless", "interlace"]),
)
def test_the_header_says_what_pillow_says(
    form: str, size: tuple[int, int], mode: str, option: str
) -> None:
    if form == "JPEG" and mode in {"P", "RGBA"}:
        mode = "CMYK"
    options = {option: True} if option else {}
    media = probe(BytesIO(corpus.encoded(form, Image.new(mode, size), **options)))
    assert media == Media(mime_type=f"image/{form.lower()}", width=size[0], height=size[1])


@pytest.mark.parametrize("size", [(64, 64), (300, 120), (640, 480)])
def test_a_heic_says_its_size(size: tuple[int, int]) -> None:
    media = probe(BytesIO(corpus.heic(corpus.picture(*size))))
    assert media == Media(mime_type="image/heic", width=size[0], height=size[1])


def test_the_largest_picture_of_a_heic_counts() -> None:
    data = corpus.heic(corpus.picture(300, 200), thumbnails=[64])
    assert data.count(b"ispe") == 2
    assert probe(BytesIO(data)).width == 300


@pytest.mark.parametrize("brand", [b"mif1", b"msf1"])
def test_a_heif_of_no_named_codec_is_heif(brand: bytes) -> None:
    data = corpus.heic_claiming(20, 10).replace(b"heic", brand)
    assert probe(BytesIO(data)) == Media(mime_type="image/heif", width=20, height=10)


def _heads() -> list[bytes]:
    files = (*corpus.accepted().values(), *corpus.refused_by_header().values())
    return sorted({data[:2048] for data in files})


@settings(deadline=None)
@given(
    head=st.sampled_from(_heads()),
    cut=st.integers(0, 2048),
    at=st.integers(0, 2048),
    noise=st.binary(max_size=40),
)
def test_no_garbage_makes_the_look_at_a_file_fail(
    head: bytes, cut: int, at: int, noise: bytes
) -> None:
    data = bytearray(head)
    data[at : at + len(noise)] = noise
    file = BytesIO(bytes(data[:cut]))
    is_whole(file, probe(file))


@given(st.binary(max_size=300))
def test_random_bytes_are_unknown(data: bytes) -> None:
    assert probe(BytesIO(b"\xfe" + data)).mime_type == ""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("page2.png", "a web page"),
        ("logo2.png", "an SVG picture"),
        ("zip.png", "a ZIP file"),
        ("letter.docx", "an Office file"),
        ("paint.bmp", "a BMP picture"),
        ("photo.avif", "an AVIF picture"),
        ("photo2.avif", "an AVIF picture"),
        ("film.mov", "a video"),
        ("sound.wav", "a sound file"),
        ("notes.txt", "a text file"),
        ("noise.png", ""),
    ],
)
def test_what_cannot_be_used_has_a_plain_name(name: str, kind: str) -> None:
    assert probe(BytesIO(corpus.refused_by_header()[name])) == Media(kind=kind)


def test_the_end_of_a_scan_is_found_at_the_edge_of_a_block() -> None:
    block = 1 << 20
    for length in (block - 2, block - 1, block, 2 * block - 2):
        data = b"\xff\xd8\xff\xda\0\2" + b"\0" * length + b"\xff\xd9"
        assert [piece.kind for piece in jpeg_pieces(BytesIO(data))] == [SCAN, PIXELS, EOI]


def test_a_large_segment_before_the_frame_header_is_not_read() -> None:
    file = _Counting(corpus.accepted()["signed.jpg"])
    assert probe(file).width == 60
    assert file.taken < 4096


@pytest.mark.parametrize(
    ("name", "animated"),
    [
        ("moving.gif", True),
        ("moving.png", True),
        ("moving.webp", True),
        ("frames-10000.gif", True),
        ("plain.gif", False),
        ("plain.png", False),
        ("clear.webp", False),
    ],
)
def test_a_picture_that_moves_is_known(name: str, animated: bool) -> None:  # noqa: FBT001 - a case
    assert probe(BytesIO(corpus.accepted()[name])).animated is animated


@pytest.mark.parametrize(
    ("data", "pages"),
    [
        (corpus.pdf(3), 3),
        (corpus.pdf(0).replace(b"/Count 0", b"/Count 17"), 17),
        (b"%PDF-1.5\n1 0 obj <</Linearized 1/L 9/H [1 2]/O 4/E 5/N 42/T 6>> endobj\n", 42),
        (b"%PDF-1.5\n" + bytes(range(256)) * 9, None),
        (corpus.pdf(2, head=b"%PDF-1.4\n" + b"\n" * (17 << 20)), 2),
    ],
)
def test_the_pages_of_a_pdf_are_estimated(data: bytes, pages: int | None) -> None:
    assert probe(BytesIO(data)) == Media(mime_type="application/pdf", pages=pages)


@pytest.mark.parametrize(
    ("name", "media", "size", "words"),
    [
        (
            "party.png",
            Media(kind="a web page"),
            9,
            "party.png is a web page, not a picture. Send PNG, JPEG, WebP, HEIC, GIF or PDF.",
        ),
        (
            "big.png",
            Media(mime_type="image/png", width=30_000, height=30_000),
            9,
            (
                "big.png is 30000 x 30000 pixels; the most is 16384 on a side."
                " Make it smaller and send it again."
            ),
        ),
        (
            "wide.jpg",
            Media(mime_type="image/jpeg", width=10_000, height=5_000),
            9,
            (
                "wide.jpg is 10000 x 5000 pixels; the most is 40 million in all."
                " Make it smaller and send it again."
            ),
        ),
        (
            "heavy.jpg",
            Media(mime_type="image/jpeg", width=100, height=100),
            31_500_000,
            "heavy.jpg has 31.5 MB; the most is 30 MB. Make it smaller and send it again.",
        ),
        (
            "book.pdf",
            Media(mime_type="application/pdf", pages=1200),
            9,
            "book.pdf has about 1200 pages; the most is 1000. Send a part of it.",
        ),
        ("a\n\u202eb.png", Media(mime_type="image/png", width=9, height=9), 0, "ab.png is empty."),
        (
            "n" * 100 + ".png",
            Media(mime_type="image/png"),
            9,
            "n" * 40 + "..." + "n" * 13 + ".png is broken and cannot be read.",
        ),
    ],
)
def test_a_refusal_names_the_file_the_problem_and_the_way_out(
    name: str, media: Media, size: int, words: str
) -> None:
    with pytest.raises(MaterialError) as refusal:
        check(media, size, name, Limits())
    assert str(refusal.value).startswith(words)


def test_a_file_at_every_limit_is_allowed() -> None:
    check(Media(mime_type="image/png", width=10_000, height=4_000), 30_000_000, "a", Limits())
    check(Media(mime_type="image/gif", width=16_384, height=1), 30_000_000, "a", Limits())
    check(Media(mime_type="application/pdf", pages=1000), 50_000_000, "a", Limits())


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_of_the_model_is_whole_or_not(form: str) -> None:
    data = corpus.encoded(form, corpus.picture(400, 300))
    assert is_whole(BytesIO(data), probe(BytesIO(data)))
    assert is_whole(BytesIO(data + b"\n"), probe(BytesIO(data)))
    for cut in range(0, len(data) - 1, 97):
        file = BytesIO(data[:cut])
        assert not is_whole(file, probe(file)), cut
    assert not is_whole(BytesIO(data[:-3]), probe(BytesIO(data)))


def test_a_png_header_with_a_wrong_checksum_is_not_whole() -> None:
    data = bytearray(corpus.encoded("PNG"))
    data[19] ^= 1
    assert not is_whole(BytesIO(bytes(data)), probe(BytesIO(bytes(data))))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_large_picture_is_found_whole_without_reading_it(
    form: Literal["PNG", "JPEG", "WEBP"],
) -> None:
    noise = Image.effect_noise((1000, 1000), 90).convert("RGB")
    file = _Counting(corpus.encoded(form, noise, quality=98))
    size = file.seek(0, io.SEEK_END)
    assert size > 500_000
    assert is_whole(file, probe(file))
    assert file.taken < size / 8
