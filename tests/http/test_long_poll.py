"""Long polling ends at once when the process has to stop."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from blog.http.application import Application
from blog.http.long_poll import LongPoll
from tests.servers.serving import TIMEOUT, serve

WAIT = {"Prefer": "wait=30"}


def test_no_request_waits_once_the_process_has_to_stop(
    app: Application,
) -> None:
    looks: list[str] = []
    long_poll = LongPoll(1)
    long_poll.close()

    with app.test_request_context(headers=WAIT):
        long_poll.wait_for(lambda: looks.append("look"), bool)

    # One at first, and one to see whether anything came before the stop.
    assert looks == ["look", "look"]


def test_a_server_that_stops_responds_to_waiting_requests(tmp_path: Path, empty_url: str) -> None:
    with (
        serve(tmp_path, env={"BLOG_DATABASE_URL": empty_url}) as server,
        ThreadPoolExecutor() as pool,
    ):
        waiter = pool.submit(requests.get, f"{server.url}/change", headers=WAIT, timeout=TIMEOUT)
        for _ in range(10):  # By then the waiter has come in, too.
            requests.get(f"{server.url}/", timeout=TIMEOUT)
        server.process.send_signal(signal.SIGTERM)

        # Less than the client would wait for.
        assert server.process.wait(20) == 0
        assert (waiter.result().status_code, waiter.result().json()["data"]) == (200, [])
