"""Comparing the schema of a database with the tables that this program needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Connection,
    Dialect,
    ForeignKeyConstraint,
    Table,
    UniqueConstraint,
    inspect,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex

from blog.maintenance.schema_parts import Part, constraint, read_parts
from blog.storage.tables import metadata

_DIALECTS = {"postgresql": postgresql.dialect, "sqlite": sqlite.dialect}
_FOREIGN = "is not part of this program's schema and may make writes fail: remove it if unintended"
_UNFINISHED = (
    "is not part of this program's schema and not valid: remove it unless it is being built"
)
# PostgreSQL adds the type of each value in an expression.
_CAST = re.compile(r"::(?:text|character varying|timestamp with time zone)(?:\[\])?")
# Spellings that differ between databases without a difference in meaning.
_SPELLING = re.compile(r'[\s()\[\]"`]|\basc\b|\bbtree\b|\belse null\b')


class Comparison:
    """The schema of a database, read once and compared with what this program needs.

    An operator may add to the schema; such additions are reported separately, if they may make
    writes fail or change what is written.
    """

    def __init__(self, connection: Connection) -> None:
        """Read the schema. Raises StorageUnavailable."""
        inspector = inspect(connection)
        names = metadata.tables.keys() & set(inspector.get_table_names())
        self._tables = [table for table in metadata.sorted_tables if table.name in names]
        self._missing = sorted(metadata.tables.keys() - names)
        self._dialect = connection.dialect
        columns = inspector.get_multi_columns(filter_names=sorted(names))
        self._columns = {name: found for (_, name), found in columns.items()}
        self._wanted = [part for part in _expected(self._dialect.name) if part.table in names]
        parts = read_parts(connection, sorted(names))
        # Of several equal parts, one that is valid is enough.
        self._parts = {_key(part): part for part in sorted(parts, key=lambda part: part.valid)}

    def missing(self) -> list[str]:
        """One sentence for each table or column that is missing or different."""
        tables = [f"table {name} is missing" for name in self._missing]
        return [*tables, *(found for table in self._tables for found in self._column_faults(table))]

    def differences(self) -> list[str]:
        """One sentence for each part that is missing or different."""
        return [
            *self.missing(),
            *(fault for part in self._wanted if (fault := self._fault(part))),
        ]

    def additions(self) -> list[str]:
        """One sentence for each addition that may make writes fail, or is an unfinished index."""
        added = self._added()
        harmful = [self._name(part) for part in added if not self._is_harmless(part)]
        unfinished = [part for part in added if part.harmless and not part.valid]
        return [
            *(f"column {name} {_FOREIGN}" for name in self._added_columns()),
            *(f"{name} {_FOREIGN}" for name in dict.fromkeys(harmful)),
            *(f"{part.label} {_UNFINISHED}" for part in unfinished),
        ]

    def _column_faults(self, table: Table) -> Iterator[str]:
        found = {column["name"]: self._properties(column) for column in self._columns[table.name]}
        for column in table.c:
            computed = column.computed and {"sqltext": str(column.computed.sqltext)}
            wanted = {"type": column.type, "nullable": column.nullable, "computed": computed}
            label = f"column {table.name}.{column.name}"
            if column.name not in found:
                yield f"{label} is missing"
            elif found[column.name] != self._properties(wanted):
                yield f"{label} differs from the one that this program creates"

    def _properties(self, column: Mapping[str, Any]) -> tuple[str, bool, str | None]:
        """The properties of a column that are compared."""
        computed = column.get("computed")
        return (
            str(column["type"].compile(dialect=self._dialect)),
            column["nullable"],
            _plain(computed["sqltext"]) if computed else None,
        )

    def _added_columns(self) -> Iterator[str]:
        """Additional columns that need a value in each row, for which there is no default."""
        for table in self._tables:
            for column in self._columns[table.name]:
                filled = column.keys() & {"computed", "identity"} or column["default"] is not None
                if column["name"] not in table.c and not column["nullable"] and not filled:
                    yield f"{table.name}.{column['name']}"

    def _fault(self, wanted: Part) -> str | None:
        if found := self._parts.get(_key(wanted)):
            return None if found.valid else f"{wanted.label} is not valid"
        if any(label == wanted.label for label, _ in self._parts):
            return f"{wanted.label} differs from the one that this program creates"
        return f"{wanted.label} is missing"

    def _added(self) -> list[Part]:
        """The parts that this program does not create, except those reported as different."""
        wanted = {_key(part) for part in self._wanted}
        replaced = {label for label, _ in wanted - self._parts.keys()}
        found = self._parts.items()
        return [part for key, part in found if key not in wanted and part.label not in replaced]

    def _name(self, added: Part) -> str:
        """The label of an added part, distinct from that of a part of this program."""
        has_like = any(part.label == added.label for part in self._wanted)
        return added.label.replace("the ", "another ", 1) if has_like else added.label

    def _is_harmless(self, added: Part) -> bool:
        """Whether a part never makes a write fail that would succeed without it."""
        keys = (part.unique for part in self._wanted if part.table == added.table and part.unique)
        return added.harmless or any(key <= added.unique for key in keys)


def _key(part: Part) -> tuple[str, str]:
    """What identifies a part: several may have the same columns, and so the same label."""
    return part.label, _plain(part.definition)


def _plain(definition: str) -> str:
    """The definition in a normal form for comparison: in lower case, except literals."""
    pieces = definition.split("'")
    for index, piece in enumerate(pieces[::2]):
        spelled = _SPELLING.sub("", _CAST.sub("", piece.lower()))
        pieces[2 * index] = spelled.replace("=anyarray", "in")
    return "'".join(pieces)


@cache
def _expected(kind: str) -> Sequence[Part]:
    """All constraints and indexes that this program creates on this kind of database."""
    dialect = _DIALECTS[kind]()
    tables = metadata.sorted_tables
    return [part for table in tables for part in (*_constraints(table), *_indexes(table, dialect))]


def _constraints(table: Table) -> Iterator[Part]:
    yield constraint(table.name, "p", None, f"PRIMARY KEY ({_names(table.primary_key)})")
    for each in sorted(table.constraints, key=lambda each: str(each.name)):
        if isinstance(each, UniqueConstraint):
            yield constraint(table.name, "u", None, f"UNIQUE ({_names(each.columns)})")
        elif isinstance(each, ForeignKeyConstraint):
            yield constraint(table.name, "f", None, _foreign_key(each))
        elif isinstance(each, CheckConstraint):
            yield constraint(table.name, "c", str(each.name), f"CHECK ({each.sqltext})")


def _foreign_key(key: ForeignKeyConstraint) -> str:
    referred = ", ".join(element.column.name for element in key.elements)
    action = f" ON DELETE {key.ondelete}" if key.ondelete else ""
    return (
        f"FOREIGN KEY ({_names(key.columns)}) "
        f"REFERENCES {key.referred_table.name}({referred}){action}"
    )


def _indexes(table: Table, dialect: Dialect) -> Iterator[Part]:
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        statement = str(CreateIndex(index).compile(dialect=dialect))
        definition = statement[statement.index("(") :]
        yield Part(table.name, f"index {index.name}", f"index {definition}", harmless=True)


def _names(columns: Iterable[ColumnElement[Any]]) -> str:
    return ", ".join(str(column.key) for column in columns)
