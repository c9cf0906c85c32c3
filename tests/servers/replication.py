"""What befalls replicas and primaries in tests, and which of them has answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.servers.postgresql import FAST, Cluster
from tests.servers.serving import eventually

# What a server is asked stands in its log; what it acknowledged it still knows after a kill.
SETTINGS = {
    **FAST,
    "synchronous_commit": "on",
    "log_statement": "all",
    "wal_retrieve_retry_interval": "100ms",
}
POST = {"title": "First!", "body": "First post!"}


@contextmanager
def paused(replicas: Sequence[Cluster]) -> Iterator[None]:
    """Have replicas fall behind."""
    for replica in replicas:
        replica.execute("SELECT pg_wal_replay_pause()")
    try:
        for replica in replicas:
            eventually(
                lambda replica=replica: (
                    replica.execute("SELECT pg_get_wal_replay_pause_state()") == [("paused",)]
                ),
                lambda: "a replica does not pause",
            )
        yield
    finally:
        for replica in replicas:
            replica.execute("SELECT pg_wal_replay_resume()")


@contextmanager
def stopped(servers: Sequence[Cluster]) -> Iterator[None]:
    """Have servers be away, as after a power failure."""
    for server in servers:
        server.kill()
    try:
        yield
    finally:
        for server in servers:
            server.start(SETTINGS)


def asked(server: Cluster) -> int:
    """How often a server was asked for posts."""
    return (server.directory / "log").read_text().count("FROM post ")


def who_serves(servers: Sequence[Cluster], read: Callable[[], object]) -> list[int]:
    """Which servers are asked for posts meanwhile, by their numbers."""
    before = [asked(server) for server in servers]
    read()
    return [number for number, server in enumerate(servers) if asked(server) > before[number]]
