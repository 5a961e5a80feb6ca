"""Every magic prompt does what its line in the table says."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from adapters.offline.document import INTRO
from adapters.offline.label import art_size, unlabelled
from adapters.offline.magic import HELP, MAGIC, find
from bot.contents import fit
from bot.conversation import Content, Outcome, PastTurn, TextPart, TurnId
from bot.errors import (
    CallRejected,
    KeyRejected,
    ModelError,
    ModelGone,
    OutcomeUnknown,
    QuotaGone,
    ServiceBusy,
    SignatureRefused,
)
from bot.media import probe
from bot.options import GenerationOptions
from tests.offline.conftest import WORKSPACE, history_of

if TYPE_CHECKING:
    from tests.offline.conftest import Studio


def test_the_help_lists_every_magic_prompt_on_a_line_of_its_own() -> None:
    lines = HELP.splitlines()
    assert len(lines) == len(MAGIC)
    for name, line in zip(MAGIC, lines, strict=True):
        assert line.startswith(f"{name}: ")


@pytest.mark.parametrize("name", MAGIC)
def test_a_magic_prompt_may_stand_anywhere_in_the_words(name: str) -> None:
    for text in (f"{name} a fox", f"a {name.upper()} fox", f"a fox {name}"):
        spell = find(text)
        assert name in spell
        assert spell.prompt == "a fox"


@pytest.mark.parametrize("text", ["wow!429", "!429x", "!unknown", "!", "stop! cut it"])
def test_what_only_looks_like_magic_is_left_in_the_words(text: str) -> None:
    assert not find(text).names
    assert find(text).prompt == text


@pytest.mark.parametrize(
    ("name", "error", "waits", "notes"),
    [
        ("!429", ServiceBusy, [3], 1),
        ("!500", ServiceBusy, [2], 1),
        ("!503", ServiceBusy, [2, 6], 2),
        ("!cut", OutcomeUnknown, [], 0),
        ("!timeout", OutcomeUnknown, [10], 0),
        ("!key", KeyRejected, [], 0),
        ("!gone", ModelGone, [], 0),
        ("!quota", QuotaGone, [], 0),
    ],
)
async def test_errors_come_after_their_waits_and_leave_no_answer(
    studio: Studio, name: str, error: type[ModelError], waits: list[float], notes: int
) -> None:
    with pytest.raises(error) as raised:
        await studio.call(f"a fox {name}")
    assert type(raised.value) is error
    assert str(raised.value) == f"{INTRO} {MAGIC[name].words}"
    assert studio.waits == waits
    assert len(studio.notes) == notes
    assert await studio.spool.find("turn.0.0") is None


@pytest.mark.parametrize(
    ("name", "outcome", "finish_reason"),
    [
        ("!safety", Outcome.REFUSED, "IMAGE_SAFETY"),
        ("!prohibited", Outcome.REFUSED, "PROHIBITED_CONTENT"),
        ("!noimage", Outcome.AGAIN, "NO_IMAGE"),
    ],
)
async def test_a_refusal_is_an_answer_without_parts_and_with_a_reason(
    studio: Studio, name: str, outcome: Outcome, finish_reason: str
) -> None:
    generation = await studio.ask(f"{name} a fox")
    assert generation.outcome is outcome
    assert generation.finish_reason == finish_reason
    assert generation.reason == f"{INTRO} {MAGIC[name].words}"
    assert generation.content.parts == ()


async def test_textonly_asks_back(studio: Studio) -> None:
    generation = await studio.ask("!textonly a fox", text=False)
    assert generation.outcome is Outcome.ANSWER
    assert generation.content.text.endswith("?")
    assert not generation.content.pictures


async def test_two_brings_two_different_pictures(studio: Studio) -> None:
    generation = await studio.ask("a fox and a tree !two")
    first, second = generation.content.pictures
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("words", "seconds"), [("!slow 7", 7), ("!slow", 40), ("!slow 99999", 600), ("!slow 0", 0)]
)
async def test_slow_takes_its_time_and_then_paints(
    studio: Studio, words: str, seconds: int
) -> None:
    generation = await studio.ask(f"a fox {words}", image_size="0.5K")
    assert studio.waits == ([seconds] if seconds else [])
    assert not studio.notes
    assert generation.content.pictures
    assert find(f"a fox {words}").prompt == "a fox"


@pytest.mark.parametrize("other", ["", "!two", "!textonly"])
async def test_a_truncated_answer_cannot_be_read(studio: Studio, other: str) -> None:
    answer = await studio.call(f"a fox !truncate {other}")
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await studio.read(answer)


async def test_badpng_has_a_right_header_and_a_broken_body(studio: Studio) -> None:
    generation = await studio.ask("a fox !badpng")
    (blob,) = generation.content.pictures
    data = BytesIO(await studio.bytes_of(blob))
    media = probe(data)
    assert (media.mime_type, media.width, media.height) == ("image/png", blob.width, blob.height)
    with Image.open(data) as picture, pytest.raises(OSError, match="truncated"):
        picture.load()


async def test_a_broken_picture_cannot_be_edited(studio: Studio) -> None:
    broken = await studio.ask("a fox !badpng")
    with pytest.raises(CallRejected, match="cannot be opened"):
        await studio.edit(broken, "brighter")


async def test_hugefile_is_a_true_4k_picture_over_ten_megabytes(studio: Studio) -> None:
    generation = await studio.ask("!hugefile", image_size="0.5K", aspect_ratio="8:1")
    (blob,) = generation.content.pictures
    assert blob.size > 10_000_000
    assert (blob.width, blob.height) == (12288, 1536)
    picture = await studio.picture(generation)
    assert unlabelled(picture).size == art_size((12288, 1536))


async def test_size_answers_with_another_size_than_asked(studio: Studio) -> None:
    asked = await studio.ask("a fox !size", image_size="2K")
    default = await studio.ask("a fox !size")
    smallest = await studio.ask("a fox !size", image_size="0.5K")
    widths = [answer.content.pictures[0].width for answer in (asked, default, smallest)]
    assert widths == [512, 512, 1024]


async def test_grounded_brings_sources_and_suggestions_marked_as_examples(studio: Studio) -> None:
    generation = await studio.ask('a <b>"fox"</b> !grounded')
    assert generation.usage.searches == 1
    assert {source.kind for source in generation.sources} == {"web"}
    links = [source.url for source in generation.sources]
    links += [suggestion.url for suggestion in generation.suggestions]
    assert all(link.startswith("https://example.org/") for link in links)
    assert all("example" in source.title for source in generation.sources)
    assert len(generation.suggestions) == 2
    assert "<b>" not in generation.suggestions_html
    for suggestion in generation.suggestions:
        assert f'href="{suggestion.url}"' in generation.suggestions_html.replace("&amp;", "&")


async def test_search_options_ground_an_answer_too(studio: Studio) -> None:
    web = await studio.ask("a fox", web_search=True)
    assert web.sources
    images = await studio.ask("a fox", image_search=True)
    assert "image" in {source.kind for source in images.sources}
    assert images.usage.searches == 2
    plain = await studio.ask("a fox")
    assert (plain.sources, plain.suggestions, plain.suggestions_html) == ((), (), "")
    assert plain.usage.searches == 0


async def test_signature_refuses_history_but_takes_its_picture_as_material(
    studio: Studio,
) -> None:
    first = await studio.ask("a fox !signature")
    assert first.content.pictures
    user, model = history_of(first)
    past = PastTurn(id=TurnId("1"), user=user, model=model, backend="offline")
    asked = Content(role="user", parts=(TextPart(text="!signature black and white"),))
    profile = studio.model.profile(None)
    sent = [
        fit(
            workspace=WORKSPACE,
            system="",
            turns=[past],
            older=0,
            user=asked,
            profile=profile,
            backend=studio.model.backend,
            replay=replay,
        ).contents
        for replay in (True, False)
    ]
    with pytest.raises(SignatureRefused):
        await studio.send(sent[0], GenerationOptions())
    second = await studio.read(await studio.send(sent[1], GenerationOptions()))
    assert second.content.text.endswith("Done: black and white.")


async def test_old_magic_and_old_edits_do_not_come_back_with_the_history(studio: Studio) -> None:
    first = await studio.ask("a fox")
    _, model = history_of(first)
    user = Content(role="user", parts=(TextPart(text="!safety make it sepia"),))
    past = PastTurn(id=TurnId("1"), user=user, model=model, backend="another")
    own = studio.upload(await studio.bytes_of(first.content.pictures[0]))
    for parts in ((TextPart(text="brighter"),), (own,)):
        contents = fit(
            workspace=WORKSPACE,
            system="",
            turns=[past],
            older=0,
            user=Content(role="user", parts=parts),
            profile=studio.model.profile(None),
            backend=studio.model.backend,
        ).contents
        generation = await studio.read(await studio.send(contents, GenerationOptions()))
        assert generation.outcome is Outcome.ANSWER
        assert "sepia" not in generation.content.text.partition("The offline demo knows")[0]
