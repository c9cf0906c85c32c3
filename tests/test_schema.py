"""The schema: brought up to date by anyone, any number of times, and checked for faults."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select

from blog.content.authors import Caller
from blog.content.dates import utc_now
from blog.content.posts import Post, PostContent
from blog.errors import DatabaseError
from blog.storage import posts, schema
from blog.storage.engine import Database
from blog.storage.migrations import HEAD
from blog.storage.tables import metadata, post
from tests.contract import Clock

PROCESSES = 4
AT_ONCE = multiprocessing.get_context("spawn")


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Database]:
    """A database of which there is no file yet."""
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    yield database
    database.close()


@pytest.fixture
def tagged(database: Database) -> Post:
    """A post with two tags."""
    content = PostContent(title="First!", body="", tags=["a", "b"])
    with database.session() as session:
        return posts.create(session, content, Caller("rick", "author"), utc_now())


def change(database: Database, *statements: str) -> None:
    """Change the database behind the program's back, whatever keys it breaks."""
    with database.session() as session:
        driver = session.reading().connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        for statement in statements:
            driver.execute(statement)
        driver.execute("PRAGMA foreign_keys=ON")


def tables_of(database: Database) -> set[str]:
    with database.session() as session:
        return set(inspect(session.reading()).get_table_names())


def upgrade_when_all_are_there(url: str, gate: threading.Barrier) -> bool:
    database = Database(url)
    gate.wait()
    try:
        return schema.upgrade(database)
    finally:
        database.close()


def test_a_new_database_gets_every_table(new: Database) -> None:
    assert schema.upgrade(new) is True
    assert tables_of(new) == {"alembic_version", "author", "post", "setting", "tag"}
    assert schema.faults(new) == []


def test_a_second_upgrade_has_nothing_to_do(new: Database) -> None:
    schema.upgrade(new)

    assert schema.upgrade(new) is False


def test_an_upgrade_keeps_what_is_there(database: Database, tagged: Post) -> None:
    schema.upgrade(database)

    with database.session() as session:
        assert session.reading().scalars(select(post.c.id)).all() == [tagged.id]


def test_of_several_processes_on_a_new_file_one_upgrades_it(new: Database, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with AT_ONCE.Manager() as manager, ProcessPoolExecutor(PROCESSES, AT_ONCE) as pool:
        gate = manager.Barrier(PROCESSES)
        tasks = [pool.submit(upgrade_when_all_are_there, url, gate) for _ in range(PROCESSES)]
        done = sorted(task.result() for task in tasks)

    assert done == [False, False, False, True]
    assert schema.faults(new) == []


@pytest.mark.parametrize("unknown", ["9999", "0000"])
def test_a_database_of_another_program_is_refused_and_left_alone(
    database: Database, unknown: str
) -> None:
    change(database, f"UPDATE alembic_version SET version_num = '{unknown}'", "DROP TABLE setting")

    with pytest.raises(DatabaseError, match=f"schema {unknown}, made by another version"):
        schema.upgrade(database)

    assert "setting" not in tables_of(database)


def test_a_file_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"^can't open '"):
        schema.upgrade(Database(f"sqlite:///{tmp_path / 'missing' / 'blog.db'}"))


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "blog.storage:migrations")

    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_make_the_tables_that_the_code_knows(new: Database) -> None:
    schema.upgrade(new)

    with new.session() as session:
        context = MigrationContext.configure(session.reading(), opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_make_the_constraints_that_the_code_knows(new: Database) -> None:
    # What Alembic does not compare: checks, and the expression of a computed column.
    schema.upgrade(new)
    written = Database(f"sqlite:///{new.engine.url.database.removeprefix('file:')}.written")
    written.create()
    with written.session() as session, session.writing() as connection:
        metadata.create_all(connection)

    def constraints(database: Database) -> object:
        with database.session() as session:
            found = inspect(session.reading())
            return {
                name: (
                    sorted(check["sqltext"] for check in found.get_check_constraints(name)),
                    found.get_foreign_keys(name),
                    [column.get("computed") for column in found.get_columns(name)],
                )
                for name in metadata.tables
            }

    assert constraints(new) == constraints(written)
    written.close()


def test_a_sound_database_has_no_faults(database: Database, tagged: Post) -> None:
    assert schema.faults(database) == []


def test_a_missing_schema_is_a_fault(new: Database) -> None:
    new.create()

    assert schema.faults(new) == [f"the schema is at nothing, not at {HEAD}"]


def test_an_old_schema_is_a_fault(database: Database) -> None:
    change(database, "UPDATE alembic_version SET version_num = '0000'")

    assert schema.faults(database) == [f"the schema is at 0000, not at {HEAD}"]


def test_a_missing_file_has_no_faults_to_find(new: Database) -> None:
    with pytest.raises(DatabaseError, match=r"^there is no database at "):
        schema.faults(new)


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
    database: Database, tagged: Post, damage: str
) -> None:
    change(database, damage)

    assert schema.faults(database) == [f"post {tagged.id} is not found by its tags"]


def test_a_reference_to_what_is_missing_is_a_fault(database: Database, tagged: Post) -> None:
    change(database, "DELETE FROM author WHERE name = 'rick'")

    assert schema.faults(database) == ["post 1 refers to a missing author"]


def test_a_damaged_index_is_a_fault(database: Database, tagged: Post) -> None:
    change(
        database,
        "PRAGMA writable_schema=ON",
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX ix_post_title_id ON post (slug, id)'"
        " WHERE name = 'ix_post_title_id'",
        "PRAGMA writable_schema=OFF",
    )
    database.close()

    faults = schema.faults(database)

    assert "the file is damaged: row 1 missing from index ix_post_title_id" in faults


def test_file_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE post (title)")
    database = Database(f"sqlite:///{path}")

    with pytest.raises(DatabaseError, match="holds something else"):
        schema.upgrade(database)

    database.close()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("post",)]


def test_a_tag_under_a_wrong_key_is_found(database: Database, clock: Clock) -> None:
    content = PostContent(title="One", body="1", tags=("News",))
    with database.session() as session:
        written = posts.create(session, content, Caller("rick", "author"), clock())
    change(database, "UPDATE tag SET key = 'old'")

    assert schema.faults(database) == [f"post {written.id} is not found by its tag 'News'"]
