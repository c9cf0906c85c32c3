"""`scripts/failover-test`: a primary ends under load, and what was acknowledged is all there.

Two nodes serve eight writing and eight reading clients from a primary and its standby. First the
primary is killed and the standby promoted; then the new primary is stopped and started; then its
connections are cut, one after the other. Each time the promises that clients were given are held
against what is there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic

from tests.scenarios.failover_clients import Client, Ledger, Reader, make_clients
from tests.servers.postgresql import FAST, Cluster, directory, is_installed
from tests.servers.serving import add_author, eventually, serve

# What is acknowledged has been replayed by the standby: it is lost with both servers alone, and
# every reader of the standby sees it.
SETTINGS = {**FAST, "synchronous_commit": "remote_apply"}
_DATABASE = "blogdb"
# How long it takes somebody to see that the primary has gone, and to promote the standby.
_REACTION = 1.0
# No request is to be cut off each time that it is tried.
_BETWEEN_CUTS = 0.03
_CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'blog' AND state IN ('active', 'idle in transaction')
    ORDER BY random() LIMIT 1
"""


class BrokenPromise(Exception):
    """Raised for a claim of failover that does not hold."""


@dataclass(frozen=True)
class Scale:
    """How long the load goes on around each event, in seconds, and how many cuts are made."""

    load: float
    cuts: int


FULL = Scale(load=10, cuts=200)
SHORT = Scale(load=1.5, cuts=30)


class Pair:
    """A primary, and a standby that it waits for."""

    def __init__(self, place: Path) -> None:
        self.primary = Cluster(place / "primary")
        self.standby = Cluster(place / "standby")

    def start(self) -> None:
        """Start both, with an empty database."""
        self.primary.create()
        self.primary.start(SETTINGS)
        self.primary.execute(f"CREATE DATABASE {_DATABASE}")
        self.standby.follow(self.primary)
        # Once promoted it has no standby to wait for.
        self.standby.start(SETTINGS)
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        self.primary.execute("SELECT pg_reload_conf()")
        eventually(self._is_synchronous, lambda: "the standby does not follow")

    def stop(self) -> None:
        """Stop what runs."""
        for server in (self.primary, self.standby):
            if server.data.exists():
                server.stop("immediate")

    def url(self, want: str = "") -> str:
        """The URL of both."""
        hosts = "&".join(f"host=127.0.0.1:{s.port}" for s in (self.primary, self.standby))
        return f"postgresql+psycopg://blog@/{_DATABASE}?{hosts}{want}"

    def environment(self) -> dict[str, str]:
        """The settings of a node."""
        return {
            "BLOG_DATABASE_URL": self.url("&target_session_attrs=read-write"),
            "BLOG_DATABASE_READ_URL": self.url(),
            # What another node keeps may lag by a notification, and nothing read here may.
            "BLOG_CACHE_BYTES": "0",
        }

    def _is_synchronous(self) -> bool:
        states = self.primary.execute("SELECT sync_state FROM pg_stat_replication")
        return states == [("sync",)]


class Trial:
    """The pair, the nodes and the clients, and a table of what happened."""

    def __init__(self, pair: Pair, nodes: Sequence[str], scale: Scale) -> None:
        self.pair = pair
        self.nodes = nodes
        self.scale = scale
        self.ledger = Ledger()

    @contextmanager
    def load(self) -> Iterator[list[Client]]:
        """Clients that are at work before and after what is done within."""
        clients = make_clients(self.nodes, self.ledger)
        for client in clients:
            client.start()
        try:
            self.wait(self.scale.load)
            yield clients
            self.wait(self.scale.load)
        finally:
            for client in clients:
                client.stop()

    def wait(self, seconds: float) -> None:
        """Let the clients work."""
        Event().wait(seconds)

    def gap(self, since: float) -> float:
        """Wait until each node has acknowledged a write; how long the last one took to do so."""
        eventually(lambda: None not in self._firsts(since), lambda: "no node writes again")
        return max(first for first in self._firsts(since) if first is not None) - since

    def judge(self) -> None:
        """Hold the promises against what is there. Raises BrokenPromise."""
        compare(self.ledger, stored(self.pair.standby))
        if broken := self.ledger.broken:
            shown = "\n".join(f"  {claim}" for claim in broken[:10])
            raise BrokenPromise(f"{len(broken)} claims do not hold:\n{shown}")

    def _firsts(self, since: float) -> list[float | None]:
        return [self.ledger.first_success(node, since) for node in self.nodes]


def fail_over(trial: Trial) -> float:
    """Kill the primary, promote the standby; give how long no write was possible."""
    with trial.load():
        began = monotonic()
        trial.pair.primary.kill()
        trial.wait(_REACTION)
        trial.pair.standby.promote()
        gap = trial.gap(began)
    refused = trial.ledger.statuses(began)[503]
    trial.ledger.require(refused, "no write met the gap: nothing was shown")
    return gap


def restart(trial: Trial) -> float:
    """Stop the only server and start it; give how long no write was possible."""
    with trial.load() as clients:
        trial.ledger.reads_may_fail = True
        trial.pair.standby.stop("fast")
        began = monotonic()
        trial.wait(_REACTION)
        trial.pair.standby.start(SETTINGS)
        gap = trial.gap(began)
        _wait_for_readers(clients)
        # A worker that could not connect a moment ago lets half a second pass.
        trial.wait(1)
        trial.ledger.reads_may_fail = False
    return gap


def cut_connections(trial: Trial) -> float:
    """End connections in the middle of what they do; give how long writes took to go on."""
    done = 0

    def cut() -> bool:
        nonlocal done
        done += trial.pair.standby.execute(_CUT) == [(True,)]
        trial.wait(_BETWEEN_CUTS)
        return done >= trial.scale.cuts

    with trial.load():
        eventually(cut, lambda: f"only {done} connections were cut")
        return trial.gap(monotonic())


def _wait_for_readers(clients: Sequence[Client]) -> None:
    readers = [client for client in clients if isinstance(client, Reader)]
    before = {reader: reader.successes for reader in readers}
    # The first may have begun while the server was away.
    eventually(
        lambda: all(reader.successes > before[reader] + 1 for reader in readers),
        lambda: "reads do not go on after a restart",
    )


def stored(server: Cluster) -> list[tuple[str, str, int]]:
    """The id, title and number of each post that is there."""
    rows = server.execute("SELECT id, title, body FROM post", _DATABASE)
    return [(str(post_id), str(title), int(str(body))) for post_id, title, body in rows]


def compare(ledger: Ledger, rows: Sequence[tuple[str, str, int]]) -> None:
    """Take note of every post that is missing, older than acknowledged, or there twice."""
    numbers = {f"/post/{post_id}": number for post_id, _, number in rows}
    for path, promise in ledger.promises.items():
        claim = f"{path} has {numbers.get(path)}, and {promise.number} was acknowledged"
        ledger.require(numbers.get(path, -1) >= promise.number, claim)
    titles = [title for _, title, _ in rows]
    ledger.require(len(set(titles)) == len(titles), "a post was created twice")
    denied = {title for title, surely in ledger.unacknowledged.items() if surely}
    ledger.require(not denied & set(titles), f"answered 503 and done: {denied & set(titles)}")


PHASES: Sequence[tuple[str, Callable[[Trial], float]]] = (
    ("primary killed, standby promoted", fail_over),
    ("only server stopped and started", restart),
    ("connections cut one by one", cut_connections),
)


def run(scale: Scale) -> None:
    """Go through all phases and print a line for each. Raises BrokenPromise."""
    with ExitStack() as stack:
        place = stack.enter_context(directory())
        pair = Pair(place)
        stack.callback(pair.stop)
        pair.start()
        add_author(place, env=pair.environment())
        served = [
            stack.enter_context(serve(place, "--workers", "2", env=pair.environment()))
            for _ in range(2)
        ]
        trial = Trial(pair, [server.url for server in served], scale)
        print(f"{'':34}{'gap':>7}{'done':>8}{'503':>7}{'412':>6}{'reads':>8}{'503':>6}")
        for name, phase in PHASES:
            _report(trial, name, phase)
    print(
        f"{len(trial.ledger.promises)} posts acknowledged, none missing, old or there twice; "
        f"no read failed while a server was there"
    )


def _report(trial: Trial, name: str, phase: Callable[[Trial], float]) -> None:
    began, before = monotonic(), trial.ledger.reads.copy()
    gap = phase(trial)
    writes, reads = trial.ledger.statuses(began), trial.ledger.reads - before
    done, read = writes[200] + writes[201], reads[200] + reads[304]
    print(
        f"{name:34}{gap:6.1f}s{done:8}{writes[503]:7}{writes[412]:6}{read:8}{reads[503]:6}",
        flush=True,
    )
    trial.judge()


def main() -> int:
    """The exit status: 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(prog="failover-test", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few seconds for each phase")
    if not is_installed():
        print("failover-test: PostgreSQL is not installed", file=sys.stderr)
        return 1
    try:
        run(SHORT if parser.parse_args().short else FULL)
    except (BrokenPromise, AssertionError) as error:
        print(f"failover-test: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
