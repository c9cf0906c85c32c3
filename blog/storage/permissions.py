"""Who may see and who may change a post: the only place that decides, as conditions of a query."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, false, or_, true

from blog.database.types import UTCDateTime
from blog.storage.access import CallerRole
from blog.storage.tables import access_token, author

now_parameter = bindparam("now", type_=UTCDateTime)


def public(table: Table) -> ColumnElement[bool]:
    """The rows that everyone may see: published, and not scheduled for later.

    ``table`` is `post`, or `tag`, which repeats the columns that decide.
    """
    return and_(table.c.status == "published", table.c.sort_date <= now_parameter)


def visible(table: Table, role: CallerRole) -> ColumnElement[bool]:
    """The rows that a caller in this role may see."""
    if role == "anonymous":
        return public(table)
    return or_(public(table), editable(table, role))


def still_authorized() -> ColumnElement[bool]:
    """Whether the caller still has the account and the role with which they signed in.

    A request may take long; the right to write must hold when the write happens.
    """
    account = exists().where(
        author.c.name == bindparam("caller_name"),
        author.c.role == bindparam("caller_role"),
        author.c.password_hash.is_not(None),
    )
    return account & unrevoked()


def unrevoked() -> ColumnElement[bool]:
    """Whether the access token with which the caller signed in, if any, has not been revoked.

    A token that expires during the request still counts: the write has the request's time.
    """
    digest = bindparam("token_digest", type_=access_token.c.digest.type)
    return or_(digest.is_(None), exists().where(access_token.c.digest == digest))


def editable(table: Table, role: CallerRole) -> ColumnElement[bool]:
    """The rows that a caller may change: an author's own, all for an editor."""
    if role == "anonymous":
        return false()
    if role == "editor":
        return true()
    return table.c.author_name == bindparam("caller_name")
