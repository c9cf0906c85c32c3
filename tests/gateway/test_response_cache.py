"""Cached responses: the same bytes as the application's, and never out of date."""

from __future__ import annotations

import gc
import logging
import tracemalloc
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from blog.app import create_gateway
from blog.settings import Settings
from tests.contract import Clock
from tests.gateway.cached import Served, same, served
from tests.gateway.gateways import fetch, scope
from tests.people import RICK

BASIC = "Basic " + b64encode(":".join(RICK).encode()).decode()


@pytest.fixture
def make(database_url: str, clock: Clock) -> Iterator[Callable[..., Served]]:
    """Makes applications on the test's database, with settings given by name, behind gateways."""
    with ExitStack() as stack:
        yield lambda **given: stack.enter_context(
            served(clock, **{"database_url": database_url, **given})
        )


@pytest.fixture
def cached(make: Callable[..., Served]) -> Served:
    """An application with default settings, behind a gateway."""
    return make()


@pytest.mark.parametrize("target", ["/", "/post", "/post?limit=2", "/author", "/tag", "/nowhere"])
def test_a_repeated_request_is_served_without_the_application(cached: Served, target: str) -> None:
    cached.write()
    first = cached.get(target)
    before = cached.calls

    assert same(cached.get(target), first)
    assert cached.calls == before


def test_a_post_is_served_from_the_cache(cached: Served) -> None:
    path = cached.write()
    first = cached.get(path)
    before = cached.calls

    assert same(cached.get(path), first)
    assert cached.calls == before


@pytest.mark.parametrize("target", ["/", "/nowhere"])
def test_head_is_served_from_the_cache(cached: Served, target: str) -> None:
    first = cached.get(target, "HEAD")

    assert same(cached.get(target, "HEAD"), first)
    assert (cached.calls, first.body) == (1, b"")


def test_each_response_has_its_own_id_which_is_logged(
    cached: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="blog")
    ids = [cached.get("/post?limit=2").headers["x-request-id"] for _ in range(3)]

    records = [r.__dict__ for r in caplog.records if r.name == "blog.access"]
    assert [record["requestId"] for record in records] == ids
    assert len(set(ids)) == 3
    shown = [(r["message"], r["route"], r["address"], r["bytes"]) for r in records]
    assert shown == [("GET /post?limit=2 200", "/post", "192.0.2.1", records[0]["bytes"])] * 3


def test_a_cached_response_is_counted(make: Callable[..., Served]) -> None:
    cached = make(metrics=True)
    for _ in range(3):
        cached.get("/")

    text = cached.get("/metrics").body
    assert b'blog_http_requests_total{method="GET",route="/",status="200"} 3.0' in text


@pytest.mark.parametrize("target", ["/post", "/tag", "/author/rick", "/post?tag=new"])
def test_after_a_write_the_response_is_the_new_one(cached: Served, target: str) -> None:
    before = cached.get(target)
    client = cached.app.test_client()
    cached.write(tags=["new"])
    assert client.patch("/author/rick", json={"bio": "New."}, auth=RICK).status_code == 200

    assert cached.get(target).body != before.body


def test_after_a_write_of_another_process_the_response_is_the_new_one(
    make: Callable[..., Served],
) -> None:
    reader, writer = make(), make()
    # Processes on one node share memory; another node would learn of the write a moment later.
    memory = memoryview(bytearray(8))
    reader.gateway.share(memory)
    writer.gateway.share(memory)
    path = writer.write()
    assert reader.get(path).status == 200
    assert writer.app.test_client().delete(path, auth=RICK).status_code == 204

    assert reader.get(path).status == 404


def test_a_scheduled_post_appears_when_it_is_due(cached: Served, clock: Clock) -> None:
    path = cached.write(postedDate="2026-11-22T10:00:00Z")
    assert [cached.get(path).status, cached.get(path).status] == [404, 404]
    clock.advance(minutes=13)

    assert cached.get(path).status == 200


def test_a_response_is_not_served_at_a_time_before_it_was_made(
    cached: Served, clock: Clock
) -> None:
    path = cached.write(postedDate="2026-11-22T10:00:00Z")
    clock.advance(hours=1)
    assert cached.get(path).status == 200
    # The clock is set back.
    clock.advance(hours=-1)

    assert cached.get(path).status == 404


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/post", {"authorization": BASIC}),
        ("/post?nope=1", {"prefer": "handling=lenient"}),
        ("/", {"if_match": "*"}),
        ("/", {"if_unmodified_since": "Sun, 22 Nov 2026 09:47:45 GMT"}),
        ("/", {"accept": "image/png"}),
        ("/post?limit=0", {}),
        ("/post?q=" + 2048 * "a", {}),
        ("/change", {}),
        ("/health/ready", {}),
    ],
)
def test_private_or_short_lived_responses_are_not_cached(
    cached: Served, target: str, headers: dict[str, str]
) -> None:
    before = cached.calls
    first = cached.get(target, **headers)

    assert cached.get(target, **headers).status == first.status
    assert cached.calls == before + 2


def test_a_request_without_a_host_is_not_cached(cached: Served) -> None:
    for _ in range(2):
        cached.get("/", host="")

    assert cached.calls == 2


NEWER = "Mon, 23 Nov 2026 00:00:00 GMT"


@pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}', "*"])
def test_a_client_that_has_the_cached_representation_gets_304(cached: Served, known: str) -> None:
    path = cached.write()
    etag = cached.get(path).headers["etag"]
    before = cached.calls
    stored = cached.get(path, if_none_match=known.format(etag))
    plain = cached.app.test_client().get(path, headers={"If-None-Match": known.format(etag)})

    assert (stored.status, stored.body, before) == (304, b"", cached.calls - 1)
    expected = {name.lower(): value for name, value in plain.headers if name != "X-Request-Id"}
    assert {**expected, "server": "blog"} == without_id(stored.headers)


@pytest.mark.parametrize("known", ['"other"', "not a tag"])
def test_a_client_with_another_tag_gets_the_cached_response(cached: Served, known: str) -> None:
    first = cached.get("/")

    assert same(cached.get("/", if_none_match=known), first)
    assert cached.calls == 1


def test_a_cached_404_ignores_if_none_match(cached: Served) -> None:
    first = cached.get("/nowhere")

    assert same(cached.get("/nowhere", if_none_match="*"), first)
    assert cached.calls == 1


@pytest.mark.parametrize("header", ["if_none_match", "if_modified_since"])
def test_304_is_cached_separately(cached: Served, header: str) -> None:
    path = cached.write()
    etag = cached.app.test_client().get(path).headers["ETag"]
    known = {header: etag if header == "if_none_match" else NEWER}
    before = cached.calls

    assert [cached.get(path, **known).status for _ in range(2)] == [304, 304]
    assert cached.calls == before + 1


def test_a_date_is_ignored_if_there_are_tags(cached: Served) -> None:
    first = cached.get("/", if_none_match='"other"')

    assert same(cached.get("/", if_none_match='"other"', if_modified_since=NEWER), first)
    assert cached.calls == 1


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/post?sort=title&limit=%35", {"user_agent": "another", "cookie": "a=b"}),
        ("/post?sort=t%69tle&&limit=5", {"accept": "*/*;q=0.5", "origin": "http://a.example"}),
        ("/post?sort=title&limit=5", {"accept": "text/html, application/json;q=0.9"}),
    ],
)
def test_equivalent_requests_share_a_response(
    cached: Served, target: str, headers: dict[str, str]
) -> None:
    first = cached.get("/post?sort=title&limit=5")

    assert same(cached.get(target, **headers), first)
    assert cached.calls == 1


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/post?limit=5&sort=title", {}),
        ("/post?sort=title&limit=5", {"host": "127.0.0.1"}),
        ("/post?sort=title&limit=5", {"accept": "application/hal+json"}),
        ("/post/?sort=title&limit=5", {}),
    ],
)
def test_different_requests_share_no_response(
    cached: Served, target: str, headers: dict[str, str]
) -> None:
    first = cached.get("/post?sort=title&limit=5")

    assert not same(cached.get(target, **headers), first)
    assert cached.calls == 2


def test_behind_proxies_their_headers_are_part_of_the_key(make: Callable[..., Served]) -> None:
    cached = make(trusted_proxies=1)
    headers_of_proxies = [
        {"x_forwarded_host": "a.example", "x_forwarded_for": "192.0.2.7"},
        {"x_forwarded_host": "a.example", "x_forwarded_for": "192.0.2.8"},
        {"x_forwarded_host": "b.example", "x_forwarded_proto": "https"},
        {"x_forwarded_host": "b.example", "x_forwarded_proto": "https", "x_forwarded_prefix": "/b"},
    ]
    bodies = [cached.get("/", **headers).body for headers in headers_of_proxies]

    assert (len(set(bodies)), cached.calls) == (3, 3)
    assert b"https://b.example/b/post" in bodies[3]


def test_the_cache_stays_within_its_capacity(make: Callable[..., Served]) -> None:
    cached = make(cache_bytes=20_000)
    for number in range(1, 21):
        cached.get(f"/post?limit={number}")
    cached.get("/post?limit=20")
    cached.get("/post?limit=1")

    assert cached.calls == 21
    assert 10_000 < cached.cache.size() <= 20_000


def test_a_response_beyond_the_whole_capacity_is_not_cached(make: Callable[..., Served]) -> None:
    cached = make(cache_bytes=2500)
    cached.write(body=1000 * "a")
    before = cached.calls
    cached.get("/post")
    cached.get("/post")

    assert cached.calls == before + 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "target",
    [
        # A cached 404.
        "/{}",
        # Many parameters in few bytes.
        "/{}?" + 60 * "a&",
        "/post?tag={}",
    ],
)
def test_an_entry_takes_no_more_memory_than_its_size(
    make: Callable[..., Served], target: str, caplog: pytest.LogCaptureFixture
) -> None:
    # Pytest would store the log records, which take memory, too.
    caplog.set_level(logging.ERROR, logger="blog.access")
    cached = make(cache_bytes="1GiB")
    get_numbers(cached, target, range(100))
    before = cached.cache.size()
    with closing(Traced()) as traced:
        get_numbers(cached, target, range(100, 600))
        taken = traced.growth()

    assert taken <= cached.cache.size() - before


def test_equal_requests_at_the_same_moment_call_the_application_once(cached: Served) -> None:
    responses = cached.get_at_once(10 * ["/post"])

    assert cached.calls == 1
    assert all(same(response, responses[0]) for response in responses)
    assert len({response.headers["x-request-id"] for response in responses}) == 10


def test_equal_requests_that_are_not_cached_each_call_the_application(cached: Served) -> None:
    responses = cached.get_at_once(3 * ["/post?limit=0"])

    assert [response.status for response in responses] == [400, 400, 400]
    assert cached.calls == 3


def test_without_capacity_there_is_no_cache(database_url: str) -> None:
    made = create_gateway(Settings(database_url=database_url, cache_bytes=0))
    made.share(memoryview(bytearray(8)))
    app = made._application
    received = [fetch(made, scope("GET", "/")).status for _ in range(2)]
    app.extensions["blog"].database.close()
    # Without a cache this does nothing.
    made.share(memoryview(bytearray(8)))

    assert received == [200, 200]
    assert made._cache is None


def get_numbers(cached: Served, target: str, numbers: range) -> None:
    """Get the target of each number, none of which is cached yet."""
    before = cached.calls
    cached.get_at_once(target.format(number) for number in numbers)
    assert cached.calls == before + len(numbers)


class Traced:
    """Traces the memory that is allocated from now on."""

    def __init__(self) -> None:
        gc.collect()
        tracemalloc.start()

    def growth(self) -> int:
        """The bytes of the traced memory that are still in use."""
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    def close(self) -> None:
        """Stop tracing."""
        tracemalloc.stop()


def without_id(headers: dict[str, str]) -> dict[str, str]:
    """The header fields, without the request id."""
    return {name: value for name, value in headers.items() if name != "x-request-id"}


def test_each_coding_is_cached_separately(cached: Served) -> None:
    path = cached.write(body=2000 * "a")
    codings = ["gzip", "gzip, deflate", "br", "identity", "gzip;q=0.9"]
    before = cached.calls
    bodies = [cached.get(path, accept_encoding=coding).body for coding in codings]

    assert cached.calls == before + 3
    assert bodies[0] == bodies[1] == bodies[4]
