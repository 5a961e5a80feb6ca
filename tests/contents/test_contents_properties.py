"""What holds for every history, whatever its sizes, signatures, thoughts, backends and limits."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import count, pairwise
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.contents import Fit, fit
from bot.conversation import Blob, BlobPart, Content, PastTurn, TextPart, TurnId
from bot.errors import MaterialError
from bot.profiles import PROFILES, ModelProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.conversation import Part

NB2 = PROFILES["google"]["gemini-3.1-flash-image"]
HUGE = 10**9
HERE = "here"


class Kind(NamedTuple):
    """What a part is made of: a text, or a blob of some type and size."""

    text: str = ""
    mime_type: str = ""
    size: int = 0
    pages: int | None = None


SIZES = [0, 1, 2, 3, 1000, 9000]
TEXTS = [
    Kind(text=text)
    for text in ["", "bluer", "a fox\n\nin snow", "w" * 900, "語" * 700, '\0\n"\\/😀\ud83d' * 9]
]
IMAGES = [Kind(mime_type=f"image/{name}", size=size) for name in ("png", "heic") for size in SIZES]
DOCUMENTS = [
    Kind(mime_type="application/pdf", size=size, pages=pages)
    for size in SIZES
    for pages in (None, 1, 7)
]
SIGNATURES = [Kind(mime_type="text/plain", size=size) for size in (1, 800, 9000)]

_numbers = count()


def fresh_blob(kind: Kind) -> Blob:
    """Make a blob that no other part has."""
    digest = f"{next(_numbers):064x}"
    return Blob(digest=digest, mime_type=kind.mime_type, size=kind.size, pages=kind.pages)


def fresh_part(kind: Kind, *, thought: bool = False, signature: Kind | None = None) -> Part:
    signed = fresh_blob(signature) if signature else None
    if kind.mime_type:
        return BlobPart(blob=fresh_blob(kind), thought=thought, signature=signed)
    return TextPart(text=kind.text, thought=thought, signature=signed)


def parts(kinds: Sequence[Kind]) -> st.SearchStrategy[Part]:
    return st.builds(fresh_part, st.sampled_from(kinds))


def answers(kinds: Sequence[Kind]) -> st.SearchStrategy[Part]:
    """Draw a part of a model: most are signed, some are thoughts."""
    return st.builds(
        fresh_part,
        st.sampled_from(kinds),
        thought=st.sampled_from([False, False, False, True]),
        signature=st.sampled_from([*SIGNATURES * 4, None]),
    )


users = st.builds(
    Content,
    role=st.just("user"),
    parts=st.lists(parts(TEXTS) | parts(IMAGES + DOCUMENTS), min_size=1, max_size=4).map(tuple),
)
models = st.builds(
    Content,
    role=st.just("model"),
    parts=st.lists(answers(TEXTS) | answers(IMAGES), min_size=1, max_size=4).map(tuple),
)
pasts = st.builds(
    PastTurn,
    id=st.just(TurnId("")),
    user=users,
    model=models,
    backend=st.sampled_from([*[HERE] * 8, "elsewhere"]),
)
profiles = st.builds(
    replace,
    st.just(NB2),
    max_images=st.sampled_from([HUGE, 14, 8, 6, 4, 2, 1, 0]),
    max_bytes=st.sampled_from([HUGE, HUGE, 160_000, 80_000, 60_000, 40_000, 20_000, 8000]),
    max_tokens=st.sampled_from([HUGE, HUGE, 24_000, 12_000, 9000, 6000, 3000, 100]),
    image_tokens=st.sampled_from([560, 1120]),
    signatures=st.booleans(),
)


@dataclass(frozen=True, slots=True)
class Case:
    turns: Sequence[PastTurn]
    user: Content
    profile: ModelProfile
    system: str
    replay: bool
    older: int

    def fit(self) -> Fit:
        return fit(
            workspace="T1",
            system=self.system,
            turns=self.turns,
            older=self.older,
            user=self.user,
            profile=self.profile,
            backend=HERE,
            replay=self.replay,
        )

    def refusal(self) -> str:
        """Say why it does not fit; "" when it does."""
        try:
            self.fit()
        except MaterialError as error:
            return str(error)
        return ""

    def fit_or_skip(self) -> Fit:
        assume(not self.refusal())
        return self.fit()

    def boundless(self, turns: Sequence[PastTurn], *, replay: bool | None = None) -> Fit:
        """Fit some turns with no limit but the words of a lead."""
        profile = replace(self.profile, max_images=HUGE, max_bytes=HUGE, max_tokens=HUGE)
        replay = self.replay if replay is None else replay
        return replace(self, turns=turns, profile=profile, replay=replay).fit()

    def holds(self, result: Fit) -> bool:
        return (
            result.bytes <= self.profile.max_bytes
            and result.images <= self.profile.max_images
            and result.tokens <= self.profile.max_tokens * 0.95
        )


cases = st.builds(
    Case,
    turns=st.lists(pasts, max_size=8).map(
        lambda turns: [replace(turn, id=TurnId(str(n))) for n, turn in enumerate(turns)]
    ),
    user=users,
    profile=profiles,
    system=st.sampled_from(TEXTS).map(lambda kind: kind.text),
    replay=st.sampled_from([*[True] * 8, False]),
    older=st.integers(0, 3),
)
quick = settings(max_examples=120, deadline=None)


def request_body(case: Case, result: Fit) -> bytes:
    """Build the request with dummy bytes, in the widest spelling that JSON allows."""
    contents = [
        {"role": content.role, "parts": [wire_part(part) for part in content.parts]}
        for content in result.contents.contents
    ]
    harm = [{"category": f"HARM_CATEGORY_{n}", "threshold": "BLOCK_NONE"} for n in range(8)]
    request = {
        "contents": contents,
        "systemInstruction": {"role": "user", "parts": [{"text": case.system}]},
        "generationConfig": {
            "responseModalities": ["TEXT", "IMAGE"],
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
            "thinkingConfig": {"thinkingLevel": "high", "includeThoughts": True},
        },
        "tools": [{"googleSearch": {"searchTypes": {"webSearch": {}, "imageSearch": {}}}}],
        "safetySettings": harm,
    }
    return json.dumps(request, indent=1).encode()


def wire_part(part: Part) -> dict[str, object]:
    wired: dict[str, object] = {}
    if isinstance(part, TextPart):
        wired["text"] = part.text
    else:
        data = "A" * (-(-part.blob.size // 3) * 4)
        wired["inlineData"] = {"mimeType": part.blob.mime_type, "data": data}
    if part.signature:
        wired["thoughtSignature"] = "A" * part.signature.size
    return wired


def same(these: Sequence[Part], those: Sequence[Part]) -> bool:
    """Compare by identity, in order."""
    return [id(part) for part in these] == [id(part) for part in those]


@quick
@given(cases)
def test_the_request_is_within_every_limit(case: Case) -> None:
    result = case.fit_or_skip()
    parts = [part for content in result.contents.contents for part in content.parts]

    assert case.holds(result)
    assert result.images == sum(isinstance(p, BlobPart) and p.blob.is_image for p in parts)


@quick
@given(cases)
def test_the_real_body_is_never_larger_than_the_estimate(case: Case) -> None:
    result = case.fit_or_skip()

    assert len(request_body(case, result)) <= result.bytes


def test_the_estimate_covers_the_wrapping_of_many_tiny_parts() -> None:
    tiny = fresh_part(IMAGES[0], signature=SIGNATURES[0])
    past = PastTurn(
        id=TurnId("1"),
        user=Content(role="user", parts=(TextPart(text=""),)),
        model=Content(role="model", parts=(tiny,) * 3),
        backend=HERE,
    )
    limits = replace(NB2, max_images=HUGE, max_bytes=HUGE, max_tokens=HUGE)
    case = Case((past,) * 300, past.user, limits, "", replay=True, older=0)

    result = case.fit()

    assert len(result.verbatim) == 300
    assert len(request_body(case, result)) <= result.bytes


@quick
@given(cases)
def test_contents_alternate_from_a_user_to_the_current_user_and_none_is_empty(case: Case) -> None:
    contents = case.fit_or_skip().contents.contents

    assert contents[0].role == contents[-1].role == "user"
    assert all(one.role != next_one.role for one, next_one in pairwise(contents))
    assert all(content.parts for content in contents)
    own = contents[-1].parts[-len(case.user.parts) :]
    assert same(own, case.user.parts)


@quick
@given(cases)
def test_the_turns_that_are_sent_are_the_newest_ones_in_their_order(case: Case) -> None:
    result = case.fit_or_skip()

    ids = [turn.id for turn in case.turns]
    kept = ids[len(result.dropped) :]
    assert list(result.dropped) == ids[: len(result.dropped)]
    assert list(result.verbatim) == [name for name in kept if name in result.verbatim]
    assert list(result.material) == [name for name in kept if name not in result.verbatim]
    assert result.older == case.older + len(result.dropped)


@quick
@given(cases)
def test_replayed_parts_are_the_same_objects_beside_the_same_neighbours(case: Case) -> None:
    result = case.fit_or_skip()

    by_id = {turn.id: turn for turn in case.turns}
    contents = result.contents.contents
    assert len(contents) == 2 * len(result.verbatim) + 1
    for place, name in enumerate(result.verbatim):
        turn, user, model = by_id[name], contents[2 * place], contents[2 * place + 1]
        assert turn.backend == HERE
        assert same(user.parts[-len(turn.user.parts) :], turn.user.parts)
        assert same(model.parts, [part for part in turn.model.parts if not part.thought])
        if case.profile.signatures:
            assert all(p.signature for p in model.parts if isinstance(p, BlobPart))


@quick
@given(cases)
def test_a_lead_stands_exactly_where_turns_could_not_be_replayed(case: Case) -> None:
    result = case.fit_or_skip()

    owners = [*(turn for turn in case.turns if turn.id in result.verbatim), None]
    sent = [turn for turn in case.turns if turn.id not in result.dropped]
    runs: list[list[PastTurn]] = [[]]
    for turn in sent:
        if turn.id in result.verbatim:
            runs.append([])
        else:
            runs[-1].append(turn)
    for content, owner, run in zip(result.contents.contents[::2], owners, runs, strict=True):
        own = owner.user.parts if owner else case.user.parts
        lead = content.parts[: len(content.parts) - len(own)]
        assert bool(lead) == bool(run)
        if not run:
            continue
        words, *files = lead
        assert isinstance(words, TextPart)
        assert len(words.text) < 2500
        assert all(isinstance(f, BlobPart) and not f.thought and not f.signature for f in files)
        pictures = [blob for turn in run for blob in turn.model.pictures]
        if pictures:
            assert [file.blob for file in files if isinstance(file, BlobPart)] == pictures[-1:]


@quick
@given(cases)
def test_the_parents_picture_is_always_in_the_request(case: Case) -> None:
    assume(case.turns and case.turns[-1].model.pictures)
    result = case.fit_or_skip()

    parts = [part for content in result.contents.contents for part in content.parts]
    assert case.turns[-1].model.pictures[-1] in [p.blob for p in parts if isinstance(p, BlobPart)]


@quick
@given(cases)
def test_no_longer_history_would_have_fitted(case: Case) -> None:
    result = case.fit_or_skip()

    kept = len(case.turns) - len(result.dropped)
    for length in range(kept + 1, len(case.turns) + 1):
        longer = case.boundless(case.turns[len(case.turns) - length :])
        assert longer.dropped or not case.holds(longer)
    assert kept >= min(1, len(case.turns))


@quick
@given(cases)
def test_a_message_is_refused_only_when_it_does_not_fit_beside_its_parents_words_and_picture(
    case: Case,
) -> None:
    words = case.refusal()
    assume(words)

    assert not case.holds(case.boundless(case.turns[-1:], replay=False))
    assert case.profile.id in words
    assert any(way_out in words for way_out in ("Send", "Start a new thread", "Shorten"))


@quick
@given(cases, st.integers(0, 20), st.integers(0, 100_000), st.integers(0, 20_000))
def test_a_larger_budget_never_drops_more(case: Case, images: int, size: int, tokens: int) -> None:
    narrow = case.fit_or_skip()

    wide = replace(
        case,
        profile=replace(
            case.profile,
            max_images=case.profile.max_images + images,
            max_bytes=case.profile.max_bytes + size,
            max_tokens=case.profile.max_tokens + tokens,
        ),
    ).fit()

    assert len(wide.dropped) <= len(narrow.dropped)
