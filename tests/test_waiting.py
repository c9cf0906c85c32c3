"""Waiting requests: they are answered at once when their process is told to stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from blog.http import waiting
from blog.http.application import Application
from blog.http.waiting import WaitingRoom, listen_for_signals
from tests.serving import PATIENCE, serve

WAIT = {"Prefer": "wait=30"}


@pytest.fixture
def told_to_stop() -> Iterator[None]:
    """This process listens for signals, and has got one."""
    handler = signal.signal(signal.SIGUSR1, lambda *_: None)
    listen_for_signals()
    os.kill(os.getpid(), signal.SIGUSR1)
    yield
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGUSR1, handler)
    for end in waiting._signals:
        end.close()
    waiting._signals.clear()


def test_nobody_is_kept_waiting_once_the_process_is_told_to_stop(
    app: Application, told_to_stop: None
) -> None:
    looks: list[str] = []

    with app.test_request_context(headers=WAIT):
        WaitingRoom(1).wait_for(lambda: looks.append("look"), bool)

    # One at first, and one to see whether anything came before the stop.
    assert looks == ["look", "look"]


def test_a_server_that_stops_answers_those_who_wait(tmp_path: Path, empty_url: str) -> None:
    with (
        serve(tmp_path, env={"BLOG_DATABASE_URL": empty_url}) as server,
        ThreadPoolExecutor() as pool,
    ):
        waiter = pool.submit(requests.get, f"{server.url}/change", headers=WAIT, timeout=PATIENCE)
        for _ in range(10):  # By then the waiter has come in, too.
            requests.get(f"{server.url}/", timeout=PATIENCE)
        server.process.send_signal(signal.SIGTERM)

        # Less than the client would wait for.
        assert server.process.wait(20) == 0
        assert (waiter.result().status_code, waiter.result().json()["data"]) == (200, [])
