"""Serving the application from several processes until a signal to stop."""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from blog import logs
from blog.server.background import Background
from blog.server.capacity import Capacity, fit_connections
from blog.server.listener import BACKLOG, url_of
from blog.server.supervisor import Supervisor

logger = logging.getLogger("blog.server")

# How many seconds requests in progress have to end after a signal to stop.
_STOP_SECONDS = 30
# Granian rejects longer heads without a body; the limit of the gateway, which explains, is lower.
_HEAD_BYTES = 65536
# Memory blocks above this size are returned to the operating system when they are freed; smaller
# ones are reused, up to this many bytes.
_LARGE_BYTES = 8 * 1024 * 1024
_TOO_FEW_FILES = (
    "the limit of open files is too low for the {} connections of BLOG_CONNECTIONS: "
    "each worker accepts {}"
)


def run(
    listener: socket.socket,
    capacity: Capacity,
    *,
    log_format: logs.Format,
    metrics: bool,
    target: str = "blog.app:create_gateway",
    database: str = "none",
    warnings: Sequence[str] = (),
    background: Background,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests; on SIGHUP, replace the workers.

    Each worker loads the program anew and makes its application from the environment. ``target``
    names the module and function that makes the gateway, ``database`` is named in the log, and
    ``warnings`` are logged. ``background`` is done while it serves, and begins again when it
    has replaced the workers. Raises ServerError if the limit of open files is too low.
    """
    connections = fit_connections(capacity)
    if connections < capacity.connections:
        warnings = [*warnings, _TOO_FEW_FILES.format(capacity.connections, connections)]
    multiprocessing.set_start_method("spawn")
    _set_malloc_thresholds()
    options = _options(capacity, connections)
    log_configuration = logs.configuration(log_format)
    supervisor = Supervisor(listener, target=target, log_dictconfig=log_configuration, **options)
    serving = f"serving {url_of(listener)} with {capacity.workers} workers"
    supervisor.on_startup(partial(_log_start, f"{serving} from the database {database}", warnings))
    supervisor.on_reload(background.start)
    with _shared_metrics() if metrics else nullcontext(), background:
        supervisor.serve()


def _log_start(serving: str, warnings: Sequence[str]) -> None:
    logger.info(serving)
    for warning in warnings:
        logger.warning(warning)


def _options(capacity: Capacity, connections: int) -> dict[str, Any]:
    return {
        "workers": capacity.workers,
        "backpressure": connections,
        "factory": True,
        "interface": Interfaces.ASGI,
        "loop": Loops.uvloop if find_spec("uvloop") else Loops.asyncio,
        "http": HTTPModes.http1,
        "http1_settings": HTTP1Settings(
            header_read_timeout=int(capacity.head_timeout * 1000), max_buffer_size=_HEAD_BYTES
        ),
        "websockets": False,
        "backlog": BACKLOG,
        "respawn_failed_workers": True,
        "workers_kill_timeout": _STOP_SECONDS,
        "log_level": LogLevels.warning,
    }


def _set_malloc_thresholds() -> None:
    """Have workers return large blocks to the operating system, unless the environment differs.

    Hashing a password takes 19 MiB. glibc would raise its threshold when the first such block is
    freed, and each thread would retain one (mallopt(3), M_MMAP_THRESHOLD).
    """
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(_LARGE_BYTES))
    # Setting the one threshold stops glibc from adapting the other, which starts at 128 KiB.
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(_LARGE_BYTES))


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """A directory in which the workers count, so that each of them can report the sums.

    prometheus-client reads its name from the environment when it is imported.
    """
    with TemporaryDirectory(prefix="blog-metrics-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        yield
