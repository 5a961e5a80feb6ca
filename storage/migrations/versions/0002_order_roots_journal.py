"""Order by the time of sending, roots that stay roots, turns of a person, quotas, a journal."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what is new; no table is made anew to which others refer: that would delete them."""
    _sent_and_started()
    _roots()
    op.add_column("turns", sa.Column("quota", sa.Integer(), nullable=True))
    _turn_indexes()
    _inbox()
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


def _turn_indexes() -> None:
    for name, columns, where in (
        ("ix_turns_done_person", ["platform", "workspace", "author", "seq"], "state = 'done'"),
        ("ix_turns_person", ["platform", "author", "seq"], "author != ''"),
        ("ix_turns_parent", ["parent"], "parent IS NOT NULL"),
    ):
        when = sa.text(where)
        op.create_index(name, "turns", columns, sqlite_where=when, postgresql_where=when)


def _inbox() -> None:
    """Let keys outlive their turns: SQLite can take a foreign key off only with the table."""
    op.execute("CREATE TEMP TABLE keys AS SELECT * FROM inbox")
    op.drop_table("inbox")
    op.create_table(
        "inbox",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("turn_id", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_inbox"),
    )
    op.create_index("ix_inbox_created", "inbox", ["created"])
    op.execute("INSERT INTO inbox SELECT * FROM keys")
    op.execute("DROP TABLE keys")


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
