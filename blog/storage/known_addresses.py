"""Addresses from which authors have signed in recently, each stored as a digest."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, literal, select, update

from blog.database.session import Session
from blog.database.types import UTCDateTime
from blog.storage import lifetimes
from blog.storage.tables import author, sign_in

_INTERVAL = timedelta(days=1)
# An address is known for 30 days after a sign-in, of which at most one a day is recorded.
_LIFETIME = timedelta(days=30) + _INTERVAL

_c = sign_in.c
_SWEEP = lifetimes.Sweep(sign_in, _c.date)


def is_known(noted: datetime | None, now: datetime) -> bool:
    """Whether an address is known, by the date of the last recorded sign-in from it."""
    return noted is not None and lifetimes.is_near(noted, now, _LIFETIME)


def is_due(noted: datetime | None, now: datetime) -> bool:
    """Whether a sign-in is to be recorded, by the date of the last recorded one."""
    return noted is None or not lifetimes.is_near(noted, now, _INTERVAL)


def note(session: Session, name: str, address_key: str, now: datetime) -> None:
    """Record that an author has signed in from an address, and sweep expired records.

    Does nothing for an author who was removed.
    """
    renewal = update(sign_in).where(_c.author_name == name, _c.address_key == address_key)
    new = select(author.c.name, literal(address_key), literal(now, UTCDateTime))

    def write_it(connection: Connection) -> None:
        _SWEEP.run(connection, lifetimes.window(now, _LIFETIME))
        if not connection.execute(renewal.values(date=now)).rowcount:
            columns = ["author_name", "address_key", "date"]
            found = new.where(author.c.name == name)
            connection.execute(insert(sign_in).from_select(columns, found))

    session.write(write_it)
