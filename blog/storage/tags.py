"""The tags in use, counted over the posts that the caller may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, func, select

from blog.content.authors import Caller
from blog.storage import rights
from blog.storage.engine import Session
from blog.storage.paging import Beginning, Page, Place, beginning, bound, cut, ordered
from blog.storage.tables import tag


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag, as one of its posts writes it, and how many posts have it in any case."""

    key: str
    name: str
    count: int


def page(
    session: Session, caller: Caller | None, now: datetime, limit: int, place: Place | None
) -> Page[TagCount]:
    """A page of tags, sorted by code point without regard to case.

    Only the tags of the page are counted.
    """
    statement = _statement(rights.standing(caller), beginning(place))
    values = {**rights.parameters(caller, now), **bound(place, limit)}
    tags = [TagCount(*row) for row in session.reading().execute(statement, values)]
    return cut(tags, limit, place, lambda item: (item.key,))


@cache
def _statement(standing: rights.Standing, start: Beginning) -> Select[Any]:
    statement = (
        select(tag.c.key, func.min(tag.c.name), func.count())
        .where(rights.visible(tag, standing))
        .group_by(tag.c.key)
    )
    return ordered(statement, [tag.c.key], start)
