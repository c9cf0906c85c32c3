"""What a revision is: one version of a post, as it was written, and how two of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import jsonpatch
from pydantic import AfterValidator, BaseModel

from blog.content import posts
from blog.content.posts import (
    CONTENT_ATTRIBUTES,
    GREATEST_VERSION,
    Post,
    PostContent,
    stored_content,
)
from blog.content.validation import RULES, as_json

if TYPE_CHECKING:
    from blog.content.markup import Renderer

Operation = Literal["created", "updated", "deleted"]

# The fields of a revision by the names that clients know, and as attributes of a `Revision`: those
# of the change itself, those of a tombstone, and those of every other revision.
EVENT_FIELDS = {
    "version": "version",
    "operation": "operation",
    "at": "updated_date",
    "by": "changed_by",
}
TOMBSTONE_FIELDS = {**EVENT_FIELDS, "authorName": "author_name"}
FIELDS = {
    **EVENT_FIELDS,
    **{field.name: field.attribute for field in posts.FIELDS if field.is_kept},
}


def _check_number(number: int) -> int:
    if not 1 <= number <= GREATEST_VERSION:
        raise ValueError(f"{number!s:.60} is not a version of this post")
    return number


class Restoration(BaseModel):
    """The body of a request to restore a version: its number."""

    model_config = RULES

    restore: Annotated[int, AfterValidator(_check_number)]


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a post, or a tombstone, which has no content.

    ``previous_date`` is when the version before this one was written, ``predecessor`` its
    operation, if it is stored, and ``successor_date`` when the version after this one was written,
    if there is one. ``written`` is as in a `Post`.
    """

    post_id: str
    version: int
    operation: Operation
    changed_by: str
    author_name: str
    created_date: datetime
    previous_date: datetime | None
    updated_date: datetime
    predecessor: Operation | None
    successor_date: datetime | None
    written: PostContent

    @property
    def content(self) -> PostContent | None:
        """The content, None for a tombstone."""
        return None if self.is_tombstone else stored_content(self.written)

    @property
    def is_tombstone(self) -> bool:
        """Whether this is the deletion of the post."""
        return self.operation == "deleted"

    def as_post(self, renderer: Renderer | None) -> Post:
        """The post as it was, for a caller who may change it; without a renderer, without HTML.

        The revision is no tombstone, and was read with its body.
        """
        content = stored_content(self.written)
        html, rendering = None, None
        if renderer:
            html, rendering = renderer.render_stored(content.body, content.format, self.post_id)
        return Post(
            id=self.post_id,
            version=self.version,
            written=content,
            sort_date=content.posted_date or self.created_date,
            previous_date=self.previous_date,
            updated_date=self.updated_date,
            author_name=self.author_name,
            body_html=html,
            rendering=rendering,
            editable=True,
        )


def changed_fields(before: PostContent, after: PostContent) -> Sequence[str]:
    """The names of the fields in which two versions differ."""
    return [
        name
        for name, attribute in CONTENT_ATTRIBUTES.items()
        if getattr(before, attribute) != getattr(after, attribute)
    ]


def difference(before: PostContent, after: PostContent) -> list[dict[str, Any]]:
    """The JSON Patch (RFC 6902) that turns one version into the other."""
    old, new = as_json(before, CONTENT_ATTRIBUTES), as_json(after, CONTENT_ATTRIBUTES)
    operations: list[dict[str, Any]] = jsonpatch.make_patch(old, new).patch
    return operations
