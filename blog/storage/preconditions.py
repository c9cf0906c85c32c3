"""Compare and set: a row with a version is changed only in the state that the caller means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from secrets import randbelow
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    false,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from blog.database.limits import purpose_of
from blog.database.types import UTCDateTime
from blog.errors import Forbidden, NotFound, StorageUnavailable
from blog.storage.tables import schema_upgrade

# How often a change without a precondition is tried again when another one comes between.
_ATTEMPTS = 20
# For how many seconds: what is computed anew for each of them may take long.
_PATIENCE = 5.0

State = TypeVar("State")

_since = bindparam("if_since", type_=UTCDateTime)
_until = bindparam("if_until", type_=UTCDateTime)
_loaded = bindparam("loaded_version", type_=Integer)


class Version(NamedTuple):
    """A version as an entity-tag names it, by its number and when it was written.

    The date is None in tags from before schema 0006, which had none.
    """

    number: int
    date: datetime | None


class Shape(NamedTuple):
    """What kinds of conditions a precondition has; the values are bound when they are asked."""

    versions: bool
    not_versions: bool
    never: bool
    unmodified_since: bool

    def holds(self, table: Table) -> ColumnElement[bool]:
        """The precondition as a condition of a statement on a versioned table."""
        if self.never:
            return false()
        clauses: list[ColumnElement[bool]] = []
        if self.versions:
            clauses.append(is_one_of(table, "if"))
        if self.not_versions:
            clauses.append(not_(is_one_of(table, "if_not")))
        if self.unmodified_since:
            clauses.append(_unmodified(table))
        return and_(true(), *clauses)


def is_one_of(table: Table, prefix: str) -> ColumnElement[bool]:
    """Whether a row is in one of the versions that `bind_versions` binds under this prefix.

    A version that is named without its date is one from before tags had dates.
    """
    dated: BindParameter[Any] = bindparam(f"{prefix}_dated", expanding=True)
    undated = bindparam(f"{prefix}_undated", type_=Integer, expanding=True)
    from_before = exists().where(
        schema_upgrade.c.revision == "0006", schema_upgrade.c.date >= table.c.updated_date
    )
    return or_(
        tuple_(table.c.version, table.c.updated_date).in_(dated),
        and_(table.c.version.in_(undated), from_before),
    )


def bind_versions(prefix: str, versions: Iterable[Version]) -> dict[str, object]:
    """The values that `is_one_of` leaves open."""
    return {
        f"{prefix}_dated": [version for version in versions if version.date],
        f"{prefix}_undated": [version.number for version in versions if version.date is None],
    }


def _unmodified(table: Table) -> ColumnElement[bool]:
    """Whether nothing came after that second (RFC 9110 section 13.1.4).

    Where two versions were written within that second the date can't tell them apart, and the
    client may have seen the older one, so it does not hold (section 8.8.2.2).
    """
    once = or_(table.c.previous_date.is_(None), table.c.previous_date < _since)
    return or_(table.c.updated_date < _since, and_(table.c.updated_date < _until, once))


@dataclass(frozen=True, slots=True)
class Precondition:
    """The state in which a change is wanted; without any argument, every state.

    ``versions`` holds the versions of which one must be the current one, or None;
    ``not_versions`` those of which none may be; ``never`` refuses whatever exists;
    ``unmodified_since`` is a moment in whole seconds.
    """

    versions: frozenset[Version] | None = None
    not_versions: frozenset[Version] = frozenset()
    never: bool = False
    unmodified_since: datetime | None = None

    @property
    def shape(self) -> Shape:
        """The conditions that it has."""
        return Shape(
            versions=self.versions is not None,
            not_versions=bool(self.not_versions),
            never=self.never,
            unmodified_since=self.unmodified_since is not None,
        )

    @property
    def parameters(self) -> dict[str, object]:
        """The values that the conditions leave open."""
        values: dict[str, object] = {}
        if self.versions is not None:
            values |= bind_versions("if", self.versions)
        if self.not_versions:
            values |= bind_versions("if_not", self.not_versions)
        if self.unmodified_since is not None:
            values["if_since"] = self.unmodified_since
            values["if_until"] = self.unmodified_since + timedelta(seconds=1)
        return values


def next_version(version: int, updated: datetime, now: datetime) -> dict[str, object]:
    """The columns that tell a new version from the one before it.

    Times never go back, even where the clock does, or where this change began before the one
    that it follows. Two versions may share a second: `_unmodified` allows for that.
    """
    return {
        "version": version + 1,
        "previous_date": updated,
        "updated_date": now if now >= updated else _shortly_after(updated),
    }


def _shortly_after(updated: datetime) -> datetime:
    """A moment within a second that no other version has, should a backup bring this number again.

    By its number and date alone a version is told from one that a restored backup has undone.
    """
    return updated + timedelta(microseconds=1 + randbelow(1_000_000))


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """Under which conditions a row is found, may be changed and is changed, whatever their values.

    They are made once for each kind of change, as is each statement that is made of them.
    """

    table: Table
    found: ColumnElement[bool]
    editable: ColumnElement[bool]
    holds: ColumnElement[bool]

    def unchanged(self) -> ColumnElement[bool]:
        """The condition of the write itself: all that was asked before, and still that version."""
        return and_(self.found, self.editable, self.holds, self.table.c.version == _loaded)


@dataclass(frozen=True, slots=True)
class Target:
    """A row to be changed, under which conditions, and in which state.

    ``parameters`` are the values that the conditions leave open, but for the precondition's own.
    """

    conditions: Conditions
    precondition: Precondition
    parameters: Mapping[str, object]

    def load(
        self, connection: Connection, columns: tuple[ColumnElement[Any], ...]
    ) -> Row[*tuple[Any, ...]]:
        """The columns of the row, then ``editable``, then ``holds``: the precondition is met.

        Raises NotFound, or Forbidden for a row that the caller may see and not change.
        """
        # SQLite has locked the whole file by now; PostgreSQL locks the row.
        locks = purpose_of(connection) != "reading"
        statement = _load_statement(self.conditions, columns, locks)
        row = connection.execute(statement, self.values()).first()
        name = self.conditions.table.name
        if row is None:
            raise NotFound(f"there is no such {name}")
        if not row.editable:
            raise Forbidden(f"this {name} is not yours to change")
        return row

    def values(self, version: int | None = None) -> dict[str, object]:
        """All that the conditions leave open; for a write, the version that was loaded, too."""
        return {**self.parameters, **self.precondition.parameters, "loaded_version": version}


@lru_cache(maxsize=256)
def _load_statement(
    conditions: Conditions, columns: tuple[ColumnElement[Any], ...], locks: bool
) -> Select[Any]:
    editable, holds = conditions.editable.label("editable"), conditions.holds.label("holds")
    statement = select(*columns, editable, holds).where(conditions.found)
    return statement.with_for_update() if locks else statement


def until_written(
    attempt: Callable[[], State | None], what: str, patience: float = _PATIENCE
) -> State:
    """Repeat a change that reads, computes and writes, until nothing has come between.

    ``attempt`` gives the new state, or None where the row was no longer the one it had read. It
    reads before it takes the lock for writing, since what it computes may take long. None begins
    once ``patience``, in seconds, is over. Raises StorageUnavailable when others are always faster.
    """
    deadline = monotonic() + patience
    for _ in range(_ATTEMPTS):
        if (state := attempt()) is not None:
            return state
        if monotonic() > deadline:
            break
    raise StorageUnavailable(f"too many changes of this {what} come at once")
