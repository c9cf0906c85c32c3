"""What an operator has added to a schema: no difference, but named where it may stop a write."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from blog.database.database import Database
from blog.maintenance import integrity
from tests.blogs import PostgreSQLBlogs
from tests.maintenance.damages import SWALLOWING, drop_constraint, replace_in_table
from tests.maintenance.differences import FOREIGN, UNFINISHED, differences
from tests.rivals import change


def test_readiness_ignores_what_an_operator_has_added(
    client: FlaskClient, database: Database
) -> None:
    """A unique index of an operator's own refuses what it is meant to refuse."""
    unique = "CREATE UNIQUE INDEX one_title ON post (title)"
    with database.session() as session, session.writing() as connection:
        connection.exec_driver_sql(unique)

    assert client.get("/health/ready").status_code == 200
    assert differences(database) == [f"the unique constraint of post on title {FOREIGN}"]


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
        "the foreign key of post on author_name differs from the one that this program creates"
    ]


def test_two_foreign_keys_of_others_next_to_ours_are_named_in_one_sentence(
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


def test_a_trigger_that_swallows_writes_is_named(database: Database, database_url: str) -> None:
    change(database_url, SWALLOWING[database.engine.dialect.name].format("INSERT"))

    assert differences(database) == [f"the trigger hush of post {FOREIGN}"]


def test_a_trigger_of_another_kind_under_our_name_is_named(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path
) -> None:
    swallowing = SWALLOWING["postgresql"].format("INSERT")
    with postgresql_blogs.copy(tmp_path) as url:
        change(
            url,
            "DROP TRIGGER tell_of_write ON post",
            swallowing.replace("TRIGGER hush", "TRIGGER tell_of_write"),
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
            [SWALLOWING["postgresql"].format("INSERT"), "ALTER TABLE post DISABLE TRIGGER hush"],
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
            ["index ix_post_title_id differs from the one that this program creates"],
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
def test_what_only_postgresql_has_is_reported_where_it_matters(
    postgresql_blogs: PostgreSQLBlogs, tmp_path: Path, statements: list[str], faults: list[str]
) -> None:
    with postgresql_blogs.copy(tmp_path) as url:
        change(url, *statements)
        with closing(Database(url)) as database:
            assert differences(database) == faults


def test_an_index_that_is_being_built_again_is_no_difference_but_reported_by_a_check(
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
            assert integrity.findings(database) == (
                [],
                [f"index pk_post_ccnew {UNFINISHED}", f"index uq_post_slug_ccnew {UNFINISHED}"],
            )
