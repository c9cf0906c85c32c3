"""URLs of databases: which are served, and what another text was meant to be."""

from __future__ import annotations

import os
import re

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from blog.database.postgresql.urls import check
from blog.database.sqlite.backend import read_path
from blog.errors import DatabaseError

_SCHEME = re.compile(r"(sqlite3?|file):(/*)", re.IGNORECASE)


def read_url(url: str | URL) -> URL:
    """A database URL, taken apart. Raises DatabaseError for one that can't be used."""
    if str(url).startswith("postgresql"):
        check(str(url))
    try:
        return _read_url(url)
    except DatabaseError as error:
        raise DatabaseError(f"{error}{_likely_file_url(str(url))}") from None


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
            f"{backend!r} is not served: begin with sqlite:/// or postgresql+psycopg://"
        )
    elif parsed.drivername not in ("postgresql", "postgresql+psycopg"):
        raise DatabaseError(f"{parsed.drivername!r} is not served: write postgresql+psycopg://")
    return parsed


def read_replica_url(url: str) -> URL:
    """The URL of replicas, taken apart. Raises DatabaseError for one that can't be used."""
    parsed = read_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseError("only PostgreSQL has replicas")
    # Each gets connections of its own.
    if "port" in parsed.query or any(
        "," in host for host in parsed.normalized_query.get("host", ())
    ):
        raise DatabaseError("write each replica as host=NAME:PORT")
    return parsed


def _likely_file_url(text: str) -> str:
    """A question that offers the URL of the SQLite file that may be meant, or nothing."""
    path = _path_in(text).partition("?")[0]
    # What stands before an @ may be a password, which is not to be said again.
    if "@" in text or path.strip("/ ") in ("", ":memory:"):
        return ""
    return f"; did you mean sqlite:///{path}?"


def _path_in(text: str) -> str:
    """The path in a text; empty where it is a URL of another kind."""
    if scheme := _SCHEME.match(text):
        rest = text[scheme.end() :]
        # Three slashes begin an absolute path after file:, and a relative one after sqlite:.
        absolute = (1, 3) if scheme[1].lower() == "file" else (1, 4)
        return f"/{rest}" if len(scheme[2]) in absolute else rest
    if "://" in text:
        return ""
    # No shell has expanded it where a setting is read from a file.
    return os.path.expanduser(text)
