"""Commands on PostgreSQL servers that let them do little: one line, and never a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import make_url

from blog.app import create_app
from blog.database.database import Database
from blog.database.limits import Limits
from blog.database.postgresql.urls import with_defaults
from blog.maintenance import schema
from blog.settings import Settings
from tests.blogs import Blogs, PostgreSQLBlogs
from tests.commands import blog, done, failed
from tests.contract import assert_problem
from tests.people import RICK
from tests.rivals import change
from tests.servers.outages import database_of
from tests.servers.postgresql import Cluster

Odd = Callable[[Cluster, PostgreSQLBlogs, Path], AbstractContextManager[str]]

READS = [
    "author list",
    "token list rick",
    "database upgrade",
    "database check",
    "database backup {file}",
    "database copy {url} sqlite:///{file}",
]
WRITES = [
    "author passwd rick --password-stdin",
    "author role rick editor",
    "author remove joe",
    "token add rick laptop",
    "token revoke rick laptop",
]
MAKING = ["author add new --password-stdin", "database copy sqlite:///{blog} {url}"]
OPENING = READS + WRITES + MAKING
TRANSACTION = "in a read-only transaction"
NO_BLOG = "there is no blog in the database"


@contextmanager
def latin(server: Cluster, blogs: PostgreSQLBlogs, directory: Path) -> Iterator[str]:
    """A database in another encoding."""
    server.execute(
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' "
        "LOCALE_PROVIDER libc STRATEGY FILE_COPY"
    )
    yield server.url("latin")
    server.execute("DROP DATABASE latin WITH (FORCE)")


@contextmanager
def role(
    server: Cluster, blogs: PostgreSQLBlogs, directory: Path, membership: str
) -> Iterator[str]:
    """A blog for another role than its owner."""
    with server.role("guest", membership), blogs.copy(directory) as url:
        yield url.replace("//blog@", "//guest@")


def foreign(*on: Any) -> AbstractContextManager[str]:
    """A blog for a role that may read nothing of it."""
    return role(*on, "")


def reader(*on: Any) -> AbstractContextManager[str]:
    """A blog for a role that may only read it."""
    return role(*on, "IN ROLE pg_read_all_data")


@contextmanager
def astray(server: Cluster, blogs: PostgreSQLBlogs, directory: Path) -> Iterator[str]:
    """A database whose search_path leads nowhere, and another blog elsewhere."""
    with blogs.empty(directory) as url:
        change(url, f"ALTER DATABASE {database_of(url)} SET search_path = nowhere")
        yield url


@contextmanager
def for_reading(made: AbstractContextManager[str]) -> Iterator[str]:
    """A database on which transactions are for reading, unless they say otherwise."""
    with made as url:
        change(url, f"ALTER DATABASE {database_of(url)} SET default_transaction_read_only = on")
        yield url


def read_only(_: Cluster, blogs: PostgreSQLBlogs, directory: Path) -> AbstractContextManager[str]:
    """A blog that can only be read."""
    return for_reading(blogs.copy(directory))


def empty_read_only(
    _: Cluster, blogs: PostgreSQLBlogs, directory: Path
) -> AbstractContextManager[str]:
    """The same, and nothing is there."""
    return for_reading(blogs.empty(directory))


@contextmanager
def strange(server: Cluster, blogs: PostgreSQLBlogs, directory: Path) -> Iterator[str]:
    """A database of another program."""
    with blogs.empty(directory) as url:
        change(url, "CREATE TABLE post (title text)")
        yield url


# On which of them each command fails, and what it says.
FAILURES: list[tuple[Odd, list[str], str]] = [
    (latin, OPENING, "the encoding of the database is LATIN1, and the blog needs UTF8"),
    (foreign, OPENING, "permission denied for table alembic_version"),
    (astray, OPENING, "search_path names no schema of the database"),
    (strange, OPENING, "the database contains tables of another program: choose another one"),
    (reader, [*WRITES, *MAKING], "the database can't be written: permission denied for table"),
    (read_only, [*WRITES, MAKING[0]], TRANSACTION),
    (empty_read_only, ["database upgrade", *MAKING], TRANSACTION),
    (empty_read_only, [*WRITES, *READS[:2], *READS[3:]], NO_BLOG),
]
SUCCESSES: list[tuple[Odd, list[str]]] = [
    *((make, ["settings"]) for make in (latin, foreign, astray, strange)),
    *((make, [*READS, "settings"]) for make in (reader, read_only)),
]


@pytest.fixture
def run(
    sqlite_blogs: Blogs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], Result]]:
    """Run a command on a server, with another blog at hand."""
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "copy.db"
    with sqlite_blogs.copy(tmp_path):

        def run_it(command: str, url: str) -> Result:
            copy.unlink(missing_ok=True)
            text = command.format(file=copy, blog=tmp_path / "blog.db", url=url)
            return blog(text, "password\n", BLOG_DATABASE_URL=url)

        yield run_it


@pytest.mark.parametrize(
    ("make", "commands", "reason"), FAILURES, ids=lambda given: getattr(given, "__name__", "")
)
def test_command_that_an_odd_server_forbids_fails_in_one_line(
    postgresql: Cluster,
    postgresql_blogs: PostgreSQLBlogs,
    tmp_path: Path,
    run: Callable[[str, str], Result],
    subtests: pytest.Subtests,
    make: Odd,
    commands: list[str],
    reason: str,
) -> None:
    with make(postgresql, postgresql_blogs, tmp_path) as url:
        for command in commands:
            with subtests.test(command=command):
                assert reason in failed(run(command, url))


@pytest.mark.parametrize(
    ("make", "commands"), SUCCESSES, ids=lambda given: getattr(given, "__name__", "")
)
def test_command_that_an_odd_server_allows_succeeds(
    postgresql: Cluster,
    postgresql_blogs: PostgreSQLBlogs,
    tmp_path: Path,
    run: Callable[[str, str], Result],
    subtests: pytest.Subtests,
    make: Odd,
    commands: list[str],
) -> None:
    with make(postgresql, postgresql_blogs, tmp_path) as url:
        for command in commands:
            with subtests.test(command=command):
                done(run(command, url))


@pytest.mark.parametrize("scope", ["DATABASE {0}", "ROLE blog IN DATABASE {0}"])
def test_server_on_which_transactions_are_read_only_is_read_and_says_that_writes_fail(
    postgresql_blogs: PostgreSQLBlogs,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    scope: str,
) -> None:
    with postgresql_blogs.copy(tmp_path) as url:
        place = scope.format(database_of(url))
        change(url, f"ALTER {place} SET default_transaction_read_only = on")
        app = create_app(Settings(database_url=url, metrics=True, secret_key="k" * 32))
        client = app.test_client()
        with closing(app.extensions["blog"].database):
            written = client.post("/post", json={"title": "T", "body": ""}, auth=RICK)
            read = client.get("/post")
            ready = client.get("/health/ready")
            metrics = client.get("/metrics").text

    assert_problem(written, 503)
    assert (read.status_code, ready.json["writes"]) == (200, "failing")
    assert "blog_writes_failing 1.0" in metrics
    assert "writes fail, reads work: the database can't be written: cannot" in caplog.text


def test_setting_by_which_transactions_are_read_only_is_known_before_any_write(
    postgresql: Cluster, postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    with (
        read_only(postgresql, postgresql_blogs, tmp_path) as url,
        closing(Database(url)) as database,
        database.session() as session,
    ):
        assert schema.why_unwritable(session) == "default_transaction_read_only is on"


def test_of_several_servers_the_primary_is_one_that_takes_writes() -> None:
    """A primary that was fenced off is not used as the primary."""
    url = make_url("postgresql://blog@/blog?host=a:1&host=b:2")

    targets = [
        with_defaults(given, Limits(), primary=True).query["target_session_attrs"]
        for given in (url, make_url("postgresql://a/blog"), make_url("postgresql://a,b/blog"))
    ]

    assert targets == ["read-write", "primary", "read-write"]
