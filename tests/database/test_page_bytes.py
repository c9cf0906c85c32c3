"""Pages are limited in bytes too, and together have every post once."""

from __future__ import annotations

from itertools import chain
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient

from blog.content.authors import Caller
from blog.content.posts import PostContent
from blog.database import page_bytes
from blog.database.database import Database
from blog.storage import post_list, post_writes
from blog.storage.post_list import SORTS, Filter, PostQuery
from tests.access import access_for
from tests.contract import Clock, create, path_of, write_post
from tests.people import RICK
from tests.storage.plans import recorded

MEBIBYTE = 1024 * 1024
HAL = "application/hal+json"


class Row(NamedTuple):
    """A row with a long text."""

    body: str


def fill(client: FlaskClient, sizes: list[int], letter: str = "a") -> list[str]:
    """Write posts with bodies of so many characters; their paths, the newest first."""
    return [create(client, body=letter * size, format="text") for size in sizes][::-1]


def own(post: dict[str, Any]) -> str:
    """The path of a post."""
    return path_of(post["_links"]["self"])


def pages(client: FlaskClient, query: str) -> list[list[str]]:
    """The paths of the posts on each page, from the first one on."""
    found: list[list[str]] = []
    url = f"/post?{query}"
    while url:
        page = client.get(path_of(url)).json
        found.append([own(post) for post in page["data"]])
        url = page["_links"].get("next", "")
    return found


@pytest.mark.parametrize("accept", ["application/json", HAL])
@pytest.mark.parametrize("query", ["", "tag=t&fields=body"])
def test_page_ends_early_when_it_is_full_in_bytes(
    client: FlaskClient, accept: str, query: str
) -> None:
    for _ in range(5):
        write_post(client, body="a" * MEBIBYTE, tags=["t"], format="text")

    page = client.get(f"/post?limit=100&{query}", headers={"Accept": accept}).get_json(force=True)

    items = page["data"] if accept != HAL else page["_embedded"]["posts"]
    assert len(items) == 4
    assert "next" in page["_links"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "expected"),
    [("title,summary,tags", [5]), ("body", [4, 1]), ("body,bodyHtml", [1] * 5)],
)
def test_only_the_texts_that_are_wanted_count(
    client: FlaskClient, fields: str, expected: list[int]
) -> None:
    # As HTML each of them is six times as long.
    fill(client, [MEBIBYTE] * 5, '"')

    assert [len(page) for page in pages(client, f"limit=100&fields={fields}")] == expected


def test_bytes_count_and_not_characters(client: FlaskClient) -> None:
    fill(client, [MEBIBYTE // 4] * 5, "😀")

    assert [len(page) for page in pages(client, "limit=100&fields=body")] == [4, 1]


def test_full_pages_hold_every_post_once_in_both_directions(client: FlaskClient) -> None:
    sizes = [MEBIBYTE, 5, MEBIBYTE, MEBIBYTE, 0, MEBIBYTE, MEBIBYTE, MEBIBYTE, MEBIBYTE, 1, 2]
    paths = fill(client, sizes)

    forwards = pages(client, "limit=6&fields=body")
    backwards = pages(client, "limit=6&fields=body&sort=postedDate")

    assert list(chain.from_iterable(forwards)) == paths
    assert list(chain.from_iterable(backwards)) == paths[::-1]


def test_prev_of_full_pages_leads_back_over_every_post(client: FlaskClient) -> None:
    paths = fill(client, [MEBIBYTE, 5, MEBIBYTE, MEBIBYTE, 0, MEBIBYTE, MEBIBYTE, 1])
    page = client.get("/post?limit=6&fields=body").json
    while following := page["_links"].get("next"):
        page = client.get(path_of(following)).json
    found = [own(post) for post in page["data"]]
    while previous := page["_links"].get("prev"):
        page = client.get(path_of(previous)).json
        found = [own(post) for post in page["data"]] + found

    assert found == paths


@pytest.mark.parametrize("reader", [None, RICK])
def test_page_of_one_post_that_is_larger_leads_on(
    client: FlaskClient, reader: tuple[str, str] | None
) -> None:
    fill(client, [MEBIBYTE] * 3, '"')
    url = "/post?limit=100&fields=bodyHtml"

    sizes = []
    while url:
        page = client.get(path_of(url), auth=reader).json
        sizes.append(len(page["data"]))
        url = page["_links"].get("next")

    assert sizes == [1, 1, 1]


def test_no_more_rows_are_taken_than_fit_and_one() -> None:
    rows = iter([Row("a" * MEBIBYTE)] * 8)

    assert len(page_bytes.page_taker(["body"])(rows)) == 5
    assert len(list(rows)) == 3


@pytest.mark.databases("postgresql")
def test_postgresql_gives_no_more_rows_than_fit_and_one(database: Database) -> None:
    with database.session() as session:
        for _ in range(8):
            content = PostContent(title="a", body="a" * MEBIBYTE, format="text")
            post_writes.create(access_for(session, Caller("rick", "author"), Clock().now), content)
    with recorded(database) as statements, database.session() as session:
        post_list.page(
            access_for(session, None, Clock().now),
            PostQuery(100, Filter(), SORTS["title"], None, frozenset({"body"})),
        )
    ((text, values),) = statements.items()

    with database.session() as session:
        assert len(session.reading().exec_driver_sql(text, values).all()) == 5
