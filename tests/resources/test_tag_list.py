"""The list of tags: those of posts that the caller may see, with counts."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import Clock, assert_problem, faults, path_of, write_post
from tests.people import ANN, JOE, RICK

Credentials = tuple[str, str] | None

HAL = {"Accept": "application/hal+json"}


def counts(client: FlaskClient, caller: Credentials = None) -> dict[str, int]:
    """The tags that the caller sees, with their counts."""
    tags = client.get("/tag", auth=caller).json["data"]
    return {tag["name"]: tag["count"] for tag in tags}


def names(client: FlaskClient, url: str) -> list[str]:
    """The names of the tags on a page."""
    return [tag["name"] for tag in client.get(path_of(url)).json["data"]]


def test_blog_without_tags_has_an_empty_list(client: FlaskClient) -> None:
    write_post(client)

    document = client.get("/tag").json

    assert document == {
        "_links": {
            "self": "http://localhost/tag",
            "first": "http://localhost/tag",
            "home": "http://localhost/",
            "posts": "http://localhost/post",
        },
        "data": [],
    }


def test_tag_counts_its_posts(client: FlaskClient) -> None:
    write_post(client, tags=["web", "python"])
    write_post(client, tags=["python"], auth=JOE)

    assert counts(client) == {"python": 2, "web": 1}


def test_tags_are_sorted_by_name_without_regard_to_case(client: FlaskClient) -> None:
    write_post(client, tags=["éclair", "Zebra", "apple", "Banana", "10", "2"])

    assert names(client, "/tag") == ["10", "2", "apple", "Banana", "Zebra", "éclair"]


@pytest.mark.parametrize(
    ("one", "other"), [("Python", "pyTHON"), ("Straße", "STRASSE"), ("e\u0301te", "ÉTE")]
)
def test_same_tag_in_another_case_is_counted_once(
    client: FlaskClient, one: str, other: str
) -> None:
    write_post(client, tags=[one])
    write_post(client, tags=[other])

    tags = client.get("/tag").json["data"]

    assert [tag["count"] for tag in tags] == [2]
    assert tags[0]["name"] in (one, other)


def test_tag_links_to_its_posts(client: FlaskClient) -> None:
    write_post(client, title="Tea", tags=["Food & drink"])
    write_post(client, title="Cake", tags=["food & DRINK"])
    write_post(client, title="Chess", tags=["games"])

    tag = client.get("/tag").json["data"][0]

    posts = client.get(path_of(tag["_links"]["posts"])).json["data"]
    assert sorted(post["title"] for post in posts) == ["Cake", "Tea"]


def test_hal_embeds_tags(client: FlaskClient) -> None:
    write_post(client, tags=["Food & drink"])

    document = client.get("/tag", headers=HAL).get_json(force=True)

    assert document["_embedded"]["tags"] == [
        {
            "_links": {"posts": {"href": "http://localhost/post?tag=Food+%26+drink"}},
            "name": "Food & drink",
            "count": 1,
        }
    ]


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (None, {"all": 1}),
        (JOE, {"all": 1}),
        (RICK, {"all": 3, "draft": 1, "scheduled": 1}),
        (ANN, {"all": 3, "draft": 1, "scheduled": 1}),
    ],
)
def test_tags_and_counts_are_of_what_the_caller_may_see(
    client: FlaskClient, caller: Credentials, expected: dict[str, int]
) -> None:
    write_post(client, tags=["all"])
    write_post(client, tags=["all", "draft"], status="draft")
    write_post(client, tags=["all", "scheduled"], postedDate="2026-12-01T00:00:00Z")

    assert counts(client, caller) == expected


def test_spelling_in_a_draft_is_not_shown_to_others(client: FlaskClient) -> None:
    write_post(client, tags=["PYTHON"], status="draft")
    write_post(client, tags=["python"])

    assert counts(client) == {"python": 1}


def test_tag_of_a_scheduled_post_appears_when_it_is_due(client: FlaskClient, clock: Clock) -> None:
    write_post(client, tags=["later"], postedDate="2026-11-22T10:00:00Z")
    before = counts(client)

    clock.advance(hours=1)

    assert before == {}
    assert counts(client) == {"later": 1}


def test_tag_vanishes_with_its_last_post(client: FlaskClient) -> None:
    write_post(client, tags=["kept"])
    post = write_post(client, tags=["kept", "gone"])

    client.delete(path_of(post.headers["Location"]), auth=RICK)

    assert counts(client) == {"kept": 1}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tags": ["web", "new"]}, {"new": 1, "python": 1, "web": 1}),
        ({"tags": ["web", "Python"]}, {"Python": 2, "web": 1}),
        ({"tags": []}, {"python": 1}),
        ({"tags": None}, {"python": 1}),
        ({"title": "Other"}, {"old": 1, "python": 2}),
        ({"status": "draft"}, {"python": 1}),
    ],
)
def test_counts_follow_an_edit(
    client: FlaskClient, change: dict[str, object], expected: dict[str, int]
) -> None:
    write_post(client, tags=["python"])
    post = write_post(client, tags=["python", "old"])

    client.patch(path_of(post.headers["Location"]), json=change, auth=RICK)

    assert counts(client) == expected


def test_spelling_of_a_tag_can_be_changed(client: FlaskClient) -> None:
    post = write_post(client, tags=["python"])

    client.patch(path_of(post.headers["Location"]), json={"tags": ["Python"]}, auth=RICK)

    assert counts(client) == {"Python": 1}


def test_pages_of_tags_hold_each_once(client: FlaskClient) -> None:
    write_post(client, tags=["a", "b", "c", "d", "e"])

    pages = [client.get("/tag?limit=2").json]
    while following := pages[-1]["_links"].get("next"):
        pages.append(client.get(path_of(following)).json)

    assert [[tag["name"] for tag in page["data"]] for page in pages] == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]


def test_prev_leads_back_to_the_tags_before(client: FlaskClient) -> None:
    write_post(client, tags=["a", "b", "c", "d", "e"])
    second = client.get("/tag?limit=2").json["_links"]["next"]
    third = client.get(path_of(second)).json["_links"]["next"]

    back = client.get(path_of(third)).json["_links"]["prev"]

    assert names(client, back) == ["c", "d"]


def test_counts_on_a_later_page_are_whole(client: FlaskClient) -> None:
    write_post(client, tags=["a", "b"])
    write_post(client, tags=["A", "B"])

    second = client.get("/tag?limit=1").json["_links"]["next"]

    assert [tag["count"] for tag in client.get(path_of(second)).json["data"]] == [2]


@cases("query", ["limit=0", "limit=1.5", "cursor=forged", "tag=a"])
def test_query_that_cannot_be_read_is_400(client: FlaskClient, query: str) -> None:
    response = client.get(f"/tag?{query}")

    assert list(faults(response, 400)) == [query.partition("=")[0]]


def test_list_is_304_until_a_count_changes(client: FlaskClient) -> None:
    write_post(client, tags=["python"])
    condition = {"If-None-Match": client.get("/tag").headers["ETag"]}

    unchanged = client.get("/tag", headers=condition)
    write_post(client, tags=["python"])
    changed = client.get("/tag", headers=condition)

    assert unchanged.status_code == 304
    assert changed.status_code == 200


@cases("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_tags_are_written_with_posts_only(client: FlaskClient, method: str) -> None:
    response = client.open("/tag", method=method, json={}, auth=ANN)

    assert_problem(response, 405)
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
