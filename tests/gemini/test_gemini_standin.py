"""Whole turns against the strict stand-in: what is asked, answered, kept and replayed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import pytest

from bot.conversation import BlobPart, Content, Contents, Generation, Outcome, TextPart
from bot.errors import KeyRejected, ModelGone, OutcomeUnknown, SignatureRefused
from bot.options import RATIOS, GenerationOptions
from tests.gemini.support import WORKSPACE, Caller, ask, caller, load, store
from tests.standins.gemini import Behaviour, Fault, GeminiStandin
from tests.standins.pictures import jpeg, measure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.standins.gemini_rules import Provider

    Framing = Literal["length", "chunked", "close"]
    Wrap = Literal["", "list", "nested", "html"]


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiStandin]:
    async with GeminiStandin() as standin:
        yield standin
        assert standin.remarks == []


@pytest.fixture
async def using(gemini: GeminiStandin, tmp_path: Path) -> AsyncIterator[Caller]:
    async with caller(gemini.url, tmp_path, key=gemini.key) as using:
        yield using


async def turn(
    using: Caller,
    folder: Path,
    contents: Contents | None = None,
    options: GenerationOptions | None = None,
) -> Generation:
    using.sink.restart()
    answer = folder / "a.answer"
    answer.write_bytes(await using.call(contents, options))
    return await using.model.read(answer, WORKSPACE)


def reply_to(contents: Contents, generation: Generation, words: str) -> Contents:
    """Go on with the conversation, the model's content as it came."""
    user = Content(role="user", parts=(TextPart(text=words),))
    return replace(contents, contents=(*contents.contents, generation.content, user))


async def test_three_turns_replay_every_signature_on_its_own_part(
    gemini: GeminiStandin, using: Caller, tmp_path: Path
) -> None:
    contents = ask(
        "a red fox in snow", store(using.blobs, jpeg(64, 64), "image/jpeg"), system="Be kind."
    )
    for words in ("add a scarf", "make it night", "the end"):
        generation = await turn(using, tmp_path, contents, GenerationOptions(thinking="high"))
        assert generation.outcome is Outcome.ANSWER
        contents = reply_to(contents, generation, words)

    assert gemini.billed == 3
    model_parts = gemini.calls[-1].body["contents"][1]["parts"]
    assert all("thoughtSignature" in part for part in model_parts)


@pytest.mark.parametrize(
    "behaviour",
    [
        {"snake_case": True},
        {"escaped": True},
        {"url_safe": True, "unpadded": True},
        {"pretty": True, "data_first": True},
        {"chunked": True},
        {"signature_chars": 1_500_000},
    ],
)
async def test_every_way_to_write_an_answer_can_be_read_and_replayed(
    gemini: GeminiStandin, using: Caller, tmp_path: Path, behaviour: dict[str, Any]
) -> None:
    gemini.behave(**behaviour)
    contents = ask("a fox")

    first = await turn(using, tmp_path, contents)
    second = await turn(using, tmp_path, reply_to(contents, first, "bluer"))

    for generation in (first, second):
        [blob] = generation.content.pictures
        assert (blob.width, blob.height) == measure(load(using.blobs, blob)) == (1024, 1024)


@pytest.mark.parametrize("ratio", RATIOS)
async def test_every_ratio_is_taken(
    gemini: GeminiStandin, using: Caller, tmp_path: Path, ratio: str
) -> None:
    generation = await turn(
        using, tmp_path, None, GenerationOptions(aspect_ratio=ratio, image_size="0.5K")
    )

    [blob] = generation.content.pictures
    assert blob.width
    assert blob.height
    assert max(blob.width, blob.height) < 1600


@pytest.mark.parametrize("provider", ["google", "wisdom-gate"])
@pytest.mark.parametrize("size", ["0.5K", "1K", "2K"])
async def test_every_size_is_taken_by_each_provider(
    tmp_path: Path, provider: Provider, size: str
) -> None:
    async with (
        GeminiStandin(provider=provider) as gemini,
        caller(gemini.url, tmp_path, key=gemini.key, provider=provider) as using,
    ):
        generation = await turn(using, tmp_path, None, GenerationOptions(image_size=size))

        assert generation.content.pictures[0].width == {"0.5K": 512, "1K": 1024, "2K": 2048}[size]
        assert gemini.remarks == []


@pytest.mark.parametrize("model", ["gemini-2.5-flash-image", "gemini-3-pro-image"])
async def test_other_models_are_asked_in_their_own_way(
    gemini: GeminiStandin, using: Caller, tmp_path: Path, model: str
) -> None:
    generation = await turn(using, tmp_path, None, GenerationOptions(model=model, image_size="1K"))

    assert generation.model_version == model
    assert gemini.calls[0].path.endswith(f"/{model}:generateContent")


async def test_search_brings_sources_suggestions_and_counts(
    gemini: GeminiStandin, using: Caller, tmp_path: Path
) -> None:
    generation = await turn(
        using, tmp_path, ask("a timareta"), GenerationOptions(image_search=True)
    )

    assert {source.kind for source in generation.sources} == {"web", "image"}
    assert [suggestion.text for suggestion in generation.suggestions] == ["a timareta"]
    assert generation.usage.searches == 2
    assert generation.usage.tool_prompt == 20


async def test_a_picture_alone_can_be_asked_for(
    gemini: GeminiStandin, using: Caller, tmp_path: Path
) -> None:
    generation = await turn(using, tmp_path, None, GenerationOptions(text=False))

    assert generation.content.text == ""
    assert generation.content.pictures


async def test_the_usage_adds_up(gemini: GeminiStandin, using: Caller, tmp_path: Path) -> None:
    usage = (await turn(using, tmp_path, None, GenerationOptions(image_size="2K"))).usage

    assert usage.output_image == 1680
    assert usage.total == usage.prompt + usage.output + usage.thoughts


@pytest.mark.parametrize(
    ("fault", "outcome", "pictures"),
    [
        (Fault(kind="blocked", reason="PROHIBITED_CONTENT"), Outcome.REFUSED, 0),
        (Fault(kind="finish", reason="IMAGE_SAFETY", message="Blood."), Outcome.REFUSED, 0),
        (Fault(kind="finish", reason="NO_IMAGE"), Outcome.AGAIN, 0),
        (Fault(kind="finish", reason="MAX_TOKENS"), Outcome.FAILED, 0),
        (Fault(kind="finish", reason="TOO_MANY_TOOL_CALLS"), Outcome.AGAIN_WITHOUT_SEARCH, 0),
        (Fault(kind="missing-signature"), Outcome.REBUILD, 0),
        (Fault(kind="no-parts"), Outcome.AGAIN, 0),
        (Fault(kind="no-content"), Outcome.AGAIN, 0),
        (Fault(kind="no-candidates"), Outcome.AGAIN, 0),
        (Fault(kind="empty-candidates"), Outcome.AGAIN, 0),
        (Fault(kind="empty-text"), Outcome.AGAIN, 0),
        (Fault(kind="broken-picture"), Outcome.AGAIN, 0),
        (Fault(kind="text-only"), Outcome.ANSWER, 0),
        (Fault(kind="thought-only"), Outcome.ANSWER, 1),
        (Fault(kind="two-images"), Outcome.ANSWER, 2),
        (Fault(kind="three-images"), Outcome.ANSWER, 3),
        (Fault(kind="unsigned"), Outcome.ANSWER, 1),
        (Fault(kind="mislabelled"), Outcome.ANSWER, 1),
        (Fault(kind="huge-text"), Outcome.ANSWER, 1),
        (Fault(kind="data-uri"), Outcome.ANSWER, 1),
        (Fault(kind="slow", seconds=0.1), Outcome.ANSWER, 1),
        (Fault(kind="drip", seconds=0.2), Outcome.ANSWER, 1),
    ],
    ids=lambda value: f"{value.kind} {value.reason}" if isinstance(value, Fault) else "",
)
async def test_every_answer_has_its_outcome(  # noqa: PLR0917 - fixtures and a row of the table
    gemini: GeminiStandin,
    using: Caller,
    tmp_path: Path,
    fault: Fault,
    outcome: Outcome,
    pictures: int,
) -> None:
    gemini.plan(fault)

    generation = await turn(using, tmp_path)

    assert generation.outcome is outcome
    assert len(generation.content.pictures) == pictures
    assert bool(generation.reason) == (outcome is not Outcome.ANSWER)
    assert all(
        blob.mime_type == "image/jpeg" or fault.kind == "data-uri"
        for blob in generation.content.pictures
    )


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_a_cut_answer_is_paid_once_and_never_read(
    gemini: GeminiStandin, using: Caller, tmp_path: Path, framing: Framing
) -> None:
    gemini.plan(Fault(kind="cut", framing=framing, times=0))

    with pytest.raises(OutcomeUnknown):
        await turn(using, tmp_path)

    assert len(gemini.calls) == 1


@pytest.mark.parametrize("kind", ["disconnect", "refuse"])
async def test_a_lost_connection_is_paid_at_most_once(
    gemini: GeminiStandin, using: Caller, kind: str
) -> None:
    gemini.plan(Fault(kind=kind, times=0))

    with pytest.raises(OutcomeUnknown):
        await using.call()

    assert len(gemini.calls) == 1


@pytest.mark.parametrize("wrap", ["", "list", "nested", "html"])
async def test_an_overloaded_service_is_waited_for_in_whatever_form_it_says_so(
    gemini: GeminiStandin, using: Caller, tmp_path: Path, wrap: Wrap
) -> None:
    gemini.plan(Fault(kind="error", status=503, wrap=wrap, times=2))

    generation = await turn(using, tmp_path)

    assert generation.outcome is Outcome.ANSWER
    assert gemini.billed == 1
    assert using.waits == [2, 6]


async def test_a_rate_limit_is_waited_for_as_told(
    gemini: GeminiStandin, using: Caller, tmp_path: Path
) -> None:
    gemini.plan(Fault(kind="retry-info", seconds=30), Fault(kind="retry-after", seconds=9))

    await turn(using, tmp_path)

    assert using.waits == [30.5, 9.5]


async def test_a_foreign_signature_is_known_as_such(
    gemini: GeminiStandin, using: Caller, tmp_path: Path
) -> None:
    contents = ask("a fox")
    generation = await turn(using, tmp_path, contents)
    foreign = store(using.blobs, b"QUJD" * 300, "text/plain")
    parts = tuple(replace(part, signature=foreign) for part in generation.content.parts)
    altered = replace(generation, content=replace(generation.content, parts=parts))

    with pytest.raises(SignatureRefused):
        await turn(using, tmp_path, reply_to(contents, altered, "bluer"))


async def test_an_unsigned_picture_is_known_as_such(
    gemini: GeminiStandin, using: Caller, tmp_path: Path
) -> None:
    contents = ask("a fox")
    generation = await turn(using, tmp_path, contents)
    parts = tuple(
        replace(part, signature=None) if isinstance(part, BlobPart) else part
        for part in generation.content.parts
    )
    altered = replace(generation, content=replace(generation.content, parts=parts))

    with pytest.raises(SignatureRefused):
        await turn(using, tmp_path, reply_to(contents, altered, "bluer"))


async def test_the_service_is_found_alive(gemini: GeminiStandin, using: Caller) -> None:
    await using.model.probe()

    assert gemini.billed == 0


async def test_a_retired_model_is_found_out_and_a_living_one_named(tmp_path: Path) -> None:
    retired = ("gemini-3.1-flash-image", "gemini-nano-banana-2.1")
    async with (
        GeminiStandin(behaviour=Behaviour(retired=retired)) as gemini,
        caller(gemini.url, tmp_path, key=gemini.key) as using,
    ):
        with pytest.raises(ModelGone, match="GEMINI_MODEL=gemini-3-pro-image"):
            await using.model.probe()
        with pytest.raises(ModelGone, match="GEMINI_MODEL"):
            await using.call()


async def test_a_wrong_key_is_named_by_its_variable(gemini: GeminiStandin, tmp_path: Path) -> None:
    async with caller(gemini.url, tmp_path, key="wrong") as using:
        for attempt in (using.model.probe(), using.call()):
            with pytest.raises(KeyRejected, match="GEMINI_API_KEY"):
                await attempt


async def test_many_calls_at_once_all_come_back(
    gemini: GeminiStandin, using: Caller, tmp_path: Path
) -> None:
    gemini.hold()
    sinks = [type(using.sink)() for _ in range(50)]
    calls = [
        asyncio.create_task(
            using.model.call(ask(f"fox {n}"), GenerationOptions(image_size="0.5K"), sink, print)
        )
        for n, sink in enumerate(sinks)
    ]
    await gemini.until_waiting(50)
    gemini.release()
    await asyncio.gather(*calls)

    assert len({sink.data for sink in sinks}) == 50
    assert gemini.billed == 50
