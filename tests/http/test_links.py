"""Links: each leads to its target, for all names, hosts and proxies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from requests.utils import parse_header_links
from werkzeug.test import TestResponse

from blog.content.authors import check_name
from blog.content.posts import new_post_id
from blog.errors import AccountError
from blog.http.application import Application
from blog.http.links import Links
from blog.representations.document import Link
from tests.cases import cases
from tests.contract import Clock, assert_problem, path_of, write_post
from tests.people import RICK

pytestmark = pytest.mark.databases("sqlite")

BASE = "https://example.org/a%20blog"
MANY = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PROXIED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "blog.example.org",
    "X-Forwarded-Prefix": "/blog",
    "X-Forwarded-For": "192.0.2.1",
}


def resolve(app: Application, link: Link) -> tuple[str, Any]:
    """The endpoint and the arguments that a link leads to."""
    assert link.href.startswith(f"{BASE}/")
    assert link.href.isascii()
    path = unquote(urlsplit(link.href.removeprefix(BASE)).path, errors="strict")
    return app.url_map.bind("localhost").match(path)


@cases(
    ("name", "endpoint"),
    [("root", "root"), ("posts", "postlist"), ("authors", "authorlist"), ("tags", "taglist")],
)
def test_a_link_to_a_list_leads_there(app: Application, name: str, endpoint: str) -> None:
    assert resolve(app, getattr(Links(BASE), name)) == (endpoint, {})


def test_a_link_to_a_post_leads_there(app: Application) -> None:
    for post_id in (new_post_id(), "0" * 32, "f" * 32):
        assert resolve(app, Links(BASE).post(post_id)) == ("post", {"post_id": post_id})


@MANY
@given(st.text(st.characters(categories=["L", "M", "N"], include_characters="_.+@-"), min_size=1))
def test_a_link_to_an_author_leads_there(app: Application, text: str) -> None:
    try:
        name = check_name(text)
    except AccountError:
        assume(False)

    assert resolve(app, Links(BASE).author(name)) == ("author", {"name": name})


@MANY
@given(st.text(st.characters(codec="utf-8", exclude_characters="/\n\0"), min_size=1))
def test_any_text_is_one_segment_of_a_path(app: Application, text: str) -> None:
    assert resolve(app, Links(BASE).author(text)) == ("author", {"name": text})


@MANY
@given(
    st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
)
def test_any_text_is_a_parameter(app: Application, parameters: dict[str, str]) -> None:
    link = Links.query(Links(BASE).posts, parameters)
    query = urlsplit(link.href).query

    assert resolve(app, link) == ("postlist", {})
    assert dict(parse_qsl(query, keep_blank_values=True, errors="strict")) == parameters


def test_a_template_names_its_gaps() -> None:
    link = Links.template(Links(BASE).posts, ("limit", "tag"))

    assert link == (f"{BASE}/post{{?limit,tag}}", True)


def urls(response: TestResponse) -> list[str]:
    """Every URL in a response, in its body and in its headers."""
    body = response.json
    representations = [body, *body.get("data", ())]
    found = [url for item in representations for url in item["_links"].values()]
    found += [link["url"] for link in parse_header_links(response.headers["Link"])]
    named = (response.headers.get(name) for name in ("Location", "Content-Location"))
    return [*found, *(url for url in named if url)]


@pytest.mark.parametrize("base", ["https://example.org/a/blog", "https://example.org/a/blog/"])
def test_every_url_begins_with_the_base_url_that_is_set(
    make_app: Callable[..., Application], base: str
) -> None:
    client = make_app(base_url=base, allowed_hosts="localhost").test_client()
    answers = [write_post(client), *(client.get(path) for path in ("/", "/post", "/author"))]

    for response in answers:
        assert {url[:27] for url in urls(response)} == {"https://example.org/a/blog/"}


def test_the_base_url_wins_over_host_and_proxies(make_app: Callable[..., Application]) -> None:
    hosts = "elsewhere,blog.example.org"
    app = make_app(base_url="https://example.org/a", trusted_proxies=1, allowed_hosts=hosts)
    response = app.test_client().get("/", headers={"Host": "elsewhere", **PROXIED})

    assert response.json["_links"]["self"] == "https://example.org/a/"


@cases(
    ("host", "expected"),
    [
        ("example.org", "http://example.org/"),
        ("example.org:80", "http://example.org/"),
        ("example.org:8080", "http://example.org:8080/"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000/"),
        ("[::1]:5000", "http://[::1]:5000/"),
        ("xn--caf-dma.example", "http://xn--caf-dma.example/"),
        ("example.org.", "http://example.org./"),
        ("example.org:", "http://example.org/"),
        ("blog_app:5000", "http://blog_app:5000/"),
        ("[::1]:80", "http://[::1]/"),
    ],
)
def test_links_begin_with_the_host_of_the_request(
    client: FlaskClient, host: str, expected: str
) -> None:
    response = client.get("/", headers={"Host": host})

    assert response.json["_links"]["self"] == expected


@cases(
    "host",
    [
        "", "a b", "user@host", "host/path", "host?x", "host#x", "host\\x", "a:b",
        "[::1", "host>", 'host"', "host,other", "é", "%41", "a..b", ".a", "x" * 64,
    ],
)  # fmt: skip
@cases("method", ["GET", "POST"])
def test_a_host_that_no_url_can_hold_is_400(client: FlaskClient, host: str, method: str) -> None:
    written = {"title": "First!", "body": ""} if method == "POST" else None
    response = client.open("/post", method=method, json=written, auth=RICK, headers={"Host": host})

    assert_problem(response, 400)


def test_a_post_to_a_bad_host_is_not_stored(client: FlaskClient) -> None:
    written = {"title": "First!", "body": ""}
    client.post("/post", json=written, auth=RICK, headers={"Host": "a b"})

    assert client.get("/post").json["data"] == []


@pytest.mark.parametrize("prefix", ["/blog", "/a b/é"])
def test_links_begin_where_the_application_is_mounted(client: FlaskClient, prefix: str) -> None:
    mounted = {"SCRIPT_NAME": prefix.encode().decode("latin-1")}
    response = client.get("/", environ_overrides=mounted)
    missing = client.get("/nowhere", environ_overrides=mounted)

    expected = {"/blog": "/blog", "/a b/é": "/a%20b/%C3%A9"}[prefix]
    assert response.json["_links"]["self"] == f"http://localhost{expected}/"
    assert missing.json["instance"] == f"{expected}/nowhere"


@pytest.mark.parametrize(
    "headers", [PROXIED, {"Forwarded": "for=192.0.2.1;host=blog.example.org;proto=https"}]
)
def test_what_a_proxy_says_is_ignored_unless_trusted(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    response = client.get("/", headers=headers)

    assert response.json["_links"]["self"] == "http://localhost/"


def test_what_a_trusted_proxy_says_counts(make_app: Callable[..., Application]) -> None:
    client = make_app(trusted_proxies=1).test_client()
    response = client.get("/", headers=PROXIED)

    assert response.json["_links"]["self"] == "https://blog.example.org/blog/"
    assert response.json["_links"]["posts"] == "https://blog.example.org/blog/post"


def test_only_the_last_proxy_is_trusted(make_app: Callable[..., Application]) -> None:
    client = make_app(trusted_proxies=1).test_client()
    forged = {name: f"forged, {value}" for name, value in PROXIED.items()}
    response = client.get("/", headers=forged)

    assert response.json["_links"]["self"] == "https://blog.example.org/blog/"


def test_a_trusted_proxy_can_not_make_a_bad_host_good(make_app: Callable[..., Application]) -> None:
    client = make_app(trusted_proxies=1).test_client()

    assert_problem(client.get("/", headers={"X-Forwarded-Host": "a b"}), 400)


def header_links(response: TestResponse) -> dict[str, str]:
    """The Link header, by relation."""
    return {link["rel"]: link["url"] for link in parse_header_links(response.headers["Link"])}


@cases(
    ("path", "auth", "expected"),
    [
        ("/", None, {"self"}),
        ("/", RICK, {"self"}),
        ("/post", None, {"self", "first"}),
        ("/post?limit=1", None, {"self", "first", "next"}),
        ("/author", None, {"self", "first"}),
        ("/author/rick", None, {"self"}),
        ("/author/rick", RICK, {"self", "edit"}),
        ("/tag", None, {"self", "first"}),
    ],
)
def test_the_link_header_has_the_registered_relations(
    client: FlaskClient, path: str, auth: tuple[str, str] | None, expected: set[str]
) -> None:
    for _ in range(2):
        write_post(client)
    response = client.get(path, auth=auth)

    links = response.json["_links"]
    assert header_links(response) == {relation: links[relation] for relation in expected}


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (None, {"self", "author"}),
        (RICK, {"self", "author", "edit", "version-history"}),
    ],
)
def test_the_link_header_of_a_post(
    client: FlaskClient, auth: tuple[str, str] | None, expected: set[str]
) -> None:
    path = path_of(write_post(client).headers["Location"])
    response = client.get(path, auth=auth)

    links = response.json["_links"]
    assert header_links(response) == {relation: links[relation] for relation in expected}


def test_the_link_header_leads_from_page_to_page(client: FlaskClient, clock: Clock) -> None:
    for title in ("c", "b", "a"):
        write_post(client, title=title, tags=['<"é, ;>'])
        clock.advance(seconds=1)
    titles, path = [], "/post?limit=1&tag=%3C%22%C3%A9,+%3B%3E"
    for _ in range(3):
        page = client.get(path)
        titles += [post["title"] for post in page.json["data"]]
        path = path_of(header_links(page).get("next", ""))

    assert (titles, path) == (["a", "b", "c"], "")
    assert header_links(page)["prev"] == page.json["_links"]["prev"]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Proto": "javascript"},
        {"X-Forwarded-Prefix": "x"},
        {"X-Forwarded-Prefix": "//evil.example"},
    ],
)
def test_a_trusted_proxy_that_passes_nonsense_on_makes_no_links(
    make_app: Callable[..., Application], headers: dict[str, str]
) -> None:
    client = make_app(trusted_proxies=1).test_client()

    assert_problem(client.get("/", headers=headers), 400)
