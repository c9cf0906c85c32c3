"""Accounts: who may sign in, with what role, and the hash of their password."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Insert, bindparam, delete, exists, insert, or_, select, update

from blog.content.authors import Caller, Role, check_name, fold_name
from blog.database.session import Session
from blog.errors import AccountError
from blog.storage.tables import access_token, author, revision, sign_in

# In place of a hash, for an author whose password is verified outside the blog.
_EXTERNAL = "external"


class Account(NamedTuple):
    """What signing in needs to know of an author; without a hash they may not sign in.

    ``noted`` is the date of the last recorded sign-in from the address in question.
    """

    name: str
    role: Role
    password_hash: str | None
    noted: datetime | None = None

    @property
    def is_editor(self) -> bool:
        """Whether this is an editor who may sign in."""
        return self.role == "editor" and self.password_hash is not None

    @property
    def is_external(self) -> bool:
        """Whether the password is verified outside the blog."""
        return self.password_hash == _EXTERNAL

    @property
    def own_hash(self) -> str | None:
        """The hash of the password; None for one that is verified outside the blog, too."""
        return None if self.is_external else self.password_hash

    @property
    def caller(self) -> Caller:
        """The author as the caller of a request."""
        return Caller(self.name, self.role)


_COLUMNS = (author.c.name, author.c.role, author.c.password_hash)
_is_from_there = (sign_in.c.author_name == author.c.name) & (
    sign_in.c.address_key == bindparam("address_key", type_=sign_in.c.address_key.type)
)
_FIND = (
    select(*_COLUMNS, sign_in.c.date.label("noted"))
    .select_from(author.outerjoin(sign_in, _is_from_there))
    .where(author.c.name == bindparam("author_name"))
)

_HAS_EDITOR = select(exists().where(author.c.role == "editor", author.c.password_hash.is_not(None)))


def find(session: Session, name: str, address_key: str | None = None) -> Account | None:
    """The account with this name and its last sign-in from an address; None if there is none."""
    values = {"author_name": name, "address_key": address_key}
    rows = session.fetch(_FIND, values)
    return Account(**rows[0]._asdict()) if rows else None


def find_all(session: Session) -> Sequence[Account]:
    """Every account, sorted by name."""
    statement = select(*_COLUMNS).order_by(author.c.name)
    return [Account(**row) for row in session.reading().execute(statement).mappings()]


def add(session: Session, name: str, role: Role, password_hash: str, *, now: datetime) -> None:
    """Add an account. Raises AccountError for an invalid name, and for one too like another."""
    new = _new(name, role, password_hash, now)

    def insert_it(connection: Connection) -> None:
        _require_free(connection, name)
        connection.execute(new)

    session.write(insert_it)


def add_first(session: Session, name: str, password_hash: str, now: datetime) -> bool:
    """Add an editor where there is no account; return whether there was none.

    Of several processes that call this at once, one adds it.
    """
    new = _new(name, "editor", password_hash, now)

    def insert_it(connection: Connection) -> bool:
        if connection.scalar(select(exists().select_from(author))):
            return False
        connection.execute(new)
        return True

    return session.write(insert_it, "queued")


def open_external(session: Session, name: str, role: Role, now: datetime) -> Account:
    """The account of an author whose password is verified outside the blog.

    It is created, or gets the role, if needed. Raises AccountError for a name that can't be an
    author's, is too like another one, or belongs to an author with a password in the blog.
    """
    account = Account(check_name(name), role, _EXTERNAL)
    if find(session, account.name) != account:
        session.write(partial(_write_external, account, now), "queued")
    return account


def _write_external(account: Account, now: datetime, connection: Connection) -> None:
    name, role, password_hash, _ = account
    current = select(author.c.password_hash).where(author.c.name == name)
    row = connection.execute(current).one_or_none()
    if row is None:
        _require_free(connection, name)
        connection.execute(_new(name, role, _EXTERNAL, now))
    elif row.password_hash not in (None, _EXTERNAL):
        raise AccountError(f"{name!r} has a password in the blog")
    else:
        _set(connection, name, role=role, password_hash=password_hash)


def set_password(session: Session, name: str, password_hash: str) -> None:
    """Set the password of an author, or open the account of a removed author again.

    Raises AccountError for an unknown author.
    """
    session.write(lambda connection: _set(connection, name, password_hash=password_hash))


def set_role(session: Session, name: str, role: Role, *, force: bool = False) -> None:
    """Set the role of an author.

    Raises AccountError for an unknown author, and for the last editor unless ``force``.
    """

    def set_it(connection: Connection) -> None:
        with _keeping_an_editor(connection, name, force):
            _set(connection, name, role=role)

    session.write(set_it, "queued")


def rehash(session: Session, account: Account, password_hash: str) -> None:
    """Replace the password hash by a stronger one, unless the password has changed since."""
    unchanged = author.c.password_hash == account.password_hash
    statement = update(author).where(author.c.name == account.name, unchanged)
    session.write(lambda c: c.execute(statement.values(password_hash=password_hash)))


def remove(session: Session, name: str, *, force: bool = False) -> Literal["deleted", "closed"]:
    """End an account. An author of posts stays in the database, and may no longer sign in.

    The tokens are deleted, so that a new password does not restore them. Raises AccountError for
    an unknown author, and for the last editor unless ``force``.
    """
    # This includes deleted posts, which may be restored.
    has_written = exists().where(or_(revision.c.author_name == name, revision.c.changed_by == name))
    statement = delete(author).where(author.c.name == name, ~has_written)
    revocation = delete(access_token).where(access_token.c.author_name == name)

    def end(connection: Connection) -> Literal["deleted", "closed"]:
        with _keeping_an_editor(connection, name, force):
            if connection.execute(statement).rowcount:
                return "deleted"
            _set(connection, name, password_hash=None)
        connection.execute(revocation)
        return "closed"

    return session.write(end, "queued")


@contextmanager
def _keeping_an_editor(connection: Connection, name: str, force: bool) -> Iterator[None]:
    """Raise AccountError where a change removes the last editor, unless ``force``.

    The transaction is queued, so that no other such change interferes.
    """
    had_editor = connection.scalar(_HAS_EDITOR)
    yield
    if had_editor and not force and not connection.scalar(_HAS_EDITOR):
        raise AccountError(
            f"{name!r} is the last editor who can sign in: make another one first, or use --force"
        )


def _require_free(connection: Connection, name: str) -> None:
    """Raise AccountError for a name that is an author's, or too like one."""
    if connection.scalar(select(exists().where(author.c.name_key == fold_name(name)))):
        raise AccountError(
            f"there is an author {name!r} already, or one whose name differs by case alone"
        )


def _new(name: str, role: Role, password_hash: str, now: datetime) -> Insert:
    return insert(author).values(
        name=check_name(name),
        name_key=fold_name(name),
        role=role,
        password_hash=password_hash,
        version=1,
        updated_date=now,
    )


def _set(connection: Connection, name: str, **values: Any) -> None:
    statement = update(author).where(author.c.name == name).values(values)
    if not connection.execute(statement).rowcount:
        raise AccountError(f"there is no author {name!r}")
