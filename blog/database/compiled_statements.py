"""Statements that are run again and again: compiled once, and then run by the driver itself.

What SQLAlchemy does for each execution takes longer than the database does for a post.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Insert, Select

# Turns what the driver gives of a column into what SQLAlchemy would give.
Reader = Callable[[Any], Any]


class Prepared:
    """A statement in the words of one kind of database, and how its rows are read."""

    def __init__(
        self, dialect: Dialect, readers: Mapping[type, Reader], statement: Select[Any] | Insert
    ) -> None:
        """Compile a statement; ``readers`` has one for each type that the driver doesn't know."""
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._constants = compiled.params
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._readers = [
            (place, readers[type(column.type)])
            for place, column in enumerate(columns)
            if type(column.type) in readers
        ]

    def bind(self, values: Mapping[str, object]) -> dict[str, object]:
        """All that the statement needs: these values, and those that it was made with."""
        return {**self._constants, **values}

    def read(self, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """The rows that the driver gives, as SQLAlchemy would give them."""
        return [self._read(list(row)) for row in rows]

    def _read(self, row: list[Any]) -> list[Any]:
        for place, read in self._readers:
            if row[place] is not None:
                row[place] = read(row[place])
        return row
