"""Unique slugs for posts."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from blog.content.slugs import derive_slug, number_slug
from blog.errors import SlugTaken
from blog.storage.tables import post


def claim_slug(
    connection: Connection, chosen: str | None, title: str, post_id: str | None = None
) -> str:
    """A slug that no other post has: the chosen one, or else one derived from the title.

    ``post_id`` is the id of the post that gets it, if the post exists. Call it in the transaction
    of the write. Raises SlugTaken where the chosen slug belongs to another post.
    """
    if chosen is None:
        return _free_slug(connection, derive_slug(title), post_id)
    if _taken(connection, [chosen], post_id):
        raise SlugTaken(f"the slug {chosen!r:.80} belongs to another post")
    return chosen


def _free_slug(connection: Connection, slug: str, post_id: str | None) -> str:
    """The slug, or the slug with the number, 2 or more, that makes it unique.

    A search by doubling and then halving finds the number: a title that a million posts have
    costs about forty lookups, not a million.
    """
    if not _taken(connection, [slug], post_id):
        return slug
    doubled = [2**power for power in range(1, 41)]
    taken = _taken(connection, (number_slug(slug, number) for number in doubled), post_id)
    free = next(number for number in doubled if number_slug(slug, number) not in taken)
    low = free // 2
    while free - low > 1:
        middle = (low + free) // 2
        if _taken(connection, [number_slug(slug, middle)], post_id):
            low = middle
        else:
            free = middle
    return number_slug(slug, free)


def _taken(connection: Connection, slugs: Iterable[str], post_id: str | None) -> set[str]:
    statement = select(post.c.slug).where(post.c.slug.in_(list(slugs)))
    if post_id is not None:
        statement = statement.where(post.c.id != post_id)
    return set(connection.execute(statement).scalars())
