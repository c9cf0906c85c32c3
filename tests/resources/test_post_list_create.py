"""The list of posts, as a place to add to: what POST makes of what it is sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.cases import cases
from tests.contract import FIRST_POST, Clock, assert_problem, faults, path_of, write_post
from tests.people import ANN, JOE, RICK

NOW = "2026-11-22T09:47:45.746058Z"


def slugs(client: FlaskClient, *written: dict[str, Any]) -> list[str]:
    """The slugs of posts that are created one after the other."""
    return [write_post(client, **fields).json["slug"] for fields in written]


def test_create_answers_201_with_the_location_and_the_etag_of_the_post(
    client: FlaskClient,
) -> None:
    response = write_post(client)

    assert response.headers["Location"] == response.json["_links"]["self"]
    got = client.get(path_of(response.headers["Location"]), auth=RICK)
    assert response.headers["ETag"] == got.headers["ETag"]
    assert response.json == got.json


def test_id_is_a_uuid_of_version_7_in_lower_case_hex(client: FlaskClient) -> None:
    location = write_post(client).headers["Location"]

    assert re.fullmatch(
        r"http://localhost/post/[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", location
    )


def test_omitted_fields_have_their_defaults(client: FlaskClient) -> None:
    response = write_post(client)

    own = response.headers["Location"]
    assert response.json == {
        "_links": {
            "self": own,
            "posts": "http://localhost/post",
            "author": "http://localhost/author/rick",
            "edit": own,
            "revisions": f"{own}/revision",
            "version-history": f"{own}/revision",
        },
        **FIRST_POST,
    }


def test_every_field_is_kept_as_written(client: FlaskClient) -> None:
    written = {
        "title": "Über <b>alles</b> & 日本 😀",
        "body": " <p>Hi\r\n\tthere</p>\n\u0001",
        "format": "html",
        "summary": " Two\nlines ",
        "tags": ["Zebra", "apple"],
        "status": "draft",
        "slug": "über_alles.1-日本",
        "postedDate": "2001-02-03T04:05:06.000007Z",
    }

    response = write_post(client, **written)

    got = client.get(path_of(response.headers["Location"]), auth=RICK).json
    assert {name: got[name] for name in written} == written


def test_title_is_trimmed(client: FlaskClient) -> None:
    response = write_post(client, title="\u3000 First  post\n")

    assert response.json["title"] == "First  post"


def test_body_may_be_empty(client: FlaskClient) -> None:
    assert write_post(client, body="").json["body"] == ""


def test_fields_that_the_server_sets_are_ignored(client: FlaskClient) -> None:
    sent = {"updatedDate": "2001-01-01T00:00:00Z", "authorName": "joe", "bodyHtml": "<b>"}

    response = client.post(
        "/post?fields=updatedDate,authorName,bodyHtml",
        json={"title": "First!", "body": "Hi", **sent},
        auth=RICK,
    )

    assert response.json == {
        "_links": response.json["_links"],
        "updatedDate": NOW,
        "authorName": "rick",
        "bodyHtml": "<p>Hi</p>\n",
    }


def test_post_can_be_created_of_what_another_one_answered(client: FlaskClient) -> None:
    got = write_post(client, tags=["web"]).json

    response = write_post(client, **{**got, "slug": "second", "_embedded": {}, "_templates": {}})

    assert response.json["_links"]["self"] != got["_links"]["self"]
    assert {**response.json, "_links": got["_links"]} == {**got, "slug": "second"}


def test_editor_can_create_a_post_too(client: FlaskClient) -> None:
    assert write_post(client, auth=ANN).json["authorName"] == "ann"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("First!", "first"),
        ("  Hello,   World -- again ", "hello-world-again"),
        ("Ärger mit ÖL", "ärger-mit-öl"),
        ("e\u0301te\u0301", "été"),
        ("日本の 話", "日本の-話"),
        ("हिन्दी में", "हिन्दी-में"),
        ("C++ & C#", "c-c"),
        ("½ ﬁne", "1-2-fine"),
        ("snake_case v1.2", "snake-case-v1-2"),
        ("!!!", "post"),
        ("😀", "post"),
        (300 * "a", 200 * "a"),
    ],
)
def test_slug_is_derived_from_the_title(client: FlaskClient, title: str, slug: str) -> None:
    assert write_post(client, title=title).json["slug"] == slug


def test_derived_slug_that_is_taken_gets_the_next_number(client: FlaskClient) -> None:
    same = [{"title": "Same"}] * 6

    assert slugs(client, *same) == ["same", "same-2", "same-3", "same-4", "same-5", "same-6"]


def test_number_of_a_derived_slug_goes_around_a_chosen_one(client: FlaskClient) -> None:
    taken = slugs(client, {"slug": "same-2"}, {"title": "Same"}, {"title": "same"})

    assert taken == ["same-2", "same", "same-3"]


def test_numbered_slug_is_not_longer_than_200_characters(client: FlaskClient) -> None:
    assert slugs(client, *[{"title": 250 * "a"}] * 2) == [200 * "a", 198 * "a" + "-2"]


def test_slug_of_a_hidden_draft_is_taken_too(client: FlaskClient) -> None:
    write_post(client, title="Same", status="draft")

    assert write_post(client, title="Same", auth=JOE).json["slug"] == "same-2"


def test_slug_of_a_deleted_post_is_free(client: FlaskClient) -> None:
    client.delete(path_of(write_post(client, slug="mine").headers["Location"]), auth=RICK)

    assert write_post(client, slug="mine").json["slug"] == "mine"


def test_chosen_slug_that_is_taken_is_409_and_creates_nothing(client: FlaskClient) -> None:
    write_post(client, title="Same")

    response = client.post("/post", json={"title": "T", "body": "", "slug": "same"}, auth=JOE)

    assert_problem(response, 409)
    assert len(client.get("/post").json["data"]) == 1


@cases("slug", ["été", "日本", "हिन्दी", "a.b_c-d", "1", 200 * "x"])
def test_slug_of_letters_and_digits_of_any_script_is_taken(client: FlaskClient, slug: str) -> None:
    assert write_post(client, slug=slug).json["slug"] == slug


@cases("slug", ["", "A", "ÉTÉ", "a b", "a/b", "a?b", "a%20b", "😀", "a\n", 201 * "x", 7])
def test_slug_of_anything_else_is_422(client: FlaskClient, slug: object) -> None:
    response = client.post("/post", json={"title": "T", "body": "", "slug": slug}, auth=RICK)

    assert list(faults(response, 422)) == ["#/slug"]


@cases(
    ("sent", "kept"),
    [
        (["b", "a"], ["b", "a"]),
        (["Python", "python", "PYTHON", "Web", "web"], ["Python", "Web"]),
        (["Straße", "STRASSE"], ["Straße"]),
        (["e\u0301te", "ÉTE"], ["e\u0301te"]),
        ([" python ", "python"], ["python"]),
        ([50 * "x"], [50 * "x"]),
        ([*map(str, range(50)), "0"], [*map(str, range(50))]),
    ],
)
def test_same_tag_in_another_case_is_merged_into_the_first(
    client: FlaskClient, sent: list[str], kept: list[str]
) -> None:
    assert write_post(client, tags=sent).json["tags"] == kept


@cases(
    ("tags", "pointer"),
    [
        ([""], "#/tags/0"),
        (["ok", " "], "#/tags/1"),
        ([51 * "x"], "#/tags/0"),
        (["a\nb"], "#/tags/0"),
        (["ok", 7], "#/tags/1"),
        ([*map(str, range(51))], "#/tags"),
        ("python", "#/tags"),
        ({"0": "python"}, "#/tags"),
        (None, "#/tags"),
    ],
)
def test_tags_that_break_the_rules_are_422(client: FlaskClient, tags: object, pointer: str) -> None:
    response = client.post("/post", json={"title": "T", "body": "", "tags": tags}, auth=RICK)

    assert list(faults(response, 422)) == [pointer]


@cases(
    ("sent", "kept"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02t03:04:05.5z", "2026-01-02T03:04:05.500000Z"),
        ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456Z"),
        ("2026-01-02T03:04:05+05:30", "2026-01-01T21:34:05.000000Z"),
        ("2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_posted_date_is_answered_in_utc_with_microseconds(
    client: FlaskClient, sent: str, kept: str
) -> None:
    assert write_post(client, postedDate=sent).json["postedDate"] == kept


@cases(
    "sent",
    [
        "2026-01-02T03:04:05",
        "2026-01-02",
        "20260102T030405Z",
        "2026-01-02T03:04Z",
        "2026-02-30T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:05+24:00",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "٢٠٢٦-01-02T03:04:05Z",
        "yesterday",
        "",
        1767323045,
        True,
        [],
    ],
)
def test_posted_date_that_is_no_date_time_with_an_offset_is_422(
    client: FlaskClient, sent: object
) -> None:
    response = client.post("/post", json={"title": "T", "body": "", "postedDate": sent}, auth=RICK)

    assert list(faults(response, 422)) == ["#/postedDate"]


@cases(
    ("fields", "expected"),
    [
        ({}, NOW),
        ({"postedDate": None}, NOW),
        ({"status": "draft"}, None),
        ({"status": "draft", "postedDate": "2030-01-01T00:00:00Z"}, "2030-01-01T00:00:00.000000Z"),
        ({"postedDate": "2001-01-01T00:00:00Z"}, "2001-01-01T00:00:00.000000Z"),
    ],
)
def test_server_sets_the_posted_date_of_what_is_published_without_one(
    client: FlaskClient, fields: dict[str, Any], expected: str | None
) -> None:
    assert write_post(client, **fields).json["postedDate"] == expected


def test_updated_date_is_the_moment_of_writing(client: FlaskClient, clock: Clock) -> None:
    clock.advance(minutes=1)

    post = write_post(client, postedDate="2001-01-01T00:00:00Z").json

    assert post["updatedDate"] == "2026-11-22T09:48:45.746058Z"


@cases(
    ("sent", "pointers"),
    [
        ({}, {"#/title", "#/body"}),
        ({"title": "", "body": None}, {"#/title", "#/body"}),
        ({"title": " \t ", "body": ""}, {"#/title"}),
        ({"title": 301 * "x", "body": ""}, {"#/title"}),
        ({"title": "a\u0085b", "body": ""}, {"#/title"}),
        ({"title": "a\ud800b", "body": "\ud800"}, {"#/title", "#/body"}),
        ({"title": "T", "body": "NUL \0"}, {"#/body"}),
        ({"title": "T", "body": 524289 * "é"}, {"#/body"}),
        ({"title": "T", "body": "", "summary": 1001 * "x"}, {"#/summary"}),
        ({"title": "T", "body": "", "summary": "\a"}, {"#/summary"}),
        ({"title": "T", "body": "", "format": "rst"}, {"#/format"}),
        ({"title": "T", "body": "", "status": "scheduled"}, {"#/status"}),
        (
            {"title": 1, "body": 2, "slug": "A", "colour": 3},
            {"#/title", "#/body", "#/slug", "#/colour"},
        ),
        ({"title": "T", "body": "", "posted_date": None}, {"#/posted_date"}),
        ("First!", {"#"}),
        ([], {"#"}),
    ],
)
def test_post_that_breaks_the_rules_is_422_with_every_fault(
    client: FlaskClient, sent: object, pointers: set[str]
) -> None:
    response = client.post("/post", json=sent, auth=RICK)

    assert set(faults(response, 422)) == pointers
    assert client.get("/post", auth=RICK).json["data"] == []


@cases(
    "fields",
    [{"title": 300 * "é"}, {"body": 524288 * "é"}, {"summary": 1000 * "é"}, {"format": "text"}],
    ids=["title", "body", "summary", "format"],
)
def test_longest_texts_are_taken(client: FlaskClient, fields: dict[str, str]) -> None:
    response = write_post(client, **fields)

    assert {name: response.json[name] for name in fields} == fields


def test_mistyped_name_is_answered_with_the_nearest_field(client: FlaskClient) -> None:
    response = client.post("/post", json={"titel": "T", "body": "", "title": "T"}, auth=RICK)

    assert faults(response, 422) == {"#/titel": "is not a known field; did you mean 'title'?"}


@cases("caller", [None, ("rick", "wrong password"), ("nobody", "password")])
def test_creating_without_right_credentials_is_401(
    client: FlaskClient, caller: tuple[str, str] | None
) -> None:
    response = client.post("/post", json={"title": "T", "body": ""}, auth=caller)

    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == 'Basic realm="blog", charset="UTF-8"'
    assert client.get("/post").json["data"] == []


@cases("query", ["fields=nothing", "limit=5", "tag=a"])
def test_creating_with_a_query_that_has_no_meaning_here_is_400(
    client: FlaskClient, query: str
) -> None:
    response = client.post(f"/post?{query}", json={"title": "T", "body": ""}, auth=RICK)

    assert list(faults(response, 400)) == [query.partition("=")[0]]
    assert client.get("/post").json["data"] == []


@cases("method", ["PUT", "PATCH", "DELETE"])
def test_whole_list_can_be_neither_replaced_nor_deleted(client: FlaskClient, method: str) -> None:
    response = client.open("/post", method=method, json={}, auth=ANN)

    assert_problem(response, 405)
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
