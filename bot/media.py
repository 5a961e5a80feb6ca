"""What a file is, by its content: type, pixel size and limits, before anything is decoded."""

from __future__ import annotations

import codecs
import re
import struct
import zlib
from dataclasses import dataclass
from io import SEEK_END
from typing import TYPE_CHECKING, BinaryIO

from bot.errors import MaterialError
from bot.headers import (
    SCAN,
    gif_size,
    heic_size,
    jpeg_pieces,
    jpeg_size,
    pdf_pages,
    png_pieces,
    png_size,
    read_at,
    riff_pieces,
    webp_size,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.headers import Size

USABLE = "PNG, JPEG, WebP, HEIC, GIF or PDF"

_HEAD = 1024
_TAIL = 65_536
_SHORT = 60
_SPACE = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*")
_SIZES: dict[str, Callable[[BinaryIO], Size | None]] = {
    "image/png": png_size,
    "image/jpeg": jpeg_size,
    "image/webp": webp_size,
    "image/gif": gif_size,
    "image/heic": heic_size,
    "image/heif": heic_size,
}
_USABLE_TYPES = (
    (b"\x89PNG\r\n\x1a\n", 0, b"", "image/png"),
    (b"\xff\xd8\xff", 0, b"", "image/jpeg"),
    (b"RIFF", 8, b"WEBP", "image/webp"),
    (b"GIF87a", 0, b"", "image/gif"),
    (b"GIF89a", 0, b"", "image/gif"),
)
_HEVC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
_HEIF_BRANDS = {b"mif1", b"msf1"}
_OTHER_KINDS = (
    (0, b"BM", "a BMP picture"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"8BPS", "a Photoshop picture"),
    (0, b"\0\0\1\0", "an icon picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (4, b"JXL ", "a JPEG XL picture"),
    (4, b"jP  ", "a JPEG 2000 picture"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (8, b"AVI ", "a video"),
    (8, b"WAVE", "a sound file"),
    (0, b"ID3", "a sound file"),
    (0, b"OggS", "a sound file"),
    (0, b"fLaC", "a sound file"),
    (0, b"PK\3\4", "a ZIP file"),
    (0, b"PK\5\6", "a ZIP file"),
    (0, b"\x1f\x8b", "a compressed file"),
    (0, b"7z\xbc\xaf\x27\x1c", "a compressed file"),
    (0, b"Rar!", "a compressed file"),
    (0, b"\xd0\xcf\x11\xe0", "an Office file"),
    (0, b"MZ", "a program"),
    (0, b"\x7fELF", "a program"),
)
_OFFICE_WORDS = (b"[Content_Types].xml", b"word/", b"xl/", b"ppt/", b"opendocument")


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What the content of a file says about it.

    mime_type: one of the usable types, or "" for any other. kind: then words for it with an
    article ("a web page"), or "". width, height: pixels as stored, None when the header makes no
    sense. animated: more than one frame. pages: of a PDF, estimated.
    """

    mime_type: str = ""
    kind: str = ""
    width: int | None = None
    height: int | None = None
    animated: bool = False
    pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an attachment may measure, in pixels, bytes and pages.

    40 million pixels take up to 160 MB once decoded. PDF: Gemini's limits (facts/gemini.md 3.3).
    """

    max_pixels: int = 40_000_000
    max_side: int = 16_384
    image_bytes: int = 30_000_000
    pdf_bytes: int = 50_000_000
    pdf_pages: int = 1000

    @property
    def most_bytes(self) -> int:
        """The size over which no file is of use."""
        return max(self.image_bytes, self.pdf_bytes)


def probe(file: BinaryIO) -> Media:
    """Look at a seekable file; never raises on its content, never decodes or inflates anything.

    Reads a few KB of a picture and at most 16 MiB of a PDF; blocks for up to 0.1 s.
    """
    mime_type, kind = _sniff(read_at(file, 0, _HEAD))
    if mime_type == "application/pdf":
        return Media(mime_type=mime_type, pages=pdf_pages(file))
    if not mime_type:
        return Media(kind=kind)
    try:
        size = _SIZES[mime_type](file)
    except (struct.error, IndexError):
        size = None
    if size is None:
        return Media(mime_type=mime_type)
    return Media(mime_type=mime_type, width=size.width, height=size.height, animated=size.animated)


def _sniff(head: bytes) -> tuple[str, str]:
    """Tell a usable type, or "" and the kind of any other."""
    for magic, at, more, mime_type in _USABLE_TYPES:
        if head.startswith(magic) and head.startswith(more, at):
            return mime_type, ""
    text = _SPACE.sub(b"", head)
    if text.startswith(b"%PDF-"):
        return "application/pdf", ""
    if head.startswith(b"ftyp", 4):
        return _sniff_boxes(head)
    return "", _other_kind(head, text.lower())


def _sniff_boxes(head: bytes) -> tuple[str, str]:
    """Tell HEIC, AVIF and video apart by their brands."""
    end = min(int.from_bytes(head[:4], "big"), 256)
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}
    if brands & {b"avif", b"avis"}:
        return "", "an AVIF picture"
    if brands & _HEVC_BRANDS:
        return "image/heic", ""
    if brands & _HEIF_BRANDS:
        return "image/heif", ""
    return "", "a video"


def _other_kind(head: bytes, text: bytes) -> str:
    """Find plain words for a type that cannot be used; "" for none."""
    if text.startswith((b"<?xml", b"<!--", b"<svg", b"<!doctype svg")) and b"<svg" in text:
        return "an SVG picture"
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--")):
        return "a web page"
    if _is_text(head):
        return "a text file"
    for at, magic, kind in _OTHER_KINDS:
        if head.startswith(magic, at):
            office = kind == "a ZIP file" and any(word in head for word in _OFFICE_WORDS)
            return "an Office file" if office else kind
    return ""


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # may end inside a character
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c.isspace() for c in text)


def check(media: Media, size: int, name: str, limits: Limits) -> None:
    """Raise MaterialError, with words for the person, when a file cannot or may not be used.

    size: bytes of the file. name: as the person knows it; its extension does not matter.
    """
    name = short_name(name)
    if not size:
        raise MaterialError(f"{name} is empty. Send it again.")
    if not media.mime_type:
        raise MaterialError(f"{name} is {_complaint(media.kind)}. Send {USABLE}.")
    if media.mime_type == "application/pdf":
        _check_bytes(size, name, limits.pdf_bytes)
        if media.pages is not None and media.pages > limits.pdf_pages:
            raise MaterialError(
                f"{name} has about {media.pages} pages; the most is {limits.pdf_pages}."
                " Send a part of it."
            )
        return
    _check_bytes(size, name, limits.image_bytes)
    _check_pixels(media, name, limits)


def _complaint(kind: str) -> str:
    if not kind:
        return "not a picture that can be read"
    if kind.endswith("picture"):
        return f"{kind}, a kind that cannot be used here"
    return f"{kind}, not a picture"


def _check_bytes(size: int, name: str, most: int) -> None:
    if size > most:
        raise MaterialError(
            f"{name} has {size / 1_000_000:.1f} MB; the most is {most / 1_000_000:g} MB."
            " Make it smaller and send it again."
        )


def _check_pixels(media: Media, name: str, limits: Limits) -> None:
    if not media.width or not media.height:
        raise broken(name)
    limit = ""
    if max(media.width, media.height) > limits.max_side:
        limit = f"{limits.max_side} on a side"
    elif media.width * media.height > limits.max_pixels:
        limit = f"{limits.max_pixels / 1_000_000:g} million in all"
    if limit:
        raise MaterialError(
            f"{name} is {media.width} x {media.height} pixels; the most is {limit}."
            " Make it smaller and send it again."
        )


def broken(name: str) -> MaterialError:
    """Make the error for a picture that is cut short or makes no sense."""
    return MaterialError(
        f"{short_name(name)} is broken and cannot be read. Save it anew and send it again."
    )


def short_name(name: str) -> str:
    """Make a file name fit to stand in a sentence: one line, at most 60 characters."""
    plain = "".join(c for c in name if c.isprintable()).strip() or "The file"
    return plain if len(plain) <= _SHORT else f"{plain[:40]}...{plain[-17:]}"


def is_whole(file: BinaryIO, media: Media) -> bool:
    """Tell whether a picture from the model is all there: nothing cut off, no broken header.

    Looks at the structure only and seeks over the pixels. A type whose end cannot be told (HEIC,
    GIF) counts as whole when its size is known; what is no picture does not.
    """
    if not media.width or not media.height:
        return False
    if media.mime_type == "image/png":
        return _whole_png(file)
    if media.mime_type == "image/jpeg":
        return _whole_jpeg(file)
    if media.mime_type == "image/webp":
        return _whole_webp(file)
    return True


def _whole_png(file: BinaryIO) -> bool:
    pieces = list(png_pieces(file))
    header = read_at(file, pieces[0].start + 4, 21)
    return (
        zlib.crc32(header[:-4]) == int.from_bytes(header[-4:], "big")
        and pieces[-1].kind == b"IEND"
        and any(piece.kind == b"IDAT" for piece in pieces)
    )


def _whole_jpeg(file: BinaryIO) -> bool:
    size = file.seek(0, SEEK_END)
    scan = next((piece for piece in jpeg_pieces(file) if piece.kind == SCAN), None)
    tail = max(0, size - _TAIL)
    return scan is not None and tail + read_at(file, tail, _TAIL).rfind(b"\xff\xd9") > scan.body


def _whole_webp(file: BinaryIO) -> bool:
    said = 8 + int.from_bytes(read_at(file, 4, 4), "little")
    pictures = {b"VP8 ", b"VP8L", b"ANMF"}
    return said <= file.seek(0, SEEK_END) and any(p.kind in pictures for p in riff_pieces(file))
