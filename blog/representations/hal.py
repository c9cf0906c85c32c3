"""application/hal+json (draft-kelly-json-hal): links as objects, the items of a list embedded."""

from __future__ import annotations

from typing import Any

from blog.representations.document import Document, Link
from blog.representations.json import encode

MEDIA_TYPE = "application/hal+json"
needs: frozenset[str] = frozenset()


def write(document: Document) -> bytes:
    """Write a document for HAL clients."""
    return encode(_object(document))


def _object(document: Document) -> dict[str, Any]:
    links = {name: _link(link) for name, link in document.links.items()}
    written = {"_links": links, **document.fields}
    if document.name is not None:
        written["_embedded"] = {document.name: [_object(item) for item in document.items]}
    # HAL has no null in _embedded.
    if embedded := {name: _object(each) for name, each in document.embedded.items() if each}:
        written["_embedded"] = embedded
    return written


def _link(link: Link) -> dict[str, Any]:
    return {"href": link.href, "templated": True} if link.templated else {"href": link.href}
