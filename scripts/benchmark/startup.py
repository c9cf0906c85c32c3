"""The time until the first response, and the memory of a worker before the first request."""

from __future__ import annotations

import subprocess  # nosec B404  # what it starts is written here
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from time import perf_counter

from scripts.benchmark.figures import Amount, megabytes
from scripts.benchmark.processes import Cores, pinned, resident_bytes
from scripts.benchmark.servers import BLOG, run, serve, worker
from tests.servers.serving import environment, wait_until_it_serves

VERSION = "`blog --version`"
_IMPORT = "import of `blog.app`"
_FIRST_ANSWER = "`blog serve` until the first response"
_MEMORY = "memory of a worker that has just begun"
_TIMED = """
from time import perf_counter
begun = perf_counter()
import blog.app
print(perf_counter() - begun)
"""


def measure(
    settings: Mapping[str, str], place: Path, cores: Cores, times: int
) -> dict[str, Amount]:
    """The time of a start with an existing database: the median of several.

    All is compiled, as it is where pip has installed it, or where it has been started before.
    """
    place.mkdir()
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(place / "bytecode")}
    settings = {**settings, **compiled}
    _time_start(settings, place / "first", cores)
    with pinned(cores.server):
        versions = [_time_version(compiled) for _ in range(times)]
        imports = [_time_import(compiled) for _ in range(times)]
    starts = [_time_start(settings, place / str(number), cores) for number in range(times)]
    with serve(BLOG, settings, place / "memory", cores) as server:
        memory = megabytes(resident_bytes(worker(server)))
    return {
        VERSION: Amount(median(versions), "s"),
        _IMPORT: Amount(median(imports), "s"),
        _FIRST_ANSWER: Amount(median(starts), "s"),
        _MEMORY: Amount(memory, "MB"),
    }


def _time_version(compiled: Mapping[str, str]) -> float:
    begun = perf_counter()
    _run(compiled, "-m", "blog", "--version")
    return perf_counter() - begun


def _time_import(compiled: Mapping[str, str]) -> float:
    return float(_run(compiled, "-c", _TIMED))


def _time_start(settings: Mapping[str, str], directory: Path, cores: Cores) -> float:
    begun = perf_counter()
    with run(BLOG, settings, directory, cores) as server:
        wait_until_it_serves(server)
        return perf_counter() - begun


def _run(compiled: Mapping[str, str], *arguments: str) -> str:
    return subprocess.run(  # nosec B603  # see above
        [sys.executable, *arguments],
        env=environment(compiled),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
