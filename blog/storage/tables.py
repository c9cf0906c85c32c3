"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
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

from blog.database.types import UTCDateTime, line, text

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

# Marks a table that anonymous readers can read: caches are told of each write to it.
PUBLIC = {"public": True}

author = Table(
    "author",
    metadata,
    Column("name", line(64), primary_key=True),
    # Two names that look alike may not be two authors.
    Column("name_key", text(), nullable=False, unique=True),
    Column("role", line(10), nullable=False),
    # Null takes away the right to sign in and leaves the author of their posts in place.
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

# The long columns come last: SQLite reads a row only as far as it is asked for.
post = Table(
    "post",
    metadata,
    Column("id", line(32), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", line(10), nullable=False),
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
    Column("author_name", line(64), ForeignKey("author.name"), nullable=False),
    Column("slug", text(), nullable=False, unique=True),
    Column("title", text(), nullable=False),
    Column("format", line(10), nullable=False),
    Column("tags", JSON, nullable=False),
    Column("summary", text()),
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

# One row for each tag of each post. What decides who may see it, and where it stands in a list,
# is kept here again, so that one index answers for a tag without a look at the posts.
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

# What happened to each post: a row for every version, numbered in the order of the commits, never
# changed and never deleted. It repeats all that a post is but its HTML; of a deletion it keeps only
# whose post it was.
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
    # Whether readers may learn of it: it is published, or the version before it was.
    Column("public", Boolean, nullable=False),
    Column("status", line(10)),
    Column("created_date", UTCDateTime, nullable=False),
    Column("posted_date", UTCDateTime),
    # When time alone makes it visible to readers.
    Column("due_date", UTCDateTime),
    Column("previous_date", UTCDateTime),
    Column("updated_date", UTCDateTime, nullable=False),
    Column("author_name", line(64), ForeignKey("author.name"), nullable=False),
    Column("slug", text()),
    Column("title", text()),
    Column("format", line(10)),
    Column("tags", JSON(none_as_null=True)),
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

# What a client has called a request, so that sending it again has no effect, and what came of it.
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
    # Whether the request wrote this version, or found that there was nothing to do.
    Column("written", Boolean, nullable=False),
    Column("created_date", UTCDateTime, nullable=False),
)
Index(None, idempotency_key.c.created_date)

# What an author may use in place of the password. The secret itself is kept nowhere.
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

# Failed sign-ins of the last minutes, each under a digest of what it is counted for.
attempt = Table(
    "attempt",
    metadata,
    Column("id", line(32), primary_key=True),
    Column("key", line(64), nullable=False),
    Column("date", UTCDateTime, nullable=False),
)
Index(None, attempt.c.key, attempt.c.date)
Index(None, attempt.c.date)

# From which addresses an author has signed in, and when last; an address is kept as a digest.
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

# How far dates had come when the database was brought to a schema by which something is
# different for what was written before: 0006, since which entity-tags name a date.
schema_upgrade = Table(
    "schema_upgrade",
    metadata,
    Column("revision", line(32), primary_key=True),
    Column("date", UTCDateTime, nullable=False),
)

# The names of the tables that anonymous readers can read.
PUBLIC_TABLES = tuple(table.name for table in metadata.sorted_tables if table.info.get("public"))
