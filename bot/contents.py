"""Contents: which past turns and blobs fit one request, and in what shape. Pure.

A past turn goes out verbatim (its user content, then the model's without thoughts, every signature
on its own part) or, where its signatures cannot be used, as material: a lead in front of the next
user content, made of its words and its last picture (facts/gemini.md 5). The newest turns go first
and whole turns are left out from the old end.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.conversation import BlobPart, Content, Contents, TextPart
from bot.errors import MaterialError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.conversation import Part, PastTurn, TurnId
    from bot.profiles import ModelProfile

_REQUEST_BYTES = 8192  # options, tools, safety settings and brackets of one request
_CONTENT_BYTES = 128
_PART_BYTES = 512  # braces, keys, media type of one part in the longest of the dialects
_PAGE_TOKENS = 258  # of a PDF (facts/gemini.md 3.3)
_TEXT_BYTES_PER_TOKEN = 3  # English has 4 or more, so this errs on the safe side
_TOKEN_MARGIN = 20  # one part in so many is kept free

_LEAD_CHARACTERS = 2000  # of old words in one lead
_REQUEST_CHARACTERS = 400  # of one old request
_ANSWER_CHARACTERS = 200  # of one old answer in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The contents of one request, and what became of each past turn.

    verbatim: past turns replayed as a user and a model content. material: past turns whose words,
    and for the newest of a run its last picture, went into a user content. dropped: past turns that
    are not sent. Each oldest first. older: dropped ones and those that were not even loaded.
    images: pictures in the request. tokens: of the whole request, pictures included; an estimate.
    bytes: of the request body, never less than the real one.
    """

    contents: Contents
    verbatim: tuple[TurnId, ...]
    material: tuple[TurnId, ...]
    dropped: tuple[TurnId, ...]
    older: int
    images: int
    tokens: int
    bytes: int


def fit(
    *,
    workspace: str,
    system: str,
    turns: Sequence[PastTurn],
    older: int,
    user: Content,
    profile: ModelProfile,
    backend: str,
    replay: bool = True,
    max_bytes: int | None = None,
) -> Fit:
    """Fit a user content and as many of the newest past turns as one request takes.

    turns: the way from the root to the parent, oldest first. older: how many more there are above
    them. backend: turns of another one are material. replay: False makes all turns material.
    max_bytes: of the request body, instead of the profile's. The parent's picture is always sent.
    Raises UsageError when the user content has no part, MaterialError when it does not fit beside
    the parent's picture.
    """
    if not user.parts:
        raise UsageError("Say what you would like to see.")
    if max_bytes is not None:
        profile = replace(profile, max_bytes=max_bytes)
    start = _Path.of(system, user)
    path = _longest(start, turns, profile, backend if replay else None)
    if path is None:
        path = start.under(turns[-1], None) if turns else start
        _check(path, user, profile)
    dropped = tuple(turn.id for turn in turns[: len(turns) - path.count])
    size = path.sent_size
    return Fit(
        contents=Contents(workspace=workspace, contents=path.sent, system=system),
        verbatim=path.verbatim,
        material=path.material,
        dropped=dropped,
        older=len(dropped) + older,
        images=size.images,
        tokens=_tokens(size, profile),
        bytes=size.bytes,
    )


def _longest(
    start: _Path, turns: Sequence[PastTurn], profile: ModelProfile, backend: str | None
) -> _Path | None:
    """Find the longest path over one past turn or more that fits; None when there is none.

    Longer is not always larger: an older picture replaces the uploads of the run that it opens.
    """
    longest = None
    path = start
    for turn in reversed(turns):
        path = path.under(turn, _answer(turn, profile, backend))
        if path.lead.full or not _fits(path.size, profile):
            break
        if _fits(path.sent_size, profile):
            longest = path
    return longest


def _answer(turn: PastTurn, profile: ModelProfile, backend: str | None) -> Content | None:
    """Take the thoughts out of a model content; None when it cannot be replayed."""
    parts = tuple(part for part in turn.model.parts if not part.thought)
    if turn.backend != backend or not parts or not turn.user.parts:
        return None
    pictures = [part for part in parts if isinstance(part, BlobPart) and part.blob.is_image]
    if not pictures and turn.model.pictures:  # the only picture is a thought: it would be lost
        return None
    if profile.signatures and any(part.signature is None for part in pictures):
        return None
    return Content(role="model", parts=parts)


@dataclass(frozen=True, slots=True)
class _Size:
    """What parts take of a request. tokens: of words and documents; pictures count apart."""

    bytes: int = 0
    images: int = 0
    tokens: int = 0

    def __add__(self, other: _Size) -> _Size:
        return _Size(
            self.bytes + other.bytes, self.images + other.images, self.tokens + other.tokens
        )


def _size_of(parts: Iterable[Part]) -> _Size:
    """Measure parts: base64 takes 4/3 of a blob, a signature goes as it is, words are escaped."""
    size = images = tokens = 0
    for part in parts:
        size += _PART_BYTES
        if part.signature is not None:
            size += part.signature.size
        if isinstance(part, TextPart):
            size += len(json.dumps(part.text))
            tokens += _text_tokens(part.text)
            continue
        blob = part.blob
        size += (blob.size + 2) // 3 * 4
        if blob.is_image:
            images += 1
        else:
            tokens += (blob.pages or 1) * _PAGE_TOKENS
    return _Size(size, images, tokens)


def _text_tokens(text: str) -> int:
    return math.ceil(len(text.encode(errors="surrogatepass")) / _TEXT_BYTES_PER_TOKEN)


def _tokens(size: _Size, profile: ModelProfile) -> int:
    return size.tokens + size.images * profile.image_tokens


def _token_limit(profile: ModelProfile) -> int:
    return profile.max_tokens - math.ceil(profile.max_tokens / _TOKEN_MARGIN)


def _fits(size: _Size, profile: ModelProfile) -> bool:
    return (
        size.bytes <= profile.max_bytes
        and size.images <= profile.max_images
        and _tokens(size, profile) <= _token_limit(profile)
    )


@dataclass(frozen=True, slots=True)
class _Lead:
    """What a run of turns that cannot be replayed puts in front of the next user content.

    lines: what was asked for, oldest first. files: the run's last picture, or the uploads of its
    last turn that had some. painted: whether files is a picture of the model.
    """

    lines: tuple[str, ...] = ()
    files: tuple[BlobPart, ...] = ()
    painted: bool = False

    def under(self, turn: PastTurn) -> _Lead:
        """Add a turn that is older than the run."""
        pictures = turn.model.pictures
        files = self.files
        if pictures and not self.painted:
            files = (BlobPart(blob=pictures[-1]),)
        elif not files:
            files = tuple(part for part in turn.user.parts if isinstance(part, BlobPart))
        return _Lead((_line(turn), *self.lines), files, self.painted or bool(pictures))

    @property
    def full(self) -> bool:
        """Whether there are more words than a lead should have."""
        return sum(map(len, self.lines)) > _LEAD_CHARACTERS

    @property
    def parts(self) -> tuple[Part, ...]:
        """The words and the files; nothing for a run of no turns."""
        if not self.lines:
            return ()
        text = ["Earlier in this conversation these were asked for:"]
        text += [f"{number}. {line}" for number, line in enumerate(self.lines, 1)]
        if self.painted:
            text.append("The picture as it is now is attached.")
        elif self.files:
            text.append("The files that were sent then are attached.")
        return (TextPart(text="\n".join(text)), *self.files)


def _line(turn: PastTurn) -> str:
    """Say in one line what a turn asked for, and what was answered when that was words only."""
    line = _quote(turn.user.text, _REQUEST_CHARACTERS) or "(files without words)"
    answer = "" if turn.model.pictures else _quote(turn.model.text, _ANSWER_CHARACTERS)
    return f"{line} (answer: {answer})" if answer else line


def _quote(text: str, most: int) -> str:
    """Put a text on one line of so many characters at most."""
    beginning = text[: 2 * most]
    words = " ".join(beginning.split())
    return words if len(words) <= most and beginning == text else f"{words[: most - 1]}…"


@dataclass(frozen=True, slots=True)
class _Path:
    """The newest turns and the user content as they would be sent.

    contents: without the lead, which goes in front of the first one. size: of the request without
    the lead. verbatim, material: the turns in them, oldest first.
    """

    contents: tuple[Content, ...]
    size: _Size
    lead: _Lead = _Lead()
    verbatim: tuple[TurnId, ...] = ()
    material: tuple[TurnId, ...] = ()

    @classmethod
    def of(cls, system: str, user: Content) -> _Path:
        """Begin at the new end, with no past turn."""
        words = _size_of((TextPart(text=system), *user.parts))
        return cls((user,), words + _Size(_REQUEST_BYTES + 2 * _CONTENT_BYTES))

    def under(self, turn: PastTurn, answer: Content | None) -> _Path:
        """Add the next older turn: verbatim with this answer, as material without one."""
        if answer is None:
            return replace(self, lead=self.lead.under(turn), material=(turn.id, *self.material))
        pair = _size_of((*turn.user.parts, *answer.parts)) + _Size(2 * _CONTENT_BYTES)
        return _Path(
            (turn.user, answer, *self.sent),
            self.sent_size + pair,
            verbatim=(turn.id, *self.verbatim),
            material=self.material,
        )

    @property
    def count(self) -> int:
        """How many past turns are in it."""
        return len(self.verbatim) + len(self.material)

    @property
    def sent(self) -> tuple[Content, ...]:
        """The contents with the lead in its place."""
        first, *rest = self.contents
        if not self.lead.lines:
            return self.contents
        return (Content(role="user", parts=(*self.lead.parts, *first.parts)), *rest)

    @property
    def sent_size(self) -> _Size:
        """The size of the request with the lead."""
        return self.size + _size_of(self.lead.parts)


def _check(path: _Path, user: Content, profile: ModelProfile) -> None:
    """Raise MaterialError, naming the limit and the way out, when the least does not fit."""
    size = path.sent_size
    if size.images > profile.max_images:
        raise MaterialError(_too_many(path, _size_of(user.parts).images, profile))
    beside = _beside(path.lead)
    if size.bytes > profile.max_bytes:
        sent = math.ceil(size.bytes / 100_000) / 10
        allowed = math.floor(profile.max_bytes / 100_000) / 10
        raise MaterialError(
            f"This message is too large: {beside}it makes a request of {sent} MB, and {profile.id}"
            f" takes {allowed} MB. {_smaller(path, user)}"
        )
    if _tokens(size, profile) > _token_limit(profile):
        raise MaterialError(
            f"This message is too long: {beside}it makes about {_tokens(size, profile):,} tokens,"
            f" and {profile.id} takes about {_token_limit(profile):,}."
            " Shorten the text, or send fewer pages."
        )


def _beside(lead: _Lead) -> str:
    if lead.painted:
        return "with the picture being edited "
    return "with the files sent before " if lead.files else ""


def _too_many(path: _Path, own: int, profile: ModelProfile) -> str:
    takes = f"{profile.id} takes {profile.max_images} in one request."
    earlier = path.sent_size.images - own
    if not own:
        return (
            f"The thread's last message has {_pictures(earlier)}; {takes}"
            " Start a new thread with fewer pictures, or name another model with --model."
        )
    room = profile.max_images - earlier
    way_out = f"Send {room} or fewer." if room > 0 else "Send them in a new thread."
    return f"This message has {_pictures(own)}; {_beside(path.lead)}{takes} {way_out}"


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def _smaller(path: _Path, user: Content) -> str:
    if any(isinstance(part, BlobPart) for part in user.parts):
        return "Send fewer or smaller files."
    if path.lead.files:
        return "Start a new thread with a smaller picture."
    return "Send a shorter text."
