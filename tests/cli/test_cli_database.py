"""The `blog database` commands: made, brought up to date, checked and copied."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from blog.cli.database import describe_rendered
from blog.settings import read_settings
from tests.cases import cases
from tests.commands import blog, done, failed, post_as
from tests.renderings import DEEP, age
from tests.rivals import change
from tests.servers.serving import free_port

pytestmark = [pytest.mark.usefixtures("directory"), pytest.mark.slow]


def execute(statement: str) -> None:
    """Do to the database what no command does."""
    change(read_settings().database_url, statement)


def test_first_upgrade_makes_a_database_and_the_second_has_nothing_to_do() -> None:
    printed = [done(blog("database upgrade")) for _ in range(2)]

    assert printed == ["Upgraded the database.\n", "The database is up to date.\n"]


@cases("command", ["database upgrade", "author list", "serve"])
def test_database_of_a_newer_program_is_left_alone(
    command: str, rick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_PORT", str(free_port()))
    execute("UPDATE alembic_version SET version_num = '9999'")

    message = failed(blog(command))

    assert message.startswith("the database has schema 9999 of another version")
    assert message.endswith("install the other version")


def test_sound_database_passes_the_check(rick: str) -> None:
    post_as("rick")

    assert done(blog("database check")) == "No faults found.\n"


@cases(
    ("damage", "expected"),
    [
        (
            "UPDATE post SET tags = '[\"lost\"]'",
            r"(post [0-9a-f]{32}) is not found by its tags\n"
            r"\1 differs from its revision in tags\n",
        ),
        ("UPDATE alembic_version SET version_num = '0000'", r"the schema is 0000, not .+\n"),
    ],
)
def test_faults_of_a_database_are_printed_with_status_1(
    damage: str, expected: str, rick: str
) -> None:
    post_as("rick")
    execute(damage)

    result = blog("database check")

    assert re.fullmatch(expected, result.stdout)
    assert "restore a backup" in failed(result)


ADDITION = "CREATE UNIQUE INDEX one_title ON post (title)"
ADDED = (
    "the unique constraint of post on title is not part of this program's schema and may make "
    "writes fail: remove it if unintended\n"
)


def test_addition_to_a_sound_database_is_printed_with_status_0(rick: str) -> None:
    execute(ADDITION)

    assert done(blog("database check")) == f"No faults found.\n{ADDED}"


def test_addition_to_a_database_with_faults_is_printed_and_is_none_of_them(rick: str) -> None:
    execute(ADDITION)
    execute("DROP INDEX ix_post_title_id")

    result = blog("database check")

    assert result.stdout == f"index ix_post_title_id is missing\n{ADDED}"
    assert failed(result).startswith("faults found: 1; ")


@cases(
    ("url", "expected"),
    [
        ("nonsense", "the database URL can't be read"),
        ("sqlite://", "'sqlite://' names no SQLite file, as sqlite:///blog.db does"),
        ("mysql://me:s3cret@example.org/blog", "'mysql' is not supported: begin with "),
        (
            "postgresql+asyncpg://me:s3cret@example.org/blog",
            "'postgresql+asyncpg' is not supported: ",
        ),
        ("sqlite:///missing/blog.db", "No such file or directory"),
    ],
)
def test_unusable_database_url_is_reported_without_its_password(url: str, expected: str) -> None:
    message = failed(blog("database upgrade", BLOG_DATABASE_URL=url))

    assert expected in message
    assert "s3cret" not in message


def test_backup_is_a_whole_database_of_its_own(rick: str, directory: Path) -> None:
    post_as("rick")

    printed = done(blog("database backup copy.db"))

    assert printed == "Copied the database to 'copy.db'.\n"
    copied = blog("author list", BLOG_DATABASE_URL="sqlite:///copy.db")
    assert done(copied) == "rick\tauthor\n"
    assert done(blog("database check", BLOG_DATABASE_URL="sqlite:///copy.db"))


def test_backup_is_one_file_readable_by_its_owner_alone(rick: str, directory: Path) -> None:
    (directory / "safe").mkdir()

    done(blog("database backup safe/copy.db"))

    [copy] = (directory / "safe").iterdir()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_backup_replaces_no_file(rick: str, directory: Path) -> None:
    (directory / "copy.db").write_text("precious")

    message = failed(blog("database backup copy.db"))

    assert message == "'copy.db' already exists: choose another name, or add --force"
    assert (directory / "copy.db").read_text() == "precious"


def test_backup_replaces_a_file_by_force(rick: str, directory: Path) -> None:
    post_as("rick")
    (directory / "copy.db").write_text("old")

    printed = done(blog("database backup copy.db --force"))

    assert printed == "Copied the database to 'copy.db'.\n"
    copied = blog("database check", BLOG_DATABASE_URL="sqlite:///copy.db")
    assert done(copied) == "No faults found.\n"


def test_backup_does_not_replace_the_database_itself_even_by_force(directory: Path) -> None:
    database = {"BLOG_DATABASE_URL": "sqlite:///own.db"}
    done(blog("author add rick --password-stdin", "password\n", **database))

    message = failed(blog("database backup ./own.db --force", **database))

    assert message == "'own.db' is the database itself: choose another name"
    assert done(blog("author list", **database)) == "rick\tauthor\n"


def test_backup_replaces_no_link_even_by_force(rick: str, directory: Path) -> None:
    (directory / "copy.db").write_text("precious")
    (directory / "link.db").symlink_to("copy.db")

    message = failed(blog("database backup link.db --force"))

    assert message == "'link.db' is not a regular file: choose another name"
    assert (directory / "copy.db").read_text() == "precious"


def test_backup_into_a_missing_directory_is_refused(rick: str) -> None:
    message = failed(blog("database backup missing/copy.db"))

    assert message.startswith("can't write 'missing/copy.db': ")


def test_posts_are_rendered_anew_once(rick: str) -> None:
    post_as("rick")
    age(read_settings().database_url)

    printed = [done(blog("database render")) for _ in range(2)]

    assert printed == ["Rendered 1 posts anew.\n", "Rendered 0 posts anew.\n"]


@pytest.mark.parametrize(
    ("base_url", "hosts", "named"),
    [
        ("https://blog.example/a", "none", "Base URL: https://blog.example/a; embeds: none\n"),
        ("https://a.example", "none,b.example", "Base URL: https://a.example; embeds: b.example\n"),
    ],
)
def test_rendering_names_the_settings_that_decide(
    rick: str, base_url: str, hosts: str, named: str
) -> None:
    result = blog("database render", BLOG_BASE_URL=base_url, BLOG_EMBED_HOSTS=hosts)

    assert result.stderr.endswith(named)


def test_posts_that_are_shown_as_text_are_listed_each_time(rick: str) -> None:
    post_as("rick")
    age(read_settings().database_url, DEEP)
    done(blog("database render"))

    assert re.fullmatch(
        r"Rendered 0 posts anew\.\n"
        r"post [0-9a-f]{32}: the body can't be rendered, and is shown as text\n",
        done(blog("database render")),
    )


@cases(
    ("own", "total", "line"),
    [
        (3, 3, "Rendered 3 posts anew."),
        (1, 3, "Rendered 1 posts anew; other processes rendered 2."),
        # A post has become old meanwhile.
        (3, 2, "Rendered 3 posts anew."),
    ],
)
def test_what_other_processes_rendered_is_told(own: int, total: int, line: str) -> None:
    assert describe_rendered(own, total) == line


def test_posts_of_an_old_schema_are_not_rendered(rick: str) -> None:
    execute("UPDATE alembic_version SET version_num = '0001'")

    assert failed(blog("database render")).endswith("run `blog database upgrade`")
