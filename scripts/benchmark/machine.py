"""The machine on which the measurements are made."""

from __future__ import annotations

import platform
import re
import sqlite3
from importlib.metadata import version
from pathlib import Path

_IN_MEMORY = ("tmpfs", "ramfs")


def describe(place: Path) -> str:
    """The processor, the versions of the software, and the file system, in a sentence."""
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processor = found[1] if found else platform.machine()
    programs = (
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"granian {version('granian')}",
    )
    kind = file_system(place)
    doubt = ", where a write waits for no disk: name a place on one in TMPDIR"
    return f"{processor}; {', '.join(programs)}; files on {kind}{doubt * (kind in _IN_MEMORY)}."


def file_system(place: Path) -> str:
    """The kind of file system that a directory is on (proc(5), mounts)."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(len(point), kind) for point, kind in mounts if place.is_relative_to(point)]
    return max(holding)[1]
