"""application/json-patch+json (RFC 6902): the operations of a document only."""

from __future__ import annotations

from blog.representations.document import Document
from blog.representations.json import encode

MEDIA_TYPE = "application/json-patch+json"
needs: frozenset[str] = frozenset()


def write(document: Document) -> bytes:
    """Write a document whose items are operations."""
    return encode([item.fields for item in document.items])
