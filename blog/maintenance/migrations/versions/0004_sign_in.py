"""Access tokens, failed sign-ins, and known addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, which are empty."""
    _create_access_token()
    _create_attempt()
    _create_sign_in()


def _line(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _create_access_token() -> None:
    op.create_table(
        "access_token",
        sa.Column("digest", _line(64), nullable=False),
        sa.Column("author_name", _line(64), nullable=False),
        sa.Column("label", _line(100), nullable=False),
        sa.Column("scope", _line(10), nullable=False),
        sa.Column("created_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expiry_date", sa.DateTime(timezone=True)),
        sa.Column("last_used", sa.Date()),
        sa.CheckConstraint("scope IN ('read', 'write')", name=op.f("ck_access_token_scope")),
        sa.ForeignKeyConstraint(
            ["author_name"],
            ["author.name"],
            name=op.f("fk_access_token_author_name"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_access_token")),
        sa.UniqueConstraint("author_name", "label", name=op.f("uq_access_token_author_name_label")),
    )


def _create_attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", _line(32), nullable=False),
        sa.Column("key", _line(64), nullable=False),
        sa.Column("date", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    op.create_index(op.f("ix_attempt_key_date"), "attempt", ["key", "date"])
    op.create_index(op.f("ix_attempt_date"), "attempt", ["date"])


def _create_sign_in() -> None:
    op.create_table(
        "sign_in",
        sa.Column("author_name", _line(64), nullable=False),
        sa.Column("address_key", _line(64), nullable=False),
        sa.Column("date", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_name"],
            ["author.name"],
            name=op.f("fk_sign_in_author_name"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("author_name", "address_key", name=op.f("pk_sign_in")),
    )
    op.create_index(op.f("ix_sign_in_date"), "sign_in", ["date"])
