"""Bringing the database up to date, under a lock that the others wait for."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from blog.database.database import Database
from blog.database.postgresql import triggers
from blog.database.session import Session
from blog.errors import DatabaseError, NotReady
from blog.maintenance.migrations import HEAD
from blog.storage.tables import PUBLIC_TABLES, metadata


def upgrade(database: Database) -> bool:
    """Bring the database to the newest schema; give whether there was anything to do.

    Any number of processes may call this at once: the first does the work under the write lock,
    the others wait for it. Raises DatabaseError for a database of a newer program, or a file that
    can't be opened.
    """
    database.backend.create()
    # While there is no primary, a replica can say that there is nothing to do.
    with database.session("primary, else replica") as session:
        return _is_behind(session.reading()) and session.write(upgrade_in, "upgrading")


def upgrade_in(connection: Connection) -> bool:
    """Bring the database to the newest schema, in a transaction that shares it with nobody.

    Gives whether there was anything to do. Raises DatabaseError for a database of a newer program.
    """
    if not _is_behind(connection):
        return False
    if revision(connection) != HEAD:
        _migrate(connection)
    triggers.create(connection, PUBLIC_TABLES)
    return True


def require_newest(session: Session) -> None:
    """Raise NotReady where the database has another schema than this program.

    Raises StorageUnavailable or DatabaseError where it can't be read.
    """
    if (found := revision(session.reading())) != HEAD:
        detail = f"the database has {found or 'no'} schema, and this program needs {HEAD}"
        raise NotReady("schema", detail)


def require_blog(database: Database, place: str, *, make: bool = False) -> None:
    """Raise DatabaseError where there is no blog in a database; ``place`` is its name.

    With ``make`` one is made there. A blog of another schema is left as it is.
    """
    database.backend.require_exists()
    with database.session("primary, else replica") as session:
        if revision(session.reading()) is not None:
            return
    if not make:
        raise no_blog(place)
    upgrade(database)


def no_blog(place: str) -> DatabaseError:
    """The error for a database, by its name, in which there is no blog."""
    return DatabaseError(f"there is no blog in the database {place}")


def why_unwritable(session: Session) -> str | None:
    """Why a write would fail, None where it would not. Raises StorageUnavailable."""
    return session.why_unwritable(list(metadata.tables))


def require_head(session: Session) -> None:
    """Raise DatabaseError where the database has another schema than this program."""
    found = revision(session.reading())
    if found is not None and found < HEAD:
        raise DatabaseError(
            f"the database is at schema {found}, and this program needs {HEAD}: "
            "`blog database upgrade` brings it up to date"
        )
    if found != HEAD:
        raise _newer(found)


def revision(connection: Connection) -> str | None:
    """What schema the database has, None where it has no table at all.

    Raises DatabaseError where the tables are another program's.
    """
    tables = inspect(connection).get_table_names()
    if tables and "alembic_version" not in tables:
        raise DatabaseError("the database holds something else: name another one")
    if not tables:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _is_behind(connection: Connection) -> bool:
    return revision(connection) != HEAD or triggers.can_repair(connection, PUBLIC_TABLES)


def _migrate(connection: Connection) -> None:
    # Alembic takes a while to load, and most starts have no need of it.
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
        f"the database is at schema {found}, made by another version of this program, which knows "
        f"{HEAD}: install that version"
    )
