"""Restoring: a version of a post is made current again, whether the post was deleted or not."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, exists, select

from blog.content.authors import Caller
from blog.content.markup import render
from blog.content.posts import PostContent
from blog.content.revisions import Revision
from blog.database.session import Session
from blog.errors import Fault, Invalid, PreconditionFailed, SlugTaken
from blog.storage import permissions, posts, revisions
from blog.storage.idempotency import Claim
from blog.storage.preconditions import (
    Conditions,
    Precondition,
    Shape,
    Target,
    next_version,
    until_written,
)
from blog.storage.tables import post, revision


class Restored(NamedTuple):
    """The version that a post has after it was restored, and whether that was written for it."""

    version: int
    written: bool


def restore(
    session: Session,
    post_id: str,
    caller: Caller,
    precondition: Precondition,
    number: int,
    now: datetime,
    claim: Claim | None = None,
) -> Restored:
    """Write a version of a post again, as a new one, committed when this returns.

    A post that was deleted is there again, under its id; a slug that another post has taken since
    is derived anew. Where the present version says the same already, nothing is written. Raises
    NotFound, Forbidden or PreconditionFailed, and Invalid for a version that there is not, or that
    is a deletion.
    """

    def attempt() -> Restored | None:
        if claim and (first := claim.outcome(session.reading())):
            return Restored(first.revision.version, first.written)
        newest = revisions.find_newest(session, post_id, caller, now)
        content = _find_content(session.reading(), post_id, number)
        try:
            if newest.is_tombstone:
                return _undelete(session, newest, content, precondition, caller, now, claim)
            return _replace(session, post_id, content, precondition, caller, now, claim)
        except SlugTaken:
            # Another post has taken it since it was found to be free.
            return None

    return until_written(attempt, "post")


def _find_content(connection: Connection, post_id: str, number: int) -> PostContent:
    """What a version said, without a slug that is another post's by now."""
    wanted = revisions.load(connection, post_id, number)
    if wanted is None or wanted.is_tombstone:
        reason = "is a deletion" if wanted else "is no version of this post"
        raise Invalid([Fault(f"{number} {reason}", pointer="#/restore")])
    content = wanted.content()
    taken = exists().where(post.c.slug == content.slug, post.c.id != post_id)
    if connection.scalar(select(taken)):
        return content.model_copy(update={"slug": None})
    return content


def _replace(
    session: Session,
    post_id: str,
    content: PostContent,
    precondition: Precondition,
    caller: Caller,
    now: datetime,
    claim: Claim | None,
) -> Restored | None:
    """Change a post that is there; give None where it is another one by now."""
    target = posts.target_of(post_id, caller, precondition, now)
    current = posts.load(session.reading(), target)
    if claim is None and posts.changes_nothing(current, content, now):
        return Restored(current.version, written=False)
    changed = posts.update_post(session, target, current, content, caller, now, claim)
    if changed is None:
        return None
    return Restored(changed.version, written=changed.version > current.version)


def _undelete(
    session: Session,
    tombstone: Revision,
    content: PostContent,
    precondition: Precondition,
    caller: Caller,
    now: datetime,
    claim: Claim | None,
) -> Restored | None:
    """Write a deleted post again; give None where it is there already."""
    conditions = _conditions(permissions.standing(caller), precondition.shape)
    parameters = {"post_id": tombstone.post_id, **permissions.parameters(caller, now)}
    target = Target(conditions, precondition, parameters)
    values = {
        **posts.content_values(content, now),
        **next_version(tombstone.version, tombstone.updated_date, now),
        "id": tombstone.post_id,
        "created_date": tombstone.created_date,
        "author_name": tombstone.author_name,
        "body_html": render(content.body, content.format),
    }

    def insert_it(connection: Connection) -> Restored | None:
        if claim and claim.enter(session, connection):
            return None
        newest = target.load(connection, (revision.c.version,))
        if newest.version != tombstone.version:
            return None
        if not newest.holds:
            raise PreconditionFailed("the post has changed since", tombstone)
        restored = posts.insert_post(session, connection, values, content, caller, now, claim)
        return Restored(restored.version, written=True)

    return session.write(insert_it)


@cache
def _conditions(standing: permissions.Standing, shape: Shape) -> Conditions:
    """A deleted post, which is there as its newest revision."""
    return Conditions(
        table=revision,
        found=(revision.c.post_id == bindparam("post_id")) & revisions.is_newest(),
        editable=permissions.editable(revision, standing) & permissions.entitled(),
        holds=shape.holds(revision),
    )
