"""Finding rows that violate a constraint, even if the database lacks the constraint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    RowMapping,
    Table,
    UniqueConstraint,
    and_,
    cast,
    exists,
    func,
    select,
    text,
)
from sqlalchemy.sql.elements import ColumnElement, TextClause

from blog.database.types import TextTuple, UTCDateTime
from blog.storage.tables import metadata

# How many rows are named for each constraint.
_MOST_NAMED = 20
_INDEX_SCANS = text(
    "SELECT set_config('enable_indexscan', :value, true), "
    "set_config('enable_indexonlyscan', :value, true)"
)


def _is_utf8(name: str) -> str:
    return f"is_utf8(CAST({name} AS BLOB))"


# With a modifier, SQLite turns an invalid date, such as 30 February, into a valid one.
def _is_date(name: str) -> str:
    return f"date({name}, '+0 days') IS {name}"


def _is_moment(name: str) -> str:
    fraction = "." + 6 * "[0-9]"
    second = f"substr({name}, 1, 19)"
    return f"datetime({second}, '+0 days') IS {second} AND substr({name}, 20) GLOB '{fraction}'"


def _is_list_of_texts(name: str) -> str:
    # The name is that of a column of this program.
    elements = f"SELECT 1 FROM json_each({name}) WHERE type <> 'text'"  # nosec B608
    is_list = f"json_type({name}) = 'array' AND NOT EXISTS ({elements})"
    return f"CASE WHEN json_valid({name}) THEN {is_list} ELSE 0 END"


# An SQL condition for the format of each type that SQLite stores as text.
_FORMATS: dict[type, Callable[[str], str]] = {
    Date: _is_date,
    TextTuple: _is_list_of_texts,
    UTCDateTime: _is_moment,
}


def violations(connection: Connection) -> list[str]:
    """One sentence for each row that violates a constraint, at most 20 for each constraint."""
    tables = metadata.sorted_tables
    _add_is_utf8(connection)
    return [
        *_duplicates(connection, tables),
        *(found for table in tables for found in _missing_values(connection, table)),
        *(found for table in tables for found in _broken_checks(connection, table)),
        *(found for table in tables for found in _broken_references(connection, table)),
    ]


def _duplicates(connection: Connection, tables: Sequence[Table]) -> list[str]:
    # A damaged index may hide duplicates.
    with _without_indexes(connection):
        return [
            f"{table.name} has {row['row_count']} rows with the same {_described(columns, row)}"
            for table in tables
            for columns in _unique_columns(table)
            for row in connection.execute(
                select(
                    func.count().label("row_count"),
                    *(_shown(connection, column) for column in columns),
                )
                .group_by(*columns)
                .having(func.count() > 1)
                .limit(_MOST_NAMED)
            ).mappings()
        ]


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """Make PostgreSQL scan tables. SQLite's own check compares indexes with their tables."""
    is_postgresql = connection.dialect.name == "postgresql"
    if is_postgresql:
        connection.execute(_INDEX_SCANS, {"value": "off"})
    yield
    if is_postgresql:
        connection.execute(_INDEX_SCANS, {"value": "on"})


def _unique_columns(table: Table) -> list[list[Column[object]]]:
    uniques = (each for each in table.constraints if isinstance(each, UniqueConstraint))
    return [list(table.primary_key), *(list(unique.columns) for unique in uniques)]


def _missing_values(connection: Connection, table: Table) -> Iterator[str]:
    for column in table.c:
        if not column.nullable:
            for name in _named(connection, table, column.is_(None)):
                yield f"{name} has no {column.name}"


def unreadable(connection: Connection) -> list[str]:
    """One sentence for each row with a value of a wrong type or format, at most 20 per column.

    SQLite accepts values of any type in any column; PostgreSQL does not.
    """
    if connection.dialect.name != "sqlite":
        return []
    _add_is_utf8(connection)
    columns = [column for table in metadata.sorted_tables for column in table.c]
    return [found for column in columns for found in _wrong_values(connection, column)]


def _wrong_values(connection: Connection, column: Column[Any]) -> Iterator[str]:
    is_number = isinstance(column.type, Boolean | Integer)
    kind = "integer" if is_number else "text"
    wrong_type = func.typeof(column).not_in((kind, "null"))
    for name in _named(connection, column.table, wrong_type):
        yield f"{name} has a value of another type in {column.name}"
    formats = filter(None, (_is_utf8, _FORMATS.get(type(column.type))))
    is_right = " AND ".join(form(column.name) for form in formats)
    wrong_form = text(f"typeof({column.name}) = 'text' AND NOT ({is_right})")
    for name in _named(connection, column.table, wrong_form):
        yield f"{name} has a value in {column.name} that can't be read"


def _add_is_utf8(connection: Connection) -> None:
    """Add the function is_utf8 to SQLite, since the driver can't decode other text."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.create_function("is_utf8", 1, _is_utf8_text, deterministic=True)


def _is_utf8_text(data: bytes | None) -> bool:
    try:
        (data or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _broken_checks(connection: Connection, table: Table) -> Iterator[str]:
    for check in table.constraints:
        if isinstance(check, CheckConstraint):
            for name in _named(connection, table, text(f"NOT ({check.sqltext})")):
                yield f"{name} violates {check.name}"


def _broken_references(connection: Connection, table: Table) -> Iterator[str]:
    for key in table.constraints:
        if isinstance(key, ForeignKeyConstraint):
            pairs = [(element.parent, element.column) for element in key.elements]
            has_target = exists().where(and_(*(own == other for own, other in pairs)))
            set_ = and_(*(own.is_not(None) for own, _ in pairs))
            for name in _named(connection, table, set_ & ~has_target):
                yield f"{name} refers to a missing {key.referred_table.name}"


def _named(
    connection: Connection, table: Table, condition: ColumnElement[bool] | TextClause
) -> Iterator[str]:
    """The rows for which a condition holds, by table and primary key."""
    key = list(table.primary_key)
    shown = [_shown(connection, column) for column in key]
    statement = select(*shown).where(condition).limit(_MOST_NAMED)
    for row in connection.execute(statement).mappings():
        yield f"{table.name} with {_described(key, row)}"


def _shown(connection: Connection, column: Column[Any]) -> ColumnElement[Any]:
    """A value in a readable form, whatever its type in SQLite."""
    if connection.dialect.name != "sqlite":
        return column.label(column.name)
    data = cast(column, LargeBinary)
    is_shown = (func.typeof(column) != "blob") & func.is_utf8(data)
    return func.iif(is_shown, column, func.quote(data)).label(column.name)


def _described(columns: Sequence[Column[object]], row: RowMapping) -> str:
    return ", ".join(f"{column.name} {row[column.name]!r}" for column in columns)
