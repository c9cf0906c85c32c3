"""Compare and set: a row with a version is changed only in the state that the caller means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, false, or_, select

from blog.errors import Forbidden, NotFound, StorageUnavailable
from blog.storage.connections import purpose_of

# How often a change without a precondition is tried again when another one comes between.
_ATTEMPTS = 20

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Precondition:
    """The state in which a change is wanted; without any argument, every state.

    ``versions`` holds the versions of which one must be the current one, or None;
    ``not_versions`` those of which none may be; ``never`` refuses whatever exists;
    ``unmodified_since`` is a moment in whole seconds.
    """

    versions: frozenset[int] | None = None
    not_versions: frozenset[int] = frozenset()
    never: bool = False
    unmodified_since: datetime | None = None

    def holds(self, table: Table) -> ColumnElement[bool]:
        """The precondition as a condition of a statement on a versioned table."""
        if self.never:
            return false()
        clauses: list[ColumnElement[bool]] = [table.c.version.not_in(self.not_versions)]
        if self.versions is not None:
            clauses.append(table.c.version.in_(self.versions))
        if self.unmodified_since is not None:
            clauses.append(_unmodified(table, self.unmodified_since))
        return and_(*clauses)


def _unmodified(table: Table, since: datetime) -> ColumnElement[bool]:
    """Whether nothing came after that second (RFC 9110 section 13.1.4).

    Where two versions were written within that second the date can't tell them apart, and the
    client may have seen the older one, so it does not hold (section 8.8.2.2).
    """
    once = or_(table.c.previous_date.is_(None), table.c.previous_date < since)
    second = timedelta(seconds=1)
    return or_(
        table.c.updated_date < since,
        and_(table.c.updated_date < since + second, once),
    )


def next_version(version: int, updated: datetime, now: datetime) -> dict[str, object]:
    """The columns that tell a new version from the one before it.

    Times never go back, even where the clock does, or where this change began before the one
    that it follows: two versions may share a moment, which `_unmodified` then knows.
    """
    return {
        "version": version + 1,
        "previous_date": updated,
        "updated_date": max(now, updated),
    }


@dataclass(frozen=True, slots=True)
class Target:
    """A row to be changed, and the conditions under which this caller may change it.

    ``parameters`` are the values that the conditions leave open.
    """

    table: Table
    found: ColumnElement[bool]
    editable: ColumnElement[bool]
    precondition: Precondition
    parameters: Mapping[str, object] = field(default_factory=dict)

    def load(
        self, connection: Connection, columns: Sequence[ColumnElement[Any]]
    ) -> Row[*tuple[Any, ...]]:
        """The columns of the row, then ``editable``, then ``holds``: the precondition is met.

        Raises NotFound, or Forbidden for a row that the caller may see and not change.
        """
        holds = self.precondition.holds(self.table).label("holds")
        statement = select(*columns, self.editable.label("editable"), holds).where(self.found)
        if purpose_of(connection) != "reading":
            # SQLite has locked the whole file by now; PostgreSQL locks the row.
            statement = statement.with_for_update()
        row = connection.execute(statement, self.parameters).first()
        if row is None:
            raise NotFound(f"there is no such {self.table.name}")
        if not row.editable:
            raise Forbidden(f"this {self.table.name} is not yours to change")
        return row

    def unchanged(self, version: int) -> ColumnElement[bool]:
        """The condition of the write itself: all that `load` asked, and still that version."""
        return and_(
            self.found,
            self.editable,
            self.precondition.holds(self.table),
            self.table.c.version == version,
        )


def until_written(attempt: Callable[[], State | None], what: str) -> State:
    """Repeat a change that reads, computes and writes, until nothing has come between.

    ``attempt`` gives the new state, or None where the row was no longer the one it had read. It
    reads before it takes the lock for writing, since what it computes may take long. Raises
    StorageUnavailable when others are always faster.
    """
    for _ in range(_ATTEMPTS):
        if (state := attempt()) is not None:
            return state
    raise StorageUnavailable(f"too many changes of this {what} come at once")
