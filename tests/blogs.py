"""Databases for tests, of every kind: new for each test, with authors in them or empty."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

from blog.content.tokens import digest
from blog.database.database import Database
from blog.maintenance import schema
from blog.sign_in.passwords import hash_password
from blog.storage import accounts, tokens
from blog.storage.tokens import AccessToken
from tests.contract import Clock
from tests.people import LABEL, PEOPLE
from tests.servers.postgresql import Cluster


class Blogs(Protocol):
    """Makes databases of one kind."""

    # As SQLAlchemy calls it.
    kind: str

    def copy(self, directory: Path) -> AbstractContextManager[str]:
        """The URL of a new database with the authors of `tests.people` and no posts."""

    def empty(self, directory: Path) -> AbstractContextManager[str]:
        """The URL of a new database without any table."""


class SQLiteBlogs:
    """Files called blog.db, in the directory of the test."""

    kind = "sqlite"

    def __init__(self, directory: Path) -> None:
        self._template = directory / "blog.db"
        _fill(self._url(self._template))

    @contextmanager
    def copy(self, directory: Path) -> Iterator[str]:
        shutil.copy(self._template, directory / "blog.db")
        yield self._url(directory / "blog.db")

    @contextmanager
    def empty(self, directory: Path) -> Iterator[str]:
        yield self._url(directory / "blog.db")

    @staticmethod
    def _url(path: Path) -> str:
        return f"sqlite:///{path}"


class PostgreSQLBlogs:
    """Databases on one server, dropped after the test."""

    kind = "postgresql"

    def __init__(self, server: Cluster, options: str = "") -> None:
        """Databases on this server, with a URL that ends in these options."""
        self._server = server
        self._options = options
        self._names = (f"blog_{number}" for number in count())
        server.execute("CREATE DATABASE filled")
        _fill(server.url("filled"))

    def copy(self, directory: Path) -> AbstractContextManager[str]:
        return self._make("filled")

    def empty(self, directory: Path) -> AbstractContextManager[str]:
        return self._make("template1")

    @contextmanager
    def _make(self, template: str) -> Iterator[str]:
        name = next(self._names)
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        yield self._server.url(name) + self._options
        self._server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _fill(url: str) -> None:
    database = Database(url)
    schema.upgrade(database)
    now = Clock().now
    with database.session() as session:
        for person in PEOPLE:
            hashed = hash_password(person.password)
            accounts.add(session, person.name, person.role, hashed, now=now)
            token = AccessToken(LABEL, "write", now, last_used=now.date())
            tokens.add(session, person.name, token, digest(person.token))
    database.close()
