"""Processes on Linux: the cores on which they run, and the time and memory that they have used."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Cores(NamedTuple):
    """The cores of the servers that are measured, and those of all other processes."""

    server: Set[int]
    rest: Set[int]


def share_out() -> Cores:
    """One core for the servers, and the others, if there are any, for the clients."""
    first, *others = sorted(os.sched_getaffinity(0))
    return Cores({first}, set(others) or {first})


@contextmanager
def pinned(cores: Set[int]) -> Iterator[None]:
    """Start processes that run on these cores and no others."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used, in user mode and in the kernel (proc(5))."""
    # The name of the program, in parentheses, may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def busy_seconds(cores: Set[int]) -> float:
    """The time in which cores were not idle (proc(5), stat)."""
    names = {f"cpu{core}" for core in cores}
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    # The fourth and fifth are idle and iowait; those of guests are in user time, too.
    spent = [line[1:4] + line[6:9] for line in lines if line[0] in names]
    return sum(int(ticks) for line in spent for ticks in line) / _TICKS


def resident_bytes(pid: int) -> int:
    """The memory that a process has (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise ProcessLookupError(f"process {pid} has ended")
    return int(found[1]) * 1024
