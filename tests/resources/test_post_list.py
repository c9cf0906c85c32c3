"""The list of posts, as a place to look: what it holds, in which order, and how it is shown."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import Clock, faults, headers_of, path_of, write_post
from tests.people import ANN, JOE, RICK

HAL = {"Accept": "application/hal+json"}


def titles(client: FlaskClient, url: str, caller: tuple[str, str] | None = RICK) -> list[str]:
    """The titles on a page."""
    response = client.get(path_of(url), auth=caller)
    assert response.status_code == 200, response.text
    return [post["title"] for post in response.json["data"]]


@pytest.fixture
def library(client: FlaskClient, clock: Clock) -> None:
    """Posts that differ in everything that a list can be filtered or sorted by."""
    write_post(client, title="b", tags=["Web"], postedDate="2026-01-01T00:00:00Z")
    clock.advance(minutes=1)
    write_post(client, JOE, title="C", tags=["web", "Été"], postedDate="2026-03-01T00:00:00Z")
    clock.advance(minutes=1)
    write_post(client, ANN, title="a", slug="été", postedDate="2026-02-01T12:00:00Z")
    clock.advance(minutes=1)
    write_post(client, title="draft", tags=["WEB"], status="draft")
    clock.advance(minutes=1)
    write_post(client, title="later", postedDate="2026-12-01T00:00:00Z")


def test_blog_without_posts_has_an_empty_list(client: FlaskClient) -> None:
    document = client.get("/post").json

    assert document == {
        "_links": {
            "self": "http://localhost/post",
            "first": "http://localhost/post",
            "home": "http://localhost/",
        },
        "data": [],
    }


def test_list_shows_what_the_post_itself_shows(client: FlaskClient) -> None:
    post = write_post(client, tags=["web"], summary="Short.")

    assert client.get("/post", auth=RICK).json["data"] == [post.json]


def test_hal_embeds_posts_with_links_as_objects(client: FlaskClient) -> None:
    own = write_post(client).headers["Location"]

    document = client.get("/post", headers=HAL).get_json(force=True)

    [post] = document["_embedded"]["posts"]
    assert post["title"] == "First!"
    assert post["_links"] == {
        "self": {"href": own},
        "posts": {"href": "http://localhost/post"},
        "author": {"href": "http://localhost/author/rick"},
    }


def test_hal_list_has_the_templated_search_link(client: FlaskClient) -> None:
    document = client.get("/post", headers=HAL).get_json(force=True)

    assert document["_embedded"] == {"posts": []}
    assert document["_links"]["search"] == {
        "href": "http://localhost/post{?limit,author,tag,status,slug,since,until,updatedSince,id,sort,fields}",
        "templated": True,
    }


@pytest.mark.usefixtures("library")
def test_newest_post_comes_first(client: FlaskClient) -> None:
    assert titles(client, "/post", None) == ["C", "a", "b"]


@pytest.mark.usefixtures("library")
def test_draft_without_a_date_stands_where_it_was_begun(client: FlaskClient) -> None:
    assert titles(client, "/post") == ["later", "draft", "C", "a", "b"]


@cases(
    ("query", "expected"),
    [
        ("author=rick", ["later", "draft", "b"]),
        ("author=joe", ["C"]),
        ("author=Joe", []),
        ("author=nobody", []),
        ("author=", []),
        ("tag=web", ["draft", "C", "b"]),
        ("tag=WEB", ["draft", "C", "b"]),
        ("tag=e%CC%81TE%CC%81", ["C"]),
        ("tag=we", []),
        ("tag=", []),
        ("status=published", ["C", "a", "b"]),
        ("status=scheduled", ["later"]),
        ("status=draft", ["draft"]),
        ("slug=b", ["b"]),
        ("slug=%C3%A9t%C3%A9", ["a"]),
        ("slug=nothing", []),
        ("since=2026-02-01", ["later", "C", "a"]),
        ("since=2026-02-01T12:00:00Z", ["later", "C", "a"]),
        ("since=2026-02-01T12:00:00.000001Z", ["later", "C"]),
        ("since=2026-02-01T13:00:00%2B01:00", ["later", "C", "a"]),
        ("until=2026-02-01", ["b"]),
        ("until=2026-02-02", ["a", "b"]),
        ("until=2026-02-01T12:00:00Z", ["b"]),
        ("until=2026-02-01T12:00:00.000001Z", ["a", "b"]),
        ("since=2026-01-01&until=2026-03-01", ["a", "b"]),
        ("since=2026-03-01&until=2026-01-01", []),
        ("author=rick&tag=web&status=published", ["b"]),
        ("author=joe&tag=web&since=2026-01-02&until=2026-04-01&slug=c", ["C"]),
        ("author=ann&tag=web", []),
    ],
)
@pytest.mark.usefixtures("library")
def test_filter_leaves_what_fits(client: FlaskClient, query: str, expected: list[str]) -> None:
    assert titles(client, f"/post?{query}") == expected


@pytest.mark.usefixtures("library")
def test_draft_with_a_date_of_its_own_is_found_by_it(client: FlaskClient) -> None:
    write_post(client, title="dated", status="draft", postedDate="2026-02-15T00:00:00Z")

    assert titles(client, "/post?since=2026-02-02&until=2026-03-01") == ["dated"]


@cases(
    ("sort", "expected"),
    [
        ("-postedDate", ["later", "draft", "C", "a", "b"]),
        ("postedDate", ["b", "a", "C", "draft", "later"]),
        ("-updatedDate", ["b", "later", "draft", "a", "C"]),
        ("updatedDate", ["C", "a", "draft", "later", "b"]),
        ("title", ["C", "a", "b", "draft", "later"]),
    ],
)
@pytest.mark.usefixtures("library")
def test_list_can_be_sorted(
    client: FlaskClient, clock: Clock, sort: str, expected: list[str]
) -> None:
    clock.advance(minutes=1)
    [post] = client.get("/post?slug=b").json["data"]
    client.patch(path_of(post["_links"]["self"]), json={"summary": "Changed."}, auth=RICK)

    assert titles(client, f"/post?sort={sort}") == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("-postedDate", ["C", "b"]), ("postedDate", ["b", "C"]), ("title", ["C", "b"])],
)
@pytest.mark.usefixtures("library")
def test_posts_with_a_tag_can_be_sorted(
    client: FlaskClient, sort: str, expected: list[str]
) -> None:
    assert titles(client, f"/post?tag=web&sort={sort}", None) == expected


@pytest.mark.parametrize(
    ("sort", "descending"),
    [
        ("-postedDate", True),
        ("postedDate", False),
        ("-updatedDate", True),
        ("updatedDate", False),
        ("title", False),
    ],
)
@pytest.mark.parametrize("rest", ["", "&tag=web"])
def test_id_breaks_ties_in_the_direction_of_the_sort(
    client: FlaskClient, sort: str, descending: bool, rest: str
) -> None:
    written = [write_post(client, title="Same", tags=["web"]) for _ in range(4)]
    ids = sorted((post.headers["Location"] for post in written), reverse=descending)

    posts = client.get(f"/post?sort={sort}{rest}").json["data"]

    assert [post["_links"]["self"] for post in posts] == ids


def test_titles_compare_by_code_point(client: FlaskClient) -> None:
    # In UTF-16 the last two would change places, in any language's order most would.
    ordered = ["10", "9", "A", "Z", "a", "z", "Ä", "é", "\ufb01x", "\uffee", "😀"]
    for title in reversed(ordered):
        write_post(client, title=title)

    assert titles(client, "/post?sort=title") == ordered


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("title", {"title": "T"}),
        ("bodyHtml", {"bodyHtml": "<p><em>B</em></p>\n"}),
        ("title,body", {"title": "T", "body": "*B*"}),
        ("body, title,title", {"title": "T", "body": "*B*"}),
        ("bodyHtml,tags,slug", {"tags": ["web"], "slug": "t", "bodyHtml": "<p><em>B</em></p>\n"}),
    ],
)
def test_fields_chooses_what_is_shown_next_to_the_links(
    client: FlaskClient, wanted: str, expected: dict[str, object]
) -> None:
    write_post(client, title="T", body="*B*", tags=["web"])

    [post] = client.get("/post", query_string={"fields": wanted}).json["data"]

    assert set(post.pop("_links")) == {"self", "posts", "author"}
    assert post == expected


def test_rendered_body_is_shown_only_when_asked_for(client: FlaskClient) -> None:
    write_post(client)

    [post] = client.get("/post").json["data"]

    assert "bodyHtml" not in post


@pytest.mark.parametrize(("query", "expected"), [("", 20), ("?limit=1", 1), ("?limit=100", 21)])
def test_limit_bounds_the_page(client: FlaskClient, query: str, expected: int) -> None:
    for _ in range(21):
        write_post(client)

    assert len(client.get(f"/post{query}").json["data"]) == expected


@cases(
    ("query", "parameters"),
    [
        ("limit=0", ["limit"]),
        ("limit=101", ["limit"]),
        ("limit=-1", ["limit"]),
        ("limit=2.0", ["limit"]),
        ("limit=%D9%A3", ["limit"]),
        ("limit=" + 5000 * "9", ["limit"]),
        ("limit=", ["limit"]),
        ("status=hidden", ["status"]),
        ("status=Draft", ["status"]),
        ("sort=body", ["sort"]),
        ("sort=-title", ["sort"]),
        ("sort=", ["sort"]),
        ("fields=title,password", ["fields"]),
        ("fields=", ["fields"]),
        ("since=yesterday", ["since"]),
        ("since=2026-02-30", ["since"]),
        ("since=2026-01-01T00:00:00", ["since"]),
        ("until=2026-13-01", ["until"]),
        ("until=0000-01-01", ["until"]),
        ("tag=%00", ["tag"]),
        ("author=%00", ["author"]),
        ("slug=%00", ["slug"]),
        ("limit=1&limit=2", ["limit"]),
        ("colour=red", ["colour"]),
        ("limit=0&sort=x&since=y&colour=red", ["limit", "sort", "since", "colour"]),
    ],
)
def test_query_that_cannot_be_read_is_400_naming_every_parameter(
    client: FlaskClient, query: str, parameters: list[str]
) -> None:
    response = client.get(f"/post?{query}")

    assert list(faults(response, 400)) == parameters


def test_unknown_parameter_is_answered_with_the_nearest_one(client: FlaskClient) -> None:
    response = client.get("/post?auhtor=rick")

    assert faults(response, 400) == {"auhtor": "is not a known parameter; did you mean 'author'?"}


def test_lenient_client_gets_no_error_for_an_unknown_parameter(client: FlaskClient) -> None:
    response = client.get("/post?auhtor=rick&limit=5", headers={"Prefer": "handling=lenient"})

    assert response.status_code == 200
    assert response.json["_links"]["self"] == "http://localhost/post?limit=5"


def test_list_that_has_not_changed_is_304(client: FlaskClient) -> None:
    write_post(client)
    etag = client.get("/post").headers["ETag"]

    response = client.get("/post", headers={"If-None-Match": etag})

    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["ETag"] == etag
    assert response.headers["Vary"] == "Accept, Accept-Encoding, Authorization"


def test_etag_of_the_list_changes_with_every_kind_of_write(client: FlaskClient) -> None:
    path = path_of(write_post(client).headers["Location"])
    etags = [client.get("/post").headers["ETag"]]

    write_post(client)
    etags.append(client.get("/post").headers["ETag"])
    client.patch(path, json={"summary": "Short."}, auth=RICK)
    etags.append(client.get("/post").headers["ETag"])
    client.delete(path, auth=RICK)
    etags.append(client.get("/post").headers["ETag"])

    assert len(set(etags)) == 4


def test_etag_of_the_list_changes_when_a_scheduled_post_is_due(
    client: FlaskClient, clock: Clock
) -> None:
    write_post(client, postedDate="2026-11-22T10:00:00Z")
    etag = client.get("/post").headers["ETag"]
    clock.advance(hours=1)

    response = client.get("/post", headers={"If-None-Match": etag})

    assert response.status_code == 200
    assert len(response.json["data"]) == 1


def test_callers_with_other_rights_get_other_etags(client: FlaskClient) -> None:
    write_post(client)

    etags = {client.get("/post", auth=caller).headers["ETag"] for caller in (None, RICK)}

    assert len(etags) == 2


def test_head_of_the_list_is_get_without_the_body(client: FlaskClient) -> None:
    write_post(client)
    got = client.get("/post?limit=1")

    headed = client.head("/post?limit=1")

    assert headed.data == b""
    assert headers_of(headed) == headers_of(got)


@cases("until", ["2025-12-31", "2026-01-01"])
def test_dates_that_leave_no_room_are_an_empty_list(client: FlaskClient, until: str) -> None:
    write_post(client, postedDate="2026-01-01T00:00:00Z")

    page = client.get(f"/post?since=2026-01-01&until={until}")

    assert page.json["data"] == []
