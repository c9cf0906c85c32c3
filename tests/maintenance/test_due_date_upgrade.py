"""An upgrade keeps what is computed in a SQLite file, and all that an operator has made there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from blog.database.database import Database
from blog.errors import DatabaseError
from blog.maintenance import integrity, schema
from blog.maintenance.migrations import HEAD
from blog.storage.tables import revision
from tests.maintenance.damages import replace_in_table
from tests.maintenance.test_schema import OLD_POSTS, OLD_ROWS, migrate
from tests.rivals import change, connected

pytestmark = pytest.mark.slow

# What an operator makes, so that each breaks in another way when its table is written again.
ADDED = (
    "CREATE VIEW due AS SELECT sequence, due_date FROM revision",
    "CREATE INDEX by_size ON revision (length(body))",
    "CREATE TABLE note (sequence REFERENCES revision ON DELETE CASCADE, text)",
    "INSERT INTO note SELECT sequence, 'x' FROM revision",
    "CREATE TRIGGER noted AFTER INSERT ON revision BEGIN INSERT INTO note SELECT sequence, 'y' "
    "FROM revision WHERE sequence = new.sequence; END",
    "CREATE TRIGGER watched AFTER UPDATE ON post BEGIN SELECT due_date FROM revision; END",
)
MADE = "SELECT name, sql FROM sqlite_schema WHERE name IN ('due', 'by_size', 'note', 'noted')"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a file at schema 0006, with a scheduled post and a draft."""
    found = f"sqlite:///{tmp_path / 'blog.db'}"
    scheduled = OLD_POSTS[0].replace("'2026-01-02", "'2026-01-09")
    with closing(Database(found)) as database:
        database.backend.create()
        with database.session() as session, session.writing("upgrading") as connection:
            migrate(connection, "0002")
            for statement in (OLD_ROWS[0], scheduled, OLD_POSTS[1]):
                connection.exec_driver_sql(statement)
            migrate(connection, "0006")
    return found


@pytest.fixture
def old(url: str) -> Iterator[Database]:
    """The same, opened."""
    with closing(Database(url)) as database:
        yield database


def test_upgrade_keeps_all_that_an_operator_has_made(old: Database, url: str) -> None:
    change(url, *ADDED)
    with connected(url) as rival:
        made, notes = rival.execute(MADE), rival.execute("SELECT * FROM note")
        schema.upgrade(old)

        assert (rival.execute(MADE), rival.execute("SELECT * FROM note")) == (made, notes)
        assert rival.execute("SELECT due_date FROM due ORDER BY sequence") == [
            (None,),
            ("2026-01-09 00:00:00.000000",),
        ]


def test_after_an_upgrade_the_check_names_only_additions(old: Database, url: str) -> None:
    change(url, *ADDED)
    schema.upgrade(old)

    found = integrity.findings(old)

    assert found.faults == []
    assert [
        line.partition(" is not part of this program's schema")[0] for line in found.additions
    ] == [
        "the trigger watched of post",
        "the trigger noted of revision",
    ]


def test_after_an_upgrade_another_date_is_kept(old: Database, url: str) -> None:
    with connected(url) as rival:
        rival.execute("SELECT due_date FROM revision")
        schema.upgrade(old)
        # With this the connection notices that the schema is another one.
        rival.execute("SELECT due_date FROM revision")
        rival.execute("UPDATE revision SET due_date = '2026-01-10 00:00:00.000000'")
    with old.session() as session:
        found = set(session.reading().scalars(select(revision.c.due_date)))

    assert found == {datetime(2026, 1, 10, tzinfo=UTC)}


def test_column_that_is_computed_otherwise_is_left_as_it_is(old: Database, url: str) -> None:
    replace_in_table(url, "revision", "GENERATED ALWAYS AS", "AS")
    with pytest.raises(DatabaseError, match="differs from the one that this program creates"):
        schema.upgrade(old)

    assert integrity.faults(old) == [f"the schema is 0006, not {HEAD}"]
