"""The `blog` command: what it prints, and with which status it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from blog import __version__
from blog.app import create_app
from blog.cli import main
from blog.settings import read_settings
from tests.cases import cases
from tests.commands import blog, done, failed, post_as

pytestmark = [pytest.mark.usefixtures("directory"), pytest.mark.databases("sqlite")]


def sign_in(name: str, password: str) -> int:
    """The status of a request with these credentials."""
    app = create_app(read_settings())
    status = app.test_client().get("/", auth=(name, password)).status_code
    app.extensions["blog"].database.close()
    return status


def test_version_is_printed() -> None:
    assert done(blog("--version")) == f"blog, version {__version__}\n"


@cases(
    "command",
    [
        "nonsense",
        "author nonsense",
        "author add",
        "author add rick --role king",
        "author add rick joe",
        "author role rick",
        "author role rick king",
        "author list --all",
        "database backup",
        "database backup .",
        "serve --port 0",
        "serve --port 65536",
        "serve --workers 0",
        "serve --workers many",
        "settings --secrets",
    ],
)
def test_wrong_usage_is_status_2(command: str, directory: Path) -> None:
    result = blog(command)

    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")
    assert list(directory.iterdir()) == []


@cases("command", ["--help", "author --help", "serve --help"])
def test_help_is_status_0(command: str) -> None:
    assert done(blog(command)).startswith("Usage: ")


@pytest.mark.parametrize(("option", "role"), [("", "author"), (" --role editor", "editor")])
def test_added_author_is_listed_with_the_role(option: str, role: str) -> None:
    printed = done(blog(f"author add rick --password-stdin{option}", "password\n"))

    assert printed == f"Created the {role} 'rick'.\n"
    assert done(blog("author list")) == f"rick\t{role}\n"


@pytest.mark.parametrize(
    "stdin", ["\ufeffpass word\n", "pass word\n", "pass word\r\n", "pass word", "pass word\nmore\n"]
)
def test_password_is_the_first_line_of_standard_input(stdin: str) -> None:
    done(blog("author add rick --password-stdin", stdin))

    assert sign_in("rick", "pass word") == 200


def test_password_is_asked_for_twice_and_not_shown() -> None:
    printed = done(blog("author add rick", "password\npassword\n"))

    assert "password" not in printed
    assert sign_in("rick", "password") == 200


def test_two_passwords_that_differ_are_asked_for_again() -> None:
    result = blog("author add rick", "password\npassw0rd\npass word\npass word\n")

    assert "do not match" in result.output
    assert (result.exit_code, sign_in("rick", "pass word")) == (0, 200)


def test_no_second_password_makes_no_author(rick: str) -> None:
    result = blog("author add joe", "password\n")

    assert result.exit_code == 1
    assert done(blog("author list")) == "rick\tauthor\n"


@cases(
    ("stdin", "expected"),
    [
        ("", "a password must have 8 to 1024 characters, not 0"),
        ("passwor\n", "a password must have 8 to 1024 characters, not 7"),
        ("p" * 1025, "a password must have 8 to 1024 characters, not 1025"),
        ("pass\tword\n", "a password must not contain control characters or lone surrogates"),
    ],
)
def test_unusable_password_makes_no_author(stdin: str, expected: str, rick: str) -> None:
    message = failed(blog("author add joe --password-stdin", stdin))

    assert message == expected
    assert done(blog("author list")) == "rick\tauthor\n"


@cases("name", ["", "a:b", "a/b", "-", ".rick", "r\n", "\udcff", "r" * 65])
def test_unusable_name_makes_no_author(name: str, rick: str) -> None:
    result = CliRunner().invoke(
        main, ["author", "add", "--password-stdin", "--", name], input="password\n"
    )

    assert "can't be a name: 1 to 64 letters, digits, " in failed(result)
    assert done(blog("author list")) == "rick\tauthor\n"


@cases("name", ["rick", "Rick", "RICK", "\uff52ick"])
def test_name_of_another_or_one_like_it_makes_no_author(name: str, rick: str) -> None:
    message = failed(blog(f"author add {name} --password-stdin", "password\n"))

    assert message == (
        f"there is an author {name!r} already, or one whose name differs by case alone"
    )
    assert done(blog("author list")) == "rick\tauthor\n"


def test_no_author_is_an_empty_list() -> None:
    done(blog("database upgrade"))

    assert done(blog("author list")) == ""


def test_authors_are_listed_by_name(rick: str) -> None:
    done(blog("author add joe --password-stdin", "password\n"))
    done(blog("author add Zoë --role editor --password-stdin", "password\n"))

    assert done(blog("author list")) == "Zoë\teditor\njoe\tauthor\nrick\tauthor\n"


def test_new_password_takes_the_place_of_the_old(rick: str) -> None:
    printed = done(blog("author passwd rick --password-stdin", "pass word\n"))

    assert printed == "Changed the password of 'rick'.\n"
    assert sign_in("rick", "pass word") == 200
    assert sign_in("rick", "password") == 401


def test_unusable_new_password_leaves_the_old(rick: str) -> None:
    failed(blog("author passwd rick --password-stdin", "short\n"))

    assert sign_in("rick", "password") == 200


def test_changed_role_is_listed(rick: str) -> None:
    printed = done(blog("author role rick editor"))

    assert printed == "'rick' is now editor.\n"
    assert done(blog("author list")) == "rick\teditor\n"


@cases("command", ["passwd joe --password-stdin", "role joe editor", "remove joe"])
def test_unknown_author_can_not_be_changed(command: str, rick: str) -> None:
    message = failed(blog(f"author {command}", "password\n"))

    assert message == "there is no author 'joe'"
    assert done(blog("author list")) == "rick\tauthor\n"


@cases("command", ["passwd {} --password-stdin", "role {} editor", "remove {}"])
def test_name_that_is_no_text_is_no_author(command: str, rick: str) -> None:
    message = failed(blog(f"author {command.format(chr(0xDCFF))}", "password\n"))

    assert message.startswith(r"'\udcff' can't be a name")


@pytest.mark.parametrize("command", ["passwd {} --password-stdin", "role {} editor", "remove {}"])
def test_name_may_be_typed_with_combining_characters(command: str) -> None:
    composed, decomposed = "zo\u00eb", "zoe\u0308"
    done(blog(f"author add {composed} --password-stdin", "password\n"))

    printed = done(blog(f"author {command.format(decomposed)}", "pass word\n"))

    assert composed in printed


def test_removed_author_without_posts_is_gone(rick: str) -> None:
    printed = done(blog("author remove rick"))

    assert printed == "Removed 'rick'.\n"
    assert done(blog("author list")) == ""


def test_removed_author_of_posts_stays_and_is_listed_as_removed(rick: str) -> None:
    post_as("rick")

    printed = done(blog("author remove rick"))

    assert printed == "Removed 'rick'. Their posts and profile stay.\n"
    assert done(blog("author list")) == "rick\tremoved\n"
    assert sign_in("rick", "password") == 401


def test_new_password_brings_a_removed_author_back(rick: str) -> None:
    post_as("rick")
    done(blog("author remove rick"))

    done(blog("author passwd rick --password-stdin", "pass word\n"))

    assert done(blog("author list")) == "rick\tauthor\n"
    assert sign_in("rick", "pass word") == 200


def test_settings_are_shown_with_origin_and_meaning(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLOG_DATABASE_URL")

    printed = done(blog("settings", BLOG_THREADS="8"))

    assert "BLOG_THREADS=8\n    (environment) requests that one worker process" in printed
    assert "BLOG_DATABASE_URL=sqlite:///blog.db\n    (default) the database, as " in printed
    assert list(directory.iterdir()) == []


def test_settings_show_no_secret() -> None:
    printed = done(blog("settings", BLOG_SECRET_KEY="s3cret and long enough"))

    assert "s3cret" not in printed
    assert "BLOG_SECRET_KEY=**********\n" in printed


def test_bad_database_url_is_named_without_its_password() -> None:
    message = failed(blog("settings", BLOG_DATABASE_URL="mysql://me:s3cret@example.org/blog"))

    assert message.startswith("BLOG_DATABASE_URL: 'mysql://me:***@example.org/blog' is invalid")
    assert "s3cret" not in message


@cases("command", ["settings", "serve", "author list", "database upgrade", "database check"])
def test_no_command_runs_with_a_bad_setting(command: str, directory: Path) -> None:
    message = failed(blog(command, BLOG_THREADS="many"))

    assert message.startswith("BLOG_THREADS: 'many' is invalid: ")
    assert list(directory.iterdir()) == []
