"""The port: answers by way of the spool, the same every time, and honest about what they are."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from adapters.offline.document import INTRO
from bot.conversation import Content, Contents, TextPart, Usage
from bot.errors import CallRejected, OutcomeUnknown, UsageError
from bot.options import GenerationOptions
from tests.offline.conftest import WORKSPACE, Studio, history_of, png

if TYPE_CHECKING:
    from pathlib import Path

PROMPT = "a red fox in snow at night, with two trees"
ELSEWHERE = """
import hashlib, sys
from adapters.offline import answering, document, request
from bot.conversation import Content, Contents, TextPart
from bot.options import GenerationOptions

asked = Content(role="user", parts=(TextPart(text=sys.argv[1]),))
contents = Contents(workspace="T1", contents=(asked,))
answer = answering.answer(request.read_request(contents, GenerationOptions()), [])
print(hashlib.sha256(b"".join(document.encode(answer))).hexdigest())
"""


async def test_the_same_request_gets_the_same_bytes_in_any_process(studio: Studio) -> None:
    answer = await studio.call(PROMPT)
    assert (await studio.call(PROMPT)).read_bytes() == answer.read_bytes()
    command = [sys.executable, "-c", ELSEWHERE, PROMPT]
    other = await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    printed, _ = await other.communicate()
    assert printed.decode().strip() == hashlib.sha256(answer.read_bytes()).hexdigest()


async def test_other_words_another_parent_or_more_turns_throw_other_dice(studio: Studio) -> None:
    fox = await studio.ask("a fox")
    cat = await studio.ask("a cat")
    assert fox.content.pictures != cat.content.pictures
    snow = [
        await studio.ask("let it snow", history=history)
        for history in (history_of(fox), history_of(cat), history_of(cat, fox))
    ]
    assert len({answer.content.pictures for answer in snow}) == 3


async def test_an_answer_can_be_read_again(studio: Studio) -> None:
    answer = await studio.call("a fox !two !grounded")
    assert await studio.read(answer) == await studio.read(answer)


async def test_an_answer_costs_nothing_and_names_its_model(studio: Studio) -> None:
    generation = await studio.ask("a fox", web_search=True, image_size="4K")
    assert generation.model_version == "offline-demo"
    assert generation.finish_reason == "STOP"
    assert generation.usage == Usage(searches=1)
    assert studio.model.profile(None).cost(generation.usage) == 0
    assert studio.model.profile(None).price(GenerationOptions(image_size="4K")) == 0


async def test_the_model_is_known_under_its_own_name_only(studio: Studio) -> None:
    assert studio.model.profile(None).id == "offline-demo"
    assert studio.model.profile("offline-demo").provider == "offline"
    with pytest.raises(UsageError, match="offline-demo"):
        studio.model.profile("offline-dem")
    await studio.model.probe()
    await studio.model.close()


async def test_the_words_say_first_that_no_model_was_called(studio: Studio) -> None:
    first = await studio.ask("a fox and a violin")
    assert first.content.text.startswith(f"{INTRO} I drew a fox.")
    assert "I did not understand: violin." in first.content.text
    second = await studio.edit(first, "make it brighter and pop")
    assert second.content.text.startswith(f"{INTRO} Done: brighter. I did not understand: pop.")
    assert "The offline demo knows: " in second.content.text


async def test_no_text_means_no_text_part(studio: Studio) -> None:
    generation = await studio.ask("a fox", text=False)
    assert len(generation.content.parts) == 1
    assert generation.content.text == ""


async def test_every_picture_and_the_words_carry_a_signature_of_their_own(studio: Studio) -> None:
    generation = await studio.ask("a fox !two")
    signatures = [part.signature for part in generation.content.parts]
    assert len({signature.digest for signature in signatures if signature}) == 3
    for signature in signatures:
        assert signature is not None
        await studio.bytes_of(signature)


async def test_pictures_are_plain_png_without_metadata(studio: Studio) -> None:
    generation = await studio.ask("a fox")
    data = await studio.bytes_of(generation.content.pictures[0])
    picture = await studio.picture(generation)
    assert (picture.format, picture.mode, picture.info) == ("PNG", "RGB", {})
    chunks, at = set(), 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.add(data[at + 4 : at + 8])
        at += length + 12
    assert chunks == {b"IHDR", b"IDAT", b"IEND"}


RED, BLUE = (192, 32, 32), (32, 32, 192)


async def test_an_upload_is_edited_and_the_others_are_laid_over_the_last(studio: Studio) -> None:
    red = studio.upload(png(Image.new("RGB", (300, 200), RED)))
    blue = studio.upload(png(Image.new("RGB", (300, 200), BLUE)))
    generation = await studio.ask("zoom in", files=[red, blue])
    art = await studio.art(generation)
    assert art.getpixel((10, 10)) == BLUE
    assert art.getpixel((art.width - 100, art.height - 100)) == RED
    assert "Done: zoomed in, put your picture on it." in generation.content.text


async def test_an_upload_is_laid_over_the_picture_of_the_thread(studio: Studio) -> None:
    fox = await studio.ask("a fox")
    blue = studio.upload(png(Image.new("RGB", (200, 200), BLUE)))
    logo = await studio.ask("put our logo in the top left", history=history_of(fox), files=[blue])
    assert logo.content.text.endswith("Done: put your picture on it.")
    art, before = await studio.art(logo), await studio.art(fox)
    assert art.getpixel((150, 150)) == BLUE
    rest = (0, art.height // 2, art.width, art.height)
    assert art.crop(rest).tobytes() == before.crop(rest).tobytes()


async def test_an_upload_takes_the_place_of_the_picture_when_told_so(studio: Studio) -> None:
    fox = await studio.ask("a fox")
    blue = studio.upload(png(Image.new("RGB", (200, 200), BLUE)))
    generation = await studio.ask("use this instead", history=history_of(fox), files=[blue])
    art = await studio.art(generation)
    assert art.getcolors() == [(art.width * art.height, BLUE)]


async def test_a_transparent_upload_stands_on_white(studio: Studio) -> None:
    clear = studio.upload(png(Image.new("RGBA", (64, 64), (255, 0, 0, 0))))
    art = await studio.art(await studio.ask("zoom in", files=[clear]))
    assert art.getextrema() == ((255, 255), (255, 255), (255, 255))


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + bytes(80), b"\xff\xd8\xff" * 9]
)
async def test_an_upload_that_is_no_picture_is_refused(studio: Studio, data: bytes) -> None:
    with pytest.raises(CallRejected, match="Send another one"):
        await studio.call("brighter", files=[studio.upload(data)])


async def test_a_pdf_is_not_looked_into_but_stands_in_the_picture(studio: Studio) -> None:
    pdf = studio.upload(b"%PDF-1.7", "application/pdf")
    first = await studio.ask("summarize", files=[pdf])
    assert "I drew a page." in first.content.text
    assert "I cannot look into a PDF" in first.content.text
    plain = await studio.ask("a fox")
    second = await studio.ask("black and white", history=history_of(plain), files=[pdf])
    assert "I cannot look into a PDF" in second.content.text
    art = await studio.art(second)
    assert any(r != b for _, (r, _, b) in art.getcolors(1 << 24) or [])  # type: ignore[misc]


async def test_a_file_without_words_is_a_picture_as_it_was(studio: Studio) -> None:
    blue = studio.upload(png(Image.new("RGB", (200, 200), "#2020c0")))
    generation = await studio.ask("", files=[blue])
    assert "The picture is as it was, but for its label." in generation.content.text
    assert "I did not understand" not in generation.content.text


@pytest.mark.parametrize("spoiled", [b"", b"{", b"[]\n", b'{"pictures": []}\n', b"\xff\xfe\n"])
async def test_an_answer_that_is_none_is_an_unknown_outcome(
    studio: Studio, tmp_path: Path, spoiled: bytes
) -> None:
    answer = tmp_path / "spoiled.answer"
    answer.write_bytes(spoiled)
    with pytest.raises(OutcomeUnknown):
        await studio.read(answer)


async def test_the_loop_goes_on_while_a_picture_is_painted(studio: Studio) -> None:
    async def ticks() -> int:
        for count in range(1_000_000):
            if painting.done():
                return count
            await asyncio.sleep(0)
        return 0

    asked = Content(role="user", parts=(TextPart(text="a fox"),))
    contents = Contents(workspace=WORKSPACE, contents=(asked,))
    painting = asyncio.create_task(studio.send(contents, GenerationOptions()))
    assert await ticks() > 20
    await painting
