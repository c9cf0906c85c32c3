"""CORS: all pages may read what is public, and those of listed origins may write."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.http.application import Application
from tests.cases import cases
from tests.contract import create, write_post
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

READER = "https://reader.example"
EDITOR = "https://editor.example.org"
MakeApp = Callable[..., Application]
ALLOW = "Access-Control-Allow-"


@pytest.fixture
def editable(make_app: MakeApp) -> FlaskClient:
    """A client of a blog to which the pages of EDITOR may write, and those of an address."""
    return make_app(cors_origins=f"{EDITOR}, http://[::1]:3000").test_client()


def preflight(
    client: FlaskClient, origin: str, method: str, headers: str = "", path: str = "/post"
) -> TestResponse:
    """Send the preflight of a browser."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    asked |= {"Access-Control-Request-Headers": headers} if headers else {}
    return client.options(path, headers=asked)


def permits(response: TestResponse, origin: str, method: str, headers: str = "") -> bool:
    """Whether a browser would continue after this response (Fetch, CORS-preflight fetch)."""
    methods, names = (
        {word.strip().lower() for word in response.headers.get(f"{ALLOW}{what}", "").split(",")}
        for what in ("Methods", "Headers")
    )
    asked = {word.strip().lower() for word in headers.split(",") if word}
    return (
        200 <= response.status_code < 300
        and response.headers.get(f"{ALLOW}Origin") in ("*", origin)
        # Browsers send these three methods whether or not they are permitted.
        and (method in ("GET", "HEAD", "POST") or method.lower() in methods)
        and asked <= names
    )


ANSWERS = [
    (200, lambda c: c.get("/", headers={"Origin": READER})),
    (200, lambda c: c.get("/")),
    (200, lambda c: c.get("/post", auth=RICK, headers={"Origin": READER})),
    (304, lambda c: c.get("/", headers={"Origin": READER, "If-None-Match": "*"})),
    (400, lambda c: c.get("/post?limit=0", headers={"Origin": READER})),
    (401, lambda c: c.get("/", auth=("rick", "wrong"), headers={"Origin": READER})),
    (403, lambda c: c.post("/post", json={}, auth=RICK, headers={"Origin": READER})),
    (404, lambda c: c.get("/nowhere", headers={"Origin": READER})),
    (405, lambda c: c.open("/tag", method="TRACE")),
    (501, lambda c: c.open("/tag", method="BREW")),
    (406, lambda c: c.get("/", headers={"Origin": READER, "Accept": "image/png"})),
    (415, lambda c: c.post("/post", data={"title": "First!"}, auth=RICK)),
    (201, lambda c: write_post(c)),
    (204, lambda c: c.delete(create(c), auth=RICK)),
]


@cases(("status", "ask"), ANSWERS)
def test_every_response_may_be_read_by_every_page(
    client: FlaskClient, status: int, ask: Callable[[FlaskClient], TestResponse]
) -> None:
    response = ask(client)

    assert response.status_code == status
    assert response.headers.getlist("Access-Control-Allow-Origin") == ["*"]
    assert response.headers.getlist("Vary") == ["Accept, Accept-Encoding, Authorization"]


@cases(("status", "ask"), ANSWERS)
def test_no_response_lets_a_browser_sign_in_for_a_page(
    editable: FlaskClient, status: int, ask: Callable[[FlaskClient], TestResponse]
) -> None:
    response = ask(editable)

    assert response.status_code == status
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_page_sees_what_a_client_needs(client: FlaskClient) -> None:
    response = client.get("/post", headers={"Origin": READER})

    assert response.headers.getlist("Access-Control-Expose-Headers") == [
        "Accept-Patch, Accept-Post, Allow, Content-Location, ETag, Link, Location, "
        "Preference-Applied, Retry-After, WWW-Authenticate, X-Request-Id"
    ]


@cases("method", ["GET", "HEAD"])
@cases(
    "header",
    ["", "accept", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"],
)
def test_every_page_may_read_conditionally(client: FlaskClient, method: str, header: str) -> None:
    headers = f"prefer,{header}" if header else ""
    response = preflight(client, READER, method, headers)

    assert permits(response, READER, method, headers)
    assert response.headers["Access-Control-Max-Age"] == "7200"
    assert response.headers["Vary"] == "Accept, Accept-Encoding, Authorization"


@cases("header", ["Authorization", "Content-Type", "X-Anything", "Accept,Cookie"])
def test_no_page_may_read_with_more(editable: FlaskClient, header: str) -> None:
    response = preflight(editable, READER, "GET", header)

    assert not permits(response, READER, "GET", header)


@cases(
    ("method", "headers"),
    [
        ("POST", "authorization,content-type"),
        ("POST", "content-type"),
        ("POST", "prefer"),
        ("PUT", ""),
        ("PATCH", "authorization,content-type,if-match"),
        ("DELETE", "authorization"),
        ("BREW", ""),
    ],
)
@cases("origin", [READER, "null", f"{EDITOR}.evil.example", "http://1:3000"])
def test_no_page_may_write_unless_it_is_named(
    client: FlaskClient, editable: FlaskClient, method: str, headers: str, origin: str
) -> None:
    for blog in (client, editable):
        assert not permits(preflight(blog, origin, method, headers), origin, method, headers)


@cases("origin", [EDITOR, "http://[::1]:3000"])
@cases(
    ("method", "headers"),
    [
        ("GET", "authorization"),
        ("POST", "authorization,content-type,idempotency-key,prefer"),
        ("PUT", "authorization,content-type,if-match"),
        ("PATCH", "authorization,content-type,if-unmodified-since"),
        ("DELETE", "authorization,if-match"),
    ],
)
def test_a_page_that_is_named_may_write(
    editable: FlaskClient, origin: str, method: str, headers: str
) -> None:
    response = preflight(editable, origin, method, headers)

    assert permits(response, origin, method, headers)
    assert response.headers["Access-Control-Max-Age"] == "7200"


@pytest.mark.parametrize("origin", [EDITOR, READER])
def test_a_permission_depends_on_the_origin(editable: FlaskClient, origin: str) -> None:
    response = preflight(editable, origin, "PUT", "authorization")

    assert response.headers.getlist("Vary") == ["Accept, Accept-Encoding, Authorization, Origin"]
    assert response.headers.getlist("Access-Control-Allow-Origin") == ["*"]


def test_a_page_that_is_named_may_not_use_other_methods(editable: FlaskClient) -> None:
    assert not permits(preflight(editable, EDITOR, "BREW"), EDITOR, "BREW")


def test_a_preflight_still_says_what_the_resource_accepts(editable: FlaskClient) -> None:
    asked, plain = preflight(editable, EDITOR, "POST"), editable.options("/post")

    assert (asked.status_code, asked.data) == (204, b"")
    assert {name: asked.headers[name] for name in ("Allow", "Accept-Post")} == {
        name: plain.headers[name] for name in ("Allow", "Accept-Post")
    }


def test_options_of_no_browser_is_as_it_was(editable: FlaskClient) -> None:
    response = editable.options("/post")

    assert response.headers["Vary"] == "Accept, Accept-Encoding, Authorization"
    assert not {f"{ALLOW}Methods", f"{ALLOW}Headers"} & set(response.headers.keys())


def test_a_preflight_with_a_long_header_is_not_parsed(client: FlaskClient) -> None:
    response = preflight(client, "https://any.example", "GET", ",".join(["accept"] * 200))

    assert (response.status_code, f"{ALLOW}Headers" in response.headers) == (204, False)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_health_and_metrics_are_for_no_page(
    make_app: Callable[..., Application], path: str
) -> None:
    client = make_app(metrics=True).test_client()
    response = client.get(path, headers={"Origin": "https://any.example"})

    assert response.status_code == 200
    assert f"{ALLOW}Origin" not in response.headers
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
