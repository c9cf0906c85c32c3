"""Paging: cursors, which clients can neither read nor forge, and the links of a page."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from itsdangerous import BadData, URLSafeSerializer

from blog.errors import Fault, Malformed
from blog.http import relations
from blog.http.links import Links
from blog.http.query_parameters import Parser, Query, whole_number
from blog.http.request import current_request
from blog.representations.document import Link
from blog.storage.keyset import Page, Position

DEFAULT_LIMIT = 20
PARAMETERS: Mapping[str, Parser] = {"limit": whole_number(1, 100), "cursor": str}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The length of a cursor, its authentication tag included, is a multiple of this number of bytes, so
# that it does not reveal how large a number is. In Base64 such a multiple needs no padding.
_BLOCK = 144
_TAG = 16
# The parameters that may differ between pages of one list.
_UNSCOPED = frozenset({"limit", "cursor", "fields"})


class Cursors:
    """Encrypts positions in a list as opaque text, and decrypts them.

    AES-SIV (RFC 5297) is deterministic: the same position has the same cursor, so that an unchanged
    page has an unchanged entity-tag. The scope is authenticated with it, so a cursor is valid for
    one list only.
    """

    def __init__(self, secret_key: str) -> None:
        """Derive the key of the cipher from the secret key of the blog."""
        self._secret_key = secret_key
        self._cipher = AESSIV(digest(secret_key.encode(), b"blog cursors", "sha512"))

    def write(self, position: Position, scope: str) -> str:
        """Encrypt a position in the list that the scope names."""
        key = [_encode(value) for value in position.key]
        payload = orjson.dumps([position.backwards, position.inclusive, key])
        blocks = 1 + (len(payload) + _TAG - 1) // _BLOCK
        # JSON may end with spaces.
        padded = payload.ljust(blocks * _BLOCK - _TAG)
        return urlsafe_b64encode(self._cipher.encrypt(padded, [scope.encode()])).decode()

    def read(self, cursor: str, scope: str, parameter: str = "cursor") -> Position:
        """Decrypt a cursor. Raises Malformed unless it was written for a list of this scope."""
        try:
            # Base64 has no point; the signed cursors of former versions have one.
            read = self._read_signed if "." in cursor else self._read_encrypted
            backwards, inclusive, key = read(cursor, scope)
        except (BadData, InvalidTag, ValueError):
            detail = "is not a cursor of this list with this filter and order; begin without one"
            raise Malformed([Fault(detail, parameter=parameter)]) from None
        return Position(tuple(_decode(value) for value in key), backwards, inclusive)

    def _read_encrypted(self, cursor: str, scope: str) -> Any:
        encrypted = urlsafe_b64decode(cursor)
        if len(encrypted) < _BLOCK:
            raise ValueError
        return orjson.loads(self._cipher.decrypt(encrypted, [scope.encode()]))

    def _read_signed(self, cursor: str, scope: str) -> Any:
        """Read the cursor of a former version, which a client may have stored."""
        options = {"digest_method": sha256}
        salt = f"cursor {scope}"
        return URLSafeSerializer(self._secret_key, salt=salt, signer_kwargs=options).loads(cursor)


class Paging:
    """The position of a request in a list, and the links of the page there."""

    def __init__(
        self, cursors: Cursors, target: Link, query: Query, default_limit: int = DEFAULT_LIMIT
    ) -> None:
        """Read the cursor of a request for the list at ``target``. Raises Malformed."""
        self._cursors = cursors
        self._target = target
        self._written = query.written
        scope = sorted((k, v) for k, v in self._written.items() if k not in _UNSCOPED)
        self._scope = f"{current_request().path} {scope}"
        self.limit: int = query.get("limit", default_limit)
        cursor = query.get("cursor")
        self.position = None if cursor is None else cursors.read(cursor, self._scope)

    def links(self, page: Page[Any]) -> Mapping[str, Link]:
        """``self``, ``first``, and ``prev`` and ``next`` where there are such pages."""
        others = {name: text for name, text in self._written.items() if name != "cursor"}
        links = {
            relations.SELF: Links.query(self._target, self._written),
            relations.FIRST: Links.query(self._target, others),
        }
        neighbours = ((relations.PREVIOUS, page.previous), (relations.NEXT, page.next))
        for relation, position in neighbours:
            if position is not None:
                cursor = self._cursors.write(position, self._scope)
                links[relation] = Links.query(self._target, {**others, "cursor": cursor})
        return links


def _encode(value: Any) -> int | str | list[int]:
    """Text as it is, a moment in microseconds, and a number as a list of one."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return [value] if isinstance(value, int) else str(value)


def _decode(value: int | str | list[int]) -> datetime | str | int:
    if isinstance(value, int):
        return _EPOCH + value * _MICROSECOND
    return value if isinstance(value, str) else value[0]
