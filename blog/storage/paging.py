"""Pages by keyset: a page begins beside a row's sort key, so every page costs the same.

Written here and not taken from a library because a statement is built once for each shape of
query and then only bound: a library that rebuilds it for each page costs ten times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, tuple_

Item = TypeVar("Item")
Key = tuple[Any, ...]
Direction = Literal["first", "forwards", "backwards"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: beside the row with this sort key, after it or before it."""

    key: Key
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items in the order of the list, and the places of the pages beside them."""

    items: Sequence[Item]
    previous: Place | None
    next: Place | None


def direction_of(place: Place | None) -> Direction:
    """Which of three statements fetches the page at a place."""
    if place is None:
        return "first"
    return "backwards" if place.backwards else "forwards"


def ordered(
    statement: Select[Any],
    columns: Sequence[ColumnElement[Any]],
    direction: Direction,
    *,
    descending: bool = False,
) -> Select[Any]:
    """Sort a statement by columns that make a total order, and begin beside a place.

    The place's key and the limit are left open, to be bound by `bound`.
    """
    downwards = descending != (direction == "backwards")
    if direction != "first":
        key = tuple_(*(bindparam(f"place_{i}", type_=c.type) for i, c in enumerate(columns)))
        beside = tuple_(*columns) < key if downwards else tuple_(*columns) > key
        statement = statement.where(beside)
    directed = (column.desc() if downwards else column.asc() for column in columns)
    return statement.order_by(*directed).limit(bindparam("row_limit"))


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
    first, last = (key(items[0]), key(items[-1])) if items else _beside(place)
    return Page(
        items,
        Place(first, backwards=True) if before and first else None,
        Place(last) if after and last else None,
    )


def _beside(place: Place | None) -> tuple[Key, Key]:
    """The keys between which an empty page lies: a place leads to it, and back from it."""
    key = place.key if place else ()
    return key, key
