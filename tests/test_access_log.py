"""One line in the log for each request: true, whole, and without a secret."""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from collections.abc import Callable
from typing import NoReturn

import pytest
from flask.testing import FlaskClient

from blog.http.application import Application
from blog.storage import accounts
from blog.storage.engine import Database
from blog.storage.passwords import hash_password
from tests.contract import Clock
from tests.people import RICK

LINE = re.compile(
    r'([0-9a-f]{16}) (\S+) (\S+) "(\S+) (\S+)" (\d{3}) (\d+) \d+\.\d{1,3}ms', re.ASCII
)


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Log as a server does."""
    caplog.set_level(logging.INFO, logger="blog")


def only_line(caplog: pytest.LogCaptureFixture) -> tuple[str, ...]:
    """The one line of the log: id, address, name, method, target, status and length."""
    (line,) = [r.getMessage() for r in caplog.records if r.name == "blog.access"]
    match = LINE.fullmatch(line)
    assert match, line
    return match.groups()


def test_a_request_is_one_line(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    response = client.get("/post?limit=3&sort=-postedDate")

    _, *line = only_line(caplog)
    target, length = "/post?limit=3&sort=-postedDate", str(len(response.data))
    assert line == ["127.0.0.1", "-", "GET", target, "200", length]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/", "200"),
        ("OPTIONS", "/", "204"),
        ("GET", "/nowhere", "404"),
        ("DELETE", "/", "405"),
        ("POST", "/post", "415"),
        ("GET", "/post?limit=x", "400"),
    ],
)
def test_a_request_that_is_refused_is_one_line_too(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, method: str, path: str, status: str
) -> None:
    client.open(path, method=method)

    assert only_line(caplog)[3:6] == (method, path, status)


def test_every_request_has_an_id_of_its_own(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        client.get("/")

    lines = [r.getMessage() for r in caplog.records if r.name == "blog.access"]
    assert len({line.split()[0] for line in lines}) == len(lines) == 3


def fail() -> NoReturn:
    """A view with a mistake in it."""
    raise RuntimeError


def test_the_id_is_the_one_that_a_client_is_told(
    app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    app.add_url_rule("/fail", view_func=fail)
    response = app.test_client().get("/fail")

    line = only_line(caplog)
    assert (line[0], line[5]) == (response.json["requestId"], "500")


def test_a_verified_name_is_logged(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/", auth=RICK)

    assert only_line(caplog)[2] == "rick"


def test_a_name_is_logged_in_ascii(
    client: FlaskClient, database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with database.session() as session:
        accounts.add(session, "zoë", "author", hash_password("pass word"), clock.now)
    client.get(
        "/", headers={"Authorization": f"Basic {b64encode('zoë:pass word'.encode()).decode()}"}
    )

    assert only_line(caplog)[2] == "zo%C3%AB"


@pytest.mark.parametrize("name", ["rick", "nobody", 'x" 200', "x\ny"])
def test_a_name_that_was_only_claimed_is_not_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    client.get("/", auth=(name, "wrong password"))

    assert only_line(caplog)[2] == "-"


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
def test_no_path_or_query_forges_a_line(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    client.get(target)

    logged = only_line(caplog)[4]
    assert logged.isascii()
    assert logged.isprintable()


@pytest.mark.parametrize("query", ["x=\n", "x=\r\n127.0.0.1", 'x=" 200', "x=\xff", "\x1b[2J", " "])
def test_no_raw_query_forges_a_line(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    client.get("/", environ_overrides={"QUERY_STRING": query})

    assert only_line(caplog)[4].startswith("/?")


@pytest.mark.parametrize("status", [200, 401])
def test_no_credential_is_logged(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    password = "password" if status == 200 else "Password9"
    encoded = b64encode(f"rick:{password}".encode()).decode()
    response = client.get("/", headers={"Authorization": f"Basic {encoded}"})

    assert response.status_code == status
    assert encoded not in caplog.text
    assert password not in caplog.text


def test_no_body_is_logged(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.post("/post", json={"title": "a draft's secret", "nonsense": 1}, auth=RICK)

    assert "secret" not in caplog.text


@pytest.mark.parametrize(("hops", "expected"), [(0, "127.0.0.1"), (1, "192.0.2.7")])
def test_the_address_is_the_one_that_can_be_trusted(
    make_app: Callable[..., Application],
    caplog: pytest.LogCaptureFixture,
    hops: int,
    expected: str,
) -> None:
    client = make_app(trusted_proxies=hops).test_client()
    client.get("/", headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.7"})

    assert only_line(caplog)[1] == expected


def test_nothing_is_logged_for_who_does_not_want_it(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="blog.access")
    client.get("/")

    assert not caplog.records
