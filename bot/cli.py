"""The commands of ``threadpaint``; each imports only what it uses."""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import takewhile
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from bot.errors import (
    AlreadyRunning,
    DependencyDown,
    NotFound,
    SettingsError,
    ThreadpaintError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_EXIT_CODES: dict[type[ThreadpaintError], int] = {
    UsageError: 2,
    NotFound: 2,
    DependencyDown: 69,
    AlreadyRunning: 75,
    SettingsError: 78,
}

cli = typer.Typer(
    name="threadpaint",
    help="Paint in threads: ask for a picture, refine it by replying.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.command(
    context_settings={"ignore_unknown_options": True},
    epilog="Flags of the prompt: --ar 16:9, --size 0.5K|1K|2K|4K, --search, --image-search,"
    " --think minimal|medium|high, --model NAME, --n 1..4, --text, --no-text. An edit inherits"
    " ratio, size, thinking and model. Write -- before words that begin with two dashes.",
)
def say(
    ctx: typer.Context,
    prompt: Annotated[
        list[str] | None, typer.Argument(help="What you would like to see, with flags anywhere.")
    ] = None,
    *,
    thread: Annotated[
        str | None, typer.Option(help="Go on in this thread; without it a new one begins.")
    ] = None,
    attach: Annotated[
        list[Path] | None, typer.Option(help="A picture or PDF as material; may be repeated.")
    ] = None,
    reply_to: Annotated[
        str | None, typer.Option(metavar="TURN", help="Branch from this turn (TURN.2: its second).")
    ] = None,
    retry: Annotated[
        str | None,
        typer.Option(metavar="TURN", help="Run this failed turn again, without a prompt."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the pictures; without it ./pictures.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to any price.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask for a picture, or refine one: one turn, as in chat."""
    own = [name for param in ctx.command.params for name in param.opts if name.startswith("--")]
    _check_flags(prompt or [], own)
    from bot import say as command  # noqa: PLC0415 - its imports are heavy

    request = command.Say(
        words=tuple(prompt or ()),
        thread=thread,
        attach=tuple(attach or ()),
        reply_to=reply_to,
        retry=retry,
        out=out,
        yes=yes,
        json=json,
    )
    raise typer.Exit(asyncio.run(command.run(request)))


def _check_flags(prompt: Sequence[str], own: Collection[str]) -> None:
    """Answer a misspelt flag or option with the nearest of both. own: the command's options.

    Raises UsageError.
    """
    from bot.commands import FLAGS  # noqa: PLC0415 - not for the other commands
    from bot.near import nearest  # noqa: PLC0415

    flags = [flag.name for flag in FLAGS]
    led_to = {name: flag.name for flag in FLAGS for name in (flag.name[2:], *flag.also)}
    led_to |= {name[2:]: name for name in own}
    for word in takewhile(lambda word: word != "--", " ".join(prompt).split()):
        name = word.partition("=")[0].lower().rstrip(",.;:!?)…")
        if not (name.startswith("--") and name[2:3].isalpha()) or name in flags:
            continue
        if name in own:
            raise UsageError(f"{name} stands inside the quotes of the prompt. Write it outside.")
        near = led_to.get(nearest(name[2:], led_to), "")
        hint = f" Did you mean {near}?" if near else ""
        raise UsageError(
            f"There is no option {name[:40]}.{hint} Options: {', '.join(own)}."
            f" Flags of the prompt: {', '.join(flags)}."
        )


@cli.command()
def check(
    *, json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False
) -> None:
    """Check the settings, offline, and show what is in force."""
    from bot import report  # noqa: PLC0415 - its imports are heavy

    report.check(as_json=json)


@cli.command()
def explain(
    turn: Annotated[str, typer.Argument(help="The id of a turn.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell all about a turn: states, what was sent, calls and money, what came back."""
    from bot import report  # noqa: PLC0415 - its imports are heavy

    asyncio.run(report.explain(turn, as_json=json))


@cli.command()
def run() -> None:
    """Listen in chat, paint and answer, until stopped."""
    from bot import service  # noqa: PLC0415 - its imports are heavy

    asyncio.run(service.run())


@cli.command("slack-manifest")
def slack_manifest(
    *,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="HTTP mode: where Slack reaches this bot, https://..."),
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Print a link that creates the app instead.")
    ] = False,
) -> None:
    """Print the manifest to create the Slack app from."""
    from bot.app import slack_manifest as manifest  # noqa: PLC0415 - seldom asked for

    typer.echo(manifest(url, link=link))


@cli.command("discord-sync")
def discord_sync() -> None:
    """Send the commands to Discord now, and print the link that invites the bot."""
    from bot.app import discord_sync as sync  # noqa: PLC0415 - seldom used

    typer.echo(asyncio.run(sync()))


def _version(*, wanted: bool) -> None:
    if wanted:
        from bot import __version__  # noqa: PLC0415 - seldom asked for

        typer.echo(f"threadpaint {__version__}")
        raise typer.Exit


@cli.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Paint in threads: ask for a picture, refine it by replying."""


def main() -> None:
    """Run the command line; every foreseen error is one plain message and its exit code."""
    # Click takes the first -- for itself; the prompt has a use for it too.
    arguments = [word for given in sys.argv[1:] for word in ([given] * (1 + (given == "--")))]
    try:
        cli(args=arguments)
    except ThreadpaintError as error:
        typer.echo(str(error), err=True)
        code = next((code for kind, code in _EXIT_CODES.items() if isinstance(error, kind)), 1)
        sys.exit(code)
    finally:
        _flush()


def _flush() -> None:
    """Hand over what was printed; that nobody reads it any more (``| head``) is no error."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
