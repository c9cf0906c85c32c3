"""Posts, as they are read: found by id, each of its rows one that the caller may see."""

from __future__ import annotations

from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, null, select

from blog.content.posts import CONTENT_COLUMNS, LONG_TEXTS, OWN_COLUMNS, Post
from blog.errors import NotFound
from blog.storage import permissions
from blog.storage.access import Access, CallerRole
from blog.storage.tables import post


def find(access: Access, post_id: str, texts: frozenset[str] = LONG_TEXTS) -> Post:
    """The post with this id, with the long texts that are named.

    Raises NotFound where the caller can see none.
    """
    statement = _find_statement(access.role, texts)
    rows = access.session.fetch(statement, {"post_id": post_id, **access.parameters})
    if not rows:
        raise NotFound(f"there is no post {post_id!r}")
    return post_from(rows[0])


@cache
def _find_statement(role: CallerRole, texts: frozenset[str]) -> Select[Any]:
    return select(*columns_for(role, texts)).where(
        post.c.id == bindparam("post_id"), permissions.visible(post, role)
    )


@cache
def columns(texts: frozenset[str] = LONG_TEXTS) -> tuple[ColumnElement[Any], ...]:
    """The columns of a post, but for the long texts that are not named."""
    omitted = LONG_TEXTS - texts
    if "body_html" in omitted:
        omitted |= {"rendering"}
    content = [post.c[name] for name in CONTENT_COLUMNS if name not in omitted]
    own = [null().label(name) if name in omitted else post.c[name] for name in OWN_COLUMNS]
    return (*own, *content)


def columns_for(role: CallerRole, texts: frozenset[str]) -> tuple[ColumnElement[Any], ...]:
    """The same, and whether a caller in this role may edit the post."""
    return (*columns(texts), permissions.editable(post, role).label("editable"))


def post_from(row: Any) -> Post:
    """The post in a row of `columns_for`."""
    return Post._make((*_read_own(row), row))


_read_own = attrgetter(*OWN_COLUMNS, "editable")
