"""The posts of some ids, and those updated since a moment: what a client that keeps a copy asks."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import Clock, assert_problem, path_of, write_post
from tests.people import JOE, RICK

UNKNOWN = "0" * 32


def write(client: FlaskClient, title: str, **fields: Any) -> str:
    """The id of a new post of Rick."""
    response = write_post(client, title=title, **fields)
    return path_of(response.headers["Location"]).rpartition("/")[2]


def titles(client: FlaskClient, query: str, **kwargs: Any) -> list[str]:
    """The titles in a list."""
    response = client.get(f"/post?{query}", **kwargs)
    assert response.status_code == 200, response.text
    return [post["title"] for post in response.json["data"]]


@pytest.fixture
def three(client: FlaskClient, clock: Clock) -> list[str]:
    """The ids of three posts, the oldest first."""
    ids = []
    for title in ("One", "Two", "Three"):
        clock.advance(minutes=1)
        ids.append(write(client, title, tags=[title.lower()]))
    return ids


def test_the_posts_of_some_ids_come_in_the_order_of_the_list(
    client: FlaskClient, three: list[str]
) -> None:
    assert titles(client, f"id={three[0]},{three[2]}") == ["Three", "One"]


@cases(
    ("query", "expected"),
    [
        ("sort=title", ["One", "Three", "Two"]),
        ("tag=two", ["Two"]),
        ("slug=one", ["One"]),
        ("author=joe", []),
        ("status=published&sort=postedDate", ["One", "Two", "Three"]),
    ],
)
def test_ids_go_with_every_other_filter_and_order(
    client: FlaskClient, three: list[str], query: str, expected: list[str]
) -> None:
    assert titles(client, f"id={','.join(three)}&{query}") == expected


def test_the_limit_is_the_number_of_ids_unless_it_is_given(client: FlaskClient) -> None:
    ids = [write(client, str(number)) for number in range(21)]

    assert len(titles(client, f"id={','.join(ids)}")) == 21
    assert len(titles(client, f"id={','.join(ids)}&limit=2")) == 2


def test_ids_are_paged(client: FlaskClient, three: list[str]) -> None:
    seen, path = [], f"/post?id={','.join(three)}&limit=1"
    while path:
        page = client.get(path).json
        seen += [post["title"] for post in page["data"]]
        path = path_of(page["_links"].get("next", ""))

    assert seen == ["Three", "Two", "One"]


def test_unknown_and_hidden_posts_are_left_out(client: FlaskClient, three: list[str]) -> None:
    draft = write(client, "Draft", status="draft")
    query = f"id={three[0]},{UNKNOWN},{draft}"

    assert titles(client, query) == ["One"]
    assert titles(client, query, auth=JOE) == ["One"]
    assert titles(client, query, auth=RICK) == ["Draft", "One"]


def test_an_id_that_repeats_counts_once(client: FlaskClient, three: list[str]) -> None:
    assert titles(client, "id=" + ",".join([three[0]] * 101)) == ["One"]


@pytest.mark.parametrize("given", ["abc", "", "0" * 31, "A" * 32, f"{UNKNOWN},"])
def test_a_malformed_id_is_400_that_names_it(client: FlaskClient, given: str) -> None:
    problem = assert_problem(client.get(f"/post?id={given}"), 400)

    (error,) = problem["errors"]
    assert error["parameter"] == "id"
    assert "which is not the id of a post" in error["detail"]


def test_a_hundred_ids_are_the_most(client: FlaskClient) -> None:
    ids = [f"{number:032x}" for number in range(101)]

    assert titles(client, f"id={','.join(ids[:100])}") == []
    problem = assert_problem(client.get(f"/post?id={','.join(ids)}"), 400)
    assert problem["errors"] == [{"parameter": "id", "detail": "must have at most 100, not 101"}]


def test_updated_since_lists_the_oldest_update_first(
    client: FlaskClient, clock: Clock, three: list[str]
) -> None:
    clock.advance(minutes=1)
    moment = clock().isoformat().replace("+00:00", "Z")
    client.patch(f"/post/{three[1]}", json={"body": "new"}, auth=RICK)
    clock.advance(minutes=1)
    client.patch(f"/post/{three[0]}", json={"body": "new"}, auth=RICK)

    assert titles(client, f"updatedSince={moment}") == ["Two", "One"]
    assert titles(client, f"updatedSince={moment}&sort=-updatedDate") == ["One", "Two"]
    assert titles(client, f"updatedSince={moment}&sort=title&tag=one") == ["One"]


def test_updated_since_is_paged_both_ways(client: FlaskClient, three: list[str]) -> None:
    first = client.get("/post?updatedSince=2000-01-01&limit=2").json
    second = client.get(path_of(first["_links"]["next"])).json
    again = client.get(path_of(second["_links"]["prev"])).json

    assert [post["title"] for post in (*first["data"], *second["data"])] == ["One", "Two", "Three"]
    assert again["data"] == first["data"]


def test_updated_since_what_is_no_moment_is_400(client: FlaskClient) -> None:
    problem = assert_problem(client.get("/post?updatedSince=yesterday"), 400)

    assert problem["errors"][0]["parameter"] == "updatedSince"


def test_the_search_template_names_both(client: FlaskClient) -> None:
    hal = client.get("/", headers={"Accept": "application/hal+json"}).json

    assert "updatedSince,id" in hal["_links"]["search"]["href"]
