"""Workers that are replaced, killed, and stopped with the server."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import sleep

import pytest
import requests

from blog.server.supervisor import Interrupt
from tests.servers.serving import (
    TIMEOUT,
    Server,
    eventually,
    serve,
    start,
    wait_until_it_serves,
)

pytestmark = pytest.mark.long


def test_killed_worker_is_replaced(tmp_path: Path, empty_url: str) -> None:
    with serve(tmp_path, "--workers", "1", env={"BLOG_DATABASE_URL": empty_url}) as server:
        [killed] = server.workers()

        os.kill(killed, signal.SIGKILL)

        eventually(lambda: server.workers() - {killed} != set(), server.stderr_text)
        wait_until_it_serves(server)
        assert killed not in server.workers()


def read_repeatedly(server: Server, *, keep: bool, until: threading.Event) -> int:
    """Read the posts until the event, on one connection or on many, and count the requests."""
    times = 0
    with requests.Session() as session:
        session.headers["Connection"] = "keep-alive" if keep else "close"
        while not until.is_set():
            session.get(f"{server.url}/post", timeout=TIMEOUT).raise_for_status()
            times += 1
    return times


def test_rolling_restart_under_load_drops_no_request(tmp_path: Path) -> None:
    done = threading.Event()
    with serve(tmp_path, "--workers", "2") as server, ThreadPoolExecutor(4) as pool:
        before = server.workers()
        clients = [
            pool.submit(read_repeatedly, server, keep=keep, until=done)
            for keep in (True, False, True, False)
        ]
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: not before & server.workers(), server.stderr_text)
        done.set()

        assert all(client.result() > 0 for client in clients)
        assert len(server.workers()) == 2


def test_workers_end_when_the_server_is_killed(tmp_path: Path) -> None:
    with start(tmp_path, "--workers", "2") as server:
        wait_until_it_serves(server)
        workers = server.workers()
        server.process.kill()

        eventually(lambda: not any(is_running(worker) for worker in workers), server.stderr_text)


def is_running(process: int) -> bool:
    """Whether a process is running; one that its parent has not waited for is not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture
def deadline() -> Iterator[None]:
    """Fail a test in which the main thread waits for ever."""

    def fail(*_: object) -> None:
        raise AssertionError("the main thread was not interrupted")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, TIMEOUT)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("deadline")
def test_interrupt_that_was_set_too_often_wakes_the_main_thread() -> None:
    interrupt = Interrupt()
    for _ in range(100_000):
        interrupt.set()

    interrupt.wait()


@pytest.mark.usefixtures("deadline")
def test_signal_that_another_thread_receives_interrupts_the_main_thread() -> None:
    interrupt = Interrupt()
    before = signal.signal(signal.SIGUSR1, lambda *_: interrupt.set())
    other = threading.Timer(0.2, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1))
    other.start()
    try:
        interrupt.wait()
    finally:
        signal.signal(signal.SIGUSR1, before)
        other.join()


@pytest.mark.parametrize("seconds", [0, 0.3, 1.5])
def test_a_server_that_is_replacing_its_workers_can_be_stopped(
    tmp_path: Path, seconds: float
) -> None:
    """While it tries a new worker, and while it waits for an old one."""
    with start(tmp_path, "--workers", "2") as server:
        wait_until_it_serves(server)
        server.process.send_signal(signal.SIGHUP)
        sleep(seconds)

        assert server.stop() == 0


def test_a_connection_made_while_a_worker_ends_is_left_to_the_next(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        [ending] = server.workers()
        os.kill(ending, signal.SIGTERM)
        responses = [requests.get(server.url, timeout=TIMEOUT) for _ in range(10)]

        assert [response.status_code for response in responses] == [200] * 10
        eventually(lambda: ending not in server.workers(), server.stderr_text)


def test_workers_stay_where_new_ones_would_fail(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        before = server.workers()
        (tmp_path / "damaged").write_text("This is no database. " * 100)
        (tmp_path / "damaged").replace(tmp_path / "blog.db")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "the workers stay" in server.stderr_text(), server.stderr_text)

        assert server.workers() == before
