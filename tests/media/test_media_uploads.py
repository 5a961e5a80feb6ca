from __future__ import annotations

import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageStat
from PIL.ImageChops import difference

from bot.errors import MaterialError
from bot.media import Limits, check, is_whole, probe
from bot.pictures import Prepared, prepare_upload
from tests.media import corpus

ROOT = Path(__file__).parents[2]


def _prepare(folder: Path, name: str, data: bytes) -> tuple[Prepared, bytes]:
    """Do what becomes of an attachment once it is downloaded."""
    source, out = folder / "upload", BytesIO()
    source.write_bytes(data)
    with source.open("rb") as file:
        media = probe(file)
    check(media, len(data), name, Limits())
    try:
        prepared = prepare_upload(source, media, out, name)
    except MaterialError:
        assert not out.getvalue(), "nothing is written of what is refused"
        raise
    return prepared, out.getvalue()


def _pixels(data: bytes) -> Image.Image:
    with Image.open(BytesIO(data)) as image:
        return image.convert("RGB")


def _apart(a: Image.Image, b: Image.Image) -> float:
    """Measure how far two pictures are apart, from 0 to 255; the wrong way up it is over 20."""
    assert a.size == b.size
    return max(ImageStat.Stat(difference(a, b)).mean)


def test_the_corpus_is_large_enough() -> None:
    files = (corpus.refused_by_header(), corpus.broken_inside(), corpus.accepted())
    assert sum(map(len, files)) >= 60


@pytest.mark.parametrize("name", corpus.refused_by_header())
def test_what_a_header_betrays_is_refused_at_once(name: str) -> None:
    data = corpus.refused_by_header()[name]
    start = time.perf_counter()
    with pytest.raises(MaterialError) as refusal:
        check(probe(BytesIO(data)), len(data), name, Limits())
    assert time.perf_counter() - start < 1
    assert str(refusal.value).startswith(name)
    assert str(refusal.value).endswith(".")


def test_refused_files_take_no_memory(tmp_path: Path) -> None:
    for name, data in corpus.refused_by_header().items():
        (tmp_path / name).write_bytes(data)
    script = """
import resource, sys
from pathlib import Path
from bot.errors import MaterialError
from bot.media import Limits, check, probe
def peak():
    status = Path("/proc/self/status")  # ru_maxrss begins with the parent's
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20
before = peak()
for path in Path(sys.argv[1]).iterdir():
    with path.open("rb") as file:
        try:
            check(probe(file), path.stat().st_size, path.name, Limits())
        except MaterialError:
            continue
        raise SystemExit(f"{path.name} was not refused")
assert "PIL" not in sys.modules
print(peak() - before)
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) <= 64


@pytest.mark.parametrize("name", corpus.broken_inside())
def test_what_is_broken_inside_is_refused_in_words(name: str, tmp_path: Path) -> None:
    start = time.perf_counter()
    with pytest.raises(MaterialError, match="is broken and cannot be read") as refusal:
        _prepare(tmp_path, name, corpus.broken_inside()[name])
    assert time.perf_counter() - start < 1
    assert str(refusal.value).startswith(name)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_cut_picture_too_large_to_be_decoded_is_refused(form: str, tmp_path: Path) -> None:
    data = corpus.encoded(form, Image.new("L", (5000, 4000)))
    _prepare(tmp_path, "large", data)
    with pytest.raises(MaterialError, match="is broken"):
        _prepare(tmp_path, "large", data[:-50])


def test_a_clean_webp_does_not_claim_what_it_lost(tmp_path: Path) -> None:
    clear = corpus.picture(mode="RGB")
    clear.putalpha(90)
    exif = corpus.exif().tobytes()
    before = corpus.encoded("WEBP", clear, exif=exif, xmp=b"<x/>", icc_profile=b"profile")
    _, after = _prepare(tmp_path, "photo.webp", before)
    assert (before[12:16], before[20]) == (b"VP8X", 0b0011_1100)
    assert (after[12:16], after[20]) == (b"VP8X", 0b0011_0000)


@pytest.mark.parametrize("name", corpus.accepted())
def test_what_is_good_enough_comes_out_clean(name: str, tmp_path: Path) -> None:
    start = time.perf_counter()
    prepared, data = _prepare(tmp_path, name, corpus.accepted()[name])
    assert time.perf_counter() - start < 1
    media = probe(BytesIO(data))
    assert prepared.mime_type == media.mime_type
    assert (prepared.width, prepared.height) == (media.width, media.height)
    if media.mime_type == "application/pdf":
        assert data == corpus.accepted()[name]
        return
    assert media.mime_type in {"image/png", "image/jpeg", "image/webp"}
    assert not media.animated
    assert is_whole(BytesIO(data), media)
    for left in (corpus.CALLER, corpus.CANARY, b"PK\x03\x04", b"caBX", b"C" * 64, b"\0" * 9000):
        assert left not in data
    with Image.open(BytesIO(data)) as image:
        image.load()
        assert not image.getexif()
        assert not image.info.keys() & {"exif", "xmp", "comment", "photoshop", "Comment"}


def test_the_way_up_of_the_test_picture_can_be_seen() -> None:
    for orientation in (2, 3, 4):
        assert _apart(corpus.turned(orientation), corpus.picture()) > 20


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_comes_out_upright_and_without_its_place(
    form: str, orientation: int, tmp_path: Path
) -> None:
    private = corpus.private(form, orientation)
    assert corpus.CANARY in private
    _, data = _prepare(tmp_path, "photo", private)
    assert corpus.CANARY not in data
    assert _apart(_pixels(data), corpus.picture()) < (0.1 if form == "PNG" else 10)


def test_a_heic_comes_out_as_an_upright_jpeg_without_its_place(tmp_path: Path) -> None:
    upright, first = _prepare(tmp_path, "photo.heic", corpus.private("HEIC"))
    turned, second = _prepare(tmp_path, "photo.heic", corpus.private("HEIC", 6))
    assert upright.mime_type == turned.mime_type == "image/jpeg"
    for data in (first, second):
        assert corpus.CANARY not in data
        assert _apart(_pixels(data), corpus.picture()) < 10


@pytest.mark.parametrize(
    "name",
    [
        "plain.png",
        "deep.png",
        "palette.png",
        "bits.png",
        "plain.jpg",
        "grey.jpg",
        "progressive.jpg",
        "cmyk.jpg",
        "lossless.webp",
    ],
)
def test_an_upright_picture_is_not_encoded_anew(name: str, tmp_path: Path) -> None:
    before = corpus.accepted()[name]
    _, after = _prepare(tmp_path, name, before)
    with Image.open(BytesIO(before)) as one, Image.open(BytesIO(after)) as two:
        assert one.mode == two.mode
        assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "HEIC"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_colour_profile_stays(form: str, orientation: int, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif, image = corpus.exif(orientation).tobytes(), corpus.turned(orientation)
    if form == "HEIC":
        image.info["icc_profile"] = profile
        data = corpus.heic(image, exif=exif)
    else:
        data = corpus.encoded(form, image, icc_profile=profile, exif=exif)
    _, after = _prepare(tmp_path, "photo", data)
    with Image.open(BytesIO(after)) as clean:
        assert clean.info["icc_profile"] == profile


def test_a_thumbnail_of_the_whole_scene_does_not_stay_in_a_cropped_jpeg(tmp_path: Path) -> None:
    jpeg = corpus.encoded("JPEG")
    thumbnail = b"\xff\xe0\0\x1cJFIF\0\1\2\0\0\1\0\1\2\2" + corpus.CANARY + b"12"
    jfxx = b"\xff\xe0\0\x12JFXX\0\x10" + corpus.CANARY
    assert jpeg[2:4] == b"\xff\xe0"
    for segment in (thumbnail, jfxx):
        _, data = _prepare(tmp_path, "crop.jpg", jpeg[:2] + segment + jpeg[2:])
        assert corpus.CANARY not in data


@pytest.mark.parametrize("name", ["moving.gif", "moving.png", "moving.webp"])
def test_the_first_frame_of_what_moves_is_used_and_the_person_is_told(
    name: str, tmp_path: Path
) -> None:
    prepared, data = _prepare(tmp_path, name, corpus.accepted()[name])
    assert prepared.note == f"Only the first frame of {name} is used."
    assert _apart(_pixels(data), corpus.picture()) < 10


def test_a_still_gif_becomes_a_png_without_a_word(tmp_path: Path) -> None:
    prepared, data = _prepare(tmp_path, "still.gif", corpus.accepted()["plain.gif"])
    assert prepared == Prepared(mime_type="image/png", width=60, height=40)
    assert _pixels(data).tobytes() == _pixels(corpus.accepted()["plain.gif"]).tobytes()


def test_a_frame_larger_than_the_gif_claims_counts_before_it_is_decoded() -> None:
    data = bytearray(corpus.gif_bomb(10, 10))
    at = data.index(b",") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(MaterialError, match="65535 x 65535"):
        check(probe(BytesIO(data)), len(data), "a.gif", Limits())


def test_a_picture_larger_than_its_header_is_refused(tmp_path: Path) -> None:
    small, large = corpus.heic(corpus.picture(60, 40)), corpus.heic(corpus.picture(600, 400))
    source = tmp_path / "liar.heic"
    source.write_bytes(large)
    with pytest.raises(MaterialError):
        prepare_upload(source, probe(BytesIO(small)), BytesIO(), "liar.heic")
