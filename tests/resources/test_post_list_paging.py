"""Pages of the list of posts: walked by their links, whatever comes and goes meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import Clock, faults, path_of, write_post
from tests.people import ANN, JOE, RICK

Credentials = tuple[str, str] | None


def write_posts(client: FlaskClient, clock: Clock, *titles: str, **fields: Any) -> list[str]:
    """Create a post of each title, a minute apart; their paths."""
    paths = []
    for title in titles:
        clock.advance(minutes=1)
        paths.append(path_of(write_post(client, title=title, **fields).headers["Location"]))
    return paths


def follow(client: FlaskClient, page: Any, relation: str, caller: Credentials = None) -> Any:
    """The page that a link of a page leads to."""
    response = client.get(path_of(page["_links"][relation]), auth=caller)
    assert response.status_code == 200, response.text
    return response.json


def walk(client: FlaskClient, url: str, relation: str = "next") -> Iterator[list[str]]:
    """The titles of each page from a URL on, as far as the links go."""
    page = client.get(path_of(url)).json
    yield titles(page)
    while relation in page["_links"]:
        page = follow(client, page, relation)
        yield titles(page)


def titles(page: Any) -> list[str]:
    """The titles on a page."""
    return [post["title"] for post in page["data"]]


def parameters(url: str) -> dict[str, list[str]]:
    """The query parameters of a URL."""
    return parse_qs(urlsplit(url).query, keep_blank_values=True)


@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ("limit=2", [["e", "d"], ["c", "b"], ["a"]]),
        ("limit=5", [["e", "d", "c", "b", "a"]]),
        ("limit=4&sort=-postedDate", [["e", "d", "c", "b"], ["a"]]),
        ("limit=2&sort=postedDate", [["a", "b"], ["c", "d"], ["e"]]),
        ("limit=2&sort=-updatedDate", [["e", "d"], ["c", "b"], ["a"]]),
        ("limit=2&sort=updatedDate", [["a", "b"], ["c", "d"], ["e"]]),
        ("limit=2&sort=title", [["a", "b"], ["c", "d"], ["e"]]),
        ("limit=2&tag=WEB", [["e", "d"], ["c", "b"], ["a"]]),
        ("limit=2&tag=web&sort=postedDate", [["a", "b"], ["c", "d"], ["e"]]),
        ("limit=2&tag=web&sort=title", [["a", "b"], ["c", "d"], ["e"]]),
        ("limit=1&author=rick&slug=c", [["c"]]),
        ("limit=1&since=2026-11-22T09:50:00Z", [["e"], ["d"], ["c"]]),
    ],
)
def test_next_walks_through_the_whole_list(
    client: FlaskClient, clock: Clock, query: str, pages: list[list[str]]
) -> None:
    write_posts(client, clock, "a", "b", "c", "d", "e", tags=["web"])

    assert list(walk(client, f"/post?{query}")) == pages


@pytest.mark.parametrize("sort", ["-postedDate", "postedDate", "-updatedDate", "title"])
def test_prev_walks_back_over_the_same_pages(client: FlaskClient, clock: Clock, sort: str) -> None:
    write_posts(client, clock, "a", "b", "c", "d", "e", "f")
    page = client.get(f"/post?limit=2&sort={sort}").json
    there = [titles(page)]
    while "next" in page["_links"]:
        page = follow(client, page, "next")
        there.append(titles(page))

    back = list(walk(client, page["_links"]["self"], "prev"))

    assert len(back) == 3
    assert back == there[::-1]


@pytest.mark.parametrize("sort", ["-postedDate", "postedDate", "-updatedDate", "title"])
def test_equal_posts_come_once_each(client: FlaskClient, sort: str) -> None:
    locations = {write_post(client, title="Same").headers["Location"] for _ in range(5)}
    page = client.get(f"/post?limit=2&sort={sort}").json
    seen = [post["_links"]["self"] for post in page["data"]]

    while "next" in page["_links"]:
        page = follow(client, page, "next")
        seen += [post["_links"]["self"] for post in page["data"]]

    assert len(seen) == 5
    assert set(seen) == locations


def test_page_in_the_middle_has_every_link(client: FlaskClient, clock: Clock) -> None:
    write_posts(client, clock, "a", "b", "c")
    first = client.get("/post?limit=1").json

    middle = follow(client, first, "next")

    links = middle["_links"]
    assert set(links) == {"self", "first", "prev", "next", "home"}
    assert links["self"] == first["_links"]["next"]
    assert links["first"] == "http://localhost/post?limit=1"


def test_first_page_has_no_prev_and_the_last_no_next(client: FlaskClient, clock: Clock) -> None:
    write_posts(client, clock, "a", "b")
    first = client.get("/post?limit=1").json

    last = follow(client, first, "next")

    assert set(first["_links"]) == {"self", "first", "next", "home"}
    assert set(last["_links"]) == {"self", "first", "prev", "home"}


def test_links_keep_the_other_parameters_of_the_query(client: FlaskClient, clock: Clock) -> None:
    write_posts(client, clock, "a", "b", "c", tags=["R&D é"])
    query = {
        "limit": "1",
        "author": "rick",
        "tag": "R&D É",
        "status": "published",
        "since": "2026-01-01T00:00:00+01:00",
        "until": "2027-01-01",
        "sort": "title",
        "fields": "title,slug",
    }
    first = client.get(f"/post?{urlencode(query)}").json

    middle = follow(client, first, "next")

    for relation in ("self", "first", "prev", "next"):
        kept = parameters(middle["_links"][relation])
        kept.pop("cursor", None)
        assert kept == {name: [value] for name, value in query.items()}, relation


def test_link_header_has_the_links_of_the_page(client: FlaskClient, clock: Clock) -> None:
    write_posts(client, clock, "a", "b", "c")
    first = client.get("/post?limit=1").json

    response = client.get(path_of(first["_links"]["next"]))

    links = response.json["_links"]
    assert response.headers["Link"] == (
        f'<{links["self"]}>; rel="self", <{links["first"]}>; rel="first", '
        f'<{links["prev"]}>; rel="prev", <{links["next"]}>; rel="next"'
    )


def test_hal_links_lead_through_the_same_pages(client: FlaskClient, clock: Clock) -> None:
    write_posts(client, clock, "a", "b")
    headers = {"Accept": "application/hal+json"}
    first = client.get("/post?limit=1", headers=headers).get_json(force=True)

    url = first["_links"]["next"]["href"]

    last = client.get(path_of(url), headers=headers).get_json(force=True)
    assert [post["title"] for post in last["_embedded"]["posts"]] == ["a"]


def test_post_that_comes_meanwhile_moves_no_page(client: FlaskClient, clock: Clock) -> None:
    write_posts(client, clock, "a", "b", "c", "d")
    first = client.get("/post?limit=2").json
    write_posts(client, clock, "e")

    second = follow(client, first, "next")

    assert titles(second) == ["b", "a"]
    assert titles(follow(client, second, "prev")) == ["d", "c"]


def test_post_that_goes_meanwhile_moves_no_page(client: FlaskClient, clock: Clock) -> None:
    paths = write_posts(client, clock, "a", "b", "c", "d")
    first = client.get("/post?limit=2").json
    for path in paths[2:]:
        client.delete(path, auth=RICK)

    second = follow(client, first, "next")

    assert titles(second) == ["b", "a"]


def test_page_whose_posts_have_gone_is_empty_and_the_last(
    client: FlaskClient, clock: Clock
) -> None:
    paths = write_posts(client, clock, "a", "b")
    first = client.get("/post?limit=1").json
    client.delete(paths[0], auth=RICK)

    second = follow(client, first, "next")

    assert second["data"] == []
    assert "next" not in second["_links"]
    assert titles(follow(client, second, "first")) == ["b"]


def test_limit_and_fields_may_change_from_page_to_page(client: FlaskClient, clock: Clock) -> None:
    write_posts(client, clock, "a", "b", "c", "d")
    url = client.get("/post?limit=1").json["_links"]["next"]
    cursor = parameters(url)["cursor"][0]

    page = client.get("/post", query_string={"cursor": cursor, "limit": "2", "fields": "title"})

    assert titles(page.json) == ["c", "b"]
    assert set(page.json["data"][0]) == {"_links", "title"}


@cases(
    "other",
    ["sort=title", "author=rick", "tag=web", "status=published", "slug=a", "since=2026-01-01"],
)
def test_cursor_of_another_sort_or_filter_is_400(
    client: FlaskClient, clock: Clock, other: str
) -> None:
    write_posts(client, clock, "a", "b", tags=["web"])
    url = path_of(client.get("/post?limit=1").json["_links"]["next"])

    response = client.get(f"{url}&{other}")

    assert list(faults(response, 400)) == ["cursor"]


@cases("query", ["tag=web", "sort=title", "author=rick"])
def test_cursor_without_its_filter_or_sort_is_400(
    client: FlaskClient, clock: Clock, query: str
) -> None:
    write_posts(client, clock, "a", "b", tags=["web"])
    url = client.get(f"/post?limit=1&{query}").json["_links"]["next"]

    response = client.get("/post", query_string={"cursor": parameters(url)["cursor"][0]})

    assert list(faults(response, 400)) == ["cursor"]


@cases("cursor", ["", "x", "a.b", ".", "W10.x", "%00", "é😀", "WzEsWzEsMV1d.AAAA", 9000 * "A"])
def test_forged_cursor_is_400(client: FlaskClient, cursor: str) -> None:
    response = client.get("/post", query_string={"cursor": cursor})

    assert list(faults(response, 400)) == ["cursor"]


def test_cursor_that_was_changed_is_400(client: FlaskClient, clock: Clock) -> None:
    write_posts(client, clock, "a", "b")
    cursor = parameters(client.get("/post?limit=1").json["_links"]["next"])["cursor"][0]
    changed = ("X" if cursor[0] != "X" else "Y") + cursor[1:]

    response = client.get("/post", query_string={"cursor": changed})

    assert list(faults(response, 400)) == ["cursor"]


@pytest.mark.parametrize(
    ("caller", "expected"),
    [(None, ["a"]), (JOE, ["a"]), (ANN, ["drafted", "a"]), (RICK, ["drafted", "a"])],
)
def test_cursor_shows_another_caller_what_they_may_see(
    client: FlaskClient, clock: Clock, caller: Credentials, expected: list[str]
) -> None:
    write_posts(client, clock, "a")
    write_posts(client, clock, "drafted", "secret", status="draft")
    first = client.get("/post?limit=1", auth=RICK).json
    cursor = parameters(first["_links"]["next"])["cursor"][0]

    rest = client.get("/post", query_string={"cursor": cursor}, auth=caller).json

    assert titles(first) == ["secret"]
    assert titles(rest) == expected


def test_page_is_full_though_posts_between_are_hidden(client: FlaskClient, clock: Clock) -> None:
    write_posts(client, clock, "a", "b")
    write_posts(client, clock, "x", "y", "z", status="draft")
    write_posts(client, clock, "c")

    assert list(walk(client, "/post?limit=2")) == [["c", "b"], ["a"]]


def test_prev_of_an_emptied_page_leads_to_the_post_before_it(
    client: FlaskClient, clock: Clock
) -> None:
    paths = write_posts(client, clock, "a", "b")
    first = client.get("/post?limit=1").json
    client.delete(paths[0], auth=RICK)
    second = follow(client, first, "next")

    back = follow(client, second, "prev")

    assert titles(back) == ["b"]


def test_next_of_an_emptied_page_leads_to_the_post_after_it(
    client: FlaskClient, clock: Clock
) -> None:
    paths = write_posts(client, clock, "a", "b")
    second = follow(client, client.get("/post?limit=1").json, "next")
    client.delete(paths[1], auth=RICK)
    before = follow(client, second, "prev")

    after = follow(client, before, "next")

    assert before["data"] == []
    assert titles(after) == ["a"]
