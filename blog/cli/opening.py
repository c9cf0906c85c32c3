"""Opens the database of the settings for a command, and prints it on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from blog.database.database import Database
    from blog.database.limits import Limits
    from blog.database.session import Session
    from blog.settings import Settings


def load_settings() -> Settings:
    """The settings of the environment. Raises InvalidSetting."""
    from blog.settings import read_settings

    return read_settings()


def command_limits(settings: Settings, connections: int = 1) -> Limits:
    """The limits of a command: few connections, and no time limit for its statements."""
    return replace(settings.limits, connections=connections, statement=0)


@contextmanager
def database(*, make: bool = False, connections: int = 1) -> Iterator[Database]:
    """The database of the settings, which has to contain a blog, of any schema.

    With ``make``, it is created if there is none. Raises DatabaseError if there is no database, or
    no blog in it.
    """
    from blog.maintenance import schema

    settings = load_settings()
    with connect(settings, connections) as opened:
        made = make and make_file(opened, settings)
        schema.require_blog(opened, place(settings.database_url), create=make)
        if not made:
            name_database(settings)
        yield opened


@contextmanager
def session(*, make: bool = False) -> Iterator[Session]:
    """A session on the database of the settings, which has to have the current schema.

    Raises DatabaseError if it has not, and as `database` does.
    """
    from blog.maintenance import schema

    with database(make=make) as opened, opened.session("primary, else replica") as given:
        schema.require_current(given)
        yield given


def require_current(opened: Database) -> None:
    """Raise DatabaseError if the schema of a database is not the current one."""
    from blog.maintenance import schema

    with opened.session("primary, else replica") as given:
        schema.require_current(given)


def make_file(opened: Database, settings: Settings, *, err: bool = True) -> bool:
    """Create the file of a database if there is none, and print it; return whether it was created.

    If standard error is the log, ``err`` is false.
    """
    made = opened.backend.create()
    if made:
        click.echo(f"Created the database {place(settings.database_url)}.", err=err)
    return made


def connect(settings: Settings, connections: int = 1) -> closing[Database]:
    """The database of the settings, not connected yet."""
    from blog.database.database import Database

    limits = command_limits(settings, connections)
    return closing(Database(settings.database_url, limits, settings.database_read_url))


def name_database(settings: Settings) -> None:
    """Print the database that was used on standard error; standard output is for results."""
    click.echo(f"Database: {place(settings.database_url)}", err=True)


def place(url: str) -> str:
    """The database at a URL for messages: a file by its absolute path, and no password."""
    from blog.database.urls import read_path, read_url
    from blog.setting_faults import mask

    parsed = read_url(url)
    is_file = parsed.get_backend_name() == "sqlite"
    return repr(str(read_path(parsed)) if is_file else mask(url))
