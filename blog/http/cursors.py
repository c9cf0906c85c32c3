"""Cursors: places in a list that a client carries, and can neither read nor forge."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from itsdangerous import BadData, URLSafeSerializer

from blog.errors import Fault, Malformed
from blog.storage.keyset import Position

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Every cursor has a multiple of so many bytes, its tag included: how long a number is tells how
# large. In Base64 such a multiple needs no padding.
_BLOCK = 144
_TAG = 16


class Cursors:
    """Turns positions in a list into opaque text and back.

    AES-SIV (RFC 5297) gives the same text for the same position, so that a page that stays the
    same keeps its entity-tag, and tells nothing else of it. The scope is authenticated with it:
    a cursor is of no use in another list.
    """

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key
        self._cipher = AESSIV(digest(secret_key.encode(), b"blog cursors", "sha512"))

    def write(self, position: Position, scope: str) -> str:
        """The cursor of a position in the list that the scope names."""
        key = [_encode(value) for value in position.key]
        payload = orjson.dumps([position.backwards, position.inclusive, key])
        blocks = 1 + (len(payload) + _TAG - 1) // _BLOCK
        # JSON may end with blanks.
        padded = payload.ljust(blocks * _BLOCK - _TAG)
        return urlsafe_b64encode(self._cipher.encrypt(padded, [scope.encode()])).decode()

    def read(self, cursor: str, scope: str, parameter: str = "cursor") -> Position:
        """The position of a cursor. Raises Malformed unless it was written for this very list."""
        try:
            # Base64 has no point, and what former versions signed has one.
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
        """Read what former versions wrote; clients may have kept it."""
        options = {"digest_method": sha256}
        salt = f"cursor {scope}"
        return URLSafeSerializer(self._secret_key, salt=salt, signer_kwargs=options).loads(cursor)


def _encode(value: Any) -> int | str | list[int]:
    """Text as it is, a moment as microseconds, and a number in a list to tell it from a moment."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return [value] if isinstance(value, int) else str(value)


def _decode(value: int | str | list[int]) -> datetime | str | int:
    if isinstance(value, int):
        return _EPOCH + value * _MICROSECOND
    return value if isinstance(value, str) else value[0]
