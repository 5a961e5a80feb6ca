"""Copy PNG, JPEG and WebP files without their metadata, losslessly; pure, nothing is decoded.

What may stay is listed; anything else (EXIF, XMP, IPTC, comments, previews, animation frames,
bytes behind the picture) goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from bot.headers import EOI, FRAMES, PIXELS, SCAN, jpeg_pieces, png_pieces, read_at, riff_pieces

if TYPE_CHECKING:
    from bot.headers import Piece

_PNG_KEPT = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND",
    b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"pHYs", b"bKGD",
}  # fmt: skip
_WEBP_KEPT = {b"VP8X", b"ICCP", b"ALPH", b"VP8 ", b"VP8L"}
_WEBP_FLAGS = 0b0011_0000  # of VP8X: ICC profile and alpha
_JPEG_KEPT = FRAMES | {SCAN, PIXELS, EOI} | {b"\xc4", b"\xcc", b"\xdb", b"\xdd"}  # and tables
_APP0, _APP2, _APP14 = b"\xe0", b"\xe2", b"\xee"
_JFIF = b"\0\x10JFIF\0"  # 16 bytes long: without a thumbnail
_MOST_SCANS = 100  # a progressive JPEG has about 10; thousands keep a decoder busy for an hour


def strip(file: BinaryIO, mime_type: str, out: BinaryIO) -> bool:
    """Copy a picture without its metadata; False when it is cut or has absurdly many parts."""
    return _STRIPPERS[mime_type](file, out)


def _copy(file: BinaryIO, start: int, end: int, out: BinaryIO) -> None:
    out.write(read_at(file, start, end - start))


def _strip_png(file: BinaryIO, out: BinaryIO) -> bool:
    _copy(file, 0, 8, out)
    kind = b""
    for number, (kind, start, _, end) in enumerate(png_pieces(file)):
        if kind in _PNG_KEPT and (kind == b"IHDR") == (number == 0):
            _copy(file, start, end + 4, out)
    return kind == b"IEND"


def _strip_jpeg(file: BinaryIO, out: BinaryIO) -> bool:
    _copy(file, 0, 2, out)
    kind, scans = b"", 0
    for piece in jpeg_pieces(file):
        kind = piece.kind
        scans += kind == SCAN
        if scans > _MOST_SCANS:
            return False
        if _stays_in_jpeg(file, piece):
            _copy(file, piece.start, piece.end, out)
    return kind == EOI


def _stays_in_jpeg(file: BinaryIO, piece: Piece) -> bool:
    """Keep what decides about colours and pixels."""
    if piece.kind == _APP0:
        return read_at(file, piece.start + 2, 7) == _JFIF
    if piece.kind == _APP2:
        return read_at(file, piece.body, 12) == b"ICC_PROFILE\0"
    if piece.kind == _APP14:
        return read_at(file, piece.body, 5) == b"Adobe"
    return piece.kind in _JPEG_KEPT


def _strip_webp(file: BinaryIO, out: BinaryIO) -> bool:
    out.write(b"RIFF\0\0\0\0WEBP")
    kinds = set()
    for kind, start, body, end in riff_pieces(file):
        if kind in _WEBP_KEPT and kind not in kinds:
            kinds.add(kind)
            data = bytearray(read_at(file, start, end - start))
            if kind == b"VP8X":
                data[body - start] &= _WEBP_FLAGS
            out.write(data + b"\0" * (len(data) & 1))
    size = out.tell()
    out.seek(4)
    out.write((size - 8).to_bytes(4, "little"))
    return not kinds.isdisjoint({b"VP8 ", b"VP8L"})


_STRIPPERS = {"image/png": _strip_png, "image/jpeg": _strip_jpeg, "image/webp": _strip_webp}
