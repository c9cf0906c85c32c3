"""Revisions of posts, and idempotency keys."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_DUE = "CASE WHEN status = 'published' AND posted_date > updated_date THEN posted_date END"


def upgrade() -> None:
    """Create the tables, with a first revision of each existing post."""
    _create_revision()
    op.execute(
        "INSERT INTO revision (sequence, post_id, version, operation, changed_by, public, status,"
        " created_date, posted_date, previous_date, updated_date, author_name, slug, title,"
        " format, tags, summary, body) "
        "SELECT row_number() OVER (ORDER BY updated_date, id), id, version, 'created',"
        " author_name, status = 'published', status, created_date, posted_date, previous_date,"
        " updated_date, author_name, slug, title, format, tags, summary, body FROM post"
    )
    _index_revision()
    _create_idempotency_key()


def _line(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _text() -> sa.Text:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _create_revision() -> None:
    op.create_table("revision", *_columns(), *_constraints())


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("post_id", _line(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("operation", _line(10), nullable=False),
        sa.Column("changed_by", _line(64), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("status", _line(10)),
        sa.Column("created_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("posted_date", sa.DateTime(timezone=True)),
        sa.Column("due_date", sa.DateTime(timezone=True), sa.Computed(_DUE, persisted=True)),
        sa.Column("previous_date", sa.DateTime(timezone=True)),
        sa.Column("updated_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author_name", _line(64), nullable=False),
        sa.Column("slug", _text()),
        sa.Column("title", _text()),
        sa.Column("format", _line(10)),
        sa.Column("tags", sa.JSON()),
        sa.Column("summary", _text()),
        sa.Column("body", _text()),
    ]


def _constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "operation IN ('created', 'updated', 'deleted')", name=op.f("ck_revision_operation")
        ),
        sa.CheckConstraint(
            "(operation = 'deleted') = (status IS NULL)",
            name=op.f("ck_revision_deleted_has_nothing"),
        ),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["author.name"], name=op.f("fk_revision_changed_by")
        ),
        sa.ForeignKeyConstraint(
            ["author_name"], ["author.name"], name=op.f("fk_revision_author_name")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_revision")),
        sa.UniqueConstraint("post_id", "version", name=op.f("uq_revision_post_id_version")),
    ]


def _index_revision() -> None:
    op.create_index(op.f("ix_revision_public_sequence"), "revision", ["public", "sequence"])
    op.create_index(
        op.f("ix_revision_author_name_sequence"), "revision", ["author_name", "sequence"]
    )
    due = sa.text("due_date IS NOT NULL")
    op.create_index(
        op.f("ix_revision_due_date_sequence"),
        "revision",
        ["due_date", "sequence"],
        sqlite_where=due,
        postgresql_where=due,
    )


def _create_idempotency_key() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("author_name", _line(64), nullable=False),
        sa.Column("key", _line(255), nullable=False),
        sa.Column("fingerprint", _line(64), nullable=False),
        sa.Column("post_id", _line(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("written", sa.Boolean(), nullable=False),
        sa.Column("created_date", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_name"],
            ["author.name"],
            name=op.f("fk_idempotency_key_author_name"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("author_name", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_created_date"), "idempotency_key", ["created_date"])
