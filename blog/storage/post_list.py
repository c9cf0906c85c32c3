"""Lists of posts: filtered, sorted and paged, each row one that the caller may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, bindparam, false, func, select

from blog.content.authors import Caller
from blog.content.posts import Post, fold_tag
from blog.database.page_bytes import bound_bytes, count_fitting_rows, page_taker
from blog.database.session import Session
from blog.database.types import UTCDateTime
from blog.storage import permissions
from blog.storage.keyset import (
    Beginning,
    Key,
    Page,
    Position,
    beginning,
    bind_values,
    directed,
    make_page,
    paginate,
)
from blog.storage.posts import Texts, columns, post_from
from blog.storage.tables import post, tag

Status = Literal["published", "scheduled", "draft"]


class Sort(NamedTuple):
    """An order of posts: by a column, and by the id where that is equal."""

    column: str
    descending: bool

    def key(self, item: Post) -> Key:
        """The sort key of a post."""
        return (getattr(item, self.column), item.id)


# How many posts a list may be asked for by their ids.
MOST_IDS = 100
_ID_PLACES = tuple(f"id_{number}" for number in range(MOST_IDS))

NEWEST_FIRST = "-postedDate"
OLDEST_UPDATE_FIRST = "updatedDate"
SORTS = {
    NEWEST_FIRST: Sort("sort_date", descending=True),
    "postedDate": Sort("sort_date", descending=False),
    "-updatedDate": Sort("updated_date", descending=True),
    "updatedDate": Sort("updated_date", descending=False),
    "title": Sort("title", descending=False),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What posts of a list have in common; None leaves a point open.

    ``status`` tells apart what is published now, what is scheduled for later, and drafts;
    ``since`` ≤ the posted date < ``until``, ``updated_since`` ≤ the date of the last update;
    ``ids`` are at most `MOST_IDS`, each once.
    """

    author: str | None = None
    tag: str | None = None
    status: Status | None = None
    slug: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    updated_since: datetime | None = None
    ids: Sequence[str] | None = None

    def is_empty(self) -> bool:
        """Whether no post can fit."""
        return self.since is not None and self.until is not None and self.since >= self.until

    def given(self) -> dict[str, Any]:
        """The points that are not left open, by name."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value is not None}


class _Shape(NamedTuple):
    """All that makes two list statements different, but for the values bound to them."""

    filters: frozenset[str]
    status: Status | None
    sort: Sort
    start: Beginning
    standing: permissions.Standing
    texts: Texts
    database: str


def page(
    session: Session,
    wanted: Filter,
    sort: Sort,
    caller: Caller | None,
    now: datetime,
    limit: int,
    position: Position | None,
    texts: Texts,
) -> Page[Post]:
    """A page of the posts that fit the filter and that the caller may see.

    It ends before the limit where it is full in bytes.
    """
    if wanted.is_empty() or (caller is None and wanted.status not in (None, "published")):
        return Page([], None, None)
    given = wanted.given()
    kind, start = permissions.standing(caller), beginning(position)
    shape = _Shape(frozenset(given), wanted.status, sort, start, kind, texts, session.kind)
    if wanted.ids:
        given |= _id_values(given.pop("ids"))
    if wanted.tag is not None:
        given["tag"] = fold_tag(wanted.tag)
    values = {**given, **permissions.parameters(caller, now), **bind_values(position, limit)}
    names = _long_columns(texts)
    rows = session.fetch(_statement(shape), values, page_taker(names))
    limit = min(limit, count_fitting_rows(rows, names))
    return make_page([post_from(row) for row in rows], limit, position, sort.key)


def _id_values(ids: Sequence[str]) -> dict[str, str]:
    """One statement serves any number of ids: the last one stands in all further places."""
    padded = (*ids, *(ids[-1] for _ in range(MOST_IDS - len(ids))))
    return dict(zip(_ID_PLACES, padded, strict=True))


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> Select[Any]:
    visible = permissions.visible(_lookup(shape), shape.standing)
    statement = select(*columns(shape.texts), permissions.editable(post, shape.standing))
    if "tag" in shape.filters:
        statement = statement.join_from(tag, post)
    statement = statement.where(*_equalities(shape), *_date_ranges(shape), _opaque(visible))
    order = directed(_order(shape), shape.start, descending=shape.sort.descending)
    paged = paginate(statement, _order(shape), shape.start, descending=shape.sort.descending)
    if "slug" in shape.filters:
        # One post at most has a slug, which PostgreSQL doesn't see: it would sort.
        return paged.order_by(None)
    if shape.database == "postgresql" and any(shape.texts):
        return bound_bytes(paged, _long_texts(shape.texts), order)
    return paged


def _long_columns(texts: Texts) -> Sequence[str]:
    """The names of the columns with long texts; all others together have a few kilobytes."""
    return [name for name in texts._fields if getattr(texts, name)]


def _long_texts(texts: Texts) -> Sequence[ColumnElement[str]]:
    return [post.c[name] for name in _long_columns(texts)]


def _opaque(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same condition in a form that no index serves.

    Without statistics, which a new database has none of, a planner takes an index for a filter
    over one in the order of the page, and then sorts all there is. So each statement leaves it a
    single way: along one index, whose first column is fixed and whose next ones are the order.
    """
    return func.coalesce(condition, false())


def _equalities(shape: _Shape) -> list[ColumnElement[bool]]:
    """What has one value in the whole list; only the narrowest is served by an index."""
    status, lookup = _status(shape), _lookup(shape)
    conditions = {
        "ids": post.c.id.in_([bindparam(name) for name in _ID_PLACES]),
        "slug": post.c.slug == bindparam("slug"),
        "tag": tag.c.key == bindparam("tag"),
        "author": lookup.c.author_name == bindparam("author"),
        "status": lookup.c.status == status,
    }
    wanted = [name for name in conditions if name in shape.filters or (name == "status" and status)]
    chosen = [conditions[name] for name in wanted]
    return [*chosen[:1], *map(_opaque, chosen[1:])]


def _status(shape: _Shape) -> str | None:
    """The one status that all posts of the list have, if it follows from the query."""
    if shape.status is None:
        return "published" if shape.standing == "anonymous" else None
    return "draft" if shape.status == "draft" else "published"


def _date_ranges(shape: _Shape) -> list[ColumnElement[bool]]:
    """Between which dates the posts of the list lie."""
    lookup = _lookup(shape)
    updated = lookup.c.updated_date >= bindparam("updated_since", type_=UTCDateTime)
    ranges = [
        *_range(shape, "sort_date", *_bounds(shape, lookup.c.sort_date)),
        *_range(shape, "updated_date", [updated] if "updated_since" in shape.filters else [], []),
    ]
    if {"since", "until"} & shape.filters:
        ranges.append(_opaque(post.c.posted_date.is_not(None)))
    return ranges


def _range(
    shape: _Shape,
    column: str,
    lower: list[ColumnElement[bool]],
    upper: list[ColumnElement[bool]],
) -> list[ColumnElement[bool]]:
    """The bounds of a date from below and from above.

    The index serves a bound if it is in the order of that date, but one bound at each end: where a
    page begins beside a position, the position is the better one.
    """
    if column != shape.sort.column or "ids" in shape.filters:
        return [_opaque(bound) for bound in (*lower, *upper)]
    downwards = shape.sort.descending != shape.start.backwards
    near, far = (upper, lower) if downwards else (lower, upper)
    if shape.start.beside:
        return [*far, *map(_opaque, near)]
    return [*far, *near]


def _bounds(
    shape: _Shape, date: ColumnElement[datetime]
) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
    """The conditions on the date from below, and those from above."""
    lower, upper = [], []
    if "since" in shape.filters:
        lower.append(date >= bindparam("since", type_=UTCDateTime))
    if "until" in shape.filters:
        upper.append(date < bindparam("until", type_=UTCDateTime))
    if shape.status == "scheduled":
        lower.append(date > permissions.now_parameter)
    elif _status(shape) == "published":
        upper.append(date <= permissions.now_parameter)
    return lower, upper


def _order(shape: _Shape) -> Sequence[ColumnElement[Any]]:
    """The columns to sort by."""
    lookup = _lookup(shape)
    columns = (lookup.c[shape.sort.column], lookup.c.post_id if lookup is tag else post.c.id)
    # The posts of a hundred ids are found by these and then sorted, never along a whole index.
    return [func.coalesce(c, c) for c in columns] if "ids" in shape.filters else columns


def _lookup(shape: _Shape) -> Table:
    """What decides on the rows and their order: the tag, where its index serves, or the post.

    The tag repeats all that counts, so no post is looked at that is not in the list.
    """
    return tag if "tag" in shape.filters and not {"slug", "ids"} & shape.filters else post
