"""Guessing: how many sign-ins may fail before the next one is refused, right or wrong.

A failure counts for the address that it comes from and for the author whose name it bears, over all
processes; past the limit of either nothing is hashed until there is room again. A success makes the
address a known one of the author for 30 days, where only the count of the address holds and is
counted in, so that nobody elsewhere can lock the author out of it. It clears nothing else: whoever
has an account could go on guessing the passwords of others.
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
from blog.errors import Crowded, StorageUnavailable, Throttled
from blog.sign_in.failure_counts import Counts
from blog.sign_in.passwords import AT_ONCE
from blog.storage import known_addresses

logger = logging.getLogger("blog.auth")

# Long enough that no two are the same.
_DIGEST_SIZE = 16


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that is tried: as whom, and from where, in clear and as it is kept."""

    name: str
    address: str
    address_key: str


class Throttle:
    """Decides whether a sign-in is heard, and counts those that fail.

    Addresses, and names, which may be passwords in the wrong place, are kept as digests alone,
    under the secret key of the blog.
    """

    def __init__(
        self, counts: Counts, secret_key: str, now: Callable[[], datetime], places: int
    ) -> None:
        """Count somewhere, by a clock; so many sign-ins are looked at or wait for it at once."""
        self._counts = counts
        self._secret_key = secret_key.encode()
        self._now = now
        # Guesses that come together are counted before the next ones are heard.
        self._turns = BoundedSemaphore(AT_ONCE)
        self._places = BoundedSemaphore(places)

    def begin(self, name: str, address: str) -> SignIn:
        """A sign-in under a name, in NFC, from an address."""
        return SignIn(name, address, self._digest("address", _network(address)))

    def judge(
        self,
        session: Session,
        sign_in: SignIn,
        noted: datetime | None,
        is_right: Callable[[], bool],
        patient: bool,
    ) -> bool:
        """Whether a sign-in is right, as ``is_right`` says, which past the limit is not asked.

        One that is wrong is counted. ``noted`` is when the author was last seen at this address.
        The session is closed while ``is_right`` is asked. Raises Throttled and,
        unless it is patient, Crowded where too many are here: each keeps a thread from readers.
        """
        now = self._now()
        keys = self._keys(sign_in, noted, now)
        # Those before have counted what the snapshot of the session does not show.
        session.close()
        with self._place(patient), self._turns:
            wait = self._counts.wait(session, keys, now)
            # To hash takes long; the connection is given back meanwhile.
            session.close()
            if wait:
                # A name that was only claimed is no fact for a log.
                logger.warning("too many sign-ins from %.80s have failed", ascii(sign_in.address))
                raise Throttled(wait)
            if not is_right():
                self._counts.add(session, keys, now)
                return False
        if known_addresses.is_due(noted, now):
            _note(session, sign_in, now)
        return True

    @contextmanager
    def _place(self, patient: bool) -> Iterator[None]:
        if not self._places.acquire(blocking=patient):
            raise Crowded("too many sign in at once: try again")
        try:
            yield
        finally:
            self._places.release()

    def _keys(self, sign_in: SignIn, noted: datetime | None, now: datetime) -> Sequence[str]:
        """What a failure is counted under."""
        if known_addresses.is_known(noted, now):
            return [sign_in.address_key]
        return [sign_in.address_key, self._digest("author", sign_in.name)]

    def _digest(self, *parts: str) -> str:
        text = "\0".join(("sign-in", *parts))
        return hmac.digest(self._secret_key, text.encode(), "sha256")[:_DIGEST_SIZE].hex()


def _note(session: Session, sign_in: SignIn, now: datetime) -> None:
    """Note where an author has signed in, now or at a next sign-in."""
    try:
        known_addresses.note(session, sign_in.name, sign_in.address_key, now)
    except StorageUnavailable as error:
        session.close()
        logger.warning("the sign-in of %r was not noted: %s", sign_in.name, error)


def _network(address: str) -> str:
    """An address, or all of those that one client of IPv6 may choose from (RFC 6177)."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip.packed[:8].hex())
    return str(ip)
