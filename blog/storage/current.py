"""The posts that changes are about, as they are now for a caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select

from blog.content.authors import Caller
from blog.content.posts import Post
from blog.database.page_bytes import count_fitting, size_of
from blog.database.session import Session
from blog.storage import permissions
from blog.storage.changes import Change, Changes
from blog.storage.posts import Texts, columns, post_from
from blog.storage.tables import post

_AMONG = post.c.id.in_(bindparam("ids", expanding=True))


def find_current(
    session: Session, found: Changes, caller: Caller | None, now: datetime, texts: Texts
) -> tuple[Changes, Mapping[str, Post]]:
    """The changes whose posts fit into a page, and those posts by id.

    A deleted one, or one that the caller can't see, is not among them. All is read in the snapshot
    in which the changes were read.
    """
    values = {"ids": _ids(found.items), **permissions.parameters(caller, now)}
    kind = permissions.standing(caller)
    if not values["ids"]:
        return found, {}
    if any(texts):
        statement = _size_statement(kind, texts, session.kind)
        sizes = {row.id: row.size for row in session.reading().execute(statement, values)}
        found = found.first(count_fitting(sizes.get(item.post_id, 0) for item in found.items))
        values["ids"] = _ids(found.items)
    rows = session.reading().execute(_statement(kind, texts), values)
    return found, {row.id: post_from(row) for row in rows}


def _ids(items: Iterable[Change]) -> Sequence[str]:
    return sorted({item.post_id for item in items if item.operation != "deleted"})


@cache
def _statement(standing: permissions.Standing, texts: Texts) -> Select[Any]:
    statement = select(*columns(texts), permissions.editable(post, standing))
    return statement.where(_AMONG, permissions.visible(post, standing))


@cache
def _size_statement(standing: permissions.Standing, texts: Texts, kind: str) -> Select[Any]:
    wanted = [post.c[name] for name in texts._fields if getattr(texts, name)]
    size = size_of(wanted, kind).label("size")
    return select(post.c.id, size).where(_AMONG, permissions.visible(post, standing))
