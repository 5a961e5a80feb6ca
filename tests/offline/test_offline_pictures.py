"""What is in the pixels: the size, the label, the colours asked for, and each edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops, ImageColor, ImageOps, ImageStat

from adapters.offline.icons import ICONS
from adapters.offline.label import NOTE, art_size, labelled, letters, printable, unlabelled
from adapters.offline.sizes import nearest_ratio, pixels
from adapters.offline.tiles import tile
from adapters.offline.words import COLOURS
from bot.options import RATIOS, SIZES
from tests.offline.conftest import history_of, png

if TYPE_CHECKING:
    from tests.offline.conftest import Studio

# Google's printed pixels: 0.5K, 1K, 2K, 4K.
TABLE = """
1:1 512x512 1024x1024 2048x2048 4096x4096
1:4 256x1024 512x2048 1024x4096 2048x8192
1:8 192x1536 384x3072 768x6144 1536x12288
2:3 424x632 848x1264 1696x2528 3392x5056
3:2 632x424 1264x848 2528x1696 5056x3392
3:4 448x600 896x1200 1792x2400 3584x4800
4:1 1024x256 2048x512 4096x1024 8192x2048
4:3 600x448 1200x896 2400x1792 4800x3584
4:5 464x576 928x1152 1856x2304 3712x4608
5:4 576x464 1152x928 2304x1856 4608x3712
8:1 1536x192 3072x384 6144x768 12288x1536
9:16 384x688 768x1376 1536x2752 3072x5504
16:9 688x384 1376x768 2752x1536 5504x3072
21:9 792x168 1584x672 3168x1344 6336x2688
"""
BAND, INK = (255, 200, 69), (35, 35, 43)


def mean(picture: Image.Image) -> float:
    return ImageStat.Stat(picture.convert("L")).mean[0]


def means(picture: Image.Image) -> list[float]:
    return ImageStat.Stat(picture).mean


def distance(one: Image.Image, other: Image.Image) -> float:
    return sum(means(ImageChops.difference(one, other)))


def test_all_fourteen_ratios_have_the_printed_pixels_in_all_four_sizes() -> None:
    rows = {row[0]: row[1:] for row in map(str.split, TABLE.strip().splitlines())}
    assert set(rows) == set(RATIOS)
    for ratio, sizes in rows.items():
        printed = [tuple(map(int, size.split("x"))) for size in sizes]
        assert [pixels(ratio, size) for size in SIZES] == printed


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_picture_of_each_ratio_keeps_its_ratio(ratio: str) -> None:
    assert all(nearest_ratio(*pixels(ratio, size)) == ratio for size in ("1K", "2K", "4K"))


@pytest.mark.parametrize("ratio", RATIOS)
async def test_a_picture_has_exactly_the_size_asked_for(studio: Studio, ratio: str) -> None:
    generation = await studio.ask("a fox under the sun", aspect_ratio=ratio, image_size="0.5K")
    (blob,) = generation.content.pictures
    assert (blob.width, blob.height) == pixels(ratio, "0.5K")
    assert (await studio.picture(generation)).size == pixels(ratio, "0.5K")


async def test_large_sizes_are_exact_as_well(studio: Studio) -> None:
    first = await studio.ask("a fox", aspect_ratio="16:9", image_size="4K")
    assert (await studio.picture(first)).size == (5504, 3072)
    second = await studio.edit(first, "brighter", aspect_ratio="1:8", image_size="2K")
    assert (await studio.picture(second)).size == (768, 6144)


@pytest.mark.parametrize(
    ("ratio", "size"),
    [*((ratio, size) for ratio in RATIOS for size in ("0.5K", "1K")), ("1:8", "4K"), ("8:1", "4K")],
)
def test_the_band_is_legible_at_every_ratio(ratio: str, size: str) -> None:
    """All letters are there, large enough, dark on light, inside the edges."""
    frame = pixels(ratio, size)
    art = Image.new("RGB", art_size(frame), INK)
    picture = labelled(art, frame, "a fox")
    assert picture.size == frame
    assert art.height >= 0.6 * frame[1]
    top = next(row for row in range(frame[1]) if picture.getpixel((0, row)) == BAND)
    band = picture.crop((0, top, *frame))
    ink = band.convert("L").point([255] * 110 + [0] * 146)
    box = ink.getbbox()
    assert box is not None
    assert box[0] > 0
    assert box[2] < frame[0]
    assert box[3] - box[1] >= 0.6 * letters(frame)
    assert letters(frame) >= 13
    assert _count(band, "#ffc845") > band.width * band.height / 2
    assert ink.histogram()[255] > len(NOTE) * letters(frame)


async def test_every_kind_of_picture_has_the_band(studio: Studio) -> None:
    fox = await studio.ask("a fox", image_size="0.5K")
    photo = studio.upload(png(Image.new("RGB", (640, 480), "#336699")))
    answers = [
        fox,
        await studio.edit(fox, "flip it vertically, invert, rotate left"),
        await studio.edit(fox, "no idea"),
        await studio.ask("brighter", files=[photo]),
        await studio.ask("a cat !two"),
        await studio.ask("a cat !size"),
    ]
    for answer in answers:
        for blob in answer.content.pictures:
            with Image.open(await studio.blobs.path("T1", blob.digest)) as picture:
                whole = picture.convert("RGB")
            assert unlabelled(whole).size == art_size(whole.size)


async def test_the_caption_is_the_prompt_without_magic(studio: Studio) -> None:
    answer = await studio.ask("a fox !slow 5", image_size="0.5K")
    picture = await studio.picture(answer)
    art = unlabelled(picture)
    assert picture.tobytes() == labelled(art, picture.size, "a fox").tobytes()


def test_a_caption_too_long_or_in_other_letters_does_not_break_the_label() -> None:
    art = Image.new("RGB", art_size((192, 1536)))
    for caption in ("word " * 500, "w" * 5000, "猫が好き", "a\nb\x00c", ""):
        assert labelled(art, (192, 1536), caption).size == (192, 1536)
    assert printable("Café 猫") == ("Cafe", "猫")


def test_only_our_own_label_is_taken_off() -> None:
    art = Image.effect_noise(art_size((512, 512)), 50).convert("RGB")
    ours = labelled(art, (512, 512), "a fox")
    assert unlabelled(ours).tobytes() == art.tobytes()
    ours.putpixel((3, 511), (0, 0, 0))
    assert unlabelled(ours).size == (512, 512)
    assert unlabelled(Image.new("RGB", (1, 1))).size == (1, 1)


@pytest.mark.parametrize("name", ICONS)
def test_every_shape_is_drawn_in_the_colour_asked_for(name: str) -> None:
    plain, lime = tile(name, 60), tile(name, 60, COLOURS["lime"])
    assert plain.size == (60, 60)
    assert plain.getbbox() is not None
    assert _count(lime, COLOURS["lime"]) > 60


def _count(picture: Image.Image, colour: str) -> int:
    wanted = ImageColor.getrgb(colour)
    found = picture.getcolors(1 << 24) or []
    return sum(count for count, seen in found if isinstance(seen, tuple) and seen[:3] == wanted)


@pytest.mark.parametrize("colour", ["red", "blue", "gold", "gray", "navy", "lime"])
async def test_a_thing_has_the_colour_that_was_said(studio: Studio, colour: str) -> None:
    art = await studio.art(await studio.ask(f"a {colour} balloon", image_size="0.5K"))
    assert _count(art, COLOURS[colour]) > 500


async def test_a_colour_said_of_nothing_colours_the_landscape(studio: Studio) -> None:
    red, _, blue = means(await studio.art(await studio.ask("everything in blue")))
    assert blue > red + 40
    red, _, blue = means(await studio.art(await studio.ask("everything in red")))
    assert red > blue + 40


async def test_night_is_dark_and_day_is_light(studio: Studio) -> None:
    night = await studio.art(await studio.ask("a house at night"))
    day = await studio.art(await studio.ask("a house"))
    assert mean(night) + 60 < mean(day)


async def test_a_ratio_nobody_named_follows_the_picture(studio: Studio) -> None:
    fresh = await studio.ask("a fox")
    assert (await studio.picture(fresh)).size == (1024, 1024)
    wide = await studio.ask("a fox", aspect_ratio="16:9", image_size="0.5K")
    kept = await studio.edit(wide, "brighter", image_size="0.5K")
    assert (await studio.picture(kept)).size == (688, 384)
    turned = await studio.edit(wide, "rotate left", image_size="0.5K")
    assert (await studio.picture(turned)).size == (384, 688)
    photo = studio.upload(png(Image.new("RGB", (900, 1210))))
    uploaded = await studio.ask("brighter", files=[photo], image_size="0.5K")
    assert (await studio.picture(uploaded)).size == (448, 600)


async def test_a_crop_to_a_ratio_by_words_or_by_option(studio: Studio) -> None:
    fox = await studio.ask("a fox", image_size="0.5K")
    words = await studio.edit(fox, "crop to 16:9", image_size="0.5K", aspect_ratio="1:1")
    option = await studio.edit(fox, "", image_size="0.5K", aspect_ratio="9:16")
    assert (await studio.picture(words)).size == (688, 384)
    assert (await studio.picture(option)).size == (384, 688)
    assert "cropped to 9:16" in option.content.text


async def test_what_is_not_understood_leaves_the_picture_as_it_was(studio: Studio) -> None:
    fox = await studio.ask("a fox")
    answer = await studio.edit(fox, "more oomph")
    assert "The picture is as it was, but for its label." in answer.content.text
    assert "I did not understand: oomph." in answer.content.text
    assert (await studio.art(answer)).tobytes() == (await studio.art(fox)).tobytes()
    assert answer.content.pictures != fox.content.pictures


async def test_each_edit_of_a_chain_changes_the_pixels_as_named(studio: Studio) -> None:
    """Nine turns, each on the picture of the one before."""
    answer = await studio.ask("a red fox and a tree at sunset")
    history = history_of(answer)
    before = await studio.art(answer)

    async def edited(prompt: str) -> Image.Image:
        generation = await studio.ask(prompt, history=history)
        history.extend(history_of(generation))
        return await studio.art(generation)

    brighter = await edited("brighter")
    assert mean(brighter) > mean(before) + 10
    darker = await edited("much darker")
    assert mean(darker) < mean(brighter) - 30
    warm = await edited("warmer")
    assert _warmth(warm) > _warmth(darker) + 5
    cool = await edited("much cooler")
    assert _warmth(cool) < _warmth(warm) - 10
    mirrored = await edited("mirror it")
    assert mirrored.tobytes() == ImageOps.mirror(cool).tobytes()
    flipped = await edited("flip vertically")
    assert flipped.tobytes() == ImageOps.flip(mirrored).tobytes()
    inverted = await edited("invert")
    assert inverted.tobytes() == ImageOps.invert(flipped).tobytes()
    grey = await edited("black and white")
    assert not any(distance_of_channels(grey))
    blue = await edited("make it blue")
    assert means(blue)[2] > means(blue)[0] + 40


def _warmth(picture: Image.Image) -> float:
    red, _, blue = means(picture)
    return red - blue


def distance_of_channels(picture: Image.Image) -> list[float]:
    red, green, blue = picture.split()
    return [
        ImageStat.Stat(ImageChops.difference(one, other)).sum[0]
        for one, other in ((red, green), (green, blue))
    ]


def _deviation(picture: Image.Image) -> float:
    return ImageStat.Stat(picture.convert("L")).stddev[0]


def _saturation(picture: Image.Image) -> float:
    return ImageStat.Stat(picture.convert("HSV")).mean[1]


def _edges(picture: Image.Image) -> float:
    shifted = ImageChops.offset(picture, 1, 0)
    return distance(picture, shifted)


async def test_contrast_saturation_and_sharpness_go_both_ways(studio: Studio) -> None:
    fox = await studio.ask("a fox and a house", image_size="0.5K")
    before = await studio.art(fox)

    async def edited(prompt: str) -> Image.Image:
        return await studio.art(await studio.edit(fox, prompt, image_size="0.5K"))

    assert _deviation(await edited("more contrast")) > _deviation(before) * 1.15
    assert _deviation(await edited("less contrast")) < _deviation(before) * 0.85
    assert _saturation(await edited("more vivid")) > _saturation(before) * 1.15
    assert _saturation(await edited("muted")) < _saturation(before) * 0.85
    assert _edges(await edited("sharper")) > _edges(before)
    assert _edges(await edited("blurry")) < _edges(before)
    assert len((await edited("pixelate")).getcolors(1 << 24) or []) < 3000


async def test_rotating_zooming_and_framing(studio: Studio) -> None:
    picture = Image.new("RGB", (400, 400), "#102030")
    picture.paste((250, 250, 0), (0, 0, 80, 400))
    upload = studio.upload(png(picture))

    async def edited(prompt: str) -> Image.Image:
        return await studio.art(await studio.ask(prompt, files=[upload], image_size="0.5K"))

    turned = await edited("rotate right")
    assert turned.getpixel((turned.width // 2, 4)) == (250, 250, 0)
    assert (await edited("zoom in")).getpixel((80, 200)) == (16, 32, 48)
    assert (await edited("zoom out")).getpixel((90, 200)) == (250, 250, 0)
    framed = await edited("a thick teal frame")
    assert framed.getpixel((0, 0)) == ImageColor.getrgb(COLOURS["teal"])
    assert framed.getpixel((framed.width - 1, framed.height - 1)) == framed.getpixel((0, 0))
    assert framed.getpixel((framed.width // 2, framed.height // 2)) == (16, 32, 48)


async def test_several_edits_in_one_prompt_all_happen(studio: Studio) -> None:
    fox = await studio.ask("a fox")
    answer = await studio.edit(fox, "black and white, flip it and add a red frame")
    assert "Done: black and white, mirrored left to right, added a red frame." in (
        answer.content.text
    )
    art = await studio.art(answer)
    assert art.getpixel((0, 0)) == ImageColor.getrgb(COLOURS["red"])
    middle = art.crop((200, 200, 800, 800))
    assert not any(distance_of_channels(middle))
    before = ImageOps.mirror(ImageOps.grayscale(await studio.art(fox))).convert("RGB")
    assert middle.tobytes() == before.crop((200, 200, 800, 800)).tobytes()


@pytest.mark.parametrize(
    ("words", "box"),
    [
        ("top left", (0, 0, 256, 256)),
        ("top right", (256, 0, 512, 256)),
        ("bottom left", (0, 200, 256, 512)),
        ("middle", (150, 100, 362, 362)),
    ],
)
async def test_an_added_shape_is_where_it_was_said(
    studio: Studio, words: str, box: tuple[int, int, int, int]
) -> None:
    plain = studio.upload(png(Image.new("RGB", (512, 512), "#808080")))
    answer = await studio.ask(f"add a lime star in the {words}", files=[plain], image_size="0.5K")
    art = await studio.art(answer)
    assert _count(art, COLOURS["lime"]) == _count(art.crop(box), COLOURS["lime"]) > 100


async def test_a_scarf_goes_round_the_neck_of_the_first_animal(studio: Studio) -> None:
    fox = await studio.ask("a fox")
    answer = await studio.edit(fox, "add a blue scarf")
    changed = ImageChops.difference(await studio.art(answer), await studio.art(fox)).getbbox()
    assert changed is not None
    left, top, right, bottom = changed
    assert 300 < left < right < 724
    assert 500 < top < bottom < 820


async def test_text_is_written_into_the_picture_and_missing_letters_are_named(
    studio: Studio,
) -> None:
    plain = studio.upload(png(Image.new("RGB", (512, 512), "#808080")))
    answer = await studio.ask('write "Hi" at the top', files=[plain], image_size="0.5K")
    art = await studio.art(answer)
    assert _count(art, "#ffffff") == _count(art.crop((0, 0, 512, 160)), "#ffffff") > 100
    other = await studio.ask('add text "Ça va 猫"', files=[plain], image_size="0.5K")
    assert 'wrote "Ca va" (the demo has no letters for 猫)' in other.content.text
    long = await studio.ask(f'write "{"very long " * 60}"', files=[plain], image_size="0.5K")
    assert (await studio.picture(long)).size == (512, 512)
