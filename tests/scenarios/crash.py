"""`scripts/crash-test`: a server is killed under load, and what it acknowledged is all there.

Eight authors write to two worker processes on one SQLite file, until the whole process group is
killed at a random moment. After each restart the file must hold what was acknowledged and, of
what was not, all or nothing, and nothing else: no version, post, tag or key. What the kernel was
given survives a killed process, so this says nothing of a power failure.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic
from typing import Any

import requests

from tests.people import RICK_PASSWORD
from tests.scenarios.crash_facts import (
    Content,
    Fact,
    Place,
    Version,
    Write,
    compare,
    landed,
    living,
    promised,
    require,
    stored,
)
from tests.scenarios.failover import BrokenPromise
from tests.servers.serving import (
    TIMEOUT,
    add_author,
    eventually,
    run_blog,
    start,
    wait_until_it_serves,
)

AUTHORS = 8
_STATUSES = {"POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
_TAGS = ("crash", "Über", "web", "python", "long tag with words")


class Author:
    """Writes posts of its own, and remembers each version that was acknowledged."""

    def __init__(self, name: str, seed: int) -> None:
        self.versions: dict[Place, Version] = {}
        self.acknowledged = 0
        # What was sent and not answered.
        self.pending: Write | None = None
        # Requests that had a key, and what came of them, if it is known: to be sent again.
        self._keyed: list[tuple[Write, Place | None]] = []
        self._name = name
        self._number = 0
        self._random = random.Random(f"{seed} {name}")

    def work(self, url: str, crashed: Event) -> None:
        """Write until the crash; before it there must be an answer each time."""
        with session(RICK_PASSWORD) as http:
            try:
                while not crashed.is_set():
                    self.pending = self._choose()
                    self._send(http, url, self.pending)
                    self.pending = None
            except requests.RequestException as error:
                require(crashed.is_set(), f"{self.pending!r:.300} got no answer: {error!r}")

    def settle(self, facts: Set[Fact]) -> bool | None:
        """Learn whether what was not answered was done; None where all was answered."""
        write, self.pending = self.pending, None
        if write is None:
            return None
        place = landed(write, facts)
        if place:
            self.versions[place] = write.version
        if write.version.key:
            self._keyed.append((write, place))
        return place is not None

    def repeat(self, url: str) -> None:
        """Send again what had a key: the answer must be that of the first time."""
        with session(RICK_PASSWORD) as http:
            for write, place in self._keyed[-2:]:
                again = self._send(http, url, write)
                require(again, f"{write!r:.300} is refused when it is sent again")
                require(place in (None, again), f"{write!r:.300} made {place}, and then {again}")
        self._keyed.clear()

    def _send(self, http: requests.Session, url: str, write: Write) -> Place | None:
        """Send a write and remember what was acknowledged; None where it was refused."""
        key = write.version.key
        headers = {"Idempotency-Key": key} if key else {}
        answer = http.request(
            write.verb, url + write.path, json=write.body, headers=headers, timeout=TIMEOUT
        )
        # So many writers may have to wait too long for each other; nothing has been done then.
        if answer.status_code == 503:
            return None
        outcome = f"{write!r:.300} got {answer.status_code}: {answer.text}"
        require(answer.status_code == _STATUSES[write.verb], outcome)
        made = _last(answer.headers.get("Location", ""))
        place = write.post_id or made, write.number
        require(made in ("", place[0], str(write.number)), f"{write!r:.300} made {made}")
        self.acknowledged += place not in self.versions
        self.versions[place] = write.version
        if key:
            self._keyed.append((write, place))
        return place

    def _choose(self) -> Write:
        """What to do next, with a post that is new or one of the newest."""
        self._number += 1
        newest = list(dict(sorted(self.versions)).items())[-10:]
        if not newest or self._random.random() < 0.25:
            content = self._content()
            version = Version("created", content, self._key())
            return Write("POST", "/post", content._asdict(), "", 1, version)
        post_id, number = self._random.choice(newest)
        current = self.versions[post_id, number].content
        if current is None or self._random.random() < 0.25:
            return self._restore(post_id, number, current)
        return self._edit(post_id, number, current)

    def _edit(self, post_id: str, number: int, current: Content) -> Write:
        verb = self._random.choice(["PUT", "PATCH", "DELETE"])
        body = self._content()._asdict()
        if verb == "PATCH":
            kept = self._random.sample(["title", "tags", "status"], 2)
            body = {name: value for name, value in body.items() if name not in kept}
        content = None if verb == "DELETE" else current._replace(**body)
        version = Version("updated" if content else "deleted", content)
        sent = body if content else None
        return Write(verb, f"/post/{post_id}", sent, post_id, number + 1, version)

    def _restore(self, post_id: str, number: int, current: Content | None) -> Write:
        earlier = {n: self.versions[post_id, n].content for n in range(1, number)}
        # To restore what is there would make no version.
        useful = [n for n, content in earlier.items() if content not in (None, current)]
        if current and not useful:
            return self._edit(post_id, number, current)
        wanted = self._random.choice(useful)
        version = Version("updated" if current else "created", earlier[wanted], self._key())
        path = f"/post/{post_id}/revision"
        return Write("POST", path, {"restore": wanted}, post_id, number + 1, version)

    def _content(self) -> Content:
        """A content that there was not before."""
        unique = f"{self._name} {self._number}"
        # Some texts fill several pages of the file, and some no page at all.
        body = f"{unique} " * self._random.choice([1, 1, self._random.randint(2, 2000)])
        tags = tuple(self._random.sample(_TAGS, self._random.randint(0, 3)))
        return Content(unique, body, tags, self._random.choice(["published", "draft"]))

    def _key(self) -> str:
        return self._random.choice(["", f"{self._name} {self._number}"])


def session(auth: tuple[str, str] | None) -> requests.Session:
    """A client of its own, which keeps its connection."""
    http = requests.Session()
    # The machine's own configuration of proxies and passwords is none of ours.
    http.trust_env = False
    http.auth = auth
    return http


def read_pages(http: requests.Session, url: str) -> Iterator[dict[str, Any]]:
    """All items of a list, or of the feed of changes."""
    page: dict[str, Any] = {"_links": {"next": f"{url}?limit=100"}, "data": [None]}
    # The feed always has a next page.
    while "next" in page["_links"] and page["data"]:
        answer = http.get(page["_links"]["next"], timeout=TIMEOUT)
        require(answer.status_code == 200, f"GET {answer.url} got {answer.status_code}")
        page = answer.json()
        yield from page["data"]


def read_list(http: requests.Session, url: str) -> dict[str, Content]:
    """The posts that a list shows, by their ids."""
    posts = {_last(post["_links"]["self"]): post for post in read_pages(http, f"{url}/post")}
    return {
        post_id: Content(post["title"], post["body"], tuple(post["tags"]), post["status"])
        for post_id, post in posts.items()
    }


def follow(http: requests.Session, url: str) -> dict[str, int]:
    """The posts that a follower of all changes knows of in the end, and the version of each."""
    newest = {_last(item["_links"]["post"]): item for item in read_pages(http, f"{url}/change")}
    there = {post_id: item for post_id, item in newest.items() if item["operation"] != "deleted"}
    return {post_id: item["version"] for post_id, item in there.items()}


def _last(url: str) -> str:
    return url.rpartition("/")[2]


class Trial:
    """A directory with a database, its authors, and what became of their writes."""

    def __init__(self, place: Path, seed: int) -> None:
        self.authors = [Author(f"author {number}", seed) for number in range(AUTHORS)]
        # How many of the writes without an answer were done, and how many were not.
        self.outcomes: Counter[bool | None] = Counter()
        # How long it took until the first answer, in seconds.
        self.starts: list[float] = []
        self._place = place

    @contextmanager
    def served(self) -> Iterator[str]:
        """A server on what the last crash left; at the end its whole process group is killed."""
        began = monotonic()
        with start(self._place, "--workers", "2") as server:
            wait_until_it_serves(server)
            self.starts.append(monotonic() - began)
            if self.acknowledged:
                self._examine(server.url)
            yield server.url

    def crash(self, moment: float) -> None:
        """Kill a server some time after the first of all authors has written something."""
        crashed, before = Event(), self.acknowledged
        # A client that waits for a response waits until the server ends, so this must end first.
        with ThreadPoolExecutor(AUTHORS) as pool, self.served() as url:
            working = [pool.submit(author.work, url, crashed) for author in self.authors]
            eventually(lambda: self.acknowledged > before, lambda: "no author can write")
            crashed.wait(moment)
            crashed.set()
        for work in working:
            work.result()

    def _examine(self, url: str) -> None:
        """Hold what is there against what was promised. Raises BrokenPromise."""
        facts = stored(self._place / "blog.db")
        self.outcomes.update(author.settle(facts) for author in self.authors)
        compare(facts, promised(self._versions()), "the file")
        for author in self.authors:
            author.repeat(url)
        compare(stored(self._place / "blog.db"), promised(self._versions()), "a repetition")
        for caller in (RICK_PASSWORD, None):
            self._read(url, caller)
        checked = run_blog(self._place, "database", "check")
        require(checked.returncode == 0, f"the database is not sound: {checked.stdout}")

    @property
    def acknowledged(self) -> int:
        """How many writes were."""
        return sum(author.acknowledged for author in self.authors)

    def summary(self) -> str:
        """What happened, in figures."""
        there, absent = self.outcomes[True], self.outcomes[False]
        # The first start was none after a crash.
        times = self.starts[1:]
        return (
            f"{len(times)} rounds: {self.acknowledged} writes acknowledged, all there; "
            f"{there + absent} not: {there} wholly there, {absent} wholly absent\n"
            f"restarts: {min(times):.1f} to {max(times):.1f} s, median {median(times):.1f} s"
        )

    def _read(self, url: str, auth: tuple[str, str] | None) -> None:
        """Compare what the list and the changes show to a caller, who may be the author."""
        posts = living(self._versions()).items()
        expected = {item for item in posts if auth or item[1][1].status == "published"}
        with session(auth) as http:
            numbers, contents = follow(http, url), read_list(http, url)
        ids = numbers.keys() | contents.keys()
        found = {(item, (numbers.get(item), contents.get(item))) for item in ids}
        compare(found, expected, "what the feed of changes and the list show")

    def _versions(self) -> Mapping[Place, Version]:
        return ChainMap(*(author.versions for author in self.authors))


def run(place: Path, rounds: int, seed: int, longest: float = 3) -> Trial:
    """Crash that often, and print what came of it. Raises BrokenPromise."""
    print(f"seed {seed}")
    trial, chance = Trial(place, seed), random.Random(seed)
    add_author(place)
    for number in range(1, rounds + 1):
        moment = chance.uniform(0, longest)
        trial.crash(moment)
        print(f"round {number}: killed after {moment:.2f} s under load", flush=True)
    with trial.served():
        print(trial.summary())
    return trial


def main() -> int:
    """The exit status: 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(prog="crash-test", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="how often to kill the server")
    parser.add_argument("--seed", type=int, help="repeats the moments and texts of a run")
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    # An interrupt of this process ends the server too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with TemporaryDirectory() as place:
            run(Path(place), options.rounds, seed)
    except (BrokenPromise, AssertionError) as error:
        print(f"crash-test: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
