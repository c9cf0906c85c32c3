"""The servers that are measured: each with one worker, on one core, in a directory of its own."""

from __future__ import annotations

import os
import signal
import subprocess  # nosec B404  # what it starts is written here
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from scripts.benchmark.processes import Cores, pinned
from tests.servers.serving import TIMEOUT, Server, environment, free_port, wait_until_it_serves

ROOT = Path(__file__).parents[2]
BLOG: Sequence[str] = ("blog", "serve", "--workers", "1")


class Answer(NamedTuple):
    """A response of a server."""

    status: int
    etag: str
    body: bytes


@contextmanager
def run(
    command: Sequence[str], settings: Mapping[str, str], directory: Path, cores: Cores
) -> Iterator[Server]:
    """A server that is starting; killed at the end, with its worker.

    What it logs goes to a file, as with a service.
    """
    directory.mkdir()
    port = free_port()
    stdout, stderr = directory / "stdout", directory / "log"
    with stdout.open("ab") as out, stderr.open("ab") as err, pinned(cores.server):
        process = subprocess.Popen(  # nosec B603  # see above
            [sys.executable, "-m", *command, "--port", str(port)],
            cwd=directory,
            env={**environment(settings), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        yield Server(process, port, stdout, stderr)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def serve(
    command: Sequence[str], settings: Mapping[str, str], directory: Path, cores: Cores
) -> Iterator[Server]:
    """A server that responds."""
    with run(command, settings, directory, cores) as server:
        wait_until_it_serves(server)
        yield server


def worker(server: Server) -> int:
    """The id of the worker process."""
    (pid,) = server.workers()
    return pid


def ask(
    port: int, method: str, path: str, headers: Mapping[str, str], body: str | None = None
) -> Answer:
    """Send a request to a server, and return its response."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheader("ETag", ""), answer.read())
    finally:
        connection.close()
