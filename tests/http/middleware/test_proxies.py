"""Forwarding headers of trusted proxies are applied, and those of clients never."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from blog.http.application import Application
from blog.http.middleware.proxies import MIDDLEWARES, rewriter
from tests.servers.serving import Server, eventually, serve

pytestmark = pytest.mark.databases("sqlite")

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PEER = "10.0.0.1"
MANY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# What a client may send in any header, all that means something to a parser above all.
FORGED = st.one_of(
    st.text('",;=\\ \t[]:._%for12', max_size=30),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30),
    st.sampled_from(
        [
            "for=6.6.6.6;proto=https;host=evil.example",
            'for="6.6.6.6',
            'for=6.6.6.6;host="',
            'for="\\',
            "6.6.6.6, 6.6.6.6",
            '"6.6.6.6',
        ]
    ),
)


class Seen(NamedTuple):
    """What the application sees of a request."""

    address: str
    scheme: str
    host: str
    prefix: str = ""


DIRECT = Seen(PEER, "http", "localhost")


def seen(family: str, hops: int, headers: Iterable[tuple[str, str]]) -> Seen:
    """What an application behind the middleware sees of a request that a proxy passes on."""
    found: list[Seen] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        names = ("REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME")
        found.append(Seen(*(environ[name] for name in names)))
        start_response("204 No Content", [])
        return []

    builder = EnvironBuilder("/", headers=Headers(list(headers)))
    environ = {**builder.get_environ(), "REMOTE_ADDR": PEER}
    run_wsgi_app(MIDDLEWARES[family](app, hops), environ)
    return found[0]


def forwarded(value: str, hops: int = 1) -> Seen:
    """What is seen with this in the header Forwarded."""
    return seen("forwarded", hops, [("Forwarded", value)])


def forwarded_for(value: str, hops: int = 1) -> str:
    """The address that is seen with this in the header X-Forwarded-For."""
    return seen("x-forwarded", hops, [("X-Forwarded-For", value)]).address


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=192.0.2.60", Seen("192.0.2.60", "http", "localhost")),
        ("For=192.0.2.60;Proto=https;by=203.0.113.43", Seen("192.0.2.60", "https", "localhost")),
        ("proto=HTTPS", Seen(PEER, "https", "localhost")),
        ("host=blog.example.org", Seen(PEER, "http", "blog.example.org")),
        ('for="[2001:DB8:cafe::17]:4711"', Seen("2001:db8:cafe::17", "http", "localhost")),
        (
            'for="[2001:db8::1]";host="a.example:8080"',
            Seen("2001:db8::1", "http", "a.example:8080"),
        ),
        ('for="192.0.2.60:_gazonk"', Seen("192.0.2.60", "http", "localhost")),
        (r'for="192.0.2\.60"', Seen("192.0.2.60", "http", "localhost")),
        ("for=192.0.2.60 ; proto=https;", Seen("192.0.2.60", "https", "localhost")),
        ("for=192.0.2.43,\tfor=198.51.100.17", Seen("198.51.100.17", "http", "localhost")),
        ('host="a,for=6.6.6.6";for=192.0.2.60', Seen("192.0.2.60", "http", "a,for=6.6.6.6")),
        ('extension="a\\"b, c";proto=https', Seen(PEER, "https", "localhost")),
    ],
)
def test_forwarded_is_read_by_rfc_7239(value: str, expected: Seen) -> None:
    assert forwarded(value) == expected


@pytest.mark.parametrize("node", ["unknown", "_hidden", "_SEVKISEK", '""', '"[::1"', "1.2.3"])
def test_an_invalid_address_leaves_that_of_the_proxy(node: str) -> None:
    assert forwarded(f"for={node};proto=https") == Seen(PEER, "https", "localhost")


@pytest.mark.parametrize(
    "value",
    [
        "", ",", ";", "for", "for=", "=192.0.2.60", "for =192.0.2.60", "for= 192.0.2.60",
        "for=[::1]", "for=192.0.2.60:80", 'for="192.0.2.60', 'for="192.0.2.60"x', "for=a b",
        "for=192.0.2.60,", "for=192.0.2.60 proto=https", "for=é",
    ],
)  # fmt: skip
def test_a_malformed_forwarded_is_as_if_absent(value: str) -> None:
    assert forwarded(value) == DIRECT


def test_an_empty_scheme_or_host_is_as_if_absent() -> None:
    assert forwarded('proto="";host=""') == DIRECT


def test_lines_of_forwarded_are_one_list() -> None:
    lines = [("Forwarded", f"for=192.0.2.{number}") for number in (1, 2, 3)]

    assert [seen("forwarded", hops, lines).address for hops in (1, 2, 3, 4)] == [
        "192.0.2.3",
        "192.0.2.2",
        "192.0.2.1",
        PEER,
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:567", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:0DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:567", "2001:db8::1"),
        ("  192.0.2.7\t", "192.0.2.7"),
        ("unknown", PEER),
        ("fe80::1%eth0", PEER),
        ("192.0.2.007", PEER),
        ("192.0.2.7:port", PEER),
        ("256.0.2.7", PEER),
        ("١٩٢.0.2.7", PEER),
        ("192.0.2.7,", PEER),
        ("", PEER),
    ],
)
def test_an_address_is_read_without_its_port_and_in_one_spelling(value: str, expected: str) -> None:
    assert forwarded_for(value.encode().decode("latin-1")) == expected


def test_a_connection_does_not_make_a_new_client() -> None:
    ports = (1024, 40000, 65535)

    assert {forwarded_for(f"[2001:db8::1]:{port}") for port in ports} == {"2001:db8::1"}
    assert {forwarded(f'for="192.0.2.7:{port}"').address for port in ports} == {"192.0.2.7"}


def of_proxies(family: str, count: int) -> list[tuple[str, str]]:
    """What each of some proxies adds; the first says what is true of the client."""
    if family == "forwarded":
        sent = ['for="[2001:db8::7]:567";proto=https;host="blog.example.org"']
        return [("Forwarded", value) for value in [*sent, *["for=192.0.2.1"] * (count - 1)]]
    told_by_name = {
        "X-Forwarded-For": ("2001:db8::7", "192.0.2.1"),
        "X-Forwarded-Proto": ("https", "http"),
        "X-Forwarded-Host": ("blog.example.org", "node"),
        "X-Forwarded-Prefix": ("/blog", "/"),
    }
    return [
        (name, value)
        for name, (first, later) in told_by_name.items()
        for value in [first, *[later] * (count - 1)]
    ]


@MANY
@given(hops=st.integers(1, 3), forgeries=st.lists(FORGED, max_size=3))
@example(hops=1, forgeries=['for="'])
@example(hops=2, forgeries=['for=6.6.6.6;x="', "for=6.6.6.6"])
@example(hops=2, forgeries=["for=6.6.6.6;x="])
def test_a_client_can_not_forge_forwarded(hops: int, forgeries: list[str]) -> None:
    forged = [("Forwarded", value) for value in forgeries]
    read = seen("forwarded", hops, [*forged, *of_proxies("forwarded", hops)])

    assert read == Seen("2001:db8::7", "https", "blog.example.org")


@MANY
@given(hops=st.integers(1, 3), forgeries=st.lists(FORGED, max_size=3))
@example(hops=1, forgeries=['"6.6.6.6'])
def test_a_client_can_not_forge_the_address_in_x_forwarded_for(
    hops: int, forgeries: list[str]
) -> None:
    forged = [("X-Forwarded-For", value) for value in forgeries]
    read = seen("x-forwarded", hops, [*forged, *of_proxies("x-forwarded", hops)])

    assert read == Seen("2001:db8::7", "https", "blog.example.org", "/blog")


@pytest.mark.parametrize(
    ("family", "other"), [("x-forwarded", "forwarded"), ("forwarded", "x-forwarded")]
)
@pytest.mark.parametrize("hops", [1, 2])
def test_the_headers_that_the_proxies_do_not_set_are_ignored(
    family: str, other: str, hops: int
) -> None:
    assert seen(family, hops, of_proxies(other, 3)) == DIRECT


@pytest.mark.parametrize("family", MIDDLEWARES)
def test_fewer_proxies_than_expected_are_not_believed(family: str) -> None:
    assert seen(family, 3, of_proxies(family, 2)) == DIRECT


@pytest.mark.parametrize("family", MIDDLEWARES)
@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        (0, "http://localhost/"),
        (1, "https://blog.example.org"),
        (2, "http://localhost/"),
    ],
)
def test_links_are_those_that_trusted_proxies_tell(
    make_app: Callable[..., Application], family: str, hops: int, expected: str
) -> None:
    client = make_app(trusted_proxies=hops, proxy_header=family).test_client()
    response = client.get("/", headers=of_proxies(family, 1))

    assert response.json["_links"]["self"].startswith(expected)


def test_a_scheme_that_is_none_makes_no_links(make_app: Callable[..., Application]) -> None:
    client = make_app(trusted_proxies=1, proxy_header="forwarded").test_client()
    response = client.get("/", headers={"Forwarded": "proto=javascript"})

    assert response.status_code == 400


def exchange(server: Server, *headers: str) -> str:
    """Send a request with these lines in its head; return the whole response."""
    head = ("GET / HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", "")
    with server.connect() as connection:
        connection.sendall("\r\n".join(head).encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.mark.parametrize(
    ("family", "header", "form"),
    [("x-forwarded", "X-Forwarded-For", "{}"), ("forwarded", "Forwarded", "for={}")],
)
def test_a_proxy_may_add_a_line_of_its_own(
    tmp_path: Path, family: str, header: str, form: str
) -> None:
    env = {"BLOG_TRUSTED_PROXIES": "2", "BLOG_PROXY_HEADER": family}
    lines = [f"{header}: {form.format(a)}" for a in ("6.6.6.6", "192.0.2.7", "10.0.0.2")]
    with serve(tmp_path, env=env) as server:
        answer = exchange(server, *lines)
        eventually(lambda: "192.0.2.7" in server.stderr_text(), server.stderr_text)

    assert answer.startswith("HTTP/1.1 200 ")
    assert "6.6.6.6" not in server.stderr_text()


@MANY
@given(value=st.text('for=by";,.:[]1ab\\_ \t', max_size=200), hops=st.integers(1, 10))
@example(value='a="' * 2000, hops=10)
@example(value='a="\\",' * 2000, hops=10)
@example(value="a=b" + " " * 5000 + "x", hops=10)
@example(value="a=b" + " ; " * 2000 + "x", hops=10)
@example(value="a=b," * 2000 + "x", hops=10)
def test_no_header_takes_long_to_parse(value: str, hops: int) -> None:
    assert forwarded(value, hops).scheme == "http"


@pytest.mark.parametrize("forged", ['"', 'x"', '"evil.example'])
def test_a_quote_of_the_client_hides_nothing_that_a_proxy_adds(forged: str) -> None:
    headers = [("X-Forwarded-Host", f"{forged}, blog.example.org"), ("X-Forwarded-Proto", "https")]

    assert seen("x-forwarded", 1, headers) == Seen(PEER, "https", "blog.example.org")


@pytest.mark.parametrize("scheme", ["https", "HTTPS", "Https", " https "])
def test_a_scheme_is_read_in_any_case(scheme: str) -> None:
    headers = [("X-Forwarded-Proto", scheme)]

    assert seen("x-forwarded", 1, headers) == Seen(PEER, "https", "localhost")


@pytest.mark.parametrize(
    ("scheme", "host", "port", "expected"),
    [
        ("https", "blog.example", "8443", "blog.example:8443"),
        ("https", "blog.example", " 8443 ", "blog.example:8443"),
        ("https", "blog.example", "443", "blog.example"),
        ("http", "blog.example", "443", "blog.example:443"),
        ("http", "blog.example", "80", "blog.example"),
        ("https", "blog.example:", "8443", "blog.example:8443"),
        ("https", "blog.example:9", "8443", "blog.example:9"),
        ("https", "[::1]", "8443", "[::1]:8443"),
        ("https", "[::1]:9", "8443", "[::1]:9"),
        ("https", "", "8443", "localhost:8443"),
    ],
)
def test_a_port_is_added_to_a_host_that_has_none(
    scheme: str, host: str, port: str, expected: str
) -> None:
    read = {"Proto": scheme, "Host": host, "Port": port}
    headers = [(f"X-Forwarded-{name}", value) for name, value in read.items()]

    assert seen("x-forwarded", 1, headers) == Seen(PEER, scheme, expected)


@pytest.mark.parametrize(
    "port", ["", "x", "-1", "65536", "8443x", "84 43", "8443/evil", "\u0661", "[1]"]
)
def test_an_invalid_port_is_ignored(port: str) -> None:
    headers = [("X-Forwarded-Port", port.encode().decode("latin-1"))]

    assert seen("x-forwarded", 1, headers) == DIRECT


@pytest.mark.parametrize(
    ("hops", "expected"),
    [(1, "localhost:3"), (2, "localhost:2"), (3, "localhost:1"), (4, "localhost")],
)
def test_ports_are_counted_as_the_others_are(hops: int, expected: str) -> None:
    headers = [("X-Forwarded-Port", "1, 2"), ("X-Forwarded-Port", "3")]

    assert seen("x-forwarded", hops, headers).host == expected


def test_no_port_is_read_in_forwarded() -> None:
    assert forwarded('for=192.0.2.60;port=8443;prefix="/evil"') == Seen(
        "192.0.2.60", "http", "localhost"
    )


@pytest.mark.parametrize("family", MIDDLEWARES)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Proto": "HTTPS", "Forwarded": "proto=HTTPS"},
        {"X-Forwarded-Proto": "gopher", "Forwarded": "proto=gopher"},
        {"X-Forwarded-Proto": "https://", "Forwarded": 'proto="https://"'},
        {"X-Forwarded-Port": "9" * 30, "Forwarded": 'host="a:99999"'},
        {"X-Forwarded-Host": "a:b:c", "Forwarded": 'host="a:b:c"'},
    ],
)
def test_no_header_of_a_proxy_breaks_the_server(
    make_app: Callable[..., Application], family: str, headers: dict[str, str]
) -> None:
    client = make_app(trusted_proxies=1, proxy_header=family).test_client()

    assert client.get("/", headers=headers).status_code in (200, 400)


def test_to_be_believed_twice_makes_no_difference() -> None:
    environ = EnvironBuilder(headers=Headers(of_proxies("x-forwarded", 1))).get_environ()
    environ["HTTP_X_FORWARDED_PORT"] = "8443"
    believe = rewriter("x-forwarded", 1)
    believe(environ)
    once = dict(environ)
    believe(environ)

    assert environ == once
    assert environ["HTTP_HOST"] == "blog.example.org:8443"
