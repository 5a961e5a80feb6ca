"""A conversation of three turns through ``threadpaint say``: ask, attach an image, refine.

With WISDOM_GATE_KEY or GEMINI_API_KEY set it asks the real model (three pictures are paid);
otherwise the offline stand-in answers. DEMO_IMAGE=FILE attaches a file of yours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path("demo")
THREAD = f"demo-{int(time.time())}"


def draw_logo(path: Path) -> Path:
    """Draw the image that the second turn attaches: a sun over a wave."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - not needed with DEMO_IMAGE

    image = Image.new("RGB", (480, 480), "#123b5d")
    pen = ImageDraw.Draw(image)
    pen.ellipse((140, 90, 340, 290), fill="#ffb703")
    for row, colour in enumerate(("#219ebc", "#8ecae6")):
        top = 280 + 60 * row
        for left in range(-60, 480, 120):
            pen.pieslice((left, top, left + 160, top + 160), 180, 360, fill=colour)
        pen.rectangle((0, top + 80, 480, 480), fill=colour)
    image.save(path)
    return path


def say(number: int, prompt: str, *more: str) -> bool:
    """Run one turn and print what happened."""
    print(f"\n{number}. {prompt}{''.join(f' [{word}]' for word in more[1::2])}", flush=True)
    command = [sys.executable, "-m", "bot", "say", "--json", "--thread", THREAD]
    command += ["--out", str(FOLDER / "pictures"), *more, "--", prompt]
    done = subprocess.run(  # noqa: S603 - our own command line
        command,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={"DATA_DIR": str(FOLDER / "data"), **os.environ},
    )
    if not done.stdout:
        return False
    answer = json.loads(done.stdout)
    print(f"   {answer['text'] or answer['error']}")
    for file in answer["files"]:
        print(file["path"])
    print(f"   {answer['model']}, ${answer['cost_usd']:.4f}, turn {answer['turn']}")
    return done.returncode == 0


def main() -> int:
    """Hold the conversation. Returns the exit code."""
    FOLDER.mkdir(exist_ok=True)
    image = Path(os.environ.get("DEMO_IMAGE") or draw_logo(FOLDER / "logo.png"))
    turns = (
        ("A red fox sitting in the snow under a full moon", "--ar", "3:2"),
        ("Put this on a poster in warm colours", "--attach", str(image)),
        ("Make it brighter and mirror it",),
    )
    done = all(say(number, *turn) for number, turn in enumerate(turns, 1))
    print(f"\nThe pictures are in {(FOLDER / 'pictures').resolve()}")
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
