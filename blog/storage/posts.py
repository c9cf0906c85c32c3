"""Posts: found, listed, created, changed and deleted, within the rights of the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Select,
    bindparam,
    delete,
    exists,
    insert,
    null,
    select,
    true,
    update,
)
from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

from blog.content.authors import Caller
from blog.content.markup import render
from blog.content.posts import Post, PostContent, new_post_id, settle_date
from blog.content.slugs import derive_slug
from blog.database.session import Session
from blog.errors import BlogError, Forbidden, NotFound, PreconditionFailed, StorageUnavailable
from blog.storage import permissions, revisions, tags
from blog.storage.idempotency import Claim, Outcome
from blog.storage.preconditions import (
    Conditions,
    Precondition,
    Shape,
    Target,
    next_version,
    until_written,
)
from blog.storage.slugs import claim_slug
from blog.storage.tables import post

Revise = Callable[[Post], PostContent]


class Texts(NamedTuple):
    """Which of the long texts of a post are wanted."""

    body: bool = True
    body_html: bool = False


WHOLE = Texts(body=True, body_html=True)


def find(
    session: Session, post_id: str, caller: Caller | None, now: datetime, texts: Texts
) -> Post:
    """The post with this id. Raises NotFound where the caller can see none."""
    statement = _find_statement(permissions.standing(caller), texts)
    values = {"post_id": post_id, **permissions.parameters(caller, now)}
    rows = session.fetch(statement, values)
    if not rows:
        raise NotFound(f"there is no post {post_id!r}")
    return post_from(rows[0])


@cache
def _find_statement(standing: permissions.Standing, texts: Texts) -> Select[Any]:
    return select(*columns(texts), permissions.editable(post, standing)).where(
        post.c.id == bindparam("post_id"), permissions.visible(post, standing)
    )


def create(
    session: Session,
    content: PostContent,
    caller: Caller,
    now: datetime,
    claim: Claim | None = None,
    texts: Texts = WHOLE,
) -> Post:
    """Keep a new post of the caller, committed when this returns.

    With a claim whose request was done before, do nothing, and give the post as it came of that.
    Raises SlugTaken when the slug that the client chose belongs to another post, Forbidden when
    the caller's account has ended meanwhile, and Invalid as `Claim.outcome` does.
    """
    if claim and (first := claim.outcome(session.reading())):
        return _as_post(first, texts)
    values = {
        **content_values(content, now),
        "id": new_post_id(),
        "version": 1,
        "created_date": now,
        "previous_date": None,
        "updated_date": now,
        "author_name": caller.name,
        "body_html": render(content.body, content.format),
    }

    def insert_it(connection: Connection) -> Post | Outcome:
        if claim and (first := claim.enter(session, connection)):
            return first
        return insert_post(session, connection, values, content, caller, now, claim)

    created = session.write(insert_it)
    return _as_post(created, texts) if isinstance(created, Outcome) else created


def _as_post(outcome: Outcome, texts: Texts) -> Post:
    """The post that came of a request, its HTML only where it is wanted: it has to be rendered."""
    return outcome.revision.as_post(with_html=texts.body_html)


def insert_post(
    session: Session,
    connection: Connection,
    values: Mapping[str, Any],
    content: PostContent,
    caller: Caller,
    now: datetime,
    claim: Claim | None,
) -> Post:
    """Write a post that is not there, within the caller's transaction: all but its slug is given.

    Raises SlugTaken, and Forbidden as `create` does.
    """
    parameters = {**values, **permissions.parameters(caller, now)}
    parameters["slug"] = content.slug or derive_slug(content.title)
    if not session.insert(connection, _INSERT_UNLESS_TAKEN, parameters):
        parameters["slug"] = claim_slug(connection, content.slug, content.title, values["id"])
        if not session.insert(connection, _INSERT, parameters):
            raise _refusal(connection, caller, now)
    created = _as_written(parameters)
    tags.write(session, connection, created)
    _record(session, connection, None, created, caller, now, claim)
    return created


def _insertion(*conditions: ColumnElement[bool]) -> Insert:
    """The statement that writes a post under some conditions, besides that the caller may."""
    names = [column.name for column in post.c if column.computed is None]
    values = select(*(bindparam(name, type_=post.c[name].type) for name in names))
    return insert(post).from_select(names, values.where(permissions.entitled(), *conditions))


_other = post.alias("other")
_INSERT = _insertion()
# Most slugs are free, and need no look-up of their own.
_INSERT_UNLESS_TAKEN = _insertion(~exists().where(_other.c.slug == bindparam("slug")))
# What is in the columns of a post and was written there as it is.
_AS_GIVEN = (
    *("id", "version", "title", "format", "summary", "status", "slug", "posted_date"),
    *("previous_date", "updated_date", "author_name", "body", "body_html"),
)


def _as_written(values: Mapping[str, Any]) -> Post:
    """The post that has just been made of these values, to its author."""
    return Post(
        **{name: values[name] for name in _AS_GIVEN},
        tags=tuple(values["tags"]),
        sort_date=values["posted_date"] or values["created_date"],
        editable=True,
    )


def _record(
    session: Session,
    connection: Connection,
    before: Post | None,
    after: Post,
    caller: Caller,
    now: datetime,
    claim: Claim | None,
) -> None:
    """Keep what was written under the key of the request, if it has one, and as a revision."""
    if claim:
        claim.keep(connection, after.id, after.version)
    revisions.record(session, connection, before, after, caller, now)


def _refusal(connection: Connection, caller: Caller, now: datetime) -> BlogError:
    """Why nothing was written: the account has ended, or a trigger of others has prevented it."""
    if connection.scalar(select(permissions.entitled()), permissions.parameters(caller, now)):
        return StorageUnavailable("the database has not kept a write, as if by a trigger of others")
    return Forbidden(f"{caller.name!r} may no longer write")


def edit(
    session: Session,
    post_id: str,
    caller: Caller,
    precondition: Precondition,
    revise: Revise,
    now: datetime,
) -> Post:
    """Change a post to what ``revise`` makes of it, committed when this returns.

    ``revise`` may be called again when another change comes between. A change of nothing writes
    nothing. Raises NotFound, Forbidden, PreconditionFailed or SlugTaken, and what ``revise`` does.
    """
    target = target_of(post_id, caller, precondition, now)

    def attempt() -> Post | None:
        current = load(session.reading(), target)
        content = revise(current)
        if changes_nothing(current, content, now):
            return current
        return update_post(session, target, current, content, caller, now)

    return until_written(attempt, "post")


def remove(
    session: Session, post_id: str, caller: Caller, precondition: Precondition, now: datetime
) -> None:
    """Delete a post, committed when this returns.

    Raises NotFound, Forbidden or PreconditionFailed.
    """
    target = target_of(post_id, caller, precondition, now)
    statement = _delete_statement(target.conditions)

    def delete_it(connection: Connection) -> None:
        current = load(connection, target)
        created = connection.scalar(statement, target.values(current.version))
        if created is None:
            raise _refusal(connection, caller, now)
        revisions.record_deletion(session, connection, current, created, caller, now)

    session.write(delete_it)


def target_of(post_id: str, caller: Caller, precondition: Precondition, now: datetime) -> Target:
    """The post with this id, where the caller may change it and the precondition holds."""
    conditions = _conditions(permissions.standing(caller), precondition.shape)
    parameters = {"post_id": post_id, **permissions.parameters(caller, now)}
    return Target(conditions, precondition, parameters)


@cache
def _conditions(standing: permissions.Standing, shape: Shape) -> Conditions:
    return Conditions(
        table=post,
        found=(post.c.id == bindparam("post_id")) & permissions.visible(post, standing),
        editable=permissions.editable(post, standing) & permissions.entitled(),
        holds=shape.holds(post),
    )


@cache
def _delete_statement(conditions: Conditions) -> ReturningDelete[datetime]:
    return delete(post).where(conditions.unchanged()).returning(post.c.created_date)


def load(connection: Connection, target: Target) -> Post:
    """The post that is to be changed. Raises NotFound, Forbidden or PreconditionFailed."""
    row = target.load(connection, columns(WHOLE))
    current = post_from(row[:-1])
    if not row.holds:
        changed = revisions.changed_since(connection, target.precondition, current)
        raise PreconditionFailed("the post has changed since", current, changed)
    return current


def update_post(
    session: Session,
    target: Target,
    current: Post,
    content: PostContent,
    caller: Caller,
    now: datetime,
    claim: Claim | None = None,
) -> Post | None:
    """Write a change, if it is one; give None where the post is no longer the one that was loaded.

    Raises SlugTaken.
    """
    values = content_values(content, now)
    if (content.body, content.format) != (current.body, current.format):
        values["body_html"] = render(content.body, content.format)
    values |= next_version(current.version, current.updated_date, now)

    def update_it(connection: Connection) -> Post | None:
        if claim and claim.enter(session, connection):
            return None
        if content.slug != current.slug:
            values["slug"] = claim_slug(connection, content.slug, content.title, current.id)
        # A slug derived anew may turn out to be the one that the post has.
        settled = content.model_copy(update={"slug": values.get("slug", current.slug)})
        if changes_nothing(current, settled, now):
            return _leave(connection, target, current, claim)
        edited = _update(connection, target, current, values)
        if edited is None:
            return None
        tags.rewrite(session, connection, current, edited)
        _record(session, connection, current, edited, caller, now, claim)
        return edited

    return session.write(update_it)


def _update(
    connection: Connection, target: Target, current: Post, values: Mapping[str, Any]
) -> Post | None:
    """Write what differs from the post; give None where it is another one by now."""
    changed = {name: value for name, value in values.items() if _differs(current, name, value)}
    statement = _update_statement(target.conditions, tuple(changed))
    bound = {f"new_{name}": value for name, value in changed.items()}
    row = connection.execute(statement, target.values(current.version) | bound).first()
    return None if row is None else post_from(row)


def _differs(current: Post, name: str, value: object) -> bool:
    kept: object = getattr(current, name)
    return kept != (tuple(value) if isinstance(value, list) else value)


@lru_cache(maxsize=256)
def _update_statement(
    conditions: Conditions, names: tuple[str, ...]
) -> ReturningUpdate[*tuple[Any, ...]]:
    # What stays as it is, is in indexes that need not be written then.
    new = {name: bindparam(f"new_{name}", type_=post.c[name].type) for name in names}
    statement = update(post).where(conditions.unchanged()).values(new)
    return statement.returning(*columns(WHOLE), true())


def _leave(
    connection: Connection, target: Target, current: Post, claim: Claim | None
) -> Post | None:
    """Leave a post as it is; give None where it is another one by now."""
    statement = _lock_statement(target.conditions)
    if connection.execute(statement, target.values(current.version)).first() is None:
        return None
    if claim:
        claim.keep(connection, current.id, current.version, written=False)
    return current


@cache
def _lock_statement(conditions: Conditions) -> Select[Any]:
    return select(post.c.id).where(conditions.unchanged()).with_for_update()


def content_values(content: PostContent, now: datetime) -> dict[str, Any]:
    """The columns that follow from the content alone."""
    return {
        "title": content.title,
        "body": content.body,
        "format": content.format,
        "summary": content.summary,
        "tags": list(content.tags),
        "status": content.status,
        "posted_date": settle_date(content, now),
    }


def changes_nothing(current: Post, content: PostContent, now: datetime) -> bool:
    """Whether a post has this content already."""
    slug = content.slug or derive_slug(content.title)
    written = {**content_values(content, now), "slug": slug, "tags": content.tags}
    return all(getattr(current, name) == value for name, value in written.items())


@cache
def columns(texts: Texts) -> tuple[ColumnElement[Any], ...]:
    """The columns of a post as `post_from` reads them, but for the right to edit it."""
    c = post.c
    return (
        c.id, c.version, c.title, c.format, c.summary, c.tags, c.status, c.slug,
        c.posted_date, c.sort_date, c.previous_date, c.updated_date, c.author_name,
        c.body if texts.body else null().label("body"),
        c.body_html if texts.body_html else null().label("body_html"),
    )  # fmt: skip


def post_from(row: Sequence[Any]) -> Post:
    """Make a post of the values of `columns`, followed by whether the caller may edit it."""
    values = list(row)
    values[5] = tuple(values[5])
    return Post._make(values)
