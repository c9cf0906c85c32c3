"""Requests that mean harm: refused alike by a blog on either database, which stays as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.app import create_app
from blog.http.cursors import Cursors
from blog.settings import Settings
from blog.storage.keyset import Position
from tests.blogs import Blogs
from tests.contract import Clock, assert_problem, create
from tests.people import ANN, RICK

SECRET = "known to the tests alone"
JSON, JSON_PATCH = "application/json", "application/json-patch+json"
NOBODY = "0" * 32
# Where the one post is; its id is another in each database.
THE_POST = "/post/{post}"
POSITION = Position((datetime(2026, 1, 1, tzinfo=UTC), NOBODY), backwards=False)


class Blog(NamedTuple):
    """A blog with one post on it."""

    client: FlaskClient
    post_id: str

    def send(self, request: Hostile) -> TestResponse:
        """Send a request to this blog, as Rick unless it says otherwise."""
        path = request.path.replace("{post}", self.post_id)
        headers = {"Content-Type": JSON, **request.headers}
        auth = None if "Authorization" in headers else RICK
        return self.client.open(
            path, method=request.method, headers=headers, data=request.body, auth=auth
        )

    def refuse(self, request: Hostile) -> tuple[int, dict[str, Any]]:
        """The status and the problem document, but for what is of this blog or request alone."""
        response = self.send(request)
        problem = assert_problem(response, response.status_code)
        problem.pop("etag", None)
        written = json.dumps(problem).replace(self.post_id, "{post}")
        return response.status_code, json.loads(written)

    def state(self) -> list[object]:
        """All that there is to see."""
        paths = ("/post?limit=100&fields=title,body,slug,tags,updatedDate", "/tag", "/author")
        answers = [self.client.get(path, auth=ANN) for path in paths]
        assert [answer.status_code for answer in answers] == [200] * len(paths)
        return [answer.json for answer in answers]


class Hostile(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def get(path: str, **headers: str) -> Hostile:
    """To read something."""
    return Hostile("GET", path, _named(headers), b"")


def post(body: bytes, **headers: str) -> Hostile:
    """To create a post of these bytes."""
    return Hostile("POST", "/post", _named(headers), body)


def field(name: str, value: object) -> Hostile:
    """To create a post that is as it should be, but for one field."""
    return post(json.dumps({"title": "T", "body": "", name: value}).encode())


def put(body: bytes, path: str = THE_POST, **headers: str) -> Hostile:
    """To replace something by these bytes."""
    return Hostile("PUT", path, _named(headers), body)


def profile(name: str, value: object) -> Hostile:
    """To give the own profile a field."""
    return Hostile("PATCH", "/author/rick", {}, json.dumps({name: value}).encode())


def patch(*operations: object) -> Hostile:
    """To change a post by JSON Patch."""
    body = json.dumps(operations).encode()
    return Hostile("PATCH", THE_POST, {"Content-Type": JSON_PATCH}, body)


def operation(path: object, value: object = "x", op: str = "add", **more: object) -> Hostile:
    """To change a post by a patch of one operation."""
    return patch({"op": op, "path": path, "value": value, **more})


def delete(path: str = THE_POST, **headers: str) -> Hostile:
    """To delete something."""
    return Hostile("DELETE", path, _named(headers), b"")


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): value for name, value in headers.items()}


FINE = b'{"title": "T", "body": ""}'
BODIES = [
    post(b""),
    post(b"\0"),
    post(b"\xff\xfe"),
    post(b'{"title": "\xc0\xaf", "body": ""}'),
    post(b'{"title": "\xed\xa0\x80", "body": ""}'),
    post(b'{"title": "\xf4\x90\x80\x80", "body": ""}'),
    post(b"[" * 200_000),
    post(b'{"_links":' * 65 + b"1" + b"}" * 65),
    post(b'{"title": "T", "body": ' + b"9" * 5000 + b"}"),
    post(b'{"title": "T", "body": NaN}'),
    post(b'{"title": "T", "body": "", "title": "U"}'),
    post(b'{"title": "T", "body": "", "\\u0000": 1, "\\u0000": 2}'),
    post(FINE + b"; DROP TABLE post"),
    post(FINE + b"\0"),
    post(b"[" + FINE + b"]"),
    post(b"null"),
    post(b"'; DROP TABLE post; --"),
    post(FINE, content_type="application/x-www-form-urlencoded"),
    post(FINE, content_type="text/plain; charset=utf-16"),
    post(FINE, content_encoding="gzip"),
    put(b'{"title": 1e400, "body": -1e400}'),
    put(b'{"title": null, "body": null, "tags": null}'),
    Hostile("PATCH", THE_POST, {}, b'{"title": null}'),
    Hostile("PATCH", THE_POST, {}, b'{"tags": {"0": "x"}}'),
    Hostile("PATCH", THE_POST, {}, b"9223372036854775808"),
]
FIELDS = [
    field("title", ""),
    field("title", "\0"),
    field("title", "a\0b"),
    field("title", "\ud800"),
    field("title", "x\udc00\ud800"),
    field("title", "\x1b[31m"),
    field("title", "x" * 301),
    field("title", 2**63),
    field("title", -(2**63) - 1),
    field("title", 2**64),
    field("title", 10**999),
    field("title", {"$ne": None}),
    field("title", [["T"]]),
    field("body", "\0"),
    field("body", "x" * 1_000_000 + "\0"),
    field("body", "\udfff"),
    field("body", "é" * (512 * 1024) + "x"),
    field("body", 2**128),
    field("body", True),
    field("format", "html'; --"),
    field("format", "\0"),
    field("status", "published\0"),
    field("status", "deleted"),
    field("status", 1),
    field("summary", "\0"),
    field("summary", "\ud83d"),
    field("summary", "😀" * 1001),
    field("tags", ["\0"]),
    field("tags", ["a", "a\0"]),
    field("tags", ["\udbff"]),
    field("tags", ["x" * 51]),
    field("tags", [2**63]),
    field("tags", [[[]]]),
    field("tags", [str(number) for number in range(51)]),
    field("tags", ["x"] * 5000),
    field("tags", "'; DROP TABLE tag; --"),
    field("slug", "a\0"),
    field("slug", "\ud800"),
    field("slug", "../../etc/passwd"),
    field("slug", "'--"),
    field("slug", "UPPER"),
    field("slug", "x" * 201),
    field("slug", 2**31),
    # The one post has it.
    field("slug", "first"),
    field("postedDate", "0000-01-01T00:00:00Z"),
    field("postedDate", "10000-01-01T00:00:00Z"),
    field("postedDate", "-0044-03-15T00:00:00Z"),
    field("postedDate", "0001-01-01T00:00:00+00:01"),
    field("postedDate", "9999-12-31T23:59:59-00:01"),
    field("postedDate", "infinity"),
    field("postedDate", "-infinity"),
    field("postedDate", "now"),
    field("postedDate", "epoch"),
    field("postedDate", "2026-01-01T00:00:00Z\0"),
    field("postedDate", "2026-01-01T00:00:60Z"),
    field("postedDate", 2**63),
    field("id", NOBODY),
    field("author_name", "ann"),
    field("version", 2**63),
    field("\0", "x"),
    field("\ud800", "x"),
    field("title; --", "x"),
    field("x" * 100_000, "x"),
    post(json.dumps({f"unknown {number}": number for number in range(5000)}).encode()),
]
PROFILES = [
    profile("displayName", "\0"),
    profile("displayName", "\ud800"),
    profile("displayName", "x" * 101),
    profile("displayName", 2**63),
    profile("bio", "\0"),
    profile("bio", "\ud83d x"),
    profile("bio", "😀" * 1001),
    profile("url", "javascript:alert(1)"),
    profile("url", "http://\0"),
    profile("url", "https://example.org/" + "x" * 2000),
    profile("passwordHash", "x"),
    profile("role", "editor"),
    profile("\0", "x"),
    put(b'{"bio": "x"}', "/author/ann"),
    put(b'{"bio": "x"}', "/author/nobody"),
]
PATCHES = [
    Hostile("PATCH", THE_POST, {"Content-Type": JSON_PATCH}, b"{}"),
    patch(None),
    patch(*[{"op": "add", "path": "/tags/-", "value": "x"}] * 1001),
    operation("title"),
    operation("/title\0"),
    operation("/\0"),
    operation("/title", "\0"),
    operation("/title", "\ud800"),
    operation("/\ud800"),
    operation("/~2"),
    operation("/~\ud800"),
    operation("/tags/~"),
    operation("/tags/18446744073709551616"),
    operation("/tags/-1"),
    operation("/tags/٣"),
    operation("/tags/" + "9" * 4000),
    operation("/tags/00", op="replace"),
    operation("/" + "a/" * 10_000),
    operation(2**63),
    operation(None),
    operation("/title", op="sudo"),
    operation("/title", op="\0"),
    operation("/title", "'; DROP TABLE post; --", op="test"),
    operation("/authorName", "ann"),
    operation("/updatedDate", "9999-12-31T23:59:59Z"),
    operation("", 2**64, op="replace"),
    operation("", op="remove"),
    operation("", {"__class__": "x"}),
    operation("/__class__/__init__"),
    operation("/tags", op="move", **{"from": "/tags/0"}),
    operation("/title", op="copy", **{"from": "/\0"}),
    operation("/title", op="copy", **{"from": 1}),
    patch(*[{"op": "copy", "from": "", "path": f"/{number}"} for number in range(40)]),
]
QUERIES = [
    get(f"/post?{query}")
    for query in (
        "author=%00", "tag=a%00", "slug=%00", "%00=1", "cursor=%00", "sort=title%00",
        "fields=title%00", "limit=1%00", "since=2026-01-01%00", "status=%00",
        "author=%ff", "tag=%ed%a0%80", "%c0%ae=1", "tag=" + "x" * 1001,
        "author=" + "%F0%9F%98%80" * 1001,
        "limit=0", "limit=-1", "limit=101", "limit=2147483648", "limit=9223372036854775808",
        "limit=18446744073709551616", "limit=" + "9" * 5000, "limit=1e2", "limit=%D9%A3",
        "limit=1;DROP TABLE post", "limit=1&limit=1", "tag=a&tag=b", "sort=password_hash",
        "sort=title;--", "sort=1", "sort=random()", "status=draft'--", "fields=*",
        "fields=passwordHash",
        "since=0000-01-01", "since=10000-01-01", "since=-infinity", "until=infinity", "until=now",
        "since=0001-01-01T00:00:00%2B00:01", "until=9999-12-31T23:59:59-00:01", "since=99999999999",
        "1=1", "author[]=rick", "id=1%20OR%201=1", "x" * 5000, "&".join(f"x{n}" for n in range(60)),
        "cursor=", "cursor=x", "cursor=W10.AAAA", "cursor=" + "A" * 5000,
        "cursor=" + Cursors(SECRET).write(POSITION, "/tag []"),
        "cursor=" + Cursors("of another blog").write(POSITION, "/post []"),
        "sort=title&cursor=" + Cursors(SECRET).write(POSITION, "/post []"),
    )
]  # fmt: skip
ADDRESSES = [
    get("/%00"),
    get("/post%00"),
    get("/post/%00"),
    get("/post/" + "0" * 31 + "%00"),
    get("/post/" + NOBODY),
    get("/post/" + NOBODY + "%00"),
    get("/post/" + "F" * 32),
    get("/post/" + "%D9%A3" * 32),
    get("/post/..%2f..%2fetc%2fpasswd"),
    get("/post/'%20OR%20'1'='1"),
    get("/post//"),
    get("/author/%00"),
    get("/author/rick%00"),
    get("/author/RICK"),
    get("/author/%ff"),
    get("/author/%ed%a0%80"),
    get("/author/" + "%F0%9F%98%80" * 1000),
    get("/author/'; DROP TABLE author; --"),
    get("/author/%25"),
    get("/author/_ick"),
    get("/tag?limit=9223372036854775808"),
    get("/tag?cursor=" + Cursors(SECRET).write(POSITION, "/post []")),
    get("/author?cursor=" + Cursors(SECRET).write(POSITION, "/post []")),
    get("/author?name=%00"),
    delete("/post/" + NOBODY),
    delete("/post"),
    Hostile("TRACE", "/post", {}, b""),
]
HEADERS = [
    put(FINE, if_match='""'),
    put(FINE, if_match='"9223372036854775808.AAAAAAAA-AAAAAAAAAAAA"'),
    put(FINE, if_match='"2147483648.AAAAAAAA-AAAAAAAAAAAA"'),
    put(FINE, if_match='"' + "9" * 5000 + '"'),
    put(FINE, if_match="'; DROP TABLE post; --"),
    put(FINE, if_match='W/"1"'),
    put(FINE, if_match="\xff"),
    put(FINE, if_match=", ".join(f'"{number}.AAAAAAAA-AAAAAAAAAAAA"' for number in range(3000))),
    put(FINE, if_none_match="*"),
    put(FINE, if_unmodified_since="Mon, 01 Jan 0001 00:00:00 GMT"),
    delete(if_match='"0"'),
    delete(if_unmodified_since="Thu, 01 Jan 1970 00:00:00 GMT"),
    post(FINE, if_match='"1"'),
    post(FINE, if_none_match="*"),
    get("/post", accept="text/x-sql"),
    get("/post", authorization="Basic !"),
    get("/post", authorization="Basic AAAA"),
    get("/post", authorization="Basic cmljawA6cGFzc3dvcmQ="),
    get("/post", authorization="Basic cmljazpwYXNzd29yZAA="),
    get("/post", authorization="Basic /zpwYXNzd29yZA=="),
    get("/post", authorization="Basic " + "A" * 8000),
    get("/post", authorization="Basic JyBPUiAnMSc9JzE6eA=="),
    get("/post", authorization="Bearer \xff"),
    post(FINE, authorization="Basic cmljazp3cm9uZw=="),
]
TABLE = [*BODIES, *FIELDS, *PROFILES, *PATCHES, *QUERIES, *ADDRESSES, *HEADERS]


@pytest.fixture(scope="module")
def both(
    sqlite_blogs: Blogs, postgresql_blogs: Blogs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Blog]]:
    """A blog on either database, alike in all but ids."""
    with ExitStack() as stack:
        made = []
        for kind in (sqlite_blogs, postgresql_blogs):
            url = stack.enter_context(kind.copy(tmp_path_factory.mktemp("blog")))
            app = create_app(Settings(database_url=url, secret_key=SECRET), now=Clock())
            stack.enter_context(closing(app.extensions["blog"].database))
            client = app.test_client()
            path = create(client, title="First", tags=["a", "b"])
            made.append(Blog(client, path.removeprefix("/post/")))
        yield made


def test_the_table_holds_every_kind_of_request() -> None:
    assert len(TABLE) >= 200
    assert {request.method for request in TABLE} >= {"GET", "POST", "PUT", "PATCH", "DELETE"}


def test_a_cursor_of_the_table_is_good_where_it_belongs(both: list[Blog]) -> None:
    cursor = Cursors(SECRET).write(POSITION, "/post []")
    answers = [blog.client.get("/post", query_string={"cursor": cursor}) for blog in both]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    "request_", TABLE, ids=lambda r: f"{r.method} {r.path:.40} {r.body[:40]!r}"
)
def test_both_databases_refuse_it_alike_and_write_nothing(
    request_: Hostile, both: list[Blog]
) -> None:
    before = [blog.state() for blog in both]

    on_sqlite, on_postgresql = (blog.refuse(request_) for blog in both)

    assert on_sqlite == on_postgresql
    assert 400 <= on_sqlite[0] < 500
    assert [blog.state() for blog in both] == before


@pytest.mark.parametrize("text", ["'; DROP TABLE post; --", "1 OR 1=1", "%", "_", "\\", "x'--"])
@pytest.mark.parametrize("name", ["author", "tag", "slug"])
def test_both_databases_find_nothing_by_what_looks_like_a_statement(
    name: str, text: str, both: list[Blog]
) -> None:
    answers = [blog.client.get("/post", query_string={name: text}) for blog in both]

    assert [answer.json["data"] for answer in answers] == [[], []]
