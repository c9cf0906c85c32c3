"""The profiles of authors: found, listed, and changed by their owners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, String, bindparam, false, func, select, update

from blog.content.authors import Author, Profile
from blog.errors import NotFound, PreconditionFailed
from blog.storage import permissions
from blog.storage.access import Access
from blog.storage.keyset import (
    Beginning,
    Page,
    Position,
    beginning,
    bind_values,
    make_page,
    paginate,
)
from blog.storage.preconditions import (
    Clauses,
    ConditionalWrite,
    Conditions,
    Precondition,
    next_version,
    until_written,
)
from blog.storage.tables import author

Revise = Callable[[Author], Profile]

_COLUMNS = tuple(author.c[field.name] for field in fields(Author) if field.name != "editable")
# Only its owner may change a profile.
_IS_OWN = func.coalesce(author.c.name == bindparam("caller_name", type_=String), false())
_EDITABLE = _IS_OWN.label("editable")
_FIND = select(*_COLUMNS, _EDITABLE).where(author.c.name == bindparam("author_name"))


def find(access: Access, name: str) -> Author:
    """The profile of the author with this name. Raises NotFound where there is none."""
    values = {"author_name": name, **access.parameters}
    row = access.session.reading().execute(_FIND, values).mappings().first()
    if row is None:
        raise NotFound(f"there is no author {name!r:.80}")
    return Author(**row)


def page(access: Access, limit: int, position: Position | None) -> Page[Author]:
    """A page of all profiles, sorted by name."""
    statement = _page_statement(beginning(position))
    values = {**access.parameters, **bind_values(position, limit)}
    rows = access.session.reading().execute(statement, values).mappings()
    return make_page([Author(**row) for row in rows], limit, position, lambda item: (item.name,))


@cache
def _page_statement(start: Beginning) -> Select[Any]:
    return paginate(select(*_COLUMNS, _EDITABLE), [author.c.name], start)


def edit(access: Access, name: str, precondition: Precondition, revise: Revise) -> Author:
    """Change the caller's own profile to what ``revise`` makes of it, committed on return.

    Equal values write nothing. Raises NotFound, Forbidden or PreconditionFailed, and what
    ``revise`` raises.
    """
    parameters = {"author_name": name, **access.parameters}
    write = ConditionalWrite(_conditions(precondition.clauses), precondition, parameters)

    def attempt() -> Author | None:
        current = _load(access, write)
        profile = revise(current)
        written = profile.model_dump()
        if all(getattr(current, field) == value for field, value in written.items()):
            return current
        return _update(access, write, current, profile)

    return until_written(attempt, "profile")


@cache
def _conditions(clauses: Clauses) -> Conditions:
    return Conditions(
        table=author,
        found=author.c.name == bindparam("author_name"),
        # The account may have ended since the caller signed in, or the token.
        editable=_IS_OWN & author.c.password_hash.is_not(None) & permissions.unrevoked(),
        holds=clauses.holds(author),
    )


def _load(access: Access, write: ConditionalWrite) -> Author:
    row = write.load(access.session.reading(), _COLUMNS)
    current = _author_from(row)
    if not row.holds:
        raise PreconditionFailed("the profile has changed since", current)
    return current


def _author_from(row: Row[Any]) -> Author:
    """The profile in a row of `_COLUMNS`, as its owner sees it."""
    return Author(editable=True, **{column.key: row._mapping[column.key] for column in _COLUMNS})


def _update(
    access: Access, write: ConditionalWrite, current: Author, profile: Profile
) -> Author | None:
    version = next_version(current.version, current.updated_date, access.now)
    statement = update(author).where(write.conditions.unchanged()).returning(*_COLUMNS)
    statement = statement.values({**profile.model_dump(), **version})
    bound = write.values(current.version)
    row = access.write(lambda transaction: transaction.connection.execute(statement, bound).first())
    return None if row is None else _author_from(row)
