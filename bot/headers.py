"""Walk the pieces of PNG, JPEG, WebP, GIF, HEIC and PDF files; pure, and nothing is decoded.

Every walker seeks over what it does not need (a C2PA segment may have hundreds of KB), ends quietly
where a file is cut or makes no sense, and gives up after a bounded number of pieces.
"""

from __future__ import annotations

import re
import struct
from io import SEEK_END
from itertools import islice
from struct import unpack, unpack_from
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

EOI, SCAN, PIXELS, APP1 = b"\xd9", b"\xda", b"", b"\xe1"  # kinds of JPEG pieces
FRAMES = {bytes((code,)) for code in range(0xC0, 0xD0)} - {b"\xc4", b"\xc8", b"\xcc"}
MOST_PIECES = 65_536  # a 30 MB PNG in chunks of 1 KB has 30,000

_HEADER = 8  # bytes of a PNG or RIFF chunk header, and of a short box header
_BLOCK = 1 << 20
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # what cannot stand inside JPEG pixel data
_FILL = 0xFF
_BARE_MARKERS = {0x01, *range(0xD0, 0xD8)}
_MOST_BOXES = 4_096
_IHDR, _ISPE = 13, 8  # bytes of payload
_PDF_SCAN = 8 << 20
_PDF_WORDS = re.compile(rb"/Type\s{0,4}/Page(?![A-Za-z])|/Count\s{1,4}(\d{1,6})\b")
_LINEAR_PAGES = re.compile(rb"/Linearized\b.{0,200}?/N\s{1,4}(\d{1,6})\b", re.DOTALL)
_EXIF = b"Exif\0\0"
_MOST_EXIF = 65_536
_ORIENTATION = 0x0112


class Piece(NamedTuple):
    """A chunk, segment or box: its kind, where it starts, and where its payload begins and ends."""

    kind: bytes
    start: int
    body: int
    end: int


class Size(NamedTuple):
    """Width and height in pixels, and whether more than one frame follows."""

    width: int
    height: int
    animated: bool = False


def read_at(file: BinaryIO, at: int, count: int) -> bytes:
    """Read up to ``count`` bytes from a place."""
    file.seek(at)
    return file.read(count)


def png_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Walk the chunks of a PNG up to IEND; a checksum of 4 bytes follows each payload."""
    size, at = file.seek(0, SEEK_END), 8
    for _ in range(MOST_PIECES):
        head = read_at(file, at, 8)
        end = at + 8 + int.from_bytes(head[:4], "big")
        if len(head) < _HEADER or end + 4 > size:
            return
        yield Piece(head[4:], at, at + 8, end)
        if head[4:] == b"IEND":
            return
        at = end + 4


def jpeg_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Walk the segments of a JPEG up to EOI.

    kind: the marker's second byte; PIXELS for the data that follows the header of a SCAN, the one
    piece that has to be read to find its end.
    """
    size, at = file.seek(0, SEEK_END), 2
    for _ in range(MOST_PIECES):
        head = read_at(file, at, 4)
        if len(head) < len(b"\xff\xd9") or head[0] != _FILL:
            return
        if head[1] == _FILL or head[1] in _BARE_MARKERS:
            at += 1 if head[1] == _FILL else 2
            continue
        kind, end = head[1:2], at + 2 + int.from_bytes(head[2:], "big")
        if kind == EOI:
            yield Piece(kind, at, at + 2, at + 2)
            return
        if end < at + 4 or end > size:
            return
        yield Piece(kind, at, at + 4, end)
        at = end
        if kind == SCAN:
            at = _end_of_scan(file, end)
            yield Piece(PIXELS, end, end, at)


def _end_of_scan(file: BinaryIO, at: int) -> int:
    """Find the next marker after a scan's header, or the end of the file."""
    while True:
        block = read_at(file, at, _BLOCK)
        if found := _MARKER.search(block):
            return at + found.start()
        if len(block) < _BLOCK:
            return at + len(block)
        at += len(block) - 1  # the block may end in the middle of a marker


def riff_pieces(file: BinaryIO) -> Iterator[Piece]:
    """Walk the chunks of a RIFF file (WebP) as far as it says that it goes."""
    size, at = file.seek(0, SEEK_END), 12
    limit = min(size, 8 + int.from_bytes(read_at(file, 4, 4), "little"))
    for _ in range(MOST_PIECES):
        head = read_at(file, at, 8)
        end = at + 8 + int.from_bytes(head[4:], "little")
        if len(head) < _HEADER or end > limit:
            return
        yield Piece(head[:4], at, at + 8, end)
        at = end + (end & 1)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[Piece]:
    """Walk the boxes of an ISO media file between two places."""
    at = start
    for _ in range(_MOST_BOXES):
        head = read_at(file, at, 16)
        if at + _HEADER > end or len(head) < _HEADER:
            return
        length, body = int.from_bytes(head[:4], "big"), at + 8
        if length == 0:
            length = end - at
        elif length == 1:
            length, body = int.from_bytes(head[8:], "big"), at + 16
        if at + length > end or at + length < body:
            return
        yield Piece(head[4:8], at, body, at + length)
        at += length


def png_size(file: BinaryIO) -> Size | None:
    """Read the size of a PNG; it is animated when an acTL chunk says so before the pixels."""
    pieces = png_pieces(file)
    first = next(pieces, None)
    if first is None or first.kind != b"IHDR" or first.end - first.body != _IHDR:
        return None
    width, height = unpack(">II", read_at(file, first.body, 8))
    animated = False
    for piece in pieces:
        if piece.kind == b"acTL":
            animated = int.from_bytes(read_at(file, piece.body, 4), "big") > 1
        if piece.kind in {b"acTL", b"IDAT"}:
            break
    return Size(width, height, animated)


def jpeg_size(file: BinaryIO) -> Size | None:
    """Read the size of a JPEG from its frame header, whatever stands before it."""
    for piece in jpeg_pieces(file):
        if piece.kind in FRAMES:
            height, width = unpack(">HH", read_at(file, piece.body + 1, 4))
            return Size(width, height)
        if piece.kind == SCAN:
            break
    return None


def webp_size(file: BinaryIO) -> Size | None:
    """Read the size of a WebP from its first chunk: the canvas, or the one picture."""
    first = next(riff_pieces(file), None)
    if first is None:
        return None
    body = read_at(file, first.body, 10)
    if first.kind == b"VP8X":
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        return Size(width, height, bool(body[0] & 2))
    if first.kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = unpack_from("<HH", body, 6)
        return Size(width & 0x3FFF, height & 0x3FFF)
    if first.kind == b"VP8L" and body[:1] == b"\x2f":
        (bits,) = unpack_from("<I", body, 1)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    return None


def gif_size(file: BinaryIO) -> Size | None:
    """Read the size of a GIF: its screen, or the first frame when that sticks out."""
    head = read_at(file, 0, 13)
    width, height = unpack_from("<HH", head, 6)
    at = 13 + _colour_table(head[10])
    frames = 0
    for _ in range(MOST_PIECES):
        block = read_at(file, at, 10)
        if block[:1] == b"!":
            at = _after_blocks(file, at + 2)
        elif block[:1] == b"," and not frames:
            left, top, wide, high, flags = unpack("<HHHHB", block[1:])
            width, height = max(width, left + wide), max(height, top + high)
            at = _after_blocks(file, at + 11 + _colour_table(flags))
            frames = 1
        else:
            return Size(width, height, block[:1] == b",")
    return Size(width, height)


def _colour_table(flags: int) -> int:
    """Count the bytes of a GIF colour table."""
    return 3 * 2 << (flags & 7) if flags & 0x80 else 0


def _after_blocks(file: BinaryIO, at: int) -> int:
    """Find the end of a chain of GIF data blocks."""
    for _ in range(MOST_PIECES * 2):
        length = int.from_bytes(read_at(file, at, 1), "big")
        at += 1 + length
        if not length:
            break
    return at


def heic_size(file: BinaryIO) -> Size | None:
    """Read the size of a HEIC: the largest of its pictures, before any rotation."""
    spans = [(0, file.seek(0, SEEK_END))]
    for kind, skip in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0), (b"ispe", 4)):
        inside = (box for span in spans[:1] for box in _boxes(file, *span) if box.kind == kind)
        spans = [(box.body + skip, box.end) for box in islice(inside, _MOST_BOXES)]
    sizes = [unpack(">II", read_at(file, start, 8)) for start, end in spans if end - start >= _ISPE]
    width, height = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    return Size(width, height) if sizes else None


def pdf_pages(file: BinaryIO) -> int | None:
    """Estimate the pages of a PDF from what can be read without parsing or inflating it.

    Looks at the first and the last 8 MiB: the page count of a linearised file, else page objects,
    else the greatest /Count, else None.
    """
    size = file.seek(0, SEEK_END)
    head = read_at(file, 0, _PDF_SCAN)
    if linear := _LINEAR_PAGES.search(head, 0, 1024):
        return int(linear[1])
    leaves = count = 0
    for part in (head, read_at(file, max(_PDF_SCAN, size - _PDF_SCAN), _PDF_SCAN)):
        for found in _PDF_WORDS.finditer(part):
            if found[1] is None:
                leaves += 1
            else:
                count = max(count, int(found[1]))
    return leaves or count or None


def orientation(file: BinaryIO, mime_type: str) -> int:
    """Read the EXIF orientation of a PNG, JPEG or WebP: 1 to 8, where 1 is upright."""
    walker, kind = {
        "image/png": (png_pieces, b"eXIf"),
        "image/jpeg": (jpeg_pieces, APP1),
        "image/webp": (riff_pieces, b"EXIF"),
    }[mime_type]
    for piece in walker(file):
        if piece.kind == SCAN:
            break
        if piece.kind == kind:
            body = read_at(file, piece.body, min(piece.end - piece.body, _MOST_EXIF))
            if kind != APP1 or body.startswith(_EXIF):
                return _exif_orientation(body.removeprefix(_EXIF))
    return 1


def _exif_orientation(tiff: bytes) -> int:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (at,) = unpack_from(order + "I", tiff, 4)
        (count,) = unpack_from(order + "H", tiff, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, _, _, value = unpack_from(order + "HHIH", tiff, entry)
            if tag == _ORIENTATION:
                return value if value in range(1, 9) else 1
    except struct.error:
        pass
    return 1
