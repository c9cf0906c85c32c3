"""Revisions: every version of every post, stored with the change itself and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    func,
    insert,
    select,
    true,
)

from blog.content.posts import CONTENT_COLUMNS, LONG_TEXTS, Post
from blog.content.revisions import Revision, changed_fields
from blog.errors import Forbidden, NotFound, StorageUnavailable
from blog.storage import permissions
from blog.storage.access import Access, CallerRole, Transaction
from blog.storage.keyset import (
    Beginning,
    Page,
    Position,
    beginning,
    bind_values,
    make_page,
    paginate,
)
from blog.storage.preconditions import Precondition, is_one_of, next_version
from blog.storage.tables import post, revision

_SUBQUERIES = ("predecessor", "successor_date")
# The columns of a revision that are not content.
_OWN = tuple(
    field.name for field in fields(Revision) if field.name not in ("written", *_SUBQUERIES)
)
# The columns of `post` that a revision repeats.
REPEATED = tuple(column.name for column in revision.c if column.name in post.c)

_latest = revision.alias("latest")
_predecessor = revision.alias("predecessor")
_successor = revision.alias("successor")
_next_sequence = select(func.coalesce(func.max(_latest.c.sequence), 0) + 1).scalar_subquery()
_named = bindparam("post_id", type_=revision.c.post_id.type)
_RECORD = insert(revision).from_select(
    ["sequence", "post_id", "operation", "changed_by", "public", "due_date", *REPEATED],
    select(
        _next_sequence,
        post.c.id,
        bindparam("operation", type_=revision.c.operation.type),
        bindparam("caller_name", type_=revision.c.changed_by.type),
        bindparam("public", type_=revision.c.public.type),
        bindparam("due_date", type_=revision.c.due_date.type),
        *(post.c[name] for name in REPEATED),
    ).where(post.c.id == _named),
)
_RECORD_DELETION = insert(revision).values(sequence=_next_sequence, operation="deleted")


def record(transaction: Transaction, before: Post | None, after: Post) -> None:
    """Add the revision of a post that has just been written: the last step before the commit.

    ``before`` is the version that it follows, None for a new post. A post is scheduled where its
    date is after the time of the request, not after its own: the date of a version never goes back.
    """
    access = transaction.access
    transaction.order_commits()
    versions = [version.written for version in (before, after) if version]
    is_scheduled = after.written.status == "published" and after.sort_date > access.now
    values = {
        "operation": "updated" if before else "created",
        "caller_name": access.author.name,
        "public": any(version.status == "published" for version in versions),
        "post_id": after.id,
        "due_date": after.sort_date if is_scheduled else None,
    }
    if not transaction.insert(_RECORD, values):
        raise StorageUnavailable(
            "the database did not store a post, as if a foreign trigger prevented it"
        )


def record_deletion(transaction: Transaction, before: Post, created: datetime) -> None:
    """Add the tombstone of a post, created at that time: the last step before the commit."""
    access = transaction.access
    values = {
        "post_id": before.id,
        "changed_by": access.author.name,
        "public": before.written.status == "published",
        "created_date": created,
        "author_name": before.author_name,
        **next_version(before.version, before.updated_date, access.now),
    }
    transaction.order_commits()
    transaction.connection.execute(_RECORD_DELETION, values)


def find(access: Access, post_id: str, number: int) -> Revision:
    """A version of a post that the caller may change, or could when it was deleted.

    Raises NotFound, and Forbidden for a post that the caller may see and not change.
    """
    find_newest(access, post_id)
    found = load(access.session.reading(), post_id, number)
    if found is None:
        raise NotFound(f"the post has no version {number}")
    return found


def find_newest(access: Access, post_id: str) -> Revision:
    """The newest version, without its body. Raises as `find` does."""
    connection = access.session.reading()
    values = {"post_id": post_id, **access.parameters}
    row = connection.execute(_newest_statement(access.role), values).first()
    if row is not None:
        return revision_from(row)
    visible = select(true()).where(post.c.id == _named, permissions.visible(post, access.role))
    if connection.execute(visible, values).first():
        raise Forbidden("the versions of a post are for those who may change it")
    raise NotFound(f"there is no post {post_id!r}")


@cache
def _newest_statement(role: CallerRole) -> Select[Any]:
    return (
        select(*columns())
        .where(revision.c.post_id == _named, permissions.editable(revision, role))
        .order_by(revision.c.version.desc())
        .limit(1)
    )


def is_newest() -> ColumnElement[bool]:
    """Whether no version of the post comes after this one."""
    return ~exists().where(
        _successor.c.post_id == revision.c.post_id,
        _successor.c.version == revision.c.version + 1,
    )


def load(connection: Connection, post_id: str, number: int) -> Revision | None:
    """A version of a post with its body, for any caller."""
    row = connection.execute(_LOAD, {"post_id": post_id, "version": number}).first()
    return None if row is None else revision_from(row)


def page(access: Access, post_id: str, limit: int, position: Position | None) -> Page[Revision]:
    """A page of the versions of a post, the newest first, without their bodies."""
    values = {"post_id": post_id, **bind_values(position, limit)}
    rows = access.session.reading().execute(_page_statement(beginning(position)), values)
    revisions = [revision_from(row) for row in rows]
    return make_page(revisions, limit, position, lambda item: (item.version,))


@cache
def _page_statement(start: Beginning) -> Select[Any]:
    statement = select(*columns()).where(revision.c.post_id == _named)
    return paginate(statement, [revision.c.version], start, descending=True)


def changed_since(
    connection: Connection, precondition: Precondition, current: Post
) -> Sequence[str] | None:
    """The fields in which a post differs from the version that a precondition names.

    None where it names none, or one that is not stored.
    """
    seen = select(*columns(LONG_TEXTS)).where(revision.c.post_id == current.id)
    if precondition.versions:
        seen = seen.where(is_one_of(revision, "if"))
    elif precondition.unmodified_since:
        until = precondition.unmodified_since + timedelta(seconds=1)
        seen = seen.where(revision.c.updated_date < until)
    else:
        return None
    seen = seen.order_by(revision.c.version.desc()).limit(1)
    row = connection.execute(seen, precondition.parameters).first()
    version = None if row is None else revision_from(row)
    if version is None or version.content is None or _is_ambiguous(version, precondition):
        return None
    return changed_fields(version.content, current.content)


def _is_ambiguous(version: Revision, precondition: Precondition) -> bool:
    """Whether the date of a precondition may name the version before this one as well."""
    since, before = precondition.unmodified_since, version.previous_date
    return bool(since and before and since <= before and since <= version.updated_date)


def columns(texts: frozenset[str] = frozenset()) -> Sequence[ColumnElement[Any]]:
    """The columns of a revision, but for the long texts that are not named."""
    c = revision.c
    predecessor = (
        select(_predecessor.c.operation)
        .where(_predecessor.c.post_id == c.post_id, _predecessor.c.version == c.version - 1)
        .scalar_subquery()
    )
    successor_date = (
        select(_successor.c.updated_date)
        .where(_successor.c.post_id == c.post_id, _successor.c.version == c.version + 1)
        .scalar_subquery()
    )
    named = [c[name] for name in (*_OWN, *CONTENT_COLUMNS) if name not in LONG_TEXTS - texts]
    return (*named, predecessor.label("predecessor"), successor_date.label("successor_date"))


def revision_from(row: Any) -> Revision:
    """The revision in a row of `columns`."""
    return Revision(written=row, **{name: getattr(row, name) for name in (*_OWN, *_SUBQUERIES)})


_LOAD = select(*columns(LONG_TEXTS)).where(
    revision.c.post_id == _named, revision.c.version == bindparam("version")
)
