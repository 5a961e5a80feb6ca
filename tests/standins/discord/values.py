"""The values that a test and the stand-in exchange: files, faults, calls, knobs, refusals."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

CODES: dict[int, tuple[int, str]] = {
    0: (401, "401: Unauthorized"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    20009: (403, "Explicit content cannot be sent to the desired recipient(s)"),
    20028: (429, "The channel you are writing has hit the write rate limit."),
    30015: (400, "Maximum number of attachments reached (10)"),
    30032: (400, "Maximum number of application commands reached (100)"),
    30034: (400, "Max number of daily application command creates has been reached (200)"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached."),
    40001: (401, "Unauthorized"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    40067: (400, "A tag is required to create a forum post in this channel"),
    40094: (400, "This interaction has reached the maximum number of follow-up messages"),
    40333: (403, "internal network error"),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50013: (403, "Missing Permissions"),
    50021: (403, "Cannot execute action on a system message"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (403, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
    160005: (403, "Thread is locked"),
    160006: (400, "Maximum number of active threads reached"),
    160014: (400, "You cannot forward a message whose content you cannot see"),
    200000: (400, "Message was blocked by automatic moderation"),
    200001: (400, "Title was blocked by automatic moderation"),
}
"""Discord's error codes with the HTTP status and the words that come with them."""

_SPECIAL = ("drop-before", "drop-after", "slow", "error", "html", "cloudflare", "truncated")
_WORKING = {"drop-after", "slow", "truncated"}


class Refused(Exception):
    """Discord's error answer; ``errors`` is the tree of a 50035: path -> [words]."""

    def __init__(self, code: int, *, errors: dict[str, str] | None = None, words: str = "") -> None:
        status, message = CODES[code]
        super().__init__(f"{code}: {words or message} {errors or ''}")
        self.code, self.status = code, status
        self.answer: Json = {"message": words or message, "code": code}
        if errors:
            self.answer["errors"] = _tree(errors)


def invalid(path: str, words: str) -> Refused:
    """Make a 50035 about one field; path: ``data.components.0.label``."""
    return Refused(50035, errors={path: words})


def _tree(errors: dict[str, str]) -> Json:
    tree: Json = {}
    for path, words in errors.items():
        place = tree
        for step in path.split("."):
            place = place.setdefault(step, {})
        place.setdefault("_errors", []).append({"code": "INVALID", "message": words})
    return tree


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordFile:
    """A file that a person attaches; mimetype "" is told by the name, as Discord does."""

    name: str
    data: bytes
    mimetype: str = ""
    description: str = ""
    spoiler: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong for the next fitting calls.

    route: a path of the API with ``*`` for each parameter, such as ``channels/*/messages`` or
    ``webhooks/*/*/messages/@original``; ``cdn`` for a download, ``gateway`` for a connect.
    method: GET, POST, ...; "" fits all. kind: an HTTP status such as ``429`` (with ``retry_after``,
    ``global_``) or ``503``; ``drop-before`` and ``drop-after`` (the work is done, the connection
    is cut without an answer); ``slow`` (answers after seconds); ``error`` (Discord's number in
    code; status, if it is not the usual one); ``html`` (a 502 page); ``cloudflare`` (429 without
    ``Via``); ``truncated`` (half an answer).
    times: how many calls, 0 means all. skip: fitting calls that pass first. containing: text that
    path and arguments, printed as JSON, must contain. work: is it done in spite of the fault?
    """

    route: str
    kind: str
    method: str = ""
    times: int = 1
    skip: int = 0
    code: int = 0
    status: int = 0
    retry_after: float = 0.2
    global_: bool = False
    seconds: float = 1
    containing: str = ""
    work: bool | None = None

    def __post_init__(self) -> None:
        if self.kind not in _SPECIAL and not (self.kind.isdigit() and int(self.kind) >= 400):
            raise ValueError(f"no such kind of fault: {self.kind}")
        if (self.kind == "error") != bool(self.code):
            raise ValueError("the kind error, and only it, needs a code")
        if self.code and self.code not in CODES:
            raise ValueError(f"no such code: {self.code}")

    @property
    def works(self) -> bool:
        """Whether the work is done in spite of the fault."""
        return self.kind in _WORKING if self.work is None else self.work


@dataclass(slots=True, kw_only=True)
class Call:
    """One request to the API or the CDN.

    route: as in Fault. arguments: the JSON body (of multipart: payload_json) or {"items": [...]}.
    files: names and sizes of what was uploaded. status: HTTP; 0 when cut off without an answer.
    code: Discord's error number. fault: the kind that struck. at: Unix time. seconds: until the
    answer.
    """

    method: str
    route: str
    path: str
    arguments: Json = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, int]] = field(default_factory=list)
    authorization: str = ""
    status: int = 0
    code: int = 0
    fault: str = ""
    answer: Any = None
    at: float = field(default_factory=time.time)
    seconds: float = 0

    @property
    def ok(self) -> bool:
        """Whether the caller got an answer of success."""
        return 200 <= self.status < 300


@dataclass(slots=True, kw_only=True)
class Knobs:
    """How this Discord behaves; times in seconds. Change the fields at any moment.

    upload_bytes: the limit of one file; guilds may have their own (``guild(upload_bytes=)``).
    told_upload_bytes: what interactions say the limit is; 0 means the truth.
    limits: requests in a bucket by ``"METHOD route"``, e.g. {"POST channels/*/messages": (5, 5.0)}
    are 5 in 5 seconds for each channel; others have no limit. global_limit: requests a second of
    the whole bot, 0 means none.
    automod: words that may not be said by the bot. external_apps: False makes
    the answers of user-installed apps in servers ephemeral.
    """

    interaction_seconds: float = 3.0
    token_seconds: float = 900.0
    nonce_seconds: float = 180.0
    link_seconds: float = 86400.0
    ephemeral_file_seconds: float = 3600.0
    resume_seconds: float = 120.0
    ready_delay: float = 0.0
    heartbeat_seconds: float = 41.25
    acks_heartbeats: bool = True
    upload_bytes: int = 10 * 1024 * 1024
    told_upload_bytes: int = 0
    request_bytes: int = 25 * 1024 * 1024
    limits: dict[str, tuple[int, float]] = field(default_factory=dict)
    global_limit: int = 0
    invalid_limit: int = 10_000
    identify_limit: int = 1000
    identify_gap: float = 0.0
    command_creates: int = 200
    active_threads: int = 1000
    automod: set[str] = field(default_factory=set)
    external_apps: bool = True
    max_user_followups: int = 5
