"""Statements that run often: compiled once, and run by the driver without SQLAlchemy.

With SQLAlchemy, an uncached post takes half as long again, and a page of 20 takes 40 % longer.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Insert, Select

# Converts a value from the driver to the one that SQLAlchemy returns.
Converter = Callable[[Any], Any]


class CompiledStatement:
    """A statement in the SQL of one kind of database."""

    def __init__(
        self,
        dialect: Dialect,
        converters: Mapping[type, Converter],
        statement: Select[Any] | Insert,
    ) -> None:
        """Compile a statement; ``converters`` has one for each column type that needs it."""
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._constants = compiled.params
        columns = list(statement.selected_columns) if isinstance(statement, Select) else []
        self._row = _row_class([str(column.key) for column in columns])
        self._converters = [
            (index, converters[type(column.type)])
            for index, column in enumerate(columns)
            if type(column.type) in converters
        ]

    def bind(self, values: Mapping[str, object]) -> dict[str, object]:
        """All parameters of the statement: these values, and the constants in it."""
        return {**self._constants, **values}

    def rows(self, fetched: Iterable[Sequence[Any]]) -> Iterator[Any]:
        """Rows of the driver, as named tuples of the values that SQLAlchemy returns."""
        return map(self._convert, fetched)

    def _convert(self, fetched: Sequence[Any]) -> Any:
        values = list(fetched)
        for index, convert in self._converters:
            if values[index] is not None:
                values[index] = convert(values[index])
        return self._row._make(values)


def _row_class(columns: Sequence[str]) -> Any:
    return namedtuple("Row", columns, rename=True)
