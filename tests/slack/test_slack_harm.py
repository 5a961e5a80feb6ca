"""What goes wrong before an answer is made: Slack, the disk, the network, people who harm.

The rows of facts/reliability.md 3.1 and 3.4, and what covers each for Slack:

same event 2-4 times, at once, later, after a restart
    test_slack_conversation (copies of a message, one gesture as two messages), test_slack_crash
message and app_mention in either order
    test_slack_conversation (a mention that comes as two events)
edits and deletions while queued; reply 2 before reply 1
    test_slack_conversation
ack slow, the database is locked
    here: a locked database, a database locked for long
disk full at accept
    here: a full disk; nobody can be told, since a command that is not saved is not acknowledged
own messages, other bots, message_changed, joins
    test_slack_events (payloads), test_slack_conversation (talk that does not concern the bot)
6 min offline, longer than 15 min
    here: away; test_slack_catchup, test_slack_conversation (while nobody listened)
reconnects, Slack down at the start
    here: the way to Slack; test_slack_run (a Slack that cannot be reached)
clock jumps
    test_slack_harm_out, tests/storage/test_ledger (midnight UTC)
one person floods
    here: a flood; tests/storage/test_claims
1,000 requests in 10 s
    here: a hundred people at once
budget race
    tests/storage/test_ledger
mentions, masked links, unfurls, in any field
    test_slack_text, test_slack_cards, test_slack_courier (nothing is unfurled)
bombs, polyglots, animated pictures, PDFs, EXIF
    tests/media
SSRF, redirects, login pages
    test_slack_downloads
instructions in a picture or page
    the model has no tools but search; test_slack_conversation (the bot's own words are not heard)
admin commands by others, forged buttons
    test_slack_controls (forged values, who may not ask), test_slack_words, test_slack_people
Slack Connect, threads of others
    test_slack_conversation (who may ask), test_slack_material
no secret leaves
    here: the log; tests/words/test_log, test_slack_downloads (the token goes to Slack only)
signatures (4.)
    here: only what Slack signed lately
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import sqlite3
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
from structlog.testing import capture_logs

from adapters.slack.actions import Action
from adapters.slack.parts import utc_now
from storage.turns import SqlTurnStore
from tests.slack.harness import Thread, running
from tests.slack.process import launched
from tests.slack.speaking import mention, prompts, turns_in
from tests.standins.gemini import Fault as Trouble
from tests.standins.pictures import png
from tests.standins.slack import Fault, SlackFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.serving import App
    from tests.standins.gemini import GeminiStandin
    from tests.standins.slack import SlackStandin


async def settled(slack: SlackStandin) -> None:
    """Wait until Slack delivers nothing any more."""
    await slack.until(lambda: all(one.ended.is_set() for one in slack.deliveries.sent))


# --- the storage ---------------------------------------------------------------------------------


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the database as another program would."""
    connection = sqlite3.connect(folder / "data" / "threadpaint.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


async def test_a_locked_database_makes_the_acknowledgement_late(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    async with running(tmp_path, slack, None, way) as app:
        with locked(tmp_path):
            saying = asyncio.create_task(slack.say("general", "ann", f"{mention(slack)} a fox"))
            await asyncio.sleep(1)
            assert not any(one.ack.acked for one in slack.deliveries.sent)
        ts = await saying
        await Thread(slack, "general", ts).answered()
        assert len(await turns_in(app, slack, "general", ts)) == 1
    gesture = slack.deliveries.sent[:2]
    assert [(one.ack.acked, one.attempts) for one in gesture] == [(True, 1)] * 2


async def test_a_database_locked_for_long_acknowledges_nothing_and_takes_the_next_delivery(
    tmp_path: Path, slack: SlackStandin, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.engine._WRITER", ("busy_timeout=300", "journal_mode=WAL"))
    slack.knobs.retry_waits, slack.knobs.ack_seconds = (0.2,) * 60, 0.6
    async with running(tmp_path, slack, None, way) as app:
        with locked(tmp_path):
            ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
            assert not any(one.ack.acked for one in slack.deliveries.sent)
        thread = Thread(slack, "general", ts)
        await thread.answered()
        await settled(slack)
        assert len(await turns_in(app, slack, "general", ts)) == 1
    assert len(thread.messages) == 2


async def limit_pages(app: App, most: int) -> None:
    """Let the database grow to so many pages at most; 1 is: not at all."""
    assert isinstance(app.store, SqlTurnStore)
    await app.store._database.write(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={most}"))


async def test_a_full_disk_acknowledges_nothing_and_loses_nothing(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    slack.knobs.retry_waits, slack.knobs.ack_seconds = (0.2,) * 60, 0.6
    long = "a fox " * 1_300
    async with running(tmp_path, slack, gemini, way) as app:
        await limit_pages(app, 1)
        ts = await slack.say("general", "ann", f"{mention(slack)} {long}")
        command = await slack.command("general", "bob", "/imagine", long)
        assert not any(one.ack.acked for one in slack.deliveries.sent)
        await limit_pages(app, 1_000_000)
        thread = Thread(slack, "general", ts)
        await thread.answered()
        await settled(slack)
        assert len(await turns_in(app, slack, "general", ts)) == 1
        again = await slack.command("general", "bob", "/imagine", long)
        await slack.until(lambda: len(slack.messages("general")) == 2)
    assert len(thread.messages) == 2
    assert not command.acked
    assert again.acked


# --- the way to Slack ----------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["refresh_requested", "warning", "link_disabled"])
async def test_after_a_disconnect_frame_the_bot_listens_on(
    tmp_path: Path, slack: SlackStandin, reason: str
) -> None:
    slack.knobs.retry_waits = (0.3,) * 60
    async with running(tmp_path, slack, None, "socket"):
        before = len(slack.calls("apps.connections.open"))
        await slack.disconnect(reason)
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await Thread(slack, "general", ts).answered()
        await slack.until(lambda: len(slack.calls("apps.connections.open")) > before)
        later = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await Thread(slack, "general", later).answered()
        await settled(slack)
    assert len(Thread(slack, "general", ts).messages) == 2
    assert len(Thread(slack, "general", later).messages) == 2


async def test_a_cut_connection_comes_back_and_nothing_is_lost(
    tmp_path: Path, slack: SlackStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.slack.platform._BEAT_SECONDS", 0.2)
    later = [timedelta()]
    monkeypatch.setattr("adapters.slack.platform.utc_now", lambda: utc_now() + later[0])
    async with running(tmp_path, slack, None, "socket"):
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        thread = Thread(slack, "general", ts)
        await thread.answered()
        slack.abort_sockets()
        await slack.until(lambda: not slack.connections)
        await asyncio.sleep(0.5)
        slack.knobs.retry_waits = ()
        await slack.say("general", "ann", "make it night", thread_ts=ts)
        slack.knobs.retry_waits = (0.5,) * 60
        later[0] = timedelta(minutes=6)
        other = await slack.say("general", "bob", f"{mention(slack)} a castle")
        await Thread(slack, "general", other).answered()
        await thread.answered(2)
        await settled(slack)
    assert len(Thread(slack, "general", other).messages) == 2
    assert len(thread.messages) == 4


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
async def test_slack_may_be_down_when_the_bot_starts(
    tmp_path: Path, slack: SlackStandin, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.slack.platform._FIRST_WAIT", 0.05)
    slack.plan(Fault(method=method, kind="503", times=3))
    with capture_logs() as log:
        async with running(tmp_path, slack, None, "socket"):
            ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
            await Thread(slack, "general", ts).answered()
    told = [line for line in log if "Slack cannot be reached" in str(line.get("error"))]
    assert len(told) == 3


async def post(slack: SlackStandin, body: bytes, **headers: str) -> tuple[int, str]:
    """Send something to the bot's web server as it is."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(slack.http_url, data=io.BytesIO(body), headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def test_only_what_slack_signed_lately_is_taken(tmp_path: Path, slack: SlackStandin) -> None:
    command = slack.command_payload(*slack._place("general", "ann"), "/imagine", "a fox")
    command["trigger_id"] = "1.2.3"
    event = slack.envelope({"type": "app_mention", "user": "U1"}, None)
    form = json.dumps(event).encode()
    async with running(tmp_path, slack, None, "http"):
        knock = slack.deliveries.knock
        assert await knock("slash_commands", command, secret="wrong") == 401
        assert await knock("slash_commands", command, secret="") == 401
        assert await knock("slash_commands", command, age=301) == 401
        assert await knock("slash_commands", command, age=-301) == 401
        assert await knock("interactive", {"type": "block_actions"}, secret="wrong") == 401
        assert await knock("events_api", event, secret="wrong") == 401
        assert (await post(slack, form, **{"content-type": "application/json"}))[0] == 401
        assert slack.messages("general") == []
        assert await knock("slash_commands", command) == 200
        await slack.until(lambda: slack.messages("general"))


async def test_slacks_own_questions_are_answered(tmp_path: Path, slack: SlackStandin) -> None:
    question = {"type": "url_verification", "challenge": "c4", "token": "v"}
    async with running(tmp_path, slack, None, "http"):
        body, headers = slack.deliveries.signed("events_api", question)
        status, text = await post(slack, body, **headers)
        assert (status, json.loads(text)) == (200, {"challenge": "c4"})
        body, headers = slack.deliveries.signed("events_api", question, secret="wrong")
        assert (await post(slack, body, **headers))[0] == 401
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert (await post(slack, b"ssl_check=1&token=v", **form))[0] == 200


async def test_a_payload_that_is_too_large_or_no_payload_at_all_is_refused(
    tmp_path: Path, slack: SlackStandin
) -> None:
    async with running(tmp_path, slack, None, "http"):
        kind = {"content-type": "application/json"}
        assert (await post(slack, b"x" * 2_000_000, **kind))[0] == 413
        for body in (b"", b"{", b"\xff\xfe", b"[1]", b'"x"', b"payload=%7B"):
            assert (await post(slack, body, **kind))[0] in {400, 401}
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        await Thread(slack, "general", ts).answered()


# --- away ----------------------------------------------------------------------------------------


def wake_later(monkeypatch: pytest.MonkeyPatch, minutes: float) -> None:
    """Let the next bot of this test believe that it is so much later."""
    monkeypatch.setattr(
        "adapters.slack.platform.utc_now", lambda: utc_now() + timedelta(minutes=minutes)
    )


async def test_six_minutes_away_cost_no_reply(
    tmp_path: Path,
    slack: SlackStandin,
    gemini: GeminiStandin,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(tmp_path, slack, gemini, way):
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        thread = Thread(slack, "general", ts)
        await thread.answered()
    await slack.say("general", "bob", "make it night", thread_ts=ts)
    await slack.say("general", "ann", "and raining", thread_ts=ts)
    await settled(slack)
    wake_later(monkeypatch, 6)
    for _ in range(2):
        async with running(tmp_path, slack, gemini, way) as app:
            await thread.answered(3)
            turns = await turns_in(app, slack, "general", ts)
            await app.turns.ended(turns[-1].id)
    assert len(turns) == 3
    assert (len(thread.pictures), len(thread.messages)) == (3, 6)
    assert prompts(gemini) == ["a fox", "make it night", "and raining"]


async def test_what_is_older_than_a_quarter_of_an_hour_is_asked_about_first(
    tmp_path: Path,
    slack: SlackStandin,
    gemini: GeminiStandin,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(tmp_path, slack, gemini, way):
        ts = await slack.say("general", "ann", f"{mention(slack)} a fox")
        thread = Thread(slack, "general", ts)
        await thread.answered()
    await slack.say("general", "bob", "make it night", thread_ts=ts)
    await settled(slack)
    wake_later(monkeypatch, 20)
    async with running(tmp_path, slack, gemini, way):
        await slack.until(lambda: len(thread.messages) == 3)
    wake_later(monkeypatch, 40)
    async with running(tmp_path, slack, gemini, way):
        question = thread.messages[2]
        assert "I was away" in question["text"]
        assert gemini.billed == 1
        await slack.click(question, Action.ANSWER_LATE, "bob")
        await thread.answered(2)
        await slack.click(question, Action.ANSWER_LATE, "ann")
        await settled(slack)
    assert gemini.billed == 2
    assert (len(thread.pictures), len(thread.messages)) == (2, 5)


# --- people --------------------------------------------------------------------------------------


async def test_a_flood_of_one_person_does_not_keep_another_waiting(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin
) -> None:
    gemini.hold()
    slack.knobs.declared_agent = False
    async with running(tmp_path, slack, gemini, "socket", THREADPAINT_DRAIN_SECONDS="0"):
        for number in range(60):
            await slack.say("general", "ann", f"{mention(slack)} fox {number}")
        await gemini.until_waiting(2)
        await slack.until(lambda: any("before yours" in s["status"] for s in slack.statuses))
        ts = await slack.say("general", "bob", f"{mention(slack)} a castle")
        await gemini.until_waiting(3)
        assert "castle" in str(gemini.calls[-1].body)
        assert len(gemini.calls) == 3
        gemini.release()
        await Thread(slack, "general", ts).answered()
    flood = [one.ack for one in slack.deliveries.sent if one.payload["event"].get("user")]
    assert all(ack.acked and ack.attempts == 1 for ack in flood)


async def test_a_hundred_people_at_once_are_all_heard_in_time(
    tmp_path: Path, slack: SlackStandin, way: str
) -> None:
    people = [slack.person(f"person{number}") for number in range(100)]
    async with running(tmp_path, slack, None, way, THREADPAINT_DRAIN_SECONDS="0") as app:
        said = [slack.say("general", one, f"{mention(slack)} a fox") for one in people]
        asked = await asyncio.gather(*said)
        gestures = slack.deliveries.sent[:200]
        turns = [await turns_in(app, slack, "general", ts) for ts in asked]
    assert {(one.ack.acked, one.attempts) for one in gestures} == {(True, 1)}
    assert {len(found) for found in turns} == {1}


# --- the log -------------------------------------------------------------------------------------


async def test_no_secret_and_no_words_of_people_are_in_the_log(
    tmp_path: Path, slack: SlackStandin, gemini: GeminiStandin, way: str
) -> None:
    words, name = "zebra in a tuxedo", "quokka.png"
    gemini.plan(Trouble(kind="blocked", reason="SAFETY", contains="again"))
    async with launched(tmp_path, slack, gemini, way, THREADPAINT_LOG_LEVEL="debug") as process:
        logo = SlackFile(name=name, data=png(32, 32))
        ts = await slack.say("general", "ann", f"{mention(slack)} {words}", files=[logo])
        thread = Thread(slack, "general", ts)
        answer = await thread.answered()
        await slack.command(slack.channel("art"), "bob", "/imagine", words)
        await slack.click(answer, Action.EDIT, "ann")
        await slack.until(lambda: slack.views)
        await slack.home("ann")
        await slack.say("general", "ann", f"{words} again", thread_ts=ts)
        await thread.told()
        await slack.say("general", "ann", f"{mention(slack)} {words} --frobnicate")
        process.terminate()
        assert await process.until_ended() == 0
    keys = [slack.bot_token, slack.app_token, slack.signing_secret, gemini.key]
    uploads = [file.secret for file in slack.world.files.values() if file.secret]
    gestures = [*slack.world.response_urls, *slack.world.triggers]
    assert min(len(uploads), len(gestures)) >= 2
    assert [one for one in (*keys, *uploads, *gestures) if one in process.text] == []
    assert re.findall(r"ticket=\w", process.text) == []
    assert [one for one in (words, name) if one in process.text] == []


async def test_a_storage_that_fails_logs_no_words_of_people(
    tmp_path: Path, slack: SlackStandin, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    slack.knobs.ack_seconds = 0.6
    words = "zebra in a tuxedo " * 400
    with capture_logs() as log:
        async with running(tmp_path, slack, None, way) as app:
            await limit_pages(app, 1)
            await slack.say("general", "ann", f"{mention(slack)} {words}")
            await slack.command("general", "bob", "/imagine", words)
            await limit_pages(app, 1_000_000)
    assert "disk full" in caplog.text
    assert "zebra" not in caplog.text
    assert "zebra" not in str(log)
