"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

# Named by rule, so that a later migration can address a constraint on every database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC: SQLite would give it back without its offset."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


author = Table(
    "author",
    metadata,
    Column("name", String(64), primary_key=True),
    # Two names that look alike may not be two authors.
    Column("name_key", Text, nullable=False, unique=True),
    Column("role", String(10), nullable=False),
    # Null takes away the right to sign in and leaves the author of their posts in place.
    Column("password_hash", Text),
    Column("version", Integer, nullable=False),
    Column("display_name", Text),
    Column("bio", Text),
    Column("url", Text),
    Column("previous_date", UTCDateTime),
    Column("updated_date", UTCDateTime, nullable=False),
    CheckConstraint("role IN ('author', 'editor')", name="role"),
)

# The long columns come last: SQLite reads a row only as far as it is asked for.
post = Table(
    "post",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", String(10), nullable=False),
    Column("created_date", UTCDateTime, nullable=False),
    Column("posted_date", UTCDateTime),
    # What lists are sorted by: a draft without a date of its own stands where it was begun.
    Column(
        "sort_date",
        UTCDateTime,
        Computed("coalesce(posted_date, created_date)", persisted=True),
        nullable=False,
    ),
    # When the version before this one was written: see Precondition.
    Column("previous_date", UTCDateTime),
    Column("updated_date", UTCDateTime, nullable=False),
    Column("author_name", String(64), ForeignKey("author.name"), nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("format", String(10), nullable=False),
    Column("tags", JSON, nullable=False),
    Column("summary", Text),
    Column("body", Text, nullable=False),
    Column("body_html", Text, nullable=False),
    CheckConstraint("status IN ('published', 'draft')", name="status"),
    CheckConstraint("format IN ('markdown', 'html', 'text')", name="format"),
    CheckConstraint("status = 'draft' OR posted_date IS NOT NULL", name="published_has_date"),
)
Index(None, post.c.status, post.c.sort_date, post.c.id)
Index(None, post.c.status, post.c.updated_date, post.c.id)
Index(None, post.c.status, post.c.title, post.c.id)
Index(None, post.c.sort_date, post.c.id)
Index(None, post.c.updated_date, post.c.id)
Index(None, post.c.title, post.c.id)
Index(None, post.c.author_name, post.c.sort_date, post.c.id)
Index(None, post.c.author_name, post.c.updated_date, post.c.id)
Index(None, post.c.author_name, post.c.title, post.c.id)

# One row for each tag of each post. What decides who may see it, and where it stands in a list,
# is kept here again, so that one index answers for a tag without a look at the posts.
tag = Table(
    "tag",
    metadata,
    Column("post_id", ForeignKey("post.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("status", String(10), nullable=False),
    Column("sort_date", UTCDateTime, nullable=False),
    Column("author_name", String(64), nullable=False),
)
Index(
    "ix_tag_key_covering",
    tag.c.key,
    tag.c.sort_date,
    tag.c.post_id,
    tag.c.status,
    tag.c.author_name,
    tag.c.name,
)

setting = Table(
    "setting",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("value", Text, nullable=False),
)
