"""Others on the database of a test: what they change, and when, and what they keep us from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, Protocol

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import make_url

from blog.http.application import Application
from tests.storage.plans import statement_events


class Rival(Protocol):
    """A plain connection, on which each statement is a transaction unless one was begun.

    It may break foreign keys.
    """

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement and give the rows if there are any."""

    def begin_writing(self) -> None:
        """Begin a transaction that keeps every other one from writing, and none from reading."""

    def commit(self) -> None:
        """End the transaction."""


class _SQLiteRival:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()

    def begin_writing(self) -> None:
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.execute("COMMIT")


class _PostgreSQLRival:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        # Foreign keys are kept by triggers, and a replica has no need of them.
        self.execute("SET session_replication_role = replica")

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def begin_writing(self) -> None:
        self.execute("BEGIN")
        self.execute("LOCK TABLE author, access_token, post, tag, setting IN EXCLUSIVE MODE")

    def commit(self) -> None:
        self.execute("COMMIT")


@contextmanager
def connected(url: str) -> Iterator[Rival]:
    """Another program that is connected to a database of either kind."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(parsed.database), isolation_level=None)) as connection:
            yield _SQLiteRival(connection)
    else:
        dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(dsn, autocommit=True) as server:
            yield _PostgreSQLRival(server)


def change(url: str, *statements: str) -> None:
    """Change a database behind the program's back, whatever keys it breaks."""
    with connected(url) as rival:
        for statement in statements:
            rival.execute(statement)


@contextmanager
def after_statement(app: Application, number: int, act: Callable[[], object]) -> Iterator[None]:
    """Have something done by another thread after so many statements of an application."""
    left = iter(range(number - 1, -1, -1))

    def count_down(*_: object) -> None:
        if next(left, None) == 0:
            with ThreadPoolExecutor() as pool:
                pool.submit(act).result()

    database = app.extensions["blog"].database
    event.listen(database.engine, "after_cursor_execute", count_down)
    with statement_events(database):
        yield
    event.remove(database.engine, "after_cursor_execute", count_down)
