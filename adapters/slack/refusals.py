"""Slack's error words: what each means for the next step, and how people are told."""

from __future__ import annotations

GONE = frozenset(
    {
        "account_inactive",
        "app_uninstalled",
        "invalid_auth",
        "not_authed",
        "team_access_not_granted",
        "team_disabled",
        "token_expired",
        "token_revoked",
    }
)
"""The token is good for nothing any more."""

MAYBE_DONE = frozenset({"fatal_error", "internal_error", "service_unavailable"})
"""Slack's reference says of the first two that part of the work may have been done."""

LATER = frozenset(
    {"http_407", "http_408", "ratelimited", "request_timeout", "team_added_to_org", "unreachable"}
)
"""The same call may work in a minute; every other refusal stays what it is."""

CLOSED = frozenset(
    {
        "cannot_reply_to_message",
        "channel_not_found",
        "is_archived",
        "is_inactive",
        "no_permission",
        "not_in_channel",
        "posting_to_channel_denied",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "thread_not_found",
    }
)
"""Nothing can be posted at this place any more, though elsewhere it may."""

UNFIT_FILE = frozenset({"file_type_not_allowed", "file_upload_size_restricted"})
"""This file was not taken; a smaller JPEG may be."""

_WORDS = {
    "channel_not_found": "I cannot see that channel (any more). Invite me there and try again.",
    "not_in_channel": "I am not a member of that channel. Invite me there and try again.",
    "is_archived": "That channel is archived. Ask again in another channel.",
    "thread_not_found": "That thread was deleted. Ask again in a new one.",
    "no_permission": "I may not post in that channel. Ask its owner, or ask me elsewhere.",
    "restricted_action_thread_locked": "That thread is locked. Ask again in another one.",
    "missing_scope": (
        "The Slack app lacks a permission. The operator has to install it again with the scopes of"
        " its manifest."
    ),
    "storage_limit_reached": (
        "The file storage of this Slack workspace is full, so the picture cannot be posted. It is"
        " kept: free some space, then try again."
    ),
    "file_uploads_disabled": (
        "Uploads are switched off in this Slack workspace, so the picture cannot be posted. It is"
        " kept: ask an admin, then try again."
    ),
    "file_type_not_allowed": (
        "This Slack workspace does not take pictures as files, not even JPEG. The picture is kept:"
        " ask an admin, then try again."
    ),
    "file_upload_size_restricted": (
        "This Slack workspace does not even take a small copy of the picture. It is kept: ask an"
        " admin, then try again."
    ),
    "ratelimited": "Slack is busy with too many messages. Try again in a minute.",
    "unreachable": "Slack cannot be reached. Try again in a minute.",
}
_CLOSED_WORDS = "I may not post there (any more). Ask me in another channel or in a direct message."
_GONE_WORDS = (
    "The Slack app was removed from the workspace, or its token was revoked. The operator has to"
    " install it again."
)


_REASONS = {
    "is_archived": "the channel is archived",
    "restricted_action_thread_locked": "the thread is locked",
    "thread_not_found": "the thread was deleted",
    "channel_not_found": "I cannot see the channel any more",
    "not_in_channel": "I am not a member of the channel",
}


def reason_of(code: str) -> str:
    """Say why nothing can be posted at a place, as a part of a sentence."""
    return _REASONS.get(code, "I may not post there any more")


def words_of(code: str) -> str:
    """Say for people what an error word of Slack means and what to do."""
    if code in _WORDS:
        return _WORDS[code]
    if code in GONE:
        return _GONE_WORDS
    if code in CLOSED:
        return _CLOSED_WORDS
    return f"Slack refused this ({code}). Try again, or tell the operator."
