"""Discord: the chat platform over discord.py.

An event goes down the left side, an answer comes up the right one::

    listening  the client, supervised        courier     what is shown, each thing once
    handlers   told apart, errors to people    posting     one message, by nonce and look-up
      reading  objects -> values (pure)        threads     where a turn is answered
        places, material                       files_out   pictures in the sizes that fit
      messages what people say                 deferred    private answers of interactions
      asking   commands, menus, forms        progress    the one signal that a turn goes on
      errands  commands that begin a thread  cards       messages (no I/O); blocks
      clicks   buttons                       forms       modals, read from raw payloads
      own      usage, privacy, rules

Both stand on ``calls`` (the API), ``refusals`` (error numbers), ``text`` (words both ways),
``values`` and ``actions`` (names). ``platform`` puts them together as a ChatPlatform; ``parts`` is
what the gestures share; ``tree``, ``translations`` and ``sync`` are the commands; ``preflight``
checks and counts sessions; ``files_in`` downloads, ``servers`` keeps moderators' rules, ``catchup``
and ``cursors`` read what was missed.
Read on in this order: values, reading, messages, asking, courier, cards.
"""
