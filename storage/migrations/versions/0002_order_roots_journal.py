"""Order by the time of sending, roots that stay roots, recent turns of a person, a journal."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_DONE = sa.text("state = 'done'")


def upgrade() -> None:
    """Add what is new; a table is never made anew, which would delete what refers to it."""
    _sent_and_started()
    _roots()
    op.create_index(
        "ix_turns_done_person",
        "turns",
        ["platform", "workspace", "author", "seq"],
        sqlite_where=_DONE,
        postgresql_where=_DONE,
    )
    _journal()


def _sent_and_started() -> None:
    """Take what was claimed once for started: nobody knows any more what it was claimed for."""
    op.add_column(
        "turns", sa.Column("sent", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "turns", sa.Column("started", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    turns = sa.table("turns", *map(sa.column, ("sent", "created", "started", "attempt")))
    op.execute(turns.update().values(sent=turns.c.created, started=turns.c.attempt > 0))


def _roots() -> None:
    """What was called without a parent was a root; what was not called may still find one."""
    turns = sa.table("turns", *map(sa.column, ("parent", "parent_choice", "depth")))
    called = turns.c.parent.is_(None), turns.c.depth.is_not(None)
    op.execute(turns.update().where(*called).values(parent="", parent_choice=0))


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("note", sa.JSON(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "key", name="uq_journal"),
    )
    op.create_index("ix_journal_updated", "journal", ["kind", "updated"])
