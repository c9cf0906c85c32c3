"""What a post is: the fields that a client writes, the rules they keep, and the post as kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from unicodedata import normalize

import uuid_utils
from pydantic import AfterValidator, BeforeValidator, Field

from blog.content.dates import parse_date_time
from blog.content.slugs import check_slug
from blog.content.texts import BYTE_ORDER_MARK, check_encodable, one_line, several_lines
from blog.content.validation import RULES, Written

Format = Literal["markdown", "html", "text"]
Status = Literal["published", "draft"]

LONGEST_BODY = 1024 * 1024
# No database counts further.
GREATEST_VERSION = 2**31 - 1
MOST_TAGS = 50


# The fields of a post by the names that clients know, and as attributes of a `Post`.
CLIENT_FIELDS = {
    "title": "title",
    "body": "body",
    "format": "format",
    "summary": "summary",
    "tags": "tags",
    "status": "status",
    "slug": "slug",
    "postedDate": "posted_date",
}
SERVER_FIELDS = {
    "updatedDate": "updated_date",
    "authorName": "author_name",
    "bodyHtml": "body_html",
}
FIELDS = {**CLIENT_FIELDS, **SERVER_FIELDS}


def fold_tag(tag: str) -> str:
    """The form in which two tags are the same tag: case and Unicode composition do not count."""
    return normalize("NFC", normalize("NFD", tag).casefold())


def _merge_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Keep each tag where and how it came first, whatever its case."""
    first: dict[str, str] = {}
    for tag in tags:
        first.setdefault(fold_tag(tag), tag)
    merged = tuple(first.values())
    if len(merged) > MOST_TAGS:
        raise ValueError(f"must be at most {MOST_TAGS} tags, not {len(merged)}")
    return merged


def _bound_tags(tags: object) -> object:
    """Refuse a list beyond all reason before each of its items is looked at."""
    if isinstance(tags, list) and len(tags) > 20 * MOST_TAGS:
        raise ValueError(f"must be at most {MOST_TAGS} tags, not {len(tags)}")
    return tags


def _check_body(body: str) -> str:
    # What an editor puts before a file is no part of the text.
    body = body.removeprefix(BYTE_ORDER_MARK)
    if "\0" in body:
        raise ValueError(f"must not contain NUL; one is at {body.index(chr(0))}")
    size = len(check_encodable(body))
    if size > LONGEST_BODY:
        raise ValueError(f"must be at most {LONGEST_BODY} bytes of UTF-8, not {size}")
    return body


def _read_date(value: object) -> object:
    return parse_date_time(value) if isinstance(value, str) else value


Tag = Annotated[str, AfterValidator(one_line(1, 50))]


class PostContent(Written):
    """The fields of a post that a client writes; an omitted one has its default.

    ``slug`` and ``posted_date`` are None where the client leaves the choice to the server.
    """

    model_config = RULES

    title: Annotated[str, AfterValidator(one_line(1, 300))]
    body: Annotated[str, AfterValidator(_check_body)]
    format: Format = "markdown"
    summary: Annotated[str, AfterValidator(several_lines(1000))] | None = None
    # A JSON array arrives as a list, which strict validation would not take for a tuple.
    tags: Annotated[
        tuple[Tag, ...],
        Field(strict=False),
        BeforeValidator(_bound_tags),
        AfterValidator(_merge_tags),
    ] = ()
    status: Status = "published"
    slug: Annotated[str, AfterValidator(check_slug)] | None = None
    posted_date: Annotated[datetime, BeforeValidator(_read_date)] | None = None


class Post(NamedTuple):
    """A post as it is kept, and whether the caller may change it.

    ``sort_date`` is where it stands by date; ``previous_date`` when the version before this one
    was written.
    ``body`` and ``body_html`` are None where nobody asked for them.
    """

    id: str
    version: int
    title: str
    format: Format
    summary: str | None
    tags: tuple[str, ...]
    status: Status
    slug: str
    posted_date: datetime | None
    sort_date: datetime
    previous_date: datetime | None
    updated_date: datetime
    author_name: str
    body: str | None
    body_html: str | None
    editable: bool


def settle_date(content: PostContent, now: datetime) -> datetime | None:
    """When the post counts as posted: as the client says, else once it is published."""
    if content.posted_date is None and content.status == "published":
        return now
    return content.posted_date


def new_post_id() -> str:
    """A UUIDv7 (RFC 9562 section 5.7) in 32 lower-case hex digits: ids sort by creation."""
    return uuid_utils.uuid7().hex
