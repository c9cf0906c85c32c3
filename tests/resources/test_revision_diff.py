"""How a version of a post differs from the one before it: a JSON Patch (RFC 6902)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonpatch
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.utils import parse_header_links

from blog.content.posts import PostContent
from blog.content.revisions import difference
from tests.cases import cases
from tests.contract import WRITTEN, Clock, assert_problem, create, faults, headers_of, path_of
from tests.people import ANN, RICK

BASE = "http://localhost"
JSON = "application/json"
HAL = "application/hal+json"
PATCH = "application/json-patch+json"

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
# Few different tags, so that one list is another in a new order, with some left out or added.
TAGS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "~", "/"]), unique=True)
DATES = st.datetimes(datetime(1970, 1, 1), datetime(2400, 1, 1), timezones=st.just(UTC))
# What a client writes, most of it often the same as in another one.
CONTENTS = st.fixed_dictionaries(
    {
        "title": TEXTS.map(lambda text: f"t{text}t"),
        "body": TEXTS,
        "format": st.sampled_from(["markdown", "html", "text"]),
        "summary": st.none() | st.just("") | TEXTS,
        "tags": TAGS,
        "status": st.sampled_from(["published", "draft"]),
    }
)
HTTP = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post of RICK, with all fields, of which there is one version."""
    return create(client, **WRITTEN)


def change(client: FlaskClient, path: str, **fields: Any) -> None:
    """Make a new version of a post."""
    assert client.patch(path, json=fields, auth=RICK).status_code == 200


def written(client: FlaskClient, path: str, number: int) -> dict[str, Any]:
    """What a client had written of a version."""
    found = client.get(f"{path}/revision/{number}", auth=RICK).json
    return {name: found[name] for name in WRITTEN}


def diff(client: FlaskClient, path: str, number: int = 2) -> Any:
    """The patch that makes a version of the one before."""
    response = client.get(f"{path}/revision/{number}/diff", auth=RICK)
    assert response.status_code == 200, response.text
    return response.get_json(force=True)


def test_diff_is_a_patch_of_what_has_changed_alone(client: FlaskClient, path: str) -> None:
    change(client, path, title="Second!")

    assert diff(client, path) == [{"op": "replace", "path": "/title", "value": "Second!"}]


@pytest.mark.parametrize(
    "fields",
    [
        {"body": ""},
        {"format": "text", "summary": None},
        {"summary": ""},
        {"tags": []},
        {"tags": ["python", "Web"]},
        {"tags": ["web", "python"]},
        {"tags": ["new", "python", "Web", "last"]},
        {"status": "published"},
        {"slug": "other"},
        {"postedDate": "2026-01-01T00:00:00.000001Z"},
        {"title": "~/", "body": "é\u2028🎉", "slug": "é"},
    ],
)
def test_diff_makes_each_version_of_the_one_before(
    client: FlaskClient, path: str, fields: dict[str, Any]
) -> None:
    change(client, path, **fields)

    patched = jsonpatch.apply_patch(written(client, path, 1), diff(client, path))

    assert patched == written(client, path, 2) == {**WRITTEN, **fields}


def test_diff_touches_no_field_of_the_server(client: FlaskClient, path: str, clock: Clock) -> None:
    clock.advance(hours=1)
    client.patch(path, json={"status": "published", "tags": ["a"], "title": "Ann's"}, auth=ANN)

    touched = {operation["path"].split("/")[1] for operation in diff(client, path)}

    assert touched == {"status", "tags", "title"}


def test_each_diff_is_of_its_own_version(client: FlaskClient, path: str) -> None:
    change(client, path, title="Second!")
    change(client, path, body="Third!")

    values = [[step["value"] for step in diff(client, path, number)] for number in (2, 3)]

    assert values == [["Second!"], ["Third!"]]


def version(content: dict[str, Any], slug: str, posted_date: datetime | None) -> PostContent:
    """A version in which this was written."""
    written = {**content, "tags": tuple(content["tags"]), "slug": slug, "posted_date": posted_date}
    return PostContent.model_construct(**written)


def as_written(content: PostContent) -> dict[str, Any]:
    """What a client would have sent, by a rule of this test's own."""
    date = content.posted_date and content.posted_date.isoformat(timespec="microseconds")
    names = ("title", "body", "format", "summary", "status", "slug")
    return {
        **{name: getattr(content, name) for name in names},
        "tags": list(content.tags),
        "postedDate": date and date.replace("+00:00", "Z"),
    }


VERSIONS = st.builds(version, CONTENTS, st.sampled_from(["a", "b"]), st.none() | DATES)


@pytest.mark.long
@settings(max_examples=1000, deadline=None)
@given(VERSIONS, VERSIONS)
def test_diff_of_any_two_versions_makes_one_of_the_other(
    before: PostContent, after: PostContent
) -> None:
    operations = json.loads(json.dumps(difference(before, after)))

    assert jsonpatch.apply_patch(as_written(before), operations) == as_written(after)


@given(VERSIONS)
def test_versions_alike_do_not_differ(content: PostContent) -> None:
    assert difference(content, content) == []


@pytest.mark.long
@HTTP
@given(CONTENTS, CONTENTS)
def test_diff_of_any_two_posts_makes_one_of_the_other(
    client: FlaskClient, before: dict[str, Any], after: dict[str, Any]
) -> None:
    path = create(client, **before)
    # A new slug makes sure that there are two versions.
    response = client.put(path, json={**after, "slug": path[-32:]}, auth=RICK)
    assert response.status_code == 200, response.text

    patched = jsonpatch.apply_patch(written(client, path, 1), diff(client, path))

    assert patched == written(client, path, 2)
    assert {name: patched[name] for name in after} == after


@HTTP
@given(CONTENTS, CONTENTS)
def test_diff_sent_as_a_patch_does_the_change_again(
    client: FlaskClient, before: dict[str, Any], after: dict[str, Any]
) -> None:
    path = create(client, **before)
    client.put(path, json={**after, "slug": path[-32:]}, auth=RICK)
    operations = json.dumps(diff(client, path))
    client.post(f"{path}/revision", json={"restore": 1}, auth=RICK)

    response = client.patch(path, data=operations, content_type=PATCH, auth=RICK)

    assert response.status_code == 200, response.text
    assert written(client, path, 4) == written(client, path, 2)


def test_diff_after_a_restore_makes_the_restored_version(client: FlaskClient, path: str) -> None:
    change(client, path, title="Second!", tags=["other", "Web"], summary=None)
    client.post(f"{path}/revision", json={"restore": 1}, auth=RICK)

    patched = jsonpatch.apply_patch(written(client, path, 2), diff(client, path, 3))

    assert patched == WRITTEN


@cases(
    ("accept", "expected"),
    [
        ("", PATCH),
        ("*/*", PATCH),
        ("application/*", PATCH),
        (PATCH, PATCH),
        (JSON, JSON),
        (HAL, HAL),
        (f"{PATCH};q=0.1, {JSON}", JSON),
        (f"{PATCH};q=0, */*", JSON),
    ],
)
def test_accept_chooses_the_media_type(
    client: FlaskClient, path: str, accept: str, expected: str
) -> None:
    change(client, path, title="Second!")
    headers = {"Accept": accept}

    response = client.get(f"{path}/revision/2/diff", auth=RICK, headers=headers)

    assert (response.status_code, response.headers["Content-Type"]) == (200, expected)


@cases("accept", ["text/html", "application/merge-patch+json"])
def test_other_media_types_are_406_with_those_that_there_are(
    client: FlaskClient, path: str, accept: str
) -> None:
    change(client, path, title="Second!")
    headers = {"Accept": accept}

    response = client.get(f"{path}/revision/2/diff", auth=RICK, headers=headers)

    assert assert_problem(response, 406)["available"] == [PATCH, JSON, HAL]


def test_json_patch_is_no_media_type_of_a_version(client: FlaskClient, path: str) -> None:
    response = client.get(f"{path}/revision/1", auth=RICK, headers={"Accept": PATCH})

    assert assert_problem(response, 406)["available"] == [JSON, HAL]


def operations_in(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items of a list without their links."""
    return [{name: item[name] for name in item if name != "_links"} for item in items]


LINKS = {
    "self": "{}/revision/2/diff",
    "version-history": "{}/revision",
    "predecessor-version": "{}/revision/1",
}


def test_json_lists_the_operations_with_links(client: FlaskClient, path: str) -> None:
    change(client, path, title="Second!", tags=["a"])

    shown = client.get(f"{path}/revision/2/diff", auth=RICK, headers={"Accept": JSON}).json

    assert shown["_links"] == {name: LINKS[name].format(f"{BASE}{path}") for name in LINKS}
    assert operations_in(shown["data"]) == diff(client, path)


def test_hal_embeds_the_operations(client: FlaskClient, path: str) -> None:
    change(client, path, title="Second!", tags=["a"])

    shown = client.get(f"{path}/revision/2/diff", auth=RICK, headers={"Accept": HAL}).json

    links = {name: {"href": LINKS[name].format(f"{BASE}{path}")} for name in LINKS}
    assert shown["_links"] == links
    assert operations_in(shown["_embedded"]["operations"]) == diff(client, path)


def test_patch_has_its_links_in_the_header(client: FlaskClient, path: str) -> None:
    change(client, path, title="Second!")

    response = client.get(f"{path}/revision/2/diff", auth=RICK)

    named = {link["rel"]: link["url"] for link in parse_header_links(response.headers["Link"])}
    assert named == {name: LINKS[name].format(f"{BASE}{path}") for name in LINKS}


DIFFS = {1: 404, 2: 200, 3: 404, 4: 404, 5: 200}


@cases("number", DIFFS)
def test_there_is_a_diff_where_a_version_links_to_it(
    client: FlaskClient, path: str, number: int
) -> None:
    change(client, path, title="Second!")
    client.delete(path, auth=RICK)
    client.post(f"{path}/revision", json={"restore": 1}, auth=RICK)
    change(client, path, title="Fifth!")
    version = client.get(f"{path}/revision/{number}", auth=RICK).json

    response = client.get(f"{path}/revision/{number}/diff", auth=RICK)

    assert response.status_code == DIFFS[number]
    assert ("diff" in version["_links"]) == (DIFFS[number] == 200)


def test_links_of_versions_lead_to_their_diffs(client: FlaskClient, path: str) -> None:
    change(client, path, title="Second!")
    link = client.get(f"{path}/revision/2", auth=RICK).json["_links"]["diff"]

    response = client.get(path_of(link), auth=RICK)

    assert [step["value"] for step in response.get_json(force=True)] == ["Second!"]


def test_no_diff_is_a_problem_document_in_any_type(client: FlaskClient, path: str) -> None:
    for accept in (PATCH, JSON, HAL):
        headers = {"Accept": accept}

        assert_problem(client.get(f"{path}/revision/1/diff", auth=RICK, headers=headers), 404)


def test_an_unknown_parameter_is_400(client: FlaskClient, path: str) -> None:
    change(client, path, title="Second!")

    response = client.get(f"{path}/revision/2/diff?limit=1", auth=RICK)

    assert faults(response, 400).keys() == {"limit"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("accept", [PATCH, JSON, HAL])
def test_a_diff_never_changes(
    client: FlaskClient, path: str, clock: Clock, accept: str, method: str
) -> None:
    change(client, path, title="Second!")
    address, headers = f"{path}/revision/2/diff", {"Accept": accept}
    seen = client.get(address, auth=RICK, headers=headers).headers["ETag"]
    clock.advance(days=1)
    change(client, path, title="Third!")

    headers["If-None-Match"] = seen
    response = client.open(address, method=method, auth=RICK, headers=headers)

    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["ETag"] == seen


def test_each_media_type_has_a_tag_of_its_own(client: FlaskClient, path: str) -> None:
    change(client, path, title="Second!")
    address = f"{path}/revision/2/diff"

    tags = {
        client.get(address, auth=RICK, headers={"Accept": accept}).headers["ETag"]
        for accept in (PATCH, JSON, HAL)
    }

    assert len(tags) == 3


def test_head_has_the_headers_of_get(client: FlaskClient, path: str) -> None:
    change(client, path, title="Second!")
    expected = client.get(f"{path}/revision/2/diff", auth=RICK)

    response = client.head(f"{path}/revision/2/diff", auth=RICK)

    assert (response.status_code, response.data) == (200, b"")
    assert headers_of(response) == headers_of(expected)
