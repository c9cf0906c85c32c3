"""Lists of posts: filtered, sorted and paged, each row one that the caller may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, bindparam, false, func, select

from blog.content.posts import CONTENT_COLUMNS, Post, fold_tag
from blog.database.page_bytes import bound_bytes, count_fitting_rows, page_taker
from blog.database.types import UTCDateTime
from blog.storage import permissions
from blog.storage.access import Access, CallerRole
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
from blog.storage.posts import columns_for, post_from
from blog.storage.tables import post, tag

Status = Literal["published", "scheduled", "draft"]


class Sort(NamedTuple):
    """An order of posts: by a column, and by the id where that is equal."""

    column: str
    descending: bool

    def value_of(self, item: Post) -> object:
        """The value by which a post is sorted."""
        return getattr(item.written if self.column in CONTENT_COLUMNS else item, self.column)

    def key(self, item: Post) -> Key:
        """The sort key of a post."""
        return (self.value_of(item), item.id)


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
    """The conditions that the posts of a list meet; None is no condition.

    ``status`` is published now, scheduled for later, or a draft; ``since`` ≤ the posted date <
    ``until``, ``updated_since`` ≤ the date of the last update; ``ids`` are at most `MOST_IDS`, each
    once.
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
        """Whether no post can meet them."""
        return self.since is not None and self.until is not None and self.since >= self.until

    def given(self) -> dict[str, Any]:
        """The conditions that are not None, by name."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value is not None}


class _Variant(NamedTuple):
    """Everything in which two list statements differ, except the values bound to them."""

    filters: frozenset[str]
    status: Status | None
    sort: Sort
    start: Beginning
    role: CallerRole
    texts: frozenset[str]
    database: str


@dataclass(frozen=True, slots=True)
class PostQuery:
    """Which posts, in which order, which page of them, and with which long texts."""

    limit: int
    filter: Filter = Filter()
    sort: Sort = SORTS[NEWEST_FIRST]
    position: Position | None = None
    texts: frozenset[str] = frozenset()

    def values(self) -> dict[str, object]:
        """The values of the parameters that are not the caller's."""
        given = self.filter.given()
        if self.filter.ids:
            given |= _id_values(given.pop("ids"))
        if self.filter.tag is not None:
            given["tag"] = fold_tag(self.filter.tag)
        return {**given, **bind_values(self.position, self.limit)}

    def variant(self, role: CallerRole, database: str) -> _Variant:
        """The variant of the statement that this query needs."""
        return _Variant(
            filters=frozenset(self.filter.given()),
            status=self.filter.status,
            sort=self.sort,
            start=beginning(self.position),
            role=role,
            texts=self.texts,
            database=database,
        )


def page(access: Access, query: PostQuery) -> Page[Post]:
    """A page of the posts that match a query and that the caller may see.

    It ends before the limit where its texts reach the greatest size of a page.
    """
    wanted = query.filter
    if wanted.is_empty() or (access.caller is None and wanted.status not in (None, "published")):
        return Page([], None, None)
    statement = _statement(query.variant(access.role, access.session.kind))
    names = sorted(query.texts)
    values = {**query.values(), **access.parameters}
    rows = access.session.fetch(statement, values, page_taker(names))
    limit = min(query.limit, count_fitting_rows(rows, names))
    posts = [post_from(row) for row in rows]
    return make_page(posts, limit, query.position, query.sort.key)


def _id_values(ids: Sequence[str]) -> dict[str, str]:
    """One statement serves any number of ids: the last one stands in all further places."""
    padded = (*ids, *(ids[-1] for _ in range(MOST_IDS - len(ids))))
    return dict(zip(_ID_PLACES, padded, strict=True))


@lru_cache(maxsize=512)
def _statement(variant: _Variant) -> Select[Any]:
    visible = permissions.visible(_lookup(variant), variant.role)
    statement = select(*columns_for(variant.role, variant.texts))
    if "tag" in variant.filters:
        statement = statement.join_from(tag, post)
    statement = statement.where(*_equalities(variant), *_date_ranges(variant), _opaque(visible))
    order = directed(_order(variant), variant.start, descending=variant.sort.descending)
    paged = paginate(statement, _order(variant), variant.start, descending=variant.sort.descending)
    if "slug" in variant.filters:
        # At most one post has a slug, but PostgreSQL would sort nevertheless.
        return paged.order_by(None)
    if variant.database == "postgresql" and any(variant.texts):
        return bound_bytes(paged, _long_texts(variant.texts), order)
    return paged


def _long_texts(texts: frozenset[str]) -> Sequence[ColumnElement[str]]:
    return [post.c[name] for name in sorted(texts)]


def _opaque(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The same condition in a form that no index serves.

    Without statistics, as in a new database, a planner prefers an index that serves a filter to one
    in the order of the page, and then sorts all matching rows. So each statement leaves it only one
    index, whose first column is fixed and whose next ones are the order.
    """
    return func.coalesce(condition, false())


def _equalities(variant: _Variant) -> list[ColumnElement[bool]]:
    """The conditions that fix a value; only the most selective one is served by an index."""
    status, lookup = _status(variant), _lookup(variant)
    conditions = {
        "ids": post.c.id.in_([bindparam(name) for name in _ID_PLACES]),
        "slug": post.c.slug == bindparam("slug"),
        "tag": tag.c.key == bindparam("tag"),
        "author": lookup.c.author_name == bindparam("author"),
        "status": lookup.c.status == status,
    }
    wanted = variant.filters | ({"status"} if status else set())
    chosen = [condition for name, condition in conditions.items() if name in wanted]
    return [*chosen[:1], *map(_opaque, chosen[1:])]


def _status(variant: _Variant) -> str | None:
    """The one status that all posts of the list have, if it follows from the query."""
    if variant.status is None:
        return "published" if variant.role == "anonymous" else None
    return "draft" if variant.status == "draft" else "published"


def _date_ranges(variant: _Variant) -> list[ColumnElement[bool]]:
    """The conditions on the dates of the posts."""
    lookup = _lookup(variant)
    updated = lookup.c.updated_date >= bindparam("updated_since", type_=UTCDateTime)
    since = [updated] if "updated_since" in variant.filters else []
    ranges = [
        *_range(variant, "sort_date", *_bounds(variant, lookup.c.sort_date)),
        *_range(variant, "updated_date", since, []),
    ]
    if {"since", "until"} & variant.filters:
        ranges.append(_opaque(post.c.posted_date.is_not(None)))
    return ranges


def _range(
    variant: _Variant,
    column: str,
    lower: list[ColumnElement[bool]],
    upper: list[ColumnElement[bool]],
) -> list[ColumnElement[bool]]:
    """The bounds of a date from below and from above.

    An index in the order of that date serves one bound at each end. Where a page begins at a
    position, that is the narrower bound.
    """
    if column != variant.sort.column or "ids" in variant.filters:
        return [_opaque(bound) for bound in (*lower, *upper)]
    downwards = variant.sort.descending != variant.start.backwards
    near, far = (upper, lower) if downwards else (lower, upper)
    if variant.start.has_key:
        return [*far, *map(_opaque, near)]
    return [*far, *near]


def _bounds(
    variant: _Variant, date: ColumnElement[datetime]
) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
    """The conditions on the date from below, and those from above."""
    lower, upper = [], []
    if "since" in variant.filters:
        lower.append(date >= bindparam("since", type_=UTCDateTime))
    if "until" in variant.filters:
        upper.append(date < bindparam("until", type_=UTCDateTime))
    if variant.status == "scheduled":
        lower.append(date > permissions.now_parameter)
    elif _status(variant) == "published":
        upper.append(date <= permissions.now_parameter)
    return lower, upper


def _order(variant: _Variant) -> Sequence[ColumnElement[Any]]:
    """The columns to sort by."""
    lookup = _lookup(variant)
    columns = (lookup.c[variant.sort.column], lookup.c.post_id if lookup is tag else post.c.id)
    # The posts of a hundred ids are found by these and then sorted, never along a whole index.
    return [func.coalesce(c, c) for c in columns] if "ids" in variant.filters else columns


def _lookup(variant: _Variant) -> Table:
    """The table whose index serves the list: `tag` if that has one for it, else `post`.

    `tag` repeats the columns that decide, so only posts of the list are read.
    """
    return tag if "tag" in variant.filters and not {"slug", "ids"} & variant.filters else post
