"""Writes from pages of other origins are refused: a browser attaches credentials by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blog.http.application import Application
from tests.cases import cases
from tests.contract import assert_problem, create
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

EVIL = "https://evil.example"
EDITOR = "https://editor.example.org"
WRITTEN = {"title": "First!", "body": ""}
MakeApp = Callable[..., Application]


def write(client: FlaskClient, **headers: str) -> TestResponse:
    """Create a post, as a browser that knows the credentials does for a page."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/post", json=WRITTEN, auth=RICK, headers=named)


@cases(
    "headers",
    [
        {},
        {"Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "same-origin", "Origin": "http://localhost"},
        {"Origin": "http://localhost"},
    ],
)
def test_a_write_from_here_or_from_no_page_is_done(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert write(client, **headers).status_code == 201


@cases(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": ""},
        {"Sec_Fetch_Site": "Same-Origin"},
        {"Sec_Fetch_Site": "same-origin, same-origin"},
        {"Sec_Fetch_Site": "of a later standard"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost"},
        {"Sec_Fetch_Site": "cross-site", "Origin": EVIL},
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost, http://localhost"},
        {"Origin": "\xe9" * 4000},
    ],
)
def test_a_write_from_another_site_is_403(client: FlaskClient, headers: dict[str, str]) -> None:
    assert_problem(write(client, **headers), 403)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Origin": EVIL}, f"a page of the origin {EVIL!r} may not write here"),
        ({"Sec_Fetch_Site": "cross-site"}, "a page of another site may not write here"),
    ],
)
def test_a_refusal_says_which_page_it_refuses(
    client: FlaskClient, headers: dict[str, str], expected: str
) -> None:
    detail = assert_problem(write(client, **headers), 403)["detail"]

    assert detail == f"{expected}: BLOG_CORS_ORIGINS names the origins whose pages may"


def test_nothing_is_written_for_another_site(client: FlaskClient) -> None:
    path = create(client)
    before = client.get(path).data
    for method in ("PUT", "PATCH", "DELETE"):
        client.open(path, method=method, json=WRITTEN, auth=RICK, headers={"Origin": EVIL})

    assert client.get(path).data == before


@cases("method", ["GET", "HEAD"])
@cases("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": EVIL}, {"Origin": "null"}])
def test_reading_from_another_site_is_free(
    client: FlaskClient, method: str, headers: dict[str, str]
) -> None:
    assert client.open("/post", method=method, headers=headers).status_code == 200


def test_a_form_of_another_site_is_refused_before_its_type_and_credentials(
    client: FlaskClient,
) -> None:
    form = {"title": "First!", "body": ""}
    here = client.post("/post", data=form, auth=RICK)
    elsewhere = client.post("/post", data=form, auth=("rick", "wrong"), headers={"Origin": EVIL})

    assert_problem(here, 415)
    assert_problem(elsewhere, 403)


@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_a_page_of_an_origin_that_is_named_may_write(make_app: MakeApp, site: str | None) -> None:
    client = make_app(cors_origins=f"https://other.example, {EDITOR}").test_client()
    headers = {"Origin": EDITOR} | ({"Sec_Fetch_Site": site} if site else {})

    assert write(client, **headers).status_code == 201


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        f"{EDITOR}.evil.example",
        f"{EDITOR}:8443",
        "http://editor.example.org",
        "https://editorxexample.org",
        "https://a.editor.example.org",
        "null",
        "",
    ],
)
def test_a_page_of_an_origin_that_is_not_named_may_not(make_app: MakeApp, origin: str) -> None:
    client = make_app(cors_origins=EDITOR).test_client()

    assert_problem(write(client, Origin=origin), 403)
    assert_problem(write(client, Origin=origin, Sec_Fetch_Site="cross-site"), 403)


def test_another_site_without_an_origin_is_none_that_is_named(make_app: MakeApp) -> None:
    client = make_app(cors_origins=EDITOR).test_client()

    assert_problem(write(client, Sec_Fetch_Site="cross-site"), 403)


@cases(
    ("host", "origin", "expected"),
    [
        ("blog.example.org", "http://blog.example.org", 201),
        ("BLOG.example.org:80", "http://blog.example.org", 201),
        ("blog.example.org:5000", "http://blog.example.org:5000", 201),
        ("[::1]:5000", "http://[::1]:5000", 201),
        ("blog.example.org", "http://blog.example.org:5000", 403),
        ("blog.example.org:443", "http://blog.example.org", 403),
    ],
)
def test_own_pages_are_those_of_the_host_that_is_asked(
    client: FlaskClient, host: str, origin: str, expected: int
) -> None:
    assert write(client, Host=host, Origin=origin).status_code == expected


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://blog.example.org/blog", "https://blog.example.org"),
        ("https://Blog.example.org:443", "https://blog.example.org"),
        ("http://blog.example.org:5000", "http://blog.example.org:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_own_pages_are_those_of_the_base_url(make_app: MakeApp, base_url: str, origin: str) -> None:
    client = make_app(base_url=base_url, allowed_hosts="localhost").test_client()

    assert write(client, Origin=origin).status_code == 201
    assert_problem(write(client, Origin="http://localhost"), 403)


@pytest.mark.parametrize(("hops", "expected"), [(0, 403), (1, 201)])
def test_own_pages_are_those_that_a_trusted_proxy_names(
    make_app: MakeApp, hops: int, expected: int
) -> None:
    client = make_app(trusted_proxies=hops).test_client()
    proxied = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "blog.example.org"}

    assert write(client, Origin="https://blog.example.org", **proxied).status_code == expected
