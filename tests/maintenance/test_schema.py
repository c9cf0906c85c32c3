"""The schema: brought up to date by anyone, any number of times, and checked for faults."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, text

from blog.content.authors import Caller
from blog.content.dates import utc_now
from blog.content.posts import Post, PostContent
from blog.database.database import Database
from blog.errors import DatabaseError, StorageUnavailable
from blog.maintenance import integrity, schema
from blog.maintenance.migrations import HEAD
from blog.storage import post_writes
from blog.storage.tables import metadata, post, revision, schema_upgrade, tag
from tests.access import access_for
from tests.blogs import Blogs
from tests.contract import Clock
from tests.rivals import change
from tests.servers.postgresql import Cluster

pytestmark = pytest.mark.slow

PROCESSES = 4
AT_ONCE = multiprocessing.get_context("spawn")


# A post with two tags, as the first schema has it.
OLD_ROWS = (
    "INSERT INTO author (name, name_key, role, version, updated_date) "
    "VALUES ('rick', 'rick', 'author', 1, '2026-01-01 00:00:00.000000')",
    "INSERT INTO post (id, version, status, created_date, posted_date, updated_date, author_name, "
    "slug, title, format, tags, body, body_html) "
    "VALUES ('1', 1, 'published', '2026-01-01 00:00:00.000000', '2026-01-02 00:00:00.000000', "
    "'2026-01-03 00:00:00.000004', 'rick', 'one', 'One', 'text', '[\"a\", \"b\"]', '', '')",
    "INSERT INTO tag (post_id, key, name, status, sort_date, author_name) "
    "VALUES ('1', 'a', 'a', 'published', '2026-01-02 00:00:00.000000', 'rick'), "
    "('1', 'b', 'b', 'published', '2026-01-02 00:00:00.000000', 'rick')",
)
# Two posts, as the second schema has them: the first one was changed last.
OLD_POSTS = tuple(
    "INSERT INTO post (id, version, status, created_date, posted_date, updated_date, author_name, "
    "slug, title, format, tags, body, body_html) "
    f"VALUES ('{id}', {version}, '{status}', '2026-01-01 00:00:00.000000', {posted}, "
    f"'2026-01-0{day} 00:00:00.000000', 'rick', 's{id}', 'One', 'text', '[]', '', '')"
    for id, version, status, posted, day in (
        (1, 3, "published", "'2026-01-02 00:00:00.000000'", 4),
        (2, 7, "draft", "NULL", 3),
    )
)

OLD_DELETION = (
    "INSERT INTO revision (sequence, post_id, version, operation, changed_by, public, "
    "created_date, updated_date, author_name) VALUES (1, '1', 2, 'deleted', 'rick', true, "
    "'2026-01-01 00:00:00.000000', '2026-01-02 00:00:00.000004', 'rick')"
)


@pytest.fixture
def new(empty_url: str) -> Iterator[Database]:
    """A database with nothing in it, of which there is no file yet if it has one."""
    database = Database(empty_url)
    yield database
    database.close()


@pytest.fixture
def tagged(database: Database) -> Post:
    """A post with two tags."""
    content = PostContent(title="First!", body="", tags=["a", "b"])
    with database.session() as session:
        return post_writes.create(access_for(session, Caller("rick", "author"), utc_now()), content)


def tables_of(database: Database) -> set[str]:
    with database.session() as session:
        return set(inspect(session.reading()).get_table_names())


def script() -> Config:
    """Where Alembic finds the migrations."""
    config = Config()
    config.set_main_option("script_location", "blog.maintenance:migrations")
    return config


def migrate(connection: Connection, revision: str) -> None:
    """Bring the database to a schema, which need not be the newest."""
    config = script()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def upgrade_when_all_are_there(url: str, gate: threading.Barrier) -> bool:
    database = Database(url)
    gate.wait()
    try:
        return schema.upgrade(database)
    finally:
        database.close()


def test_a_new_database_gets_every_table(new: Database) -> None:
    assert schema.upgrade(new) is True
    assert tables_of(new) == {
        *("alembic_version", "author", "idempotency_key", "post", "revision", "setting", "tag"),
        *("access_token", "attempt", "schema_upgrade", "sign_in"),
    }
    assert integrity.faults(new) == []


def test_a_second_upgrade_has_nothing_to_do(new: Database) -> None:
    schema.upgrade(new)

    assert schema.upgrade(new) is False


def test_an_upgrade_keeps_what_is_there(database: Database, tagged: Post) -> None:
    schema.upgrade(database)

    with database.session() as session:
        assert session.reading().scalars(select(post.c.id)).all() == [tagged.id]


def test_an_upgrade_fills_the_new_columns_of_tags(new: Database) -> None:
    new.backend.create()
    with new.session() as session, session.writing("upgrading") as connection:
        migrate(connection, "0001")
        for statement in OLD_ROWS:
            connection.execute(text(statement))

    assert schema.upgrade(new) is True

    updated = datetime(2026, 1, 3, microsecond=4, tzinfo=UTC)
    with new.session() as session:
        rows = session.reading().execute(select(tag.c.key, tag.c.title, tag.c.updated_date))
        assert sorted(map(tuple, rows)) == [("a", "One", updated), ("b", "One", updated)]
    assert integrity.faults(new) == []


def test_an_upgrade_makes_each_post_its_first_revision(new: Database) -> None:
    new.backend.create()
    with new.session() as session, session.writing("upgrading") as connection:
        migrate(connection, "0002")
        for statement in (*OLD_ROWS[:1], *OLD_POSTS):
            connection.execute(text(statement))

    assert schema.upgrade(new) is True

    columns = [revision.c[name] for name in ("sequence", "post_id", "version", "public")]
    with new.session() as session:
        rows = session.reading().execute(select(*columns).order_by(revision.c.sequence))
        assert list(map(tuple, rows)) == [(1, "2", 7, False), (2, "1", 3, True)]
    assert integrity.faults(new) == []


def test_an_upgrade_keeps_up_to_which_date_tags_have_none(new: Database) -> None:
    new.backend.create()
    with new.session() as session, session.writing("upgrading") as connection:
        migrate(connection, "0005")
        for statement in (*OLD_ROWS[:1], OLD_DELETION):
            connection.execute(text(statement))

    assert schema.upgrade(new) is True

    with new.session() as session:
        rows = session.reading().execute(select(schema_upgrade)).all()
        assert list(map(tuple, rows)) == [("0006", datetime(2026, 1, 2, microsecond=4, tzinfo=UTC))]


def test_an_upgrade_keeps_when_a_version_becomes_visible(new: Database) -> None:
    new.backend.create()
    scheduled = OLD_POSTS[0].replace("'2026-01-02", "'2026-01-09")
    with new.session() as session, session.writing("upgrading") as connection:
        migrate(connection, "0002")
        for statement in (OLD_ROWS[0], scheduled, OLD_POSTS[1]):
            connection.execute(text(statement))
        migrate(connection, "0006")

    assert schema.upgrade(new) is True

    with new.session() as session:
        rows = session.reading().execute(select(revision.c.post_id, revision.c.due_date))
        assert dict(map(tuple, rows)) == {"1": datetime(2026, 1, 9, tzinfo=UTC), "2": None}
    assert integrity.faults(new) == []


@pytest.mark.long
def test_of_several_processes_on_a_new_database_one_upgrades_it(
    new: Database, empty_url: str
) -> None:
    with AT_ONCE.Manager() as manager, ProcessPoolExecutor(PROCESSES, AT_ONCE) as pool:
        gate = manager.Barrier(PROCESSES)
        tasks = [pool.submit(upgrade_when_all_are_there, empty_url, gate) for _ in range(PROCESSES)]
        done = sorted(task.result() for task in tasks)

    assert done == [False, False, False, True]
    assert integrity.faults(new) == []


@pytest.mark.parametrize("unknown", ["9999", "0000"])
def test_a_database_of_another_program_is_refused_and_left_alone(
    database: Database, database_url: str, unknown: str
) -> None:
    change(
        database_url,
        f"UPDATE alembic_version SET version_num = '{unknown}'",
        "DROP TABLE setting",
    )

    with pytest.raises(DatabaseError, match=f"schema {unknown} of another version"):
        schema.upgrade(database)

    assert "setting" not in tables_of(database)


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(script()).get_current_head() == HEAD


def test_the_migrations_make_the_tables_that_the_code_knows(new: Database) -> None:
    schema.upgrade(new)

    with new.session() as session:
        context = MigrationContext.configure(session.reading(), opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def constraints(database: Database) -> object:
    """What Alembic does not compare: checks, types, and the expression of a computed column."""
    with database.session() as session:
        found = inspect(session.reading())
        return {
            name: (
                sorted(check["sqltext"] for check in found.get_check_constraints(name)),
                sorted(found.get_foreign_keys(name), key=itemgetter("name")),
                [
                    (column["name"], repr(column["type"]), column.get("computed"))
                    for column in sorted(found.get_columns(name), key=itemgetter("name"))
                ],
            )
            for name in metadata.tables
        }


def test_the_migrations_make_the_constraints_that_the_code_knows(
    new: Database, blogs: Blogs, tmp_path: Path
) -> None:
    schema.upgrade(new)
    (tmp_path / "written").mkdir()
    with blogs.empty(tmp_path / "written") as url:
        written = Database(url)
        written.backend.create()
        with written.session() as session, session.writing() as connection:
            metadata.create_all(connection)

        assert constraints(new) == constraints(written)
        written.close()


def test_a_sound_database_has_no_faults(database: Database, tagged: Post) -> None:
    assert integrity.faults(database) == []


def test_a_missing_schema_is_a_fault(new: Database) -> None:
    new.backend.create()

    assert integrity.faults(new) == [f"the schema is missing, not {HEAD}"]


def test_a_database_that_the_server_does_not_have_is_unavailable(postgresql: Cluster) -> None:
    with pytest.raises(StorageUnavailable, match='database "nowhere" does not exist'):
        integrity.faults(Database(postgresql.url("nowhere")))


def test_an_old_schema_is_a_fault(database: Database, database_url: str) -> None:
    change(database_url, "UPDATE alembic_version SET version_num = '0000'")

    assert integrity.faults(database) == [f"the schema is 0000, not {HEAD}"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM tag WHERE key = 'a'",
        "UPDATE tag SET status = 'draft'",
        "UPDATE tag SET sort_date = '2000-01-01 00:00:00.000000'",
        "UPDATE tag SET author_name = 'joe' WHERE key = 'b'",
        "UPDATE post SET tags = '[]'",
        "UPDATE post SET status = 'draft'",
    ],
)
def test_tags_that_do_not_lead_to_their_post_are_a_fault(
    database: Database, database_url: str, tagged: Post, damage: str
) -> None:
    change(database_url, damage)

    assert f"post {tagged.id} is not found by its tags" in integrity.faults(database)


def test_a_database_of_another_kind_of_program_is_refused_and_left_alone(
    new: Database, empty_url: str
) -> None:
    change(empty_url, "CREATE TABLE post (title text)")

    with pytest.raises(DatabaseError, match="contains tables of another program"):
        schema.upgrade(new)

    assert tables_of(new) == {"post"}


def test_a_tag_under_a_wrong_key_is_found(
    database: Database, database_url: str, clock: Clock
) -> None:
    content = PostContent(title="One", body="1", tags=("News",))
    with database.session() as session:
        written = post_writes.create(
            access_for(session, Caller("rick", "author"), clock()), content
        )
    change(database_url, "UPDATE tag SET key = 'old'")

    assert integrity.faults(database) == [f"post {written.id} is not found by its tag 'News'"]
