"""Conditional writes: a versioned row changes only in the state that the caller names."""

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

# How often a change is attempted when other changes interfere, and for how many seconds: each
# attempt may take long to compute.
_ATTEMPTS = 20
_TIMEOUT = 5.0

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


class Clauses(NamedTuple):
    """Which clauses a precondition has; their values are bound when the statement runs."""

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

    A version that is named without its date was written before entity-tags had dates.
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
    """The values of the parameters in `is_one_of`."""
    return {
        f"{prefix}_dated": [version for version in versions if version.date],
        f"{prefix}_undated": [version.number for version in versions if version.date is None],
    }


def _unmodified(table: Table) -> ColumnElement[bool]:
    """Whether no version was written after that second (RFC 9110 section 13.1.4).

    Where two versions were written within that second, the date does not say which of them the
    client has seen, so it does not hold (section 8.8.2.2).
    """
    once = or_(table.c.previous_date.is_(None), table.c.previous_date < _since)
    return or_(table.c.updated_date < _since, and_(table.c.updated_date < _until, once))


@dataclass(frozen=True, slots=True)
class Precondition:
    """The state in which a write is to happen; without any argument, every state.

    ``versions`` holds the versions of which one must be the current one, or None;
    ``not_versions`` those of which none may be; ``never`` refuses every existing row;
    ``unmodified_since`` is a moment in whole seconds.
    """

    versions: frozenset[Version] | None = None
    not_versions: frozenset[Version] = frozenset()
    never: bool = False
    unmodified_since: datetime | None = None

    @property
    def clauses(self) -> Clauses:
        """The clauses that it has."""
        return Clauses(
            versions=self.versions is not None,
            not_versions=bool(self.not_versions),
            never=self.never,
            unmodified_since=self.unmodified_since is not None,
        )

    @property
    def parameters(self) -> dict[str, object]:
        """The values of the parameters in the clauses."""
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
    """The columns that distinguish a new version from the one before it.

    Times never go back, even where the clock does, or where this change began before the one that
    it follows. Two versions may share a second: `_unmodified` allows for that.
    """
    return {
        "version": version + 1,
        "previous_date": updated,
        "updated_date": now if now >= updated else _shortly_after(updated),
    }


def _shortly_after(updated: datetime) -> datetime:
    """A random moment within the next second.

    Number and date identify a version. Where a restored backup has undone a version, its number
    is used again, but not with the same date.
    """
    return updated + timedelta(microseconds=1 + randbelow(1_000_000))


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """The conditions under which a row is found, may be changed and is changed.

    They are built once for each kind of write, as are the statements that use them; their values
    are bound when a statement runs.
    """

    table: Table
    found: ColumnElement[bool]
    editable: ColumnElement[bool]
    holds: ColumnElement[bool]

    def unchanged(self) -> ColumnElement[bool]:
        """The condition of the write: all of them hold, and the version is the loaded one."""
        return and_(self.found, self.editable, self.holds, self.table.c.version == _loaded)


@dataclass(frozen=True, slots=True)
class ConditionalWrite:
    """A write to one row, and the conditions under which it happens.

    ``parameters`` are the values of the parameters in the conditions, except the precondition's.
    """

    conditions: Conditions
    precondition: Precondition
    parameters: Mapping[str, object]

    def load(
        self, connection: Connection, columns: tuple[ColumnElement[Any], ...]
    ) -> Row[*tuple[Any, ...]]:
        """The columns of the row, then ``editable`` and ``holds``: whether the precondition is met.

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
        """The values of all parameters; a write also needs the version that was loaded."""
        return {**self.parameters, **self.precondition.parameters, "loaded_version": version}


@lru_cache(maxsize=256)
def _load_statement(
    conditions: Conditions, columns: tuple[ColumnElement[Any], ...], locks: bool
) -> Select[Any]:
    editable, holds = conditions.editable.label("editable"), conditions.holds.label("holds")
    statement = select(*columns, editable, holds).where(conditions.found)
    return statement.with_for_update() if locks else statement


def until_written(
    attempt: Callable[[], State | None], what: str, timeout: float = _TIMEOUT
) -> State:
    """Repeat a change that reads, computes and writes, until no other change interferes.

    ``attempt`` returns the new state, or None where the row has changed since it was read. It
    reads before it takes the lock for writing, as computing may take long. No attempt begins
    after ``timeout`` seconds. Raises StorageUnavailable when every attempt was too late.
    """
    deadline = monotonic() + timeout
    for _ in range(_ATTEMPTS):
        if (state := attempt()) is not None:
            return state
        if monotonic() > deadline:
            break
    raise StorageUnavailable(f"there are too many concurrent changes of this {what}")
