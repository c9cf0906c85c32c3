"""Limiting a page of a list in bytes, while its rows are fetched.

SQLite returns one row after the other, so that fetching stops in time. The driver of PostgreSQL
fetches all rows at once, so that the statement itself has to end early.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, reduce
from itertools import accumulate
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Select, cast, func, select

MOST_BYTES = 4 * 1024 * 1024

# Consumes the rows of a statement as far as they are needed, and returns those.
Take = Callable[[Iterable[Any]], list[Any]]


def take_rows(
    connection: Connection, statement: Select[Any], values: Mapping[str, object], take: Take
) -> list[Any]:
    """Run a statement; return the rows that ``take`` selects, and fetch no others."""
    with connection.execute(statement, values) as rows:
        return take(rows)


def page_taker(columns: Sequence[str]) -> Take:
    """A function that takes rows up to the first one that doesn't fit into a page.

    ``columns`` are those with long texts.
    """
    return partial(_take, columns=columns)


def _take(rows: Iterable[Any], columns: Sequence[str]) -> list[Any]:
    taken, size = [], 0
    for row in rows:
        taken.append(row)
        size += min(text_bytes(row, columns), MOST_BYTES)
        if size > MOST_BYTES:
            break
    return taken


def count_fitting(sizes: Iterable[int]) -> int:
    """How many of the first items, of these sizes, fit into a page: at least one.

    An item that is larger than a page counts as a whole page.
    """
    sums = accumulate(min(size, MOST_BYTES) for size in sizes)
    return sum(total <= MOST_BYTES for total in sums)


def count_fitting_rows(rows: Sequence[Any], columns: Sequence[str]) -> int:
    """How many of the first rows, with long texts in these columns, fit into a page."""
    characters = sum(len(getattr(row, column)) for row in rows for column in columns)
    # No character takes more than four bytes, and most pages are far smaller.
    if 4 * characters <= MOST_BYTES:
        return len(rows)
    return count_fitting(text_bytes(row, columns) for row in rows)


def text_bytes(row: Any, columns: Sequence[str]) -> int:
    """The size of the texts in these columns, in UTF-8."""
    return sum(_text_bytes(getattr(row, column)) for column in columns)


def _text_bytes(text: str) -> int:
    # Python stores whether a text is ASCII, so that most texts need not be encoded.
    return len(text) if text.isascii() else len(text.encode())


def size_of(texts: Sequence[ColumnElement[str]], kind: str) -> ColumnElement[int]:
    """An expression for the size of some columns together, for a kind of database."""
    lengths = [
        func.octet_length(text) if kind == "postgresql" else func.length(cast(text, LargeBinary))
        for text in texts
    ]
    return reduce(operator.add, lengths)


def bound_bytes(
    statement: Select[Any], texts: Sequence[ColumnElement[str]], order: Sequence[ColumnElement[Any]]
) -> Select[Any]:
    """The same statement for PostgreSQL, with rows up to the first one that doesn't fit.

    PostgreSQL knows the size of a long text without reading it.
    """
    size = func.least(size_of(texts, "postgresql"), MOST_BYTES)
    before = func.sum(size).over(order_by=order, rows=(None, -1))
    columns = len(statement.selected_columns)
    rows = statement.add_columns(before.label("bytes_before")).subquery()
    fits = func.coalesce(rows.c.bytes_before, 0) <= MOST_BYTES
    return select(*list(rows.c)[:columns]).where(fits)
