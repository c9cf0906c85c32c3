"""The 412 of a late write: the current entity-tag, and the fields that have changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.cases import cases
from tests.contract import WRITTEN, Clock, assert_problem, create
from tests.people import ANN, RICK

BEFORE: Mapping[str, Any] = {
    "title": "Before",
    "body": "*Before*",
    "format": "markdown",
    "summary": None,
    "tags": ["a", "b"],
    "status": "published",
    "slug": "before",
    "postedDate": "2026-01-02T00:00:00.000000Z",
}
HAL = {"Accept": "application/hal+json"}
METHODS = ["PUT", "PATCH", "DELETE", "POST"]
NONSENSE = ['"a"', '""', "W/{}", '"1"', '"99.aaaaaaaa-aaaaaaaaaaaa"']


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post of Rick."""
    return create(client, **BEFORE)


def tag_of(client: FlaskClient, path: str, headers: Mapping[str, str] | None = None) -> str:
    """The entity-tag of a resource as Rick sees it."""
    return client.get(path, auth=RICK, headers=headers).headers["ETag"]


def edit(client: FlaskClient, path: str, **fields: Any) -> str:
    """Change a post; return its previous entity-tag."""
    seen = tag_of(client, path)
    response = client.patch(path, json=fields, auth=ANN)
    assert response.status_code == 200, response.text
    assert response.headers["ETag"] != seen
    return seen


def write(client: FlaskClient, path: str, method: str = "PUT", **headers: str) -> TestResponse:
    """Replace, change, delete or restore a post under a precondition: ``if_match=…``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if method == "POST":
        return client.post(f"{path}/revision", json={"restore": 1}, auth=RICK, headers=named)
    body = None if method == "DELETE" else {"title": "Mine", "body": "Mine."}
    return client.open(path, method=method, json=body, auth=RICK, headers=named)


def changed(response: TestResponse) -> object:
    """The changed fields that a 412 names."""
    return assert_problem(response, 412)["changed"]


@pytest.mark.parametrize("field", WRITTEN)
def test_a_late_write_gets_the_name_of_the_changed_field(
    client: FlaskClient, path: str, field: str
) -> None:
    seen = edit(client, path, **{field: WRITTEN[field]})
    response = write(client, path, if_match=seen)

    assert changed(response) == [field]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fields", [("body", "summary", "slug"), tuple(WRITTEN)])
def test_every_changed_field_is_named_once(
    client: FlaskClient, path: str, method: str, fields: tuple[str, ...]
) -> None:
    seen = tag_of(client, path)
    # One after the other, the last of them twice.
    for field in fields:
        edit(client, path, **{field: WRITTEN[field]})
    edit(client, path, **{fields[-1]: BEFORE[fields[-1]]})
    edit(client, path, **{fields[-1]: WRITTEN[fields[-1]]})
    response = write(client, path, method, if_match=seen)

    assert changed(response) == list(fields)


@pytest.mark.parametrize(
    ("field", "value"), [("tags", ["b", "a"]), ("tags", ["A", "b"]), ("summary", ""), ("body", "")]
)
def test_a_small_change_is_named_too(
    client: FlaskClient, path: str, field: str, value: object
) -> None:
    seen = edit(client, path, **{field: value})

    assert changed(write(client, path, if_match=seen)) == [field]


@cases("method", METHODS)
def test_nothing_has_changed_after_a_change_back(
    client: FlaskClient, path: str, method: str
) -> None:
    seen = edit(client, path, title="Meanwhile", tags=[])
    edit(client, path, title=BEFORE["title"], tags=BEFORE["tags"])

    assert changed(write(client, path, method, if_match=seen)) == []


def test_a_deletion_that_was_undone_has_changed_nothing(client: FlaskClient, path: str) -> None:
    seen = tag_of(client, path)
    client.delete(path, auth=RICK)
    client.post(f"{path}/revision", json={"restore": 1}, auth=RICK)

    assert changed(write(client, path, if_match=seen)) == []


def test_an_older_version_differs_in_more(client: FlaskClient, path: str) -> None:
    first = edit(client, path, title="Second")
    second = edit(client, path, body="Third")

    assert changed(write(client, path, if_match=first)) == ["title", "body"]
    assert changed(write(client, path, if_match=second)) == ["body"]


@pytest.mark.parametrize("form", ["{0}, {1}", "{1}, {0}", '"a", {1},{0}', '{0}, {1}, W/"b"'])
def test_of_several_tags_the_newest_known_counts(client: FlaskClient, path: str, form: str) -> None:
    first = edit(client, path, title="Second")
    second = edit(client, path, body="Third")
    response = write(client, path, if_match=form.format(first, second))

    assert changed(response) == ["body"]


@pytest.mark.parametrize("headers", [HAL, {"Accept": "application/json"}])
def test_a_tag_of_any_representation_names_its_version(
    client: FlaskClient, path: str, headers: Mapping[str, str]
) -> None:
    seen = [tag_of(client, path, headers), client.get(f"{path}?fields=slug").headers["ETag"]]
    edit(client, path, title="Second")
    fields = [changed(write(client, path, if_match=tag)) for tag in seen]

    assert fields == [["title"], ["title"]]


def test_the_tag_of_the_history_names_the_version_of_the_post(
    client: FlaskClient, path: str
) -> None:
    seen = tag_of(client, f"{path}/revision")
    edit(client, path, title="Second")

    assert changed(write(client, path, if_match=seen)) == ["title"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("accept", [{}, HAL], ids=["json", "hal"])
def test_the_etag_is_the_present_one_as_in_its_header(
    client: FlaskClient, path: str, method: str, accept: dict[str, str]
) -> None:
    seen = edit(client, path, title="Second")
    response = write(client, path, method, if_match=seen, **accept)

    assert assert_problem(response, 412)["etag"] == response.headers["ETag"] != seen
    assert write(client, path, method, if_match=response.headers["ETag"]).status_code < 300


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_the_etag_is_that_of_a_read(client: FlaskClient, path: str, method: str) -> None:
    seen = edit(client, path, title="Second")
    response = write(client, path, method, if_match=seen)

    assert response.headers["ETag"] == tag_of(client, path)


@pytest.mark.parametrize("tag", NONSENSE)
def test_a_tag_that_names_no_version_has_no_changes(
    client: FlaskClient, path: str, tag: str
) -> None:
    edit(client, path, title="Second")
    present = tag_of(client, path)
    problem = assert_problem(write(client, path, if_match=tag.format(present)), 412)

    assert "etag" in problem
    assert "changed" not in problem


@pytest.mark.parametrize("method", METHODS)
def test_a_tag_of_another_post_has_no_changes(client: FlaskClient, path: str, method: str) -> None:
    other = tag_of(client, create(client))
    edit(client, path, title="Second")

    assert "changed" not in assert_problem(write(client, path, method, if_match=other), 412)


@cases("method", ["PUT", "PATCH", "DELETE"])
def test_a_state_that_is_not_wanted_has_no_changes(
    client: FlaskClient, path: str, method: str
) -> None:
    present = tag_of(client, path)
    problem = assert_problem(write(client, path, method, if_none_match=present), 412)

    assert problem["etag"] == present
    assert "changed" not in problem


@pytest.mark.parametrize("method", METHODS)
def test_a_date_names_the_version_of_then(
    client: FlaskClient, clock: Clock, path: str, method: str
) -> None:
    for field in ("title", "summary", "body"):
        clock.advance(seconds=10)
        edit(client, path, **{field: WRITTEN[field]})
    # One second before the last change, and so nine after the one before it.
    seen = "Sun, 22 Nov 2026 09:48:14 GMT"
    response = write(client, path, method, if_unmodified_since=seen)

    assert changed(response) == ["body"]


def test_the_date_of_a_version_names_it(client: FlaskClient, clock: Clock, path: str) -> None:
    seen = client.get(path).headers["Last-Modified"]
    clock.advance(seconds=1)
    edit(client, path, title="Second")

    assert changed(write(client, path, if_unmodified_since=seen)) == ["title"]


def test_a_date_before_the_post_has_no_changes(client: FlaskClient, path: str) -> None:
    response = write(client, path, if_unmodified_since="Sun, 22 Nov 2026 09:47:44 GMT")
    problem = assert_problem(response, 412)

    assert problem["etag"] == tag_of(client, path)
    assert "changed" not in problem


def test_a_date_that_may_name_either_of_two_versions_has_no_changes(
    client: FlaskClient, clock: Clock, path: str
) -> None:
    seen = client.get(path).headers["Last-Modified"]
    clock.advance(seconds=0.1)
    edit(client, path, title="Second")
    response = write(client, path, if_unmodified_since=seen)

    assert "changed" not in assert_problem(response, 412)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_profile_has_its_etag_and_no_changes(client: FlaskClient, method: str) -> None:
    seen = tag_of(client, "/author/rick")
    client.put("/author/rick", json={"bio": "Second."}, auth=RICK)
    named = {"If-Match": seen}
    response = client.open(
        "/author/rick", method=method, json={"bio": "Mine."}, auth=RICK, headers=named
    )
    problem = assert_problem(response, 412)

    assert problem["etag"] == response.headers["ETag"] == tag_of(client, "/author/rick")
    assert "changed" not in problem


@pytest.mark.parametrize("suffix", ["", "/revision", "/revision/1"])
def test_a_read_of_what_has_changed_has_the_etag_alone(
    client: FlaskClient, path: str, suffix: str
) -> None:
    seen = tag_of(client, f"{path}{suffix}")
    edit(client, path, title="Second")
    response = client.get(f"{path}{suffix}", auth=RICK, headers={"If-Match": seen})
    problem = assert_problem(response, 412)

    assert problem["etag"] == response.headers["ETag"] == tag_of(client, f"{path}{suffix}")
    assert "changed" not in problem


def test_a_restore_of_a_deleted_post_gets_its_current_tag(client: FlaskClient, path: str) -> None:
    seen = tag_of(client, path)
    client.delete(path, auth=RICK)
    response = write(client, path, "POST", if_match=seen)

    assert assert_problem(response, 412)["etag"] == response.headers["ETag"]
    assert write(client, path, "POST", if_match=response.headers["ETag"]).status_code == 201


def test_a_list_has_no_changes(client: FlaskClient, path: str) -> None:
    named = {"If-Match": tag_of(client, path)}
    response = client.post("/post", json={"title": "N", "body": ""}, auth=RICK, headers=named)

    assert "changed" not in assert_problem(response, 412)


def test_a_conflict_can_be_resolved_by_what_the_412_says(client: FlaskClient, path: str) -> None:
    seen = edit(client, path, title="Theirs")
    refused = write(client, path, "PATCH", if_match=seen)
    mine = {"body": "Mine."}
    assert set(mine).isdisjoint(assert_problem(refused, 412)["changed"])
    client.patch(path, json=mine, auth=RICK, headers={"If-Match": refused.headers["ETag"]})

    merged = client.get(path).json
    assert (merged["title"], merged["body"]) == ("Theirs", "Mine.")


@cases("header", ["If-Match", "If-None-Match"])
@cases("version", [2**31, 10**15 - 1])
@cases("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_a_tag_of_a_version_beyond_all_numbers_is_of_none(
    client: FlaskClient, header: str, version: int, method: str
) -> None:
    path = create(client)
    tag = client.get(path).headers["ETag"].replace("1.", f"{version}.", 1)
    target, body = (f"{path}/revision", {"restore": 1}) if method == "POST" else (path, {})
    body = body or {"title": "New", "body": "Text"}

    response = client.open(target, method=method, json=body, headers={header: tag}, auth=RICK)

    assert response.status_code == (
        412 if header == "If-Match" else 204 if method == "DELETE" else 200
    )
