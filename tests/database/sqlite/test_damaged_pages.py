"""Pages of an SQLite file are damaged: the check names them, and no read gives what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from blog.app import create_app
from blog.settings import Settings
from tests.commands import blog, failed, post_as
from tests.contract import assert_problem
from tests.rivals import connected

PAGE = 4096


@pytest.fixture
def empty_url(tmp_path: Path) -> str:
    """The URL of a file that a command makes."""
    return f"sqlite:///{tmp_path / 'blog.db'}"


@pytest.fixture
def damage(rick: str, empty_url: str, tmp_path: Path) -> Callable[[str, bytes], None]:
    """Fills the first page of a table or an index of a database with a post."""
    post_as("rick")

    def fill(name: str, byte: bytes) -> None:
        with connected(empty_url) as rival:
            rival.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            query = f"SELECT rootpage FROM sqlite_schema WHERE name = '{name}'"
            ((root,),) = rival.execute(query)
        with (tmp_path / "blog.db").open("r+b") as file:
            file.seek((root - 1) * PAGE)
            file.write(byte * PAGE)

    return fill


@pytest.mark.parametrize("byte", [b"\xff", b"\0"], ids=["ones", "zeros"])
@pytest.mark.parametrize("name", ["post", "sign_in", "ix_attempt_date", "alembic_version"])
def test_the_check_names_a_damaged_page(
    damage: Callable[[str, bytes], None], name: str, byte: bytes
) -> None:
    damage(name, byte)

    result = blog("database check")

    assert "the file is damaged: " in result.stdout
    assert "restore a backup" in failed(result)


def test_the_check_says_which_page(damage: Callable[[str, bytes], None]) -> None:
    damage("ix_attempt_date", b"\xff")

    assert "btreeInitPage() returns error code 11" in blog("database check").stdout


@pytest.mark.parametrize("path", ["/post", "/tag", "/change"])
def test_a_read_of_a_damaged_page_is_503_and_logged(
    damage: Callable[[str, bytes], None],
    empty_url: str,
    path: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("post", "revision", "tag", "ix_tag_key_covering"):
        damage(name, b"\xff")
    app = create_app(Settings(database_url=empty_url))
    with closing(app.extensions["blog"].database):
        response = app.test_client().get(path)

    assert_problem(response, 503)
    assert "database disk image is malformed" in caplog.text
