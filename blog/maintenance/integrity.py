"""Checking a database: whether redundant data agrees, and nothing is missing."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    or_,
    select,
)

from blog.content.posts import fold_tag
from blog.database.database import Database
from blog.database.postgresql import triggers
from blog.database.types import TextTuple
from blog.maintenance import schema
from blog.maintenance.migrations import HEAD
from blog.maintenance.schema_comparison import Comparison
from blog.maintenance.violations import unreadable, violations
from blog.storage import secret_key
from blog.storage.revisions import REPEATED, is_newest
from blog.storage.tables import PUBLIC_TABLES, idempotency_key, post, revision, setting, tag


class Findings(NamedTuple):
    """Faults of a database, and additions by other programs, one sentence each."""

    faults: list[str]
    additions: list[str]


def faults(database: Database, *, needs_secret_key: bool = False) -> list[str]:
    """All faults of a database, one sentence each.

    Raises DatabaseError if there is no database.
    """
    return findings(database, needs_secret_key=needs_secret_key).faults


def findings(
    database: Database, name: str | None = None, *, needs_secret_key: bool = False
) -> Findings:
    """All faults of a database, and the additions that may make writes fail.

    With a ``name``, a database without a blog is an error, which shows the name.
    ``needs_secret_key`` is whether the secret key is stored here, and not in the settings. If a
    file has damaged pages, its content is not checked. Raises DatabaseError if there is no
    database.
    """
    database.backend.require_exists()
    with database.session() as session:
        connection = session.reading()
        if damaged := database.backend.damaged_pages(connection):
            return Findings(damaged, [])
        found = schema.revision(connection)
        if name and found is None:
            raise schema.no_blog(name)
        if found != HEAD:
            return Findings([f"the schema is {found or 'missing'}, not {HEAD}"], [])
        comparison = Comparison(connection)
        # A missing table or column can't be read.
        wrong = [] if comparison.missing() else _content_faults(connection, needs_secret_key)
        return Findings([*comparison.differences(), *wrong], comparison.additions())


def _content_faults(connection: Connection, needs_secret_key: bool) -> list[str]:
    """All faults of the content, in a schema that lacks no table and no column."""
    if wrong := unreadable(connection):
        # Constraints may be broken for the same reason, and the other checks would fail.
        return [*wrong, *violations(connection)]
    return [
        *triggers.faults(connection, PUBLIC_TABLES),
        *violations(connection),
        *(_missing_secret_key(connection) if needs_secret_key else ()),
        *_wrong_tags(connection),
        *_wrong_tag_keys(connection),
        *_differing_revisions(connection),
        *_missing_posts(connection),
        *_gaps(connection),
        *_wrong_successors(connection),
        *_dangling_keys(connection),
    ]


def _missing_secret_key(connection: Connection) -> list[str]:
    """Whether the secret key is missing although the blog, which creates it, was in use."""
    has_key = exists().where(setting.c.name == secret_key.NAME)
    if connection.scalar(select(exists().select_from(revision) & ~has_key)):
        return [
            "the secret key is missing: `blog serve` creates a new one, and cursors become invalid"
        ]
    return []


def _wrong_tags(connection: Connection) -> list[str]:
    """Posts whose row differs from their rows in the table of tags."""
    stored = select(func.count()).where(tag.c.post_id == post.c.id).scalar_subquery()
    stale = exists().where(
        tag.c.post_id == post.c.id,
        (tag.c.status != post.c.status)
        | (tag.c.sort_date != post.c.sort_date)
        | (tag.c.author_name != post.c.author_name)
        | (tag.c.updated_date != post.c.updated_date)
        | (tag.c.title != post.c.title),
    )
    wrong = select(post.c.id).where((stored != func.json_array_length(post.c.tags)) | stale)
    return [f"post {row.id} is not found by its tags" for row in connection.execute(wrong)]


def _wrong_tag_keys(connection: Connection) -> list[str]:
    statement = select(tag.c.post_id, tag.c.key, tag.c.name)
    with connection.execute(statement, execution_options={"yield_per": 1000}) as rows:
        wrong = [(row.post_id, row.name) for row in rows if fold_tag(row.name) != row.key]
    return [f"post {post_id} is not found by its tag {name!r}" for post_id, name in wrong]


def _differing_revisions(connection: Connection) -> list[str]:
    """Posts that differ from their newest revision."""
    own = and_(revision.c.post_id == post.c.id, revision.c.version == post.c.version)
    differing = [_differs(name).label(name) for name in REPEATED]
    statement = select(post.c.id, revision.c.sequence, *differing).outerjoin_from(
        post, revision, own
    )
    faults = []
    with connection.execute(statement, execution_options={"yield_per": 1000}) as rows:
        for row in rows:
            names = [name for name in REPEATED if getattr(row, name)]
            if row.sequence is None:
                faults.append(f"post {row.id} has no revision of its version")
            elif names:
                faults.append(f"post {row.id} differs from its revision in {', '.join(names)}")
    return faults


def _differs(name: str) -> ColumnElement[bool]:
    pair: list[ColumnElement[object]] = [post.c[name], revision.c[name]]
    if isinstance(post.c[name].type, TextTuple):
        # PostgreSQL can't compare JSON.
        pair = [cast(column, Text) for column in pair]
    return pair[0].is_distinct_from(pair[1])


def _missing_posts(connection: Connection) -> list[str]:
    """Newest revisions whose post is missing, has another version, or should be deleted."""
    has_post = exists().where(post.c.id == revision.c.post_id, post.c.version == revision.c.version)
    lost = select(revision.c.post_id, revision.c.version).where(
        is_newest(), revision.c.operation != "deleted", ~has_post
    )
    deleted = select(revision.c.post_id, revision.c.version).where(
        is_newest(),
        revision.c.operation == "deleted",
        exists().where(post.c.id == revision.c.post_id),
    )
    rows = connection.execute
    return [
        *(f"post {row.post_id} is not at its version {row.version}" for row in rows(lost)),
        *(f"post {row.post_id} was deleted, but still exists" for row in rows(deleted)),
    ]


def _gaps(connection: Connection) -> list[str]:
    """Gaps in the numbers of all revisions, and in the versions of each post."""
    c = revision.c
    count = connection.scalar(select(func.count()).select_from(revision)) or 0
    last = connection.scalar(select(func.max(c.sequence))) or 0
    broken = (
        select(c.post_id)
        .group_by(c.post_id)
        .having(func.count() != func.max(c.version) - func.min(c.version) + 1)
    )
    return [
        *([f"revisions are missing: {last - count}"] if last != count else []),
        *(f"post {post_id} has a gap in its revisions" for post_id in connection.scalars(broken)),
    ]


def _wrong_successors(connection: Connection) -> list[str]:
    """Revisions that do not follow from the version before them."""
    c, old = revision.c, revision.alias("old")
    public = or_(c.status == "published", old.c.status == "published")
    created = old.c.status.is_(None)
    operation = case((c.status.is_(None), "deleted"), (created, "created"), else_="updated")
    wrong = select(c.post_id, c.version).outerjoin_from(
        revision, old, and_(old.c.post_id == c.post_id, old.c.version == c.version - 1)
    )
    wrong = wrong.where(
        c.public.is_distinct_from(func.coalesce(public, false()))
        | (c.operation != operation)
        | old.c.updated_date.is_distinct_from(c.previous_date) & old.c.sequence.is_not(None)
        | (old.c.sequence > c.sequence)
    )
    return [
        f"version {row.version} of post {row.post_id} does not follow from the one before it"
        for row in connection.execute(wrong)
    ]


def _dangling_keys(connection: Connection) -> list[str]:
    """Idempotency keys whose revision is missing."""
    c = idempotency_key.c
    has_revision = exists().where(revision.c.post_id == c.post_id, revision.c.version == c.version)
    rows = connection.execute(select(c.author_name, c.key).where(~has_revision))
    return [f"key {row.key!r} of {row.author_name!r} has no revision" for row in rows]
