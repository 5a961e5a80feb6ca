"""Components V2 of messages: answers, root messages, notices, progress, details. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from adapters.discord.actions import Action
from adapters.discord.blocks import (
    Block,
    Button,
    Card,
    Gallery,
    dollars,
    fits,
    fitting,
    galleries,
    joined,
    linked,
    listed,
    moment,
    pages,
    paragraph,
    quotation,
    rows,
    small,
    words,
)
from adapters.discord.text import markdown, verbatim_link
from bot.chat import NoticeKind
from bot.commands import render
from bot.conversation import TurnRef, TurnState
from bot.options import SIZES
from bot.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.chat import Notice, Progress, Reply
    from bot.conversation import Turn
    from bot.ports import Material, Record
    from bot.profiles import Provider

__all__ = [
    "Button",
    "Card",
    "Gallery",
    "answer",
    "details",
    "done",
    "footer",
    "gallery",
    "line",
    "notice",
    "progress",
    "root",
]

_LONGEST_QUOTE = 2_000
_LONGEST_DETAIL = 300
_LONGEST_SUGGESTION = 500
_LONGEST_NOTE = 100
_MOST_SOURCES = 10
_PROMPT_IN_DETAILS = 1_500
_SMALLER = "Discord does not take the original here, so this is a smaller copy of it."
_LARGER = {"2K": Action.SIZE_2K, "4K": Action.SIZE_4K}


def answer(
    turn: Turn,
    reply: Reply,
    *,
    costs: bool,
    spoiler: bool,
    files: Sequence[str],
    smaller: bool = False,
) -> tuple[Card, ...]:
    """Show all of an answer: pictures, words, notes, sources, footer and controls.

    One message as a rule, more when it does not fit; the last has the footer and the controls.
    files: the names that the pictures of the reply are sent under, in their order; [] when none
    can be sent. smaller: the files are smaller copies.
    """
    described = [picture.alt_text for picture in reply.pictures]
    body: list[Block] = [*galleries(files, described, spoiler=spoiler)]
    body += markdown(reply.text)
    notes = [*reply.notes, _SMALLER] if smaller else reply.notes
    body += joined("", map(small, notes))
    body += _sources(reply) + _suggestions(reply)
    end = small(footer(turn, reply, costs=costs))
    *first, last = [tuple(page) for page in pages(body, end)]
    controls = _controls(turn, reply, smaller=smaller)
    return (*(Card(blocks=page) for page in first), Card(blocks=last, rows=controls))


def gallery(files: Sequence[tuple[str, str]], text: str, *, spoiler: bool) -> Card:
    """Show at most ten files by themselves, such as originals that somebody asked for.

    files: file name and description. text: stands above them, "" for nothing.
    """
    above = (paragraph(text),) if text else ()
    return Card(blocks=(*above, Gallery(pictures=tuple(files), spoiler=spoiler)))


def root(user: str, prompt: str, flags: str) -> Card:
    """Begin the thread of a command: who asked for what.

    The person is named by a mention; it calls nobody as long as no mentions are allowed when this
    is sent. flags: as ``bot.commands.render`` writes them.
    """
    said = prompt.strip()
    blocks = [f"<@{user}> asked for" if said else f"<@{user}> asked for a picture"]
    if said:
        blocks.append(quotation(said, _LONGEST_QUOTE))
    if flags:
        blocks.append(small(flags))
    return Card(blocks=tuple(blocks))


def notice(turn: Turn, notice: Notice) -> Card:
    """Tell something about a turn, with the buttons that can help."""
    value = str(turn.id)
    buttons: list[Button] = []
    if notice.kind is NoticeKind.SLOW:
        buttons = [_cancel(turn)]
    elif notice.kind is NoticeKind.CONFIRM:
        buttons = [
            Button(action=Action.CONFIRM, label="Paint it", value=value, style="primary"),
            Button(action=Action.CANCEL, label="Do not", value=value),
        ]
    elif notice.retry:
        buttons = [Button(action=Action.RETRY, label="Retry", value=value)]
    failed = (small(f"turn {turn.id}"),) if notice.kind is NoticeKind.FAILED else ()
    return Card(blocks=(paragraph(notice.text), *failed), rows=rows(buttons))


def line(text: str, *buttons: Button) -> Card:
    """Say a plain sentence of ours, or a few lines."""
    return Card(blocks=(paragraph(text),), rows=rows(buttons))


def progress(turn: Turn, progress: Progress) -> Card:
    """Say how far a turn is to the person who asked, who can cancel it until it is painted."""
    late = {TurnState.STORED, TurnState.DELIVERING}
    over = progress.state.ended or progress.state in late
    return Card(blocks=(paragraph(_far(progress)),), rows=() if over else rows([_cancel(turn)]))


def done(link: str) -> Card:
    """Say where the answer is. link: Discord's own, of a message."""
    return Card(blocks=(f"Done: {link}",))


def details(record: Record, reply: Reply, *, costs: bool) -> Card:
    """Show what is known of an answer and may be shown, as far as one message holds it."""
    turn = record.turn
    prompt = quotation(turn.prompt, _PROMPT_IN_DETAILS) if turn.prompt.strip() else "> (no words)"
    body = [prompt, *listed("", _facts(record, reply, costs=costs))]
    body += listed("Attachments", [_attached(item) for item in record.material])
    body += listed("Notes", [words(note, _LONGEST_DETAIL) for note in reply.notes])
    body += listed("Sources", linked(reply.sources))
    end = small(f"turn {turn.id}")
    if not fits([*body, end]):
        end = f"{small('There is more than fits here.')}\n{end}"
    while not fits([*body, end]):
        body.pop()
    return Card(blocks=(*body, end))


def footer(turn: Turn, reply: Reply, *, costs: bool) -> str:
    """Say in a line who painted, in which shape and size, and perhaps for how much."""
    offline = turn.provider == "offline"
    facts = ["OFFLINE DEMO, no AI model was called"] if offline else ["AI-generated", reply.model]
    if reply.pictures:
        facts += [reply.options.aspect_ratio or "", reply.options.image_size or ""]
    if costs and not offline:
        facts.append(dollars(reply.cost))
    return " · ".join(fact for fact in facts if fact)


def _sources(reply: Reply) -> list[str]:
    texts = listed("Sources", linked(reply.sources[:_MOST_SOURCES]))
    more = len(reply.sources) - _MOST_SOURCES
    return [*texts, small(f"and {more} more")] if more > 0 else texts


def _suggestions(reply: Reply) -> list[str]:
    """Show the search suggestions: verbatim, and straight to where they lead."""
    found = [verbatim_link(item.url, item.text[:_LONGEST_SUGGESTION]) for item in reply.suggestions]
    return listed("Search suggestions", found)


def _controls(turn: Turn, reply: Reply, *, smaller: bool) -> tuple[tuple[Button, ...], ...]:
    """Make the rows of buttons: which picture to refine, what to do with it, the rest."""
    choices = list(dict.fromkeys(picture.choice for picture in reply.pictures))
    value = str(TurnRef(turn=turn.id, choice=choices[0] if choices else 0))
    again = Button(action=Action.REDO, label="Redo", value=value)
    rest = [Button(action=Action.DETAILS, label="Details", value=value)]
    if _in_thread(turn):
        rest.append(Button(action=Action.UNFOLLOW, label="Stop following", value=value))
    rest.append(Button(action=Action.DELETE, label="Delete", value=value, style="danger"))
    if not choices:
        return rows([again, *rest])
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
    original = [Button(action=Action.ORIGINAL, label="Original", value=value)] if smaller else []
    picks = rows(_picks(turn, reply)) if len(choices) > 1 else ()
    return (*picks, *rows(first), *rows([*original, *larger, *rest]))


def _in_thread(turn: Turn) -> bool:
    """Tell whether people talk in a thread of a server: what is said there can be followed."""
    return turn.thread.workspace != "@me" and turn.ref.get("place", "thread") == "thread"


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


def _cancel(turn: Turn) -> Button:
    return Button(action=Action.CANCEL, label="Cancel", value=str(turn.id))


def _far(progress: Progress) -> str:
    """Say how far a turn is, in a sentence."""
    if progress.note:
        return f"Waiting: {fitting(progress.note, _LONGEST_NOTE).rstrip('.')}."
    match progress.state:
        case TurnState.ACCEPTED if progress.ahead:
            return f"Waiting, {progress.ahead} before yours."
        case TurnState.ACCEPTED:
            return "About to begin."
        case TurnState.GATHERING:
            return "Reading your files."
        case TurnState.CALLING:
            return f"Painting, {progress.seconds:.0f} s."
        case _:
            return "Sending the picture."


def _facts(record: Record, reply: Reply, *, costs: bool) -> list[str]:
    turn, usage = record.turn, reply.usage
    tokens = {
        "in": usage.prompt + usage.tool_prompt,
        "thinking": usage.thoughts,
        "out": usage.output,
    }
    ended = record.steps[-1].at if record.steps else turn.created
    facts = {
        "Asked by": turn.author_name or turn.author,
        "Options": render(turn.options),
        "Model": reply.model,
        "Tokens": ", ".join(f"{count:,} {name}" for name, count in tokens.items() if count),
        "Searches": str(usage.searches or ""),
        "Cost": dollars(reply.cost) if costs else "",
        "Took": f"{(ended - turn.created).total_seconds():.0f} s" if record.steps else "",
    }
    shown = [
        f"**{name}:** {words(said, _LONGEST_DETAIL)}"
        for name, said in facts.items()
        if said.strip()
    ]
    return [*shown, f"**Asked at:** {moment(turn.created)}"]


def _attached(item: Material) -> str:
    kind = item.blob.mime_type if item.blob else "not used"
    about = "; ".join(filter(None, (kind, item.problem, item.note)))
    return words(f"{item.attachment.name}: {about}", _LONGEST_DETAIL)
