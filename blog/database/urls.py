"""URLs of databases: which kinds are supported, and suggestions for those that are not."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from blog.database.postgresql.urls import check_url
from blog.errors import DatabaseError

_SCHEME = re.compile(r"(sqlite3?|file):(/*)", re.IGNORECASE)


def read_url(url: str | URL) -> URL:
    """Parse a database URL. Raises DatabaseError for one that can't be used."""
    if str(url).startswith("postgresql"):
        check_url(str(url))
    try:
        return _read_url(url)
    except DatabaseError as error:
        raise DatabaseError(f"{error}{_suggestion(str(url))}") from None


def _read_url(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseError("the database URL can't be read") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        read_path(parsed)
    elif backend != "postgresql":
        raise DatabaseError(
            f"{backend!r} is not supported: begin with sqlite:/// or postgresql+psycopg://"
        )
    elif parsed.drivername not in ("postgresql", "postgresql+psycopg"):
        raise DatabaseError(f"{parsed.drivername!r} is not supported: use postgresql+psycopg://")
    return parsed


def read_path(url: URL) -> Path:
    """The file of an SQLite URL. Raises DatabaseError for a URL that names none."""
    file = url.database
    if not file or ":memory:" in file or url.query or url.host:
        shown = url.render_as_string(hide_password=True)
        raise DatabaseError(f"{shown!r} names no SQLite file, as sqlite:///blog.db does")
    return Path(file).absolute()


def read_replica_url(url: str) -> URL:
    """Parse a URL of replicas. Raises DatabaseError for one that can't be used."""
    parsed = read_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseError("only PostgreSQL has replicas")
    # Each replica gets connections of its own.
    if "port" in parsed.query or any(
        "," in host for host in parsed.normalized_query.get("host", ())
    ):
        raise DatabaseError("write each replica as host=NAME:PORT")
    return parsed


def _suggestion(text: str) -> str:
    """A question that suggests the URL of an SQLite file, or nothing."""
    path = _path_in(text).partition("?")[0]
    # The part before an @ may be a password, which must not be shown.
    if "@" in text or path.strip("/ ") in ("", ":memory:"):
        return ""
    return f"; did you mean sqlite:///{path}?"


def _path_in(text: str) -> str:
    """The path in a text; empty if it is a URL of another kind."""
    if scheme := _SCHEME.match(text):
        rest = text[scheme.end() :]
        # Three slashes begin an absolute path after file:, and a relative one after sqlite:.
        absolute = (1, 3) if scheme[1].lower() == "file" else (1, 4)
        return f"/{rest}" if len(scheme[2]) in absolute else rest
    if "://" in text:
        return ""
    # A setting in a file is not expanded by a shell.
    return os.path.expanduser(text)
