"""Settings as the contents of databases, by which a copy is compared with its original."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert, select

from blog.database.database import Database
from blog.maintenance import integrity
from blog.storage.tables import setting


def ignore_progress(_done: int, _total: int) -> None:
    """Take no notice of how far a copy is."""


def keep(database: Database, *names: str) -> None:
    """Keep settings, all in one transaction."""
    with database.session() as session, session.writing() as connection:
        connection.execute(insert(setting), [{"name": name, "value": name} for name in names])


def kept(path: Path) -> set[str]:
    """The names of the settings in a copy, which must be sound."""
    copy = Database(f"sqlite:///{path}")
    try:
        assert integrity.faults(copy) == []
        with copy.session() as session:
            return set(session.reading().scalars(select(setting.c.name)))
    finally:
        copy.close()
