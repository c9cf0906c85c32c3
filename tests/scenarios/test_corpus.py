"""Real posts of four blogs: sent over HTTP, read back, and met once each on the way through."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import pytest
import requests

from tests.servers.serving import add_author, serve

# What TEST_CORPUS names.
CORPUS = Path(os.environ.get("TEST_CORPUS", "/nowhere"))
SUFFIXES = {".md", ".mdx", ".markdown"}
# Pages that only list other posts: three sections, a redirect, and the front page of a blog.
LISTINGS = {
    "md-rust-blog/_index.md",
    "md-rust-blog/inside-rust/_index.md",
    "md-rust-blog/releases/_index.md",
    "md-rust-blog/releases/latest.md",
    "md-nodejs-blog/index.md",
}
FRONT_MATTER = re.compile(rb"\A(---|\+\+\+)\n.*?^\1\n", re.DOTALL | re.MULTILINE)
CLIENTS = 4

Argument = TypeVar("Argument")
Result = TypeVar("Result")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif("TEST_CORPUS" not in os.environ, reason="TEST_CORPUS names no real posts"),
]


def read_corpus() -> dict[str, bytes]:
    """The body of every post, as its bytes are in the file, by the file's name."""
    paths = [path for path in sorted(CORPUS.glob("md-*/**/*")) if path.suffix in SUFFIXES]
    files = {path.relative_to(CORPUS).as_posix(): path.read_bytes() for path in paths}
    return {
        name: text[match.end() :]
        for name, text in files.items()
        if name not in LISTINGS and (match := FRONT_MATTER.match(text))
    }


def for_each(
    act: Callable[[requests.Session, Argument], Result], arguments: Iterable[Argument]
) -> list[Result]:
    """Do something for each argument, from several clients at once, each with a connection."""
    with ExitStack() as stack, ThreadPoolExecutor(CLIENTS) as pool:
        sessions: SimpleQueue[requests.Session] = SimpleQueue()
        for _ in range(CLIENTS):
            session = stack.enter_context(requests.Session())
            session.auth = ("rick", "password")
            sessions.put(session)

        def borrow_and_act(argument: Argument) -> Result:
            session = sessions.get()
            try:
                return act(session, argument)
            finally:
                sessions.put(session)

        return list(pool.map(borrow_and_act, arguments))


@pytest.fixture(scope="module")
def bodies() -> dict[str, bytes]:
    """The corpus."""
    return read_corpus()


@pytest.fixture(scope="module")
def posts_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The list of posts of a server with two workers."""
    directory = tmp_path_factory.mktemp("blog")
    add_author(directory)
    with serve(directory, "--workers", "2") as server:
        yield f"{server.url}/post"
        assert "Traceback" not in server.stderr_text()


@pytest.fixture(scope="module")
def created(posts_url: str, bodies: Mapping[str, bytes]) -> dict[str, str]:
    """Every post of the corpus, posted: its address by the file's name."""

    def create(session: requests.Session, name: str) -> tuple[str, str]:
        response = session.post(posts_url, json={"title": name, "body": bodies[name].decode()})
        assert response.status_code == 201, (name, response.text[:500])
        return name, response.headers["Location"]

    return dict(for_each(create, bodies))


def walk(url: str, relation: str) -> Iterator[dict[str, Any]]:
    """The pages of a list, from the one at the address on."""
    with requests.Session() as session:
        next_url: str | None = url
        while next_url:
            page = session.get(next_url).json()
            yield page
            next_url = page["_links"].get(relation)


def addresses(pages: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """The posts of each page."""
    return [[post["_links"]["self"] for post in page["data"]] for page in pages]


def test_corpus_is_whole(bodies: Mapping[str, bytes]) -> None:
    assert len(bodies) == 1232
    assert max(map(len, bodies.values())) > 800_000


def test_every_body_reads_back_byte_for_byte(
    bodies: Mapping[str, bytes], created: Mapping[str, str]
) -> None:
    def differs(session: requests.Session, name: str) -> bool:
        return bool(session.get(created[name]).json()["body"].encode() != bodies[name])

    different = for_each(differs, created)

    assert len(different) == 1232
    assert not any(different)


def test_pages_meet_each_post_once_in_both_directions(
    posts_url: str, created: Mapping[str, str]
) -> None:
    onwards = list(walk(f"{posts_url}?limit=100&fields=title", "next"))
    back = list(walk(onwards[-1]["_links"]["self"], "prev"))

    pages = addresses(onwards)
    assert [len(page) for page in pages] == [*[100] * 12, 32]
    assert sorted(chain.from_iterable(pages)) == sorted(created.values())
    assert addresses(back) == pages[::-1]
