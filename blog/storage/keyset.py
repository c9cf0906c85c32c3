"""Pages by keyset: a page begins beside a row's sort key, so every page costs the same.

Written here and not taken from a library because a statement is built once for each shape of
query and then only bound: a library that rebuilds it for each page costs ten times as much.
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
    """Where a page begins: beside the row with this sort key, after it or before it.

    ``inclusive`` is a page that begins with that very row, should it be there.
    """

    key: Key
    backwards: bool = False
    inclusive: bool = False


class Beginning(NamedTuple):
    """All of a position but its key: what a statement has to know to serve every such page."""

    beside: bool
    backwards: bool
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items in the order of the list, and the positions of the pages beside them."""

    items: Sequence[Item]
    previous: Position | None
    next: Position | None


def beginning(position: Position | None) -> Beginning:
    """How a page begins, whatever the key; without a position it is the first of the list."""
    if position is None:
        return Beginning(beside=False, backwards=False, inclusive=False)
    return Beginning(True, position.backwards, position.inclusive)


def paginate(
    statement: Select[Any],
    columns: Sequence[ColumnElement[Any]],
    start: Beginning,
    *,
    descending: bool = False,
) -> Select[Any]:
    """Sort a statement by columns that make a total order, and begin beside a position.

    The position's key and the limit are left open, to be bound by `bind_values`.
    """
    downwards = descending != start.backwards
    if start.beside:
        key = tuple_(*(bindparam(f"position_{i}", type_=c.type) for i, c in enumerate(columns)))
        statement = statement.where(_comparison(downwards, start.inclusive)(tuple_(*columns), key))
    order = directed(columns, start, descending=descending)
    return statement.order_by(*order).limit(bindparam("row_limit"))


def directed(
    columns: Sequence[ColumnElement[Any]], start: Beginning, *, descending: bool
) -> Sequence[ColumnElement[Any]]:
    """What a statement sorts by: a page that goes backwards is read from its end."""
    downwards = descending != start.backwards
    return [column.desc() if downwards else column.asc() for column in columns]


def _comparison(downwards: bool, inclusive: bool) -> Callable[[Any, Any], ColumnElement[bool]]:
    if downwards:
        return operator.le if inclusive else operator.lt
    return operator.ge if inclusive else operator.gt


def bind_values(position: Position | None, limit: int) -> Mapping[str, object]:
    """The values for what `paginate` left open.

    One row more than the page holds is fetched: whether it comes says whether a page follows.
    """
    key = position.key if position else ()
    return {"row_limit": limit + 1, **{f"position_{i}": value for i, value in enumerate(key)}}


def make_page(
    rows: Sequence[Item], limit: int, position: Position | None, key: Callable[[Item], Key]
) -> Page[Item]:
    """Make a page of the fetched rows, in the order of the list."""
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
    """The positions beside an empty page: back to where it was reached from, that row included."""
    if position is None:
        return None, None
    back = Position(position.key, backwards=not position.backwards, inclusive=True)
    return (back, None) if back.backwards else (None, back)
