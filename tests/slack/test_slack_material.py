"""Pictures and files that people send, or that stand in the thread to which the bot is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.media import corpus
from tests.slack.harness import Thread, running
from tests.slack.speaking import all_acknowledged, asked, mention, settled
from tests.standins.slack import Fault, SlackFile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin
    from tests.standins.slack.values import Json

PNG, JPEG, WEBP = "image/png", "image/jpeg", "image/webp"


@pytest.fixture(autouse=True)
def _quick(slack: SlackStandin) -> None:
    slack.knobs.share_after = slack.knobs.processed_after = 0


def picture(mime_type: str, **more: Any) -> SlackFile:  # noqa: ANN401 - fields of SlackFile
    """A picture whose type tells it from others."""
    form = mime_type.rpartition("/")[2]
    return SlackFile(name=f"a.{form}", data=corpus.encoded(form), mimetype=mime_type, **more)


def sent(gemini: GeminiStandin, call: int) -> list[list[str]]:
    """The words, and the types of files, of each content of a call."""
    return [
        [part.get("text") or part["inlineData"]["mimeType"] for part in content["parts"]]
        for content in gemini.calls[call].body["contents"]
    ]


def remarks(message: Json) -> list[str]:
    """The lines in small letters of an answer, without its last, the footer."""
    lines = [
        block["elements"][0]["text"] for block in message["blocks"] if block["type"] == "context"
    ]
    return [line.replace("\u200a", "") for line in lines[:-1]]


async def test_every_file_of_a_message_is_material_once_and_what_is_no_use_is_named(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    slack.knobs.app_mention_first = way == "http"
    files = [
        picture(PNG),
        SlackFile(name="b.heic", data=corpus.heic(), mimetype="image/heic"),
        SlackFile(name="c.gif", data=corpus.animation("GIF", 3), mimetype="image/gif"),
        SlackFile(name="d.pdf", data=corpus.pdf(), mimetype="application/pdf"),
        SlackFile(name="letter.zip", data=b"PK\3\4" + bytes(60), mimetype="application/zip"),
        SlackFile(name="huge.webp", data=bytes(50_000_001), mimetype=WEBP),
        picture(WEBP, connect=True),
    ]
    async with running(tmp_path, slack, gemini, way):
        ts = await slack.say("general", "ann", f"{mention(slack)} mix these", files=files)
        thread = Thread(slack, "general", ts)
        words = await thread.answered()
        await slack.say("general", "bob", "make it blue", thread_ts=ts)
        await slack.until(lambda: len(gemini.calls) == 2)
    first = ["mix these", PNG, JPEG, PNG, "application/pdf", WEBP]
    assert sent(gemini, 0) == [first]
    history, answer, reply = sent(gemini, 1)
    assert history == first
    assert answer[1] == JPEG
    assert reply == ["make it blue"]
    assert len(slack.calls("download")) == len(files)
    assert remarks(words) == [
        "Only the first frame of c.gif is used.",
        "letter.zip is a ZIP file, not a picture. Send PNG, JPEG, WebP, HEIC, GIF or PDF.",
        "huge.webp is larger than 50 MB. Make it smaller and send it again.",
    ]


async def test_a_file_without_words_is_painted_and_none_that_can_be_used_costs_nothing(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    direct = slack.direct("ann")
    text = SlackFile(name="notes.txt", data=b"a fox, please. " * 99, mimetype="text/plain")
    page = SlackFile(name="page.png", data=b"<!DOCTYPE html><html></html>")
    async with running(tmp_path, slack, gemini, way):
        alone = Thread(slack, direct, await slack.say(direct, "ann", "", files=[picture(PNG)]))
        await alone.answered()
        ts = await slack.say("general", "ann", f"{mention(slack)} like this", files=[text, page])
        told = await Thread(slack, "general", ts).told()
    assert sent(gemini, 0) in ([[PNG]], [["", PNG]])
    assert len(gemini.calls) == 1
    said = str(told["blocks"])
    assert "notes.txt" in said
    assert "page.png" in said


async def test_a_forwarded_message_brings_its_files_each_once_and_anew_when_it_is_said_again(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way):
        before = await slack.say("general", "bob", "our logo", files=[picture(PNG), picture(JPEG)])
        shared = slack.forwarded(slack.message("general", before))
        preview = {"title": "a page", "image_url": "https://example.com/x.png", "fields": []}
        ts = await slack.say(
            "general",
            "ann",
            f"{mention(slack)} on a mug",
            files=[picture(WEBP)],
            attachments=[shared, shared, preview],
        )
        await slack.say("general", "bob", "more like it", thread_ts=ts, attachments=[shared])
        await slack.until(lambda: len(gemini.calls) == 2)
    assert sent(gemini, 0) == [["on a mug", WEBP, PNG, JPEG]]
    assert sent(gemini, 1)[2] == ["more like it", PNG, JPEG]
    assert len(slack.calls("download")) == 5


# In a thread of other people's


async def test_a_mention_in_the_thread_of_others_is_about_the_pictures_there(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        root = await slack.say("general", "bob", "our logo", files=[picture(PNG)])
        await slack.say("general", "bob", "or that one", thread_ts=root, files=[picture(JPEG)])
        call = await slack.say("general", "ann", f"{mention(slack)} paint it", thread_ts=root)
        thread = Thread(slack, "general", root)
        await thread.answered()
        await slack.say("general", "bob", "make it blue", thread_ts=root)
        await slack.until(lambda: len(gemini.calls) == 2)
        assert (await asked(app, slack, "general", root))[0] == call
    assert sent(gemini, 0) == [["paint it", PNG]]
    assert [content[0] for content in sent(gemini, 1)[::2]] == ["paint it", "make it blue"]
    assert len(slack.calls("download")) == 1
    assert slack.messages("general")[1:] == []


async def test_the_newest_pictures_count_where_the_thread_begins_without_and_ones_own_first(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way):
        for own in ([], [picture(WEBP)]):
            root = await slack.say("general", "bob", "ideas?")
            await slack.say("general", "bob", "", thread_ts=root, files=[picture(JPEG)])
            await slack.say("general", "ann", "", thread_ts=root, files=[picture(PNG)])
            await slack.say("general", "ann", "nice", thread_ts=root)
            text = f"{mention(slack)} paint {len(own)}"
            await slack.say("general", "ann", text, thread_ts=root, files=own)
            await slack.say("general", "bob", "later", thread_ts=root, files=[picture(JPEG)])
            await Thread(slack, "general", root).answered()
    found = [sent(gemini, call) for call in range(len(gemini.calls))]
    assert [["paint 0", PNG]] in found
    assert [["paint 1", WEBP]] in found


async def test_while_slack_does_not_say_what_is_in_the_thread_the_mention_is_left_to_come_again(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    trouble, times = {"http": ("slow", 2), "socket": ("503", 6)}[way]  # for both events
    async with running(tmp_path, slack, gemini, way) as app:
        root = await slack.say("general", "bob", "our logo", files=[picture(PNG)])
        slack.plan(Fault(method="conversations.replies", kind=trouble, seconds=2.5, times=times))
        call = await slack.say("general", "ann", f"{mention(slack)} paint it", thread_ts=root)
        tried = slack.deliveries.sent[1:3]
        assert [delivery.acks[0].acked for delivery in tried] == [False, False]
        await Thread(slack, "general", root).answered()
        for delivery in tried:
            await delivery.ended.wait()
        assert await asked(app, slack, "general", root) == [call]
    assert all_acknowledged(slack)
    assert sent(gemini, 0) == [["paint it", PNG]]
    assert gemini.billed == 1


async def test_a_thread_that_slack_does_not_show_is_painted_in_without_its_pictures(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    slack.plan(Fault(method="conversations.replies", kind="error", error="missing_scope", times=0))
    async with running(tmp_path, slack, gemini, way):
        root = await slack.say("general", "bob", "our logo", files=[picture(PNG)])
        await slack.say("general", "ann", f"{mention(slack)} a fox", thread_ts=root)
        await Thread(slack, "general", root).answered()
    assert sent(gemini, 0) == [["a fox"]]


async def test_a_request_that_failed_does_not_take_the_pictures_of_the_thread_with_it(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way) as app:
        theirs = await slack.say("general", "bob", "our logo", files=[picture(PNG)])
        await slack.say("general", "ann", f"{mention(slack)} a mug --aspct 1:1", thread_ts=theirs)
        ours = await slack.say(
            "general", "ann", f"{mention(slack)} a cup --aspct 1:1", files=[picture(JPEG)]
        )
        for root, said in ((theirs, "a mug"), (ours, "a cup")):
            await settled(app, slack, "general", root)
            await slack.say("general", "ann", said, thread_ts=root)
        for root in (theirs, ours):
            await Thread(slack, "general", root).answered()
            assert len(await asked(app, slack, "general", root)) == 2
    assert sorted(sent(gemini, 0) + sent(gemini, 1)) == [["a cup", JPEG], ["a mug", PNG]]
