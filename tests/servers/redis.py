"""A Redis server of the tests' own: started, stopped and thrown away."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers.serving import TIMEOUT, eventually, free_port

_PROGRAM = shutil.which("redis-server")
PASSWORD = "s3cret"


def is_installed() -> bool:
    """Whether this machine has a Redis server to start."""
    return _PROGRAM is not None


class Redis:
    """A server that keeps nothing on the disk, reached by TCP or by a socket, with a password."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.socket = directory / "redis.sock"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is, as the settings have it."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert _PROGRAM
        self._process = subprocess.Popen(
            [
                _PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--requirepass", PASSWORD, "--unixsocket", str(self.socket),
            ],
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        eventually(self._answers, lambda: "Redis does not start")

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._process:
            self._process.terminate()
            self._process.wait(TIMEOUT)
            self._process = None

    def names(self) -> list[str]:
        """The names of all that it keeps."""
        lines = self._say("KEYS *").splitlines()
        return [line for line in lines if line[:1] not in ("*", "$", "+", "")]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it stand still, as a machine that hangs does."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        with suppress(OSError):
            return "PONG" in self._say("PING")
        return False

    def _say(self, command: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port), TIMEOUT) as connection:
            connection.sendall(f"AUTH {PASSWORD}\r\n{command}\r\nQUIT\r\n".encode())
            return connection.makefile().read()


@contextmanager
def server() -> Iterator[Redis]:
    """A server that runs; stopped and thrown away at the end."""
    with TemporaryDirectory(prefix="blog-") as directory:
        made = Redis(Path(directory))
        made.start()
        try:
            yield made
        finally:
            made.stop()
