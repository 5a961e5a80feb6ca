"""Pictures on their way to Slack: late shares, lost ones, what stands in, what is too large."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import aiohttp
import pytest
from PIL import Image

from adapters.slack import sending
from adapters.slack.values import Shared
from bot.chat import Reply
from bot.errors import DeliveryError
from tests.slack.memory import Stage
from tests.standins.pictures import jpeg, picture, png, sniff
from tests.standins.slack import Fault, SlackStandin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path
    from typing import Any

COMPLETE = "files.completeUploadExternal"


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandin]:
    async with SlackStandin() as slack:
        yield slack
        assert slack.complaints == []


@pytest.fixture
async def stage(slack: SlackStandin, tmp_path: Path) -> AsyncIterator[Stage]:
    async with aiohttp.ClientSession() as session:
        stage = Stage(slack, tmp_path, session)
        await stage.begin()
        yield stage


def event(stage: Stage, message: dict[str, Any]) -> Shared:
    """Make what the message event of a share is read as."""
    return Shared(
        team=stage.slack.team,
        channel=message["channel"],
        ts=message["ts"],
        thread_ts=message["thread_ts"],
        files=tuple(file["id"] for file in message["files"]),
    )


def blocks(stage: Stage) -> list[dict[str, Any]]:
    """List the blocks of all our messages."""
    return [block for message in stage.messages() for block in message.get("blocks", [])]


def image_blocks(stage: Stage) -> list[dict[str, Any]]:
    return [block for block in blocks(stage) if block["type"] == "image"]


async def share_late(stage: Stage, channel: str = "") -> dict[str, Any]:
    """Let Slack share what it never did, and return the message."""
    world, place = stage.slack.world, stage.slack.world.channels[channel or stage.channel]
    files = [file for file in world.files.values() if not file.shares]
    shown: dict[str, Any] = {
        "thread_ts": stage.thread,
        "text": "",
        "files": [{"id": file.id} for file in files],
    }
    message = world.post(place, world.bot_message(shown))
    for file in files:
        world.share(file, place, message)
    return message


async def test_words_wait_for_a_share_that_takes_seconds(stage: Stage, slack: SlackStandin) -> None:
    slack.knobs.share_after = 0.12  # of the 0.17 s that are waited
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn))
    pictures, words = stage.messages()
    assert pictures["files"]
    assert words["metadata"]["event_payload"]["turn"] == turn.id


async def test_the_description_goes_into_the_title_and_never_into_alt_txt(
    stage: Stage, slack: SlackStandin
) -> None:
    turn = stage.turn()
    alt_text = "A fox, see https://evil.example <!channel>. " * 20
    shown = stage.picture(turn, png(8, 8), alt_text=alt_text)
    await stage.courier().deliver(turn, Reply(text="", pictures=(shown,)))
    [url_call] = slack.calls("files.getUploadURLExternal")
    assert set(url_call.arguments) == {"filename", "length"}
    [file] = slack.calls(COMPLETE)[0].arguments["files"]
    assert file["title"].startswith("A fox, see")
    assert len(file["title"]) < 300
    assert "https://evil" not in file["title"]
    assert file["highlight_type"] == "png"


async def test_pictures_are_sent_byte_for_byte_without_the_token(
    stage: Stage, slack: SlackStandin
) -> None:
    turn = stage.turn()
    data = [png(8, 8), jpeg(8, 8), picture(8, 8, "w", "WEBP")]
    pictures = tuple(stage.picture(turn, one) for one in data)
    await stage.courier().deliver(turn, Reply(text="", pictures=pictures))
    [message] = stage.with_files()
    assert stage.bytes_of(message) == data
    assert [call.token for call in slack.calls("upload")] == ["", "", ""]
    names = [slack.world.files[file["id"]].name for file in message["files"]]
    assert names == [f"threadpaint-{turn.id}-{n}" for n in ("1.png", "2.jpg", "3.webp")]


async def test_pictures_that_slack_never_shares_are_shown_as_blocks(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.knobs.share_after = None
    turn = stage.turn()
    reply = stage.reply(turn, 2)
    posts = await stage.courier().deliver(turn, reply)
    assert [block["slack_file"]["id"] for block in image_blocks(stage)] == list(slack.world.files)
    stand_in, words = stage.messages()
    assert [post.message_id.partition(":")[0] for post in posts] == [
        stand_in["ts"],
        stand_in["ts"],
        words["ts"],
    ]
    assert await stage.courier().deliver(turn, reply) == posts
    assert len(stage.messages()) == 2


async def test_pictures_that_no_block_can_show_are_linked(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.knobs.share_after = None
    slack.knobs.processed_after = 60
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn))
    [file] = slack.world.files.values()
    assert image_blocks(stage) == []
    assert slack.world.described(file)["permalink"] in str(blocks(stage))
    assert len(stage.messages()) == 2


async def test_a_webp_is_linked_at_once_since_blocks_do_not_show_it(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.knobs.share_after = None
    turn = stage.turn()
    shown = stage.picture(turn, picture(8, 8, "w", "WEBP"))
    await stage.courier().deliver(turn, Reply(text="", pictures=(shown,)))
    assert [call.error for call in slack.calls("chat.postMessage")] == ["", ""]
    [file] = slack.world.files.values()
    assert file.id in str(blocks(stage))


async def test_a_late_share_takes_the_place_of_what_stood_in(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.knobs.share_after = None
    turn = stage.turn()
    reply = stage.reply(turn, 2)
    await stage.courier().deliver(turn, reply)
    late = await share_late(stage)
    await stage.courier().adopt(event(stage, late))
    await stage.courier().adopt(event(stage, late))
    assert image_blocks(stage) == []
    assert [message["ts"] for message in stage.with_files()] == [late["ts"]]
    assert len(stage.words()) == 1
    posts = await stage.courier().deliver(turn, reply)
    assert posts[0].message_id == late["ts"]


async def test_a_late_share_is_found_by_the_next_delivery(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.knobs.share_after = None
    turn = stage.turn()
    reply = stage.reply(turn)
    await stage.courier().deliver(turn, reply)
    late = await share_late(stage)
    posts = await stage.courier().deliver(turn, reply)
    assert posts[0].message_id == late["ts"]
    assert image_blocks(stage) == []


async def test_a_share_between_the_last_look_and_the_stand_in_is_shown_once(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.knobs.share_after = None
    turn = stage.turn()
    courier = stage.courier()
    adopted: list[Shared] = []
    write = stage.journal.write

    async def write_and_share(kind: str, key: str, note: Mapping[str, Any]) -> None:
        if kind == "slack.file" and not adopted:
            adopted.append(event(stage, await share_late(stage)))
            await courier.adopt(adopted[0])
        await write(kind, key, note)

    stage.journal.write = write_and_share  # type: ignore[method-assign]
    posts = await courier.deliver(turn, stage.reply(turn))
    assert posts[0].message_id == adopted[0].ts
    assert image_blocks(stage) == []
    assert len(stage.messages()) == 2


async def test_a_share_in_another_channel_is_not_the_answer(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.knobs.share_after = None
    turn = stage.turn()
    reply = stage.reply(turn)
    posts = await stage.courier().deliver(turn, reply)
    elsewhere = await share_late(stage, slack.channel("studio"))
    await stage.courier().adopt(event(stage, elsewhere))
    assert await stage.courier().deliver(turn, reply) == posts
    assert len(image_blocks(stage)) == 1


async def test_the_shares_of_an_everyday_answer_change_nothing(stage: Stage) -> None:
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn))
    await stage.courier().adopt(event(stage, stage.with_files()[0]))
    assert len(stage.messages()) == 2


async def test_completing_is_not_repeated_within_a_minute(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.plan(Fault(method=COMPLETE, kind="drop-before"))
    turn = stage.turn()
    reply, courier = stage.reply(turn), stage.courier()
    for _ in range(3):
        with pytest.raises(DeliveryError) as unseen:
            await courier.deliver(turn, reply)
        assert not unseen.value.final
    assert len(slack.calls(COMPLETE)) == 1
    await stage.deliver(courier, turn, reply)
    assert len(slack.calls(COMPLETE)) == 2
    assert len(stage.with_files()) == len(stage.words()) == 1


async def test_files_that_slack_forgot_are_uploaded_anew(stage: Stage, slack: SlackStandin) -> None:
    slack.plan(Fault(method=COMPLETE, kind="drop-before"))
    slack.plan(Fault(method=COMPLETE, kind="error", error="file_not_found"))
    turn = stage.turn()
    await stage.deliver(stage.courier(), turn, stage.reply(turn))
    assert len(slack.calls("upload")) == 2
    assert len(stage.with_files()) == 1


@pytest.mark.parametrize("pixels", ["RGB", "RGBA"])
async def test_a_picture_that_is_too_large_comes_smaller_and_says_so(
    stage: Stage, slack: SlackStandin, monkeypatch: pytest.MonkeyPatch, pixels: str
) -> None:
    monkeypatch.setattr(sending, "SMALL_BYTES", 20_000)
    noise = Image.effect_noise((300, 300), 90).convert(pixels)
    file = io.BytesIO()
    noise.save(file, "PNG")
    slack.knobs.most_file_bytes = 20_000
    turn = stage.turn()
    large, fitting = stage.picture(turn, file.getvalue()), stage.picture(turn, png(8, 8))
    assert large.blob.size > 20_000
    reply = Reply(text="", pictures=(large, fitting))
    posts = await stage.courier().deliver(turn, reply)
    [message] = stage.with_files()
    small, original = stage.bytes_of(message)
    assert (sniff(small), len(small) <= 20_000) == ("image/jpeg", True)
    assert original == png(8, 8)
    assert "smaller copy" in str(blocks(stage))
    assert await stage.courier().deliver(turn, reply) == posts


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("storage_limit_reached", "free some space"),
        ("file_uploads_disabled", "ask an admin"),
        ("file_type_not_allowed", "not even JPEG"),
        ("missing_scope", "install it again"),
    ],
)
async def test_a_workspace_that_takes_no_files_is_told_so_once(
    stage: Stage, slack: SlackStandin, code: str, words: str
) -> None:
    slack.plan(
        Fault(method="files.getUploadURLExternal", kind="error", error=code, times=0),
    )
    turn = stage.turn()
    with pytest.raises(DeliveryError, match=words) as refused:
        await stage.courier().deliver(turn, stage.reply(turn))
    assert refused.value.final
    assert stage.messages() == []


async def test_files_of_a_closed_channel_do_not_stay_in_slack(
    stage: Stage, slack: SlackStandin
) -> None:
    slack.world.channels[stage.channel].archived = True
    turn = stage.turn()
    await stage.courier().deliver(turn, stage.reply(turn))
    shown = [file for message in stage.with_files(slack.direct("ann")) for file in message["files"]]
    assert len(shown) == 1
    assert len(slack.calls("files.delete")) == 1
