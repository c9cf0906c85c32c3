"""The schema of a database, compared with what the program needs: what is missing is named."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from blog.database.database import Database
from blog.maintenance import integrity
from blog.maintenance.schema_comparison import Comparison
from blog.storage.tables import metadata
from tests.blogs import PostgreSQLBlogs
from tests.maintenance.damages import drop_constraint, replace_in_constraint, replace_in_table
from tests.maintenance.differences import differences
from tests.rivals import change

INDEXES = sorted(str(index.name) for table in metadata.tables.values() for index in table.indexes)
# Each kind of constraint, by table and name, and how it is reported.
CONSTRAINTS = [
    ("setting", "pk_setting", "the primary key of setting is missing"),
    ("post", "uq_post_slug", "the unique constraint of post on slug is missing"),
    (
        "revision",
        "uq_revision_post_id_version",
        "the unique constraint of revision on post_id, version is missing",
    ),
    ("tag", "fk_tag_post_id", "the foreign key of tag on post_id is missing"),
    ("post", "ck_post_status", "the check constraint ck_post_status is missing"),
]


def test_the_schema_that_the_migrations_make_has_no_difference(database: Database) -> None:
    assert differences(database) == []


@pytest.mark.parametrize("index", INDEXES)
def test_a_missing_index_is_named(database: Database, database_url: str, index: str) -> None:
    change(database_url, f"DROP INDEX {index}")

    assert differences(database) == [f"index {index} is missing"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ix_post_title_id", "INDEX {} ON post (id, title)"),
        ("ix_post_title_id", "INDEX {} ON post (title DESC, id)"),
        ("ix_post_title_id", "INDEX {} ON post (lower(title), id)"),
        ("ix_post_title_id", "UNIQUE INDEX {} ON post (title, id)"),
        ("ix_revision_due_date_sequence", "INDEX {} ON revision (due_date, sequence)"),
        (
            "ix_revision_due_date_sequence",
            "INDEX {} ON revision (due_date, sequence) WHERE due_date IS NULL",
        ),
    ],
    ids=["columns", "descending", "expression", "unique", "whole", "condition"],
)
def test_another_index_under_the_same_name_is_named(
    database: Database, database_url: str, old: str, new: str
) -> None:
    change(database_url, f"DROP INDEX {old}", f"CREATE {new.format(old)}")

    assert differences(database) == [f"index {old} differs from the one that this program creates"]


@pytest.mark.parametrize(("table", "name", "fault"), CONSTRAINTS)
def test_a_missing_constraint_is_named(
    database: Database, database_url: str, table: str, name: str, fault: str
) -> None:
    drop_constraint(database_url, table, name)

    assert differences(database) == [fault]


def test_a_unique_index_serves_as_a_unique_constraint(
    database: Database, database_url: str
) -> None:
    drop_constraint(database_url, "post", "uq_post_slug")
    change(database_url, "CREATE UNIQUE INDEX one_slug ON post (slug)")

    assert differences(database) == []


def test_a_partial_unique_index_does_not(database: Database, database_url: str) -> None:
    drop_constraint(database_url, "post", "uq_post_slug")
    change(database_url, "CREATE UNIQUE INDEX one_slug ON post (slug) WHERE version = 1")

    assert differences(database) == ["the unique constraint of post on slug is missing"]


def test_a_missing_column_is_named_and_nothing_that_reads_it_runs(
    database: Database, database_url: str
) -> None:
    change(database_url, "ALTER TABLE post DROP COLUMN summary")

    assert integrity.faults(database) == ["column post.summary is missing"]


def test_a_missing_table_is_named(database: Database, database_url: str) -> None:
    change(database_url, "DROP TABLE idempotency_key")

    assert integrity.faults(database) == ["table idempotency_key is missing"]


def test_a_column_of_another_type_is_named(database: Database, database_url: str) -> None:
    change(
        database_url,
        "ALTER TABLE author DROP COLUMN bio",
        "ALTER TABLE author ADD COLUMN bio integer",
    )

    assert differences(database) == [
        "column author.bio differs from the one that this program creates"
    ]


@pytest.mark.parametrize(
    "statement",
    ["create index {} on  post ( title , id )", 'CREATE INDEX {} ON "post" ("title" ASC, "id")'],
)
def test_an_index_that_is_only_written_otherwise_is_no_difference(
    database: Database, database_url: str, statement: str
) -> None:
    change(database_url, "DROP INDEX ix_post_title_id", statement.format("ix_post_title_id"))

    assert differences(database) == []


@pytest.mark.parametrize(
    ("table", "name", "old", "new"),
    [
        ("post", "ck_post_format", "'html'", "'xml'"),
        ("post", "ck_post_format", "'html'", "'HTML'"),
        ("post", "ck_post_published_has_date", " OR ", " AND "),
    ],
)
def test_a_check_constraint_with_another_condition_is_named(
    database: Database, database_url: str, table: str, name: str, old: str, new: str
) -> None:
    replace_in_constraint(database_url, table, name, old, new)

    assert differences(database) == [
        f"the check constraint {name} differs from the one that this program creates"
    ]


def test_a_column_that_is_computed_otherwise_is_named(
    database: Database, database_url: str
) -> None:
    if database_url.startswith("sqlite"):
        replace_in_table(database_url, "post", "coalesce(posted_date", "coalesce(updated_date")
    else:
        change(
            database_url,
            "ALTER TABLE post DROP COLUMN sort_date CASCADE",
            "ALTER TABLE post ADD COLUMN sort_date timestamptz NOT NULL "
            "GENERATED ALWAYS AS (coalesce(updated_date, created_date)) STORED",
        )

    found = differences(database)
    assert found[0] == "column post.sort_date differs from the one that this program creates"


def test_what_is_dropped_while_it_is_compared_is_missing(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    """The snapshot still has it, and PostgreSQL itself has forgotten what it was."""
    with (
        postgresql_blogs.copy(tmp_path) as url,
        closing(Database(url)) as database,
        database.session() as session,
    ):
        change(url, "CREATE UNIQUE INDEX gone ON post (title)", "CREATE INDEX lost ON post (body)")
        connection = session.reading()
        connection.exec_driver_sql("SELECT 1")
        change(url, "DROP INDEX gone, lost, ix_post_title_id")
        comparison = Comparison(connection)

        assert comparison.differences() == ["index ix_post_title_id is missing"]
        assert comparison.additions() == []
