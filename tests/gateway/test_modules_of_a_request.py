"""The modules of the blog that run for a request: those that a reader opens to follow it."""

from __future__ import annotations

import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import blog
from tests.contract import Clock
from tests.gateway.cached import Served, served
from tests.gateway.gateways import Received, fetch, part, scope
from tests.tokens import issue

pytestmark = pytest.mark.databases("sqlite")

PACKAGE = Path(blog.__file__).parent
BODY = b'{"title": "New", "body": "Hello."}'


class Profile:
    """Notes which functions are called, in this thread and in those that are started later."""

    def __init__(self) -> None:
        self._files: set[str] = set()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            self._files.add(frame.f_code.co_filename)

    def of(self, request: Callable[[], Received]) -> set[str]:
        """The modules that run for a request, by their paths in the package."""
        self._files.clear()
        assert request().status == 200
        paths = [Path(file) for file in self._files.copy()]
        return {str(path.relative_to(PACKAGE)) for path in paths if path.is_relative_to(PACKAGE)}


@contextmanager
def profiled() -> Iterator[Profile]:
    """Profile what is called meanwhile."""
    before = sys.getprofile()
    profile = Profile()
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield profile
    finally:
        sys.setprofile(before)
        threading.setprofile(before)


@pytest.fixture
def cached(database_url: str, clock: Clock) -> Iterator[Served]:
    """An application with a response cache."""
    with served(clock, database_url=database_url) as made:
        yield made


@pytest.fixture
def authorization(cached: Served) -> str:
    """The credentials of an author, with a token."""
    name, secret = issue(cached.app.extensions["blog"].database)
    return "Basic " + b64encode(f"{name}:{secret}".encode()).decode()


def put(cached: Served, path: str, authorization: str) -> Received:
    """Replace a post."""
    headers = {
        "authorization": authorization,
        "content_type": "application/json",
        "content_length": str(len(BODY)),
    }
    request: dict[str, Any] = scope("PUT", path, **headers)
    return fetch(cached.gateway, request, [part(BODY, more=False)])


def test_a_request_runs_through_few_modules(cached: Served, authorization: str) -> None:
    """What a miss and a write need in addition; to change one of them takes reading these."""
    paths = [cached.write() for _ in range(3)]
    with profiled() as profile:
        # What happens once in a process happens now.
        put(cached, paths[0], authorization)
        cached.get(paths[0])
        cached.get(paths[1])

        hit = profile.of(lambda: cached.get(paths[1]))
        miss = profile.of(lambda: cached.get(paths[2])) - hit
        write = profile.of(lambda: put(cached, paths[2], authorization)) - hit - miss

    assert len(hit) <= 11, sorted(hit)
    assert len(miss) <= 28, sorted(miss)
    assert len(write) <= 20, sorted(write)
