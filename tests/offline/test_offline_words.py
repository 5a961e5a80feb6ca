"""What the offline demo understands of plain words."""

from __future__ import annotations

import random

import pytest

from adapters.offline.edits import read_edits
from adapters.offline.icons import ICONS
from adapters.offline.words import COLOURS, NOUNS, Thing, read_scene


def done(prompt: str) -> tuple[str, ...]:
    return read_edits(prompt, random.Random(1)).done


def unknown(prompt: str) -> tuple[str, ...]:
    return read_edits(prompt, random.Random(1)).unknown


def test_every_noun_has_a_shape_and_there_are_a_dozen_colours() -> None:
    assert set(NOUNS.values()) <= set(ICONS)
    assert len(COLOURS) >= 12


@pytest.mark.parametrize(
    ("prompt", "things"),
    [
        ("a red fox", [Thing(icon="fox", colour="red")]),
        ("two small cats", [Thing(icon="cat", count=2, scale=0.65)]),
        ("foxes", [Thing(icon="fox", count=3)]),
        ("a forest", [Thing(icon="tree", count=5)]),
        ("99 balloons", [Thing(icon="balloon", count=7)]),
        ("a star in the top left", [Thing(icon="star", where="top left")]),
        ("a blue house and a dog", [Thing(icon="house", colour="blue"), Thing(icon="dog")]),
        ("a house without trees", [Thing(icon="house")]),
        ("catastrophe", []),
    ],
)
def test_things_are_read_with_colour_number_size_and_place(
    prompt: str, things: list[Thing]
) -> None:
    assert list(read_scene(prompt).things) == things


def test_a_scene_tells_its_mood_its_loose_colours_and_what_it_does_not_know() -> None:
    scene = read_scene("a violin in purple snow at night")
    assert scene.moods == {"snow", "night"}
    assert scene.colours == ("purple",)
    assert scene.unknown == ("violin",)


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("brighter", ["brighter"]),
        ("make it a bit darker, please", ["slightly darker"]),
        ("less bright", ["darker"]),
        ("it is too dark", ["brighter"]),
        ("much warmer and more contrast", ["much warmer", "more contrast"]),
        ("lower the contrast", ["less contrast"]),
        ("cooler", ["cooler"]),
        ("sharpen it", ["sharper"]),
        ("make it blurry", ["blurrier"]),
        ("more colourful", ["more vivid"]),
        ("make it blue", ["tinted blue"]),
        ("bluer", ["slightly tinted blue"]),
        ("a touch of gold", ["slightly tinted gold"]),
        ("black & white", ["black and white"]),
        ("sepia", ["sepia"]),
        ("invert", ["inverted"]),
        ("flip it", ["mirrored left to right"]),
        ("mirror horizontally", ["mirrored left to right"]),
        ("flip the picture vertically", ["flipped upside down"]),
        ("turn it upside down", ["flipped upside down"]),
        ("rotate left", ["rotated left"]),
        ("rotate it by 180 degrees", ["rotated by 180 degrees"]),
        ("rotate left by 90 degrees", ["rotated left"]),
        ("turn it to the right", ["rotated right"]),
        ("zoom in", ["zoomed in"]),
        ("zoom out", ["zoomed out"]),
        ("pixel art", ["pixelated"]),
        ("crop to 16:9", ["cropped to 16:9"]),
        ("make it square", ["cropped to 1:1"]),
        ("make it night", ["made it night"]),
        ("let it snow", ["let it snow"]),
        ("add a thick red frame", ["added a red frame"]),
        ("add a border in gold", ["added a gold frame"]),
        ("add a star", ["added a star"]),
        ("add a red star and two blue moons", ["added a red star", "added 2 blue moons"]),
        ("give it an orange hat", ["added an orange hat"]),
        ("add the text 'Hi there' at the top", ['wrote "Hi there"']),
        ("write Hello world", ['wrote "Hello world"']),
        ("add a caption that says Hello, then brighter", ['wrote "Hello"', "brighter"]),
    ],
)
def test_each_edit_is_understood_in_plain_words(prompt: str, said: list[str]) -> None:
    assert list(done(prompt)) == said
    assert not unknown(prompt)


def test_words_inside_quotes_are_no_edits() -> None:
    assert done('add text "make it blue and brighter"') == ('wrote "make it blue and brighter"',)


def test_edits_stay_in_the_order_in_which_they_were_said() -> None:
    assert done("add a star, then flip it, then make it darker") == (
        "added a star",
        "mirrored left to right",
        "darker",
    )


def test_what_is_spoken_of_as_there_already_is_not_drawn_but_named() -> None:
    assert done("make the fox blue") == ("tinted blue",)
    assert unknown("make the fox blue") == ("fox",)
    assert not done("remove a tree")
    assert set(unknown("remove a tree")) == {"remove", "tree"}
    assert done("remove the tree and add a star") == ("added a star",)


def test_a_colour_to_be_lessened_is_not_understood() -> None:
    assert not done("less blue")
    assert unknown("less blue") == ("less", "blue")


def test_unknown_words_are_named_once_in_any_language() -> None:
    assert unknown("make it pop, pop, 猫を大きく") == ("pop", "猫を大きく")
