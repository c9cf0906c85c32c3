"""Serving the application from several processes until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from tempfile import TemporaryDirectory

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from blog import logs
from blog.errors import ServerError
from blog.http.waiting import listen_for_signals

logger = logging.getLogger("blog.server")

# What is in flight when the server is told to stop has this long to end.
_STOP_SECONDS = 30


def run(
    host: str, port: int, workers: int, threads: int, log_format: logs.Format, metrics: bool
) -> None:
    """Serve until SIGTERM or SIGINT, and let what is in flight end.

    Each of the worker processes makes its own application from the environment, and serves as
    many requests at once as it has threads.
    """
    server = Granian(
        "blog.app:create_app",
        factory=True,
        interface=Interfaces.WSGI,
        address=host,
        port=port,
        workers=workers,
        # Left alone it would be derived from the backlog: far too many for one database.
        blocking_threads=threads,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=logs.configuration(log_format),
    )
    address = f"http://{_bracketed(host)}:{port}/"
    server.on_startup(lambda: logger.info("serving %s with %d workers", address, workers))
    os.register_at_fork(after_in_child=stop_at_once)
    os.register_at_fork(after_in_child=listen_for_signals)
    with _shared_counts() if metrics else nullcontext():
        server.serve()


@contextmanager
def _shared_counts() -> Iterator[None]:
    """A directory of their own in which the workers count, so that any of them tells the sums.

    It has to be there before prometheus-client is loaded, which is told of it in this way.
    """
    with TemporaryDirectory(prefix="blog-metrics-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        yield


def stop_at_once() -> None:
    """Let a worker be stopped while it loads the application, as any process can.

    Until it has its own way to stop it would have that of its parent, which only tells the
    parent's loop, and so would go on when told to stop.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def check_address(host: str, port: int) -> None:
    """Make sure that nobody listens there: the server's own sockets would share the port.

    Raises ServerError when the address can't be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ServerError(
            f"can't listen on {host} port {port}: {reason}; choose another with --host or --port"
        ) from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
