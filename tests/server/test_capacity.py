"""Open files: as many as the connections need, and what happens if there are fewer."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.servers.serving import TIMEOUT, Server, eventually, start, wait_until_it_serves

pytestmark = pytest.mark.long

REQUEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


def limited(options: str) -> Sequence[str]:
    """A command that runs another command with a limit of open files."""
    return ("sh", "-c", f'ulimit {options}; exec "$@"', "sh")


@contextmanager
def serving(directory: Path, options: str, **env: str) -> Iterator[Server]:
    """A server with one worker and a limit of open files; it must end cleanly."""
    with start(directory, "--workers", "1", env=env, within=limited(options)) as server:
        wait_until_it_serves(server)
        yield server

        assert server.stop() == 0, server.stderr_text()


def warnings(server: Server) -> list[str]:
    return [line["message"] for line in server.log() if line["level"] == "WARNING"]


def is_at_rest(pid: int) -> bool:
    """Whether all threads of a process sleep."""
    threads = list(Path(f"/proc/{pid}/task").iterdir())
    states = [(thread / "stat").read_text().rpartition(") ")[2][0] for thread in threads]
    return set(states) == {"S"}


def run_with_limit(options: str, program: str) -> str:
    """Run a Python program with a limit of open files, and return its output."""
    command = [*limited(options), sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    return ended.stdout.strip()


@pytest.mark.parametrize(
    ("options", "connections", "expected"),
    [
        ("-n 2000", 1000, "1000 1096"),
        ("-n 200", 1000, "104 200"),
        ("-n 2000", 16, "16 128"),
    ],
)
def test_the_soft_limit_is_raised_as_needed_and_permitted(
    options: str, connections: int, expected: str
) -> None:
    program = (
        "import resource as r; from blog.server import capacity as c; "
        "r.setrlimit(r.RLIMIT_NOFILE, (128, r.getrlimit(r.RLIMIT_NOFILE)[1])); "
        f"fit = c.fit_connections(c.Capacity(1, {connections}, 4, 30.0)); "
        "print(fit, r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )

    assert run_with_limit(options, program) == expected


def test_a_limit_too_low_for_the_connections_is_one_warning(tmp_path: Path) -> None:
    with serving(tmp_path, "-n 144", BLOG_CONNECTIONS="1000") as server:
        logged = warnings(server)

    assert logged == [
        "the limit of open files is too low for the 1000 connections of BLOG_CONNECTIONS: "
        "each worker accepts 48"
    ]


def test_a_limit_too_low_to_serve_at_all_stops_the_start(tmp_path: Path) -> None:
    with start(tmp_path, within=limited("-n 64")) as server:
        status = server.process.wait(TIMEOUT)

    assert status == 1
    assert server.stderr_text() == (
        "Error: a process may have 64 files open here, and a worker needs 112: "
        "raise the limit, as `ulimit -n` does, or lower BLOG_DATABASE_CONNECTIONS\n"
    )


def test_a_worker_sleeps_while_more_clients_connect_than_it_accepts(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, "-n 144") as server, ExitStack() as stack:
        [worker] = server.workers()
        clients = [stack.enter_context(server.connect()) for _ in range(200)]
        eventually(lambda: "48 connections are in use" in server.stderr_text(), server.stderr_text)

        eventually(lambda: is_at_rest(worker), server.stderr_text)
        assert len(os.listdir(f"/proc/{worker}/fd")) < 144
        for client in clients[1:]:
            client.close()
        clients[0].sendall(REQUEST)
        assert clients[0].recv(65536).startswith(b"HTTP/1.1 200 ")
        wait_until_it_serves(server)
        assert len(warnings(server)) == 2


def test_a_worker_without_descriptors_shuts_idle_connections_and_warns(tmp_path: Path) -> None:
    with serving(tmp_path, "-n 1024") as server, ExitStack() as stack:
        [worker] = server.workers()
        idle = [stack.enter_context(server.connect()) for _ in range(100)]
        for client in idle:
            client.sendall(REQUEST)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        open_now = {int(name) for name in os.listdir(f"/proc/{worker}/fd")}
        lowest_free = min(set(range(1024)) - open_now)
        _, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (lowest_free, hard))

        assert all(client.recv(1) == b"" for client in idle)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (hard, hard))
        wait_until_it_serves(server)
        eventually(lambda: is_at_rest(worker), server.stderr_text)
        assert any(logged.startswith("no file descriptor is left: ") for logged in warnings(server))
