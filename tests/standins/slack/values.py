"""The values that a test and the stand-in exchange: files, faults, calls, acks, knobs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

_SPECIAL = ("drop-before", "drop-after", "slow", "error", "html", "truncated", "never")
_WORKING = {"drop-after", "slow", "truncated"}


class Refused(Exception):
    """Slack's ``ok: false``; messages go to ``response_metadata.messages``."""

    def __init__(self, error: str, *messages: str, **more: object) -> None:
        super().__init__(error)
        self.error = error
        self.answer: Json = {"ok": False, "error": error, **more}
        if messages:
            said = [f"[ERROR] {message}" for message in messages]
            self.answer["response_metadata"] = {"messages": said}
            if error.startswith("invalid_blocks"):
                self.answer["errors"] = list(messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackFile:
    """A file that a person attaches.

    connect: it comes through Slack Connect, so events only name it (``check_file_info``).
    thumb: bytes of a PNG that Slack offers as ``thumb_1024``.
    """

    name: str
    data: bytes
    mimetype: str = "image/png"
    connect: bool = False
    thumb: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong for the next fitting calls.

    method: a Web API method, or ``upload`` (the POST of the bytes), ``download``, ``response_url``,
    ``share`` (kinds ``never`` and ``slow``: the file is shared never, or seconds later).
    kind: an HTTP status such as ``429`` or ``503``; ``drop-before`` and ``drop-after`` (the work
    is done, the connection is cut without an answer); ``slow`` (answers after seconds);
    ``error`` (Slack's word in error); ``html`` (a 200 page); ``truncated`` (half an answer).
    times: how many calls, 0 means all. skip: fitting calls that pass first. containing: text that
    the arguments, printed as JSON, must contain. work: is it done in spite of the fault?
    """

    method: str
    kind: str
    times: int = 1
    skip: int = 0
    error: str = ""
    retry_after: int = 1
    seconds: float = 1
    containing: str = ""
    work: bool | None = None

    def __post_init__(self) -> None:
        if self.kind not in _SPECIAL and not (self.kind.isdigit() and int(self.kind) >= 400):
            raise ValueError(f"no such kind of fault: {self.kind}")
        if (self.kind == "error") != bool(self.error):
            raise ValueError("the kind error, and only it, needs the word in error")

    @property
    def works(self) -> bool:
        """Whether the work is done in spite of the fault."""
        return self.kind in _WORKING if self.work is None else self.work


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of the Web API, or of ``upload``, ``download``, ``response_url``.

    source: where the arguments stood (query, form, json). status: HTTP; 0 when cut off without an
    answer. error: Slack's word. fault: the kind that struck. at: Unix time.
    """

    method: str
    arguments: Json
    token: str = ""
    source: str = ""
    status: int = 0
    error: str = ""
    fault: str = ""
    answer: Json = field(default_factory=dict)
    at: float = field(default_factory=time.time)

    @property
    def ok(self) -> bool:
        """Whether the caller got Slack's ``ok: true``."""
        return self.status == 200 and not self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """What became of a delivery.

    payload: what the bot put into its acknowledgement. attempts: deliveries made until then.
    status: the HTTP answer's, 0 in Socket Mode. seconds: from the attempt to the ack.
    """

    acked: bool
    payload: Json = field(default_factory=dict)
    attempts: int = 1
    status: int = 0
    seconds: float = 0


@dataclass(slots=True, kw_only=True)
class Knobs:
    """How this Slack behaves; times in seconds. Change the fields at any moment.

    share_after: from completeUploadExternal to the share; None means never.
    processed_after: from there until an image block may use the file.
    retry_waits: before each redelivery of an unacknowledged event (Slack: 0, 60, 300).
    pace: methods refuse (429) more calls a minute than their tier has, and chat.postMessage more
    than 1 a second and channel after a burst.
    redirect_downloads: url_private answers 302 to another origin, which must not see the token.
    declared_agent: the app may use agents.sessions. app_mention_first: before its ``message``.
    """

    ack_seconds: float = 3.0
    retry_waits: tuple[float, ...] = (0.05, 0.2, 0.5)
    share_after: float | None = 0.05
    processed_after: float = 0.05
    trigger_seconds: float = 3.0
    response_url_seconds: float = 1800.0
    pace: bool = False
    burst: int = 3
    redirect_downloads: bool = False
    most_file_bytes: int = 1024**3
    declared_agent: bool = True
    app_mention_first: bool = False
