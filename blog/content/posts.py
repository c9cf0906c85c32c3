"""Posts: each of their fields, with its rules, and the post as it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
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
# The largest value of an integer column.
GREATEST_VERSION = 2**31 - 1
MOST_TAGS = 50
# Marks a field that is only read from storage where it is requested.
LONG = object()


def fold_tag(tag: str) -> str:
    """The form in which two tags are the same tag: case and Unicode composition do not count."""
    return normalize("NFC", normalize("NFD", tag).casefold())


def _merge_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Remove each tag that differs from an earlier one only in case."""
    first: dict[str, str] = {}
    for tag in tags:
        first.setdefault(fold_tag(tag), tag)
    merged = tuple(first.values())
    if len(merged) > MOST_TAGS:
        raise ValueError(f"must be at most {MOST_TAGS} tags, not {len(merged)}")
    return merged


def _bound_tags(tags: object) -> object:
    """Reject an oversized list before its items are validated."""
    if isinstance(tags, list) and len(tags) > 20 * MOST_TAGS:
        raise ValueError(f"must be at most {MOST_TAGS} tags, not {len(tags)}")
    return tags


def _check_body(body: str) -> str:
    # Some editors begin a file with one; it is not part of the text.
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
    body: Annotated[str, AfterValidator(_check_body), LONG]
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
    """A post as it is stored, and whether the caller may change it.

    ``sort_date`` is its place in lists by date; ``previous_date`` is when the version before this
    one was written. ``body_html`` is None where it was not requested, and so is ``rendering``, the
    version of the renderer that made it. ``written`` is a
    `PostContent`, or a row of the database, which has the same attributes, except the long texts
    that were not requested: to make contents of the rows takes a seventh of an uncached page.
    """

    id: str
    version: int
    sort_date: datetime
    previous_date: datetime | None
    updated_date: datetime
    author_name: str
    body_html: str | None
    rendering: str | None
    editable: bool
    written: PostContent

    @property
    def content(self) -> PostContent:
        """The content, which was validated when it was written."""
        return stored_content(self.written)


def stored_content(written: Any) -> PostContent:
    """The content in an object that has its fields, or some of them, as attributes."""
    names = (name for name in PostContent.model_fields if hasattr(written, name))
    return PostContent.model_construct(**{name: getattr(written, name) for name in names})


class PostField(NamedTuple):
    """A field of a post: its name for clients, and where its value is in a `Post`.

    ``is_written`` is whether a client writes it, and not the server; ``is_kept`` whether a revision
    has it, and it is not derived from other fields; ``is_long`` whether it is only read where it is
    requested; ``is_shown`` whether a document has it by default.
    """

    name: str
    attribute: str
    is_written: bool = False
    is_kept: bool = True
    is_long: bool = False
    is_shown: bool = True

    @property
    def column(self) -> str:
        """The column that holds it."""
        return self.attribute.rpartition(".")[2]


def _written_fields() -> Iterator[PostField]:
    for name, field in PostContent.model_fields.items():
        is_long = LONG in field.metadata
        yield PostField(str(field.alias), f"written.{name}", is_written=True, is_long=is_long)


# Every field of a post. Statements, rows, documents, revisions, differences and validation are
# derived from these; `PostContent` declares those that a client writes, with type and default.
FIELDS = (
    *_written_fields(),
    PostField("updatedDate", "updated_date", is_kept=False),
    PostField("authorName", "author_name"),
    PostField("bodyHtml", "body_html", is_kept=False, is_long=True, is_shown=False),
)
FIELDS_BY_NAME = {field.name: field for field in FIELDS}
# The same by the names that clients know, as attributes of a `Post`.
ATTRIBUTES = {field.name: field.attribute for field in FIELDS}
# Those that a client writes, as attributes of a `PostContent`.
CONTENT_ATTRIBUTES = {field.name: field.column for field in FIELDS if field.is_written}
# The columns of the content, and of all other parts of a post that is stored.
CONTENT_COLUMNS = tuple(CONTENT_ATTRIBUTES.values())
OWN_COLUMNS = tuple(name for name in Post._fields if name not in ("written", "editable"))
SERVER_FIELDS = tuple(field.name for field in FIELDS if not field.is_written)
LONG_FIELDS = frozenset(field.name for field in FIELDS if field.is_long)
LONG_TEXTS = frozenset(field.column for field in FIELDS if field.is_long)


def long_texts(names: Iterable[str]) -> frozenset[str]:
    """The columns of the long texts among the fields with these names."""
    return LONG_TEXTS & {FIELDS_BY_NAME[name].column for name in names}


def settle_date(content: PostContent, now: datetime) -> datetime | None:
    """The posted date: the one that the client chose, else the time of the first publication."""
    if content.posted_date is None and content.status == "published":
        return now
    return content.posted_date


def new_post_id() -> str:
    """A UUIDv7 (RFC 9562 section 5.7) in 32 lower-case hex digits: ids sort by creation."""
    return uuid_utils.uuid7().hex
