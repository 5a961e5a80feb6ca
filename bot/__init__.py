"""Threadpaint's core: how a message becomes a picture.

A chat platform hands over a ``Message`` (chat). ``turns`` makes it a ``Turn`` in a thread's tree
(conversation) and commits it before the platform is told that it arrived. The ``queue`` claims the
turn when its thread and the caps allow. ``gather`` turns attachments into blobs; ``planning`` and
``contents`` fit the way from the thread's root to this turn into one request; ``painting`` reserves
the price, lets an ``ImageModel`` (ports) write the raw answer to the spool, and reads it from
there, while ``telling`` shows progress. The answer is kept, ``replies`` makes it presentable, the
platform shows it, the turn is done. ``access``, ``preferences`` and ``controls`` are what platforms
share beside that: who may ask, what is set, what buttons ask for.
``app`` is the one place where these meet their adapters and the storage; ``cli`` is its front door.
Read on in this order: conversation, chat, ports, turns, then adapters/gemini/wire,
adapters/slack (its map) and app.
"""

__version__ = "0.1.0"
