"""Fixtures: a blog of its own for each test, on a real database file."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from blog.app import create_app
from blog.database.database import Database
from blog.database.limits import Limits
from blog.http.application import Application
from blog.settings import Settings
from tests import leaks, markers, measured
from tests.blogs import Blogs, PostgreSQLBlogs, SQLiteBlogs
from tests.commands import blog, done
from tests.contract import Clock, path_of, write_post
from tests.gateway.comparing import Comparing
from tests.people import RICK
from tests.servers.postgresql import Cluster, cluster, is_installed, memory
from tests.sign_in import passwords

# A developer's own settings must not decide whether a test passes.
for name in [name for name in os.environ if name.startswith("BLOG_")]:
    del os.environ[name]
# Where pytest makes the directories of the tests.
if place := memory():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(place))


# To make a key and to read it costs as much as a request.
KEY = {"secret_key": "k" * 32}


def pytest_configure(config: pytest.Config) -> None:
    """Fail tests that log a secret or start a process without a mark; measure what counts."""
    leaks.watch(config)
    config.pluginmanager.register(markers.Guard())
    config.pluginmanager.register(measured)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a process, before tests are chosen by their marks."""
    for item in items:
        if isinstance(item, pytest.Function):
            markers.mark(item)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through thousands of tests again and again."""
    gc.freeze()


@pytest.fixture
def clock() -> Clock:
    """The clock of the application under test."""
    return Clock()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL server for the tests of this process."""
    if not is_installed():
        pytest.skip("PostgreSQL is not installed")
    with cluster() as running:
        yield running


@pytest.fixture(scope="session")
def sqlite_blogs(tmp_path_factory: pytest.TempPathFactory) -> Blogs:
    """Databases in files."""
    return SQLiteBlogs(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def postgresql_blogs(postgresql: Cluster) -> Blogs:
    """Databases on a server."""
    # A machine that is busy with other tests may take longer than a client should have to wait.
    return PostgreSQLBlogs(postgresql, "?connect_timeout=30")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of a blog once for each kind of database, or those that a mark names."""
    if "blogs" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("databases")
        kinds = mark.args if mark else ("sqlite", "postgresql")
        metafunc.parametrize("blogs", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def blogs(request: pytest.FixtureRequest) -> Blogs:
    """Databases of one kind."""
    made: Blogs = request.getfixturevalue(f"{request.param}_blogs")
    return made


@pytest.fixture
def empty_url(blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it, as an administrator makes it."""
    with blogs.empty(tmp_path) as url:
        yield url


@pytest.fixture
def database_url(blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own, with authors in it."""
    with blogs.copy(tmp_path) as url:
        yield url


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The file in which SQLite keeps what was committed and is not in the database yet."""
    return tmp_path / "blog.db-wal"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of the test, opened."""
    opened = Database(database_url, Limits(connections=4))
    yield opened
    opened.close()


@pytest.fixture
def make_app(
    database_url: str, clock: Clock, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Application]]:
    """Makes applications on the database of the test, with settings given by name.

    A mark may give others, for all tests of a module.
    On SQLite, each of their answers to a reader is compared with that of a cache.
    """
    mark = request.node.get_closest_marker("settings")
    usual: dict[str, Any] = mark.kwargs if mark else {}
    with ExitStack() as made:

        def make(**given: Any) -> Application:
            settings = Settings(**{"database_url": database_url, **KEY, **usual, **given})
            app = create_app(settings, now=clock, checker=passwords.checker())
            made.callback(app.extensions["blog"].database.close)
            if database_url.startswith("sqlite"):
                comparing = made.enter_context(closing(Comparing(app, settings)))
                app.wsgi_app = comparing
            return app

        yield make


@pytest.fixture
def app(make_app: Callable[..., Application]) -> Application:
    """The application with default settings."""
    return make_app()


@pytest.fixture
def client(app: Application) -> FlaskClient:
    """A client of the application, without credentials unless they are given."""
    return app.test_client()


@pytest.fixture
def there(client: FlaskClient) -> Mapping[str, object]:
    """Examples of each argument of a route: of something that is there, and RICK's to change."""
    location = write_post(client).headers["Location"]
    client.patch(path_of(location), json={"title": "Second thoughts"}, auth=RICK)
    return {"post_id": location.rpartition("/")[2], "name": "rick", "number": 2}


@pytest.fixture
def make_client(make_app: Callable[..., Application]) -> Callable[..., FlaskClient]:
    """Makes clients, each of a process of its own, which has verified no password yet."""
    return lambda **settings: make_app(**settings).test_client()


@pytest.fixture
def directory(tmp_path: Path, empty_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands of a test run, on a database that they make."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BLOG_DATABASE_URL", empty_url)
    return tmp_path


@pytest.fixture
def rick(directory: Path) -> str:
    """The name of an author who has an account in the database of the commands."""
    done(blog("author add rick --password-stdin", "password\n"))
    return "rick"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what could not be tested here."""
    if not is_installed():
        terminalreporter.section("PostgreSQL is not installed: its half of the tests was skipped")
