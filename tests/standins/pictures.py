"""Makes real pictures of a given pixel size, and looks at pictures as a strict service does.

Deterministic: the same words give the same bytes, other words other pixels. A 1K picture takes
about 5 ms, a 4K one about 80 ms.
"""

from __future__ import annotations

import hashlib
import io
import math
from typing import TYPE_CHECKING, Literal

import pillow_heif
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["JPEG", "PNG", "WEBP"]

TIERS = ("512", "1K", "2K", "4K")
PIXELS: dict[str, tuple[tuple[int, int], ...]] = {
    "1:1": ((512, 512), (1024, 1024), (2048, 2048), (4096, 4096)),
    "1:4": ((256, 1024), (512, 2048), (1024, 4096), (2048, 8192)),
    "1:8": ((192, 1536), (384, 3072), (768, 6144), (1536, 12288)),
    "2:3": ((424, 632), (848, 1264), (1696, 2528), (3392, 5056)),
    "3:2": ((632, 424), (1264, 848), (2528, 1696), (5056, 3392)),
    "3:4": ((448, 600), (896, 1200), (1792, 2400), (3584, 4800)),
    "4:1": ((1024, 256), (2048, 512), (4096, 1024), (8192, 2048)),
    "4:3": ((600, 448), (1200, 896), (2400, 1792), (4800, 3584)),
    "4:5": ((464, 576), (928, 1152), (1856, 2304), (3712, 4608)),
    "5:4": ((576, 464), (1152, 928), (2304, 1856), (4608, 3712)),
    "8:1": ((1536, 192), (3072, 384), (6144, 768), (12288, 1536)),
    "9:16": ((384, 688), (768, 1376), (1536, 2752), (3072, 5504)),
    "16:9": ((688, 384), (1376, 768), (2752, 1536), (5504, 3072)),
    "21:9": ((792, 168), (1584, 672), (3168, 1344), (6336, 2688)),
}
"""Width and height of an answer by ratio, one pair for each of TIERS; as Google prints them."""


def picture(width: int, height: int, seed: str = "", kind: Kind = "JPEG") -> bytes:
    """Paint 16 coloured fields that depend on the seed; width and height in pixels."""
    fields = Image.frombytes("RGB", (4, 4), hashlib.sha384(seed.encode()).digest())
    image = fields.resize((width, height), Image.Resampling.NEAREST)
    file = io.BytesIO()
    image.save(file, kind, **({"compress_level": 1} if kind == "PNG" else {"quality": 80}))
    return file.getvalue()


def jpeg(width: int, height: int, seed: str = "") -> bytes:
    """Paint a JPEG."""
    return picture(width, height, seed, "JPEG")


def png(width: int, height: int, seed: str = "") -> bytes:
    """Paint a PNG."""
    return picture(width, height, seed, "PNG")


def pixels(ratio: str, tier: str) -> tuple[int, int]:
    """Look up width and height of an answer; tier is one of TIERS."""
    return PIXELS[ratio][TIERS.index(tier)]


def nearest_ratio(width: int, height: int, ratios: Iterable[str]) -> str:
    """Find the ratio whose shape is nearest to these pixels."""

    def distance(ratio: str) -> float:
        across, down = map(int, ratio.split(":"))
        return abs(math.log(width / height) - math.log(across / down))

    return min(ratios, key=distance)


def sniff(data: bytes) -> str:
    """Tell the MIME type from the first bytes; an empty string when they tell nothing."""
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in {b"avif", b"avis"}:
            return "image/avif"
        return "image/heic" if brand.startswith((b"hei", b"hev")) else "image/heif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    magic = {
        b"\xff\xd8\xff": "image/jpeg",
        b"\x89PNG\r\n\x1a\n": "image/png",
        b"GIF8": "image/gif",
        b"BM": "image/bmp",
        b"%PDF-": "application/pdf",
    }
    return next((kind for start, kind in magic.items() if data.startswith(start)), "")


def measure(data: bytes) -> tuple[int, int]:
    """Read the pixel size, and check a PNG's blocks. ValueError when it cannot be decoded."""
    try:
        if sniff(data) in {"image/heic", "image/heif"}:
            width, height = pillow_heif.open_heif(data).size
            return int(width), int(height)
        with Image.open(io.BytesIO(data)) as image:
            image.verify()
            return image.size
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error
