"""Bringing the database up to date, and saying whether it is sound."""

from __future__ import annotations

from sqlalchemy import Connection, exists, func, inspect, select, text

from blog.content.posts import fold_tag
from blog.errors import DatabaseError
from blog.storage.engine import Database
from blog.storage.migrations import HEAD
from blog.storage.tables import post, tag


def upgrade(database: Database) -> bool:
    """Bring the database to the newest schema; give whether there was anything to do.

    Any number of processes may call this at once: the first does the work under the write lock,
    the others wait for it. Raises DatabaseError for a database of a newer program, or a file that
    can't be opened.
    """
    database.server.create()
    # While there is no primary, a replica can say that there is nothing to do.
    with database.session("primary, else replica") as session:
        return revision(session.reading()) != HEAD and session.write(upgrade_in, "upgrading")


def upgrade_in(connection: Connection) -> bool:
    """Bring the database to the newest schema, in a transaction that shares it with nobody.

    Gives whether there was anything to do. Raises DatabaseError for a database of a newer program.
    """
    if revision(connection) == HEAD:
        return False
    _migrate(connection)
    return True


def faults(database: Database) -> list[str]:
    """Everything found wrong with the database, in a sentence each; none is a sound one.

    Raises DatabaseError where there is no database.
    """
    database.server.require()
    with database.session() as session:
        connection = session.reading()
        if (found := revision(connection)) != HEAD:
            return [f"the schema is at {found or 'nothing'}, not at {HEAD}"]
        return [
            *database.server.damages(connection),
            *_wrong_tags(connection),
            *_wrong_keys(connection),
        ]


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


def _migrate(connection: Connection) -> None:
    # Alembic takes a while to load, and most starts have no need of it.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "blog.storage:migrations")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DatabaseError(
            f"the database is at schema {revision(connection)}, made by another version of this "
            f"program, which knows {HEAD}: install that version"
        ) from error


def _wrong_tags(connection: Connection) -> list[str]:
    """Tags are kept twice, in the post and for look-up; say of which posts the two differ."""
    kept = select(func.count()).where(tag.c.post_id == post.c.id).scalar_subquery()
    stale = exists().where(
        tag.c.post_id == post.c.id,
        (tag.c.status != post.c.status)
        | (tag.c.sort_date != post.c.sort_date)
        | (tag.c.author_name != post.c.author_name)
        | (tag.c.updated_date != post.c.updated_date)
        | (tag.c.title != post.c.title),
    )
    wrong = select(post.c.id).where((kept != func.json_array_length(post.c.tags)) | stale)
    return [f"post {row.id} is not found by its tags" for row in connection.execute(wrong)]


def _wrong_keys(connection: Connection) -> list[str]:
    statement = select(tag.c.post_id, tag.c.key, tag.c.name)
    with connection.execute(statement, execution_options={"yield_per": 1000}) as rows:
        wrong = [(row.post_id, row.name) for row in rows if fold_tag(row.name) != row.key]
    return [f"post {post_id} is not found by its tag {name!r}" for post_id, name in wrong]
