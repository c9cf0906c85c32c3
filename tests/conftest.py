"""Fixtures: a blog of its own for each test, on a real database file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from blog.app import create_app
from blog.http.application import Application
from blog.settings import Settings
from blog.storage import accounts, schema
from blog.storage.engine import Database
from blog.storage.passwords import hash_password
from tests.commands import blog, done
from tests.contract import Clock
from tests.people import ROLES

# A developer's own settings must not decide whether a test passes.
for name in [name for name in os.environ if name.startswith("BLOG_")]:
    del os.environ[name]


@pytest.fixture
def clock() -> Clock:
    """The clock of the application under test."""
    return Clock()


@pytest.fixture(scope="session")
def blog_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the authors of `tests.people` and no posts; to be copied, not used."""
    path = tmp_path_factory.mktemp("template") / "blog.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    with database.session() as session:
        for (name, password), role in ROLES.items():
            accounts.add(session, name, role, hash_password(password), Clock().now)
    database.close()
    return path


@pytest.fixture
def database_url(blog_file: Path, tmp_path: Path) -> str:
    """The URL of a database of the test's own, with authors in it."""
    shutil.copy(blog_file, tmp_path / "blog.db")
    return f"sqlite:///{tmp_path / 'blog.db'}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of the test, opened."""
    opened = Database(database_url, threads=4)
    yield opened
    opened.close()


@pytest.fixture
def make_app(database_url: str, clock: Clock) -> Iterator[Callable[..., Application]]:
    """Makes applications on the database of the test, with settings given by name."""
    made: list[Application] = []

    def make(**settings: Any) -> Application:
        made.append(create_app(Settings(database_url=database_url, **settings), now=clock))
        return made[-1]

    yield make
    for app in made:
        app.extensions["blog"].database.close()


@pytest.fixture
def app(make_app: Callable[..., Application]) -> Application:
    """The application with default settings."""
    return make_app()


@pytest.fixture
def client(app: Application) -> FlaskClient:
    """A client of the application, without credentials unless they are given."""
    return app.test_client()


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands of a test run, with the database that they make."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rick(directory: Path) -> str:
    """The name of an author who has an account in the database of the commands."""
    done(blog("author add rick --password-stdin", "password\n"))
    return "rick"
