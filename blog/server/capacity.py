"""The number of processes and connections, and the open files that a worker needs for them."""

from __future__ import annotations

import resource
from contextlib import suppress
from dataclasses import dataclass

from blog.errors import ServerError

# The files that a worker opens for itself, such as its log and shared memory.
_OWN_FILES = 64
# Each connection is made twice, to read and to write. One to SQLite opens two files, one to
# PostgreSQL a socket for each host.
_FILES_PER_DATABASE_CONNECTION = 8
_FEWEST_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Capacity:
    """The number of workers, and the limits of each of them.

    ``connections`` is the number of client connections, ``database_connections`` of those to the
    database. The head of a request may take ``head_timeout`` seconds.
    """

    workers: int
    connections: int
    database_connections: int
    head_timeout: float

    @property
    def other_files(self) -> int:
        """The number of open files that a worker needs in addition to client connections."""
        return _OWN_FILES + _FILES_PER_DATABASE_CONNECTION * self.database_connections


def fit_connections(capacity: Capacity) -> int:
    """The number of client connections that a worker can have, each of which is an open file.

    Raises the limit of open files, which the workers inherit, as far as needed and permitted.
    Raises ServerError if the limit is too low to serve at all.
    """
    allowed = _raise_limit(capacity.connections + capacity.other_files)
    connections = min(capacity.connections, allowed - capacity.other_files)
    if connections < _FEWEST_CONNECTIONS:
        needed = _FEWEST_CONNECTIONS + capacity.other_files
        raise ServerError(
            f"a process may have {allowed} files open here, and a worker needs {needed}: "
            "raise the limit, as `ulimit -n` does, or lower BLOG_DATABASE_CONNECTIONS"
        )
    return connections


def _raise_limit(wanted: int) -> int:
    """Raise the limit of open files to the number wanted, if permitted; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        # macOS has another limit, below the hard one, which getrlimit does not return.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else soft
