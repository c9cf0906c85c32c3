"""Clients that keep a copy of a blog by its change feed, while others write without a pause.

`python -m tests.scenarios.followers --seconds 60` shows it on each database and prints what was
done.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic, sleep
from typing import Any

import requests

from tests.people import JOE_PASSWORD, RICK_PASSWORD
from tests.servers.postgresql import cluster, is_installed
from tests.servers.serving import TIMEOUT, add_author, serve

# Some of the writers share a name, and so their posts.
WRITERS = (RICK_PASSWORD, JOE_PASSWORD, RICK_PASSWORD, JOE_PASSWORD)
FOLLOWERS: tuple[tuple[str, str] | None, ...] = (None, RICK_PASSWORD, JOE_PASSWORD)
# Scheduled posts fall due while the writers are at work, and some after they have ended.
SOON = 1.0
# Between two requests of a client: the server is to be busy, not the machine exhausted.
_PAUSE = 0.01
_PAGE = 100

Posts = dict[str, Any]


class BrokenCopy(Exception):
    """Raised for a follower whose copy is not what the server shows."""


def session(auth: tuple[str, str] | None) -> requests.Session:
    """A session that knows nothing of the machine's own configuration of proxies and passwords."""
    made = requests.Session()
    made.trust_env = False
    made.auth = auth
    return made


class Writer:
    """Creates, changes and deletes posts of an author who may be writing elsewhere, too."""

    def __init__(self, url: str, auth: tuple[str, str]) -> None:
        self._http = session(auth)
        self._url = url
        self._name = auth[0]
        self.done: Counter[str] = Counter()

    def write_for(self, seconds: float) -> Counter[str]:
        """Write without a pause; give how often each verb met with which status."""
        ends = monotonic() + seconds
        while monotonic() < ends:
            self._act(random.random())
            sleep(_PAUSE)
        return self.done

    def _act(self, chance: float) -> None:
        if chance < 0.35 or not (posts := self._newest()):
            self._send("POST", f"{self._url}/post", {"title": "Title", "body": "", **_state()})
        elif chance < 0.8:
            changed = {"title": f"Title {random.random()}", **_state()}
            self._send("PATCH", random.choice(posts), changed)
        else:
            self._send("DELETE", random.choice(posts))

    def _newest(self) -> Sequence[str]:
        """Posts that another writer may well be changing at this moment."""
        query = f"author={self._name}&sort=-updatedDate&limit=5&fields=slug"
        page = self._http.get(f"{self._url}/post?{query}", timeout=TIMEOUT)
        return [post["_links"]["self"] for post in page.json()["data"]]

    def _send(self, verb: str, url: str, content: Any = None) -> None:
        answer = self._http.request(verb, url, json=content, timeout=TIMEOUT)
        # Others delete too.
        assert answer.ok or answer.status_code == 404, answer.text
        self.done[f"{verb} {answer.status_code}"] += 1


def _state() -> dict[str, object]:
    """Published, scheduled or a draft."""
    kind = random.choice(["published", "published", "scheduled", "draft"])
    if kind == "scheduled":
        due = datetime.now(UTC) + timedelta(seconds=random.random() * SOON)
        return {"status": "published", "postedDate": due.isoformat()}
    return {"status": kind}


def write(url: str, seconds: float, auth: tuple[str, str]) -> Counter[str]:
    """What a process of its own does."""
    return Writer(url, auth).write_for(seconds)


class Follower:
    """Keeps a copy of all that a caller can see, and knows nothing but the feed."""

    def __init__(self, url: str, auth: tuple[str, str] | None) -> None:
        self.http = session(auth)
        self.copy: Posts = {}
        self.counts: Counter[str] = Counter()
        self.polls: Counter[int] = Counter()
        # The versions that there are, of each post the newest of which it has seen.
        self._versions: dict[str, int] = {}
        self._next = f"{url}/change?limit={_PAGE}"
        self._tag = ""

    def follow(self, ended: Event) -> None:
        """Read on until nothing comes any more after the event."""
        while True:
            was_last = ended.is_set()
            if not self.poll(0 if was_last else 1):
                if was_last:
                    return
                # There may have been no place to wait.
                sleep(_PAUSE)

    def poll(self, wait: int = 0) -> int:
        """Read a page, waiting some seconds for something to be on it; give how much there was."""
        headers = {"Prefer": f"wait={wait}", "If-None-Match": self._tag or '"none"'}
        page = self.http.get(self._next, headers=headers, timeout=TIMEOUT)
        self.polls[page.status_code] += 1
        if page.status_code == 304:
            return 0
        assert page.status_code == 200, page.text
        items, following = page.json()["data"], page.json()["_links"]["next"]
        for item in items:
            self._apply(item["operation"], item["_links"]["post"], item["version"])
        for url in {item["_links"]["post"] for item in items}:
            self._fetch(url)
        # A page at the end is its own next, so its tag says whether there is more by now.
        self._tag = page.headers["ETag"] if following == self._next else ""
        self._next = following
        return len(items)

    def _apply(self, operation: str, url: str, version: int) -> None:
        self.counts[operation] += 1
        if (operation == "created") == (url in self._versions):
            raise BrokenCopy(f"{url} is {operation} and was {self._versions.get(url)}")
        if version <= self._versions.get(url, 0):
            raise BrokenCopy(f"{url} is {operation} as version {version} after a later one")
        if operation == "deleted":
            del self._versions[url]
        else:
            self._versions[url] = version

    def _fetch(self, url: str) -> None:
        """Bring the copy of a post up to date."""
        self.copy.pop(url, None)
        if url in self._versions:
            answer = self.http.get(url, timeout=TIMEOUT)
            # It may have been deleted since, of which the feed will tell.
            assert answer.status_code in (200, 404), answer.text
            if answer.ok:
                self.copy[url] = content(answer.json())


def content(post: Posts) -> Posts:
    """A post as it is in lists too, whatever else it leads to."""
    return {name: value for name, value in post.items() if name != "_links"}


def shown(url: str, auth: tuple[str, str] | None) -> Posts:
    """All that the server shows a caller, by the list of posts."""
    posts: Posts = {}
    address: str | None = f"{url}/post?sort=postedDate&limit={_PAGE}"
    with session(auth) as http:
        while address:
            page = http.get(address, timeout=TIMEOUT).json()
            posts |= {post["_links"]["self"]: content(post) for post in page["data"]}
            address = page["_links"].get("next")
    return posts


def differences(copy: Posts, server: Posts) -> list[str]:
    """Which posts are missing, too many, or not as they are."""
    return [
        f"{url}: the copy has {copy.get(url)}, the server {server.get(url)}"
        for url in sorted(copy.keys() | server.keys())
        if copy.get(url) != server.get(url)
    ]


@dataclass(frozen=True)
class Trial:
    """What was written, what each follower was sent, and how the copies differ from the server."""

    written: Counter[str]
    followers: Sequence[Follower]
    late: Sequence[Follower]
    posts: Sequence[int]
    broken: Sequence[str]


def run(url: str, seconds: float) -> Trial:
    """Write, follow, and compare: those who followed, and others who begin at the end."""
    followers = [Follower(url, auth) for auth in FOLLOWERS]
    ended = Event()
    with ThreadPoolExecutor(len(followers)) as threads:
        following = [threads.submit(follower.follow, ended) for follower in followers]
        try:
            written = write_at_once(url, seconds)
            sleep(SOON)
        finally:
            ended.set()
        for future in following:
            future.result()
    late = [Follower(url, auth) for auth in FOLLOWERS]
    for follower in late:
        follower.follow(ended)
    servers = [shown(url, auth) for auth in FOLLOWERS]
    broken = [
        difference
        for group in (followers, late)
        for follower, server in zip(group, servers, strict=True)
        for difference in differences(follower.copy, server)
    ]
    return Trial(written, followers, late, [len(server) for server in servers], broken)


def write_at_once(url: str, seconds: float) -> Counter[str]:
    """Have all writers at work, each in a process; add up what they did."""
    # A fork would have the threads' locks and not the threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(WRITERS), mp_context=context) as pool:
        return sum(pool.map(partial(write, url, seconds), WRITERS), Counter())


@contextmanager
def served(directory: Path, database_url: str) -> Iterator[str]:
    """The URL of a server with two processes, on a new database with authors in it."""
    env = {"BLOG_DATABASE_URL": database_url}
    for name, password in (RICK_PASSWORD, JOE_PASSWORD):
        add_author(directory, name, password, env=env)
    with serve(directory, "--workers", "2", env=env) as server:
        yield server.url


def databases(stack: ExitStack, place: Path) -> Iterator[tuple[str, str]]:
    """Each kind of database there is, and the URL of a new one."""
    yield "SQLite", f"sqlite:///{place}/blog.db"
    if is_installed():
        server = stack.enter_context(cluster())
        server.execute("CREATE DATABASE blogdb")
        yield "PostgreSQL", server.url("blogdb")


def report(kind: str, trial: Trial) -> None:
    """Print the figures of a trial."""
    print(f"{kind}: written {shape(trial.written)}")
    for name, group in (("followed", trial.followers), ("came late", trial.late)):
        for caller, follower, posts in zip(FOLLOWERS, group, trial.posts, strict=True):
            who = caller[0] if caller else "anonymous"
            print(f"  {who:10} {name:10} {posts:6} posts, sent {shape(follower.counts)}, "
                  f"polls {shape(follower.polls)}", flush=True)  # fmt: skip
    for difference in trial.broken[:10]:
        print(f"  {difference}")


def shape(counter: Counter[Any]) -> str:
    """A count of each kind, in one line."""
    return ", ".join(f"{name}: {count}" for name, count in sorted(counter.items())) or "nothing"


def main() -> int:
    """The exit status: 1 where a copy is not what the server shows."""
    parser = argparse.ArgumentParser(prog="followers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long is written")
    seconds, broken = parser.parse_args().seconds, 0
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory()))
        for kind, database_url in databases(stack, place):
            with served(place, database_url) as url:
                trial = run(url, seconds)
            report(kind, trial)
            broken += len(trial.broken)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
