"""The document that a resource returns, independent of its representation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, Protocol


class Representation(Protocol):
    """A media type in which documents are written: a module of this package.

    ``needs`` names the fields that it shows whatever the client has asked for.
    """

    @property
    def MEDIA_TYPE(self) -> str:
        """The media type, without parameters."""

    @property
    def needs(self) -> Set[str]:
        """The names of fields, as clients know them."""

    def write(self, document: Document) -> bytes:
        """Write a document."""


class Link(NamedTuple):
    """A link, or a URI template (RFC 6570) for the client to expand."""

    href: str
    templated: bool = False


class Validators(NamedTuple):
    """What identifies one state of one resource.

    ``identity`` names the resource; ``modified`` is when the state was written, and ``previous``
    when the one before it was, if there was one.
    """

    identity: str
    version: int
    modified: datetime
    previous: datetime | None


# Not frozen: a page has many, and a frozen one takes three times as long to make.
@dataclass(slots=True)
class Document:
    """The state of a resource as its caller may see it.

    ``links`` maps relations to targets. A list has items, and the relation ``name`` to them; a
    single resource has validators. ``embedded`` maps relations to documents, or to None where the
    target does not exist. A document is dated by its validators, unless it shows something that may
    change without them.
    """

    links: Mapping[str, Link]
    fields: Mapping[str, object] = field(default_factory=dict)
    # For feeds and pages, whichever fields the client has asked for.
    title: str | None = None
    updated: datetime | None = None
    published: datetime | None = None
    name: str | None = None
    items: Sequence[Document] = ()
    validators: Validators | None = None
    is_dated: bool = True
    embedded: Mapping[str, Document | None] = field(default_factory=dict)

    @classmethod
    def list_of(
        cls,
        name: str,
        items: Sequence[Document],
        links: Mapping[str, Link],
        validators: Validators | None = None,
    ) -> Document:
        """A list, which is titled by its name, and was updated when the latest of its items was."""
        updated = max((item.updated for item in items if item.updated), default=None)
        return cls(
            links,
            title=name.capitalize(),
            updated=updated,
            name=name,
            items=items,
            validators=validators,
        )

    def without_links(self, relations: Set[str]) -> Document:
        """The same without the links of some relations, in embedded documents too."""
        links = {name: link for name, link in self.links.items() if name not in relations}
        embedded = {
            name: each and each.without_links(relations) for name, each in self.embedded.items()
        }
        items = [item.without_links(relations) for item in self.items]
        return replace(self, links=links, items=items, embedded=embedded)
