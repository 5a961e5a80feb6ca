"""What a conversation sends: the right path, verbatim, whatever befalls it."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from bot.conversation import TurnRef, TurnState
from tests.core.harness import running_bot
from tests.standins.gemini import Fault
from tests.standins.pictures import png

if TYPE_CHECKING:
    from pathlib import Path

    from bot.conversation import Turn
    from tests.standins.gemini import GeminiStandin


def texts(body: dict[str, Any]) -> list[str]:
    """The words of each user content of a request."""
    return [
        " ".join(part["text"] for part in content["parts"] if "text" in part)
        for content in body["contents"]
        if content["role"] == "user"
    ]


def signed_parts(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Every signature that went out, with what its part holds."""
    found = []
    for content in body["contents"]:
        for part in content["parts"]:
            signature = part.get("thoughtSignature")
            if signature:
                held = part["inlineData"]["sha256"] if "inlineData" in part else part["text"]
                found.append((held, signature["sha256"]))
    return found


async def test_twelve_edits_with_an_upload_and_a_branch_send_the_right_path_verbatim(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    logo = png(40, 30, "logo")
    turns: list[Turn] = []
    async with running_bot(tmp_path, gemini) as bot:
        for number in range(1, 13):
            parent = TurnRef(turn=turns[2].id) if number == 8 else None
            files = {"logo.png": logo} if number == 5 else {}
            turn, _ = await bot.paint(f"step {number}", branch=parent, files=files)
            turns.append(turn)
    assert [request.error for request in gemini.requests] == [""] * 12
    assert gemini.billed == 12
    paths = [texts(request.body) for request in gemini.requests]
    assert paths[6] == [f"step {n}" for n in (1, 2, 3, 4, 5, 6, 7)]
    assert paths[7] == [f"step {n}" for n in (1, 2, 3, 8)]
    assert paths[11] == [f"step {n}" for n in (1, 2, 3, 8, 9, 10, 11, 12)]
    with_logo = {
        number: [
            part["inlineData"]["sha256"]
            for content in request.body["contents"]
            for part in content["parts"]
            if "inlineData" in part and content["role"] == "user"
        ]
        for number, request in enumerate(gemini.requests, 1)
    }
    digest = hashlib.sha256(logo).hexdigest()
    assert with_logo == {n: [digest] if n in {5, 6, 7} else [] for n in range(1, 13)}
    # The stand-in refuses any signature that is not on its own part; count that none was left out.
    assert [len(signed_parts(request.body)) for request in gemini.requests] == [
        2 * (len(path) - 1) for path in paths
    ]
    assert signed_parts(gemini.requests[11].body)[:6] == signed_parts(gemini.requests[3].body)


async def test_twenty_threads_at_once_stay_apart(tmp_path: Path, gemini: GeminiStandin) -> None:
    async def talk(name: str) -> None:
        for step in ("first", "second", "third"):
            await bot.paint(f"{name} {step}", thread=name, author=name)

    async with running_bot(tmp_path, gemini) as bot:
        await asyncio.gather(*(talk(f"thread{n}") for n in range(20)))
    assert gemini.billed == 60
    assert [request.error for request in gemini.requests] == [""] * 60
    for request in gemini.requests:
        path = texts(request.body)
        assert len({words.split()[0] for words in path}) == 1
        assert [words.split()[1] for words in path] == ["first", "second", "third"][: len(path)]


async def test_an_edit_inherits_ratio_and_size_but_not_search_or_count(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        await bot.paint("a fox --ar 16:9 --size 2K --search --n 2")
        turn, _ = await bot.paint("at night")
    config = gemini.requests[-1].body["generationConfig"]
    assert config["imageConfig"] == {"aspectRatio": "16:9", "imageSize": "2K"}
    assert "tools" not in gemini.requests[-1].body
    assert turn.options.count is None


async def test_an_inherited_size_that_another_model_has_not_is_left_out(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        await bot.paint("a fox --size 0.5K --ar 1:4")
        turn, _ = await bot.paint("at night --model gemini-3-pro-image")
    assert turn.options.said() == {"model": "gemini-3-pro-image"}


async def test_the_smallest_size_is_written_as_each_provider_documents_it(
    tmp_path: Path, gemini: GeminiStandin, wisdom_gate: GeminiStandin
) -> None:
    for service, word in ((gemini, "512"), (wisdom_gate, "0.5K")):
        async with running_bot(tmp_path / service.provider, service) as bot:
            _, reply = await bot.paint("a fox --size 0.5K")
        config = service.requests[-1].body["generationConfig"]["imageConfig"]
        assert config["imageSize"] == word
        assert reply.notes == ()


async def test_another_size_than_asked_for_is_said(tmp_path: Path, gemini: GeminiStandin) -> None:
    gemini.plan(Fault(kind="other-size"))
    async with running_bot(tmp_path, gemini) as bot:
        _, reply = await bot.paint("a fox --size 2K --ar 16:9")
    assert len(reply.notes) == 1
    assert "but the service sent" in reply.notes[0]


async def test_four_pictures_are_four_calls_and_each_can_be_branched_from(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        turn, reply = await bot.paint("a fox --n 4")
        assert [picture.choice for picture in reply.pictures] == [0, 1, 2, 3]
        third = reply.pictures[2].blob.digest
        await bot.paint("at night", branch=TurnRef(turn=turn.id, choice=2))
        by_reply = bot.chat.replies[turn.id].pictures[1].blob.digest
        await bot.paint("at noon", reply_to=f"post-{turn.id}-1")
    assert gemini.billed == 6
    for request, digest in zip(gemini.requests[-2:], (third, by_reply), strict=True):
        model = request.body["contents"][1]
        assert [p["inlineData"]["sha256"] for p in model["parts"] if "inlineData" in p] == [digest]


async def test_when_some_of_several_pictures_fail_the_others_are_delivered(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.plan(Fault(kind="finish", reason="IMAGE_SAFETY"))
    async with running_bot(tmp_path, gemini) as bot:
        _, reply = await bot.paint("a fox --n 3")
    assert len(reply.pictures) == 2
    assert any(note.startswith("2 of 3 came out.") for note in reply.notes)


async def test_a_question_back_is_an_answer_and_the_conversation_goes_on(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.plan(Fault(kind="text-only"))
    async with running_bot(tmp_path, gemini) as bot:
        _, reply = await bot.paint("a fox")
        assert not reply.pictures
        assert reply.text
        await bot.paint("a red one")
    assert texts(gemini.requests[-1].body) == ["a fox", "a red one"]


async def test_another_model_in_mid_thread_gets_the_picture_as_user_material(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        await bot.paint("a fox")
        _, reply = await bot.paint("at night --model gemini-3-pro-image")
    body = gemini.requests[-1].body
    assert [content["role"] for content in body["contents"]] == ["user"]
    assert any("inlineData" in part for part in body["contents"][0]["parts"])
    assert reply.model == "gemini-3-pro-image"
    assert gemini.requests[-1].error == ""


async def test_a_refused_signature_makes_the_contents_be_rebuilt_once(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        await bot.paint("a fox")
    async with running_bot(tmp_path, gemini) as bot:
        gemini.plan(Fault(kind="error", status=400, message="Corrupted thought signature."))
        await bot.paint("at night")
    first, second = gemini.requests[-2:]
    assert first.status == 400
    assert second.error == ""
    assert [content["role"] for content in second.body["contents"]] == ["user"]
    assert gemini.billed == 2


async def test_a_request_too_large_for_the_gateway_is_sent_once_more_with_a_shorter_history(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        for step in range(4):
            await bot.paint(f"step {step}")
        gemini.plan(Fault(kind="error", status=413))
        turn, _ = await bot.paint("step 4")
    long, short = gemini.requests[-2:]
    assert long.status == 413
    assert len(short.body["contents"]) < len(long.body["contents"])
    assert turn.state is TurnState.DONE


async def test_a_history_over_the_limit_is_cut_and_the_person_is_told_once(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        notes: list[str] = []
        for step in range(17):
            _, reply = await bot.paint(f"step {step} --size 0.5K")
            notes += reply.notes
    assert [request.error for request in gemini.requests] == [""] * 17
    assert len([note for note in notes if "longer than the model can look at" in note]) == 1
    assert texts(gemini.requests[-1].body)[-1].startswith("step 16")


async def test_grounding_sources_and_suggestions_come_with_the_answer(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    async with running_bot(tmp_path, gemini) as bot:
        _, reply = await bot.paint("a timareta butterfly --search")
    assert gemini.requests[0].body["tools"] == [{"googleSearch": {}}]
    assert reply.sources
    assert reply.suggestions
    assert reply.usage.searches


async def test_what_the_operator_set_goes_out_with_every_request(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    settings = {
        "THREADPAINT_SYSTEM_INSTRUCTION": "Our house style is woodcut.",
        "THREADPAINT_SAFETY_THRESHOLD": "BLOCK_ONLY_HIGH",
        "THREADPAINT_ASPECT_RATIO": "4:3",
        "THREADPAINT_THINKING": "high",
    }
    async with running_bot(tmp_path, gemini, **settings) as bot:
        await bot.paint("a fox")
        await bot.paint("at night --ar 1:1 --no-text")
    first, second = (request.body for request in gemini.requests)
    for body in (first, second):
        assert body["systemInstruction"]["parts"] == [{"text": "Our house style is woodcut."}]
        assert {each["threshold"] for each in body["safetySettings"]} == {"BLOCK_ONLY_HIGH"}
        assert body["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "high"
    assert first["generationConfig"]["imageConfig"] == {"aspectRatio": "4:3"}
    assert first["generationConfig"]["responseModalities"] == ["TEXT", "IMAGE"]
    assert second["generationConfig"]["imageConfig"] == {"aspectRatio": "1:1"}
    assert second["generationConfig"]["responseModalities"] == ["IMAGE"]
