"""Rows that the tests of storage write and read: settings, of which no other table knows."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import insert, select

from blog.database.database import Database
from blog.database.session import Session
from blog.storage.tables import setting

_NAMES = select(setting.c.name).order_by(setting.c.name)


# Each takes several pages of the log.
_LONG = "x" * 10_000


def keep(session: Session, name: str, value: str = _LONG) -> None:
    """Write a setting, committed when this returns."""
    with session.writing() as connection:
        connection.execute(insert(setting).values(name=name, value=value))


def kept(database: Database) -> list[str]:
    """The names of the settings, as a new session reads them."""
    with database.session() as session:
        return list(session.reading().scalars(_NAMES))


def kept_at(url: str) -> list[str]:
    """The names of the settings, as another process reads them."""
    with closing(Database(url)) as other:
        return kept(other)
