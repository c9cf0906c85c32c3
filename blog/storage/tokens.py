"""Access tokens: added, listed and revoked by label, and found by the digest of their secret."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from hmac import compare_digest
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from blog.content.authors import Caller
from blog.content.tokens import Scope, check_label
from blog.database.session import Session
from blog.errors import AccountError
from blog.storage.lifetimes import is_near
from blog.storage.tables import access_token, author


class AccessToken(NamedTuple):
    """A token as it may be shown: all but its secret, which is not stored."""

    label: str
    scope: Scope
    created_date: datetime
    expiry_date: datetime | None = None
    last_used: date | None = None


class VerifiedToken(NamedTuple):
    """The caller that a valid token stands for, and the day on which it was last used."""

    caller: Caller
    last_used: date | None


_c = access_token.c
_COLUMNS = (_c.label, _c.scope, _c.created_date, _c.expiry_date, _c.last_used)
_FIND = (
    select(
        *(_c.digest, author.c.name, author.c.role, _c.scope, _c.last_used),
        *(_c.created_date, _c.expiry_date),
    )
    .join_from(access_token, author)
    .where(
        _c.digest == bindparam("digest"),
        _c.author_name == bindparam("author_name"),
        # Tokens of a closed account are not valid.
        author.c.password_hash.is_not(None),
    )
)


def find_verified(session: Session, name: str, digest: str, now: datetime) -> VerifiedToken | None:
    """The token of this author with this digest, None where there is none or it has expired.

    The time of the index lookup reveals nothing about a secret, since the digest of a guess can't
    be chosen; the comparison that decides takes constant time.
    """
    values = {"author_name": name, "digest": digest}
    rows = session.fetch(_FIND, values)
    if not rows or not compare_digest(rows[0].digest, digest):
        return None
    token = rows[0]
    created, expiry = token.created_date, token.expiry_date
    # A token from a time when the clock was ahead would otherwise be valid for too long.
    if expiry and not is_near(created, now, expiry - created):
        return None
    may_write = token.scope == "write"
    caller = Caller(token.name, token.role, token_digest=token.digest, may_write=may_write)
    return VerifiedToken(caller, token.last_used)


def note_use(session: Session, caller: Caller, today: date) -> None:
    """Record that the token of the caller was used today."""
    statement = update(access_token).where(_c.digest == caller.token_digest)
    session.write(lambda connection: connection.execute(statement.values(last_used=today)))


def add(session: Session, name: str, token: AccessToken, digest: str) -> None:
    """Add a token of an author.

    Raises AccountError for an unknown or removed author, an invalid label, and the label of
    another of their tokens.
    """
    label = check_label(token.label)
    values = {**token._asdict(), "label": label, "author_name": name, "digest": digest}

    def insert_it(connection: Connection) -> None:
        _lock_account(connection, name)
        if connection.scalar(select(exists().where(_c.author_name == name, _c.label == label))):
            raise AccountError(f"{name!r} has a token {label!r} already")
        connection.execute(insert(access_token).values(values))

    session.write(insert_it)


def _lock_account(connection: Connection, name: str) -> None:
    """Lock an account until the transaction ends: a removed account must not get a token."""
    statement = select(author.c.password_hash).where(author.c.name == name).with_for_update()
    row = connection.execute(statement).first()
    if row is None:
        raise _unknown(name)
    if row.password_hash is None:
        raise AccountError(f"{name!r} was removed: `blog author passwd` restores the account")


def find_all(session: Session, name: str) -> Sequence[AccessToken]:
    """The tokens of an author, sorted by label. Raises AccountError for an unknown author."""
    if not session.reading().scalar(select(exists().where(author.c.name == name))):
        raise _unknown(name)
    statement = select(*_COLUMNS).where(_c.author_name == name).order_by(_c.label)
    return [AccessToken(**row) for row in session.reading().execute(statement).mappings()]


def revoke(session: Session, name: str, label: str) -> None:
    """Revoke a token, for all processes at once. Raises AccountError where there is none."""
    label = check_label(label)
    statement = delete(access_token).where(_c.author_name == name, _c.label == label)
    if not session.write(lambda connection: connection.execute(statement).rowcount):
        raise AccountError(f"{name!r} has no token {label!r}")


def _unknown(name: str) -> AccountError:
    return AccountError(f"there is no author {name!r}")
