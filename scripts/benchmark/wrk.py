"""wrk, which sends requests as fast as they are answered: how it is run, and what it says."""

from __future__ import annotations

import json
import re
import resource
import secrets
import shutil
import subprocess  # nosec B404  # what it starts is written here
from pathlib import Path
from string import Template
from time import perf_counter
from typing import Any, NamedTuple

from scripts.benchmark.loads import Load

CONNECTIONS = 16
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
    """There is no figure, since not every request was answered as it should be."""


class Report(NamedTuple):
    """What wrk has seen: requests, seconds, and the latency of half and of 99 in 100 in ms."""

    requests: int
    seconds: float
    p50: float
    p99: float
    # How much of its core wrk itself has used.
    share: float


def is_installed() -> bool:
    """Whether this machine has it."""
    return shutil.which("wrk") is not None


def run(load: Load, port: int, directory: Path, seconds: int) -> Report:
    """Send a load for so many seconds. Raises Failed."""
    script = directory / "load.lua"
    run_id = secrets.token_hex(4)
    script.write_text(Template(load.script).safe_substitute(run=run_id) + _REPORT)
    headers = [part for name, value in load.headers.items() for part in ("-H", f"{name}: {value}")]
    length = f"-d{seconds}s"
    url = f"http://127.0.0.1:{port}{load.path}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", length, "--latency", "-s", str(script), *headers]
    begun, used = perf_counter(), _cpu_of_children()
    ended = subprocess.run(  # nosec B603  # see above
        [*command, url], capture_output=True, text=True, check=False
    )
    share = (_cpu_of_children() - used) / (perf_counter() - begun)
    if ended.returncode:
        raise Failed(f"wrk: {ended.stderr.strip() or ended.stdout.strip()}")
    return read(ended.stdout, share)


def read(output: str, share: float) -> Report:
    """What wrk says at its end. Raises Failed where something was not answered, or refused."""
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
