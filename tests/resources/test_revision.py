"""One version of a post: what it keeps, where it leads, and validators that change once."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from requests.utils import parse_header_links

from blog.content.authors import Caller
from blog.database.database import Database
from blog.maintenance.integrity import faults as unsound
from blog.storage import accounts, post_writes
from blog.storage.preconditions import Precondition
from tests.access import access_for
from tests.cases import cases
from tests.contract import (
    WRITTEN,
    Clock,
    assert_problem,
    create,
    faults,
    headers_of,
    path_of,
    write_post,
)
from tests.people import ANN, JOE, RICK
from tests.resources.versions import change, restore, version

BASE = "http://localhost"
HAL = {"Accept": "application/hal+json"}
NOW = "2026-11-22T09:47:45.746058Z"
IN_AN_HOUR = "2026-11-22T10:47:45.746058Z"
EVENT = {"version", "operation", "at", "by"}
# What follows what, in `whole_life`, and what each version links to beside what all do.
LINKS = {
    1: {"successor-version"},
    2: {"predecessor-version", "successor-version", "diff"},
    3: {"predecessor-version", "successor-version"},
    4: {"predecessor-version", "successor-version"},
    5: {"predecessor-version", "diff"},
}


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post of RICK, of which there is one version."""
    return create(client)


@pytest.fixture
def whole_life(client: FlaskClient, path: str) -> str:
    """The path of a post that was created, updated, deleted, brought back and updated."""
    change(client, path, title="Second!")
    client.delete(path, auth=RICK)
    restore(client, path, 1)
    change(client, path, title="Fifth!")
    return path


def test_a_version_is_all_that_a_client_wrote(client: FlaskClient) -> None:
    path = create(client, **WRITTEN)

    found = version(client, path, 1)

    event = {"version": 1, "operation": "created", "at": NOW, "by": "rick"}
    assert found == {**event, **WRITTEN, "authorName": "rick", "_links": found["_links"]}


def test_a_version_stays_as_it_was_whatever_comes_after(client: FlaskClient) -> None:
    path = create(client, **WRITTEN)
    before = version(client, path, 1)
    client.put(path, json={"title": "Other", "body": "", "slug": "other"}, auth=RICK)
    client.delete(path, auth=RICK)

    after = version(client, path, 1)

    before["_links"]["successor-version"] = f"{BASE}{path}/revision/2"
    assert after == before


def test_versions_are_what_the_post_was_at_each_time(
    client: FlaskClient, path: str, clock: Clock
) -> None:
    clock.advance(hours=1)
    response = client.patch(path, json={"body": "Two", "tags": ["é", "b"]}, auth=ANN)

    found = version(client, path, 2)

    post = response.json
    assert (found["at"], found["by"]) == (post.pop("updatedDate"), "ann") == (IN_AN_HOUR, "ann")
    del post["_links"]
    assert post.items() <= found.items()


def test_an_editor_who_changes_a_post_does_not_become_its_author(
    client: FlaskClient, path: str
) -> None:
    client.delete(path, auth=ANN)
    client.post(f"{path}/revision", json={"restore": 1}, auth=ANN)

    deletion, restored = version(client, path, 2), version(client, path, 3)

    assert (deletion["by"], restored["by"]) == ("ann", "ann")
    assert restored["authorName"] == "rick"
    assert deletion["_links"]["author"] == restored["_links"]["author"] == f"{BASE}/author/rick"


@cases("number", LINKS)
def test_a_version_has_links_to_what_is_there(
    client: FlaskClient, whole_life: str, number: int
) -> None:
    links = version(client, whole_life, number)["_links"]

    assert links.keys() == {"self", "version-history", "author"} | LINKS[number]


@cases("number", LINKS)
def test_links_of_a_version_lead_where_they_say(
    client: FlaskClient, whole_life: str, number: int
) -> None:
    links = version(client, whole_life, number)["_links"]
    steps = {"predecessor-version": -1, "self": 0, "successor-version": 1}

    found = {
        name: client.get(path_of(links[name]), auth=RICK).json["version"] - number
        for name in steps.keys() & links.keys()
    }

    assert found == {name: steps[name] for name in found}
    assert client.get(path_of(links["version-history"]), auth=RICK).json["data"]


def test_the_list_says_of_each_version_what_it_says_itself(
    client: FlaskClient, whole_life: str
) -> None:
    listed = client.get(f"{whole_life}/revision", auth=RICK).json["data"]

    single = [version(client, whole_life, number) for number in range(5, 0, -1)]

    bodies = [item.pop("body", None) for item in single]
    assert listed == single
    assert bodies == ["First post!", "First post!", None, "First post!", "First post!"]


def test_a_deletion_has_nothing_that_was_written(client: FlaskClient, whole_life: str) -> None:
    deletion = version(client, whole_life, 3)

    assert deletion.keys() >= EVENT
    assert deletion.keys().isdisjoint(WRITTEN)


def test_hal_has_the_links_as_objects(client: FlaskClient, whole_life: str) -> None:
    plain = version(client, whole_life, 2)

    response = client.get(f"{whole_life}/revision/2", auth=RICK, headers=HAL)

    links = {name: {"href": url} for name, url in plain["_links"].items()}
    assert response.mimetype == "application/hal+json"
    assert response.json == {**plain, "_links": links}


def test_link_header_has_the_registered_relations(client: FlaskClient, whole_life: str) -> None:
    response = client.get(f"{whole_life}/revision/2", auth=RICK)

    named = {link["rel"]: link["url"] for link in parse_header_links(response.headers["Link"])}
    assert named == {name: url for name, url in response.json["_links"].items() if name != "diff"}


@cases(
    "number",
    ["0", "6", "-1", "01", "1.0", "x", "", "999999999", str(2**31), str(10**30), "٣", "1/", "1;"],
)
def test_a_version_that_there_is_not_is_404(
    client: FlaskClient, whole_life: str, number: str
) -> None:
    for rest in ("", "/diff"):
        assert_problem(client.get(f"{whole_life}/revision/{number}{rest}", auth=RICK), 404)


def test_the_version_of_another_post_is_404(client: FlaskClient, whole_life: str) -> None:
    other = create(client)

    assert_problem(client.get(f"{other}/revision/2", auth=RICK), 404)


@cases("method", ["POST", "PUT", "PATCH", "DELETE"])
@cases("rest", ["", "/diff"])
def test_a_version_never_is_changed(
    client: FlaskClient, whole_life: str, method: str, rest: str
) -> None:
    address = f"{whole_life}/revision/2{rest}"

    response = client.open(address, method=method, json={"title": "Other"}, auth=RICK)

    assert_problem(response, 405)
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_an_unknown_parameter_is_400(client: FlaskClient, path: str) -> None:
    response = client.get(f"{path}/revision/1?fields=title", auth=RICK)

    assert faults(response, 400).keys() == {"fields"}


def tag(client: FlaskClient, path: str, number: int = 1) -> str:
    """The entity-tag of a version."""
    return client.get(f"{path}/revision/{number}", auth=RICK).headers["ETag"]


def test_time_and_other_posts_do_not_change_the_tag(
    client: FlaskClient, path: str, clock: Clock
) -> None:
    before = tag(client, path)
    clock.advance(days=1)
    change(client, create(client), title="Other")

    assert tag(client, path) == before


def test_the_tag_changes_when_the_next_version_comes_and_never_again(
    client: FlaskClient, path: str, clock: Clock
) -> None:
    newest = tag(client, path)
    clock.advance(hours=1)
    change(client, path, title="Second!")
    followed = tag(client, path)
    clock.advance(hours=1)
    client.delete(path, auth=RICK)

    assert newest != followed
    assert tag(client, path) == followed


def test_the_date_is_that_of_the_version_until_another_follows(
    client: FlaskClient, path: str, clock: Clock
) -> None:
    clock.advance(hours=1)
    before = client.get(f"{path}/revision/1", auth=RICK).headers["Last-Modified"]
    client.delete(path, auth=RICK)
    clock.advance(hours=1)
    restore(client, path, 1)

    after = client.get(f"{path}/revision/1", auth=RICK).headers["Last-Modified"]

    assert before == "Sun, 22 Nov 2026 09:47:45 GMT"
    assert after == "Sun, 22 Nov 2026 10:47:45 GMT"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("number", [1, 5])
@pytest.mark.parametrize("header", ["If-None-Match", "If-Modified-Since"])
def test_what_the_client_has_is_304(
    client: FlaskClient, path: str, clock: Clock, number: int, method: str, header: str
) -> None:
    for title in ("B", "C", "D", "E"):
        clock.advance(hours=1)
        change(client, path, title=title)
    address = f"{path}/revision/{number}"
    shown = client.get(address, auth=RICK).headers
    seen = shown["ETag" if header == "If-None-Match" else "Last-Modified"]

    response = client.open(address, method=method, auth=RICK, headers={header: seen})

    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["ETag"] == shown["ETag"]


@pytest.mark.parametrize("seconds", [0.1, 3600])
def test_the_date_from_before_the_next_version_is_200(
    client: FlaskClient, path: str, clock: Clock, seconds: float
) -> None:
    shown = client.get(f"{path}/revision/1", auth=RICK).headers["Last-Modified"]
    clock.advance(seconds=seconds)
    change(client, path, title="Second!")

    seen = {"If-Modified-Since": shown}
    response = client.get(f"{path}/revision/1", auth=RICK, headers=seen)

    assert (response.status_code, "diff" in response.json["_links"]) == (200, False)
    assert "successor-version" in response.json["_links"]


def test_every_version_has_a_tag_of_its_own_in_each_type(
    client: FlaskClient, whole_life: str
) -> None:
    addresses = [f"{whole_life}/revision/{number}" for number in LINKS]

    tags = {
        client.get(address, auth=RICK, headers=headers).headers["ETag"]
        for address in addresses
        for headers in (HAL, {})
    }

    assert len(tags) == 10


def test_the_tag_of_a_version_is_not_one_of_the_post(client: FlaskClient, path: str) -> None:
    seen = {"If-Match": tag(client, path)}

    assert_problem(client.patch(path, json={"title": "B"}, auth=RICK, headers=seen), 412)


def test_head_has_the_headers_of_get(client: FlaskClient, whole_life: str) -> None:
    expected = client.get(f"{whole_life}/revision/2", auth=RICK)

    response = client.head(f"{whole_life}/revision/2", auth=RICK)

    assert (response.status_code, response.data) == (200, b"")
    assert headers_of(response) == headers_of(expected)


@pytest.mark.parametrize(
    ("sent", "expected"), [({"title": "First!"}, 200), ({"title": 1}, 422), ({"slug": "b"}, 409)]
)
def test_a_write_that_changes_nothing_makes_no_version(
    client: FlaskClient, path: str, sent: dict[str, object], expected: int
) -> None:
    write_post(client, slug="b")

    response = client.patch(path, json=sent, auth=RICK)

    assert response.status_code == expected
    assert_problem(client.get(f"{path}/revision/2", auth=RICK), 404)


def test_versions_of_a_removed_author_stay_for_editors(
    client: FlaskClient, path: str, database: Database
) -> None:
    change(client, path, title="Second!")
    with database.session() as session:
        accounts.remove(session, "rick")

    response = client.get(f"{path}/revision/1", auth=ANN)

    assert (response.json["by"], response.json["authorName"]) == ("rick", "rick")
    assert client.get(path_of(response.json["_links"]["author"])).status_code == 200
    assert_problem(client.get(f"{path}/revision/1", auth=RICK), 401)


def test_author_whose_posts_are_all_deleted_can_be_removed(
    client: FlaskClient, path: str, database: Database
) -> None:
    client.delete(path, auth=RICK)

    with database.session() as session:
        accounts.remove(session, "rick")

    response = client.get(f"{path}/revision/2", auth=ANN)
    assert (response.status_code, response.json["by"]) == (200, "rick")
    assert client.get(path_of(response.json["_links"]["author"])).status_code == 200


def test_editor_who_only_changed_what_others_wrote_can_be_removed(
    client: FlaskClient, path: str, database: Database
) -> None:
    client.patch(path, json={"title": "Ann's"}, auth=ANN)

    with database.session() as session:
        accounts.remove(session, "ann", force=True)

    assert version(client, path, 2)["by"] == "ann"
    assert_problem(client.get(f"{path}/revision/2", auth=ANN), 401)


def test_editor_who_is_one_no_more_sees_only_their_own(
    client: FlaskClient, path: str, database: Database
) -> None:
    client.patch(path, json={"title": "Ann's"}, auth=ANN)
    own = path_of(write_post(client, auth=ANN).headers["Location"])
    with database.session() as session:
        accounts.set_role(session, "ann", "author", force=True)

    statuses = [client.get(f"{p}/revision/1", auth=ANN).status_code for p in (path, own)]

    assert statuses == [403, 200]


def test_versions_are_kept_of_changes_that_the_clock_went_back_for(
    client: FlaskClient, path: str, clock: Clock, database: Database
) -> None:
    clock.advance(hours=-1)
    with database.session() as session:
        post_writes.remove(
            access_for(session, Caller("rick", "author"), clock()), path[6:], Precondition()
        )

    assert version(client, path, 2)["at"] > NOW
    assert unsound(database) == []
    assert_problem(client.get(f"{path}/revision/2", auth=JOE), 404)
