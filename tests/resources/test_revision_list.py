"""The versions of a post as a list: what it tells, to whom, page by page, and its validators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient
from requests.utils import parse_header_links

from tests.cases import cases
from tests.contract import WRITTEN, Clock, assert_problem, create, faults, headers_of, path_of
from tests.people import ANN, JOE, RICK

BASE = "http://localhost"
HAL = {"Accept": "application/hal+json"}
NOW = "2026-11-22T09:47:45.746058Z"
IN_AN_HOUR = "2026-11-22T10:47:45.746058Z"
IN_TWO_HOURS = "2026-11-22T11:47:45.746058Z"
TOMORROW = "2026-11-23T09:47:45.746058Z"
# What each kind of caller gets of the versions of Rick's post in each state.
CALLERS: dict[str, tuple[str, str] | None] = {"nobody": None, "joe": JOE, "rick": RICK, "ann": ANN}
STATUSES = {
    "published": {"nobody": 401, "joe": 403, "rick": 200, "ann": 200},
    "draft": {"nobody": 404, "joe": 404, "rick": 200, "ann": 200},
    "scheduled": {"nobody": 404, "joe": 404, "rick": 200, "ann": 200},
    "deleted": {"nobody": 404, "joe": 404, "rick": 200, "ann": 200},
    "unknown": {"nobody": 404, "joe": 404, "rick": 404, "ann": 404},
}


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post of RICK, of which there is one version."""
    return create(client)


class Browser:
    """Rick's client, which knows one media type and no address but those it is given."""

    def __init__(self, client: FlaskClient, accept: str) -> None:
        self._client = client
        self._options: dict[str, Any] = {"auth": RICK, "headers": {"Accept": accept}}

    def get(self, address: str) -> dict[str, Any]:
        """What is there."""
        found: dict[str, Any] = self._client.get(path_of(address), **self._options).json
        return found

    def follow(self, document: dict[str, Any], relation: str) -> dict[str, Any]:
        """What a link of a document leads to."""
        return self.get(self._target(document, relation))

    def post(self, document: dict[str, Any], sent: object) -> dict[str, Any]:
        """The answer of a list to what is sent to it."""
        address = path_of(self._target(document, "self"))
        response = self._client.post(address, json=sent, **self._options)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json
        return answer

    def items(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """The items of a list."""
        lists = document.get("_embedded", {"data": document.get("data")})
        return [*next(iter(lists.values()))]

    def _target(self, document: dict[str, Any], relation: str) -> str:
        link = document["_links"][relation]
        return str(link if isinstance(link, str) else link["href"])


def retitle(client: FlaskClient, path: str, *titles: str) -> None:
    """Make a new version of a post for each title."""
    for title in titles:
        assert client.patch(path, json={"title": title}, auth=RICK).status_code == 200


def numbers(client: FlaskClient, address: str) -> list[int]:
    """The versions on a page, in its order."""
    return [item["version"] for item in client.get(address, auth=RICK).json["data"]]


def following(client: FlaskClient, address: str, relation: str = "next") -> str:
    """Where a link of a page leads."""
    return path_of(client.get(address, auth=RICK).json["_links"][relation])


def in_state(client: FlaskClient, state: str) -> str:
    """The path of a post of Rick with two versions, in the state that is named."""
    fields = {"draft": {"status": "draft"}, "scheduled": {"postedDate": TOMORROW}}.get(state, {})
    path = create(client, **fields)
    retitle(client, path, "Second!")
    if state == "deleted":
        client.delete(path, auth=RICK)
    return "/post/" + "0" * 32 if state == "unknown" else path


def test_every_version_is_listed_newest_first(client: FlaskClient, path: str) -> None:
    retitle(client, path, "Second!")
    client.delete(path, auth=RICK)
    client.post(f"{path}/revision", json={"restore": 1}, auth=RICK)

    items = client.get(f"{path}/revision", auth=RICK).json["data"]

    assert [(item["version"], item["operation"]) for item in items] == [
        (4, "created"),
        (3, "deleted"),
        (2, "updated"),
        (1, "created"),
    ]


def test_an_item_says_all_that_a_client_wrote_but_the_body(client: FlaskClient) -> None:
    path = create(client, **WRITTEN)

    (item,) = client.get(f"{path}/revision", auth=RICK).json["data"]

    written = {name: value for name, value in WRITTEN.items() if name != "body"}
    event = {"version": 1, "operation": "created", "at": NOW, "by": "rick"}
    assert item == {**event, **written, "authorName": "rick", "_links": item["_links"]}


def test_each_version_says_when_and_by_whom(client: FlaskClient, path: str, clock: Clock) -> None:
    clock.advance(hours=1)
    client.patch(path, json={"title": "Second!"}, auth=ANN)
    clock.advance(hours=1)
    client.delete(path, auth=RICK)

    items = client.get(f"{path}/revision", auth=RICK).json["data"]

    assert [(item["at"], item["by"]) for item in items] == [
        (IN_TWO_HOURS, "rick"),
        (IN_AN_HOUR, "ann"),
        (NOW, "rick"),
    ]


def test_a_deletion_says_nothing_that_was_written(client: FlaskClient, path: str) -> None:
    client.delete(path, auth=RICK)

    deletion = client.get(f"{path}/revision", auth=RICK).json["data"][0]

    event = {"version": 2, "operation": "deleted", "at": NOW, "by": "rick"}
    assert event.items() <= deletion.items()
    assert deletion.keys().isdisjoint(WRITTEN)
    assert deletion["_links"].keys().isdisjoint({"diff", "successor-version"})


def test_links_of_the_list_of_a_post(client: FlaskClient, path: str) -> None:
    links = client.get(f"{path}/revision", auth=RICK).json["_links"]

    assert links == {
        "self": f"{BASE}{path}/revision",
        "first": f"{BASE}{path}/revision",
        "home": f"{BASE}/",
        "post": f"{BASE}{path}",
        "latest-version": f"{BASE}{path}",
    }


def test_list_of_a_deleted_post_has_no_link_to_it(client: FlaskClient, path: str) -> None:
    client.delete(path, auth=RICK)

    links = client.get(f"{path}/revision", auth=RICK).json["_links"]

    assert links.keys() == {"self", "first", "home"}


def test_link_header_has_the_registered_relations(client: FlaskClient, path: str) -> None:
    retitle(client, path, "Second!")

    response = client.get(f"{path}/revision?limit=1", auth=RICK)

    named = {link["rel"]: link["url"] for link in parse_header_links(response.headers["Link"])}
    assert named.keys() == {"self", "first", "next", "latest-version"}
    assert named.items() <= response.json["_links"].items()


def as_hal(item: dict[str, Any]) -> dict[str, Any]:
    """What is in JSON, in HAL."""
    return {**item, "_links": {name: {"href": url} for name, url in item["_links"].items()}}


@cases("query", ["", "?limit=1"])
def test_hal_says_the_same_with_embedded_versions(
    client: FlaskClient, path: str, query: str
) -> None:
    retitle(client, path, "Second!")
    plain = client.get(f"{path}/revision{query}", auth=RICK).json

    response = client.get(f"{path}/revision{query}", auth=RICK, headers=HAL)

    versions = [as_hal(item) for item in plain.pop("data")]
    assert response.mimetype == "application/hal+json"
    assert response.json == {**as_hal(plain), "_embedded": {"revisions": versions}}


@cases("caller", CALLERS)
@cases("state", STATUSES)
def test_versions_are_for_those_who_may_change_the_post(
    client: FlaskClient, state: str, caller: str
) -> None:
    path = in_state(client, state)
    addresses = ("revision", "revision/1", "revision/2", "revision/2/diff")

    found = [client.get(f"{path}/{rest}", auth=CALLERS[caller]) for rest in addresses]

    assert [response.status_code for response in found] == [STATUSES[state][caller]] * 4


@cases("address", ["revision", "revision/1", "revision/2/diff"])
@cases("state", ["draft", "scheduled", "deleted"])
def test_versions_of_a_hidden_post_are_404_as_if_it_were_not_there(
    client: FlaskClient, state: str, address: str
) -> None:
    path, missing = in_state(client, state), in_state(client, "unknown")
    expected = assert_problem(client.get(f"{missing}/{address}", auth=JOE), 404)

    problem = assert_problem(client.get(f"{path}/{address}", auth=JOE), 404)

    assert problem["detail"].replace(path[6:], missing[6:]) == expected["detail"]


def test_anonymous_caller_is_asked_to_sign_in(client: FlaskClient, path: str) -> None:
    response = client.get(f"{path}/revision")

    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == 'Basic realm="blog", charset="UTF-8"'


@cases(("caller", "linked"), [(None, 0), (JOE, 0), (RICK, 2), (ANN, 2)])
def test_post_has_links_to_its_versions_for_those_who_may_follow_them(
    client: FlaskClient, path: str, caller: tuple[str, str] | None, linked: int
) -> None:
    links = client.get(path, auth=caller).json["_links"]

    found = [links[name] for name in ("revisions", "version-history") if name in links]
    assert found == [f"{BASE}{path}/revision"] * linked
    assert ("edit" in links) == bool(linked)


def test_pages_have_each_version_once(client: FlaskClient, path: str) -> None:
    retitle(client, path, *"BCDE")
    second = following(client, f"{path}/revision?limit=2")
    third = following(client, second)

    pages = [numbers(client, page) for page in (f"{path}/revision?limit=2", second, third)]

    assert pages == [[5, 4], [3, 2], [1]]
    assert "next" not in client.get(third, auth=RICK).json["_links"]


def test_pages_lead_back(client: FlaskClient, path: str) -> None:
    retitle(client, path, *"BCDE")
    third = following(client, following(client, f"{path}/revision?limit=2"))
    second = following(client, third, "prev")
    first = following(client, second, "prev")

    assert (numbers(client, second), numbers(client, first)) == ([3, 2], [5, 4])
    assert "prev" not in client.get(first, auth=RICK).json["_links"]


def test_no_page_repeats_a_version_when_others_are_added(client: FlaskClient, path: str) -> None:
    retitle(client, path, *"BCDE")
    second = following(client, f"{path}/revision?limit=2")
    retitle(client, path, *"FG")
    third = following(client, second)
    back = following(client, second, "prev")

    pages = [numbers(client, page) for page in (second, third, back, following(client, back))]

    assert pages == [[3, 2], [1], [5, 4], [3, 2]]
    assert numbers(client, following(client, back, "prev")) == [7, 6]


@cases(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
        ("fields=title", "fields"),
    ],
)
def test_unusable_parameter_is_400(
    client: FlaskClient, path: str, query: str, parameter: str
) -> None:
    response = client.get(f"{path}/revision?{query}", auth=RICK)

    assert faults(response, 400).keys() == {parameter}


def test_cursor_of_another_post_is_400(client: FlaskClient, path: str) -> None:
    retitle(client, path, "Second!")
    page = following(client, f"{path}/revision?limit=1")
    other = create(client)

    response = client.get(page.replace(path, other), auth=RICK)

    assert faults(response, 400).keys() == {"cursor"}


def validators(client: FlaskClient, address: str) -> Sequence[str]:
    """The entity-tag and the date of a list."""
    headers = client.get(address, auth=RICK).headers
    return headers["ETag"], headers["Last-Modified"]


@cases("method", ["GET", "HEAD"])
@cases("query", ["", "?limit=1"])
def test_unchanged_list_is_304(client: FlaskClient, path: str, query: str, method: str) -> None:
    address = f"{path}/revision{query}"
    seen = {"If-None-Match": validators(client, address)[0]}

    response = client.open(address, method=method, auth=RICK, headers=seen)

    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["ETag"] == seen["If-None-Match"]


def test_time_alone_does_not_change_the_list(client: FlaskClient, path: str, clock: Clock) -> None:
    before = validators(client, f"{path}/revision")

    clock.advance(days=1)

    assert validators(client, f"{path}/revision") == before
    assert before[1] == "Sun, 22 Nov 2026 09:47:45 GMT"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_every_version_changes_the_list(
    client: FlaskClient, path: str, clock: Clock, method: str
) -> None:
    tag, date = validators(client, f"{path}/revision")
    clock.advance(hours=1)
    client.open(path, method=method, json={"title": "Second!"}, auth=RICK)

    conditions = ({"If-None-Match": tag}, {"If-Modified-Since": date})
    found = [client.get(f"{path}/revision", auth=RICK, headers=seen) for seen in conditions]

    assert [response.status_code for response in found] == [200, 200]
    assert found[0].headers["Last-Modified"] == "Sun, 22 Nov 2026 10:47:45 GMT"


def test_list_not_modified_since_its_date_is_304(client: FlaskClient, path: str) -> None:
    seen = {"If-Modified-Since": validators(client, f"{path}/revision")[1]}

    assert client.get(f"{path}/revision", auth=RICK, headers=seen).status_code == 304


@pytest.mark.parametrize("query", ["", "?limit=1"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_write_of_the_post_may_name_the_list_that_was_seen(
    client: FlaskClient, path: str, method: str, query: str
) -> None:
    retitle(client, path, "Second!")
    seen = {"If-Match": validators(client, f"{path}/revision{query}")[0]}
    sent = {"title": "Third!", "body": ""}

    first, second = (
        client.open(path, method=method, json=sent, auth=RICK, headers=seen) for _ in range(2)
    )

    assert first.status_code in (200, 204)
    assert second.status_code == (404 if method == "DELETE" else 412)


def test_head_has_the_headers_of_get(client: FlaskClient, path: str) -> None:
    expected = client.get(f"{path}/revision", auth=RICK)

    response = client.head(f"{path}/revision", auth=RICK)

    assert (response.status_code, response.data) == (200, b"")
    assert headers_of(response) == headers_of(expected)
    assert response.headers["Cache-Control"] == "private, no-cache"


@cases("accept", ["application/json", "application/hal+json"])
def test_post_deleted_by_mistake_comes_back_by_links_from_the_root_alone(
    client: FlaskClient, path: str, accept: str
) -> None:
    retitle(client, path, "Dear")
    retitle(client, create(client), "Other")
    client.delete(path, auth=RICK)
    browser = Browser(client, accept)
    page = browser.follow(browser.get("/"), "changes")
    told = browser.items(page)
    while browser.items(page):
        page = browser.follow(page, "next")
        told += browser.items(page)

    deletion = next(item for item in told if item["operation"] == "deleted")
    history = browser.follow(deletion, "version-history")
    wanted = next(item for item in browser.items(history) if item.get("title") == "Dear")
    restored = browser.post(history, {"restore": wanted["version"]})
    post = browser.follow(browser.follow(restored, "version-history"), "latest-version")

    assert post["title"] == "Dear"
    assert client.get(path).json["title"] == "Dear"
