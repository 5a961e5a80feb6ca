"""What a failed call means: whether it was taken, whether to try again, in words for people. Pure.

Statuses, reasons and wordings: Google's API and gateways, facts read in November 2026.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.gemini.loose import first, objects, text
from adapters.gemini.problems import Problem, problem_in
from bot.errors import (
    CallRejected,
    KeyRejected,
    ModelError,
    ModelGone,
    OutcomeUnknown,
    QuotaGone,
    RequestTooLarge,
    ServiceBusy,
    SignatureRefused,
)

if TYPE_CHECKING:
    from bot.profiles import Provider

TRIES = 3
_PAUSES = (2.0, 6.0)
_LONGEST = 60.0

_SERVICES: dict[Provider, str] = {"google": "Gemini", "wisdom-gate": "Wisdom Gate"}
_SIGNATURE = re.compile(r"thought[\s_]*signature", re.IGNORECASE)
_TOO_LARGE = re.compile(
    r"(size|count)\b[^.]* exceeds the (limit|maximum)|(payload|entity|body) too large",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(r"API[_ ]key[_ ](not valid|invalid|expired|not found)", re.IGNORECASE)
_NO_SYSTEM = re.compile(r"(developer|system) instruction is not (enabled|supported)", re.IGNORECASE)
_NO_QUOTA = re.compile(r"limit:\s*0(?![.\d])")
_RETRY_IN = re.compile(r"retry in ([\d.]+) ?s\b", re.IGNORECASE)
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s?")
_SECRETS = re.compile(
    r"AIza[\w-]{8,}|AQ\.[\w.-]{8,}|sk-[\w-]{8,}|(?<=bearer )\S+|(?<=key[=:])\S+", re.IGNORECASE
)
_MOST_WORDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Whom a call goes to, for the words. key_name: the variable that holds the key.

    replaced_by: the model to name when this one is gone. key: to be kept out of all words.
    """

    provider: Provider
    host: str
    model: str
    replaced_by: str
    key_name: str
    key: str = field(repr=False)

    @property
    def service(self) -> str:
        """The service's name for people."""
        return _SERVICES.get(self.provider, self.host)


class Refusal(Exception):
    """A call that brought no answer.

    error: what to raise when it is not tried again. tries: how many there may be in all.
    wait: seconds that the service asked for. note: why one has to wait.
    without_system: whether the standing instructions are what the model does not take.
    """

    def __init__(
        self,
        error: ModelError,
        *,
        tries: int = 1,
        wait: float | None = None,
        note: str = "",
        without_system: bool = False,
    ) -> None:
        """Take what is known."""
        super().__init__(str(error))
        self.error = error
        self.tries = tries
        self.wait = wait
        self.note = note
        self.without_system = without_system


def pause(refusal: Refusal, tried: int, waited: float, jitter: float) -> float | None:
    """Say how many seconds to wait before the next try; None when there is to be none.

    tried: calls made so far. waited: seconds waited between them. jitter: 0 to 1.
    About 2 s, then about 6 s; or what the service asks for, up to 60 s in all.
    """
    if tried >= refusal.tries:
        return None
    if refusal.wait is None:
        return _PAUSES[tried - 1] * (0.5 + jitter)
    return refusal.wait + jitter if waited + refusal.wait <= _LONGEST else None


def unreachable(route: Route) -> Refusal:
    """Make the refusal for a connection that was never made: nothing was sent."""
    error = ServiceBusy(
        f"Could not reach {route.host}. Nothing was billed. Check the network (DNS, proxy,"
        " firewall, certificates), then try again."
    )
    return Refusal(error, tries=TRIES, note=f"{route.service} cannot be reached")


def unknown(what: str) -> Refusal:
    """Make the refusal for a call whose answer was lost after it may have been taken."""
    return Refusal(OutcomeUnknown(f"{what} It may have been billed. Try again to ask once more."))


def unreadable() -> OutcomeUnknown:
    """Make the error for an answer that is cut, no JSON, or an error in an answer's place."""
    return OutcomeUnknown(
        "The answer came, but cannot be read. It may have been billed. Try again to ask once more."
    )


def too_large(route: Route) -> RequestTooLarge:
    """Make the error for a request that is over a limit of size."""
    return RequestTooLarge(
        f"The request is too large for {route.service}. Start a new thread, or send fewer or"
        " smaller pictures."
    )


def gone(route: Route, instead: str = "") -> ModelGone:
    """Make the error for a model that does not exist (any more). instead: one that does."""
    instead = instead or route.replaced_by
    way_out = f"Ask with --model {instead}, or set GEMINI_MODEL={instead}." if instead else ""
    return ModelGone(
        f"{route.host} has no model {route.model} (any more). {way_out or 'Set GEMINI_MODEL.'}"
    )


def judge(  # noqa: C901, PLR0911 - a table with a row for each status
    status: int, body: bytes, route: Route, retry_after: str = ""
) -> Refusal:
    """Say what an HTTP answer other than 200 means.

    body: its beginning. retry_after: that header. An error nested in a gateway's own decides.
    """
    found = problem_in(body)
    problem = found or Problem()
    status = problem.code or status
    match status:
        case 400:
            return _bad_request(problem, route)
        case 401 | 403:
            return Refusal(_key_rejected(problem, route))
        case 402:
            return Refusal(_no_quota(route))
        case 404:
            return Refusal(gone(route) if found else _no_api(route))
        case 413:
            return Refusal(too_large(route))
        case 429:
            return _rate_limited(problem, route, retry_after)
        case 503:
            return _busy(f"{route.service} is busy", told=_told(problem, retry_after))
        case 500 if found:
            return _busy(f"{route.service} had an error of its own", tries=2)
        case 408 | 499 | 504:
            return unknown(f"{route.service} took too long and gave up ({status}).")
        case _ if status >= 500 or status < 300:  # noqa: PLR2004 - the classes of HTTP
            return unknown(f"{route.service} broke off with status {status}.")
        case _:
            return Refusal(_rejected(problem, route, status))


def _bad_request(problem: Problem, route: Route) -> Refusal:
    message = problem.message
    if problem.detail("reason") == "API_KEY_INVALID" or _BAD_KEY.search(message):
        return Refusal(_key_rejected(problem, route))
    if _SIGNATURE.search(message):
        words = "The service refuses its own earlier picture. Start a new thread with the picture."
        return Refusal(SignatureRefused(words))
    if _TOO_LARGE.search(message):
        return Refusal(too_large(route))
    if problem.status == "FAILED_PRECONDITION":
        words = (
            f"{route.service} does not serve this key from here. The operator has to turn on"
            " billing for it, or run the bot in a country that is served."
        )
        return Refusal(CallRejected(words + _said(problem, route)))
    return Refusal(_rejected(problem, route, 400), without_system=bool(_NO_SYSTEM.search(message)))


def _rate_limited(problem: Problem, route: Route, retry_after: str) -> Refusal:
    violations = objects(problem.detail("violations"))
    if _NO_QUOTA.search(problem.message):
        return Refusal(_no_quota(route))
    if any("PerDay" in text(first(each, "quotaId", "quota_id")) for each in violations):
        words = (
            f"The quota of {route.service} for today is used up. Try again tomorrow; the operator"
            f" can raise it for the key in {route.key_name}."
        )
        return Refusal(QuotaGone(words))
    note = f"{route.service} takes no more requests for now"
    return _busy(note, told=_told(problem, retry_after))


def _busy(note: str, *, tries: int = TRIES, told: float | None = None) -> Refusal:
    when = "in a minute" if told is None else f"in about {_span(told)}"
    error = ServiceBusy(f"{note}. Nothing was billed. Try again {when}.")
    return Refusal(error, tries=tries, wait=told, note=note)


def _told(problem: Problem, retry_after: str) -> float | None:
    """Find how long the service asks to wait: RetryInfo, Retry-After, or in its words."""
    delay = text(problem.detail("retryDelay"))
    worded = _RETRY_IN.search(problem.message)
    for said in (delay, retry_after.strip(), worded[1] if worded else ""):
        if seconds := _SECONDS.fullmatch(said):
            return float(seconds[1])
    return None


def _span(seconds: float) -> str:
    for size, name in ((3600, "hours"), (60, "minutes")):
        if seconds > 2 * size:
            return f"{math.ceil(seconds / size)} {name}"
    return f"{math.ceil(seconds)} s"


def _no_quota(route: Route) -> QuotaGone:
    return QuotaGone(
        f"The key in {route.key_name} has no quota for {route.model} at {route.service}. The"
        " operator has to turn on billing or add credit; picture models have no free tier."
    )


def _no_api(route: Route) -> ModelGone:
    return ModelGone(
        f"{route.host} does not answer like Gemini. The operator has to check GEMINI_BASE_URL, and"
        f" that GEMINI_MODEL={route.model} is right."
    )


def _key_rejected(problem: Problem, route: Route) -> KeyRejected:
    words = f"{route.service} does not accept the key. The operator has to check {route.key_name}."
    return KeyRejected(words + _said(problem, route))


def _rejected(problem: Problem, route: Route, status: int) -> CallRejected:
    if 300 <= status < 400:  # noqa: PLR2004 - redirects
        return CallRejected(
            f"{route.host} answers with a redirect. The operator has to check GEMINI_BASE_URL."
        )
    words = f"{route.service} refuses the request ({status}). Change it before you try again."
    return CallRejected(words + _said(problem, route))


def _said(problem: Problem, route: Route) -> str:
    """Quote the service, without secrets, on one line of 300 characters at most."""
    said = " ".join(problem.message.split())
    if route.key:
        said = said.replace(route.key, "***")
    said = _SECRETS.sub("***", said)
    if not said:
        return ""
    said = said if len(said) <= _MOST_WORDS else f"{said[: _MOST_WORDS - 1]}…"
    return f" It says: {said}"
