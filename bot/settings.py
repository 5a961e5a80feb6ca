"""The operator's settings: what can be set, and what follows; ``environment`` reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import Field, PrivateAttr, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.access import Access
from bot.log import Redactor
from bot.options import GenerationOptions
from bot.ports import Caps
from bot.profiles import DEFAULT_MODELS, Provider
from bot.setting_types import (
    FILE,
    MILLION,
    SQLITE,
    ApiFolderUrl,
    ApiUrl,
    AspectRatio,
    BlobUrl,
    Budget,
    Count,
    DatabaseUrl,
    FaultPoint,
    Folder,
    FollowPolicy,
    GatewayUrl,
    GeminiUrl,
    Hosts,
    Ids,
    ImageSize,
    Layout,
    Level,
    Pause,
    Port,
    Price,
    Protocol,
    Safety,
    Seconds,
    ThinkingLevel,
    Token,
    is_here,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from pydantic_settings import PydanticBaseSettingsSource

PREFIX = "THREADPAINT_"
_WITHOUTPREFIX = (
    "slack_", "discord_", "wisdom_gate_", "gemini_", "model_protocol", "data_dir", "database_url",
    "blob_url", "attachment_hosts", "http_",
)  # fmt: skip
_BASE_URLS: Mapping[Provider, str] = {
    "google": "https://generativelanguage.googleapis.com",
    "wisdom-gate": "https://wisdom-gate.juheapi.com",
    "offline": "",
}
_BEGINNINGS = {"slack_bot_token": ("xoxb-", "xoxe.xoxb-"), "slack_app_token": ("xapp-",)}


def variable(field: str) -> str:
    """Name the environment variable of a field."""
    return field.upper() if field.startswith(_WITHOUTPREFIX) else PREFIX + field.upper()


def _database(earlier: Mapping[str, Any]) -> str:
    return f"{SQLITE}/{earlier['data_dir'].as_posix()}/threadpaint.db"


def _blobs(earlier: Mapping[str, Any]) -> str:
    return str((earlier["data_dir"] / "blobs").as_uri())


class Setting(NamedTuple):
    """One line of ``threadpaint check``.

    value: "set" instead of a secret, "" when there is none. source: "environment", ".env", the
    file of a NAME_FILE, or "default".
    """

    name: str
    value: str
    source: str


class Settings(BaseSettings):
    """What the operator decided; ``load`` makes it, a test may name fields instead.

    Times are in seconds, money in US dollars. None means not set. The words below a field are its
    line in ``.env.example``.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        alias_generator=variable,
        validate_by_name=True,
        validate_default=False,
        hide_input_in_errors=True,
    )

    slack_bot_token: Token = None
    """Slack: the bot's token, xoxb-..."""
    slack_app_token: Token = None
    """Slack, Socket Mode: the app-level token, xapp-..."""
    slack_signing_secret: SecretStr | None = None
    """Slack, HTTP mode (no app-level token): the signing secret."""
    slack_client_id: str | None = None
    """Slack, HTTP mode for many workspaces: the client id (not used by this version)"""
    slack_client_secret: SecretStr | None = None
    """Slack, HTTP mode for many workspaces: the client secret (not used by this version)"""
    slack_api_url: ApiFolderUrl = "https://slack.com/api/"
    """Slack: where its API is."""

    discord_token: Token = None
    """Discord: the bot's token."""
    discord_api_url: ApiUrl = "https://discord.com/api/v10"
    """Discord: where its API is."""
    discord_gateway_url: GatewayUrl | None = None
    """Discord: where its gateway is; when empty, the API is asked."""

    wisdom_gate_key: Token = None
    """The key for Wisdom Gate; when it is set, pictures come from there."""
    gemini_api_key: Token = None
    """The key for Google's Gemini API."""
    gemini_base_url: GeminiUrl | None = None
    """Another address of the image model, without /v1beta; when empty, the key's own service."""
    gemini_model: str | None = None
    """Another image model; when empty, the service's default one."""
    model_protocol: Protocol = "gemini"
    """Which protocol: gemini, or offline for demo pictures without any service or cost."""

    data_dir: Folder = Field(default=Path("data"), validate_default=True)
    """The folder for the database, the pictures and the lock."""
    database_url: DatabaseUrl = Field(default_factory=_database)
    """The database, sqlite+aiosqlite:////path/threadpaint.db; when empty, in DATA_DIR."""
    blob_url: BlobUrl = Field(default_factory=_blobs)
    """The folder where pictures are kept, file:///path/to/folder; when empty, in DATA_DIR."""
    attachment_hosts: Hosts = ()
    """More hosts that attachments may be fetched from: names with commas between, no port."""
    http_host: str = "127.0.0.1"
    """The address that the web server listens on (Slack's HTTP mode)."""
    http_port: Port = 8080
    """The port that the web server listens on; 0 takes a free one."""

    person_running: Count = 2
    """Turns of one person that run at once; the rest wait."""
    workspace_running: Count = 16
    """Turns of one workspace that run at once; the rest wait."""
    total_running: Count = 64
    """Turns that run at once in all; the rest wait."""
    person_daily_pictures: Count | None = None
    """Pictures that one person may ask for in a day (UTC); empty for no limit."""
    workspace_daily_usd: Budget | None = None
    """US dollars that one workspace may spend in a day (UTC); empty for no limit."""
    workspace_monthly_usd: Budget | None = None
    """US dollars that one workspace may spend in a month (UTC); empty for no limit."""
    confirm_above_usd: Price | None = None
    """US dollars above which a turn waits until the person agrees; empty to never ask."""

    connect_seconds: Seconds = 10
    """Seconds to wait for a connection to the image model."""
    write_seconds: Seconds = 60
    """Seconds to wait while nothing of a request can be sent."""
    read_seconds: Seconds = 180
    """Seconds to wait for an answer of the image model."""
    long_read_seconds: Seconds = 300
    """Seconds to wait when the picture is 4K, searched for or thought about for long."""
    slow_notice_seconds: Seconds = 35
    """Seconds after which a person is told that the picture takes longer."""
    drain_seconds: Pause = 120
    """Seconds to finish what runs when the process is asked to stop."""
    max_request_mb: Count | None = None
    """Megabytes (1,000,000 bytes) of one request at most; empty for the model's own limit."""
    transfers: Count = 16
    """Transfers to and from the image model at once."""

    aspect_ratio: AspectRatio | None = None
    """The ratio of pictures for which nobody named one, such as 16:9; empty for the model's."""
    image_size: ImageSize | None = None
    """The size when nobody named one: 0.5K, 1K, 2K or 4K; which of them depends on the model."""
    thinking: ThinkingLevel | None = None
    """How long to think: minimal, medium or high; which of them depends on the model."""
    safety_threshold: Safety | None = None
    """Safety: BLOCK_LOW_AND_ABOVE, BLOCK_MEDIUM_AND_ABOVE, BLOCK_ONLY_HIGH, BLOCK_NONE or OFF."""
    system_instruction: str | None = None
    """Standing instructions for every picture, such as a house style."""
    follow: FollowPolicy = "follow"
    """Replies that count in the bot's threads: follow (all), mention, owner of the thread."""
    allowed_channels: Ids = ()
    """Ids of the channels where the bot answers, with commas between; empty for all."""
    allowed_groups: Ids = ()
    """Ids of user groups or roles whose members may ask; empty for everybody."""
    blocked_people: Ids = ()
    """Ids of people whom the bot does not answer."""
    admins: Ids = ()
    """Ids of people who may do what admins may, beside the workspace's own admins."""
    external_people: bool = False
    """Whether people of other organisations in shared channels may ask: true or false."""

    log_level: Level = "info"
    """How much is logged: debug, info, warning or error; debug adds the lines of libraries."""
    log_format: Layout = "text"
    """How it is logged: text for people, json for machines."""
    fault_point: FaultPoint | None = None
    """For tests only: the name of a point at which the process kills itself."""

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # the rest come by name, too
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the base class passes it by name
        init_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what ``load`` found, so that no test reads its machine's environment."""
        return (init_settings,)

    @property
    def provider(self) -> Provider:
        """Who paints: the offline demo when told so or when there is no key."""
        if self.model_protocol == "offline":
            return "offline"
        if self.wisdom_gate_key:
            return "wisdom-gate"
        return "google" if self.gemini_api_key else "offline"

    @property
    def key_name(self) -> str:
        """Name the variable of the key in use, "" when there is none."""
        return {"wisdom-gate": "WISDOM_GATE_KEY", "google": "GEMINI_API_KEY"}.get(self.provider, "")

    @property
    def api_key(self) -> str:
        """Reveal the key in use, "" when there is none."""
        keys = {"wisdom-gate": self.wisdom_gate_key, "google": self.gemini_api_key}
        key = keys.get(self.provider)
        return key.get_secret_value() if key else ""

    @property
    def base_url(self) -> str:
        """Where the image model is, without a slash or a version at the end; "" when offline."""
        own = _BASE_URLS[self.provider]
        return self.gemini_base_url or own if own else ""

    @property
    def model(self) -> str:
        """Name the operator's default model."""
        own = DEFAULT_MODELS[self.provider]
        return own if self.provider == "offline" else self.gemini_model or own

    @property
    def confirm_above(self) -> int | None:
        """The price above which a turn has to be confirmed, in micro-dollars."""
        return _micro_dollars(self.confirm_above_usd)

    @property
    def max_request_bytes(self) -> int | None:
        """The operator's limit of one request, in bytes."""
        return None if self.max_request_mb is None else self.max_request_mb * MILLION

    @property
    def database_path(self) -> Path:
        """The file of the database."""
        return Path(self.database_url.removeprefix(f"{SQLITE}/"))

    @property
    def blobs_folder(self) -> Path:
        """The folder where blobs are kept."""
        return Path(unquote(self.blob_url.removeprefix(FILE)))

    def access(self) -> Access:
        """Say who may ask, in the core's words."""
        return Access(
            channels=frozenset(self.allowed_channels),
            groups=frozenset(self.allowed_groups),
            blocked=frozenset(self.blocked_people),
            admins=frozenset(self.admins),
            external=self.external_people,
        )

    def caps(self) -> Caps:
        """Say how much may run and be spent, in the core's units."""
        return Caps(
            person=self.person_running,
            workspace=self.workspace_running,
            total=self.total_running,
            person_daily_pictures=self.person_daily_pictures,
            workspace_daily_budget=_micro_dollars(self.workspace_daily_usd),
            workspace_monthly_budget=_micro_dollars(self.workspace_monthly_usd),
        )

    def default_options(self) -> GenerationOptions:
        """Say what holds when neither message, thread nor channel says it."""
        return GenerationOptions(
            aspect_ratio=self.aspect_ratio, image_size=self.image_size, thinking=self.thinking
        )

    def chat_platforms(self) -> tuple[Literal["slack", "discord"], ...]:
        """List the platforms that have enough tokens to be tried.

        Slack needs its bot token and either the app-level one (Socket Mode) or the signing secret
        (HTTP mode); with both it is Socket Mode.
        """
        slack = self.slack_bot_token and (self.slack_app_token or self.slack_signing_secret)
        return (*(("slack",) if slack else ()), *(("discord",) if self.discord_token else ()))

    def secrets(self) -> tuple[str, ...]:
        """Reveal every secret value, for ``bot.log`` to hide."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))

    def note_sources(self, sources: Mapping[str, str]) -> None:
        """Remember where each variable came from, for ``describe``."""
        self._sources.update(sources)

    def describe(self) -> list[Setting]:
        """List every setting as it is in force, without a secret."""
        hide = Redactor(self.secrets())
        derived = {"gemini_base_url": self.base_url, "gemini_model": self.model}
        return [
            Setting(
                name=variable(name),
                value=hide(_shown(derived.get(name, getattr(self, name)))),
                source=self._sources.get(variable(name), "default"),
            )
            for name in type(self).model_fields
        ]

    def warnings(self) -> list[str]:
        """List what is allowed but probably not meant, each a sentence with what to do."""
        return [*self._odd_model(), *self._odd_chat(), *self._odd_rest()]

    def _odd_model(self) -> Iterator[str]:
        if self.wisdom_gate_key and self.gemini_api_key:
            yield (
                "WISDOM_GATE_KEY and GEMINI_API_KEY are both set. WISDOM_GATE_KEY is used; remove"
                " it to use Google."
            )
        if self.provider == "offline" and self.model_protocol != "offline":
            yield (
                "There is no key, so pictures come from the offline demo. Set GEMINI_API_KEY or"
                " WISDOM_GATE_KEY."
            )
        unused = [name for name in ("gemini_base_url", "gemini_model") if getattr(self, name)]
        if self.provider == "offline" and unused:
            yield f"The offline demo does not use {' and '.join(map(variable, unused))}."
        address = urlsplit(self.base_url)
        if address.scheme == "http" and not is_here(address.hostname or ""):
            yield "GEMINI_BASE_URL begins with http://, so the key travels unprotected. Use https."

    def _odd_chat(self) -> Iterator[str]:
        for name, beginnings in _BEGINNINGS.items():
            secret: SecretStr | None = getattr(self, name)
            if secret and not secret.get_secret_value().startswith(beginnings):
                yield f"{variable(name)} should begin with {beginnings[0]}. Is it another token?"
        slack = (self.slack_bot_token, self.slack_app_token, self.slack_signing_secret)
        if any((*slack, self.slack_client_secret)) and "slack" not in self.chat_platforms():
            yield (
                "Slack is not complete. Set SLACK_BOT_TOKEN with SLACK_APP_TOKEN (Socket Mode) or"
                " with SLACK_SIGNING_SECRET (HTTP mode)."
            )

    def _odd_rest(self) -> Iterator[str]:
        limits = (
            self.person_daily_pictures, self.workspace_daily_usd, self.workspace_monthly_usd
        )  # fmt: skip
        if self.key_name and not any(limits):
            yield (
                "Nothing limits spending: no quota and no budget is set."
                " Set THREADPAINT_WORKSPACE_DAILY_USD."
            )
        if self.long_read_seconds < self.read_seconds:
            yield (
                "THREADPAINT_LONG_READ_SECONDS is less than THREADPAINT_READ_SECONDS, so slow"
                " pictures get less time than quick ones. Raise it."
            )
        if self.fault_point:
            yield (
                f"THREADPAINT_FAULT_POINT is set: the process will stop at {self.fault_point}."
                " Remove it outside of tests."
            )


def _shown(value: object) -> str:
    """Print a value for people; a secret only as being set."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return "set"
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _micro_dollars(dollars: Decimal | None) -> int | None:
    return None if dollars is None else int(dollars * MILLION)
