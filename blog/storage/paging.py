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
class Place:
    """Where a page begins: beside the row with this sort key, after it or before it.

    ``inclusive`` is a page that begins with that very row, should it be there.
    """

    key: Key
    backwards: bool = False
    inclusive: bool = False


class Beginning(NamedTuple):
    """All of a place but its key: what one statement has to know to serve every such place."""

    beside: bool
    backwards: bool
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items in the order of the list, and the places of the pages beside them."""

    items: Sequence[Item]
    previous: Place | None
    next: Place | None


def beginning(place: Place | None) -> Beginning:
    """How a page begins, whatever the key; without a place it is the first of the list."""
    if place is None:
        return Beginning(beside=False, backwards=False, inclusive=False)
    return Beginning(True, place.backwards, place.inclusive)


def ordered(
    statement: Select[Any],
    columns: Sequence[ColumnElement[Any]],
    start: Beginning,
    *,
    descending: bool = False,
) -> Select[Any]:
    """Sort a statement by columns that make a total order, and begin beside a place.

    The place's key and the limit are left open, to be bound by `bound`.
    """
    downwards = descending != start.backwards
    if start.beside:
        key = tuple_(*(bindparam(f"place_{i}", type_=c.type) for i, c in enumerate(columns)))
        statement = statement.where(_comparison(downwards, start.inclusive)(tuple_(*columns), key))
    directed = (column.desc() if downwards else column.asc() for column in columns)
    return statement.order_by(*directed).limit(bindparam("row_limit"))


def _comparison(downwards: bool, inclusive: bool) -> Callable[[Any, Any], ColumnElement[bool]]:
    if downwards:
        return operator.le if inclusive else operator.lt
    return operator.ge if inclusive else operator.gt


def bound(place: Place | None, limit: int) -> Mapping[str, object]:
    """The values for what `ordered` left open.

    One row more than the page holds is fetched: whether it comes says whether a page follows.
    """
    key = place.key if place else ()
    return {"row_limit": limit + 1, **{f"place_{i}": value for i, value in enumerate(key)}}


def cut(
    rows: Sequence[Item], limit: int, place: Place | None, key: Callable[[Item], Key]
) -> Page[Item]:
    """Make a page of the fetched rows, in the order of the list."""
    more, items = len(rows) > limit, rows[:limit]
    backwards = place is not None and place.backwards
    if backwards:
        items = items[::-1]
    before, after = (more, True) if backwards else (place is not None, more)
    if not items:
        return Page(items, *_around(place))
    return Page(
        items,
        Place(key(items[0]), backwards=True) if before else None,
        Place(key(items[-1])) if after else None,
    )


def _around(place: Place | None) -> tuple[Place | None, Place | None]:
    """The places beside an empty page: back to where it was reached from, that row included."""
    if place is None:
        return None, None
    back = Place(place.key, backwards=not place.backwards, inclusive=True)
    return (back, None) if back.backwards else (None, back)
