"""`blog serve` as it runs in earnest: processes of its own, reached over TCP."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import requests

from tests.commands import blog, done
from tests.leaks import assert_no_secret

# What the first start prints, which nothing else may.
FIRST_PASSWORD = re.compile(r"^Created the editor '(\w+)' with the password (\S+)$", re.MULTILINE)
# In seconds: longer than a busy machine takes for anything.
TIMEOUT = 60


@dataclass
class Server:
    """A server that runs, and what it has said so far."""

    process: subprocess.Popen[bytes]
    port: int
    stdout: Path
    stderr: Path

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def stdout_text(self) -> str:
        """What it printed."""
        return self.stdout.read_text()

    def stderr_text(self) -> str:
        """What it logged."""
        return self.stderr.read_text()

    def first_accounts(self) -> list[tuple[str, str]]:
        """The names and passwords that it printed."""
        return FIRST_PASSWORD.findall(self.stdout_text())

    def log(self) -> list[dict[str, Any]]:
        """What it logged, a JSON object in each line, as its standard error is no terminal."""
        return [json.loads(line) for line in self.stderr_text().splitlines()]

    def requests(self) -> list[dict[str, Any]]:
        """What it logged of the requests to it."""
        return [line for line in self.log() if line["logger"] == "blog.access"]

    def workers(self) -> set[int]:
        """The ids of its worker processes."""
        return self._children(_niceness(str(self.process.pid)))

    def renderers(self) -> set[int]:
        """The id of the process that renders posts anew, while there is one."""
        return self._children(niceness=19)

    def _children(self, niceness: int | None) -> set[int]:
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {
            int(child)
            for child in children
            if "spawn_main" in _command(child) and _niceness(child) == niceness
        }

    def connect(self) -> socket.socket:
        """A connection to write to as a client should not."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and give its exit status."""
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT)


def _command(pid: str) -> str:
    """What a process was started as; nothing where it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def _niceness(pid: str) -> int | None:
    """How low the priority of a process is, from 0 to 19; None where it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16])
    return None


def run_blog(
    directory: Path,
    *args: str,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    without: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a command of the blog to its end, with a directory of its own.

    ``without`` names a module that is not there, as without an extra of the package.
    """
    program = f"import sys; sys.modules[{without!r}] = None; from blog.cli import main; main()"
    start = ["-c", program] if without else ["-m", "blog"]
    return subprocess.run(
        [sys.executable, *start, *args],
        cwd=directory,
        env=environment(env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: ours, with these settings of the blog and no others."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BLOG_")}
    return {**ours, **(settings or {})}


def _ports() -> Iterator[int]:
    """Ports below those that outgoing connections are given, in an order of this run.

    Each is given out once before any is given again: a server may not have taken the one before
    yet. Of several processes that test at once, each has its own.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    first = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = range(20000 + first, 32000, count)
    return cycle(random.sample(ports, len(ports)))


_PORTS = _ports()


def free_port() -> int:
    """A port that is free, and was not given to another test a moment ago."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def eventually(holds: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until something holds that no event announces; fail with the text of ``what``."""
    deadline = monotonic() + TIMEOUT
    while not holds():
        assert monotonic() < deadline, what()
        sleep(0.02)


@contextmanager
def start(
    directory: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    port: int | None = None,
    within: Sequence[str] = (),
) -> Iterator[Server]:
    """Start a server whose database is in the directory; whatever is left at the end is killed.

    It must have logged no secret. ``within`` is a command that runs another one.
    """
    port = port or free_port()
    stdout, stderr = directory / f"{port}.stdout", directory / f"{port}.stderr"
    with stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(
            [*within, sys.executable, "-m", "blog", "serve", "--port", str(port), *args],
            cwd=directory,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    server = Server(process, port, stdout, stderr)
    try:
        yield server
    finally:
        # Its workers too, should it have ended without them.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert_no_secret(server.stderr_text(), *(word for _, word in server.first_accounts()))
    assert_no_secret(FIRST_PASSWORD.sub("", server.stdout_text()))


def wait_until_it_serves(server: Server) -> None:
    """Wait for the first answer of a server; fail with what it logged if none comes."""

    def answers() -> bool:
        assert server.process.poll() is None, server.stderr_text()
        try:
            return requests.get(server.url, timeout=TIMEOUT).status_code == 200
        except requests.ConnectionError:
            return False

    eventually(answers, server.stderr_text)


@contextmanager
def serve(directory: Path, *args: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server that answers, with one worker unless told otherwise; it must end cleanly."""
    with start(directory, *(args or ("--workers", "1")), env=env) as server:
        wait_until_it_serves(server)
        yield server

        assert server.stop() == 0, server.stderr_text()


def add_author(
    directory: Path,
    name: str = "rick",
    password: str = "password",
    env: Mapping[str, str] | None = None,
    role: str = "author",
) -> None:
    """Make an account for a server that starts later."""
    # In this process, since to start another one takes longer than all that it does.
    settings = {"BLOG_DATABASE_URL": f"sqlite:///{directory / 'blog.db'}", **(env or {})}
    done(blog(f"author add {name} --role {role} --password-stdin", f"{password}\n", **settings))
