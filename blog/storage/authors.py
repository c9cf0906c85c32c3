"""The profiles of authors: found, listed, and changed by their owners."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, String, bindparam, false, func, select, true, update

from blog.content.authors import Author, Caller, Profile
from blog.database.session import Session
from blog.errors import NotFound, PreconditionFailed
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
from blog.storage.preconditions import (
    Conditions,
    Precondition,
    Shape,
    Target,
    next_version,
    until_written,
)
from blog.storage.tables import author

Revise = Callable[[Author], Profile]

_COLUMNS = (
    author.c.name,
    author.c.version,
    author.c.display_name,
    author.c.bio,
    author.c.url,
    author.c.previous_date,
    author.c.updated_date,
)
# A profile is its owner's to change, and nobody else's.
_EDITABLE = func.coalesce(author.c.name == bindparam("caller_name", type_=String), false())
_FIND = select(*_COLUMNS, _EDITABLE).where(author.c.name == bindparam("author_name"))


def find(session: Session, name: str, caller: Caller | None) -> Author:
    """The profile of the author with this name. Raises NotFound where there is none."""
    values = {"author_name": name, **_parameters(caller)}
    row = session.reading().execute(_FIND, values).first()
    if row is None:
        raise NotFound(f"there is no author {name!r:.80}")
    return Author(*row)


def _parameters(caller: Caller | None) -> dict[str, object]:
    return {"caller_name": caller.name if caller else None}


def page(
    session: Session, caller: Caller | None, limit: int, position: Position | None
) -> Page[Author]:
    """A page of all profiles, sorted by name."""
    statement = _page_statement(beginning(position))
    values = {**_parameters(caller), **bind_values(position, limit)}
    rows = session.reading().execute(statement, values)
    return make_page([Author(*row) for row in rows], limit, position, lambda item: (item.name,))


@cache
def _page_statement(start: Beginning) -> Select[Any]:
    return paginate(select(*_COLUMNS, _EDITABLE), [author.c.name], start)


def edit(
    session: Session,
    name: str,
    caller: Caller,
    precondition: Precondition,
    revise: Revise,
    now: datetime,
) -> Author:
    """Change the caller's own profile to what ``revise`` makes of it, committed on return.

    A change of nothing writes nothing. Raises NotFound, Forbidden or PreconditionFailed, and
    what ``revise`` does.
    """
    parameters = {"author_name": name, **permissions.parameters(caller, now)}
    target = Target(_conditions(precondition.shape), precondition, parameters)

    def attempt() -> Author | None:
        current = _load(session, target)
        profile = revise(current)
        written = profile.model_dump()
        if all(getattr(current, field) == value for field, value in written.items()):
            return current
        return _update(session, target, current, profile, now)

    return until_written(attempt, "profile")


@cache
def _conditions(shape: Shape) -> Conditions:
    return Conditions(
        table=author,
        found=author.c.name == bindparam("author_name"),
        # The account may have ended since the caller was verified, or the token.
        editable=_EDITABLE & author.c.password_hash.is_not(None) & permissions.unrevoked(),
        holds=shape.holds(author),
    )


def _load(session: Session, target: Target) -> Author:
    row = target.load(session.reading(), _COLUMNS)
    current = Author(*row[:-1])
    if not row.holds:
        raise PreconditionFailed("the profile has changed since", current)
    return current


def _update(
    session: Session, target: Target, current: Author, profile: Profile, now: datetime
) -> Author | None:
    version = next_version(current.version, current.updated_date, now)
    values = {**profile.model_dump(), **version}
    statement = update(author).where(target.conditions.unchanged()).values(values)
    statement = statement.returning(*_COLUMNS, true())
    bound = target.values(current.version)
    row = session.write(lambda connection: connection.execute(statement, bound).first())
    return None if row is None else Author(*row)
