"""The schema of a database, compared with what the program needs: what is missing is named."""

from __future__ import annotations

import pytest

from blog.storage import soundness
from blog.storage.engine import Database
from blog.storage.schema_comparison import Comparison
from blog.storage.tables import metadata
from tests.damages import drop_constraint
from tests.rivals import change

INDEXES = sorted(str(index.name) for table in metadata.tables.values() for index in table.indexes)
# Each kind of constraint, by table and name, and how it is told.
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


def differences(database: Database) -> list[str]:
    """How the schema differs by now."""
    with database.session() as session:
        return Comparison(session.reading()).differences()


def test_the_schema_that_the_migrations_make_has_no_difference(database: Database) -> None:
    assert differences(database) == []


def test_what_an_operator_adds_is_no_difference(database: Database, database_url: str) -> None:
    change(
        database_url,
        "CREATE TABLE visit (path text)",
        "ALTER TABLE post ADD COLUMN note text",
        "CREATE INDEX by_format ON post (format)",
    )

    assert differences(database) == []


@pytest.mark.parametrize("index", INDEXES)
def test_a_missing_index_is_named(database: Database, database_url: str, index: str) -> None:
    change(database_url, f"DROP INDEX {index}")

    assert differences(database) == [f"index {index} is missing"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ix_post_title_id", "ON post (id, title)"),
        ("ix_revision_due_date_sequence", "ON revision (due_date, sequence)"),
    ],
    ids=["columns", "partial"],
)
def test_another_index_under_the_same_name_is_named(
    database: Database, database_url: str, old: str, new: str
) -> None:
    change(database_url, f"DROP INDEX {old}", f"CREATE INDEX {old} {new}")

    assert differences(database) == [f"index {old} is not the one that this program makes"]


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

    assert soundness.faults(database) == ["column post.summary is missing"]


def test_a_missing_table_is_named(database: Database, database_url: str) -> None:
    change(database_url, "DROP TABLE idempotency_key")

    assert soundness.faults(database) == ["table idempotency_key is missing"]


def test_a_column_of_another_type_is_named(database: Database, database_url: str) -> None:
    change(
        database_url,
        "ALTER TABLE author DROP COLUMN bio",
        "ALTER TABLE author ADD COLUMN bio integer",
    )

    assert differences(database) == ["column author.bio is not the one that this program makes"]
