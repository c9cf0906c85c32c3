"""The access log: one complete record for each request, without secrets."""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from collections.abc import Callable
from time import perf_counter
from typing import Any, NoReturn

import pytest
from flask.testing import FlaskClient

from blog.database.database import Database
from blog.http.application import Application
from blog.sign_in.passwords import hash_password
from blog.storage import accounts
from tests.cases import cases
from tests.contract import Clock
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

LOGGED = ("requestId", "address", "method", "target", "route", "status", "bytes")


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Log as a server does."""
    caplog.set_level(logging.INFO, logger="blog")


def only_record(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """The members of the only record in the log."""
    (record,) = [record for record in caplog.records if record.name == "blog.access"]
    return record.__dict__


def test_a_request_is_one_record(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    response = client.get("/post?limit=3&sort=-postedDate")

    record = only_record(caplog)
    assert {name: record[name] for name in LOGGED} == {
        "requestId": response.headers["X-Request-Id"],
        "address": "127.0.0.1",
        "method": "GET",
        "target": "/post?limit=3&sort=-postedDate",
        "route": "/post",
        "status": 200,
        "bytes": len(response.data),
    }
    assert record["message"] == "GET /post?limit=3&sort=-postedDate 200"
    assert record["durationMs"] > 0


@pytest.mark.parametrize("path", ["/{}", "/post?author={}", "/post/{}/revision"])
def test_a_token_in_a_url_is_not_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    client.get(path.format("blogpat_" + "A" * 42))

    assert "***" in only_record(caplog)["target"]
    assert "AAA" not in caplog.text


def test_a_long_url_is_logged_in_part(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/" + "é" * 5000)

    assert len(only_record(caplog)["target"]) == 1000


def test_a_request_that_will_be_asked_again_is_not_logged_yet(
    make_app: Callable[..., Application], caplog: pytest.LogCaptureFixture
) -> None:
    client = make_app(metrics=True).test_client()
    client.get("/", environ_overrides={"blog.retry": True})

    assert [record for record in caplog.records if record.name == "blog.access"] == []
    assert b"blog_http_requests_total{" not in client.get("/metrics").data


def test_the_wait_for_a_thread_is_part_of_the_duration(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/", environ_overrides={"blog.received_at": perf_counter() - 60})

    assert only_record(caplog)["durationMs"] > 60_000


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/", 200),
        ("OPTIONS", "/", 204),
        ("GET", "/nowhere", 404),
        ("DELETE", "/", 405),
        ("POST", "/post", 415),
        ("GET", "/post?limit=x", 400),
    ],
)
def test_a_request_that_is_refused_is_one_record_too(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, method: str, path: str, status: int
) -> None:
    client.open(path, method=method)

    record = only_record(caplog)
    assert (record["method"], record["target"], record["status"]) == (method, path, status)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/post/" + "0" * 32, "/post/<post_id>"),
        ("/post/" + "0" * 32 + "/revision/1", "/post/<post_id>/revision/<number>"),
        ("/author/nobody", "/author/<name>"),
        ("/nowhere", None),
    ],
)
def test_the_route_is_the_template_of_the_url(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, path: str, route: str | None
) -> None:
    client.get(path)

    assert only_record(caplog)["route"] == route


def test_every_request_has_an_id_of_its_own(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [client.get("/").headers["X-Request-Id"] for _ in range(3)]

    assert [r.requestId for r in caplog.records if r.name == "blog.access"] == ids
    assert len(set(ids)) == 3


def test_an_id_that_the_client_sends_is_not_taken(client: FlaskClient) -> None:
    response = client.get("/", headers={"X-Request-Id": "0123456789abcdef"})

    assert response.headers.getlist("X-Request-Id") != ["0123456789abcdef"]


@cases("path", ["/", "/nowhere", "/?x", "/post/1"])
@cases("method", ["GET", "HEAD", "OPTIONS", "DELETE", "BREW"])
def test_the_id_is_in_every_response(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method)

    assert re.fullmatch("[0-9a-f]{16}", response.headers["X-Request-Id"])


def fail() -> NoReturn:
    """A view with a mistake in it."""
    raise RuntimeError


def test_the_id_is_the_one_that_a_client_receives(
    app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    app.add_url_rule("/fail", view_func=fail)
    response = app.test_client().get("/fail")

    record = only_record(caplog)
    assert (record["requestId"], record["status"]) == (response.json["requestId"], 500)
    assert response.headers["X-Request-Id"] == response.json["requestId"]


def test_a_verified_name_is_logged(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/", auth=RICK)

    assert only_record(caplog)["author"] == "rick"


def test_a_name_is_logged_in_ascii(
    client: FlaskClient, database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with database.session() as session:
        accounts.add(session, "zoë", "author", hash_password("pass word"), now=clock.now)
    client.get(
        "/", headers={"Authorization": f"Basic {b64encode('zoë:pass word'.encode()).decode()}"}
    )

    assert only_record(caplog)["author"] == "zo%C3%AB"


@pytest.mark.parametrize("name", ["rick", "nobody", 'x" 200', "x\ny"])
def test_a_name_that_was_only_claimed_is_not_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    client.get("/", auth=(name, "wrong password"))

    assert "author" not in only_record(caplog)


@pytest.mark.parametrize(
    "target",
    [
        "/%0Aforged",
        "/%0D%0Aforged",
        "/%22%20200%200%20%22",
        "/%E2%80%A8%E2%80%A9%C2%85",
        "/%00%1B[2J",
        "/%FF",
        "/?x=%0Aforged",
        "/?x=%22",
    ],
)
def test_no_path_or_query_forges_a_record(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    client.get(target)

    logged = only_record(caplog)["message"]
    assert logged.isascii()
    assert logged.isprintable()


@pytest.mark.parametrize("query", ["x=\n", "x=\r\n127.0.0.1", 'x=" 200', "x=\xff", "\x1b[2J", " "])
def test_no_raw_query_forges_a_record(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    client.get("/", environ_overrides={"QUERY_STRING": query})

    assert only_record(caplog)["target"] == "/?***"


@pytest.mark.parametrize(
    ("query", "logged"),
    [
        ("token=abc", "***"),
        ("abc", "***"),
        ("limit=5&token=abc&tag=a%20b", "limit=5&***&tag=a%20b"),
        ("l%69mit=5", "limit=5"),
        ("limit", "limit="),
        ("tag=\n\xff", "tag=%0A%C3%BF"),
        ("LIMIT=5", "***"),
        ("=abc&&", "***&***&***"),
    ],
)
def test_what_the_resource_does_not_know_of_a_query_is_not_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, query: str, logged: str
) -> None:
    client.get("/post", environ_overrides={"QUERY_STRING": query})

    assert only_record(caplog)["target"] == f"/post?{logged}"


def test_no_query_of_an_unknown_url_is_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/nowhere?limit=5")

    assert only_record(caplog)["target"] == "/nowhere?***"


@pytest.mark.parametrize("status", [200, 401])
def test_no_credential_is_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    password = "password" if status == 200 else "Password9"
    encoded = b64encode(f"rick:{password}".encode()).decode()
    response = client.get("/", headers={"Authorization": f"Basic {encoded}"})

    assert response.status_code == status
    assert encoded not in str(only_record(caplog))
    assert password not in str(only_record(caplog))


def test_no_body_is_logged(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.post("/post", json={"title": "a draft's secret", "nonsense": 1}, auth=RICK)

    assert "secret" not in str(only_record(caplog))


@pytest.mark.parametrize(("hops", "expected"), [(0, "127.0.0.1"), (1, "192.0.2.7")])
def test_the_address_is_the_one_that_can_be_trusted(
    make_app: Callable[..., Application],
    caplog: pytest.LogCaptureFixture,
    hops: int,
    expected: str,
) -> None:
    client = make_app(trusted_proxies=hops).test_client()
    client.get("/", headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.7"})

    assert only_record(caplog)["address"] == expected


def test_a_request_from_no_known_address_is_logged_without(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/", environ_overrides={"REMOTE_ADDR": ""})

    assert "address" not in only_record(caplog)


def test_nothing_is_logged_below_the_level(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="blog.access")
    client.get("/")

    assert not caplog.records
