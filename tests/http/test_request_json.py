"""JSON bodies: parsed strictly, or refused without any effect."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from blog.http.application import Application
from tests.cases import cases
from tests.contract import assert_problem, faults, path_of, write_post
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
MEBIBYTE = 1024 * 1024
LIMIT = 2048


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a post of RICK."""
    return path_of(write_post(client).headers["Location"])


def put(client: FlaskClient, path: str, data: bytes, **request: Any) -> TestResponse:
    """Replace a post by the content of these bytes."""
    return client.put(path, data=data, auth=RICK, **{"content_type": JSON, **request})


def padded(size: int) -> bytes:
    """A post as JSON with this number of bytes."""
    empty = json.dumps({"title": "Second!", "body": ""}).encode()
    return empty[:-2] + b"x" * (size - len(empty)) + empty[-2:]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b'{"title": "x", "body": "y"',
        b'{"title": "x", "body": "y"}}',
        b'{"title": "x", "body": "y"} {}',
        b'{"title": "x", "body": "y",}',
        b"{'title': 'x', 'body': 'y'}",
        b'{"title": "x", "body": "a\nline"}',
        b'{"title": "x", "body": "\\x"}',
        b'{"title": "x", "body": NaN}',
        b'{"title": "x", "body": Infinity}',
        b'{"title": "x", "body": -Infinity}',
        b'{"title": "x", "body": 01}',
        b'{"title": "x", "body": "y", "title": "x"}',
        b'{"title": "x", "body": "y", "_links": {"a": 1, "a": 1}}',
        b'{"title": "x", "body": "y", "\\ud800": 1, "\\ud800": 1}',
        b'{"title": "x", "body": "\xff"}',
        b'{"title": "x", "body": "\xed\xa0\x80"}',
        '{"title": "x", "body": "y"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100 + b"]" * 100,
        b'{"title": "x", "body": "y", "_links": ' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"title": ' + b"9" * 5000 + b"}",
        b"title=x&body=y",
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_not_exactly_one_json_value_is_400(
    client: FlaskClient, path: str, data: bytes
) -> None:
    response = put(client, path, data)

    assert list(faults(response, 400)) == ["#"]
    assert client.get(path).json["title"] == "First!"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"null", {"#": "must be an object, not null"}),
        (b"true", {"#": "must be an object, not true or false"}),
        (b"1", {"#": "must be an object, not a number"}),
        (b'"x"', {"#": "must be an object, not a string"}),
        (b"[]", {"#": "must be an object, not a list"}),
        (b'[{"title": "x", "body": "y"}]', {"#": "must be an object, not a list"}),
        (b"{}", {"#/title": "is required", "#/body": "is required"}),
        (
            b'{"title": 1, "body": null}',
            {
                "#/title": "must be a string, not a number",
                "#/body": "must be a string, not null",
            },
        ),
        (
            b'{"title": ["x"], "body": {}}',
            {
                "#/title": "must be a string, not a list",
                "#/body": "must be a string, not an object",
            },
        ),
        (b'{"title": "x", "body": "y", "tags": "a"}', {"#/tags": "must be a list, not a string"}),
        (
            b'{"title": "x", "body": "y", "tags": ["a", 1]}',
            {"#/tags/1": "must be a string, not a number"},
        ),
        (
            b'{"title": "x", "body": "y", "postedDate": 1e999}',
            {"#/postedDate": "must be a string with an RFC 3339 date-time, not a number"},
        ),
        (
            b'{"title": "x\\ud800", "body": "y"}',
            {"#/title": "must not contain lone surrogates; one is at 1"},
        ),
        (
            b'{"title": "x", "body": "y\\udfff"}',
            {"#/body": "must not contain lone surrogates; one is at 1"},
        ),
        (b'{"title": "x", "body": "y\\u0000"}', {"#/body": "must not contain NUL; one is at 1"}),
        (
            b'{"title": "x\\u0000y", "body": ""}',
            {"#/title": "must not contain control characters; U+0000 is at 1"},
        ),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else "",
)  # fmt: skip
def test_json_that_is_no_post_is_422_with_every_fault(
    client: FlaskClient, path: str, data: bytes, expected: dict[str, str]
) -> None:
    response = put(client, path, data)

    assert faults(response, 422) == expected
    assert client.get(path).json["title"] == "First!"


@cases(
    "request_headers",
    [
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "text/plain"},
        {"content_type": "application/jsonp"},
        {"content_type": "application/json-patch+json"},
        {"content_type": ""},
        {"headers": {"Content-Encoding": "gzip"}},
        {"headers": {"Content-Encoding": "identity, br"}},
    ],
)
def test_what_comes_as_something_else_is_415(
    client: FlaskClient, path: str, request_headers: dict[str, Any]
) -> None:
    response = put(client, path, padded(100), **request_headers)

    assert_problem(response, 415)
    assert client.get(path).json["title"] == "First!"


def test_a_compressed_body_is_415_that_says_how_to_send_it(client: FlaskClient, path: str) -> None:
    data = gzip.compress(padded(100))
    response = put(client, path, data, headers={"Content-Encoding": "gzip"})

    assert_problem(response, 415)
    assert response.headers["Accept-Encoding"] == "identity"


@cases(
    "request_headers",
    [
        {"content_type": "application/json; charset=utf-8"},
        {"content_type": "Application/JSON"},
        {"content_type": "application/hal+json"},
        {"headers": {"Content-Encoding": "Identity"}},
    ],
)
def test_json_may_be_called_by_its_other_names(
    client: FlaskClient, path: str, request_headers: dict[str, Any]
) -> None:
    response = put(client, path, padded(100), **request_headers)

    assert (response.status_code, response.json["title"]) == (200, "Second!")


@pytest.fixture
def small(make_app: Callable[..., Application]) -> FlaskClient:
    """A client of a blog that accepts short bodies only."""
    return make_app(max_body=LIMIT).test_client()


def chunked(client: FlaskClient, source: io.BytesIO, **request: Any) -> TestResponse:
    """Create a post with a chunked body."""
    return client.post(
        "/post",
        input_stream=source,
        content_type=JSON,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
        **request,
    )


def test_a_body_of_the_greatest_length_is_taken_whole(small: FlaskClient) -> None:
    response = small.post("/post", data=padded(LIMIT), content_type=JSON, auth=RICK)

    assert response.status_code == 201
    assert response.json["body"] == json.loads(padded(LIMIT))["body"]


def test_a_body_that_is_too_long_is_413(small: FlaskClient) -> None:
    response = small.post("/post", data=padded(LIMIT + 1), content_type=JSON, auth=RICK)

    assert_problem(response, 413)
    assert small.get("/post").json["data"] == []


def test_a_chunked_body_of_the_greatest_length_is_taken_whole(small: FlaskClient) -> None:
    response = chunked(small, io.BytesIO(padded(LIMIT)), auth=RICK)

    assert response.status_code == 201
    assert response.json["body"] == json.loads(padded(LIMIT))["body"]


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT, 200_000])
def test_a_chunked_body_that_is_too_long_is_413_and_not_cut(small: FlaskClient, size: int) -> None:
    response = chunked(small, io.BytesIO(padded(size)), auth=RICK)

    assert_problem(response, 413)
    assert small.get("/post").json["data"] == []


def test_a_chunked_body_is_not_cut_to_what_is_json(small: FlaskClient) -> None:
    post = padded(100)
    response = chunked(small, io.BytesIO(post + b" " * LIMIT), auth=RICK)

    assert_problem(response, 413)
    assert small.get("/post").json["data"] == []


def announced(client: FlaskClient, data: bytes, length: int) -> TestResponse:
    """Create a post with a body whose length differs from Content-Length."""
    overrides = {"wsgi.input_terminated": True, "CONTENT_LENGTH": str(length)}
    return client.post(
        "/post", data=data, content_type=JSON, auth=RICK, environ_overrides=overrides
    )


def test_a_body_as_long_as_announced_is_taken_whole(small: FlaskClient) -> None:
    response = announced(small, padded(LIMIT), LIMIT)

    assert response.status_code == 201
    assert response.json["body"] == json.loads(padded(LIMIT))["body"]


@pytest.mark.parametrize(("length", "expected"), [(101, 400), (LIMIT, 400), (LIMIT + 1, 413)])
def test_a_body_that_ends_early_is_refused_even_if_it_is_json(
    small: FlaskClient, length: int, expected: int
) -> None:
    response = announced(small, padded(100), length)

    assert_problem(response, expected)
    assert small.get("/post").json["data"] == []


def test_a_body_of_one_mebibyte_is_taken_with_every_character_escaped(client: FlaskClient) -> None:
    data = b'{"title":"x","format":"text","body":"' + b"\\u0001" * MEBIBYTE + b'"}'
    response = client.post("/post", data=data, content_type=JSON, auth=RICK)

    assert response.status_code == 201
    assert response.json["body"] == "\1" * MEBIBYTE


@pytest.mark.parametrize("text", ["x" * (MEBIBYTE + 1), "é" * (MEBIBYTE // 2) + "x"])
def test_one_byte_more_is_422(client: FlaskClient, path: str, text: str) -> None:
    data = json.dumps({"title": "Second!", "body": text}).encode()
    response = put(client, path, data)

    assert faults(response, 422) == {
        "#/body": "must be at most 1048576 bytes of UTF-8, not 1048577"
    }
    assert client.get(path).json["title"] == "First!"


TEXTS = st.text(st.characters(codec=None), max_size=20)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.integers(10**30)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=10,
)
NAMES = st.sampled_from(
    ["title", "body", "format", "summary", "tags", "status", "slug", "postedDate", "authorName"]
)
POINTERS = st.one_of(NAMES.map(lambda name: f"/{name}"), st.just("/tags/0"), st.just(""), TEXTS)
OPERATION = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "nonsense"]),
        "path": POINTERS | VALUES,
        "from": POINTERS | VALUES,
        "value": VALUES,
    },
)
REQUESTS = st.sampled_from(
    [("PUT", JSON), ("PATCH", JSON), ("PATCH", MERGE_PATCH), ("PATCH", JSON_PATCH)]
)
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def change(client: FlaskClient, request: tuple[str, str], data: bytes) -> int:
    """Change a post by what is in these bytes; give the status."""
    method, content_type = request
    path = path_of(write_post(client, slug=None).headers["Location"])
    response = client.open(path, method=method, data=data, content_type=content_type, auth=RICK)
    return response.status_code


@MANY
@given(request=REQUESTS, data=st.binary())
def test_no_bytes_break_anything(
    client: FlaskClient, request: tuple[str, str], data: bytes
) -> None:
    assert change(client, request, data) in (200, 400, 409, 422)


@MANY
@given(request=REQUESTS, value=VALUES)
@example(request=("PATCH", JSON_PATCH), value=[])
def test_no_json_breaks_anything(
    client: FlaskClient, request: tuple[str, str], value: object
) -> None:
    assert change(client, request, json.dumps(value).encode()) in (200, 400, 409, 422)


@MANY
@given(request=REQUESTS, fields=st.dictionaries(NAMES, VALUES))
def test_no_value_of_a_field_breaks_anything(
    client: FlaskClient, request: tuple[str, str], fields: dict[str, object]
) -> None:
    value = {"title": "Second!", "body": "", **fields}

    assert change(client, request, json.dumps(value).encode()) in (200, 400, 409, 422)


@MANY
@given(operations=st.lists(OPERATION, min_size=1, max_size=4))
def test_no_operation_breaks_anything(
    client: FlaskClient, operations: list[dict[str, object]]
) -> None:
    data = json.dumps(operations).encode()

    assert change(client, ("PATCH", JSON_PATCH), data) in (200, 400, 409, 422)
