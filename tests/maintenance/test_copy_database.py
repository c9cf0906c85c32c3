"""`blog database copy`: a whole blog moves between databases of any kind, or nothing does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert, select, text

from blog.content.authors import Caller
from blog.content.dates import utc_now
from blog.content.posts import PostContent
from blog.database.database import Database
from blog.database.limits import Limits
from blog.errors import StorageUnavailable
from blog.maintenance import schema
from blog.maintenance.copy_database import copy_database
from blog.storage import accounts, post_writes
from blog.storage.idempotency import IdempotencyKey
from blog.storage.preconditions import Precondition
from blog.storage.tables import (
    access_token,
    attempt,
    metadata,
    post,
    schema_upgrade,
    setting,
    sign_in,
)
from tests.access import access_for
from tests.blogs import Blogs
from tests.commands import blog, done, failed
from tests.contract import Clock
from tests.rivals import change
from tests.servers.serving import TIMEOUT, environment

pytestmark = pytest.mark.slow

KINDS = ["sqlite", "postgresql"]
RICK = Caller("rick", "author")
# Triggers by which a database stores something else than it was sent.
MEDDLING = {
    "sqlite": (
        "CREATE TRIGGER meddle AFTER INSERT ON post BEGIN "
        "UPDATE post SET summary = 'x' WHERE id = new.id; END",
    ),
    "postgresql": (
        "CREATE FUNCTION meddle() RETURNS trigger AS "
        "$$BEGIN NEW.summary = 'x'; RETURN NEW; END$$ LANGUAGE plpgsql",
        "CREATE TRIGGER meddle BEFORE INSERT ON post FOR EACH ROW EXECUTE FUNCTION meddle()",
    ),
}


@pytest.fixture(params=KINDS)
def other_blogs(request: pytest.FixtureRequest) -> Blogs:
    """Databases of the kind to move to."""
    made: Blogs = request.getfixturevalue(f"{request.param}_blogs")
    return made


@pytest.fixture
def target_url(other_blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database to move to."""
    place = tmp_path / "target"
    place.mkdir()
    with other_blogs.empty(place) as url:
        yield url


# What no post brings with it.
ROWS: dict[Table, dict[str, object]] = {
    setting: {"name": "secret_key", "value": "s" * 40},
    access_token: {
        "digest": "d" * 64,
        "author_name": "rick",
        "label": "bot",
        "scope": "read",
        "created_date": Clock().now,
        "expiry_date": Clock().now,
        "last_used": Clock().now.date(),
    },
    attempt: {"id": "0" * 32, "key": "k" * 64, "date": Clock().now},
    sign_in: {"author_name": "rick", "address_key": "k" * 64, "date": Clock().now},
    schema_upgrade: {"revision": "0006", "date": Clock().now},
}


@pytest.fixture
def filled(database: Database, clock: Clock) -> Database:
    """A database with something in every table and every column."""
    contents = [
        PostContent(title="Zürich\u0301 😀", body='"\\\n\t\u2028' * 100, tags=("ß", "a'b", "東京")),
        PostContent(title="b", body="", summary="Short.", status="draft", posted_date=None),
        PostContent(title="B", body="x", posted_date="0001-01-01T00:00:00Z"),
        PostContent(title="a", body="x", posted_date="9999-12-31T23:59:59.999999Z"),
    ]
    with database.session() as session:
        for content in contents:
            clock.advance(microseconds=1)
            claim = IdempotencyKey("rick", f"key {clock()}", "f" * 64, clock())
            written = post_writes.create(access_for(session, RICK, clock()), content, claim)
        post_writes.remove(access_for(session, RICK, clock()), written.id, Precondition())
        with session.writing() as connection:
            for table, row in ROWS.items():
                connection.execute(insert(table).values(row))
    return database


def everything(url: str) -> dict[str, list[Any]]:
    """Every row of every table."""
    with closing(Database(url)) as database, database.session() as session:
        return {
            table.name: session.reading().execute(select(table).order_by(*table.primary_key)).all()
            for table in metadata.sorted_tables
        }


def is_untouched(url: str) -> bool:
    """Whether a database still has no table, or no file."""
    if url.startswith("sqlite"):
        return list(Path(url.removeprefix("sqlite:///")).parent.iterdir()) == []
    with closing(Database(url)) as database, database.session() as session:
        return schema.revision(session.reading()) is None


def copy(database_url: str, target_url: str) -> Any:
    return blog(f"database copy {database_url} {target_url}")


def test_every_row_arrives_as_it_was(filled: Database, database_url: str, target_url: str) -> None:
    said = done(copy(database_url, target_url))

    assert everything(target_url) == everything(database_url)
    assert said == (
        "Copied and compared every row: 1 in attempt, 3 in author, 1 in schema_upgrade, "
        "1 in setting, 4 in access_token, 4 in idempotency_key, 3 in post, 5 in revision, "
        "1 in sign_in, 3 in tag.\n"
    )


def test_what_was_copied_is_sound(filled: Database, database_url: str, target_url: str) -> None:
    done(copy(database_url, target_url))

    assert done(blog("database check", BLOG_DATABASE_URL=target_url)) == "No faults found.\n"


def test_a_target_that_was_only_upgraded_is_empty_too(
    filled: Database, database_url: str, target_url: str
) -> None:
    done(blog("database upgrade", BLOG_DATABASE_URL=target_url))

    done(copy(database_url, target_url))

    assert everything(target_url) == everything(database_url)


def test_a_target_that_holds_anything_is_refused_and_left_alone(
    filled: Database, database_url: str, target_url: str
) -> None:
    done(blog("author add joe --password-stdin", "password\n", BLOG_DATABASE_URL=target_url))
    before = everything(target_url)

    assert failed(copy(database_url, target_url)) == (
        "the target is not empty: it has rows in 'author'"
    )
    assert everything(target_url) == before


def test_a_database_is_not_copied_onto_itself(filled: Database, database_url: str) -> None:
    before = everything(database_url)

    assert "the target is not empty" in failed(copy(database_url, database_url))
    assert everything(database_url) == before


def test_a_copy_that_fails_half_way_leaves_nothing(
    filled: Database, database_url: str, target_url: str
) -> None:
    calls = []

    def fail_at_the_posts(done: int, _total: int) -> None:
        calls.append(done)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with closing(Database(target_url)) as target, pytest.raises(KeyboardInterrupt):
        copy_database(filled, target, fail_at_the_posts)

    assert is_untouched(target_url)


def test_copy_that_differs_is_not_committed(
    filled: Database, database_url: str, target_url: str
) -> None:
    done(blog("database upgrade", BLOG_DATABASE_URL=target_url))
    with (
        closing(Database(target_url)) as target,
        target.session() as session,
        session.writing() as connection,
    ):
        for statement in MEDDLING[connection.dialect.name]:
            connection.execute(text(statement))

    assert (
        failed(copy(database_url, target_url)) == "the copy of 'post' differs: nothing was copied"
    )
    assert everything(target_url)["author"] == []


def test_what_is_written_meanwhile_is_wholly_absent(filled: Database, target_url: str) -> None:
    def write(_done: int, _total: int) -> None:
        with filled.session() as session:
            post_writes.create(
                access_for(session, RICK, utc_now()),
                PostContent(title="Late", body="", tags=("x",)),
            )

    with closing(Database(target_url)) as target:
        copy_database(filled, target, write)

    assert len(everything(target_url)["post"]) == 3
    assert done(blog("database check", BLOG_DATABASE_URL=target_url)) == "No faults found.\n"


def test_a_row_that_the_target_does_not_take_is_reported_in_a_line(
    sqlite_blogs: Blogs, postgresql_blogs: Blogs, tmp_path: Path
) -> None:
    with sqlite_blogs.copy(tmp_path) as source_url, postgresql_blogs.empty(tmp_path) as url:
        # No text in PostgreSQL holds NUL, and SQLite minds none.
        change(source_url, "UPDATE author SET bio = 'a' || char(0)")

        said = failed(copy(source_url, url))

        assert said.startswith("the target rejects a row of 'author': ")
        assert is_untouched(url)


def test_target_can_not_be_written_meanwhile(
    filled: Database, postgresql_blogs: Blogs, tmp_path: Path
) -> None:
    with postgresql_blogs.empty(tmp_path) as url:
        done(blog("database upgrade", BLOG_DATABASE_URL=url))
        impatient = Limits(lock=0.1)

        def meddle(_done: int, _total: int) -> None:
            with (
                closing(Database(url, impatient)) as other,
                other.session() as session,
                pytest.raises(StorageUnavailable),
            ):
                accounts.add(session, "eve", "editor", "", now=utc_now())

        with closing(Database(url)) as target:
            copy_database(filled, target, meddle)


def test_a_source_at_an_older_schema_is_refused(
    filled: Database, database_url: str, target_url: str
) -> None:
    with filled.session() as session, session.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    assert "the source does not have schema" in failed(copy(database_url, target_url))
    assert is_untouched(target_url)


def test_a_source_of_which_there_is_no_file_is_refused(tmp_path: Path, target_url: str) -> None:
    said = failed(copy(f"sqlite:///{tmp_path / 'none.db'}", target_url))

    assert said.startswith("there is no database at")
    assert is_untouched(target_url)


def test_a_target_that_can_not_be_reached_is_reported_in_a_line(database_url: str) -> None:
    said = failed(copy(database_url, "postgresql+psycopg://me:s3cret@127.0.0.1:1/blog"))

    assert said.startswith("the database can't be reached:")
    assert "s3cret" not in said


def test_progress_reaches_all_there_is_to_do(filled: Database, target_url: str) -> None:
    heard: list[tuple[int, int]] = []
    with closing(Database(target_url)) as target:
        counts = copy_database(filled, target, lambda done, total: heard.append((done, total)))

    assert {total for _, total in heard} == {2 * sum(counts.values())}
    assert sum(done for done, _ in heard) == 2 * sum(counts.values())


def peak(directory: Path, *urls: str) -> int:
    """How much memory a copy takes at most, in KiB."""
    # What the kernel tells a parent of its child includes what the child was forked from.
    program = (
        "import re, sys; from blog.cli import main; main(sys.argv[1:], standalone_mode=False); "
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, "database", "copy", *urls],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout.split()[-1])


@pytest.mark.long
def test_memory_does_not_grow_with_the_blog(
    filled: Database, database_url: str, target_url: str, tmp_path: Path
) -> None:
    large = "x" * 1024 * 1024
    date = Clock().now
    shared = {
        "version": 1, "status": "published", "created_date": date, "posted_date": date,
        "updated_date": date, "author_name": "rick", "title": "t", "format": "text", "tags": [],
        "body": large, "body_html": "",
    }  # fmt: skip
    with filled.session() as session, session.writing() as connection:
        for number in range(300):
            row = shared | {"id": f"{number:032x}", "slug": f"s{number}"}
            connection.execute(insert(post).values(row))

    # All of these posts together would take twice that.
    assert peak(tmp_path, database_url, target_url) < 150 * 1024
