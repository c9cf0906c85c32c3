"""The schema of a database, compared with what the program needs: what is missing is named."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from blog.storage import soundness
from blog.storage.engine import Database
from blog.storage.schema_comparison import Comparison
from blog.storage.tables import metadata
from tests.blogs import PostgreSQLBlogs
from tests.damages import drop_constraint, replace_in_constraint, replace_in_table
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

# How a thing is told that may refuse or change what is written.
FOREIGN = "is not of this program and may keep it from writing: remove it if it was not meant"
UNFINISHED = "is not of this program and not valid: remove it unless it is being built"


def differences(database: Database) -> list[str]:
    """How the schema differs by now."""
    with database.session() as session:
        comparison = Comparison(session.reading())
        return [*comparison.differences(), *comparison.additions()]


def test_readiness_ignores_what_an_operator_has_added(
    client: FlaskClient, database: Database
) -> None:
    """A unique index of an operator's own refuses what it is meant to refuse."""
    unique = "CREATE UNIQUE INDEX one_title ON post (title)"
    with database.session() as session, session.writing() as connection:
        connection.exec_driver_sql(unique)

    assert client.get("/health/ready").status_code == 200
    assert differences(database) == [f"the unique constraint of post on title {FOREIGN}"]


def test_the_schema_that_the_migrations_make_has_no_difference(database: Database) -> None:
    assert differences(database) == []


def test_what_an_operator_adds_is_no_difference(database: Database, database_url: str) -> None:
    change(
        database_url,
        "CREATE TABLE visit (path text)",
        "ALTER TABLE post ADD COLUMN note text",
        "ALTER TABLE post ADD COLUMN mark integer NOT NULL DEFAULT 0",
        "CREATE INDEX by_format ON post (format)",
        "CREATE INDEX by_size ON post (length(body))",
        "CREATE UNIQUE INDEX by_slug_and_size ON post (slug, length(body))",
        "CREATE UNIQUE INDEX by_id_and_format ON post (id, format)",
    )

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
        f"the check constraint {name} is not the one that this program makes"
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
    assert found[0] == "column post.sort_date is not the one that this program makes"


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "CREATE UNIQUE INDEX one_title ON post (title)",
            "the unique constraint of post on title",
        ),
        (
            "CREATE UNIQUE INDEX one_title ON post (lower(title))",
            "the unique index one_title of post",
        ),
        (
            "CREATE UNIQUE INDEX one_title ON post (title) WHERE version = 1",
            "the unique index one_title of post",
        ),
    ],
    ids=["columns", "expression", "partial"],
)
def test_an_index_that_refuses_what_the_program_writes_is_named(
    database: Database, database_url: str, statement: str, fault: str
) -> None:
    change(database_url, statement)

    assert differences(database) == [f"{fault} {FOREIGN}"]


def test_a_check_that_an_operator_adds_is_named(database: Database, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        change(
            database_url,
            "ALTER TABLE author ADD COLUMN mark integer CONSTRAINT odd CHECK (mark > 1)",
        )
    else:
        change(database_url, "ALTER TABLE author ADD CONSTRAINT odd CHECK (version < 9)")

    assert differences(database) == [f"the check constraint odd {FOREIGN}"]


def test_a_column_that_each_row_has_to_fill_is_named(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    """SQLite adds no such column."""
    with postgresql_blogs.copy(tmp_path) as url:
        change(url, "ALTER TABLE post ADD COLUMN mark text NOT NULL")
        with closing(Database(url)) as database:
            assert differences(database) == [f"column post.mark {FOREIGN}"]


def test_a_foreign_key_that_names_no_column_of_the_other_table_is_named(
    client: FlaskClient, database: Database, database_url: str
) -> None:
    change(database_url, "ALTER TABLE post ADD COLUMN ref text REFERENCES author")

    assert client.get("/health/ready").status_code == 200
    assert differences(database) == [f"the foreign key of post on ref {FOREIGN}"]


OUR_KEY = "CONSTRAINT fk_post_author_name FOREIGN KEY(author_name) REFERENCES author (name)"
OTHER_KEY = "FOREIGN KEY (author_name) REFERENCES author (name_key)"


def add_key(url: str, name: str) -> None:
    """Have what ours refers to refer to something else, too, by a key of this name."""
    other = f"CONSTRAINT {name} {OTHER_KEY}"
    if url.startswith("sqlite"):
        both = [other, OUR_KEY] if name < "fk_post" else [OUR_KEY, other]
        replace_in_table(url, "post", OUR_KEY, ",\n".join(both))
    else:
        change(url, f"ALTER TABLE post ADD {other}")


@pytest.mark.parametrize("name", ["a_key", "z_key"])
def test_a_second_foreign_key_of_a_column_hides_none_of_ours(
    client: FlaskClient, database: Database, database_url: str, name: str
) -> None:
    add_key(database_url, name)

    assert client.get("/health/ready").status_code == 200
    assert differences(database) == [f"another foreign key of post on author_name {FOREIGN}"]


def test_foreign_keys_of_others_in_the_place_of_ours_are_named_once(
    database: Database, database_url: str
) -> None:
    add_key(database_url, "a_key")
    add_key(database_url, "z_key")
    drop_constraint(database_url, "post", "fk_post_author_name")

    assert differences(database) == [
        "the foreign key of post on author_name is not the one that this program makes"
    ]


def test_two_foreign_keys_of_others_beside_ours_are_named_in_one_sentence(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    with postgresql_blogs.copy(tmp_path) as url:
        for action in ("CASCADE", "RESTRICT"):
            change(url, f"ALTER TABLE post ADD {OTHER_KEY} ON DELETE {action}")
        with closing(Database(url)) as database:
            assert differences(database) == [
                f"another foreign key of post on author_name {FOREIGN}"
            ]


@pytest.mark.parametrize("name", ["a_slug", "z_slug"])
def test_a_second_unique_constraint_of_a_column_hides_none_of_ours(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path, name: str
) -> None:
    with postgresql_blogs.copy(tmp_path) as url:
        change(url, f"ALTER TABLE post ADD CONSTRAINT {name} UNIQUE (slug) INCLUDE (title)")
        with closing(Database(url)) as database:
            assert differences(database) == []


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


SWALLOWING = {
    "sqlite": "CREATE TRIGGER hush BEFORE INSERT ON post BEGIN SELECT RAISE(IGNORE); END",
    "postgresql": "CREATE FUNCTION hush() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RETURN NULL; END'; CREATE TRIGGER hush BEFORE INSERT ON post FOR EACH ROW "
    "EXECUTE FUNCTION hush()",
}


def test_a_trigger_that_swallows_writes_is_named(database: Database, database_url: str) -> None:
    change(database_url, SWALLOWING[database.engine.dialect.name])

    assert differences(database) == [f"the trigger hush of post {FOREIGN}"]


def test_a_trigger_of_another_kind_under_our_name_is_named(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    with postgresql_blogs.copy(tmp_path) as url:
        change(
            url,
            "DROP TRIGGER tell_of_write ON post",
            SWALLOWING["postgresql"].replace("TRIGGER hush", "TRIGGER tell_of_write"),
        )
        with closing(Database(url)) as database:
            assert differences(database) == [f"the trigger tell_of_write of post {FOREIGN}"]


@pytest.mark.parametrize(
    ("statements", "faults"),
    [
        (
            ["CREATE RULE hush AS ON INSERT TO post DO INSTEAD NOTHING"],
            [f"the rule hush of post {FOREIGN}"],
        ),
        (
            [
                "CREATE RULE hush AS ON INSERT TO post DO INSTEAD NOTHING",
                "ALTER TABLE post DISABLE RULE hush",
            ],
            [],
        ),
        (
            [SWALLOWING["postgresql"], "ALTER TABLE post DISABLE TRIGGER hush"],
            [],
        ),
        (
            ["ALTER TABLE post ADD EXCLUDE USING btree (title WITH =)"],
            [f"the exclusion constraint post_title_excl of post {FOREIGN}"],
        ),
        (
            ["ALTER INDEX ix_post_title_id SET (fillfactor = 70)"],
            [],
        ),
        (
            [
                "DROP INDEX ix_post_title_id",
                "CREATE INDEX ix_post_title_id ON post (title, id) INCLUDE (slug)",
            ],
            ["index ix_post_title_id is not the one that this program makes"],
        ),
        (
            [
                "UPDATE pg_index SET indisvalid = false "
                "WHERE indexrelid = 'ix_post_title_id'::regclass"
            ],
            ["index ix_post_title_id is not valid"],
        ),
        (
            ["UPDATE pg_index SET indisready = false WHERE indexrelid = 'uq_post_slug'::regclass"],
            ["the unique constraint of post on slug is not valid"],
        ),
        (
            [
                "ALTER TABLE post DROP CONSTRAINT fk_post_author_name",
                "ALTER TABLE post ADD CONSTRAINT fk_post_author_name FOREIGN KEY (author_name) "
                "REFERENCES author NOT VALID",
            ],
            ["the foreign key of post on author_name is not valid"],
        ),
    ],
    ids=[
        "rule",
        "disabled rule",
        "disabled trigger",
        "exclusion",
        "storage",
        "include",
        "invalid index",
        "invalid unique",
        "not validated",
    ],
)
def test_what_only_postgresql_has_is_told_where_it_matters(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path, statements: list[str], faults: list[str]
) -> None:
    with postgresql_blogs.copy(tmp_path) as url:
        change(url, *statements)
        with closing(Database(url)) as database:
            assert differences(database) == faults


def test_an_index_that_is_being_built_again_is_no_difference_but_told_by_a_check(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    with postgresql_blogs.copy(tmp_path) as url:
        for index, columns in (("uq_post_slug", "slug"), ("pk_post", "id")):
            change(
                url,
                f"CREATE UNIQUE INDEX {index}_ccnew ON post ({columns})",
                "UPDATE pg_index SET indisvalid = false "
                f"WHERE indexrelid = '{index}_ccnew'::regclass",
            )
        with closing(Database(url)) as database:
            assert soundness.findings(database) == (
                [],
                [f"index pk_post_ccnew {UNFINISHED}", f"index uq_post_slug_ccnew {UNFINISHED}"],
            )
