"""The request target: a path has one spelling, and unknown methods are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from blog.http.application import Application
from blog.http.request_target import has_one_spelling
from tests.cases import cases
from tests.contract import Clock, assert_problem, create
from tests.gateway.cached import Served, served
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

# How else the address of the metrics, or any other, could be written.
SPELLINGS = [
    "//metrics", "///metrics", "/./metrics", "/../metrics", "/x/../metrics", "/metrics/",
    "/metrics//", "/metrics/.", "/metrics/..", "metrics", "/metrics\n", "/metrics\r", "/metrics\0",
    "/metrics\x7f", "/metrics;x", "/metrics ", "/METRICS", "/\\metrics", "/.\\metrics",
    "/metrics\xff", "/\xc0\xafmetrics", "/\xed\xa0\x80", "\\metrics", "*", "",
]  # fmt: skip


@pytest.fixture
def metered(make_app: Callable[..., Application]) -> FlaskClient:
    """A client of an application with metrics."""
    return make_app(metrics=True).test_client()


def send(client: FlaskClient, path: str, method: str = "GET", **environ: Any) -> TestResponse:
    """Request a path as a server passes it on, decoded and in Latin-1."""
    return client.open("/", method=method, environ_overrides={"PATH_INFO": path, **environ})


@cases("path", SPELLINGS)
@cases("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_another_spelling_of_a_path_is_404(metered: FlaskClient, path: str, method: str) -> None:
    assert send(metered, path, method).status_code == 404


@cases("raw", ["/%2fmetrics", "/%2Fmetrics", "/metrics%2f", "/x%2F..%2Fmetrics"])
@cases("name", ["REQUEST_URI", "RAW_URI"])
def test_an_encoded_slash_divides_no_path(metered: FlaskClient, name: str, raw: str) -> None:
    variables = {"REQUEST_URI": "", "RAW_URI": "", name: raw}

    assert_problem(send(metered, "/metrics", **variables), 404)


def test_an_encoded_slash_in_the_query_is_none_of_the_path(client: FlaskClient) -> None:
    assert client.get("/post?tag=a%2Fb").status_code == 200


@cases(
    ("raw", "path"),
    [
        ("/%6detrics", "/metrics"), ("/metric%73", "/metrics"), ("/%4D", "/M"), ("/health%2Fready",
        "/health/ready"), ("/%70%6F%73%74", "/post"), ("/author/ric%6b?x", "/author/rick"),
        ("http://localhost/%70ost", "/post"), ("/author/%72%2dk", "/author/r-k"),
    ],
)  # fmt: skip
def test_a_character_that_is_encoded_needlessly_is_404_that_names_the_address(
    metered: FlaskClient, raw: str, path: str
) -> None:
    problem = assert_problem(send(metered, path, REQUEST_URI=raw), 404)

    known = f"; did you mean {path}?" if len(path) > 2 else ""
    assert problem["detail"] == f"there is nothing at this address{known}"


@pytest.mark.parametrize("raw", ["/author/J%C3%A9", "/author/a%20b", "/author/a%25"])
def test_what_has_to_be_encoded_is_found(client: FlaskClient, raw: str) -> None:
    detail = assert_problem(client.get(raw), 404)["detail"]

    assert detail.startswith("there is no author")


@cases(
    ("path", "meant"),
    [
        ("/post/", "/post"), ("/post//", "/post"), ("//post", "/post"), ("//", "/"),
        ("/author/rick/", "/author/rick"), ("/author//rick", "/author/rick"),
        ("/author/J%C3%A9/", "/author/J%C3%A9"),
    ],
)  # fmt: skip
def test_the_problem_of_another_spelling_names_the_address(
    client: FlaskClient, path: str, meant: str
) -> None:
    spelt = path.replace("%C3%A9", "\xc3\xa9")
    detail = assert_problem(send(client, spelt), 404)["detail"]

    assert detail == f"there is nothing at this address; did you mean {meant}?"


@pytest.mark.parametrize("path", ["/nowhere/", "/metrics/", "//nowhere", "/./post", "/nowhere"])
def test_the_problem_names_no_address_that_there_is_not(client: FlaskClient, path: str) -> None:
    assert assert_problem(send(client, path), 404)["detail"] == "there is nothing at this address"


@pytest.mark.parametrize("path", ["", "//", "/post/"])
def test_the_problem_names_the_address_below_the_prefix(client: FlaskClient, path: str) -> None:
    problem = assert_problem(send(client, path, SCRIPT_NAME="/blog"), 404)

    assert problem["detail"].endswith(f"did you mean /blog{path.rstrip('/') or '/'}?")


@pytest.mark.parametrize(
    ("path", "instance"),
    [("//evil.example/x", "/.//evil.example/x"), ("/post/", "/post/"), ("/a b", "/a%20b")],
)
def test_the_instance_of_a_problem_is_a_path(client: FlaskClient, path: str, instance: str) -> None:
    assert assert_problem(send(client, path), 404)["instance"] == instance


def test_a_write_to_another_spelling_is_not_done(client: FlaskClient) -> None:
    written = {"title": "First!", "body": ""}
    overrides = {"PATH_INFO": "//post"}
    refused = client.post("/post", json=written, auth=RICK, environ_overrides=overrides)

    assert_problem(refused, 404)
    assert client.get("/post").json["data"] == []


def test_a_lower_case_delete_deletes_nothing(client: FlaskClient) -> None:
    path = create(client)

    assert_problem(client.open(path, method="delete", auth=RICK), 501)
    assert client.get(path).status_code == 200


def test_another_spelling_is_logged_as_it_was_sent(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "blog.access")
    send(client, "//post", "get")
    send(client, "/", "BREW" * 100 + "\n")

    assert [record.getMessage() for record in caplog.records] == [
        "get //post 501",
        f"{'BREW' * 5} / 501",
    ]


@pytest.fixture
def cached(database_url: str) -> Any:
    """An application behind a gateway with a cache."""
    with served(Clock(), database_url=database_url, metrics=True) as made:
        yield made


@pytest.mark.parametrize(
    "target", ["//post", "/%2fpost", "/post/", "/author%2frick", "/post%0a", "//health/live"]
)
def test_a_cache_finds_nothing_at_another_spelling(cached: Served, target: str) -> None:
    for path in ("/post", "/author/rick", "/health/live", "/post"):
        assert cached.get(path).status == 200

    assert [cached.get(target).status for _ in range(2)] == [404, 404]


@settings(max_examples=300, deadline=None)
@given(st.text("/.%a\\;\n\xff\xc3\xa9", max_size=12))
def test_a_path_of_one_spelling_stays_the_same_when_it_is_normalized(path: str) -> None:
    """Whatever a proxy takes for the path is the path, or the path is refused."""
    if has_one_spelling({"PATH_INFO": path}):
        segments = path.split("/")
        assert path == "/" or {"", ".", ".."}.isdisjoint(segments[1:])
        assert path.startswith("/") and path.encode("latin-1").decode().isprintable()


def test_a_server_may_leave_out_an_empty_path(app: Application) -> None:
    environ = EnvironBuilder("/").get_environ()
    del environ["PATH_INFO"]

    assert run_wsgi_app(app, environ)[1] == "404 Not Found"
