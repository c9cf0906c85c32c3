"""The posts of changes, as they are now for a caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select

from blog.content.posts import Post
from blog.database.page_bytes import count_fitting, size_of
from blog.storage import permissions
from blog.storage.access import Access, CallerRole
from blog.storage.changes import Change, Changes
from blog.storage.posts import columns_for, post_from
from blog.storage.tables import post

_AMONG = post.c.id.in_(bindparam("ids", expanding=True))


def find_changed_posts(
    access: Access, found: Changes, texts: frozenset[str]
) -> tuple[Changes, Mapping[str, Post]]:
    """The changes whose posts fit into a page, and those posts by id.

    Posts that are deleted, or that the caller can't see, are left out. All is read in the snapshot
    in which the changes were read.
    """
    connection, values = access.session.reading(), {"ids": _ids(found.items), **access.parameters}
    if not values["ids"]:
        return found, {}
    if texts:
        statement = _size_statement(access.role, texts, access.session.kind)
        sizes = {row.id: row.size for row in connection.execute(statement, values)}
        found = found.first(count_fitting(sizes.get(item.post_id, 0) for item in found.items))
        values["ids"] = _ids(found.items)
    rows = connection.execute(_statement(access.role, texts), values)
    return found, {row.id: post_from(row) for row in rows}


def _ids(items: Iterable[Change]) -> Sequence[str]:
    return sorted({item.post_id for item in items if item.operation != "deleted"})


@cache
def _statement(role: CallerRole, texts: frozenset[str]) -> Select[Any]:
    statement = select(*columns_for(role, texts))
    return statement.where(_AMONG, permissions.visible(post, role))


@cache
def _size_statement(role: CallerRole, texts: frozenset[str], kind: str) -> Select[Any]:
    wanted = [post.c[name] for name in sorted(texts)]
    size = size_of(wanted, kind).label("size")
    return select(post.c.id, size).where(_AMONG, permissions.visible(post, role))
