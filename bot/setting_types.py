"""What the values of settings may be: each type checks its value and gives it one spelling.

The words of a ValueError that begin with "has" go on after the variable's name, others stand alone.
"""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticKnownError

from bot.access import Follow
from bot.commands import FLAGS
from bot.errors import UsageError
from bot.faults import PLATFORM_POINTS, POINTS
from bot.log import LogFormat, LogLevel
from bot.options import Thinking

MILLION = 1_000_000
SQLITE = "sqlite+aiosqlite://"
"""How the address of a database begins; its absolute path follows after one more slash."""
FILE = "file://"
"""How the address of a folder of blobs begins; its absolute path follows, percent-encoded."""


def _lower(value: str) -> str:
    return value.lower()


def _upper(value: str) -> str:
    return value.upper()


def _token(secret: SecretStr | None) -> SecretStr | None:
    """Refuse what a header cannot carry, before a library does it in the middle of a turn."""
    value = secret.get_secret_value() if secret else ""
    before = re.match(r"(?i)(bot|bearer)\s", value)
    if before:
        raise ValueError(f"has a word before it: {before[1]}. Remove that word")
    if not re.fullmatch(r"[!-~]*", value) or set("\"'`") & set(value):
        raise ValueError(
            "has a space, quote, line break or foreign letter that no key has. Copy it anew"
        )
    return secret


def _protocol(value: str) -> str:
    if value.lower() in {"openai", "anthropic"}:
        raise ValueError("has to be gemini or offline in this version")
    return value.lower()


def _web_address(*starts: str, cut: str = "", end: str = "") -> BeforeValidator:
    """Check how an address begins; bring its end into the form that paths are joined to."""

    def check(value: str) -> str:
        start = next((start for start in starts if value.lower().startswith(start)), "")
        rest = value[len(start) :].rstrip("/").removesuffix(cut)
        if not start or not _names_a_host(start + rest):
            raise ValueError(
                f"has to be an address that begins with {' or '.join(starts)}, without a user name"
            )
        return start + rest + end

    return BeforeValidator(check)


def _names_a_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname and parts.username is None and parts.port != 0)
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


def _ids(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Split a comma list of ids, as Slack (C0123ABCD) and Discord (digits) make them."""
    names = value.split(",") if isinstance(value, str) else value
    ids = tuple(name.strip() for name in names if name.strip())
    if not all(re.fullmatch(r"[A-Z0-9]+", name) for name in ids):
        raise ValueError("has to be ids with commas between (C0123ABCD,C0456EFGH), not names")
    return ids


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_here(host: str) -> bool:
    """Tell whether a host is this machine."""
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def _folder(value: str | Path) -> Path:
    if "?" in str(value):  # an address of a database ends there
        raise ValueError("has to be a folder without a question mark in its path")
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise ValueError("has to be a folder; nobody has this home folder") from None


def _database(value: str) -> str:
    if not re.fullmatch(rf"{re.escape(SQLITE)}//[^?]*[^?/]", value):
        raise ValueError(f"has to be {SQLITE}//path/threadpaint.db in this version")
    return value


def _blobs(value: str) -> str:
    if not re.fullmatch(rf"{FILE}/.*[^/].*", value):
        raise ValueError(f"has to begin with {FILE} in this version ({FILE}/path/to/folder)")
    return value


def _flag(name: str) -> BeforeValidator:
    """Read a value as the flag of the same meaning does."""
    flag = next(flag for flag in FLAGS if flag.name == name)

    def check(value: str) -> str:
        try:
            return str(flag.read(value))
        except UsageError as error:
            raise ValueError(str(error)) from None

    return BeforeValidator(check)


def _point(value: str) -> str:
    points = (*POINTS, *PLATFORM_POINTS)
    if value not in points:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(map(repr, points))})
    return value


Token: TypeAlias = Annotated[SecretStr | None, AfterValidator(_token)]
"""A secret that goes into a header."""
Protocol: TypeAlias = Annotated[Literal["gemini", "offline"], BeforeValidator(_protocol)]
ApiUrl: TypeAlias = Annotated[str, _web_address("https://", "http://")]
ApiFolderUrl: TypeAlias = Annotated[str, _web_address("https://", "http://", end="/")]
GeminiUrl: TypeAlias = Annotated[str, _web_address("https://", "http://", cut="/v1beta")]
GatewayUrl: TypeAlias = Annotated[str, _web_address("wss://", "ws://")]
Hosts: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_hosts)]
Port: TypeAlias = Annotated[int, Field(ge=0, le=65_535)]
Folder: TypeAlias = Annotated[Path, BeforeValidator(_folder)]
DatabaseUrl: TypeAlias = Annotated[str, BeforeValidator(_database)]
BlobUrl: TypeAlias = Annotated[str, BeforeValidator(_blobs)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Seconds: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Pause: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Dollars: TypeAlias = Annotated[Decimal, Field(le=MILLION, decimal_places=6)]
Price: TypeAlias = Annotated[_Dollars, Field(ge=0)]
Budget: TypeAlias = Annotated[_Dollars, Field(gt=0)]
AspectRatio: TypeAlias = Annotated[str, _flag("--ar")]
ImageSize: TypeAlias = Annotated[str, _flag("--size")]
ThinkingLevel: TypeAlias = Annotated[Thinking, _flag("--think")]
Safety: TypeAlias = Annotated[
    Literal[
        "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"
    ],
    BeforeValidator(_upper),
]
FollowPolicy: TypeAlias = Annotated[Follow, BeforeValidator(_lower)]
Ids: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_ids)]
Level: TypeAlias = Annotated[LogLevel, BeforeValidator(_lower)]
Layout: TypeAlias = Annotated[LogFormat, BeforeValidator(_lower)]
FaultPoint: TypeAlias = Annotated[str, BeforeValidator(_point)]
