"""What is asked of Slack before anything listens: are the tokens and the scopes good?"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError

from adapters.slack.manifest import SCOPES, missing
from adapters.slack.values import Identity
from bot.errors import DependencyDown, SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from slack_sdk.web.async_client import AsyncWebClient
    from slack_sdk.web.async_slack_response import AsyncSlackResponse

_log = structlog.get_logger(__name__)

_PAUSE = 30  # seconds, when Slack asks to wait and does not say how long
_PASSING = frozenset({
    "fatal_error", "internal_error", "org_login_required", "ratelimited", "request_timeout",
    "service_unavailable", "team_added_to_org",
})  # fmt: skip
"""Error words that say nothing about our tokens: Slack's own trouble, or a workspace that moves."""

_INSTALL = "Install the app again (Install App on its page at api.slack.com/apps)"
_COPY = "copy the Bot User OAuth Token from your app's page, OAuth & Permissions."
_COPY_AGAIN = "Copy the Bot User OAuth Token again from your app's page, OAuth & Permissions."
_BOT_ADVICE = {
    "account_inactive": f"{_INSTALL}, then {_COPY}",
    "token_revoked": f"{_INSTALL}, then {_COPY}",
    "token_expired": "Tokens of this app expire. Create the app again from what"
    " `threadpaint slack-manifest` prints, which turns that off.",
}
_APP_ADVICE = (
    "Make an app-level token with connections:write on your app's page (Basic Information,"
    " App-Level Tokens) and see that Socket Mode is on."
)


async def preflight(
    client: AsyncWebClient,
    app_token: str | None,
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Identity:
    """Check the tokens and the granted scopes, and say who the bot is.

    client: has the bot's token. app_token: for Socket Mode, None for HTTP mode; a bad one would
    keep slack_sdk's ``connect_async`` trying for ever. sleep: waits when Slack asks for it.

    Raises SettingsError for what the operator has to change, DependencyDown when Slack cannot be
    reached or is out of order, which may pass. Each is one line.
    """
    answer = await _ask(client, "auth.test", sleep)
    identity = _identity(answer, app_token or "")
    _check_scopes(answer.headers.get("x-oauth-scopes"))
    if app_token is not None:
        await _ask(client, "apps.connections.open", sleep, app_token)
    return identity


def _identity(answer: AsyncSlackResponse, app_token: str) -> Identity:
    """Read auth.test's answer; the id of the app stands in its app-level token, if anywhere."""
    team, user, bot = (answer.get(name) for name in ("team_id", "user_id", "bot_id"))
    if not (team and user and bot):
        raise SettingsError(f"SLACK_BOT_TOKEN is not the token of a bot. {_COPY_AGAIN}")
    app = re.match(r"xapp-\d+-(A[A-Z0-9]+)-", app_token)
    return Identity(team=team, user=user, bot=bot, app=app[1] if app else "")


def _check_scopes(header: str | None) -> None:
    """Compare what Slack's header says (docs.slack.dev: on every answer) with what is needed."""
    if header is None:
        _log.warning("slack did not say which permissions the app has; they are not checked")
        return
    absent = missing(scope.strip() for scope in header.split(","))
    if absent.needed:
        raise SettingsError(
            f"SLACK_BOT_TOKEN lacks permissions: {', '.join(absent.needed)}. Run"
            " `threadpaint slack-manifest`, paste what it prints under App Manifest on your app's"
            " page, then install the app again (Install App)."
        )
    for scope in absent.optional:
        _log.warning(
            "the slack app lacks an optional permission",
            permission=scope,
            does_not_work=SCOPES[scope].feature,
        )


async def _ask(
    client: AsyncWebClient,
    method: str,
    sleep: Callable[[float], Awaitable[object]],
    app_token: str | None = None,
) -> AsyncSlackResponse:
    """Call a method without arguments, as the bot or as the app, until Slack takes it."""
    while True:
        try:
            # The client's own time-out does not hold in a session that is shared.
            async with asyncio.timeout(client.timeout):
                return await client.api_call(method, params={"token": app_token})
        except SlackApiError as error:
            pause = _pause(error)
            if pause is None:
                raise _refusal(client, error, app=app_token is not None) from error
            _log.warning("slack asks to wait", method=method, seconds=pause)
            await sleep(pause)
        except TimeoutError as error:
            raise _unreachable(client, f"no answer within {client.timeout} s") from error
        except aiohttp.ClientError as error:
            raise _unreachable(client, str(error) or type(error).__name__) from error
        except AttributeError as error:  # how slack_sdk meets an answer that is no JSON object
            raise _unreachable(client, "the answer is not Slack's") from error


def _status(error: SlackApiError) -> int:
    """Read the HTTP status; the response is aiohttp's own when its JSON is broken."""
    response = error.response
    return int(getattr(response, "status_code", 0) or getattr(response, "status", 0))


def _pause(error: SlackApiError) -> int | None:
    """Say how many seconds Slack asks to wait, None when it does not."""
    if _status(error) != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    headers: Mapping[str, str] = error.response.headers
    seconds = headers.get("Retry-After", "")
    return int(seconds) if seconds.isdecimal() else _PAUSE


def _refusal(
    client: AsyncWebClient, error: SlackApiError, *, app: bool
) -> SettingsError | DependencyDown:
    """Tell a token that Slack does not take from trouble that has nothing to do with it."""
    answer = getattr(error.response, "data", None)
    word = str(answer.get("error", "")) if isinstance(answer, dict) else ""
    status = _status(error)
    if not re.fullmatch(r"[a-z_]{1,60}", word):
        return _unreachable(client, f"the answer is not Slack's, HTTP status {status}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or word in _PASSING:
        return _unreachable(client, word)
    variable = "SLACK_APP_TOKEN" if app else "SLACK_BOT_TOKEN"
    advice = _APP_ADVICE if app else _BOT_ADVICE.get(word, _COPY_AGAIN)
    return SettingsError(f"{variable} was refused by Slack ({word}). {advice}")


def _unreachable(client: AsyncWebClient, why: str) -> DependencyDown:
    return DependencyDown(
        f"Slack cannot be reached at {client.base_url} ({why}). Check the network, the proxy,"
        " SLACK_API_URL and status.slack.com."
    )
