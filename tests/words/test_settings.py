from __future__ import annotations

import ast
import inspect
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import bot.settings
from bot.environment import load
from bot.errors import SettingsError
from bot.options import GenerationOptions
from bot.ports import Caps
from bot.settings import Settings

UNUSED = "(not used by this version)"
NOTHING_LIMITS = (
    "Nothing limits spending: no quota and no budget is set. Set THREADPAINT_WORKSPACE_DAILY_USD."
)
EXAMPLE = Path(__file__).parents[2] / ".env.example"
VARIABLES = {str(field.alias): name for name, field in Settings.model_fields.items()}
SECRETS = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_CLIENT_SECRET",
    "DISCORD_TOKEN",
    "WISDOM_GATE_KEY",
    "GEMINI_API_KEY",
    "DATABASE_URL",
)


def settings(**environ: str) -> Settings:
    return load(environ, env_file=None)


def problems(environ: dict[str, str], env_file: Path | None = None) -> list[str]:
    with pytest.raises(SettingsError) as wrong:
        load(environ, env_file=env_file)
    return str(wrong.value).splitlines()


def example_lines() -> dict[str, str]:
    found = re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    assert len(found) == len(dict(found)), "a setting stands twice in .env.example"
    return dict(found)


def explanations() -> dict[str, str]:
    """Read the words below each field of Settings."""
    (body,) = (
        node.body
        for node in ast.parse(inspect.getsource(bot.settings)).body
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
    )
    return {
        field.target.id: str(words.value.value)
        for field, words in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(words, ast.Expr)
        and isinstance(words.value, ast.Constant)
    }


def test_the_example_file_names_every_setting_with_its_default() -> None:
    lines = example_lines()
    assert set(lines) == set(VARIABLES)
    assert load(lines, env_file=None).model_dump() == settings().model_dump()
    derived = {"DATABASE_URL", "BLOB_URL"}
    for name, value in lines.items():
        has_default = Settings.model_fields[VARIABLES[name]].default not in (None, ())
        assert bool(value) == (has_default and name not in derived), name


def test_the_example_file_explains_every_setting_in_the_line_above_it() -> None:
    text = EXAMPLE.read_text("utf-8")
    explained = explanations()
    for name, field in VARIABLES.items():
        line = explained[field]
        assert re.search(rf"^# {re.escape(line)}\n#?{name}=", text, re.MULTILINE), name


def test_what_nothing_reads_is_marked_as_unused() -> None:
    unused = {"SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"}
    explained = explanations()
    assert unused == {name for name, field in VARIABLES.items() if UNUSED in explained[field]}
    assert all(explained[VARIABLES[name]].endswith(UNUSED) for name in unused)


def test_the_example_file_promises_no_more_than_a_model_and_the_log_can_do() -> None:
    explained = explanations()
    for field in ("image_size", "thinking"):
        assert "which of them depends on the model" in explained[field]
    assert "what people write" not in explained["log_level"]


def test_a_copy_of_the_example_file_with_every_line_switched_on_is_the_default(
    tmp_path: Path,
) -> None:
    copy = tmp_path / ".env"
    copy.write_text(re.sub(r"^#(?=[A-Z_]+=)", "", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE))
    assert load({}, env_file=copy).model_dump() == settings().model_dump()


def test_secrets_in_the_example_file_are_empty_and_switched_on() -> None:
    text = EXAMPLE.read_text("utf-8")
    for name in SECRETS[:-1]:
        assert f"\n{name}=\n" in text


def test_the_environment_wins_over_the_file_and_empty_values_count_as_unset(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "\ufeffTHREADPAINT_TRANSFERS=3\nHTTP_PORT=1\nHTTP_HOST=0.0.0.0 # all\nUNRELATED=x\n"
    )
    found = load({"HTTP_PORT": "2", "HTTP_HOST": " ", "PATH": "/bin"}, env_file=file)
    assert (found.http_port, found.http_host, found.transfers) == (2, "0.0.0.0", 3)
    sources = {name: source for name, _, source in found.describe()}
    assert sources["HTTP_PORT"] == "environment"
    assert sources["HTTP_HOST"] == ".env"
    assert sources["DATA_DIR"] == "default"


def test_a_missing_file_is_no_error_and_the_process_environment_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PORT", "4321")
    assert load(env_file=tmp_path / "none").http_port == 4321
    assert Settings(attachment_hosts=("a",)).http_port == 8080


def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"HTTP_PORT=\xff\xfe")
    assert problems({}, file) == [f"{file} cannot be read (not UTF-8). Make it readable."]


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_can_come_from_a_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    value = "sqlite+aiosqlite:////tmp/x.db" if name == "DATABASE_URL" else "canary"
    file.write_text(f"  {value}\n")
    found = settings(**{f"{name}_FILE": str(file)})
    held: Any = getattr(found, VARIABLES[name])
    assert (held.get_secret_value() if isinstance(held, SecretStr) else held) == value
    assert (f"{name}_FILE") in {source for _, _, source in found.describe()}


def test_a_secret_given_twice_or_in_no_readable_file_is_a_problem(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    found = problems(
        {
            "GEMINI_API_KEY": "canary",
            "GEMINI_API_KEY_FILE": str(empty),
            "SLACK_BOT_TOKEN_FILE": str(tmp_path / "none"),
            "DISCORD_TOKEN_FILE": str(empty),
            "WISDOM_GATE_KEY_FILE": str(tmp_path),
        }
    )
    assert "GEMINI_API_KEY and GEMINI_API_KEY_FILE are both set. Keep one of them." in found
    assert any(re.match("SLACK_BOT_TOKEN_FILE cannot be read: .*No such file", p) for p in found)
    assert any(p.startswith("DISCORD_TOKEN_FILE is empty") for p in found)
    assert any(p.startswith("WISDOM_GATE_KEY_FILE cannot be read") for p in found)
    assert len(found) == 4


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HTTP_PORT", "70000", 'has to be 65535 or less, not "70000".'),
        ("HTTP_PORT", "web", 'has to be a whole number, not "web".'),
        ("THREADPAINT_PERSON_RUNNING", "0", 'has to be 1 or more, not "0".'),
        ("THREADPAINT_PERSON_RUNNING", "1.5", 'has to be a whole number, not "1.5".'),
        ("THREADPAINT_READ_SECONDS", "0", 'has to be more than 0, not "0".'),
        ("THREADPAINT_READ_SECONDS", "nan", "has to be"),
        ("THREADPAINT_DRAIN_SECONDS", "inf", "has to be a number"),
        ("THREADPAINT_WORKSPACE_DAILY_USD", "5,00", "has to be a number"),
        ("THREADPAINT_WORKSPACE_DAILY_USD", "0", "has to be more than 0"),
        ("THREADPAINT_WORKSPACE_MONTHLY_USD", "1e99", "has to be 1000000 or less"),
        ("THREADPAINT_CONFIRM_ABOVE_USD", "0.0000001", "at most 6 digits after the point"),
        ("THREADPAINT_FOLLOW", "mentoin", "Did you mean mention?"),
        ("THREADPAINT_LOG_FORMAT", "yaml", "has to be 'text' or 'json'"),
        ("THREADPAINT_SAFETY_THRESHOLD", "none", "Did you mean BLOCK_NONE?"),
        ("THREADPAINT_ASPECT_RATIO", "16:8", ": 16:8 is not a ratio. Did you mean 16:9?"),
        ("THREADPAINT_IMAGE_SIZE", "8K", ": 8K is not a size."),
        ("THREADPAINT_THINKING", "deep", ": deep is not a thinking level."),
        ("MODEL_PROTOCOL", "openai", "has to be gemini or offline in this version"),
        ("MODEL_PROTOCOL", "anthropic", "has to be gemini or offline in this version"),
        ("MODEL_PROTOCOL", "ofline", "Did you mean offline?"),
        ("GEMINI_BASE_URL", "gateway.example", "begins with https:// or http://"),
        ("GEMINI_BASE_URL", "https://[::1", "begins with https:// or http://"),
        ("GEMINI_BASE_URL", "https://host:99999", "begins with https:// or http://"),
        ("GEMINI_BASE_URL", "https://me@host", "without a user name"),
        ("GEMINI_BASE_URL", "https://", "begins with https:// or http://"),
        ("DISCORD_GATEWAY_URL", "https://h", "begins with wss:// or ws://"),
        ("BLOB_URL", "s3://bucket", "has to begin with file:// in this version"),
        ("BLOB_URL", "file://host/blobs", "has to begin with file:// in this version"),
        ("BLOB_URL", "file:///", "has to begin with file:// in this version"),
        ("DATABASE_URL", "postgresql+psycopg://h/d", "has to be sqlite+aiosqlite:////path/"),
        ("DATABASE_URL", "sqlite:////srv/t.db", "has to be sqlite+aiosqlite:////path/"),
        ("DATABASE_URL", "sqlite+aiosqlite:///t.db", "threadpaint.db in this version."),
        ("DATABASE_URL", "sqlite+aiosqlite:////srv/t.db?mode=ro", "has to be sqlite+aiosqlite:"),
        ("DATABASE_URL", "sqlite+aiosqlite:////srv/", "has to be sqlite+aiosqlite:////path/"),
        ("DATA_DIR", "/srv/what?", "without a question mark"),
        ("THREADPAINT_FAULT_POINT", "gen.spool_writen", "Did you mean gen.spool_written?"),
        ("ATTACHMENT_HOSTS", "https://h", "has to be host names with commas between"),
        ("ATTACHMENT_HOSTS", "h:80", "without a port"),
        ("ATTACHMENT_HOSTS", "*.h", "has to be host names"),
        ("DATA_DIR", "~nobody-has-this-name/x", "has to be a folder"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(name: str, value: str, words: str) -> None:
    (line,) = problems({name: value})
    assert line.startswith(name)
    assert words in line


def test_every_problem_is_told_at_once_and_no_secret_with_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("THREADPAINT_TRANSFER=2\n")
    found = problems(
        {
            "THREADPAINT_TRANSFERS": "many",
            "THREADPAINT_PERSON_RUNING": "2",
            "THREADPAINT_THINKING": "medium",
            "GEMINI_API_KEY": "canary-key",
            "GEMINI_BASE_URL": "canary-key",
            "DATABASE_URL": "postgresql+psycopg://bot:canary-password@host/db",
            "SLACK_API_URL": "https://user:canary-user@host",
            "DATA_DIR": "~nobody-has-this-name",
        },
        file,
    )
    assert [line.split()[0].rstrip(":") for line in found] == [
        "There", "There", "SLACK_API_URL", "GEMINI_BASE_URL", "DATA_DIR", "DATABASE_URL",
        "THREADPAINT_TRANSFERS", "THREADPAINT_THINKING",
    ]  # fmt: skip
    assert "canary" not in "\n".join(found)


@pytest.mark.parametrize(
    "name",
    ["GEMINI_API_KEY", "WISDOM_GATE_KEY", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DISCORD_TOKEN"],
)
@pytest.mark.parametrize(
    "value",
    ["canary key", "canary\nkey", "\u201ccanary\u201d", '"canary"', "'canary'", "can\tary",
     "can\u200bary", "can\xa0ary", "canary\x7f", "canar\xff"],
)  # fmt: skip
def test_a_key_that_no_header_can_carry_is_told_without_it(
    name: str, value: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{value}\n", "utf-8")
    told = f"{name} has a space, quote, line break or foreign letter that no key has. Copy it anew."
    assert problems({name: value}) == problems({f"{name}_FILE": str(file)}) == [told]


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [("DISCORD_TOKEN", "Bot canary", "Bot"), ("GEMINI_API_KEY", "bearer canary", "bearer")],
)
def test_the_word_of_a_header_before_a_key_is_told(name: str, value: str, word: str) -> None:
    told = f"{name} has a word before it: {word}. Remove that word."
    assert problems({name: value}) == [told]


def test_every_character_of_real_keys_is_let_through() -> None:
    key = "AIzaSy-09_az.AZ+/=~:xoxe.xoxb-1"
    assert settings(GEMINI_API_KEY=key, DISCORD_TOKEN=key).api_key == key


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("THREADPAINT_PERSON_RUNING", "Did you mean THREADPAINT_PERSON_RUNNING?"),
        ("threadpaint_log_level", "Did you mean THREADPAINT_LOG_LEVEL?"),
        ("THREADPAINT_DATA_DIR", "Did you mean DATA_DIR?"),
        ("THREADPAINT_QQQ", "Remove it, or look into .env.example."),
    ],
)
def test_an_unknown_name_is_an_error_even_when_empty(name: str, advice: str) -> None:
    assert problems({name: ""}) == [f"There is no setting {name}. {advice}"]


def test_values_are_brought_into_one_spelling(tmp_path: Path) -> None:
    found = settings(
        THREADPAINT_ASPECT_RATIO="16x9",
        THREADPAINT_IMAGE_SIZE="2k",
        THREADPAINT_THINKING="HIGH",
        THREADPAINT_SAFETY_THRESHOLD="block_none",
        THREADPAINT_LOG_LEVEL="DEBUG",
        THREADPAINT_LOG_FORMAT="JSON",
        THREADPAINT_FOLLOW="Owner",
        SLACK_API_URL="http://127.0.0.1:1/api",
        DISCORD_API_URL="http://127.0.0.1:1/api/v10/",
        GEMINI_BASE_URL="https://gate.example/gemini/v1beta/",
        ATTACHMENT_HOSTS="Files.Example.org, 10.0.0.7,localhost,::1",
        DATA_DIR=str(tmp_path / "my data"),
    )
    assert found.default_options() == GenerationOptions(
        aspect_ratio="16:9", image_size="2K", thinking="high"
    )
    assert found.safety_threshold == "BLOCK_NONE"
    assert (found.log_level, found.log_format, found.follow) == ("debug", "json", "owner")
    assert found.slack_api_url == "http://127.0.0.1:1/api/"
    assert found.discord_api_url == "http://127.0.0.1:1/api/v10"
    assert found.gemini_base_url == "https://gate.example/gemini"
    assert found.attachment_hosts == ("files.example.org", "10.0.0.7", "localhost", "::1")
    assert found.database_url == f"sqlite+aiosqlite:///{tmp_path}/my data/threadpaint.db"
    assert found.blob_url == (tmp_path / "my data/blobs").as_uri()


def test_the_data_folder_is_absolute_so_that_a_change_of_folder_moves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings().data_dir == tmp_path / "data"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings(DATA_DIR="~/here").data_dir == tmp_path / "here"


def test_the_database_and_the_blobs_are_in_the_data_folder_unless_placed_elsewhere(
    tmp_path: Path,
) -> None:
    found = settings(DATA_DIR=str(tmp_path / "my # data%20"))
    assert found.database_path == tmp_path / "my # data%20" / "threadpaint.db"
    assert found.blobs_folder == tmp_path / "my # data%20" / "blobs"
    found = settings(
        DATABASE_URL="sqlite+aiosqlite:////srv/my data.db", BLOB_URL="file:///srv/my%20blobs/"
    )
    assert found.database_path == Path("/srv/my data.db")
    assert found.blobs_folder == Path("/srv/my blobs")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("offline", "", "", "", "offline-demo")),
        (
            {"GEMINI_API_KEY": "g"},
            ("google", "GEMINI_API_KEY", "g", "https://generativelanguage.googleapis.com",
             "gemini-3.1-flash-image"),
        ),
        (
            {"GEMINI_API_KEY": "g", "WISDOM_GATE_KEY": "w"},
            ("wisdom-gate", "WISDOM_GATE_KEY", "w", "https://wisdom-gate.juheapi.com",
             "gemini-3.1-flash-image-preview"),
        ),
        (
            {"GEMINI_API_KEY": "g", "GEMINI_BASE_URL": "https://h/", "GEMINI_MODEL": "my-model"},
            ("google", "GEMINI_API_KEY", "g", "https://h", "my-model"),
        ),
        (
            {"GEMINI_API_KEY": "g", "MODEL_PROTOCOL": "Offline", "GEMINI_MODEL": "my-model"},
            ("offline", "", "", "", "offline-demo"),
        ),
    ],
)  # fmt: skip
def test_the_keys_decide_who_paints(environ: dict[str, str], expected: tuple[str, ...]) -> None:
    found = settings(**environ)
    actual = (found.provider, found.key_name, found.api_key, found.base_url, found.model)
    assert actual == expected


@pytest.mark.parametrize(
    ("names", "platforms"),
    [
        ("", ()),
        ("SLACK_BOT_TOKEN", ()),
        ("SLACK_APP_TOKEN SLACK_SIGNING_SECRET SLACK_CLIENT_ID SLACK_CLIENT_SECRET", ()),
        ("SLACK_BOT_TOKEN SLACK_APP_TOKEN", ("slack",)),
        ("SLACK_BOT_TOKEN SLACK_SIGNING_SECRET", ("slack",)),
        ("SLACK_SIGNING_SECRET SLACK_CLIENT_ID", ()),
        ("SLACK_SIGNING_SECRET SLACK_CLIENT_ID SLACK_CLIENT_SECRET", ()),
        ("DISCORD_TOKEN", ("discord",)),
        ("DISCORD_TOKEN SLACK_BOT_TOKEN SLACK_APP_TOKEN", ("slack", "discord")),
    ],
)
def test_platforms_need_enough_tokens(names: str, platforms: tuple[str, ...]) -> None:
    found = settings(**dict.fromkeys(names.split(), "xoxb-1"))
    assert found.chat_platforms() == platforms
    told = any("Slack is not complete" in warning for warning in found.warnings())
    assert told == ("SLACK" in names and "slack" not in platforms)


def test_caps_are_in_the_units_of_the_core() -> None:
    assert settings().caps() == Caps()
    found = settings(
        THREADPAINT_PERSON_RUNNING="1",
        THREADPAINT_WORKSPACE_RUNNING="3",
        THREADPAINT_TOTAL_RUNNING="5",
        THREADPAINT_PERSON_DAILY_PICTURES="7",
        THREADPAINT_WORKSPACE_DAILY_USD="0.058",
        THREADPAINT_WORKSPACE_MONTHLY_USD="1000000",
        THREADPAINT_CONFIRM_ABOVE_USD="0",
        THREADPAINT_MAX_REQUEST_MB="20",
    )
    assert found.caps() == Caps(
        person=1, workspace=3, total=5, person_daily_pictures=7,
        workspace_daily_budget=58_000, workspace_monthly_budget=1_000_000_000_000,
    )  # fmt: skip
    assert found.confirm_above == 0
    assert found.max_request_bytes == 20_000_000
    assert settings().confirm_above is settings().max_request_bytes is None


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "There is no key, so pictures come from the offline demo."),
        ({"GEMINI_API_KEY": "g", "WISDOM_GATE_KEY": "w"}, "WISDOM_GATE_KEY is used"),
        ({"GEMINI_MODEL": "x"}, "The offline demo does not use GEMINI_MODEL."),
        ({"GEMINI_API_KEY": "g", "GEMINI_BASE_URL": "http://h"}, "travels unprotected"),
        ({"SLACK_BOT_TOKEN": "xapp-1"}, "SLACK_BOT_TOKEN should begin with xoxb-."),
        ({"SLACK_APP_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN should begin with xapp-."),
        ({"GEMINI_API_KEY": "g"}, NOTHING_LIMITS),
        ({"GEMINI_API_KEY": "g", "THREADPAINT_CONFIRM_ABOVE_USD": "1"}, NOTHING_LIMITS),
        ({"THREADPAINT_READ_SECONDS": "400"}, "THREADPAINT_LONG_READ_SECONDS is less than"),
        ({"THREADPAINT_FAULT_POINT": "gen.read"}, "the process will stop at gen.read"),
    ],
)
def test_what_is_probably_not_meant_is_warned_of(environ: dict[str, str], words: str) -> None:
    assert words in " ".join(settings(**environ).warnings())


@pytest.mark.parametrize(
    "limit", ["PERSON_DAILY_PICTURES", "WORKSPACE_DAILY_USD", "WORKSPACE_MONTHLY_USD"]
)
def test_any_quota_or_budget_limits_spending(limit: str) -> None:
    assert not settings(GEMINI_API_KEY="g", **{f"THREADPAINT_{limit}": "5"}).warnings()
    assert not settings(GEMINI_API_KEY="g", MODEL_PROTOCOL="offline").warnings()


def test_sound_settings_bring_no_warning() -> None:
    assert not settings(
        GEMINI_API_KEY="g",
        THREADPAINT_WORKSPACE_DAILY_USD="5",
        GEMINI_BASE_URL="http://127.0.0.1:1",
        SLACK_BOT_TOKEN="xoxb-1",
        SLACK_APP_TOKEN="xapp-1",
        DISCORD_TOKEN="d",
    ).warnings()
    assert not settings(MODEL_PROTOCOL="offline").warnings()


def test_a_model_that_cannot_do_the_default_options_is_a_problem() -> None:
    environ = {"GEMINI_API_KEY": "g", "GEMINI_MODEL": "gemini-2.5-flash-image"}
    (line,) = problems(environ | {"THREADPAINT_IMAGE_SIZE": "4K"})
    assert line.startswith("THREADPAINT_IMAGE_SIZE: gemini-2.5-flash-image cannot do --size 4K.")
    assert settings(THREADPAINT_IMAGE_SIZE="4K", **environ, MODEL_PROTOCOL="offline")


def test_no_secret_shows_in_what_is_described_or_printed() -> None:
    found = settings(**{name: f"canary-{name}" for name in SECRETS[:-1]})
    assert "canary" not in f"{found!r} {found} {found.describe()} {found.warnings()}"
    described = {name: value for name, value, _ in found.describe()}
    assert set(described) == set(VARIABLES)
    assert described["SLACK_BOT_TOKEN"] == "set"
    assert set(found.secrets()) == {f"canary-{name}" for name in SECRETS[:-1]}


def test_a_value_of_two_lines_is_told_in_one() -> None:
    (line,) = problems({"THREADPAINT_TRANSFERS": "two\nthree"})
    assert line == 'THREADPAINT_TRANSFERS has to be a whole number, not "two three".'


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().http_port = 1
