"""Clients that change posts and read them, and know what an answer must show by then.

Each version of a post has a number, which is its title, and a deletion is the last version.
"""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import Event
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.servers.serving import TIMEOUT

# All posts that are there fit in a page of the lists.
LISTS = ("/post?limit=50", "/post?limit=50&sort=title&fields=title,updatedDate")
_FEWEST, _MOST = 3, 6
# How long a writer lets the readers be, in seconds: at times not at all.
_PAUSES = (0, 0, 0, 0.005, 0.05)
# After so many requests a client connects anew, to whichever worker takes it.
_REQUESTS_OF_A_CONNECTION = 100

# The number that is shown of each post that is shown.
Numbers = Mapping[str, int]


class Answer(NamedTuple):
    """What a client is answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """What the body says."""
        return json.loads(self.body)


class Connection:
    """A client that keeps its connection for a while."""

    def __init__(self, url: str, credentials: tuple[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self._http = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        self._headers: dict[str, str] = {}
        self._left = 0
        if credentials:
            encoded = b64encode(":".join(credentials).encode()).decode()
            self._headers["Authorization"] = f"Basic {encoded}"

    def ask(
        self, verb: str, target: str, headers: Mapping[str, str] | None = None, content: Any = None
    ) -> Answer:
        """Send a request and give the answer."""
        if self._left == 0:
            self.close()
            self._left = _REQUESTS_OF_A_CONNECTION
        self._left -= 1
        body = None if content is None else json.dumps(content)
        sent = {**self._headers, **(headers or {})}
        if body:
            sent["Content-Type"] = "application/json"
        self._http.request(verb, target, body, sent)
        answer = self._http.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    def close(self) -> None:
        """Hang up."""
        self._http.close()


@dataclass
class Post:
    """A post that was acknowledged: its newest number that was, and the newest that was sent."""

    acknowledged: int
    sent: int
    # The number of its deletion, once that was sent.
    last: int | None = None


# What every later read must show of each post, or something newer.
Promises = Mapping[str, tuple[Post, int]]


@dataclass
class Board:
    """What was written so far, and every answer that was older than that."""

    posts: dict[str, Post] = field(default_factory=dict)
    writes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def promises(self) -> Promises:
        """What is acknowledged by now."""
        # To copy is one step, so that the writer does not come between.
        return {path: (post, post.acknowledged) for path, post in self.posts.copy().items()}

    def judge(self, shown: Numbers, promises: Promises, what: str) -> None:
        """Take note of each post that is shown as it was before what was promised."""
        for path, (post, number) in promises.items():
            # What is not shown is deleted, or has to be shown.
            seen = shown.get(path, post.last)
            if seen is None or not number <= seen <= post.sent:
                self.broken.append(f"{what} shows {seen} of {path}, not {number}")

    def forget_long_gone(self) -> None:
        """Keep no more deleted posts than the last few."""
        gone = [path for path, post in self.posts.items() if post.acknowledged == post.last]
        for path in gone[:-_MOST]:
            del self.posts[path]


class Seen(NamedTuple):
    """What a reader was shown, and by what it can ask whether that is still so."""

    validators: Mapping[str, str]
    numbers: Numbers


class Reader:
    """Reads posts and lists, and asks whether what it has is still so."""

    def __init__(self, url: str, board: Board, seed: str) -> None:
        self.statuses: Counter[int] = Counter()
        self._connection = Connection(url)
        self._board = board
        self._random = random.Random(seed)
        self._seen: dict[str, Seen] = {}

    def read_often(self, times: int) -> None:
        """Read so many times, as long as all is well."""
        for _ in range(times):
            if not self._board.broken:
                self.read()
        self.close()

    def read(self, target: str = "") -> None:
        """Read this, or anything; nothing may be older than was acknowledged before."""
        promises = self._board.promises()
        target = target or self._random.choice([*list(promises)[-_MOST:], *LISTS])
        seen = self._seen.get(target)
        headers = self._condition(seen.validators) if seen else {}
        answer = self._connection.ask("GET", target, headers)
        self.statuses[answer.status] += 1
        numbers = self._numbers(target, answer, seen)
        expected = promises if target in LISTS else {target: promises[target]}
        self._board.judge(numbers, expected, f"{answer.status} to GET {target} {dict(headers)}")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _numbers(self, target: str, answer: Answer, seen: Seen | None) -> Numbers:
        if answer.status == 404:
            return {}
        if answer.status == 304 and seen:
            return seen.numbers
        assert answer.status == 200, answer
        document = answer.document
        posts = document["data"] if target in LISTS else [document]
        numbers = {_path(post["_links"]["self"]): int(post["title"]) for post in posts}
        names = ("ETag", "Last-Modified")
        validators = {name: answer.headers[name] for name in names if name in answer.headers}
        self._seen[target] = Seen(validators, numbers)
        return numbers

    def _condition(self, validators: Mapping[str, str]) -> Mapping[str, str]:
        chance = self._random.random()
        if chance < 0.4:
            return {"If-None-Match": validators["ETag"]}
        if chance < 0.5 and "Last-Modified" in validators:
            return {"If-Modified-Since": validators["Last-Modified"]}
        return {}


class Writer:
    """Creates, changes and deletes posts, and reads at times what it has just written."""

    def __init__(self, url: str, credentials: tuple[str, str], board: Board, seed: str) -> None:
        self._connection = Connection(url, credentials)
        self._board = board
        self._random = random.Random(seed)
        self._reader = Reader(url, board, seed)
        self._number = 0

    def write_until(self, ended: Event) -> None:
        """Write, at times without a pause, until the readers have read enough."""
        while not ended.wait(self._random.choice(_PAUSES)):
            path = self.write()
            self._reader.read(self._random.choice([path, *LISTS]))
            self._board.forget_long_gone()
        self._reader.close()
        self._connection.close()

    def write(self) -> str:
        """Write once; the path of the post."""
        self._number += 1
        living = [path for path, post in self._board.posts.items() if post.last is None]
        if len(living) < self._random.randint(_FEWEST, _MOST):
            return self._create()
        path = self._random.choice(living)
        return self._change(path, self._random.choice(["PUT", "PATCH", "PATCH", "DELETE"]))

    def _create(self) -> str:
        answer = self._send("POST", "/post", {"title": str(self._number), "body": ""})
        path = _path(answer.headers["Location"])
        self._board.posts[path] = Post(self._number, self._number)
        return path

    def _change(self, path: str, verb: str) -> str:
        post = self._board.posts[path]
        post.sent = self._number
        if verb == "DELETE":
            post.last = self._number
        title = {"title": str(self._number)}
        contents = {"PUT": {**title, "body": ""}, "PATCH": title, "DELETE": None}
        self._send(verb, path, contents[verb])
        post.acknowledged = self._number
        return path

    def _send(self, verb: str, path: str, content: Any) -> Answer:
        answer = self._connection.ask(verb, path, content=content)
        assert answer.status in (200, 201, 204), answer
        self._board.writes[verb] += 1
        return answer


def _path(url: str) -> str:
    return urlsplit(url).path
