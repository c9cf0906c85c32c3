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
    """A token as it may be shown: all but its secret, which is kept nowhere."""

    label: str
    scope: Scope
    created_date: datetime
    expiry_date: datetime | None = None
    last_used: date | None = None


class Grant(NamedTuple):
    """What a token gives to whoever has it, and on which day it was used last."""

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
        # A closed account lets nobody in, whatever they come with.
        author.c.password_hash.is_not(None),
    )
)


def find_grant(session: Session, name: str, digest: str, now: datetime) -> Grant | None:
    """What the token with this digest gives; None where this author has no such token now.

    How long the index takes to find a digest tells nothing of a secret, as nobody can choose what
    a guess is hashed to; the comparison that lets somebody in takes the same time for all.
    """
    values = {"author_name": name, "digest": digest}
    rows = session.look_up(_FIND, values)
    if not rows or not compare_digest(rows[0][0], digest):
        return None
    kept, owner, role, scope, last_used, created, expiry = rows[0]
    # One that was made while the clock was ahead would be good for longer than it was made for.
    if expiry and not is_near(created, now, expiry - created):
        return None
    caller = Caller(owner, role, token_digest=kept, may_write=scope == "write")
    return Grant(caller, last_used)


def note_use(session: Session, caller: Caller, today: date) -> None:
    """Keep that the token which a caller came by was used today."""
    statement = update(access_token).where(_c.digest == caller.token_digest)
    session.write(lambda connection: connection.execute(statement.values(last_used=today)))


def add(session: Session, name: str, token: AccessToken, digest: str) -> None:
    """Give an author a new token.

    Raises AccountError for an unknown or removed author, a label that can't be one, and one that
    another of their tokens has.
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
    """Keep an account as it is until the transaction ends: one that is removed has no tokens."""
    statement = select(author.c.password_hash).where(author.c.name == name).with_for_update()
    row = connection.execute(statement).first()
    if row is None:
        raise _unknown(name)
    if row.password_hash is None:
        raise AccountError(f"{name!r} was removed: `blog author passwd` lets them in again")


def find_all(session: Session, name: str) -> Sequence[AccessToken]:
    """The tokens of an author, sorted by label. Raises AccountError for an unknown author."""
    if not session.reading().scalar(select(exists().where(author.c.name == name))):
        raise _unknown(name)
    statement = select(*_COLUMNS).where(_c.author_name == name).order_by(_c.label)
    return [AccessToken(*row) for row in session.reading().execute(statement)]


def revoke(session: Session, name: str, label: str) -> None:
    """Take a token away, from all processes at once. Raises AccountError where there is none."""
    label = check_label(label)
    statement = delete(access_token).where(_c.author_name == name, _c.label == label)
    if not session.write(lambda connection: connection.execute(statement).rowcount):
        raise AccountError(f"{name!r} has no token {label!r}")


def _unknown(name: str) -> AccountError:
    return AccountError(f"there is no author {name!r}")
