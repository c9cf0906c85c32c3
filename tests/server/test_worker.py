"""The steps of a worker process."""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blog.app import create_gateway
from blog.cli import main
from blog.errors import DatabaseError
from blog.server import listener as listeners
from blog.server import worker
from tests.gateway.gateways import fetch, part, scope
from tests.servers.serving import environment

# What only those processes need that render posts; Pygments is imported by Alembic too.
RENDERERS = {"comrak", "nh3", "selectolax"}


class Registered:
    """A gateway that notes the callbacks for its stop."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[], None]] = []

    def on_stop(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    def share(self, memory: memoryview) -> None:
        """Do nothing."""

    def block_stop_signals(self) -> None:
        """Do nothing, as this is the process of the tests."""


@pytest.fixture
def collected() -> Iterator[None]:
    """Have all objects collected again afterwards."""
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("collected")
def test_a_worker_that_stops_is_not_woken_by_new_connections() -> None:
    gateway = Registered()
    with socket.create_server(("127.0.0.1", 0)) as listener, select.epoll() as waiting:
        waiting.register(listener, select.EPOLLIN)
        worker.load(lambda: gateway, listener, bytearray(8), 16)
        [stop] = gateway.callbacks
        stop()
        with socket.create_connection(listener.getsockname()):
            assert waiting.poll(0.1) == []


# Granian runs the event loop for the start, and again to serve.
BETWEEN_RUNS = """
import asyncio, os, signal, socket, sys
from tests.gateway.gateways import gateway
from blog.server import worker

made = gateway(lambda environ, start: [])
served = worker.load(lambda: made, socket.create_server(("127.0.0.1", 0)), bytearray(8), 16)
made.on_stop(lambda: print("stopped", flush=True))
loop = __import__(sys.argv[1]).new_event_loop()
messages, started = asyncio.Queue(), asyncio.Event()
messages.put_nowait({"type": "lifespan.startup"})

async def send(message):
    started.set()

loop.add_signal_handler(signal.SIGINT, os._exit, 0)
life = loop.create_task(served({"type": "lifespan"}, messages.get, send))
loop.run_until_complete(started.wait())
os.kill(os.getpid(), getattr(signal, sys.argv[2]))
loop.run_until_complete(asyncio.wait_for(asyncio.Event().wait(), 20))
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_signal_before_a_worker_serves_stops_it(loop: str, number: str) -> None:
    command = [sys.executable, "-c", BETWEEN_RUNS, loop, number]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment())

    printed = "stopped\n" if number == "SIGTERM" else ""
    assert (ended.returncode, ended.stdout) == (0, printed), ended.stderr


def test_a_worker_that_stops_accepting_keeps_its_file_locks(tmp_path: Path) -> None:
    """Without the locks SQLite takes the database for unused while it is being written."""
    path = tmp_path / "locked"
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        path.open("w") as locked,
        select.epoll() as waiting,
    ):
        waiting.register(listener, select.EPOLLIN)
        fcntl.lockf(locked, fcntl.LOCK_EX)
        listeners.stop_accepting(listener)

        code = (
            "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        )
        other = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)

    assert "BlockingIOError" in other.stderr


def test_without_epoll_the_listener_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.delattr(select, "epoll")
        listeners.stop_accepting(listener)

        with socket.create_connection(listener.getsockname()):
            assert listener.accept()[0].close() is None


@pytest.mark.usefixtures("collected")
def test_what_a_worker_loads_is_exempt_from_garbage_collection() -> None:
    loaded: list[object] = []
    worker.load_uncollected(lambda: loaded)

    assert gc.isenabled()
    assert not any(found is loaded for found in gc.get_objects())


def test_a_worker_exits_at_once_when_it_has_served(monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[object] = []
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(os, "_exit", did.append)
    try:
        worker.work(did.append, "served")
    finally:
        signal.signal(signal.SIGINT, before)

    assert did == ["served", 0]


@pytest.mark.usefixtures("rick")
def test_a_worker_reads_its_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_MAX_BODY", "1024")
    made = create_gateway()
    received = fetch(
        made, scope("POST", "/post", content_length="4000"), [part(b"a" * 4000, False)]
    )

    assert received.status == 413


def test_worker_makes_no_database(directory: Path) -> None:
    with pytest.raises(DatabaseError, match="there is no "):
        create_gateway()
    assert list(directory.iterdir()) == []


@pytest.mark.usefixtures("directory")
def test_the_supervisor_does_not_import_what_only_workers_need() -> None:
    code = (
        "import sys; from blog.cli.serve import prepare; from blog.settings import read_settings; "
        "import blog.server.processes; prepare(read_settings()); print(*sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    loaded = {name.partition(".")[0] for name in ended.stdout.split()}

    assert {"granian", "sqlalchemy"} <= loaded
    assert not {"flask", "werkzeug", "limits", *RENDERERS} & loaded


def test_importing_the_program_runs_nothing() -> None:
    assert importlib.import_module("blog.__main__").main is main


def test_a_trial_discards_what_it_loads() -> None:
    made: list[str] = []

    assert worker.try_to_load(lambda: made.append("made")) is None
    assert made == ["made"]
