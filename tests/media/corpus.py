"""Files as people and attackers send them, made by code: name -> bytes."""

from __future__ import annotations

import random
import struct
import zlib
from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pillow_heif import from_pillow

CANARY = b"GPS-CANARY"
CALLER = b"<script>alert(1)</script>"
_PLACE = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>' + CANARY + b"</a></x:xmpmeta>"


def chunk(kind: bytes, data: bytes) -> bytes:
    """Make a PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def ihdr(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """Make the header chunk of a PNG."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


PNG = b"\x89PNG\r\n\x1a\n"
IEND = chunk(b"IEND", b"")


def png_bomb(width: int, height: int) -> bytes:
    """Make a PNG of one bit a pixel, all black: a few KB that claim a large picture."""
    rows = zlib.compress(b"\0" * ((width + 7) // 8 + 1) * height, 9)
    return PNG + ihdr(width, height, 1, 0) + chunk(b"IDAT", rows) + IEND


def gif_bomb(width: int, height: int) -> bytes:
    """Make a GIF that claims a large screen and has a frame of one pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0;"


def webp_bomb(width: int, height: int) -> bytes:
    """Make a lossy WebP header that claims a large picture."""
    body = b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + b"\0" * 32
    return riff((b"VP8 ", body))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """Make a WebP of chunks."""
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)
        for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_claiming(width: int, height: int) -> bytes:
    """Make a real JPEG and write another size into its frame header."""
    data = bytearray(encoded("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def box(kind: bytes, *parts: bytes) -> bytes:
    """Make a box of an ISO media file."""
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def heic_claiming(width: int, height: int) -> bytes:
    """Make the boxes of a HEIC without any picture in it."""
    ispe = box(b"ispe", b"\0\0\0\0", struct.pack(">II", width, height))
    meta = box(b"meta", b"\0\0\0\0", box(b"iprp", box(b"ipco", ispe)))
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + meta


def picture(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Paint a picture with a red left upper quarter, so that its way up can be seen."""
    image = Image.radial_gradient("L").resize((width, height)).convert("RGB")
    image.paste((255, 0, 0), (0, 0, width // 2, height // 2))
    return image.convert(mode)


def encoded(form: str, image: Image.Image | None = None, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's
    """Encode a picture with Pillow."""
    out = BytesIO()
    (image or picture()).save(out, form, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    """Make EXIF data with a place and an orientation."""
    data = Image.Exif()
    data[0x0112] = orientation
    data[0x010E] = CANARY.decode()
    data.get_ifd(0x8825).update(_PLACE)
    return data


def turned(orientation: int) -> Image.Image:
    """Turn the picture so that the EXIF orientation turns it back."""
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    return picture() if back is None else picture().transpose(back)


def private(form: str, orientation: int = 1) -> bytes:
    """Encode a picture as a phone does: with its place in EXIF, XMP and comments."""
    image, data = turned(orientation), exif(orientation)
    if form == "JPEG":
        return encoded(form, image, exif=data, xmp=_XMP, comment=CANARY, quality=95)
    if form == "PNG":
        text = PngInfo()
        text.add_text("Comment", CANARY.decode())
        text.add_itxt("XML:com.adobe.xmp", _XMP.decode())
        return encoded(form, image, exif=data, pnginfo=text)
    if form == "WEBP":
        return encoded(form, image, exif=data, xmp=_XMP, quality=95)
    return heic(image, exif=data.tobytes(), xmp=_XMP)


def heic(image: Image.Image | None = None, **options: Any) -> bytes:  # noqa: ANN401 - pillow-heif's
    """Encode a picture as HEIC."""
    out = BytesIO()
    from_pillow(image or picture()).save(out, quality=90, **options)
    return out.getvalue()


def animation(form: str, frames: int) -> bytes:
    """Encode a picture that moves."""
    rest = [picture().point(lambda v, n=n: v ^ (n * 7 & 255)) for n in range(1, frames)]
    return encoded(form, picture(), save_all=True, append_images=rest, duration=40)


def pdf(pages: int = 2, head: bytes = b"%PDF-1.7\n", tail: bytes = b"") -> bytes:
    """Make the outline of a PDF."""
    leaves = b"".join(b"%d 0 obj <</Type /Page /Parent 1 0 R>> endobj\n" % n for n in range(pages))
    tree = b"99 0 obj <</Type /Pages /Count %d>> endobj\n" % pages
    return head + leaves + tree + b"trailer <<>>\n%%EOF\n" + tail


def scans(count: int) -> bytes:
    """Make a progressive JPEG that repeats its last scan many times."""
    data = encoded("JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def many_frames(count: int) -> bytes:
    """Make a GIF of thousands of frames by repeating one."""
    data = encoded("GIF", picture(4, 4, "P"))
    start = data.index(b",", 13 + 3 * (2 << (data[10] & 7)))
    return data[:start] + data[start:-1] * count + b";"


def _zip_bomb() -> bytes:
    return zlib.compress(b"\0" * 50_000_000, 9)


@cache
def refused_by_header() -> dict[str, bytes]:
    """List files that must be refused before anything is decoded."""
    html = b"<!DOCTYPE html><html><head><title>Sign in</title>" + CALLER
    return {
        "empty.png": b"",
        "page.png": html,
        "page2.png": b"\xef\xbb\xbf \n<html>" + html,
        "page3.jpg": b"<!-- hello --><html></html>",
        "script.gif": CALLER,
        "logo.png": b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
        "logo2.png": b'<?xml version="1.0"?>\n<!-- x --><svg width="100000" height="100000"/>',
        "zip.png": b"PK\x03\x04" + b"\0" * 60,
        "letter.docx": b"PK\x03\x04" + b"\0" * 26 + b"[Content_Types].xml",
        "old.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 60,
        "archive.png": b"7z\xbc\xaf\x27\x1c" + b"\0" * 60,
        "gzip.png": b"\x1f\x8b\x08" + b"\0" * 60,
        "scan.tiff": b"II*\0" + b"\0" * 60,
        "paint.bmp": b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + b"\xff" * 60,
        "layers.psd": b"8BPS\0\1" + b"\0" * 60,
        "photo.avif": box(b"ftyp", b"avif\0\0\0\0mif1avif") + b"\0" * 60,
        "photo2.avif": box(b"ftyp", b"mif1\0\0\0\0mif1avif") + b"\0" * 60,
        "film.mp4": box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41") + b"\0" * 60,
        "film.mov": box(b"ftyp", b"qt  \0\0\0\0qt  ") + b"\0" * 60,
        "film.webm": b"\x1aE\xdf\xa3" + b"\xff" * 60,
        "film.avi": b"RIFF\xff\0\0\0AVI LIST" + b"\xff" * 60,
        "sound.wav": b"RIFF\xff\0\0\0WAVEfmt " + b"\xff" * 60,
        "sound.mp3": b"ID3\4\0" + b"\xff" * 60,
        "photo.jxl": b"\xff\x0a" + b"\xff" * 60,
        "photo.jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + b"\xff" * 60,
        "program.png": b"\x7fELF" + b"\xff" * 60,
        "notes.txt": "Grüße aus München, a red house please. ".encode() * 40,
        "noise.png": random.Random(1).randbytes(4096),
        "nuls.jpg": b"\0" * 4096,
        "bomb-30000.png": png_bomb(30_000, 30_000),
        "bomb-13000.png": png_bomb(13_000, 13_000),
        "bomb-9000.png": png_bomb(9_000, 9_000),
        "bomb-side.png": png_bomb(16_385, 8),
        "bomb-largest.png": PNG + ihdr(2**32 - 1, 2**32 - 1) + chunk(b"IDAT", b"x") + IEND,
        "bomb.gif": gif_bomb(65_535, 65_535),
        "bomb.webp": webp_bomb(16_383, 16_383),
        "bomb.jpg": jpeg_claiming(65_000, 65_000),
        "bomb.heic": heic_claiming(30_000, 30_000),
        "zero.png": PNG + ihdr(0, 10) + chunk(b"IDAT", b"x") + IEND,
        "zero.gif": gif_bomb(0, 0)[:13] + b";",
        "zero.jpg": jpeg_claiming(100, 0),
        "zero.heic": heic_claiming(0, 0),
        "ihdr-late.png": PNG + chunk(b"tEXt", b"a\0b") + ihdr(4, 4) + IEND,
        "ihdr-long.png": PNG + chunk(b"IHDR", struct.pack(">II", 4, 4) + b"\0" * 40) + IEND,
        "no-box.heic": box(b"ftyp", b"heic\0\0\0\0mif1heic"),
        "endless-box.heic": box(b"ftyp", b"heic\0\0\0\0") + b"\0\0\0\1meta" + b"\xff" * 8,
        "tiny-boxes.heic": box(b"ftyp", b"heic\0\0\0\0") + b"\0\0\0\x08free" * 200_000,
        "fill-bytes.jpg": b"\xff\xd8" + b"\xff" * 2_000_000,
        "tiny-segments.jpg": b"\xff\xd8" + b"\xff\xfe\0\2" * 500_000,
        "no-frame.jpg": b"\xff\xd8\xff\xda\0\2" + b"\0" * 100,
        "empty.webp": riff(),
        "odd.webp": riff((b"ODD ", b"123")),
        "long-chunk.webp": b"RIFF\xff\0\0\0WEBPVP8 \xff\xff\xff\x7f" + b"\0" * 100,
        "book.pdf": pdf(1200),
        **{f"cut-{n}.png": encoded("PNG")[:n] for n in (8, 12, 20, 32)},
        **{f"cut-{n}.jpg": encoded("JPEG")[:n] for n in (3, 10, 60)},
        **{f"cut-{n}.gif": encoded("GIF")[:n] for n in (6, 9)},
        **{f"cut-{n}.webp": encoded("WEBP")[:n] for n in (12, 19, 60)},
        **{f"cut-{n}.heic": heic()[:n] for n in (12, 30, 60)},
    }


@cache
def broken_inside() -> dict[str, bytes]:
    """List files with a good header that must be refused by a look at the rest."""
    png, jpeg, webp, gif, photo = (
        encoded("PNG"),
        encoded("JPEG"),
        encoded("WEBP"),
        encoded("GIF"),
        heic(),
    )
    idat = png.index(b"IDAT")
    return {
        **{f"half-{part}.png": png[: len(png) * part // 4] for part in (1, 2, 3)},
        **{f"half-{part}.jpg": jpeg[: len(jpeg) * part // 4] for part in (2, 3)},
        "no-end.jpg": jpeg[:-2],
        "no-end.png": png[:-12],
        "cut-12.gif": gif[:12],
        "half.gif": gif[: len(gif) // 2],
        "half.heic": photo[: len(photo) - 200],
        "garbage.png": png[: idat + 4] + b"\x55" * 60 + png[idat + 64 :],
        "garbage.webp": webp[:30] + b"\xff" * (len(webp) - 30),
        "garbage.heic": photo[: photo.index(b"mdat") + 4] + b"\xff" * 1000,
        "no-pixels.png": PNG + ihdr(4, 4) + IEND,
        "bomb-profile.png": png[:33] + chunk(b"iCCP", b"a\0\0" + _zip_bomb()) + png[33:],
        "many-scans.jpg": scans(5_000),
        "canvas.webp": riff((b"VP8X", b"\0" * 4 + b"\x0f\0\0" * 2), (b"VP8 ", webp[20:])),
    }


@cache
def accepted() -> dict[str, bytes]:
    """List odd files that are good enough, and must come out clean."""
    png, jpeg, gif = encoded("PNG"), encoded("JPEG"), encoded("GIF")
    huge_text = chunk(b"zTXt", b"a\0\0" + _zip_bomb())
    app11 = b"".join(b"\xff\xeb\xff\xff" + b"C" * 65_533 for _ in range(8))
    return {
        "plain.png": png,
        "plain.jpg": jpeg,
        "plain.webp": encoded("WEBP"),
        "lossless.webp": encoded("WEBP", lossless=True),
        "clear.webp": encoded("WEBP", picture(mode="RGBA")),
        "plain.gif": gif,
        "plain.heic": heic(),
        "clear.heic": heic(picture(mode="RGBA")),
        "png-named.jpg": png,
        "jpeg-named.png": jpeg,
        "heic-named.png": heic(),
        "unnamed": encoded("WEBP"),
        "polyglot.gif": b"GIF89a" + gif[6:] + b"/*" + CALLER + b"*/",
        "polyglot.jpg": jpeg + b"<html>" + CALLER,
        "polyglot2.jpg": jpeg[:2] + b"\xff\xfe\0\x1b" + CALLER + jpeg[2:],
        "polyglot.png": png + b"PK\x03\x04" + CALLER,
        "polyglot2.png": png[:33] + chunk(b"tEXt", b"a\0" + CALLER) + png[33:],
        "polyglot.webp": encoded("WEBP") + CALLER,
        "polyglot.pdf": pdf(tail=b"PK\x03\x04" + b"\0" * 60),
        "padded.pdf": pdf(head=b"\xef\xbb\xbf\n%PDF-1.4\n"),
        "moving.gif": animation("GIF", 5),
        "moving.png": animation("PNG", 5),
        "moving.webp": animation("WEBP", 5),
        "frames-10000.gif": many_frames(10_000),
        "deep.png": encoded("PNG", picture(mode="L").convert("I;16")),
        "palette.png": encoded("PNG", picture(mode="P"), transparency=0),
        "bits.png": encoded("PNG", picture(mode="1")),
        "grey.png": encoded("PNG", picture(mode="LA")),
        "interlaced.png": _interlaced(),
        "cmyk.jpg": encoded("JPEG", picture(mode="CMYK")),
        "grey.jpg": encoded("JPEG", picture(mode="L")),
        "progressive.jpg": encoded("JPEG", progressive=True),
        "restarts.jpg": encoded("JPEG", restart_marker_rows=1),
        "signed.jpg": jpeg[:2] + app11 + jpeg[2:],
        "fill.jpg": jpeg[:2] + b"\xff" * 9 + jpeg[2:],
        "second-ihdr.png": PNG + ihdr(4, 4) + ihdr(5_000, 5_000) + png[33:],
        "text-bomb.png": png[:33] + huge_text * 3 + png[33:],
        "signed.png": png[:33] + chunk(b"caBX", b"C" * 300_000) + png[33:],
        "bad-exif.jpg": jpeg[:2] + b"\xff\xe1\0\x10Exif\0\0II*\0\xff\xff\xff\xff" + jpeg[2:],
        "fewer-scans.jpg": scans(20),
        "thin.png": encoded("PNG", picture(16_000, 2)),
        "dot.png": encoded("PNG", picture(1, 1)),
        **{f"private.{form}": private(form) for form in ("JPEG", "PNG", "WEBP", "HEIC")},
        **{f"turned.{form}": private(form, 6) for form in ("JPEG", "PNG", "WEBP", "HEIC")},
    }


def _interlaced() -> bytes:
    """Make an Adam7 PNG of 8 x 8 grey pixels, which Pillow cannot write."""
    passes = ((1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4))
    rows = b"".join((b"\0" + b"\x80" * width) * height for width, height in passes)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1))
    return PNG + head + chunk(b"IDAT", zlib.compress(rows)) + IEND
