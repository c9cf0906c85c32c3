"""Keyset pagination: a page begins next to the sort key of a row, so every page costs the same.

Our own code and no library, because a statement is built once for each kind of query and then only
bound: a library that builds it for each page takes ten times as long.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, tuple_

Item = TypeVar("Item")
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """The row next to which a page begins, by its sort key: after it, or before it.

    An ``inclusive`` page begins with that row, if it exists.
    """

    key: Key
    backwards: bool = False
    inclusive: bool = False


class Beginning(NamedTuple):
    """A position without its key: the part that decides on the statement."""

    has_key: bool
    backwards: bool
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items in the order of the list, and the positions of the previous and the next page."""

    items: Sequence[Item]
    previous: Position | None
    next: Position | None


def beginning(position: Position | None) -> Beginning:
    """How a page at this position begins; without a position it is the first of the list."""
    if position is None:
        return Beginning(has_key=False, backwards=False, inclusive=False)
    return Beginning(True, position.backwards, position.inclusive)


def paginate(
    statement: Select[Any],
    columns: Sequence[ColumnElement[Any]],
    start: Beginning,
    *,
    descending: bool = False,
) -> Select[Any]:
    """Sort a statement by columns in a total order, and begin next to a position.

    `bind_values` gives the values of the key and of the limit.
    """
    downwards = descending != start.backwards
    if start.has_key:
        key = tuple_(*(bindparam(f"position_{i}", type_=c.type) for i, c in enumerate(columns)))
        statement = statement.where(_comparison(downwards, start.inclusive)(tuple_(*columns), key))
    order = directed(columns, start, descending=descending)
    return statement.order_by(*order).limit(bindparam("row_limit"))


def directed(
    columns: Sequence[ColumnElement[Any]], start: Beginning, *, descending: bool
) -> Sequence[ColumnElement[Any]]:
    """The sort order of a statement: a backwards page is read from its end."""
    downwards = descending != start.backwards
    return [column.desc() if downwards else column.asc() for column in columns]


def _comparison(downwards: bool, inclusive: bool) -> Callable[[Any, Any], ColumnElement[bool]]:
    if downwards:
        return operator.le if inclusive else operator.lt
    return operator.ge if inclusive else operator.gt


def bind_values(position: Position | None, limit: int) -> Mapping[str, object]:
    """The values of the parameters in `paginate`.

    One row more than the page holds is fetched: if it exists, another page follows.
    """
    key = position.key if position else ()
    return {"row_limit": limit + 1, **{f"position_{i}": value for i, value in enumerate(key)}}


def make_page(
    rows: Sequence[Item], limit: int, position: Position | None, key: Callable[[Item], Key]
) -> Page[Item]:
    """The page of the fetched rows, in the order of the list."""
    more, items = len(rows) > limit, rows[:limit]
    backwards = position is not None and position.backwards
    if backwards:
        items = items[::-1]
    before, after = (more, True) if backwards else (position is not None, more)
    if not items:
        return Page(items, *_around(position))
    return Page(
        items,
        Position(key(items[0]), backwards=True) if before else None,
        Position(key(items[-1])) if after else None,
    )


def _around(position: Position | None) -> tuple[Position | None, Position | None]:
    """The positions around an empty page: one leads back to the row that it was reached from."""
    if position is None:
        return None, None
    back = Position(position.key, backwards=not position.backwards, inclusive=True)
    return (back, None) if back.backwards else (None, back)
