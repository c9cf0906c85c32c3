"""Entity-tags, and writes under a precondition."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from blog.http.application import Application
from tests.cases import cases
from tests.contract import Clock, assert_problem, path_of, write_post
from tests.people import ANN, JOE, RICK

HAL = {"Accept": "application/hal+json"}
# How one state of a post can be seen: each is a representation of its own.
VIEWS: Mapping[str, Mapping[str, Any]] = {
    "json": {},
    "hal": {"headers": HAL},
    "fields": {"query_string": {"fields": "title"}},
    "more fields": {"query_string": {"fields": "title,body,bodyHtml"}},
    "owner": {"auth": RICK},
    "owner hal": {"auth": RICK, "headers": HAL},
}
REPLACED = {"title": "Second!", "body": "Another body."}


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post of RICK."""
    return path_of(write_post(client).headers["Location"])


def tag_of(client: FlaskClient, path: str, view: str = "owner") -> str:
    """The entity-tag of a resource, as it is in its header."""
    return client.get(path, **VIEWS[view]).headers["ETag"]


def put(client: FlaskClient, path: str, **headers: str) -> Any:
    """Replace a post, as its owner, under the preconditions given: ``if_match=…``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.put(path, json=REPLACED, auth=RICK, headers=named)


def test_a_tag_is_strong(client: FlaskClient, path: str) -> None:
    assert re.fullmatch(r'"[\x21\x23-\x7e]+"', tag_of(client, path))


def test_every_representation_has_a_tag_of_its_own(client: FlaskClient, path: str) -> None:
    tags = {tag_of(client, path, view) for view in VIEWS}

    assert len(tags) == len(VIEWS)


def test_the_tag_does_not_change_with_time(client: FlaskClient, clock: Clock, path: str) -> None:
    before = tag_of(client, path)
    clock.advance(days=400)

    assert tag_of(client, path) == before


def test_the_tag_changes_when_content_does(client: FlaskClient, path: str) -> None:
    before = {tag_of(client, path, view) for view in VIEWS}
    assert put(client, path).status_code == 200

    assert before.isdisjoint({tag_of(client, path, view) for view in VIEWS})


def test_a_write_responds_with_the_tag_of_the_next_read(client: FlaskClient, path: str) -> None:
    response = put(client, path)

    assert response.headers["ETag"] == tag_of(client, path)


def test_a_write_that_changes_nothing_leaves_the_tag(client: FlaskClient, path: str) -> None:
    before = tag_of(client, path)
    response = client.patch(path, json={"title": "First!"}, auth=RICK)

    assert response.headers["ETag"] == before == tag_of(client, path)


def test_posts_alike_have_different_tags(client: FlaskClient) -> None:
    tags = {write_post(client, slug=f"slug-{n}").headers["ETag"] for n in range(5)}

    assert len(tags) == 5


@cases("view", VIEWS)
def test_the_tag_of_any_representation_of_the_present_state_matches(
    client: FlaskClient, path: str, view: str
) -> None:
    response = put(client, path, if_match=tag_of(client, path, view))

    assert response.status_code == 200


@pytest.mark.parametrize("view", VIEWS)
def test_the_tag_of_an_earlier_state_is_412_with_the_present_one(
    client: FlaskClient, path: str, view: str
) -> None:
    seen = tag_of(client, path, view)
    client.patch(path, json={"summary": "Changed meanwhile."}, auth=RICK)
    response = put(client, path, if_match=seen)

    assert_problem(response, 412)
    assert response.headers["ETag"] == tag_of(client, path)
    assert client.get(path).json["title"] == "First!"


def test_the_tag_in_a_412_is_that_of_the_type_asked_for(client: FlaskClient, path: str) -> None:
    response = client.put(
        path, json=REPLACED, auth=RICK, headers={**HAL, "If-Match": '"something else"'}
    )

    assert_problem(response, 412)
    assert response.headers["ETag"] == tag_of(client, path, "owner hal")


@cases("condition", ["*", "{}", '"a", {}, "b"', '"a",{}', ' {} , W/"a"'])
def test_if_match_holds(client: FlaskClient, path: str, condition: str) -> None:
    response = put(client, path, if_match=condition.format(tag_of(client, path)))

    assert response.status_code == 200


@cases(
    "condition",
    ["W/{}", "", '""', '"*"', '"1"', '"a", "b"', '"0"', '"-1"', '"é"', '"\'; --"', "W/{}, W/{}"],
)
def test_if_match_does_not_hold(client: FlaskClient, path: str, condition: str) -> None:
    tag = tag_of(client, path)
    response = put(client, path, if_match=condition.format(tag, tag))

    assert_problem(response, 412)
    assert tag_of(client, path) == tag


@cases("digits", ["9" * 15, "9" * 19, "9" * 400, "0" * 400, "٣"])
def test_a_tag_with_other_numbers_in_it_does_not_hold(
    client: FlaskClient, path: str, digits: str
) -> None:
    response = put(client, path, if_match=re.sub(r"\d+", digits, tag_of(client, path)))

    assert_problem(response, 412)


def test_the_tag_of_another_post_does_not_hold(client: FlaskClient, path: str) -> None:
    other = path_of(write_post(client).headers["Location"])
    tags = ", ".join(tag_of(client, other, view) for view in VIEWS)

    assert_problem(put(client, path, if_match=tags), 412)


def test_the_tag_of_another_resource_does_not_hold(client: FlaskClient, path: str) -> None:
    others = ("/", "/post", "/author", "/author/rick", "/tag")
    tags = ", ".join(tag_of(client, other) for other in others)

    assert_problem(put(client, path, if_match=tags), 412)


@pytest.mark.parametrize("condition", ["*", '"a"'])
def test_a_precondition_on_a_missing_resource_is_404(client: FlaskClient, condition: str) -> None:
    assert_problem(put(client, "/post/" + "0" * 32, if_match=condition), 404)


def test_someone_elses_post_is_403_whatever_the_precondition(
    client: FlaskClient, path: str
) -> None:
    response = client.delete(path, auth=JOE, headers={"If-Match": '"a"'})

    assert_problem(response, 403)


def test_the_first_of_two_who_saw_the_same_state_wins(client: FlaskClient, path: str) -> None:
    seen = {"If-Match": tag_of(client, path)}
    first = client.patch(path, json={"title": "By an editor"}, auth=ANN, headers=seen)
    second = client.patch(path, json={"title": "By the author"}, auth=RICK, headers=seen)

    assert (first.status_code, second.status_code) == (200, 412)
    assert client.get(path).json["title"] == "By an editor"


def test_delete_with_the_present_tag_is_204(client: FlaskClient, path: str) -> None:
    response = client.delete(path, auth=RICK, headers={"If-Match": tag_of(client, path)})

    assert response.status_code == 204


def test_delete_with_an_earlier_tag_is_412(client: FlaskClient, path: str) -> None:
    seen = tag_of(client, path)
    put(client, path)
    response = client.delete(path, auth=RICK, headers={"If-Match": seen})

    assert_problem(response, 412)
    assert response.headers["ETag"] == tag_of(client, path)


def test_a_profile_has_preconditions_too(client: FlaskClient) -> None:
    seen = tag_of(client, "/author/rick")
    client.put("/author/rick", json={"bio": "Changed meanwhile."}, auth=RICK)
    response = client.patch(
        "/author/rick", json={"bio": "Mine."}, auth=RICK, headers={"If-Match": seen}
    )

    assert_problem(response, 412)
    assert response.headers["ETag"] == tag_of(client, "/author/rick")


def test_if_unmodified_since_the_last_change_holds(
    client: FlaskClient, clock: Clock, path: str
) -> None:
    seen = client.get(path).headers["Last-Modified"]
    clock.advance(days=1)

    assert seen == "Sun, 22 Nov 2026 09:47:45 GMT"
    assert put(client, path, if_unmodified_since=seen).status_code == 200


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.1, 412), (1, 412), (86400, 412)], ids=["same second", "1", "day"]
)
def test_if_unmodified_since_does_not_hold_after_a_change(
    client: FlaskClient, clock: Clock, path: str, seconds: float, expected: int
) -> None:
    seen = client.get(path).headers["Last-Modified"]
    clock.advance(seconds=seconds)
    client.patch(path, json={"summary": "Changed meanwhile."}, auth=RICK)

    assert_problem(put(client, path, if_unmodified_since=seen), expected)


def test_if_unmodified_since_holds_again_for_a_change_in_a_second_of_its_own(
    client: FlaskClient, clock: Clock, path: str
) -> None:
    for seconds in (0.1, 0.1, 1):
        clock.advance(seconds=seconds)
        client.patch(path, json={"summary": f"{clock.now}"}, auth=RICK)
    seen = client.get(path).headers["Last-Modified"]

    assert put(client, path, if_unmodified_since=seen).status_code == 200


def test_if_unmodified_since_an_earlier_day_does_not_hold(client: FlaskClient, path: str) -> None:
    response = put(client, path, if_unmodified_since="Sat, 21 Nov 2026 09:47:45 GMT")

    assert_problem(response, 412)
    assert response.headers["ETag"] == tag_of(client, path)


@pytest.mark.parametrize(
    "date",
    [
        *("yesterday", "", "2026-11-21", "Fri, 31 Dec 9999 23:59:59 GMT"),
        f"Fri, 31 Dec 2026 {'9' * 20}:59:59 GMT",
    ],
)
def test_an_invalid_date_is_not_a_precondition(client: FlaskClient, path: str, date: str) -> None:
    assert put(client, path, if_unmodified_since=date).status_code == 200


def test_if_match_makes_if_unmodified_since_void(client: FlaskClient, path: str) -> None:
    long_ago = "Sat, 21 Nov 2020 09:47:45 GMT"
    response = put(client, path, if_match=tag_of(client, path), if_unmodified_since=long_ago)

    assert response.status_code == 200


@cases("method", ["PUT", "PATCH", "DELETE"])
@cases("condition", ["*", "{}", 'W/{}, "a"'])
def test_if_none_match_refuses_the_state_that_it_names(
    client: FlaskClient, path: str, method: str, condition: str
) -> None:
    named = {"If-None-Match": condition.format(tag_of(client, path))}
    body = None if method == "DELETE" else REPLACED
    response = client.open(path, method=method, json=body, auth=RICK, headers=named)

    assert_problem(response, 412)
    assert client.get(path).json["title"] == "First!"


def test_if_none_match_lets_every_other_state_pass(client: FlaskClient, path: str) -> None:
    assert put(client, path, if_none_match='"a", "b"').status_code == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 201),
        ({"If-Match": "*"}, 201),
        ({"If-Match": '"a"'}, 412),
        ({"If-Match": ""}, 412),
        ({"If-None-Match": "*"}, 412),
        ({"If-None-Match": '"a"'}, 201),
    ],
)
def test_a_list_holds_only_to_preconditions_that_need_no_version(
    client: FlaskClient, headers: dict[str, str], expected: int
) -> None:
    response = client.post("/post", json=REPLACED, auth=RICK, headers=headers)
    stored = client.get("/post").json["data"]

    assert (response.status_code, len(stored)) == (expected, 1 if expected == 201 else 0)


def test_a_list_does_not_hold_to_its_own_tag(client: FlaskClient) -> None:
    seen = {"If-Match": tag_of(client, "/post")}

    assert_problem(client.post("/post", json=REPLACED, auth=RICK, headers=seen), 412)


@pytest.fixture
def strict(make_app: Callable[..., Application]) -> FlaskClient:
    """A client of a blog that requires preconditions."""
    return make_app(require_if_match=True).test_client()


CHANGES = [
    (kind, method)
    for kind, methods in (("post", ("PUT", "PATCH", "DELETE")), ("author", ("PUT", "PATCH")))
    for method in methods
]
BODIES: Mapping[str, Mapping[str, str]] = {"post": REPLACED, "author": {"bio": "Mine."}}


def change(client: FlaskClient, kind: str, method: str, headers: Mapping[str, str]) -> Any:
    """Change a post or a profile of RICK; ``{}`` in a header stands for its entity-tag."""
    path = path_of(write_post(client).headers["Location"])
    path = path if kind == "post" else "/author/rick"
    tag = tag_of(client, path)
    filled = {name: value.format(tag) for name, value in headers.items()}
    body = None if method == "DELETE" else BODIES[kind]
    return client.open(path, method=method, json=body, auth=RICK, headers=filled)


@cases(("kind", "method"), CHANGES)
@cases("headers", [{}, {"If-None-Match": '"a"'}, {"If-Unmodified-Since": "yesterday"}])
def test_a_change_without_a_precondition_is_428_where_one_is_required(
    strict: FlaskClient, kind: str, method: str, headers: dict[str, str]
) -> None:
    assert_problem(change(strict, kind, method, headers), 428)


@cases(("kind", "method"), CHANGES)
@cases(
    "headers",
    [
        {"If-Match": "{}"},
        {"If-Match": "*"},
        {"If-Unmodified-Since": "Sun, 22 Nov 2026 09:47:46 GMT"},
    ],
)
def test_a_change_with_a_precondition_is_made_where_one_is_required(
    strict: FlaskClient, kind: str, method: str, headers: dict[str, str]
) -> None:
    response = change(strict, kind, method, headers)

    assert response.status_code in (200, 204)
