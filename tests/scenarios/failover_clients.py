"""Clients that write and read without a pause, and remember what the servers promised them."""

from __future__ import annotations

import random
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any

import requests

from tests.servers.outages import UNKNOWN
from tests.servers.serving import TIMEOUT

RICK = ("rick", "password")
# The longest that a client waits for a 503 to its write, in seconds.
LONGEST = 5.0
# Between two requests of one client: the servers are to be busy, not the machine exhausted.
_PAUSE = 0.01
# A writer goes on with its newest posts.
_KEPT = 10
_PAGE = 20


@dataclass(frozen=True)
class Write:
    """One write and its answer."""

    node: str
    began: float
    ended: float
    status: int


@dataclass
class Promise:
    """A post that was acknowledged: the newest number that was, and when it was posted."""

    title: str
    posted: str
    number: int


@dataclass
class Ledger:
    """What all clients together have received, and every promise that was broken."""

    promises: dict[str, Promise] = field(default_factory=dict)
    # The titles of posts whose creation was not acknowledged, and whether it was denied.
    unacknowledged: dict[str, bool] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    reads: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    # No two clients have the same number, and so no two posts the same title.
    clients: Iterator[int] = field(default_factory=count)
    # While no server runs, no read succeeds.
    reads_may_fail: bool = False

    def require(self, holds: object, claim: str) -> None:
        """Take note of a claim that does not hold."""
        if not holds:
            self.broken.append(claim)

    def statuses(self, since: float) -> Counter[int]:
        """How many writes begun since then got which answer."""
        return Counter(write.status for write in self.writes if write.began >= since)

    def first_success(self, node: str, since: float) -> float | None:
        """When the first write begun at a node since then was acknowledged, if any was."""
        ends = [w.ended for w in self.writes if w.node == node and w.began >= since and succeeds(w)]
        return min(ends, default=None)


def succeeds(write: Write) -> bool:
    """Whether the write was acknowledged."""
    return 200 <= write.status < 300


class Client(ABC):
    """A client in a thread of its own, which asks one node and then another."""

    def __init__(self, name: str, nodes: Sequence[str], ledger: Ledger) -> None:
        self.name = name
        self.nodes = nodes
        self.ledger = ledger
        self.http = requests.Session()
        # The machine's own configuration of proxies and passwords is none of ours.
        self.http.trust_env = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)

    @abstractmethod
    def act(self, node: str) -> None:
        """Make one request, or a few that belong together."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the request that is under way."""
        self._ended.set()
        self._thread.join()
        self.http.close()

    def _run(self) -> None:
        while not self._ended.wait(_PAUSE):
            try:
                self.act(random.choice(self.nodes))
            except (requests.RequestException, KeyError, ValueError) as error:
                self.ledger.broken.append(f"{self.name} got no answer that makes sense: {error!r}")


class Writer(Client):
    """Creates posts and changes its own, each time with a number that was not used before."""

    def __init__(self, name: str, nodes: Sequence[str], ledger: Ledger) -> None:
        super().__init__(name, nodes, ledger)
        self.http.auth = RICK
        self._number = 0
        # The entity tag of each post that it goes on with, "" where it is not known.
        self._tags: dict[str, str] = {}
        # The number that a post must not have, as the server denied it; those that it may.
        self._denied: dict[str, int] = {}
        self._doubtful: set[str] = set()

    def act(self, node: str) -> None:
        """Create a post, or change one, after a look at it where it is not known how it stands."""
        self._number += 1
        if not self._tags or random.random() < 0.2:
            self._create(node)
            return
        path = random.choice(list(self._tags)[-_KEPT:])
        if self._tags[path] or self._look(node, path):
            self._change(node, path)

    def _create(self, node: str) -> None:
        title = f"{self.name} {self._number}"
        answer = self._send(node, "POST", "/post", {"title": title, "body": str(self._number)})
        if answer.status_code == 201:
            path = "/post/" + answer.headers["Location"].rpartition("/")[2]
            posted = answer.json()["postedDate"]
            self.ledger.promises[path] = Promise(title, posted, self._number)
            self._tags[path] = answer.headers["ETag"]
        else:
            self.ledger.unacknowledged[title] = UNKNOWN not in answer.text

    def _change(self, node: str, path: str) -> None:
        title, number = self.ledger.promises[path].title, self._number
        verb = random.choice(["PUT", "PATCH"])
        content = {"body": str(number)} | ({"title": title} if verb == "PUT" else {})
        answer = self._send(node, verb, path, content, {"If-Match": self._tags[path]})
        self._tags[path] = answer.headers.get("ETag", "") if answer.ok else ""
        if answer.ok:
            self.ledger.promises[path].number = number
        elif answer.status_code == 412:
            expected = path in self._doubtful
            self.ledger.require(expected, f"{path} has changed, although no write changed it")
        elif UNKNOWN in answer.text:
            self._doubtful.add(path)
        else:
            self._denied[path] = number

    def _look(self, node: str, path: str) -> bool:
        """Learn how a post stands; give whether there was an answer."""
        excused = self.ledger.reads_may_fail
        answer = self.http.get(node + path, timeout=TIMEOUT)
        if answer.status_code != 200:
            claim = f"the author's own read of {path} got {answer.status_code}: {answer.text}"
            self.ledger.require(excused or self.ledger.reads_may_fail, claim)
            return False
        shown, promised = int(answer.json()["body"]), self.ledger.promises[path].number
        self.ledger.require(shown >= promised, f"{path} shows {shown}, not {promised}, its author")
        denied = self._denied.pop(path, None)
        self.ledger.require(shown != denied, f"{path} shows {shown}, which was answered 503")
        self._tags[path] = answer.headers["ETag"]
        return True

    def _send(
        self, node: str, verb: str, path: str, content: Any, headers: dict[str, str] | None = None
    ) -> requests.Response:
        began = monotonic()
        answer = self.http.request(
            verb, node + path, json=content, headers=headers, timeout=TIMEOUT
        )
        self.ledger.writes.append(Write(node, began, monotonic(), answer.status_code))
        outcome = f"{verb} {path} got {answer.status_code} after {monotonic() - began:.1f} s"
        self.ledger.require(answer.status_code in (200, 201, 412, 503), f"{outcome}: {answer.text}")
        if answer.status_code == 503:
            self.ledger.require(monotonic() - began <= LONGEST, outcome)
            self.ledger.require("Retry-After" in answer.headers, f"{outcome} without Retry-After")
        return answer


class Reader(Client):
    """Reads lists and posts without signing in; none may be older than was acknowledged."""

    def __init__(self, name: str, nodes: Sequence[str], ledger: Ledger) -> None:
        super().__init__(name, nodes, ledger)
        # The entity tag and the number of each post that it has seen.
        self._seen: dict[str, tuple[str, int]] = {}
        self.successes = 0

    def act(self, node: str) -> None:
        """Read a page or a post."""
        # To copy is one step, so that writers do not come between.
        promised = {path: promise.number for path, promise in self.ledger.promises.copy().items()}
        if promised and random.random() < 0.7:
            path = random.choice(list(promised)[-8 * _KEPT :])
            self._read_post(node, path, promised[path])
        else:
            self._read_page(node, promised)

    def _read_post(self, node: str, path: str, promised: int) -> None:
        tag, number = self._seen.get(path, ("", 0))
        answer = self._get(node, path, {"If-None-Match": tag} if tag else {})
        if answer is None:
            return
        if answer.status_code == 200:
            number = int(answer.json()["body"])
            self._seen[path] = answer.headers["ETag"], number
        self._compare(path, number, promised)

    def _read_page(self, node: str, promised: dict[str, int]) -> None:
        answer = self._get(node, f"/post?limit={_PAGE}", {})
        if answer is None:
            return
        posts = answer.json()["data"]
        shown = {"/post/" + post["_links"]["self"].rpartition("/")[2]: post for post in posts}
        for path in promised.keys() & shown.keys():
            self._compare(path, int(shown[path]["body"]), promised[path])
        oldest = posts[-1]["postedDate"] if len(posts) == _PAGE else ""
        absent = [
            path
            for path in promised.keys() - shown.keys()
            if self.ledger.promises[path].posted > oldest
        ]
        self.ledger.require(not absent, f"{node} lists {len(posts)} posts without {absent}")

    def _get(self, node: str, path: str, headers: dict[str, str]) -> requests.Response | None:
        """The answer, or None where there was none to be had, and need not be."""
        excused = self.ledger.reads_may_fail
        answer = self.http.get(node + path, headers=headers, timeout=TIMEOUT)
        self.ledger.reads[answer.status_code] += 1
        if answer.status_code == 503 and (excused or self.ledger.reads_may_fail):
            return None
        claim = f"a read of {path} got {answer.status_code}: {answer.text}"
        self.ledger.require(answer.status_code in (200, 304), claim)
        if answer.status_code not in (200, 304):
            return None
        self.successes += 1
        return answer

    def _compare(self, path: str, shown: int, promised: int) -> None:
        self.ledger.require(shown >= promised, f"{path} shows {shown}, not {promised}")


def make_clients(nodes: Sequence[str], ledger: Ledger, each: int = 8) -> list[Client]:
    """As many writers as readers, over all nodes."""
    kinds: Iterable[type[Client]] = (Writer, Reader)
    return [
        kind(f"{kind.__name__.lower()} {next(ledger.clients)}", nodes, ledger)
        for kind in kinds
        for _ in range(each)
    ]
