"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
)

from blog.database.types import TextTuple, UTCDateTime, line, text

# Names follow a rule, so that a migration can name a constraint on every database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Marks a table that anonymous callers can read: writes to it invalidate caches.
PUBLIC = {"public": True}

author = Table(
    "author",
    metadata,
    Column("name", line(64), primary_key=True),
    # Unique, since two names that look alike must not be two authors.
    Column("name_key", text(), nullable=False, unique=True),
    Column("role", line(10), nullable=False),
    # Null where the author may not sign in.
    Column("password_hash", text()),
    Column("version", Integer, nullable=False),
    Column("display_name", text()),
    Column("bio", text()),
    Column("url", text()),
    Column("previous_date", UTCDateTime),
    Column("updated_date", UTCDateTime, nullable=False),
    CheckConstraint("role IN ('author', 'editor')", name="role"),
    info=PUBLIC,
)

# The long columns come last: SQLite reads a row only as far as the last requested column.
post = Table(
    "post",
    metadata,
    Column("id", line(32), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", line(10), nullable=False),
    Column("created_date", UTCDateTime, nullable=False),
    Column("posted_date", UTCDateTime),
    # The sort key of lists: a draft without a date is sorted by its creation.
    Column(
        "sort_date",
        UTCDateTime,
        Computed("coalesce(posted_date, created_date)", persisted=True),
        nullable=False,
    ),
    # The date of the version before this one: see `preconditions`.
    Column("previous_date", UTCDateTime),
    Column("updated_date", UTCDateTime, nullable=False),
    Column("author_name", line(64), ForeignKey("author.name"), nullable=False),
    Column("slug", text(), nullable=False, unique=True),
    Column("title", text(), nullable=False),
    Column("format", line(10), nullable=False),
    Column("tags", TextTuple, nullable=False),
    Column("summary", text()),
    # The version of the HTML, by `content.renderings`; empty where it is older than those.
    Column("rendering", line(80), nullable=False, server_default=""),
    Column("body", text(), nullable=False),
    Column("body_html", text(), nullable=False),
    CheckConstraint("status IN ('published', 'draft')", name="status"),
    CheckConstraint("format IN ('markdown', 'html', 'text')", name="format"),
    CheckConstraint("status = 'draft' OR posted_date IS NOT NULL", name="published_has_date"),
    info=PUBLIC,
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
# For finding the posts that are to be rendered anew.
Index(None, post.c.rendering, post.c.id)

# One row for each tag of each post. It repeats the columns that decide who may see the post and
# where it is in a list, so that one index serves a tag without reading the posts.
tag = Table(
    "tag",
    metadata,
    Column("post_id", ForeignKey("post.id", ondelete="CASCADE"), primary_key=True),
    Column("key", text(), primary_key=True),
    Column("name", text(), nullable=False),
    Column("status", line(10), nullable=False),
    Column("sort_date", UTCDateTime, nullable=False),
    Column("author_name", line(64), nullable=False),
    Column("updated_date", UTCDateTime, nullable=False),
    Column("title", text(), nullable=False),
    info=PUBLIC,
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
Index(
    "ix_tag_key_updated_date_covering",
    tag.c.key,
    tag.c.updated_date,
    tag.c.post_id,
    tag.c.status,
    tag.c.author_name,
    tag.c.sort_date,
)
Index(
    "ix_tag_key_title_covering",
    tag.c.key,
    tag.c.title,
    tag.c.post_id,
    tag.c.status,
    tag.c.author_name,
    tag.c.sort_date,
)

# The history of each post: a row for every version, numbered in the order of the commits, never
# changed and never deleted. It repeats all columns of the post but its HTML; that of a deletion has
# no content.
revision = Table(
    "revision",
    metadata,
    Column(
        "sequence",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("post_id", line(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("operation", line(10), nullable=False),
    Column("changed_by", line(64), ForeignKey("author.name"), nullable=False),
    # Whether anonymous callers may know of it: it is published, or the version before it was.
    Column("public", Boolean, nullable=False),
    Column("status", line(10)),
    Column("created_date", UTCDateTime, nullable=False),
    Column("posted_date", UTCDateTime),
    # The date at which a scheduled version appears.
    Column("due_date", UTCDateTime),
    Column("previous_date", UTCDateTime),
    Column("updated_date", UTCDateTime, nullable=False),
    Column("author_name", line(64), ForeignKey("author.name"), nullable=False),
    Column("slug", text()),
    Column("title", text()),
    Column("format", line(10)),
    Column("tags", TextTuple),
    Column("summary", text()),
    Column("body", text()),
    UniqueConstraint("post_id", "version"),
    CheckConstraint("operation IN ('created', 'updated', 'deleted')", name="operation"),
    CheckConstraint("(operation = 'deleted') = (status IS NULL)", name="deleted_has_nothing"),
    info=PUBLIC,
)
Index(None, revision.c.public, revision.c.sequence)
Index(None, revision.c.author_name, revision.c.sequence)
Index(
    None,
    revision.c.due_date,
    revision.c.sequence,
    sqlite_where=revision.c.due_date.is_not(None),
    postgresql_where=revision.c.due_date.is_not(None),
)

# The idempotency keys of requests, and their outcomes.
idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column(
        "author_name", line(64), ForeignKey("author.name", ondelete="CASCADE"), primary_key=True
    ),
    Column("key", line(255), primary_key=True),
    Column("fingerprint", line(64), nullable=False),
    Column("post_id", line(32), nullable=False),
    Column("version", Integer, nullable=False),
    # Whether the request wrote this version, or the content was the same already.
    Column("written", Boolean, nullable=False),
    Column("created_date", UTCDateTime, nullable=False),
)
Index(None, idempotency_key.c.created_date)

# Access tokens, which an author may use instead of the password. The secret is not stored.
access_token = Table(
    "access_token",
    metadata,
    # The SHA-256 of the secret, in hexadecimal digits.
    Column("digest", line(64), primary_key=True),
    Column("author_name", line(64), ForeignKey("author.name", ondelete="CASCADE"), nullable=False),
    Column("label", line(100), nullable=False),
    Column("scope", line(10), nullable=False),
    Column("created_date", UTCDateTime, nullable=False),
    Column("expiry_date", UTCDateTime),
    Column("last_used", Date),
    UniqueConstraint("author_name", "label"),
    CheckConstraint("scope IN ('read', 'write')", name="scope"),
)

# Recent failed sign-ins, each under a digest of the address or the name.
attempt = Table(
    "attempt",
    metadata,
    Column("id", line(32), primary_key=True),
    Column("key", line(64), nullable=False),
    Column("date", UTCDateTime, nullable=False),
)
Index(None, attempt.c.key, attempt.c.date)
Index(None, attempt.c.date)

# The addresses from which an author has signed in, as digests, with the date of the last time.
sign_in = Table(
    "sign_in",
    metadata,
    Column(
        "author_name", line(64), ForeignKey("author.name", ondelete="CASCADE"), primary_key=True
    ),
    Column("address_key", line(64), primary_key=True),
    Column("date", UTCDateTime, nullable=False),
)
Index(None, sign_in.c.date)

setting = Table(
    "setting",
    metadata,
    Column("name", line(50), primary_key=True),
    Column("value", text(), nullable=False),
)

# The latest date in the database when it was upgraded to a schema: with 0006 entity-tags have
# dates, and rows with earlier dates may have been named without.
schema_upgrade = Table(
    "schema_upgrade",
    metadata,
    Column("revision", line(32), primary_key=True),
    Column("date", UTCDateTime, nullable=False),
)

# The names of the tables that anonymous readers can read.
PUBLIC_TABLES = tuple(table.name for table in metadata.sorted_tables if table.info.get("public"))
