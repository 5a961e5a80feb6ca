"""Logging: our lines and the libraries' go through one chain that hides secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import quote, quote_plus

import structlog

if TYPE_CHECKING:
    from types import TracebackType

    from structlog.typing import EventDict, Processor, WrappedLogger

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
LogFormat: TypeAlias = Literal["text", "json"]

HIDDEN = "[secret]"

_SHORTEST = 4
_TOO_CHATTY = (
    "httpx",
    "httpcore",
    "aiosqlite",
    "alembic",
    "slack_sdk",
    "slack_bolt",
    "discord",
    "PIL",
    "markdown_it",
)
"""Loggers whose lines are addresses, headers and people's words, whatever our level."""
_SHAPES = re.compile(
    r"""
      \bxox[a-z](?:\.xox[a-z])?-[\w-]+ | \bxapp-[\w-]+  # Slack tokens
    | \bAIza[\w-]{10,}                                 # Google API keys
    | \b[\w-]{23,30}\.[\w-]{6,7}\.[\w-]{27,}            # Discord bot tokens
    | (\b(?i:bearer)\s+) [^\s'",]+
    | ((?i:x-goog-api-key|authorization)['"]?\s*[:=,]\s*b?['"]?) [^'",\r\n]+
    | ([?&](?i:[\w.-]*(?:key|token|ticket|secret|signature|password))=) [^&\s'"]+
    | (['"]\w*(?:token|secret|ticket|password|upload_url|response_url)\\*['"]\s*:\s*\\*['"]) [^'"]+
    | (/upload\\?/v1\\?/) [^\s'"]+                      # where Slack takes a file
    | (hooks\.slack\.com\\?/) [^\s'"]+
    | (\b(?:webhooks|interactions)/[^/\s]+/) [^/?\s'"]+ # Discord
    | (://[^/:@\s]*:) [^/\s]+(?=@)                     # a password in an address
    """,
    re.VERBOSE,
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_BARE = ("event", "logger", "logger_name")
_TRACES = ("exception", "stack")


class Redactor:
    """Replaces secrets in a text with ``[secret]``: registered values, and what looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Register values; each is found as it is, percent-encoded and escaped.

        A value of less than 4 characters is left out: hiding it would spoil every line.
        """
        forms = {form for value in secrets if len(value) >= _SHORTEST for form in _forms(value)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """Hide every secret of a text."""
        if self._values:
            text = self._values.sub(HIDDEN, text)
        return _SHAPES.sub(_keep_name, text)


def _keep_name(found: re.Match[str]) -> str:
    """Hide what was found but for the words before it that say what it is."""
    return (found[found.lastindex] if found.lastindex else "") + HIDDEN


def configure(level: LogLevel, layout: LogFormat, secrets: Iterable[str]) -> None:
    """Send the whole process's log to stderr, as text for people or as JSON lines.

    Warnings and uncaught exceptions go the same way. May be called again.
    """
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        stamp,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = _Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _Hide(Redactor(secrets)),
                *_renderers(layout, color=handler.stream.isatty()),
            ],
        )
    )
    _install(handler, level.upper())


def _install(handler: _Handler, level: str) -> None:
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _TOO_CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _renderers(layout: LogFormat, *, color: bool) -> list[Processor]:
    if layout == "json":
        return [structlog.processors.JSONRenderer()]
    return [_keep_to_lines, structlog.dev.ConsoleRenderer(colors=color, repr_native_str=True)]


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]  # generic for type checkers only
    """Writes to stderr; a line that cannot be made is named without its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        with suppress(OSError, ValueError):  # stderr itself is gone
            self.stream.write(
                f"A log line of {record.name} ({record.filename}:{record.lineno}) is broken.\n"
            )


class _Hide:
    """A structlog processor: leaves only plain values, in which every string is redacted."""

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {self._redact(key): self._clean(value) for key, value in event.items()}

    def _clean(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {self._redact(str(key)): self._clean(held) for key, held in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(held) for held in value]
        return self._redact(value if isinstance(value, str) else repr(value))


def _keep_to_lines(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape what could forge a line of text; a traceback's lines are set in.

    The renderer quotes every other value.
    """
    kept: EventDict = {}
    for key, value in event.items():
        if key in _BARE:
            kept[key] = _escaped(str(value))
        elif key in _TRACES:
            kept[key] = "\n".join(f"    {_escaped(line)}" for line in str(value).split("\n"))
        else:
            kept[_escaped(key)] = value
    return kept


def _escaped(text: str) -> str:
    return _CONTROLS.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _forms(secret: str) -> set[str]:
    """List the ways in which a value is written in addresses, reprs and JSON."""
    encoded = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    return {secret, *encoded, repr(secret)[1:-1], json.dumps(secret)[1:-1]}


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger("bot").critical("stopped by an error", exc_info=(kind, error, trace))


def _uncaught_in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None:
        _uncaught(found.exc_type, found.exc_value, found.exc_traceback)
