"""`python -m scripts.benchmark.serve NAME --port PORT`: serve an application for comparison."""

from __future__ import annotations

import argparse
import multiprocessing

from granian.constants import HTTPModes, Interfaces
from granian.server.mp import MPServer

from blog.server.background import Background
from blog.server.capacity import Capacity
from blog.server.listener import listen
from blog.server.processes import run
from blog.settings import read_settings

_HERE = "scripts.benchmark.applications"


def main() -> None:
    """Serve with one worker, until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=["floor", "flask", "granian"])
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    if arguments.name == "granian":
        _serve_alone(arguments.port)
    else:
        _serve_as_blog(f"{_HERE}:create_{arguments.name}", arguments.port)


def _serve_as_blog(target: str, port: int) -> None:
    """Serve as `blog serve` does, without a database."""
    settings = read_settings()
    capacity = Capacity(
        workers=1,
        connections=settings.connections,
        database_connections=settings.limits.connections,
        head_timeout=settings.transfer_timeout,
    )
    with listen("127.0.0.1", port, settings.transfer_timeout) as listener:
        run(
            listener,
            capacity,
            log_format=settings.log_format,
            metrics=settings.metrics,
            target=target,
            background=Background(_do_nothing, is_due=False),
        )


def _do_nothing() -> None:
    """What the server does in the background."""


def _serve_alone(port: int) -> None:
    """Serve by granian's own WSGI interface, in which each request occupies a thread."""
    multiprocessing.set_start_method("spawn")
    MPServer(
        f"{_HERE}:floor",
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        blocking_threads=read_settings().threads,
        log_enabled=False,
    ).serve()


if __name__ == "__main__":
    main()
