"""Idempotency keys: a client names a request, so that sending it again has no further effect.

A key is stored in the transaction of the change itself, so neither exists without the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, not_, select

from blog.content.posts import Post
from blog.content.revisions import Revision
from blog.errors import Fault, Invalid
from blog.storage import lifetimes, revisions
from blog.storage.access import Transaction
from blog.storage.tables import idempotency_key

LIFETIME = timedelta(hours=24)

_c = idempotency_key.c
_is_claimed = (_c.author_name == bindparam("claimant")) & (_c.key == bindparam("claimed"))
_FIND = select(_c.fingerprint, _c.post_id, _c.version, _c.written).where(
    _is_claimed, lifetimes.counts(_c.created_date)
)
_FORGET = delete(idempotency_key).where(_is_claimed, not_(lifetimes.counts(_c.created_date)))
_SWEEP = lifetimes.Sweep(idempotency_key, _c.created_date)


class Outcome(NamedTuple):
    """The result of a request: a version of a post, and whether the request wrote it."""

    revision: Revision
    written: bool


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key that an author gives a request; the fingerprint identifies the request itself."""

    author_name: str
    key: str
    fingerprint: str
    now: datetime

    def enter(self, transaction: Transaction) -> Outcome | None:
        """Begin to process the request; return its outcome where it was processed before.

        Other transactions with this key wait until this one ends. Raises Invalid as `outcome` does.
        """
        transaction.lock_name(f"{self.author_name} {self.key}")
        return self.outcome(transaction.connection)

    def outcome(self, connection: Connection) -> Outcome | None:
        """The outcome of the request, where it was processed within the last 24 hours.

        Raises Invalid where another request had the key.
        """
        row = connection.execute(_FIND, self._name | self._window).first()
        if row is None:
            return None
        if row.fingerprint != self.fingerprint:
            detail = f"{self.key!a:.80} was used for another request: use a new key for each"
            raise Invalid([Fault(detail, header="Idempotency-Key")])
        revision = revisions.load(connection, row.post_id, row.version)
        return None if revision is None else Outcome(revision, row.written)

    def store(self, connection: Connection, post: Post, *, written: bool = True) -> None:
        """Store this version of a post as the outcome of the request, and sweep expired keys."""
        _SWEEP.run(connection, self._window)
        # This very key may have expired too, and not be among those that were swept.
        connection.execute(_FORGET, self._name | self._window)
        values = {
            "author_name": self.author_name,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "post_id": post.id,
            "version": post.version,
            "written": written,
            "created_date": self.now,
        }
        connection.execute(insert(idempotency_key), values)

    @property
    def _name(self) -> dict[str, object]:
        return {"claimant": self.author_name, "claimed": self.key}

    @property
    def _window(self) -> dict[str, object]:
        return lifetimes.window(self.now, LIFETIME)
