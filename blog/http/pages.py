"""Where a request stands in a list, and the links of a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blog.http.cursors import Cursors
from blog.http.links import Links
from blog.http.query_parameters import Parser, Query, whole_number
from blog.http.request import current_request
from blog.representations.document import Link
from blog.storage.keyset import Page

DEFAULT_LIMIT = 20
PARAMETERS: Mapping[str, Parser] = {"limit": whole_number(1, 100), "cursor": str}

# What may change from page to page of one and the same list.
_FREE = frozenset({"limit", "cursor", "fields"})


class Paging:
    """Where a request stands in a list, and the links from there."""

    def __init__(
        self, cursors: Cursors, target: Link, query: Query, default_limit: int = DEFAULT_LIMIT
    ) -> None:
        """Read the cursor of a request for the list at ``target``. Raises Malformed."""
        self._cursors = cursors
        self._target = target
        self._written = query.written
        kept = sorted((k, v) for k, v in self._written.items() if k not in _FREE)
        self._scope = f"{current_request().path} {kept}"
        self.limit: int = query.get("limit", default_limit)
        cursor = query.get("cursor")
        self.position = None if cursor is None else cursors.read(cursor, self._scope)

    def links(self, page: Page[Any]) -> Mapping[str, Link]:
        """``self``, ``first``, and ``prev`` and ``next`` where there are such pages."""
        others = {name: text for name, text in self._written.items() if name != "cursor"}
        links = {
            "self": Links.query(self._target, self._written),
            "first": Links.query(self._target, others),
        }
        for relation, position in (("prev", page.previous), ("next", page.next)):
            if position is not None:
                cursor = self._cursors.write(position, self._scope)
                links[relation] = Links.query(self._target, {**others, "cursor": cursor})
        return links
