"""A worker process: how it loads the gateway, serves, and ends."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from blog.server.connection_watch import ConnectionWatch
from blog.server.listener import stop_accepting

if TYPE_CHECKING:
    # The supervisor imports this module, but never loads what only workers need.
    from blog.gateway.gateway import Gateway

# See prctl(2).
_PR_SET_PDEATHSIG = 1


def load(
    load_gateway: Callable[[], Gateway], listener: socket.socket, memory: Any, connections: int
) -> ConnectionWatch:
    """Make the ASGI application of a worker.

    ``memory`` is shared with the other workers, and ``connections`` is the greatest number of
    client connections.
    """
    gateway = load_uncollected(load_gateway)
    gateway.share(memoryview(memory).cast("B"))
    gateway.on_stop(partial(stop_accepting, listener))
    gateway.block_stop_signals()
    return ConnectionWatch(gateway, listener.getsockname()[1], connections)


def load_uncollected(load_gateway: Callable[[], Gateway]) -> Gateway:
    """Load the gateway and exempt its objects from garbage collection.

    They are most objects of the process and live as long as it does. To search them would be of no
    use while they are made, and would delay requests later.
    """
    gc.disable()
    gateway = load_gateway()
    gc.freeze()
    gc.enable()
    return gateway


def try_to_load(load_gateway: Callable[[], object]) -> None:
    """Load the gateway and discard it, to see whether that raises an error."""
    load_gateway()


def work(serve: Callable[..., None], *args: Any) -> None:
    """Run a worker process: serve, and exit at once.

    Until it serves, a signal to stop ends the process without cleanup. Threads of granian may run
    for a moment longer than ``serve``, and an interpreter that is finalized under them would abort.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()
    serve(*args)
    os._exit(0)


def end_with_parent() -> None:
    """Have this process receive SIGTERM when its parent ends (Linux only).

    Otherwise the workers of a supervisor that was killed would continue to serve on its port.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
