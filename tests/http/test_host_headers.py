"""Each request names one valid host, for every path and method."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, run_wsgi_app

from blog.gateway.environ import LONGEST_HEADERS, LONGEST_TARGET
from blog.http.application import Application
from blog.http.request_target import read_host
from tests.cases import cases
from tests.contract import Clock, assert_problem
from tests.gateway.cached import Served, served
from tests.gateway.gateways import fetch, gateway, scope
from tests.people import RICK
from tests.servers.serving import Server, add_author, serve

pytestmark = pytest.mark.databases("sqlite")

MakeApp = Callable[..., Application]
VALID = [
    "localhost", "blog_app:5000", "blog-app", "BLOG.example", "blog.example.", "blog.example:",
    "blog.example.:80", "xn--caf-dma.example", "192.0.2.1:8080", "[::1]", "[::1]:5000", "[::1]:",
    "[2001:DB8::192.0.2.1]", "a:0", "a:65535", "_", "1", f"{'a' * 63}.{'b' * 63}", "a." * 127,
]  # fmt: skip
INVALID = [
    "", " ", "a b", "a,b", "a, a", "user@a", "u:p@a", "a/", "a/b", "a?b", "a#b", "a\\b", "a:b",
    "a:-1", "a:65536", "a:000080", "a:80:80", ":80", ".", ".a", "a..b", "é", "\xff", "%61", "a%00",
    "a\0", "a\n", "[::1", "::1", "[]", "[::1]a", "[1]", "[::1%25eth0]", "[v1.a]", "[::g]", "a" * 64,
    "a.b" * 90, "a;b", "a'", '"a"', "<a>", "\u0661", "\uff41",
]  # fmt: skip
# Those that a library sends.
SENT = [text for text in INVALID if text.isascii() and text.isprintable()]


@pytest.mark.parametrize("text", VALID)
def test_a_host_is_a_name_or_an_address_perhaps_with_a_port(text: str) -> None:
    assert read_host(text) is not None


@pytest.mark.parametrize("text", INVALID)
def test_anything_else_is_invalid(text: str) -> None:
    assert read_host(text) is None


@pytest.mark.slow
@cases(
    ("method", "path"),
    [
        *(("GET", "/"), ("HEAD", "/post"), ("OPTIONS", "/post"), ("POST", "/post"), ("PUT", "/")),
        *(("GET", "/nowhere"), ("GET", "//post"), ("BREW", "/"), ("GET", "/health/live")),
        *(("GET", "/health/ready"), ("OPTIONS", "/nowhere")),
    ],
)
def test_an_invalid_host_is_400_for_every_path_and_method(
    client: FlaskClient, method: str, path: str, subtests: pytest.Subtests
) -> None:
    sent = {"PATH_INFO": path}
    for host in SENT:
        with subtests.test(host=host):
            response = client.open(
                "/", method=method, headers={"Host": host}, environ_overrides=sent
            )

            assert response.status_code == 400
            assert response.mimetype == "application/problem+json"


def test_the_problem_quotes_the_header_of_the_request(client: FlaskClient) -> None:
    problem = assert_problem(client.get("/", headers={"Host": "a, b"}), 400)

    assert problem["detail"] == "a request has one valid Host header, and this one has 'a, b'"


def without_host(app: Application, path: str, protocol: str = "HTTP/1.0", **environ: Any) -> Any:
    """The response to a request without a Host header: the status and the document."""
    asked = {**EnvironBuilder(path).get_environ(), "SERVER_PROTOCOL": protocol, **environ}
    del asked["HTTP_HOST"]
    chunks, status, _ = run_wsgi_app(app, asked)
    return status[:3], json.loads(b"".join(chunks))


@pytest.mark.parametrize("path", ["/", "/nowhere", "/health/live"])
def test_a_request_of_http_1_1_without_a_host_is_400(make_app: MakeApp, path: str) -> None:
    app = make_app(base_url="http://blog.example")

    status, problem = without_host(app, path, "HTTP/1.1")

    assert (status, problem["detail"][-4:]) == ("400", "none")


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_is_served_to_http_1_0_without_a_host(make_app: MakeApp, path: str) -> None:
    status, document = without_host(make_app(allowed_hosts="blog.example"), path)

    assert (status, document["_links"]["self"]) == ("200", f"http://localhost{path}")


def test_metrics_are_served_to_http_1_0_without_a_host(make_app: MakeApp) -> None:
    asked = {**EnvironBuilder("/metrics").get_environ(), "SERVER_PROTOCOL": "HTTP/1.0"}
    del asked["HTTP_HOST"]

    assert run_wsgi_app(make_app(metrics=True), asked)[1] == "200 OK"


def test_links_for_http_1_0_without_a_host_begin_with_the_base_url(make_app: MakeApp) -> None:
    status, root = without_host(make_app(base_url="http://blog.example/a"), "/")

    assert (status, root["_links"]["self"]) == ("200", "http://blog.example/a/")


def test_http_1_0_without_a_host_and_a_base_url_is_400(
    make_app: MakeApp,
) -> None:
    status, problem = without_host(make_app(), "/")

    assert (status, "BLOG_BASE_URL" in problem["detail"]) == ("400", True)


def test_readiness_without_a_host_or_an_address_is_400(make_app: MakeApp) -> None:
    status, problem = without_host(make_app(), "/health/ready", SERVER_NAME="/run/blog sock")

    assert (status, "no address" in problem["detail"]) == ("400", True)


def test_a_target_that_names_a_host_wins_over_the_header(make_app: MakeApp) -> None:
    app = make_app(allowed_hosts="blog.example:8080")
    variables = {"REQUEST_URI": "HTTP://blog.example:8080/post?limit=1"}
    client = app.test_client()

    response = client.get("/post", headers={"Host": "other.example"}, environ_overrides=variables)

    assert response.json["_links"]["self"] == "http://blog.example:8080/post"


@pytest.mark.parametrize("authority", ["", "other.example", "u:p@blog.example", "a b"])
def test_a_target_that_names_another_host_is_refused(make_app: MakeApp, authority: str) -> None:
    client = make_app(allowed_hosts="blog.example").test_client()
    variables = {"RAW_URI": f"http://{authority}/post", "REQUEST_URI": ""}

    response = client.get("/post", headers={"Host": "blog.example"}, environ_overrides=variables)

    assert response.status_code in (400, 421)


@pytest.mark.parametrize("family", ["x-forwarded", "forwarded"])
def test_a_proxy_can_not_make_an_invalid_host_good(
    make_app: MakeApp, family: str, subtests: pytest.Subtests
) -> None:
    client = make_app(trusted_proxies=1, proxy_header=family).test_client()
    good = {"X-Forwarded-Host": "blog.example", "Forwarded": "host=blog.example"}
    for host in SENT:
        with subtests.test(host=host):
            assert_problem(client.get("/", headers={"Host": host, **good}), 400)


@pytest.mark.parametrize("family", ["x-forwarded", "forwarded"])
def test_a_host_from_a_proxy_has_the_same_grammar(
    make_app: MakeApp, family: str, subtests: pytest.Subtests
) -> None:
    client = make_app(trusted_proxies=1, proxy_header=family).test_client()
    others = [text for text in SENT if text.strip() and not set(text) & set(',"\\')]
    for host in [*VALID, *others]:
        with subtests.test(host=host):
            headers = {"X-Forwarded-Host": host, "Forwarded": f'host="{host}"'}

            assert (client.get("/", headers=headers).status_code == 200) == (host in VALID)


def test_a_write_without_a_valid_host_is_not_done(client: FlaskClient) -> None:
    written = {"title": "First!", "body": ""}
    refused = client.post("/post", json=written, auth=RICK, headers={"Host": "a, b"})

    assert_problem(refused, 400)
    assert client.get("/post").json["data"] == []


@pytest.fixture
def cached(database_url: str) -> Iterator[Served]:
    """An application behind a gateway with a cache."""
    with served(Clock(), database_url=database_url) as made:
        yield made


@pytest.mark.parametrize("host", ["a,a", "", "a b"])
def test_a_cache_gives_nothing_to_a_request_without_a_valid_host(cached: Served, host: str) -> None:
    asking = scope("GET", "/post")
    asking["headers"] = [(b"host", part.encode()) for part in host.split(",")]

    assert cached.get("/post").status == 200
    assert fetch(cached.gateway, asking).status == 400


@pytest.mark.slow
@cases(
    "refused",
    [
        {**scope(), "raw_path": b"/" + b"a" * LONGEST_TARGET},
        {**scope(), "raw_path": b""},
        scope(cookie="a" * LONGEST_HEADERS),
        scope("POST", "/post", content_length="200000", authorization="Basic !"),
    ],
    ids=["414", "no path", "431", "413"],
)
def test_what_the_gateway_refuses_needs_a_host_first(
    app: Application, refused: dict[str, Any]
) -> None:
    refused["headers"] = [(b"host", b"a b"), *refused["headers"][1:]]
    received = fetch(gateway(app), refused, [{"type": "http.request", "body": b"a" * 200_000}])

    assert (received.status, b"Host header" in received.body) == (400, True)


@pytest.mark.slow
def test_a_long_request_is_refused_for_its_length_where_it_names_a_host(app: Application) -> None:
    long = {**scope(), "raw_path": b"/" + b"a" * LONGEST_TARGET}

    assert fetch(gateway(app), long).status == 414


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in production mode."""
    directory = tmp_path_factory.mktemp("blog")
    add_author(directory)
    with serve(directory, env={"BLOG_METRICS": "1"}) as running:
        yield running


def ask(server: Server, *lines: str) -> tuple[int, bytes]:
    """The status and the body of the response to a head."""
    with server.connect() as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        with http.client.HTTPResponse(connection) as response:
            response.begin()
            return response.status, response.read()


@pytest.mark.parametrize(
    "path", ["/", "/post", "/health/live", "/health/ready", "/metrics", "//", "*"]
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "get"])
@pytest.mark.parametrize("hosts", [[], [""], ["a", "a"], ["a", ""], ["a b"], ["a,b"], ["\xff"]])
def test_over_tcp_a_request_without_one_valid_host_is_400(
    server: Server, hosts: list[str], method: str, path: str
) -> None:
    lines = [f"Host: {host}" for host in hosts]

    assert ask(server, f"{method} {path} HTTP/1.1", *lines)[0] == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health/live", 200), ("/health/ready", 200), ("/metrics", 200), ("/", 400), ("/post", 400)],
)
def test_over_tcp_http_1_0_needs_no_host_for_health(server: Server, path: str, status: int) -> None:
    assert ask(server, f"GET {path} HTTP/1.0")[0] == status


def test_over_tcp_the_host_of_the_target_is_in_no_link(
    server: Server,
) -> None:
    """The server below does not tell the host of a target, so none may depend on it."""
    status, body = ask(server, "GET http://evil.example/ HTTP/1.1", "Host: blog.example")

    assert (status, b"evil" in body) == (200, False)
