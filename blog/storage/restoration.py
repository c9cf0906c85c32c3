"""Restoring: an earlier version of a post becomes current again, also after its deletion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, exists, select

from blog.content.posts import PostContent
from blog.content.revisions import Revision
from blog.errors import Fault, Invalid, PreconditionFailed, SlugTaken
from blog.storage import permissions, post_writes, revisions
from blog.storage.access import Access, CallerRole, Transaction
from blog.storage.idempotency import IdempotencyKey
from blog.storage.preconditions import (
    Clauses,
    ConditionalWrite,
    Conditions,
    Precondition,
    next_version,
    until_written,
)
from blog.storage.tables import post, revision


class Restored(NamedTuple):
    """The version of a post after it was restored, and whether the request wrote it."""

    version: int
    written: bool


@dataclass(frozen=True, slots=True)
class Restoration:
    """A request to restore a version of a post, under a precondition and perhaps a key."""

    access: Access
    post_id: str
    precondition: Precondition
    key: IdempotencyKey | None = None

    def restore(self, number: int) -> Restored:
        """Write a version again, as a new one, committed when this returns.

        A deleted post exists again, under its id; a slug that another post has taken since is
        derived anew. Content that equals the present version writes nothing. Raises NotFound,
        Forbidden or PreconditionFailed, and Invalid for a version that does not exist or is a
        deletion.
        """
        return until_written(lambda: self._attempt(number), "post")

    def _attempt(self, number: int) -> Restored | None:
        connection = self.access.session.reading()
        if self.key and (first := self.key.outcome(connection)):
            return Restored(first.revision.version, first.written)
        newest = revisions.find_newest(self.access, self.post_id)
        content = _find_content(connection, self.post_id, number)
        try:
            return self._undelete(newest, content) if newest.is_tombstone else self._edit(content)
        except SlugTaken:
            # Another post has taken the slug since it was free.
            return None

    def _edit(self, content: PostContent) -> Restored | None:
        """Change a post that exists; return None where it has changed since it was loaded."""
        access = self.access
        write = post_writes.conditional_write(access, self.post_id, self.precondition)
        current = post_writes.load(access.session.reading(), write)
        if self.key is None and post_writes.is_unchanged(current, content, access):
            return Restored(current.version, written=False)
        changed = post_writes.update_post(
            access, write, current, content, key=self.key, is_restored=True
        )
        if changed is None:
            return None
        return Restored(changed.version, written=changed.version > current.version)

    def _undelete(self, tombstone: Revision, content: PostContent) -> Restored | None:
        """Insert a deleted post again; return None where it exists already."""
        write = self._write_after_deletion()
        values = self._undeleted_values(tombstone, content)

        def insert_it(transaction: Transaction) -> Restored | None:
            if self.key and self.key.enter(transaction):
                return None
            newest = write.load(transaction.connection, (revision.c.version,))
            if newest.version != tombstone.version:
                return None
            if not newest.holds:
                raise PreconditionFailed("the post has changed since", tombstone)
            restored = post_writes.insert_post(transaction, values, content, self.key)
            return Restored(restored.version, written=True)

        return self.access.write(insert_it)

    def _write_after_deletion(self) -> ConditionalWrite:
        conditions = _conditions(self.access.role, self.precondition.clauses)
        parameters = {"post_id": self.post_id, **self.access.parameters}
        return ConditionalWrite(conditions, self.precondition, parameters)

    def _undeleted_values(self, tombstone: Revision, content: PostContent) -> dict[str, Any]:
        return {
            **post_writes.content_values(content, self.access),
            **next_version(tombstone.version, tombstone.updated_date, self.access.now),
            "id": tombstone.post_id,
            "created_date": tombstone.created_date,
            "author_name": tombstone.author_name,
            **post_writes.html_values(
                self.access.renderer, content, tombstone.post_id, is_stored=True
            ),
        }


def _find_content(connection: Connection, post_id: str, number: int) -> PostContent:
    """The content of a version, without a slug that now belongs to another post."""
    wanted = revisions.load(connection, post_id, number)
    if wanted is None or wanted.content is None:
        reason = "is a deletion" if wanted else "is not a version of this post"
        raise Invalid([Fault(f"{number} {reason}", pointer="#/restore")])
    content = wanted.content
    taken = exists().where(post.c.slug == content.slug, post.c.id != post_id)
    if connection.scalar(select(taken)):
        return content.model_copy(update={"slug": None})
    return content


@cache
def _conditions(role: CallerRole, clauses: Clauses) -> Conditions:
    """Those of a write to a deleted post, which is there as its newest revision."""
    return Conditions(
        table=revision,
        found=(revision.c.post_id == bindparam("post_id")) & revisions.is_newest(),
        editable=permissions.editable(revision, role) & permissions.still_authorized(),
        holds=clauses.holds(revision),
    )
