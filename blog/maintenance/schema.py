"""Upgrading the schema of a database, and checking which one it has."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from blog.database.database import Database
from blog.database.postgresql import triggers
from blog.database.session import Session
from blog.errors import DatabaseError, NotReady
from blog.maintenance.migrations import HEAD
from blog.storage.tables import PUBLIC_TABLES, metadata


def upgrade(database: Database) -> bool:
    """Upgrade the database to the newest schema; return whether that was necessary.

    Several processes may call this at once: one upgrades while the others wait for its lock.
    Raises DatabaseError for the schema of a newer program, or a file that can't be opened.
    """
    database.backend.create()
    # While there is no primary, a replica can show that nothing is to be done.
    with database.session("primary, else replica") as session:
        return _needs_upgrade(session.reading()) and session.write(upgrade_in, "upgrading")


def upgrade_in(connection: Connection) -> bool:
    """Upgrade the database in an exclusive transaction; return whether that was necessary.

    Raises DatabaseError for the schema of a newer program.
    """
    if not _needs_upgrade(connection):
        return False
    if revision(connection) != HEAD:
        _migrate(connection)
    triggers.create(connection, PUBLIC_TABLES)
    return True


def require_ready(session: Session) -> None:
    """Raise NotReady if the schema is not the one that this program needs.

    Raises StorageUnavailable or DatabaseError if it can't be read.
    """
    if (found := revision(session.reading())) != HEAD:
        detail = f"the database has {found or 'no'} schema, and this program needs {HEAD}"
        raise NotReady("schema", detail)


def require_blog(database: Database, name: str, *, create: bool = False) -> None:
    """Raise DatabaseError, which shows ``name``, if a database contains no blog.

    With ``create``, create one instead. A blog with another schema is left as it is.
    """
    database.backend.require_exists()
    with database.session("primary, else replica") as session:
        if revision(session.reading()) is not None:
            return
    if not create:
        raise no_blog(name)
    upgrade(database)


def no_blog(name: str) -> DatabaseError:
    """The error for a database without a blog."""
    return DatabaseError(f"there is no blog in the database {name}")


def why_unwritable(session: Session) -> str | None:
    """Why a write would fail; None if it would not. Raises StorageUnavailable."""
    return session.why_unwritable(list(metadata.tables))


def require_current(session: Session) -> None:
    """Raise DatabaseError if the schema is not the one that this program needs."""
    found = revision(session.reading())
    if found is not None and found < HEAD:
        raise DatabaseError(
            f"the database has schema {found}, and this program needs {HEAD}: "
            "run `blog database upgrade`"
        )
    if found != HEAD:
        raise _newer(found)


def revision(connection: Connection) -> str | None:
    """The schema's revision; None if there are no tables.

    Raises DatabaseError if the tables are those of another program.
    """
    tables = inspect(connection).get_table_names()
    if tables and "alembic_version" not in tables:
        raise DatabaseError("the database contains tables of another program: choose another one")
    if not tables:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _needs_upgrade(connection: Connection) -> bool:
    return revision(connection) != HEAD or triggers.can_repair(connection, PUBLIC_TABLES)


def _migrate(connection: Connection) -> None:
    # Alembic takes a while to import, and most starts don't need it.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "blog.maintenance:migrations")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise _newer(revision(connection)) from error


def _newer(found: str | None) -> DatabaseError:
    return DatabaseError(
        f"the database has schema {found} of another version of this program, and this version "
        f"needs {HEAD}: install the other version"
    )
