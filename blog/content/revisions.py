"""What a revision is: one version of a post, as it was written, and how two of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import jsonpatch
from pydantic import AfterValidator, BaseModel

from blog.content.markup import render
from blog.content.posts import CLIENT_FIELDS, GREATEST_VERSION, Format, Post, PostContent, Status
from blog.content.validation import RULES, as_json

Operation = Literal["created", "updated", "deleted"]

# The fields of a revision by the names that clients know, and as attributes of a `Revision`:
# of every one, and of those that are no deletion.
EVENT_FIELDS = {
    "version": "version",
    "operation": "operation",
    "at": "updated_date",
    "by": "changed_by",
}
FIELDS = {**EVENT_FIELDS, **CLIENT_FIELDS, "authorName": "author_name"}


def _check_number(number: int) -> int:
    if not 1 <= number <= GREATEST_VERSION:
        raise ValueError(f"{number!s:.60} is no version of this post")
    return number


class Restoration(BaseModel):
    """What a client writes to have a version of a post again: its number."""

    model_config = RULES

    restore: Annotated[int, AfterValidator(_check_number)]


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a post, or a tombstone, in which all that a client had written is None.

    ``body`` is None, too, where nobody asked for it. ``previous_date`` is when the version before
    this one was written, ``predecessor`` what that one did, if it is kept, and ``successor_date``
    when the one after it was written, if there is one.
    """

    post_id: str
    version: int
    operation: Operation
    changed_by: str
    author_name: str
    created_date: datetime
    previous_date: datetime | None
    updated_date: datetime
    title: str | None
    format: Format | None
    summary: str | None
    tags: tuple[str, ...] | None
    status: Status | None
    slug: str | None
    posted_date: datetime | None
    body: str | None
    predecessor: Operation | None
    successor_date: datetime | None

    @property
    def is_tombstone(self) -> bool:
        """Whether the post was deleted by this."""
        return self.operation == "deleted"

    def content(self) -> PostContent:
        """What a client had written; of a revision that is no tombstone, with its body."""
        # It was checked when it was written, perhaps by rules that have changed since.
        return PostContent.model_construct(
            **{name: getattr(self, name) for name in CLIENT_FIELDS.values()}
        )

    def as_post(self, *, with_html: bool) -> Post:
        """The post as it was, to one who may change it; of a revision as in `content`."""
        content = self.content()
        return Post(
            id=self.post_id,
            version=self.version,
            title=content.title,
            format=content.format,
            summary=content.summary,
            tags=content.tags,
            status=content.status,
            slug=content.slug or "",
            posted_date=content.posted_date,
            sort_date=content.posted_date or self.created_date,
            previous_date=self.previous_date,
            updated_date=self.updated_date,
            author_name=self.author_name,
            body=content.body,
            body_html=render(content.body, content.format) if with_html else None,
            editable=True,
        )


def changed_fields(before: Revision | Post, after: Revision | Post) -> Sequence[str]:
    """The names of the fields that a client writes and in which two versions differ."""
    return [
        name
        for name, attribute in CLIENT_FIELDS.items()
        if getattr(before, attribute) != getattr(after, attribute)
    ]


def difference(before: Revision, after: Revision) -> list[dict[str, Any]]:
    """The JSON Patch (RFC 6902) that makes one version of the other."""
    old, new = as_json(before, CLIENT_FIELDS), as_json(after, CLIENT_FIELDS)
    operations: list[dict[str, Any]] = jsonpatch.make_patch(old, new).patch
    return operations
