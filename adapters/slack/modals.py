"""Forms about pictures: a new one, a change, another shape; the details of an answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from adapters.slack import fields
from adapters.slack.actions import View as ViewName
from adapters.slack.blocks import (
    Block,
    dollars,
    linked_with_host,
    listed,
    moment,
    plain,
    quotation,
    rich,
    small,
    weight,
    words,
)
from adapters.slack.fields import LONGEST_PROMPT, Field, entered, entry, files_in, menu, options_in
from adapters.slack.text import short, split
from bot.commands import render
from bot.errors import UsageError
from bot.options import MOST_PICTURES, GenerationOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.slack.values import SlackFile, View
    from bot.chat import Reply
    from bot.ports import Material, Record
    from bot.profiles import ModelProfile

FILE_TYPES = ("png", "jpg", "jpeg", "webp", "gif", "heic", "heif", "pdf")
MOST_FILES = 10

_MOST_BLOCKS = 100
_MOST_WEIGHT = 40_000  # Slack takes 250 KB of JSON, which may write six characters for one
_MOST_MODELS = 90
_LONGEST_ALT = 300
_LONGEST_ITEM = 500
_PIECE = 2_900
_COUNTS = {str(count): f"{count} pictures" for count in range(2, MOST_PICTURES + 1)}
_FIELD_OF = {
    "aspect_ratio": Field.RATIO,
    "image_size": Field.SIZE,
    "thinking": Field.THINKING,
    "web_search": Field.SEARCH,
    "image_search": Field.SEARCH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What stands in a form. channel: "" for none chosen."""

    prompt: str = ""
    options: GenerationOptions = field(default_factory=GenerationOptions)
    channel: str = ""
    files: tuple[SlackFile, ...] = ()


def new(
    form: Form,
    *,
    models: Sequence[str],
    profile: ModelProfile,
    price: str,
    private: Mapping[str, str],
    ask_channel: bool,
) -> Block:
    """Make the form for a new picture; made again from what was entered, it shows a new price.

    profile: of the chosen model. price: a sentence, see ``estimate``, "" for none.
    """
    blocks = [
        _prompt("What would you like to see?", "A red fox in the snow, at dusk", form.prompt),
        *([_channel(form.channel)] if ask_channel else []),
        *_options(form.options, models, profile, "As usual"),
        _files(),
        *_price(price),
    ]
    return fields.form(ViewName.NEW, "New image", "Paint", blocks, private)


def edit(
    form: Form,
    *,
    picture_alt: str,
    models: Sequence[str],
    profile: ModelProfile,
    price: str,
    private: Mapping[str, str],
) -> Block:
    """Make the form for a change of a picture; otherwise as ``new``."""
    blocks = [
        small(f"The picture: {short(picture_alt, _LONGEST_ALT) or 'no description'}"),
        _prompt("What should change?", "Make the sky darker and add a moon", form.prompt),
        *_options(form.options, models, profile, "As before"),
        _files(),
        *_price(price),
    ]
    return fields.form(ViewName.EDIT, "Edit image", "Paint", blocks, private)


def ratio(
    present: str | None, *, profile: ModelProfile, price: str, private: Mapping[str, str]
) -> Block:
    """Make the form for another shape. present: the shape of the picture, if it is known."""
    blocks = [fields.ratio(profile, None, without=present or ""), *_price(price)]
    return fields.form(ViewName.RATIO, "Another shape", "Paint", blocks, private)


def estimate(profile: ModelProfile, options: GenerationOptions) -> str:
    """Say what a request will cost, without what its history adds; "" when it is free."""
    amount = profile.price(profile.possible(options)) * (options.count or 1)
    return f"This will cost about {dollars(amount)}." if amount else ""


def read(view: View) -> Form:
    """Read what was entered in any of these forms, usable or not."""
    return Form(
        prompt=entered(view, Field.PROMPT).strip(),
        options=options_in(view),
        channel=entered(view, Field.CHANNEL),
        files=files_in(view),
    )


def errors(form: Form, profile: ModelProfile) -> dict[str, str]:
    """Say what cannot be used, by the block_id that it stands in; {} when all can be.

    For the forms with a prompt. Flags inside the prompt are not looked at. profile: of the model
    that was chosen.
    """
    found: dict[str, str] = {}
    if not form.prompt and not form.files:
        found[Field.PROMPT] = "Say what you would like to see, or add a picture."
    said: dict[str, Any] = form.options.said()
    for name, value in said.items():
        try:
            profile.check(GenerationOptions(**{name: value}))
        except UsageError as error:
            found[_FIELD_OF[name]] = str(error)
    return found


def details(record: Record, reply: Reply, *, costs: bool) -> Block:
    """Show everything that is known of an answer and may be shown; there is nothing to send."""
    turn = record.turn
    blocks = [
        rich(quotation(piece, _PIECE)) for piece in split(turn.prompt, _PIECE) or ["(no words)"]
    ]
    blocks += listed("", _facts(record, reply, costs=costs))
    blocks += listed("Attachments", [[words(_attached(item))] for item in record.material])
    blocks += listed("Notes", [[words(short(note, _LONGEST_ITEM))] for note in reply.notes])
    blocks += listed(
        "Sources", [linked_with_host(source.url, source.title) for source in reply.sources]
    )
    shown = _fitting(blocks)
    more = [small("There is more than fits here.")] if len(shown) < len(blocks) else []
    return {
        "type": "modal",
        "callback_id": str(ViewName.DETAILS),
        "title": plain("Details"),
        "close": plain("Close"),
        "blocks": [*shown, *more, small(f"turn {turn.id}")],
    }


def _fitting(blocks: list[Block]) -> list[Block]:
    """Keep as many of the first blocks as a form takes beside two small lines."""
    weights = accumulate(weight([block]) for block in blocks[: _MOST_BLOCKS - 2])
    return blocks[: sum(so_far <= _MOST_WEIGHT for so_far in weights)]


def _facts(record: Record, reply: Reply, *, costs: bool) -> list[list[Block]]:
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
    items = [
        [words(f"{name}: ", bold=True), words(short(said, _LONGEST_ITEM))]
        for name, said in facts.items()
        if said.strip()
    ]
    return [*items, [words("Asked at: ", bold=True), moment(turn.created)]]


def _attached(item: Material) -> str:
    kind = item.blob.mime_type if item.blob else "not used"
    about = "; ".join(filter(None, (kind, item.problem, item.note)))
    return short(f"{item.attachment.name}: {about}", _LONGEST_ITEM)


def _options(
    options: GenerationOptions, models: Sequence[str], profile: ModelProfile, unsaid: str
) -> list[Block]:
    """Make the fields of the options, as far as the model has them."""
    blocks = [fields.ratio(profile, options.aspect_ratio, unsaid)]
    if len(profile.sizes) > 1:
        blocks.append(fields.size(profile, options.image_size, unsaid, tells=True))
    if profile.thinking:
        blocks.append(fields.thinking(profile, options.thinking, unsaid))
    if profile.web_search or profile.image_search:
        blocks.append(fields.search(profile, options))
    count = menu(_COUNTS, str(options.count or ""), unsaid="1 picture")
    blocks.append(entry(Field.COUNT, "How many", count, tells=True))
    if len(models) > 1:
        names = {model: model for model in models[:_MOST_MODELS]}
        chosen = menu(names, options.model, unsaid=unsaid)
        blocks.append(entry(Field.MODEL, "Model", chosen, tells=True))
    return blocks


def _prompt(label: str, example: str, text: str) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "multiline": True,
        "max_length": LONGEST_PROMPT,
        "focus_on_load": True,
        "placeholder": plain(example),
    }
    if text:
        element["initial_value"] = text[:LONGEST_PROMPT]
    hint = f"At most {LONGEST_PROMPT:,} characters fit here; a message to me can be longer."
    return entry(Field.PROMPT, label, element, hint=hint, optional=True)


def _channel(chosen: str) -> Block:
    element: Block = {
        "type": "conversations_select",
        "default_to_current_conversation": True,
        "response_url_enabled": True,
        "filter": {"exclude_bot_users": True},
    }
    if chosen:
        element["initial_conversation"] = chosen
    hint = "Leave it empty to get the picture in a direct message from me."
    return entry(Field.CHANNEL, "Where", element, hint=hint, optional=True)


def _files() -> Block:
    element = {"type": "file_input", "filetypes": list(FILE_TYPES), "max_files": MOST_FILES}
    hint = f"PNG, JPEG, WebP, GIF, HEIC or PDF; up to {MOST_FILES} files of 10 MB each."
    return entry(
        Field.FILES, "Pictures or documents to work with", element, hint=hint, optional=True
    )


def _price(price: str) -> list[Block]:
    return [small(price) | {"block_id": "price"}] if price else []
