"""A strict loopback Discord: refuses what Discord refuses, misbehaves when told, shows what's seen.

In a test::

    async with DiscordStandin() as discord:      # one app, on 127.0.0.1
        guild = discord.guild("painters")        # ids; names and ids are both good below
        general = discord.channel("painters", "general")
        ann = discord.person("ann")
        ...                                      # start the bot: discord.environment(), or token,
        await discord.until(lambda: discord.connections)  # api_url, gateway_url
        asked = await discord.say(general, ann, f"<@{discord.bot_user}> a cat")
        await discord.until(lambda: len(discord.messages(discord.thread_of(asked))) == 2)
        assert discord.complaints == []          # every test should end so,
        assert discord.pings == []               # nobody was pinged,
        assert discord.leaks == []               # and the CDN saw no token

``DiscordStandin(port=0, token=..., message_content=True, members=False, presences=False)``: the
last three are the privileged intents as switched on in the portal (else: close 4014). In a bot:
``discord.http.Route.BASE = api_url``, ``DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)``,
``Client(guild_ready_timeout=0.0)``.

WHO AND WHERE (each returns an id, and tells a connected bot)
``person(name, dm_open=True, bot=False, locale="en-US")``; ``guild(name, bot=True, allowed=BOT,
upload_bytes=0, locale="en-US")`` (bot=False: only user-installed apps there; allowed: what the
bot was invited with, permissions by Discord's names such as ``"SEND_MESSAGES"``);
``channel(guild, name, nsfw=False, forum=False, tags=(), needs_tag=False, deny=(), people_deny=())``
(deny: for the bot); ``role(guild, name, permissions=())``; ``join(guild, user, roles=(), nick="")``
(people also join by speaking); ``leave(guild, user)`` (``bot_user``: thrown out);
``permissions(channel, allow=(), deny=())`` of the bot there; ``remove_channel(channel)``;
``direct(user)``; ``private(*users)`` (a conversation without the bot). Constants: ``app_id``,
``bot_user``. More by hand: ``discord.world.people[id]``, ``.guilds[id]``, ``.channels[id]``.

WHAT PEOPLE DO (coroutines, but for archive and lock)
- ``say(channel, user, text, files=(), reply_to=message, ping=True, forward=message, embeds=(),
  age=0) -> message``: channel may be a thread or ``direct(..)``; text as on the wire: ``<@ID>``;
  ping: the reply pings the author, as Discord's client does unless told; age: seconds ago.
- ``post(forum, user, title, text, files=(), tags=()) -> thread id``, ``start_thread(message, user,
  name) -> id``, ``edit(message, text)``, ``delete(message)``, ``react(message, user, emoji)``,
  ``archive(thread)``, ``lock(thread)``.
- ``slash(channel, user, "/config set", install="guild" | "user" | "both", **options) ->
  Interaction``: options by name, DiscordFile for attachments, ids or names for people and
  channels. The test fails when the app registered no such command, option or choice, or when
  Discord would hide it (context, install, permissions, age restriction, archived thread).
- ``complete(channel, user, command, focused, **options) -> choices`` (autocomplete).
- ``menu("Edit image", message, user, install=..)``; on a person: ``menu(name, person, user,
  channel=..)``.
- ``click(message, custom_id, user, values=())``: custom_id may be its beginning; fails when the
  control is not in the stored message, is disabled, or not seen by that person.
- ``submit(modal, values, user)``: modal from ``modals(user)``, values by custom_id: text, options,
  lists, DiscordFiles; fails where the client keeps the form open. ``close_modal(modal)``.
- ``Interaction``: ``deferred, ephemeral, loading, response`` (callback type, 0: none yet),
  ``seconds`` to it, ``failed`` (the words a person sees, "" if all is well), ``answers`` (messages
  as they are now), ``modal, choices, id, token``. A gesture returns when the first answer is
  there or 3 s are over.
- ``DiscordFile(name=, data=, mimetype="", description="", spoiler=False)``.

WHAT PEOPLE SEE
``messages(channel)`` in order, ``message(id)``, ``pictures(message) -> [bytes]`` in the order
shown, ``thread_of(message) -> id``, ``threads(channel) -> [id]``, ``ephemerals(user)``,
``modals(user)``, ``await until(condition, seconds=20)``. Messages are dicts as on the wire. As with
Discord, files that components or embeds show are NOT in ``attachments``: look into the components.

WHAT THE BOT DID
``calls(route="", method="") -> [Call]``: route with ``*`` for parameters, such as
``"channels/*/messages"``, ``"interactions/*/*/callback"``, ``"cdn"``; ``Call`` has ``method, route,
path, arguments, query, files, authorization, status, code, fault, answer, ok, at, seconds``.
``complaints``: what Discord lets pass but a careful app does not do (an attachment that nothing
refers to, a name that was changed, an unknown field or route, a followup in place of the deferred
answer, a nonce where it does nothing). ``pings``: mentions that went out alive. ``leaks``,
``invalid_requests`` (401, 403, 429), ``identifies``, ``resumes``, ``connections`` (how many),
``world.commands`` (by guild id, "" are the global ones), ``world.created_commands``.

WHAT GOES WRONG
``plan(Fault(route="channels/*/messages", method="POST", kind="503"))``: kinds ``"429"``
(retry_after, global_), ``"413"``, ``"500"`` and other statuses, ``drop-before``, ``drop-after``
(work done, no answer), ``slow`` (seconds, then done), ``error`` (Discord's number in ``code=``),
``html``, ``cloudflare`` (429 without Via), ``truncated``; ``times=1`` (0: for ever), ``skip=0``,
``containing=""``; ``work=True`` does the work all the same. Routes ``cdn`` and ``gateway`` too.
``disconnect("cut" | "reconnect" | 4000 | 4009 | ..)``, ``invalidate(resumable=False)``,
``gateway.duplicate_on_resume = 1`` (the last messages come again), ``expire_links()``. Events
wait for a session that may resume; with no session nobody ever gets them.

KNOBS (``discord.knobs.NAME = value``, times in seconds): ``interaction_seconds=3``,
``token_seconds=900``, ``nonce_seconds=180``, ``link_seconds=86400``, ``ephemeral_file_seconds``,
``resume_seconds=120``, ``ready_delay=0``, ``heartbeat_seconds``, ``acks_heartbeats``,
``upload_bytes=10 MiB``, ``told_upload_bytes`` (what interactions claim), ``request_bytes=25 MiB``,
``limits={"POST channels/*/messages": (5, 5.0)}``, ``global_limit=0``, ``invalid_limit=10000``,
``identify_limit=1000`` (beyond it the token is reset), ``identify_gap=0``, ``command_creates=200``,
``active_threads=1000``, ``automod={words}``, ``external_apps=True``, ``max_user_followups=5``.

AS ITS OWN PROCESS
``python -m tests.standins.discord --port 0 [--no-message-content]`` prints its URL first; API and
gateway are at ``URL/api/v10`` and ``ws://.../gateway/``. ``GET /_control/seen``; ``POST
/_control/plan {"faults": [{Fault fields}]}``; ``POST /_control/set {knob: value}``; ``POST
/_control/say {"channel": .., "user": .., "text": ..}`` and so on for each helper above, arguments
by name, files as ``{"name", "base64"}``; ``POST /_control/pictures {"message": ..}`` (base64);
answers ``{"result": ..}``.

NOT LIKE DISCORD, or not known
@everyone may less than usual, people speak through no role. No voice, stickers, polls, webhooks of
others. A 30034 comes as 400, 160002 as 403 (reported so). Messages of type 21 have the author of
what they point to. Whoever presses buttons in archived threads is served; edits there are 50083.
"""

from tests.standins.discord.interactions import Interaction
from tests.standins.discord.server import DiscordStandin
from tests.standins.discord.values import Call, DiscordFile, Fault, Knobs

__all__ = ["Call", "DiscordFile", "DiscordStandin", "Fault", "Interaction", "Knobs"]
