from __future__ import annotations

from typing import TYPE_CHECKING

from tests.slack.harness import Thread, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin


async def test_a_mention_is_answered_in_its_thread_and_a_reply_refines(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way):
        ts = await slack.say("general", "ann", f"<@{slack.bot_user}> a fox")
        thread = Thread(slack, "general", ts)
        await thread.answered()
        assert len(thread.pictures) == 1
        await slack.say("general", "bob", "make it night", thread_ts=ts)
        await thread.answered(2)
    assert len(thread.pictures) == 2
    assert gemini.billed == 2


async def test_a_command_begins_a_thread(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    async with running(tmp_path, slack, gemini, way):
        ack = await slack.command("general", "ann", "/imagine", "a fox --ar 16:9")
        assert ack.acked
        await slack.until(lambda: slack.messages("general"))
        root = slack.messages("general")[0]
        thread = Thread(slack, "general", root["ts"])
        await thread.answered()
    assert len(thread.pictures) == 1
