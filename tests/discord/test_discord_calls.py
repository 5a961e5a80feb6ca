"""Calls through discord.py: what is tried again, what is final, how people are told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord as library
import pytest

from adapters.discord.calls import BLOCKED_SECONDS, Calls, Gone, Refused, Unclear
from adapters.discord.refusals import CLOSED, LATER, Code, reason_of, threadless, words_of
from bot.errors import DeliveryError
from tests.discord.memory import connected
from tests.standins.discord import DiscordStandin, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SEND = "channels/*/messages"


class Bench:
    """Calls that send into one channel, and what was waited meanwhile."""

    def __init__(self, standin: DiscordStandin, client: library.Client) -> None:
        self.discord = standin
        self.time = 0.0
        self.waits: list[float] = []
        self.channel = standin.channel(standin.guild("studio"), "art")
        self.calls = Calls(client, clock=lambda: self.time, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def send(self, *, repeatable: bool = True, seconds: float = 10) -> str:
        place = self.calls.client.get_partial_messageable(int(self.channel))

        async def send() -> str:
            return str((await place.send("fox", nonce="one")).id)

        return await self.calls.do(send, repeatable=repeatable, seconds=seconds)

    @property
    def tries(self) -> int:
        return len(self.discord.calls(SEND, "POST"))

    @property
    def messages(self) -> int:
        return len(self.discord.messages(self.channel))


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandin]:
    async with DiscordStandin() as discord:
        yield discord
        assert discord.complaints == []


@pytest.fixture
async def bench(discord: DiscordStandin) -> AsyncIterator[Bench]:
    async with connected(discord) as client:
        yield Bench(discord, client)


@pytest.mark.parametrize("kind", ["503", "drop-before", "drop-after", "truncated"])
async def test_what_a_nonce_protects_is_tried_again(
    bench: Bench, discord: DiscordStandin, kind: str
) -> None:
    discord.plan(Fault(route=SEND, kind=kind, times=3))
    await bench.send()
    assert (bench.tries, bench.messages) == (4, 1)
    assert bench.waits == sorted(bench.waits)


@pytest.mark.parametrize("kind", ["503", "drop-before", "drop-after", "truncated"])
async def test_what_may_have_been_done_is_not_repeated_when_that_would_show(
    bench: Bench, discord: DiscordStandin, kind: str
) -> None:
    discord.plan(Fault(route=SEND, kind=kind))
    with pytest.raises(Unclear) as unclear:
        await bench.send(repeatable=False)
    assert bench.tries == 1
    assert not unclear.value.final


async def test_a_silent_discord_is_given_up_for_now(bench: Bench, discord: DiscordStandin) -> None:
    discord.plan(Fault(route=SEND, kind="slow", seconds=0.2, times=0))
    with pytest.raises(Unclear):
        await bench.send(seconds=0.02)
    assert bench.tries == 4
    await asyncio.sleep(0.3)
    assert bench.messages == 1


async def test_what_never_reached_discord_is_tried_again_in_any_case(bench: Bench) -> None:
    library.http.Route.BASE = "http://127.0.0.1:9/api/v10"
    with pytest.raises(Refused) as refused:
        await bench.send(repeatable=False)
    assert refused.value.code == Code.UNREACHABLE
    assert not refused.value.final
    assert len(bench.waits) == 3


@pytest.mark.parametrize("code", [10003, 50001, 50013, 200000, 50035, 20009])
async def test_a_refusal_is_final(bench: Bench, discord: DiscordStandin, code: int) -> None:
    discord.plan(Fault(route=SEND, kind="error", code=code))
    with pytest.raises(Refused) as refused:
        await bench.send()
    assert (refused.value.code, refused.value.final, bench.tries) == (code, True, 1)


async def test_a_limit_is_waited_for(bench: Bench, discord: DiscordStandin) -> None:
    discord.knobs.limits["POST channels/*/messages"] = (1, 0.1)
    for _ in range(3):
        await bench.send(repeatable=False)
    assert [call.status for call in discord.calls(SEND, "POST")].count(200) == 3


async def test_a_limit_of_minutes_is_for_later(bench: Bench, discord: DiscordStandin) -> None:
    discord.plan(Fault(route=SEND, kind="429", retry_after=600))
    with pytest.raises(Refused) as refused:
        await bench.send()
    assert refused.value.code == Code.RATE_LIMITED
    assert not refused.value.final


@pytest.mark.parametrize("kind", ["cloudflare", "error"])
async def test_calls_that_are_kept_out_are_not_made_for_minutes(
    bench: Bench, discord: DiscordStandin, kind: str
) -> None:
    discord.plan(Fault(route=SEND, kind=kind, code=40333 if kind == "error" else 0))
    for _ in range(5):
        with pytest.raises(Refused) as refused:
            await bench.send()
        assert not refused.value.final
    assert bench.tries == 1
    bench.time += BLOCKED_SECONDS
    await bench.send()
    assert bench.messages == 1


async def test_a_bad_token_is_used_only_once(bench: Bench, discord: DiscordStandin) -> None:
    discord.gateway.token_reset = True
    for _ in range(3):
        with pytest.raises(Gone) as gone:
            await bench.send()
        assert gone.value.final
    assert bench.tries == 1


@pytest.mark.parametrize("code", [50027, 0])
async def test_an_interaction_that_is_over_does_not_stop_the_bot(
    bench: Bench, discord: DiscordStandin, code: int
) -> None:
    kind = "error" if code else "401"
    discord.plan(Fault(route="webhooks/*/*", kind=kind, code=code))
    hook = library.Webhook.partial(100, "gone", client=bench.calls.client)
    with pytest.raises(Refused) as refused:
        await bench.calls.do(lambda: hook.send("fox"))
    assert refused.value.code == Code.BAD_WEBHOOK_TOKEN
    await bench.send()
    assert bench.messages == 1


@dataclass
class Response:
    status: int
    url: str = "http://127.0.0.1/channels/1/messages"
    reason: str = "unwell"


@pytest.mark.parametrize(("status", "tries"), [(500, 1), (502, 1), (504, 1), (503, 4), (520, 4)])
async def test_what_discord_py_repeated_is_not_repeated_at_once(
    bench: Bench, status: int, tries: int
) -> None:
    tried = []

    async def fail() -> None:
        tried.append(status)
        raise library.DiscordServerError(Response(status), "unwell")  # type: ignore[arg-type]

    with pytest.raises(Unclear):
        await bench.calls.do(fail, repeatable=True)
    assert len(tried) == tries


async def test_a_call_can_be_cancelled(bench: Bench, discord: DiscordStandin) -> None:
    discord.plan(Fault(route=SEND, kind="slow", seconds=0.2))
    task = asyncio.create_task(bench.send())
    await discord.until(lambda: bench.tries)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("code", list(Code))
def test_every_code_is_explained_in_sentences(code: Code) -> None:
    words = words_of(code)
    assert words.endswith(".")
    assert ". " in words or code in {Code.TOO_LARGE, Code.TOO_LARGE_REQUEST, Code.BAD_WEBHOOK_TOKEN}
    assert Refused(code).final == (code not in LATER)
    assert Refused(code).closed == (code in CLOSED)
    assert isinstance(Refused(code), DeliveryError)
    for reason in (reason_of(code), threadless(code)):
        assert reason[0].islower() or reason.startswith("I ")
        assert not reason.endswith(".")


def test_a_code_that_nobody_knows_is_named() -> None:
    assert "987654" in words_of(987654)
