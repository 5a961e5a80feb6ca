from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from bot.errors import MaterialError
from bot.media import probe
from bot.pictures import fit_bytes, preview
from tests.media import corpus

if TYPE_CHECKING:
    from pathlib import Path


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "picture"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "I;16", "CMYK", "RGBA", "LA"])
def test_a_preview_is_small_and_leaves_the_original_alone(mode: str, tmp_path: Path) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    image = corpus.picture(1000, 600).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.frombytes("I;16", image.size, b"".join(b"\0%c" % v for v in image.tobytes()))
    source = _file(tmp_path, data := corpus.encoded(form, image))
    out = BytesIO()
    mime_type = preview(source, f"image/{form.lower()}", out)
    assert mime_type == ("image/png" if mode in {"RGBA", "LA"} else "image/jpeg")
    media = probe(out)
    assert (media.mime_type, media.width, media.height) == (mime_type, 512, 307)
    assert source.read_bytes() == data
    with Image.open(out) as small:
        assert abs(small.convert("L").getpixel((500, 300)) - 250) < 30  # type: ignore[operator]


def test_a_preview_of_a_small_picture_is_not_larger(tmp_path: Path) -> None:
    out = BytesIO()
    preview(_file(tmp_path, corpus.encoded("WEBP")), "image/webp", out, side=100)
    assert probe(out).width == 60


def test_nothing_private_gets_into_a_copy(tmp_path: Path) -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        source = _file(tmp_path, corpus.private(form))
        small, fitted = BytesIO(), BytesIO()
        preview(source, f"image/{form.lower()}", small)
        fit_bytes(source, 100_000, fitted)
        assert corpus.CANARY not in small.getvalue() + fitted.getvalue()


@pytest.mark.parametrize("most", [220_000, 180_000, 140_000, 20_000, 1_500])
def test_a_copy_fits_the_bytes_of_the_platform(most: int, tmp_path: Path) -> None:
    noise = Image.effect_noise((600, 400), 90).convert("RGB")
    out = BytesIO()
    mime_type = fit_bytes(_file(tmp_path, corpus.encoded("PNG", noise)), most, out)
    media = probe(out)
    assert media.mime_type == mime_type == "image/jpeg"
    assert most / 3 < len(out.getvalue()) <= most
    assert (media.width == 600) == (most > 100_000)


def test_what_is_transparent_lies_on_white_in_a_fitted_copy(tmp_path: Path) -> None:
    out = BytesIO()
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    fit_bytes(_file(tmp_path, corpus.encoded("WEBP", clear, exact=True)), 100_000, out)
    with Image.open(out) as image:
        assert image.getpixel((32, 32)) == (255, 255, 255)


@pytest.mark.parametrize("most", [0, 100])
def test_a_copy_that_cannot_be_that_small_is_refused(most: int, tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match="no smaller copy"):
        fit_bytes(_file(tmp_path, corpus.encoded("PNG")), most, BytesIO())


def test_a_broken_picture_has_no_copies(tmp_path: Path) -> None:
    source = _file(tmp_path, corpus.encoded("PNG")[:300])
    with pytest.raises(MaterialError, match="broken"):
        preview(source, "image/png", BytesIO())
    with pytest.raises(MaterialError, match="broken"):
        fit_bytes(source, 10_000, BytesIO())
