"""Discord's rules for Components V2, messages and modals, as far as documented; a strict reader.

Source: discord-api-docs of 2026-08-06, developers/components/reference.mdx. Characters are counted
in both readings, code points and UTF-16, since the documentation does not say which.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from discord.ui import Modal

    from adapters.discord.blocks import Card

Node = Mapping[str, Any]

OURS = re.compile(
    r"\[(?P<label>[^\[\]\n<>@\\]+)\]"
    r"\(<(?P<url>https?://(?P<host>[a-z0-9.-]+\.[a-z]+)(?:[/?#][A-Za-z0-9._~/?#:!$&+,;=%-]*)?)>\)"
)
"""A masked link as we write it: nothing in its label or address can end it or call anybody."""

_LIVE = re.compile(
    r"<(?:@[!&]?|\#)[0-9]+>"  # mentions
    r"|<t:-?[0-9]+|<a?:\w+:[0-9]+>|</[^>]+:[0-9]+>|<id:\w+"  # moments, emoji, commands, corners
    r"|@(?:everyone|here)"
    r"|<[^: >]+:/[^ >]+>"
    r"|\w+://\S|\bdiscord(?:app)?\.\w"  # addresses and invitations
    r"|\]\(",  # a masked link
    re.IGNORECASE,
)
_LOUD = re.compile(r"^(?:[\s>*_~|+-]|[0-9]+\.\s)*#{1,3}(?:\s|$)", re.MULTILINE)
_MOST_COMPONENTS = 40
_MOST_CHARACTERS = 4_000


def size(text: str) -> int:
    """Count characters in the stricter reading; fails when UTF-8 cannot hold them."""
    text.encode()
    return len(text.encode("utf-16-le")) // 2


def components_of(card: Card) -> list[dict[str, Any]]:
    """Make what goes over the wire."""
    made: list[dict[str, Any]] = card.view().to_components()  # type: ignore[no-untyped-call]
    return made


def check_message(card: Card) -> None:
    """Raise AssertionError unless Discord would take it as a message."""
    components = components_of(card)
    json.dumps(components)
    nodes = list(walk(components))
    assert 1 <= len(nodes) <= _MOST_COMPONENTS, f"{len(nodes)} components"
    texts = [node["content"] for node in nodes if node["type"] == 10]
    assert sum(map(size, texts)) <= _MOST_CHARACTERS, f"{sum(map(size, texts))} characters"
    ids = [node["custom_id"] for node in nodes if "custom_id" in node]
    assert len(ids) == len(set(ids)), f"custom_ids repeat: {ids}"
    for outer in components:
        assert outer["type"] in {1, 9, 10, 12, 13, 14, 17}, f"no {outer['type']} at the top"
    for node in nodes:
        _MESSAGE[node["type"]](node)
    files = [item["media"]["url"] for node in nodes for item in node.get("items", ())]
    assert files == [f"attachment://{name}" for name in card.files]
    assert len(files) <= 10


def check_modal(modal: Modal) -> None:
    """Raise AssertionError unless Discord would take it as a modal."""
    data = modal.to_dict()
    _keys(data, {"custom_id", "title", "components"})
    assert 1 <= size(data["title"]) <= 45
    _custom_id(data)
    assert 1 <= len(data["components"]) <= 5
    ids = [label["component"]["custom_id"] for label in data["components"]]
    assert len(ids) == len(set(ids))
    for label in data["components"]:
        assert label["type"] == 18, "text input outside of a label"
        _keys(label, {"type", "label", "component"}, {"description", "id"})
        assert 1 <= size(label["label"]) <= 45
        assert 1 <= size(label.get("description", "-")) <= 100
        _MODAL[label["component"]["type"]](label["component"])


def live(card: Card) -> list[str]:
    """List everything in a message that would link, call somebody or shout.

    Our own links are named by their host; texts that are small print in every line are ours, too.
    Code is read like words, since who can say where it ends. Alt texts and labels of buttons are
    literal.
    """
    found: list[str] = []
    for node in walk(components_of(card)):
        if node["type"] == 10:
            lines = node["content"].split("\n")
            small = all(line.startswith("-# ") for line in lines)
            found += live_in("\n".join(line[3 * small :] for line in lines))
    return found


def live_in(text: str) -> list[str]:
    """List the same in a piece of Markdown."""
    hosts = [link["host"] for link in OURS.finditer(text)]
    rest = OURS.sub(" ", text)
    return [*hosts, *_LIVE.findall(rest), *_LOUD.findall(rest)]


def walk(components: Sequence[Node]) -> Iterator[Node]:
    """List all components, from the outside to the inside."""
    for node in components:
        yield node
        yield from walk(node.get("components", ()))


def _keys(node: Node, needed: set[str], optional: frozenset[str] | set[str] = frozenset()) -> None:
    assert needed <= set(node), f"{node} lacks {needed - set(node)}"
    assert set(node) <= needed | optional, f"{node} has {set(node) - needed - optional}"


def _custom_id(node: Node) -> None:
    assert 1 <= len(node["custom_id"]) <= 100


def _row(node: Node) -> None:
    _keys(node, {"type", "components"})
    assert 1 <= len(node["components"]) <= 5
    assert all(child["type"] == 2 for child in node["components"])


def _button(node: Node) -> None:
    _keys(node, {"type", "style", "label", "custom_id", "disabled"})
    assert node["style"] in {1, 2, 3, 4}
    assert 1 <= size(node["label"]) <= 80
    _custom_id(node)


def _text(node: Node) -> None:
    _keys(node, {"type", "content"})
    assert 1 <= size(node["content"]) <= _MOST_CHARACTERS
    assert node["content"].strip()


def _gallery(node: Node) -> None:
    _keys(node, {"type", "items"})
    assert 1 <= len(node["items"]) <= 10
    for item in node["items"]:
        _keys(item, {"media", "description", "spoiler"})
        assert re.fullmatch(r"attachment://[A-Za-z0-9._-]+", item["media"]["url"])
        assert 1 <= size(item["description"]) <= 1_024


def _container(node: Node) -> None:
    _keys(node, {"type", "accent_color", "spoiler", "components"})
    assert node["components"]
    assert {child["type"] for child in node["components"]} <= {1, 9, 10, 12, 13, 14}


def _text_input(node: Node) -> None:
    optional = {"label", "placeholder", "value", "min_length", "max_length"}
    _keys(node, {"type", "custom_id", "style", "required"}, optional)
    assert not node.get("label"), "the label stands around it"
    assert size(node.get("placeholder", "")) <= 100
    assert 1 <= node["max_length"] <= 4_000
    assert size(node.get("value", "")) <= node["max_length"]


def _select(node: Node) -> None:
    own = {"type", "custom_id", "options", "min_values", "max_values", "required", "disabled"}
    _keys(node, own, {"placeholder"})
    assert node["disabled"] is False
    assert node["min_values"] == node["max_values"] == 1
    assert 1 <= size(node.get("placeholder", "-")) <= 150
    _choices(node, 1, 25)


def _radio(node: Node) -> None:
    _keys(node, {"type", "custom_id", "options", "required"})
    _choices(node, 2, 10)


def _choices(node: Node, least: int, most: int) -> None:
    assert least <= len(node["options"]) <= most
    values = [option["value"] for option in node["options"]]
    assert len(values) == len(set(values)), f"values repeat: {values}"
    assert sum(option["default"] for option in node["options"]) <= 1
    for option in node["options"]:
        _keys(option, {"label", "value", "default"})
        assert 1 <= size(option["label"]) <= 100
        assert 1 <= len(option["value"]) <= 100


def _upload(node: Node) -> None:
    _keys(node, {"type", "custom_id", "min_values", "max_values", "required"})
    assert node["required"] or node["min_values"] == 0
    assert node["min_values"] <= node["max_values"] <= 10


_MESSAGE: Mapping[int, Callable[[Node], None]] = {
    1: _row,
    2: _button,
    10: _text,
    12: _gallery,
    17: _container,
}
_MODAL: Mapping[int, Callable[[Node], None]] = {
    3: _select,
    4: _text_input,
    19: _upload,
    21: _radio,
}
