"""A strict loopback Slack: refuses what Slack refuses, misbehaves when told, shows what people see.

In a test::

    async with SlackStandin() as slack:          # one workspace, our app installed, on 127.0.0.1
        ...                                      # start the bot: slack.environment(), or api_url,
        await slack.until(lambda: slack.connections)  # bot_token, app_token, signing_secret
        ann = slack.person("ann")                # a user id; names and ids are both good below
        general = slack.channel("general", members=["ann"])
        ts = await slack.say(general, ann, f"<@{slack.bot_user}> a cat")
        await slack.until(lambda: len(slack.messages(general, ts)) == 3)
        assert slack.complaints == []            # every test should end so

WHO AND WHERE (each returns an id)
``person(name, *, admin=False, external=False, bot=False)``; ``channel(name, *, members=(),
bot=True, private=False, archived=False)`` (people join a public channel by speaking in it);
``direct(user)``; ``group(members)`` (a user group). Constants: ``team``, ``app_id``, ``bot_user``,
``bot_id``. More by hand: ``slack.world.people[id]``, ``slack.world.channels[id]``.

WHAT PEOPLE DO (all are coroutines)
- ``say(channel, user, text, *, thread_ts=None, files=(), attachments=(), client_msg_id=None,
  copies=1, broadcast=False) -> ts``. text is as on the wire: ``<@U..>``, ``&amp;``. Delivers the
  ``message`` event and, where the bot is mentioned in a channel, ``app_mention`` with its own
  event_id (``knobs.app_mention_first``). Returns when the first attempt of each was acked, timed
  out, was cut off, or found nobody; redeliveries go on behind. copies: the same event so often.
- ``edit(channel, ts, text)``, ``delete(channel, ts)`` (anybody's message; a root with replies
  stays as a tombstone and arrives as ``message_changed``, as Slack does).
- ``command(channel, user, "/imagine", "a fox") -> Ack``, ``click(message, action_id, user,
  value=None) -> Ack``: message is one of ``messages()``, ``ephemerals``, ``views``, ``homes``; the
  test fails when the control is not there. value: which option of a select; of a button it must be
  the button's own.
- ``shortcut(callback_id, user, *, message=None) -> Ack``, ``submit(view, values, user) -> Ack``:
  values by action_id or block_id: text, option values, ids, lists of these, SlackFiles; fails
  where Slack's client keeps the form open; obeys ``response_action``. ``close_view(view, user)``.
- ``home(user, tab="home" | "messages")``, ``stop_session(channel, thread_ts, user)``,
  ``event({"type": ...})`` for any other event.
- ``forwarded(message, image_url="")`` (no coroutine) makes an attachment for ``say``.
- ``SlackFile(name=, data=, mimetype="image/png", connect=False, thumb=b"")``; connect: the event
  only has the ``check_file_info`` stub.
- ``Ack(acked, payload, attempts, status, seconds)``.

WHAT PEOPLE SEE
``messages(channel, thread_ts=None)`` in order (dicts as in histories, with ``channel`` and
``metadata``), ``message(channel, ts)``, ``ephemerals``, ``views`` (open modals, newest last),
``homes`` (by user id), ``status(channel, thread_ts)`` now and ``statuses`` ever, ``reactions``
(channel, ts, name), ``picture_bytes(message) -> [bytes]``, ``await until(condition, seconds=20)``.

WHAT THE BOT DID
``calls(method="") -> [Call]`` with ``method, arguments, token, source, status, error, fault,
answer, ok, at`` (also of ``upload``, ``download``, ``response_url``); ``world.responses`` (what
went to response_urls), ``deliveries.sent`` (each with ``payload, attempts, ack``), ``leaks`` (the
CDN saw the token), ``complaints``: what Slack lets pass but a careful app does not do, such as an
argument the method does not have, a malformed id, blocks without text, an ack of nothing.

WHAT GOES WRONG
``plan(Fault(method="chat.postMessage", kind=...))``: kinds ``"429"`` (retry_after), ``"500"``,
``"503"`` and other statuses, ``drop-before``, ``drop-after`` (work done, no answer), ``slow``
(seconds, then done), ``error`` (Slack's word in ``error=``), ``html``, ``truncated``; ``work=True``
does the work all the same. Also ``times=1`` (0: for ever), ``skip=0``, ``containing=""`` (text in
the arguments). Pseudo-methods: ``upload``, ``download``, ``response_url``, and ``share`` with the
kinds ``never`` and ``slow``. ``token_error = "token_revoked"`` refuses every bot call.
``await disconnect("refresh_requested" | "warning" | "link_disabled")``, ``abort_sockets()``,
``connections`` (how many).

KNOBS (``slack.knobs.NAME = value``, times in seconds): ``ack_seconds=3``, ``retry_waits=(0.05,
0.2, 0.5)``, ``share_after=0.05`` (None: never), ``processed_after=0.05``, ``trigger_seconds=3``,
``response_url_seconds=1800``, ``pace=False`` and ``burst=3`` (1 message a second and channel;
calls a minute by tier), ``redirect_downloads=False``, ``most_file_bytes=1 GiB``,
``declared_agent=True``, ``app_mention_first=False``. ``SlackStandin(scopes=..., subscriptions=...,
port=..., bot_token=..., app_token=..., signing_secret=...)``.

HTTP INSTEAD OF SOCKET MODE
``slack.http_url = "http://127.0.0.1:8080/slack/events"``; everything above then POSTs there,
signed. ``await slack.deliveries.knock(kind, payload, secret="wrong", age=0) -> status`` with kind
``events_api``, ``slash_commands`` or ``interactive``; ``slack.envelope(event, None)`` makes an
event's payload.

AS ITS OWN PROCESS
``python -m tests.standins.slack --port 0`` prints its URL first. ``GET /_control/seen``; ``POST
/_control/plan {"faults": [{Fault fields}]}``; ``POST /_control/set {knob: value}``; ``POST
/_control/http_url {"url": ..}``; ``POST /_control/say {"channel": .., "user": .., "text": ..}`` and
so on for each helper above, arguments by name; answers ``{"result": ..}``.

NOT LIKE SLACK, or not known
Uploads: bytes go to an upload_url once; a second completeUploadExternal shares again (so a doubled
answer shows). A reply below a deleted root without replies is ``thread_not_found``. Redeliveries
come after fractions of a second. Blocks that are not in ``blocks.py`` are refused. No OAuth.
"""

from tests.standins.slack.server import SlackStandin
from tests.standins.slack.values import Ack, Call, Fault, Knobs, SlackFile

__all__ = ["Ack", "Call", "Fault", "Knobs", "SlackFile", "SlackStandin"]
