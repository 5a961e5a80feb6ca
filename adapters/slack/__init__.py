"""Slack: the chat platform over slack-bolt, by Socket Mode or signed HTTP.

A payload goes down the left side, an answer comes up the right one::

    listening  Bolt, one door for all        courier     what is shown, each thing once
    front      durable, then acknowledged      posting     one message, noted and looked for
      events   payload -> values (pure)        files_out   pictures: sending, seen to be shared,
        messages_in, gestures_in, loose          stand_ins where Slack fails to share
      messages what people say               progress    the one signal that a turn goes on
      errands  commands that begin a thread  cards       Block Kit of messages (pure); blocks
      clicks   buttons                       modals      ... of forms (pure); fields
      forms, submissions, home_tab           home        ... of the home tab (pure)

Both stand on ``web`` (calls), ``refusals`` (error words), ``text`` (words both ways), ``values``
and ``actions`` (names). ``platform`` puts them together as a ChatPlatform; ``parts`` is what the
gestures share; ``preflight`` and ``manifest`` say what the app has to be; ``files_in`` downloads,
``people`` knows admins and groups, ``catchup`` reads what was missed.
Read on in this order: values, events, front, messages, courier, cards.
"""
