"""How a database means to run the statements of the blog, and what that costs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select, event

from blog.database.backend import Backend, Source
from blog.database.database import Database
from blog.database.page_bytes import Take

# The text of each statement, and the values that it was first run with, as the driver takes them.
Statements = dict[str, Any]

# What PostgreSQL does without a look at more rows than it hands on, or along an index.
_GOOD_NODES = {
    "Index Only Scan",
    "Index Scan",
    "Limit",
    "LockRows",
    "ModifyTable",
    "Nested Loop",
    "Result",
    # The sum of what comes before each row, in the order in which the rows come.
    "Subquery Scan",
    "WindowAgg",
}
# The same for SQLite. It reads an empty list of values as a query of its own, of constants; what it
# searches without saying how is the end of a table, for the greatest key.
_GOOD_DETAILS = re.compile(
    r"(SEARCH|SCAN) \w+ USING (COVERING )?INDEX \w+|SEARCH \w+ USING INTEGER PRIMARY KEY|"
    r"SEARCH \w+$|SCAN CONSTANT ROW|(CORRELATED )?(SCALAR|LIST) SUBQUERY \d+|"
    r"CO-ROUTINE \(subquery-\d+\)|SCAN \(subquery-\d+\)"
)


class _WithEvents:
    """A backend that runs each statement by SQLAlchemy, whose events can be listened to."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def fetch(
        self, source: Source, statement: Select[Any], values: Mapping[str, object], take: Take
    ) -> Any:
        with self._backend.connect(source) as connection:
            return take(connection.execute(statement, values))


@contextmanager
def recorded(database: Database) -> Iterator[Statements]:
    """Every statement that reads or writes rows meanwhile, each text once."""
    seen: Statements = {}

    def note(_c: object, _cursor: object, text: str, values: Any, _x: object, many: bool) -> None:
        if text.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            seen.setdefault(text, values[0] if many else values)

    event.listen(database.engine, "before_cursor_execute", note)
    with statement_events(database):
        yield seen
    event.remove(database.engine, "before_cursor_execute", note)


@contextmanager
def statement_events(database: Database) -> Iterator[None]:
    """Run all statements by SQLAlchemy, so that its events report them."""
    backend, database.backend = database.backend, _WithEvents(database.backend)
    yield
    database.backend = backend


def all_faults(connection: Connection, statements: Statements) -> dict[str, list[str]]:
    """The steps of each statement that are not along an index, where there are any."""
    found = {text: _faults(connection, text, values) for text, values in statements.items()}
    return {text: faults for text, faults in found.items() if faults}


def conditions(connection: Connection, text: str, values: Any) -> str:
    """What the indexes that a statement uses are searched for."""
    if connection.dialect.name == "sqlite":
        return "\n".join(_details(connection, text, values))
    plan = _explain(connection, text, values)
    return "\n".join(node.get("Index Cond", "") for node in _nodes(plan))


def cost(connection: Connection, text: str, values: Any) -> int:
    """What it takes to run a statement: pages of a PostgreSQL database, steps of SQLite."""
    if connection.dialect.name == "sqlite":
        return _steps(connection, text, values)
    plan = _explain(connection, text, values, "ANALYZE, BUFFERS, ")
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def _faults(connection: Connection, text: str, values: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        details = _details(connection, text, values)
        return [detail for detail in details if not _GOOD_DETAILS.match(detail)]
    nodes = _nodes(_explain(connection, text, values))
    return [node["Node Type"] for node in nodes if not _is_good(node)]


def _is_good(node: Mapping[str, Any]) -> bool:
    # Groups that come in order are counted one by one; others would be kept, all of them.
    return node["Node Type"] in _GOOD_NODES or node.get("Strategy") in ("Plain", "Sorted")


def _details(connection: Connection, text: str, values: Any) -> list[str]:
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
    return [row.detail for row in rows]


def _explain(connection: Connection, text: str, values: Any, options: str = "") -> dict[str, Any]:
    rows = connection.exec_driver_sql(f"EXPLAIN ({options}FORMAT JSON) {text}", values)
    plan: dict[str, Any] = rows.scalar_one()[0]["Plan"]
    return plan


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _steps(connection: Connection, text: str, values: Any) -> int:
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(count, 1)
    connection.exec_driver_sql(text, values).all()
    driver.set_progress_handler(None, 1)
    return steps
