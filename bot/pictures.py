"""Pillow's work on local files: clean uploads, previews, smaller copies. All of it blocks.

Meant for ``asyncio.to_thread``, one or two at a time: a picture of 40 million pixels takes up to
400 MB while it is decoded. Pillow and pillow-heif are imported where they are used, since a process
that only paints never needs them. The model's own pictures are never re-encoded (their provenance
is signed): previews and smaller copies are files beside them.
"""

from __future__ import annotations

import math
import shutil
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

from bot.errors import MaterialError
from bot.headers import orientation
from bot.media import broken, probe, short_name
from bot.strip import strip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL.Image import Image

    from bot.media import Media

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
_REPAINTED = _FORMATS | {"image/gif": "PNG", "image/heic": "JPEG", "image/heif": "JPEG"}
_HEIC = {"image/heic", "image/heif"}
_DECODED_TO_VERIFY = 16_000_000
_SAVED: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 1},  # the default takes 4 times as long (facts/performance.md 6)
    "WEBP": {"quality": 95, "method": 2},
}
_KEPT_INFO = {"icc_profile", "transparency"}


class Sink(Protocol):
    """Whatever takes bytes: a file, a BlobWriter."""

    def write(self, data: bytes, /) -> object:
        """Append bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An upload as it was written: its type, its pixels, and words for the person, if any."""

    mime_type: str
    width: int | None = None
    height: int | None = None
    note: str = ""


def prepare_upload(source: Path, media: Media, out: Sink, name: str) -> Prepared:
    """Write an upload as the model gets it: upright, one frame, pixels and colours only.

    media: of ``probe``, already through ``check``. PNG, JPEG and WebP that are upright are copied
    losslessly without metadata; others are painted anew (HEIC as JPEG, GIF as PNG). A PDF stays
    as it is. Raises MaterialError, with nothing written, when the picture is broken.
    """
    if media.mime_type == "application/pdf":
        with source.open("rb") as file:
            shutil.copyfileobj(file, out)
        return Prepared(mime_type=media.mime_type)
    data = BytesIO(source.read_bytes())
    with _broken_as(broken(name)):
        clean = _repaint(data, media) if _must_be_painted(media) else _strip(data, media)
        result = probe(clean)
    out.write(clean.getvalue())
    note = f"Only the first frame of {short_name(name)} is used." if media.animated else ""
    return Prepared(mime_type=result.mime_type, width=result.width, height=result.height, note=note)


class _BrokenError(Exception):
    """The picture makes no sense."""


@contextmanager
def _broken_as(problem: MaterialError) -> Iterator[None]:
    """Translate what Pillow and libheif raise on garbage."""
    from PIL.Image import DecompressionBombError  # noqa: PLC0415 - costs time to import

    try:
        yield
    except (
        _BrokenError,
        DecompressionBombError,
        ArithmeticError,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,
        SyntaxError,
        TypeError,
        ValueError,
        struct.error,
        zlib.error,
    ) as error:
        raise problem from error


def _must_be_painted(media: Media) -> bool:
    if media.mime_type == "image/webp":
        return media.animated
    return media.mime_type == "image/gif" or media.mime_type in _HEIC


def _strip(data: BytesIO, media: Media) -> BytesIO:
    """Copy without metadata, then decode the copy: to see that it can be, or to turn it."""
    clean = BytesIO()
    if not strip(data, media.mime_type, clean):
        raise _BrokenError
    turned = orientation(data, media.mime_type)
    if turned != 1:
        return _repaint(clean, media, turned)
    with _open(clean, media) as image:
        if image.width * image.height > _DECODED_TO_VERIFY:
            image.verify()  # checksums only: a decode would take hundreds of MB
        else:
            image.draft(None, (1, 1))  # a JPEG is decoded at an eighth of its size
            image.load()
    return clean


def _repaint(data: BytesIO, media: Media, turned: int = 1) -> BytesIO:
    """Decode the first frame, turn it upright and encode it with nothing but its colours."""
    heic = media.mime_type in _HEIC
    with _open_heic(data, media) if heic else _open(data, media) as image:
        image.load()
        form = _REPAINTED[media.mime_type]
        if form == "JPEG" and image.mode == "RGBA":
            form = "PNG"
        return _encode(_upright(image, turned), form)


def _open(data: BytesIO, media: Media) -> Image:
    from PIL import Image  # noqa: PLC0415 - costs time to import

    image = Image.open(data, formats=[_FORMATS[media.mime_type]])
    _check_size(image.size, media)
    return image


def _open_heic(data: BytesIO, media: Media) -> Image:
    """Decode a HEIC; libheif has applied its rotation already."""
    from pillow_heif import open_heif  # noqa: PLC0415 - costs time to import

    picture = open_heif(data)
    _check_size(picture.size, media)
    return _plain(picture.to_pillow())


def _check_size(size: tuple[int, int], media: Media) -> None:
    """Refuse a picture that turns out larger than the header that was checked."""
    if size[0] * size[1] > (media.width or 0) * (media.height or 0):
        raise _BrokenError


def _plain(image: Image) -> Image:
    """Turn any mode into RGB, or RGBA where it is transparent; a profile of other colours goes."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode == mode:
        return image
    fits = image.mode in {"P", "RGB", "RGBA"}
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")
    plain = image.convert(mode)
    if not fits:
        plain.info.pop("icc_profile", None)
    return plain


def _upright(image: Image, turned: int) -> Image:
    """Undo an EXIF orientation."""
    from PIL.Image import Transpose  # noqa: PLC0415 - costs time to import

    methods = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image if turned == 1 else image.transpose(methods[turned])


def _encode(image: Image, form: str, **options: object) -> BytesIO:
    """Encode the pixels and nothing but their colour profile."""
    image.info = {key: value for key, value in image.info.items() if key in _KEPT_INFO}
    out = BytesIO()
    icc_profile = image.info.get("icc_profile")
    image.save(out, form, icc_profile=icc_profile, **(_SAVED[form] | options))
    return out


def preview(source: Path, mime_type: str, out: Sink, side: int = 512) -> str:
    """Write a small copy of a PNG, JPEG or WebP, at most ``side`` pixels a side; return its type.

    JPEG, or PNG where the picture is transparent. Raises MaterialError when it is broken.
    """
    from PIL import Image  # noqa: PLC0415 - costs time to import

    with _broken_as(_unshrinkable()), Image.open(source, formats=[_FORMATS[mime_type]]) as image:
        image.draft(None, (2 * side, 2 * side))
        small = _plain(image)
        small.thumbnail((side, side), reducing_gap=2.0)
        form = "PNG" if small.mode == "RGBA" else "JPEG"
        out.write(_encode(small, form, **({"quality": 85} if form == "JPEG" else {})).getvalue())
    return f"image/{form.lower()}"


def fit_bytes(source: Path, most_bytes: int, out: Sink) -> str:
    """Write a copy of a PNG, JPEG or WebP of at most ``most_bytes`` bytes; return its type.

    A JPEG, on white where the picture is transparent: first of less quality, then of less pixels.
    Raises MaterialError when the picture is broken or cannot be made that small.
    """
    from PIL import Image  # noqa: PLC0415 - costs time to import

    with _broken_as(_unshrinkable()), Image.open(source, formats=["PNG", "JPEG", "WEBP"]) as image:
        out.write(_fitted(_flat(image), most_bytes))
    return "image/jpeg"


def _fitted(image: Image, most_bytes: int) -> bytes:
    for quality in (92, 85, 75):
        data = _encode(image, "JPEG", quality=quality, subsampling=2).getvalue()
        if len(data) <= most_bytes:
            return data
    while len(data) > most_bytes:
        shrink = 0.95 * math.sqrt(most_bytes / len(data))
        image = image.resize((int(image.width * shrink), int(image.height * shrink)))
        data = _encode(image, "JPEG", quality=85, subsampling=2).getvalue()
    return data


def _flat(image: Image) -> Image:
    """Lay a picture on white where it is transparent."""
    from PIL import Image as Images  # noqa: PLC0415 - costs time to import

    plain = _plain(image)
    if plain.mode == "RGB":
        return plain
    flat = Images.new("RGB", plain.size, "white")
    flat.paste(plain, mask=plain.getchannel("A"))
    flat.info = plain.info
    return flat


def _unshrinkable() -> MaterialError:
    return MaterialError("The picture is broken: no smaller copy of it can be made.")
