"""The maximum length of a header field: a longer one is 431, and is not parsed."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from blog.http.application import Application
from tests.cases import cases
from tests.contract import assert_problem, create
from tests.gateway.gateways import fetch, gateway, scope
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

LISTS = [
    *("Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language"),
    *("If-Match", "If-None-Match", "Prefer", "Forwarded", "X-Forwarded-For"),
]
OTHERS = [
    *("Content-Encoding", "Content-Type", "Expect", "Idempotency-Key"),
    *("If-Modified-Since", "If-Range", "If-Unmodified-Since", "Origin", "Range"),
    *("Sec-Fetch-Site", "Transfer-Encoding"),
    *("X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto"),
]


@cases("name", LISTS + OTHERS)
@cases("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_a_field_of_more_than_4_kib_is_431(client: FlaskClient, name: str, method: str) -> None:
    response = client.open("/post", method=method, headers={name: "a" * 4097})

    assert response.status_code == 431
    # RFC 6585 section 5 wants it named.
    assert method == "HEAD" or assert_problem(response, 431)["detail"].startswith(f"{name} has ")


def test_a_host_of_more_than_4_kib_is_400_before_all_else(client: FlaskClient) -> None:
    assert_problem(client.get("/post", headers={"Host": "a" * 4097}), 400)


@cases("name", LISTS)
def test_a_list_of_more_than_100_members_is_431(client: FlaskClient, name: str) -> None:
    response = client.get("/nowhere", headers={name: ",".join(["a"] * 101)})

    assert_problem(response, 431)


@cases(
    ("name", "value"),
    [
        ("Accept", "a/b," * 99 + "*/*"),
        ("Accept", "application/json;a=" + "a" * 4077),
        ("Accept-Encoding", "br," * 99 + "gzip"),
        ("Accept-Language", "en," * 99 + "de"),
        ("If-None-Match", '"a",' * 99 + '"b"'),
        ("Prefer", "a," * 99 + "b"),
        ("X-Forwarded-For", "1," * 99 + "2"),
    ],
)
def test_a_field_of_the_greatest_length_is_read(client: FlaskClient, name: str, value: str) -> None:
    assert client.get("/post", headers={name: value}).status_code == 200


def test_fields_that_are_not_read_may_be_longer(client: FlaskClient) -> None:
    longer = {"Cookie": "a=b; " * 2000, "User-Agent": "a," * 4000, "Referer": "a" * 8000}

    assert client.get("/post", headers=longer).status_code == 200


def test_a_write_with_a_field_that_is_too_long_changes_nothing(client: FlaskClient) -> None:
    path = create(client)
    headers = {"If-Match": ",".join(['"a"'] * 2000)}

    assert_problem(client.delete(path, auth=RICK, headers=headers), 431)
    assert client.get(path, auth=RICK).status_code == 200


@pytest.mark.slow
@cases("target", ["/health/live", "/post", "/nowhere", "/health/ready"])
def test_the_gateway_refuses_it_too(app: Application, target: str) -> None:
    received = fetch(gateway(app), scope("GET", target, accept="a/b," * 7900))

    assert received.status == 431
    assert received.headers["content-type"] == "application/problem+json"


@pytest.mark.slow
def test_fields_given_many_times_are_one_list(app: Application) -> None:
    request = scope("GET", "/post")
    request["headers"] += [(b"accept", b"a/b")] * 90 + [(b"accept", b"c/d,e/f")] * 9

    assert fetch(gateway(app), request).status == 431
