"""Which database a command works with: it is named, and made by few."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from blog.maintenance.migrations import HEAD
from blog.settings import mask, read_settings
from tests.cases import cases
from tests.commands import blog, done, failed
from tests.rivals import change
from tests.servers.serving import add_author, run_blog, start, wait_until_it_serves

# Every command that needs a blog.
NEEDY = [
    "author list",
    "author passwd rick --password-stdin",
    "author role rick editor",
    "author remove rick",
    "token add rick bot",
    "token list rick",
    "token revoke rick bot",
    "database check",
    "database backup copy.db",
]
# Those of them that need the schema of this program too.
PARTICULAR = [command for command in NEEDY if not command.startswith("database")]


def place() -> str:
    """The database of the commands, as they name it."""
    return repr(mask(read_settings().database_url.removeprefix("sqlite:///")))


def is_file() -> bool:
    return read_settings().database_url.startswith("sqlite")


@cases("command", NEEDY)
def test_a_command_makes_no_blog_where_there_is_none(command: str, directory: Path) -> None:
    message = failed(blog(command, "password\n"))

    missing = "database at" if is_file() else "blog in the database"
    assert message == f"there is no {missing} {place()}"
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("command", NEEDY)
def test_an_empty_file_is_no_blog(command: str, tmp_path: Path) -> None:
    file = tmp_path / "empty.db"
    file.touch()

    message = failed(blog(command, "password\n", BLOG_DATABASE_URL=f"sqlite:///{file}"))

    assert message == f"there is no blog in the database {str(file)!r}"
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == []


@pytest.mark.usefixtures("directory")
def test_a_relative_place_is_named_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BLOG_DATABASE_URL")

    message = failed(blog("author list"))

    assert message == f"there is no database at {str(tmp_path / 'blog.db')!r}"


def test_a_source_that_is_empty_is_not_copied(directory: Path, tmp_path: Path) -> None:
    url = read_settings().database_url
    target = tmp_path / "target.db"

    message = failed(blog(f"database copy {url} sqlite:///{target}"))

    assert message.startswith("there is no ")
    assert not target.exists()


@pytest.mark.parametrize("command", ["author add joe --password-stdin", "database upgrade"])
def test_a_file_that_is_made_is_named(command: str, directory: Path) -> None:
    result = blog(command, "password\n")

    made = f"Created the database {place()}.\n"
    assert result.exit_code == 0
    assert result.stderr == (made if is_file() else f"Database: {place()}\n")


@pytest.mark.parametrize("command", [*NEEDY, "database upgrade", "settings"])
def test_every_command_names_its_database(command: str, rick: str) -> None:
    done(blog("author add ann --role editor --password-stdin", "password\n"))
    done(blog("author add joe --password-stdin", "password\n"))
    done(blog("token add joe bot"))
    result = blog(
        command.replace("rick", "joe").replace("add joe bot", "add joe bat"), "password\n"
    )

    assert (result.exit_code, result.stderr) == (0, f"Database: {place()}\n")


def test_a_password_of_the_database_is_not_shown() -> None:
    url = "postgresql+psycopg://me:s3cret@127.0.0.1:1/blog"

    result = blog("settings", BLOG_DATABASE_URL=url)

    assert result.stderr == "Database: 'postgresql+psycopg://me:***@127.0.0.1:1/blog'\n"
    assert "s3cret" not in result.output


@cases("command", [*PARTICULAR, "author add joe --password-stdin"])
def test_an_older_schema_is_left_as_it_is(command: str, rick: str) -> None:
    change(read_settings().database_url, "UPDATE alembic_version SET version_num = '0001'")

    message = failed(blog(command, "password\n"))

    assert message == (
        f"the database has schema 0001, and this program needs {HEAD}: run `blog database upgrade`"
    )


@pytest.mark.parametrize("command", ["role ann author", "remove ann"])
def test_the_last_editor_goes_by_force_alone(command: str, directory: Path) -> None:
    done(blog("author add ann --role editor --password-stdin", "password\n"))

    message = failed(blog(f"author {command}"))

    assert message == (
        "'ann' is the last editor who can sign in: make another one first, or use --force"
    )
    assert done(blog("author list")) == "ann\teditor\n"
    done(blog(f"author {command} --force"))
    assert "editor" not in done(blog("author list"))


def test_a_server_names_the_file_that_it_makes(tmp_path: Path) -> None:
    with start(tmp_path, "--workers", "1") as server:
        wait_until_it_serves(server)
        printed = server.stdout_text()

    assert printed.startswith(
        f"Created the database {str(tmp_path / 'blog.db')!r}.\nCreated the editor "
    )


def test_a_server_without_an_editor_says_so_at_its_start(tmp_path: Path) -> None:
    add_author(tmp_path)
    with start(tmp_path, "--workers", "1") as server:
        wait_until_it_serves(server)
        said = [line["message"] for line in server.log() if line["level"] == "WARNING"]

    assert said == ["no editor can sign in: `blog author add NAME --role editor` creates one"]


def test_a_token_stands_alone_on_standard_output(tmp_path: Path) -> None:
    add_author(tmp_path)

    ended = run_blog(tmp_path, "token", "add", "rick", "bot")

    assert re.fullmatch(r"blogpat_\w{42}\n", ended.stdout)
    assert ended.stderr == f"Database: {str(tmp_path / 'blog.db')!r}\n"
