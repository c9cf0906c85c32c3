"""Passwords: hashed with Argon2id; a verified one is cached for a minute, as a keyed digest."""

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
# Each hashing takes 19 MiB and a core; more than two at a time would slow down all other requests.
MAX_CONCURRENT = 2
_CACHE_SECONDS = 60
_CACHE_SIZE = 1024
_HASHING = threading.BoundedSemaphore(MAX_CONCURRENT)


def hash_password(password: str) -> str:
    """The hash of a password, with its parameters and salt."""
    with _HASHING:
        return _HASHER.hash(normalize("NFC", password))


def needs_rehash(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than the current ones."""
    return _HASHER.check_needs_rehash(password_hash)


def matches(password_hash: str, password: str) -> bool:
    """Whether a password matches a hash; takes about 50 ms."""
    with _HASHING:
        try:
            return _HASHER.verify(password_hash, normalize("NFC", password))
        except (VerificationError, ValueError):
            return False


class PasswordChecker:
    """Compares passwords with hashes; caches those that matched, as digests, never in clear.

    The key of the digests exists in this process only. An entry is for one address and one account,
    named by the hash of its password, so a changed password is invalid at once in every process. A
    wrong password removes the entry: a comparison with the cache is cheap and not counted, and
    would allow unlimited guesses.
    """

    def __init__(self, matches: Callable[[str, str], bool] = matches) -> None:
        """Compare a hash and a password by ``matches``."""
        self._matches = matches
        self._key = os.urandom(32)
        self._cache: TTLCache[tuple[str, str], bytes] = TTLCache(_CACHE_SIZE, _CACHE_SECONDS)
        self._lock = threading.Lock()

    def remember(self, account: str, password: str, address: str) -> None:
        """Cache a password that is right for an account, from an address, for a minute."""
        with self._lock:
            self._cache[account, address] = self._digest(password)

    def remembers(self, account: str, password: str, address: str) -> bool:
        """Whether this password is cached for this account and address."""
        key, digest = (account, address), self._digest(password)
        with self._lock:
            if compare_digest(self._cache.get(key, b""), digest):
                return True
            self._cache.pop(key, None)
        return False

    def verify(self, password_hash: str | None, password: str, address: str) -> bool:
        """Whether a password matches a hash; takes about 50 ms.

        Without a hash, as for an unknown author, it is False and takes equally long.
        """
        if not self._matches(password_hash or _random_hash(), password) or password_hash is None:
            return False
        self.remember(password_hash, password, address)
        return True

    def _digest(self, password: str) -> bytes:
        return hmac.digest(self._key, normalize("NFC", password).encode(), "sha256")


def _random_hash() -> str:
    """A hash that no password matches, and that takes as long to compare as any other."""
    salt, digest = (b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
    parameters = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${parameters}${salt}${digest}"
