"""How the schema of a database differs from the tables that this program reads and writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Connection,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Table,
    UniqueConstraint,
    inspect,
)

from blog.storage.tables import metadata

# What there is of one kind in a table: by its name, and with all that is compared.
_Shapes = Mapping[str, object]


class Comparison:
    """The schema as it is, read once and compared with what this program needs.

    Tables, columns and indexes of an operator's own are no difference.
    """

    def __init__(self, connection: Connection) -> None:
        """Read the schema. Raises StorageUnavailable."""
        inspector = inspect(connection)
        names = metadata.tables.keys() & set(inspector.get_table_names())
        self._tables = [table for table in metadata.sorted_tables if table.name in names]
        self._missing = sorted(metadata.tables.keys() - names)
        self._dialect = connection.dialect
        wanted: dict[str, Any] = {"filter_names": sorted(names)}
        self._columns = _by_table(inspector.get_multi_columns(**wanted))
        self._primary_keys = _by_table(inspector.get_multi_pk_constraint(**wanted))
        self._uniques = _by_table(inspector.get_multi_unique_constraints(**wanted))
        self._foreign_keys = _by_table(inspector.get_multi_foreign_keys(**wanted))
        self._checks = _by_table(inspector.get_multi_check_constraints(**wanted))
        self._indexes = _by_table(inspector.get_multi_indexes(**wanted))

    def missing(self) -> list[str]:
        """Each table and column that is missing or has another type, in a sentence."""
        tables = [f"table {name} is missing" for name in self._missing]
        return [*tables, *(found for table in self._tables for found in self._column_faults(table))]

    def differences(self) -> list[str]:
        """All that is missing or different, in a sentence each: tables, keys and indexes too."""
        other = [found for table in self._tables for found in self._other_faults(table)]
        return [*self.missing(), *other]

    def _column_faults(self, table: Table) -> Iterator[str]:
        expected = {
            f"{table.name}.{column.name}": (
                _type_name(column.type, self._dialect),
                column.nullable,
                column.computed is not None,
            )
            for column in table.c
        }
        found = {
            f"{table.name}.{column['name']}": (
                _type_name(column["type"], self._dialect),
                column["nullable"],
                "computed" in column,
            )
            for column in self._columns[table.name]
        }
        return _compare("column", expected, found)

    def _other_faults(self, table: Table) -> Iterator[str]:
        name = table.name
        yield from _compare(
            "the primary key of", _primary_key(table), self._found_primary_key(table)
        )
        yield from _compare(
            f"the unique constraint of {name} on", _uniques(table), self._found_uniques(table)
        )
        yield from _compare(
            f"the foreign key of {name} on", _foreign_keys(table), self._found_foreign_keys(table)
        )
        checks = {str(check["name"]): None for check in self._checks[name]}
        yield from _compare("the check constraint", _checks(table), checks)
        yield from _compare("index", _indexes(table), self._found_indexes(table))

    def _found_primary_key(self, table: Table) -> _Shapes:
        columns = self._primary_keys[table.name]["constrained_columns"]
        return {table.name: tuple(columns)} if columns else {}

    def _found_uniques(self, table: Table) -> _Shapes:
        constraints = [unique["column_names"] for unique in self._uniques[table.name]]
        # An index that is unique does the same.
        indexes = [
            index["column_names"]
            for index in self._indexes[table.name]
            if index["unique"] and not _is_partial(index)
        ]
        return {_listed(columns): None for columns in (*constraints, *indexes)}

    def _found_foreign_keys(self, table: Table) -> _Shapes:
        return {
            _listed(key["constrained_columns"]): (
                key["referred_table"],
                tuple(key["referred_columns"]),
                key["options"].get("ondelete"),
            )
            for key in self._foreign_keys[table.name]
        }

    def _found_indexes(self, table: Table) -> _Shapes:
        return {
            str(index["name"]): (tuple(index["column_names"]), _is_partial(index))
            for index in self._indexes[table.name]
        }


def _by_table(found: Mapping[tuple[str | None, str], Any]) -> dict[str, Any]:
    return {name: shape for (_, name), shape in found.items()}


def _compare(kind: str, expected: _Shapes, found: _Shapes) -> Iterator[str]:
    for name, shape in expected.items():
        if name not in found:
            yield f"{kind} {name} is missing"
        elif found[name] != shape:
            yield f"{kind} {name} is not the one that this program makes"


def _type_name(kind: Any, dialect: Dialect) -> str:
    return str(kind.compile(dialect=dialect))


def _listed(columns: Sequence[str | None]) -> str:
    return ", ".join(map(str, columns))


def _primary_key(table: Table) -> _Shapes:
    return {table.name: tuple(column.name for column in table.primary_key)}


def _uniques(table: Table) -> _Shapes:
    found = (each for each in table.constraints if isinstance(each, UniqueConstraint))
    return {_listed(unique.columns.keys()): None for unique in found}


def _foreign_keys(table: Table) -> _Shapes:
    return {
        _listed(key.column_keys): (
            key.referred_table.name,
            tuple(element.column.name for element in key.elements),
            key.ondelete,
        )
        for key in table.constraints
        if isinstance(key, ForeignKeyConstraint)
    }


def _checks(table: Table) -> _Shapes:
    return {str(each.name): None for each in table.constraints if isinstance(each, CheckConstraint)}


def _indexes(table: Table) -> _Shapes:
    return {
        str(index.name): (tuple(index.columns.keys()), _has_where(index)) for index in table.indexes
    }


def _has_where(index: Index) -> bool:
    return index.dialect_options["postgresql"].get("where") is not None


def _is_partial(index: Mapping[str, Any]) -> bool:
    options: Mapping[str, object] = index.get("dialect_options", {})
    return any(name.endswith("_where") for name in options)
