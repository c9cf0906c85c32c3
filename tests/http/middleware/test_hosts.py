"""The hosts that are served: those in the settings, or all if there are none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from blog.http.application import Application
from tests.contract import assert_problem
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

WRITTEN = {"title": "First!", "body": ""}
HOSTS = "Blog.example.org, node:5000, [2001:DB8::1], 192.0.2.1:80, secure.example.org:443"
MakeApp = Callable[..., Application]


def status(client: FlaskClient, host: str, path: str = "/", **headers: str) -> int:
    """The response to a request for a host."""
    return client.get(path, headers={"Host": host, **headers}).status_code


@pytest.mark.parametrize("host", ["localhost", "blog.example.org", "203.0.113.9:81"])
def test_any_host_is_served_where_none_is_named(client: FlaskClient, host: str) -> None:
    assert status(client, host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "blog.example.org", "BLOG.example.org", "blog.example.org:443", "blog.example.org:8080",
        "blog.example.org:", "node:5000", "[2001:db8::1]", "[2001:DB8::1]:5000", "192.0.2.1",
        "192.0.2.1:80",
    ],
)  # fmt: skip
def test_a_host_that_is_named_is_served(make_app: MakeApp, host: str) -> None:
    assert status(make_app(allowed_hosts=HOSTS).test_client(), host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "example.org", "a.blog.example.org", "blog.example.org.", "blog.example.org.evil.example",
        "node", "node:5001", "node:50000", "[2001:db8::2]", "192.0.2.1:8080", "192.0.2.10",
        "secure.example.org", "localhost",
    ],
)  # fmt: skip
def test_another_host_is_421(make_app: MakeApp, host: str) -> None:
    client = make_app(allowed_hosts=HOSTS).test_client()
    problem = assert_problem(client.get("/", headers={"Host": host}), 421)

    assert problem["title"] == "Misdirected Request"
    assert problem["detail"] == f"the host {host!r} is not served here"


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://blog.example.org/blog", "blog.example.org"),
        ("https://blog.example.org:8443", "blog.example.org:5000"),
        ("http://[::1]:5000", "[::1]"),
        ("http://my_blog:5000", "my_blog:5000"),
    ],
)
def test_the_host_of_the_base_url_is_served_and_no_other(
    make_app: MakeApp, base_url: str, host: str
) -> None:
    client = make_app(base_url=base_url).test_client()

    assert (status(client, host), status(client, "localhost")) == (200, 421)


def test_further_hosts_are_served_in_addition_to_that_of_the_base_url(make_app: MakeApp) -> None:
    app = make_app(base_url="https://blog.example.org", allowed_hosts="localhost")
    client = app.test_client()

    assert [status(client, host) for host in ("blog.example.org", "localhost")] == [200, 200]
    assert status(client, "127.0.0.1") == 421


def test_a_host_without_a_port_has_the_default_of_the_scheme(make_app: MakeApp) -> None:
    client = make_app(allowed_hosts=HOSTS, trusted_proxies=1).test_client()

    assert status(client, "secure.example.org", **{"X-Forwarded-Proto": "https"}) == 200
    assert status(client, "192.0.2.1", **{"X-Forwarded-Proto": "https"}) == 421


@pytest.mark.parametrize(("hops", "expected"), [(0, 421), (1, 200)])
def test_the_host_is_the_one_that_a_trusted_proxy_names(
    make_app: MakeApp, hops: int, expected: int
) -> None:
    client = make_app(allowed_hosts=HOSTS, trusted_proxies=hops).test_client()

    assert status(client, "node", **{"X-Forwarded-Host": "blog.example.org"}) == expected


def test_a_host_from_a_trusted_proxy_is_checked(make_app: MakeApp) -> None:
    client = make_app(allowed_hosts=HOSTS, trusted_proxies=1).test_client()

    assert status(client, "blog.example.org", **{"X-Forwarded-Host": "evil.example"}) == 421


def test_a_write_for_another_host_is_not_done(make_app: MakeApp) -> None:
    client = make_app(allowed_hosts="localhost").test_client()
    refused = client.post("/post", json=WRITTEN, auth=RICK, headers={"Host": "evil.example"})

    assert_problem(refused, 421)
    assert client.get("/post").json["data"] == []


def test_a_resource_may_be_for_any_host(make_app: MakeApp) -> None:
    client = make_app(allowed_hosts="blog.example.org", metrics=True).test_client()

    assert status(client, "192.0.2.11:5000", "/health/live") == 200
    assert status(client, "192.0.2.11:5000", "/metrics") == 200
    assert status(client, "192.0.2.11:5000", "/health/dead") == 421
