"""Cursors that a client carries and can't forge, and the links of a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson
from itsdangerous import BadData, Signer, URLSafeSerializer
from itsdangerous.encoding import base64_encode

from blog.errors import Fault, Malformed
from blog.http.links import Links
from blog.http.queries import Parser, Query, whole_number
from blog.http.request import current_request
from blog.representations.document import Link
from blog.storage.paging import Page, Position

DEFAULT_LIMIT = 20
PARAMETERS: Mapping[str, Parser] = {"limit": whole_number(1, 100), "cursor": str}

# What may change from page to page of one and the same list.
_FREE = frozenset({"limit", "cursor", "fields"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Reads what has been signed; it signs nothing itself.
_PAYLOADS = URLSafeSerializer("")


class Cursors:
    """Turns positions in a list into opaque text and back.

    They are those of an URLSafeSerializer without zlib, which takes three times as long to save a
    third of the length. What former versions wrote with it is read all the same.
    """

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key
        # To make one takes as long as to write a cursor with it.
        self._signer = lru_cache(256)(self._make_signer)

    def write(self, position: Position, scope: str) -> str:
        """The cursor of a position in the list that the scope names."""
        key = [_encode(value) for value in position.key]
        payload = orjson.dumps([position.backwards, position.inclusive, key])
        return self._signer(scope).sign(base64_encode(payload)).decode()

    def read(self, cursor: str, scope: str, parameter: str = "cursor") -> Position:
        """The position of a cursor. Raises Malformed unless it was written for this very list."""
        try:
            payload = self._signer(scope).unsign(cursor)
            backwards, inclusive, key = _PAYLOADS.load_payload(payload)
        except BadData:
            detail = "is not a cursor of this list with this filter and order; begin without one"
            raise Malformed([Fault(detail, parameter=parameter)]) from None
        return Position(tuple(_decode(value) for value in key), backwards, inclusive)

    def _make_signer(self, scope: str) -> Signer:
        # The scope is part of the signing key, so a cursor of another list has a wrong signature.
        signer = Signer(self._secret_key, salt=f"cursor {scope}", digest_method=sha256)
        # Else it would derive the key anew for each signature.
        return Signer(signer.derive_key(), key_derivation="none", digest_method=sha256)


def _encode(value: Any) -> int | str | list[int]:
    """Text as it is, a moment as microseconds, and a number in a list to tell it from a moment."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return [value] if isinstance(value, int) else str(value)


def _decode(value: int | str | list[int]) -> datetime | str | int:
    if isinstance(value, int):
        return _EPOCH + value * _MICROSECOND
    return value if isinstance(value, str) else value[0]


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
