"""Restoring: a version of a post becomes current again, as a new one, even after a deletion."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.content.authors import Caller
from blog.database.database import Database
from blog.errors import Forbidden
from blog.http.application import Application
from blog.maintenance.integrity import faults as unsound
from blog.storage import accounts
from blog.storage.preconditions import Precondition
from blog.storage.restoration import Restoration
from tests.access import access_for
from tests.cases import cases
from tests.contract import WRITTEN, Clock, assert_problem, create, faults, headers_of, read
from tests.people import ANN, JOE, RICK
from tests.resources.versions import Auth, numbers, send_restore
from tests.servers.serving import TIMEOUT

BEFORE = "Sun, 22 Nov 2026 08:00:00 GMT"
ROUNDS = 2


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a draft of RICK: version 1 is WRITTEN, version 2 has another title and tag."""
    made = create(client, **WRITTEN)
    client.patch(made, json={"title": "Second!", "tags": ["new"]}, auth=RICK)
    return made


@pytest.fixture
def deleted(client: FlaskClient, path: str) -> str:
    """The path of the same post after its deletion, which is version 3."""
    assert client.delete(path, auth=RICK).status_code == 204
    return path


@pytest.fixture(params=["path", "deleted"])
def either(request: pytest.FixtureRequest) -> str:
    """The path of that post, before its deletion and after it."""
    found: str = request.getfixturevalue(request.param)
    return found


def test_restoring_makes_a_new_version_and_says_where(client: FlaskClient, path: str) -> None:
    response = send_restore(client, path)

    expected = client.get(f"{path}/revision/3", auth=RICK)
    assert (response.status_code, response.json) == (201, expected.json)
    assert response.headers["Location"] == f"http://localhost{path}/revision/3"
    assert response.headers["ETag"] == expected.headers["ETag"]


def test_all_that_was_written_is_there_again(client: FlaskClient, either: str) -> None:
    was_there = client.get(either, auth=RICK).status_code == 200

    restored = send_restore(client, either).json

    assert restored["operation"] == ("updated" if was_there else "created")
    assert WRITTEN.items() <= restored.items()
    assert WRITTEN.items() <= read(client, either).items()


def test_undeleted_post_stands_where_it_stood(client: FlaskClient, clock: Clock) -> None:
    # What has no posted date stands by the date of its creation, which nothing else shows.
    made = []
    for title in "ABC":
        made.append(create(client, title=title, status="draft"))
        clock.advance(hours=1)
    client.delete(made[1], auth=RICK)
    send_restore(client, made[1])

    listed = client.get("/post?status=draft", auth=RICK).json["data"]

    assert [post["title"] for post in listed] == ["C", "B", "A"]


def test_post_can_be_deleted_and_restored_again(
    client: FlaskClient, deleted: str, database: Database
) -> None:
    send_restore(client, deleted, 2)
    client.delete(deleted, auth=RICK)

    response = send_restore(client, deleted, 4)

    assert (response.status_code, response.json["version"]) == (201, 6)
    assert read(client, deleted)["title"] == "Second!"
    assert unsound(database) == []


def test_restored_tags_are_found_and_others_are_not(client: FlaskClient, either: str) -> None:
    send_restore(client, either)

    found = [
        len(client.get(f"/post?tag={tag}", auth=RICK).json["data"])
        for tag in ("web", "PYTHON", "new")
    ]

    assert found == [1, 1, 0]
    assert len(client.get("/tag", auth=RICK).json["data"]) == 2


def test_readers_see_what_was_published_as_before(client: FlaskClient) -> None:
    path = create(client, tags=["t"])
    before = client.get(path).json
    client.delete(path, auth=RICK)

    send_restore(client, path)

    assert client.get(path).json == before
    assert len(client.get("/post?tag=t").json["data"]) == 1


def test_restoring_a_draft_hides_the_post(client: FlaskClient, path: str) -> None:
    client.patch(path, json={"status": "published"}, auth=RICK)

    send_restore(client, path)

    assert_problem(client.get(path), 404)


@pytest.mark.parametrize("number", [2, 4])
def test_what_the_post_says_already_makes_no_version(
    client: FlaskClient, path: str, clock: Clock, number: int
) -> None:
    send_restore(client, path, 1)
    send_restore(client, path, 2)
    before = client.get(path, auth=RICK)
    clock.advance(hours=1)

    response = send_restore(client, path, number)

    assert (response.status_code, response.json["version"]) == (200, 4)
    assert "Location" not in response.headers
    assert headers_of(client.get(path, auth=RICK)) == headers_of(before)


@cases(
    "number",
    [3, 5, 2**31 - 1, 2**31, 10**30, 0, -1, "1", "", 1.0, 1e30, True, False, None, [1], {}],
)
def test_what_is_no_version_to_restore_is_422(
    client: FlaskClient, either: str, number: object
) -> None:
    before = numbers(client, either)

    response = send_restore(client, either, number)

    assert faults(response, 422).keys() == {"#/restore"}
    assert numbers(client, either) == before


def test_deletion_can_not_be_restored(client: FlaskClient, deleted: str) -> None:
    send_restore(client, deleted)

    assert faults(send_restore(client, deleted, 3), 422) == {"#/restore": "3 is a deletion"}


@cases(
    ("sent", "pointers"),
    [
        ({}, {"#/restore"}),
        ({"Restore": 1}, {"#/restore", "#/Restore"}),
        ({"restore": 1, "title": "x"}, {"#/title"}),
        ({"restore": "1", "title": "x"}, {"#/restore", "#/title"}),
        ([], {"#"}),
    ],
)
def test_body_that_is_no_restoration_is_422(
    client: FlaskClient, path: str, sent: object, pointers: set[str]
) -> None:
    response = client.post(f"{path}/revision", json=sent, auth=RICK)

    assert faults(response, 422).keys() == pointers
    assert numbers(client, path) == [2, 1]


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (None, [401, 401, 401, 401]),
        (JOE, [404, 403, 404, 404]),
        (RICK, [201, 201, 201, 404]),
        (ANN, [201, 201, 201, 404]),
    ],
)
def test_who_may_change_the_post_may_restore_it(
    client: FlaskClient, path: str, auth: Auth, expected: list[int]
) -> None:
    published, deleted = (create(client, title=title) for title in ("B", "C"))
    client.patch(published, json={"title": "Second!"}, auth=RICK)
    client.delete(deleted, auth=RICK)
    paths = (path, published, deleted, "/post/" + "0" * 32)

    statuses = [send_restore(client, of, 1, auth).status_code for of in paths]

    assert statuses == expected
    assert [len(numbers(client, of)) for of in paths[:3]] == [2 + (s == 201) for s in expected[:3]]


def test_editor_brings_back_a_post_and_its_author_stays(
    client: FlaskClient, deleted: str, database: Database
) -> None:
    create(client)
    with database.session() as session:
        accounts.remove(session, "rick")

    restored = send_restore(client, deleted, 1, ANN).json

    assert (restored["by"], restored["authorName"]) == ("ann", "rick")
    assert client.get(deleted, auth=ANN).json["authorName"] == "rick"
    assert_problem(send_restore(client, deleted, 2), 401)


@pytest.mark.parametrize("caller", [Caller("rick", "author"), Caller("ann", "editor")])
def test_who_loses_the_right_meanwhile_restores_nothing(
    client: FlaskClient, either: str, database: Database, clock: Clock, caller: Caller
) -> None:
    create(client)
    before = numbers(client, either)
    with database.session() as session:
        accounts.remove(session, "rick")
        accounts.set_role(session, "ann", "author", force=True)

        with pytest.raises(Forbidden):
            Restoration(access_for(session, caller, clock()), either[6:], Precondition()).restore(1)
        accounts.set_role(session, "ann", "editor")

    assert numbers(client, either) == before


@pytest.mark.parametrize(
    ("taken", "expected"), [(["chosen"], "first"), (["chosen", "first", "first-2"], "first-3")]
)
def test_slug_that_was_taken_meanwhile_is_derived_anew(
    client: FlaskClient, either: str, taken: list[str], expected: str
) -> None:
    client.patch(either, json={"slug": "another"}, auth=RICK)
    for slug in taken:
        create(client, slug=slug)

    first, second = (send_restore(client, either) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json["slug"] == read(client, either)["slug"] == expected


def seen(client: FlaskClient, address: str, kind: str) -> dict[str, str]:
    """A precondition that holds while a post, or the list of its versions, is as it is."""
    headers = client.get(address, auth=RICK).headers
    if kind == "tag":
        return {"if_match": headers["ETag"]}
    return {"if_unmodified_since": headers["Last-Modified"]}


@pytest.mark.parametrize("kind", ["tag", "date"])
@pytest.mark.parametrize("rest", ["", "/revision"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_precondition_of_an_earlier_state_is_412_with_the_present_one(
    client: FlaskClient, path: str, clock: Clock, method: str, rest: str, kind: str
) -> None:
    stale = seen(client, path + rest, kind)
    clock.advance(hours=1)
    client.open(path, method=method, json={"title": "Third!", "slug": "x"}, auth=RICK)

    response = send_restore(client, path, 1, **stale)

    assert assert_problem(response, 412)["etag"] == response.headers["ETag"]
    assert numbers(client, path) == [3, 2, 1]
    assert send_restore(client, path, 1, if_match=response.headers["ETag"]).status_code == 201


@pytest.mark.parametrize("kind", ["tag", "date"])
@pytest.mark.parametrize(
    ("method", "rest"), [("PATCH", ""), ("PATCH", "/revision"), ("DELETE", "/revision")]
)
def test_precondition_of_the_present_state_holds(
    client: FlaskClient, path: str, clock: Clock, method: str, rest: str, kind: str
) -> None:
    clock.advance(hours=1)
    client.open(path, method=method, json={"title": "Third!"}, auth=RICK)
    condition = seen(client, path + rest, kind)
    clock.advance(hours=1)

    assert send_restore(client, path, **condition).status_code == 201


@pytest.mark.parametrize("kind", ["tag", "date"])
def test_what_would_change_nothing_is_412_in_another_state(
    client: FlaskClient, path: str, clock: Clock, kind: str
) -> None:
    stale = seen(client, path, kind)
    clock.advance(hours=1)
    send_restore(client, path, 1)

    assert_problem(send_restore(client, path, 1, **stale), 412)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("if_match", "*", 201),
        ("if_match", "W/{}", 412),
        ("if_match", '"a", {}', 201),
        ("if_none_match", "*", 412),
        ("if_none_match", "{}", 412),
        ("if_unmodified_since", BEFORE, 412),
    ],
)
def test_preconditions_are_read_as_elsewhere(
    client: FlaskClient, either: str, name: str, value: str, expected: int
) -> None:
    tag = client.get(f"{either}/revision", auth=RICK).headers["ETag"]

    response = send_restore(client, either, **{name: value.format(tag)})

    assert response.status_code == expected


def test_tag_of_another_post_or_of_a_version_does_not_hold(
    client: FlaskClient, either: str
) -> None:
    others = [f"{create(client)}/revision", *(f"{either}/revision/{n}" for n in (1, 2))]
    tags = ", ".join(client.get(other, auth=RICK).headers["ETag"] for other in others)

    assert_problem(send_restore(client, either, if_match=tags), 412)


def test_no_precondition_is_required(make_app: Callable[..., Application]) -> None:
    strict = make_app(require_if_match=True).test_client()

    assert send_restore(strict, create(strict)).status_code == 200


@pytest.fixture
def pair(make_app: Callable[..., Application]) -> list[FlaskClient]:
    """Clients of two applications on one database."""
    return [make_app().test_client() for _ in range(2)]


def at_once(pair: list[FlaskClient], *paths: str, **headers: str) -> list[TestResponse]:
    """Restore version 1 of two posts at the same time; the answers, sorted by status."""
    together = Barrier(2, timeout=TIMEOUT)

    def send(client: FlaskClient, path: str) -> TestResponse:
        client.get("/", auth=RICK)
        together.wait()
        return send_restore(client, path, **headers)

    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(send, pair, paths), key=lambda answer: answer.status_code)


@pytest.mark.slow
@pytest.mark.parametrize("_round", range(ROUNDS))
def test_two_restores_at_once_make_one_version(
    client: FlaskClient, either: str, database: Database, pair: list[FlaskClient], _round: int
) -> None:
    before = numbers(client, either)

    answers = at_once(pair, either, either)

    assert [answer.status_code for answer in answers] == [200, 201], answers[1].text
    assert numbers(client, either) == [before[0] + 1, *before]
    assert unsound(database) == []


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_two_deleted_posts_of_one_slug_come_back_at_once(
    client: FlaskClient, pair: list[FlaskClient], _round: int
) -> None:
    paths = []
    for _ in pair:
        paths.append(create(client, slug="same"))
        client.delete(paths[-1], auth=RICK)

    answers = at_once(pair, *paths)

    assert [answer.status_code for answer in answers] == [201, 201], answers[1].text
    assert {answer.json["slug"] for answer in answers} == {"same", "first"}
