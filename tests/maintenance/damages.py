"""Damage to the schema of a database, as an administrator or a broken restore does it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from sqlalchemy.engine import make_url

from tests.rivals import change, connected

# A trigger of others that keeps rows of posts from being written, for a kind of write.
SWALLOWING = {
    "sqlite": "CREATE TRIGGER hush BEFORE {} ON post BEGIN SELECT RAISE(IGNORE); END",
    "postgresql": "CREATE FUNCTION hush() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RETURN NULL; END'; CREATE TRIGGER hush BEFORE {} ON post FOR EACH ROW "
    "EXECUTE FUNCTION hush()",
}


def drop_constraint(url: str, table: str, name: str) -> None:
    """Take a named constraint from a table; its rows and indexes stay."""
    if url.startswith("sqlite"):
        _rewrite(url, table, name)
    else:
        change(url, f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE")


def replace_in_constraint(url: str, table: str, name: str, old: str, new: str) -> None:
    """Change a check constraint in a way that the existing rows comply with."""
    if url.startswith("sqlite"):
        replace_in_table(url, table, old, new)
        return
    with connected(url) as rival:
        found = f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{name}'"
        [(definition,)] = rival.execute(found)
        rival.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        rival.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition.replace(old, new)}")


def replace_in_table(url: str, table: str, old: str, new: str) -> None:
    """Change the text by which SQLite knows a table, where it has no statement to do so."""
    with closing(sqlite3.connect(str(make_url(url).database), isolation_level=None)) as file:
        file.execute("PRAGMA writable_schema=ON")
        file.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = ?", (old, new, table)
        )


def _rewrite(url: str, table: str, name: str) -> None:
    """SQLite drops no constraint, so the table is written again without it."""
    with closing(sqlite3.connect(str(make_url(url).database), isolation_level=None)) as file:
        file.execute("PRAGMA foreign_keys=OFF")
        file.execute("PRAGMA legacy_alter_table=ON")
        made = file.execute(
            "SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL"
            " ORDER BY type = 'index'",
            (table,),
        ).fetchall()
        kept = [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
        indexes = file.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?"
            " AND sql IS NOT NULL",
            (table,),
        ).fetchall()
        for (index,) in indexes:
            file.execute(f"DROP INDEX {index}")
        file.execute(f"ALTER TABLE {table} RENAME TO old")
        for (statement,) in made:
            file.execute(_without(statement, name))
        names = ", ".join(kept)
        file.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM old")
        file.execute("DROP TABLE old")


def _without(statement: str, name: str) -> str:
    """The statement without the line of a constraint."""
    lines = statement.splitlines()
    kept = [line.rstrip().rstrip(",") for line in lines[1:-1] if f"CONSTRAINT {name} " not in line]
    return "\n".join([lines[0], ",\n".join(kept), lines[-1]]) if len(lines) > 1 else statement
