"""The measurements of a server, and the median of several rounds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from scripts.benchmark import wrk
from scripts.benchmark.loads import Load
from scripts.benchmark.processes import busy_seconds, cpu_seconds, resident_bytes
from scripts.benchmark.servers import worker
from tests.servers.serving import Server


class Amount(NamedTuple):
    """An amount with its unit."""

    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.value:.2f} {self.unit}"


class Figures(NamedTuple):
    """The cost of a response."""

    requests: float
    # Requests per second.
    rate: float
    # Processor time of the worker for a request, in microseconds.
    cpu: float
    # The milliseconds within which half of the responses arrive, and 99 in 100.
    p50: float
    p99: float
    # The memory of the worker afterwards, in MB.
    memory: float
    # How much of its core wrk has used, of 1, and how much of the worker's core others have.
    client: float
    others: float


@dataclass
class Results:
    """All results: the machine, the rows, other measurements, and why a figure is missing."""

    machine: str
    rows: dict[str, Figures] = field(default_factory=dict)
    amounts: dict[str, Amount] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def measure(server: Server, load: Load, seconds: int) -> Figures:
    """Measure a server under a load, for some seconds.

    Raises Failed where not every request is answered as it should be.
    """
    pid = worker(server)
    cores = os.sched_getaffinity(pid)
    busy, before = busy_seconds(cores), cpu_seconds(pid)
    report = wrk.run(load, server.port, server.stderr.parent, seconds)
    used = cpu_seconds(pid) - before
    others = busy_seconds(cores) - busy - used
    return Figures(
        report.requests,
        report.requests / report.seconds,
        used / report.requests * 1e6,
        report.p50,
        report.p99,
        megabytes(resident_bytes(pid)),
        report.share,
        others / report.seconds,
    )


def middle(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(*map(median, zip(*rounds, strict=True)))


def megabytes(count: int) -> float:
    """A number of bytes in MB of 10⁶ bytes."""
    return count / 1e6
