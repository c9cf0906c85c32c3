"""How many bytes of text a page holds at most, decided while its rows are fetched.

Each database bounds a page in its own way: SQLite gives one row after the other and is stopped in
time, while the driver of PostgreSQL takes all rows at once, so that the statement has to end early.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, reduce
from itertools import accumulate
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, LargeBinary, Select, cast, func, select

MOST_BYTES = 4 * 1024 * 1024

Row = TypeVar("Row", bound=Sequence[Any])
# Gives the rows that a page needs of those that a statement has; the others are not fetched.
Take = Callable[[Iterable[Any]], list[Any]]


def take_rows(
    connection: Connection, statement: Select[Any], values: Mapping[str, object], take: Take
) -> list[Any]:
    """The rows of a statement that are taken, and no more read than those."""
    with connection.execute(statement, values) as rows:
        return take(rows)


def taker(places: Sequence[int]) -> Take:
    """Make what takes rows up to the first one that does not fit, with texts in these places."""
    return partial(_take, places=places)


def _take(rows: Iterable[Row], places: Sequence[int]) -> list[Row]:
    taken, held = [], 0
    for row in rows:
        taken.append(row)
        held += min(text_bytes(row, places), MOST_BYTES)
        if held > MOST_BYTES:
            break
    return taken


def count_fitting(sizes: Iterable[int]) -> int:
    """How many of the first items, of these sizes, fit into a page; the very first always does.

    What is larger than a page counts as a page.
    """
    return sum(held <= MOST_BYTES for held in accumulate(min(size, MOST_BYTES) for size in sizes))


def count_fitting_rows(rows: Sequence[Sequence[Any]], places: Sequence[int]) -> int:
    """The same for rows with texts in these places."""
    characters = sum(len(row[place]) for row in rows for place in places)
    # No character takes more than four bytes, and most pages are far smaller.
    if 4 * characters <= MOST_BYTES:
        return len(rows)
    return count_fitting(text_bytes(row, places) for row in rows)


def text_bytes(row: Sequence[Any], places: Sequence[int]) -> int:
    """How many bytes the texts in these places have."""
    return sum(_length(row[place]) for place in places)


def _length(text: str) -> int:
    # Python knows of each text whether it is ASCII, and then how many bytes it has.
    return len(text) if text.isascii() else len(text.encode())


def size_of(texts: Sequence[ColumnElement[str]], kind: str) -> ColumnElement[int]:
    """The bytes of some columns together, in the words of a kind of database."""
    lengths = [
        func.octet_length(text) if kind == "postgresql" else func.length(cast(text, LargeBinary))
        for text in texts
    ]
    return reduce(operator.add, lengths)


def bound_bytes(
    statement: Select[Any], texts: Sequence[ColumnElement[str]], order: Sequence[ColumnElement[Any]]
) -> Select[Any]:
    """The same rows, in this order, up to the first one that does not fit.

    PostgreSQL knows the length of a long text without reading it.
    """
    size = func.least(size_of(texts, "postgresql"), MOST_BYTES)
    before = func.sum(size).over(order_by=order, rows=(None, -1))
    columns = len(statement.selected_columns)
    rows = statement.add_columns(before.label("bytes_before")).subquery()
    fits = func.coalesce(rows.c.bytes_before, 0) <= MOST_BYTES
    return select(*list(rows.c)[:columns]).where(fits)
