"""What Slack tells us, as values: one class for each thing that can happen. Values only.

Ids are Slack's. A ``ts`` is Slack's message id, seconds and a counter with a dot between them.
``team`` is always the workspace that the app is installed in, whoever acts. ``external``: the
person who acts is at home in another organisation (Slack Connect). ``thread_ts`` is the root of
the thread; None for a message that is no reply, the root itself included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

ChannelType: TypeAlias = Literal["channel", "group", "im", "mpim", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are in one workspace. user: the bot user (U...). bot: the bot id (B...)."""

    team: str
    user: str
    bot: str
    app: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackFile:
    """A file of a message or a form.

    id: "" for the picture of a forwarded message that names no file. mime_type, size: as Slack
    says, None when it says nothing. url: needs the bot's token; "" when unknown. stub: files.info
    has to be asked first, because Slack Connect tells no more than the id, or no url is known yet.
    """

    id: str
    name: str
    mime_type: str | None
    size: int | None
    url: str
    stub: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message. text: as on the wire, entities and all. mention: it speaks to our bot user.

    channel_type: "" when Slack does not say (an app_mention). user: for the message of a message
    shortcut perhaps a bot, otherwise always a person. client_msg_id: repeats when one gesture
    arrives as two messages. event_id: "" for a message that was fetched.
    """

    team: str
    channel: str
    channel_type: ChannelType
    ts: str
    thread_ts: str | None
    user: str
    text: str
    files: tuple[SlackFile, ...]
    client_msg_id: str | None
    mention: bool
    external: bool
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A person changed the text of their message. before: the text that it had."""

    team: str
    channel: str
    ts: str
    thread_ts: str | None
    user: str
    text: str
    before: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A message is gone, anybody's. user: who had written it, "" when Slack does not say."""

    team: str
    channel: str
    ts: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Our own message with files has appeared. files: their ids."""

    team: str
    channel: str
    ts: str
    thread_ts: str | None
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """A slash command. text: as on the wire. There is no message and no thread to it."""

    team: str
    channel: str
    channel_name: str
    user: str
    user_name: str
    command: str
    text: str
    response_url: str
    trigger_id: str
    external: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A form as it stands at a person. hash: for an update that must not overtake another.

    values: by action_id; str for text and one choice, tuple of str for several, tuple of SlackFile
    for files, an id for a conversation, channel or person. Nothing entered is None, or () where
    several are possible. response_urls: of the conversation menus that ask for one.
    """

    id: str
    hash: str
    callback_id: str
    private_metadata: str
    values: Mapping[str, Any] = field(default_factory=dict)
    response_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicked:
    """A button was pressed or a menu chosen, in a message or in a view.

    channel, message_ts, response_url: "" in a view. value: the button's, or the chosen option's;
    "" when there is none. at: when, as a ts, another one for each click.
    """

    team: str
    channel: str
    message_ts: str
    thread_ts: str | None
    user: str
    user_name: str
    action: str
    value: str
    trigger_id: str
    response_url: str
    at: str
    view: View | None
    external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A form was sent."""

    team: str
    user: str
    user_name: str
    trigger_id: str
    view: View
    external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A shortcut. shortcut: its callback_id.

    channel, response_url: "" and message None for a global shortcut. message: whose it may be,
    ours (own) and other bots' included.
    """

    shortcut: str
    team: str
    user: str
    user_name: str
    trigger_id: str
    channel: str
    message: Said | None
    response_url: str
    own: bool
    external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeOpened:
    """A person opened the app. tab: "home" or "messages"."""

    team: str
    user: str
    tab: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A person pressed Slack's own Stop button."""

    team: str
    channel: str
    thread_ts: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """The app was taken out of the workspace, or its bot token was revoked."""

    team: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Nothing for us. why: for the log."""

    why: str


Event: TypeAlias = (
    Said
    | Edited
    | Deleted
    | Shared
    | Commanded
    | Clicked
    | Submitted
    | Asked
    | HomeOpened
    | Stopped
    | Removed
    | Ignored
)
