"""Restoring: a version of a post is made current again, whether the post was deleted or not."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, exists, select

from blog.content.authors import Caller
from blog.content.markup import render
from blog.content.posts import Post, PostContent
from blog.content.revisions import Revision
from blog.errors import Fault, Invalid, PreconditionFailed, SlugTaken
from blog.storage import posts, revisions, rights
from blog.storage.engine import Session
from blog.storage.idempotency import Claim
from blog.storage.tables import post, revision
from blog.storage.versioned import Precondition, Target, next_version, until_written

# A post, and whether a new version of it was written.
Restored = tuple[Post, bool]


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
    is derived anew. Gives the post, and whether this made a new version: where the present one
    says the same already, nothing is written. Raises NotFound, Forbidden or PreconditionFailed,
    and Invalid for a version that there is not, or that is a deletion.
    """

    def attempt() -> Restored | None:
        if claim and (first := claim.outcome(session.reading())):
            return first.revision.as_post(), first.written
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
    if posts.changes_nothing(current, content, now):
        return _keep(session, target, current, claim) if claim else (current, False)
    changed = posts.update_post(session, target, current, content, caller, now, claim)
    return None if changed is None else (changed, changed.version > current.version)


def _keep(session: Session, target: Target, current: Post, claim: Claim) -> Restored | None:
    """Keep that a request had nothing to do; give None where it has by now."""

    def keep_it(connection: Connection) -> Restored | None:
        done = claim.enter(session, connection)
        if done or posts.load(connection, target).version != current.version:
            return None
        claim.keep(connection, current.id, current.version, written=False)
        return current, False

    return session.write(keep_it)


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
    kind = rights.standing(caller)
    target = Target(
        table=revision,
        found=(revision.c.post_id == tombstone.post_id) & revisions.is_newest(),
        editable=rights.editable(revision, kind) & rights.entitled(kind),
        precondition=precondition,
        parameters=rights.parameters(caller, now),
    )
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
        newest = target.load(connection, [revision.c.version])
        if newest.version != tombstone.version:
            return None
        if not newest.holds:
            raise PreconditionFailed("the post has changed since", tombstone)
        restored = posts.insert_post(session, connection, values, content, caller, now, claim)
        return restored, True

    return session.write(insert_it)
