"""wrk, which sends requests as fast as they are served: running it, and reading its report."""

from __future__ import annotations

import json
import re
import resource
import secrets
import shutil
import subprocess  # nosec B404  # what it starts is written here
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template
from time import perf_counter
from typing import Any, NamedTuple

from scripts.benchmark.loads import Load

CONNECTIONS = 16
# The number of other clients, which send another load meanwhile.
_OTHERS = 100
# Longer than any row takes.
_LONGEST_SECONDS = 3600
_REPORT = """
done = function(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
"""


class Failed(Exception):
    """Raised when a request had no response, or an error: there is no figure then."""


class Report(NamedTuple):
    """The report of wrk: requests, seconds, and the latency of half and of 99 in 100, in ms."""

    requests: int
    seconds: float
    p50: float
    p99: float
    # How much of its core wrk itself has used.
    share: float


def is_installed() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def run(load: Load, port: int, directory: Path, seconds: int) -> Report:
    """Send a load for some seconds. Raises Failed."""
    with _others(load.beside, port, directory):
        return _run(_command(load, port, directory / "load.lua", CONNECTIONS, seconds))


@contextmanager
def _others(load: Load | None, port: int, directory: Path) -> Iterator[None]:
    """Many clients that send a load until the end, if there is one."""
    if load is None:
        yield
        return
    command = _command(load, port, directory / "others.lua", _OTHERS, _LONGEST_SECONDS)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # nosec B603  # see above
        try:
            yield
        finally:
            process.kill()


def _command(load: Load, port: int, script: Path, connections: int, seconds: int) -> list[str]:
    run_id = secrets.token_hex(4)
    script.write_text(Template(load.script).safe_substitute(run=run_id) + _REPORT)
    headers = [part for name, value in load.headers.items() for part in ("-H", f"{name}: {value}")]
    length, url = f"-d{seconds}s", f"http://127.0.0.1:{port}{load.path}"
    options = ["-t1", f"-c{connections}", length, "--latency", "-s", str(script)]
    return ["wrk", *options, *headers, url]


def _run(command: list[str]) -> Report:
    begun, used = perf_counter(), _cpu_of_children()
    ended = subprocess.run(  # nosec B603  # see above
        command, capture_output=True, text=True, check=False
    )
    share = (_cpu_of_children() - used) / (perf_counter() - begun)
    if ended.returncode:
        raise Failed(f"wrk: {ended.stderr.strip() or ended.stdout.strip()}")
    return read(ended.stdout, share)


def read(output: str, share: float) -> Report:
    """Read the report of wrk. Raises Failed if a request had no response, or an error."""
    found = re.search(r"^\{.*\}$", output, re.MULTILINE)
    if found is None:
        raise Failed(f"wrk says nothing of what it did: {output!r:.300}")
    said: dict[str, Any] = json.loads(found[0])
    if not said["requests"]:
        raise Failed("no request was answered")
    if said["refused"] or said["broken"]:
        raise Failed(
            f"of {said['requests']} requests {said['refused']} were refused and "
            f"{said['broken']} not answered"
        )
    seconds, p50, p99 = said["microseconds"] / 1e6, said["p50"] / 1e3, said["p99"] / 1e3
    return Report(said["requests"], seconds, p50, p99, share)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
