"""Rows that expire a lifetime after their date: which are valid, and the deletion of the others.

A clock that was ahead leaves dates in the future. A row is valid while its date is less than its
lifetime before or after now, so that the clocks of two nodes may differ, and a wrong date is valid
for at most twice the lifetime.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, bindparam, delete, select

from blog.database.types import UTCDateTime

# How many expired rows are deleted at each end for each row that is added: more than one, so that
# their number falls.
_SWEPT = 10

_since = bindparam("since", type_=UTCDateTime)
_until = bindparam("until", type_=UTCDateTime)


def is_near(date: datetime, now: datetime, lifetime: timedelta) -> bool:
    """Whether a date is less than a lifetime away from now."""
    return now - lifetime < date < now + lifetime


def counts(date: Column[datetime]) -> ColumnElement[bool]:
    """The condition that a row is valid; `window` has its values."""
    return and_(date > _since, date < _until)


def window(now: datetime, lifetime: timedelta) -> dict[str, object]:
    """The values of the parameters of `counts` and `Sweep`."""
    return {"since": now - lifetime, "until": now + lifetime}


class Sweep:
    """Deletes expired rows, a few at a time."""

    def __init__(self, table: Table, date: Column[datetime]) -> None:
        """Sweep a table by its date column, which has an index."""
        key = table.primary_key.columns
        # Skips rows that another transaction is deleting.
        some = select(*key).limit(_SWEPT).with_for_update(skip_locked=True)
        self._expired = (
            some.where(date <= _since).order_by(date),
            some.where(date >= _until).order_by(date.desc()),
        )
        self._delete = delete(table).where(*(c == bindparam(f"swept_{c.name}") for c in key))

    def run(self, connection: Connection, values: Mapping[str, object]) -> None:
        """Delete some expired rows, in the caller's transaction."""
        found = [row for query in self._expired for row in connection.execute(query, values)]
        if found:
            keys = [
                {f"swept_{name}": value for name, value in row._asdict().items()} for row in found
            ]
            connection.execute(self._delete, keys)
