"""Rows that count for some time from their date on: which of them do, and which are swept away.

A clock that was ahead leaves dates in the future. A row counts only while its date is less than
its lifetime away, before or after now, so that the clocks of two nodes may differ and no wrong
date counts for longer than twice that.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, bindparam, delete, select

from blog.database.types import UTCDateTime

# How many rows are swept at each end with each one that is added: more than one, so that they get
# fewer.
_SWEPT = 10

_since = bindparam("since", type_=UTCDateTime)
_until = bindparam("until", type_=UTCDateTime)


def is_near(date: datetime, now: datetime, lifetime: timedelta) -> bool:
    """Whether a date is less than a lifetime away from now."""
    return now - lifetime < date < now + lifetime


def counts(date: Column[datetime]) -> ColumnElement[bool]:
    """The same as a condition, of which `window` gives the values."""
    return and_(date > _since, date < _until)


def window(now: datetime, lifetime: timedelta) -> dict[str, object]:
    """The values that `counts` and `Sweep` leave open."""
    return {"since": now - lifetime, "until": now + lifetime}


class Sweep:
    """Deletes rows that do not count, some at a time."""

    def __init__(self, table: Table, date: Column[datetime]) -> None:
        """Take a table, and its column with the date, which has an index."""
        key = table.primary_key.columns
        # Another transaction that sweeps them need not be waited for.
        some = select(*key).limit(_SWEPT).with_for_update(skip_locked=True)
        self._expired = (
            some.where(date <= _since).order_by(date),
            some.where(date >= _until).order_by(date.desc()),
        )
        self._delete = delete(table).where(*(c == bindparam(f"swept_{c.name}") for c in key))

    def run(self, connection: Connection, values: Mapping[str, object]) -> None:
        """Delete some of them, in the caller's transaction."""
        found = [row for query in self._expired for row in connection.execute(query, values)]
        if found:
            keys = [
                {f"swept_{name}": value for name, value in row._asdict().items()} for row in found
            ]
            connection.execute(self._delete, keys)
