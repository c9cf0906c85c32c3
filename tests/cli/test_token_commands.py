"""`blog token`: what it prints, and what can then be done with it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from click.testing import CliRunner

from blog.app import create_app
from blog.cli import main
from blog.content.dates import utc_now
from blog.database.database import Database
from blog.settings import read_settings
from blog.storage import tokens
from blog.storage.tokens import AccessToken
from tests.cases import cases
from tests.commands import blog, done, failed, post_as

pytestmark = [pytest.mark.usefixtures("rick"), pytest.mark.databases("sqlite")]


def statuses(name: str, secret: str) -> tuple[int, int]:
    """The statuses of a read and of a write with these credentials."""
    app = create_app(read_settings())
    client, post = app.test_client(), {"title": "First!", "body": ""}
    read = client.get("/", auth=(name, secret))
    written = client.post("/post", json=post, auth=(name, secret))
    app.extensions["blog"].database.close()
    return read.status_code, written.status_code


def keep(token: AccessToken) -> None:
    """Give Rick a token that was made at another time."""
    database = Database(read_settings().database_url)
    with database.session() as session:
        tokens.add(session, "rick", token, token.label)
    database.close()


def add(options: str = "") -> str:
    """Make a token of Rick; its secret."""
    return done(blog(f"token add rick bot{options}")).rstrip("\n")


def test_add_prints_the_secret_alone() -> None:
    printed = done(blog("token add rick bot"))

    assert re.fullmatch(r"blogpat_[0-9A-Za-z]{42}\n", printed)
    assert statuses("rick", printed.rstrip("\n")) == (200, 201)


def test_the_secret_is_shown_once() -> None:
    secret = add()
    printed = done(blog("token list rick")) + done(blog("settings"))

    assert "blogpat_" not in printed
    assert secret[8:] not in printed


@pytest.mark.parametrize(("options", "expected"), [("", 201), (" --scope write", 201)])
def test_a_token_may_write_by_default(options: str, expected: int) -> None:
    assert statuses("rick", add(options)) == (200, expected)


def test_a_token_of_scope_read_may_only_read() -> None:
    assert statuses("rick", add(" --scope read")) == (200, 403)


def test_a_new_token_is_listed() -> None:
    add(" --scope read")

    assert re.fullmatch(
        r"bot\tread\tcreated 20\d\d-\d\d-\d\d\texpires never\tlast used never\n",
        done(blog("token list rick")),
    )


def test_a_token_with_days_expires_after_them() -> None:
    before = utc_now()
    add(" --days 30")

    ends = [before + timedelta(days=30), utc_now() + timedelta(days=30)]
    listed = done(blog("token list rick"))
    assert any(f"\texpires {moment:%Y-%m-%d %H:%M}Z\t" in listed for moment in ends)


def test_a_token_that_was_used_is_listed_with_the_day() -> None:
    before = utc_now().date()
    statuses("rick", add())

    listed = done(blog("token list rick"))
    assert any(f"\tlast used {day}\n" in listed for day in (before, utc_now().date()))


def test_an_expired_token_is_listed_as_expired() -> None:
    made = utc_now() - timedelta(days=31)
    keep(AccessToken("bot", "write", made, made + timedelta(days=30)))

    expected = f"\tcreated {made:%Y-%m-%d}\texpired {made + timedelta(days=30):%Y-%m-%d %H:%M}Z\t"
    assert expected in done(blog("token list rick"))


def test_tokens_are_listed_by_label() -> None:
    for label in ("b", "a", "C"):
        done(blog(f"token add rick {label}"))

    listed = done(blog("token list rick"))
    assert [line.split("\t")[0] for line in listed.splitlines()] == ["C", "a", "b"]


def test_no_token_is_an_empty_list() -> None:
    assert done(blog("token list rick")) == ""


def test_a_revoked_token_is_good_for_nothing() -> None:
    secret = add()

    assert done(blog("token revoke rick bot")) == "Revoked the token 'bot' of 'rick'.\n"
    assert done(blog("token list rick")) == ""
    assert statuses("rick", secret) == (401, 401)


def test_a_label_is_taken_by_one_token() -> None:
    secret = add()

    assert failed(blog("token add rick bot")) == "'rick' has a token 'bot' already"
    assert statuses("rick", secret) == (200, 201)


@cases("label", ["", " ", "a\nb", "\udcff", "x" * 101])
@cases("command", ["add", "revoke"])
def test_an_unusable_label_is_refused(command: str, label: str) -> None:
    result = CliRunner().invoke(main, ["token", command, "rick", label])

    assert failed(result).endswith(" can't be a label: 1 to 100 printable characters")
    assert done(blog("token list rick")) == ""


def test_a_label_may_have_spaces() -> None:
    done(CliRunner().invoke(main, ["token", "add", "rick", "my bot"]))
    printed = done(CliRunner().invoke(main, ["token", "revoke", "rick", "my bot"]))

    assert printed == "Revoked the token 'my bot' of 'rick'.\n"


@cases(
    ("command", "expected"),
    [
        ("add joe bot", "there is no author 'joe'"),
        ("list joe", "there is no author 'joe'"),
        ("revoke joe bot", "'joe' has no token 'bot'"),
        ("revoke rick bat", "'rick' has no token 'bat'"),
        ("add a:b bot", "'a:b' can't be a name: "),
        ("list a:b", "'a:b' can't be a name: "),
        ("revoke a:b bot", "'a:b' can't be a name: "),
    ],
)
def test_what_is_unknown_is_named(command: str, expected: str) -> None:
    assert failed(blog(f"token {command}")).startswith(expected)


@cases(
    "command",
    [
        "add",
        "add rick",
        "add rick bot --days 0",
        "add rick bot --days 3651",
        "add rick bot --days soon",
        "add rick bot --scope admin",
        "list",
        "revoke rick",
    ],
)
def test_wrong_usage_is_status_2(command: str) -> None:
    result = blog(f"token {command}")

    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")
    assert done(blog("token list rick")) == ""


def test_a_removed_author_gets_no_token() -> None:
    post_as("rick")
    done(blog("author remove rick"))

    message = failed(blog("token add rick bot"))
    assert message == "'rick' was removed: `blog author passwd` restores the account"


def test_a_removed_author_who_comes_back_has_no_tokens() -> None:
    secret = add()
    post_as("rick")
    done(blog("author remove rick"))
    done(blog("author passwd rick --password-stdin", "password\n"))

    assert done(blog("token list rick")) == ""
    assert statuses("rick", secret) == (401, 401)


def test_a_password_like_a_token_is_refused() -> None:
    message = failed(blog("author passwd rick --password-stdin", "blogpat_password\n"))

    assert message == (
        "a password must not begin with 'blogpat_': it would be mistaken for an access token"
    )
