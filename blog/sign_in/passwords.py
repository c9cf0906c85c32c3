"""Passwords: hashed with Argon2id, compared in constant time, remembered for a minute."""

from __future__ import annotations

import hmac
import os
import threading
from base64 import b64encode
from collections.abc import Callable
from hmac import compare_digest
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from cachetools import TTLCache

_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# Each hashing takes 19 MiB and a core; more than two at a time would let a few bad passwords
# starve everyone else.
AT_ONCE = 2
_REMEMBERED_SECONDS = 60
_REMEMBERED = 1024
_GATE = threading.BoundedSemaphore(AT_ONCE)


def hash_password(password: str) -> str:
    """Hash a new password; the result says by what parameters and salt."""
    with _GATE:
        return _HASHER.hash(normalize("NFC", password))


def needs_rehash(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(password_hash)


def matches(password_hash: str, password: str) -> bool:
    """Whether a password is the one that was hashed; takes some 50 ms."""
    with _GATE:
        try:
            return _HASHER.verify(password_hash, normalize("NFC", password))
        except (VerificationError, ValueError):
            return False


class PasswordChecker:
    """Compares passwords with hashes; remembers what was right, as a digest, never in clear.

    The digest's key lives in this process alone. What is remembered is for one hash and one
    address: a changed password is forgotten at once, in every process, and nobody is let in because
    somebody else was. It is forgotten too once another password is tried there: to ask whether a
    guess is the one that is remembered costs nothing and would be counted nowhere.
    """

    def __init__(self, matches: Callable[[str, str], bool] = matches) -> None:
        """Take what compares a hash and a password."""
        self._matches = matches
        self._key = os.urandom(32)
        self._right: TTLCache[tuple[str, str], bytes] = TTLCache(_REMEMBERED, _REMEMBERED_SECONDS)
        self._lock = threading.Lock()

    def remembers(self, password_hash: str, password: str, address: str) -> bool:
        """Whether this password was right for this hash, from there, within the last minute."""
        place, digest = (password_hash, address), self._digest(password)
        with self._lock:
            if compare_digest(self._right.get(place, b""), digest):
                return True
            self._right.pop(place, None)
        return False

    def verify(self, password_hash: str | None, password: str, address: str) -> bool:
        """Whether the password is the one that was hashed; takes some 50 ms.

        Without a hash, when there is no such author, it takes as long, and is False.
        """
        if not self._matches(password_hash or _nobodys_hash(), password) or password_hash is None:
            return False
        with self._lock:
            self._right[password_hash, address] = self._digest(password)
        return True

    def _digest(self, password: str) -> bytes:
        return hmac.digest(self._key, normalize("NFC", password).encode(), "sha256")


def _nobodys_hash() -> str:
    """A hash that no password has, and that takes as long to compare as anybody's."""
    salt, digest = (b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
    parameters = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${parameters}${salt}${digest}"
