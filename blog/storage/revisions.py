"""Revisions: every version of every post, kept with the change itself and never changed."""

from __future__ import annotations

from collections.abc import Sequence
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
    null,
    select,
    true,
)

from blog.content.authors import Caller
from blog.content.posts import Post
from blog.content.revisions import Revision, changed_fields
from blog.database.session import Session
from blog.errors import Forbidden, NotFound, StorageUnavailable
from blog.storage import permissions
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

# What a revision repeats of its post.
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


def record(
    session: Session,
    connection: Connection,
    before: Post | None,
    after: Post,
    caller: Caller,
    now: datetime,
) -> None:
    """Keep a version of a post that has just been written: the last thing before the commit.

    ``before`` is the version that it follows, None where there was no post. Whether the post is
    scheduled goes by ``now``: its date may be later, as that of a version is never set back.
    """
    session.order_commits(connection)
    versions = [version for version in (before, after) if version]
    is_scheduled = after.status == "published" and after.sort_date > now
    values = {
        "operation": "updated" if before else "created",
        "caller_name": caller.name,
        "public": any(version.status == "published" for version in versions),
        "post_id": after.id,
        "due_date": after.sort_date if is_scheduled else None,
    }
    if not session.insert(connection, _RECORD, values):
        raise StorageUnavailable("the database has not kept a post, as if by a trigger of others")


def record_deletion(
    session: Session,
    connection: Connection,
    before: Post,
    created: datetime,
    caller: Caller,
    now: datetime,
) -> None:
    """Keep that a post, created at that moment, was deleted: the last thing before the commit."""
    values = {
        "post_id": before.id,
        "changed_by": caller.name,
        "public": before.status == "published",
        "created_date": created,
        "author_name": before.author_name,
        **next_version(before.version, before.updated_date, now),
    }
    session.order_commits(connection)
    connection.execute(_RECORD_DELETION, values)


def find(
    session: Session, post_id: str, number: int, caller: Caller | None, now: datetime
) -> Revision:
    """A version of a post that the caller may change, or could when it was deleted.

    Raises NotFound, and Forbidden for a post that the caller may see and not change.
    """
    find_newest(session, post_id, caller, now)
    found = load(session.reading(), post_id, number)
    if found is None:
        raise NotFound(f"the post has no version {number}")
    return found


def find_newest(session: Session, post_id: str, caller: Caller | None, now: datetime) -> Revision:
    """The newest version, without its body. Raises as `find` does."""
    kind = permissions.standing(caller)
    values = {"post_id": post_id, **permissions.parameters(caller, now)}
    row = session.reading().execute(_newest_statement(kind), values).first()
    if row is not None:
        return revision_from(row)
    visible = select(true()).where(post.c.id == _named, permissions.visible(post, kind))
    if session.reading().execute(visible, values).first():
        raise Forbidden("the versions of a post are for those who may change it")
    raise NotFound(f"there is no post {post_id!r}")


@cache
def _newest_statement(standing: permissions.Standing) -> Select[Any]:
    return (
        select(*columns())
        .where(revision.c.post_id == _named, permissions.editable(revision, standing))
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
    """A version of a post with its body, whoever asks."""
    row = connection.execute(_LOAD, {"post_id": post_id, "version": number}).first()
    return None if row is None else revision_from(row)


def page(session: Session, post_id: str, limit: int, position: Position | None) -> Page[Revision]:
    """A page of the versions of a post, the newest first, without their bodies."""
    values = {"post_id": post_id, **bind_values(position, limit)}
    rows = session.reading().execute(_page_statement(beginning(position)), values)
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

    None where it names none, or one that is not kept.
    """
    seen = select(*columns(body=True)).where(revision.c.post_id == current.id)
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
    if version is None or version.is_tombstone or _is_ambiguous(version, precondition):
        return None
    return changed_fields(version, current)


def _is_ambiguous(version: Revision, precondition: Precondition) -> bool:
    """Whether the date of a precondition may name the version before this one as well."""
    since, before = precondition.unmodified_since, version.previous_date
    return bool(since and before and since <= before and since <= version.updated_date)


def columns(body: bool = False) -> Sequence[ColumnElement[Any]]:
    """The columns of a revision as `revision_from` reads them."""
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
    return (
        c.post_id, c.version, c.operation, c.changed_by, c.author_name, c.created_date,
        c.previous_date, c.updated_date, c.title, c.format, c.summary, c.tags, c.status, c.slug,
        c.posted_date, c.body if body else null().label("body"), predecessor, successor_date,
    )  # fmt: skip


def revision_from(row: Sequence[Any]) -> Revision:
    """Make a revision of the values of `columns`."""
    values = list(row)
    values[11] = None if values[11] is None else tuple(values[11])
    return Revision(*values)


_LOAD = select(*columns(body=True)).where(
    revision.c.post_id == _named, revision.c.version == bindparam("version")
)
