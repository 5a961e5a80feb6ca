"""The offline stand-in for an image model: the whole bot with no key, no network and no price.

``request``, ``magic`` and ``words`` understand what is asked, ``drawing`` and ``edits`` make the
pixels, ``label`` says in them that this is a demo, ``document`` is the raw answer on disk, and
``model`` is the port.
"""
