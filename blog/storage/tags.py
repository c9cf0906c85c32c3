"""Tags: how posts are found by them, and which the posts have that a caller may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select

from blog.content.authors import Caller
from blog.content.posts import Post, fold_tag
from blog.database.session import Session
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
from blog.storage.tables import tag


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag, as one of its posts writes it, and how many posts have it in any case."""

    key: str
    name: str
    count: int


def page(
    session: Session, caller: Caller | None, now: datetime, limit: int, position: Position | None
) -> Page[TagCount]:
    """A page of tags, sorted by code point without regard to case.

    Only the tags of the page are counted.
    """
    statement = _statement(permissions.standing(caller), beginning(position))
    values = {**permissions.parameters(caller, now), **bind_values(position, limit)}
    tags = [TagCount(*row) for row in session.reading().execute(statement, values)]
    return make_page(tags, limit, position, lambda item: (item.key,))


@cache
def _statement(standing: permissions.Standing, start: Beginning) -> Select[Any]:
    statement = (
        select(tag.c.key, func.min(tag.c.name), func.count())
        .where(permissions.visible(tag, standing))
        .group_by(tag.c.key)
    )
    return paginate(statement, [tag.c.key], start)


_DELETE = delete(tag).where(tag.c.post_id == bindparam("written_id"))
_INSERT = insert(tag)


def rewrite(session: Session, connection: Connection, before: Post, after: Post) -> None:
    """Bring the look-up of tags up to date, where anything that it repeats has changed."""
    if _tag_rows(before) != _tag_rows(after):
        connection.execute(_DELETE, {"written_id": after.id})
        write(session, connection, after)


def write(session: Session, connection: Connection, written: Post) -> None:
    """Have a new post found by its tags."""
    if rows := _tag_rows(written):
        session.insert(connection, _INSERT, *rows)


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
