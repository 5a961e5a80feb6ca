"""The manifest: it asks for what the adapter uses, no more, and the pages say the same."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.slack import manifest as slack
from adapters.slack.actions import COMMAND, Shortcut
from bot.errors import UsageError

ROOT = Path(__file__).parents[2]
SOURCES = sorted({*(ROOT / "adapters" / "slack").glob("*.py")} - {Path(slack.__file__)})
METHOD = re.compile(r"[a-z]+(\.[a-z]+)*\.[a-z]+[A-Za-z]*")
FAMILIES = frozenset({
    "agents", "apps", "assistant", "auth", "bots", "chat", "conversations", "files", "reactions",
    "team", "usergroups", "users", "views",
})  # fmt: skip
URL = "https://paint.example.org"


def test_the_scopes_are_those_of_the_methods_the_events_and_the_features() -> None:
    used = {*slack.METHODS.values(), *slack.EVENTS.values(), *slack.FEATURES.values()} - {None}
    private = {scope.replace("channels:", "groups:") for scope in used if scope}
    assert set(slack.SCOPES) == used | private


def test_every_feature_that_takes_a_scope_is_in_the_manifest() -> None:
    assert slack.FEATURES.keys() <= slack.manifest()["features"].keys()


def test_the_manifest_asks_for_every_scope_and_lets_the_optional_ones_be_declined() -> None:
    scopes = slack.manifest()["oauth_config"]["scopes"]
    assert scopes["bot"] == list(slack.SCOPES)
    assert set(scopes["bot_optional"]) == set(slack.missing(()).optional)


def test_every_method_that_is_called_is_in_the_table() -> None:
    named = {word for word in words(SOURCES) if METHOD.fullmatch(word)}
    assert {word for word in named if word.partition(".")[0] in FAMILIES} <= slack.METHODS.keys()
    assert named & arguments(SOURCES) <= slack.METHODS.keys()


def test_the_table_has_no_method_that_nobody_calls() -> None:
    assert slack.METHODS.keys() <= words(SOURCES)


def words(paths: list[Path]) -> set[str]:
    """Collect every string constant of the sources."""
    return {
        node.value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def arguments(paths: list[Path]) -> set[str]:
    """Collect the strings that are the first argument of ``call``, ``post`` or ``api_call``."""
    return {
        node.args[0].value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in {"call", "post", "api_call"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def test_the_command_and_the_shortcuts_are_those_that_come_back() -> None:
    features = slack.manifest()["features"]
    (command,) = features["slash_commands"]
    assert command["command"] == COMMAND
    assert command["should_escape"] is True
    kinds = {entry["callback_id"]: entry["type"] for entry in features["shortcuts"]}
    assert kinds == {Shortcut.NEW_IMAGE: "global", Shortcut.EDIT_IMAGE: "message"}


def test_the_texts_keep_to_slacks_lengths() -> None:
    described = slack.manifest()
    features = described["features"]
    assert len(described["display_information"]["name"]) <= 35
    assert len(described["display_information"]["description"]) <= 140
    assert len(features["agent_view"]["agent_description"]) <= 300
    assert 1 <= len(features["agent_view"]["suggested_prompts"]) <= 4
    assert all(len(shortcut["name"]) <= 24 for shortcut in features["shortcuts"])
    assert all(len(shortcut["description"]) <= 150 for shortcut in features["shortcuts"])


def test_people_can_write_to_the_bot_and_open_its_home() -> None:
    assert slack.manifest()["features"]["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }


def test_socket_mode_has_no_address_anywhere() -> None:
    described = slack.manifest()
    assert described["settings"]["socket_mode_enabled"] is True
    assert "http" not in json.dumps(described)


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}:8443/paint"])
def test_http_mode_names_the_same_address_everywhere(url: str) -> None:
    described = slack.manifest(url=url)
    settings = described["settings"]
    assert settings["socket_mode_enabled"] is False
    addresses = [
        settings["event_subscriptions"]["request_url"],
        settings["interactivity"]["request_url"],
        described["features"]["slash_commands"][0]["url"],
    ]
    assert addresses == [f"{url.rstrip('/')}/slack/events"] * 3


@pytest.mark.parametrize(
    "url",
    [
        "",
        "paint.example.org",
        "http://paint.example.org",
        "https://",
        "https://a b",
        "https://[x?y",
    ],
)
def test_what_slack_cannot_call_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="https://"):
        slack.manifest(url=url)


def test_the_link_carries_the_whole_manifest() -> None:
    described = slack.manifest(url=URL)
    assert re.fullmatch(r"[\w.~%:/?&=-]+", slack.creation_link(described), re.ASCII)
    address = urlsplit(slack.creation_link(described))
    query = parse_qs(address.query, strict_parsing=True)
    assert (address.scheme, address.netloc, address.path) == ("https", "api.slack.com", "/apps")
    assert query["new_app"] == ["1"]
    assert json.loads(query["manifest_json"][0]) == described


def test_what_was_not_granted_is_told_by_how_badly_it_is_needed() -> None:
    found = slack.missing([*(slack.SCOPES.keys() - {"im:write", "files:read", "users:read"}), "x"])
    assert found == slack.Missing(needed=("files:read", "im:write"), optional=("users:read",))
    assert slack.missing(slack.SCOPES) == slack.Missing(needed=(), optional=())


def test_the_page_says_what_each_scope_is_for() -> None:
    page = (ROOT / "docs" / "slack.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z_.:]+)` \| (needed|optional) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [
        (name, "needed" if scope.needed else "optional", scope.feature)
        for name, scope in slack.SCOPES.items()
    ]
