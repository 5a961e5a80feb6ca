"""``threadpaint say``, ``check``, ``explain`` and ``run``, as a person meets them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import pty
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.errors import UsageError
from tests.core.commands import environment, finish, start, threadpaint, until_said
from tests.media.corpus import animation
from tests.standins.gemini import Fault
from tests.standins.pictures import png

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standins.gemini import GeminiStandin


async def test_a_picture_is_written_with_its_real_type_and_told_in_json(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    ran = await threadpaint(
        tmp_path, gemini, "say", "a red fox", "--ar", "16:9", "--json", "--out", "art"
    )
    assert ran.code == 0, ran.err
    answer = ran.json
    names = "turn thread state text files sources usage cost_usd model error"
    assert set(answer) == set(names.split())
    assert answer["state"] == "done"
    assert answer["error"] is None
    assert answer["model"] == "gemini-3.1-flash-image"
    assert 0.06 < answer["cost_usd"] < 0.08
    (file,) = answer["files"]
    data = (tmp_path / file["path"]).read_bytes()
    assert file["path"].startswith("art/")
    assert file["path"].endswith(".jpg")
    assert data.startswith(b"\xff\xd8")
    assert hashlib.sha256(data).hexdigest() == file["sha256"]
    assert (file["mime_type"], file["width"], file["height"]) == ("image/jpeg", 1376, 768)
    assert file["alt_text"]


async def test_a_thread_goes_on_over_runs_and_a_reply_branches(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    first = (await threadpaint(tmp_path, gemini, "say", "a fox", "--json")).json
    await threadpaint(tmp_path, gemini, "say", "at night", "--thread", first["thread"])
    ran = await threadpaint(
        tmp_path, gemini, "say", "at noon", "--reply-to", first["turn"], "--json"
    )
    assert ran.json["thread"] == first["thread"]
    words = [
        content["parts"][0]["text"]
        for content in gemini.calls[-1].body["contents"]
        if content["role"] == "user"
    ]
    assert words == ["a fox", "at noon"]


async def test_without_json_a_person_reads_words_path_thread_and_price(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    ran = await threadpaint(tmp_path, gemini, "say", "a", "fox", "--thread", "den")
    words, path, facts = ran.out.splitlines()
    assert words.startswith("Here is your picture")
    assert (tmp_path / path).is_file()
    assert facts.startswith("thread den, turn ")
    assert "$0.06" in facts


async def test_without_a_key_the_offline_demo_says_so_on_stderr(tmp_path: Path) -> None:
    ran = await threadpaint(tmp_path, None, "say", "a fox", "--size", "0.5K", "--json")
    assert ran.code == 0
    assert "OFFLINE DEMO" in ran.err
    assert "WISDOM_GATE_KEY" in ran.err
    assert ran.json["cost_usd"] == 0
    assert ran.json["model"] == "offline-demo"


async def test_several_pictures_of_the_offline_demo_differ(tmp_path: Path) -> None:
    ran = await threadpaint(tmp_path, None, "say", "a fox", "--size", "0.5K", "--n", "2", "--json")
    files = ran.json["files"]
    assert len({file["path"] for file in files}) == len({file["sha256"] for file in files}) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Say what you would like to see"),
        (["a fox", "--aspect", "16:9"], "--ar"),
        (["a fox", "--ar", "16:8"], "16:9"),
        (["a fox", "--size", "3K"], "2K"),
        (["a fox", "--n", "9"], "4"),
        (["a fox", "--attach", "nothing.png"], "nothing.png cannot be read"),
        (["a fox", "--model", "nano"], "No model named nano"),
        (["a fox", "--model", "gemini-2.5-flash-image", "--size", "4K"], "It takes 1K."),
        (["--retry", "1m82cdrg7tzxxr33"], "There is no turn 1m82cdrg7tzxxr33"),
        (["a fox", "--reply-to", ""], "There is no turn"),
        (["a fox", "--reply-to", "1m82cdrg7tzxxr33"], "1m82cdrg7tzxxr33"),
        (["a fox", "--reply-to", "x.y"], "--reply-to"),
        (["a fox", "--out", "/proc/nothing"], "--out"),
    ],
)
async def test_what_cannot_be_used_is_named_and_calls_nothing(
    tmp_path: Path, gemini: GeminiStandin, arguments: list[str], words: str
) -> None:
    ran = await threadpaint(tmp_path, gemini, "say", *arguments)
    assert ran.code == 2, ran.err
    assert words in ran.err
    assert "turn 1" not in ran.err.replace("There is no turn ", "")
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert gemini.requests == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a fox", "--attach", "."], ". is not a file. Check --attach."),
        (["a fox", "--attach", ""], "is not a file. Check --attach."),
        (["a fox", "--attach", "pipe"], "pipe is not a file. Check --attach."),
        (["a", "fox", "--attach", "a.png", "b.png"], "b.png is a file. Write --attach before"),
        (["a fox", "--thread", ""], "--thread takes a name"),
        (["a fox", "--thread", "a\x1bb"], "--thread takes a name"),
        (["a fox", "--thread", "a" * 101], "--thread takes a name"),
        (["a fox", "--thread", "--json"], "--thread takes a name"),
        (["a fox", "--thred", "t"], "--thread?"),
        (["a fox --atach f"], "--attach?"),
        (["a fox", "--replyto=x"], "--reply-to?"),
        (["a fox", "--jsno"], "--json?"),
        (["a fox", "--sise", "2K"], "--size?"),
        (["a fox --thread t"], "--thread stands inside the quotes"),
        (["a fox", "--retry", "1m82cdrg7tzxxr33"], "Leave the prompt"),
    ],
)
def test_what_is_typed_wrong_is_named_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png(8, 8))
    error = CliRunner().invoke(cli, ["say", *arguments]).exception
    assert isinstance(error, UsageError)
    assert words in str(error)
    assert not (tmp_path / "data").exists()


async def test_a_turn_left_by_a_killed_process_is_shown_by_the_next(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    killed = await threadpaint(
        tmp_path,
        gemini,
        *("say", "a castle", "--thread", "castle"),
        THREADPAINT_FAULT_POINT="call.reserved",
    )
    assert killed.code == -signal.SIGKILL
    named = next(line for line in killed.err.splitlines() if line.startswith("thread castle, "))
    turn = named.removeprefix("thread castle, turn ")
    ran = await threadpaint(tmp_path, gemini, "say", "a dog", "--thread", "dog")
    assert ran.code == 0, ran.err
    (path,) = (tmp_path / "pictures").glob("castle-*")
    assert f"Earlier turn {turn} of thread castle: Painting, 0 s\n" in ran.err
    assert f"Earlier turn {turn} of thread castle is done: {path}\n" in ran.err
    assert "castle" not in ran.out
    assert all("castle" in line or "Earlier" not in line for line in ran.err.splitlines())
    explained = (await threadpaint(tmp_path, gemini, "explain", turn)).out.splitlines()
    calls = [line.split()[:2] for line in explained if line.startswith("1.")]
    assert calls == [["1.1", "unknown"], ["1.2", "settled"]]


async def test_a_failed_turn_is_run_again_by_its_id(tmp_path: Path, gemini: GeminiStandin) -> None:
    gemini.plan(Fault(kind="per-day"))
    failed = await threadpaint(tmp_path, gemini, "say", "a fox", "--thread", "den")
    assert failed.code == 1
    words = "Try again: threadpaint say --retry "
    turn = next(line for line in failed.err.splitlines() if words in line).removeprefix(words)
    ran = await threadpaint(tmp_path, gemini, "say", "--retry", turn, "--json")
    assert ran.code == 0, ran.err
    assert "Earlier" not in ran.err
    assert (ran.json["turn"], ran.json["thread"]) == (turn, "den")
    assert (tmp_path / ran.json["files"][0]["path"]).is_file()
    ran = await threadpaint(tmp_path, gemini, "say", "--retry", turn)
    assert ran.code == 2
    assert f"Turn {turn} is done" in ran.err


async def test_an_answer_that_could_not_be_written_goes_to_another_folder_unbought(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.hold()
    process = await start(tmp_path, gemini, "say", "a fox", "--json")
    await gemini.until_waiting(1)
    (tmp_path / "pictures").rmdir()
    (tmp_path / "pictures").write_text("a file where the folder was")
    gemini.release()
    failed = await finish(process)
    assert failed.code == 1
    assert "--out" in failed.json["error"]
    ran = await threadpaint(
        tmp_path, gemini, "say", "--retry", failed.json["turn"], "--out", "art", "--json"
    )
    assert ran.code == 0, ran.err
    assert ran.json["files"][0]["path"].startswith("art/")
    assert [path.suffix for path in (tmp_path / "art").iterdir()] == [".jpg"]
    assert gemini.billed == 1


async def test_in_json_mode_notes_and_search_suggestions_are_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "dance.gif").write_bytes(animation("GIF", 3))
    arguments = ("!grounded a fox", "--size", "0.5K", "--attach", "dance.gif", "--json")
    ran = await threadpaint(tmp_path, None, "say", *arguments)
    assert ran.json["state"] == "done"
    lines = ran.err.splitlines()
    assert any(line.startswith("Note: ") and "dance.gif" in line for line in lines)
    assert any(line.startswith("Search: ") and line.endswith(">") for line in lines)


async def test_a_branch_from_an_answer_that_is_not_there_names_those_that_are(
    tmp_path: Path,
) -> None:
    small = ("--size", "0.5K", "--json")
    turn = (await threadpaint(tmp_path, None, "say", "a fox", "--n", "2", *small)).json["turn"]
    ran = await threadpaint(tmp_path, None, "say", "at night", "--reply-to", f"{turn}.3")
    assert ran.code == 2
    assert f"Turn {turn} has 2 answers. Name {turn} or {turn}.2." in ran.err


async def test_a_new_thread_is_named_by_its_first_words(tmp_path: Path) -> None:
    ran = await threadpaint(
        tmp_path, None, "say", "A red, red fox in snow", "--size", "0.5K", "--json"
    )
    assert ran.json["thread"].startswith("a-red-red-")
    assert len(ran.json["thread"]) == len("a-red-red-8kx2vd")


async def test_sigterm_says_that_the_turn_is_finished_first(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.hold()
    process = await start(tmp_path, gemini, "say", "a castle", "--json")
    await gemini.until_waiting(1)
    process.terminate()
    try:
        await until_said(process, "Finishing this turn; a second signal stops at once.")
    finally:
        gemini.release()
    assert (await finish(process)).json["state"] == "done"


async def test_output_that_nobody_reads_is_no_error(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    process = await start(tmp_path, None, "say", "a fox", "--size", "0.5K", stdout=writes)
    os.close(writes)
    ran = await finish(process)
    assert ran.code == 0, ran.err
    assert "BrokenPipe" not in ran.err
    assert "Traceback" not in ran.err


async def test_words_that_begin_with_dashes_follow_two_dashes(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    ran = await threadpaint(tmp_path, gemini, "say", "--size", "0.5K", "--", "--help", "sign")
    assert ran.code == 0, ran.err
    assert gemini.calls[0].body["contents"][0]["parts"] == [{"text": "--help sign"}]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(kind="blocked", reason="SAFETY"), "safety"),
        (Fault(kind="per-day"), "day"),
        (Fault(kind="disconnect"), "billed"),
    ],
)
async def test_a_failure_is_told_with_exit_code_1(
    tmp_path: Path, gemini: GeminiStandin, fault: Fault, words: str
) -> None:
    gemini.plan(fault)
    ran = await threadpaint(tmp_path, gemini, "say", "a fox", "--json")
    assert ran.code == 1
    assert ran.json["state"] in {"failed", "refused"}
    assert ran.json["files"] == []
    assert words in ran.json["error"].lower()
    assert ran.json["error"] in ran.err


async def test_a_wrong_key_and_a_retired_model_say_what_to_set(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    ran = await threadpaint(tmp_path, gemini, "say", "a fox", GEMINI_API_KEY="wrong")
    assert ran.code == 1
    assert "GEMINI_API_KEY" in ran.err
    ran = await threadpaint(
        tmp_path, gemini, "say", "a fox", GEMINI_MODEL="gemini-3.1-flash-image-preview"
    )
    assert ran.code == 1
    assert "gemini-3.1-flash-image" in ran.err.replace("gemini-3.1-flash-image-preview", "")
    assert "GEMINI_MODEL" in ran.err


async def test_no_network_is_said(tmp_path: Path, gemini: GeminiStandin) -> None:
    ran = await threadpaint(tmp_path, gemini, "say", "a fox", GEMINI_BASE_URL="http://127.0.0.1:9")
    assert ran.code == 1
    assert "127.0.0.1" in ran.err
    assert "network" in ran.err


async def test_a_file_that_is_not_what_its_name_says_is_refused_before_any_cost(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    (tmp_path / "party.png").write_bytes(b"<!doctype html><html>log in</html>")
    ran = await threadpaint(tmp_path, gemini, "say", "use this", "--attach", "party.png")
    assert ran.code == 1
    assert "party.png" in ran.err
    assert gemini.requests == []


async def test_a_wrong_extension_on_a_good_picture_is_accepted(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    (tmp_path / "party.txt").write_bytes(png(20, 20))
    ran = await threadpaint(tmp_path, gemini, "say", "use this", "--attach", "party.txt")
    assert ran.code == 0, ran.err
    assert gemini.calls[0].body["contents"][0]["parts"][1]["inlineData"]["mimeType"] == "image/png"


async def test_too_many_pictures_are_refused_with_the_limit(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    attached = []
    for number in range(15):
        (tmp_path / f"{number}.png").write_bytes(png(8, 8, str(number)))
        attached += ["--attach", f"{number}.png"]
    ran = await threadpaint(tmp_path, gemini, "say", "use these", *attached)
    assert ran.code == 1
    assert "14" in ran.err
    assert gemini.requests == []


async def test_a_second_process_over_the_same_folder_is_refused_and_named(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    gemini.hold()
    first = await start(tmp_path, gemini, "say", "a fox")
    await gemini.until_waiting(1)
    second = await threadpaint(tmp_path, gemini, "say", "a cat")
    assert second.code == 75
    assert str(first.pid) in second.err
    gemini.release()
    assert (await finish(first)).code == 0


async def test_ctrl_c_stops_the_turn(tmp_path: Path, gemini: GeminiStandin) -> None:
    gemini.hold()
    process = await start(tmp_path, gemini, "say", "a fox", "--json")
    await gemini.until_waiting(1)
    process.send_signal(signal.SIGINT)
    ran = await finish(process)
    gemini.release()
    assert ran.code == 1
    assert ran.json["state"] == "cancelled"


async def test_a_price_above_the_operators_limit_needs_yes(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    limit = {"THREADPAINT_CONFIRM_ABOVE_USD": "0.01"}
    ran = await threadpaint(tmp_path, gemini, "say", "a fox", **limit)
    assert ran.code == 1
    assert "--yes" in ran.err
    assert gemini.requests == []
    ran = await threadpaint(tmp_path, gemini, "say", "a fox", "--yes", **limit)
    assert ran.code == 0, ran.err


async def test_model_text_cannot_steer_the_terminal(tmp_path: Path, gemini: GeminiStandin) -> None:
    ran = await threadpaint(tmp_path, None, "say", "a \x1b[31mfox", "--size", "0.5K")
    assert "\x1b" not in ran.out + ran.err


async def test_explain_tells_states_calls_parts_and_money(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    turn = (await threadpaint(tmp_path, gemini, "say", "a fox", "--json")).json["turn"]
    found = (await threadpaint(tmp_path, gemini, "explain", turn, "--json")).json
    states = [step["state"] for step in found["steps"]]
    assert states == ["accepted", "claimed", "calling", "stored", "delivering", "done"]
    assert [call["state"] for call in found["calls"]] == ["settled"]
    assert all(part["signature_bytes"] for part in found["answers"][0]["parts"])
    for_people = await threadpaint(tmp_path, gemini, "explain", turn, COLUMNS="200")
    assert for_people.code == 0
    assert "a fox" in for_people.out
    assert "image/jpeg" in for_people.out


async def test_explain_hides_a_key_that_was_typed_into_a_prompt(
    tmp_path: Path, gemini: GeminiStandin
) -> None:
    prompt = f"a fox, my key is {gemini.key}"
    turn = (await threadpaint(tmp_path, gemini, "say", prompt, "--json")).json["turn"]
    for more in ([], ["--json"]):
        explained = await threadpaint(tmp_path, gemini, "explain", turn, *more)
        assert "a fox, my key is [secret]" in explained.out
        assert gemini.key not in explained.out


async def test_explain_of_an_unknown_turn_says_so(tmp_path: Path) -> None:
    ran = await threadpaint(tmp_path, None, "explain", "1m82cdrg7tzxxr33")
    assert ran.code == 2
    assert "DATA_DIR" in ran.err
    await threadpaint(tmp_path, None, "say", "a fox", "--size", "0.5K")
    ran = await threadpaint(tmp_path, None, "explain", "1m82cdrg7tzxxr33")
    assert ran.code == 2
    assert "1m82cdrg7tzxxr33" in ran.err


async def test_check_shows_settings_and_never_a_secret(tmp_path: Path) -> None:
    ran = await threadpaint(tmp_path, None, "check", GEMINI_API_KEY="AIzaSECRET")
    assert ran.code == 0
    assert "GEMINI_API_KEY" in ran.out
    assert "AIzaSECRET" not in ran.out + ran.err


async def test_check_cuts_no_name_and_no_value(tmp_path: Path) -> None:
    words = "house-style-" * 30
    ran = await threadpaint(tmp_path, None, "check", THREADPAINT_SYSTEM_INSTRUCTION=words)
    assert words in ran.out
    reads, writes = os.openpty()
    process = await start(
        tmp_path, None, "check", stdout=writes, THREADPAINT_SYSTEM_INSTRUCTION=words
    )
    os.close(writes)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while block := await asyncio.to_thread(os.read, reads, 65_536):
            shown += block
    os.close(reads)
    assert (await finish(process)).code == 0
    assert shown.count(b"house-style-") > 5
    assert "\u2026".encode() not in shown
    folded = "".join(shown.decode().split())
    assert "THREADPAINT_WORKSPACE_MONTHLY_USD" in folded


async def test_check_lists_every_problem_at_once(tmp_path: Path) -> None:
    ran = await threadpaint(tmp_path, None, "check", HTTP_PORT="many", THREADPAINT_DRAIN_SECOND="1")
    assert ran.code == 78
    assert "HTTP_PORT" in ran.err
    assert "THREADPAINT_DRAIN_SECONDS" in ran.err


async def test_run_without_a_chat_token_names_the_variables(tmp_path: Path) -> None:
    ran = await threadpaint(tmp_path, None, "run")
    assert ran.code == 78
    last = ran.err.splitlines()[-1]
    assert "SLACK_BOT_TOKEN" in last
    assert "SLACK_APP_TOKEN" in last
    assert "SLACK_SIGNING_SECRET" in last
    assert "DISCORD_TOKEN" in last
    assert "threadpaint say" in last


async def test_a_data_folder_that_cannot_be_written_is_a_dependency_that_is_down(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    ran = await threadpaint(tmp_path, None, "say", "a fox")
    assert ran.code == 69
    assert "Traceback" not in ran.err


async def test_say_loads_no_chat_platform_and_no_other_model(tmp_path: Path) -> None:
    code = (
        "import sys, asyncio; from bot import say;"
        "asyncio.run(say.run(say.Say(words=('a fox --size 0.5K',))));"
        "print([m for m in ('discord', 'slack_bolt', 'httpx', 'aiohttp', 'alembic')"
        " if m in sys.modules])"
    )
    await threadpaint(tmp_path, None, "say", "a fox", "--size", "0.5K")
    process = await asyncio.create_subprocess_exec(
        *("/usr/bin/env", "-i", f"PATH={os.environ['PATH']}", "DATA_DIR=data"),
        *(__import__("sys").executable, "-c", code),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    ran = await finish(process)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("typed", "state"), [(b"y\n", "done"), (b"\n", "cancelled"), (b"\x04", "cancelled")]
)
async def test_a_person_at_the_terminal_is_asked_about_a_price(
    tmp_path: Path, gemini: GeminiStandin, typed: bytes, state: str
) -> None:
    keyboard, terminal = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "say", "a fox", "--json"),
            cwd=tmp_path,
            env=environment(tmp_path, gemini, THREADPAINT_CONFIRM_ABOVE_USD="0.01"),
            stdin=terminal,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr
        await asyncio.wait_for(process.stderr.readuntil(b"Paint it? [y/N] "), 20)
        os.write(keyboard, typed)
        ran = await finish(process)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert ran.json["state"] == state
