"""Random requests get the same responses with a cache as without; it holds nothing private."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from blog.content.dates import format_date_time
from blog.gateway.gateway import Gateway
from tests.blogs import Blogs
from tests.contract import Clock, path_of
from tests.gateway.cached import Served, same, served
from tests.gateway.gateways import BOUNDS, Received, fetch_async, part, scope
from tests.people import ANN, JOE, RICK
from tests.rivals import change
from tests.tokens import issue

Headers = Mapping[str, str]

AUTHORS = {"rick": RICK, "joe": JOE, "ann": ANN}
TABLES = ("idempotency_key", "revision", "tag", "post")
# No other text looks like a title; slugs are in lower case.
TITLE = re.compile(r"Title-\d+-")
SEARCH = settings(
    deadline=None,
    max_examples=30,
    # Shrinking takes minutes.
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Way(NamedTuple):
    """The method, caller and headers of a request."""

    method: str
    caller: str
    headers: Headers


class Read(NamedTuple):
    """Requests for one target, which may be a post or a page from a previous response."""

    target: str
    # Selects the post, page or validator.
    number: int
    ways: list[Way]


class Write(NamedTuple):
    """A request to change something."""

    method: str
    target: str
    caller: str
    fields: Mapping[str, Any]
    number: int


class Wait(NamedTuple):
    """Some hours pass."""

    hours: float


# Callers by name: a capital letter stands for a password, a small one for a token.
callers = st.sampled_from([*(12 * [""]), "rick", "rick", "joe", "ann", "ann", "Joe", "nobody"])
numbers = st.integers(0, 20)
# Weighted so that cached responses are requested again.
targets = st.sampled_from(
    [
        *(30 * ["{post}"] + 10 * ["/post"] + 5 * ["{page}"]),
        *("{post}/revision", "{post}/revision/1", "{post}/revision/2", "{post}/revision/2/diff"),
        *("{post}?fields=title,bodyHtml", "{post}?fields=nope", "{post}/", "{post}/nowhere"),
        *("/", "/author", "/author/rick", "/author/nobody", "/author/%FF", "/tag", "/change"),
        *("/nowhere", "//post", "/%70ost", "/post/", "/health/live", "/health/ready", "/metrics"),
    ]
)
parameters = {
    "limit": st.sampled_from(["1", "2", "50", "0"]),
    "author": st.sampled_from(["rick", "ann", "nobody"]),
    "tag": st.sampled_from(["a", "b", "%61", "c+d"]),
    "status": st.sampled_from(["published", "draft", "scheduled", "nope"]),
    "slug": st.sampled_from(["title-1", "chosen"]),
    "since": st.sampled_from(["2026-11-22T10:47:45.746058Z", "2026-11-22", "nope"]),
    "until": st.sampled_from(["2026-11-22T10:47:45.746058Z", "2026-11-23"]),
    "sort": st.sampled_from(["title", "-title", "posted", "-posted", "updated", "nope"]),
    "fields": st.sampled_from(["title", "title,slug,updatedDate", "bodyHtml", ""]),
    "cursor": st.just("nope"),
    "nope": st.just("1"),
}
lists = st.fixed_dictionaries({}, optional=parameters).map(
    lambda query: "/post?" + "&".join(f"{name}={text}" for name, text in query.items())
)
headers = {
    "accept": st.sampled_from(
        ["application/hal+json", "application/json", "application/json;q=0.5, */*;q=0.1", "x/y"]
    ),
    "if_none_match": st.sampled_from([*(4 * ["{etag}"]), 'W/{etag}, "x"', "*", '"x"', "x", ""]),
    "if_modified_since": st.sampled_from([*(3 * ["{date}"]), "nope", ""]),
    "if_match": st.sampled_from(["{etag}", "*", '"x"']),
    "if_unmodified_since": st.sampled_from(["{date}", "nope"]),
    "prefer": st.sampled_from(["handling=lenient", "return=minimal", "wait=0"]),
    "host": st.sampled_from(["127.0.0.1:5000", "localhost", "LOCALHOST", "a b"]),
    "origin": st.sampled_from(["http://a.example", "null"]),
    "access_control_request_private_network": st.just("true"),
    "access_control_request_method": st.just("PUT"),
    "x_forwarded_host": st.just("evil.example"),
    "forwarded": st.just("host=evil.example;proto=https"),
    "range": st.just("bytes=0-9"),
    "cookie": st.just("session=x"),
    "content_type": st.just("text/plain"),
    "accept_encoding": st.just("gzip"),
}
# Mostly the headers that a cache key is made of.
names = [*headers, *(5 * ["accept", "host"]), *(4 * ["if_none_match", "if_modified_since"])]
one = st.sampled_from(names).flatmap(lambda name: st.tuples(st.just(name), headers[name]))
# Most requests have none or one of them.
few = st.lists(one, max_size=2).map(dict)
methods = st.sampled_from([*(6 * ["GET"]), "HEAD", "HEAD", "OPTIONS"])
ways = st.lists(st.builds(Way, methods, callers, few), min_size=2, max_size=6)
reads = st.builds(Read, st.one_of(targets, targets, targets, lists), numbers, ways)
contents = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["published", "published", "draft"]),
        "postedDate": st.sampled_from([0, 0, -24, -24, 1, 2]),
        "tags": st.sampled_from([["a"], ["b", "a"], ["c d"]]),
        "summary": st.sampled_from([None, "S"]),
    },
)
writes = st.builds(
    Write,
    st.sampled_from(["POST", "POST", "POST", "PUT", "PATCH", "PATCH", "DELETE"]),
    st.sampled_from([*(5 * ["{post}"]), "/author/rick"]),
    st.sampled_from(["rick", "rick", "joe", "ann"]),
    contents,
    numbers,
)
waits = st.builds(Wait, st.sampled_from([0.5, 1, 1, 2]))
kinds = st.sampled_from([*(6 * [reads]), *(3 * [writes]), waits])
steps = st.lists(kinds.flatmap(lambda kind: kind), min_size=8, max_size=20)


@dataclass
class Blog:
    """A blog with a cache, the same blog without one, and the requests and responses so far."""

    cached: Served
    clock: Clock
    credentials: Mapping[str, str]
    plain: Gateway = field(init=False)
    posts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    seen: list[tuple[str, Received]] = field(default_factory=list)
    titles: set[str] = field(default_factory=set)
    hits: int = 0

    def __post_init__(self) -> None:
        self.plain = Gateway(self.cached.app.wsgi_app, BOUNDS)

    def do(self, step: Read | Write | Wait) -> None:
        """Make requests or let time pass, then repeat the last requests."""
        if isinstance(step, Read):
            for way in step.ways:
                self.read(step, way)
            return
        if isinstance(step, Write):
            self.write(step)
        else:
            self.clock.advance(hours=step.hours)
        for request in self.requests[-5:]:
            self.compare(*request)

    def read(self, read: Read, way: Way) -> None:
        """Send one request for a target."""
        target = self.target(read)
        given = {name: self.filled(text, target, read.number) for name, text in way.headers.items()}
        request = scope(way.method, target, **given, **self.signed(way.caller))
        if "host" in given:
            request["headers"] = request["headers"][1:]
        self.requests.append((target, request))
        self.compare(target, request)

    def compare(self, target: str, request: dict[str, Any]) -> None:
        """Send a request without the cache, and twice with it, and compare the responses."""

        async def send_all() -> list[Received]:
            received = [await fetch_async(to, request) for to in (self.plain, self.cached.gateway)]
            before = self.cached.calls
            received.append(await fetch_async(self.cached.gateway, request))
            self.hits += self.cached.calls == before
            return received

        plain, first, second = asyncio.run(send_all())
        assert same(first, plain), request
        assert same(second, plain), request
        self.seen.append((target, plain))
        self.check()

    def write(self, write: Write) -> None:
        """Send a request to change something, which may be forbidden."""
        title = f"Title-{len(self.titles)}-"
        self.titles.add(title)
        fields = {"title": title, "body": "", **write.fields}
        if "postedDate" in fields:
            due = self.clock() + timedelta(hours=fields["postedDate"])
            fields["postedDate"] = format_date_time(due)
        path = self.target(write)
        if path == "/author/rick":
            fields = {"bio": title}
        elif write.method == "POST":
            path = "/post"
        signed = self.signed(write.caller)
        request = scope(write.method, path, content_type="application/json", **signed)
        body = json.dumps(fields).encode()
        request["headers"].append((b"content-length", str(len(body)).encode()))
        response = asyncio.run(fetch_async(self.cached.gateway, request, [part(body, more=False)]))
        assert response.status < 500, response
        self.note(path, response)

    def note(self, path: str, response: Received) -> None:
        """Note the current state of a post."""
        if response.status == 204:
            del self.posts[path]
        elif path.startswith("/post") and response.status in (200, 201):
            post = json.loads(response.body)
            self.posts[path_of(post["_links"]["self"])] = post

    def check(self) -> None:
        """No valid entry of the cache has a title in it that is not public now."""
        now = format_date_time(self.clock())
        public = {
            post["title"]
            for post in self.posts.values()
            if post["status"] == "published" and post["postedDate"] <= now
        }
        cache = self.cached.cache
        state = cache.state()
        for key, entry in cache._entries.items():
            if entry.is_valid(entry.lookup._replace(key=key, state=state, now=self.clock())):
                shown = TITLE.findall(entry.response.body.decode())
                assert key.path.startswith("/author") or public.issuperset(shown), key

    def target(self, step: Read | Write) -> str:
        """The target of a request."""
        paths = list(self.posts) or ["/post/" + 32 * "0"]
        pages = re.findall(
            rb'"(?:next|prev)":"([^"]+)"', b"".join(received.body for _, received in self.seen)
        )
        pages = [path_of(page.decode()) for page in pages if page.startswith(b"http://localhost/")]
        pages = pages or ["/post?limit=1"]
        return step.target.format(
            post=paths[-1 - step.number % min(4, len(paths))],
            page=pages[-1 - step.number % len(pages)],
        )

    def filled(self, text: str, target: str, number: int) -> str:
        """A header, which may have a validator from a previous response."""
        return text.format(
            etag=self.pick("etag", target, number) or '"y"',
            date=self.pick("last-modified", target, number) or "Sun, 22 Nov 2026 09:47:45 GMT",
        )

    def pick(self, name: str, target: str, number: int) -> str:
        """A header of one of the last responses for this target, or else for any."""
        values = [received.headers.get(name, "") for path, received in self.seen if path == target]
        values = [*filter(None, values)] or [
            received.headers.get(name, "") for _, received in self.seen
        ]
        return values[-1 - number % min(2, len(values))] if values else ""

    def signed(self, caller: str) -> Headers:
        """The Authorization header of a caller."""
        return {"authorization": self.credentials[caller]} if caller else {}


def basic(name: str, secret: str) -> str:
    """The value of the Authorization header."""
    return "Basic " + b64encode(f"{name}:{secret}".encode()).decode()


@pytest.fixture
def cached(sqlite_blogs: Blogs, tmp_path: Any, clock: Clock) -> Iterator[Served]:
    """A blog in an SQLite file, with a response cache."""
    with sqlite_blogs.copy(tmp_path) as url, served(clock, database_url=url) as made:
        yield made


@pytest.fixture
def credentials(cached: Served) -> Mapping[str, str]:
    """The credentials of each caller."""
    database = cached.app.extensions["blog"].database
    made = {name: basic(*issue(database, name)) for name in AUTHORS}
    return {**made, "Joe": basic(*JOE), "nobody": "Bearer nothing"}


@pytest.mark.slow
def test_any_sequence_of_requests_gets_the_same_responses_without_a_cache(
    cached: Served, clock: Clock, credentials: Mapping[str, str], tmp_path: Any
) -> None:
    begin = clock.now
    hits = 0

    @SEARCH
    @given(steps)
    def search(steps: list[Read | Write | Wait]) -> None:
        nonlocal hits
        change(f"sqlite:///{tmp_path}/blog.db", *(f"DELETE FROM {table}" for table in TABLES))
        clock.now = begin
        blog = Blog(cached, clock, credentials)
        for step in steps:
            blog.do(step)
        hits += blog.hits

    search()

    # Otherwise the cache was hardly used.
    assert hits > SEARCH.max_examples
