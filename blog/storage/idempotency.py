"""Keys of requests: what a client calls a request, so that sending it again has no effect.

A key is kept in the transaction of the change itself, so there is never one without the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from blog.content.revisions import Revision
from blog.errors import Fault, Invalid
from blog.storage import revisions
from blog.storage.engine import Session
from blog.storage.tables import UTCDateTime, idempotency_key

LIFETIME = timedelta(hours=24)
# How many keys are taken away with each one that is kept: more than one, so that they get fewer.
_SWEPT = 10

_c = idempotency_key.c
_expiry = bindparam("expiry", type_=UTCDateTime)
_is_claimed = (_c.author_name == bindparam("claimant")) & (_c.key == bindparam("claimed"))
_FIND = select(_c.fingerprint, _c.post_id, _c.version, _c.written).where(
    _is_claimed, _c.created_date > _expiry
)
_FORGET = delete(idempotency_key).where(_is_claimed, _c.created_date <= _expiry)
_EXPIRED = (
    select(_c.author_name, _c.key)
    .where(_c.created_date <= _expiry)
    .order_by(_c.created_date)
    .limit(_SWEPT)
    # Whoever else takes them away need not be waited for.
    .with_for_update(skip_locked=True)
)


class Outcome(NamedTuple):
    """What came of a request: a version of a post, and whether the request wrote it."""

    revision: Revision
    written: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that an author gives a request; the fingerprint tells it from other requests."""

    author_name: str
    key: str
    fingerprint: str
    now: datetime

    def enter(self, session: Session, connection: Connection) -> Outcome | None:
        """Begin a transaction that is to do the request; give what came of it if it was done.

        Whoever else has the same claim waits until the transaction ends. Raises Invalid as
        `outcome` does.
        """
        session.lock_name(connection, f"{self.author_name} {self.key}")
        return self.outcome(connection)

    def outcome(self, connection: Connection) -> Outcome | None:
        """What came of the request when it was sent before, within the last 24 hours.

        Raises Invalid where another request had the key.
        """
        row = connection.execute(_FIND, self._name | self._expiry).first()
        if row is None:
            return None
        if row.fingerprint != self.fingerprint:
            detail = f"{self.key!a:.80} came with another request before: give each its own"
            raise Invalid([Fault(detail, header="Idempotency-Key")])
        revision = revisions.load(connection, row.post_id, row.version)
        return None if revision is None else Outcome(revision, row.written)

    def keep(
        self, connection: Connection, post_id: str, version: int, *, written: bool = True
    ) -> None:
        """Keep what has just come of the request, and let go of keys that have expired."""
        expired = connection.execute(_EXPIRED, self._expiry).all()
        names = [{"claimant": row.author_name, "claimed": row.key} for row in expired]
        # This very key may have expired too, and not be among the oldest.
        connection.execute(_FORGET, [{**name, **self._expiry} for name in (*names, self._name)])
        values = {
            "author_name": self.author_name,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "post_id": post_id,
            "version": version,
            "written": written,
            "created_date": self.now,
        }
        connection.execute(insert(idempotency_key), values)

    @property
    def _name(self) -> dict[str, object]:
        return {"claimant": self.author_name, "claimed": self.key}

    @property
    def _expiry(self) -> dict[str, object]:
        return {"expiry": self.now - LIFETIME}
