"""The throttle: how many sign-ins may fail before further ones are refused, right or wrong.

A failure counts for the client's address and for the author's name, over all processes; past either
limit no password is hashed until failures have expired. A success makes the address a known one of
the author for 30 days: from there only the count of the address applies, and failures count for the
address alone, so that others can't lock the author out. A success resets no count: otherwise the
owner of one account could guess the passwords of others without limit.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from threading import BoundedSemaphore

from blog.database.session import Session
from blog.errors import StorageUnavailable, Throttled, TooManySignIns
from blog.sign_in.failure_counts import FailureCounts
from blog.sign_in.passwords import MAX_CONCURRENT
from blog.storage import known_addresses
from blog.storage.accounts import Account

logger = logging.getLogger("blog.auth")

# In bytes; collisions are negligible.
_DIGEST_SIZE = 16


@dataclass(frozen=True, slots=True)
class SignIn:
    """An attempt to sign in: the name, the address in clear, and the digest that is stored of it.

    ``can_wait`` says whether it may wait for other attempts.
    """

    name: str
    address: str
    address_key: str
    can_wait: bool


class Throttle:
    """Decides whether a sign-in is verified, and counts those that fail.

    Addresses and names are stored as digests only, under the secret key of the blog: a name may be
    a password that was typed into the wrong field.
    """

    def __init__(
        self, counts: FailureCounts, secret_key: str, now: Callable[[], datetime], limit: int
    ) -> None:
        """Count with ``counts``, by the clock ``now``; handle ``limit`` sign-ins at a time."""
        self._counts = counts
        self._secret_key = secret_key.encode()
        self._now = now
        # Concurrent guesses are counted before further ones are verified.
        self._verifying = BoundedSemaphore(MAX_CONCURRENT)
        self._pending = BoundedSemaphore(limit)

    def begin(self, name: str, address: str, can_wait: bool) -> SignIn:
        """A sign-in under a name, in NFC, from an address."""
        return SignIn(name, address, self._digest("address", _network(address)), can_wait)

    def verify(
        self,
        session: Session,
        sign_in: SignIn,
        noted: datetime | None,
        verify_password: Callable[[], Account | None],
    ) -> Account | None:
        """The account that ``verify_password`` gives; None, counted as a failure, where it does.

        ``noted`` is when the author last signed in from this address. The session is closed before
        the password is verified. Raises Throttled past the limit, without verifying; and
        TooManySignIns where too many are pending and this one can't wait: each holds a thread.
        """
        now = self._now()
        keys = self._keys(sign_in, noted, now)
        # The session's snapshot is older than what sign-ins before this one will have counted.
        session.close()
        with self._pending_place(sign_in.can_wait), self._verifying:
            self._check(session, sign_in, keys, now)
            account = verify_password()
            if account is None:
                self._counts.add(session, keys, now)
                return None
        if known_addresses.is_due(noted, now):
            _note(session, sign_in, now)
        return account

    def _check(self, session: Session, sign_in: SignIn, keys: Sequence[str], now: datetime) -> None:
        """Raise Throttled where a limit is reached."""
        seconds = self._counts.wait(session, keys, now)
        # Hashing is slow; the connection goes back to the pool meanwhile.
        session.close()
        if seconds:
            # The name is not verified, so it is not logged.
            logger.warning("too many sign-ins from %.80s have failed", ascii(sign_in.address))
            raise Throttled(seconds)

    @contextmanager
    def _pending_place(self, can_wait: bool) -> Iterator[None]:
        if not self._pending.acquire(blocking=can_wait):
            raise TooManySignIns("too many sign-ins at the same time: try again")
        try:
            yield
        finally:
            self._pending.release()

    def _keys(self, sign_in: SignIn, noted: datetime | None, now: datetime) -> Sequence[str]:
        """The keys under which a failure is counted."""
        if known_addresses.is_known(noted, now):
            return [sign_in.address_key]
        return [sign_in.address_key, self._digest("author", sign_in.name)]

    def _digest(self, *parts: str) -> str:
        text = "\0".join(("sign-in", *parts))
        return hmac.digest(self._secret_key, text.encode(), "sha256")[:_DIGEST_SIZE].hex()


def _note(session: Session, sign_in: SignIn, now: datetime) -> None:
    """Store where an author has signed in; where that fails, a next sign-in does."""
    try:
        known_addresses.note(session, sign_in.name, sign_in.address_key, now)
    except StorageUnavailable as error:
        session.close()
        logger.warning("the sign-in of %r was not noted: %s", sign_in.name, error)


def _network(address: str) -> str:
    """An address of IPv4, or the /64 network of one of IPv6, which is one client's (RFC 6177)."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip.packed[:8].hex())
    return str(ip)
