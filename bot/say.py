"""``threadpaint say``: one turn from a terminal, through the same core as in chat."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app import open_terminal
from bot.chat import Attachment, Message
from bot.commands import parse
from bot.conversation import ThreadId, TurnRef, TurnState, new_turn_id
from bot.environment import load
from bot.errors import UsageError
from bot.log import configure
from bot.replies import reply_of

if TYPE_CHECKING:
    from bot.app import App, Questions
    from bot.chat import Post
    from bot.conversation import TurnId
    from bot.ports import Record

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What was typed on the command line."""

    text: str
    thread: str | None = None
    attach: tuple[Path, ...] = ()
    reply_to: str | None = None
    out: Path = Path("pictures")
    yes: bool = False
    json: bool = False


def _line(text: str) -> None:
    """Tell the person something beside the answer."""
    sys.stderr.write(_plain(text) + "\n")
    sys.stderr.flush()


def _print(text: str) -> None:
    sys.stdout.write(_plain(text) + "\n")


def _plain(text: str) -> str:
    """Take out control characters: model text must not steer a terminal."""
    return _CONTROLS.sub("", text)


async def run(said: Say) -> int:
    """Run one turn and print it. Returns the exit code: 0 done, 1 failed or refused.

    Raises UsageError before anything is stored, when the words or files cannot be used.
    """
    _check(said)
    settings = load()
    configure(settings.log_level, settings.log_format, settings.secrets())
    if settings.provider == "offline":
        _line(
            "OFFLINE DEMO: no AI model is called. Set WISDOM_GATE_KEY or GEMINI_API_KEY for real"
            " pictures."
        )
    questions: Questions = asyncio.Queue()
    async with open_terminal(settings, _line, questions) as app:
        message = await _message(app, said)
        turn = await _turn(app, questions, message, yes=said.yes)
        record = await app.store.record(turn)
    if said.json:
        _print(json.dumps(_as_json(said, record), ensure_ascii=False))
    else:
        _print_answer(said, record)
    return 0 if record.turn.state is TurnState.DONE else 1


def _thread(name: str) -> ThreadId:
    return ThreadId(platform="terminal", workspace="local", channel="say", thread=name)


def _check(said: Say) -> None:
    """Refuse what cannot work before anything is opened."""
    if not parse(said.text).prompt and not said.attach:
        message = "Say what you would like to see, for example: threadpaint say a red fox in snow"
        raise UsageError(message)
    for path in said.attach:
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}. Check --attach."
            raise UsageError(message) from error
    try:
        said.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=said.out):
            pass
    except OSError as error:
        message = f"{said.out} cannot be written: {error.strerror}. Name another folder with --out."
        raise UsageError(message) from error


async def _message(app: App, said: Say) -> Message:
    branch, name = None, said.thread
    if said.reply_to:
        branch, name = await _branch(app, said.reply_to, said.thread)
    turn = new_turn_id()
    return Message(
        id=turn,
        thread=_thread(name or f"thread-{turn[-6:]}"),
        author=os.environ.get("USER", "me"),
        text=said.text,
        sent_at=datetime.now(UTC),
        attachments=tuple(
            Attachment(name=path.name, size=path.stat().st_size, ref={"path": str(path.resolve())})
            for path in said.attach
        ),
        branch=branch,
        ref={"out": str(said.out.resolve())},
    )


async def _branch(app: App, reply_to: str, name: str | None) -> tuple[TurnRef, str]:
    """Find the turn to branch from, and the name of its thread."""
    try:
        branch = TurnRef.parse(reply_to)
    except ValueError as error:
        message = f"--reply-to {reply_to}: give the id of a turn, or TURN.2 for its second picture."
        raise UsageError(message) from error
    record = await app.store.record(branch.turn)
    thread = record.turn.thread
    if thread != _thread(name or thread.thread):
        message = f"Turn {branch.turn} is in thread {thread.thread}. Leave --thread away."
        raise UsageError(message)
    if branch.choice not in {kept.choice for kept in record.kept}:
        message = (
            f"Turn {branch} has no answer to go on from ({record.turn.state})."
            " Name one that is done."
        )
        raise UsageError(message)
    return branch, thread.thread


async def _turn(app: App, questions: Questions, message: Message, *, yes: bool) -> TurnId:
    """Run the turn to its end, or until a signal: Ctrl-C cancels it, SIGTERM lets it finish."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def terminate() -> None:
        loop.remove_signal_handler(signal.SIGTERM)
        stop.set()

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        _line("Stopping. Press Ctrl-C again to leave at once.")
        background.append(loop.create_task(app.turns.cancel(turn)))

    async with app.running() as advancing:
        turn = await app.turns.accept(message)
        background: list[asyncio.Task[object]] = [
            loop.create_task(_answer(app, questions, yes=yes)),
            loop.create_task(stop.wait()),
        ]
        loop.add_signal_handler(signal.SIGTERM, terminate)
        loop.add_signal_handler(signal.SIGINT, interrupt)
        ended = loop.create_task(app.turns.ended(turn))
        await asyncio.wait({ended, advancing, background[1]}, return_when=asyncio.FIRST_COMPLETED)
    for task in (ended, *background):
        task.cancel()
    await asyncio.gather(ended, *background, return_exceptions=True)
    return turn


async def _answer(app: App, questions: Questions, *, yes: bool) -> None:
    """Ask the person about prices."""
    while True:
        turn, question = await questions.get()
        if yes:
            agreed = True
        elif sys.stdin.isatty():
            words = await asyncio.to_thread(input, f"{question} [y/N] ")
            agreed = words.strip().lower() in {"y", "yes"}
        else:
            _line(f"{question} Nobody can be asked here; repeat it with --yes to agree.")
            agreed = False
        await (app.turns.confirm(turn.id) if agreed else app.turns.cancel(turn.id))


def _shown(record: Record) -> list[Post]:
    """List the posts that show pictures, in their order."""
    return [post for post in record.posts if post.choice is not None]


def _as_json(said: Say, record: Record) -> dict[str, object]:
    turn = record.turn
    reply = reply_of(turn, record.kept, record.calls, record.notes)
    files = zip(_shown(record), reply.pictures, strict=False)
    return {
        "turn": turn.id,
        "thread": turn.thread.thread,
        "state": turn.state,
        "text": reply.text,
        "files": [
            {
                "path": str(said.out / Path(post.message_id).name),
                "mime_type": picture.blob.mime_type,
                "width": picture.blob.width,
                "height": picture.blob.height,
                "sha256": picture.blob.digest,
                "alt_text": picture.alt_text,
            }
            for post, picture in files
        ],
        "sources": [{"title": source.title, "url": source.url} for source in reply.sources],
        "usage": asdict(reply.usage),
        "cost_usd": reply.cost / 1e6,
        "model": reply.model,
        "error": turn.verdict.text if turn.verdict else None,
    }


def _print_answer(said: Say, record: Record) -> None:
    turn = record.turn
    reply = reply_of(turn, record.kept, record.calls, record.notes)
    if reply.text:
        _print(reply.text)
    for note in reply.notes:
        _print(f"Note: {note}")
    for source in reply.sources:
        _print(f"Source: {source.title or source.url} <{source.url}>")
    for suggestion in reply.suggestions:
        _print(f"Search: {suggestion.text} <{suggestion.url}>")
    for post, _ in zip(_shown(record), reply.pictures, strict=False):
        _print(str(said.out / Path(post.message_id).name))
    if not turn.state.ended:
        _line(f"Turn {turn.id} goes on at the next start of threadpaint.")
    facts = [f"thread {turn.thread.thread}", f"turn {turn.id}"]
    if record.calls:
        facts += [reply.model, f"${reply.cost / 1e6:.4f}"]
    _print(", ".join(facts))
