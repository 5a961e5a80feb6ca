"""``threadpaint say``: one turn from a terminal, through the same core as in chat."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO, cast

from bot.app import open_terminal
from bot.chat import Attachment, Message
from bot.commands import parse
from bot.conversation import ThreadId, TurnId, TurnRef, TurnState, new_turn_id
from bot.environment import load
from bot.errors import UsageError
from bot.log import configure
from bot.printing import json_of, lines_of, notes_of, plain, reply_in, suggestions_of

if TYPE_CHECKING:
    from bot.app import Questions
    from bot.conversation import Turn
    from bot.ports import Record
    from bot.serving import App

_LONGEST_NAME = 100  # characters of a thread's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What was typed on the command line.

    words: the prompt, as the shell cut it. retry: the turn to run again, instead of a new one.
    """

    words: tuple[str, ...] = ()
    thread: str | None = None
    attach: tuple[Path, ...] = ()
    reply_to: str | None = None
    retry: str | None = None
    out: Path | None = None
    yes: bool = False
    json: bool = False

    @property
    def text(self) -> str:
        """The prompt, flags included."""
        return " ".join(self.words)

    @property
    def folder(self) -> Path | None:
        """Where the pictures go; None: where the turn that is tried again has them."""
        return self.out or (Path("pictures") if self.retry is None else None)


class _Terminal(Protocol):
    """What this command tells the chat platform: which turn is its own."""

    own: TurnId | None


def _line(text: str) -> None:
    """Tell the person something beside the answer."""
    _put(sys.stderr, text)


def _put(stream: TextIO, text: str) -> None:
    with suppress(BrokenPipeError):  # nobody reads it any more; the turn goes on
        stream.write(plain(text) + "\n")
        stream.flush()


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
        turn = await (_ask(app, said) if said.retry is None else _retry(app, said, said.retry))
        cast("_Terminal", app.platforms[0]).own = turn.id
        _line(f"thread {turn.thread.thread}, turn {turn.id}")
        await _finish(app, questions, turn.id, yes=said.yes)
        record = await app.store.record(turn.id)
    _show(said, record)
    return 0 if record.turn.state is TurnState.DONE else 1


def _show(said: Say, record: Record) -> None:
    turn, reply = record.turn, reply_in(record)
    folder = said.folder or Path(turn.ref["out"])
    if said.json:
        for line in notes_of(reply) + suggestions_of(reply):
            _line(line)
        _put(sys.stdout, json.dumps(json_of(record, folder), ensure_ascii=False))
    else:
        for line in lines_of(record, folder):
            _put(sys.stdout, line)
    if not turn.state.ended:
        _line(f"Turn {turn.id} goes on at the next start of threadpaint.")


def _check(said: Say) -> None:
    """Refuse what cannot work before anything is opened."""
    if said.retry is None:
        _check_request(said)
    elif said.words or said.thread is not None or said.attach or said.reply_to is not None:
        message = (
            "--retry runs a turn again as it was. Leave the prompt, --thread, --attach and"
            " --reply-to away."
        )
        raise UsageError(message)
    if said.folder:
        _check_folder(said.folder)


def _check_request(said: Say) -> None:
    name = said.thread
    if name is not None and (
        not name.strip()
        or not name.isprintable()
        or len(name) > _LONGEST_NAME
        or name.startswith("--")
    ):
        message = (
            f"--thread takes a name of 1 to {_LONGEST_NAME} printable characters that does not"
            " begin with two dashes."
        )
        raise UsageError(message)
    for path in said.attach:
        _check_file(path)
    for word in said.words if said.attach else ():
        if _is_file(word):
            message = f"{word} is a file. Write --attach before each file, or quote the prompt."
            raise UsageError(message)
    if not parse(said.text).prompt and not said.attach:
        message = "Say what you would like to see, for example: threadpaint say a red fox in snow"
        raise UsageError(message)


def _check_file(path: Path) -> None:
    try:
        if path.exists() and not path.is_file():
            message = f"{path} is not a file. Check --attach."
            raise UsageError(message)
        with path.open("rb"):
            pass
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}. Check --attach."
        raise UsageError(message) from error


def _is_file(word: str) -> bool:
    with suppress(OSError, ValueError):  # too long a word for a path
        return Path(word).is_file()
    return False


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        message = f"{folder} cannot be written: {error.strerror}. Name another folder with --out."
        raise UsageError(message) from error


async def _ask(app: App, said: Say) -> Turn:
    """Make what was typed a turn. UsageError, and nothing stored, when the model cannot do it."""
    options = parse(said.text).options
    profile = app.model.profile(options.model)
    if options.model or not (said.thread or said.reply_to):  # else the thread may have another
        profile.check(options)
    return await app.store.get(await app.turns.accept(await _message(app, said)))


async def _retry(app: App, said: Say, name: str) -> Turn:
    """Open a failed turn again. NotFound, UsageError."""
    turn = (await _own(app, TurnId(name.strip()))).turn
    ref = {**turn.ref, "out": str(said.out.resolve())} if said.out else None
    await app.turns.retry(turn.id, ref=ref)
    return turn


async def _own(app: App, turn: TurnId) -> Record:
    """Load a turn that was asked at a terminal. NotFound, UsageError."""
    record = await app.store.record(turn)
    platform = record.turn.thread.platform
    if platform != "terminal":
        message = f"Turn {turn} was asked in {platform.capitalize()}. Go on with it there."
        raise UsageError(message)
    return record


async def _message(app: App, said: Say) -> Message:
    message_id = new_turn_id()
    branch, name = None, said.thread or _new_name(parse(said.text).prompt, message_id)
    if said.reply_to is not None:
        branch, name = await _branch(app, said.reply_to, said.thread)
    return Message(
        id=message_id,
        thread=ThreadId(platform="terminal", workspace="local", channel="say", thread=name),
        author=os.environ.get("USER", "me"),
        text=said.text,
        sent_at=datetime.now(UTC),
        attachments=tuple(
            Attachment(name=path.name, size=path.stat().st_size, ref={"path": str(path.resolve())})
            for path in said.attach
        ),
        branch=branch,
        ref={"out": str((said.folder or Path()).resolve())},
    )


def _new_name(prompt: str, message_id: str) -> str:
    """Name a new thread by its first words, such as ``a-red-fox-8kx2vd``."""
    words = "-".join(re.findall(r"\w+", prompt.lower())[:3])[:24].strip("-_")
    return f"{words or 'thread'}-{message_id[-6:]}"


async def _branch(app: App, reply_to: str, name: str | None) -> tuple[TurnRef, str]:
    """Find the turn to branch from, and the name of its thread."""
    try:
        branch = TurnRef.parse(reply_to)
    except ValueError as error:
        message = f"--reply-to {reply_to}: give the id of a turn, or TURN.2 for its second picture."
        raise UsageError(message) from error
    record = await _own(app, branch.turn)
    thread = record.turn.thread.thread
    if name not in {None, thread}:
        message = f"Turn {branch.turn} is in thread {thread}. Leave --thread away."
        raise UsageError(message)
    answers = [str(TurnRef(turn=branch.turn, choice=kept.choice)) for kept in record.kept]
    if not answers:
        message = (
            f"Turn {branch.turn} has no answer to go on from ({record.turn.state})."
            " Name one that is done."
        )
        raise UsageError(message)
    if str(branch) not in answers:
        count = f"{len(answers)} answer{'s' * (len(answers) > 1)}"
        message = f"Turn {branch.turn} has {count}. Name {' or '.join(answers)}."
        raise UsageError(message)
    return branch, thread


async def _finish(app: App, questions: Questions, turn: TurnId, *, yes: bool) -> None:
    """Run the turn to its end, or until a signal: Ctrl-C cancels it, SIGTERM lets it finish."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def terminate() -> None:
        loop.remove_signal_handler(signal.SIGTERM)
        _line("Finishing this turn; a second signal stops at once.")
        stop.set()

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        _line("Stopping. Press Ctrl-C again to leave at once.")
        background.append(loop.create_task(app.turns.cancel(turn)))

    async with app.running() as advancing:
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


async def _answer(app: App, questions: Questions, *, yes: bool) -> None:
    """Ask the person about prices."""
    while True:
        turn, question = await questions.get()
        if yes:
            agreed = True
        elif sys.stdin.isatty():
            agreed = (await _typed(f"{question} [y/N] ")).strip().lower() in {"y", "yes"}
        else:
            _line(f"{question} Nobody can be asked here; repeat it with --yes to agree.")
            agreed = False
        await (app.turns.confirm(turn.id) if agreed else app.turns.cancel(turn.id))


async def _typed(question: str) -> str:
    """Ask and wait for a line, without a thread that Ctrl-C could not end; "" at the end."""
    sys.stderr.write(plain(question))
    sys.stderr.flush()
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def take() -> None:
        loop.remove_reader(sys.stdin)
        line.set_result(sys.stdin.readline())

    loop.add_reader(sys.stdin, take)
    try:
        return await line
    finally:
        loop.remove_reader(sys.stdin)
