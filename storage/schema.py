"""The tables, as they are at the newest migration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal_column,
    text,
)
from sqlalchemy.types import TypeDecorator

from bot.conversation import TurnState

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Dialect, FromClause

REVISION = "0002"
"""The newest migration. Revisions compare as text: a database with a higher one is newer."""

PERSON = -1
"""The ``choice`` of the parts that the person sent; the model's answers count from 0."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970 UTC: exact, and compared as a number."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Count the microseconds."""
        del dialect
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Make the datetime again, in UTC."""
        del dialect
        return None if value is None else _EPOCH + value * _MICROSECOND


def utc_now() -> datetime:
    """Read the clock, as a Moment keeps it."""
    return datetime.now(UTC)


metadata = MetaData()

threads = Table(
    "threads",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("last_number", Integer, nullable=False),
    Column("tip", Text),
    Column("tip_choice", Integer),
    Column("told", Boolean, nullable=False),
    UniqueConstraint("platform", "workspace", "channel", "thread", name="uq_threads"),
)

# seq: the order of acceptance. platform, workspace: the thread's, for claims. parent: "" for ROOT,
# NULL while it is not known yet. depth: how many turns the way from the root to this one has, once
# it was called. served: when it was claimed last. history: one line a step, "<time> <state or word>
# <attempt> <note>". sent: when the person said it. started: claimed for more than its downloads;
# until then its number may change (``storage.order``). quota: the platform's own, for its person.
turns = Table(
    "turns",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("thread_id", ForeignKey("threads.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("provider", Text, nullable=False),
    Column("author_name", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("claimed", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("pending_material", Boolean, nullable=False),
    Column("not_before", Moment),
    Column("served", Moment),
    Column("parent", Text),
    Column("parent_choice", Integer),
    Column("depth", Integer),
    Column("options", JSON, nullable=False),
    Column("ref", JSON, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("verdict_state", Text),
    Column("verdict_text", Text),
    Column("verdict_retry", Boolean),
    Column("notes", JSON, nullable=False),
    Column("history", Text, nullable=False),
    Column("sent", Moment, server_default=text("0"), nullable=False),
    Column("started", Boolean, server_default=false(), nullable=False),
    Column("quota", Integer),
    UniqueConstraint("id", name="uq_turns_id"),
    UniqueConstraint("thread_id", "number", name="uq_turns_number"),
)

# One row a part. text: a TextPart; else digest to pages: a BlobPart. The person's own content is
# the prompt at position 0 and the attachment n, when it was kept, at position n + 1.
parts = Table(
    "parts",
    metadata,
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), nullable=False),
    Column("choice", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("text", Text),
    Column("digest", Text),
    Column("mime_type", Text),
    Column("size", BigInteger),
    Column("width", Integer),
    Column("height", Integer),
    Column("pages", Integer),
    Column("thought", Boolean, nullable=False),
    Column("signature_digest", Text),
    Column("signature_size", BigInteger),
    PrimaryKeyConstraint("turn_id", "choice", "position", name="pk_parts"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("declared_type", Text),
    Column("size", BigInteger),
    Column("ref", JSON, nullable=False),
    Column("pending", Boolean, nullable=False),
    Column("problem", Text, nullable=False),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("turn_id", "position", name="pk_attachments"),
)

generations = Table(
    "generations",
    metadata,
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), nullable=False),
    Column("choice", Integer, nullable=False),
    Column("call", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("finish_reason", Text, nullable=False),
    Column("usage", JSON, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("suggestions", JSON, nullable=False),
    Column("suggestions_html", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    PrimaryKeyConstraint("turn_id", "choice", name="pk_generations"),
)

posts = Table(
    "posts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), nullable=False),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("choice", Integer),
    UniqueConstraint("platform", "workspace", "channel", "message_id", name="uq_posts"),
)

# What was accepted already; outlives its turn. key: see ``storage.intake``.
inbox = Table(
    "inbox",
    metadata,
    Column("key", Text, nullable=False),
    Column("turn_id", Text, nullable=False),
    Column("created", Moment, nullable=False),
    PrimaryKeyConstraint("key", name="pk_inbox"),
)

# No foreign key: money is remembered longer than words. person: the turn's author, "" once erased.
ledger = Table(
    "ledger",
    metadata,
    Column("id", Text, nullable=False),
    Column("turn_id", Text, nullable=False),
    Column("choice", Integer, nullable=False),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("backend", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("usage", JSON, nullable=False),
    Column("request", JSON, nullable=False),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("id", name="pk_ledger"),
)

# Notes of adapters. id: the order of first writing, whatever the clock says.
journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("note", JSON, nullable=False),
    Column("updated", Moment, nullable=False),
    UniqueConstraint("kind", "key", name="uq_journal"),
)


def is_open(turn: FromClause) -> ColumnElement[bool]:
    """Say that a turn has not ended, in the very words of the partial indexes.

    With bound values in their place SQLite would not see that an index fits.
    """
    states: list[ColumnElement[str]] = [
        literal_column(f"'{state}'") for state in TurnState if not state.ended
    ]
    return turn.c.state.in_(states)


BY_SOMEBODY = turns.c.author != literal_column("''")
"""Says what is always true, so that only a query that says it, too, takes the index of people."""

IS_DONE = turns.c.state == literal_column(f"'{TurnState.DONE}'")
"""Says that a turn has brought an answer, in the words of its partial index."""


def _index(name: str, *columns: str, where: ColumnElement[bool]) -> None:
    Index(
        name, *(turns.c[column] for column in columns), sqlite_where=where, postgresql_where=where
    )


# Nearly all are partial: a query can take no other index by accident, whose cost would grow with
# the turns that have ended (tests/storage/test_costs.py).
_index("ix_turns_open_thread", "thread_id", "number", where=is_open(turns))
_index("ix_turns_open_person", "platform", "workspace", "author", "seq", where=is_open(turns))
_index("ix_turns_done_person", "platform", "workspace", "author", "seq", where=IS_DONE)
_index("ix_turns_person", "platform", "author", "seq", where=BY_SOMEBODY)
_index("ix_turns_parent", "parent", where=turns.c.parent.is_not(None))
_index("ix_turns_claimed", "platform", "workspace", "author", where=turns.c.claimed.is_(True))
_index("ix_turns_due", "not_before", where=turns.c.not_before.is_not(None))
_SERVED = turns.c.served.is_not(None)
_index("ix_turns_served_person", "platform", "workspace", "author", "served", where=_SERVED)
_index("ix_turns_served_workspace", "platform", "workspace", "served", where=_SERVED)
Index("ix_turns_message", turns.c.message_id)
Index("ix_posts_turn", posts.c.turn_id)
Index("ix_inbox_created", inbox.c.created)
Index("ix_journal_updated", journal.c.kind, journal.c.updated)
Index("ix_ledger_turn", ledger.c.turn_id)
Index(  # all that a budget adds up, so that the rows themselves are not read
    "ix_ledger_spent",
    *(ledger.c[c] for c in ("platform", "workspace", "created", "state", "person", "amount")),
)
