"""The operator's settings: what can be set, and what follows; ``environment`` reads them."""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.commands import FLAGS
from bot.errors import UsageError
from bot.log import LogFormat, LogLevel, Redactor
from bot.options import GenerationOptions, Thinking
from bot.ports import Caps
from bot.profiles import DEFAULT_MODELS, Provider

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_settings import PydanticBaseSettingsSource

PREFIX = "THREADPAINT_"
_WITHOUTPREFIX = (
    "slack_", "discord_", "wisdom_gate_", "gemini_", "model_protocol", "data_dir", "database_url",
    "blob_url", "attachment_hosts", "http_",
)  # fmt: skip
_MILLION = 1_000_000
_WEB = ("https", "http", "wss", "ws")
_BASE_URLS: Mapping[Provider, str] = {
    "google": "https://generativelanguage.googleapis.com",
    "wisdom-gate": "https://wisdom-gate.juheapi.com",
    "offline": "",
}
_BEGINNINGS = {"slack_bot_token": ("xoxb-", "xoxe.xoxb-"), "slack_app_token": ("xapp-",)}


def variable(field: str) -> str:
    """Name the environment variable of a field."""
    return field.upper() if field.startswith(_WITHOUTPREFIX) else PREFIX + field.upper()


def _lower(value: str) -> str:
    return value.lower()


def _upper(value: str) -> str:
    return value.upper()


def _protocol(value: str) -> str:
    if value.lower() in {"openai", "anthropic"}:
        raise ValueError("has to be gemini or offline in this version")
    return value.lower()


def _address(*starts: str, cut: str = "", end: str = "") -> BeforeValidator:
    """Check how an address begins; bring its end into the form that paths are joined to."""
    but = ", without a user name" if starts[0].removesuffix("://") in _WEB else ""

    def check(value: str) -> str:
        start = next((start for start in starts if value.lower().startswith(start)), value)
        rest = value[len(start) :].rstrip("/").removesuffix(cut)
        if not rest or not _names_a_place(start + rest):
            raise ValueError(f"has to be an address that begins with {' or '.join(starts)}{but}")
        return start + rest + end

    return BeforeValidator(check)


def _names_a_place(address: str) -> bool:
    """Look into a web address; the others are read by those who use them."""
    try:
        parts = urlsplit(address)
        return parts.scheme not in _WEB or bool(
            parts.hostname and parts.username is None and parts.port != 0
        )
    except ValueError:
        return False


def _hosts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Split a comma list of host names."""
    names = value.split(",") if isinstance(value, str) else value
    hosts = tuple(name.strip().lower() for name in names if name.strip())
    for host in hosts:
        if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", host) and not _is_ip(host):
            raise ValueError(
                "has to be host names with commas between (files.example.org,10.0.0.7),"
                " without https:// and without a port"
            )
    return hosts


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _folder(value: str | Path) -> Path:
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise ValueError("has to be a folder; nobody has this home folder") from None


def _flag(name: str) -> BeforeValidator:
    """Read a value as the flag of the same meaning does."""
    flag = next(flag for flag in FLAGS if flag.name == name)

    def check(value: str) -> str:
        try:
            return str(flag.read(value))
        except UsageError as error:
            raise ValueError(str(error)) from None

    return BeforeValidator(check)


def _database(earlier: Mapping[str, Any]) -> str:
    return f"sqlite+aiosqlite:///{earlier['data_dir'].as_posix()}/threadpaint.db"


def _blobs(earlier: Mapping[str, Any]) -> str:
    return str((earlier["data_dir"] / "blobs").as_uri())


Count: TypeAlias = Annotated[int, Field(ge=1)]
Seconds: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Dollars: TypeAlias = Annotated[Decimal, Field(le=_MILLION, decimal_places=6)]
Budget: TypeAlias = Annotated[Dollars, Field(gt=0)]
Safety: TypeAlias = Literal[
    "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"
]
Follow: TypeAlias = Literal["follow", "mention", "owner"]


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

    slack_bot_token: SecretStr | None = None
    """Slack: the bot's token, xoxb-..."""
    slack_app_token: SecretStr | None = None
    """Slack, Socket Mode: the app-level token, xapp-..."""
    slack_signing_secret: SecretStr | None = None
    """Slack, HTTP mode (used when there is no app-level token): the signing secret."""
    slack_client_id: str | None = None
    """Slack, HTTP mode for many workspaces: the client id."""
    slack_client_secret: SecretStr | None = None
    """Slack, HTTP mode for many workspaces: the client secret."""
    slack_api_url: Annotated[str, _address("https://", "http://", end="/")] = (
        "https://slack.com/api/"
    )
    """Slack: where its API is."""

    discord_token: SecretStr | None = None
    """Discord: the bot's token."""
    discord_api_url: Annotated[str, _address("https://", "http://")] = "https://discord.com/api/v10"
    """Discord: where its API is."""
    discord_gateway_url: Annotated[str, _address("wss://", "ws://")] | None = None
    """Discord: where its gateway is; when empty, the API is asked."""

    wisdom_gate_key: SecretStr | None = None
    """The key for Wisdom Gate; when it is set, pictures come from there."""
    gemini_api_key: SecretStr | None = None
    """The key for Google's Gemini API."""
    gemini_base_url: Annotated[str, _address("https://", "http://", cut="/v1beta")] | None = None
    """Another address of the image model, without /v1beta; when empty, the key's own service."""
    gemini_model: str | None = None
    """Another image model; when empty, the service's default one."""
    model_protocol: Annotated[Literal["gemini", "offline"], BeforeValidator(_protocol)] = "gemini"
    """Which protocol: gemini, or offline for demo pictures without any service or cost."""

    data_dir: Annotated[Path, BeforeValidator(_folder)] = Field(
        default=Path("data"), validate_default=True
    )
    """The folder for the database, the pictures and the lock."""
    database_url: Annotated[str, _address("sqlite+aiosqlite:///", "postgresql+psycopg://")] = Field(
        default_factory=_database, repr=False
    )
    """The database; when empty, threadpaint.db in DATA_DIR."""
    blob_url: Annotated[str, _address("file:///", "s3://")] = Field(default_factory=_blobs)
    """Where pictures are kept, file:///folder or s3://bucket/prefix; when empty, in DATA_DIR."""
    attachment_hosts: Annotated[tuple[str, ...], BeforeValidator(_hosts)] = ()
    """More hosts that attachments may come from: names with commas between, without a port."""
    http_host: str = "127.0.0.1"
    """The address that the web server listens on."""
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
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
    confirm_above_usd: Annotated[Dollars, Field(ge=0)] | None = None
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
    drain_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 120
    """Seconds to finish what runs when the process is asked to stop."""
    max_request_mb: Count | None = None
    """Megabytes (1,000,000 bytes) of one request at most; empty for the model's own limit."""
    transfers: Count = 16
    """Transfers to and from the image model at once."""

    aspect_ratio: Annotated[str, _flag("--ar")] | None = None
    """The ratio of pictures for which nobody named one, such as 16:9; empty for the model's."""
    image_size: Annotated[str, _flag("--size")] | None = None
    """The size of pictures for which nobody named one, such as 2K; empty for the model's."""
    thinking: Annotated[Thinking, _flag("--think")] | None = None
    """How long to think when nobody said it: minimal, medium or high; empty for the model's."""
    safety_threshold: Annotated[Safety, BeforeValidator(_upper)] | None = None
    """Safety: BLOCK_LOW_AND_ABOVE, BLOCK_MEDIUM_AND_ABOVE, BLOCK_ONLY_HIGH, BLOCK_NONE or OFF."""
    system_instruction: str | None = None
    """Standing instructions for every picture, such as a house style."""
    follow: Annotated[Follow, BeforeValidator(_lower)] = "follow"
    """Which replies count: follow (all), mention (of the bot), owner (by who began the thread)."""

    log_level: Annotated[LogLevel, BeforeValidator(_lower)] = "info"
    """How much is logged: debug, info, warning or error; debug also shows what people write."""
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = "text"
    """How it is logged: text for people, json for machines."""
    fault_point: str | None = None
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
        return None if self.max_request_mb is None else self.max_request_mb * _MILLION

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

        Slack needs its bot token and the app-level one (Socket Mode), or a signing secret and the
        bot token or both client values (HTTP mode).
        """
        client = self.slack_client_id and self.slack_client_secret
        if self.slack_app_token:
            slack = bool(self.slack_bot_token)
        else:
            slack = bool(self.slack_signing_secret and (self.slack_bot_token or client))
        return (*(("slack",) if slack else ()), *(("discord",) if self.discord_token else ()))

    def secrets(self) -> tuple[str, ...]:
        """Reveal every secret value, passwords in addresses too, for ``bot.log`` to hide."""
        found: list[str] = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                found.append(value.get_secret_value())
            elif isinstance(value, str) and "://" in value:
                found += _passwords(value)
        return tuple(found)

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
        if address.scheme == "http" and not _is_here(address.hostname or ""):
            yield "GEMINI_BASE_URL begins with http://, so the key travels unprotected. Use https."

    def _odd_chat(self) -> Iterator[str]:
        for name, beginnings in _BEGINNINGS.items():
            secret: SecretStr | None = getattr(self, name)
            if secret and not secret.get_secret_value().startswith(beginnings):
                yield f"{variable(name)} should begin with {beginnings[0]}. Is it another token?"
        if self.discord_token and self.discord_token.get_secret_value().startswith("Bot "):
            yield "DISCORD_TOKEN should be the token alone. Remove the word Bot before it."
        slack = (self.slack_bot_token, self.slack_app_token, self.slack_signing_secret)
        if any((*slack, self.slack_client_secret)) and "slack" not in self.chat_platforms():
            yield (
                "Slack is not complete. Set SLACK_BOT_TOKEN with SLACK_APP_TOKEN (Socket Mode), or"
                " SLACK_SIGNING_SECRET with SLACK_BOT_TOKEN or SLACK_CLIENT_ID and"
                " SLACK_CLIENT_SECRET (HTTP mode)."
            )

    def _odd_rest(self) -> Iterator[str]:
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


def _passwords(address: str) -> tuple[str, ...]:
    password = urlsplit(address).password
    return (password, unquote(password)) if password else ()


def _is_here(host: str) -> bool:
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def _micro_dollars(dollars: Decimal | None) -> int | None:
    return None if dollars is None else int(dollars * _MILLION)
