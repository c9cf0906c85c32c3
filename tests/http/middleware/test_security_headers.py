"""Security headers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from blog.http.application import Application
from tests.cases import cases
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

MakeApp = Callable[..., Application]
HSTS = "Strict-Transport-Security"


@cases("path", ["/", "/post?limit=0", "/nowhere"])
def test_no_response_runs_frames_or_sends_anything(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers

    assert headers.getlist("Content-Security-Policy") == [
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ]
    assert headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert headers.getlist("Referrer-Policy") == ["no-referrer"]


@cases(("auth", "expected"), [(None, "cross-origin"), (RICK, "same-origin")])
def test_only_what_anyone_may_read_may_be_embedded_anywhere(
    client: FlaskClient, auth: tuple[str, str] | None, expected: str
) -> None:
    response = client.get("/post", auth=auth)

    assert response.headers.getlist("Cross-Origin-Resource-Policy") == [expected]


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://localhost", ["max-age=31536000"]),
        ("HTTPS://localhost/blog", ["max-age=31536000"]),
        ("http://localhost", []),
        (None, []),
    ],
)
@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_https_is_kept_to_where_the_base_url_has_it(
    make_app: MakeApp, base_url: str | None, path: str, expected: list[str]
) -> None:
    response = make_app(base_url=base_url).test_client().get(path)

    assert response.headers.getlist(HSTS) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"trusted_proxies": 1}, True),
        ({"trusted_proxies": 1, "proxy_header": "forwarded"}, False),
        ({"trusted_proxies": 1, "base_url": "http://localhost"}, False),
    ],
)
def test_https_is_kept_to_where_a_trusted_proxy_has_it(
    make_app: MakeApp, settings: dict[str, object], expected: bool
) -> None:
    client = make_app(**settings).test_client()
    response = client.get("/", headers={"X-Forwarded-Proto": "https"})

    assert (HSTS in response.headers) is expected


def test_a_server_with_tls_requires_https(client: FlaskClient) -> None:
    response = client.get("/", base_url="https://localhost")

    assert response.headers[HSTS] == "max-age=31536000"
