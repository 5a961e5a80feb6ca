"""How the tables came to be what ``storage.schema`` says; read by alembic alone.

A new version is written by hand: change ``storage.schema`` and its REVISION, copy the newest file
of ``versions``; ``tests/storage/test_migrations.py`` says whether both agree.
"""
