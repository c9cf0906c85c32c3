"""Posts: found, listed, created, changed and deleted, within the rights of the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    insert,
    literal,
    null,
    select,
    true,
    update,
)

from blog.content.authors import Caller
from blog.content.markup import render
from blog.content.posts import Post, PostContent, fold_tag, new_post_id, settle_date
from blog.content.slugs import derive_slug
from blog.errors import Forbidden, NotFound, PreconditionFailed
from blog.storage import rights
from blog.storage.engine import Session
from blog.storage.slugs import claim_slug
from blog.storage.tables import post, tag
from blog.storage.versioned import Precondition, Target, next_version, until_written

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
    statement = _find_statement(rights.standing(caller), texts)
    values = {"post_id": post_id, **rights.parameters(caller, now)}
    row = session.reading().execute(statement, values).first()
    if row is None:
        raise NotFound(f"there is no post {post_id!r}")
    return post_from(row)


@cache
def _find_statement(standing: rights.Standing, texts: Texts) -> Select[Any]:
    return select(*columns(texts), rights.editable(post, standing)).where(
        post.c.id == bindparam("post_id"), rights.visible(post, standing)
    )


def create(session: Session, content: PostContent, caller: Caller, now: datetime) -> Post:
    """Keep a new post of the caller, committed when this returns.

    Raises SlugTaken when the slug that the client chose belongs to another post, and Forbidden
    when the caller's account has ended meanwhile.
    """
    values = {
        **_values(content, now),
        "id": new_post_id(),
        "version": 1,
        "created_date": now,
        "updated_date": now,
        "author_name": caller.name,
        "body_html": render(content.body, content.format),
    }

    def insert_it(connection: Connection) -> Post:
        slug = claim_slug(connection, content.slug, content.title)
        created = _insert(connection, {**values, "slug": slug}, caller, now)
        _write_tags(connection, created)
        return created

    return session.write(insert_it)


def _insert(
    connection: Connection, values: Mapping[str, Any], caller: Caller, now: datetime
) -> Post:
    entitled = select(*(literal(value, post.c[name].type) for name, value in values.items()))
    entitled = entitled.where(rights.entitled(caller.role))
    statement = insert(post).from_select(list(values), entitled)
    statement = statement.returning(*columns(WHOLE), true())
    row = connection.execute(statement, rights.parameters(caller, now)).first()
    if row is None:
        raise Forbidden(f"{caller.name!r} may no longer write")
    return post_from(row)


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
    target = _target(post_id, caller, precondition, now)

    def attempt() -> Post | None:
        current = _load(session.reading(), target)
        content = revise(current)
        if _changes_nothing(current, content, now):
            return current
        return _update(session, target, current, content, now)

    return until_written(attempt, "post")


def remove(
    session: Session, post_id: str, caller: Caller, precondition: Precondition, now: datetime
) -> None:
    """Delete a post, committed when this returns.

    Raises NotFound, Forbidden or PreconditionFailed.
    """
    target = _target(post_id, caller, precondition, now)

    def delete_it(connection: Connection) -> None:
        current = _load(connection, target)
        statement = delete(post).where(target.unchanged(current.version))
        connection.execute(statement, target.parameters)

    session.write(delete_it)


def _target(post_id: str, caller: Caller, precondition: Precondition, now: datetime) -> Target:
    kind = rights.standing(caller)
    return Target(
        table=post,
        found=(post.c.id == post_id) & rights.visible(post, kind),
        editable=rights.editable(post, kind) & rights.entitled(kind),
        precondition=precondition,
        parameters=rights.parameters(caller, now),
    )


def _load(connection: Connection, target: Target) -> Post:
    row = target.load(connection, columns(WHOLE))
    current = post_from(row[:-1])
    if not row.holds:
        raise PreconditionFailed("the post has changed since", current)
    return current


def _update(
    session: Session, target: Target, current: Post, content: PostContent, now: datetime
) -> Post | None:
    """Write a change; give None where the post is no longer the one that was loaded."""
    values = _values(content, now)
    if (content.body, content.format) != (current.body, current.format):
        values["body_html"] = render(content.body, content.format)
    values |= next_version(current.version, current.updated_date, now)

    def update_it(connection: Connection) -> Post | None:
        if content.slug != current.slug:
            values["slug"] = slug = claim_slug(connection, content.slug, content.title, current.id)
            # A slug derived anew may turn out to be the one that the post has.
            if _changes_nothing(current, content.model_copy(update={"slug": slug}), now):
                return current
        statement = update(post).where(target.unchanged(current.version)).values(values)
        statement = statement.returning(*columns(WHOLE), true())
        row = connection.execute(statement, target.parameters).first()
        if row is None:
            return None
        edited = post_from(row)
        _rewrite_tags(connection, current, edited)
        return edited

    return session.write(update_it)


def _values(content: PostContent, now: datetime) -> dict[str, Any]:
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


def _changes_nothing(current: Post, content: PostContent, now: datetime) -> bool:
    slug = content.slug or derive_slug(content.title)
    written = {**_values(content, now), "slug": slug, "tags": content.tags}
    return all(getattr(current, name) == value for name, value in written.items())


def _rewrite_tags(connection: Connection, before: Post, after: Post) -> None:
    """Bring the look-up of tags up to date, where anything that it repeats has changed."""
    if _tag_rows(before) != _tag_rows(after):
        connection.execute(delete(tag).where(tag.c.post_id == after.id))
        _write_tags(connection, after)


def _write_tags(connection: Connection, written: Post) -> None:
    if rows := _tag_rows(written):
        connection.execute(insert(tag), rows)


def _tag_rows(written: Post) -> list[dict[str, object]]:
    return [
        {
            "post_id": written.id,
            "key": fold_tag(name),
            "name": name,
            "status": written.status,
            "sort_date": written.sort_date,
            "author_name": written.author_name,
            "updated_date": written.updated_date,
            "title": written.title,
        }
        for name in written.tags
    ]


def columns(texts: Texts) -> Sequence[ColumnElement[Any]]:
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
    return Post(*values)
