"""`scripts/staleness-test`: no read begun after a write was acknowledged shows what was before it.

Two worker processes serve readers while a writer changes posts. A reader notes what is acknowledged
before it asks, and compares the response with that: a post, lists, and a 304 for what it has. On
PostgreSQL the time is measured until a second node shows what the first one has acknowledged.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic

from blog.database.database import Database
from tests.scenarios.failover import BrokenPromise
from tests.scenarios.staleness_clients import Board, Connection, Reader, Writer
from tests.servers.serving import TIMEOUT, Server, add_author, serve
from tests.tokens import issue

READERS = 6
# As many as reach all workers of a node, most likely.
_CONNECTIONS = 6
_OFF = "the cache is off"


class Trial:
    """A database with an author, who is to write by a token, and the nodes that serve it."""

    def __init__(self, place: Path, url: str, seed: int) -> None:
        """Take a directory, and the URL of a database with an account for rick."""
        self.place = place
        self.seed = seed
        self.statuses: Counter[int] = Counter()
        self.board = Board()
        self._environment = {"BLOG_DATABASE_URL": url}
        with closing(Database(url)) as database:
            self._credentials = issue(database, label=f"staleness {seed}")

    @contextmanager
    def node(self) -> Iterator[Server]:
        """A node of two workers that keep what they answer."""
        with serve(self.place, "--workers", "2", env=self._environment) as server:
            yield server
            if _OFF in server.stderr_text():
                raise BrokenPromise(f"nothing was shown:\n{server.stderr_text()[-500:]}")

    def read(self, url: str, reads: int) -> None:
        """Read so many times while posts change. Raises BrokenPromise."""
        ended = Event()
        writer = Writer(url, self._credentials, self.board, f"{self.seed} writer")
        readers = [Reader(url, self.board, f"{self.seed} {n}") for n in range(READERS)]
        with ThreadPoolExecutor(READERS + 1) as pool:
            writing = pool.submit(writer.write_until, ended)
            reading = [pool.submit(reader.read_often, reads // READERS) for reader in readers]
            try:
                for work in reading:
                    work.result()
            finally:
                ended.set()
            writing.result()
        self.statuses = sum((reader.statuses for reader in readers), Counter())
        if broken := self.board.broken:
            shown = "\n".join(f"  {claim}" for claim in broken[:10])
            raise BrokenPromise(f"{len(broken)} answers were stale:\n{shown}")

    def delays(self, near: str, far: str, rounds: int) -> list[float]:
        """How long it took after each of some writes on one node until the other showed it."""
        with closing(Connection(near, self._credentials)) as writer, ExitStack() as stack:
            created = writer.ask("POST", "/post", content={"title": "0", "body": ""})
            path = created.document["_links"]["self"].removeprefix(near)
            others = [stack.enter_context(closing(Connection(far))) for _ in range(_CONNECTIONS)]
            return [_delay(writer, others, path, number) for number in range(1, rounds + 1)]

    def summary(self) -> str:
        """What happened, in figures."""
        reads, writes = self.statuses, self.board.writes
        return (
            f"{reads.total()} reads ({_listed(reads)}) beside {writes.total()} writes "
            f"({_listed(writes)}): none stale"
        )


def _delay(writer: Connection, others: list[Connection], path: str, number: int) -> float:
    """How long after a write the last of the others is shown it."""
    # So that there is something to be shown in its place.
    for other in others:
        other.ask("GET", path)
    answer = writer.ask("PATCH", path, content={"title": str(number)})
    acknowledged = monotonic()
    assert answer.status == 200, answer
    for other in others:
        while other.ask("GET", path).document["title"] != str(number):
            if monotonic() > acknowledged + TIMEOUT:
                raise BrokenPromise(f"the other node does not show version {number} of {path}")
    return monotonic() - acknowledged


def _listed(counts: Mapping[object, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items(), key=str))


def run(place: Path, url: str, reads: int, seed: int) -> Trial:
    """Read that often from one node, and print what came of it. Raises BrokenPromise."""
    trial = Trial(place, url, seed)
    with trial.node() as server:
        began, before = monotonic(), _cpu_seconds(server)
        trial.read(server.url, reads)
        seconds = monotonic() - began
        shares = [after - before[pid] for pid, after in _cpu_seconds(server).items()]
    if min(shares) == 0:
        raise BrokenPromise("only one of the workers was asked")
    print(f"{trial.summary()}; {seconds:.0f} s, by each worker {shares[0]:.1f} and {shares[1]:.1f}")
    return trial


def compare_nodes(trial: Trial, rounds: int) -> list[float]:
    """Start two nodes, and print how far the one is behind the other. Raises BrokenPromise."""
    with trial.node() as near, trial.node() as far:
        delays = trial.delays(near.url, far.url, rounds)
    print(
        f"another node shows a write {max(delays) * 1000:.1f} ms after it was acknowledged at the "
        f"latest, median {median(delays) * 1000:.1f} ms, of {rounds}"
    )
    return delays


def _cpu_seconds(server: Server) -> dict[int, float]:
    """How long each of its workers has worked."""
    stats = {pid: Path(f"/proc/{pid}/stat").read_text() for pid in sorted(server.workers())}
    ticks = {pid: stat.rpartition(")")[2].split()[11] for pid, stat in stats.items()}
    return {pid: int(number) / os.sysconf("SC_CLK_TCK") for pid, number in ticks.items()}


def main() -> int:
    """The exit status: 1 where an answer was stale."""
    parser = argparse.ArgumentParser(prog="staleness-test", description=__doc__)
    parser.add_argument("--reads", type=int, default=100_000, help="how often to read")
    parser.add_argument("--database", help="URL of an empty one; else SQLite in a file")
    parser.add_argument("--seed", type=int, help="repeats the choices of a run")
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    # An interrupt of this process ends the server too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {seed}")
    try:
        with TemporaryDirectory() as place:
            url = options.database or f"sqlite:///{place}/blog.db"
            add_author(Path(place), env={"BLOG_DATABASE_URL": url})
            trial = run(Path(place), url, options.reads, seed)
            if not url.startswith("sqlite"):
                compare_nodes(trial, 300)
    except (BrokenPromise, AssertionError) as error:
        print(f"staleness-test: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
