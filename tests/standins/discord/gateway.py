"""The gateway: hello, heartbeats, identify, resume with replay, events, and every kind of end."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from tests.standins.discord import shapes
from tests.standins.discord.world import APP, BOT_USER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standins.discord.values import Json
    from tests.standins.discord.world import World

MEMBERS, MESSAGES, REACTIONS, DIRECT_MESSAGES, DIRECT_REACTIONS = (
    1 << 1, 1 << 9, 1 << 10, 1 << 12, 1 << 13,
)  # fmt: skip
PRESENCES, CONTENT = 1 << 8, 1 << 15
_FATAL = {4004, 4007, 4009, 4010, 4011, 4012, 4013, 4014, 1000, 1001}
_COMMANDS_A_MINUTE = 120


@dataclass(slots=True, kw_only=True)
class Session:
    """What survives a lost connection. events: everything said, as frames."""

    id: str
    intents: int
    shard: tuple[int, int]
    events: list[Json] = field(default_factory=list)
    link: Link | None = None
    left: float = 0
    ended: bool = False

    def hears(self, guild: str) -> bool:
        """Tell whether events of this server go to this shard."""
        return self.shard[0] == ((int(guild) >> 22) % self.shard[1] if guild else 0)


@dataclass(slots=True, kw_only=True)
class Link:
    """One connection with the frames that wait to be written."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    queue: asyncio.Queue[Json | int] = field(default_factory=asyncio.Queue)
    session: Session | None = None
    received: list[float] = field(default_factory=list)
    closed_here: bool = False

    def send(self, op: int, data: object, **more: object) -> None:
        self.queue.put_nowait({"op": op, "d": data, "s": None, "t": None, **more})

    def close(self, code: int) -> None:
        self.queue.put_nowait(code)

    async def write(self) -> None:
        while True:
            frame = await self.queue.get()
            with suppress(ConnectionError):
                if isinstance(frame, int):
                    self.closed_here = True
                    await self.socket.close(code=frame)
                    return
                await self.socket.send_str(json.dumps(frame))


class Gateway:
    """All sessions and connections of the bot."""

    def __init__(self, world: World, token: str, portal: int) -> None:
        self.world = world
        self.portal = portal
        """The privileged intents that are switched on."""
        self.token = token
        self.token_reset = False
        self.url = ""
        self.sessions: list[Session] = []
        self.links: list[Link] = []
        self.identifies: list[float] = []
        self.resumes: list[float] = []
        self.duplicate_on_resume = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what is said ----------------------------------------------------------------------------

    def dispatch(
        self, event: str, make: Callable[[bool], Json], *, intent: int = 0, guild: str = ""
    ) -> bool:
        """Say something to every session that asked for it; True when a connection took it.

        make: the payload, given whether the session may see message content. A session without a
        connection gets it when it resumes; with no session nobody ever gets it.
        """
        taken = False
        for session in self.sessions:
            if session.ended or (intent and not session.intents & intent):
                continue
            if not session.hears(guild):
                continue
            self._say(session, event, make(bool(session.intents & CONTENT)))
            taken = taken or session.link is not None
        return taken

    def _say(self, session: Session, event: str, payload: Json) -> None:
        frame = {"op": 0, "s": len(session.events) + 1, "t": event, "d": payload}
        session.events.append(frame)
        if session.link:
            session.link.queue.put_nowait(frame)

    @property
    def connected(self) -> list[Session]:
        """The sessions that have a connection now."""
        return [session for session in self.sessions if session.link]

    # --- one connection --------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Be one connection until it ends."""
        socket = web.WebSocketResponse(timeout=1, max_msg_size=0)
        await socket.prepare(request)
        link = Link(socket=socket, transport=request.transport)
        self.links.append(link)
        writer = asyncio.create_task(link.write())
        link.send(10, {"heartbeat_interval": self.world.knobs.heartbeat_seconds * 1000})
        try:
            async for frame in socket:
                if frame.type == WSMsgType.TEXT:
                    self._receive(link, frame.data)
        finally:
            self.links.remove(link)
            writer.cancel()
            self._left(link, socket.close_code)
        return socket

    def _left(self, link: Link, code: int | None) -> None:
        session = link.session
        if session and session.link is link:
            session.link, session.left = None, time.monotonic()
            theirs = code in {1000, 1001} and not link.closed_here
            session.ended = session.ended or theirs

    def _receive(self, link: Link, text: str) -> None:
        now = time.monotonic()
        link.received = [at for at in link.received if at > now - 60] + [now]
        if len(link.received) > _COMMANDS_A_MINUTE:
            self.world.complain("more than 120 gateway commands in a minute")
            return link.close(4008)
        try:
            frame = json.loads(text)
            op, data = frame["op"], frame.get("d")
        except (ValueError, KeyError, TypeError):
            return link.close(4002)
        return self._obey(link, op, data)

    def _obey(self, link: Link, op: int, data: Json) -> None:
        if op == 1:
            if self.world.knobs.acks_heartbeats:
                link.send(11, None)
        elif op == 2:
            self._identify(link, data)
        elif op == 6:
            self._resume(link, data)
        elif link.session is None:
            link.close(4003)
        elif op == 8:
            self._members(link.session, data)
        elif op not in {3, 4}:
            link.close(4001)

    def _identify(self, link: Link, data: Json) -> None:
        if link.session:
            return link.close(4005)
        knobs, now = self.world.knobs, time.time()
        early = now - max(self.identifies, default=0) < knobs.identify_gap
        self.identifies.append(now)
        if len(self.identifies) > knobs.identify_limit and not self.token_reset:
            self.token_reset = True
            self.world.complain("the token was reset: too many IDENTIFYs in 24 hours")
        if data.get("token") != self.token or self.token_reset:
            return link.close(4004)
        if early:
            return link.send(9, data=False)
        intents = int(data["intents"])
        if intents & (MEMBERS | PRESENCES | CONTENT) & ~self.portal:
            return link.close(4014)
        shard = data.get("shard") or [0, 1]
        session = Session(id=secrets.token_hex(8), intents=intents, shard=(shard[0], shard[1]))
        session.link, link.session = link, session
        self.sessions.append(session)
        task = asyncio.create_task(self._ready(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    async def _ready(self, session: Session) -> None:
        await asyncio.sleep(self.world.knobs.ready_delay)
        guilds = [g for g in self.world.guilds.values() if g.bot and session.hears(g.id)]
        payload: Json = {
            "v": 10,
            "user": shapes.user(self.world.people[BOT_USER]),
            "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "application": {"id": APP, "flags": 0},
            "shard": list(session.shard),
            "private_channels": [],
        }
        self._say(session, "READY", payload)
        for guild in guilds if session.intents & 1 else []:
            self._say(session, "GUILD_CREATE", shapes.guild_create(self.world, guild))

    def _resume(self, link: Link, data: Json) -> None:
        if data.get("token") != self.token or self.token_reset:
            return link.close(4004)
        self.resumes.append(time.time())
        found = next((s for s in self.sessions if s.id == data.get("session_id")), None)
        late = time.monotonic() - self.world.knobs.resume_seconds
        if found is None or found.ended or (found.link is None and found.left < late):
            if found:
                found.ended = True
            return link.send(9, data=False)
        heard = int(data.get("seq") or 0)
        if heard > len(found.events):
            return link.close(4007)
        if found.link:
            found.link.close(4000)
        found.link, link.session = link, found
        for frame in found.events[heard:]:
            link.queue.put_nowait(frame)
        again = [frame for frame in found.events[:heard] if frame["t"] == "MESSAGE_CREATE"]
        for frame in again[-self.duplicate_on_resume :] if self.duplicate_on_resume else []:
            self._say(found, frame["t"], frame["d"])
        self._say(found, "RESUMED", {})
        return None

    def _members(self, session: Session, data: Json) -> None:
        guild = self.world.guilds[str(data["guild_id"])]
        everyone = not data.get("user_ids")
        if everyone and not session.intents & MEMBERS:
            self.world.complain("all members were requested without the members intent")
        wanted = guild.members if everyone else [str(one) for one in data["user_ids"]]
        found = [one for one in wanted if one in guild.members]
        members = [shapes.member(self.world, guild, one, whole=True) for one in found]
        chunk: Json = {"guild_id": guild.id, "members": members, "chunk_index": 0, "chunk_count": 1}
        self._say(session, "GUILD_MEMBERS_CHUNK", {**chunk, "nonce": data.get("nonce")})

    # --- ends ------------------------------------------------------------------------------------

    def disconnect(self, kind: str | int) -> None:
        """End all connections: "cut", "reconnect" (op 7), or a close code such as 4009."""
        for link in list(self.links):
            if kind == "cut":
                if link.transport:
                    link.transport.abort()
            elif kind == "reconnect":
                link.send(7, None)
            else:
                if link.session and int(kind) in _FATAL - {1000, 1001}:
                    link.session.ended = True
                link.close(int(kind))

    def invalidate(self, *, resumable: bool = False) -> None:
        """Send op 9; unless resumable the sessions are over."""
        for link in list(self.links):
            if link.session and not resumable:
                link.session.ended = True
            link.send(9, resumable)

    async def close(self) -> None:
        """End everything."""
        for task in [*self._tasks]:
            task.cancel()
        for link in list(self.links):
            with suppress(ConnectionError):
                await link.socket.close(code=1001)
