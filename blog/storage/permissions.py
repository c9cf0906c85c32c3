"""Who may see and who may change a post: the one place that decides, as conditions of a query."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, false, or_, true

from blog.content.authors import Caller
from blog.database.types import UTCDateTime
from blog.storage.tables import access_token, author

# What a statement has to know of its caller to be built; the name is bound when it is run.
Standing = Literal["anonymous", "author", "editor"]

now_parameter = bindparam("now", type_=UTCDateTime)


def standing(caller: Caller | None) -> Standing:
    """What kind of caller this is."""
    return caller.role if caller else "anonymous"


def parameters(caller: Caller | None, now: datetime) -> Mapping[str, object]:
    """The values that the conditions below leave open."""
    if caller is None:
        return {"caller_name": None, "now": now}
    return {
        "caller_name": caller.name,
        "caller_role": caller.role,
        "token_digest": caller.token_digest,
        "now": now,
    }


def public(table: Table) -> ColumnElement[bool]:
    """The rows that everyone may see: published, and not scheduled for later.

    ``table`` is the posts, or the tags, which repeat the columns that count here.
    """
    return and_(table.c.status == "published", table.c.sort_date <= now_parameter)


def visible(table: Table, standing: Standing) -> ColumnElement[bool]:
    """The rows that this kind of caller may see."""
    if standing == "anonymous":
        return public(table)
    return or_(public(table), editable(table, standing))


def entitled() -> ColumnElement[bool]:
    """Whether the caller still has the account and the role that they were verified with.

    A request takes as long as its client likes; the right to write has to last until the write.
    """
    account = exists().where(
        author.c.name == bindparam("caller_name"),
        author.c.role == bindparam("caller_role"),
        author.c.password_hash.is_not(None),
    )
    return account & unrevoked()


def unrevoked() -> ColumnElement[bool]:
    """Whether the access token that the caller came by, if by one, is still there.

    One that expires meanwhile was good at the moment of the request, and what is written is of
    that moment.
    """
    digest = bindparam("token_digest", type_=access_token.c.digest.type)
    return or_(digest.is_(None), exists().where(access_token.c.digest == digest))


def editable(table: Table, standing: Standing) -> ColumnElement[bool]:
    """The rows that a caller may change: an author their own, an editor all."""
    if standing == "anonymous":
        return false()
    if standing == "editor":
        return true()
    return table.c.author_name == bindparam("caller_name")
