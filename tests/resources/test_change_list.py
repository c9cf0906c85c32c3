"""The change feed over HTTP: pages that always lead on, each for the caller alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.http.application import Application
from blog.storage import accounts
from tests.cases import cases
from tests.contract import Clock, assert_problem, create, faults, path_of, write_post
from tests.people import ANN, JOE, RICK

Credentials = tuple[str, str] | None

HAL = {"Accept": "application/hal+json"}
HOST = "http://localhost"
EVERYONE = pytest.mark.parametrize("caller", [None, JOE, RICK, ANN])


def get(client: FlaskClient, url: str = "/change", caller: Credentials = None) -> Any:
    """A page of changes."""
    response = client.get(path_of(url), auth=caller)
    assert response.status_code == 200, response.text
    return response.json


def walk(client: FlaskClient, query: str = "", caller: Credentials = None) -> Iterator[Any]:
    """Each page, up to the first one that is empty."""
    page = get(client, f"/change{query}", caller)
    while page["data"]:
        yield page
        page = get(client, page["_links"]["next"], caller)
    yield page


def told(client: FlaskClient, caller: Credentials = None) -> list[tuple[str, str, int]]:
    """What a caller is told from the beginning: what was done to which post, and its version."""
    items = [item for page in walk(client, caller=caller) for item in page["data"]]
    return [(item["operation"], path_of(item["_links"]["post"]), item["version"]) for item in items]


def end(client: FlaskClient, caller: Credentials = None) -> str:
    """The path of the page at the end, which is empty so far."""
    *_, last = walk(client, caller=caller)
    return path_of(last["_links"]["next"])


def test_root_leads_to_the_changes(client: FlaskClient) -> None:
    assert client.get("/").json["_links"]["changes"] == f"{HOST}/change"


def test_change_has_what_was_done_to_which_post_and_when(client: FlaskClient) -> None:
    path = create(client)

    assert get(client)["data"] == [
        {
            "_links": {"post": HOST + path},
            "operation": "created",
            "version": 1,
            "at": "2026-11-22T09:47:45.746058Z",
            "slug": "first",
            "title": "First!",
            "etag": f'"{version_of(client, path)}"',
        }
    ]


def version_of(client: FlaskClient, path: str) -> str:
    """What the entity-tags of all representations of a version begin with."""
    return client.get(path).headers["ETag"].strip('"')[: -len("-digest012345")]


@pytest.mark.parametrize(("caller", "leads"), [(None, 0), (JOE, 0), (RICK, 1), (ANN, 1)])
def test_change_leads_to_the_versions_for_those_who_may_edit(
    client: FlaskClient, caller: Credentials, leads: int
) -> None:
    path = create(client)

    links = get(client, caller=caller)["data"][0]["_links"]

    history = {"version-history": f"{HOST}{path}/revision"} if leads else {}
    assert links == {"post": HOST + path, **history}


def test_change_of_a_deleted_post_leads_to_its_versions_still(client: FlaskClient) -> None:
    path = create(client)
    client.delete(path, auth=RICK)

    deletion = get(client, caller=RICK)["data"][1]

    assert deletion["operation"] == "deleted"
    assert client.get(path_of(deletion["_links"]["post"]), auth=RICK).status_code == 404
    assert client.get(path_of(deletion["_links"]["version-history"]), auth=RICK).json["data"]


def test_changes_come_in_their_order_with_version_and_date(
    client: FlaskClient, clock: Clock
) -> None:
    one, two = create(client), create(client)
    clock.advance(seconds=1)
    client.patch(one, json={"title": "Other"}, auth=RICK)
    clock.advance(seconds=1)
    client.delete(two, auth=RICK)

    assert told(client) == [
        ("created", one, 1), ("created", two, 1), ("updated", one, 2), ("deleted", two, 2),
    ]  # fmt: skip
    assert [item["at"][17:19] for item in get(client)["data"]] == ["45", "45", "46", "47"]


def test_write_that_changes_nothing_is_no_change(client: FlaskClient) -> None:
    path = create(client, title="Same")
    client.patch(path, json={"title": "Same"}, auth=RICK)

    assert told(client) == [("created", path, 1)]


def test_hal_embeds_the_changes(client: FlaskClient) -> None:
    path = create(client)

    page = client.get("/change", headers=HAL).get_json(force=True)

    (change,) = page["_embedded"]["changes"]
    assert (change["operation"], change["_links"]) == ("created", {"post": {"href": HOST + path}})
    assert page["_links"]["next"]["href"].startswith(f"{HOST}/change?after=")
    assert "data" not in page


def test_page_has_the_links_of_a_page_also_as_a_header(client: FlaskClient) -> None:
    create(client)
    response = client.get("/change?limit=1")

    links = response.json["_links"]
    assert links.keys() == {"self", "first", "next", "latest", "home"}
    assert (links["self"], links["home"]) == (f"{HOST}/change?limit=1", f"{HOST}/")
    assert response.headers["Link"] == (
        f'<{links["self"]}>; rel="self", <{links["first"]}>; rel="first", '
        f'<{links["next"]}>; rel="next"'
    )


def test_links_of_a_later_page_keep_the_limit(client: FlaskClient) -> None:
    create(client)
    first = get(client, "/change?limit=1")

    links = get(client, first["_links"]["next"])["_links"]

    assert links["self"] == first["_links"]["next"]
    assert links["first"] == f"{HOST}/change?limit=1"
    assert "limit=1" in links["next"]


@EVERYONE
def test_empty_blog_has_a_next_that_leads_to_itself(
    client: FlaskClient, caller: Credentials
) -> None:
    first = get(client, caller=caller)
    second = get(client, first["_links"]["next"], caller)

    assert (first["data"], second["data"]) == ([], [])
    assert second["_links"]["next"] == second["_links"]["self"] == first["_links"]["next"]


@EVERYONE
def test_page_at_the_end_is_its_own_next(client: FlaskClient, caller: Credentials) -> None:
    create(client)
    create(client, status="draft")
    *_, last = walk(client, caller=caller)

    assert last["data"] == []
    assert last["_links"]["next"] == last["_links"]["self"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 100])
def test_pages_of_every_length_hold_every_change_once(client: FlaskClient, limit: int) -> None:
    paths = [create(client) for _ in range(5)]

    pages = [page["data"] for page in walk(client, f"?limit={limit}")]

    assert [path_of(item["_links"]["post"]) for page in pages for item in page] == paths
    assert all(len(page) == limit for page in pages[:-2])
    assert pages[-1] == []


def test_page_has_twenty_changes_by_default(client: FlaskClient) -> None:
    for _ in range(21):
        create(client)

    assert [len(page["data"]) for page in walk(client)] == [20, 1, 0]


@cases(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("since=2026-01-01", "since"),
        ("after=", "after"),
        ("after=x", "after"),
        ("after=1", "after"),
    ],
)
def test_parameter_that_makes_no_sense_is_400(
    client: FlaskClient, query: str, parameter: str
) -> None:
    assert list(faults(client.get(f"/change?{query}"), 400)) == [parameter]


@cases("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nobody_writes_to_the_feed(client: FlaskClient, method: str) -> None:
    response = client.open("/change", method=method, json={}, auth=ANN)

    assert_problem(response, 405)
    assert {"GET", "HEAD"} <= set(response.headers["Allow"].split(", "))


@EVERYONE
def test_poll_at_the_end_is_304_until_there_is_something(
    client: FlaskClient, clock: Clock, caller: Credentials
) -> None:
    create(client)
    url = end(client, caller)
    seen = {"If-None-Match": client.get(url, auth=caller).headers["ETag"]}
    clock.advance(days=1)
    before = client.get(url, auth=caller, headers=seen)
    path = create(client)

    after = client.get(url, auth=caller, headers=seen)

    assert (before.status_code, before.data) == (304, b"")
    assert [path_of(item["_links"]["post"]) for item in after.json["data"]] == [path]


@cases("fields", [{"status": "draft"}, {"postedDate": "2027-01-01T00:00:00Z"}])
def test_poll_is_304_after_what_the_caller_can_not_see(
    client: FlaskClient, fields: dict[str, str]
) -> None:
    url = end(client)
    seen = {"If-None-Match": client.get(url).headers["ETag"]}
    path = create(client, **fields)
    client.patch(path, json={"title": "Other"}, auth=RICK)

    assert client.get(url, headers=seen).status_code == 304


def test_page_of_one_reveals_nothing_of_writes_that_the_caller_can_not_see(
    client: FlaskClient,
) -> None:
    url = f"{end(client)}&limit=1"
    before = client.get(url)
    for _ in range(5):
        create(client, postedDate="2027-01-01T00:00:00Z")
        create(client, status="draft")

    after = client.get(url)

    assert after.data == before.data
    assert after.headers["ETag"] == before.headers["ETag"]


@cases(
    ("writer", "reader"),
    [(None, RICK), (RICK, None), (RICK, JOE), (JOE, RICK), (RICK, ANN), (ANN, RICK), (ANN, None)],
)
def test_cursor_of_another_caller_is_400(
    client: FlaskClient, writer: Credentials, reader: Credentials
) -> None:
    create(client)
    url = end(client, writer)

    assert list(faults(client.get(url, auth=reader), 400)) == ["after"]
    assert client.get(url, auth=writer).status_code == 200


@cases(("caller", "role"), [(RICK, "editor"), (ANN, "author")])
def test_cursor_from_before_another_role_is_400(
    app: Application, client: FlaskClient, caller: tuple[str, str], role: Any
) -> None:
    url = end(client, caller)
    with app.extensions["blog"].database.session() as session:
        accounts.set_role(session, caller[0], role, force=True)

    assert list(faults(client.get(url, auth=caller), 400)) == ["after"]


def test_forged_cursor_is_400(client: FlaskClient) -> None:
    create(client)
    url = end(client)
    letter = "A" if url[-5] != "A" else "B"

    assert list(faults(client.get(url[:-5] + letter + url[-4:]), 400)) == ["after"]
    assert list(faults(client.get(url[: url.index("after=") + 6] + "W1s" + url[-44:]), 400)) == [
        "after"
    ]


@cases("address", ["/post", "/author", "{}/revision"])
def test_cursor_of_another_list_is_400(client: FlaskClient, address: str) -> None:
    path = create(client)
    create(client)
    client.patch(path, json={"title": "Other"}, auth=RICK)
    following = client.get(f"{address.format(path)}?limit=1", auth=RICK).json["_links"]["next"]
    cursor = following.partition("cursor=")[2].partition("&")[0]

    assert cursor
    assert list(faults(client.get(f"/change?after={cursor}", auth=RICK), 400)) == ["after"]


def test_cursor_of_the_changes_is_none_of_a_list(client: FlaskClient) -> None:
    create(client)
    cursor = end(client).partition("after=")[2]

    assert list(faults(client.get(f"/post?cursor={cursor}"), 400)) == ["cursor"]


@pytest.mark.parametrize(("caller", "expected"), [(None, 0), (JOE, 0), (RICK, 3), (ANN, 3)])
def test_draft_is_shown_to_those_who_may_edit_it(
    client: FlaskClient, caller: Credentials, expected: int
) -> None:
    path = create(client, status="draft")
    client.patch(path, json={"title": "Other"}, auth=RICK)
    client.delete(path, auth=RICK)

    whole = [("created", path, 1), ("updated", path, 2), ("deleted", path, 3)]
    assert told(client, caller) == whole[:expected]


def test_post_that_becomes_a_draft_is_deleted_for_readers_alone(client: FlaskClient) -> None:
    path = create(client)
    client.patch(path, json={"status": "draft"}, auth=RICK)
    client.patch(path, json={"title": "Other"}, auth=RICK)
    client.patch(path, json={"status": "published"}, auth=RICK)

    mine = [("created", path, 1), *(("updated", path, version) for version in (2, 3, 4))]
    theirs = [("created", path, 1), ("deleted", path, 2), ("created", path, 4)]
    assert [told(client, caller) for caller in (None, JOE)] == [theirs] * 2
    assert [told(client, caller) for caller in (RICK, ANN)] == [mine] * 2


def test_scheduled_post_is_created_for_readers_when_it_is_due(
    client: FlaskClient, clock: Clock
) -> None:
    later = create(client, postedDate="2026-11-22T10:00:00Z")
    before = told(client), told(client, RICK)
    clock.advance(hours=1)
    other = create(client)

    due = get(client)["data"][0]

    assert before == ([], [("created", later, 1)])
    assert told(client) == [("created", later, 1), ("created", other, 1)]
    assert (due["at"], "version-history" in due["_links"]) == ("2026-11-22T10:00:00.000000Z", False)


def test_restored_post_is_created_again(client: FlaskClient) -> None:
    path = create(client)
    client.delete(path, auth=RICK)
    restored = client.post(f"{path}/revision", json={"restore": 1}, auth=RICK)

    assert restored.status_code == 201
    assert told(client)[1:] == [("deleted", path, 2), ("created", path, 3)]


def test_wrong_password_is_401(client: FlaskClient) -> None:
    assert_problem(client.get("/change", auth=("rick", "wrong")), 401)


def cached(response: TestResponse) -> tuple[str | None, str | None]:
    """What caches are told."""
    return response.headers.get("Vary"), response.headers.get("Cache-Control")


def test_changes_of_one_who_signs_in_are_private(client: FlaskClient) -> None:
    write_post(client)

    assert cached(client.get("/change")) == (
        "Accept, Accept-Encoding, Authorization",
        "public, no-cache",
    )
    assert cached(client.get("/change", auth=RICK)) == (
        "Accept, Accept-Encoding, Authorization",
        "private, no-cache",
    )
