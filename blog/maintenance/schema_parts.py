"""Reading the constraints, indexes, triggers and rules of a schema from the database.

`schema_comparison` knows which of them this program creates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, inspect, text

from blog.database.postgresql import triggers

# Each part of the tables in `ours`. Disabled parts are left out, and so are indexes of constraints.
_POSTGRESQL = text(f"""
    WITH ours AS (
        SELECT oid, relname::text AS name FROM pg_class WHERE relname IN :tables
        AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
    )
    SELECT name AS table_name, contype::text AS kind, conname::text AS name,
        regexp_replace(pg_get_constraintdef(pg_constraint.oid), ' NOT VALID$', '') AS definition,
        convalidated AND coalesce(indisvalid AND indisready, true) AS valid
    FROM ours JOIN pg_constraint ON conrelid = ours.oid
        LEFT JOIN pg_index ON indexrelid = conindid
    WHERE contype IN ('p', 'u', 'f', 'c', 'x')
    UNION ALL
    SELECT name, CASE WHEN indisunique THEN 'unique index' ELSE 'index' END, relname,
        regexp_replace(
            split_part(pg_get_indexdef(indexrelid), ' USING ', 2), ' WITH [(][^)]*[)]', ''
        ),
        indisvalid AND indisready
    FROM ours JOIN pg_index ON indrelid = ours.oid JOIN pg_class ON pg_class.oid = indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
    UNION ALL
    SELECT name, 'trigger', tgname, '', true FROM ours JOIN pg_trigger ON tgrelid = ours.oid
    WHERE NOT tgisinternal AND tgenabled <> 'D'
        AND (tgname <> '{triggers.NAME}' OR tgtype <> {triggers.EVENTS})
    UNION ALL
    SELECT name, 'rule', rulename, '', true FROM ours JOIN pg_rewrite ON ev_class = ours.oid
    WHERE ev_enabled <> 'D'
    ORDER BY 1, 2, 3
""").bindparams(bindparam("tables", expanding=True))  # nosec B608  # all of it is constant

# The same, without checks, which only the text of a table contains.
_SQLITE = text("""
    WITH ours AS (SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN :tables)
    SELECT name AS table_name, 'p' AS kind, '' AS name, (
        SELECT 'PRIMARY KEY (' || group_concat(name, ', ') || ')'
        FROM (SELECT name FROM pragma_table_info(ours.name) WHERE pk > 0 ORDER BY pk)
    ) AS definition, true AS valid FROM ours WHERE definition IS NOT NULL
    UNION ALL
    SELECT ours.name, 'u', made.name, (
        SELECT 'UNIQUE (' || group_concat(name, ', ') || ')' FROM pragma_index_info(made.name)
    ), true FROM ours, pragma_index_list(ours.name) AS made WHERE origin = 'u'
    UNION ALL
    SELECT name, 'f', '', 'FOREIGN KEY (' || group_concat("from", ', ')
        || ') REFERENCES ' || "table" || '(' || coalesce(group_concat("to", ', '), '') || ')'
        || CASE on_update WHEN 'NO ACTION' THEN '' ELSE ' ON UPDATE ' || on_update END
        || CASE on_delete WHEN 'NO ACTION' THEN '' ELSE ' ON DELETE ' || on_delete END, true
    FROM ours, pragma_foreign_key_list(ours.name) GROUP BY name, id
    UNION ALL
    SELECT tbl_name, iif(sql LIKE 'CREATE UNIQUE%', 'unique index', type), name,
        substr(sql, instr(sql, '(')), true
    FROM sqlite_schema
    WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name IN (SELECT name FROM ours)
    ORDER BY 1, 2, 3
""").bindparams(bindparam("tables", expanding=True))

# An innermost pair of parentheses, with the name of a function before it.
_INNERMOST = re.compile(r"\w*\([^()]*\)")
# An index of columns, without expressions or a condition.
_PLAIN = re.compile(r"(?:btree )?(\([^()]+\))")


class Part(NamedTuple):
    """A constraint, an index, a trigger or a rule of a table.

    ``label`` names it, and ``definition`` is what is compared. ``valid`` is whether it is in
    effect, ``harmless`` whether it never makes a write fail. ``unique`` are the columns that it
    requires to be unique.
    """

    table: str
    label: str
    definition: str
    valid: bool = True
    harmless: bool = False
    unique: frozenset[str] = frozenset()


def read_parts(connection: Connection, tables: Sequence[str]) -> list[Part]:
    """Read all parts of these tables. Raises StorageUnavailable."""
    is_postgresql = connection.dialect.name == "postgresql"
    statement = _POSTGRESQL if is_postgresql else _SQLITE
    rows = connection.execute(statement, {"tables": tables})
    # PostgreSQL returns no definition for a part that has been dropped meanwhile.
    found = [part for row in rows if row.definition is not None for part in _parts(row)]
    return found if is_postgresql else [*found, *_checks(connection, tables)]


def _parts(row: Row[Any]) -> Iterator[Part]:
    table, kind, name, valid = row.table_name, row.kind, row.name, bool(row.valid)
    if "index" in kind:
        yield Part(table, f"index {name}", f"{kind} {row.definition}", valid, harmless=True)
    if kind == "unique index":
        yield _unique_index(table, name, row.definition, valid)
    elif kind in ("trigger", "rule"):
        yield Part(table, f"the {kind} {name} of {table}", row.definition)
    elif kind != "index":
        yield constraint(table, kind, name, row.definition, valid=valid)


def constraint(
    table: str, kind: str, name: str | None, definition: str, *, valid: bool = True
) -> Part:
    """A constraint of this kind, a value of PostgreSQL's `pg_constraint.contype`."""
    columns = ", ".join(_columns(definition))
    label = {
        "p": f"the primary key of {table}",
        "u": f"the unique constraint of {table} on {columns}",
        "f": f"the foreign key of {table} on {columns}",
        "c": f"the check constraint {name}" if name else f"a check constraint of {table}",
        "x": f"the exclusion constraint {name} of {table}",
    }[kind]
    unique = frozenset(_columns(definition) if kind in ("p", "u") else ())
    return Part(table, label, definition, valid, unique=unique)


def _unique_index(table: str, name: str, definition: str, valid: bool) -> Part:
    """The constraint of a unique index: the same as UNIQUE if it has columns only, and all rows."""
    if plain := _PLAIN.fullmatch(definition):
        return constraint(table, "u", name, f"UNIQUE {plain[1]}", valid=valid)
    columns = frozenset(_columns(definition))
    return Part(table, f"the unique index {name} of {table}", definition, valid, unique=columns)


def _columns(definition: str) -> list[str]:
    """The names in the first parentheses, without expressions."""
    inside = definition.partition("(")[2]
    while (less := _INNERMOST.sub("", inside)) != inside:
        inside = less
    members = inside.partition(")")[0].replace('"', "").split(",")
    return [member.strip() for member in members if member.strip()]


def _checks(connection: Connection, tables: Sequence[str]) -> Iterator[Part]:
    """The check constraints of SQLite tables, which SQLAlchemy reads from their text."""
    found = inspect(connection).get_multi_check_constraints(filter_names=tables)
    for (_, table), checks in found.items():
        for check in checks:
            yield constraint(table, "c", check["name"], f"CHECK ({check['sqltext']})")
