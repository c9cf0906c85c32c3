"""The list of authors: everyone who may write, by name."""

from __future__ import annotations

from flask.testing import FlaskClient

from blog.database.database import Database
from blog.storage import accounts
from tests.cases import cases
from tests.contract import NEW_PROFILE, Clock, assert_problem, faults, path_of
from tests.people import ANN, RICK

HAL = {"Accept": "application/hal+json"}


def names(client: FlaskClient, url: str) -> list[str]:
    """The names on a page."""
    return [author["name"] for author in client.get(path_of(url)).json["data"]]


def test_authors_are_listed_by_name(client: FlaskClient) -> None:
    assert names(client, "/author") == ["ann", "joe", "rick"]


def test_author_in_the_list_has_the_whole_profile_and_nothing_else(client: FlaskClient) -> None:
    rick = client.get("/author").json["data"][2]

    assert rick == NEW_PROFILE


@cases(("caller", "editable"), [(None, []), (RICK, ["rick"]), (ANN, ["ann"])])
def test_only_the_own_profile_has_an_edit_link(
    client: FlaskClient, caller: tuple[str, str] | None, editable: list[str]
) -> None:
    authors = client.get("/author", auth=caller).json["data"]

    assert [author["name"] for author in authors if "edit" in author["_links"]] == editable


def test_hal_embeds_authors(client: FlaskClient) -> None:
    document = client.get("/author", headers=HAL).get_json(force=True)

    embedded = document["_embedded"]["authors"]
    assert [author["name"] for author in embedded] == ["ann", "joe", "rick"]
    assert embedded[0]["_links"]["self"] == {"href": "http://localhost/author/ann"}


def test_whole_list_links_to_itself_its_first_page_and_home(client: FlaskClient) -> None:
    response = client.get("/author")

    assert response.json["_links"] == {
        "self": "http://localhost/author",
        "first": "http://localhost/author",
        "home": "http://localhost/",
    }
    assert response.headers["Link"] == (
        '<http://localhost/author>; rel="self", <http://localhost/author>; rel="first"'
    )


def test_next_leads_to_the_rest_of_the_authors(client: FlaskClient) -> None:
    first = client.get("/author?limit=2").json

    second = client.get(path_of(first["_links"]["next"])).json

    assert [author["name"] for author in first["data"]] == ["ann", "joe"]
    assert [author["name"] for author in second["data"]] == ["rick"]
    assert "next" not in second["_links"]


def test_prev_leads_back_to_the_authors_before(client: FlaskClient) -> None:
    first = client.get("/author?limit=2").json
    second = client.get(path_of(first["_links"]["next"])).json

    back = client.get(path_of(second["_links"]["prev"])).json

    assert back["data"] == first["data"]
    assert "prev" not in back["_links"]


def test_cursor_of_another_list_is_400(client: FlaskClient) -> None:
    url = client.get("/author?limit=1").json["_links"]["next"]

    response = client.get(path_of(url).replace("/author", "/tag"))

    assert list(faults(response, 400)) == ["cursor"]


@cases("query", ["limit=0", "limit=101", "limit=x", "cursor=x", "sort=name"])
def test_query_that_cannot_be_read_is_400(client: FlaskClient, query: str) -> None:
    response = client.get(f"/author?{query}")

    assert list(faults(response, 400)) == [query.partition("=")[0]]


def test_author_with_any_name_can_be_followed_from_the_list(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    with database.session() as session:
        accounts.add(session, "zoë+b@example.org", "author", "no hash", now=clock.now)

    links = client.get("/author").json["data"][-1]["_links"]

    assert links["self"] == "http://localhost/author/zo%C3%AB%2Bb%40example.org"
    assert client.get(path_of(links["self"])).json["name"] == "zoë+b@example.org"
    assert client.get(path_of(links["posts"])).json["data"] == []


def test_list_that_has_not_changed_is_304(client: FlaskClient) -> None:
    etag = client.get("/author").headers["ETag"]

    response = client.get("/author", headers={"If-None-Match": etag})

    assert response.status_code == 304


def test_etag_of_the_list_changes_with_a_profile(client: FlaskClient) -> None:
    etag = client.get("/author").headers["ETag"]

    client.patch("/author/rick", json={"bio": "Writes."}, auth=RICK)

    assert client.get("/author").headers["ETag"] != etag


@cases("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writing_to_the_list_is_405(client: FlaskClient, method: str) -> None:
    response = client.open("/author", method=method, json={}, auth=ANN)

    assert_problem(response, 405)
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
