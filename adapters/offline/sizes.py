"""The pixel size of a picture by ratio and image size, as Google prints them."""

from __future__ import annotations

import math

# Width and height at 1K; 2K and 4K are two and four times as much, 0.5K is half.
_AT_1K = {
    "1:1": (1024, 1024),
    "1:4": (512, 2048),
    "1:8": (384, 3072),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:1": (2048, 512),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "8:1": (3072, 384),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
_SCALE = {"0.5K": 0.5, "1K": 1, "2K": 2, "4K": 4}
_PRINTED = {("21:9", "0.5K"): (792, 168)}  # not half of 1K, but the printed figure


def pixels(ratio: str, size: str) -> tuple[int, int]:
    """Look up width and height in pixels. KeyError for a ratio or size that is none of ours."""
    width, height = _AT_1K[ratio]
    scale = _SCALE[size]
    return _PRINTED.get((ratio, size), (int(width * scale), int(height * scale)))


def nearest_ratio(width: int, height: int) -> str:
    """Find the ratio that is most like a picture's, so that an edit keeps its shape."""

    def distance(ratio: str) -> float:
        known = _AT_1K[ratio]
        return abs(math.log(width / height) - math.log(known[0] / known[1]))

    return min(_AT_1K, key=distance)
