"""Block Kit of messages: answers, root messages, notices and plain sentences. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from adapters.slack.actions import Action
from adapters.slack.blocks import (
    Block,
    dollars,
    linked,
    linked_with_host,
    listed,
    ours,
    paragraph,
    plain,
    quotation,
    rich,
    small,
    weight,
    words,
)
from adapters.slack.text import defused, rich_text, short
from bot.chat import NoticeKind
from bot.conversation import TurnRef
from bot.options import SIZES
from bot.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.chat import Notice, Reply
    from bot.conversation import Turn
    from bot.profiles import Provider

MOST_BLOCKS = 45  # Slack takes 50
MOST_WEIGHT = 8_000
"""Of all blocks of a message (``blocks.weight``). What Slack's msg_blocks_too_long counts is not
documented: 13,297 characters of Markdown passed (bolt-js#2509), 11,341 of rich text did not
(#2867)."""

_LONGEST_ALT = 2_000
_LONGEST_LABEL = 75
_LONGEST_FALLBACK = 200
_LONGEST_QUOTE = 2_000
_LONGEST_SUGGESTION = 500
_MOST_SOURCES = 10
_LARGER = {"2K": Action.SIZE_2K, "4K": Action.SIZE_4K}
_SURELY: Block = {
    "title": plain("Delete this answer?"),
    "text": plain("Its pictures and words disappear for everybody. This cannot be undone."),
    "confirm": plain("Delete"),
    "deny": plain("Keep"),
    "style": "danger",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A message. text: what notifications and screen readers say; mrkdwn, nothing live in it."""

    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button. value: an id; rights are checked at the click. confirm: ask whether it is meant."""

    action: Action
    label: str
    value: str = ""
    style: Literal["primary", "danger", ""] = ""
    confirm: bool = False


def row(buttons: Iterable[Button]) -> Block:
    """Make a row of buttons; the second with the same action is named ``pick:2``, and so on."""
    made: dict[str, Block] = {}
    for button in buttons:
        same = sum(name.partition(":")[0] == button.action for name in made)
        name = f"{button.action}:{same + 1}" if same else str(button.action)
        element: Block = {
            "type": "button",
            "action_id": name,
            "text": plain(button.label, _LONGEST_LABEL),
            "value": button.value,
            "style": button.style,
            "confirm": _SURELY if button.confirm else None,
        }
        made[name] = {key: value for key, value in element.items() if value}
    return {"type": "actions", "elements": list(made.values())}


def answer(turn: Turn, reply: Reply, *, costs: bool) -> tuple[Card, ...]:
    """Show all of an answer but its pictures, which stand in a message of their own above.

    One message as a rule, more when the words are long; the last has the footer and the controls.
    """
    body = [_bounded(block) for block in rich_text(reply.text)]
    body += map(small, reply.notes)
    body += _sources(reply) + _suggestions(reply)
    end = [small(footer(turn, reply, costs=costs)), *_controls(turn, reply)]
    ready = ("Here is the answer.", "Your picture is ready.", "Your pictures are ready.")
    unsaid = ready[min(len(reply.pictures), 2)]
    cards = []
    for page in _pages(body, end):
        said = _said(page[0]) if page[0]["type"] == "rich_text" else ""
        cards.append(Card(text=_fallback(said, unsaid), blocks=tuple(page)))
        unsaid = "More about the answer above."
    return tuple(cards)


def gallery(files: Sequence[tuple[str, str]], text: str) -> Card:
    """Show uploaded files that Slack did not post by itself.

    files: file id and description. text: stands above them, "" for nothing.
    """
    pictures = [
        {
            "type": "image",
            "slack_file": {"id": file},
            "alt_text": short(description, _LONGEST_ALT) or "Picture",
        }
        for file, description in files
    ]
    above = (paragraph(text),) if text else ()
    said = text or next((description for _, description in files), "")
    return Card(text=_fallback(said, "Picture"), blocks=(*above, *pictures))


def links(permalinks: Sequence[str], text: str) -> Card:
    """Link to uploaded files that cannot be shown. permalinks: Slack's own."""
    items = [[ours(url, f"Picture {place}")] for place, url in enumerate(permalinks, 1)]
    return Card(text=_fallback(text), blocks=(paragraph(text), *listed("", items)))


def root(user: str, prompt: str, flags: str) -> Card:
    """Begin the thread of a command: who asked for what.

    The person is the one live mention that we ever send: it makes them follow the thread. flags:
    as ``bot.commands.render`` writes them.
    """
    wanted = "" if prompt.strip() else " a picture"
    who = {"type": "user", "user_id": user}
    said = [{"type": "rich_text_section", "elements": [who, words(f" asked for{wanted}")]}]
    if prompt.strip():
        said.append(quotation(prompt, _LONGEST_QUOTE))
    blocks = (rich(*said), small(flags)) if flags else (rich(*said),)
    return Card(text=_fallback(f"Somebody asked for{wanted or ':'} {prompt}"), blocks=blocks)


def notice(turn: Turn, notice: Notice) -> Card:
    """Tell something about a turn, with the buttons that can help."""
    value = str(turn.id)
    buttons: list[Button] = []
    if notice.kind is NoticeKind.SLOW:
        buttons = [Button(action=Action.CANCEL, label="Cancel", value=value)]
    elif notice.kind is NoticeKind.CONFIRM:
        buttons = [
            Button(action=Action.CONFIRM, label="Paint it", value=value, style="primary"),
            Button(action=Action.CANCEL, label="Do not", value=value),
        ]
    elif notice.retry:
        buttons = [Button(action=Action.RETRY, label="Retry", value=value)]
    card = line(notice.text, *buttons)
    if notice.kind is not NoticeKind.FAILED:
        return card
    return Card(text=card.text, blocks=(*card.blocks, small(f"turn {turn.id}")))


def line(text: str, *buttons: Button) -> Card:
    """Say a plain sentence of ours."""
    below = (row(buttons),) if buttons else ()
    return Card(text=_fallback(text), blocks=(paragraph(text), *below))


def footer(turn: Turn, reply: Reply, *, costs: bool) -> str:
    """Say in a line who painted, in which shape and size, and perhaps for how much."""
    offline = turn.provider == "offline"
    facts = ["OFFLINE DEMO, no AI model was called"] if offline else ["AI-generated", reply.model]
    if reply.pictures:
        facts += [reply.options.aspect_ratio or "", reply.options.image_size or ""]
    if costs and not offline:
        facts.append(dollars(reply.cost))
    return " · ".join(fact for fact in facts if fact)


def _sources(reply: Reply) -> list[Block]:
    shown = reply.sources[:_MOST_SOURCES]
    blocks = listed("Sources", [linked_with_host(source.url, source.title) for source in shown])
    more = len(reply.sources) - len(shown)
    return [*blocks, small(f"and {more} more")] if more else blocks


def _suggestions(reply: Reply) -> list[Block]:
    """Show the search suggestions: verbatim, and straight to where they lead."""
    found = [[linked(item.url, item.text[:_LONGEST_SUGGESTION])] for item in reply.suggestions]
    return listed("Search suggestions", found)


def _controls(turn: Turn, reply: Reply) -> list[Block]:
    """Make the rows of buttons: which picture to refine, what to do with it, the rest."""
    choices = list(dict.fromkeys(picture.choice for picture in reply.pictures))
    value = str(TurnRef(turn=turn.id, choice=choices[0] if choices else 0))
    again = Button(action=Action.REDO, label="Redo", value=value)
    rest = [Button(action=Action.DETAILS, label="Details", value=value)]
    if not turn.thread.channel.startswith("D"):
        rest.append(Button(action=Action.UNFOLLOW, label="Stop following", value=value))
    rest.append(Button(action=Action.DELETE, label="Delete", value=value, confirm=True))
    if not choices:
        return [row([again, *rest])]
    first = [
        Button(action=Action.EDIT, label="Edit…", value=value),
        again,
        Button(action=Action.VARIATIONS, label="Variations", value=value),
        Button(action=Action.RATIO, label="Ratio…", value=value),
        Button(action=Action.UNDO, label="Undo", value=value),
    ]
    larger = [
        Button(action=_LARGER[size], label=f"Upscale to {size}", value=value)
        for size in _larger_sizes(turn, reply)
    ]
    picks = [row(_picks(turn, reply))] if len(choices) > 1 else []
    return [*picks, row(first), row([*larger, *rest])]


def _picks(turn: Turn, reply: Reply) -> list[Button]:
    """Offer each answer of several by the place of its first picture, as people count them."""
    places: dict[int, int] = {}
    for place, picture in enumerate(reply.pictures, 1):
        places.setdefault(picture.choice, place)
    return [
        Button(
            action=Action.PICK,
            label=f"Refine picture {place}",
            value=str(TurnRef(turn=turn.id, choice=choice)),
        )
        for choice, place in places.items()
    ]


def _larger_sizes(turn: Turn, reply: Reply) -> list[str]:
    """List the sizes above the present one that the model has; any for an unknown model."""
    profile = PROFILES.get(cast("Provider", turn.provider), {}).get(reply.model)
    now = SIZES.index(reply.options.image_size or "1K")
    return [
        size
        for size in _LARGER
        if SIZES.index(size) > now and (profile is None or size in profile.sizes)
    ]


def _bounded(block: Block) -> Block:
    """Give up the looks of words that would take more room than a message has."""
    return block if weight([block]) <= MOST_WEIGHT else paragraph(_said(block), MOST_WEIGHT // 2)


def _pages(body: list[Block], end: list[Block]) -> list[list[Block]]:
    """Spread blocks over as few messages as Slack's limits allow, in order, the end undivided."""
    pages: list[list[Block]] = [[]]
    for group in (*([block] for block in body), end):
        both = pages[-1] + group
        if pages[-1] and (len(both) > MOST_BLOCKS or weight(both) > MOST_WEIGHT):
            pages.append(group)
        else:
            pages[-1] = both
    return pages


def _said(block: Block) -> str:
    """Collect the words of rich text, a line for each of its paragraphs."""
    if "text" in block:
        return str(block["text"])
    inner = block.get("elements", [])
    between = "" if any("text" in element for element in inner) else "\n"
    return between.join(map(_said, inner))


def _fallback(text: str, unsaid: str = "-") -> str:
    return defused(short(text, _LONGEST_FALLBACK)) or unsaid
