"""Slack's rules for blocks, messages and views, as far as they are documented; a strict reader.

Sources: docs.slack.dev/reference/block-kit and the validators of slack_sdk.models (3.47).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from adapters.slack.cards import Card


Node = Mapping[str, Any]

MOST_OF_MESSAGE = 11_000  # characters of all blocks: the lowest that was reported as refused
_LIVE = re.compile(r"<[@!#]|@(?:here|channel|everyone)\b|https?://", re.IGNORECASE)
_MENTIONS = ("user", "usergroup", "broadcast", "team", "channel")


def check_message(card: Card) -> None:
    """Raise AssertionError unless Slack would take it with chat.postMessage."""
    assert 1 <= len(card.text) <= 3_000
    assert 1 <= len(card.blocks) <= 50
    assert len(json.dumps(card.blocks, ensure_ascii=False)) <= MOST_OF_MESSAGE
    _check_blocks(card.blocks, {"rich_text", "section", "context", "actions", "image"})


def check_view(view: Node) -> None:
    """Raise AssertionError unless Slack would take it with views.open or views.publish."""
    home = view["type"] == "home"
    assert len(json.dumps(view)) <= 250_000
    if home:
        _keys(view, {"type", "blocks"})
    else:
        assert view["type"] == "modal"
        _keys(
            view,
            {"type", "callback_id", "title", "close", "blocks"},
            {"submit", "private_metadata"},
        )
        for name in {"title", "submit", "close"} & set(view):
            _plain(view[name], 24)
        assert 1 <= len(view["callback_id"]) <= 255
        assert len(view.get("private_metadata", "")) <= 3_000
    assert 1 <= len(view["blocks"]) <= 100
    blocks = {"rich_text", "section", "context", "actions", "header"}
    _check_blocks(view["blocks"], blocks if home else blocks | {"input"})
    if any(block["type"] == "input" for block in view["blocks"]):
        assert "submit" in view, "a form with inputs needs a submit button"


def live(value: object) -> list[str]:
    """List everything in blocks, or in the text of a message, that would link or ping somebody.

    Links of rich text are named by their address.
    """
    return list(_live(value))


def _live(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _LIVE.findall(value)
    elif isinstance(value, Mapping):
        kind = value.get("type")
        if kind in _MENTIONS:
            yield f"{kind} {value.get(f'{kind}_id', '')}"
        elif kind == "link":
            yield value["url"]
        elif kind in {"plain_text", "mrkdwn"}:
            yield from _LIVE.findall(value["text"])
        else:  # words of rich text, alt texts and values are literal
            inner = (held for held in value.values() if not isinstance(held, str))
            yield from chain.from_iterable(map(_live, inner))
    elif isinstance(value, Sequence):
        yield from chain.from_iterable(map(_live, value))


def _check_blocks(blocks: Sequence[Node], allowed: set[str]) -> None:
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    assert len(ids) == len(set(ids)), f"block_ids repeat: {ids}"
    assert all(1 <= len(name) <= 255 for name in ids)
    for block in blocks:
        assert block["type"] in allowed, f"no {block['type']} here"
        _BLOCKS[block["type"]](block)


def _keys(node: Node, needed: set[str], optional: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    assert needed <= set(node), f"{node} lacks {needed - set(node)}"
    assert set(node) <= needed | optional, f"{node} has {set(node) - needed - optional}"


def _plain(node: Node, most: int) -> None:
    _keys(node, {"type", "text", "emoji"})
    assert node["type"] == "plain_text"
    assert 1 <= len(node["text"]) <= most, f"{len(node['text'])} of {most}: {node['text']:.80}"


def _section(block: Node) -> None:
    _keys(block, {"type", "text"}, {"block_id"})
    _plain(block["text"], 3_000)


def _header(block: Node) -> None:
    _keys(block, {"type", "text"}, {"block_id"})
    _plain(block["text"], 150)


def _context(block: Node) -> None:
    _keys(block, {"type", "elements"}, {"block_id"})
    assert 1 <= len(block["elements"]) <= 10
    for element in block["elements"]:
        _plain(element, 3_000)


def _image(block: Node) -> None:
    _keys(block, {"type", "slack_file", "alt_text"}, {"block_id"})
    assert set(block["slack_file"]) == {"id"}
    assert 1 <= len(block["alt_text"]) <= 2_000


def _actions(block: Node) -> None:
    _keys(block, {"type", "elements"}, {"block_id"})
    assert 1 <= len(block["elements"]) <= 25
    names = [element["action_id"] for element in block["elements"]]
    assert len(names) == len(set(names)), f"action_ids repeat: {names}"
    for element in block["elements"]:
        _button(element)


def _button(node: Node) -> None:
    _keys(node, {"type", "action_id", "text"}, {"value", "style", "confirm"})
    assert node["type"] == "button"
    assert 1 <= len(node["action_id"]) <= 255
    _plain(node["text"], 75)
    assert len(node.get("value", "")) <= 2_000
    assert node.get("style", "primary") in {"primary", "danger"}
    if "confirm" in node:
        confirm = node["confirm"]
        _keys(confirm, {"title", "text", "confirm", "deny"}, {"style"})
        for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            _plain(confirm[name], most)


def _input(block: Node) -> None:
    _keys(block, {"type", "block_id", "label", "element"}, {"hint", "optional", "dispatch_action"})
    _plain(block["label"], 2_000)
    if "hint" in block:
        _plain(block["hint"], 2_000)
    element = block["element"]
    assert 1 <= len(element["action_id"]) <= 255
    if "placeholder" in element:
        _plain(element["placeholder"], 150)
    _INPUTS[element["type"]](element)


def _text_input(node: Node) -> None:
    optional = {"multiline", "max_length", "focus_on_load", "placeholder", "initial_value"}
    _keys(node, {"type", "action_id"}, optional)
    assert 1 <= node["max_length"] <= 3_000
    assert len(node.get("initial_value", "")) <= node["max_length"]


def _select(node: Node) -> None:
    _keys(node, {"type", "action_id", "options"}, {"initial_option", "placeholder"})
    assert 1 <= len(node["options"]) <= 100
    values = [option["value"] for option in node["options"]]
    assert len(values) == len(set(values)), f"values repeat: {values}"
    for option in node["options"]:
        _keys(option, {"text", "value"})
        _plain(option["text"], 75)
        assert 1 <= len(option["value"]) <= 150
    if "initial_option" in node:
        assert node["initial_option"] in node["options"]


def _conversations(node: Node) -> None:
    own = {"default_to_current_conversation", "response_url_enabled", "initial_conversation"}
    _keys(node, {"type", "action_id"}, own | {"filter"})
    assert set(node["filter"]) <= {
        "include",
        "exclude_bot_users",
        "exclude_external_shared_channels",
    }
    assert set(node["filter"].get("include", ["im"])) <= {"im", "mpim", "private", "public"}


def _file_input(node: Node) -> None:
    _keys(node, {"type", "action_id", "filetypes", "max_files"})
    assert 1 <= node["max_files"] <= 10


def _rich_text(block: Node) -> None:
    _keys(block, {"type", "elements"}, {"block_id"})
    assert block["elements"]
    for element in block["elements"]:
        _rich_element(element)


def _rich_element(node: Node) -> None:
    assert node["elements"], f"empty {node['type']}"
    if node["type"] == "rich_text_list":
        _keys(node, {"type", "style", "elements"}, {"indent", "offset", "border"})
        assert node["style"] in {"bullet", "ordered"}
        assert all(item["type"] == "rich_text_section" for item in node["elements"])
        for item in node["elements"]:
            _rich_element(item)
        return
    assert node["type"] in {"rich_text_section", "rich_text_quote", "rich_text_preformatted"}
    _keys(node, {"type", "elements"}, {"border"})
    for leaf in node["elements"]:
        _leaf(leaf)


def _leaf(node: Node) -> None:
    kind = node["type"]
    _keys(node, _LEAVES[kind], {"style"})
    if kind in {"text", "link"}:
        assert node["text"]
    if kind == "link":
        assert len(node["url"]) <= 3_000
        assert urlsplit(node["url"]).scheme in {"http", "https"}
    assert set(node.get("style", {})) <= {"bold", "italic", "strike", "code", "underline"}


_LEAVES: Mapping[str, set[str]] = {
    "text": {"type", "text"},
    "link": {"type", "url", "text"},
    "user": {"type", "user_id"},
    "channel": {"type", "channel_id"},
    "date": {"type", "timestamp", "format", "fallback"},
}
_BLOCKS: Mapping[str, Callable[[Node], None]] = {
    "rich_text": _rich_text,
    "section": _section,
    "header": _header,
    "context": _context,
    "image": _image,
    "actions": _actions,
    "input": _input,
}
_INPUTS: Mapping[str, Callable[[Node], None]] = {
    "plain_text_input": _text_input,
    "static_select": _select,
    "conversations_select": _conversations,
    "file_input": _file_input,
}
