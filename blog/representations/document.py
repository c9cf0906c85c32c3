"""What a resource returns: links, fields and embedded documents, whatever they are written as."""

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
    """A link to follow; a templated one (RFC 6570) has gaps for the client to fill."""

    href: str
    templated: bool = False


class Validators(NamedTuple):
    """What tells one state of a single resource from every other state of anything.

    ``identity`` is what it is a state of; ``previous`` when the state before it was written, if
    there was one.
    """

    identity: str
    version: int
    modified: datetime
    previous: datetime | None


# A page has many, and a frozen one takes three times as long to make.
@dataclass(slots=True)
class Document:
    """A resource as its caller may see it now.

    ``links`` maps a relation to its target. A list has a ``name`` for its items and the items; a
    single resource has validators. ``embedded`` maps a relation to what it leads to, or to None
    where that is not there now.
    """

    links: Mapping[str, Link]
    fields: Mapping[str, object] = field(default_factory=dict)
    name: str | None = None
    items: Sequence[Document] = ()
    validators: Validators | None = None
    embedded: Mapping[str, Document | None] = field(default_factory=dict)

    def without_links(self, relations: Set[str]) -> Document:
        """The same without the links of some relations, in embedded documents too."""
        links = {name: link for name, link in self.links.items() if name not in relations}
        embedded = {
            name: each and each.without_links(relations) for name, each in self.embedded.items()
        }
        items = [item.without_links(relations) for item in self.items]
        return replace(self, links=links, items=items, embedded=embedded)
