"""Versions that an older backup undid: their numbers are given again, and their tags are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from blog.database.database import Database
from blog.maintenance.copy_database import copy_database
from blog.storage.preconditions import next_version
from tests.blogs import Blogs
from tests.cases import cases
from tests.contract import Clock, assert_problem, path_of, write_post
from tests.people import RICK
from tests.rivals import change

pytestmark = pytest.mark.slow

# Who changes what: a post or a profile, by a method that takes a precondition.
KINDS = [("post", "PUT"), ("post", "PATCH"), ("post", "DELETE"), ("post", "RESTORE")]
CHANGES = [*KINDS, ("author", "PUT"), ("author", "PATCH")]


@pytest.fixture
def backup_url(blogs: Blogs, tmp_path: Path) -> Iterator[str]:
    """The URL of another database, for a backup."""
    (tmp_path / "backup").mkdir()
    with blogs.empty(tmp_path / "backup") as url:
        yield url


class Restored:
    """A blog of which a backup was restored when version 2 of a post and a profile was written.

    Another version 2 came after that.
    """

    def __init__(
        self, make_client: Callable[..., FlaskClient], url: str, backup_url: str, clock: Clock
    ) -> None:
        lost = make_client()
        post = path_of(write_post(lost).headers["Location"])
        self.paths = {"post": post, "author": "/author/rick"}
        with closing(Database(url)) as database, closing(Database(backup_url)) as backup:
            copy_database(database, backup, lambda _done, _work: None)
        self.client = make_client(database_url=backup_url)
        self.undone = {kind: self._write(lost, kind, clock, "Undone") for kind in self.paths}
        self.tags = {kind: self._write(self.client, kind, clock, "Other") for kind in self.paths}

    def _write(self, client: FlaskClient, kind: str, clock: Clock, text: str) -> str:
        """The tag of a new version."""
        clock.advance(microseconds=1)
        body = {"title": text} if kind == "post" else {"bio": text}
        response = client.patch(self.paths[kind], json=body, auth=RICK)
        assert response.status_code == 200, response.text
        return response.headers["ETag"]

    def change(self, kind: str, method: str, **headers: str) -> Any:
        """Change a post or a profile under preconditions."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path, body = self.paths[kind], {"title": "Mine", "body": ""}
        if kind == "author":
            body = {"bio": "Mine"}
        if method == "RESTORE":
            return self.client.post(
                f"{path}/revision", json={"restore": 1}, auth=RICK, headers=named
            )
        sent = None if method == "DELETE" else body
        return self.client.open(path, method=method, json=sent, auth=RICK, headers=named)


@pytest.fixture
def restored(
    make_client: Callable[..., FlaskClient], database_url: str, backup_url: str, clock: Clock
) -> Restored:
    return Restored(make_client, database_url, backup_url, clock)


def number(tag: str) -> int:
    """The version that a tag names."""
    return int(tag.strip('"').partition(".")[0])


@cases(("kind", "method"), CHANGES)
def test_the_tag_of_an_undone_version_is_412_without_changed(
    restored: Restored, kind: str, method: str
) -> None:
    tag = restored.undone[kind]
    problem = assert_problem(restored.change(kind, method, if_match=tag), 412)

    assert number(tag) == number(restored.tags[kind]) == 2
    assert "changed" not in problem


@pytest.mark.parametrize(("kind", "method"), CHANGES)
def test_the_tag_of_the_version_in_its_place_holds(
    restored: Restored, kind: str, method: str
) -> None:
    response = restored.change(kind, method, if_match=restored.tags[kind])

    assert response.status_code in (200, 201, 204)


@cases("kind", ["post", "author"])
def test_if_none_match_refuses_a_version_and_not_the_undone_one(
    restored: Restored, kind: str
) -> None:
    refused = restored.change(kind, "PATCH", if_none_match=restored.tags[kind])
    made = restored.change(kind, "PATCH", if_none_match=restored.undone[kind])

    assert_problem(refused, 412)
    assert made.status_code == 200


@cases("moment", ["0", "f" * 15, "e3000000000001"])
def test_a_tag_with_an_invented_moment_is_412(restored: Restored, moment: str) -> None:
    invented = re.sub(r"\.[0-9a-f]+-", f".{moment}-", restored.tags["post"])

    assert_problem(restored.change("post", "PUT", if_match=invented), 412)


def test_a_deletion_that_was_undone_can_not_be_restored_from(
    restored: Restored, clock: Clock
) -> None:
    path = f"{restored.paths['post']}/revision"
    restored.change("post", "DELETE")
    tag = restored.client.get(path, auth=RICK).headers["ETag"]
    moment = tag.split(".")[2].partition("-")[0]
    other = tag.replace(moment, f"{int(moment, 16) - 1:x}")

    assert_problem(restored.change("post", "RESTORE", if_match=other), 412)
    assert restored.change("post", "RESTORE", if_match=tag).status_code == 201


def without_date(tag: str) -> str:
    """The tag as it was before tags had dates."""
    return re.sub(r"(\.[\w-]{8})\.[0-9a-f]+-", r"\1-", tag)


@pytest.fixture
def upgraded(restored: Restored, backup_url: str) -> Restored:
    """A blog that was upgraded when the present versions were there."""
    statement = "INSERT INTO schema_upgrade SELECT '0006', max(updated_date) FROM {}"
    change(backup_url, statement.format("author"))
    return restored


@pytest.mark.parametrize(("kind", "method"), CHANGES)
def test_a_tag_from_before_the_upgrade_holds_for_a_version_from_before_it(
    upgraded: Restored, kind: str, method: str
) -> None:
    response = upgraded.change(kind, method, if_match=without_date(upgraded.tags[kind]))

    assert response.status_code in (200, 201, 204)


@cases(("kind", "method"), CHANGES)
def test_a_tag_from_before_the_upgrade_is_412_for_a_version_from_after_it(
    upgraded: Restored, clock: Clock, kind: str, method: str
) -> None:
    tag = upgraded._write(upgraded.client, kind, clock, "After")

    assert_problem(upgraded.change(kind, method, if_match=without_date(tag)), 412)


def test_a_tag_from_before_the_upgrade_names_what_has_changed(
    upgraded: Restored, clock: Clock
) -> None:
    tag = without_date(upgraded.tags["post"])
    upgraded._write(upgraded.client, "post", clock, "After")

    problem = assert_problem(upgraded.change("post", "PUT", if_match=tag), 412)
    assert problem["changed"] == ["title"]


@cases("kind", ["post", "author"])
def test_without_an_upgrade_a_tag_without_a_date_is_412(restored: Restored, kind: str) -> None:
    tag = without_date(restored.tags[kind])

    assert_problem(restored.change(kind, "PATCH", if_match=tag), 412)


def test_a_clock_that_is_behind_gives_no_two_versions_one_date() -> None:
    ahead, now = datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    dates = {next_version(1, ahead, now)["updated_date"] for _ in range(3)}

    assert len(dates) > 1 and ahead not in dates
