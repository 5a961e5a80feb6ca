"""Who is an admin and who is in a group, against a server on loopback that answers as told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.people import People
from adapters.slack.web import Web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Slack:
    """Knows people and groups; an error word stands for a refusal, "silence" for none at all."""

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Any] | str] = {}
        self.groups: dict[str, list[str] | str] = {}
        self.calls = 0
        app = web.Application()
        app.router.add_post("/api/users.info", self._person)
        app.router.add_post("/api/usergroups.users.list", self._group)
        self.server = TestServer(app)

    async def _person(self, request: web.Request) -> web.Response:
        return await self._answer("user", self.people[str((await request.post())["user"])])

    async def _group(self, request: web.Request) -> web.Response:
        return await self._answer("users", self.groups[str((await request.post())["usergroup"])])

    async def _answer(self, name: str, value: object) -> web.Response:
        self.calls += 1
        if value == "silence":
            await asyncio.Event().wait()
        if isinstance(value, str):
            return web.json_response({"ok": False, "error": value})
        return web.json_response({"ok": True, name: value})


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, **delta: float) -> None:
        self.at += timedelta(**delta)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = Slack()
    async with slack.server:
        yield slack


@pytest.fixture
async def people(slack: Slack, clock: Clock) -> AsyncIterator[People]:
    async with aiohttp.ClientSession() as session:
        base_url = f"http://127.0.0.1:{slack.server.port}/api/"
        client = AsyncWebClient("xoxb-1", base_url=base_url, session=session, retry_handlers=[])
        yield People(Web(client), admins=frozenset({"UBOSS"}), team="T1", now=clock)


def person(team: str = "T1", **roles: object) -> dict[str, Any]:
    return {"id": "U1", "team_id": team, "is_admin": False, "is_owner": False, **roles}


@pytest.mark.parametrize(
    ("known", "is_admin"),
    [
        (person(), False),
        (person(is_admin=True), True),
        (person(is_owner=True), True),
        (person(is_primary_owner=True), True),
        (person(is_admin=True, deleted=True), False),
        (person("T9", is_admin=True), False),
        (person("E1", is_admin=True, enterprise_user={"teams": ["T2", "T1"]}), True),
        ({}, False),
        ("user_not_found", False),
        ("missing_scope", False),
    ],
)
async def test_admins_and_owners_of_this_workspace_are_admins(
    slack: Slack, people: People, known: dict[str, Any] | str, *, is_admin: bool
) -> None:
    slack.people["U1"] = known
    assert await people.is_admin("U1") is is_admin


async def test_a_listed_person_is_an_admin_without_asking_slack(
    slack: Slack, people: People
) -> None:
    assert await people.is_admin("UBOSS")
    assert slack.calls == 0


async def test_a_role_is_remembered_for_five_minutes(
    slack: Slack, people: People, clock: Clock
) -> None:
    slack.people["U1"] = person(is_admin=True)
    assert await people.is_admin("U1")
    slack.people["U1"] = person()
    clock.move(minutes=4, seconds=59)
    assert await people.is_admin("U1")
    clock.move(seconds=1)
    assert not await people.is_admin("U1")
    assert slack.calls == 2


async def test_a_clock_that_was_set_back_keeps_no_role_alive(
    slack: Slack, people: People, clock: Clock
) -> None:
    slack.people["U1"] = person(is_admin=True)
    assert await people.is_admin("U1")
    slack.people["U1"] = person()
    clock.move(hours=-1)
    assert not await people.is_admin("U1")


async def test_a_lost_permission_leaves_the_list_and_is_logged_once(
    slack: Slack, people: People, clock: Clock
) -> None:
    slack.people["U1"] = person(is_admin=True)
    assert await people.is_admin("U1")
    slack.people["U1"] = "missing_scope"
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            clock.move(minutes=6)
            assert not await people.is_admin("U1")
    assert len(logs) == 1
    assert await people.is_admin("UBOSS")


async def test_a_failure_is_asked_about_again_after_a_minute(
    slack: Slack, people: People, clock: Clock
) -> None:
    slack.people["U1"] = "ekm_access_denied"
    assert not await people.is_admin("U1")
    slack.people["U1"] = person(is_admin=True)
    clock.move(seconds=59)
    assert not await people.is_admin("U1")
    clock.move(seconds=1)
    assert await people.is_admin("U1")


async def test_a_silent_slack_is_not_waited_for(slack: Slack, people: People) -> None:
    slack.people["U1"] = "silence"
    async with asyncio.timeout(3):
        assert not await people.is_admin("U1")


async def test_a_member_of_any_of_the_groups_is_in_them(slack: Slack, people: People) -> None:
    slack.groups |= {"S1": ["U2"], "S2": ["U1", "U3"]}
    assert await people.in_groups("U1", ["S1", "S2"])
    assert not await people.in_groups("U9", ["S1", "S2"])
    assert not await people.in_groups("U1", ["S1"])
    assert not await people.in_groups("U1", [])
    assert slack.calls == 2


async def test_members_are_those_of_the_last_answer_while_slack_fails(
    slack: Slack, people: People, clock: Clock
) -> None:
    slack.groups |= {"S1": ["U1"], "S2": "no_such_subteam"}
    assert await people.in_groups("U1", ["S2", "S1"])
    slack.groups["S1"] = "missing_scope"
    clock.move(hours=2)
    assert await people.in_groups("U1", ["S2", "S1"])
    slack.groups["S1"] = []
    clock.move(minutes=1)
    assert not await people.in_groups("U1", ["S2", "S1"])


async def test_not_everybody_is_remembered_for_ever(slack: Slack, people: People) -> None:
    slack.people |= {f"U{number}": person() for number in range(1002)}
    for user in slack.people:
        await people.is_admin(user)
    await people.is_admin("U1001")
    assert slack.calls == 1002
    await people.is_admin("U0")
    assert slack.calls == 1003
