"""Tags: the index of posts by tag, and the tags of the posts that a caller may see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, select

from blog.content.posts import Post, fold_tag
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
from blog.storage.tables import tag


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag, as one of its posts writes it, and how many posts have it in any case."""

    key: str
    name: str
    count: int


def page(access: Access, limit: int, position: Position | None) -> Page[TagCount]:
    """A page of tags, sorted by code point without regard to case.

    Only the tags of the page are counted.
    """
    statement = _statement(access.role, beginning(position))
    rows = access.session.reading().execute(
        statement, {**access.parameters, **bind_values(position, limit)}
    )
    tags = [TagCount(**row) for row in rows.mappings()]
    return make_page(tags, limit, position, lambda item: (item.key,))


@cache
def _statement(role: CallerRole, start: Beginning) -> Select[Any]:
    statement = (
        select(tag.c.key, func.min(tag.c.name).label("name"), func.count().label("count"))
        .where(permissions.visible(tag, role))
        .group_by(tag.c.key)
    )
    return paginate(statement, [tag.c.key], start)


_DELETE = delete(tag).where(tag.c.post_id == bindparam("written_id"))
_INSERT = insert(tag)


def rewrite(transaction: Transaction, before: Post, after: Post) -> None:
    """Update the tags of a post, where anything that their rows repeat has changed."""
    if _tag_rows(before) != _tag_rows(after):
        transaction.connection.execute(_DELETE, {"written_id": after.id})
        write(transaction, after)


def write(transaction: Transaction, post: Post) -> None:
    """Insert the tags of a new post."""
    if rows := _tag_rows(post):
        transaction.insert(_INSERT, *rows)


def _tag_rows(post: Post) -> list[dict[str, object]]:
    return [
        {
            "post_id": post.id,
            "key": fold_tag(name),
            "name": name,
            "status": post.written.status,
            "sort_date": post.sort_date,
            "author_name": post.author_name,
            "updated_date": post.updated_date,
            "title": post.written.title,
        }
        for name in post.written.tags
    ]
