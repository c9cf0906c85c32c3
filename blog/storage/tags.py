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
from blog.storage.paging import (
    Beginning,
    Page,
    Position,
    beginning,
    bind_values,
    make_page,
    paginate,
)
from blog.storage.tables import tag


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag, as one of its posts writes it, and how many posts have it in any case."""

    key: str
    name: str
    count: int


def page(
    session: Session, caller: Caller | None, now: datetime, limit: int, position: Position | None
) -> Page[TagCount]:
    """A page of tags, sorted by code point without regard to case.

    Only the tags of the page are counted.
    """
    statement = _statement(rights.standing(caller), beginning(position))
    values = {**rights.parameters(caller, now), **bind_values(position, limit)}
    tags = [TagCount(*row) for row in session.reading().execute(statement, values)]
    return make_page(tags, limit, position, lambda item: (item.key,))


@cache
def _statement(standing: rights.Standing, start: Beginning) -> Select[Any]:
    statement = (
        select(tag.c.key, func.min(tag.c.name), func.count())
        .where(rights.visible(tag, standing))
        .group_by(tag.c.key)
    )
    return paginate(statement, [tag.c.key], start)
