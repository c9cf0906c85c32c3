"""The server on systems such as macOS, which lack features of Linux: they are removed here."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from tests.servers.serving import (
    TIMEOUT,
    Server,
    add_author,
    eventually,
    start,
    wait_until_it_serves,
)

pytestmark = pytest.mark.long

# Python runs this first in each process.
LACK = """
import os, select, socket, sys

for module, names in {
    os: ["eventfd", "eventfd_read", "eventfd_write", "pidfd_open", "sched_getaffinity"],
    select: ["epoll", "EPOLLIN"],
    socket: ["TCP_USER_TIMEOUT", "SO_REUSEPORT"],
}.items():
    for name in names:
        delattr(module, name)
sys.modules["uvloop"] = None
# It may have been loaded with what is removed now.
sys.modules.pop("selectors", None)


def _listing(path=".", _list=os.listdir):
    if str(path).startswith(("/proc", "/dev/fd")):
        raise FileNotFoundError(2, "No such file or directory", path)
    return _list(path)


os.listdir = _listing
print("lacking", file=open(os.environ["LACKING"], "a"))
"""
POST = {"title": "First!", "body": "First post!"}
RICK = ("rick", "password")


@pytest.fixture
def lacking(tmp_path: Path, empty_url: str) -> Mapping[str, str]:
    """The environment of a server on such a system."""
    place = tmp_path / "lacking"
    place.mkdir()
    (place / "sitecustomize.py").write_text(LACK)
    path = os.pathsep.join(filter(None, [str(place), os.environ.get("PYTHONPATH")]))
    env = {"BLOG_DATABASE_URL": empty_url, "BLOG_TRANSFER_TIMEOUT": "1"}
    add_author(tmp_path, env=env)
    return {**env, "PYTHONPATH": path, "LACKING": str(tmp_path / "lacking.txt")}


@pytest.fixture
def server(tmp_path: Path, lacking: Mapping[str, str]) -> Iterator[Server]:
    """A server on such a system; it must end cleanly."""
    with start(tmp_path, env=lacking) as running:
        wait_until_it_serves(running)
        yield running

        assert running.stop() == 0, running.stderr_text()
    assert "Traceback" not in running.stderr_text()
    # The supervisor and at least one worker.
    assert len((tmp_path / "lacking.txt").read_text().splitlines()) >= 2


def test_a_post_is_written_and_read(server: Server) -> None:
    written = requests.post(f"{server.url}/post", json=POST, auth=RICK, timeout=TIMEOUT)
    read = requests.get(written.headers["Location"], timeout=TIMEOUT)

    assert (written.status_code, read.json()["title"]) == (201, "First!")


@pytest.mark.databases("sqlite")
def test_a_client_that_stalls_is_disconnected(server: Server) -> None:
    with server.connect() as client:
        client.sendall(
            b"POST /post HTTP/1.1\r\nHost: localhost\r\n"
            b"Authorization: Basic cmljazpwYXNzd29yZA==\r\n"
            b"Content-Type: application/json\r\nContent-Length: 5\r\n\r\n{"
        )
        received = b"".join(iter(lambda: client.recv(1000), b""))

    assert received.startswith(b"HTTP/1.1 408 ")


@pytest.mark.databases("sqlite")
def test_workers_are_replaced(server: Server) -> None:
    before = server.workers()
    server.process.send_signal(signal.SIGHUP)

    eventually(lambda: bool(server.workers() - before), server.stderr_text)
    eventually(lambda: not before & server.workers(), server.stderr_text)
    wait_until_it_serves(server)
